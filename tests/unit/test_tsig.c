// SPDX-License-Identifier: GPL-3.0-or-later
/* TSIG in both roles: good, broken, forged, skewed; with libknot's own functions as the other side.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <libknot/tsig-op.h>

#include "tsig/record.h"
#include "tsig/tsig.h"

#define WIRE_MAX 1024

struct wire {
	uint8_t bytes[WIRE_MAX];
	size_t len;
};

static knot_tsig_key_t key, other_secret, other_name, other_algorithm;

static void make_key(knot_tsig_key_t *ret, const char *algorithm, const char *name,
		     const char *secret)
{
	assert_int_equal(knot_tsig_key_init(ret, algorithm, name, secret), 0);
}

static int setup(void **state)
{
	(void)state;
	make_key(&key, "hmac-sha256", "transfer.key.", "c2VjcmV0IG9mIHRoZSB0cmFuc2Zlcg==");
	make_key(&other_secret, "hmac-sha256", "transfer.key.",
		 "YW5vdGhlciBzZWNyZXQgYWx0b2dldGhlcg==");
	make_key(&other_name, "hmac-sha256", "other.key.", "c2VjcmV0IG9mIHRoZSB0cmFuc2Zlcg==");
	make_key(&other_algorithm, "hmac-sha512", "transfer.key.",
		 "c2VjcmV0IG9mIHRoZSB0cmFuc2Zlcg==");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	knot_tsig_key_deinit(&key);
	knot_tsig_key_deinit(&other_secret);
	knot_tsig_key_deinit(&other_name);
	knot_tsig_key_deinit(&other_algorithm);
	return 0;
}

static const knot_tsig_key_t *find(const knot_dname_t *name, void *ctx)
{
	const knot_tsig_key_t *const *keys = ctx;

	for (; *keys; keys++) {
		if (knot_dname_is_equal((*keys)->name, name))
			return *keys;
	}
	return NULL;
}

/* example.com. SOA, and an OPT, so that ARCOUNT is not only of the TSIG. */
static void make_message(struct wire *wire, uint16_t id, bool reply)
{
	static const uint8_t rest[] = "\7example\3com\0\0\6\0\1\0\0\51\4\320\0\0\0\0\0";

	memset(wire->bytes, 0, KNOT_WIRE_HEADER_SIZE);
	knot_wire_set_id(wire->bytes, id);
	knot_wire_set_qdcount(wire->bytes, 1);
	knot_wire_set_arcount(wire->bytes, 1);
	if (reply)
		knot_wire_set_qr(wire->bytes);
	memcpy(wire->bytes + KNOT_WIRE_HEADER_SIZE, rest, sizeof(rest));
	wire->len = KNOT_WIRE_HEADER_SIZE + sizeof(rest);
}

/* In memory of just its size, so that a byte too far is seen. */
static int client_check(struct tsig_client *client, struct wire *wire, char *reason)
{
	uint8_t *exact = malloc(wire->len ? wire->len : 1);
	size_t len = 0;
	int ret;

	memcpy(exact, wire->bytes, wire->len);
	ret = tsig_client_check(client, exact, wire->len, &len, reason);
	if (ret == 0) {
		memcpy(wire->bytes, exact, len);
		wire->len = len;
	}
	free(exact);
	return ret;
}

static int server_check(struct tsig_server *server, const struct wire *wire,
			const knot_tsig_key_t *known, size_t *ret_len, char *reason)
{
	const knot_tsig_key_t *keys[] = {known, NULL};
	uint8_t *exact = malloc(wire->len ? wire->len : 1);
	int ret;

	memcpy(exact, wire->bytes, wire->len);
	ret = tsig_server_check(server, exact, wire->len, find, keys, ret_len, reason);
	free(exact);
	return ret;
}

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

/* ---- forged messages ---- */

/* How a message is signed; zeros: as it should be. */
struct forgery {
	const knot_tsig_key_t *key; /* NULL: `key` */
	int64_t late_s;		    /* the clock that signs is behind by */
	uint16_t fudge, error;
	size_t mac_len;		 /* of which so much is sent; 0: all */
	bool no_mac;		 /* none is sent */
	const char *other;	 /* 6 bytes */
	bool other_clock;	 /* other: a clock that is 1000 s ahead */
	uint16_t ttl, id_change; /* id_change: the message gets another ID after it was signed */
	bool not_any;		 /* class IN */
};

static void forge(const struct forgery *how, const uint8_t *mac_before, size_t mac_before_len,
		  bool timers, struct wire *wire)
{
	const knot_tsig_key_t *with = how->key ? how->key : &key;
	uint8_t mac[TSIG_MAC_MAX] = {0}, other[6];
	struct tsig_record record = {
		.time_signed = tsig_now() - (uint64_t)how->late_s,
		.fudge = how->fudge ? how->fudge : 300,
		.error = how->error,
		.original_id = knot_wire_get_id(wire->bytes),
		.mac = mac,
		.other = other,
	};
	struct dnssec_tsig_ctx *ctx;
	size_t before = wire->len;
	int len;

	knot_dname_copy_lower(record.owner, with->name);
	knot_dname_copy_lower(record.algorithm, dnssec_tsig_algorithm_to_dname(with->algorithm));
	if (how->other_clock) {
		knot_wire_write_u48(other, tsig_now() + 1000);
		record.other_len = 6;
	}
	assert_int_equal(tsig_mac_begin(with, mac_before, mac_before_len, &ctx), 0);
	tsig_mac_message(ctx, wire->bytes, wire->len, record.original_id,
			 knot_wire_get_arcount(wire->bytes));
	if (timers)
		tsig_mac_timers(ctx, &record);
	else
		tsig_mac_variables(ctx, &record);
	len = tsig_mac_end(ctx, mac);
	record.mac_len = how->no_mac ? 0 : how->mac_len ? how->mac_len : (size_t)len;
	assert_int_equal(tsig_record_put(&record, wire->bytes, &wire->len, WIRE_MAX), 0);
	before += knot_dname_size(record.owner);
	if (how->not_any)
		knot_wire_write_u16(wire->bytes + before + 2, KNOT_CLASS_IN);
	knot_wire_write_u32(wire->bytes + before + 4, how->ttl);
	knot_wire_set_id(wire->bytes, knot_wire_get_id(wire->bytes) + how->id_change);
}

static void flip(struct wire *wire)
{
	wire->bytes[KNOT_WIRE_HEADER_SIZE + 1] ^= 1;
}

static void behind(struct wire *wire)
{
	wire->bytes[wire->len++] = 0;
}

static void cut(struct wire *wire)
{
	wire->len--;
}

/* The TSIG once more. */
static void twice(struct wire *wire)
{
	struct tsig_record record;
	size_t size;

	assert_int_equal(tsig_record_find(wire->bytes, wire->len, &record), 0);
	size = wire->len - record.at;
	memcpy(wire->bytes + wire->len, wire->bytes + record.at, size);
	wire->len += size;
	knot_wire_add_arcount(wire->bytes, 1);
}

/* An OPT behind the TSIG. */
static void not_last(struct wire *wire)
{
	memcpy(wire->bytes + wire->len, "\0\0\51\4\320\0\0\0\0\0\0", 11);
	wire->len += 11;
	knot_wire_add_arcount(wire->bytes, 1);
}

/* The MAC's length reaches out of the record. */
static void mac_len_wrong(struct wire *wire)
{
	struct tsig_record record;

	assert_int_equal(tsig_record_find(wire->bytes, wire->len, &record), 0);
	knot_wire_write_u16(wire->bytes + (record.mac - wire->bytes) - 2, 500);
}

static void bare(struct wire *wire)
{
	struct tsig_record record;

	assert_int_equal(tsig_record_find(wire->bytes, wire->len, &record), 0);
	wire->len = record.at;
	knot_wire_set_arcount(wire->bytes, 1);
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

/* ---- requests ---- */

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
		cmocka_unit_test(test_algorithms),  cmocka_unit_test(test_replies),
		cmocka_unit_test(test_without_key), cmocka_unit_test(test_streams),
		cmocka_unit_test(test_requests),    cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
