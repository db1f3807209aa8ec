/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control socket RUNDIR/xnsd.sock, for xnsctl: one request a connection, a line of JSON
 * {"command": ..., "arguments": [...]}, answered by one JSON object {"ok": true, "result": ...} or
 * {"ok": false, "error": "..."}.
 */
#ifndef XNS_CONTROL_H
#define XNS_CONTROL_H

#include <uv.h>

#include "apply/apply.h"
#include "config/config.h"
#include "notify/notify.h"
#include "refresh/refresh.h"
#include "respond/respond.h"
#include "zone/zone.h"

#define CONTROL_SOCKET "xnsd.sock"

struct control;

/* On the main loop: error 0 and what was done (or ""), or a negative errno and the reason. */
typedef void (*control_done)(void *ctx, int error, const char *text);

/*
 * What the commands work on. What changes the agent is done by the functions, all of which get ctx:
 * 0, and done is called later; or a negative errno. NULL: there is no such command here.
 */
struct control_agent {
	const struct config *config;
	struct zone_table *zones;
	struct store *store;
	struct apply *apply;
	struct refresh *refresh;
	struct respond *respond;
	struct notify *notify;
	const char *pin_dir; /* as apply_start got it; NULL: no packet path is looked for */
	int64_t started_at;  /* CLOCK_REALTIME s */
	void (*stop)(void *ctx);
	int (*reload)(void *ctx, control_done done, void *done_ctx);
	int (*zone_add)(void *ctx, const knot_dname_t *apex, const char *template_id,
			control_done done, void *done_ctx);
	int (*zone_remove)(void *ctx, const knot_dname_t *apex, control_done done, void *done_ctx);
	/* apex NULL: all that are not held */
	int (*zone_purge)(void *ctx, const knot_dname_t *apex, control_done done, void *done_ctx);
	void *ctx;
};

/*
 * Listens on rundir/xnsd.sock, mode 0660; removes a dead socket that is there. Runs on the loop. 0
 * or a negative errno (logged): -EADDRINUSE another agent listens there. agent, and what it points
 * to, must stay until control_stop, and be complete when the loop runs.
 */
int control_start(uv_loop_t *loop, const struct control_agent *agent, struct control **ret);
/* Closes everything; the memory goes with the handles' last callbacks, so the loop must run on
 * until they are closed. */
void control_stop(struct control *control);

#endif
