// SPDX-License-Identifier: GPL-3.0-or-later
/* TSIG of requests: good, broken, forged, skewed, changed anywhere; and how each is answered. */
#include "tsig_fixture.h"

enum answered {
	GOOD,
	UNSIGNED, /* with TSIG, but without a MAC */
	SIGNED,
	BARE,
};

static const struct {
	const char *what;
	struct forgery how;
	void (*tweak)(struct wire *wire);
	int expect;
	uint16_t error;
	enum answered answered;
	const char *reason;
} requests[] = {
	{"good", {0}, NULL, 0, 0, SIGNED, NULL},
	{"another ID on the way", {.id_change = 9}, NULL, 0, 0, SIGNED, NULL},
	{"not signed", {0}, bare, 0, 0, BARE, NULL},
	{"unknown key",
	 {.key = &other_name},
	 NULL,
	 -EPERM,
	 KNOT_RCODE_BADKEY,
	 UNSIGNED,
	 "BADKEY: key other.key. is unknown"},
	{"other algorithm",
	 {.key = &other_algorithm},
	 NULL,
	 -EPERM,
	 KNOT_RCODE_BADKEY,
	 UNSIGNED,
	 "with another algorithm"},
	{"other secret",
	 {.key = &other_secret},
	 NULL,
	 -EPERM,
	 KNOT_RCODE_BADSIG,
	 UNSIGNED,
	 "BADSIG: wrong signature of key transfer.key."},
	{"changed", {0}, flip, -EPERM, KNOT_RCODE_BADSIG, UNSIGNED, "BADSIG"},
	{"late",
	 {.late_s = 301},
	 NULL,
	 -EPERM,
	 KNOT_RCODE_BADTIME,
	 SIGNED,
	 "the client's clock is 301 s behind ours"},
	{"early",
	 {.late_s = -500},
	 NULL,
	 -EPERM,
	 KNOT_RCODE_BADTIME,
	 SIGNED,
	 "500 s ahead of ours"},
	{"truncated to half",
	 {.mac_len = 16},
	 NULL,
	 -EPERM,
	 KNOT_RCODE_BADTRUNC,
	 SIGNED,
	 "truncated to 16 bytes"},
	{"truncated and wrong",
	 {.key = &other_secret, .mac_len = 16},
	 NULL,
	 -EPERM,
	 KNOT_RCODE_BADSIG,
	 UNSIGNED,
	 "BADSIG"},
	{"truncated and late",
	 {.late_s = 301, .mac_len = 16},
	 NULL,
	 -EPERM,
	 KNOT_RCODE_BADTIME,
	 SIGNED,
	 "BADTIME"},
	{"less than half", {.mac_len = 15}, NULL, -EBADMSG, 0, BARE, "has 15 bytes"},
	{"no MAC", {.no_mac = true}, NULL, -EBADMSG, 0, BARE, "has 0 bytes"},
	{"too long", {.mac_len = 40}, NULL, -EBADMSG, 0, BARE, "has 40 bytes"},
	{"class IN", {.not_any = true}, NULL, -EBADMSG, 0, BARE, "malformed"},
	{"two", {0}, twice, -EBADMSG, 0, BARE, "last record"},
	{"not last", {0}, not_last, -EBADMSG, 0, BARE, "last record"},
	{"MAC length", {0}, mac_len_wrong, -EBADMSG, 0, BARE, "malformed"},
	{"cut", {0}, cut, -EBADMSG, 0, BARE, "malformed"},
};

/* The reply as it goes out, and what our client makes of it. */
static void check_answer(size_t i, struct tsig_server *server, const struct wire *request)
{
	size_t room = tsig_server_room(server), bare_len;
	char reason[TSIG_REASON_MAX] = "";
	struct tsig_record record, sent;
	struct tsig_client client;
	struct wire wire;
	int ret;

	make_message(&wire, 7, true);
	bare_len = wire.len;
	if (server->error)
		knot_wire_set_rcode(wire.bytes, KNOT_RCODE_NOTAUTH);
	assert_int_equal(tsig_server_sign(server, wire.bytes, &wire.len, bare_len + room), 0);
	assert_int_equal(wire.len, bare_len + room);
	if (requests[i].answered == BARE) {
		assert_int_equal(room, 0);
		return;
	}
	assert_int_equal(tsig_record_find(wire.bytes, wire.len, &record), 0);
	assert_int_equal(tsig_record_find(request->bytes, request->len, &sent), 0);
	assert_int_equal(record.error, requests[i].error);
	assert_int_equal(record.mac_len, requests[i].answered == SIGNED ? 32 : 0);
	assert_int_equal(record.other_len, record.error == KNOT_RCODE_BADTIME ? 6 : 0);
	if (record.other_len)
		assert_true(tsig_now() - knot_wire_read_u48(record.other) <= 2);
	if (server->error && server->error != KNOT_RCODE_BADTRUNC)
		assert_int_equal(record.time_signed, sent.time_signed);
	assert_true(knot_dname_is_equal(record.owner, sent.owner));
	assert_true(knot_dname_is_equal(record.algorithm, sent.algorithm));
	if (!knot_dname_is_equal(record.owner, key.name) || sent.mac_len == 0)
		return;
	/* The client had sent this MAC. */
	tsig_client_init(&client, &key);
	memcpy(client.mac, sent.mac, sent.mac_len);
	client.mac_len = sent.mac_len;
	ret = client_check(&client, &wire, reason);
	if (record.error == 0)
		assert_int_equal(ret, 0);
	else if (knot_dname_is_equal(record.algorithm,
				     dnssec_tsig_algorithm_to_dname(key.algorithm)))
		assert_int_equal(ret, -EPERM);
	tsig_client_free(&client);
}

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		char reason[TSIG_REASON_MAX] = "";
		struct tsig_server server;
		struct wire wire;
		size_t len = 0;
		int ret;

		make_message(&wire, 7, false);
		forge(&requests[i].how, NULL, 0, false, &wire);
		if (requests[i].tweak)
			requests[i].tweak(&wire);
		ret = server_check(&server, &wire, &key, &len, reason);
		if (ret != requests[i].expect || server.error != requests[i].error ||
		    (requests[i].reason && !strstr(reason, requests[i].reason)))
			fail_msg("%s: %d, error %u \"%s\"", requests[i].what, ret, server.error,
				 reason);
		assert_true((server.key != NULL) == (ret == 0 && requests[i].answered == SIGNED));
		check_answer(i, &server, &wire);
	}
}

/* Any prefix, any byte: nothing is read beyond the end, nothing wrong is taken. */
static void test_mutations(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3000; i++) {
		char reason[TSIG_REASON_MAX] = "";
		struct tsig_server server;
		struct wire wire;
		size_t len, at = 0;
		bool id = false;

		make_message(&wire, 7, false);
		forge(&(struct forgery){0}, NULL, 0, false, &wire);
		if (i < wire.len) {
			wire.len = i;
		} else {
			at = (size_t)rand() % wire.len;
			/* case of the key's and the algorithm's name, and the ID, are not signed */
			wire.bytes[at] ^= (uint8_t)(1 + rand() % 31);
			id = at < 2;
		}
		if (server_check(&server, &wire, &key, &len, reason) == 0 && !id)
			assert_null(server.key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
