// SPDX-License-Identifier: GPL-3.0-or-later
#include "respond/reply.h"

#include <assert.h>
#include <string.h>
#include <libknot/libknot.h>

#define OPT_LEN	       11 /* an OPT record without options */
#define OPTION_LEN     4  /* an option's code and length */
#define VERSION_LEN    6  /* ZONEVERSION's data */
#define VERSION_SERIAL 0  /* its TYPE: the SOA's serial */
#define EDE_LEN	       2  /* an extended error without text */
#define EDE_TEXT_MAX   32
#define EXPIRE_LEN     4
#define OPTION_EXPIRE  9
#define OPTIONS_MAX                                                                    \
	(OPTION_LEN + XNS_NSID_MAX + OPTION_LEN + VERSION_LEN + OPTION_LEN + EDE_LEN + \
	 EDE_TEXT_MAX + OPTION_LEN + EXPIRE_LEN)

/* libknot 3.2 has no name for it. */
#define OPTION_ZONEVERSION 19

/* A reply without records holds all that an OPT can say, in the least room that there is. */
_Static_assert(QUERY_HEADER_LEN + KNOT_DNAME_MAXLEN + 4 + OPT_LEN + OPTIONS_MAX <=
		       KNOT_WIRE_MIN_PKTSIZE,
	       "an OPT with every option");

bool reply_begin(struct reply *reply, uint8_t *wire, size_t limit, size_t tsig_room,
		 const struct query *query, const struct config *config)
{
	size_t least =
		QUERY_HEADER_LEN + query->question_len + (query->has_opt ? OPT_LEN : 0) + tsig_room;

	assert(limit >= KNOT_WIRE_MIN_PKTSIZE);
	*reply = (struct reply){.wire = wire, .ede = REPLY_EDE_NONE};
	if (least > limit)
		return false;
	reply->bare = limit - least < OPTIONS_MAX;
	reply->max = limit - tsig_room;
	if (query->has_opt)
		reply->max -= OPT_LEN;
	if (query->wants_nsid && config->nsid_len > 0 && !reply->bare)
		reply->max -= OPTION_LEN + config->nsid_len;
	return true;
}

void reply_clear(struct reply *reply, const struct query *query)
{
	memset(reply->wire, 0, QUERY_HEADER_LEN);
	memcpy(reply->wire + QUERY_HEADER_LEN, query->wire + QUERY_HEADER_LEN, query->question_len);
	knot_wire_set_qdcount(reply->wire, query->question_len > 0);
	reply->len = QUERY_HEADER_LEN + query->question_len;
}

void reply_fail(struct reply *reply, const struct query *query, uint16_t rcode)
{
	reply_clear(reply, query);
	reply->rcode = rcode;
	reply->aa = reply->tc = reply->has_expire = false;
	reply->ede = REPLY_EDE_NONE;
}

void reply_fail_ede(struct reply *reply, const struct query *query, uint16_t rcode,
		    enum reply_ede ede, const char *ede_text)
{
	assert(ede_text == NULL || strlen(ede_text) <= EDE_TEXT_MAX);
	reply_fail(reply, query, rcode);
	reply->ede = ede;
	reply->ede_text = ede_text;
}

void reply_fail_inactive(struct reply *reply, const struct query *query, const struct zone *zone,
			 enum zone_state state)
{
	if (state == ZONE_EXPIRED) {
		reply_set_version(reply, query, zone->apex, atomic_load(&zone->serial));
		reply_fail_ede(reply, query, KNOT_RCODE_SERVFAIL, REPLY_EDE_INVALID_DATA,
			       "zone has expired");
	} else {
		reply_fail_ede(reply, query, KNOT_RCODE_SERVFAIL, REPLY_EDE_NOT_READY,
			       "zone not transferred yet");
	}
}

void reply_truncate(struct reply *reply, const struct query *query)
{
	reply_clear(reply, query);
	reply->tc = true;
}

void reply_set_version(struct reply *reply, const struct query *query, const knot_dname_t *apex,
		       uint32_t serial)
{
	if (!query->wants_version || reply->has_version || reply->bare)
		return;
	reply->has_version = true;
	reply->version_labels = (uint8_t)knot_dname_labels(apex, NULL);
	reply->version_serial = serial;
	reply->max -= OPTION_LEN + VERSION_LEN;
}

void reply_set_stale(struct reply *reply, const struct query *query)
{
	if (!query->has_opt || reply->bare)
		return;
	reply->ede = REPLY_EDE_STALE;
	reply->max -= OPTION_LEN + EDE_LEN;
}

void reply_set_expire(struct reply *reply, const struct query *query, uint32_t expire_s)
{
	if (!query->wants_expire || reply->has_expire || reply->bare)
		return;
	reply->has_expire = true;
	reply->expire_s = expire_s;
	reply->max -= OPTION_LEN + EXPIRE_LEN;
}

void reply_put_u16(struct reply *reply, uint16_t value)
{
	knot_wire_write_u16(reply->wire + reply->len, value);
	reply->len += 2;
}

void reply_put_bytes(struct reply *reply, const void *bytes, size_t len)
{
	memcpy(reply->wire + reply->len, bytes, len);
	reply->len += len;
}

/* ---- OPT ---- */

static void put_option(struct reply *reply, uint16_t code, const void *data, size_t len)
{
	reply_put_u16(reply, code);
	reply_put_u16(reply, (uint16_t)len);
	reply_put_bytes(reply, data, len);
}

/* RFC 9660 §2: how many labels the zone's name has, and its serial. */
static void put_version(struct reply *reply)
{
	uint8_t data[VERSION_LEN] = {reply->version_labels, VERSION_SERIAL};

	knot_wire_write_u32(data + 2, reply->version_serial);
	put_option(reply, OPTION_ZONEVERSION, data, sizeof(data));
}

static void put_ede(struct reply *reply)
{
	size_t text_len = reply->ede_text != NULL ? strlen(reply->ede_text) : 0;
	uint8_t data[EDE_LEN + EDE_TEXT_MAX];

	knot_wire_write_u16(data, (uint16_t)reply->ede);
	if (text_len > 0)
		memcpy(data + EDE_LEN, reply->ede_text, text_len);
	put_option(reply, KNOT_EDNS_OPTION_EDE, data, EDE_LEN + text_len);
}

static void put_expire(struct reply *reply)
{
	uint8_t data[EXPIRE_LEN];

	knot_wire_write_u32(data, reply->expire_s);
	put_option(reply, OPTION_EXPIRE, data, sizeof(data));
}

static void put_options(struct reply *reply, const struct query *query, const struct config *config)
{
	if (query->wants_nsid && config->nsid_len > 0)
		put_option(reply, KNOT_EDNS_OPTION_NSID, config->nsid, config->nsid_len);
	if (reply->has_version)
		put_version(reply);
	if (reply->has_expire)
		put_expire(reply);
	if (reply->ede != REPLY_EDE_NONE)
		put_ede(reply);
}

/* RFC 6891 §6.1.1: an OPT in the reply if and only if there was one in the query; RFC 3225 §3: DO
 * is copied. */
static void put_opt(struct reply *reply, const struct query *query, const struct config *config)
{
	size_t options;

	reply_put_bytes(reply, "", 1);
	reply_put_u16(reply, KNOT_RRTYPE_OPT);
	reply_put_u16(reply, config->max_udp_size);
	reply_put_u16(reply, (uint16_t)(reply->rcode >> 4) << 8); /* extended RCODE, version 0 */
	reply_put_u16(reply, query->dnssec_ok ? 0x8000 : 0);
	reply_put_u16(reply, 0);
	options = reply->len;
	if (!reply->bare)
		put_options(reply, query, config);
	knot_wire_write_u16(reply->wire + options - 2, (uint16_t)(reply->len - options));
	knot_wire_set_arcount(reply->wire, knot_wire_get_arcount(reply->wire) + 1);
}

/* ---- the header ---- */

/*
 * ID, opcode and RD are the query's. CD and AD have no meaning in answers from one's own zones:
 * clear, as in those of Knot DNS and NSD (BIND copies CD).
 */
static void put_flags(struct reply *reply, const struct query *query)
{
	uint8_t *wire = reply->wire;

	memcpy(wire, query->wire, 2);
	wire[2] = 0x80 | (query->wire[2] & 0x79) | (reply->aa ? 0x04 : 0) | (reply->tc ? 0x02 : 0);
	wire[3] = reply->rcode & 0x0f;
}

void reply_end(struct reply *reply, const struct query *query, const struct config *config)
{
	if (query->has_opt)
		put_opt(reply, query, config);
	put_flags(reply, query);
}
