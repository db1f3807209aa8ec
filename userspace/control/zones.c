// SPDX-License-Identifier: GPL-3.0-or-later
/* The commands about zones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/internal.h"

static const char *const map_states[] = {
	[XNS_ZONE_LOADING] = "loading",
	[XNS_ZONE_ACTIVE] = "active",
	[XNS_ZONE_EXPIRED] = "expired",
};

static void list_zones(const struct zone_table *zones, char *text, size_t size)
{
	size_t len = 0, i;

	for (i = 0; i < zones->n && i < 8 && len < size; i++)
		len += snprintf(text + len, size - len, "%s%.60s", i ? ", " : "",
				zones->zone[i]->name);
	if (i < zones->n && len < size)
		snprintf(text + len, size - len, " and %zu more", zones->n - i);
}

struct zone *control_zone_find(const struct control_agent *agent, const char *name,
			       struct control_reply *reply)
{
	knot_dname_t *apex = knot_dname_from_str_alloc(name);
	struct zone *zone = NULL, *above;

	if (!apex) {
		snprintf(reply->error, sizeof(reply->error), "'%.300s' is not a domain name", name);
		return NULL;
	}
	knot_dname_to_lower(apex);
	zone = zone_table_get(agent->zones, apex);
	above = zone ? NULL : zone_table_find(agent->zones, apex);
	if (above) {
		snprintf(reply->error, sizeof(reply->error),
			 "'%.250s' is not a zone here; it lies in the zone %s", name, above->name);
	} else if (!zone) {
		char names[640];
		list_zones(agent->zones, names, sizeof(names));
		snprintf(reply->error, sizeof(reply->error),
			 "'%.80s' is not a zone here; there are %s", name, names);
	}
	knot_dname_free(apex, NULL);
	return zone;
}

/* The zones that are named, or all: an array to be freed. 0, or -1: reply->error. */
static int named_zones(const struct control_agent *agent, json_t *arguments,
		       struct control_reply *reply)
{
	size_t n = json_array_size(arguments);
	bool all =
		n == 0 || strcmp(json_string_value(json_array_get(arguments, 0)), CONTROL_ALL) == 0;

	if (all && n > 1) {
		snprintf(reply->error, sizeof(reply->error), "either %s or zones, not both",
			 CONTROL_ALL);
		return -1;
	}
	if (all)
		n = agent->zones->n;
	reply->zones = calloc(n + 1, sizeof(struct zone *));
	if (!reply->zones)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct zone *zone =
			all ? agent->zones->zone[i]
			    : control_zone_find(agent,
						json_string_value(json_array_get(arguments, i)),
						reply);

		if (!zone)
			return -1;
		reply->zones[reply->n_zones++] = zone_ref(zone);
	}
	return 0;
}

/* How negative answers with DO=1 are proved. */
static const char *const denials[] = {
	[XNS_DENIAL_NONE] = "none",
	[XNS_DENIAL_NSEC] = "nsec",
	[XNS_DENIAL_NSEC3] = "nsec3",
	[XNS_DENIAL_STACK] = "sockets",
};

json_t *control_zone_maps(const struct control_agent *agent, const struct zone *zone)
{
	const struct publish *maps = apply_maps(agent->apply);
	const struct xns_version *version;
	struct xns_zone entry;
	int64_t left_ms;
	const char *state, *denial;

	if (!maps || publish_zone_entry(maps, zone->id, &entry) < 0)
		return json_null();
	/* The program holds to the deadline whatever the state says. */
	left_ms = (int64_t)(entry.deadline_ns / 1000000) - clock_boot_ms();
	state = (unsigned)entry.state <= XNS_ZONE_EXPIRED ? map_states[entry.state] : "unknown";
	if (entry.state == XNS_ZONE_ACTIVE && left_ms <= 0)
		state = map_states[XNS_ZONE_EXPIRED];
	version = &entry.version[entry.current & 1];
	denial = version->denial <= XNS_DENIAL_STACK ? denials[version->denial] : "unknown";
	return json_pack(
		"{s:s, s:I, s:b, s:b, s:b, s:s, s:I, s:o}", "state", state, "serial",
		(json_int_t)version->serial, "complete", (entry.flags & XNS_ZONE_F_COMPLETE) != 0,
		"stale", (entry.flags & XNS_ZONE_F_STALE) != 0, "signed",
		version->denial != XNS_DENIAL_NONE, "denial", denial, "generation",
		(json_int_t)entry.generation, "expires_in_s",
		entry.state == XNS_ZONE_LOADING ? json_null() : json_integer(left_ms / 1000));
}

/* Who gives the answers, in words. */
static const char *answered_by(enum zone_state state, json_t *maps)
{
	const char *map_state = json_string_value(json_object_get(maps, "state"));

	if (state != ZONE_ACTIVE)
		return "SERVFAIL";
	if (!map_state || strcmp(map_state, "active") != 0)
		return "sockets";
	return json_is_true(json_object_get(maps, "complete")) ? "interface" : "interface, in part";
}

static json_t *last_transfer(const struct refresh_status *status)
{
	const struct store_zone *stored = &status->stored;

	if (!status->has_content || stored->transferred_at == 0)
		return json_null();
	return json_pack("{s:I, s:s, s:o, s:I, s:I, s:I}", "at", (json_int_t)stored->transferred_at,
			 "kind", stored->transfer_ixfr ? "IXFR" : "AXFR", "primary",
			 control_text(stored->primary), "bytes", (json_int_t)stored->transfer_bytes,
			 "records", (json_int_t)stored->transfer_records, "duration_ms",
			 (json_int_t)stored->transfer_ms);
}

/* CLOCK_REALTIME s since when the content is overdue, or null. */
static json_t *stale_since(const struct zone *zone, int64_t now_ms)
{
	if (!zone_is_stale(zone, now_ms))
		return json_null();
	return json_integer(clock_real_s() - (now_ms - atomic_load(&zone->stale_at_ms)) / 1000);
}

static json_t *last_error(const struct refresh_status *status)
{
	if (status->last_error[0] == '\0')
		return json_null();
	return json_pack("{s:o, s:I}", "text", control_text(status->last_error), "at",
			 (json_int_t)status->last_error_at);
}

static const char *const sources[] = {
	[ZONE_FROM_CONFIG] = "config",
	[ZONE_FROM_CATALOG] = "catalog",
	[ZONE_FROM_CONTROL] = "zone-add",
};

/* CLOCK_REALTIME s, or null. */
static json_t *when(int64_t at)
{
	return at == 0 ? json_null() : json_integer(at);
}

static json_t *text_or_null(const char *text)
{
	return text && text[0] ? control_text(text) : json_null();
}

static json_t *list_primaries(const struct control_agent *agent, const struct zone *zone)
{
	size_t n = 0;
	struct refresh_primary *primary = refresh_get_primaries(agent->refresh, zone, &n);
	json_t *list = json_array();

	for (size_t i = 0; primary && i < n; i++) {
		const struct refresh_primary *p = &primary[i];

		json_array_append_new(
			list,
			json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "id",
				  control_text(p->id), "address", control_text(p->address), "tls",
				  p->tls, "asked_at", when(p->asked_at), "answered_at",
				  when(p->answered_at), "serial",
				  p->answered_at ? json_integer(p->serial) : json_null(), "error",
				  text_or_null(p->error), "error_at", when(p->error_at)));
	}
	free(primary);
	return list;
}

static json_t *list_notifies(const struct control_agent *agent, const struct zone *zone)
{
	size_t n = 0;
	struct notify_status *status = notify_get_status(agent->notify, zone, &n);
	json_t *list = json_array();

	for (size_t i = 0; status && i < n; i++) {
		const struct notify_status *s = &status[i];

		json_array_append_new(list, json_pack("{s:o, s:o, s:I, s:I, s:b, s:o}", "id",
						      control_text(s->remote), "address",
						      control_text(s->address), "serial",
						      (json_int_t)s->serial, "tries",
						      (json_int_t)s->tries, "waiting", s->waiting,
						      "error", text_or_null(s->error)));
	}
	free(status);
	return list;
}

static json_t *describe_journal(const struct refresh_status *status)
{
	const struct store_zone *stored = &status->stored;

	if (!status->has_content)
		return json_null();
	return json_pack("{s:I, s:I, s:o}", "depth", (json_int_t)stored->journal_depth, "bytes",
			 (json_int_t)stored->journal_bytes, "from_serial",
			 stored->journal_depth > 0 ? json_integer(stored->journal_serial)
						   : json_null());
}

json_t *control_zone_item(const struct control_agent *agent, const struct zone *zone)
{
	struct refresh_status status;
	int64_t now_ms = clock_boot_ms(), expires_at_ms = atomic_load(&zone->expires_at_ms);
	enum zone_state state = zone_state(zone, now_ms);
	json_t *maps = control_zone_maps(agent, zone), *item;
	const char *by = answered_by(state, maps);
	bool content = state != ZONE_EMPTY;

	refresh_get_status(agent->refresh, zone, &status);
	item = json_pack(
		"{s:o, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:o}", "zone",
		control_text(zone->name), "state", zone_state_name(state), "answered_by", by,
		"serial", content ? json_integer(atomic_load(&zone->serial)) : json_null(),
		"records",
		content && status.has_content ? json_integer(status.stored.records) : json_null(),
		"activity", status.activity, "primary",
		status.primary[0] ? control_text(status.primary) : json_null(), "last_transfer",
		last_transfer(&status), "next_refresh_s", (json_int_t)status.next_refresh_s,
		"expires_in_s",
		content ? json_integer((expires_at_ms - now_ms) / 1000) : json_null(), "stale_at",
		stale_since(zone, now_ms), "last_error", last_error(&status), "maps", maps);
	if (!item)
		return NULL;
	json_object_set_new(item, "source", json_string(sources[zone->source]));
	json_object_set_new(item, "catalog", text_or_null(zone->catalog));
	json_object_set_new(item, "primaries", list_primaries(agent, zone));
	json_object_set_new(item, "notify", list_notifies(agent, zone));
	json_object_set_new(item, "journal", describe_journal(&status));
	return item;
}

void control_zone_status(const struct control_agent *agent, json_t *arguments,
			 struct control_reply *reply)
{
	reply->list = named_zones(agent, arguments, reply) == 0;
}

static void ask_refresh(const struct control_agent *agent, json_t *arguments,
			struct control_reply *reply, bool force)
{
	const char *first = json_string_value(json_array_get(arguments, 0));
	bool all = first && strcmp(first, CONTROL_ALL) == 0;

	if (named_zones(agent, arguments, reply) < 0)
		return;
	for (size_t i = 0; i < reply->n_zones; i++) {
		if (all)
			refresh_one_of_all(agent->refresh, reply->zones[i], force);
		else if (force)
			refresh_retransfer(agent->refresh, reply->zones[i]);
		else
			refresh_now(agent->refresh, reply->zones[i]);
	}
	reply->result = json_pack("{s:I}", "zones", (json_int_t)reply->n_zones);
}

void control_zone_refresh(const struct control_agent *agent, json_t *arguments,
			  struct control_reply *reply)
{
	ask_refresh(agent, arguments, reply, false);
}

void control_zone_retransfer(const struct control_agent *agent, json_t *arguments,
			     struct control_reply *reply)
{
	ask_refresh(agent, arguments, reply, true);
}

void control_zone_notify(const struct control_agent *agent, json_t *arguments,
			 struct control_reply *reply)
{
	json_int_t n = 0;

	if (named_zones(agent, arguments, reply) < 0)
		return;
	for (size_t i = 0; i < reply->n_zones; i++) {
		struct zone *zone = reply->zones[i];

		if (zone_state(zone, clock_boot_ms()) == ZONE_EMPTY || zone->conf->n_notify == 0)
			continue;
		notify_zone(agent->notify, zone);
		n++;
	}
	reply->result = json_pack("{s:I}", "zones", n);
}

void control_zone_export(const struct control_agent *agent, json_t *arguments,
			 struct control_reply *reply)
{
	const struct zone *zone;

	if (json_array_size(arguments) != 1) {
		snprintf(reply->error, sizeof(reply->error),
			 "the file is written by xnsctl, the request has the zone alone");
		return;
	}
	zone = control_zone_find(agent, json_string_value(json_array_get(arguments, 0)), reply);
	if (zone)
		reply->export = control_export_new(agent->store, agent->config->database,
						   zone->apex, zone->name);
}
