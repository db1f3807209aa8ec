/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>

#include "refresh/lanes.h"

static const struct lane_limits defaults[LANE_KINDS] = {
	[LANE_QUERY] = {LANE_QUERY_MAX, LANE_QUERY_MAX_PEER},
	[LANE_TRANSFER] = {LANE_TRANSFER_MAX, LANE_TRANSFER_MAX_PEER},
};

void lanes_set_limits(struct lanes *lanes, const struct lane_limits *limits)
{
	for (int kind = 0; kind < LANE_KINDS; kind++) {
		struct lane_limits *limit = &lanes->limits[kind];

		*limit = limits[kind];
		if (limit->in_all == 0)
			limit->in_all = defaults[kind].in_all;
		if (limit->of_peer == 0)
			limit->of_peer = defaults[kind].of_peer;
	}
}

void lanes_init(struct lanes *lanes, const struct lane_limits *limits)
{
	*lanes = (struct lanes){0};
	lanes_set_limits(lanes, limits);
}

/* A fifth of the places, but one at least where there are two, is for the urgent ones. */
static unsigned places(unsigned limit, bool urgent)
{
	if (urgent || limit < 2)
		return limit;
	return limit - (limit < 5 ? 1 : limit / 5);
}

/* ---- rows: the primaries that could begin a job, each in turn ---- */

static void row_append(struct lane_row *row, struct lane_peer *peer, enum lane_kind kind,
		       bool urgent)
{
	struct lane_turn *turn = &peer->lane[kind].turn[urgent];

	*turn = (struct lane_turn){.prev = row->last, .in = true};
	if (row->last)
		row->last->lane[kind].turn[urgent].next = peer;
	else
		row->first = peer;
	row->last = peer;
}

static void row_remove(struct lane_row *row, struct lane_peer *peer, enum lane_kind kind,
		       bool urgent)
{
	struct lane_turn *turn = &peer->lane[kind].turn[urgent];

	if (turn->prev)
		turn->prev->lane[kind].turn[urgent].next = turn->next;
	else
		row->first = turn->next;
	if (turn->next)
		turn->next->lane[kind].turn[urgent].prev = turn->prev;
	else
		row->last = turn->prev;
	*turn = (struct lane_turn){0};
}

static void settle(struct lanes *lanes, struct lane_peer *peer, enum lane_kind kind)
{
	struct peer_lane *lane = &peer->lane[kind];

	for (int urgent = 0; urgent < 2; urgent++) {
		bool could = lane->waiting[urgent].first &&
			     lane->running < places(lanes->limits[kind].of_peer, urgent);

		if (could && !lane->turn[urgent].in)
			row_append(&lanes->row[kind][urgent], peer, kind, urgent);
		else if (!could && lane->turn[urgent].in)
			row_remove(&lanes->row[kind][urgent], peer, kind, urgent);
	}
}

void lanes_settle(struct lanes *lanes, struct lane_peer *peer)
{
	for (int kind = 0; kind < LANE_KINDS; kind++)
		settle(lanes, peer, kind);
}

/* ---- jobs ---- */

void lanes_enqueue(struct lanes *lanes, struct job *job, struct lane_peer *peer,
		   enum lane_kind kind, bool urgent)
{
	struct job_list *list = &peer->lane[kind].waiting[urgent];

	assert(job->state == JOB_OUT);
	*job = (struct job){.peer = peer, .state = JOB_WAITING, .kind = kind, .urgent = urgent};
	job->prev = list->last;
	if (list->last)
		list->last->next = job;
	else
		list->first = job;
	list->last = job;
	settle(lanes, peer, kind);
}

static void unlink_waiting(struct job *job)
{
	struct job_list *list = &job->peer->lane[job->kind].waiting[job->urgent];

	if (job->prev)
		job->prev->next = job->next;
	else
		list->first = job->next;
	if (job->next)
		job->next->prev = job->prev;
	else
		list->last = job->prev;
	job->next = NULL;
	job->prev = NULL;
}

struct job *lanes_take(struct lanes *lanes, enum lane_kind kind, bool urgent_only)
{
	for (int urgent = 1; urgent >= (urgent_only ? 1 : 0); urgent--) {
		struct lane_row *row = &lanes->row[kind][urgent];
		struct lane_peer *peer = row->first;
		struct job *job;

		if (!peer || lanes->running[kind] >= places(lanes->limits[kind].in_all, urgent))
			continue;
		job = peer->lane[kind].waiting[urgent].first;
		unlink_waiting(job);
		job->state = JOB_RUNNING;
		peer->lane[kind].running++;
		lanes->running[kind]++;
		row_remove(row, peer, kind, urgent); /* and to its end */
		settle(lanes, peer, kind);
		return job;
	}
	return NULL;
}

void lanes_leave(struct lanes *lanes, struct job *job)
{
	enum job_state state = job->state;

	job->state = JOB_OUT;
	if (state == JOB_OUT)
		return;
	if (state == JOB_WAITING) {
		unlink_waiting(job);
	} else {
		job->peer->lane[job->kind].running--;
		lanes->running[job->kind]--;
	}
	settle(lanes, job->peer, job->kind);
}
