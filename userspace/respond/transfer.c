// SPDX-License-Identifier: GPL-3.0-or-later
#include "respond/transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "respond/reply.h"
#include "util/address.h"
#include "util/log.h"
#include "util/plural.h"

/*
 * Compression pointers reach the first 16 KiB of a message: no more RRsets are put into one that is
 * so long, but one that is longer itself goes into one message still.
 */
#define MESSAGE_FULL (16 * 1024)

/* ---- the records, in the order in which they are sent ---- */

static int soa_next(struct transfer *t)
{
	struct store_node node;
	int ret = store_node_get(t->txn, t->stored.id, STORE_NAMES, t->zone->apex, &node);

	if (ret == 0)
		ret = store_node_rrset(&node, KNOT_RRTYPE_SOA, &t->rr);
	if (ret != 0)
		return ret == -ENOENT ? -EIO : ret; /* content without its SOA */
	t->rr.owner = t->zone->apex;
	t->owner_at = KNOT_COMPR_HINT_QNAME;
	return 0;
}

/*
 * The node's signatures lie together, with one TTL for all, sorted by what they cover. Each has the
 * TTL of the RRset that it covers (RFC 4034 §3).
 */
static void signatures_next(struct transfer *t)
{
	uint16_t covered = knot_rrsig_type_covered(t->signatures.rrs.rdata);
	knot_rdata_t *rdata = t->signatures.rrs.rdata;
	knot_rrset_t *rest = &t->signatures, of;
	uint16_t n = 0;

	t->rr = *rest;
	while (rest->rrs.count > 0 && knot_rrsig_type_covered(rdata) == covered) {
		rdata = knot_rdataset_next(rdata);
		rest->rrs.count--;
		n++;
	}
	t->rr.rrs.count = n;
	t->rr.rrs.size = (uint32_t)((uint8_t *)rdata - (uint8_t *)rest->rrs.rdata);
	rest->rrs.size -= t->rr.rrs.size;
	rest->rrs.rdata = rdata;
	if (store_node_rrset(&t->node, covered, &of) == 0)
		t->rr.ttl = of.ttl;
}

/* The next RRset of the node, the zone's SOA left out. -ENOENT: no more. */
static int node_next(struct transfer *t)
{
	do {
		if (t->signatures.rrs.count > 0) {
			signatures_next(t);
			return 0;
		}
		if (!store_node_next(&t->node, &t->node_pos, &t->rr))
			return -ENOENT;
		if (t->rr.type == KNOT_RRTYPE_RRSIG && t->rr.rrs.count > 0)
			t->signatures = t->rr;
	} while (t->rr.type == KNOT_RRTYPE_SOA || t->rr.type == KNOT_RRTYPE_RRSIG);
	return 0;
}

/* The next RRset of a tree of the zone. -ENOENT: no more. */
static int tree_next(struct transfer *t, enum store_tree tree)
{
	int ret;

	for (;;) {
		if (t->has_node && node_next(t) == 0) {
			t->rr.owner = t->owner;
			return 0;
		}
		if (t->cursor != NULL) {
			ret = store_cursor_next(t->cursor, t->owner, &t->node);
		} else {
			ret = store_cursor_open(t->txn, t->stored.id, tree, &t->cursor);
			if (ret == 0)
				ret = store_cursor_first(t->cursor, t->owner, &t->node);
		}
		t->has_node = ret == 0;
		t->node_pos = 0;
		t->owner_at = KNOT_COMPR_HINT_NONE;
		if (ret == 0)
			continue;
		store_cursor_close(t->cursor);
		t->cursor = NULL;
		return ret;
	}
}

static int journal_next(struct transfer *t)
{
	enum store_journal_part part;

	t->owner_at = KNOT_COMPR_HINT_NONE;
	return store_journal_next(t->journal, &part, t->owner, &t->rr);
}

static enum transfer_stage stage_after(const struct transfer *t)
{
	switch (t->stage) {
	case TRANSFER_FIRST_SOA:
		if (t->kind == TRANSFER_CURRENT)
			return TRANSFER_END;
		return t->kind == TRANSFER_IXFR ? TRANSFER_JOURNAL : TRANSFER_NAMES;
	case TRANSFER_NAMES:
		return TRANSFER_NSEC3;
	case TRANSFER_NSEC3:
	case TRANSFER_JOURNAL:
		return TRANSFER_LAST_SOA;
	default:
		return TRANSFER_END;
	}
}

static int stage_next(struct transfer *t)
{
	switch (t->stage) {
	case TRANSFER_NAMES:
		return tree_next(t, STORE_NAMES);
	case TRANSFER_NSEC3:
		return tree_next(t, STORE_NSEC3);
	case TRANSFER_JOURNAL:
		return journal_next(t);
	default:
		return soa_next(t);
	}
}

/* Sets rr to what is to be sent next, if it is not set. has_rr is false afterwards: that was all.
 */
static int look_ahead(struct transfer *t)
{
	while (!t->has_rr && t->stage != TRANSFER_END) {
		int ret = stage_next(t);

		if (ret != 0 && ret != -ENOENT)
			return ret;
		t->has_rr = ret == 0;
		if (ret == -ENOENT || t->stage == TRANSFER_FIRST_SOA ||
		    t->stage == TRANSFER_LAST_SOA)
			t->stage = stage_after(t);
	}
	return 0;
}

/* ---- into messages ---- */

/* Some of the RRset fits: of one that is too long for any message, record by record. 0: all of it
 * is in. */
static int put_records(struct transfer *t, knot_pkt_t *pkt)
{
	while (t->rr.rrs.count > 0) {
		knot_rrset_t one = t->rr;
		int ret;

		one.rrs.count = 1;
		one.rrs.size = knot_rdata_size(one.rrs.rdata->len);
		ret = pkt->rrset_count < pkt->rrset_allocd ? packet_put(pkt, &one, t->owner_at)
							   : -ENOSPC;
		if (ret != 0)
			return ret;
		t->records++;
		t->rr.rrs.count--;
		t->rr.rrs.size -= one.rrs.size;
		t->rr.rrs.rdata = knot_rdataset_next(t->rr.rrs.rdata);
	}
	return 0;
}

static int put_rrset(struct transfer *t, knot_pkt_t *pkt)
{
	bool is_first = pkt->rrset_count == 0;
	uint16_t n = t->rr.rrs.count;
	int ret;

	ret = packet_put(pkt, &t->rr, t->owner_at);
	if (ret == 0)
		t->records += n;
	else if (ret == -ENOSPC && is_first && n > 1)
		ret = put_records(t, pkt);
	if (ret == 0)
		t->has_rr = false;
	/* For the next RRset, if it has the same owner. */
	if (ret == 0 && t->owner_at == KNOT_COMPR_HINT_NONE)
		t->owner_at =
			knot_compr_hint(&pkt->rr_info[pkt->rrset_count - 1], KNOT_COMPR_HINT_OWNER);
	return ret;
}

static int fill(struct transfer *t, knot_pkt_t *pkt)
{
	t->owner_at = KNOT_COMPR_HINT_NONE; /* that was in another message */
	for (;;) {
		int ret = look_ahead(t);

		if (ret != 0)
			return ret;
		t->done = !t->has_rr;
		if (t->done || pkt->size >= MESSAGE_FULL || pkt->rrset_count == pkt->rrset_allocd)
			return 0;
		ret = put_rrset(t, pkt);
		if (ret == -ENOSPC && pkt->rrset_count > 0)
			return 0;
		if (ret != 0)
			return ret;
	}
}

static int check_going_on(const struct transfer *t)
{
	if (atomic_load(&t->zone->removed))
		return -ENOENT;
	return clock_boot_ms() > t->deadline_ms ? -ETIME : 0;
}

int transfer_next(struct transfer *t, uint8_t *wire, size_t max)
{
	struct reply reply;
	knot_pkt_t *pkt;
	int ret = check_going_on(t);

	if (ret != 0)
		return ret;
	if (!reply_begin(&reply, wire, max, tsig_server_room(&t->tsig), &t->query, t->config))
		return -ENOSPC;
	reply_set_expire(&reply, &t->query, transfer_expire_s(t->zone));
	reply.aa = true;
	ret = packet_begin(t->memory, &t->query, &reply, &pkt);
	if (ret == 0)
		ret = fill(t, pkt);
	if (ret != 0)
		return ret;
	reply.len = pkt->size;
	reply_end(&reply, &t->query, t->config);
	ret = tsig_server_sign(&t->tsig, wire, &reply.len, max);
	if (ret != 0)
		return ret;
	t->query.has_opt = false; /* RFC 5936 §2.2.5: the first message has it */
	t->query.wants_nsid = t->query.wants_expire = false;
	t->messages++;
	t->bytes += reply.len;
	return (int)reply.len;
}

/* ---- the whole ---- */

static int open_content(struct transfer *t, const struct transfer_request *request)
{
	int ret = 0;

	if (request->store != NULL) {
		ret = store_read_begin(request->store, &t->txn);
		t->own_txn = ret == 0;
	} else {
		t->txn = request->txn;
	}
	if (ret == 0)
		ret = store_zone_get(t->txn, t->zone->apex, &t->stored);
	if (ret == 0 && !t->stored.has_content)
		ret = -ENOENT;
	if (ret == 0 && t->kind == TRANSFER_IXFR)
		ret = store_journal_open(t->txn, t->stored.id, t->from_serial, &t->journal);
	return ret;
}

static void copy_query(struct transfer *t, const struct query *query)
{
	size_t len = QUERY_HEADER_LEN + query->question_len;

	t->query = *query;
	memcpy(t->question, query->wire, len);
	t->query.wire = t->question;
	t->query.len = len;
	t->query.wants_version = false;
}

int transfer_open(const struct transfer_request *request, struct transfer **ret_transfer)
{
	struct transfer *t = calloc(1, sizeof(*t));
	int ret;

	if (t == NULL)
		return -ENOMEM;
	t->config = config_ref(request->config);
	t->zone = zone_ref(request->zone);
	t->kind = request->kind;
	t->over_tcp = request->over_tcp;
	t->over_tls = request->over_tls;
	t->from_serial = request->query->serial;
	t->memory = request->memory;
	t->tsig = *request->tsig;
	memcpy(&t->to, request->from, address_len(request->from));
	copy_query(t, request->query);
	t->begun_ms = clock_boot_ms();
	t->deadline_ms = t->begun_ms + t->config->transfer_timeout_ms;
	ret = open_content(t, request);
	if (ret == 0)
		*ret_transfer = t;
	else
		transfer_close(t);
	return ret;
}

void transfer_close(struct transfer *t)
{
	if (t == NULL)
		return;
	store_cursor_close(t->cursor);
	if (t->journal != NULL)
		store_journal_close(t->journal);
	if (t->own_txn)
		store_read_end(t->txn);
	zone_unref(t->zone);
	config_free(t->config);
	free(t);
}

uint32_t transfer_expire_s(const struct zone *zone)
{
	int64_t left_ms = atomic_load(&zone->expires_at_ms) - clock_boot_ms();

	if (left_ms <= 0)
		return 0;
	return left_ms / 1000 < UINT32_MAX ? (uint32_t)(left_ms / 1000) : UINT32_MAX;
}

/* ---- the log ---- */

#define KIND_TEXT_MAX 96

static const char *kind_text(const struct transfer *t, char *text)
{
	uint32_t serial = t->stored.serial;

	switch (t->kind) {
	case TRANSFER_AXFR:
		snprintf(text, KIND_TEXT_MAX, "AXFR of serial %" PRIu32, serial);
		break;
	case TRANSFER_IXFR:
		snprintf(text, KIND_TEXT_MAX, "IXFR of serials %" PRIu32 " to %" PRIu32,
			 t->from_serial, serial);
		break;
	case TRANSFER_IXFR_AS_AXFR:
		snprintf(text, KIND_TEXT_MAX,
			 "IXFR from serial %" PRIu32
			 ", answered with the whole zone of serial %" PRIu32,
			 t->from_serial, serial);
		break;
	case TRANSFER_CURRENT:
		snprintf(text, KIND_TEXT_MAX,
			 "IXFR from serial %" PRIu32 ", answered with the SOA of serial %" PRIu32,
			 t->from_serial, serial);
		break;
	}
	return text;
}

static const char *key_text(const struct transfer *t, char *text)
{
	char name[KNOT_DNAME_TXT_MAXLEN + 1];

	if (t->tsig.key == NULL || knot_dname_to_str(name, t->tsig.key->name, sizeof(name)) == NULL)
		return "";
	snprintf(text, KNOT_DNAME_TXT_MAXLEN + 8, ", key %s", name);
	return text;
}

#define FORMAT                                                                \
	"zone %s: %s out to %s over %s %s%s: %" PRIu64 " message%s, %" PRIu64 \
	" record%s, %" PRIu64 " byte%s, %.3f s%s"

static void log_line(void (*log)(const char *fmt, ...), const struct transfer *t, const char *end,
		     const char *why)
{
	char address[ADDRESS_TEXT_MAX], kind[KIND_TEXT_MAX], key[KNOT_DNAME_TXT_MAXLEN + 8];

	log(FORMAT, t->zone->name, kind_text(t, kind),
	    address_to_text((const struct sockaddr *)&t->to, address),
	    t->over_tls	  ? "TLS"
	    : t->over_tcp ? "TCP"
			  : "UDP",
	    end, why, t->messages, plural(t->messages), t->records, plural(t->records), t->bytes,
	    plural(t->bytes), (double)(clock_boot_ms() - t->begun_ms) / 1000, key_text(t, key));
}

/* Over UDP anybody can ask for it again and again, and from a forged address. */
void transfer_log_done(const struct transfer *t)
{
	bool is_news = t->over_tcp && t->kind != TRANSFER_CURRENT;

	log_line(is_news ? log_info : log_debug, t, "done", "");
}

void transfer_log_failed(const struct transfer *t, const char *why)
{
	log_line(log_warning, t, "cut off: ", why);
}
