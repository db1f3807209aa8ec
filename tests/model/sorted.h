/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an order is compared with: its entries, in a sorted list. What one has follows from two
 * numbers, as there may be 2 KB of it. */
#ifndef XNS_TEST_SORTED_H
#define XNS_TEST_SORTED_H

#include <errno.h>
#include <string.h>

#include "image/order.h"

struct sorted {
	struct order_key key;
	unsigned n_words; /* 1 to ORDER_DATA_WORDS */
	unsigned seed;
};

/* The place of the first entry that is not before the key; n: all are. */
static inline size_t sorted_place(const struct sorted *entry, size_t n, const struct order_key *key,
				  bool *ret_is_there)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (order_key_compare(&entry[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_is_there = low < n && order_key_compare(&entry[low].key, key) == 0;
	return low;
}

/* The entry of the order. No word of it is zero, which is what pages have behind their entries. */
static inline void sorted_entry(const struct sorted *from, struct order_entry *ret)
{
	ret->key = from->key;
	ret->n_words = from->n_words;
	for (unsigned i = 0; i < from->n_words; i++)
		ret->word[i] = (from->seed * 0x10000ull + i + 1) * 0x9e3779b97f4a7c15;
}

static inline bool sorted_is_entry(const struct sorted *want, const struct order_entry *got)
{
	struct order_entry entry;

	sorted_entry(want, &entry);
	return order_key_compare(&want->key, &got->key) == 0 && got->n_words == want->n_words &&
	       memcmp(got->word, entry.word, want->n_words * sizeof(entry.word[0])) == 0;
}

/* The last entry whose key is not behind `key`: 0; -ENOENT: all are; or that a page is not there.
 */
static inline int sorted_search(const struct order_io *io, const struct xns_image_key *root,
				const struct order_key *key, struct order_entry *ret)
{
	struct xns_image_key at = *root;
	unsigned level = XNS_ORDER_LEVELS;
	struct xns_order page;
	int i;

	if (order_is_empty(root))
		return -ENOENT;
	for (;;) {
		int err = io->get(&at, &page, io->ctx);

		if (err < 0)
			return err;
		if (!order_page_is_valid(&page) || page.level >= level)
			return -EBADMSG;
		i = order_page_find(&page, key);
		if (i < 0)
			return -ENOENT;
		level = page.level;
		if (level == 0)
			break;
		at = order_page_below(&page, i);
	}
	order_page_entry(&page, i, ret);
	return 0;
}

#endif
