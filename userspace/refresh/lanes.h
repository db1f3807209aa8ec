/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may talk to a primary's address now: a bounded number of SOA queries and of transfers, in all
 * and for each primary. The rest wait, each primary in a lane of its own, so that a slow one does
 * not hold up the zones of the others. What NOTIFY or the operator asked for goes first, and some
 * of the places are for it alone: it never waits until a backlog has moved.
 */
#ifndef XNS_REFRESH_LANES_H
#define XNS_REFRESH_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lane_kind {
	LANE_QUERY,
	LANE_TRANSFER,
	LANE_KINDS,
};

/* At the same time, in all and to one primary, where the configuration does not say. */
#define LANE_QUERY_MAX	       100
#define LANE_QUERY_MAX_PEER    50
#define LANE_TRANSFER_MAX      20
#define LANE_TRANSFER_MAX_PEER 10

enum job_state {
	JOB_OUT,
	JOB_WAITING,
	JOB_RUNNING,
};

struct lane_peer;

/* One zone's place in the lanes. */
struct job {
	struct job *next, *prev; /* while waiting */
	struct lane_peer *peer;
	enum job_state state;
	enum lane_kind kind;
	bool urgent;
};

struct job_list {
	struct job *first, *last;
};

/* One primary's part; all zeros at first. */
struct lane_peer {
	struct peer_lane {
		struct job_list waiting[2]; /* [urgent] */
		unsigned running;
		struct lane_turn {
			struct lane_peer *next, *prev;
			bool in;
		} turn[2]; /* [urgent]: in the row of those that could begin one */
	} lane[LANE_KINDS];
};

struct lanes {
	struct lane_limits {
		unsigned in_all, of_peer;
	} limits[LANE_KINDS];
	unsigned running[LANE_KINDS];
	struct lane_row {
		struct lane_peer *first, *last;
	} row[LANE_KINDS][2]; /* [urgent]: each primary in turn */
};

/* 0 in a limit: the default. */
void lanes_init(struct lanes *lanes, const struct lane_limits *limits);
/* New limits; then lanes_settle for each primary. What runs goes on. */
void lanes_set_limits(struct lanes *lanes, const struct lane_limits *limits);
void lanes_settle(struct lanes *lanes, struct lane_peer *peer);

/* The job (JOB_OUT) waits for its turn. */
void lanes_enqueue(struct lanes *lanes, struct job *job, struct lane_peer *peer,
		   enum lane_kind kind, bool urgent);

/* The next job of this kind that may run, now JOB_RUNNING, or NULL. */
struct job *lanes_take(struct lanes *lanes, enum lane_kind kind, bool urgent_only);

/* The job waits or runs no more; nothing if it did neither. */
void lanes_leave(struct lanes *lanes, struct job *job);

#endif
