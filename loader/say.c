// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * libbpf and libxdp explain what they do on stderr, most of it of no use to an operator. It is
 * shown with --verbose only; kept are the two kinds of lines that say why something was refused.
 */
#include <stdarg.h>
#include <string.h>

#include "loader.h"

bool say_verbose;

static char kernel_message[256];
static char dispatcher_message[256];

static void say(const char *kind, const char *fmt, va_list ap)
{
	fprintf(stderr, "xnsload: %s", kind);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void say_error(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

void say_warning(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say("warning: ", fmt, ap);
	va_end(ap);
}

/* Keeps the rest of the line behind `prefix`, wherever that stands in it. */
static void keep(const char *line, const char *prefix, char *buf, size_t size)
{
	const char *found = strstr(line, prefix);
	if (!found)
		return;
	found += strlen(prefix);
	size_t len = strcspn(found, "\n");
	if (len >= size)
		len = size - 1;
	memcpy(buf, found, len);
	buf[len] = '\0';
}

static void catch (const char *fmt, va_list ap)
{
	char line[1024];
	va_list copy;
	va_copy(copy, ap);
	vsnprintf(line, sizeof(line), fmt, copy);
	va_end(copy);
	keep(line, "Kernel error message: ", kernel_message, sizeof(kernel_message));
	keep(line, "Compatibility check for dispatcher program failed: ", dispatcher_message,
	     sizeof(dispatcher_message));
	if (say_verbose)
		vfprintf(stderr, fmt, ap);
}

static int catch_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	catch (fmt, ap);
	return 0;
}

static int catch_libxdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	catch (fmt, ap);
	return 0;
}

void say_catch_libraries(void)
{
	libbpf_set_print(catch_libbpf);
	libxdp_set_print(catch_libxdp);
}

void say_forget(void)
{
	kernel_message[0] = '\0';
}

const char *say_kernel_message(void)
{
	return kernel_message[0] ? kernel_message : NULL;
}

const char *say_kernel_suffix(void)
{
	static char text[sizeof(kernel_message) + 32];
	text[0] = '\0';
	if (kernel_message[0])
		snprintf(text, sizeof(text), " (the kernel says: %s)", kernel_message);
	return text;
}

const char *say_dispatcher_message(void)
{
	return dispatcher_message[0] ? dispatcher_message : NULL;
}
