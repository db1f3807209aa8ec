// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/format.h"

#include <inttypes.h>
#include <string.h>

#include "control/format_private.h"
#include "util/plural.h"
#include "xns_abi.h"

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
	int64_t nodes = number_of(json_object_get(maps, "nodes"), "entries"), images = 0;
	const char *name;

	json_object_foreach(maps, name, map) if (strncmp(name, "images_", 7) == 0) images +=
		number_of(map, "entries");
	if (json_is_integer(json_object_get(memory, "bytes_max")))
		format_size(number_of(memory, "bytes_max"), max);
	format_line(table, "", "%" PRId64 " node%s, %" PRId64 " image%s; %s in use, bound: %s",
		    nodes, plural(nodes), images, plural(images),
		    format_size(number_of(memory, "bytes"), bytes), max);
	if (!is_true(memory, "can_grow"))
		format_line(table, "",
			    "cannot grow: room for %" PRId64 " nodes (see server.max-names)",
			    number_of(json_object_get(maps, "nodes"), "entries_max"));
}

static void format_packet_path(struct format_table *table, json_t *path, int64_t n_zones)
{
	json_t *program = json_object_get(path, "program");

	if (!is_true(path, "maps")) {
		format_line(
			table, "packet path", "%s",
			json_is_true(program)
				? "a program is pinned, but its maps are not in use; see the log"
				: "none: the sockets answer everything (xnsload attach)");
		return;
	}
	format_line(
		table, "packet path", "maps of ABI %" PRId64 ", %s", number_of(path, "abi_version"),
		json_is_true(program)	 ? "program loaded (its interfaces: xnsload status)"
		: json_is_false(program) ? "but no program: nothing is answered at the interface"
					 : "whether a program is loaded cannot be seen from here");
	format_line(table, "",
		    "%" PRId64 " of %" PRId64 " zone%s in force there, %" PRId64 " complete",
		    number_of(path, "zones_active"), n_zones, plural(n_zones),
		    number_of(path, "zones_complete"));
	format_memory(table, json_object_get(path, "memory"));
}

static void format_status(json_t *result, FILE *out)
{
	struct format_table *table = format_table_new(2);
	json_t *zones = json_object_get(result, "zones");
	char text[1024];

	format_line(table, "xnsd", "%s, pid %" PRId64 ", up %s", text_of(result, "version"),
		    number_of(result, "pid"), format_duration(number_of(result, "uptime_s"), text));
	format_line(table, "configuration", "%s", text_of(result, "config"));
	format_line(table, "database", "%s", text_of(result, "database"));
	join(json_object_get(result, "listen"), text, sizeof(text));
	format_line(table, "listen", "%s", text);
	format_line(table, "zones",
		    "%" PRId64 ": %" PRId64 " active, %" PRId64 " expired, %" PRId64 " empty",
		    number_of(zones, "total"), number_of(zones, "active"),
		    number_of(zones, "expired"), number_of(zones, "empty"));
	if (number_of(zones, "from_catalogs") + number_of(zones, "added") > 0)
		format_line(table, "",
			    "%" PRId64 " of the configuration file, %" PRId64
			    " of catalogs, %" PRId64 " by zone-add",
			    number_of(zones, "from_config"), number_of(zones, "from_catalogs"),
			    number_of(zones, "added"));
	if (number_of(zones, "failing"))
		format_line(table, "",
			    "%" PRId64
			    " failing: the last contact with a primary went wrong (zone-status)",
			    number_of(zones, "failing"));
	format_packet_path(table, json_object_get(result, "packet_path"),
			   number_of(zones, "total"));
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

	format_line(table, "name", "%s", text_of(result, "name"));
	format_line(table, "zone", "%s",
		    has(result, "zone") ? text_of(result, "zone") : "of another agent");
	if (has(result, "maps"))
		format_maps(table, maps);
	join(json_object_get(result, "flags"), text, sizeof(text));
	format_line(table, "node", "%" PRId64 " page%s%s%s", number_of(result, "pages"),
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
		format_zones(result, now_s, out);
		break;
	case CONTROL_ZONE_REFRESH:
	case CONTROL_ZONE_RETRANSFER:
		fprintf(out, "%" PRId64 " zone%s: asked for\n", number_of(result, "zones"),
			plural(number_of(result, "zones")));
		break;
	case CONTROL_ZONE_NOTIFY:
		fprintf(out, "%" PRId64 " zone%s: NOTIFY under way\n", number_of(result, "zones"),
			plural(number_of(result, "zones")));
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
	case CONTROL_METRICS:
		format_metrics(result, out);
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
