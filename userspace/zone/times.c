// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/times.h"

static int64_t clamp_s(int64_t value, int64_t min, int64_t max)
{
	return value < min ? min : value > max ? max : value;
}

/* The bound, or what is to be where the configuration sets none. */
static uint32_t bound_s(uint32_t bound, uint32_t otherwise)
{
	return bound > 0 ? bound : otherwise;
}

uint32_t times_refresh_s(const struct config_zone *conf, uint32_t refresh_s)
{
	return (uint32_t)clamp_s(refresh_s,
				 bound_s(conf ? conf->refresh_min_s : 0, TIMES_REFRESH_MIN_S),
				 bound_s(conf ? conf->refresh_max_s : 0, TIMES_INTERVAL_MAX_S));
}

uint32_t times_retry_s(const struct config_zone *conf, uint32_t retry_s)
{
	return (uint32_t)clamp_s(retry_s, bound_s(conf ? conf->retry_min_s : 0, TIMES_RETRY_MIN_S),
				 bound_s(conf ? conf->retry_max_s : 0, TIMES_INTERVAL_MAX_S));
}

int64_t times_expires_at(const struct config_zone *conf, int64_t now_s, uint32_t soa_expire_s,
			 int64_t option_s)
{
	return now_s + clamp_s(option_s >= 0 ? option_s : soa_expire_s,
			       conf ? conf->expire_min_s : 0,
			       bound_s(conf ? conf->expire_max_s : 0, UINT32_MAX));
}

int64_t times_confirmed_expires_at(const struct config_zone *conf, int64_t expires_at,
				   int64_t now_s, uint32_t soa_expire_s, int64_t option_s)
{
	int64_t confirmed = times_expires_at(conf, now_s, soa_expire_s, option_s);

	return option_s >= 0 && expires_at > confirmed ? expires_at : confirmed;
}

static int64_t at_ms(int64_t now_ms, int64_t left_s)
{
	int64_t at = now_ms + left_s * 1000;

	return at < 1 ? 1 : at; /* 0 means no content */
}

struct zone_times times_of(const struct config_zone *conf, const struct store_zone *stored,
			   int64_t now_boot_ms, int64_t now_real_s)
{
	/* A clock that was set back: what was confirmed "tomorrow" was confirmed now. */
	int64_t now_s = now_real_s > stored->refreshed_at ? now_real_s : stored->refreshed_at;
	int64_t due_s = (int64_t)times_refresh_s(conf, stored->refresh_s) +
			times_retry_s(conf, stored->retry_s);

	if (!stored->has_content)
		return (struct zone_times){0};
	return (struct zone_times){
		.expires_at_ms = at_ms(now_boot_ms, stored->expires_at - now_s),
		.stale_at_ms = at_ms(now_boot_ms, stored->refreshed_at + due_s - now_s),
	};
}
