/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The most common reply in few steps: what a node itself has for the type, with nothing to move, to
 * put in between or to prove; then the OPT. It is what lookup.h, body.h and reply.h would make of
 * it; all that is out of the ordinary is left to them.
 */
#ifndef XNS_PLAIN_H
#define XNS_PLAIN_H

#include "reply.h"

#define WORD 8

/* How long the frame of a plain reply may be; 0: this query has none. */
static __always_inline __u32 plain_limit(const struct xns_config *config,
					 const struct packet *packet, const struct query *query,
					 __u32 mtu)
{
	__u32 limit;

	/* DS may be for the zone above to answer; options are body.h's. */
	if (query->type == TYPE_DS || query->asks)
		return 0;
	limit = packet->message + reply_limit(config, query);
	mtu += packet->l3;
	return limit < mtu ? limit : mtu;
}

/* Is there nothing that replies from this zone have to say of it? */
static __always_inline bool plain_zone(const struct xns_zone *zone, const struct recent *recent)
{
	return zone && zone_check(zone, recent) == UNDECIDED && !(zone->flags & XNS_ZONE_F_STALE);
}

/* Where in the node the image for the type begins, with its head. 0: none that lies there. */
static __always_inline __u32 plain_find(const struct xns_node *node, const struct query *query)
{
	if (node->labels != query->labels || node->flags & (XNS_NODE_CUT | XNS_NODE_PASS))
		return 0;
	for (int i = 0; i < XNS_NODE_TYPES; i++) {
		const struct xns_type *entry = &node->type[i];

		if (i >= node->n_types)
			break;
		if (entry->type == query->type &&
		    (query->dnssec_ok || !(entry->flags & XNS_TYPE_DO)))
			return (entry->flags & ~XNS_TYPE_DO) == XNS_TYPE_INLINE ? entry->off : 0;
	}
	return 0;
}

/* Copies 8 bytes or more of a node by words, the last of which may begin in the one before. */
static __always_inline int plain_copy(const struct xns_node *node, __u32 off, __u32 len, void *to,
				      const void *end)
{
	__u32 at = 0, last = len - WORD;

	for (__u32 i = 0; i < sizeof(*node) / WORD; i++) {
		__u32 from = off + at;
		__u64 *word;

		asm volatile("" : "+r"(from), "+r"(at)); /* see store_bytes */
		if (from > sizeof(*node) - WORD || at > sizeof(*node))
			return -1;
		word = to + at;
		if ((void *)(word + 1) > end)
			return -1;
		*word = *(const __u64 *)((const __u8 *)node + from);
		if (at >= last)
			return 0;
		at = at + WORD < last ? at + WORD : last;
	}
	return -1;
}

/* The OPT behind what was copied; adds its sum. */
static __always_inline int plain_opt(struct xdp_md *ctx, const struct xns_config *config,
				     const struct query *query, __u32 offset, __u64 *sum)
{
	void *to = packet_at(ctx, offset, OPT_LEN);
	__u64 word = opt_word(config, query);

	if (!to)
		return -1;
	*(__u64 *)to = word;
	*(__u64 *)(to + OPT_LEN - WORD) = word >> 8 * (OPT_LEN - WORD);
	*sum += sum_at(sum_word(word), offset);
	return 0;
}

/*
 * Turns the query into the reply, if it has a plain one; else nothing has happened: UNDECIDED.
 * node: NULL if there is none; zone: the node's.
 */
static __always_inline enum xns_counter plain_reply(
	struct xdp_md *ctx, const struct xns_config *config, const struct packet *packet,
	const struct query *query, const struct recent *recent, const struct xns_node *node,
	const struct xns_zone *zone, __u32 limit)
{
	__u32 off, len, front_len, frame_len;
	const struct xns_image_head *head;
	__u64 sum;

	if (!limit || !node || !plain_zone(zone, recent))
		return UNDECIDED;
	off = plain_find(node, query);
	if (!off)
		return UNDECIDED;
	asm volatile("" : "+r"(off)); /* see store_bytes */
	if (off > sizeof(*node) - sizeof(*head))
		return UNDECIDED;
	head = (const struct xns_image_head *)((const __u8 *)node + off);
	off += sizeof(*head);
	len = head->len;
	if (head->flags || len < WORD || off + len > sizeof(*node))
		return UNDECIDED;
	front_len = packet->message + question_end(query);
	frame_len = front_len + len + (query->has_edns ? OPT_LEN : 0);
	if (frame_len > limit || bpf_xdp_adjust_tail(ctx, (int)(frame_len - packet->frame_len)))
		return UNDECIDED;

	sum = query->sum + sum_at(head->sum, front_len);
	if (plain_copy(node, off, len, (void *)(long)ctx->data + (front_len & FRAME_MAX),
		       (void *)(long)ctx->data_end) ||
	    (query->has_edns && plain_opt(ctx, config, query, front_len + len, &sum)) ||
	    write_front(ctx, packet, frame_len - packet->message + sizeof(struct udphdr),
			FLAG_QR | FLAG_AA, head->ancount << 8,
			head->nscount << 8 | (head->arcount + query->has_edns) << 24, sum))
		return XNS_DROP_WRITE;
	return XNS_ANSWER_POSITIVE;
}

#endif
