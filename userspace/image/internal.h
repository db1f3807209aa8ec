/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of image/. */
#ifndef XNS_IMAGE_INTERNAL_H
#define XNS_IMAGE_INTERNAL_H

#include <endian.h>

#include "image/image.h"

#define IMAGE_TYPES_MAX (XNS_NODE_PAGES * XNS_NODE_TYPES)
#define IMAGE_HEAD_LEN	sizeof(struct xns_image_head)

/* One type at a name before it is packed into pages. */
struct image_entry {
	uint16_t type;
	uint8_t flags;	      /* XNS_TYPE_PASS, XNS_TYPE_TRIM */
	uint32_t len;	      /* of the bytes */
	const uint8_t *value; /* head and bytes, in the builder's arena; NULL with PASS */
};

/* SipHash-2-4 with 128 bits of output. */
void image_hash(const __u64 key[2], const uint8_t *bytes, size_t len, __u64 ret[2]);

/*
 * Lays the entries (ascending by type) out in the pages of node, whose key, zone, flags and labels
 * are given. What does not go into a page becomes a blob; blob has room for n of them. More than
 * the pages hold: XNS_NODE_PASS.
 */
void image_pack(const __u64 key[2], const struct image_entry *entry, size_t n,
		const struct xns_node *model, struct image_node *node);

/* The key of an image (head and bytes: value) that lies outside of its node. */
void image_blob_key(const __u64 key[2], struct xns_name_key node, uint16_t type,
		    const uint8_t *value, size_t len, struct xns_image_key *ret);

#endif
