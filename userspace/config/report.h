/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The errors of a configuration: one line each, counted, all of them; and warnings. */
#ifndef XNS_CONFIG_REPORT_H
#define XNS_CONFIG_REPORT_H

#include <stddef.h>
#include <stdio.h>

struct config_report {
	FILE *out;
	const char *file;
	size_t errors;
};

/*
 * "FILE:LINE: KEY: text"; line 0: none to tell, key NULL: no key. Control characters in
 * both, which quote the file, come out as '?'.
 */
void config_report(struct config_report *report, unsigned line, const char *key, const char *fmt,
		   ...) __attribute__((format(printf, 4, 5)));

/* The same of what is taken as it is: "FILE:LINE: warning: KEY: text", not counted. */
void config_warn(struct config_report *report, unsigned line, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
