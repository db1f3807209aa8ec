/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A whole tree at once: one page of each level is being filled at any time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/order.h"

struct order_builder {
	__u64 hash_key[2];
	struct order_io io;
	unsigned bottom; /* the level of the entries that are added */
	struct builder_level {
		size_t n_pages;		   /* written */
		struct xns_image_key last; /* of these */
		struct order_fill fill;
	} level[XNS_ORDER_LEVELS];
};

struct order_builder *order_builder_at(const __u64 hash_key[2], const struct order_io *io,
				       unsigned level)
{
	struct order_builder *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	memcpy(b->hash_key, hash_key, sizeof(b->hash_key));
	b->io = *io;
	b->bottom = level;
	for (unsigned i = 0; i < XNS_ORDER_LEVELS; i++)
		order_fill_begin(&b->level[i].fill, i);
	return b;
}

struct order_builder *order_builder_new(const __u64 hash_key[2], const struct order_io *io)
{
	return order_builder_at(hash_key, io, 0);
}

void order_builder_free(struct order_builder *b)
{
	free(b);
}

static int add_at(struct order_builder *b, unsigned level, const struct order_entry *entry);

/* Writes the page that is being filled, and refers to it from the level above. */
static int close_page(struct order_builder *b, unsigned level)
{
	struct builder_level *at = &b->level[level];
	struct xns_image_key page_key;
	struct order_entry above;
	struct xns_order page;
	int ret;

	order_fill_write(&at->fill, &page);
	order_fill_first(&at->fill, &above.key);
	order_page_key(b->hash_key, &page, &page_key);
	order_entry_set_page(&above, &page_key);
	order_fill_begin(&at->fill, level);
	ret = b->io.put(&page_key, &page, b->io.ctx);
	if (ret < 0)
		return ret;
	at->last = page_key;
	at->n_pages++;
	if (level + 1 < XNS_ORDER_LEVELS)
		return add_at(b, level + 1, &above);
	return at->n_pages > 1 ? -E2BIG : 0;
}

static int add_at(struct order_builder *b, unsigned level, const struct order_entry *entry)
{
	struct order_fill *fill = &b->level[level].fill;
	int ret = 0;

	if (fill->n > 0 && order_begins_run(b->hash_key, &entry->key, level))
		ret = close_page(b, level);
	if (ret < 0 || order_fill_add(fill, entry))
		return ret;
	ret = close_page(b, level);
	if (ret == 0 && !order_fill_add(fill, entry))
		ret = -EINVAL; /* a key longer than any name's, or more than a proof */
	return ret;
}

int order_builder_add(struct order_builder *b, const struct order_entry *entry)
{
	if (b->bottom >= XNS_ORDER_LEVELS)
		return -E2BIG;
	return add_at(b, b->bottom, entry);
}

int order_builder_end(struct order_builder *b, struct xns_image_key *ret_root)
{
	for (unsigned level = b->bottom; level < XNS_ORDER_LEVELS; level++) {
		struct builder_level *at = &b->level[level];
		int ret = at->fill.n > 0 ? close_page(b, level) : 0;

		if (ret < 0)
			return ret;
		if (at->n_pages > 1)
			continue;
		/* What the level above has been given is not written. */
		*ret_root = at->last;
		return 0;
	}
	return -E2BIG;
}
