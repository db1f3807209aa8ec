/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is passed up for its headers or form, and that it is passed up as it came. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "packet/fill.h"
#include "packet/groups.h"

static struct rig *const rig = &fill_rig;

/* One change to an answerable query. Offsets are from `base`; the checksums are set right
 * afterwards. */
enum base {
	FRAME,
	IP,
	UDP,
	MESSAGE
};

struct change {
	const char *what;
	enum base base;
	int at; /* first byte */
	const char *bytes;
	size_t len;
	enum xns_counter counter;
	enum {
		BOTH,
		V4,
		V6
	} family;
};

#define B(bytes) bytes, sizeof(bytes) - 1

/* In the message: 12 is QNAME, 29 QTYPE, 31 QCLASS, 33 OPT. */
static const struct change changes[] = {
	{"broadcast MAC", FRAME, 0, B("\xff\xff\xff\xff\xff\xff"), XNS_PASS_NOT_OURS, BOTH},
	{"multicast MAC", FRAME, 0, B("\x01"), XNS_PASS_NOT_OURS, BOTH},
	{"multicast source MAC", FRAME, 6, B("\x03"), XNS_PASS_SOURCE, BOTH},
	{"ARP", FRAME, 12, B("\x08\x06"), XNS_PASS_NOT_OURS, BOTH},
	{"IPv4 says 6", IP, 0, B("\x65"), XNS_PASS_NOT_OURS, V4},
	{"IPv6 says 4", IP, 0, B("\x4a"), XNS_PASS_NOT_OURS, V6},
	{"IPv4 options", IP, 0, B("\x46"), XNS_PASS_IP_OPTION, V4},
	{"IPv4 header too short", IP, 0, B("\x44"), XNS_PASS_NOT_OURS, V4},
	{"more fragments", IP, 6, B("\x20\x00"), XNS_PASS_FRAGMENT, V4},
	{"later fragment", IP, 6, B("\x00\x01"), XNS_PASS_FRAGMENT, V4},
	{"TCP", IP, 9, B("\x06"), XNS_PASS_NOT_OURS, V4},
	{"TCP", IP, 6, B("\x06"), XNS_PASS_NOT_OURS, V6},
	{"fragment header", IP, 6, B("\x2c"), XNS_PASS_FRAGMENT, V6},
	{"hop-by-hop header", IP, 6, B("\x00"), XNS_PASS_IP_OPTION, V6},
	{"routing header", IP, 6, B("\x2b"), XNS_PASS_IP_OPTION, V6},
	{"destination options", IP, 6, B("\x3c"), XNS_PASS_IP_OPTION, V6},
	{"another address", IP, 16, B("\xc0\x00\x02\x36"), XNS_PASS_NOT_OURS, V4},
	{"another address", IP, 39, B("\x54"), XNS_PASS_NOT_OURS, V6},
	{"our IPv4 address, mapped, on the wire", IP, 24,
	 B("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x35"), XNS_PASS_NOT_OURS, V6},
	{"source 0.0.0.0", IP, 12, B("\0\0\0\0"), XNS_PASS_SOURCE, V4},
	{"source 127.0.0.1", IP, 12, B("\x7f\0\0\x01"), XNS_PASS_SOURCE, V4},
	{"source 224.0.0.1", IP, 12, B("\xe0\0\0\x01"), XNS_PASS_SOURCE, V4},
	{"source 255.255.255.255", IP, 12, B("\xff\xff\xff\xff"), XNS_PASS_SOURCE, V4},
	{"source ::", IP, 8, B("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), XNS_PASS_SOURCE, V6},
	{"source ::1", IP, 8, B("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"), XNS_PASS_SOURCE, V6},
	{"source ff02::1", IP, 8, B("\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"), XNS_PASS_SOURCE, V6},
	{"source ::ffff:198.51.100.7", IP, 8, B("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x07"),
	 XNS_PASS_SOURCE, V6},
	{"source port 0", UDP, 0, B("\0\0"), XNS_PASS_SOURCE, BOTH},
	{"another port", UDP, 2, B("\0\x36"), XNS_PASS_NOT_OURS, BOTH},
	{"QR", MESSAGE, 2, B("\x80"), XNS_PASS_HEADER, BOTH},
	{"opcode NOTIFY", MESSAGE, 2, B("\x20"), XNS_PASS_HEADER, BOTH},
	{"opcode UPDATE", MESSAGE, 2, B("\x28"), XNS_PASS_HEADER, BOTH},
	{"AA", MESSAGE, 2, B("\x04"), XNS_PASS_HEADER, BOTH},
	{"TC", MESSAGE, 2, B("\x02"), XNS_PASS_HEADER, BOTH},
	{"RA", MESSAGE, 3, B("\x80"), XNS_PASS_HEADER, BOTH},
	{"Z", MESSAGE, 3, B("\x40"), XNS_PASS_HEADER, BOTH},
	{"RCODE", MESSAGE, 3, B("\x01"), XNS_PASS_HEADER, BOTH},
	{"no question", MESSAGE, 4, B("\0\0"), XNS_PASS_HEADER, BOTH},
	{"two questions", MESSAGE, 4, B("\0\2"), XNS_PASS_HEADER, BOTH},
	{"an answer in the query", MESSAGE, 6, B("\0\1"), XNS_PASS_HEADER, BOTH},
	{"authority in the query", MESSAGE, 8, B("\0\1"), XNS_PASS_HEADER, BOTH},
	{"two additional records", MESSAGE, 10, B("\0\2"), XNS_PASS_TSIG, BOTH},
	{"TSIG for OPT", MESSAGE, 34, B("\0\xfa"), XNS_PASS_TSIG, BOTH},
	{"OPT with an owner", MESSAGE, 33, B("\1"), XNS_PASS_TSIG, BOTH},
	{"no additional record, yet bytes", MESSAGE, 10, B("\0\0"), XNS_PASS_MALFORMED, BOTH},
	{"compression pointer", MESSAGE, 12, B("\xc0\x0c"), XNS_PASS_MALFORMED, BOTH},
	{"label of 64 bytes", MESSAGE, 12, B("\x40"), XNS_PASS_MALFORMED, BOTH},
	{"label over the end", MESSAGE, 12, B("\x3f"), XNS_PASS_MALFORMED, BOTH},
	{"OPT's RDLENGTH over the end", MESSAGE, 42, B("\0\1"), XNS_PASS_MALFORMED, BOTH},
	{"class CH", MESSAGE, 31, B("\0\3"), XNS_PASS_CLASS, BOTH},
	{"class ANY", MESSAGE, 31, B("\0\xff"), XNS_PASS_CLASS, BOTH},
	{"class 0x100: not IN", MESSAGE, 31, B("\1\1"), XNS_PASS_CLASS, BOTH},
	{"type 0", MESSAGE, 29, B("\0\0"), XNS_PASS_TYPE, BOTH},
	{"type OPT", MESSAGE, 29, B("\0\x29"), XNS_PASS_TYPE, BOTH},
	{"type TKEY", MESSAGE, 29, B("\0\xf9"), XNS_PASS_TYPE, BOTH},
	{"type TSIG", MESSAGE, 29, B("\0\xfa"), XNS_PASS_TYPE, BOTH},
	{"IXFR", MESSAGE, 29, B("\0\xfb"), XNS_PASS_TYPE, BOTH},
	{"AXFR", MESSAGE, 29, B("\0\xfc"), XNS_PASS_TYPE, BOTH},
	{"MAILA", MESSAGE, 29, B("\0\xfe"), XNS_PASS_TYPE, BOTH},
	{"type 128", MESSAGE, 29, B("\0\x80"), XNS_PASS_TYPE, BOTH},
	{"another zone", MESSAGE, 16,
	 B("\x07"
	   "exbmple"),
	 XNS_PASS_NO_ZONE, BOTH},
};

static const struct ask plain = {.name = "www.example.com", .type = 1, .edns = true};

static void apply(const struct change *change, const struct shape *shape, uint8_t *frame)
{
	const size_t base[] = {[FRAME] = 0,
			       [IP] = frame_l3(shape),
			       [UDP] = frame_udp(shape),
			       [MESSAGE] = frame_message(shape)};

	memcpy(frame + base[change->base] + change->at, change->bytes, change->len);
}

static void test_changes(void **state)
{
	uint8_t message[512], frame[FRAME_MAX];
	size_t len = ask_message(&plain, message);

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		for (int n = 0; n < 6; n++) {
			const struct shape shape = {.ipv6 = n % 2, .tags = n / 2};
			const struct change *change = &changes[i];
			size_t frame_len = frame_make(&shape, message, len, frame);

			if (change->family == (shape.ipv6 ? V4 : V6))
				continue;
			if (change->base == FRAME && change->at == 12 && shape.tags)
				continue; /* the type behind the tags is meant */
			apply(change, &shape, frame);
			frame_fix(frame, &shape, len);
			rig_expect_pass(rig, frame, frame_len, change->counter, change->what);
		}
	}
}

/* Lengths that do not agree; checksums are not looked at there. */
static void test_lengths(void **state)
{
	static const struct change lengths[] = {
		{"UDP longer than the packet", UDP, 4, B("\x01\x00"), XNS_PASS_MALFORMED, BOTH},
		{"UDP shorter than the packet", UDP, 4, B("\x00\x14"), XNS_PASS_MALFORMED, BOTH},
		{"UDP without a header", UDP, 4, B("\x00\x07"), XNS_PASS_MALFORMED, BOTH},
		{"UDP length 0", UDP, 4, B("\x00\x00"), XNS_PASS_MALFORMED, BOTH},
		{"IPv4 longer than the frame", IP, 2, B("\x02\x00"), XNS_PASS_MALFORMED, V4},
		{"IPv4 shorter than its header", IP, 2, B("\x00\x13"), XNS_PASS_MALFORMED, V4},
		{"IPv6 longer than the frame", IP, 4, B("\x02\x00"), XNS_PASS_MALFORMED, V6},
		{"IPv6 jumbogram", IP, 4, B("\x00\x00"), XNS_PASS_MALFORMED, V6},
		{"IPv6 without UDP checksum", UDP, 6, B("\x00\x00"), XNS_PASS_MALFORMED, V6},
	};
	uint8_t message[512], frame[FRAME_MAX];
	size_t len = ask_message(&plain, message);

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			const struct shape shape = {.ipv6 = ipv6, .padding = 20};
			size_t frame_len = frame_make(&shape, message, len, frame);

			if (lengths[i].family == (ipv6 ? V4 : V6))
				continue;
			apply(&lengths[i], &shape, frame);
			rig_expect_pass(rig, frame, frame_len, lengths[i].counter, lengths[i].what);
		}
	}
}

/* IPv4 both too long for the frame, in agreement with UDP: the frame was cut. */
static void test_cut_frame(void **state)
{
	uint8_t message[512], frame[FRAME_MAX];
	const struct shape shape = {.ipv6 = false};
	size_t len = ask_message(&plain, message);
	size_t frame_len = frame_make(&shape, message, len, frame);

	(void)state;
	rig_expect_pass(rig, frame, frame_len - 1, XNS_PASS_MALFORMED, "the last byte is missing");
}

static void test_third_tag(void **state)
{
	uint8_t message[512], frame[FRAME_MAX];
	const struct shape shape = {.tags = 2};
	size_t len = ask_message(&plain, message);
	size_t frame_len = frame_make(&shape, message, len, frame);

	(void)state;
	memmove(frame + 16, frame + 12, frame_len - 12);
	rig_expect_pass(rig, frame, frame_len + 4, XNS_PASS_NOT_OURS, "three tags");
}

/* TLVs of the client's OPT. Those known to nobody here, or to the stack only, are ignored. */
static void test_options(void **state)
{
	static const struct {
		const char *what;
		const char *bytes;
		size_t len;
		bool well_formed;
	} table[] = {
		{"none", B(""), true},
		{"an empty one", B("\0\3\0\0"), true},
		{"a cookie",
		 B("\0\x0a\0\x08"
		   "abcdefgh"),
		 true},
		{"three",
		 B("\0\3\0\0\0\x0a\0\x08"
		   "abcdefgh\xff\xff\0\1x"),
		 true},
		{"NSID with content", B("\0\3\0\2ab"), true},
		{"ZONEVERSION with content", B("\0\x13\0\1a"), false},
		{"half a header", B("\0\3\0"), false},
		{"longer than the OPT", B("\0\3\0\1"), false},
		{"second one too long",
		 B("\0\3\0\0\0\x0a\0\x09"
		   "abcdefgh"),
		 false},
		{"a rest", B("\0\3\0\0\0"), false},
	};
	uint8_t message[512], frame[FRAME_MAX], many[440] = {0};
	const struct shape shape = {0};
	struct outcome outcome;
	struct ask ask = plain;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ask.options = (const uint8_t *)table[i].bytes;
		ask.options_len = table[i].len;
		len = frame_make(&shape, message, ask_message(&ask, message), frame);
		if (table[i].well_formed)
			rig_expect_reply(rig, &shape, frame, len, XNS_ANSWER_POSITIVE, NULL,
					 table[i].what, &outcome);
		else
			rig_expect_pass(rig, frame, len, XNS_PASS_MALFORMED, table[i].what);
	}
	/* As many empty ones as there is room for. */
	ask.options = many;
	ask.options_len = sizeof(many);
	len = frame_make(&shape, message, ask_message(&ask, message), frame);
	rig_expect_reply(rig, &shape, frame, len, XNS_ANSWER_POSITIVE, NULL, "110 options",
			 &outcome);
}

/* 512 bytes are read, 513 are not. */
static void test_long(void **state)
{
	uint8_t message[600], frame[FRAME_MAX], option[512] = {0, 12};
	const struct shape shape = {.ipv6 = true, .tags = 2};
	struct outcome outcome;
	struct ask ask = plain;
	size_t len, base = ask_message(&ask, message);

	(void)state;
	ask.options = option;
	for (size_t want = 512; want <= 513; want++) {
		ask.options_len = want - base;
		option[2] = (ask.options_len - 4) >> 8;
		option[3] = (ask.options_len - 4) & 0xff;
		assert_int_equal(ask_message(&ask, message), want);
		len = frame_make(&shape, message, want, frame);
		if (want == 512)
			rig_expect_reply(rig, &shape, frame, len, XNS_ANSWER_POSITIVE, NULL,
					 "512 bytes", &outcome);
		else
			rig_expect_pass(rig, frame, len, XNS_PASS_LONG, "513 bytes");
	}
}

/* A message shorter than its header; no agent yet. */
static void test_short_and_early(void **state)
{
	uint8_t message[512], frame[FRAME_MAX];
	const struct shape shape = {.padding = 30};
	size_t len = ask_message(&plain, message);

	(void)state;
	for (size_t cut = 0; cut < 12; cut++)
		rig_expect_pass(rig, frame, frame_make(&shape, message, cut, frame),
				XNS_PASS_MALFORMED, "less than a header");
	rig->config->abi_version = 0;
	rig_expect_pass(rig, frame, frame_make(&shape, message, len, frame), XNS_PASS_NOT_READY,
			"maps without a version");
	rig->config->abi_version = XNS_ABI_VERSION;
}

int test_frames(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_cut_frame),	cmocka_unit_test(test_third_tag),
		cmocka_unit_test(test_options),		cmocka_unit_test(test_long),
		cmocka_unit_test(test_short_and_early),
	};

	return cmocka_run_group_tests_name("packet: frames", tests, fill_setup_www, fill_teardown);
}
