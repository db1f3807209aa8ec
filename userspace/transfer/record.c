/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One record out of a message: names decompressed, rdata as their type has them, nothing allocated.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transfer/message.h"

#define RR_FIXED 10 /* type, class, TTL, length */

/*
 * The name at `at`, whose bytes in place must end before `end`, to `out` (out_max bytes). Each
 * pointer leads to before what was read until then (RFC 1035 §4.1.4: a prior occurrence), so that
 * every name ends. Its length in place, or -EBADMSG; *ret_len: its length in `out`.
 */
static int name_read(const uint8_t *wire, size_t at, size_t end, uint8_t *out, size_t out_max,
		     size_t *ret_len)
{
	size_t start = at, before = at, len = 0;
	int in_place = 0;

	if (out_max > KNOT_DNAME_MAXLEN)
		out_max = KNOT_DNAME_MAXLEN;
	for (;;) {
		size_t label_len;

		if (at >= end)
			return -EBADMSG;
		label_len = wire[at];
		if (label_len >= 0xc0) {
			size_t to;

			if (end - at < 2)
				return -EBADMSG;
			to = knot_wire_read_u16(wire + at) & 0x3fff;
			/* One to the root would be longer than the root; libknot does not take it.
			 */
			if (to >= before || to < KNOT_WIRE_HEADER_SIZE || wire[to] == 0)
				return -EBADMSG;
			if (in_place == 0)
				in_place = (int)(at + 2 - start);
			end = before; /* what it points to lies before what points */
			before = at = to;
			continue;
		}
		if (label_len > KNOT_DNAME_MAXLABELLEN || label_len >= end - at ||
		    label_len >= out_max - len)
			return -EBADMSG;
		memcpy(out + len, wire + at, label_len + 1);
		len += label_len + 1;
		at += label_len + 1;
		if (label_len == 0)
			break;
	}
	*ret_len = len;
	return in_place ? in_place : (int)(at - start);
}

struct cursor {
	const uint8_t *wire;
	size_t at, end; /* of the rdata in the message */
	uint8_t *out;
	size_t left;
};

static int copy(struct cursor *cursor, size_t len)
{
	if (len > cursor->end - cursor->at || len > cursor->left)
		return -EBADMSG;
	memcpy(cursor->out, cursor->wire + cursor->at, len);
	cursor->at += len;
	cursor->out += len;
	cursor->left -= len;
	return 0;
}

static int rdata_name(struct cursor *cursor)
{
	size_t len;
	int used =
		name_read(cursor->wire, cursor->at, cursor->end, cursor->out, cursor->left, &len);

	if (used < 0)
		return used;
	cursor->at += (size_t)used;
	cursor->out += len;
	cursor->left -= len;
	return 0;
}

/* One block of a type's form. */
static int rdata_block(struct cursor *cursor, int block)
{
	const uint8_t *at = cursor->wire + cursor->at, *end = cursor->wire + cursor->end;
	int len;

	switch (block) {
	case KNOT_RDATA_WF_COMPRESSIBLE_DNAME:
	case KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME:
	case KNOT_RDATA_WF_FIXED_DNAME:
		return rdata_name(cursor);
	case KNOT_RDATA_WF_NAPTR_HEADER:
		len = knot_naptr_header_size(at, end);
		return len < 0 ? -EBADMSG : copy(cursor, (size_t)len);
	case KNOT_RDATA_WF_REMAINDER:
		return copy(cursor, cursor->end - cursor->at);
	default:
		return copy(cursor, (size_t)block);
	}
}

/* The rdata of `len` bytes at `at` to scratch, as libknot holds them. */
static int rdata_read(const uint8_t *wire, size_t at, size_t len, uint16_t type,
		      struct message_scratch *scratch, knot_rdataset_t *ret)
{
	const knot_rdata_descriptor_t *form = knot_get_rdata_descriptor(type);
	knot_rdata_t *rdata = (knot_rdata_t *)scratch->rdata;
	struct cursor cursor = {
		.wire = wire,
		.at = at,
		.end = at + len,
		.out = rdata->data,
		.left = KNOT_RDATA_MAXLEN,
	};

	/* Types that nobody makes any more may have compressed names in them. */
	if (!form->type_name)
		form = knot_get_obsolete_rdata_descriptor(type);
	/* Records without rdata, as UPDATE has them, are none of a zone (but RFC 3123 §4). */
	if (len == 0 && form->type_name && type != KNOT_RRTYPE_APL && type != KNOT_RRTYPE_OPT)
		return -EBADMSG;
	for (const int *block = form->block_types; *block != KNOT_RDATA_WF_END; block++) {
		if (rdata_block(&cursor, *block) < 0)
			return -EBADMSG;
	}
	if (cursor.at != cursor.end)
		return -EBADMSG;
	rdata->len = (uint16_t)(cursor.out - rdata->data);
	*ret = (knot_rdataset_t){
		.count = 1,
		.size = (uint32_t)knot_rdata_size(rdata->len),
		.rdata = rdata,
	};
	return 0;
}

/* Names the record if its owner and type can be read at all. */
static void malformed_reason(const struct message *message, char *reason)
{
	size_t pos = message->pos, name_len;
	char text[MESSAGE_RECORD_MAX];
	knot_dname_storage_t name;
	int used;

	if (pos >= message->len) {
		snprintf(reason, MESSAGE_REASON_MAX,
			 "the message ends where a record is announced (byte %zu)", pos);
		return;
	}
	used = name_read(message->wire, pos, message->len, name, sizeof(name), &name_len);
	if (used < 0)
		snprintf(reason, MESSAGE_REASON_MAX,
			 "malformed owner name at byte %zu of a message of %zu", pos, message->len);
	else if (message->len - pos - (size_t)used < RR_FIXED)
		snprintf(reason, MESSAGE_REASON_MAX,
			 "the message ends inside of a record (byte %zu)", pos);
	else
		snprintf(reason, MESSAGE_REASON_MAX,
			 "malformed record %s at byte %zu of a message of %zu",
			 message_record_text(name, knot_wire_read_u16(message->wire + pos + used),
					     text),
			 pos, message->len);
}

static int record_read(struct message *message, struct message_scratch *scratch, knot_rrset_t *ret)
{
	const uint8_t *wire = message->wire;
	size_t at = message->pos, owner_len, len;
	int used = name_read(wire, at, message->len, scratch->owner, sizeof(scratch->owner),
			     &owner_len);

	if (used < 0)
		return used;
	at += (size_t)used;
	if (message->len - at < RR_FIXED)
		return -EBADMSG;
	knot_rrset_init(ret, scratch->owner, knot_wire_read_u16(wire + at),
			knot_wire_read_u16(wire + at + 2), knot_wire_read_u32(wire + at + 4));
	len = knot_wire_read_u16(wire + at + 8);
	at += RR_FIXED;
	if (len > message->len - at || rdata_read(wire, at, len, ret->type, scratch, &ret->rrs) < 0)
		return -EBADMSG;
	message->pos = at + len;
	return 0;
}

int message_record(struct message *message, struct message_scratch *scratch, knot_rrset_t *ret,
		   char *reason)
{
	if (record_read(message, scratch, ret) == 0)
		return 0;
	malformed_reason(message, reason);
	return -EBADMSG;
}
