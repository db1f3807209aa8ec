/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to order_update.c: pages under their first keys, in order. */
#ifndef XNS_ORDER_LIST_H
#define XNS_ORDER_LIST_H

#include "image/order.h"

/* Entries in ascending order, keys one behind the other in words. */
struct order_list {
	struct order_item {
		struct xns_image_key page;
		size_t at; /* of the key in word */
		unsigned n_words;
		bool gone;
	} *item;
	size_t n, size;
	__u64 *word;
	size_t n_words, words_size;
};

/* A list of zeros is empty. */
void order_list_clear(struct order_list *list); /* keeps its memory */
void order_list_free(struct order_list *list);
/* 0 or -ENOMEM. */
int order_list_add(struct order_list *list, const __u64 *word, unsigned n_words,
		   const struct xns_image_key *page, bool gone);
void order_list_key(const struct order_list *list, size_t i, struct order_key *ret);
bool order_list_has_page(const struct order_list *list, const struct xns_image_key *page);

bool order_same_page(const struct xns_image_key *a, const struct xns_image_key *b);

#endif
