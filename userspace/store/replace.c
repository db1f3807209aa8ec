// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A zone's new content over the old: both are in the order of the keys, so one walk along both
 * finds what differs, and only that is written.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/commit.h"

struct replace {
	struct commit commit;
	const struct content *content;
	/* the old node at the cursor */
	bool old_there;
	MDB_val old_key, old_val;
	bool append;		    /* nothing in the database is behind the zone */
	struct content_value value; /* the new node */
};

static bool limits_allow(const struct store_limits *limits, uint64_t records)
{
	return limits->max_records == 0 || records <= limits->max_records;
}

int store_limits_check(const struct store_limits *limits, uint64_t records, char *reason,
		       size_t reason_len)
{
	if (limits_allow(limits, records))
		return 0;
	snprintf(reason, reason_len, "%llu records, more than %llu (zone-max-records)",
		 (unsigned long long)records, (unsigned long long)limits->max_records);
	return -EINVAL;
}

/* The cursor's next (MDB_NEXT) or first (MDB_SET_RANGE) old node. */
static int old_get(struct replace *r, MDB_cursor_op op)
{
	int rc;

	r->old_key = (MDB_val){r->commit.prefix.len, r->commit.prefix.bytes};
	rc = mdb_cursor_get(r->commit.cursor, &r->old_key, &r->old_val, op);
	r->old_there = rc == 0 && node_key_is_prefix(&r->commit.prefix, &r->old_key);
	return rc == MDB_NOTFOUND ? 0 : store_errno(rc);
}

static int old_begin(struct replace *r)
{
	MDB_val key, val;
	int rc, err = old_get(r, MDB_SET_RANGE);

	if (err < 0 || r->old_there)
		return err;
	rc = mdb_cursor_get(r->commit.cursor, &key, &val, MDB_LAST);
	r->append = rc == MDB_NOTFOUND || (rc == 0 && memcmp(key.mv_data, r->commit.prefix.bytes,
							     r->commit.prefix.len) < 0);
	return rc == MDB_NOTFOUND ? 0 : store_errno(rc);
}

static int old_delete(struct replace *r)
{
	struct store_node before = {r->old_val.mv_data, r->old_val.mv_size};
	int err = commit_note(&r->commit, &r->old_key, &before, NULL);

	if (err == 0)
		err = store_errno(mdb_cursor_del(r->commit.cursor, 0));
	return err < 0 ? err : old_get(r, MDB_NEXT);
}

/* Writes the new node under this key, which has the old node `before` or none. */
static int new_put(struct replace *r, MDB_val *key, const struct store_node *before)
{
	struct store_node after = {r->value.bytes, r->value.len};
	MDB_val val = {r->value.len, r->value.bytes};
	int err = commit_note(&r->commit, key, before, &after);

	if (err == 0)
		err = store_errno(
			mdb_cursor_put(r->commit.cursor, key, &val, r->append ? MDB_APPEND : 0));
	/* the cursor is at what was put: the next old node is behind it */
	return err < 0 || !r->old_there ? err : old_get(r, MDB_NEXT);
}

static int key_cmp(const MDB_val *a, const MDB_val *b)
{
	int cmp = memcmp(a->mv_data, b->mv_data, a->mv_size < b->mv_size ? a->mv_size : b->mv_size);

	return cmp ? cmp : (a->mv_size > b->mv_size) - (a->mv_size < b->mv_size);
}

static int replace_node(struct replace *r, size_t i)
{
	struct content_node new;
	struct node_key node_key;
	MDB_val key;
	int err, cmp = 1;

	content_node(r->content, i, &new);
	node_key_set(&node_key, r->commit.zone.id, new.nsec3 ? STORE_NSEC3 : STORE_NAMES, NULL);
	memcpy(node_key.bytes + node_key.len, new.key, new.key_len);
	node_key.len += new.key_len;
	node_key.bytes[node_key.len] = 0;
	key = node_key_val(&node_key);
	err = content_node_read(r->content, i, &r->value);
	while (err == 0 && r->old_there && (cmp = key_cmp(&r->old_key, &key)) < 0)
		err = old_delete(r);
	if (err < 0)
		return err;
	if (r->old_there && cmp == 0) {
		struct store_node before = {r->old_val.mv_data, r->old_val.mv_size};

		if (before.len == r->value.len &&
		    memcmp(before.data, r->value.bytes, before.len) == 0)
			return old_get(r, MDB_NEXT);
		return new_put(r, &key, &before);
	}
	return new_put(r, &key, NULL);
}

/* The apex sorts first, in the old content and in the new. */
static int replace_apex(struct replace *r)
{
	struct store_node before = {r->old_val.mv_data, r->old_val.mv_size}, after;
	int err = content_nodes(r->content) > 0 ? content_node_read(r->content, 0, &r->value)
						: -EINVAL;

	if (err < 0)
		return err;
	after = (struct store_node){r->value.bytes, r->value.len};
	return commit_apex(&r->commit, r->old_there ? &before : NULL, &after);
}

static int replace_all(struct replace *r)
{
	int err = old_begin(r);

	if (err == 0)
		err = replace_apex(r);
	for (size_t i = 0; err == 0 && i < content_nodes(r->content); i++)
		err = replace_node(r, i);
	while (err == 0 && r->old_there)
		err = old_delete(r);
	return err;
}

int store_zone_replace(struct store_txn *txn, const struct content *content,
		       const struct store_limits *limits, int64_t now_s, struct store_changes **ret)
{
	struct replace r = {.content = content};
	int err = -EINVAL;

	if (limits_allow(limits, content_records_merged(content)))
		err = commit_begin(txn, content_apex(content), limits, now_s, &r.commit);
	if (err < 0)
		return err;
	err = replace_all(&r);
	free(r.value.bytes);
	if (err == 0)
		return commit_end(&r.commit, ret);
	commit_abort(&r.commit);
	return err;
}
