/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TSIG record of a message (RFC 8945 §4.2) and the MAC over messages (§4.3). Private to tsig/,
 * and for its tests.
 *
 *     NAME   key, TYPE 250, CLASS ANY, TTL 0
 *     RDATA  algorithm name | time signed (48 bits) | fudge (16) | MAC size (16) | MAC |
 *            original ID (16) | error (16) | other length (16) | other data
 */
#ifndef XNS_TSIG_RECORD_H
#define XNS_TSIG_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <libdnssec/tsig.h>
#include <libknot/libknot.h>

#include "tsig/tsig.h"

struct tsig_record {
	knot_dname_storage_t owner, algorithm; /* lower case */
	uint64_t time_signed;
	uint16_t fudge, original_id, error;
	uint16_t mac_len, other_len;
	const uint8_t *mac, *other;
	size_t at; /* found: where it begins in the message */
};

/* The message's TSIG: 0; -ENOENT: none; -EBADMSG: the message or the TSIG is malformed, is not the
 * last record, or there are two. */
int tsig_record_find(const uint8_t *wire, size_t len, struct tsig_record *ret);

/* Bytes of the record. */
size_t tsig_record_size(const struct tsig_record *record);
/* Writes the record behind the message and counts ARCOUNT up. 0 or -ENOSPC. */
int tsig_record_put(const struct tsig_record *record, uint8_t *wire, size_t *len, size_t wire_max);

/* A MAC with this key, to begin with the MAC before (mac_len 0: none). 0 or -EIO. */
int tsig_mac_begin(const knot_tsig_key_t *key, const uint8_t *mac, size_t mac_len,
		   struct dnssec_tsig_ctx **ret);
/* A message as it was before it was signed: with this ID and ARCOUNT. */
void tsig_mac_message(struct dnssec_tsig_ctx *ctx, const uint8_t *wire, size_t len, uint16_t id,
		      uint16_t arcount);
/* Behind the first message of a conversation's side (§4.3.3); behind the others (§5.3.1). */
void tsig_mac_variables(struct dnssec_tsig_ctx *ctx, const struct tsig_record *record);
void tsig_mac_timers(struct dnssec_tsig_ctx *ctx, const struct tsig_record *record);
/* The MAC to mac (TSIG_MAC_MAX bytes); frees ctx. Its length, or -EIO. */
int tsig_mac_end(struct dnssec_tsig_ctx *ctx, uint8_t *mac);

/* CLOCK_REALTIME, in seconds. */
uint64_t tsig_now(void);

/* A name for reasons: names from outside may be long. Returns text. */
#define TSIG_NAME_MAX 64
const char *tsig_name_text(const knot_dname_t *name, char *text);

/* "ahead of" or "behind" by how many seconds: for "the primary's clock is 400 s ahead of ours". */
#define TSIG_SKEW_MAX 64
const char *tsig_skew_text(uint64_t theirs, uint64_t ours, char *text);

#endif
