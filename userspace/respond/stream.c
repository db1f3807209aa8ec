// SPDX-License-Identifier: GPL-3.0-or-later
#include "respond/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "respond/connection.h"
#include "respond/internal.h"
#include "util/address.h"
#include "util/log.h"

/* ---- out ---- */

/* What the kernel did not take at once. */
struct outgoing {
	uv_write_t write;
	struct tcp_client *client;
	stream_done done; /* NULL: nobody waits */
	uint8_t bytes[];
};

static void on_written(uv_write_t *write, int status)
{
	struct outgoing *outgoing = write->data;
	struct tcp_client *client = outgoing->client;
	stream_done done = outgoing->done;

	free(outgoing);
	if (client->closing)
		return;
	if (status != 0) {
		tcp_close_client(client, uv_strerror(status));
		return;
	}
	if (done == NULL)
		return;
	tcp_was_active(client);
	done(client);
}

/* How many bytes the kernel takes now, or a negative errno. */
static int write_now(struct tcp_client *client, const uint8_t *bytes, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
	int ret = uv_try_write((uv_stream_t *)&client->handle, &buf, 1);

	return ret == UV_EAGAIN ? 0 : ret;
}

static int write_later(struct tcp_client *client, const uint8_t *bytes, size_t len,
		       stream_done done)
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

static int write_bytes(struct tcp_client *client, const uint8_t *bytes, size_t len,
		       stream_done done)
{
	int ret = write_now(client, bytes, len);

	if (ret < 0)
		return ret;
	if ((size_t)ret == len)
		return 1;
	return write_later(client, bytes + ret, len - (size_t)ret, done);
}

/* What of TLS is to be sent for these bytes; the same bytes without TLS. */
static int encrypt(struct tcp_client *client, const uint8_t **bytes, size_t *len)
{
	char reason[TLS_REASON_MAX];
	int ret;

	if (client->tls == NULL)
		return 0;
	ret = tls_write(client->tls, *bytes, *len, reason);
	if (ret == 0)
		*len = tls_output(client->tls, bytes);
	return ret;
}

typedef int (*write_fn)(struct tcp_client *client, const uint8_t *bytes, size_t len,
			stream_done done);

static int send_by(write_fn write, struct tcp_client *client, const uint8_t *bytes, size_t len,
		   stream_done done)
{
	int ret = encrypt(client, &bytes, &len);

	if (ret < 0)
		return ret;
	ret = write(client, bytes, len, done);
	if (client->tls != NULL)
		tls_output_sent(client->tls, len);
	return ret;
}

int stream_send(struct tcp_client *client, const uint8_t *bytes, size_t len, stream_done done)
{
	return send_by(write_bytes, client, bytes, len, done);
}

int stream_send_later(struct tcp_client *client, const uint8_t *bytes, size_t len, stream_done done)
{
	return send_by(write_later, client, bytes, len, done);
}

/* What TLS has to say by itself. */
static int send_tls(struct tcp_client *client)
{
	const uint8_t *out;
	size_t len = tls_output(client->tls, &out);
	int ret;

	if (len == 0)
		return 0;
	ret = write_bytes(client, out, len, NULL);
	tls_output_sent(client->tls, len);
	return ret < 0 ? ret : 0;
}

void stream_bye(struct tcp_client *client)
{
	const uint8_t *out;
	size_t len;

	if (client->tls == NULL)
		return;
	tls_bye(client->tls);
	len = tls_output(client->tls, &out);
	if (len > 0)
		(void)write_now(client, out, len);
}

/* ---- in ---- */

/* Anybody can cause it, but whoever has set up a secondary wrongly wants to know. */
static void tell_tls(struct tcp_client *client, const char *reason)
{
	struct respond *respond = client->respond;
	char text[ADDRESS_TEXT_MAX];
	uint64_t n;

	respond_count(respond, RESPOND_TLS_FAILED);
	if (respond_tell(&respond->tls_failed, &n))
		log_warning(
			"connection over TLS from %s: %s (such since this was last told: %" PRIu64
			")",
			address_to_text((const struct sockaddr *)&client->from, text), reason, n);
}

static void received_tls(struct tcp_client *client, size_t len)
{
	struct tcp_buffers *buffers = client->respond->clients.buffers;
	char reason[TLS_REASON_MAX] = "";
	int ret = tls_feed(client->tls, buffers->in, len, reason);
	int err = ret == 0 ? send_tls(client) : 0; /* an alert goes with stream_bye */

	while (ret == 0 && err == 0 && !client->closing) {
		ret = tls_read(client->tls, buffers->plain, sizeof(buffers->plain), reason);
		if (ret <= 0)
			break;
		connection_received(client, buffers->plain, (size_t)ret);
		ret = 0;
	}
	if (client->closing)
		return;
	if (ret == -EPIPE) {
		connection_eof(client);
	} else if (ret < 0) {
		tell_tls(client, reason);
		tcp_close_client(client, reason);
	} else {
		if (err == 0)
			err = send_tls(client);
		if (err < 0)
			tcp_close_client(client, strerror(-err));
	}
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
		connection_eof(client);
	else if (n < 0)
		tcp_close_client(client, uv_strerror((int)n));
	else if (client->tls != NULL)
		received_tls(client, (size_t)n);
	else
		connection_received(client, (const uint8_t *)buf->base, (size_t)n);
}

int stream_read(struct tcp_client *client)
{
	int ret = uv_read_start((uv_stream_t *)&client->handle, on_alloc, on_read);

	return ret == UV_EALREADY ? 0 : ret;
}

void stream_read_stop(struct tcp_client *client)
{
	uv_read_stop((uv_stream_t *)&client->handle);
}
