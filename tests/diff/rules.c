// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What is right is what the references agree on. Judged are, one by one: that there is a reply and
 * that it can be parsed, question (with its spelling), RCODE, each header flag, EDNS (version, DO,
 * NSID), TC, and each section as a set of records, TTLs included. Where all references agree and
 * xnsd differs it is a bug. Where they differ xnsd has to be as one of them, and in RCODE, answer
 * and authority together as one and the same; else it is noted.
 *
 * Allowed differences. These and no more, each with its reason:
 *
 * 1. TC=1: what the sections then hold is not compared, RFC 2181 §9 has the client ignore it. A
 *    reference's reply over TCP stands for what it had to say. Whether a reply fits depends on how
 *    well its names are compressed (RFC 1035 §4.1.4 leaves that open): within SLACK bytes of the
 *    limit either may set TC. At the interface NSEC records are put into the reply as they are,
 *    their owners' names not compressed against it: there it is so much more.
 * 2. The additional section is voted on by record: there must be what all references have, there
 *    may be what any has. RFC 1034 §4.3.2 step 6 and RFC 2181 §9: what is useful, and it may be
 *    left out for want of room; but glue only with TC=1 (RFC 9471 §2).
 * 3. NS of the zone's own top beside an answer with data may be left out: RFC 1034 §4.3.2 does not
 *    ask for it. (view.c takes it out of every reply.)
 * 4. ANY: some of the records are enough, RFC 8482 §4.1; the other sections are not compared.
 * 5. SVCB and HTTPS: addresses of QNAME itself, where it is the target, may be there, RFC 9460
 * §4.1. Of the references BIND alone gives any, and not those of names that are no host names.
 * 6. EDE options are not compared: RFC 8914 §2 leaves to each server whether it gives any.
 */
#include "rules.h"

#include <stddef.h>

#define SLACK	   64
#define SERVER_MAX 1232

#define TYPE_SVCB  64
#define TYPE_HTTPS 65
#define TYPE_ANY   255
#define TYPE_NS	   2
#define TYPE_NSEC  47

#define RCODE_NOERROR 0

unsigned rules_limit(const struct query *query)
{
	uint16_t size;
	bool dnssec;

	query_edns(query, &size, &dnssec);
	if (size < 512)
		return 512;
	return size < SERVER_MAX ? size : SERVER_MAX;
}

/* What a reference says in its sections: rule 1. */
static const struct view *full(const struct rules_case *c, int i)
{
	const struct view *view = c->is_tcp ? c->tcp[i] : c->udp[i];

	return view->parsed && (view->flags & VIEW_TC) ? c->tcp[i] : view;
}

static const struct view *same_transport(const struct rules_case *c, int i)
{
	return c->is_tcp ? c->tcp[i] : c->udp[i];
}

/* A value of ours against theirs. */
static enum verdict vote(uint64_t ours, const uint64_t theirs[REFERENCES])
{
	bool agree = true;

	for (int i = 0; i < REFERENCES; i++) {
		if (ours == theirs[i])
			return VERDICT_SAME;
		agree = agree && theirs[i] == theirs[0];
	}
	return agree ? VERDICT_BUG : VERDICT_NOTE;
}

static enum verdict vote_message(const struct rules_case *c, const char **ret_what)
{
	uint64_t there[REFERENCES], question[REFERENCES], edns[REFERENCES], rcode[REFERENCES];
	const struct view *ours = c->ours;
	enum verdict verdict;

	for (int i = 0; i < REFERENCES; i++) {
		const struct view *view = same_transport(c, i);

		there[i] = view->there;
		question[i] = view->question;
		edns[i] = view->edns;
		rcode[i] = view->rcode;
	}
	*ret_what = "there is a reply";
	verdict = vote(ours->there, there);
	if (verdict != VERDICT_SAME || !ours->there)
		return verdict;
	*ret_what = "cannot be parsed";
	if (!ours->parsed)
		return VERDICT_BUG;
	*ret_what = "a record is there twice";
	if (ours->twice)
		return VERDICT_BUG;
	*ret_what = "question";
	verdict = vote(ours->question, question);
	if (verdict != VERDICT_SAME)
		return verdict;
	*ret_what = "EDNS";
	verdict = vote(ours->edns, edns);
	if (verdict != VERDICT_SAME)
		return verdict;
	*ret_what = "rcode";
	return vote(ours->rcode, rcode);
}

/* Each bit but TC is as one of them has it. */
static bool flags_right(const struct rules_case *c)
{
	uint16_t all = 0xffff, any = 0;

	for (int i = 0; i < REFERENCES; i++) {
		const struct view *view = same_transport(c, i);

		if (!view->parsed)
			return true;
		all &= view->flags;
		any |= view->flags;
	}
	return (((c->ours->flags & ~any) | (all & ~c->ours->flags)) & ~VIEW_TC) == 0;
}

static bool is_referral(const struct view *view)
{
	return !(view->flags & VIEW_AA) && view->rcode == RCODE_NOERROR &&
	       view_set_has_type(&view->set[VIEW_AUTHORITY], TYPE_NS);
}

/* Rule 2. */
static const char *additional_wrong(const struct rules_case *c)
{
	const struct view_set *ours = &c->ours->set[VIEW_ADDITIONAL];
	bool all_cut = true, room = c->is_tcp;
	uint16_t type = query_type(c->query);
	bool service = type == TYPE_SVCB || type == TYPE_HTTPS;
	const struct view_set *first;

	for (int i = 0; i < REFERENCES; i++)
		all_cut = all_cut && (same_transport(c, i)->flags & VIEW_TC);
	if (!room)
		room = c->ours_tcp->len + SLACK <= rules_limit(c->query);
	/* glue that does not fit: TC=1 */
	room = room || (all_cut && is_referral(c->ours));
	for (unsigned i = 0; i < ours->n; i++) {
		bool known = service && ours->record[i].owner == c->ours->qname; /* rule 5 */

		for (int k = 0; k < REFERENCES; k++) {
			uint64_t hash = ours->record[i].hash;

			known = known || view_set_has(&full(c, k)->set[VIEW_ADDITIONAL], hash) ||
				view_set_has(&c->tcp[k]->set[VIEW_ADDITIONAL], hash);
		}
		if (!known)
			return "more in the additional section than any has";
	}
	first = &c->tcp[0]->set[VIEW_ADDITIONAL];
	for (unsigned i = 0; room && i < first->n; i++) {
		uint64_t hash = first->record[i].hash;

		if (view_set_has(&c->tcp[1]->set[VIEW_ADDITIONAL], hash) &&
		    view_set_has(&c->tcp[2]->set[VIEW_ADDITIONAL], hash) &&
		    !view_set_has(ours, hash))
			return "less in the additional section than all have";
	}
	return NULL;
}

/* Rule 4. */
static enum verdict any_right(const struct rules_case *c)
{
	const struct view_set *ours = &c->ours->set[VIEW_ANSWER];
	bool some = ours->n > 0;
	uint64_t theirs[REFERENCES];

	for (int i = 0; i < REFERENCES; i++)
		theirs[i] = full(c, i)->set[VIEW_ANSWER].n > 0;
	for (unsigned i = 0; i < ours->n; i++) {
		bool known = false;

		for (int k = 0; k < REFERENCES; k++)
			known = known ||
				view_set_has(&full(c, k)->set[VIEW_ANSWER], ours->record[i].hash);
		if (!known)
			return VERDICT_BUG;
	}
	return vote(some, theirs);
}

static enum verdict vote_sections(const struct rules_case *c, const char **ret_what)
{
	uint64_t theirs[VIEW_SECTIONS][REFERENCES], together[REFERENCES], our_together;
	uint64_t ours[VIEW_SECTIONS];
	enum verdict verdict;

	for (int s = 0; s < VIEW_SECTIONS; s++) {
		ours[s] = view_set_hash(&c->ours->set[s]);
		for (int i = 0; i < REFERENCES; i++)
			theirs[s][i] = view_set_hash(&full(c, i)->set[s]);
	}
	*ret_what = "answer section";
	verdict = vote(ours[VIEW_ANSWER], theirs[VIEW_ANSWER]);
	if (verdict != VERDICT_SAME)
		return verdict;
	*ret_what = "authority section";
	verdict = vote(ours[VIEW_AUTHORITY], theirs[VIEW_AUTHORITY]);
	if (verdict != VERDICT_SAME)
		return verdict;
	*ret_what = additional_wrong(c);
	if (*ret_what)
		return VERDICT_BUG;
	*ret_what = "the parts together";
	our_together = 3 * ours[VIEW_ANSWER] + 5 * ours[VIEW_AUTHORITY] + 7 * c->ours->rcode;
	for (int i = 0; i < REFERENCES; i++)
		together[i] = 3 * theirs[VIEW_ANSWER][i] + 5 * theirs[VIEW_AUTHORITY][i] +
			      7 * full(c, i)->rcode;
	verdict = vote(our_together, together);
	/* each part is as somebody has it */
	return verdict == VERDICT_BUG ? VERDICT_NOTE : verdict;
}

bool rules_near_limit(const struct rules_case *c)
{
	const struct view_set *authority = &c->ours_tcp->set[VIEW_AUTHORITY];
	unsigned len = c->ours_tcp->len + SLACK;

	for (unsigned i = 0; c->is_frames && i < authority->n; i++) {
		if (authority->record[i].type == TYPE_NSEC)
			len += authority->record[i].owner_len;
	}
	return len > rules_limit(c->query);
}

/* Rule 1. */
static bool truncation_right(const struct rules_case *c)
{
	if (c->is_tcp)
		return false;
	for (int i = 0; i < REFERENCES; i++) {
		if (c->udp[i]->parsed && (c->udp[i]->flags & VIEW_TC))
			return true;
	}
	return rules_near_limit(c);
}

enum verdict rules_judge(const struct rules_case *c, const char **ret_what)
{
	enum verdict verdict = vote_message(c, ret_what);

	if (verdict != VERDICT_SAME || !c->ours->there)
		return verdict;
	*ret_what = "flags";
	if (!flags_right(c))
		return VERDICT_BUG;
	*ret_what = "larger than the limit";
	if (!c->is_tcp && c->ours->len > rules_limit(c->query))
		return VERDICT_BUG;
	if (c->ours->flags & VIEW_TC) {
		*ret_what = "TC";
		return truncation_right(c) ? VERDICT_SAME : VERDICT_BUG;
	}
	if (query_type(c->query) == TYPE_ANY) {
		*ret_what = "answer section (ANY)";
		return any_right(c);
	}
	return vote_sections(c, ret_what);
}

const char *rules_same_answer(const struct rules_case *c, const struct view *other)
{
	const struct view *ours = c->ours;

	if (!ours->parsed || !other->parsed)
		return ours->there == other->there ? NULL : "there is a reply";
	if (ours->rcode != other->rcode)
		return "rcode";
	if (ours->edns != other->edns)
		return "EDNS";
	if ((ours->flags ^ other->flags) & VIEW_TC)
		return rules_near_limit(c) ? NULL : "TC";
	if (ours->flags != other->flags)
		return "flags";
	if (view_set_hash(&ours->set[VIEW_ANSWER]) != view_set_hash(&other->set[VIEW_ANSWER]))
		return "answer section";
	if (view_set_hash(&ours->set[VIEW_AUTHORITY]) != view_set_hash(&other->set[VIEW_AUTHORITY]))
		return "authority section";
	return NULL;
}
