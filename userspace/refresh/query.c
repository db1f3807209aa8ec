/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "refresh/query.h"
#include "util/address.h"

#define QUERY_TRIES	3
#define QUERY_REPLY_MAX 4096

struct query {
	uv_udp_t udp;
	uv_timer_t timer;
	unsigned open_handles;
	unsigned tries;
	struct query_request request;
	struct soa_query soa;
	bool soa_made;
	bool plain;			  /* without EDNS: the primary does not know it */
	char ignored[MESSAGE_REASON_MAX]; /* what came but was not the answer */
	uint16_t wire_len;
	uint8_t wire[SOA_QUERY_MAX];
	char reply[QUERY_REPLY_MAX];
};

static void on_closed(uv_handle_t *handle)
{
	struct query *query = handle->data;

	if (--query->open_handles > 0)
		return;
	if (query->soa_made)
		soa_query_free(&query->soa);
	free(query);
}

void query_cancel(struct query *query)
{
	if (!query)
		return;
	uv_close((uv_handle_t *)&query->udp, on_closed);
	uv_close((uv_handle_t *)&query->timer, on_closed);
}

static void finish(struct query *query, enum query_outcome outcome, const struct soa_answer *answer,
		   const char *reason)
{
	query_cancel(query); /* its memory stays until the handles are closed, on a later turn of
				the loop */
	query->request.done(query->request.ctx, outcome, answer, reason);
}

static void unanswered(struct query *query, const char *why)
{
	char reason[MESSAGE_REASON_MAX + 128];

	if (query->ignored[0])
		snprintf(reason, sizeof(reason), "%.90s (ignored: %s)", why, query->ignored);
	else
		snprintf(reason, sizeof(reason), "%s", why);
	finish(query, QUERY_UNANSWERED, NULL, reason);
}

static void on_timer(uv_timer_t *timer);

static void send_query(struct query *query)
{
	uv_buf_t buf = uv_buf_init((char *)query->wire, query->wire_len);
	uint32_t quarter_ms = query->request.timeout_ms / 4;
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
	snprintf(why, sizeof(why), "no answer over UDP within %.1f s",
		 query->request.timeout_ms / 1000.0);
	unanswered(query, why);
}

static int make_query(struct query *query)
{
	int len;

	if (query->soa_made)
		soa_query_free(&query->soa);
	query->soa_made = false;
	len = soa_query_make(&query->soa, query->request.apex, query->request.key, query->plain,
			     query->wire, sizeof(query->wire));
	if (len < 0)
		return len;
	query->soa_made = true;
	query->wire_len = (uint16_t)len;
	return 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct query *query = handle->data;

	(void)suggested;
	*ret = uv_buf_init(query->reply, sizeof(query->reply));
}

static void refused(struct query *query, const char *reason)
{
	if (query->soa.wants_plain && !query->plain) {
		query->plain = true;
		query->tries = 0;
		if (make_query(query) == 0) {
			send_query(query);
			return;
		}
	}
	finish(query, QUERY_REFUSED, NULL, reason);
}

static void on_reply(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf, const struct sockaddr *from,
		     unsigned flags)
{
	struct query *query = udp->data;
	char reason[MESSAGE_REASON_MAX] = "";
	struct soa_answer answer;

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
	switch (soa_query_reply(&query->soa, (uint8_t *)buf->base, (size_t)len, &answer, reason)) {
	case MESSAGE_GOOD:
		finish(query, QUERY_SERIAL, &answer, NULL);
		break;
	case MESSAGE_TRUNCATED:
		unanswered(query, reason);
		break;
	case MESSAGE_REFUSED:
		refused(query, reason);
		break;
	case MESSAGE_FOREIGN:
		/* Somebody guesses, or a late answer to somebody else's query: the right one may
		 * still come. */
		snprintf(query->ignored, sizeof(query->ignored), "%s", reason);
		break;
	}
}

static int open_socket(struct query *query, char *reason)
{
	const struct query_request *request = &query->request;
	char text[ADDRESS_TEXT_MAX];
	int err = 0;

	if (request->from)
		err = uv_udp_bind(&query->udp, request->from, 0);
	if (err < 0) {
		snprintf(reason, MESSAGE_REASON_MAX, "cannot send from %s: %s",
			 address_to_text(request->from, text), uv_strerror(err));
		return err;
	}
	err = uv_udp_connect(&query->udp, request->to);
	if (err == 0)
		err = uv_udp_recv_start(&query->udp, on_alloc, on_reply);
	if (err < 0)
		snprintf(reason, MESSAGE_REASON_MAX, "%s", uv_strerror(err));
	return err;
}

int query_start(uv_loop_t *loop, const struct query_request *request, char *reason,
		struct query **ret)
{
	struct query *query = calloc(1, sizeof(*query));
	int err;

	snprintf(reason, MESSAGE_REASON_MAX, "out of memory");
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
	query->request = *request;
	err = make_query(query);
	if (err == 0)
		err = open_socket(query, reason);
	if (err == 0)
		err = uv_timer_start(&query->timer, on_timer, 0,
				     0); /* sends from the loop: done is never called from here */
	if (err < 0)
		query_cancel(query);
	else
		*ret = query;
	return err;
}
