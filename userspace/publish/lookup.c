/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the maps, for people. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

#include "publish/maps.h"

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
		.nodes = p->nodes,
		.nodes_max = p->nodes_max,
	};
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

/* header, question, image: what a client would get, as far as the sections go. */
static size_t build_message(const struct publish *p, const knot_dname_t *name,
			    const struct xns_node *page, const struct xns_type *type,
			    uint8_t *message, struct xns_image_head *ret_head)
{
	size_t name_len = knot_dname_size(name), at = KNOT_WIRE_HEADER_SIZE;
	uint8_t value[sizeof(struct xns_image_large)];
	const uint8_t *image = page->data + type->off;
	struct blob_ref ref = {.large = type->flags & XNS_TYPE_LARGE};

	if (type->flags & XNS_TYPE_INLINE) {
		if (type->off + sizeof(*ret_head) + type->len > sizeof(page->data))
			return 0;
	} else {
		if (type->off + sizeof(ref.key) > sizeof(page->data) ||
		    type->len > XNS_IMAGE_LARGE_MAX)
			return 0;
		memcpy(&ref.key, page->data + type->off, sizeof(ref.key));
		if (maps_blob_get(p, ref, value) < 0)
			return 0;
		image = value;
	}
	memcpy(ret_head, image, sizeof(*ret_head));
	memset(message, 0, KNOT_WIRE_HEADER_SIZE);
	knot_wire_set_qr(message);
	if (!(ret_head->flags & XNS_IMAGE_NOAA))
		knot_wire_set_aa(message);
	knot_wire_set_rcode(message, ret_head->flags & XNS_IMAGE_RCODE);
	knot_wire_set_qdcount(message, 1);
	knot_wire_set_ancount(message, ret_head->ancount);
	knot_wire_set_nscount(message, ret_head->nscount);
	knot_wire_set_arcount(message, ret_head->arcount);
	memcpy(message + at, name, name_len);
	at += name_len;
	knot_wire_write_u16(message + at, type->type);
	knot_wire_write_u16(message + at + 2, KNOT_CLASS_IN);
	at += 4;
	memcpy(message + at, image + sizeof(*ret_head), type->len);
	return at + type->len;
}

int publish_lookup(const struct publish *p, const knot_dname_t *name,
		   int (*fn)(const struct publish_entry *entry, void *ctx), void *ctx)
{
	uint8_t message[KNOT_WIRE_HEADER_SIZE + KNOT_DNAME_MAXLEN + 4 +
			sizeof(struct xns_image_large)];
	struct publish_entry entry = {0};
	struct xns_name_key key;
	struct xns_node page;
	int ret;

	image_name_key(p->config->key, name, &key);
	ret = find_page(p, key, &page);
	if (ret < 0)
		return ret;
	entry.zone_id = page.zone;
	entry.node_flags = page.flags & ~XNS_NODE_MORE;
	if (page.n_types == 0) {
		entry.pages = 1;
		return fn(&entry, ctx);
	}
	while (ret == 0) {
		entry.pages++;
		for (unsigned i = 0; ret == 0 && i < page.n_types && i < XNS_NODE_TYPES; i++) {
			struct xns_image_head head = {0};

			entry.type = page.type[i].type;
			entry.type_flags = page.type[i].flags;
			entry.message = NULL;
			entry.message_len = 0;
			if (!(page.type[i].flags & XNS_TYPE_PASS))
				entry.message_len = build_message(p, name, &page, &page.type[i],
								  message, &head);
			if (entry.message_len > 0)
				entry.message = message;
			entry.image_flags = head.flags;
			ret = fn(&entry, ctx);
		}
		if (ret != 0 || !(page.flags & XNS_NODE_MORE) || entry.pages == XNS_NODE_PAGES)
			break;
		ret = find_page(p, image_page_key(key, entry.pages), &page);
	}
	return ret;
}
