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

/* All slots in one call: each waits for the programs that are running. */
static int make_map(const struct pins *pins, const struct object *object, enum segmented map,
		    const struct loader_options *options)
{
	uint32_t slot[XNS_SEGMENTS], n = 0;
	int fd[XNS_SEGMENTS], err = 0;
	while (n < XNS_SEGMENTS && !err) {
		slot[n] = n;
		fd[n] = make_one(pins, object, map, n, options);
		if (fd[n] < 0)
			err = fd[n];
		else
			n++;
	}
	uint32_t count = n;
	if (!err && bpf_map_update_batch(object_map_fd(object, segment_kinds[map].name), slot, fd,
					 &count, NULL)) {
		err = -errno;
		say_error("cannot put the segments of %s in their slots: %s",
			  segment_kinds[map].name, strerror(-err));
	}
	for (uint32_t i = 0; i < n; i++)
		close(fd[i]);
	return err;
}

int segments_make(const struct pins *pins, const struct object *object,
		  const struct loader_options *options)
{
	int err = 0;
	if (mkdirat(pins->dir_fd, XNS_SEGMENT_DIR, 0700) != 0 && errno != EEXIST) {
		err = -errno;
		say_error("cannot make %s/" XNS_SEGMENT_DIR ": %s", pins->dir, strerror(-err));
	}
	for (unsigned map = 0; map < SEGMENTED_MAPS && !err; map++)
		err = make_map(pins, object, map, options);
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
