/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The filter of names: the program goes by it, and the agent keeps it such that every name in the
 * maps is in it, and most others are not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "packet/dump.h"
#include "packet/fill.h"
#include "packet/groups.h"
#include "packet/world.h"
#include "publish/grow.h"

#define APEX	     "example.com"
#define HOUR	     3600
#define LOOKS	     4000
#define NAMES_A_WORD 16 /* more than that only when there cannot be more words */

static const struct rig *rig = &fill_rig;

/* ---- the program ---- */

static void set_filter(uint32_t begin, uint32_t words)
{
	rig->config->filter = (struct xns_filter){begin, words};
}

static void set_word(uint32_t at, uint64_t word)
{
	assert_int_equal(bpf_map_update_elem(rig_map(rig, "filter"), &at, &word, BPF_ANY), 0);
}

static struct xns_name_key key_of(const char *name)
{
	knot_dname_storage_t wire;
	struct xns_name_key key;

	assert_non_null(knot_dname_from_str(wire, name, sizeof(wire)));
	image_name_key(&rig->config->key, wire, &key);
	return key;
}

/* In the filter of 64 words from `begin` on. */
static void add_name(uint32_t begin, const char *name)
{
	struct xns_name_key key = key_of(name);
	uint32_t at = begin + xns_filter_word(key.hash[0], 64);
	uint64_t word;

	assert_int_equal(bpf_map_lookup_elem(rig_map(rig, "filter"), &at, &word), 0);
	set_word(at, word | xns_filter_bits(key.hash[1]));
}

/* All other names that have the same word seem to be there. */
static void remove_name(uint32_t begin, const char *name)
{
	struct xns_name_key key = key_of(name);

	set_word(begin + xns_filter_word(key.hash[0], 64), ~xns_filter_bits(key.hash[1]));
}

static void expect(const char *name, enum xns_counter counter)
{
	const struct ask ask = {.name = name, .type = 1, .edns = true};

	fill_ask(&ask, counter, NULL);
}

/* What it does not have is not there, though it is; all of a name's bits count. */
static void test_denies(void **state)
{
	(void)state;
	expect("www.example.com", XNS_ANSWER_POSITIVE);
	for (uint32_t begin = 0; begin <= XNS_FILTER_WORDS; begin += XNS_FILTER_WORDS) {
		set_filter(begin, 64);
		for (uint32_t i = 0; i < 64; i++)
			set_word(begin + i, 0);
		expect("www.example.com", XNS_PASS_NO_ZONE);
		add_name(begin, "example.com");
		expect("www.example.com", XNS_ANSWER_NXDOMAIN);
		remove_name(begin, "www.example.com");
		add_name(begin, "example.com");
		expect("www.example.com", XNS_ANSWER_NXDOMAIN);
		add_name(begin, "www.example.com");
		expect("www.example.com", XNS_ANSWER_POSITIVE);
	}
	set_filter(0, 0);
	expect("www.example.com", XNS_ANSWER_POSITIVE);
}

/* ---- the agent ---- */

/* Of so many names that are not there, how many may be? */
static unsigned count_seeming(const struct rig *r)
{
	unsigned n = 0;

	srandom(1);
	for (unsigned i = 0; i < LOOKS; i++) {
		struct xns_name_key key = {
			.hash = {(uint64_t)random() << 33 ^ random(),
				 (uint64_t)random() << 33 ^ (uint64_t)random() << 2}};

		n += dump_filter_has(r, &key);
	}
	return n;
}

static void expect_good(const struct world *w, unsigned names)
{
	const struct xns_filter *filter = &w->rig.config->filter;
	struct dump dump;

	dump_take(&w->rig, &dump); /* has all names */
	dump_free(&dump);
	assert_true(filter->words > 0);
	assert_in_range(names, 0, NAMES_A_WORD * filter->words);
	assert_in_range(count_seeming(&w->rig), 0, LOOKS / 4);
}

/* With the zone's growth, with names that change, and with what is left of a large zone. */
static void test_follows(void **state)
{
	static const unsigned steps[] = {10, 900, 30000, 20, 25, 6000};
	static const char *const names[] = {APEX, NULL};
	static char text[1 << 21];
	struct zones_text load = {.name = APEX, .text = text};
	uint32_t words[sizeof(steps) / sizeof(steps[0])];
	struct publish_growth growth;
	struct world w;

	(void)state;
	world_open(&w, names);
	growth = (struct publish_growth){rig_make_segment, &w.rig, 0};
	publish_set_growth(w.zones.publish, &growth);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		world_many_names(text, i + 1, steps[i]);
		assert_true(zones_try_batch(&w.zones, &load, 1, HOUR));
		expect_good(&w, steps[i]);
		words[i] = w.rig.config->filter.words;
		world_expect(&w, "n1." APEX, 1, true);
		world_expect(&w, "none." APEX, 1, true);
	}
	assert_true(words[2] > words[1] && words[3] < words[2]);
	world_close(&w);
}

/* Made anew in the middle of a publication: what is staged is not in `nodes` yet. */
static void test_staged(void **state)
{
	static const char *const names[] = {APEX, NULL};
	struct xns_name_key key = {{0x123456789abcdef0, 0xfedcba9876543210}};
	const struct xns_node node = {.zone = UINT32_MAX};
	struct publish *p;
	struct world w;

	(void)state;
	world_open(&w, names);
	p = w.zones.publish;
	assert_false(dump_filter_has(&w.rig, &key));
	assert_int_equal(maps_node_put(p, MAP_STAGED, key, &node, BPF_ANY), 0);
	assert_true(dump_filter_has(&w.rig, &key));
	assert_int_equal(grow_make_filter(p), 0);
	assert_true(dump_filter_has(&w.rig, &key));
	assert_int_equal(maps_node_delete(p, MAP_STAGED, key), 0);
	assert_int_equal(grow_make_filter(p), 0);
	assert_false(dump_filter_has(&w.rig, &key));
	world_close(&w);
}

/* An agent does not trust what it finds. */
static void test_takes_over(void **state)
{
	static const char *const names[] = {APEX, NULL};
	struct xns_filter *filter;
	struct world w;

	(void)state;
	world_open(&w, names);
	filter = &w.rig.config->filter;
	zones_load(&w.zones, APEX, "@ 300 SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n", HOUR);
	for (uint32_t i = 0; i < filter->words; i++) {
		uint32_t at = filter->begin + i;
		uint64_t none = 0;

		assert_int_equal(
			bpf_map_update_elem(rig_map(&w.rig, "filter"), &at, &none, BPF_ANY), 0);
	}
	world_expect(&w, "ns." APEX, 1, false);
	zones_take_over(&w.zones, &w.rig);
	expect_good(&w, 3);
	world_expect(&w, "ns." APEX, 1, true);
	world_close(&w);
}

int test_filter(void)
{
	const struct CMUnitTest program[] = {cmocka_unit_test(test_denies)};
	const struct CMUnitTest agent[] = {cmocka_unit_test(test_follows),
					   cmocka_unit_test(test_staged),
					   cmocka_unit_test(test_takes_over)};

	return cmocka_run_group_tests_name("filter: the program", program, fill_setup_www,
					   fill_teardown) +
	       cmocka_run_group_tests_name("filter: the agent", agent, NULL, worlds_unload);
}
