// SPDX-License-Identifier: GPL-3.0-or-later
/* First transfers, checks, what primaries do wrong, fail-over. */
#include "refresh_lab.h"

static void test_first_transfer(void **state)
{
	struct lab *lab = lab_new("a, b");
	char primary[64];
	struct refresh_status s;

	(void)state;
	assert_false(status(lab).has_content);
	wait_serial(lab, 7);
	s = status(lab);
	snprintf(primary, sizeof(primary), "127.0.0.1@%d", lab->a.port);
	assert_string_equal(s.primary, primary);
	assert_string_equal(s.stored.primary, primary);
	assert_int_equal(s.stored.transfer_records, 3);
	assert_true(s.stored.transfer_bytes > 100);
	assert_in_range(s.next_refresh_s, 3200, 3600);
	assert_in_range(s.expires_in_s, 86390, 86400);
	assert_string_equal(s.last_error, "");
	assert_int_equal(lab->a.axfrs, 1);
	assert_int_equal(lab->a.udp_queries, 0);
	lab_free(lab);
}

static void test_check(void **state)
{
	struct lab *lab = lab_new("a, b");

	(void)state;
	wait_serial(lab, 7);
	check_now(lab); /* nothing new */
	assert_int_equal(lab->a.udp_queries, 1);
	assert_int_equal(lab->a.axfrs, 1);
	publish(&lab->a, SOA(9), SOA(9) NS);
	check_now(lab);
	assert_int_equal(status(lab).stored.serial, 9);
	assert_int_equal(lab->a.axfrs, 2);
	assert_int_equal(lab->b.udp_queries + lab->b.axfrs, 0);
	lab_free(lab);
}

/* SOA over UDP has its ways to fail; each of them leads to the new serial all the same. */
static void test_udp(void **state)
{
	static const struct {
		enum udp_mode mode;
		unsigned udp_queries, over_tcp, of_b;
	} table[] = {
		{UDP_ANSWER, 1, 0, 0}, {UDP_FORGED, 1, 0, 0}, {UDP_TC, 1, 1, 0},
		{UDP_SILENT, 3, 1, 0}, {UDP_REFUSE, 1, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct lab *lab = lab_new("a, b");

		wait_serial(lab, 7);
		publish(&lab->a, SOA(8), SOA(8) NS);
		publish(&lab->b, SOA(8), SOA(8) NS);
		lab->a.udp_mode = table[i].mode;
		check_now(lab);
		assert_int_equal(status(lab).stored.serial, 8);
		assert_int_equal(lab->a.udp_queries, table[i].udp_queries);
		assert_int_equal(lab->a.soa_over_tcp, table[i].over_tcp);
		assert_int_equal(lab->b.udp_queries, table[i].of_b);
		lab_free(lab);
	}
}

static const struct {
	const char *what;
	enum end end;
	const char *message[MESSAGES];
	const char *error; /* part of last_error */
} broken[] = {
	{"no final SOA",
	 END_CLOSE,
	 {SOA(8) NS},
	 "closed before the final SOA, after 1 message and 3 records"},
	{"no answer", END_CLOSE, {NULL}, "closed without an answer"},
	{"half a message",
	 END_HALF,
	 {SOA(8) NS, SOA(8)},
	 "closed in the middle of a message, after 1 message"},
	{"half a length",
	 END_LENGTH,
	 {SOA(8) NS},
	 "closed in the middle of a message, after 1 message"},
	{"reset", END_RESET, {NULL}, "connection reset by peer"},
	/* libuv reports a reset behind data as the end of the stream */
	{"reset later", END_RESET, {SOA(8) NS}, "after 1 message and 3 records"},
	{"silence", END_OPEN, {SOA(8) NS}, "silent for 0.3 s, after 1 message"},
	{"silence from the begin", END_OPEN, {NULL}, "silent for 0.3 s"},
	{"endless", END_DRIP, {SOA(8) NS}, "not done after 1.0 s"},
	{"refused", END_REFUSE, {""}, "answered REFUSED"},
	{"SOA in the middle", END_OPEN, {SOA(8) NS SOA(9), SOA(8)}, "SOA in the middle"},
	{"bytes behind the end",
	 END_OPEN,
	 {SOA(8) NS SOA(8) "a A 192.0.2.1\n"},
	 "behind the final SOA"},
	{"outside",
	 END_OPEN,
	 {SOA(8) NS "example.net. A 192.0.2.1\n" SOA(8)},
	 "outside of the zone: example.net. A"},
	{"two CNAMEs", END_OPEN, {SOA(8) NS "c CNAME a\nc CNAME b\n" SOA(8)}, "c.example.com."},
	{"no NS", END_OPEN, {SOA(8) SOA(8)}, "no NS"},
};

/* Whatever the primary sends, serial 7 stays and the reason is told; then a good serial is taken.
 */
static void test_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct lab *lab = lab_new("a");
		struct refresh_status s;
		char from[80];

		wait_serial(lab, 7);
		publish(&lab->a, SOA(8), NULL);
		memcpy(lab->a.message, broken[i].message, sizeof(lab->a.message));
		lab->a.end = broken[i].end;
		check_now(lab);
		s = status(lab);
		snprintf(from, sizeof(from), "AXFR from 127.0.0.1@%d: ", lab->a.port);
		assert_int_equal(lab->a.axfrs, 2);
		assert_int_equal(atomic_load(&lab->zone->serial), 7);
		assert_int_equal(s.stored.serial, 7);
		if (strncmp(s.last_error, from, strlen(from)) != 0 ||
		    !strstr(s.last_error, broken[i].error))
			fail_msg("%s: last error \"%s\"", broken[i].what, s.last_error);
		assert_in_range(s.next_refresh_s, 800, 900); /* retry */

		publish(&lab->a, SOA(10), SOA(10) NS);
		check_now(lab);
		assert_int_equal(status(lab).stored.serial, 10);
		assert_string_equal(status(lab).last_error, "");
		lab_free(lab);
	}
}

/* The first primary is of no use in some way, the second has the zone. */
static void test_failover(void **state)
{
	enum {
		DEAD,
		REFUSES,
		BROKEN,
		OLDER,
		TWO_CNAMES,
		WAYS
	};

	(void)state;
	for (int way = DEAD; way < WAYS; way++) {
		struct lab *lab = lab_new("a, b");

		wait_serial(lab, 7);
		publish(&lab->a, SOA(8), SOA(8) NS "example.net. A 192.0.2.1\n");
		publish(&lab->b, SOA(9), SOA(9) NS);
		if (way == DEAD)
			primary_die(&lab->a);
		else if (way == REFUSES)
			lab->a.udp_mode = UDP_REFUSE;
		else if (way == OLDER)
			publish(&lab->a, SOA(6), SOA(6) NS);
		else if (way == TWO_CNAMES)
			lab->a.message[0] = SOA(8) NS "c CNAME a\nc CNAME b\n";
		check_now(lab);
		assert_int_equal(status(lab).stored.serial, 9);
		assert_int_equal(lab->b.axfrs, 1);
		assert_string_equal(status(lab).last_error, "");
		lab_free(lab);
	}
}

static void test_nobody(void **state)
{
	struct lab *lab = lab_new("a, b");
	struct refresh_status s;

	(void)state;
	primary_die(&lab->a);
	primary_die(&lab->b);
	while (status(lab).last_error[0] == '\0')
		turn(lab);
	wait_idle(lab);
	s = status(lab);
	assert_false(s.has_content);
	assert_non_null(strstr(s.last_error, "connection refused"));
	assert_int_equal(s.next_refresh_s, 1);
	lab_free(lab);
}

/* ---- serials, expiry, restart ---- */

static void test_older(void **state)
{
	struct lab *lab = lab_new("a");

	(void)state;
	wait_serial(lab, 7);
	publish(&lab->a, SOA(5), SOA(5) NS);
	check_now(lab);
	assert_int_equal(status(lab).stored.serial, 7);
	assert_int_equal(lab->a.axfrs, 1);
	refresh_retransfer(lab->refresh, lab->zone);
	wait_idle(lab);
	assert_int_equal(status(lab).stored.serial, 5);
	assert_int_equal(atomic_load(&lab->zone->serial), 5);
	/* a primary that tells more than it has */
	publish(&lab->a, SOA(6), SOA(4) NS SOA(4));
	lab->a.message[1] = NULL;
	check_now(lab);
	assert_int_equal(status(lab).stored.serial, 5);
	lab_free(lab);
}

static void test_restart(void **state)
{
	struct lab *lab = lab_new("a");

	(void)state;
	wait_serial(lab, 7);
	agent_stop(lab);
	agent_start(lab);
	/* from the store, without asking */
	assert_true(status(lab).has_content);
	assert_int_equal(status(lab).stored.serial, 7);
	assert_in_range(status(lab).next_refresh_s, 3200, 3600);
	assert_in_range(status(lab).expires_in_s, 86390, 86400);
	assert_int_equal(lab->a.axfrs + lab->a.udp_queries, 1);
	check_now(lab);
	assert_int_equal(lab->a.udp_queries, 1);
	lab_free(lab);
}

/* Stopped with something under way: nothing leaks, nothing is called. */
static void test_stop(void **state)
{
	enum {
		IN_QUERY,
		IN_TCP_QUERY,
		IN_TRANSFER,
		IN_COMMIT,
		PLACES
	};

	(void)state;
	for (int place = IN_QUERY; place < PLACES; place++) {
		struct lab *lab = lab_new("a");

		wait_serial(lab, 7);
		publish(&lab->a, SOA(8), SOA(8) NS);
		if (place == IN_TRANSFER)
			lab->a.message[1] = NULL;
		if (place == IN_QUERY || place == IN_TCP_QUERY)
			lab->a.udp_mode = place == IN_QUERY ? UDP_SILENT : UDP_TC;
		refresh_now(lab->refresh, lab->zone);
		while ((place == IN_QUERY && lab->a.udp_queries == 0) ||
		       (place == IN_TCP_QUERY && lab->a.soa_over_tcp == 0) ||
		       (place == IN_TRANSFER && lab->a.axfrs < 2) ||
		       (place == IN_COMMIT && strcmp(status(lab).activity, "commit") != 0))
			turn(lab);
		lab_free(lab);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_transfer),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_older),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_stop),
	};

	signal(SIGPIPE, SIG_IGN); /* as in xnsd */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
