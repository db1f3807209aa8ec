// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdarg.h>

#include "config/report.h"

void config_report(struct config_report *report, unsigned line, const char *key, const char *fmt,
		   ...)
{
	char text[2048];
	va_list args;

	int len = snprintf(text, sizeof(text), "%s%s", key ? key : "", key ? ": " : "");
	va_start(args, fmt);
	vsnprintf(text + len, sizeof(text) - len, fmt, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';

	fprintf(report->out, "%s:", report->file);
	if (line)
		fprintf(report->out, "%u:", line);
	fprintf(report->out, " %s\n", text);
	report->errors++;
}
