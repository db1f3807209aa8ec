/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS over TCP (RFC 7766): each message behind its length in two bytes, several queries on a
 * connection, the next ones not waiting for replies. A connection is
 *
 *     READING ──replies do not go out──▶ BLOCKED ──they are out──▶ READING
 *        │ end of file, idle, error         │ idle, error
 *        └────────────▶ closed ◀────────────┘
 *
 * BLOCKED: nothing is read, and what is read already waits: a client that does not take replies
 * gets no more of them made. So a connection holds at most what one read gave, a message cut off in
 * it, and one read's replies.
 */
#include "respond/tcp.h"

#include <errno.h>
#include <poll.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libknot/wire.h>

#include "respond/internal.h"

#define LENGTH_LEN	 2
#define MESSAGE_MAX	 (LENGTH_LEN + UINT16_MAX)
#define READ_SIZE	 (16 * 1024)
#define ACCEPTS_PER_TURN 64

/* One for all connections, as each is served in one go. */
struct tcp_buffers {
	uint8_t in[READ_SIZE];
	uint8_t out[2 * MESSAGE_MAX]; /* flushed when less than a message is free */
	size_t out_len;
};

struct tcp_client {
	uv_tcp_t handle;
	uv_write_t write;
	struct respond *respond;
	struct tcp_client *older, *newer;
	uint64_t active_at_ms;
	struct sockaddr_storage from;
	uint8_t *in; /* read, not yet answered: in_len bytes */
	size_t in_len;
	uint8_t *out; /* being written */
	bool blocked; /* out is not yet gone */
	bool closing;
};

/* ---- the order of the connections ---- */

static void unlink_client(struct tcp_client *client)
{
	struct tcp_clients *clients = &client->respond->clients;

	*(client->older ? &client->older->newer : &clients->oldest) = client->newer;
	*(client->newer ? &client->newer->older : &clients->newest) = client->older;
	client->older = client->newer = NULL;
}

static void link_newest(struct tcp_client *client)
{
	struct tcp_clients *clients = &client->respond->clients;

	client->older = clients->newest;
	client->newer = NULL;
	*(clients->newest ? &clients->newest->newer : &clients->oldest) = client;
	clients->newest = client;
	client->active_at_ms = uv_now(&client->respond->loop);
}

/* A query has come or replies have gone: single bytes do not keep a connection. */
static void was_active(struct tcp_client *client)
{
	unlink_client(client);
	link_newest(client);
}

static void on_closed(uv_handle_t *handle)
{
	struct tcp_client *client = handle->data;

	free(client->in);
	free(client->out);
	free(client);
}

static void close_client(struct tcp_client *client)
{
	if (client->closing)
		return;
	client->closing = true;
	unlink_client(client);
	client->respond->clients.n--;
	uv_close((uv_handle_t *)&client->handle, on_closed);
}

static void on_idle(uv_timer_t *timer)
{
	struct respond *respond = timer->data;
	uint64_t now_ms = uv_now(&respond->loop), timeout_ms = respond->config->tcp_idle_timeout_ms;
	struct tcp_client *client;

	while ((client = respond->clients.oldest) != NULL) {
		uint64_t due_ms = client->active_at_ms + timeout_ms;

		if (now_ms < due_ms) {
			uv_timer_start(timer, on_idle, due_ms - now_ms, 0);
			return;
		}
		close_client(client);
	}
}

/* ---- replies ---- */

static void resume(struct tcp_client *client);

static void on_written(uv_write_t *write, int status)
{
	struct tcp_client *client = write->data;

	free(client->out);
	client->out = NULL;
	client->blocked = false;
	if (client->closing)
		return;
	if (status != 0) {
		close_client(client);
		return;
	}
	was_active(client);
	resume(client);
}

/* What the kernel does not take at once blocks the connection. */
static void flush(struct tcp_client *client)
{
	struct tcp_buffers *buffers = client->respond->clients.buffers;
	uv_buf_t buf = uv_buf_init((char *)buffers->out, (unsigned)buffers->out_len);
	int ret;

	buffers->out_len = 0;
	if (buf.len == 0 || client->closing)
		return;
	ret = uv_try_write((uv_stream_t *)&client->handle, &buf, 1);
	if (ret < 0 && ret != UV_EAGAIN) {
		close_client(client);
		return;
	}
	if (ret > 0) {
		buf.base += ret;
		buf.len -= (size_t)ret;
	}
	if (buf.len == 0)
		return;

	client->out = malloc(buf.len);
	if (client->out == NULL) {
		close_client(client);
		return;
	}
	memcpy(client->out, buf.base, buf.len);
	buf.base = (char *)client->out;
	client->write.data = client;
	ret = uv_write(&client->write, (uv_stream_t *)&client->handle, &buf, 1, on_written);
	if (ret != 0) {
		close_client(client);
		return;
	}
	client->blocked = true;
	uv_read_stop((uv_stream_t *)&client->handle);
}

static void answer_message(struct tcp_client *client, const uint8_t *wire, size_t len)
{
	struct respond *respond = client->respond;
	struct tcp_buffers *buffers = respond->clients.buffers;
	struct respond_query query = {
		.wire = wire,
		.len = len,
		.from = (const struct sockaddr *)&client->from,
		.tcp = true,
	};
	uint8_t *out = buffers->out + buffers->out_len;
	size_t reply_len;

	respond_count(respond, RESPOND_TCP_QUERIES);
	if (len < QUERY_HEADER_LEN) { /* no DNS: what follows will be none either */
		respond_count(respond, RESPOND_DROPPED);
		flush(client);
		close_client(client);
		return;
	}
	reply_len =
		respond_make(respond, respond_txn(respond), &query, out + LENGTH_LEN, UINT16_MAX);
	if (reply_len == 0)
		return;
	knot_wire_write_u16(out, (uint16_t)reply_len);
	buffers->out_len += LENGTH_LEN + reply_len;
	if (buffers->out_len + MESSAGE_MAX > sizeof(buffers->out))
		flush(client);
}

/* Answers the whole messages in data, as far as replies go out; how many bytes that were. */
static size_t answer_messages(struct tcp_client *client, const uint8_t *data, size_t len)
{
	size_t pos = 0;

	while (!client->blocked && !client->closing && len - pos >= LENGTH_LEN) {
		size_t message_len = knot_wire_read_u16(data + pos);

		if (len - pos - LENGTH_LEN < message_len)
			break;
		answer_message(client, data + pos + LENGTH_LEN, message_len);
		pos += LENGTH_LEN + message_len;
	}
	flush(client);
	if (pos > 0 && !client->closing)
		was_active(client);
	return pos;
}

/* ---- queries ---- */

/* Keeps the bytes that are not answered yet: the first `done` of in are. */
static void keep_rest(struct tcp_client *client, size_t done)
{
	client->in_len -= done;
	if (client->in_len == 0) {
		free(client->in);
		client->in = NULL;
	} else if (done > 0) {
		memmove(client->in, client->in + done, client->in_len);
	}
}

static int append(struct tcp_client *client, const uint8_t *data, size_t len)
{
	uint8_t *in;

	if (len == 0)
		return 0;
	in = realloc(client->in, client->in_len + len);
	if (in == NULL)
		return -ENOMEM;
	memcpy(in + client->in_len, data, len);
	client->in = in;
	client->in_len += len;
	return 0;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct tcp_client *client = handle->data;

	(void)size;
	*buf = uv_buf_init((char *)client->respond->clients.buffers->in, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct tcp_client *client = stream->data;
	const uint8_t *data = (const uint8_t *)buf->base;
	size_t done;

	if (n == 0 || client->closing)
		return;
	if (n < 0) {
		/* End of file: the client may still read (RFC 7766 §6.2.4). Nothing is pending, as
		 * we were reading. */
		close_client(client);
		return;
	}
	if (client->in_len > 0) {
		if (append(client, data, (size_t)n) != 0) {
			close_client(client);
			return;
		}
		keep_rest(client, answer_messages(client, client->in, client->in_len));
		return;
	}
	done = answer_messages(client, data, (size_t)n);
	if (append(client, data + done, (size_t)n - done) != 0)
		close_client(client);
}

/* The replies are gone: on with the queries that are here, then with reading. */
static void resume(struct tcp_client *client)
{
	keep_rest(client, answer_messages(client, client->in, client->in_len));
	if (client->closing || client->blocked)
		return;
	if (uv_read_start((uv_stream_t *)&client->handle, on_alloc, on_read) != 0)
		close_client(client);
}

/* ---- connections ---- */

/* Room for one more: who was idle longest goes (RFC 7766 §6.2.3 leaves it to the server). false:
 * there is none. */
static bool close_oldest(struct respond *respond)
{
	if (respond->clients.oldest == NULL)
		return false;
	respond_count(respond, RESPOND_TCP_REJECTED);
	close_client(respond->clients.oldest); /* its descriptor is free at once */
	return true;
}

/* Takes over fd. */
static void add_client(struct respond *respond, int fd, const struct sockaddr_storage *from)
{
	struct tcp_clients *clients = &respond->clients;
	struct tcp_client *client = calloc(1, sizeof(*client));

	if (client == NULL || uv_tcp_init(&respond->loop, &client->handle) != 0) {
		respond_count(respond, RESPOND_TCP_REJECTED);
		close(fd);
		free(client);
		return;
	}
	client->respond = respond;
	client->handle.data = client;
	client->from = *from;
	clients->n++;
	link_newest(client);
	respond_count(respond, RESPOND_TCP_CONNECTIONS);
	if (uv_tcp_open(&client->handle, fd) != 0) {
		close(fd);
		close_client(client);
		return;
	}
	(void)uv_tcp_nodelay(&client->handle, 1); /* a matter of speed only */
	if (uv_read_start((uv_stream_t *)&client->handle, on_alloc, on_read) != 0)
		close_client(client);
	else if (!uv_is_active((uv_handle_t *)&clients->idle))
		uv_timer_start(&clients->idle, on_idle, respond->config->tcp_idle_timeout_ms, 0);
}

/*
 * Out of descriptors: one of ours goes; if there is none, the reserved one is given up for as long
 * as it takes to refuse the connection, which else would wake us again and again.
 */
static void refuse_client(struct respond *respond, int listen_fd)
{
	int fd;

	if (close_oldest(respond))
		return;
	close(respond->clients.reserve_fd);
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd != -1) {
		respond_count(respond, RESPOND_TCP_REJECTED);
		close(fd);
	}
	respond->clients.reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool is_readable(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, 0) == 1;
}

static void on_connection(uv_poll_t *handle, int status, int events)
{
	struct tcp_listener *listener = handle->data;
	struct respond *respond = listener->respond;

	(void)status; /* an error of the socket: accept4 fetches it */
	(void)events;
	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		int fd;

		fd = accept4(listener->fd, (struct sockaddr *)&from, &from_len,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1 && (errno == EMFILE || errno == ENFILE)) {
			/* Said before the kernel has looked whether anybody waits at all. */
			if (!is_readable(listener->fd))
				return;
			refuse_client(respond, listener->fd);
			continue;
		}
		if (fd == -1 && errno == EAGAIN)
			return;
		if (fd ==
		    -1) /* accept(2): errors of the connection; those of the system may pass */
			continue;
		if (respond->clients.n >= respond->config->tcp_max_clients)
			close_oldest(respond);
		add_client(respond, fd, &from);
	}
}

int tcp_init(struct respond *respond)
{
	int ret;

	respond->clients.buffers = malloc(sizeof(*respond->clients.buffers));
	if (respond->clients.buffers == NULL)
		return -ENOMEM;
	respond->clients.buffers->out_len = 0;
	respond->clients.reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ret = uv_timer_init(&respond->loop, &respond->clients.idle);
	respond->clients.idle.data = respond;
	return ret;
}

int tcp_open(struct respond *respond, struct tcp_listener *listener)
{
	int ret;

	listener->respond = respond;
	ret = uv_poll_init(&respond->loop, &listener->poll, listener->fd);
	if (ret != 0)
		return ret;
	listener->poll.data = listener;
	return uv_poll_start(&listener->poll, UV_READABLE, on_connection);
}

void tcp_close(struct tcp_listener *listener)
{
	if (listener->fd != -1)
		close(listener->fd);
	listener->fd = -1;
}

void tcp_close_clients(struct respond *respond)
{
	while (respond->clients.oldest != NULL)
		close_client(respond->clients.oldest);
}

void tcp_free(struct respond *respond)
{
	if (respond->clients.buffers == NULL)
		return;
	if (respond->clients.reserve_fd != -1)
		close(respond->clients.reserve_fd);
	free(respond->clients.buffers);
}
