/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refresh/internal.h"
#include "util/log.h"

/* What is waited for: one for each new content and each confirmation. */
static struct commit *commit_new(struct refresh_zone *rz, uint64_t bytes)
{
	struct refresh *refresh = rz->refresh;
	struct commit *commit = calloc(1, sizeof(*commit));

	if (!commit)
		return NULL;
	*commit = (struct commit){.refresh = refresh, .rz = rz, .bytes = bytes};
	commit->next = refresh->commits;
	if (commit->next)
		commit->next->prev = commit;
	refresh->commits = commit;
	refresh->applying += bytes > 0;
	refresh->applying_bytes += bytes;
	rz->commit = commit;
	return commit;
}

static void commit_free(struct commit *commit)
{
	struct refresh *refresh = commit->refresh;

	if (commit->prev)
		commit->prev->next = commit->next;
	else
		refresh->commits = commit->next;
	if (commit->next)
		commit->next->prev = commit->prev;
	refresh->applying -= commit->bytes > 0;
	refresh->applying_bytes -= commit->bytes;
	if (commit->rz)
		commit->rz->commit = NULL;
	free(commit);
}

void commit_forget(struct refresh_zone *rz)
{
	if (!rz->commit)
		return;
	if (rz->commit->with_worker)
		rz->commit->rz = NULL; /* the worker still answers */
	else
		commit_free(rz->commit);
	rz->commit = NULL;
}

void commit_free_all(struct refresh *refresh)
{
	while (refresh->commits)
		commit_free(refresh->commits);
}

/* The zone that the worker's answer is for, or NULL: it is held no more. */
static struct refresh_zone *take_answer(struct commit *commit)
{
	struct refresh *refresh = commit->refresh;
	struct refresh_zone *rz = commit->rz;

	commit_free(commit);
	if (!rz)
		round_pump(refresh); /* there may be room now */
	return rz;
}

static void fill_event(const struct refresh_zone *rz, const struct apply_result *result,
		       struct machine_event *event)
{
	const struct config_zone *conf = rz->zone->conf;

	event->has_content = true;
	event->serial = result->stored.serial;
	event->refresh_s = times_refresh_s(conf, result->stored.refresh_s);
	event->retry_s = times_retry_s(conf, result->stored.retry_s);
	event->expires_ms = result->times.expires_at_ms;
	event->stale_ms = result->times.stale_at_ms;
}

/* ---- new content ---- */

/* -EINVAL: the zone is at fault, so another primary may have a better one; -ESTALE: what changed it
 * does not fit, the whole zone will. */
static enum machine_event_type failure_of(int error)
{
	return error == -EINVAL || error == -ESTALE ? MACHINE_EVENT_BAD_CONTENT
						    : MACHINE_EVENT_STORE_FAILED;
}

static void on_applied(struct zone *zone, const struct apply_result *result, void *ctx)
{
	struct refresh_zone *rz = take_answer(ctx);
	struct machine_event event = {.type = MACHINE_EVENT_APPLIED};

	(void)zone;
	if (!rz)
		return;
	if (result->error) {
		round_fail(rz, failure_of(result->error), ask_transfer_name(rz->attempt),
			   result->reason);
		return;
	}
	rz->stored = result->stored;
	report_transfer(rz, result);
	report_success(rz);
	fill_event(rz, result, &event);
	round_step(rz, &event);
}

static void send_to_worker(struct refresh_zone *rz)
{
	struct attempt *attempt = rz->attempt;
	struct apply *apply = rz->refresh->apply;
	struct content *content = attempt->content;
	struct diff *diff = attempt->diff;
	struct apply_transfer transfer = {
		.bytes = attempt->bytes,
		.records = attempt->records,
		.duration_ms = (uint32_t)attempt->duration_ms,
		.expire_s = attempt->expire_s,
		.ixfr = attempt->outcome == XFR_DIFF,
	};
	int err;

	snprintf(transfer.primary, sizeof(transfer.primary), "%s", rz->peer->text);
	attempt->content = NULL; /* taken, whatever comes of it */
	attempt->diff = NULL;
	rz->commit->with_worker = true;
	err = content ? apply_content(apply, rz->zone, content, &transfer, on_applied, rz->commit)
		      : apply_diff(apply, rz->zone, diff, &transfer, on_applied, rz->commit);
	if (err < 0) {
		commit_free(rz->commit);
		round_fail(rz, MACHINE_EVENT_STORE_FAILED, ask_transfer_name(attempt),
			   strerror(-err));
	}
}

/* ---- the checks that the zone's configuration asks for ---- */

static void on_checked(void *ctx, int error, const char *reason, struct content *content)
{
	struct refresh_zone *rz = ctx;

	rz->attempt->check = NULL;
	if (error < 0) {
		commit_free(rz->commit);
		round_fail(rz, failure_of(error), ask_transfer_name(rz->attempt), reason);
		return;
	}
	rz->attempt->content = content;
	send_to_worker(rz);
}

static void check(struct refresh_zone *rz)
{
	struct refresh *refresh = rz->refresh;
	struct attempt *attempt = rz->attempt;
	struct content *content = attempt->content;
	struct diff *diff = attempt->diff;
	int err;

	attempt->content = NULL;
	attempt->diff = NULL;
	err = check_start(refresh->loop, refresh->store, rz->zone, content, diff, on_checked, rz,
			  &attempt->check);
	if (err < 0) {
		commit_free(rz->commit);
		round_fail(rz, MACHINE_EVENT_STORE_FAILED, ask_transfer_name(attempt),
			   strerror(-err));
	}
}

void commit_content(struct refresh_zone *rz)
{
	if (!commit_new(rz, rz->attempt->bytes)) {
		round_fail(rz, MACHINE_EVENT_STORE_FAILED, ask_transfer_name(rz->attempt),
			   "out of memory");
		return;
	}
	if (check_is_wanted(rz->zone))
		check(rz);
	else
		send_to_worker(rz);
}

/* ---- confirmations ---- */

static const char confirmed_by[] = "serial confirmed by";

static void on_confirmed(struct zone *zone, const struct apply_result *result, void *ctx)
{
	struct refresh_zone *rz = take_answer(ctx);
	struct machine_event event = {.type = MACHINE_EVENT_CONFIRMED};

	(void)zone;
	if (!rz)
		return;
	if (result->error) {
		round_fail(rz, MACHINE_EVENT_STORE_FAILED, confirmed_by, result->reason);
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
	fill_event(rz, result, &event);
	round_step(rz, &event);
}

void commit_confirm(struct refresh_zone *rz, uint16_t target)
{
	struct commit *commit = commit_new(rz, 0);
	int err = -ENOMEM;

	peer_unref(rz->peer);
	rz->peer = peer_ref(rz->target[target].peer);
	rz->peer_target = target;
	if (commit) {
		commit->with_worker = true;
		err = apply_confirm(rz->refresh->apply, rz->zone, rz->target[target].expire_s,
				    on_confirmed, commit);
	}
	if (err < 0) {
		if (commit)
			commit_free(commit);
		round_fail(rz, MACHINE_EVENT_STORE_FAILED, confirmed_by, strerror(-err));
	}
}
