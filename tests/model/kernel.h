/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pinned maps without a kernel: libbpf's functions that publish/ calls, on tables in memory.
 * What publish/ does, step by step, is the same; only nobody else runs meanwhile.
 */
#ifndef XNS_MODEL_KERNEL_H
#define XNS_MODEL_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "xns_abi.h"

enum kernel_map {
	KERNEL_CONFIG,
	KERNEL_LISTEN,
	KERNEL_ZONES,
	KERNEL_NODES,
	KERNEL_STAGED,
	KERNEL_TINY,
	KERNEL_SMALL,
	KERNEL_LARGE,
	KERNEL_ORDER,
	KERNEL_FILTER,
	KERNEL_COUNTERS,
	KERNEL_GRACE,
	KERNEL_GRACE_INNER,
	KERNEL_MAPS,
};

struct kernel_element {
	struct kernel_element *next;
	uint8_t bytes[]; /* key, value */
};

struct kernel_table {
	struct kernel_element **bucket;
	size_t mask, n;
	size_t max;		   /* elements; 0: no bound */
	struct kernel_table *next; /* made before */
};

/* One set of maps. */
struct kernel {
	struct xns_config *config; /* the element of that map */
	__u64 *filter;		   /* the elements of that map */
	struct kernel_table
		*table[KERNEL_MAPS][XNS_SEGMENTS]; /* of those without segments only [0] */
	struct kernel_table *made;		   /* all that there were, newest first */
	int fd[KERNEL_MAPS];
};

/* Empty maps, with this hash key. */
void kernel_open(struct kernel *kernel, const __u64 key[2]);
void kernel_close(struct kernel *kernel);
/* Segments have room for no more than this, until larger ones are made. */
void kernel_set_room(struct kernel *kernel, size_t max);
/* For publish_growth: ctx is the kernel. */
int kernel_make_segment(unsigned map, unsigned number, uint32_t max_entries, void *ctx);

/* For publish_open_fds: ctx is the kernel. The caller's to close. */
int kernel_map_fd(const char *name, void *ctx);

/* NULL: not there. */
void *kernel_find(const struct kernel *kernel, enum kernel_map map, const void *key);
size_t kernel_count(const struct kernel *kernel, enum kernel_map map);
uint32_t kernel_key_size(enum kernel_map map);
uint32_t kernel_value_size(enum kernel_map map);
void kernel_each(const struct kernel *kernel, enum kernel_map map,
		 void (*fn)(const void *key, const void *value, void *ctx), void *ctx);

/*
 * NULL, or the name of a map in which the two differ: what is served must be the same, byte for
 * byte. Of zones what is of a time or a place is left out: generation, deadline, which slot.
 */
const char *kernel_difference(const struct kernel *a, const struct kernel *b);

#endif
