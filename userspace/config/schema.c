// SPDX-License-Identifier: GPL-3.0-or-later
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/schema.h"

#define KEYS_MAX 32
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

#define AT(type, member) .offset = offsetof(type, member), .width = sizeof(((type *)NULL)->member)
#define LIST_AT(type, member, count) \
	.offset = offsetof(type, member), .count_offset = offsetof(type, count)
#define KIB 1024ULL
#define MIB (1024 * KIB)
#define TIB (1024 * 1024 * MIB)

static const struct config_key root_keys[] = {
	{"server", CONFIG_NODE, true, AT(struct config_root, server),
	 .allowed = "the section of the server's own settings"},
	{"remotes", CONFIG_NODE, AT(struct config_root, remotes),
	 .allowed = "the list of servers to transfer from"},
	{"zones", CONFIG_NODE, true, AT(struct config_root, zones),
	 .allowed = "the list of zones to serve"},
};

static const struct config_key server_keys[] = {
	{"listen", CONFIG_LISTEN, true, LIST_AT(struct config, listen, n_listen), .max = 256,
	 .allowed =
		 "ADDRESS or ADDRESS@PORT of this host, such as 192.0.2.53@53 or \"2001:db8::53@53\""},
	{"interfaces", CONFIG_INTERFACES, LIST_AT(struct config, interfaces, n_interfaces),
	 .max = 64, .allowed = "names of network interfaces, 1 to 15 characters"},
	{"database", CONFIG_PATH, AT(struct config, database), .min = 1, .max = 1024,
	 .preset = "/var/lib/xnsd", .allowed = "a directory, from the root"},
	/* RUNDIR/xnsd.sock must fit into sun_path, 108 bytes */
	{"rundir", CONFIG_PATH, AT(struct config, rundir), .min = 1, .max = 90,
	 .preset = CONFIG_RUNDIR_DEFAULT,
	 .allowed = "a directory, from the root, at most 90 bytes"},
	{"user", CONFIG_USER, AT(struct config, user), .min = 1, .max = 255,
	 .allowed = "the name of a user of this system"},
	{"max-udp-size", CONFIG_NUMBER, AT(struct config, max_udp_size), .scale = 1, .min = 512,
	 .max = 4096, .preset = "1232", .allowed = "a number from 512 to 4096"},
	{"database-max-size", CONFIG_SIZE, AT(struct config, database_max_size), .scale = 1,
	 .min = MIB, .max = 64 * TIB, .preset = "64G", .allowed = "a size from 1M to 64T"},
	{"max-names", CONFIG_NUMBER, AT(struct config, max_names), .scale = 1, .min = 1024,
	 .max = 1 << 28, .preset = "1048576", .allowed = "a number from 1024 to 268435456"},
	{"tcp-max-clients", CONFIG_NUMBER, AT(struct config, tcp_max_clients), .scale = 1, .min = 1,
	 .max = 1000000, .preset = "1000", .allowed = "a number from 1 to 1000000"},
	{"tcp-idle-timeout", CONFIG_TIME, AT(struct config, tcp_idle_timeout_ms), .scale = 1000,
	 .min = 1, .max = 3600, .preset = "10", .allowed = "seconds from 1 to 3600"},
	{"tcp-remote-io-timeout", CONFIG_NUMBER, AT(struct config, remote_timeout_ms), .scale = 1,
	 .min = 1, .max = 600000, .preset = "5000", .allowed = "milliseconds from 1 to 600000"},
	{"max-transfer-time", CONFIG_TIME, AT(struct config, transfer_timeout_ms), .scale = 1000,
	 .min = 1, .max = 7 * 86400, .preset = "7200", .allowed = "seconds from 1 to 604800"},
	{"version", CONFIG_TEXT, AT(struct config, version), .min = 1, .max = 255,
	 .allowed = "a text of 1 to 255 bytes"},
	{"identity", CONFIG_TEXT, AT(struct config, identity), .min = 1, .max = 255,
	 .allowed = "a text of 1 to 255 bytes"},
	{"nsid", CONFIG_BYTES, AT(struct config, nsid),
	 .count_offset = offsetof(struct config, nsid_len),
	 .allowed = "a text of 1 to 128 bytes, or 0x and twice as many hex digits"},
	{"ede-stale", CONFIG_BOOL, AT(struct config, ede_stale), .preset = "true",
	 .allowed = "true or false"},
	{"log-level", CONFIG_LOG_LEVEL, AT(struct config, log_level), .preset = "info",
	 .allowed = "error, warning, info or debug"},
};

static const struct config_key remote_keys[] = {
	{"id", CONFIG_ID, true, AT(struct config_remote, id), .min = 1, .max = 64,
	 .allowed = "a name of 1 to 64 characters without blanks"},
	{"address", CONFIG_ADDRESSES, true, LIST_AT(struct config_remote, address, n_addresses),
	 .max = 32,
	 .allowed = "ADDRESS or ADDRESS@PORT, such as 192.0.2.1@53 or \"2001:db8::1@53\""},
};

static const struct config_key zone_keys[] = {
	{"domain", CONFIG_DOMAIN, true, AT(struct config_zone, domain),
	 .allowed = "a domain name, such as example.com"},
	{"primaries", CONFIG_REMOTES, true, LIST_AT(struct config_zone, primaries, n_primaries),
	 .max = 32, .allowed = "ids of remotes, in the order in which they are asked"},
	{"notify-from", CONFIG_REMOTES, LIST_AT(struct config_zone, notify_from, n_notify_from),
	 .max = 32, .allowed = "ids of remotes"},
	{"zone-max-size", CONFIG_SIZE, AT(struct config_zone, max_size), .scale = 1, .min = 1,
	 .max = TIB, .preset = "1G", .allowed = "a size from 1 to 1T"},
};

const struct config_section config_root_section = {NULL, root_keys, COUNT(root_keys)};
const struct config_section config_server_section = {"server", server_keys, COUNT(server_keys)};
const struct config_section config_remote_section = {"remotes", remote_keys, COUNT(remote_keys)};
const struct config_section config_zone_section = {"zones", zone_keys, COUNT(zone_keys)};

_Static_assert(COUNT(server_keys) <= KEYS_MAX, "config_read_section");

/* Levenshtein's distance; b is a key's name. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[40];
	size_t len = strlen(b);

	assert(len < COUNT(row));
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (unsigned i = 1; *a; a++, i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			unsigned best = diagonal + (*a != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[len];
}

static const char *nearest(const struct config_section *section, const char *name)
{
	const char *best = NULL;
	unsigned best_distance = 4; /* more is another word */

	if (strlen(name) > 40)
		return NULL;
	for (size_t i = 0; i < section->n_keys; i++) {
		unsigned d = distance(name, section->keys[i].name);
		if (d < best_distance && d < strlen(section->keys[i].name)) {
			best = section->keys[i].name;
			best_distance = d;
		}
	}
	return best;
}

static void make_path(char *path, size_t size, const struct config_section *section,
		      const char *name)
{
	snprintf(path, size, "%s%s%.60s", section->name ? section->name : "",
		 section->name ? "." : "", name);
}

static void report_unknown(struct config_reader *reader, const struct config_section *section,
			   const char *path, const struct tree_node *name)
{
	const char *guess = nearest(section, name->value);
	char keys[512];
	size_t len = 0;

	if (guess) {
		config_report(&reader->report, name->line, path, "unknown key; did you mean '%s'?",
			      guess);
		return;
	}
	for (size_t i = 0; i < section->n_keys && len < sizeof(keys); i++)
		len += snprintf(keys + len, sizeof(keys) - len, "%s%s", i ? ", " : "",
				section->keys[i].name);
	config_report(&reader->report, name->line, path, "unknown key; allowed are %s", keys);
}

static const struct config_key *find_key(const struct config_section *section, const char *name)
{
	for (size_t i = 0; i < section->n_keys; i++)
		if (strcmp(section->keys[i].name, name) == 0)
			return &section->keys[i];
	return NULL;
}

static void read_presets(struct config_reader *reader, const struct config_section *section,
			 const unsigned *seen, const struct tree_node *map, void *object)
{
	for (size_t i = 0; i < section->n_keys; i++) {
		const struct config_key *key = &section->keys[i];
		char path[96];
		if (seen[i])
			continue;
		make_path(path, sizeof(path), section, key->name);
		if (key->required)
			config_report(&reader->report, map->line, path, "missing; give %s",
				      key->allowed);
		else if (key->preset)
			config_read_value(reader, key, path,
					  &(struct tree_node){.line = map->line,
							      .value = (char *)key->preset},
					  object);
	}
}

void config_read_section(struct config_reader *reader, const struct config_section *section,
			 const struct tree_node *map, void *object)
{
	unsigned seen[KEYS_MAX] = {0}; /* line of each key */

	if (map->type != TREE_MAP) {
		config_report(&reader->report, map->line, section->name,
			      "not a mapping; give lines of 'key: value', the first key is '%s'",
			      section->keys[0].name);
		return;
	}
	for (const struct tree_node *name = map->child; name; name = name->next->next) {
		char path[96];
		if (name->type != TREE_SCALAR) {
			config_report(&reader->report, name->line, section->name,
				      "a key is a word, not a %s",
				      name->type == TREE_LIST ? "list" : "mapping");
			continue;
		}
		make_path(path, sizeof(path), section, name->value);
		const struct config_key *key = find_key(section, name->value);
		if (!key) {
			report_unknown(reader, section, path, name);
			continue;
		}
		unsigned *line = &seen[key - section->keys];
		if (*line) {
			config_report(&reader->report, name->line, path,
				      "given twice; first on line %u", *line);
			continue;
		}
		*line = name->line;
		config_read_value(reader, key, path, name->next, object);
	}
	read_presets(reader, section, seen, map, object);
}
