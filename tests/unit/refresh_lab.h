/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The refresh driver with real sockets: two primaries on loopback, played by the test in the same
 * loop, the real store and the real worker. The clock of the zones' timers can be moved on.
 */
#ifndef XNS_TEST_REFRESH_LAB_H
#define XNS_TEST_REFRESH_LAB_H

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
#include "refresh/internal.h"
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
	const char *ixfr[MESSAGES];    /* of an IXFR; NULL: NOTIMP */
	enum end ixfr_end;
	int64_t expire_s; /* EXPIRE option, where it is asked for; -1: none */
	bool expire_of_soa_only;
	unsigned udp_queries, soa_over_tcp, axfrs, ixfrs;
	uint32_t ixfr_serial; /* asked for last */
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

static inline void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	static char buf[65536];

	(void)handle;
	(void)suggested;
	*ret = uv_buf_init(buf, sizeof(buf));
}

static inline uint16_t query_type(const uint8_t *query)
{
	return knot_wire_read_u16(query + KNOT_WIRE_HEADER_SIZE +
				  knot_dname_size(query + KNOT_WIRE_HEADER_SIZE));
}

/* An OPT record with the EXPIRE option behind the answers. */
static inline void add_expire(const struct primary *primary, struct reply *reply)
{
	uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 8, 0, 9, 0, 4, 0, 0, 0, 0};

	if (primary->expire_s < 0 ||
	    (primary->expire_of_soa_only && query_type(reply->bytes) != KNOT_RRTYPE_SOA))
		return;
	knot_wire_write_u32(opt + 15, (uint32_t)primary->expire_s);
	memcpy(reply->bytes + reply->len, opt, sizeof(opt));
	reply->len += sizeof(opt);
	knot_wire_set_arcount(reply->bytes, 1);
}

static inline void udp_send(uv_udp_t *udp, const struct sockaddr *to, struct reply *reply)
{
	uv_buf_t buf = uv_buf_init((char *)reply->bytes, (unsigned)reply->len);

	assert_int_equal(uv_udp_try_send(udp, &buf, 1, to), (int)reply->len);
}

static inline void on_udp(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf,
			  const struct sockaddr *from, unsigned flags)
{
	struct primary *primary = udp->data;
	static struct reply reply, wrong;

	(void)flags;
	if (len <= 0 || !from)
		return;
	primary->udp_queries++;
	reply_make((const uint8_t *)buf->base, (size_t)len, primary->soa, &reply);
	add_expire(primary, &reply);
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

static inline void on_client_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;

	if (--client->open_handles == 0)
		free(client);
}

static inline void client_close(struct client *client)
{
	if (uv_is_closing((uv_handle_t *)&client->timer))
		return;
	uv_close((uv_handle_t *)&client->timer, on_client_closed);
	if (!uv_is_closing((uv_handle_t *)&client->tcp))
		uv_close((uv_handle_t *)&client->tcp, on_client_closed);
}

/* Small writes on loopback: they fit into the socket's buffer. False: the other side is gone. */
static inline bool client_write(struct client *client, const void *bytes, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);

	return uv_try_write((uv_stream_t *)&client->tcp, &buf, 1) == (int)len;
}

static inline bool client_send(struct client *client, const char *text, uint8_t rcode, size_t cut)
{
	static struct reply reply;
	uint8_t len[2];

	reply_make(client->query, client->query_len, text, &reply);
	add_expire(client->primary, &reply);
	knot_wire_set_rcode(reply.bytes, rcode);
	knot_wire_write_u16(len, (uint16_t)reply.len);
	return client_write(client, len, 2) && client_write(client, reply.bytes, reply.len - cut);
}

static inline void on_drip(uv_timer_t *timer)
{
	struct client *client = timer->data;

	if (!client_send(client, "a A 192.0.2.1\n", 0, 0))
		client_close(client);
}

static inline void answer_xfr(struct client *client, const char *const *message, enum end end)
{
	for (int i = 0; i < MESSAGES && message[i]; i++) {
		bool last = i + 1 == MESSAGES || !message[i + 1];

		client_send(client, message[i], end == END_REFUSE ? KNOT_RCODE_REFUSED : 0,
			    last && end == END_HALF ? 5 : 0);
	}
	switch (end) {
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

/* The serial of the SOA in the authority section: the numbers are its last 20 octets. */
static inline uint32_t ixfr_serial(const struct client *client)
{
	const uint8_t *at = client->query + KNOT_WIRE_HEADER_SIZE;

	at += knot_dname_size(at) + 4;
	at += knot_dname_wire_check(at, client->query + client->query_len, client->query);
	at += 8;
	return knot_wire_read_u32(at + 2 + knot_wire_read_u16(at) - 20);
}

static inline void on_tcp(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
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
	switch (query_type(client->query)) {
	case KNOT_RRTYPE_AXFR:
		client->primary->axfrs++;
		answer_xfr(client, client->primary->message, client->primary->end);
		break;
	case KNOT_RRTYPE_IXFR:
		client->primary->ixfrs++;
		client->primary->ixfr_serial = ixfr_serial(client);
		if (client->primary->ixfr[0] || client->primary->ixfr_end != END_OPEN)
			answer_xfr(client, client->primary->ixfr, client->primary->ixfr_end);
		else
			client_send(client, "", KNOT_RCODE_NOTIMPL, 0);
		break;
	default:
		client->primary->soa_over_tcp++;
		client_send(client, client->primary->soa, 0, 0);
		break;
	}
}

static inline void on_connection(uv_stream_t *server, int status)
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
static inline void primary_start(struct primary *primary, uv_loop_t *loop, const char *address)
{
	struct sockaddr_in addr;
	int len = sizeof(addr);

	*primary = (struct primary){
		.loop = loop,
		.soa = SOA(7),
		.message = {SOA(7) NS, SOA(7)},
		.expire_s = -1,
	};
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
static inline void primary_die(struct primary *primary)
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
	struct store_zone *stored;
	struct apply *apply;
	struct refresh *refresh;
	struct zone *zone;
};

static inline void on_deadline(uv_timer_t *timer)
{
	(void)timer;
	fail_msg("nothing happened for %d ms", DEADLINE_MS);
}

static inline void agent_start(struct lab *lab)
{
	struct store_txn *txn;

	assert_int_equal(store_open(lab->dir, 64 << 20, &lab->store), 0);
	assert_int_equal(zone_table_init(&lab->zones, lab->config), 0);
	lab->zone = lab->zones.zone[0];
	lab->stored = calloc(lab->zones.n, sizeof(*lab->stored));
	assert_int_equal(store_write_begin(lab->store, &txn), 0);
	for (size_t i = 0; i < lab->zones.n; i++) {
		struct zone *zone = lab->zones.zone[i];

		assert_int_equal(store_zone_add(txn, zone->apex, &lab->stored[i]), 0);
		zone->id = lab->stored[i].id;
		atomic_store(&zone->serial, lab->stored[i].serial);
		atomic_store(&zone->expires_at_ms,
			     times_of(zone->conf, &lab->stored[i], clock_boot_ms(), clock_real_s())
				     .expires_at_ms);
	}
	assert_int_equal(store_write_commit(txn), 0);
	assert_int_equal(apply_start(&lab->loop, lab->store, &lab->zones, lab->config, NULL, NULL,
				     &lab->apply),
			 0);
	assert_int_equal(refresh_start(&lab->loop, lab->config, &lab->zones, lab->stored,
				       lab->store, lab->apply, &lab->refresh),
			 0);
}

static inline void agent_stop(struct lab *lab)
{
	refresh_stop(lab->refresh);
	apply_stop(lab->apply);
	for (int i = 0; i < 3; i++)
		uv_run(&lab->loop, UV_RUN_NOWAIT);
	store_close(lab->store);
	zone_table_free(&lab->zones);
	free(lab->stored);
}

/* What the agent is told: zone is the zones' items, the other keys of each zone are in the default
 * template. */
static inline struct config *lab_config(struct lab *lab, const char *server, const char *zones)
{
	struct config *config;
	size_t size = strlen(zones) + 1024;
	char *yaml = malloc(size);

	assert_non_null(yaml);
	snprintf(yaml, size,
		 "server:\n  listen: [127.0.0.1@5300]\n  tcp-remote-io-timeout: %d\n"
		 "  max-transfer-time: 1s\n%s\n"
		 "remotes:\n"
		 "  - {id: a, address: [127.0.0.1@%d]}\n"
		 "  - {id: b, address: [127.0.0.2@%d]}\n"
		 "zones:\n%s",
		 TIMEOUT_MS, server, lab->a.port, lab->b.port, zones);
	assert_int_equal(config_parse("test", (uint8_t *)yaml, strlen(yaml), stderr, &config), 0);
	free(yaml);
	return config;
}

/* zones: items of YAML. */
static inline struct lab *lab_new_zones(const char *server, const char *zones)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	log_set_level(getenv("REFRESH_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	assert_int_equal(uv_loop_init(&lab->loop), 0);
	uv_timer_init(&lab->loop, &lab->deadline);
	primary_start(&lab->a, &lab->loop, "127.0.0.1");
	primary_start(&lab->b, &lab->loop, "127.0.0.2");
	strcpy(lab->dir, "/tmp/xnsd-test-XXXXXX");
	assert_non_null(mkdtemp(lab->dir));
	lab->config = lab_config(lab, server, zones);
	agent_start(lab);
	return lab;
}

/* One zone: primaries are a and b; more: further keys of it. */
static inline struct lab *lab_new_more(const char *primaries, const char *more)
{
	char zones[512];

	snprintf(zones, sizeof(zones), "  - {domain: example.com, primaries: [%s], %s}\n",
		 primaries, more);
	return lab_new_zones("", zones);
}

/* AXFR only. */
static inline struct lab *lab_new(const char *primaries)
{
	return lab_new_more(primaries, "request-ixfr: false");
}

static inline void lab_free(struct lab *lab)
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

static inline struct refresh_status status(struct lab *lab)
{
	struct refresh_status ret;

	refresh_get_status(lab->refresh, lab->zone, &ret);
	return ret;
}

static inline void turn(struct lab *lab)
{
	uv_timer_start(&lab->deadline, on_deadline, DEADLINE_MS, 0);
	uv_run(&lab->loop, UV_RUN_ONCE);
	uv_timer_stop(&lab->deadline);
}

static inline void wait_idle(struct lab *lab)
{
	while (strcmp(status(lab).activity, "idle") != 0)
		turn(lab);
}

static inline void wait_serial(struct lab *lab, uint32_t serial)
{
	while (!status(lab).has_content || status(lab).stored.serial != serial)
		turn(lab);
	wait_idle(lab);
}

/* The clock of the zones' timers is this much further on. */
static inline void pass_s(struct lab *lab, int64_t seconds)
{
	clock_shift_ms(seconds * 1000);
	round_arm(lab->refresh);
}

/* What is due is done. */
static inline void settle(struct lab *lab)
{
	for (int i = 0; i < 3; i++)
		uv_run(&lab->loop, UV_RUN_NOWAIT);
	wait_idle(lab);
}

static inline void check_now(struct lab *lab)
{
	refresh_now(lab->refresh, lab->zone);
	wait_idle(lab);
}

/* What the primary has from now on. */
static inline void publish(struct primary *primary, const char *soa, const char *message)
{
	primary->soa = soa;
	primary->message[0] = message;
	primary->message[1] = soa;
	primary->message[2] = NULL;
	primary->end = END_OPEN;
	primary->udp_mode = UDP_ANSWER;
	memset(primary->ixfr, 0, sizeof(primary->ixfr));
	primary->ixfr_end = END_OPEN;
}

/* ---- NOTIFY ---- */

struct notify {
	struct lab *lab;
	const char *from;
	bool has_serial;
	uint32_t serial;
};

static inline void *notify_thread(void *ctx)
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
static inline void send_notify(struct lab *lab, const char *from, bool has_serial, uint32_t serial)
{
	struct notify notify = {lab, from, has_serial, serial};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, notify_thread, &notify), 0);
	pthread_join(thread, NULL);
}

#endif
