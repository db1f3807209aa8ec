/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only code that resizes and writes the packet, and the checksums of its headers.
 *
 *   Ethernet | tags | IP | UDP | DNS header | question || main | SOA, proofs | main | OPT
 *   <------- rewritten in place --------->  <- stays -> <------------ body ------------->
 *
 * The body is put together in per-CPU memory (body.h), then the packet is resized, then the body is
 * copied behind the question. All that can fail does so before the resize, but for bounds that the
 * verifier wants to see again.
 */
#ifndef XNS_REPLY_H
#define XNS_REPLY_H

#include "body.h"

#define TTL 64
/* Tags, IPv6, UDP, DNS header and the longest question. */
#define FRONT_MAX (14 + 4 * VLAN_TAGS + 40 + 8 + HEADER_LEN + XNS_NAME_MAX + QTAIL_LEN)

/* The reply's sizes. */
struct plan {
	__u32 mtu;	 /* what the interface carries in an IP packet */
	__u32 front_len; /* of the frame up to the end of the question */
	__u32 body_len;
	__u32 frame_len;
	__u32 udp_len;
	__u32 truncated;
	__u8 front[FRONT_MAX + 7]; /* on its way to the front of a packet that grew there */
};

/* ---- sizes ---- */

/* What the interface carries in an IP packet. */
static __always_inline __u32 mtu_get(struct xdp_md *ctx)
{
	__u32 mtu = 0;

	/* Too long by itself (a query of more than the MTU) is an answer as well: mtu is set. */
	bpf_check_mtu(ctx, 0, &mtu, 0, 0);
	return mtu;
}

static __always_inline void plan_layout(const struct packet *packet, const struct query *query,
					__u32 body_len, struct plan *ret)
{
	ret->front_len = packet->message + question_end(query);
	ret->body_len = body_len;
	ret->frame_len = ret->front_len + body_len;
	ret->udp_len = ret->frame_len - packet->message + sizeof(struct udphdr);
}

/* The longest message that the client is sent. */
static __always_inline __u32 reply_limit(const struct xns_config *config, const struct query *query)
{
	bool is_less = query->has_edns && query->udp_size > config->max_udp_size;

	return is_less ? config->max_udp_size : query->udp_size;
}

/* Does the reply fit, else what becomes of it? RFC 2181 §9, RFC 6891 §6.2.5. */
static __always_inline enum xns_counter reply_plan(const struct xns_config *config,
						   const struct packet *packet,
						   const struct query *query,
						   const struct sections *sections,
						   const struct options *options,
						   enum xns_counter fate, struct plan *ret)
{
	bool fits;

	plan_layout(packet, query, sections->head.len + sections->parts_len + options->opt_len,
		    ret);
	ret->truncated = 0;
	fits = ret->udp_len - sizeof(struct udphdr) <= reply_limit(config, query);
	/* What is no longer than the query has come through the interface already. */
	if (fits && ret->frame_len > packet->frame_len)
		fits = ret->frame_len - packet->l3 <= ret->mtu;
	if (fits ? !sections->at_hand : sections->may_be_trimmed)
		return XNS_PASS_NODE;
	if (fits)
		return fate;
	plan_layout(packet, query, options->opt_len, ret);
	ret->truncated = 1;
	return XNS_ANSWER_TRUNCATED;
}

/* ---- resize ---- */

/*
 * Writes 1 to max bytes. For 6.1, which learns nothing from len != 0 and loses bounds in spills,
 * the range is checked on len - 1, in the register that is used.
 */
static __always_inline int store_bytes(struct xdp_md *ctx, __u32 offset, const void *from,
				       __u32 len, __u32 max)
{
	__u32 less = len - 1;

	asm volatile("" : "+r"(less));
	if (less >= max)
		return -1;
	return bpf_xdp_store_bytes(ctx, offset, (void *)from, less + 1);
}

/* The same by words, for 8 bytes or more. */
static __always_inline int store_words(struct xdp_md *ctx, __u32 offset, const struct body *body)
{
	void *to = (void *)(long)ctx->data + (offset & FRAME_MAX);
	void *end = (void *)(long)ctx->data_end;
	__u32 last = body->len - 8;

	for (__u32 at = 0; at < WORDS_MAX; at += 8) {
		if (at >= last)
			break;
		if (to + at + 8 > end)
			return -1;
		*(__u64 *)(to + at) = *(const __u64 *)(body->bytes + at);
	}
	asm volatile("" : "+r"(last));
	if (last > WORDS_MAX)
		return -1;
	to += last;
	if (to + 8 > end)
		return -1;
	*(__u64 *)to = *(const __u64 *)(body->bytes + last);
	return 0;
}

static __always_inline int store_body(struct xdp_md *ctx, __u32 offset, const struct body *body)
{
	if (!body->len)
		return 0;
	if (body->len >= 8 && body->len <= WORDS_MAX)
		return store_words(ctx, offset, body);
	return store_bytes(ctx, offset, body->bytes, body->len, BODY_MAX);
}

/* The packet grew at its head: bring the headers and the question there. */
static __always_inline enum xns_counter move_front(struct xdp_md *ctx, struct plan *plan,
						   __u32 from)
{
	__u32 less = plan->front_len - 1;

	asm volatile("" : "+r"(less)); /* see store_bytes */
	if (less >= FRONT_MAX || bpf_xdp_load_bytes(ctx, from, plan->front, less + 1) ||
	    store_bytes(ctx, 0, plan->front, plan->front_len, FRONT_MAX))
		return XNS_DROP_WRITE;
	return UNDECIDED;
}

/*
 * Brings the frame to the planned length: at the tail; where there is no room (veth), at the head;
 * or at the head as far as that goes (its room is not told: 208 bytes on veth, less where a driver
 * keeps some) and the rest at the tail. On failure the packet is what it was.
 */
static __always_inline enum xns_counter reply_resize(struct xdp_md *ctx,
						     const struct packet *packet, struct plan *plan)
{
	static const __u16 parts[] = {208, 192, 160, 128, 64};
	int grow = (int)plan->frame_len - (int)packet->frame_len;

	if (!grow || !bpf_xdp_adjust_tail(ctx, grow))
		return UNDECIDED;
	if (grow < 0)
		return XNS_PASS_INTERNAL;
	if (!bpf_xdp_adjust_head(ctx, -grow))
		return move_front(ctx, plan, grow);
	for (int i = 0; i < (int)(sizeof(parts) / sizeof(parts[0])); i++) {
		int part = parts[i];

		if (part >= grow || bpf_xdp_adjust_head(ctx, -part))
			continue;
		if (!bpf_xdp_adjust_tail(ctx, grow - part))
			return move_front(ctx, plan, part);
		if (bpf_xdp_adjust_head(ctx, part))
			return XNS_DROP_WRITE;
	}
	return XNS_PASS_NO_ROOM;
}

/* ---- write ---- */

/* A pointer to `size` bytes of the packet at `offset`, or NULL. */
static __always_inline void *packet_at(struct xdp_md *ctx, __u32 offset, __u32 size)
{
	void *at = (void *)(long)ctx->data + (offset & FRAME_MAX);

	return at + size > (void *)(long)ctx->data_end ? NULL : at;
}

/*
 * The DNS header; adds its sum. flags: without RD. ancount; counts, of authority and additional
 * section: as they stand on the wire. RA and AD are clear, and CD: RFC 4035 §3.1.6, Knot DNS and
 * NSD do so (BIND copies it).
 */
static __always_inline int write_header(struct xdp_md *ctx, const struct packet *packet,
					__u32 flags, __u32 ancount, __u32 counts, __u64 *sum)
{
	struct dns_header *header = packet_at(ctx, packet->message, sizeof(*header));

	if (!header)
		return -1;
	flags |= header->flags[0] & FLAG_RD;
	*(__u16 *)header->flags = flags;
	header->ancount = ancount;
	*(__u32 *)&header->nscount = counts;
	/* Of what was just written: to read it back would wait for it. */
	*sum += (__u64)header->id + header->qdcount + flags + ancount + counts;
	return 0;
}

/* The IPv4 header; adds the sum of the pseudo header's addresses. */
static __always_inline int write_ipv4(struct xdp_md *ctx, const struct packet *packet,
				      __u32 udp_len, __u64 *sum)
{
	struct iphdr *ip = packet_at(ctx, packet->l3, sizeof(*ip));
	__be32 from, to;
	__be16 tot_len;
	__u64 addresses;

	if (!ip)
		return -1;
	from = ip->saddr;
	to = ip->daddr;
	tot_len = bpf_htons(sizeof(*ip) + udp_len);
	addresses = (__u64)from + to;
	ip->saddr = to;
	ip->daddr = from;
	ip->tos = 0;
	ip->tot_len = tot_len;
	ip->id = 0;
	ip->frag_off = 0;
	ip->ttl = TTL;
	/* Of its words, of which the others are 0; version, IHL and protocol were checked. */
	ip->check = ~sum_fold(addresses + tot_len + bpf_htons(4 << 12 | 5 << 8) +
			      bpf_htons(TTL << 8 | IPPROTO_UDP));
	*sum += addresses;
	return 0;
}

static __always_inline int write_ipv6(struct xdp_md *ctx, const struct packet *packet,
				      __u32 udp_len, __u64 *sum)
{
	struct ipv6hdr *ip = packet_at(ctx, packet->l3, sizeof(*ip));

	if (!ip)
		return -1;
	*(__be32 *)ip = bpf_htonl(6 << 28); /* traffic class and flow label 0 */
	ip->payload_len = bpf_htons(udp_len);
	ip->hop_limit = TTL;
	for (int i = 0; i < 4; i++) {
		__u32 from = ip->saddr.in6_u.u6_addr32[i], to = ip->daddr.in6_u.u6_addr32[i];

		ip->saddr.in6_u.u6_addr32[i] = to;
		ip->daddr.in6_u.u6_addr32[i] = from;
		*sum += (__u64)from + to;
	}
	return 0;
}

/* The UDP header, with the checksum over sum (addresses and message) and what it adds itself. */
static __always_inline int write_udp(struct xdp_md *ctx, const struct packet *packet, __u32 udp_len,
				     __u64 sum)
{
	struct udphdr *udp = packet_at(ctx, packet->message - sizeof(*udp), sizeof(*udp));
	__be16 from;
	__u16 check;

	if (!udp)
		return -1;
	from = udp->source;
	udp->source = udp->dest;
	udp->dest = from;
	udp->len = bpf_htons(udp_len);
	/* The length is in the pseudo header as well, with the protocol. */
	sum += udp->source + udp->dest + 2 * udp->len + bpf_htons(IPPROTO_UDP);
	check = ~sum_fold(sum);
	udp->check = check ? check : 0xffff; /* 0 would say "none", RFC 768 */
	return 0;
}

static __always_inline int write_ethernet(struct xdp_md *ctx)
{
	__u16 *half = packet_at(ctx, 0, sizeof(struct ethhdr));

	if (!half)
		return -1;
	for (int i = 0; i < ETH_ALEN / 2; i++) { /* by bytes, left to the compiler */
		__u16 to = half[i], from = half[i + ETH_ALEN / 2];

		half[i] = from;
		half[i + ETH_ALEN / 2] = to;
	}
	return 0;
}

/* What goes before the question, when that and all behind it is there, and in sum. */
static __always_inline int write_front(struct xdp_md *ctx, const struct packet *packet,
				       __u32 udp_len, __u32 flags, __u32 ancount, __u32 counts,
				       __u64 sum)
{
	if (write_header(ctx, packet, flags, ancount, counts, &sum) ||
	    (packet->ipv6 ? write_ipv6(ctx, packet, udp_len, &sum)
			  : write_ipv4(ctx, packet, udp_len, &sum)) ||
	    write_udp(ctx, packet, udp_len, sum))
		return -1;
	return write_ethernet(ctx);
}

/* Turns the query into the reply, or passes it up as it came. fate: XNS_ANSWER_*. */
static __always_inline enum xns_counter reply(struct xdp_md *ctx, const struct xns_config *config,
					      const struct packet *packet,
					      const struct query *query,
					      const struct answer *answer,
					      const struct denial *denial,
					      const struct sections *sections, struct plan *plan,
					      struct body *body, enum xns_counter fate)
{
	__u32 flags, ancount = 0, counts = query->has_edns << 24;
	const struct xns_image_head *head = &sections->head;
	bool is_badvers = fate == XNS_ANSWER_BADVERS;
	enum xns_counter made;

	options_plan(config, query, sections, is_badvers, &body->options);
	fate = reply_plan(config, packet, query, sections, &body->options, fate, plan);
	if (!fate_is_answer(fate))
		return fate;
	made = body_make(config, query, answer, denial, sections, plan->truncated, body);
	if (made == UNDECIDED && body->len != plan->body_len)
		made = XNS_PASS_INTERNAL;
	if (made == UNDECIDED)
		made = reply_resize(ctx, packet, plan);
	if (made != UNDECIDED)
		return made;

	if (store_body(ctx, plan->front_len, body))
		return XNS_DROP_WRITE;
	flags = FLAG_QR | (head->flags & XNS_IMAGE_RCODE) << 8;
	/* BADVERS has no AA: so do Knot DNS, NSD and BIND. */
	if (!is_badvers && !(head->flags & XNS_IMAGE_NOAA))
		flags |= FLAG_AA;
	if (plan->truncated) {
		flags |= FLAG_TC;
	} else { /* none is above 255: the images are too short for that */
		ancount = head->ancount << 8;
		counts += (head->nscount + sections->n_part_records) << 8 | head->arcount << 24;
	}
	if (write_front(ctx, packet, plan->udp_len, flags, ancount, counts,
			sum_at(body->sum, plan->front_len) + query->sum))
		return XNS_DROP_WRITE;
	return fate;
}

#endif
