// SPDX-License-Identifier: GPL-3.0-or-later
/* The lists of things with an id: keys, tls, remotes, acl, templates; and zones. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"

static void read_tls(struct config_reader *reader, const struct tree_node *item, void *object);
static void read_remote(struct config_reader *reader, const struct tree_node *item, void *object);
static void read_acl(struct config_reader *reader, const struct tree_node *item, void *object);
static void read_template(struct config_reader *reader, const struct tree_node *item, void *object);
static void read_zone(struct config_reader *reader, const struct tree_node *item, void *object);

#define PLACE(type, items, n, id)                                                        \
	sizeof(struct type), offsetof(struct config, items), offsetof(struct config, n), \
		offsetof(struct type, id)

static const struct kind {
	const char *what, *top;
	const struct config_section *section;
	size_t size, items, n, id; /* offsets of array and count in config, of the id in an item */
	bool by_name;		   /* the id is a domain name */
	void (*read)(struct config_reader *reader, const struct tree_node *item, void *object);
} kinds[CONFIG_KINDS] = {
	[CONFIG_KIND_KEY] = {"key", "keys", &config_key_section,
			     PLACE(config_tsig, keys, n_keys, tsig.name), true, config_read_tsig},
	[CONFIG_KIND_TLS] = {"way of TLS", "tls", &config_tls_section,
			     PLACE(config_tls, tls, n_tls, id), false, read_tls},
	[CONFIG_KIND_REMOTE] = {"remote", "remotes", &config_remote_section,
				PLACE(config_remote, remotes, n_remotes, id), false, read_remote},
	[CONFIG_KIND_ACL] = {"rule", "acl", &config_acl_section,
			     PLACE(config_acl, acls, n_acls, id), false, read_acl},
	[CONFIG_KIND_TEMPLATE] = {"template", "templates", &config_template_section,
				  PLACE(config_zone, templates, n_templates, name), false,
				  read_template},
	[CONFIG_KIND_ZONE] = {"zone", "zones", &config_zone_section,
			      PLACE(config_zone, zones, n_zones, domain), true, read_zone},
};

/* ---- references ---- */

static const struct tree_node *first_item(const struct tree_node *node)
{
	return !node || node->type == TREE_LIST ? node ? node->child : NULL : node;
}

static const struct tree_node *next_item(const struct tree_node *list, const struct tree_node *item)
{
	return item == list ? NULL : item->next;
}

static void report_not_found(struct config_reader *reader, enum config_kind kind, const char *path,
			     const struct tree_node *id)
{
	const struct tree_node *list = reader->root.items[kind];
	char ids[512];
	size_t len = snprintf(ids, sizeof(ids), "no %s is configured", kinds[kind].what), n = 0;

	for (const struct tree_node *item = first_item(list); item; item = next_item(list, item)) {
		const struct tree_node *other = tree_get(item, "id");

		if (!other || other->type != TREE_SCALAR || n++ >= 10)
			continue;
		len = n == 1 ? 0 : len;
		if (len < sizeof(ids))
			len += snprintf(ids + len, sizeof(ids) - len, "%s%.64s",
					n > 1 ? ", " : "there are ", other->value);
	}
	if (len < sizeof(ids) && n > 10)
		snprintf(ids + len, sizeof(ids) - len, " and %zu more", n - 10);
	config_report(&reader->report, id->line, path, "'%.100s' is not the id of a %s; %s",
		      id->value, kinds[kind].what, ids);
}

void *config_find(struct config_reader *reader, enum config_kind kind, const char *path,
		  const struct tree_node *id)
{
	const struct kind *k = &kinds[kind];
	knot_dname_storage_t name;
	size_t i = CONFIG_INDEX_NONE;

	if (!k->by_name) {
		i = config_index_get(&reader->index[kind], id->value, strlen(id->value));
	} else if (knot_dname_from_str(name, id->value, sizeof(name))) {
		knot_dname_to_lower(name);
		i = config_index_get(&reader->index[kind], name, knot_dname_size(name));
	}
	if (i == CONFIG_INDEX_NONE) {
		report_not_found(reader, kind, path, id);
		return NULL;
	}
	return *(char **)((char *)reader->config + k->items) + i * k->size;
}

/* ---- one of each kind ---- */

static void report_at(struct config_reader *reader, const struct config_section *section,
		      const char *key, unsigned line, const char *text)
{
	char path[96];

	snprintf(path, sizeof(path), "%s.%s", section->name, key);
	config_report(&reader->report, line, path, "%s", text);
}

/* Where a key stands, or the mapping that has no such key. */
static unsigned line_of(const struct tree_node *item, const char *key)
{
	const struct tree_node *value = tree_get(item, key);

	return value ? value->line : item->line;
}

static void read_tls(struct config_reader *reader, const struct tree_node *item, void *object)
{
	static const char *const proofs[] = {"ca-file", "hostname", "pin"};
	struct config_tls *tls = object;

	config_read_section(reader, &config_tls_section, item, NULL, tls);
	if (item->type != TREE_MAP)
		return;
	if (tls->mode == CONFIG_TLS_STRICT && !tree_get(item, "hostname") && !tree_get(item, "pin"))
		report_at(reader, &config_tls_section, "mode", line_of(item, "mode"),
			  "strict wants a 'hostname', a 'pin' or both");
	for (size_t i = 0; i < sizeof(proofs) / sizeof(*proofs); i++)
		if (tls->mode == CONFIG_TLS_OPPORTUNISTIC && tree_get(item, proofs[i]))
			report_at(
				reader, &config_tls_section, proofs[i], line_of(item, proofs[i]),
				"says nothing where the mode is opportunistic; remove one of both");
	if (!tree_get(item, "cert-file") != !tree_get(item, "key-file"))
		report_at(reader, &config_tls_section, "cert-file", line_of(item, "cert-file"),
			  "certificate and key are given together: 'cert-file' and 'key-file'");
}

static void read_remote(struct config_reader *reader, const struct tree_node *item, void *object)
{
	reader->remote_port = tree_get(item, "tls") ? 853 : 53; /* RFC 9103 §9.3.1 */
	config_read_section(reader, &config_remote_section, item, NULL, object);
}

static void read_acl(struct config_reader *reader, const struct tree_node *item, void *object)
{
	const struct config_acl *acl = object;

	config_read_section(reader, &config_acl_section, item, NULL, object);
	/* One that only denies is about every action, as in Knot DNS. */
	if (item->type == TREE_MAP && !acl->deny && !tree_get(item, "action"))
		report_at(reader, &config_acl_section, "action", item->line,
			  "missing; give transfer, notify or both");
}

/* min > max can only be meant wrong. `from`, where what is not in item comes from, has been
 * checked. */
static void check_intervals(struct config_reader *reader, const struct config_section *section,
			    const struct tree_node *item, const struct config_zone *zone)
{
	const struct {
		const char *least, *most;
		uint32_t least_s, most_s;
	} bounds[] = {
		{"refresh-min-interval", "refresh-max-interval", zone->refresh_min_s,
		 zone->refresh_max_s},
		{"retry-min-interval", "retry-max-interval", zone->retry_min_s, zone->retry_max_s},
		{"expire-min-interval", "expire-max-interval", zone->expire_min_s,
		 zone->expire_max_s},
	};

	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		const char *given = tree_get(item, bounds[i].least)  ? bounds[i].least
				    : tree_get(item, bounds[i].most) ? bounds[i].most
								     : NULL;
		char text[128];

		if (!given || bounds[i].least_s <= bounds[i].most_s)
			continue;
		snprintf(text, sizeof(text), "%s, %u s, is more than %s, %u s", bounds[i].least,
			 bounds[i].least_s, bounds[i].most, bounds[i].most_s);
		report_at(reader, section, given, line_of(item, given), text);
	}
}

/* NOTIFY is of UDP (RFC 9103 says nothing of it), and nobody listens there at the port of TLS. */
static void check_notify(struct config_reader *reader, const struct config_section *section,
			 const struct tree_node *item, const struct config_zone *zone)
{
	const struct tree_node *node = tree_get(item, "notify");

	for (size_t i = 0; node && i < zone->n_notify; i++) {
		const struct config_remote *remote = zone->notify[i];
		char path[64];

		snprintf(path, sizeof(path), "%s.notify", section->name);
		if (remote->tls)
			config_warn(
				&reader->report, node->line, path,
				"NOTIFY goes by UDP, to the ports of '%.64s', which are for TLS; give another remote",
				remote->id);
	}
}

static void read_template(struct config_reader *reader, const struct tree_node *item, void *object)
{
	config_read_section(reader, &config_template_section, item, &reader->preset, object);
	check_intervals(reader, &config_template_section, item, object);
	check_notify(reader, &config_template_section, item, object);
}

/* The template that a zone names, else the one with the id `default`, else none. */
static const struct config_zone *find_template(struct config_reader *reader,
					       const struct tree_node *item)
{
	const struct tree_node *id = tree_get(item, "template");
	size_t i;

	if (id && id->type != TREE_SCALAR) {
		report_at(reader, &config_zone_section, "template", id->line,
			  "is not a single value; give the id of a template");
		return NULL;
	}
	if (id)
		return config_find(reader, CONFIG_KIND_TEMPLATE, "zones.template", id);
	i = config_index_get(&reader->index[CONFIG_KIND_TEMPLATE], "default", strlen("default"));
	return i == CONFIG_INDEX_NONE ? NULL : &reader->config->templates[i];
}

/* The members' zones are made of these templates, so they have to have all that a zone needs. */
static void check_catalog(struct config_reader *reader, const struct tree_node *item,
			  const struct config_zone *zone)
{
	char text[192];
	const char *key = "catalog-template";

	if (zone->catalog_role == CONFIG_CATALOG_INTERPRET && zone->n_catalog_templates == 0 &&
	    !tree_get(item, key))
		report_at(reader, &config_zone_section, "catalog-role",
			  line_of(item, "catalog-role"),
			  "interpret wants 'catalog-template': what its members are made of");
	if (zone->catalog_role == CONFIG_CATALOG_NONE && tree_get(item, key))
		report_at(reader, &config_zone_section, key, line_of(item, key),
			  "says nothing without 'catalog-role: interpret'");
	if (zone->catalog_role != CONFIG_CATALOG_INTERPRET)
		return;
	for (size_t i = 0; i < zone->n_catalog_templates; i++) {
		const struct config_zone *template = zone->catalog_templates[i];
		const char *fault =
			template->n_primaries == 0 ? "has no primaries"
			: template->catalog_role == CONFIG_CATALOG_INTERPRET
				? "makes catalogs, and members of a catalog cannot be such"
				: NULL;
		if (!fault)
			continue;
		snprintf(text, sizeof(text), "the template '%.64s' %s", template->name, fault);
		report_at(reader, &config_zone_section, key, line_of(item, key), text);
	}
}

static void read_zone(struct config_reader *reader, const struct tree_node *item, void *object)
{
	struct config_zone *zone = object;
	const struct config_zone *template = find_template(reader, item);

	config_read_section(reader, &config_zone_section, item,
			    template ? template : &reader->preset, zone);
	if (item->type != TREE_MAP)
		return;
	if (zone->n_primaries == 0 && !tree_get(item, "primaries"))
		report_at(reader, &config_zone_section, "primaries", item->line,
			  "missing, in its template too; give ids of remotes");
	check_intervals(reader, &config_zone_section, item, zone);
	check_notify(reader, &config_zone_section, item, zone);
	check_catalog(reader, item, zone);
	if (!zone->domain)
		return;
	zone->name = knot_dname_to_str_alloc(zone->domain);
	reader->oom |= !zone->name;
}

/* ---- all of a kind ---- */

/* The number of items; one mapping alone is a list of one. 0: reported. */
static size_t count_items(struct config_reader *reader, const struct kind *kind,
			  const struct tree_node *node)
{
	size_t n = 0;

	if (node->type == TREE_SCALAR || !node->child)
		config_report(&reader->report, node->line, kind->section->name,
			      "%s; give a list of items such as '- %s: ...'",
			      node->type == TREE_SCALAR ? "is a single value" : "is empty",
			      kind->section->keys[0].name);
	else
		for (const struct tree_node *item = first_item(node); item;
		     item = next_item(node, item))
			n++;
	return n;
}

/* Before any is read: templates refer to each other, in any order. */
static void index_ids(struct config_reader *reader, enum config_kind kind,
		      const struct tree_node *node)
{
	size_t i = 0;

	for (const struct tree_node *item = first_item(node); item; item = next_item(node, item)) {
		const struct tree_node *id = tree_get(item, "id");

		if (id && id->type == TREE_SCALAR)
			config_index_put(&reader->index[kind], id->value, strlen(id->value), i);
		i++;
	}
}

static void read_kind(struct config_reader *reader, enum config_kind kind,
		      const struct tree_node *node)
{
	const struct kind *k = &kinds[kind];
	struct config_index *index = &reader->index[kind];
	size_t *count = (size_t *)((char *)reader->config + k->n), n;
	unsigned *lines = NULL;
	char *items;

	n = count_items(reader, k, node);
	config_index_free(index);
	items = calloc(n + 1, k->size);
	*(void **)((char *)reader->config + k->items) = items;
	lines = calloc(n + 1, sizeof(*lines));
	if (!items || !lines || config_index_init(index, n) < 0) {
		reader->oom = true;
		goto out;
	}
	if (!k->by_name)
		index_ids(reader, kind, node);
	for (const struct tree_node *item = n ? first_item(node) : NULL; item;
	     item = next_item(node, item)) {
		char *object = items + *count * k->size, *text = NULL;
		size_t i = *count, first;
		const void *id;

		lines[i] = item->line;
		++*count;
		k->read(reader, item, object);
		id = *(void **)(object + k->id);
		if (!id)
			continue;
		first = config_index_put(index, id, k->by_name ? knot_dname_size(id) : strlen(id),
					 i);
		if (first == CONFIG_INDEX_NONE || first == i)
			continue;
		if (kind == CONFIG_KIND_ZONE)
			text = ((struct config_zone *)object)->name;
		else if (kind == CONFIG_KIND_KEY)
			text = ((struct config_tsig *)object)->id;
		else
			text = (char *)id;
		char path[96];
		snprintf(path, sizeof(path), "%s.%s", k->section->name, k->section->keys[0].name);
		config_report(&reader->report, item->line, path,
			      "'%.255s' is given twice; first on line %u", text ? text : "",
			      lines[first]);
	}
out:
	free(lines);
}

void config_read_kinds(struct config_reader *reader)
{
	config_read_presets(reader, &config_zone_section, &reader->preset);
	for (enum config_kind kind = 0; kind < CONFIG_KINDS && !reader->oom; kind++)
		if (reader->root.items[kind])
			read_kind(reader, kind, reader->root.items[kind]);
}
