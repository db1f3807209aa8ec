// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/arena.h"

#include <stdint.h>
#include <stdlib.h>

#define CHUNK_MIN ((size_t)16 << 10) /* a small zone costs little ... */
#define CHUNK_MAX ((size_t)4 << 20)  /* ... and a large one wastes no more than this */

struct arena_chunk {
	struct arena_chunk *before;
	size_t len; /* keeps the data aligned to 16 */
	char data[];
};

static bool arena_grow(struct arena *arena, size_t len)
{
	size_t chunk_len = arena->next_len ? arena->next_len : CHUNK_MIN;
	struct arena_chunk *chunk;

	if (chunk_len < len)
		chunk_len = len;
	chunk = malloc(sizeof(*chunk) + chunk_len);
	if (!chunk)
		return false;
	chunk->before = arena->chunk;
	chunk->len = chunk_len;
	arena->chunk = chunk;
	arena->free = chunk->data;
	arena->end = chunk->data + chunk_len;
	arena->next_len = chunk_len < CHUNK_MAX / 2 ? chunk_len * 2 : CHUNK_MAX;
	return true;
}

void *arena_alloc(struct arena *arena, size_t len)
{
	void *ret;

	if (len > SIZE_MAX / 2)
		return NULL;
	len = (len + 7) & ~(size_t)7;
	if ((size_t)(arena->end - arena->free) < len && !arena_grow(arena, len))
		return NULL;
	ret = arena->free;
	arena->free += len;
	return ret;
}

void arena_free(struct arena *arena)
{
	while (arena->chunk) {
		struct arena_chunk *chunk = arena->chunk;

		arena->chunk = chunk->before;
		free(chunk);
	}
	*arena = (struct arena){0};
}
