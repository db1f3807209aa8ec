/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Maps that are full, whichever of them, with zones above and below each other: what is answered at
 * the interface is what the sockets answer, and there is less of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "packet/dump.h"
#include "packet/groups.h"
#include "packet/world.h"
#include "publish/table.h"

#define HOUR  3600
#define APEX  "example.com"
#define KID   "kid." APEX
#define HASH  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NAMES 60
#define TEXT  "\"0123456789012345678901234567890123456789012345678901234567890123456789012345\" "
#define LONG  TEXT TEXT TEXT

static const char *const both[] = {APEX, KID, NULL};
static const char *const parent[] = {APEX, NULL};

/* What every zone of these tests has; %s: more, %u: its serial. */
static const char common[] = "@ 300 SOA ns host %u 2 3 4 60\n@ NS ns\n@ MX 1 ns\nns A 192.0.2.1\n"
			     "*.w A 192.0.2.2\nx.b.a A 192.0.2.3\nto CNAME x.b.a\n"
			     "to-ent CNAME b.a\nto-none CNAME no.b.a\nto-wild CNAME q.w\n%s";

static void make_text(char *text, unsigned serial, const char *more)
{
	text += sprintf(text, common, serial, more);
	for (unsigned i = 0; i < NAMES; i++)
		text += sprintf(text, "n%u A 192.0.2.%u\nto%u CNAME m.n%u\n", i, serial, i, i);
}

static unsigned ask_all(const struct world *w)
{
	static const char *const labels[] = {"",    "ns.",     "x.b.a.",   "b.a.",     "no.b.a.",
					     "to.", "to-ent.", "to-none.", "to-wild.", "q.w.",
					     "no.", "kid.",    "no.no.",   "cut.",     "n.cut."};
	static const uint16_t types[] = {1, 16, 43, 6};
	unsigned answered = 0;
	char name[64];

	for (unsigned i = 0; i < 2 * sizeof(labels) / sizeof(labels[0]); i++)
		for (unsigned k = 0; k < 8; k++) {
			sprintf(name, "%s%s", labels[i / 2], i % 2 ? KID : APEX);
			answered += world_ask(w, name, types[k / 2], k % 2);
		}
	for (unsigned i = 0; i < 4 * NAMES; i++) {
		sprintf(name, "%s%u.%s", i % 4 & 1 ? "to" : "n", i / 4, i & 2 ? KID : APEX);
		answered += world_ask(w, name, 1, true);
	}
	return answered;
}

static void publish(struct world *w, enum sign how, unsigned serial)
{
	static char text[2][1 << 16];
	struct zones_text load[] = {{APEX, text[0], how, 0}, {KID, text[1], how, 0}};

	make_text(text[0], serial,
		  "kid NS ns.kid\nkid DS 1 13 2 " HASH "\ncut NS ns.cut\nns.cut A 192.0.2.4\n");
	make_text(text[1], serial, "cut NS ns.cut\nns.cut A 192.0.2.4\ncut DS 1 13 2 " HASH "\n");
	zones_try_batch(&w->zones, load, 2, HOUR);
}

/* Each map without room, from the beginning, and from one serial to the next; then with room. */
static void test_each_map(void **state)
{
	static const char *const maps[] = {"nodes", "images_tiny", "images_small", "images_large",
					   "order"};
	static const uint32_t room[] = {0, 3, 20, 100};
	static const enum sign how[] = {SIGN_NSEC, SIGN_NSEC3};
	unsigned all = 0;

	(void)state;
	for (unsigned i = 0; i < 2 * 4 * sizeof(maps) / sizeof(maps[0]); i++) {
		const char *map = maps[i / 8];
		struct world w;

		world_open(&w, both);
		world_fill_map(&w, map, room[i / 2 % 4]);
		publish(&w, how[i % 2], 1);
		ask_all(&w);
		world_unfill_map(&w, map);
		publish(&w, how[i % 2], 2);
		all = ask_all(&w);
		world_fill_map(&w, map, room[i / 2 % 4]);
		publish(&w, how[i % 2], 3);
		assert_true(ask_all(&w) <= all);
		world_unfill_map(&w, map);
		world_close(&w);
	}
}

/* What the store has; of a zone that is not in the maps an error. */
static void publish_stored(struct world *w)
{
	struct publish_item item[2] = {0};
	struct store_zone stored[2];
	struct store_txn *txn;
	size_t n = 0;

	assert_int_equal(store_read_begin(w->zones.store, &txn), 0);
	for (size_t i = 0; i < w->zones.table.n; i++) {
		item[n].zone = w->zones.table.zone[i];
		item[n].stored = &stored[n];
		item[n].expires_at_ms = clock_boot_ms() + HOUR * 1000;
		assert_int_equal(store_zone_get(txn, item[n].zone->apex, &stored[n]), 0);
		n += stored[n].has_content;
	}
	publish_zones(w->zones.publish, txn, &w->zones.table, item, n);
	store_read_end(txn);
}

/* A zone that is new finds no place: the others are answered, the one above it denies nothing. */
static void test_no_place_for_a_zone(void **state)
{
	static char text[1 << 16], kid[1 << 16];
	struct zones_text load = {APEX, text, SIGN_NSEC, 0};
	struct world w;

	(void)state;
	world_open(&w, both); /* for the ids */
	make_text(kid, 1, "");
	zones_store(&w.zones, &(struct zones_text){KID, kid, SIGN_NSEC3, 0});
	for (uint32_t room = 0; room < 5; room++) {
		make_text(text, 10 + 2 * room, ""); /* without kid: its node would be a place */
		zones_store(&w.zones, &load);
		zones_restart(&w.zones, &w.rig, parent);
		publish_stored(&w);
		assert_true(world_ask(&w, "n1." APEX, 1, false));
		assert_true(world_ask(&w, "no." APEX, 1, true));
		assert_true(world_ask(&w, "no." KID, 1, true));
		world_fill_map(&w, "nodes", room);
		zones_restart(&w.zones, &w.rig, both);
		publish_stored(&w);
		ask_all(&w);
		assert_true(world_ask(&w, "n1." APEX, 1, false));
		make_text(text, 11 + 2 * room, "");
		zones_store(&w.zones, &load);
		publish_stored(&w);
		ask_all(&w);
		assert_true(world_ask(&w, "n1." APEX, 1, false));
		world_unfill_map(&w, "nodes");
	}
	zones_restart(&w.zones, &w.rig, both);
	make_text(kid, 2, "");
	zones_store(&w.zones, &(struct zones_text){KID, kid, SIGN_NSEC3, 0});
	publish_stored(&w);
	assert_true(world_ask(&w, "no." KID, 1, true));
	world_close(&w);
}

/* The zone above has not been transferred: nobody knows what DS there is. */
static void test_nothing_above(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, both);
	zones_load(&w.zones, KID, "@ 300 SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n", HOUR);
	assert_true(world_ask(&w, "ns." KID, 1, false));
	assert_false(world_ask(&w, KID, 43, false));
	zones_take_over(&w.zones, &w.rig);
	assert_false(world_ask(&w, KID, 43, true));
	world_close(&w);
}

/* Names n0 to n(n - 1) are there: answered by the serial in force, or passed up; the next one is
 * not: denied only if every name is in the maps. Returns how many are answered. */
static unsigned ask_many(const struct rig *rig, unsigned serial, unsigned n, bool complete)
{
	unsigned answered = 0;

	for (unsigned i = 0; i <= n; i++) {
		char name[64], want[256];
		struct ask ask = {.name = name, .type = 1};
		uint8_t message[512], frame[FRAME_MAX];
		const struct shape shape = {0};
		struct outcome outcome;
		char got[16384];
		size_t len;

		sprintf(name, "n%u." APEX, i);
		len = frame_make(&shape, message, ask_message(&ask, message), frame);
		rig_run_quick(rig, frame, len, &outcome);
		if (outcome.verdict == XDP_PASS) {
			assert_false(complete);
			continue;
		}
		reply_text(&shape, outcome.frame, outcome.len, got, sizeof(got));
		if (i < n)
			sprintf(want, "noerror aa\nan %s. 3600 a 192.0.2.%u\n", name,
				i % 2 ? 0 : serial);
		else
			sprintf(want,
				"nxdomain aa\nns " APEX ". 60 soa ns." APEX ". host." APEX
				". %u 2 3 4 60\n",
				serial);
		assert_string_equal(got, want);
		assert_true(i < n || complete);
		answered++;
	}
	return answered;
}

/* The maps of the tests have room for 8192 names, which chance does not spread evenly. */
static void test_too_many_names(void **state)
{
	static const struct {
		unsigned n;
		bool complete;
	} steps[] = {{6000, true}, {9000, false}, {9010, false}, {5000, true}, {100, true}};
	static char text[1 << 20];
	struct zones_text load = {.name = APEX, .text = text};
	struct world w;

	(void)state;
	world_open(&w, parent);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		world_many_names(text, i + 1, steps[i].n);
		assert_int_equal(zones_try_batch(&w.zones, &load, 1, HOUR), steps[i].complete);
		assert_true(ask_many(&w.rig, i + 1, steps[i].n, steps[i].complete) >=
			    steps[i].n * 9 / 10);
	}
	world_close(&w);
}

static struct publish_status status_of(const struct world *w)
{
	struct publish_status status;

	assert_int_equal(publish_get_status(w->zones.publish, &status), 0);
	return status;
}

static void set_growth(struct world *w, uint64_t max_bytes)
{
	const struct publish_growth growth = {rig_make_segment, &w->rig, max_bytes};

	publish_set_growth(w->zones.publish, &growth);
}

/* As the agent does, when there is a new bound. */
static void publish_again(struct world *w)
{
	assert_int_equal(publish_retry_incomplete(w->zones.publish), 1);
	publish_stored(w);
}

/* Segments become larger ones, up to a bound; served zones' by way of larger `staged` ones. */
static void test_growth(void **state)
{
	static const unsigned steps[] = {6000, 9000, 20000, 100, 12000};
	static char text[1 << 21];
	struct zones_text load = {.name = APEX, .text = text};
	struct publish_status status;
	struct world w;
	uint64_t bound;

	(void)state;
	world_open(&w, parent);
	set_growth(&w, 0);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		world_many_names(text, i + 1, steps[i]);
		assert_true(zones_try_batch(&w.zones, &load, 1, HOUR));
		assert_int_equal(ask_many(&w.rig, i + 1, steps[i], true), steps[i] + 1);
	}
	status = status_of(&w);
	assert_true(status.can_grow);
	assert_in_range(status.map[0].entries_max, 20000, 2 * 32768);
	assert_in_range(status.map[0].entries, 12000, 12010);
	/* Nothing of 20,000 names fits beside what is there; and then all. */
	bound = status.bytes + status.bytes / 8;
	set_growth(&w, bound);
	world_many_names(text, 6, 20000);
	zones_store(&w.zones, &load);
	assert_int_equal(table_give_to_stack(w.zones.publish, w.zones.table.zone[0]->id), 1);
	publish_stored(&w);
	assert_true(ask_many(&w.rig, 6, 20000, false) > 5000);
	status = status_of(&w);
	assert_true(status.bytes <= bound);
	set_growth(&w, 4 * bound);
	publish_again(&w);
	assert_int_equal(ask_many(&w.rig, 6, 20000, true), 20001);
	assert_true(status_of(&w).bytes > bound);
	world_close(&w);
}

static struct xns_version version_of(const struct world *w)
{
	uint32_t id = w->zones.table.zone[0]->id;
	struct xns_zone entry;

	assert_int_equal(bpf_map_lookup_elem(rig_map(&w->rig, "zones"), &id, &entry), 0);
	assert_int_equal(entry.state, XNS_ZONE_ACTIVE);
	return entry.version[entry.current];
}

/* Where their order finds no place proofs are for the stack, all of them; the rest is not. Images
 * that find none take no proofs with them, but here the SOA that goes with proofs. */
static void test_full_of_proofs(void **state)
{
	static const struct {
		const char *full; /* this map */
		unsigned n;
		bool complete;
		uint8_t denial;
	} steps[] = {
		{"order", 1000, true, XNS_DENIAL_STACK},
		{NULL, 900, true, XNS_DENIAL_NSEC},
		{"order", 1000, true, XNS_DENIAL_STACK},
		{"order", 1001, true, XNS_DENIAL_STACK},
		{NULL, 1001, true, XNS_DENIAL_NSEC},
		{"images_tiny", 1100, false, XNS_DENIAL_NSEC},
		{NULL, 1101, true, XNS_DENIAL_NSEC},
		{NULL, 30, true, XNS_DENIAL_NSEC},
	};
	static char text[1 << 20];
	struct zones_text load = {APEX, text, SIGN_NSEC, 0};
	struct world w, fresh;
	struct dump got, want;

	(void)state;
	world_open(&w, parent);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		bool has_order = steps[i].denial == XNS_DENIAL_NSEC;
		bool proves = has_order && steps[i].complete;
		struct xns_version version;

		world_many_names(text, i + 1, steps[i].n);
		if (steps[i].full)
			world_fill_map(&w, steps[i].full, 1);
		assert_int_equal(zones_try_batch(&w.zones, &load, 1, HOUR), steps[i].complete);
		if (steps[i].full)
			world_unfill_map(&w, steps[i].full);
		version = version_of(&w);
		assert_int_equal(version.denial, steps[i].denial);
		assert_int_equal(version.order.content != 0, has_order);
		assert_int_equal(version.soa_sig.head.len != 0, steps[i].complete);
		world_expect(&w, "n1." APEX, 1, true);
		world_expect(&w, "n1." APEX, 28, proves);
		world_expect(&w, "none." APEX, 1, proves);
		dump_take(&w.rig, &got);
		assert_int_equal(got.map[DUMP_ORDER].n > 0, has_order);
		dump_free(&got);
		if (!steps[i].complete)
			continue;
		world_open(&fresh, parent);
		zones_load_batch(&fresh.zones, &load, 1, HOUR);
		dump_take(&w.rig, &got);
		dump_take(&fresh.rig, &want);
		if (proves)
			dump_expect_equal(&got, &want, "after proofs found no place");
		dump_free(&got);
		dump_free(&want);
		world_close(&fresh);
	}
	world_close(&w);
}

/* A zone's apex, DS above it, or the end of a chain has found no place. */
static void test_full_of_relatives(void **state)
{
	static const struct zones_text family[] = {
		{APEX,
		 "@ 300 SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n*.kid A 192.0.2.9\n"
		 "* A 192.0.2.8\naa CNAME a.b.c.end\na.b.c.end TXT " LONG LONG "\n"
		 "ab CNAME x.c.wide\n*.c.wide TXT " LONG LONG "\n",
		 SIGN_NSEC3, 0},
		{"kid." APEX,
		 "@ 300 SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.2\n@ TXT " LONG LONG
		 "\nwww A 192.0.2.5\n",
		 SIGN_NSEC, 0},
	};
	static const char *const full[] = {"nodes", "images_tiny", "images_small", "images_large",
					   "order"};
	static const char *const names[] = {"kid." APEX,       "www.kid." APEX,	    "no.kid." APEX,
					    "ns.kid." APEX,    "aa." APEX,	    "ab." APEX,
					    "a.b.c.end." APEX, "x.a.b.c.end." APEX, "no." APEX};
	static const uint16_t types[] = {1, 2, 6, 16, 43, 48, 65280};

	(void)state;
	for (unsigned i = 0; i < sizeof(full) / sizeof(full[0]); i++)
		for (unsigned room = 0; room < 16; room++) {
			struct world w;

			world_open(&w, both);
			world_fill_map(&w, full[i], room);
			for (unsigned order = 0; order < 2; order++)
				zones_try_batch(&w.zones, &family[(room + order) % 2], 1, HOUR);
			for (unsigned n = 0; n < sizeof(names) / sizeof(names[0]); n++)
				for (unsigned t = 0; t < 2 * sizeof(types) / sizeof(types[0]); t++)
					world_ask(&w, names[n], types[t / 2], t % 2);
			world_close(&w);
		}
}

int test_full_maps(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_map),       cmocka_unit_test(test_no_place_for_a_zone),
		cmocka_unit_test(test_nothing_above),  cmocka_unit_test(test_too_many_names),
		cmocka_unit_test(test_full_of_proofs), cmocka_unit_test(test_full_of_relatives),
		cmocka_unit_test(test_growth), /* it leaves large maps */
	};

	return cmocka_run_group_tests_name("full", tests, NULL, worlds_unload);
}
