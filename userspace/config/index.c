// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/index.h"

struct config_index_slot {
	const void *key; /* NULL: free */
	size_t len;
	size_t number;
};

int config_index_init(struct config_index *index, size_t n)
{
	size_t size = 8;

	while (size < 2 * n)
		size *= 2;
	index->slot = calloc(size, sizeof(*index->slot));
	index->mask = size - 1;
	return index->slot ? 0 : -ENOMEM;
}

void config_index_free(struct config_index *index)
{
	free(index->slot);
	index->slot = NULL;
}

/* FNV-1a: whoever writes the configuration is trusted not to attack a hash. */
static size_t hash(const uint8_t *key, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ key[i]) * 0x100000001b3;
	return h ^ h >> 32;
}

static struct config_index_slot *find(const struct config_index *index, const void *key, size_t len)
{
	for (size_t i = hash(key, len);; i++) {
		struct config_index_slot *slot = &index->slot[i & index->mask];
		if (!slot->key || (slot->len == len && memcmp(slot->key, key, len) == 0))
			return slot;
	}
}

size_t config_index_get(const struct config_index *index, const void *key, size_t len)
{
	const struct config_index_slot *slot = find(index, key, len);
	return slot->key ? slot->number : CONFIG_INDEX_NONE;
}

size_t config_index_put(struct config_index *index, const void *key, size_t len, size_t number)
{
	struct config_index_slot *slot = find(index, key, len);

	if (slot->key)
		return slot->number;
	*slot = (struct config_index_slot){key, len, number};
	return CONFIG_INDEX_NONE;
}
