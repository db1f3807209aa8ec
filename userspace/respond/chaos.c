// SPDX-License-Identifier: GPL-3.0-or-later
#include "respond/chaos.h"

#include <string.h>
#include <libknot/libknot.h>

#define NAME(literal) {(const uint8_t *)(literal), sizeof(literal)}

void chaos_answer(const struct config *config, const struct query *query, struct reply *reply)
{
	const struct {
		struct {
			const uint8_t *wire;
			size_t len;
		} name;
		const char *text;
	} identities[] = {
		{NAME("\7version\4bind"), config->version},
		{NAME("\7version\6server"), config->version},
		{NAME("\10hostname\4bind"), config->identity},
		{NAME("\2id\6server"), config->identity},
	};
	const char *text = NULL;
	size_t len, strings;

	for (size_t i = 0; i < sizeof(identities) / sizeof(*identities); i++) {
		if (query->qname_len == identities[i].name.len &&
		    memcmp(query->qname, identities[i].name.wire, query->qname_len) == 0)
			text = identities[i].text;
	}
	if (text == NULL || query->qtype != KNOT_RRTYPE_TXT) {
		reply_fail(reply, query, KNOT_RCODE_REFUSED);
		return;
	}
	reply_clear(reply, query);
	len = strlen(text);
	strings = len / 255 + (len % 255 > 0 || len == 0);
	if (reply->max - reply->len < 12 + strings + len) {
		reply_truncate(reply, query);
		return;
	}
	reply_put_u16(reply, KNOT_WIRE_PTR << 8 | QUERY_HEADER_LEN);
	reply_put_u16(reply, KNOT_RRTYPE_TXT);
	reply_put_u16(reply, KNOT_CLASS_CH);
	reply_put_bytes(reply, "\0\0\0", 4); /* TTL */
	reply_put_u16(reply, (uint16_t)(strings + len));
	do {
		uint8_t string_len = len < 255 ? (uint8_t)len : 255;

		reply_put_bytes(reply, &string_len, 1);
		reply_put_bytes(reply, text, string_len);
		text += string_len;
		len -= string_len;
	} while (len > 0);
	knot_wire_set_ancount(reply->wire, 1);
}
