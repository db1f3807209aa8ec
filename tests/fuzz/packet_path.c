// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The packet path's own code, with the helpers that it calls. The frame ends at a page that cannot
 * be touched, as the verifier has it. It lies below 4 GiB, for a context has 32 bits for pointers.
 */
#include <string.h>
#include <sys/mman.h>

#define listen packet_path_listen /* not the function of libc */

/* Frames have no alignment, and the kernel's architectures do not need it. */
#pragma clang attribute push(__attribute__((no_sanitize("alignment"))), apply_to = function)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wmissing-prototypes" /* global functions of the BPF object */
#include "query.h"
#pragma clang diagnostic pop

#include "fuzz/packet_path.h"

#define FRAME_AREA 0x20000000UL
#define PAGE	   65536UL /* the largest of any architecture */

const struct xns_config packet_path_config = {
	.abi_version = XNS_ABI_VERSION,
	.key = {0x0706050403020100, 0x0f0e0d0c0b0a0908},
	.max_udp_size = 1232,
};

void *bpf_map_lookup_elem(const void *map, const void *key)
{
	static __u32 one = 1;
	const struct xns_listen *to = key;

	if (map != &listen || to->zero)
		__builtin_trap();
	return to->port == bpf_htons(PACKET_PATH_PORT) ? &one : NULL;
}

long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *buf, __u32 len)
{
	if (!len || offset > ctx->data_end - ctx->data || len > ctx->data_end - ctx->data - offset)
		return -22; /* EINVAL */
	memcpy(buf, (const void *)(unsigned long)(ctx->data + offset), len);
	return 0;
}

static void copy_result(const struct query *query, struct packet_path *ret)
{
	ret->name_len = query->name_len;
	ret->type = query->type;
	ret->udp_size = query->udp_size;
	ret->labels = query->labels;
	ret->has_edns = query->has_edns;
	ret->version = query->version;
	ret->dnssec_ok = query->dnssec_ok;
	for (unsigned i = 0; i <= query->labels; i++) {
		ret->label[i] = query->label[i];
		if (query_name_key(query, &packet_path_config, query->label[i], &ret->key[i]))
			__builtin_trap();
	}
}

void packet_path(const uint8_t *frame, size_t len, uint8_t fill, struct packet_path *ret)
{
	static struct query query;
	static char *area;
	struct packet packet;
	struct xdp_md ctx = {0};

	if (!area) {
		area = mmap((void *)FRAME_AREA, 2 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		if (area != (char *)FRAME_AREA || mprotect(area + PAGE, PAGE, PROT_NONE))
			__builtin_trap();
	}
	memset(ret, 0, sizeof(*ret));
	memset(&packet, fill, sizeof(packet));
	memset(&query, fill, sizeof(query));
	ctx.data_end = (__u32)(FRAME_AREA + PAGE);
	ctx.data = ctx.data_end - (__u32)len;
	memcpy((void *)(unsigned long)ctx.data, frame, len);

	ret->packet_fate = packet_parse(&ctx, &packet);
	if (ret->packet_fate != UNDECIDED)
		return;
	ret->message = packet.message;
	ret->message_len = packet.message_len;
	ret->fate = query_parse(&ctx, &packet, &query);
	if (ret->fate == UNDECIDED || ret->fate == XNS_ANSWER_BADVERS)
		copy_result(&query, ret);
}
#pragma clang attribute pop
