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

#include "packet/groups.h"
#include "packet/zones.h"

#define HOUR  3600
#define APEX  "example.com"
#define KID   "kid." APEX
#define HASH  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NAMES 60

static struct rig
	rig; /* of all tests: loading the program takes long, emptying its maps does not */

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

/* Fills a map with what nothing refers to, but for `room` entries. */
static void fill_map(const char *name, uint32_t room)
{
	static uint8_t value[sizeof(struct xns_order)];
	struct xns_image_key key = {.owner = 1}; /* nodes have keys of the same size */
	int fd = rig_map(&rig, name);

	((struct xns_node *)value)->zone = UINT32_MAX;
	while (bpf_map_update_elem(fd, &key, value, BPF_NOEXIST) == 0)
		key.owner++;
	while (room-- > 0) {
		key.owner--;
		assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
	}
}

static void unfill_map(const char *name)
{
	struct xns_image_key key = {.owner = 1};

	while (bpf_map_delete_elem(rig_map(&rig, name), &key) == 0)
		key.owner++;
}

static void empty_maps(void)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, rig.object)
	{
		uint8_t key[64];

		if (bpf_map__type(map) != BPF_MAP_TYPE_HASH)
			continue;
		while (bpf_map_get_next_key(bpf_map__fd(map), NULL, key) == 0)
			assert_int_equal(bpf_map_delete_elem(bpf_map__fd(map), key), 0);
	}
	rig.config->staging = 0;
	rig.config->max_labels = 0;
	rig.config->store_uuid = 0;
}

/* As from the sockets, or passed up. true: answered. */
static bool ask(const struct zones *zones, const char *name, uint16_t type, bool dnssec)
{
	struct ask ask = {.name = name, .type = type, .edns = true, .dnssec_ok = dnssec};
	uint8_t message[512], frame[FRAME_MAX];
	const struct shape shape = {0};
	char got[16384], want[16384];
	struct outcome outcome;
	size_t len = frame_make(&shape, message, ask_message(&ask, message), frame);

	rig_run(&rig, frame, len, &outcome);
	if (outcome.verdict == XDP_PASS)
		return false;
	assert_int_equal(outcome.verdict, XDP_TX);
	reply_text(&shape, outcome.frame, outcome.len, got, sizeof(got));
	zones_answer(zones, name, type, dnssec, want, sizeof(want));
	zones_sort_reply(got);
	zones_sort_reply(want);
	if (strcmp(got, want) != 0)
		fail_msg("%s type %u DO=%d:\n%sand not\n%s", name, type, dnssec, got, want);
	return true;
}

static unsigned ask_all(const struct zones *zones)
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
			answered += ask(zones, name, types[k / 2], k % 2);
		}
	for (unsigned i = 0; i < 4 * NAMES; i++) {
		sprintf(name, "%s%u.%s", i % 4 & 1 ? "to" : "n", i / 4, i & 2 ? KID : APEX);
		answered += ask(zones, name, 1, true);
	}
	return answered;
}

static void publish(struct zones *zones, enum sign how, unsigned serial)
{
	static char text[2][1 << 16];
	struct zones_text load[] = {{APEX, text[0], how, 0}, {KID, text[1], how, 0}};

	make_text(text[0], serial,
		  "kid NS ns.kid\nkid DS 1 13 2 " HASH "\ncut NS ns.cut\nns.cut A 192.0.2.4\n");
	make_text(text[1], serial, "cut NS ns.cut\nns.cut A 192.0.2.4\ncut DS 1 13 2 " HASH "\n");
	zones_try_batch(zones, load, 2, HOUR);
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
		struct zones zones;

		empty_maps();
		zones_open(&zones, &rig, both);
		fill_map(map, room[i / 2 % 4]);
		publish(&zones, how[i % 2], 1);
		ask_all(&zones);
		unfill_map(map);
		publish(&zones, how[i % 2], 2);
		all = ask_all(&zones);
		fill_map(map, room[i / 2 % 4]);
		publish(&zones, how[i % 2], 3);
		assert_true(ask_all(&zones) <= all);
		unfill_map(map);
		zones_close(&zones);
	}
}

/* What the store has; of a zone that is not in the maps an error. */
static void publish_stored(struct zones *zones)
{
	struct publish_item item[2] = {0};
	struct store_zone stored[2];
	struct store_txn *txn;
	size_t n = 0;

	assert_int_equal(store_read_begin(zones->store, &txn), 0);
	for (size_t i = 0; i < zones->table.n; i++) {
		item[n].zone = zones->table.zone[i];
		item[n].stored = &stored[n];
		item[n].expires_at_ms = clock_boot_ms() + HOUR * 1000;
		assert_int_equal(store_zone_get(txn, item[n].zone->apex, &stored[n]), 0);
		n += stored[n].has_content;
	}
	publish_zones(zones->publish, txn, &zones->table, item, n);
	store_read_end(txn);
}

/* A zone that is new finds no place: the others are answered, the one above it denies nothing. */
static void test_no_place_for_a_zone(void **state)
{
	static char text[1 << 16], kid[1 << 16];
	struct zones_text load = {APEX, text, SIGN_NSEC, 0};
	struct zones zones;

	(void)state;
	empty_maps();
	zones_open(&zones, &rig, both); /* for the ids */
	make_text(kid, 1, "");
	zones_store(&zones, &(struct zones_text){KID, kid, SIGN_NSEC3, 0});
	for (uint32_t room = 0; room < 5; room++) {
		make_text(text, 10 + 2 * room, ""); /* without kid: its node would be a place */
		zones_store(&zones, &load);
		zones_restart(&zones, &rig, parent);
		publish_stored(&zones);
		assert_true(ask(&zones, "n1." APEX, 1, false));
		assert_true(ask(&zones, "no." APEX, 1, true));
		assert_true(ask(&zones, "no." KID, 1, true));
		fill_map("nodes", room);
		zones_restart(&zones, &rig, both);
		publish_stored(&zones);
		ask_all(&zones);
		assert_true(ask(&zones, "n1." APEX, 1, false));
		make_text(text, 11 + 2 * room, "");
		zones_store(&zones, &load);
		publish_stored(&zones);
		ask_all(&zones);
		assert_true(ask(&zones, "n1." APEX, 1, false));
		unfill_map("nodes");
	}
	zones_restart(&zones, &rig, both);
	make_text(kid, 2, "");
	zones_store(&zones, &(struct zones_text){KID, kid, SIGN_NSEC3, 0});
	publish_stored(&zones);
	assert_true(ask(&zones, "no." KID, 1, true));
	zones_close(&zones);
}

/* The zone above has not been transferred: nobody knows what DS there is. */
static void test_nothing_above(void **state)
{
	struct zones zones;

	(void)state;
	empty_maps();
	zones_open(&zones, &rig, both);
	zones_load(&zones, KID, "@ 300 SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n", HOUR);
	assert_true(ask(&zones, "ns." KID, 1, false));
	assert_false(ask(&zones, KID, 43, false));
	zones_take_over(&zones, &rig);
	assert_false(ask(&zones, KID, 43, true));
	zones_close(&zones);
}

static int load_program(void **state)
{
	(void)state;
	rig_open(&rig);
	return 0;
}

static int unload_program(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

int test_full_maps(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_map),
		cmocka_unit_test(test_no_place_for_a_zone),
		cmocka_unit_test(test_nothing_above),
	};

	return cmocka_run_group_tests_name("full", tests, load_program, unload_program);
}
