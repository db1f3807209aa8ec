/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An exchange is
 *
 *     connecting ──connected──▶ shaking hands ──TLS──▶ open ──last message, failure──▶ closing
 *                      └──────────plain TCP────────────▶
 *
 * Connecting and the handshake have idle_ms each, however many bytes come meanwhile; an open one
 * has idle_ms of silence.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refresh/tcp.h"

#define TCP_BUFFER_LEN \
	(2 * 65537) /* the longest message and its length, and as much again to read ahead */
#define TLS_READ_LEN (32 * 1024)
/* Connections that we end by hanging up in the usual way, within a minute. */
#define HANGUPS_MAX 4096

struct tcp_exchange {
	uv_tcp_t tcp;
	uv_timer_t timer;
	unsigned open_handles;
	bool connected; /* TCP */
	bool open;	/* and TLS, if there is any */
	bool answered;	/* there was a message */
	bool ended;
	uint64_t started_ms, active_ms; /* loop time */
	struct tcp_request request;
	uv_connect_t connect;
	struct tls_session *tls; /* NULL: plain TCP */
	uint8_t *wire;		 /* of TLS: what a read gave; TLS_READ_LEN bytes */
	size_t query_len;
	uint8_t query[2 + TCP_QUERY_MAX];
	size_t used;
	uint8_t buffer[TCP_BUFFER_LEN];
};

/* Bytes on their way, however long the kernel takes. */
struct outgoing {
	uv_write_t write;
	struct tcp_exchange *exchange;
	uint8_t bytes[];
};

static void on_closed(uv_handle_t *handle)
{
	struct tcp_exchange *exchange = handle->data;

	if (--exchange->open_handles > 0)
		return;
	tls_session_free(exchange->tls);
	free(exchange->wire);
	free(exchange);
}

/* The other side is told, if the kernel takes it at once, why it ends, or that it was not cut off.
 */
static void say_bye(struct tcp_exchange *exchange)
{
	const uint8_t *out;
	uv_buf_t buf;

	if (!exchange->tls || !exchange->connected)
		return;
	tls_bye(exchange->tls);
	buf.len = tls_output(exchange->tls, &out);
	buf.base = (char *)out;
	if (buf.len > 0)
		(void)uv_try_write((uv_stream_t *)&exchange->tcp, &buf, 1);
}

void tcp_cancel(struct tcp_exchange *exchange)
{
	if (!exchange)
		return;
	say_bye(exchange);
	exchange->ended = true;
	uv_close((uv_handle_t *)&exchange->tcp, on_closed);
	uv_close((uv_handle_t *)&exchange->timer, on_closed);
}

/*
 * Who hangs up first keeps the port for a minute (TIME_WAIT), and of ports towards one address
 * there are some 28,000: a start with 100,000 zones from one primary would use them up. After the
 * first some thousands a connection on which all has come is reset, which keeps nothing. True: it
 * was.
 */
static bool hang_up_at_once(struct tcp_exchange *exchange)
{
	static uint64_t minute;
	static unsigned hangups;
	uint64_t now = uv_now(exchange->tcp.loop) / 60000;

	if (now != minute) {
		minute = now;
		hangups = 0;
	}
	if (++hangups <= HANGUPS_MAX)
		return false;
	return uv_tcp_close_reset(&exchange->tcp, on_closed) == 0;
}

/* Its memory stays until the handles are closed, on a later turn of the loop. */
static void finish(struct tcp_exchange *exchange, const struct tcp_end *end)
{
	if (end->reason || end->closed || exchange->tls || !hang_up_at_once(exchange)) {
		tcp_cancel(exchange);
	} else {
		exchange->ended = true;
		uv_close((uv_handle_t *)&exchange->timer, on_closed);
	}
	exchange->request.done(exchange->request.ctx, end);
}

static void fail(struct tcp_exchange *exchange, const char *reason)
{
	struct tcp_end end = {.reason = reason, .connected = exchange->open};

	finish(exchange, &end);
}

/* ---- time ---- */

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
			 exchange->open	       ? "silent"
			 : exchange->connected ? "no TLS"
					       : "no connection",
			 exchange->request.idle_ms / 1000.0);
	fail(exchange, reason);
}

/* ---- out ---- */

static void on_written(uv_write_t *write, int status)
{
	struct outgoing *outgoing = write->data;
	struct tcp_exchange *exchange = outgoing->exchange;

	free(outgoing);
	if (status < 0 && !exchange->ended)
		fail(exchange, uv_strerror(status));
}

static int send_bytes(struct tcp_exchange *exchange, const uint8_t *bytes, size_t len)
{
	struct outgoing *outgoing = malloc(sizeof(*outgoing) + len);
	uv_buf_t buf;
	int err;

	if (!outgoing)
		return -ENOMEM;
	memcpy(outgoing->bytes, bytes, len);
	outgoing->write.data = outgoing;
	outgoing->exchange = exchange;
	buf = uv_buf_init((char *)outgoing->bytes, (unsigned)len);
	err = uv_write(&outgoing->write, (uv_stream_t *)&exchange->tcp, &buf, 1, on_written);
	if (err < 0)
		free(outgoing);
	return err;
}

/* What TLS has to say. */
static int send_tls(struct tcp_exchange *exchange)
{
	const uint8_t *out;
	size_t len = tls_output(exchange->tls, &out);
	int err;

	if (len == 0)
		return 0;
	err = send_bytes(exchange, out, len);
	tls_output_sent(exchange->tls, len);
	return err;
}

/* ---- in ---- */

/* Hands over each whole message in the buffer. True: one of them was the last. */
static bool take_messages(struct tcp_exchange *exchange)
{
	size_t at = 0;
	bool last = false;

	while (!last && exchange->used - at >= 2) {
		size_t len = (size_t)exchange->buffer[at] << 8 | exchange->buffer[at + 1];

		if (exchange->used - at - 2 < len)
			break;
		exchange->answered = true;
		last = exchange->request.message(exchange->request.ctx, exchange->buffer + at + 2,
						 len);
		at += 2 + len;
	}
	exchange->used -= at;
	memmove(exchange->buffer, exchange->buffer + at, exchange->used);
	return last;
}

/* A server that refuses us for that has had all of our part of the handshake; its alert may be lost
 * in a reset, and BIND 9.18 sends none. */
static bool fail_for_certificate(struct tcp_exchange *exchange)
{
	if (!exchange->tls || exchange->answered || !tls_lacks_certificate(exchange->tls))
		return false;
	fail(exchange, "connection closed: it asked for a certificate of ours, and none is set");
	return true;
}

static void closed(struct tcp_exchange *exchange)
{
	struct tcp_end end = {.connected = exchange->open};

	if (fail_for_certificate(exchange))
		return;
	end.closed = exchange->open && exchange->used == 0;
	if (!exchange->open)
		end.reason = "connection closed in the TLS handshake";
	else if (end.closed)
		end.reason = "connection closed";
	else
		end.reason = "connection closed in the middle of a message";
	finish(exchange, &end);
}

static void take_plain(struct tcp_exchange *exchange)
{
	struct tcp_end end = {.connected = true};

	exchange->active_ms = uv_now(exchange->tcp.loop);
	if (take_messages(exchange))
		finish(exchange, &end);
}

static int read_tls(struct tcp_exchange *exchange, char *reason)
{
	int n;

	/* A whole message leaves the buffer at once: there is always room. */
	while ((n = tls_read(exchange->tls, exchange->buffer + exchange->used,
			     TCP_BUFFER_LEN - exchange->used, reason)) > 0) {
		exchange->used += (size_t)n;
		take_plain(exchange);
		if (exchange->ended)
			return 0;
	}
	return n;
}

static void take_tls(struct tcp_exchange *exchange, size_t len)
{
	char reason[TLS_REASON_MAX] = "";
	int err = tls_feed(exchange->tls, exchange->wire, len, reason);

	if (tls_is_established(exchange->tls) && !exchange->open) {
		exchange->open = true;
		exchange->active_ms = uv_now(exchange->tcp.loop);
	}
	if (err == 0)
		err = read_tls(exchange, reason);
	if (exchange->ended)
		return;
	if (err == 0)
		err = send_tls(exchange);
	if (err == -EPIPE)
		closed(exchange);
	else if (err < 0)
		fail(exchange, reason[0] ? reason : uv_strerror(err));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct tcp_exchange *exchange = handle->data;

	(void)suggested;
	*ret = exchange->tls ? uv_buf_init((char *)exchange->wire, TLS_READ_LEN)
			     : uv_buf_init((char *)exchange->buffer + exchange->used,
					   (unsigned)(TCP_BUFFER_LEN - exchange->used));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct tcp_exchange *exchange = stream->data;

	(void)buf;
	if (len == 0)
		return;
	if (len == UV_EOF) {
		closed(exchange);
	} else if (len < 0) {
		if (!fail_for_certificate(exchange))
			fail(exchange, uv_strerror((int)len));
	} else if (exchange->tls) {
		take_tls(exchange, (size_t)len);
	} else {
		exchange->used += (size_t)len;
		take_plain(exchange);
	}
}

/* ---- the beginning ---- */

static int say_query(struct tcp_exchange *exchange, char *reason)
{
	int err;

	if (!exchange->tls) {
		exchange->open = true;
		return send_bytes(exchange, exchange->query, exchange->query_len);
	}
	err = tls_write(exchange->tls, exchange->query, exchange->query_len, reason);
	if (err == 0)
		err = tls_start(exchange->tls, reason);
	return err < 0 ? err : send_tls(exchange);
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct tcp_exchange *exchange = connect->data;
	char reason[TLS_REASON_MAX] = "";

	if (exchange->ended)
		return;
	if (status == 0) {
		exchange->connected = true;
		exchange->active_ms = uv_now(exchange->tcp.loop);
		uv_tcp_nodelay(&exchange->tcp, 1);
		status = uv_read_start((uv_stream_t *)&exchange->tcp, on_alloc, on_read);
	}
	if (status == 0)
		status = say_query(exchange, reason);
	if (status < 0)
		fail(exchange, reason[0] ? reason : uv_strerror(status));
}

/* The port is chosen when the peer is known, so that all of them may be in use towards each. */
static int bind_source(struct tcp_exchange *exchange, const struct sockaddr *from)
{
	uv_os_fd_t fd;
	int on = 1;

	if (uv_fileno((uv_handle_t *)&exchange->tcp, &fd) == 0)
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return uv_tcp_bind(&exchange->tcp, from, 0);
}

static int begin(struct tcp_exchange *exchange)
{
	const struct tcp_request *request = &exchange->request;
	int err = 0;

	if (request->tls) {
		exchange->tls = tls_session_new(request->tls);
		exchange->wire = malloc(TLS_READ_LEN);
		if (!exchange->tls || !exchange->wire)
			return -ENOMEM;
	}
	if (request->from)
		err = bind_source(exchange, request->from);
	if (err == 0)
		err = uv_tcp_connect(&exchange->connect, &exchange->tcp, request->to, on_connected);
	return err;
}

int tcp_start(uv_loop_t *loop, const struct tcp_request *request, struct tcp_exchange **ret)
{
	struct tcp_exchange *exchange = malloc(sizeof(*exchange));
	int err;

	if (!exchange)
		return -ENOMEM;
	assert(request->query_len <= TCP_QUERY_MAX);
	memset(exchange, 0, offsetof(struct tcp_exchange, buffer));
	err = uv_tcp_init_ex(loop, &exchange->tcp, request->to->sa_family);
	if (err < 0) {
		free(exchange);
		return err;
	}
	uv_timer_init(loop, &exchange->timer);
	exchange->tcp.data = exchange;
	exchange->timer.data = exchange;
	exchange->connect.data = exchange;
	exchange->open_handles = 2;
	exchange->request = *request;
	exchange->query[0] = (uint8_t)(request->query_len >> 8);
	exchange->query[1] = (uint8_t)request->query_len;
	memcpy(exchange->query + 2, request->query, request->query_len);
	exchange->query_len = 2 + request->query_len;
	exchange->started_ms = uv_now(loop);
	exchange->active_ms = exchange->started_ms;
	err = begin(exchange);
	if (err < 0) {
		tcp_cancel(exchange);
		return err;
	}
	arm(exchange);
	*ret = exchange;
	return 0;
}
