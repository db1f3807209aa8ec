// SPDX-License-Identifier: GPL-3.0-or-later
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "control/format_private.h"
#include "util/plural.h"

/* "2026-11-21 22:13:25 (3m12s ago)" */
static const char *format_time(int64_t at, int64_t now_s, char text[static 96])
{
	char when[64] = "?", ago[FORMAT_TEXT_MAX];
	time_t time = at;
	struct tm tm;

	if (localtime_r(&time, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text, 96, "%s (%s ago)", when, format_duration(now_s > at ? now_s - at : 0, ago));
	return text;
}

/* When the next refresh is, or what goes on instead. */
static const char *format_refresh(json_t *zone, char text[static FORMAT_TEXT_MAX])
{
	const char *activity = text_of(zone, "activity");

	if (strcmp(activity, "idle") == 0 || strcmp(activity, "waiting") == 0)
		return format_duration(number_of(zone, "next_refresh_s"), text);
	snprintf(text, FORMAT_TEXT_MAX, "%s", activity);
	return text;
}

static void format_zone_table(json_t *zones, FILE *out)
{
	static const char *const head[] = {"ZONE",    "STATE",	 "SERIAL",  "ANSWERED BY",
					   "PRIMARY", "REFRESH", "EXPIRES", "LAST ERROR"};
	struct format_table *table = format_table_new(8);
	char text[FORMAT_TEXT_MAX];
	json_t *zone;
	size_t i;

	for (i = 0; i < 8; i++)
		format_table_add(table, head[i]);
	format_table_right(table, 2);
	format_table_right(table, 5);
	format_table_right(table, 6);
	json_array_foreach(zones, i, zone)
	{
		format_table_add(table, text_of(zone, "zone"));
		format_table_add(table, text_of(zone, "state"));
		snprintf(text, sizeof(text), "%" PRId64, number_of(zone, "serial"));
		format_table_add(table, has(zone, "serial") ? text : "-");
		format_table_add(table, text_of(zone, "answered_by"));
		format_table_add(table, has(zone, "primary") ? text_of(zone, "primary") : "-");
		format_table_add(table, format_refresh(zone, text));
		format_table_add(table,
				 has(zone, "expires_in_s")
					 ? format_duration(number_of(zone, "expires_in_s"), text)
					 : "-");
		format_table_add(table, text_of(json_object_get(zone, "last_error"), "text"));
	}
	format_table_print(table, out);
	format_table_free(table);
}

static const char *denial_text(json_t *maps)
{
	const char *denial = text_of(maps, "denial");

	if (!is_true(maps, "signed"))
		return "";
	return strcmp(denial, "nsec") == 0    ? ", signed with NSEC"
	       : strcmp(denial, "nsec3") == 0 ? ", signed with NSEC3"
					      : ", signed (proofs come from the sockets)";
}

void format_maps(struct format_table *table, json_t *maps)
{
	if (json_is_null(maps))
		format_line(table, "in the maps", "no");
	else if (strcmp(text_of(maps, "state"), "loading") == 0)
		format_line(table, "in the maps", "not in force (loading)");
	else
		format_line(table, "in the maps", "%s, serial %" PRId64 ", %s%s",
			    text_of(maps, "state"), number_of(maps, "serial"),
			    is_true(maps, "complete") ? "complete" : "not complete",
			    denial_text(maps));
}

static void format_last(struct format_table *table, json_t *zone, int64_t now_s)
{
	json_t *transfer = json_object_get(zone, "last_transfer"),
	       *error = json_object_get(zone, "last_error");
	char when[96], size[FORMAT_TEXT_MAX];

	if (json_is_null(transfer))
		format_line(table, "last transfer", "none");
	else
		format_line(table, "last transfer",
			    "%s: %s, %" PRId64 " record%s, %s in %" PRId64 " ms from %s",
			    format_time(number_of(transfer, "at"), now_s, when),
			    text_of(transfer, "kind"), number_of(transfer, "records"),
			    plural(number_of(transfer, "records")),
			    format_size(number_of(transfer, "bytes"), size),
			    number_of(transfer, "duration_ms"), text_of(transfer, "primary"));
	if (json_is_null(error))
		format_line(table, "last error", "none since the last success");
	else
		format_line(table, "last error", "%s: %s",
			    format_time(number_of(error, "at"), now_s, when),
			    text_of(error, "text"));
}

/* "ns1 192.0.2.1@53 (TLS): serial 7, answered 3m12s ago; 2s ago: refused" */
static void format_primaries(struct format_table *table, json_t *list, int64_t now_s)
{
	json_t *primary;
	size_t i;

	json_array_foreach(list, i, primary)
	{
		char serial[96] = "not asked yet", error[512] = "", ago[FORMAT_TEXT_MAX];

		if (has(primary, "answered_at"))
			snprintf(serial, sizeof(serial), "serial %" PRId64 ", answered %s ago",
				 number_of(primary, "serial"),
				 format_duration(now_s - number_of(primary, "answered_at"), ago));
		else if (has(primary, "asked_at"))
			snprintf(serial, sizeof(serial), "no answer yet");
		if (has(primary, "error"))
			snprintf(error, sizeof(error), "; %s ago: %s",
				 format_duration(now_s - number_of(primary, "error_at"), ago),
				 text_of(primary, "error"));
		format_line(table, i == 0 ? "primaries" : "", "%s %s%s: %s%s",
			    text_of(primary, "id"), text_of(primary, "address"),
			    is_true(primary, "tls") ? " (TLS)" : "", serial, error);
	}
}

static void format_notifies(struct format_table *table, json_t *list)
{
	json_t *status;
	size_t i;

	json_array_foreach(list, i, status)
	{
		const char *state =
			is_true(status, "waiting") ? "waiting for an answer" : "acknowledged";
		bool failed = has(status, "error");

		format_line(table, i == 0 ? "notify" : "",
			    "%s %s: serial %" PRId64 ", %" PRId64 " %s, %s%s%s",
			    text_of(status, "id"), text_of(status, "address"),
			    number_of(status, "serial"), number_of(status, "tries"),
			    number_of(status, "tries") == 1 ? "try" : "tries",
			    failed && !is_true(status, "waiting") ? "given up" : state,
			    failed ? ": " : "", text_of(status, "error"));
	}
}

static void format_journal(struct format_table *table, json_t *journal)
{
	char size[FORMAT_TEXT_MAX];

	if (json_is_null(journal) || !journal)
		return;
	if (number_of(journal, "depth") == 0)
		format_line(table, "journal", "empty");
	else
		format_line(table, "journal",
			    "%" PRId64 " difference%s from serial %" PRId64 " on, %s",
			    number_of(journal, "depth"), plural(number_of(journal, "depth")),
			    number_of(journal, "from_serial"),
			    format_size(number_of(journal, "bytes"), size));
}

static void format_source(struct format_table *table, json_t *zone)
{
	const char *source = text_of(zone, "source");

	format_line(table, "source", "%s%s",
		    strcmp(source, "config") == 0    ? "configuration file"
		    : strcmp(source, "catalog") == 0 ? "catalog zone "
						     : "zone-add",
		    text_of(zone, "catalog"));
}

static void format_zone(json_t *zone, int64_t now_s, FILE *out)
{
	struct format_table *table = format_table_new(2);
	const char *state = text_of(zone, "state");
	char text[FORMAT_TEXT_MAX], when[96];

	format_line(table, "zone", "%s", text_of(zone, "zone"));
	format_line(table, "state", "%s%s", state,
		    strcmp(state, "empty") == 0	    ? " (never transferred)"
		    : strcmp(state, "expired") == 0 ? " (not confirmed by a primary in time)"
						    : "");
	format_line(table, "answered by", "%s", text_of(zone, "answered_by"));
	if (has(zone, "serial"))
		format_line(table, "serial", "%" PRId64, number_of(zone, "serial"));
	if (has(zone, "records"))
		format_line(table, "records", "%" PRId64, number_of(zone, "records"));
	if (has(zone, "source"))
		format_source(table, zone);
	format_line(table, "primary", "%s",
		    has(zone, "primary") ? text_of(zone, "primary") : "none asked yet");
	format_primaries(table, json_object_get(zone, "primaries"), now_s);
	format_line(table, "activity", "%s", text_of(zone, "activity"));
	if (number_of(zone, "next_refresh_s") > 0)
		format_line(table, "next refresh", "in %s",
			    format_duration(number_of(zone, "next_refresh_s"), text));
	else
		format_line(table, "next refresh", "now");
	if (has(zone, "stale_at"))
		format_line(table, "stale",
			    "since %s: not confirmed by a primary for a refresh and a retry",
			    format_time(number_of(zone, "stale_at"), now_s, when));
	int64_t expires_in_s = number_of(zone, "expires_in_s");
	if (has(zone, "expires_in_s"))
		format_line(table, "expires", "%s%s%s", expires_in_s < 0 ? "" : "in ",
			    format_duration(expires_in_s < 0 ? -expires_in_s : expires_in_s, text),
			    expires_in_s < 0 ? " ago" : "");
	format_maps(table, json_object_get(zone, "maps"));
	format_last(table, zone, now_s);
	format_journal(table, json_object_get(zone, "journal"));
	format_notifies(table, json_object_get(zone, "notify"));
	format_table_print(table, out);
	format_table_free(table);
}

void format_zones(json_t *zones, int64_t now_s, FILE *out)
{
	if (json_array_size(zones) == 1)
		format_zone(json_array_get(zones, 0), now_s, out);
	else
		format_zone_table(zones, out);
}
