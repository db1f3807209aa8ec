// SPDX-License-Identifier: GPL-3.0-or-later
/* AXFR and SOA replies, message by message: good, broken, hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "transfer/message.h"
#include "transfer/soa.h"
#include "xfr_feed.h"

#define SOA7	 "@ SOA ns host 7 3600 900 86400 300\n"
#define SOA8	 "@ SOA ns host 8 3600 900 86400 300\n"
#define NS	 "@ NS ns\nns A 192.0.2.1\n"
#define MESSAGES 4

static const uint8_t apex[] = "\7example\3com";

/* ---- what spoils a reply ---- */

#define QUESTION_LEN (sizeof(apex) + 4)
#define RECORDS_AT   (KNOT_WIRE_HEADER_SIZE + QUESTION_LEN)

static void append(struct reply *wire, const void *bytes, size_t len)
{
	memcpy(wire->bytes + wire->len, bytes, len);
	wire->len += len;
}

/* Takes the question away. */
static void no_question(struct reply *wire)
{
	memmove(wire->bytes + KNOT_WIRE_HEADER_SIZE, wire->bytes + RECORDS_AT,
		wire->len - RECORDS_AT);
	wire->len -= QUESTION_LEN;
	knot_wire_set_qdcount(wire->bytes, 0);
}

static void other_id(struct reply *wire)
{
	wire->bytes[0] ^= 0x40;
}

static void no_qr(struct reply *wire)
{
	knot_wire_clear_qr(wire->bytes);
}

static void opcode(struct reply *wire)
{
	knot_wire_set_opcode(wire->bytes, KNOT_OPCODE_NOTIFY);
}

static void no_aa(struct reply *wire)
{
	knot_wire_clear_aa(wire->bytes);
}

static void tc(struct reply *wire)
{
	knot_wire_set_tc(wire->bytes);
}

static void refused(struct reply *wire)
{
	knot_wire_set_rcode(wire->bytes, KNOT_RCODE_REFUSED);
}

static void notauth_bare(struct reply *wire)
{
	wire->len = RECORDS_AT;
	knot_wire_set_ancount(wire->bytes, 0);
	no_question(wire);
	knot_wire_set_rcode(wire->bytes, KNOT_RCODE_NOTAUTH);
}

static void rcode_15(struct reply *wire)
{
	knot_wire_set_rcode(wire->bytes, 15);
}

static void question_name(struct reply *wire)
{
	wire->bytes[KNOT_WIRE_HEADER_SIZE + 1] = 'y';
}

static void question_case(struct reply *wire)
{
	wire->bytes[KNOT_WIRE_HEADER_SIZE + 1] = 'E';
}

static void question_type(struct reply *wire)
{
	wire->bytes[RECORDS_AT - 3] = KNOT_RRTYPE_SOA;
}

static void two_questions(struct reply *wire)
{
	knot_wire_set_qdcount(wire->bytes, 2);
}

static void cut(struct reply *wire)
{
	wire->len -= 3;
}

static void header_only(struct reply *wire)
{
	wire->len = 11;
}

static void empty(struct reply *wire)
{
	wire->len = 0;
}

static void one_record_more(struct reply *wire)
{
	knot_wire_add_ancount(wire->bytes, 1);
}

static void trailing_bytes(struct reply *wire)
{
	append(wire, "\0\0\0", 3);
}

/* The class of the first record, behind its owner and type. */
static void class_ch(struct reply *wire)
{
	wire->bytes[RECORDS_AT + knot_dname_size(wire->bytes + RECORDS_AT) + 3] = KNOT_CLASS_CH;
}

/* An A record whose owner is a pointer to itself. */
static void owner_loop(struct reply *wire)
{
	uint8_t record[] = {0xc0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1};

	record[1] = (uint8_t)wire->len;
	append(wire, record, sizeof(record));
	knot_wire_add_ancount(wire->bytes, 1);
}

/* As an UPDATE has it; owner: the question's. */
static void soa_without_rdata(struct reply *wire)
{
	append(wire, "\300\14\0\6\0\1\0\0\0\0\0\0", 12);
	knot_wire_add_ancount(wire->bytes, 1);
}

/* Two owners that point to each other. */
static void owner_loop_of_two(struct reply *wire)
{
	uint8_t record[] = {0xc0, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 2, 0xc0, 0};

	record[1] = (uint8_t)(wire->len + 12);
	record[13] = (uint8_t)wire->len;
	append(wire, record, sizeof(record));
	knot_wire_add_ancount(wire->bytes, 1);
}

/* MX whose exchange is a label and a pointer back to that label. */
static void rdata_loop(struct reply *wire)
{
	uint8_t record[] = {0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 0, 0, 6, 0, 1, 1, 'x', 0xc0, 0};

	record[17] = (uint8_t)(wire->len + 14);
	append(wire, record, sizeof(record));
	knot_wire_add_ancount(wire->bytes, 1);
}

/* An A record of five bytes. */
static void long_a(struct reply *wire)
{
	static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 5, 192, 0, 2, 1, 1};

	append(wire, record, sizeof(record));
	knot_wire_add_ancount(wire->bytes, 1);
}

/* An A record without rdata. */
static void empty_a(struct reply *wire)
{
	static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0};

	append(wire, record, sizeof(record));
	knot_wire_add_ancount(wire->bytes, 1);
}

static void with_opt(struct reply *wire)
{
	static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};

	append(wire, opt, sizeof(opt));
	knot_wire_add_arcount(wire->bytes, 1);
}

static void with_tsig(struct reply *wire)
{
	static const uint8_t tsig[] = {0, 0, 250, 0, 255, 0,  0, 0, 0, 0, 17, 0, 0, 0,
				       0, 0, 0,	  0, 1,	  44, 0, 0, 0, 0, 0,  0, 0, 0};

	append(wire, tsig, sizeof(tsig));
	knot_wire_add_arcount(wire->bytes, 1);
}

static void cut_authority(struct reply *wire)
{
	knot_wire_set_nscount(wire->bytes, 1);
}

/* ---- the table ---- */

static const struct {
	const char *what;
	const char *message[MESSAGES];
	int tweaked; /* message */
	void (*tweak)(struct reply *wire);
	enum xfr_status expect; /* of the last message; XFR_MORE of those before */
	const char *reason;
} table[] = {
	{"one message", {SOA7 NS SOA7}, 0, NULL, XFR_DONE, NULL},
	{"a record a message",
	 {SOA7, "@ NS ns\n", "ns A 192.0.2.1\n", SOA7},
	 0,
	 NULL,
	 XFR_DONE,
	 NULL},
	{"no question in the second", {SOA7 NS, SOA7}, 1, no_question, XFR_DONE, NULL},
	{"question in other case", {SOA7 NS SOA7}, 0, question_case, XFR_DONE, NULL},
	{"last SOA in other case",
	 {SOA7 NS "@ SOA NS Host 7 3600 900 86400 300\n"},
	 0,
	 NULL,
	 XFR_DONE,
	 NULL},
	{"last SOA with other TTL",
	 {SOA7 NS "@ 60 SOA ns host 7 3600 900 86400 300\n"},
	 0,
	 NULL,
	 XFR_DONE,
	 NULL},
	{"unknown type",
	 {SOA7 NS "x TYPE65400 \\# 0\nx TYPE65401 \\# 2 c00c\n" SOA7},
	 0,
	 NULL,
	 XFR_DONE,
	 NULL},
	{"OPT in additional", {SOA7 NS SOA7}, 0, with_opt, XFR_DONE, NULL},
	{"not finished", {SOA7 NS, "a A 192.0.2.2\n"}, 0, NULL, XFR_MORE, NULL},
	{"SOA alone", {SOA7}, 0, NULL, XFR_MORE, NULL},

	{"other ID", {SOA7 NS SOA7}, 0, other_id, XFR_FAILED, "another ID"},
	{"other ID later", {SOA7 NS, SOA7}, 1, other_id, XFR_FAILED, "another ID"},
	{"QR=0", {SOA7 NS SOA7}, 0, no_qr, XFR_FAILED, "not a reply"},
	{"opcode", {SOA7 NS SOA7}, 0, opcode, XFR_FAILED, "opcode"},
	{"AA=0, as Knot DNS", {SOA7 NS SOA7}, 0, no_aa, XFR_DONE, NULL},
	{"TC=1", {SOA7 NS, SOA7}, 1, tc, XFR_FAILED, "truncated"},
	{"REFUSED", {""}, 0, refused, XFR_FAILED, "answered REFUSED"},
	{"REFUSED later", {SOA7 NS, SOA7}, 1, refused, XFR_FAILED, "answered REFUSED"},
	{"NOTAUTH, no question", {""}, 0, notauth_bare, XFR_FAILED, "answered NOTAUTH"},
	{"RCODE without a name", {""}, 0, rcode_15, XFR_FAILED, "answered RCODE 15"},
	{"no question in the first", {SOA7 NS SOA7}, 0, no_question, XFR_FAILED, "no question"},
	{"other question", {SOA7 NS SOA7}, 0, question_name, XFR_FAILED, "another question"},
	{"other question later", {SOA7 NS, SOA7}, 1, question_name, XFR_FAILED, "another question"},
	{"other type asked", {SOA7 NS SOA7}, 0, question_type, XFR_FAILED, "another question"},
	{"two questions", {SOA7 NS SOA7}, 0, two_questions, XFR_FAILED, "more than one question"},

	{"no records", {""}, 0, NULL, XFR_FAILED, "without records"},
	{"no records later", {SOA7 NS, ""}, 0, NULL, XFR_FAILED, "without records, after 3"},
	{"begins with NS", {NS SOA7}, 0, NULL, XFR_FAILED, "begins with example.com. NS"},
	{"begins with an SOA below",
	 {"sub SOA ns host 7 1 1 1 1\n"},
	 0,
	 NULL,
	 XFR_FAILED,
	 "begins with sub.example.com. SOA"},
	{"begins with another zone's SOA",
	 {"example.net. SOA ns host 7 1 1 1 1\n"},
	 0,
	 NULL,
	 XFR_FAILED,
	 "begins with example.net. SOA"},
	{"SOA in the middle",
	 {SOA7 NS SOA8 "a A 192.0.2.2\n" SOA7},
	 0,
	 NULL,
	 XFR_FAILED,
	 "SOA in the middle: serial 8"},
	{"SOA in the middle, next message",
	 {SOA7 NS, SOA8, SOA7},
	 1,
	 NULL,
	 XFR_FAILED,
	 "serial 8 in a transfer of serial 7"},
	{"last SOA differs",
	 {SOA7 NS "@ SOA ns host 7 3600 900 86400 301\n"},
	 0,
	 NULL,
	 XFR_FAILED,
	 "differs"},
	{"SOA below the apex",
	 {SOA7 NS "a SOA ns host 7 3600 900 86400 300\n"},
	 0,
	 NULL,
	 XFR_FAILED,
	 "a.example.com. SOA"},
	{"record behind the end",
	 {SOA7 NS SOA7 "a A 192.0.2.2\n"},
	 0,
	 NULL,
	 XFR_FAILED,
	 "behind the final SOA: a.example.com. A"},
	{"third SOA",
	 {SOA7 NS SOA7 SOA7},
	 0,
	 NULL,
	 XFR_FAILED,
	 "behind the final SOA: example.com. SOA"},
	{"first SOA without rdata",
	 {""},
	 0,
	 soa_without_rdata,
	 XFR_FAILED,
	 "malformed record example.com. SOA"},
	{"last SOA without rdata",
	 {SOA7 NS},
	 0,
	 soa_without_rdata,
	 XFR_FAILED,
	 "malformed record example.com. SOA"},
	{"outside",
	 {SOA7 NS "www.example.net. A 192.0.2.2\n" SOA7},
	 0,
	 NULL,
	 XFR_FAILED,
	 "outside of the zone: www.example.net. A"},
	{"above",
	 {SOA7 NS "com. NS ns\n" SOA7},
	 0,
	 NULL,
	 XFR_FAILED,
	 "outside of the zone: com. NS"},
	{"suffix, not below",
	 {SOA7 NS "wwwexample.com. A 192.0.2.2\n"},
	 0,
	 NULL,
	 XFR_FAILED,
	 "outside"},
	{"class CH",
	 {SOA7, "www A 192.0.2.1\n"},
	 1,
	 class_ch,
	 XFR_FAILED,
	 "class CH: www.example.com. A"},
	{"OPT among the records",
	 {SOA7 NS "@ TYPE41 \\# 4 00030000\n" SOA7},
	 0,
	 NULL,
	 XFR_FAILED,
	 "meta type among the records: example.com. OPT"},
	{"TSIG among the records", {SOA7 NS "@ TYPE250 \\# 1 00\n"}, 0, NULL, XFR_FAILED, NULL},
	{"type ANY", {SOA7 NS "@ TYPE255 \\# 1 00\n"}, 0, NULL, XFR_FAILED, "example.com. ANY"},
	{"type AXFR", {SOA7 NS "@ TYPE252 \\# 1 00\n"}, 0, NULL, XFR_FAILED, "example.com. AXFR"},
	{"signed", {SOA7 NS SOA7}, 0, with_tsig, XFR_FAILED, "TSIG"},

	{"cut", {SOA7 NS SOA7}, 0, cut, XFR_FAILED, "malformed record example.com. SOA"},
	{"shorter than a header",
	 {SOA7, SOA7},
	 1,
	 header_only,
	 XFR_FAILED,
	 "shorter than a header"},
	{"empty message", {SOA7, SOA7}, 1, empty, XFR_FAILED, "shorter than a header"},
	{"one announced too many",
	 {SOA7 NS},
	 0,
	 one_record_more,
	 XFR_FAILED,
	 "the message ends where a record"},
	{"bytes behind the last record",
	 {SOA7 NS SOA7},
	 0,
	 trailing_bytes,
	 XFR_FAILED,
	 "3 bytes behind"},
	{"authority cut", {SOA7 NS SOA7}, 0, cut_authority, XFR_FAILED, "the message ends"},
	{"owner points to itself",
	 {SOA7},
	 0,
	 owner_loop,
	 XFR_FAILED,
	 "malformed owner name at byte"},
	{"owners point to each other",
	 {SOA7},
	 0,
	 owner_loop_of_two,
	 XFR_FAILED,
	 "malformed owner name at byte"},
	{"rdata point to themselves",
	 {SOA7},
	 0,
	 rdata_loop,
	 XFR_FAILED,
	 "malformed record example.com. MX"},
	{"A of five bytes", {SOA7}, 0, long_a, XFR_FAILED, "malformed record example.com. A"},
	{"A of no bytes", {SOA7}, 0, empty_a, XFR_FAILED, "malformed record example.com. A"},
};

static void run_case(size_t i)
{
	struct xfr *xfr = xfr_new(&(struct xfr_request){.apex = apex, .max_bytes = 1 << 20});
	static struct reply wire;
	enum xfr_status status = XFR_MORE;
	uint8_t query[XFR_QUERY_MAX];
	size_t len = (size_t)xfr_query(xfr, query, sizeof(query));
	int n = 0;

	for (; n < MESSAGES && table[i].message[n] && status == XFR_MORE; n++) {
		reply_make(query, len, table[i].message[n], &wire);
		if (table[i].tweak && table[i].tweaked == n)
			table[i].tweak(&wire);
		status = feed(xfr, &wire);
	}
	if (status != table[i].expect)
		fail_msg("%s: status %d, %s", table[i].what, status, xfr_reason(xfr));
	if (table[i].reason && !strstr(xfr_reason(xfr), table[i].reason))
		fail_msg("%s: \"%s\" has no \"%s\"", table[i].what, xfr_reason(xfr),
			 table[i].reason);
	if ((status == XFR_FAILED) != (xfr_reason(xfr)[0] != '\0'))
		fail_msg("%s: reason \"%s\"", table[i].what, xfr_reason(xfr));
	assert_int_equal(xfr_messages(xfr), n);
	if (status != XFR_DONE)
		assert_null(xfr_take_content(xfr));
	xfr_free(xfr);
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		run_case(i);
}

static void test_content_taken(void **state)
{
	struct xfr *xfr = xfr_new(&(struct xfr_request){.apex = apex, .max_bytes = 1 << 20});
	struct content *content;
	static struct reply wire;
	uint8_t query[XFR_QUERY_MAX];
	char reason[200];
	size_t len = (size_t)xfr_query(xfr, query, sizeof(query));

	(void)state;
	reply_make(query, len, SOA7 "@ NS NS.Example.COM.\nWWW TXT \"Hello\"\n" SOA7, &wire);
	assert_int_equal(feed(xfr, &wire), XFR_DONE);
	assert_int_equal(xfr_bytes(xfr), wire.len);
	assert_int_equal(xfr_messages(xfr), 1);
	assert_int_equal(xfr_records(xfr), 3);
	assert_int_equal(xfr_serial(xfr), 7);
	content = xfr_take_content(xfr);
	assert_non_null(content);
	assert_null(xfr_take_content(xfr));
	/* a message more is one too many */
	assert_int_equal(feed(xfr, &wire), XFR_FAILED);
	xfr_free(xfr);
	assert_int_equal(content_records(content), 3);
	assert_int_equal(content_finish(content, reason, sizeof(reason)), 0);
	assert_int_equal(content_serial(content), 7);
	content_free(content);
}

static void test_size(void **state)
{
	struct xfr *xfr = xfr_new(&(struct xfr_request){.apex = apex, .max_bytes = 1000});
	enum xfr_status status = XFR_MORE;
	static struct reply wire;
	uint8_t query[XFR_QUERY_MAX];
	size_t len = (size_t)xfr_query(xfr, query, sizeof(query));
	unsigned n = 0;

	(void)state;
	reply_make(query, len, SOA7 NS, &wire);
	status = feed(xfr, &wire);
	while (status == XFR_MORE) {
		reply_make(query, len, "a A 192.0.2.1\n", &wire);
		status = feed(xfr, &wire);
		assert_true(++n < 1000);
	}
	assert_int_equal(status, XFR_FAILED);
	assert_non_null(strstr(xfr_reason(xfr), "larger than 1000 bytes (zone-max-size), after"));
	/* and it stays failed */
	assert_int_equal(feed(xfr, &wire), XFR_FAILED);
	xfr_free(xfr);
}

/* No prefix of a message is taken, and no byte that is wrong leads out of the message. */
static void test_mutations(void **state)
{
	static struct reply whole, wire;
	uint8_t query[XFR_QUERY_MAX];

	(void)state;
	for (size_t i = 0; i < 2000; i++) {
		struct xfr *xfr =
			xfr_new(&(struct xfr_request){.apex = apex, .max_bytes = 1 << 20});
		size_t len = (size_t)xfr_query(xfr, query, sizeof(query));

		reply_make(query, len,
			   SOA7 NS "@ MX 1 ns\nx NAPTR 1 2 \"u\" \"s\" \"!a!b!\" ns\n"
				   "y RRSIG A 5 2 1 20300101000000 20200101000000 1 . AAAA\n" SOA7,
			   &whole);
		wire = whole;
		if (i < whole.len) {
			wire.len = i;
			assert_int_equal(feed(xfr, &wire), XFR_FAILED);
		} else {
			wire.bytes[message_random() % wire.len] ^=
				(uint8_t)(1 + message_random() % 255);
			feed(xfr, &wire);
		}
		xfr_free(xfr);
	}
}

/* ---- SOA replies ---- */

static const struct {
	const char *what, *answer;
	void (*tweak)(struct reply *wire);
	enum message_verdict expect;
	const char *reason;
} soa_table[] = {
	{"good", SOA8, NULL, MESSAGE_GOOD, NULL},
	{"with OPT", SOA8, with_opt, MESSAGE_GOOD, NULL},
	{"other ID", SOA8, other_id, MESSAGE_FOREIGN, "ID"},
	{"a query", SOA8, no_qr, MESSAGE_FOREIGN, "not a reply"},
	{"other question", SOA8, question_name, MESSAGE_FOREIGN, "question"},
	{"no question", SOA8, no_question, MESSAGE_FOREIGN, "question"},
	{"short", SOA8, header_only, MESSAGE_FOREIGN, "shorter"},
	{"nothing", SOA8, empty, MESSAGE_FOREIGN, "shorter"},
	{"TC", "", tc, MESSAGE_TRUNCATED, "TC=1"},
	{"AA=0", SOA8, no_aa, MESSAGE_REFUSED, "AA=0"},
	{"REFUSED", "", refused, MESSAGE_REFUSED, "REFUSED"},
	{"NOTAUTH", "", notauth_bare, MESSAGE_REFUSED, "NOTAUTH"},
	{"no SOA", "", NULL, MESSAGE_REFUSED, "without"},
	{"another's SOA", "a SOA ns host 7 1 1 1 1\n", NULL, MESSAGE_REFUSED, "without"},
	{"A", "@ A 192.0.2.1\n", NULL, MESSAGE_REFUSED, "without"},
	{"without rdata", "", soa_without_rdata, MESSAGE_REFUSED,
	 "malformed record example.com. SOA"},
	{"class CH", SOA8, class_ch, MESSAGE_REFUSED, NULL},
	{"cut", SOA8, cut, MESSAGE_REFUSED, "malformed"},
	{"loop", "", owner_loop, MESSAGE_REFUSED, "malformed"},
};

static void test_soa(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(soa_table) / sizeof(soa_table[0]); i++) {
		struct soa_answer answer = {0};
		char reason[MESSAGE_REASON_MAX] = "";
		enum message_verdict verdict;
		uint8_t wire_query[SOA_QUERY_MAX];
		static struct reply wire;
		struct soa_query query;
		int len = soa_query_make(&query, apex, NULL, false, wire_query, sizeof(wire_query));

		assert_true(len > 0);
		reply_make(wire_query, (size_t)len, soa_table[i].answer, &wire);
		if (soa_table[i].tweak)
			soa_table[i].tweak(&wire);
		verdict = soa_query_reply(&query, wire.bytes, wire.len, &answer, reason);
		if (verdict != soa_table[i].expect ||
		    (soa_table[i].reason && !strstr(reason, soa_table[i].reason)))
			fail_msg("%s: %d \"%s\"", soa_table[i].what, verdict, reason);
		assert_int_equal(answer.serial, verdict == MESSAGE_GOOD ? 8 : 0);
	}
}

static void test_serial(void **state)
{
	(void)state;
	assert_true(message_serial_newer(1, 0));
	assert_true(message_serial_newer(0, UINT32_MAX));
	assert_true(message_serial_newer(0x7fffffff, 0));
	assert_false(message_serial_newer(0, 0));
	assert_false(message_serial_newer(0, 1));
	assert_false(message_serial_newer(UINT32_MAX, 0));
	assert_false(message_serial_newer(0x80000000, 0));
	assert_false(message_serial_newer(0, 0x80000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_content_taken),
		cmocka_unit_test(test_size),  cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_soa),   cmocka_unit_test(test_serial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
