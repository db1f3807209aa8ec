// SPDX-License-Identifier: GPL-3.0-or-later
/* The responder's sockets, on loopback: UDP, and TCP as RFC 7766 has it. */
#include "respond_net.h"

#include <fcntl.h>
#include <sys/resource.h>

/* ---- UDP ---- */

static void udp(void **state)
{
	struct fixture *f = *state;
	uint8_t reply[1500];

	start(f);
	for (size_t i = 0; i < 2; i++) {
		int fd = connect_to(f, i, SOCK_DGRAM);
		struct message query;

		/* More than a batch, one of them not to be answered. */
		for (uint16_t id = 0; id < 100; id++) {
			add_header(&query, id == 50 ? 0x8000 : 0, 1);
			knot_wire_set_id(query.wire, id);
			add_question(&query, "www.example.com.", 1, KNOT_CLASS_IN);
			send_all(fd, query.wire, query.len);
		}
		for (uint16_t id = 0; id < 100; id++) {
			if (id == 50)
				continue;
			assert_true(readable(fd, WAIT_MS));
			assert_int_equal(recv(fd, reply, sizeof(reply), 0), query.len + 32);
			assert_int_equal(knot_wire_get_id(reply), id);
			assert_int_equal(knot_wire_get_ancount(reply), 2);
		}
		close(fd);
	}
	assert_int_equal(fixture_count(f, RESPOND_UDP_QUERIES), 200);
	assert_int_equal(fixture_count(f, RESPOND_NOERROR), 198);
	assert_int_equal(fixture_count(f, RESPOND_DROPPED), 2);
}

/* A snapshot is let go between queries: the next query sees what was committed in the meantime. */
static void new_content_is_seen(void **state)
{
	struct fixture *f = *state;
	uint8_t reply[1500];
	struct message query;
	int fd;

	start(f);
	fd = connect_to(f, 0, SOCK_DGRAM);
	add_header(&query, 0, 1);
	add_question(&query, "www.empty.test.", 1, KNOT_CLASS_IN);
	send_all(fd, query.wire, query.len);
	assert_true(readable(fd, WAIT_MS) && recv(fd, reply, sizeof(reply), 0) > 0);
	assert_int_equal(knot_wire_get_rcode(reply), KNOT_RCODE_SERVFAIL);

	fixture_store_zone(f, "empty.test.");
	f->zones.zone[1]->expires_at_ms = clock_boot_ms() + 3600000;
	send_all(fd, query.wire, query.len);
	assert_true(readable(fd, WAIT_MS) && recv(fd, reply, sizeof(reply), 0) > 0);
	assert_int_equal(knot_wire_get_rcode(reply), KNOT_RCODE_NOERROR);
	assert_int_equal(knot_wire_get_ancount(reply), 2);
	close(fd);
}

/* ---- TCP ---- */

static void tcp_pipelined(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (size_t i = 0; i < 2; i++) {
		int fd = connect_to(f, i, SOCK_STREAM);
		struct message all = {.len = 0};

		for (uint16_t id = 0; id < 20; id++) {
			struct message query = tcp_query(id, "www.example.com.", 1);

			add_bytes(&all, query.wire, query.len);
		}
		send_all(fd, all.wire, all.len);
		for (int id = 0; id < 20; id++)
			expect_reply(fd, id);
		send_query(fd, 77); /* the connection is open still */
		expect_reply(fd, 77);
		close(fd);
	}
	assert_int_equal(fixture_count(f, RESPOND_TCP_QUERIES), 42);
	assert_int_equal(fixture_count(f, RESPOND_TCP_CONNECTIONS), 2);
}

static void tcp_byte_by_byte(void **state)
{
	struct fixture *f = *state;
	struct message query = tcp_query(1, "big.example.com.", 16), next;
	size_t len;
	int fd, on = 1;

	start(f);
	fd = connect_to(f, 0, SOCK_STREAM);
	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof(on));
	for (size_t i = 0; i < query.len; i++)
		send_all(fd, query.wire + i, 1);
	assert_int_equal(recv_reply(fd, &len), 1);
	assert_true(len > 1600);

	/* one query and a half, then the rest */
	next = tcp_query(2, "www.example.com.", 1);
	add_bytes(&query, next.wire, 7);
	send_all(fd, query.wire, query.len);
	expect_reply(fd, 1);
	send_all(fd, next.wire + 7, next.len - 7);
	expect_reply(fd, 2);
	close(fd);
}

static void tcp_half_close(void **state)
{
	struct fixture *f = *state;
	int fd;

	start(f);
	fd = connect_to(f, 0, SOCK_STREAM);
	send_query(fd, 1);
	send_query(fd, 2);
	shutdown(fd, SHUT_WR);
	expect_reply(fd, 1);
	expect_reply(fd, 2);
	expect_closed(fd);
}

static void tcp_not_dns(void **state)
{
	static const char *const starts[] = {"\0\0", "\0\5GET /"};
	struct fixture *f = *state;

	start(f);
	for (size_t i = 0; i < 2; i++) {
		int fd = connect_to(f, 0, SOCK_STREAM);

		send_query(fd, 9);
		expect_reply(fd, 9);
		send_all(fd, starts[i], i ? 7 : 2);
		expect_closed(fd);
	}
	assert_int_equal(fixture_count(f, RESPOND_DROPPED), 2);
}

static void tcp_idle(void **state)
{
	struct fixture *f = *state;
	int64_t before_ms = clock_boot_ms();
	int silent, half;

	f->config.tcp_idle_timeout_ms = 200;
	start(f);
	silent = connect_to(f, 0, SOCK_STREAM);
	half = connect_to(f, 0, SOCK_STREAM);
	send_all(half, "\0\x1d\0\0", 4); /* bytes are no activity */
	expect_closed(silent);
	expect_closed(half);
	assert_in_range(clock_boot_ms() - before_ms, 150, 3000);
}

static void tcp_limit(void **state)
{
	struct fixture *f = *state;
	int fd[4];

	f->config.tcp_idle_timeout_ms = 60000;
	start(f);
	for (uint16_t i = 0; i < 3; i++) {
		fd[i] = connect_to(f, 0, SOCK_STREAM);
		send_query(fd[i], i);
		expect_reply(fd[i], i);
	}
	send_query(fd[0], 10); /* now fd[1] is the one that was idle longest */
	expect_reply(fd[0], 10);
	fd[3] = connect_to(f, 1, SOCK_STREAM);
	send_query(fd[3], 3);
	expect_reply(fd[3], 3);
	expect_closed(fd[1]);
	send_query(fd[0], 11);
	expect_reply(fd[0], 11);
	send_query(fd[2], 12);
	expect_reply(fd[2], 12);
	close(fd[0]);
	close(fd[2]);
	close(fd[3]);
	assert_int_equal(fixture_count(f, RESPOND_TCP_REJECTED), 1);
}

#define FILLERS_MAX 64
#define FD_SCAN	    1024

/* The server's end of a connection: it is in this process. */
static int server_end(int fd)
{
	struct sockaddr_in own = {0}, peer;
	socklen_t len = sizeof(own);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
	for (int i = 0; i < FD_SCAN; i++) {
		len = sizeof(peer);
		if (getpeername(i, (struct sockaddr *)&peer, &len) == 0 &&
		    peer.sin_family == AF_INET && peer.sin_port == own.sin_port)
			return i;
	}
	fail();
	return -1;
}

/* The next number that would be given out, when the gaps below `above` are filled with copies. */
static int next_above(int above, int *filler, unsigned *ret_n)
{
	int next;

	for (*ret_n = 0; (next = dup(above)) < above; filler[(*ret_n)++] = next)
		assert_in_range(*ret_n, 0, FILLERS_MAX - 1);
	close(next);
	return next;
}

/* Without descriptors left the oldest connection goes, and the listener does not spin. */
static void tcp_no_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, low;
	int fd[2], spare, filler[FILLERS_MAX];
	unsigned n_fillers;

	f->config.tcp_idle_timeout_ms = 60000;
	start(f);
	fd[0] = connect_to(f, 0, SOCK_STREAM);
	send_query(fd[0], 1);
	expect_reply(fd[0], 1);
	fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	spare = server_end(fd[0]);
	spare = next_above(spare > fd[1] ? spare : fd[1], filler, &n_fillers);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = (rlim_t)spare;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(
		connect(fd[1], (struct sockaddr *)&f->listen[0], sizeof(struct sockaddr_in)), 0);
	send_query(fd[1], 2);
	expect_closed(fd[0]);
	expect_reply(fd[1], 2);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	while (n_fillers > 0)
		close(filler[--n_fillers]);
	close(fd[1]);
	assert_int_equal(fixture_count(f, RESPOND_TCP_REJECTED), 1);
}

/*
 * A client that sends without reading: the server stops reading from it, serves others, and goes on
 * where it was as soon as the client reads.
 */
static void tcp_slow_reader(void **state)
{
	struct message query = tcp_query(5, "big.example.com.", 16);
	struct fixture *f = *state;
	int fd, other, size = 16384, sent = 0, last;
	struct pollfd pfd = {.events = POLLOUT};

	f->config.tcp_idle_timeout_ms = 60000;
	start(f);
	fd = connect_to(f, 0, SOCK_STREAM);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	pfd.fd = fd;
	do {
		for (size_t pos = 0; pos < query.len;) {
			ssize_t n;

			last = poll(&pfd, 1, 300);
			if (last == 0)
				break;
			n = send(fd, query.wire + pos, query.len - pos, MSG_NOSIGNAL);
			if (n > 0)
				pos += (size_t)n;
			if (pos == query.len)
				sent++;
		}
	} while (last == 1 && sent < 200000);
	assert_in_range(sent, 100, 199999);

	other = connect_to(f, 0, SOCK_STREAM);
	send_query(other, 6);
	expect_reply(other, 6);
	close(other);

	for (int i = 0; i < sent; i++)
		expect_reply(fd, 5);
	close(fd);
}

/* ---- start and stop ---- */

static void address_in_use(void **state)
{
	struct fixture *f = *state;
	struct respond *second = NULL;

	assert_int_equal(respond_bind(&f->config, &second), -EADDRINUSE);
	assert_null(second);
	assert_int_equal(address_parse("192.0.2.1@9953", 53, &f->listen[1]), 0);
	f->config.n_listen = 2;
	f->listen[0] = f->listen[1];
	assert_int_equal(respond_bind(&f->config, &second), -EADDRNOTAVAIL);
}

static void stop_with_connections(void **state)
{
	struct fixture *f = *state;
	int fd[3];

	start(f);
	for (uint16_t i = 0; i < 3; i++) {
		fd[i] = connect_to(f, 0, SOCK_STREAM);
		send_query(fd[i], i);
		expect_reply(fd[i], i);
	}
	send_all(fd[2], "\0\x20\1\2", 4); /* half a query is kept */
	respond_stop(f->respond);
	f->respond = NULL;
	for (size_t i = 0; i < 3; i++)
		expect_closed(fd[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(udp),
		TEST(new_content_is_seen),
		TEST(tcp_pipelined),
		TEST(tcp_byte_by_byte),
		TEST(tcp_half_close),
		TEST(tcp_not_dns),
		TEST(tcp_idle),
		TEST(tcp_limit),
		TEST(tcp_no_descriptors),
		TEST(tcp_slow_reader),
		TEST(address_in_use),
		TEST(stop_with_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
