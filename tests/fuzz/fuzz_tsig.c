// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * TSIG in requests and replies. What is found ends the message; what is taken has the MAC that
 * libknot computes; what is refused has a reason in words; error replies can be made of any
 * request.
 *
 * First byte: bit 0 a reply (to a request that was signed); bit 1 the TSIG is made new, so that the
 * MAC is right; bit 2 a second message of a stream.
 */
#include <errno.h>
#include <string.h>
#include <libknot/tsig-op.h>

#include "fuzz/fuzz.h"
#include "tsig/record.h"
#include "tsig/tsig.h"

static knot_tsig_key_t key;
static const uint8_t bare[] = "\0\7\0\0\0\1\0\0\0\0\0\0\7example\3com\0\0\6\0\1";
#define BARE_LEN (sizeof(bare) - 1)

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	CHECK(knot_tsig_key_init(&key, "hmac-sha256", "key.", "c2VjcmV0c2VjcmV0") == 0);
	return 0;
}

static const knot_tsig_key_t *find(const knot_dname_t *name, void *ctx)
{
	(void)ctx;
	return knot_dname_is_equal(name, key.name) ? &key : NULL;
}

/* libknot's word on a request. */
static void check_with_libknot(const uint8_t *wire, size_t len, const struct tsig_record *record)
{
	uint8_t *copy;
	size_t at = record->at;
	knot_rrset_t rr;

	if (record->fudge == 0) /* no second is that short, says libknot */
		return;
	copy = malloc(len);
	CHECK(copy);
	memcpy(copy, wire, len);
	knot_rrset_init_empty(&rr);
	CHECK(knot_rrset_rr_from_wire(copy, &at, len, &rr, NULL, true) == KNOT_EOK);
	knot_wire_set_id(copy, record->original_id);
	knot_wire_set_arcount(copy, knot_wire_get_arcount(copy) - 1);
	CHECK(knot_tsig_server_check(&rr, copy, record->at, &key) == KNOT_EOK);
	knot_rrset_clear(&rr, NULL);
	free(copy);
}

static void request(const uint8_t *wire, size_t len)
{
	uint8_t reply[BARE_LEN + TSIG_ROOM_MAX];
	char reason[TSIG_REASON_MAX] = "";
	size_t bare_len = 0, size = BARE_LEN;
	struct tsig_record record;
	struct tsig_server server;
	int ret = tsig_server_check(&server, wire, len, find, NULL, &bare_len, reason);

	CHECK(ret == 0 || ret == -EPERM || ret == -EBADMSG);
	CHECK((ret == -EPERM) == (server.error != 0));
	if (ret < 0)
		fuzz_check_text(reason, sizeof(reason));
	if (ret == 0 && server.key) {
		CHECK(tsig_record_find(wire, len, &record) == 0 && record.at == bare_len);
		check_with_libknot(wire, len, &record);
	} else if (ret == 0) {
		CHECK(bare_len == len);
	}
	memcpy(reply, bare, BARE_LEN);
	CHECK(tsig_server_sign(&server, reply, &size, sizeof(reply)) == 0);
	CHECK(size == BARE_LEN + tsig_server_room(&server));
	if (size > BARE_LEN) {
		CHECK(tsig_record_find(reply, size, &record) == 0);
		CHECK(record.at == BARE_LEN && record.error == server.error);
	}
}

static void reply(uint8_t *wire, size_t len, bool second)
{
	uint8_t query[BARE_LEN + TSIG_ROOM_MAX];
	char reason[TSIG_REASON_MAX] = "";
	size_t size = BARE_LEN, bare_len = 0;
	struct tsig_client client;
	int ret;

	tsig_client_init(&client, &key);
	memcpy(query, bare, BARE_LEN);
	CHECK(tsig_client_sign(&client, query, &size, sizeof(query)) == 0);
	client.messages = second;
	ret = tsig_client_check(&client, wire, len, &bare_len, reason);
	CHECK(ret == 0 || ret == -EPERM || ret == -EBADMSG);
	if (ret < 0)
		fuzz_check_text(reason, sizeof(reason));
	else
		/* nobody can guess the MAC of a request with today's time in it */
		CHECK(second && client.unsigned_in_row == 1 && bare_len == len);
	tsig_client_free(&client);
}

/* A message that ends with a TSIG gets a right one. Its length. */
static size_t sign(uint8_t *wire, size_t len, size_t room)
{
	struct tsig_client client;
	struct tsig_record record;

	if (tsig_record_find(wire, len, &record) == 0) {
		len = record.at;
		knot_wire_set_arcount(wire, knot_wire_get_arcount(wire) - 1);
	}
	if (len < KNOT_WIRE_HEADER_SIZE)
		return len;
	tsig_client_init(&client, &key);
	CHECK(tsig_client_sign(&client, wire, &len, room) == 0);
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t flags = fuzz_take(&data, &len), *wire, *exact;

	if (len > 60000)
		return 0;
	wire = malloc(len + TSIG_ROOM_MAX);
	CHECK(wire);
	if (len)
		memcpy(wire, data, len);
	if (flags & 2)
		len = sign(wire, len, len + TSIG_ROOM_MAX);
	exact = malloc(len ? len : 1);
	CHECK(exact);
	memcpy(exact, wire, len);
	if (flags & 1)
		reply(exact, len, flags & 4);
	else
		request(exact, len);
	free(exact);
	free(wire);
	return 0;
}
