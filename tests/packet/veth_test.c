/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The packet path on a real veth pair with ordinary sockets: growth at the head, since there is no
 * room at the tail; what has no room reaches the server's socket as it was sent. Checksums are
 * verified by the client's kernel.
 *
 *   namespace A: s0 192.0.2.53 2001:db8::53 with XDP  ===  namespace B: c0 192.0.2.7 2001:db8::7
 *
 * The namespaces have no names and go with the process. Needs root and ip(8).
 *
 *   veth_test xnsd.bpf.o
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "packet/fill.h"

#define NAME	     "txt.example.com"
#define QUESTION_LEN (17 + 4)
#define WAIT_MS	     5000
/*
 * Room at the head on veth in each mode, at least, and what a socket's buffer never has in generic
 * mode. (Native: up to 6.1 the query is copied to a page of its own, with room for anything; later
 * to a part of a page, with no room at the tail unless it is the last part.)
 */
#define GROWTH_SURE 192
#define GROWTH_NONE 1150

static struct rig rig;
static int server_ns, client_ns;
static int server[2], client[2]; /* sockets: IPv4, IPv6 */
static unsigned server_ifindex;

static void shell(const char *format, ...)
{
	char command[256];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	print_message("+ %s\n", command);
	if (system(command) != 0)
		fail_msg("%s: failed", command);
}

static int new_namespace(void)
{
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = open("/proc/self/ns/net", O_RDONLY);
	assert_true(fd >= 0);
	return fd;
}

static int open_socket(int family, const char *address, uint16_t port, bool is_server)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	const struct sockaddr *any = family == AF_INET ? (void *)&v4 : (void *)&v6;
	socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		inet_pton(family, address,
			  family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr),
		1);
	if (is_server)
		assert_int_equal(bind(fd, any, len), 0);
	else
		assert_int_equal(connect(fd, any, len), 0);
	return fd;
}

/* On veth XDP_TX needs NAPI at the other end: a program there turns it on. */
static void attach_pass(unsigned ifindex)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass, 2, NULL);

	assert_true(fd >= 0);
	assert_int_equal(bpf_xdp_attach(ifindex, fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	close(fd);
}

static void make_network(void)
{
	server_ns = new_namespace();
	client_ns = new_namespace();
	shell("ip link add c0 type veth peer name s0 netns /proc/%d/fd/%d", getpid(), server_ns);
	shell("ip addr add 192.0.2.7/24 dev c0 && ip addr add 2001:db8::7/64 dev c0 nodad");
	shell("ip link set c0 up");
	attach_pass(if_nametoindex("c0"));
	assert_int_equal(setns(server_ns, CLONE_NEWNET), 0);
	shell("ip addr add 192.0.2.53/24 dev s0 && ip addr add 2001:db8::53/64 dev s0 nodad");
	shell("ip link set s0 up");
	server_ifindex = if_nametoindex("s0");
	server[0] = open_socket(AF_INET, "192.0.2.53", SERVER_PORT, true);
	server[1] = open_socket(AF_INET6, "2001:db8::53", SERVER_PORT, true);
	assert_int_equal(setns(client_ns, CLONE_NEWNET), 0);
	client[0] = open_socket(AF_INET, "192.0.2.53", SERVER_PORT, false);
	client[1] = open_socket(AF_INET6, "2001:db8::53", SERVER_PORT, false);
	assert_int_equal(setns(server_ns, CLONE_NEWNET), 0);
}

static int open_rig(void **state)
{
	(void)state;
	fill_open(&rig);
	make_network();
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

static void put_txt(uint8_t *image, size_t len)
{
	struct xns_node node = fill_node(NAME);

	/* All that were put under this name are in one segment, which has not room for all lengths.
	 */
	rig_empty_map(&rig, "images_tiny");
	rig_empty_map(&rig, "images_small");
	rig_empty_map(&rig, "images_large");
	fill_txt(image, len);
	fill_type(&rig, &node, 16, image, len, true);
	fill_put(&rig, "nodes", NAME, 0, &node);
}

static uint64_t counter(enum xns_counter id)
{
	uint64_t counts[XNS_COUNTER_COUNT];

	rig_counters(&rig, counts);
	return counts[id];
}

/* Receives at whichever end something comes: true at the client. */
static bool receive(int family, uint8_t *ret, size_t *ret_len)
{
	struct pollfd end[2] = {{.fd = client[family], .events = POLLIN},
				{.fd = server[family], .events = POLLIN}};
	ssize_t len;
	bool at_client;

	if (poll(end, 2, WAIT_MS) <= 0)
		fail_msg("IPv%d: neither a reply nor the query came", family ? 6 : 4);
	at_client = end[0].revents & POLLIN;
	len = recv(at_client ? client[family] : server[family], ret, FRAME_MAX, 0);
	assert_true(len > 0);
	*ret_len = len;
	return at_client;
}

/* Asks for an image of this length; true: answered, and rightly. */
static bool ask_txt(int family, size_t image_len, const struct ask *ask)
{
	uint8_t query[512], got[FRAME_MAX], image[XNS_IMAGE_LARGE_MAX];
	size_t len = ask_message(ask, query), got_len, at = 12 + QUESTION_LEN;
	uint64_t no_room = counter(XNS_PASS_NO_ROOM), answered = counter(XNS_ANSWER_POSITIVE);

	put_txt(image, image_len);
	assert_int_equal(send(client[family], query, len, 0), len);
	if (!receive(family, got, &got_len)) {
		assert_int_equal(counter(XNS_PASS_NO_ROOM), no_room + 1);
		assert_int_equal(got_len, len);
		assert_memory_equal(got, query, len);
		return false;
	}
	assert_int_equal(counter(XNS_ANSWER_POSITIVE), answered + 1);
	assert_int_equal(got_len, at + image_len + (ask->edns ? OPT_FIXED : 0));
	assert_memory_equal(got, "\xbe\xef\x84\x00\x00\x01\x00\x01\x00\x00\x00", 11);
	assert_memory_equal(got + 12, query + 12, QUESTION_LEN);
	assert_memory_equal(got + at, image, image_len);
	return true;
}

/* Growth by every number of bytes up to where there is no room, and beyond. */
static void test_growth(uint32_t mode)
{
	const struct ask ask = {.name = NAME, .type = 16, .edns = true, .spelling = CASE_MIXED};

	assert_int_equal(bpf_xdp_attach(server_ifindex, rig.program, mode, NULL), 0);
	for (int family = 0; family < 2; family++) {
		size_t most = 0;

		for (size_t len = 14; len < 1100; len += len < 260 ? 1 : 7) {
			if (!ask_txt(family, len, &ask))
				continue;
			most = len;
		}
		print_message("IPv%d: grows by up to %zu bytes\n", family ? 6 : 4, most);
		assert_true(most >= GROWTH_SURE);
		for (size_t len = 14; len <= GROWTH_SURE; len += 13)
			assert_true(ask_txt(family, len, &ask));
		if (mode == XDP_FLAGS_SKB_MODE)
			assert_false(ask_txt(family, GROWTH_NONE, &ask));
	}
	assert_int_equal(counter(XNS_DROP_WRITE), 0);
	assert_int_equal(counter(XNS_PASS_INTERNAL), 0);
	assert_int_equal(bpf_xdp_detach(server_ifindex, mode, NULL), 0);
}

static void test_growth_native(void **state)
{
	(void)state;
	test_growth(XDP_FLAGS_DRV_MODE);
}

static void test_growth_generic(void **state)
{
	(void)state;
	test_growth(XDP_FLAGS_SKB_MODE);
}

/* A reply shorter than the query: by an option that does not come back. */
static void test_shrink(uint32_t mode)
{
	static const uint8_t option[300] = {0, 12, (300 - 4) >> 8, (300 - 4) & 0xff};
	const struct ask ask = {.name = NAME,
				.type = 16,
				.edns = true,
				.options = option,
				.options_len = sizeof(option)};

	assert_int_equal(bpf_xdp_attach(server_ifindex, rig.program, mode, NULL), 0);
	for (int family = 0; family < 2; family++)
		for (size_t len = 14; len <= 300 + GROWTH_SURE; len += 11)
			assert_true(ask_txt(family, len, &ask));
	assert_int_equal(bpf_xdp_detach(server_ifindex, mode, NULL), 0);
}

static void test_shrink_native(void **state)
{
	(void)state;
	test_shrink(XDP_FLAGS_DRV_MODE);
}

static void test_shrink_generic(void **state)
{
	(void)state;
	test_shrink(XDP_FLAGS_SKB_MODE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth_native),
		cmocka_unit_test(test_growth_generic),
		cmocka_unit_test(test_shrink_native),
		cmocka_unit_test(test_shrink_generic),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: veth_test xnsd.bpf.o\n");
		return 2;
	}
	rig_object_path = argv[1];
	return cmocka_run_group_tests_name("packet: veth", tests, open_rig, close_rig);
}
