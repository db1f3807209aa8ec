/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A message in, its reply out. What is decided in which order, and with which RCODE, is what Knot
 * DNS, NSD and BIND do, where two of them agree; tests/interop/malformed.py asks them.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <libknot/libknot.h>

#include "respond/internal.h"
#include "respond/make.h"
#include "util/address.h"
#include "util/log.h"

#define UDP_SIZE_MIN		512 /* RFC 1035 §4.2.1 */
#define OPT_LEN			11  /* an OPT record without options */
#define NOTIFY_REFUSED_EVERY_MS 60000

/* A packet of 3 × ANSWER_SECTION_MAX RRsets, its arrays growing step by step, takes some 400 KiB.
 */
#define ARENA_SIZE (1 << 20)

/* In the making. What is behind len in wire is free; the header's first four bytes are written
 * last. */
struct reply {
	uint8_t *wire;
	size_t len, max; /* max leaves room for the OPT record */
	uint16_t rcode;	 /* extended */
	bool aa, tc;
};

static void *arena_alloc(void *ctx, size_t len)
{
	struct arena *arena = ctx;
	size_t at = (arena->used + 15) & ~(size_t)15;

	if (len > ARENA_SIZE - at)
		return NULL;
	arena->used = at + len;
	return arena->base + at;
}

static void arena_no_free(void *p)
{
	(void)p;
}

int make_init(struct respond *respond)
{
	respond->arena.base = malloc(ARENA_SIZE);
	if (respond->arena.base == NULL)
		return -ENOMEM;
	answer_init(&respond->answer);
	return 0;
}

void make_free(struct respond *respond)
{
	if (respond->arena.base == NULL)
		return;
	answer_free(&respond->answer);
	free(respond->arena.base);
}

/* Back to a header and the question, without any records. */
static void reply_clear(struct reply *reply, const struct query *query)
{
	memset(reply->wire, 0, QUERY_HEADER_LEN);
	memcpy(reply->wire + QUERY_HEADER_LEN, query->wire + QUERY_HEADER_LEN, query->question_len);
	knot_wire_set_qdcount(reply->wire, query->question_len > 0);
	reply->len = QUERY_HEADER_LEN + query->question_len;
}

static void reply_fail(struct reply *reply, const struct query *query, uint16_t rcode)
{
	reply_clear(reply, query);
	reply->rcode = rcode;
	reply->aa = reply->tc = false;
}

/* As the packet path does it: nothing but the question, RCODE and AA as the whole answer has them.
 */
static void reply_truncate(struct reply *reply, const struct query *query)
{
	reply_clear(reply, query);
	reply->tc = true;
}

static void put_u16(struct reply *reply, uint16_t value)
{
	knot_wire_write_u16(reply->wire + reply->len, value);
	reply->len += 2;
}

static void put_bytes(struct reply *reply, const void *bytes, size_t len)
{
	memcpy(reply->wire + reply->len, bytes, len);
	reply->len += len;
}

/* RFC 6891 §6.1.1: an OPT in the reply if and only if there was one in the query; RFC 3225 §3: DO
 * is copied. */
static void put_opt(struct reply *reply, const struct query *query, uint16_t our_size)
{
	put_bytes(reply, "", 1);
	put_u16(reply, KNOT_RRTYPE_OPT);
	put_u16(reply, our_size);
	put_u16(reply, (uint16_t)(reply->rcode >> 4) << 8); /* extended RCODE, version 0 */
	put_u16(reply, query->dnssec_ok ? 0x8000 : 0);
	put_u16(reply, 0);
	knot_wire_set_arcount(reply->wire, knot_wire_get_arcount(reply->wire) + 1);
}

/*
 * RFC 8945 §5.3.2: no key is known (yet), so whatever is signed gets a TSIG without MAC and with
 * error BADKEY. It is the last record, behind the OPT.
 */
static void put_tsig_badkey(struct reply *reply, const struct query *query)
{
	uint16_t rdlen = query->tsig_algorithm_len + 16;

	put_bytes(reply, query->tsig_key, query->tsig_key_len);
	put_u16(reply, KNOT_RRTYPE_TSIG);
	put_u16(reply, KNOT_CLASS_ANY);
	put_bytes(reply, "\0\0\0", 4);
	put_u16(reply, rdlen);
	put_bytes(reply, query->tsig_algorithm, query->tsig_algorithm_len);
	put_bytes(reply, query->tsig_time, 8); /* Time Signed and Fudge, as they came */
	put_u16(reply, 0);		       /* MAC size */
	put_bytes(reply, query->wire, 2);      /* Original ID */
	put_u16(reply, KNOT_RCODE_BADKEY);
	put_u16(reply, 0); /* Other Len */
	knot_wire_set_arcount(reply->wire, knot_wire_get_arcount(reply->wire) + 1);
}

static enum respond_counter rcode_counter(uint16_t rcode)
{
	switch (rcode) {
	case KNOT_RCODE_NOERROR:
		return RESPOND_NOERROR;
	case KNOT_RCODE_FORMERR:
		return RESPOND_FORMERR;
	case KNOT_RCODE_SERVFAIL:
		return RESPOND_SERVFAIL;
	case KNOT_RCODE_NXDOMAIN:
		return RESPOND_NXDOMAIN;
	case KNOT_RCODE_NOTIMPL:
		return RESPOND_NOTIMP;
	case KNOT_RCODE_REFUSED:
		return RESPOND_REFUSED;
	case KNOT_RCODE_NOTAUTH:
		return RESPOND_NOTAUTH;
	case KNOT_RCODE_BADVERS:
		return RESPOND_BADVERS;
	default:
		return RESPOND_OTHER_RCODE;
	}
}

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

/* ---- what is refused before anything is looked up ---- */

/*
 * 0, or the RCODE for what needs no zone to be refused. Errors of form last but for the opcode's:
 * of an opcode that is not known, the form is not known either.
 */
static uint16_t check_query(const struct query *query, enum query_status status)
{
	if (status == QUERY_OK && query->has_opt && query->edns_version > 0)
		return KNOT_RCODE_BADVERS;
	if (query->opcode != KNOT_OPCODE_QUERY && query->opcode != KNOT_OPCODE_NOTIFY)
		return KNOT_RCODE_NOTIMPL;
	if (status != QUERY_OK || query->question_len == 0)
		return KNOT_RCODE_FORMERR;
	if (query->has_tsig)
		return KNOT_RCODE_NOTAUTH;
	return KNOT_RCODE_NOERROR;
}

/* ---- CHAOS ---- */

#define NAME(literal) {(const uint8_t *)(literal), sizeof(literal)}

/* RFC 4892. An identity that is not configured is refused, as any other name of the class. */
static void answer_chaos(struct respond *respond, const struct query *query, struct reply *reply)
{
	const struct {
		struct {
			const uint8_t *wire;
			size_t len;
		} name;
		const char *text;
	} identities[] = {
		{NAME("\7version\4bind"), respond->config->version},
		{NAME("\7version\6server"), respond->config->version},
		{NAME("\10hostname\4bind"), respond->config->identity},
		{NAME("\2id\6server"), respond->config->identity},
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
	put_u16(reply, KNOT_WIRE_PTR << 8 | QUERY_HEADER_LEN);
	put_u16(reply, KNOT_RRTYPE_TXT);
	put_u16(reply, KNOT_CLASS_CH);
	put_bytes(reply, "\0\0\0", 4); /* TTL */
	put_u16(reply, (uint16_t)(strings + len));
	do {
		uint8_t string_len = len < 255 ? (uint8_t)len : 255;

		put_bytes(reply, &string_len, 1);
		put_bytes(reply, text, string_len);
		text += string_len;
		len -= string_len;
	} while (len > 0);
	knot_wire_set_ancount(reply->wire, 1);
}

/* ---- NOTIFY ---- */

static bool may_notify(const struct zone *zone, const struct sockaddr *from)
{
	for (size_t i = 0; i < zone->conf->n_notify_from; i++) {
		const struct config_remote *remote = zone->conf->notify_from[i];

		for (size_t j = 0; j < remote->n_addresses; j++) {
			if (address_same_host((const struct sockaddr *)&remote->address[j], from))
				return true;
		}
	}
	return false;
}

/* RFC 1996 §3.10 wants it logged; as anybody can send them, with at most one line a minute. */
static void log_refused(struct respond *respond, const struct zone *zone,
			const struct sockaddr *from)
{
	int64_t now_ms = clock_boot_ms();
	char text[ADDRESS_TEXT_MAX];

	if (zone == NULL) {
		log_debug("NOTIFY from %s refused: not a zone that is held",
			  address_to_text(from, text));
		return;
	}
	respond->notify_refused++;
	if (respond->notify_refused_ms != 0 &&
	    now_ms - respond->notify_refused_ms < NOTIFY_REFUSED_EVERY_MS)
		return;
	log_warning("zone %s: NOTIFY from %s refused: the sender is not in notify-from"
		    " (refused since this was last told: %" PRIu64 ")",
		    zone->name, address_to_text(from, text), respond->notify_refused);
	respond->notify_refused = 0;
	respond->notify_refused_ms = now_ms;
}

/* RFC 1996 §3.6 to 3.10. NOTAUTH to strangers, as Knot DNS answers them (NSD: REFUSED, BIND:
 * NOERROR). */
static void answer_notify(struct respond *respond, const struct query *query,
			  const struct sockaddr *from, struct reply *reply)
{
	struct zone *zone;

	if (query->qclass != KNOT_CLASS_IN) {
		reply_fail(reply, query, KNOT_RCODE_NOTIMPL);
		return;
	}
	zone = zone_table_get(respond->zones, query->qname);
	if (zone == NULL || !may_notify(zone, from)) {
		reply_fail(reply, query, KNOT_RCODE_NOTAUTH);
		log_refused(respond, zone, from);
		return;
	}
	if (query->qtype != KNOT_RRTYPE_SOA) {
		reply_fail(reply, query, KNOT_RCODE_FORMERR);
		return;
	}
	reply_clear(reply, query);
	reply->aa = true;
	respond_count(respond, RESPOND_NOTIFY);
	if (respond->notify != NULL)
		respond->notify(zone, from, query->has_serial, query->serial, respond->notify_ctx);
}

/* ---- questions of class IN ---- */

/* 0 and the sections in the reply; -ENOSPC: they do not fit; another negative errno: the store or
 * memory failed. */
static int answer_from_zone(struct respond *respond, struct store_txn *txn, const struct zone *zone,
			    const struct query *query, struct reply *reply)
{
	struct answer *answer = &respond->answer;
	knot_mm_t mm = {.ctx = &respond->arena, .alloc = arena_alloc, .free = arena_no_free};
	struct store_zone stored;
	knot_rrset_t soa;
	knot_pkt_t *pkt;
	int ret;

	if (txn == NULL)
		return -EIO;
	ret = store_zone_get(txn, zone->apex, &stored);
	if (ret != 0 || !stored.has_content)
		return ret != 0 ? ret : -ENOENT;
	answer_make(txn, &stored, zone->apex, query->qname, query->qtype, query->dnssec_ok, answer);
	if (answer->kind == ANSWER_FAILURE)
		return -EIO;
	ret = answer->soa ? answer_negative_soa(txn, &stored, zone->apex, &soa) : 0;
	if (ret != 0)
		return ret;

	/* RFC 1035 §6.2: no answer to class * is authoritative for all classes. */
	reply->aa = answer->aa && query->qclass != KNOT_CLASS_ANY;
	reply->rcode = answer->rcode;
	respond->arena.used = 0;
	pkt = knot_pkt_new(reply->wire, (uint16_t)reply->max, &mm);
	if (pkt == NULL)
		return -ENOMEM;
	knot_pkt_clear(pkt); /* new ones are made to be parsed: their header is what lay there */
	if (knot_pkt_put_question(pkt, query->wire + QUERY_HEADER_LEN, query->qclass,
				  query->qtype) != KNOT_EOK)
		return -ENOSPC;
	ret = answer_render(answer, answer->soa ? &soa : NULL, pkt);
	if (ret == 0)
		reply->len = pkt->size;
	return ret; /* the packet is in the arena: nothing to free */
}

/*
 * Transfers out are allowed to nobody yet. AXFR is defined over TCP only (RFC 5936 §4.2): NOTIMP
 * over UDP, as Knot DNS and NSD answer it.
 */
static uint16_t refuse_transfer(const struct respond *respond, const struct query *query, bool tcp)
{
	if (query->qclass != KNOT_CLASS_IN)
		return KNOT_RCODE_REFUSED;
	if (query->qtype == KNOT_RRTYPE_AXFR && !tcp)
		return KNOT_RCODE_NOTIMPL;
	return zone_table_get(respond->zones, query->qname) != NULL ? KNOT_RCODE_REFUSED
								    : KNOT_RCODE_NOTAUTH;
}

static void answer_question(struct respond *respond, struct store_txn *txn,
			    const struct query *query, bool tcp, struct reply *reply)
{
	struct zone *zone = NULL;
	int ret;

	if (query->qtype == KNOT_RRTYPE_AXFR || query->qtype == KNOT_RRTYPE_IXFR) {
		reply_fail(reply, query, refuse_transfer(respond, query, tcp));
		return;
	}
	if (query->qclass == KNOT_CLASS_CH) {
		answer_chaos(respond, query, reply);
		return;
	}
	if (query->qclass == KNOT_CLASS_IN || query->qclass == KNOT_CLASS_ANY)
		zone = zone_table_for_question(respond->zones, query->qname, query->qtype);
	if (zone == NULL) {
		reply_fail(reply, query, KNOT_RCODE_REFUSED);
		return;
	}
	if (zone_state(zone, clock_boot_ms()) != ZONE_ACTIVE) {
		reply_fail(reply, query, KNOT_RCODE_SERVFAIL);
		return;
	}
	ret = answer_from_zone(respond, txn, zone, query, reply);
	if (ret == -ENOSPC)
		reply_truncate(reply, query);
	else if (ret != 0)
		reply_fail(reply, query, KNOT_RCODE_SERVFAIL);
}

/* ---- the whole ---- */

static bool has_source_port(const struct sockaddr *from)
{
	switch (from->sa_family) {
	case AF_INET:
		return ((const struct sockaddr_in *)from)->sin_port != 0;
	case AF_INET6:
		return ((const struct sockaddr_in6 *)from)->sin6_port != 0;
	default:
		return false;
	}
}

/* RFC 6891 §6.2.3, 6.2.5: sizes below 512 are taken as 512. */
static size_t size_limit(const struct respond *respond, const struct query *query, bool tcp,
			 size_t reply_max)
{
	size_t limit = UDP_SIZE_MIN;

	if (tcp)
		limit = KNOT_WIRE_MAX_PKTSIZE;
	else if (query->has_opt && query->edns_size > UDP_SIZE_MIN)
		limit = query->edns_size < respond->config->max_udp_size
				? query->edns_size
				: respond->config->max_udp_size;
	return limit < reply_max ? limit : reply_max;
}

size_t respond_make(struct respond *respond, struct store_txn *txn,
		    const struct respond_query *message, uint8_t *reply_wire, size_t reply_max)
{
	struct reply reply = {.wire = reply_wire};
	enum query_status status;
	struct query query;
	size_t limit;
	uint16_t rcode;

	assert(reply_max >= UDP_SIZE_MIN);
	status = query_parse(message->wire, message->len, &query);
	if (status == QUERY_NO_QUERY || !has_source_port(message->from)) {
		respond_count(respond, RESPOND_DROPPED);
		return 0;
	}
	limit = size_limit(respond, &query, message->tcp, reply_max);
	reply.max = limit - (query.has_opt ? OPT_LEN : 0);

	rcode = check_query(&query, status);
	if (rcode == KNOT_RCODE_NOTIMPL)
		query.question_len = 0; /* of an unknown opcode: not known to be a question */
	if (rcode != KNOT_RCODE_NOERROR)
		reply_fail(&reply, &query, rcode);
	else if (query.opcode == KNOT_OPCODE_NOTIFY)
		answer_notify(respond, &query, message->from, &reply);
	else
		answer_question(respond, txn, &query, message->tcp, &reply);

	if (query.has_opt)
		put_opt(&reply, &query, respond->config->max_udp_size);
	if (rcode == KNOT_RCODE_NOTAUTH &&
	    limit - reply.len >= (size_t)query.tsig_key_len + 10 + query.tsig_algorithm_len + 16)
		put_tsig_badkey(&reply, &query);
	put_flags(&reply, &query);
	respond_count(respond, rcode_counter(reply.rcode));
	if (reply.tc)
		respond_count(respond, RESPOND_TRUNCATED);
	return reply.len;
}
