/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "refresh/lanes.h"

static const unsigned max_in_all[LANE_KINDS] = {LANE_QUERY_MAX, LANE_TRANSFER_MAX};
static const unsigned max_of_peer[LANE_KINDS] = {LANE_QUERY_MAX_PEER, LANE_TRANSFER_MAX_PEER};

int lanes_init(struct lanes *lanes, size_t n_peers)
{
	*lanes = (struct lanes){.n_peers = n_peers};
	lanes->peer = calloc(n_peers ? n_peers : 1, sizeof(struct peer));
	return lanes->peer ? 0 : -ENOMEM;
}

void lanes_free(struct lanes *lanes)
{
	free(lanes->peer);
	*lanes = (struct lanes){0};
}

static struct job_list *list_of(const struct job *job)
{
	return &job->peer->lane[job->kind].waiting[job->urgent];
}

void lanes_enqueue(struct lanes *lanes, struct job *job, struct peer *peer, enum lane_kind kind,
		   bool urgent)
{
	struct job_list *list;

	assert(job->state == JOB_OUT);
	*job = (struct job){.peer = peer, .state = JOB_WAITING, .kind = kind, .urgent = urgent};
	list = list_of(job);
	job->prev = list->last;
	if (list->last)
		list->last->next = job;
	else
		list->first = job;
	list->last = job;
	lanes->waiting[kind][urgent]++;
}

static void unlink_waiting(struct lanes *lanes, struct job *job)
{
	struct job_list *list = list_of(job);

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
	lanes->waiting[job->kind][job->urgent]--;
}

static struct job *take_from_lanes(struct lanes *lanes, enum lane_kind kind, bool urgent)
{
	for (size_t i = 0; i < lanes->n_peers; i++) {
		size_t at = (lanes->turn[kind] + i) % lanes->n_peers;
		struct peer *peer = &lanes->peer[at];
		struct job *job = peer->lane[kind].waiting[urgent].first;

		if (!job || peer->lane[kind].running >= max_of_peer[kind])
			continue;
		lanes->turn[kind] = at + 1;
		return job;
	}
	return NULL;
}

struct job *lanes_take(struct lanes *lanes, enum lane_kind kind)
{
	struct job *job = NULL;

	if (lanes->running[kind] >= max_in_all[kind])
		return NULL;
	if (lanes->waiting[kind][true] > 0)
		job = take_from_lanes(lanes, kind, true);
	if (!job && lanes->waiting[kind][false] > 0)
		job = take_from_lanes(lanes, kind, false);
	if (!job)
		return NULL;
	unlink_waiting(lanes, job);
	job->state = JOB_RUNNING;
	job->peer->lane[kind].running++;
	lanes->running[kind]++;
	return job;
}

void lanes_leave(struct lanes *lanes, struct job *job)
{
	if (job->state == JOB_WAITING) {
		unlink_waiting(lanes, job);
	} else if (job->state == JOB_RUNNING) {
		job->peer->lane[job->kind].running--;
		lanes->running[job->kind]--;
	}
	job->state = JOB_OUT;
}
