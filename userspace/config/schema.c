// SPDX-License-Identifier: GPL-3.0-or-later
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/schema.h"

#define KEYS_MAX 48
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

#define AT(type, member) .offset = offsetof(type, member), .width = sizeof(((type *)NULL)->member)
#define LIST_AT(type, member, count) \
	.offset = offsetof(type, member), .count_offset = offsetof(type, count)
#define KIB 1024ULL
#define MIB (1024 * KIB)
#define TIB (1024 * 1024 * MIB)

static const char *const log_levels[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
	NULL,
};
static const char *const tls_modes[] = {
	[CONFIG_TLS_STRICT] = "strict",
	[CONFIG_TLS_OPPORTUNISTIC] = "opportunistic",
	NULL,
};
static const char *const catalog_roles[] = {
	[CONFIG_CATALOG_NONE] = "none",
	[CONFIG_CATALOG_INTERPRET] = "interpret",
	NULL,
};
/* 0, DNSSEC_TSIG_UNKNOWN, stands for "not given". */
static const char *const tsig_algorithms[] = {
	[DNSSEC_TSIG_UNKNOWN] = "",
	[DNSSEC_TSIG_HMAC_MD5] = "hmac-md5",
	[DNSSEC_TSIG_HMAC_SHA1] = "hmac-sha1",
	[DNSSEC_TSIG_HMAC_SHA224] = "hmac-sha224",
	[DNSSEC_TSIG_HMAC_SHA256] = "hmac-sha256",
	[DNSSEC_TSIG_HMAC_SHA384] = "hmac-sha384",
	[DNSSEC_TSIG_HMAC_SHA512] = "hmac-sha512",
	NULL,
};

#define ITEMS(kind) AT(struct config_root, items[kind])

static const struct config_key root_keys[] = {
	{"server", CONFIG_NODE, true, AT(struct config_root, server),
	 .allowed = "the section of the server's own settings"},
	{"keys", CONFIG_NODE, ITEMS(CONFIG_KIND_KEY), .allowed = "the list of TSIG keys"},
	{"tls", CONFIG_NODE, ITEMS(CONFIG_KIND_TLS),
	 .allowed = "the list of ways to speak TLS with remotes"},
	{"remotes", CONFIG_NODE, ITEMS(CONFIG_KIND_REMOTE),
	 .allowed = "the list of servers to transfer from, or to notify"},
	{"acl", CONFIG_NODE, ITEMS(CONFIG_KIND_ACL),
	 .allowed = "the list of rules that say who may transfer and notify"},
	{"templates", CONFIG_NODE, ITEMS(CONFIG_KIND_TEMPLATE),
	 .allowed = "the list of what zones have in common"},
	{"zones", CONFIG_NODE, ITEMS(CONFIG_KIND_ZONE), .allowed = "the list of zones to serve"},
};

static const struct config_key server_keys[] = {
	{"listen", CONFIG_LISTEN, true, LIST_AT(struct config, listen, n_listen), .max = 256,
	 .port = 53,
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
	 .max = 1 << 28, .preset = "10000", .allowed = "a number from 1024 to 268435456"},
	{"maps-max-memory", CONFIG_SIZE, AT(struct config, maps_max_memory), .scale = 1,
	 .min = 16 * MIB, .max = 64 * TIB, .allowed = "a size from 16M to 64T"},
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
	{"log-level", CONFIG_ENUM, AT(struct config, log_level), .names = log_levels,
	 .preset = "info", .allowed = "error, warning, info or debug"},
	{"max-transfers-in", CONFIG_NUMBER, AT(struct config, max_transfers_in), .scale = 1,
	 .min = 1, .max = 10000, .preset = "20", .allowed = "a number from 1 to 10000"},
	{"max-transfers-per-primary", CONFIG_NUMBER, AT(struct config, max_transfers_per_primary),
	 .scale = 1, .min = 1, .max = 10000, .preset = "10", .allowed = "a number from 1 to 10000"},
	{"max-soa-queries", CONFIG_NUMBER, AT(struct config, max_soa_queries), .scale = 1, .min = 1,
	 .max = 10000, .preset = "100", .allowed = "a number from 1 to 10000"},
	{"max-transfers-out", CONFIG_NUMBER, AT(struct config, max_transfers_out), .scale = 1,
	 .min = 1, .max = 900, .preset = "100", .allowed = "a number from 1 to 900"},
	{"soa-query-rate", CONFIG_NUMBER, AT(struct config, soa_query_rate), .scale = 1, .min = 1,
	 .max = 1000000, .preset = "1000", .allowed = "a number from 1 to 1000000"},
	{"listen-tls", CONFIG_LISTEN, LIST_AT(struct config, listen_tls, n_listen_tls), .max = 256,
	 .port = 853,
	 .allowed =
		 "ADDRESS or ADDRESS@PORT of this host, such as 192.0.2.53@853 or \"2001:db8::53@853\""},
	{"tls-cert-file", CONFIG_FILE, AT(struct config, tls_cert_file), .min = 1, .max = 1024,
	 .allowed = "a file (PEM) with our certificate, from the root"},
	{"tls-key-file", CONFIG_FILE, AT(struct config, tls_key_file), .min = 1, .max = 1024,
	 .allowed = "a file (PEM) with the key of the certificate, from the root"},
	{"tls-client-ca-file", CONFIG_FILE, AT(struct config, tls_client_ca_file), .min = 1,
	 .max = 1024, .allowed = "a file (PEM) with certificates of CAs, from the root"},
	{"zone-add", CONFIG_BOOL, AT(struct config, zone_add), .preset = "false",
	 .allowed = "true or false"},
};

static const struct config_key key_keys[] = {
	{"id", CONFIG_DOMAIN, true, AT(struct config_key_text, name),
	 .allowed = "the key's name, a domain name, as both sides have it"},
	{"algorithm", CONFIG_ENUM, AT(struct config_key_text, algorithm), .names = tsig_algorithms,
	 .allowed = "hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512 or hmac-md5"},
	{"secret", CONFIG_NODE, AT(struct config_key_text, secret),
	 .allowed = "the secret in base64"},
	{"file", CONFIG_PATH, AT(struct config_key_text, file), .min = 1, .max = 1024,
	 .allowed = "a file with the secret, from the root"},
};

static const struct config_key tls_keys[] = {
	{"id", CONFIG_ID, true, AT(struct config_tls, id), .min = 1, .max = 64,
	 .allowed = "a name of 1 to 64 characters without blanks"},
	{"mode", CONFIG_ENUM, AT(struct config_tls, mode), .names = tls_modes, .preset = "strict",
	 .allowed = "strict or opportunistic"},
	{"ca-file", CONFIG_FILE, AT(struct config_tls, ca_file), .min = 1, .max = 1024,
	 .allowed = "a file (PEM) with certificates of CAs, from the root"},
	{"hostname", CONFIG_HOSTNAME, AT(struct config_tls, hostname), .min = 1, .max = 255,
	 .allowed = "the host name in the remote's certificate"},
	{"pin", CONFIG_PINS, LIST_AT(struct config_tls, pin, n_pins), .max = 32,
	 .allowed = "the SHA-256 of a public key (32 bytes) in base64, 44 characters"},
	{"cert-file", CONFIG_FILE, AT(struct config_tls, cert_file), .min = 1, .max = 1024,
	 .allowed = "a file (PEM) with our certificate, from the root"},
	{"key-file", CONFIG_FILE, AT(struct config_tls, key_file), .min = 1, .max = 1024,
	 .allowed = "a file (PEM) with the key of the certificate, from the root"},
};

static const struct config_key remote_keys[] = {
	{"id", CONFIG_ID, true, AT(struct config_remote, id), .min = 1, .max = 64,
	 .allowed = "a name of 1 to 64 characters without blanks"},
	{"address", CONFIG_ADDRESSES, true, LIST_AT(struct config_remote, address, n_addresses),
	 .max = 32,
	 .allowed = "ADDRESS or ADDRESS@PORT, such as 192.0.2.1@53 or \"2001:db8::1@53\""},
	{"via", CONFIG_SOURCES, LIST_AT(struct config_remote, via, n_via), .max = 2,
	 .allowed = "an IPv4 and an IPv6 address of this host, or one of them, without a port"},
	{"key", CONFIG_REFERENCE, AT(struct config_remote, key), .to = CONFIG_KIND_KEY,
	 .allowed = "the id of a key"},
	{"tls", CONFIG_REFERENCE, AT(struct config_remote, tls), .to = CONFIG_KIND_TLS,
	 .allowed = "the id of one of `tls`"},
};

static const struct config_key acl_keys[] = {
	{"id", CONFIG_ID, true, AT(struct config_acl, id), .min = 1, .max = 64,
	 .allowed = "a name of 1 to 64 characters without blanks"},
	{"address", CONFIG_NETWORKS, LIST_AT(struct config_acl, net, n_nets), .max = 1024,
	 .allowed = "ADDRESS or ADDRESS/BITS, such as 192.0.2.0/24 or \"2001:db8::/32\""},
	{"key", CONFIG_REFERENCES, LIST_AT(struct config_acl, keys, n_keys), .max = 64,
	 .to = CONFIG_KIND_KEY, .allowed = "ids of keys"},
	{"action", CONFIG_ACTIONS, .max = 2, .allowed = "transfer, notify or both"},
	{"deny", CONFIG_BOOL, AT(struct config_acl, deny), .preset = "false",
	 .allowed = "true or false"},
};

static const struct config_key zone_keys[] = {
	{"domain", CONFIG_DOMAIN, true, AT(struct config_zone, domain),
	 .allowed = "a domain name, such as example.com"},
	{"template", CONFIG_APART, .allowed = "the id of a template"},
};

static const struct config_key template_keys[] = {
	{"id", CONFIG_ID, true, AT(struct config_zone, name), .min = 1, .max = 64,
	 .allowed = "a name of 1 to 64 characters without blanks"},
};

#define REMOTES(member, count)                                                    \
	CONFIG_REFERENCES, LIST_AT(struct config_zone, member, count), .max = 32, \
		.to = CONFIG_KIND_REMOTE
#define INTERVAL(member, least, most) \
	CONFIG_TIME, AT(struct config_zone, member), .scale = 1, .min = least, .max = most
#define DAY 86400

/* What zones and templates have in common. */
static const struct config_key common_keys[] = {
	{"primaries", REMOTES(primaries, n_primaries),
	 .allowed = "ids of remotes, in the order in which they are asked"},
	{"notify-from", REMOTES(notify_from, n_notify_from), .allowed = "ids of remotes"},
	{"notify", REMOTES(notify, n_notify), .allowed = "ids of remotes"},
	{"acl", CONFIG_REFERENCES, LIST_AT(struct config_zone, acl, n_acl), .max = 256,
	 .to = CONFIG_KIND_ACL, .allowed = "ids of `acl`, in the order in which they are tried"},
	{"zone-max-size", CONFIG_SIZE, AT(struct config_zone, max_size), .scale = 1, .min = 1,
	 .max = TIB, .preset = "1G", .allowed = "a size from 1 to 1T"},
	{"zone-max-records", CONFIG_NUMBER, AT(struct config_zone, max_records), .scale = 1,
	 .max = UINT32_MAX, .preset = "0", .allowed = "a number up to 4294967295; 0: no bound"},
	{"request-ixfr", CONFIG_BOOL, AT(struct config_zone, request_ixfr), .preset = "true",
	 .allowed = "true or false"},
	{"provide-ixfr", CONFIG_BOOL, AT(struct config_zone, provide_ixfr), .preset = "true",
	 .allowed = "true or false"},
	{"journal-max-usage", CONFIG_SIZE, AT(struct config_zone, journal_max_usage), .scale = 1,
	 .max = TIB, .preset = "100M", .allowed = "a size up to 1T; 0: no journal"},
	{"journal-max-depth", CONFIG_NUMBER, AT(struct config_zone, journal_max_depth), .scale = 1,
	 .min = 1, .max = 1000000, .preset = "1000", .allowed = "a number from 1 to 1000000"},
	{"refresh-min-interval", INTERVAL(refresh_min_s, 2, 366 * DAY), .preset = "2",
	 .allowed = "a time from 2 s to 366 d"},
	{"refresh-max-interval", INTERVAL(refresh_max_s, 2, 366 * DAY), .preset = "28d",
	 .allowed = "a time from 2 s to 366 d"},
	{"retry-min-interval", INTERVAL(retry_min_s, 1, 366 * DAY), .preset = "1",
	 .allowed = "a time from 1 s to 366 d"},
	{"retry-max-interval", INTERVAL(retry_max_s, 1, 366 * DAY), .preset = "28d",
	 .allowed = "a time from 1 s to 366 d"},
	{"expire-min-interval", INTERVAL(expire_min_s, 3, 3650 * DAY), .preset = "3",
	 .allowed = "a time from 3 s to 3650 d"},
	{"expire-max-interval", INTERVAL(expire_max_s, 3, 3650 * DAY), .preset = "3650d",
	 .allowed = "a time from 3 s to 3650 d"},
	{"zonemd-verify", CONFIG_BOOL, AT(struct config_zone, zonemd_verify), .preset = "false",
	 .allowed = "true or false"},
	{"verifier", CONFIG_COMMAND, LIST_AT(struct config_zone, verifier, n_verifier), .max = 64,
	 .allowed = "a program, from the root, and its arguments"},
	{"verifier-timeout", INTERVAL(verifier_timeout_s, 1, DAY), .preset = "60",
	 .allowed = "a time from 1 s to 1 d"},
	{"catalog-role", CONFIG_ENUM, AT(struct config_zone, catalog_role), .names = catalog_roles,
	 .preset = "none", .allowed = "none or interpret"},
	{"catalog-template", CONFIG_REFERENCES,
	 LIST_AT(struct config_zone, catalog_templates, n_catalog_templates), .max = 256,
	 .to = CONFIG_KIND_TEMPLATE, .allowed = "ids of templates"},
};

#define SECTION(name, keys)	      {name, keys, COUNT(keys), NULL, 0}
#define SECTION_AND(name, keys, more) {name, keys, COUNT(keys), more, COUNT(more)}

const struct config_section config_root_section = SECTION(NULL, root_keys);
const struct config_section config_server_section = SECTION("server", server_keys);
const struct config_section config_key_section = SECTION("keys", key_keys);
const struct config_section config_tls_section = SECTION("tls", tls_keys);
const struct config_section config_remote_section = SECTION("remotes", remote_keys);
const struct config_section config_acl_section = SECTION("acl", acl_keys);
const struct config_section config_template_section =
	SECTION_AND("templates", template_keys, common_keys);
const struct config_section config_zone_section = SECTION_AND("zones", zone_keys, common_keys);

_Static_assert(COUNT(server_keys) <= KEYS_MAX && COUNT(zone_keys) + COUNT(common_keys) <= KEYS_MAX,
	       "config_read_section");

static size_t count_keys(const struct config_section *section)
{
	return section->n_keys + section->n_more;
}

static const struct config_key *key_at(const struct config_section *section, size_t i)
{
	return i < section->n_keys ? &section->keys[i] : &section->more[i - section->n_keys];
}

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
	for (size_t i = 0; i < count_keys(section); i++) {
		const char *key = key_at(section, i)->name;
		unsigned d = distance(name, key);
		if (d < best_distance && d < strlen(key)) {
			best = key;
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
	char keys[1024];
	size_t len = 0;

	if (guess) {
		config_report(&reader->report, name->line, path, "unknown key; did you mean '%s'?",
			      guess);
		return;
	}
	for (size_t i = 0; i < count_keys(section) && len < sizeof(keys); i++)
		len += snprintf(keys + len, sizeof(keys) - len, "%s%s", i ? ", " : "",
				key_at(section, i)->name);
	config_report(&reader->report, name->line, path, "unknown key; allowed are %s", keys);
}

static size_t find_key(const struct config_section *section, const char *name)
{
	size_t i = 0;

	while (i < count_keys(section) && strcmp(key_at(section, i)->name, name) != 0)
		i++;
	return i;
}

static void read_preset(struct config_reader *reader, const struct config_section *section,
			const struct config_key *key, unsigned line, void *object)
{
	char path[96];

	if (!key->required && !key->preset)
		return;
	make_path(path, sizeof(path), section, key->name);
	if (key->required)
		config_report(&reader->report, line, path, "missing; give %s", key->allowed);
	else
		config_read_value(reader, key, path,
				  &(struct tree_node){.line = line, .value = (char *)key->preset},
				  object);
}

/* Objects of sections with strings are not copied: no zone has any but in lists. */
static void copy_value(struct config_reader *reader, const struct config_key *key, const void *from,
		       void *to)
{
	if (key->type == CONFIG_APART)
		return;
	if (key->type >= CONFIG_LISTEN)
		config_copy_list(reader, key, from, to);
	else
		memcpy((char *)to + key->offset, (const char *)from + key->offset, key->width);
}

void config_read_presets(struct config_reader *reader, const struct config_section *section,
			 void *object)
{
	for (size_t i = 0; i < section->n_more; i++)
		read_preset(reader, section, &section->more[i], 0, object);
}

void config_read_section(struct config_reader *reader, const struct config_section *section,
			 const struct tree_node *map, const void *presets, void *object)
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
		size_t i = find_key(section, name->value);
		if (i == count_keys(section)) {
			report_unknown(reader, section, path, name);
			continue;
		}
		if (seen[i]) {
			config_report(&reader->report, name->line, path,
				      "given twice; first on line %u", seen[i]);
			continue;
		}
		seen[i] = name->line;
		config_read_value(reader, key_at(section, i), path, name->next, object);
	}
	for (size_t i = 0; i < count_keys(section); i++) {
		const struct config_key *key = key_at(section, i);
		if (seen[i])
			continue;
		if (presets && !key->required)
			copy_value(reader, key, presets, object);
		else
			read_preset(reader, section, key, map->line, object);
	}
}
