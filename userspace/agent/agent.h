/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent as a whole: which zones are held (configuration file, catalogs, operator), and their
 * change at run time. The zones' table changes only while the worker is parked and the responder
 * paused; so everybody else reads it without locks.
 */
#ifndef XNS_AGENT_H
#define XNS_AGENT_H

#include <uv.h>
#include <libknot/dname.h>

#include "config/config.h"
#include "control/control.h"

struct agent;

/*
 * Starts everything on the loop: sockets, then as config->user the store, the worker, refresh,
 * notify, the responder, the control socket, signals. Takes config, also on failure. pin_dir: of
 * the maps. stop is called when the agent is asked to end, by a signal or the operator. 0 or a
 * negative errno (logged).
 */
int agent_start(uv_loop_t *loop, struct config *config, const char *pin_dir,
		void (*stop)(void *ctx), void *ctx, struct agent **ret);
/* Stops everything and frees; runs the loop until all of it is closed. NULL: nothing. */
void agent_stop(struct agent *agent);

/* Zones that are held now. */
size_t agent_zones(const struct agent *agent);

/*
 * What follows is carried out later, one after the other; done (or NULL) is called on the main
 * loop: error 0, or a negative errno and the reason for people. 0, or -ENOMEM: done is not called.
 */

/*
 * Reads the configuration file again and puts it into force: zones, remotes, keys, ACLs, limits.
 * What needs a restart (listen, user, database, rundir...) is named in a warning and stays as it
 * was. A file with errors changes nothing: reason has the errors.
 */
int agent_reload(struct agent *agent, control_done done, void *ctx);

/* A zone by template, held until agent_zone_remove, over restarts too. Refused where
 * server.zone-add does not allow it. */
int agent_zone_add(struct agent *agent, const knot_dname_t *apex, const char *template_id,
		   control_done done, void *ctx);
int agent_zone_remove(struct agent *agent, const knot_dname_t *apex, control_done done, void *ctx);

/*
 * Drops what the store has of a zone; one that is held is transferred anew. apex NULL: of all zones
 * that are not held.
 */
int agent_zone_purge(struct agent *agent, const knot_dname_t *apex, control_done done, void *ctx);

#endif
