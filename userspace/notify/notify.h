/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NOTIFY out (RFC 1996): tells the remotes in zone->conf->notify of each new serial, over UDP,
 * again until they answer, then gives up with a line in the log. Main loop.
 */
#ifndef XNS_NOTIFY_H
#define XNS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "config/config.h"
#include "zone/zone.h"

/* Five tries; the wait for an answer doubles from the first. */
#define NOTIFY_TRIES	     5
#define NOTIFY_FIRST_WAIT_MS 2000
#define NOTIFY_RUNNING_MAX   100 /* at the same time; the rest wait */

struct notify;

int notify_start(uv_loop_t *loop, struct config *config, struct notify **ret);
/* Closes everything, frees when the loop has run once more. NULL: nothing. */
void notify_stop(struct notify *notify);

/*
 * The zone has new content (its serial is zone->serial), or the operator asks. What is under way
 * for an older serial of it is begun anew.
 */
void notify_zone(struct notify *notify, struct zone *zone);
/* The zone is held no more; a new configuration. While the other threads stand still. */
void notify_forget(struct notify *notify, const struct zone *zone);
void notify_configure(struct notify *notify, struct config *config);

struct notify_status {
	char remote[65];
	char address[64]; /* ADDR@PORT */
	uint32_t serial;
	unsigned tries;
	bool waiting;	 /* still under way */
	char error[256]; /* "" acknowledged, or under way */
};
/* The last NOTIFYs of a zone: an array to be freed, or NULL. */
struct notify_status *notify_get_status(const struct notify *notify, const struct zone *zone,
					size_t *ret_n);

#endif
