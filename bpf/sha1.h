/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-1 (FIPS 180-4) of a name and the zone's salt: the hash of NSEC3, RFC 5155 §5, iterations 0.
 */
#ifndef XNS_SHA1_H
#define XNS_SHA1_H

#include "lookup.h"

#define SHA1_BLOCK 64
/* Name, salt, 0x80, length: up to 328 bytes. */
#define SHA1_BLOCKS_MAX ((XNS_NAME_MAX + XNS_SALT_MAX + 9 + SHA1_BLOCK - 1) / SHA1_BLOCK)

struct sha1 {
	__u32 state[5];
	__u32 reserved;
	__u32 w[16]; /* of the rounds; more than fits in registers */
	/* What is hashed; a block more for words that begin before the end. */
	__u8 message[(SHA1_BLOCKS_MAX + 1) * SHA1_BLOCK] __attribute__((aligned(8)));
};

#define ROTL32(x, n) ((x) << (n) | (x) >> (32 - (n)))

#define SHA1_CHOOSE(b, c, d)   ((d) ^ ((b) & ((c) ^ (d))))
#define SHA1_PARITY(b, c, d)   ((b) ^ (c) ^ (d))
#define SHA1_MAJORITY(b, c, d) (((b) & (c)) | ((d) & ((b) | (c))))

/*
 * One round; the names of the five words go around instead of their values. The barrier keeps clang
 * from computing many rounds' words ahead, for which its stack is too small.
 */
#define SHA1_ROUND(i, f, k, a, b, c, d, e)                                                         \
	do {                                                                                       \
		if ((i) >= 16) {                                                                   \
			__u32 mixed = w[((i) + 13) & 15] ^ w[((i) + 8) & 15] ^ w[((i) + 2) & 15] ^ \
				      w[(i) & 15];                                                 \
			w[(i) & 15] = ROTL32(mixed, 1);                                            \
		}                                                                                  \
		e += ROTL32(a, 5) + f(b, c, d) + (k) + w[(i) & 15];                                \
		b = ROTL32(b, 30);                                                                 \
		asm volatile("" ::: "memory");                                                     \
	} while (0)

#define SHA1_5_ROUNDS(i, f, k)                            \
	do {                                              \
		SHA1_ROUND((i), f, k, a, b, c, d, e);     \
		SHA1_ROUND((i) + 1, f, k, e, a, b, c, d); \
		SHA1_ROUND((i) + 2, f, k, d, e, a, b, c); \
		SHA1_ROUND((i) + 3, f, k, c, d, e, a, b); \
		SHA1_ROUND((i) + 4, f, k, b, c, d, e, a); \
	} while (0)

#define SHA1_20_ROUNDS(i, f, k)                \
	do {                                   \
		SHA1_5_ROUNDS((i), f, k);      \
		SHA1_5_ROUNDS((i) + 5, f, k);  \
		SHA1_5_ROUNDS((i) + 10, f, k); \
		SHA1_5_ROUNDS((i) + 15, f, k); \
	} while (0)

/* The block that begins `at` bytes into the message. */
__noinline int sha1_block(struct sha1 *sha, __u32 at)
{
	__u32 *w, a, b, c, d, e;
	const __u32 *block;

	if (!sha || at > sizeof(sha->message) - SHA1_BLOCK)
		return -1;
	block = (const __u32 *)(sha->message + (at & ~7U));
	w = sha->w;
	for (int i = 0; i < 16; i++)
		w[i] = bpf_ntohl(block[i]);
	a = sha->state[0];
	b = sha->state[1];
	c = sha->state[2];
	d = sha->state[3];
	e = sha->state[4];
	SHA1_20_ROUNDS(0, SHA1_CHOOSE, 0x5a827999);
	SHA1_20_ROUNDS(20, SHA1_PARITY, 0x6ed9eba1);
	SHA1_20_ROUNDS(40, SHA1_MAJORITY, 0x8f1bbcdc);
	SHA1_20_ROUNDS(60, SHA1_PARITY, 0xca62c1d6);
	sha->state[0] += a;
	sha->state[1] += b;
	sha->state[2] += c;
	sha->state[3] += d;
	sha->state[4] += e;
	return 0;
}

/* Puts the name at `skip` (STAR: its wildcard), lower-cased, at the beginning; returns its length.
 */
__noinline int sha1_put_name(struct sha1 *sha, const struct query *name, __u32 skip)
{
	__u32 begin, len;
	__u64 *to;

	if (!sha || !name)
		return -1;
	begin = query_suffix(name, skip);
	if (begin >= name->name_len || begin >= XNS_NAME_MAX)
		return -1;
	len = name->name_len - begin;
	to = (__u64 *)sha->message;
	for (__u32 at = 0; at < XNS_NAME_MAX + 1; at += 8) {
		to[at / 8] = lower_case(*(const __u64 *)(name->message + HEADER_LEN + begin + at));
		if (at + 8 > len)
			break;
	}
	if (skip & STAR)
		*(__u16 *)sha->message = STAR_WORD;
	return len;
}

/* The NSEC3 hash of the name at `skip` (STAR: of its wildcard) to sha->state. */
__noinline int sha1_name(struct sha1 *sha, const struct query *name, __u32 skip,
			 const struct chain *chain)
{
	__u32 len, blocks, end, put;

	if (!sha || !name || !chain)
		return -1;
	put = sha1_put_name(sha, name, skip);
	asm volatile("" : "+r"(put));
	if (put > XNS_NAME_MAX)
		return -1;
	for (__u32 i = 0; i < XNS_SALT_MAX; i += 8) {
		if (i >= chain->salt_len)
			break;
		*(__u64 *)(sha->message + put + i) = *(const __u64 *)(chain->salt + i);
	}
	len = put + (chain->salt_len & (2 * XNS_SALT_MAX - 1));
	end = len;
	asm volatile("" : "+r"(end));
	if (end > XNS_NAME_MAX + XNS_SALT_MAX)
		return -1;
	/* 0x80, zeros, the length in bits in the last bytes of the last block */
	*(__u64 *)(sha->message + end) = 0x80;
	for (__u32 i = 8; i <= SHA1_BLOCK; i += 8)
		*(__u64 *)(sha->message + end + i) = 0;
	end = (len + 8) & ~(SHA1_BLOCK - 1U); /* where the last block begins */
	blocks = end / SHA1_BLOCK + 1;
	asm volatile("" : "+r"(end));
	if (end > (SHA1_BLOCKS_MAX - 1) * SHA1_BLOCK)
		return -1;
	*(__u64 *)(sha->message + end + SHA1_BLOCK - 8) = __builtin_bswap64(8 * len);
	sha->state[0] = 0x67452301;
	sha->state[1] = 0xefcdab89;
	sha->state[2] = 0x98badcfe;
	sha->state[3] = 0x10325476;
	sha->state[4] = 0xc3d2e1f0;
	for (__u32 i = 0; i < SHA1_BLOCKS_MAX; i++) {
		if (i >= blocks)
			break;
		sha1_block(sha, i * SHA1_BLOCK);
	}
	return 0;
}

#endif
