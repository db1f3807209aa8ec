/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only code that touches the pinned maps: brings them from one serial of a zone to the next as
 * xns_abi.h describes, and reads them for people. One thread at a time, except where said.
 */
#ifndef XNS_PUBLISH_H
#define XNS_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>
#include <libknot/libknot.h>

#include "xns_abi.h"
#include "config/config.h"
#include "store/content.h"
#include "store/store.h"
#include "zone/zone.h"

struct publish;

/*
 * Opens the maps pinned under pin_dir. 0, -ENOENT: nothing is pinned there, -EPERM/-EACCES,
 * -EPROTO: another ABI version.
 */
int publish_open(const char *pin_dir, struct publish **ret);
/* The same from descriptors of maps by name (for tests that load the object themselves), which are
 * this object's to close; segments are asked for as "nodes_3". */
int publish_open_fds(int (*map_fd)(const char *name, void *ctx), void *ctx, struct publish **ret);
void publish_close(struct publish *publish);

/*
 * What makes larger segments: a descriptor of an empty one, or a negative errno. map: an enum
 * segmented of publish/segment.h. make NULL: nothing does, what the loader made is what there is.
 * max_bytes: that all segments may take; 0: any number. To be called before publish_take_over, and
 * later for another bound.
 */
struct publish_growth {
	int (*make)(unsigned map, unsigned number, uint32_t max_entries, void *ctx);
	void *ctx;
	uint64_t max_bytes;
};
void publish_set_growth(struct publish *publish, const struct publish_growth *growth);
/*
 * There may be room now for what found none: the zones concerned are to be published with changes
 * NULL. How many there are, or a negative errno.
 */
int publish_retry_incomplete(struct publish *publish);

/* Are the pinned maps still the ones that are open? Any thread. */
bool publish_is_current(const struct publish *publish, const char *pin_dir);

/* Sets listen addresses and max-udp-size as configured, removes what else is there. */
int publish_configure(struct publish *publish, const struct config *config);

/*
 * Takes over what an earlier agent left: finishes or takes back a change that it was in the middle
 * of, removes zones not in the table, makes an entry (state loading) and an apex for each zone that
 * is new. To be called once, before any of the functions below.
 */
int publish_take_over(struct publish *publish, const struct zone_table *zones, uint64_t store_uuid);

/*
 * The same at run time, at the cost of the zones concerned: zones that are held no more leave the
 * maps, of those that are new come apex and entry (state loading). zones, with its links, is the
 * table as it is now; what is removed is not in it, and its links are those of before; an added one
 * may have the apex of a removed one, with another id. txn has the content of what is removed, or
 * all nodes are walked over. Afterwards the zones above any of them and those that came with
 * content are to be published with changes NULL: until then the stack answers them. After an error
 * publish_take_over is to be called.
 */
int publish_change_table(struct publish *publish, struct store_txn *txn,
			 const struct zone_table *zones, struct zone *const *removed,
			 size_t n_removed, struct zone *const *added, size_t n_added);

struct publish_report {
	uint64_t names;	  /* looked at */
	uint64_t entries; /* written or deleted in the maps */
	bool complete;
};

/*
 * Content that is not in the store yet, of a zone of which the maps have nothing but an entry in
 * state loading: a thread puts into the maps what can be made of it without the store, while that
 * is being written. Nobody sees it before publish_zones, and if that never comes the zone is
 * compared whole the next time, as after a crash.
 *
 * publish_ahead_start: NULL, if this zone is not one of those, or there is no memory. The content
 * has to stay until publish_ahead_free. publish_ahead_wait: before anything else of publish/ is
 * called.
 */
struct publish_ahead;
struct publish_ahead *publish_ahead_start(struct publish *publish, const struct zone_table *zones,
					  const struct zone *zone, const struct content *content);
void publish_ahead_wait(struct publish_ahead *ahead);
void publish_ahead_free(struct publish_ahead *ahead); /* NULL: nothing */

/* A zone to be brought to its content in the store. */
struct publish_item {
	struct zone *zone;
	const struct store_zone *stored;
	const struct store_changes
		*changes;	     /* NULL: compare the whole zone with what the maps hold */
	int64_t expires_at_ms;	     /* CLOCK_BOOTTIME */
	int64_t stale_at_ms;	     /* replies say so from then on; 0: never */
	struct publish_ahead *ahead; /* of this very content; or NULL */
	int ret_error;		     /* 0 or negative errno */
	struct publish_report ret_report;
};

/*
 * Brings zones to their content in txn, all in the same few grace periods. An item whose generation
 * the maps hold already only gets its times. A failed item's zone is given to the stack (state
 * loading): never wrong, to be tried again with changes NULL.
 */
void publish_zones(struct publish *publish, struct store_txn *txn, const struct zone_table *zones,
		   struct publish_item *item, size_t n);

/*
 * What a zone's times (CLOCK_BOOTTIME ms, as in an item) mean now: a new deadline, one in the past
 * is expired; stale or not. When its content was confirmed, and when it has become stale.
 */
int publish_times(struct publish *publish, const struct zone *zone, int64_t expires_at_ms,
		  int64_t stale_at_ms);

/* Sum over the CPUs; counts has XNS_COUNTER_COUNT members. Any thread. */
int publish_counters(const struct publish *publish, uint64_t *ret_counts);

#define PUBLISH_SEGMENTED_MAPS 6

struct publish_status {
	uint32_t abi_version;
	uint64_t zones;
	/* The maps that grow, nodes first: elements as far as this agent counted them. */
	struct publish_map {
		const char *name;
		uint64_t entries, entries_max; /* all segments together */
		uint64_t bytes;		       /* elements and buckets */
	} map[PUBLISH_SEGMENTED_MAPS];
	unsigned segments;	   /* of each of them */
	uint64_t bytes, bytes_max; /* of all; bytes_max 0: no bound */
	bool can_grow;
};
int publish_get_status(const struct publish *publish, struct publish_status *ret);

/* A zone's entry as it is in the maps. 0 or -ENOENT. Any thread. */
int publish_zone_entry(const struct publish *publish, uint32_t zone_id, struct xns_zone *ret);

/*
 * What the maps hold for a name, for people: fn is called for each entry, in the order of types
 * (0: "any other type"; of one type that for DO=1 first). Not in it: the zone's SOA and proofs,
 * which are added to each reply. 0, -ENOENT: not in the maps. Any thread.
 */
struct publish_entry {
	uint32_t zone_id;
	bool above; /* of the zone above, which answers DS at the apex of this one */
	uint8_t node_flags;
	unsigned pages; /* read so far */
	bool is_type;	/* false: the node has no entries, and nothing of what follows is set */
	uint16_t type;
	uint8_t type_flags, image_flags; /* XNS_TYPE_DO: for DO=1 */
	uint16_t image_len; /* bytes; with XNS_TYPE_PASS what is needed, 0: not known */
	const char *map;    /* where the image lies; NULL: XNS_TYPE_PASS */
	/* The image as a DNS message (header, question, sections); NULL: XNS_TYPE_PASS, or it is
	 * not in its map. */
	const uint8_t *message;
	size_t message_len;
};
int publish_lookup(const struct publish *publish, const knot_dname_t *name,
		   int (*fn)(const struct publish_entry *entry, void *ctx), void *ctx);

#endif
