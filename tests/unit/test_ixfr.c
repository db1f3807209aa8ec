// SPDX-License-Identifier: GPL-3.0-or-later
/* IXFR in all its forms, however it is cut into messages; EDNS and TSIG of transfers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "transfer/message.h"
#include "transfer/soa.h"
#include "tsig/tsig.h"
#include "xfr_feed.h"
#include "zonefile.h"

#define SOA(serial) "@ SOA ns host " #serial " 3600 900 86400 300\n"
#define ODD(serial) "@ SOA ns2 host " #serial " 3600 900 86400 300\n"
#define NS	    "@ NS ns\nns A 192.0.2.1\n"
#define OUT	    "www A 192.0.2.7\n"
#define IN	    "www A 192.0.2.8\n"
#define MESSAGES    6

static const uint8_t apex[] = "\7example\3com";

static struct xfr *begin(uint32_t serial, const knot_tsig_key_t *key, bool plain)
{
	struct xfr *xfr = xfr_new(&(struct xfr_request){
		.apex = apex,
		.ixfr = true,
		.plain = plain,
		.serial = serial,
		.max_bytes = 1 << 20,
		.key = key,
	});

	assert_non_null(xfr);
	return xfr;
}

/* ---- the forms of a reply ---- */

static const struct {
	const char *what;
	uint32_t ours;
	const char *message[MESSAGES];
	enum xfr_status status;
	enum xfr_outcome outcome;
	const char *reason;
} table[] = {
	{"one difference", 7, {SOA(8) SOA(7) OUT SOA(8) IN SOA(8)}, XFR_DONE, XFR_DIFF, NULL},
	{"two",
	 7,
	 {SOA(9) SOA(7) OUT SOA(8) IN SOA(8) IN SOA(9) OUT SOA(9)},
	 XFR_DONE,
	 XFR_DIFF,
	 NULL},
	{"condensed", 7, {SOA(9) SOA(7) OUT SOA(9) IN SOA(9)}, XFR_DONE, XFR_DIFF, NULL},
	{"only the SOA", 7, {SOA(8) SOA(7) SOA(8) SOA(8)}, XFR_DONE, XFR_DIFF, NULL},
	{"nothing removed", 7, {SOA(8) SOA(7) SOA(8) IN SOA(8)}, XFR_DONE, XFR_DIFF, NULL},
	{"nothing added", 7, {SOA(8) SOA(7) OUT SOA(8) SOA(8)}, XFR_DONE, XFR_DIFF, NULL},
	{"first message has the SOA only",
	 7,
	 {SOA(8), SOA(7) OUT SOA(8) IN SOA(8)},
	 XFR_DONE,
	 XFR_DIFF,
	 NULL},
	{"a record a message",
	 7,
	 {SOA(8), SOA(7), OUT, SOA(8), IN, SOA(8)},
	 XFR_DONE,
	 XFR_DIFF,
	 NULL},
	{"wrap",
	 4294967295,
	 {SOA(3) SOA(4294967295) OUT SOA(3) IN SOA(3)},
	 XFR_DONE,
	 XFR_DIFF,
	 NULL},
	{"two over the wrap",
	 4294967295,
	 {SOA(3) SOA(4294967295) OUT SOA(0) SOA(0) SOA(3) IN SOA(3)},
	 XFR_DONE,
	 XFR_DIFF,
	 NULL},
	{"unfinished", 7, {SOA(8) SOA(7) OUT SOA(8) IN}, XFR_MORE, 0, NULL},

	{"current", 7, {SOA(7)}, XFR_DONE, XFR_CURRENT, NULL},
	{"older", 7, {SOA(6)}, XFR_DONE, XFR_CURRENT, NULL},
	{"older over the wrap", 3, {SOA(4294967295)}, XFR_DONE, XFR_CURRENT, NULL},
	{"undefined distance", 0, {SOA(2147483648)}, XFR_DONE, XFR_CURRENT, NULL},
	{"current, twice", 7, {SOA(7) SOA(7)}, XFR_DONE, XFR_CURRENT, NULL},
	{"newer and alone: perhaps there is more", 7, {SOA(8)}, XFR_MORE, 0, NULL},

	{"AXFR", 7, {SOA(8) NS SOA(8)}, XFR_DONE, XFR_CONTENT, NULL},
	{"AXFR in messages", 7, {SOA(8), NS, IN, SOA(8)}, XFR_DONE, XFR_CONTENT, NULL},
	{"AXFR of our serial", 7, {SOA(7) NS SOA(7)}, XFR_DONE, XFR_CONTENT, NULL},
	{"AXFR of an older serial", 7, {SOA(5) NS SOA(5)}, XFR_DONE, XFR_CONTENT, NULL},

	{"two SOAs", 7, {SOA(8) SOA(8)}, XFR_FAILED, 0, "two SOAs of serial 8 and nothing between"},
	{"begins later",
	 7,
	 {SOA(9) SOA(8) OUT SOA(9) IN SOA(9)},
	 XFR_FAILED,
	 0,
	 "begins with a difference from serial 8, not from serial 7"},
	{"begins earlier",
	 7,
	 {SOA(9) SOA(6) OUT SOA(9) IN SOA(9)},
	 XFR_FAILED,
	 0,
	 "from serial 6, not from serial 7"},
	{"begins with another SOA of the new serial",
	 7,
	 {SOA(8) ODD(8) OUT},
	 XFR_FAILED,
	 0,
	 "from serial 8, not from serial 7"},
	{"leads to ours",
	 7,
	 {SOA(7) SOA(6) OUT SOA(7) IN SOA(7)},
	 XFR_FAILED,
	 0,
	 "lead to serial 7, which is not newer than serial 7"},
	{"leads to an older one",
	 7,
	 {SOA(6) SOA(7) OUT SOA(6) IN SOA(6)},
	 XFR_FAILED,
	 0,
	 "lead to serial 6, which is not newer"},
	{"does not chain",
	 7,
	 {SOA(9) SOA(7) OUT SOA(8) IN SOA(6) IN SOA(9) SOA(9)},
	 XFR_FAILED,
	 0,
	 "a difference from serial 6 behind one that leads to serial 8"},
	{"ends in the middle",
	 7,
	 {SOA(9) SOA(7) OUT SOA(8) IN SOA(9)},
	 XFR_FAILED,
	 0,
	 "from serial 9 behind one that leads to serial 8"},
	{"leads nowhere",
	 7,
	 {SOA(9) SOA(7) OUT SOA(7) IN SOA(9)},
	 XFR_FAILED,
	 0,
	 "from serial 7 to serial 7, which is not newer"},
	{"leads back",
	 7,
	 {SOA(9) SOA(7) OUT SOA(8) IN SOA(8) SOA(7) SOA(9)},
	 XFR_FAILED,
	 0,
	 "from serial 8 to serial 7, which is not newer"},
	{"leads too far",
	 7,
	 {SOA(9) SOA(7) OUT SOA(10) IN SOA(9)},
	 XFR_FAILED,
	 0,
	 "leads to serial 10 in a transfer of serial 9"},
	{"the new SOA differs",
	 7,
	 {SOA(8) SOA(7) OUT ODD(8) IN SOA(8)},
	 XFR_FAILED,
	 0,
	 "the new SOA differs from the first"},
	{"the last SOA differs",
	 7,
	 {SOA(8) SOA(7) OUT SOA(8) IN ODD(8)},
	 XFR_FAILED,
	 0,
	 "two SOAs of serial 8 that differ"},
	{"an SOA in the middle differs",
	 7,
	 {SOA(9) SOA(7) SOA(8) ODD(8) SOA(9) SOA(9)},
	 XFR_FAILED,
	 0,
	 "two SOAs of serial 8 that differ"},
	{"behind the end",
	 7,
	 {SOA(8) SOA(7) OUT SOA(8) IN SOA(8) OUT},
	 XFR_FAILED,
	 0,
	 "behind the final SOA: www.example.com. A"},
	{"another message",
	 7,
	 {SOA(8) SOA(7) OUT SOA(8) IN SOA(8), OUT},
	 XFR_FAILED,
	 0,
	 "a message behind the final SOA"},
	{"AXFR, then differences",
	 7,
	 {SOA(8) NS SOA(7) OUT SOA(8) IN SOA(8)},
	 XFR_FAILED,
	 0,
	 "SOA in the middle: serial 7"},
	{"differences, then AXFR",
	 7,
	 {SOA(8) SOA(7) OUT SOA(8) IN SOA(8) NS SOA(8)},
	 XFR_FAILED,
	 0,
	 "behind the final SOA"},
	{"the serial changes",
	 7,
	 {SOA(8) SOA(7) OUT SOA(8), IN SOA(9)},
	 XFR_FAILED,
	 0,
	 "from serial 9 behind one that leads to serial 8"},
	{"outside",
	 7,
	 {SOA(8) SOA(7) "www.example.net. A 192.0.2.1\n"},
	 XFR_FAILED,
	 0,
	 "outside of the zone: www.example.net. A"},
	{"an SOA below",
	 7,
	 {SOA(8) SOA(7) "a SOA ns host 7 1 1 1 1\n"},
	 XFR_FAILED,
	 0,
	 "SOA below the apex: a.example.com."},
	{"an SOA below, second",
	 7,
	 {SOA(8) "a SOA ns host 7 1 1 1 1\n"},
	 XFR_FAILED,
	 0,
	 "SOA below the apex"},
	{"another zone's SOA",
	 7,
	 {"example.net. SOA ns host 8 1 1 1 1\n"},
	 XFR_FAILED,
	 0,
	 "begins with example.net. SOA"},
	{"a meta type",
	 7,
	 {SOA(8) SOA(7) "@ TYPE255 \\# 1 00\n"},
	 XFR_FAILED,
	 0,
	 "meta type among the records"},
	{"begins with NS", 7, {NS SOA(8)}, XFR_FAILED, 0, "begins with example.com. NS"},
	{"nothing", 7, {""}, XFR_FAILED, 0, "without records"},
};

static void run_case(size_t i)
{
	struct xfr *xfr = begin(table[i].ours, NULL, false);
	enum xfr_status status = XFR_MORE;
	uint8_t query[XFR_QUERY_MAX];
	size_t len = (size_t)xfr_query(xfr, query, sizeof(query));
	static struct reply wire;

	for (int n = 0; n < MESSAGES && table[i].message[n]; n++) {
		assert_int_not_equal(status, XFR_FAILED);
		reply_make(query, len, table[i].message[n], &wire);
		status = feed(xfr, &wire);
	}
	if (status != table[i].status ||
	    (table[i].reason && !strstr(xfr_reason(xfr), table[i].reason)))
		fail_msg("%s: status %d, \"%s\"", table[i].what, status, xfr_reason(xfr));
	if (status == XFR_DONE && xfr_outcome(xfr) != table[i].outcome)
		fail_msg("%s: outcome %d", table[i].what, xfr_outcome(xfr));
	if (status != XFR_DONE || table[i].outcome != XFR_DIFF)
		assert_null(xfr_take_diff(xfr));
	if (status != XFR_DONE || table[i].outcome != XFR_CONTENT)
		assert_null(xfr_take_content(xfr));
	assert_false(xfr_wants_plain(xfr));
	xfr_free(xfr);
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		run_case(i);
}

/* ---- any cut into messages, one difference ---- */

static const char *const lines[] = {
	SOA(9),
	SOA(7),
	OUT,
	"b TXT \"old\"\n",
	SOA(8),
	IN,
	"c MX 1 www\n",
	SOA(8),
	IN,
	SOA(9),
	"WWW AAAA 2001:db8::1\n",
	"b TXT \"new\"\n",
	SOA(9),
};

#define LINES  (sizeof(lines) / sizeof(*lines))
#define BASE   SOA(7) NS OUT "b TXT \"old\"\nz A 192.0.2.9\n"
#define EXPECT SOA(9) NS "www AAAA 2001:db8::1\nb TXT \"new\"\nc MX 1 www\nz A 192.0.2.9\n"

static void contents_equal(const struct content *a, const struct content *b)
{
	static uint8_t value[2][65536];

	assert_int_equal(content_nodes(a), content_nodes(b));
	for (size_t i = 0; i < content_nodes(a); i++) {
		struct content_node x, y;
		size_t len = content_node_value(a, i, value[0], sizeof(value[0]));

		content_node(a, i, &x);
		content_node(b, i, &y);
		assert_int_equal(x.key_len, y.key_len);
		assert_memory_equal(x.key, y.key, x.key_len);
		assert_int_equal(content_node_value(b, i, value[1], sizeof(value[1])), len);
		assert_memory_equal(value[0], value[1], len);
	}
}

/* Bit i of cuts: a message ends behind line i. */
static struct diff *diff_of(uint32_t cuts)
{
	struct xfr *xfr = begin(7, NULL, false);
	enum xfr_status status = XFR_MORE;
	uint8_t query[XFR_QUERY_MAX];
	size_t len = (size_t)xfr_query(xfr, query, sizeof(query));
	static struct reply wire;
	char text[2000] = "";
	struct diff *diff;

	for (size_t i = 0; i < LINES; i++) {
		strcat(text, lines[i]);
		if (i + 1 < LINES && !(cuts >> i & 1))
			continue;
		assert_int_equal(status, XFR_MORE);
		reply_make(query, len, text, &wire);
		status = feed(xfr, &wire);
		text[0] = 0;
	}
	assert_int_equal(status, XFR_DONE);
	assert_int_equal(xfr_outcome(xfr), XFR_DIFF);
	assert_int_equal(xfr_serial(xfr), 9);
	diff = xfr_take_diff(xfr);
	assert_non_null(diff);
	assert_null(xfr_take_diff(xfr));
	assert_int_equal(xfr_records(xfr), diff_records(diff));
	xfr_free(xfr);
	return diff;
}

static void test_cuts(void **state)
{
	struct content *expect = zonefile_finished("example.com.", EXPECT, NULL);

	(void)state;
	for (uint32_t cuts = 0; cuts < 1u << (LINES - 1); cuts++) {
		struct content *content;
		struct diff *diff;
		char reason[200];

		if (cuts % 7 && (cuts & (cuts - 1)) && (~cuts & ((1u << (LINES - 1)) - 1)))
			continue; /* some of them: none, one, all, and each seventh */
		diff = diff_of(cuts);
		assert_int_equal(diff_count(diff), 2);
		assert_int_equal(diff_first_serial(diff), 7);
		assert_int_equal(diff_last_serial(diff), 9);
		content = zonefile_finished("example.com.", BASE, NULL);
		assert_int_equal(diff_apply(diff, content, reason, sizeof(reason)), 0);
		assert_int_equal(content_finish(content, reason, sizeof(reason)), 0);
		contents_equal(content, expect);
		content_free(content);
		diff_free(diff);
	}
	content_free(expect);
}

/* ---- bounds ---- */

static void test_bounds(void **state)
{
	struct xfr_request request = {.apex = apex, .max_bytes = 1 << 20, .max_records = 3};
	uint8_t query[XFR_QUERY_MAX];
	static struct reply wire;
	struct xfr *xfr;
	size_t len;

	(void)state;
	for (int i = 0; i < 2; i++) {
		request.ixfr = i;
		request.serial = 6;
		xfr = xfr_new(&request);
		len = (size_t)xfr_query(xfr, query, sizeof(query));
		reply_make(query, len, SOA(7) NS SOA(7), &wire);
		assert_int_equal(feed(xfr, &wire), XFR_DONE);
		xfr_free(xfr);
		xfr = xfr_new(&request);
		len = (size_t)xfr_query(xfr, query, sizeof(query));
		reply_make(query, len, SOA(7) NS IN SOA(7), &wire);
		assert_int_equal(feed(xfr, &wire), XFR_FAILED);
		assert_string_equal(xfr_reason(xfr), "more than 3 records (zone-max-records)");
		xfr_free(xfr);
	}
}

/* ---- the query ---- */

static const knot_tsig_key_t *find(const knot_dname_t *name, void *ctx)
{
	const knot_tsig_key_t *key = ctx;

	return knot_dname_is_equal(key->name, name) ? key : NULL;
}

static void check_query(bool ixfr, bool plain, const knot_tsig_key_t *key)
{
	struct xfr_request request = {
		.apex = apex, .ixfr = ixfr, .serial = 77, .plain = plain, .key = key};
	struct xfr *xfr = xfr_new(&request);
	uint8_t query[XFR_QUERY_MAX];
	int len = xfr_query(xfr, query, sizeof(query));
	char reason[TSIG_REASON_MAX];
	struct tsig_server server;
	knot_pkt_t *pkt;
	size_t bare;

	assert_in_range(len, 12, XFR_QUERY_MAX);
	assert_int_equal(xfr_query(xfr, query, (size_t)len - 1), -ENOSPC);
	len = xfr_query(xfr, query, sizeof(query));
	if (key) {
		assert_int_equal(tsig_server_check(&server, query, (size_t)len, find, (void *)key,
						   &bare, reason),
				 0);
		assert_ptr_equal(server.key, key);
	}
	pkt = knot_pkt_new(query, (uint16_t)len, NULL);
	assert_int_equal(knot_pkt_parse(pkt, 0), 0);
	assert_int_equal(knot_pkt_qtype(pkt), ixfr ? KNOT_RRTYPE_IXFR : KNOT_RRTYPE_AXFR);
	assert_true(knot_dname_is_equal(knot_pkt_qname(pkt), apex));
	assert_int_equal(knot_pkt_section(pkt, KNOT_AUTHORITY)->count, ixfr ? 1 : 0);
	if (ixfr) {
		const knot_rrset_t *soa = knot_pkt_rr(knot_pkt_section(pkt, KNOT_AUTHORITY), 0);

		assert_int_equal(soa->type, KNOT_RRTYPE_SOA);
		assert_int_equal(soa->rclass, KNOT_CLASS_IN);
		assert_true(knot_dname_is_equal(soa->owner, apex));
		assert_int_equal(knot_soa_serial(soa->rrs.rdata), 77);
	}
	assert_true(knot_pkt_has_edns(pkt) == !plain);
	if (!plain)
		assert_non_null(knot_pkt_edns_option(pkt, KNOT_EDNS_OPTION_EXPIRE));
	assert_true((pkt->tsig_rr != NULL) == (key != NULL));
	knot_pkt_free(pkt);
	xfr_free(xfr);
}

static void make_key(knot_tsig_key_t *key)
{
	assert_int_equal(knot_tsig_key_init(key, "hmac-sha256", "transfer.key.",
					    "c2VjcmV0IG9mIHRoZSB0cmFuc2Zlcg=="),
			 0);
}

static void test_query(void **state)
{
	knot_tsig_key_t key;

	(void)state;
	make_key(&key);
	for (int i = 0; i < 8; i++)
		check_query(i & 1, i & 2, i & 4 ? &key : NULL);
	knot_tsig_key_deinit(&key);
}

/* ---- EDNS in replies ---- */

static void append(struct reply *wire, const void *bytes, size_t len)
{
	memcpy(wire->bytes + wire->len, bytes, len);
	wire->len += len;
	knot_wire_add_arcount(wire->bytes, 1);
}

static void expire(struct reply *wire)
{
	append(wire, "\0\0\51\4\320\0\0\0\0\0\10\0\11\0\4\0\1\121\200", 19);
}

static void expire_behind_others(struct reply *wire)
{
	append(wire, "\0\0\51\4\320\0\0\0\0\0\16\0\3\0\2xx\0\11\0\4\0\0\0\1", 25);
}

static void expire_of_no_bytes(struct reply *wire)
{
	append(wire, "\0\0\51\4\320\0\0\0\0\0\4\0\11\0\0", 15);
}

static void option_too_long(struct reply *wire)
{
	append(wire, "\0\0\51\4\320\0\0\0\0\0\4\0\11\0\4", 15);
}

static void two_opts(struct reply *wire)
{
	expire(wire);
	expire(wire);
}

static void badvers(struct reply *wire)
{
	append(wire, "\0\0\51\4\320\1\0\0\0\0\0", 11);
}

static void formerr(struct reply *wire)
{
	knot_wire_set_rcode(wire->bytes, KNOT_RCODE_FORMERR);
}

static void formerr_bare(struct reply *wire)
{
	formerr(wire);
	knot_wire_set_qdcount(wire->bytes, 0);
	wire->len = KNOT_WIRE_HEADER_SIZE;
}

static void notimp(struct reply *wire)
{
	knot_wire_set_rcode(wire->bytes, KNOT_RCODE_NOTIMPL);
}

static void refused(struct reply *wire)
{
	knot_wire_set_rcode(wire->bytes, KNOT_RCODE_REFUSED);
}

static const struct {
	const char *what, *records;
	void (*tweak)(struct reply *wire);
	bool good;
	int64_t expire_s;
	bool wants_plain;
	const char *reason;
} edns_table[] = {
	{"none", SOA(8), NULL, true, -1, false, NULL},
	{"EXPIRE", SOA(8), expire, true, 86400, false, NULL},
	{"EXPIRE behind NSID", SOA(8), expire_behind_others, true, 1, false, NULL},
	{"EXPIRE without a value", SOA(8), expire_of_no_bytes, true, -1, false, NULL},
	{"option too long", SOA(8), option_too_long, false, -1, false, "malformed OPT"},
	{"two OPTs", SOA(8), two_opts, false, -1, false, "two OPT"},
	{"BADVERS", "", badvers, false, -1, true, "answered BADVERS"},
	{"BADVERS, records", SOA(8), badvers, false, -1, true, "answered BADVERS"},
	{"FORMERR", "", formerr, false, -1, true, "answered FORMERR"},
	{"FORMERR of a header", "", formerr_bare, false, -1, true, "answered FORMERR"},
	{"NOTIMP", "", notimp, false, -1, true, "answered NOTIMP"},
	{"REFUSED", "", refused, false, -1, false, "answered REFUSED"},
};

static void edns_transfer(size_t i, bool plain)
{
	struct xfr *xfr = begin(8, NULL, plain);
	uint8_t query[XFR_QUERY_MAX];
	size_t len = (size_t)xfr_query(xfr, query, sizeof(query));
	static struct reply wire;
	enum xfr_status status;

	reply_make(query, len, edns_table[i].records, &wire);
	if (edns_table[i].tweak)
		edns_table[i].tweak(&wire);
	status = feed(xfr, &wire);
	if (status != (edns_table[i].good ? XFR_DONE : XFR_FAILED) ||
	    (edns_table[i].reason && !strstr(xfr_reason(xfr), edns_table[i].reason)))
		fail_msg("%s: %d \"%s\"", edns_table[i].what, status, xfr_reason(xfr));
	if (xfr_wants_plain(xfr) != (edns_table[i].wants_plain && !plain))
		fail_msg("%s: wants_plain", edns_table[i].what);
	assert_int_equal(xfr_expire_s(xfr), edns_table[i].expire_s);
	xfr_free(xfr);
}

static void edns_soa(size_t i, bool plain)
{
	char reason[MESSAGE_REASON_MAX] = "";
	struct soa_answer answer = {.serial = 99, .expire_s = 99};
	uint8_t wire_query[SOA_QUERY_MAX];
	enum message_verdict verdict;
	static struct reply wire;
	struct soa_query query;
	int len = soa_query_make(&query, apex, NULL, plain, wire_query, sizeof(wire_query));

	assert_true(len > 0);
	reply_make(wire_query, (size_t)len, edns_table[i].records, &wire);
	if (edns_table[i].tweak)
		edns_table[i].tweak(&wire);
	verdict = soa_query_reply(&query, wire.bytes, wire.len, &answer, reason);
	if (verdict != (edns_table[i].good ? MESSAGE_GOOD : MESSAGE_REFUSED) ||
	    (edns_table[i].reason && !strstr(reason, edns_table[i].reason)))
		fail_msg("SOA, %s: %d \"%s\"", edns_table[i].what, verdict, reason);
	assert_int_equal(answer.serial, edns_table[i].good ? 8 : 99);
	assert_int_equal(answer.expire_s, edns_table[i].good ? edns_table[i].expire_s : 99);
	if (query.wants_plain != (edns_table[i].wants_plain && !plain))
		fail_msg("SOA, %s: wants_plain", edns_table[i].what);
	soa_query_free(&query);
}

static void test_edns(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(edns_table) / sizeof(*edns_table); i++) {
		edns_transfer(i, false);
		edns_transfer(i, true);
		edns_soa(i, false);
		edns_soa(i, true);
	}
}

/* ---- TSIG ---- */

/* S: a signed message, u: one without, x: the signature is of another message. */
static const struct {
	const char *signatures;
	bool good;
	const char *reason;
} tsig_table[] = {
	{"SSS", true, NULL},
	{"SuS", false, "wrong signature"}, /* the server signs what it sends alone */
	{"SSu", false, "the last message is not signed"},
	{"uuu", false, "answered NOERROR without a signature, though with key transfer.key."},
	{"SSx", false, "wrong signature"},
	{"xSS", false, "wrong signature"},
};

static void signed_transfer(const char *signatures, bool good, const char *reason,
			    const knot_tsig_key_t *key)
{
	static const char *const messages[] = {SOA(8) SOA(7) OUT, SOA(8) IN, SOA(8)};
	struct xfr *xfr = begin(7, key, false);
	enum xfr_status status = XFR_MORE;
	uint8_t query[XFR_QUERY_MAX];
	size_t len = (size_t)xfr_query(xfr, query, sizeof(query)), bare;
	char why[TSIG_REASON_MAX];
	struct tsig_server server;
	static struct reply wire;

	assert_int_equal(tsig_server_check(&server, query, len, find, (void *)key, &bare, why), 0);
	for (int i = 0; signatures[i] && status == XFR_MORE; i++) {
		reply_make(query, len, messages[i], &wire);
		expire(&wire);
		if (signatures[i] != 'u')
			assert_int_equal(tsig_server_sign(&server, wire.bytes, &wire.len,
							  sizeof(wire.bytes)),
					 0);
		if (signatures[i] == 'x')
			wire.bytes[40] ^= 1;
		status = feed(xfr, &wire);
	}
	if (status != (good ? XFR_DONE : XFR_FAILED) ||
	    (reason && !strstr(xfr_reason(xfr), reason)))
		fail_msg("%s: %d \"%s\"", signatures, status, xfr_reason(xfr));
	if (good)
		assert_int_equal(xfr_expire_s(xfr), 86400);
	xfr_free(xfr);
}

static void test_tsig(void **state)
{
	knot_tsig_key_t key;

	(void)state;
	make_key(&key);
	for (size_t i = 0; i < sizeof(tsig_table) / sizeof(*tsig_table); i++)
		signed_transfer(tsig_table[i].signatures, tsig_table[i].good, tsig_table[i].reason,
				&key);
	knot_tsig_key_deinit(&key);
}

/* On UDP what is not signed is ignored, and the right reply may still come. */
static void test_soa_tsig(void **state)
{
	char reason[MESSAGE_REASON_MAX] = "";
	uint8_t wire_query[SOA_QUERY_MAX];
	static struct reply wire;
	struct tsig_server server;
	struct soa_answer answer;
	struct soa_query query;
	knot_tsig_key_t key;
	size_t bare;
	int len;

	(void)state;
	make_key(&key);
	len = soa_query_make(&query, apex, &key, false, wire_query, sizeof(wire_query));
	assert_true(len > 0);
	assert_int_equal(
		tsig_server_check(&server, wire_query, (size_t)len, find, &key, &bare, reason), 0);
	reply_make(wire_query, (size_t)len, SOA(8), &wire);
	assert_int_equal(soa_query_reply(&query, wire.bytes, wire.len, &answer, reason),
			 MESSAGE_FOREIGN);
	assert_non_null(strstr(reason, "without a signature"));
	reply_make(wire_query, (size_t)len, SOA(8), &wire);
	assert_int_equal(tsig_server_sign(&server, wire.bytes, &wire.len, sizeof(wire.bytes)), 0);
	wire.bytes[0] ^= 1;
	assert_int_equal(soa_query_reply(&query, wire.bytes, wire.len, &answer, reason),
			 MESSAGE_FOREIGN);
	assert_non_null(strstr(reason, "another ID"));
	wire.bytes[0] ^= 1;
	assert_int_equal(soa_query_reply(&query, wire.bytes, wire.len, &answer, reason),
			 MESSAGE_GOOD);
	assert_int_equal(answer.serial, 8);
	soa_query_free(&query);
	/* An error that the primary tells ends the waiting. */
	server = (struct tsig_server){.error = KNOT_RCODE_BADKEY};
	len = soa_query_make(&query, apex, &key, false, wire_query, sizeof(wire_query));
	assert_int_equal(tsig_server_check(&server, wire_query, (size_t)len, find,
					   &(knot_tsig_key_t){.name = (uint8_t *)"\1x"}, &bare,
					   reason),
			 -EPERM);
	reply_make(wire_query, (size_t)len, "", &wire);
	knot_wire_set_rcode(wire.bytes, KNOT_RCODE_NOTAUTH);
	assert_int_equal(tsig_server_sign(&server, wire.bytes, &wire.len, sizeof(wire.bytes)), 0);
	assert_int_equal(soa_query_reply(&query, wire.bytes, wire.len, &answer, reason),
			 MESSAGE_REFUSED);
	assert_non_null(strstr(reason, "BADKEY: it does not know key transfer.key."));
	soa_query_free(&query);
	knot_tsig_key_deinit(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	 cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_bounds),	 cmocka_unit_test(test_query),
		cmocka_unit_test(test_edns),	 cmocka_unit_test(test_tsig),
		cmocka_unit_test(test_soa_tsig),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
