// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/protocol.h"

#define ARGUMENTS_MAX 4096 /* CONTROL_REQUEST_MAX binds earlier */

const struct control_command control_commands[CONTROL_COMMAND_COUNT] = {
	[CONTROL_STATUS] =
		{"status", "", "the agent: version, uptime, zones by state, packet path",
		 "Zones are counted by state: active (answered), expired (SERVFAIL: the SOA's expire has "
		 "passed) and empty\n(SERVFAIL: never transferred). Failing are those whose last contact "
		 "with a primary failed, whatever their state.",
		 0, 0},
	[CONTROL_ZONE_STATUS] =
		{"zone-status", "[ZONE...]",
		 "zones: serial, state, primary, last transfer, next refresh, last error",
		 "One zone: all about it. Several zones, or none named (all zones): a table.\n"
		 "The state is what a client sees: only an active zone is answered, the others give "
		 "SERVFAIL.",
		 0, ARGUMENTS_MAX},
	[CONTROL_ZONE_REFRESH] =
		{"zone-refresh", "ZONE...|--all", "ask the primaries for the serial now",
		 "The zone is transferred if the primary's serial is newer. Returns at once: "
		 "zone-status shows what came of it.",
		 1, ARGUMENTS_MAX},
	[CONTROL_ZONE_RETRANSFER] =
		{"zone-retransfer", "ZONE...|--all", "transfer in full now, whatever the serial",
		 "The old content is served until the transfer is complete. Returns at once: "
		 "zone-status shows what came of it.",
		 1, ARGUMENTS_MAX},
	[CONTROL_ZONE_NOTIFY] =
		{"zone-notify", "ZONE...|--all", "tell the secondaries (notify) the serial again",
		 "Sends NOTIFY to the remotes in the zone's notify list. Returns at once: zone-status "
		 "shows who has answered.",
		 1, ARGUMENTS_MAX},
	[CONTROL_ZONE_EXPORT] =
		{"zone-export", "ZONE [FILE]", "write a zone as a zone file",
		 "To standard output, or to FILE, which is replaced in one step when all of the zone is "
		 "there (by the user\nwho runs xnsctl, mode 0640). The file is one that a new primary "
		 "can load.",
		 1, 2},
	[CONTROL_ZONE_ADD] =
		{"zone-add", "ZONE TEMPLATE",
		 "hold a zone, as a template of the configuration says",
		 "Where server.zone-add allows it. The zone is held until zone-remove, over restarts "
		 "and reloads too.",
		 2, 2},
	[CONTROL_ZONE_REMOVE] =
		{"zone-remove", "ZONE", "hold a zone no more that was added by zone-add",
		 "What the store has of it stays, for the case that it is added again; zone-purge drops "
		 "that.",
		 1, 1},
	[CONTROL_ZONE_PURGE] =
		{"zone-purge", "ZONE|--orphan", "drop what the store has of a zone",
		 "A zone that is held answers SERVFAIL until it has been transferred anew. --orphan: of "
		 "all zones that are\nnot held any more.",
		 1, 1},
	[CONTROL_RELOAD] =
		{"reload", "", "read the configuration file again and put it into force",
		 "Zones, remotes, keys, rules and limits change without a lost query or transfer. What "
		 "takes a restart is named in\nthe log and stays as it was. A file with errors changes "
		 "nothing.",
		 0, 0},
	[CONTROL_STATS] =
		{"stats", "", "counters of the packet path by outcome, and of the responder",
		 "The packet path's counters live as long as its maps; the responder's begin at zero when "
		 "xnsd starts.",
		 0, 0},
	[CONTROL_METRICS] =
		{"metrics", "", "the figures of status and stats, as Prometheus reads them",
		 "In Prometheus' text format, for example for the textfile collector of its node exporter.",
		 0, 0},
	[CONTROL_LOOKUP] =
		{"lookup", "NAME [TYPE]", "what the maps hold for a name, as records",
		 "For each type the answer as it leaves from the interface. TYPE shows that type alone, or "
		 "what is answered\nin its place.",
		 1, 2},
	[CONTROL_STOP] =
		{"stop", "", "end xnsd",
		 "Answers at the interface go on from the maps, each zone until its SOA's expire, until the "
		 "program is detached\n(xnsload detach).",
		 0, 0},
};

const struct control_command *control_command_find(const char *name)
{
	for (size_t i = 0; i < CONTROL_COMMAND_COUNT; i++)
		if (strcmp(control_commands[i].name, name) == 0)
			return &control_commands[i];
	return NULL;
}

static void list_commands(char *text, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < CONTROL_COMMAND_COUNT && len < size; i++)
		len += snprintf(text + len, size - len, "%s%s", i ? ", " : "",
				control_commands[i].name);
}

const struct control_command *control_command_check(const char *name, size_t n_arguments,
						    char *error, size_t error_len)
{
	const struct control_command *command = control_command_find(name);

	if (!command) {
		char names[384];
		list_commands(names, sizeof(names));
		snprintf(error, error_len, "unknown command '%.60s'; there are %s", name, names);
		return NULL;
	}
	if (n_arguments < command->min_arguments || n_arguments > command->max_arguments) {
		if (command->max_arguments == 0)
			snprintf(error, error_len, "%s takes no arguments", command->name);
		else
			snprintf(error, error_len, "%s takes %s", command->name,
				 command->arguments);
		return NULL;
	}
	return command;
}

char *control_request_make(const char *command, char *const *arguments, size_t n_arguments)
{
	json_t *list = json_array(), *request = NULL;
	char *text = NULL, *line = NULL;

	for (size_t i = 0; i < n_arguments; i++)
		if (json_array_append_new(list, json_string(arguments[i])) < 0)
			goto out;
	request = json_pack("{s:s, s:O}", "command", command, "arguments", list);
	text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	line = text ? malloc(strlen(text) + 2) : NULL;
	if (line)
		sprintf(line, "%s\n", text);
out:
	free(text);
	json_decref(request);
	json_decref(list);
	return line;
}

const struct control_command *control_request_parse(const char *line, size_t len,
						    json_t **ret_arguments, char *error,
						    size_t error_len)
{
	const struct control_command *command = NULL;
	json_error_t fault;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &fault), *list;
	const char *name;
	size_t i;
	json_t *item;

	if (!request) {
		snprintf(error, error_len, "the request is not JSON: %s", fault.text);
		return NULL;
	}
	name = json_string_value(json_object_get(request, "command"));
	list = json_object_get(request, "arguments");
	list = list ? json_incref(list) : json_array();
	if (!name || !json_is_array(list)) {
		snprintf(error, error_len,
			 "the request is not {\"command\": \"...\", \"arguments\": [...]}");
		goto out;
	}
	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item)) {
			snprintf(error, error_len, "argument %zu of the request is not a string",
				 i + 1);
			goto out;
		}
	}
	command = control_command_check(name, json_array_size(list), error, error_len);
	if (command)
		*ret_arguments = json_incref(list);
out:
	json_decref(list);
	json_decref(request);
	return command;
}

json_t *control_text(const char *text)
{
	json_t *value = json_string(text);
	char *copy;

	if (value)
		return value;
	copy = strdup(text);
	for (char *c = copy; c && *c; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			*c = '?';
	value = copy ? json_string(copy) : NULL;
	free(copy);
	return value;
}
