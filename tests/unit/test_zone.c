// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <libknot/libknot.h>

#include "zone/times.h"
#include "zone/zone.h"

#define ZONES_MAX 64

struct fixture {
	struct config config;
	struct config_zone zones[ZONES_MAX];
	struct zone_table table;
};

static void fixture_add(struct fixture *f, const char *name)
{
	struct config_zone *zone = &f->zones[f->config.n_zones];

	zone->domain = knot_dname_from_str_alloc(name);
	zone->name = strdup(name);
	assert_non_null(zone->domain);
	assert_non_null(zone->name);
	f->config.n_zones++;
}

static void fixture_init(struct fixture *f, const char *const *names, size_t n)
{
	memset(f, 0, sizeof(*f));
	f->config.zones = f->zones;
	for (size_t i = 0; i < n; i++)
		fixture_add(f, names[i]);
	assert_int_equal(zone_table_init(&f->table, &f->config), 0);
}

static void fixture_free(struct fixture *f)
{
	zone_table_free(&f->table);
	for (size_t i = 0; i < f->config.n_zones; i++) {
		knot_dname_free(f->zones[i].domain, NULL);
		free(f->zones[i].name);
	}
}

static const char *name_of(const struct zone *zone)
{
	return zone != NULL ? zone->name : "none";
}

static void finds_the_deepest_zone(void **state)
{
	static const char *const held[] = {"example.com.", "a.b.example.com.", "org.", "sub.org."};
	static const struct {
		const char *what, *qname;
		uint16_t qtype;
		const char *expect;
	} tests[] = {
		{"apex", "example.com.", KNOT_RRTYPE_A, "example.com."},
		{"below", "x.y.example.com.", KNOT_RRTYPE_A, "example.com."},
		{"between two zones", "b.example.com.", KNOT_RRTYPE_A, "example.com."},
		{"deeper zone", "x.a.b.example.com.", KNOT_RRTYPE_A, "a.b.example.com."},
		{"deeper apex", "a.b.example.com.", KNOT_RRTYPE_SOA, "a.b.example.com."},
		{"DS at the deeper apex", "a.b.example.com.", KNOT_RRTYPE_DS, "example.com."},
		{"DS below the deeper apex", "x.a.b.example.com.", KNOT_RRTYPE_DS,
		 "a.b.example.com."},
		{"DS at an apex without parent", "example.com.", KNOT_RRTYPE_DS, "example.com."},
		{"DS, parent is one label up", "sub.org.", KNOT_RRTYPE_DS, "org."},
		{"above", "com.", KNOT_RRTYPE_A, "none"},
		{"root", ".", KNOT_RRTYPE_NS, "none"},
		{"same end, other label", "notexample.com.", KNOT_RRTYPE_A, "none"},
		{"in none", "www.example.net.", KNOT_RRTYPE_A, "none"},
	};
	struct fixture f;

	(void)state;
	fixture_init(&f, held, sizeof(held) / sizeof(*held));
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		knot_dname_storage_t qname;
		const struct zone *zone;

		assert_non_null(knot_dname_from_str(qname, tests[i].qname, sizeof(qname)));
		zone = zone_table_for_question(&f.table, qname, tests[i].qtype);
		if (strcmp(name_of(zone), tests[i].expect) != 0)
			fail_msg("%s: %s, not %s", tests[i].what, name_of(zone), tests[i].expect);
	}
	fixture_free(&f);
}

static void no_zones(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, NULL, 0);
	assert_null(zone_table_find(&f.table, (const uint8_t *)"\7example\3com"));
	assert_null(zone_table_find(&f.table, (const uint8_t *)""));
	fixture_free(&f);
}

static void root_zone_holds_all(void **state)
{
	static const char *const held[] = {".", "com."};
	knot_dname_storage_t longest;
	struct fixture f;

	(void)state;
	fixture_init(&f, held, 2);
	for (size_t i = 0; i < 127; i++)
		memcpy(longest + 2 * i, "\1a", 2);
	longest[254] = 0;
	assert_string_equal(name_of(zone_table_find(&f.table, longest)), ".");
	assert_string_equal(name_of(zone_table_find(&f.table, (const uint8_t *)"")), ".");
	assert_ptr_equal(f.table.zone[1]->parent, f.table.zone[0]);
	assert_null(f.table.zone[0]->parent);
	assert_int_equal(f.table.zone[0]->n_children, 1);
	fixture_free(&f);
}

/* ---- the property: as a search through all zones finds it ---- */

static const struct zone *naive_find(const struct zone_table *table, const knot_dname_t *name,
				     bool strictly_above)
{
	const struct zone *best = NULL;

	for (size_t i = 0; i < table->n; i++) {
		const struct zone *zone = table->zone[i];

		if (knot_dname_in_bailiwick(name, zone->apex) < (strictly_above ? 1 : 0))
			continue;
		if (best == NULL ||
		    knot_dname_labels(zone->apex, NULL) > knot_dname_labels(best->apex, NULL))
			best = zone;
	}
	return best;
}

/* Few labels to choose from, so that names often are in zones, and zones in zones. */
static void random_name(unsigned *seed, char *ret_text, size_t max)
{
	static const char *const labels[] = {"a", "b", "bb", "com", "example", "x-y"};
	unsigned n = rand_r(seed) % 6;

	ret_text[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		strncat(ret_text, labels[rand_r(seed) % 6], max - strlen(ret_text) - 1);
		strncat(ret_text, ".", max - strlen(ret_text) - 1);
	}
	if (n == 0)
		strcpy(ret_text, ".");
}

static void check_relations(const struct zone_table *table)
{
	size_t n_with_parent = 0, n_children = 0;

	for (size_t i = 0; i < table->n; i++) {
		const struct zone *zone = table->zone[i];

		assert_ptr_equal(zone_table_get(table, zone->apex), zone);
		assert_ptr_equal(zone->parent, naive_find(table, zone->apex, true));
		n_with_parent += zone->parent != NULL;
		n_children += zone->n_children;
		for (size_t j = 0; j < zone->n_children; j++)
			assert_ptr_equal(zone->children[j]->parent, zone);
	}
	assert_int_equal(n_with_parent, n_children);
}

static void equals_the_naive_search(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 100; round++) {
		unsigned n = rand_r(&seed) % ZONES_MAX;
		struct fixture f = {.config.zones = f.zones};
		char text[64];

		while (f.config.n_zones < n) {
			bool twice = false;

			random_name(&seed, text, sizeof(text));
			for (size_t i = 0; i < f.config.n_zones; i++)
				twice |= strcmp(f.zones[i].name, text) == 0;
			if (!twice)
				fixture_add(&f, text);
		}
		assert_int_equal(zone_table_init(&f.table, &f.config), 0);
		check_relations(&f.table);
		for (int i = 0; i < 200; i++) {
			knot_dname_storage_t name;

			random_name(&seed, text, sizeof(text));
			assert_non_null(knot_dname_from_str(name, text, sizeof(name)));
			assert_ptr_equal(zone_table_find(&f.table, name),
					 naive_find(&f.table, name, false));
		}
		fixture_free(&f);
	}
}

static void state_by_the_clock(void **state)
{
	static const struct {
		int64_t expires_at_ms, now_ms;
		enum zone_state expect;
	} tests[] = {
		{0, 0, ZONE_EMPTY},	    {0, 1000, ZONE_EMPTY},	{1000, 999, ZONE_ACTIVE},
		{1000, 1000, ZONE_EXPIRED}, {1000, 5000, ZONE_EXPIRED},
	};
	int64_t before_ms = clock_boot_ms();

	(void)state;
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		struct zone zone = {.expires_at_ms = tests[i].expires_at_ms};

		assert_int_equal(zone_state(&zone, tests[i].now_ms), tests[i].expect);
	}
	assert_string_equal(zone_state_name(ZONE_EMPTY), "empty");
	assert_string_equal(zone_state_name(ZONE_ACTIVE), "active");
	assert_string_equal(zone_state_name(ZONE_EXPIRED), "expired");
	assert_true(before_ms > 0 && clock_boot_ms() >= before_ms);
	assert_true(clock_real_s() > 1500000000);
}

/* What an SOA's timers mean. Both clocks at 1,000,000 s. */
static void times(void **state)
{
	enum {
		NOW = 1000000
	};
	static const struct {
		int64_t refreshed_at;
		uint32_t refresh_s, retry_s, expire_s;
		int64_t stale_s, expires_s; /* from now */
	} tests[] = {
		{NOW, 3600, 900, 86400, 4500, 86400},
		{NOW - 4499, 3600, 900, 86400, 1, 81901},
		{NOW - 4500, 3600, 900, 86400, 0, 81900},
		{NOW - 86401, 3600, 900, 86400, -81901, -1},
		/* bounds */
		{NOW, 0, 0, 10, 3, 10},
		{NOW, UINT32_MAX, UINT32_MAX, UINT32_MAX, 2 * 28 * 86400, UINT32_MAX},
		/* a clock that was set back */
		{NOW + 5000, 3600, 900, 86400, 4500, 86400},
	};
	struct store_zone stored = {.refreshed_at = NOW, .refresh_s = 1, .expire_s = 1};

	(void)state;
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		struct store_zone zone = {
			.has_content = true,
			.refreshed_at = tests[i].refreshed_at,
			.refresh_s = tests[i].refresh_s,
			.retry_s = tests[i].retry_s,
			.expires_at = tests[i].refreshed_at + tests[i].expire_s,
		};
		struct zone_times got = times_of(NULL, &zone, NOW * 1000LL, NOW);

		assert_int_equal(got.stale_at_ms, (NOW + tests[i].stale_s) * 1000);
		assert_int_equal(got.expires_at_ms, (NOW + tests[i].expires_s) * 1000);
		/* before the machine was started: as long ago as can be told */
		got = times_of(NULL, &zone, 0, NOW);
		assert_true(got.stale_at_ms >= 1 && got.expires_at_ms >= 1);
	}
	assert_int_equal(times_of(NULL, &stored, NOW, NOW).stale_at_ms, 0);
	assert_int_equal(times_of(NULL, &stored, NOW, NOW).expires_at_ms, 0);
	assert_false(zone_is_stale(&(struct zone){0}, NOW));
	assert_false(zone_is_stale(&(struct zone){.stale_at_ms = NOW + 1}, NOW));
	assert_true(zone_is_stale(&(struct zone){.stale_at_ms = NOW}, NOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_deepest_zone), cmocka_unit_test(no_zones),
		cmocka_unit_test(root_zone_holds_all),	  cmocka_unit_test(equals_the_naive_search),
		cmocka_unit_test(state_by_the_clock),	  cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
