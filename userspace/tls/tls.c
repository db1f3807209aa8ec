// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A session, between two buffers: GnuTLS pulls from `in` and pushes to `out`. It takes records
 * whole into memory of its own, so `in` is empty when it waits for more.
 */
#include "tls/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls/internal.h"

#define HANDSHAKE_MAX (64 * 1024) /* one message of it; a chain of certificates takes 5 kB */

/* One connection for each transfer: nothing is resumed. Our certificate is shown also to a server
 * that names other CAs: then it says what is wrong with it. */
#define CLIENT_FLAGS (GNUTLS_CLIENT | GNUTLS_NO_TICKETS | GNUTLS_FORCE_CLIENT_CERT)

static const gnutls_datum_t alpn_dot = {(unsigned char *)"dot", 3};

/* ---- bytes ---- */

int tls_bytes_add(struct tls_bytes *bytes, const void *data, size_t len)
{
	size_t size = bytes->size;
	uint8_t *new;

	if (len == 0)
		return 0;
	if (bytes->begin > 0 && bytes->begin + bytes->len + len > size) {
		memmove(bytes->data, bytes->data + bytes->begin, bytes->len);
		bytes->begin = 0;
	}
	if (bytes->len + len > size) {
		size = size * 2 > bytes->len + len ? size * 2 : bytes->len + len;
		new = realloc(bytes->data, size);
		if (!new)
			return -ENOMEM;
		bytes->data = new;
		bytes->size = size;
	}
	memcpy(bytes->data + bytes->begin + bytes->len, data, len);
	bytes->len += len;
	return 0;
}

static void bytes_free(struct tls_bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct tls_bytes){0};
}

/* A connection that waits holds no buffers. */
void tls_bytes_drop(struct tls_bytes *bytes, size_t len)
{
	bytes->begin += len;
	bytes->len -= len;
	if (bytes->len == 0)
		bytes_free(bytes);
}

static ssize_t on_pull(gnutls_transport_ptr_t ptr, void *data, size_t len)
{
	struct tls_session *session = ptr;

	if (session->in.len == 0) {
		gnutls_transport_set_errno(session->gnutls, EAGAIN);
		return -1;
	}
	if (len > session->in.len)
		len = session->in.len;
	memcpy(data, session->in.data + session->in.begin, len);
	tls_bytes_drop(&session->in, len);
	return (ssize_t)len;
}

static ssize_t on_push(gnutls_transport_ptr_t ptr, const void *data, size_t len)
{
	struct tls_session *session = ptr;

	if (tls_bytes_add(&session->out, data, len) < 0) {
		gnutls_transport_set_errno(session->gnutls, ENOMEM);
		return -1;
	}
	return (ssize_t)len;
}

/* ---- errors ---- */

static int told(const struct tls_session *session, char *reason)
{
	if (reason != session->reason)
		snprintf(reason, TLS_REASON_MAX, "%s", session->reason);
	return session->failed;
}

static const char *words_of(const struct tls_session *session, int err)
{
	if (session->established)
		return gnutls_strerror(err);
	switch (err) {
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
	case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
	case GNUTLS_E_RECORD_OVERFLOW:
	case GNUTLS_E_UNEXPECTED_PACKET:
		return "the other side does not speak TLS 1.3";
	case GNUTLS_E_NO_CIPHER_SUITES: /* a client of 1.2, too */
		return "the other side has no TLS 1.3, or no cipher that is allowed here";
	case GNUTLS_E_NO_APPLICATION_PROTOCOL:
		return "the other side does not speak DNS (ALPN \"dot\")";
	case GNUTLS_E_CERTIFICATE_REQUIRED:
	case GNUTLS_E_NO_CERTIFICATE_FOUND:
		return "the other side has no certificate";
	default:
		return gnutls_strerror(err);
	}
}

/* For good: GnuTLS's error, or 0 when the reason is there. An alert tells the other side. */
static int fail(struct tls_session *session, int err, char *reason)
{
	session->failed = -EPROTO;
	if (err == GNUTLS_E_FATAL_ALERT_RECEIVED || err == GNUTLS_E_WARNING_ALERT_RECEIVED) {
		const char *name = gnutls_alert_get_name(gnutls_alert_get(session->gnutls));

		snprintf(session->reason, sizeof(session->reason),
			 "TLS: refused by the other side: %s", name ? name : "unknown alert");
		return told(session, reason);
	}
	if (err == GNUTLS_E_MEMORY_ERROR)
		session->failed = -ENOMEM;
	if (session->reason[0] == '\0')
		snprintf(session->reason, sizeof(session->reason), "TLS: %s",
			 words_of(session, err));
	if (err < 0)
		(void)gnutls_alert_send_appropriate(session->gnutls, err);
	return told(session, reason);
}

/* To be called again: GnuTLS says "again" behind each message of the handshake, session tickets
 * too, whatever else there is to read. in_len: before the call. */
static bool goes_on(const struct tls_session *session, ssize_t err, size_t in_len)
{
	return err == GNUTLS_E_INTERRUPTED || err == GNUTLS_E_WARNING_ALERT_RECEIVED ||
	       (err == GNUTLS_E_AGAIN && session->in.len > 0 && session->in.len < in_len);
}

/* ---- the session ---- */

/* RFC 6066 §3: addresses are no names to be asked for. */
static int set_server_name(gnutls_session_t gnutls, const char *hostname)
{
	struct in6_addr addr;

	if (!hostname || inet_pton(AF_INET, hostname, &addr) == 1 ||
	    inet_pton(AF_INET6, hostname, &addr) == 1)
		return 0;
	return gnutls_server_name_set(gnutls, GNUTLS_NAME_DNS, hostname, strlen(hostname));
}

static int set_up(struct tls_session *session)
{
	struct tls_context *context = session->context;
	gnutls_session_t gnutls = session->gnutls;
	int err = gnutls_priority_set(gnutls, context->priority);

	if (err == 0)
		err = gnutls_credentials_set(gnutls, GNUTLS_CRD_CERTIFICATE, context->credentials);
	/* A client that offers other protocols only is refused; one that offers none is not (RFC
	 * 7858 knew none). */
	if (err == 0)
		err = gnutls_alpn_set_protocols(gnutls, &alpn_dot, 1, GNUTLS_ALPN_MANDATORY);
	if (err == 0 && !context->server)
		err = set_server_name(gnutls, context->hostname);
	if (err == 0 && context->ticket_key.data)
		err = gnutls_session_ticket_enable_server(gnutls, &context->ticket_key);
	if (err < 0)
		return err;
	if (context->server)
		gnutls_certificate_server_set_request(
			gnutls, context->has_client_ca ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_IGNORE);
	gnutls_session_set_ptr(gnutls, session);
	gnutls_handshake_set_max_packet_length(gnutls, HANDSHAKE_MAX);
	gnutls_handshake_set_timeout(gnutls, GNUTLS_INDEFINITE_TIMEOUT); /* the caller's affair */
	gnutls_transport_set_ptr(gnutls, session);
	gnutls_transport_set_pull_function(gnutls, on_pull);
	gnutls_transport_set_push_function(gnutls, on_push);
	return 0;
}

struct tls_session *tls_session_new(struct tls_context *context)
{
	struct tls_session *session = calloc(1, sizeof(*session));
	unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;

	if (!session)
		return NULL;
	flags |= context->server ? GNUTLS_SERVER : CLIENT_FLAGS;
	session->context = tls_context_ref(context);
	if (gnutls_init(&session->gnutls, flags) < 0 || set_up(session) < 0) {
		tls_session_free(session);
		return NULL;
	}
	return session;
}

void tls_session_free(struct tls_session *session)
{
	if (!session)
		return;
	if (session->gnutls)
		gnutls_deinit(session->gnutls);
	tls_context_unref(session->context);
	bytes_free(&session->in);
	bytes_free(&session->out);
	bytes_free(&session->waiting);
	free(session);
}

bool tls_is_established(const struct tls_session *session)
{
	return session->established;
}

bool tls_lacks_certificate(const struct tls_session *session)
{
	return session->established && !session->context->server && !session->context->has_own &&
	       gnutls_certificate_client_get_request_status(session->gnutls);
}

/* ---- plaintext ---- */

static int send_plain(struct tls_session *session, const uint8_t *bytes, size_t len, char *reason)
{
	while (len > 0) {
		ssize_t n = gnutls_record_send(session->gnutls, bytes, len);

		if (n < 0)
			return fail(session, (int)n, reason);
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

int tls_write(struct tls_session *session, const uint8_t *bytes, size_t len, char *reason)
{
	int err;

	if (session->failed)
		return told(session, reason);
	if (session->established)
		return send_plain(session, bytes, len, reason);
	err = tls_bytes_add(&session->waiting, bytes, len);
	if (err < 0)
		snprintf(reason, TLS_REASON_MAX, "TLS: %s", strerror(-err));
	return err;
}

int tls_read(struct tls_session *session, uint8_t *buf, size_t buf_len, char *reason)
{
	size_t in_len;
	ssize_t n;

	if (session->failed)
		return told(session, reason);
	if (!session->established)
		return 0;
	if (session->closed)
		return -EPIPE;
	do {
		in_len = session->in.len;
		n = gnutls_record_recv(session->gnutls, buf, buf_len);
	} while (goes_on(session, n, in_len));
	if (n == GNUTLS_E_AGAIN)
		return 0;
	if (n < 0)
		return fail(session, (int)n, reason);
	if (n == 0) {
		session->closed = true;
		return -EPIPE;
	}
	return (int)n;
}

/* ---- the handshake ---- */

/* NSD before 4.12 selects no protocol though RFC 9103 §7.1 says MUST; only another one is wrong. */
static bool is_dns(struct tls_session *session)
{
	gnutls_datum_t got;

	if (gnutls_alpn_get_selected_protocol(session->gnutls, &got) < 0)
		return true;
	return got.size == alpn_dot.size && memcmp(got.data, alpn_dot.data, got.size) == 0;
}

static int established(struct tls_session *session, char *reason)
{
	struct tls_bytes waiting = session->waiting;
	int err;

	if (!is_dns(session))
		return fail(session, GNUTLS_E_NO_APPLICATION_PROTOCOL, reason);
	session->established = true;
	if (waiting.len == 0)
		return 0;
	session->waiting = (struct tls_bytes){0};
	err = send_plain(session, waiting.data + waiting.begin, waiting.len, reason);
	bytes_free(&waiting);
	return err;
}

static int shake_hands(struct tls_session *session, char *reason)
{
	size_t in_len;
	int err;

	do {
		in_len = session->in.len;
		err = gnutls_handshake(session->gnutls);
	} while (goes_on(session, err, in_len));
	if (err == GNUTLS_E_AGAIN)
		return 0;
	return err < 0 ? fail(session, err, reason) : established(session, reason);
}

int tls_start(struct tls_session *session, char *reason)
{
	if (session->failed)
		return told(session, reason);
	return session->context->server || session->established ? 0 : shake_hands(session, reason);
}

int tls_feed(struct tls_session *session, const uint8_t *bytes, size_t len, char *reason)
{
	if (session->failed)
		return told(session, reason);
	if (tls_bytes_add(&session->in, bytes, len) < 0) {
		snprintf(reason, TLS_REASON_MAX, "TLS: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	return session->established ? 0 : shake_hands(session, reason);
}

void tls_bye(struct tls_session *session)
{
	if (session->established && !session->failed)
		(void)gnutls_bye(session->gnutls, GNUTLS_SHUT_WR);
}

size_t tls_output(struct tls_session *session, const uint8_t **ret)
{
	*ret = session->out.data ? session->out.data + session->out.begin : NULL;
	return session->out.len;
}

void tls_output_sent(struct tls_session *session, size_t len)
{
	tls_bytes_drop(&session->out, len);
}
