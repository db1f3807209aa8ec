// SPDX-License-Identifier: GPL-3.0-or-later
/* The store's file: other formats, other programs' files, full disks; zone files. */
#include <errno.h>
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "store/format.h"
#include "store/zonefile.h"
#include "zonefile.h"

#define MAP_SIZE ((uint64_t)64 << 20)
#define APEX	 "@ 60 SOA ns hostmaster 7 3600 900 86400 300\n@ NS ns\n"
#define LIMITS	 (&(struct store_limits){.journal_max_usage = 1 << 20, .journal_max_depth = 9})

static const knot_dname_t *const EXAMPLE = (const uint8_t *)"\7example";
static char dir[64], path[128];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/xnsd-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	return 0;
}

static int remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static bool dir_has(const char *name)
{
	char other[160];

	snprintf(other, sizeof(other), "%s/%s", dir, name);
	return access(other, F_OK) == 0;
}

static int try_put(struct store *store, const char *text)
{
	struct content *content = zonefile_finished("example.", text, NULL);
	struct store_changes *changes = NULL;
	struct store_zone zone;
	struct store_txn *txn;
	int err = store_write_begin(store, &txn);

	if (err == 0) {
		err = store_zone_add(txn, EXAMPLE, &zone);
		if (err == 0)
			err = store_zone_replace(txn, content, LIMITS, 1000, &changes);
		if (err == 0)
			err = store_write_commit(txn);
		else
			store_write_abort(txn);
	}
	store_changes_free(changes);
	content_free(content);
	return err;
}

static struct store *open_store(void)
{
	struct store *store;

	assert_int_equal(store_open(dir, MAP_SIZE, &store), 0);
	return store;
}

/* ---- formats ---- */

static void in_database(void (*fn)(MDB_txn *txn))
{
	MDB_env *env;
	MDB_txn *txn;

	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
	assert_int_equal(mdb_env_set_mapsize(env, MAP_SIZE), 0);
	assert_int_equal(mdb_env_open(env, dir, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	fn(txn);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void set_format(MDB_txn *txn, uint32_t version, uint32_t order)
{
	MDB_val key = {6, "format"}, val;
	struct disk_format format;
	MDB_dbi meta;

	assert_int_equal(mdb_dbi_open(txn, "meta", 0, &meta), 0);
	assert_int_equal(mdb_get(txn, meta, &key, &val), 0);
	memcpy(&format, val.mv_data, sizeof(format));
	format.version = version;
	format.order = order;
	val.mv_data = &format;
	assert_int_equal(mdb_put(txn, meta, &key, &val, 0), 0);
}

static void set_newer(MDB_txn *txn)
{
	set_format(txn, FORMAT_VERSION + 1, FORMAT_ORDER);
}

static void set_other_order(MDB_txn *txn)
{
	set_format(txn, FORMAT_VERSION, 0x04030201);
}

/* The zones as format 1 had them, and none of the databases that came with 2. */
static void set_format_1(MDB_txn *txn)
{
	MDB_cursor *cursor;
	MDB_val key, val;
	MDB_dbi dbi;

	set_format(txn, 1, FORMAT_ORDER);
	assert_int_equal(mdb_dbi_open(txn, "journal", 0, &dbi), 0);
	assert_int_equal(mdb_drop(txn, dbi, 1), 0);
	assert_int_equal(mdb_dbi_open(txn, "members", 0, &dbi), 0);
	assert_int_equal(mdb_drop(txn, dbi, 1), 0);
	assert_int_equal(mdb_dbi_open(txn, "zones", 0, &dbi), 0);
	assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
	while (mdb_cursor_get(cursor, &key, &val, MDB_NEXT) == 0) {
		struct disk_zone_1 old = {0};
		struct disk_zone zone;
		MDB_val to = {sizeof(old), &old};

		memcpy(&zone, val.mv_data, sizeof(zone));
		old.id = zone.id;
		old.serial = zone.serial;
		old.generation = zone.generation;
		old.records = zone.records;
		old.refreshed_at = zone.refreshed_at;
		old.refresh_s = zone.refresh_s;
		old.retry_s = zone.retry_s;
		old.expire_s = zone.expire_s;
		old.transfer_bytes = 12345;
		old.has_content = zone.has_content;
		old.is_signed = zone.is_signed;
		old.max_labels = zone.max_labels;
		memcpy(old.primary, "192.0.2.1@53", 13);
		assert_int_equal(mdb_cursor_put(cursor, &key, &to, MDB_CURRENT), 0);
	}
	mdb_cursor_close(cursor);
}

static void test_migration(void **state)
{
	struct store *store = open_store();
	struct store_zone before, after;
	struct store_txn *txn;

	(void)state;
	assert_int_equal(try_put(store, APEX "a.b.c A 192.0.2.1\nd CNAME a.b.c\n"), 0);
	assert_int_equal(store_write_begin(store, &txn), 0);
	assert_int_equal(store_zone_add(txn, (const uint8_t *)"\5empty", &after), 0);
	assert_int_equal(store_zone_get(txn, EXAMPLE, &before), 0);
	assert_int_equal(store_write_commit(txn), 0);
	store_close(store);
	in_database(set_format_1);
	for (int round = 0; round < 2; round++) { /* once migrated, then as it is */
		store = open_store();
		assert_false(dir_has("data.mdb.damaged"));
		assert_int_equal(store_read_begin(store, &txn), 0);
		assert_int_equal(store_zone_get(txn, EXAMPLE, &after), 0);
		before.transfer_bytes = 12345;
		strcpy(before.primary, "192.0.2.1@53");
		assert_int_equal(after.expires_at, 1000 + 86400);
		assert_int_equal(after.max_labels, 4);
		assert_memory_equal(&after, &before, sizeof(after));
		assert_int_equal(store_zone_get(txn, (const uint8_t *)"\5empty", &after), 0);
		assert_false(after.has_content);
		store_read_end(txn);
		store_close(store);
	}
	store = open_store();
	/* the depths were counted: without its deepest name the zone is less deep */
	assert_int_equal(
		try_put(store,
			"@ 60 SOA ns hostmaster 8 3600 900 86400 300\n@ NS ns\nx.y A 192.0.2.1\n"),
		0);
	assert_int_equal(store_read_begin(store, &txn), 0);
	assert_int_equal(store_zone_get(txn, EXAMPLE, &after), 0);
	assert_int_equal(after.max_labels, 3);
	assert_int_equal(after.journal_depth, 1);
	store_read_end(txn);
	store_close(store);
}

static void test_newer_is_left_alone(void **state)
{
	struct store *store = open_store();

	(void)state;
	assert_int_equal(try_put(store, APEX), 0);
	store_close(store);
	in_database(set_newer);
	assert_int_equal(store_open(dir, MAP_SIZE, &store), -EPROTONOSUPPORT);
	assert_int_equal(store_open(dir, MAP_SIZE, &store), -EPROTONOSUPPORT);
	assert_false(dir_has("data.mdb.damaged"));
	assert_true(dir_has("data.mdb"));
}

static void make_foreign(MDB_txn *txn)
{
	MDB_val key = {1, "x"}, val = {1, "y"};
	MDB_dbi dbi;

	assert_int_equal(mdb_dbi_open(txn, "theirs", MDB_CREATE, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &key, &val, 0), 0);
}

/* What is not ours is put aside; of those before one is kept. */
static void test_aside(void **state)
{
	struct store *store;
	FILE *file;

	(void)state;
	in_database(make_foreign);
	store = open_store();
	assert_int_equal(try_put(store, APEX), 0);
	store_close(store);
	assert_true(dir_has("data.mdb.damaged"));
	assert_false(dir_has("data.mdb.damaged.old"));
	in_database(set_other_order);
	store_close(open_store());
	assert_true(dir_has("data.mdb.damaged.old"));
	for (int i = 0; i < 2; i++) {
		file = fopen(path, "w");
		assert_true(file && fputs("no database", file) > 0 && fclose(file) == 0);
		store_close(open_store());
	}
}

/* ---- full disks ---- */

/* A file that may not grow is as a full disk: what was there stays, and can go on. */
static void test_full(void **state)
{
	static char text[400000];
	char *end = stpcpy(text, "@ 60 SOA ns hostmaster 8 3600 900 86400 300\n@ NS ns\n");
	struct store *store = open_store();
	struct store_txn *txn;
	struct store_zone zone;
	int status;

	(void)state;
	assert_int_equal(try_put(store, APEX), 0);
	store_close(store);
	for (int i = 0; i < 10000; i++)
		end += sprintf(end, "host%d TXT x\n", i);
	if (fork() == 0) {
		struct stat st;
		int err;

		signal(SIGXFSZ, SIG_IGN);
		if (stat(path, &st) < 0 || store_open(dir, MAP_SIZE, &store) != 0)
			_exit(1);
		st.st_size += 40960;
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){st.st_size, st.st_size});
		err = try_put(store, text);
		if (err != -ENOSPC && err != -EIO)
			_exit(2);
		if (try_put(store, APEX "a A 192.0.2.1\n") != 0) /* there is room for this */
			_exit(3);
		store_close(store);
		_exit(0);
	}
	assert_true(wait(&status) > 0 && WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	store = open_store();
	assert_false(dir_has("data.mdb.damaged"));
	assert_int_equal(store_read_begin(store, &txn), 0);
	assert_int_equal(store_zone_get(txn, EXAMPLE, &zone), 0);
	assert_int_equal(zone.serial, 7);
	assert_int_equal(zone.records, 3);
	store_read_end(txn);
	store_close(store);
}

/* ---- zone files ---- */

static const char zone_text[] =
	APEX "* 77 TXT \"a b\" \"\\\"\\\\\" \"\\000\\255\"\n\\000\\..b A 192.0.2.1\nB AAAA ::1\n"
	     "c TYPE65280 \\# 3 010203\nd HTTPS 1 . alpn=h2\n"
	     "h NSEC3 1 0 0 - 00000000000000000000000000000000 A\n"
	     "b RRSIG AAAA 5 2 1 20300101000000 20200101000000 1 example. AAAA\n";

static unsigned files(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_zonefile(void **state)
{
	struct store *store = open_store();
	struct content *content, *again;
	char file[160], reason[200];
	struct store_txn *txn;
	struct stat st;
	unsigned before = files();
	char *text = NULL;
	size_t len, n;
	FILE *out;

	(void)state;
	assert_int_equal(try_put(store, zone_text), 0);
	snprintf(file, sizeof(file), "%s/zone", dir);
	assert_int_equal(store_read_begin(store, &txn), 0);
	assert_int_equal(zonefile_export(txn, EXAMPLE, file, reason, sizeof(reason)), 0);
	assert_int_equal(zonefile_export(txn, EXAMPLE, file, reason, sizeof(reason)), 0);
	assert_int_equal(files(), before + 1);
	assert_true(stat(file, &st) == 0 && (st.st_mode & 0777) == 0640);
	/* the same from content, and it reads as what it was */
	content = zonefile_finished("example.", zone_text, NULL);
	again = zonefile_finished("example.", NULL, file);
	assert_int_equal(content_nodes(content), content_nodes(again));
	for (size_t i = 0; i < content_nodes(content); i++) {
		uint8_t a[1000], b[1000];

		n = content_node_value(content, i, a, sizeof(a));
		assert_int_equal(n, content_node_value(again, i, b, sizeof(b)));
		assert_memory_equal(a, b, n);
	}
	out = open_memstream(&text, &len);
	assert_int_equal(zonefile_write_content(content, out), 0);
	fclose(out);
	assert_int_equal(len, st.st_size);
	assert_non_null(strstr(text, "SOA"));
	assert_true(strstr(text, "SOA") < strchr(text, '\n'));
	free(text);
	/* what cannot be written leaves nothing behind, and the old file as it is */
	assert_int_equal(zonefile_export(txn, (const uint8_t *)"\4test", file, reason, 200),
			 -ENOENT);
	assert_int_equal(zonefile_export(txn, EXAMPLE, "/nonexistent/zone", reason, 200), -ENOENT);
	assert_non_null(strstr(reason, "/nonexistent/zone"));
	assert_int_equal(files(), before + 1);
	assert_true(stat(file, &st) == 0 && (size_t)st.st_size == len);
	store_read_end(txn);
	content_free(content);
	content_free(again);
	store_close(store);
}

#define DISK_TEST(fn) cmocka_unit_test_setup_teardown(fn, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DISK_TEST(test_migration), DISK_TEST(test_newer_is_left_alone),
		DISK_TEST(test_aside),	   DISK_TEST(test_full),
		DISK_TEST(test_zonefile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
