// SPDX-License-Identifier: GPL-3.0-or-later
/* The command lookup: what the maps hold for a name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/internal.h"

static json_t *type_name(uint16_t type)
{
	char text[32];

	if (type == 0)
		return json_string("any other");
	if (knot_rrtype_to_string(type, text, sizeof(text)) < 0)
		return json_null();
	return json_string(text);
}

static const char *rcode_name(uint8_t rcode)
{
	const knot_lookup_t *found = knot_lookup_by_id(knot_rcode_names, rcode);
	return found ? found->name : "unknown";
}

/* One blank between owner, TTL, class, type and data, which libknot puts in columns. */
static void squeeze(char *line)
{
	unsigned fields = 0;
	char *to = line;

	for (const char *from = line; *from; from++) {
		bool blank = *from == ' ' || *from == '\t';
		if (fields < 4 && blank && (from[1] == ' ' || from[1] == '\t'))
			continue;
		fields += blank;
		*to++ = *from == '\t' ? ' ' : *from;
	}
	while (to > line && to[-1] == ' ')
		to--;
	*to = '\0';
}

/* The records of a section, one string each. */
static json_t *render_section(const knot_pkt_t *pkt, knot_section_t id)
{
	const knot_pktsection_t *section = knot_pkt_section(pkt, id);
	knot_dump_style_t style = KNOT_DUMP_STYLE_DEFAULT;
	json_t *list = json_array();
	size_t size = 1024;
	char *text = malloc(size);

	style.wrap = false;
	style.show_class = true;
	for (uint16_t i = 0; text && i < section->count; i++) {
		if (knot_rrset_txt_dump(knot_pkt_rr(section, i), &text, &size, &style) < 0)
			continue;
		for (char *line = text, *end; *line; line = end + 1) {
			end = strchrnul(line, '\n');
			bool last = *end == '\0';
			*end = '\0';
			squeeze(line);
			json_array_append_new(list, control_text(line));
			if (last)
				break;
		}
	}
	free(text);
	return list;
}

static int render_message(json_t *object, const struct publish_entry *entry)
{
	uint8_t *wire = malloc(entry->message_len);
	knot_pkt_t *pkt = wire ? knot_pkt_new(wire, entry->message_len, NULL) : NULL;
	int err = -ENOMEM;

	if (!pkt)
		goto out;
	memcpy(wire, entry->message, entry->message_len);
	err = knot_pkt_parse(pkt, 0);
	if (err < 0) {
		json_object_set_new(object, "fault", json_string("the image is not a DNS message"));
		err = 0;
		goto out;
	}
	json_object_set_new(object, "answer", render_section(pkt, KNOT_ANSWER));
	json_object_set_new(object, "authority", render_section(pkt, KNOT_AUTHORITY));
	json_object_set_new(object, "additional", render_section(pkt, KNOT_ADDITIONAL));
	err = 0;
out:
	knot_pkt_free(pkt);
	free(wire);
	return err;
}

json_t *control_render_entry(const struct publish_entry *entry)
{
	bool pass = entry->type_flags & XNS_TYPE_PASS;
	const char *where = pass || !entry->map			  ? "stack"
			    : entry->type_flags & XNS_TYPE_INLINE ? "node"
								  : entry->map;
	json_t *object =
		json_pack("{s:o, s:s, s:s, s:s, s:b}", "type", type_name(entry->type), "do",
			  entry->type_flags & XNS_TYPE_DO ? "1" : "any", "answered_by",
			  pass ? "sockets" : "interface", "where", where, "above", entry->above);

	if (object && pass && entry->image_len > 0)
		json_object_set_new(object, "size", json_integer(entry->image_len));
	if (!object || pass)
		return object;
	if (!entry->message) {
		json_object_set_new(object, "fault", json_string("its image is not in the maps"));
		return object;
	}
	json_object_set_new(object, "rcode",
			    json_string(rcode_name(entry->image_flags & XNS_IMAGE_RCODE)));
	json_object_set_new(object, "aa", json_boolean(!(entry->image_flags & XNS_IMAGE_NOAA)));
	json_object_set_new(object, "zone_soa", json_boolean(entry->image_flags & XNS_IMAGE_SOA));
	json_object_set_new(object, "proofs", json_boolean(entry->image_flags & XNS_IMAGE_PROVE));
	json_object_set_new(object, "may_trim", json_boolean(entry->type_flags & XNS_TYPE_TRIM));
	json_object_set_new(object, "size", json_integer(entry->message_len));
	if (render_message(object, entry) < 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

struct search {
	json_t *types;
	int wanted; /* -1: all */
	bool found;
	json_t *other;		   /* the entries for types not listed */
	struct publish_entry node; /* the last of the name's own */
	bool was_do;		   /* the entry before was of was_type and for DO=1 */
	uint16_t was_type;
};

/* An entry behind one of its type for DO=1 is for DO=0 alone. */
static void set_do(struct search *search, const struct publish_entry *entry, json_t *item)
{
	bool is_do = entry->type_flags & XNS_TYPE_DO;

	if (search->was_do && search->was_type == entry->type && !is_do)
		json_object_set_new(item, "do", json_string("0"));
	search->was_do = is_do;
	search->was_type = entry->type;
}

static int on_entry(const struct publish_entry *entry, void *ctx)
{
	struct search *search = ctx;
	bool other = search->wanted >= 0 && entry->type == 0;
	json_t *item;

	if (!entry->above)
		search->node = *entry;
	if (!entry->is_type ||
	    (search->wanted >= 0 && entry->type != 0 && entry->type != search->wanted))
		return 0;
	item = control_render_entry(entry);
	if (!item)
		return -ENOMEM;
	set_do(search, entry, item);
	search->found |= !other;
	return json_array_append_new(other ? search->other : search->types, item) < 0 ? -ENOMEM : 0;
}

static json_t *node_flags(uint8_t flags)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = {
		{XNS_NODE_CNAME, "cname"},	 {XNS_NODE_CUT, "cut"},	  {XNS_NODE_DNAME, "dname"},
		{XNS_NODE_WILDCARD, "wildcard"}, {XNS_NODE_PASS, "pass"},
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (flags & names[i].flag)
			json_array_append_new(list, json_string(names[i].name));
	return list;
}

static const struct zone *zone_by_id(const struct zone_table *zones, uint32_t id)
{
	for (size_t i = 0; i < zones->n; i++)
		if (zones->zone[i]->id == id)
			return zones->zone[i];
	return NULL;
}

static int get_flags(const struct publish_entry *entry, void *ctx)
{
	if (!entry->above)
		*(uint8_t *)ctx = entry->node_flags;
	return 0;
}

/* Of a name that is not in the maps of a complete zone: what is next above it, as the packet path
 * looks for it, and what that makes of the question. */
static void describe_encloser(const struct publish *maps, const struct zone *zone,
			      const knot_dname_t *name, char *ret_fate, size_t size)
{
	char text[KNOT_DNAME_TXT_MAXLEN + 1] = "?";
	uint8_t flags = 0;

	do {
		name = knot_wire_next_label(name, NULL);
	} while (publish_lookup(maps, name, get_flags, &flags) < 0 &&
		 !knot_dname_is_equal(name, zone->apex));
	knot_dname_to_str(text, name, sizeof(text));
	if (flags & XNS_NODE_PASS)
		snprintf(ret_fate, size, "the sockets answer what is below %.280s", text);
	else if (flags & XNS_NODE_CUT)
		snprintf(ret_fate, size, "%.280s is a delegation: its referral answers", text);
	else if (flags & XNS_NODE_DNAME)
		snprintf(ret_fate, size, "%.280s is a DNAME: the sockets answer", text);
	else if (flags & XNS_NODE_WILDCARD)
		snprintf(ret_fate, size, "the wildcard *.%.280s answers", text);
	else
		snprintf(ret_fate, size,
			 "the name does not exist (NXDOMAIN, closest encloser %.280s)", text);
}

/* A name that is not in the maps: what a client gets. */
static void describe_absent(const struct control_agent *agent, const knot_dname_t *name,
			    const char *name_text, struct control_reply *reply)
{
	const struct zone *zone = zone_table_find(agent->zones, name);
	json_t *maps = zone ? control_zone_maps(agent, zone) : NULL;
	const char *state = json_string_value(json_object_get(maps, "state"));
	const char *fate = "the zone is not in the maps, the sockets answer it";
	char text[400];

	if (!zone)
		fate = "it is in no zone that is held: REFUSED";
	else if (state && strcmp(state, "active") != 0)
		fate = "the zone is not in force there, the sockets answer it";
	else if (state && !json_is_true(json_object_get(maps, "complete")))
		fate = "the zone is not complete there, the sockets answer it";
	else if (state && !knot_dname_is_equal(name, zone->apex)) {
		describe_encloser(apply_maps(agent->apply), zone, name, text, sizeof(text));
		fate = text;
	}
	snprintf(reply->error, sizeof(reply->error), "%.280s is not in the maps; %s", name_text,
		 fate);
	json_decref(maps);
}

static void look_up(const struct control_agent *agent, const knot_dname_t *name, int type,
		    struct control_reply *reply)
{
	const struct publish *maps = apply_maps(agent->apply);
	struct search search = {.types = json_array(), .other = json_array(), .wanted = type};
	char text[KNOT_DNAME_TXT_MAXLEN + 1] = "?";
	const struct zone *zone;
	int err = maps ? publish_lookup(maps, name, on_entry, &search) : -ENODEV;

	knot_dname_to_str(text, name, sizeof(text));
	if (err == -ENODEV) {
		snprintf(reply->error, sizeof(reply->error),
			 "there are no maps: the packet path is not loaded (xnsload attach)");
	} else if (err == -ENOENT) {
		describe_absent(agent, name, text, reply);
	} else if (err < 0) {
		snprintf(reply->error, sizeof(reply->error), "the maps cannot be read: %s",
			 strerror(-err));
	} else {
		if (!search.found)
			json_array_extend(search.types, search.other);
		zone = zone_by_id(agent->zones, search.node.zone_id);
		reply->result =
			json_pack("{s:o, s:o, s:o, s:I, s:o, s:O}", "name", control_text(text),
				  "zone", zone ? control_text(zone->name) : json_null(), "maps",
				  zone ? control_zone_maps(agent, zone) : json_null(), "pages",
				  (json_int_t)search.node.pages, "flags",
				  node_flags(search.node.node_flags), "types", search.types);
	}
	json_decref(search.types);
	json_decref(search.other);
}

void control_lookup(const struct control_agent *agent, json_t *arguments,
		    struct control_reply *reply)
{
	const char *name_text = json_string_value(json_array_get(arguments, 0));
	const char *type_text = json_string_value(json_array_get(arguments, 1));
	knot_dname_t *name = knot_dname_from_str_alloc(name_text);
	uint16_t type = 0;

	if (!name)
		snprintf(reply->error, sizeof(reply->error), "'%.300s' is not a domain name",
			 name_text);
	else if (type_text && (knot_rrtype_from_string(type_text, &type) < 0 || type == 0))
		snprintf(reply->error, sizeof(reply->error),
			 "'%.60s' is not a record type, such as AAAA or TYPE65", type_text);
	else {
		knot_dname_to_lower(name);
		look_up(agent, name, type_text ? type : -1, reply);
	}
	knot_dname_free(name, NULL);
}
