// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>

#include "answer/private.h"

/* Where each section begins among the packet's RRsets; for the hints. */
struct render {
	const struct answer *answer;
	knot_pkt_t *pkt;
	/* by answer_name_at.section and rr: the RRset's number in the packet, or NOT_THERE */
	uint16_t *number[4];
};

#define NOT_THERE UINT16_MAX

/* A position that the owner's name can point to; libknot compresses names against the question by
 * itself. */
static uint16_t hint(const struct render *r, const knot_rrset_t *rr, struct answer_name_at at)
{
	if (rr->owner == r->answer->visited[0])
		return KNOT_COMPR_HINT_QNAME;
	if (at.section == 0)
		return KNOT_COMPR_HINT_NONE;
	return knot_compr_hint(&r->pkt->rr_info[r->number[at.section][at.rr]], at.name);
}

/*
 * libknot remembers the last name written in full, and later names point to it. It does not forget
 * one whose RRset did not fit: the next RRset lies over it, and could come to point to itself.
 */
static int put(struct render *r, const knot_rrset_t *rr, struct answer_name_at at)
{
	knot_compr_t before = r->pkt->compr;
	int ret = knot_pkt_put(r->pkt, hint(r, rr, at), rr, KNOT_PF_NOTRUNC);

	if (ret == KNOT_EOK)
		return 0;
	r->pkt->compr.suffix = before.suffix;
	return ret == KNOT_ESPACE ? -ENOSPC : ret == KNOT_ENOMEM ? -ENOMEM : -EIO;
}

/* The first `must` RRsets have to fit. Of the others, what does not fit stays away, and its
 * signatures with it. */
static int put_section(struct render *r, unsigned number, const struct answer_section *section,
		       unsigned must)
{
	for (unsigned i = 0; i < section->n; i++) {
		struct answer_name_at at = section->at[i];
		int ret;

		r->number[number][i] = NOT_THERE;
		if (at.section == number && r->number[number][at.rr] == NOT_THERE)
			continue;
		r->number[number][i] = r->pkt->rrset_count;
		ret = put(r, &section->rr[i], at);
		if (ret == -ENOSPC && i >= must)
			r->number[number][i] = NOT_THERE;
		else if (ret < 0)
			return ret;
	}
	return 0;
}

static int put_soa(struct render *r, const knot_rrset_t *soa)
{
	const struct answer_name_at nowhere = {0};
	int ret;

	if (!r->answer->soa || !soa)
		return 0;
	ret = put(r, soa, nowhere);
	if (ret == 0 && r->answer->soa_sig.owner)
		ret = put(r, &r->answer->soa_sig, nowhere);
	return ret;
}

/* Back to the question. */
static void take_back(knot_pkt_t *pkt)
{
	pkt->size = KNOT_WIRE_HEADER_SIZE + knot_pkt_question_size(pkt);
	pkt->rrset_count = 0;
	pkt->compr.suffix.pos = 0; /* libknot begins at the question again */
	pkt->compr.suffix.labels = 0;
	pkt->current = KNOT_ANSWER;
	for (unsigned i = 0; i < KNOT_PKT_SECTIONS; i++)
		pkt->sections[i] = (knot_pktsection_t){.pkt = pkt};
	knot_wire_set_ancount(pkt->wire, 0);
	knot_wire_set_nscount(pkt->wire, 0);
	knot_wire_set_arcount(pkt->wire, 0);
}

/*
 * Room in the packet's arrays for all that may come, at once: libknot makes them a little larger
 * again and again, and a memory context that frees nothing would have to have room for all of them.
 */
static int reserve(knot_pkt_t *pkt, size_t n)
{
	knot_rrinfo_t *info;
	knot_rrset_t *rr;

	n += pkt->rrset_count;
	if (n <= pkt->rrset_allocd)
		return 0;
	info = pkt->mm.alloc(pkt->mm.ctx, n * sizeof(*info));
	rr = pkt->mm.alloc(pkt->mm.ctx, n * sizeof(*rr));
	if (!info || !rr) {
		if (pkt->mm.free && info)
			pkt->mm.free(info);
		if (pkt->mm.free && rr)
			pkt->mm.free(rr);
		return -ENOMEM;
	}
	if (pkt->rrset_count > 0) {
		memcpy(info, pkt->rr_info, pkt->rrset_count * sizeof(*info));
		memcpy(rr, pkt->rr, pkt->rrset_count * sizeof(*rr));
	}
	if (pkt->mm.free) {
		pkt->mm.free(pkt->rr_info);
		pkt->mm.free(pkt->rr);
	}
	pkt->rr_info = info;
	pkt->rr = rr;
	pkt->rrset_allocd = n;
	return 0;
}

int answer_render(const struct answer *answer, const knot_rrset_t *soa, knot_pkt_t *pkt)
{
	struct render r;
	int ret;

	r.answer = answer;
	r.pkt = pkt;
	r.number[0] = NULL;
	r.number[1] = answer->an.number;
	r.number[2] = answer->ns.number;
	r.number[3] = answer->ar.number;
	if (answer->an.overflow || answer->ns.overflow || /* 64 KiB would not do */
	    (answer->ar.overflow && answer->n_glue == answer->ar.n))
		return -ENOSPC;
	ret = reserve(pkt, answer->an.n + answer->ns.n + answer->ar.n + 3);
	if (ret < 0)
		return ret;
	knot_pkt_begin(pkt, KNOT_ANSWER);
	ret = put_section(&r, 1, &answer->an, answer->an.n);
	if (ret == 0) {
		knot_pkt_begin(pkt, KNOT_AUTHORITY);
		ret = put_soa(&r, soa);
	}
	if (ret == 0)
		ret = put_section(&r, 2, &answer->ns, answer->ns.n);
	if (ret == 0) {
		knot_pkt_begin(pkt, KNOT_ADDITIONAL);
		ret = put_section(&r, 3, &answer->ar,
				  answer->n_glue); /* glue must fit: RFC 9471 §3 */
	}
	if (ret < 0) {
		take_back(pkt);
		return ret;
	}
	knot_wire_set_rcode(pkt->wire, answer->rcode);
	if (answer->aa)
		knot_wire_set_aa(pkt->wire);
	else
		knot_wire_clear_aa(pkt->wire);
	return 0;
}
