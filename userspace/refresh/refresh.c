/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refresh/internal.h"
#include "util/log.h"

/* At start, rounds that are overdue begin within this time: 2 ms a zone, at most 10 s. */
#define SPREAD_ZONE_MS 2
#define SPREAD_MAX_MS  10000

/* ---- targets ---- */

unsigned refresh_target_count(const struct config_zone *conf)
{
	unsigned count = 0;

	for (size_t i = 0; i < conf->n_primaries; i++)
		count += (unsigned)conf->primaries[i]->n_addresses;
	return count;
}

struct peer *refresh_target(const struct refresh_zone *rz, unsigned target)
{
	const struct config_zone *conf = rz->zone->conf;
	struct refresh *refresh = rz->refresh;

	for (size_t i = 0; i < conf->n_primaries; i++) {
		const struct config_remote *remote = conf->primaries[i];

		if (target < remote->n_addresses)
			return &refresh->lanes.peer[refresh->first_peer[remote -
									refresh->config->remotes] +
						    target];
		target -= (unsigned)remote->n_addresses;
	}
	assert(false);
	return NULL;
}

static int peers_init(struct refresh *refresh)
{
	const struct config *config = refresh->config;
	struct peer *peer;
	size_t n = 0;

	refresh->first_peer =
		calloc(config->n_remotes ? config->n_remotes : 1, sizeof(*refresh->first_peer));
	if (!refresh->first_peer)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_remotes; i++) {
		refresh->first_peer[i] = n;
		n += config->remotes[i].n_addresses;
	}
	if (lanes_init(&refresh->lanes, n) < 0)
		return -ENOMEM;
	peer = refresh->lanes.peer;
	for (size_t i = 0; i < config->n_remotes; i++) {
		for (size_t j = 0; j < config->remotes[i].n_addresses; j++, peer++) {
			peer->address = (const struct sockaddr *)&config->remotes[i].address[j];
			address_to_text(peer->address, peer->text);
		}
	}
	return 0;
}

/* The first target on this host, or -1. Ports are not compared: a NOTIFY comes from any. */
static int32_t target_of_host(const struct config_zone *conf, const struct sockaddr *host)
{
	int32_t target = 0;

	for (size_t i = 0; i < conf->n_primaries; i++) {
		for (size_t j = 0; j < conf->primaries[i]->n_addresses; j++, target++) {
			if (address_same_host(
				    (const struct sockaddr *)&conf->primaries[i]->address[j], host))
				return target;
		}
	}
	return -1;
}

/* ---- wishes ---- */

static void on_notified(uv_async_t *async)
{
	struct refresh *refresh = async->data;
	struct refresh_zone *rz;

	for (;;) {
		struct machine_event event = {.type = MACHINE_EVENT_WISH};

		pthread_mutex_lock(&refresh->lock);
		rz = refresh->notified;
		if (rz) {
			refresh->notified = rz->next_notified;
			rz->notified = false;
			event.wish = rz->notify;
		}
		pthread_mutex_unlock(&refresh->lock);
		if (!rz)
			break;
		round_step(rz, &event);
	}
}

void refresh_notify(struct refresh *refresh, struct zone *zone, const struct sockaddr *from,
		    const knot_tsig_key_t *key, bool has_serial, uint32_t serial)
{
	struct refresh_zone *rz = zone->refresh;
	char text[ADDRESS_TEXT_MAX], told[32] = "";
	bool first;

	(void)key;
	if (has_serial)
		snprintf(told, sizeof(told), ", serial %u", serial);
	log_debug("zone %s: NOTIFY from %s%s", zone->name, address_to_text(from, text), told);

	pthread_mutex_lock(&refresh->lock);
	first = !rz->notified;
	/* Several before the main loop wakes become one; without a serial as soon as one of them
	 * has none. */
	rz->notify = (struct machine_wish){
		.has_serial = has_serial && (first || rz->notify.has_serial),
		.serial = serial,
		.target = target_of_host(zone->conf, from),
	};
	if (first) {
		rz->notified = true;
		rz->next_notified = refresh->notified;
		refresh->notified = rz;
	}
	pthread_mutex_unlock(&refresh->lock);
	uv_async_send(&refresh->notify_async);
}

void refresh_now(struct refresh *refresh, struct zone *zone)
{
	static const struct machine_event event = {.type = MACHINE_EVENT_WISH,
						   .wish = {.target = -1}};

	(void)refresh;
	round_step(zone->refresh, &event);
}

void refresh_retransfer(struct refresh *refresh, struct zone *zone)
{
	static const struct machine_event event = {.type = MACHINE_EVENT_WISH,
						   .wish = {.target = -1, .force = true}};

	(void)refresh;
	round_step(zone->refresh, &event);
}

/* ---- status ---- */

static const char *activity(const struct refresh_zone *rz)
{
	if (rz->job.state == JOB_WAITING)
		return "waiting";
	switch (rz->machine.state) {
	case MACHINE_IDLE:
		return "idle";
	case MACHINE_SOA_UDP:
	case MACHINE_SOA_TCP:
		return "soa-query";
	case MACHINE_TRANSFERRING:
		return "transfer";
	case MACHINE_APPLYING:
	case MACHINE_CONFIRMING:
		return "commit";
	}
	return "idle";
}

void refresh_get_status(const struct refresh *refresh, const struct zone *zone,
			struct refresh_status *ret)
{
	const struct refresh_zone *rz = zone->refresh;
	int64_t now_ms = clock_boot_ms();

	(void)refresh;
	*ret = (struct refresh_status){
		.has_content = rz->machine.has_content,
		.stored = rz->stored,
		.activity = activity(rz),
		.last_error_at = rz->last_error_at,
	};
	if (rz->peer)
		snprintf(ret->primary, sizeof(ret->primary), "%s", rz->peer->text);
	else if (rz->stored.has_content) /* asked before we were started */
		snprintf(ret->primary, sizeof(ret->primary), "%s", rz->stored.primary);
	if (rz->machine.state == MACHINE_IDLE)
		ret->next_refresh_s = rz->machine.next_ms > now_ms
					      ? (rz->machine.next_ms - now_ms + 999) / 1000
					      : 1;
	if (rz->machine.has_content)
		ret->expires_in_s = (rz->machine.expires_ms - now_ms) / 1000;
	if (rz->last_error)
		snprintf(ret->last_error, sizeof(ret->last_error), "%s", rz->last_error);
}

/* ---- start and stop ---- */

static void zone_start(struct refresh *refresh, struct refresh_zone *rz,
		       const struct store_zone *stored, uint32_t spread_ms)
{
	int64_t now_ms = clock_boot_ms(), age_ms = (clock_real_s() - stored->refreshed_at) * 1000;
	int64_t expires_ms = atomic_load(&rz->zone->expires_at_ms);
	struct machine_event event = {
		.type = MACHINE_EVENT_START,
		.has_content = stored->has_content,
		.serial = stored->serial,
		.refresh_s = stored->refresh_s,
		.retry_s = stored->retry_s,
		.spread_ms = spread_ms,
	};

	/* A clock that was set back: what was confirmed "tomorrow" counts as confirmed now. */
	if (age_ms < 0)
		age_ms = 0;
	event.refreshed_ms = now_ms - age_ms;
	event.stale_ms = atomic_load(&rz->zone->stale_at_ms);
	event.expires_ms =
		expires_ms ? expires_ms : event.refreshed_ms + (int64_t)stored->expire_s * 1000;
	rz->stored = *stored;
	machine_init(&rz->machine, (uint16_t)refresh_target_count(rz->zone->conf));
	machine_step(&rz->machine, now_ms, message_random(), &event);
	heap_set(&refresh->heap, &rz->timer, machine_timer_ms(&rz->machine));
}

static void memory_free(struct refresh *refresh)
{
	for (size_t i = 0; refresh->zone && i < refresh->n_zones; i++)
		free(refresh->zone[i].last_error);
	heap_free(&refresh->heap);
	lanes_free(&refresh->lanes);
	free(refresh->first_peer);
	free(refresh->zone);
	pthread_mutex_destroy(&refresh->lock);
	free(refresh);
}

static int memory_init(struct refresh *refresh)
{
	refresh->zone = calloc(refresh->n_zones ? refresh->n_zones : 1, sizeof(*refresh->zone));
	if (!refresh->zone || heap_init(&refresh->heap, refresh->n_zones) < 0)
		return -ENOMEM;
	return peers_init(refresh);
}

static void zones_start(struct refresh *refresh, const struct store_zone *stored)
{
	size_t spread_ms = refresh->n_zones * SPREAD_ZONE_MS;

	if (spread_ms > SPREAD_MAX_MS)
		spread_ms = SPREAD_MAX_MS;
	for (size_t i = 0; i < refresh->n_zones; i++) {
		struct refresh_zone *rz = &refresh->zone[i];

		rz->refresh = refresh;
		rz->zone = refresh->zones->zone[i];
		rz->timer.index = HEAP_OUT;
		rz->zone->refresh = rz;
		zone_start(refresh, rz, &stored[i], (uint32_t)spread_ms);
	}
}

int refresh_start(uv_loop_t *loop, struct config *config, struct zone_table *zones,
		  const struct store_zone *stored, struct store *store, struct apply *apply,
		  struct refresh **ret)
{
	struct refresh *refresh = calloc(1, sizeof(*refresh));
	int err;

	if (!refresh)
		return -ENOMEM;
	refresh->loop = loop;
	refresh->config = config;
	refresh->zones = zones;
	refresh->store = store;
	refresh->apply = apply;
	refresh->n_zones = zones->n;
	pthread_mutex_init(&refresh->lock, NULL);
	err = memory_init(refresh);
	if (err == 0)
		err = uv_async_init(loop, &refresh->notify_async, on_notified);
	if (err < 0) {
		memory_free(refresh);
		return err;
	}
	uv_timer_init(loop, &refresh->timer);
	refresh->notify_async.data = refresh;
	refresh->timer.data = refresh;
	refresh->open_handles = 2;
	zones_start(refresh, stored);
	round_arm(refresh);
	*ret = refresh;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct refresh *refresh = handle->data;

	if (--refresh->open_handles == 0)
		memory_free(refresh);
}

void refresh_stop(struct refresh *refresh)
{
	if (!refresh)
		return;
	refresh->stopped = true;
	for (size_t i = 0; i < refresh->n_zones; i++) {
		round_drop_attempt(&refresh->zone[i]);
		refresh->zone[i].zone->refresh =
			NULL; /* what comes now is a mistake and seen at once */
	}
	uv_close((uv_handle_t *)&refresh->timer, on_closed);
	uv_close((uv_handle_t *)&refresh->notify_async, on_closed);
}
