// SPDX-License-Identifier: GPL-3.0-or-later
/* Refresh, retry, back-off, expiry and the EXPIRE option, hours of it: the clock is moved on. */
#include "refresh_lab.h"

#define HOUR 3600

/* The next round has begun and ended, at the time that the status told. */
static void next_round(struct lab *lab)
{
	int64_t due_s = status(lab).next_refresh_s;

	assert_true(due_s > 0);
	pass_s(lab, due_s);
	settle(lab);
}

/* A day without anything new: asked once an hour, never expired. */
static void test_refresh(void **state)
{
	struct lab *lab = lab_new("a");

	(void)state;
	wait_serial(lab, 7);
	for (int i = 0; i < 24; i++) {
		assert_in_range(status(lab).next_refresh_s, 3240, 3600);
		pass_s(lab, 3200);
		settle(lab);
		assert_int_equal(lab->a.udp_queries, i);
		next_round(lab);
		assert_int_equal(lab->a.udp_queries, i + 1);
		assert_in_range(status(lab).expires_in_s, 86398, 86400);
	}
	assert_int_equal(lab->a.axfrs, 1);
	publish(&lab->a, SOA(8), SOA(8) NS);
	next_round(lab);
	assert_int_equal(status(lab).stored.serial, 8);
	lab_free(lab);
}

/* Nobody answers: retry, doubled up to refresh; stale, then expired; then somebody has a lower
 * serial. */
static void test_outage(void **state)
{
	static const int64_t most_s[] = {900, 1800, 3600, 3600, 3600};
	struct lab *lab = lab_new("a");

	(void)state;
	wait_serial(lab, 7);
	lab->a.udp_mode = UDP_REFUSE;
	next_round(lab);
	for (size_t i = 0; i < sizeof(most_s) / sizeof(most_s[0]); i++) {
		assert_in_range(status(lab).next_refresh_s, most_s[i] * 9 / 10, most_s[i]);
		next_round(lab);
		assert_int_equal(zone_is_stale(lab->zone, clock_boot_ms()), i > 0);
	}
	assert_int_equal(zone_state(lab->zone, clock_boot_ms()), ZONE_ACTIVE);
	pass_s(lab, status(lab).expires_in_s - 1);
	settle(lab);
	assert_int_equal(zone_state(lab->zone, clock_boot_ms()), ZONE_ACTIVE);
	pass_s(lab, 2);
	settle(lab); /* asked at once when it expires */
	assert_int_equal(zone_state(lab->zone, clock_boot_ms()), ZONE_EXPIRED);
	assert_in_range(status(lab).next_refresh_s, 810, 900);
	assert_true(status(lab).expires_in_s <= 0);
	publish(&lab->a, SOA(3), SOA(3) NS);
	next_round(lab);
	assert_int_equal(status(lab).stored.serial, 3);
	assert_int_equal(zone_state(lab->zone, clock_boot_ms()), ZONE_ACTIVE);
	assert_false(zone_is_stale(lab->zone, clock_boot_ms()));
	assert_string_equal(status(lab).last_error, "");
	lab_free(lab);
}

/* Stale until a primary confirms the same serial. */
static void test_stale(void **state)
{
	struct lab *lab = lab_new("a");

	(void)state;
	wait_serial(lab, 7);
	lab->a.udp_mode = UDP_REFUSE;
	next_round(lab);
	pass_s(lab, 1260); /* both with jitter: 4500 s since the transfer */
	settle(lab);
	assert_true(zone_is_stale(lab->zone, clock_boot_ms()));
	assert_int_equal(zone_state(lab->zone, clock_boot_ms()), ZONE_ACTIVE);
	assert_string_not_equal(status(lab).last_error, "");
	lab->a.udp_mode = UDP_ANSWER;
	next_round(lab);
	assert_false(zone_is_stale(lab->zone, clock_boot_ms()));
	assert_string_equal(status(lab).last_error, "");
	assert_int_equal(lab->a.axfrs, 1);
	lab_free(lab);
}

/* Never transferred: a second, doubled up to an hour. */
static void test_bootstrap(void **state)
{
	struct lab *lab = lab_new("a");
	int64_t most_s = 1;

	(void)state;
	publish(&lab->a, SOA(7), SOA(7) NS);
	lab->a.end = END_REFUSE;
	settle(lab);
	while (lab->a.axfrs == 0)
		turn(lab);
	wait_idle(lab);
	for (int i = 0; i < 15; i++) {
		assert_in_range(status(lab).next_refresh_s, (most_s * 9 + 9) / 10, most_s);
		next_round(lab);
		most_s = most_s < 2048 ? most_s * 2 : 3600;
	}
	assert_int_equal(lab->a.axfrs, 16);
	lab->a.end = END_OPEN;
	next_round(lab);
	assert_int_equal(status(lab).stored.serial, 7);
	lab_free(lab);
}

/* After a restart the round is due when it was due, and expiry comes when it was to come. */
static void test_restart(void **state)
{
	struct lab *lab = lab_new("a");

	(void)state;
	wait_serial(lab, 7);
	pass_s(lab, 1000);
	agent_stop(lab);
	agent_start(lab);
	assert_in_range(status(lab).next_refresh_s, 2200, 2600);
	assert_in_range(status(lab).expires_in_s, 85390, 85400);
	agent_stop(lab);
	clock_shift_ms(90000 * 1000);
	lab->a.udp_mode = UDP_REFUSE;
	agent_start(lab);
	assert_true(status(lab).expires_in_s < 0);
	settle(lab);
	assert_int_equal(lab->a.udp_queries, 1);
	lab_free(lab);
}

/* ---- EXPIRE (RFC 7314) ---- */

static void test_expire_option(void **state)
{
	struct lab *lab;

	/* what is left at the primary is what is left here */
	(void)state;
	lab = lab_new("a");
	lab->a.expire_s = 5000;
	wait_serial(lab, 7);
	assert_in_range(status(lab).expires_in_s, 4990, 5000);
	assert_in_range(status(lab).stored.expires_at - clock_real_s(), 4990, 5000);
	/* a confirmation brings the deadline back, not forward */
	lab->a.expire_s = 6000;
	next_round(lab);
	assert_in_range(status(lab).expires_in_s, 5990, 6000);
	lab->a.expire_s = 100;
	next_round(lab);
	assert_in_range(status(lab).expires_in_s, 2300, 2800);
	assert_int_equal(status(lab).stored.serial, 7);
	/* without the option it is the SOA's */
	lab->a.expire_s = -1;
	check_now(lab);
	assert_in_range(status(lab).expires_in_s, 86390, 86400);
	/* new content: its own */
	publish(&lab->a, SOA(8), SOA(8) NS);
	lab->a.expire_s = 50;
	check_now(lab);
	assert_int_equal(status(lab).stored.serial, 8);
	assert_in_range(status(lab).expires_in_s, 45, 50);
	agent_stop(lab);
	agent_start(lab);
	assert_in_range(status(lab).expires_in_s, 40, 50);
	pass_s(lab, 51);
	assert_int_equal(zone_state(lab->zone, clock_boot_ms()), ZONE_EXPIRED);
	lab->a.expire_s = 70;
	settle(lab);
	assert_int_equal(zone_state(lab->zone, clock_boot_ms()), ZONE_ACTIVE);
	assert_in_range(status(lab).expires_in_s, 60, 70);
	lab_free(lab);
}

/* Told with the SOA only, as BIND does: it is for what is transferred next too, but not for more.
 */
static void test_expire_of_soa(void **state)
{
	struct lab *lab = lab_new("a");

	(void)state;
	lab->a.expire_s = 5000;
	lab->a.expire_of_soa_only = true;
	wait_serial(lab, 7);
	assert_in_range(status(lab).expires_in_s, 86390, 86400);
	publish(&lab->a, SOA(8), SOA(8) NS);
	check_now(lab);
	assert_int_equal(status(lab).stored.serial, 8);
	assert_in_range(status(lab).expires_in_s, 4990, 5000);
	refresh_retransfer(lab->refresh, lab->zone);
	wait_idle(lab);
	assert_in_range(status(lab).expires_in_s, 86390, 86400);
	lab_free(lab);
}

/* ---- the operator's bounds ---- */

static void test_bounds(void **state)
{
	static const struct {
		const char *more;
		int64_t refresh_s, retry_s, expires_s;
	} table[] = {
		{"refresh-max-interval: 600", 600, 900, 86400},
		{"refresh-min-interval: 7200", 7200, 900, 86400},
		{"retry-max-interval: 60", 3600, 60, 86400},
		{"retry-min-interval: 1000", 3600, 1000, 86400},
		{"expire-max-interval: 5000", 3600, 900, 5000},
		{"expire-min-interval: 100000", 3600, 900, 100000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct lab *lab = lab_new_more("a", table[i].more);

		wait_serial(lab, 7);
		assert_in_range(status(lab).next_refresh_s, table[i].refresh_s * 9 / 10,
				table[i].refresh_s);
		assert_in_range(status(lab).expires_in_s, table[i].expires_s - 5,
				table[i].expires_s);
		lab->a.udp_mode = UDP_REFUSE;
		check_now(lab);
		assert_in_range(status(lab).next_refresh_s, table[i].retry_s * 8 / 10,
				table[i].retry_s);
		lab_free(lab);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refresh),	      cmocka_unit_test(test_outage),
		cmocka_unit_test(test_stale),	      cmocka_unit_test(test_bootstrap),
		cmocka_unit_test(test_restart),	      cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_expire_option), cmocka_unit_test(test_expire_of_soa),
	};

	signal(SIGPIPE, SIG_IGN); /* as in xnsd */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
