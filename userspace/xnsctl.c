// SPDX-License-Identifier: GPL-3.0-or-later
/* xnsctl: one command to a running xnsd. Exit status 0: done, 1: xnsd refused or was not there, 2:
 * wrong usage. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "control/control.h"
#include "control/format.h"
#include "control/protocol.h"

#define EXIT_USAGE     2
#define TIMEOUT_S      10
#define TIMEOUT_LONG_S 120 /* of what waits for the agent, or for a large zone */
#define TIMEOUT_MAX_S  86400

struct options {
	const char *config; /* NULL: none given */
	const char *socket;
	unsigned timeout_s;
	bool json;
	bool all, orphan;
	const char *file; /* zone-export */
	bool help;
	bool version;
};

static void print_usage(FILE *out)
{
	int width = 0;

	fprintf(out, "usage: xnsctl [options] COMMAND [ARGUMENT...]\n\ncommands:\n");
	for (size_t i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		int len = strlen(control_commands[i].name) + 1 +
			  strlen(control_commands[i].arguments);
		width = len > width ? len : width;
	}
	for (size_t i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		const struct control_command *command = &control_commands[i];
		int len = fprintf(out, "  %s %s", command->name, command->arguments) - 2;
		fprintf(out, "%*s  %s\n", width - len, "", command->summary);
	}
	fprintf(out,
		"\noptions:\n"
		"  -c, --config FILE   configuration, for the socket's place (%s)\n"
		"  -s, --socket PATH   the control socket itself\n"
		"  -t, --timeout S     seconds of silence to wait for (%d; %d where xnsd has to work for it)\n"
		"  -j, --json          print the result as JSON\n"
		"  -h, --help          this text; with a command, about that command\n"
		"  -V, --version       print the version\n",
		CONFIG_PATH_DEFAULT, TIMEOUT_S, TIMEOUT_LONG_S);
}

static void print_command_help(const struct control_command *command)
{
	printf("usage: xnsctl [options] %s%s%s\n\n%s\n\n%s\n", command->name,
	       command->arguments[0] ? " " : "", command->arguments, command->summary,
	       command->help);
}

/* Options may stand behind the command; --all is an argument of it. 0, or -1: said on standard
 * error. */
static int parse_options(int argc, char **argv, struct options *ret)
{
	enum {
		OPTION_ALL = 256,
		OPTION_ORPHAN,
	};
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"socket", required_argument, NULL, 's'},
		{"timeout", required_argument, NULL, 't'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{"all", no_argument, NULL, OPTION_ALL},
		{"orphan", no_argument, NULL, OPTION_ORPHAN},
		{0},
	};
	int option;
	char *end;

	while ((option = getopt_long(argc, argv, "c:s:t:jhV", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			ret->config = optarg;
			break;
		case 's':
			ret->socket = optarg;
			break;
		case 't':
			errno = 0;
			unsigned long seconds = strtoul(optarg, &end, 10);
			if (errno || *end || end == optarg || seconds < 1 ||
			    seconds > TIMEOUT_MAX_S) {
				fprintf(stderr,
					"xnsctl: timeout '%s' is not a number of seconds from 1 to %d\n",
					optarg, TIMEOUT_MAX_S);
				return -1;
			}
			ret->timeout_s = seconds;
			break;
		case 'j':
			ret->json = true;
			break;
		case OPTION_ALL:
			ret->all = true;
			break;
		case OPTION_ORPHAN:
			ret->orphan = true;
			break;
		case 'h':
			ret->help = true;
			break;
		case 'V':
			ret->version = true;
			break;
		default:
			fprintf(stderr, "xnsctl --help lists commands and options\n");
			return -1;
		}
	}
	return 0;
}

/* The socket's path, to be freed; NULL: said on standard error. */
static char *find_socket(const struct options *options)
{
	const char *config = options->config ? options->config : CONFIG_PATH_DEFAULT;
	char *rundir = NULL, *path = NULL;
	int err;

	if (options->socket)
		return strdup(options->socket);
	err = config_read_rundir(config, stderr, &rundir);
	if (err == -EINVAL) {
		fprintf(stderr, "xnsctl: the socket's place is not known; give it with --socket\n");
		return NULL;
	}
	/* Without a configuration of its own choice a client that may not read it still finds the
	 * usual place. */
	if (err < 0 && !options->config)
		rundir = strdup(CONFIG_RUNDIR_DEFAULT);
	else if (err < 0)
		fprintf(stderr, "xnsctl: %s: %s\n", config, strerror(-err));
	if (rundir && asprintf(&path, "%s/%s", rundir, CONTROL_SOCKET) < 0)
		path = NULL;
	free(rundir);
	return path;
}

/* The request line, to be freed; NULL: wrong usage, said on standard error. */
static char *make_request(const struct options *options, const struct control_command *command,
			  char **arguments, size_t n_arguments)
{
	char *special[] = {options->all ? CONTROL_ALL : CONTROL_ORPHAN}, error[512], *line;

	if (options->all || options->orphan) {
		bool allowed = options->all && options->orphan ? false
			       : command == &control_commands[CONTROL_ZONE_STATUS]
				       ? options->all
				       : strstr(command->arguments, special[0]) != NULL;

		if (n_arguments > 0 || !allowed) {
			fprintf(stderr, "xnsctl: %s %s\n", command->name,
				n_arguments > 0 ? "takes either that or zones, not both"
						: "has no such option");
			return NULL;
		}
		arguments = special;
		n_arguments = 1;
	}
	if (!control_command_check(command->name, n_arguments, error, sizeof(error))) {
		fprintf(stderr, "xnsctl: %s\n", error);
		return NULL;
	}
	line = control_request_make(command->name, arguments, n_arguments);
	if (!line || strlen(line) > CONTROL_REQUEST_MAX) {
		fprintf(stderr, "xnsctl: the arguments are %s\n",
			line ? "too long: at most 64 KiB" : "not text");
		free(line);
		return NULL;
	}
	return line;
}

static bool waits(const struct control_command *command)
{
	switch ((enum control_command_id)(command - control_commands)) {
	case CONTROL_ZONE_EXPORT:
	case CONTROL_ZONE_ADD:
	case CONTROL_ZONE_REMOVE:
	case CONTROL_ZONE_PURGE:
	case CONTROL_RELOAD:
		return true;
	default:
		return false;
	}
}

/* Replaces the file in one step, or leaves it as it was. 0, or -1: said on standard error. */
static int write_file(const char *path, json_t *result)
{
	char *temporary = NULL;
	FILE *out = NULL;
	int fd = -1;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		temporary = NULL;
	fd = temporary ? mkostemp(temporary, O_CLOEXEC) : -1;
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out)
		goto failed;
	format_result(CONTROL_ZONE_EXPORT, result, 0, out);
	if (ferror(out) || fflush(out) != 0 || fchmod(fd, 0640) < 0 || fsync(fd) < 0 ||
	    rename(temporary, path) < 0)
		goto failed;
	fclose(out);
	free(temporary);
	return 0;
failed:
	fprintf(stderr, "xnsctl: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		unlink(temporary);
	if (out)
		fclose(out);
	else if (fd >= 0)
		close(fd);
	free(temporary);
	return -1;
}

static int print_reply(const struct options *options, const struct control_command *command,
		       const char *text, size_t len)
{
	json_error_t fault;
	json_t *reply = json_loadb(text, len, 0, &fault);
	const char *error = json_string_value(json_object_get(reply, "error"));
	json_t *result = json_object_get(reply, "result");
	int status = EXIT_FAILURE;

	if (!reply || (!error && !result)) {
		fprintf(stderr, "xnsctl: the answer of xnsd is cut short or not understood\n");
	} else if (error) {
		fprintf(stderr, "xnsctl: %s\n", error);
	} else if (options->file) {
		if (write_file(options->file, result) == 0)
			status = EXIT_SUCCESS;
	} else if (options->json) {
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		putchar('\n');
		status = EXIT_SUCCESS;
	} else {
		format_result(command - control_commands, result, time(NULL), stdout);
		status = EXIT_SUCCESS;
	}
	json_decref(reply);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "xnsctl: the output cannot be written: %s\n", strerror(errno));
		status = EXIT_FAILURE;
	}
	return status;
}

static int run(const struct options *options, const struct control_command *command,
	       char **arguments, size_t n_arguments)
{
	char *request = make_request(options, command, arguments, n_arguments), *path,
	     *reply = NULL;
	int status = EXIT_USAGE;
	char error[512];
	size_t len;

	if (!request)
		return EXIT_USAGE;
	path = find_socket(options);
	if (!path)
		goto out;
	status = EXIT_FAILURE;
	if (control_exchange(path, request, options->timeout_s, &reply, &len, error,
			     sizeof(error)) < 0)
		fprintf(stderr, "xnsctl: %s\n", error);
	else
		status = print_reply(options, command, reply, len);
out:
	free(reply);
	free(path);
	free(request);
	return status;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	const struct control_command *command = NULL;
	char error[512];

	if (parse_options(argc, argv, &options) < 0)
		return EXIT_USAGE;
	if (options.version) {
		printf("xnsctl %s\n", XNS_VERSION);
		return EXIT_SUCCESS;
	}
	if (optind < argc)
		command = control_command_find(argv[optind]);
	if (optind < argc && !command) {
		control_command_check(argv[optind], 0, error, sizeof(error));
		fprintf(stderr, "xnsctl: %s\n", error);
		return EXIT_USAGE;
	}
	if (options.help) {
		if (command)
			print_command_help(command);
		else
			print_usage(stdout);
		return EXIT_SUCCESS;
	}
	if (!command) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (options.timeout_s == 0)
		options.timeout_s = waits(command) ? TIMEOUT_LONG_S : TIMEOUT_S;
	if (command == &control_commands[CONTROL_ZONE_EXPORT] && argc - optind == 3)
		options.file = argv[--argc]; /* ours to write, not xnsd's */
	return run(&options, command, argv + optind + 1, argc - optind - 1);
}
