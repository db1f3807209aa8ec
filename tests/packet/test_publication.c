/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The protocol of publication, step by step, as a reader sees it; states of a zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "image/order.h"
#include "packet/fill.h"
#include "packet/groups.h"

static struct rig *const rig = &fill_rig;

static void expect_ask(const struct ask *ask, enum xns_counter counter, const char *text)
{
	uint8_t message[512], frame[FRAME_MAX];
	const struct shape shape = {0};
	struct outcome outcome;
	size_t len = frame_make(&shape, message, ask_message(ask, message), frame);

	if (rig_is_answer(counter))
		rig_expect_reply(rig, &shape, frame, len, counter, text, ask->name, &outcome);
	else
		rig_expect_pass(rig, frame, len, counter, ask->name);
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
	expect("x.new.example.com", 1, XNS_ANSWER_POSITIVE,
	       "noerror aa\nan x.new.example.com. 3600 a 192.0.2.2\n");
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
	struct xns_node wild = fill_node("*.new.example.com");
	struct xns_zone zone = fill_zone_default(rig);

	(void)state;
	fill_type(rig, &old, 1, FILL_A, FILL_A_LEN, true);
	fill_put(rig, "nodes", "old.example.com", 0, &old);
	expect_old();

	rig->config->staging = 1;
	expect_old();

	fill_type(rig, &www, 1, a2, FILL_A_LEN, false);
	fill_type(rig, &new, 1, a2, FILL_A_LEN, false);
	new.flags = XNS_NODE_WILDCARD;
	fill_type(rig, &wild, 1, a2, FILL_A_LEN, false);
	gone = (struct xns_node){.zone = FILL_ZONE, .flags = XNS_NODE_GONE, .labels = 3, .slot = 1};
	www.slot = new.slot = wild.slot = 1;
	fill_put(rig, "staged", "www.example.com", 0, &www);
	fill_put(rig, "staged", "new.example.com", 0, &new);
	fill_put(rig, "staged", "*.new.example.com", 0, &wild);
	fill_put(rig, "staged", "old.example.com", 0, &gone);
	expect_old();

	zone.current = 1;
	fill_zone(rig, &zone);
	expect_new();

	/* The changes are copied to the base, one after the other: nothing to be seen of it. */
	fill_put(rig, "nodes", "www.example.com", 0, &www);
	expect_new();
	fill_put(rig, "nodes", "new.example.com", 0, &new);
	fill_put(rig, "nodes", "*.new.example.com", 0, &wild);
	fill_delete(rig, "nodes", "old.example.com");
	expect_new();
	fill_delete(rig, "staged", "www.example.com");
	expect_new();
	fill_delete(rig, "staged", "new.example.com");
	fill_delete(rig, "staged", "*.new.example.com");
	fill_delete(rig, "staged", "old.example.com");
	expect_new();
	rig->config->staging = 0;
	expect_new();

	zone.current = 0;
	fill_zone(rig, &zone);
	www.n_types = 0;
	fill_type(rig, &www, 1, FILL_A, FILL_A_LEN, false);
	fill_put(rig, "nodes", "www.example.com", 0, &www);
}

/* Staged nodes count for nothing without config.staging, or for a zone that is not there. */
static void test_staged_ignored(void **state)
{
	struct xns_node node = fill_node("www.example.com");
	struct xns_node foreign = fill_node("new2.example.com");

	(void)state;
	node.flags = XNS_NODE_CUT;
	fill_put(rig, "staged", "www.example.com", 0, &node);
	expect("www.example.com", 1, XNS_ANSWER_POSITIVE, OLD_WWW);
	rig->config->staging = 1;
	expect("www.example.com", 1, XNS_PASS_REFERRAL, NULL);
	foreign.zone = 99;
	fill_put(rig, "staged", "new2.example.com", 0, &foreign);
	expect("new2.example.com", 1, XNS_ANSWER_NXDOMAIN, OLD_NX);
	fill_delete(rig, "staged", "new2.example.com");
	fill_delete(rig, "staged", "www.example.com");
	rig->config->staging = 0;
}

/* Pages change together: a second page that is staged for the other slot does not mix in. */
static void test_staged_pages(void **state)
{
	static const char a2[] = "\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x02";
	struct xns_node first = fill_node("two.example.com"), second = first, staged = first;
	struct xns_zone zone = fill_zone_default(rig);

	(void)state;
	first.flags = XNS_NODE_MORE;
	first.later = 1u << 28; /* AAAA */
	fill_type(rig, &first, 1, FILL_A, FILL_A_LEN, false);
	fill_type(rig, &second, 28, FILL_A, FILL_A_LEN, false);
	fill_type(rig, &staged, 28, a2, FILL_A_LEN, false);
	staged.slot = 1;
	fill_put(rig, "nodes", "two.example.com", 0, &first);
	fill_put(rig, "nodes", "two.example.com", 1, &second);
	fill_put(rig, "staged", "two.example.com", 1, &staged);
	rig->config->staging = 1;
	expect("two.example.com", 28, XNS_ANSWER_POSITIVE,
	       "noerror aa\nan two.example.com. 3600 a 192.0.2.1\n");
	zone.current = 1;
	fill_zone(rig, &zone);
	expect("two.example.com", 28, XNS_ANSWER_POSITIVE,
	       "noerror aa\nan two.example.com. 3600 a 192.0.2.2\n");
	zone.current = 0;
	fill_zone(rig, &zone);
	rig->config->staging = 0;
}

static void test_states(void **state)
{
	static const uint8_t states[] = {XNS_ZONE_LOADING, XNS_ZONE_EXPIRED, 77};
	static const enum xns_counter counters[] = {XNS_PASS_NOT_READY, XNS_ANSWER_EXPIRED,
						    XNS_PASS_NOT_READY};
	struct xns_zone zone = fill_zone_default(rig);
	struct timespec now;

	(void)state;
	for (int i = 0; i < 3; i++) {
		zone.state = states[i];
		fill_zone(rig, &zone);
		expect("www.example.com", 1, counters[i],
		       counters[i] == XNS_ANSWER_EXPIRED ? "servfail\n" : NULL);
		expect("none.example.com", 1, counters[i],
		       counters[i] == XNS_ANSWER_EXPIRED ? "servfail\n" : NULL);
	}
	zone.state = XNS_ZONE_ACTIVE;
	clock_gettime(CLOCK_BOOTTIME, &now);
	zone.deadline_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	fill_zone(rig, &zone);
	expect("www.example.com", 1, XNS_ANSWER_EXPIRED, "servfail\n");
	expect("none.example.com", 1, XNS_ANSWER_EXPIRED, "servfail\n");
	zone.deadline_ns += 3600 * 1000000000ull;
	fill_zone(rig, &zone);
	expect("www.example.com", 1, XNS_ANSWER_POSITIVE, OLD_WWW);
	zone.deadline_ns = 0;
	fill_zone(rig, &zone);
	/* What is not in the maps of an incomplete zone may be another zone's. */
	zone.flags &= ~XNS_ZONE_F_COMPLETE;
	fill_zone(rig, &zone);
	expect("none.example.com", 1, XNS_PASS_EXPIRED, NULL);
	expect("www.example.com", 1, XNS_ANSWER_EXPIRED, "servfail\n");
}

/* Not complete: what is found is answered, what is not found is for the stack. */
static void test_incomplete(void **state)
{
	struct xns_zone zone = fill_zone_default(rig);

	(void)state;
	zone.flags = 0;
	fill_zone(rig, &zone);
	expect("www.example.com", 1, XNS_ANSWER_POSITIVE, OLD_WWW);
	expect("www.example.com", 2, XNS_ANSWER_NODATA, NULL);
	expect("none.example.com", 1, XNS_PASS_NOT_READY, NULL);
}

/* ---- proofs ---- */

/* An order with nothing but an NSEC at the apex, that says which serial it is of. */
static struct xns_image_key put_order(uint32_t serial)
{
	static const char before[] = "\xc0\x0c\x00\x2f\x00\x01\x00\x00\x00\x3c\x00\x12";
	static const char after[] = "\x07\x65xample\x03\x63om\x00\x00\x01\x40";
	struct order_entry entry = {.key.n = 0};
	uint8_t bytes[64];
	struct fill_image image = {.head = {.nscount = 1}, .bytes = bytes, .n_pointers = 1};

	memcpy(bytes, before, 12);
	bytes[12] = 1;
	bytes[13] = '0' + serial;
	memcpy(bytes + 14, after, 16);
	image.len = 30;
	fill_proof(&entry, &image);
	return fill_order(rig, &entry, 1);
}

static void sign_version(struct xns_version *version)
{
	version->denial = XNS_DENIAL_NSEC;
	version->soa_sig = version->soa;
	version->order = put_order(version->serial);
}

static void expect_denial(const char *name, bool dnssec_ok, bool is_nxdomain, const char *text)
{
	struct ask ask = {.name = name, .type = 2, .edns = true, .dnssec_ok = dnssec_ok};

	expect_ask(&ask,
		   !text	 ? XNS_PASS_DNSSEC
		   : is_nxdomain ? XNS_ANSWER_NXDOMAIN
				 : XNS_ANSWER_NODATA,
		   text);
}

#define OLD_NSEC   "ns example.com. 60 nsec 1.example.com. a\n"
#define NEW_NSEC   "ns example.com. 60 nsec 2.example.com. a\n"
#define OLD_NODATA "noerror aa\nns example.com. 60 soa ns.example.com. h.example.com. 1 1 2 3 60\n"

/* Proofs go with the version, and so does whether there are any. */
static void test_denial_flip(void **state)
{
	struct xns_zone zone = fill_zone_default(rig);

	(void)state;
	sign_version(&zone.version[0]);
	fill_zone(rig, &zone);
	expect_denial("none.example.com", true, true, OLD_NX OLD_NSEC);
	expect_denial("www.example.com", true, false, OLD_NODATA OLD_NSEC);
	expect_denial("none.example.com", false, true, OLD_NX);
	sign_version(&zone.version[1]);
	fill_zone(rig, &zone);
	expect_denial("none.example.com", true, true, OLD_NX OLD_NSEC);
	zone.current = 1;
	fill_zone(rig, &zone);
	expect_denial("none.example.com", true, true, NEW_NX NEW_NSEC);
	expect_denial("www.example.com", true, false, NEW_NODATA NEW_NSEC);
	expect_denial("www.example.com", false, false, NEW_NODATA);

	memset(&zone.version[0], 0, sizeof(zone.version[0]));
	fill_zone(rig, &zone);
	expect_denial("none.example.com", true, true, NEW_NX NEW_NSEC);
	zone.version[1].denial = XNS_DENIAL_STACK;
	fill_zone(rig, &zone);
	expect_denial("none.example.com", true, true, NULL);
	expect_denial("none.example.com", false, true, NEW_NX);
	zone.version[1].denial = XNS_DENIAL_NONE;
	fill_zone(rig, &zone);
	expect_denial("none.example.com", true, true, NEW_NX);
	expect_denial("www.example.com", true, false, NEW_NODATA);
}

static void delete_page(const struct xns_image_key *key)
{
	assert_int_equal(bpf_map_delete_elem(rig_map_of(rig, "order", key), key), 0);
}

/* A page that is not there, or a root: the stack proves. */
static void test_denial_missing(void **state)
{
	struct xns_zone zone = fill_zone_default(rig);

	(void)state;
	sign_version(&zone.version[0]);
	delete_page(&zone.version[0].order);
	fill_zone(rig, &zone);
	expect_denial("none.example.com", true, true, NULL);
	expect_denial("none.example.com", false, true, OLD_NX);
	/* It goes when what was found in it is remembered. */
	sign_version(&zone.version[0]);
	fill_zone(rig, &zone);
	for (int i = 0; i < 3; i++)
		expect_denial("www.example.com", true, false, OLD_NODATA OLD_NSEC);
	for (int i = 0; i < 3; i++)
		expect_denial("none.example.com", true, true, OLD_NX OLD_NSEC);
	delete_page(&zone.version[0].order);
	expect_denial("www.example.com", true, false, NULL);
	expect_denial("none.example.com", true, true, NULL);
	expect_denial("none.example.com", false, true, OLD_NX);
	memset(&zone.version[0].order, 0, sizeof(zone.version[0].order));
	fill_zone(rig, &zone);
	expect_denial("none.example.com", true, true, NULL);
	zone.version[0].order = put_order(1);
	zone.version[0].soa_sig.head.len = 0;
	fill_zone(rig, &zone);
	expect_ask(
		&(struct ask){
			.name = "none.example.com", .type = 2, .edns = true, .dnssec_ok = true},
		XNS_PASS_NODE, NULL);
	expect_denial("none.example.com", false, true, OLD_NX);
}

int test_publication(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flip),	       cmocka_unit_test(test_staged_ignored),
		cmocka_unit_test(test_staged_pages),   cmocka_unit_test(test_states),
		cmocka_unit_test(test_incomplete),     cmocka_unit_test(test_denial_flip),
		cmocka_unit_test(test_denial_missing),
	};

	return cmocka_run_group_tests_name("packet: publication", tests, fill_setup_www,
					   fill_teardown);
}
