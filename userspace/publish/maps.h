/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pinned maps, element by element; for the files of publish/ only. */
#ifndef XNS_PUBLISH_MAPS_H
#define XNS_PUBLISH_MAPS_H

#include <pthread.h>

#include "image/image.h"
#include "publish/filter.h"
#include "publish/publish.h"
#include "publish/segment.h"

enum map_id {
	MAP_CONFIG,
	MAP_LISTEN,
	MAP_ZONES,
	MAP_NODES, /* from here to MAP_ORDER in segments, as enum segmented */
	MAP_STAGED,
	MAP_IMAGES_TINY, /* the three in the order of enum xns_class */
	MAP_IMAGES_SMALL,
	MAP_IMAGES_LARGE,
	MAP_ORDER,
	MAP_FILTER,
	MAP_COUNTERS,
	MAP_GRACE,
	MAP_GRACE_INNER,
	MAP_COUNT,
};

/* Of a map that consists of segments. */
static inline enum segmented maps_kind(enum map_id map)
{
	return (enum segmented)(map - MAP_NODES);
}

/* xns_zone.generation: what the nodes map has of the zone is no content of the store, or only a
 * part. */
#define GENERATION_NONE	 0	    /* nothing but the apex */
#define GENERATION_DIRTY UINT64_MAX /* unknown, or not all of it: compare all */

/* One of the hash maps that a segmented map consists of. Its descriptor keeps its number when a
 * larger one takes its place. */
struct segment {
	int fd;
	_Atomic uint32_t max_entries;
	_Atomic uint64_t n; /* elements, as far as they were counted */
};

struct publish {
	int fd[MAP_COUNT];
	struct segment segment[SEGMENTED_MAPS][XNS_SEGMENTS];
	char *pin_dir;		   /* NULL: the maps are not pinned */
	uint32_t config_id;	   /* the kernel's id of the config map */
	struct xns_config *config; /* mapped */
	struct filter filter;
	int n_cpus;
	struct image_builder *builder;
	bool litter;		      /* something may be in the maps that nothing refers to */
	struct publish_growth growth; /* the bound is in grow */
	struct grow_state *grow;
};

/* All return 0 or a negative errno. */

int maps_node_get(const struct publish *p, enum map_id map, struct xns_name_key key,
		  struct xns_node *ret);
/* flags: BPF_EXIST; BPF_NOEXIST or, if it is surely new, BPF_ANY. */
int maps_node_put(struct publish *p, enum map_id map, struct xns_name_key key,
		  const struct xns_node *node, uint64_t flags);
int maps_node_delete(struct publish *p, enum map_id map, struct xns_name_key key);
/* Calls fn for each element until it returns non-zero; returns that. fn must not change the map.
 * What was seen to its end is counted. */
int maps_node_each(struct publish *p, enum map_id map,
		   int (*fn)(struct xns_name_key key, const struct xns_node *node, void *ctx),
		   void *ctx);

/* Elements of a map by themselves, as it must not be changed during a walk. */
struct maps_nodes {
	struct maps_found {
		struct xns_name_key key;
		struct xns_node node;
	} *at;
	size_t n, size;
};
/*
 * All pages in the map of the zones z (by id, n_zones of them) with zone[z]; zone NULL: of any.
 * ret->at is to be freed, on failure too.
 */
int maps_nodes_find(struct publish *p, enum map_id map, const bool *zone, uint32_t n_zones,
		    struct maps_nodes *ret);

int maps_zone_get(const struct publish *p, uint32_t id, struct xns_zone *ret);
/* In place: readers see old or new bytes of each field, the element does not move. The zone must be
 * there. */
int maps_zone_set(struct publish *p, uint32_t id, const struct xns_zone *zone);
int maps_zone_add(struct publish *p, uint32_t id, const struct xns_zone *zone);
int maps_zone_delete(struct publish *p, uint32_t id);
/* The ids, to be freed. */
int maps_zone_ids(const struct publish *p, uint32_t **ret_ids, size_t *ret_n);

/* The map of an image, as its key says; MAP_COUNT: none. */
enum map_id maps_image_map(const struct xns_image_key *key);

/* Puts an image or a page of the order: 0, or 1: it is there already (equal key, equal bytes). */
int maps_blob_put(struct publish *p, const struct image_blob *blob);
int maps_order_put(struct publish *p, const struct xns_image_key *key,
		   const struct xns_order *page);
int maps_order_get(const struct publish *p, const struct xns_image_key *key, struct xns_order *ret);
/* As BPF_ANY, all in one segment of the map, from two threads at most: n of keys, and of values one
 * behind the other. -E2BIG: there is not room for all. */
int maps_put_batch(struct publish *p, enum map_id map, unsigned segment, const void *keys,
		   const void *values, uint32_t n);
/* MAP_ORDER or an images map. */
void maps_image_delete(struct publish *p, enum map_id map, const struct xns_image_key *key);
/* ret_value has sizeof(struct xns_image_large) bytes; what the element does not have is 0. */
int maps_image_get(const struct publish *p, const struct xns_image_key *key,
		   struct xns_image_large *ret_value);
/* The images outside of a page of a node; ret has room for XNS_NODE_TYPES. Returns how many. */
size_t maps_page_images(struct xns_name_key key, const struct xns_node *page,
			struct xns_image_key *ret);

/*
 * Deletes the images and the pages of the order that no node and no zone refers to, and counts the
 * nodes by the way. To be called when nothing is being published.
 */
int maps_collect(struct publish *p);

/* The keys of all elements of a segment, to be freed; counts them. MAP_ORDER or an images map. */
int maps_image_keys(struct publish *p, enum map_id map, unsigned segment,
		    struct xns_image_key **ret_keys, size_t *ret_n);

/* Returns when every run of the program that was under way has ended. */
int maps_grace(struct publish *p);

#endif
