/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XNS_RESPOND_UDP_H
#define XNS_RESPOND_UDP_H

#include <uv.h>

struct respond;
struct udp_batch;

struct udp_socket {
	struct respond *respond;
	struct udp_batch *batch;
	uv_poll_t poll;
	int fd; /* -1: none */
};

/* Answers what comes to udp->fd. 0 or a negative errno. */
int udp_open(struct respond *respond, struct udp_socket *udp);
/* Closes the socket. The handle, if udp_open made one, must be closed before. */
void udp_close(struct udp_socket *udp);

#endif
