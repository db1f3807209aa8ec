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

#include "respond/chaos.h"
#include "respond/internal.h"
#include "respond/make.h"
#include "respond/reply.h"
#include "util/address.h"
#include "util/log.h"

#define UDP_SIZE_MIN		512 /* RFC 1035 §4.2.1 */
#define NOTIFY_REFUSED_EVERY_MS 60000

/* The sections and the SOA with its signatures. libknot's packets grow by 16 RRsets at a time and
 * copy all that they have: so they get what they can need beforehand. */
#define RRSETS_MAX (3 * ANSWER_SECTION_MAX + 2)
#define ARENA_SIZE (RRSETS_MAX * (sizeof(knot_rrset_t) + sizeof(knot_rrinfo_t)) + (64 << 10))

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

/* ---- what is refused before anything is looked up ---- */

/*
 * 0, or the RCODE for what needs no zone to be refused. Of an opcode that is not known it is not
 * known either what its question has to look like, but records do not depend on it.
 */
static uint16_t check_query(const struct query *query, enum query_status status)
{
	if (status == QUERY_OK && query->has_opt && query->edns_version > 0)
		return KNOT_RCODE_BADVERS;
	if (status != QUERY_OK && query->question_len > 0)
		return KNOT_RCODE_FORMERR;
	if (query->opcode != KNOT_OPCODE_QUERY && query->opcode != KNOT_OPCODE_NOTIFY)
		return KNOT_RCODE_NOTIMPL;
	if (status != QUERY_OK || query->question_len == 0)
		return KNOT_RCODE_FORMERR;
	if (query->has_tsig)
		return KNOT_RCODE_NOTAUTH;
	return KNOT_RCODE_NOERROR;
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
		respond->notify(zone, from, NULL, query->has_serial, query->serial,
				respond->notify_ctx);
}

/* ---- questions of class IN ---- */

/* A packet over the reply, with room for all RRsets, in the arena: nothing is to be freed. */
static knot_pkt_t *packet_new(struct respond *respond, knot_mm_t *mm, struct reply *reply)
{
	knot_pkt_t *pkt;

	respond->arena.used = 0;
	pkt = knot_pkt_new(reply->wire, (uint16_t)reply->max, mm);
	if (pkt == NULL)
		return NULL;
	knot_pkt_clear(pkt); /* new ones are made to be parsed: their header is what lay there */
	pkt->rr = arena_alloc(&respond->arena, RRSETS_MAX * sizeof(*pkt->rr));
	pkt->rr_info = arena_alloc(&respond->arena, RRSETS_MAX * sizeof(*pkt->rr_info));
	pkt->rrset_allocd = RRSETS_MAX;
	return pkt->rr != NULL && pkt->rr_info != NULL ? pkt : NULL;
}

/* 0 and the sections in the reply; -ENOSPC: they do not fit; another negative errno: the store or
 * memory failed. */
static int answer_from_zone(struct respond *respond, struct store_txn *txn, const struct zone *zone,
			    bool is_stale, const struct query *query, struct reply *reply)
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
	reply_set_version(reply, query, zone->apex, stored.serial);
	if (is_stale)
		reply_set_stale(reply, query);
	answer_make(txn, &stored, zone->apex, query->qname, query->qtype, query->dnssec_ok, answer);
	if (answer->kind == ANSWER_FAILURE)
		return -EIO;
	ret = answer->soa ? answer_negative_soa(txn, &stored, zone->apex, &soa) : 0;
	if (ret != 0)
		return ret;

	/* RFC 1035 §6.2: no answer to class * is authoritative for all classes. */
	reply->aa = answer->aa && query->qclass != KNOT_CLASS_ANY;
	reply->rcode = answer->rcode;
	pkt = packet_new(respond, &mm, reply);
	if (pkt == NULL)
		return -ENOMEM;
	if (knot_pkt_put_question(pkt, query->wire + QUERY_HEADER_LEN, query->qclass,
				  query->qtype) != KNOT_EOK)
		return -ENOSPC;
	ret = answer_render(answer, answer->soa ? &soa : NULL, pkt);
	if (ret == 0)
		reply->len = pkt->size;
	return ret;
}

/*
 * Transfers out are allowed to nobody yet. AXFR is defined over TCP only (RFC 5936 §4.2): NOTIMP
 * over UDP, as Knot DNS and NSD answer it.
 */
static void refuse_transfer(const struct respond *respond, const struct query *query, bool tcp,
			    struct reply *reply)
{
	if (query->qclass != KNOT_CLASS_IN && query->qclass != KNOT_CLASS_ANY)
		reply_fail(reply, query, KNOT_RCODE_REFUSED);
	else if (query->qtype == KNOT_RRTYPE_AXFR && !tcp)
		reply_fail(reply, query, KNOT_RCODE_NOTIMPL);
	else if (zone_table_get(respond->zones, query->qname) == NULL)
		reply_fail(reply, query, KNOT_RCODE_NOTAUTH);
	else
		reply_fail_ede(reply, query, KNOT_RCODE_REFUSED, REPLY_EDE_PROHIBITED, NULL);
}

/* RFC 9660 §3.2: the version of an expired zone, too. */
static void fail_inactive(struct zone *zone, enum zone_state state, const struct query *query,
			  struct reply *reply)
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

static void answer_question(struct respond *respond, struct store_txn *txn,
			    const struct query *query, bool tcp, struct reply *reply)
{
	int64_t now_ms = clock_boot_ms();
	struct zone *zone = NULL;
	enum zone_state state;
	int ret;

	if (query->qtype == KNOT_RRTYPE_AXFR || query->qtype == KNOT_RRTYPE_IXFR) {
		refuse_transfer(respond, query, tcp, reply);
		return;
	}
	if (query->qclass == KNOT_CLASS_CH) {
		chaos_answer(respond->config, query, reply);
		return;
	}
	if (query->qclass == KNOT_CLASS_IN || query->qclass == KNOT_CLASS_ANY)
		zone = zone_table_for_question(respond->zones, query->qname, query->qtype);
	if (zone == NULL) {
		reply_fail_ede(reply, query, KNOT_RCODE_REFUSED, REPLY_EDE_NOT_AUTHORITATIVE, NULL);
		return;
	}
	state = zone_state(zone, now_ms);
	if (state != ZONE_ACTIVE) {
		fail_inactive(zone, state, query, reply);
		return;
	}
	ret = answer_from_zone(respond, txn, zone,
			       respond->config->ede_stale && zone_is_stale(zone, now_ms), query,
			       reply);
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
	enum query_status status;
	struct query query;
	struct reply reply;
	uint16_t rcode;

	assert(reply_max >= UDP_SIZE_MIN);
	status = query_parse(message->wire, message->len, &query);
	if (status == QUERY_NO_QUERY || !has_source_port(message->from)) {
		respond_count(respond, RESPOND_DROPPED);
		return 0;
	}
	reply_begin(&reply, reply_wire, size_limit(respond, &query, message->tcp, reply_max),
		    &query, respond->config);

	rcode = check_query(&query, status);
	reply.badkey = rcode == KNOT_RCODE_NOTAUTH;
	if (rcode == KNOT_RCODE_NOTIMPL)
		query.question_len = 0; /* of an unknown opcode: not known to be a question */
	if (rcode != KNOT_RCODE_NOERROR)
		reply_fail(&reply, &query, rcode);
	else if (query.opcode == KNOT_OPCODE_NOTIFY)
		answer_notify(respond, &query, message->from, &reply);
	else
		answer_question(respond, txn, &query, message->tcp, &reply);

	reply_end(&reply, &query, respond->config);
	respond_count(respond, rcode_counter(reply.rcode));
	if (reply.tc)
		respond_count(respond, RESPOND_TRUNCATED);
	return reply.len;
}
