/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names below a DNAME: what is made at the interface is what the sockets answer, record for record;
 * what leads on is passed up. Zones by hand for each shape, random ones for all of them together,
 * unsigned and signed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>
#include <cmocka.h>

#include "packet/fill.h"
#include "packet/groups.h"
#include "packet/zones.h"
#include "unit/random_zone.h"

#define HOUR   3600
#define ROUNDS 40
#define NAMES  60

#define TEN	"0123456789"
#define FIFTY	TEN TEN TEN TEN TEN
#define L50	FIFTY "."
#define L60	FIFTY TEN "."
#define TXT_200 "\"" FIFTY FIFTY FIFTY FIFTY "\" "

static const char example_com[] =
	"@ 300 SOA ns1 host 7 3600 900 1209600 60\n@ NS ns1\nns1 A 192.0.2.1\n"
	"in 77 DNAME t\nout DNAME Example.NET.\nroot DNAME .\nup DNAME @\n"
	"in A 192.0.2.9\nin TXT \"at the DNAME\"\n"
	"long DNAME " L60 L60 L60 "t\nlonger DNAME " L60 L60 L60 "b.t\n"
	"none DNAME nothing.here\nother DNAME t2\nodd DNAME tt\n"
	"a.t A 192.0.2.2\nA.t A 192.0.2.3\na.t AAAA 2001:db8::1\na.t TXT \"x\"\nab.t TXT \"xy\" \"z\"\n"
	"many.t A 192.0.2.4\nmany.t A 192.0.2.5\nmany.t A 192.0.2.6\nmany.t A 192.0.2.7\n"
	"many.t A 192.0.2.8\nmany.t A 192.0.2.9\nmany.t A 192.0.2.10\nmany.t A 192.0.2.11\n"
	"big.t TXT " TXT_200 TXT_200 TXT_200 "\n"
	"a.tt A 192.0.2.12\n"
	"a.ent.t A 192.0.2.13\n"
	"*.w.t A 192.0.2.14\n*.w.t TXT \"any\"\n*.w.t MX 1 a.t\nx.w.t TXT \"x\"\n"
	"*.wc.t CNAME a.t\n*.wd.t DNAME t\n*.wn.t NS ns1\n"
	"c.t CNAME a.t\nmx.t MX 1 a.t\nptr.t PTR a.t\nsrv.t SRV 1 2 3 a.t\nsout.t SRV 1 2 3 a.example.net.\n"
	"sub.t NS ns.sub.t\nns.sub.t A 192.0.2.15\nsub.t DS 1 8 2 00\nins.t NS ns1\n"
	"d.t DNAME a\nhinfo.t HINFO a b\nunknown.t TYPE65280 \\# 3 010203\n"
	"in.self DNAME self\nloop DNAME loop\n*.star DNAME t\n"
	"held DNAME child\nchild NS ns.child\nns.child A 192.0.2.16\n";

static const char child[] = "@ 300 SOA ns host 1 2 3 4 30\n@ NS ns\nns A 192.0.2.16\n";

static const char *const names[] = {"example.com", "child.example.com", "z", NULL};

static struct rig rig;
static struct zones zones;

static int open_rig(void **state)
{
	(void)state;
	rig_open(&rig);
	zones_open(&zones, &rig, names);
	zones_load(&zones, "child.example.com", child, HOUR);
	rig.config->max_udp_size = 4096;
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	zones_close(&zones);
	rig_close(&rig);
	return 0;
}

/* Asks, and compares with the sockets' reply. Returns the counter. */
static enum xns_counter ask_both(const struct ask *ask)
{
	const struct shape shape = {.ipv6 = strlen(ask->name) % 3 == 0,
				    .tags = strlen(ask->name) % 2};
	static char got[16384], want[16384];
	uint8_t message[512], frame[FRAME_MAX];
	size_t len = frame_make(&shape, message, ask_message(ask, message), frame);
	struct outcome outcome;
	const char *fault;

	rig_run(&rig, frame, len, &outcome);
	if (outcome.verdict != XDP_TX) {
		assert_int_equal(outcome.verdict, XDP_PASS);
		assert_int_equal(outcome.len, len);
		assert_memory_equal(outcome.frame, frame, len);
		return outcome.counter;
	}
	fault = reply_fault(&shape, frame, len, outcome.frame, outcome.len);
	if (fault)
		fail_msg("%s type %u DO %d: %s", ask->name, ask->type, ask->dnssec_ok, fault);
	if (outcome.counter == XNS_ANSWER_TRUNCATED)
		return outcome.counter;
	reply_text(&shape, outcome.frame, outcome.len, got, sizeof(got));
	zones_answer(&zones, ask->name, ask->type, ask->edns && ask->dnssec_ok, want, sizeof(want));
	zones_sort_reply(got);
	zones_sort_reply(want);
	if (strcmp(got, want) != 0)
		fail_msg("%s type %u DO %d: reply is\n%sand not\n%s", ask->name, ask->type,
			 ask->dnssec_ok, got, want);
	return outcome.counter;
}

/* ---- by hand ---- */

#define A     1
#define NS    2
#define CNAME 5
#define SOA   6
#define PTR   12
#define HINFO 13
#define MX    15
#define TXT   16
#define AAAA  28
#define SRV   33
#define DNAME 39
#define DS    43
#define RRSIG 46
#define NSEC  47
#define ANY   255

#define POSITIVE XNS_ANSWER_POSITIVE
#define UP	 XNS_PASS_DNAME

static const struct {
	const char *name;
	uint16_t type;
	enum xns_counter counter;
	const char *text; /* unsigned; or NULL */
} cases[] = {
	{"a.in", A, POSITIVE,
	 "noerror aa\nan in.example.com. 77 dname t.example.com.\n"
	 "an a.in.example.com. 77 cname a.t.example.com.\n"
	 "an a.t.example.com. 3600 a 192.0.2.2\nan a.t.example.com. 3600 a 192.0.2.3\n"},
	{"a.in", AAAA, POSITIVE, NULL},
	{"a.in", TXT, POSITIVE, NULL},
	{"a.in", ANY, POSITIVE, NULL},
	{"a.in", RRSIG, POSITIVE, NULL},
	{"a.in", NSEC, POSITIVE, NULL},
	{"a.in", CNAME, POSITIVE,
	 "noerror aa\nan in.example.com. 77 dname t.example.com.\n"
	 "an a.in.example.com. 77 cname a.t.example.com.\n"},
	{"ab.in", TXT, POSITIVE, NULL},
	{"many.in", A, POSITIVE, NULL},
	{"big.in", TXT, POSITIVE, NULL},
	{"a.odd", A, POSITIVE, NULL},
	{"hinfo.in", HINFO, POSITIVE, NULL},
	{"unknown.in", 65280, POSITIVE, NULL},
	{"sout.in", SRV, POSITIVE, NULL},
	{"a.*.star", A, POSITIVE, NULL},
	{"www.out", A, POSITIVE,
	 "noerror aa\nan out.example.com. 3600 dname example.net.\n"
	 "an www.out.example.com. 3600 cname www.example.net.\n"},
	{"w.w.w.out", ANY, POSITIVE, NULL},
	{"com.root", A, POSITIVE,
	 "noerror aa\nan root.example.com. 3600 dname .\n"
	 "an com.root.example.com. 3600 cname com.\n"},
	{"example.com.root", SOA, UP, NULL},
	{"ns1.up", A, POSITIVE, NULL},
	{"a.in", MX, POSITIVE, NULL}, /* not there */
	{"ent.in", A, POSITIVE,
	 "noerror aa\nan in.example.com. 77 dname t.example.com.\n"
	 "an ent.in.example.com. 77 cname ent.t.example.com.\n"
	 "ns example.com. 60 soa ns1.example.com. host.example.com. 7 3600 900 1209600 60\n"},
	{"no.in", A, POSITIVE,
	 "nxdomain aa\nan in.example.com. 77 dname t.example.com.\n"
	 "an no.in.example.com. 77 cname no.t.example.com.\n"
	 "ns example.com. 60 soa ns1.example.com. host.example.com. 7 3600 900 1209600 60\n"},
	{"b.c.ent.in", TXT, POSITIVE, NULL},
	{"x.y.none", A, POSITIVE, NULL},
	{"any.w.in", A, POSITIVE, NULL},
	{"some.more.w.in", TXT, POSITIVE, NULL},
	{"any.w.in", AAAA, POSITIVE, NULL},
	{"any.w.in", MX, UP, NULL},
	{"x.w.in", A, POSITIVE, NULL},
	{"*.w.in", TXT, POSITIVE, NULL},
	{"x.x.w.in", A, POSITIVE, NULL},
	{"sub.in", DS, POSITIVE, NULL},
	{"ins.in", DS, POSITIVE, NULL},
	{"in.in.self", A, POSITIVE, NULL},
	{"d.in", DNAME, POSITIVE, NULL},
	{"d.in", A, POSITIVE, NULL},
	{"in.up", A, POSITIVE, NULL},
	{"in.up", DNAME, POSITIVE, NULL},
	{"in.up", TXT, POSITIVE, NULL},
	{"x.long", A, POSITIVE, NULL},
	{"x." L60 "long", A, POSITIVE, NULL}, /* too long */

	{"any.wc.in", A, UP, NULL},
	{"any.wd.in", A, XNS_PASS_WILDCARD, NULL},
	{"any.wn.in", A, XNS_PASS_WILDCARD, NULL},
	{"c.in", A, UP, NULL},
	{"c.in", ANY, UP, NULL},
	{"c.in", RRSIG, POSITIVE, NULL},
	{"any.wc.in", NSEC, POSITIVE, NULL},
	{"mx.in", MX, UP, NULL},
	{"ptr.in", PTR, UP, NULL},
	{"srv.in", SRV, UP, NULL},
	{"sub.in", A, UP, NULL},
	{"a.sub.in", A, UP, NULL},
	{"a.d.in", A, UP, NULL},
	{"in.in.self", DNAME, UP, NULL},
	{"in.in.self", ANY, UP, NULL},
	{"a.loop", A, UP, NULL},
	{"a.in.up", A, UP, NULL},
	{"www.held", A, UP, NULL},
	{"a.any.star", A, XNS_PASS_WILDCARD, NULL},
};

static void check_case(size_t i, enum sign how)
{
	char name[400];

	snprintf(name, sizeof(name), "%s.example.com", cases[i].name);
	for (int n = 0; n < 2 * CASE_COUNT; n++) {
		const struct ask ask = {.name = name,
					.type = cases[i].type,
					.edns = true,
					.edns_size = 4096,
					.spelling = n / 2,
					.dnssec_ok = n % 2};
		enum xns_counter counter = ask_both(&ask);

		if (counter != cases[i].counter)
			fail_msg("%s type %u DO %d, signed %d: counter %d", name, cases[i].type,
				 n % 2, how, counter);
	}
}

static void test_by_hand(void **state)
{
	(void)state;
	for (enum sign how = SIGN_NOT; how <= SIGN_OPT_OUT; how++) {
		const struct zones_text text = {"example.com", example_com, how, how};

		zones_load_batch(&zones, &text, 1, HOUR);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			check_case(i, how);
	}
}

static void test_text(void **state)
{
	(void)state;
	zones_load(&zones, "example.com", example_com, HOUR);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct shape shape = {.tags = 1};
		uint8_t message[512], frame[FRAME_MAX];
		struct outcome outcome;
		struct ask ask = {.type = cases[i].type};
		char name[400];
		size_t len;

		snprintf(name, sizeof(name), "%s.example.com", cases[i].name);
		ask.name = name;
		len = frame_make(&shape, message, ask_message(&ask, message), frame);
		if (cases[i].text)
			rig_expect_reply(&rig, &shape, frame, len, cases[i].counter, cases[i].text,
					 name, &outcome);
	}
}

/* Names of every length, up to the last that the target leaves room for and beyond. */
static void test_lengths(void **state)
{
	const struct zones_text text = {"example.com", example_com, SIGN_NSEC3, 0};
	char name[400];

	(void)state;
	zones_load_batch(&zones, &text, 1, HOUR);
	for (unsigned first = 1; first <= 59; first++) {
		static const char *const to[] = {"in", "odd", "long", "longer", "out", "w.in"};

		for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
			struct ask ask = {.name = name,
					  .type = A,
					  .edns = true,
					  .edns_size = 4096,
					  .dnssec_ok = first % 2};

			snprintf(name, sizeof(name), "%.*s.%s.example.com", first, FIFTY TEN,
				 to[i]);
			assert_int_equal(ask_both(&ask), POSITIVE);
			snprintf(name, sizeof(name), "%.*s." L60 L60 "%s.example.com", first,
				 FIFTY TEN, to[i]);
			assert_int_equal(ask_both(&ask), POSITIVE);
		}
	}
}

/* What does not fit the client's size. */
static void test_truncated(void **state)
{
	struct ask ask = {.name = "big.in.example.com", .type = TXT};
	enum xns_counter counter;
	unsigned size = 512;

	(void)state;
	zones_load(&zones, "example.com", example_com, HOUR);
	assert_int_equal(ask_both(&ask), XNS_ANSWER_TRUNCATED);
	ask.edns = true;
	do {
		ask.edns_size = size++;
		counter = ask_both(&ask);
	} while (counter == XNS_ANSWER_TRUNCATED);
	assert_int_equal(counter, POSITIVE);
	assert_in_range(size, 650, 800);
}

/* Proofs that only the stack has. */
static void test_iterations(void **state)
{
	const struct zones_text text = {"example.com", example_com, SIGN_ITERATED, 0};
	struct ask ask = {.name = "a.in.example.com", .type = A, .edns = true, .dnssec_ok = true};

	(void)state;
	zones_load_batch(&zones, &text, 1, HOUR);
	assert_int_equal(ask_both(&ask), POSITIVE);
	ask.name = "no.in.example.com";
	assert_int_equal(ask_both(&ask), XNS_PASS_DNSSEC);
	ask.dnssec_ok = false;
	assert_int_equal(ask_both(&ask), POSITIVE);
}

/* The DNAME changes, comes and goes. */
static void test_serials(void **state)
{
	static const char head[] = "@ 300 SOA ns1 host 8 3600 900 1209600 60\n@ NS ns1\n"
				   "a.t A 192.0.2.1\na.u A 192.0.2.2\n";
	static const char *const records[] = {"d DNAME t\n",
					      "d DNAME u\n",
					      "d 9 DNAME u\n",
					      "d TXT x\n",
					      "a.d TXT x\n",
					      "d DNAME t\nd A 192.0.2.3\n",
					      ""};
	struct ask ask = {.name = "a.d.example.com", .type = A, .edns = true, .dnssec_ok = true};
	char text[400];

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(records) / sizeof(records[0]); i++) {
		size_t which = i * 3 % (sizeof(records) / sizeof(records[0]));
		const struct zones_text zone = {"example.com", text, i / 7, 0};

		snprintf(text, sizeof(text), "%s%s", head, records[which]);
		zones_load_batch(&zones, &zone, 1, HOUR);
		assert_true(rig_is_answer(ask_both(&ask)));
	}
}

/* The root zone's own DNAME, whose owner is no pointer. */
static void test_root(void **state)
{
	static const char *const root[] = {".", NULL};
	static const char text[] = "@ 300 SOA a.b host.b 1 2 3 4 60\n@ NS a.b\n@ 5 DNAME B\n";
	static const char *const asked[] = {"x", "ab.c", "a.b", "x.b"};
	struct zones outer = zones;
	struct rig outer_rig = rig;

	(void)state;
	rig_open(&rig);
	zones_open(&zones, &rig, root);
	for (enum sign how = SIGN_NOT; how <= SIGN_NSEC; how++) {
		const struct zones_text zone = {".", text, how, 0};

		zones_load_batch(&zones, &zone, 1, HOUR);
		for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
			for (int n = 0; n < 2; n++) {
				struct ask ask = {.name = asked[i],
						  .type = n ? CNAME : A,
						  .edns = true,
						  .dnssec_ok = how};
				assert_int_equal(ask_both(&ask), n ? POSITIVE : UP);
			}
	}
	zones_close(&zones);
	rig_close(&rig);
	rig = outer_rig;
	zones = outer;
}

/* ---- random zones ---- */

static void random_question(char name[160], unsigned i)
{
	static const char *const label[] = {"a", "b", "*", "c", "nothing", "d"};

	*name = 0;
	for (unsigned n = 1 + i % 4; n > 0; n--)
		strcat(strcat(name, label[random_pick(n > 1 ? 6 : 4)]), ".");
	strcat(name, "z");
}

static void test_random_zones(void **state)
{
	static const uint16_t types[] = {A,   AAAA, TXT, CNAME, MX,   SRV,  NS,
					 ANY, DS,   64,	 RRSIG, NSEC, DNAME};
	unsigned counted[XNS_COUNTER_COUNT] = {0}, asked = 0;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct random_version version;
		struct zones_text text = {"z", NULL, round % (SIGN_OPT_OUT + 1), 0};

		random_seed = round + 6672;
		random_zone(&version);
		for (unsigned i = 0; i < 4; i++) {
			char owner[64], target[64];

			random_name(owner);
			random_name(target);
			snprintf(version.record[i], sizeof(version.record[i]), "%s DNAME %s", owner,
				 random_pick(6) ? target : "x.");
		}
		for (unsigned i = 4; i < RANDOM_RECORDS; i++) /* fewer chains, more data */
			if (strstr(version.record[i], " CNAME ") && random_pick(2))
				snprintf(version.record[i], sizeof(version.record[i]), " ");
		version.mode = RANDOM_UNSIGNED;
		text.text = random_text(&version, round + 1);
		zones_load_batch(&zones, &text, 1, HOUR);
		for (unsigned i = 0; i < NAMES; i++) {
			char name[160];

			random_question(name, i);
			for (size_t t = 0; t < 2 * sizeof(types) / sizeof(types[0]); t++) {
				struct ask ask = {.name = name,
						  .type = types[t / 2],
						  .edns = true,
						  .edns_size = 4096,
						  .spelling = random_pick(CASE_COUNT),
						  .dnssec_ok = t % 2};

				counted[ask_both(&ask)]++;
				asked++;
			}
		}
	}
	print_message("%u asked, %u passed up beyond a DNAME\n", asked, counted[UP]);
	assert_true(counted[UP] < asked / 8);
	assert_int_equal(counted[XNS_PASS_INTERNAL] + counted[XNS_PASS_CHANGING], 0);
}

/* ---- entries that publish does not make ---- */

#define DNAME_RECORD                                                \
	"\xc0\x0c\x00\x27\x00\x01\x00\x00\x0e\x10\x00\x0f\x01t\x07" \
	"example\x03"                                               \
	"com\x00"

static void test_entries(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint8_t ancount, flags;
		enum xns_counter counter;
	} reached[] = {
		{FILL_A, FILL_A_LEN, 1, 0, POSITIVE},
		{FILL_A FILL_A, 2 * FILL_A_LEN, 2, 0, POSITIVE},
		{FILL_A, FILL_A_LEN, 2, 0, UP},
		{FILL_A FILL_A, 2 * FILL_A_LEN, 1, 0, UP},
		{FILL_A, FILL_A_LEN, 0, 0, UP},
		{FILL_A, FILL_A_LEN, 255, 0, UP},
		{FILL_A, FILL_A_LEN, 1, XNS_IMAGE_SOA, UP},
		{FILL_A, FILL_A_LEN, 1, 3, UP},
		{"\xc0\x0d" FILL_A, FILL_A_LEN + 2, 1, 0, UP},
		{"\xc0\x0c\x00\x02\x00\x01\x00\x00\x00\x01\x00\x02\xc0\x0c", 14, 1, 0, UP},
		{"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\xff\xff\xc0\x0c", 14, 1, 0, UP},
	};
	struct fill_image dname = {.head = {.ancount = 1},
				   .bytes = DNAME_RECORD,
				   .len = sizeof(DNAME_RECORD) - 1,
				   .additional = 0,
				   .pointer = {0},
				   .n_pointers = 1,
				   .target = "t.example.com",
				   .has_layout = true};
	struct rig outer = rig;

	(void)state;
	fill_open(&rig);
	for (size_t i = 0; i < 2 * sizeof(reached) / sizeof(reached[0]); i++) {
		struct xns_node node = fill_node("d.example.com");
		const struct fill_image image = {
			.head = {.ancount = reached[i / 2].ancount, .flags = reached[i / 2].flags},
			.bytes = reached[i / 2].bytes,
			.len = reached[i / 2].len};
		const struct ask ask = {.name = "a.d.example.com", .type = A};
		const struct shape shape = {0};
		uint8_t message[512], frame[FRAME_MAX];
		size_t len = frame_make(&shape, message, ask_message(&ask, message), frame);
		struct outcome outcome;

		node.flags = XNS_NODE_DNAME;
		fill_entry(&node, DNAME, i % 2 ? XNS_TYPE_INLINE : 0, &dname);
		fill_put(&rig, "nodes", "d.example.com", 0, &node);
		node = fill_node("a.t.example.com");
		fill_entry(&node, A, i % 2 ? XNS_TYPE_INLINE : 0, &image);
		fill_put(&rig, "nodes", "a.t.example.com", 0, &node);
		if (reached[i / 2].counter == POSITIVE)
			rig_expect_reply(&rig, &shape, frame, len, POSITIVE, NULL, "by hand",
					 &outcome);
		else
			rig_expect_pass(&rig, frame, len, reached[i / 2].counter, "by hand");
	}
	rig_close(&rig);
	rig = outer;
}

/* A DNAME's image without a target. */
static void test_no_target(void **state)
{
	const struct fill_image dname = {
		.head = {.ancount = 1}, .bytes = DNAME_RECORD, .len = sizeof(DNAME_RECORD) - 1};
	const struct ask ask = {.name = "a.d.example.com", .type = A};
	struct xns_node node = fill_node("d.example.com");
	const struct shape shape = {0};
	uint8_t message[512], frame[FRAME_MAX];
	size_t len = frame_make(&shape, message, ask_message(&ask, message), frame);
	struct rig outer = rig;

	(void)state;
	fill_open(&rig);
	for (int i = 0; i < 2; i++) {
		node = fill_node("d.example.com");
		node.flags = XNS_NODE_DNAME;
		fill_entry(&node, DNAME, i ? XNS_TYPE_INLINE : 0, &dname);
		fill_put(&rig, "nodes", "d.example.com", 0, &node);
		rig_expect_pass(&rig, frame, len, UP, "no target");
	}
	rig_close(&rig);
	rig = outer;
}

int test_dname(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),	   cmocka_unit_test(test_text),
		cmocka_unit_test(test_lengths),	   cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_iterations), cmocka_unit_test(test_serials),
		cmocka_unit_test(test_root),	   cmocka_unit_test(test_random_zones),
		cmocka_unit_test(test_entries),	   cmocka_unit_test(test_no_target),
	};

	return cmocka_run_group_tests_name("packet: DNAME", tests, open_rig, close_rig);
}
