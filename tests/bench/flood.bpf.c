// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The query flood: a generator and a counter, both on the client's CPU.
 *
 *   generate   run with live frames: writes the next query of the list as a whole frame, and hands
 *              it to the client's end of the link
 *   count      at the client's end: counts the replies, samples some, drops them; passes the rest
 *
 * A query's source address says its place in the list, and its ID is made of source port and
 * address. So a reply tells by itself which query it belongs to, and nothing is kept per query.
 *
 * The server's CPU must not be charged with what the client does, and an interrupt, of a timer too,
 * takes as long as a hundred queries on a virtual machine. So count runs in the NAPI thread of the
 * client's end, on the generator's CPU. It is of a kind that does not run at once when it is woken,
 * so that to wake it takes no interrupt (SCHED_BATCH; targets.py). Its turn comes when the batch is
 * through: then a thread is woken for which generate must step aside, that of a cpumap, which finds
 * nothing to do but to drop the batch's first frame. That thread sleeps again, and the next one on
 * this CPU is the counter, if there is anything to count. It has room for 256 replies, so no more
 * than FLOOD_BURST queries go in a batch.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flood.h"

#define DNS_PORT       bpf_htons(53)
#define DNS_HEADER_LEN 12
#define DNS_FLAG_QR    0x80
#define DNS_FLAG_TC    0x02
#define DNS_RCODE_MASK 0x0f

/* Value size and number of entries are those of the list. Read in order: prefetched. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct flood_record) + 8);
} queries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} samples SEC(".maps");

/* Of the generator's CPU only; its thread has a real-time priority (flood.c). */
struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
} step_aside SEC(".maps");

const volatile __u32 list_len = 1;
const volatile __u32 message_words = 1;

struct flood_target target;
struct flood_counts counts;
__u32 in_batch;

static __u32 place, serial, since_sample;
static __u64 now, next;

/* What follows the Ethernet header. */
struct packet4 {
	struct iphdr ip;
	struct udphdr udp;
};

struct packet6 {
	struct ipv6hdr ip;
	struct udphdr udp;
};

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* In the order of the network: both ends only compare. */
static __always_inline __u16 id_of(__be32 source, __be16 port)
{
	return port ^ (__u16)(source >> 16) ^ 0x5bd1;
}

/* May a query go now? The clock is read when the one before has used up the time that is known. */
static __always_inline bool is_due(void)
{
	if (!target.interval)
		return true;
	if (next > now) {
		now = bpf_ktime_get_ns() << 10;
		if (next + target.quantum > now)
			return false;
		if (now - next > target.lag)
			next = now - target.lag;
	}
	next += target.interval;
	return true;
}

static __always_inline int copy_message(__u64 *to, const struct flood_record *record, void *end)
{
	if ((void *)(to + message_words) > end)
		return -1;
	for (__u32 i = 0; i < FLOOD_MESSAGE_MAX / 8 && i < message_words; i++)
		to[i] = record->message[i];
	return 0;
}

/* Ports from 1024 on; the sum is of the pseudo header's addresses. */
static __always_inline void write_udp(struct udphdr *udp, __be16 *id, __be32 source, __u64 sum,
				      const struct flood_record *record)
{
	__be16 len = bpf_htons(sizeof(*udp) + record->len);
	__be16 port = bpf_htons((serial++ * 0x9e3779b1) >> 16 | 1024);

	*id = id_of(source, port);
	sum += bpf_htons(IPPROTO_UDP) + 2 * (__u64)len + port + DNS_PORT + *id + record->sum;
	udp->source = port;
	udp->dest = DNS_PORT;
	udp->len = len;
	udp->check = ~fold(sum);
	if (!udp->check)
		udp->check = 0xffff;
}

static __always_inline int write_query4(void *data, void *end, const struct flood_record *record)
{
	struct packet4 *packet = data + ETH_HLEN;
	__be32 source = bpf_htonl(FLOOD_SOURCE4 | place);
	__u64 addresses = (__u64)source + target.server4;

	if ((void *)(packet + 1) > end || copy_message((void *)(packet + 1), record, end))
		return -1;
	__builtin_memcpy(data, target.link, ETH_HLEN);
	packet->ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = bpf_htons(sizeof(*packet) + record->len),
		.saddr = source,
		.daddr = target.server4,
	};
	packet->ip.check = ~fold(addresses + bpf_htons(0x4500) + packet->ip.tot_len +
				 bpf_htons(64 << 8 | IPPROTO_UDP));
	write_udp(&packet->udp, (void *)(packet + 1), source, addresses, record);
	return ETH_HLEN + sizeof(*packet) + record->len;
}

static __always_inline int write_query6(void *data, void *end, const struct flood_record *record)
{
	struct packet6 *packet = data + ETH_HLEN;
	__be32 source = bpf_htonl(place);
	__u64 addresses = source;

	if ((void *)(packet + 1) > end || copy_message((void *)(packet + 1), record, end))
		return -1;
	__builtin_memcpy(data, target.link, ETH_HLEN);
	*(__be32 *)&packet->ip = bpf_htonl(6U << 28);
	packet->ip.payload_len = bpf_htons(sizeof(packet->udp) + record->len);
	packet->ip.nexthdr = IPPROTO_UDP;
	packet->ip.hop_limit = 64;
	for (int i = 0; i < 4; i++) {
		packet->ip.saddr.in6_u.u6_addr32[i] = i < 3 ? target.source6[i] : source;
		packet->ip.daddr.in6_u.u6_addr32[i] = target.server6[i];
		addresses += (__u64)target.server6[i] + (i < 3 ? target.source6[i] : 0);
	}
	write_udp(&packet->udp, (void *)(packet + 1), source, addresses, record);
	return ETH_HLEN + sizeof(*packet) + record->len;
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct flood_record *record;
	int len;

	if (++in_batch >= target.batch)
		in_batch = 0;
	if (!in_batch)
		return bpf_redirect_map(&step_aside, target.cpu, 0);
	if (in_batch > FLOOD_BURST || !is_due())
		return XDP_DROP; /* back to the pool; the next frame comes at once */
	record = bpf_map_lookup_elem(&queries, &place);
	if (!record)
		return XDP_ABORTED;
	len = target.v6 ? write_query6(data, end, record) : write_query4(data, end, record);
	if (++place == list_len)
		place = 0;
	if (len < 0 || bpf_xdp_adjust_tail(ctx, len - (int)FLOOD_FRAME_START(message_words)))
		return XDP_ABORTED;
	counts.sent++;
	return bpf_redirect(target.ifindex, 0);
}

SEC("xdp/cpumap")
int drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

/* A reply to one of our queries; with `bounce` the query itself, whose addresses are the other way.
 */
struct reply {
	__u8 *message;
	__be32 client; /* the last four bytes of its address */
	__be16 client_port;
};

static __always_inline bool find4(void *data, void *end, struct reply *reply)
{
	struct packet4 *packet = data + ETH_HLEN;

	if ((void *)(packet + 1) > end || *(__u8 *)packet != 0x45 ||
	    packet->ip.protocol != IPPROTO_UDP)
		return false;
	reply->message = (void *)(packet + 1);
	reply->client = target.bounce ? packet->ip.saddr : packet->ip.daddr;
	reply->client_port = target.bounce ? packet->udp.source : packet->udp.dest;
	return (reply->client & bpf_htonl(0xff000000)) == bpf_htonl(FLOOD_SOURCE4) &&
	       (target.bounce ? packet->ip.daddr : packet->ip.saddr) == target.server4 &&
	       (target.bounce ? packet->udp.dest : packet->udp.source) == DNS_PORT;
}

static __always_inline bool find6(void *data, void *end, struct reply *reply)
{
	struct packet6 *packet = data + ETH_HLEN;
	const __be32 *client, *server;

	if ((void *)(packet + 1) > end || packet->ip.nexthdr != IPPROTO_UDP)
		return false;
	client = (target.bounce ? &packet->ip.saddr : &packet->ip.daddr)->in6_u.u6_addr32;
	server = (target.bounce ? &packet->ip.daddr : &packet->ip.saddr)->in6_u.u6_addr32;
	reply->message = (void *)(packet + 1);
	reply->client = client[3];
	reply->client_port = target.bounce ? packet->udp.source : packet->udp.dest;
	for (int i = 0; i < 4; i++)
		if (server[i] != target.server6[i] || (i < 3 && client[i] != target.source6[i]))
			return false;
	return (target.bounce ? packet->udp.dest : packet->udp.source) == DNS_PORT;
}

static __always_inline void take_sample(struct xdp_md *ctx, const struct reply *reply, __be16 id,
					__u32 len)
{
	struct flood_sample *sample;

	if (++since_sample < target.sample_every)
		return;
	since_sample = 0;
	sample = bpf_ringbuf_reserve(&samples, sizeof(*sample), 0);
	if (!sample)
		return;
	sample->place = bpf_ntohl(reply->client) & (FLOOD_LIST_MAX - 1);
	sample->id = id;
	sample->len = len;
	if (len == 0 || len > FLOOD_FRAME_MAX || bpf_xdp_load_bytes(ctx, 0, sample->frame, len))
		sample->len = 0;
	bpf_ringbuf_submit(sample, BPF_RB_NO_WAKEUP);
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct reply reply;
	__be16 id;

	if ((void *)(eth + 1) > end)
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(target.v6 ? ETH_P_IPV6 : ETH_P_IP) ||
	    !(target.v6 ? find6(data, end, &reply) : find4(data, end, &reply)))
		return XDP_PASS;
	id = id_of(reply.client, reply.client_port);
	if ((void *)(reply.message + DNS_HEADER_LEN) > end || *(__be16 *)reply.message != id ||
	    !!(reply.message[2] & DNS_FLAG_QR) == target.bounce) {
		counts.wrong++;
		return XDP_DROP;
	}
	counts.received++;
	counts.bytes += end - (void *)reply.message;
	counts.truncated += !!(reply.message[2] & DNS_FLAG_TC);
	counts.rcode[reply.message[3] & DNS_RCODE_MASK]++;
	take_sample(ctx, &reply, id, end - data);
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
