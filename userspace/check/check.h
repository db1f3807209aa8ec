/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a zone's configuration asks for before new content goes live, beside the rules that every
 * content must fulfil: ZONEMD (RFC 8976), an external verifier. Runs off the main loop and off the
 * worker, so that a slow verifier holds up its own zone only.
 */
#ifndef XNS_CHECK_H_
#define XNS_CHECK_H_

#include <stdbool.h>
#include <uv.h>

#include "store/content.h"
#include "store/diff.h"
#include "store/store.h"
#include "zone/zone.h"

#define CHECK_REASON_MAX 512

/* Does the zone ask for any? */
bool check_is_wanted(const struct zone *zone);

struct check_run;

/*
 * Called once on the loop, not from within check_start. error 0: `content` (finished, the whole
 * zone) is good and now the callee's. Otherwise -EINVAL (refused), -ESTALE (the difference does not
 * fit), or another errno; reason for people.
 */
typedef void (*check_done)(void *ctx, int error, const char *reason, struct content *content);

/*
 * Exactly one of content and diff; it is taken. With a difference the zone is read from the store
 * first and the difference applied to it in memory. Holds a reference of the zone and its config.
 */
int check_start(uv_loop_t *loop, struct store *store, struct zone *zone, struct content *content,
		struct diff *diff, check_done done, void *ctx, struct check_run **ret);
/* done will not be called; a verifier that is running is killed. NULL: nothing. */
void check_cancel(struct check_run *run);

/* ZONEMD alone: 0 good or none there that can be checked; -EINVAL and reason. content is finished.
 */
int check_zonemd(const struct content *content, char *reason, size_t reason_len);

#endif
