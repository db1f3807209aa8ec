// SPDX-License-Identifier: GPL-3.0-or-later
/* The heap of timers, the lanes to the primaries, and who is one primary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"
#include "refresh/heap.h"
#include "refresh/lanes.h"
#include "refresh/peers.h"
#include "transfer/message.h"

/* ---- heap ---- */

#define NODES 500

static void test_heap(void **state)
{
	static struct heap_node node[NODES];
	struct heap heap = {0};

	(void)state;
	assert_int_equal(heap_reserve(&heap, NODES), 0);
	assert_null(heap_first(&heap));
	for (int i = 0; i < NODES; i++)
		node[i] = (struct heap_node){.due_ms = INT64_MAX, .index = HEAP_OUT};
	for (int round = 0; round < 20000; round++) {
		struct heap_node *one = &node[message_random() % NODES];
		int64_t min = INT64_MAX;
		size_t n = 0;

		heap_set(&heap, one,
			 message_random() % 3 ? (int64_t)(message_random() % 1000) : INT64_MAX);
		if (round % 50)
			continue;
		for (int i = 0; i < NODES; i++) {
			if (node[i].index == HEAP_OUT)
				continue;
			assert_ptr_equal(heap.node[node[i].index], &node[i]);
			n++;
			min = node[i].due_ms < min ? node[i].due_ms : min;
		}
		assert_int_equal(heap.n, n);
		if (n > 0)
			assert_int_equal(heap_first(&heap)->due_ms, min);
	}
	for (int64_t last = -1; heap_first(&heap); heap_set(&heap, heap_first(&heap), INT64_MAX)) {
		assert_true(heap_first(&heap)->due_ms >= last);
		last = heap_first(&heap)->due_ms;
	}
	heap_free(&heap);
}

/* ---- lanes ---- */

static const struct lane_limits standard[LANE_KINDS];

static unsigned take_all(struct lanes *lanes, enum lane_kind kind, bool urgent_only)
{
	unsigned taken = 0;

	while (lanes_take(lanes, kind, urgent_only))
		taken++;
	return taken;
}

#define BACKLOG_PEER (LANE_TRANSFER_MAX_PEER * 4 / 5)
#define BACKLOG	     (LANE_TRANSFER_MAX * 4 / 5)

static void test_lanes(void **state)
{
	static struct job job[400];
	static struct lane_peer peer[3];
	struct lanes lanes;

	(void)state;
	lanes_init(&lanes, standard);
	/* A backlog for the first primary; one zone for each of the others. */
	for (int i = 0; i < 300; i++)
		lanes_enqueue(&lanes, &job[i], &peer[0], LANE_TRANSFER, false);
	lanes_enqueue(&lanes, &job[300], &peer[1], LANE_TRANSFER, false);
	lanes_enqueue(&lanes, &job[301], &peer[2], LANE_TRANSFER, false);
	assert_null(lanes_take(&lanes, LANE_QUERY, false));
	assert_null(lanes_take(&lanes, LANE_TRANSFER, true));
	/* Each primary in turn, and the first never has more than its share. */
	assert_ptr_equal(lanes_take(&lanes, LANE_TRANSFER, false), &job[0]);
	assert_ptr_equal(lanes_take(&lanes, LANE_TRANSFER, false), &job[300]);
	assert_ptr_equal(lanes_take(&lanes, LANE_TRANSFER, false), &job[301]);
	assert_int_equal(take_all(&lanes, LANE_TRANSFER, false), BACKLOG_PEER - 1);
	assert_int_equal(lanes.running[LANE_TRANSFER], BACKLOG_PEER + 2);

	/* Urgent ones need not wait for the backlog: places are kept for them. */
	for (int i = 302; i < 306; i++)
		lanes_enqueue(&lanes, &job[i], &peer[0], LANE_TRANSFER, true);
	lanes_leave(&lanes, &job[302]);
	lanes_leave(&lanes, &job[302]);
	assert_ptr_equal(lanes_take(&lanes, LANE_TRANSFER, true), &job[303]);
	assert_ptr_equal(lanes_take(&lanes, LANE_TRANSFER, false), &job[304]);
	assert_null(lanes_take(&lanes, LANE_TRANSFER, false)); /* the primary's limit */
	lanes_leave(&lanes, &job[0]);
	assert_ptr_equal(lanes_take(&lanes, LANE_TRANSFER, false), &job[305]);
	for (int i = 303; i < 306; i++)
		lanes_leave(&lanes, &job[i]);
	assert_ptr_equal(lanes_take(&lanes, LANE_TRANSFER, false), &job[BACKLOG_PEER]);
	assert_null(lanes_take(&lanes, LANE_TRANSFER, false));

	/* In all. */
	for (int i = 310; i < 350; i++)
		lanes_enqueue(&lanes, &job[i], &peer[1 + i % 2], LANE_TRANSFER, i % 4 < 2);
	take_all(&lanes, LANE_TRANSFER, false);
	assert_int_equal(lanes.running[LANE_TRANSFER], LANE_TRANSFER_MAX);
	for (int i = 0; i < 350; i++)
		lanes_leave(&lanes, &job[i]);
	assert_int_equal(lanes.running[LANE_TRANSFER], 0);
	assert_null(lanes_take(&lanes, LANE_TRANSFER, false));
}

static void test_limits(void **state)
{
	static const struct {
		struct lane_limits limits;
		unsigned backlog, urgent; /* running: of a backlog, and of urgent ones on top */
	} table[] = {
		{{1, 1}, 1, 0},	 {{2, 2}, 1, 1},     {{4, 4}, 3, 1},	{{10, 3}, 2, 1},
		{{3, 10}, 2, 1}, {{50, 50}, 40, 10}, {{10, 100}, 8, 2},
	};
	static struct job job[200];
	static struct lane_peer peer;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct lane_limits limits[LANE_KINDS] = {table[i].limits, table[i].limits};
		struct lanes lanes;

		lanes_init(&lanes, standard);
		for (int n = 0; n < 200; n++)
			lanes_enqueue(&lanes, &job[n], &peer, LANE_QUERY, n >= 100);
		for (int n = 100; n < 200; n++)
			lanes_leave(&lanes, &job[n]);
		/* other limits at run time */
		lanes_set_limits(&lanes, limits);
		lanes_settle(&lanes, &peer);
		assert_int_equal(take_all(&lanes, LANE_QUERY, false), table[i].backlog);
		for (int n = 100; n < 200; n++)
			lanes_enqueue(&lanes, &job[n], &peer, LANE_QUERY, true);
		assert_int_equal(take_all(&lanes, LANE_QUERY, false), table[i].urgent);
		for (int n = 0; n < 200; n++)
			lanes_leave(&lanes, &job[n]);
	}
}

/* ---- peers ---- */

static const char yaml[] =
	"server:\n  listen: [127.0.0.1@5300]\n"
	"keys:\n"
	"  - {id: k1, algorithm: hmac-sha256, secret: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=}\n"
	"  - {id: k2, algorithm: hmac-sha256, secret: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=}\n"
	"tls:\n"
	"  - {id: t1, hostname: a.example, mode: strict}\n"
	"  - {id: t2, hostname: b.example, mode: strict}\n"
	"remotes:\n"
	"  - {id: a, address: [192.0.2.1, 2001:db8::1]}\n"
	"  - {id: b, address: [192.0.2.1@53]}\n"
	"  - {id: c, address: [192.0.2.1@54]}\n"
	"  - {id: d, address: [192.0.2.1], via: [2001:db8::2]}\n"
	"  - {id: e, address: [192.0.2.1], via: [2001:db8::2, 192.0.2.2]}\n"
	"  - {id: f, address: [192.0.2.1], key: k1}\n"
	"  - {id: g, address: [192.0.2.1], key: k2}\n"
	"  - {id: h, address: [192.0.2.1@53], tls: t1}\n"
	"  - {id: i, address: [192.0.2.1@53], tls: t2}\n"
	"zones:\n  - {domain: example.com, primaries: [a]}\n";

/* Which remotes' first addresses are the same primary. */
static void test_peers(void **state)
{
	static const int same_as[] = {0, 0, 2, 0, 4, 5, 6, 7, 8}; /* a, b, ... */
	enum {
		N = sizeof(same_as) / sizeof(same_as[0])
	};
	struct config *config[2];
	struct peer *peer[N], *v6, *again;
	struct peers peers;

	(void)state;
	peers_init(&peers);
	for (int i = 0; i < 2; i++)
		assert_int_equal(config_parse("test", (const uint8_t *)yaml, strlen(yaml), stderr,
					      &config[i]),
				 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(peers_get(&peers, &config[0]->remotes[i], 0, &peer[i]), 0);
		for (int j = 0; j <= i; j++)
			assert_int_equal(peer[i] == peer[j], same_as[i] == same_as[j]);
	}
	assert_int_equal(peers_get(&peers, &config[0]->remotes[0], 1, &v6), 0);
	assert_string_equal(v6->text, "2001:db8::1@53");
	assert_null(peer_source(peer[3]));
	assert_non_null(peer_source(peer[4]));
	assert_string_equal(peer[5]->key_id, "k1");
	assert_string_equal(peer_tls_id(peer[8]), "t2");
	/* Found again after the configuration was read anew, and good without the old one. */
	config_free(config[0]);
	for (int i = 0; i < N; i++) {
		assert_int_equal(peers_get(&peers, &config[1]->remotes[i], 0, &again), 0);
		assert_ptr_equal(again, peer[i]);
		peer_unref(again);
	}
	/* Another secret is another primary. */
	config[1]->keys[0].tsig.secret.data[0] ^= 1;
	assert_int_equal(peers_get(&peers, &config[1]->remotes[5], 0, &again), 0);
	assert_ptr_not_equal(again, peer[5]);
	peer_unref(again);
	config_free(config[1]);
	for (int i = 0; i < N; i++)
		peer_unref(peer[i]);
	peer_unref(v6);
	assert_int_equal(peers.n, 0);
	peers_free(&peers);
}

/* Thousands of them. */
static void test_many_peers(void **state)
{
	enum {
		N = 5000
	};
	static struct peer *peer[N], *again;
	struct peers peers;

	(void)state;
	peers_init(&peers);
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < N; i++) {
			struct sockaddr_storage address;
			struct config_remote remote = {.address = &address, .n_addresses = 1};
			char text[32];

			snprintf(text, sizeof(text), "10.1.%d.%d", i / 250, i % 250);
			assert_int_equal(address_parse(text, 53, &address), 0);
			assert_int_equal(peers_get(&peers, &remote, 0, &again), 0);
			if (pass == 0) {
				peer[i] = again;
				continue;
			}
			assert_ptr_equal(peer[i], again);
			peer_unref(again);
			peer_unref(again);
		}
		assert_int_equal(peers.n, pass == 0 ? N : 0);
	}
	peers_free(&peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heap),	   cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_limits),	   cmocka_unit_test(test_peers),
		cmocka_unit_test(test_many_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
