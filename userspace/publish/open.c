/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The maps as they are found. What is pinned of a segment is what is in its slot, unless an agent
 * died while a larger one took its place: then the larger one is pinned beside it, and the slot
 * says which of them is in force.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "publish/grow.h"
#include "util/log.h"

static const struct {
	const char *name;
	uint32_t key_size, value_size;
} map_table[MAP_COUNT] = {
	[MAP_CONFIG] = {"config", 4, sizeof(struct xns_config)},
	[MAP_LISTEN] = {"listen", sizeof(struct xns_listen), 4},
	[MAP_ZONES] = {"zones", 4, sizeof(struct xns_zone)},
	[MAP_NODES] = {"nodes", 4, 4}, /* slots of segments */
	[MAP_STAGED] = {"staged", 4, 4},
	[MAP_IMAGES_TINY] = {"images_tiny", 4, 4},
	[MAP_IMAGES_SMALL] = {"images_small", 4, 4},
	[MAP_IMAGES_LARGE] = {"images_large", 4, 4},
	[MAP_ORDER] = {"order", 4, 4},
	[MAP_FILTER] = {"filter", 4, 8},
	[MAP_COUNTERS] = {"counters", 4, 8},
	[MAP_GRACE] = {"grace", 4, 4},
	[MAP_GRACE_INNER] = {"grace_inner", 4, 4},
};

_Static_assert(MAP_NODES + SEGMENTED_ORDER == MAP_ORDER, "in the order of enum segmented");

static int map_info(int fd, struct bpf_map_info *ret)
{
	uint32_t len = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	return bpf_obj_get_info_by_fd(fd, ret, &len);
}

/* The version comes first in `config` of every version; which maps there are depends on it. */
static int open_config(struct publish *p)
{
	p->config = mmap(NULL, sizeof(*p->config), PROT_READ | PROT_WRITE, MAP_SHARED,
			 p->fd[MAP_CONFIG], 0);
	if (p->config == MAP_FAILED) {
		p->config = NULL;
		return -errno;
	}
	if (p->config->abi_version == XNS_ABI_VERSION)
		return 0;
	log_debug("the pinned maps have ABI version %u, not %u", p->config->abi_version,
		  XNS_ABI_VERSION);
	return -EPROTO;
}

static int check_map(int fd, const char *name, uint32_t key_size, uint32_t value_size,
		     struct bpf_map_info *ret)
{
	int err = map_info(fd, ret);

	if (err < 0 || (ret->key_size == key_size && ret->value_size == value_size))
		return err;
	log_debug("the pinned map %s has keys of %u and values of %u bytes, not %u and %u", name,
		  ret->key_size, ret->value_size, key_size, value_size);
	return -EPROTO;
}

/* ---- segments ---- */

/* Where descriptors come from: each for this object to own, or a negative errno. */
struct source {
	int (*map_fd)(const char *name, void *ctx);
	void *ctx;
	const char *pin_dir; /* NULL: not from pins */
};

static int pinned_fd(const char *name, void *ctx)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", (const char *)ctx, name);
	return bpf_obj_get(path);
}

/* Descriptor of a pin in the directory of segments, if it is the map with this id. */
static int pinned_with_id(const char *pin_dir, const char *name, uint32_t id)
{
	struct bpf_map_info info;
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), XNS_SEGMENT_DIR "/%s", name);
	fd = pinned_fd(path, (void *)pin_dir);
	if (fd < 0)
		return fd;
	err = map_info(fd, &info);
	if (err == 0 && info.id == id)
		return fd;
	close(fd);
	return err < 0 ? err : -ENOENT;
}

static void pin_path(const char *pin_dir, const char *name, const char *suffix, char path[512])
{
	snprintf(path, 512, "%s/" XNS_SEGMENT_DIR "/%s%s", pin_dir, name, suffix);
}

/* The one of two pins that is in the slot; the other goes. */
static int recover_segment(const char *pin_dir, const char *name, uint32_t id)
{
	char new_name[SEGMENT_NAME_MAX + 8], path[512], new_path[512];
	int fd = pinned_with_id(pin_dir, name, id);

	pin_path(pin_dir, name, "", path);
	pin_path(pin_dir, name, GROW_PIN_SUFFIX, new_path);
	if (fd >= 0)
		unlink(new_path);
	if (fd != -ENOENT)
		return fd;
	snprintf(new_name, sizeof(new_name), "%s" GROW_PIN_SUFFIX, name);
	fd = pinned_with_id(pin_dir, new_name, id);
	if (fd >= 0 && rename(new_path, path) < 0)
		log_warning("cannot rename %s: %s", new_path, strerror(errno));
	if (fd == -ENOENT) {
		log_error("%s/" XNS_SEGMENT_DIR
			  "/%s is not the map that is in use: `xnsload detach`, then attach",
			  pin_dir, name);
		fd = -EPROTO;
	}
	return fd;
}

static int open_segment(struct publish *p, const struct source *source, enum segmented map,
			unsigned number)
{
	const struct segment_kind *kind = &segment_kinds[map];
	struct segment *segment = &p->segment[map][number];
	char name[SEGMENT_NAME_MAX];
	struct bpf_map_info info;
	uint32_t id, slot = number;
	int ret;

	segment_name(map, number, name);
	if (source->pin_dir != NULL) {
		ret = bpf_map_lookup_elem(p->fd[MAP_NODES + map], &slot, &id);
		if (ret == 0)
			ret = recover_segment(source->pin_dir, name, id);
	} else {
		ret = source->map_fd(name, source->ctx);
	}
	if (ret < 0)
		return ret;
	segment->fd = ret;
	ret = check_map(segment->fd, name, kind->key_size, kind->value_size, &info);
	segment->max_entries = info.max_entries;
	return ret;
}

static int open_segments(struct publish *p, const struct source *source)
{
	int ret = 0;

	for (unsigned map = 0; ret == 0 && map < SEGMENTED_MAPS; map++)
		for (unsigned i = 0; ret == 0 && i < XNS_SEGMENTS; i++)
			ret = open_segment(p, source, map, i);
	return ret;
}

/* ---- all ---- */

static int check_maps(struct publish *p)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		struct bpf_map_info info;
		int ret = check_map(p->fd[i], map_table[i].name, map_table[i].key_size,
				    map_table[i].value_size, &info);

		if (ret < 0)
			return ret;
		if (i == MAP_CONFIG)
			p->config_id = info.id;
	}
	p->n_cpus = libbpf_num_possible_cpus();
	if (p->n_cpus < 0)
		return p->n_cpus;
	p->builder = image_builder_new(&p->config->key);
	return p->builder == NULL ? -ENOMEM : 0;
}

static void none_open(struct publish *p)
{
	for (int i = 0; i < MAP_COUNT; i++)
		p->fd[i] = -1;
	for (unsigned map = 0; map < SEGMENTED_MAPS; map++)
		for (unsigned i = 0; i < XNS_SEGMENTS; i++)
			p->segment[map][i].fd = -1;
}

static int open_maps(const struct source *source, struct publish **ret_publish)
{
	struct publish *p = calloc(1, sizeof(*p));
	int ret = 0;

	if (p == NULL)
		return -ENOMEM;
	none_open(p);
	if (source->pin_dir != NULL) {
		p->pin_dir = strdup(source->pin_dir);
		ret = p->pin_dir == NULL ? -ENOMEM : 0;
	}
	for (int i = 0; ret == 0 && i < MAP_COUNT; i++) {
		p->fd[i] = source->map_fd(map_table[i].name, source->ctx);
		if (p->fd[i] < 0)
			ret = p->fd[i];
		else if (i == MAP_CONFIG)
			ret = open_config(p);
	}
	if (ret == 0)
		ret = check_maps(p);
	if (ret == 0)
		ret = open_segments(p, source);
	if (ret == 0)
		ret = filter_open(p);
	if (ret == 0)
		ret = grow_init(p);
	if (ret < 0) {
		publish_close(p);
		return ret;
	}
	*ret_publish = p;
	return 0;
}

int publish_open(const char *pin_dir, struct publish **ret)
{
	const struct source source = {pinned_fd, (void *)pin_dir, pin_dir};

	return open_maps(&source, ret);
}

int publish_open_fds(int (*map_fd)(const char *name, void *ctx), void *ctx, struct publish **ret)
{
	const struct source source = {map_fd, ctx, NULL};

	return open_maps(&source, ret);
}

void publish_close(struct publish *p)
{
	if (p == NULL)
		return;
	image_builder_free(p->builder);
	filter_close(p);
	if (p->config != NULL)
		munmap(p->config, sizeof(*p->config));
	for (int i = 0; i < MAP_COUNT; i++)
		if (p->fd[i] >= 0)
			close(p->fd[i]);
	for (unsigned map = 0; map < SEGMENTED_MAPS; map++)
		for (unsigned i = 0; i < XNS_SEGMENTS; i++)
			if (p->segment[map][i].fd >= 0)
				close(p->segment[map][i].fd);
	grow_free(p);
	free(p->pin_dir);
	free(p);
}

bool publish_is_current(const struct publish *p, const char *pin_dir)
{
	struct bpf_map_info info;
	int fd = pinned_fd(map_table[MAP_CONFIG].name, (void *)pin_dir), ret;

	if (fd < 0)
		return false;
	ret = map_info(fd, &info);
	close(fd);
	return ret == 0 && info.id == p->config_id;
}
