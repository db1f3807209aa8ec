/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

#include "publish/grow.h"

#define EACH_BATCH 512

/* ---- an element of a segmented map ---- */

static unsigned segment_number(const void *key)
{
	uint64_t word;

	memcpy(&word, key, sizeof(word));
	return xns_segment(word);
}

static int find(const struct publish *p, enum map_id map, const void *key, void *ret)
{
	const struct segment *segment = &p->segment[maps_kind(map)][segment_number(key)];

	return bpf_map_lookup_elem(segment->fd, key, ret);
}

/* The bound of memory is reached: only what is there already may be replaced. */
static int put_at_bound(struct publish *p, const struct segment *segment, const void *key,
			const void *value, uint64_t flags)
{
	struct xns_order there; /* the largest */
	int ret;

	if (bpf_map_lookup_elem(segment->fd, key, &there) < 0)
		return -E2BIG;
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	grow_hold(p);
	ret = bpf_map_update_elem(segment->fd, key, value, BPF_EXIST);
	grow_release(p);
	return ret;
}

static void add_names(struct publish *p, enum map_id map, const struct xns_name_key *key,
		      uint32_t n)
{
	for (uint32_t i = 0; i < n && (map == MAP_NODES || map == MAP_STAGED); i++)
		filter_add(p, &key[i]);
}

static int put(struct publish *p, enum map_id map, const void *key, const void *value,
	       uint64_t flags)
{
	unsigned number = segment_number(key);
	const struct segment *segment = &p->segment[maps_kind(map)][number];
	uint32_t max_entries;
	int ret;

	grow_note_put(p, map);
	if (flags != BPF_EXIST && !grow_is_allowed(p, map, 1))
		return put_at_bound(p, segment, key, value, flags);
	do {
		grow_hold(p);
		add_names(p, map, key, 1);
		max_entries = segment->max_entries;
		ret = bpf_map_update_elem(segment->fd, key, value, flags);
		if (ret == 0 && flags != BPF_EXIST)
			grow_count(p, map, number, 1);
		grow_release(p);
	} while (ret == -E2BIG && grow_segment(p, map, number, max_entries) == 0);
	return ret;
}

static int take_out(struct publish *p, enum map_id map, const void *key)
{
	unsigned number = segment_number(key);
	int ret;

	grow_hold(p);
	ret = bpf_map_delete_elem(p->segment[maps_kind(map)][number].fd, key);
	if (ret == 0)
		grow_count(p, map, number, -1);
	if (ret == 0 && map == MAP_NODES)
		filter_note_gone(p);
	grow_release(p);
	return ret;
}

int maps_put_batch(struct publish *p, enum map_id map, unsigned number, const void *keys,
		   const void *values, uint32_t n)
{
	const struct segment_kind *kind = &segment_kinds[maps_kind(map)];
	const struct segment *segment = &p->segment[maps_kind(map)][number];
	uint32_t done = 0, count, max_entries;
	int ret = grow_is_allowed(p, map, n) ? 0 : -E2BIG;

	while (ret == 0 && done < n) {
		count = n - done;
		grow_hold(p);
		add_names(p, map, keys, n);
		max_entries = segment->max_entries;
		ret = bpf_map_update_batch(
			segment->fd, (const uint8_t *)keys + done * kind->key_size,
			(const uint8_t *)values + done * kind->value_size, &count, NULL);
		grow_count(p, map, number, count);
		grow_release(p);
		done += count;
		if (ret == -E2BIG)
			ret = grow_segment(p, map, number, max_entries);
	}
	return ret;
}

/* ---- nodes ---- */

int maps_node_get(const struct publish *p, enum map_id map, struct xns_name_key key,
		  struct xns_node *ret)
{
	return find(p, map, &key, ret);
}

int maps_node_put(struct publish *p, enum map_id map, struct xns_name_key key,
		  const struct xns_node *node, uint64_t flags)
{
	return put(p, map, &key, node, flags);
}

int maps_node_delete(struct publish *p, enum map_id map, struct xns_name_key key)
{
	return take_out(p, map, &key);
}

/* Of one segment. */
struct each {
	struct xns_name_key key[EACH_BATCH];
	struct xns_node node[EACH_BATCH];
	uint64_t n;
};

static int each_of(int fd, struct each *each,
		   int (*fn)(struct xns_name_key key, const struct xns_node *node, void *ctx),
		   void *ctx)
{
	uint32_t batch = 0, count;
	bool first = true;
	int ret, end;

	each->n = 0;
	do {
		count = EACH_BATCH;
		end = bpf_map_lookup_batch(fd, first ? NULL : &batch, &batch, each->key, each->node,
					   &count, NULL);
		ret = end == -ENOENT ? 0 : end;
		for (uint32_t i = 0; ret == 0 && i < count; i++)
			ret = fn(each->key[i], &each->node[i], ctx);
		each->n += ret == 0 ? count : 0;
		first = false;
	} while (ret == 0 && end == 0);
	return ret;
}

int maps_node_each(struct publish *p, enum map_id map,
		   int (*fn)(struct xns_name_key key, const struct xns_node *node, void *ctx),
		   void *ctx)
{
	struct each *each = malloc(sizeof(*each));
	int ret = each == NULL ? -ENOMEM : 0;

	for (unsigned i = 0; ret == 0 && i < XNS_SEGMENTS; i++) {
		ret = each_of(p->segment[maps_kind(map)][i].fd, each, fn, ctx);
		if (ret == 0)
			grow_set_count(p, map, i, each->n);
	}
	free(each);
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

int maps_nodes_find(struct publish *p, enum map_id map, const bool *zone, uint32_t n_zones,
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
	int ret = put(p, map, key, value, BPF_NOEXIST);

	return ret == -EEXIST ? 1 : ret;
}

int maps_blob_put(struct publish *p, const struct image_blob *blob)
{
	enum map_id map = maps_image_map(&blob->key);
	struct xns_image_large value = {0};

	if (map == MAP_COUNT || blob->len > segment_kinds[maps_kind(map)].value_size)
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
	return find(p, MAP_ORDER, key, ret);
}

void maps_image_delete(struct publish *p, enum map_id map, const struct xns_image_key *key)
{
	if (map < MAP_COUNT)
		take_out(p, map, key);
}

int maps_image_get(const struct publish *p, const struct xns_image_key *key,
		   struct xns_image_large *ret_value)
{
	enum map_id map = maps_image_map(key);

	memset(ret_value, 0, sizeof(*ret_value));
	return map == MAP_COUNT ? -ENOENT : find(p, map, key, ret_value);
}

static int add_key(struct xns_image_key **keys, size_t *n, size_t *size,
		   const struct xns_image_key *key)
{
	if (*n == *size) {
		size_t bigger_size = *size == 0 ? 1024 : *size * 2;
		struct xns_image_key *bigger = reallocarray(*keys, bigger_size, sizeof(*bigger));

		if (bigger == NULL)
			return -ENOMEM;
		*keys = bigger;
		*size = bigger_size;
	}
	(*keys)[(*n)++] = *key;
	return 0;
}

int maps_image_keys(struct publish *p, enum map_id map, unsigned segment,
		    struct xns_image_key **ret_keys, size_t *ret_n)
{
	int fd = p->segment[maps_kind(map)][segment].fd, ret;
	struct xns_image_key *keys = NULL, key;
	size_t n = 0, size = 0;

	for (ret = bpf_map_get_next_key(fd, NULL, &key); ret == 0;
	     ret = bpf_map_get_next_key(fd, &key, &key)) {
		ret = add_key(&keys, &n, &size, &key);
		if (ret < 0)
			break;
	}
	if (ret != -ENOENT) {
		free(keys);
		return ret;
	}
	grow_set_count(p, map, segment, n);
	*ret_keys = keys;
	*ret_n = n;
	return 0;
}

size_t maps_page_images(struct xns_name_key key, const struct xns_node *page,
			struct xns_image_key *ret)
{
	const uint8_t *bytes = (const uint8_t *)page;
	size_t n = 0;

	for (unsigned i = 0; i < page->n_types && i < XNS_NODE_TYPES; i++) {
		const struct xns_type *type = &page->type[i];
		size_t at = type->off + sizeof(struct xns_image_head);

		if (type->flags & (XNS_TYPE_INLINE | XNS_TYPE_PASS) ||
		    at + sizeof(ret->content) > sizeof(*page))
			continue;
		ret[n].owner = key.hash[0];
		memcpy(&ret[n++].content, bytes + at, sizeof(ret->content));
	}
	return n;
}

/* The kernel waits in map-in-map updates for all programs that may still use the old inner map. */
int maps_grace(struct publish *p)
{
	uint32_t slot = 0;

	return bpf_map_update_elem(p->fd[MAP_GRACE], &slot, &p->fd[MAP_GRACE_INNER], BPF_ANY);
}
