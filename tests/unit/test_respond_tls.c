// SPDX-License-Identifier: GPL-3.0-or-later
/* listen-tls: DNS over TLS, on loopback, as over TCP. */
#include "respond_fixture.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "certificates.h"
#include "tls/tls.h"

#define HOST	  "xnsd.example"
#define WAIT_MS	  10000 /* for what must come: a failed test waits so long */
#define REPLY_MAX 65535
#define IDLE_MS	  500

static struct certificate ca, own, next, client_cert;

/* ---- the responder ---- */

struct tls_fixture {
	struct fixture f;
	struct sockaddr_storage listen_tls;
	struct config_acl acl;
	const struct config_acl *acls[1];
};

static void find_port(struct sockaddr_storage *addr)
{
	socklen_t len = sizeof(struct sockaddr_in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(address_parse("127.0.0.1@1", 53, addr), 0);
	((struct sockaddr_in *)addr)->sin_port = 0;
	assert_int_equal(bind(fd, (struct sockaddr *)addr, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)addr, &len), 0);
	close(fd);
}

static int setup(void **state)
{
	struct tls_fixture *t = calloc(1, sizeof(*t));

	fixture_open(&t->f);
	find_port(&t->listen_tls);
	t->acl = (struct config_acl){.id = (char *)"all", .transfer = true};
	t->acls[0] = &t->acl;
	t->f.config_zones[0].acl = t->acls;
	t->f.config_zones[0].n_acl = 1;
	t->f.config.n_listen = 0;
	t->f.config.listen_tls = &t->listen_tls;
	t->f.config.n_listen_tls = 1;
	t->f.config.tls_cert_file = own.cert_file;
	t->f.config.tls_key_file = own.key_file;
	t->f.config.tcp_idle_timeout_ms = WAIT_MS;
	*state = t;
	return 0;
}

static void start(struct tls_fixture *t)
{
	assert_int_equal(respond_bind(&t->f.config, &t->f.respond), 0);
	assert_int_equal(respond_start(t->f.respond, t->f.store, &t->f.zones, NULL, NULL), 0);
}

static int teardown(void **state)
{
	struct tls_fixture *t = *state;

	fixture_close(&t->f);
	free(t);
	return 0;
}

/* ---- a client ---- */

struct client {
	int fd;
	struct tls_session *tls;
	char reason[TLS_REASON_MAX];
	bool ended;
	uint8_t *got; /* plaintext */
	size_t got_len;
};

static int connect_tcp(const struct tls_fixture *t)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), size = 8192;

	/* The kernel keeps little for us. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	assert_int_equal(
		connect(fd, (const struct sockaddr *)&t->listen_tls, sizeof(struct sockaddr_in)),
		0);
	return fd;
}

static void client_flush(struct client *c, size_t step)
{
	const uint8_t *out;
	size_t len;

	while ((len = tls_output(c->tls, &out)) > 0) {
		if (len > step)
			len = step;
		assert_int_equal(send(c->fd, out, len, MSG_NOSIGNAL), len);
		tls_output_sent(c->tls, len);
	}
}

/* What has come, or will: false when the connection has ended. */
static bool client_take(struct client *c)
{
	struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
	uint8_t wire[8192], plain[8192];
	ssize_t n;
	int ret;

	if (c->ended)
		return false;
	if (poll(&pfd, 1, 2 * WAIT_MS) != 1)
		fail_msg("nothing came");
	n = recv(c->fd, wire, sizeof(wire), 0);
	c->ended = n <= 0;
	ret = n <= 0 ? 0 : tls_feed(c->tls, wire, (size_t)n, c->reason);
	while (ret == 0 && (ret = tls_read(c->tls, plain, sizeof(plain), c->reason)) > 0) {
		c->got = realloc(c->got, c->got_len + (size_t)ret);
		assert_non_null(c->got);
		memcpy(c->got + c->got_len, plain, (size_t)ret);
		c->got_len += (size_t)ret;
		ret = 0;
	}
	c->ended |= ret < 0;
	if (ret == 0)
		client_flush(c, SIZE_MAX);
	return !c->ended;
}

static void client_open(struct client *c, const struct tls_fixture *t,
			const struct certificate *pin, const struct certificate *shown, size_t step)
{
	struct config_tls tls = {.pin = (uint8_t(*)[CONFIG_PIN_LEN])pin->pin, .n_pins = 1};
	struct tls_context *context;

	if (shown) {
		tls.cert_file = (char *)shown->cert_file;
		tls.key_file = (char *)shown->key_file;
	}
	*c = (struct client){.fd = connect_tcp(t)};
	context = tls_context_client(&tls, c->reason);
	assert_non_null(context);
	c->tls = tls_session_new(context);
	tls_context_unref(context);
	assert_int_equal(tls_start(c->tls, c->reason), 0);
	client_flush(c, step);
	while (!tls_is_established(c->tls))
		if (!client_take(c))
			fail_msg("%s", c->reason);
}

static void client_close(struct client *c)
{
	close(c->fd);
	tls_session_free(c->tls);
	free(c->got);
}

static void client_query(struct client *c, uint16_t id, const char *qname, uint16_t qtype,
			 size_t step)
{
	struct message query, whole = {.len = 0};

	add_header(&query, 0, 1);
	knot_wire_set_id(query.wire, id);
	add_question(&query, qname, qtype, KNOT_CLASS_IN);
	add_u16(&whole, (uint16_t)query.len);
	add_bytes(&whole, query.wire, query.len);
	assert_int_equal(tls_write(c->tls, whole.wire, whole.len, c->reason), 0);
	client_flush(c, step);
}

/* The next reply, its length; 0: the connection ended. */
static size_t client_reply(struct client *c, uint8_t reply[static REPLY_MAX])
{
	size_t len;

	while (c->got_len < 2 || c->got_len - 2 < knot_wire_read_u16(c->got))
		if (!client_take(c) &&
		    (c->got_len < 2 || c->got_len - 2 < knot_wire_read_u16(c->got)))
			return 0;
	len = knot_wire_read_u16(c->got);
	memcpy(reply, c->got + 2, len);
	c->got_len -= 2 + len;
	memmove(c->got, c->got + 2 + len, c->got_len);
	assert_true(len >= 12 && knot_wire_get_qr(reply));
	return len;
}

static uint8_t reply[REPLY_MAX];

static void expect(struct client *c, uint16_t id, unsigned rcode)
{
	assert_true(client_reply(c, reply) > 0);
	assert_int_equal(knot_wire_get_id(reply), id);
	assert_int_equal(knot_wire_get_rcode(reply), rcode);
}

/* ---- tests ---- */

static void test_queries(void **state)
{
	struct tls_fixture *t = *state;
	struct client c;

	start(t);
	client_open(&c, t, &own, NULL, SIZE_MAX);
	client_query(&c, 1, "www.example.com.", KNOT_RRTYPE_A, SIZE_MAX);
	expect(&c, 1, KNOT_RCODE_NOERROR);
	assert_int_equal(knot_wire_get_ancount(reply), 2);
	client_query(&c, 2, "nope.example.com.", KNOT_RRTYPE_A, SIZE_MAX);
	client_query(&c, 3, "other.org.", KNOT_RRTYPE_A, SIZE_MAX);
	client_query(&c, 4, "big.example.com.", KNOT_RRTYPE_TXT, SIZE_MAX);
	expect(&c, 2, KNOT_RCODE_NXDOMAIN);
	expect(&c, 3, KNOT_RCODE_REFUSED);
	expect(&c, 4, KNOT_RCODE_NOERROR);
	assert_int_equal(knot_wire_get_ancount(reply), 8);
	assert_false(knot_wire_get_tc(reply));
	/* We say that no more comes: it closes, and says so. */
	tls_bye(c.tls);
	client_flush(&c, SIZE_MAX);
	assert_int_equal(client_reply(&c, reply), 0);
	assert_int_equal(tls_read(c.tls, reply, 1, c.reason), -EPIPE);
	client_close(&c);
	assert_int_equal(fixture_count(&t->f, RESPOND_TLS_CONNECTIONS), 1);
	assert_int_equal(fixture_count(&t->f, RESPOND_TCP_CONNECTIONS), 1);
	assert_int_equal(fixture_count(&t->f, RESPOND_TLS_FAILED), 0);
	assert_int_equal(fixture_count(&t->f, RESPOND_TCP_QUERIES), 4);
}

static void test_byte_by_byte(void **state)
{
	struct tls_fixture *t = *state;
	struct client c;

	start(t);
	client_open(&c, t, &own, NULL, 1);
	client_query(&c, 1, "www.example.com.", KNOT_RRTYPE_A, 1);
	expect(&c, 1, KNOT_RCODE_NOERROR);
	client_close(&c);
}

static void test_axfr(void **state)
{
	struct tls_fixture *t = *state;
	unsigned records = 0;
	struct client c;

	start(t);
	client_open(&c, t, &own, NULL, SIZE_MAX);
	client_query(&c, 1, "example.com.", KNOT_RRTYPE_AXFR, SIZE_MAX);
	/* 18 of the text, 1 more SOA */
	while (records < 19) {
		expect(&c, 1, KNOT_RCODE_NOERROR);
		records += knot_wire_get_ancount(reply);
	}
	assert_int_equal(records, 19 + 2);
	client_query(&c, 2, "www.example.com.", KNOT_RRTYPE_A, SIZE_MAX);
	expect(&c, 2, KNOT_RCODE_NOERROR);
	client_close(&c);
}

/* A client that does not read: replies wait, queries too, and in the end all are there. */
static void test_backpressure(void **state)
{
	struct tls_fixture *t = *state;
	struct client c;
	struct pollfd pfd = {.events = POLLOUT};
	uint16_t asked = 0;

	start(t);
	client_open(&c, t, &own, NULL, SIZE_MAX);
	pfd.fd = c.fd;
	/* Until the server does not read any more; 1700 bytes of reply for each. */
	while (asked < 20000 && poll(&pfd, 1, 300) == 1)
		client_query(&c, asked++, "big.example.com.", KNOT_RRTYPE_TXT, SIZE_MAX);
	assert_true(asked < 20000);
	assert_true(fixture_count(&t->f, RESPOND_TCP_QUERIES) < asked);
	for (uint16_t i = 0; i < asked; i++)
		expect(&c, i, KNOT_RCODE_NOERROR);
	client_close(&c);
}

static void expect_closed(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	uint8_t byte;

	for (;;) {
		assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
		if (recv(fd, &byte, 1, 0) <= 0)
			break;
	}
	close(fd);
}

static void test_no_tls(void **state)
{
	static const uint8_t plain[] = "\0\x1d\1\2\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\6\0\1";
	struct tls_fixture *t = *state;
	int fd;

	start(t);
	/* DNS without it: an alert at most, and no reply. */
	fd = connect_tcp(t);
	assert_int_equal(send(fd, plain, sizeof(plain) - 1, 0), sizeof(plain) - 1);
	expect_closed(fd);
	assert_int_equal(fixture_count(&t->f, RESPOND_TCP_QUERIES), 0);
	assert_int_equal(fixture_count(&t->f, RESPOND_TLS_FAILED), 1);
}

/* Nothing; a byte now and then; an endless handshake: the time is the same. */
static void test_slow_handshake(void **state)
{
	static const uint8_t begin[] = {0x16, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xf0, 3, 3};
	struct tls_fixture *t = *state;
	struct pollfd pfd = {.events = POLLIN};
	uint8_t byte;
	int fd;

	t->f.config.tcp_idle_timeout_ms = IDLE_MS;
	start(t);
	expect_closed(connect_tcp(t));
	fd = connect_tcp(t);
	pfd.fd = fd;
	assert_int_equal(send(fd, begin, sizeof(begin), 0), sizeof(begin));
	for (unsigned i = 0; poll(&pfd, 1, IDLE_MS / 20) == 0; i++) {
		assert_true(i < 200);
		(void)send(fd, "", 1, MSG_NOSIGNAL);
	}
	while (recv(fd, &byte, 1, 0) > 0)
		;
	close(fd);
}

static void test_idle(void **state)
{
	struct tls_fixture *t = *state;
	struct client c;

	t->f.config.tcp_idle_timeout_ms = IDLE_MS;
	start(t);
	client_open(&c, t, &own, NULL, SIZE_MAX);
	assert_int_equal(client_reply(&c, reply), 0);
	/* It was not cut off. */
	assert_int_equal(tls_read(c.tls, reply, 1, c.reason), -EPIPE);
	client_close(&c);
}

static void test_client_ca(void **state)
{
	struct tls_fixture *t = *state;
	struct client c;

	t->f.config.tls_client_ca_file = ca.cert_file;
	start(t);
	client_open(&c, t, &own, &client_cert, SIZE_MAX);
	client_query(&c, 1, "www.example.com.", KNOT_RRTYPE_A, SIZE_MAX);
	expect(&c, 1, KNOT_RCODE_NOERROR);
	client_close(&c);
	/* Refused when our part of the handshake is done. */
	client_open(&c, t, &own, NULL, SIZE_MAX);
	assert_int_equal(client_reply(&c, reply), 0);
	assert_string_equal(c.reason, "TLS: refused by the other side: Certificate is required");
	client_close(&c);
	assert_int_equal(fixture_count(&t->f, RESPOND_TLS_FAILED), 1);
}

/* New connections get the new certificate, the old one goes on. */
static void test_new_certificate(void **state)
{
	struct tls_fixture *t = *state;
	struct client before, after;

	start(t);
	client_open(&before, t, &own, NULL, SIZE_MAX);
	respond_pause(t->f.respond);
	t->f.config.tls_cert_file = next.cert_file;
	t->f.config.tls_key_file = next.key_file;
	respond_resume(t->f.respond, &t->f.config, &t->f.zones);
	client_open(&after, t, &next, NULL, SIZE_MAX);
	client_query(&before, 1, "www.example.com.", KNOT_RRTYPE_A, SIZE_MAX);
	client_query(&after, 2, "www.example.com.", KNOT_RRTYPE_A, SIZE_MAX);
	expect(&before, 1, KNOT_RCODE_NOERROR);
	expect(&after, 2, KNOT_RCODE_NOERROR);
	client_close(&before);
	client_close(&after);

	/* One that is broken: that of before stays. */
	respond_pause(t->f.respond);
	t->f.config.tls_key_file = own.key_file;
	respond_resume(t->f.respond, &t->f.config, &t->f.zones);
	client_open(&after, t, &next, NULL, SIZE_MAX);
	client_close(&after);
}

static void test_no_certificate(void **state)
{
	struct tls_fixture *t = *state;

	t->f.config.tls_key_file = next.key_file;
	assert_int_equal(respond_bind(&t->f.config, &t->f.respond), 0);
	assert_int_equal(respond_start(t->f.respond, t->f.store, &t->f.zones, NULL, NULL), -EINVAL);
}

static int make_certificates(void **state)
{
	(void)state;
	certificate_make(&ca, true, &(struct certificate_what){.name = "CA"});
	certificate_make(&own, false, &(struct certificate_what){.name = HOST});
	certificate_make(&next, false, &(struct certificate_what){.name = HOST});
	certificate_make(&client_cert, false,
			 &(struct certificate_what){.name = "secondary.example", .issuer = &ca});
	return 0;
}

static int free_certificates(void **state)
{
	(void)state;
	certificate_free(&ca);
	certificate_free(&own);
	certificate_free(&next);
	certificate_free(&client_cert);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_queries),	   TEST(test_byte_by_byte), TEST(test_axfr),
		TEST(test_backpressure),   TEST(test_no_tls),	    TEST(test_slow_handshake),
		TEST(test_idle),	   TEST(test_client_ca),    TEST(test_new_certificate),
		TEST(test_no_certificate),
	};
	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
