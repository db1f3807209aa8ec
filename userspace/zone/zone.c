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
#include <time.h>

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
	       !knot_dname_is_equal(table->zone[table->bucket[at] - 1].apex, apex))
		at = (at + 1) & table->mask;
	return &table->bucket[at];
}

static struct zone *parent_of(const struct zone_table *table, const struct zone *zone)
{
	if (*zone->apex == '\0')
		return NULL;
	return zone_table_find(table, zone->apex + *zone->apex + 1);
}

static int link_parents(struct zone_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		struct zone *zone = &table->zone[i];

		zone->parent = parent_of(table, zone);
		if (zone->parent != NULL)
			zone->parent->n_children++;
	}
	for (size_t i = 0; i < table->n; i++) {
		struct zone *zone = &table->zone[i];

		if (zone->n_children == 0)
			continue;
		zone->children = calloc(zone->n_children, sizeof(*zone->children));
		if (zone->children == NULL)
			return -ENOMEM;
		zone->n_children = 0; /* counted anew as they are filled in */
	}
	for (size_t i = 0; i < table->n; i++) {
		struct zone *parent = table->zone[i].parent;

		if (parent != NULL)
			parent->children[parent->n_children++] = &table->zone[i];
	}
	return 0;
}

int zone_table_init(struct zone_table *table, const struct config *config)
{
	size_t buckets = 4;
	int ret = -ENOMEM;

	memset(table, 0, sizeof(*table));
	if (getrandom(table->key, sizeof(table->key), 0) != (ssize_t)sizeof(table->key))
		return -errno;
	while (buckets < 2 * config->n_zones)
		buckets *= 2;
	if (buckets > UINT32_MAX / 2)
		return -ENOMEM;
	table->mask = (uint32_t)buckets - 1;
	table->bucket = calloc(buckets, sizeof(*table->bucket));
	table->zone = calloc(config->n_zones + 1, sizeof(*table->zone));
	if (table->bucket == NULL || table->zone == NULL)
		goto out;

	for (size_t i = 0; i < config->n_zones; i++) {
		struct zone *zone = &table->zone[i];
		unsigned labels = knot_dname_labels(config->zones[i].domain, NULL);
		uint32_t *bucket = bucket_of(table, config->zones[i].domain);

		assert(*bucket == 0); /* config/ refuses a zone that is there twice */
		*bucket = (uint32_t)i + 1;
		zone->conf = &config->zones[i];
		zone->apex = zone->conf->domain;
		zone->name = zone->conf->name;
		if (labels > table->max_labels)
			table->max_labels = labels;
	}
	table->n = config->n_zones;
	ret = link_parents(table);
out:
	if (ret != 0)
		zone_table_free(table);
	return ret;
}

void zone_table_free(struct zone_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->zone[i].children);
	free(table->zone);
	free(table->bucket);
	memset(table, 0, sizeof(*table));
}

struct zone *zone_table_get(const struct zone_table *table, const knot_dname_t *apex)
{
	uint32_t index = *bucket_of(table, apex);

	return index != 0 ? &table->zone[index - 1] : NULL;
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

static struct timespec clock_now(clockid_t clock)
{
	struct timespec now;
	int err = clock_gettime(clock, &now);

	assert(err == 0);
	(void)err;
	return now;
}

int64_t clock_boot_ms(void)
{
	struct timespec now = clock_now(CLOCK_BOOTTIME);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_real_s(void)
{
	return clock_now(CLOCK_REALTIME).tv_sec;
}
