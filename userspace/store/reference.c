/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The index of references: which names of a zone does another's data mention in a way that answers
 * follow? Targets of CNAME, and of the types whose targets' addresses go to the additional section.
 */
#include <errno.h>
#include <stdlib.h>

#include "store/private.h"

/* The targets of one node that are in the zone, lower-cased, sorted, each once. */
struct targets {
	knot_dname_t **name;
	size_t n, size;
};

const knot_dname_t *store_reference_target(uint16_t type, const knot_rdata_t *rdata)
{
	switch (type) {
	case KNOT_RRTYPE_NS:
		return knot_ns_name(rdata);
	case KNOT_RRTYPE_CNAME:
		return knot_cname_name(rdata);
	case KNOT_RRTYPE_MX:
		return knot_mx_name(rdata);
	case KNOT_RRTYPE_SRV:
		return knot_srv_name(rdata);
	case KNOT_RRTYPE_SVCB:
	case KNOT_RRTYPE_HTTPS:
		return knot_svcb_target(rdata);
	default:
		return NULL;
	}
}

static void targets_free(struct targets *targets)
{
	for (size_t i = 0; i < targets->n; i++)
		knot_dname_free(targets->name[i], NULL);
	free(targets->name);
}

static int targets_add(struct targets *targets, const knot_dname_t *name)
{
	knot_dname_t *copy;

	if (targets->n == targets->size) {
		size_t size = targets->size == 0 ? 4 : targets->size * 2;
		knot_dname_t **bigger = reallocarray(targets->name, size, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		targets->name = bigger;
		targets->size = size;
	}
	copy = knot_dname_copy(name, NULL);
	if (!copy)
		return -ENOMEM;
	knot_dname_to_lower(copy);
	targets->name[targets->n++] = copy;
	return 0;
}

/* Any order will do, but knot_dname_cmp has none: it takes a\000b. and b.a. for the same name. */
static int name_cmp(const knot_dname_t *a, const knot_dname_t *b)
{
	size_t a_len = knot_dname_size(a), b_len = knot_dname_size(b);

	return a_len != b_len ? (a_len < b_len ? -1 : 1) : memcmp(a, b, a_len);
}

static int compare(const void *a, const void *b)
{
	return name_cmp(*(knot_dname_t *const *)a, *(knot_dname_t *const *)b);
}

static void targets_sort(struct targets *targets)
{
	size_t kept = 0;

	if (targets->n == 0)
		return;
	qsort(targets->name, targets->n, sizeof(*targets->name), compare);
	for (size_t i = 1; i < targets->n; i++) {
		if (knot_dname_is_equal(targets->name[kept], targets->name[i]))
			knot_dname_free(targets->name[i], NULL);
		else
			targets->name[++kept] = targets->name[i];
	}
	targets->n = kept + 1;
}

static int targets_collect(const struct store_node *node, const knot_dname_t *apex,
			   struct targets *ret)
{
	size_t pos = 0;
	knot_rrset_t rr;

	while (node && store_node_next(node, &pos, &rr)) {
		knot_rdata_t *rdata = rr.rrs.rdata;

		for (unsigned i = 0; i < rr.rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
			const knot_dname_t *target = store_reference_target(rr.type, rdata);
			knot_dname_storage_t lower;
			int err = 0;

			if (!target)
				break;
			knot_dname_copy_lower(lower, target);
			if (knot_dname_in_bailiwick(lower, apex) >= 0)
				err = targets_add(ret, lower);
			if (err < 0)
				return err;
		}
	}
	targets_sort(ret);
	return 0;
}

static int reference_write(struct store_txn *txn, uint32_t zone_id, const knot_dname_t *owner,
			   const knot_dname_t *target, bool put)
{
	struct node_key node_key;
	MDB_val key, val = {knot_dname_size(owner), (void *)owner};
	int rc;

	node_key_set(&node_key, zone_id, STORE_NAMES, target);
	key = node_key_val(&node_key);
	if (put)
		return store_errno(mdb_put(txn->txn, txn->store->references, &key, &val, 0));
	rc = mdb_del(txn->txn, txn->store->references, &key, &val);
	return rc == MDB_NOTFOUND ? -EBADMSG : store_errno(rc);
}

int reference_change(struct store_txn *txn, uint32_t zone_id, const knot_dname_t *apex,
		     const knot_dname_t *owner, const struct store_node *before,
		     const struct store_node *after)
{
	struct targets old = {0}, new = {0};
	size_t i = 0, j = 0;
	int err = targets_collect(before, apex, &old);

	if (err == 0)
		err = targets_collect(after, apex, &new);
	while (err == 0 && (i < old.n || j < new.n)) {
		int order = i == old.n ? 1 : j == new.n ? -1 : name_cmp(old.name[i], new.name[j]);

		if (order < 0)
			err = reference_write(txn, zone_id, owner, old.name[i], false);
		else if (order > 0)
			err = reference_write(txn, zone_id, owner, new.name[j], true);
		i += order <= 0;
		j += order >= 0;
	}
	targets_free(&old);
	targets_free(&new);
	return err;
}

int store_reference_each(struct store_txn *txn, uint32_t zone_id, const knot_dname_t *target,
			 bool below, int (*fn)(const knot_dname_t *owner, void *ctx), void *ctx)
{
	struct node_key node_key;
	MDB_cursor *cursor;
	MDB_val key, val;
	int err = 0, rc = mdb_cursor_open(txn->txn, txn->store->references, &cursor);

	if (rc)
		return store_errno(rc);
	node_key_set(&node_key, zone_id, STORE_NAMES, target);
	key = node_key_val(&node_key);
	rc = mdb_cursor_get(cursor, &key, &val, below ? MDB_SET_RANGE : MDB_SET_KEY);
	while (rc == 0 && node_key_is_prefix(&node_key, &key)) {
		const uint8_t *owner = val.mv_data;

		if (knot_dname_wire_check(owner, owner + val.mv_size, NULL) != (int)val.mv_size)
			err = -EBADMSG;
		else
			err = fn(owner, ctx);
		if (err)
			break;
		rc = mdb_cursor_get(cursor, &key, &val, below ? MDB_NEXT : MDB_NEXT_DUP);
	}
	mdb_cursor_close(cursor);
	if (err == 0 && rc && rc != MDB_NOTFOUND)
		err = store_errno(rc);
	return err;
}
