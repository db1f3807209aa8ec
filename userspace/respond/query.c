/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "respond/query.h"

#include <string.h>
#include <libknot/libknot.h>

#define OPTION_NSID	   3
#define OPTION_EXPIRE	   9
#define OPTION_ZONEVERSION 19

/* A cursor over the message: a read beyond the end sets `bad`, and all that follow give zeros. */
struct cursor {
	const uint8_t *wire;
	size_t len, pos;
	bool bad;
};

static const uint8_t *take(struct cursor *cursor, size_t n)
{
	static const uint8_t zeros[8];
	const uint8_t *at = cursor->wire + cursor->pos;

	if (cursor->bad || cursor->len - cursor->pos < n) {
		cursor->bad = true;
		return zeros;
	}
	cursor->pos += n;
	return at;
}

static uint8_t take_u8(struct cursor *cursor)
{
	return *take(cursor, 1);
}

static uint16_t take_u16(struct cursor *cursor)
{
	return knot_wire_read_u16(take(cursor, 2));
}

/* A name without compression; its length, 0 if there is none (then the cursor is bad). */
static uint16_t take_plain_name(struct cursor *cursor)
{
	uint16_t len = 0;

	for (;;) {
		uint8_t label_len = take_u8(cursor);

		len += label_len + 1;
		if (cursor->bad || label_len > KNOT_DNAME_MAXLABELLEN || len > KNOT_DNAME_MAXLEN) {
			cursor->bad = true;
			return 0;
		}
		if (label_len == 0)
			break;
		take(cursor, label_len);
	}
	return len;
}

/* Steps over an owner, perhaps compressed. Pointers go back, never into the header. */
static void skip_owner(struct cursor *cursor)
{
	size_t name_len = 0;

	while (!cursor->bad) {
		size_t pos = cursor->pos;
		uint8_t label_len = take_u8(cursor);

		if (label_len >= KNOT_WIRE_PTR) {
			size_t target = (size_t)(label_len & 0x3f) << 8 | take_u8(cursor);

			cursor->bad |= target >= pos || target < QUERY_HEADER_LEN;
			return;
		}
		name_len += label_len + 1;
		cursor->bad |= label_len > KNOT_DNAME_MAXLABELLEN || name_len > KNOT_DNAME_MAXLEN;
		if (label_len == 0)
			return;
		take(cursor, label_len);
	}
}

/*
 * The owner that skip_owner has stepped over, without compression; its length, or 0: a pointer goes
 * astray or the name is too long. To be called for a bounded number of records: a message can be
 * one chain of pointers.
 */
static uint16_t expand_owner(const struct cursor *cursor, size_t pos, knot_dname_storage_t ret_name)
{
	struct cursor at = {.wire = cursor->wire, .len = cursor->len, .pos = pos};
	const uint8_t *label;
	uint16_t len = 0;

	for (;;) {
		uint8_t label_len = take_u8(&at);

		if (label_len >= KNOT_WIRE_PTR) {
			size_t target = (size_t)(label_len & 0x3f) << 8 | take_u8(&at);

			if (at.bad || target >= pos || target < QUERY_HEADER_LEN)
				return 0;
			pos = at.pos = target; /* always less: this ends */
			continue;
		}
		if (at.bad || label_len > KNOT_DNAME_MAXLABELLEN ||
		    len + label_len + 1 > KNOT_DNAME_MAXLEN)
			return 0;
		label = take(&at, label_len);
		if (at.bad)
			return 0;
		ret_name[len] = label_len;
		memcpy(ret_name + len + 1, label, label_len);
		len += label_len + 1;
		if (label_len == 0)
			return len;
	}
}

static bool parse_question(struct cursor *cursor, struct query *query)
{
	const uint8_t *name = cursor->wire + cursor->pos;
	uint16_t len = take_plain_name(cursor);
	uint16_t qtype = take_u16(cursor);
	uint16_t qclass = take_u16(cursor);

	if (cursor->bad)
		return false;
	query->qname_len = len;
	for (uint16_t i = 0; i < len; i++) /* length octets are no letters: at most 63 */
		query->qname[i] = name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i];
	query->qtype = qtype;
	query->qclass = qclass;
	query->question_len = len + 4;
	return true;
}

/*
 * Options have to fill the RDATA. NSID and EXPIRE are to be empty, but what is in them is ignored
 * (RFC 5001 §2.1; RFC 7314 does not say); ZONEVERSION has to be. Of another EDNS version it is not
 * known what options ask for: BADVERS goes without, as with NSD and BIND.
 */
static bool parse_options(struct cursor rdata, uint8_t version, struct query *query)
{
	while (rdata.pos < rdata.len && !rdata.bad) {
		uint16_t code = take_u16(&rdata);
		uint16_t len = take_u16(&rdata);

		take(&rdata, len);
		if (rdata.bad || version > 0)
			continue;
		if (code == OPTION_NSID)
			query->wants_nsid = true;
		if (code == OPTION_EXPIRE)
			query->wants_expire = true;
		if (code == OPTION_ZONEVERSION) {
			query->wants_version = true;
			rdata.bad |= len > 0;
		}
	}
	return !rdata.bad;
}

/* RFC 6891 §6.1.1: only one, owner root. */
static bool parse_opt(const struct cursor *cursor, size_t owner, const uint8_t *fixed,
		      struct cursor rdata, struct query *query)
{
	knot_dname_storage_t name;

	if (query->has_opt || expand_owner(cursor, owner, name) != 1 ||
	    !parse_options(rdata, fixed[5], query))
		return false;
	query->has_opt = true;
	query->edns_size = knot_wire_read_u16(fixed + 2);
	query->edns_version = fixed[5];
	query->dnssec_ok = fixed[6] & 0x80;
	return true;
}

/* RFC 8945 §4.2: class ANY. */
static bool parse_tsig(const struct cursor *cursor, size_t owner, const uint8_t *fixed,
		       struct cursor rdata, struct query *query)
{
	knot_dname_storage_t key;

	if (knot_wire_read_u16(fixed + 2) != KNOT_CLASS_ANY ||
	    expand_owner(cursor, owner, key) == 0)
		return false;
	take_plain_name(&rdata);	/* algorithm */
	take(&rdata, 8);		/* Time Signed, Fudge */
	take(&rdata, take_u16(&rdata)); /* MAC */
	take(&rdata, 4);		/* Original ID, Error */
	take(&rdata, take_u16(&rdata)); /* Other Data */
	if (rdata.bad || rdata.pos != rdata.len)
		return false;
	query->has_tsig = true;
	return true;
}

/*
 * RDATA as their type has them? Names may be compressed, also where RFC 3597 §4 forbids it, and are
 * not followed. As in Knot DNS, NSD and BIND, one record that is not well-formed makes the query
 * bad, even where nothing is read of it; so does one of a type that is only for questions.
 */
static bool rdata_is_whole(uint16_t type, struct cursor rdata)
{
	const knot_rdata_descriptor_t *form = knot_get_rdata_descriptor(type);

	if (type == 0 || (type >= KNOT_RRTYPE_IXFR && type <= KNOT_RRTYPE_ANY))
		return false;
	for (const int *block = form->block_types; *block != KNOT_RDATA_WF_END; block++) {
		int len;

		switch (*block) {
		case KNOT_RDATA_WF_COMPRESSIBLE_DNAME:
		case KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME:
		case KNOT_RDATA_WF_FIXED_DNAME:
			skip_owner(&rdata);
			continue;
		case KNOT_RDATA_WF_NAPTR_HEADER:
			len = knot_naptr_header_size(rdata.wire + rdata.pos,
						     rdata.wire + rdata.len);
			break;
		case KNOT_RDATA_WF_REMAINDER:
			len = (int)(rdata.len - rdata.pos);
			break;
		default:
			len = *block;
		}
		if (len < 0)
			return false;
		take(&rdata, (size_t)len);
	}
	return !rdata.bad && rdata.pos == rdata.len;
}

/* The serial is the fifth number from the end of a SOA's RDATA. */
static void parse_soa(const uint8_t *fixed, struct cursor rdata, struct query *query)
{
	if (knot_wire_read_u16(fixed + 2) != KNOT_CLASS_IN || rdata.len < 22)
		return;
	query->has_serial = true;
	query->serial = knot_wire_read_u32(rdata.wire + rdata.len - 20);
}

/* The SOA that tells what a client has: the zone's, else it tells nothing. */
static bool is_of_zone(const struct cursor *cursor, size_t owner, const struct query *query)
{
	knot_dname_storage_t name;

	return expand_owner(cursor, owner, name) != 0 &&
	       knot_dname_is_case_equal(name, query->qname);
}

static bool parse_record(struct cursor *cursor, knot_section_t section, bool is_first, bool is_last,
			 struct query *query)
{
	struct cursor rdata = {.wire = NULL}, inside;
	size_t owner = cursor->pos;
	const uint8_t *fixed;

	skip_owner(cursor);
	fixed = cursor->wire + cursor->pos;
	take(cursor, 8);
	rdata.len = take_u16(cursor);
	rdata.wire = cursor->wire + cursor->pos;
	inside = (struct cursor){
		.wire = cursor->wire, .len = cursor->pos + rdata.len, .pos = cursor->pos};
	take(cursor, rdata.len);
	if (cursor->bad)
		return false;

	switch (knot_wire_read_u16(fixed)) {
	case KNOT_RRTYPE_OPT:
		return section == KNOT_ADDITIONAL && parse_opt(cursor, owner, fixed, rdata, query);
	case KNOT_RRTYPE_TSIG:
		return section == KNOT_ADDITIONAL && is_last &&
		       parse_tsig(cursor, owner, fixed, rdata, query);
	case KNOT_RRTYPE_SOA:
		if (!rdata_is_whole(KNOT_RRTYPE_SOA, inside))
			return false;
		if (section == KNOT_ANSWER && is_first && query->opcode == KNOT_OPCODE_NOTIFY)
			parse_soa(fixed, rdata, query);
		if (section == KNOT_AUTHORITY && is_first && query->qtype == KNOT_RRTYPE_IXFR &&
		    query->opcode == KNOT_OPCODE_QUERY && is_of_zone(cursor, owner, query))
			parse_soa(fixed, rdata, query);
		return true;
	default:
		return rdata_is_whole(knot_wire_read_u16(fixed), inside);
	}
}

static bool parse_records(struct cursor *cursor, struct query *query)
{
	static const knot_section_t sections[] = {KNOT_ANSWER, KNOT_AUTHORITY, KNOT_ADDITIONAL};
	const uint16_t counts[] = {
		knot_wire_get_ancount(query->wire),
		knot_wire_get_nscount(query->wire),
		knot_wire_get_arcount(query->wire),
	};

	for (size_t s = 0; s < sizeof(counts) / sizeof(*counts); s++) {
		for (uint16_t i = 0; i < counts[s]; i++) {
			if (!parse_record(cursor, sections[s], i == 0, i + 1 == counts[s], query))
				return false;
		}
	}
	return true;
}

enum query_status query_parse(const uint8_t *wire, size_t len, struct query *ret)
{
	struct cursor cursor = {.wire = wire, .len = len, .pos = QUERY_HEADER_LEN};
	uint16_t qdcount;

	if (len < QUERY_HEADER_LEN || knot_wire_get_qr(wire))
		return QUERY_NO_QUERY;
	memset(ret, 0, offsetof(struct query, qname)); /* the names' storage stays as it is */
	ret->wire = wire;
	ret->len = len;
	ret->opcode = knot_wire_get_opcode(wire);
	qdcount = knot_wire_get_qdcount(wire);
	if (qdcount > 1 || (qdcount == 1 && !parse_question(&cursor, ret)))
		return QUERY_BAD;
	if (!parse_records(&cursor, ret)) {
		/* A half-read OPT or TSIG is none. */
		ret->has_opt = ret->has_tsig = false;
		ret->wants_nsid = ret->wants_version = ret->wants_expire = false;
		return QUERY_BAD;
	}
	ret->len = cursor.pos;
	return QUERY_OK;
}
