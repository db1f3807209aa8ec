/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <bpf/bpf.h>

#include "publish/segment.h"

#define KIND(map_name, key, value)                             \
	{                                                      \
		.name = map_name,                              \
		.key_type = #key,                              \
		.value_type = #value,                          \
		.key_size = sizeof(struct key),                \
		.value_size = sizeof(struct value),            \
		.element_bytes = XNS_ALLOCATION(struct value), \
	}

const struct segment_kind segment_kinds[SEGMENTED_MAPS] = {
	[SEGMENTED_NODES] = KIND("nodes", xns_name_key, xns_node),
	[SEGMENTED_STAGED] = KIND("staged", xns_name_key, xns_node),
	[SEGMENTED_IMAGES_TINY] = KIND("images_tiny", xns_image_key, xns_image_tiny),
	[SEGMENTED_IMAGES_SMALL] = KIND("images_small", xns_image_key, xns_image_small),
	[SEGMENTED_IMAGES_LARGE] = KIND("images_large", xns_image_key, xns_image_large),
	[SEGMENTED_ORDER] = KIND("order", xns_image_key, xns_order),
};

void segment_name(enum segmented map, unsigned number, char *ret)
{
	snprintf(ret, SEGMENT_NAME_MAX, "%s_%u", segment_kinds[map].name, number);
}

static int type_id(const struct btf *btf, const char *structure)
{
	return btf__find_by_name_kind(btf, structure, BTF_KIND_STRUCT);
}

int segment_make(const struct btf *btf, enum segmented map, unsigned number, uint32_t max_entries)
{
	const struct segment_kind *kind = &segment_kinds[map];
	int key_id = type_id(btf, kind->key_type), value_id = type_id(btf, kind->value_type);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC,
		    .btf_fd = btf__fd(btf), .btf_key_type_id = key_id,
		    .btf_value_type_id = value_id);
	char name[SEGMENT_NAME_MAX];
	int fd;

	if (key_id < 0 || value_id < 0)
		return -ENOENT;
	segment_name(map, number, name);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, name, kind->key_size, kind->value_size, max_entries,
			    &opts);
	return fd < 0 ? -errno : fd;
}

static void *place_one(void *ctx)
{
	struct segment_slot *slot = ctx;

	slot->ret_error = bpf_map_update_elem(slot->slots_fd, &slot->number, &slot->fd, BPF_ANY) < 0
				  ? -errno
				  : 0;
	return NULL;
}

void segment_place(struct segment_slot *slot, size_t n)
{
	/* What no thread can be had for is done here. */
	for (size_t i = 0; i < n; i++)
		slot[i].has_thread = i + 1 < n && pthread_create(&slot[i].thread, NULL, place_one,
								 &slot[i]) == 0;
	for (size_t i = 0; i < n; i++)
		if (!slot[i].has_thread)
			place_one(&slot[i]);
	for (size_t i = 0; i < n; i++)
		if (slot[i].has_thread)
			pthread_join(slot[i].thread, NULL);
}

/* Keys are spread by chance: room for four standard deviations more. */
uint32_t segment_entries(uint64_t map_entries)
{
	uint64_t mean = map_entries / XNS_SEGMENTS, wanted = mean, deviation = 1;
	uint32_t entries = SEGMENT_ENTRIES_MIN;

	while (deviation * deviation < mean)
		deviation++;
	wanted += 4 * deviation;
	wanted += wanted / 3;
	while (entries < wanted && entries < SEGMENT_ENTRIES_MAX)
		entries *= 2;
	return entries;
}

uint64_t segment_room(enum segmented map, uint64_t names)
{
	switch (map) {
	/* A signed name has some four: with signatures, the signatures alone, NSEC, its proof. With
	 * ECDSA most are tiny, those of delegations and of NSEC3 small; with RSA all are. */
	case SEGMENTED_IMAGES_TINY:
	case SEGMENTED_IMAGES_SMALL:
		return 4 * names;
	/* Answers above 432 bytes are few, unless the zone is of a strange kind; a page of the
	 * order has more than ten names, but of zones of one or two. */
	case SEGMENTED_IMAGES_LARGE:
	case SEGMENTED_ORDER:
		return names / 4;
	default:
		return names;
	}
}
