/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting every packet's fate. */
#ifndef XNS_STATS_H
#define XNS_STATS_H

#include <stdbool.h>

#include "maps.h"

/*
 * Each stage returns the packet's fate as the counter that it ends in, or UNDECIDED: the next stage
 * decides.
 */
#define UNDECIDED XNS_COUNTER_COUNT

/* The counters whose names begin with "answer-", as bits: new ones are appended in any order. */
#define X(id, name, text) | (__u64)(name[0] == 'a') << XNS_##id
#define ANSWERS		  (0 XNS_COUNTERS(X))

static __always_inline bool fate_is_answer(enum xns_counter fate)
{
	return ANSWERS >> fate & 1;
}

#undef ANSWERS
#undef X
_Static_assert(XNS_COUNTER_COUNT < 64, "bits of a word");

/* The counter's absence would never change a verdict. The slot is this CPU's own: no atomic add. */
static __always_inline void stats_count(enum xns_counter fate)
{
	__u32 key = fate;
	__u64 *count = bpf_map_lookup_elem(&counters, &key);

	if (count)
		(*count)++;
}

#endif
