/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One query over TCP (RFC 7766 §8: two octets of length before each message), perhaps in TLS (RFC
 * 9103), and the messages that answer it. */
#ifndef XNS_REFRESH_TCP_H
#define XNS_REFRESH_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "tls/tls.h"

#define TCP_QUERY_MAX 1536

struct tcp_exchange;

struct tcp_end {
	const char *reason; /* NULL: `message` said that it was the last */
	bool connected;	    /* there was a connection (and its TLS handshake) before it failed */
	bool closed;	    /* the other side closed it between two messages */
};

struct tcp_request {
	const struct sockaddr *to;
	const struct sockaddr *from; /* source address, port 0; NULL: any */
	struct tls_context *tls;     /* NULL: plain TCP */
	const uint8_t *query;	     /* copied; at most TCP_QUERY_MAX bytes */
	size_t query_len;
	uint32_t idle_ms;  /* connecting, and silence */
	uint32_t total_ms; /* all in all */
	/* One message; true: it was the last. Must not cancel the exchange. */
	bool (*message)(void *ctx, uint8_t *msg, size_t len);
	/* Called once, not from within tcp_start, when no more messages come. The exchange is gone
	 * afterwards. */
	void (*done)(void *ctx, const struct tcp_end *end);
	void *ctx;
};

/* 0, or a negative errno: done will not be called. */
int tcp_start(uv_loop_t *loop, const struct tcp_request *request, struct tcp_exchange **ret);

/* done will not be called. NULL: nothing. */
void tcp_cancel(struct tcp_exchange *exchange);

#endif
