/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of a zone: whatever way led to a set of entries, the pages are those of a fresh tree,
 * byte for byte; no page is forgotten, none goes that is still used; a change costs a few pages.
 * A page is full when nothing more goes into it, and is read only if all of it lies inside.
 */
#include <errno.h>
#include <search.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "image/image.h"
#include "image/order.h"
#include "model/sorted.h"
#include "store/key.h"

static const __u64 hash_key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

/* ---- where pages lie: a table by their keys, and what was done to it ---- */

struct pages {
	struct slot {
		struct xns_image_key key;
		struct xns_order *page; /* NULL: free, or gone if the key is not 0 */
	} *slot;
	size_t mask, n, used;
	size_t n_gets, n_puts, n_drops;
	struct xns_image_key *dropped;
	size_t dropped_size;
	struct xns_image_key hidden; /* as if it were not there */
};

static void pages_open(struct pages *p)
{
	memset(p, 0, sizeof(*p));
	p->mask = 255;
	p->slot = calloc(p->mask + 1, sizeof(*p->slot));
	assert_non_null(p->slot);
}

static void pages_close(struct pages *p)
{
	for (size_t i = 0; i <= p->mask; i++)
		free(p->slot[i].page);
	free(p->slot);
	free(p->dropped);
}

static struct slot *find_slot(struct pages *p, const struct xns_image_key *key)
{
	size_t i = key->owner & p->mask;

	while ((p->slot[i].key.owner != 0 || p->slot[i].key.content != 0) &&
	       memcmp(&p->slot[i].key, key, sizeof(*key)) != 0)
		i = (i + 1) & p->mask;
	return &p->slot[i];
}

static void grow(struct pages *p)
{
	struct pages bigger = {.mask = p->mask * 2 + 1};

	bigger.slot = calloc(bigger.mask + 1, sizeof(*bigger.slot));
	assert_non_null(bigger.slot);
	p->used = 0;
	for (size_t i = 0; i <= p->mask; i++)
		if (p->slot[i].page) {
			*find_slot(&bigger, &p->slot[i].key) = p->slot[i];
			p->used++;
		}
	free(p->slot);
	p->slot = bigger.slot;
	p->mask = bigger.mask;
}

static int get_page(const struct xns_image_key *key, struct xns_order *ret, void *ctx)
{
	struct pages *p = ctx;
	const struct slot *slot = find_slot(p, key);

	p->n_gets++;
	if (!slot->page || memcmp(key, &p->hidden, sizeof(*key)) == 0)
		return -ENOENT;
	*ret = *slot->page;
	return 0;
}

static int put_page(const struct xns_image_key *key, const struct xns_order *page, void *ctx)
{
	struct pages *p = ctx;
	struct slot *slot = find_slot(p, key);
	struct xns_image_key want;

	order_page_key(hash_key, page, &want);
	assert_memory_equal(&want, key, sizeof(want));
	assert_true(order_page_is_valid(page));
	p->n_puts++;
	if (slot->page) {
		assert_memory_equal(slot->page, page, sizeof(*page));
		return 0;
	}
	if (p->used * 2 > p->mask) {
		grow(p);
		slot = find_slot(p, key);
	}
	p->used += slot->key.owner == 0 && slot->key.content == 0;
	slot->key = *key;
	slot->page = malloc(sizeof(*page));
	assert_non_null(slot->page);
	*slot->page = *page;
	p->n++;
	return 0;
}

static int drop_page(const struct xns_image_key *key, void *ctx)
{
	struct pages *p = ctx;

	assert_non_null(find_slot(p, key)->page);
	if (p->n_drops == p->dropped_size) {
		p->dropped_size = p->dropped_size * 2 + 64;
		p->dropped = reallocarray(p->dropped, p->dropped_size, sizeof(*p->dropped));
		assert_non_null(p->dropped);
	}
	p->dropped[p->n_drops++] = *key;
	return 0;
}

static struct order_io io_of(struct pages *p)
{
	return (struct order_io){.get = get_page, .put = put_page, .drop = drop_page, .ctx = p};
}

/* What publish does when nobody reads the old tree any more. */
static void delete_dropped(struct pages *p)
{
	for (size_t i = 0; i < p->n_drops; i++) {
		struct slot *slot = find_slot(p, &p->dropped[i]);

		assert_non_null(slot->page); /* each once */
		free(slot->page);
		slot->page = NULL;
		p->n--;
	}
	p->n_drops = 0;
}

/* ---- sets of keys ---- */

static uint64_t random_state = 2026;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % n;
}

enum kind {
	HASHES, /* NSEC3, the empty key with them */
	SHORT,	/* names of a few letters */
	LONG,	/* names of 200 to 250 bytes */
	SHARED, /* long names that differ at their end only */
	MIXED,	/* all of these */
	BOUNDARIES /* every key begins a run on some level */,
	NEVER, /* none does on level 0 */
	KINDS,
};

static size_t put_label(uint8_t *at, unsigned len, unsigned letters)
{
	at[0] = len;
	for (unsigned i = 1; i <= len; i++)
		at[i] = letters == 256 ? random_below(256) : 'a' + random_below(letters);
	return len + 1;
}

static void make_name(enum kind kind, knot_dname_storage_t ret)
{
	size_t at = 0;

	if (kind == SHORT || kind >= BOUNDARIES) {
		at = put_label(ret, 1 + random_below(7), 26);
	} else if (kind == LONG) {
		for (unsigned left = 200 + random_below(50); left > 1;) {
			unsigned len = 1 + random_below(left - 1 < 63 ? left - 1 : 63);

			at += put_label(ret + at, len, 256);
			left -= len + 1;
		}
	} else {
		at = put_label(ret, 3, 26);
		for (int i = 0; i < 3; i++) {
			memset(ret + at, 'x', 61);
			ret[at] = 60;
			at += 61;
		}
	}
	ret[at] = 0;
}

static void make_key(enum kind kind, struct order_key *ret)
{
	knot_dname_storage_t name;

	if (kind == MIXED)
		kind = random_below(MIXED);
	if (kind == HASHES) {
		ret->n = random_below(1000) ? 3 : 0;
		for (unsigned i = 0; i < ret->n; i++)
			ret->word[i] = (uint64_t)random_below(1u << 31) << 33 |
				       (uint64_t)random_below(1u << 31) << 2;
		if (ret->n > 0)
			ret->word[2] = ret->word[2] >> 32 << 32 | 1ull << 32;
		return;
	}
	for (;;) {
		bool begins = false;

		make_name(kind, name);
		order_key_name((const uint8_t *)"", name, ret);
		if (kind < BOUNDARIES)
			return;
		if (kind == NEVER && !order_begins_run(hash_key, ret, 0))
			return;
		for (unsigned level = 0; level < 3; level++)
			begins |= order_begins_run(hash_key, ret, level);
		if (kind == BOUNDARIES && begins)
			return;
	}
}

/* The content: sorted. */
struct set {
	struct sorted *at;
	size_t n, size;
};

static void set_put(struct set *set, const struct sorted *entry)
{
	bool there;
	size_t i = sorted_place(set->at, set->n, &entry->key, &there);

	if (!there) {
		if (set->n == set->size) {
			set->size = set->size * 2 + 64;
			set->at = reallocarray(set->at, set->size, sizeof(*set->at));
			assert_non_null(set->at);
		}
		memmove(set->at + i + 1, set->at + i, (set->n - i) * sizeof(*set->at));
		set->n++;
	}
	set->at[i] = *entry;
}

static void set_delete(struct set *set, const struct order_key *key)
{
	bool there;
	size_t i = sorted_place(set->at, set->n, key, &there);

	if (!there)
		return;
	set->n--;
	memmove(set->at + i, set->at + i + 1, (set->n - i) * sizeof(*set->at));
}

/* Mostly as long as proofs are, now and then as short or as long as may be. */
static void random_data(struct sorted *ret)
{
	unsigned how = random_below(16);

	ret->seed = random_below(1 << 30);
	ret->n_words = how == 0	  ? 1 + random_below(3)
		       : how == 1 ? 1 + random_below(ORDER_DATA_WORDS)
				  : 5 + random_below(30);
	if (random_below(100) == 0)
		ret->n_words = ORDER_DATA_WORDS;
}

static struct xns_image_key build(const struct set *set, struct pages *p)
{
	const struct order_io io = io_of(p);
	struct order_builder *builder = order_builder_new(hash_key, &io);
	struct xns_image_key root;
	struct order_entry entry;

	assert_non_null(builder);
	for (size_t i = 0; i < set->n; i++) {
		sorted_entry(&set->at[i], &entry);
		assert_int_equal(order_builder_add(builder, &entry), 0);
	}
	assert_int_equal(order_builder_end(builder, &root), 0);
	order_builder_free(builder);
	return root;
}

/* Both hold the same pages. */
static void expect_same(const struct pages *got, struct pages *want)
{
	assert_int_equal(got->n, want->n);
	for (size_t i = 0; i <= got->mask; i++)
		if (got->slot[i].page)
			assert_non_null(find_slot(want, &got->slot[i].key)->page);
}

/* ---- edits ---- */

struct edit {
	struct sorted entry;
	bool gone;
};

struct edits {
	struct edit *at;
	size_t n, done;
};

static int next_edit(struct order_edit *ret, void *ctx)
{
	struct edits *edits = ctx;

	if (edits->done == edits->n)
		return 0;
	sorted_entry(&edits->at[edits->done].entry, &ret->entry);
	ret->gone = edits->at[edits->done++].gone;
	return 1;
}

static int compare_edits(const void *a, const void *b)
{
	const struct edit *x = a, *y = b;

	return order_key_compare(&x->entry.key, &y->entry.key);
}

static void sort_edits(struct edits *edits)
{
	size_t kept = 0;

	qsort(edits->at, edits->n, sizeof(*edits->at), compare_edits);
	for (size_t i = 0; i < edits->n; i++)
		if (kept == 0 || compare_edits(&edits->at[kept - 1], &edits->at[i]) != 0)
			edits->at[kept++] = edits->at[i];
	edits->n = kept;
}

static void apply(struct set *set, const struct edits *edits)
{
	for (size_t i = 0; i < edits->n; i++)
		if (edits->at[i].gone)
			set_delete(set, &edits->at[i].entry.key);
		else
			set_put(set, &edits->at[i].entry);
}

static struct xns_image_key update(struct pages *p, struct xns_image_key root, struct edits *edits)
{
	const struct order_io io = io_of(p);
	struct xns_image_key ret;

	p->n_gets = p->n_puts = p->n_drops = 0;
	assert_int_equal(order_update(hash_key, &io, &root, next_edit, edits, &ret), 0);
	assert_int_equal(edits->done, edits->n);
	return ret;
}

/* Of an entry that is there. */
static void change_data(struct sorted *entry)
{
	unsigned how = random_below(8), n_words = entry->n_words;

	if (how == 0) /* it stays as it is */
		return;
	random_data(entry);
	if (how < 3) /* the same length */
		entry->n_words = n_words;
}

static void random_edits(enum kind kind, const struct set *set, size_t n, struct edits *ret)
{
	unsigned deletions = random_below(5); /* of four */
	size_t first = set->n > 0 ? random_below(set->n) : 0;
	bool in_a_row = random_below(3) == 0;

	ret->at = calloc(n, sizeof(*ret->at));
	ret->n = n;
	ret->done = 0;
	assert_non_null(ret->at);
	for (size_t i = 0; i < n; i++) {
		struct edit *edit = &ret->at[i];

		edit->gone = random_below(4) < deletions;
		if (set->n > 0 && (edit->gone || random_below(3) == 0) && random_below(10) > 0) {
			edit->entry =
				set->at[in_a_row ? (first + i) % set->n : random_below(set->n)];
			change_data(&edit->entry);
		} else {
			make_key(kind, &edit->entry.key);
			random_data(&edit->entry);
		}
	}
	sort_edits(ret);
}

/* Every key and neighbours of it are found as the set has them. */
static void expect_found(const struct set *set, struct pages *p, struct xns_image_key root,
			 const struct order_key *key)
{
	const struct order_io io = io_of(p);
	struct order_entry got;
	bool there;
	size_t i = sorted_place(set->at, set->n, key, &there);
	int ret = sorted_search(&io, &root, key, &got);

	if (!there && i == 0) {
		assert_int_equal(ret, -ENOENT);
		return;
	}
	assert_int_equal(ret, 0);
	i -= !there;
	assert_true(sorted_is_entry(&set->at[i], &got));
}

static void run_rounds(enum kind kind, size_t start, unsigned rounds, unsigned most)
{
	struct set set = {0};
	struct pages p;
	struct xns_image_key root;

	pages_open(&p);
	for (size_t i = 0; i < start; i++) {
		struct sorted entry;

		make_key(kind, &entry.key);
		random_data(&entry);
		set_put(&set, &entry);
	}
	root = build(&set, &p);
	for (unsigned round = 0; round < rounds; round++) {
		struct xns_image_key want_root;
		struct pages want;
		struct edits edits;
		struct order_key key;
		size_t n = 1 + random_below(most);

		if (random_below(20) == 0) { /* all go */
			edits = (struct edits){.n = set.n,
					       .at = calloc(set.n + 1, sizeof(*edits.at))};
			for (size_t i = 0; i < set.n; i++)
				edits.at[i] = (struct edit){.entry = set.at[i], .gone = true};
			if (set.n > 0 && random_below(2))
				edits.at[random_below(set.n)].gone = false;
		} else {
			random_edits(kind, &set, n, &edits);
		}
		apply(&set, &edits);
		root = update(&p, root, &edits);
		delete_dropped(&p);
		pages_open(&want);
		want_root = build(&set, &want);
		assert_memory_equal(&root, &want_root, sizeof(root));
		expect_same(&p, &want);
		for (int i = 0; i < 10; i++) {
			make_key(kind, &key);
			expect_found(&set, &p, root, &key);
			if (set.n > 0)
				expect_found(&set, &p, root, &set.at[random_below(set.n)].key);
		}
		pages_close(&want);
		free(edits.at);
	}
	pages_close(&p);
	free(set.at);
}

static void test_random(void **state)
{
	static const struct {
		size_t start;
		unsigned sequences, rounds, most;
	} sizes[] = {{0, 20, 12, 3}, {5, 30, 12, 3}, {60, 20, 15, 10}, {400, 8, 15, 100}};

	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			for (unsigned s = 0; s < sizes[i].sequences; s++)
				run_rounds(kind, sizes[i].start, sizes[i].rounds, sizes[i].most);
}

/* ---- the cost ---- */

static unsigned height(struct pages *p, struct xns_image_key root)
{
	struct xns_order page;

	assert_int_equal(get_page(&root, &page, p), 0);
	return page.level + 1;
}

static int compare_entries(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;

	return order_key_compare(&x->key, &y->key);
}

static void make_large(enum kind kind, size_t n, struct set *ret)
{
	size_t kept = 0;

	*ret = (struct set){.at = calloc(n, sizeof(*ret->at)), .n = n, .size = n};
	assert_non_null(ret->at);
	for (size_t i = 0; i < n; i++) {
		make_key(kind, &ret->at[i].key);
		random_data(&ret->at[i]);
	}
	qsort(ret->at, n, sizeof(*ret->at), compare_entries);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || compare_entries(&ret->at[kept - 1], &ret->at[i]) != 0)
			ret->at[kept++] = ret->at[i];
	ret->n = kept;
}

#define ROUNDS 100

/* One edit of many thousands of keys: a few pages of each level. */
static void test_cost(void **state)
{
	static const struct {
		enum kind kind;
		size_t n;
		unsigned mean_puts, most_levels;
	} cases[] = {{HASHES, 100000, 9, 5}, {SHORT, 60000, 9, 5}, {LONG, 10000, 12, 6}};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		size_t puts = 0, gets = 0, drops = 0;
		struct xns_image_key root, want_root;
		struct pages p, want;
		struct set set;

		pages_open(&p);
		make_large(cases[c].kind, cases[c].n, &set);
		root = build(&set, &p);
		print_message("%zu keys: %zu pages, %u levels\n", set.n, p.n, height(&p, root));
		assert_true(height(&p, root) <= cases[c].most_levels);
		for (unsigned round = 0; round < ROUNDS; round++) {
			struct edits edits;

			random_edits(cases[c].kind, &set, 1, &edits);
			apply(&set, &edits);
			root = update(&p, root, &edits);
			puts += p.n_puts;
			gets += p.n_gets;
			drops += p.n_drops;
			assert_true(p.n_puts < 30 * height(&p, root));
			delete_dropped(&p);
			free(edits.at);
		}
		print_message("one edit: %zu.%zu pages written, %zu read, %zu dropped\n",
			      puts / ROUNDS, puts * 10 / ROUNDS % 10, gets / ROUNDS,
			      drops / ROUNDS);
		assert_true(puts / ROUNDS < cases[c].mean_puts);
		pages_open(&want);
		want_root = build(&set, &want);
		assert_memory_equal(&root, &want_root, sizeof(root));
		expect_same(&p, &want);
		pages_close(&want);
		pages_close(&p);
		free(set.at);
	}
}

/* ---- keys ---- */

static void test_keys(void **state)
{
	static const struct {
		const char *owner;
		unsigned n;
		uint64_t word[2];
	} names[] = {
		{"example.com.", 0, {0}},
		{"a.example.com.", 1, {0x6100000000000000}},
		{"B.a.example.com.", 1, {0x6100620000000000}},
		{"abcdefgh.example.com.", 1, {0x6162636465666768}},
		{"abcdefgh.a.example.com.", 2, {0x6100616263646566, 0x6768000000000000}},
		{"\\000\\001x.example.com.", 1, {0x0101010278000000}},
	};
	static const struct {
		const char *owner;
		int ret;
		uint64_t word[3];
	} hashes[] = {
		/* RFC 5155 appendix A: H(example) */
		{"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.com.",
		 0,
		 {0x065368abeed7ec6e, 0x9feba96b8c8bc3e8, 0xb791f71600000000}},
		{"VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV.example.com.", 0, {~0ull, ~0ull, ~0ull << 32}},
		{"00000000000000000000000000000001.example.com.", 0, {0, 0, 1ull << 32}},
		{"00000000000000000000000000000000.example.com.", -EINVAL, {0}},
		{"0000000000000000000000000000000w.example.com.", -EINVAL, {0}},
		{"0000000000000000000000000000001.example.com.", -EINVAL, {0}},
		{"00000000000000000000000000000001.a.example.com.", -EINVAL, {0}},
		{"x.00000000000000000000000000000001.example.com.", -EINVAL, {0}},
	};
	knot_dname_storage_t apex, owner;
	struct order_key key;

	(void)state;
	knot_dname_from_str(apex, "example.com.", sizeof(apex));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_non_null(knot_dname_from_str(owner, names[i].owner, sizeof(owner)));
		order_key_name(apex, owner, &key);
		assert_int_equal(key.n, names[i].n);
		assert_memory_equal(key.word, names[i].word, key.n * 8);
	}
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		assert_non_null(knot_dname_from_str(owner, hashes[i].owner, sizeof(owner)));
		assert_int_equal(order_key_hash(apex, owner, &key), hashes[i].ret);
		if (hashes[i].ret == 0)
			assert_memory_equal(key.word, hashes[i].word, 24);
	}
}

/* The order of the keys is that of the names in the zone, RFC 4034 §6.1. */
static void test_key_order(void **state)
{
	struct order_key a, b;
	knot_dname_storage_t x, y;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t key_x[KEY_NAME_MAX], key_y[KEY_NAME_MAX];
		size_t len_x, len_y;
		int want;

		make_name(random_below(MIXED - SHORT) + SHORT, x);
		make_name(random_below(MIXED - SHORT) + SHORT, y);
		if (random_below(2)) { /* differ at one place */
			memcpy(y, x, knot_dname_size(x));
			y[1 + random_below(x[0])] = random_below(3);
		}
		len_x = key_from_name(x, key_x);
		len_y = key_from_name(y, key_y);
		want = memcmp(key_x, key_y, len_x < len_y ? len_x : len_y);
		want = want != 0 ? want : (len_x > len_y) - (len_x < len_y);
		order_key_name((const uint8_t *)"", x, &a);
		order_key_name((const uint8_t *)"", y, &b);
		assert_int_equal(order_key_compare(&a, &b), (want > 0) - (want < 0));
	}
}

static void drop_all(struct pages *p)
{
	for (size_t i = 0; i <= p->mask; i++)
		if (p->slot[i].page)
			drop_page(&p->slot[i].key, p);
}

/* A tree with a page missing, or with bytes that are no page, is an error and no more. */
static void test_broken(void **state)
{
	struct xns_image_key root, ret;
	struct order_key key = {0};
	struct order_entry entry;
	struct edits edits;
	struct pages p;
	struct set set;

	(void)state;
	pages_open(&p);
	make_large(SHORT, 3000, &set);
	root = build(&set, &p);
	drop_all(&p); /* their keys, to begin with */
	for (size_t i = 0, n = p.n_drops; i < n; i++) {
		const struct order_io io = io_of(&p);
		struct xns_order *page = find_slot(&p, &p.dropped[i])->page;
		int err;

		p.hidden = p.dropped[i];
		random_edits(SHORT, &set, 200, &edits);
		err = order_update(hash_key, &io, &root, next_edit, &edits, &ret);
		assert_true(err == 0 || err == -ENOENT);
		p.n_drops = n;
		memset(&p.hidden, 0, sizeof(p.hidden));
		for (size_t b = 0; b < 40; b++) {
			struct xns_order good = *page;
			unsigned at = b < 4 ? b : random_below(sizeof(*page));

			((uint8_t *)page)[at] = random_below(256);
			(void)sorted_search(&io, &root, &key, &entry);
			(void)sorted_search(&io, &root, &set.at[random_below(set.n)].key, &entry);
			*page = good;
		}
		free(edits.at);
	}
	pages_close(&p);
	free(set.at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),   cmocka_unit_test(test_key_order),
		cmocka_unit_test(test_random), cmocka_unit_test(test_cost),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
