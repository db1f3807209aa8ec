// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/commit.h"

#include <errno.h>
#include <stdlib.h>

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

/* What a node means to others. */
struct role {
	bool exists, is_cut, is_dname;
};

static struct role role_of(const struct commit *commit, const knot_dname_t *name,
			   const struct store_node *node)
{
	return (struct role){
		.exists = node != NULL,
		.is_cut = node && !knot_dname_is_equal(name, commit->apex) &&
			  store_node_has(node, KNOT_RRTYPE_NS),
		.is_dname = node && store_node_has(node, KNOT_RRTYPE_DNAME),
	};
}

static int change_add(struct changes *c, const knot_dname_t *name, struct role was, struct role is)
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
		.existed = was.exists,
		.exists = is.exists,
		.was_cut = was.is_cut,
		.is_cut = is.is_cut,
		.was_dname = was.is_dname,
		.is_dname = is.is_dname,
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

unsigned node_records(const struct store_node *node)
{
	size_t pos = 0;
	unsigned n = 0;
	knot_rrset_t rr;

	while (node && node->data && store_node_next(node, &pos, &rr))
		n += rr.rrs.count;
	return n;
}

int commit_note(struct commit *commit, const MDB_val *key, const struct store_node *before,
		const struct store_node *after)
{
	const uint8_t *bytes = key->mv_data;
	knot_dname_storage_t name;
	size_t labels;
	int err;

	commit->changes->public.nodes_written++;
	if (key->mv_size < NODE_KEY_PREFIX || node_key_name(key, name) < 0)
		return -EBADMSG;
	commit->zone.records += node_records(after) - (uint64_t)node_records(before);
	labels = knot_dname_labels(name, NULL);
	commit->depths.count[labels] += (after != NULL) - (uint32_t)(before != NULL);
	err = journal_note(&commit->journal, name, before, after);
	if (err < 0)
		return err;
	if (bytes[NODE_KEY_PREFIX - 1] == STORE_NSEC3)
		return change_add_nsec3(commit->changes, name);
	err = reference_change(commit->txn, commit->zone.id, commit->apex, name, before, after);
	return err < 0 ? err
		       : change_add(commit->changes, name, role_of(commit, name, before),
				    role_of(commit, name, after));
}

int commit_apex(struct commit *commit, const struct store_node *before,
		const struct store_node *after)
{
	struct store_zone *zone = &commit->zone;
	knot_rrset_t soa;

	if (store_node_rrset(after, KNOT_RRTYPE_SOA, &soa) < 0)
		return -EINVAL;
	zone->serial = knot_soa_serial(soa.rrs.rdata);
	zone->refresh_s = knot_soa_refresh(soa.rrs.rdata);
	zone->retry_s = knot_soa_retry(soa.rrs.rdata);
	zone->expire_s = knot_soa_expire(soa.rrs.rdata);
	zone->expires_at = zone->refreshed_at + zone->expire_s;
	/* A key alone may be one that is published before the zone is signed (RFC 6781 §4.1.1). */
	zone->is_signed = store_node_has(after, KNOT_RRTYPE_DNSKEY) &&
			  store_node_has(after, KNOT_RRTYPE_RRSIG);
	zone->has_content = true;
	return journal_begin(&commit->journal, commit->txn, &commit->changes->public.old_zone,
			     commit->apex, before, &soa);
}

int commit_begin(struct store_txn *txn, const knot_dname_t *apex, const struct store_limits *limits,
		 int64_t now_s, struct commit *ret)
{
	int err;

	*ret = (struct commit){.txn = txn, .apex = apex, .journal.limits = *limits};
	err = zone_get(txn, apex, &ret->zone, &ret->depths);
	if (err < 0)
		return err;
	ret->changes = calloc(1, sizeof(*ret->changes));
	if (!ret->changes)
		return -ENOMEM;
	ret->changes->public.old_zone = ret->zone;
	ret->zone.refreshed_at = now_s;
	node_key_set(&ret->prefix, ret->zone.id, STORE_NAMES, NULL);
	ret->prefix.len = sizeof(uint32_t); /* both trees */
	err = store_errno(mdb_cursor_open(txn->txn, txn->store->nodes, &ret->cursor));
	if (err < 0)
		commit_abort(ret);
	return err;
}

void commit_abort(struct commit *commit)
{
	if (commit->cursor)
		mdb_cursor_close(commit->cursor);
	commit->cursor = NULL;
	journal_abort(&commit->journal);
	if (commit->changes)
		store_changes_free(&commit->changes->public);
	commit->changes = NULL;
}

static int count_generation(struct commit *commit)
{
	struct disk_counters counters;
	int err;

	if (commit->changes->public.nodes_written == 0)
		return 0;
	err = counters_get(commit->txn, &counters);
	if (err < 0)
		return err;
	commit->zone.generation = ++counters.generation;
	return counters_put(commit->txn, &counters);
}

int commit_end(struct commit *commit, struct store_changes **ret)
{
	struct store_zone *zone = &commit->zone;
	int err;

	zone->max_labels = depths_deepest(&commit->depths);
	err = count_generation(commit);
	if (err == 0)
		err = journal_end(&commit->journal, zone, commit->changes->public.nodes_written);
	if (err == 0)
		err = zone_put(commit->txn, commit->apex, zone, &commit->depths);
	if (err == 0) {
		commit->changes->public.new_zone = *zone;
		*ret = &commit->changes->public;
		commit->changes = NULL;
	}
	commit_abort(commit);
	return err;
}
