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

void round_drop_attempt(struct refresh_zone *rz)
{
	struct attempt *attempt = rz->attempt;

	if (!attempt)
		return;
	query_cancel(attempt->query);
	tcp_cancel(attempt->tcp);
	check_cancel(attempt->check);
	if (attempt->soa_made)
		soa_query_free(&attempt->soa);
	xfr_free(attempt->xfr);
	content_free(attempt->content);
	diff_free(attempt->diff);
	free(attempt);
	rz->attempt = NULL;
}

void round_step(struct refresh_zone *rz, const struct machine_event *event)
{
	struct machine_action action =
		machine_step(&rz->machine, clock_boot_ms(), message_random(), event);

	round_act(rz, &action);
}

void round_fail(struct refresh_zone *rz, enum machine_event_type type, const char *what,
		const char *reason)
{
	struct machine_event event = {.type = type};
	struct machine_action action =
		machine_step(&rz->machine, clock_boot_ms(), message_random(), &event);

	report_failure(rz, what, reason, &action);
	if (action.fallback) {
		free(rz->ixfr_error);
		rz->ixfr_error = strdup(reason);
	}
	round_act(rz, &action);
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

	lanes_enqueue(&refresh->lanes, &rz->job, &rz->target[action->target].peer->lanes, kind,
		      action->urgent);
	round_pump(refresh);
}

/* The last of the room is for what was asked for. */
static bool has_room(const struct refresh *refresh, bool urgent)
{
	unsigned max = REFRESH_APPLYING_MAX - (urgent ? 0 : REFRESH_APPLYING_URGENT);
	uint64_t bytes_max =
		REFRESH_APPLYING_BYTES_MAX - (urgent ? 0 : REFRESH_APPLYING_BYTES_URGENT);

	return refresh->applying < max && refresh->applying_bytes < bytes_max;
}

/* The next job of a kind that may begin now, or NULL. */
static struct job *take(struct refresh *refresh, enum lane_kind kind)
{
	if (kind == LANE_TRANSFER && !has_room(refresh, true))
		return NULL;
	return lanes_take(&refresh->lanes, kind,
			  kind == LANE_TRANSFER && !has_room(refresh, false));
}

void round_pump(struct refresh *refresh)
{
	struct job *job;

	/* What fails at once comes back to here; the outer loop goes on with it. */
	if (refresh->pumping || refresh->stopped)
		return;
	refresh->pumping = true;
	do {
		job = NULL;
		for (int kind = 0; kind < LANE_KINDS; kind++) {
			struct job *next = take(refresh, (enum lane_kind)kind);

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

void round_act(struct refresh_zone *rz, const struct machine_action *action)
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
	if (action->type != MACHINE_APPLY && !action->fallback) {
		free(rz->ixfr_error);
		rz->ixfr_error = NULL;
	}
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
		commit_content(rz);
		break;
	case MACHINE_CONFIRM:
		commit_confirm(rz, action->target);
		break;
	}
	round_pump(refresh); /* a place has become free */
}
