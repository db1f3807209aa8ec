// SPDX-License-Identifier: GPL-3.0-or-later
/* NOTIFY: whose sender is asked, and what goes ahead of what. */
#include "refresh_lab.h"

static void test_notify(void **state)
{
	struct lab *lab = lab_new("a, b");

	(void)state;
	wait_serial(lab, 7);
	/* of the second primary: it is asked, the first is not */
	publish(&lab->b, SOA(8), SOA(8) NS);
	send_notify(lab, "127.0.0.2", true, 8);
	wait_serial(lab, 8);
	assert_int_equal(lab->a.udp_queries, 0);
	assert_int_equal(lab->b.udp_queries, 1);
	assert_int_equal(lab->b.axfrs, 1);
	/* of the serial that is here: nothing; then one without a serial asks */
	send_notify(lab, "127.0.0.2", true, 8);
	for (int i = 0; i < 10; i++)
		uv_run(&lab->loop, UV_RUN_NOWAIT);
	assert_string_equal(status(lab).activity, "idle");
	assert_int_equal(lab->b.udp_queries, 1);
	send_notify(lab, "127.0.0.2", false, 0);
	while (lab->b.udp_queries < 2)
		turn(lab);
	wait_idle(lab);
	assert_int_equal(lab->b.udp_queries, 2);
	/* during a transfer: one check more, which finds the next serial */
	publish(&lab->a, SOA(20), SOA(20) NS);
	refresh_now(lab->refresh, lab->zone);
	while (lab->a.axfrs < 2)
		turn(lab);
	publish(&lab->b, SOA(21), SOA(21) NS);
	send_notify(lab, "127.0.0.2", true, 21);
	wait_serial(lab, 21);
	lab_free(lab);
}

/* ---- what goes ahead ---- */

#define ZONES 300

/* Zones of one silent primary fill every place; their names: z0.example.com, ... */
static char *many_zones(const char *first)
{
	char *text = malloc(ZONES * 80 + 256), *at = text;

	assert_non_null(text);
	at += sprintf(at, "%s", first);
	for (int i = 0; i < ZONES; i++)
		at += sprintf(at, "  - {domain: z%d.example.com, primaries: [b]}\n", i);
	return text;
}

static unsigned running(const struct lab *lab, enum lane_kind kind)
{
	return lab->refresh->lanes.running[kind];
}

/* A backlog of transfers of one primary that never end; a NOTIFY of one of its zones is heard all
 * the same, and limits hold. */
static void test_not_behind_the_backlog(void **state)
{
	char *zones = many_zones("  - {domain: example.com, primaries: [b]}\n");
	struct lab *lab =
		lab_new_zones("  max-transfers-in: 10\n  max-transfers-per-primary: 5\n", zones);
	unsigned before;

	(void)state;
	free(zones);
	lab->b.message[0] = NULL; /* silence */
	while (lab->b.axfrs < 4)
		turn(lab);
	assert_int_equal(running(lab, LANE_TRANSFER), 4);    /* of 5, one is kept */
	while (strcmp(status(lab).activity, "waiting") != 0) /* one of the first: once more */
		turn(lab);
	before = lab->b.axfrs;
	send_notify(lab, "127.0.0.2", true, 9);
	while (strcmp(status(lab).activity, "transfer") != 0)
		turn(lab);
	assert_in_range(lab->b.axfrs, before, before + 5);
	assert_in_range(running(lab, LANE_TRANSFER), 1, 5);
	lab_free(lab);
}

/* More zones than one YAML of a test can name: all of them due at once after a restart. */
static void test_spread_at_start(void **state)
{
	char *zones = many_zones("");
	struct lab *lab = lab_new_zones("  soa-query-rate: 100\n", zones);
	int64_t first = INT64_MAX, last = 0, now_ms;
	unsigned at_once = 0;

	(void)state;
	free(zones);
	refresh_stop(lab->refresh);
	for (int i = 0; i < 3; i++)
		uv_run(&lab->loop, UV_RUN_NOWAIT);
	for (size_t i = 0; i < lab->zones.n; i++) {
		lab->stored[i].has_content = true;
		lab->stored[i].refresh_s = 3600;
		lab->stored[i].retry_s = 900;
		lab->stored[i].refreshed_at = clock_real_s() - 4000;
		lab->stored[i].expires_at = clock_real_s() + 86400;
	}
	assert_int_equal(refresh_start(&lab->loop, lab->config, &lab->zones, lab->stored,
				       lab->store, lab->apply, &lab->refresh),
			 0);
	now_ms = clock_boot_ms();
	for (struct refresh_zone *rz = lab->refresh->first; rz; rz = rz->next) {
		int64_t in_ms = rz->machine.next_ms - now_ms;

		first = in_ms < first ? in_ms : first;
		last = in_ms > last ? in_ms : last;
		at_once += in_ms < 100;
	}
	assert_in_range(last, 2000, 3000); /* 300 zones at 100 a second */
	assert_true(first < 500);
	assert_in_range(at_once, 0, 40);
	lab_free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_not_behind_the_backlog),
		cmocka_unit_test(test_spread_at_start),
	};

	signal(SIGPIPE, SIG_IGN); /* as in xnsd */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
