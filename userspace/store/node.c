// SPDX-License-Identifier: GPL-3.0-or-later
/* Reading the content: nodes by name, RRsets of a node, cursors. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"
#include "store/value.h"

void node_key_set(struct node_key *key, uint32_t zone_id, enum store_tree tree,
		  const knot_dname_t *name)
{
	key->bytes[0] = zone_id >> 24;
	key->bytes[1] = zone_id >> 16;
	key->bytes[2] = zone_id >> 8;
	key->bytes[3] = zone_id;
	key->bytes[4] = tree;
	key->len = NODE_KEY_PREFIX;
	if (name)
		key->len += key_from_name(name, key->bytes + NODE_KEY_PREFIX);
	key->bytes[key->len] = 0;
}

int store_node_get(struct store_txn *txn, uint32_t zone_id, enum store_tree tree,
		   const knot_dname_t *name, struct store_node *ret)
{
	struct node_key node_key;
	MDB_val key, val;
	int rc;

	node_key_set(&node_key, zone_id, tree, name);
	key = node_key_val(&node_key);
	rc = mdb_cursor_get(txn->seek, &key, &val, MDB_SET_KEY);
	if (rc)
		return store_errno(rc);
	ret->data = val.mv_data;
	ret->len = val.mv_size;
	return 0;
}

bool store_has_descendant(struct store_txn *txn, uint32_t zone_id, const knot_dname_t *name)
{
	struct node_key node_key;
	MDB_val key, val;

	node_key_set(&node_key, zone_id, STORE_NAMES, name);
	/* the name's own key goes on with 00 or nothing, those of descendants with a label, whose
	 * first byte is 01 or more */
	node_key.bytes[node_key.len] = 1;
	key = (MDB_val){node_key.len + 1, node_key.bytes};
	return mdb_cursor_get(txn->seek, &key, &val, MDB_SET_RANGE) == 0 &&
	       node_key_is_prefix(&node_key, &key);
}

bool store_node_next(const struct store_node *node, size_t *pos, knot_rrset_t *ret)
{
	const struct value_head *head = (const struct value_head *)(node->data + *pos);

	if (*pos >= node->len || node->len - *pos < sizeof(*head) ||
	    node->len - *pos - sizeof(*head) < head->size ||
	    head->size & 1) /* damaged: what follows would not be aligned */
		return false;
	ret->owner = NULL;
	ret->ttl = head->ttl;
	ret->type = head->type;
	ret->rclass = KNOT_CLASS_IN;
	ret->rrs.count = head->count;
	ret->rrs.size = head->size;
	ret->rrs.rdata = (knot_rdata_t *)(head + 1);
	ret->additional = NULL;
	*pos += sizeof(*head) + head->size;
	return true;
}

int store_node_rrset(const struct store_node *node, uint16_t type, knot_rrset_t *ret)
{
	knot_rrset_t rr;
	size_t pos = 0;

	while (store_node_next(node, &pos, &rr) && rr.type <= type) {
		if (rr.type == type) {
			*ret = rr;
			return 0;
		}
	}
	return -ENOENT;
}

bool store_node_has(const struct store_node *node, uint16_t type)
{
	knot_rrset_t rr;

	return store_node_rrset(node, type, &rr) == 0;
}

/* Signatures are sorted by the type they cover, so both walks go forward only. */
static uint32_t covered_ttl(struct store_records *records, const knot_rdata_t *sig)
{
	uint16_t type = knot_rrsig_type_covered(sig);

	while (records->covered.type < type &&
	       store_node_next(records->node, &records->covered_pos, &records->covered))
		;
	return records->covered.rrs.count > 0 && records->covered.type == type &&
			       type != KNOT_RRTYPE_RRSIG
		       ? records->covered.ttl
		       : knot_rrsig_original_ttl(sig);
}

bool store_record_next(struct store_records *records, knot_rrset_t *ret)
{
	knot_rrset_t *rr = &records->rr;

	if (records->left == 0) {
		if (!records->node || !store_node_next(records->node, &records->pos, rr))
			return false;
		records->left = rr->rrs.count;
	}
	*ret = *rr;
	ret->rrs.count = 1;
	ret->rrs.size = knot_rdata_size(rr->rrs.rdata->len);
	if (rr->type == KNOT_RRTYPE_RRSIG)
		ret->ttl = covered_ttl(records, rr->rrs.rdata);
	rr->rrs.rdata = knot_rdataset_next(rr->rrs.rdata);
	records->left--;
	return true;
}

struct store_cursor {
	MDB_cursor *cursor;
	uint32_t zone_id;
	enum store_tree tree;
	struct node_key prefix;
};

int store_cursor_open(struct store_txn *txn, uint32_t zone_id, enum store_tree tree,
		      struct store_cursor **ret)
{
	struct store_cursor *cursor = malloc(sizeof(*cursor));
	int rc;

	if (!cursor)
		return -ENOMEM;
	cursor->zone_id = zone_id;
	cursor->tree = tree;
	node_key_set(&cursor->prefix, zone_id, tree, NULL);
	rc = mdb_cursor_open(txn->txn, txn->store->nodes, &cursor->cursor);
	if (rc) {
		free(cursor);
		return store_errno(rc);
	}
	*ret = cursor;
	return 0;
}

void store_cursor_close(struct store_cursor *cursor)
{
	if (!cursor)
		return;
	mdb_cursor_close(cursor->cursor);
	free(cursor);
}

int node_key_name(const MDB_val *key, knot_dname_storage_t ret_name)
{
	const uint8_t *bytes = key->mv_data;
	size_t len = key->mv_size;

	/* the padding: a label is never empty, so 00 00 at the end (or behind the prefix) has one
	 * too many */
	if (len > NODE_KEY_PREFIX && bytes[len - 1] == 0 &&
	    (len == NODE_KEY_PREFIX + 1 || bytes[len - 2] == 0))
		len--;
	if (len < NODE_KEY_PREFIX ||
	    key_to_name(bytes + NODE_KEY_PREFIX, len - NODE_KEY_PREFIX, ret_name) < 0)
		return -EBADMSG;
	return 0;
}

static int cursor_result(struct store_cursor *cursor, int rc, const MDB_val *key,
			 const MDB_val *val, knot_dname_storage_t ret_name,
			 struct store_node *ret_node)
{
	int err;

	if (rc)
		return store_errno(rc);
	if (!node_key_is_prefix(&cursor->prefix, key))
		return -ENOENT;
	err = node_key_name(key, ret_name);
	if (err < 0)
		return err;
	ret_node->data = val->mv_data;
	ret_node->len = val->mv_size;
	return 0;
}

int store_cursor_first(struct store_cursor *cursor, knot_dname_storage_t ret_name,
		       struct store_node *ret_node)
{
	MDB_val key = {cursor->prefix.len, cursor->prefix.bytes}, val;
	int rc = mdb_cursor_get(cursor->cursor, &key, &val, MDB_SET_RANGE);

	return cursor_result(cursor, rc, &key, &val, ret_name, ret_node);
}

int store_cursor_next(struct store_cursor *cursor, knot_dname_storage_t ret_name,
		      struct store_node *ret_node)
{
	MDB_val key, val;
	int rc = mdb_cursor_get(cursor->cursor, &key, &val, MDB_NEXT);

	return cursor_result(cursor, rc, &key, &val, ret_name, ret_node);
}

int store_cursor_prev(struct store_cursor *cursor, knot_dname_storage_t ret_name,
		      struct store_node *ret_node)
{
	MDB_val key, val;
	int rc = mdb_cursor_get(cursor->cursor, &key, &val, MDB_PREV);

	return cursor_result(cursor, rc, &key, &val, ret_name, ret_node);
}

int store_cursor_seek(struct store_cursor *cursor, const knot_dname_t *name,
		      knot_dname_storage_t ret_name, struct store_node *ret_node)
{
	struct node_key node_key;
	MDB_val key, val;
	int rc;

	node_key_set(&node_key, cursor->zone_id, cursor->tree, name);
	key = node_key_val(&node_key);
	rc = mdb_cursor_get(cursor->cursor, &key, &val, MDB_SET_RANGE);
	return cursor_result(cursor, rc, &key, &val, ret_name, ret_node);
}

int store_cursor_seek_le(struct store_cursor *cursor, const knot_dname_t *name,
			 knot_dname_storage_t ret_name, struct store_node *ret_node)
{
	struct node_key node_key;
	MDB_val want, key, val;
	int rc;

	node_key_set(&node_key, cursor->zone_id, cursor->tree, name);
	want = key = node_key_val(&node_key);
	rc = mdb_cursor_get(cursor->cursor, &key, &val, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(cursor->cursor, &key, &val, MDB_LAST);
	else if (rc == 0 && (key.mv_size != want.mv_size ||
			     memcmp(key.mv_data, want.mv_data, want.mv_size) != 0))
		rc = mdb_cursor_get(cursor->cursor, &key, &val, MDB_PREV);
	return cursor_result(cursor, rc, &key, &val, ret_name, ret_node);
}

static int each_of_tree(struct store_txn *txn, uint32_t zone_id, enum store_tree tree,
			int (*fn)(knot_dname_t *name, const struct store_node *node, void *ctx),
			void *ctx)
{
	knot_dname_storage_t name;
	struct store_cursor *cursor;
	struct store_node node;
	int err, ret = store_cursor_open(txn, zone_id, tree, &cursor);

	if (ret < 0)
		return ret;
	for (err = store_cursor_first(cursor, name, &node); err == 0 && ret == 0;) {
		ret = fn(name, &node, ctx);
		if (ret == 0)
			err = store_cursor_next(cursor, name, &node);
	}
	store_cursor_close(cursor);
	return ret == 0 && err != -ENOENT ? err : ret;
}

int store_node_each(struct store_txn *txn, uint32_t zone_id,
		    int (*fn)(knot_dname_t *name, const struct store_node *node, void *ctx),
		    void *ctx)
{
	int ret = each_of_tree(txn, zone_id, STORE_NAMES, fn, ctx);

	return ret != 0 ? ret : each_of_tree(txn, zone_id, STORE_NSEC3, fn, ctx);
}
