/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting every packet's fate. */
#ifndef XNS_STATS_H
#define XNS_STATS_H

#include <stdbool.h>

#include "maps.h"

/*
 * Each stage returns the packet's fate as the counter it ends in, or UNDECIDED: the next stage
 * decides. The order of enum xns_counter is: answers, then passes, then drops.
 */
#define UNDECIDED XNS_COUNTER_COUNT

static __always_inline bool fate_is_answer(enum xns_counter fate)
{
	return fate < XNS_PASS_NOT_OURS;
}

/* The counter's absence would never change a verdict. The slot is this CPU's own: no atomic add. */
static __always_inline void stats_count(enum xns_counter fate)
{
	__u32 key = fate;
	__u64 *count = bpf_map_lookup_elem(&counters, &key);

	if (count)
		(*count)++;
}

#endif
