/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the DNS message lies in a frame. One parser for each header; only reads.
 *
 *   Ethernet | 0 to 2 of 802.1Q, 802.1ad | IPv4 without options, or IPv6 | UDP | message | padding
 */
#ifndef XNS_PACKET_H
#define XNS_PACKET_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#include "maps.h"
#include "stats.h"

#define VLAN_TAGS     2
#define FRAME_MAX     0x1fff /* mask: more than any query or reply */
#define IPV4_FRAGMENT 0x3fff /* more fragments, or an offset; not DF */

/*
 * What is no longer than this is copied from and to packets by words. Helpers move strings, and
 * wait for the packet's lines, which come from another CPU: measured, 11 % of a hot name's rate.
 */
#define WORDS_MAX 128

struct packet {
	__u16 l3;      /* offsets in the frame: IP header */
	__u16 message; /* DNS message */
	__u16 message_len;
	__u16 ipv6;	 /* else IPv4 */
	__u32 frame_len; /* with the padding behind the message */
};

struct vlan_tag {
	__be16 tci;
	__be16 proto;
};

struct cursor {
	void *at, *end;
};

/* Addresses and ports as the listen map has them. */
struct flow {
	struct xns_listen from, to;
};

/*
 * What hardly ever changes, found once a tick and kept from run to run: each of these costs as much
 * as a tenth of a run.
 */
struct recent {
	__u64 jiffies;
	__u64 boot_ns; /* CLOCK_BOOTTIME */
	__u32 zone;    /* of the node that was found last */
	__u32 reserved;
	struct xns_listen
		to[2]; /* addresses that are listened at, IPv4 and IPv6; zero != 0: none */
};

static __always_inline void recent_begin(struct recent *recent)
{
	__u64 jiffies = bpf_jiffies64();

	if (recent->jiffies == jiffies)
		return;
	recent->jiffies = jiffies;
	recent->boot_ns = bpf_ktime_get_boot_ns();
	recent->to[0].zero = recent->to[1].zero = 1;
}

static __always_inline bool is_listened_at(struct recent *recent, const struct xns_listen *to,
					   bool ipv6)
{
	struct xns_listen *known = &recent->to[ipv6];
	const __u32 *a = (const __u32 *)known, *b = (const __u32 *)to;

	if (a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4])
		return true;
	if (!bpf_map_lookup_elem(&listen, to))
		return false;
	*known = *to;
	return true;
}

static __always_inline struct ethhdr *parse_ethernet(struct cursor *c)
{
	struct ethhdr *eth = c->at;

	if ((void *)(eth + 1) > c->end)
		return NULL;
	c->at = eth + 1;
	return eth;
}

static __always_inline struct vlan_tag *parse_vlan(struct cursor *c)
{
	struct vlan_tag *tag = c->at;

	if ((void *)(tag + 1) > c->end)
		return NULL;
	c->at = tag + 1;
	return tag;
}

static __always_inline struct iphdr *parse_ipv4(struct cursor *c)
{
	struct iphdr *ip = c->at;

	if ((void *)(ip + 1) > c->end || ip->version != 4)
		return NULL;
	c->at = ip + 1;
	return ip;
}

static __always_inline struct ipv6hdr *parse_ipv6(struct cursor *c)
{
	struct ipv6hdr *ip = c->at;

	if ((void *)(ip + 1) > c->end || ip->version != 6)
		return NULL;
	c->at = ip + 1;
	return ip;
}

static __always_inline struct udphdr *parse_udp(struct cursor *c)
{
	struct udphdr *udp = c->at;

	if ((void *)(udp + 1) > c->end)
		return NULL;
	c->at = udp + 1;
	return udp;
}

static __always_inline bool is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

static __always_inline void set_mapped(__u8 addr[16], __be32 ipv4)
{
	__u32 *word = (__u32 *)addr;

	word[0] = 0;
	word[1] = 0;
	word[2] = bpf_htonl(0xffff);
	word[3] = ipv4;
}

static __always_inline void set_ipv6(__u8 addr[16], const struct in6_addr *ipv6)
{
	__u32 *word = (__u32 *)addr;

	for (int i = 0; i < 4; i++)
		word[i] = ipv6->in6_u.u6_addr32[i];
}

/* ret_payload_len: what the IP header says lies behind it. */
static __always_inline enum xns_counter read_ipv4(const struct iphdr *ip, struct flow *ret_flow,
						  __u32 *ret_payload_len)
{
	if (ip->protocol != IPPROTO_UDP)
		return XNS_PASS_NOT_OURS;
	if (ip->ihl != 5)
		return ip->ihl > 5 ? XNS_PASS_IP_OPTION : XNS_PASS_NOT_OURS;
	if (ip->frag_off & bpf_htons(IPV4_FRAGMENT))
		return XNS_PASS_FRAGMENT;
	set_mapped(ret_flow->from.addr, ip->saddr);
	set_mapped(ret_flow->to.addr, ip->daddr);
	*ret_payload_len =
		bpf_ntohs(ip->tot_len) - sizeof(*ip); /* too short: no UDP length equals it */
	return UNDECIDED;
}

static __always_inline bool is_mapped(const struct in6_addr *ipv6)
{
	const __u32 *word = (const __u32 *)ipv6;

	return !word[0] && !word[1] && word[2] == bpf_htonl(0xffff);
}

static __always_inline enum xns_counter read_ipv6(const struct ipv6hdr *ip, struct flow *ret_flow,
						  __u32 *ret_payload_len)
{
	switch (ip->nexthdr) {
	case IPPROTO_UDP:
		break;
	case IPPROTO_FRAGMENT:
		return XNS_PASS_FRAGMENT;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return XNS_PASS_IP_OPTION;
	default:
		return XNS_PASS_NOT_OURS;
	}
	/* On the wire ::ffff:a.b.c.d is no address (RFC 4291 §2.5.5.2), in the map it is IPv4. */
	if (is_mapped(&ip->daddr))
		return XNS_PASS_NOT_OURS;
	set_ipv6(ret_flow->from.addr, &ip->saddr);
	set_ipv6(ret_flow->to.addr, &ip->daddr);
	*ret_payload_len = bpf_ntohs(ip->payload_len);
	return UNDECIDED;
}

/* Is this a source that a reply may go to? Addresses in wire order, so single bytes are compared.
 */
static __always_inline bool source_is_sane(const struct ethhdr *eth, const struct xns_listen *from,
					   bool ipv6)
{
	const __u32 *word = (const __u32 *)from->addr;
	const __u8 *v4 = &from->addr[12];

	if (eth->h_source[0] & 1 || !from->port)
		return false;
	if (!word[0] && !word[1] && word[2] == bpf_htonl(0xffff))
		/* 0/8 "this network", 127/8 loopback, 224/4 multicast, 240/4 reserved and broadcast
		 */
		return !ipv6 && v4[0] != 0 && v4[0] != 127 && v4[0] < 224;
	if (!word[0] && !word[1] && !word[2] && (!word[3] || word[3] == bpf_htonl(1)))
		return false; /* :: and ::1 */
	return from->addr[0] != 0xff;
}

/*
 * Is it UDP to a listen address, unfragmented, with lengths that agree? Then ret says where the
 * message lies. Checksums are not verified: neither are they on many paths into the stack.
 */
static __always_inline enum xns_counter packet_parse(struct xdp_md *ctx, struct recent *recent,
						     struct packet *ret)
{
	struct cursor c = {.at = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end};
	struct flow flow = {};
	__u32 payload_len = 0;
	enum xns_counter fate;
	struct ipv6hdr *ip6;
	struct vlan_tag *tag;
	struct ethhdr *eth;
	struct udphdr *udp;
	struct iphdr *ip4;
	__u32 frame_len = c.end - c.at;
	__u32 l3 = sizeof(*eth);
	__u32 l4;
	bool ipv6 = false;
	__be16 proto;

	eth = parse_ethernet(&c);
	if (!eth || eth->h_dest[0] & 1) /* a reply never comes from a group address */
		return XNS_PASS_NOT_OURS;
	proto = eth->h_proto;
	for (int i = 0; i < VLAN_TAGS && is_vlan(proto); i++) {
		tag = parse_vlan(&c);
		if (!tag)
			return XNS_PASS_NOT_OURS;
		proto = tag->proto;
		l3 += sizeof(*tag);
	}

	if (proto == bpf_htons(ETH_P_IP)) {
		ip4 = parse_ipv4(&c);
		if (!ip4)
			return XNS_PASS_NOT_OURS;
		fate = read_ipv4(ip4, &flow, &payload_len);
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		ip6 = parse_ipv6(&c);
		if (!ip6)
			return XNS_PASS_NOT_OURS;
		ipv6 = true;
		fate = read_ipv6(ip6, &flow, &payload_len);
	} else {
		return XNS_PASS_NOT_OURS;
	}
	if (fate != UNDECIDED)
		return fate;

	udp = parse_udp(&c);
	if (!udp)
		return XNS_PASS_NOT_OURS;
	flow.from.port = udp->source;
	flow.to.port = udp->dest;
	if (!is_listened_at(recent, &flow.to, ipv6))
		return XNS_PASS_NOT_OURS;
	if (!source_is_sane(eth, &flow.from, ipv6))
		return XNS_PASS_SOURCE;
	l4 = l3 + (ipv6 ? sizeof(*ip6) : sizeof(*ip4));
	if (bpf_ntohs(udp->len) != payload_len || payload_len < sizeof(*udp) ||
	    l4 + payload_len > frame_len)
		return XNS_PASS_MALFORMED;
	if (ipv6 && !udp->check) /* RFC 8200 §8.1: the stack drops these */
		return XNS_PASS_MALFORMED;

	ret->l3 = l3;
	ret->message = l4 + sizeof(*udp);
	ret->message_len = payload_len - sizeof(*udp);
	ret->ipv6 = ipv6;
	ret->frame_len = frame_len;
	return UNDECIDED;
}

#endif
