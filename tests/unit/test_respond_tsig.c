// SPDX-License-Identifier: GPL-3.0-or-later
/* respond_make: what is said of a TSIG, and what comes before it. Transfers: test_transfer_out.c.
 */
#include "respond_fixture.h"

#include "tsig/tsig.h"

#define IN     KNOT_CLASS_IN
#define STATUS (KNOT_OPCODE_STATUS << 11)
#define PLAIN  -1 /* no OPT */

static struct config_tsig key;

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	fixture_open(f);
	assert_int_equal(knot_tsig_key_init(&key.tsig, "hmac-sha256", "key.", "c2VjcmV0"), 0);
	f->config.keys = &key;
	f->config.n_keys = 1;
	assert_int_equal(respond_bind(&f->config, &f->respond), 0);
	respond_use(f->respond, &f->zones, NULL, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_close(*state);
	knot_tsig_key_deinit(&key.tsig);
	free(*state);
	return 0;
}

/* ---- keys that are not known ---- */

static void unknown_key(void **state)
{
	static uint8_t reply[65535];
	struct fixture *f = *state;

	for (unsigned with_opt = 0; with_opt < 2; with_opt++) {
		struct message query;
		knot_pkt_t *pkt;
		size_t len;

		add_header(&query, 0, 1);
		add_question(&query, "www.example.com.", 1, IN);
		if (with_opt)
			add_opt(&query, 1232, 0);
		add_tsig(&query, "some.key.");
		len = reply_to(f, query.wire, query.len, STRANGER, false, reply, sizeof(reply));
		pkt = check_reply("TSIG", &query, reply, len, 512);
		assert_int_equal(knot_wire_get_rcode(reply), KNOT_RCODE_NOTAUTH);
		assert_int_equal(knot_pkt_has_edns(pkt), with_opt);
		assert_true(knot_pkt_has_tsig(pkt));
		assert_int_equal(knot_tsig_rdata_error(pkt->tsig_rr), KNOT_RCODE_BADKEY);
		assert_int_equal(knot_tsig_rdata_orig_id(pkt->tsig_rr), 0xbeef);
		assert_int_equal(knot_tsig_rdata_time_signed(pkt->tsig_rr), 0x01020304);
		assert_int_equal(knot_tsig_rdata_mac_length(pkt->tsig_rr), 0);
		assert_string_equal((const char *)pkt->tsig_rr->owner, "\4some\3key");
		knot_pkt_free(pkt);

		/* not the last record */
		add_opt(&query, 1232, 0);
		len = reply_to(f, query.wire, query.len, STRANGER, false, reply, sizeof(reply));
		assert_int_equal(knot_wire_get_rcode(reply), KNOT_RCODE_FORMERR);
		assert_int_equal(knot_wire_get_arcount(reply), 0);
	}
}

/* A key whose name is written with a pointer into the question, as dnspython does. */
static void compressed_key(void **state)
{
	static const uint8_t key[] = "\3key\xc0\x10"; /* key.example.com */
	static uint8_t reply[65535];
	struct fixture *f = *state;
	struct message query, tail;
	knot_pkt_t *pkt;
	size_t len;

	add_header(&query, 0, 1);
	add_question(&query, "www.example.com.", 1, IN);
	add_bytes(&query, key, sizeof(key) - 1);
	add_header(&tail, 0, 0);
	add_tsig(&tail, ".");
	add_bytes(&query, tail.wire + 13, tail.len - 13);
	knot_wire_set_arcount(query.wire, 1);
	len = reply_to(f, query.wire, query.len, STRANGER, false, reply, sizeof(reply));
	pkt = check_reply("compressed", &query, reply, len, 512);
	assert_string_equal((const char *)pkt->tsig_rr->owner, "\3key\7example\3com");
	knot_pkt_free(pkt);
}

/* Names so long that the TSIG does not fit behind them: NOTAUTH alone. */
static void tsig_without_room(void **state)
{
	char label[64], name[300];
	uint8_t *reply = malloc(512);
	struct fixture *f = *state;
	struct message query;
	size_t len;

	memset(label, 'l', 62);
	label[62] = '\0';
	snprintf(name, sizeof(name), "%s.%s.%s.%s.", label, label, label, label);
	add_header(&query, 0, 1);
	add_question(&query, name, 1, IN);
	add_tsig(&query, name);
	len = reply_to(f, query.wire, query.len, STRANGER, false, reply, 512);
	knot_pkt_free(check_reply("TSIG", &query, reply, len, 512));
	assert_int_equal(knot_wire_get_rcode(reply), KNOT_RCODE_NOTAUTH);
	assert_int_equal(knot_wire_get_arcount(reply), 0);
	free(reply);
}

/* ---- what comes before it ---- */

enum signature {
	UNKNOWN,
	WRONG,
	RIGHT,
	SIGNATURES
};

static const struct test {
	const char *what;
	uint16_t flags;
	bool question;
	int edns_version; /* PLAIN: no OPT */
	bool garbage;
	uint16_t rcode; /* of the query itself */
} tests[] = {
	{"a query", 0, true, PLAIN, false, KNOT_RCODE_NOERROR},
	{"garbage behind", 0, true, PLAIN, true, KNOT_RCODE_NOERROR},
	{"OPT, garbage behind", 0, true, 0, true, KNOT_RCODE_NOERROR},
	{"STATUS", STATUS, true, PLAIN, false, KNOT_RCODE_NOTIMPL},
	{"STATUS, garbage behind", STATUS, true, PLAIN, true, KNOT_RCODE_NOTIMPL},
	{"no question", 0, false, PLAIN, false, KNOT_RCODE_FORMERR},
	{"EDNS version 1", 0, true, 1, false, KNOT_RCODE_BADVERS},
	{"EDNS version 1, no question", 0, false, 1, false, KNOT_RCODE_BADVERS},
};

static void build(const struct test *test, enum signature signature, struct tsig_client *client,
		  struct message *ret)
{
	add_header(ret, test->flags, test->question);
	if (test->question)
		add_question(ret, "www.example.com.", 1, IN);
	if (test->edns_version != PLAIN)
		add_opt(ret, 1232, (uint32_t)test->edns_version << 16);
	if (signature == UNKNOWN)
		add_tsig(ret, "nobody.");
	else
		assert_int_equal(tsig_client_sign(client, ret->wire, &ret->len, QUERY_MAX), 0);
	if (signature == WRONG)
		knot_wire_set_rd(ret->wire);
	if (test->garbage)
		add_bytes(ret, "garbage", 7);
}

/*
 * A query that is refused for what it is says nothing of a signature that is not right; a right one
 * is answered with one. Garbage behind the last record belongs to nothing.
 */
static void order(void **state)
{
	static const uint16_t errors[SIGNATURES] = {
		[UNKNOWN] = KNOT_RCODE_BADKEY, [WRONG] = KNOT_RCODE_BADSIG};
	struct fixture *f = *state;

	for (size_t i = 0; i < SIGNATURES * sizeof(tests) / sizeof(*tests); i++) {
		const struct test *test = &tests[i / SIGNATURES];
		enum signature signature = i % SIGNATURES;
		bool told = signature == RIGHT || test->rcode == KNOT_RCODE_NOERROR;
		struct tsig_client client;
		char reason[TSIG_REASON_MAX];
		uint8_t reply[512], copy[512];
		struct message query;
		uint16_t rcode = test->rcode;
		knot_pkt_t *pkt;
		size_t len, unsigned_len;

		if (rcode == KNOT_RCODE_NOERROR)
			rcode = errors[signature];
		tsig_client_init(&client, &key.tsig);
		build(test, signature, &client, &query);
		len = reply_to(f, query.wire, query.len, STRANGER, false, reply, sizeof(reply));
		memcpy(copy, reply, len); /* libknot takes the TSIG out of what it parses */
		if (signature == RIGHT &&
		    tsig_client_check(&client, copy, len, &unsigned_len, reason) != 0)
			fail_msg("%s: %s", test->what, reason);
		pkt = check_reply(test->what, &query, reply, len, sizeof(reply));
		/* of a NOTAUTH: the error in its TSIG */
		if (knot_pkt_ext_rcode(pkt) != rcode || knot_pkt_has_tsig(pkt) != told)
			fail_msg("%s, signature %u: RCODE %u, %s", test->what, signature,
				 knot_pkt_ext_rcode(pkt),
				 knot_pkt_has_tsig(pkt) ? "TSIG" : "no TSIG");
		knot_pkt_free(pkt);
		tsig_client_free(&client);
	}
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test(unknown_key),
		cmocka_unit_test(compressed_key),
		cmocka_unit_test(tsig_without_room),
		cmocka_unit_test(order),
	};

	return cmocka_run_group_tests(unit_tests, setup, teardown);
}
