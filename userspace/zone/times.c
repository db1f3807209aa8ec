// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/times.h"

static uint32_t clamp_s(uint32_t value, uint32_t min, uint32_t max)
{
	return value < min ? min : value > max ? max : value;
}

uint32_t times_refresh_s(uint32_t refresh_s)
{
	return clamp_s(refresh_s, TIMES_REFRESH_MIN_S, TIMES_INTERVAL_MAX_S);
}

uint32_t times_retry_s(uint32_t retry_s)
{
	return clamp_s(retry_s, TIMES_RETRY_MIN_S, TIMES_INTERVAL_MAX_S);
}

static int64_t at_ms(int64_t now_ms, int64_t left_s)
{
	int64_t at = now_ms + left_s * 1000;

	return at < 1 ? 1 : at; /* 0 means no content */
}

struct zone_times times_of(const struct store_zone *stored, int64_t now_boot_ms, int64_t now_real_s)
{
	int64_t age_s = now_real_s - stored->refreshed_at;
	int64_t due_s =
		(int64_t)times_refresh_s(stored->refresh_s) + times_retry_s(stored->retry_s);

	if (!stored->has_content)
		return (struct zone_times){0};
	return (struct zone_times){
		.expires_at_ms = at_ms(now_boot_ms, (int64_t)stored->expire_s - age_s),
		/* A clock that was set back: what was confirmed "tomorrow" was confirmed now. */
		.stale_at_ms = at_ms(now_boot_ms, due_s - (age_s < 0 ? 0 : age_s)),
	};
}
