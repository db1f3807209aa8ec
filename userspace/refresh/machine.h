/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When and whom to ask for a zone, as a state machine without clock, sockets or memory: an event
 * and the time go in, what to do next comes out.
 *
 *              ┌──────────────────────── timer, NOTIFY, operator ◀────────────────────────┐
 *              ▼                                                                          │
 *    ┌── next target of the round ◀── failed, older, refused by the checks ──┐            │
 *    │         │ has content                                                 │            │
 *    │         ▼                                                             │            │
 *    │      SOA_UDP ──no answer, TC──▶ SOA_TCP ──────────────────────────────┤            │
 *    │         │ newer (or expired: other)  │                                │            │
 *    │         │ ◀──────────────────────────┘                                │            │
 *    │ no      ▼                                                             │            │
 *    ├─────▶ TRANSFER ───────────────────────────────────────────────────────┤            │
 *    │ content │ ▲ IXFR failed in whatever way: AXFR from the same target    │            │
 *    │         ▼ │                                                           │            │
 *    │       APPLY ──────────────────────────────────────────────────────────┘            │
 *    │         └──────────── applied: timer = refresh ──────────────────────────────▶  IDLE
 *    │ no more targets                                                                    ▲
 *    ├── some target had our serial or an older one: CONFIRM ── timer = refresh ──────────┤
 *    └── none: round failed, timer = retry, doubled with each further one ────────────────┘
 *
 * A target is one address of one primary; they are numbered in the order of the configuration. A
 * round asks each at most once, the sender of a NOTIFY first. What comes in during a round is
 * remembered and makes one more round.
 */
#ifndef XNS_REFRESH_MACHINE_H
#define XNS_REFRESH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * While rounds fail they come at the SOA's retry interval, doubled each time up to its refresh
 * interval, a day or the operator's bound, whichever is shortest, but not below retry itself. Of a
 * zone that was never transferred: a second, doubled up to an hour. Of one that has expired: retry,
 * an hour at most.
 */
#define MACHINE_BOOTSTRAP_MIN_S 1
#define MACHINE_BOOTSTRAP_MAX_S 3600
#define MACHINE_RETRY_MAX_S	86400

enum machine_state {
	MACHINE_IDLE,
	MACHINE_SOA_UDP,
	MACHINE_SOA_TCP,
	MACHINE_TRANSFERRING,
	MACHINE_APPLYING,
	MACHINE_CONFIRMING,
};

/* Why a round is wanted. */
struct machine_wish {
	bool wanted;
	bool force;	 /* transfer whatever the serial is */
	bool of_all;	 /* the operator asks for all zones at once: part of the backlog */
	bool has_serial; /* a NOTIFY told the serial */
	uint32_t serial;
	int32_t target; /* to be asked first; -1: any */
};

/* Of a zone's configuration. */
struct machine_conf {
	uint16_t n_targets;   /* at least 1 */
	bool ixfr;	      /* is to be asked for */
	uint32_t retry_max_s; /* bound of what is made of the retry interval; 0: none */
};

struct machine {
	struct machine_conf conf;
	enum machine_state state;
	bool started; /* the action of this state has left the queue: its target cannot be changed
			 any more */
	bool has_content;
	bool expiry_told;		     /* the expiry of this content was reported */
	bool stale_told;		     /* and that it is stale */
	uint32_t serial, refresh_s, retry_s; /* of the content */
	int64_t expires_ms;		     /* of the content */
	int64_t stale_ms;		     /* of the content; 0: never */
	int64_t next_ms;		     /* when idle: the next round */
	uint32_t failures;		     /* rounds in a row */
	bool ixfr; /* while transferring and applying: what was asked for, and not answered with the
		      whole zone */
	uint16_t attempt;  /* of this round */
	int32_t confirmed; /* a target of this round that had nothing newer; -1: none */
	struct machine_wish round;
	struct machine_wish again;
};

enum machine_event_type {
	MACHINE_EVENT_START,	    /* content as in the event, or none */
	MACHINE_EVENT_TIMER,	    /* machine_timer_ms has come */
	MACHINE_EVENT_WISH,	    /* NOTIFY, operator: wish */
	MACHINE_EVENT_SERIAL,	    /* the target has this serial */
	MACHINE_EVENT_UNANSWERED,   /* UDP: no answer, or TC */
	MACHINE_EVENT_FAILED,	    /* refused, broken: IXFR is followed by AXFR */
	MACHINE_EVENT_UNREACHABLE,  /* the target is no use at all */
	MACHINE_EVENT_CURRENT,	    /* IXFR: the target has nothing newer, but this serial */
	MACHINE_EVENT_TRANSFERRED,  /* the target's content, of this serial, is here */
	MACHINE_EVENT_APPLIED,	    /* content as in the event */
	MACHINE_EVENT_CONFIRMED,    /* new expires_ms, stale_ms */
	MACHINE_EVENT_BAD_CONTENT,  /* the checks refused the content of this target, or its
				       difference does not fit ours */
	MACHINE_EVENT_STORE_FAILED, /* not the target's fault: asking another does not help */
};

struct machine_event {
	enum machine_event_type type;
	struct machine_wish wish;
	bool has_content;
	bool whole; /* TRANSFERRED: the whole zone, also if it was asked for IXFR */
	uint32_t serial, refresh_s, retry_s; /* within the zone's bounds */
	int64_t refreshed_ms;		     /* START: when the content was confirmed */
	int64_t expires_ms, stale_ms;
	uint32_t spread_ms; /* START: an overdue round begins within this time */
};

enum machine_action_type {
	MACHINE_STAY,	 /* nothing new: what was under way goes on */
	MACHINE_WAIT,	 /* idle until next_ms */
	MACHINE_ASK_UDP, /* `target` for its SOA */
	MACHINE_ASK_TCP,
	MACHINE_TRANSFER, /* from target */
	MACHINE_APPLY,	  /* what target sent */
	MACHINE_CONFIRM,  /* the content; target has nothing newer */
};

struct machine_action {
	enum machine_action_type type;
	uint16_t target;
	bool ixfr;	   /* TRANSFER: IXFR from our serial, else AXFR */
	bool fallback;	   /* AXFR, as IXFR has just failed */
	bool urgent;	   /* asked for by NOTIFY or the operator: ahead of the backlog */
	bool round_failed; /* this event ended a round without success */
	bool expired;	   /* the content has expired just now */
	bool stale;	   /* or become stale */
};

void machine_init(struct machine *machine, const struct machine_conf *conf);

/*
 * Another configuration, at any moment. intervals of the content as they are within the new bounds.
 * same_targets: only those have changed. Otherwise current is the new number of the target that is
 * being asked, -1: it is none any more (if the question is not yet answered, machine_restart is to
 * follow); confirmed: the same of the one that had nothing newer.
 */
struct machine_change {
	struct machine_conf conf;
	uint32_t refresh_s, retry_s;
	bool same_targets;
	int32_t current, confirmed;
};
void machine_configure(struct machine *machine, int64_t now_ms, uint32_t random,
		       const struct machine_change *change);
/* What is being asked is dropped: the round begins anew. Not while applying or confirming. */
struct machine_action machine_restart(struct machine *machine);

/* random: a fresh random number, for jitter. Times are CLOCK_BOOTTIME ms. */
struct machine_action machine_step(struct machine *machine, int64_t now_ms, uint32_t random,
				   const struct machine_event *event);

/* The action got its slot and is now done. */
void machine_started(struct machine *machine);

/* When MACHINE_EVENT_TIMER is due; INT64_MAX: never. */
int64_t machine_timer_ms(const struct machine *machine);

bool machine_is_expired(const struct machine *machine, int64_t now_ms);

#endif
