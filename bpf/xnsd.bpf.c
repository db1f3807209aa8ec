// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The packet path: a DNS query comes in at the interface, the reply leaves there.
 *
 *   packet_parse   Is it UDP to an address and port of `listen`? Where is the message?
 *   query_parse    A well-formed, ordinary query? For which name, type and size?
 *   plain_reply    The most common case: what QNAME's node has, as it is. Then that is all.
 *   lookup         Answer, referral, NODATA or NXDOMAIN in the serial in force? Or for the stack?
 *   dname_follow   Below a DNAME: which CNAME does it make, and what answers that?
 *   denial_prove   DO=1 in a signed zone: which NSEC or NSEC3 records prove it?
 *   reply          Does it fit? Put the answer together, resize the packet once, write.
 *
 * Each stage returns UNDECIDED (the next one decides) or the packet's fate, which is also the
 * counter that it ends in (xns_abi.h). Up to the resize the packet is only read, so what is passed
 * up to the stack is what came in. The maps are in maps.h, and who writes them, and how, in
 * xns_abi.h.
 *
 *   packet.h ← query.h ← lookup.h ← sha1.h, order.h ← denial.h ← image.h ← dname.h ← body.h ←
 *   reply.h ← plain.h ← here
 */
#include "maps.h"
#include "stats.h"
#include "packet.h"
#include "query.h"
#include "lookup.h"
#include "denial.h"
#include "plain.h"

/*
 * What a run knows of its packet. In memory of its own for each CPU, because it is more than a
 * stack holds, and because what is read from there is unknown to the verifier: each stage is
 * verified once, not once for every way to it.
 */
struct scratch {
	struct packet packet;
	struct query query;
	struct answer answer;
	struct sections sections;
	struct denial denial;
	struct plan plan;
	struct recent recent; /* kept from run to run */
	struct segmented_types types[0];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline enum xns_counter handle(struct xdp_md *ctx)
{
	const __u32 first = 0;
	const struct xns_config *settings = bpf_map_lookup_elem(&config, &first);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &first);
	struct body *body = body_get();
	const struct xns_node *node = NULL;
	const struct xns_zone *zone = NULL;
	enum xns_counter fate;
	__u32 limit;

	if (!settings || !s || !body)
		return XNS_PASS_INTERNAL;
	recent_begin(&s->recent);
	fate = packet_parse(ctx, &s->recent, &s->packet);
	if (fate != UNDECIDED)
		return fate;
	if (settings->abi_version != XNS_ABI_VERSION) /* no agent has been here yet */
		return XNS_PASS_NOT_READY;
	fate = query_parse(ctx, settings, &s->packet, &s->query);
	s->plan.mtu = mtu_get(ctx);
	if (fate == UNDECIDED) {
		limit = plain_limit(settings, &s->packet, &s->query, s->plan.mtu);
		zone = zone_last(&s->recent);
		s->answer.view = (struct view){};
		node = lookup_begin(settings, &s->query, &s->answer.view);
		if (node)
			zone = zone_find(&s->recent, zone, node->zone);
		fate = plain_reply(ctx, settings, &s->packet, &s->query, &s->recent, node, zone,
				   limit);
		if (fate != UNDECIDED)
			return fate;
	}
	sections_begin(&s->sections);
	if (fate == UNDECIDED)
		fate = lookup(settings, &s->query, &s->recent, node, zone, &s->answer, &s->sections,
			      &s->denial.chain);
	if (fate == XNS_PASS_DNAME)
		fate = dname_follow(settings, &s->query, &s->answer, &s->sections, &s->denial);
	if (fate_is_answer(fate) && needs_proof(&s->sections))
		fate = denial_prove(settings, &s->query, &s->answer, &s->denial, &s->sections,
				    fate);
	if (!fate_is_answer(fate))
		return fate;
	return reply(ctx, settings, &s->packet, &s->query, &s->answer, &s->denial, &s->sections,
		     &s->plan, body, fate);
}

SEC("xdp")
int xnsd(struct xdp_md *ctx)
{
	enum xns_counter fate = handle(ctx);

	stats_count(fate);
	if (fate_is_answer(fate))
		return XDP_TX;
	return fate == XNS_DROP_WRITE ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
