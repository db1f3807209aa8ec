// SPDX-License-Identifier: GPL-3.0-or-later
#include "tsig/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RR_FIXED  10 /* type, class, TTL, length */
#define TIMES_LEN 8  /* time signed and fudge */

/* ---- reading ---- */

/* Behind the name at `at`, which may be compressed; 0: it does not end in the message. */
static size_t skip_name(const uint8_t *wire, size_t len, size_t at)
{
	while (at < len) {
		if (wire[at] == 0)
			return at + 1;
		if (knot_wire_is_pointer(wire + at))
			return at + 2 <= len ? at + 2 : 0;
		if (wire[at] > KNOT_DNAME_MAXLABELLEN)
			return 0;
		at += 1 + (size_t)wire[at];
	}
	return 0;
}

/* Behind the record at `at`, and its type; 0: it does not end in the message. */
static size_t skip_record(const uint8_t *wire, size_t len, size_t at, uint16_t *ret_type)
{
	at = skip_name(wire, len, at);
	if (at == 0 || len - at < RR_FIXED)
		return 0;
	*ret_type = knot_wire_read_u16(wire + at);
	at += RR_FIXED + (size_t)knot_wire_read_u16(wire + at + 8);
	return at <= len ? at : 0;
}

static int read_rdata(const uint8_t *at, const uint8_t *end, struct tsig_record *record)
{
	int name_len = knot_dname_wire_check(at, end, NULL);

	if (name_len <= 0 || end - at - name_len < TIMES_LEN + 2)
		return -EBADMSG;
	knot_dname_copy_lower(record->algorithm, at);
	at += name_len;
	record->time_signed = knot_wire_read_u48(at);
	record->fudge = knot_wire_read_u16(at + 6);
	record->mac_len = knot_wire_read_u16(at + 8);
	at += TIMES_LEN + 2;
	if (end - at < (ptrdiff_t)record->mac_len + 6)
		return -EBADMSG;
	record->mac = at;
	at += record->mac_len;
	record->original_id = knot_wire_read_u16(at);
	record->error = knot_wire_read_u16(at + 2);
	record->other_len = knot_wire_read_u16(at + 4);
	record->other = at + 6;
	return end - record->other == record->other_len ? 0 : -EBADMSG;
}

/* The record at `at`, the last of the message, whose bounds are checked. */
static int read_record(const uint8_t *wire, size_t len, size_t at, struct tsig_record *record)
{
	int name_len = knot_dname_wire_check(wire + at, wire + len, wire);
	const uint8_t *fixed = wire + at + name_len;

	if (name_len <= 0 ||
	    knot_dname_unpack(record->owner, wire + at, sizeof(record->owner), wire) <= 0)
		return -EBADMSG;
	knot_dname_to_lower(record->owner);
	record->at = at;
	if (knot_wire_read_u16(fixed + 2) != KNOT_CLASS_ANY || knot_wire_read_u32(fixed + 4) != 0)
		return -EBADMSG;
	return read_rdata(fixed + RR_FIXED, wire + len, record);
}

int tsig_record_find(const uint8_t *wire, size_t len, struct tsig_record *ret)
{
	size_t at = KNOT_WIRE_HEADER_SIZE, last = 0;
	unsigned records;
	uint16_t type = 0;

	if (len < KNOT_WIRE_HEADER_SIZE)
		return -EBADMSG;
	if (knot_wire_get_arcount(wire) == 0)
		return -ENOENT;
	for (unsigned i = 0; i < knot_wire_get_qdcount(wire); i++) {
		at = skip_name(wire, len, at);
		if (at == 0 || len - at < 4)
			return -EBADMSG;
		at += 4;
	}
	records = (unsigned)knot_wire_get_ancount(wire) + knot_wire_get_nscount(wire) +
		  knot_wire_get_arcount(wire);
	for (unsigned i = 0; i < records; i++) {
		if (i > 0 && type == KNOT_RRTYPE_TSIG) /* RFC 8945 §5.1: the last, and only one */
			return -EBADMSG;
		last = at;
		at = skip_record(wire, len, at, &type);
		if (at == 0)
			return -EBADMSG;
	}
	if (type != KNOT_RRTYPE_TSIG)
		return -ENOENT;
	return at == len ? read_record(wire, len, last, ret) : -EBADMSG;
}

/* ---- writing ---- */

size_t tsig_record_size(const struct tsig_record *record)
{
	return knot_dname_size(record->owner) + RR_FIXED + knot_dname_size(record->algorithm) +
	       TIMES_LEN + 2 + record->mac_len + 6 + record->other_len;
}

static uint8_t *put_name(uint8_t *at, const knot_dname_t *name)
{
	size_t len = knot_dname_size(name);

	memcpy(at, name, len);
	return at + len;
}

static uint8_t *put_u16(uint8_t *at, uint16_t value)
{
	knot_wire_write_u16(at, value);
	return at + 2;
}

static uint8_t *put_times(uint8_t *at, const struct tsig_record *record)
{
	knot_wire_write_u48(at, record->time_signed);
	return put_u16(at + 6, record->fudge);
}

int tsig_record_put(const struct tsig_record *record, uint8_t *wire, size_t *len, size_t wire_max)
{
	size_t size = tsig_record_size(record);
	uint8_t *at = wire + *len, *rdata;

	if (*len > wire_max || size > wire_max - *len)
		return -ENOSPC;
	at = put_name(at, record->owner);
	at = put_u16(at, KNOT_RRTYPE_TSIG);
	at = put_u16(at, KNOT_CLASS_ANY);
	knot_wire_write_u32(at, 0);
	rdata = at + 6;
	at = put_name(rdata, record->algorithm);
	at = put_times(at, record);
	at = put_u16(at, record->mac_len);
	if (record->mac_len > 0)
		memcpy(at, record->mac, record->mac_len);
	at = put_u16(at + record->mac_len, record->original_id);
	at = put_u16(at, record->error);
	at = put_u16(at, record->other_len);
	if (record->other_len > 0)
		memcpy(at, record->other, record->other_len);
	knot_wire_write_u16(rdata - 2, (uint16_t)(at + record->other_len - rdata));
	*len += size;
	knot_wire_add_arcount(wire, 1);
	return 0;
}

/* ---- MAC ---- */

static void mac_add(struct dnssec_tsig_ctx *ctx, const uint8_t *data, size_t len)
{
	dnssec_binary_t part = {.size = len, .data = (uint8_t *)data};

	dnssec_tsig_add(ctx, &part);
}

int tsig_mac_begin(const knot_tsig_key_t *key, const uint8_t *mac, size_t mac_len,
		   struct dnssec_tsig_ctx **ret)
{
	struct dnssec_tsig_ctx *ctx;
	uint8_t len[2];

	if (dnssec_tsig_new(&ctx, key->algorithm, &key->secret) != 0)
		return -EIO;
	if (mac_len > 0) {
		knot_wire_write_u16(len, (uint16_t)mac_len);
		mac_add(ctx, len, sizeof(len));
		mac_add(ctx, mac, mac_len);
	}
	*ret = ctx;
	return 0;
}

void tsig_mac_message(struct dnssec_tsig_ctx *ctx, const uint8_t *wire, size_t len, uint16_t id,
		      uint16_t arcount)
{
	uint8_t header[KNOT_WIRE_HEADER_SIZE];

	memcpy(header, wire, sizeof(header));
	knot_wire_set_id(header, id);
	knot_wire_set_arcount(header, arcount);
	mac_add(ctx, header, sizeof(header));
	mac_add(ctx, wire + sizeof(header), len - sizeof(header));
}

void tsig_mac_variables(struct dnssec_tsig_ctx *ctx, const struct tsig_record *record)
{
	uint8_t buf[2 * KNOT_DNAME_MAXLEN + 6 + TIMES_LEN + 4], *at = buf;

	at = put_name(at, record->owner);
	at = put_u16(at, KNOT_CLASS_ANY);
	knot_wire_write_u32(at, 0);
	at = put_name(at + 4, record->algorithm);
	at = put_times(at, record);
	at = put_u16(at, record->error);
	at = put_u16(at, record->other_len);
	mac_add(ctx, buf, (size_t)(at - buf));
	mac_add(ctx, record->other, record->other_len);
}

void tsig_mac_timers(struct dnssec_tsig_ctx *ctx, const struct tsig_record *record)
{
	uint8_t buf[TIMES_LEN];

	put_times(buf, record);
	mac_add(ctx, buf, sizeof(buf));
}

int tsig_mac_end(struct dnssec_tsig_ctx *ctx, uint8_t *mac)
{
	size_t len = dnssec_tsig_size(ctx);
	int err = len <= TSIG_MAC_MAX ? dnssec_tsig_write(ctx, mac) : -1;

	dnssec_tsig_free(ctx);
	return err == 0 ? (int)len : -EIO;
}

/* ---- words ---- */

const char *tsig_name_text(const knot_dname_t *name, char *text)
{
	knot_dname_txt_storage_t whole;

	if (!knot_dname_to_str(whole, name, sizeof(whole)))
		snprintf(whole, sizeof(whole), "?");
	snprintf(text, TSIG_NAME_MAX, "%.*s", TSIG_NAME_MAX - 1, whole);
	return text;
}

/* ---- time ---- */

uint64_t tsig_now(void)
{
	return (uint64_t)time(NULL);
}

const char *tsig_skew_text(uint64_t theirs, uint64_t ours, char *text)
{
	if (theirs >= ours)
		snprintf(text, TSIG_SKEW_MAX, "%" PRIu64 " s ahead of", theirs - ours);
	else
		snprintf(text, TSIG_SKEW_MAX, "%" PRIu64 " s behind", ours - theirs);
	return text;
}
