/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The responder: UDP and TCP on the listen addresses for what the packet path passes up, and for
 * all where there is none. Runs in a thread with a loop of its own.
 */
#ifndef XNS_RESPOND_H
#define XNS_RESPOND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "config/config.h"
#include "store/store.h"
#include "zone/zone.h"

struct respond;

#define RESPOND_COUNTERS(X)                     \
	X(UDP_QUERIES, "udp-queries")           \
	X(TCP_QUERIES, "tcp-queries")           \
	X(TCP_CONNECTIONS, "tcp-connections")   \
	X(TCP_REJECTED, "tcp-rejected")         \
	X(TLS_CONNECTIONS, "tls-connections")   \
	X(TLS_FAILED, "tls-failed")             \
	X(NOERROR, "noerror")                   \
	X(FORMERR, "formerr")                   \
	X(SERVFAIL, "servfail")                 \
	X(NXDOMAIN, "nxdomain")                 \
	X(NOTIMP, "notimp")                     \
	X(REFUSED, "refused")                   \
	X(NOTAUTH, "notauth")                   \
	X(BADVERS, "badvers")                   \
	X(OTHER_RCODE, "other-rcode")           \
	X(TRUNCATED, "truncated")               \
	X(NOTIFY, "notify")                     \
	X(AXFR_OUT, "axfr-out")                 \
	X(IXFR_OUT, "ixfr-out")                 \
	X(TRANSFER_REFUSED, "transfer-refused") \
	X(TRANSFER_FAILED, "transfer-failed")   \
	X(TSIG_GOOD, "tsig-good")               \
	X(TSIG_BAD, "tsig-bad")                 \
	X(DROPPED, "dropped")

enum respond_counter {
#define X(id, name) RESPOND_##id,
	RESPOND_COUNTERS(X)
#undef X
	RESPOND_COUNTER_COUNT,
};
extern const char *const respond_counter_names[RESPOND_COUNTER_COUNT];

/* Called from the responder's thread for each NOTIFY that the zone's configuration accepts. key: it
 * was signed with; NULL: not signed. */
typedef void (*respond_notify)(struct zone *zone, const struct sockaddr *from,
			       const knot_tsig_key_t *key, bool has_serial, uint32_t serial,
			       void *ctx);

/*
 * Takes a reference of config. Binds every listen address (before privileges are dropped). Error
 * messages are logged: address and what to do. IP_FREEBIND is not used: an address that is not
 * there is an error.
 */
int respond_bind(struct config *config, struct respond **ret);
/* Reads certificate and key of listen-tls, starts the thread. */
int respond_start(struct respond *respond, struct store *store, struct zone_table *zones,
		  respond_notify notify, void *notify_ctx);
/* Stops the thread, closes the sockets, frees. */
void respond_stop(struct respond *respond);

/*
 * Run-time changes, from the main thread: pause returns when the responder stands between two turns
 * of its loop (milliseconds; what comes meanwhile waits in the sockets), and it stays there until
 * respond_resume. Between the two the table of zones and all of their configuration may be changed.
 * Transfers under way go on with their snapshot; those of a zone that is removed are cut off. The
 * addresses that are listened on stay as they were bound. resume takes a reference of config and
 * drops that of the one before; it reads certificate and key of listen-tls anew, for connections
 * that come then (logged when that fails: those of before stay).
 */
void respond_pause(struct respond *respond);
void respond_resume(struct respond *respond, struct config *config, struct zone_table *zones);

/* Any thread. counts has RESPOND_COUNTER_COUNT members. */
void respond_counters(const struct respond *respond, uint64_t *ret_counts);

/* What respond_start does but for the thread: for respond_make without sockets. */
void respond_use(struct respond *respond, struct zone_table *zones, respond_notify notify,
		 void *notify_ctx);

/*
 * The reply to one message, the whole of the responder but its sockets; also for tests and fuzzing.
 * reply has reply_max bytes (512 or more; 65535 for TCP). Returns the reply's length, 0: no reply
 * is to be sent. txn NULL: SERVFAIL for what needs the store. Of a transfer over TCP: its first
 * message.
 */
struct respond_query {
	const uint8_t *wire;
	size_t len;
	const struct sockaddr *from;
	bool tcp;
	bool tls; /* over TLS; then tcp too */
};
size_t respond_make(struct respond *respond, struct store_txn *txn,
		    const struct respond_query *query, uint8_t *reply, size_t reply_max);

#endif
