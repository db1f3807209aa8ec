// SPDX-License-Identifier: GPL-3.0-or-later
/* Transfers out over TCP, as fast as the client reads and beside all else; and the responder that
 * stands still. */
#include "respond_net.h"

#include "respond/internal.h"

#define RECORDS 30000 /* 7 MB: more than the sockets' buffers hold (net.ipv4.tcp_wmem: 4 MB) */

static struct config_acl_net loopback[2] = {{.prefix = 8}, {.prefix = 128}};
static struct config_acl acl = {.net = loopback, .n_nets = 2, .transfer = true};
static const struct config_acl *acls[] = {&acl};

static void store_large(struct fixture *f, const char *apex, unsigned serial)
{
	size_t size = RECORDS * 240;
	char *text = malloc(size);
	int len = snprintf(text, size, "@ SOA ns1 h %u 3600 900 604800 300\n@ NS ns1\n", serial);

	len += snprintf(text + len, size - (size_t)len, "www A 192.0.2.1\n");
	for (unsigned i = 0; i < RECORDS; i++)
		len += snprintf(text + len, size - (size_t)len, "n%u TXT %s\n", i, TEXT200);
	fixture_store_content(f, zonefile_finished(apex, text, NULL));
	free(text);
}

static int setup_large(void **state)
{
	struct fixture *f;

	setup(state);
	f = *state;
	assert_int_equal(address_parse("127.0.0.0", 53, &loopback[0].address), 0);
	assert_int_equal(address_parse("::1", 53, &loopback[1].address), 0);
	for (size_t i = 0; i < 3; i++) {
		f->config_zones[i].acl = acls;
		f->config_zones[i].n_acl = 1;
	}
	f->config.tcp_idle_timeout_ms = 60000;
	f->config.tcp_max_clients = 20;
	store_large(f, "example.com.", 20);
	return 0;
}

/* A client whose buffers hold little. */
static int connect_narrow(const struct fixture *f)
{
	const struct sockaddr *addr = (const struct sockaddr *)&f->listen[0];
	int fd = socket(AF_INET, SOCK_STREAM, 0), size = 4096;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	assert_int_equal(connect(fd, addr, address_len(addr)), 0);
	return fd;
}

static void send_axfr(int fd, uint16_t id, const char *zone)
{
	struct message query = tcp_query(id, zone, KNOT_RRTYPE_AXFR);

	send_all(fd, query.wire, query.len);
}

static bool ends_with_soa(const uint8_t *wire, size_t len)
{
	uint8_t *copy = malloc(len);
	knot_pkt_t *pkt = knot_pkt_new(memcpy(copy, wire, len), (uint16_t)len, NULL);
	const knot_pktsection_t *answer;
	bool ret;

	assert_int_equal(knot_pkt_parse(pkt, 0), KNOT_EOK);
	answer = knot_pkt_section(pkt, KNOT_ANSWER);
	ret = answer->count > 1 && knot_pkt_rr(answer, answer->count - 1)->type == KNOT_RRTYPE_SOA;
	knot_pkt_free(pkt);
	free(copy);
	return ret;
}

/* One message: its ID. records: added to. *ret_last: it ends a transfer. */
static int next_message(int fd, size_t *records, bool *ret_last)
{
	static uint8_t reply[65535];
	uint8_t prefix[2];
	size_t len;

	if (!recv_all(fd, prefix, 2))
		return -1;
	len = knot_wire_read_u16(prefix);
	assert_true(recv_all(fd, reply, len));
	assert_int_equal(knot_wire_get_rcode(reply), 0);
	*records += knot_wire_get_ancount(reply);
	*ret_last = ends_with_soa(reply, len);
	return knot_wire_get_id(reply);
}

static void expect_axfr(int fd, int id)
{
	size_t records = 0;
	bool last = false;

	while (!last)
		assert_int_equal(next_message(fd, &records, &last), id);
	assert_int_equal(records, RECORDS + 4);
}

static uint64_t wait_count(struct fixture *f, enum respond_counter counter, uint64_t n)
{
	int64_t until_ms = clock_boot_ms() + WAIT_MS;

	while (fixture_count(f, counter) < n && clock_boot_ms() < until_ms)
		poll(NULL, 0, 1);
	return fixture_count(f, counter);
}

static void whole(void **state)
{
	struct fixture *f = *state;
	int fd;

	start(f);
	fd = connect_to(f, 1, SOCK_STREAM);
	for (int id = 1; id < 4; id++) {
		send_axfr(fd, (uint16_t)id, "example.com.");
		expect_axfr(fd, id);
	}
	close(fd);
	assert_int_equal(wait_count(f, RESPOND_AXFR_OUT, 3), 3);
}

/* RFC 7766 §6.2.4: a client that has said all may still read. */
static void half_closed(void **state)
{
	struct fixture *f = *state;
	int fd;

	start(f);
	fd = connect_narrow(f);
	send_axfr(fd, 1, "example.com.");
	shutdown(fd, SHUT_WR);
	expect_axfr(fd, 1);
	expect_closed(fd);
}

/* A client that does not read holds nobody up; its other queries are answered in between. */
static void beside_others(void **state)
{
	struct fixture *f = *state;
	size_t records = 0;
	bool last = false, answered = false;
	int slow, other;

	start(f);
	slow = connect_narrow(f);
	send_axfr(slow, 1, "example.com.");
	assert_int_equal(next_message(slow, &records, &last), 1);
	assert_false(last);

	other = connect_to(f, 0, SOCK_STREAM);
	send_query(other, 7);
	expect_reply(other, 7);
	send_axfr(other, 8, "example.com.");
	expect_axfr(other, 8);
	close(other);

	send_query(slow, 2);
	while (!last) {
		size_t more = 0;
		int id = next_message(slow, &more, &last);

		answered |= id == 2;
		if (id == 1)
			records += more;
		else
			last = false;
	}
	assert_true(answered);
	assert_int_equal(records, RECORDS + 4);
	close(slow);
}

/* Asked for together, they take turns. */
static void two_at_once(void **state)
{
	struct fixture *f = *state;
	size_t records[2] = {0};
	bool last[2] = {false, false}, turns = false;
	int fd;

	store_large(f, "empty.test.", 1);
	f->zones.zone[1]->expires_at_ms = clock_boot_ms() + 3600000;
	start(f);
	fd = connect_narrow(f);
	send_axfr(fd, 0, "example.com.");
	send_axfr(fd, 1, "empty.test.");
	while (!last[0] || !last[1]) {
		size_t more = 0;
		bool is_last;
		int id = next_message(fd, &more, &is_last);

		assert_in_range(id, 0, 1);
		assert_false(last[id]);
		records[id] += more;
		last[id] = is_last;
		turns |= id == 1 && !last[0];
	}
	assert_true(turns);
	assert_int_equal(records[0], RECORDS + 4);
	assert_int_equal(records[1], RECORDS + 4);
	close(fd);
}

static void too_many(void **state)
{
	struct fixture *f = *state;
	size_t len;
	int fd, more;

	f->config.max_transfers_out = 1;
	start(f);
	fd = connect_narrow(f);
	send_axfr(fd, 1, "example.com.");
	assert_true(readable(fd, WAIT_MS)); /* it is under way */
	more = connect_to(f, 0, SOCK_STREAM);
	send_axfr(more, 2, "example.com.");
	assert_int_equal(recv_reply(more, &len), 2);
	assert_int_equal(len, 12 + 17); /* SERVFAIL */
	close(fd);
	assert_int_equal(wait_count(f, RESPOND_TRANSFER_FAILED, 1), 1);
	send_axfr(more, 3, "example.com.");
	expect_axfr(more, 3);
	close(more);
}

static void nobody_reads(void **state)
{
	struct fixture *f = *state;
	int fd;

	f->config.tcp_idle_timeout_ms = 200;
	start(f);
	fd = connect_narrow(f);
	send_axfr(fd, 1, "example.com.");
	assert_int_equal(wait_count(f, RESPOND_TRANSFER_FAILED, 1), 1);
	close(fd);
}

static void stopped(void **state)
{
	struct fixture *f = *state;
	int fd;

	start(f);
	fd = connect_narrow(f);
	send_axfr(fd, 1, "example.com.");
	assert_true(readable(fd, WAIT_MS));
	respond_stop(f->respond); /* ASan: all is given back */
	f->respond = NULL;
	close(fd);
}

/* ---- standing still ---- */

static void pause_and_resume(void **state)
{
	struct fixture *f = *state;
	struct config other = f->config;
	int fd;

	other.references = 0;
	start(f);
	fd = connect_to(f, 0, SOCK_STREAM);
	for (uint16_t i = 0; i < 100; i++) {
		respond_pause(f->respond);
		send_query(fd, i);
		assert_false(readable(fd, i < 3 ? 20 : 0));
		respond_resume(f->respond, i & 1 ? &f->config : &other, &f->zones);
		expect_reply(fd, i);
	}
	/* several in a row, nothing coming meanwhile */
	for (unsigned i = 0; i < 1000; i++) {
		respond_pause(f->respond);
		respond_resume(f->respond, &f->config, &f->zones);
	}
	assert_int_equal(other.references, 0);
	send_query(fd, 7);
	expect_reply(fd, 7);
	close(fd);
}

/* A transfer goes on with its zone though the table is another; that of a removed zone is cut off.
 */
static void table_changes(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (unsigned removed = 0; removed < 2; removed++) {
		struct zone_table table;
		size_t records = 0;
		bool last = false;
		int fd = connect_narrow(f), id = 1;

		send_axfr(fd, 1, "example.com.");
		assert_int_equal(next_message(fd, &records, &last), 1);
		respond_pause(f->respond);
		assert_int_equal(
			zone_table_make(&table, &f->zones.zone[removed], f->zones.n - removed), 0);
		f->zones.zone[0]->removed = removed;
		respond_resume(f->respond, &f->config, &table);
		if (removed) {
			uint8_t bytes[4096];

			while (readable(fd, WAIT_MS) && recv(fd, bytes, sizeof(bytes), 0) > 0)
				;
			assert_int_equal(wait_count(f, RESPOND_TRANSFER_FAILED, 1), 1);
		}
		while (!removed && id == 1 && !last)
			id = next_message(fd, &records, &last);
		close(fd);
		respond_pause(f->respond);
		respond_resume(f->respond, &f->config, &f->zones);
		zone_table_free(&table);
	}
	assert_int_equal(fixture_count(f, RESPOND_AXFR_OUT), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_large, teardown)
	const struct CMUnitTest tests[] = {
		TEST(whole),	   TEST(half_closed),	   TEST(beside_others),
		TEST(two_at_once), TEST(too_many),	   TEST(nobody_reads),
		TEST(stopped),	   TEST(pause_and_resume), TEST(table_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
