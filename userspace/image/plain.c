/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The entries of names that mean nothing to others: most of most zones. What image_build makes of
 * them by way of an answer and of libknot's packets comes straight from their records here, byte
 * for byte the same (tests/unit/test_image.c).
 */
#include <errno.h>

#include "image/internal.h"

#define POINTER_TO_QNAME (0xc000 | KNOT_WIRE_HEADER_SIZE)

/* Records that are neither followed nor have names in their data that would be compressed. */
static bool is_plain(const struct image_builder *b, uint16_t type)
{
	switch (type) {
	case KNOT_RRTYPE_A:
	case KNOT_RRTYPE_AAAA:
	case KNOT_RRTYPE_TXT:
	case KNOT_RRTYPE_SSHFP:
	case KNOT_RRTYPE_TLSA:
	case KNOT_RRTYPE_CAA:
		return true;
	case KNOT_RRTYPE_RRSIG:
	case KNOT_RRTYPE_NSEC:
		return b->zone.stored->is_signed;
	default:
		return false;
	}
}

bool image_node_is_plain(const struct image_builder *b, const struct store_node *node)
{
	knot_rrset_t rr;
	size_t pos = 0;

	while (store_node_next(node, &pos, &rr))
		if (!is_plain(b, rr.type))
			return false;
	return true;
}

static void put_records(struct image_draft *draft, const knot_rrset_t *rr)
{
	knot_rdata_t *rdata = rr->rrs.rdata;

	for (unsigned i = 0; i < rr->rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
		image_draft_put_u16(draft, POINTER_TO_QNAME);
		image_draft_put_u16(draft, rr->type);
		image_draft_put_u16(draft, KNOT_CLASS_IN);
		image_draft_put_u32(draft, rr->ttl);
		image_draft_put_u16(draft, rdata->len);
		image_draft_put(draft, rdata->data, rdata->len);
		if (draft->head.ancount++ == UINT8_MAX)
			draft->overflow = true;
	}
}

/* An answer with these records and, unless NULL, signatures. */
static int make(struct image_builder *b, const knot_rrset_t *rr, const knot_rrset_t *sig,
		struct image_made *ret)
{
	struct image_draft draft = {.value = b->arena + b->arena_used};
	int err;

	put_records(&draft, rr);
	if (sig != NULL)
		put_records(&draft, sig);
	draft.additional = draft.len;
	err = image_draft_finish(&draft, ret);
	if (err == 0)
		b->arena_used += (ret->value_len + 7) & ~(size_t)7;
	return err;
}

/* The answer for a type, and the same for ANY if these are the records for it. */
static int add_type(struct image_builder *b, const struct store_node *node, const knot_rrset_t *rr,
		    uint16_t type, bool any)
{
	struct image_entry entry = {0};
	knot_rrset_t sig;
	int err;

	if (b->zone.stored->is_signed && rr->type != KNOT_RRTYPE_RRSIG &&
	    answer_signatures(node, rr->type, rr->ttl, &sig)) {
		err = make(b, rr, &sig, &entry.made);
		if (err < 0)
			return err;
		image_add_entry(b, entry, type, XNS_TYPE_DO);
		if (any)
			image_add_entry(b, entry, KNOT_RRTYPE_ANY, XNS_TYPE_DO);
	}
	err = make(b, rr, NULL, &entry.made);
	if (err < 0)
		return err;
	image_add_entry(b, entry, type, 0);
	if (any)
		image_add_entry(b, entry, KNOT_RRTYPE_ANY, 0);
	return 0;
}

/* Who asks for RRSIG gets the signatures of the first RRset that has any, who asks for ANY gets the
 * first RRset that does not only prove something: see answer.c. */
static int add_types(struct image_builder *b, const struct store_node *node)
{
	knot_rrset_t rr, sig = {0}, nsec = {0};
	bool any = true;
	size_t pos = 0;
	int err = 0;

	while (err == 0 && store_node_next(node, &pos, &rr)) {
		if (sig.rrs.count == 0 && !answer_signatures(node, rr.type, rr.ttl, &sig))
			sig.rrs.count = 0;
		if (rr.type == KNOT_RRTYPE_RRSIG)
			continue;
		if (rr.type == KNOT_RRTYPE_NSEC) {
			nsec = rr;
			continue;
		}
		err = add_type(b, node, &rr, rr.type, any);
		any = false;
	}
	if (err == 0 && sig.rrs.count > 0)
		err = add_type(b, node, &sig, KNOT_RRTYPE_RRSIG, false);
	if (err == 0 && nsec.rrs.count > 0)
		err = add_type(b, node, &nsec, KNOT_RRTYPE_NSEC, any);
	return err;
}

int image_build_plain(struct image_builder *b, const knot_dname_t *name,
		      const struct store_node *node)
{
	struct xns_node model = {.zone = b->zone.stored->id,
				 .labels = knot_dname_labels(name, NULL)};
	int err;

	image_begin(b, name);
	err = add_types(b, node);
	if (err < 0 || b->pass)
		return -E2BIG;
	image_pack(b->key.sip, b->entry, b->n_entries, &model, &b->node);
	return 0;
}
