// SPDX-License-Identifier: GPL-3.0-or-later
/* Both roles of tls/ against each other in memory, and against sessions of GnuTLS's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "certificates.h"
#include "tls/tls.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define HOST	 "ns1.example"

/* Made once. */
static struct certificate ca, other_ca, good, of_other_ca, expired, early, self, client_cert,
	other_client_cert, expired_client_cert, of_expired_ca, expired_ca, for_clients, of_no_ca;

static int make_certificates(void **state)
{
	(void)state;
	certificate_make(&ca, true, &(struct certificate_what){.name = "CA"});
	certificate_make(&other_ca, true, &(struct certificate_what){.name = "other CA"});
	certificate_make(
		&expired_ca, true,
		&(struct certificate_what){.name = "old CA", .from_days = -9, .to_days = -2});
	certificate_make(&good, false, &(struct certificate_what){.name = HOST, .issuer = &ca});
	certificate_make(&of_other_ca, false,
			 &(struct certificate_what){.name = HOST, .issuer = &other_ca});
	certificate_make(&of_expired_ca, false,
			 &(struct certificate_what){.name = HOST, .issuer = &expired_ca});
	certificate_make(&expired, false,
			 &(struct certificate_what){
				 .name = HOST, .issuer = &ca, .from_days = -9, .to_days = -1});
	certificate_make(&early, false,
			 &(struct certificate_what){
				 .name = HOST, .issuer = &ca, .from_days = 1, .to_days = 9});
	certificate_make(&self, false,
			 &(struct certificate_what){.name = "else", .from_days = -9, .to_days = 9});
	certificate_make(&for_clients, false,
			 &(struct certificate_what){
				 .name = HOST, .issuer = &ca, .purpose = GNUTLS_KP_TLS_WWW_CLIENT});
	certificate_make(&of_no_ca, false,
			 &(struct certificate_what){.name = HOST, .issuer = &good});
	certificate_make(&client_cert, false,
			 &(struct certificate_what){.name = "secondary.example",
						    .issuer = &ca,
						    .purpose = GNUTLS_KP_TLS_WWW_CLIENT});
	certificate_make(
		&other_client_cert, false,
		&(struct certificate_what){.name = "secondary.example", .issuer = &other_ca});
	certificate_make(&expired_client_cert, false,
			 &(struct certificate_what){.name = "secondary.example",
						    .issuer = &ca,
						    .from_days = -9,
						    .to_days = -1});
	return 0;
}

static int free_certificates(void **state)
{
	struct certificate *all[] = {&ca,	   &other_ca,	  &good,
				     &of_other_ca, &expired,	  &early,
				     &self,	   &client_cert,  &other_client_cert,
				     &expired_ca,  &for_clients,  &expired_client_cert,
				     &of_no_ca,	   &of_expired_ca};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		certificate_free(all[i]);
	return 0;
}

/* ---- two sides and what is on its way between them ---- */

struct side {
	struct tls_session *session;
	uint8_t *got; /* plaintext */
	size_t got_len;
	int err; /* first of feed and read */
	char reason[TLS_REASON_MAX];
};

struct pair {
	struct side client, server;
	size_t step; /* bytes at a time */
};

static void side_failed(struct side *side, int err, const char *reason)
{
	if (side->err)
		return;
	side->err = err;
	snprintf(side->reason, sizeof(side->reason), "%s", reason);
}

static void side_read(struct side *side)
{
	uint8_t buf[1000];
	char reason[TLS_REASON_MAX] = "";
	int n;

	while ((n = tls_read(side->session, buf, sizeof(buf), reason)) > 0) {
		side->got = realloc(side->got, side->got_len + (size_t)n);
		assert_non_null(side->got);
		memcpy(side->got + side->got_len, buf, (size_t)n);
		side->got_len += (size_t)n;
	}
	if (n < 0)
		side_failed(side, n, reason);
}

static void side_feed(struct side *side, const uint8_t *bytes, size_t len)
{
	char reason[TLS_REASON_MAX] = "";
	int err = tls_feed(side->session, bytes, len, reason);

	if (err < 0) {
		assert_string_not_equal(reason, "");
		side_failed(side, err, reason);
	}
	side_read(side);
}

/* True: something went. */
static bool carry(struct side *from, struct side *to, size_t step)
{
	const uint8_t *out;
	size_t len = tls_output(from->session, &out), n;
	uint8_t *exact;

	if (len == 0)
		return false;
	n = len < step ? len : step;
	exact = malloc(n); /* an overrun is seen */
	assert_non_null(exact);
	memcpy(exact, out, n);
	tls_output_sent(from->session, n);
	side_feed(to, exact, n);
	free(exact);
	return true;
}

static void settle(struct pair *pair)
{
	bool went;

	do {
		went = carry(&pair->client, &pair->server, pair->step);
		went |= carry(&pair->server, &pair->client, pair->step);
	} while (went);
}

static void pair_open(struct pair *pair, struct tls_context *client, struct tls_context *server,
		      size_t step)
{
	char reason[TLS_REASON_MAX] = "";

	*pair = (struct pair){.step = step};
	pair->client.session = tls_session_new(client);
	pair->server.session = tls_session_new(server);
	assert_non_null(pair->client.session);
	assert_non_null(pair->server.session);
	assert_int_equal(tls_start(pair->server.session, reason), 0);
	assert_int_equal(tls_start(pair->client.session, reason), 0);
}

static void pair_close(struct pair *pair)
{
	tls_session_free(pair->client.session);
	tls_session_free(pair->server.session);
	free(pair->client.got);
	free(pair->server.got);
}

static struct tls_context *client_of(const struct config_tls *tls)
{
	char reason[TLS_REASON_MAX] = "";
	struct tls_context *context = tls_context_client(tls, reason);

	if (!context)
		fail_msg("%s", reason);
	return context;
}

static struct tls_context *server_of(const struct certificate *own, const char *client_ca_file)
{
	char reason[TLS_REASON_MAX] = "";
	struct tls_context *context =
		tls_context_server(own->cert_file, own->key_file, client_ca_file, reason);

	if (!context)
		fail_msg("%s", reason);
	return context;
}

/* ---- who is believed ---- */

static const struct trust_case {
	const char *what;
	const struct certificate *server;
	bool opportunistic;
	const struct certificate *ca;
	const char *hostname;
	const struct certificate *pin;
	const char *client_reason; /* how that of the client begins; NULL: good */
} trust_cases[] = {
	{"CA and host name", &good, false, &ca, HOST, NULL, NULL},
	{"upper case, final dot", &good, false, &ca, "NS1.Example.", NULL, NULL},
	{"CA, host name, pin", &good, false, &ca, HOST, &good, NULL},
	{"pin alone, signed by itself", &self, false, NULL, NULL, &self, NULL},
	{"pin alone, of a CA that is unknown", &of_other_ca, false, NULL, NULL, &of_other_ca, NULL},
	{"pin alone, expired: the key counts", &expired, false, NULL, NULL, &expired, NULL},
	{"pin and CA", &good, false, &ca, NULL, &good, NULL},
	{"opportunistic", &self, true, NULL, NULL, NULL, NULL},
	{"opportunistic, expired", &expired, true, NULL, NULL, NULL, NULL},
	{"opportunistic, whatever else is said", &self, true, &ca, HOST, &good, NULL},
	{"other CA", &of_other_ca, false, &ca, HOST, NULL,
	 "certificate is of no CA that is trusted"},
	{"signed by itself", &self, false, &ca, "else", NULL,
	 "certificate is of no CA that is trusted"},
	{"the system's CAs", &good, false, NULL, HOST, NULL,
	 "certificate is of no CA that is trusted"},
	{"other host", &good, false, &ca, "ns2.example", NULL,
	 "certificate is not valid for host name ns2.example"},
	{"a host below", &good, false, &ca, "a.ns1.example", NULL,
	 "certificate is not valid for host name a.ns1.example"},
	{"an address", &good, false, &ca, "192.0.2.1", NULL,
	 "certificate is not valid for host name 192.0.2.1"},
	{"expired", &expired, false, &ca, HOST, NULL, "certificate has expired (2"},
	{"expired, the pin is right", &expired, false, &ca, HOST, &expired,
	 "certificate has expired (2"},
	{"expired CA", &of_expired_ca, false, &expired_ca, HOST, NULL, "certificate has expired"},
	{"not valid yet", &early, false, &ca, HOST, NULL, "certificate is not valid yet (2"},
	{"for clients", &for_clients, false, &ca, HOST, NULL, "certificate is for another purpose"},
	{"wrong pin", &self, false, NULL, NULL, &good, "pin does not match: got "},
	{"CA and host name right, wrong pin", &good, false, &ca, HOST, &self,
	 "pin does not match: got "},
	{"pin right, wrong host", &good, false, &ca, "ns2.example", &good,
	 "certificate is not valid for host name ns2.example"},
	{"pin right, other CA", &of_other_ca, false, &ca, NULL, &of_other_ca,
	 "certificate is of no CA that is trusted"},
};

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void check_trust(const struct trust_case *c, size_t step)
{
	struct config_tls tls = {
		.mode = c->opportunistic ? CONFIG_TLS_OPPORTUNISTIC : CONFIG_TLS_STRICT,
		.ca_file = c->ca ? (char *)c->ca->cert_file : NULL,
		.hostname = (char *)c->hostname,
		.pin = c->pin ? (uint8_t(*)[CONFIG_PIN_LEN])c->pin->pin : NULL,
		.n_pins = c->pin ? 1 : 0,
	};
	struct tls_context *client = client_of(&tls), *server = server_of(c->server, NULL);
	struct pair pair;

	pair_open(&pair, client, server, step);
	settle(&pair);
	if (!c->client_reason) {
		if (pair.client.err || pair.server.err)
			fail_msg("%s: %s %s", c->what, pair.client.reason, pair.server.reason);
		assert_true(tls_is_established(pair.client.session));
		assert_true(tls_is_established(pair.server.session));
	} else {
		assert_false(tls_is_established(pair.client.session));
		assert_int_equal(pair.client.err, -EPROTO);
		if (!begins(pair.client.reason, c->client_reason))
			fail_msg("%s: %s", c->what, pair.client.reason);
		/* The server heard of it. */
		assert_int_equal(pair.server.err, -EPROTO);
		if (!begins(pair.server.reason, "TLS: refused by the other side: "))
			fail_msg("%s: %s", c->what, pair.server.reason);
	}
	pair_close(&pair);
	tls_context_unref(client);
	tls_context_unref(server);
}

static void test_trust(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(trust_cases); i++) {
		check_trust(&trust_cases[i], SIZE_MAX);
		check_trust(&trust_cases[i], 1);
	}
}

static void test_pin_of_several(void **state)
{
	uint8_t pins[3][CONFIG_PIN_LEN] = {{1}, {2}};
	struct config_tls tls = {.pin = pins, .n_pins = 3};
	struct tls_context *client, *server = server_of(&self, NULL);
	struct pair pair;
	gnutls_datum_t own = {self.pin, sizeof(self.pin)}, text;

	(void)state;
	/* What is said about a wrong one is what belongs into the file. */
	client = client_of(&tls);
	pair_open(&pair, client, server, SIZE_MAX);
	settle(&pair);
	CERTIFICATE_MUST(gnutls_base64_encode2(&own, &text));
	assert_string_equal(pair.client.reason + strlen("pin does not match: got "), text.data);
	gnutls_free(text.data);
	pair_close(&pair);
	tls_context_unref(client);

	memcpy(pins[2], self.pin, sizeof(self.pin));
	client = client_of(&tls);
	pair_open(&pair, client, server, SIZE_MAX);
	settle(&pair);
	assert_true(tls_is_established(pair.client.session));
	pair_close(&pair);
	tls_context_unref(client);
	tls_context_unref(server);
}

/* ---- mutual ---- */

static const struct {
	const char *what;
	const struct certificate *own;
	const char *client_reason, *server_reason;
} mutual_cases[] = {
	{"right", &client_cert, NULL, NULL},
	{"none", NULL, "TLS: refused by the other side: Certificate is required",
	 "TLS: the other side has no certificate"},
	{"of another CA", &other_client_cert,
	 "TLS: refused by the other side: ", "certificate is of no CA that is trusted"},
	{"expired", &expired_client_cert,
	 "TLS: refused by the other side: ", "certificate has expired"},
};

static void test_mutual(void **state)
{
	struct tls_context *server = server_of(&good, ca.cert_file);

	(void)state;
	for (size_t i = 0; i < COUNT(mutual_cases); i++) {
		const struct certificate *own = mutual_cases[i].own;
		struct config_tls tls = {
			.ca_file = ca.cert_file,
			.hostname = HOST,
			.cert_file = own ? (char *)own->cert_file : NULL,
			.key_file = own ? (char *)own->key_file : NULL,
		};
		struct tls_context *client = client_of(&tls);
		struct pair pair;

		pair_open(&pair, client, server, SIZE_MAX);
		settle(&pair);
		if (!mutual_cases[i].server_reason) {
			assert_string_equal(pair.client.reason, "");
			assert_string_equal(pair.server.reason, "");
			assert_true(tls_is_established(pair.server.session));
		} else {
			assert_false(tls_is_established(pair.server.session));
			if (!begins(pair.server.reason, mutual_cases[i].server_reason) ||
			    !begins(pair.client.reason, mutual_cases[i].client_reason))
				fail_msg("%s: %s, %s", mutual_cases[i].what, pair.server.reason,
					 pair.client.reason);
		}
		pair_close(&pair);
		tls_context_unref(client);
	}
	tls_context_unref(server);
}

/* ---- data ---- */

static struct tls_context *plain_client(void)
{
	return client_of(&(struct config_tls){.ca_file = ca.cert_file, .hostname = HOST});
}

static uint8_t *pattern(size_t len)
{
	uint8_t *bytes = malloc(len);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	return bytes;
}

static void test_data(void **state)
{
	static const size_t steps[] = {1, 2, 5, 1000, 65536, SIZE_MAX};
	static const size_t len = 300000;
	struct tls_context *client = plain_client(), *server = server_of(&good, NULL);
	uint8_t *bytes = pattern(len);
	char reason[TLS_REASON_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(steps); i++) {
		struct pair pair;

		pair_open(&pair, client, server, steps[i]);
		/* Before the handshake: it waits. */
		assert_int_equal(tls_write(pair.client.session, bytes, 10, reason), 0);
		assert_int_equal(tls_write(pair.client.session, bytes + 10, 90, reason), 0);
		settle(&pair);
		assert_int_equal(pair.server.got_len, 100);
		assert_memory_equal(pair.server.got, bytes, 100);
		assert_int_equal(tls_write(pair.server.session, bytes, len, reason), 0);
		settle(&pair);
		assert_int_equal(pair.client.got_len, len);
		assert_memory_equal(pair.client.got, bytes, len);
		assert_int_equal(pair.client.err, 0);

		tls_bye(pair.server.session);
		settle(&pair);
		assert_int_equal(pair.client.err, -EPIPE);
		assert_int_equal(pair.server.err, 0);
		/* One direction is closed, the other is not. */
		assert_int_equal(tls_write(pair.client.session, bytes, 10, reason), 0);
		settle(&pair);
		assert_int_equal(pair.server.got_len, 110);
		pair_close(&pair);
	}
	free(bytes);
	tls_context_unref(client);
	tls_context_unref(server);
}

/* Its sessions hold a context. */
static void test_context_outlived(void **state)
{
	struct tls_context *client = plain_client(), *server = server_of(&good, NULL);
	struct pair pair;

	(void)state;
	pair_open(&pair, client, server, SIZE_MAX);
	tls_context_unref(client);
	tls_context_unref(server);
	settle(&pair);
	assert_true(tls_is_established(pair.server.session));
	pair_close(&pair);
}

/* ---- what is not right ---- */

static void test_changed_record(void **state)
{
	struct tls_context *client = plain_client(), *server = server_of(&good, NULL);
	char reason[TLS_REASON_MAX];
	struct pair pair;
	const uint8_t *out;
	uint8_t *copy;
	size_t len;

	(void)state;
	pair_open(&pair, client, server, SIZE_MAX);
	settle(&pair);
	assert_int_equal(tls_write(pair.server.session, (const uint8_t *)"right", 5, reason), 0);
	settle(&pair);
	assert_int_equal(tls_write(pair.server.session, (const uint8_t *)"wrong", 5, reason), 0);
	len = tls_output(pair.server.session, &out);
	copy = malloc(len);
	assert_non_null(copy);
	memcpy(copy, out, len);
	copy[len - 1] ^= 1;
	side_feed(&pair.client, copy, len);
	assert_int_equal(pair.client.err, -EPROTO);
	assert_true(begins(pair.client.reason, "TLS: "));
	assert_int_equal(pair.client.got_len, 5); /* and no byte of it */
	/* For good, with the same reason. */
	assert_int_equal(tls_read(pair.client.session, copy, 1, reason), -EPROTO);
	assert_string_equal(reason, pair.client.reason);
	assert_int_equal(tls_feed(pair.client.session, copy, 1, reason), -EPROTO);
	assert_int_equal(tls_write(pair.client.session, copy, 1, reason), -EPROTO);
	free(copy);
	pair_close(&pair);
	tls_context_unref(client);
	tls_context_unref(server);
}

static const struct {
	const char *what;
	const uint8_t *bytes;
	size_t len;
} garbage[] = {
#define GARBAGE(what, text) {what, (const uint8_t *)(text), sizeof(text) - 1}
	GARBAGE("DNS over TCP, a query", "\0\x1d\1\2\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\6\0\1"),
	GARBAGE("DNS over TCP, a reply", "\0\x1d\1\2\x81\x80\0\1\0\0\0\0\0\0\7example\3com\0\0\6"),
	GARBAGE("HTTP", "GET / HTTP/1.1\r\nHost: ns1.example\r\n\r\n"),
	GARBAGE("HTTP", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
	GARBAGE("an endless record", "\x16\3\3\xff\xff\1\0\xff\xff"),
	GARBAGE("an alert", "\x15\3\3\0\2\2\x28"),
	GARBAGE("data before the handshake", "\x17\3\3\0\4abcd"),
	GARBAGE("ones", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
#undef GARBAGE
};

static void test_garbage(void **state)
{
	struct tls_context *context[] = {plain_client(), server_of(&good, NULL)};
	char reason[TLS_REASON_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(garbage); i++) {
		for (size_t role = 0; role < 2; role++) {
			for (size_t step = 1; step <= garbage[i].len; step += garbage[i].len - 1) {
				struct side side = {.session = tls_session_new(context[role])};

				assert_int_equal(tls_start(side.session, reason), 0);
				for (size_t at = 0; at < garbage[i].len; at += step)
					side_feed(&side, garbage[i].bytes + at,
						  garbage[i].len - at < step ? garbage[i].len - at
									     : step);
				if (side.err != -EPROTO)
					fail_msg("%s: %d", garbage[i].what, side.err);
				assert_false(tls_is_established(side.session));
				tls_session_free(side.session);
			}
		}
	}
	tls_context_unref(context[0]);
	tls_context_unref(context[1]);
}

/* ---- sessions of others ---- */

static ssize_t other_pull(gnutls_transport_ptr_t ptr, void *data, size_t len)
{
	struct tls_session *ours = ((struct side *)ptr)->session;
	const uint8_t *out;
	size_t out_len = tls_output(ours, &out);

	if (out_len == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (len > out_len)
		len = out_len;
	memcpy(data, out, len);
	tls_output_sent(ours, len);
	return (ssize_t)len;
}

static ssize_t other_push(gnutls_transport_ptr_t ptr, const void *data, size_t len)
{
	side_feed(ptr, data, len);
	return (ssize_t)len;
}

/* What the other one ends with; ours is in side. */
static int shake_with_other(struct side *side, bool other_is_server, const char *priority,
			    const char *alpn)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t protocol = {(unsigned char *)alpn, alpn ? (unsigned)strlen(alpn) : 0};
	gnutls_session_t other;
	char reason[TLS_REASON_MAX] = "";
	int err;

	CERTIFICATE_MUST(gnutls_certificate_allocate_credentials(&credentials));
	if (other_is_server)
		CERTIFICATE_MUST(gnutls_certificate_set_x509_key_file(
			credentials, good.cert_file, good.key_file, GNUTLS_X509_FMT_PEM));
	CERTIFICATE_MUST(gnutls_init(
		&other, GNUTLS_NONBLOCK | (other_is_server ? GNUTLS_SERVER : GNUTLS_CLIENT)));
	CERTIFICATE_MUST(gnutls_priority_set_direct(other, priority, NULL));
	CERTIFICATE_MUST(gnutls_credentials_set(other, GNUTLS_CRD_CERTIFICATE, credentials));
	if (alpn)
		CERTIFICATE_MUST(gnutls_alpn_set_protocols(other, &protocol, 1, 0));
	gnutls_transport_set_ptr(other, side);
	gnutls_transport_set_pull_function(other, other_pull);
	gnutls_transport_set_push_function(other, other_push);
	(void)tls_start(side->session, reason);
	for (unsigned i = 0; i < 10; i++) {
		err = gnutls_handshake(other);
		if (err != GNUTLS_E_AGAIN)
			break;
	}
	if (err < 0 && err != GNUTLS_E_AGAIN)
		gnutls_alert_send_appropriate(other, err);
	gnutls_deinit(other);
	gnutls_certificate_free_credentials(credentials);
	return err;
}

static const struct {
	const char *what;
	const char *priority, *alpn;
	bool other_is_server;
	const char *reason; /* how ours begins; NULL: good */
} other_cases[] = {
	{"client, dot", "NORMAL", "dot", false, NULL},
	{"client, no ALPN", "NORMAL", NULL, false, NULL},
	{"client, of HTTP", "NORMAL", "h2", false,
	 "TLS: the other side does not speak DNS (ALPN \"dot\")"},
	{"client, TLS 1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "dot", false,
	 "TLS: the other side has no TLS 1.3, or no cipher that is allowed here"},
	{"server, dot", "NORMAL", "dot", true, NULL},
	{"server, no ALPN", "NORMAL", NULL, true, NULL},
	{"server, TLS 1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "dot", true,
	 "TLS: refused by the other side: "},
};

static void test_others(void **state)
{
	struct tls_context *client = plain_client(), *server = server_of(&good, NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(other_cases); i++) {
		bool other_is_server = other_cases[i].other_is_server;
		struct side side = {.session = tls_session_new(other_is_server ? client : server)};
		int err = shake_with_other(&side, other_is_server, other_cases[i].priority,
					   other_cases[i].alpn);

		if (!other_cases[i].reason) {
			if (err != 0 || side.err != 0)
				fail_msg("%s: %s, %s", other_cases[i].what, gnutls_strerror(err),
					 side.reason);
			assert_true(tls_is_established(side.session));
		} else if (side.err != -EPROTO || !begins(side.reason, other_cases[i].reason)) {
			fail_msg("%s: %s", other_cases[i].what, side.reason);
		}
		tls_session_free(side.session);
	}
	tls_context_unref(client);
	tls_context_unref(server);
}

/* ---- files ---- */

static void text_file(const char *text, char path[static 40])
{
	gnutls_datum_t datum = {(unsigned char *)text, (unsigned)strlen(text)};

	certificate_file(&datum, path);
}

static void test_files(void **state)
{
	char empty[40], nonsense[40], reason[TLS_REASON_MAX], expect[TLS_REASON_MAX];

	(void)state;
	text_file("", empty);
	text_file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", nonsense);
	const struct {
		const char *what, *cert, *key, *client_ca, *file, *reason;
	} cases[] = {
		{"no file", "/nowhere/cert", good.key_file, NULL, "/nowhere/cert",
		 "No such file or directory"},
		{"no key file", good.cert_file, "/nowhere/key", NULL, "/nowhere/key",
		 "No such file or directory"},
		{"a directory", "/", good.key_file, NULL, "/", "Is a directory"},
		{"key of another", good.cert_file, self.key_file, NULL, self.key_file,
		 "not the key of the certificate"},
		{"the two confused", good.key_file, good.cert_file, NULL, good.key_file,
		 "no certificate in it (PEM)"},
		{"certificate as key", good.cert_file, good.cert_file, NULL, good.cert_file,
		 "no private key in it (PEM)"},
		{"empty", empty, good.key_file, NULL, empty, "no certificate in it (PEM)"},
		{"empty key", good.cert_file, empty, NULL, empty, "no private key in it (PEM)"},
		{"empty CA", good.cert_file, good.key_file, empty, empty,
		 "no certificate in it (PEM)"},
		{"nonsense", nonsense, good.key_file, NULL, nonsense, ""},
		{"nonsense as CA", good.cert_file, good.key_file, nonsense, nonsense, ""},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (tls_context_server(cases[i].cert, cases[i].key, cases[i].client_ca, reason))
			fail_msg("%s: taken", cases[i].what);
		snprintf(expect, sizeof(expect), "%s: %s", cases[i].file, cases[i].reason);
		if (!begins(reason, expect))
			fail_msg("%s: %s", cases[i].what, reason);
	}
	assert_null(tls_context_client(&(struct config_tls){.ca_file = ca.cert_file}, reason));
	assert_string_equal(reason, "strict TLS needs a hostname or a pin");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_pin_of_several),
		cmocka_unit_test(test_mutual),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_context_outlived),
		cmocka_unit_test(test_changed_record),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
