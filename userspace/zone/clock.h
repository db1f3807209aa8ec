/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The clocks that the zones' timers go by. */
#ifndef XNS_ZONE_CLOCK_H
#define XNS_ZONE_CLOCK_H

#include <stdint.h>

int64_t clock_boot_ms(void); /* CLOCK_BOOTTIME: counts while the machine sleeps */
int64_t clock_real_s(void);  /* CLOCK_REALTIME */

/* For tests: both clocks are this much further on from now on. Any thread. */
void clock_shift_ms(int64_t ms);

#endif
