/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tree brought along by edits, level by level from the leaves up. On each level the runs that
 * edits fall into are cut into pages anew; the pages that are others now are the edits of the level
 * above. The old tree is read only, and stays whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/order_list.h"

/* A way from the old root down to a page. */
struct cursor {
	struct xns_image_key key[XNS_ORDER_LEVELS];
	struct xns_order page[XNS_ORDER_LEVELS]; /* n 0: not read */
	unsigned at[XNS_ORDER_LEVELS];		 /* which entry the way goes by */
};

struct update {
	__u64 hash_key[2];
	const struct order_io *io;
	struct xns_image_key old_root;
	unsigned top; /* the old root's level */
	struct cursor cursor;

	/* the level at work */
	unsigned level;
	int (*next)(struct order_edit *ret, void *ctx);
	void *next_ctx;
	struct order_edit edit;	 /* the next one */
	bool more;		 /* there is one */
	struct order_list above; /* edits of the level above */

	/* the region at work: whole runs */
	struct order_fill fill;
	struct order_list old, new; /* its pages */
};

/* ---- the old tree ---- */

static int read_page(struct update *u, unsigned level, const struct xns_image_key *key)
{
	struct cursor *c = &u->cursor;
	int ret;

	if (c->page[level].n > 0 && order_same_page(&c->key[level], key))
		return 0;
	c->page[level].n = 0;
	ret = u->io->get(key, &c->page[level], u->io->ctx);
	if (ret == 0 && (!order_page_is_valid(&c->page[level]) || c->page[level].level != level))
		ret = -EBADMSG;
	if (ret < 0)
		c->page[level].n = 0;
	c->key[level] = *key;
	return ret;
}

/* The page below the entry that the way goes by on the level above. */
static int read_below(struct update *u, unsigned level)
{
	struct cursor *c = &u->cursor;
	struct xns_image_key page = order_page_below(&c->page[level + 1], c->at[level + 1]);

	return read_page(u, level, &page);
}

/* To the page on u->level in which the key is, or would be. */
static int cursor_seek(struct update *u, const struct order_key *key)
{
	struct cursor *c = &u->cursor;
	int ret = read_page(u, u->top, &u->old_root);

	for (unsigned level = u->top; ret == 0 && level > u->level; level--) {
		int i = order_page_find(&c->page[level], key);

		c->at[level] = i < 0 ? 0 : i;
		ret = read_below(u, level - 1);
	}
	return ret;
}

/* To the next or previous page; 1: there is one, 0: no, and the cursor stays. */
static int cursor_move(struct update *u, bool forward)
{
	struct cursor *c = &u->cursor;
	unsigned level = u->level + 1;
	int ret = 0;

	while (level <= u->top && c->at[level] == (forward ? c->page[level].n - 1u : 0))
		level++;
	if (level > u->top)
		return 0;
	c->at[level] += forward ? 1 : -1;
	while (ret == 0 && level-- > u->level) {
		ret = read_below(u, level);
		if (ret == 0)
			c->at[level] = forward ? 0 : c->page[level].n - 1;
	}
	return ret < 0 ? ret : 1;
}

/* ---- edits ---- */

static int next_edit(struct update *u)
{
	int ret = u->next(&u->edit, u->next_ctx);

	u->more = ret > 0;
	return ret < 0 ? ret : 0;
}

struct list_edits {
	const struct order_list *list;
	size_t at;
};

static int next_in_list(struct order_edit *ret, void *ctx)
{
	struct list_edits *edits = ctx;
	const struct order_item *item = &edits->list->item[edits->at];

	if (edits->at == edits->list->n)
		return 0;
	order_list_key(edits->list, edits->at++, &ret->entry.key);
	order_entry_set_page(&ret->entry, &item->page);
	ret->gone = item->gone;
	return 1;
}

/* ---- a region ---- */

static int close_page(struct update *u)
{
	struct xns_image_key page_key;
	struct order_key first;
	struct xns_order page;
	int ret;

	order_fill_write(&u->fill, &page);
	order_fill_first(&u->fill, &first);
	order_fill_begin(&u->fill, u->level);
	order_page_key(u->hash_key, &page, &page_key);
	ret = order_list_add(&u->new, first.word, first.n, &page_key, false);
	if (ret < 0 || order_list_has_page(&u->old, &page_key))
		return ret;
	return u->io->put(&page_key, &page, u->io->ctx);
}

static int put_entry(struct update *u, const struct order_entry *entry)
{
	int ret = 0;

	if (u->fill.n > 0 && order_begins_run(u->hash_key, &entry->key, u->level))
		ret = close_page(u);
	if (ret < 0 || order_fill_add(&u->fill, entry))
		return ret;
	ret = close_page(u);
	if (ret == 0 && !order_fill_add(&u->fill, entry))
		ret = -EINVAL;
	return ret;
}

/* Does a run begin with the page at the cursor, now as before? */
static bool stands_apart(const struct update *u, const struct order_key *first)
{
	bool goes = u->more && u->edit.gone && order_key_compare(&u->edit.entry.key, first) == 0;

	return !goes && order_begins_run(u->hash_key, first, u->level);
}

/* To where the run begins that the next edit falls into; the one before, if that edit joins the
 * two. */
static int seek_region(struct update *u)
{
	int ret = cursor_seek(u, &u->edit.entry.key);

	while (ret == 0) {
		struct order_entry first;
		int moved;

		order_page_entry(&u->cursor.page[u->level], 0, &first);
		if (stands_apart(u, &first.key))
			break;
		moved = cursor_move(u, false);
		if (moved <= 0)
			return moved;
	}
	return ret;
}

/* Where the walk along the old entries is. */
struct walk {
	bool there; /* at an entry */
	unsigned i; /* of the page at the cursor */
	struct order_entry entry;
};

static int note_old_page(struct update *u, const struct walk *walk)
{
	if (walk->i > 0)
		return 0;
	return order_list_add(&u->old, walk->entry.key.word, walk->entry.key.n,
			      &u->cursor.key[u->level], false);
}

static int walk_on(struct update *u, struct walk *walk)
{
	const struct xns_order *page = &u->cursor.page[u->level];
	int ret = 1;

	if (++walk->i == page->n) {
		walk->i = 0;
		ret = cursor_move(u, true);
	}
	walk->there = ret > 0;
	if (walk->there)
		order_page_entry(page, walk->i, &walk->entry);
	return ret < 0 ? ret : 0;
}

/* The next edit, which is not behind the old entry; same: has its key. */
static int apply_edit(struct update *u, struct walk *walk, bool same)
{
	int ret = 0;

	if (same) {
		ret = note_old_page(u, walk);
		if (ret == 0)
			ret = walk_on(u, walk);
	}
	if (ret == 0 && !u->edit.gone)
		ret = put_entry(u, &u->edit.entry);
	return ret < 0 ? ret : next_edit(u);
}

/* Old entries and edits, merged, until a run begins that no edit has touched yet. */
static int merge_region(struct update *u)
{
	struct walk walk = {.there = true};
	bool first = true;
	int ret = 0;

	order_page_entry(&u->cursor.page[u->level], 0, &walk.entry);
	while (ret == 0 && (walk.there || u->more)) {
		int order = !walk.there ? -1 /* of the edit */
			    : !u->more	? 1
					: order_key_compare(&u->edit.entry.key, &walk.entry.key);

		if (!first && order >= 0 && walk.i == 0 && stands_apart(u, &walk.entry.key))
			break;
		if (order <= 0) {
			first &= order != 0;
			ret = apply_edit(u, &walk, order == 0);
			continue;
		}
		first = false;
		ret = note_old_page(u, &walk);
		if (ret == 0)
			ret = put_entry(u, &walk.entry);
		if (ret == 0)
			ret = walk_on(u, &walk);
	}
	return ret == 0 && u->fill.n > 0 ? close_page(u) : ret;
}

/* What the region's pages were and are, as edits of the level above. */
static int compare_pages(struct update *u)
{
	size_t i = 0, j = 0;
	int ret = 0;

	while (ret == 0 && (i < u->old.n || j < u->new.n)) {
		struct order_key old, new;
		int order;

		if (i < u->old.n)
			order_list_key(&u->old, i, &old);
		if (j < u->new.n)
			order_list_key(&u->new, j, &new);
		order = i == u->old.n ? 1 : j == u->new.n ? -1 : order_key_compare(&old, &new);
		if (order == 0 && order_same_page(&u->old.item[i].page, &u->new.item[j].page)) {
			i++;
			j++;
			continue;
		}
		if (order <= 0)
			ret = u->io->drop(&u->old.item[i].page, u->io->ctx);
		if (ret == 0 && order < 0)
			ret = order_list_add(&u->above, old.word, old.n, &u->old.item[i].page,
					     true);
		if (ret == 0 && order >= 0)
			ret = order_list_add(&u->above, new.word, new.n, &u->new.item[j].page,
					     false);
		i += order <= 0;
		j += order >= 0;
	}
	return ret;
}

static int update_level(struct update *u)
{
	int ret = next_edit(u);

	while (ret == 0 && u->more) {
		order_list_clear(&u->old);
		order_list_clear(&u->new);
		order_fill_begin(&u->fill, u->level);
		ret = seek_region(u);
		if (ret == 0)
			ret = merge_region(u);
		if (ret == 0)
			ret = compare_pages(u);
	}
	return ret;
}

/* ---- the top ---- */

/* Only one page on this level: the root is the lowest such page. */
static int lower_root(struct update *u, unsigned level, struct xns_image_key *root)
{
	while (level > 0) {
		struct xns_order page;
		int ret = u->io->get(root, &page, u->io->ctx);

		if (ret < 0)
			return ret;
		if (!order_page_is_valid(&page))
			return -EBADMSG;
		if (page.n > 1)
			break;
		ret = u->io->drop(root, u->io->ctx);
		if (ret < 0)
			return ret;
		*root = order_page_below(&page, 0);
		level--;
	}
	return 0;
}

/* A tree of what is to be there, from this level up. */
static int build_above(struct update *u, unsigned level,
		       int (*next)(struct order_edit *ret, void *ctx), void *next_ctx,
		       struct xns_image_key *ret_root)
{
	struct order_builder *builder = order_builder_at(u->hash_key, u->io, level);
	struct order_edit edit;
	int ret = builder == NULL ? -ENOMEM : 0, got = 0;

	while (ret == 0 && (got = next(&edit, next_ctx)) > 0)
		if (!edit.gone)
			ret = order_builder_add(builder, &edit.entry);
	if (ret == 0)
		ret = got < 0 ? got : order_builder_end(builder, ret_root);
	order_builder_free(builder);
	return ret;
}

/* Above the old root: the root's level was one region, whose pages are all that there are on it. */
static int new_root(struct update *u, struct xns_image_key *ret_root)
{
	struct list_edits pages = {.list = &u->new};

	if (u->new.n > 1)
		return build_above(u, u->top + 1, next_in_list, &pages, ret_root);
	memset(ret_root, 0, sizeof(*ret_root));
	if (u->new.n == 0)
		return 0;
	*ret_root = u->new.item[0].page;
	return lower_root(u, u->top, ret_root);
}

static int update_all(struct update *u, struct xns_image_key *ret_root)
{
	struct order_list edits = {0};
	struct list_edits in_list;
	struct xns_order page;
	int ret = u->io->get(&u->old_root, &page, u->io->ctx);

	if (ret == 0 && !order_page_is_valid(&page))
		ret = -EBADMSG;
	if (ret < 0)
		return ret;
	u->top = page.level;
	for (u->level = 0; ret == 0 && u->level <= u->top; u->level++) {
		ret = update_level(u);
		/* What was found out becomes the input, and its memory that of the next output. */
		struct order_list used = edits;

		edits = u->above;
		u->above = used;
		order_list_clear(&u->above);
		in_list = (struct list_edits){.list = &edits};
		u->next = next_in_list;
		u->next_ctx = &in_list;
		if (edits.n == 0)
			break;
	}
	if (ret == 0 && edits.n == 0)
		*ret_root = u->old_root;
	else if (ret == 0)
		ret = new_root(u, ret_root);
	order_list_free(&edits);
	return ret;
}

int order_update(const __u64 hash_key[2], const struct order_io *io,
		 const struct xns_image_key *old_root,
		 int (*next)(struct order_edit *ret, void *ctx), void *next_ctx,
		 struct xns_image_key *ret_root)
{
	struct update *u = calloc(1, sizeof(*u));
	struct xns_image_key root = {0};
	int ret;

	if (u == NULL)
		return -ENOMEM;
	memcpy(u->hash_key, hash_key, sizeof(u->hash_key));
	u->io = io;
	u->old_root = *old_root;
	u->next = next;
	u->next_ctx = next_ctx;
	if (order_is_empty(old_root))
		ret = build_above(u, 0, next, next_ctx, &root);
	else
		ret = update_all(u, &root);
	if (ret == 0)
		*ret_root = root;
	order_list_free(&u->above);
	order_list_free(&u->old);
	order_list_free(&u->new);
	free(u);
	return ret;
}
