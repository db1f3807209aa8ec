// SPDX-License-Identifier: GPL-3.0-or-later
/* respond_make: a message and a sender in, a reply or silence out. */
#include "respond_fixture.h"

#define RD	  0x0100
#define TC	  0x0200
#define AA	  0x0400
#define ALL	  0x07f0 /* every flag but QR */
#define DO	  0x8000
#define OPCODE(n) ((n) << 11)
#define SILENT	  -1

static struct {
	unsigned n;
	const struct zone *zone;
	bool has_serial;
	uint32_t serial;
} notified;

static void on_notify(struct zone *zone, const struct sockaddr *from, const knot_tsig_key_t *key,
		      bool has_serial, uint32_t serial, void *ctx)
{
	(void)key;
	assert_non_null(from);
	assert_ptr_equal(ctx, &notified);
	notified.n++;
	notified.zone = zone;
	notified.has_serial = has_serial;
	notified.serial = serial;
}

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	fixture_open(f);
	assert_int_equal(respond_bind(&f->config, &f->respond), 0);
	respond_use(f->respond, &f->zones, on_notify, &notified);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_close(*state);
	free(*state);
	return 0;
}

/* ---- what is answered how ---- */

struct test {
	const char *what;
	const char *qname;
	uint16_t qtype, qclass;
	uint16_t flags;
	uint16_t opt_size; /* 0: no OPT */
	uint32_t opt_ttl;  /* version, DO */
	enum fixture_from from;
	bool tcp;
	/* expected */
	int rcode; /* extended */
	uint16_t reply_flags;
	uint16_t an, ns, ar; /* the OPT not counted */
};

#define IN   KNOT_CLASS_IN
#define CH   KNOT_CLASS_CH
#define V(n) ((uint32_t)(n) << 16)

static const struct test tests[] = {
	{"A", "www.example.com.", 1, IN, .rcode = 0, .reply_flags = AA, .an = 2},
	{"A, OPT", "www.example.com.", 1, IN, .opt_size = 1232, .reply_flags = AA, .an = 2},
	{"A, DO", "www.example.com.", 1, IN, .opt_size = 1232, .opt_ttl = DO, .reply_flags = AA,
	 .an = 2},
	{"RD is copied", "www.example.com.", 1, IN, RD, .reply_flags = AA | RD, .an = 2},
	{"no other flag is", "www.example.com.", 1, IN, ALL, .reply_flags = AA | RD, .an = 2},
	{"an RCODE in the query", "www.example.com.", 1, IN, 15, .reply_flags = AA, .an = 2},
	{"letter case", "wWw.eXample.COM.", 1, IN, .reply_flags = AA, .an = 2},
	{"CNAME", "alias.example.com.", 1, IN, .reply_flags = AA, .an = 3},
	{"NODATA", "www.example.com.", 28, IN, .reply_flags = AA, .ns = 1},
	{"NODATA, OPT", "www.example.com.", 28, IN, .opt_size = 512, .reply_flags = AA, .ns = 1},
	{"empty non-terminal", "_tcp.example.com.", 1, IN, .reply_flags = AA, .ns = 1},
	{"NXDOMAIN", "no.example.com.", 1, IN, .rcode = 3, .reply_flags = AA, .ns = 1},
	{"referral", "www.sub.example.com.", 1, IN, .ns = 1, .ar = 1},
	{"type 0", "www.example.com.", 0, IN, .reply_flags = AA, .ns = 1},
	{"type OPT", "www.example.com.", 41, IN, .reply_flags = AA, .ns = 1},
	{"no zone", "example.org.", 1, IN, .rcode = 5},
	{"no zone, OPT, DO, RD", "example.org.", 1, IN, RD, 4096, DO, .rcode = 5,
	 .reply_flags = RD},
	{"above the zone", "com.", 1, IN, .rcode = 5},
	{"root", ".", 2, IN, .rcode = 5},
	{"never transferred", "www.empty.test.", 1, IN, .rcode = 2},
	{"never transferred, OPT", "www.empty.test.", 1, IN, .opt_size = 1232, .rcode = 2},
	{"expired", "www.old.test.", 1, IN, .rcode = 2},

	{"too large without OPT", "medium.example.com.", 16, IN, .reply_flags = AA | TC},
	{"fits with OPT", "medium.example.com.", 16, IN, .opt_size = 1232, .reply_flags = AA,
	 .an = 3},
	{"too large for the client", "medium.example.com.", 16, IN, RD, 600, DO,
	 .reply_flags = AA | TC | RD},
	{"OPT size below 512", "www.example.com.", 1, IN, .opt_size = 1, .reply_flags = AA,
	 .an = 2},
	{"too large for us", "big.example.com.", 16, IN, .opt_size = 4096, .reply_flags = AA | TC},
	{"too large for 512, TCP", "big.example.com.", 16, IN, .tcp = true, .reply_flags = AA,
	 .an = 8},
	{"too large for 512, TCP, OPT", "big.example.com.", 16, IN, .tcp = true, .opt_size = 512,
	 .reply_flags = AA, .an = 8},

	{"EDNS version 1", "www.example.com.", 1, IN, .opt_size = 1232, .opt_ttl = V(1),
	 .rcode = 16},
	{"EDNS version 255, DO, RD", "no.example.com.", 1, IN, RD, 1232, V(255) | DO, .rcode = 16,
	 .reply_flags = RD},
	{"EDNS version 1, no zone", "example.org.", 1, IN, .opt_size = 1232, .opt_ttl = V(1),
	 .rcode = 16},
	{"EDNS version 1, AXFR", "example.com.", 252, IN, .opt_size = 1232, .opt_ttl = V(1),
	 .rcode = 16},

	{"class ANY", "www.example.com.", 1, 255, .an = 2},
	{"class ANY, NXDOMAIN", "no.example.com.", 1, 255, .rcode = 3, .ns = 1},
	{"class ANY, no zone", "example.org.", 1, 255, .rcode = 5},
	{"class NONE", "www.example.com.", 1, 254, .rcode = 5},
	{"class HS, OPT", "www.example.com.", 1, 4, .opt_size = 1232, .rcode = 5},
	{"class 0", "www.example.com.", 1, 0, .rcode = 5},
	{"class CH, a zone's name", "www.example.com.", 1, CH, .rcode = 5},
	{"version.bind", "version.bind.", 16, CH, .an = 1},
	{"Version.Server, RD, OPT", "Version.Server.", 16, CH, RD, 1232, .reply_flags = RD,
	 .an = 1},
	{"version.bind, type A", "version.bind.", 1, CH, .rcode = 5},
	{"version.bind, type ANY", "version.bind.", 255, CH, .rcode = 5},
	{"version.bind, class IN", "version.bind.", 16, IN, .rcode = 5},
	{"id.server, not configured", "id.server.", 16, CH, .rcode = 5},
	{"hostname.bind, not configured", "hostname.bind.", 16, CH, .rcode = 5},

	{"AXFR, UDP", "example.com.", 252, IN, .rcode = 4},
	{"AXFR, TCP", "example.com.", 252, IN, .tcp = true, .rcode = 5},
	{"AXFR of no zone, UDP", "example.org.", 252, IN, .rcode = 4},
	{"AXFR of no apex, TCP", "www.example.com.", 252, IN, .tcp = true, .rcode = 9},
	{"AXFR, class CH", "example.com.", 252, CH, .tcp = true, .rcode = 5},
	{"IXFR, UDP, OPT", "example.com.", 251, IN, .opt_size = 1232, .rcode = 5},
	{"IXFR, TCP", "example.com.", 251, IN, .tcp = true, .rcode = 5},
	{"IXFR of no zone", "example.org.", 251, IN, .rcode = 9},

	{"IQUERY", "www.example.com.", 1, IN, OPCODE(1) | RD, .rcode = 4, .reply_flags = RD},
	{"STATUS, OPT", "www.example.com.", 1, IN, OPCODE(2), 1232, .rcode = 4},
	{"STATUS, EDNS version 1", "www.example.com.", 1, IN, OPCODE(2), 1232, V(1), .rcode = 16},
	{"UPDATE", "example.com.", 6, IN, OPCODE(5), .from = PRIMARY, .rcode = 4},
	{"opcode 15", "example.com.", 6, IN, OPCODE(15) | ALL, .rcode = 4, .reply_flags = RD},

	{"NOTIFY", "example.com.", 6, IN, OPCODE(4) | AA, .from = PRIMARY, .reply_flags = AA},
	{"NOTIFY without AA, OPT", "example.com.", 6, IN, OPCODE(4), 1232, .from = PRIMARY,
	 .reply_flags = AA},
	{"NOTIFY, IPv4 in IPv6", "example.com.", 6, IN, OPCODE(4), .from = PRIMARY_MAPPED,
	 .reply_flags = AA},
	{"NOTIFY, IPv6, TCP", "EXAMPLE.com.", 6, IN, OPCODE(4), .from = PRIMARY6, .tcp = true,
	 .reply_flags = AA},
	{"NOTIFY, never transferred", "empty.test.", 6, IN, OPCODE(4), .from = PRIMARY,
	 .reply_flags = AA},
	{"NOTIFY of a stranger", "example.com.", 6, IN, OPCODE(4) | AA, .rcode = 9},
	{"NOTIFY of no zone", "example.org.", 6, IN, OPCODE(4) | AA, .from = PRIMARY, .rcode = 9},
	{"NOTIFY of no apex", "www.example.com.", 6, IN, OPCODE(4), .from = PRIMARY, .rcode = 9},
	{"NOTIFY of type A", "example.com.", 1, IN, OPCODE(4), .from = PRIMARY, .rcode = 1},
	{"NOTIFY of class CH", "example.com.", 6, CH, OPCODE(4), .from = PRIMARY, .rcode = 4},
	{"NOTIFY, EDNS version 1", "example.com.", 6, IN, OPCODE(4), 1232, V(1), PRIMARY,
	 .rcode = 16},

	{"QR", "www.example.com.", 1, IN, 0x8000, .rcode = SILENT},
	{"QR, NOTIFY", "example.com.", 6, IN, 0x8000 | OPCODE(4), .from = PRIMARY, .rcode = SILENT},
	{"source port 0", "www.example.com.", 1, IN, .from = PORT_0, .rcode = SILENT},
};
#define N_TESTS (sizeof(tests) / sizeof(*tests))

static void build(const struct test *test, struct message *ret)
{
	add_header(ret, test->flags, 1);
	add_question(ret, test->qname, test->qtype, test->qclass);
	if (test->opt_size != 0)
		add_opt(ret, test->opt_size, test->opt_ttl);
}

static void check_opt(const struct test *test, const knot_pkt_t *pkt)
{
	if (knot_pkt_has_edns(pkt) != (test->opt_size != 0))
		fail_msg("%s: OPT", test->what);
	if (test->opt_size == 0)
		return;
	assert_int_equal(knot_edns_get_payload(pkt->opt_rr), 1232);
	assert_int_equal(knot_edns_get_version(pkt->opt_rr), 0);
	if (knot_edns_do(pkt->opt_rr) != ((test->opt_ttl & DO) != 0))
		fail_msg("%s: DO", test->what);
}

static void answers(void **state)
{
	static uint8_t reply[65535];
	struct fixture *f = *state;

	for (size_t i = 0; i < N_TESTS; i++) {
		const struct test *test = &tests[i];
		/* of an unknown opcode: not known to be a question */
		unsigned opcode = test->flags >> 11 & 15;
		bool question = test->rcode != 4 || opcode == 0 || opcode == 4;
		struct message query;
		knot_pkt_t *pkt;
		size_t len;

		build(test, &query);
		len = reply_to(f, query.wire, query.len, test->from, test->tcp, reply,
			       sizeof(reply));
		if ((len == 0) != (test->rcode == SILENT))
			fail_msg("%s: %zu bytes", test->what, len);
		if (len == 0)
			continue;
		pkt = check_reply(test->what, &query, reply, len, test->tcp ? 65535 : 1232);
		if (knot_pkt_ext_rcode(pkt) != test->rcode)
			fail_msg("%s: RCODE %u", test->what, knot_pkt_ext_rcode(pkt));
		if ((knot_wire_read_u16(reply + 2) & ALL) != test->reply_flags)
			fail_msg("%s: flags %x", test->what, knot_wire_read_u16(reply + 2));
		if (knot_wire_get_ancount(reply) != test->an ||
		    knot_wire_get_nscount(reply) != test->ns ||
		    knot_wire_get_arcount(reply) != test->ar + (test->opt_size != 0))
			fail_msg("%s: %u %u %u records", test->what, knot_wire_get_ancount(reply),
				 knot_wire_get_nscount(reply), knot_wire_get_arcount(reply));
		if (knot_wire_get_qdcount(reply) != question ||
		    (question && memcmp(reply + 12, query.wire + 12,
					knot_dname_size(query.wire + 12) + 4) != 0))
			fail_msg("%s: question", test->what);
		check_opt(test, pkt);
		knot_pkt_free(pkt);
	}
}

static void fits_into_what_is_given(void **state)
{
	uint8_t *reply = malloc(512); /* a write beyond it is seen by ASan */
	struct fixture *f = *state;

	for (size_t i = 0; i < N_TESTS; i++) {
		struct message query;
		size_t len;

		build(&tests[i], &query);
		len = reply_to(f, query.wire, query.len, tests[i].from, tests[i].tcp, reply, 512);
		if (len > 0)
			knot_pkt_free(check_reply(tests[i].what, &query, reply, len, 512));
	}
	free(reply);
}

/* ---- messages that are no well-formed query ---- */

#define HEADER(flags, qd, an, ns, ar) "\xbe\xef" flags "\0" qd "\0" an "\0" ns "\0" ar
#define QUESTION		      "\3www\7example\3com\0\0\1\0\1"
#define OPT_RR			      "\0\0\x29\4\xd0\0\0\0\0\0\0"
#define A_RR			      "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3\4"
#define OPT(rdlen, rdata)	      "\0\0\x29\4\xd0\0\0\0\0" rdlen rdata

static const struct {
	const char *what;
	const char *wire;
	size_t len;
	int rcode;
	unsigned has; /* what else is expected of the reply */
} raws[] = {
#define Q			    1 /* the question */
#define O			    2 /* an OPT record */
#define RAW(what, wire, rcode, has) {what, wire, sizeof(wire) - 1, rcode, has}
	RAW("nothing", "", SILENT, 0),
	RAW("one byte", "x", SILENT, 0),
	RAW("eleven bytes", "\xbe\xef\0\0\0\1\0\0\0\0\0", SILENT, 0),
	RAW("no question", HEADER("\0\0", "\0", "\0", "\0", "\0"), 1, 0),
	RAW("no question, OPT", HEADER("\0\0", "\0", "\0", "\0", "\1") OPT_RR, 1, O),
	RAW("QDCOUNT 1, nothing", HEADER("\0\0", "\1", "\0", "\0", "\0"), 1, 0),
	RAW("QDCOUNT 2", HEADER("\0\0", "\2", "\0", "\0", "\0") QUESTION QUESTION, 1, 0),
	RAW("QDCOUNT 0, question", HEADER("\0\0", "\0", "\0", "\0", "\0") QUESTION, 1, 0),
	RAW("STATUS, no question", HEADER("\x10\0", "\0", "\0", "\0", "\0"), 4, 0),
	RAW("STATUS, broken", HEADER("\x10\0", "\2", "\0", "\0", "\1") "\xff", 4, 0),
	RAW("pointer to itself", HEADER("\0\0", "\1", "\0", "\0", "\0") "\xc0\x0c\0\1\0\1", 1, 0),
	RAW("pointer into the header", HEADER("\0\0", "\1", "\0", "\0", "\0") "\xc0\4\0\1\0\1", 1,
	    0),
	RAW("pointer behind a label", HEADER("\0\0", "\1", "\0", "\0", "\0") "\1a\xc0\x0c\0\1\0\1",
	    1, 0),
	RAW("label type 01", HEADER("\0\0", "\1", "\0", "\0", "\0") "\x41xxxx\0\0\1\0\1", 1, 0),
	RAW("ANCOUNT 1, nothing", HEADER("\0\0", "\1", "\1", "\0", "\0") QUESTION, 1, Q),
	RAW("ARCOUNT 2, one OPT", HEADER("\0\0", "\1", "\0", "\0", "\2") QUESTION OPT_RR, 1, Q),
	RAW("a record before the OPT", HEADER("\0\0", "\1", "\0", "\0", "\2") QUESTION A_RR OPT_RR,
	    0, Q | O),
	RAW("a record cut",
	    HEADER("\0\0", "\1", "\0", "\0", "\1") QUESTION "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3", 1,
	    Q),
	RAW("a record's owner points at itself",
	    HEADER("\0\0", "\1", "\0", "\0", "\1") QUESTION "\xc0\x21\0\1\0\1\0\0\0\0\0\0", 1, Q),
	RAW("records in every section",
	    HEADER("\0\0", "\1", "\1", "\1", "\1") QUESTION A_RR A_RR A_RR, 0, Q),
	RAW("an A of three bytes",
	    HEADER("\0\0", "\1", "\0", "\0", "\1") QUESTION "\xc0\x0c\0\1\0\1\0\0\0\0\0\3\1\2\3", 1,
	    Q),
	RAW("an MX with more behind its name",
	    HEADER("\0\0", "\1", "\0", "\1", "\0") QUESTION
	    "\xc0\x0c\0\x0f\0\1\0\0\0\0\0\4\0\1\0\0",
	    1, Q),
	RAW("an MX whose name goes on behind it",
	    HEADER("\0\0", "\1", "\0", "\1", "\0") QUESTION
	    "\xc0\x0c\0\x0f\0\1\0\0\0\0\0\3\0\1\1x\0",
	    1, Q),
	RAW("an MX with a pointer",
	    HEADER("\0\0", "\1", "\0", "\1", "\0") QUESTION
	    "\xc0\x0c\0\x0f\0\1\0\0\0\0\0\4\0\1\xc0\x0c",
	    0, Q),
	RAW("an MX with a pointer to itself",
	    HEADER("\0\0", "\1", "\0", "\1", "\0") QUESTION
	    "\xc0\x0c\0\x0f\0\1\0\0\0\0\0\4\0\1\xc0\x2f",
	    1, Q),
	RAW("a NAPTR cut",
	    HEADER("\0\0", "\1", "\0", "\1", "\0") QUESTION
	    "\xc0\x0c\0\x23\0\1\0\0\0\0\0\5\0\1\0\1\5",
	    1, Q),
	RAW("a record of an unknown type",
	    HEADER("\0\0", "\1", "\0", "\1", "\0") QUESTION "\xc0\x0c\xff\0\0\1\0\0\0\0\0\1x", 0,
	    Q),
	RAW("a record of type AXFR",
	    HEADER("\0\0", "\1", "\0", "\1", "\0") QUESTION "\xc0\x0c\0\xfc\0\1\0\0\0\0\0\0", 1, Q),
	RAW("STATUS, a record cut",
	    HEADER("\x10\0", "\1", "\0", "\0", "\1") QUESTION "\xc0\x0c\0\1\0\1", 1, Q),
	RAW("garbage behind", HEADER("\0\0", "\1", "\0", "\0", "\0") QUESTION "garbage", 0, Q),
	RAW("garbage behind the OPT",
	    HEADER("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT_RR "garbage", 0, Q | O),
	RAW("OPT not counted", HEADER("\0\0", "\1", "\0", "\0", "\0") QUESTION OPT_RR, 0, Q),
	RAW("two OPT", HEADER("\0\0", "\1", "\0", "\0", "\2") QUESTION OPT_RR OPT_RR, 1, Q),
	RAW("OPT in the answer", HEADER("\0\0", "\1", "\1", "\0", "\0") QUESTION OPT_RR, 1, Q),
	RAW("OPT in the authority", HEADER("\0\0", "\1", "\0", "\1", "\0") QUESTION OPT_RR, 1, Q),
	RAW("OPT of another owner", HEADER("\0\0", "\1", "\0", "\0", "\1") QUESTION "\1x" OPT_RR, 1,
	    Q),
	RAW("OPT, owner a pointer to a name",
	    HEADER("\0\0", "\1", "\0", "\0", "\1") QUESTION "\xc0\x0c\0\x29\4\xd0\0\0\0\0\0\0", 1,
	    Q),
	RAW("OPT, owner a pointer to the root",
	    HEADER("\0\0", "\1", "\0", "\0", "\1") QUESTION "\xc0\x1c\0\x29\4\xd0\0\0\0\0\0\0", 0,
	    Q | O),
	RAW("OPT, unknown option",
	    HEADER("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\6", "\xfd\xe9\0\2hi"), 0,
	    Q | O),
	RAW("OPT, option cut in its code",
	    HEADER("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\1", "\0"), 1, Q),
	RAW("OPT, option cut in its data",
	    HEADER("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\5", "\0\3\0\2x"), 1, Q),
	RAW("OPT, RDLENGTH beyond the end",
	    HEADER("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\xff\xff", ""), 1, Q),
	RAW("TSIG of 3 bytes",
	    HEADER("\0\0", "\1", "\0", "\0", "\1") QUESTION "\1k\0\0\xfa\0\xff\0\0\0\0\0\3\1a\0", 1,
	    Q),
#undef RAW
};
#define N_RAWS (sizeof(raws) / sizeof(*raws))

static void odd_messages(void **state)
{
	static uint8_t reply[65535];
	struct fixture *f = *state;

	for (size_t i = 0; i < N_RAWS; i++) {
		struct message query = {.len = 0};
		knot_pkt_t *pkt;
		size_t len;

		add_bytes(&query, raws[i].wire, raws[i].len);
		len = reply_to(f, query.wire, query.len, STRANGER, i % 2, reply, sizeof(reply));
		if ((len == 0) != (raws[i].rcode == SILENT))
			fail_msg("%s: %zu bytes", raws[i].what, len);
		if (len == 0)
			continue;
		pkt = check_reply(raws[i].what, &query, reply, len, 512);
		if (knot_pkt_ext_rcode(pkt) != raws[i].rcode ||
		    knot_pkt_has_edns(pkt) != !!(raws[i].has & O) ||
		    knot_wire_get_qdcount(reply) != (raws[i].has & Q))
			fail_msg("%s: RCODE %u, %s, %u questions", raws[i].what,
				 knot_pkt_ext_rcode(pkt), knot_pkt_has_edns(pkt) ? "OPT" : "no OPT",
				 knot_wire_get_qdcount(reply));
		knot_pkt_free(pkt);
	}
}

/* ---- NOTIFY and the identity, in detail ---- */

static void notify_serial(void **state)
{
	static const uint8_t soa[] = "\xc0\x0c\0\6\0\1\0\0\0\0\0\x16\0\0\1\2\3\4"
				     "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1";
	static uint8_t reply[512];
	struct fixture *f = *state;
	uint64_t before = fixture_count(f, RESPOND_NOTIFY);
	struct message query;

	notified.n = 0;
	add_header(&query, OPCODE(4) | AA, 1);
	add_question(&query, "example.com.", 6, IN);
	assert_true(reply_to(f, query.wire, query.len, PRIMARY, false, reply, 512) > 0);
	assert_int_equal(notified.n, 1);
	assert_ptr_equal(notified.zone, f->zones.zone[0]);
	assert_false(notified.has_serial);

	add_bytes(&query, soa, sizeof(soa) - 1);
	knot_wire_set_ancount(query.wire, 1);
	assert_true(reply_to(f, query.wire, query.len, PRIMARY6, true, reply, 512) > 0);
	assert_int_equal(notified.n, 2);
	assert_true(notified.has_serial);
	assert_int_equal(notified.serial, 0x01020304);
	assert_int_equal(knot_wire_get_ancount(reply), 0);

	assert_true(reply_to(f, query.wire, query.len, STRANGER, false, reply, 512) > 0);
	assert_int_equal(notified.n, 2);
	assert_int_equal(fixture_count(f, RESPOND_NOTIFY), before + 2);
}

static void long_identity(void **state)
{
	static uint8_t reply[65535];
	struct fixture *f = *state;
	struct message query;
	char text[301];

	memset(text, 'i', 300);
	text[300] = '\0';
	f->config.identity = text;
	add_header(&query, 0, 1);
	add_question(&query, "id.server.", 16, CH);
	assert_true(reply_to(f, query.wire, query.len, STRANGER, false, reply, 512) > 0);
	assert_int_equal(knot_wire_get_ancount(reply), 1);
	assert_memory_equal(reply + 12 + 15, "\xc0\x0c\0\x10\0\3\0\0\0\0\1\x2e\xffi", 14);
	assert_memory_equal(reply + 12 + 15 + 12 + 256, "\x2di", 2);
	f->config.identity = NULL;
}

/* ---- hostile input ---- */

static void every_prefix(void **state)
{
	static uint8_t reply[65535];
	struct fixture *f = *state;

	for (size_t i = 0; i < N_TESTS + N_RAWS; i++) {
		const char *what = i < N_TESTS ? tests[i].what : raws[i - N_TESTS].what;
		struct message query = {.len = 0};

		if (i < N_TESTS) {
			build(&tests[i], &query);
			add_tsig(&query, "key.");
		} else {
			add_bytes(&query, raws[i - N_TESTS].wire, raws[i - N_TESTS].len);
		}
		for (size_t cut = 0; cut < query.len; cut++) {
			size_t len = reply_to(f, query.wire, cut, STRANGER, cut % 2, reply,
					      sizeof(reply));

			if (cut < 12 && len != 0)
				fail_msg("%s, cut at %zu: a reply", what, cut);
			if (len != 0)
				knot_pkt_free(check_reply(what, &query, reply, len, 65535));
		}
	}
}

static void random_changes(void **state)
{
	static uint8_t reply[65535];
	struct fixture *f = *state;
	unsigned seed = 7;

	for (unsigned i = 0; i < 30000; i++) {
		const struct test *test = &tests[(unsigned)rand_r(&seed) % N_TESTS];
		struct message query;
		size_t len;

		build(test, &query);
		if (rand_r(&seed) % 4 == 0)
			add_tsig(&query, "key.");
		for (int n = rand_r(&seed) % 4; n >= 0; n--) {
			size_t at = (size_t)rand_r(&seed) % query.len;

			/* Pointers, label types and counts are where parsers err. */
			query.wire[at] = rand_r(&seed) % 2 ? (uint8_t)rand_r(&seed)
							   : (uint8_t)(0xc0 >> rand_r(&seed) % 8);
		}
		query.len -= (size_t)rand_r(&seed) % 8;
		len = reply_to(f, query.wire, query.len, test->from, rand_r(&seed) % 2, reply,
			       sizeof(reply));
		if (len != 0)
			knot_pkt_free(check_reply(test->what, &query, reply, len, 65535));
	}
}

static void counted(void **state)
{
	struct fixture *f = *state;
	static uint8_t reply[512];
	struct message query;
	uint64_t before[RESPOND_COUNTER_COUNT], after[RESPOND_COUNTER_COUNT];

	respond_counters(f->respond, before);
	add_header(&query, 0, 1);
	add_question(&query, "medium.example.com.", 16, IN);
	reply_to(f, query.wire, query.len, STRANGER, false, reply, 512);
	reply_to(f, query.wire, 5, STRANGER, false, reply, 512);
	reply_to(f, query.wire, 20, STRANGER, false, reply, 512);
	respond_counters(f->respond, after);
	for (size_t i = 0; i < RESPOND_COUNTER_COUNT; i++) {
		bool counted = i == RESPOND_NOERROR || i == RESPOND_TRUNCATED ||
			       i == RESPOND_DROPPED || i == RESPOND_FORMERR;

		if (after[i] != before[i] + counted)
			fail_msg("%s", respond_counter_names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test(answers),	  cmocka_unit_test(fits_into_what_is_given),
		cmocka_unit_test(odd_messages),	  cmocka_unit_test(notify_serial),
		cmocka_unit_test(long_identity),  cmocka_unit_test(every_prefix),
		cmocka_unit_test(random_changes), cmocka_unit_test(counted),
	};

	return cmocka_run_group_tests(unit_tests, setup, teardown);
}
