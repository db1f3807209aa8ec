/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One connection: what tcp.c, which accepts and closes them, and connection.c, which reads and
 * writes, share. */
#ifndef XNS_RESPOND_CONNECTION_H
#define XNS_RESPOND_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "respond/transfer.h"
#include "tls/tls.h"

#define LENGTH_LEN  2
#define MESSAGE_MAX (LENGTH_LEN + UINT16_MAX)
#define READ_SIZE   (16 * 1024)

/* One for all connections, as each is served in one go. */
struct tcp_buffers {
	uint8_t in[READ_SIZE];
	uint8_t plain[READ_SIZE];     /* of TLS */
	uint8_t out[2 * MESSAGE_MAX]; /* flushed when less than a message is free */
	size_t out_len;
	uint8_t message[MESSAGE_MAX]; /* of a transfer */
};

struct tcp_client {
	uv_tcp_t handle;
	struct respond *respond;
	struct tcp_client *older, *newer;
	uint64_t active_at_ms;
	struct sockaddr_storage from;
	struct tls_session *tls; /* NULL: plain */
	uint8_t *in;		 /* read, not yet answered: in_len bytes */
	size_t in_len;
	unsigned writing;	   /* replies under way: what is read waits */
	struct transfer *transfer; /* under way; one message of each in turn */
	bool sending;		   /* a message of the first one is under way */
	bool eof;		   /* the client has no more queries */
	bool closing;
};

/* Begins to read from a connection that uv_tcp_open has. context: of TLS; NULL: plain. 0 or a
 * negative errno. */
int connection_start(struct tcp_client *client, struct tls_context *context);
/* stream.c: bytes of the client's messages; no more will come. */
void connection_received(struct tcp_client *client, const uint8_t *data, size_t len);
void connection_eof(struct tcp_client *client);
/* Its memory: when the handle is closed. */
void connection_free(struct tcp_client *client);

/* tcp.c: a query has come or replies have gone; single bytes do not keep a connection. */
void tcp_was_active(struct tcp_client *client);
/* tcp.c: closes the connection; transfers under way on it are cut off, with this in the log. */
void tcp_close_client(struct tcp_client *client, const char *why);

#endif
