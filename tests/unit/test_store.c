// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store_fixture.h"
#include "util/log.h"

#define APEX "@ 60 SOA ns hostmaster 7 3600 900 86400 300\n@ NS ns\n"

/* Puts the content of a zone file in; returns the changes. */
static struct store_changes *replace(struct store *store, const char *apex, const char *text,
				     int64_t now_s)
{
	struct content *content = zonefile_finished(apex, text, NULL);
	struct store_changes *changes;
	struct store_zone zone;
	struct store_txn *txn;

	assert_int_equal(store_write_begin(store, &txn), 0);
	assert_int_equal(store_zone_add(txn, content_apex(content), &zone), 0);
	assert_int_equal(
		store_zone_replace(txn, content, &(struct store_limits){0}, now_s, &changes), 0);
	assert_int_equal(store_write_commit(txn), 0);
	content_free(content);
	return changes;
}

static void name(knot_dname_storage_t ret, const char *text)
{
	assert_non_null(knot_dname_from_str(ret, text, sizeof(knot_dname_storage_t)));
}

/* ---- opening ---- */

static void test_open_again(void **state)
{
	struct fixture f;
	struct store *other;
	struct stat st;
	char path[128];
	uint64_t uuid;

	(void)state;
	fixture_open(&f);
	uuid = store_uuid(f.store);
	assert_int_equal(store_open(f.dir, MAP_SIZE, &other), -EBUSY);
	store_changes_free(replace(f.store, "example.", APEX, 1));
	store_close(f.store);
	snprintf(path, sizeof(path), "%s/data.mdb", f.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(store_open(f.dir, MAP_SIZE, &f.store), 0);
	assert_true(store_uuid(f.store) == uuid && uuid != 0);
	fixture_close(&f);
	fixture_open(&f);
	assert_true(store_uuid(f.store) != uuid);
	fixture_close(&f);
	assert_int_equal(store_open("/nonexistent", MAP_SIZE, &other), -ENOENT);
}

static bool dir_has(const char *dir, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/* A file that is not ours or not whole is put aside; it never crashes what reads it. */
static void test_open_damaged(void **state)
{
	static const struct {
		const char *what;
		off_t at; /* garbage from here on; -1: cut here instead */
		size_t len;
	} table[] = {{"garbage", 0, 8192},
		     {"the first page", 0, 4096},
		     {"cut to a third", -1, 3},
		     {"cut to 5000", -1, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		static char text[200000];
		struct fixture f;
		char path[128], *end = stpcpy(text, APEX);
		struct stat st;
		int fd, err;

		fixture_open(&f);
		for (int k = 0; k < 3000; k++)
			end += sprintf(end, "host%d A 192.0.2.1\n", k);
		store_changes_free(replace(f.store, "example.", text, 1));
		store_close(f.store);
		snprintf(path, sizeof(path), "%s/data.mdb", f.dir);
		fd = open(path, O_RDWR);
		assert_true(fd >= 0 && fstat(fd, &st) == 0);
		if (table[i].at >= 0) {
			memset(text, 0x5a, table[i].len);
			assert_int_equal(pwrite(fd, text, table[i].len, table[i].at), table[i].len);
		} else {
			assert_int_equal(
				ftruncate(fd, table[i].len ? st.st_size / table[i].len : 5000), 0);
		}
		close(fd);
		err = store_open(f.dir, MAP_SIZE, &f.store);
		if (err != 0 || !dir_has(f.dir, "data.mdb.damaged"))
			fail_msg("%s: %d", table[i].what, err);
		store_changes_free(replace(f.store, "example.", APEX, 1));
		fixture_close(&f);
	}
}

/* A transfer into a store that may be damaged where only writing looks. */
static void try_replace(struct store *store, const char *text)
{
	struct content *content = zonefile_finished("example.", text, NULL);
	struct store_changes *changes = NULL;
	struct store_zone zone;
	struct store_txn *txn;

	assert_int_equal(store_write_begin(store, &txn), 0);
	if (store_zone_add(txn, content_apex(content), &zone) == 0 &&
	    store_zone_replace(txn, content, &(struct store_limits){0}, 2, &changes) == 0)
		store_write_commit(txn);
	else
		store_write_abort(txn);
	store_changes_free(changes);
	content_free(content);
}

/* Whatever bytes are wrong, opening tells it or what is there can be used: nothing ever crashes. */
static void test_open_damaged_anywhere(void **state)
{
	static char text[100000];
	char path[128], aside[160], *end = stpcpy(text, APEX);
	uint8_t *whole, garbage[512];
	unsigned seed = 1, refused = 0;
	struct fixture f;
	struct stat st;
	int fd;

	(void)state;
	fixture_open(&f);
	for (int k = 0; k < 1000; k++)
		end += sprintf(end, "host%d A 192.0.2.1\nalias%d CNAME host%d\n", k, k, k);
	store_changes_free(replace(f.store, "example.", text, 1));
	store_changes_free(replace(f.store, "example.", APEX "a A 192.0.2.1\n", 1));
	store_changes_free(replace(f.store, "example.", text, 1)); /* and a list of free pages */
	store_close(f.store);
	snprintf(path, sizeof(path), "%s/data.mdb", f.dir);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	whole = malloc(st.st_size);
	assert_int_equal(pread(fd, whole, st.st_size, 0), st.st_size);
	for (unsigned i = 0; i < 100; i++) {
		size_t len = i % 2 ? sizeof(garbage) : 1 + (size_t)rand_r(&seed) % 16;
		int err;

		assert_int_equal(ftruncate(fd, st.st_size), 0);
		assert_int_equal(pwrite(fd, whole, st.st_size, 0), st.st_size);
		for (size_t k = 0; k < len; k++)
			garbage[k] = rand_r(&seed);
		assert_int_equal(pwrite(fd, garbage, len, rand_r(&seed) % (st.st_size - len)), len);
		err = store_open(f.dir, MAP_SIZE, &f.store);
		refused += dir_has(f.dir, "data.mdb.damaged");
		assert_true(err == 0 || err == -EPROTONOSUPPORT);
		if (err == 0) {
			try_replace(f.store, APEX);
			store_close(f.store);
		}
		snprintf(aside, sizeof(aside), "%s.damaged", path);
		if (unlink(aside) == 0) { /* fd is of that one */
			close(fd);
			fd = open(path, O_RDWR);
		}
	}
	assert_in_range(refused, 10, 90);
	close(fd);
	free(whole);
	dir_remove(f.dir);
}

/* ---- zones ---- */

static int count_zone(const knot_dname_t *apex, const struct store_zone *zone, void *ctx)
{
	struct store_zone *all = ctx;

	(void)apex;
	all[zone->id] = *zone;
	return zone->id == 9;
}

static void test_zones(void **state)
{
	static const knot_dname_t *const apex[] = {
		(const uint8_t *)"", (const uint8_t *)"\7example", (const uint8_t *)"\3com",
		(const uint8_t *)"\1a\7example"};
	struct store_zone zone, again, all[10] = {0};
	struct store_txn *txn;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(store_write_begin(f.store, &txn), 0);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(store_zone_get(txn, apex[i], &zone), -ENOENT);
		assert_int_equal(store_zone_add(txn, apex[i], &zone), 0);
		assert_int_equal(zone.id, i + 1);
		assert_false(zone.has_content);
		assert_int_equal(store_zone_add(txn, apex[i], &again), 0);
		assert_memory_equal(&zone, &again, sizeof(zone));
	}
	zone = (struct store_zone){.refreshed_at = 5,
				   .transfer_bytes = 6,
				   .transfer_ms = 7,
				   .serial = 99,
				   .primary = "192.0.2.1@53"};
	assert_int_equal(store_zone_update(txn, apex[0], &zone), 0);
	assert_int_equal(store_zone_remove(txn, apex[1]), 0);
	assert_int_equal(store_zone_remove(txn, apex[1]), -ENOENT);
	assert_int_equal(store_zone_add(txn, apex[1], &zone), 0);
	assert_int_equal(zone.id, 5); /* ids are not used again */
	assert_int_equal(store_write_commit(txn), 0);

	assert_int_equal(store_read_begin(f.store, &txn), 0);
	assert_int_equal(store_zone_each(txn, count_zone, all), 0);
	assert_int_equal(all[1].id + all[2].id + all[3].id + all[4].id + all[5].id,
			 1 + 0 + 3 + 4 + 5);
	assert_int_equal(all[1].refreshed_at, 5);
	assert_int_equal(all[1].transfer_bytes, 6);
	assert_int_equal(all[1].serial, 0); /* the content's */
	assert_string_equal(all[1].primary, "192.0.2.1@53");
	store_read_end(txn);
	fixture_close(&f);
}

/* ---- content ---- */

static void test_replace(void **state)
{
	struct store_changes *c;
	struct store_zone zone;
	struct store_txn *txn, *old;
	struct store_node node;
	knot_rrset_t rr;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	c = replace(f.store, "example.", APEX "a A 192.0.2.1\nd NS x\nc CNAME a\ne DNAME test.\n",
		    100);
	assert_int_equal(c->n, 5);
	assert_int_equal(c->nodes_written, 5);
	assert_int_equal(c->new_zone.serial, 7);
	assert_int_equal(c->new_zone.expire_s, 86400);
	assert_int_equal(c->new_zone.refreshed_at, 100);
	assert_int_equal(c->new_zone.records, 6);
	assert_int_equal(c->new_zone.max_labels, 2);
	assert_int_equal(c->new_zone.generation, 1);
	assert_false(c->old_zone.has_content);
	assert_false(c->change[0].is_cut); /* the apex */
	store_changes_free(c);

	c = replace(f.store, "example.", APEX "a A 192.0.2.1\nd NS x\nc CNAME a\ne DNAME test.\n",
		    200); /* the same again */
	assert_int_equal(c->n, 0);
	assert_int_equal(c->nodes_written, 0);
	assert_int_equal(c->new_zone.generation, 1);
	assert_int_equal(c->new_zone.refreshed_at, 200);
	store_changes_free(c);

	assert_int_equal(store_read_begin(f.store, &old), 0);
	c = replace(f.store, "example.",
		    APEX "a A 192.0.2.2\nd A 192.0.2.3\nb.b TXT x\ne DNAME test.\n", 300);
	assert_int_equal(c->n, 4);
	assert_int_equal(c->new_zone.generation, 2);
	assert_int_equal(c->new_zone.max_labels, 3);
	/* a, b.b, c, d */
	assert_true(c->change[0].existed && c->change[0].exists && !c->change[0].was_cut);
	assert_true(!c->change[1].existed && c->change[1].exists);
	assert_true(c->change[2].existed && !c->change[2].exists);
	assert_true(c->change[3].was_cut && !c->change[3].is_cut);
	store_changes_free(c);

	/* the older snapshot is whole */
	assert_int_equal(store_zone_get(old, EXAMPLE, &zone), 0);
	assert_int_equal(zone.generation, 1);
	assert_int_equal(
		store_node_get(old, zone.id, STORE_NAMES, (const uint8_t *)"\1c\7example", &node),
		0);
	assert_int_equal(store_node_rrset(&node, KNOT_RRTYPE_CNAME, &rr), 0);
	assert_int_equal(rr.rrs.count, 1);
	assert_int_equal(store_node_rrset(&node, KNOT_RRTYPE_A, &rr), -ENOENT);
	store_read_reset(old);
	assert_int_equal(store_read_renew(old), 0);
	assert_int_equal(store_zone_get(old, EXAMPLE, &zone), 0);
	assert_int_equal(zone.generation, 2);
	assert_int_equal(
		store_node_get(old, zone.id, STORE_NAMES, (const uint8_t *)"\1c\7example", &node),
		-ENOENT);
	assert_int_equal(
		store_node_get(old, zone.id, STORE_NAMES, (const uint8_t *)"\1b\7example", &node),
		-ENOENT);
	assert_true(store_has_descendant(old, zone.id, (const uint8_t *)"\1b\7example"));
	assert_false(store_has_descendant(old, zone.id, (const uint8_t *)"\1b\1b\7example"));
	assert_false(store_has_descendant(old, zone.id, (const uint8_t *)"\1a\7example"));
	assert_true(store_has_descendant(old, zone.id, EXAMPLE));
	store_read_end(old);

	/* replacing or removing one zone leaves the others alone */
	store_changes_free(replace(f.store, "test.", APEX "a A 192.0.2.1\n", 1));
	assert_int_equal(store_write_begin(f.store, &txn), 0);
	assert_int_equal(store_zone_get(txn, EXAMPLE, &zone), 0);
	assert_int_equal(store_zone_remove(txn, EXAMPLE), 0);
	assert_false(store_has_descendant(txn, zone.id, EXAMPLE));
	assert_int_equal(store_zone_get(txn, (const uint8_t *)"\4test", &zone), 0);
	assert_int_equal(
		store_node_get(txn, zone.id, STORE_NAMES, (const uint8_t *)"\1a\4test", &node), 0);
	store_write_abort(txn);
	c = replace(f.store, "example.",
		    APEX "a A 192.0.2.2\nd A 192.0.2.3\nb.b TXT x\ne DNAME test.\n", 300);
	assert_int_equal(c->n, 0); /* the removal was taken back */
	store_changes_free(c);
	fixture_close(&f);
}

static void test_full(void **state)
{
	struct content *content = zonefile_content("example.", APEX, NULL);
	struct store_changes *changes;
	struct store_zone zone;
	struct store_txn *txn;
	char dir[64], reason[64];
	struct store *store;
	int err;

	(void)state;
	dir_make(dir);
	assert_int_equal(store_open(dir, 1 << 20, &store), 0);
	store_changes_free(replace(store, "example.", APEX, 1));
	for (int i = 0; i < 20000; i++) {
		knot_rrset_t rr;
		uint8_t owner[] = "\6nnnnnn\7example", data[100] = {0};

		for (int k = 6, left = i; k > 0; k--, left /= 10)
			owner[k] = '0' + left % 10;
		knot_rrset_init(&rr, owner, 65280, KNOT_CLASS_IN, 60);
		assert_int_equal(knot_rrset_add_rdata(&rr, data, sizeof(data), NULL), 0);
		assert_int_equal(content_add(content, &rr), 0);
		knot_rdataset_clear(&rr.rrs, NULL);
	}
	assert_int_equal(content_finish(content, reason, sizeof(reason)), 0);
	assert_int_equal(store_write_begin(store, &txn), 0);
	err = store_zone_replace(txn, content, &(struct store_limits){0}, 2, &changes);
	assert_int_equal(err, -ENOSPC);
	store_write_abort(txn);
	assert_int_equal(store_read_begin(store, &txn), 0);
	assert_int_equal(store_zone_get(txn, EXAMPLE, &zone), 0);
	assert_int_equal(zone.refreshed_at, 1);
	assert_int_equal(zone.records, 2);
	store_read_end(txn);
	content_free(content);
	store_close(store);
	dir_remove(dir);
}

static void test_cursor(void **state)
{
	static const char *const order[] = {"example.",	    "a.example.", "\\000.a.example.",
					    "x.a.example.", "b.example.", "y.example.",
					    "*.y.example."};
	enum {
		N = sizeof(order) / sizeof(order[0])
	};
	knot_dname_storage_t got, want, low, high;
	struct store_cursor *cursor;
	struct store_node node;
	struct store_zone zone;
	struct store_txn *txn;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	store_changes_free(replace(f.store, "aaa.", APEX, 1));
	store_changes_free(replace(
		f.store, "example.",
		APEX
		"y A 192.0.2.1\nX.a A 192.0.2.1\n*.y A 192.0.2.1\n\\000.a A 192.0.2.1\na A 192.0.2.1\n"
		"b A 192.0.2.1\nh NSEC3 1 0 0 - 00000000000000000000000000000000 A\n",
		1));
	store_changes_free(replace(f.store, "zzz.", APEX, 1));
	assert_int_equal(store_read_begin(f.store, &txn), 0);
	assert_int_equal(store_zone_get(txn, EXAMPLE, &zone), 0);
	assert_int_equal(store_cursor_open(txn, zone.id, STORE_NAMES, &cursor), 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(i ? store_cursor_next(cursor, got, &node)
				   : store_cursor_first(cursor, got, &node),
				 0);
		name(want, order[i]);
		assert_true(knot_dname_is_equal(got, want));
		assert_true(store_node_has(&node, i ? KNOT_RRTYPE_A : KNOT_RRTYPE_SOA));
	}
	assert_int_equal(store_cursor_next(cursor, got, &node), -ENOENT);
	for (int i = N - 1; i >= 0; i--) {
		assert_int_equal(store_cursor_prev(cursor, got, &node), 0);
		name(want, order[i]);
		assert_true(knot_dname_is_equal(got, want));
	}
	assert_int_equal(store_cursor_prev(cursor, got, &node), -ENOENT);
	name(low, "aa.example.");
	assert_int_equal(store_cursor_seek(cursor, low, got, &node), 0);
	name(want, "b.example.");
	assert_true(knot_dname_is_equal(got, want));
	assert_int_equal(store_cursor_seek_le(cursor, low, got, &node), 0);
	name(want, "x.a.example.");
	assert_true(knot_dname_is_equal(got, want));
	assert_int_equal(store_cursor_seek_le(cursor, EXAMPLE, got, &node), 0);
	assert_true(knot_dname_is_equal(got, EXAMPLE));
	name(high, "z.example.");
	assert_int_equal(store_cursor_seek(cursor, high, got, &node), -ENOENT);
	assert_int_equal(store_cursor_seek_le(cursor, high, got, &node), 0);
	name(want, "*.y.example.");
	assert_true(knot_dname_is_equal(got, want));
	store_cursor_close(cursor);
	assert_int_equal(store_cursor_open(txn, zone.id, STORE_NSEC3, &cursor), 0);
	assert_int_equal(store_cursor_first(cursor, got, &node), 0);
	name(want, "h.example.");
	assert_true(knot_dname_is_equal(got, want));
	assert_int_equal(store_cursor_next(cursor, got, &node), -ENOENT);
	store_cursor_close(cursor);
	store_read_end(txn);
	fixture_close(&f);
}

static int collect_owner(const knot_dname_t *owner, void *ctx)
{
	char *text = ctx;

	knot_dname_to_str(text + strlen(text), owner, 256);
	strcat(text, " ");
	return strlen(text) > 200 ? 42 : 0;
}

static void test_references(void **state)
{
	static const struct {
		const char *target;
		bool below;
		const char *expect;
	} table[] = {
		{"t.example.", false, "a.example. b.example. "},
		{"t.example.", true, "a.example. b.example. c.example. "},
		{"x.t.example.", false, "c.example. "},
		{"x.t.example.", true, "c.example. "},
		{"example.", false, "d.example. "},
		{"tt.example.", true, ""},
		{"u.example.", false, ""},
		/* where knot_dname_cmp sees no change: y led to y.x */
		{"x\\000y.example.", false, "y.example. "},
		{"y.x.example.", false, ""},
	};
	struct store_zone zone;
	struct store_txn *txn;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	store_changes_free(
		replace(f.store, "example.",
			APEX "z CNAME t\na CNAME t.example.test.\nb CNAME t\ny CNAME y.x\n", 1));
	store_changes_free(replace(
		f.store, "example.",
		APEX
		"a CNAME T\nb MX 1 t\nb SRV 0 0 1 T\nc CNAME x.t\nd CNAME @\ne CNAME t.test.\nf HTTPS 1 te\n"
		"y CNAME x\\000y\n",
		1));
	store_changes_free(replace(f.store, "test.", APEX "z CNAME t.example.\n", 1));
	assert_int_equal(store_read_begin(f.store, &txn), 0);
	assert_int_equal(store_zone_get(txn, EXAMPLE, &zone), 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char text[1024] = "";
		knot_dname_storage_t target;

		name(target, table[i].target);
		assert_int_equal(store_reference_each(txn, zone.id, target, table[i].below,
						      collect_owner, text),
				 0);
		if (strcmp(text, table[i].expect) != 0)
			fail_msg("%s: %s", table[i].target, text);
	}
	store_read_end(txn);
	fixture_close(&f);
}

/* ---- members ---- */

static int count_member(const knot_dname_t *apex, const struct store_member *member, void *ctx)
{
	(void)apex;
	*(int *)ctx += member->by_operator ? 100 : 1;
	return 0;
}

static void test_members(void **state)
{
	struct store_member member = {.template_id = "group"}, got;
	struct store_txn *txn;
	struct fixture f;
	int sum = 0;

	(void)state;
	fixture_open(&f);
	assert_non_null(knot_dname_from_str(member.catalog, "cat.", sizeof(member.catalog)));
	assert_non_null(knot_dname_from_str(member.unique, "x.zones.cat.", sizeof(member.unique)));
	assert_int_equal(store_write_begin(f.store, &txn), 0);
	assert_int_equal(store_member_get(txn, EXAMPLE, &got), -ENOENT);
	assert_int_equal(store_member_remove(txn, EXAMPLE), -ENOENT);
	assert_int_equal(store_member_put(txn, EXAMPLE, &member), 0);
	assert_int_equal(store_member_put(txn, EXAMPLE, &member), 0);
	memset(&member, 0, sizeof(member));
	memset(member.template_id, 'x', sizeof(member.template_id) - 1);
	member.by_operator = true;
	assert_int_equal(store_member_put(txn, (const uint8_t *)"", &member), 0);
	assert_int_equal(store_write_commit(txn), 0);

	assert_int_equal(store_read_begin(f.store, &txn), 0);
	assert_int_equal(store_member_get(txn, EXAMPLE, &got), 0);
	assert_string_equal(got.template_id, "group");
	assert_true(knot_dname_is_equal(got.unique, (const uint8_t *)"\1x\5zones\3cat"));
	assert_true(knot_dname_is_equal(got.catalog, (const uint8_t *)"\3cat"));
	assert_int_equal(store_member_get(txn, (const uint8_t *)"", &got), 0);
	assert_memory_equal(&got, &member, sizeof(got));
	assert_int_equal(store_member_each(txn, count_member, &sum), 0);
	assert_int_equal(sum, 101);
	store_read_end(txn);
	fixture_close(&f);
}

/* A process that is killed in the middle of a change: what was committed is there, nothing of the
 * rest. */
static void test_killed(void **state)
{
	struct store_changes *c;
	struct store_zone zone;
	struct store_txn *txn;
	struct store_node node;
	char dir[64];
	struct store *store;
	int status;
	pid_t pid;

	(void)state;
	dir_make(dir);
	pid = fork();
	if (pid == 0) {
		struct content *content =
			zonefile_finished("example.", APEX "b A 192.0.2.2\n", NULL);

		if (store_open(dir, MAP_SIZE, &store) != 0)
			_exit(1);
		store_changes_free(replace(store, "example.", APEX "a A 192.0.2.1\n", 1));
		if (store_read_begin(store, &txn) != 0 || store_write_begin(store, &txn) != 0 ||
		    store_zone_replace(txn, content, &(struct store_limits){0}, 2, &c) != 0)
			_exit(2);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(store_open(dir, MAP_SIZE, &store), 0);
	assert_int_equal(store_read_begin(store, &txn), 0);
	assert_int_equal(store_zone_get(txn, EXAMPLE, &zone), 0);
	assert_int_equal(zone.refreshed_at, 1);
	assert_int_equal(
		store_node_get(txn, zone.id, STORE_NAMES, (const uint8_t *)"\1a\7example", &node),
		0);
	assert_int_equal(
		store_node_get(txn, zone.id, STORE_NAMES, (const uint8_t *)"\1b\7example", &node),
		-ENOENT);
	store_read_end(txn);
	store_changes_free(replace(store, "example.", APEX, 3));
	store_close(store);
	dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_again),
		cmocka_unit_test(test_open_damaged),
		cmocka_unit_test(test_open_damaged_anywhere),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
