/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random zone files of few names, and the records of a content. */
#ifndef XNS_TEST_RANDOM_TEXT_H
#define XNS_TEST_RANDOM_TEXT_H

#include "store_fixture.h"

#define TEXT_MAX 4096

static const char *const pool_name[] = {"@",	 "a",	"b",	 "c",	  "a.a",     "b.a",
					"c.b.a", "*.b", "d.*.b", "\\000", "\\001.c", "e.e.e.e"};
static const char *const pool_data[] = {
	"A 192.0.2.1",
	"A 192.0.2.2",
	"60 A 192.0.2.2",
	"AAAA ::1",
	"TXT \"x\"",
	"TXT \"X\"",
	"NS a",
	"NS B",
	"NS b.test.",
	"MX 1 c",
	"MX 1 C",
	"CNAME a",
	"CNAME b.a",
	"CNAME A",
	"CNAME x.test.",
	"CNAME @",
	"TYPE65280 \\# 0",
	"NSEC3 1 0 0 - 00000000000000000000000000000000 A",
	"RRSIG A 5 2 1 20300101000000 20200101000000 1 . AAAA",
	"RRSIG AAAA 5 2 1 20300101000000 20200101000000 1 . AAAA",
	"60 RRSIG NSEC3 5 2 1 20300101000000 20200101000000 1 . AAAA",
	"DNSKEY 256 3 8 AAAA",
};

/* A random zone that is taken: CNAMEs stay alone. */
static inline void random_text(uint32_t serial, char text[TEXT_MAX])
{
	bool cname[N(pool_name)] = {true}, other[N(pool_name)] = {true};
	char *end = text + sprintf(text, "@ %ld SOA %s hostmaster %u 3600 900 86400 300\n@ NS ns\n",
				   random() % 2 + 60, random() % 2 ? "ns" : "NS", serial);

	cname[0] = false;
	for (int n = random() % 24; n > 0; n--) {
		unsigned at = random() % N(pool_name);
		const char *data = pool_data[random() % N(pool_data)];
		bool is_cname = !strncmp(data, "CNAME", 5);

		if (!strstr(data, "RRSIG") && !strstr(data, "NSEC3")) {
			if (cname[at] || (is_cname && other[at]))
				continue;
			cname[at] |= is_cname;
			other[at] |= !is_cname;
		}
		end += sprintf(end, "%s %s\n", pool_name[at], data);
	}
}

/* Every record, one rdata each, by node. */
struct records {
	knot_rrset_t rr[256];
	knot_dname_storage_t owner[256];
	uint8_t rdata[256][128];
	size_t n;
};

static inline void records_of(const struct content *content, struct records *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < content_nodes(content); i++) {
		struct store_records records = {0};
		static uint8_t value[65536];
		struct store_node node = {value, 0};
		struct content_node at;
		knot_rrset_t rr;

		content_node(content, i, &at);
		node.len = content_node_value(content, i, value, sizeof(value));
		for (records.node = &node; store_record_next(&records, &rr); ret->n++) {
			knot_rrset_t *copy = &ret->rr[ret->n];

			assert_true(ret->n < 256 && rr.rrs.size <= 128);
			assert_true(key_to_name(at.key, at.key_len, ret->owner[ret->n]) > 0);
			memcpy(ret->rdata[ret->n], rr.rrs.rdata, rr.rrs.size);
			*copy = rr;
			copy->owner = ret->owner[ret->n];
			copy->rrs.rdata = (knot_rdata_t *)ret->rdata[ret->n];
		}
	}
}

static inline bool has(const struct records *records, const knot_rrset_t *rr)
{
	for (size_t i = 0; i < records->n; i++) {
		const knot_rrset_t *other = &records->rr[i];

		if (other->type == rr->type && other->ttl == rr->ttl &&
		    knot_dname_is_equal(other->owner, rr->owner) &&
		    knot_rdata_cmp(other->rrs.rdata, rr->rrs.rdata) == 0)
			return true;
	}
	return false;
}

#endif
