// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A difference onto a zone. Its records are sorted, then what they touch is read from the database,
 * name by name; all is checked before anything is written, again name by name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/check.h"
#include "store/commit.h"
#include "store/diff_private.h"
#include "store/value.h"

/* A name that the difference touches. */
struct touched {
	const struct node *owner;	 /* key and tree */
	struct node *node;		 /* with the records in the end; none: it is gone */
	struct store_node before, after; /* data NULL: none */
};

struct change {
	struct store_txn *txn;
	const struct diff *diff;
	uint32_t zone_id;
	struct diff_ops ops;
	struct arena arena;
	struct touched *touched; /* the apex first */
	size_t n;
	char *reason;
	size_t reason_len;
};

static void change_free(struct change *c)
{
	arena_free(&c->arena);
	free(c->ops.op);
	free(c->touched);
}

static void key_set(const struct change *c, const struct node *owner, struct node_key *ret)
{
	node_key_set(ret, c->zone_id, owner->nsec3 ? STORE_NSEC3 : STORE_NAMES, NULL);
	memcpy(ret->bytes + ret->len, owner->key, owner->key_len);
	ret->len += owner->key_len;
	ret->bytes[ret->len] = 0;
}

/* A copy, as LMDB may move what it has when other names are written. */
static int before_read(struct change *c, struct touched *t)
{
	struct node_key node_key;
	MDB_val key, val;
	uint8_t *copy;
	int rc;

	key_set(c, t->owner, &node_key);
	key = node_key_val(&node_key);
	rc = mdb_cursor_get(c->txn->seek, &key, &val, MDB_SET_KEY);
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : store_errno(rc);
	copy = arena_alloc(&c->arena, val.mv_size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, val.mv_data, val.mv_size);
	t->before = (struct store_node){copy, val.mv_size};
	return 0;
}

/* The records of a value as a list. */
static int records_of(struct change *c, const struct store_node *value, struct record **ret)
{
	struct record **end = ret;
	size_t pos = 0;
	knot_rrset_t rr;

	*ret = NULL;
	while (value->data && store_node_next(value, &pos, &rr)) {
		knot_rdata_t *rdata = rr.rrs.rdata;

		for (unsigned i = 0; i < rr.rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
			struct record *record =
				arena_alloc(&c->arena, offsetof(struct record, rdata) +
							       knot_rdata_size(rdata->len));

			if (!record)
				return -ENOMEM;
			*record = (struct record){.ttl = rr.ttl, .type = rr.type};
			knot_rdata_init(&record->rdata, rdata->len, rdata->data);
			*end = record;
			end = &record->next;
		}
	}
	return 0;
}

static int after_make(struct change *c, struct touched *t)
{
	uint8_t *value;
	uint64_t left;
	size_t len;

	if (!t->node->first)
		return 0;
	if (node_sort(&c->arena, t->node, &left) < 0)
		return -ENOMEM;
	len = node_value(t->node, NULL, 0);
	value = arena_alloc(&c->arena, len);
	if (!value)
		return -ENOMEM;
	node_value(t->node, value, len);
	t->after = (struct store_node){value, len};
	return 0;
}

static int touch(struct change *c, const struct node *owner, const struct diff_op *const *op,
		 size_t n)
{
	bool apex = c->n == 0;
	struct touched *t = &c->touched[c->n++];
	struct record *old;
	int err;

	t->owner = owner;
	t->node = arena_alloc(&c->arena, sizeof(*owner) + owner->key_len);
	if (!t->node)
		return -ENOMEM;
	memcpy(t->node, owner, sizeof(*owner) + owner->key_len);
	err = before_read(c, t);
	if (err == 0)
		err = records_of(c, &t->before, &old);
	if (err == 0)
		err = diff_node(c->diff, &c->arena, op, n, old, &t->node->first, c->reason,
				c->reason_len);
	if (err == 0 && apex)
		err = diff_soa(c->diff, &c->arena, t->node->first, &t->node->first);
	return err < 0 ? err : after_make(c, t);
}

static struct node *apex_node(struct change *c)
{
	const knot_dname_t *apex = diff_apex(c->diff);
	struct node *node = arena_alloc(&c->arena, sizeof(*node) + KEY_NAME_MAX);

	if (!node)
		return NULL;
	*node = (struct node){.labels = knot_dname_labels(apex, NULL)};
	node->key_len = key_from_name(apex, node->key);
	return node;
}

/* All names that the difference has, and the apex in any case. */
static int touch_all(struct change *c)
{
	struct node *apex = apex_node(c);
	size_t i = 0, n = 0;
	int err;

	c->touched = calloc(c->ops.n + 1, sizeof(*c->touched));
	if (!c->touched || !apex)
		return -ENOMEM;
	if (c->ops.n > 0 && diff_node_cmp(c->ops.op[0]->owner, apex) == 0)
		n = diff_ops_of_node(&c->ops, 0);
	err = touch(c, apex, c->ops.op, n);
	for (i = n; err == 0 && i < c->ops.n; i += n) {
		n = diff_ops_of_node(&c->ops, i);
		err = touch(c, c->ops.op[i]->owner, c->ops.op + i, n);
	}
	return err;
}

static bool differs(const struct touched *t)
{
	return t->before.len != t->after.len ||
	       (t->before.len > 0 && memcmp(t->before.data, t->after.data, t->before.len) != 0);
}

/* The name's records in the end; NULL: none. In a name that is not touched they are `value`'s. */
static const struct touched *find(const struct change *c, const uint8_t *key, size_t key_len)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t middle = (low + high) / 2, len;
		const struct node *at = c->touched[middle].owner;
		int cmp;

		len = at->key_len < key_len ? at->key_len : key_len;
		cmp = at->nsec3 ? 1 : memcmp(at->key, key, len);
		cmp = cmp ? cmp : (int)at->key_len - (int)key_len;
		if (cmp == 0)
			return &c->touched[middle];
		if (cmp < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Has the name with this key, which may be one that is not touched, a DNAME in the end? */
static int has_dname(struct change *c, const uint8_t *key_bytes, size_t key_len, bool *ret)
{
	const struct touched *t = find(c, key_bytes, key_len);
	struct node_key node_key;
	MDB_val key, val;
	int rc;

	if (t) {
		*ret = node_has(t->node, KNOT_RRTYPE_DNAME);
		return 0;
	}
	*ret = false;
	node_key_set(&node_key, c->zone_id, STORE_NAMES, NULL);
	memcpy(node_key.bytes + node_key.len, key_bytes, key_len);
	node_key.len += key_len;
	node_key.bytes[node_key.len] = 0;
	key = node_key_val(&node_key);
	rc = mdb_cursor_get(c->txn->seek, &key, &val, MDB_SET_KEY);
	if (rc == 0)
		*ret = store_node_has(&(struct store_node){val.mv_data, val.mv_size},
				      KNOT_RRTYPE_DNAME);
	return rc == MDB_NOTFOUND ? 0 : store_errno(rc);
}

/* A name that comes: is there a DNAME above it? In keys 00 ends each label. */
static int check_above(struct change *c, struct check *check, const struct node *node)
{
	union {
		struct node node;
		uint8_t room[sizeof(struct node) + KEY_NAME_MAX];
	} above = {.node = {.nsec3 = false}};

	memcpy(above.node.key, node->key, node->key_len);
	for (size_t len = node->key_len - 1; len >= check->apex_key_len; len--) {
		bool dname;
		int err;

		if (len > 0 && node->key[len - 1] != 0)
			continue;
		err = has_dname(c, node->key, len, &dname);
		above.node.key_len = len;
		if (err < 0 || dname)
			return err < 0 ? err : check_below_dname(check, node, &above.node);
		if (len == 0)
			break;
	}
	return 0;
}

/* A DNAME that comes: is a name below it there already, and stays? Others are new (check_above). */
static int check_below(struct change *c, struct check *check, const struct node *node)
{
	union {
		struct node node;
		uint8_t room[sizeof(struct node) + KEY_NAME_MAX + 1];
	} below = {.node = {.nsec3 = false}};
	struct node_key node_key;
	MDB_val key, val;
	int rc;

	key_set(c, node, &node_key);
	node_key.bytes[node_key.len] = 1; /* as in store_has_descendant */
	key = (MDB_val){node_key.len + 1, node_key.bytes};
	for (rc = mdb_cursor_get(c->txn->seek, &key, &val, MDB_SET_RANGE);
	     rc == 0 && node_key_is_prefix(&node_key, &key);
	     rc = mdb_cursor_get(c->txn->seek, &key, &val, MDB_NEXT)) {
		const struct touched *t;
		knot_dname_storage_t name;

		if (node_key_name(&key, name) < 0)
			return -EBADMSG;
		below.node.key_len = key_from_name(name, below.node.key);
		t = find(c, below.node.key, below.node.key_len);
		if (!t || t->node->first)
			return check_below_dname(check, &below.node, node);
	}
	return rc == MDB_NOTFOUND ? 0 : store_errno(rc);
}

static int check_one(struct change *c, struct check *check, const struct touched *t)
{
	bool was_dname = t->before.data && store_node_has(&t->before, KNOT_RRTYPE_DNAME);
	int err = check_node(check, t->node);

	if (err == 0 && !t->node->nsec3 && !t->before.data &&
	    t->node->key_len > check->apex_key_len)
		err = check_above(c, check, t->node);
	if (err == 0 && !t->node->nsec3 && !was_dname && node_has(t->node, KNOT_RRTYPE_DNAME))
		err = check_below(c, check, t->node);
	return err;
}

static int check_all(struct change *c)
{
	struct check check = {.apex_key_len = c->touched[0].owner->key_len,
			      .reason = c->reason,
			      .reason_len = c->reason_len};

	for (size_t i = 0; i < c->n; i++) {
		const struct touched *t = &c->touched[i];
		int err = i == 0 || (t->node->first && differs(t)) ? check_one(c, &check, t) : 0;

		if (err < 0)
			return err;
	}
	return check_end(&check, diff_apex(c->diff));
}

static int check_records(struct change *c, const struct store_limits *limits, uint64_t records)
{
	for (size_t i = 0; i < c->n; i++)
		records += node_records(&c->touched[i].after) -
			   (uint64_t)node_records(&c->touched[i].before);
	return store_limits_check(limits, records, c->reason, c->reason_len);
}

static int write_one(struct commit *commit, const struct change *c, const struct touched *t)
{
	MDB_val key, val = {t->after.len, (void *)t->after.data};
	struct node_key node_key;
	int rc, err;

	key_set(c, t->owner, &node_key);
	key = node_key_val(&node_key);
	err = commit_note(commit, &key, t->before.data ? &t->before : NULL,
			  t->after.data ? &t->after : NULL);
	if (err < 0)
		return err;
	if (t->after.data)
		rc = mdb_cursor_put(commit->cursor, &key, &val, 0);
	else
		rc = mdb_del(c->txn->txn, c->txn->store->nodes, &key, NULL);
	return rc == MDB_NOTFOUND ? -EBADMSG : store_errno(rc);
}

static int write_all(struct change *c, const struct store_limits *limits, int64_t now_s,
		     struct store_changes **ret)
{
	struct commit commit;
	int err = commit_begin(c->txn, diff_apex(c->diff), limits, now_s, &commit);

	if (err < 0)
		return err;
	err = commit_apex(&commit, &c->touched[0].before, &c->touched[0].after);
	for (size_t i = 0; err == 0 && i < c->n; i++)
		if (differs(&c->touched[i]))
			err = write_one(&commit, c, &c->touched[i]);
	if (err == 0)
		return commit_end(&commit, ret);
	commit_abort(&commit);
	return err;
}

int store_zone_change(struct store_txn *txn, const struct diff *diff,
		      const struct store_limits *limits, int64_t now_s, char *reason,
		      size_t reason_len, struct store_changes **ret)
{
	struct change c = {.txn = txn, .diff = diff, .reason = reason, .reason_len = reason_len};
	struct store_zone zone;
	int err = store_zone_get(txn, diff_apex(diff), &zone);

	if (err == 0 && !zone.has_content) {
		snprintf(reason, reason_len, "a difference, where there is no content");
		err = -ESTALE;
	}
	if (err == 0)
		err = diff_chain(diff, zone.serial, reason, reason_len);
	if (err == 0)
		err = diff_sort(diff, &c.ops);
	c.zone_id = zone.id;
	if (err == 0)
		err = touch_all(&c);
	if (err == 0)
		err = check_all(&c);
	if (err == 0)
		err = check_records(&c, limits, zone.records);
	if (err == 0)
		err = write_all(&c, limits, now_s, ret);
	change_free(&c);
	return err;
}
