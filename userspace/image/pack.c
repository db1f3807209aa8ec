/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answers of one name, laid out in the pages of its node. */
#include <string.h>

#include "image/internal.h"

#define KEY_LEN sizeof(struct xns_image_key)

_Static_assert(XNS_NODE_TYPES *KEY_LEN <= XNS_NODE_DATA, "a page of outside images always fits");

static size_t inline_cost(const struct image_entry *entry)
{
	return (IMAGE_HEAD_LEN + entry->len + 7) & ~(size_t)7; /* keys behind it stay aligned */
}

void image_blob_key(const __u64 key[2], struct xns_name_key node, uint16_t type,
		    const uint8_t *value, size_t len, struct xns_image_key *ret)
{
	__u64 content[2];
	uint8_t input[sizeof(node) + sizeof(content) + 8] = {0};

	image_hash(key, value, len, content);
	memcpy(input, &node, sizeof(node));
	memcpy(input + sizeof(node), content, sizeof(content));
	memcpy(input + sizeof(node) + sizeof(content), &type, sizeof(type));
	image_hash(key, input, sizeof(input), ret->hash);
}

/*
 * Which of the (at most XNS_NODE_TYPES) entries of a page lie in it: the smallest first, as long as
 * the others still have room for the key of an image outside.
 */
static void choose_inline(const struct image_entry *entry, size_t n, bool *inside)
{
	size_t room = XNS_NODE_DATA;

	for (size_t i = 0; i < n; i++) {
		inside[i] = false;
		if (!(entry[i].flags & XNS_TYPE_PASS))
			room -= KEY_LEN;
	}
	for (;;) {
		size_t best = n;

		for (size_t i = 0; i < n; i++)
			if (!inside[i] && !(entry[i].flags & XNS_TYPE_PASS) &&
			    inline_cost(&entry[i]) <= room + KEY_LEN &&
			    (best == n || inline_cost(&entry[i]) < inline_cost(&entry[best])))
				best = i;
		if (best == n)
			return;
		inside[best] = true;
		room = room + KEY_LEN - inline_cost(&entry[best]);
	}
}

static void put_blob(const __u64 key[2], const struct image_entry *entry, struct image_node *node,
		     uint8_t *data, struct xns_type *type)
{
	struct image_blob *blob = &node->blob[node->n_blobs++];

	blob->value = entry->value;
	blob->len = entry->len;
	image_blob_key(key, node->key, entry->type, entry->value, IMAGE_HEAD_LEN + entry->len,
		       &blob->key);
	memcpy(data, &blob->key, KEY_LEN);
	if (entry->len > XNS_IMAGE_SMALL_MAX)
		type->flags |= XNS_TYPE_LARGE;
}

static void pack_page(const __u64 key[2], const struct image_entry *entry, size_t n,
		      struct image_node *node, struct xns_node *page)
{
	bool inside[XNS_NODE_TYPES];
	size_t used = 0;

	choose_inline(entry, n, inside);
	for (size_t i = 0; i < n; i++) {
		struct xns_type *type = &page->type[i];

		type->type = entry[i].type;
		type->len = entry[i].len > UINT16_MAX ? UINT16_MAX : entry[i].len;
		type->flags = entry[i].flags;
		if (entry[i].flags & XNS_TYPE_PASS)
			continue;
		type->sum = image_sum(entry[i].value + IMAGE_HEAD_LEN, entry[i].len);
		type->off = used;
		if (inside[i]) {
			type->flags |= XNS_TYPE_INLINE;
			memcpy(page->data + used, entry[i].value, IMAGE_HEAD_LEN + entry[i].len);
			used += inline_cost(&entry[i]);
		} else {
			put_blob(key, &entry[i], node, page->data + used, type);
			used += KEY_LEN;
		}
	}
	page->n_types = n;
}

void image_pack(const __u64 key[2], const struct image_entry *entry, size_t n,
		const struct xns_node *model, struct image_node *node)
{
	size_t done = 0;

	node->n_pages = 0;
	node->n_blobs = 0;
	do {
		struct xns_node *page = &node->page[node->n_pages++];
		size_t count = n - done < XNS_NODE_TYPES ? n - done : XNS_NODE_TYPES;

		*page = *model;
		pack_page(key, entry + done, count, node, page);
		done += count;
		if (done < n)
			page->flags |= XNS_NODE_MORE;
	} while (done < n);
}
