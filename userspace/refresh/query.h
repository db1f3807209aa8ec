/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One SOA query over UDP: a connected socket with a port of its own, a random ID, sent up to three
 * times. */
#ifndef XNS_REFRESH_QUERY_H
#define XNS_REFRESH_QUERY_H

#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>
#include <libknot/dname.h>

struct query;

enum query_outcome {
	QUERY_SERIAL,
	QUERY_UNANSWERED, /* silence, TC, port unreachable: TCP may do better */
	QUERY_REFUSED,	  /* the primary answers, but not with its SOA */
};

/* Called once, not from within query_start. reason: of the two failures. The query is gone
 * afterwards. */
typedef void (*query_done)(void *ctx, enum query_outcome outcome, uint32_t serial,
			   const char *reason);

/* apex must live as long as the query. 0, or a negative errno: done will not be called. */
int query_start(uv_loop_t *loop, const struct sockaddr *to, const knot_dname_t *apex,
		uint32_t timeout_ms, query_done done, void *ctx, struct query **ret);

/* done will not be called. NULL: nothing. */
void query_cancel(struct query *query);

#endif
