/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A batch of jobs becomes one transaction of the store. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "apply/internal.h"
#include "util/log.h"

#define UNWRITTEN_TELL_MS 60000 /* how often it is told that confirmations are not written */

void commit_fail(struct job *job, int error, const char *fmt, ...)
{
	va_list args;

	job->result.error = error;
	va_start(args, fmt);
	vsnprintf(job->result.reason, sizeof(job->result.reason), fmt, args);
	va_end(args);
}

static bool is_to_be_written(const struct job *job)
{
	return job->kind != JOB_STALE && job->result.error == 0;
}

static const char *write_error(int error)
{
	switch (error) {
	case -ENOSPC:
		return "the disk or the database (database-max-size) is full";
	case -EIO: /* LMDB's word for a write that the disk took only a part of */
		return "the disk is full or fails";
	default:
		return strerror(-error);
	}
}

/* The zone is at fault, or the difference; then nothing has been written. */
static bool is_refusal(int error)
{
	return error == -EINVAL || error == -ESTALE;
}

/* Content or difference; job->changes. reason: only of a refusal. */
static int write_content(struct store_txn *txn, struct job *job, char *reason, size_t reason_len)
{
	const struct config_zone *conf = job->zone->conf;
	const struct store_limits limits = {
		.max_records = conf->max_records,
		.journal_max_usage = conf->journal_max_usage,
		.journal_max_depth = conf->journal_max_depth,
	};
	int64_t now = clock_real_s();
	int ret;

	store_changes_free(job->changes);
	job->changes = NULL;
	if (job->kind == JOB_DIFF)
		return store_zone_change(txn, job->diff, &limits, now, reason, reason_len,
					 &job->changes);
	ret = store_limits_check(&limits, content_records_merged(job->content), reason, reason_len);
	return ret < 0 ? ret : store_zone_replace(txn, job->content, &limits, now, &job->changes);
}

static void note_transfer(struct job *job, struct store_zone *stored)
{
	const struct apply_transfer *transfer = &job->transfer;

	stored->transferred_at = clock_real_s();
	stored->transfer_bytes = transfer->bytes;
	stored->transfer_records = transfer->records;
	stored->transfer_ms = transfer->duration_ms;
	stored->transfer_ixfr = transfer->ixfr;
	memcpy(stored->primary, transfer->primary, sizeof(stored->primary));
	job->is_live = job->changes->old_zone.generation != stored->generation;
	job->result.nodes_written = job->changes->nodes_written;
}

/* One job inside of a write transaction; job->changes on success. */
static int write_job(struct store_txn *txn, struct job *job, char *reason, size_t reason_len)
{
	const struct config_zone *conf = job->zone->conf;
	int64_t now = clock_real_s(), option_s = job->transfer.expire_s;
	struct store_zone stored;
	int ret;

	if (job->kind == JOB_CONFIRM) {
		ret = store_zone_get(txn, job->zone->apex, &stored);
		if (ret < 0)
			return ret;
		if (stored.refreshed_at > now) /* a clock that was set back */
			stored.expires_at -= stored.refreshed_at - now;
		stored.expires_at = times_confirmed_expires_at(conf, stored.expires_at, now,
							       stored.expire_s, option_s);
	} else {
		ret = write_content(txn, job, reason, reason_len);
		if (ret < 0)
			return ret;
		stored = job->changes->new_zone;
		stored.expires_at = times_expires_at(conf, now, stored.expire_s, option_s);
		note_transfer(job, &stored);
	}
	stored.refreshed_at = now;
	if (job->changes != NULL)
		job->changes->new_zone = stored;
	job->result.stored = stored;
	return store_zone_update(txn, job->zone->apex, &stored);
}

/*
 * Commits the jobs that have not failed as one transaction; one that is refused fails alone. After
 * any other error nothing of them is in the store.
 */
static int commit_jobs(struct apply *apply, struct job **job, size_t n)
{
	struct store_txn *txn;
	int ret = store_write_begin(apply->store, &txn);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < n; i++) {
		char reason[sizeof(job[i]->result.reason)] = "";

		ret = is_to_be_written(job[i]) ? write_job(txn, job[i], reason, sizeof(reason)) : 0;
		if (ret < 0 && is_refusal(ret)) {
			commit_fail(job[i], ret, "%s", reason[0] != '\0' ? reason : strerror(-ret));
		} else if (ret < 0) {
			store_write_abort(txn);
			return ret;
		}
	}
	return store_write_commit(txn);
}

/*
 * What a primary has confirmed holds also where it cannot be written down: a full disk must not let
 * the zone expire. After a restart it counts as confirmed when that was written last.
 */
static bool confirm_unwritten(struct apply *apply, struct job *job, int error)
{
	int64_t now_ms = clock_boot_ms();

	if (job->kind != JOB_CONFIRM || !job->result.stored.has_content)
		return false;
	if (now_ms >= apply->unwritten_told_ms + UNWRITTEN_TELL_MS) {
		log_warning(
			"zone %s: serial %u is confirmed, but that cannot be written to the store: %s",
			job->zone->name, job->result.stored.serial, write_error(error));
		apply->unwritten_told_ms = now_ms;
	}
	return true;
}

void commit_batch(struct apply *apply, struct job **job, size_t n)
{
	if (commit_jobs(apply, job, n) == 0)
		return;
	for (size_t i = 0; i < n; i++) { /* one of them is to blame: each on its own */
		int ret = is_to_be_written(job[i]) ? commit_jobs(apply, &job[i], 1) : 0;

		if (ret < 0 && !confirm_unwritten(apply, job[i], ret))
			commit_fail(job[i], ret, "cannot write to the store: %s", write_error(ret));
	}
}

static int purge_zone(struct store_txn *txn, const struct zone *zone)
{
	struct store_zone stored;
	int ret = store_zone_get(txn, zone->apex, &stored);

	if (ret == 0 && stored.id == zone->id)
		ret = store_zone_remove(txn, zone->apex);
	if (ret == 0 || ret == -ENOENT)
		ret = store_member_remove(txn, zone->apex);
	return ret == -ENOENT ? 0 : ret;
}

void commit_purge(struct apply *apply, const struct table_change *change)
{
	struct store_txn *txn;
	bool any = false;
	int ret;

	for (size_t i = 0; i < change->n_removed; i++)
		any |= change->purge[i];
	if (!any)
		return;
	ret = store_write_begin(apply->store, &txn);
	for (size_t i = 0; ret == 0 && i < change->n_removed; i++) {
		ret = change->purge[i] ? purge_zone(txn, change->removed[i]) : 0;
		if (ret < 0)
			store_write_abort(txn);
	}
	if (ret == 0)
		ret = store_write_commit(txn);
	if (ret < 0)
		log_error("cannot purge zones that are held no more from the store: %s",
			  write_error(ret));
}
