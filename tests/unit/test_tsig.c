// SPDX-License-Identifier: GPL-3.0-or-later
/* TSIG: all algorithms in both roles, with libknot's own functions as the other side; replies and
 * streams that are good, broken, forged, skewed. */
#include "tsig_fixture.h"

#include <libknot/tsig-op.h>

/* ---- all algorithms, with ourselves and with libknot ---- */

static const char *const algorithms[] = {"hmac-md5",	"hmac-sha1",   "hmac-sha224",
					 "hmac-sha256", "hmac-sha384", "hmac-sha512"};

static void with_each_algorithm(void (*run)(const knot_tsig_key_t *))
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++) {
		knot_tsig_key_t each;

		make_key(&each, algorithms[i], "each.key.", "c2VjcmV0IG9mIHRoZSB0cmFuc2Zlcg==");
		run(&each);
		knot_tsig_key_deinit(&each);
	}
}

/* Request and three messages; ours on both sides. */
static void conversation(const knot_tsig_key_t *each)
{
	char reason[TSIG_REASON_MAX] = "";
	struct tsig_client client;
	struct tsig_server server;
	struct wire wire;
	size_t len;

	tsig_client_init(&client, each);
	make_message(&wire, 7, false);
	assert_int_equal(tsig_client_sign(&client, wire.bytes, &wire.len, WIRE_MAX), 0);
	assert_int_equal(knot_wire_get_arcount(wire.bytes), 2);
	assert_int_equal(server_check(&server, &wire, each, &len, reason), 0);
	assert_ptr_equal(server.key, each);
	make_message(&wire, 7, false);
	assert_int_equal(len, wire.len);
	for (unsigned i = 0; i < 3; i++) {
		size_t bare, room = tsig_server_room(&server);

		make_message(&wire, 7, true);
		bare = wire.len;
		assert_int_equal(tsig_server_sign(&server, wire.bytes, &wire.len, bare + room - 1),
				 -ENOSPC);
		assert_int_equal(tsig_server_sign(&server, wire.bytes, &wire.len, bare + room), 0);
		assert_int_equal(wire.len, bare + room);
		assert_int_equal(client_check(&client, &wire, reason), 0);
		assert_int_equal(wire.len, bare);
		assert_int_equal(knot_wire_get_arcount(wire.bytes), 1);
	}
	assert_int_equal(tsig_client_end(&client, reason), 0);
	assert_string_equal(reason, "");
	tsig_client_free(&client);
}

/* libknot is the server. */
static void with_knot_server(const knot_tsig_key_t *each)
{
	char reason[TSIG_REASON_MAX] = "";
	uint8_t mac[TSIG_MAC_MAX], request_mac[TSIG_MAC_MAX];
	struct tsig_client client;
	struct tsig_record record;
	struct wire wire;
	size_t mac_len, request_mac_len;
	knot_rrset_t rr;
	size_t at;

	tsig_client_init(&client, each);
	make_message(&wire, 7, false);
	assert_int_equal(tsig_client_sign(&client, wire.bytes, &wire.len, WIRE_MAX), 0);
	assert_int_equal(tsig_record_find(wire.bytes, wire.len, &record), 0);
	at = record.at;
	assert_int_equal(knot_rrset_rr_from_wire(wire.bytes, &at, wire.len, &rr, NULL, true), 0);
	knot_wire_set_arcount(wire.bytes, 1);
	assert_int_equal(knot_tsig_server_check(&rr, wire.bytes, record.at, each), 0);
	request_mac_len = knot_tsig_rdata_mac_length(&rr);
	memcpy(request_mac, knot_tsig_rdata_mac(&rr), request_mac_len);
	knot_rrset_clear(&rr, NULL);

	make_message(&wire, 7, true);
	mac_len = sizeof(mac);
	assert_int_equal(knot_tsig_sign(wire.bytes, &wire.len, WIRE_MAX, request_mac,
					request_mac_len, mac, &mac_len, each, 0, 0),
			 0);
	assert_int_equal(client_check(&client, &wire, reason), 0);
	for (int i = 0; i < 2; i++) {
		size_t next_len = sizeof(mac);
		uint8_t next[TSIG_MAC_MAX];

		make_message(&wire, 7, true);
		assert_int_equal(knot_tsig_sign_next(wire.bytes, &wire.len, WIRE_MAX, mac, mac_len,
						     next, &next_len, each, wire.bytes, wire.len),
				 0);
		memcpy(mac, next, next_len);
		mac_len = next_len;
		assert_int_equal(client_check(&client, &wire, reason), 0);
	}
	tsig_client_free(&client);
}

/* libknot is the client. */
static void with_knot_client(const knot_tsig_key_t *each)
{
	char reason[TSIG_REASON_MAX] = "";
	uint8_t mac[TSIG_MAC_MAX];
	size_t mac_len = sizeof(mac), len;
	struct tsig_server server;
	struct wire wire;

	make_message(&wire, 7, false);
	assert_int_equal(
		knot_tsig_sign(wire.bytes, &wire.len, WIRE_MAX, NULL, 0, mac, &mac_len, each, 0, 0),
		0);
	assert_int_equal(server_check(&server, &wire, each, &len, reason), 0);
	for (int i = 0; i < 3; i++) {
		struct tsig_record record;
		knot_rrset_t rr;
		size_t at;

		make_message(&wire, 7, true);
		assert_int_equal(tsig_server_sign(&server, wire.bytes, &wire.len, WIRE_MAX), 0);
		assert_int_equal(tsig_record_find(wire.bytes, wire.len, &record), 0);
		at = record.at;
		assert_int_equal(
			knot_rrset_rr_from_wire(wire.bytes, &at, wire.len, &rr, NULL, true), 0);
		knot_wire_set_arcount(wire.bytes, 1);
		if (i == 0)
			assert_int_equal(knot_tsig_client_check(&rr, wire.bytes, record.at, mac,
								mac_len, each, 0),
					 0);
		else
			assert_int_equal(knot_tsig_client_check_next(&rr, wire.bytes, record.at,
								     mac, mac_len, each, 0),
					 0);
		memcpy(mac, record.mac, record.mac_len);
		mac_len = record.mac_len;
		knot_rrset_clear(&rr, NULL);
	}
}

static void test_algorithms(void **state)
{
	(void)state;
	with_each_algorithm(conversation);
	with_each_algorithm(with_knot_server);
	with_each_algorithm(with_knot_client);
}

static const struct {
	const char *what;
	struct forgery how;
	void (*tweak)(struct wire *wire);
	int expect;
	const char *reason;
} replies[] = {
	{"good", {0}, NULL, 0, NULL},
	{"250 s late", {.late_s = 250}, NULL, 0, NULL},
	{"250 s early", {.late_s = -250}, NULL, 0, NULL},
	{"another ID on the way", {.id_change = 1}, NULL, 0, NULL},
	{"not signed",
	 {0},
	 bare,
	 -EBADMSG,
	 "NOERROR without a signature, though with key transfer.key."},
	{"changed", {0}, flip, -EBADMSG, "wrong signature of key transfer.key."},
	{"other secret", {.key = &other_secret}, NULL, -EBADMSG, "wrong signature"},
	{"other name",
	 {.key = &other_name},
	 NULL,
	 -EBADMSG,
	 "key other.key., not with transfer.key."},
	{"other algorithm",
	 {.key = &other_algorithm},
	 NULL,
	 -EBADMSG,
	 "hmac-sha512., but key transfer.key. has hmac-sha256"},
	{"half", {.mac_len = 16}, NULL, -EBADMSG, "truncated: 16 bytes instead of 32"},
	{"one byte less", {.mac_len = 31}, NULL, -EBADMSG, "truncated: 31"},
	{"one byte more", {.mac_len = 33}, NULL, -EBADMSG, "too long: 33"},
	{"no MAC", {.no_mac = true}, NULL, -EBADMSG, "truncated: 0"},
	{"behind",
	 {.late_s = 400},
	 NULL,
	 -EBADMSG,
	 "its clock is 400 s behind ours, more than the 300 s"},
	{"ahead", {.late_s = -4000}, NULL, -EBADMSG, "its clock is 4000 s ahead of ours"},
	{"small fudge",
	 {.late_s = 20, .fudge = 10},
	 NULL,
	 -EBADMSG,
	 "20 s behind ours, more than the 10 s"},
	{"BADKEY",
	 {.error = KNOT_RCODE_BADKEY, .no_mac = true},
	 NULL,
	 -EPERM,
	 "BADKEY: it does not know key transfer.key. with hmac-sha256"},
	{"BADSIG",
	 {.error = KNOT_RCODE_BADSIG, .no_mac = true},
	 NULL,
	 -EPERM,
	 "BADSIG: the secret of key transfer.key."},
	{"BADTIME",
	 {.error = KNOT_RCODE_BADTIME, .other_clock = true},
	 NULL,
	 -EPERM,
	 "BADTIME: its clock is 1000 s ahead of ours"},
	{"BADTIME without its time",
	 {.error = KNOT_RCODE_BADTIME},
	 NULL,
	 -EPERM,
	 "BADTIME: its clock is too far from ours"},
	{"BADTIME, forged",
	 {.key = &other_secret, .error = KNOT_RCODE_BADTIME, .other_clock = true},
	 NULL,
	 -EBADMSG,
	 "wrong signature"},
	{"BADTRUNC", {.error = KNOT_RCODE_BADTRUNC}, NULL, -EPERM, "BADTRUNC"},
	{"error 99", {.error = 99}, NULL, -EPERM, "TSIG error 99"},
	{"class IN", {.not_any = true}, NULL, -EBADMSG, "malformed"},
	{"TTL", {.ttl = 1}, NULL, -EBADMSG, "malformed"},
	{"bytes behind", {0}, behind, -EBADMSG, "malformed"},
	{"cut", {0}, cut, -EBADMSG, "malformed"},
	{"two TSIGs", {0}, twice, -EBADMSG, "not its last record"},
	{"OPT behind it", {0}, not_last, -EBADMSG, "not its last record"},
	{"MAC length", {0}, mac_len_wrong, -EBADMSG, "malformed"},
};

static void test_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++) {
		char reason[TSIG_REASON_MAX] = "";
		struct tsig_client client;
		struct wire wire;
		int ret;

		tsig_client_init(&client, &key);
		make_message(&wire, 7, false);
		assert_int_equal(tsig_client_sign(&client, wire.bytes, &wire.len, WIRE_MAX), 0);
		make_message(&wire, 7, true);
		forge(&replies[i].how, client.mac, client.mac_len, false, &wire);
		if (replies[i].tweak)
			replies[i].tweak(&wire);
		ret = client_check(&client, &wire, reason);
		if (ret != replies[i].expect ||
		    (replies[i].reason && !strstr(reason, replies[i].reason)))
			fail_msg("%s: %d \"%s\"", replies[i].what, ret, reason);
		/* The right one may still come. */
		if (ret < 0) {
			make_message(&wire, 7, true);
			forge(&(struct forgery){0}, client.mac, client.mac_len, false, &wire);
			assert_int_equal(client_check(&client, &wire, reason), 0);
		}
		tsig_client_free(&client);
	}
}

static void test_without_key(void **state)
{
	char reason[TSIG_REASON_MAX] = "";
	struct tsig_client client;
	struct wire wire;
	size_t len;

	(void)state;
	tsig_client_init(&client, NULL);
	make_message(&wire, 7, false);
	len = wire.len;
	assert_int_equal(tsig_client_sign(&client, wire.bytes, &wire.len, WIRE_MAX), 0);
	assert_int_equal(wire.len, len);
	make_message(&wire, 7, true);
	assert_int_equal(client_check(&client, &wire, reason), 0);
	assert_int_equal(wire.len, len);
	assert_int_equal(tsig_client_end(&client, reason), 0);
	forge(&(struct forgery){0}, NULL, 0, false, &wire);
	assert_int_equal(client_check(&client, &wire, reason), -EBADMSG);
	assert_non_null(strstr(reason, "signed with TSIG key transfer.key., though no key"));
	tsig_client_free(&client);
}

/* ---- streams ---- */

/* S: signed; u: not; s: signed over itself alone, without the unsigned ones before; b: signed 5 s
 * before the last; f: flipped, signed. */
static const struct {
	const char *messages;
	bool good;
	const char *reason;
} streams[] = {
	{"S", true, NULL},
	{"SSSS", true, NULL},
	{"SuuuS", true, NULL},
	{"SuuSSuS", true, NULL},
	{"Su", false, "the last message is not signed"},
	{"SSSuuu", false, "the last message is not signed"},
	{"u", false, "without a signature"},
	{"uS", false, "without a signature"},
	{"Suus", false, "wrong signature"},
	{"Sb", false, "signed 5 s before the one that it follows"},
	{"Sf", false, "wrong signature"},
	{"SufS", false, "wrong signature"},
};

static int stream_message(struct tsig_client *client, char what, uint8_t *mac, size_t *mac_len,
			  bool first, struct dnssec_tsig_ctx **running, char *reason)
{
	struct forgery how = {.late_s = what == 'b' ? 5 : 0};
	struct wire wire;
	int ret;

	make_message(&wire, 7, true);
	if (what == 'u') {
		if (!*running)
			assert_int_equal(tsig_mac_begin(&key, mac, *mac_len, running), 0);
		tsig_mac_message(*running, wire.bytes, wire.len, 7, 1);
	} else if (*running && what != 's') {
		struct tsig_record record = {
			.time_signed = tsig_now(), .fudge = 300, .original_id = 7};

		knot_dname_copy_lower(record.owner, key.name);
		knot_dname_copy_lower(record.algorithm,
				      dnssec_tsig_algorithm_to_dname(key.algorithm));
		tsig_mac_message(*running, wire.bytes, wire.len, 7, 1);
		tsig_mac_timers(*running, &record);
		record.mac_len = tsig_mac_end(*running, mac);
		record.mac = mac;
		*running = NULL;
		assert_int_equal(tsig_record_put(&record, wire.bytes, &wire.len, WIRE_MAX), 0);
	} else {
		struct tsig_record record;

		forge(&how, mac, *mac_len, !first, &wire);
		assert_int_equal(tsig_record_find(wire.bytes, wire.len, &record), 0);
		memcpy(mac, record.mac, record.mac_len);
		*mac_len = record.mac_len;
	}
	if (what == 'f')
		flip(&wire);
	ret = client_check(client, &wire, reason);
	return ret;
}

static void run_stream(const char *messages, bool good, const char *expect)
{
	char reason[TSIG_REASON_MAX] = "";
	struct dnssec_tsig_ctx *running = NULL;
	uint8_t mac[TSIG_MAC_MAX];
	struct tsig_client client;
	struct wire wire;
	size_t mac_len;
	int ret = 0;

	tsig_client_init(&client, &key);
	make_message(&wire, 7, false);
	assert_int_equal(tsig_client_sign(&client, wire.bytes, &wire.len, WIRE_MAX), 0);
	memcpy(mac, client.mac, client.mac_len);
	mac_len = client.mac_len;
	for (const char *m = messages; *m && ret == 0; m++)
		ret = stream_message(&client, *m, mac, &mac_len, m == messages, &running, reason);
	if (ret == 0)
		ret = tsig_client_end(&client, reason);
	if ((ret == 0) != good || (expect && !strstr(reason, expect)))
		fail_msg("%s: %d \"%s\"", messages, ret, reason);
	dnssec_tsig_free(running);
	tsig_client_free(&client);
}

static void test_streams(void **state)
{
	char many[2 + TSIG_UNSIGNED_MAX + 3] = "S";

	(void)state;
	for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++)
		run_stream(streams[i].messages, streams[i].good, streams[i].reason);
	memset(many + 1, 'u', TSIG_UNSIGNED_MAX);
	strcpy(many + 1 + TSIG_UNSIGNED_MAX, "S");
	run_stream(many, true, NULL);
	strcpy(many + 1 + TSIG_UNSIGNED_MAX, "uS");
	run_stream(many, false, "more than 99 messages in a row");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_without_key),
		cmocka_unit_test(test_streams),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
