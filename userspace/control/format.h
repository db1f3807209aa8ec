/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The results of commands as text for people. Pure: JSON in, text out. */
#ifndef XNS_CONTROL_FORMAT_H
#define XNS_CONTROL_FORMAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <jansson.h>

#include "control/protocol.h"

#define FORMAT_TEXT_MAX 32

/* "0s", "45s", "3h12m", "13d23h": two units at most, cut, not rounded. Negative: "-3h12m". Returns
 * text. */
const char *format_duration(int64_t seconds, char text[static FORMAT_TEXT_MAX]);
/* "512 B", "4.2 kB", "1.3 GB": powers of 1000. Returns text. */
const char *format_size(uint64_t bytes, char text[static FORMAT_TEXT_MAX]);

/* Columns, aligned; every row has as many cells as the first. */
struct format_table;
struct format_table *format_table_new(size_t n_columns);
/* The next cell, copied; control characters come out as '?'. */
void format_table_add(struct format_table *table, const char *text);
/* The column's cells end at its right edge. */
void format_table_right(struct format_table *table, size_t column);
void format_table_print(const struct format_table *table, FILE *out);
void format_table_free(struct format_table *table);

/* The result of a command. now_s: CLOCK_REALTIME, for "3m ago". */
void format_result(enum control_command_id command, json_t *result, int64_t now_s, FILE *out);

#endif
