/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private to store/. The databases in the environment:
 *
 *   meta     "format" → struct disk_format, "counters" → struct disk_counters
 *   zones    key of the apex and 00 → struct disk_zone, depths from 0 to max_labels
 *   nodes    zone id (big-endian), tree, key of the name, 00 if the length would be odd → value.h
 *   references  the same of a target (reference.c) → owners that refer to it (wire), sorted
 * duplicates
 *   journal  journal.h
 *   members  key of a zone's apex and 00 → member.c
 *
 * Keys of nodes have an even length because LMDB puts key and value one after the other at an even
 * address.
 */
#ifndef XNS_STORE_PRIVATE_H
#define XNS_STORE_PRIVATE_H

#include <string.h>
#include <lmdb.h>

#include "store/key.h"
#include "store/store.h"

#define FORMAT_MAGIC   "xnsdzone"
#define FORMAT_VERSION 2
#define FORMAT_OLDEST  1	  /* that migrate.c knows */
#define FORMAT_ORDER   0x01020304 /* values are in the machine's byte order */

struct disk_format {
	char magic[8];
	uint32_t version, order;
	uint64_t uuid;
};

struct disk_counters {
	uint64_t generation; /* the last one given */
	uint32_t zone_id;    /* the last one given; ids are not used again */
	uint32_t zero;
};

struct disk_zone {
	uint32_t id, serial;
	uint64_t generation, records;
	int64_t refreshed_at, expires_at, transferred_at;
	uint64_t transfer_bytes, transfer_records;
	uint32_t refresh_s, retry_s, expire_s, transfer_ms;
	uint64_t journal_bytes;
	uint32_t journal_serial, journal_depth;
	uint8_t has_content, is_signed, max_labels, transfer_ixfr, zero[4];
	char primary[64];
};

/* How many owners (of both trees) have so many labels: for max_labels. */
#define DEPTHS_MAX 128
struct depths {
	uint32_t count[DEPTHS_MAX];
};

_Static_assert(sizeof(struct disk_format) == 24, "no padding");
_Static_assert(sizeof(struct disk_counters) == 16, "no padding");
_Static_assert(sizeof(struct disk_zone) == 168, "no padding");

struct store {
	MDB_env *env;
	MDB_dbi meta, zones, nodes, references, journal, members;
	uint64_t uuid;
	int lock_fd;
};

struct store_txn {
	struct store *store;
	MDB_txn *txn;
	MDB_cursor *seek; /* of nodes; kept for look-ups */
	bool write;
};

#define NODE_KEY_PREFIX 5
#define NODE_KEY_MAX	(NODE_KEY_PREFIX + KEY_NAME_MAX + 1) /* 510; LMDB takes 511 */

/* len: of the key without the padding; 00 is behind it in any case. */
struct node_key {
	size_t len;
	uint8_t bytes[NODE_KEY_MAX];
};

void node_key_set(struct node_key *key, uint32_t zone_id, enum store_tree tree,
		  const knot_dname_t *name);
/* The name in a key of the database: 0, or -EBADMSG. */
int node_key_name(const MDB_val *key, knot_dname_storage_t ret_name);
/* As it is in the database. */
static inline MDB_val node_key_val(const struct node_key *key)
{
	return (MDB_val){(key->len + 1) & ~(size_t)1, (void *)key->bytes};
}
static inline bool node_key_is_prefix(const struct node_key *key, const MDB_val *of)
{
	return of->mv_size >= key->len && memcmp(of->mv_data, key->bytes, key->len) == 0;
}

/* RFC 1982 §3.2: is a > b? */
static inline bool serial_is_newer(uint32_t a, uint32_t b)
{
	return a != b && a - b < (uint32_t)1 << 31;
}

/* Of an apex or a member; LMDB has no empty keys, and the root's would be: one more 00 for all. */
struct zone_key {
	size_t len;
	uint8_t bytes[KEY_NAME_MAX + 1];
};
MDB_val zone_key_set(struct zone_key *key, const knot_dname_t *apex);
int zone_key_name(const MDB_val *key, knot_dname_storage_t ret_name);

/* LMDB's return code as a negative errno: -ENOSPC disk or map full, -EBADMSG damaged. */
int store_errno(int rc);

int counters_get(struct store_txn *txn, struct disk_counters *ret);
int counters_put(struct store_txn *txn, const struct disk_counters *counters);
/* As store_zone_get; and its depths. */
int zone_get(struct store_txn *txn, const knot_dname_t *apex, struct store_zone *ret,
	     struct depths *ret_depths);
int zone_put(struct store_txn *txn, const knot_dname_t *apex, const struct store_zone *zone,
	     const struct depths *depths);
unsigned depths_deepest(const struct depths *depths);
bool member_is_whole(const MDB_val *key, const MDB_val *val);
/* Deletes every entry whose key begins so. */
int delete_prefix(struct store_txn *txn, MDB_dbi dbi, const MDB_val *prefix);

/* The index of references follows a changed node; before, after NULL: no records there. 0 or a
 * negative errno. */
int reference_change(struct store_txn *txn, uint32_t zone_id, const knot_dname_t *apex,
		     const knot_dname_t *owner, const struct store_node *before,
		     const struct store_node *after);

#endif
