/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every name of a zone, in canonical order: first the empty non-terminals that a name is the first
 * below, then the name. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"

/*
 * A walk with the next node in sight: whether it is below this one says whether anything is. Over
 * the store, or over content on its way there.
 */
struct walk {
	struct store_cursor *cursor;
	const struct content *content; /* if there is no cursor */
	struct content_value value[2];
	size_t fetched; /* nodes of the content so far */
	knot_dname_storage_t name[2];
	struct store_node node[2];
	unsigned at;
	bool more; /* there is a next one */
};

static const knot_dname_t *walk_name(const struct walk *w)
{
	return w->name[w->at];
}

static const struct store_node *walk_node(const struct walk *w)
{
	return &w->node[w->at];
}

static bool walk_has_child(const struct walk *w)
{
	return w->more && knot_dname_in_bailiwick(w->name[!w->at], w->name[w->at]) > 0;
}

static int content_fetch(struct walk *w, knot_dname_storage_t ret_name, struct store_node *ret_node)
{
	struct content_value *value = &w->value[!w->at];
	int err = content_node_name(w->content, w->fetched, ret_name);

	if (err == 0)
		err = content_node_read(w->content, w->fetched, value);
	if (err < 0)
		return err;
	*ret_node = (struct store_node){value->bytes, value->len};
	w->fetched++;
	return 0;
}

static int walk_fetch(struct walk *w, bool first)
{
	uint8_t *name = w->name[!w->at];
	struct store_node *node = &w->node[!w->at];
	int err = w->cursor == NULL ? content_fetch(w, name, node)
		  : first	    ? store_cursor_first(w->cursor, name, node)
				    : store_cursor_next(w->cursor, name, node);

	w->more = err == 0;
	return err == -ENOENT ? 0 : err;
}

/* 0, -ENOENT: that was all, or another negative errno. */
static int walk_next(struct walk *w)
{
	if (!w->more)
		return -ENOENT;
	w->at = !w->at;
	return walk_fetch(w, false);
}

static int walk_begin(struct walk *w, struct store_txn *txn, uint32_t zone_id)
{
	int err = store_cursor_open(txn, zone_id, STORE_NAMES, &w->cursor);

	return err < 0 ? err : walk_fetch(w, true);
}

static void walk_end(struct walk *w)
{
	store_cursor_close(w->cursor);
	free(w->value[0].bytes);
	free(w->value[1].bytes);
}

/* The names that come before `name` and were not seen yet, from the top; without name itself. */
static int empty_above(const knot_dname_t *name, const knot_dname_t *last, size_t apex_labels,
		       int (*fn)(const knot_dname_t *name, void *ctx), void *ctx)
{
	size_t labels = knot_dname_labels(name, NULL),
	       known = knot_dname_matched_labels(name, last);
	const knot_dname_t *up[KNOT_DNAME_MAXLABELS + 1];
	size_t n = 0;
	int ret = 0;

	if (known < apex_labels)
		known = apex_labels;
	for (; labels > known + 1; labels--) {
		name += *name + 1;
		up[n++] = name;
	}
	while (ret == 0 && n > 0)
		ret = fn(up[--n], ctx);
	return ret;
}

int image_each_name(struct store_txn *txn, const struct store_zone *zone, const knot_dname_t *apex,
		    int (*fn)(const knot_dname_t *name, void *ctx), void *ctx)
{
	size_t apex_labels = knot_dname_labels(apex, NULL);
	struct walk w = {0};
	knot_dname_storage_t last;
	int ret = walk_begin(&w, txn, zone->id);

	memcpy(last, apex, knot_dname_size(apex));
	if (ret == 0)
		ret = fn(apex, ctx);
	while (ret == 0 && (ret = walk_next(&w)) == 0) {
		const knot_dname_t *name = walk_name(&w);

		if (knot_dname_is_equal(name, apex))
			continue;
		ret = empty_above(name, last, apex_labels, fn, ctx);
		if (ret == 0)
			ret = fn(name, ctx);
		memcpy(last, name, knot_dname_size(name));
	}
	walk_end(&w);
	return ret == -ENOENT ? 0 : ret;
}

/* ---- built by the way ---- */

struct each {
	struct image_builder *builder;
	struct walk walk;
	knot_dname_storage_t last;
	/* The topmost delegation or DNAME that was passed last: names below it are not in the maps.
	 */
	knot_dname_storage_t hides;
	bool any_hides;
	uint64_t n_nodes;
	struct image_later *later; /* what has to wait for the store; NULL: it is there */
	int (*fn)(const knot_dname_t *name, const struct image_node *node, void *ctx);
	void *ctx;
};

static uint64_t records_of(const struct store_node *node)
{
	knot_rrset_t rrset;
	uint64_t n = 0;

	for (size_t pos = 0; store_node_next(node, &pos, &rrset);)
		n += rrset.rrs.count;
	return n;
}

/* The name at the walk, or (not itself) the empty ones above it. */
static int put_off(struct each *each, bool itself)
{
	struct image_later *later = each->later;
	uint32_t at = each->walk.fetched - 1 - each->walk.more;

	if (later->n == 0 || later->node[later->n - 1].at != at) {
		if (later->n == later->size) {
			size_t size = later->size == 0 ? 64 : later->size * 2;
			void *bigger = reallocarray(later->node, size, sizeof(*later->node));

			if (bigger == NULL)
				return -ENOMEM;
			later->node = bigger;
			later->size = size;
		}
		later->node[later->n++] = (struct image_later_node){.at = at};
	}
	if (itself) {
		later->node[later->n - 1].itself = 1;
		later->records += records_of(walk_node(&each->walk));
	}
	return 0;
}

static int build_name(const knot_dname_t *name, void *ctx)
{
	struct each *each = ctx;
	const struct image_node *node;
	int err;

	if (each->later != NULL)
		return put_off(each, name == walk_name(&each->walk));
	err = image_build(each->builder, name, &node);
	return err < 0 ? err : each->fn(name, node, each->ctx);
}

static bool is_hidden(const struct each *each, const knot_dname_t *name)
{
	return each->any_hides && knot_dname_in_bailiwick(name, each->hides) > 0;
}

static void note_hides(struct each *each)
{
	const struct store_node *node = walk_node(&each->walk);
	const knot_dname_t *name = walk_name(&each->walk);

	if (!store_node_has(node, KNOT_RRTYPE_DNAME) &&
	    (!store_node_has(node, KNOT_RRTYPE_NS) ||
	     knot_dname_is_equal(name, each->builder->zone.apex)))
		return;
	memcpy(each->hides, name, knot_dname_size(name));
	each->any_hides = true;
}

/* The name at the walk. */
static int build_at(struct each *each)
{
	const knot_dname_t *name = walk_name(&each->walk);
	const struct store_node *node = walk_node(&each->walk);
	struct image_builder *b = each->builder;

	if (is_hidden(each, name)) {
		if (image_is_held_below(b, name))
			return build_name(name, each);
		image_begin(b, name);
		return each->fn(name, &b->node, each->ctx);
	}
	if (!image_node_is_plain(b, node)) {
		note_hides(each);
		return build_name(name, each);
	}
	/* With anything below it, there may be a wildcard. */
	if (walk_has_child(&each->walk) || knot_dname_is_wildcard(name) ||
	    knot_dname_is_equal(name, b->zone.apex) || image_is_held_below(b, name) ||
	    image_build_plain(b, name, node) < 0 || (each->later != NULL && b->node.n_pages > 1))
		return build_name(name, each);
	return each->fn(name, &b->node, each->ctx);
}

/* One node in SAMPLE is looked at. */
#define SAMPLE 16

static void count_records(struct each *each)
{
	if (each->n_nodes++ % SAMPLE == 0)
		each->builder->walked += SAMPLE * records_of(walk_node(&each->walk));
}

uint64_t image_builder_walked(const struct image_builder *builder)
{
	return builder->walked;
}

/* From the first node, which has been fetched (ret: how that went), to the last. */
static int build_all(struct each *each, int ret)
{
	const knot_dname_t *apex = each->builder->zone.apex;
	size_t apex_labels = knot_dname_labels(apex, NULL);

	each->builder->walked = 0;
	memcpy(each->last, apex, knot_dname_size(apex));
	while (ret == 0 && (ret = walk_next(&each->walk)) == 0) {
		const knot_dname_t *name = walk_name(&each->walk);

		count_records(each);
		ret = empty_above(name, each->last, apex_labels, build_name, each);
		if (ret == 0)
			ret = build_at(each);
		memcpy(each->last, name, knot_dname_size(name));
	}
	walk_end(&each->walk);
	return ret == -ENOENT ? 0 : ret;
}

int image_build_each(struct image_builder *b,
		     int (*fn)(const knot_dname_t *name, const struct image_node *node, void *ctx),
		     void *ctx)
{
	struct each each = {.builder = b, .fn = fn, .ctx = ctx};

	return build_all(&each, walk_begin(&each.walk, b->txn, b->zone.stored->id));
}

/* ---- before the content is in the store ---- */

int image_build_ahead(struct image_builder *b, const struct content *content,
		      int (*fn)(const knot_dname_t *name, const struct image_node *node, void *ctx),
		      void *ctx, struct image_later *ret_later)
{
	struct each each = {
		.builder = b, .walk.content = content, .later = ret_later, .fn = fn, .ctx = ctx};

	return build_all(&each, walk_fetch(&each.walk, true));
}

int image_build_later(struct image_builder *b, const struct content *content,
		      const struct image_later *later,
		      int (*fn)(const knot_dname_t *name, const struct image_node *node, void *ctx),
		      void *ctx)
{
	struct each each = {.builder = b, .fn = fn, .ctx = ctx};
	const knot_dname_t *apex = b->zone.apex;
	size_t apex_labels = knot_dname_labels(apex, NULL);
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < later->n; i++) {
		struct image_later_node node = later->node[i];
		knot_dname_storage_t name;

		b->walked = later->records * i / later->n;
		ret = content_node_name(content, node.at, name);
		if (ret == 0 && node.at > 0) {
			ret = content_node_name(content, node.at - 1, each.last);
			if (ret == 0)
				ret = empty_above(name, each.last, apex_labels, build_name, &each);
		}
		if (ret == 0 && node.itself)
			ret = build_name(name, &each);
	}
	return ret;
}
