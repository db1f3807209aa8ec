/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refresh/internal.h"
#include "util/log.h"
#include "util/plural.h"

static const char soa_from[] = "SOA query to";

const char *ask_transfer_name(const struct attempt *attempt)
{
	return attempt->ixfr ? "IXFR from" : "AXFR from";
}

/* Others are spared what this one found out, for a moment. */
static void peer_is_down(struct peer *peer, enum lane_kind kind, const char *reason)
{
	peer->down_until_ms[kind] = clock_boot_ms() + PEER_DOWN_MS;
	if (kind == LANE_TRANSFER)
		snprintf(peer->down_reason, sizeof(peer->down_reason), "%s", reason);
}

static bool peer_is_avoided(const struct refresh_zone *rz, enum lane_kind kind)
{
	return !rz->job.urgent && clock_boot_ms() < rz->peer->down_until_ms[kind];
}

static void got_serial(struct refresh_zone *rz, const struct soa_answer *answer)
{
	const struct machine *machine = &rz->machine;
	struct machine_event event = {.type = MACHINE_EVENT_SERIAL, .serial = answer->serial};

	report_answer(rz, answer->serial, answer->expire_s);
	if (answer->serial != machine->serial &&
	    !message_serial_newer(answer->serial, machine->serial))
		log_warning("zone %s: %s has serial %u, which is older than serial %u here%s",
			    rz->zone->name, rz->peer->text, answer->serial, machine->serial,
			    machine_is_expired(machine, clock_boot_ms()) ? ", but that has expired"
									 : "");
	round_step(rz, &event);
}

/* ---- SOA over UDP ---- */

static void on_query_done(void *ctx, enum query_outcome outcome, const struct soa_answer *answer,
			  const char *reason)
{
	static const struct machine_event unanswered = {.type = MACHINE_EVENT_UNANSWERED};
	struct refresh_zone *rz = ctx;

	rz->attempt->query = NULL;
	switch (outcome) {
	case QUERY_SERIAL:
		got_serial(rz, answer);
		break;
	case QUERY_UNANSWERED:
		log_debug("zone %s: %s %s: %s; asking over TCP", rz->zone->name, soa_from,
			  rz->peer->text, reason);
		peer_is_down(rz->peer, LANE_QUERY, reason);
		round_step(rz, &unanswered);
		break;
	case QUERY_REFUSED:
		round_fail(rz, MACHINE_EVENT_FAILED, soa_from, reason);
		break;
	}
}

static void ask_tcp(struct refresh_zone *rz);

static void ask_udp(struct refresh_zone *rz)
{
	static const struct machine_event unanswered = {.type = MACHINE_EVENT_UNANSWERED};
	char reason[REFRESH_REASON_MAX];
	int err;

	/* With TLS there is no UDP; and Knot DNS refuses to tell of catalog zones over UDP. */
	if (peer_tls_id(rz->peer) || rz->zone->conf->catalog_role == CONFIG_CATALOG_INTERPRET) {
		ask_tcp(rz);
		return;
	}
	if (peer_is_avoided(rz, LANE_QUERY)) {
		round_step(rz, &unanswered);
		return;
	}
	err = query_start(rz->refresh->loop,
			  &(struct query_request){
				  .to = (const struct sockaddr *)&rz->peer->address,
				  .from = peer_source(rz->peer),
				  .apex = rz->zone->apex,
				  .key = peer_key(rz->peer),
				  .timeout_ms = rz->refresh->remote_timeout_ms,
				  .done = on_query_done,
				  .ctx = rz,
			  },
			  reason, &rz->attempt->query);
	if (err < 0)
		round_fail(rz, MACHINE_EVENT_FAILED, soa_from, reason);
}

/* ---- TCP and TLS, for both ---- */

static void tcp_failed(struct refresh_zone *rz, const char *what, const struct tcp_end *end,
		       const char *reason)
{
	if (!end->connected)
		peer_is_down(rz->peer, LANE_TRANSFER, end->reason);
	round_fail(rz, end->connected ? MACHINE_EVENT_FAILED : MACHINE_EVENT_UNREACHABLE, what,
		   reason);
}

/* Starts the exchange, or fails the attempt. */
static void tcp_ask(struct refresh_zone *rz, const char *what, struct tcp_request *request)
{
	char reason[REFRESH_REASON_MAX];
	int err;

	if (peer_is_avoided(rz, LANE_TRANSFER)) {
		rz->attempt->hearsay = true;
		snprintf(reason, sizeof(reason), "%s, a moment ago", rz->peer->down_reason);
		round_fail(rz, MACHINE_EVENT_UNREACHABLE, what, reason);
		return;
	}
	request->to = (const struct sockaddr *)&rz->peer->address;
	request->from = peer_source(rz->peer);
	request->idle_ms = rz->refresh->remote_timeout_ms;
	request->ctx = rz;
	if (peer_tls_id(rz->peer)) {
		request->tls = peer_tls_context(rz->peer, reason);
		if (!request->tls) {
			round_fail(rz, MACHINE_EVENT_UNREACHABLE, what, reason);
			return;
		}
	}
	err = tcp_start(rz->refresh->loop, request, &rz->attempt->tcp);
	if (err < 0) {
		peer_is_down(rz->peer, LANE_TRANSFER, uv_strerror(err));
		round_fail(rz, MACHINE_EVENT_UNREACHABLE, what, uv_strerror(err));
	}
}

static const char *transport(const struct refresh_zone *rz)
{
	return peer_tls_id(rz->peer) ? "TLS" : "TCP";
}

/* ---- SOA over TCP ---- */

static bool on_soa_message(void *ctx, uint8_t *msg, size_t len)
{
	struct refresh_zone *rz = ctx;
	struct attempt *attempt = rz->attempt;

	attempt->failed = soa_query_reply(&attempt->soa, msg, len, &attempt->answer,
					  attempt->reason) != MESSAGE_GOOD;
	return true;
}

static void on_soa_done(void *ctx, const struct tcp_end *end)
{
	struct refresh_zone *rz = ctx;
	struct attempt *attempt = rz->attempt;
	char reason[REFRESH_REASON_MAX];

	attempt->tcp = NULL;
	if (end->reason) {
		snprintf(reason, sizeof(reason), "%s (%s)", end->reason, transport(rz));
		tcp_failed(rz, soa_from, end, reason);
	} else if (attempt->failed && attempt->soa.wants_plain && !attempt->plain) {
		attempt->plain = true;
		ask_tcp(rz);
	} else if (attempt->failed) {
		snprintf(reason, sizeof(reason), "%.500s (%s)", attempt->reason, transport(rz));
		round_fail(rz, MACHINE_EVENT_FAILED, soa_from, reason);
	} else {
		got_serial(rz, &attempt->answer);
	}
}

static void ask_tcp(struct refresh_zone *rz)
{
	struct attempt *attempt = rz->attempt;
	uint8_t query[SOA_QUERY_MAX];
	int len;

	if (attempt->soa_made)
		soa_query_free(&attempt->soa);
	attempt->soa_made = false;
	len = soa_query_make(&attempt->soa, rz->zone->apex, peer_key(rz->peer), attempt->plain,
			     query, sizeof(query));
	if (len < 0) {
		round_fail(rz, MACHINE_EVENT_FAILED, soa_from, strerror(-len));
		return;
	}
	attempt->soa_made = true;
	tcp_ask(rz, soa_from,
		&(struct tcp_request){
			.query = query,
			.query_len = (size_t)len,
			.total_ms = 2 * rz->refresh->remote_timeout_ms,
			.message = on_soa_message,
			.done = on_soa_done,
		});
}

/* ---- transfers ---- */

static void ask_transfer(struct refresh_zone *rz);

static bool on_xfr_message(void *ctx, uint8_t *msg, size_t len)
{
	struct refresh_zone *rz = ctx;

	return xfr_message(rz->attempt->xfr, msg, len) != XFR_MORE;
}

static void connection_failed(struct refresh_zone *rz, const struct tcp_end *end)
{
	unsigned long long messages = xfr_messages(rz->attempt->xfr);
	unsigned long long records = xfr_records(rz->attempt->xfr);
	char reason[REFRESH_REASON_MAX];
	int len;

	len = snprintf(reason, sizeof(reason), "%.256s%s", end->reason,
		       !end->closed   ? ""
		       : messages > 0 ? " before the final SOA"
				      : " without an answer");
	if (messages > 0)
		snprintf(reason + len, sizeof(reason) - (size_t)len,
			 ", after %llu message%s and %llu record%s", messages, plural(messages),
			 records, plural(records));
	tcp_failed(rz, ask_transfer_name(rz->attempt), end, reason);
}

/* The reply is whole and good: its numbers stay for the report. */
static void take_transfer(struct refresh_zone *rz)
{
	struct attempt *attempt = rz->attempt;
	struct xfr *xfr = attempt->xfr;

	attempt->outcome = xfr_outcome(xfr);
	attempt->bytes = xfr_bytes(xfr);
	attempt->messages = xfr_messages(xfr);
	attempt->records = xfr_records(xfr);
	attempt->serial = xfr_serial(xfr);
	if (xfr_expire_s(xfr) >= 0)
		attempt->expire_s = xfr_expire_s(xfr);
	if (attempt->outcome == XFR_CONTENT)
		attempt->content = xfr_take_content(xfr);
	else if (attempt->outcome == XFR_DIFF)
		attempt->diff = xfr_take_diff(xfr);
	if (attempt->diff)
		attempt->differences = diff_count(attempt->diff);
	xfr_free(xfr);
	attempt->xfr = NULL;
}

static void on_xfr_done(void *ctx, const struct tcp_end *end)
{
	struct refresh_zone *rz = ctx;
	struct attempt *attempt = rz->attempt;
	const struct machine *machine = &rz->machine;
	struct machine_event event = {.type = MACHINE_EVENT_TRANSFERRED};

	attempt->tcp = NULL;
	attempt->duration_ms = uv_now(rz->refresh->loop) - attempt->started_ms;
	if (end->reason) {
		connection_failed(rz, end);
		return;
	}
	if (xfr_reason(attempt->xfr)[0]) {
		if (!attempt->plain && xfr_wants_plain(attempt->xfr)) {
			attempt->plain = true;
			ask_transfer(rz);
			return;
		}
		snprintf(attempt->reason, sizeof(attempt->reason), "%s", xfr_reason(attempt->xfr));
		round_fail(rz, MACHINE_EVENT_FAILED, ask_transfer_name(attempt), attempt->reason);
		return;
	}
	take_transfer(rz);
	report_answer(rz, attempt->serial, attempt->expire_s);
	event.serial = attempt->serial;
	event.whole = attempt->outcome == XFR_CONTENT;
	if (attempt->outcome == XFR_CURRENT)
		event.type = MACHINE_EVENT_CURRENT;
	if (machine->has_content && !message_serial_newer(event.serial, machine->serial))
		log_warning("zone %s: %s %s brought serial %u, which is not newer than serial %u "
			    "here%s",
			    rz->zone->name, ask_transfer_name(attempt), rz->peer->text,
			    event.serial, machine->serial,
			    machine->round.force ? ", as asked for" : "");
	round_step(rz, &event);
}

/* EXPIRE as the target has just told with its SOA: BIND does so there only. -1: nothing was asked.
 */
static int64_t soa_expire_s(const struct refresh_zone *rz)
{
	const struct machine *machine = &rz->machine;

	if (rz->peer_target < 0 || !machine->has_content || machine->round.force)
		return -1;
	return rz->target[rz->peer_target].expire_s;
}

static void ask_transfer(struct refresh_zone *rz)
{
	struct attempt *attempt = rz->attempt;
	const struct config_zone *conf = rz->zone->conf;
	uint8_t query[XFR_QUERY_MAX];
	int len;

	attempt->ixfr = rz->machine.ixfr;
	attempt->had_content = rz->machine.has_content;
	attempt->old_serial = rz->machine.serial;
	attempt->expire_s = soa_expire_s(rz);
	xfr_free(attempt->xfr);
	attempt->xfr = xfr_new(&(struct xfr_request){
		.apex = rz->zone->apex,
		.ixfr = attempt->ixfr,
		.serial = rz->machine.serial,
		.plain = attempt->plain,
		.max_bytes = conf->max_size,
		.max_records = conf->max_records,
		.key = peer_key(rz->peer),
	});
	len = attempt->xfr ? xfr_query(attempt->xfr, query, sizeof(query)) : -ENOMEM;
	if (len < 0) {
		round_fail(rz, MACHINE_EVENT_UNREACHABLE, ask_transfer_name(attempt),
			   strerror(-len));
		return;
	}
	tcp_ask(rz, ask_transfer_name(attempt),
		&(struct tcp_request){
			.query = query,
			.query_len = (size_t)len,
			.total_ms = rz->refresh->transfer_timeout_ms,
			.message = on_xfr_message,
			.done = on_xfr_done,
		});
}

/* ---- */

void ask_start(struct refresh_zone *rz)
{
	static const struct machine_event store_failed = {.type = MACHINE_EVENT_STORE_FAILED};
	struct peer *peer = peer_ref(peer_of_lanes(rz->job.peer));

	peer_unref(rz->peer);
	rz->peer = peer;
	rz->peer_target = targets_find(rz->target, rz->machine.conf.n_targets, peer);
	if (rz->peer_target >= 0)
		rz->target[rz->peer_target].asked_at = clock_real_s();
	machine_started(&rz->machine);
	assert(!rz->attempt);
	rz->attempt = calloc(1, sizeof(*rz->attempt));
	if (!rz->attempt) {
		/* Asking another primary would not help; try again when the retry timer says so. */
		log_error("zone %s: out of memory, nothing asked of %s", rz->zone->name,
			  rz->peer->text);
		round_step(rz, &store_failed);
		return;
	}
	rz->attempt->started_ms = uv_now(rz->refresh->loop);
	switch (rz->machine.state) {
	case MACHINE_SOA_UDP:
		ask_udp(rz);
		break;
	case MACHINE_SOA_TCP:
		ask_tcp(rz);
		break;
	case MACHINE_TRANSFERRING:
		ask_transfer(rz);
		break;
	default:
		assert(false);
	}
}
