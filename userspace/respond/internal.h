/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of respond/ share. */
#ifndef XNS_RESPOND_INTERNAL_H
#define XNS_RESPOND_INTERNAL_H

#include <pthread.h>
#include <uv.h>

#include "answer/answer.h"
#include "respond/query.h"
#include "respond/respond.h"
#include "respond/tcp.h"
#include "respond/udp.h"

/* Memory of one reply's knot_pkt_t: handed out from the front, all given back at once. */
struct arena {
	uint8_t *base;
	size_t used;
};

struct respond {
	const struct config *config;
	struct store *store;
	struct zone_table *zones;
	respond_notify notify;
	void *notify_ctx;
	/* Written by the responder's thread alone, read by any. */
	_Atomic uint64_t count[RESPOND_COUNTER_COUNT];

	/* make.c */
	struct answer answer;
	struct arena arena;

	int64_t notify_refused_ms; /* when one was last told in the log */
	uint64_t notify_refused;   /* since then */

	/* respond.c; udp and tcp: config->n_listen of each */
	uv_loop_t loop;
	bool has_loop, has_thread;
	pthread_t thread;
	uv_async_t stop;
	uv_prepare_t before_sleep;
	struct store_txn *txn;
	bool txn_open, txn_failed; /* txn has a snapshot; the last attempt to get one failed */
	struct udp_socket *udp;
	struct tcp_listener *tcp;

	struct tcp_clients clients;
};

/* The UDP receive buffer that is asked for: some 10,000 queries wait there while a zone's switch is
 * written. */
#define RESPOND_UDP_BUFFER (4 << 20)

void respond_count(struct respond *respond, enum respond_counter counter);

/*
 * The transaction to read in, with the snapshot of this turn of the loop; it is let go before the
 * loop sleeps. NULL: the store failed (logged).
 */
struct store_txn *respond_txn(struct respond *respond);

/* bind.c: a bound socket, in non-blocking mode, or a negative errno with the message logged. type:
 * SOCK_DGRAM, SOCK_STREAM (listening). */
int bind_socket(const struct sockaddr_storage *addr, int type);

#endif
