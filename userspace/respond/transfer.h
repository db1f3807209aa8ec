/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A transfer out, AXFR (RFC 5936) or IXFR (RFC 1995): messages are made one by one, as fast as they
 * are taken, from one snapshot of the store. Knows no sockets.
 */
#ifndef XNS_RESPOND_TRANSFER_H
#define XNS_RESPOND_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <libknot/libknot.h>

#include "respond/packet.h"
#include "respond/query.h"
#include "store/store.h"
#include "tsig/tsig.h"
#include "zone/zone.h"

enum transfer_kind {
	TRANSFER_AXFR,
	TRANSFER_IXFR,	       /* the differences in the journal */
	TRANSFER_IXFR_AS_AXFR, /* the journal does not reach back */
	TRANSFER_CURRENT,      /* the SOA alone: the client has it, or UDP has no room for more */
};

/* What comes next. */
enum transfer_stage {
	TRANSFER_FIRST_SOA,
	TRANSFER_NAMES,
	TRANSFER_NSEC3,
	TRANSFER_JOURNAL,
	TRANSFER_LAST_SOA,
	TRANSFER_END,
};

struct transfer {
	struct transfer *next; /* the connection's */
	struct config *config; /* a reference: the key is in it */
	struct zone *zone;     /* a reference */
	enum transfer_kind kind;
	bool done;	 /* the last message is made */
	bool is_counted; /* among those under way, by who has begun it */
	bool over_tcp, over_tls;
	uint32_t from_serial; /* IXFR */
	struct store_zone stored;
	struct sockaddr_storage to;
	uint64_t messages, records, bytes;
	int64_t begun_ms, deadline_ms; /* CLOCK_BOOTTIME */

	/* private */
	struct packet_memory *memory;
	struct store_txn *txn;
	bool own_txn;
	struct store_cursor *cursor;
	struct store_journal *journal;
	enum transfer_stage stage;
	bool has_node;
	struct store_node node;
	size_t node_pos;
	knot_dname_storage_t owner;
	uint16_t owner_at;	 /* in the message being made, KNOT_COMPR_HINT_NONE: nowhere */
	knot_rrset_t signatures; /* of the node, those that are still to be sent */
	knot_rrset_t rr;	 /* to be sent next, if has_rr */
	bool has_rr;
	struct tsig_server tsig;
	struct query query; /* with its question in `question` */
	uint8_t question[QUERY_HEADER_LEN + KNOT_DNAME_MAXLEN + 4];
};

struct transfer_request {
	struct config *config;
	struct zone *zone;
	const struct query *query;
	const struct tsig_server *tsig;
	const struct sockaddr *from;
	bool over_tcp, over_tls;
	enum transfer_kind kind;
	struct packet_memory *memory; /* shared with others: used only within transfer_next */
	struct store *store; /* a snapshot of its own is taken; or, if NULL, txn's is used */
	struct store_txn *txn;
};

/* 0, or a negative errno: -ENOENT the zone has no content; for IXFR -ENOENT too: the journal does
 * not reach back. */
int transfer_open(const struct transfer_request *request, struct transfer **ret);
/* NULL: nothing. */
void transfer_close(struct transfer *transfer);

/*
 * The next message, signed: its length; afterwards done tells whether it was the last. max: 512 or
 * more; 65535 for TCP. A negative errno: the store failed, the zone is held no more (-ENOENT), it
 * takes too long (-ETIME), a record does not fit (-ENOSPC).
 */
int transfer_next(struct transfer *transfer, uint8_t *wire, size_t max);

/* One line in the log: whole, or cut off and why. */
void transfer_log_done(const struct transfer *transfer);
void transfer_log_failed(const struct transfer *transfer, const char *why);

/* Seconds until the zone expires, for the EXPIRE option (RFC 7314 §3.3). */
uint32_t transfer_expire_s(const struct zone *zone);

#endif
