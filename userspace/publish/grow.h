/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segments grow with what is put in them, within the bound of memory; for the files of publish/
 * only.
 */
#ifndef XNS_PUBLISH_GROW_H
#define XNS_PUBLISH_GROW_H

#include "publish/maps.h"

/* Of the pin of a segment that is to take another's place. */
#define GROW_PIN_SUFFIX "-new"

int grow_init(struct publish *p);
void grow_free(struct publish *p);

/* What all segments take now: elements and buckets. */
uint64_t grow_bytes(const struct publish *p);
uint64_t grow_max_bytes(const struct publish *p);
/* Can segments be made, as far as is known? */
bool grow_is_possible(const struct publish *p);
/* To be told of what came (or went, less than 0). */
void grow_count(struct publish *p, enum map_id map, unsigned segment, int64_t elements);
/* So many are in the segment now. */
void grow_set_count(struct publish *p, enum map_id map, unsigned segment, uint64_t elements);
/* May so many more elements come into the map, by the bound? */
bool grow_is_allowed(const struct publish *p, enum map_id map, uint64_t elements);

/* While a segment is written to, and what came is counted, it does not grow and nobody counts its
 * elements: around every write, as another thread (bulk.c) may find it full. */
void grow_hold(struct publish *p);
void grow_release(struct publish *p);

/*
 * The segment has no room left; max_entries: how large it was then. 0: there is room now; -E2BIG:
 * there can be no more.
 */
int grow_segment(struct publish *p, enum map_id map, unsigned segment, uint32_t max_entries);

/* Makes the filter of names anew, if it is time to; or in any case: 0 or a negative errno. */
void grow_check_filter(struct publish *p);
int grow_make_filter(struct publish *p);

/* Another in its place, with room for so many and the same elements: what growing is made of. 0 or
 * a negative errno. */
int grow_replace(struct publish *p, enum map_id map, unsigned segment, uint32_t max_entries);

/* Room for so many in all, as far as there may be: where that is known before. */
void grow_reserve(struct publish *p, enum map_id map, uint64_t entries);
/* The empty map gives up the room that it has got, and a grace period passes. 0 or a negative
 * errno. */
int grow_shrink(struct publish *p, enum map_id map);

/*
 * A whole zone of so many records is being put: what has come of the first of them says how much
 * room it will need. 0: none any more.
 */
void grow_expect(struct publish *p, uint64_t records);
void grow_progress(struct publish *p, uint64_t records);
/* One more was put, or will be. */
void grow_note_put(struct publish *p, enum map_id map);

/* Why there is no more room, for people. */
const char *grow_reason(const struct publish *p);

#endif
