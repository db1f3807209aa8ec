// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A node's value in the database, of arbitrary bytes (LMDB has no checksums: a bad disk may hand
 * out anything): no RRset leaves the value, and reading ends. Then the same bytes as records of one
 * name: what content takes is written as a value that is right in all.
 *
 * Records: type (2 bytes), length (1 byte), rdata.
 */
#include <string.h>

#include "fuzz/fuzz.h"

#define APEX_RECORDS 2

static void read_arbitrary(const uint8_t *data, size_t len)
{
	/* Values lie at even addresses; a copy of just this size for ASan. */
	uint8_t *value = malloc(len ? len : 1);
	struct store_node node = {value, len};
	size_t pos = 0, last = 0;
	knot_rrset_t rr;

	CHECK(value);
	if (len)
		memcpy(value, data, len);
	while (store_node_next(&node, &pos, &rr)) {
		const uint8_t *at = (const uint8_t *)rr.rrs.rdata;

		CHECK(pos > last && pos <= len);
		CHECK(at >= value && at + rr.rrs.size == value + pos);
		last = pos;
	}
	for (uint16_t type = 0; type < 70; type++)
		store_node_has(&node, type);
	free(value);
}

static void add(struct content *content, const uint8_t *owner, uint16_t type, const uint8_t *rdata,
		uint8_t len)
{
	knot_rrset_t rr;

	knot_rrset_init(&rr, (knot_dname_t *)owner, type, KNOT_CLASS_IN, 300);
	CHECK(knot_rrset_add_rdata(&rr, rdata, len, NULL) == KNOT_EOK);
	content_add(content, &rr);
	knot_rdataset_clear(&rr.rrs, NULL);
}

static void read_own(const uint8_t *data, size_t len)
{
	static const uint8_t apex[] = "\7example\3com", owner[] = "\1o\7example\3com";
	static const uint8_t soa[] = "\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1";
	struct content *content = content_new(apex);
	static uint8_t value[1 << 20];
	char reason[256] = "";

	CHECK(content);
	add(content, apex, KNOT_RRTYPE_SOA, soa, 22);
	add(content, apex, KNOT_RRTYPE_NS, soa, 1);
	CHECK(content_records(content) == APEX_RECORDS);
	while (len >= 3) {
		uint16_t type = knot_wire_read_u16(data);
		uint8_t rdlen = data[2] < len - 3 ? data[2] : (uint8_t)(len - 3);

		add(content, owner, type, data + 3, rdlen);
		data += 3 + rdlen;
		len -= 3 + rdlen;
	}
	if (content_finish(content, reason, sizeof(reason)) != 0)
		fuzz_check_text(reason, sizeof(reason));
	else
		for (size_t i = 0; i < content_nodes(content); i++) {
			struct store_node node = {value, 0};

			node.len = content_node_value(content, i, value, sizeof(value));
			CHECK(node.len <= sizeof(value));
			fuzz_check_node(&node);
		}
	content_free(content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	read_arbitrary(data, len);
	read_own(data, len);
	return 0;
}
