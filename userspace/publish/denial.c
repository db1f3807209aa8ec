/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A zone's order, which has its proofs, from one version to the next. New pages are put at once, as
 * nothing refers to them before the version is in force; what only the old version had is deleted
 * when it is settled.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/order.h"
#include "publish/work.h"
#include "util/log.h"

struct denial {
	struct work_batch *batch;
	struct work *work;
	enum store_tree tree;
	uint16_t type;		  /* of the records that prove */
	bool to_stack;		  /* what the zone has does not go into an order: -EDOM */
	size_t n_edited;	  /* of item->changes */
	struct work_images fresh; /* put, and not there before */
	struct work_images stale; /* of the old versions only */
	struct work_seen pages;	  /* a whole new tree: its pages */
};

static struct xns_name_key page_hash(const struct xns_image_key *key)
{
	return (struct xns_name_key){.hash = {key->owner, key->content}};
}

static bool same_image(const struct xns_image_key *a, const struct xns_image_key *b)
{
	return a->owner == b->owner && a->content == b->content;
}

/* ---- pages in the map ---- */

static int get_page(const struct xns_image_key *key, struct xns_order *ret, void *ctx)
{
	const struct denial *d = ctx;

	return maps_order_get(d->batch->p, key, ret);
}

static int put_page(const struct xns_image_key *key, const struct xns_order *page, void *ctx)
{
	struct denial *d = ctx;
	int ret = maps_order_put(d->batch->p, key, page);

	if (ret == 0)
		ret = work_images_add(&d->fresh, MAP_ORDER, key);
	return ret < 0 ? ret : 0;
}

static int put_page_of_all(const struct xns_image_key *key, const struct xns_order *page, void *ctx)
{
	struct denial *d = ctx;
	int ret = put_page(key, page, ctx);

	return ret < 0 ? ret : work_seen_add(&d->pages, page_hash(key));
}

static int drop_page(const struct xns_image_key *key, void *ctx)
{
	struct denial *d = ctx;

	return work_images_add(&d->stale, MAP_ORDER, key);
}

/* ---- proofs ---- */

static int for_the_stack(struct denial *d)
{
	d->to_stack = true;
	return -EDOM;
}

/* The entry of a node that has a proof. */
static int make_entry(struct denial *d, const knot_dname_t *owner, struct order_entry *ret_entry)
{
	const knot_dname_t *apex = d->work->item->zone->apex;
	struct image_blob blob;
	struct xns_ref ref;
	int ret = 0;

	if (d->tree == STORE_NAMES)
		order_key_name(apex, owner, &ret_entry->key);
	else
		ret = order_key_hash(apex, owner, &ret_entry->key);
	if (ret < 0)
		return for_the_stack(d);
	ret = image_build_proof(d->batch->p->builder, d->tree, owner, &ref, &blob);
	if (ret < 0)
		return ret;
	if (ref.head.len == 0)
		return for_the_stack(d);
	order_entry_set_proof(ret_entry, &ref, &blob);
	return 0;
}

/* The zone's last NSEC3, under the empty key. -ENOENT: there is none. */
static int make_last(struct denial *d, struct order_entry *ret_entry)
{
	const knot_dname_t *apex = d->work->item->zone->apex;
	knot_dname_storage_t behind, owner;
	size_t apex_len = knot_dname_size(apex);
	struct store_cursor *cursor;
	struct store_node node;
	int ret;

	behind[0] = 32; /* digits of a hash, and behind all of them */
	if (1 + behind[0] + apex_len > sizeof(behind))
		return -ENOENT;
	memset(behind + 1, 0xff, behind[0]);
	memcpy(behind + 1 + behind[0], apex, apex_len);
	ret = store_cursor_open(d->batch->txn, d->work->item->stored->id, STORE_NSEC3, &cursor);
	if (ret < 0)
		return ret;
	ret = store_cursor_seek_le(cursor, behind, owner, &node);
	store_cursor_close(cursor);
	if (ret == 0)
		ret = make_entry(d, owner, ret_entry);
	ret_entry->key.n = 0;
	return ret;
}

/* ---- the whole zone ---- */

static int build_nodes(struct denial *d, struct order_builder *builder)
{
	struct order_entry entry;
	struct store_cursor *cursor;
	knot_dname_storage_t owner;
	struct store_node node;
	int ret = store_cursor_open(d->batch->txn, d->work->item->stored->id, d->tree, &cursor);

	if (ret < 0)
		return ret;
	for (ret = store_cursor_first(cursor, owner, &node); ret == 0;
	     ret = store_cursor_next(cursor, owner, &node)) {
		if (store_node_has(&node, d->type)) {
			ret = make_entry(d, owner, &entry);
			if (ret == 0)
				ret = order_builder_add(builder, &entry);
		} else if (d->tree == STORE_NSEC3) {
			ret = for_the_stack(d); /* signatures of nothing */
		}
		if (ret < 0)
			break;
	}
	store_cursor_close(cursor);
	return ret == -ENOENT ? 0 : ret;
}

static int build_all(struct denial *d)
{
	const struct order_io io = {.get = get_page, .put = put_page_of_all, .ctx = d};
	struct order_builder *builder = order_builder_new(d->batch->p->config->key.sip, &io);
	struct order_entry last;
	int ret = builder == NULL ? -ENOMEM : 0;

	if (ret == 0 && d->tree == STORE_NSEC3) {
		ret = make_last(d, &last);
		if (ret == 0)
			ret = order_builder_add(builder, &last);
		else if (ret == -ENOENT)
			ret = 0;
	}
	if (ret == 0)
		ret = build_nodes(d, builder);
	if (ret == 0)
		ret = order_builder_end(builder, &d->work->version.order);
	order_builder_free(builder);
	return ret;
}

/* ---- changes ---- */

static int next_name(struct denial *d, struct order_edit *ret_edit)
{
	const struct store_changes *changes = d->work->item->changes;
	const struct zone *zone = d->work->item->zone;
	const knot_dname_t *owner;
	struct store_node node;
	int ret;

	if (d->n_edited == changes->n)
		return 0;
	owner = changes->change[d->n_edited++].name;
	ret = store_node_get(d->batch->txn, zone->id, STORE_NAMES, owner, &node);
	if (ret < 0 && ret != -ENOENT)
		return ret;
	ret_edit->gone = ret == -ENOENT || !store_node_has(&node, d->type);
	ret = 0;
	if (ret_edit->gone)
		order_key_name(zone->apex, owner, &ret_edit->entry.key);
	else
		ret = make_entry(d, owner, &ret_edit->entry);
	return ret < 0 ? ret : 1;
}

static int next_hash(struct denial *d, struct order_edit *ret_edit)
{
	const struct store_changes *changes = d->work->item->changes;
	const struct zone *zone = d->work->item->zone;
	size_t i = d->n_edited++; /* 0: the empty key */
	struct store_node node;
	int ret;

	if (changes->n_nsec3 == 0 || i > changes->n_nsec3)
		return 0;
	if (i == 0) {
		ret = make_last(d, &ret_edit->entry);
		ret_edit->gone = ret == -ENOENT;
		return ret < 0 && !ret_edit->gone ? ret : 1;
	}
	ret = store_node_get(d->batch->txn, zone->id, STORE_NSEC3, changes->nsec3[i - 1], &node);
	if (ret < 0 && ret != -ENOENT)
		return ret;
	ret_edit->gone = ret == -ENOENT;
	if (!ret_edit->gone)
		ret = store_node_has(&node, d->type)
			      ? make_entry(d, changes->nsec3[i - 1], &ret_edit->entry)
			      : for_the_stack(d);
	else if (order_key_hash(zone->apex, changes->nsec3[i - 1], &ret_edit->entry.key) < 0)
		ret = for_the_stack(d); /* cannot be: the old version had an order */
	else
		ret = 0;
	return ret < 0 ? ret : 1;
}

static int next_edit(struct order_edit *ret_edit, void *ctx)
{
	struct denial *d = ctx;

	return d->tree == STORE_NAMES ? next_name(d, ret_edit) : next_hash(d, ret_edit);
}

/* Can the old tree be brought along? */
static bool is_change(const struct work *w)
{
	const struct xns_version *old = &w->entry.version[w->entry.current], *new = &w->version;

	return !w->full && old->denial == new->denial && !order_is_empty(&old->order) &&
	       old->salt_len == new->salt_len &&memcmp(old->salt, new->salt, sizeof(old->salt)) ==
		       0;
}

static int build_changes(struct denial *d)
{
	const struct order_io io = {.get = get_page, .put = put_page, .drop = drop_page, .ctx = d};
	struct work *w = d->work;

	return order_update(d->batch->p->config->key.sip, &io,
			    &w->entry.version[w->entry.current].order, next_edit, d,
			    &w->version.order);
}

/* ---- what only the old versions had ---- */

/* Where the new tree (whose pages are in d->pages) has the same page it has all that is below. */
static int drop_tree(struct denial *d, const struct xns_image_key *root)
{
	struct xns_order page;
	int ret;

	if (order_is_empty(root) || (d->pages.n > 0 && work_seen_has(&d->pages, page_hash(root))))
		return 0;
	ret = maps_order_get(d->batch->p, root, &page);
	if (ret < 0 || !order_page_is_valid(&page))
		return ret == -ENOENT ? 0 : ret;
	ret = drop_page(root, d);
	for (unsigned i = 0; ret == 0 && page.level > 0 && i < page.n; i++) {
		struct xns_image_key below = order_page_below(&page, i);

		ret = drop_tree(d, &below);
	}
	return ret;
}

static int drop_old_trees(struct denial *d)
{
	const struct xns_version *old = d->work->entry.version;
	int ret = drop_tree(d, &old[0].order);

	if (ret == 0 && !same_image(&old[0].order, &old[1].order))
		ret = drop_tree(d, &old[1].order);
	return ret;
}

/* ---- */

static void take_back(struct denial *d)
{
	for (size_t i = 0; i < d->fresh.n; i++)
		maps_image_delete(d->batch->p, d->fresh.at[i].map, &d->fresh.at[i].key);
	d->fresh.n = 0;
	d->stale.n = 0;
	d->n_edited = 0;
	free(d->pages.key);
	d->pages = (struct work_seen){0};
	memset(&d->work->version.order, 0, sizeof(d->work->version.order));
}

/* Returns 0; 1: made by changes, so that all that is stale is known; or a negative errno. */
static int build(struct denial *d)
{
	int ret = -ENOENT;

	if (is_change(d->work)) {
		ret = build_changes(d);
		if (ret == 0)
			return 1;
		if (ret != -ENOENT && ret != -EBADMSG)
			return ret;
		log_debug("zone %s: its order is not whole in the maps, and is made anew",
			  d->work->item->zone->name);
		take_back(d);
	}
	return build_all(d);
}

int work_prepare_order(struct work_batch *batch, struct work *w)
{
	struct denial d = {
		.batch = batch, .work = w, .tree = STORE_NAMES, .type = KNOT_RRTYPE_NSEC};
	bool proves = w->version.denial == XNS_DENIAL_NSEC || w->version.denial == XNS_DENIAL_NSEC3;
	int ret = 0;

	if (w->version.denial == XNS_DENIAL_NSEC3) {
		d.tree = STORE_NSEC3;
		d.type = KNOT_RRTYPE_NSEC3;
	}
	if (proves)
		ret = build(&d);
	if (ret == -E2BIG || ret == -ENOMEM || d.to_stack) {
		log_warning("zone %s: %s: its proofs come from the sockets", w->item->zone->name,
			    d.to_stack ? "has an NSEC or NSEC3 that the maps cannot hold"
				       : "no room for its NSEC or NSEC3 in the maps");
		take_back(&d);
		ret = 0;
	}
	if (proves && ret >= 0 && order_is_empty(&w->version.order))
		w->version.denial = XNS_DENIAL_STACK;
	if (ret == 0)
		ret = drop_old_trees(&d);
	for (size_t i = 0; ret >= 0 && i < d.stale.n; i++)
		ret = work_images_add(&w->old, d.stale.at[i].map, &d.stale.at[i].key);
	if (ret < 0)
		take_back(&d);
	free(d.fresh.at);
	free(d.stale.at);
	free(d.pages.key);
	return ret < 0 ? ret : 0;
}
