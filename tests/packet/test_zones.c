/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Zone + query → verdict, reply, counter, through the real content, store, image and publish code.
 * Each case over IPv4 and IPv6, with no, one and two VLAN tags, without and with EDNS, in three
 * spellings, and cut at every length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>
#include <cmocka.h>

#include "packet/groups.h"
#include "packet/zones.h"

#define TEN	"0123456789"
#define FIFTY	TEN TEN TEN TEN TEN
#define TXT_200 "\"" FIFTY FIFTY FIFTY FIFTY "\" "
#define HOUR	3600

static const char example_com[] =
	"@ 300 SOA ns1 host 7 3600 900 1209600 60\n"
	"@ NS ns1\n@ NS ns2.example.org.\n@ MX 10 mx\n@ TXT \"hello\"\n"
	"ns1 A 192.0.2.1\nns1 AAAA 2001:db8::1\n"
	"www A 192.0.2.11\nwww A 192.0.2.12\nwww A 192.0.2.13\n"
	"mx 60 A 192.0.2.25\n"
	"alias CNAME www\nsecond CNAME alias\nbad CNAME nope\nout CNAME www.example.org.\n"
	"tent CNAME ent\n"
	"a.deep.ent A 192.0.2.3\n"
	"*.wild TXT \"any\"\nx.wild A 192.0.2.4\n"
	"sub NS ns.sub\nns.sub A 192.0.2.5\n"
	"d DNAME example.net.\nd TXT \"at the DNAME\"\n"
	"unknown TYPE65280 \\# 4 deadbeef\n"
	"long TXT " TXT_200 TXT_200 "\n"
	"longer TXT " TXT_200 TXT_200 TXT_200 TXT_200 "\n"
	"huge TXT " TXT_200 TXT_200 TXT_200 TXT_200 TXT_200 TXT_200 TXT_200 TXT_200 TXT_200 TXT_200
		TXT_200 TXT_200 "\n"
	"many A 192.0.2.6\nmany AAAA 2001:db8::6\nmany TXT \"t\"\nmany MX 1 mx\nmany HINFO a b\n"
	"many LOC 0 N 0 E 0\nmany SRV 1 2 3 www\nmany CAA 0 issue \"ca\"\nmany TYPE700 \\# 1 00\n"
	"_sip._udp SRV 1 2 5060 www\n"
	"tochild CNAME www.child\ntosub CNAME a.sub\n"
	"child NS ns1.child\nns1.child A 192.0.2.7\n"
	"2nd.level A 192.0.2.8\nlevel A 192.0.2.9\n";

static const char child[] =
	"@ 300 SOA ns1 host 1 2 3 4 30\n@ NS ns1\nns1 A 192.0.2.7\nwww A 192.0.2.8\n";
static const char plain_zone[] = "@ 300 SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n";

static const char *const names[] = {"example.com", "child.example.com", "expired.example",
				    "never.example", NULL};

static struct rig rig;
static struct zones zones;

static int open_rig(void **state)
{
	(void)state;
	rig_open(&rig);
	zones_open(&zones, &rig, names);
	zones_load(&zones, "example.com", example_com, HOUR);
	zones_load(&zones, "child.example.com", child, HOUR);
	zones_load(&zones, "expired.example", plain_zone, -1);
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	zones_close(&zones);
	rig_close(&rig);
	return 0;
}

struct zone_case {
	const char *name;
	uint16_t type;
	enum xns_counter counter;
	bool fits_with_edns; /* truncated without */
	const char *text;
};

#define A     1
#define NS    2
#define CNAME 5
#define SOA   6
#define MX    15
#define TXT   16
#define AAAA  28
#define SRV   33
#define DNAME 39
#define DS    43
#define ANY   255

#define POSITIVE  XNS_ANSWER_POSITIVE
#define NODATA	  XNS_ANSWER_NODATA
#define NXDOMAIN  XNS_ANSWER_NXDOMAIN
#define TRUNCATED XNS_ANSWER_TRUNCATED

#define REFERRAL XNS_ANSWER_REFERRAL

#define SUB                                                          \
	"noerror\nns sub.example.com. 3600 ns ns.sub.example.com.\n" \
	"ar ns.sub.example.com. 3600 a 192.0.2.5\n"
#define NEGATIVE "ns example.com. 60 soa ns1.example.com. host.example.com. 7 3600 900 1209600 60\n"
#define WWW_A(owner)                                                                \
	"an " owner " 3600 a 192.0.2.11\nan " owner " 3600 a 192.0.2.12\nan " owner \
	" 3600 a 192.0.2.13\n"

static const struct zone_case cases[] = {
	{"www.example.com", A, POSITIVE, false, "noerror aa\n" WWW_A("www.example.com.")},
	{"ns1.example.com", AAAA, POSITIVE, false,
	 "noerror aa\nan ns1.example.com. 3600 aaaa 2001:db8::1\n"},
	{"example.com", SOA, POSITIVE, false,
	 "noerror aa\nan example.com. 300 soa ns1.example.com. host.example.com. 7 3600 900 1209600 60\n"},
	{"example.com", NS, POSITIVE, false, NULL},
	{"example.com", MX, POSITIVE, false, NULL},
	{"example.com", TXT, POSITIVE, false, "noerror aa\nan example.com. 3600 txt \"hello\"\n"},
	{"unknown.example.com", 65280, POSITIVE, false,
	 "noerror aa\nan unknown.example.com. 3600 type65280 \\# 4 deadbeef\n"},
	{"_sip._udp.example.com", SRV, POSITIVE, false, NULL},

	{"alias.example.com", A, POSITIVE, false,
	 "noerror aa\nan alias.example.com. 3600 cname www.example.com.\n" WWW_A(
		 "www.example.com.")},
	{"second.example.com", A, POSITIVE, false,
	 "noerror aa\nan second.example.com. 3600 cname alias.example.com.\n"
	 "an alias.example.com. 3600 cname www.example.com.\n" WWW_A("www.example.com.")},
	{"alias.example.com", CNAME, POSITIVE, false,
	 "noerror aa\nan alias.example.com. 3600 cname www.example.com.\n"},
	{"alias.example.com", TXT, POSITIVE, false,
	 "noerror aa\nan alias.example.com. 3600 cname www.example.com.\n" NEGATIVE},
	{"bad.example.com", A, POSITIVE, false,
	 "nxdomain aa\nan bad.example.com. 3600 cname nope.example.com.\n" NEGATIVE},
	{"tent.example.com", A, POSITIVE, false,
	 "noerror aa\nan tent.example.com. 3600 cname ent.example.com.\n" NEGATIVE},
	{"out.example.com", A, POSITIVE, false,
	 "noerror aa\nan out.example.com. 3600 cname www.example.org.\n"},

	{"www.example.com", TXT, NODATA, false, "noerror aa\n" NEGATIVE},
	{"www.example.com", DS, NODATA, false, "noerror aa\n" NEGATIVE},
	{"ent.example.com", A, NODATA, false, "noerror aa\n" NEGATIVE},
	{"deep.ent.example.com", A, NODATA, false, "noerror aa\n" NEGATIVE},
	{"a.deep.ent.example.com", A, POSITIVE, false, NULL},
	{"nope.example.com", A, NXDOMAIN, false, "nxdomain aa\n" NEGATIVE},
	{"b.deep.ent.example.com", A, NXDOMAIN, false, "nxdomain aa\n" NEGATIVE},
	{"x.y.www.example.com", A, NXDOMAIN, false, "nxdomain aa\n" NEGATIVE},
	{"1.2.3.4.5.6.7.8.9.0.nope.example.com", A, NXDOMAIN, false, "nxdomain aa\n" NEGATIVE},

	{"any.wild.example.com", TXT, POSITIVE, false,
	 "noerror aa\nan any.wild.example.com. 3600 txt \"any\"\n"},
	{"a.b.wild.example.com", TXT, POSITIVE, false,
	 "noerror aa\nan a.b.wild.example.com. 3600 txt \"any\"\n"},
	{"any.wild.example.com", A, NODATA, false, "noerror aa\n" NEGATIVE},
	{"x.wild.example.com", A, POSITIVE, false, NULL},
	{"y.x.wild.example.com", A, NXDOMAIN, false, "nxdomain aa\n" NEGATIVE},
	{"wild.example.com", A, NODATA, false, "noerror aa\n" NEGATIVE},
	{"*.wild.example.com", TXT, POSITIVE, false,
	 "noerror aa\nan *.wild.example.com. 3600 txt \"any\"\n"},
	{"tosub.example.com", A, POSITIVE, false, NULL},
	{"tochild.example.com", A, POSITIVE, false, NULL},
	{"sub.example.com", A, REFERRAL, false, SUB},
	{"sub.example.com", DS, NODATA, false, "noerror aa\n" NEGATIVE},
	{"ns.sub.example.com", A, REFERRAL, false, SUB},
	{"a.b.sub.example.com", DS, REFERRAL, false, SUB},
	{"a.d.example.com", A, POSITIVE, false,
	 "noerror aa\nan d.example.com. 3600 dname example.net.\n"
	 "an a.d.example.com. 3600 cname a.example.net.\n"},
	{"d.example.com", TXT, POSITIVE, false,
	 "noerror aa\nan d.example.com. 3600 txt \"at the dname\"\n"},
	{"d.example.com", DNAME, POSITIVE, false,
	 "noerror aa\nan d.example.com. 3600 dname example.net.\n"},

	{"long.example.com", TXT, POSITIVE, false, NULL},
	{"longer.example.com", TXT, TRUNCATED, true, NULL},
	{"huge.example.com", TXT, TRUNCATED, false, "noerror aa tc\n"},

	{"many.example.com", A, POSITIVE, false,
	 "noerror aa\nan many.example.com. 3600 a 192.0.2.6\n"},
	{"many.example.com", TXT, POSITIVE, false,
	 "noerror aa\nan many.example.com. 3600 txt \"t\"\n"},
	{"many.example.com", 700, POSITIVE, false,
	 "noerror aa\nan many.example.com. 3600 type700 \\# 1 00\n"},
	{"many.example.com", 257, POSITIVE, false, NULL},
	{"many.example.com", 65535, NODATA, false, "noerror aa\n" NEGATIVE},
	{"many.example.com", NS, NODATA, false, "noerror aa\n" NEGATIVE},

	{"www.child.example.com", A, POSITIVE, false,
	 "noerror aa\nan www.child.example.com. 3600 a 192.0.2.8\n"},
	{"no.child.example.com", A, NXDOMAIN, false,
	 "nxdomain aa\nns child.example.com. 30 soa ns1.child.example.com. host.child.example.com. 1 2 3 4 30\n"},
	{"child.example.com", DS, NODATA, false, "noerror aa\n" NEGATIVE}, /* the parent's */

	{"ns.expired.example", A, XNS_ANSWER_EXPIRED, false, "servfail\n"},
	{"none.expired.example", A, XNS_ANSWER_EXPIRED, false, "servfail\n"},
	{"ns.never.example", A, XNS_PASS_NOT_READY, false, NULL},
	{"never.example", SOA, XNS_PASS_NOT_READY, false, NULL},
	{"www.example.org", A, XNS_PASS_NO_ZONE, false, NULL},
	{"org", A, XNS_PASS_NO_ZONE, false, NULL},
	{".", NS, XNS_PASS_NO_ZONE, false, NULL},
	{"www.example.com", ANY, POSITIVE, false, "noerror aa\n" WWW_A("www.example.com.")},
};

#define N_CASES (sizeof(cases) / sizeof(cases[0]))

/* Calls fn for a case in every shape, with and without EDNS, in every spelling. */
static void each_form(const struct zone_case *c,
		      void (*fn)(const struct zone_case *c, const struct ask *ask,
				 const struct shape *shape))
{
	for (int n = 0; n < 6; n++) {
		for (int edns = 0; edns < 2; edns++) {
			for (int spelling = 0; spelling < CASE_COUNT; spelling++) {
				const struct shape shape = {.ipv6 = n % 2, .tags = n / 2};
				const struct ask ask = {.name = c->name,
							.type = c->type,
							.edns = edns,
							.dnssec_ok = spelling == CASE_MIXED,
							.flags = {spelling != CASE_UPPER},
							.spelling = spelling};

				fn(c, &ask, &shape);
			}
		}
	}
}

static void check_opt(const struct ask *ask, enum xns_counter counter,
		      const struct outcome *outcome)
{
	static const char expired[] = "\0\xf\0\x12\0\x18zone has expired"; /* EDE 24 */
	uint8_t opt[OPT_FIXED] = {0, 0, 41, 1232 >> 8, 1232 & 0xff, 0, 0, ask->dnssec_ok << 7};
	size_t len = counter == XNS_ANSWER_EXPIRED ? sizeof(expired) - 1 : 0;
	const uint8_t *at = outcome->frame + outcome->len - OPT_FIXED - len;

	if (!ask->edns)
		return;
	opt[10] = (uint8_t)len;
	assert_memory_equal(at, opt, OPT_FIXED);
	assert_memory_equal(at + OPT_FIXED, expired, len);
}

static void check_case(const struct zone_case *c, const struct ask *ask, const struct shape *shape)
{
	enum xns_counter counter = ask->edns && c->fits_with_edns ? POSITIVE : c->counter;
	uint8_t message[512], frame[FRAME_MAX];
	size_t len = frame_make(shape, message, ask_message(ask, message), frame);
	struct outcome outcome;
	char what[400];

	snprintf(what, sizeof(what), "%s type %u, IPv%d, %d tags, EDNS %d, spelling %d", ask->name,
		 ask->type, shape->ipv6 ? 6 : 4, shape->tags, ask->edns, ask->spelling);
	if (!rig_is_answer(counter)) {
		rig_expect_pass(&rig, frame, len, counter, what);
		return;
	}
	rig_expect_reply(&rig, shape, frame, len, counter, c->text, what, &outcome);
	check_opt(ask, counter, &outcome);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CASES; i++)
		each_form(&cases[i], check_case);
}

static void check_cuts(const struct zone_case *c, const struct ask *ask, const struct shape *shape)
{
	uint8_t message[512], frame[FRAME_MAX];
	size_t len = frame_make(shape, message, ask_message(ask, message), frame);
	struct outcome outcome;

	if (ask->spelling != CASE_MIXED)
		return;
	for (size_t cut = 14; cut < len; cut++) {
		rig_run_quick(&rig, frame, cut, &outcome);
		if (outcome.verdict != XDP_PASS || outcome.len != cut ||
		    memcmp(outcome.frame, frame, cut) != 0)
			fail_msg("%s cut at %zu: verdict %u", c->name, cut, outcome.verdict);
	}
}

static void test_cuts(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CASES; i++)
		each_form(&cases[i], check_cuts);
}

static void ask_once(const struct ask *ask, enum xns_counter counter, const char *text)
{
	const struct shape shape = {.ipv6 = true};
	uint8_t message[512], frame[FRAME_MAX];
	size_t len = frame_make(&shape, message, ask_message(ask, message), frame);
	struct outcome outcome;

	if (!rig_is_answer(counter))
		rig_expect_pass(&rig, frame, len, counter, ask->name);
	else
		rig_expect_reply(&rig, &shape, frame, len, counter, text, ask->name, &outcome);
}

/*
 * A signed zone, answered at the interface as from the sockets: every name of the cases and some
 * around them, every type that is there, without and with DO. Replies that may be trimmed, and what
 * is below a DNAME, are for the sockets.
 */
static unsigned ask_signed(const char *name, uint16_t type, bool dnssec_ok)
{
	const struct ask ask = {.name = name,
				.type = type,
				.edns = true,
				.edns_size = 4096,
				.dnssec_ok = dnssec_ok};
	const struct shape shape = {.ipv6 = dnssec_ok};
	uint8_t message[512], frame[FRAME_MAX];
	size_t len = frame_make(&shape, message, ask_message(&ask, message), frame);
	static char got[16384], want[16384];
	struct outcome outcome;
	const char *fault;

	rig_run_quick(&rig, frame, len, &outcome);
	if (outcome.verdict != XDP_TX)
		rig_run(&rig, frame, len, &outcome);
	if (outcome.counter == XNS_PASS_DNAME || outcome.counter == XNS_PASS_NODE)
		return 0;
	if (outcome.verdict != XDP_TX)
		fail_msg("%s type %u DO %d: counter %d", name, type, dnssec_ok, outcome.counter);
	fault = reply_fault(&shape, frame, len, outcome.frame, outcome.len);
	if (fault)
		fail_msg("%s type %u DO %d: %s", name, type, dnssec_ok, fault);
	reply_text(&shape, outcome.frame, outcome.len, got, sizeof(got));
	zones_answer(&zones, name, type, dnssec_ok, want, sizeof(want));
	zones_sort_reply(got);
	zones_sort_reply(want);
	if (strcmp(got, want) != 0)
		fail_msg("%s type %u DO %d: reply is\n%sand not\n%s", name, type, dnssec_ok, got,
			 want);
	return 1;
}

static void test_signed_zone(void **state)
{
	static const uint16_t types[] = {A,  NS, CNAME, SOA, MX,    TXT, AAAA, SRV, DNAME,
					 DS, 46, 47,	48,  65280, ANY, 700,  50,  51};
	static const char *const prefix[] = {"", "x.", "*.", "a.b.c.", "\\000."};
	unsigned answered = 0, asked = 0;
	char name[600];

	(void)state;
	rig.config->max_udp_size = 4096;
	for (enum sign how = SIGN_NSEC; how <= SIGN_OPT_OUT; how++) {
		const struct zones_text text = {"example.com", example_com, how, how};

		zones_load_batch(&zones, &text, 1, HOUR);
		for (size_t i = 0; i < N_CASES; i++) {
			if (!strstr(cases[i].name, "example.com") ||
			    strstr(cases[i].name, "child.example.com"))
				continue;
			for (size_t p = 0; p < sizeof(prefix) / sizeof(prefix[0]); p++) {
				snprintf(name, sizeof(name), "%s%s", prefix[p], cases[i].name);
				for (size_t t = 0; t < 2 * sizeof(types) / sizeof(types[0]);
				     t++, asked++)
					answered += ask_signed(name, types[t / 2], t % 2);
			}
		}
	}
	print_message("%u of %u questions answered at the interface\n", answered, asked);
	assert_true(answered > asked * 9 / 10);
	rig.config->max_udp_size = XNS_EDNS_SIZE_DEFAULT;
	zones_load(&zones, "example.com", example_com, HOUR);
}

/* One serial and the next: the negative SOA and a name, a type, a chain that changed. */
static void test_next_serial(void **state)
{
	static const char next[] = "@ 300 SOA ns host 2 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n"
				   "new A 192.0.2.2\nto CNAME new\n";
	struct ask ask = {.name = "new.never.example", .type = A};

	(void)state;
	zones_load(&zones, "never.example", plain_zone, HOUR);
	ask_once(
		&ask, NXDOMAIN,
		"nxdomain aa\nns never.example. 60 soa ns.never.example. host.never.example. 1 2 3 4 60\n");
	zones_load(&zones, "never.example", next, HOUR);
	ask_once(&ask, POSITIVE, "noerror aa\nan new.never.example. 3600 a 192.0.2.2\n");
	ask.name = "to.never.example";
	ask_once(&ask, POSITIVE,
		 "noerror aa\nan to.never.example. 3600 cname new.never.example.\n"
		 "an new.never.example. 3600 a 192.0.2.2\n");
	ask.name = "none.never.example";
	ask_once(
		&ask, NXDOMAIN,
		"nxdomain aa\nns never.example. 60 soa ns.never.example. host.never.example. 2 2 3 4 60\n");
	zones_load(&zones, "never.example", plain_zone, HOUR);
	ask.name = "new.never.example";
	ask_once(
		&ask, NXDOMAIN,
		"nxdomain aa\nns never.example. 60 soa ns.never.example. host.never.example. 1 2 3 4 60\n");
}

#define L63 TEN TEN TEN TEN TEN TEN "abc"
#define L61 TEN TEN TEN TEN TEN TEN "a"

/* The root as a zone, and names as long as there are: pointers of the SOA far behind the question's
 * beginning, and no wildcard beside a name that has no room for it. */
static void test_root(void **state)
{
	static const char *const root[] = {".", NULL};
	static const char text[] = "@ 300 SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n" L61
				   "." L63 "." L63 "." L63 " A 192.0.2.2\n";
	static const char soa[] = "ns . 60 soa ns. host. 1 2 3 4 60\n";
	struct zones held;
	struct rig outer = rig;
	char want[1024];

	(void)state;
	rig_open(&rig);
	zones_open(&held, &rig, root);
	zones_load(&held, ".", text, HOUR);
	ask_once(&(struct ask){.name = ".", .type = SOA}, POSITIVE,
		 "noerror aa\nan . 300 soa ns. host. 1 2 3 4 60\n");
	ask_once(&(struct ask){.name = ".", .type = A}, NODATA,
		 "noerror aa\nns . 60 soa ns. host. 1 2 3 4 60\n");
	ask_once(&(struct ask){.name = ".", .type = DS}, NODATA, NULL);
	ask_once(&(struct ask){.name = "ns", .type = A}, POSITIVE,
		 "noerror aa\nan ns. 3600 a 192.0.2.1\n");
	ask_once(&(struct ask){.name = L61 "." L63 "." L63 "." L63, .type = A}, POSITIVE,
		 "noerror aa\nan " L61 "." L63 "." L63 "." L63 ". 3600 a 192.0.2.2\n");
	snprintf(want, sizeof(want), "noerror aa\n%s", soa);
	ask_once(&(struct ask){.name = L63 "." L63 "." L63, .type = A}, NODATA, want);
	ask_once(&(struct ask){.name = L61 "." L63 "." L63 "." L63, .type = TXT}, NODATA, want);
	snprintf(want, sizeof(want), "nxdomain aa\n%s", soa);
	ask_once(&(struct ask){.name = "b" TEN "." L63 "." L63 "." L63, .type = A}, NXDOMAIN, want);
	ask_once(&(struct ask){.name = "x" TEN, .type = A}, NXDOMAIN, want);
	zones_close(&held);
	rig_close(&rig);
	rig = outer;
}

int test_zones(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),	    cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_signed_zone), cmocka_unit_test(test_next_serial),
		cmocka_unit_test(test_root),
	};

	return cmocka_run_group_tests_name("packet: zones", tests, open_rig, close_rig);
}
