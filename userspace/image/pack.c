/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answers of one name, laid out in the pages of its node. */
#include <string.h>

#include "image/internal.h"

#define REF_LEN (IMAGE_HEAD_LEN + sizeof(__u64)) /* the head, and content of the key */

_Static_assert(XNS_NODE_TYPES *REF_LEN <= sizeof(((struct xns_node *)NULL)->rest),
	       "a page of outside images always fits");
_Static_assert(IMAGE_HEAD_LEN <= REF_LEN, "so does a page of passed types");

bool image_entry_same(const struct image_entry *a, const struct image_entry *b)
{
	return (a->flags & ~XNS_TYPE_DO) == (b->flags & ~XNS_TYPE_DO) &&
	       memcmp(&a->made.head, &b->made.head, sizeof(a->made.head)) == 0 &&
	       a->made.value_len == b->made.value_len &&
	       (a->made.value_len == 0 ||
		memcmp(a->made.value, b->made.value, a->made.value_len) == 0);
}

static bool is_passed(const struct image_entry *entry)
{
	return entry->flags & XNS_TYPE_PASS;
}

/* Has the layout anything to say that an image for exactly one name has not? */
static bool needs_layout(const struct image_made *made)
{
	struct xns_image_layout layout;

	memcpy(&layout, made->value, sizeof(layout));
	return layout.n_pointers > 0 || layout.target_len > 0 || layout.additional < made->head.len;
}

static size_t inline_cost(const struct image_entry *entry)
{
	size_t len = entry->made.value_len;

	if (!needs_layout(&entry->made))
		len -= IMAGE_LAYOUT_LEN;
	return (IMAGE_HEAD_LEN + len + 7) & ~(size_t)7; /* heads behind it stay aligned */
}

/* What is one image, however many types have it: the first of them. */
static size_t first_same(const struct image_entry *entry, size_t i)
{
	size_t first = 0;

	while (is_passed(&entry[first]) || !image_entry_same(&entry[first], &entry[i]))
		first++;
	return first;
}

/* Addresses for clients without DNSSEC are what is asked for most. */
static bool is_hot(const struct image_entry *entry)
{
	return !(entry->flags & XNS_TYPE_DO) &&
	       (entry->type == KNOT_RRTYPE_A || entry->type == KNOT_RRTYPE_AAAA);
}

static bool is_better(const struct image_entry *a, const struct image_entry *b)
{
	if (is_hot(a) != is_hot(b))
		return is_hot(a);
	return inline_cost(a) < inline_cost(b);
}

/*
 * Which of the (at most XNS_NODE_TYPES) images of a page lie in it: those asked for most, then the
 * smallest, as long as the others still have room for a reference.
 */
static void choose_inline(const struct image_entry *entry, size_t n, bool *inside)
{
	bool candidate[XNS_NODE_TYPES];
	size_t room = sizeof(struct xns_node) - xns_node_begin(n);

	for (size_t i = 0; i < n; i++) {
		inside[i] = false;
		candidate[i] = !is_passed(&entry[i]) && first_same(entry, i) == i;
		if (is_passed(&entry[i]))
			room -= IMAGE_HEAD_LEN;
		else if (candidate[i])
			room -= REF_LEN;
	}
	for (;;) {
		size_t best = n;

		for (size_t i = 0; i < n; i++)
			if (candidate[i] && inline_cost(&entry[i]) <= room + REF_LEN &&
			    (best == n || is_better(&entry[i], &entry[best])))
				best = i;
		if (best == n)
			return;
		inside[best] = true;
		candidate[best] = false;
		room = room + REF_LEN - inline_cost(&entry[best]);
	}
}

static size_t put_inline(const struct image_entry *entry, uint8_t *data)
{
	size_t skip = needs_layout(&entry->made) ? 0 : IMAGE_LAYOUT_LEN;
	struct xns_image_head head = entry->made.head;

	if (skip == 0)
		head.flags |= XNS_IMAGE_LAYOUT;
	memcpy(data, &head, sizeof(head));
	memcpy(data + sizeof(head), entry->made.value + skip, entry->made.value_len - skip);
	return inline_cost(entry);
}

static size_t put_reference(const __u64 key[2], const struct image_entry *entry,
			    struct image_node *node, uint8_t *data)
{
	struct image_blob *blob = &node->blob[node->n_blobs];
	size_t i = 0;

	image_blob_make(key, node->key.hash[0], &entry->made, blob);
	memcpy(data, &entry->made.head, IMAGE_HEAD_LEN);
	memcpy(data + IMAGE_HEAD_LEN, &blob->key.content, sizeof(blob->key.content));
	while (node->blob[i].key.content != blob->key.content)
		i++;
	if (i == node->n_blobs) /* another page may have it */
		node->n_blobs++;
	return REF_LEN;
}

static void pack_page(const __u64 key[2], const struct image_entry *entry, size_t n,
		      struct image_node *node, struct xns_node *page)
{
	bool inside[XNS_NODE_TYPES];
	uint8_t *bytes = (uint8_t *)page;
	size_t used = xns_node_begin(n);

	choose_inline(entry, n, inside);
	for (size_t i = 0; i < n; i++) {
		struct xns_type *type = &page->type[i];
		size_t first = is_passed(&entry[i]) ? i : first_same(entry, i);

		type->type = entry[i].type;
		type->flags = entry[i].flags | (inside[first] ? XNS_TYPE_INLINE : 0);
		type->off = first < i ? page->type[first].off : used;
		if (first < i)
			continue;
		if (inside[i]) {
			used += put_inline(&entry[i], bytes + used);
		} else if (is_passed(&entry[i])) {
			memcpy(bytes + used, &entry[i].made.head, IMAGE_HEAD_LEN);
			used += IMAGE_HEAD_LEN;
		} else {
			used += put_reference(key, &entry[i], node, bytes + used);
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
		for (size_t i = done; i < n; i++)
			page->later |= 1U << entry[i].type % 32;
	} while (done < n);
}
