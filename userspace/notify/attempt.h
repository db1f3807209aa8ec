/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One NOTIFY over UDP: a connected socket with a port of its own, a random ID, sent once. */
#ifndef XNS_NOTIFY_ATTEMPT_H
#define XNS_NOTIFY_ATTEMPT_H

#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>
#include <libknot/libknot.h>

#define ATTEMPT_REASON_MAX 256

struct attempt;

enum attempt_outcome {
	ATTEMPT_ACKNOWLEDGED,
	ATTEMPT_REFUSED, /* it answers, but not so: no use in asking again */
	ATTEMPT_FAILED,	 /* silence, port unreachable, no route */
};

struct attempt_request {
	const struct sockaddr *to;
	const struct sockaddr *from; /* source address, port 0; NULL: any */
	const knot_tsig_key_t *key;  /* must live as long as the attempt; NULL: none */
	const knot_dname_t *apex;
	const knot_rrset_t *soa; /* owner is not looked at */
	uint32_t wait_ms;
	/* Called once, not from within attempt_start. The attempt is gone afterwards. reason: if it
	 * is not acknowledged. */
	void (*done)(void *ctx, enum attempt_outcome outcome, const char *reason);
	/* Its memory is given back: also after attempt_cancel. */
	void (*closed)(void *closed_ctx);
	void *ctx, *closed_ctx;
};

/* 0; or a negative errno: neither done nor closed will be called. */
int attempt_start(uv_loop_t *loop, const struct attempt_request *request, struct attempt **ret);

/* done will not be called. NULL: nothing. */
void attempt_cancel(struct attempt *attempt);

#endif
