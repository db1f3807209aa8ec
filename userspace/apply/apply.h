/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker that makes a transferred zone live: commit to the store, publish to the maps, in that
 * order, for one batch of zones after the other, off the main loop. Results come back on the main
 * loop.
 */
#ifndef XNS_APPLY_H
#define XNS_APPLY_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "publish/maker.h"
#include "publish/publish.h"
#include "store/content.h"
#include "store/store.h"
#include "zone/times.h"
#include "zone/zone.h"

struct apply;

struct apply_result {
	int error;			 /* 0, or negative errno: the old content stays */
	char reason[160];		 /* of the error, for people */
	struct store_zone stored;	 /* as it is now */
	uint64_t nodes_written;		 /* in the store */
	struct publish_report published; /* zeros where there are no maps */
	struct zone_times times;
};

/*
 * On the main loop, for every job that was accepted, but not after apply_stop. error -ECANCELED:
 * the zone was removed from the table meanwhile.
 */
typedef void (*apply_done)(struct zone *zone, const struct apply_result *result, void *ctx);

/* How the content came, kept in the store for zone-status. */
struct apply_transfer {
	uint64_t bytes, records;
	uint32_t duration_ms;
	int64_t expire_s; /* EXPIRE option (RFC 7314); -1: none, the SOA's */
	bool ixfr;
	char primary[64];
};

/* pin_dir: where maps are or will be; watched, so that an xnsload that comes later is noticed.
 * NULL: never any. maker: makes them larger; NULL: they stay as they are. */
int apply_start(uv_loop_t *loop, struct store *store, struct zone_table *zones,
		struct config *config, const char *pin_dir, struct maker *maker,
		struct apply **ret);
/* Waits for the job under way; done callbacks of queued jobs are not called any more, nor is any
 * other. */
void apply_stop(struct apply *apply);

/* Replaces a zone's content. Takes the content (finished or not: content_finish is called by the
 * worker). done is called later, on the loop. */
int apply_content(struct apply *apply, struct zone *zone, struct content *content,
		  const struct apply_transfer *transfer, apply_done done, void *ctx);
/*
 * The same by a difference, which it takes. result.error -ESTALE: the difference does not fit what
 * is here, AXFR will; -EINVAL: what comes out breaks a rule.
 */
int apply_diff(struct apply *apply, struct zone *zone, struct diff *diff,
	       const struct apply_transfer *transfer, apply_done done, void *ctx);
/*
 * A primary has confirmed the content at now: new refreshed_at, new deadline. expire_s: its EXPIRE
 * option, -1: none. With it the deadline is not brought forward (RFC 7314 §4).
 */
int apply_confirm(struct apply *apply, struct zone *zone, int64_t expire_s, apply_done done,
		  void *ctx);

/* The content has become stale (zone->stale_at_ms): the maps are told, nothing is written to the
 * store. Nothing if it was confirmed meanwhile. */
int apply_stale(struct apply *apply, struct zone *zone);

/* Called on the main loop, after done, for each zone with new content in force. */
void apply_on_live(struct apply *apply, void (*live)(struct zone *zone, void *ctx), void *ctx);

/*
 * The worker stops between two batches; parked is then called on the main loop, where the table of
 * zones, their configuration and the store may be changed (a write transaction included), until
 * apply_unpark, which has the worker bring the maps in line before anything else: zones added have
 * their entry and are published from the store if that has content, zones removed (zone->removed)
 * are gone from the maps, zones above and below either are brought along. The cost is that of these
 * zones. One park at a time.
 */
void apply_park(struct apply *apply, void (*parked)(void *ctx), void *ctx);

struct apply_table_change {
	struct zone **added, **removed;
	bool *purge; /* by removed: then delete it from the store, and its struct store_member */
	size_t n_added, n_removed;
	struct config *config;	 /* in force from now on, or NULL: as before */
	void (*done)(void *ctx); /* on the main loop, when all of that is done; or NULL */
	void *ctx;
	void *memory; /* private to apply/ */
};
/* Room for so many zones, all that unpark needs: 0 or -ENOMEM. */
int apply_change_init(struct apply_table_change *change, size_t added_max, size_t removed_max);
void apply_change_free(struct apply_table_change *change);

/* change, which it empties, or NULL: all is as before. Takes references of the zones and of
 * config. */
void apply_unpark(struct apply *apply, struct apply_table_change *change);

/* The maps as of now, or NULL; for counters and look-ups (main loop). Valid until the loop runs
 * again. */
const struct publish *apply_maps(const struct apply *apply);

#endif
