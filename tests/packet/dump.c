/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "packet/dump.h"

static const char *const map_name[DUMP_MAPS] = {
	"zones", "nodes", "staged", "images_tiny", "images_small", "images_large", "order"};

static size_t entry_size(const struct dump_map *map)
{
	return map->key_size + map->value_size;
}

const uint8_t *dump_key(const struct dump_map *map, size_t i)
{
	return map->at + i * entry_size(map);
}

const uint8_t *dump_value(const struct dump_map *map, size_t i)
{
	return dump_key(map, i) + map->key_size;
}

static int compare_keys(const void *a, const void *b, void *ctx)
{
	return memcmp(a, b, *(uint32_t *)ctx);
}

int dump_fd(const struct dump_map *map, const void *key)
{
	return rig_map_of(&map->rig, map->name, key);
}

/* All elements of one hash map; *size: for how many there is place. */
static void take_part(int fd, struct dump_map *ret, size_t *size)
{
	uint8_t *last = NULL;

	for (;; ret->n++) {
		uint8_t *at;

		if (ret->n == *size) {
			*size = *size == 0 ? 64 : *size * 2;
			ret->at = reallocarray(ret->at, *size, entry_size(ret));
			assert_non_null(ret->at);
		}
		at = ret->at + ret->n * entry_size(ret);
		if (bpf_map_get_next_key(fd, last ? at - entry_size(ret) : NULL, at) != 0)
			break;
		last = at;
		assert_int_equal(bpf_map_lookup_elem(fd, at, at + ret->key_size), 0);
	}
}

static void take_map(const struct rig *rig, const char *name, struct dump_map *ret)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	size_t size = 0;

	assert_int_equal(bpf_obj_get_info_by_fd(rig_part(rig, name, 0), &info, &len), 0);
	*ret = (struct dump_map){
		.rig = *rig,
		.name = name,
		.key_size = info.key_size,
		.value_size = info.value_size,
	};
	for (unsigned i = 0; i < rig_parts(rig, name); i++)
		take_part(rig_part(rig, name, i), ret, &size);
	qsort_r(ret->at, ret->n, entry_size(ret), compare_keys, &ret->key_size);
}

/* A name that is not in the filter would be denied. */
static void expect_in_filter(const struct rig *rig, const struct dump_map *nodes)
{
	for (size_t i = 0; i < nodes->n; i++) {
		struct xns_name_key key;

		memcpy(&key, dump_key(nodes, i), sizeof(key));
		if (!dump_filter_has(rig, &key))
			fail_msg("%s: a name is not in the filter", nodes->name);
	}
}

bool dump_filter_has(const struct rig *rig, const struct xns_name_key *key)
{
	struct xns_filter filter = rig->config->filter;
	uint64_t word, bits = xns_filter_bits(key->hash[1]);
	uint32_t at;

	if (filter.words == 0)
		return true;
	at = filter.begin + xns_filter_word(key->hash[0], filter.words);
	assert_int_equal(bpf_map_lookup_elem(rig_map(rig, "filter"), &at, &word), 0);
	return (word & bits) == bits;
}

void dump_take(const struct rig *rig, struct dump *ret)
{
	for (int i = 0; i < DUMP_MAPS; i++)
		take_map(rig, map_name[i], &ret->map[i]);
	expect_in_filter(rig, &ret->map[DUMP_NODES]);
	expect_in_filter(rig, &ret->map[DUMP_STAGED]);
}

void dump_free(struct dump *dump)
{
	for (int i = 0; i < DUMP_MAPS; i++)
		free(dump->map[i].at);
}

const uint8_t *dump_find(const struct dump_map *map, const uint8_t *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (memcmp(dump_key(map, i), key, map->key_size) == 0)
			return dump_value(map, i);
	return NULL;
}

static struct xns_zone normal_zone(const uint8_t *value)
{
	struct xns_zone zone;

	memcpy(&zone, value, sizeof(zone));
	zone.generation = 0;
	zone.deadline_ns = 0;
	if (zone.current) {
		struct xns_version first = zone.version[0];

		zone.version[0] = zone.version[1];
		zone.version[1] = first;
		zone.current = 0;
	}
	return zone;
}

void dump_expect_equal(const struct dump *got, const struct dump *want, const char *what)
{
	for (int m = 0; m < DUMP_MAPS; m++) {
		const struct dump_map *a = &got->map[m], *b = &want->map[m];

		for (size_t i = 0; i < a->n; i++)
			if (!dump_find(b, dump_key(a, i)))
				fail_msg("%s: %s: an entry too many (%zu, not %zu)", what,
					 map_name[m], a->n, b->n);
		for (size_t i = 0; i < b->n; i++) {
			const uint8_t *value = dump_find(a, dump_key(b, i));
			struct xns_zone x, y;

			if (!value)
				fail_msg("%s: %s: an entry is missing (%zu, not %zu)", what,
					 map_name[m], a->n, b->n);
			if (m != DUMP_ZONES) {
				if (memcmp(value, dump_value(b, i), b->value_size) != 0)
					fail_msg("%s: %s: an entry differs", what, map_name[m]);
				continue;
			}
			x = normal_zone(value);
			y = normal_zone(dump_value(b, i));
			if (memcmp(&x, &y, sizeof(x)) != 0)
				fail_msg("%s: the entry of zone %s differs", what, x.name);
		}
	}
}
