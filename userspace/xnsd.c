/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xnsd: the command line; what it starts is in agent/. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "agent/agent.h"
#include "config/config.h"
#include "util/log.h"
#include "util/plural.h"
#include "xns_abi.h"

#define EXIT_CONFIG 2

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
		"SIGHUP: read the configuration again (xnsctl reload tells what came of it).\n"
		"Exit status: 0 stopped as asked, 1 failure, 2 wrong usage or configuration. See xnsd(8).\n");
}

static void stop_loop(void *ctx)
{
	uv_stop(ctx);
}

static int run(struct config *config)
{
	struct agent *agent = NULL;
	uv_loop_t loop;
	int ret = uv_loop_init(&loop);

	if (ret < 0)
		config_free(config);
	else
		ret = agent_start(&loop, config, XNS_PIN_DIR, stop_loop, &loop, &agent);
	if (ret < 0) {
		log_error("not started: %s", strerror(-ret));
		return EXIT_FAILURE;
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	agent_stop(agent);
	uv_loop_close(&loop);
	return EXIT_SUCCESS;
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
	struct config *config;
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
	if (config_load(path, stderr, &config) < 0)
		return EXIT_CONFIG;
	if (test) {
		printf("%s: correct: %zu zone%s\n", path, config->n_zones, plural(config->n_zones));
		config_free(config);
		return EXIT_SUCCESS;
	}
	return run(config);
}
