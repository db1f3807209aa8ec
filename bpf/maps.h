/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The maps, as xns_abi.h describes them. No pinning attributes: the loader pins, and may set other
 * numbers of entries. Memory is taken as elements come; what is there from the start are the
 * buckets of the hash maps, 16 bytes for each entry of max_entries rounded up to a power of two.
 */
#ifndef XNS_MAPS_H
#define XNS_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "xns_abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct xns_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct xns_listen);
	__type(value, __u32);
} listen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct xns_zone);
} zones SEC(".maps");

/*
 * A map in segments. The loader makes these and puts them in their slots, of the sizes that it
 * wants; the agent puts larger ones there.
 */
#define SEGMENTED(map, key_type, value_type)              \
	struct map##_segment {                            \
		__uint(type, BPF_MAP_TYPE_HASH);          \
		__uint(max_entries, 1);                   \
		__uint(map_flags, BPF_F_NO_PREALLOC);     \
		__type(key, key_type);                    \
		__type(value, value_type);                \
	};                                                \
	struct {                                          \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); \
		__uint(max_entries, XNS_SEGMENTS);        \
		__type(key, __u32);                       \
		__array(values, struct map##_segment);    \
	} map SEC(".maps")

SEGMENTED(nodes, struct xns_name_key, struct xns_node);
SEGMENTED(staged, struct xns_name_key, struct xns_node);
SEGMENTED(images_tiny, struct xns_image_key, struct xns_image_tiny);
SEGMENTED(images_small, struct xns_image_key, struct xns_image_small);
SEGMENTED(images_large, struct xns_image_key, struct xns_image_large);
SEGMENTED(order, struct xns_image_key, struct xns_order);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * XNS_FILTER_WORDS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} filter SEC(".maps");

/*
 * What segments hold. BTF, by which bpftool shows it, has no more than the name of a structure that
 * only pointers and inner maps refer to: so this lies in one that it has, and takes no place.
 */
struct segmented_types {
	struct xns_node node[0];
	struct xns_image_tiny tiny[0];
	struct xns_image_small small[0];
	struct xns_image_large large[0];
	struct xns_order order[0];
};

/* key: on the stack; it begins with the word that says which segment it is in. */
static __always_inline void *segmented_find(void *map, const __u64 *key)
{
	__u32 number = xns_segment(*key);
	void *segment = bpf_map_lookup_elem(map, &number);

	return segment ? bpf_map_lookup_elem(segment, key) : NULL;
}

/* The key is an enum xns_counter; the kernel takes only an integer in an array's BTF. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XNS_COUNTER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* Not read here: the agent writes the slot of `grace` to wait for all running programs. */
struct grace_inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} grace_inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct grace_inner);
} grace SEC(".maps") = {
	.values = {&grace_inner},
};

#endif
