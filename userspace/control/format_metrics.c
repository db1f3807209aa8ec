// SPDX-License-Identifier: GPL-3.0-or-later
/* The figures of status and stats in Prometheus' text format. */
#include <inttypes.h>
#include <string.h>

#include "control/format_private.h"

static void family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP xnsd_%s %s\n# TYPE xnsd_%s %s\n", name, help, name, type);
}

/* A sample with one label. */
static void sample(FILE *out, const char *name, const char *label, const char *text, int64_t value)
{
	fprintf(out, "xnsd_%s{%s=\"", name, label);
	for (const char *c = text; *c; c++)
		if (*c == '\n')
			fputs("\\n", out);
		else
			fprintf(out, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
	fprintf(out, "\"} %" PRId64 "\n", value);
}

/* A family of one sample; left out where the value is not known. */
static void single(FILE *out, const char *name, const char *type, const char *help, json_t *value)
{
	if (!json_is_integer(value) && !json_is_boolean(value))
		return;
	family(out, name, type, help);
	fprintf(out, "xnsd_%s %" PRId64 "\n", name,
		json_is_integer(value) ? (int64_t)json_integer_value(value)
				       : (int64_t)json_is_true(value));
}

/* A sample for each name in `counts`. */
static void counters(FILE *out, const char *name, const char *help, const char *label,
		     json_t *counts)
{
	const char *text;
	json_t *count;

	if (!json_is_object(counts))
		return;
	family(out, name, "counter", help);
	json_object_foreach(counts, text, count)
		sample(out, name, label, text, json_integer_value(count));
}

/* A sample of `key` for each map. */
static void of_maps(FILE *out, const char *name, const char *help, json_t *maps, const char *key)
{
	const char *text;
	json_t *map;

	family(out, name, "gauge", help);
	json_object_foreach(maps, text, map) sample(out, name, "map", text, number_of(map, key));
}

static void format_maps_metrics(json_t *path, FILE *out)
{
	json_t *memory = json_object_get(path, "memory"), *maps = json_object_get(memory, "maps");

	single(out, "maps", "gauge", "1: the maps of the packet path are in use.",
	       json_object_get(path, "maps"));
	single(out, "program", "gauge", "1: a program of the packet path is loaded.",
	       json_object_get(path, "program"));
	if (!is_true(path, "maps"))
		return;
	single(out, "maps_zones_active", "gauge", "Zones in force in the maps.",
	       json_object_get(path, "zones_active"));
	single(out, "maps_zones_complete", "gauge",
	       "Zones in force of which every name is in the maps; of others the sockets answer the rest.",
	       json_object_get(path, "zones_complete"));
	single(out, "maps_bytes", "gauge", "Memory of the maps that grow.",
	       json_object_get(memory, "bytes"));
	single(out, "maps_bytes_max", "gauge", "Their bound, server.maps-max-memory.",
	       json_object_get(memory, "bytes_max"));
	single(out, "maps_can_grow", "gauge", "1: the maps can be made larger.",
	       json_object_get(memory, "can_grow"));
	of_maps(out, "map_entries", "Elements in a map.", maps, "entries");
	of_maps(out, "map_entries_max", "Elements that have room in a map as it is now.", maps,
		"entries_max");
	of_maps(out, "map_bytes", "Memory of a map.", maps, "bytes");
}

void format_metrics(json_t *result, FILE *out)
{
	static const char *const states[] = {"active", "expired", "empty"};
	json_t *status = json_object_get(result, "status"),
	       *stats = json_object_get(result, "stats");
	json_t *zones = json_object_get(status, "zones");

	family(out, "info", "gauge", "Always 1; the label says the version.");
	sample(out, "info", "version", text_of(status, "version"), 1);
	single(out, "start_time_seconds", "gauge", "When xnsd was started, since 1970.",
	       json_object_get(status, "started_at"));
	family(out, "zones", "gauge", "Zones by state; only active ones are answered.");
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		sample(out, "zones", "state", states[i], number_of(zones, states[i]));
	single(out, "zones_failing", "gauge",
	       "Zones whose last contact with a primary went wrong, whatever their state.",
	       json_object_get(zones, "failing"));
	format_maps_metrics(json_object_get(status, "packet_path"), out);
	counters(out, "packets_total", "Packets that the program saw, by what became of them.",
		 "outcome", json_object_get(stats, "packet_path"));
	counters(out, "responder_total", "What the sockets did.", "event",
		 json_object_get(stats, "responder"));
}
