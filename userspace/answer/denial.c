// SPDX-License-Identifier: GPL-3.0-or-later
/* Proofs that something is not there, with NSEC; with NSEC3 where the zone uses that. */
#include <errno.h>

#include "answer/private.h"

/* RFC 5155 §4.1.2: those with flags are not for servers. */
static bool nsec3_parameters(const knot_rdataset_t *rrs, struct answer_denial *ret)
{
	knot_rdata_t *rdata = rrs->rdata;

	for (unsigned i = 0; i < rrs->count; i++, rdata = knot_rdataset_next(rdata)) {
		/* §4.2: hash algorithm, flags, iterations, salt with a length octet */
		if (rdata->len < 5 || rdata->len < 5 + rdata->data[4] || rdata->data[0] != 1 ||
		    rdata->data[1] != 0)
			continue;
		ret->iterations = knot_nsec3param_iters(rdata);
		ret->salt_len = knot_nsec3param_salt_len(rdata);
		ret->salt = knot_nsec3param_salt(rdata);
		ret->kind = ret->iterations <= ANSWER_NSEC3_ITERATIONS_MAX ? ANSWER_DENIAL_NSEC3
									   : ANSWER_DENIAL_NONE;
		return true;
	}
	return false;
}

int answer_denial(struct store_txn *txn, const struct store_zone *zone, const knot_dname_t *apex,
		  struct answer_denial *ret)
{
	struct store_node node;
	knot_rrset_t rr;
	int err;

	*ret = (struct answer_denial){.kind = ANSWER_DENIAL_NONE};
	if (!zone->is_signed)
		return 0;
	err = store_node_get(txn, zone->id, STORE_NAMES, apex, &node);
	if (err < 0)
		return err;
	if (store_node_rrset(&node, KNOT_RRTYPE_NSEC3PARAM, &rr) == 0 &&
	    nsec3_parameters(&rr.rrs, ret))
		return 0;
	if (store_node_has(&node, KNOT_RRTYPE_NSEC))
		ret->kind = ANSWER_DENIAL_NSEC;
	return 0;
}

const struct answer_denial *work_denial(struct work *w)
{
	int err;

	if (w->has_denial)
		return &w->denial;
	w->has_denial = true;
	err = answer_denial(w->txn, w->zone, w->apex, &w->denial);
	if (err < 0)
		w->error = err;
	return &w->denial;
}

bool proof_is_listed(struct work *w, enum answer_proof_kind kind, const knot_dname_t *name)
{
	struct answer *answer = w->answer;

	if (w->list_proofs)
		answer->proof[answer->n_proofs++] = (struct answer_proof){kind, name};
	return w->list_proofs;
}

void put_denial(struct work *w, const knot_dname_t *owner, const struct store_node *node,
		uint16_t type)
{
	struct answer_section *ns = &w->answer->ns;
	knot_rrset_t rr, sig;

	if (store_node_rrset(node, type, &rr) < 0 || section_has(ns, owner, type))
		return;
	owner = work_name(w, owner);
	if (!owner || !section_put(w, ns, owner, &rr, AT(0, 0, 0)))
		return;
	if (answer_signatures(node, type, rr.ttl, &sig))
		section_put(w, ns, owner, &sig, AT(2, ns->n - 1, 0));
}

/* The NSEC at the last name before `name` that has one: names below cuts have none. */
static void put_covering(struct work *w, const knot_dname_t *name)
{
	struct store_cursor *cursor;
	knot_dname_storage_t owner;
	struct store_node node;
	int err = store_cursor_open(w->txn, w->zone->id, STORE_NAMES, &cursor);

	if (err < 0) {
		w->error = err;
		return;
	}
	err = store_cursor_seek_le(cursor, name, owner, &node);
	while (err == 0 && !store_node_has(&node, KNOT_RRTYPE_NSEC))
		err = store_cursor_prev(cursor, owner, &node);
	if (err == 0)
		put_denial(w, owner, &node, KNOT_RRTYPE_NSEC);
	else if (err != -ENOENT)
		w->error = err;
	store_cursor_close(cursor);
}

/* RFC 4035 §3.1.3.1 */
void deny_type(struct work *w, const knot_dname_t *name)
{
	switch (work_denial(w)->kind) {
	case ANSWER_DENIAL_NSEC3:
		nsec3_deny_type(w, name);
		break;
	case ANSWER_DENIAL_NSEC: /* its own, or of an empty non-terminal the one before */
		put_covering(w, name);
		break;
	case ANSWER_DENIAL_NONE:
		break;
	}
}

/* RFC 4035 §3.1.3.2 */
void deny_name(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser)
{
	knot_dname_storage_t wildcard = {1, '*'};
	size_t len = knot_dname_size(encloser);

	if (work_denial(w)->kind == ANSWER_DENIAL_NSEC3)
		nsec3_deny_name(w, name, encloser);
	if (work_denial(w)->kind != ANSWER_DENIAL_NSEC)
		return;
	put_covering(w, name);
	if (len + 2 > sizeof(wildcard))
		return;
	memcpy(wildcard + 2, encloser, len);
	put_covering(w, wildcard);
}

/* RFC 4035 §3.1.3.4 */
void deny_wildcard_type(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser,
			const knot_dname_t *wildcard)
{
	if (work_denial(w)->kind == ANSWER_DENIAL_NSEC3)
		nsec3_deny_wildcard_type(w, name, encloser, wildcard);
	if (work_denial(w)->kind != ANSWER_DENIAL_NSEC)
		return;
	put_covering(w, wildcard);
	put_covering(w, name);
}

/* RFC 4035 §3.1.3.3 */
void deny_expanded(struct work *w, const struct answer_expanded *expanded)
{
	if (work_denial(w)->kind == ANSWER_DENIAL_NSEC3)
		nsec3_deny_expanded(w, expanded);
	if (work_denial(w)->kind == ANSWER_DENIAL_NSEC)
		put_covering(w, expanded->name);
}

/* RFC 4035 §3.1.4 */
void put_ds(struct work *w, const struct found_name *cut, bool own)
{
	struct answer_section *ns = &w->answer->ns;
	knot_rrset_t ds, sig;

	if (store_node_rrset(&cut->node, KNOT_RRTYPE_DS, &ds) == 0) {
		section_put(w, ns, cut->name, &ds, AT(2, 0, 0));
		if (answer_signatures(&cut->node, KNOT_RRTYPE_DS, ds.ttl, &sig))
			section_put(w, ns, cut->name, &sig, AT(2, 0, 0));
		return;
	}
	if (own && store_node_has(&cut->node, KNOT_RRTYPE_NSEC))
		put_denial(w, cut->name, &cut->node, KNOT_RRTYPE_NSEC);
	else if (!proof_is_listed(w, ANSWER_PROVE_NO_DS, cut->name))
		deny_type(w, cut->name);
}
