/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Queries under way: at most `most` of them. What is not answered within the timeout is given up
 * for this round, and asked again in the next.
 */
#ifndef XNS_DIFF_WINDOW_H
#define XNS_DIFF_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "corpus.h"

struct window {
	const struct corpus *corpus;
	struct replies *replies;
	uint32_t *todo; /* indexes of queries, ascending: [head, next) were sent */
	uint64_t *sent_ms;
	size_t n, head, next;
	size_t live; /* sent, and neither answered nor given up */
	size_t most;
	uint64_t timeout_ms;
};

uint64_t now_ms(void);

int window_init(struct window *window, const struct corpus *corpus, struct replies *replies,
		size_t most, uint64_t timeout_ms);
void window_free(struct window *window);

/* What has no reply yet is to be asked; how many these are. */
size_t window_round(struct window *window);

/* May another be sent? If so its index; window_sent() when it was. */
bool window_next(const struct window *window, uint32_t *ret_index);
void window_sent(struct window *window);

/* A message came. 0 (it may have been nobody's), or a negative errno. */
int window_reply(struct window *window, const uint8_t *wire, size_t len);

/* Gives up what is overdue. Milliseconds until the next is, or -1: nothing is under way. */
int window_expire(struct window *window);

/* All that is under way goes back to be sent anew in this round. */
void window_rewind(struct window *window);

static inline uint16_t window_id(uint32_t index)
{
	return index & 0xffff;
}

#endif
