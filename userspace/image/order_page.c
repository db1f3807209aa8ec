/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys and pages of the order. */
#include <errno.h>
#include <string.h>

#include "image/internal.h"
#include "image/order.h"
#include "store/key.h"

#define HASH_LABEL_LEN 32 /* digits of base32hex: 160 bits */
#define RUN_BITS       5
#define RUN_LEVELS     8 /* above there are few pages, and only room cuts: levels come to an end */

_Static_assert(KEY_NAME_MAX <= XNS_ORDER_KEY_WORDS * 8, "every name has a key");
_Static_assert(sizeof(struct xns_ref) == 3 * 8 && sizeof(struct xns_image_key) == 2 * 8, "words");

static void key_set(struct order_key *key, const uint8_t *bytes, size_t len)
{
	while (len > 0 && bytes[len - 1] == 0)
		len--;
	key->n = (len + 7) / 8;
	for (unsigned i = 0; i < key->n; i++) {
		size_t left = len - i * 8;
		__u64 word = 0;

		memcpy(&word, bytes + i * 8, left < 8 ? left : 8);
		key->word[i] = be64toh(word);
	}
}

void order_key_name(const knot_dname_t *apex, const knot_dname_t *owner, struct order_key *ret)
{
	uint8_t key[KEY_NAME_MAX], above[KEY_NAME_MAX];
	size_t len = key_from_name(owner, key), above_len = key_from_name(apex, above);

	key_set(ret, key + above_len, len - above_len);
}

static int base32hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'v' ? c - 'a' + 10 : -1;
}

int order_key_hash(const knot_dname_t *apex, const knot_dname_t *owner, struct order_key *ret)
{
	uint8_t hash[HASH_LABEL_LEN * 5 / 8];
	unsigned bits = 0, n_bits = 0, len = 0;
	struct order_key key;

	if (owner[0] != HASH_LABEL_LEN || !knot_dname_is_case_equal(owner + 1 + owner[0], apex))
		return -EINVAL;
	for (unsigned i = 1; i <= HASH_LABEL_LEN; i++) {
		int digit = base32hex_digit(owner[i]);

		if (digit < 0)
			return -EINVAL;
		bits = bits << 5 | digit;
		n_bits += 5;
		if (n_bits >= 8) {
			n_bits -= 8;
			hash[len++] = bits >> n_bits;
		}
	}
	key_set(&key, hash, len);
	if (key.n == 0)
		return -EINVAL;
	*ret = key;
	return 0;
}

int order_key_compare(const struct order_key *a, const struct order_key *b)
{
	for (unsigned i = 0; i < a->n && i < b->n; i++)
		if (a->word[i] != b->word[i])
			return a->word[i] < b->word[i] ? -1 : 1;
	return (a->n > b->n) - (a->n < b->n);
}

bool order_begins_run(const __u64 hash_key[2], const struct order_key *key, unsigned level)
{
	__u64 hash[2];

	if (level >= RUN_LEVELS)
		return false;
	image_hash(hash_key, (const uint8_t *)key->word, key->n * sizeof(key->word[0]), hash);
	return (hash[0] >> level * RUN_BITS & ((1 << RUN_BITS) - 1)) == 0;
}

void order_page_key(const __u64 hash_key[2], const struct xns_order *page,
		    struct xns_image_key *ret)
{
	__u64 hash[2];

	image_hash(hash_key, (const uint8_t *)page, sizeof(*page), hash);
	ret->owner = hash[0];
	ret->content = hash[1];
}

static unsigned ref_words(unsigned level)
{
	return level == 0 ? 3 : 2;
}

/* Words of a page of n entries without the rests of their keys. */
static unsigned fixed_words(unsigned level, unsigned n)
{
	return n + n * ref_words(level) + (n + 1) / 2;
}

static unsigned rest_words(unsigned key_words)
{
	return key_words > 1 ? key_words - 1 : 0;
}

/* ---- filling ---- */

void order_fill_begin(struct order_fill *fill, unsigned level)
{
	fill->level = level;
	fill->n = 0;
	fill->n_rest = 0;
}

bool order_fill_add(struct order_fill *fill, const struct order_entry *entry)
{
	unsigned n_rest = rest_words(entry->key.n), i = fill->n;

	if (fixed_words(fill->level, fill->n + 1) + fill->n_rest + n_rest > XNS_ORDER_WORDS)
		return false;
	fill->first[i] = entry->key.n > 0 ? entry->key.word[0] : 0;
	fill->ref[i] = entry->ref;
	fill->key_words[i] = entry->key.n;
	memcpy(fill->rest + fill->n_rest, entry->key.word + 1, n_rest * sizeof(__u64));
	fill->n_rest += n_rest;
	fill->n++;
	return true;
}

void order_fill_first(const struct order_fill *fill, struct order_key *ret)
{
	ret->n = fill->key_words[0];
	ret->word[0] = fill->first[0];
	memcpy(ret->word + 1, fill->rest, rest_words(ret->n) * sizeof(__u64));
}

void order_fill_write(const struct order_fill *fill, struct xns_order *ret)
{
	unsigned n = fill->n, per_ref = ref_words(fill->level);
	unsigned rest = fixed_words(fill->level, n);
	uint32_t where[ORDER_ENTRIES_MAX];

	memset(ret, 0, sizeof(*ret));
	ret->level = fill->level;
	ret->n = n;
	memcpy(ret->word + rest, fill->rest, fill->n_rest * sizeof(__u64));
	for (unsigned i = 0; i < n; i++) {
		__u64 *ref = ret->word + n + i * per_ref;

		ret->word[i] = fill->first[i];
		if (fill->level == 0)
			memcpy(ref, &fill->ref[i], sizeof(fill->ref[i]));
		else
			memcpy(ref, &fill->ref[i].key, sizeof(fill->ref[i].key));
		where[i] = rest | (uint32_t)fill->key_words[i] << 16;
		rest += rest_words(fill->key_words[i]);
	}
	memcpy(ret->word + n + n * per_ref, where, n * sizeof(where[0]));
}

/* ---- reading ---- */

static uint32_t key_where(const struct xns_order *page, unsigned i)
{
	uint32_t where;

	memcpy(&where,
	       (const uint8_t *)(page->word + page->n + page->n * ref_words(page->level)) +
		       i * sizeof(where),
	       sizeof(where));
	return where;
}

bool order_page_is_valid(const struct xns_order *page)
{
	if (page->n == 0 || page->n > ORDER_ENTRIES_MAX || page->level >= XNS_ORDER_LEVELS ||
	    fixed_words(page->level, page->n) > XNS_ORDER_WORDS)
		return false;
	for (unsigned i = 0; i < page->n; i++) {
		uint32_t where = key_where(page, i);
		unsigned words = where >> 16;

		if (words > XNS_ORDER_KEY_WORDS ||
		    (where & 0xffff) + rest_words(words) > XNS_ORDER_WORDS)
			return false;
	}
	return true;
}

void order_page_entry(const struct xns_order *page, unsigned i, struct order_entry *ret)
{
	const __u64 *ref = page->word + page->n + i * ref_words(page->level);
	uint32_t where = key_where(page, i);

	ret->key.n = where >> 16;
	ret->key.word[0] = page->word[i];
	memcpy(ret->key.word + 1, page->word + (where & 0xffff),
	       rest_words(ret->key.n) * sizeof(__u64));
	memset(&ret->ref, 0, sizeof(ret->ref));
	if (page->level == 0)
		memcpy(&ret->ref, ref, sizeof(ret->ref));
	else
		memcpy(&ret->ref.key, ref, sizeof(ret->ref.key));
}

/* As order_key_compare, of the i-th key. */
static int compare_entry(const struct xns_order *page, unsigned i, const struct order_key *key)
{
	__u64 first = key->n > 0 ? key->word[0] : 0;
	uint32_t where = key_where(page, i);
	unsigned words = where >> 16;
	const __u64 *rest = page->word + (where & 0xffff);

	if (page->word[i] != first)
		return page->word[i] < first ? -1 : 1;
	for (unsigned k = 1; k < words && k < key->n; k++)
		if (rest[k - 1] != key->word[k])
			return rest[k - 1] < key->word[k] ? -1 : 1;
	return (words > key->n) - (words < key->n);
}

int order_page_find(const struct xns_order *page, const struct order_key *key)
{
	unsigned low = 0, high = page->n; /* all before low are not behind key, high is */

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (compare_entry(page, middle, key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return (int)low - 1;
}

int order_search(const struct order_io *io, const struct xns_image_key *root,
		 const struct order_key *key, struct order_entry *ret)
{
	struct xns_image_key at = *root;
	unsigned level = XNS_ORDER_LEVELS;
	struct order_entry entry;
	struct xns_order page;

	if (order_is_empty(root))
		return -ENOENT;
	for (;;) {
		int i, err = io->get(&at, &page, io->ctx);

		if (err < 0)
			return err;
		if (!order_page_is_valid(&page) || page.level >= level)
			return -EBADMSG;
		i = order_page_find(&page, key);
		if (i < 0)
			return -ENOENT;
		level = page.level;
		order_page_entry(&page, i, &entry);
		if (level == 0)
			break;
		at = entry.ref.key;
	}
	*ret = entry;
	return 0;
}
