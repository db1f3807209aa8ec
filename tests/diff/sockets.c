// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask.h"
#include "window.h"

#define UDP_WINDOW     64
#define UDP_TIMEOUT_MS 1000
#define TCP_WINDOW     128
#define TCP_TIMEOUT_MS 5000
#define ROUNDS	       4
#define MESSAGE_MAX    65535
#define TCP_CONNECTS   20000 /* some servers close after a number of queries */

int ask_connect(const char *address, const char *port, int type)
{
	struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *info;
	int fd, err = 0;

	if (getaddrinfo(address, port, &hints, &info) != 0)
		return -EINVAL;
	fd = socket(info->ai_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){1 << 22}, sizeof(int));
	if (connect(fd, info->ai_addr, info->ai_addrlen) < 0 && errno != EINPROGRESS) {
		err = -errno;
		close(fd);
	}
out:
	freeaddrinfo(info);
	return err < 0 ? err : fd;
}

static void put_id(uint8_t *message, uint32_t index)
{
	message[0] = window_id(index) >> 8;
	message[1] = window_id(index) & 0xff;
}

/* ---- UDP ---- */

static int udp_send(int fd, struct window *window)
{
	uint8_t message[MESSAGE_MAX];
	uint32_t index;

	while (window_next(window, &index)) {
		const struct query *query = &window->corpus->query[index];

		memcpy(message, query->wire, query->head.len);
		put_id(message, index);
		if (send(fd, message, query->head.len, 0) < 0) {
			if (errno == EAGAIN)
				return 0;
			if (errno != ECONNREFUSED)
				return -errno;
		}
		window_sent(window);
	}
	return 0;
}

static int udp_receive(int fd, struct window *window)
{
	static uint8_t message[MESSAGE_MAX];

	for (;;) {
		ssize_t len = recv(fd, message, sizeof(message), 0);
		int err;

		if (len < 0 && errno == EAGAIN)
			return 0;
		if (len < 0 && errno != ECONNREFUSED)
			return -errno;
		err = len > 0 ? window_reply(window, message, len) : 0;
		if (err < 0)
			return err;
	}
}

static int udp_round(int fd, struct window *window)
{
	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int err = udp_send(fd, window);
		int left;

		if (err < 0)
			return err;
		left = window_expire(window);
		if (left < 0 && window->next == window->n)
			return 0;
		poll(&wait, 1, left < 0 ? 0 : left);
		err = udp_receive(fd, window);
		if (err < 0)
			return err;
	}
}

int ask_udp(const char *address, const char *port, const struct corpus *corpus,
	    struct replies *replies)
{
	struct window window;
	int fd = ask_connect(address, port, SOCK_DGRAM);
	int err = window_init(&window, corpus, replies, UDP_WINDOW, UDP_TIMEOUT_MS);

	if (fd < 0)
		err = fd;
	for (int i = 0; err == 0 && i < ROUNDS && window_round(&window) > 0; i++)
		err = udp_round(fd, &window);
	if (fd >= 0)
		close(fd);
	window_free(&window);
	return err;
}

/* ---- TCP ---- */

struct stream {
	const char *address, *port;
	int fd; /* -1: to be connected */
	unsigned connects;
	size_t out_len, out_at, in_len;
	uint8_t out[4 * MESSAGE_MAX];
	uint8_t in[4 * MESSAGE_MAX];
};

static void stream_close(struct stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
	stream->out_len = stream->out_at = stream->in_len = 0;
}

/* Queries into the buffer, and as much of that as the connection takes. false: it is closed. */
static bool tcp_send(struct stream *stream, struct window *window)
{
	uint32_t index;

	if (stream->out_at == stream->out_len)
		stream->out_at = stream->out_len = 0;
	while (stream->out_len < MESSAGE_MAX && window_next(window, &index)) {
		const struct query *query = &window->corpus->query[index];
		uint8_t *to = stream->out + stream->out_len;

		to[0] = query->head.len >> 8;
		to[1] = query->head.len & 0xff;
		memcpy(to + 2, query->wire, query->head.len);
		put_id(to + 2, index);
		stream->out_len += 2 + query->head.len;
		window_sent(window);
	}
	while (stream->out_at < stream->out_len) {
		ssize_t len = send(stream->fd, stream->out + stream->out_at,
				   stream->out_len - stream->out_at, MSG_NOSIGNAL);

		if (len < 0)
			return errno == EAGAIN;
		stream->out_at += len;
	}
	return true;
}

/* *ret_open: false when the stream has ended. */
static int tcp_receive(struct stream *stream, struct window *window, bool *ret_open)
{
	size_t at = 0;
	ssize_t len = recv(stream->fd, stream->in + stream->in_len,
			   sizeof(stream->in) - stream->in_len, 0);

	*ret_open = len > 0 || (len < 0 && errno == EAGAIN);
	if (len <= 0)
		return 0;
	stream->in_len += len;
	while (stream->in_len - at >= 2) {
		const uint8_t *in = stream->in + at;
		size_t message = in[0] << 8 | in[1];
		int err;

		if (stream->in_len - at - 2 < message)
			break;
		err = window_reply(window, in + 2, message);
		if (err < 0)
			return err;
		at += 2 + message;
	}
	stream->in_len -= at;
	memmove(stream->in, stream->in + at, stream->in_len);
	return 0;
}

static int tcp_open(struct stream *stream, struct window *window)
{
	stream_close(stream);
	if (++stream->connects > TCP_CONNECTS)
		return -ECONNABORTED;
	window_rewind(window);
	stream->fd = ask_connect(stream->address, stream->port, SOCK_STREAM);
	return stream->fd < 0 ? stream->fd : 0;
}

static int tcp_round(struct stream *stream, struct window *window)
{
	for (;;) {
		bool open = stream->fd >= 0 && tcp_send(stream, window);
		struct pollfd wait = {.events = POLLIN};
		int left = window_expire(window), err = 0;

		if (left < 0 && window->next == window->n)
			return 0;
		if (open) {
			wait.fd = stream->fd;
			wait.events |= stream->out_at < stream->out_len ? POLLOUT : 0;
			poll(&wait, 1, left < 0 ? TCP_TIMEOUT_MS : left);
			if (wait.revents & (POLLIN | POLLHUP | POLLERR))
				err = tcp_receive(stream, window, &open);
		}
		if (err == 0 && !open)
			err = tcp_open(stream, window);
		if (err < 0)
			return err;
	}
}

int ask_tcp(const char *address, const char *port, const struct corpus *corpus,
	    struct replies *replies)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct window window;
	int err = window_init(&window, corpus, replies, TCP_WINDOW, TCP_TIMEOUT_MS);

	if (!stream)
		err = -ENOMEM;
	for (int i = 0; err == 0 && i < ROUNDS && window_round(&window) > 0; i++) {
		*stream = (struct stream){.address = address, .port = port, .fd = -1};
		err = tcp_round(stream, &window);
		stream_close(stream);
	}
	free(stream);
	window_free(&window);
	return err;
}
