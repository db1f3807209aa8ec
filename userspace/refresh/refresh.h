/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps each zone as its primaries have it: SOA timers (RFC 1034 §4.3.5, RFC 1035 §3.3.13), NOTIFY
 * (RFC 1996), choice of the primary, fail-over. Runs on the main loop.
 */
#ifndef XNS_REFRESH_H
#define XNS_REFRESH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "apply/apply.h"
#include "config/config.h"
#include "store/store.h"
#include "zone/zone.h"

struct refresh;

/*
 * Starts the timers: zones with content from the store's times, the others at once (spread, so that
 * many zones are no storm of queries). `stored`: for each zone of the table, in its order, what the
 * store has.
 */
int refresh_start(uv_loop_t *loop, struct config *config, struct zone_table *zones,
		  const struct store_zone *stored, struct store *store, struct apply *apply,
		  struct refresh **ret);
/*
 * To be called when the responder's and the worker's callbacks come no more (respond_stop,
 * apply_stop). Closes everything and frees when the loop has run once more. NULL: nothing.
 */
void refresh_stop(struct refresh *refresh);

/*
 * A NOTIFY that was accepted; from: its sender, key: what signed it, or NULL, has_serial/serial: of
 * the SOA in it. Any thread.
 */
void refresh_notify(struct refresh *refresh, struct zone *zone, const struct sockaddr *from,
		    const knot_tsig_key_t *key, bool has_serial, uint32_t serial);

/* The operator asks: check now / transfer now whatever the serial. Main loop. */
void refresh_now(struct refresh *refresh, struct zone *zone);
void refresh_retransfer(struct refresh *refresh, struct zone *zone);

/* The same of each of all zones, which are not ahead of those that NOTIFY is about. */
void refresh_one_of_all(struct refresh *refresh, struct zone *zone, bool force);

/*
 * Run-time changes, on the main loop while the worker and the responder stand still. A zone that is
 * added begins as at start; of one that is removed everything under way is dropped. After
 * refresh_configure primaries, keys and limits are those of the zones' new conf; transfers under
 * way from a primary that is unchanged go on, the others begin anew.
 */
int refresh_zone_add(struct refresh *refresh, struct zone *zone, const struct store_zone *stored);
void refresh_zone_remove(struct refresh *refresh, struct zone *zone);
int refresh_configure(struct refresh *refresh, struct config *config);

/* What is known of one address of a zone's primary. */
struct refresh_primary {
	char id[65];
	char address[64]; /* ADDR@PORT */
	bool tls;
	int64_t asked_at, answered_at; /* CLOCK_REALTIME s; 0: never, since the start */
	uint32_t serial;	       /* that it told last; if answered_at */
	char error[256];	       /* "" since its last good answer */
	int64_t error_at;
};
/* Those of a zone in the order in which they are asked: an array to be freed, or NULL. */
struct refresh_primary *refresh_get_primaries(const struct refresh *refresh,
					      const struct zone *zone, size_t *ret_n);

struct refresh_status {
	bool has_content;
	struct store_zone stored; /* if has_content: serial, last transfer... */
	const char *activity;	  /* "idle", "waiting", "soa-query", "transfer", "commit" */
	char primary[64];	  /* being asked, or that last answered; "" none yet */
	int64_t next_refresh_s;	  /* from now; 0: under way */
	int64_t expires_in_s;	  /* from now; negative: since; meaningless without content */
	char last_error[256];	  /* with the primary's address; "" since the last success */
	int64_t last_error_at;	  /* CLOCK_REALTIME s */
};
void refresh_get_status(const struct refresh *refresh, const struct zone *zone,
			struct refresh_status *ret);

#endif
