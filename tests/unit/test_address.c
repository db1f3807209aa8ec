// SPDX-License-Identifier: GPL-3.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "util/address.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct {
	const char *what;
	const char *text;
	const char *expect; /* NULL: refused */
} parse_cases[] = {
	{"IPv4 with a port", "192.0.2.53@5353", "192.0.2.53@5353"},
	{"IPv4, default port", "192.0.2.53", "192.0.2.53@53"},
	{"IPv6 with a port", "2001:db8::53@5353", "2001:db8::53@5353"},
	{"IPv6, default port", "2001:DB8:0:0::53", "2001:db8::53@53"},
	{"lowest port", "192.0.2.1@1", "192.0.2.1@1"},
	{"highest port", "192.0.2.1@65535", "192.0.2.1@65535"},
	{"leading zeros", "192.0.2.1@00053", "192.0.2.1@53"},
	{"IPv4-mapped is shown as IPv4", "::ffff:192.0.2.1@53", "192.0.2.1@53"},
	{"longest text", "2001:0db8:0123:4567:89ab:cdef:255.255.255.255@65535",
	 "2001:db8:123:4567:89ab:cdef:ffff:ffff@65535"},
	{"port 0", "192.0.2.1@0", NULL},
	{"port too high", "192.0.2.1@65536", NULL},
	{"port far too high", "192.0.2.1@4294967349", NULL},
	{"port with a sign", "192.0.2.1@+53", NULL},
	{"port with a blank", "192.0.2.1@ 53", NULL},
	{"port with more", "192.0.2.1@53x", NULL},
	{"no port behind the @", "192.0.2.1@", NULL},
	{"two ports", "192.0.2.1@53@53", NULL},
	{"a name", "localhost", NULL},
	{"a scope", "fe80::1%lo", NULL},
	{"a colon before the port", "192.0.2.1:53", NULL},
	{"brackets", "[2001:db8::1]:53", NULL},
	{"three numbers", "192.0.2", NULL},
	{"a number too high", "192.0.2.256", NULL},
	{"empty", "", NULL},
	{"port alone", "@53", NULL},
	{"endless", "1111111111111111111111111111111111111111111111111111111111111111", NULL},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(parse_cases); i++) {
		struct sockaddr_storage addr = {.ss_family = 77};
		char text[ADDRESS_TEXT_MAX];
		int err = address_parse(parse_cases[i].text, 53, &addr);
		if (!parse_cases[i].expect) {
			if (err != -EINVAL)
				fail_msg("%s: %d", parse_cases[i].what, err);
			assert_int_equal(addr.ss_family, 77); /* written only on success */
			continue;
		}
		if (err != 0)
			fail_msg("%s: %d", parse_cases[i].what, err);
		assert_string_equal(address_to_text((struct sockaddr *)&addr, text),
				    parse_cases[i].expect);
	}
}

static const struct {
	const char *a, *b;
	bool same;
} host_cases[] = {
	{"192.0.2.1@53", "192.0.2.1@54", true},	    {"192.0.2.1", "192.0.2.2", false},
	{"192.0.2.1", "::ffff:192.0.2.1", true},    {"::ffff:192.0.2.1", "192.0.2.1@9", true},
	{"::ffff:192.0.2.1", "::192.0.2.1", false}, {"2001:db8::1@1", "2001:db8::1@2", true},
	{"2001:db8::1", "2001:db8::2", false},	    {"0.0.0.0", "::", false},
};

static void test_same_host(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(host_cases); i++) {
		struct sockaddr_storage a, b;
		assert_int_equal(address_parse(host_cases[i].a, 53, &a), 0);
		assert_int_equal(address_parse(host_cases[i].b, 53, &b), 0);
		assert_int_equal(address_same_host((struct sockaddr *)&a, (struct sockaddr *)&b),
				 host_cases[i].same);
	}
	struct sockaddr none = {.sa_family = AF_UNSPEC}, local = {.sa_family = AF_UNIX};
	assert_false(address_same_host(&none, &local));
}

static void test_other_family(void **state)
{
	struct sockaddr local = {.sa_family = AF_UNIX};
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	assert_string_equal(address_to_text(&local, text), "(no address)");
}

static void test_len(void **state)
{
	struct sockaddr_storage a;

	(void)state;
	assert_int_equal(address_parse("192.0.2.1", 53, &a), 0);
	assert_int_equal(address_len((struct sockaddr *)&a), sizeof(struct sockaddr_in));
	assert_int_equal(address_parse("::1", 53, &a), 0);
	assert_int_equal(address_len((struct sockaddr *)&a), sizeof(struct sockaddr_in6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_same_host),
		cmocka_unit_test(test_other_family),
		cmocka_unit_test(test_len),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
