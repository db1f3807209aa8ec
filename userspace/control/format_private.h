/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What format*.c share. */
#ifndef XNS_CONTROL_FORMAT_PRIVATE_H
#define XNS_CONTROL_FORMAT_PRIVATE_H

#include "control/format.h"

static inline const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static inline int64_t number_of(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static inline bool has(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);
	return value && !json_is_null(value);
}

static inline bool is_true(json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* A line "name  text" of a two-column table. */
__attribute__((format(printf, 3, 4))) void format_line(struct format_table *table, const char *name,
						       const char *fmt, ...);

/* The line of a zone in the maps. */
void format_maps(struct format_table *table, json_t *maps);
/* The zones of zone-status: a table, or all there is to say of one. */
void format_zones(json_t *zones, int64_t now_s, FILE *out);

/* The result of metrics. */
void format_metrics(json_t *result, FILE *out);

#endif
