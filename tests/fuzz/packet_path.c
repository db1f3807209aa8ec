// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The packet path's own code, with the helpers that it calls. The frame ends at a page that cannot
 * be touched, as the verifier has it. It lies below 4 GiB, for a context has 32 bits for pointers.
 */
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define listen packet_path_listen /* not the function of libc */

/* Frames have no alignment, and the kernel's architectures do not need it. */
#pragma clang attribute push(__attribute__((no_sanitize("alignment"))), apply_to = function)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wmissing-prototypes" /* global functions of the BPF object */
#pragma clang diagnostic ignored "-Wmissing-variable-declarations"
#include "xnsd.bpf.c"
#pragma clang diagnostic pop

#include "fuzz/packet_path.h"

/* Not fuzz.h, whose headers are of the agent. */
#define CHECK(condition)                  \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

#define FRAME_AREA 0x20000000UL
#define PAGE	   65536UL /* the largest of any architecture */
#define ERROR	   -22	   /* EINVAL */

struct xns_config packet_path_config = {
	.abi_version = XNS_ABI_VERSION,
	.max_udp_size = 1232,
};

/* Kept from run to run. */
static struct hint hints[1 << HINT_BITS];
static struct again again[AGAIN_SLOTS];

/* What the helpers work on. */
static struct {
	const struct kernel *kernel;
	struct scratch scratch;
	struct body body;
	__u64 count;
	size_t head, tail; /* room */
} run;

/* ---- helpers ---- */

static void *memory_of(const void *map, const void *key, bool *ret_known)
{
	static __u32 one = 1;
	const struct xns_listen *to = key;

	*ret_known = true;
	if (map == &listen)
		return to->port == bpf_htons(PACKET_PATH_PORT) && !to->zero ? &one : NULL;
	if (map == &scratch)
		return &run.scratch;
	if (map == &scratch_body)
		return &run.body;
	if (map == &scratch_hints)
		return &hints[*(const __u32 *)key];
	if (map == &scratch_again)
		return &again[*(const __u32 *)key];
	if (map == &counters)
		return &run.count;
	if (map == &filter)
		return kernel_find(run.kernel, KERNEL_FILTER, key);
	*ret_known = false;
	return NULL;
}

void *bpf_map_lookup_elem(const void *map, const void *key)
{
	static const struct {
		const void *map;
		enum kernel_map is;
	} table[] = {
		{&config, KERNEL_CONFIG},      {&zones, KERNEL_ZONES},
		{&nodes, KERNEL_NODES},	       {&staged, KERNEL_STAGED},
		{&images_tiny, KERNEL_TINY},   {&images_small, KERNEL_SMALL},
		{&images_large, KERNEL_LARGE}, {&order, KERNEL_ORDER},
	};
	/* What the slots of segments point to: all of a map's are one, as the model knows which. */
	static char segment[sizeof(table) / sizeof(table[0])];
	bool known;
	void *memory = memory_of(map, key, &known);

	if (known)
		return memory;
	CHECK(run.kernel);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].map == map && table[i].is >= KERNEL_NODES)
			return &segment[i];
		if (table[i].map == map || map == &segment[i])
			return kernel_find(run.kernel, table[i].is, key);
	}
	__builtin_trap(); /* no such map */
}

static bool is_in_frame(const struct xdp_md *ctx, __u32 offset, __u32 len)
{
	__u32 size = ctx->data_end - ctx->data;

	return len && offset <= size && len <= size - offset;
}

long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *buf, __u32 len)
{
	if (!is_in_frame(ctx, offset, len))
		return ERROR;
	memcpy(buf, (const void *)(unsigned long)(ctx->data + offset), len);
	return 0;
}

long bpf_xdp_store_bytes(struct xdp_md *ctx, __u32 offset, void *buf, __u32 len)
{
	if (!is_in_frame(ctx, offset, len))
		return ERROR;
	memcpy((void *)(unsigned long)(ctx->data + offset), buf, len);
	return 0;
}

/* The end stays at the page that cannot be touched: the frame moves, pointers are not valid any
 * more. What is new is not 0. */
long bpf_xdp_adjust_tail(struct xdp_md *ctx, int delta)
{
	__u32 size = ctx->data_end - ctx->data, from = ctx->data;

	if (delta > 0 && (size_t)delta > run.tail)
		return ERROR;
	if (delta < 0 && (__u32)-delta >= size - 14)
		return ERROR;
	ctx->data -= delta;
	memmove((void *)(unsigned long)ctx->data, (void *)(unsigned long)from,
		delta < 0 ? size + delta : size);
	if (delta > 0)
		memset((void *)(unsigned long)(ctx->data_end - delta), 0xa5, delta);
	run.tail -= delta;
	return 0;
}

long bpf_xdp_adjust_head(struct xdp_md *ctx, int delta)
{
	if (delta < 0 && (size_t)-delta > run.head)
		return ERROR;
	ctx->data += delta;
	run.head += delta;
	return 0;
}

long bpf_check_mtu(void *ctx, __u32 ifindex, __u32 *mtu_len, __s32 len_diff, __u64 flags)
{
	(void)ctx, (void)ifindex, (void)len_diff, (void)flags;
	*mtu_len = 1500;
	return 0;
}

__u64 bpf_jiffies64(void)
{
	static __u64 n;

	return ++n;
}

__u64 bpf_ktime_get_boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (__u64)now.tv_sec * 1000000000 + now.tv_nsec;
}

long bpf_dynptr_from_mem(void *data, __u32 size, __u64 flags, struct bpf_dynptr *ptr)
{
	__u64 words[2] = {(unsigned long)data, size};

	(void)flags;
	memcpy(ptr, words, sizeof(words));
	return 0;
}

long bpf_dynptr_write(struct bpf_dynptr *dst, __u32 offset, void *src, __u32 len, __u64 flags)
{
	__u64 words[2];

	(void)flags;
	memcpy(words, dst, sizeof(words));
	if (offset > words[1] || len > words[1] - offset)
		return -7; /* E2BIG */
	memmove((char *)(unsigned long)words[0] + offset, src, len);
	return 0;
}

/* ---- the parsers ---- */

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
		CHECK(!query_name_key(query, &packet_path_config, i, &ret->key[i]));
	}
	CHECK(!memcmp(&query->key, &ret->key[0], sizeof(query->key)));
}

static void frame_set(struct xdp_md *ctx, const uint8_t *frame, size_t len)
{
	static char *area;

	if (!area) {
		area = mmap((void *)FRAME_AREA, 2 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		CHECK(area == (char *)FRAME_AREA && !mprotect(area + PAGE, PAGE, PROT_NONE));
	}
	memset(ctx, 0, sizeof(*ctx));
	ctx->data_end = (__u32)(FRAME_AREA + PAGE);
	ctx->data = ctx->data_end - (__u32)len;
	memcpy((void *)(unsigned long)ctx->data, frame, len);
}

void packet_path(const uint8_t *frame, size_t len, uint8_t fill, struct packet_path *ret)
{
	static struct query query;
	struct recent recent;
	struct packet packet;
	struct xdp_md ctx;

	memset(ret, 0, sizeof(*ret));
	memset(&recent, fill, sizeof(recent));
	memset(&packet, fill, sizeof(packet));
	memset(&query, fill, sizeof(query));
	frame_set(&ctx, frame, len);
	recent_begin(&recent);
	ret->packet_fate = packet_parse(&ctx, &recent, &packet);
	if (ret->packet_fate != UNDECIDED)
		return;
	ret->message = packet.message;
	ret->message_len = packet.message_len;
	ret->fate = query_parse(&ctx, &packet_path_config, &packet, &query);
	if (ret->fate == UNDECIDED || ret->fate == XNS_ANSWER_BADVERS)
		copy_result(&query, ret);
}

/* ---- whole runs ---- */

void packet_path_run(const struct kernel *kernel, const uint8_t *frame, size_t len, size_t head,
		     size_t tail, uint8_t fill, struct packet_path_run *ret)
{
	struct xdp_md ctx;

	memset(&run, fill, sizeof(run));
	run.kernel = kernel;
	run.head = head;
	run.tail = tail;
	frame_set(&ctx, frame, len);
	/* The program, but for the count, which says no more. */
	ret->fate = handle(&ctx);
	ret->verdict = fate_is_answer(ret->fate)     ? XDP_TX
		       : ret->fate == XNS_DROP_WRITE ? XDP_DROP
						     : XDP_PASS;
	ret->len = ctx.data_end - ctx.data;
	CHECK(ret->len <= sizeof(ret->frame));
	memcpy(ret->frame, (const void *)(unsigned long)ctx.data, ret->len);
}

/* ---- keys of the order ---- */

static void query_of(const uint8_t *name, struct query *ret)
{
	size_t len = 0;

	while (name[len])
		len += name[len] + 1;
	memset(ret, 0xff, sizeof(*ret));
	memcpy(ret->message + HEADER_LEN, name, len + 1);
	CHECK(query_read_name(ret, HEADER_LEN + len + 1) && ret->name_len == len + 1);
}

int packet_path_name_key(const uint8_t *name, bool wildcard, unsigned skip, unsigned apex_labels,
			 struct packet_path_key *ret)
{
	static struct order_key key;
	static struct query query;
	int err;

	query_of(name, &query);
	memset(&key, 0xff, sizeof(key));
	err = order_key_name(&key, &query, skip | (wildcard ? STAR : 0), apex_labels);
	ret->words = key.words;
	if (!err)
		memcpy(ret->word, key.word, sizeof(ret->word));
	return err;
}

int packet_path_hash(const uint8_t *name, bool wildcard, unsigned skip, const uint8_t *salt,
		     size_t salt_len, struct packet_path_key *ret)
{
	static struct query query;
	static struct sha1 sha;
	struct chain chain = {.salt_len = salt_len};
	struct order_key *key = &run.scratch.denial.key;
	int err;

	query_of(name, &query);
	memset(&sha, 0xff, sizeof(sha));
	memcpy(chain.salt, salt, salt_len);
	err = sha1_name(&sha, &query, skip | (wildcard ? STAR : 0), &chain);
	if (err)
		return err;
	memcpy(ret->hash, sha.state, sizeof(ret->hash));
	order_key_hash(key, &sha);
	ret->words = key->words;
	memcpy(ret->word, key->word, ret->words * sizeof(ret->word[0]));
	return 0;
}
#pragma clang attribute pop
