/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log: one line for each event, on standard error (the journal adds the time; on a terminal or
 * file the line begins with it). Thread-safe. Log an event once, where it is handled.
 */
#ifndef XNS_LOG_H
#define XNS_LOG_H

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* Lines above this level are dropped. INFO at the start. */
void log_set_level(enum log_level level);

/* "error: ...", "warning: ...", "info: ...", "debug: ..."; no newline in fmt. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
