/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Size limits, truncation, growth and shrinking, checksums. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <cmocka.h>

#include "packet/fill.h"
#include "packet/groups.h"

#define NAME	 "txt.example.com"
#define NAME_LEN 17
/* Header, question, OPT. */
#define OVERHEAD (12 + NAME_LEN + 4 + OPT_FIXED)

static struct rig *const rig = &fill_rig;

static void put_txt(size_t len, uint8_t flags)
{
	uint8_t image[XNS_IMAGE_LARGE_MAX];
	struct xns_node node = fill_node(NAME);

	fill_txt(image, len);
	fill_type(rig, &node, 16, image, len, true);
	node.type[0].flags |= flags;
	fill_put(rig, "nodes", NAME, 0, &node);
}

static void expect(uint16_t edns_size, bool ipv6, enum xns_counter counter, const char *what)
{
	const struct ask ask = {
		.name = NAME, .type = 16, .edns = edns_size, .edns_size = edns_size};
	const struct shape shape = {.ipv6 = ipv6, .tags = ipv6};
	uint8_t message[512], frame[FRAME_MAX];
	struct outcome outcome;
	size_t len = frame_make(&shape, message, ask_message(&ask, message), frame);

	if (!rig_is_answer(counter)) {
		rig_expect_pass(rig, frame, len, counter, what);
		return;
	}
	rig_expect_reply(rig, &shape, frame, len, counter,
			 counter == XNS_ANSWER_TRUNCATED ? "noerror aa tc\n" : NULL, what,
			 &outcome);
	if (counter == XNS_ANSWER_TRUNCATED)
		assert_int_equal(outcome.len, len);
}

/* RFC 6891 §6.2.3: what the client says, not below 512, not above what we are configured for. */
static void test_limits(void **state)
{
	static const struct {
		const char *what;
		uint16_t edns_size, max_udp_size, limit;
	} table[] = {
		{"no EDNS", 0, 1232, 512},
		{"no EDNS, large maximum", 0, 4096, 512},
		{"EDNS 1", 1, 1232, 512},
		{"EDNS 512", 512, 1232, 512},
		{"EDNS 513", 513, 1232, 513},
		{"EDNS 900", 900, 1232, 900},
		{"EDNS 1232", 1232, 1232, 1232},
		{"EDNS 4096", 4096, 1232, 1232},
		{"EDNS 65535", 65535, 1232, 1232},
		{"EDNS 65535, maximum 512", 65535, 512, 512},
		{"EDNS 1400, maximum 4096", 1400, 4096, 1400},
		{"EDNS 1900, maximum 1800", 1900, 1800, 1800},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t fits = table[i].limit - OVERHEAD + (table[i].edns_size ? 0 : OPT_FIXED);

		rig->config->max_udp_size = table[i].max_udp_size;
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			put_txt(fits, 0);
			expect(table[i].edns_size, ipv6, XNS_ANSWER_POSITIVE, table[i].what);
			put_txt(fits + 1, 0);
			expect(table[i].edns_size, ipv6, XNS_ANSWER_TRUNCATED, table[i].what);
			put_txt(fits, XNS_TYPE_TRIM);
			expect(table[i].edns_size, ipv6, XNS_ANSWER_POSITIVE, table[i].what);
			put_txt(fits + 1, XNS_TYPE_TRIM);
			expect(table[i].edns_size, ipv6, XNS_PASS_NODE, table[i].what);
			put_txt(fits, XNS_TYPE_PASS);
			expect(table[i].edns_size, ipv6, XNS_PASS_NODE, table[i].what);
			put_txt(fits + 1, XNS_TYPE_PASS);
			expect(table[i].edns_size, ipv6, XNS_ANSWER_TRUNCATED, table[i].what);
			put_txt(fits + 1, XNS_TYPE_PASS | XNS_TYPE_TRIM);
			expect(table[i].edns_size, ipv6, XNS_PASS_NODE, table[i].what);
		}
	}
	rig->config->max_udp_size = XNS_EDNS_SIZE_DEFAULT;
}

static void set_mtu(int mtu)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_mtu = mtu};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, SIOCSIFMTU, &request), 0);
	close(fd);
}

/* A run's interface is the loopback of its network namespace. */
static void test_mtu(void **state)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	const size_t opt = OVERHEAD;

	(void)state;
	assert_true(home >= 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	set_mtu(1000);
	put_txt(1000 - 28 - opt, 0);
	expect(1232, false, XNS_ANSWER_POSITIVE, "IPv4, MTU 1000");
	expect(1232, true, XNS_ANSWER_TRUNCATED, "IPv6, MTU 1000");
	put_txt(1000 - 28 - opt + 1, 0);
	expect(1232, false, XNS_ANSWER_TRUNCATED, "IPv4, one above MTU 1000");
	put_txt(1000 - 48 - opt, 0);
	expect(1232, true, XNS_ANSWER_POSITIVE, "IPv6, MTU 1000");
	put_txt(1000 - 48 - opt + 1, 0);
	expect(1232, true, XNS_ANSWER_TRUNCATED, "IPv6, one above MTU 1000");
	set_mtu(68);
	put_txt(14, 0);
	expect(1232, false, XNS_ANSWER_TRUNCATED, "IPv4, MTU 68");
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(home);
}

/* Replies shorter than the frame of the query, by padding of every length. */
static void test_padding(void **state)
{
	const struct ask ask = {.name = NAME, .type = 16, .edns = true};
	uint8_t message[512], frame[FRAME_MAX];
	struct outcome outcome;

	(void)state;
	put_txt(50, 0);
	for (size_t padding = 0; padding < 120; padding++) {
		const struct shape shape = {.tags = padding % 3, .padding = padding};
		size_t len = frame_make(&shape, message, ask_message(&ask, message), frame);

		rig_expect_reply(rig, &shape, frame, len, XNS_ANSWER_POSITIVE, NULL, "padding",
				 &outcome);
		assert_int_equal(outcome.len, len - padding + 50);
	}
}

/*
 * A sum that comes to 0xffff makes a checksum of 0, which is sent as 0xffff. The client can have
 * that: the checksum of the reply to an ID of 0 is the ID that leads there.
 */
static void test_checksum_zero(void **state)
{
	const struct ask ask = {.name = NAME, .type = 16};
	uint8_t message[512], frame[FRAME_MAX];
	struct outcome outcome;

	(void)state;
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		const struct shape shape = {.ipv6 = ipv6};
		size_t len, check = frame_udp(&shape) + 6;

		put_txt(33, 0);
		ask_message(&ask, message);
		memset(message, 0, 2);
		len = frame_make(&shape, message, ask_message(&ask, message), frame);
		memset(frame + frame_message(&shape), 0, 2);
		rig_expect_reply(rig, &shape, frame, len, XNS_ANSWER_POSITIVE, NULL, "ID 0",
				 &outcome);
		memcpy(frame + frame_message(&shape), outcome.frame + check, 2);
		rig_expect_reply(rig, &shape, frame, len, XNS_ANSWER_POSITIVE, NULL, "sum 0xffff",
				 &outcome);
		assert_memory_equal(outcome.frame + check, "\xff\xff", 2);
	}
}

/* Sums for images of all lengths from names of all lengths, with OPT behind: each part at odd and
 * even offsets. */
static void test_parity(void **state)
{
	uint8_t message[512], frame[FRAME_MAX], image[64];
	struct outcome outcome;

	(void)state;
	for (size_t image_len = 14; image_len < 64; image_len++) {
		for (int n = 1; n < 24; n++) {
			char name[64] = "";
			struct xns_node node;
			struct ask ask = {.name = name, .type = 16, .edns = n % 2};
			const struct shape shape = {.ipv6 = n % 3 == 0};
			size_t len;

			memset(name, 'n', n);
			strcat(name, ".example.com");
			node = fill_node(name);
			fill_txt(image, image_len);
			fill_type(rig, &node, 16, image, image_len, false);
			fill_put(rig, "nodes", name, 0, &node);
			len = frame_make(&shape, message, ask_message(&ask, message), frame);
			rig_expect_reply(rig, &shape, frame, len, XNS_ANSWER_POSITIVE, NULL, name,
					 &outcome);
			assert_int_equal(outcome.len, len + image_len);
		}
	}
}

int test_sizes(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),	cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_padding), cmocka_unit_test(test_checksum_zero),
		cmocka_unit_test(test_parity),
	};

	return cmocka_run_group_tests_name("packet: sizes", tests, fill_setup, fill_teardown);
}
