/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TSIG (RFC 8945) with libknot, in both roles; knows no sockets. A conversation is one request and
 * its reply, which may have many messages (transfers). Keys are never logged, reasons name them.
 */
#ifndef XNS_TSIG_H
#define XNS_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libknot/libknot.h>

#define TSIG_MAC_MAX	64
#define TSIG_REASON_MAX 192
/* Room that a signature may take behind a message: owner, fixed part, algorithm, MAC, other data.
 */
#define TSIG_ROOM_MAX (KNOT_DNAME_MAXLEN + 10 + KNOT_DNAME_MAXLEN + 16 + TSIG_MAC_MAX + 6)
/* Messages of a stream may go unsigned, but no more than this many in a row (RFC 8945 §5.3.1). */
#define TSIG_UNSIGNED_MAX 99

/* ---- as client ---- */

struct tsig_client {
	const knot_tsig_key_t *key; /* NULL: nothing is signed, and nothing signed is accepted */
	uint8_t mac[TSIG_MAC_MAX];  /* of the request, then of the last signed message */
	size_t mac_len;
	uint64_t time_signed;
	unsigned messages; /* of the reply, accepted */
	unsigned unsigned_in_row;
	uint8_t *pending; /* messages since the last signature, as they go into the next MAC */
	size_t pending_len, pending_size;
};

/* key must live as long; NULL: none. */
void tsig_client_init(struct tsig_client *client, const knot_tsig_key_t *key);
void tsig_client_free(struct tsig_client *client);

/* Signs the request in buf (*len bytes; room for buf_len). 0, -ENOSPC, or -EIO. */
int tsig_client_sign(struct tsig_client *client, uint8_t *buf, size_t *len, size_t buf_len);

/*
 * A message of the reply, in their order. 0: as it should be, and *ret_len is its length without
 * the TSIG record (ARCOUNT in wire is set accordingly). Otherwise -EBADMSG and reason
 * (TSIG_REASON_MAX): not signed though it had to be, another key or algorithm, wrong or truncated
 * MAC, clock skew (how many seconds, whose clock is ahead), the error that the server told (BADKEY,
 * BADSIG, BADTIME).
 */
int tsig_client_check(struct tsig_client *client, uint8_t *wire, size_t len, size_t *ret_len,
		      char *reason);
/* The last message must be signed: 0, or -EBADMSG and reason. To be called when the reply is whole.
 */
int tsig_client_end(const struct tsig_client *client, char *reason);

/* ---- as server ---- */

struct tsig_server {
	const knot_tsig_key_t *key; /* the one that signed the request; NULL: none did */
	uint16_t error; /* RFC 8945 §5.2: 0, KNOT_RCODE_BADKEY, BADSIG, BADTIME, BADTRUNC */
	uint8_t mac[TSIG_MAC_MAX];
	size_t mac_len;
	uint64_t time_signed; /* of the request */
	unsigned messages;    /* signed */
	knot_rrset_t
		request_tsig; /* for BADKEY and BADSIG replies; in memory of the server struct */
	uint8_t request_bytes[2 * KNOT_DNAME_MAXLEN + TSIG_MAC_MAX + 64];
};

/*
 * Checks a request's TSIG (wire, len: as it came). find: the key of a name (lower case), or NULL.
 * 0: good, or not signed (server->key NULL, error 0); *ret_len: length without the TSIG. -EPERM:
 * server->error says how it is to be answered (RCODE NOTAUTH), reason is for the log. -EBADMSG:
 * FORMERR.
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
