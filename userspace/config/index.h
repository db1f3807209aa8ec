/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hash table of byte strings, made once for a known number of them: finds duplicates and
 * references. */
#ifndef XNS_CONFIG_INDEX_H
#define XNS_CONFIG_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct config_index_slot;
struct config_index {
	struct config_index_slot *slot;
	size_t mask;
};

#define CONFIG_INDEX_NONE SIZE_MAX

/* For at most n keys. 0 or -ENOMEM. */
int config_index_init(struct config_index *index, size_t n);
void config_index_free(struct config_index *index);

/* The number that was put with this key, or CONFIG_INDEX_NONE. */
size_t config_index_get(const struct config_index *index, const void *key, size_t len);
/* The same; a key that was not there is put in with the number. key is not copied. */
size_t config_index_put(struct config_index *index, const void *key, size_t len, size_t number);

#endif
