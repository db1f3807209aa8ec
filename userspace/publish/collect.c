/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What nothing in the maps refers to: left by an agent that died between two steps, or by a
 * publication that did not succeed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/order.h"
#include "publish/maps.h"

/* Of images and of pages of the order: keys are hashes, and those of one map are not in another. */
struct keys {
	struct xns_image_key *key;
	size_t n, size;
};

static int add_key(struct keys *keys, const struct xns_image_key *key)
{
	if (keys->n == keys->size) {
		size_t size = keys->size == 0 ? 1024 : keys->size * 2;
		struct xns_image_key *bigger = reallocarray(keys->key, size, sizeof(*bigger));

		if (bigger == NULL)
			return -ENOMEM;
		keys->key = bigger;
		keys->size = size;
	}
	keys->key[keys->n++] = *key;
	return 0;
}

static int add_node(struct xns_name_key key, const struct xns_node *node, void *ctx)
{
	struct xns_image_key image[XNS_NODE_TYPES];
	size_t n = maps_page_images(key, node, image);
	struct keys *keys = ctx;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = add_key(keys, &image[i]);
	return ret;
}

/* A page that is not there is a proof that the stack gives; what is below it is not found. */
static int add_tree(const struct publish *p, const struct xns_image_key *root, unsigned above,
		    struct keys *keys)
{
	struct xns_order page;
	int ret;

	if (order_is_empty(root))
		return 0;
	ret = maps_order_get(p, root, &page);
	if (ret < 0 || !order_page_is_valid(&page) || page.level >= above)
		return ret == -ENOENT ? 0 : ret;
	ret = add_key(keys, root);
	for (unsigned i = 0; ret == 0 && page.level > 0 && i < page.n; i++) {
		struct xns_image_key below = order_page_below(&page, i);

		ret = add_tree(p, &below, page.level, keys);
	}
	return ret;
}

static int add_zones(const struct publish *p, struct keys *keys)
{
	uint32_t *ids = NULL;
	size_t n = 0;
	int ret = maps_zone_ids(p, &ids, &n);

	for (size_t i = 0; ret == 0 && i < n; i++) {
		struct xns_zone entry;

		ret = maps_zone_get(p, ids[i], &entry);
		for (int slot = 0; ret == 0 && slot < 2; slot++) {
			const struct xns_version *version = &entry.version[slot];

			ret = add_key(keys, &version->soa.key);
			if (ret == 0)
				ret = add_key(keys, &version->soa_sig.key);
			if (ret == 0)
				ret = add_tree(p, &version->order, XNS_ORDER_LEVELS, keys);
		}
	}
	free(ids);
	return ret;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct xns_image_key));
}

static int collect_segment(struct publish *p, enum map_id map, unsigned segment,
			   const struct keys *used)
{
	struct xns_image_key *key = NULL;
	size_t n = 0;
	int ret = maps_image_keys(p, map, segment, &key, &n);

	for (size_t i = 0; ret == 0 && i < n; i++)
		if (used->n == 0 ||
		    bsearch(&key[i], used->key, used->n, sizeof(*key), compare_keys) == NULL)
			maps_image_delete(p, map, &key[i]);
	free(key);
	return ret;
}

int maps_collect(struct publish *p)
{
	static const enum map_id maps[] = {MAP_IMAGES_TINY, MAP_IMAGES_SMALL, MAP_IMAGES_LARGE,
					   MAP_ORDER};
	struct keys used = {0};
	int ret = maps_node_each(p, MAP_NODES, add_node, &used);

	if (ret == 0)
		ret = add_zones(p, &used);
	if (ret == 0 && used.n > 0)
		qsort(used.key, used.n, sizeof(*used.key), compare_keys);
	for (size_t i = 0; ret == 0 && i < sizeof(maps) / sizeof(maps[0]); i++)
		for (unsigned segment = 0; ret == 0 && segment < XNS_SEGMENTS; segment++)
			ret = collect_segment(p, maps[i], segment, &used);
	if (ret == 0)
		p->litter = false;
	free(used.key);
	return ret;
}
