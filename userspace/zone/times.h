/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the timers in a zone's SOA mean for its content (RFC 1035 §3.3.13). */
#ifndef XNS_ZONE_TIMES_H
#define XNS_ZONE_TIMES_H

#include <stdint.h>

#include "store/store.h"

/* Bounds of what an SOA may ask for, in seconds. */
#define TIMES_REFRESH_MIN_S  2
#define TIMES_RETRY_MIN_S    1
#define TIMES_INTERVAL_MAX_S (28 * 86400)

/* REFRESH and RETRY within these bounds. */
uint32_t times_refresh_s(uint32_t refresh_s);
uint32_t times_retry_s(uint32_t retry_s);

/* CLOCK_BOOTTIME ms; 0: no content, so never. */
struct zone_times {
	int64_t expires_at_ms;
	/* From here on it is overdue: a refresh and a retry later no primary has confirmed it. */
	int64_t stale_at_ms;
};

/* Of a zone's content as stored, at this moment of both clocks. */
struct zone_times times_of(const struct store_zone *stored, int64_t now_boot_ms,
			   int64_t now_real_s);

#endif
