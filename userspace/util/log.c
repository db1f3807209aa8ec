// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/log.h"

#define LINE_MAX_LEN 2048

static const struct {
	const char *name;
	int syslog; /* priority, sd-daemon(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", 3},
	[LOG_LEVEL_WARNING] = {"warning", 4},
	[LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};

static _Atomic int log_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

/* Does standard error lead straight to the journal? systemd.exec(5), $JOURNAL_STREAM */
static bool stderr_is_journal(void)
{
	static _Atomic int known = -1;
	int is = atomic_load_explicit(&known, memory_order_relaxed);
	if (is >= 0)
		return is;
	is = 0;
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	if (stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0)
		is = st.st_dev == dev && st.st_ino == ino;
	atomic_store_explicit(&known, is, memory_order_relaxed);
	return is;
}

static size_t write_prefix(char *line, size_t size, enum log_level level)
{
	if (stderr_is_journal())
		return snprintf(line, size, "<%d>%s: ", levels[level].syslog, levels[level].name);
	struct timespec now;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	size_t len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	len += snprintf(line + len, size - len, ".%03ld", now.tv_nsec / 1000000);
	len += strftime(line + len, size - len, "%z", &tm);
	return len + snprintf(line + len, size - len, " %s: ", levels[level].name);
}

/* One write(2) a line, so that the lines of several threads do not mix. */
static void log_line(enum log_level level, const char *fmt, va_list args)
{
	if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	int saved_errno = errno;
	char line[LINE_MAX_LEN];
	size_t len = write_prefix(line, sizeof(line) - 1, level);
	size_t room = sizeof(line) - 1 - len;
	int n = vsnprintf(line + len, room, fmt, args);
	size_t end = n < 0 ? len : (size_t)n < room ? len + n : sizeof(line) - 2;
	/* Names and reasons come from outside: none of them starts a line or drives a terminal. */
	for (size_t i = len; i < end; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[end++] = '\n';
	ssize_t written;
	do
		written = write(STDERR_FILENO, line, end);
	while (written < 0 && errno == EINTR);
	errno = saved_errno;
}

#define DEFINE_LOG(function, level)         \
	void function(const char *fmt, ...) \
	{                                   \
		va_list args;               \
		va_start(args, fmt);        \
		log_line(level, fmt, args); \
		va_end(args);               \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warning, LOG_LEVEL_WARNING)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)
