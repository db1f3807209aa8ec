/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The changes of a batch of zones, collected before any of them is in force. work.c collects,
 * publish.c puts into force.
 */
#ifndef XNS_PUBLISH_WORK_H
#define XNS_PUBLISH_WORK_H

#include "publish/bulk.h"
#include "publish/maps.h"

/* One page of a node that is to change. */
struct work_change {
	struct xns_name_key key;
	bool gone;    /* delete it */
	bool existed; /* was in `nodes` */
	struct xns_node node;
};

/* Images and pages of the order. */
struct work_images {
	struct work_image {
		enum map_id map;
		struct xns_image_key key;
	} *at;
	size_t n, size;
};

struct work {
	struct publish_item *item;
	struct xns_zone entry; /* as in the map, brought along */
	bool served;	       /* readers use the zone's nodes: change them through `staged` */
	bool had_content;      /* nodes of the zone may be there */
	bool full;	       /* compare all */

	struct work_change *change; /* zones not served: deletions only */
	size_t n_changes, changes_size;
	struct work_images old;	    /* to be deleted when no reader can hold them */
	struct xns_version version; /* the new one */
	uint64_t missing;	    /* names that found no place */
	int error;
};

/* A set of hashes. */
struct work_seen {
	struct xns_name_key *key;
	size_t n, mask; /* mask + 1 slots; all-zero key: free */
};

struct work_batch {
	struct publish *p;
	struct store_txn *txn;
	const struct zone_table *zones;
	struct work *work;
	size_t n;
	struct work_seen seen; /* page-0 keys of all names that a full comparison has come by, of
				* all zones */
	bool want_seen;
	struct bulk *bulk; /* made when it is first needed */
};

/*
 * Compares a zone's names (those affected by item->changes, or all) with the maps. Images outside
 * of nodes are put at once, as nothing refers to them yet; nodes too where the zone is not served;
 * the others become work->change.
 */
int work_prepare(struct work_batch *batch, struct work *work);

/* Finds what `nodes` has of the fully compared zones and should not: becomes work->change, of all
 * zones. */
int work_find_stale(struct work_batch *batch);

/* ---- between work.c and denial.c ---- */

int work_images_add(struct work_images *images, enum map_id map, const struct xns_image_key *key);
bool work_seen_has(const struct work_seen *seen, struct xns_name_key key);
int work_seen_add(struct work_seen *seen, struct xns_name_key key);

/*
 * Makes the zone's order and the images of its proofs, and puts them: from item->changes where the
 * old version's tree can be brought along, else from the whole zone. Where there is no room the
 * zone's proofs are for the stack.
 */
int work_prepare_order(struct work_batch *batch, struct work *work);

/* What is left of a zone of which the rest went ahead (ahead.c): what image_build_each would do. */
int ahead_go_on(struct publish_ahead *ahead, struct work *work, struct image_builder *builder,
		int (*fn)(const knot_dname_t *name, const struct image_node *node, void *ctx),
		void *ctx);

void work_free(struct work *work);
void work_batch_free(struct work_batch *batch);

#endif
