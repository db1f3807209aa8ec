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
#include "store/store.h"
#include "zone/zone.h"

/* Five tries, a remote's addresses in turn (each of them at least once); the wait for an answer
 * doubles from the first. */
#define NOTIFY_TRIES	     5
#define NOTIFY_FIRST_WAIT_MS 2000
/* At the same time; the rest wait, the remotes taking turns: so those that are dead do not keep the
 * others from being told. */
#define NOTIFY_RUNNING_MAX  100
#define NOTIFY_PER_PEER_MAX 20

struct notify;

/* Takes a reference of config. store: the SOA that is sent along (RFC 1996 §3.7) is read from it.
 */
int notify_start(uv_loop_t *loop, struct config *config, struct store *store, struct notify **ret);
/* Closes everything, frees when the loop has run once more. NULL: nothing. */
void notify_stop(struct notify *notify);

/*
 * The zone has new content (its serial is zone->serial), or the operator asks. What is under way
 * for an older serial of it is begun anew.
 */
void notify_zone(struct notify *notify, struct zone *zone);
/* The zone is held no more; a new configuration, when zones' conf is already of it. While the other
 * threads stand still. */
void notify_forget(struct notify *notify, struct zone *zone);
void notify_configure(struct notify *notify, struct config *config);

struct notify_status {
	char remote[65];
	char address[64]; /* ADDR@PORT */
	uint32_t serial;
	unsigned tries;
	bool waiting;	 /* still under way */
	char error[256]; /* "" acknowledged, or under way and not yet failed */
};
/* The last NOTIFYs of a zone: an array to be freed, or NULL. */
struct notify_status *notify_get_status(const struct notify *notify, const struct zone *zone,
					size_t *ret_n);

/* The first wait is another, for tests. */
void notify_set_wait_ms(struct notify *notify, uint32_t first_wait_ms);

#endif
