// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader.h"
#include "xns_abi.h"
#include "xnsd.skel.h"

/* The oldest kernel that the program is tested on; bpf_xdp_load_bytes came with 5.18. */
#define KERNEL_MAJOR 6
#define KERNEL_MINOR 1

#define VERIFIER_LOG_SIZE (1 << 20)

struct object {
	struct xnsd_bpf *skeleton;
	struct bpf_program *program;
	char *log;
};

int object_open(struct object **ret)
{
	struct object *object = calloc(1, sizeof(*object));
	if (!object) {
		say_error("out of memory");
		return -ENOMEM;
	}
	int err = 0;
	object->skeleton = xnsd_bpf__open();
	if (!object->skeleton) {
		err = -errno;
		say_error("the BPF object inside xnsload cannot be opened: %s", strerror(-err));
		goto out;
	}
	object->program = bpf_object__next_program(object->skeleton->obj, NULL);
	if (!object->program) {
		err = -ENOENT;
		say_error("there is no program in the BPF object inside xnsload");
		goto out;
	}
	*ret = object;
	object = NULL;
out:
	object_close(object);
	return err;
}

void object_close(struct object *object)
{
	if (!object)
		return;
	xnsd_bpf__destroy(object->skeleton);
	free(object->log);
	free(object);
}

/* Maps that libbpf makes for constants belong to one program each; everything else is pinned. */
static bool is_pinned_map(const struct bpf_map *map)
{
	return !bpf_map__is_internal(map);
}

size_t object_maps(const struct object *object, struct object_map *ret)
{
	size_t n = 0;
	struct bpf_map *map;
	bpf_object__for_each_map(map, object->skeleton->obj)
	{
		if (!is_pinned_map(map) || n == OBJECT_MAPS_MAX)
			continue;
		ret[n] = (struct object_map){
			.keep = strncmp(bpf_map__name(map), "scratch", 7) != 0,
			.type = bpf_map__type(map),
			.key_size = bpf_map__key_size(map),
			.value_size = bpf_map__value_size(map),
			.flags = bpf_map__map_flags(map),
		};
		/* libbpf replaces its own copy when the map is given a descriptor. */
		snprintf(ret[n].name, sizeof(ret[n].name), "%s", bpf_map__name(map));
		n++;
	}
	return n;
}

static void set_size(struct object *object, const char *name, uint32_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object->skeleton->obj, name);
	if (map)
		bpf_map__set_max_entries(map, entries);
}

void object_set_sizes(struct object *object, const struct loader_options *options)
{
	/* Zones come and go at run time (catalog zones): the object's number is room for that. */
	const struct bpf_map *zones = bpf_object__find_map_by_name(object->skeleton->obj, "zones");
	if (zones && options->n_zones > bpf_map__max_entries(zones) / 2)
		set_size(object, "zones", options->n_zones * 2);
}

int object_use_map(struct object *object, const char *name, int fd)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object->skeleton->obj, name);
	return map ? bpf_map__reuse_fd(map, fd) : -ENOENT;
}

/* The end of the verifier's log says what it refused; the whole is for --verbose. */
static void show_log(const char *log)
{
	size_t len = strlen(log), lines = 0, from = len;
	if (!len)
		return;
	while (from > 0 && lines <= 12) {
		from--;
		if (log[from] == '\n')
			lines++;
	}
	fprintf(stderr, "%s\n", say_verbose ? log : log + from);
}

static bool kernel_is_old(char *ret_release, size_t size)
{
	struct utsname uts;
	int major = 0, minor = 0;
	if (uname(&uts) || sscanf(uts.release, "%d.%d", &major, &minor) != 2)
		return false;
	snprintf(ret_release, size, "%s", uts.release);
	return major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor < KERNEL_MINOR);
}

static void explain_load_failure(const struct object *object, int err)
{
	char release[65];
	bool has_log = object->log && object->log[0]; /* else it was not the verifier */
	if (kernel_is_old(release, sizeof(release))) {
		bool load_bytes = libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP,
							  BPF_FUNC_xdp_load_bytes, NULL) == 1;
		say_error("kernel %s is too old: Linux %d.%d or newer is needed%s", release,
			  KERNEL_MAJOR, KERNEL_MINOR,
			  load_bytes ? "" : " (it lacks bpf_xdp_load_bytes, which came with 5.18)");
	} else if (!has_log && (err == -EPERM || err == -EACCES)) {
		say_error("the kernel does not let us load BPF programs: %s. Needed are root or "
			  "CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN, in the initial user "
			  "namespace, and no kernel lockdown",
			  strerror(-err));
	} else if (!has_log) {
		say_error("the maps cannot be made: %s; if that is for want of memory, lower "
			  "server.max-names in the configuration",
			  strerror(-err));
	} else {
		say_error("the kernel refuses the program: %s. The verifier's last words follow%s; "
			  "please report them with the output of uname -r",
			  strerror(-err), say_verbose ? "" : " (all with --verbose)");
	}
	if (has_log)
		show_log(object->log);
}

int object_load(struct object *object)
{
	/* libbpf puts the log here, and only when loading fails. */
	object->log = calloc(1, VERIFIER_LOG_SIZE);
	if (object->log)
		bpf_program__set_log_buf(object->program, object->log, VERIFIER_LOG_SIZE);
	int err = bpf_object__load(object->skeleton->obj);
	if (err)
		explain_load_failure(object, err);
	return err;
}

int object_make_segment(const struct object *object, enum segmented map, unsigned number,
			uint64_t names)
{
	return segment_make(bpf_object__btf(object->skeleton->obj), map, number,
			    segment_entries(segment_room(map, names)));
}

int object_map_fd(const struct object *object, const char *name)
{
	return bpf_object__find_map_fd_by_name(object->skeleton->obj, name);
}

int object_program_fd(const struct object *object)
{
	return bpf_program__fd(object->program);
}

int object_open_extension(const struct object *object, struct object **ret,
			  struct xdp_program **ret_program)
{
	struct object *copy = NULL;
	struct object_map maps[OBJECT_MAPS_MAX];
	size_t n = object_maps(object, maps);
	int err = object_open(&copy);
	for (size_t i = 0; i < n && !err; i++)
		err = object_use_map(copy, maps[i].name, object_map_fd(object, maps[i].name));
	if (err)
		goto out;
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .obj = copy->skeleton->obj,
			    .prog_name = bpf_program__name(copy->program));
	struct xdp_program *program = xdp_program__create(&opts);
	err = libxdp_get_error(program);
	if (err)
		goto out;
	*ret = copy;
	*ret_program = program;
	copy = NULL;
out:
	object_close(copy);
	return err;
}
