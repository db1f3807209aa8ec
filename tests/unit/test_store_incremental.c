// SPDX-License-Identifier: GPL-3.0-or-later
/* After any contents, one over the other, the store has the same as after the last one alone. */
#include "store_fixture.h"

static const struct store_limits KEEP_NONE;

static const char *const pool_name[] = {"a",   "b",	"c",	 "a.a",	    "b.a",  "c.b.a",
					"*.b", "d.*.b", "\\000", "\\001.c", "e.e.e"};
static const char *const pool_data[] = {
	"A 192.0.2.1",
	"A 192.0.2.2",
	"60 A 192.0.2.2",
	"AAAA ::1",
	"TXT \"x\"",
	"NS a",
	"NS b.test.",
	"MX 1 c",
	"CNAME a",
	"CNAME b.a",
	"CNAME A",
	"CNAME x.test.",
	"CNAME @",
	"DNAME c",
	"DNAME test.",
	"TYPE65280 \\# 0",
	"NSEC3 1 0 0 - 00000000000000000000000000000000 A",
};

/* Nothing is below these. */
static bool may_have_dname(const char *name)
{
	return strchr("cde\\", name[0]) && strcmp(name, "c") != 0;
}

/* A random zone, mended until it is taken: what conflicts with a CNAME or DNAME is not added. */
static struct content *random_content(void)
{
	struct content *content = zonefile_content("example.", "", NULL);
	bool cname[16] = {false}, other[16] = {false}, dname[16] = {false}, ns[16] = {false};
	char line[200], reason[200];

	snprintf(line, sizeof(line), "@ SOA ns hostmaster %ld 3600 900 86400 300\n@ NS ns\n",
		 random() % 5);
	zonefile_add(content, line, NULL);
	for (int n = random() % 24; n > 0; n--) {
		unsigned at = random() % (sizeof(pool_name) / sizeof(pool_name[0]));
		const char *data = pool_data[random() % (sizeof(pool_data) / sizeof(pool_data[0]))];
		bool is_cname = !strncmp(data, "CNAME", 5), is_dname = !strncmp(data, "DNAME", 5);

		if (strncmp(data, "NSEC3", 5) != 0) {
			bool is_ns = !strncmp(data, "NS ", 3);

			if (cname[at] || (is_cname && other[at]) ||
			    (is_dname && (dname[at] || ns[at] || !may_have_dname(pool_name[at]))) ||
			    (is_ns && dname[at]))
				continue;
			ns[at] |= is_ns;
			cname[at] |= is_cname;
			dname[at] |= is_dname;
			other[at] |= !is_cname;
		}
		snprintf(line, sizeof(line), "%s %s\n", pool_name[at], data);
		zonefile_add(content, line, NULL);
	}
	if (content_finish(content, reason, sizeof(reason)) != 0)
		fail_msg("%s", reason);
	return content;
}

static void dump_zone(struct store *store, struct dump *dump)
{
	struct store_zone zone;
	struct store_txn *txn;

	assert_int_equal(store_read_begin(store, &txn), 0);
	zone = dump_content(txn, dump);
	zone.generation = zone.refreshed_at = 0;
	dump_put(dump, &zone, sizeof(zone));
	store_read_end(txn);
}

/* Does the list of changes name exactly what differs, as the contents say? */
static void check_changes(const struct store_changes *changes, const struct content *before,
			  const struct content *after)
{
	size_t b = 0, a = 0, n = 0, n_nsec3 = 0, written = 0;

	for (;;) {
		struct content_node x = {.nsec3 = true}, y = {.nsec3 = true};
		uint8_t vx[4096], vy[4096];
		size_t lx = 0, ly = 0;
		bool has_x = before && b < content_nodes(before), has_y = a < content_nodes(after);
		int cmp;

		if (!has_x && !has_y)
			break;
		if (has_x)
			content_node(before, b, &x);
		if (has_y)
			content_node(after, a, &y);
		cmp = has_x && has_y ? x.nsec3 - y.nsec3 : has_y - has_x;
		if (cmp == 0) {
			cmp = memcmp(x.key, y.key, x.key_len < y.key_len ? x.key_len : y.key_len);
			cmp = cmp ? cmp : (int)x.key_len - (int)y.key_len;
		}
		if (cmp <= 0)
			lx = content_node_value(before, b++, vx, sizeof(vx));
		if (cmp >= 0)
			ly = content_node_value(after, a++, vy, sizeof(vy));
		if (lx == ly && memcmp(vx, vy, lx) == 0)
			continue;
		written++;
		if ((cmp <= 0 ? x : y).nsec3) {
			const struct content_node *node = cmp <= 0 ? &x : &y;
			uint8_t key[KEY_NAME_MAX];

			assert_true(n_nsec3 < changes->n_nsec3);
			assert_int_equal(key_from_name(changes->nsec3[n_nsec3++], key),
					 node->key_len);
			assert_memory_equal(key, node->key, node->key_len);
			continue;
		}
		assert_true(n < changes->n);
		assert_int_equal(changes->change[n].existed, cmp <= 0);
		assert_int_equal(changes->change[n].exists, cmp >= 0);
		n++;
	}
	assert_int_equal(changes->n, n);
	assert_int_equal(changes->n_nsec3, n_nsec3);
	assert_int_equal(changes->nodes_written, written);
}

static void test_incremental(void **state)
{
	static struct dump incremental, fresh;
	struct fixture f;

	(void)state;
	srandom(4);
	fixture_open(&f);
	for (int round = 0; round < 60; round++) {
		struct content *before = NULL, *after = NULL;
		struct store_changes *changes;
		struct fixture g;
		struct store_txn *txn;

		for (int step = random() % 6 + 1; step > 0; step--) {
			content_free(before);
			before = after;
			after = random_content();
			changes = put_content(f.store, after, &KEEP_NONE);
			if (before)
				check_changes(changes, before, after);
			store_changes_free(changes);
		}
		dump_zone(f.store, &incremental);
		fixture_open(&g);
		for (uint32_t id = round; id > 0; id--) { /* the same zone id */
			struct store_zone zone;

			assert_int_equal(store_write_begin(g.store, &txn), 0);
			assert_int_equal(store_zone_add(txn, EXAMPLE, &zone), 0);
			assert_int_equal(store_zone_remove(txn, EXAMPLE), 0);
			assert_int_equal(store_write_commit(txn), 0);
		}
		changes = put_content(g.store, after, &KEEP_NONE);
		check_changes(changes, NULL, after);
		store_changes_free(changes);
		dump_zone(g.store, &fresh);
		assert_int_equal(fresh.nodes, content_nodes(after));
		dump_compare(&incremental, &fresh);
		fixture_close(&g);
		content_free(before);
		content_free(after);
		assert_int_equal(store_write_begin(f.store, &txn), 0);
		assert_int_equal(store_zone_remove(txn, EXAMPLE), 0);
		assert_int_equal(store_write_commit(txn), 0);
	}
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_incremental),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
