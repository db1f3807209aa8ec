// SPDX-License-Identifier: GPL-3.0-or-later
/* IXFR through the whole driver, and AXFR after whatever may go wrong with it. */
#include "refresh_lab.h"

#define A(n) "a A 192.0.2." #n "\n"

static const struct {
	const char *what;
	const char *ixfr[MESSAGES];
	uint32_t serial; /* in the end; the primary's AXFR has 10, its SOA says 9 */
	unsigned ixfrs, axfrs;
	bool by_difference;
	enum end end;
} table[] = {
	{"one difference", {SOA(9) SOA(7) SOA(9) A(8) SOA(9)}, 9, 1, 0, true, END_OPEN},
	{"in several messages", {SOA(9) SOA(7), SOA(9) A(8), SOA(9)}, 9, 1, 0, true, END_OPEN},
	{"several differences",
	 {SOA(9) SOA(7) SOA(8) A(1) SOA(8) A(1) SOA(9) A(8) SOA(9)},
	 9,
	 1,
	 0,
	 true,
	 END_OPEN},
	{"the whole zone", {SOA(9) NS A(8) SOA(9)}, 9, 1, 0, false, END_OPEN},
	{"nothing newer", {SOA(7)}, 7, 1, 0, false, END_OPEN},
	{"NOTIMP", {NULL}, 10, 2 /* without EDNS too */, 1, false, END_OPEN},
	{"REFUSED", {""}, 10, 1, 1, false, END_REFUSE},
	{"closed without an answer", {NULL}, 10, 1, 1, false, END_CLOSE},
	{"closed in the middle", {SOA(9) SOA(7) SOA(9) A(8)}, 10, 1, 1, false, END_CLOSE},
	{"reset", {SOA(9) SOA(7)}, 10, 1, 1, false, END_RESET},
	{"half a message", {SOA(9) SOA(7) SOA(9) A(8) SOA(9)}, 10, 1, 1, false, END_HALF},
	{"silence", {SOA(9) SOA(7)}, 10, 1, 1, false, END_OPEN},
	{"a newer SOA alone", {SOA(9)}, 10, 1, 1, false, END_CLOSE},
	{"removes what is not there",
	 {SOA(9) SOA(7) A(1) SOA(9) A(8) SOA(9)},
	 10,
	 1,
	 1,
	 false,
	 END_OPEN},
	{"begins elsewhere", {SOA(9) SOA(6) SOA(9) A(8) SOA(9)}, 10, 1, 1, false, END_OPEN},
	{"leaves no NS", {SOA(9) SOA(7) "@ NS ns\n" SOA(9) SOA(9)}, 10, 1, 1, false, END_OPEN},
	{"outside of the zone",
	 {SOA(9) SOA(7) SOA(9) "example.net. A 192.0.2.1\n" SOA(9)},
	 10,
	 1,
	 1,
	 false,
	 END_OPEN},
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct lab *lab = lab_new_more("a", "request-ixfr: true");
		struct refresh_status s;

		wait_serial(lab, 7);
		assert_int_equal(lab->a.axfrs, 1);
		assert_int_equal(lab->a.ixfrs, 0);
		publish(&lab->a, SOA(9), SOA(10) NS);
		lab->a.message[1] = SOA(10);
		memcpy(lab->a.ixfr, table[i].ixfr, sizeof(lab->a.ixfr));
		lab->a.ixfr_end = table[i].end;
		check_now(lab);
		s = status(lab);
		if (s.stored.serial != table[i].serial || lab->a.ixfrs != table[i].ixfrs ||
		    lab->a.axfrs != 1 + table[i].axfrs ||
		    s.stored.transfer_ixfr != table[i].by_difference || s.last_error[0])
			fail_msg("%s: serial %u, %u IXFR, %u AXFR, difference %d, error \"%s\"",
				 table[i].what, s.stored.serial, lab->a.ixfrs, lab->a.axfrs,
				 s.stored.transfer_ixfr, s.last_error);
		assert_int_equal(lab->a.ixfr_serial, 7);
		assert_int_equal(atomic_load(&lab->zone->serial), table[i].serial);
		lab_free(lab);
	}
}

/* The difference does not fit, nor does the AXFR succeed: the next primary is asked for IXFR. */
static void test_next_primary(void **state)
{
	struct lab *lab = lab_new_more("a, b", "request-ixfr: true");

	(void)state;
	wait_serial(lab, 7);
	publish(&lab->a, SOA(8), SOA(8) NS "example.net. A 192.0.2.1\n");
	publish(&lab->b, SOA(8), SOA(9) NS);
	lab->b.ixfr[0] = SOA(8) SOA(7) SOA(8) A(8) SOA(8);
	check_now(lab);
	assert_int_equal(status(lab).stored.serial, 8);
	assert_int_equal(lab->a.ixfrs, 2); /* with EDNS and without: NOTIMP */
	assert_int_equal(lab->a.axfrs, 2);
	assert_int_equal(lab->b.ixfrs, 1);
	assert_int_equal(lab->b.axfrs, 0);
	lab_free(lab);
}

/* Where the configuration says no, and where the operator asks for the zone. */
static void test_not_asked(void **state)
{
	struct lab *lab = lab_new("a");

	(void)state;
	wait_serial(lab, 7);
	publish(&lab->a, SOA(8), SOA(8) NS);
	check_now(lab);
	assert_int_equal(status(lab).stored.serial, 8);
	lab_free(lab);
	lab = lab_new_more("a", "request-ixfr: true");
	wait_serial(lab, 7);
	publish(&lab->a, SOA(5), SOA(5) NS);
	refresh_retransfer(lab->refresh, lab->zone);
	wait_idle(lab);
	assert_int_equal(status(lab).stored.serial, 5);
	assert_int_equal(lab->a.ixfrs, 0);
	lab_free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_next_primary),
		cmocka_unit_test(test_not_asked),
	};

	signal(SIGPIPE, SIG_IGN); /* as in xnsd */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
