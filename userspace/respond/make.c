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

#include "respond/acl.h"
#include "respond/chaos.h"
#include "respond/internal.h"
#include "respond/make.h"
#include "respond/onward.h"
#include "respond/reply.h"
#include "util/address.h"
#include "util/log.h"

#define UDP_SIZE_MIN  512 /* RFC 1035 §4.2.1 */
#define TELL_EVERY_MS 60000

bool respond_tell(struct told *told, uint64_t *ret_n)
{
	int64_t now_ms = clock_boot_ms();

	told->n++;
	if (told->at_ms != 0 && now_ms - told->at_ms < TELL_EVERY_MS)
		return false;
	*ret_n = told->n;
	*told = (struct told){.at_ms = now_ms};
	return true;
}

int make_init(struct respond *respond)
{
	int ret = packet_memory_init(&respond->packet);

	if (ret == 0)
		answer_init(&respond->answer);
	return ret;
}

void make_free(struct respond *respond)
{
	if (respond->packet.base == NULL)
		return;
	answer_free(&respond->answer);
	packet_memory_free(&respond->packet);
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

static const knot_tsig_key_t *find_key(const knot_dname_t *name, void *ctx)
{
	const struct config_tsig *key = config_tsig_find(ctx, name);

	return key != NULL ? &key->tsig : NULL;
}

/* The reply will have no TSIG. */
static void forget_tsig(struct request *request)
{
	memset(&request->tsig, 0, sizeof(request->tsig));
}

/* 0, or the RCODE for a signature that is not right, RFC 8945 §5.2. */
static uint16_t check_tsig(struct respond *respond, struct request *request)
{
	char text[ADDRESS_TEXT_MAX], reason[TSIG_REASON_MAX];
	uint64_t n;
	size_t len;
	int ret;

	ret = tsig_server_check(&request->tsig, request->query.wire, request->query.len, find_key,
				respond->config, &len, reason);
	respond_count(respond, ret == 0 ? RESPOND_TSIG_GOOD : RESPOND_TSIG_BAD);
	if (ret == 0)
		return KNOT_RCODE_NOERROR;
	if (respond_tell(&respond->tsig_refused, &n))
		log_warning("signed message from %s refused: %s (refused since this was last told: "
			    "%" PRIu64 ")",
			    address_to_text(request->from, text), reason, n);
	switch (ret) {
	case -EPERM:
		return KNOT_RCODE_NOTAUTH;
	case -EBADMSG:
		return KNOT_RCODE_FORMERR;
	default:
		return KNOT_RCODE_SERVFAIL;
	}
}

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
	return KNOT_RCODE_NOERROR;
}

/*
 * Both. What the query itself is refused for comes first, as in Knot DNS and BIND, and then nothing
 * is said of a signature that is not right; a right one gets a signed refusal (RFC 8945 §5.3).
 */
static uint16_t check(struct respond *respond, struct request *request, enum query_status status)
{
	uint16_t rcode = check_query(&request->query, status);
	uint16_t tsig = KNOT_RCODE_NOERROR;

	if (request->query.has_tsig)
		tsig = check_tsig(respond, request);
	if (rcode == KNOT_RCODE_NOERROR)
		return tsig;
	if (request->tsig.error != 0)
		forget_tsig(request);
	return rcode;
}

/* ---- NOTIFY ---- */

/* RFC 1996 §3.10 wants it logged; as anybody can send them, with at most one line a minute. */
static void log_refused(struct respond *respond, const struct zone *zone,
			const struct sockaddr *from, const char *why)
{
	char text[ADDRESS_TEXT_MAX];
	uint64_t n;

	if (zone == NULL)
		log_debug("NOTIFY from %s refused: not a zone that is held",
			  address_to_text(from, text));
	else if (respond_tell(&respond->notify_refused, &n))
		log_warning("zone %s: NOTIFY from %s refused: %s"
			    " (refused since this was last told: %" PRIu64 ")",
			    zone->name, address_to_text(from, text), why, n);
}

/* RFC 1996 §3.6 to 3.10. NOTAUTH to strangers, as Knot DNS answers them (NSD: REFUSED, BIND:
 * NOERROR). */
static void answer_notify(struct respond *respond, const struct request *request,
			  struct reply *reply)
{
	const struct query *query = &request->query;
	const char *why = NULL;
	struct zone *zone;

	if (query->qclass != KNOT_CLASS_IN) {
		reply_fail(reply, query, KNOT_RCODE_NOTIMPL);
		return;
	}
	zone = zone_table_get(respond->zones, query->qname);
	if (zone == NULL || !acl_may_notify(zone->conf, request->from, request->tsig.key, &why)) {
		reply_fail(reply, query, KNOT_RCODE_NOTAUTH);
		log_refused(respond, zone, request->from, why);
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
		respond->notify(zone, request->from, request->tsig.key, query->has_serial,
				query->serial, respond->notify_ctx);
}

/* ---- questions of class IN ---- */

/* 0 and the sections in the reply; -ENOSPC: they do not fit; another negative errno: the store or
 * memory failed. */
static int answer_from_zone(struct respond *respond, struct store_txn *txn, const struct zone *zone,
			    bool is_stale, const struct query *query, struct reply *reply)
{
	struct answer *answer = &respond->answer;
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
	if (query->qtype == KNOT_RRTYPE_SOA && knot_dname_is_equal(query->qname, zone->apex))
		reply_set_expire(reply, query, transfer_expire_s(zone));
	answer_make(txn, &stored, zone->apex, query->qname, query->qtype, query->dnssec_ok, answer);
	if (answer->kind == ANSWER_FAILURE)
		return -EIO;
	ret = answer->soa ? answer_negative_soa(txn, &stored, zone->apex, &soa) : 0;
	if (ret != 0)
		return ret;

	/* RFC 1035 §6.2: no answer to class * is authoritative for all classes. */
	reply->aa = answer->aa && query->qclass != KNOT_CLASS_ANY;
	reply->rcode = answer->rcode;
	ret = packet_begin(&respond->packet, query, reply, &pkt);
	if (ret == 0)
		ret = answer_render(answer, answer->soa ? &soa : NULL, pkt);
	if (ret == 0)
		reply->len = pkt->size;
	return ret;
}

static void answer_question(struct respond *respond, const struct request *request,
			    struct reply *reply)
{
	const struct query *query = &request->query;
	int64_t now_ms = clock_boot_ms();
	struct zone *zone = NULL;
	enum zone_state state;
	int ret;

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
		reply_fail_inactive(reply, query, zone, state);
		return;
	}
	ret = answer_from_zone(respond, request->txn, zone,
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

static void count_reply(struct respond *respond, const struct reply *reply)
{
	respond_count(respond, rcode_counter(reply->rcode));
	if (reply->tc)
		respond_count(respond, RESPOND_TRUNCATED);
}

static size_t finish(struct respond *respond, struct request *request, struct reply *reply)
{
	if (!reply->is_whole) {
		reply_end(reply, &request->query, respond->config);
		if (tsig_server_sign(&request->tsig, reply->wire, &reply->len, request->limit) !=
		    0) {
			respond_count(respond, RESPOND_DROPPED);
			return 0;
		}
	}
	count_reply(respond, reply);
	return reply->len;
}

/* rcode: what check says. */
static void answer(struct respond *respond, struct request *request, uint16_t rcode,
		   struct reply *reply, struct transfer **ret_transfer)
{
	struct query *query = &request->query;

	if (rcode == KNOT_RCODE_NOTIMPL)
		query->question_len = 0; /* of an unknown opcode: not known to be a question */
	if (rcode != KNOT_RCODE_NOERROR)
		reply_fail(reply, query, rcode);
	else if (query->opcode == KNOT_OPCODE_NOTIFY)
		answer_notify(respond, request, reply);
	else if (query->qtype == KNOT_RRTYPE_AXFR || query->qtype == KNOT_RRTYPE_IXFR)
		onward_answer(respond, request, reply, ret_transfer);
	else
		answer_question(respond, request, reply);
}

/*
 * RFC 8945 §5.3: where the signature does not fit beside it nothing is said (false). An error that
 * has none is told without its TSIG.
 */
static bool begin(const struct respond *respond, struct request *request, uint8_t *wire,
		  struct reply *reply)
{
	if (reply_begin(reply, wire, request->limit, tsig_server_room(&request->tsig),
			&request->query, respond->config))
		return true;
	if (request->tsig.error == 0)
		return false;
	forget_tsig(request);
	return reply_begin(reply, wire, request->limit, 0, &request->query, respond->config);
}

size_t make_reply(struct respond *respond, struct store_txn *txn,
		  const struct respond_query *message, uint8_t *reply_wire, size_t reply_max,
		  struct transfer **ret_transfer)
{
	struct request request = {
		.txn = txn, .from = message->from, .tcp = message->tcp, .tls = message->tls};
	enum query_status status;
	struct reply reply;
	uint16_t rcode;

	assert(reply_max >= UDP_SIZE_MIN);
	*ret_transfer = NULL;
	status = query_parse(message->wire, message->len, &request.query);
	if (status == QUERY_NO_QUERY || !has_source_port(message->from)) {
		respond_count(respond, RESPOND_DROPPED);
		return 0;
	}
	rcode = check(respond, &request, status);
	request.limit = size_limit(respond, &request.query, message->tcp, reply_max);
	if (!begin(respond, &request, reply_wire, &reply)) {
		respond_count(respond, RESPOND_DROPPED);
		return 0;
	}
	answer(respond, &request, rcode, &reply, ret_transfer);
	if (*ret_transfer != NULL) {
		respond_count(respond, RESPOND_NOERROR);
		return 0;
	}
	return finish(respond, &request, &reply);
}

size_t respond_make(struct respond *respond, struct store_txn *txn,
		    const struct respond_query *message, uint8_t *reply, size_t reply_max)
{
	struct transfer *transfer;
	size_t len = make_reply(respond, txn, message, reply, reply_max, &transfer);
	int made;

	if (transfer == NULL)
		return len;
	made = transfer_next(transfer, reply, reply_max);
	onward_end(respond, transfer, made < 0 ? strerror(-made) : NULL);
	return made < 0 ? 0 : (size_t)made;
}
