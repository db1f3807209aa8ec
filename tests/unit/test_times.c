// SPDX-License-Identifier: GPL-3.0-or-later
/* What an SOA's timers mean within the bounds of a zone, and with EXPIRE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "zone/times.h"

#define NOW 1000000

static const struct config_zone bounded = {
	.refresh_min_s = 60,
	.refresh_max_s = 600,
	.retry_min_s = 10,
	.retry_max_s = 100,
	.expire_min_s = 1000,
	.expire_max_s = 5000,
};
static const struct config_zone unbounded;

static void test_intervals(void **state)
{
	static const struct {
		const struct config_zone *conf;
		uint32_t soa_s, refresh_s, retry_s;
	} table[] = {
		{NULL, 0, 2, 1},
		{NULL, 3600, 3600, 3600},
		{&unbounded, 1, 2, 1},
		{&unbounded, UINT32_MAX, TIMES_INTERVAL_MAX_S, TIMES_INTERVAL_MAX_S},
		{&bounded, 0, 60, 10},
		{&bounded, 70, 70, 70},
		{&bounded, 3600, 600, 100},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(times_refresh_s(table[i].conf, table[i].soa_s),
				 table[i].refresh_s);
		assert_int_equal(times_retry_s(table[i].conf, table[i].soa_s), table[i].retry_s);
	}
}

static void test_expiry(void **state)
{
	static const struct {
		const struct config_zone *conf;
		uint32_t soa_s;
		int64_t option_s, left_s;   /* left: before the confirmation */
		int64_t new_s, confirmed_s; /* from now */
	} table[] = {
		{NULL, 86400, -1, 100, 86400, 86400},
		{NULL, 100, -1, 86400, 100, 100},
		{NULL, 86400, 500, 100, 500, 500},
		{NULL, 86400, 500, 900, 500, 900}, /* not brought forward */
		{NULL, 86400, 0, -10, 0, 0},
		{NULL, 100, 86400, 0, 86400, 86400},
		{NULL, UINT32_MAX, -1, 0, UINT32_MAX, UINT32_MAX},
		{&unbounded, 0, -1, 50, 0, 0},
		{&bounded, 10, -1, 0, 1000, 1000},
		{&bounded, 86400, -1, 0, 5000, 5000},
		{&bounded, 86400, 10, 0, 1000, 1000},
		{&bounded, 86400, 2000, 4000, 2000, 4000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(
			times_expires_at(table[i].conf, NOW, table[i].soa_s, table[i].option_s) -
				NOW,
			table[i].new_s);
		assert_int_equal(times_confirmed_expires_at(table[i].conf, NOW + table[i].left_s,
							    NOW, table[i].soa_s,
							    table[i].option_s) -
					 NOW,
				 table[i].confirmed_s);
	}
}

/* The zone expires when the store says, and is overdue after what its bounds make of the SOA. */
static void test_of(void **state)
{
	const struct store_zone stored = {
		.has_content = true,
		.refreshed_at = NOW - 100,
		.expires_at = NOW + 50,
		.refresh_s = 3600,
		.retry_s = 900,
		.expire_s = 86400,
	};
	struct zone_times times = times_of(&bounded, &stored, 5000000, NOW);

	(void)state;
	assert_int_equal(times.expires_at_ms, 5050000);
	assert_int_equal(times.stale_at_ms, 5000000 + (600 + 100 - 100) * 1000);
	/* The clock was set back by a year: it counts as confirmed now. */
	times = times_of(&bounded, &stored, 5000000, NOW - 31536000);
	assert_int_equal(times.expires_at_ms, 5000000 + 150 * 1000);
	assert_int_equal(times.stale_at_ms, 5000000 + (600 + 100) * 1000);
	assert_int_equal(times_of(&bounded, &(struct store_zone){0}, 5000000, NOW).expires_at_ms,
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
