/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DNS message of a query: header, question, OPT. It is copied to per-CPU memory and read there,
 * since a byte-wise walk over a packet costs the verifier too much. Loops over the client's bytes
 * are functions of their own, global ones: verified once, whatever calls them.
 */
#ifndef XNS_QUERY_H
#define XNS_QUERY_H

#include <stddef.h>

#include "packet.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words of names are little-endian");

#define MESSAGE_MAX    512 /* longer queries are passed up */
#define HEADER_LEN     12  /* RFC 1035 §4.1.1 */
#define WORDS_FROM     (HEADER_LEN % 8)
#define QTAIL_LEN      4  /* QTYPE, QCLASS */
#define OPT_LEN	       11 /* RFC 6891 §6.1.2, without options */
#define OPT_HEADER_LEN 4  /* code and length of an option */
#define LABEL_MAX      63
#define EDNS_SIZE_MIN  512

/* Bytes 2 and 3 of the header. */
#define FLAG_QR	    0x80
#define MASK_OPCODE 0x78
#define FLAG_AA	    0x04
#define FLAG_TC	    0x02
#define FLAG_RD	    0x01
#define FLAG_RA	    0x80
#define FLAG_Z	    0x40
#define MASK_RCODE  0x0f

#define CLASS_IN       1
#define TYPE_CNAME     5
#define TYPE_SOA       6
#define TYPE_DNAME     39
#define TYPE_OPT       41
#define TYPE_DS	       43
#define TYPE_RRSIG     46
#define TYPE_NSEC      47
#define TYPE_ANY       255
#define TYPE_META      128 /* to 254: QTYPEs and meta types, RFC 6895 §3.1; not 255, ANY */
#define TYPE_META_LAST 254

#define OPTION_NSID	   3  /* RFC 5001 */
#define OPTION_EXPIRE	   9  /* RFC 7314 */
#define OPTION_EDE	   15 /* RFC 8914 */
#define OPTION_ZONEVERSION 19 /* RFC 9660 */
#define ASKS_NSID	   0x01
#define ASKS_ZONEVERSION   0x02
#define ASKS_EXPIRE	   0x04

/*
 * Names above QNAME are told by how many of its labels are left out (`skip`). With STAR the name is
 * meant that has "*" in the place of the last of those: the wildcard of the name at `skip`.
 */
#define STAR	  0x100
#define STAR_LEN  2	 /* of the label "*" */
#define STAR_WORD 0x2a01 /* as it begins a little-endian word */

struct dns_header {
	__be16 id;
	__u8 flags[2];
	__be16 qdcount, ancount, nscount, arcount;
};

struct query {
	__u16 name_len; /* of QNAME on the wire, with the root octet */
	__u16 type;
	__u16 udp_size; /* that the client takes: 512 without EDNS */
	__u8 labels;	/* of QNAME, root not counted */
	__u8 has_edns;
	__u8 version; /* of EDNS */
	__u8 dnssec_ok;
	__u8 asks; /* ASKS_*: options that want an answer */
	__u8 reserved;
	__u32 tail;			 /* QTYPE and QCLASS as they came */
	__u64 sum;			 /* of the question */
	struct xns_name_key key;	 /* of QNAME */
	__u8 label[XNS_NAME_LABELS + 1]; /* where in QNAME each label begins, the root octet last */
	/*
	 * As it came. The 20 bytes more are for reading words that begin before the end. It begins
	 * in the middle of a word, so that QNAME is words: what was written as words is soon read
	 * as such, and what spans two of them would wait until they have left the CPU.
	 */
	__u8 reserved2[8 - WORDS_FROM], message[MESSAGE_MAX + 20];
};

_Static_assert((offsetof(struct query, message) + HEADER_LEN) % 8 == 0, "words of QNAME");

/*
 * ---- checksums: ones'-complement sums of native 16-bit words, RFC 1071 ----
 *
 * Carried unfolded: far from 2^64 for all that a reply has, and 2^16 is 1 to them.
 */

static __always_inline __u32 sum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* What was summed as if at an even offset, for the offset where it is: RFC 1071 §2(B). */
static __always_inline __u64 sum_at(__u64 sum, __u32 offset)
{
	return sum << 8 * (offset & 1);
}

static __always_inline __u64 sum_word(__u64 word)
{
	return (word & 0xffffffff) + (word >> 32);
}

/* ---- reading ---- */

/* Reads from the copy; position is checked by the caller against message_len, the mask is for the
 * verifier. */
static __always_inline __u8 message_u8(const struct query *query, __u32 position)
{
	return query->message[position & (MESSAGE_MAX - 1)];
}

static __always_inline __u16 message_u16(const struct query *query, __u32 position)
{
	return bpf_ntohs(*(const __u16 *)(query->message + (position & (MESSAGE_MAX - 1))));
}

static __always_inline __u32 message_u32(const struct query *query, __u32 position)
{
	return *(const __u32 *)(query->message + (position & (MESSAGE_MAX - 1)));
}

/* Where in the message the question ends: RFC 1035 §4.1.2. */
static __always_inline __u32 question_end(const struct query *query)
{
	return HEADER_LEN + query->name_len + QTAIL_LEN;
}

static __always_inline __u64 lower_case(__u64 word)
{
	/* ASCII letters of 8 bytes at once. A length octet (at most 63) is below 'A'. */
	const __u64 ones = 0x0101010101010101ULL, tops = 0x80 * ones;
	__u64 low = word & ~tops;
	__u64 from_a = low + (0x80 - 'A') * ones;
	__u64 after_z = low + (0x80 - 'Z' - 1) * ones;

	return word | ((from_a & ~after_z & ~word & tops) >> 2);
}

/* Where in QNAME the name at `skip` begins; QNAME's length, of which there is no name: no such. */
static __always_inline __u32 query_suffix(const struct query *query, __u32 skip)
{
	__u32 begin = query->label[skip & XNS_NAME_LABELS];

	if (!(skip & STAR))
		return begin;
	return begin < STAR_LEN ? query->name_len : begin - STAR_LEN;
}

/*
 * Key of QNAME, lower-cased: image_name_key() of the agent. In words of 8 bytes, where the last is
 * cut to what belongs to the name. With the sum of the question, which takes the same words.
 */
__noinline int query_hash(struct query *query, const struct xns_config *config)
{
	__u64 hash[XNS_HASHES] = {}, sum = 0;
	__u32 len;

	if (!query || !config)
		return -1;
	len = query->name_len;
	for (__u32 i = 0; i < XNS_NAME_WORDS; i++) {
		__u64 word = *(const __u64 *)(query->message + HEADER_LEN + 8 * i);

		if (8 * i + 8 >= len) {
			word &= ~0ULL >> (8 * (-len & 7));
			query->sum = sum + sum_word(word) + sum_at(query->tail, len);
			xns_hash_word(&config->key, i, lower_case(word), hash);
			xns_hash_end(&config->key, i + 1, hash, &query->key);
			return 0;
		}
		sum += sum_word(word);
		xns_hash_word(&config->key, i, lower_case(word), hash);
	}
	return -1;
}

/* Key of the name at `skip`: as above. */
__noinline int query_name_key(const struct query *query, const struct xns_config *config,
			      __u32 skip, struct xns_name_key *ret)
{
	__u64 hash[XNS_HASHES] = {}, star, keep;
	const __u8 *name;
	__u32 begin, len;

	if (!query || !config || !ret)
		return -1;
	begin = query_suffix(query, skip);
	if (begin >= query->name_len || begin >= XNS_NAME_MAX)
		return -1;
	len = query->name_len - begin;
	name = query->message + HEADER_LEN + begin;
	star = skip & STAR ? STAR_WORD : 0;
	keep = skip & STAR ? ~0xffffULL : ~0ULL;
	for (__u32 i = 0; i < XNS_NAME_WORDS; i++) {
		__u64 word = (lower_case(*(const __u64 *)(name + 8 * i)) & keep) | star;

		if (8 * i + 8 >= len) {
			xns_hash_word(&config->key, i, word & ~0ULL >> (8 * (-len & 7)), hash);
			xns_hash_end(&config->key, i + 1, hash, ret);
			return 0;
		}
		xns_hash_word(&config->key, i, word, hash);
		star = 0;
		keep = ~0ULL;
	}
	return -1;
}

/* Labels up to the root octet, no compression (a question has nothing to point back to). false:
 * malformed. */
__noinline int query_read_name(struct query *query, __u32 message_len)
{
	__u32 at = HEADER_LEN;

	if (!query)
		return false;
	for (int i = 0; i <= XNS_NAME_LABELS; i++) {
		__u8 len;

		if (at >= message_len || at >= HEADER_LEN + XNS_NAME_MAX)
			return false;
		len = message_u8(query, at);
		query->label[i] = at - HEADER_LEN;
		if (!len) {
			query->labels = i;
			query->name_len = at + 1 - HEADER_LEN;
			return true;
		}
		if (len > LABEL_MAX)
			return false;
		at += len + 1;
	}
	return false;
}

/*
 * Do the options fill RDATA exactly? Those that want an answer are noted; what else there is is
 * ignored. NSID's content is (RFC 5001 §2.1), that of ZONEVERSION has to be empty (RFC 9660 §3.1).
 */
__noinline int query_read_options(struct query *query, __u32 at, __u32 end)
{
	if (!query)
		return false;
	for (int i = 0; i < MESSAGE_MAX / OPT_HEADER_LEN; i++) {
		__u32 code, len;

		if (at == end)
			return true;
		if (at + OPT_HEADER_LEN > end)
			return false;
		code = message_u16(query, at);
		len = message_u16(query, at + 2);
		if (code == OPTION_ZONEVERSION && len)
			return false;
		if (code == OPTION_NSID)
			query->asks |= ASKS_NSID;
		if (code == OPTION_ZONEVERSION)
			query->asks |= ASKS_ZONEVERSION;
		if (code == OPTION_EXPIRE)
			query->asks |= ASKS_EXPIRE;
		at += OPT_HEADER_LEN + len;
	}
	return false;
}

/* The one record behind the question, if it is an OPT and ends the message. */
static __always_inline enum xns_counter query_read_opt(struct query *query, __u32 at,
						       __u32 message_len)
{
	__u64 opt;

	if (at + OPT_LEN > message_len)
		return XNS_PASS_MALFORMED;
	/* Root, TYPE; CLASS is the size, TTL extended RCODE, version, DO and flags. */
	opt = *(const __u64 *)(query->message + (at & (MESSAGE_MAX - 1)));
	if ((opt & 0xffffff) != bpf_htons(TYPE_OPT) << 8)
		return XNS_PASS_TSIG;
	query->has_edns = 1;
	query->udp_size = bpf_ntohs(opt >> 24);
	if (query->udp_size < EDNS_SIZE_MIN) /* RFC 6891 §6.2.3 */
		query->udp_size = EDNS_SIZE_MIN;
	query->version = opt >> 48;
	query->dnssec_ok = opt >> 63;
	at += OPT_LEN;
	if (at + message_u16(query, at - 2) != message_len)
		return XNS_PASS_MALFORMED;
	if (at != message_len && !query_read_options(query, at, message_len))
		return XNS_PASS_MALFORMED;
	return UNDECIDED;
}

static __always_inline enum xns_counter query_read_header(const struct dns_header *header)
{
	if (header->flags[0] & (FLAG_QR | MASK_OPCODE | FLAG_AA | FLAG_TC) ||
	    header->flags[1] & (FLAG_RA | FLAG_Z | MASK_RCODE))
		return XNS_PASS_HEADER;
	if (header->qdcount != bpf_htons(1) || header->ancount || header->nscount)
		return XNS_PASS_HEADER;
	if (header->arcount && header->arcount != bpf_htons(1))
		return XNS_PASS_TSIG;
	return UNDECIDED;
}

/* Reads the copy of the message. */
static __always_inline enum xns_counter query_read(const struct xns_config *config,
						   struct query *query, __u32 message_len)
{
	const struct dns_header *header;
	enum xns_counter fate;
	__u32 end;

	header = (const struct dns_header *)query->message;
	fate = query_read_header(header);
	if (fate != UNDECIDED)
		return fate;
	query->has_edns = 0;
	query->version = 0;
	query->dnssec_ok = 0;
	query->asks = 0;
	query->udp_size = EDNS_SIZE_MIN;
	if (!query_read_name(query, message_len))
		return XNS_PASS_MALFORMED;
	end = question_end(query);
	if (end > message_len)
		return XNS_PASS_MALFORMED;
	query->tail = message_u32(query, end - QTAIL_LEN);
	query->type = bpf_ntohs(query->tail);
	if (query_hash(query, config))
		return XNS_PASS_INTERNAL;
	if (header->arcount)
		fate = query_read_opt(query, end, message_len);
	else if (end != message_len)
		fate = XNS_PASS_MALFORMED;
	if (fate != UNDECIDED)
		return fate;

	if (query->tail >> 16 != bpf_htons(CLASS_IN))
		return XNS_PASS_CLASS;
	if (!query->type || query->type == TYPE_OPT ||
	    (query->type >= TYPE_META && query->type <= TYPE_META_LAST))
		return XNS_PASS_TYPE;
	/* A secondary asks how long our content is good: rare, and the agent knows. */
	if (query->type == TYPE_SOA && query->asks & ASKS_EXPIRE)
		return XNS_PASS_TYPE;
	/* RFC 6891 §6.1.3: before any look at the name */
	return query->version ? XNS_ANSWER_BADVERS : UNDECIDED;
}

/* Copies a message of HEADER_LEN to WORDS_MAX bytes. */
static __always_inline int query_copy_words(struct xdp_md *ctx, const struct packet *packet,
					    __u32 len, struct query *ret)
{
	const void *from = (void *)(long)ctx->data + (packet->message & FRAME_MAX);
	const void *end = (void *)(long)ctx->data_end;
	__u32 last = len - 8;

	if (from + WORDS_FROM > end)
		return -1;
	*(__u32 *)ret->message = *(const __u32 *)from;
	for (__u32 at = WORDS_FROM; at < WORDS_MAX; at += 8) {
		if (at >= last)
			break;
		if (from + at + 8 > end)
			return -1;
		*(__u64 *)(ret->message + at) = *(const __u64 *)(from + at);
	}
	asm volatile("" : "+r"(last));
	if (last > WORDS_MAX)
		return -1;
	from += last;
	if (from + 8 > end)
		return -1;
	*(__u64 *)(ret->message + last) = *(const __u64 *)from;
	return 0;
}

/* Copies the message and reads it. */
static __always_inline enum xns_counter query_parse(struct xdp_md *ctx,
						    const struct xns_config *config,
						    const struct packet *packet, struct query *ret)
{
	__u32 len = packet->message_len;

	/* Clang would check one register and pass another to the helper: refused by 6.1. */
	asm volatile("" : "+r"(len));
	if (len > MESSAGE_MAX)
		return XNS_PASS_LONG;
	if (len < HEADER_LEN)
		return XNS_PASS_MALFORMED;
	if (len > WORDS_MAX ? bpf_xdp_load_bytes(ctx, packet->message, ret->message, len)
			    : query_copy_words(ctx, packet, len, ret))
		return XNS_PASS_INTERNAL;
	return query_read(config, ret, len);
}

#endif
