/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The protocol of publication, step by step, as a reader sees it; states of a zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "packet/fill.h"
#include "packet/groups.h"

static struct rig rig;

static int open_rig(void **state)
{
	struct xns_node www = fill_node("www.example.com");

	(void)state;
	fill_open(&rig);
	fill_type(&rig, &www, 1, FILL_A, FILL_A_LEN, false);
	fill_put(&rig, "nodes", "www.example.com", 0, &www);
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

static void expect_ask(const struct ask *ask, enum xns_counter counter, const char *text)
{
	uint8_t message[512], frame[FRAME_MAX];
	const struct shape shape = {0};
	struct outcome outcome;
	size_t len = frame_make(&shape, message, ask_message(ask, message), frame);

	if (rig_is_answer(counter))
		rig_expect_reply(&rig, &shape, frame, len, counter, text, ask->name, &outcome);
	else
		rig_expect_pass(&rig, frame, len, counter, ask->name);
}

static void expect(const char *name, uint16_t type, enum xns_counter counter, const char *text)
{
	expect_ask(&(struct ask){.name = name, .type = type}, counter, text);
}

#define OLD_WWW	   "noerror aa\nan www.example.com. 3600 a 192.0.2.1\n"
#define NEW_WWW	   "noerror aa\nan www.example.com. 3600 a 192.0.2.2\n"
#define NEW_NEW	   "noerror aa\nan new.example.com. 3600 a 192.0.2.2\n"
#define OLD_NX	   "nxdomain aa\nns example.com. 60 soa ns.example.com. h.example.com. 1 1 2 3 60\n"
#define NEW_NX	   "nxdomain aa\nns example.com. 60 soa ns1.example.com. h.example.com. 2 1 2 3 60\n"
#define NEW_NODATA "noerror aa\nns example.com. 60 soa ns1.example.com. h.example.com. 2 1 2 3 60\n"

static void expect_old(void)
{
	expect("www.example.com", 1, XNS_ANSWER_POSITIVE, OLD_WWW);
	expect("old.example.com", 1, XNS_ANSWER_POSITIVE, NULL);
	expect("new.example.com", 1, XNS_ANSWER_NXDOMAIN, OLD_NX);
	expect("x.new.example.com", 1, XNS_ANSWER_NXDOMAIN, OLD_NX);
	expect("x.old.example.com", 1, XNS_ANSWER_NXDOMAIN, OLD_NX);
	expect("none.example.com", 1, XNS_ANSWER_NXDOMAIN, OLD_NX);
}

static void expect_new(void)
{
	expect("www.example.com", 1, XNS_ANSWER_POSITIVE, NEW_WWW);
	expect("www.example.com", 2, XNS_ANSWER_NODATA, NEW_NODATA);
	expect("new.example.com", 1, XNS_ANSWER_POSITIVE, NEW_NEW);
	expect("x.new.example.com", 1, XNS_PASS_WILDCARD, NULL);
	expect("old.example.com", 1, XNS_ANSWER_NXDOMAIN, NEW_NX);
	expect("x.old.example.com", 1, XNS_ANSWER_NXDOMAIN, NEW_NX);
	expect("none.example.com", 1, XNS_ANSWER_NXDOMAIN, NEW_NX);
}

/* Serial 1 in slot 0 → serial 2 in slot 1: changed, added and removed names change at the flip, and
 * only there. */
static void test_flip(void **state)
{
	static const char a2[] = "\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x02";
	struct xns_node www = fill_node("www.example.com"), new = fill_node("new.example.com");
	struct xns_node old = fill_node("old.example.com"), gone;
	struct xns_zone zone = fill_zone_default(&rig);

	(void)state;
	fill_type(&rig, &old, 1, FILL_A, FILL_A_LEN, true);
	fill_put(&rig, "nodes", "old.example.com", 0, &old);
	expect_old();

	rig.config->staging = 1;
	expect_old();

	fill_type(&rig, &www, 1, a2, FILL_A_LEN, false);
	fill_type(&rig, &new, 1, a2, FILL_A_LEN, false);
	new.flags = XNS_NODE_WILDCARD;
	gone = (struct xns_node){.zone = FILL_ZONE, .flags = XNS_NODE_GONE, .labels = 3, .slot = 1};
	www.slot = new.slot = 1;
	fill_put(&rig, "staged", "www.example.com", 0, &www);
	fill_put(&rig, "staged", "new.example.com", 0, &new);
	fill_put(&rig, "staged", "old.example.com", 0, &gone);
	expect_old();

	zone.current = 1;
	fill_zone(&rig, &zone);
	expect_new();

	/* The changes are copied to the base, one after the other: nothing to be seen of it. */
	fill_put(&rig, "nodes", "www.example.com", 0, &www);
	expect_new();
	fill_put(&rig, "nodes", "new.example.com", 0, &new);
	fill_delete(&rig, "nodes", "old.example.com");
	expect_new();
	fill_delete(&rig, "staged", "www.example.com");
	expect_new();
	fill_delete(&rig, "staged", "new.example.com");
	fill_delete(&rig, "staged", "old.example.com");
	expect_new();
	rig.config->staging = 0;
	expect_new();

	zone.current = 0;
	fill_zone(&rig, &zone);
	www.n_types = 0;
	fill_type(&rig, &www, 1, FILL_A, FILL_A_LEN, false);
	fill_put(&rig, "nodes", "www.example.com", 0, &www);
}

/* Staged nodes count for nothing without config.staging, or for a zone that is not there. */
static void test_staged_ignored(void **state)
{
	struct xns_node node = fill_node("www.example.com");
	struct xns_node foreign = fill_node("new2.example.com");

	(void)state;
	node.flags = XNS_NODE_CUT;
	fill_put(&rig, "staged", "www.example.com", 0, &node);
	expect("www.example.com", 1, XNS_ANSWER_POSITIVE, OLD_WWW);
	rig.config->staging = 1;
	expect("www.example.com", 1, XNS_PASS_REFERRAL, NULL);
	foreign.zone = 99;
	fill_put(&rig, "staged", "new2.example.com", 0, &foreign);
	expect("new2.example.com", 1, XNS_ANSWER_NXDOMAIN, OLD_NX);
	fill_delete(&rig, "staged", "new2.example.com");
	fill_delete(&rig, "staged", "www.example.com");
	rig.config->staging = 0;
}

/* Pages change together: a second page that is staged for the other slot does not mix in. */
static void test_staged_pages(void **state)
{
	static const char a2[] = "\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x02";
	struct xns_node first = fill_node("two.example.com"), second = first, staged = first;
	struct xns_zone zone = fill_zone_default(&rig);

	(void)state;
	first.flags = XNS_NODE_MORE;
	fill_type(&rig, &first, 1, FILL_A, FILL_A_LEN, false);
	fill_type(&rig, &second, 28, FILL_A, FILL_A_LEN, false);
	fill_type(&rig, &staged, 28, a2, FILL_A_LEN, false);
	staged.slot = 1;
	fill_put(&rig, "nodes", "two.example.com", 0, &first);
	fill_put(&rig, "nodes", "two.example.com", 1, &second);
	fill_put(&rig, "staged", "two.example.com", 1, &staged);
	rig.config->staging = 1;
	expect("two.example.com", 28, XNS_ANSWER_POSITIVE,
	       "noerror aa\nan two.example.com. 3600 a 192.0.2.1\n");
	zone.current = 1;
	fill_zone(&rig, &zone);
	expect("two.example.com", 28, XNS_ANSWER_POSITIVE,
	       "noerror aa\nan two.example.com. 3600 a 192.0.2.2\n");
	zone.current = 0;
	fill_zone(&rig, &zone);
	rig.config->staging = 0;
}

static void test_states(void **state)
{
	static const uint8_t states[] = {XNS_ZONE_LOADING, XNS_ZONE_EXPIRED, 77};
	static const enum xns_counter counters[] = {XNS_PASS_NOT_READY, XNS_PASS_EXPIRED,
						    XNS_PASS_NOT_READY};
	struct xns_zone zone = fill_zone_default(&rig);
	struct timespec now;

	(void)state;
	for (int i = 0; i < 3; i++) {
		zone.state = states[i];
		fill_zone(&rig, &zone);
		expect("www.example.com", 1, counters[i], NULL);
		expect("none.example.com", 1, counters[i], NULL);
	}
	zone.state = XNS_ZONE_ACTIVE;
	clock_gettime(CLOCK_BOOTTIME, &now);
	zone.deadline_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	fill_zone(&rig, &zone);
	expect("www.example.com", 1, XNS_PASS_EXPIRED, NULL);
	expect("none.example.com", 1, XNS_PASS_EXPIRED, NULL);
	zone.deadline_ns += 3600 * 1000000000ull;
	fill_zone(&rig, &zone);
	expect("www.example.com", 1, XNS_ANSWER_POSITIVE, OLD_WWW);
	zone.deadline_ns = 0;
	fill_zone(&rig, &zone);
	expect("www.example.com", 1, XNS_PASS_EXPIRED, NULL);
}

/* Not complete: what is found is answered, what is not found is for the stack. */
static void test_incomplete(void **state)
{
	struct xns_zone zone = fill_zone_default(&rig);

	(void)state;
	zone.flags = 0;
	fill_zone(&rig, &zone);
	expect("www.example.com", 1, XNS_ANSWER_POSITIVE, OLD_WWW);
	expect("www.example.com", 2, XNS_ANSWER_NODATA, NULL);
	expect("none.example.com", 1, XNS_PASS_NOT_READY, NULL);
}

static void test_signed(void **state)
{
	struct xns_zone zone = fill_zone_default(&rig);
	struct ask ask = {.name = "www.example.com", .type = 1, .edns = true};

	(void)state;
	zone.flags |= XNS_ZONE_F_SIGNED;
	fill_zone(&rig, &zone);
	expect_ask(&ask, XNS_ANSWER_POSITIVE, OLD_WWW);
	ask.dnssec_ok = true;
	expect_ask(&ask, XNS_PASS_DNSSEC, NULL);
	ask.type = 2;
	expect_ask(&ask, XNS_PASS_DNSSEC, NULL);
	ask.name = "none.example.com";
	expect_ask(&ask, XNS_PASS_DNSSEC, NULL);
	zone.flags &= ~XNS_ZONE_F_SIGNED;
	fill_zone(&rig, &zone);
	expect_ask(&ask, XNS_ANSWER_NXDOMAIN, OLD_NX);
}

int test_publication(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flip),	     cmocka_unit_test(test_staged_ignored),
		cmocka_unit_test(test_staged_pages), cmocka_unit_test(test_states),
		cmocka_unit_test(test_incomplete),   cmocka_unit_test(test_signed),
	};

	return cmocka_run_group_tests_name("packet: publication", tests, open_rig, close_rig);
}
