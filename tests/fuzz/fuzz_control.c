// SPDX-License-Identifier: GPL-3.0-or-later
/* A request on the control socket: what is taken is made again and taken again as the same. */
#include <string.h>

#include "control/protocol.h"
#include "fuzz/fuzz.h"

#define ARGUMENTS 4096

static void check_again(const struct control_command *command, const json_t *arguments)
{
	static char *text[ARGUMENTS];
	size_t n = json_array_size(arguments);
	char error[512] = "", *line;
	json_t *again = NULL;

	CHECK(n >= command->min_arguments && n <= command->max_arguments && n <= ARGUMENTS);
	for (size_t i = 0; i < n; i++)
		text[i] = (char *)json_string_value(json_array_get(arguments, i));
	line = control_request_make(command->name, text, n);
	CHECK(line && line[strlen(line) - 1] == '\n');
	CHECK(control_request_parse(line, strlen(line), &again, error, sizeof(error)) == command);
	CHECK(json_equal(arguments, again));
	json_decref(again);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct control_command *command;
	json_t *arguments = NULL, *value;
	char error[512] = "", *text;

	if (len > CONTROL_REQUEST_MAX)
		return 0;
	command = control_request_parse((const char *)data, len, &arguments, error, sizeof(error));
	if (command) {
		check_again(command, arguments);
		json_decref(arguments);
	} else {
		CHECK(!arguments);
		CHECK(error[0] && strnlen(error, sizeof(error)) < sizeof(error));
		value = control_text(error); /* as it goes into the reply */
		CHECK(value);
		json_decref(value);
	}

	text = malloc(len + 1);
	CHECK(text);
	if (len)
		memcpy(text, data, len);
	text[len] = 0;
	value = control_text(text);
	CHECK(value && json_is_string(value));
	json_decref(value);
	free(text);
	return 0;
}
