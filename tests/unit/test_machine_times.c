// SPDX-License-Identifier: GPL-3.0-or-later
/* When the machine acts: back-off, jitter, spread; another configuration at run time. */
#include "machine_script.h"

#include "transfer/message.h"

static const struct machine_conf one = {.n_targets = 1};

/* Jitter only makes it earlier, by a tenth at most. */
static void test_jitter(void **state)
{
	static const uint32_t interval_s[] = {1, 2, 3600, 28 * 86400, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(interval_s) / sizeof(interval_s[0]); i++) {
		for (unsigned n = 0; n < 200; n++) {
			struct machine_event event = APPLIED(7, 0);
			struct machine_event failed = FAILED;
			struct machine_event timer = TIMER;
			uint32_t random = n == 0 ? UINT32_MAX : message_random();
			int64_t interval_ms = interval_s[i] * S;
			struct machine m;

			machine_init(&m, &one);
			m.state = MACHINE_APPLYING;
			event.refresh_s = interval_s[i];
			event.retry_s = interval_s[i];
			event.expires_ms = INT64_MAX;
			machine_step(&m, NOW, random, &event);
			assert_true(m.next_ms <= NOW + interval_ms);
			assert_true(m.next_ms >= NOW + interval_ms * 9 / 10 - 1);
			machine_step(&m, m.next_ms, random, &timer);
			machine_step(&m, NOW, random, &failed);
			assert_true(m.next_ms <= NOW + interval_ms);
			assert_true(m.next_ms >= NOW + interval_ms * 9 / 10 - 1);
		}
	}
}

/* While rounds fail: retry, doubled up to a bound. */
static void test_backoff(void **state)
{
	static const struct {
		const char *what;
		uint32_t refresh_s, retry_s, retry_max_s;
		uint32_t expect_s[8];
	} table[] = {
		{"up to refresh", 3600, 900, 0, {900, 1800, 3600, 3600, 3600, 3600, 3600, 3600}},
		{"refresh below retry", 600, 900, 0, {900, 900, 900, 900, 900, 900, 900, 900}},
		{"up to a day",
		 7 * 86400,
		 7200,
		 0,
		 {7200, 14400, 28800, 57600, 86400, 86400, 86400, 86400}},
		{"up to the operator's bound",
		 3600,
		 60,
		 300,
		 {60, 120, 240, 300, 300, 300, 300, 300}},
		{"retry of weeks",
		 28 * 86400,
		 14 * 86400,
		 0,
		 {1209600, 1209600, 1209600, 1209600, 1209600, 1209600, 1209600, 1209600}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct machine_event start = STORED(0), timer = TIMER, failed = FAILED;
		struct machine_event serial = SERIAL(7), confirmed = CONFIRMED(0);
		struct machine_conf conf = {.n_targets = 1, .retry_max_s = table[i].retry_max_s};
		struct machine m;
		int64_t now_ms = NOW;

		start.refresh_s = table[i].refresh_s;
		start.retry_s = table[i].retry_s;
		start.expires_ms = confirmed.expires_ms = INT64_MAX;
		machine_init(&m, &conf);
		machine_step(&m, now_ms, 0, &start);
		for (int n = 0; n < 10; n++) {
			now_ms = machine_timer_ms(&m);
			machine_step(&m, now_ms, 0, &timer);
			if (n == 8) { /* success ends it */
				machine_step(&m, now_ms, 0, &serial);
				machine_step(&m, now_ms, 0, &confirmed);
				continue;
			}
			machine_step(&m, now_ms, 0, &failed);
			if (m.next_ms != now_ms + table[i].expect_s[n == 9 ? 0 : n] * S)
				fail_msg("%s: round %d: %lld ms", table[i].what, n,
					 (long long)(m.next_ms - now_ms));
		}
	}
}

/* A month without a primary: the back-off reaches an hour and stays there. */
static void test_bootstrap(void **state)
{
	struct machine_event start = EMPTY, timer = TIMER, failed = FAILED;
	int64_t now_ms = NOW, last_ms;
	struct machine m;
	unsigned rounds = 0;

	(void)state;
	machine_init(&m, &one);
	machine_step(&m, now_ms, 0, &start);
	do {
		last_ms = now_ms;
		now_ms = machine_timer_ms(&m);
		assert_true(now_ms - last_ms <= MACHINE_BOOTSTRAP_MAX_S * S);
		assert_int_equal(machine_step(&m, now_ms, 0, &timer).type, MACHINE_TRANSFER);
		assert_int_equal(machine_step(&m, now_ms, 0, &failed).type, MACHINE_WAIT);
		rounds++;
	} while (now_ms < NOW + 30 * 86400 * S);
	assert_int_equal(now_ms - last_ms, MACHINE_BOOTSTRAP_MAX_S * S);
	assert_in_range(rounds, 30 * 24, 30 * 24 + 13);
}

/* An expired zone with a retry of days is asked for once an hour. */
static void test_expired_retry(void **state)
{
	struct machine_event start = STORED(90000), timer = TIMER, failed = FAILED;
	struct machine m;

	(void)state;
	start.retry_s = 7 * 86400;
	machine_init(&m, &one);
	machine_step(&m, NOW, 0, &start);
	assert_true(machine_is_expired(&m, NOW));
	assert_true(machine_step(&m, NOW, 0, &timer).expired);
	machine_step(&m, NOW, 0, &failed);
	assert_int_equal(m.next_ms, NOW + MACHINE_BOOTSTRAP_MAX_S * S);
}

/* Overdue at start: within the spread, not all at once. */
static void test_spread(void **state)
{
	int64_t first = INT64_MAX, last = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct machine_event start = STORED(80000);
		struct machine m;

		start.spread_ms = 2000;
		machine_init(&m, &one);
		machine_step(&m, NOW, message_random(), &start);
		first = m.next_ms < first ? m.next_ms : first;
		last = m.next_ms > last ? m.next_ms : last;
	}
	assert_true(first >= NOW && last < NOW + 2000);
	assert_true(last - first > 1000);
}

/* ---- another configuration ---- */

static const struct machine_change three = {
	.conf = {.n_targets = 3},
	.refresh_s = REFRESH_S,
	.retry_s = RETRY_S,
	.current = -1,
	.confirmed = -1,
};

static void test_configure_idle(void **state)
{
	struct machine_change change = three;
	struct machine_event start = STORED(60), timer = TIMER, failed = FAILED;
	struct machine m;

	(void)state;
	machine_init(&m, &one);
	machine_step(&m, NOW, 0, &start);
	machine_configure(&m, NOW, 0, &change);
	assert_int_equal(m.next_ms, NOW + 3540 * S);
	/* shorter than what is left */
	change.refresh_s = 600;
	change.same_targets = true;
	machine_configure(&m, NOW, 0, &change);
	assert_int_equal(m.next_ms, NOW + 600 * S);
	/* its rounds failed: the new primaries are asked at once */
	machine_step(&m, m.next_ms, 0, &timer);
	for (int i = 0; i < 3; i++)
		machine_step(&m, NOW, 0, &failed);
	assert_int_equal(m.state, MACHINE_IDLE);
	machine_configure(&m, NOW, 0, &change);
	assert_true(m.next_ms > NOW);
	change.same_targets = false;
	machine_configure(&m, NOW, 0, &change);
	assert_int_equal(m.next_ms, NOW);
}

static void test_configure_asking(void **state)
{
	struct machine_change change = three;
	struct machine_event start = STORED(3600), timer = TIMER, failed = FAILED;
	struct machine_event older = SERIAL(6);
	struct machine_action action;
	struct machine m;

	/* the one that is asked is now the last: after it the others come */
	(void)state;
	machine_init(&m, &one);
	machine_step(&m, NOW, 0, &start);
	machine_step(&m, NOW, 0, &timer);
	change.current = 2;
	machine_configure(&m, NOW, 0, &change);
	assert_int_equal(machine_step(&m, NOW, 0, &failed).target, 0);
	assert_int_equal(machine_step(&m, NOW, 0, &older).target, 1);
	/* it is none any more, the one that confirmed is another number: the round begins anew */
	change.current = -1;
	change.confirmed = -1;
	change.conf.n_targets = 2;
	machine_configure(&m, NOW, 0, &change);
	action = machine_restart(&m);
	assert_int_equal(action.type, MACHINE_ASK_UDP);
	assert_int_equal(action.target, 0);
	assert_int_equal(machine_step(&m, NOW, 0, &failed).target, 1);
	assert_true(machine_step(&m, NOW, 0, &failed).round_failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jitter),		 cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_bootstrap),	 cmocka_unit_test(test_expired_retry),
		cmocka_unit_test(test_spread),		 cmocka_unit_test(test_configure_idle),
		cmocka_unit_test(test_configure_asking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
