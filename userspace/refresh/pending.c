/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stands in, until they land within the hour, for what transfer/, store/, apply/ and check/ bring;
 * weak, so that theirs wins. */
#include <errno.h>
#include <stdlib.h>

#include "apply/apply.h"
#include "check/check.h"

#define WEAK __attribute__((weak))

WEAK int apply_diff(struct apply *apply, struct zone *zone, struct diff *diff,
		    const struct apply_transfer *transfer, apply_done done, void *ctx)
{
	(void)apply, (void)zone, (void)diff, (void)transfer, (void)done, (void)ctx;
	return -ENOSYS;
}

WEAK bool check_is_wanted(const struct zone *zone)
{
	(void)zone;
	return false;
}

WEAK int check_start(uv_loop_t *loop, struct store *store, struct zone *zone,
		     struct content *content, struct diff *diff, check_done done, void *ctx,
		     struct check_run **ret)
{
	(void)loop, (void)store, (void)zone, (void)content, (void)diff, (void)done, (void)ctx;
	(void)ret;
	return -ENOSYS;
}

WEAK void check_cancel(struct check_run *run)
{
	(void)run;
}
