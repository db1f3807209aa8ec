/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A responder over a small store: example.com in force, empty.test never transferred, old.test
 * expired. */
#ifndef XNS_TEST_RESPOND_FIXTURE_H
#define XNS_TEST_RESPOND_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <cmocka.h>
#include <libknot/libknot.h>

#include "respond/respond.h"
#include "store/store.h"
#include "util/address.h"
#include "zone/zone.h"
#include "zonefile.h"

#define TEXT200                                                                                                \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const char EXAMPLE_COM[] =
	"@ SOA ns1 hostmaster 7 3600 900 604800 300\n"
	"@ NS ns1\n"
	"ns1 A 192.0.2.1\n"
	"www A 192.0.2.10\n"
	"www A 192.0.2.11\n"
	"alias CNAME www\n"
	"_sip._tcp SRV 0 5 5060 www\n"
	"sub NS ns.sub\n"
	"ns.sub A 192.0.2.20\n"
	"medium TXT a" TEXT200 "\nmedium TXT b" TEXT200 "\nmedium TXT c" TEXT200 "\n"
	"big TXT a" TEXT200 "\nbig TXT b" TEXT200 "\nbig TXT c" TEXT200 "\nbig TXT d" TEXT200 "\n"
	"big TXT e" TEXT200 "\nbig TXT f" TEXT200 "\nbig TXT g" TEXT200 "\nbig TXT h" TEXT200 "\n";

enum fixture_from {
	STRANGER,
	PRIMARY,
	PRIMARY_MAPPED, /* ::ffff:192.0.2.7 */
	PRIMARY6,
	PORT_0,
	FROM_COUNT,
};

struct fixture {
	char dir[64];
	struct config config;
	struct config_remote remote;
	const struct config_remote *remotes[1];
	struct sockaddr_storage remote_address[2], from[FROM_COUNT], listen[2];
	struct config_zone config_zones[3];
	struct zone_table zones;
	struct store *store;
	struct respond *respond;
};

static const char *const FIXTURE_ZONES[] = {"example.com.", "empty.test.", "old.test."};

/* Makes it the zone's content, with a journal; takes it. How many names that changed. */
static inline size_t fixture_store_content(struct fixture *f, struct content *content)
{
	const struct store_limits limits = {.journal_max_usage = 1 << 20, .journal_max_depth = 10};
	struct store_changes *changes;
	struct store_zone zone;
	struct store_txn *txn;
	size_t n;

	assert_int_equal(store_write_begin(f->store, &txn), 0);
	assert_int_equal(store_zone_add(txn, content_apex(content), &zone), 0);
	assert_int_equal(store_zone_replace(txn, content, &limits, clock_real_s(), &changes), 0);
	assert_int_equal(store_write_commit(txn), 0);
	n = changes->n + changes->n_nsec3;
	store_changes_free(changes);
	content_free(content);
	return n;
}

static inline void fixture_store_zone(struct fixture *f, const char *apex)
{
	fixture_store_content(f, zonefile_finished(apex, EXAMPLE_COM, NULL));
}

static inline void fixture_configure(struct fixture *f)
{
	static const char *const from[] = {"198.51.100.1@5353", "192.0.2.7@5353",
					   "::ffff:192.0.2.7@5353", "2001:db8::7@5353",
					   "192.0.2.7@5353"};

	assert_int_equal(address_parse("192.0.2.7@53", 53, &f->remote_address[0]), 0);
	assert_int_equal(address_parse("2001:db8::7@53", 53, &f->remote_address[1]), 0);
	for (size_t i = 0; i < FROM_COUNT; i++)
		assert_int_equal(address_parse(from[i], 53, &f->from[i]), 0);
	((struct sockaddr_in *)&f->from[PORT_0])->sin_port = 0;
	f->remote = (struct config_remote){
		.id = (char *)"p", .address = f->remote_address, .n_addresses = 2};
	f->remotes[0] = &f->remote;
	f->config = (struct config){
		.listen = f->listen,
		.max_udp_size = 1232,
		.tcp_max_clients = 3,
		.tcp_idle_timeout_ms = 300,
		.transfer_timeout_ms = 60000,
		.max_transfers_out = 4,
		.version = (char *)"some version",
		.zones = f->config_zones,
		.n_zones = 3,
	};
	for (size_t i = 0; i < 3; i++) {
		struct config_zone *zone = &f->config_zones[i];

		zone->domain = knot_dname_from_str_alloc(FIXTURE_ZONES[i]);
		zone->name = (char *)FIXTURE_ZONES[i];
		zone->notify_from = f->remotes;
		zone->n_notify_from = 1;
		assert_non_null(zone->domain);
	}
}

static inline void fixture_open(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	strcpy(f->dir, "/tmp/xnsd-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	fixture_configure(f);
	assert_int_equal(store_open(f->dir, (uint64_t)64 << 20, &f->store), 0);
	fixture_store_zone(f, "example.com.");
	fixture_store_zone(f, "old.test.");
	assert_int_equal(zone_table_init(&f->zones, &f->config), 0);
	f->zones.zone[0]->expires_at_ms = clock_boot_ms() + 3600000;
	f->zones.zone[2]->expires_at_ms = 1;
}

static inline void fixture_close(struct fixture *f)
{
	static const char *const files[] = {"data.mdb", "lock.mdb", "xnsd.lock"};
	char path[128];

	respond_stop(f->respond);
	store_close(f->store);
	zone_table_free(&f->zones);
	for (size_t i = 0; i < 3; i++)
		knot_dname_free(f->config_zones[i].domain, NULL);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(f->dir), 0);
}

static inline uint64_t fixture_count(const struct fixture *f, enum respond_counter counter)
{
	uint64_t counts[RESPOND_COUNTER_COUNT];

	respond_counters(f->respond, counts);
	return counts[counter];
}

/* ---- messages ---- */

#define QUERY_MAX 1024

struct message {
	uint8_t wire[QUERY_MAX];
	size_t len;
};

static inline void add_u16(struct message *m, uint16_t value)
{
	knot_wire_write_u16(m->wire + m->len, value);
	m->len += 2;
}

static inline void add_bytes(struct message *m, const void *bytes, size_t len)
{
	assert_true(m->len + len <= sizeof(m->wire));
	memcpy(m->wire + m->len, bytes, len);
	m->len += len;
}

static inline void add_name(struct message *m, const char *name)
{
	int len = knot_dname_size(knot_dname_from_str(m->wire + m->len, name, 256));

	m->len += (size_t)len;
}

static inline void add_header(struct message *m, uint16_t flags, uint16_t qd)
{
	m->len = 0;
	add_u16(m, 0xbeef);
	add_u16(m, flags);
	add_u16(m, qd);
	add_bytes(m, "\0\0\0\0\0", 6);
}

static inline void add_question(struct message *m, const char *qname, uint16_t qtype,
				uint16_t qclass)
{
	add_name(m, qname);
	add_u16(m, qtype);
	add_u16(m, qclass);
}

/* A record of the additional section: everything behind the owner's place in bytes. */
static inline void add_opt(struct message *m, uint16_t size, uint32_t ttl)
{
	add_bytes(m, "", 1);
	add_u16(m, KNOT_RRTYPE_OPT);
	add_u16(m, size);
	add_u16(m, (uint16_t)(ttl >> 16));
	add_u16(m, (uint16_t)ttl);
	add_u16(m, 0);
	knot_wire_set_arcount(m->wire, knot_wire_get_arcount(m->wire) + 1);
}

static inline void add_tsig(struct message *m, const char *key)
{
	static const uint8_t rdata[] = "\13hmac-sha256\0"
				       "\0\0\1\2\3\4\1\x2c\0\4mac!\xbe\xef\0\0\0\0";

	add_name(m, key);
	add_u16(m, KNOT_RRTYPE_TSIG);
	add_u16(m, KNOT_CLASS_ANY);
	add_bytes(m, "\0\0\0", 4);
	add_u16(m, sizeof(rdata) - 1);
	add_bytes(m, rdata, sizeof(rdata) - 1);
	knot_wire_set_arcount(m->wire, knot_wire_get_arcount(m->wire) + 1);
}

/* ---- replies ---- */

/* The reply to a message that lies in memory of just its size. */
static inline size_t reply_to(struct fixture *f, const uint8_t *wire, size_t len,
			      enum fixture_from from, bool tcp, uint8_t *reply, size_t reply_max)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct respond_query query = {exact, len, (struct sockaddr *)&f->from[from], tcp, false};
	struct store_txn *txn;
	size_t reply_len;

	memcpy(exact, wire, len);
	assert_int_equal(store_read_begin(f->store, &txn), 0);
	reply_len = respond_make(f->respond, txn, &query, reply, reply_max);
	store_read_end(txn);
	assert_memory_equal(exact, wire, len);
	free(exact);
	return reply_len;
}

/* Parsed by libknot, which checks every record; compared with the query and its limits. */
static inline knot_pkt_t *check_reply(const char *what, const struct message *query, uint8_t *reply,
				      size_t len, size_t limit)
{
	knot_pkt_t *pkt = knot_pkt_new(reply, (uint16_t)len, NULL);

	assert_non_null(pkt);
	if (len > limit || memcmp(reply, query->wire, 2) != 0 || !knot_wire_get_qr(reply) ||
	    knot_wire_get_opcode(reply) != knot_wire_get_opcode(query->wire))
		fail_msg("%s: ID, QR, opcode or length %zu", what, len);
	if (knot_pkt_parse(pkt, KNOT_PF_NOCANON) != KNOT_EOK)
		fail_msg("%s: the reply is malformed", what);
	return pkt;
}

#endif
