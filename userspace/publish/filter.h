/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which names may be in the maps (struct xns_filter): made anew, in the half of its map that is not
 * in force, when there are more names than it is good for, or when many have gone. For the files of
 * publish/ only.
 */
#ifndef XNS_PUBLISH_FILTER_H
#define XNS_PUBLISH_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "xns_abi.h"

struct publish;

struct filter {
	_Atomic uint64_t *word;	 /* the map, mapped */
	_Atomic uint64_t n_gone; /* names that went since it was made */
};

/* Maps it: 0 or a negative errno. */
int filter_open(struct publish *p);
void filter_close(struct publish *p);

/* Before a node is put. Any number of threads. */
void filter_add(struct publish *p, const struct xns_name_key *key);
void filter_note_gone(struct publish *p);

/* Is it time to make it anew, for so many names? */
bool filter_is_due(const struct publish *p, uint64_t names);
/*
 * Makes it anew from what is in the maps, with room for so many names; nothing may be put
 * meanwhile. 0; or a negative errno: the one before stays in force, or (the last wait failed) runs
 * may still be going by it.
 */
int filter_make(struct publish *p, uint64_t names);

#endif
