/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A primary's replies out of zone file text, for tests. */
#ifndef XNS_TEST_REPLYTEXT_H
#define XNS_TEST_REPLYTEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libknot/libknot.h>
#include <libzscanner/scanner.h>

struct reply {
	uint8_t bytes[65536];
	size_t len;
};

static inline void reply_record(zs_scanner_t *s)
{
	struct reply *reply = s->process.data;
	knot_rrset_t rr;
	int len;

	knot_rrset_init(&rr, s->r_owner, s->r_type, s->r_class, s->r_ttl);
	if (knot_rrset_add_rdata(&rr, s->r_data, s->r_data_length, NULL) != 0)
		abort();
	len = knot_rrset_to_wire(&rr, reply->bytes + reply->len, 65535 - (uint16_t)reply->len,
				 NULL);
	if (len <= 0)
		abort();
	reply->len += (size_t)len;
	knot_wire_add_ancount(reply->bytes, 1);
	knot_rdataset_clear(&rr.rrs, NULL);
}

static inline void reply_error(zs_scanner_t *s)
{
	fprintf(stderr, "line %llu: %s\n", (unsigned long long)s->line_counter,
		zs_strerror(s->error.code));
	abort();
}

/* An authoritative reply to the query with these records (origin example.com.) as answers, and with
 * nothing else of the query than its question. */
static inline void reply_make(const uint8_t *query, size_t query_len, const char *text,
			      struct reply *ret)
{
	zs_scanner_t *s = malloc(sizeof(*s));

	ret->len = KNOT_WIRE_HEADER_SIZE + knot_dname_size(query + KNOT_WIRE_HEADER_SIZE) + 4;
	if (ret->len > query_len)
		abort();
	memcpy(ret->bytes, query, ret->len);
	knot_wire_set_nscount(ret->bytes, 0);
	knot_wire_set_arcount(ret->bytes, 0);
	knot_wire_set_qr(ret->bytes);
	knot_wire_set_aa(ret->bytes);
	if (!s || zs_init(s, "example.com.", KNOT_CLASS_IN, 3600) != 0 ||
	    zs_set_input_string(s, text, strlen(text)) != 0 ||
	    zs_set_processing(s, reply_record, reply_error, ret) != 0 || zs_parse_all(s) != 0)
		abort();
	zs_deinit(s);
	free(s);
}

#endif
