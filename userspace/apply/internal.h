/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker's parts: apply.c queues and runs, commit.c writes the store, maps.c publishes. */
#ifndef XNS_APPLY_INTERNAL_H
#define XNS_APPLY_INTERNAL_H

#include "apply/apply.h"

enum job_kind {
	JOB_CONTENT,
	JOB_DIFF,
	JOB_CONFIRM,
	JOB_STALE, /* nothing for the store */
};

struct job {
	struct job *next;
	enum job_kind kind;
	struct zone *zone;	 /* a reference */
	struct content *content; /* JOB_CONTENT */
	struct diff *diff;	 /* JOB_DIFF */
	struct apply_transfer transfer;
	apply_done done;
	void *ctx;
	struct apply_result result;
	struct publish_ahead *ahead;   /* while it is committed */
	struct store_changes *changes; /* of what is committed */
	bool is_live;		       /* there is new content in force */
};

struct job_queue {
	struct job *first, **last;
};

/* A change of the table of zones, between apply_unpark and the worker. */
struct table_change {
	struct zone **added, **removed; /* references */
	bool *purge;			/* by removed */
	size_t n_added, n_removed;
	struct config *config;
	void (*done)(void *ctx);
	void *ctx;
};

struct apply {
	struct store *store;
	struct zone_table *zones;
	const char *pin_dir;
	void (*live)(struct zone *zone, void *ctx);
	void *live_ctx;

	uv_thread_t thread;
	uv_async_t done_async;
	uv_mutex_t mutex; /* from here to stop */
	uv_cond_t wake;
	struct job_queue todo, done;
	struct retired {
		struct retired *next;
		struct publish *maps;
	} *retired;
	enum {
		PARK_NOT,
		PARK_WANTED,
		PARK_THERE, /* the worker stands still, parked is to be called */
		PARK_TOLD,  /* has been called */
	} park;
	void (*parked)(void *ctx);
	void *parked_ctx;
	struct table_change *change;  /* for the worker */
	struct table_change *changed; /* back from it */
	bool stop;

	struct maker *maker; /* NULL: none */

	/* the worker's own; the main thread's while it is parked */
	struct config *config;
	struct store_txn *txn; /* read, reset between jobs */
	int maps_error;	       /* last error of opening the maps, logged once */
	int64_t republish_at_ms;
	int64_t unwritten_told_ms; /* 0 is long ago: a machine is up for a minute before */

	struct publish *_Atomic maps;
};

/* Writes the jobs that have not failed (result.error) in one transaction; one that cannot be
 * written fails alone. */
void commit_batch(struct apply *apply, struct job **job, size_t n);
/* Zones that were removed to be purged: their content goes, and why they were held. */
void commit_purge(struct apply *apply, const struct table_change *change);
void __attribute__((format(printf, 3, 4))) commit_fail(struct job *job, int error, const char *fmt,
						       ...);

/* Before the commit: one zone of the batch goes ahead into the maps, if it can. */
void maps_ahead(struct apply *apply, struct job **job, size_t n);
/* Brings the maps, if there are any, to what was committed. */
void maps_publish(struct apply *apply, struct job **job, size_t n);
void maps_change(struct apply *apply, const struct table_change *change);
/* Maps that appear, go or are others; what could not be published. Once a second. */
void maps_watch(struct apply *apply);

#endif
