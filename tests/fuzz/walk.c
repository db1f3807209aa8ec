// SPDX-License-Identifier: GPL-3.0-or-later
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/walk.h"
#include "image/image.h"
#include "image/order.h"

/* Images and pages that were found to be referred to, each once. */
struct walk {
	const struct kernel *kernel;
	struct xns_image_key *seen;
	size_t n, size;
	struct order_entry first, last; /* of the order: keys ascend over all leaves */
	unsigned n_keys;
};

static bool see(struct walk *walk, const struct xns_image_key *key)
{
	for (size_t i = 0; i < walk->n; i++)
		if (memcmp(&walk->seen[i], key, sizeof(*key)) == 0)
			return false;
	if (walk->n == walk->size) {
		walk->size = walk->size * 2 + 64;
		walk->seen = realloc(walk->seen, walk->size * sizeof(*walk->seen));
		CHECK(walk->seen);
	}
	walk->seen[walk->n++] = *key;
	return true;
}

/* ---- images ---- */

static uint32_t sum_of(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)bytes[i] << 8 * (i & 1);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* 0 and 0xffff are the same number. */
static bool same_sum(uint32_t a, uint32_t b)
{
	return a % 0xffff == b % 0xffff;
}

static void check_pointers(const struct xns_image_head *head, const struct xns_image_layout *layout,
			   const uint8_t *list, const uint8_t *bytes)
{
	int last = -2;

	for (unsigned i = 0; i < layout->n_pointers; i++) {
		uint16_t entry, at;

		memcpy(&entry, list + 2 * i, sizeof(entry));
		at = entry & ~XNS_POINTER_OWN;
		CHECK(at >= last + 2 && at + 2 <= head->len);
		CHECK(at >= layout->additional || at + 2 <= layout->additional);
		CHECK((bytes[at] & 0xc0) == 0xc0);
		last = at;
	}
}

/* Of an image with a layout and `size` bytes behind it. at_dname: of a node with a DNAME, whose
 * image has the DNAME's target, spelled as in the zone. */
static void check_layout(const struct xns_image_head *head, const struct xns_image_layout *layout,
			 const uint8_t *bytes, size_t size, bool at_dname)
{
	size_t list = (head->len + 1u) & ~1u, target = list + 2 * layout->n_pointers;
	const uint8_t *name = bytes + target;

	CHECK(layout->additional <= head->len && layout->n_pointers <= XNS_POINTERS_MAX);
	CHECK(layout->reserved == 0 && target + layout->target_len <= size);
	CHECK(same_sum(head->sum, sum_of(bytes, layout->additional)));
	CHECK(same_sum(layout->additional_sum,
		       sum_of(bytes + layout->additional, head->len - layout->additional)));
	check_pointers(head, layout, bytes + list, bytes);
	if (layout->target_len == 0)
		return;
	CHECK(head->flags & XNS_IMAGE_PROVE || at_dname);
	CHECK(knot_dname_wire_check(name, name + layout->target_len, NULL) == layout->target_len);
	for (unsigned i = 0; !at_dname && i < layout->target_len; i++)
		CHECK(name[i] < 'A' || name[i] > 'Z');
}

static void check_outside(struct walk *walk, const struct xns_image_head *head,
			  const struct xns_image_key *key, bool at_dname)
{
	static const uint16_t max[] = {XNS_IMAGE_TINY_MAX, XNS_IMAGE_SMALL_MAX,
				       XNS_IMAGE_LARGE_MAX};
	unsigned class = key->content & ((1 << XNS_CLASS_BITS) - 1);
	const uint8_t *value;

	CHECK(class <= XNS_CLASS_LARGE);
	value = kernel_find(walk->kernel, KERNEL_TINY + class, key);
	CHECK(value && head->len > 0 && head->len <= max[class]);
	see(walk, key);
	check_layout(head, (const void *)value, value + sizeof(struct xns_image_layout), max[class],
		     at_dname);
}

static void check_inline(const struct xns_image_head *head, const uint8_t *at, size_t size,
			 bool at_dname)
{
	struct xns_image_layout layout;

	CHECK(head->len <= size);
	if (!(head->flags & XNS_IMAGE_LAYOUT)) {
		CHECK(same_sum(head->sum, sum_of(at, head->len)));
		return;
	}
	CHECK(size >= sizeof(layout));
	memcpy(&layout, at, sizeof(layout));
	check_layout(head, &layout, at + sizeof(layout), size - sizeof(layout), at_dname);
}

/* ---- nodes ---- */

static void check_entry(struct walk *walk, const struct xns_name_key *key,
			const struct xns_node *node, const struct xns_type *type)
{
	struct xns_image_key outside = {.owner = key->hash[0]};
	size_t at = type->off + sizeof(struct xns_image_head);
	bool at_dname = node->flags & XNS_NODE_DNAME;
	const uint8_t *bytes = (const uint8_t *)node;
	struct xns_image_head head;

	CHECK(type->off % 8 == 0 && type->off >= xns_node_begin(node->n_types));
	CHECK(at <= sizeof(*node));
	memcpy(&head, bytes + type->off, sizeof(head));
	if (type->flags & XNS_TYPE_PASS)
		return;
	if (type->flags & XNS_TYPE_INLINE) {
		check_inline(&head, bytes + at, sizeof(*node) - at, at_dname);
		return;
	}
	CHECK(at + sizeof(outside.content) <= sizeof(*node));
	memcpy(&outside.content, bytes + at, sizeof(outside.content));
	check_outside(walk, &head, &outside, at_dname);
}

/* A name that is not in the filter would be denied. */
static bool is_in_filter(const struct kernel *kernel, const struct xns_name_key *key)
{
	struct xns_filter filter = kernel->config->filter;
	__u64 bits = xns_filter_bits(key->hash[1]);

	if (filter.words == 0)
		return true;
	return (kernel->filter[filter.begin + xns_filter_word(key->hash[0], filter.words)] &
		bits) == bits;
}

static void check_node(const void *key_at, const void *value, void *ctx)
{
	struct xns_name_key key;
	struct xns_node node;
	int last = -1;

	memcpy(&key, key_at, sizeof(key));
	memcpy(&node, value, sizeof(node));
	CHECK(is_in_filter(((struct walk *)ctx)->kernel, &key));
	CHECK(node.n_types <= XNS_NODE_TYPES && node.slot == 0 && !(node.flags & XNS_NODE_GONE));
	for (unsigned i = 0; i < node.n_types; i++) {
		int order = 2 * node.type[i].type + !(node.type[i].flags & XNS_TYPE_DO);

		CHECK(order > last);
		last = order;
		check_entry(ctx, &key, &node, &node.type[i]);
	}
	if (node.flags & XNS_NODE_MORE) {
		struct xns_name_key next = key;

		next.hash[1]++;
		CHECK(kernel_find(((struct walk *)ctx)->kernel, KERNEL_NODES, &next));
	}
}

/* ---- zones ---- */

/* A proof is what it needs of its entry's words, and zeros up to the end of the last one. */
static void check_proof(const struct order_entry *entry)
{
	const uint8_t *bytes = (const uint8_t *)entry->word + sizeof(struct xns_proof);
	size_t size = entry->n_words * sizeof(entry->word[0]), used;
	struct xns_proof proof;

	CHECK(size > sizeof(proof));
	size -= sizeof(proof);
	memcpy(&proof, entry->word, sizeof(proof));
	CHECK(proof.head.len > 0 && proof.head.len <= size && size <= XNS_IMAGE_LARGE_MAX);
	CHECK(proof.head.nscount > 0 && proof.head.ancount == 0 && proof.head.arcount == 0);
	CHECK(proof.head.flags == 0 && proof.id != 0);
	CHECK(proof.layout.additional == proof.head.len && proof.layout.target_len == 0);
	check_layout(&proof.head, &proof.layout, bytes, size, false);
	used = proof.head.len;
	if (proof.layout.n_pointers > 0)
		used = ((used + 1) & ~(size_t)1) + 2 * proof.layout.n_pointers;
	CHECK(size == ((used + 7) & ~(size_t)7));
	while (used < size)
		CHECK(bytes[used++] == 0);
}

/* What of a page no entry has. */
static void check_rest(const struct xns_order *page)
{
	CHECK(page->reserved == 0 && page->reserved2 == 0);
	for (unsigned i = page->n_words; i < XNS_ORDER_WORDS; i++)
		CHECK(page->word[i] == 0);
}

static void check_order(struct walk *walk, const struct xns_image_key *key, unsigned above,
			const struct order_key *first)
{
	const struct xns_order *page = kernel_find(walk->kernel, KERNEL_ORDER, key);

	CHECK(page && order_page_is_valid(page) && page->level < above);
	see(walk, key);
	check_rest(page);
	for (unsigned i = 0; i < page->n; i++) {
		struct xns_image_key below;
		struct order_entry entry;

		order_page_entry(page, i, &entry);
		CHECK(i > 0 || !first || order_key_compare(&entry.key, first) == 0);
		if (page->level > 0) {
			below = order_page_below(page, i);
			check_order(walk, &below, page->level, &entry.key);
			continue;
		}
		check_proof(&entry);
		if (walk->n_keys++ == 0)
			walk->first = entry;
		else
			CHECK(order_key_compare(&walk->last.key, &entry.key) < 0);
		walk->last = entry;
	}
}

/* The last NSEC3 is there under the empty key too. */
static void check_ends(const struct walk *walk)
{
	const struct order_entry *first = &walk->first, *last = &walk->last;

	CHECK(walk->n_keys > 1 && first->key.n == 0 && first->n_words == last->n_words);
	CHECK(memcmp(first->word, last->word, first->n_words * sizeof(first->word[0])) == 0);
}

static void check_version(struct walk *walk, const struct xns_version *version)
{
	if (version->soa.head.len > 0)
		check_outside(walk, &version->soa.head, &version->soa.key, false);
	if (version->soa_sig.head.len > 0)
		check_outside(walk, &version->soa_sig.head, &version->soa_sig.key, false);
	walk->n_keys = 0;
	if (!order_is_empty(&version->order))
		check_order(walk, &version->order, XNS_ORDER_LEVELS, NULL);
	else
		CHECK(version->denial == XNS_DENIAL_NONE || version->denial == XNS_DENIAL_STACK);
	if (version->denial == XNS_DENIAL_NSEC3)
		check_ends(walk);
	CHECK(version->salt_len <= XNS_SALT_MAX);
}

static void check_zone(const void *key, const void *value, void *ctx)
{
	static const struct xns_version none;
	struct xns_zone zone;

	(void)key;
	memcpy(&zone, value, sizeof(zone));
	check_version(ctx, &zone.version[zone.current & 1]);
	CHECK(memcmp(&zone.version[!zone.current], &none, sizeof(none)) == 0);
}

void walk_maps(const struct kernel *kernel)
{
	struct walk walk = {.kernel = kernel};
	size_t there = 0;

	CHECK(!kernel->config->staging && kernel_count(kernel, KERNEL_STAGED) == 0);
	kernel_each(kernel, KERNEL_NODES, check_node, &walk);
	kernel_each(kernel, KERNEL_ZONES, check_zone, &walk);
	for (enum kernel_map map = KERNEL_TINY; map <= KERNEL_ORDER; map++)
		there += kernel_count(kernel, map);
	CHECK(there == walk.n);
	free(walk.seen);
}
