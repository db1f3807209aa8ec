/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/apply.h"
#include "util/log.h"

#define BATCH_MAX	  256	 /* zones in one commit and one set of grace periods */
#define BATCH_RECORDS_MAX 200000 /* so that a small zone does not wait long behind large ones */
#define WATCH_MS	  1000	 /* how often to look for maps, or for other ones */
#define REPUBLISH_MS	  10000	 /* how often to try again what could not be published */
#define NS_PER_MS	  1000000

enum job_kind {
	JOB_CONTENT,
	JOB_CONFIRM, /* content is NULL */
	JOB_STALE,   /* likewise; nothing for the store */
};

struct job {
	struct job *next;
	enum job_kind kind;
	struct zone *zone;
	struct content *content;
	struct apply_transfer transfer;
	apply_done done;
	void *ctx;
	struct apply_result result;
	struct store_changes *changes;
};

struct job_queue {
	struct job *first, **last;
};

struct apply {
	struct store *store;
	struct zone_table *zones;
	const struct config *config;
	const char *pin_dir;

	uv_thread_t thread;
	uv_async_t done_async;
	uv_mutex_t mutex; /* todo, done, retired, stop */
	uv_cond_t wake;
	struct job_queue todo, done;
	struct retired {
		struct retired *next;
		struct publish *maps;
	} *retired;
	bool stop;

	/* the worker's own */
	struct store_txn *txn; /* read, reset between jobs */
	int maps_error;	       /* last error of opening the maps, logged once */
	int64_t republish_at_ms;

	struct publish *_Atomic maps;
};

static void queue_init(struct job_queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static void queue_put(struct job_queue *queue, struct job *job)
{
	job->next = NULL;
	*queue->last = job;
	queue->last = &job->next;
}

static struct job *queue_take(struct job_queue *queue)
{
	struct job *job = queue->first;

	if (job != NULL) {
		queue->first = job->next;
		if (queue->first == NULL)
			queue->last = &queue->first;
	}
	return job;
}

static void job_free(struct job *job)
{
	content_free(job->content);
	store_changes_free(job->changes);
	free(job);
}

/* What the maps are to know of it: 0, never, where clients are not told. */
static int64_t stale_at_ms(const struct apply *apply, const struct zone *zone)
{
	return apply->config->ede_stale ? atomic_load(&zone->stale_at_ms) : 0;
}

static void __attribute__((format(printf, 3, 4))) fail(struct job *job, int error, const char *fmt,
						       ...)
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

/* One job inside of a write transaction; job->changes on success. */
static int write_job(struct store_txn *txn, struct job *job)
{
	int64_t now = clock_real_s();
	struct store_zone stored;
	int ret;

	if (job->kind == JOB_CONFIRM) {
		ret = store_zone_get(txn, job->zone->apex, &stored);
	} else {
		store_changes_free(job->changes);
		job->changes = NULL;
		ret = store_zone_replace(txn, job->content, &(struct store_limits){0}, now,
					 &job->changes);
		if (ret == 0)
			stored = job->changes->new_zone;
	}
	if (ret < 0)
		return ret;
	stored.refreshed_at = now;
	if (job->content != NULL) {
		stored.transferred_at = now;
		stored.transfer_bytes = job->transfer.bytes;
		stored.transfer_records = job->transfer.records;
		stored.transfer_ms = job->transfer.duration_ms;
		memcpy(stored.primary, job->transfer.primary, sizeof(stored.primary));
		job->changes->new_zone = stored;
		job->result.nodes_written = job->changes->nodes_written;
	}
	job->result.stored = stored;
	return store_zone_update(txn, job->zone->apex, &stored);
}

/* Commits the jobs that have not failed as one transaction. On failure nothing of them is in the
 * store. */
static int commit_jobs(struct apply *apply, struct job **job, size_t n)
{
	struct store_txn *txn;
	int ret = store_write_begin(apply->store, &txn);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < n; i++) {
		ret = is_to_be_written(job[i]) ? write_job(txn, job[i]) : 0;
		if (ret < 0) {
			store_write_abort(txn);
			return ret;
		}
	}
	return store_write_commit(txn);
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

static void commit_batch(struct apply *apply, struct job **job, size_t n)
{
	if (commit_jobs(apply, job, n) == 0)
		return;
	for (size_t i = 0; i < n; i++) { /* one of them is to blame: each on its own */
		int ret = is_to_be_written(job[i]) ? commit_jobs(apply, &job[i], 1) : 0;

		if (ret < 0)
			fail(job[i], ret, "cannot write to the store: %s", write_error(ret));
	}
}

static int compare_depth(const void *a, const void *b)
{
	const struct publish_item *x = a, *y = b;

	return (int)knot_dname_labels(x->zone->apex, NULL) -
	       (int)knot_dname_labels(y->zone->apex, NULL);
}

/* Publishes the items, parents before children; notes what did not succeed. */
static void publish_items(struct apply *apply, struct publish_item *item, size_t n)
{
	int ret = store_read_renew(apply->txn);

	if (ret < 0) {
		log_error("cannot read the store: %s", strerror(-ret));
		for (size_t i = 0; i < n; i++)
			item[i].zone->unpublished = true;
		return;
	}
	qsort(item, n, sizeof(*item), compare_depth);
	publish_zones(apply->maps, apply->txn, apply->zones, item, n);
	store_read_reset(apply->txn);
	for (size_t i = 0; i < n; i++)
		item[i].zone->unpublished = item[i].ret_error < 0;
}

/* The sockets go by it from here on. */
static void note_success(struct job *job)
{
	struct zone_times times =
		times_of(job->zone->conf, &job->result.stored, clock_boot_ms(), clock_real_s());

	job->result.times = times;
	atomic_store(&job->zone->serial, job->result.stored.serial);
	atomic_store(&job->zone->expires_at_ms, times.expires_at_ms);
	atomic_store(&job->zone->stale_at_ms, times.stale_at_ms);
}

static void publish_batch(struct apply *apply, struct job **job, size_t n)
{
	struct publish_item *item = calloc(n, sizeof(*item));
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		struct job *j = job[i];

		if (j->result.error < 0)
			continue;
		if (j->kind != JOB_STALE)
			note_success(j);
		if (apply->maps == NULL)
			continue;
		if (j->kind != JOB_CONTENT) {
			publish_times(apply->maps, j->zone, atomic_load(&j->zone->expires_at_ms),
				      stale_at_ms(apply, j->zone));
			continue;
		}
		if (item == NULL) {
			j->zone->unpublished = true;
			continue;
		}
		item[used++] = (struct publish_item){
			.zone = j->zone,
			.stored = &j->result.stored,
			.changes = j->zone->unpublished ? NULL : j->changes,
			.expires_at_ms = j->result.times.expires_at_ms,
			.stale_at_ms = stale_at_ms(apply, j->zone),
		};
	}
	if (used > 0) {
		publish_items(apply, item, used);
		for (size_t i = 0; i < used; i++)
			for (size_t k = 0; k < n; k++)
				if (job[k]->zone == item[i].zone && job[k]->kind == JOB_CONTENT)
					job[k]->result.published = item[i].ret_report;
	}
	free(item);
}

static void run_batch(struct apply *apply, struct job **job, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char reason[sizeof(job[i]->result.reason)] = "";
		int ret = job[i]->content == NULL
				  ? 0
				  : content_finish(job[i]->content, reason, sizeof(reason));

		if (ret < 0)
			fail(job[i], ret, "%s", reason[0] != 0 ? reason : strerror(-ret));
	}
	commit_batch(apply, job, n);
	publish_batch(apply, job, n);

	uv_mutex_lock(&apply->mutex);
	for (size_t i = 0; i < n; i++)
		queue_put(&apply->done, job[i]);
	uv_mutex_unlock(&apply->mutex);
	uv_async_send(&apply->done_async);
}

/* The unpublished zones that the store has content of. */
static void publish_stored(struct apply *apply)
{
	struct publish_item *item = calloc(apply->zones->n + 1, sizeof(*item));
	struct store_zone *stored = calloc(apply->zones->n + 1, sizeof(*stored));
	size_t n = 0;

	if (item == NULL || stored == NULL || store_read_renew(apply->txn) < 0)
		goto out;
	for (size_t i = 0; i < apply->zones->n; i++) {
		struct zone *zone = apply->zones->zone[i];

		if (!zone->unpublished)
			continue;
		if (store_zone_get(apply->txn, zone->apex, &stored[n]) < 0 ||
		    !stored[n].has_content) {
			zone->unpublished = false; /* its first transfer will do it */
			continue;
		}
		item[n] = (struct publish_item){
			.zone = zone,
			.stored = &stored[n],
			.expires_at_ms = atomic_load(&zone->expires_at_ms),
			.stale_at_ms = stale_at_ms(apply, zone),
		};
		n++;
	}
	store_read_reset(apply->txn);
	if (n > 0)
		publish_items(apply, item, n);
out:
	free(item);
	free(stored);
}

static void set_maps(struct apply *apply, struct publish *maps)
{
	struct publish *old = atomic_exchange(&apply->maps, maps);
	struct retired *retired;

	if (old == NULL)
		return;
	/* The main loop may be reading them just now: it closes them. */
	retired = malloc(sizeof(*retired));
	if (retired == NULL)
		return; /* better lost than closed under its hands */
	uv_mutex_lock(&apply->mutex);
	*retired = (struct retired){.next = apply->retired, .maps = old};
	apply->retired = retired;
	uv_mutex_unlock(&apply->mutex);
	uv_async_send(&apply->done_async);
}

static void log_no_maps(int error)
{
	if (error == -ENOENT)
		log_info("no maps under " XNS_PIN_DIR
			 " (xnsload attach makes them): answering from the sockets only");
	else if (error == -EPROTO)
		log_error(
			"the maps under " XNS_PIN_DIR
			" are of another version of xnsd: `xnsload detach` and `xnsload attach` of "
			"this version; until then the interface goes on with what they hold, and "
			"that is not brought up to date");
	else if (error == -EACCES || error == -EPERM)
		log_warning("the maps under " XNS_PIN_DIR
			    " belong to another user: `xnsload attach` "
			    "again gives them to server.user; until then the interface goes on "
			    "with what they hold, and that is not brought up to date");
	else
		log_warning("cannot use the maps under " XNS_PIN_DIR
			    ": %s; answering from the sockets only",
			    strerror(-error));
}

/* Maps appear when xnsload attaches, and are others after a detach and attach. */
static void watch_maps(struct apply *apply)
{
	struct publish *maps;
	int64_t began_ms = clock_boot_ms();
	int ret;

	if (apply->pin_dir == NULL)
		return;
	if (apply->maps != NULL) {
		if (publish_is_current(apply->maps, apply->pin_dir))
			return;
		log_info("the maps under " XNS_PIN_DIR " are gone or others");
		set_maps(apply, NULL);
	}
	ret = publish_open(apply->pin_dir, &maps);
	if (ret == 0) {
		ret = publish_configure(maps, apply->config);
		if (ret == 0)
			ret = publish_take_over(maps, apply->zones, store_uuid(apply->store));
		if (ret < 0)
			publish_close(maps);
	}
	if (ret < 0) {
		if (ret != apply->maps_error)
			log_no_maps(ret);
		apply->maps_error = ret;
		return;
	}
	apply->maps_error = 0;
	set_maps(apply, maps);
	for (size_t i = 0; i < apply->zones->n; i++)
		apply->zones->zone[i]->unpublished = true;
	publish_stored(apply);
	log_info("publishing to the maps under " XNS_PIN_DIR ": %zu zones, ready after %lld ms",
		 apply->zones->n, (long long)(clock_boot_ms() - began_ms));
}

static void republish(struct apply *apply)
{
	bool any = false;

	for (size_t i = 0; i < apply->zones->n && !any; i++)
		any = apply->zones->zone[i]->unpublished;
	if (!any || apply->maps == NULL || clock_boot_ms() < apply->republish_at_ms)
		return;
	publish_stored(apply);
	apply->republish_at_ms = clock_boot_ms() + REPUBLISH_MS;
}

/* The next jobs, with the mutex held: each zone at most once, as they go in one step. */
static size_t take_batch(struct apply *apply, struct job **job)
{
	size_t n = 0, records = 0;

	while (apply->todo.first != NULL && n < BATCH_MAX && records < BATCH_RECORDS_MAX) {
		for (size_t i = 0; i < n; i++)
			if (job[i]->zone == apply->todo.first->zone)
				return n;
		job[n] = queue_take(&apply->todo);
		if (job[n]->content != NULL)
			records += content_records(job[n]->content);
		n++;
	}
	return n;
}

static void worker(void *ctx)
{
	struct apply *apply = ctx;
	struct job *job[BATCH_MAX];
	int64_t watch_at_ms = 0;

	uv_mutex_lock(&apply->mutex);
	while (!apply->stop) {
		size_t n = take_batch(apply, job);

		uv_mutex_unlock(&apply->mutex);
		if (clock_boot_ms() >= watch_at_ms) {
			watch_maps(apply);
			republish(apply);
			watch_at_ms = clock_boot_ms() + WATCH_MS;
		}
		if (n > 0)
			run_batch(apply, job, n);
		uv_mutex_lock(&apply->mutex);
		if (apply->todo.first == NULL && !apply->stop)
			uv_cond_timedwait(&apply->wake, &apply->mutex,
					  (uint64_t)WATCH_MS * NS_PER_MS);
	}
	uv_mutex_unlock(&apply->mutex);
}

/* On the main loop: results to their callers, retired maps away. */
static void on_done(uv_async_t *async)
{
	struct apply *apply = async->data;
	struct job_queue done;
	struct retired *retired;
	struct job *job;

	uv_mutex_lock(&apply->mutex);
	done = apply->done;
	if (done.first == NULL)
		done.last = &done.first;
	queue_init(&apply->done);
	retired = apply->retired;
	apply->retired = NULL;
	uv_mutex_unlock(&apply->mutex);

	while (retired != NULL) {
		struct retired *next = retired->next;

		publish_close(retired->maps);
		free(retired);
		retired = next;
	}
	while (done.first != NULL) {
		job = done.first;
		done.first = job->next;
		if (job->done != NULL)
			job->done(job->zone, &job->result, job->ctx);
		job_free(job);
	}
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int apply_start(uv_loop_t *loop, struct store *store, struct zone_table *zones,
		const struct config *config, const char *pin_dir, struct apply **ret_apply)
{
	struct apply *apply = calloc(1, sizeof(*apply));
	int ret;

	if (apply == NULL)
		return -ENOMEM;
	apply->store = store;
	apply->zones = zones;
	apply->config = config;
	apply->pin_dir = pin_dir;
	queue_init(&apply->todo);
	queue_init(&apply->done);
	ret = store_read_begin(store, &apply->txn);
	if (ret < 0)
		goto out_free;
	store_read_reset(apply->txn);
	ret = uv_mutex_init(&apply->mutex);
	if (ret < 0)
		goto out_txn;
	ret = uv_cond_init(&apply->wake);
	if (ret < 0)
		goto out_mutex;
	ret = uv_async_init(loop, &apply->done_async, on_done);
	if (ret < 0)
		goto out_cond;
	apply->done_async.data = apply;
	ret = uv_thread_create(&apply->thread, worker, apply);
	if (ret < 0) {
		uv_cond_destroy(&apply->wake);
		uv_mutex_destroy(&apply->mutex);
		store_read_end(apply->txn);
		uv_close((uv_handle_t *)&apply->done_async, on_closed); /* frees the rest */
		return ret;
	}
	*ret_apply = apply;
	return 0;
out_cond:
	uv_cond_destroy(&apply->wake);
out_mutex:
	uv_mutex_destroy(&apply->mutex);
out_txn:
	store_read_end(apply->txn);
out_free:
	free(apply);
	return ret;
}

void apply_stop(struct apply *apply)
{
	struct job *job;

	if (apply == NULL)
		return;
	uv_mutex_lock(&apply->mutex);
	apply->stop = true;
	uv_cond_signal(&apply->wake);
	uv_mutex_unlock(&apply->mutex);
	uv_thread_join(&apply->thread);
	while ((job = queue_take(&apply->todo)) != NULL)
		job_free(job);
	while ((job = queue_take(&apply->done)) != NULL)
		job_free(job);
	on_done(&apply->done_async);
	publish_close(apply->maps);
	store_read_end(apply->txn);
	uv_cond_destroy(&apply->wake);
	uv_mutex_destroy(&apply->mutex);
	uv_close((uv_handle_t *)&apply->done_async, on_closed);
}

static int submit(struct apply *apply, enum job_kind kind, struct zone *zone,
		  struct content *content, const struct apply_transfer *transfer, apply_done done,
		  void *ctx)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL) {
		content_free(content);
		return -ENOMEM;
	}
	job->kind = kind;
	job->zone = zone;
	job->content = content;
	job->done = done;
	job->ctx = ctx;
	if (transfer != NULL)
		job->transfer = *transfer;
	uv_mutex_lock(&apply->mutex);
	queue_put(&apply->todo, job);
	uv_cond_signal(&apply->wake);
	uv_mutex_unlock(&apply->mutex);
	return 0;
}

int apply_content(struct apply *apply, struct zone *zone, struct content *content,
		  const struct apply_transfer *transfer, apply_done done, void *ctx)
{
	return submit(apply, JOB_CONTENT, zone, content, transfer, done, ctx);
}

int apply_confirm(struct apply *apply, struct zone *zone, int64_t expire_s, apply_done done,
		  void *ctx)
{
	(void)expire_s;
	return submit(apply, JOB_CONFIRM, zone, NULL, NULL, done, ctx);
}

int apply_stale(struct apply *apply, struct zone *zone)
{
	return submit(apply, JOB_STALE, zone, NULL, NULL, NULL, NULL);
}

const struct publish *apply_maps(const struct apply *apply)
{
	return apply->maps;
}
