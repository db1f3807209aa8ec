/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TSIG (RFC 8945) in both roles; the HMACs are libdnssec's. Knows no sockets. A conversation is one
 * request and its reply, which may have many messages (transfers). Secrets are never logged,
 * reasons name the key.
 *
 * Not with libknot's knot_tsig_sign and _check: those of 3.2 do not compare the algorithm with the
 * key's, take no messages without a signature in between, cannot tell BADTRUNC, say nothing of
 * clock skew. The tests let them check what this one signs, and the other way round.
 */
#ifndef XNS_TSIG_H
#define XNS_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libknot/libknot.h>

#define TSIG_MAC_MAX	64
#define TSIG_REASON_MAX 192
/* Seconds that two clocks may differ (RFC 8945 §10). */
#define TSIG_FUDGE_S 300
/* Room that a signature may take behind a message: owner, fixed part, algorithm, times and lengths,
 * MAC, other data. */
#define TSIG_ROOM_MAX (KNOT_DNAME_MAXLEN + 10 + KNOT_DNAME_MAXLEN + 16 + TSIG_MAC_MAX + 6)
/* Messages of a stream may go unsigned, but no more than this many in a row (RFC 8945 §5.3.1). */
#define TSIG_UNSIGNED_MAX 99

struct dnssec_tsig_ctx;

/* ---- as client ---- */

struct tsig_client {
	const knot_tsig_key_t *key; /* NULL: nothing is signed, and nothing signed is accepted */
	/* private */
	uint8_t mac[TSIG_MAC_MAX]; /* of the request, then of the last signed message */
	size_t mac_len;
	uint64_t time_signed;
	unsigned messages; /* of the reply, accepted */
	unsigned unsigned_in_row;
	struct dnssec_tsig_ctx *running; /* of the messages since the last signature, if any */
};

/* key must live as long; NULL: none. */
void tsig_client_init(struct tsig_client *client, const knot_tsig_key_t *key);
void tsig_client_free(struct tsig_client *client);

/* Signs the request in buf (*len bytes; room for buf_len). 0, -ENOSPC, or -EIO. */
int tsig_client_sign(struct tsig_client *client, uint8_t *buf, size_t *len, size_t buf_len);

/*
 * A message of the reply, in their order. 0: as it should be, and *ret_len is its length without
 * the TSIG record (ARCOUNT in wire is set accordingly). Otherwise reason (TSIG_REASON_MAX):
 *
 *     -EBADMSG  not signed though it had to be, another key or algorithm, wrong or truncated MAC,
 *               clock skew (how many seconds, whose clock is ahead), malformed
 *     -EPERM    the server told an error: BADKEY, BADSIG (these are not signed and could be
 *               anybody's), BADTIME, BADTRUNC
 *     -EIO      no memory
 *
 * As long as no message was accepted a failure changes nothing: on UDP the right one may still
 * come. Without a key a malformed message passes; its reader will find it.
 */
int tsig_client_check(struct tsig_client *client, uint8_t *wire, size_t len, size_t *ret_len,
		      char *reason);
/* The last message must be signed: 0, or -EBADMSG and reason. To be called when the reply is whole.
 */
int tsig_client_end(const struct tsig_client *client, char *reason);

/* ---- as server ---- */

struct tsig_server {
	const knot_tsig_key_t
		*key;	/* the one that signed the request, and all is well; else NULL */
	uint16_t error; /* RFC 8945 §5.2: 0, KNOT_RCODE_BADKEY, BADSIG, BADTIME, BADTRUNC */
	/* private */
	const knot_tsig_key_t *sign_key; /* of the reply; NULL with error: that is not signed */
	uint8_t mac[TSIG_MAC_MAX];	 /* of the request, then of the last message signed */
	size_t mac_len;
	uint64_t time_signed;		       /* of the request */
	unsigned messages;		       /* signed */
	knot_dname_storage_t owner, algorithm; /* of the request, for replies that are not signed */
};

/*
 * Checks a request's TSIG (wire, len: as it came). find: the key of a name (lower case), or NULL.
 * 0: good, or not signed (server->key NULL, error 0); *ret_len: length without the TSIG; ARCOUNT
 * still counts it. -EPERM: server->error says how it is to be answered (RCODE NOTAUTH), reason
 * (TSIG_REASON_MAX) is for the log. -EBADMSG: FORMERR, not signed, reason. -EIO: SERVFAIL, no
 * memory. After the latter two tsig_server_sign does nothing.
 */
int tsig_server_check(struct tsig_server *server, const uint8_t *wire, size_t len,
		      const knot_tsig_key_t *(*find)(const knot_dname_t *name, void *ctx),
		      void *ctx, size_t *ret_len, char *reason);

/* Bytes that tsig_server_sign needs behind a message; 0: nothing is signed. */
size_t tsig_server_room(const struct tsig_server *server);
/* Signs one message of the reply, in their order; the error replies too. 0, -ENOSPC, -EIO. Nothing
 * if the request was not signed. */
int tsig_server_sign(struct tsig_server *server, uint8_t *wire, size_t *len, size_t wire_max);

#endif
