/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands that change which zones are held: asked of the agent, answered when it has done. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/internal.h"

/* The name in lower case, to be freed; NULL: reply->error. */
static knot_dname_t *read_name(json_t *arguments, struct control_reply *reply)
{
	const char *text = json_string_value(json_array_get(arguments, 0));
	knot_dname_t *apex = knot_dname_from_str_alloc(text);

	if (!apex)
		snprintf(reply->error, sizeof(reply->error), "'%.300s' is not a domain name", text);
	else
		knot_dname_to_lower(apex);
	return apex;
}

static void was_asked(struct control_reply *reply, int ret)
{
	reply->pending = ret == 0;
	if (ret < 0)
		snprintf(reply->error, sizeof(reply->error), "%s", strerror(-ret));
}

void control_reload(const struct control_agent *agent, json_t *arguments,
		    struct control_reply *reply)
{
	(void)arguments;
	was_asked(reply, agent->reload ? agent->reload(agent->ctx, reply->done, reply->done_ctx)
				       : -EOPNOTSUPP);
}

void control_zone_add(const struct control_agent *agent, json_t *arguments,
		      struct control_reply *reply)
{
	const char *template_id = json_string_value(json_array_get(arguments, 1));
	knot_dname_t *apex = read_name(arguments, reply);

	if (apex)
		was_asked(reply, agent->zone_add ? agent->zone_add(agent->ctx, apex, template_id,
								   reply->done, reply->done_ctx)
						 : -EOPNOTSUPP);
	knot_dname_free(apex, NULL);
}

void control_zone_remove(const struct control_agent *agent, json_t *arguments,
			 struct control_reply *reply)
{
	knot_dname_t *apex = read_name(arguments, reply);

	if (apex)
		was_asked(reply, agent->zone_remove
					 ? agent->zone_remove(agent->ctx, apex, reply->done,
							      reply->done_ctx)
					 : -EOPNOTSUPP);
	knot_dname_free(apex, NULL);
}

void control_zone_purge(const struct control_agent *agent, json_t *arguments,
			struct control_reply *reply)
{
	const char *text = json_string_value(json_array_get(arguments, 0));
	bool orphan = strcmp(text, CONTROL_ORPHAN) == 0;
	knot_dname_t *apex = orphan ? NULL : read_name(arguments, reply);

	if (orphan || apex)
		was_asked(reply, agent->zone_purge ? agent->zone_purge(agent->ctx, apex,
								       reply->done, reply->done_ctx)
						   : -EOPNOTSUPP);
	knot_dname_free(apex, NULL);
}
