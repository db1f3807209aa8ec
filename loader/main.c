// SPDX-License-Identifier: GPL-3.0-or-later
/* xnsload: loads xnsd's XDP program, pins it with its maps, attaches it to interfaces. See
 * xnsload(8). */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#include "config/config.h"
#include "loader.h"
#include "xns_abi.h"

#define MAX_NAMES_DEFAULT 10000 /* as of server.max-names */

static const struct command {
	const char *name;
	int (*run)(const struct loader_options *options);
	bool changes; /* needs privileges, and complains where the configuration is bad */
} commands[] = {
	{"attach", loader_attach, true},
	{"detach", loader_detach, true},
	{"status", loader_status, false},
};

static const char help[] =
	"usage: xnsload attach|detach|status [OPTION...] [INTERFACE...]\n"
	"\n"
	"  attach   load the program, pin it with its maps, attach it; where it is attached\n"
	"           already, put this version in its place and keep the maps\n"
	"  detach   take it off again; the last detach removes program and maps\n"
	"  status   what is attached and pinned\n"
	"\n"
	"Without INTERFACE: attach takes server.interfaces of the configuration, detach what\n"
	"carries the program, status what carries any XDP program.\n"
	"\n"
	"  -c, --config FILE    configuration (" CONFIG_PATH_DEFAULT "); may be missing when\n"
	"                       interfaces are named\n"
	"  -m, --mode MODE      native, generic, or auto (default): native, else generic\n"
	"  -f, --force          replace somebody else's program\n"
	"  -j, --json           status in JSON\n"
	"  -v, --verbose        show what libbpf and libxdp say, and the verifier's log\n"
	"      --pin-dir DIR    pin there instead of " XNS_PIN_DIR "\n"
	"  -h, --help           this text\n"
	"  -V, --version        version of xnsload and of the maps' ABI\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage or configuration.\n";

struct arguments {
	const struct command *command;
	const char *config_path; /* NULL: the default, if it is there */
	struct loader_options options;
	int exit_status; /* with command NULL */
};

static void usage_error(struct arguments *args, const char *what, const char *which)
{
	say_error("%s%s; see xnsload --help", what, which);
	args->command = NULL;
	args->exit_status = LOADER_USAGE;
}

static bool parse_mode(const char *text, enum xdp_attach_mode *ret)
{
	if (!strcmp(text, "auto"))
		*ret = XDP_MODE_UNSPEC;
	else if (!strcmp(text, "native"))
		*ret = XDP_MODE_NATIVE;
	else if (!strcmp(text, "generic"))
		*ret = XDP_MODE_SKB;
	else
		return false;
	return true;
}

/* 0: go on; 1: help or version was printed; -1: said what is wrong. */
static int parse_options(int argc, char **argv, struct arguments *args)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"mode", required_argument, NULL, 'm'},
		{"force", no_argument, NULL, 'f'},
		{"json", no_argument, NULL, 'j'},
		{"verbose", no_argument, NULL, 'v'},
		{"pin-dir", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{},
	};
	for (int c; (c = getopt_long(argc, argv, "c:m:fjvhV", options, NULL)) != -1;) {
		switch (c) {
		case 'c':
			args->config_path = optarg;
			break;
		case 'm':
			if (parse_mode(optarg, &args->options.mode))
				break;
			usage_error(args, "--mode is native, generic or auto, not ", optarg);
			return -1;
		case 'f':
			args->options.force = true;
			break;
		case 'j':
			args->options.json = true;
			break;
		case 'v':
			say_verbose = true;
			break;
		case 'p':
			args->options.pin_dir = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return 1;
		case 'V':
			printf("xnsload %s, ABI version %d\n", XNS_VERSION, XNS_ABI_VERSION);
			return 1;
		default: /* getopt has said what is wrong */
			args->exit_status = LOADER_USAGE;
			return -1;
		}
	}
	return 0;
}

static void parse_arguments(int argc, char **argv, struct arguments *args)
{
	if (parse_options(argc, argv, args))
		return;
	const char *name = optind < argc ? argv[optind++] : NULL;
	for (size_t i = 0; name && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(name, commands[i].name))
			args->command = &commands[i];
	if (!args->command) {
		usage_error(args, name ? "no such command: " : "attach, detach or status?",
			    name ? name : "");
		return;
	}
	if (args->options.json && args->command->run != loader_status) {
		usage_error(args, "--json is for status", "");
		return;
	}
	args->options.interfaces = (const char **)argv + optind;
	args->options.n_interfaces = argc - optind;
}

/* server.user owns the pins, so that xnsd reaches them when it has become that user. */
static int find_user(const char *name, const char *path, struct loader_options *options)
{
	errno = 0;
	struct passwd *user = getpwnam(name);
	if (!user) {
		say_error("%s: server.user: there is no user %s%s%s; make one (useradd --system "
			  "--shell /usr/sbin/nologin %s) or leave the key out",
			  path, name, errno ? ": " : "", errno ? strerror(errno) : "", name);
		return -EINVAL;
	}
	options->uid = user->pw_uid;
	options->gid = user->pw_gid;
	return 0;
}

/* -ENOENT: the default file is not there. Other errors are said. */
static int read_config(const struct arguments *args, struct config **ret)
{
	const char *path = args->config_path ? args->config_path : CONFIG_PATH_DEFAULT;
	if (!args->config_path && access(path, F_OK) != 0 && errno == ENOENT)
		return -ENOENT;
	char *errors = NULL;
	size_t errors_len = 0;
	FILE *file = open_memstream(&errors, &errors_len);
	if (!file)
		return -ENOMEM;
	int err = config_load(path, file, ret);
	fclose(file);
	/* status helps where things are broken: only a file that was named has to be right. */
	if (err && (args->command->changes || args->config_path))
		fputs(errors, stderr);
	free(errors);
	return err == -ENOENT ? -EINVAL : err;
}

static int apply_config(struct arguments *args, const struct config *config)
{
	struct loader_options *options = &args->options;
	options->max_names = config->max_names;
	options->n_zones = config->n_zones;
	bool use_interfaces = args->command->run == loader_attach || args->config_path;
	if (options->n_interfaces == 0 && use_interfaces) {
		options->interfaces = (const char **)config->interfaces;
		options->n_interfaces = config->n_interfaces;
	}
	return config->user && args->command->changes
		       ? find_user(config->user, config->path, options)
		       : 0;
}

/* Better one sentence now than EPERM from somewhere deep in a library. */
static bool may_change_the_kernel(const struct command *command)
{
	static const cap_value_t needed[] = {CAP_NET_ADMIN, CAP_SYS_ADMIN};
	cap_t caps = cap_get_proc();
	bool all = caps != NULL;
	for (size_t i = 0; all && i < sizeof(needed) / sizeof(needed[0]); i++) {
		cap_flag_value_t is_set = CAP_CLEAR;
		all = cap_get_flag(caps, needed[i], CAP_EFFECTIVE, &is_set) == 0 &&
		      is_set == CAP_SET;
	}
	if (caps)
		cap_free(caps);
	if (!all)
		say_error("no permission to %s: run it as root (needed are CAP_BPF, CAP_NET_ADMIN "
			  "and, for libxdp's dispatcher, CAP_SYS_ADMIN)",
			  command->name);
	return all;
}

int main(int argc, char **argv)
{
	struct arguments args = {.options = {
					 .pin_dir = XNS_PIN_DIR,
					 .max_names = MAX_NAMES_DEFAULT,
					 .uid = -1,
					 .gid = -1,
				 }};
	struct config *config = NULL;
	int status = LOADER_USAGE;
	setlinebuf(stdout); /* in order with the warnings on stderr */
	parse_arguments(argc, argv, &args);
	if (!args.command)
		return args.exit_status;
	int err = read_config(&args, &config);
	if (!err)
		err = apply_config(&args, config);
	if (err && err != -ENOENT && (args.command->changes || args.config_path))
		goto out;
	if (args.command->run == loader_attach && args.options.n_interfaces == 0) {
		say_error("attach to which interface? Name it, or set server.interfaces in %s",
			  args.config_path ? args.config_path : CONFIG_PATH_DEFAULT);
		goto out;
	}
	status = LOADER_FAILED;
	if (args.command->changes && !may_change_the_kernel(args.command))
		goto out;
	say_catch_libraries();
	status = args.command->run(&args.options);
	if (fflush(stdout) != 0) {
		say_error("cannot write: %s", strerror(errno));
		status = LOADER_FAILED;
	}
out:
	config_free(config);
	return status;
}
