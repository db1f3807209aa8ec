// SPDX-License-Identifier: GPL-3.0-or-later
/* Exchanges over TCP, plain and in TLS, with a scripted server on loopback. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "certificates.h"
#include "refresh/tcp.h"
#include "util/address.h"

#define COUNT(a)      (sizeof(a) / sizeof(*(a)))
#define HOST	      "ns1.example"
#define WAIT_MS	      5000 /* for what must come: a failed test waits so long */
#define SHORT_MS      1000
#define MESSAGE_AT(i) ((i) * 1009 % 65000 + 20) /* length of the i-th message */

static struct certificate ca, good, self;

/* ---- the server: a thread with one connection ---- */

struct server {
	int listen_fd, fd;
	struct sockaddr_storage address, peer;
	pthread_t thread;
	struct tls_context *context; /* NULL: plain */
	struct tls_session *tls;
	void (*serve)(struct server *server);
	uint8_t query[2000]; /* what it got */
	size_t query_len;
};

static void server_send(struct server *server, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	while (len > 0) {
		ssize_t n = send(server->fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the client is gone */
		bytes += n;
		len -= (size_t)n;
	}
}

static void server_flush(struct server *server)
{
	const uint8_t *out;
	size_t len = tls_output(server->tls, &out);

	server_send(server, out, len);
	tls_output_sent(server->tls, len);
}

/* Until there is plaintext, or the end: 0. */
static size_t server_read(struct server *server, uint8_t *buf, size_t buf_len)
{
	char reason[TLS_REASON_MAX];
	uint8_t wire[5000];
	ssize_t n;
	int got = 0;

	if (!server->tls) {
		n = recv(server->fd, buf, buf_len, 0);
		return n > 0 ? (size_t)n : 0;
	}
	while (got == 0 && (n = recv(server->fd, wire, sizeof(wire), 0)) > 0) {
		int err = tls_feed(server->tls, wire, (size_t)n, reason);

		server_flush(server);
		got = err < 0 ? err : tls_read(server->tls, buf, buf_len, reason);
	}
	return got > 0 ? (size_t)got : 0;
}

static void server_write(struct server *server, const void *data, size_t len)
{
	char reason[TLS_REASON_MAX];

	if (!server->tls) {
		server_send(server, data, len);
		return;
	}
	(void)tls_write(server->tls, data, len, reason);
	server_flush(server);
}

static void server_message(struct server *server, size_t len)
{
	uint8_t *message = malloc(2 + len);

	message[0] = (uint8_t)(len >> 8);
	message[1] = (uint8_t)len;
	for (size_t i = 0; i < len; i++)
		message[2 + i] = (uint8_t)(i + len);
	server_write(server, message, 2 + len);
	free(message);
}

static bool server_query(struct server *server)
{
	while (server->query_len < 2 ||
	       server->query_len < 2 + ((size_t)server->query[0] << 8 | (size_t)server->query[1])) {
		size_t n = server_read(server, server->query + server->query_len,
				       sizeof(server->query) - server->query_len);

		if (n == 0)
			return false;
		server->query_len += n;
	}
	return true;
}

/* Until the client has closed. */
static void server_wait(struct server *server)
{
	uint8_t byte;

	while (server_read(server, &byte, 1) > 0)
		;
}

static void *server_run(void *ptr)
{
	struct server *server = ptr;
	socklen_t len = sizeof(server->peer);
	struct pollfd pfd = {.fd = server->listen_fd, .events = POLLIN};

	/* A client that never comes was a failure of its own. */
	if (poll(&pfd, 1, 2 * WAIT_MS) != 1)
		return NULL;
	server->fd = accept(server->listen_fd, (struct sockaddr *)&server->peer, &len);
	if (server->fd == -1)
		return NULL;
	if (server->context)
		server->tls = tls_session_new(server->context);
	server->serve(server);
	close(server->fd);
	return NULL;
}

static void server_start(struct server *server, const char *address)
{
	socklen_t len = sizeof(server->address);
	int on = 1;

	assert_int_equal(address_parse(address, 1, &server->address), 0);
	((struct sockaddr_in *)&server->address)->sin_port = 0; /* at the same place in both */
	server->listen_fd = socket(server->address.ss_family, SOCK_STREAM, 0);
	assert_int_equal(bind(server->listen_fd, (struct sockaddr *)&server->address,
			      address_len((struct sockaddr *)&server->address)),
			 0);
	assert_int_equal(getsockname(server->listen_fd, (struct sockaddr *)&server->address, &len),
			 0);
	assert_int_equal(listen(server->listen_fd, 1), 0);
	(void)setsockopt(server->listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	assert_int_equal(pthread_create(&server->thread, NULL, server_run, server), 0);
}

static void server_stop(struct server *server)
{
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	close(server->listen_fd);
	tls_session_free(server->tls);
	tls_context_unref(server->context);
}

/* ---- what servers do ---- */

static void one_message(struct server *server)
{
	if (server_query(server))
		server_message(server, 100);
	server_wait(server);
}

static void many_messages(struct server *server)
{
	if (server_query(server))
		for (size_t i = 0; i < 100; i++)
			server_message(server, MESSAGE_AT(i));
	server_wait(server);
}

/* TCP gives what it likes: here a byte each. */
static void byte_by_byte(struct server *server)
{
	uint8_t message[2 + 20] = {0, 20};

	for (size_t i = 0; i < 20; i++)
		message[2 + i] = (uint8_t)(i + 20);
	if (server_query(server))
		for (size_t i = 0; i < sizeof(message); i++)
			server_write(server, message + i, 1);
	server_wait(server);
}

static void cut_off(struct server *server)
{
	if (server_query(server))
		server_write(server, "\1\0half", 6);
}

static void close_after_one(struct server *server)
{
	if (!server_query(server))
		return;
	server_message(server, 100);
}

static void bye_after_one(struct server *server)
{
	if (!server_query(server))
		return;
	server_message(server, 100);
	tls_bye(server->tls);
	server_flush(server);
	server_wait(server);
}

static void bye_in_message(struct server *server)
{
	if (!server_query(server))
		return;
	server_write(server, "\1\0half", 6);
	tls_bye(server->tls);
	server_flush(server);
	server_wait(server);
}

static void silent(struct server *server)
{
	(void)server_query(server);
	server_wait(server);
}

static void only_accept(struct server *server)
{
	uint8_t byte;

	while (recv(server->fd, &byte, 1, 0) > 0)
		;
}

static void close_at_once(struct server *server)
{
	uint8_t byte[2000];

	(void)recv(server->fd, byte, sizeof(byte), 0);
}

/* An endless record of a handshake, never silent for long. */
static void drip(struct server *server)
{
	static const uint8_t begin[] = {0x16, 3, 3, 0x3f, 0xff, 2, 0, 0x3f, 0xf0, 3, 3};
	struct pollfd pfd = {.fd = server->fd, .events = POLLRDHUP};

	server_send(server, begin, sizeof(begin));
	while (poll(&pfd, 1, SHORT_MS / 10) == 0)
		server_send(server, "\7", 1);
}

static void speak_plain(struct server *server)
{
	server_send(server, "\0\14\1\2\x81\x80\0\0\0\0\0\0\0\0", 14);
	only_accept(server);
}

/* A message each SHORT_MS / 4, for ever. */
static void never_last(struct server *server)
{
	struct pollfd pfd = {.fd = server->fd, .events = POLLRDHUP};

	(void)server_query(server);
	while (poll(&pfd, 1, SHORT_MS / 4) == 0)
		server_message(server, 20);
}

/* ---- the client ---- */

struct client {
	uv_loop_t loop;
	struct tcp_exchange *exchange;
	unsigned want, got; /* messages */
	size_t expect_len;  /* of each; 0: MESSAGE_AT */
	bool done;
	struct tcp_end end;
	char reason[256];
};

static bool on_message(void *ctx, uint8_t *msg, size_t len)
{
	struct client *client = ctx;

	assert_int_equal(len, client->expect_len ? client->expect_len : MESSAGE_AT(client->got));
	for (size_t i = 0; i < len; i++)
		assert_int_equal(msg[i], (uint8_t)(i + len));
	return ++client->got == client->want;
}

static void on_done(void *ctx, const struct tcp_end *end)
{
	struct client *client = ctx;

	assert_false(client->done);
	client->done = true;
	client->end = *end;
	if (end->reason)
		snprintf(client->reason, sizeof(client->reason), "%s", end->reason);
}

static const uint8_t query[] = "a query of some length";

static void client_start(struct client *client, struct server *server, struct tls_context *tls,
			 uint32_t idle_ms, uint32_t total_ms, const char *from)
{
	struct sockaddr_storage source;
	struct tcp_request request = {
		.to = (struct sockaddr *)&server->address,
		.tls = tls,
		.query = query,
		.query_len = sizeof(query),
		.idle_ms = idle_ms,
		.total_ms = total_ms,
		.message = on_message,
		.done = on_done,
		.ctx = client,
	};

	if (from) {
		assert_int_equal(address_parse(from, 1, &source), 0);
		((struct sockaddr_in *)&source)->sin_port = 0;
		request.from = (struct sockaddr *)&source;
	}
	assert_int_equal(uv_loop_init(&client->loop), 0);
	assert_int_equal(tcp_start(&client->loop, &request, &client->exchange), 0);
}

static void client_run(struct client *client)
{
	uv_run(&client->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&client->loop), 0);
}

static struct tls_context *trusting(const struct certificate *pin)
{
	char reason[TLS_REASON_MAX];
	struct config_tls by_ca = {.ca_file = ca.cert_file, .hostname = HOST};
	struct config_tls by_pin = {.pin = (uint8_t(*)[CONFIG_PIN_LEN])pin->pin, .n_pins = 1};
	struct tls_context *context = tls_context_client(pin == &good ? &by_ca : &by_pin, reason);

	if (!context)
		fail_msg("%s", reason);
	return context;
}

/* An exchange over TLS, to its end. */
static void over_tls(struct server *server, struct client *client,
		     const struct certificate *trusted)
{
	struct tls_context *context = trusting(trusted);

	server_start(server, "127.0.0.1");
	client_start(client, server, context, WAIT_MS, WAIT_MS, NULL);
	client_run(client);
	server_stop(server);
	tls_context_unref(context);
}

static struct tls_context *serving(const char *client_ca_file)
{
	char reason[TLS_REASON_MAX];
	struct tls_context *context =
		tls_context_server(good.cert_file, good.key_file, client_ca_file, reason);

	if (!context)
		fail_msg("%s", reason);
	return context;
}

enum {
	PLAIN = 1,
	TLS = 2,
	BOTH = PLAIN | TLS
};

static const struct exchange_case {
	const char *what;
	unsigned transports;
	void (*serve)(struct server *server);
	unsigned want, got;
	size_t expect_len;
	uint32_t idle_ms, total_ms; /* 0: long */
	const char *reason;	    /* how it begins; NULL: none */
	bool connected, closed;
} exchange_cases[] = {
	{"one message", BOTH, one_message, 1, 1, 100, 0, 0, NULL, true, false},
	{"many messages", BOTH, many_messages, 100, 100, 0, 0, 0, NULL, true, false},
	{"no more than are wanted", BOTH, many_messages, 50, 50, 0, 0, 0, NULL, true, false},
	{"byte by byte", BOTH, byte_by_byte, 1, 1, 20, 0, 0, NULL, true, false},
	{"cut off", BOTH, cut_off, 1, 0, 1, 0, 0, "connection closed in the middle of a message",
	 true, false},
	{"closed between two", BOTH, close_after_one, 2, 1, 100, 0, 0, "connection closed", true,
	 true},
	{"closed in order between two", TLS, bye_after_one, 2, 1, 100, 0, 0, "connection closed",
	 true, true},
	{"closed in order in a message", TLS, bye_in_message, 2, 0, 100, 0, 0,
	 "connection closed in the middle of a message", true, false},
	{"silent", BOTH, silent, 1, 0, 1, SHORT_MS, 0, "silent for 1.0 s", true, false},
	{"never done", BOTH, never_last, 1000, 0, 20, SHORT_MS, 3 * SHORT_MS,
	 "not done after 3.0 s", true, false},
	{"no handshake", TLS, only_accept, 1, 0, 1, SHORT_MS, 0, "no TLS for 1.0 s", false, false},
	{"endless handshake", TLS, drip, 1, 0, 1, SHORT_MS, 0, "no TLS for 1.0 s", false, false},
	{"closed in the handshake", TLS, close_at_once, 1, 0, 1, 0, 0,
	 "connection closed in the TLS handshake", false, false},
	{"plain DNS at the port", TLS, speak_plain, 1, 0, 1, 0, 0,
	 "TLS: the other side does not speak TLS 1.3", false, false},
};

static void check_exchange(const struct exchange_case *c, bool tls)
{
	struct server server = {.serve = c->serve, .context = tls ? serving(NULL) : NULL};
	struct client client = {.want = c->want, .expect_len = c->expect_len};
	struct tls_context *context = tls ? trusting(&good) : NULL;

	server_start(&server, "127.0.0.1");
	client_start(&client, &server, context, c->idle_ms ? c->idle_ms : WAIT_MS,
		     c->total_ms ? c->total_ms : 2 * WAIT_MS, NULL);
	tls_context_unref(context); /* held by its session */
	client_run(&client);
	server_stop(&server);

	assert_true(client.done);
	if (c->serve != never_last && client.got != c->got)
		fail_msg("%s: %u messages: %s", c->what, client.got, client.reason);
	if (!c->reason != !client.end.reason ||
	    (c->reason && strncmp(client.reason, c->reason, strlen(c->reason)) != 0))
		fail_msg("%s (%s): %s", c->what, tls ? "TLS" : "plain", client.reason);
	if (client.end.connected != c->connected || client.end.closed != c->closed)
		fail_msg("%s: connected %d, closed %d", c->what, client.end.connected,
			 client.end.closed);
	if (c->got > 0) {
		assert_int_equal(server.query_len, 2 + sizeof(query));
		assert_memory_equal(server.query, "\0\x17", 2);
		assert_memory_equal(server.query + 2, query, sizeof(query));
	}
}

static void test_exchanges(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(exchange_cases); i++) {
		if (exchange_cases[i].transports & PLAIN)
			check_exchange(&exchange_cases[i], false);
		if (exchange_cases[i].transports & TLS)
			check_exchange(&exchange_cases[i], true);
	}
}

/* ---- very many ---- */

#define MANY (2 * 4096 + 200u) /* a minute's end in between does not matter */

struct many {
	int fd;
	unsigned ended, reset; /* how connections were ended by the client */
};

static void *serve_many(void *ptr)
{
	struct many *many = ptr;
	uint8_t out[2 + 100] = {0, 100}, in[2 + sizeof(query)];

	for (size_t i = 0; i < 100; i++)
		out[2 + i] = (uint8_t)(i + 100);
	for (unsigned i = 0; i < MANY; i++) {
		int fd = accept(many->fd, NULL, NULL);

		assert_int_equal(recv(fd, in, sizeof(in), MSG_WAITALL), sizeof(in));
		assert_int_equal(send(fd, out, sizeof(out), 0), sizeof(out));
		if (recv(fd, in, 1, 0) == 0)
			many->ended++;
		else if (errno == ECONNRESET)
			many->reset++;
		close(fd);
	}
	return NULL;
}

/* A port in TIME_WAIT for each connection would be the end of them all after 28,000 in a minute. */
static void test_ports_are_left(void **state)
{
	struct server server = {.fd = -1};
	struct many many = {.fd = -1};
	socklen_t len = sizeof(server.address);
	pthread_t thread;

	(void)state;
	assert_int_equal(address_parse("127.0.0.1", 1, &server.address), 0);
	((struct sockaddr_in *)&server.address)->sin_port = 0;
	many.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
		bind(many.fd, (struct sockaddr *)&server.address, sizeof(struct sockaddr_in)), 0);
	assert_int_equal(getsockname(many.fd, (struct sockaddr *)&server.address, &len), 0);
	assert_int_equal(listen(many.fd, 16), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve_many, &many), 0);
	for (unsigned i = 0; i < MANY; i++) {
		struct client client = {.want = 1, .expect_len = 100};

		client_start(&client, &server, NULL, WAIT_MS, WAIT_MS, NULL);
		client_run(&client);
		if (client.end.reason)
			fail_msg("connection %u: %s", i, client.reason);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(many.fd);
	assert_int_equal(many.ended + many.reset, MANY);
	assert_in_range(many.ended, 4000, 2 * 4096);
}

static void test_refused(void **state)
{
	struct server server = {.serve = one_message};
	struct client client = {.want = 1};

	(void)state;
	/* A port that nobody listens at. */
	assert_int_equal(address_parse("127.0.0.1@1", 1, &server.address), 0);
	client_start(&client, &server, NULL, WAIT_MS, WAIT_MS, NULL);
	client_run(&client);
	assert_string_equal(client.reason, "connection refused");
	assert_false(client.end.connected);
}

static void test_source(void **state)
{
	static const struct {
		const char *server, *from;
	} cases[] = {{"127.0.0.1", "127.0.0.53"}, {"127.0.0.1", "127.0.0.1"}, {"::1", "::1"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct server server = {.serve = one_message};
		struct client client = {.want = 1, .expect_len = 100};
		struct sockaddr_storage expect;

		server_start(&server, cases[i].server);
		client_start(&client, &server, NULL, WAIT_MS, WAIT_MS, cases[i].from);
		client_run(&client);
		server_stop(&server);
		assert_null(client.end.reason);
		assert_int_equal(address_parse(cases[i].from, 1, &expect), 0);
		assert_true(address_same_host((struct sockaddr *)&server.peer,
					      (struct sockaddr *)&expect));
	}
}

/* An address that is not ours. */
static void test_wrong_source(void **state)
{
	struct sockaddr_storage to, from;
	struct tcp_request request = {.to = (struct sockaddr *)&to,
				      .from = (struct sockaddr *)&from,
				      .idle_ms = WAIT_MS,
				      .total_ms = WAIT_MS};
	struct tcp_exchange *exchange;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(address_parse("127.0.0.1@1", 1, &to), 0);
	assert_int_equal(address_parse("192.0.2.1", 1, &from), 0);
	((struct sockaddr_in *)&from)->sin_port = 0;
	assert_int_equal(uv_loop_init(&loop), 0);
	request.query = query;
	assert_int_equal(tcp_start(&loop, &request, &exchange), -EADDRNOTAVAIL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_wrong_server(void **state)
{
	struct server server = {.serve = one_message, .context = serving(NULL)};
	struct client client = {.want = 1};

	(void)state;
	over_tls(&server, &client, &self);
	assert_memory_equal(client.reason, "pin does not match: got ", 24);
	assert_false(client.end.connected);
	assert_int_equal(server.query_len, 0); /* it was not told what we want */
}

/* The server says so after our part of the handshake. */
static void test_mutual_missing(void **state)
{
	struct server server = {.serve = one_message, .context = serving(ca.cert_file)};
	struct client client = {.want = 1};

	(void)state;
	over_tls(&server, &client, &good);
	assert_string_equal(client.reason,
			    "TLS: refused by the other side: Certificate is required");
}

/* It asks for a certificate, and closes without a word. */
static void closes_unsaid(struct server *server)
{
	uint8_t wire[5000];
	char reason[TLS_REASON_MAX];
	ssize_t n = recv(server->fd, wire, sizeof(wire), 0);

	if (n > 0 && tls_feed(server->tls, wire, (size_t)n, reason) == 0) {
		server_flush(server);
		(void)recv(server->fd, wire, sizeof(wire), 0);
	}
}

static void test_mutual_unsaid(void **state)
{
	struct server server = {.serve = closes_unsaid, .context = serving(ca.cert_file)};
	struct client client = {.want = 1};

	(void)state;
	over_tls(&server, &client, &good);
	assert_string_equal(
		client.reason,
		"connection closed: it asked for a certificate of ours, and none is set");
	assert_false(client.end.closed);
}

static void test_cancel(void **state)
{
	struct tls_context *context = trusting(&good);

	(void)state;
	/* As it begins; after some turns of the loop, whatever has been reached then. */
	for (unsigned turns = 0; turns < 8; turns++) {
		for (unsigned tls = 0; tls < 2; tls++) {
			struct server server = {.serve = many_messages,
						.context = tls ? serving(NULL) : NULL};
			struct client client = {.want = 1000};

			server_start(&server, "127.0.0.1");
			client_start(&client, &server, tls ? context : NULL, WAIT_MS, WAIT_MS,
				     NULL);
			for (unsigned i = 0; i < turns && client.got < 100; i++)
				uv_run(&client.loop, UV_RUN_ONCE);
			assert_false(client.done);
			tcp_cancel(client.exchange);
			client_run(&client);
			assert_false(client.done);
			/* Where none was accepted yet the server shall not wait for it. */
			shutdown(server.listen_fd, SHUT_RD);
			server_stop(&server);
		}
	}
	tcp_cancel(NULL);
	tls_context_unref(context);
}

static int make_certificates(void **state)
{
	(void)state;
	certificate_make(&ca, true, &(struct certificate_what){.name = "CA"});
	certificate_make(&good, false, &(struct certificate_what){.name = HOST, .issuer = &ca});
	certificate_make(&self, false, &(struct certificate_what){.name = HOST});
	return 0;
}

static int free_certificates(void **state)
{
	(void)state;
	certificate_free(&ca);
	certificate_free(&good);
	certificate_free(&self);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchanges),      cmocka_unit_test(test_refused),
		cmocka_unit_test(test_source),	       cmocka_unit_test(test_wrong_source),
		cmocka_unit_test(test_wrong_server),   cmocka_unit_test(test_mutual_missing),
		cmocka_unit_test(test_mutual_unsaid),  cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_ports_are_left),
	};
	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
