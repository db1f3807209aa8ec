/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of queries: a file, and the map that the generator reads. */
#ifndef FLOOD_LIST_H
#define FLOOD_LIST_H

#include <stddef.h>

#include "flood.h"

struct flood_bpf;

struct flood_list {
	char *records; /* the map's memory */
	size_t stride;
	size_t len;
	size_t words; /* of 8 bytes, of the longest message */
};

/*
 * Sets the size of the map of queries in `skel`, loads the programs, and fills the map.
 * 0, or a negative errno: -EINVAL when the file is no list of queries.
 */
int flood_list_load(const char *path, struct flood_bpf *skel, struct flood_list *ret);

static inline struct flood_record *flood_list_at(const struct flood_list *list, size_t place)
{
	return (struct flood_record *)(list->records + place * list->stride);
}

#endif
