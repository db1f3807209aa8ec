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
_Static_assert(sizeof(struct xns_proof) % 8 == 0 && sizeof(struct xns_image_key) % 8 == 0, "words");

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

/* Words of a page of n entries without what lies behind the places. */
static unsigned fixed_words(unsigned n)
{
	return n + (n + 1) / 2;
}

/* Of a key but for the first. */
static unsigned rest_words(unsigned key_words)
{
	return key_words > 1 ? key_words - 1 : 0;
}

/* ---- entries ---- */

void order_entry_set_proof(struct order_entry *entry, const struct xns_ref *ref,
			   const struct image_blob *blob)
{
	const size_t before = offsetof(struct xns_proof, layout);
	struct xns_proof proof = {.head = ref->head, .id = ref->key.content};

	entry->n_words = (before + blob->len + sizeof(__u64) - 1) / sizeof(__u64);
	entry->word[entry->n_words - 1] = 0;
	memcpy(entry->word, &proof, before);
	memcpy((uint8_t *)entry->word + before, blob->value, blob->len);
}

void order_entry_set_page(struct order_entry *entry, const struct xns_image_key *page)
{
	entry->n_words = sizeof(*page) / sizeof(__u64);
	memcpy(entry->word, page, sizeof(*page));
}

/* ---- filling ---- */

void order_fill_begin(struct order_fill *fill, unsigned level)
{
	fill->level = level;
	fill->n = 0;
	fill->n_data = 0;
}

bool order_fill_add(struct order_fill *fill, const struct order_entry *entry)
{
	unsigned n_rest = rest_words(entry->key.n), i = fill->n;

	if (entry->n_words == 0 ||
	    fixed_words(i + 1) + fill->n_data + n_rest + entry->n_words > XNS_ORDER_WORDS)
		return false;
	fill->first[i] = entry->key.n > 0 ? entry->key.word[0] : 0;
	fill->key_words[i] = entry->key.n;
	fill->at[i] = fill->n_data;
	memcpy(fill->data + fill->n_data, entry->key.word + 1, n_rest * sizeof(__u64));
	fill->n_data += n_rest;
	memcpy(fill->data + fill->n_data, entry->word, entry->n_words * sizeof(__u64));
	fill->n_data += entry->n_words;
	fill->n++;
	return true;
}

void order_fill_first(const struct order_fill *fill, struct order_key *ret)
{
	ret->n = fill->key_words[0];
	ret->word[0] = fill->first[0];
	memcpy(ret->word + 1, fill->data, rest_words(ret->n) * sizeof(__u64));
}

void order_fill_write(const struct order_fill *fill, struct xns_order *ret)
{
	unsigned n = fill->n, begin = fixed_words(n);
	uint32_t place[ORDER_ENTRIES_MAX];

	memset(ret, 0, sizeof(*ret));
	ret->level = fill->level;
	ret->n = n;
	ret->n_words = begin + fill->n_data;
	for (unsigned i = 0; i < n; i++)
		place[i] = (begin + fill->at[i]) | (uint32_t)fill->key_words[i] << 16;
	memcpy(ret->word, fill->first, n * sizeof(fill->first[0]));
	memcpy(ret->word + n, place, n * sizeof(place[0]));
	memcpy(ret->word + begin, fill->data, fill->n_data * sizeof(__u64));
}

/* ---- reading ---- */

/* What the i-th entry has: key_words of its key, but for the first, at word[at]; its data behind
 * them, up to word[end]. */
struct place {
	unsigned key_words, at, data, end;
};

static uint32_t read_place(const struct xns_order *page, unsigned i)
{
	uint32_t place;

	memcpy(&place, (const uint8_t *)(page->word + page->n) + i * sizeof(place), sizeof(place));
	return place;
}

static struct place get_place(const struct xns_order *page, unsigned i)
{
	uint32_t place = read_place(page, i);
	struct place ret = {.key_words = place >> 16, .at = place & 0xffff};

	ret.data = ret.at + rest_words(ret.key_words);
	ret.end = i + 1u < page->n ? read_place(page, i + 1) & 0xffff : page->n_words;
	return ret;
}

bool order_page_is_valid(const struct xns_order *page)
{
	unsigned end = fixed_words(page->n);

	if (page->n == 0 || page->n > ORDER_ENTRIES_MAX || page->level >= XNS_ORDER_LEVELS ||
	    page->n_words > XNS_ORDER_WORDS)
		return false;
	for (unsigned i = 0; i < page->n; i++) {
		struct place place = get_place(page, i);

		if (place.at != end || place.key_words > XNS_ORDER_KEY_WORDS ||
		    place.end > page->n_words || place.data >= place.end ||
		    place.end - place.data > ORDER_DATA_WORDS)
			return false;
		if (page->level > 0 &&
		    (place.end - place.data) * sizeof(__u64) != sizeof(struct xns_image_key))
			return false;
		end = place.end;
	}
	return true;
}

void order_page_entry(const struct xns_order *page, unsigned i, struct order_entry *ret)
{
	struct place place = get_place(page, i);

	ret->key.n = place.key_words;
	ret->key.word[0] = page->word[i];
	memcpy(ret->key.word + 1, page->word + place.at, (place.data - place.at) * sizeof(__u64));
	ret->n_words = place.end - place.data;
	memcpy(ret->word, page->word + place.data, ret->n_words * sizeof(__u64));
}

struct xns_image_key order_page_below(const struct xns_order *page, unsigned i)
{
	const __u64 *key = page->word + get_place(page, i).data;

	return (struct xns_image_key){key[0], key[1]};
}

/* As order_key_compare, of the i-th key. */
static int compare_entry(const struct xns_order *page, unsigned i, const struct order_key *key)
{
	__u64 first = key->n > 0 ? key->word[0] : 0;
	struct place place = get_place(page, i);
	unsigned words = place.key_words;
	const __u64 *rest = page->word + place.at;

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
