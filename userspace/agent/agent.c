/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Start and stop. Starts as root where it has to bind port 53, then works with no capability. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/internal.h"
#include "util/log.h"
#include "util/plural.h"

size_t agent_zones(const struct agent *agent)
{
	return agent->zones.n;
}

void agent_zone_times(struct zone *zone, const struct store_zone *stored)
{
	struct zone_times times;

	if (!stored->has_content)
		return;
	times = times_of(zone->conf, stored, clock_boot_ms(), clock_real_s());
	atomic_store(&zone->expires_at_ms, times.expires_at_ms);
	atomic_store(&zone->stale_at_ms, times.stale_at_ms);
	atomic_store(&zone->serial, stored->serial);
}

/* The zones that are held, and what the store has of each, in the order of the table. */
static int load_zones(struct agent *agent, struct store_zone **ret_stored)
{
	const struct zone_table none = {.zone = NULL};
	struct zone_table nothing = none;
	struct plan_input input = {
		.old = &nothing,
		.config = agent->config,
		.is_new_config = true,
		.catalogs = &agent->catalogs,
	};
	char reason[AGENT_REASON_MAX] = "";
	struct store_txn *txn;
	struct plan plan = {0};
	int ret = zone_table_make(&nothing, NULL, 0);

	if (ret < 0)
		return ret;
	ret = store_write_begin(agent->store, &txn);
	if (ret == 0) {
		ret = plan_make(&plan, &input, txn, reason);
		if (ret < 0)
			store_write_abort(txn);
		else
			ret = store_write_commit(txn);
	}
	*ret_stored = ret == 0 ? calloc(plan.n + 1, sizeof(**ret_stored)) : NULL;
	if (ret == 0 && *ret_stored == NULL)
		ret = -ENOMEM;
	for (size_t i = 0; ret == 0 && i < plan.n; i++)
		(*ret_stored)[i] = plan.zone[i].stored;
	if (ret == 0) {
		agent->zones = plan.table;
		plan.table = none;
		zone_links_set(&agent->zones, plan.links);
		plan.links = NULL;
	}
	plan_free(&plan);
	zone_table_free(&nothing);
	return ret;
}

static void on_notify(struct zone *zone, const struct sockaddr *from, const knot_tsig_key_t *key,
		      bool has_serial, uint32_t serial, void *ctx)
{
	struct agent *agent = ctx;

	refresh_notify(agent->refresh, zone, from, key, has_serial, serial);
}

static void on_live(struct zone *zone, void *ctx)
{
	struct agent *agent = ctx;

	notify_zone(agent->notify, zone);
	if (zone->source == ZONE_FROM_CONFIG &&
	    zone->conf->catalog_role == CONFIG_CATALOG_INTERPRET)
		request_catalogs(agent);
}

static void stop_agent(void *ctx)
{
	struct agent *agent = ctx;

	agent->stop(agent->stop_ctx);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct agent *agent = handle->data;

	if (signum == SIGHUP) {
		log_info("SIGHUP: reading the configuration again");
		if (agent_reload(agent, NULL, NULL) < 0)
			log_error("no memory to read the configuration again");
		return;
	}
	log_info("%s: stopping; the packet path goes on answering", strsignal(signum));
	stop_agent(agent);
}

static int watch_signals(struct agent *agent)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		int ret = uv_signal_init(agent->loop, &agent->signal[i]);

		if (ret == 0) {
			agent->signal[i].data = agent; /* to be closed */
			ret = uv_signal_start(&agent->signal[i], on_signal, signals[i]);
		}
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Where it cannot be had (a container, an ordinary user), the maps are what xnsload has made. */
static void start_maker(struct agent *agent)
{
	int ret = maker_start(agent->config->user, &agent->maker);

	if (ret == 0)
		return;
	log_info(
		"maps cannot be made from here (%s): they do not grow beyond what xnsload makes (server.max-names)%s",
		ret == -EPERM ? "no CAP_BPF" : strerror(-ret),
		ret == -EPERM ? "" : "; see the kernel's log");
}

/* What needs root, and then no more of it. */
static int prepare(struct agent *agent, const char *pin_dir)
{
	struct config *config = agent->config;
	int ret = privilege_make_directory(config->database, config->user);

	if (ret == 0)
		ret = privilege_make_directory(config->rundir, config->user);
	/* While there is nothing that it could keep from the next agent if we are killed. */
	if (ret == 0 && pin_dir != NULL)
		start_maker(agent);
	if (ret == 0)
		ret = respond_bind(config, &agent->respond);
	if (ret == 0 && pin_dir != NULL)
		ret = privilege_open_pins(pin_dir, config->user, &agent->pins);
	return ret == 0 ? privilege_drop(config->user) : ret;
}

/* ---- what control may ask for ---- */

static int control_reload(void *ctx, control_done done, void *done_ctx)
{
	return agent_reload(ctx, done, done_ctx);
}

static int control_zone_add(void *ctx, const knot_dname_t *apex, const char *template_id,
			    control_done done, void *done_ctx)
{
	return agent_zone_add(ctx, apex, template_id, done, done_ctx);
}

static int control_zone_remove(void *ctx, const knot_dname_t *apex, control_done done,
			       void *done_ctx)
{
	return agent_zone_remove(ctx, apex, done, done_ctx);
}

static int control_zone_purge(void *ctx, const knot_dname_t *apex, control_done done,
			      void *done_ctx)
{
	return agent_zone_purge(ctx, apex, done, done_ctx);
}

static void fill_commands(struct agent *agent, const char *pin_dir)
{
	agent->commands = (struct control_agent){
		.config = agent->config,
		.zones = &agent->zones,
		.store = agent->store,
		.pin_dir = pin_dir,
		.started_at = clock_real_s(),
		.stop = stop_agent,
		.reload = control_reload,
		.zone_add = control_zone_add,
		.zone_remove = control_zone_remove,
		.zone_purge = control_zone_purge,
		.ctx = agent,
	};
}

static int start(struct agent *agent, const char *pin_dir)
{
	struct store_zone *stored = NULL;
	int ret = store_open(agent->config->database, agent->config->database_max_size,
			     &agent->store);

	if (ret < 0)
		return ret;
	ret = load_zones(agent, &stored);
	if (ret < 0) {
		log_error("cannot write to the database in %s: %s", agent->config->database,
			  strerror(-ret));
		return ret;
	}
	fill_commands(agent, pin_dir);
	/* Before anything touches the maps: where another agent listens, they are that one's. */
	ret = control_start(agent->loop, &agent->commands, &agent->control);
	if (ret == 0)
		ret = apply_start(agent->loop, agent->store, &agent->zones, agent->config, pin_dir,
				  agent->maker, &agent->apply);
	if (ret == 0)
		ret = notify_start(agent->loop, agent->config, agent->store, &agent->notify);
	if (ret == 0)
		ret = refresh_start(agent->loop, agent->config, &agent->zones, stored, agent->store,
				    agent->apply, &agent->refresh);
	if (ret == 0)
		ret = respond_start(agent->respond, agent->store, &agent->zones, on_notify, agent);
	free(stored);
	if (ret < 0)
		return ret;
	apply_on_live(agent->apply, on_live, agent);
	agent->commands.apply = agent->apply;
	agent->commands.refresh = agent->refresh;
	agent->commands.respond = agent->respond;
	agent->commands.notify = agent->notify;
	return watch_signals(agent);
}

int agent_start(uv_loop_t *loop, struct config *config, const char *pin_dir,
		void (*stop)(void *ctx), void *ctx, struct agent **ret_agent)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	char pid_path[4096];
	int ret;

	if (agent == NULL) {
		config_free(config);
		return -ENOMEM;
	}
	agent->loop = loop;
	agent->config = config;
	agent->stop = stop;
	agent->stop_ctx = ctx;
	agent->pins.fd = -1;
	uv_timer_init(loop, &agent->retry);
	agent->retry.data = agent;
	requests_init(&agent->wanted);
	requests_init(&agent->current);
	log_set_level(config->log_level);
	ret = prepare(agent, pin_dir);
	if (ret == 0)
		ret = start(agent, pin_dir != NULL ? agent->pins.path : NULL);
	snprintf(pid_path, sizeof(pid_path), "%s/xnsd.pid", config->rundir);
	if (ret == 0)
		ret = privilege_write_pid(pid_path);
	if (ret < 0) {
		agent_stop(agent);
		return ret;
	}
	log_info("xnsd " XNS_VERSION " started: %zu zone%s, %zu listen address%s", agent->zones.n,
		 plural(agent->zones.n), config->n_listen, config->n_listen == 1 ? "" : "es");
	privilege_notify_ready();
	*ret_agent = agent;
	return 0;
}

void agent_stop(struct agent *agent)
{
	char pid_path[4096];

	if (agent == NULL)
		return;
	agent->stopping = true;
	snprintf(pid_path, sizeof(pid_path), "%s/xnsd.pid", agent->config->rundir);
	if (agent->control != NULL)
		unlink(pid_path);
	for (size_t i = 0; i < sizeof(agent->signal) / sizeof(*agent->signal); i++)
		if (agent->signal[i].data != NULL)
			uv_close((uv_handle_t *)&agent->signal[i], NULL);
	uv_close((uv_handle_t *)&agent->retry, NULL);
	control_stop(agent->control);
	respond_stop(agent->respond);
	notify_stop(agent->notify);
	refresh_stop(agent->refresh);
	apply_stop(agent->apply);
	uv_run(agent->loop, UV_RUN_DEFAULT);
	requests_free(&agent->current);
	requests_free(&agent->wanted);
	catalogs_free(&agent->catalogs);
	zone_table_free(&agent->zones);
	maker_stop(agent->maker);
	store_close(agent->store);
	privilege_close_pins(&agent->pins);
	config_free(agent->loaded);
	config_free(agent->config);
	free(agent);
}
