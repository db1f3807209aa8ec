// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/answer.h"

#include <errno.h>

#include "answer/private.h"

/* Signatures are sorted, and what they cover comes first in them: those of a type stand together.
 */
bool answer_signatures(const struct store_node *node, uint16_t covered, uint32_t ttl,
		       knot_rrset_t *ret)
{
	knot_rdata_t *rdata, *first = NULL;
	knot_rrset_t all;
	uint16_t count = 0;

	if (store_node_rrset(node, KNOT_RRTYPE_RRSIG, &all) < 0)
		return false;
	rdata = all.rrs.rdata;
	for (unsigned i = 0; i < all.rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
		uint16_t type = knot_rrsig_type_covered(rdata);

		if (type > covered)
			break;
		if (type == covered && count++ == 0)
			first = rdata;
	}
	if (count == 0)
		return false;
	*ret = all;
	ret->ttl = ttl;
	ret->rrs.rdata = first;
	ret->rrs.count = count;
	ret->rrs.size = (uint8_t *)rdata - (uint8_t *)first;
	return true;
}

/* An RRset into the answer section, and its signatures; not again what is there because of a DNAME
 * that led back to its own owner. */
static void put_answer(struct work *w, const knot_dname_t *owner, const struct store_node *node,
		       const knot_rrset_t *rr)
{
	struct answer_section *an = &w->answer->an;
	struct answer_name_at at = {0};
	knot_rrset_t sig;

	if (section_has(an, owner, rr->type))
		return;
	/* the target of the CNAME before it */
	if (an->n > 0 && an->rr[an->n - 1].type == KNOT_RRTYPE_CNAME)
		at = AT(1, an->n - 1, 1);
	else if (an->n > 1 && an->rr[an->n - 2].type == KNOT_RRTYPE_CNAME)
		at = AT(1, an->n - 2, 1);
	if (owner == w->answer->visited[0] ||
	    (at.section &&
	     !knot_dname_is_case_equal(owner, knot_cname_name(an->rr[at.rr].rrs.rdata))))
		at = (struct answer_name_at){0};
	section_put(w, an, owner, rr, at);
	if (w->dnssec && rr->type != KNOT_RRTYPE_RRSIG &&
	    answer_signatures(node, rr->type, rr->ttl, &sig))
		section_put(w, an, owner, &sig, AT(1, an->n - 1, 0));
}

/* RFC 8482 §4.1: one RRset will do; what is only there to prove something if there is nothing else.
 */
static bool put_any(struct work *w, const knot_dname_t *owner, const struct store_node *node)
{
	knot_rrset_t rr;
	size_t pos = 0;

	while (store_node_next(node, &pos, &rr)) {
		if (rr.type != KNOT_RRTYPE_RRSIG && rr.type != KNOT_RRTYPE_NSEC) {
			put_answer(w, owner, node, &rr);
			return true;
		}
	}
	if (store_node_rrset(node, KNOT_RRTYPE_NSEC, &rr) < 0)
		return false;
	put_answer(w, owner, node, &rr);
	return true;
}

/* RRSIG is no less a question for everything: the signatures of the first RRset, as Knot DNS
 * answers (RFC 8482 §7). */
static bool put_rrsig(struct work *w, const knot_dname_t *owner, const struct store_node *node)
{
	knot_rrset_t rr, sig;
	size_t pos = 0;

	while (store_node_next(node, &pos, &rr)) {
		if (!answer_signatures(node, rr.type, rr.ttl, &sig))
			continue;
		return (w->dnssec && section_has(&w->answer->an, owner, rr.type)) ||
		       section_put(w, &w->answer->an, owner, &sig, AT(0, 0, 0));
	}
	return false;
}

static bool put_data(struct work *w, const knot_dname_t *owner, const struct store_node *node)
{
	knot_rrset_t rr;

	if (w->qtype == KNOT_RRTYPE_ANY)
		return put_any(w, owner, node);
	if (w->qtype == KNOT_RRTYPE_RRSIG)
		return put_rrsig(w, owner, node);
	if (store_node_rrset(node, w->qtype, &rr) < 0)
		return false;
	put_answer(w, owner, node, &rr);
	return true;
}

static void end(struct work *w, enum answer_kind kind)
{
	struct answer *answer = w->answer;

	answer->kind = kind;
	answer->soa = kind == ANSWER_NODATA || kind == ANSWER_NXDOMAIN;
	if (kind == ANSWER_NXDOMAIN)
		answer->rcode = KNOT_RCODE_NXDOMAIN;
	if (kind == ANSWER_YXDOMAIN)
		answer->rcode = KNOT_RCODE_YXDOMAIN;
}

/* Goes on at target, or NULL: the chain ends here, and what it has is the answer. */
static const knot_dname_t *follow(struct work *w, const knot_dname_t *target)
{
	struct answer *answer = w->answer;
	knot_dname_t *name = work_name(w, target);

	if (!name)
		return NULL;
	end(w, ANSWER_DATA);
	if (answer->n_visited > ANSWER_CHAIN_MAX || knot_dname_in_bailiwick(name, w->apex) < 0)
		return NULL;
	for (unsigned i = 0; i < answer->n_visited; i++) {
		if (knot_dname_is_equal(answer->visited[i], name)) /* a loop */
			return NULL;
	}
	answer->visited[answer->n_visited++] = name;
	return name;
}

/* name below a DNAME: RFC 6672 §3.2, step 3.C */
static const knot_dname_t *step_dname(struct work *w, const knot_dname_t *name,
				      const struct found_name *at)
{
	size_t prefix_len = at->name - name;
	const knot_dname_t *target;
	knot_rrset_t dname, cname;
	knot_rdata_t *rdata;
	size_t len;

	if (store_node_rrset(&at->node, KNOT_RRTYPE_DNAME, &dname) < 0)
		return NULL;
	target = knot_dname_target(dname.rrs.rdata);
	put_answer(w, at->name, &at->node, &dname);
	len = prefix_len + knot_dname_size(target);
	if (len > KNOT_DNAME_MAXLEN) {
		end(w, ANSWER_YXDOMAIN);
		return NULL;
	}
	rdata = work_alloc(w, knot_rdata_size(len));
	if (!rdata)
		return NULL;
	rdata->len = len;
	memcpy(rdata->data, name, prefix_len);
	memcpy(rdata->data + prefix_len, target, len - prefix_len);
	knot_rrset_init(&cname, NULL, KNOT_RRTYPE_CNAME, KNOT_CLASS_IN, dname.ttl);
	cname.rrs = (knot_rdataset_t){1, knot_rdata_size(len), rdata};
	section_put(w, &w->answer->an, name, &cname, (struct answer_name_at){0});
	if (w->qtype == KNOT_RRTYPE_CNAME || ++w->n_dnames == ANSWER_DNAME_MAX) {
		end(w, ANSWER_DATA);
		return NULL;
	}
	return follow(w, rdata->data);
}

/* The records of a node, or of a wildcard under the name asked for. *ret_next: where a CNAME leads.
 * false: it has not the type. */
static bool step_node(struct work *w, const knot_dname_t *name, const struct store_node *node,
		      const knot_dname_t **ret_next)
{
	knot_rrset_t cname;

	if (!node->data)
		return false;
	if (w->qtype != KNOT_RRTYPE_CNAME && w->qtype != KNOT_RRTYPE_ANY &&
	    w->qtype != KNOT_RRTYPE_RRSIG && w->qtype != KNOT_RRTYPE_NSEC &&
	    store_node_rrset(node, KNOT_RRTYPE_CNAME, &cname) == 0) {
		put_answer(w, name, node, &cname);
		*ret_next = follow(w, knot_cname_name(cname.rrs.rdata));
		return true;
	}
	if (!put_data(w, name, node))
		return false;
	end(w, ANSWER_DATA);
	return true;
}

static void step_cut(struct work *w, const struct found_name *cut)
{
	knot_rrset_t ns;

	end(w, ANSWER_REFERRAL);
	w->answer->aa = w->answer->n_visited > 1;
	if (store_node_rrset(&cut->node, KNOT_RRTYPE_NS, &ns) < 0)
		return;
	section_put(w, &w->answer->ns, cut->name, &ns, (struct answer_name_at){0});
	if (w->dnssec)
		put_ds(w, cut, w->answer->n_expanded == 0);
	put_additional(w, 2, cut->name);
}

/* A name that does not exist itself: a wildcard's records, or the denial. */
static const knot_dname_t *step_nothing(struct work *w, const knot_dname_t *name,
					const knot_dname_t *encloser)
{
	const knot_dname_t *next = NULL;
	knot_dname_storage_t wildcard;
	struct store_node node;
	bool exists;
	int err = lookup_wildcard(w->txn, w->zone->id, encloser, wildcard, &node, &exists);

	if (err < 0) {
		w->error = err;
		return NULL;
	}
	if (!exists) {
		end(w, ANSWER_NXDOMAIN);
		if (w->dnssec && !proof_is_listed(w, ANSWER_PROVE_NXDOMAIN, name))
			deny_name(w, name, encloser);
		return NULL;
	}
	w->answer->wildcard = true;
	w->answer->end = node;
	if (step_node(w, name, &node, &next)) {
		w->answer->expanded[w->answer->n_expanded++] =
			(struct answer_expanded){name, encloser};
		return next;
	}
	end(w, ANSWER_NODATA);
	if (w->dnssec && !proof_is_listed(w, ANSWER_PROVE_WILDCARD_NODATA, name))
		deny_wildcard_type(w, name, encloser, wildcard);
	return NULL;
}

/* One name of the chain; the next, or NULL. */
static const knot_dname_t *step(struct work *w, const knot_dname_t *name)
{
	const knot_dname_t *next = NULL;
	struct found_name at;
	int err = lookup_name(w->txn, w->zone->id, w->apex, name, &at);

	w->answer->end = (struct store_node){0};
	if (err < 0) {
		w->error = err;
		return NULL;
	}
	/* RFC 4035 §3.1.4.1: DS is the parent's */
	if (at.found == FOUND_CUT && w->qtype == KNOT_RRTYPE_DS &&
	    knot_dname_is_equal(at.name, name))
		at.found = FOUND_NODE;
	switch (at.found) {
	case FOUND_CUT:
		step_cut(w, &at);
		return NULL;
	case FOUND_DNAME:
		return step_dname(w, name, &at);
	case FOUND_NOTHING:
		return step_nothing(w, name, at.name);
	default:
		break;
	}
	w->answer->end = at.node;
	if (step_node(w, name, &at.node, &next))
		return next;
	end(w, ANSWER_NODATA);
	if (w->dnssec && !proof_is_listed(w, ANSWER_PROVE_NODATA, name))
		deny_type(w, name);
	return NULL;
}

static void put_soa_sig(struct work *w)
{
	struct store_node node;
	knot_rrset_t soa;

	if (store_node_get(w->txn, w->zone->id, STORE_NAMES, w->apex, &node) < 0 ||
	    answer_negative_soa(w->txn, w->zone, w->apex, &soa) < 0 ||
	    !answer_signatures(&node, KNOT_RRTYPE_SOA, soa.ttl, &w->answer->soa_sig))
		return;
	w->answer->soa_sig.owner = (knot_dname_t *)w->apex;
}

static void begin(struct answer *answer)
{
	answer->kind = ANSWER_DATA;
	answer->rcode = KNOT_RCODE_NOERROR;
	answer->aa = true;
	answer->soa = answer->wildcard = false;
	answer->an.n = answer->ns.n = answer->ar.n = 0;
	answer->an.overflow = answer->ns.overflow = answer->ar.overflow = false;
	answer->n_glue = 0;
	answer->soa_sig.owner = NULL;
	answer->n_visited = 0;
	answer->n_expanded = 0;
	answer->n_proofs = 0;
	answer->end = (struct store_node){0};
	work_reset(answer);
}

void answer_make(struct store_txn *txn, const struct store_zone *zone, const knot_dname_t *apex,
		 const knot_dname_t *qname, uint16_t qtype, unsigned flags, struct answer *ret)
{
	struct work w = {.txn = txn,
			 .zone = zone,
			 .apex = apex,
			 .qtype = qtype,
			 .dnssec = flags & ANSWER_DNSSEC && zone->is_signed,
			 .list_proofs = flags & ANSWER_NO_PROOFS,
			 .answer = ret};
	const knot_dname_t *name;

	begin(ret);
	name = work_name(&w, qname);
	if (name)
		ret->visited[ret->n_visited++] = name;
	while (name)
		name = step(&w, name);
	for (unsigned i = 0; w.dnssec && i < ret->n_expanded; i++) {
		if (!proof_is_listed(&w, ANSWER_PROVE_EXPANDED, ret->expanded[i].name))
			deny_expanded(&w, &ret->expanded[i]);
	}
	if (ret->kind == ANSWER_DATA)
		put_additional(&w, 1, NULL);
	if (w.dnssec && ret->soa)
		put_soa_sig(&w);
	if (w.error == 0)
		return;
	begin(ret);
	ret->kind = ANSWER_FAILURE;
	ret->rcode = KNOT_RCODE_SERVFAIL;
	ret->aa = false;
}

int answer_negative_soa(struct store_txn *txn, const struct store_zone *zone,
			const knot_dname_t *apex, knot_rrset_t *ret)
{
	struct store_node node;
	knot_rrset_t soa;
	uint32_t minimum;
	int err = store_node_get(txn, zone->id, STORE_NAMES, apex, &node);

	if (err == 0)
		err = store_node_rrset(&node, KNOT_RRTYPE_SOA, &soa);
	if (err < 0)
		return err;
	minimum = knot_soa_minimum(soa.rrs.rdata);
	if (soa.ttl > minimum)
		soa.ttl = minimum;
	soa.owner = (knot_dname_t *)apex;
	*ret = soa;
	return 0;
}
