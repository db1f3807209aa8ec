// SPDX-License-Identifier: GPL-3.0-or-later
#include "classes.h"

#include <stddef.h>

#define TYPE_NS	   2
#define TYPE_CNAME 5
#define TYPE_SOA   6
#define TYPE_PTR   12
#define TYPE_MINFO 14
#define TYPE_MX	   15
#define TYPE_DNAME 39
#define TYPE_OPT   41
#define TYPE_DS	   43
#define TYPE_RRSIG 46
#define TYPE_NSEC3 50
#define TYPE_ANY   255
#define CLASS_IN   1

#define RCODE_NOERROR  0
#define RCODE_NXDOMAIN 3
#define RCODE_REFUSED  5
#define RCODE_YXDOMAIN 6
#define RCODE_BADVERS  16

const char *const class_names[CLASSES] = {
	[CLASS_POSITIVE] = "positive",
	[CLASS_WILDCARD] = "wildcard",
	[CLASS_CHAIN] = "CNAME chain",
	[CLASS_CHAIN_NEGATIVE] = "CNAME chain to NODATA, NXDOMAIN",
	[CLASS_CHAIN_REFERRAL] = "CNAME chain to a delegation",
	[CLASS_REFERRAL] = "referral",
	[CLASS_NODATA] = "NODATA",
	[CLASS_WILDCARD_NODATA] = "wildcard NODATA",
	[CLASS_NXDOMAIN] = "NXDOMAIN",
	[CLASS_ANY] = "ANY",
	[CLASS_DS_AT_TOP] = "DS at the top of a zone",
	[CLASS_DNAME] = "DNAME",
	[CLASS_BADVERS] = "BADVERS",
	[CLASS_REFUSED] = "REFUSED",
	[CLASS_META] = "meta types",
	[CLASS_OTHER_CLASS] = "other classes",
	[CLASS_OTHER] = "other",
};

const char *const class_columns[CLASS_COLUMNS] = {
	"DO=0", "DO unsigned", "DO NSEC", "DO NSEC3", "DO opt-out", "DO iterations",
};

unsigned class_column(const struct query *query)
{
	uint16_t size;
	bool dnssec;

	query_edns(query, &size, &dnssec);
	return dnssec && query->head.zone < CORPUS_ZONES ? 1u + query->head.zone : 0;
}

/* RFC 6895 §3.1: 128 to 255 are questions, OPT no type of data; ANY has a class of its own. */
static bool is_meta(uint16_t type)
{
	return (type >= 128 && type < TYPE_ANY) || type == TYPE_OPT || type == 0;
}

/* Below a DNAME, or a chain through one. */
static bool has_redirection(const struct view *view)
{
	const struct view_set *answer = &view->set[VIEW_ANSWER];

	for (unsigned i = 0; i < answer->n; i++) {
		if (answer->record[i].type == TYPE_DNAME && answer->record[i].owner != view->qname)
			return true;
	}
	return view->rcode == RCODE_YXDOMAIN;
}

static enum answer_class class_of_data(const struct query *query, const struct view *view)
{
	const struct view_set *answer = &view->set[VIEW_ANSWER];
	const struct view_set *authority = &view->set[VIEW_AUTHORITY];
	uint16_t type = query_type(query);
	bool wildcard = query->head.name & CORPUS_WILDCARD;

	if (view_set_has_type(answer, TYPE_CNAME) && type != TYPE_CNAME) {
		if (view->rcode == RCODE_NXDOMAIN || view_set_has_type(authority, TYPE_SOA))
			return CLASS_CHAIN_NEGATIVE;
		return view_set_has_type(authority, TYPE_NS) ? CLASS_CHAIN_REFERRAL : CLASS_CHAIN;
	}
	if (view->rcode == RCODE_NXDOMAIN)
		return CLASS_NXDOMAIN;
	if (answer->n > 0)
		return wildcard ? CLASS_WILDCARD : CLASS_POSITIVE;
	if (!(view->flags & VIEW_AA) && view_set_has_type(authority, TYPE_NS))
		return CLASS_REFERRAL;
	if (type == TYPE_DS && query->head.apex == 0)
		return CLASS_DS_AT_TOP;
	return wildcard ? CLASS_WILDCARD_NODATA : CLASS_NODATA;
}

enum answer_class class_of(const struct rules_case *c)
{
	const struct view *view = c->ours_tcp;
	uint16_t type = query_type(c->query);

	if (query_class(c->query) != CLASS_IN)
		return CLASS_OTHER_CLASS;
	if (is_meta(type))
		return CLASS_META;
	if (!view->parsed)
		return CLASS_OTHER;
	if (view->rcode == RCODE_BADVERS)
		return CLASS_BADVERS;
	if (view->rcode == RCODE_REFUSED)
		return CLASS_REFUSED;
	if (has_redirection(view))
		return CLASS_DNAME;
	if (view->rcode != RCODE_NOERROR && view->rcode != RCODE_NXDOMAIN)
		return CLASS_OTHER;
	if (type == TYPE_ANY)
		return CLASS_ANY;
	return class_of_data(c->query, view);
}

/* Names but QNAME for which the reply has to prove something: those that a wildcard made, whose
 * signatures have fewer labels, and the one where a chain ends without data. */
static unsigned proofs(const struct view *view, enum answer_class class)
{
	const struct view_set *answer = &view->set[VIEW_ANSWER];
	uint64_t seen[32];
	unsigned n = 0;

	for (unsigned i = 0; i < answer->n; i++) {
		const struct view_record *record = &answer->record[i];
		bool known = record->owner == view->qname;

		if (record->type != TYPE_RRSIG || record->sig_labels >= record->owner_labels)
			continue;
		for (unsigned k = 0; k < n; k++)
			known = known || seen[k] == record->owner;
		if (!known && n < sizeof(seen) / sizeof(seen[0]))
			seen[n++] = record->owner;
	}
	return n + (class == CLASS_CHAIN_NEGATIVE || class == CLASS_CHAIN_REFERRAL);
}

/* Data with names that are compressed: RFC 3597 §4. */
static bool is_compressed(uint16_t type)
{
	return type == TYPE_NS || type == TYPE_SOA || type == TYPE_PTR || type == TYPE_MINFO ||
	       type == TYPE_MX;
}

/*
 * Below a DNAME that leads to a CNAME, a delegation (that of a zone that is held, too), or another
 * DNAME, to records with compressed data or with additional ones; or, when DNAME, RRSIG or ANY is
 * asked for, to nothing that is not in the answer already: perhaps its own owner.
 */
static bool leads_on(const struct rules_case *c)
{
	const struct view_set *answer = &c->ours_tcp->set[VIEW_ANSWER];
	const struct view_set *authority = &c->ours_tcp->set[VIEW_AUTHORITY];
	uint16_t type = query_type(c->query);
	unsigned cnames = 0, dnames = 0, others = 0;

	for (unsigned i = 0; i < answer->n; i++) {
		const struct view_record *record = &answer->record[i];

		if (is_compressed(record->type))
			return true;
		cnames += record->type == TYPE_CNAME;
		dnames += record->type == TYPE_DNAME;
		for (unsigned k = 0; k < answer->n; k++)
			others += answer->record[k].type == TYPE_DNAME &&
				  record->owner != answer->record[k].owner &&
				  record->owner != c->ours_tcp->qname;
	}
	if (cnames > 1 || dnames > 1 || (cnames && c->ours_tcp->rcode == RCODE_YXDOMAIN))
		return true;
	if (type == TYPE_DNAME || type == TYPE_RRSIG || type == TYPE_ANY)
		return !others && !authority->n;
	return c->ours_tcp->set[VIEW_ADDITIONAL].n > 0 || view_set_has_type(authority, TYPE_NS);
}

/*
 * What the sockets answer. docs/design.md and README.md say the same:
 *
 *   other classes        all but IN
 *   meta types           AXFR, IXFR, MAILB, MAILA, OPT, 128 to 254: all but ANY
 *   no zone              names in no zone that is held: REFUSED
 *   DNAME                names below one that leads to more than records of their own or their
 *                        denial (leads_on), and chains that go through one
 *   wildcard cut         wildcards that are a delegation or a DNAME
 *   wildcard again       wildcards whose CNAME leads to names that the same wildcard matches
 *   iterations           denial in NSEC3 zones with extra iterations
 *   two proofs           CNAME chains where names beside QNAME need more than one proof
 *   left out             additional records that are left out for want of room
 */
const char *class_passed_up(const struct rules_case *c, const struct view *udp)
{
	enum answer_class class = class_of(c);

	if (class == CLASS_OTHER_CLASS)
		return "other classes";
	if (class == CLASS_META)
		return "meta types";
	if (class == CLASS_REFUSED)
		return "no zone";
	if (class == CLASS_DNAME && leads_on(c))
		return "DNAME";
	if (c->query->head.name & CORPUS_WILDCARD_CUT)
		return "wildcard cut";
	if (c->query->head.name & CORPUS_WILDCARD_AGAIN)
		return "wildcard again";
	if (class_column(c->query) == 1 + CORPUS_ITERATED &&
	    view_set_has_type(&c->ours_tcp->set[VIEW_AUTHORITY], TYPE_NSEC3))
		return "iterations";
	if (class_column(c->query) > 1 && proofs(c->ours_tcp, class) > 1)
		return "two proofs";
	/* as the packet path renders it, a little longer perhaps than the sockets */
	if (!(udp->flags & VIEW_TC) && c->ours_tcp->set[VIEW_ADDITIONAL].n > 0 &&
	    rules_near_limit(c))
		return "left out";
	return NULL;
}
