/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys, and messages that are signed, as they should be or not. */
#ifndef XNS_TEST_TSIG_FIXTURE_H
#define XNS_TEST_TSIG_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tsig/record.h"
#include "tsig/tsig.h"

#define WIRE_MAX 1024

struct wire {
	uint8_t bytes[WIRE_MAX];
	size_t len;
};

static knot_tsig_key_t key, other_secret, other_name, other_algorithm;

static inline void make_key(knot_tsig_key_t *ret, const char *algorithm, const char *name,
			    const char *secret)
{
	assert_int_equal(knot_tsig_key_init(ret, algorithm, name, secret), 0);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
	(void)state;
	knot_tsig_key_deinit(&key);
	knot_tsig_key_deinit(&other_secret);
	knot_tsig_key_deinit(&other_name);
	knot_tsig_key_deinit(&other_algorithm);
	return 0;
}

static inline const knot_tsig_key_t *find(const knot_dname_t *name, void *ctx)
{
	const knot_tsig_key_t *const *keys = ctx;

	for (; *keys; keys++) {
		if (knot_dname_is_equal((*keys)->name, name))
			return *keys;
	}
	return NULL;
}

/* example.com. SOA, and an OPT, so that ARCOUNT is not only of the TSIG. */
static inline void make_message(struct wire *wire, uint16_t id, bool reply)
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
static inline int client_check(struct tsig_client *client, struct wire *wire, char *reason)
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

static inline int server_check(struct tsig_server *server, const struct wire *wire,
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

static inline void forge(const struct forgery *how, const uint8_t *mac_before,
			 size_t mac_before_len, bool timers, struct wire *wire)
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

static inline void flip(struct wire *wire)
{
	wire->bytes[KNOT_WIRE_HEADER_SIZE + 1] ^= 1;
}

static inline void behind(struct wire *wire)
{
	wire->bytes[wire->len++] = 0;
}

static inline void cut(struct wire *wire)
{
	wire->len--;
}

/* The TSIG once more. */
static inline void twice(struct wire *wire)
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
static inline void not_last(struct wire *wire)
{
	memcpy(wire->bytes + wire->len, "\0\0\51\4\320\0\0\0\0\0\0", 11);
	wire->len += 11;
	knot_wire_add_arcount(wire->bytes, 1);
}

/* The MAC's length reaches out of the record. */
static inline void mac_len_wrong(struct wire *wire)
{
	struct tsig_record record;

	assert_int_equal(tsig_record_find(wire->bytes, wire->len, &record), 0);
	knot_wire_write_u16(wire->bytes + (record.mac - wire->bytes) - 2, 500);
}

static inline void bare(struct wire *wire)
{
	struct tsig_record record;

	assert_int_equal(tsig_record_find(wire->bytes, wire->len, &record), 0);
	wire->len = record.at;
	knot_wire_set_arcount(wire->bytes, 1);
}

#endif
