/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refresh/internal.h"
#include "util/log.h"

/* Longest sleep of the loop timer: it stands still while the machine is suspended, CLOCK_BOOTTIME
 * does not. */
#define TIMER_MAX_MS 60000

static void act(struct refresh_zone *rz, const struct machine_action *action);

void round_drop_attempt(struct refresh_zone *rz)
{
	struct attempt *attempt = rz->attempt;

	if (!attempt)
		return;
	query_cancel(attempt->query);
	tcp_cancel(attempt->tcp);
	axfr_free(attempt->axfr);
	free(attempt);
	rz->attempt = NULL;
}

void round_step(struct refresh_zone *rz, const struct machine_event *event)
{
	struct machine_action action =
		machine_step(&rz->machine, clock_boot_ms(), message_random(), event);

	act(rz, &action);
}

void round_fail(struct refresh_zone *rz, enum machine_event_type type, const char *what,
		const char *reason)
{
	struct machine_event event = {.type = type};
	struct machine_action action =
		machine_step(&rz->machine, clock_boot_ms(), message_random(), &event);

	report_failure(rz, what, reason, &action);
	act(rz, &action);
}

/* ---- commit ---- */

static void fill_event(struct machine_event *event, const struct apply_result *result)
{
	event->has_content = true;
	event->serial = result->stored.serial;
	event->refresh_s = result->stored.refresh_s;
	event->retry_s = result->stored.retry_s;
	event->expires_ms = result->times.expires_at_ms;
	event->stale_ms = result->times.stale_at_ms;
}

static void on_applied(struct zone *zone, const struct apply_result *result, void *ctx)
{
	struct refresh_zone *rz = zone->refresh;
	struct refresh *refresh = rz->refresh;
	struct machine_event event = {.type = MACHINE_EVENT_APPLIED};

	(void)ctx;
	refresh->applying--;
	refresh->applying_bytes -= axfr_bytes(rz->attempt->axfr);
	if (result->error) {
		/* -EINVAL: the zone is at fault, so another primary may have a better one. */
		round_fail(rz,
			   result->error == -EINVAL ? MACHINE_EVENT_BAD_CONTENT
						    : MACHINE_EVENT_STORE_FAILED,
			   "AXFR from", result->reason);
		return;
	}
	rz->stored = result->stored;
	report_transfer(rz, result);
	report_success(rz);
	fill_event(&event, result);
	round_step(rz, &event);
}

static void apply(struct refresh_zone *rz)
{
	struct refresh *refresh = rz->refresh;
	struct attempt *attempt = rz->attempt;
	struct apply_transfer transfer = {
		.bytes = axfr_bytes(attempt->axfr),
		.records = axfr_records(attempt->axfr),
		.duration_ms = (uint32_t)attempt->duration_ms,
		.expire_s = -1,
	};
	int err;

	snprintf(transfer.primary, sizeof(transfer.primary), "%s", rz->peer->text);
	refresh->applying++;
	refresh->applying_bytes += transfer.bytes;
	err = apply_content(refresh->apply, rz->zone, axfr_take_content(attempt->axfr), &transfer,
			    on_applied, NULL);
	if (err < 0) {
		refresh->applying--;
		refresh->applying_bytes -= transfer.bytes;
		round_fail(rz, MACHINE_EVENT_STORE_FAILED, "AXFR from", strerror(-err));
	}
}

static void on_confirmed(struct zone *zone, const struct apply_result *result, void *ctx)
{
	struct refresh_zone *rz = zone->refresh;
	struct machine_event event = {.type = MACHINE_EVENT_CONFIRMED};

	(void)ctx;
	if (result->error) {
		round_fail(rz, MACHINE_EVENT_STORE_FAILED, "serial confirmed by", result->reason);
		return;
	}
	rz->stored = result->stored;
	if (rz->last_error || rz->machine.expiry_told)
		log_info("zone %s: serial %u is confirmed by %s", rz->zone->name,
			 rz->machine.serial, rz->peer->text);
	else
		log_debug("zone %s: serial %u is confirmed by %s", rz->zone->name,
			  rz->machine.serial, rz->peer->text);
	report_success(rz);
	fill_event(&event, result);
	round_step(rz, &event);
}

static void confirm(struct refresh_zone *rz, const struct machine_action *action)
{
	int err;

	rz->peer = refresh_target(rz, action->target);
	err = apply_confirm(rz->refresh->apply, rz->zone, -1, on_confirmed, NULL);
	if (err < 0)
		round_fail(rz, MACHINE_EVENT_STORE_FAILED, "serial confirmed by", strerror(-err));
}

/* The interface learns it from the maps. */
static void become_stale(struct refresh_zone *rz)
{
	int err;

	report_stale(rz);
	err = apply_stale(rz->refresh->apply, rz->zone);
	if (err < 0)
		log_error("zone %s: cannot mark it as stale in the maps: %s", rz->zone->name,
			  strerror(-err));
}

/* ---- waiting and beginning ---- */

static void enqueue(struct refresh_zone *rz, const struct machine_action *action)
{
	struct refresh *refresh = rz->refresh;
	/* TCP SOA queries too take a query's place: a primary that drops UDP must not take the
	 * transfers' places. */
	enum lane_kind kind = action->type == MACHINE_TRANSFER ? LANE_TRANSFER : LANE_QUERY;

	lanes_enqueue(&refresh->lanes, &rz->job, refresh_target(rz, action->target), kind,
		      action->urgent);
	round_pump(refresh);
}

static bool may_begin(const struct refresh *refresh, enum lane_kind kind)
{
	return kind != LANE_TRANSFER || (refresh->applying < REFRESH_APPLYING_MAX &&
					 refresh->applying_bytes < REFRESH_APPLYING_BYTES_MAX);
}

void round_pump(struct refresh *refresh)
{
	struct job *job;

	/* What fails at once comes back to here; the outer loop goes on with it. */
	if (refresh->pumping)
		return;
	refresh->pumping = true;
	do {
		job = NULL;
		for (int kind = 0; kind < LANE_KINDS; kind++) {
			struct job *next =
				may_begin(refresh, kind) ? lanes_take(&refresh->lanes, kind) : NULL;

			if (!next)
				continue;
			job = next;
			ask_start((struct refresh_zone *)((char *)job -
							  offsetof(struct refresh_zone, job)));
		}
	} while (job);
	refresh->pumping = false;
}

static void on_timer(uv_timer_t *timer)
{
	static const struct machine_event event = {.type = MACHINE_EVENT_TIMER};
	struct refresh *refresh = timer->data;
	int64_t now_ms = clock_boot_ms();
	struct heap_node *node;

	while ((node = heap_first(&refresh->heap)) && node->due_ms <= now_ms)
		round_step((struct refresh_zone *)node, &event);
	round_arm(refresh);
}

void round_arm(struct refresh *refresh)
{
	struct heap_node *node = heap_first(&refresh->heap);
	int64_t wait_ms = TIMER_MAX_MS;

	if (refresh->stopped)
		return;
	if (node && node->due_ms - clock_boot_ms() < wait_ms)
		wait_ms = node->due_ms - clock_boot_ms();
	uv_update_time(refresh->loop);
	uv_timer_start(&refresh->timer, on_timer, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

static void set_timer(struct refresh_zone *rz)
{
	struct refresh *refresh = rz->refresh;
	struct heap_node *first = heap_first(&refresh->heap);

	heap_set(&refresh->heap, &rz->timer, machine_timer_ms(&rz->machine));
	if (heap_first(&refresh->heap) != first || first == &rz->timer)
		round_arm(refresh);
}

static void act(struct refresh_zone *rz, const struct machine_action *action)
{
	struct refresh *refresh = rz->refresh;

	if (action->stale)
		become_stale(rz);
	if (action->expired)
		report_expired(rz);
	set_timer(rz);
	if (action->type == MACHINE_STAY)
		return;
	lanes_leave(&refresh->lanes, &rz->job);
	if (action->type !=
	    MACHINE_APPLY) /* what has failed may be large: not kept while waiting for a place */
		round_drop_attempt(rz);
	switch (action->type) {
	case MACHINE_STAY:
	case MACHINE_WAIT:
		break;
	case MACHINE_ASK_UDP:
	case MACHINE_ASK_TCP:
	case MACHINE_TRANSFER:
		enqueue(rz, action);
		return;
	case MACHINE_APPLY:
		apply(rz);
		break;
	case MACHINE_CONFIRM:
		confirm(rz, action);
		break;
	}
	round_pump(refresh); /* a place has become free */
}
