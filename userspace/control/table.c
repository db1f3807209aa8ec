// SPDX-License-Identifier: GPL-3.0-or-later
/* Durations, sizes, and cells in columns. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "control/format_private.h"

#define COLUMNS_MAX 16

const char *format_duration(int64_t seconds, char text[static FORMAT_TEXT_MAX])
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
	uint64_t left = seconds < 0 ? -(uint64_t)seconds : (uint64_t)seconds;
	const char *sign = seconds < 0 ? "-" : "";

	for (size_t i = 0; i < 3; i++) {
		if (left < units[i].seconds)
			continue;
		snprintf(text, FORMAT_TEXT_MAX, "%s%" PRIu64 "%c%" PRIu64 "%c", sign,
			 left / units[i].seconds, units[i].letter,
			 left % units[i].seconds / units[i + 1].seconds, units[i + 1].letter);
		return text;
	}
	snprintf(text, FORMAT_TEXT_MAX, "%s%" PRIu64 "s", sign, left);
	return text;
}

const char *format_size(uint64_t bytes, char text[static FORMAT_TEXT_MAX])
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	double value = bytes / 1000.0;
	size_t unit = 0;

	if (bytes < 1000) {
		snprintf(text, FORMAT_TEXT_MAX, "%" PRIu64 " B", bytes);
		return text;
	}
	/* 999.95 would be shown as 1000.0 */
	while (value >= 999.95 && unit + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1000;
		unit++;
	}
	snprintf(text, FORMAT_TEXT_MAX, "%.1f %s", value, units[unit]);
	return text;
}

struct format_table {
	size_t n_columns, n, size;
	size_t width[COLUMNS_MAX];
	bool right[COLUMNS_MAX];
	char **cell;
};

struct format_table *format_table_new(size_t n_columns)
{
	struct format_table *table = calloc(1, sizeof(*table));

	if (!table || n_columns > COLUMNS_MAX)
		abort();
	table->n_columns = n_columns;
	return table;
}

/* xnsctl is a program of one command: out of memory ends it. */
static void *must(void *p)
{
	if (!p) {
		fputs("xnsctl: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

void format_table_add(struct format_table *table, const char *text)
{
	size_t len = strlen(text), column = table->n % table->n_columns;

	if (table->n == table->size) {
		table->size = table->size ? 2 * table->size : 64;
		table->cell = must(realloc(table->cell, table->size * sizeof(*table->cell)));
	}
	if (len > table->width[column])
		table->width[column] = len;
	char *copy = must(strdup(text));
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	table->cell[table->n++] = copy;
}

void format_table_right(struct format_table *table, size_t column)
{
	table->right[column] = true;
}

void format_table_print(const struct format_table *table, FILE *out)
{
	for (size_t row = 0; row < table->n; row += table->n_columns) {
		/* No blanks at the end of a line: what is empty there is not padded to. */
		size_t last = table->n_columns;
		while (last > 0 && table->cell[row + last - 1][0] == '\0')
			last--;
		for (size_t i = 0; i < last; i++) {
			const char *cell = table->cell[row + i];
			int width = table->width[i];
			if (table->right[i])
				fprintf(out, "%*s", width, cell);
			else
				fprintf(out, "%-*s", i + 1 < last ? width : 0, cell);
			fputs(i + 1 < last ? "  " : "", out);
		}
		putc('\n', out);
	}
}

void format_table_free(struct format_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->n; i++)
		free(table->cell[i]);
	free(table->cell);
	free(table);
}

void format_line(struct format_table *table, const char *name, const char *fmt, ...)
{
	char text[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	format_table_add(table, name);
	format_table_add(table, text);
}
