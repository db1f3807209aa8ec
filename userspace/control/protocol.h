/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What xnsd and xnsctl share: the commands, and a request as bytes. */
#ifndef XNS_CONTROL_PROTOCOL_H
#define XNS_CONTROL_PROTOCOL_H

#include <stddef.h>
#include <jansson.h>

#define CONTROL_REQUEST_MAX (64u << 10)
#define CONTROL_REPLY_MAX   (1ull << 30) /* 100,000 zones are 60 MB */

enum control_command_id {
	CONTROL_STATUS,
	CONTROL_ZONE_STATUS,
	CONTROL_ZONE_REFRESH,
	CONTROL_ZONE_RETRANSFER,
	CONTROL_ZONE_NOTIFY,
	CONTROL_ZONE_EXPORT,
	CONTROL_ZONE_ADD,
	CONTROL_ZONE_REMOVE,
	CONTROL_ZONE_PURGE,
	CONTROL_RELOAD,
	CONTROL_STATS,
	CONTROL_METRICS,
	CONTROL_LOOKUP,
	CONTROL_STOP,
	CONTROL_COMMAND_COUNT,
};

struct control_command {
	const char *name;
	const char *arguments; /* synopsis, "" for none */
	const char *summary;   /* one line */
	const char *help;      /* more lines */
	size_t min_arguments, max_arguments;
};

extern const struct control_command control_commands[CONTROL_COMMAND_COUNT];

/* In place of zones: every zone; those in the store that are not held. */
#define CONTROL_ALL    "--all"
#define CONTROL_ORPHAN "--orphan"

/* The command of this name, or NULL. */
const struct control_command *control_command_find(const char *name);

/*
 * Checks a command with its arguments. NULL: not good, and `error` says why and what is allowed.
 */
const struct control_command *control_command_check(const char *name, size_t n_arguments,
						    char *error, size_t error_len);

/* A line of JSON with its newline, to be freed; NULL: out of memory, or an argument that is not
 * UTF-8. */
char *control_request_make(const char *command, char *const *arguments, size_t n_arguments);

/*
 * The line (newline not needed) back: the command, and its arguments as a JSON array of strings,
 * new reference. NULL: not a good request, `error` says why.
 */
const struct control_command *control_request_parse(const char *line, size_t len,
						    json_t **ret_arguments, char *error,
						    size_t error_len);

/* A JSON string of any text: bytes that are not printable ASCII become '?' if it is not UTF-8. */
json_t *control_text(const char *text);

#endif
