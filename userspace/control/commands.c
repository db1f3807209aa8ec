// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/internal.h"
#include "util/address.h"

static json_t *count_zones(const struct control_agent *agent)
{
	int64_t now_ms = clock_boot_ms();
	json_int_t by_state[3] = {0}, by_source[3] = {0}, failing = 0;

	for (size_t i = 0; i < agent->zones->n; i++) {
		const struct zone *zone = agent->zones->zone[i];
		struct refresh_status status;
		by_state[zone_state(zone, now_ms)]++;
		by_source[zone->source]++;
		refresh_get_status(agent->refresh, zone, &status);
		failing += status.last_error[0] != '\0';
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "total",
			 (json_int_t)agent->zones->n, "active", by_state[ZONE_ACTIVE], "expired",
			 by_state[ZONE_EXPIRED], "empty", by_state[ZONE_EMPTY], "failing", failing,
			 "from_config", by_source[ZONE_FROM_CONFIG], "from_catalogs",
			 by_source[ZONE_FROM_CATALOG], "added", by_source[ZONE_FROM_CONTROL]);
}

static json_t *list_addresses(const struct config *config)
{
	json_t *list = json_array();

	for (size_t i = 0; i < config->n_listen; i++) {
		char text[ADDRESS_TEXT_MAX];
		address_to_text((const struct sockaddr *)&config->listen[i], text);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

/* Is the program pinned? Its interfaces are the loader's to tell. null: this process may not look.
 */
static json_t *see_program(const char *pin_dir)
{
	char path[4096];

	if (!pin_dir ||
	    snprintf(path, sizeof(path), "%s/%s", pin_dir, XNS_PROG_PIN) >= (int)sizeof(path))
		return json_false();
	if (access(path, F_OK) == 0)
		return json_true();
	return errno == ENOENT || errno == ENOTDIR ? json_false() : json_null();
}

/* Of the maps that grow. */
static json_t *describe_memory(const struct publish_status *status)
{
	json_t *maps = json_object();

	for (size_t i = 0; i < PUBLISH_SEGMENTED_MAPS; i++) {
		const struct publish_map *map = &status->map[i];
		json_object_set_new(maps, map->name,
				    json_pack("{s:I, s:I, s:I}", "entries",
					      (json_int_t)map->entries, "entries_max",
					      (json_int_t)map->entries_max, "bytes",
					      (json_int_t)map->bytes));
	}
	return json_pack(
		"{s:I, s:o, s:b, s:i, s:o}", "bytes", (json_int_t)status->bytes, "bytes_max",
		status->bytes_max ? json_integer((json_int_t)status->bytes_max) : json_null(),
		"can_grow", status->can_grow, "segments", (int)status->segments, "maps", maps);
}

static json_t *describe_packet_path(const struct control_agent *agent)
{
	const struct publish *maps = apply_maps(agent->apply);
	struct publish_status status;
	json_int_t active = 0, complete = 0;

	if (!maps || publish_get_status(maps, &status) < 0)
		return json_pack("{s:b, s:o}", "maps", 0, "program", see_program(agent->pin_dir));
	for (size_t i = 0; i < agent->zones->n; i++) {
		struct xns_zone entry;
		if (publish_zone_entry(maps, agent->zones->zone[i]->id, &entry) < 0 ||
		    entry.state != XNS_ZONE_ACTIVE ||
		    (int64_t)(entry.deadline_ns / 1000000) <= clock_boot_ms())
			continue;
		active++;
		complete += (entry.flags & XNS_ZONE_F_COMPLETE) != 0;
	}
	return json_pack("{s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "maps", 1, "program",
			 see_program(agent->pin_dir), "abi_version", (json_int_t)status.abi_version,
			 "zones", (json_int_t)status.zones, "zones_active", active,
			 "zones_complete", complete, "nodes", (json_int_t)status.map[0].entries,
			 "memory", describe_memory(&status));
}

void control_status(const struct control_agent *agent, json_t *arguments,
		    struct control_reply *reply)
{
	(void)arguments;
	reply->result = json_pack(
		"{s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "version", XNS_VERSION, "pid",
		(json_int_t)getpid(), "started_at", (json_int_t)agent->started_at, "uptime_s",
		(json_int_t)(clock_real_s() - agent->started_at), "config",
		control_text(agent->config->path), "database",
		control_text(agent->config->database), "listen", list_addresses(agent->config),
		"zones", count_zones(agent), "packet_path", describe_packet_path(agent));
}

static json_t *packet_path_counters(const struct control_agent *agent)
{
	static const char *const names[] = {
#define X(id, name, text) [XNS_##id] = name,
		XNS_COUNTERS(X)
#undef X
	};
	const struct publish *maps = apply_maps(agent->apply);
	uint64_t counts[XNS_COUNTER_COUNT];
	json_t *object;

	if (!maps || publish_counters(maps, counts) < 0)
		return json_null();
	object = json_object();
	for (size_t i = 0; i < XNS_COUNTER_COUNT; i++)
		json_object_set_new(object, names[i], json_integer(counts[i]));
	return object;
}

void control_stats(const struct control_agent *agent, json_t *arguments,
		   struct control_reply *reply)
{
	uint64_t counts[RESPOND_COUNTER_COUNT];
	json_t *responder = json_object();

	(void)arguments;
	respond_counters(agent->respond, counts);
	for (size_t i = 0; i < RESPOND_COUNTER_COUNT; i++)
		json_object_set_new(responder, respond_counter_names[i], json_integer(counts[i]));
	reply->result = json_pack("{s:o, s:o}", "packet_path", packet_path_counters(agent),
				  "responder", responder);
}

/* What a command that gives its result at once says; NULL: out of memory. */
static json_t *result_of(void (*command)(const struct control_agent *agent, json_t *arguments,
					 struct control_reply *reply),
			 const struct control_agent *agent)
{
	struct control_reply reply = {0};

	command(agent, NULL, &reply);
	return reply.result;
}

static void control_metrics(const struct control_agent *agent, json_t *arguments,
			    struct control_reply *reply)
{
	(void)arguments;
	reply->result = json_pack("{s:o, s:o}", "status", result_of(control_status, agent), "stats",
				  result_of(control_stats, agent));
}

static void control_stop_agent(const struct control_agent *agent, json_t *arguments,
			       struct control_reply *reply)
{
	(void)arguments;
	reply->result = json_pack("{s:I}", "pid", (json_int_t)getpid());
	reply->stop = agent->stop != NULL;
}

static void (*const handlers[CONTROL_COMMAND_COUNT])(const struct control_agent *agent,
						     json_t *arguments,
						     struct control_reply *reply) = {
	[CONTROL_STATUS] = control_status,
	[CONTROL_ZONE_STATUS] = control_zone_status,
	[CONTROL_ZONE_REFRESH] = control_zone_refresh,
	[CONTROL_ZONE_RETRANSFER] = control_zone_retransfer,
	[CONTROL_ZONE_NOTIFY] = control_zone_notify,
	[CONTROL_ZONE_EXPORT] = control_zone_export,
	[CONTROL_ZONE_ADD] = control_zone_add,
	[CONTROL_ZONE_REMOVE] = control_zone_remove,
	[CONTROL_ZONE_PURGE] = control_zone_purge,
	[CONTROL_RELOAD] = control_reload,
	[CONTROL_STATS] = control_stats,
	[CONTROL_METRICS] = control_metrics,
	[CONTROL_LOOKUP] = control_lookup,
	[CONTROL_STOP] = control_stop_agent,
};

void control_execute(const struct control_agent *agent, const struct control_command *command,
		     json_t *arguments, control_done done, void *done_ctx,
		     struct control_reply *ret)
{
	*ret = (struct control_reply){.done = done, .done_ctx = done_ctx};
	handlers[command - control_commands](agent, arguments, ret);
	if (!ret->result && !ret->list && !ret->export && !ret->pending && !ret->error[0])
		snprintf(ret->error, sizeof(ret->error), "out of memory");
}

void control_reply_free(struct control_reply *reply)
{
	json_decref(reply->result);
	control_export_free(reply->export);
	for (size_t i = 0; reply->zones && i < reply->n_zones; i++)
		zone_unref(reply->zones[i]);
	free(reply->zones);
	*reply = (struct control_reply){0};
}
