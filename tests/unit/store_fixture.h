/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A store in a directory of its own, zones called "example.", and what the store has of them. */
#ifndef XNS_TEST_STORE_FIXTURE_H
#define XNS_TEST_STORE_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "store/key.h"
#include "store/store.h"
#include "zonefile.h"

#define MAP_SIZE    ((uint64_t)256 << 20)
#define N(array)    (sizeof(array) / sizeof((array)[0]))
#define SOA(serial) "@ 60 SOA ns hostmaster " serial " 3600 900 86400 300\n"

static const knot_dname_t *const EXAMPLE = (const uint8_t *)"\7example";
static const struct store_limits KEEP_ALL = {.journal_max_usage = 1 << 20,
					     .journal_max_depth = 100};

static inline void dir_make(char dir[64])
{
	strcpy(dir, "/tmp/xnsd-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
}

static inline void dir_remove(const char *dir)
{
	static const char *const file[] = {"data.mdb", "data.mdb.damaged", "data.mdb.damaged.old",
					   "lock.mdb", "xnsd.lock"};
	char path[128];

	for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, file[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
}

struct fixture {
	char dir[64];
	struct store *store;
};

static inline void fixture_open(struct fixture *f)
{
	dir_make(f->dir);
	assert_int_equal(store_open(f->dir, MAP_SIZE, &f->store), 0);
}

static inline void fixture_close(struct fixture *f)
{
	store_close(f->store);
	dir_remove(f->dir);
}

static inline struct content *unfinished(const char *text)
{
	return zonefile_content("example.", text, NULL);
}

static inline struct content *finished(const char *text)
{
	return zonefile_finished("example.", text, NULL);
}

static inline struct store_changes *put_content(struct store *store, const struct content *content,
						const struct store_limits *limits)
{
	struct store_changes *changes;
	struct store_zone zone;
	struct store_txn *txn;

	assert_int_equal(store_write_begin(store, &txn), 0);
	assert_int_equal(store_zone_add(txn, EXAMPLE, &zone), 0);
	assert_int_equal(store_zone_replace(txn, content, limits, 1, &changes), 0);
	assert_int_equal(store_write_commit(txn), 0);
	return changes;
}

static inline struct store_zone zone_of(struct store *store)
{
	struct store_zone zone;
	struct store_txn *txn;

	assert_int_equal(store_read_begin(store, &txn), 0);
	assert_int_equal(store_zone_get(txn, EXAMPLE, &zone), 0);
	store_read_end(txn);
	return zone;
}

/* What a reader can see of a zone. */
struct dump {
	uint8_t bytes[1 << 20];
	size_t len, nodes;
};

static inline void dump_put(struct dump *dump, const void *data, size_t len)
{
	assert_true(dump->len + len <= sizeof(dump->bytes));
	if (len)
		memcpy(dump->bytes + dump->len, data, len);
	dump->len += len;
}

static inline int dump_reference(const knot_dname_t *owner, void *ctx)
{
	dump_put(ctx, owner, knot_dname_size(owner));
	return 0;
}

static inline int dump_node(knot_dname_t *name, const struct store_node *node, void *ctx)
{
	struct dump *dump = ctx;

	dump_put(dump, name, knot_dname_size(name));
	dump_put(dump, node->data, node->len);
	assert_int_equal((uintptr_t)node->data % 2, 0);
	dump->nodes++;
	return 0;
}

/* Its nodes and references, from the beginning of the dump; returns the zone. */
static inline struct store_zone dump_content(struct store_txn *txn, struct dump *dump)
{
	struct store_zone zone;

	dump->len = dump->nodes = 0;
	assert_int_equal(store_zone_get(txn, EXAMPLE, &zone), 0);
	assert_int_equal(store_node_each(txn, zone.id, dump_node, dump), 0);
	assert_int_equal(store_reference_each(txn, zone.id, EXAMPLE, true, dump_reference, dump),
			 0);
	return zone;
}

static inline void dump_compare(const struct dump *a, const struct dump *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->bytes, b->bytes, a->len);
}

#endif
