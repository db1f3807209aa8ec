// SPDX-License-Identifier: GPL-3.0-or-later
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/world.h"
#include "store/content.h"
#include "util/log.h"

#define HOUR_MS 3600000

static void must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "tests/model/world.c: %s\n", what);
	abort();
}

static void on_notify(struct zone *zone, const struct sockaddr *from, const knot_tsig_key_t *key,
		      bool has_serial, uint32_t serial, void *ctx)
{
	(void)zone, (void)from, (void)key, (void)has_serial, (void)serial, (void)ctx;
}

void world_open(struct world *world, struct store *store, const char *const *names)
{
	memset(world, 0, sizeof(*world));
	world->store = store;
	world->config.max_udp_size = 1232;
	world->config.tcp_max_clients = 1;
	world->config.zones = world->zone;
	log_set_level(LOG_LEVEL_ERROR);
	for (size_t n = 0; names[n]; n++) {
		must(n < WORLD_ZONES_MAX, "too many zones");
		world->zone[n].domain = knot_dname_from_str_alloc(names[n]);
		world->zone[n].name = (char *)names[n];
		must(world->zone[n].domain, "no memory");
		world->config.n_zones = n + 1;
	}
	must(zone_table_init(&world->table, &world->config) == 0, "no zone table");
	must(respond_bind(&world->config, &world->respond) == 0, "no responder");
	respond_use(world->respond, &world->table, on_notify, NULL);
}

void world_close(struct world *world)
{
	respond_stop(world->respond);
	zone_table_free(&world->table);
	for (size_t i = 0; i < world->config.n_zones; i++)
		knot_dname_free(world->zone[i].domain, NULL);
}

static void open_maps(struct world *world, const __u64 key[2])
{
	const struct publish_growth growth = {.make = kernel_make_segment, .ctx = &world->kernel};

	kernel_open(&world->kernel, key);
	kernel_set_room(&world->kernel, world->room);
	must(publish_open_fds(kernel_map_fd, &world->kernel, &world->publish) == 0,
	     "the maps do not open");
	publish_set_growth(world->publish, &growth);
	must(publish_configure(world->publish, &world->config) == 0, "not configured");
	must(publish_take_over(world->publish, &world->table, store_uuid(world->store)) == 0,
	     "not taken over");
}

void world_begin(struct world *world, const __u64 key[2])
{
	must(store_write_begin(world->store, &world->txn) == 0, "no transaction");
	for (size_t i = 0; i < world->table.n; i++) {
		struct zone *zone = world->table.zone[i];
		struct store_zone stored;

		must(store_zone_add(world->txn, zone->apex, &stored) == 0, "no zone in the store");
		zone->id = stored.id;
		zone->expires_at_ms = 0;
	}
	open_maps(world, key);
}

void world_end(struct world *world)
{
	publish_close(world->publish);
	kernel_close(&world->kernel);
	store_write_abort(world->txn);
}

void world_publish(struct world *world, struct content *const *content, size_t n)
{
	struct publish_item item[WORLD_ZONES_MAX] = {0};
	struct store_changes *changes[WORLD_ZONES_MAX];

	for (size_t i = 0; i < n; i++) {
		struct zone *zone = zone_table_get(&world->table, content_apex(content[i]));

		must(zone != NULL, "a zone that is not held");
		must(store_zone_replace(world->txn, content[i], &(struct store_limits){0},
					clock_real_s(), &changes[i]) == 0,
		     "not stored");
		zone->expires_at_ms = clock_boot_ms() + HOUR_MS;
		zone->serial = changes[i]->new_zone.serial;
		item[i].zone = zone;
		item[i].stored = &changes[i]->new_zone;
		item[i].changes = changes[i];
		item[i].expires_at_ms = zone->expires_at_ms;
	}
	publish_zones(world->publish, world->txn, &world->table, item, n);
	for (size_t i = 0; i < n; i++) {
		must(item[i].ret_error == 0 && item[i].ret_report.complete, "not published");
		store_changes_free(changes[i]);
	}
}

/* All zones that have content, compared whole: on empty maps that is a fresh publication. */
static void publish_whole(struct world *world)
{
	struct publish_item item[WORLD_ZONES_MAX] = {0};
	struct store_zone stored[WORLD_ZONES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < world->table.n; i++) {
		struct zone *zone = world->table.zone[i];

		must(store_zone_get(world->txn, zone->apex, &stored[n]) == 0, "not in the store");
		if (!stored[n].has_content)
			continue;
		item[n].zone = zone;
		item[n].stored = &stored[n];
		item[n].expires_at_ms = zone->expires_at_ms;
		n++;
	}
	publish_zones(world->publish, world->txn, &world->table, item, n);
	for (size_t i = 0; i < n; i++)
		must(item[i].ret_error == 0, "not published");
}

const char *world_difference(struct world *world)
{
	struct world fresh = *world;
	const char *where;

	open_maps(&fresh, world->kernel.config->key.sip);
	publish_whole(&fresh);
	where = kernel_difference(&world->kernel, &fresh.kernel);
	publish_close(fresh.publish);
	kernel_close(&fresh.kernel);
	return where;
}

size_t world_reply(struct world *world, const uint8_t *query, size_t len, uint8_t *reply,
		   size_t reply_max)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(5353)};

	from.sin_addr.s_addr = htonl(0xc0000207);
	return respond_make(
		world->respond, world->txn,
		&(struct respond_query){query, len, (struct sockaddr *)&from, false, false}, reply,
		reply_max);
}
