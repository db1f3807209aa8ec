/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "refresh/heap.h"

int heap_reserve(struct heap *heap, size_t nodes)
{
	size_t capacity = heap->capacity ? heap->capacity : 16;
	struct heap_node **node;

	if (nodes <= heap->capacity)
		return 0;
	while (capacity < nodes)
		capacity *= 2;
	node = realloc(heap->node, capacity * sizeof(struct heap_node *));
	if (!node)
		return -ENOMEM;
	heap->node = node;
	heap->capacity = capacity;
	return 0;
}

void heap_free(struct heap *heap)
{
	free(heap->node);
	*heap = (struct heap){0};
}

static void put(struct heap *heap, size_t index, struct heap_node *node)
{
	heap->node[index] = node;
	node->index = index;
}

/* The node belongs at index or above or below it. */
static void settle(struct heap *heap, size_t index, struct heap_node *node)
{
	while (index > 0 && heap->node[(index - 1) / 2]->due_ms > node->due_ms) {
		put(heap, index, heap->node[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= heap->n)
			break;
		if (child + 1 < heap->n &&
		    heap->node[child + 1]->due_ms < heap->node[child]->due_ms)
			child++;
		if (heap->node[child]->due_ms >= node->due_ms)
			break;
		put(heap, index, heap->node[child]);
		index = child;
	}
	put(heap, index, node);
}

static void take_out(struct heap *heap, struct heap_node *node)
{
	size_t index = node->index;
	struct heap_node *last = heap->node[--heap->n];

	node->index = HEAP_OUT;
	if (last != node)
		settle(heap, index, last);
}

void heap_set(struct heap *heap, struct heap_node *node, int64_t due_ms)
{
	if (due_ms == INT64_MAX) {
		if (node->index != HEAP_OUT)
			take_out(heap, node);
		return;
	}
	if (node->index != HEAP_OUT && node->due_ms == due_ms)
		return;
	node->due_ms = due_ms;
	if (node->index == HEAP_OUT) {
		assert(heap->n < heap->capacity);
		node->index = heap->n++;
	}
	settle(heap, node->index, node);
}

struct heap_node *heap_first(const struct heap *heap)
{
	return heap->n > 0 ? heap->node[0] : NULL;
}
