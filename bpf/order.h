/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order of a zone (struct xns_order): makes the key of a name, and finds the last entry that is
 * not behind it.
 */
#ifndef XNS_ORDER_H
#define XNS_ORDER_H

#include "lookup.h"
#include "sha1.h"

#define ORDER_ENTRIES_MAX (XNS_ORDER_WORDS * 2 / 5) /* of two and a half words */

/* Room for a label that begins at the last byte of the longest key. */
#define ORDER_KEY_ROOM (XNS_ORDER_KEY_WORDS + 20)

struct order_key {
	__u32 len; /* bytes, while it is made */
	__u32 words;
	__u64 word[ORDER_KEY_ROOM]; /* in the end in the host's byte order */
};

/* The entry found. */
struct order_hit {
	struct part part;
	__u64 exact; /* the key is the entry's */
};

/* ---- keys ---- */

/* A label byte by byte: octets 0 and 1 are written as two, 1 1 and 1 2. */
__noinline int order_key_escape(struct order_key *key, const struct query *name, __u32 at,
				__u32 len)
{
	if (!key || !name)
		return -1;
	for (__u32 i = 0; i < LABEL_MAX; i++) {
		__u8 *to = (__u8 *)key->word;
		__u32 end = key->len;
		__u8 octet;

		if (i >= len)
			return 0;
		asm volatile("" : "+r"(end));
		if (end >= 8 * XNS_ORDER_KEY_WORDS)
			return -1;
		octet = lower_case(message_u8(name, at + i));
		to[end] = octet > 1 ? octet : 1;
		to[end + 1] = octet + 1; /* or else behind the end */
		key->len = end + (octet > 1 ? 1 : 2);
	}
	return 0;
}

/*
 * Adds the label whose length octet is at `at` of the message, and the zero octet behind it. In
 * words, unless there is something to escape. The bytes of the last word behind the label are zero.
 */
__noinline int order_key_label(struct order_key *key, const struct query *name, __u32 at)
{
	const __u64 ones = 0x0101010101010101ULL, tops = 0x80 * ones;
	__u32 len, end, begin;
	__u64 escapes = 0;
	__u8 *to;

	if (!key || !name)
		return -1;
	if (at >= HEADER_LEN + XNS_NAME_MAX)
		return -1;
	len = name->message[at];
	end = begin = key->len;
	asm volatile("" : "+r"(end));
	if (end >= 8 * XNS_ORDER_KEY_WORDS)
		return -1;
	to = (__u8 *)key->word + end;
	for (__u32 i = 0; i <= LABEL_MAX; i += 8) {
		__u64 word, keep = ~0ULL;

		if (i > len)
			break;
		word = lower_case(*(const __u64 *)(name->message + at + 1 + i));
		if (i + 8 > len)
			keep = (1ULL << 8 * (len & 7)) - 1;
		word &= keep;
		*(__u64 *)(to + i) = word;
		/* Is an octet of the label below 2? */
		word |= ~keep;
		escapes |= (word - 2 * ones) & ~word & tops;
	}
	key->len = begin + len + 1;
	if (!escapes)
		return 0;
	key->len = begin;
	if (order_key_escape(key, name, at + 1, len))
		return -1;
	end = key->len;
	asm volatile("" : "+r"(end));
	if (end >= 8 * XNS_ORDER_KEY_WORDS)
		return -1;
	*(__u64 *)((__u8 *)key->word + end) = 0;
	key->len = end + 1;
	return 0;
}

/* Takes away the words of zeros at the end of the key: one of a name, two of a hash at most. */
static __always_inline void order_key_trim(struct order_key *key)
{
	for (int i = 0; i < 2; i++) {
		__u32 last = key->words - 1;

		asm volatile("" : "+r"(last));
		if (last < XNS_ORDER_KEY_WORDS && !key->word[last])
			key->words = last;
	}
}

/* Ends the key: whole words, as numbers. */
__noinline int order_key_end(struct order_key *key)
{
	__u32 words, end;

	if (!key)
		return -1;
	end = key->len;
	asm volatile("" : "+r"(end));
	if (end > 8 * XNS_ORDER_KEY_WORDS)
		return -1;
	*(__u64 *)((__u8 *)key->word + end) = 0;
	words = (end + 7) / 8;
	for (__u32 i = 0; i < XNS_ORDER_KEY_WORDS; i++) {
		if (i >= words)
			break;
		key->word[i] = __builtin_bswap64(key->word[i]);
	}
	key->words = words;
	order_key_trim(key);
	return 0;
}

/* The key among NSEC owners of the name at `skip` (STAR: of its wildcard). */
__noinline int order_key_name(struct order_key *key, const struct query *name, __u32 skip,
			      __u32 apex_labels)
{
	__u32 label;

	if (!key || !name || name->labels < apex_labels)
		return -1;
	key->len = 0;
	key->word[0] = 0;
	label = name->labels - apex_labels;
	for (int i = 0; i < XNS_NAME_LABELS; i++) {
		if (label <= (skip & XNS_NAME_LABELS))
			break;
		label--;
		if (order_key_label(key, name, HEADER_LEN + name->label[label & XNS_NAME_LABELS]))
			return -1;
	}
	if (skip & STAR) {
		__u32 end = key->len;

		asm volatile("" : "+r"(end));
		if (end >= 8 * XNS_ORDER_KEY_WORDS)
			return -1;
		*(__u64 *)((__u8 *)key->word + end) = '*';
		key->len = end + 2;
	}
	return order_key_end(key);
}

/* The key of an NSEC3 hash. */
static __always_inline void order_key_hash(struct order_key *key, const struct sha1 *sha)
{
	key->words = 3;
	key->word[0] = (__u64)sha->state[0] << 32 | sha->state[1];
	key->word[1] = (__u64)sha->state[2] << 32 | sha->state[3];
	key->word[2] = (__u64)sha->state[4] << 32;
	order_key_trim(key);
}

/* ---- pages ---- */

/* Of the index-th entry, as it stands in the page; beyond all words, if it is none. */
static __always_inline __u32 order_place(const struct xns_order *page, __u32 index)
{
	index += 2 * page->n; /* in halves of words */
	asm volatile("" : "+r"(index));
	return index < 2 * XNS_ORDER_WORDS ? ((const __u32 *)page->word)[index] : 0xffff;
}

/* Where the data of the index-th entry begins: behind its key but for the first word. */
static __always_inline __u32 order_data(const struct xns_order *page, __u32 index)
{
	__u32 place = order_place(page, index), words = place >> 16;

	return (place & 0xffff) + (words > 1 ? words - 1 : 0);
}

/* Compares the key with the index-th entry of a page: -1, 0 or 1. */
__noinline int order_compare(const struct xns_order *page, const struct order_key *key, __u32 index)
{
	__u32 at, words, both;

	if (!page || !key)
		return -1;
	asm volatile("" : "+r"(index));
	if (index >= ORDER_ENTRIES_MAX)
		return -1;
	if (key->word[0] != page->word[index])
		return key->word[0] < page->word[index] ? -1 : 1;
	at = order_place(page, index);
	words = at >> 16;
	at &= 0xffff;
	both = words < key->words ? words : key->words;
	for (__u32 i = 1; i < XNS_ORDER_KEY_WORDS; i++, at++) {
		if (i >= both)
			break;
		asm volatile("" : "+r"(at));
		if (at >= XNS_ORDER_WORDS)
			return -1;
		if (key->word[i] != page->word[at])
			return key->word[i] < page->word[at] ? -1 : 1;
	}
	/* What one begins with comes before it; the last word of none is zero. */
	return key->words < words ? -1 : key->words > words;
}

/* 1 if a is below b, but for the lowest bit of both; without a branch. */
static __always_inline __u64 is_below(__u64 a, __u64 b)
{
	__u64 difference = (a >> 1) - (b >> 1);

	asm volatile("" : "+r"(difference)); /* clang would make it a branch again */
	return difference >> 63;
}

/*
 * How many first words of the page's keys are below `head`, but for the lowest bit of both and for
 * the last three: so many or a few more are. All are looked at, none waits for another: so the
 * lines of a cold page come at once.
 */
__noinline int order_count_below(const struct xns_order *page, __u64 head)
{
	__u64 count = 0;

	if (!page)
		return 0;
	for (__u32 i = 0; i < ORDER_ENTRIES_MAX - 3; i += 4) {
		const __u64 *word = page->word + i;

		if (i + 4 > page->n)
			break;
		count += is_below(word[0], head) + is_below(word[1], head) +
			 is_below(word[2], head) + is_below(word[3], head);
	}
	return count;
}

/* Asks for a line of a page that will soon be read. */
static __always_inline void touch(const struct xns_order *page, __u32 at)
{
	asm volatile("" : "+r"(at));
	if (at < XNS_ORDER_WORDS) {
		__u64 word = page->word[at];

		asm volatile("" : : "r"(word));
	}
}

/* Which of the page's entries is the last that is not behind the key: its number and 1; 0: none. */
__noinline int order_page_search(const struct xns_order *page, const struct order_key *key,
				 struct order_hit *hit)
{
	__u32 low, high;

	if (!page || !key || !hit)
		return 0;
	hit->exact = 0;
	low = order_count_below(page, key->word[0]);
	high = page->n;
	if (low >= high || (low < ORDER_ENTRIES_MAX && page->word[low] > key->word[0]))
		return low;
	/* Keys that begin alike, or the last of a page. */
	for (int i = 0; i < 8; i++) { /* of up to 255 */
		__u32 middle = (low + high) / 2;
		int compared;

		if (low >= high)
			break;
		compared = order_compare(page, key, middle);
		if (!compared) {
			hit->exact = 1;
			return middle + 1;
		}
		if (compared > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- from page to page ---- */

#define HINT_BITS      10
#define PAGE_KEY_WORDS (sizeof(struct xns_image_key) / sizeof(__u64))

/*
 * The lowest page that has all keys which begin with the same HINT_BITS, below this root: there a
 * search begins. A page never changes and is known by its content, so what was found stays right.
 */
struct hint {
	struct xns_image_key root, page;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << HINT_BITS);
	__type(key, __u32);
	__type(value, struct hint);
} scratch_hints SEC(".maps");

/* Of a page that has all keys that begin as `head` does: does the page below its entry, too? */
static __always_inline bool has_all(const struct xns_order *page, __u32 index, __u64 head)
{
	const __u64 rest = ~0ULL >> HINT_BITS;

	asm volatile("" : "+r"(index));
	if (index >= ORDER_ENTRIES_MAX - 1)
		return false;
	return page->word[index] < (head & ~rest) &&
	       (index + 1 >= page->n || page->word[index + 1] > (head | rest));
}

/* Finds the last entry that is not behind the key. 0, or -1: there is none, or a page is missing.
 */
__noinline int order_search(const struct chain *chain, const struct order_key *key,
			    struct order_hit *ret)
{
	struct xns_image_key next;
	struct hint *hint;
	bool is_new;
	__u32 slot;

	if (!chain || !key || !ret)
		return -1;
	slot = (key->word[0] >> (64 - HINT_BITS) ^ chain->root.owner) & ((1 << HINT_BITS) - 1);
	hint = bpf_map_lookup_elem(&scratch_hints, &slot);
	if (!hint)
		return -1;
	is_new = hint->root.owner != chain->root.owner || hint->root.content != chain->root.content;
	if (is_new)
		hint->root = hint->page = chain->root;
	next = hint->page;
	for (int i = 0; i < XNS_ORDER_LEVELS; i++) {
		const struct xns_order *page = segmented_find(&order, &next.owner);
		const __u64 *data;
		__u32 index, at;

		if (!page)
			return -1;
		index = order_page_search(page, key, ret);
		if (!index--)
			return -1;
		at = order_data(page, index);
		asm volatile("" : "+r"(at));
		if (at > XNS_ORDER_WORDS - PAGE_KEY_WORDS)
			return -1;
		data = &page->word[at];
		asm volatile("" : "+r"(data)); /* 6.1 would not see the bounds of at + 1 */
		if (!page->level) {
			touch(page, at + 8);
			touch(page, at + 16);
			touch(page, at + 24);
			ret->part.head = *(const struct xns_image_head *)&data[0];
			ret->part.id = data[1];
			ret->part.key = next;
			ret->part.at = at + 2;
			return 0;
		}
		next.owner = data[0];
		next.content = data[1];
		is_new = is_new && has_all(page, index, key->word[0]);
		if (is_new)
			hint->page = next;
	}
	return -1;
}

#endif
