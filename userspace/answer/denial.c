// SPDX-License-Identifier: GPL-3.0-or-later
/* Proofs that something is not there, with NSEC; with NSEC3 where the zone uses that. */
#include <errno.h>

#include "answer/private.h"

void put_denial(struct work *w, const knot_dname_t *owner, const struct store_node *node,
		uint16_t type)
{
	struct answer_section *ns = &w->answer->ns;
	knot_rrset_t rr, sig;

	if (store_node_rrset(node, type, &rr) < 0 || section_has(ns, owner, type))
		return;
	owner = work_name(w, owner);
	if (!owner || !section_put(ns, owner, &rr, (struct answer_name_at){0}))
		return;
	if (node_sig(node, type, rr.ttl, &sig))
		section_put(ns, owner, &sig, (struct answer_name_at){2, ns->n - 1, 0});
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
void deny_type(struct work *w, const struct found_name *at)
{
	if (nsec3_is_used(w))
		nsec3_deny_type(w, at->name, at->name + *at->name + 1);
	else
		put_covering(
			w, at->name); /* its own NSEC, or of an empty non-terminal the one before */
}

/* RFC 4035 §3.1.3.2 */
void deny_name(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser)
{
	knot_dname_storage_t wildcard = {1, '*'};
	size_t len = knot_dname_size(encloser);

	if (nsec3_is_used(w)) {
		nsec3_deny_name(w, name, encloser);
		return;
	}
	put_covering(w, name);
	if (len + 2 > sizeof(wildcard))
		return;
	memcpy(wildcard + 2, encloser, len);
	put_covering(w, wildcard);
}

/* RFC 4035 §3.1.3.4 */
void deny_wildcard_type(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser,
			const knot_dname_t *wildcard, const struct store_node *node)
{
	(void)node;
	if (nsec3_is_used(w)) {
		nsec3_deny_wildcard_type(w, name, encloser, wildcard);
		return;
	}
	put_covering(w, wildcard);
	put_covering(w, name);
}

/* RFC 4035 §3.1.3.3 */
void deny_expanded(struct work *w, const struct expanded *expanded)
{
	if (nsec3_is_used(w))
		nsec3_deny_expanded(w, expanded);
	else
		put_covering(w, expanded->name);
}

/* RFC 4035 §3.1.4 */
void put_ds(struct work *w, const struct found_name *cut)
{
	struct answer_section *ns = &w->answer->ns;
	knot_rrset_t ds, sig;

	if (store_node_rrset(&cut->node, KNOT_RRTYPE_DS, &ds) < 0) {
		if (nsec3_is_used(w))
			nsec3_deny_type(w, cut->name, cut->name + *cut->name + 1);
		else
			put_denial(w, cut->name, &cut->node, KNOT_RRTYPE_NSEC);
		return;
	}
	section_put(ns, cut->name, &ds, (struct answer_name_at){2, 0, 0});
	if (node_sig(&cut->node, KNOT_RRTYPE_DS, ds.ttl, &sig))
		section_put(ns, cut->name, &sig, (struct answer_name_at){2, 0, 0});
}
