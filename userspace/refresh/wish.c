/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "refresh/internal.h"
#include "util/log.h"

void wish_on_async(uv_async_t *async)
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

	if (!rz) /* there was no memory to refresh it */
		return;
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
		.target = targets_find_sender(rz, from, key),
	};
	if (first) {
		rz->notified = true;
		rz->next_notified = refresh->notified;
		refresh->notified = rz;
	}
	pthread_mutex_unlock(&refresh->lock);
	uv_async_send(&refresh->notify_async);
}

void wish_forget(struct refresh_zone *rz)
{
	struct refresh *refresh = rz->refresh;
	struct refresh_zone **at = &refresh->notified;

	pthread_mutex_lock(&refresh->lock);
	if (rz->notified) {
		while (*at != rz)
			at = &(*at)->next_notified;
		*at = rz->next_notified;
		rz->notified = false;
	}
	pthread_mutex_unlock(&refresh->lock);
}

void wish_forget_target(struct refresh_zone *rz)
{
	pthread_mutex_lock(&rz->refresh->lock);
	rz->notify.target = -1;
	pthread_mutex_unlock(&rz->refresh->lock);
}

void refresh_now(struct refresh *refresh, struct zone *zone)
{
	static const struct machine_event event = {.type = MACHINE_EVENT_WISH,
						   .wish = {.target = -1}};

	(void)refresh;
	if (zone->refresh)
		round_step(zone->refresh, &event);
}

void refresh_retransfer(struct refresh *refresh, struct zone *zone)
{
	static const struct machine_event event = {.type = MACHINE_EVENT_WISH,
						   .wish = {.target = -1, .force = true}};

	(void)refresh;
	if (zone->refresh)
		round_step(zone->refresh, &event);
}

void refresh_one_of_all(struct refresh *refresh, struct zone *zone, bool force)
{
	struct machine_event event = {.type = MACHINE_EVENT_WISH,
				      .wish = {.target = -1, .force = force, .of_all = true}};

	(void)refresh;
	if (zone->refresh)
		round_step(zone->refresh, &event);
}
