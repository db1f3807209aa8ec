// SPDX-License-Identifier: GPL-3.0-or-later
#include "window.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int window_init(struct window *window, const struct corpus *corpus, struct replies *replies,
		size_t most, uint64_t timeout_ms)
{
	*window = (struct window){
		.corpus = corpus, .replies = replies, .most = most, .timeout_ms = timeout_ms};
	window->todo = calloc(corpus->n + 1, sizeof(*window->todo));
	window->sent_ms = calloc(corpus->n + 1, sizeof(*window->sent_ms));
	return window->todo && window->sent_ms ? 0 : -ENOMEM;
}

void window_free(struct window *window)
{
	free(window->todo);
	free(window->sent_ms);
}

size_t window_round(struct window *window)
{
	window->n = window->head = window->next = window->live = 0;
	for (uint32_t i = 0; i < window->corpus->n; i++) {
		if (!window->replies->reply[i].wire)
			window->todo[window->n++] = i;
	}
	return window->n;
}

static bool answered(const struct window *window, size_t position)
{
	return window->replies->reply[window->todo[position]].wire != NULL;
}

bool window_next(const struct window *window, uint32_t *ret_index)
{
	if (window->next == window->n || window->live == window->most)
		return false;
	/* ids are the low bits of indexes: two of the same id are never under way together */
	if (window->head < window->next &&
	    window->todo[window->next] - window->todo[window->head] > 0xffff)
		return false;
	*ret_index = window->todo[window->next];
	return true;
}

void window_sent(struct window *window)
{
	window->sent_ms[window->next++] = now_ms();
	window->live++;
}

int window_reply(struct window *window, const uint8_t *wire, size_t len)
{
	uint32_t index;
	uint16_t id;
	size_t low = window->head, high = window->next;

	if (len < 12)
		return 0;
	id = wire[0] << 8 | wire[1];
	if (low == high)
		return 0;
	/* The one index in [first, first + 65535] that has the id, by bisection in todo. */
	index = window->todo[low] + (uint16_t)(id - window_id(window->todo[low]));
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (window->todo[middle] < index)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == window->next || window->todo[low] != index || answered(window, low) ||
	    !reply_matches(&window->corpus->query[index], id, wire, len))
		return 0;
	window->live--;
	return replies_put(window->replies, index, wire, len);
}

int window_expire(struct window *window)
{
	uint64_t now = now_ms();

	while (window->head < window->next) {
		uint64_t due = window->sent_ms[window->head] + window->timeout_ms;

		if (!answered(window, window->head)) {
			if (due > now)
				return due - now;
			window->live--;
		}
		window->head++;
	}
	return -1;
}

void window_rewind(struct window *window)
{
	size_t kept = window->head;

	/* The answered ones in front of the others, which are then the next. */
	for (size_t i = window->head; i < window->next; i++) {
		if (answered(window, i))
			kept++;
	}
	for (size_t from = window->next, to = window->next; from-- > window->head;) {
		if (!answered(window, from))
			window->todo[--to] = window->todo[from];
	}
	window->head = window->next = kept;
	window->live = 0;
}
