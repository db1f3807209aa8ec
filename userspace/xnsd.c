/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent: transfers zones, brings the maps to each serial, answers what the packet path passes
 * up. Starts as root where it has to bind port 53, then works with no capability at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "apply/apply.h"
#include "config/config.h"
#include "control/control.h"
#include "privilege/privilege.h"
#include "refresh/refresh.h"
#include "respond/respond.h"
#include "store/store.h"
#include "util/log.h"
#include "xns_abi.h"
#include "zone/times.h"
#include "zone/zone.h"

#define EXIT_CONFIG 2

struct agent {
	uv_loop_t loop;
	struct config *config;
	struct store *store;
	struct zone_table zones;
	struct store_zone *stored; /* by zone, at start */
	struct respond *respond;
	struct apply *apply;
	struct refresh *refresh;
	struct control_agent commands; /* what control works on */
	struct control *control;
	struct privilege_pins pins;
	uv_signal_t signal[3];
	bool stopping;
};

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: xnsd [-c FILE] [-t]\n"
		"Secondary DNS server whose answers leave from the network interface. Runs in the foreground.\n"
		"\n"
		"  -c, --config FILE   configuration (" CONFIG_PATH_DEFAULT ")\n"
		"  -t, --test          check the configuration and exit\n"
		"  -h, --help          this text\n"
		"  -V, --version       version\n"
		"\n"
		"Exit status: 0 stopped as asked, 1 failure, 2 wrong usage or configuration. See xnsd(8).\n");
}

/* Each zone's id and what the store has of it. */
static int load_zones(struct agent *agent)
{
	struct store_txn *txn;
	int64_t now_s = clock_real_s(), now_ms = clock_boot_ms();
	int ret;

	agent->stored = calloc(agent->zones.n + 1, sizeof(*agent->stored));
	if (agent->stored == NULL)
		return -ENOMEM;
	ret = store_write_begin(agent->store, &txn);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < agent->zones.n; i++) {
		struct zone *zone = agent->zones.zone[i];
		struct store_zone *stored = &agent->stored[i];
		struct zone_times times;

		ret = store_zone_add(txn, zone->apex, stored);
		if (ret < 0) {
			store_write_abort(txn);
			return ret;
		}
		zone->id = stored->id;
		if (!stored->has_content)
			continue;
		times = times_of(zone->conf, stored, now_ms, now_s);
		atomic_store(&zone->expires_at_ms, times.expires_at_ms);
		atomic_store(&zone->stale_at_ms, times.stale_at_ms);
		atomic_store(&zone->serial, stored->serial);
	}
	return store_write_commit(txn);
}

static void on_notify(struct zone *zone, const struct sockaddr *from, const knot_tsig_key_t *key,
		      bool has_serial, uint32_t serial, void *ctx)
{
	struct agent *agent = ctx;

	refresh_notify(agent->refresh, zone, from, key, has_serial, serial);
}

static void stop_agent(void *ctx)
{
	struct agent *agent = ctx;

	if (!agent->stopping)
		uv_stop(&agent->loop);
	agent->stopping = true;
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct agent *agent = handle->data;

	if (signum == SIGHUP) {
		log_warning("SIGHUP ignored: this version reads its configuration only at start");
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
		int ret = uv_signal_init(&agent->loop, &agent->signal[i]);

		if (ret == 0) {
			agent->signal[i].data = agent; /* to be closed */
			ret = uv_signal_start(&agent->signal[i], on_signal, signals[i]);
		}
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* What needs root, and then no more of it. */
static int prepare(struct agent *agent)
{
	struct config *config = agent->config;
	int ret = privilege_make_directory(config->database, config->user);

	if (ret == 0)
		ret = privilege_make_directory(config->rundir, config->user);
	if (ret == 0)
		ret = respond_bind(config, &agent->respond);
	if (ret == 0)
		ret = privilege_open_pins(XNS_PIN_DIR, config->user, &agent->pins);
	return ret == 0 ? privilege_drop(config->user) : ret;
}

static int start(struct agent *agent)
{
	int ret = store_open(agent->config->database, agent->config->database_max_size,
			     &agent->store);

	if (ret < 0)
		return ret;
	ret = load_zones(agent);
	if (ret < 0) {
		log_error("cannot write to the database in %s: %s", agent->config->database,
			  strerror(-ret));
		return ret;
	}
	agent->commands = (struct control_agent){
		.config = agent->config,
		.zones = &agent->zones,
		.pin_dir = agent->pins.path,
		.started_at = clock_real_s(),
		.stop = stop_agent,
		.stop_ctx = agent,
	};
	/* Before anything touches the maps: where another agent listens, they are that one's. */
	ret = control_start(&agent->loop, &agent->commands, &agent->control);
	if (ret == 0)
		ret = apply_start(&agent->loop, agent->store, &agent->zones, agent->config,
				  agent->pins.path, &agent->apply);
	if (ret == 0)
		ret = refresh_start(&agent->loop, agent->config, &agent->zones, agent->stored,
				    agent->store, agent->apply, &agent->refresh);
	if (ret == 0)
		ret = respond_start(agent->respond, agent->store, &agent->zones, on_notify, agent);
	agent->commands.apply = agent->apply;
	agent->commands.refresh = agent->refresh;
	agent->commands.respond = agent->respond;
	return ret;
}

static void stop(struct agent *agent)
{
	for (size_t i = 0; i < sizeof(agent->signal) / sizeof(*agent->signal); i++)
		if (agent->signal[i].data != NULL)
			uv_close((uv_handle_t *)&agent->signal[i], NULL);
	control_stop(agent->control);
	respond_stop(agent->respond);
	refresh_stop(agent->refresh);
	apply_stop(agent->apply);
	uv_run(&agent->loop, UV_RUN_DEFAULT);
	uv_loop_close(&agent->loop);
	store_close(agent->store);
	zone_table_free(&agent->zones);
	free(agent->stored);
	privilege_close_pins(&agent->pins);
	config_free(agent->config);
}

static int run(struct agent *agent)
{
	char pid_path[4096];
	int ret;

	log_set_level(agent->config->log_level);
	ret = uv_loop_init(&agent->loop);
	if (ret < 0)
		return ret;
	ret = zone_table_init(&agent->zones, agent->config);
	if (ret == 0)
		ret = prepare(agent);
	if (ret == 0)
		ret = start(agent);
	if (ret == 0)
		ret = watch_signals(agent);
	if (ret == 0) {
		snprintf(pid_path, sizeof(pid_path), "%s/xnsd.pid", agent->config->rundir);
		ret = privilege_write_pid(pid_path);
	}
	if (ret == 0) {
		log_info("xnsd " XNS_VERSION " started: %zu zones, %zu listen addresses",
			 agent->zones.n, agent->config->n_listen);
		privilege_notify_ready();
		uv_run(&agent->loop, UV_RUN_DEFAULT);
		unlink(pid_path);
	}
	stop(agent);
	if (ret < 0)
		log_error("not started: %s", strerror(-ret));
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"test", no_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	const char *path = CONFIG_PATH_DEFAULT;
	struct agent agent = {.pins.fd = -1};
	bool test = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "c:thV", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			path = optarg;
			break;
		case 't':
			test = true;
			break;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		case 'V':
			printf("xnsd %s\n", XNS_VERSION);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_CONFIG;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "xnsd: %s: no such argument\n", argv[optind]);
		usage(stderr);
		return EXIT_CONFIG;
	}
	if (config_load(path, stderr, &agent.config) < 0)
		return EXIT_CONFIG;
	if (test) {
		printf("%s: correct: %zu zones\n", path, agent.config->n_zones);
		config_free(agent.config);
		return EXIT_SUCCESS;
	}
	return run(&agent);
}
