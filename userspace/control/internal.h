/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands as the agent carries them out. */
#ifndef XNS_CONTROL_INTERNAL_H
#define XNS_CONTROL_INTERNAL_H

#include <jansson.h>

#include "control/control.h"
#include "control/export.h"
#include "control/protocol.h"

/*
 * What a command gives: an error, a result, or what is made piece by piece as fast as the client
 * reads: a list, an export. Or nothing yet: done is to be called.
 */
struct control_reply {
	char error[1100]; /* not "": this alone */
	json_t *result;
	struct zone *
		*zones; /* a list: the zones that it is about, n_zones of them, with references */
	size_t n_zones;
	bool list;
	struct control_export *export; /* still to be written */
	bool stop;		       /* after the reply: end the agent */
	bool pending;		       /* done will be called */
	control_done done;	       /* as control_execute got it */
	void *done_ctx;
};

/* arguments: array of strings, their number checked. NULL result without an error: out of memory.
 * done is called if the reply is pending, perhaps before this returns. */
void control_execute(const struct control_agent *agent, const struct control_command *command,
		     json_t *arguments, control_done done, void *done_ctx,
		     struct control_reply *ret);
void control_reply_free(struct control_reply *reply);

/* The handlers of the command table. */
void control_status(const struct control_agent *agent, json_t *arguments,
		    struct control_reply *reply);
void control_stats(const struct control_agent *agent, json_t *arguments,
		   struct control_reply *reply);
void control_zone_status(const struct control_agent *agent, json_t *arguments,
			 struct control_reply *reply);
void control_zone_refresh(const struct control_agent *agent, json_t *arguments,
			  struct control_reply *reply);
void control_zone_retransfer(const struct control_agent *agent, json_t *arguments,
			     struct control_reply *reply);
void control_lookup(const struct control_agent *agent, json_t *arguments,
		    struct control_reply *reply);
void control_reload(const struct control_agent *agent, json_t *arguments,
		    struct control_reply *reply);
void control_zone_add(const struct control_agent *agent, json_t *arguments,
		      struct control_reply *reply);
void control_zone_remove(const struct control_agent *agent, json_t *arguments,
			 struct control_reply *reply);
void control_zone_notify(const struct control_agent *agent, json_t *arguments,
			 struct control_reply *reply);
void control_zone_export(const struct control_agent *agent, json_t *arguments,
			 struct control_reply *reply);
void control_zone_purge(const struct control_agent *agent, json_t *arguments,
			struct control_reply *reply);

/* A socket bound to the file; one that nobody listens on is left over from a killed agent, and is
 * replaced. Or -EADDRINUSE, -EEXIST or another negative errno (logged). */
int control_bind(const char *path);

/* One zone as zone-status shows it; NULL: out of memory. */
json_t *control_zone_item(const struct control_agent *agent, const struct zone *zone);

/* A zone's entry in the maps, as JSON. null: there are no maps, or the zone is not in them. */
json_t *control_zone_maps(const struct control_agent *agent, const struct zone *zone);

/* The zone of this name in presentation form; NULL: reply->error says why. */
struct zone *control_zone_find(const struct control_agent *agent, const char *name,
			       struct control_reply *reply);

/* The messages of publish_lookup rendered: {"type", "do", "where", "rcode", "size", "answer":
 * [...], ...}. NULL: out of memory. */
json_t *control_render_entry(const struct publish_entry *entry);

#endif
