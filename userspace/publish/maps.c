/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "publish/maps.h"
#include "util/log.h"

#define EACH_BATCH 1024

static const struct {
	const char *name;
	uint32_t key_size, value_size;
} map_table[MAP_COUNT] = {
	[MAP_CONFIG] = {"config", 4, sizeof(struct xns_config)},
	[MAP_LISTEN] = {"listen", sizeof(struct xns_listen), 4},
	[MAP_ZONES] = {"zones", 4, sizeof(struct xns_zone)},
	[MAP_NODES] = {"nodes", sizeof(struct xns_name_key), sizeof(struct xns_node)},
	[MAP_STAGED] = {"staged", sizeof(struct xns_name_key), sizeof(struct xns_node)},
	[MAP_IMAGES_TINY] = {"images_tiny", sizeof(struct xns_image_key),
			     sizeof(struct xns_image_tiny)},
	[MAP_IMAGES_SMALL] = {"images_small", sizeof(struct xns_image_key),
			      sizeof(struct xns_image_small)},
	[MAP_IMAGES_LARGE] = {"images_large", sizeof(struct xns_image_key),
			      sizeof(struct xns_image_large)},
	[MAP_ORDER] = {"order", sizeof(struct xns_image_key), sizeof(struct xns_order)},
	[MAP_COUNTERS] = {"counters", 4, 8},
	[MAP_GRACE] = {"grace", 4, 4},
	[MAP_GRACE_INNER] = {"grace_inner", 4, 4},
};

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

static int check_maps(struct publish *p)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		struct bpf_map_info info;
		int ret = map_info(p->fd[i], &info);

		if (ret < 0)
			return ret;
		if (info.key_size != map_table[i].key_size ||
		    info.value_size != map_table[i].value_size) {
			log_debug(
				"the pinned map %s has keys of %u and values of %u bytes, not %u and %u",
				map_table[i].name, info.key_size, info.value_size,
				map_table[i].key_size, map_table[i].value_size);
			return -EPROTO;
		}
		if (i == MAP_CONFIG)
			p->config_id = info.id;
		if (i == MAP_NODES)
			p->nodes_max = info.max_entries;
	}
	p->n_cpus = libbpf_num_possible_cpus();
	if (p->n_cpus < 0)
		return p->n_cpus;
	p->builder = image_builder_new(p->config->key);
	return p->builder == NULL ? -ENOMEM : 0;
}

/* Takes descriptors from map_fd, which gives each for this object to own, or a negative errno. */
static int open_maps(int (*map_fd)(const char *name, void *ctx), void *ctx,
		     struct publish **ret_publish)
{
	struct publish *p = calloc(1, sizeof(*p));
	int ret = 0;

	if (p == NULL)
		return -ENOMEM;
	for (int i = 0; i < MAP_COUNT; i++)
		p->fd[i] = -1;
	for (int i = 0; ret == 0 && i < MAP_COUNT; i++) {
		p->fd[i] = map_fd(map_table[i].name, ctx);
		if (p->fd[i] < 0)
			ret = p->fd[i];
		else if (i == MAP_CONFIG)
			ret = open_config(p);
	}
	if (ret == 0)
		ret = check_maps(p);
	if (ret < 0) {
		publish_close(p);
		return ret;
	}
	*ret_publish = p;
	return 0;
}

static int pinned_fd(const char *name, void *ctx)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", (const char *)ctx, name);
	return bpf_obj_get(path);
}

int publish_open(const char *pin_dir, struct publish **ret)
{
	return open_maps(pinned_fd, (void *)pin_dir, ret);
}

struct lend {
	int (*map_fd)(const char *name, void *ctx);
	void *ctx;
};

static int duplicated_fd(const char *name, void *ctx)
{
	struct lend *lend = ctx;
	int fd = lend->map_fd(name, lend->ctx);

	if (fd < 0)
		return fd;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int publish_open_fds(int (*map_fd)(const char *name, void *ctx), void *ctx, struct publish **ret)
{
	struct lend lend = {.map_fd = map_fd, .ctx = ctx};

	return open_maps(duplicated_fd, &lend, ret);
}

void publish_close(struct publish *p)
{
	if (p == NULL)
		return;
	image_builder_free(p->builder);
	if (p->config != NULL)
		munmap(p->config, sizeof(*p->config));
	for (int i = 0; i < MAP_COUNT; i++)
		if (p->fd[i] >= 0)
			close(p->fd[i]);
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

int maps_node_get(const struct publish *p, enum map_id map, struct xns_name_key key,
		  struct xns_node *ret)
{
	return bpf_map_lookup_elem(p->fd[map], &key, ret);
}

int maps_node_put(struct publish *p, enum map_id map, struct xns_name_key key,
		  const struct xns_node *node, uint64_t flags)
{
	int ret = bpf_map_update_elem(p->fd[map], &key, node, flags);

	if (ret == 0 && map == MAP_NODES && flags != BPF_EXIST)
		p->nodes++;
	return ret;
}

int maps_node_delete(struct publish *p, enum map_id map, struct xns_name_key key)
{
	int ret = bpf_map_delete_elem(p->fd[map], &key);

	if (ret == 0 && map == MAP_NODES)
		p->nodes--;
	return ret;
}

int maps_node_each(const struct publish *p, enum map_id map,
		   int (*fn)(struct xns_name_key key, const struct xns_node *node, void *ctx),
		   void *ctx)
{
	struct xns_name_key *key = calloc(EACH_BATCH, sizeof(*key));
	struct xns_node *node = calloc(EACH_BATCH, sizeof(*node));
	uint32_t batch = 0, count;
	bool first = true;
	int ret = -ENOMEM, end = 0;

	if (key == NULL || node == NULL)
		goto out;
	do {
		count = EACH_BATCH;
		end = bpf_map_lookup_batch(p->fd[map], first ? NULL : &batch, &batch, key, node,
					   &count, NULL);
		ret = end == -ENOENT ? 0 : end;
		for (uint32_t i = 0; ret == 0 && i < count; i++)
			ret = fn(key[i], &node[i], ctx);
		first = false;
	} while (ret == 0 && end == 0);
out:
	free(key);
	free(node);
	return ret;
}

struct nodes_find {
	const bool *zone;
	uint32_t n_zones;
	struct maps_nodes *found;
};

static int add_found(struct xns_name_key key, const struct xns_node *node, void *ctx)
{
	const struct nodes_find *find = ctx;
	struct maps_nodes *found = find->found;

	if (find->zone != NULL && (node->zone >= find->n_zones || !find->zone[node->zone]))
		return 0;
	if (found->n == found->size) {
		size_t size = found->size == 0 ? 1024 : found->size * 2;
		struct maps_found *bigger = reallocarray(found->at, size, sizeof(*bigger));

		if (bigger == NULL)
			return -ENOMEM;
		found->at = bigger;
		found->size = size;
	}
	found->at[found->n++] = (struct maps_found){.key = key, .node = *node};
	return 0;
}

int maps_nodes_find(const struct publish *p, enum map_id map, const bool *zone, uint32_t n_zones,
		    struct maps_nodes *ret)
{
	struct nodes_find find = {.zone = zone, .n_zones = n_zones, .found = ret};

	*ret = (struct maps_nodes){0};
	return maps_node_each(p, map, add_found, &find);
}

int maps_zone_get(const struct publish *p, uint32_t id, struct xns_zone *ret)
{
	return bpf_map_lookup_elem_flags(p->fd[MAP_ZONES], &id, ret, BPF_F_LOCK);
}

int maps_zone_set(struct publish *p, uint32_t id, const struct xns_zone *zone)
{
	return bpf_map_update_elem(p->fd[MAP_ZONES], &id, zone, BPF_F_LOCK | BPF_EXIST);
}

int maps_zone_add(struct publish *p, uint32_t id, const struct xns_zone *zone)
{
	return bpf_map_update_elem(p->fd[MAP_ZONES], &id, zone, BPF_NOEXIST);
}

int maps_zone_delete(struct publish *p, uint32_t id)
{
	return bpf_map_delete_elem(p->fd[MAP_ZONES], &id);
}

int maps_zone_ids(const struct publish *p, uint32_t **ret_ids, size_t *ret_n)
{
	uint32_t *ids = NULL, id;
	size_t n = 0, size = 0;
	int ret;

	for (ret = bpf_map_get_next_key(p->fd[MAP_ZONES], NULL, &id); ret == 0;
	     ret = bpf_map_get_next_key(p->fd[MAP_ZONES], &ids[n - 1], &id)) {
		if (n == size) {
			size = size == 0 ? 64 : size * 2;
			uint32_t *bigger = reallocarray(ids, size, sizeof(*ids));

			if (bigger == NULL) {
				free(ids);
				return -ENOMEM;
			}
			ids = bigger;
		}
		ids[n++] = id;
	}
	if (ret != -ENOENT) {
		free(ids);
		return ret;
	}
	*ret_ids = ids;
	*ret_n = n;
	return 0;
}

enum map_id maps_image_map(const struct xns_image_key *key)
{
	unsigned class = key->content & ((1 << XNS_CLASS_BITS) - 1);

	return class <= XNS_CLASS_LARGE ? MAP_IMAGES_TINY + class : MAP_COUNT;
}

static int put_new(struct publish *p, enum map_id map, const struct xns_image_key *key,
		   const void *value)
{
	int ret = bpf_map_update_elem(p->fd[map], key, value, BPF_NOEXIST);

	return ret == -EEXIST ? 1 : ret;
}

int maps_blob_put(struct publish *p, const struct image_blob *blob)
{
	enum map_id map = maps_image_map(&blob->key);
	struct xns_image_large value = {0};

	if (map == MAP_COUNT || blob->len > map_table[map].value_size)
		return -EINVAL;
	memcpy(&value, blob->value, blob->len);
	return put_new(p, map, &blob->key, &value);
}

int maps_order_put(struct publish *p, const struct xns_image_key *key, const struct xns_order *page)
{
	return put_new(p, MAP_ORDER, key, page);
}

int maps_order_get(const struct publish *p, const struct xns_image_key *key, struct xns_order *ret)
{
	return bpf_map_lookup_elem(p->fd[MAP_ORDER], key, ret);
}

void maps_image_delete(struct publish *p, enum map_id map, const struct xns_image_key *key)
{
	if (map < MAP_COUNT)
		bpf_map_delete_elem(p->fd[map], key);
}

int maps_image_get(const struct publish *p, const struct xns_image_key *key,
		   struct xns_image_large *ret_value)
{
	enum map_id map = maps_image_map(key);

	memset(ret_value, 0, sizeof(*ret_value));
	return map == MAP_COUNT ? -ENOENT : bpf_map_lookup_elem(p->fd[map], key, ret_value);
}

size_t maps_page_images(struct xns_name_key key, const struct xns_node *page,
			struct xns_image_key *ret)
{
	size_t n = 0;

	for (unsigned i = 0; i < page->n_types && i < XNS_NODE_TYPES; i++) {
		const struct xns_type *type = &page->type[i];
		size_t at = type->off + sizeof(struct xns_image_head);

		if (type->flags & (XNS_TYPE_INLINE | XNS_TYPE_PASS) ||
		    at + sizeof(ret->content) > sizeof(page->data))
			continue;
		ret[n].owner = key.hash[0];
		memcpy(&ret[n++].content, page->data + at, sizeof(ret->content));
	}
	return n;
}

/* The kernel waits in map-in-map updates for all programs that may still use the old inner map. */
int maps_grace(struct publish *p)
{
	uint32_t slot = 0;

	return bpf_map_update_elem(p->fd[MAP_GRACE], &slot, &p->fd[MAP_GRACE_INNER], BPF_ANY);
}
