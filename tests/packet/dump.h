/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All that the maps hold, to be compared. */
#ifndef XNS_TEST_DUMP_H
#define XNS_TEST_DUMP_H

#include "packet/rig.h"

struct dump_map {
	struct rig rig;
	const char *name;
	uint32_t key_size, value_size;
	size_t n;
	uint8_t *at; /* key and value of each element, in order of the keys */
};

enum {
	DUMP_ZONES,
	DUMP_NODES,
	DUMP_STAGED,
	DUMP_TINY,
	DUMP_SMALL,
	DUMP_LARGE,
	DUMP_ORDER,
	DUMP_MAPS,
};

struct dump {
	struct dump_map map[DUMP_MAPS];
};

/* What the filter of names does not have of `nodes` and `staged` ends the test. */
void dump_take(const struct rig *rig, struct dump *ret);
/* May the name be there, by the filter? */
bool dump_filter_has(const struct rig *rig, const struct xns_name_key *key);
void dump_free(struct dump *dump);

const uint8_t *dump_key(const struct dump_map *map, size_t i);
const uint8_t *dump_value(const struct dump_map *map, size_t i);
/* The map itself, or the segment of it that a key is in. */
int dump_fd(const struct dump_map *map, const void *key);
/* NULL: not there. */
const uint8_t *dump_find(const struct dump_map *map, const uint8_t *key);

/*
 * Ends the test unless both hold the same, byte for byte. Of a zone's entry what is of a time or a
 * place is left out: generation, deadline, and which of the two slots is the current one.
 */
void dump_expect_equal(const struct dump *got, const struct dump *want, const char *what);

#endif
