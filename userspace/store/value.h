/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The records of a name as they lie in the database, in the machine's byte order: for each RRset in
 * ascending order of type this head, then its rdata as libknot has them in memory (knot_rdata_t:
 * length and bytes, padded to an even length), so that they are read in place. Everything is
 * aligned to 2 bytes and no more.
 */
#ifndef XNS_VALUE_H
#define XNS_VALUE_H

#include <stdint.h>

struct value_head {
	uint16_t type;
	uint16_t count; /* of rdata */
	uint32_t ttl;
	uint32_t size; /* of all rdata */
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct value_head) == 12, "no padding");

#endif
