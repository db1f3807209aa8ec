// SPDX-License-Identifier: GPL-3.0-or-later
/* NOTIFY out, to scripted receivers on loopback; the waits are milliseconds here. */
#include "respond_fixture.h"

#include <poll.h>
#include <sys/socket.h>
#include <uv.h>

#include "notify/notify.h"
#include "tsig/tsig.h"

#define WAIT_MS	  5000 /* for what must come: a failed test waits so long */
#define RECEIVERS 2
#define ZONES	  150

struct lab {
	struct fixture f;
	uv_loop_t loop;
	uv_timer_t awake; /* so that the loop looks at the receivers */
	struct notify *notify;
	struct zone *zone;
	struct config_remote remote[RECEIVERS];
	const struct config_remote *remotes[RECEIVERS];
	struct sockaddr_storage address[RECEIVERS], via;
	struct config_tsig key;
	int fd[RECEIVERS];
};

static void on_awake(uv_timer_t *timer)
{
	(void)timer;
}

static int open_receiver(struct sockaddr_storage *ret_address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(struct sockaddr_in);

	assert_int_equal(address_parse("127.0.0.1@1", 53, ret_address), 0);
	((struct sockaddr_in *)ret_address)->sin_port = 0;
	assert_int_equal(bind(fd, (struct sockaddr *)ret_address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret_address, &len), 0);
	return fd;
}

static int setup(void **state)
{
	static const char *const ids[] = {"first", "second"};
	struct lab *lab = calloc(1, sizeof(*lab));

	fixture_open(&lab->f);
	for (size_t i = 0; i < RECEIVERS; i++) {
		lab->fd[i] = open_receiver(&lab->address[i]);
		lab->remote[i] = (struct config_remote){
			.id = (char *)ids[i], .address = &lab->address[i], .n_addresses = 1};
		lab->remotes[i] = &lab->remote[i];
	}
	lab->zone = lab->f.zones.zone[0];
	lab->f.config_zones[0].notify = lab->remotes;
	lab->f.config_zones[0].n_notify = 1;
	assert_int_equal(knot_tsig_key_init(&lab->key.tsig, "hmac-sha256", "key.", "c2VjcmV0"), 0);
	uv_loop_init(&lab->loop);
	uv_timer_init(&lab->loop, &lab->awake);
	uv_timer_start(&lab->awake, on_awake, 2, 2);
	assert_int_equal(notify_start(&lab->loop, &lab->f.config, lab->f.store, &lab->notify), 0);
	notify_set_wait_ms(lab->notify, 20);
	*state = lab;
	return 0;
}

static int teardown(void **state)
{
	struct lab *lab = *state;

	notify_stop(lab->notify);
	uv_close((uv_handle_t *)&lab->awake, NULL);
	uv_run(&lab->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&lab->loop), 0);
	for (size_t i = 0; i < RECEIVERS; i++)
		close(lab->fd[i]);
	knot_tsig_key_deinit(&lab->key.tsig);
	assert_null(lab->zone->notify);
	fixture_close(&lab->f);
	free(lab);
	return 0;
}

/* ---- receivers ---- */

struct received {
	uint8_t wire[1024];
	size_t len;
	struct sockaddr_storage from;
	int64_t at_ms;
};

static bool look(struct lab *lab, size_t receiver, struct received *ret)
{
	socklen_t from_len = sizeof(ret->from);
	ssize_t len = recvfrom(lab->fd[receiver], ret->wire, sizeof(ret->wire), 0,
			       (struct sockaddr *)&ret->from, &from_len);

	ret->len = len > 0 ? (size_t)len : 0;
	ret->at_ms = clock_boot_ms();
	return len > 0;
}

static void expect(struct lab *lab, size_t receiver, struct received *ret)
{
	int64_t until_ms = clock_boot_ms() + WAIT_MS;

	while (!look(lab, receiver, ret)) {
		if (clock_boot_ms() > until_ms)
			fail_msg("nothing came");
		uv_run(&lab->loop, UV_RUN_ONCE);
	}
}

static void answer(struct lab *lab, size_t receiver, struct received *received, uint8_t rcode)
{
	knot_wire_set_qr(received->wire);
	knot_wire_set_rcode(received->wire, rcode);
	assert_int_equal(sendto(lab->fd[receiver], received->wire, received->len, 0,
				(struct sockaddr *)&received->from, sizeof(struct sockaddr_in)),
			 received->len);
}

/* Until nothing is under way any more; the last NOTIFY of the zone to its first remote. */
static struct notify_status wait_status(struct lab *lab)
{
	int64_t until_ms = clock_boot_ms() + WAIT_MS;
	struct notify_status *status, ret;
	size_t n;

	for (;;) {
		status = notify_get_status(lab->notify, lab->zone, &n);
		assert_non_null(status);
		ret = status[0];
		free(status);
		if (!ret.waiting)
			return ret;
		assert_true(clock_boot_ms() < until_ms);
		uv_run(&lab->loop, UV_RUN_ONCE);
	}
}

/* ---- tests ---- */

static void acknowledged(void **state)
{
	struct lab *lab = *state;
	struct notify_status status;
	struct received received;
	const knot_rrset_t *soa;
	knot_pkt_t *pkt;

	notify_zone(lab->notify, lab->zone);
	expect(lab, 0, &received);
	pkt = knot_pkt_new(received.wire, (uint16_t)received.len, NULL);
	assert_int_equal(knot_pkt_parse(pkt, KNOT_PF_KEEPWIRE), KNOT_EOK);
	assert_int_equal(knot_wire_get_opcode(received.wire), KNOT_OPCODE_NOTIFY);
	assert_true(knot_wire_get_aa(received.wire));
	assert_false(knot_wire_get_qr(received.wire));
	assert_true(knot_dname_is_equal(knot_pkt_qname(pkt), lab->zone->apex));
	assert_int_equal(knot_pkt_qtype(pkt), KNOT_RRTYPE_SOA);
	soa = knot_pkt_rr(knot_pkt_section(pkt, KNOT_ANSWER), 0);
	assert_int_equal(soa->type, KNOT_RRTYPE_SOA);
	assert_int_equal(knot_soa_serial(soa->rrs.rdata), 7);
	assert_null(pkt->tsig_rr);
	knot_pkt_free(pkt);

	answer(lab, 0, &received, 0);
	status = wait_status(lab);
	assert_string_equal(status.error, "");
	assert_string_equal(status.remote, "first");
	assert_int_equal(status.serial, 7);
	assert_int_equal(status.tries, 1);
}

/* Five tries, each wait twice the one before; what is no answer to it counts for nothing. */
static void given_up(void **state)
{
	struct lab *lab = *state;
	struct notify_status status;
	struct received received;
	int64_t before_ms = 0;

	notify_zone(lab->notify, lab->zone);
	for (unsigned i = 0; i < NOTIFY_TRIES; i++) {
		expect(lab, 0, &received);
		if (i > 0)
			assert_in_range(received.at_ms - before_ms, (20 << (i - 1)) - 5, WAIT_MS);
		before_ms = received.at_ms;
		received.wire[0] ^= 1; /* another ID */
		answer(lab, 0, &received, 0);
	}
	status = wait_status(lab);
	assert_string_equal(status.error, "no answer (ignored: a reply with another ID)");
	assert_int_equal(status.tries, NOTIFY_TRIES);
	assert_false(look(lab, 0, &received));
}

static void refused(void **state)
{
	struct lab *lab = *state;
	struct notify_status status;
	struct received received;

	notify_zone(lab->notify, lab->zone);
	expect(lab, 0, &received);
	answer(lab, 0, &received, KNOT_RCODE_REFUSED);
	status = wait_status(lab);
	assert_string_equal(status.error, "answered REFUSED");
	assert_int_equal(status.tries, 1);
}

/* Nobody listens at the first address: the next one is told. */
static void next_address(void **state)
{
	struct lab *lab = *state;
	struct notify_status status;
	struct received received;

	close(lab->fd[0]);
	lab->fd[0] = socket(AF_INET, SOCK_DGRAM, 0);
	lab->remote[0].n_addresses = 2; /* the other follows it */
	notify_zone(lab->notify, lab->zone);
	expect(lab, 1, &received);
	answer(lab, 1, &received, 0);
	status = wait_status(lab);
	assert_string_equal(status.error, "");
	assert_int_equal(status.tries, 2);
}

static void source_address(void **state)
{
	struct lab *lab = *state;
	struct received received;
	char text[ADDRESS_TEXT_MAX];

	assert_int_equal(address_parse("127.0.0.77", 53, &lab->via), 0);
	((struct sockaddr_in *)&lab->via)->sin_port = 0;
	lab->remote[0].via = &lab->via;
	lab->remote[0].n_via = 1;
	notify_zone(lab->notify, lab->zone);
	expect(lab, 0, &received);
	assert_non_null(
		strstr(address_to_text((struct sockaddr *)&received.from, text), "127.0.0.77@"));
	answer(lab, 0, &received, 0);
	assert_string_equal(wait_status(lab).error, "");
}

static const knot_tsig_key_t *find_key(const knot_dname_t *name, void *ctx)
{
	const struct lab *lab = ctx;

	return knot_dname_is_equal(name, lab->key.tsig.name) ? &lab->key.tsig : NULL;
}

/* An answer that is not signed is none. */
static void signed_with_key(void **state)
{
	struct lab *lab = *state;
	char reason[TSIG_REASON_MAX];
	struct notify_status status;
	struct received received;
	struct tsig_server server = {0};
	size_t len;

	lab->remote[0].key = &lab->key;
	notify_zone(lab->notify, lab->zone);
	for (unsigned i = 0; i < 2; i++) {
		expect(lab, 0, &received);
		assert_int_equal(tsig_server_check(&server, received.wire, received.len, find_key,
						   lab, &len, reason),
				 0);
		assert_ptr_equal(server.key, &lab->key.tsig);
		received.len = len;
		knot_wire_set_arcount(received.wire, 0);
		if (i == 0) {
			answer(lab, 0, &received, 0);
			continue;
		}
		knot_wire_set_qr(received.wire);
		assert_int_equal(tsig_server_sign(&server, received.wire, &received.len,
						  sizeof(received.wire)),
				 0);
		answer(lab, 0, &received, 0);
	}
	status = wait_status(lab);
	assert_string_equal(status.error, "");
	assert_int_equal(status.tries, 2);
}

/* What is under way for an older serial is begun anew. */
static void newer_serial(void **state)
{
	struct lab *lab = *state;
	struct received old, received;
	struct notify_status status;
	char text[sizeof(EXAMPLE_COM)];

	notify_zone(lab->notify, lab->zone);
	expect(lab, 0, &old);
	strcpy(text, EXAMPLE_COM);
	*strchr(text, '7') = '8';
	fixture_store_content(&lab->f, zonefile_finished("example.com.", text, NULL));
	notify_zone(lab->notify, lab->zone);
	answer(lab, 0, &old, 0);
	expect(lab, 0, &received);
	assert_memory_not_equal(received.wire, old.wire, 2);
	answer(lab, 0, &received, 0);
	status = wait_status(lab);
	assert_int_equal(status.serial, 8);
	assert_int_equal(status.tries, 1);
}

static void nobody_to_tell(void **state)
{
	struct lab *lab = *state;
	size_t n = 7;

	lab->f.config_zones[0].n_notify = 0;
	notify_zone(lab->notify, lab->zone);
	assert_null(notify_get_status(lab->notify, lab->zone, &n));
	assert_int_equal(n, 0);
}

/* A new configuration: what is under way goes to the remotes of it. */
static void configured(void **state)
{
	struct lab *lab = *state;
	struct received received;

	notify_zone(lab->notify, lab->zone);
	expect(lab, 0, &received);
	lab->f.config_zones[0].notify = &lab->remotes[1];
	notify_configure(lab->notify, &lab->f.config);
	expect(lab, 1, &received);
	answer(lab, 1, &received, 0);
	assert_string_equal(wait_status(lab).remote, "second");
	notify_configure(lab->notify, &lab->f.config); /* nothing is under way */
	assert_string_equal(wait_status(lab).remote, "second");
	notify_forget(lab->notify, lab->zone);
	assert_null(lab->zone->notify);
}

/* Many zones: one remote is dead, and the other is told of all while the first is waited for. */
static void dead_and_alive(void **state)
{
	struct lab *lab = *state;
	struct zone *zone[ZONES];
	struct received received;
	unsigned dead = 0, alive = 0;
	int64_t until_ms = clock_boot_ms() + WAIT_MS;

	notify_set_wait_ms(lab->notify, 60000);
	lab->f.config_zones[0].n_notify = 2;
	for (size_t i = 0; i < ZONES; i++) {
		zone[i] = zone_new(&lab->f.config, &lab->f.config_zones[0], NULL, ZONE_FROM_CONFIG);
		assert_non_null(zone[i]);
		notify_zone(lab->notify, zone[i]);
	}
	while (alive < ZONES) {
		if (look(lab, 1, &received)) {
			answer(lab, 1, &received, 0);
			alive++;
		}
		dead += look(lab, 0, &received);
		uv_run(&lab->loop, UV_RUN_NOWAIT);
		assert_true(clock_boot_ms() < until_ms);
	}
	assert_int_equal(dead, NOTIFY_PER_PEER_MAX);
	for (size_t i = 0; i < ZONES; i++) {
		if (i % 2) /* the others are under way at the end */
			notify_forget(lab->notify, zone[i]);
		zone_unref(zone[i]);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(acknowledged),   TEST(given_up),	    TEST(refused),
		TEST(next_address),   TEST(source_address), TEST(signed_with_key),
		TEST(newer_serial),   TEST(nobody_to_tell), TEST(configured),
		TEST(dead_and_alive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
