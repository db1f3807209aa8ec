/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What belongs to the zone and not to one of its names: the SOA of negative answers, proofs. All
 * made for the apex as the question. */
#include <errno.h>
#include <string.h>

#include "image/internal.h"

#define QNAME KNOT_WIRE_HEADER_SIZE

/* A name, its longest suffix that is one of the apex as a pointer into the question. */
static void put_name(struct image_builder *b, struct image_draft *draft, const knot_dname_t *name)
{
	for (; *name != 0; name += *name + 1) {
		for (const uint8_t *suffix = b->zone.apex; *suffix != 0; suffix += *suffix + 1)
			if (knot_dname_is_case_equal(name, suffix)) {
				image_draft_put_pointer(draft, QNAME + (suffix - b->zone.apex),
							false);
				return;
			}
		image_draft_put(draft, name, *name + 1);
	}
	image_draft_put(draft, name, 1);
}

/* What stands before rdata; returns where their length is to be written. */
static size_t put_fixed(struct image_draft *draft, const knot_rrset_t *rr, uint16_t rdata_len)
{
	image_draft_put_u16(draft, rr->type);
	image_draft_put_u16(draft, KNOT_CLASS_IN);
	image_draft_put_u32(draft, rr->ttl);
	image_draft_put_u16(draft, rdata_len);
	return draft->len - 2;
}

/* Records whose rdata are written as they are (RFC 3597 §4): NSEC, NSEC3, RRSIG. The first owner is
 * written in full, the others lead to it: own offset 0. */
static void put_records(struct image_builder *b, struct image_draft *draft,
			const knot_dname_t *owner, const knot_rrset_t *rr)
{
	knot_rdata_t *rdata = rr->rrs.rdata;

	for (unsigned i = 0; i < rr->rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
		if (draft->len == 0 || knot_dname_is_equal(owner, b->zone.apex))
			put_name(b, draft, owner);
		else
			image_draft_put_pointer(draft, 0, true);
		put_fixed(draft, rr, rdata->len);
		image_draft_put(draft, rdata->data, rdata->len);
		if (draft->head.nscount++ == UINT8_MAX)
			draft->overflow = true;
	}
}

static int finish(struct image_builder *b, struct image_draft *draft, const knot_dname_t *owner,
		  struct xns_ref *ret_ref, struct image_blob *ret_blob)
{
	struct image_made made;
	struct xns_name_key key;
	int err;

	draft->additional = draft->len;
	err = image_draft_finish(draft, &made);
	if (err < 0)
		return err;
	image_name_key(&b->key, owner, &key);
	image_blob_make(b->key.sip, key.hash[0] ^ XNS_KEY_ZONE, &made, ret_blob);
	*ret_ref = (struct xns_ref){.head = made.head, .key = ret_blob->key};
	return 0;
}

static void put_soa(struct image_builder *b, struct image_draft *draft, const knot_rrset_t *soa)
{
	const knot_dname_t *mname = soa->rrs.rdata->data, *rname = mname + knot_dname_size(mname);
	size_t rdlen;

	draft->head.nscount = 1;
	put_name(b, draft, b->zone.apex);
	rdlen = put_fixed(draft, soa, 0);
	put_name(b, draft, mname);
	put_name(b, draft, rname);
	image_draft_put(draft, rname + knot_dname_size(rname), 20);
	knot_wire_write_u16(draft->value + IMAGE_LAYOUT_LEN + rdlen, draft->len - rdlen - 2);
}

static int read_denial(struct image_builder *b)
{
	int err = 0;

	if (!b->has_denial)
		err = answer_denial(b->txn, b->zone.stored, b->zone.apex, &b->denial);
	b->has_denial = err == 0;
	return err;
}

static void set_denial(struct image_builder *b, struct xns_version *ret)
{
	const struct answer_denial *denial = &b->denial;

	ret->denial = b->zone.stored->is_signed ? XNS_DENIAL_STACK : XNS_DENIAL_NONE;
	if (denial->kind == ANSWER_DENIAL_NSEC)
		ret->denial = XNS_DENIAL_NSEC;
	if (denial->kind != ANSWER_DENIAL_NSEC3 || denial->iterations > 0 ||
	    denial->salt_len > XNS_SALT_MAX)
		return;
	ret->denial = XNS_DENIAL_NSEC3;
	ret->salt_len = denial->salt_len;
	memcpy(ret->salt, denial->salt, denial->salt_len);
}

int image_build_version(struct image_builder *b, struct xns_version *ret_version,
			struct image_blob *ret_blob, size_t *ret_n_blobs)
{
	struct image_draft draft = {.value = b->soa};
	struct xns_version version = {.serial = b->zone.stored->serial};
	size_t n_blobs = 0;
	struct store_node node;
	knot_rrset_t soa, sig;
	int ret;

	ret = answer_negative_soa(b->txn, b->zone.stored, b->zone.apex, &soa);
	if (ret == 0)
		ret = store_node_get(b->txn, b->zone.stored->id, STORE_NAMES, b->zone.apex, &node);
	if (ret == 0)
		ret = read_denial(b);
	if (ret < 0)
		return ret;
	set_denial(b, &version);
	put_soa(b, &draft, &soa);
	if (finish(b, &draft, b->zone.apex, &version.soa, &ret_blob[n_blobs]) == 0)
		n_blobs++;
	if (!answer_signatures(&node, KNOT_RRTYPE_SOA, soa.ttl, &sig)) {
		version.soa_sig = version.soa;
	} else if (b->zone.stored->is_signed) {
		draft = (struct image_draft){.value = b->soa_sig};
		put_soa(b, &draft, &soa);
		put_records(b, &draft, b->zone.apex, &sig);
		if (finish(b, &draft, b->zone.apex, &version.soa_sig, &ret_blob[n_blobs]) == 0)
			n_blobs++;
	}
	if (!b->zone.stored->is_signed)
		version.soa_sig = (struct xns_ref){0};
	*ret_version = version;
	*ret_n_blobs = n_blobs;
	return 0;
}

int image_build_proof(struct image_builder *b, enum store_tree tree, const knot_dname_t *owner,
		      struct xns_ref *ret_ref, struct image_blob *ret_blob)
{
	uint16_t type = tree == STORE_NSEC3 ? KNOT_RRTYPE_NSEC3 : KNOT_RRTYPE_NSEC;
	struct image_draft draft = {.value = b->proof};
	struct store_node node;
	knot_rrset_t rr, sig;
	int ret = store_node_get(b->txn, b->zone.stored->id, tree, owner, &node);

	*ret_ref = (struct xns_ref){0};
	if (ret == 0)
		ret = read_denial(b);
	if (ret < 0)
		return ret == -ENOENT ? 0 : ret;
	if (store_node_rrset(&node, type, &rr) < 0 ||
	    (tree == STORE_NSEC3 && answer_nsec3_of(&b->denial, &node) == NULL))
		return 0;
	put_records(b, &draft, owner, &rr);
	if (answer_signatures(&node, type, rr.ttl, &sig))
		put_records(b, &draft, owner, &sig);
	finish(b, &draft, owner, ret_ref, ret_blob);
	return 0;
}
