/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refresh/internal.h"
#include "transfer/soa.h"
#include "util/log.h"

static const char soa_from[] = "SOA query to", axfr_from[] = "AXFR from";

/* Others are spared what this one found out, for a moment. */
static void peer_is_down(struct peer *peer, enum lane_kind kind, const char *reason)
{
	peer->lane[kind].down_until_ms = clock_boot_ms() + PEER_DOWN_MS;
	if (kind == LANE_TRANSFER)
		snprintf(peer->down_reason, sizeof(peer->down_reason), "%s", reason);
}

static bool peer_is_avoided(const struct refresh_zone *rz, enum lane_kind kind)
{
	return !rz->job.urgent && clock_boot_ms() < rz->peer->lane[kind].down_until_ms;
}

static void got_serial(struct refresh_zone *rz, uint32_t serial)
{
	const struct machine *machine = &rz->machine;
	struct machine_event event = {.type = MACHINE_EVENT_SERIAL, .serial = serial};

	if (serial != machine->serial && !message_serial_newer(serial, machine->serial))
		log_warning("zone %s: %s has serial %u, which is older than serial %u here%s",
			    rz->zone->name, rz->peer->text, serial, machine->serial,
			    machine_is_expired(machine, clock_boot_ms()) ? ", but that has expired"
									 : "");
	round_step(rz, &event);
}

/* ---- SOA over UDP ---- */

static void on_query_done(void *ctx, enum query_outcome outcome, uint32_t serial,
			  const char *reason)
{
	static const struct machine_event unanswered = {.type = MACHINE_EVENT_UNANSWERED};
	struct refresh_zone *rz = ctx;

	rz->attempt->query = NULL;
	switch (outcome) {
	case QUERY_SERIAL:
		got_serial(rz, serial);
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

static void ask_udp(struct refresh_zone *rz)
{
	static const struct machine_event unanswered = {.type = MACHINE_EVENT_UNANSWERED};
	const struct refresh *refresh = rz->refresh;
	int err;

	if (peer_is_avoided(rz, LANE_QUERY)) {
		round_step(rz, &unanswered);
		return;
	}
	err = query_start(refresh->loop, rz->peer->address, rz->zone->apex,
			  refresh->config->remote_timeout_ms, on_query_done, rz,
			  &rz->attempt->query);
	if (err < 0)
		round_fail(rz, MACHINE_EVENT_FAILED, soa_from, uv_strerror(err));
}

/* ---- TCP, for both ---- */

static void tcp_failed(struct refresh_zone *rz, const char *what, const struct tcp_end *end,
		       const char *reason)
{
	if (!end->connected)
		peer_is_down(rz->peer, LANE_TRANSFER, end->reason);
	round_fail(rz, MACHINE_EVENT_FAILED, what, reason);
}

/* Starts the exchange, or fails the attempt. */
static void tcp_ask(struct refresh_zone *rz, const char *what, const struct tcp_request *request)
{
	char reason[160];
	int err;

	if (peer_is_avoided(rz, LANE_TRANSFER)) {
		rz->attempt->hearsay = true;
		snprintf(reason, sizeof(reason), "%s, a moment ago", rz->peer->down_reason);
		round_fail(rz, MACHINE_EVENT_FAILED, what, reason);
		return;
	}
	err = tcp_start(rz->refresh->loop, request, &rz->attempt->tcp);
	if (err < 0) {
		peer_is_down(rz->peer, LANE_TRANSFER, uv_strerror(err));
		round_fail(rz, MACHINE_EVENT_FAILED, what, uv_strerror(err));
	}
}

/* ---- SOA over TCP ---- */

static bool on_soa_message(void *ctx, uint8_t *msg, size_t len)
{
	struct refresh_zone *rz = ctx;
	struct attempt *attempt = rz->attempt;

	attempt->failed = soa_reply(msg, len, &attempt->question, &attempt->serial,
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
		snprintf(reason, sizeof(reason), "%s (TCP)", end->reason);
		tcp_failed(rz, soa_from, end, reason);
	} else if (attempt->failed) {
		snprintf(reason, sizeof(reason), "%s (TCP)", attempt->reason);
		round_fail(rz, MACHINE_EVENT_FAILED, soa_from, reason);
	} else {
		got_serial(rz, attempt->serial);
	}
}

static void ask_tcp(struct refresh_zone *rz)
{
	const struct config *config = rz->refresh->config;
	struct attempt *attempt = rz->attempt;
	uint8_t query[MESSAGE_QUERY_MAX];
	int len;

	attempt->question = soa_question(rz->zone->apex);
	len = message_query(&attempt->question, query, sizeof(query));
	assert(len > 0);
	tcp_ask(rz, soa_from,
		&(struct tcp_request){
			.to = rz->peer->address,
			.query = query,
			.query_len = (size_t)len,
			.idle_ms = config->remote_timeout_ms,
			.total_ms = 2 * config->remote_timeout_ms,
			.message = on_soa_message,
			.done = on_soa_done,
			.ctx = rz,
		});
}

/* ---- AXFR ---- */

static bool on_axfr_message(void *ctx, uint8_t *msg, size_t len)
{
	struct refresh_zone *rz = ctx;

	return axfr_message(rz->attempt->axfr, msg, len) != AXFR_MORE;
}

static void on_axfr_done(void *ctx, const struct tcp_end *end)
{
	struct refresh_zone *rz = ctx;
	struct attempt *attempt = rz->attempt;
	struct axfr *axfr = attempt->axfr;
	struct machine_event event = {.type = MACHINE_EVENT_TRANSFERRED};
	char reason[REFRESH_REASON_MAX];

	attempt->tcp = NULL;
	attempt->duration_ms = uv_now(rz->refresh->loop) - attempt->started_ms;
	if (end->reason) {
		snprintf(reason, sizeof(reason), "%s%s", end->reason,
			 !end->closed		   ? ""
			 : axfr_messages(axfr) > 0 ? " before the final SOA"
						   : " without an answer");
		if (axfr_messages(axfr) > 0)
			snprintf(reason + strlen(reason), sizeof(reason) - strlen(reason),
				 ", after %llu messages and %llu records",
				 (unsigned long long)axfr_messages(axfr),
				 (unsigned long long)axfr_records(axfr));
		tcp_failed(rz, axfr_from, end, reason);
		return;
	}
	if (axfr_reason(axfr)[0]) {
		round_fail(rz, MACHINE_EVENT_FAILED, axfr_from, axfr_reason(axfr));
		return;
	}
	event.serial = axfr_serial(axfr);
	if (rz->machine.has_content && !message_serial_newer(event.serial, rz->machine.serial))
		log_warning(
			"zone %s: %s %s brought serial %u, which is not newer than serial %u here%s",
			rz->zone->name, axfr_from, rz->peer->text, event.serial, rz->machine.serial,
			rz->machine.round.force ? ", as asked for" : "");
	round_step(rz, &event);
}

static void ask_axfr(struct refresh_zone *rz)
{
	const struct config *config = rz->refresh->config;
	struct attempt *attempt = rz->attempt;
	uint8_t query[MESSAGE_QUERY_MAX];
	int len;

	attempt->axfr = axfr_new(rz->zone->apex, rz->zone->conf->max_size);
	if (!attempt->axfr) {
		round_fail(rz, MACHINE_EVENT_FAILED, axfr_from, "out of memory");
		return;
	}
	attempt->started_ms = uv_now(rz->refresh->loop);
	attempt->had_content = rz->machine.has_content;
	attempt->old_serial = rz->machine.serial;
	len = axfr_query(attempt->axfr, query, sizeof(query));
	assert(len > 0);
	tcp_ask(rz, axfr_from,
		&(struct tcp_request){
			.to = rz->peer->address,
			.query = query,
			.query_len = (size_t)len,
			.idle_ms = config->remote_timeout_ms,
			.total_ms = config->transfer_timeout_ms,
			.message = on_axfr_message,
			.done = on_axfr_done,
			.ctx = rz,
		});
}

void ask_start(struct refresh_zone *rz)
{
	static const struct machine_event store_failed = {.type = MACHINE_EVENT_STORE_FAILED};

	rz->peer = rz->job.peer;
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
	switch (rz->machine.state) {
	case MACHINE_SOA_UDP:
		ask_udp(rz);
		break;
	case MACHINE_SOA_TCP:
		ask_tcp(rz);
		break;
	case MACHINE_TRANSFERRING:
		ask_axfr(rz);
		break;
	default:
		assert(false);
	}
}
