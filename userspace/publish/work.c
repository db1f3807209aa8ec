/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

#include "publish/grow.h"
#include "publish/work.h"

static bool same_key(struct xns_name_key a, struct xns_name_key b)
{
	return a.hash[0] == b.hash[0] && a.hash[1] == b.hash[1];
}

static size_t seen_slot(const struct work_seen *seen, struct xns_name_key key)
{
	static const struct xns_name_key none;
	size_t slot = key.hash[0] & seen->mask;

	while (!same_key(seen->key[slot], none) && !same_key(seen->key[slot], key))
		slot = (slot + 1) & seen->mask;
	return slot;
}

bool work_seen_has(const struct work_seen *seen, struct xns_name_key key)
{
	return seen->key != NULL && same_key(seen->key[seen_slot(seen, key)], key);
}

static int seen_grow(struct work_seen *seen)
{
	struct work_seen bigger = {.n = seen->n,
				   .mask = seen->key == NULL ? 1023 : seen->mask * 2 + 1};

	bigger.key = calloc(bigger.mask + 1, sizeof(*bigger.key));
	if (bigger.key == NULL)
		return -ENOMEM;
	for (size_t i = 0; seen->key != NULL && i <= seen->mask; i++)
		bigger.key[seen_slot(&bigger, seen->key[i])] = seen->key[i];
	free(seen->key);
	*seen = bigger;
	return 0;
}

int work_seen_add(struct work_seen *seen, struct xns_name_key key)
{
	if (seen->key == NULL || seen->n * 2 > seen->mask) {
		int ret = seen_grow(seen);

		if (ret < 0)
			return ret;
	}
	seen->key[seen_slot(seen, key)] = key;
	seen->n++;
	return 0;
}

static int add_change(struct work *w, struct xns_name_key key, bool existed,
		      const struct xns_node *node)
{
	if (w->n_changes == w->changes_size) {
		size_t size = w->changes_size == 0 ? 16 : w->changes_size * 2;
		struct work_change *bigger = reallocarray(w->change, size, sizeof(*bigger));

		if (bigger == NULL)
			return -ENOMEM;
		w->change = bigger;
		w->changes_size = size;
	}
	struct work_change *change = &w->change[w->n_changes++];

	*change = (struct work_change){.key = key, .existed = existed, .gone = node == NULL};
	if (node != NULL)
		change->node = *node;
	return 0;
}

int work_images_add(struct work_images *images, enum map_id map, const struct xns_image_key *key)
{
	if (images->n == images->size) {
		size_t size = images->size == 0 ? 16 : images->size * 2;
		struct work_image *bigger = reallocarray(images->at, size, sizeof(*bigger));

		if (bigger == NULL)
			return -ENOMEM;
		images->at = bigger;
		images->size = size;
	}
	images->at[images->n++] = (struct work_image){.map = map, .key = *key};
	return 0;
}

static int add_old_image(struct work *w, const struct xns_image_key *key)
{
	return work_images_add(&w->old, maps_image_map(key), key);
}

/* What `nodes` has for a name now, whoever's it is. */
struct old_node {
	unsigned n_pages;
	struct xns_node page[XNS_NODE_PAGES];
};

static int read_old(struct publish *p, struct xns_name_key key, struct old_node *ret)
{
	int err = 0;

	ret->n_pages = 0;
	do {
		err = maps_node_get(p, MAP_NODES, image_page_key(key, ret->n_pages),
				    &ret->page[ret->n_pages]);
		if (err == 0)
			ret->n_pages++;
	} while (err == 0 && ret->n_pages < XNS_NODE_PAGES &&
		 ret->page[ret->n_pages - 1].flags & XNS_NODE_MORE);
	return err == -ENOENT ? 0 : err;
}

/* The old images outside of the node that the new node does not have. */
static int drop_old_images(struct work *w, struct xns_name_key key, const struct old_node *old,
			   const struct image_node *new)
{
	for (unsigned page = 0; page < old->n_pages; page++) {
		struct xns_image_key image[XNS_NODE_TYPES];
		size_t n = maps_page_images(key, &old->page[page], image);

		for (size_t i = 0; i < n; i++) {
			bool kept = false;

			for (size_t j = 0; new != NULL &&j < new->n_blobs && !kept; j++)
				kept = memcmp(&new->blob[j].key, &image[i], sizeof(image[i])) == 0;
			if (!kept) {
				int ret = add_old_image(w, &image[i]);

				if (ret < 0)
					return ret;
			}
		}
	}
	return 0;
}

/* The pages in which old and new differ become changes. new NULL: the name goes. */
static int change_pages(struct work *w, const struct old_node *old, const struct image_node *new,
			struct xns_name_key key)
{
	unsigned n_new = new == NULL ? 0 : new->n_pages;
	unsigned n = n_new > old->n_pages ? n_new : old->n_pages;
	int ret = 0;

	for (unsigned page = 0; ret == 0 && page < n; page++) {
		const struct xns_node *node = page < n_new ? &new->page[page] : NULL;
		bool existed = page < old->n_pages;

		if (node == NULL || !existed || memcmp(node, &old->page[page], sizeof(*node)) != 0)
			ret = add_change(w, image_page_key(key, page), existed, node);
	}
	return ret < 0 ? ret : drop_old_images(w, key, old, new);
}

/* 0, 1 if the maps are full, or an error. */
static int put_blobs(struct publish *p, const struct image_node *node)
{
	for (size_t i = 0; i < node->n_blobs; i++) {
		int ret = maps_blob_put(p, &node->blob[i]);

		if (ret == -E2BIG || ret == -ENOMEM)
			return 1;
		if (ret < 0)
			return ret;
	}
	return 0;
}

/*
 * A zone that is not served: its nodes are put in place at once. Elements that this frees may be
 * used again at once too, as until the next grace period they only become nodes of zones that are
 * not served either: a run that holds one finds a zone in state loading, whichever. 1: something
 * was there already.
 */
static int insert_unserved(struct work *w, struct publish *p, const struct image_node *node)
{
	for (unsigned page = 0; page < node->n_pages; page++) {
		int ret = maps_node_put(p, MAP_NODES, image_page_key(node->key, page),
					&node->page[page], BPF_NOEXIST);

		if (ret == -EEXIST)
			return 1;
		if (ret == -E2BIG || ret == -ENOMEM) {
			w->missing++;
			return 0;
		}
		if (ret < 0)
			return ret;
		w->item->ret_report.entries++;
	}
	return 0;
}

static int replace_unserved(struct work *w, struct publish *p, const struct old_node *old,
			    const struct image_node *new, struct xns_name_key key)
{
	unsigned n_new = new == NULL ? 0 : new->n_pages;
	int ret = 0;

	/* The last first: whoever takes over finds pages by way of those before them. */
	for (unsigned page = old->n_pages; page-- > n_new;) {
		maps_node_delete(p, MAP_NODES, image_page_key(key, page));
		w->item->ret_report.entries++;
	}
	for (unsigned page = 0; ret == 0 && page < n_new; page++) {
		bool existed = page < old->n_pages;

		if (existed &&
		    memcmp(&new->page[page], &old->page[page], sizeof(new->page[page])) == 0)
			continue;
		ret = maps_node_put(p, MAP_NODES, image_page_key(key, page), &new->page[page],
				    existed ? BPF_EXIST : BPF_ANY);
		w->item->ret_report.entries++;
		if (!existed && (ret == -E2BIG || ret == -ENOMEM)) {
			w->missing++;
			ret = 0;
			break; /* no page behind one that is missing */
		}
	}
	return ret < 0 ? ret : drop_old_images(w, key, old, new);
}

struct prepare {
	struct work_batch *batch;
	struct work *work;
	struct bulk *bulk; /* or NULL */
};

/*
 * Nothing but an apex is in the maps of such a zone: most of its nodes need no look at what is
 * there, and can go in bulk.
 */
static bool is_new(const struct work *w)
{
	return !w->served && !w->had_content && w->item->zone->parent == NULL;
}

/* A second page goes behind the first, never without it. */
static bool is_for_bulk(const struct prepare *prepare, const knot_dname_t *name,
			const struct image_node *node)
{
	return prepare->bulk != NULL && node->n_pages == 1 &&
	       !knot_dname_is_equal(name, prepare->work->item->zone->apex);
}

/* new: in the builder. */
static int prepare_node(const knot_dname_t *name, const struct image_node *new, void *ctx)
{
	struct prepare *prepare = ctx;
	struct publish *p = prepare->batch->p;
	struct work *w = prepare->work;
	struct xns_name_key key = new->key;
	struct old_node old;
	int ret = 0;

	w->item->ret_report.names++;
	grow_progress(p, image_builder_walked(p->builder));
	if (is_for_bulk(prepare, name, new)) {
		bulk_put(prepare->bulk, new);
		w->item->ret_report.entries++;
		return 0;
	}
	if (new->n_pages == 0) {
		new = NULL;
	} else {
		if (prepare->batch->want_seen)
			ret = work_seen_add(&prepare->batch->seen, key);
		if (ret == 0)
			ret = put_blobs(p, new);
		if (ret > 0) {
			/* Not without the name: without an apex the zone above would answer. */
			w->missing++;
			image_build_passed(p->builder);
			ret = 0;
		}
		if (ret == 0 && !w->served) {
			ret = insert_unserved(w, p, new);
			if (ret == 0)
				return 0;
		}
		if (ret < 0)
			return ret;
	}
	ret = read_old(p, key, &old);
	if (ret < 0)
		return ret;
	/* Absent here: an entry that another zone has made for the name is that zone's. */
	if (new == NULL && (old.n_pages == 0 || old.page[0].zone != w->item->zone->id))
		return 0;
	return w->served ? change_pages(w, &old, new, key) : replace_unserved(w, p, &old, new, key);
}

static int prepare_name(const knot_dname_t *name, struct prepare *prepare)
{
	const struct image_node *new;
	int ret = image_build(prepare->batch->p->builder, name, &new);

	return ret < 0 ? ret : prepare_node(name, new, prepare);
}

static bool held_below(const knot_dname_t *name, void *ctx)
{
	const struct prepare *prepare = ctx;

	return prepare->work->item->zone->n_children > 0 &&
	       zone_table_find(prepare->batch->zones, name) != prepare->work->item->zone;
}

static bool has_soa(const struct xns_version *version, const struct xns_ref *ref)
{
	return memcmp(&ref->key, &version->soa.key, sizeof(ref->key)) == 0 ||
	       memcmp(&ref->key, &version->soa_sig.key, sizeof(ref->key)) == 0;
}

/* The images of an SOA that the zone will no longer have are to be deleted. */
static int drop_soa(struct work *w, const struct xns_version *old)
{
	const struct xns_ref *refs[] = {&old->soa, &old->soa_sig};
	int ret = 0;

	for (int i = 0; ret == 0 && i < 2; i++)
		if (refs[i]->head.len > 0 && !has_soa(&w->version, refs[i]))
			ret = add_old_image(w, &refs[i]->key);
	return ret;
}

/* Of an SOA that finds no place, len is 0: the stack answers. */
static int prepare_version(struct work_batch *batch, struct work *w)
{
	struct image_blob blob[IMAGE_VERSION_BLOBS];
	size_t n = 0;
	int ret = image_build_version(batch->p->builder, &w->version, blob, &n);

	for (size_t i = 0; ret >= 0 && i < n; i++)
		ret = maps_blob_put(batch->p, &blob[i]);
	if (ret == -E2BIG || ret == -ENOMEM) {
		memset(&w->version.soa, 0, sizeof(w->version.soa));
		memset(&w->version.soa_sig, 0, sizeof(w->version.soa_sig));
		ret = 0;
	}
	for (int slot = 0; ret >= 0 && slot < 2; slot++)
		ret = drop_soa(w, &w->entry.version[slot]);
	return ret < 0 ? ret : work_prepare_order(batch, w);
}

/*
 * DS at the apex of a held zone is this zone's, whether or not it has such a name. Of a zone that
 * has found no place (takeover.c) not even the apex is there: then this one must not deny names.
 */
static int prepare_children(const struct zone *zone, struct prepare *prepare)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < zone->n_children; i++) {
		struct xns_zone entry;

		if (maps_zone_get(prepare->batch->p, zone->children[i]->id, &entry) == -ENOENT)
			prepare->work->missing++;
		ret = prepare_name(zone->children[i]->apex, prepare);
	}
	return ret;
}

/* The maps have nothing of the zone, or what went ahead. */
static int prepare_new(struct prepare *prepare)
{
	struct work_batch *batch = prepare->batch;
	const struct publish_item *item = prepare->work->item;
	struct image_builder *builder = batch->p->builder;
	int ret, err;

	prepare->bulk = batch->bulk;
	if (item->stored->records >= BULK_THREAD_RECORDS)
		bulk_use_thread(batch->bulk);
	if (item->ahead != NULL)
		ret = ahead_go_on(item->ahead, prepare->work, builder, prepare_node, prepare);
	else
		ret = image_build_each(builder, prepare_node, prepare);
	err = bulk_flush(batch->bulk);
	prepare->bulk = NULL;
	return ret < 0 ? ret : err;
}

/* If the maps are too full for bulk: anew, name by name, and each that finds no place is counted.
 */
static int prepare_names(struct prepare *prepare)
{
	struct work_batch *batch = prepare->batch;
	struct work *w = prepare->work;
	struct image_builder *builder = batch->p->builder;
	int ret = -E2BIG;

	if (is_new(w) && batch->bulk == NULL)
		batch->bulk = bulk_new(batch->p);
	if (is_new(w) && batch->bulk != NULL)
		ret = prepare_new(prepare);
	if (ret != -E2BIG)
		return ret;
	w->missing = 0;
	memset(&w->item->ret_report, 0, sizeof(w->item->ret_report));
	return image_build_each(builder, prepare_node, prepare);
}

int work_prepare(struct work_batch *batch, struct work *w)
{
	const struct zone *zone = w->item->zone;
	struct prepare prepare = {.batch = batch, .work = w};
	struct image_zone image_zone = {
		.stored = w->item->stored,
		.apex = zone->apex,
		.held_below = held_below,
		.ctx = &prepare,
	};
	int ret;

	image_builder_zone(batch->p->builder, batch->txn, &image_zone);
	if (w->item->stored->max_labels > batch->p->config->max_labels)
		batch->p->config->max_labels = w->item->stored->max_labels;
	if (w->full) {
		grow_expect(batch->p, w->had_content ? 0 : w->item->stored->records);
		ret = prepare_names(&prepare);
		if (ret == 0)
			ret = prepare_children(zone, &prepare);
	} else {
		struct image_names names;

		ret = image_affected(batch->txn, zone->apex, w->item->changes, &names);
		if (ret < 0)
			return ret;
		for (size_t i = 0; ret == 0 && i < names.n; i++)
			ret = prepare_name(names.name[i], &prepare);
		image_names_free(&names);
	}
	if (ret == 0)
		ret = prepare_version(batch, w);
	grow_expect(batch->p, 0);
	return ret;
}

struct stale {
	struct work_batch *batch;
	struct work **by_id;
	uint32_t n_ids;
};

static int find_stale(struct xns_name_key key, const struct xns_node *node, void *ctx)
{
	struct stale *stale = ctx;
	struct work *w = node->zone < stale->n_ids ? stale->by_id[node->zone] : NULL;
	struct xns_image_key image[XNS_NODE_TYPES];
	size_t n;
	int ret;

	if (w == NULL || work_seen_has(&stale->batch->seen, image_page_key(key, 0)))
		return 0;
	ret = add_change(w, key, true, NULL);
	n = maps_page_images(key, node, image);
	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = add_old_image(w, &image[i]);
	return ret;
}

int work_find_stale(struct work_batch *batch)
{
	struct stale stale = {.batch = batch};
	int ret;

	for (size_t i = 0; i < batch->n; i++)
		if (batch->work[i].full && batch->work[i].item->zone->id >= stale.n_ids)
			stale.n_ids = batch->work[i].item->zone->id + 1;
	stale.by_id = calloc(stale.n_ids, sizeof(*stale.by_id));
	if (stale.by_id == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < batch->n; i++)
		if (batch->work[i].full && batch->work[i].had_content && batch->work[i].error == 0)
			stale.by_id[batch->work[i].item->zone->id] = &batch->work[i];
	ret = maps_node_each(batch->p, MAP_NODES, find_stale, &stale);
	free(stale.by_id);
	return ret;
}

void work_free(struct work *w)
{
	free(w->change);
	free(w->old.at);
}

void work_batch_free(struct work_batch *batch)
{
	bulk_free(batch->bulk);
	for (size_t i = 0; i < batch->n; i++)
		work_free(&batch->work[i]);
	free(batch->work);
	free(batch->seen.key);
}
