/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply/internal.h"
#include "util/log.h"

#define BATCH_MAX	  1024	 /* zones in one commit and one set of grace periods */
#define BATCH_RECORDS_MAX 200000 /* so that a small zone does not wait long behind large ones */
#define WATCH_MS	  1000	 /* how often to look for maps, or for other ones */
#define NS_PER_MS	  1000000

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
	diff_free(job->diff);
	zone_unref(job->zone);
	store_changes_free(job->changes);
	free(job);
}

static void finish_content(struct job *job)
{
	char reason[sizeof(job->result.reason)] = "";
	int ret;

	if (atomic_load(&job->zone->removed)) {
		commit_fail(job, -ECANCELED, "the zone is held no more");
		return;
	}
	ret = job->content == NULL ? 0 : content_finish(job->content, reason, sizeof(reason));
	if (ret < 0)
		commit_fail(job, ret, "%s", reason[0] != 0 ? reason : strerror(-ret));
}

static void run_batch(struct apply *apply, struct job **job, size_t n)
{
	for (size_t i = 0; i < n; i++)
		finish_content(job[i]);
	maps_ahead(apply, job, n);
	commit_batch(apply, job, n);
	maps_publish(apply, job, n);

	uv_mutex_lock(&apply->mutex);
	for (size_t i = 0; i < n; i++)
		queue_put(&apply->done, job[i]);
	uv_mutex_unlock(&apply->mutex);
	uv_async_send(&apply->done_async);
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
		if (job[n]->diff != NULL)
			records += diff_records(job[n]->diff);
		n++;
	}
	return n;
}

/* With the mutex held. What the table of zones has become comes before all that is in the queue. */
static void change_table(struct apply *apply)
{
	struct table_change *change = apply->change;

	apply->change = NULL;
	uv_mutex_unlock(&apply->mutex);
	maps_change(apply, change);
	commit_purge(apply, change);
	uv_mutex_lock(&apply->mutex);
	apply->changed = change;
	uv_async_send(&apply->done_async);
}

/* With the mutex held: stands still until apply_unpark, which the next apply_park may follow before
 * this thread has seen it. */
static void stand_still(struct apply *apply)
{
	apply->park = PARK_THERE;
	uv_async_send(&apply->done_async);
	while ((apply->park == PARK_THERE || apply->park == PARK_TOLD) && !apply->stop)
		uv_cond_wait(&apply->wake, &apply->mutex);
}

static void worker(void *ctx)
{
	struct apply *apply = ctx;
	struct job *job[BATCH_MAX];
	int64_t watch_at_ms = 0;

	uv_mutex_lock(&apply->mutex);
	while (!apply->stop) {
		size_t n;

		if (apply->change != NULL)
			change_table(apply);
		if (apply->park == PARK_WANTED) {
			stand_still(apply);
			continue;
		}
		n = take_batch(apply, job);
		uv_mutex_unlock(&apply->mutex);
		if (clock_boot_ms() >= watch_at_ms) {
			maps_watch(apply);
			watch_at_ms = clock_boot_ms() + WATCH_MS;
		}
		if (n > 0)
			run_batch(apply, job, n);
		uv_mutex_lock(&apply->mutex);
		if (apply->todo.first == NULL && apply->park != PARK_WANTED &&
		    apply->change == NULL && !apply->stop)
			uv_cond_timedwait(&apply->wake, &apply->mutex,
					  (uint64_t)WATCH_MS * NS_PER_MS);
	}
	uv_mutex_unlock(&apply->mutex);
}

/* ---- the main loop's side ---- */

static void change_free(struct table_change *change)
{
	if (change == NULL)
		return;
	for (size_t i = 0; i < change->n_added; i++)
		zone_unref(change->added[i]);
	for (size_t i = 0; i < change->n_removed; i++)
		zone_unref(change->removed[i]);
	free(change->added);
	free(change->removed);
	free(change->purge);
	config_free(change->config);
	free(change);
}

static void close_retired(struct retired *retired)
{
	while (retired != NULL) {
		struct retired *next = retired->next;

		publish_close(retired->maps);
		free(retired);
		retired = next;
	}
}

static void tell_done(struct apply *apply, struct job *job)
{
	if (job->done != NULL)
		job->done(job->zone, &job->result, job->ctx);
	if (job->is_live && job->result.error == 0 && apply->live != NULL &&
	    !atomic_load(&job->zone->removed))
		apply->live(job->zone, apply->live_ctx);
	job_free(job);
}

/* Results to their callers, retired maps away, the worker parked or at work again. */
static void on_done(uv_async_t *async)
{
	struct apply *apply = async->data;
	struct table_change *changed;
	struct retired *retired;
	struct job_queue done;
	bool tell_parked;

	uv_mutex_lock(&apply->mutex);
	done = apply->done;
	if (done.first == NULL)
		done.last = &done.first;
	queue_init(&apply->done);
	retired = apply->retired;
	apply->retired = NULL;
	changed = apply->changed;
	apply->changed = NULL;
	tell_parked = apply->park == PARK_THERE;
	if (tell_parked)
		apply->park = PARK_TOLD;
	uv_mutex_unlock(&apply->mutex);

	close_retired(retired);
	while (done.first != NULL) {
		struct job *job = done.first;

		done.first = job->next;
		tell_done(apply, job);
	}
	if (changed != NULL && changed->done != NULL)
		changed->done(changed->ctx);
	change_free(changed);
	if (tell_parked)
		apply->parked(apply->parked_ctx);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int apply_start(uv_loop_t *loop, struct store *store, struct zone_table *zones,
		struct config *config, const char *pin_dir, struct maker *maker,
		struct apply **ret_apply)
{
	struct apply *apply = calloc(1, sizeof(*apply));
	int ret;

	if (apply == NULL)
		return -ENOMEM;
	apply->store = store;
	apply->zones = zones;
	apply->config = config_ref(config);
	apply->pin_dir = pin_dir;
	apply->maker = maker;
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
		config_free(apply->config);
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
	config_free(apply->config);
	free(apply);
	return ret;
}

void apply_stop(struct apply *apply)
{
	struct job *job;

	if (apply == NULL)
		return;
	apply->live = NULL;
	uv_mutex_lock(&apply->mutex);
	apply->stop = true;
	uv_cond_signal(&apply->wake);
	uv_mutex_unlock(&apply->mutex);
	uv_thread_join(&apply->thread);
	while ((job = queue_take(&apply->todo)) != NULL)
		job_free(job);
	while ((job = queue_take(&apply->done)) != NULL)
		job_free(job);
	close_retired(apply->retired);
	change_free(apply->change);
	change_free(apply->changed);
	config_free(apply->config);
	publish_close(apply->maps);
	store_read_end(apply->txn);
	uv_cond_destroy(&apply->wake);
	uv_mutex_destroy(&apply->mutex);
	uv_close((uv_handle_t *)&apply->done_async, on_closed);
}

/* Takes the job's content and diff in any case. */
static int submit(struct apply *apply, const struct job *as)
{
	struct job *job = malloc(sizeof(*job));

	if (job == NULL) {
		content_free(as->content);
		diff_free(as->diff);
		return -ENOMEM;
	}
	*job = *as;
	zone_ref(job->zone);
	uv_mutex_lock(&apply->mutex);
	queue_put(&apply->todo, job);
	uv_cond_signal(&apply->wake);
	uv_mutex_unlock(&apply->mutex);
	return 0;
}

int apply_content(struct apply *apply, struct zone *zone, struct content *content,
		  const struct apply_transfer *transfer, apply_done done, void *ctx)
{
	return submit(apply, &(struct job){.kind = JOB_CONTENT,
					   .zone = zone,
					   .content = content,
					   .transfer = *transfer,
					   .done = done,
					   .ctx = ctx});
}

int apply_diff(struct apply *apply, struct zone *zone, struct diff *diff,
	       const struct apply_transfer *transfer, apply_done done, void *ctx)
{
	return submit(apply, &(struct job){.kind = JOB_DIFF,
					   .zone = zone,
					   .diff = diff,
					   .transfer = *transfer,
					   .done = done,
					   .ctx = ctx});
}

int apply_confirm(struct apply *apply, struct zone *zone, int64_t expire_s, apply_done done,
		  void *ctx)
{
	return submit(apply, &(struct job){.kind = JOB_CONFIRM,
					   .zone = zone,
					   .transfer.expire_s = expire_s,
					   .done = done,
					   .ctx = ctx});
}

int apply_stale(struct apply *apply, struct zone *zone)
{
	return submit(apply, &(struct job){.kind = JOB_STALE, .zone = zone});
}

void apply_on_live(struct apply *apply, void (*live)(struct zone *zone, void *ctx), void *ctx)
{
	apply->live = live;
	apply->live_ctx = ctx;
}

void apply_park(struct apply *apply, void (*parked)(void *ctx), void *ctx)
{
	uv_mutex_lock(&apply->mutex);
	assert(apply->park == PARK_NOT);
	apply->parked = parked;
	apply->parked_ctx = ctx;
	apply->park = PARK_WANTED;
	uv_cond_signal(&apply->wake);
	uv_mutex_unlock(&apply->mutex);
}

void apply_unpark(struct apply *apply, struct apply_table_change *change)
{
	struct table_change *own = NULL;

	if (change != NULL) {
		/* The table is changed already: this cannot fail. */
		own = change->memory;
		*own = (struct table_change){
			.added = change->added,
			.removed = change->removed,
			.purge = change->purge,
			.n_added = change->n_added,
			.n_removed = change->n_removed,
			.config = change->config != NULL ? config_ref(change->config) : NULL,
			.done = change->done,
			.ctx = change->ctx,
		};
		for (size_t i = 0; i < own->n_added; i++)
			zone_ref(own->added[i]);
		for (size_t i = 0; i < own->n_removed; i++)
			zone_ref(own->removed[i]);
		*change = (struct apply_table_change){0};
	}
	uv_mutex_lock(&apply->mutex);
	assert(apply->park == PARK_TOLD && apply->change == NULL);
	apply->change = own;
	apply->park = PARK_NOT;
	uv_cond_signal(&apply->wake);
	uv_mutex_unlock(&apply->mutex);
}

int apply_change_init(struct apply_table_change *change, size_t added_max, size_t removed_max)
{
	*change = (struct apply_table_change){
		.added = calloc(added_max + 1, sizeof(struct zone *)),
		.removed = calloc(removed_max + 1, sizeof(struct zone *)),
		.purge = calloc(removed_max + 1, sizeof(bool)),
		.memory = calloc(1, sizeof(struct table_change)),
	};
	if (change->added != NULL && change->removed != NULL && change->purge != NULL &&
	    change->memory != NULL)
		return 0;
	apply_change_free(change);
	return -ENOMEM;
}

void apply_change_free(struct apply_table_change *change)
{
	free(change->added);
	free(change->removed);
	free(change->purge);
	free(change->memory);
	*change = (struct apply_table_change){0};
}

const struct publish *apply_maps(const struct apply *apply)
{
	return apply->maps;
}
