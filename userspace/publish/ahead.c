/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first content of a large zone goes into the maps while the store writes it: both take about
 * the same time, on two CPUs.
 */
#include <pthread.h>
#include <stdlib.h>

#include "publish/grow.h"
#include "publish/work.h"

struct publish_ahead {
	struct publish *p;
	const struct zone_table *zones;
	const struct zone *zone;
	const struct content *content;
	struct store_zone stored; /* as far as images depend on it */
	struct bulk *bulk;
	pthread_t thread;
	int error;
	struct image_later later;
	struct publish_report report;
};

static bool held_below(const knot_dname_t *name, void *ctx)
{
	const struct publish_ahead *ahead = ctx;

	return ahead->zone->n_children > 0 && zone_table_find(ahead->zones, name) != ahead->zone;
}

static int put(const knot_dname_t *name, const struct image_node *node, void *ctx)
{
	struct publish_ahead *ahead = ctx;

	(void)name;
	ahead->report.names++;
	grow_progress(ahead->p, image_builder_walked(ahead->p->builder));
	if (node->n_pages > 0) {
		bulk_put(ahead->bulk, node);
		ahead->report.entries++;
	}
	return 0;
}

static void *run(void *ctx)
{
	struct publish_ahead *ahead = ctx;
	struct image_zone zone = {.stored = &ahead->stored,
				  .apex = ahead->zone->apex,
				  .held_below = held_below,
				  .ctx = ahead};
	int err;

	image_builder_zone(ahead->p->builder, NULL, &zone);
	grow_expect(ahead->p, content_records(ahead->content));
	bulk_use_thread(ahead->bulk);
	ahead->error =
		image_build_ahead(ahead->p->builder, ahead->content, put, ahead, &ahead->later);
	err = bulk_flush(ahead->bulk);
	if (ahead->error == 0)
		ahead->error = err;
	grow_expect(ahead->p, 0);
	return NULL;
}

/* The condition of work.c's bulk: nothing of another zone can be there. */
static bool is_suitable(struct publish *p, const struct zone *zone, struct xns_zone *ret_entry)
{
	return zone->parent == NULL && maps_zone_get(p, zone->id, ret_entry) == 0 &&
	       ret_entry->state == XNS_ZONE_LOADING && ret_entry->generation == GENERATION_NONE;
}

struct publish_ahead *publish_ahead_start(struct publish *p, const struct zone_table *zones,
					  const struct zone *zone, const struct content *content)
{
	struct publish_ahead *ahead;
	struct xns_zone entry;

	if (!is_suitable(p, zone, &entry))
		return NULL;
	ahead = malloc(sizeof(*ahead));
	if (ahead == NULL)
		return NULL;
	*ahead = (struct publish_ahead){
		.p = p,
		.zones = zones,
		.zone = zone,
		.content = content,
		.stored = {.id = zone->id, .is_signed = content_is_signed(content)},
		.bulk = bulk_new(p),
	};
	/* Should we die now: what is there is a part, and has to be compared. */
	entry.generation = GENERATION_DIRTY;
	if (ahead->bulk == NULL || maps_zone_set(p, zone->id, &entry) < 0 ||
	    pthread_create(&ahead->thread, NULL, run, ahead) != 0) {
		bulk_free(ahead->bulk);
		free(ahead);
		return NULL;
	}
	return ahead;
}

void publish_ahead_wait(struct publish_ahead *ahead)
{
	pthread_join(ahead->thread, NULL);
}

void publish_ahead_free(struct publish_ahead *ahead)
{
	if (ahead == NULL)
		return;
	bulk_free(ahead->bulk);
	free(ahead->later.node);
	free(ahead);
}

int ahead_go_on(struct publish_ahead *ahead, struct work *work, struct image_builder *builder,
		int (*fn)(const knot_dname_t *name, const struct image_node *node, void *ctx),
		void *ctx)
{
	if (ahead->error < 0)
		return ahead->error;
	work->item->ret_report.names += ahead->report.names;
	work->item->ret_report.entries += ahead->report.entries;
	grow_expect(ahead->p, ahead->later.records);
	return image_build_later(builder, ahead->content, &ahead->later, fn, ctx);
}
