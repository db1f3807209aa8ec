/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The changes of a batch of zones, collected before any of them is in force. work.c collects,
 * publish.c puts into force.
 */
#ifndef XNS_PUBLISH_WORK_H
#define XNS_PUBLISH_WORK_H

#include "publish/maps.h"

/* One page of a node that is to change. */
struct work_change {
	struct xns_name_key key;
	bool gone;    /* delete it */
	bool existed; /* was in `nodes` */
	struct xns_node node;
};

struct work {
	struct publish_item *item;
	struct xns_zone entry; /* as in the map, brought along */
	bool served;	       /* readers use the zone's nodes: change them through `staged` */
	bool had_content;      /* nodes of the zone may be there */
	bool full;	       /* compare all */

	struct work_change *change; /* zones not served: deletions only */
	size_t n_changes, changes_size;
	struct blob_ref *old_blob; /* to be deleted when no reader can hold them */
	size_t n_old_blobs, old_blobs_size;
	struct xns_soa soa;
	uint64_t missing; /* names that found no place */
	int error;
};

/* The page-0 keys of all names that a full comparison has seen, over all zones of the batch. */
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
	struct work_seen seen;
	bool want_seen;
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

/* The image of an SOA that the zone will no longer have is to be deleted. */
int work_drop_soa(struct work *work, const struct xns_soa *old);

void work_free(struct work *work);
void work_batch_free(struct work_batch *batch);

#endif
