/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bump allocator: many small pieces, dropped all at once. */
#ifndef XNS_ARENA_H
#define XNS_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunk; /* the newest; each knows the one before */
	char *free, *end;
	size_t next_len; /* of the next chunk */
};

/* An arena of zeros is empty and ready. len bytes aligned to 8, not zeroed; NULL: out of memory. */
void *arena_alloc(struct arena *arena, size_t len);
void arena_free(struct arena *arena);

#endif
