/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the question to what answers it: the exact node, or the closest one above it that exists.
 * Follows the protocol of publication in xns_abi.h.
 */
#ifndef XNS_LOOKUP_H
#define XNS_LOOKUP_H

#include "query.h"

#define RCODE_NXDOMAIN 3
#define TICK_NS	       10000000 /* at CONFIG_HZ=100, the longest */

/* CLOCK_BOOTTIME, read once a tick: reading it in each run took a fifth of it (47 of 240 ns). */
struct clock {
	__u64 jiffies;
	__u64 boot_ns;
};

/* The zone of the nodes that this run meets, and its slot in force as first read. */
struct view {
	__u32 zone;
	__u8 current;
	__u8 known;
};

/* What is found for a question. In per-CPU memory, so that global functions can fill it. */
struct answer {
	struct view view;
	__u8 exists;	 /* the name does, else the node is its closest encloser */
	__u8 node_flags; /* XNS_NODE_* of page 0 */
	__u8 has_entry;
	__u8 reserved;
	struct xns_type entry; /* that answers the type */
	/* The node's data. The second half stays 0: for copies from any offset of the first. */
	__u8 data[2 * XNS_NODE_DATA] __attribute__((aligned(8)));
};

/* An image where it lies; with neither pointer it is in answer.data, or empty (len 0). */
struct image {
	const struct xns_image_small *small;
	const struct xns_image_large *large;
	__u32 len;
	__u32 sum; /* as xns_type.sum */
};

/* What goes behind the question. */
struct sections {
	struct xns_image_head head;
	struct image image;
	struct image soa;		/* last in the authority section; len 0: none */
	const struct xns_soa *pointers; /* of soa: where they are, and */
	__u32 shift;			/* by how much they grow */
	bool at_hand;			/* else only the stack has it */
	bool may_be_trimmed;		/* the stack can make it fit by leaving records out */
};

static __always_inline const struct xns_zone *zone_get(struct view *view, __u32 id)
{
	struct xns_zone *zone = bpf_map_lookup_elem(&zones, &id);

	if (zone && !(view->known && view->zone == id)) {
		view->zone = id;
		view->current = *(volatile __u8 *)&zone->current & 1;
		view->known = 1;
	}
	return zone;
}

/* NULL: this name (or page) does not exist in the serial in force. */
static __always_inline const struct xns_node *node_find(const struct xns_config *config,
							struct view *view,
							const struct xns_name_key *key)
{
	const struct xns_node *node;

	if (config->staging) {
		node = bpf_map_lookup_elem(&staged, key);
		if (node && zone_get(view, node->zone) && node->slot == view->current)
			return node->flags & XNS_NODE_GONE ? NULL : node;
	}
	return bpf_map_lookup_elem(&nodes, key);
}

/* The zone of the node that was found. Its slot may be known from a staged node already. */
static __always_inline void take_node(struct answer *answer, const struct xns_node *node)
{
	answer->node_flags = node->flags;
	if (!answer->view.known || answer->view.zone != node->zone) {
		answer->view.zone = node->zone;
		answer->view.known = 0;
	}
}

static __always_inline void take_entry(struct answer *answer, const struct xns_node *node,
				       const struct xns_type *entry)
{
	const __u64 *from = (const __u64 *)node->data;
	__u64 *to = (__u64 *)answer->data;

	answer->has_entry = 1;
	answer->entry = *entry;
	for (__u32 i = 0; i < XNS_NODE_DATA / sizeof(*to); i++)
		to[i] = from[i];
}

/* These stand beside a CNAME, they are not asked of its target (RFC 4035 §2.5). */
static __always_inline bool is_beside_cname(__u16 type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC;
}

/*
 * Looks for the type on a page. true: no need to look on. Type 0, which comes first, stands for
 * every type that is not listed.
 */
static __always_inline bool page_search(struct answer *answer, const struct xns_node *node,
					__u16 type)
{
	for (int i = 0; i < XNS_NODE_TYPES; i++) {
		const struct xns_type *entry = &node->type[i];

		if (i >= node->n_types)
			return false;
		if (entry->type > type)
			return true;
		if (entry->type == type || (!entry->type && !is_beside_cname(type)))
			take_entry(answer, node, entry);
		if (entry->type == type)
			return true;
	}
	return false;
}

/* The node of exactly QNAME. Returns an enum xns_counter: UNDECIDED or why not to go on. */
__noinline int lookup_exact(const struct xns_config *config, const struct query *query,
			    struct answer *answer)
{
	struct xns_name_key key = {};

	if (!config || !query || !answer)
		return XNS_PASS_INTERNAL;
	if (query->labels > config->max_labels)
		return UNDECIDED;
	if (query_name_key(query, config, 0, &key))
		return XNS_PASS_INTERNAL;
	for (int page = 0; page < XNS_NODE_PAGES; page++) {
		const struct xns_node *node = node_find(config, &answer->view, &key);

		if (!node)
			return page ? XNS_PASS_CHANGING : UNDECIDED;
		if (node->labels != query->labels)
			return XNS_PASS_CHANGING;
		if (!page) {
			answer->exists = 1;
			take_node(answer, node);
		}
		if (page_search(answer, node, query->type) || !(node->flags & XNS_NODE_MORE))
			return UNDECIDED;
		key.hash[1]++;
	}
	return UNDECIDED;
}

/* The closest encloser of QNAME: the longest name above it that exists (RFC 4592 §3.3.1). */
__noinline int lookup_encloser(const struct xns_config *config, const struct query *query,
			       struct answer *answer)
{
	struct xns_name_key key = {};
	__u32 skip;

	if (!config || !query || !answer)
		return XNS_PASS_INTERNAL;
	/* No node has more labels than max_labels: begin there. */
	skip = query->labels > config->max_labels ? query->labels - config->max_labels : 1;
	for (int i = 0; i < XNS_NAME_LABELS; i++, skip++) {
		const struct xns_node *node;

		if (skip > query->labels)
			return XNS_PASS_NO_ZONE;
		if (query_name_key(query, config, query->label[skip & XNS_NAME_LABELS], &key))
			return XNS_PASS_INTERNAL;
		node = node_find(config, &answer->view, &key);
		if (!node)
			continue;
		if (node->labels != query->labels - skip)
			return XNS_PASS_CHANGING;
		take_node(answer, node);
		return UNDECIDED;
	}
	return XNS_PASS_NO_ZONE;
}

/* What was read may be a tick old: rather a tick too early than past the deadline. */
static __always_inline bool is_past(struct clock *clock, __u64 deadline_ns)
{
	__u64 jiffies = bpf_jiffies64();

	if (clock->jiffies != jiffies) {
		clock->jiffies = jiffies;
		clock->boot_ns = bpf_ktime_get_boot_ns();
	}
	return clock->boot_ns + TICK_NS >= deadline_ns;
}

/* May the zone be answered from at all? */
static __always_inline enum xns_counter zone_check(const struct xns_zone *zone, struct clock *clock)
{
	if (zone->state == XNS_ZONE_EXPIRED)
		return XNS_PASS_EXPIRED;
	if (zone->state != XNS_ZONE_ACTIVE)
		return XNS_PASS_NOT_READY;
	if (is_past(clock, zone->deadline_ns))
		return XNS_PASS_EXPIRED;
	return UNDECIDED;
}

/* What the node says about names that are answered by it (exists) or below it. */
static __always_inline enum xns_counter node_check(const struct query *query,
						   const struct answer *answer,
						   const struct xns_zone *zone)
{
	if (answer->node_flags & XNS_NODE_PASS)
		return XNS_PASS_NODE;
	if (answer->node_flags & XNS_NODE_CUT)
		return XNS_PASS_REFERRAL;
	if (!answer->exists && answer->node_flags & XNS_NODE_DNAME)
		return XNS_PASS_DNAME;
	if (!answer->exists && answer->node_flags & XNS_NODE_WILDCARD)
		return XNS_PASS_WILDCARD;
	if (query->dnssec_ok && zone->flags & XNS_ZONE_F_SIGNED)
		return XNS_PASS_DNSSEC;
	if (answer->exists) {
		/* DS at an apex is the parent's, which may be held too (RFC 4035 §3.1.4.1). */
		if (query->type == TYPE_DS && query->name_len == zone->apex_len)
			return XNS_PASS_NODE;
		return answer->has_entry ? XNS_ANSWER_POSITIVE : XNS_ANSWER_NODATA;
	}
	return zone->flags & XNS_ZONE_F_COMPLETE ? XNS_ANSWER_NXDOMAIN : XNS_PASS_NOT_READY;
}

/* Images are found by their content: one that is missing was replaced just now. */
static __always_inline enum xns_counter image_find(struct image *ret, const __u64 hash[2],
						   __u32 len, bool is_large)
{
	struct xns_image_key key = {.hash = {hash[0], hash[1]}};

	if (len > (is_large ? XNS_IMAGE_LARGE_MAX : XNS_IMAGE_SMALL_MAX))
		return XNS_PASS_INTERNAL;
	ret->len = len;
	if (is_large)
		ret->large = bpf_map_lookup_elem(&images_large, &key);
	else
		ret->small = bpf_map_lookup_elem(&images_small, &key);
	return ret->large || ret->small ? UNDECIDED : XNS_PASS_CHANGING;
}

/* The image of the entry that was found: in the node, or one read further. */
static __always_inline enum xns_counter take_image(const struct answer *answer,
						   struct sections *ret)
{
	__u32 off = answer->entry.off;
	enum xns_counter fate;

	ret->may_be_trimmed = answer->entry.flags & XNS_TYPE_TRIM;
	ret->image.len = answer->entry.len;
	ret->image.sum = answer->entry.sum;
	if (answer->entry.flags & XNS_TYPE_PASS) {
		ret->at_hand = false;
		return ret->image.len ? UNDECIDED : XNS_PASS_NODE;
	}
	if (off > XNS_NODE_DATA - sizeof(ret->head))
		return XNS_PASS_INTERNAL;
	if (answer->entry.flags & XNS_TYPE_INLINE) {
		if (off + sizeof(ret->head) + ret->image.len > XNS_NODE_DATA)
			return XNS_PASS_INTERNAL;
		ret->head = *(const struct xns_image_head *)(answer->data + off);
		return UNDECIDED;
	}
	fate = image_find(&ret->image, (const __u64 *)(answer->data + off), answer->entry.len,
			  answer->entry.flags & XNS_TYPE_LARGE);
	if (ret->image.small)
		ret->head = ret->image.small->head;
	else if (ret->image.large)
		ret->head = ret->image.large->head;
	return fate;
}

/* The zone's SOA for a negative answer. Its pointers lead into QNAME's end, which is the apex. */
static __always_inline enum xns_counter take_soa(const struct query *query,
						 const struct xns_zone *zone, __u32 slot,
						 struct sections *ret)
{
	const struct xns_soa *soa = &zone->soa[slot & 1];
	__u32 len = soa->len;

	if (!len)
		return XNS_PASS_NODE;
	if (query->name_len < zone->apex_len)
		return XNS_PASS_CHANGING;
	ret->pointers = soa;
	ret->shift = query->name_len - zone->apex_len;
	ret->soa.sum = soa->sum;
	return image_find(&ret->soa, soa->hash, len, len > XNS_IMAGE_SMALL_MAX);
}

/* What answers the question: XNS_ANSWER_* and the sections, or why the stack has to. */
static __always_inline enum xns_counter lookup(const struct xns_config *config,
					       const struct query *query, struct clock *clock,
					       struct answer *answer, struct sections *ret)
{
	const struct xns_zone *zone;
	enum xns_counter kind, fate;

	answer->view.known = 0;
	answer->exists = 0;
	answer->has_entry = 0;
	fate = lookup_exact(config, query, answer);
	if (fate == UNDECIDED && !answer->exists)
		fate = lookup_encloser(config, query, answer);
	if (fate != UNDECIDED)
		return fate;

	zone = zone_get(&answer->view, answer->view.zone);
	if (!zone) /* removed just now */
		return XNS_PASS_CHANGING;
	fate = zone_check(zone, clock);
	if (fate != UNDECIDED)
		return fate;
	kind = node_check(query, answer, zone);
	if (kind == XNS_ANSWER_POSITIVE) {
		fate = take_image(answer, ret);
	} else if (fate_is_answer(kind)) {
		ret->head.flags = XNS_IMAGE_SOA;
		if (kind == XNS_ANSWER_NXDOMAIN)
			ret->head.flags |= RCODE_NXDOMAIN;
	} else {
		return kind;
	}
	if (fate == UNDECIDED && ret->head.flags & XNS_IMAGE_SOA)
		fate = take_soa(query, zone, answer->view.current, ret);
	return fate == UNDECIDED ? kind : fate;
}

#endif
