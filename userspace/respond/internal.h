/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of respond/ share. */
#ifndef XNS_RESPOND_INTERNAL_H
#define XNS_RESPOND_INTERNAL_H

#include <pthread.h>
#include <uv.h>

#include "answer/answer.h"
#include "respond/packet.h"
#include "respond/query.h"
#include "respond/respond.h"
#include "respond/tcp.h"
#include "respond/udp.h"
#include "tls/tls.h"

/* What anybody can cause is told once a minute, and how often it was. */
struct told {
	int64_t at_ms; /* when it was last told */
	uint64_t n;    /* since then */
};

struct respond {
	struct config *config;	       /* a reference */
	size_t n_listen, n_listen_tls; /* what was bound */
	struct store *store;
	struct zone_table *zones;
	respond_notify notify;
	void *notify_ctx;
	/* Written by the responder's thread alone, read by any. */
	_Atomic uint64_t count[RESPOND_COUNTER_COUNT];

	/* make.c */
	struct answer answer;
	struct packet_memory packet;
	struct told notify_refused, transfer_refused, tsig_refused, tls_failed;

	/* respond.c; udp: n_listen of them */
	uv_loop_t loop;
	bool has_loop, has_thread;
	pthread_t thread;
	uv_async_t stop, pause;
	pthread_mutex_t pause_lock;
	pthread_cond_t pause_changed;
	bool pause_wanted, paused; /* under pause_lock */
	uv_prepare_t before_sleep;
	struct store_txn *txn;
	bool txn_open, txn_failed; /* txn has a snapshot; the last attempt to get one failed */
	struct udp_socket *udp;
	struct tcp_listener *tcp;	 /* n_listen, and behind them n_listen_tls */
	struct tls_context *tls_context; /* of new connections; if n_listen_tls */

	struct tcp_clients clients;
	uint32_t transfers; /* under way over TCP */
};

/* The UDP receive buffer that is asked for: some 10,000 queries wait there while a zone's switch is
 * written. */
#define RESPOND_UDP_BUFFER (4 << 20)

void respond_count(struct respond *respond, enum respond_counter counter);

/* Is it to be told now? Then also how often it was since the last time, this one included. */
bool respond_tell(struct told *told, uint64_t *ret_n);

/*
 * The transaction to read in, with the snapshot of this turn of the loop; it is let go before the
 * loop sleeps. NULL: the store failed (logged).
 */
struct store_txn *respond_txn(struct respond *respond);

/* bind.c: a bound socket, in non-blocking mode, or a negative errno with the message logged. type:
 * SOCK_DGRAM, SOCK_STREAM (listening). */
int bind_socket(const struct sockaddr_storage *addr, int type);

#endif
