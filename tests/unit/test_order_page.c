/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pages of the order: what goes into one, down to its last word, comes out of it again; one that is
 * not whole is not valid, and one that is valid may be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "image/order.h"
#include "model/sorted.h"

static uint64_t random_state = 6;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % n;
}

/* The i-th of a page: keys ascend, two long ones begin alike; one without words comes first. */
static struct sorted make_entry(unsigned i, unsigned key_words, unsigned n_words)
{
	struct sorted ret = {.key.n = key_words, .n_words = n_words, .seed = i};

	for (unsigned k = 0; k < key_words; k++)
		ret.key.word[k] = k == 0 ? i / 2 * 4 + 2 : i + 1;
	if (key_words == 1)
		ret.key.word[0] += i % 2 ? 1 : -1;
	return ret;
}

static bool add(struct order_fill *fill, const struct sorted *from)
{
	struct order_entry entry;

	memset(&entry, 0xff, sizeof(entry));
	sorted_entry(from, &entry);
	return order_fill_add(fill, &entry);
}

/* The page ends where its memory does, for ASan. */
static struct xns_order *write_page(const struct order_fill *fill)
{
	struct xns_order *page = malloc(sizeof(*page));

	assert_non_null(page);
	memset(page, 0xff, sizeof(*page));
	order_fill_write(fill, page);
	return page;
}

static void expect_page(const struct order_fill *fill, const struct sorted *want, unsigned n,
			unsigned words)
{
	struct xns_order *page = write_page(fill);
	struct order_entry got;
	struct order_key first;

	assert_true(order_page_is_valid(page));
	assert_int_equal(page->n, n);
	assert_int_equal(page->n_words, words);
	for (unsigned i = words; i < XNS_ORDER_WORDS; i++)
		assert_int_equal(page->word[i], 0);
	assert_int_equal(page->reserved, 0);
	assert_int_equal(page->reserved2, 0);
	for (unsigned i = 0; i < n; i++) {
		memset(&got, 0xff, sizeof(got));
		order_page_entry(page, i, &got);
		assert_true(sorted_is_entry(&want[i], &got));
		assert_int_equal(order_page_find(page, &want[i].key), i);
	}
	order_fill_first(fill, &first);
	assert_int_equal(order_key_compare(&first, &want[0].key), 0);
	free(page);
}

/* ---- filling ---- */

/* Pages of n alike, of which the last just goes in. */
static void test_full(void **state)
{
	static const struct {
		unsigned level, key_words, n_words, n, words;
	} table[] = {
		{0, 1, ORDER_DATA_WORDS, 2, XNS_ORDER_WORDS},
		{0, XNS_ORDER_KEY_WORDS, ORDER_DATA_WORDS, 1, 314},
		{0, 1, 1, ORDER_ENTRIES_MAX, 500},
		{0, 3, 23, 18, 477},
		{1, 3, 2, 91, XNS_ORDER_WORDS},
		{1, 1, 2, 143, 501},
		{XNS_ORDER_LEVELS - 1, XNS_ORDER_KEY_WORDS, 2, 7, 466},
	};

	(void)state;
	for (size_t t = 0; t < sizeof(table) / sizeof(table[0]); t++) {
		struct sorted entry[ORDER_ENTRIES_MAX + 1];
		struct order_fill fill;

		order_fill_begin(&fill, table[t].level);
		for (unsigned i = 0; i <= table[t].n; i++) {
			entry[i] = make_entry(i, table[t].key_words, table[t].n_words);
			assert_int_equal(add(&fill, &entry[i]), i < table[t].n);
		}
		expect_page(&fill, entry, table[t].n, table[t].words);
	}
}

/* Nothing is not what an entry has. */
static void test_no_data(void **state)
{
	struct sorted entry = make_entry(0, 1, 0);
	struct order_fill fill;

	(void)state;
	order_fill_begin(&fill, 0);
	assert_false(add(&fill, &entry));
	entry.n_words = 1;
	assert_true(add(&fill, &entry));
	expect_page(&fill, &entry, 1, 3);
}

/* An entry goes in if, and only if, there is room for all of it. */
static void test_room(void **state)
{
	unsigned exact = 0;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct sorted entry[ORDER_ENTRIES_MAX];
		unsigned n = 0, data = 0, most = 1 + random_below(ORDER_DATA_WORDS);
		unsigned longest = 1 + random_below(XNS_ORDER_KEY_WORDS);
		struct order_fill fill;

		order_fill_begin(&fill, 0);
		for (unsigned i = 0; i < ORDER_ENTRIES_MAX; i++) {
			unsigned key_words = n == 0 ? random_below(2) : 1 + random_below(longest);
			unsigned n_words = 1 + random_below(most);
			unsigned all = data + (key_words ? key_words - 1 : 0) + n_words;
			bool fits = n + 1 + (n + 2) / 2 + all <= XNS_ORDER_WORDS;

			entry[n] = make_entry(i, key_words, n_words);
			assert_int_equal(add(&fill, &entry[n]), fits);
			n += fits;
			data = fits ? all : data;
		}
		exact += n + (n + 1) / 2 + data == XNS_ORDER_WORDS;
		expect_page(&fill, entry, n, n + (n + 1) / 2 + data);
	}
	assert_true(exact > 100);
}

/* ---- what is not whole ---- */

enum field {
	LEVEL,
	N,
	N_WORDS,
	AT,	   /* where the i-th entry begins */
	KEY_WORDS, /* of the i-th entry */
};

static void set_field(struct xns_order *page, enum field field, unsigned i, unsigned value)
{
	uint16_t *place = (uint16_t *)(page->word + page->n) + 2 * i;

	switch (field) {
	case LEVEL:
		page->level = value;
		break;
	case N:
		page->n = value;
		break;
	case N_WORDS:
		page->n_words = value;
		break;
	case AT:
		place[0] = value;
		break;
	case KEY_WORDS:
		place[1] = value;
		break;
	}
}

static void read_page(const struct xns_order *page)
{
	struct order_entry entry;

	for (unsigned i = 0; i < page->n; i++) {
		order_page_entry(page, i, &entry);
		assert_in_range(entry.n_words, 1, ORDER_DATA_WORDS);
		assert_true(entry.key.n <= XNS_ORDER_KEY_WORDS);
		assert_in_range(order_page_find(page, &entry.key) + 1, 0, page->n);
		if (page->level > 0)
			(void)order_page_below(page, i);
	}
}

/* Three entries, from words 5, 9 and 16 on; 22 words. */
static void make_three(struct order_fill *fill)
{
	static const unsigned key_words[] = {0, 3, 1}, n_words[] = {4, 5, 6};

	order_fill_begin(fill, 0);
	for (unsigned i = 0; i < 3; i++) {
		struct sorted entry = make_entry(i, key_words[i], n_words[i]);

		assert_true(add(fill, &entry));
	}
}

static void test_damaged(void **state)
{
	static const struct {
		enum field field;
		unsigned i, value;
		bool valid;
	} table[] = {
		{LEVEL, 0, 0, true},
		{LEVEL, 0, 1, false}, /* more than a page's key */
		{LEVEL, 0, XNS_ORDER_LEVELS, false},
		{LEVEL, 0, 255, false},
		{N, 0, 0, false},
		{N, 0, 2, false},
		{N, 0, 4, false},
		{N, 0, ORDER_ENTRIES_MAX + 1, false},
		{N, 0, 255, false},
		{N_WORDS, 0, 0, false},
		{N_WORDS, 0, 4, false},
		{N_WORDS, 0, 16, false},
		{N_WORDS, 0, 17, true},
		{N_WORDS, 0, 16 + ORDER_DATA_WORDS, true},
		{N_WORDS, 0, 17 + ORDER_DATA_WORDS, false},
		{N_WORDS, 0, XNS_ORDER_WORDS, false},
		{N_WORDS, 0, XNS_ORDER_WORDS + 1, false},
		{N_WORDS, 0, 65535, false},
		{AT, 0, 0, false},
		{AT, 0, 4, false},
		{AT, 0, 65535, false},
		{AT, 1, 0, false},
		{AT, 1, 5, false},
		{AT, 1, 14, false}, /* no data */
		{AT, 1, 17, false},
		{AT, 1, XNS_ORDER_WORDS, false},
		{AT, 1, 65535, false},
		{AT, 2, 9, false},
		{AT, 2, 22, false},
		{AT, 2, 23, false},
		{AT, 2, XNS_ORDER_WORDS, false},
		{AT, 2, 65535, false},
		{KEY_WORDS, 0, 4, true},
		{KEY_WORDS, 0, 5, false},
		{KEY_WORDS, 1, 7, true},
		{KEY_WORDS, 1, 8, false},
		{KEY_WORDS, 1, XNS_ORDER_KEY_WORDS + 1, false},
		{KEY_WORDS, 2, 6, true},
		{KEY_WORDS, 2, 7, false},
		{KEY_WORDS, 2, 65535, false},
	};
	struct order_fill fill;

	(void)state;
	make_three(&fill);
	for (size_t t = 0; t < sizeof(table) / sizeof(table[0]); t++) {
		struct xns_order *page = write_page(&fill);

		assert_int_equal(page->n_words, 22);
		set_field(page, table[t].field, table[t].i, table[t].value);
		if (order_page_is_valid(page) != table[t].valid)
			fail_msg("case %zu is %svalid", t, table[t].valid ? "not " : "");
		if (table[t].valid)
			read_page(page);
		free(page);
	}
}

/* Keys as long as may be, and one word more. */
static void test_long_key(void **state)
{
	struct sorted entry = make_entry(0, XNS_ORDER_KEY_WORDS, ORDER_DATA_WORDS);
	struct order_fill fill;
	struct xns_order *page;

	(void)state;
	order_fill_begin(&fill, 0);
	assert_true(add(&fill, &entry));
	page = write_page(&fill);
	read_page(page);
	set_field(page, KEY_WORDS, 0, XNS_ORDER_KEY_WORDS + 1);
	assert_false(order_page_is_valid(page));
	free(page);
}

/* Above the leaves there is a key of a page, and nothing else. */
static void test_upper(void **state)
{
	(void)state;
	for (unsigned n_words = 1; n_words < 5; n_words++) {
		struct order_fill fill;
		struct xns_order *page;

		order_fill_begin(&fill, 3);
		for (unsigned i = 0; i < 4; i++) {
			struct sorted entry = make_entry(i, 1 + i, i == 2 ? n_words : 2);

			assert_true(add(&fill, &entry));
		}
		page = write_page(&fill);
		assert_int_equal(order_page_is_valid(page), n_words == 2);
		page->level = 0;
		assert_true(order_page_is_valid(page));
		free(page);
	}
}

/* Bytes of good pages changed at random: refused, or read within the page. */
static void test_any_damage(void **state)
{
	unsigned n_valid = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		unsigned level = random_below(2), n = 1 + random_below(40), damage;
		struct order_fill fill;
		struct xns_order *page;

		order_fill_begin(&fill, level);
		for (unsigned i = 0; i < n; i++) {
			struct sorted entry = make_entry(i, 1 + random_below(4),
							 level ? 2 : 1 + random_below(20));

			add(&fill, &entry);
		}
		page = write_page(&fill);
		for (damage = 1 + random_below(3); damage > 0; damage--) {
			size_t begin = offsetof(struct xns_order, word);
			size_t at = random_below(3) ? begin + 8 * page->n + random_below(4 * n)
						    : random_below(sizeof(*page));

			((uint8_t *)page)[at] =
				random_below(2) ? random_below(256) : random_below(8);
		}
		if (order_page_is_valid(page)) {
			read_page(page);
			n_valid++;
		}
		free(page);
	}
	assert_true(n_valid > 1000 && n_valid < 19000);
}

/* ---- what entries have ---- */

static void test_proof(void **state)
{
	const struct xns_ref ref = {
		.head = {.nscount = 2, .len = 77, .sum = 0x1234},
		.key = {.owner = 3, .content = 0x0123456789abcdef},
	};
	uint8_t value[sizeof(struct xns_image_layout) + XNS_IMAGE_LARGE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = 1 + i % 255;
	for (size_t len = sizeof(struct xns_image_layout) + 1; len <= sizeof(value); len++) {
		const struct image_blob blob = {.len = len, .value = value};
		const uint8_t *bytes;
		struct order_entry entry;
		struct xns_proof proof;

		memset(&entry, 0xff, sizeof(entry));
		order_entry_set_proof(&entry, &ref, &blob);
		assert_int_equal(entry.n_words, (16 + len + 7) / 8);
		memcpy(&proof, entry.word, sizeof(proof));
		assert_memory_equal(&proof.head, &ref.head, sizeof(ref.head));
		assert_int_equal(proof.id, ref.key.content);
		assert_memory_equal(&proof.layout, value, sizeof(proof.layout));
		bytes = (const uint8_t *)entry.word + offsetof(struct xns_proof, layout);
		assert_memory_equal(bytes, value, len);
		for (size_t at = 16 + len; at % 8 != 0; at++)
			assert_int_equal(((const uint8_t *)entry.word)[at], 0);
	}
	assert_int_equal((16 + sizeof(value)) / 8, ORDER_DATA_WORDS);
}

static void test_below(void **state)
{
	struct order_entry entry = {.key = {.n = 2, .word = {1, 2}}};
	struct order_fill fill;
	struct xns_order *page;

	(void)state;
	order_fill_begin(&fill, 1);
	for (unsigned i = 0; i < 5; i++) {
		const struct xns_image_key key = {100 + i, 200 + i};

		entry.key.word[1]++;
		order_entry_set_page(&entry, &key);
		assert_int_equal(entry.n_words, 2);
		assert_true(order_fill_add(&fill, &entry));
	}
	page = write_page(&fill);
	for (unsigned i = 0; i < 5; i++) {
		struct xns_image_key key = order_page_below(page, i);

		assert_int_equal(key.owner, 100 + i);
		assert_int_equal(key.content, 200 + i);
	}
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_data),	   cmocka_unit_test(test_full),
		cmocka_unit_test(test_room),	   cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_long_key),   cmocka_unit_test(test_upper),
		cmocka_unit_test(test_any_damage), cmocka_unit_test(test_proof),
		cmocka_unit_test(test_below),
	};

	return cmocka_run_group_tests_name("pages of the order", tests, NULL, NULL);
}
