/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The zones in the maps change while the others are answered:
 *
 *     state loading: the zones that go, the zones above those that go or come
 *     ── grace: no run answers from them any more, and the stack knows the new table already ──
 *     delete nodes, images, order and entry of those that go
 *     ── grace: nobody holds what was freed ──
 *     the apexes of those that come ── grace, if something was in their place ── their entries
 *
 * and then publish_zones compares the zones above anew, and brings in those that have content. So
 * at no moment does a zone answer for names that are another's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/order.h"
#include "publish/grow.h"
#include "publish/table.h"
#include "util/log.h"

int table_give_to_stack(struct publish *p, uint32_t id)
{
	struct xns_zone entry;
	int ret = maps_zone_get(p, id, &entry);

	if (ret == -ENOENT || (ret == 0 && entry.state == XNS_ZONE_LOADING))
		return 0;
	if (ret < 0)
		return ret;
	entry.state = XNS_ZONE_LOADING;
	entry.generation = GENERATION_DIRTY;
	ret = maps_zone_set(p, id, &entry);
	return ret < 0 ? ret : 1;
}

/* ---- zones that come ---- */

static void delete_images(struct publish *p, struct xns_name_key key, const struct xns_node *page)
{
	struct xns_image_key image[XNS_NODE_TYPES];
	size_t n = maps_page_images(key, page, image);

	for (size_t i = 0; i < n; i++)
		maps_image_delete(p, maps_image_map(&image[i]), &image[i]);
}

/* The zone above, whose node that was, is not answered from the maps. */
static void delete_other_pages(struct publish *p, struct xns_name_key key, struct xns_node page)
{
	delete_images(p, key, &page);
	for (unsigned i = 1; page.flags & XNS_NODE_MORE && i < XNS_NODE_PAGES; i++) {
		struct xns_name_key at = image_page_key(key, i);

		if (maps_node_get(p, MAP_NODES, at, &page) < 0)
			break;
		delete_images(p, at, &page);
		maps_node_delete(p, MAP_NODES, at);
	}
}

/*
 * The apex, so that nothing below it is taken for the zone above, which had it perhaps. 1: an
 * element is free that may still be read: nothing may take its place before the next grace period.
 */
static int put_apex(struct publish *p, const struct zone *zone)
{
	struct xns_node apex = {.zone = zone->id, .labels = knot_dname_labels(zone->apex, NULL)};
	struct xns_name_key key;
	struct xns_node old;
	int ret;

	if (apex.labels > p->config->max_labels)
		p->config->max_labels = apex.labels;
	image_name_key(&p->config->key, zone->apex, &key);
	ret = maps_node_get(p, MAP_NODES, key, &old);
	if (ret == -ENOENT)
		return maps_node_put(p, MAP_NODES, key, &apex, BPF_NOEXIST);
	if (ret == 0)
		ret = maps_node_put(p, MAP_NODES, key, &apex, BPF_EXIST);
	if (ret < 0)
		return ret;
	delete_other_pages(p, key, old);
	return 1;
}

static int add_entry(struct publish *p, const struct zone *zone)
{
	struct xns_zone entry = {.state = XNS_ZONE_LOADING,
				 .apex_len = knot_dname_size(zone->apex),
				 .apex_labels = knot_dname_labels(zone->apex, NULL)};

	strncpy(entry.name, zone->name, sizeof(entry.name) - 1);
	return maps_zone_add(p, zone->id, &entry);
}

static void log_no_place(const struct publish *p, const struct zone *zone)
{
	log_warning(
		"zone %s: finds no place in the maps (%s): answered from the sockets until xnsd is started with room for it",
		zone->name, grow_reason(p));
}

static bool is_full(int error)
{
	return error == -E2BIG || error == -ENOMEM;
}

/* The zones above give way. 0, 1 as table_give_to_stack, or an error. */
static int give_parents(struct publish *p, struct zone *const *zone, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		int ret = zone[i]->parent == NULL ? 0 : table_give_to_stack(p, zone[i]->parent->id);

		if (ret < 0)
			return ret;
		any |= ret > 0;
	}
	return any;
}

/* Apexes, a grace period if it takes one, entries. ok[i] false: no place. */
static int add_all(struct publish *p, struct zone *const *zone, size_t n, bool *ok)
{
	bool wait = false;
	int ret = 0;

	for (size_t i = 0; i < n; i++) {
		ret = put_apex(p, zone[i]);
		ok[i] = ret >= 0;
		wait |= ret > 0;
		if (is_full(ret))
			log_no_place(p, zone[i]);
		else if (ret < 0)
			return ret;
	}
	ret = wait ? maps_grace(p) : 0;
	for (size_t i = 0; ret == 0 && i < n; i++) {
		if (!ok[i])
			continue;
		ret = add_entry(p, zone[i]);
		if (is_full(ret)) {
			log_no_place(p, zone[i]);
			ret = 0;
		}
	}
	return ret;
}

int table_add(struct publish *p, struct zone *const *zone, size_t n)
{
	struct zone **fresh = calloc(n + 1, sizeof(struct zone *));
	bool *ok = calloc(n + 1, sizeof(*ok));
	size_t n_fresh = 0;
	int ret = fresh == NULL || ok == NULL ? -ENOMEM : 0;

	for (size_t i = 0; ret == 0 && i < n; i++) {
		struct xns_zone entry;

		ret = maps_zone_get(p, zone[i]->id, &entry);
		if (ret == -ENOENT) {
			fresh[n_fresh++] = zone[i];
			ret = 0;
		}
	}
	if (ret == 0)
		ret = give_parents(p, fresh, n_fresh);
	if (ret > 0)
		ret = maps_grace(p);
	if (ret == 0)
		ret = add_all(p, fresh, n_fresh, ok);
	free(fresh);
	free(ok);
	return ret;
}

/* ---- zones that go ---- */

static void delete_page(struct publish *p, struct xns_name_key key, const struct xns_node *page)
{
	delete_images(p, key, page);
	maps_node_delete(p, MAP_NODES, key);
}

/* The node of a key, if it is this zone's. */
static int delete_node(struct publish *p, struct xns_name_key key, uint32_t id)
{
	for (unsigned i = 0; i < XNS_NODE_PAGES; i++) {
		struct xns_name_key at = image_page_key(key, i);
		struct xns_node page;
		int ret = maps_node_get(p, MAP_NODES, at, &page);

		if (ret == -ENOENT || (ret == 0 && page.zone != id))
			return 0;
		if (ret < 0)
			return ret;
		delete_page(p, at, &page);
		if (!(page.flags & XNS_NODE_MORE))
			return 0;
	}
	return 0;
}

struct leaving {
	struct publish *p;
	uint32_t id;
};

static int delete_name(const knot_dname_t *name, void *ctx)
{
	const struct leaving *leaving = ctx;
	struct xns_name_key key;

	image_name_key(&leaving->p->config->key, name, &key);
	return delete_node(leaving->p, key, leaving->id);
}

/* A tree of the order. */
static void delete_tree(struct publish *p, const struct xns_image_key *root, unsigned above)
{
	struct xns_order page;

	if (order_is_empty(root) || maps_order_get(p, root, &page) < 0 ||
	    !order_page_is_valid(&page) || page.level >= above)
		return;
	for (unsigned i = 0; page.level > 0 && i < page.n; i++) {
		struct xns_image_key below = order_page_below(&page, i);

		delete_tree(p, &below, page.level);
	}
	maps_image_delete(p, MAP_ORDER, root);
}

/* What the entry refers to, and the entry. */
static int delete_entry(struct publish *p, uint32_t id)
{
	struct xns_zone entry;
	int ret = maps_zone_get(p, id, &entry);

	if (ret < 0)
		return ret == -ENOENT ? 0 : ret;
	for (int slot = 0; slot < 2; slot++) {
		const struct xns_version *version = &entry.version[slot];
		const struct xns_ref *refs[] = {&version->soa, &version->soa_sig};

		for (int i = 0; i < 2; i++)
			if (refs[i]->head.len > 0)
				maps_image_delete(p, maps_image_map(&refs[i]->key), &refs[i]->key);
		delete_tree(p, &version->order, XNS_ORDER_LEVELS);
	}
	return maps_zone_delete(p, id);
}

int table_delete_scanning(struct publish *p, const uint32_t *id, size_t n)
{
	struct maps_nodes found;
	uint32_t n_zones = 0;
	bool *wanted;
	int ret;

	for (size_t i = 0; i < n; i++)
		if (id[i] >= n_zones)
			n_zones = id[i] + 1;
	wanted = calloc((size_t)n_zones + 1, sizeof(*wanted));
	if (wanted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		wanted[id[i]] = true;
	ret = maps_nodes_find(p, MAP_NODES, wanted, n_zones, &found);
	for (size_t i = 0; ret == 0 && i < found.n; i++)
		delete_page(p, found.at[i].key, &found.at[i].node);
	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = delete_entry(p, id[i]);
	free(found.at);
	free(wanted);
	return ret;
}

/*
 * By the names in the store, where that has what the maps have. 1: it has not, a walk over all
 * nodes is needed.
 */
static int delete_stored(struct publish *p, struct store_txn *txn, const struct zone *zone)
{
	struct leaving leaving = {.p = p, .id = zone->id};
	struct store_zone stored;
	int ret = store_zone_get(txn, zone->apex, &stored);

	if (ret == -ENOENT || (ret == 0 && (stored.id != zone->id || !stored.has_content)))
		return 1;
	if (ret == 0)
		ret = image_each_name(txn, &stored, zone->apex, delete_name, &leaving);
	/* DS at the apexes of held zones, names of this zone or not. */
	for (size_t i = 0; ret == 0 && i < zone->n_children; i++) {
		struct xns_name_key key;

		image_name_key(&p->config->key, zone->children[i]->apex, &key);
		key.hash[0] ^= XNS_KEY_ABOVE;
		ret = delete_node(p, key, zone->id);
	}
	if (ret == 0)
		ret = delete_entry(p, zone->id);
	return ret;
}

/* A zone of which there is nothing but the apex. */
static int delete_bare(struct publish *p, const struct zone *zone)
{
	struct leaving leaving = {.p = p, .id = zone->id};
	int ret = delete_name(zone->apex, &leaving);

	return ret < 0 ? ret : delete_entry(p, zone->id);
}

/* generation: of the entry before the zone was given to the stack. */
static int delete_zone(struct publish *p, struct store_txn *txn, const struct zone *zone,
		       uint64_t generation)
{
	struct store_zone stored;

	if (generation == GENERATION_NONE)
		return delete_bare(p, zone);
	if (store_zone_get(txn, zone->apex, &stored) < 0 || stored.generation != generation)
		return 1;
	return delete_stored(p, txn, zone);
}

static int delete_zones(struct publish *p, struct store_txn *txn, struct zone *const *zone,
			const uint64_t *generation, size_t n)
{
	uint32_t *rest = calloc(n + 1, sizeof(*rest));
	size_t n_rest = 0;
	int ret = rest == NULL ? -ENOMEM : 0;

	for (size_t i = 0; ret == 0 && i < n; i++) {
		ret = delete_zone(p, txn, zone[i], generation[i]);
		if (ret > 0) {
			rest[n_rest++] = zone[i]->id;
			ret = 0;
		}
	}
	if (ret == 0 && n_rest > 0)
		ret = table_delete_scanning(p, rest, n_rest);
	free(rest);
	return ret;
}

/* State loading for those that go and the zones above. 1: some were answered from. */
static int give_leaving(struct publish *p, const struct zone_table *zones, struct zone *const *zone,
			size_t n, uint64_t *ret_generation)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		struct zone *above = zone_table_find(zones, zone[i]->apex);
		struct xns_zone entry;
		int ret = maps_zone_get(p, zone[i]->id, &entry);

		if (ret < 0 && ret != -ENOENT)
			return ret;
		ret_generation[i] = ret == 0 ? entry.generation : GENERATION_NONE;
		ret = table_give_to_stack(p, zone[i]->id);
		any |= ret > 0;
		/* A zone of that name may be held again: it is not above. */
		if (above != NULL && knot_dname_is_equal(above->apex, zone[i]->apex))
			above = above->parent;
		if (ret >= 0 && above != NULL)
			ret = table_give_to_stack(p, above->id);
		any |= ret > 0;
		if (ret < 0)
			return ret;
	}
	return any;
}

int publish_change_table(struct publish *p, struct store_txn *txn, const struct zone_table *zones,
			 struct zone *const *removed, size_t n_removed, struct zone *const *added,
			 size_t n_added)
{
	uint64_t *generation = calloc(n_removed + 1, sizeof(*generation));
	int ret = generation == NULL ? -ENOMEM : 0;

	if (ret == 0)
		ret = give_leaving(p, zones, removed, n_removed, generation);
	if (ret > 0)
		ret = maps_grace(p);
	if (ret == 0 && n_removed > 0) {
		ret = delete_zones(p, txn, removed, generation, n_removed);
		if (ret == 0)
			ret = maps_grace(p);
	}
	if (ret == 0)
		ret = table_add(p, added, n_added);
	free(generation);
	return ret;
}
