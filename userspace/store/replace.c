// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A zone's new content over the old: both are in the order of the keys, so one walk along both
 * finds what differs, and only that is written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/arena.h"
#include "store/private.h"

/* What store_changes_free needs to know beside. */
struct changes {
	struct store_changes public;
	size_t allocated, nsec3_allocated;
	struct arena arena; /* the names */
};

/* What a node means to others. */
struct role {
	bool exists, is_cut, is_dname;
};

struct replace {
	struct store_txn *txn;
	const struct content *content;
	const knot_dname_t *apex;
	uint32_t zone_id;
	struct node_key prefix; /* the four bytes of the id */
	MDB_cursor *cursor;
	/* the old node at the cursor */
	bool old_there;
	MDB_val old_key, old_val;
	bool append;	/* nothing in the database is behind the zone */
	uint8_t *value; /* the new node */
	size_t value_len, value_size;
	struct changes *changes;
	struct store_zone zone; /* as it will be */
};

void store_changes_free(struct store_changes *changes)
{
	struct changes *c = (struct changes *)changes;

	if (!c)
		return;
	arena_free(&c->arena);
	free(c->public.change);
	free(c->public.nsec3);
	free(c);
}

static void role_set(const struct replace *r, const knot_dname_t *name,
		     const struct store_node *node, struct role *ret)
{
	ret->exists = node != NULL;
	ret->is_cut =
		node && !knot_dname_is_equal(name, r->apex) && store_node_has(node, KNOT_RRTYPE_NS);
	ret->is_dname = node && store_node_has(node, KNOT_RRTYPE_DNAME);
}

static int change_add(struct changes *c, const knot_dname_t *name, const struct role *was,
		      const struct role *is)
{
	struct store_change *change;
	size_t len = knot_dname_size(name);

	if (c->public.n == c->allocated) {
		size_t allocated = c->allocated ? c->allocated * 2 : 64;

		change = reallocarray(c->public.change, allocated, sizeof(*change));
		if (!change)
			return -ENOMEM;
		c->public.change = change;
		c->allocated = allocated;
	}
	change = &c->public.change[c->public.n];
	*change = (struct store_change){
		.name = arena_alloc(&c->arena, len),
		.existed = was->exists,
		.exists = is->exists,
		.was_cut = was->is_cut,
		.is_cut = is->is_cut,
		.was_dname = was->is_dname,
		.is_dname = is->is_dname,
	};
	if (!change->name)
		return -ENOMEM;
	memcpy(change->name, name, len);
	c->public.n++;
	return 0;
}

static int change_add_nsec3(struct changes *c, const knot_dname_t *name)
{
	size_t len = knot_dname_size(name);
	knot_dname_t *copy = arena_alloc(&c->arena, len);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, name, len);
	if (c->public.n_nsec3 == c->nsec3_allocated) {
		size_t allocated = c->nsec3_allocated ? c->nsec3_allocated * 2 : 64;
		knot_dname_t **nsec3 = reallocarray(c->public.nsec3, allocated, sizeof(*nsec3));

		if (!nsec3)
			return -ENOMEM;
		c->public.nsec3 = nsec3;
		c->nsec3_allocated = allocated;
	}
	c->public.nsec3[c->public.n_nsec3++] = copy;
	return 0;
}

/* Puts a changed name on the list and brings the index of references up to date. node NULL: no
 * records before, after. */
static int note_change(struct replace *r, const MDB_val *key, const struct store_node *before,
		       const struct store_node *after)
{
	const uint8_t *bytes = key->mv_data;
	size_t len = key->mv_size;
	knot_dname_storage_t name;
	struct role was, is;
	int err;

	r->changes->public.nodes_written++;
	if (len <= NODE_KEY_PREFIX || node_key_name(key, name) < 0)
		return -EBADMSG;
	if (bytes[NODE_KEY_PREFIX - 1] == STORE_NSEC3)
		return change_add_nsec3(r->changes, name);
	role_set(r, name, before, &was);
	role_set(r, name, after, &is);
	err = reference_change(r->txn, r->zone_id, r->apex, name, before, after);
	return err < 0 ? err : change_add(r->changes, name, &was, &is);
}

/* The cursor's next (MDB_NEXT) or first (MDB_SET_RANGE) old node. */
static int old_get(struct replace *r, MDB_cursor_op op)
{
	int rc;

	r->old_key = (MDB_val){r->prefix.len, r->prefix.bytes};
	rc = mdb_cursor_get(r->cursor, &r->old_key, &r->old_val, op);
	r->old_there = rc == 0 && node_key_is_prefix(&r->prefix, &r->old_key);
	return rc == MDB_NOTFOUND ? 0 : store_errno(rc);
}

static int old_begin(struct replace *r)
{
	MDB_val key, val;
	int rc, err = old_get(r, MDB_SET_RANGE);

	if (err < 0 || r->old_there)
		return err;
	rc = mdb_cursor_get(r->cursor, &key, &val, MDB_LAST);
	r->append = rc == MDB_NOTFOUND ||
		    (rc == 0 && memcmp(key.mv_data, r->prefix.bytes, r->prefix.len) < 0);
	return rc == MDB_NOTFOUND ? 0 : store_errno(rc);
}

static int old_delete(struct replace *r)
{
	struct store_node before = {r->old_val.mv_data, r->old_val.mv_size};
	int err = note_change(r, &r->old_key, &before, NULL);

	if (err == 0)
		err = store_errno(mdb_cursor_del(r->cursor, 0));
	return err < 0 ? err : old_get(r, MDB_NEXT);
}

/* Writes the new node under this key, which has the old node `before` or none. */
static int new_put(struct replace *r, MDB_val *key, const struct store_node *before)
{
	struct store_node after = {r->value, r->value_len};
	MDB_val val = {r->value_len, r->value};
	int err = note_change(r, key, before, &after);

	if (err == 0)
		err = store_errno(mdb_cursor_put(r->cursor, key, &val, r->append ? MDB_APPEND : 0));
	/* the cursor is at what was put: the next old node is behind it */
	return err < 0 || !r->old_there ? err : old_get(r, MDB_NEXT);
}

static int new_value(struct replace *r, size_t i)
{
	r->value_len = content_node_value(r->content, i, r->value, r->value_size);
	if (r->value_len > r->value_size) {
		size_t size = r->value_len * 2;
		uint8_t *grown = realloc(r->value, size);

		if (!grown)
			return -ENOMEM;
		r->value = grown;
		r->value_size = size;
		content_node_value(r->content, i, r->value, r->value_size);
	}
	return 0;
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
	node_key_set(&node_key, r->zone_id, new.nsec3 ? STORE_NSEC3 : STORE_NAMES, NULL);
	memcpy(node_key.bytes + node_key.len, new.key, new.key_len);
	node_key.len += new.key_len;
	node_key.bytes[node_key.len] = 0;
	key = node_key_val(&node_key);
	if (new.labels > r->zone.max_labels)
		r->zone.max_labels = new.labels;
	err = new_value(r, i);
	while (err == 0 && r->old_there && (cmp = key_cmp(&r->old_key, &key)) < 0)
		err = old_delete(r);
	if (err < 0)
		return err;
	if (r->old_there && cmp == 0) {
		struct store_node before = {r->old_val.mv_data, r->old_val.mv_size};

		if (before.len == r->value_len && memcmp(before.data, r->value, before.len) == 0)
			return old_get(r, MDB_NEXT);
		return new_put(r, &key, &before);
	}
	return new_put(r, &key, NULL);
}

/* What is kept beside the records; content_finish has made sure of the SOA. */
static int zone_facts(struct replace *r)
{
	struct store_node node;
	knot_rrset_t soa;
	int err = new_value(r, 0); /* the apex sorts first */

	if (err < 0)
		return err;
	node = (struct store_node){r->value, r->value_len};
	if (store_node_rrset(&node, KNOT_RRTYPE_SOA, &soa) < 0)
		return -EINVAL;
	r->zone.serial = knot_soa_serial(soa.rrs.rdata);
	r->zone.refresh_s = knot_soa_refresh(soa.rrs.rdata);
	r->zone.retry_s = knot_soa_retry(soa.rrs.rdata);
	r->zone.expire_s = knot_soa_expire(soa.rrs.rdata);
	/* A key alone may be one that is published before the zone is signed (RFC 6781 §4.1.1). */
	r->zone.is_signed = store_node_has(&node, KNOT_RRTYPE_DNSKEY) &&
			    store_node_has(&node, KNOT_RRTYPE_RRSIG);
	r->zone.records = content_records_merged(r->content);
	r->zone.has_content = true;
	r->zone.max_labels = 0;
	return 0;
}

static int count_generation(struct replace *r)
{
	struct disk_counters counters;
	int err;

	if (r->changes->public.nodes_written == 0)
		return 0;
	err = counters_get(r->txn, &counters);
	if (err < 0)
		return err;
	r->zone.generation = ++counters.generation;
	return counters_put(r->txn, &counters);
}

static int replace_all(struct replace *r)
{
	int err = zone_facts(r);

	if (err == 0)
		err = old_begin(r);
	for (size_t i = 0; err == 0 && i < content_nodes(r->content); i++)
		err = replace_node(r, i);
	while (err == 0 && r->old_there)
		err = old_delete(r);
	if (err == 0)
		err = count_generation(r);
	return err < 0 ? err : zone_put(r->txn, r->apex, &r->zone);
}

int store_zone_replace(struct store_txn *txn, const struct content *content,
		       const struct store_limits *limits, int64_t now_s, struct store_changes **ret)
{
	struct replace r = {.txn = txn, .content = content, .apex = content_apex(content)};
	int err = store_zone_get(txn, r.apex, &r.zone);

	(void)limits;
	if (err < 0)
		return err;
	r.changes = calloc(1, sizeof(*r.changes));
	if (!r.changes)
		return -ENOMEM;
	r.changes->public.old_zone = r.zone;
	r.zone.refreshed_at = now_s;
	r.zone_id = r.zone.id;
	node_key_set(&r.prefix, r.zone_id, STORE_NAMES, NULL);
	r.prefix.len = sizeof(uint32_t); /* both trees */
	err = store_errno(mdb_cursor_open(txn->txn, txn->store->nodes, &r.cursor));
	if (err == 0) {
		err = replace_all(&r);
		mdb_cursor_close(r.cursor);
	}
	free(r.value);
	if (err < 0) {
		store_changes_free(&r.changes->public);
		return err;
	}
	r.changes->public.new_zone = r.zone;
	*ret = &r.changes->public;
	return 0;
}
