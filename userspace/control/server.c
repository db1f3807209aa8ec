// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The control socket. A connection's life:
 *
 *     READ ──a line──▶ execute ──▶ WRITE ──all written──▶ close
 *       │                │ ▲         │ ▲
 *       │                │ │         └─┘ a list goes out in pieces, the next when the last is out
 *       │                └─┘ WAIT for the agent, or for an export to be written
 *       └── too long, too many clients ──▶ WRITE the error
 *
 * No progress for IDLE_MS: close.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "control/internal.h"
#include "util/log.h"

#define CLIENTS_MAX 32
#define IDLE_MS	    10000
#define BACKLOG	    64
#define PIECE_ZONES 256 /* of a list, in one write: about 150 kB and 2 ms */

struct connection {
	struct control *control;
	struct connection *next, **link; /* in control->connections */
	uv_pipe_t pipe;
	uv_timer_t idle;
	uv_write_t write;
	unsigned open_handles;
	size_t len;
	struct control_reply reply;
	size_t written_zones;
	bool has_items;	       /* of a list, any written */
	struct waiter *waiter; /* for the agent; NULL: not */
	uv_work_t work;	       /* an export */
	bool export_end;       /* all of it is written */
	char *out;	       /* being written */
	char in[CONTROL_REQUEST_MAX];
};

/* What the agent's answer finds, though the connection may be gone. */
struct waiter {
	struct connection *connection; /* NULL: gone */
	bool is_waiting;	       /* control_execute has returned */
	bool is_done;
};

struct control {
	const struct control_agent *agent;
	uv_loop_t *loop;
	uv_pipe_t listener;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct stat inode; /* of the socket: only our own is removed */
	struct connection *connections;
	unsigned n_connections;
	bool stopping, listener_closed;
};

static void control_release(struct control *control)
{
	if (control->stopping && control->listener_closed && !control->connections)
		free(control);
}

/* One that holds the connection is gone: a handle, or the export. */
static void connection_let_go(struct connection *c)
{
	struct control *control = c->control;

	if (--c->open_handles > 0)
		return;
	if (c->waiter)
		c->waiter->connection = NULL;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	control->n_connections--;
	control_reply_free(&c->reply);
	free(c->out);
	free(c);
	control_release(control);
}

static void connection_on_close(uv_handle_t *handle)
{
	connection_let_go(handle->data);
}

static void connection_close(struct connection *c)
{
	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	uv_close((uv_handle_t *)&c->pipe, connection_on_close);
	uv_close((uv_handle_t *)&c->idle, connection_on_close);
}

static void connection_on_idle(uv_timer_t *timer)
{
	connection_close(timer->data);
}

static void connection_continue(struct connection *c);

static void connection_on_written(uv_write_t *write, int status)
{
	struct connection *c = write->data;

	free(c->out);
	c->out = NULL;
	if (status < 0)
		connection_close(c);
	else if (!uv_is_closing((uv_handle_t *)&c->pipe))
		connection_continue(c);
}

/* Takes text. */
static void connection_write(struct connection *c, char *text, size_t len)
{
	uv_buf_t buf = uv_buf_init(text, len);

	c->out = text;
	c->write.data = c;
	uv_timer_start(&c->idle, connection_on_idle, IDLE_MS, 0);
	if (!text ||
	    uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, connection_on_written) < 0)
		connection_close(c);
}

/* The next zones of a list: "ITEM,ITEM,...", and what goes before and after. NULL: out of memory.
 */
static char *make_piece(struct connection *c, size_t *ret_len)
{
	const struct control_reply *reply = &c->reply;
	size_t end = reply->n_zones - c->written_zones < PIECE_ZONES
			     ? reply->n_zones
			     : c->written_zones + PIECE_ZONES;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (c->written_zones == 0)
		fputs("{\"ok\":true,\"result\":[", out);
	for (size_t i = c->written_zones; i < end; i++) {
		json_t *item;

		if (atomic_load(&reply->zones[i]->removed))
			continue; /* held no more, since the command came */
		item = control_zone_item(c->control->agent, reply->zones[i]);
		if (c->has_items)
			putc(',', out);
		c->has_items = true;
		/* Half a list is no JSON: the client sees that something is missing. */
		if (!item || json_dumpf(item, out, JSON_COMPACT) < 0)
			fputs("!", out);
		json_decref(item);
	}
	c->written_zones = end;
	if (end == reply->n_zones)
		fputs("]}\n", out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	*ret_len = size;
	return text;
}

/* Something was written, or nothing yet: on with the list, or the end. */
static void connection_continue(struct connection *c)
{
	const struct control_agent *agent = c->control->agent;

	if (c->reply.list && (c->written_zones < c->reply.n_zones || c->written_zones == 0)) {
		size_t len = 0;
		char *text = make_piece(c, &len);
		/* an empty list is complete with its first piece */
		if (c->reply.n_zones == 0)
			c->reply.list = false;
		connection_write(c, text, len);
		return;
	}
	if (c->reply.export && !c->export_end) {
		size_t len = 0;
		char *text = control_export_piece(c->reply.export, &len, &c->export_end);

		connection_write(c, text, len);
		return;
	}
	bool stop = c->reply.stop;
	connection_close(c);
	if (stop) {
		log_info("stop: asked for through the control socket");
		agent->stop(agent->ctx); /* may be the end of control, too */
	}
}

/* Sends the reply, or what is first of a list. */
static void connection_reply(struct connection *c)
{
	struct control_reply *reply = &c->reply;
	json_t *object;
	char *text, *line = NULL;

	if (reply->list || (reply->export && !reply->error[0])) {
		connection_continue(c);
		return;
	}
	if (reply->error[0])
		object = json_pack("{s:b, s:o}", "ok", 0, "error", control_text(reply->error));
	else
		object = json_pack("{s:b, s:O}", "ok", 1, "result", reply->result);
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	int len = text ? asprintf(&line, "%s\n", text) : -1;
	free(text);
	connection_write(c, len < 0 ? NULL : line, len < 0 ? 0 : len);
}

/* ---- what takes its time ---- */

static void connection_on_done(void *ctx, int error, const char *text)
{
	struct waiter *waiter = ctx;
	struct connection *c = waiter->connection;

	waiter->is_done = true;
	if (c && error)
		snprintf(c->reply.error, sizeof(c->reply.error), "%s",
			 text[0] ? text : strerror(-error));
	else if (c)
		c->reply.result = json_pack("{s:o}", "text", control_text(text));
	if (!waiter->is_waiting)
		return; /* connection_execute goes on */
	if (c) {
		c->waiter = NULL;
		if (!uv_is_closing((uv_handle_t *)&c->pipe))
			connection_reply(c);
	}
	free(waiter);
}

static void export_write(uv_work_t *work)
{
	struct connection *c = work->data;

	control_export_write(c->reply.export);
}

static void export_on_written(uv_work_t *work, int status)
{
	struct connection *c = work->data;

	snprintf(c->reply.error, sizeof(c->reply.error), "%s",
		 status < 0 ? uv_strerror(status) : control_export_error(c->reply.export));
	if (c->reply.error[0]) {
		control_export_free(c->reply.export);
		c->reply.export = NULL;
	}
	if (!uv_is_closing((uv_handle_t *)&c->pipe))
		connection_reply(c);
	connection_let_go(c);
}

/* Off the loop: a large zone takes seconds. */
static void connection_export(struct connection *c)
{
	int err;

	c->work.data = c;
	uv_timer_stop(&c->idle);
	err = uv_queue_work(c->control->loop, &c->work, export_write, export_on_written);
	if (err == 0) {
		c->open_handles++;
		return;
	}
	control_export_free(c->reply.export);
	c->reply.export = NULL;
	snprintf(c->reply.error, sizeof(c->reply.error), "%s", uv_strerror(err));
	connection_reply(c);
}

/* Waits for the agent, if it has not answered yet. waiter is taken. */
static void connection_wait(struct connection *c, struct waiter *waiter)
{
	if (!c->reply.pending || waiter->is_done) {
		free(waiter);
		if (c->reply.export)
			connection_export(c);
		else
			connection_reply(c);
		return;
	}
	waiter->is_waiting = true;
	c->waiter = waiter;
	uv_timer_stop(&c->idle);
}

static void connection_execute(struct connection *c, size_t line_len)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	json_t *arguments = NULL;
	char error[sizeof(c->reply.error)];
	const struct control_command *command =
		control_request_parse(c->in, line_len, &arguments, error, sizeof(error));

	if (command) {
		log_debug("control: %s", command->name);
		if (waiter) {
			waiter->connection = c;
			control_execute(c->control->agent, command, arguments, connection_on_done,
					waiter, &c->reply);
		}
		json_decref(arguments);
	} else {
		snprintf(c->reply.error, sizeof(c->reply.error), "%s", error);
	}
	if (waiter)
		connection_wait(c, waiter);
	else
		connection_close(c);
}

static void connection_fail(struct connection *c, const char *error)
{
	snprintf(c->reply.error, sizeof(c->reply.error), "%s", error);
	connection_reply(c);
}

static void connection_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct connection *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->in + c->len, sizeof(c->in) - c->len);
}

static void connection_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct connection *c = stream->data;
	const char *end;

	(void)buf;
	if (n < 0 && n != UV_ENOBUFS) {
		connection_close(c);
		return;
	}
	c->len += n > 0 ? n : 0;
	end = memchr(c->in, '\n', c->len);
	if (end) {
		uv_read_stop(stream);
		connection_execute(c, end - c->in);
	} else if (c->len == sizeof(c->in)) {
		uv_read_stop(stream);
		connection_fail(c, "the request is longer than 64 KiB");
	}
}

static void control_on_connection(uv_stream_t *listener, int status)
{
	struct control *control = listener->data;
	struct connection *c;

	if (status < 0) {
		log_warning("control socket %s: accept: %s", control->path, uv_strerror(status));
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		log_warning("control socket %s: out of memory for a client", control->path);
		return;
	}
	c->control = control;
	c->next = control->connections;
	c->link = &control->connections;
	if (c->next)
		c->next->link = &c->next;
	control->connections = c;
	control->n_connections++;
	uv_pipe_init(control->loop, &c->pipe, 0);
	uv_timer_init(control->loop, &c->idle);
	c->open_handles = 2;
	c->pipe.data = c;
	c->idle.data = c;

	if (uv_accept(listener, (uv_stream_t *)&c->pipe) < 0) {
		connection_close(c);
		return;
	}
	uv_timer_start(&c->idle, connection_on_idle, IDLE_MS, 0);
	if (control->n_connections > CLIENTS_MAX)
		connection_fail(c, "too many clients at the control socket; try again");
	else if (uv_read_start((uv_stream_t *)&c->pipe, connection_alloc, connection_on_read) < 0)
		connection_close(c);
}

static void control_on_listener_close(uv_handle_t *handle)
{
	struct control *control = handle->data;

	control->listener_closed = true;
	control_release(control);
}

int control_start(uv_loop_t *loop, const struct control_agent *agent, struct control **ret)
{
	struct control *control = calloc(1, sizeof(*control));
	int fd, err;

	if (!control)
		return -ENOMEM;
	control->agent = agent;
	control->loop = loop;
	if (snprintf(control->path, sizeof(control->path), "%s/%s", agent->config->rundir,
		     CONTROL_SOCKET) >= (int)sizeof(control->path)) {
		log_error("control socket: rundir %s is too long", agent->config->rundir);
		free(control);
		return -ENAMETOOLONG;
	}
	fd = control_bind(control->path);
	if (fd < 0) {
		free(control);
		return fd;
	}
	stat(control->path, &control->inode);
	uv_pipe_init(loop, &control->listener, 0);
	control->listener.data = control;
	err = uv_pipe_open(&control->listener, fd);
	if (err < 0)
		close(fd);
	else
		err = uv_listen((uv_stream_t *)&control->listener, BACKLOG, control_on_connection);
	if (err < 0) {
		log_error("control socket %s: %s", control->path, uv_strerror(err));
		control_stop(control);
		return err;
	}
	*ret = control;
	return 0;
}

void control_stop(struct control *control)
{
	struct stat st;

	if (!control || control->stopping)
		return;
	control->stopping = true;
	if (stat(control->path, &st) == 0 && st.st_dev == control->inode.st_dev &&
	    st.st_ino == control->inode.st_ino)
		unlink(control->path);
	for (struct connection *c = control->connections; c; c = c->next)
		connection_close(c);
	uv_close((uv_handle_t *)&control->listener, control_on_listener_close);
}
