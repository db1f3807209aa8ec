/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of held zones: a hash of apexes with a random key, since the names that are looked up
 * come from anybody. A name's zone is found by looking up its suffixes, longest first, none longer
 * than the longest apex.
 */
#include "zone/zone.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "xns_abi.h"

static uint64_t name_hash(const uint64_t key[2], const knot_dname_t *name)
{
	const __u64 sip_key[2] = {key[0], key[1]};
	size_t len = knot_dname_size(name), pos = 0;
	uint64_t word;
	__u64 out[2];
	struct xns_sip sip;

	xns_sip_init(&sip, sip_key);
	for (; pos + 8 <= len; pos += 8) {
		memcpy(&word, name + pos, 8);
		xns_sip_word(&sip, word);
	}
	word = 0;
	memcpy(&word, name + pos, len - pos);
	xns_sip_word(&sip, word | (uint64_t)len << 56);
	xns_sip_final(&sip, out);
	return out[0];
}

/* The bucket that holds the apex, or the free one where it would go: linear probing, at most half
 * full. */
static uint32_t *bucket_of(const struct zone_table *table, const knot_dname_t *apex)
{
	uint32_t at = (uint32_t)name_hash(table->key, apex) & table->mask;

	while (table->bucket[at] != 0 &&
	       !knot_dname_is_equal(table->zone[table->bucket[at] - 1]->apex, apex))
		at = (at + 1) & table->mask;
	return &table->bucket[at];
}

/* Where in the table the closest zone above is; n: there is none. */
static size_t parent_index(const struct zone_table *table, const struct zone *zone)
{
	const knot_dname_t *name = zone->apex;
	unsigned labels = knot_dname_labels(name, NULL);

	while (*name != '\0') {
		uint32_t index;

		name += *name + 1;
		if (--labels > table->max_labels)
			continue;
		index = *bucket_of(table, name);
		if (index != 0)
			return index - 1;
	}
	return table->n;
}

struct zone_links {
	size_t *parent, *n_children; /* by zone */
	struct zone ***children;
};

void zone_links_free(struct zone_links *links, size_t n)
{
	if (links == NULL)
		return;
	for (size_t i = 0; links->children != NULL && i < n; i++)
		free(links->children[i]);
	free(links->children);
	free(links->n_children);
	free(links->parent);
	free(links);
}

static int links_fill(const struct zone_table *table, struct zone_links *links)
{
	links->parent = calloc(table->n + 1, sizeof(*links->parent));
	links->n_children = calloc(table->n + 1, sizeof(*links->n_children));
	links->children = calloc(table->n + 1, sizeof(*links->children));
	if (links->parent == NULL || links->n_children == NULL || links->children == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < table->n; i++) {
		links->parent[i] = parent_index(table, table->zone[i]);
		links->n_children[links->parent[i]]++;
	}
	for (size_t i = 0; i < table->n; i++) {
		if (links->n_children[i] == 0)
			continue;
		links->children[i] = calloc(links->n_children[i], sizeof(struct zone *));
		if (links->children[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

int zone_links_make(const struct zone_table *table, struct zone_links **ret)
{
	struct zone_links *links = calloc(1, sizeof(*links));
	int err = links == NULL ? -ENOMEM : links_fill(table, links);

	if (err < 0)
		zone_links_free(links, table->n);
	else
		*ret = links;
	return err;
}

void zone_links_set(struct zone_table *table, struct zone_links *links)
{
	for (size_t i = 0; i < table->n; i++) {
		struct zone *zone = table->zone[i];

		free(zone->children);
		zone->children = links->children[i];
		links->children[i] = NULL;
		zone->n_children = 0; /* counted anew as they are filled in */
	}
	for (size_t i = 0; i < table->n; i++) {
		struct zone *zone = table->zone[i], *parent = NULL;

		if (links->parent[i] < table->n)
			parent = table->zone[links->parent[i]];
		zone->parent = parent;
		if (parent != NULL)
			parent->children[parent->n_children++] = zone;
	}
	zone_links_free(links, table->n);
}

int zone_table_link(struct zone_table *table)
{
	struct zone_links *links;
	int ret = zone_links_make(table, &links);

	if (ret == 0)
		zone_links_set(table, links);
	return ret;
}

/* ---- a zone ---- */

struct zone *zone_new(struct config *config, const struct config_zone *conf,
		      struct config_zone *own_conf, enum zone_source source)
{
	struct zone *zone = calloc(1, sizeof(*zone));

	if (zone == NULL)
		return NULL;
	zone->references = 1;
	zone->source = source;
	zone->apex = knot_dname_copy(conf->domain, NULL);
	zone->name = strdup(conf->name);
	zone->config = config_ref(config);
	zone->conf = conf;
	if (zone->apex == NULL || zone->name == NULL) {
		zone_unref(zone);
		return NULL;
	}
	zone->own_conf = own_conf;
	return zone;
}

void zone_set_conf(struct zone *zone, struct config *config, const struct config_zone *conf,
		   struct config_zone *own_conf)
{
	config_ref(config);
	config_zone_free(zone->own_conf);
	config_free(zone->config);
	zone->config = config;
	zone->conf = conf;
	zone->own_conf = own_conf;
}

struct zone *zone_ref(struct zone *zone)
{
	atomic_fetch_add(&zone->references, 1);
	return zone;
}

void zone_unref(struct zone *zone)
{
	if (zone == NULL || atomic_fetch_sub(&zone->references, 1) > 1)
		return;
	config_zone_free(zone->own_conf);
	config_free(zone->config);
	knot_dname_free(zone->apex, NULL);
	free(zone->name);
	free(zone->catalog);
	free(zone->children);
	free(zone);
}

/* ---- the table ---- */

int zone_table_make(struct zone_table *table, struct zone *const *zone, size_t n)
{
	size_t buckets = 4;

	memset(table, 0, sizeof(*table));
	if (getrandom(table->key, sizeof(table->key), 0) != (ssize_t)sizeof(table->key))
		return -errno;
	while (buckets < 2 * n)
		buckets *= 2;
	if (buckets > UINT32_MAX / 2)
		return -ENOMEM;
	table->mask = (uint32_t)buckets - 1;
	table->bucket = calloc(buckets, sizeof(*table->bucket));
	table->zone = calloc(n + 1, sizeof(struct zone *));
	if (table->bucket == NULL || table->zone == NULL) {
		zone_table_free(table);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned labels = knot_dname_labels(zone[i]->apex, NULL);
		uint32_t *bucket = bucket_of(table, zone[i]->apex);

		assert(*bucket == 0); /* the caller makes sure that no zone is there twice */
		*bucket = (uint32_t)i + 1;
		table->zone[i] = zone_ref(zone[i]);
		table->n++;
		if (labels > table->max_labels)
			table->max_labels = labels;
	}
	return 0;
}

int zone_table_init(struct zone_table *table, struct config *config)
{
	struct zone **zone = calloc(config->n_zones + 1, sizeof(*zone));
	int ret = zone != NULL ? 0 : -ENOMEM;
	size_t n = 0;

	memset(table, 0, sizeof(*table));
	for (; ret == 0 && n < config->n_zones; n++) {
		zone[n] = zone_new(config, &config->zones[n], NULL, ZONE_FROM_CONFIG);
		if (zone[n] == NULL) {
			ret = -ENOMEM;
			break;
		}
	}
	if (ret == 0)
		ret = zone_table_make(table, zone, n);
	if (ret == 0)
		ret = zone_table_link(table);
	while (n > 0)
		zone_unref(zone[--n]);
	free(zone);
	if (ret != 0)
		zone_table_free(table);
	return ret;
}

void zone_table_free(struct zone_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		zone_unref(table->zone[i]);
	free(table->zone);
	free(table->bucket);
	memset(table, 0, sizeof(*table));
}

struct zone *zone_table_get(const struct zone_table *table, const knot_dname_t *apex)
{
	uint32_t index = *bucket_of(table, apex);

	return index != 0 ? table->zone[index - 1] : NULL;
}

struct zone *zone_table_find(const struct zone_table *table, const knot_dname_t *name)
{
	unsigned labels = knot_dname_labels(name, NULL);

	for (; labels > table->max_labels; labels--)
		name += *name + 1;
	for (;; name += *name + 1) {
		struct zone *zone = zone_table_get(table, name);

		if (zone != NULL || *name == '\0')
			return zone;
	}
}

struct zone *zone_table_for_question(const struct zone_table *table, const knot_dname_t *qname,
				     uint16_t qtype)
{
	struct zone *zone = zone_table_find(table, qname);

	/* The DS records of a zone lie on the parent's side of the cut. */
	if (zone != NULL && qtype == KNOT_RRTYPE_DS && zone->parent != NULL &&
	    knot_dname_is_equal(zone->apex, qname))
		return zone->parent;
	return zone;
}

enum zone_state zone_state(const struct zone *zone, int64_t now_boot_ms)
{
	int64_t expires_at_ms = atomic_load_explicit(&zone->expires_at_ms, memory_order_acquire);

	if (expires_at_ms == 0)
		return ZONE_EMPTY;
	return now_boot_ms < expires_at_ms ? ZONE_ACTIVE : ZONE_EXPIRED;
}

bool zone_is_stale(const struct zone *zone, int64_t now_boot_ms)
{
	int64_t stale_at_ms = atomic_load_explicit(&zone->stale_at_ms, memory_order_acquire);

	return stale_at_ms != 0 && now_boot_ms >= stale_at_ms;
}

const char *zone_state_name(enum zone_state state)
{
	switch (state) {
	case ZONE_EMPTY:
		return "empty";
	case ZONE_ACTIVE:
		return "active";
	case ZONE_EXPIRED:
		return "expired";
	}
	return "unknown";
}
