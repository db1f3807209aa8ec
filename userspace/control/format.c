// SPDX-License-Identifier: GPL-3.0-or-later
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/format.h"
#include "xns_abi.h"

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static int64_t number_of(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static bool has(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);
	return value && !json_is_null(value);
}

static bool is_true(json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* A line "name  text" of a two-column table. */
__attribute__((format(printf, 3, 4))) static void add_line(struct format_table *table,
							   const char *name, const char *fmt, ...)
{
	char text[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	format_table_add(table, name);
	format_table_add(table, text);
}

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

static void join(json_t *list, char *text, size_t size)
{
	size_t len = 0, i;
	json_t *item;

	text[0] = '\0';
	json_array_foreach(list, i, item) if (len < size) len +=
		snprintf(text + len, size - len, "%s%s", i ? ", " : "", json_string_value(item));
}

/* What the maps take, of what they may. */
static void format_memory(struct format_table *table, json_t *memory)
{
	json_t *maps = json_object_get(memory, "maps"), *map;
	char bytes[FORMAT_TEXT_MAX], max[FORMAT_TEXT_MAX] = "no bound";
	int64_t images = 0;
	const char *name;

	json_object_foreach(maps, name, map) if (strncmp(name, "images_", 7) == 0) images +=
		number_of(map, "entries");
	if (json_is_integer(json_object_get(memory, "bytes_max")))
		format_size(number_of(memory, "bytes_max"), max);
	add_line(table, "", "%" PRId64 " nodes, %" PRId64 " images; %s in use, bound: %s",
		 number_of(json_object_get(maps, "nodes"), "entries"), images,
		 format_size(number_of(memory, "bytes"), bytes), max);
	if (!is_true(memory, "can_grow"))
		add_line(table, "",
			 "cannot grow: room for %" PRId64 " nodes (see server.max-names)",
			 number_of(json_object_get(maps, "nodes"), "entries_max"));
}

static void format_packet_path(struct format_table *table, json_t *path, int64_t n_zones)
{
	json_t *program = json_object_get(path, "program");

	if (!is_true(path, "maps")) {
		add_line(table, "packet path", "%s",
			 json_is_true(program)
				 ? "a program is pinned, but its maps are not in use; see the log"
				 : "none: the sockets answer everything (xnsload attach)");
		return;
	}
	add_line(table, "packet path", "maps of ABI %" PRId64 ", %s",
		 number_of(path, "abi_version"),
		 json_is_true(program)	  ? "program loaded (its interfaces: xnsload status)"
		 : json_is_false(program) ? "but no program: nothing is answered at the interface"
					  : "whether a program is loaded cannot be seen from here");
	add_line(table, "", "%" PRId64 " of %" PRId64 " zones in force there, %" PRId64 " complete",
		 number_of(path, "zones_active"), n_zones, number_of(path, "zones_complete"));
	format_memory(table, json_object_get(path, "memory"));
}

static void format_status(json_t *result, FILE *out)
{
	struct format_table *table = format_table_new(2);
	json_t *zones = json_object_get(result, "zones");
	char text[1024];

	add_line(table, "xnsd", "%s, pid %" PRId64 ", up %s", text_of(result, "version"),
		 number_of(result, "pid"), format_duration(number_of(result, "uptime_s"), text));
	add_line(table, "configuration", "%s", text_of(result, "config"));
	add_line(table, "database", "%s", text_of(result, "database"));
	join(json_object_get(result, "listen"), text, sizeof(text));
	add_line(table, "listen", "%s", text);
	add_line(table, "zones",
		 "%" PRId64 ": %" PRId64 " active, %" PRId64 " expired, %" PRId64 " empty",
		 number_of(zones, "total"), number_of(zones, "active"), number_of(zones, "expired"),
		 number_of(zones, "empty"));
	if (number_of(zones, "from_catalogs") + number_of(zones, "added") > 0)
		add_line(table, "",
			 "%" PRId64 " of the configuration file, %" PRId64 " of catalogs, %" PRId64
			 " by zone-add",
			 number_of(zones, "from_config"), number_of(zones, "from_catalogs"),
			 number_of(zones, "added"));
	if (number_of(zones, "failing"))
		add_line(table, "",
			 "%" PRId64
			 " failing: the last contact with a primary went wrong (zone-status)",
			 number_of(zones, "failing"));
	format_packet_path(table, json_object_get(result, "packet_path"),
			   number_of(zones, "total"));
	format_table_print(table, out);
	format_table_free(table);
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

static void format_maps(struct format_table *table, json_t *maps)
{
	if (json_is_null(maps))
		add_line(table, "in the maps", "no");
	else if (strcmp(text_of(maps, "state"), "loading") == 0)
		add_line(table, "in the maps", "not in force (loading)");
	else
		add_line(table, "in the maps", "%s, serial %" PRId64 ", %s%s",
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
		add_line(table, "last transfer", "none");
	else
		add_line(table, "last transfer",
			 "%s: %s, %" PRId64 " records, %s in %" PRId64 " ms from %s",
			 format_time(number_of(transfer, "at"), now_s, when),
			 text_of(transfer, "kind"), number_of(transfer, "records"),
			 format_size(number_of(transfer, "bytes"), size),
			 number_of(transfer, "duration_ms"), text_of(transfer, "primary"));
	if (json_is_null(error))
		add_line(table, "last error", "none since the last success");
	else
		add_line(table, "last error", "%s: %s",
			 format_time(number_of(error, "at"), now_s, when), text_of(error, "text"));
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
		add_line(table, i == 0 ? "primaries" : "", "%s %s%s: %s%s", text_of(primary, "id"),
			 text_of(primary, "address"), is_true(primary, "tls") ? " (TLS)" : "",
			 serial, error);
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

		add_line(table, i == 0 ? "notify" : "",
			 "%s %s: serial %" PRId64 ", %" PRId64 " tries, %s%s%s",
			 text_of(status, "id"), text_of(status, "address"),
			 number_of(status, "serial"), number_of(status, "tries"),
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
		add_line(table, "journal", "empty");
	else
		add_line(table, "journal", "%" PRId64 " differences from serial %" PRId64 " on, %s",
			 number_of(journal, "depth"), number_of(journal, "from_serial"),
			 format_size(number_of(journal, "bytes"), size));
}

static void format_source(struct format_table *table, json_t *zone)
{
	const char *source = text_of(zone, "source");

	add_line(table, "source", "%s%s",
		 strcmp(source, "config") == 0	  ? "configuration file"
		 : strcmp(source, "catalog") == 0 ? "catalog zone "
						  : "zone-add",
		 text_of(zone, "catalog"));
}

static void format_zone(json_t *zone, int64_t now_s, FILE *out)
{
	struct format_table *table = format_table_new(2);
	const char *state = text_of(zone, "state");
	char text[FORMAT_TEXT_MAX], when[96];

	add_line(table, "zone", "%s", text_of(zone, "zone"));
	add_line(table, "state", "%s%s", state,
		 strcmp(state, "empty") == 0	 ? " (never transferred)"
		 : strcmp(state, "expired") == 0 ? " (not confirmed by a primary in time)"
						 : "");
	add_line(table, "answered by", "%s", text_of(zone, "answered_by"));
	if (has(zone, "serial"))
		add_line(table, "serial", "%" PRId64, number_of(zone, "serial"));
	if (has(zone, "records"))
		add_line(table, "records", "%" PRId64, number_of(zone, "records"));
	if (has(zone, "source"))
		format_source(table, zone);
	add_line(table, "primary", "%s",
		 has(zone, "primary") ? text_of(zone, "primary") : "none asked yet");
	format_primaries(table, json_object_get(zone, "primaries"), now_s);
	add_line(table, "activity", "%s", text_of(zone, "activity"));
	if (number_of(zone, "next_refresh_s") > 0)
		add_line(table, "next refresh", "in %s",
			 format_duration(number_of(zone, "next_refresh_s"), text));
	else
		add_line(table, "next refresh", "now");
	if (has(zone, "stale_at"))
		add_line(table, "stale",
			 "since %s: not confirmed by a primary for a refresh and a retry",
			 format_time(number_of(zone, "stale_at"), now_s, when));
	int64_t expires_in_s = number_of(zone, "expires_in_s");
	if (has(zone, "expires_in_s"))
		add_line(table, "expires", "%s%s%s", expires_in_s < 0 ? "" : "in ",
			 format_duration(expires_in_s < 0 ? -expires_in_s : expires_in_s, text),
			 expires_in_s < 0 ? " ago" : "");
	format_maps(table, json_object_get(zone, "maps"));
	format_last(table, zone, now_s);
	format_journal(table, json_object_get(zone, "journal"));
	format_notifies(table, json_object_get(zone, "notify"));
	format_table_print(table, out);
	format_table_free(table);
}

static void add_counter(struct format_table *table, const char *name, int64_t count,
			const char *text)
{
	char number[FORMAT_TEXT_MAX];

	snprintf(number, sizeof(number), "%" PRId64, count);
	format_table_add(table, name);
	format_table_add(table, number);
	format_table_add(table, text);
}

static const char *counter_text(const char *name)
{
	static const char *const texts[][2] = {
#define X(id, name, text) {name, text},
		XNS_COUNTERS(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (strcmp(texts[i][0], name) == 0)
			return texts[i][1];
	return "";
}

/* Was the packet known to be for a listen address? */
static bool is_ours(const char *name)
{
	return strcmp(name, "pass-not-ours") != 0 && strcmp(name, "pass-fragment") != 0 &&
	       strcmp(name, "pass-ip-option") != 0;
}

static void format_stats(json_t *result, FILE *out)
{
	struct format_table *table = format_table_new(3);
	json_t *path = json_object_get(result, "packet_path"), *count;
	const char *name;
	int64_t answers = 0, ours = 0;

	format_table_right(table, 1);
	json_object_foreach(path, name, count)
	{
		add_counter(table, name, json_integer_value(count), counter_text(name));
		answers += strncmp(name, "answer-", 7) == 0 ? json_integer_value(count) : 0;
		ours += is_ours(name) ? json_integer_value(count) : 0;
	}
	if (json_is_null(path))
		fputs("packet path: none (xnsload attach)\n", out);
	else if (ours > 0)
		fprintf(out,
			"packet path: %.2f %% of the packets to the listen addresses answered at the interface\n",
			100.0 * answers / ours);
	else
		fputs("packet path: nothing has come to the listen addresses yet\n", out);
	format_table_print(table, out);
	format_table_free(table);

	fputs("\nresponder (sockets)\n", out);
	table = format_table_new(3);
	format_table_right(table, 1);
	json_object_foreach(json_object_get(result, "responder"), name, count)
		add_counter(table, name, json_integer_value(count), "");
	format_table_print(table, out);
	format_table_free(table);
}

static void format_records(json_t *type, const char *section, FILE *out)
{
	json_t *records = json_object_get(type, section), *record;
	size_t i;

	json_array_foreach(records, i, record)
	{
		if (i == 0)
			fprintf(out, "    ; %s\n", section);
		fprintf(out, "    %s\n", json_string_value(record));
	}
}

static void format_type(json_t *type, FILE *out)
{
	const char *dnssec_ok = text_of(type, "do");

	fprintf(out, "\n%s%s%s%s: ", text_of(type, "type"),
		strcmp(dnssec_ok, "any") == 0 ? "" : ", DO=",
		strcmp(dnssec_ok, "any") == 0 ? "" : dnssec_ok,
		is_true(type, "above") ? ", from the zone above" : "");
	if (strcmp(text_of(type, "answered_by"), "sockets") == 0) {
		fputs("passed up, the sockets answer it", out);
		if (has(type, "size"))
			fprintf(out, " (%" PRId64 " bytes)", number_of(type, "size"));
		fputc('\n', out);
		return;
	}
	if (has(type, "fault"))
		fprintf(out, "fault: %s\n", text_of(type, "fault"));
	if (!has(type, "rcode"))
		return;
	fprintf(out, "%s%s, %" PRId64 " bytes, in %s%s%s%s\n", text_of(type, "rcode"),
		is_true(type, "aa") ? ", AA" : "", number_of(type, "size"), text_of(type, "where"),
		is_true(type, "zone_soa") ? ", and the zone's SOA" : "",
		is_true(type, "proofs") ? ", and proofs of what is not there" : "",
		is_true(type, "may_trim") ? ", passed up if the additional section does not fit"
					  : "");
	format_records(type, "answer", out);
	format_records(type, "authority", out);
	format_records(type, "additional", out);
}

static bool has_flag(json_t *result, const char *name)
{
	json_t *flag;
	size_t i;

	json_array_foreach(json_object_get(result, "flags"), i,
			   flag) if (strcmp(json_string_value(flag), name) == 0) return true;
	return false;
}

static void format_lookup(json_t *result, FILE *out)
{
	struct format_table *table = format_table_new(2);
	json_t *types = json_object_get(result, "types"), *maps = json_object_get(result, "maps"),
	       *type;
	char text[256];
	size_t i;

	add_line(table, "name", "%s", text_of(result, "name"));
	add_line(table, "zone", "%s",
		 has(result, "zone") ? text_of(result, "zone") : "of another agent");
	if (has(result, "maps"))
		format_maps(table, maps);
	join(json_object_get(result, "flags"), text, sizeof(text));
	add_line(table, "node", "%" PRId64 " page%s%s%s", number_of(result, "pages"),
		 number_of(result, "pages") == 1 ? "" : "s", text[0] ? ", " : "", text);
	format_table_print(table, out);
	format_table_free(table);
	if (has_flag(result, "pass"))
		fputs("\nthe sockets answer everything at this name\n", out);
	else if (strcmp(text_of(maps, "state"), "active") != 0)
		fputs("\nthe zone is not in force in the maps: the sockets answer it\n", out);
	else if (json_array_size(types) == 0)
		fprintf(out, "\nno such type: %s\n",
			is_true(maps, "complete")
				? "NODATA"
				: "the zone is not complete, the sockets answer it");
	json_array_foreach(types, i, type) format_type(type, out);
}

static void format_export(json_t *result, FILE *out)
{
	json_t *piece;
	size_t i;

	json_array_foreach(json_object_get(result, "text"), i, piece)
		fwrite(json_string_value(piece), 1, json_string_length(piece), out);
}

void format_result(enum control_command_id command, json_t *result, int64_t now_s, FILE *out)
{
	switch (command) {
	case CONTROL_STATUS:
		format_status(result, out);
		break;
	case CONTROL_ZONE_STATUS:
		if (json_array_size(result) == 1)
			format_zone(json_array_get(result, 0), now_s, out);
		else
			format_zone_table(result, out);
		break;
	case CONTROL_ZONE_REFRESH:
	case CONTROL_ZONE_RETRANSFER:
		fprintf(out, "%" PRId64 " zone%s: asked for\n", number_of(result, "zones"),
			number_of(result, "zones") == 1 ? "" : "s");
		break;
	case CONTROL_ZONE_NOTIFY:
		fprintf(out, "%" PRId64 " zone%s: NOTIFY under way\n", number_of(result, "zones"),
			number_of(result, "zones") == 1 ? "" : "s");
		break;
	case CONTROL_ZONE_EXPORT:
		format_export(result, out);
		break;
	case CONTROL_ZONE_ADD:
	case CONTROL_ZONE_REMOVE:
	case CONTROL_ZONE_PURGE:
	case CONTROL_RELOAD:
		fprintf(out, "%s\n", text_of(result, "text"));
		break;
	case CONTROL_STATS:
		format_stats(result, out);
		break;
	case CONTROL_LOOKUP:
		format_lookup(result, out);
		break;
	case CONTROL_STOP:
		fprintf(out, "xnsd (pid %" PRId64 ") is stopping\n", number_of(result, "pid"));
		break;
	case CONTROL_COMMAND_COUNT:
		break;
	}
}
