/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked for at run time is carried out in one step, together with all that is asked for
 * until it begins:
 *
 *     read the configuration (a thread of its own, if a reload is among it)
 *     ── the worker parks ──
 *     one transaction: members, ids; the new table is made
 *     ── the responder pauses ──
 *     the table, the zones' configuration; refresh and notify are told
 *     ── the responder goes on, then the worker, which brings the maps in line ──
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"
#include "util/log.h"
#include "util/plural.h"

#define RETRY_MS  60000
#define NAMED_MAX 20 /* zones of one change that are named in the log; of more, how many */

void requests_init(struct requests *requests)
{
	requests->first = NULL;
	requests->last = &requests->first;
}

static void request_free(struct request *request)
{
	knot_dname_free(request->apex, NULL);
	free(request->template_id);
	free(request);
}

void requests_free(struct requests *requests)
{
	while (requests->first != NULL) {
		struct request *next = requests->first->next;

		request_free(requests->first);
		requests->first = next;
	}
	requests_init(requests);
}

static int request_put(struct agent *agent, enum request_kind kind, const knot_dname_t *apex,
		       const char *template_id, control_done done, void *ctx)
{
	struct request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return -ENOMEM;
	request->kind = kind;
	request->done = done;
	request->ctx = ctx;
	request->apex = apex != NULL ? knot_dname_copy(apex, NULL) : NULL;
	request->template_id = template_id != NULL ? strdup(template_id) : NULL;
	if ((apex != NULL && request->apex == NULL) ||
	    (template_id != NULL && request->template_id == NULL)) {
		request_free(request);
		return -ENOMEM;
	}
	*agent->wanted.last = request;
	agent->wanted.last = &request->next;
	request_next(agent);
	return 0;
}

int agent_reload(struct agent *agent, control_done done, void *ctx)
{
	return request_put(agent, REQUEST_RELOAD, NULL, NULL, done, ctx);
}

int agent_zone_add(struct agent *agent, const knot_dname_t *apex, const char *template_id,
		   control_done done, void *ctx)
{
	return request_put(agent, REQUEST_ADD, apex, template_id, done, ctx);
}

int agent_zone_remove(struct agent *agent, const knot_dname_t *apex, control_done done, void *ctx)
{
	return request_put(agent, REQUEST_REMOVE, apex, NULL, done, ctx);
}

int agent_zone_purge(struct agent *agent, const knot_dname_t *apex, control_done done, void *ctx)
{
	return request_put(agent, REQUEST_PURGE, apex, NULL, done, ctx);
}

void request_catalogs(struct agent *agent)
{
	for (const struct request *r = agent->wanted.first; r != NULL; r = r->next)
		if (r->kind == REQUEST_CATALOG)
			return;
	if (request_put(agent, REQUEST_CATALOG, NULL, NULL, NULL, NULL) < 0)
		log_error("no memory to look at the catalog zones; with their next change");
}

/* ---- the end of a step ---- */

void request_fail(struct request *request, int error, const char *fmt, ...)
{
	va_list args;

	request->error = error;
	va_start(args, fmt);
	vsnprintf(request->reason, sizeof(request->reason), fmt, args);
	va_end(args);
}

static void fail_all(struct agent *agent, enum request_kind kind, bool all_kinds, int error,
		     const char *reason)
{
	for (struct request *r = agent->current.first; r != NULL; r = r->next)
		if (r->error == 0 && (all_kinds || r->kind == kind))
			request_fail(r, error, "%s", reason);
}

static void on_retry(uv_timer_t *timer)
{
	request_catalogs(timer->data);
}

static void finish(struct agent *agent)
{
	struct requests done = agent->current;

	if (done.first == NULL)
		done.last = &done.first;
	requests_init(&agent->current);
	config_free(agent->loaded);
	agent->loaded = NULL;
	for (struct request *r = done.first; r != NULL; r = r->next) {
		if (r->error != 0 && r->kind != REQUEST_RELOAD) /* that is told line by line */
			log_warning("%s", r->reason);
		if (r->error != 0 && r->kind == REQUEST_CATALOG) /* a full disk */
			uv_timer_start(&agent->retry, on_retry, RETRY_MS, 0);
		if (r->done != NULL)
			r->done(r->ctx, r->error, r->reason);
	}
	requests_free(&done);
	agent->busy = false;
	request_next(agent);
}

/* ---- the new table comes into force ---- */

static void log_zones(const char *what, struct zone *const *zone, size_t n)
{
	for (size_t i = 0; n <= NAMED_MAX && i < n; i++)
		log_info("zone %s: %s", zone[i]->name, what);
	if (n > NAMED_MAX)
		log_info("%zu zones: %s", n, what);
}

static void drop_zones(struct agent *agent, struct zone *const *zone, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		atomic_store(&zone[i]->removed, true);
		refresh_zone_remove(agent->refresh, zone[i]);
		notify_forget(agent->notify, zone[i]);
	}
}

/* Returns whether any zone's configuration is another. */
static bool set_confs(struct agent *agent, struct plan *plan, struct config *config)
{
	bool any = false;

	for (size_t i = 0; i < plan->n; i++) {
		struct plan_zone *to = &plan->zone[i];
		struct zone *zone = agent->zones.zone[i];

		if (!to->has_conf)
			continue;
		zone_set_conf(zone, config, to->conf, to->own_conf);
		to->own_conf = NULL;
		zone->source = to->source;
		free(zone->catalog);
		zone->catalog = to->catalog;
		to->catalog = NULL;
		any = true;
	}
	return any;
}

static void add_zones(struct agent *agent, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_zone *to = &plan->zone[i];
		struct zone *zone = agent->zones.zone[i];
		int ret = to->is_new ? refresh_zone_add(agent->refresh, zone, &to->stored) : 0;

		if (ret < 0)
			log_error("zone %s: cannot be refreshed: %s; restart xnsd", zone->name,
				  strerror(-ret));
	}
}

static void take_config(struct agent *agent, struct config *config)
{
	struct config *old = agent->config;

	settings_keep(old, config);
	agent->config = config_ref(config);
	agent->commands.config = config;
	log_set_level(config->log_level);
	config_free(old);
}

/* The responder is paused. */
static void swap_table(struct agent *agent, struct plan *plan, struct config *config)
{
	struct zone_table old = agent->zones;
	bool is_new = config != agent->config;

	drop_zones(agent, plan->change.removed, plan->change.n_removed);
	agent->zones = plan->table;
	plan->table = old;
	zone_links_set(&agent->zones, plan->links);
	plan->links = NULL;
	if (is_new)
		take_config(agent, config);
	if (set_confs(agent, plan, config) || is_new) {
		int ret = refresh_configure(agent->refresh, config);

		if (ret < 0)
			log_error("cannot change the primaries: %s; restart xnsd", strerror(-ret));
		notify_configure(agent->notify, config);
	}
	add_zones(agent, plan);
}

static void put_into_force(struct agent *agent, struct plan *plan, struct config *config)
{
	struct apply_table_change *change = &plan->change;
	int64_t began_ms = clock_boot_ms();

	respond_pause(agent->respond);
	swap_table(agent, plan, config);
	respond_resume(agent->respond, agent->config, &agent->zones);
	log_debug("the responder stood still for %lld ms", (long long)(clock_boot_ms() - began_ms));
	log_zones("is held no more", change->removed, change->n_removed);
	log_zones("is held now", change->added, change->n_added);
	for (struct request *r = agent->current.first; r != NULL; r = r->next)
		if (r->error == 0 && r->reason[0] == '\0')
			snprintf(r->reason, sizeof(r->reason),
				 "%zu zone%s added, %zu removed, %zu held now", change->n_added,
				 plural(change->n_added), change->n_removed, agent->zones.n);
	if (agent->loaded != NULL)
		log_info(
			"configuration %s is in force: %zu zone%s added, %zu removed, %zu held now",
			agent->config->path, change->n_added, plural(change->n_added),
			change->n_removed, agent->zones.n);
	change->config = agent->loaded != NULL ? agent->config : NULL;
	apply_unpark(agent->apply, change);
}

/* ---- a step ---- */

/* The zones whose content is to go although they stay. */
static knot_dname_t **find_resets(struct agent *agent, size_t *ret_n)
{
	knot_dname_t **reset;
	size_t n = 0;

	for (const struct request *r = agent->current.first; r != NULL; r = r->next)
		n += r->kind == REQUEST_PURGE;
	reset = calloc(n + 1, sizeof(*reset));
	*ret_n = 0;
	for (const struct request *r = agent->current.first; reset != NULL && r != NULL;
	     r = r->next)
		if (r->kind == REQUEST_PURGE && r->apex != NULL && r->error == 0 &&
		    zone_table_get(&agent->zones, r->apex) != NULL)
			reset[(*ret_n)++] = r->apex;
	return reset;
}

/* The store's part, in one transaction; plan is the caller's if it succeeds. */
static int make_plan(struct agent *agent, struct config *config, struct plan *plan, char *reason)
{
	struct plan_input input = {
		.old = &agent->zones,
		.config = config,
		.is_new_config = config != agent->config,
		.catalogs = &agent->catalogs,
		/* A zone that was left out at the start must not hold up catalogs and others. */
		.strict = config != agent->config,
	};
	knot_dname_t **reset = find_resets(agent, &input.n_resets);
	struct store_txn *txn;
	int ret = reset == NULL ? -ENOMEM : store_write_begin(agent->store, &txn);

	input.reset = reset;
	*plan = (struct plan){0};
	if (ret < 0)
		goto out;
	ret = requests_carry_out(agent, config, txn);
	if (ret == 0)
		ret = plan_make(plan, &input, txn, reason);
	if (ret == 0)
		ret = requests_purge_orphans(agent, plan, txn);
	if (ret == 0)
		ret = store_write_commit(txn);
	else
		store_write_abort(txn);
	if (ret < 0)
		plan_free(plan);
out:
	free(reset);
	return ret;
}

/* The worker is parked; it goes on before this returns, in any case. */
static void take_step(struct agent *agent)
{
	struct config *config = agent->loaded != NULL ? agent->loaded : agent->config;
	char reason[AGENT_REASON_MAX] = "";
	struct plan plan;
	int ret = make_plan(agent, config, &plan, reason);

	if (ret == 0) {
		put_into_force(agent, &plan, config);
		plan_free(&plan); /* lets go of the zones of the old table */
		return;
	}
	if (reason[0] == '\0')
		snprintf(reason, sizeof(reason), "%s", strerror(-ret));
	if (agent->loaded == NULL) {
		fail_all(agent, 0, true, ret, reason);
		apply_unpark(agent->apply, NULL);
		return;
	}
	log_error("the configuration is not changed: %s", reason);
	fail_all(agent, REQUEST_RELOAD, false, ret, reason);
	config_free(agent->loaded);
	agent->loaded = NULL;
	take_step(agent); /* the others, without it */
}

static void on_parked(void *ctx)
{
	struct agent *agent = ctx;

	if (agent->stopping)
		return;
	take_step(agent);
	finish(agent);
}

/* ---- the configuration, read off the loop ---- */

static void load(uv_work_t *work)
{
	struct agent *agent = work->data;
	size_t len;
	FILE *messages = open_memstream(&agent->load_messages, &len);

	if (messages == NULL) {
		agent->load_error = -ENOMEM;
		return;
	}
	agent->load_error = config_load(agent->config->path, messages, &agent->loaded);
	if (fclose(messages) != 0 && agent->load_error == 0) {
		config_free(agent->loaded);
		agent->load_error = -ENOMEM;
	}
	if (agent->load_error < 0)
		agent->loaded = NULL;
}

static void log_messages(char *messages, bool is_error)
{
	char *save = NULL;

	for (char *line = strtok_r(messages, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (is_error)
			log_error("%s", line);
		else
			log_warning("%s", line);
	}
}

static void on_loaded(uv_work_t *work, int status)
{
	struct agent *agent = work->data;
	int error = status < 0 ? status : agent->load_error;
	char *messages = agent->load_messages;
	bool others = false;

	agent->load_messages = NULL;
	if (error < 0) {
		const char *text =
			messages != NULL && messages[0] != '\0' ? messages : strerror(-error);

		fail_all(agent, REQUEST_RELOAD, false, error, text);
		log_error("the configuration is not changed: %s%s", agent->config->path,
			  error == -EACCES ? " cannot be read; it must be readable to server.user"
					   : " has errors");
	}
	if (messages != NULL)
		log_messages(messages, error < 0);
	free(messages);
	for (const struct request *r = agent->current.first; r != NULL; r = r->next)
		others |= r->error == 0;
	if (agent->stopping)
		return;
	if (others)
		apply_park(agent->apply, on_parked, agent);
	else
		finish(agent);
}

void request_next(struct agent *agent)
{
	bool reload = false;

	if (agent->busy || agent->stopping || agent->apply == NULL || agent->wanted.first == NULL)
		return;
	agent->busy = true;
	agent->current = agent->wanted;
	requests_init(&agent->wanted);
	for (const struct request *r = agent->current.first; r != NULL; r = r->next)
		reload |= r->kind == REQUEST_RELOAD;
	agent->load.data = agent;
	if (!reload)
		apply_park(agent->apply, on_parked, agent);
	else if (uv_queue_work(agent->loop, &agent->load, load, on_loaded) < 0)
		on_loaded(&agent->load, -ENOMEM);
}
