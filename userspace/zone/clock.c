/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/clock.h"

#include <assert.h>
#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t shift_ms; /* 0 but in tests */

static int64_t now_ms(clockid_t clock)
{
	struct timespec now;
	int err = clock_gettime(clock, &now);

	assert(err == 0);
	(void)err;
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 +
	       atomic_load_explicit(&shift_ms, memory_order_relaxed);
}

int64_t clock_boot_ms(void)
{
	return now_ms(CLOCK_BOOTTIME);
}

int64_t clock_real_s(void)
{
	return now_ms(CLOCK_REALTIME) / 1000;
}

void clock_shift_ms(int64_t ms)
{
	atomic_fetch_add_explicit(&shift_ms, ms, memory_order_relaxed);
}
