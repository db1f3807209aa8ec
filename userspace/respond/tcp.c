/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DNS over TCP: connections are accepted, kept in the order in which they were idle, and closed. */
#include "respond/tcp.h"

#include <errno.h>
#include <poll.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "respond/connection.h"
#include "respond/internal.h"
#include "respond/onward.h"
#include "respond/stream.h"

#define ACCEPTS_PER_TURN 64

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

void tcp_was_active(struct tcp_client *client)
{
	unlink_client(client);
	link_newest(client);
}

static void on_closed(uv_handle_t *handle)
{
	connection_free(handle->data);
}

void tcp_close_client(struct tcp_client *client, const char *why)
{
	struct transfer *transfer;

	if (client->closing)
		return;
	client->closing = true;
	while ((transfer = client->transfer) != NULL) {
		client->transfer = transfer->next;
		onward_end(client->respond, transfer, why);
	}
	unlink_client(client);
	client->respond->clients.n--;
	stream_bye(client);
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
		tcp_close_client(client, "the client reads no more");
	}
}

/* ---- connections ---- */

/* Room for one more: who was idle longest goes (RFC 7766 §6.2.3 leaves it to the server). false:
 * there is none. */
static bool close_oldest(struct respond *respond)
{
	if (respond->clients.oldest == NULL)
		return false;
	respond_count(respond, RESPOND_TCP_REJECTED);
	tcp_close_client(respond->clients.oldest,
			 "there are too many connections"); /* its descriptor is free at once */
	return true;
}

/* Takes over fd. */
static void add_client(struct tcp_listener *listener, int fd, const struct sockaddr_storage *from)
{
	struct respond *respond = listener->respond;
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
	if (listener->tls)
		respond_count(respond, RESPOND_TLS_CONNECTIONS);
	if (uv_tcp_open(&client->handle, fd) != 0) {
		close(fd);
		tcp_close_client(client, "");
		return;
	}
	(void)uv_tcp_nodelay(&client->handle, 1); /* a matter of speed only */
	if (connection_start(client, listener->tls ? respond->tls_context : NULL) != 0)
		tcp_close_client(client, "");
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
		add_client(listener, fd, &from);
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
		tcp_close_client(respond->clients.oldest, "the server stops");
}

void tcp_free(struct respond *respond)
{
	if (respond->clients.buffers == NULL)
		return;
	if (respond->clients.reserve_fd != -1)
		close(respond->clients.reserve_fd);
	free(respond->clients.buffers);
}
