/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent as a whole: which zones are held (configuration file, catalogs, operator), and their
 * change at run time. The zones' table changes only while the worker is parked and the responder
 * paused; so everybody else reads it without locks.
 */
#ifndef XNS_AGENT_H
#define XNS_AGENT_H

#include <stdint.h>
#include <stdio.h>
#include <uv.h>

#include "apply/apply.h"
#include "config/config.h"
#include "control/control.h"
#include "notify/notify.h"
#include "privilege/privilege.h"
#include "refresh/refresh.h"
#include "respond/respond.h"
#include "store/store.h"
#include "zone/zone.h"

#define AGENT_REASON_MAX 1024

/* Called on the main loop. error 0, or negative errno and reason. */
typedef void (*agent_done)(void *ctx, int error, const char *reason);

struct agent;

/*
 * Reads the configuration file again and puts it into force: zones, remotes, keys, ACLs, limits.
 * What needs a restart (listen, user, database, rundir) is named in a warning and stays. A file
 * with errors changes nothing: reason has the errors.
 */
int agent_reload(struct agent *agent, agent_done done, void *ctx);

/* A zone by template, held until agent_zone_remove, over restarts too. Refused where
 * server.zone-add does not allow it. */
int agent_zone_add(struct agent *agent, const knot_dname_t *apex, const char *template_id,
		   agent_done done, void *ctx);
int agent_zone_remove(struct agent *agent, const knot_dname_t *apex, agent_done done, void *ctx);

#endif
