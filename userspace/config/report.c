// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdarg.h>

#include "config/report.h"

static void write_line(const struct config_report *report, unsigned line, const char *kind,
		       const char *key, const char *fmt, va_list args)
{
	char text[2048];

	int len = snprintf(text, sizeof(text), "%s%s", key ? key : "", key ? ": " : "");
	vsnprintf(text + len, sizeof(text) - len, fmt, args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';

	fprintf(report->out, "%s:", report->file);
	if (line)
		fprintf(report->out, "%u:", line);
	fprintf(report->out, " %s%s\n", kind, text);
}

void config_report(struct config_report *report, unsigned line, const char *key, const char *fmt,
		   ...)
{
	va_list args;

	va_start(args, fmt);
	write_line(report, line, "", key, fmt, args);
	va_end(args);
	report->errors++;
}

void config_warn(struct config_report *report, unsigned line, const char *key, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_line(report, line, "warning: ", key, fmt, args);
	va_end(args);
}
