/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zones that come into the maps and leave them; for the files of publish/ only. */
#ifndef XNS_PUBLISH_TABLE_H
#define XNS_PUBLISH_TABLE_H

#include "publish/maps.h"

/*
 * The stack answers the zone until a full comparison has brought it in line. 1: it was answered
 * from the maps, and runs of the program that do so may be under way; 0: it was not; or a negative
 * errno.
 */
int table_give_to_stack(struct publish *p, uint32_t id);

/*
 * The apex, then an entry in state loading, of each zone that has no entry: where there is an entry
 * there is an apex. The zones above are given to the stack first, as they may have names that are
 * these zones' now. A zone that finds no place stays out, and does not keep the others out; the
 * zone above knows (work.c).
 */
int table_add(struct publish *p, struct zone *const *zone, size_t n);

/* Everything of zones (by id) that readers know to be in state loading leaves the maps, found by a
 * walk over all nodes. */
int table_delete_scanning(struct publish *p, const uint32_t *id, size_t n);

#endif
