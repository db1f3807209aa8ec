// SPDX-License-Identifier: GPL-3.0-or-later
/* The additional section: addresses of the names that NS, MX, SRV, SVCB and HTTPS records mention.
 */
#include <errno.h>

#include "answer/private.h"

/* The name whose addresses go with this rdata, or NULL. owner: of the record. */
static const knot_dname_t *target_of(uint16_t type, const knot_dname_t *owner,
				     const knot_rdata_t *rdata)
{
	/* RFC 9460 §2.5.2: "." in a ServiceMode record is the owner */
	if ((type == KNOT_RRTYPE_SVCB || type == KNOT_RRTYPE_HTTPS) &&
	    *knot_svcb_target(rdata) == 0 && knot_svcb_priority(rdata) > 0)
		return owner;
	return type == KNOT_RRTYPE_CNAME ? NULL : store_reference_target(type, rdata);
}

/* The records at a target: its own, be it glue, or a wildcard's. data NULL: none. */
static int target_node(struct work *w, const knot_dname_t *target, struct store_node *ret)
{
	knot_dname_storage_t wildcard;
	struct found_name found;
	bool exists;
	int err = store_node_get(w->txn, w->zone->id, STORE_NAMES, target, ret);

	if (err != -ENOENT)
		return err;
	*ret = (struct store_node){0};
	err = lookup_name(w->txn, w->zone->id, w->apex, target, &found);
	if (err < 0 || found.found != FOUND_NOTHING)
		return err;
	return lookup_wildcard(w->txn, w->zone->id, found.name, wildcard, ret, &exists);
}

static bool is_there(const struct work *w, const knot_dname_t *owner, uint16_t type)
{
	return section_has(&w->answer->ar, owner, type) || section_has(&w->answer->an, owner, type);
}

/* What goes with one target: its addresses, and for SVCB and HTTPS what they lead on to (RFC 9460
 * §4.1). */
static void put_target(struct work *w, uint16_t rr_type, const knot_dname_t *target,
		       struct answer_name_at at, const struct store_node *node)
{
	const uint16_t type[] = {KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA, rr_type};
	unsigned n = rr_type == KNOT_RRTYPE_SVCB || rr_type == KNOT_RRTYPE_HTTPS ? 3 : 2;
	const knot_dname_t *owner = NULL;

	for (unsigned i = 0; i < n; i++) {
		knot_rrset_t rr;

		if (store_node_rrset(node, type[i], &rr) < 0 || is_there(w, target, type[i]))
			continue;
		if (!owner)
			owner = work_name(w, target);
		if (owner)
			section_put(w, &w->answer->ar, owner, &rr, at);
	}
}

/* Signatures last: when room is short, addresses are worth more. */
static void put_signatures(struct work *w)
{
	struct answer_section *ar = &w->answer->ar;
	unsigned n = ar->n;

	for (unsigned i = 0; i < n; i++) {
		struct store_node node;
		knot_rrset_t sig;
		int err = target_node(w, ar->rr[i].owner, &node);

		if (err < 0 && err != -ENOENT)
			w->error = err;
		if (err == 0 && node.data &&
		    answer_signatures(&node, ar->rr[i].type, ar->rr[i].ttl, &sig))
			section_put(w, ar, ar->rr[i].owner, &sig, AT(3, i, 0));
	}
}

/* The targets of one RRset: those below `cut`, or the others (all, when cut is NULL). */
static void put_targets(struct work *w, unsigned section, unsigned index, const knot_dname_t *cut,
			bool below)
{
	const knot_rrset_t *rr = section == 1 ? &w->answer->an.rr[index] : &w->answer->ns.rr[index];
	const knot_rdata_t *rdata = rr->rrs.rdata;

	for (unsigned i = 0; i < rr->rrs.count && w->error == 0;
	     i++, rdata = knot_rdataset_next((knot_rdata_t *)rdata)) {
		const knot_dname_t *name = target_of(rr->type, rr->owner, rdata);
		struct answer_name_at at =
			AT(section, index, i + 1 < UINT8_MAX ? i + 1 : UINT8_MAX);
		knot_dname_storage_t target;
		struct store_node node;
		int err;

		if (!name || w->answer->ar.overflow)
			return;
		knot_dname_copy_lower(target, name);
		if (name == rr->owner)
			at.name = 0;
		if (knot_dname_in_bailiwick(target, w->apex) < 0 ||
		    (cut && (knot_dname_in_bailiwick(target, cut) >= 0) != below))
			continue;
		err = target_node(w, target, &node);
		if (err < 0 && err != -ENOENT)
			w->error = err;
		if (err == 0 && node.data)
			put_target(w, rr->type, target, at, &node);
	}
}

void put_additional(struct work *w, unsigned section, const knot_dname_t *cut)
{
	unsigned n = section == 1 ? w->answer->an.n : 1;

	if (cut) { /* glue first: it may not be left out */
		put_targets(w, section, 0, cut, true);
		w->answer->n_glue = w->answer->ar.n;
	}
	for (unsigned i = 0; i < n; i++)
		put_targets(w, section, i, cut, false);
	if (w->dnssec)
		put_signatures(w);
}
