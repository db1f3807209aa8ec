/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XNS_RESPOND_TCP_H
#define XNS_RESPOND_TCP_H

#include <stdbool.h>
#include <uv.h>

struct respond;
struct tcp_buffers;
struct tcp_client;

struct tcp_listener {
	struct respond *respond;
	uv_poll_t poll;
	int fd;	  /* -1: none */
	bool tls; /* of listen-tls */
};

/* The connections, the one first that was idle longest: as all have the same timeout, it is also
 * the next to be closed. */
struct tcp_clients {
	struct tcp_client *oldest, *newest;
	uint32_t n;
	uv_timer_t idle;
	struct tcp_buffers *buffers; /* NULL: no tcp_init */
	int reserve_fd;
};

/* Once, before the first tcp_open. 0 or a negative errno. */
int tcp_init(struct respond *respond);
/* Accepts connections on listener->fd. 0 or a negative errno. */
int tcp_open(struct respond *respond, struct tcp_listener *listener);
/* Closes the socket. The handle, if tcp_open made one, must be closed before. */
void tcp_close(struct tcp_listener *listener);
/* Begins to close all connections: their memory is freed in the loop. */
void tcp_close_clients(struct respond *respond);
/* After the loop's end. */
void tcp_free(struct respond *respond);

#endif
