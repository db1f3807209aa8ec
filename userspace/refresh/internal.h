/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside of refresh/: refresh.c starts, stops and changes; wish.c takes what others ask for;
 * round.c carries out what the machine wants; ask.c talks to primaries, commit.c to the worker;
 * report.c says what happened, status.c when asked.
 */
#ifndef XNS_REFRESH_INTERNAL_H
#define XNS_REFRESH_INTERNAL_H

#include <pthread.h>

#include "check/check.h"
#include "refresh/heap.h"
#include "refresh/lanes.h"
#include "refresh/machine.h"
#include "refresh/peers.h"
#include "refresh/query.h"
#include "refresh/refresh.h"
#include "refresh/tcp.h"
#include "transfer/message.h"
#include "transfer/soa.h"
#include "transfer/xfr.h"

#define REFRESH_REASON_MAX 640 /* of any module, and what is said around it */

/* Transferred contents that wait for the checks or the store: beyond these no new transfer is
 * begun; the last of them are for what was asked for by NOTIFY or the operator. */
#define REFRESH_APPLYING_MAX	      2048
#define REFRESH_APPLYING_BYTES_MAX    (256ull << 20)
#define REFRESH_APPLYING_URGENT	      64
#define REFRESH_APPLYING_BYTES_URGENT (64ull << 20)

/* What lives only while something is under way. */
struct attempt {
	struct query *query;
	struct tcp_exchange *tcp;
	struct soa_query soa; /* over TCP */
	bool soa_made;
	bool failed; /* its answer was no good: reason */
	struct soa_answer answer;
	bool hearsay; /* nothing was asked: the address was found dead a moment ago */
	bool plain;   /* without EDNS, as the primary does not know it */
	char reason[REFRESH_REASON_MAX];

	/* a transfer */
	struct xfr *xfr;
	struct check_run *check;
	enum xfr_outcome outcome;
	bool ixfr;			  /* was asked for */
	struct content *content;	  /* until it is handed on */
	struct diff *diff;		  /* likewise */
	uint64_t started_ms, duration_ms; /* loop time */
	uint64_t bytes, messages, records;
	uint32_t serial;
	int64_t expire_s;
	size_t differences;
	uint32_t old_serial;
	bool had_content;
};

/* What is with the worker: lives until it answers, the zone perhaps not. */
struct commit {
	struct commit *next, *prev;
	struct refresh *refresh;
	struct refresh_zone *rz; /* NULL: the zone is held no more */
	bool with_worker;	 /* who has the commit and will answer; else it is being checked */
	uint64_t bytes;		 /* 0: a confirmation */
};

/* One address of a zone's primary. */
struct refresh_target {
	struct peer *peer; /* a reference */
	int64_t asked_at, answered_at;
	uint32_t serial;
	int64_t expire_s; /* EXPIRE option of its last answer; -1: none */
	int64_t error_at;
	char *error; /* NULL: none since its last good answer */
};

struct refresh_zone {
	struct heap_node timer; /* first member: the heap's nodes are these zones */
	struct job job;
	struct refresh *refresh;
	struct refresh_zone *next, *prev;
	struct zone *zone;
	struct machine machine;
	struct attempt *attempt; /* NULL: idle or waiting */
	struct commit *commit;	 /* NULL: none */
	struct store_zone stored;
	struct refresh_target *target; /* machine.conf.n_targets */
	char *last_error;	       /* NULL: none since the last success */
	int64_t last_error_at;
	struct peer *peer;   /* asked last, a reference; NULL: none yet */
	int32_t peer_target; /* its number; -1: it is none any more */
	char *ixfr_error;    /* why AXFR is asked for instead; NULL: it is not */

	/* Under refresh->lock: a NOTIFY on its way from the responder's thread. */
	struct refresh_zone *next_notified;
	bool notified;
	struct machine_wish notify;
};

struct refresh {
	uv_loop_t *loop;
	struct store *store;
	struct apply *apply;
	uint32_t remote_timeout_ms, transfer_timeout_ms;
	struct refresh_zone *first;
	size_t n_zones;
	struct lanes lanes;
	struct peers peers;
	struct heap heap;
	bool pumping;
	struct commit *commits;
	unsigned applying; /* checks and commits of new content */
	uint64_t applying_bytes;
	bool stopped;
	unsigned open_handles;
	uv_timer_t timer;
	uv_async_t notify_async;
	pthread_mutex_t lock;
	struct refresh_zone *notified;
};

/* refresh.c: what of the configuration is the machine's. */
struct machine_conf refresh_machine_conf(const struct refresh_zone *rz);

/* targets.c: the zone's targets as its configuration names them. */
int targets_make(struct refresh *refresh, const struct config_zone *conf,
		 struct refresh_target **ret, uint16_t *ret_n);
void targets_free(struct refresh_target *target, uint16_t n);
bool targets_same(const struct refresh_target *a, uint16_t n_a, const struct refresh_target *b,
		  uint16_t n_b);
/* What is known of those that are in both goes over to `to`. */
void targets_take_over(struct refresh_target *to, uint16_t n_to, struct refresh_target *from,
		       uint16_t n_from);
/* The number of the peer's target, or -1. */
int32_t targets_find(const struct refresh_target *target, uint16_t n, const struct peer *peer);
/* The first on this host, if possible one of this key; else the first with the key; else -1. Ports
 * are not compared: a NOTIFY comes from any. Only reads what does not change while the responder
 * runs. */
int32_t targets_find_sender(const struct refresh_zone *rz, const struct sockaddr *host,
			    const knot_tsig_key_t *key);

/* wish.c */
void wish_on_async(uv_async_t *async);
/* A NOTIFY that has not arrived yet is dropped, or the number of its target forgotten. */
void wish_forget(struct refresh_zone *rz);
void wish_forget_target(struct refresh_zone *rz);

/* round.c: gives the event to the machine and does what it says. */
void round_step(struct refresh_zone *rz, const struct machine_event *event);
/* The same for a failure: `what` ("AXFR from") and the reason go to the log with what is done next.
 */
void round_fail(struct refresh_zone *rz, enum machine_event_type type, const char *what,
		const char *reason);
/* Does what the machine wants. */
void round_act(struct refresh_zone *rz, const struct machine_action *action);
/* Begins what waits and may begin. */
void round_pump(struct refresh *refresh);
/* Sets the loop's timer to the earliest deadline; also after a shift of the clock. */
void round_arm(struct refresh *refresh);
void round_drop_attempt(struct refresh_zone *rz);

/* ask.c: begins what the zone's job was enqueued for. */
void ask_start(struct refresh_zone *rz);
/* "IXFR from" */
const char *ask_transfer_name(const struct attempt *attempt);

/* commit.c */
void commit_content(struct refresh_zone *rz);
void commit_confirm(struct refresh_zone *rz, uint16_t target);
/* Nothing more of the zone's is waited for. */
void commit_forget(struct refresh_zone *rz);
void commit_free_all(struct refresh *refresh);

/* report.c */
void report_failure(struct refresh_zone *rz, const char *what, const char *reason,
		    const struct machine_action *next);
/* The primary asked last has answered, with this serial. */
void report_answer(struct refresh_zone *rz, uint32_t serial, int64_t expire_s);
void report_success(struct refresh_zone *rz);
void report_transfer(const struct refresh_zone *rz, const struct apply_result *result);
void report_stale(const struct refresh_zone *rz);
void report_expired(const struct refresh_zone *rz);

#endif
