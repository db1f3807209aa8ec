/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the store to the maps: what was committed, what is held, maps that come and go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/internal.h"
#include "util/log.h"
#include "util/plural.h"

#define AHEAD_RECORDS 8192  /* of content that is worth two threads */
#define REPUBLISH_MS  10000 /* how often to try again what could not be published */

/* What the maps are to know of it: 0, never, where clients are not told. */
static int64_t stale_at_ms(const struct apply *apply, const struct zone *zone)
{
	return apply->config->ede_stale ? atomic_load(&zone->stale_at_ms) : 0;
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

/* Large, and the store will not refuse it, as far as that can be told. */
static bool is_worth_going_ahead(const struct job *job)
{
	const struct store_limits limits = {.max_records = job->zone->conf->max_records};
	char reason[sizeof(job->result.reason)];

	return job->result.error == 0 && job->content != NULL &&
	       content_records(job->content) >= AHEAD_RECORDS &&
	       store_limits_check(&limits, content_records_merged(job->content), reason,
				  sizeof(reason)) == 0;
}

void maps_ahead(struct apply *apply, struct job **job, size_t n)
{
	struct publish_ahead *ahead = NULL;

	for (size_t i = 0; apply->maps != NULL && i < n && ahead == NULL; i++) {
		if (is_worth_going_ahead(job[i]))
			ahead = publish_ahead_start(apply->maps, apply->zones, job[i]->zone,
						    job[i]->content);
		job[i]->ahead = ahead;
	}
}

static void end_ahead(struct job **job, size_t n)
{
	for (size_t i = 0; i < n; i++)
		publish_ahead_free(job[i]->ahead);
}

void maps_publish(struct apply *apply, struct job **job, size_t n)
{
	struct publish_item *item = calloc(n, sizeof(*item));
	size_t used = 0;

	for (size_t i = 0; i < n; i++)
		if (job[i]->ahead != NULL)
			publish_ahead_wait(job[i]->ahead);
	for (size_t i = 0; i < n; i++) {
		struct job *j = job[i];

		if (j->result.error < 0)
			continue;
		if (j->kind != JOB_STALE)
			note_success(j);
		if (apply->maps == NULL)
			continue;
		if (j->changes == NULL) {
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
			.ahead = j->ahead,
		};
	}
	if (used > 0) {
		publish_items(apply, item, used);
		for (size_t i = 0; i < used; i++)
			for (size_t k = 0; k < n; k++)
				if (job[k]->zone == item[i].zone && job[k]->changes != NULL)
					job[k]->result.published = item[i].ret_report;
	}
	end_ahead(job, n);
	free(item);
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
		int ret;

		if (!zone->unpublished)
			continue;
		ret = store_zone_get(apply->txn, zone->apex, &stored[n]);
		if (ret == -ENOENT || (ret == 0 && !stored[n].has_content))
			zone->unpublished = false; /* its first transfer will do it */
		if (ret < 0 || !stored[n].has_content)
			continue;
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

static uint64_t max_bytes(const struct config *config)
{
	return config->maps_max_memory > 0
		       ? config->maps_max_memory
		       : (uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / 2;
}

static void set_growth(const struct apply *apply, struct publish *maps)
{
	const struct publish_growth growth = {
		.make = apply->maker == NULL ? NULL : maker_make,
		.ctx = apply->maker,
		.max_bytes = max_bytes(apply->config),
	};

	publish_set_growth(maps, &growth);
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
		set_growth(apply, maps);
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
	log_info("publishing to the maps under " XNS_PIN_DIR ": %zu zone%s, ready after %lld ms",
		 apply->zones->n, plural(apply->zones->n), (long long)(clock_boot_ms() - began_ms));
}

static void republish(struct apply *apply)
{
	bool any = false;

	if (apply->maps == NULL || clock_boot_ms() < apply->republish_at_ms)
		return;
	for (size_t i = 0; i < apply->zones->n && !any; i++)
		any = apply->zones->zone[i]->unpublished;
	if (!any)
		return;
	publish_stored(apply);
	apply->republish_at_ms = clock_boot_ms() + REPUBLISH_MS;
}

void maps_watch(struct apply *apply)
{
	watch_maps(apply);
	republish(apply);
}

/* ---- the table of zones changes ---- */

static void mark_unpublished(struct apply *apply, struct zone *const *zone, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct zone *held = zone_table_find(apply->zones, zone[i]->apex);

		if (held == NULL)
			continue;
		held->unpublished = true;
		/* It, or one of its name that is held again: the one above had to give way, too. */
		if (held->parent != NULL && knot_dname_is_equal(held->apex, zone[i]->apex))
			held->parent->unpublished = true;
	}
}

static void take_over_again(struct apply *apply, int error)
{
	log_warning("cannot change the zones in the maps: %s; taking them over anew",
		    strerror(-error));
	error = publish_take_over(apply->maps, apply->zones, store_uuid(apply->store));
	if (error < 0) {
		log_error(
			"cannot take over the maps: %s; answering from the sockets only until it works",
			strerror(-error));
		set_maps(apply, NULL); /* maps_watch opens them again */
		return;
	}
	for (size_t i = 0; i < apply->zones->n; i++)
		apply->zones->zone[i]->unpublished = true;
}

static void change_zones(struct apply *apply, const struct table_change *change)
{
	int ret = store_read_renew(apply->txn);

	if (ret == 0) {
		ret = publish_change_table(apply->maps, apply->txn, apply->zones, change->removed,
					   change->n_removed, change->added, change->n_added);
		store_read_reset(apply->txn);
	}
	if (ret < 0)
		take_over_again(apply, ret);
	if (apply->maps == NULL)
		return;
	mark_unpublished(apply, change->added, change->n_added);
	mark_unpublished(apply, change->removed, change->n_removed);
	publish_stored(apply);
}

/* ede-stale: the flags of all zones change. */
static void tell_staleness(struct apply *apply)
{
	for (size_t i = 0; i < apply->zones->n; i++) {
		const struct zone *zone = apply->zones->zone[i];

		publish_times(apply->maps, zone, atomic_load(&zone->expires_at_ms),
			      stale_at_ms(apply, zone));
	}
}

/* maps-max-memory: with more of it what found no room may find some. */
static void change_bound(struct apply *apply)
{
	set_growth(apply, apply->maps);
	if (publish_retry_incomplete(apply->maps) <= 0)
		return;
	for (size_t i = 0; i < apply->zones->n; i++)
		apply->zones->zone[i]->unpublished = true;
	publish_stored(apply);
}

static void change_config(struct apply *apply, struct config *config)
{
	struct config *old = apply->config;

	apply->config = config_ref(config);
	if (apply->maps != NULL) {
		int ret = publish_configure(apply->maps, config);

		if (ret < 0)
			log_error("cannot configure the maps: %s", strerror(-ret));
		if (old->ede_stale != config->ede_stale)
			tell_staleness(apply);
		if (max_bytes(old) != max_bytes(config))
			change_bound(apply);
	}
	config_free(old);
}

void maps_change(struct apply *apply, const struct table_change *change)
{
	if (apply->maps != NULL && change->n_added + change->n_removed > 0)
		change_zones(apply, change);
	if (change->config != NULL)
		change_config(apply, change->config);
}
