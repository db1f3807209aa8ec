/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/order_list.h"

void order_list_clear(struct order_list *list)
{
	list->n = 0;
	list->n_words = 0;
}

void order_list_free(struct order_list *list)
{
	free(list->item);
	free(list->word);
}

int order_list_add(struct order_list *list, const __u64 *word, unsigned n_words,
		   const struct xns_image_key *page, bool gone)
{
	if (list->n == list->size) {
		size_t size = list->size == 0 ? 64 : list->size * 2;
		struct order_item *bigger = reallocarray(list->item, size, sizeof(*bigger));

		if (bigger == NULL)
			return -ENOMEM;
		list->item = bigger;
		list->size = size;
	}
	if (list->n_words + n_words > list->words_size) {
		size_t size = (list->words_size + n_words) * 2;
		__u64 *bigger = reallocarray(list->word, size, sizeof(*bigger));

		if (bigger == NULL)
			return -ENOMEM;
		list->word = bigger;
		list->words_size = size;
	}
	list->item[list->n++] = (struct order_item){
		.page = *page, .at = list->n_words, .n_words = n_words, .gone = gone};
	if (n_words > 0)
		memcpy(list->word + list->n_words, word, n_words * sizeof(*word));
	list->n_words += n_words;
	return 0;
}

void order_list_key(const struct order_list *list, size_t i, struct order_key *ret)
{
	ret->n = list->item[i].n_words;
	if (ret->n > 0)
		memcpy(ret->word, list->word + list->item[i].at, ret->n * sizeof(ret->word[0]));
}

bool order_same_page(const struct xns_image_key *a, const struct xns_image_key *b)
{
	return a->owner == b->owner && a->content == b->content;
}

bool order_list_has_page(const struct order_list *list, const struct xns_image_key *page)
{
	for (size_t i = list->n; i > 0; i--) /* what is looked for was added lately */
		if (order_same_page(&list->item[i - 1].page, page))
			return true;
	return false;
}
