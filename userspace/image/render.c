/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer as an image: rendered by libknot as a whole message, of which the part behind the
 * question is kept. */
#include <errno.h>
#include <string.h>

#include "image/internal.h"

bool image_through_dname(const struct answer *answer)
{
	for (unsigned i = 0; answer->n_visited > 1 && i < answer->an.n; i++)
		if (answer->an.rr[i].type == KNOT_RRTYPE_DNAME)
			return true;
	return false;
}

/* Is this record there for every name that a wildcard matches, or does it belong to one of them? */
static bool is_of_wildcard(struct image_builder *b, const knot_dname_t *owner)
{
	const knot_dname_t *encloser = b->question + *b->question + 1;
	struct store_node node;

	if (knot_dname_in_bailiwick(owner, encloser) <= 0 ||
	    knot_dname_is_equal(owner, b->answer.visited[0]))
		return false;
	if (knot_dname_is_wildcard(owner) && knot_dname_is_equal(owner + 2, encloser))
		return true;
	return store_node_get(b->txn, b->zone.stored->id, STORE_NAMES, owner, &node) == -ENOENT;
}

/*
 * A wildcard that leads back to names which it matches itself answers one of them in another way
 * than the others: a chain ends earlier, an additional record is there already.
 */
static bool depends_on_qname(struct image_builder *b)
{
	const struct answer *answer = &b->answer;
	const knot_dname_t *encloser = b->question + *b->question + 1;

	for (unsigned i = 1; i < answer->n_visited; i++)
		if (knot_dname_is_wildcard(answer->visited[i]) &&
		    knot_dname_is_equal(answer->visited[i] + 2, encloser))
			return true;
	for (unsigned i = 0; i < answer->n_expanded; i++)
		if (answer->expanded[i].name != answer->visited[0] &&
		    knot_dname_is_equal(answer->expanded[i].encloser, encloser))
			return true;
	for (unsigned i = 0; i < answer->ar.n; i++)
		if (is_of_wildcard(b, answer->ar.rr[i].owner) &&
		    (answer->an.rr[0].type == KNOT_RRTYPE_SVCB ||
		     answer->an.rr[0].type == KNOT_RRTYPE_HTTPS))
			return true;
	return false;
}

/*
 * What the image needs proofs for beside QNAME: at a delegation that there is no DS, else one name
 * at the chain's end. false: more than that, or what the maps have under that name is not this
 * zone's.
 */
static bool find_target(struct image_builder *b, bool *ret_prove, const knot_dname_t **ret_target)
{
	const struct answer *answer = &b->answer;

	*ret_prove = false;
	*ret_target = NULL;
	for (unsigned i = 0; i < answer->n_proofs; i++) {
		const struct answer_proof *proof = &answer->proof[i];

		if (proof->name == answer->visited[0]) {
			*ret_prove |= proof->kind == ANSWER_PROVE_NO_DS;
			continue;
		}
		if (*ret_target != NULL && !knot_dname_is_equal(*ret_target, proof->name))
			return false;
		*ret_prove = true;
		*ret_target = proof->name;
	}
	return *ret_target == NULL || b->zone.held_below == NULL ||
	       !b->zone.held_below(*ret_target, b->zone.ctx);
}

static void make_head(const struct answer *answer, bool prove, struct xns_image_head *ret)
{
	*ret = (struct xns_image_head){.flags = answer->rcode & XNS_IMAGE_RCODE};
	if (answer->soa)
		ret->flags |= XNS_IMAGE_SOA;
	if (!answer->aa)
		ret->flags |= XNS_IMAGE_NOAA;
	if (prove)
		ret->flags |= XNS_IMAGE_PROVE;
}

/* The image of a DNAME by itself is for the names below it, too, and says what it leads to. */
static const knot_dname_t *redirection(const struct image_builder *b)
{
	const struct answer *answer = &b->answer;

	if (answer->an.n == 0 || answer->an.rr[0].type != KNOT_RRTYPE_DNAME)
		return NULL;
	return knot_dname_target(answer->an.rr[0].rrs.rdata);
}

/* The message behind b->question, or -ENOSPC. */
static int render(struct image_builder *b, uint16_t qtype)
{
	knot_pkt_clear(b->pkt);
	if (knot_pkt_put_question(b->pkt, b->question, KNOT_CLASS_IN, qtype) != KNOT_EOK)
		return -EIO;
	return answer_render(&b->answer, NULL, b->pkt);
}

int image_render(struct image_builder *b, uint16_t qtype, struct image_entry *ret)
{
	size_t question_end = KNOT_WIRE_HEADER_SIZE + knot_dname_size(b->question) + 4, len;
	const struct answer *answer = &b->answer;
	struct image_draft draft = {.value = b->arena + b->arena_used};
	bool prove, possible = find_target(b, &prove, &draft.target), split;
	const knot_dname_t *leads_to = redirection(b);
	enum image_use use = leads_to ? IMAGE_BELOW : b->use;
	int err;

	*ret = (struct image_entry){.flags = XNS_TYPE_PASS};
	if (!possible || image_through_dname(answer) ||
	    (b->use == IMAGE_WILDCARD && depends_on_qname(b)))
		return 0;
	make_head(answer, prove, &draft.head);
	ret->made.head = draft.head;
	if (answer->ar.n > answer->n_glue)
		ret->flags |= XNS_TYPE_TRIM;
	err = render(b, qtype);
	if (err == -ENOSPC)
		ret->made.head.len = UINT16_MAX;
	if (err < 0)
		return err == -ENOSPC ? 0 : err;

	unsigned an = knot_wire_get_ancount(b->wire), ns = knot_wire_get_nscount(b->wire),
		 ar = knot_wire_get_arcount(b->wire);

	len = b->pkt->size - question_end;
	ret->made.head.len = len;
	if (len > XNS_IMAGE_LARGE_MAX || an > UINT8_MAX || ns > UINT8_MAX || ar > UINT8_MAX)
		return 0;
	draft.head.ancount = an;
	draft.head.nscount = ns;
	draft.head.arcount = ar;
	image_draft_put(&draft, b->wire + question_end, len);
	split = draft.head.flags & (XNS_IMAGE_SOA | XNS_IMAGE_PROVE) ||
		(b->use == IMAGE_WILDCARD && b->zone.stored->is_signed);
	if (leads_to)
		draft.target = leads_to;
	image_draft_find_pointers(&draft, b->wire, question_end, use, split);
	if (image_draft_finish(&draft, &ret->made) < 0)
		return 0;
	ret->flags &= ~XNS_TYPE_PASS;
	b->arena_used += (ret->made.value_len + 7) & ~(size_t)7;
	return 0;
}
