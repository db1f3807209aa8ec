/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The external verifier: a command that reads a zone and says with its exit status whether it is
 * good. */
#ifndef XNS_CHECK_VERIFIER_H
#define XNS_CHECK_VERIFIER_H

#include <stdint.h>
#include <uv.h>

#include "config/config.h"

struct verifier;

/*
 * Called once on the loop, not from within verifier_start. error 0: exit status 0. -EINVAL:
 * refused, killed, or too slow; reason has what it wrote last.
 */
typedef void (*verifier_done)(void *ctx, int error, const char *reason);

/*
 * Starts conf's command. zone_fd: the zone file, its standard input; stays the caller's.
 * Environment: PATH, XNSD_ZONE, XNSD_SERIAL. 0, or a negative errno and reason (CHECK_REASON_MAX).
 */
int verifier_start(uv_loop_t *loop, const struct config_zone *conf, int zone_fd, uint32_t serial,
		   verifier_done done, void *ctx, char *reason, struct verifier **ret);
/* Kills it and what it started; done will not be called. NULL: nothing. */
void verifier_cancel(struct verifier *verifier);

#endif
