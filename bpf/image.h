/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images, put into the body: what goes behind the question, in per-CPU memory. Each where it is to
 * stand, its pointers moved; and the sum of what is there.
 */
#ifndef XNS_IMAGE_H
#define XNS_IMAGE_H

#include "denial.h"

#define BODY_MAX	4096 /* the largest server.max-udp-size */
#define IMAGE_WORDS_MAX 256  /* longer images are copied by the kernel */
#define SUM_BYTES_MAX	272  /* a CNAME below a DNAME; options are shorter */

/* Of the OPT, and what it answers to. */
struct options {
	__u16 opt_len;	/* with all its options; 0: no OPT */
	__u16 nsid_len; /* 0: none */
	__u8 has_zoneversion;
	__u8 ede; /* info code; EDE_NONE */
	__u8 ext_rcode;
	__u8 reserved;
};

/* Where an image goes. */
struct place {
	struct xns_image_head head;
	__u32 at;	/* in the body */
	__u32 inserted; /* bytes that go before its additional section */
	__u32 shift;	/* what its pointers grow by; */
	__u32 own;	/* those with XNS_POINTER_OWN */
};

struct body {
	__u64 sum; /* of the bytes, as if they began at an even offset */
	__u32 len;
	__u32 next; /* where the additional section of the image began that was put last */
	struct place place;
	struct options options;
	__u8 bytes[BODY_MAX + 256]; /* what is behind it is for fixed lengths */
};

/* A map of its own: dynptrs are only to be had of map values, and functions are handed others. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct body);
} scratch_body SEC(".maps");

static __always_inline struct body *body_get(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&scratch_body, &first);
}

/* Adds what was just written to the body to its sum, byte by byte: for the rare and short. */
__noinline int sum_bytes(struct body *body, __u32 at, __u32 len)
{
	if (!body || len > SUM_BYTES_MAX)
		return -1;
	for (__u32 i = 0; i < SUM_BYTES_MAX; i++) {
		__u32 from = at + i;

		if (i >= len)
			break;
		asm volatile("" : "+r"(from));
		if (from >= BODY_MAX)
			return -1;
		body->sum += (__u32)body->bytes[from] << 8 * (from & 1);
	}
	return 0;
}

/* ---- images ---- */

/*
 * Moves one pointer of an image, as the layout lists it. It grows by a number, so the sum does as
 * well. Here and not in the loop, so that the verifier looks at it once.
 */
__noinline int move_pointer(struct body *body, __u32 listed, __u32 additional)
{
	__u32 at = listed & ~XNS_POINTER_OWN, grow;
	__be16 *pointer;

	if (!body)
		return -1;
	at += body->place.at + (at >= additional ? body->place.inserted : 0);
	grow = listed & XNS_POINTER_OWN ? body->place.own : body->place.shift;
	asm volatile("" : "+r"(at));
	if (at >= BODY_MAX)
		return -1;
	pointer = (__be16 *)(body->bytes + at);
	*pointer = bpf_htons(bpf_ntohs(*pointer) + grow);
	body->sum += sum_at(bpf_htons(grow), at);
	return 0;
}

/* Moves the image's pointers, of which the list lies at bytes[list]. */
static __always_inline int move_pointers(struct body *body, const struct xns_image_layout *layout,
					 const __u8 *bytes, const __u32 max, __u32 list)
{
	for (__u32 i = 0; i < XNS_POINTERS_MAX; i++) {
		__u32 from = list + 2 * i;

		if (i >= layout->n_pointers)
			return 0;
		asm volatile("" : "+r"(from));
		if (from > max - 2 ||
		    move_pointer(body, *(const __u16 *)(bytes + from), layout->additional))
			return -1;
	}
	return layout->n_pointers > XNS_POINTERS_MAX ? -1 : 0;
}

/* By words, two at a time, which may write over what is behind the image. */
static __always_inline int put_words(struct body *body, const __u8 *bytes, const __u32 max)
{
	__u32 to = body->place.at, len = body->place.head.len;

	asm volatile("" : "+r"(to));
	if (to > BODY_MAX)
		return -1;
	for (__u32 at = 0; at < IMAGE_WORDS_MAX && at + 16 <= max && at < len; at += 16) {
		*(__u64 *)(body->bytes + to + at) = *(const __u64 *)(bytes + at);
		*(__u64 *)(body->bytes + to + at + 8) = *(const __u64 *)(bytes + at + 8);
	}
	return 0;
}

/* first: so many bytes go before what is put in between. */
static __always_inline int put_bytes(struct body *body, const __u8 *bytes, const __u32 max,
				     __u32 first)
{
	const struct place *place = &body->place;
	__u32 len = place->head.len;
	struct bpf_dynptr to;

	if (bpf_dynptr_from_mem(body->bytes, BODY_MAX, 0, &to))
		return -1;
	asm volatile("" : "+r"(len));
	if (len > max)
		return -1;
	/* The whole to where its end goes, then the first part to its place: copies that begin
	 * anywhere else are too much for the verifier. */
	if (bpf_dynptr_write(&to, place->at + (first < len ? place->inserted : 0), (void *)bytes,
			     len, 0))
		return -1;
	if (place->inserted && first < len) {
		asm volatile("" : "+r"(first));
		if (first > max || bpf_dynptr_write(&to, place->at, (void *)bytes, first, 0))
			return -1;
	}
	return 0;
}

/*
 * Puts an image, of which `max` bytes lie at `bytes`, where body->place says; taken apart at its
 * additional section when something goes in between.
 */
static __always_inline int put_image(struct body *body, const struct xns_image_layout *layout,
				     const __u8 *bytes, const __u32 max)
{
	const struct place *place = &body->place;
	__u32 len = place->head.len, first = layout->additional;
	bool is_whole = first == len || !place->inserted;
	bool is_last = place->at == body->len;
	bool is_short = max <= XNS_IMAGE_SMALL_MAX && len <= IMAGE_WORDS_MAX && len <= (max & ~15U);

	if (first > len)
		return -1;
	body->next = place->at + first;
	body->len += len;
	if (is_short && is_whole && is_last ? put_words(body, bytes, max)
					    : put_bytes(body, bytes, max, first))
		return -1;
	body->sum += sum_at(place->head.sum, place->at);
	if (layout->additional < place->head.len)
		body->sum += sum_at(layout->additional_sum,
				    place->at + place->inserted + layout->additional);
	if (!(place->shift | place->own))
		return 0;
	return move_pointers(body, layout, bytes, max, (place->head.len + 1) & ~1U);
}

/* An image from the maps. */
__noinline int put_outside(const struct xns_image_key *key)
{
	const struct xns_image_tiny *tiny;
	const struct xns_image_small *small;
	const struct xns_image_large *large;
	struct body *body = body_get();
	struct xns_image_key copy;

	if (!body || !key)
		return -1;
	copy = *key;
	switch (copy.content & ((1 << XNS_CLASS_BITS) - 1)) {
	case XNS_CLASS_TINY:
		tiny = segmented_find(&images_tiny, &copy.owner);
		return tiny ? put_image(body, &tiny->layout, tiny->bytes, sizeof(tiny->bytes)) : -1;
	case XNS_CLASS_SMALL:
		small = segmented_find(&images_small, &copy.owner);
		return small ? put_image(body, &small->layout, small->bytes, sizeof(small->bytes))
			     : -1;
	case XNS_CLASS_LARGE:
		large = segmented_find(&images_large, &copy.owner);
		return large ? put_image(body, &large->layout, large->bytes, sizeof(large->bytes))
			     : -1;
	default:
		return -1;
	}
}

/* A proof, which lies in a leaf of the order. Nothing is put in between. */
__noinline int put_proof(const struct part *part)
{
	struct body *body = body_get();
	const struct xns_image_layout *layout;
	const struct xns_order *page;
	struct xns_image_key key;
	__u64 *behind, first, second;
	__u32 from, to, len, end;

	if (!body || !part)
		return -1;
	key = part->key;
	page = segmented_find(&order, &key.owner);
	from = part->at;
	asm volatile("" : "+r"(from));
	if (!page || from >= XNS_ORDER_WORDS)
		return -1;
	layout = (const struct xns_image_layout *)&page->word[from];
	asm volatile("" : "+r"(layout)); /* 6.1 loses the bounds of `from` */
	len = body->place.head.len;
	to = body->place.at;
	end = to + len;
	asm volatile("" : "+r"(end));
	if (end > BODY_MAX)
		return -1;
	/* The main image's additional section may be there, and words write over it. */
	behind = (__u64 *)(body->bytes + end);
	first = behind[0];
	second = behind[1];
	for (__u32 at = 0; at < XNS_IMAGE_LARGE_MAX; at += 16) {
		__u32 word = from + 1 + at / 8, byte = to + at;

		if (at >= len)
			break;
		asm volatile("" : "+r"(word), "+r"(byte));
		if (word >= XNS_ORDER_WORDS || byte > BODY_MAX)
			return -1;
		*(__u64 *)(body->bytes + byte) = page->word[word];
		*(__u64 *)(body->bytes + byte + 8) = *(&page->word[word] + 1);
	}
	behind[0] = first;
	behind[1] = second;
	body->len += len;
	body->next = to + len;
	body->sum += sum_at(body->place.head.sum, to);
	if (!(body->place.shift | body->place.own))
		return 0;
	return move_pointers(body, layout, (const __u8 *)page->word, sizeof(page->word),
			     8 * (from + 1) + ((len + 1) & ~1U));
}

/* An image that lies in its node. Without a layout it is put as a whole, and has nothing to move.
 */
__noinline int put_inline(const struct answer *answer)
{
	struct xns_image_layout layout = {};
	struct body *body = body_get();
	const __u8 *from;

	if (!body || !answer)
		return -1;
	from = answer->data + sizeof(struct xns_image_head);
	layout.additional = body->place.head.len;
	if (body->place.head.flags & XNS_IMAGE_LAYOUT) {
		layout = *(const struct xns_image_layout *)from;
		from += sizeof(layout);
	}
	return put_image(body, &layout, from, XNS_NODE_DATA);
}

/* The common case: an image in its node, with nothing to move or to put in between. */
static __always_inline int put_plain(struct body *body, const struct answer *answer)
{
	const __u8 *from = answer->data + sizeof(struct xns_image_head);
	__u32 len = body->place.head.len;

	for (__u32 at = 0; at < XNS_NODE_DATA && at < len; at += 8)
		*(__u64 *)(body->bytes + at) = *(const __u64 *)(from + at);
	body->sum = body->place.head.sum;
	body->len = body->next = len;
	return len > XNS_NODE_DATA ? -1 : 0;
}

#endif
