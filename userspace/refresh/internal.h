/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside of refresh/: refresh.c starts, stops and is asked from outside; round.c carries out what
 * the machine wants; ask.c talks to primaries; report.c says what happened.
 */
#ifndef XNS_REFRESH_INTERNAL_H
#define XNS_REFRESH_INTERNAL_H

#include <pthread.h>

#include "refresh/heap.h"
#include "refresh/lanes.h"
#include "refresh/machine.h"
#include "refresh/query.h"
#include "refresh/refresh.h"
#include "refresh/tcp.h"
#include "transfer/axfr.h"
#include "transfer/message.h"

#define REFRESH_REASON_MAX (MESSAGE_REASON_MAX + 128)

/* Transferred contents that wait for the store: beyond these no new transfer is begun. */
#define REFRESH_APPLYING_MAX	   256
#define REFRESH_APPLYING_BYTES_MAX (256ull << 20)

/* What lives only while something is under way. */
struct attempt {
	struct query *query;
	struct tcp_exchange *tcp;
	struct axfr *axfr;		  /* kept for its numbers until the content is applied */
	struct message_question question; /* of the SOA over TCP */
	bool failed;			  /* its answer was no good: reason */
	uint32_t serial;		  /* or this */
	bool hearsay; /* nothing was asked: the address was found dead a moment ago */
	uint64_t started_ms, duration_ms; /* loop time */
	uint32_t old_serial;
	bool had_content;
	char reason[MESSAGE_REASON_MAX];
};

struct refresh_zone {
	struct heap_node timer; /* first member: the heap's nodes are these zones */
	struct job job;
	struct refresh *refresh;
	struct zone *zone;
	struct machine machine;
	struct attempt *attempt; /* NULL: idle or waiting */
	struct store_zone stored;
	char *last_error; /* NULL: none since the last success */
	int64_t last_error_at;
	struct peer *peer; /* asked last; NULL: none yet */

	/* Under refresh->lock: a NOTIFY on its way from the responder's thread. */
	struct refresh_zone *next_notified;
	bool notified;
	struct machine_wish notify;
};

struct refresh {
	uv_loop_t *loop;
	const struct config *config;
	struct zone_table *zones;
	struct store *store;
	struct apply *apply;
	struct refresh_zone *zone; /* in the order of the table */
	size_t n_zones;
	struct lanes lanes;
	size_t *first_peer; /* of each remote of the configuration */
	struct heap heap;
	bool pumping;
	unsigned applying;
	uint64_t applying_bytes;
	bool stopped;
	unsigned open_handles;
	uv_timer_t timer;
	uv_async_t notify_async;
	pthread_mutex_t lock;
	struct refresh_zone *notified;
};

/* The peer behind a target's number. */
struct peer *refresh_target(const struct refresh_zone *rz, unsigned target);
unsigned refresh_target_count(const struct config_zone *conf);

/* round.c: gives the event to the machine and does what it says. */
void round_step(struct refresh_zone *rz, const struct machine_event *event);
/* The same for a failure: `what` ("AXFR from") and the reason go to the log with what is done next.
 */
void round_fail(struct refresh_zone *rz, enum machine_event_type type, const char *what,
		const char *reason);
/* Begins what waits and may begin. */
void round_pump(struct refresh *refresh);
/* Sets the loop's timer to the earliest deadline. */
void round_arm(struct refresh *refresh);
void round_drop_attempt(struct refresh_zone *rz);

/* ask.c: begins what the zone's job was enqueued for. */
void ask_start(struct refresh_zone *rz);

/* report.c */
void report_failure(struct refresh_zone *rz, const char *what, const char *reason,
		    const struct machine_action *next);
void report_success(struct refresh_zone *rz);
void report_transfer(const struct refresh_zone *rz, const struct apply_result *result);
void report_stale(const struct refresh_zone *rz);
void report_expired(const struct refresh_zone *rz);

#endif
