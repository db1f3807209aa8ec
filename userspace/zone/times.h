/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the timers in a zone's SOA mean for its content (RFC 1035 §3.3.13), within the bounds that
 * the zone's configuration sets. */
#ifndef XNS_ZONE_TIMES_H
#define XNS_ZONE_TIMES_H

#include <stdint.h>

#include "config/config.h"
#include "store/store.h"

/* Bounds of what an SOA may ask for where the configuration sets none (0), in seconds. */
#define TIMES_REFRESH_MIN_S  2
#define TIMES_RETRY_MIN_S    1
#define TIMES_INTERVAL_MAX_S (28 * 86400)

/* REFRESH and RETRY within the bounds. conf NULL: no bounds but these. */
uint32_t times_refresh_s(const struct config_zone *conf, uint32_t refresh_s);
uint32_t times_retry_s(const struct config_zone *conf, uint32_t retry_s);

/*
 * Until when new content is good (CLOCK_REALTIME s) that came at now_s. option_s: the EXPIRE option
 * (RFC 7314 §4) of the reply that brought it, which then stands for the SOA's EXPIRE; -1: none.
 */
int64_t times_expires_at(const struct config_zone *conf, int64_t now_s, uint32_t soa_expire_s,
			 int64_t option_s);
/*
 * The same for content that was to expire at expires_at and has been confirmed at now_s: with the
 * option, which tells how much time is left where the primary is itself a secondary, the deadline
 * is never brought forward.
 */
int64_t times_confirmed_expires_at(const struct config_zone *conf, int64_t expires_at,
				   int64_t now_s, uint32_t soa_expire_s, int64_t option_s);

/* CLOCK_BOOTTIME ms; 0: no content, so never. */
struct zone_times {
	int64_t expires_at_ms;
	/* From here on it is overdue: a refresh and a retry later no primary has confirmed it. */
	int64_t stale_at_ms;
};

/* Of a zone's content as stored, at this moment of both clocks. */
struct zone_times times_of(const struct config_zone *conf, const struct store_zone *stored,
			   int64_t now_boot_ms, int64_t now_real_s);

#endif
