// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The segments of the maps (xns_abi.h): made once with the maps, pinned in a directory of their
 * own. xnsd, whose they are from then on, puts larger ones in their place.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "loader.h"
#include "xns_abi.h"

static int make_one(const struct pins *pins, const struct object *object, enum segmented map,
		    unsigned number, const struct loader_options *options)
{
	int fd = object_make_segment(object, map, number, options->max_names);
	char name[SEGMENT_NAME_MAX], path[64];
	segment_name(map, number, name);
	snprintf(path, sizeof(path), XNS_SEGMENT_DIR "/%s", name);
	if (fd < 0) {
		say_error("cannot make the map %s: %s; if that is for want of memory, lower "
			  "server.max-names in the configuration",
			  name, strerror(-fd));
		return fd;
	}
	int err = pins_pin(pins, path, fd, options);
	if (err)
		close(fd);
	return err ? err : fd;
}

#define SEGMENTS (SEGMENTED_MAPS * XNS_SEGMENTS)

int segments_make(const struct pins *pins, const struct object *object,
		  const struct loader_options *options)
{
	struct segment_slot slot[SEGMENTS];
	int err = 0, n = 0;
	if (mkdirat(pins->dir_fd, XNS_SEGMENT_DIR, 0700) != 0 && errno != EEXIST) {
		err = -errno;
		say_error("cannot make %s/" XNS_SEGMENT_DIR ": %s", pins->dir, strerror(-err));
	}
	for (; n < SEGMENTS && !err; n++) {
		unsigned map = n / XNS_SEGMENTS, number = n % XNS_SEGMENTS;
		slot[n] = (struct segment_slot){
			.slots_fd = object_map_fd(object, segment_kinds[map].name),
			.number = number,
			.fd = make_one(pins, object, map, number, options)};
		err = slot[n].fd < 0 ? slot[n].fd : 0;
	}
	if (!err)
		segment_place(slot, n);
	for (int i = 0; i < n; i++) {
		if (slot[i].fd < 0)
			continue;
		close(slot[i].fd);
		if (!err && slot[i].ret_error) {
			err = slot[i].ret_error;
			say_error("cannot put a segment of %s in its slot: %s",
				  segment_kinds[i / XNS_SEGMENTS].name, strerror(-err));
		}
	}
	return err;
}

/* Calls fn for what is pinned there, and returns the first error; 0 if there is no directory. */
static int each_pin(const struct pins *pins,
		    int (*fn)(int dir_fd, const char *name, const void *ctx), const void *ctx)
{
	int fd = openat(pins->dir_fd, XNS_SEGMENT_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	DIR *dir = fdopendir(fd);
	if (!dir) {
		err = -errno;
		close(fd);
		return err;
	}
	for (struct dirent *entry; !err && (entry = readdir(dir));)
		if (entry->d_name[0] != '.' && fn(dirfd(dir), entry->d_name, ctx) != 0 &&
		    errno != ENOENT) /* xnsd replaces them */
			err = -errno;
	closedir(dir);
	return err;
}

static int give(int dir_fd, const char *name, const void *ctx)
{
	const struct loader_options *options = ctx;
	return fchownat(dir_fd, name, options->uid, options->gid, 0);
}

int segments_give(const struct pins *pins, const struct loader_options *options)
{
	int err = each_pin(pins, give, options);
	if (!err && fchownat(pins->dir_fd, XNS_SEGMENT_DIR, options->uid, options->gid, 0) != 0)
		err = -errno;
	return err;
}

static int remove_one(int dir_fd, const char *name, const void *ctx)
{
	(void)ctx;
	return unlinkat(dir_fd, name, 0);
}

int segments_remove(const struct pins *pins)
{
	int err = each_pin(pins, remove_one, NULL);
	if (!err && unlinkat(pins->dir_fd, XNS_SEGMENT_DIR, AT_REMOVEDIR) != 0 && errno != ENOENT)
		err = -errno;
	return err;
}

void segments_each(const struct pins *pins, const char *map, void (*fn)(int fd, void *ctx),
		   void *ctx)
{
	for (unsigned kind = 0; kind < SEGMENTED_MAPS; kind++)
		for (unsigned i = 0; i < XNS_SEGMENTS && !strcmp(map, segment_kinds[kind].name);
		     i++) {
			char name[SEGMENT_NAME_MAX], relative[64], path[PIN_PATH_MAX];
			segment_name(kind, i, name);
			snprintf(relative, sizeof(relative), XNS_SEGMENT_DIR "/%s", name);
			int fd = bpf_obj_get(pins_path(pins, relative, path));
			if (fd < 0)
				continue;
			fn(fd, ctx);
			close(fd);
		}
}
