/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "refresh/internal.h"
#include "util/log.h"

/* Rounds that are overdue at start, a second, where the configuration does not say. */
#define SOA_QUERY_RATE 1000

struct machine_conf refresh_machine_conf(const struct refresh_zone *rz)
{
	return (struct machine_conf){
		.n_targets = rz->machine.conf.n_targets,
		.ixfr = rz->zone->conf->request_ixfr,
		.retry_max_s = rz->zone->conf->retry_max_s,
	};
}

/* ---- one zone ---- */

static void zone_start(struct refresh_zone *rz, const struct store_zone *stored, uint32_t spread_ms)
{
	const struct config_zone *conf = rz->zone->conf;
	int64_t now_ms = clock_boot_ms(), age_ms = (clock_real_s() - stored->refreshed_at) * 1000;
	struct zone_times times = times_of(conf, stored, now_ms, clock_real_s());
	struct machine_event event = {
		.type = MACHINE_EVENT_START,
		.has_content = stored->has_content,
		.serial = stored->serial,
		.refresh_s = times_refresh_s(conf, stored->refresh_s),
		.retry_s = times_retry_s(conf, stored->retry_s),
		.expires_ms = times.expires_at_ms,
		.stale_ms = times.stale_at_ms,
		.spread_ms = spread_ms,
	};

	/* A clock that was set back: what was confirmed "tomorrow" counts as confirmed now. */
	if (age_ms < 0)
		age_ms = 0;
	event.refreshed_ms = now_ms - age_ms;
	rz->stored = *stored;
	machine_step(&rz->machine, now_ms, message_random(), &event);
	heap_set(&rz->refresh->heap, &rz->timer, machine_timer_ms(&rz->machine));
}

static void zone_free(struct refresh_zone *rz)
{
	targets_free(rz->target, rz->machine.conf.n_targets);
	peer_unref(rz->peer);
	free(rz->last_error);
	free(rz->ixfr_error);
	free(rz);
}

static int zone_add(struct refresh *refresh, struct zone *zone, const struct store_zone *stored,
		    uint32_t spread_ms)
{
	struct refresh_zone *rz = calloc(1, sizeof(*rz));
	struct machine_conf conf;
	int err;

	if (!rz || heap_reserve(&refresh->heap, refresh->n_zones + 1) < 0) {
		free(rz);
		return -ENOMEM;
	}
	rz->refresh = refresh;
	rz->zone = zone;
	rz->timer.index = HEAP_OUT;
	rz->peer_target = -1;
	err = targets_make(refresh, zone->conf, &rz->target, &rz->machine.conf.n_targets);
	if (err < 0) {
		free(rz);
		return err;
	}
	conf = refresh_machine_conf(rz);
	machine_init(&rz->machine, &conf);
	rz->next = refresh->first;
	if (rz->next)
		rz->next->prev = rz;
	refresh->first = rz;
	refresh->n_zones++;
	zone->refresh = rz;
	zone_start(rz, stored, spread_ms);
	return 0;
}

static void zone_remove(struct refresh_zone *rz)
{
	struct refresh *refresh = rz->refresh;

	wish_forget(rz);
	lanes_leave(&refresh->lanes, &rz->job);
	round_drop_attempt(rz);
	commit_forget(rz);
	heap_set(&refresh->heap, &rz->timer, INT64_MAX);
	if (rz->prev)
		rz->prev->next = rz->next;
	else
		refresh->first = rz->next;
	if (rz->next)
		rz->next->prev = rz->prev;
	refresh->n_zones--;
	rz->zone->refresh = NULL; /* what comes now is a mistake and seen at once */
	zone_free(rz);
}

/* ---- run-time changes ---- */

int refresh_zone_add(struct refresh *refresh, struct zone *zone, const struct store_zone *stored)
{
	int err = zone_add(refresh, zone, stored, 0);

	round_arm(refresh);
	return err;
}

void refresh_zone_remove(struct refresh *refresh, struct zone *zone)
{
	if (!zone->refresh)
		return;
	zone_remove(zone->refresh);
	round_pump(refresh);
}

/* A question is out, or about to be asked, and its answer not yet here. */
static bool is_asking(const struct refresh_zone *rz)
{
	switch (rz->machine.state) {
	case MACHINE_SOA_UDP:
	case MACHINE_SOA_TCP:
	case MACHINE_TRANSFERRING:
		return true;
	default:
		return false;
	}
}

/* The peer that is asked, or that what is with the worker came from. */
static const struct peer *current_peer(const struct refresh_zone *rz)
{
	if (is_asking(rz))
		return peer_of_lanes(rz->job.peer);
	return rz->machine.state == MACHINE_IDLE ? NULL : rz->peer;
}

static int zone_configure(struct refresh_zone *rz)
{
	struct refresh *refresh = rz->refresh;
	struct machine *machine = &rz->machine;
	const struct config_zone *conf = rz->zone->conf;
	struct machine_change change = {.current = -1, .confirmed = -1};
	struct refresh_target *old = rz->target, *target;
	uint16_t n_old = machine->conf.n_targets, n;
	int err = targets_make(refresh, conf, &target, &n);

	if (err < 0)
		return err;
	change.same_targets = targets_same(old, n_old, target, n);
	if (current_peer(rz))
		change.current = targets_find(target, n, current_peer(rz));
	if (machine->confirmed >= 0)
		change.confirmed = targets_find(target, n, old[machine->confirmed].peer);
	targets_take_over(target, n, old, n_old);
	rz->target = target;
	machine->conf.n_targets = n;
	change.conf = refresh_machine_conf(rz);
	change.refresh_s = times_refresh_s(conf, rz->stored.refresh_s);
	change.retry_s = times_retry_s(conf, rz->stored.retry_s);
	machine_configure(machine, clock_boot_ms(), message_random(), &change);
	rz->peer_target = rz->peer ? targets_find(target, n, rz->peer) : -1;
	wish_forget_target(rz);
	if (is_asking(rz) && change.current < 0) {
		struct machine_action action = machine_restart(machine);

		round_act(rz, &action);
	}
	heap_set(&refresh->heap, &rz->timer, machine_timer_ms(machine));
	targets_free(old, n_old);
	return 0;
}

static void settle_peer(struct peer *peer, void *ctx)
{
	lanes_settle(ctx, &peer->lanes);
}

static void set_numbers(struct refresh *refresh, const struct config *config)
{
	/* Half of all SOA queries may be to one primary. */
	const struct lane_limits limits[LANE_KINDS] = {
		[LANE_QUERY] = {config->max_soa_queries, (config->max_soa_queries + 1) / 2},
		[LANE_TRANSFER] = {config->max_transfers_in, config->max_transfers_per_primary},
	};

	refresh->remote_timeout_ms = config->remote_timeout_ms;
	refresh->transfer_timeout_ms = config->transfer_timeout_ms;
	lanes_set_limits(&refresh->lanes, limits);
	peers_each(&refresh->peers, settle_peer, &refresh->lanes);
}

int refresh_configure(struct refresh *refresh, struct config *config)
{
	int ret = 0;

	set_numbers(refresh, config);
	peers_forget_certificates(&refresh->peers);
	refresh->pumping = true; /* nothing begins before all is as it will be */
	for (struct refresh_zone *rz = refresh->first; rz; rz = rz->next) {
		int err = zone_configure(rz);

		if (err < 0) { /* goes on with what it had */
			log_error("zone %s: cannot take the new configuration of its primaries: %s",
				  rz->zone->name, strerror(-err));
			ret = err;
		}
	}
	refresh->pumping = false;
	round_pump(refresh);
	round_arm(refresh);
	return ret;
}

/* ---- start and stop ---- */

static void memory_free(struct refresh *refresh)
{
	heap_free(&refresh->heap);
	peers_free(&refresh->peers);
	pthread_mutex_destroy(&refresh->lock);
	free(refresh);
}

/* Overdue zones begin at this many a second, in no order. */
static uint32_t spread_ms(const struct config *config, const struct zone_table *zones,
			  const struct store_zone *stored)
{
	uint64_t rate = config->soa_query_rate ? config->soa_query_rate : SOA_QUERY_RATE;
	int64_t now_s = clock_real_s();
	uint64_t overdue = 0, spread;

	for (size_t i = 0; i < zones->n; i++)
		overdue += stored[i].has_content &&
			   stored[i].refreshed_at + times_refresh_s(zones->zone[i]->conf,
								    stored[i].refresh_s) <=
				   now_s;
	spread = overdue * 1000 / rate;
	return spread > UINT32_MAX ? UINT32_MAX : (uint32_t)spread;
}

static int zones_start(struct refresh *refresh, const struct config *config,
		       const struct zone_table *zones, const struct store_zone *stored)
{
	uint32_t spread = spread_ms(config, zones, stored);
	int err = heap_reserve(&refresh->heap, zones->n);

	for (size_t i = 0; i < zones->n && err == 0; i++)
		err = zone_add(refresh, zones->zone[i], &stored[i], spread);
	return err;
}

static void zones_stop(struct refresh *refresh)
{
	while (refresh->first)
		zone_remove(refresh->first);
	commit_free_all(refresh);
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
	refresh->store = store;
	refresh->apply = apply;
	pthread_mutex_init(&refresh->lock, NULL);
	peers_init(&refresh->peers);
	set_numbers(refresh, config);
	err = zones_start(refresh, config, zones, stored);
	if (err == 0)
		err = uv_async_init(loop, &refresh->notify_async, wish_on_async);
	if (err < 0) {
		zones_stop(refresh);
		memory_free(refresh);
		return err;
	}
	uv_timer_init(loop, &refresh->timer);
	refresh->notify_async.data = refresh;
	refresh->timer.data = refresh;
	refresh->open_handles = 2;
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
	zones_stop(refresh);
	uv_close((uv_handle_t *)&refresh->timer, on_closed);
	uv_close((uv_handle_t *)&refresh->notify_async, on_closed);
}
