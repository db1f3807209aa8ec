/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes behind the question, put together in per-CPU memory: images in their order, what a
 * DNAME leads to, then the OPT; and the sum of it all.
 */
#ifndef XNS_BODY_H
#define XNS_BODY_H

#include "dname.h"

#define RCODE_BADVERS	 16
#define ZONEVERSION_LEN	 6		    /* labels, type, serial: RFC 9660 §2 */
#define ZONEVERSION_TYPE 0		    /* SOA-SERIAL */
#define EDE_LEN		 2		    /* RFC 8914 §2, without text */
#define EXPIRED_TEXT	 "zone has expired" /* as the sockets say it */
#define EXPIRED_TEXT_LEN (sizeof(EXPIRED_TEXT) - 1)

_Static_assert(3 * OPT_HEADER_LEN + XNS_NSID_MAX + ZONEVERSION_LEN + EDE_LEN + EXPIRED_TEXT_LEN <=
		       SUM_BYTES_MAX,
	       "options");

/* ---- images ---- */

static __always_inline int put_main(struct body *body, const struct answer *answer,
				    const struct sections *sections)
{
	body->place.head = sections->head;
	body->place.at = 0;
	body->place.inserted = sections->parts_len;
	body->place.shift = sections->shift;
	body->place.own = sections->shift + sections->parts_len;
	if (!sections->is_inline)
		return put_outside(&sections->main);
	if (sections->head.flags & XNS_IMAGE_LAYOUT)
		return put_inline(answer);
	if (sections->parts_len && sections->head.arcount)
		return -1;
	return put_plain(body, answer);
}

/* SOA and proofs, before the main image's additional section: those from `first` up to `end`. */
__noinline int put_parts(struct body *body, const struct query *query,
			 const struct sections *sections, __u32 first, __u32 end)
{
	__u32 at;

	if (!body || !query || !sections)
		return -1;
	at = body->next;
	body->place.inserted = 0;
	body->place.shift = sections->part_shift;
	for (__u32 i = 0; i < PARTS_MAX; i++) {
		const struct part *part = &sections->part[i];

		if (i < first)
			continue;
		if (i >= end)
			return 0;
		body->place.head = part->head;
		body->place.at = at;
		body->place.own = question_end(query) + at;
		if (part->at ? put_proof(part) : put_outside(&part->key))
			return -1;
		at += part->head.len;
	}
	return 0;
}

/* ---- what comes again ---- */

#define AGAIN_SLOTS 32
#define AGAIN_BYTES 1200

/* Which parts, and what their pointers depend on. */
struct again_key {
	__u64 id[AGAIN_MAX];
	__u32 name_len;
	__u32 shift;
};

/*
 * The first parts of a negative answer, which many names have, as they were put together for
 * another name of the same length: one copy for up to three look-ups, copies and lists of pointers.
 * Parts are known by their content, so it stays right.
 */
struct again {
	struct again_key key;
	struct again_key missed; /* what was not here last time: kept if it comes twice in a row */
	__u64 sum;
	__u64 len;
	__u8 bytes[AGAIN_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AGAIN_SLOTS);
	__type(key, __u32);
	__type(value, struct again);
} scratch_again SEC(".maps");

static __always_inline bool again_matches(const struct again_key *a, const struct again_key *b)
{
	__u32 differs = (a->name_len ^ b->name_len) | (a->shift ^ b->shift);
	__u64 other = 0;

	for (int i = 0; i < AGAIN_MAX; i++)
		other |= a->id[i] ^ b->id[i];
	return !differs && !other;
}

static __always_inline int again_copy(void *to, const __u32 size, const void *from, __u32 len)
{
	struct bpf_dynptr ptr;

	asm volatile("" : "+r"(len));
	if (len > AGAIN_BYTES || bpf_dynptr_from_mem(to, size, 0, &ptr))
		return -1;
	return bpf_dynptr_write(&ptr, 0, (void *)from, len, 0);
}

/* Keeps the body if this is the second time in a row. */
static __always_inline void again_keep(struct again *again, const struct again_key *key,
				       const struct body *body)
{
	if (!again_matches(&again->missed, key)) {
		again->missed = *key;
		return;
	}
	if (again_copy(again->bytes, AGAIN_BYTES, body->bytes, body->len))
		return; /* too long */
	again->key = *key;
	again->sum = body->sum;
	again->len = body->len;
}

/* Puts all parts, of which the first n_again, with which the body begins, may be at hand. */
__noinline int put_negative(const struct query *query, const struct sections *sections)
{
	struct body *body = body_get();
	struct again_key key = {};
	struct again *again;
	__u32 slot, n;

	if (!body || !query || !sections)
		return -1;
	n = sections->n_again;
	slot = key.name_len = query->name_len;
	key.shift = sections->part_shift;
	for (__u32 i = 0; i < AGAIN_MAX; i++) {
		if (i >= n)
			break;
		key.id[i] = sections->part[i].id;
		slot += key.id[i] >> XNS_CLASS_BITS;
	}
	slot %= AGAIN_SLOTS;
	again = bpf_map_lookup_elem(&scratch_again, &slot);
	if (!again)
		return -1;
	if (again_matches(&again->key, &key)) {
		body->sum = again->sum;
		body->len = body->next = again->len;
		if (again_copy(body->bytes, BODY_MAX, again->bytes, again->len))
			return -1;
	} else {
		if (put_parts(body, query, sections, 0, n))
			return -1;
		again_keep(again, &key, body);
	}
	return put_parts(body, query, sections, n, sections->n_parts);
}

static __always_inline int put_any_parts(struct body *body, const struct query *query,
					 const struct sections *sections)
{
	if (sections->n_again && !body->len)
		return put_negative(query, sections);
	return put_parts(body, query, sections, 0, sections->n_parts);
}

/* ---- OPT ---- */

static __always_inline __u32 ede_len(__u8 code)
{
	return EDE_LEN + (code == EDE_INVALID ? EXPIRED_TEXT_LEN : 0);
}

/*
 * Which options the client gets: RFC 5001 §2.2, RFC 9660 §3.2 (in every reply from a zone), and
 * unasked that the zone is stale or has expired, RFC 8914 §2. None with BADVERS: so do NSD and
 * BIND.
 */
static __always_inline void options_plan(const struct xns_config *config, const struct query *query,
					 const struct sections *sections, bool is_badvers,
					 struct options *ret)
{
	ret->opt_len = query->has_edns ? OPT_LEN : 0;
	ret->ext_rcode = is_badvers ? RCODE_BADVERS >> 4 : 0;
	ret->nsid_len = 0;
	ret->has_zoneversion = 0;
	ret->ede = EDE_NONE;
	if (!query->has_edns || is_badvers)
		return;
	if (sections->ede != EDE_NONE) {
		ret->ede = sections->ede;
		ret->opt_len += OPT_HEADER_LEN + ede_len(ret->ede);
	}
	if (query->asks & ASKS_NSID && config->nsid_len && config->nsid_len <= XNS_NSID_MAX) {
		ret->nsid_len = config->nsid_len;
		ret->opt_len += OPT_HEADER_LEN + ret->nsid_len;
	}
	if (query->asks & ASKS_ZONEVERSION && sections->has_zone) {
		ret->has_zoneversion = 1;
		ret->opt_len += OPT_HEADER_LEN + ZONEVERSION_LEN;
	}
}

/* Of the OPT, as a little-endian word: root, TYPE, CLASS is our size, TTL begins. */
static __always_inline __u64 opt_word(const struct xns_config *config, const struct query *query)
{
	return (__u64)TYPE_OPT << 16 | (__u64)bpf_htons(config->max_udp_size) << 24 |
	       (__u64)query->dnssec_ok << 63;
}

/*
 * The OPT without its options: root, TYPE, CLASS is our size, TTL is extended RCODE, version 0 and
 * flags, RDLENGTH. Little-endian words of it.
 */
static __always_inline int put_opt(struct body *body, const struct xns_config *config,
				   const struct query *query)
{
	__u32 at = body->len, rdlen = body->options.opt_len - OPT_LEN;
	__u64 first, last;

	asm volatile("" : "+r"(at));
	if (at > BODY_MAX - OPT_LEN || rdlen > 255)
		return -1;
	first = opt_word(config, query) | (__u64)body->options.ext_rcode << 40;
	last = rdlen << 16;
	*(__u64 *)(body->bytes + at) = first;
	*(__u64 *)(body->bytes + at + 8) = last;
	body->len = at + OPT_LEN;
	body->sum += sum_at(sum_word(first) + last, at);
	return 0;
}

/* The options, which opt_len has room for, in the order of the sockets' replies. */
__noinline int put_options(const struct xns_config *config, const struct sections *sections)
{
	struct body *body = body_get();
	struct bpf_dynptr to;
	__u32 at, len;

	if (!body || !config || !sections || bpf_dynptr_from_mem(body->bytes, BODY_MAX, 0, &to))
		return -1;
	at = body->len;
	if (body->options.nsid_len) {
		__u8 head[OPT_HEADER_LEN] = {0, OPTION_NSID, 0, body->options.nsid_len};

		len = body->options.nsid_len;
		asm volatile("" : "+r"(len));
		if (len > XNS_NSID_MAX || bpf_dynptr_write(&to, at, head, sizeof(head), 0) ||
		    bpf_dynptr_write(&to, at + OPT_HEADER_LEN, (void *)config->nsid, len, 0))
			return -1;
		at += OPT_HEADER_LEN + len;
	}
	if (body->options.has_zoneversion) {
		__u32 serial = sections->serial;
		__u8 option[OPT_HEADER_LEN + ZONEVERSION_LEN] = {
			0,
			OPTION_ZONEVERSION,
			0,
			ZONEVERSION_LEN,
			sections->apex_labels,
			ZONEVERSION_TYPE,
			serial >> 24,
			serial >> 16,
			serial >> 8,
			serial,
		};

		if (bpf_dynptr_write(&to, at, option, sizeof(option), 0))
			return -1;
		at += sizeof(option);
	}
	if (body->options.ede != EDE_NONE) {
		__u8 option[OPT_HEADER_LEN + EDE_LEN + EXPIRED_TEXT_LEN + 1] =
			"\0\0\0\0\0\0" EXPIRED_TEXT;

		option[1] = OPTION_EDE;
		option[3] = ede_len(body->options.ede);
		option[5] = body->options.ede;
		len = OPT_HEADER_LEN + option[3];
		asm volatile("" : "+r"(len));
		if (len > sizeof(option) || bpf_dynptr_write(&to, at, option, len, 0))
			return -1;
		at += len;
	}
	len = at - body->len;
	body->len = at;
	return sum_bytes(body, at - len, len);
}

/* ---- all of it ---- */

/* Puts the body together; without_sections: TC=1. UNDECIDED, or why it cannot be. */
static __always_inline enum xns_counter body_make(const struct xns_config *config,
						  const struct query *query,
						  const struct answer *answer,
						  const struct denial *denial,
						  const struct sections *sections,
						  bool without_sections, struct body *ret)
{
	enum xns_counter put;

	ret->sum = 0;
	ret->len = ret->next = 0;
	/* Images are known by their content: one that is missing was replaced just now. */
	if (!without_sections) {
		if (sections->has_main && put_main(ret, answer, sections))
			return XNS_PASS_CHANGING;
		if (sections->cname_len) {
			put = dname_put(ret, query, denial, sections);
			if (put != UNDECIDED)
				return put;
		}
		if (sections->n_parts && put_any_parts(ret, query, sections))
			return XNS_PASS_CHANGING;
	}
	if (query->has_edns && put_opt(ret, config, query))
		return XNS_PASS_INTERNAL;
	if (query->has_edns && ret->options.opt_len > OPT_LEN && put_options(config, sections))
		return XNS_PASS_INTERNAL;
	return UNDECIDED;
}

#endif
