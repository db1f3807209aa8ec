/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "refresh/query.h"
#include "transfer/message.h"
#include "transfer/soa.h"

#define QUERY_TRIES	3
#define QUERY_REPLY_MAX 4096

struct query {
	uv_udp_t udp;
	uv_timer_t timer;
	unsigned open_handles;
	unsigned tries;
	uint32_t timeout_ms;
	struct message_question question;
	query_done done;
	void *ctx;
	char ignored[MESSAGE_REASON_MAX]; /* what came but was not the answer */
	uint16_t wire_len;
	uint8_t wire[MESSAGE_QUERY_MAX];
	char reply[QUERY_REPLY_MAX];
};

static void on_closed(uv_handle_t *handle)
{
	struct query *query = handle->data;

	if (--query->open_handles == 0)
		free(query);
}

void query_cancel(struct query *query)
{
	if (!query)
		return;
	uv_close((uv_handle_t *)&query->udp, on_closed);
	uv_close((uv_handle_t *)&query->timer, on_closed);
}

static void finish(struct query *query, enum query_outcome outcome, uint32_t serial,
		   const char *reason)
{
	query_cancel(query); /* its memory stays until the handles are closed, on a later turn of
				the loop */
	query->done(query->ctx, outcome, serial, reason);
}

static void unanswered(struct query *query, const char *why)
{
	char reason[MESSAGE_REASON_MAX + 96];

	if (query->ignored[0])
		snprintf(reason, sizeof(reason), "%s (ignored: %s)", why, query->ignored);
	else
		snprintf(reason, sizeof(reason), "%s", why);
	finish(query, QUERY_UNANSWERED, 0, reason);
}

static void on_timer(uv_timer_t *timer);

static void send_query(struct query *query)
{
	uv_buf_t buf = uv_buf_init((char *)query->wire, query->wire_len);
	uint32_t quarter_ms = query->timeout_ms / 4;
	int ret;

	query->tries++;
	uv_timer_start(&query->timer, on_timer,
		       query->tries < QUERY_TRIES ? quarter_ms : 2 * quarter_ms, 0);
	ret = uv_udp_try_send(&query->udp, &buf, 1, NULL);
	/* A full socket buffer is like a lost packet; anything else will not get better. */
	if (ret < 0 && ret != UV_EAGAIN)
		unanswered(query, uv_strerror(ret));
}

static void on_timer(uv_timer_t *timer)
{
	struct query *query = timer->data;
	char why[64];

	if (query->tries < QUERY_TRIES) {
		send_query(query);
		return;
	}
	snprintf(why, sizeof(why), "no answer over UDP within %.1f s", query->timeout_ms / 1000.0);
	unanswered(query, why);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct query *query = handle->data;

	(void)suggested;
	*ret = uv_buf_init(query->reply, sizeof(query->reply));
}

static void on_reply(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf, const struct sockaddr *from,
		     unsigned flags)
{
	struct query *query = udp->data;
	char reason[MESSAGE_REASON_MAX] = "";
	uint32_t serial = 0;

	if (len < 0) {
		unanswered(query, uv_strerror((int)len));
		return;
	}
	if (!from) /* nothing more to read */
		return;
	if (flags & UV_UDP_PARTIAL) {
		snprintf(query->ignored, sizeof(query->ignored), "a reply of more than %d bytes",
			 QUERY_REPLY_MAX);
		return;
	}
	switch (soa_reply((const uint8_t *)buf->base, (size_t)len, &query->question, &serial,
			  reason)) {
	case MESSAGE_GOOD:
		finish(query, QUERY_SERIAL, serial, NULL);
		break;
	case MESSAGE_TRUNCATED:
		unanswered(query, reason);
		break;
	case MESSAGE_REFUSED:
		finish(query, QUERY_REFUSED, 0, reason);
		break;
	case MESSAGE_FOREIGN:
		/* Somebody guesses, or a late answer to somebody else's query: the right one may
		 * still come. */
		snprintf(query->ignored, sizeof(query->ignored), "%s", reason);
		break;
	}
}

int query_start(uv_loop_t *loop, const struct sockaddr *to, const knot_dname_t *apex,
		uint32_t timeout_ms, query_done done, void *ctx, struct query **ret)
{
	struct query *query = calloc(1, sizeof(*query));
	int err;

	if (!query)
		return -ENOMEM;
	err = uv_udp_init(loop, &query->udp);
	if (err < 0) {
		free(query);
		return err;
	}
	uv_timer_init(loop, &query->timer);
	query->udp.data = query;
	query->timer.data = query;
	query->open_handles = 2;
	query->timeout_ms = timeout_ms;
	query->question = soa_question(apex);
	query->done = done;
	query->ctx = ctx;
	err = message_query(&query->question, query->wire, sizeof(query->wire));
	if (err < 0)
		goto out;
	query->wire_len = (uint16_t)err;
	err = uv_udp_connect(&query->udp, to);
	if (err == 0)
		err = uv_udp_recv_start(&query->udp, on_alloc, on_reply);
	if (err == 0)
		err = uv_timer_start(&query->timer, on_timer, 0,
				     0); /* sends from the loop: done is never called from here */
	if (err == 0)
		*ret = query;
out:
	if (err != 0)
		query_cancel(query);
	return err;
}
