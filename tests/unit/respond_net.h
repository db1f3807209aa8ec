/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A running responder and its clients, on loopback. */
#ifndef XNS_TEST_RESPOND_NET_H
#define XNS_TEST_RESPOND_NET_H

#include "respond_fixture.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define WAIT_MS 5000 /* for what must come: a failed test waits so long */

/* A port that is free for both protocols, if nobody is quicker. */
static inline void find_port(struct sockaddr_storage *addr)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	socklen_t len = address_len((struct sockaddr *)addr);

	for (int tries = 0; tries < 100; tries++) {
		int tcp = socket(addr->ss_family, SOCK_STREAM, 0);
		int udp = socket(addr->ss_family, SOCK_DGRAM, 0);
		bool free_port;

		in6->sin6_port = 0; /* at the same place in both families */
		assert_int_equal(bind(tcp, (struct sockaddr *)addr, len), 0);
		assert_int_equal(getsockname(tcp, (struct sockaddr *)addr, &len), 0);
		free_port = bind(udp, (struct sockaddr *)addr, len) == 0;
		close(tcp);
		close(udp);
		if (free_port)
			return;
	}
	fail_msg("no free port");
}

static inline int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	fixture_open(f);
	assert_int_equal(address_parse("127.0.0.1@1", 53, &f->listen[0]), 0);
	assert_int_equal(address_parse("::1@1", 53, &f->listen[1]), 0);
	f->config.n_listen = 2;
	for (size_t i = 0; i < 2; i++)
		find_port(&f->listen[i]);
	assert_int_equal(respond_bind(&f->config, &f->respond), 0);
	*state = f;
	return 0;
}

static inline void start(struct fixture *f)
{
	assert_int_equal(respond_start(f->respond, f->store, &f->zones, NULL, NULL), 0);
}

static inline int teardown(void **state)
{
	fixture_close(*state);
	free(*state);
	return 0;
}

static inline int connect_to(const struct fixture *f, size_t listen, int type)
{
	const struct sockaddr *addr = (const struct sockaddr *)&f->listen[listen];
	int fd = socket(addr->sa_family, type, 0);

	assert_int_not_equal(fd, -1);
	if (connect(fd, addr, address_len(addr)) != 0)
		fail_msg("connect: %s", strerror(errno));
	return fd;
}

static inline void send_all(int fd, const void *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static inline bool readable(int fd, int timeout_ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, timeout_ms) == 1;
}

/* 1 and all of the bytes; 0: the server has closed the connection before the first. */
static inline bool recv_all(int fd, uint8_t *bytes, size_t len)
{
	for (size_t have = 0; have < len;) {
		ssize_t n;

		if (!readable(fd, WAIT_MS))
			fail_msg("nothing came");
		n = recv(fd, bytes + have, len - have, 0);
		if (n <= 0) {
			assert_int_equal(have, 0);
			return false;
		}
		have += (size_t)n;
	}
	return true;
}

/* The next reply's ID and its length; -1: end of file. */
static inline int recv_reply(int fd, size_t *ret_len)
{
	static uint8_t reply[65535];
	uint8_t prefix[2];

	if (!recv_all(fd, prefix, 2))
		return -1;
	*ret_len = knot_wire_read_u16(prefix);
	assert_true(*ret_len >= 12);
	assert_true(recv_all(fd, reply, *ret_len));
	assert_true(knot_wire_get_qr(reply));
	return knot_wire_get_id(reply);
}

static inline void expect_reply(int fd, int id)
{
	size_t len;

	assert_int_equal(recv_reply(fd, &len), id);
}

static inline void expect_closed(int fd)
{
	size_t len;

	assert_int_equal(recv_reply(fd, &len), -1);
	close(fd);
}

/* With the length in front. */
static inline struct message tcp_query(uint16_t id, const char *qname, uint16_t qtype)
{
	struct message message, query;

	add_header(&query, 0, 1);
	knot_wire_set_id(query.wire, id);
	add_question(&query, qname, qtype, KNOT_CLASS_IN);
	message.len = 0;
	add_u16(&message, (uint16_t)query.len);
	add_bytes(&message, query.wire, query.len);
	return message;
}

static inline void send_query(int fd, uint16_t id)
{
	struct message query = tcp_query(id, "www.example.com.", 1);

	send_all(fd, query.wire, query.len);
}

#endif
