// SPDX-License-Identifier: GPL-3.0-or-later
/* Differences onto a zone: the same as its whole content, or refused. Zones of the store as
 * content. */
#include "random_text.h"

static const knot_rrset_t *soa_of(const struct records *records)
{
	for (size_t i = 0; i < records->n; i++)
		if (records->rr[i].type == KNOT_RRTYPE_SOA)
			return &records->rr[i];
	fail();
	return NULL;
}

/* In any order, as a primary may send them. */
static void add_missing(struct diff *diff, const struct records *from, const struct records *in)
{
	size_t start = from->n ? random() % from->n : 0;

	for (size_t k = 0; k < from->n; k++) {
		const knot_rrset_t *rr = &from->rr[(start + k) % from->n];

		if (rr->type != KNOT_RRTYPE_SOA && !has(in, rr))
			assert_int_equal(diff_add(diff, rr), 0);
	}
}

static void diff_append(struct diff *diff, const struct content *before,
			const struct content *after)
{
	static struct records old, new;

	records_of(before, &old);
	records_of(after, &new);
	assert_int_equal(diff_begin(diff, soa_of(&old)), 0);
	add_missing(diff, &old, &new);
	assert_int_equal(diff_turn(diff, soa_of(&new)), 0);
	add_missing(diff, &new, &old);
}

/* ---- the store ---- */

static int try_change(struct store *store, const struct diff *diff,
		      const struct store_limits *limits, char *reason, size_t reason_len,
		      struct store_changes **ret)
{
	struct store_txn *txn;
	int err;

	assert_int_equal(store_write_begin(store, &txn), 0);
	err = store_zone_change(txn, diff, limits, 1, reason, reason_len, ret);
	/* what does not fit leaves the transaction as it was */
	assert_int_equal(store_write_commit(txn), 0);
	return err;
}

static struct store_changes *change(struct store *store, const struct diff *diff,
				    const struct store_limits *limits)
{
	struct store_changes *changes;
	char reason[200] = "";

	if (try_change(store, diff, limits, reason, sizeof(reason), &changes) != 0)
		fail_msg("%s", reason);
	return changes;
}

static void dump_journal(struct store_txn *txn, const struct store_zone *zone, struct dump *dump)
{
	enum store_journal_part part;
	knot_dname_storage_t owner;
	struct store_journal *journal;
	knot_rrset_t rr;
	int err;

	if (zone->journal_depth == 0)
		return;
	assert_int_equal(store_journal_open(txn, zone->id, zone->journal_serial, &journal), 0);
	while ((err = store_journal_next(journal, &part, owner, &rr)) == 0) {
		assert_ptr_equal(rr.owner, owner);
		dump_put(dump, &part, sizeof(part));
		dump_put(dump, &rr.ttl, sizeof(rr.ttl));
		dump_put(dump, &rr.type, sizeof(rr.type));
		dump_put(dump, owner, knot_dname_size(owner));
		dump_put(dump, rr.rrs.rdata->data, rr.rrs.rdata->len);
	}
	assert_int_equal(err, -ENOENT);
	store_journal_close(journal);
}

/* Everything that a reader can see of the zone. */
static void dump_zone(struct store *store, bool with_zone, struct dump *dump)
{
	struct store_zone zone;
	struct store_txn *txn;

	assert_int_equal(store_read_begin(store, &txn), 0);
	zone = dump_content(txn, dump);
	if (with_zone) {
		dump_put(dump, &zone, sizeof(zone));
		dump_journal(txn, &zone, dump);
	}
	store_read_end(txn);
}

static void same_changes(const struct store_changes *a, const struct store_changes *b)
{
	assert_int_equal(a->nodes_written, b->nodes_written);
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct store_change *x = &a->change[i], *y = &b->change[i];

		assert_true(knot_dname_is_equal(x->name, y->name));
		assert_memory_equal(&x->existed, &y->existed, 6 * sizeof(bool));
	}
	assert_int_equal(a->n_nsec3, b->n_nsec3);
	for (size_t i = 0; i < a->n_nsec3; i++)
		assert_true(knot_dname_is_equal(a->nsec3[i], b->nsec3[i]));
	assert_memory_equal(&a->new_zone, &b->new_zone, sizeof(a->new_zone));
}

/* ---- a change is a replacement that costs less ---- */

static void test_same_as_replace(void **state)
{
	static struct dump by_change, by_replace;
	struct fixture f, g;
	uint32_t serial = 4294967000;
	char text[TEXT_MAX];
	struct content *before;

	(void)state;
	srandom(5);
	fixture_open(&f);
	fixture_open(&g);
	random_text(serial, text);
	before = finished(text);
	store_changes_free(put_content(f.store, before, &KEEP_ALL));
	store_changes_free(put_content(g.store, before, &KEEP_ALL));
	for (int round = 0; round < 300; round++) {
		struct diff *diff = diff_new(EXAMPLE);
		struct store_changes *a, *b;

		for (int n = random() % 3 + 1; n > 0; n--) {
			struct content *after;

			serial += random() % 4 + 1;
			random_text(serial, text);
			after = finished(text);
			diff_append(diff, before, after);
			content_free(before);
			before = after;
		}
		assert_int_equal(diff_last_serial(diff), serial);
		a = change(f.store, diff, &KEEP_ALL);
		b = put_content(g.store, before, &KEEP_ALL);
		same_changes(a, b);
		dump_zone(f.store, true, &by_change);
		dump_zone(g.store, true, &by_replace);
		dump_compare(&by_change, &by_replace);
		store_changes_free(a);
		store_changes_free(b);
		diff_free(diff);
	}
	content_free(before);
	fixture_close(&f);
	fixture_close(&g);
}

/* The same in memory. */
static void test_apply(void **state)
{
	(void)state;
	srandom(6);
	for (int round = 0; round < 300; round++) {
		static struct records got, want;
		char text[3][TEXT_MAX], reason[200] = "";
		struct content *content[3];
		struct diff *diff = diff_new(EXAMPLE);

		for (int i = 0; i < 3; i++) {
			random_text(i + 1, text[i]);
			content[i] = finished(text[i]);
			if (i > 0)
				diff_append(diff, content[i - 1], content[i]);
		}
		if (diff_apply(diff, content[0], reason, sizeof(reason)) != 0)
			fail_msg("%s", reason);
		assert_int_equal(content_finish(content[0], reason, sizeof(reason)), 0);
		assert_int_equal(content_serial(content[0]), 3);
		records_of(content[0], &got);
		records_of(content[2], &want);
		assert_int_equal(got.n, want.n);
		for (size_t i = 0; i < got.n; i++)
			assert_true(has(&want, &got.rr[i]));
		for (int i = 0; i < 3; i++)
			content_free(content[i]);
		diff_free(diff);
	}
}

/*
 * Whether or not the result keeps the rules: a change is refused if and only if the whole content
 * is. Few names, so that DNAMEs and what is below them come and go together.
 */
static void random_records(struct diff *diff, bool in[], bool add)
{
	static const char *const name[] = {"a", "b.a", "c.b.a", "a0", "d", "@"};
	static const char *const data[] = {"A 192.0.2.1", "DNAME t.test.", "NS x", "CNAME x",
					   "DNAME u.test."};

	for (size_t i = 0; i < N(name) * N(data); i++) {
		static struct records records;
		struct content *content;
		char line[100];

		if (in[i] == add || random() % (add ? 20 : 4) > 0)
			continue;
		if (i == 5 * N(data) + 2 && !add)
			continue; /* the apex keeps this NS, so that it mostly is a zone */
		snprintf(line, sizeof(line), "%s %s\n", name[i / N(data)], data[i % N(data)]);
		content = unfinished(line);
		records_of(content, &records);
		assert_int_equal(diff_add(diff, &records.rr[0]), 0);
		content_free(content);
		in[i] = add;
	}
}

static void add_soa(struct diff *diff, const char *text, bool turn);

static void test_same_verdict(void **state)
{
	unsigned refused = 0, taken = 0, serial = 1;
	bool in[30] = {[27] = true}; /* the apex's NS */
	struct content *zone = finished("@ 60 SOA ns h 1 1 1 1 1\n@ NS x\n");
	struct fixture f;

	(void)state;
	srandom(9);
	fixture_open(&f);
	store_changes_free(put_content(f.store, zone, &KEEP_ALL));
	for (int round = 0; round < 2000; round++) {
		struct diff *diff = diff_new(EXAMPLE);
		char soa[100], reason[2][200] = {"", ""};
		struct store_changes *changes = NULL;
		struct content *copy;
		struct store_txn *txn;
		bool next[30];
		int err, expect;

		memcpy(next, in, sizeof(next));
		snprintf(soa, sizeof(soa), "@ 60 SOA ns h %u 1 1 1 1\n", serial);
		add_soa(diff, soa, false);
		random_records(diff, next, false);
		snprintf(soa, sizeof(soa), "@ 60 SOA ns h %u 1 1 1 1\n", serial + 1);
		add_soa(diff, soa, true);
		random_records(diff, next, true);
		assert_int_equal(store_read_begin(f.store, &txn), 0);
		assert_int_equal(store_zone_content(txn, EXAMPLE, &copy), 0);
		store_read_end(txn);
		assert_int_equal(content_finish(copy, reason[0], 200), 0);
		assert_int_equal(diff_apply(diff, copy, reason[0], 200), 0);
		expect = content_finish(copy, reason[0], 200);
		err = try_change(f.store, diff, &KEEP_ALL, reason[1], 200, &changes);
		if (err != expect)
			fail_msg("%d %s, not %d %s", err, reason[1], expect, reason[0]);
		taken += err == 0;
		refused += err == -EINVAL;
		if (err == 0) {
			memcpy(in, next, sizeof(in));
			serial++;
		}
		store_changes_free(changes);
		content_free(copy);
		diff_free(diff);
	}
	assert_true(taken > 100 && refused > 100);
	content_free(zone);
	fixture_close(&f);
}

/* A zone of the store as content is the zone that was put there. */
static void test_content(void **state)
{
	static struct dump first, again;
	struct fixture f;

	(void)state;
	srandom(7);
	fixture_open(&f);
	for (int round = 0; round < 100; round++) {
		char text[TEXT_MAX], reason[200];
		struct content *content, *copy;
		struct store_changes *changes;
		struct store_txn *txn;

		random_text(round + 1, text);
		content = finished(text);
		store_changes_free(put_content(f.store, content, &KEEP_ALL));
		dump_zone(f.store, false, &first);
		assert_int_equal(store_read_begin(f.store, &txn), 0);
		assert_int_equal(store_zone_content(txn, EXAMPLE, &copy), 0);
		assert_int_equal(store_zone_content(txn, (const uint8_t *)"\4test", &copy),
				 -ENOENT);
		store_read_end(txn);
		assert_int_equal(content_finish(copy, reason, sizeof(reason)), 0);
		changes = put_content(f.store, copy, &KEEP_ALL);
		assert_int_equal(changes->nodes_written, 0);
		store_changes_free(changes);
		dump_zone(f.store, false, &again);
		dump_compare(&first, &again);
		content_free(content);
		content_free(copy);
	}
	fixture_close(&f);
}

/* ---- differences that do not fit ---- */

#define ZONE \
	SOA("7") "@ NS ns\na A 192.0.2.1\nb MX 1 Mail\nc A 192.0.2.1\nc A 192.0.2.2\nd CNAME a\n"

/* Lines: "= serial" begins a difference or turns it; "- record", "+ record". */
static const struct {
	const char *what, *old, *removed, *new, *added, *reason; /* reason NULL: taken */
	const char *second; /* one more difference: its old SOA */
} stale_table[] = {
	{"nothing but the serial", SOA("7"), "", SOA("8"), "", NULL, NULL},
	{"old SOA with other data", "@ 5 SOA x y 7 1 2 3 4\n", "", SOA("8"), "", NULL, NULL},
	{"from another serial", SOA("6"), "", SOA("8"), "", "from serial 6, not from 7", NULL},
	{"to the same serial", SOA("7"), "", SOA("7"), "", "not newer", NULL},
	{"to an older serial", SOA("7"), "", SOA("6"), "", "not newer", NULL},
	{"serial wraps", SOA("7"), "", SOA("2147483654"), "", NULL, NULL},
	{"serial too far", SOA("7"), "", SOA("2147483655"), "", "not newer", NULL},
	{"a second one", SOA("7"), "", SOA("8"), "", NULL, SOA("8")},
	{"a second one, not behind the first", SOA("7"), "", SOA("8"), "",
	 "from serial 9 follows the one to 8", SOA("9")},
	{"removes what is not there", SOA("7"), "a A 192.0.2.9\n", SOA("8"), "",
	 "the difference to serial 8 removes what is not there: a.example. A", NULL},
	{"removes at a name that is not there", SOA("7"), "x TXT x\n", SOA("8"), "",
	 "removes what is not there: x.example. TXT", NULL},
	{"removes twice", SOA("7"), "a A 192.0.2.1\na A 192.0.2.1\n", SOA("8"), "",
	 "removes what is not there: a.example. A", NULL},
	{"adds what is there", SOA("7"), "", SOA("8"), "a A 192.0.2.1\n",
	 "the difference to serial 8 adds what is there: a.example. A", NULL},
	{"adds twice", SOA("7"), "", SOA("8"), "x TXT x\nx TXT x\n",
	 "adds what is there: x.example", NULL},
	{"removes and adds again", SOA("7"), "a A 192.0.2.1\n", SOA("8"), "a A 192.0.2.1\n", NULL,
	 NULL},
	{"TTL of what is removed", SOA("7"), "a 77 A 192.0.2.1\n", SOA("8"), "", NULL, NULL},
	{"other case of a name in the data", SOA("7"), "b MX 1 mail\n", SOA("8"), "b MX 1 MAIL\n",
	 NULL, NULL},
	{"all records of a name", SOA("7"), "c A 192.0.2.2\nc A 192.0.2.1\n", SOA("8"), "", NULL,
	 NULL},
	{"no NS any more", SOA("7"), "@ NS ns\n", SOA("8"), "", "example.: no NS", NULL},
	{"another NS", SOA("7"), "@ NS ns\n", SOA("8"), "@ NS ns2\n", NULL, NULL},
	{"CNAME beside A", SOA("7"), "", SOA("8"), "a CNAME b\n", "a.example.: CNAME beside", NULL},
	{"A beside CNAME", SOA("7"), "", SOA("8"), "d A 192.0.2.1\n", "d.example.: CNAME beside",
	 NULL},
	{"CNAME to A", SOA("7"), "d CNAME a\n", SOA("8"), "d A 192.0.2.1\n", NULL, NULL},
	{"two CNAMEs", SOA("7"), "", SOA("8"), "d CNAME b\n", "more than one CNAME", NULL},
};

static void add_text(struct diff *diff, const char *text)
{
	static struct records records;
	struct content *content = unfinished(text);
	size_t n = content_records(content), at = 0;

	/* content sorts and merges: a line at a time */
	content_free(content);
	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		char one[256] = "";

		memcpy(one, line, strchr(line, '\n') + 1 - line);
		content = unfinished(one);
		records_of(content, &records);
		assert_int_equal(records.n, 1);
		assert_int_equal(diff_add(diff, &records.rr[0]), 0);
		content_free(content);
		at++;
	}
	assert_int_equal(at, n);
}

static void add_soa(struct diff *diff, const char *text, bool turn)
{
	struct content *content = unfinished(text);
	static struct records records;

	records_of(content, &records);
	assert_int_equal((turn ? diff_turn : diff_begin)(diff, &records.rr[0]), 0);
	content_free(content);
}

static void test_stale(void **state)
{
	struct content *zone = finished(ZONE);

	(void)state;
	for (size_t i = 0; i < N(stale_table); i++) {
		static struct dump before, after;
		struct diff *diff = diff_new(EXAMPLE);
		struct store_changes *changes = NULL;
		char reason[200] = "";
		struct fixture f;
		int err;

		fixture_open(&f);
		store_changes_free(put_content(f.store, zone, &KEEP_ALL));
		add_soa(diff, stale_table[i].old, false);
		add_text(diff, stale_table[i].removed);
		add_soa(diff, stale_table[i].new, true);
		add_text(diff, stale_table[i].added);
		if (stale_table[i].second) {
			add_soa(diff, stale_table[i].second, false);
			add_soa(diff, SOA("10"), true);
		}
		dump_zone(f.store, true, &before);
		err = try_change(f.store, diff, &KEEP_ALL, reason, sizeof(reason), &changes);
		if (stale_table[i].reason ? !strstr(reason, stale_table[i].reason) : err != 0)
			fail_msg("%s: %d %s", stale_table[i].what, err, reason);
		if (stale_table[i].reason) {
			assert_true(err == -ESTALE || err == -EINVAL);
			dump_zone(f.store, true, &after);
			dump_compare(&before, &after);
		}
		store_changes_free(changes);
		diff_free(diff);
		fixture_close(&f);
	}
	content_free(zone);
}

static void test_bad_records(void **state)
{
	struct diff *diff = diff_new(EXAMPLE);
	static struct records records;
	struct content *content = unfinished("a A 192.0.2.1\n");
	knot_dname_storage_t outside;

	(void)state;
	records_of(content, &records);
	content_free(content);
	assert_int_equal(diff_add(diff, &records.rr[0]), -EBADMSG); /* before diff_begin */
	assert_int_equal(diff_begin(diff, &records.rr[0]), -EXDEV);
	add_soa(diff, SOA("1"), false);
	assert_int_equal(diff_add(diff, &records.rr[0]), 0);
	records.rr[0].owner = knot_dname_from_str(outside, "a.test.", sizeof(outside));
	assert_int_equal(diff_add(diff, &records.rr[0]), -EXDEV);
	records.rr[0].owner = records.owner[0];
	records.rr[0].rclass = KNOT_CLASS_CH;
	assert_int_equal(diff_add(diff, &records.rr[0]), -EBADMSG);
	records.rr[0].rclass = KNOT_CLASS_IN;
	records.rr[0].rrs.rdata->len = 3;
	assert_int_equal(diff_add(diff, &records.rr[0]), -EBADMSG);
	assert_int_equal(diff_count(diff), 1);
	assert_int_equal(diff_records(diff), 2);
	diff_free(diff);
}

static void test_max_records(void **state)
{
	const struct store_limits six = {.max_records = 6}, seven = {.max_records = 7},
				  eight = {.max_records = 8};
	struct content *zone = finished(ZONE); /* 7 records */
	struct diff *diff = diff_new(EXAMPLE);
	struct store_changes *changes;
	struct store_zone stored;
	struct store_txn *txn;
	char reason[200];
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(store_write_begin(f.store, &txn), 0);
	assert_int_equal(store_zone_add(txn, EXAMPLE, &stored), 0);
	assert_int_equal(store_zone_replace(txn, zone, &six, 1, &changes), -EINVAL);
	assert_int_equal(store_limits_check(&six, 7, reason, sizeof(reason)), -EINVAL);
	assert_string_equal(reason, "7 records, more than 6 (zone-max-records)");
	store_write_abort(txn);
	store_changes_free(put_content(f.store, zone, &seven));
	add_soa(diff, SOA("7"), false);
	add_soa(diff, SOA("8"), true);
	add_text(diff, "x A 192.0.2.1\n");
	assert_int_equal(try_change(f.store, diff, &seven, reason, sizeof(reason), &changes),
			 -EINVAL);
	assert_string_equal(reason, "8 records, more than 7 (zone-max-records)");
	store_changes_free(change(f.store, diff, &eight));
	diff_free(diff);
	content_free(zone);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_replace), cmocka_unit_test(test_apply),
		cmocka_unit_test(test_same_verdict),	cmocka_unit_test(test_content),
		cmocka_unit_test(test_stale),		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_max_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
