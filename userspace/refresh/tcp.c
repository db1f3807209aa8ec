/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refresh/tcp.h"

#define TCP_BUFFER_LEN \
	(2 * 65537) /* the longest message and its length, and as much again to read ahead */

struct tcp_exchange {
	uv_tcp_t tcp;
	uv_timer_t timer;
	unsigned open_handles;
	bool connected;
	bool ended;
	uint64_t started_ms, active_ms; /* loop time */
	struct tcp_request request;
	uv_connect_t connect;
	uv_write_t write;
	size_t query_len;
	uint8_t query[2 + TCP_QUERY_MAX];
	size_t used;
	uint8_t buffer[TCP_BUFFER_LEN];
};

static void on_closed(uv_handle_t *handle)
{
	struct tcp_exchange *exchange = handle->data;

	if (--exchange->open_handles == 0)
		free(exchange);
}

void tcp_cancel(struct tcp_exchange *exchange)
{
	if (!exchange)
		return;
	exchange->ended = true;
	uv_close((uv_handle_t *)&exchange->tcp, on_closed);
	uv_close((uv_handle_t *)&exchange->timer, on_closed);
}

static void finish(struct tcp_exchange *exchange, const struct tcp_end *end)
{
	tcp_cancel(exchange); /* its memory stays until the handles are closed, on a later turn of
				 the loop */
	exchange->request.done(exchange->request.ctx, end);
}

static void fail(struct tcp_exchange *exchange, const char *reason)
{
	struct tcp_end end = {.reason = reason, .connected = exchange->connected};

	finish(exchange, &end);
}

static void on_timer(uv_timer_t *timer);

static void arm(struct tcp_exchange *exchange)
{
	uint64_t now_ms = uv_now(exchange->timer.loop);
	uint64_t idle_at = exchange->active_ms + exchange->request.idle_ms;
	uint64_t total_at = exchange->started_ms + exchange->request.total_ms;
	uint64_t due_ms = idle_at < total_at ? idle_at : total_at;

	uv_timer_start(&exchange->timer, on_timer, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct tcp_exchange *exchange = timer->data;
	uint64_t now_ms = uv_now(timer->loop);
	char reason[80];

	if (now_ms >= exchange->started_ms + exchange->request.total_ms)
		snprintf(reason, sizeof(reason), "not done after %.1f s",
			 exchange->request.total_ms / 1000.0);
	else if (now_ms < exchange->active_ms + exchange->request.idle_ms) {
		arm(exchange); /* not silent since the timer was set */
		return;
	} else
		snprintf(reason, sizeof(reason), "%s for %.1f s",
			 exchange->connected ? "silent" : "no connection",
			 exchange->request.idle_ms / 1000.0);
	fail(exchange, reason);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct tcp_exchange *exchange = handle->data;

	(void)suggested;
	*ret = uv_buf_init((char *)exchange->buffer + exchange->used,
			   (unsigned)(TCP_BUFFER_LEN - exchange->used));
}

/* Hands over each whole message in the buffer. True: one of them was the last. */
static bool take_messages(struct tcp_exchange *exchange)
{
	size_t at = 0;
	bool last = false;

	while (!last && exchange->used - at >= 2) {
		size_t len = (size_t)exchange->buffer[at] << 8 | exchange->buffer[at + 1];

		if (exchange->used - at - 2 < len)
			break;
		last = exchange->request.message(exchange->request.ctx, exchange->buffer + at + 2,
						 len);
		at += 2 + len;
	}
	exchange->used -= at;
	memmove(exchange->buffer, exchange->buffer + at, exchange->used);
	return last;
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct tcp_exchange *exchange = stream->data;
	struct tcp_end end = {.connected = true};

	(void)buf;
	if (len == 0)
		return;
	if (len == UV_EOF) {
		end.closed = exchange->used == 0;
		end.reason = end.closed ? "connection closed"
					: "connection closed in the middle of a message";
		finish(exchange, &end);
	} else if (len < 0) {
		fail(exchange, uv_strerror((int)len));
	} else {
		exchange->active_ms = uv_now(stream->loop);
		exchange->used += (size_t)len;
		if (take_messages(exchange))
			finish(exchange, &end);
	}
}

static void on_written(uv_write_t *write, int status)
{
	struct tcp_exchange *exchange = write->data;

	if (status < 0 && !exchange->ended)
		fail(exchange, uv_strerror(status));
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct tcp_exchange *exchange = connect->data;
	uv_buf_t buf = uv_buf_init((char *)exchange->query, (unsigned)exchange->query_len);

	if (exchange->ended)
		return;
	if (status == 0) {
		exchange->connected = true;
		exchange->active_ms = uv_now(exchange->tcp.loop);
		uv_tcp_nodelay(&exchange->tcp, 1);
		status = uv_read_start((uv_stream_t *)&exchange->tcp, on_alloc, on_read);
	}
	if (status == 0)
		status = uv_write(&exchange->write, (uv_stream_t *)&exchange->tcp, &buf, 1,
				  on_written);
	if (status < 0)
		fail(exchange, uv_strerror(status));
}

int tcp_start(uv_loop_t *loop, const struct tcp_request *request, struct tcp_exchange **ret)
{
	struct tcp_exchange *exchange = malloc(sizeof(*exchange));
	int err;

	if (!exchange)
		return -ENOMEM;
	assert(request->query_len <= TCP_QUERY_MAX);
	memset(exchange, 0, offsetof(struct tcp_exchange, buffer));
	err = uv_tcp_init(loop, &exchange->tcp);
	if (err < 0) {
		free(exchange);
		return err;
	}
	uv_timer_init(loop, &exchange->timer);
	exchange->tcp.data = exchange;
	exchange->timer.data = exchange;
	exchange->connect.data = exchange;
	exchange->write.data = exchange;
	exchange->open_handles = 2;
	exchange->request = *request;
	exchange->query[0] = (uint8_t)(request->query_len >> 8);
	exchange->query[1] = (uint8_t)request->query_len;
	memcpy(exchange->query + 2, request->query, request->query_len);
	exchange->query_len = 2 + request->query_len;
	exchange->started_ms = uv_now(loop);
	exchange->active_ms = exchange->started_ms;
	err = uv_tcp_connect(&exchange->connect, &exchange->tcp, request->to, on_connected);
	if (err < 0) {
		tcp_cancel(exchange);
		return err;
	}
	arm(exchange);
	*ret = exchange;
	return 0;
}
