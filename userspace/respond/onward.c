// SPDX-License-Identifier: GPL-3.0-or-later
/* Which transfers out there are, and how they are answered that are not. */
#include "respond/onward.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "respond/acl.h"
#include "respond/internal.h"
#include "transfer/message.h"
#include "util/address.h"
#include "util/log.h"

static const char *type_text(const struct request *request)
{
	return request->query.qtype == KNOT_RRTYPE_AXFR ? "AXFR" : "IXFR";
}

static void log_refused(struct respond *respond, const struct request *request,
			const struct zone *zone, const char *why)
{
	char text[ADDRESS_TEXT_MAX];
	uint64_t n;

	respond_count(respond, RESPOND_TRANSFER_REFUSED);
	if (!respond_tell(&respond->transfer_refused, &n))
		return;
	log_warning("zone %s: %s out to %s refused: %s (refused since this was last told: %" PRIu64
		    ")",
		    zone->name, type_text(request), address_to_text(request->from, text), why, n);
}

/*
 * NULL: it is refused. AXFR is defined over TCP only (RFC 5936 §4.2): NOTIMP over UDP, as Knot DNS
 * and NSD answer it. NOTAUTH for what is not the apex of a zone held, as all do.
 */
static struct zone *find_zone(struct respond *respond, const struct request *request,
			      struct reply *reply)
{
	const struct query *query = &request->query;
	struct zone *zone = NULL;

	if (query->qclass != KNOT_CLASS_IN && query->qclass != KNOT_CLASS_ANY)
		reply_fail(reply, query, KNOT_RCODE_REFUSED);
	else if (query->qtype == KNOT_RRTYPE_AXFR && !request->tcp)
		reply_fail(reply, query, KNOT_RCODE_NOTIMPL);
	else if ((zone = zone_table_get(respond->zones, query->qname)) == NULL)
		reply_fail(reply, query, KNOT_RCODE_NOTAUTH);
	if (zone == NULL)
		return NULL;
	if (query->qclass == KNOT_CLASS_IN &&
	    acl_allows(zone->conf, ACL_TRANSFER, request->from, request->tsig.key))
		return zone;
	log_refused(respond, request, zone, "no ACL allows it");
	reply_fail_ede(reply, query, KNOT_RCODE_REFUSED, REPLY_EDE_PROHIBITED, NULL);
	return NULL;
}

/* What an IXFR is answered with, as far as that depends on serials (RFC 1995 §2, RFC 1982). */
static enum transfer_kind kind_of(const struct request *request, const struct zone *zone,
				  const struct store_zone *stored)
{
	uint32_t serial = request->query.serial;

	if (request->query.qtype == KNOT_RRTYPE_AXFR)
		return TRANSFER_AXFR;
	if (serial == stored->serial || message_serial_newer(serial, stored->serial))
		return TRANSFER_CURRENT;
	if (zone->conf->provide_ixfr)
		return TRANSFER_IXFR;
	return request->tcp ? TRANSFER_IXFR_AS_AXFR : TRANSFER_CURRENT;
}

/* RFC 5936 §2.2.1: what to do when there are too many is not said; SERVFAIL, as BIND has it. */
static bool too_many(struct respond *respond, const struct request *request,
		     const struct zone *zone)
{
	if (respond->transfers < respond->config->max_transfers_out)
		return false;
	log_refused(respond, request, zone, "max-transfers-out are under way");
	return true;
}

/* Into one message. -ENOSPC: it does not fit. */
static int answer_at_once(struct respond *respond, const struct transfer_request *want,
			  struct reply *reply, size_t limit)
{
	struct transfer *transfer;
	int len, ret = transfer_open(want, &transfer);

	if (ret != 0)
		return ret;
	len = transfer_next(transfer, reply->wire, limit);
	if (len < 0 || !transfer->done) {
		transfer_close(transfer);
		return len < 0 ? len : -ENOSPC;
	}
	reply->len = (size_t)len;
	reply->is_whole = true;
	onward_end(respond, transfer, NULL);
	return 0;
}

/* RFC 1995 §2: what does not fit into one message of UDP is to be asked for over TCP, which the
 * SOA alone says. */
static int answer_udp(struct respond *respond, struct transfer_request *want, struct reply *reply,
		      size_t limit)
{
	int ret = answer_at_once(respond, want, reply, limit);

	if (want->kind == TRANSFER_CURRENT || (ret != -ENOSPC && ret != -ENOENT))
		return ret;
	want->kind = TRANSFER_CURRENT;
	return answer_at_once(respond, want, reply, limit);
}

static int answer_tcp(struct respond *respond, const struct request *request,
		      struct transfer_request *want, struct transfer **ret_transfer)
{
	int ret;

	if (too_many(respond, request, want->zone))
		return -EBUSY;
	want->store = respond->store;
	ret = transfer_open(want, ret_transfer);
	if (ret == -ENOENT && want->kind == TRANSFER_IXFR) {
		want->kind = TRANSFER_IXFR_AS_AXFR;
		ret = transfer_open(want, ret_transfer);
	}
	if (ret == 0) {
		(*ret_transfer)->is_counted = true;
		respond->transfers++;
	}
	return ret;
}

static int answer_active(struct respond *respond, const struct request *request, struct zone *zone,
			 struct reply *reply, struct transfer **ret_transfer)
{
	struct transfer_request want = {
		.config = respond->config,
		.zone = zone,
		.query = &request->query,
		.tsig = &request->tsig,
		.from = request->from,
		.over_tcp = request->tcp,
		.over_tls = request->tls,
		.memory = &respond->packet,
		.txn = request->txn,
	};
	struct store_zone stored;
	int ret;

	if (request->txn == NULL)
		return -EIO;
	ret = store_zone_get(request->txn, zone->apex, &stored);
	if (ret != 0)
		return ret;
	want.kind = kind_of(request, zone, &stored);
	if (want.kind == TRANSFER_CURRENT || !request->tcp)
		return answer_udp(respond, &want, reply, request->limit);
	return answer_tcp(respond, request, &want, ret_transfer);
}

void onward_answer(struct respond *respond, struct request *request, struct reply *reply,
		   struct transfer **ret_transfer)
{
	const struct query *query = &request->query;
	struct zone *zone = find_zone(respond, request, reply);
	enum zone_state state;
	int ret;

	if (zone == NULL)
		return;
	/* RFC 1995 §3 */
	if (query->qtype == KNOT_RRTYPE_IXFR && !query->has_serial) {
		reply_fail(reply, query, KNOT_RCODE_FORMERR);
		return;
	}
	state = zone_state(zone, clock_boot_ms());
	if (state != ZONE_ACTIVE) {
		reply_fail_inactive(reply, query, zone, state);
		return;
	}
	ret = answer_active(respond, request, zone, reply, ret_transfer);
	if (ret == 0)
		return;
	if (ret != -EBUSY)
		log_refused(respond, request, zone, strerror(-ret));
	reply_fail(reply, query, KNOT_RCODE_SERVFAIL);
}

void onward_end(struct respond *respond, struct transfer *transfer, const char *failure)
{
	bool is_axfr = transfer->kind == TRANSFER_AXFR || transfer->kind == TRANSFER_IXFR_AS_AXFR;

	if (transfer->is_counted)
		respond->transfers--;
	if (failure != NULL) {
		respond_count(respond, RESPOND_TRANSFER_FAILED);
		transfer_log_failed(transfer, failure);
	} else {
		respond_count(respond, is_axfr ? RESPOND_AXFR_OUT : RESPOND_IXFR_OUT);
		transfer_log_done(transfer);
	}
	transfer_close(transfer);
}
