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
#include "respond/stream.h"

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
	ret = stream_send_later(client, message, LENGTH_LEN + (size_t)ret, on_sent);
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
	ret = stream_send(client, buffers->out, len, on_replies_out);
	if (ret == 0) {
		client->writing++;
		stream_read_stop(client);
	}
	if (ret < 0)
		tcp_close_client(client, strerror(-ret));
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
		.tls = client->tls != NULL,
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

void connection_received(struct tcp_client *client, const uint8_t *data, size_t len)
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

/* The client may still read (RFC 7766 §6.2.4): transfers go on, and in TLS the end may have come
 * together with queries whose replies are still under way. */
void connection_eof(struct tcp_client *client)
{
	client->eof = true;
	stream_read_stop(client);
	if (client->transfer == NULL && client->writing == 0)
		tcp_close_client(client, "");
}

/* Something is out: on with the queries that are here, with the transfers, with reading. */
static void go_on(struct tcp_client *client)
{
	int ret;

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
	ret = stream_read(client);
	if (ret != 0)
		tcp_close_client(client, uv_strerror(ret));
}

/* ---- its life ---- */

int connection_start(struct tcp_client *client, struct tls_context *context)
{
	if (context != NULL) {
		client->tls = tls_session_new(context);
		if (client->tls == NULL)
			return -ENOMEM;
	}
	return stream_read(client);
}

void connection_free(struct tcp_client *client)
{
	tls_session_free(client->tls);
	free(client->in);
	free(client);
}
