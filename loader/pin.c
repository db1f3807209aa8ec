// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The pin directory. xnsd opens it before it gives up its privileges and looks into it ever after,
 * so the directory itself is made once and never removed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "image/image.h"
#include "loader.h"
#include "xns_abi.h"

#define BPFFS "/sys/fs/bpf"

/* For the kernel to free what was detached and unpinned: an RCU grace period and a work queue, 20
 * ms. */
#define FREE_WAIT_MS 2000
#define FREE_POLL_MS 5

const char *pins_path(const struct pins *pins, const char *name, char buf[PIN_PATH_MAX])
{
	int len = snprintf(buf, PIN_PATH_MAX, "%s/%s", pins->dir, name);
	return len < PIN_PATH_MAX ? buf : "";
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;
	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/*
 * `ip netns exec` gives a command a mount namespace of its own, with a /sys in which nothing is
 * mounted. A bpffs mounted there goes when we go, unless somebody else is in the namespace.
 */
static bool alone_in_mount_namespace(void)
{
	struct stat ours, others;
	char path[300];
	bool found = false;
	DIR *proc = opendir("/proc");
	if (!proc || stat("/proc/self/ns/mnt", &ours) != 0)
		found = true; /* not to be told: believe the best */
	for (struct dirent *entry; !found && (entry = readdir(proc));) {
		if (atoi(entry->d_name) <= 0 || atoi(entry->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/mnt", entry->d_name);
		found = stat(path, &others) == 0 && others.st_ino == ours.st_ino;
	}
	if (proc)
		closedir(proc);
	return !found;
}

static int mount_bpffs(void)
{
	if (alone_in_mount_namespace()) {
		say_error("no bpffs is mounted at " BPFFS
			  " for this command alone, and one mounted "
			  "now would go with it; instead of ip netns exec use nsenter "
			  "--net=/run/netns/NAME");
		return -ENOENT;
	}
	/* Two at once (xnsload@eth0 and xnsload@eth1 at boot) would mount one over the other. */
	int err = 0, lock = open("/sys/fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock >= 0)
		flock(lock, LOCK_EX);
	if (!is_bpffs(BPFFS) && mount("bpf", BPFFS, "bpf", 0, "mode=0700") != 0)
		err = -errno;
	if (lock >= 0)
		close(lock);
	if (!err)
		return 0;
	say_error("cannot mount bpffs at " BPFFS ": %s; %s", strerror(-err),
		  err == -EPERM || err == -EACCES ? "run xnsload as root"
						  : "the kernel needs CONFIG_BPF_SYSCALL");
	return err;
}

/* Checks that dir is, or can be, a directory of its own in a bpffs. 0, -ENOENT: there is no bpffs.
 */
static int check_place(const char *dir, bool create)
{
	char parent[PIN_PATH_MAX];
	snprintf(parent, sizeof(parent), "%s", dir);
	char *slash = strrchr(parent, '/');
	if (dir[0] != '/' || !slash || slash == parent || !slash[1] ||
	    strlen(dir) > PIN_PATH_MAX - 64) {
		say_error("%s: the pin directory has to be an absolute path below " BPFFS, dir);
		return -EINVAL;
	}
	*slash = '\0';
	if (!is_bpffs(parent)) {
		if (!create && access(dir, F_OK) != 0 && errno == ENOENT)
			return -ENOENT;
		if (strcmp(parent, BPFFS) != 0) {
			say_error("%s is not a directory in a mounted bpffs; take one below " BPFFS,
				  parent);
			return -EINVAL;
		}
		return create ? mount_bpffs() : -ENOENT;
	}
	return 0;
}

static void read_config(struct pins *pins)
{
	char path[PIN_PATH_MAX];
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info), zero = 0;
	pins->config_fd = bpf_obj_get(pins_path(pins, "config", path));
	if (pins->config_fd < 0) {
		pins->config_fd = -1;
		return;
	}
	if (bpf_obj_get_info_by_fd(pins->config_fd, &info, &len))
		return;
	pins->config_id = info.id;
	/* abi_version comes first in every version of the structure. */
	char *value = info.value_size >= sizeof(uint32_t) ? calloc(1, info.value_size) : NULL;
	if (value && info.key_size == sizeof(zero) &&
	    bpf_map_lookup_elem(pins->config_fd, &zero, value) == 0)
		memcpy(&pins->abi, value, sizeof(pins->abi));
	free(value);
}

int pins_open(const char *dir, bool create, struct pins *ret)
{
	struct pins pins = {.dir = dir, .dir_fd = -1, .lock_fd = -1, .config_fd = -1};
	int err = check_place(dir, create);
	if (err == -ENOENT && !create) {
		*ret = pins;
		return 0;
	}
	if (err)
		return err;
	if (create && mkdir(dir, 0700) != 0 && errno != EEXIST) {
		err = -errno;
		say_error("cannot make %s: %s", dir, strerror(-err));
		return err;
	}
	pins.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pins.dir_fd < 0) {
		err = -errno;
		if (err == -ENOENT) {
			*ret = pins;
			return 0;
		}
		say_error("cannot open %s: %s%s", dir, strerror(-err),
			  err == -EACCES ? "; run xnsload as root" : "");
		return err;
	}
	struct statfs fs;
	if (fstatfs(pins.dir_fd, &fs) != 0 || (unsigned long)fs.f_type != BPF_FS_MAGIC) {
		say_error("%s is not in a bpffs", dir);
		err = -EINVAL;
	} else {
		/* The directory above: the one itself is locked by the agent for as long as it
		 * runs. */
		pins.lock_fd = openat(pins.dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (pins.lock_fd < 0 || flock(pins.lock_fd, LOCK_EX) != 0) {
			err = -errno;
			say_error("cannot lock the directory above %s: %s", dir, strerror(-err));
		}
	}
	if (err) {
		pins_close(&pins);
		return err;
	}
	read_config(&pins);
	*ret = pins;
	return 0;
}

void pins_close(struct pins *pins)
{
	if (pins->config_fd >= 0)
		close(pins->config_fd);
	if (pins->dir_fd >= 0)
		close(pins->dir_fd);
	if (pins->lock_fd >= 0)
		close(pins->lock_fd);
	pins->config_fd = pins->dir_fd = pins->lock_fd = -1;
}

/* ret_removed: something was there. */
static int remove_all(struct pins *pins, bool *ret_removed)
{
	*ret_removed = false;
	int fd = openat(pins->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		say_error("cannot read %s: %s", pins->dir, strerror(-err));
		return err;
	}
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		int gone = !strcmp(entry->d_name, XNS_SEGMENT_DIR)    ? segments_remove(pins)
			   : unlinkat(pins->dir_fd, entry->d_name, 0) ? -errno
								      : 0;
		if (gone == 0) {
			*ret_removed = true;
		} else if (gone != -ENOENT) {
			err = gone;
			say_error("cannot remove %s/%s: %s", pins->dir, entry->d_name,
				  strerror(-err));
		}
	}
	closedir(dir);
	if (pins->config_fd >= 0)
		close(pins->config_fd);
	pins->config_fd = -1;
	pins->config_id = pins->abi = 0;
	return err;
}

/* Pins under a temporary name first (no dots: bpffs reserves them), so that there is no gap. */
int pins_pin(const struct pins *pins, const char *name, int fd,
	     const struct loader_options *options)
{
	char new_name[64], path[PIN_PATH_MAX];
	int err = 0;
	snprintf(new_name, sizeof(new_name), "%s-new", name);
	unlinkat(pins->dir_fd, new_name, 0);
	if (bpf_obj_pin(fd, pins_path(pins, new_name, path)) ||
	    fchmodat(pins->dir_fd, new_name, 0600, 0) ||
	    fchownat(pins->dir_fd, new_name, options->uid, options->gid, 0) ||
	    renameat(pins->dir_fd, new_name, pins->dir_fd, name)) {
		err = -errno;
		say_error("cannot pin %s/%s: %s", pins->dir, name, strerror(-err));
	}
	return err;
}

int pins_set_program(const struct pins *pins, int prog_fd, const struct loader_options *options)
{
	return pins_pin(pins, XNS_PROG_PIN, prog_fd, options);
}

/* 0: usable; -EPROTO: of another shape than the program needs (said). */
static int check_map(const struct pins *pins, const struct object_map *map, int fd)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	if (bpf_obj_get_info_by_fd(fd, &info, &len)) {
		int err = -errno;
		say_error("cannot look at %s/%s: %s", pins->dir, map->name, strerror(-err));
		return err;
	}
	if (info.type != map->type || info.key_size != map->key_size ||
	    info.value_size != map->value_size || info.map_flags != map->flags) {
		say_error(
			"%s/%s is not the map that this version needs, though it says ABI version "
			"%u; run xnsload detach first (the maps are made anew, xnsd fills them "
			"again)",
			pins->dir, map->name, (unsigned)XNS_ABI_VERSION);
		return -EPROTO;
	}
	return 0;
}

static void add_entries(int fd, void *ctx)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
		*(uint64_t *)ctx += info.max_entries;
}

static void warn_of_size(const struct pins *pins, const struct loader_options *options)
{
	uint64_t room = 0;
	segments_each(pins, "nodes", add_entries, &room);
	if (room < options->max_names)
		say_warning(
			"the maps in %s have room for %llu names and are kept; xnsd makes them "
			"larger if it may, for max-names %u at once: xnsload detach, then attach",
			pins->dir, (unsigned long long)room, options->max_names);
}

/* Gives the object every pinned map. 0, -ENOENT: one is missing, or a negative errno (said). */
static int use_pinned(const struct pins *pins, struct object *object, const struct object_map *maps,
		      size_t n, const struct loader_options *options)
{
	char path[PIN_PATH_MAX];
	for (size_t i = 0; i < n; i++) {
		if (!maps[i].keep)
			continue;
		int fd = bpf_obj_get(pins_path(pins, maps[i].name, path));
		if (fd < 0 && errno == ENOENT)
			return -ENOENT;
		if (fd < 0) {
			int err = -errno;
			say_error("cannot open %s: %s", path, strerror(-err));
			return err;
		}
		int err = check_map(pins, &maps[i], fd);
		if (!err)
			err = object_use_map(object, maps[i].name, fd);
		close(fd);
		if (err)
			return err;
	}
	warn_of_size(pins, options);
	return 0;
}

static int init_config(int fd)
{
	struct xns_config config = {
		.abi_version = XNS_ABI_VERSION,
		.max_udp_size = XNS_EDNS_SIZE_DEFAULT,
	};
	uint32_t zero = 0;
	__u64 random[2];
	int err;

	/* Nobody outside can then find names that fall into one bucket. */
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		goto failed;
	image_key_make(random, &config.key);
	if (bpf_map_update_elem(fd, &zero, &config, BPF_ANY))
		goto failed;
	return 0;
failed:
	err = -errno;
	say_error("cannot write the config map: %s", strerror(-err));
	return err;
}

/* `config` last: where it is, everything is. */
static int pin_maps(struct pins *pins, const struct object *object, const struct object_map *maps,
		    size_t n, bool all, const struct loader_options *options)
{
	int err = 0;
	for (size_t i = 0; i < n && !err; i++)
		if ((all || !maps[i].keep) && strcmp(maps[i].name, "config") != 0)
			err = pins_pin(pins, maps[i].name, object_map_fd(object, maps[i].name),
				       options);
	if (!err && all)
		err = pins_pin(pins, "config", object_map_fd(object, "config"), options);
	return err;
}

/* A user named since the maps were made gets them; none named: they stay whose they are. */
static int give_to_user(const struct pins *pins, const struct object_map *maps, size_t n,
			const struct loader_options *options)
{
	int err = 0;
	for (size_t i = 0; i < n && !err; i++)
		err = fchownat(pins->dir_fd, maps[i].name, options->uid, options->gid, 0);
	if (!err)
		err = fchown(pins->dir_fd, options->uid, options->gid);
	if (!err)
		err = fchmod(pins->dir_fd, 0700);
	err = err ? -errno : segments_give(pins, options);
	if (err) {
		say_error("cannot set the owner of %s: %s", pins->dir, strerror(-err));
	}
	return err;
}

int pins_load(struct pins *pins, struct object *object, const struct loader_options *options,
	      bool *ret_new)
{
	struct object_map maps[OBJECT_MAPS_MAX];
	size_t n = object_maps(object, maps);
	int err = -ENOENT;
	if (pins->config_id && pins->abi != XNS_ABI_VERSION) {
		say_error(
			"the maps pinned in %s have ABI version %u, this xnsload needs version %u; "
			"run xnsload detach first, attach with this one, then restart xnsd of the "
			"same version",
			pins->dir, pins->abi, (unsigned)XNS_ABI_VERSION);
		return -EPROTO;
	}
	object_set_sizes(object, options);
	if (pins->config_id)
		err = use_pinned(pins, object, maps, n, options);
	bool fresh = err == -ENOENT, removed;
	if (fresh && pins->config_id) {
		say_error("maps are missing in %s; run xnsload detach first, then attach",
			  pins->dir);
		return -EPROTO;
	}
	if (err && !fresh)
		return err;
	if (fresh)
		err = remove_all(pins, &removed); /* what a run that was killed left */
	if (!err)
		err = object_load(object);
	if (!err && fresh)
		err = init_config(object_map_fd(object, "config"));
	if (!err && fresh)
		err = segments_make(pins, object, options);
	if (!err)
		err = pin_maps(pins, object, maps, n, fresh, options);
	if (!err)
		err = give_to_user(pins, maps, n, options);
	if (!err && fresh)
		read_config(pins);
	if (!err)
		*ret_new = fresh;
	return err;
}

/* A program that uses the map: its descriptor, -ENOENT, or another errno: cannot tell. */
static int find_user(uint32_t map_id)
{
	uint32_t id = 0;
	while (bpf_prog_get_next_id(id, &id) == 0) {
		uint32_t ids[OBJECT_MAPS_MAX + 8], len = sizeof(struct bpf_prog_info);
		struct bpf_prog_info info = {.nr_map_ids = sizeof(ids) / sizeof(ids[0]),
					     .map_ids = (uintptr_t)ids};
		int fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0 && errno == ENOENT)
			continue; /* gone in the meantime */
		if (fd < 0)
			return -errno;
		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0) {
			size_t n = info.nr_map_ids;
			if (n > sizeof(ids) / sizeof(ids[0]))
				n = sizeof(ids) / sizeof(ids[0]);
			for (size_t i = 0; i < n; i++)
				if (ids[i] == map_id)
					return fd;
		}
		close(fd);
	}
	return errno == ENOENT ? -ENOENT : -errno;
}

/*
 * libxdp 1.3.1 forgets to close a descriptor of each program that it looks up by id, which would
 * keep that program. Nothing of ours needs one here.
 */
static void close_leaked_programs(void)
{
	char path[300], target[64];
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));) {
		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		ssize_t len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		if (!strcmp(target, "anon_inode:bpf-prog"))
			close(atoi(entry->d_name));
	}
	closedir(dir);
}

/* Detached programs are freed a moment later; one that stays is attached somewhere. */
static int wait_for_users(uint32_t map_id)
{
	for (int waited_ms = 0;; waited_ms += FREE_POLL_MS) {
		int fd = find_user(map_id);
		if (fd < 0 || waited_ms >= FREE_WAIT_MS)
			return fd;
		close(fd);
		nanosleep(&(struct timespec){.tv_nsec = FREE_POLL_MS * 1000000L}, NULL);
	}
}

int pins_remove_unused(struct pins *pins, bool *ret_removed)
{
	const struct loader_options keep_owner = {.uid = -1, .gid = -1};
	*ret_removed = false;
	if (pins->dir_fd < 0)
		return 0;
	unlinkat(pins->dir_fd, XNS_PROG_PIN, 0);
	close_leaked_programs();
	int fd = pins->config_id ? wait_for_users(pins->config_id) : -ENOENT;
	if (fd >= 0) {
		int err = pins_set_program(pins, fd, &keep_owner);
		close(fd);
		return err;
	}
	if (fd != -ENOENT) {
		say_warning(
			"cannot tell whether a program still uses the maps in %s: %s; they stay. "
			"Run xnsload as root to have them removed",
			pins->dir, strerror(-fd));
		return fd;
	}
	bool removed;
	int err = remove_all(pins, &removed);
	*ret_removed = removed && !err;
	return err;
}
