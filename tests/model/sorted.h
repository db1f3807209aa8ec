/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an order is compared with: its entries, in a sorted list. */
#ifndef XNS_TEST_SORTED_H
#define XNS_TEST_SORTED_H

#include "image/order.h"

/* The place of the first entry that is not before the key; n: all are. */
static inline size_t sorted_place(const struct order_entry *entry, size_t n,
				  const struct order_key *key, bool *ret_is_there)
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

#endif
