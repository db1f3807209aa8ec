// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The refresh driver with real sockets: two primaries on loopback, played by the test in the same
 * loop, the real store and the real worker.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <unistd.h>
#include <cmocka.h>
#include <uv.h>

#include "apply/apply.h"
#include "config/config.h"
#include "refresh/refresh.h"
#include "replytext.h"
#include "store/store.h"
#include "util/log.h"
#include "zone/zone.h"

#define TIMEOUT_MS  300 /* tcp-remote-io-timeout */
#define DEADLINE_MS 20000
#define MESSAGES    4

#define SOA(n) "@ SOA ns host " #n " 3600 900 86400 300\n"
#define NS     "@ NS ns\nns A 192.0.2.1\n"

/* ---- a primary ---- */

enum udp_mode {
	UDP_ANSWER,
	UDP_SILENT,
	UDP_TC,
	UDP_REFUSE,
	UDP_FORGED, /* three wrong ones before the answer */
};

enum end {
	END_OPEN, /* stays open after the messages */
	END_CLOSE,
	END_RESET,
	END_HALF,   /* the last message is cut, then closed */
	END_LENGTH, /* one byte of a length, then closed */
	END_DRIP,   /* the messages, then the last one again and again */
	END_REFUSE,
};

struct primary {
	uv_loop_t *loop;
	uv_udp_t udp;
	uv_tcp_t tcp;
	int port;
	enum udp_mode udp_mode;
	enum end end;
	const char *soa;	       /* the answer to SOA queries */
	const char *message[MESSAGES]; /* of an AXFR */
	unsigned udp_queries, soa_over_tcp, axfrs;
};

struct client {
	uv_tcp_t tcp;
	uv_timer_t timer; /* of END_DRIP */
	unsigned open_handles;
	struct primary *primary;
	uint8_t query[512];
	size_t query_len;
	char buf[512];
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	static char buf[65536];

	(void)handle;
	(void)suggested;
	*ret = uv_buf_init(buf, sizeof(buf));
}

static void udp_send(uv_udp_t *udp, const struct sockaddr *to, struct reply *reply)
{
	uv_buf_t buf = uv_buf_init((char *)reply->bytes, (unsigned)reply->len);

	assert_int_equal(uv_udp_try_send(udp, &buf, 1, to), (int)reply->len);
}

static void on_udp(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf, const struct sockaddr *from,
		   unsigned flags)
{
	struct primary *primary = udp->data;
	static struct reply reply, wrong;

	(void)flags;
	if (len <= 0 || !from)
		return;
	primary->udp_queries++;
	reply_make((const uint8_t *)buf->base, (size_t)len, primary->soa, &reply);
	switch (primary->udp_mode) {
	case UDP_SILENT:
		return;
	case UDP_TC:
		knot_wire_set_tc(reply.bytes);
		break;
	case UDP_REFUSE:
		knot_wire_set_rcode(reply.bytes, KNOT_RCODE_REFUSED);
		break;
	case UDP_FORGED:
		wrong = reply;
		wrong.bytes[0] ^= 1;
		udp_send(udp, from, &wrong);
		wrong = reply;
		wrong.bytes[14] ^= 1; /* in the question */
		udp_send(udp, from, &wrong);
		wrong.len = 5;
		udp_send(udp, from, &wrong);
		break;
	default:
		break;
	}
	udp_send(udp, from, &reply);
}

static void on_client_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;

	if (--client->open_handles == 0)
		free(client);
}

static void client_close(struct client *client)
{
	if (uv_is_closing((uv_handle_t *)&client->timer))
		return;
	uv_close((uv_handle_t *)&client->timer, on_client_closed);
	if (!uv_is_closing((uv_handle_t *)&client->tcp))
		uv_close((uv_handle_t *)&client->tcp, on_client_closed);
}

/* Small writes on loopback: they fit into the socket's buffer. False: the other side is gone. */
static bool client_write(struct client *client, const void *bytes, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);

	return uv_try_write((uv_stream_t *)&client->tcp, &buf, 1) == (int)len;
}

static bool client_send(struct client *client, const char *text, size_t cut)
{
	static struct reply reply;
	uint8_t len[2];

	reply_make(client->query, client->query_len, text, &reply);
	if (client->primary->end == END_REFUSE)
		knot_wire_set_rcode(reply.bytes, KNOT_RCODE_REFUSED);
	knot_wire_write_u16(len, (uint16_t)reply.len);
	return client_write(client, len, 2) && client_write(client, reply.bytes, reply.len - cut);
}

static void on_drip(uv_timer_t *timer)
{
	struct client *client = timer->data;

	if (!client_send(client, "a A 192.0.2.1\n", 0))
		client_close(client);
}

static void answer_axfr(struct client *client)
{
	struct primary *primary = client->primary;

	for (int i = 0; i < MESSAGES && primary->message[i]; i++) {
		bool last = i + 1 == MESSAGES || !primary->message[i + 1];

		client_send(client, primary->message[i], last && primary->end == END_HALF ? 5 : 0);
	}
	switch (primary->end) {
	case END_LENGTH:
		client_write(client, "", 1);
		/* fall through */
	case END_CLOSE:
	case END_HALF:
		client_close(client);
		break;
	case END_RESET:
		uv_tcp_close_reset(&client->tcp, on_client_closed);
		client_close(client);
		break;
	case END_DRIP:
		uv_timer_start(&client->timer, on_drip, 50, 50);
		break;
	default:
		break;
	}
}

static void on_tcp(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct client *client = stream->data;

	if (len < 0) {
		client_close(client);
		return;
	}
	if (len == 0)
		return;
	assert_true(len > 14 && knot_wire_read_u16((uint8_t *)buf->base) == len - 2);
	client->query_len = (size_t)len - 2;
	memcpy(client->query, buf->base + 2, client->query_len);
	if (knot_wire_read_u16(client->query + client->query_len - 4) == KNOT_RRTYPE_AXFR) {
		client->primary->axfrs++;
		answer_axfr(client);
	} else {
		client->primary->soa_over_tcp++;
		client_send(client, client->primary->soa, 0);
	}
}

static void on_connection(uv_stream_t *server, int status)
{
	struct primary *primary = server->data;
	struct client *client = calloc(1, sizeof(*client));

	assert_int_equal(status, 0);
	assert_non_null(client);
	uv_tcp_init(primary->loop, &client->tcp);
	uv_timer_init(primary->loop, &client->timer);
	client->tcp.data = client;
	client->timer.data = client;
	client->open_handles = 2;
	client->primary = primary;
	assert_int_equal(uv_accept(server, (uv_stream_t *)&client->tcp), 0);
	uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_tcp);
}

/* UDP and TCP on one port that was free for both. */
static void primary_start(struct primary *primary, uv_loop_t *loop, const char *address)
{
	struct sockaddr_in addr;
	int len = sizeof(addr);

	*primary = (struct primary){.loop = loop, .soa = SOA(7), .message = {SOA(7) NS, SOA(7)}};
	uv_ip4_addr(address, 0, &addr);
	uv_tcp_init(loop, &primary->tcp);
	uv_udp_init(loop, &primary->udp);
	primary->tcp.data = primary;
	primary->udp.data = primary;
	assert_int_equal(uv_tcp_bind(&primary->tcp, (struct sockaddr *)&addr, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&primary->tcp, 8, on_connection), 0);
	uv_tcp_getsockname(&primary->tcp, (struct sockaddr *)&addr, &len);
	primary->port = ntohs(addr.sin_port);
	assert_int_equal(uv_udp_bind(&primary->udp, (struct sockaddr *)&addr, 0), 0);
	uv_udp_recv_start(&primary->udp, on_alloc, on_udp);
}

/* Nobody listens there any more. */
static void primary_die(struct primary *primary)
{
	if (uv_is_closing((uv_handle_t *)&primary->tcp))
		return;
	uv_close((uv_handle_t *)&primary->tcp, NULL);
	uv_close((uv_handle_t *)&primary->udp, NULL);
}

/* ---- the agent's part ---- */

struct lab {
	uv_loop_t loop;
	uv_timer_t deadline;
	struct primary a, b; /* 127.0.0.1 and 127.0.0.2, asked in this order */
	char dir[64];
	struct config *config;
	struct zone_table zones;
	struct store *store;
	struct store_zone stored;
	struct apply *apply;
	struct refresh *refresh;
	struct zone *zone;
};

static void on_deadline(uv_timer_t *timer)
{
	(void)timer;
	fail_msg("nothing happened for %d ms", DEADLINE_MS);
}

static void agent_start(struct lab *lab)
{
	struct store_txn *txn;

	assert_int_equal(store_open(lab->dir, 64 << 20, &lab->store), 0);
	assert_int_equal(zone_table_init(&lab->zones, lab->config), 0);
	lab->zone = lab->zones.zone[0];
	assert_int_equal(store_write_begin(lab->store, &txn), 0);
	assert_int_equal(store_zone_add(txn, lab->zone->apex, &lab->stored), 0);
	assert_int_equal(store_write_commit(txn), 0);
	lab->zone->id = lab->stored.id;
	atomic_store(&lab->zone->serial, lab->stored.serial);
	assert_int_equal(
		apply_start(&lab->loop, lab->store, &lab->zones, lab->config, NULL, &lab->apply),
		0);
	assert_int_equal(refresh_start(&lab->loop, lab->config, &lab->zones, &lab->stored,
				       lab->store, lab->apply, &lab->refresh),
			 0);
}

static void agent_stop(struct lab *lab)
{
	refresh_stop(lab->refresh);
	apply_stop(lab->apply);
	for (int i = 0; i < 3; i++)
		uv_run(&lab->loop, UV_RUN_NOWAIT);
	store_close(lab->store);
	zone_table_free(&lab->zones);
}

/* primaries: the zone's, of a and b */
static struct lab *lab_new(const char *primaries)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	char yaml[1024];

	assert_non_null(lab);
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(uv_loop_init(&lab->loop), 0);
	uv_timer_init(&lab->loop, &lab->deadline);
	primary_start(&lab->a, &lab->loop, "127.0.0.1");
	primary_start(&lab->b, &lab->loop, "127.0.0.2");
	strcpy(lab->dir, "/tmp/xnsd-test-XXXXXX");
	assert_non_null(mkdtemp(lab->dir));
	snprintf(yaml, sizeof(yaml),
		 "server:\n  listen: [127.0.0.1@5300]\n  tcp-remote-io-timeout: %d\n"
		 "  max-transfer-time: 1s\n"
		 "remotes:\n"
		 "  - {id: a, address: [127.0.0.1@%d]}\n"
		 "  - {id: b, address: [127.0.0.2@%d]}\n"
		 "zones:\n  - {domain: example.com, primaries: [%s]}\n",
		 TIMEOUT_MS, lab->a.port, lab->b.port, primaries);
	assert_int_equal(config_parse("test", (uint8_t *)yaml, strlen(yaml), stderr, &lab->config),
			 0);
	agent_start(lab);
	return lab;
}

static void lab_free(struct lab *lab)
{
	static const char *const file[] = {"data.mdb", "lock.mdb", "xnsd.lock"};
	char path[128];

	agent_stop(lab);
	primary_die(&lab->a);
	primary_die(&lab->b);
	uv_close((uv_handle_t *)&lab->deadline, NULL);
	/* The primaries' clients see the connections end. */
	uv_run(&lab->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&lab->loop), 0);
	config_free(lab->config);
	for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", lab->dir, file[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(lab->dir), 0);
	free(lab);
}

static struct refresh_status status(struct lab *lab)
{
	struct refresh_status ret;

	refresh_get_status(lab->refresh, lab->zone, &ret);
	return ret;
}

static void turn(struct lab *lab)
{
	uv_timer_start(&lab->deadline, on_deadline, DEADLINE_MS, 0);
	uv_run(&lab->loop, UV_RUN_ONCE);
	uv_timer_stop(&lab->deadline);
}

static void wait_idle(struct lab *lab)
{
	while (strcmp(status(lab).activity, "idle") != 0)
		turn(lab);
}

static void wait_serial(struct lab *lab, uint32_t serial)
{
	while (!status(lab).has_content || status(lab).stored.serial != serial)
		turn(lab);
	wait_idle(lab);
}

static void check_now(struct lab *lab)
{
	refresh_now(lab->refresh, lab->zone);
	wait_idle(lab);
}

/* What the primary has from now on. */
static void publish(struct primary *primary, const char *soa, const char *message)
{
	primary->soa = soa;
	primary->message[0] = message;
	primary->message[1] = soa;
	primary->message[2] = NULL;
	primary->end = END_OPEN;
	primary->udp_mode = UDP_ANSWER;
}

/* ---- tests ---- */

static void test_first_transfer(void **state)
{
	struct lab *lab = lab_new("a, b");
	char primary[64];
	struct refresh_status s;

	(void)state;
	assert_false(status(lab).has_content);
	wait_serial(lab, 7);
	s = status(lab);
	snprintf(primary, sizeof(primary), "127.0.0.1@%d", lab->a.port);
	assert_string_equal(s.primary, primary);
	assert_string_equal(s.stored.primary, primary);
	assert_int_equal(s.stored.transfer_records, 3);
	assert_true(s.stored.transfer_bytes > 100);
	assert_in_range(s.next_refresh_s, 3200, 3600);
	assert_in_range(s.expires_in_s, 86390, 86400);
	assert_string_equal(s.last_error, "");
	assert_int_equal(lab->a.axfrs, 1);
	assert_int_equal(lab->a.udp_queries, 0);
	lab_free(lab);
}

static void test_check(void **state)
{
	struct lab *lab = lab_new("a, b");

	(void)state;
	wait_serial(lab, 7);
	check_now(lab); /* nothing new */
	assert_int_equal(lab->a.udp_queries, 1);
	assert_int_equal(lab->a.axfrs, 1);
	publish(&lab->a, SOA(9), SOA(9) NS);
	check_now(lab);
	assert_int_equal(status(lab).stored.serial, 9);
	assert_int_equal(lab->a.axfrs, 2);
	assert_int_equal(lab->b.udp_queries + lab->b.axfrs, 0);
	lab_free(lab);
}

/* SOA over UDP has its ways to fail; each of them leads to the new serial all the same. */
static void test_udp(void **state)
{
	static const struct {
		enum udp_mode mode;
		unsigned udp_queries, over_tcp, of_b;
	} table[] = {
		{UDP_ANSWER, 1, 0, 0}, {UDP_FORGED, 1, 0, 0}, {UDP_TC, 1, 1, 0},
		{UDP_SILENT, 3, 1, 0}, {UDP_REFUSE, 1, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct lab *lab = lab_new("a, b");

		wait_serial(lab, 7);
		publish(&lab->a, SOA(8), SOA(8) NS);
		publish(&lab->b, SOA(8), SOA(8) NS);
		lab->a.udp_mode = table[i].mode;
		check_now(lab);
		assert_int_equal(status(lab).stored.serial, 8);
		assert_int_equal(lab->a.udp_queries, table[i].udp_queries);
		assert_int_equal(lab->a.soa_over_tcp, table[i].over_tcp);
		assert_int_equal(lab->b.udp_queries, table[i].of_b);
		lab_free(lab);
	}
}

static const struct {
	const char *what;
	enum end end;
	const char *message[MESSAGES];
	const char *error; /* part of last_error */
} broken[] = {
	{"no final SOA",
	 END_CLOSE,
	 {SOA(8) NS},
	 "closed before the final SOA, after 1 messages and 3 records"},
	{"no answer", END_CLOSE, {NULL}, "closed without an answer"},
	{"half a message",
	 END_HALF,
	 {SOA(8) NS, SOA(8)},
	 "closed in the middle of a message, after 1 messages"},
	{"half a length",
	 END_LENGTH,
	 {SOA(8) NS},
	 "closed in the middle of a message, after 1 messages"},
	{"reset", END_RESET, {NULL}, "connection reset by peer"},
	/* libuv reports a reset behind data as the end of the stream */
	{"reset later", END_RESET, {SOA(8) NS}, "after 1 messages and 3 records"},
	{"silence", END_OPEN, {SOA(8) NS}, "silent for 0.3 s, after 1 messages"},
	{"silence from the begin", END_OPEN, {NULL}, "silent for 0.3 s"},
	{"endless", END_DRIP, {SOA(8) NS}, "not done after 1.0 s"},
	{"refused", END_REFUSE, {""}, "answered REFUSED"},
	{"SOA in the middle", END_OPEN, {SOA(8) NS SOA(9), SOA(8)}, "SOA in the middle"},
	{"bytes behind the end",
	 END_OPEN,
	 {SOA(8) NS SOA(8) "a A 192.0.2.1\n"},
	 "behind the final SOA"},
	{"outside",
	 END_OPEN,
	 {SOA(8) NS "example.net. A 192.0.2.1\n" SOA(8)},
	 "outside of the zone: example.net. A"},
	{"two CNAMEs", END_OPEN, {SOA(8) NS "c CNAME a\nc CNAME b\n" SOA(8)}, "c.example.com."},
	{"no NS", END_OPEN, {SOA(8) SOA(8)}, "no NS"},
};

/* Whatever the primary sends, serial 7 stays and the reason is told; then a good serial is taken.
 */
static void test_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct lab *lab = lab_new("a");
		struct refresh_status s;
		char from[80];

		wait_serial(lab, 7);
		publish(&lab->a, SOA(8), NULL);
		memcpy(lab->a.message, broken[i].message, sizeof(lab->a.message));
		lab->a.end = broken[i].end;
		check_now(lab);
		s = status(lab);
		snprintf(from, sizeof(from), "AXFR from 127.0.0.1@%d: ", lab->a.port);
		assert_int_equal(lab->a.axfrs, 2);
		assert_int_equal(atomic_load(&lab->zone->serial), 7);
		assert_int_equal(s.stored.serial, 7);
		if (strncmp(s.last_error, from, strlen(from)) != 0 ||
		    !strstr(s.last_error, broken[i].error))
			fail_msg("%s: last error \"%s\"", broken[i].what, s.last_error);
		assert_in_range(s.next_refresh_s, 800, 900); /* retry */

		publish(&lab->a, SOA(10), SOA(10) NS);
		check_now(lab);
		assert_int_equal(status(lab).stored.serial, 10);
		assert_string_equal(status(lab).last_error, "");
		lab_free(lab);
	}
}

/* The first primary is of no use in some way, the second has the zone. */
static void test_failover(void **state)
{
	enum {
		DEAD,
		REFUSES,
		BROKEN,
		OLDER,
		TWO_CNAMES,
		WAYS
	};

	(void)state;
	for (int way = DEAD; way < WAYS; way++) {
		struct lab *lab = lab_new("a, b");

		wait_serial(lab, 7);
		publish(&lab->a, SOA(8), SOA(8) NS "example.net. A 192.0.2.1\n");
		publish(&lab->b, SOA(9), SOA(9) NS);
		if (way == DEAD)
			primary_die(&lab->a);
		else if (way == REFUSES)
			lab->a.udp_mode = UDP_REFUSE;
		else if (way == OLDER)
			publish(&lab->a, SOA(6), SOA(6) NS);
		else if (way == TWO_CNAMES)
			lab->a.message[0] = SOA(8) NS "c CNAME a\nc CNAME b\n";
		check_now(lab);
		assert_int_equal(status(lab).stored.serial, 9);
		assert_int_equal(lab->b.axfrs, 1);
		assert_string_equal(status(lab).last_error, "");
		lab_free(lab);
	}
}

static void test_nobody(void **state)
{
	struct lab *lab = lab_new("a, b");
	struct refresh_status s;

	(void)state;
	primary_die(&lab->a);
	primary_die(&lab->b);
	while (status(lab).last_error[0] == '\0')
		turn(lab);
	wait_idle(lab);
	s = status(lab);
	assert_false(s.has_content);
	assert_non_null(strstr(s.last_error, "connection refused"));
	assert_int_equal(s.next_refresh_s, 1);
	lab_free(lab);
}

/* ---- NOTIFY ---- */

struct notify {
	struct lab *lab;
	const char *from;
	bool has_serial;
	uint32_t serial;
};

static void *notify_thread(void *ctx)
{
	const struct notify *notify = ctx;
	struct sockaddr_in from;

	uv_ip4_addr(notify->from, 40000, &from);
	for (int i = 0; i < 100; i++)
		refresh_notify(notify->lab->refresh, notify->lab->zone, (struct sockaddr *)&from,
			       NULL, notify->has_serial, notify->serial);
	return NULL;
}

/* A hundred of the same, from another thread, while the loop stands still. */
static void send_notify(struct lab *lab, const char *from, bool has_serial, uint32_t serial)
{
	struct notify notify = {lab, from, has_serial, serial};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, notify_thread, &notify), 0);
	pthread_join(thread, NULL);
}

static void test_notify(void **state)
{
	struct lab *lab = lab_new("a, b");

	(void)state;
	wait_serial(lab, 7);
	/* of the second primary: it is asked, the first is not */
	publish(&lab->b, SOA(8), SOA(8) NS);
	send_notify(lab, "127.0.0.2", true, 8);
	wait_serial(lab, 8);
	assert_int_equal(lab->a.udp_queries, 0);
	assert_int_equal(lab->b.udp_queries, 1);
	assert_int_equal(lab->b.axfrs, 1);
	/* of the serial that is here: nothing; then one without a serial asks */
	send_notify(lab, "127.0.0.2", true, 8);
	for (int i = 0; i < 10; i++)
		uv_run(&lab->loop, UV_RUN_NOWAIT);
	assert_string_equal(status(lab).activity, "idle");
	assert_int_equal(lab->b.udp_queries, 1);
	send_notify(lab, "127.0.0.2", false, 0);
	while (lab->b.udp_queries < 2)
		turn(lab);
	wait_idle(lab);
	assert_int_equal(lab->b.udp_queries, 2);
	/* during a transfer: one check more, which finds the next serial */
	publish(&lab->a, SOA(20), SOA(20) NS);
	refresh_now(lab->refresh, lab->zone);
	while (lab->a.axfrs < 2)
		turn(lab);
	publish(&lab->b, SOA(21), SOA(21) NS);
	send_notify(lab, "127.0.0.2", true, 21);
	wait_serial(lab, 21);
	lab_free(lab);
}

/* ---- serials, expiry, restart ---- */

static void test_older(void **state)
{
	struct lab *lab = lab_new("a");

	(void)state;
	wait_serial(lab, 7);
	publish(&lab->a, SOA(5), SOA(5) NS);
	check_now(lab);
	assert_int_equal(status(lab).stored.serial, 7);
	assert_int_equal(lab->a.axfrs, 1);
	refresh_retransfer(lab->refresh, lab->zone);
	wait_idle(lab);
	assert_int_equal(status(lab).stored.serial, 5);
	assert_int_equal(atomic_load(&lab->zone->serial), 5);
	/* a primary that tells more than it has */
	publish(&lab->a, SOA(6), SOA(4) NS SOA(4));
	lab->a.message[1] = NULL;
	check_now(lab);
	assert_int_equal(status(lab).stored.serial, 5);
	lab_free(lab);
}

#define SHORT(n) "@ SOA ns host " #n " 1 1 2 300\n"

/* Expires after two seconds without a primary; comes back with a lower serial, by itself. */
static void test_expiry(void **state)
{
	struct lab *lab = lab_new("a");

	(void)state;
	publish(&lab->a, SHORT(7), SHORT(7) NS);
	wait_serial(lab, 7);
	lab->a.udp_mode = UDP_REFUSE;
	while (zone_state(lab->zone, clock_boot_ms()) != ZONE_EXPIRED)
		turn(lab);
	assert_true(status(lab).expires_in_s <= 0);
	publish(&lab->a, SHORT(3), SHORT(3) NS);
	while (status(lab).stored.serial != 3)
		turn(lab);
	assert_int_equal(zone_state(lab->zone, clock_boot_ms()), ZONE_ACTIVE);
	assert_string_equal(status(lab).last_error, "");
	lab_free(lab);
}

#define DUE(n) "@ SOA ns host " #n " 1 1 600 300\n"

/* Stale after the shortest refresh and retry without a primary, until one is back. */
static void test_stale(void **state)
{
	struct lab *lab = lab_new("a");

	(void)state;
	publish(&lab->a, DUE(7), DUE(7) NS);
	wait_serial(lab, 7);
	assert_in_range(atomic_load(&lab->zone->stale_at_ms) - clock_boot_ms(), 1000, 3000);
	lab->a.udp_mode = UDP_REFUSE;
	while (!zone_is_stale(lab->zone, clock_boot_ms()))
		turn(lab);
	assert_int_equal(zone_state(lab->zone, clock_boot_ms()), ZONE_ACTIVE);
	assert_string_not_equal(status(lab).last_error, "");
	lab->a.udp_mode = UDP_ANSWER;
	while (zone_is_stale(lab->zone, clock_boot_ms()))
		turn(lab);
	wait_idle(lab);
	assert_string_equal(status(lab).last_error, "");
	assert_int_equal(lab->a.axfrs, 1);
	lab_free(lab);
}

static void test_restart(void **state)
{
	struct lab *lab = lab_new("a");

	(void)state;
	wait_serial(lab, 7);
	agent_stop(lab);
	agent_start(lab);
	/* from the store, without asking */
	assert_true(status(lab).has_content);
	assert_int_equal(status(lab).stored.serial, 7);
	assert_in_range(status(lab).next_refresh_s, 3200, 3600);
	assert_in_range(status(lab).expires_in_s, 86390, 86400);
	assert_int_equal(lab->a.axfrs + lab->a.udp_queries, 1);
	check_now(lab);
	assert_int_equal(lab->a.udp_queries, 1);
	lab_free(lab);
}

/* Stopped with something under way: nothing leaks, nothing is called. */
static void test_stop(void **state)
{
	enum {
		IN_QUERY,
		IN_TCP_QUERY,
		IN_TRANSFER,
		IN_COMMIT,
		PLACES
	};

	(void)state;
	for (int place = IN_QUERY; place < PLACES; place++) {
		struct lab *lab = lab_new("a");

		wait_serial(lab, 7);
		publish(&lab->a, SOA(8), SOA(8) NS);
		if (place == IN_TRANSFER)
			lab->a.message[1] = NULL;
		if (place == IN_QUERY || place == IN_TCP_QUERY)
			lab->a.udp_mode = place == IN_QUERY ? UDP_SILENT : UDP_TC;
		refresh_now(lab->refresh, lab->zone);
		while ((place == IN_QUERY && lab->a.udp_queries == 0) ||
		       (place == IN_TCP_QUERY && lab->a.soa_over_tcp == 0) ||
		       (place == IN_TRANSFER && lab->a.axfrs < 2) ||
		       (place == IN_COMMIT && strcmp(status(lab).activity, "commit") != 0))
			turn(lab);
		lab_free(lab);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_transfer),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_older),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_stop),
	};

	signal(SIGPIPE, SIG_IGN); /* as in xnsd */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
