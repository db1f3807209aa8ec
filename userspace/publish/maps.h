/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pinned maps, element by element; for the files of publish/ only. */
#ifndef XNS_PUBLISH_MAPS_H
#define XNS_PUBLISH_MAPS_H

#include "image/image.h"
#include "publish/publish.h"

enum map_id {
	MAP_CONFIG,
	MAP_LISTEN,
	MAP_ZONES,
	MAP_NODES,
	MAP_STAGED,
	MAP_IMAGES_SMALL,
	MAP_IMAGES_LARGE,
	MAP_COUNTERS,
	MAP_GRACE,
	MAP_GRACE_INNER,
	MAP_COUNT,
};

/* xns_zone.generation: what the nodes map has of the zone is no content of the store, or only a
 * part. */
#define GENERATION_NONE	 0	    /* nothing but the apex */
#define GENERATION_DIRTY UINT64_MAX /* unknown, or not all of it: compare all */

struct publish {
	int fd[MAP_COUNT];
	uint32_t config_id; /* the kernel's id of the config map */
	uint32_t nodes_max;
	struct xns_config *config; /* mapped */
	int n_cpus;
	struct image_builder *builder;
	_Atomic uint64_t nodes; /* pages in `nodes` */
};

/* All return 0 or a negative errno. */

int maps_node_get(const struct publish *p, enum map_id map, struct xns_name_key key,
		  struct xns_node *ret);
/* flags: BPF_EXIST; BPF_NOEXIST or, if it is surely new, BPF_ANY. Counts p->nodes for MAP_NODES. */
int maps_node_put(struct publish *p, enum map_id map, struct xns_name_key key,
		  const struct xns_node *node, uint64_t flags);
int maps_node_delete(struct publish *p, enum map_id map, struct xns_name_key key);
/* Calls fn for each element until it returns non-zero; returns that. fn must not change the map. */
int maps_node_each(const struct publish *p, enum map_id map,
		   int (*fn)(struct xns_name_key key, const struct xns_node *node, void *ctx),
		   void *ctx);

int maps_zone_get(const struct publish *p, uint32_t id, struct xns_zone *ret);
/* In place: readers see old or new bytes of each field, the element does not move. The zone must be
 * there. */
int maps_zone_set(struct publish *p, uint32_t id, const struct xns_zone *zone);
int maps_zone_add(struct publish *p, uint32_t id, const struct xns_zone *zone);
int maps_zone_delete(struct publish *p, uint32_t id);
/* The ids, to be freed. */
int maps_zone_ids(const struct publish *p, uint32_t **ret_ids, size_t *ret_n);

/* Puts an image; one that is there already has the same bytes (its key says so). */
int maps_blob_put(struct publish *p, const struct image_blob *blob);

/* Where an image lies outside of its node. */
struct blob_ref {
	struct xns_image_key key;
	bool large;
};
void maps_blob_delete(struct publish *p, struct blob_ref ref);
/* Reads head and bytes (len of them) to ret_value, which has sizeof(struct xns_image_large) bytes.
 */
int maps_blob_get(const struct publish *p, struct blob_ref ref, uint8_t *ret_value);
/* The images outside of a page; ref has room for XNS_NODE_TYPES. Returns how many. */
size_t maps_page_blobs(const struct xns_node *page, struct blob_ref *ref);
struct blob_ref maps_soa_ref(const struct xns_soa *soa);

/* Returns when every run of the program that was under way has ended. */
int maps_grace(struct publish *p);

#endif
