/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may talk to a primary's address now: a bounded number of SOA queries and of transfers, in all
 * and for each address. The rest wait, each address in a lane of its own, so that a slow one does
 * not hold up the zones of the others; what NOTIFY or the operator asked for goes first.
 */
#ifndef XNS_REFRESH_LANES_H
#define XNS_REFRESH_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "util/address.h"

enum lane_kind {
	LANE_QUERY,
	LANE_TRANSFER,
	LANE_KINDS,
};

/* At the same time, in all and to one address. */
#define LANE_QUERY_MAX	       100
#define LANE_QUERY_MAX_PEER    50
#define LANE_TRANSFER_MAX      20
#define LANE_TRANSFER_MAX_PEER 10

/* How long others believe one who found the address dead. */
#define PEER_DOWN_MS 1000

enum job_state {
	JOB_OUT,
	JOB_WAITING,
	JOB_RUNNING,
};

struct peer;

/* One zone's place in the lanes. */
struct job {
	struct job *next, *prev; /* while waiting */
	struct peer *peer;
	enum job_state state;
	enum lane_kind kind;
	bool urgent;
};

struct job_list {
	struct job *first, *last;
};

/* One address of one remote. */
struct peer {
	const struct sockaddr *address;
	char text[ADDRESS_TEXT_MAX];
	struct {
		struct job_list waiting[2]; /* [urgent] */
		unsigned running;
		int64_t down_until_ms; /* CLOCK_BOOTTIME */
	} lane[LANE_KINDS];
	char down_reason[96]; /* of LANE_TRANSFER */
};

struct lanes {
	struct peer *peer;
	size_t n_peers;
	unsigned running[LANE_KINDS];
	size_t waiting[LANE_KINDS][2];
	size_t turn[LANE_KINDS]; /* the peer that is looked at first: each in turn */
};

/* 0 or -ENOMEM. The caller sets address and text of the peers. */
int lanes_init(struct lanes *lanes, size_t n_peers);
void lanes_free(struct lanes *lanes);

/* The job (JOB_OUT) waits for its turn. */
void lanes_enqueue(struct lanes *lanes, struct job *job, struct peer *peer, enum lane_kind kind,
		   bool urgent);

/* The next job of this kind that may run, now JOB_RUNNING, or NULL. */
struct job *lanes_take(struct lanes *lanes, enum lane_kind kind);

/* The job waits or runs no more; nothing if it did neither. */
void lanes_leave(struct lanes *lanes, struct job *job);

#endif
