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
#include "refresh/refresh.h"
#include "respond/respond.h"
#include "zone/zone.h"

#define CONTROL_SOCKET "xnsd.sock"

struct control;

/* What the commands work on. */
struct control_agent {
	const struct config *config;
	struct zone_table *zones;
	struct apply *apply;
	struct refresh *refresh;
	struct respond *respond;
	const char *pin_dir;	 /* as apply_start got it; NULL: no packet path is looked for */
	int64_t started_at;	 /* CLOCK_REALTIME s */
	void (*stop)(void *ctx); /* the `stop` command */
	void *stop_ctx;
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
