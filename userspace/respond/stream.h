/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of a connection, plain or in TLS (RFC 7858). Below connection.c, which knows messages.
 */
#ifndef XNS_RESPOND_STREAM_H
#define XNS_RESPOND_STREAM_H

#include <stddef.h>
#include <stdint.h>

struct tcp_client;

typedef void (*stream_done)(struct tcp_client *client);

/*
 * Sends a copy of all the bytes. 1: the kernel took them at once; 0: done is called in a later turn
 * of the loop, when they are out, unless the connection is closed; or a negative errno.
 */
int stream_send(struct tcp_client *client, const uint8_t *bytes, size_t len, stream_done done);
/* The same, but done is called in any case. 0 or a negative errno. */
int stream_send_later(struct tcp_client *client, const uint8_t *bytes, size_t len,
		      stream_done done);
/* Tells the other side of TLS, if the kernel takes it at once, why it ends, or that it was not cut
 * off. */
void stream_bye(struct tcp_client *client);

/* Begins to read, or goes on: connection_received and connection_eof are called. 0 or a negative
 * errno. */
int stream_read(struct tcp_client *client);
void stream_read_stop(struct tcp_client *client);

#endif
