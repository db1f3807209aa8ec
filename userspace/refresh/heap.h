/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A binary heap of deadlines: one loop timer for any number of zones. */
#ifndef XNS_REFRESH_HEAP_H
#define XNS_REFRESH_HEAP_H

#include <stddef.h>
#include <stdint.h>

#define HEAP_OUT SIZE_MAX

struct heap_node {
	int64_t due_ms;
	size_t index; /* in the heap; HEAP_OUT: not in it */
};

struct heap {
	struct heap_node **node;
	size_t n, capacity;
};

/* All zeros is an empty heap. Room for this many nodes in all; more are never put in. 0 or -ENOMEM.
 */
int heap_reserve(struct heap *heap, size_t nodes);
void heap_free(struct heap *heap);

/* Puts the node in, or moves it. INT64_MAX: takes it out. A new node has index HEAP_OUT. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t due_ms);

/* The earliest, or NULL. */
struct heap_node *heap_first(const struct heap *heap);

#endif
