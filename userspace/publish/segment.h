/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hash maps that the segmented maps consist of (xns_abi.h): what they are called, how they are
 * made and pinned. For publish/ and for who makes them: the loader, publish/maker.c, tests.
 */
#ifndef XNS_PUBLISH_SEGMENT_H
#define XNS_PUBLISH_SEGMENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <bpf/btf.h>

#include "xns_abi.h"

enum segmented {
	SEGMENTED_NODES,
	SEGMENTED_STAGED,
	SEGMENTED_IMAGES_TINY,
	SEGMENTED_IMAGES_SMALL,
	SEGMENTED_IMAGES_LARGE,
	SEGMENTED_ORDER,
	SEGMENTED_MAPS,
};

struct segment_kind {
	const char *name;		   /* of the map */
	const char *key_type, *value_type; /* structures of xns_abi.h */
	uint32_t key_size, value_size;
	uint32_t element_bytes; /* that the kernel allocates for one */
};
extern const struct segment_kind segment_kinds[SEGMENTED_MAPS];

#define SEGMENT_BUCKET_BYTES 16 /* for each of max_entries, a power of two */
#define SEGMENT_ENTRIES_MIN  16
#define SEGMENT_ENTRIES_MAX  (1u << 26)

/* Kernel name and name of the pin; ret has room for SEGMENT_NAME_MAX. */
#define SEGMENT_NAME_MAX 24
void segment_name(enum segmented map, unsigned number, char *ret);

/*
 * A new, empty segment with room for max_entries, a power of two. btf: of the BPF object, loaded
 * into the kernel, so that bpftool shows what is in it. A descriptor, or a negative errno.
 */
int segment_make(const struct btf *btf, enum segmented map, unsigned number, uint32_t max_entries);

/*
 * Puts segments into slots, all at once: each write waits for the programs that are running (before
 * Linux 6.8 in a batch update too), and waiting is done together.
 */
struct segment_slot {
	int slots_fd;	 /* the map of segments */
	uint32_t number; /* the slot */
	int fd;		 /* what goes there */
	int ret_error;	 /* 0 or a negative errno */
	/* private */
	pthread_t thread;
	bool has_thread;
};
void segment_place(struct segment_slot *slot, size_t n);

/*
 * The room that each segment of a map needs if the map is to have room for so many in all, and to
 * be three quarters full at most: each element more in a bucket is a cache miss more in a look-up.
 */
uint32_t segment_entries(uint64_t map_entries);

/* The room for `names` that the maps get when they are made. */
uint64_t segment_room(enum segmented map, uint64_t names);

#endif
