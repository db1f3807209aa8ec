// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A connection of DNS over TCP (RFC 7766): each message behind its length in two bytes, several
 * queries on a connection, the next ones not waiting for replies.
 *
 *     READING ──replies do not go out──▶ BLOCKED ──they are out──▶ READING
 *        │ end of file, idle, error         │ idle, error
 *        └────────────▶ closed ◀────────────┘
 *
 * BLOCKED: nothing is read, and what is read already waits: a client that does not take replies
 * gets no more of them made. So a connection holds at most what one read gave, a message cut off in
 * it, and one read's replies.
 *
 * A transfer goes on beside that, in either state: a message of it is made when the one before is
 * out, at most one in each turn of the loop, so that it is made as fast as the client reads, holds
 * one message at most, and lets all others have their turn. Queries that come meanwhile are
 * answered between its messages (RFC 5936 §4.1.1, RFC 7766 §6.2.1.1); transfers that are asked for
 * together take turns.
 */
#include "respond/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <libknot/wire.h>

#include "respond/internal.h"
#include "respond/make.h"
#include "respond/onward.h"

/* ---- bytes out ---- */

/* What the kernel did not take at once. */
struct outgoing {
	uv_write_t write;
	struct tcp_client *client;
	void (*done)(struct tcp_client *client);
	uint8_t bytes[];
};

static void on_written(uv_write_t *write, int status)
{
	struct outgoing *outgoing = write->data;
	struct tcp_client *client = outgoing->client;
	void (*done)(struct tcp_client *client) = outgoing->done;

	free(outgoing);
	if (client->closing)
		return;
	if (status != 0) {
		tcp_close_client(client, uv_strerror(status));
		return;
	}
	tcp_was_active(client);
	done(client);
}

/* How many bytes the kernel takes now. */
static int write_now(struct tcp_client *client, const uint8_t *bytes, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
	int ret = uv_try_write((uv_stream_t *)&client->handle, &buf, 1);

	return ret == UV_EAGAIN ? 0 : ret;
}

/* Copies the bytes; done is called in a later turn of the loop, when they are out, unless the
 * connection is closed. 0 or a negative errno. */
static int write_later(struct tcp_client *client, const uint8_t *bytes, size_t len,
		       void (*done)(struct tcp_client *client))
{
	struct outgoing *outgoing = malloc(sizeof(*outgoing) + len);
	uv_buf_t buf;
	int ret;

	if (outgoing == NULL)
		return -ENOMEM;
	*outgoing = (struct outgoing){.client = client, .done = done};
	outgoing->write.data = outgoing;
	memcpy(outgoing->bytes, bytes, len);
	buf = uv_buf_init((char *)outgoing->bytes, (unsigned)len);
	ret = uv_write(&outgoing->write, (uv_stream_t *)&client->handle, &buf, 1, on_written);
	if (ret != 0)
		free(outgoing);
	return ret;
}

/* ---- transfers ---- */

static void go_on(struct tcp_client *client);

static void end_transfer(struct tcp_client *client, const char *failure)
{
	struct transfer *transfer = client->transfer;

	client->transfer = transfer->next;
	onward_end(client->respond, transfer, failure);
}

static void append_transfer(struct tcp_client *client, struct transfer *transfer)
{
	struct transfer **last = &client->transfer;

	while (*last != NULL)
		last = &(*last)->next;
	transfer->next = NULL;
	*last = transfer;
}

static void on_sent(struct tcp_client *client)
{
	struct transfer *transfer = client->transfer;

	client->sending = false;
	if (transfer->done) {
		end_transfer(client, NULL);
	} else if (transfer->next != NULL) {
		client->transfer = transfer->next;
		append_transfer(client, transfer);
	}
	go_on(client);
}

static const char *failure_text(int error)
{
	switch (error) {
	case -ENOENT:
		return "the zone is held no more";
	case -ETIME:
		return "max-transfer-time is over";
	case -ENOSPC:
		return "a record is too long for a message";
	default:
		return strerror(-error);
	}
}

/* One message more. */
static void send_transfer(struct tcp_client *client)
{
	uint8_t *message = client->respond->clients.buffers->message;
	int ret;

	if (client->transfer == NULL || client->sending || client->closing)
		return;
	ret = transfer_next(client->transfer, message + LENGTH_LEN, UINT16_MAX);
	if (ret < 0) {
		end_transfer(client, failure_text(ret));
		/* RFC 5936 §2.2: what has come does not count without the end */
		tcp_close_client(client, "the one before it was cut off");
		return;
	}
	knot_wire_write_u16(message, (uint16_t)ret);
	ret = write_later(client, message, LENGTH_LEN + (size_t)ret, on_sent);
	if (ret == 0)
		client->sending = true;
	else
		tcp_close_client(client, strerror(-ret));
}

/* ---- replies ---- */

static void on_replies_out(struct tcp_client *client)
{
	client->writing--;
	go_on(client);
}

/* What the kernel does not take at once blocks the connection. */
static void flush(struct tcp_client *client)
{
	struct tcp_buffers *buffers = client->respond->clients.buffers;
	size_t len = buffers->out_len;
	int ret;

	buffers->out_len = 0;
	if (len == 0 || client->closing)
		return;
	ret = write_now(client, buffers->out, len);
	if (ret >= 0 && (size_t)ret < len) {
		ret = write_later(client, buffers->out + ret, len - (size_t)ret, on_replies_out);
		if (ret == 0) {
			client->writing++;
			uv_read_stop((uv_stream_t *)&client->handle);
		}
	}
	if (ret < 0)
		tcp_close_client(client, uv_strerror(ret));
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
	struct transfer *transfer;
	size_t reply_len;

	respond_count(respond, RESPOND_TCP_QUERIES);
	if (len < QUERY_HEADER_LEN) { /* no DNS: what follows will be none either */
		respond_count(respond, RESPOND_DROPPED);
		flush(client);
		tcp_close_client(client, "something that is not DNS came");
		return;
	}
	reply_len = make_reply(respond, respond_txn(respond), &query, out + LENGTH_LEN, UINT16_MAX,
			       &transfer);
	if (transfer != NULL)
		append_transfer(client, transfer);
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

	while (client->writing == 0 && !client->closing && len - pos >= LENGTH_LEN) {
		size_t message_len = knot_wire_read_u16(data + pos);

		if (len - pos - LENGTH_LEN < message_len)
			break;
		answer_message(client, data + pos + LENGTH_LEN, message_len);
		pos += LENGTH_LEN + message_len;
	}
	flush(client);
	if (pos > 0 && !client->closing)
		tcp_was_active(client);
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

/* Bytes of the client's messages. */
static void received(struct tcp_client *client, const uint8_t *data, size_t len)
{
	size_t done = 0;
	int ret;

	if (client->in_len > 0) {
		ret = append(client, data, len);
		if (ret == 0)
			keep_rest(client, answer_messages(client, client->in, client->in_len));
	} else {
		done = answer_messages(client, data, len);
		ret = append(client, data + done, len - done);
	}
	if (ret != 0)
		tcp_close_client(client, strerror(-ret));
	else
		send_transfer(client);
}

/* The client may still read (RFC 7766 §6.2.4). But for transfers nothing is pending, as we were
 * reading. */
static void received_eof(struct tcp_client *client)
{
	client->eof = true;
	uv_read_stop((uv_stream_t *)&client->handle);
	if (client->transfer == NULL)
		tcp_close_client(client, "");
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

	if (n == 0 || client->closing)
		return;
	if (n == UV_EOF)
		received_eof(client);
	else if (n < 0)
		tcp_close_client(client, uv_strerror((int)n));
	else
		received(client, (const uint8_t *)buf->base, (size_t)n);
}

/* Something is out: on with the queries that are here, with the transfers, with reading. */
static void go_on(struct tcp_client *client)
{
	if (client->writing == 0)
		keep_rest(client, answer_messages(client, client->in, client->in_len));
	send_transfer(client);
	if (client->closing || client->writing > 0)
		return;
	if (client->eof) {
		if (client->transfer == NULL)
			tcp_close_client(client, "");
		return;
	}
	/* UV_EALREADY: it is being read. */
	int ret = uv_read_start((uv_stream_t *)&client->handle, on_alloc, on_read);
	if (ret != 0 && ret != UV_EALREADY)
		tcp_close_client(client, uv_strerror(ret));
}

/* ---- its life ---- */

int connection_start(struct tcp_client *client)
{
	return uv_read_start((uv_stream_t *)&client->handle, on_alloc, on_read);
}

void connection_free(struct tcp_client *client)
{
	free(client->in);
	free(client);
}
