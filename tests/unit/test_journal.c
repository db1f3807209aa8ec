// SPDX-License-Identifier: GPL-3.0-or-later
/* The journal that changes leave. */
#include "random_text.h"

/* What the journal has from this serial on, as a difference; NULL: it does not reach back to it. */
static struct diff *journal_diff(struct store *store, uint32_t serial)
{
	struct diff *diff = diff_new(EXAMPLE);
	enum store_journal_part part;
	knot_dname_storage_t owner;
	struct store_journal *journal;
	struct store_zone zone;
	struct store_txn *txn;
	knot_rrset_t rr;
	int err;

	assert_int_equal(store_read_begin(store, &txn), 0);
	assert_int_equal(store_zone_get(txn, EXAMPLE, &zone), 0);
	err = store_journal_open(txn, zone.id, serial, &journal);
	if (err < 0) {
		assert_int_equal(err, -ENOENT);
		store_read_end(txn);
		diff_free(diff);
		return NULL;
	}
	while ((err = store_journal_next(journal, &part, owner, &rr)) == 0) {
		if (part == JOURNAL_OLD_SOA)
			err = diff_begin(diff, &rr);
		else if (part == JOURNAL_NEW_SOA)
			err = diff_turn(diff, &rr);
		else
			err = diff_add(diff, &rr);
		assert_int_equal(err, 0);
	}
	assert_int_equal(err, -ENOENT);
	store_journal_close(journal);
	store_read_end(txn);
	return diff;
}

static void leads_to(const struct diff *diff, const char *from, const char *to)
{
	static struct records got, want;
	struct content *content = finished(from), *end = finished(to);
	char reason[200] = "";

	if (diff_apply(diff, content, reason, sizeof(reason)) != 0 ||
	    content_finish(content, reason, sizeof(reason)) != 0)
		fail_msg("%s", reason);
	records_of(content, &got);
	records_of(end, &want);
	assert_int_equal(got.n, want.n);
	for (size_t i = 0; i < got.n; i++)
		assert_true(has(&want, &got.rr[i]));
	content_free(content);
	content_free(end);
}

/* From every serial that it reaches back to it leads to the current content. */
static void test_journal(void **state)
{
	enum {
		STEPS = 12
	};

	(void)state;
	srandom(8);
	for (int round = 0; round < 40; round++) {
		struct store_limits limits = {.journal_max_usage = random() % 4000 + 500,
					      .journal_max_depth = random() % 8 + 1};
		uint32_t serial[STEPS + 1] = {random()};
		static char text[STEPS + 1][TEXT_MAX];
		struct fixture f;

		fixture_open(&f);
		for (int i = 0; i <= STEPS; i++) {
			struct content *content;
			struct store_zone zone;
			unsigned reached = 0;

			if (i > 0)
				serial[i] = serial[i - 1] + random() % 1000000000 + 1;
			random_text(serial[i], text[i]);
			content = finished(text[i]);
			store_changes_free(put_content(f.store, content, &limits));
			content_free(content);
			zone = zone_of(f.store);
			assert_true(zone.journal_depth <= limits.journal_max_depth);
			assert_true(zone.journal_bytes <= limits.journal_max_usage);
			for (int k = 0; k < i; k++) {
				struct diff *diff = journal_diff(f.store, serial[k]);

				if (!diff) {
					assert_int_equal(reached, 0);
					continue;
				}
				if (reached++ == 0)
					assert_int_equal(zone.journal_serial, serial[k]);
				leads_to(diff, text[k], text[i]);
				diff_free(diff);
			}
			assert_null(journal_diff(f.store, serial[i]));
			assert_int_equal(reached, zone.journal_depth);
		}
		fixture_close(&f);
	}
}

/* Large differences are cut in pieces, large records are pieces of their own; and what is too large
 * is not kept. */
static void test_journal_large(void **state)
{
	struct content *content[2];
	struct diff *diff;
	struct fixture f;
	char reason[200];
	unsigned n = 0;
	const struct store_limits small = {.journal_max_usage = 100000, .journal_max_depth = 9},
				  large = {.journal_max_usage = 10000000, .journal_max_depth = 9};

	(void)state;
	for (uint32_t k = 0; k < 2; k++) {
		uint8_t *data = calloc(1, 65000);

		content[k] = unfinished(k ? SOA("2") "@ NS ns\n" : SOA("1") "@ NS ns\n");
		for (uint32_t i = 0; i < 2000; i++) {
			uint8_t owner[] = "\4nnnn\7example";
			knot_rrset_t rr;

			for (uint32_t d = 4, left = i % 500; d > 0; d--, left /= 10)
				owner[d] = '0' + left % 10;
			data[0] = i;
			data[1] = i >> 8;
			data[2] = k;
			knot_rrset_init(&rr, owner, 65280, KNOT_CLASS_IN, 60);
			assert_int_equal(knot_rrset_add_rdata(&rr, data,
							      i % 400 ? i % 97 + 3 : i * 20 + 3,
							      NULL),
					 0);
			assert_int_equal(content_add(content[k], &rr), 0);
			knot_rdataset_clear(&rr.rrs, NULL);
		}
		free(data);
		assert_int_equal(content_finish(content[k], reason, sizeof(reason)), 0);
	}
	fixture_open(&f);
	store_changes_free(put_content(f.store, content[0], &large));
	store_changes_free(put_content(f.store, content[1], &large));
	assert_int_equal(zone_of(f.store).journal_depth, 1);
	diff = journal_diff(f.store, 1);
	assert_int_equal(diff_records(diff), 2 + 2 * 2000);
	assert_int_equal(diff_apply(diff, content[0], reason, sizeof(reason)), 0);
	assert_int_equal(content_finish(content[0], reason, sizeof(reason)), 0);
	assert_int_equal(content_nodes(content[0]), content_nodes(content[1]));
	for (size_t i = 0; i < content_nodes(content[0]); i++) {
		static uint8_t a[1 << 20], b[1 << 20];

		n = content_node_value(content[0], i, a, sizeof(a));
		assert_int_equal(n, content_node_value(content[1], i, b, sizeof(b)));
		assert_memory_equal(a, b, n);
	}
	diff_free(diff);
	fixture_close(&f);

	fixture_open(&f);
	content_free(content[0]);
	content[0] = finished(SOA("1") "@ NS ns\n");
	store_changes_free(put_content(f.store, content[0], &small));
	content_free(content[0]);
	content[0] = finished(SOA("1") "@ NS ns\na A 192.0.2.1\n");
	store_changes_free(put_content(f.store, content[1], &small));
	assert_int_equal(zone_of(f.store).journal_depth, 0);
	assert_null(journal_diff(f.store, 1));
	fixture_close(&f);
	content_free(content[0]);
	content_free(content[1]);
}

/* What empties it, what does not; and that a zone's removal leaves nothing. */
static void test_journal_emptied(void **state)
{
	static const struct {
		const char *what, *text;
		unsigned depth;
	} table[] = {
		{"first", SOA("5") "@ NS ns\n", 0},
		{"newer", SOA("6") "@ NS ns\na A 192.0.2.1\n", 1},
		{"the same again", SOA("6") "@ NS ns\na A 192.0.2.1\n", 1},
		{"newer, SOA only", SOA("7") "@ NS ns\na A 192.0.2.1\n", 2},
		{"the same serial, other content", SOA("7") "@ NS ns\n", 0},
		{"newer", SOA("8") "@ NS ns\na A 192.0.2.1\n", 1},
		{"older", SOA("3") "@ NS ns\na A 192.0.2.1\n", 0},
		{"newer", SOA("4") "@ NS ns\n", 1},
	};
	const struct store_limits off = {0};
	struct store_zone zone;
	struct content *content;
	struct store_txn *txn;
	struct store_journal *journal;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	for (size_t i = 0; i < N(table); i++) {
		content = finished(table[i].text);
		store_changes_free(put_content(f.store, content, &KEEP_ALL));
		if (zone_of(f.store).journal_depth != table[i].depth)
			fail_msg("%s: %u", table[i].what, zone_of(f.store).journal_depth);
		content_free(content);
	}
	content = finished(table[N(table) - 1].text);
	store_changes_free(put_content(f.store, content, &off)); /* the limits are others now */
	assert_int_equal(zone_of(f.store).journal_depth, 0);
	content_free(content);
	content = finished(SOA("5") "@ NS ns\n");
	store_changes_free(put_content(f.store, content, &KEEP_ALL));
	content_free(content);
	zone = zone_of(f.store);
	assert_int_equal(zone.journal_depth, 1);
	assert_int_equal(store_write_begin(f.store, &txn), 0);
	assert_int_equal(store_zone_remove(txn, EXAMPLE), 0);
	assert_int_equal(store_journal_open(txn, zone.id, 4, &journal), -ENOENT);
	assert_int_equal(store_write_commit(txn), 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_journal_large),
		cmocka_unit_test(test_journal_emptied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
