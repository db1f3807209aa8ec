/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One SOA query over UDP: a connected socket with a port of its own, a random ID, sent up to three
 * times. */
#ifndef XNS_REFRESH_QUERY_H
#define XNS_REFRESH_QUERY_H

#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>
#include <libknot/libknot.h>

#include "transfer/soa.h"

struct query;

enum query_outcome {
	QUERY_SERIAL,
	QUERY_UNANSWERED, /* silence, TC, port unreachable: TCP may do better */
	QUERY_REFUSED,	  /* the primary answers, but not with its SOA */
};

/* Called once, not from within query_start. answer: of QUERY_SERIAL; reason: of the two failures.
 * The query is gone afterwards. */
typedef void (*query_done)(void *ctx, enum query_outcome outcome, const struct soa_answer *answer,
			   const char *reason);

/* What they point to must live as long as the query. */
struct query_request {
	const struct sockaddr *to;
	const struct sockaddr *from; /* source address, port 0; NULL: any */
	const knot_dname_t *apex;
	const knot_tsig_key_t *key; /* NULL: none */
	uint32_t timeout_ms;
	query_done done;
	void *ctx;
};

/* 0; or a negative errno and in reason (MESSAGE_REASON_MAX) what failed: done will not be called.
 */
int query_start(uv_loop_t *loop, const struct query_request *request, char *reason,
		struct query **ret);

/* done will not be called. NULL: nothing. */
void query_cancel(struct query *query);

#endif
