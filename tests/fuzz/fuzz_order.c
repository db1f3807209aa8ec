// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The order of a zone beside a sorted list: a tree that was brought along by changes is, page by
 * page, the one that is built anew from what is in the list; no page is left over; a search finds
 * what a walk along the list finds. And a page of any bytes that is called valid may be read.
 *
 * Input: the hash's key (1 byte: under few of them runs get long), then steps: a byte says what
 * (add, remove, end the change, search, a page, the root with other bytes) and which data an entry
 * has; a byte says how much of it; bytes of a key follow: a length, then a byte for each 1 to 4
 * octets, so that keys are alike.
 */
#include <errno.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "image/order.h"
#include "model/sorted.h"

#define ENTRIES_MAX 1000
#define PAGES_MAX   8192    /* a power of 2 */
#define WORDS_MAX   2000000 /* that are put into fresh trees: an input ends in time */

struct page {
	struct xns_image_key key;
	struct xns_order bytes;
	bool is_there;
};

/* Where pages lie: an open table. */
struct pages {
	struct page *at[PAGES_MAX];
	unsigned n;
};

static __u64 hash_key[2];

static struct page **pages_find(struct pages *pages, const struct xns_image_key *key)
{
	unsigned i = (unsigned)(key->owner ^ key->content);

	for (;; i++) {
		struct page **at = &pages->at[i % PAGES_MAX];

		if (!*at || memcmp(&(*at)->key, key, sizeof(*key)) == 0)
			return at;
	}
}

static int page_get(const struct xns_image_key *key, struct xns_order *ret, void *ctx)
{
	const struct page *page = *pages_find(ctx, key);

	if (!page || !page->is_there)
		return -ENOENT;
	*ret = page->bytes;
	return 0;
}

static int page_put(const struct xns_image_key *key, const struct xns_order *bytes, void *ctx)
{
	struct pages *pages = ctx;
	struct page **at = pages_find(pages, key);
	struct xns_image_key right;

	order_page_key(hash_key, bytes, &right);
	CHECK(memcmp(&right, key, sizeof(right)) == 0);
	CHECK(order_page_is_valid(bytes));
	if (!*at) {
		CHECK(pages->n < PAGES_MAX / 2);
		*at = calloc(1, sizeof(**at));
		CHECK(*at);
		(*at)->key = *key;
		pages->n++;
	} else if ((*at)->is_there) {
		CHECK(memcmp(&(*at)->bytes, bytes, sizeof(*bytes)) == 0);
	}
	(*at)->bytes = *bytes;
	(*at)->is_there = true;
	return 0;
}

/* What is dropped goes when the change is done: until then it is read. */
struct change {
	struct pages *pages;
	struct xns_image_key dropped[PAGES_MAX];
	unsigned n_dropped;
};

static int change_get(const struct xns_image_key *key, struct xns_order *ret, void *ctx)
{
	return page_get(key, ret, ((struct change *)ctx)->pages);
}

static int change_put(const struct xns_image_key *key, const struct xns_order *bytes, void *ctx)
{
	struct change *change = ctx;

	for (unsigned i = 0; i < change->n_dropped; i++)
		if (memcmp(&change->dropped[i], key, sizeof(*key)) == 0)
			change->dropped[i--] = change->dropped[--change->n_dropped];
	return page_put(key, bytes, change->pages);
}

static int change_drop(const struct xns_image_key *key, void *ctx)
{
	struct change *change = ctx;
	struct xns_order page;

	CHECK(page_get(key, &page, change->pages) == 0);
	for (unsigned i = 0; i < change->n_dropped; i++)
		CHECK(memcmp(&change->dropped[i], key, sizeof(*key)) != 0);
	CHECK(change->n_dropped < PAGES_MAX);
	change->dropped[change->n_dropped++] = *key;
	return 0;
}

static void pages_clear(struct pages *pages)
{
	for (unsigned i = 0; i < PAGES_MAX; i++) {
		free(pages->at[i]);
		pages->at[i] = NULL;
	}
	pages->n = 0;
}

/* Without those that are not there any more. */
static void pages_tidy(struct pages *pages)
{
	static struct pages old;

	old = *pages;
	memset(pages, 0, sizeof(*pages));
	for (unsigned i = 0; i < PAGES_MAX; i++)
		if (old.at[i] && old.at[i]->is_there) {
			*pages_find(pages, &old.at[i]->key) = old.at[i];
			old.at[i] = NULL;
			pages->n++;
		}
	pages_clear(&old);
}

static void change_end(struct change *change)
{
	for (unsigned i = 0; i < change->n_dropped; i++)
		(*pages_find(change->pages, &change->dropped[i]))->is_there = false;
	if (change->pages->n > PAGES_MAX / 8)
		pages_tidy(change->pages);
}

/* ---- the list ---- */

struct list {
	struct sorted entry[ENTRIES_MAX];
	unsigned n;
};

/* What the change that is being made has done to the list, in order of the keys. */
struct edits {
	struct edit {
		struct sorted entry;
		bool gone;
	} edit[ENTRIES_MAX];
	unsigned n, next;
};

static int next_edit(struct order_edit *ret, void *ctx)
{
	struct edits *edits = ctx;

	if (edits->next == edits->n)
		return 0;
	sorted_entry(&edits->edit[edits->next].entry, &ret->entry);
	ret->gone = edits->edit[edits->next++].gone;
	return 1;
}

static void edits_note(struct edits *edits, const struct sorted *entry, bool gone)
{
	unsigned i = 0;

	while (i < edits->n && order_key_compare(&edits->edit[i].entry.key, &entry->key) < 0)
		i++;
	if (i == edits->n || order_key_compare(&edits->edit[i].entry.key, &entry->key) != 0) {
		CHECK(edits->n < ENTRIES_MAX);
		memmove(&edits->edit[i + 1], &edits->edit[i],
			(edits->n - i) * sizeof(edits->edit[0]));
		edits->n++;
	}
	edits->edit[i] = (struct edit){.entry = *entry, .gone = gone};
}

/* ---- the tree, its pages, its list ---- */

static struct tree {
	struct pages pages;
	struct xns_image_key root;
	struct list list;
	struct edits edits;
	struct change change;
	size_t n_words; /* put into fresh trees so far */
} tree;

/* Anew from the list: the same root, the same pages, no others. */
static void check_fresh(void)
{
	static struct pages fresh;
	struct order_io io = {.get = page_get, .put = page_put, .ctx = &fresh};
	struct order_builder *builder = order_builder_new(hash_key, &io);
	struct xns_image_key root;
	struct order_entry entry;

	CHECK(builder);
	for (unsigned i = 0; i < tree.list.n; i++) {
		sorted_entry(&tree.list.entry[i], &entry);
		tree.n_words += entry.n_words;
		CHECK(order_builder_add(builder, &entry) == 0);
	}
	CHECK(order_builder_end(builder, &root) == 0);
	order_builder_free(builder);
	CHECK(memcmp(&root, &tree.root, sizeof(root)) == 0);
	CHECK(order_is_empty(&root) == (tree.list.n == 0));
	for (unsigned i = 0; i < PAGES_MAX; i++) {
		const struct page *page = tree.pages.at[i];
		struct xns_order other;

		if (page && page->is_there)
			CHECK(page_get(&page->key, &other, &fresh) == 0);
		page = fresh.at[i];
		if (page)
			CHECK(page_get(&page->key, &other, &tree.pages) == 0 &&
			      memcmp(&other, &page->bytes, sizeof(other)) == 0);
	}
	pages_clear(&fresh);
}

static void commit(void)
{
	struct change *change = &tree.change;
	struct order_io io = {
		.get = change_get, .put = change_put, .drop = change_drop, .ctx = change};
	struct xns_image_key root;

	change->pages = &tree.pages;
	change->n_dropped = 0;
	tree.edits.next = 0;
	CHECK(order_update(hash_key, &io, &tree.root, next_edit, &tree.edits, &root) == 0);
	change_end(change);
	tree.root = root;
	tree.edits.n = 0;
	check_fresh();
}

static void search(const struct order_key *key)
{
	struct order_io io = {.get = page_get, .ctx = &tree.pages};
	struct order_entry found;
	bool is_there;
	unsigned i;
	int err;

	if (tree.edits.n > 0)
		commit();
	i = sorted_place(tree.list.entry, tree.list.n, key, &is_there);
	err = sorted_search(&io, &tree.root, key, &found);
	if (!is_there && i == 0) {
		CHECK(err == -ENOENT);
		return;
	}
	CHECK(err == 0);
	CHECK(sorted_is_entry(&tree.list.entry[is_there ? i : i - 1], &found));
}

static void set(const struct sorted *entry, bool gone)
{
	struct list *list = &tree.list;
	bool is_there;
	unsigned i = sorted_place(list->entry, list->n, &entry->key, &is_there);

	if (list->n == ENTRIES_MAX || tree.edits.n == ENTRIES_MAX)
		return;
	edits_note(&tree.edits, entry, gone);
	if (is_there && gone) {
		memmove(&list->entry[i], &list->entry[i + 1],
			(--list->n - i) * sizeof(list->entry[0]));
	} else if (!gone) {
		if (!is_there)
			memmove(&list->entry[i + 1], &list->entry[i],
				(list->n++ - i) * sizeof(list->entry[0]));
		list->entry[i] = *entry;
	}
}

/* ---- the input ---- */

static void take_key(const uint8_t **data, size_t *len, struct order_key *ret)
{
	uint8_t octets[XNS_ORDER_KEY_WORDS * 8] = {0};
	uint8_t how = fuzz_take(data, len);
	unsigned n = 0;

	/* Most keys are short; 3 bits say how often each byte of the input is there. */
	for (unsigned left = how >> 3 == 31 ? sizeof(octets) : how >> 3; left > 0 && *len > 0;
	     left--) {
		uint8_t octet = fuzz_take(data, len);

		for (unsigned k = 0; k <= (how & 7u) && n < sizeof(octets); k++)
			octets[n++] = octet;
	}
	while (n > 0 && octets[n - 1] == 0)
		n--;
	ret->n = (n + 7) / 8;
	for (unsigned i = 0; i < ret->n; i++) {
		memcpy(&ret->word[i], octets + i * 8, 8);
		ret->word[i] = __builtin_bswap64(ret->word[i]);
	}
}

/* How many words an entry has: few, or as many as there may be, or nearly. */
static unsigned take_words(const uint8_t **data, size_t *len)
{
	uint8_t how = fuzz_take(data, len);

	return how < 128 ? 1 + how % 32u : how < 192 ? how : ORDER_DATA_WORDS - how % 64u / 2;
}

static void check_same(const struct xns_order *a, const struct xns_order *b, unsigned i)
{
	struct order_entry x, y;

	order_page_entry(a, i, &x);
	order_page_entry(b, i, &y);
	CHECK(order_key_compare(&x.key, &y.key) == 0);
	CHECK(x.n_words >= 1 && x.n_words <= ORDER_DATA_WORDS && x.n_words == y.n_words);
	CHECK(memcmp(x.word, y.word, x.n_words * sizeof(x.word[0])) == 0);
	if (a->level > 0) {
		struct xns_image_key below = order_page_below(a, i);

		CHECK(memcmp(&below, x.word, sizeof(below)) == 0);
	}
}

/* What is read from a valid page makes the same page again, but for what is not read. */
static void check_page(const struct xns_order *page, const struct order_key *key)
{
	struct order_entry entry;
	struct order_fill fill;
	struct xns_order again;

	if (!order_page_is_valid(page))
		return;
	CHECK(order_page_find(page, key) < page->n);
	order_fill_begin(&fill, page->level);
	for (unsigned i = 0; i < page->n; i++) {
		order_page_entry(page, i, &entry);
		CHECK(order_fill_add(&fill, &entry));
	}
	order_fill_write(&fill, &again);
	CHECK(order_page_is_valid(&again) && again.n == page->n);
	CHECK(again.level == page->level && again.n_words == page->n_words);
	for (unsigned i = 0; i < page->n; i++)
		check_same(page, &again, i);
}

/* A page of any bytes. */
static void try_page(const uint8_t *data, size_t len)
{
	struct xns_order *page = calloc(1, sizeof(*page));
	struct order_key key;

	CHECK(page);
	memcpy(page, data, len < sizeof(*page) ? len : sizeof(*page));
	take_key(&data, &len, &key);
	check_page(page, &key);
	free(page);
}

/* The root, some bytes of which are others: of its head, of the places, or any. */
static void try_changed(const uint8_t **data, size_t *len, const struct order_key *key)
{
	struct xns_order *page = malloc(sizeof(*page));

	CHECK(page);
	if (page_get(&tree.root, page, &tree.pages) < 0) {
		free(page);
		return;
	}
	for (unsigned n = fuzz_take(data, len) % 8; n > 0; n--) {
		uint8_t where = fuzz_take(data, len);
		size_t at = fuzz_take(data, len);

		at = where < 16	   ? at % 8
		     : where < 192 ? 8 + 8u * page->n + (at + 4u * where) % (4u * page->n + 1)
				   : (at * 256 + where) % sizeof(*page);
		((uint8_t *)page)[at] ^= fuzz_take(data, len);
	}
	check_page(page, key);
	free(page);
}

/* Many at once, so that trees get high: keys that count up. */
static void add_many(const struct sorted *first, uint8_t n, bool gone)
{
	struct sorted entry = *first;

	for (unsigned i = 0; i < 4u * n; i++) {
		unsigned at = entry.key.n ? entry.key.n - 1 : 0;

		entry.key.word[at] = (entry.key.n ? entry.key.word[at] : 0) + 1;
		entry.key.n = at + 1;
		if (entry.key.word[at] == 0)
			return;
		set(&entry, gone);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	hash_key[0] = fuzz_take(&data, &len);
	hash_key[1] = 1;
	memset(&tree.root, 0, sizeof(tree.root));
	tree.list.n = tree.edits.n = 0;
	tree.n_words = 0;
	while (len > 0 && tree.n_words < WORDS_MAX) {
		uint8_t what = fuzz_take(&data, &len);
		struct sorted entry = {.seed = what >> 3};

		entry.n_words = take_words(&data, &len);
		take_key(&data, &len, &entry.key);
		switch (what & 7) {
		case 0:
			commit();
			break;
		case 1:
			search(&entry.key);
			break;
		case 2:
			try_page(data, len);
			break;
		case 3:
			set(&entry, true);
			break;
		case 4:
			add_many(&entry, what >> 3, false);
			break;
		case 5:
			add_many(&entry, what >> 3, true);
			break;
		case 6:
			try_changed(&data, &len, &entry.key);
			break;
		default:
			set(&entry, false);
		}
	}
	commit();
	pages_clear(&tree.pages);
	return 0;
}
