/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the maps, for people. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

#include "publish/grow.h"

int publish_counters(const struct publish *p, uint64_t *ret_counts)
{
	uint64_t *per_cpu = calloc(p->n_cpus, sizeof(*per_cpu));
	int ret = per_cpu == NULL ? -ENOMEM : 0;

	for (uint32_t i = 0; ret == 0 && i < XNS_COUNTER_COUNT; i++) {
		ret = bpf_map_lookup_elem(p->fd[MAP_COUNTERS], &i, per_cpu);
		ret_counts[i] = 0;
		for (int cpu = 0; ret == 0 && cpu < p->n_cpus; cpu++)
			ret_counts[i] += per_cpu[cpu];
	}
	free(per_cpu);
	return ret;
}

_Static_assert(PUBLISH_SEGMENTED_MAPS == (int)SEGMENTED_MAPS, "all are told of");

static void count_map(const struct publish *p, enum segmented map, struct publish_map *ret)
{
	const struct segment_kind *kind = &segment_kinds[map];

	ret->name = kind->name;
	for (unsigned i = 0; i < XNS_SEGMENTS; i++) {
		ret->entries += p->segment[map][i].n;
		ret->entries_max += p->segment[map][i].max_entries;
	}
	ret->bytes = ret->entries * kind->element_bytes + ret->entries_max * SEGMENT_BUCKET_BYTES;
}

int publish_get_status(const struct publish *p, struct publish_status *ret)
{
	uint32_t *ids;
	size_t n;
	int err = maps_zone_ids(p, &ids, &n);

	if (err < 0)
		return err;
	free(ids);
	*ret = (struct publish_status){
		.abi_version = p->config->abi_version,
		.zones = n,
		.segments = XNS_SEGMENTS,
		.bytes = grow_bytes(p),
		.bytes_max = grow_max_bytes(p),
		.can_grow = grow_is_possible(p),
	};
	for (unsigned map = 0; map < SEGMENTED_MAPS; map++)
		count_map(p, map, &ret->map[map]);
	return 0;
}

int publish_zone_entry(const struct publish *p, uint32_t zone_id, struct xns_zone *ret)
{
	return maps_zone_get(p, zone_id, ret);
}

/* A page as a run of the program would find it. */
static int find_page(const struct publish *p, struct xns_name_key key, struct xns_node *ret)
{
	struct xns_zone entry;

	if (p->config->staging && maps_node_get(p, MAP_STAGED, key, ret) == 0 &&
	    maps_zone_get(p, ret->zone, &entry) == 0 && entry.current == ret->slot)
		return ret->flags & XNS_NODE_GONE ? -ENOENT : 0;
	return maps_node_get(p, MAP_NODES, key, ret);
}

struct lookup {
	const struct publish *p;
	const knot_dname_t *name;
	int (*fn)(const struct publish_entry *entry, void *ctx);
	void *ctx;
	struct publish_entry entry;
	uint8_t message[KNOT_WIRE_HEADER_SIZE + KNOT_DNAME_MAXLEN + 4 + XNS_IMAGE_LARGE_MAX];
};

/* header, question, image: what a client would get, as far as the image goes. */
static void build_message(struct lookup *l, const struct xns_image_head *head, const uint8_t *bytes)
{
	size_t name_len = knot_dname_size(l->name), at = KNOT_WIRE_HEADER_SIZE;
	uint8_t *message = l->message;

	memset(message, 0, KNOT_WIRE_HEADER_SIZE);
	knot_wire_set_qr(message);
	if (!(head->flags & XNS_IMAGE_NOAA))
		knot_wire_set_aa(message);
	knot_wire_set_rcode(message, head->flags & XNS_IMAGE_RCODE);
	knot_wire_set_qdcount(message, 1);
	knot_wire_set_ancount(message, head->ancount);
	knot_wire_set_nscount(message, head->nscount);
	knot_wire_set_arcount(message, head->arcount);
	memcpy(message + at, l->name, name_len);
	at += name_len;
	knot_wire_write_u16(message + at, l->entry.type);
	knot_wire_write_u16(message + at + 2, KNOT_CLASS_IN);
	at += 4;
	memcpy(message + at, bytes, head->len);
	l->entry.message = message;
	l->entry.message_len = at + head->len;
}

static const char *image_map_name(const struct xns_image_key *key)
{
	static const char *const name[] = {"images_tiny", "images_small", "images_large"};
	enum map_id map = maps_image_map(key);

	return map == MAP_COUNT ? "no map" : name[map - MAP_IMAGES_TINY];
}

static void read_image(struct lookup *l, struct xns_name_key key, const struct xns_node *page,
		       const struct xns_type *type)
{
	struct xns_image_key image = {.owner = key.hash[0]};
	const uint8_t *bytes = (const uint8_t *)page;
	size_t at = type->off + sizeof(struct xns_image_head);
	struct xns_image_large value;
	struct xns_image_head head;

	l->entry.message = NULL;
	l->entry.message_len = 0;
	l->entry.map = NULL;
	l->entry.image_flags = 0;
	l->entry.image_len = 0;
	if (at > sizeof(*page))
		return;
	memcpy(&head, bytes + type->off, sizeof(head));
	l->entry.image_flags = head.flags;
	l->entry.image_len = head.len;
	if (type->flags & XNS_TYPE_PASS)
		return;
	if (type->flags & XNS_TYPE_INLINE) {
		l->entry.map = "nodes";
		if (head.flags & XNS_IMAGE_LAYOUT)
			at += sizeof(struct xns_image_layout);
		if (at + head.len <= sizeof(*page))
			build_message(l, &head, bytes + at);
		return;
	}
	if (at + sizeof(image.content) > sizeof(*page))
		return;
	memcpy(&image.content, bytes + at, sizeof(image.content));
	l->entry.map = image_map_name(&image);
	if (head.len <= XNS_IMAGE_LARGE_MAX && maps_image_get(l->p, &image, &value) == 0)
		build_message(l, &head, value.bytes);
}

static int each_page(struct lookup *l, struct xns_name_key key)
{
	struct publish_entry *entry = &l->entry;
	struct xns_node page;
	int ret = find_page(l->p, key, &page);

	if (ret < 0)
		return ret;
	*entry = (struct publish_entry){
		.zone_id = page.zone,
		.node_flags = page.flags & ~XNS_NODE_MORE,
		.above = entry->above,
	};
	while (ret == 0) {
		entry->pages++;
		for (unsigned i = 0; ret == 0 && i < page.n_types && i < XNS_NODE_TYPES; i++) {
			entry->is_type = true;
			entry->type = page.type[i].type;
			entry->type_flags = page.type[i].flags;
			read_image(l, key, &page, &page.type[i]);
			ret = l->fn(entry, l->ctx);
		}
		if (ret != 0 || !(page.flags & XNS_NODE_MORE) || entry->pages == XNS_NODE_PAGES)
			break;
		ret = find_page(l->p, image_page_key(key, entry->pages), &page);
	}
	return ret == 0 && !entry->is_type ? l->fn(entry, l->ctx) : ret;
}

int publish_lookup(const struct publish *p, const knot_dname_t *name,
		   int (*fn)(const struct publish_entry *entry, void *ctx), void *ctx)
{
	struct lookup l = {.p = p, .name = name, .fn = fn, .ctx = ctx};
	struct xns_name_key key;
	int ret;

	image_name_key(&p->config->key, name, &key);
	ret = each_page(&l, key);
	if (ret != 0)
		return ret;
	l.entry.above = true;
	key.hash[0] ^= XNS_KEY_ABOVE;
	ret = each_page(&l, key);
	return ret == -ENOENT ? 0 : ret;
}
