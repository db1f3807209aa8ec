/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands as the agent carries them out. */
#ifndef XNS_CONTROL_INTERNAL_H
#define XNS_CONTROL_INTERNAL_H

#include <jansson.h>

#include "control/control.h"
#include "control/protocol.h"

/* What a command gives: an error, a result, or a list made item by item as fast as the client
 * reads. */
struct control_reply {
	char error[768]; /* not "": this alone */
	json_t *result;
	const struct zone **zones; /* a list: the zones that it is about, n_zones of them */
	size_t n_zones;
	bool list;
	bool stop; /* after the reply: end the agent */
};

/* arguments: array of strings, their number checked. NULL result without an error: out of memory.
 */
void control_execute(const struct control_agent *agent, const struct control_command *command,
		     json_t *arguments, struct control_reply *ret);
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
