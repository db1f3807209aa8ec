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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify),
	};

	signal(SIGPIPE, SIG_IGN); /* as in xnsd */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
