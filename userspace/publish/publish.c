/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A batch of zones goes from one content to the next. Zones that are served change through
 * `staged`, as xns_abi.h describes; zones that are not served yet (state loading) are written
 * straight into `nodes` and then activated. Both wait for the same grace periods:
 *
 *     compare; put the nodes of zones that are not served; config.staging = 1, stage the changes
 *     ── grace: whoever has not seen all of that is gone ──
 *     flip or activate every zone: from here the new serials are in force
 *     ── grace: whoever goes by the old serials is gone ── (only if a zone was served)
 *     copy staged to nodes, clear staged, delete images that nobody refers to, config.staging = 0
 *     ── grace: nobody holds an element of staged, they may be used again ── (likewise)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

#include "publish/grow.h"
#include "publish/work.h"
#include "util/log.h"
#include "util/plural.h"

#define NS_PER_MS 1000000

static int load_entry(struct publish *p, struct work *w)
{
	uint32_t id = w->item->zone->id;
	int ret = maps_zone_get(p, id, &w->entry);

	if (ret < 0)
		return ret;
	w->served = w->entry.state != XNS_ZONE_LOADING;
	w->had_content = w->entry.generation != GENERATION_NONE && w->item->ahead == NULL;
	/* What once found no place may find one now. */
	w->full = !w->served || w->item->changes == NULL ||
		  !(w->entry.flags & XNS_ZONE_F_COMPLETE) ||
		  w->entry.generation != w->item->changes->old_zone.generation;
	return 0;
}

static void set_deadline(struct xns_zone *entry, int64_t expires_at_ms)
{
	entry->deadline_ns = expires_at_ms <= 0 ? 0 : (uint64_t)expires_at_ms * NS_PER_MS;
	entry->state = expires_at_ms > clock_boot_ms() ? XNS_ZONE_ACTIVE : XNS_ZONE_EXPIRED;
}

static uint8_t stale_flag(int64_t stale_at_ms)
{
	return stale_at_ms > 0 && stale_at_ms <= clock_boot_ms() ? XNS_ZONE_F_STALE : 0;
}

static void set_stale(struct xns_zone *entry, int64_t stale_at_ms)
{
	entry->flags = (entry->flags & ~XNS_ZONE_F_STALE) | stale_flag(stale_at_ms);
}

/* The stack answers until a full comparison has succeeded. */
static void give_up(struct publish *p, struct work *w)
{
	struct xns_zone entry;

	w->item->ret_report.complete = false;
	log_warning(
		"zone %s: cannot bring the maps to serial %u: %s; answering from the sockets only, will be tried again",
		w->item->zone->name, w->item->stored->serial, strerror(-w->error));
	if (maps_zone_get(p, w->item->zone->id, &entry) < 0)
		return;
	entry.state = XNS_ZONE_LOADING;
	entry.generation = GENERATION_DIRTY;
	maps_zone_set(p, w->item->zone->id, &entry);
	for (size_t i = 0; w->served && i < w->n_changes; i++)
		maps_node_delete(p, MAP_STAGED, w->change[i].key);
}

/* Which zones have anything to do? The others leave the batch. */
static void begin_work(struct work_batch *batch, struct publish_item *item, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct work *w = &batch->work[batch->n];

		*w = (struct work){.item = &item[i]};
		item[i].ret_error = load_entry(batch->p, w);
		if (item[i].ret_error < 0)
			continue;
		if (w->served && w->entry.generation == item[i].stored->generation) {
			item[i].ret_error = publish_times(
				batch->p, item[i].zone, item[i].expires_at_ms, item[i].stale_at_ms);
			item[i].ret_report.complete = w->entry.flags & XNS_ZONE_F_COMPLETE;
			continue;
		}
		batch->n++;
		batch->want_seen |= w->full && w->had_content;
	}
}

static void prepare_all(struct work_batch *batch)
{
	int ret = 0;

	for (size_t i = 0; i < batch->n; i++) {
		struct work *w = &batch->work[i];

		if (!w->served && w->entry.generation != GENERATION_DIRTY) {
			/* Should we die now: what is there is a part, and has to be compared. */
			w->entry.generation = GENERATION_DIRTY;
			w->error = maps_zone_set(batch->p, w->item->zone->id, &w->entry);
		}
		if (w->error == 0)
			w->error = work_prepare(batch, w);
	}
	if (batch->want_seen)
		ret = work_find_stale(batch);
	for (size_t i = 0; ret < 0 && i < batch->n; i++)
		if (batch->work[i].full && batch->work[i].had_content)
			batch->work[i].error = ret;
}

static int delete_stale(struct work_batch *batch, struct work *w)
{
	for (size_t i = 0; i < w->n_changes; i++) {
		maps_node_delete(batch->p, MAP_NODES, w->change[i].key);
		w->item->ret_report.entries++;
	}
	return 0;
}

static int stage_changes(struct work_batch *batch, struct work *w)
{
	for (size_t i = 0; i < w->n_changes; i++) {
		struct work_change *change = &w->change[i];
		int ret;

		change->node.zone = w->item->zone->id;
		change->node.slot = !w->entry.current;
		if (change->gone)
			change->node.flags = XNS_NODE_GONE;
		ret = maps_node_put(batch->p, MAP_STAGED, change->key, &change->node, BPF_ANY);
		if (ret < 0)
			return ret;
		w->item->ret_report.entries++;
	}
	return 0;
}

static uint8_t zone_flags(const struct work *w)
{
	bool complete = w->missing == 0 && (w->full || w->entry.flags & XNS_ZONE_F_COMPLETE);

	return (complete ? XNS_ZONE_F_COMPLETE : 0) | stale_flag(w->item->stale_at_ms);
}

/*
 * Writes what has to be there before the flip, as readers see the bytes of an entry change one by
 * one. Served: the new slot, and flags that are safe for both serials. Not served: everything but
 * the state, and in the slot that is current already, so that no reader is ever at the other one.
 */
static int write_slot(struct work_batch *batch, struct work *w)
{
	uint8_t current = w->entry.current;

	if (w->served) {
		w->entry.version[!current] = w->version;
		w->entry.flags &= zone_flags(w) | XNS_ZONE_F_STALE;
	} else {
		w->entry.version[current] = w->version;
		memset(&w->entry.version[!current], 0, sizeof(w->version));
		w->entry.flags = zone_flags(w);
	}
	return maps_zone_set(batch->p, w->item->zone->id, &w->entry);
}

/*
 * The deadline of a served zone comes later: who goes by the old serial goes by its deadline. But
 * that serial is stale no more either, as a primary has been reached.
 */
static int flip(struct work_batch *batch, struct work *w)
{
	w->entry.generation = w->item->stored->generation;
	set_stale(&w->entry, w->item->stale_at_ms);
	if (w->served)
		w->entry.current = !w->entry.current;
	else
		set_deadline(&w->entry, w->item->expires_at_ms);
	return maps_zone_set(batch->p, w->item->zone->id, &w->entry);
}

/* No place for a new name: from now on what is not in the maps is no NXDOMAIN. */
static int note_missing(struct work_batch *batch, struct work *w)
{
	w->missing++;
	if (!(w->entry.flags & XNS_ZONE_F_COMPLETE))
		return 0;
	w->entry.flags &= ~XNS_ZONE_F_COMPLETE;
	return maps_zone_set(batch->p, w->item->zone->id, &w->entry);
}

/* The staged changes become the base. The zone's readers look in `staged` first, all of them. */
static int settle_nodes(struct work_batch *batch, struct work *w)
{
	struct xns_name_key lost = {0};
	struct publish *p = batch->p;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < w->n_changes; i++) {
		struct work_change *change = &w->change[i];
		struct xns_name_key name = image_page_key(change->key, 0);

		w->item->ret_report.entries++;
		change->node.slot = 0;
		if (change->gone) {
			maps_node_delete(p, MAP_NODES, change->key);
			continue;
		}
		if (memcmp(&name, &lost, sizeof(name)) == 0)
			continue; /* no page behind one that is missing */
		ret = maps_node_put(p, MAP_NODES, change->key, &change->node,
				    change->existed ? BPF_EXIST : BPF_ANY);
		if (ret == -E2BIG) {
			lost = name;
			ret = note_missing(batch, w);
		}
	}
	for (size_t i = 0; ret == 0 && i < w->n_changes; i++)
		maps_node_delete(p, MAP_STAGED, w->change[i].key);
	return ret;
}

static int settle(struct work_batch *batch, struct work *w)
{
	int ret = w->served ? settle_nodes(batch, w) : 0;

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < w->old.n; i++)
		maps_image_delete(batch->p, w->old.at[i].map, &w->old.at[i].key);
	memset(&w->entry.version[!w->entry.current], 0, sizeof(w->version));
	w->entry.flags = zone_flags(w);
	if (w->served)
		set_deadline(&w->entry, w->item->expires_at_ms);
	w->item->ret_report.complete = w->entry.flags & XNS_ZONE_F_COMPLETE;
	if (w->missing > 0)
		log_warning(
			"zone %s: %llu name%s found no place in the maps (%s): answered from the sockets",
			w->item->zone->name, (unsigned long long)w->missing, plural(w->missing),
			grow_reason(batch->p));
	return maps_zone_set(batch->p, w->item->zone->id, &w->entry);
}

enum which {
	ALL,
	SERVED,
	UNSERVED,
};

static void for_each_work(struct work_batch *batch, enum which which,
			  int (*fn)(struct work_batch *batch, struct work *w))
{
	for (size_t i = 0; i < batch->n; i++) {
		struct work *w = &batch->work[i];

		if (w->error == 0 && (which == ALL || w->served == (which == SERVED)))
			w->error = fn(batch, w);
	}
}

static void note_wait(struct work_batch *batch, int ret)
{
	for (size_t i = 0; ret < 0 && i < batch->n; i++)
		if (batch->work[i].error == 0)
			batch->work[i].error = ret;
}

/* A grace period; if it fails nothing can be put into force. */
static void wait_readers(struct work_batch *batch)
{
	note_wait(batch, maps_grace(batch->p));
}

/* The same, at the end: `staged` is empty, and a change of a large zone has made it large. */
static void wait_staged(struct work_batch *batch)
{
	note_wait(batch, grow_shrink(batch->p, MAP_STAGED));
}

static void put_into_force(struct work_batch *batch)
{
	struct publish *p = batch->p;
	bool any_served = false;
	uint64_t n_staged = 0;

	for (size_t i = 0; i < batch->n; i++) {
		any_served |= batch->work[i].served;
		n_staged += batch->work[i].served ? batch->work[i].n_changes : 0;
	}
	for_each_work(batch, UNSERVED, delete_stale);
	if (any_served)
		p->config->staging = 1;
	grow_reserve(p, MAP_STAGED, n_staged);
	for_each_work(batch, SERVED, stage_changes);
	for_each_work(batch, ALL, write_slot);
	wait_readers(batch);
	for_each_work(batch, ALL, flip);
	if (any_served)
		wait_readers(batch);
	for_each_work(batch, ALL, settle);
	for (size_t i = 0; i < batch->n; i++)
		if (batch->work[i].error < 0)
			give_up(p, &batch->work[i]);
	p->config->staging = 0;
	if (any_served)
		wait_staged(batch);
}

void publish_zones(struct publish *p, struct store_txn *txn, const struct zone_table *zones,
		   struct publish_item *item, size_t n)
{
	struct work_batch batch = {
		.p = p, .txn = txn, .zones = zones, .work = calloc(n, sizeof(*batch.work))};

	for (size_t i = 0; i < n; i++) {
		item[i].ret_error = batch.work == NULL ? -ENOMEM : 0;
		memset(&item[i].ret_report, 0, sizeof(item[i].ret_report));
	}
	if (batch.work == NULL)
		return;
	begin_work(&batch, item, n);
	if (batch.n > 0) {
		prepare_all(&batch);
		put_into_force(&batch);
	}
	for (size_t i = 0; i < batch.n; i++) {
		batch.work[i].item->ret_error = batch.work[i].error;
		p->litter |= batch.work[i].error < 0 || batch.work[i].missing > 0;
	}
	work_batch_free(&batch);
	if (p->litter)
		maps_collect(p); /* if it fails, with the next batch */
	grow_check_filter(p);
}

int publish_times(struct publish *p, const struct zone *zone, int64_t expires_at_ms,
		  int64_t stale_at_ms)
{
	struct xns_zone entry;
	int ret = maps_zone_get(p, zone->id, &entry);

	if (ret < 0)
		return ret;
	if (entry.state == XNS_ZONE_LOADING)
		return 0;
	set_deadline(&entry, expires_at_ms);
	set_stale(&entry, stale_at_ms);
	return maps_zone_set(p, zone->id, &entry);
}
