/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proofs for DO=1 in a signed zone: which NSEC or NSEC3 records belong to the answer. They are
 * those that match or cover certain names, found in the zone's order; userspace/answer/denial.c and
 * nsec3.c are the truth that this agrees with.
 *
 *                      NSEC, RFC 4035 §3.1.3        NSEC3, RFC 5155 §7.2
 *   NODATA             match QNAME                  match QNAME, else (opt-out) as for its encloser
 *   NXDOMAIN           cover QNAME, *.encloser      match encloser, cover next closer, *.encloser
 *   expanded           cover QNAME                  cover next closer
 *   wildcard NODATA    match *.encloser, QNAME      match encloser, *.encloser, cover next closer
 *
 * The encloser is the closest one (with NSEC3: that has an NSEC3); next closer is the name one
 * label longer on the way to QNAME.
 */
#ifndef XNS_DENIAL_H
#define XNS_DENIAL_H

#include "order.h"

#define WALK_MAX 16 /* names above the encloser that have no NSEC3 (opt-out); more: the stack */

#define REPEATED_SLOTS 64

/*
 * What a search for a name has found in the order with this root. A page never changes and is known
 * by its content, so what has been found below a root stays right.
 */
struct repeated {
	struct xns_name_key name;
	struct xns_image_key root;
	struct order_hit hit;
};

/* In per-CPU memory. */
struct denial {
	struct chain chain;
	struct order_key key;
	struct order_hit hit;
	struct sha1 sha;
	/* The name where a chain ends, or where a DNAME leads, as if it had been asked for, and
	 * what is found of it. Of a DNAME also which sections it has. */
	struct query target;
	struct answer found;
	struct sections reached;
	struct repeated repeated[REPEATED_SLOTS]; /* kept from run to run */
};

/* How a proof has to stand to the name. */
enum relation {
	MATCH, /* NSEC3 of exactly this name */
	COVER, /* the last that is not behind it: NSEC; or NSEC3 */
};

/* Each proof once. */
static __always_inline bool is_there(const struct sections *sections, __u64 id)
{
	for (int i = 0; i < PARTS_MAX; i++) {
		if (i >= sections->n_parts)
			return false;
		if (sections->part[i].id == id)
			return true;
	}
	return false;
}

/* Searches the order for the name at `skip` (STAR: for its wildcard), to denial->hit. */
static __always_inline int find_proof(const struct query *name, struct denial *denial, __u32 skip)
{
	if (denial->chain.denial == XNS_DENIAL_NSEC3) {
		if (sha1_name(&denial->sha, name, skip, &denial->chain))
			return -1;
		order_key_hash(&denial->key, &denial->sha);
	} else if (order_key_name(&denial->key, name, skip, denial->chain.apex_labels)) {
		return -1;
	}
	return order_search(&denial->chain, &denial->key, &denial->hit);
}

static __always_inline bool is_repeated(const struct repeated *slot,
					const struct xns_name_key *name,
					const struct xns_image_key *root)
{
	return slot->name.hash[0] == name->hash[0] && slot->name.hash[1] == name->hash[1] &&
	       slot->root.owner == root->owner && slot->root.content == root->content;
}

/*
 * Adds the proof for the name at `skip` (STAR: for its wildcard). 1; 0: no NSEC3 matches; -1: it is
 * not to be had. Enclosers and their wildcards come again and again, however random QNAMEs are:
 * with NSEC3 to remember them saves two of three hashes and searches of an NXDOMAIN.
 */
__noinline int prove_name(const struct query *name, struct denial *denial,
			  struct sections *sections, __u32 skip, __u32 relation)
{
	const __u32 first = 0;
	const struct xns_config *settings = bpf_map_lookup_elem(&config, &first);
	const bool remember = relation == MATCH || skip & STAR;
	struct xns_name_key key = {};
	struct repeated *slot;

	if (!name || !denial || !sections || !settings)
		return -1;
	if (remember && query_name_key(name, settings, skip, &key))
		return -1;
	slot = &denial->repeated[key.hash[0] % REPEATED_SLOTS];
	if (remember && is_repeated(slot, &key, &denial->chain.root)) {
		denial->hit = slot->hit;
	} else {
		if (find_proof(name, denial, skip))
			return -1;
		if (remember) {
			slot->name = key;
			slot->root = denial->chain.root;
			slot->hit = denial->hit;
		}
	}
	if (relation == MATCH && !denial->hit.exact)
		return 0;
	if (is_there(sections, denial->hit.part.id))
		return 1;
	return part_add(sections, &denial->hit.part, remember && skip) ? 1 : -1;
}

/* ---- NSEC ---- */

/* Here and below the wildcard goes first: body.h, "what comes again". */
static __always_inline int prove_nsec(const struct query *name, struct denial *denial,
				      struct sections *sections, __u32 encloser, enum proof proof)
{
	if ((proof == PROOF_NXDOMAIN || proof == PROOF_WILDCARD_NODATA) &&
	    prove_name(name, denial, sections, encloser | STAR, COVER) < 0)
		return -1;
	return prove_name(name, denial, sections, proof == PROOF_NODATA ? encloser : 0, COVER);
}

/* ---- NSEC3 ---- */

/*
 * RFC 5155 §7.2.1: the closest encloser that has an NSEC3; with opt-out not all have. Returns that
 * encloser's skip; 0: not even the apex has one, and nothing can be proved; -1: not to be had.
 */
__noinline int prove_encloser(const struct query *name, struct denial *denial,
			      struct sections *sections, __u32 encloser)
{
	if (!name || !denial || !sections || !encloser)
		return -1;
	for (int i = 0; i < WALK_MAX; i++, encloser++) {
		int ret;

		if (encloser + denial->chain.apex_labels > name->labels)
			return 0;
		ret = prove_name(name, denial, sections, encloser & XNS_NAME_LABELS, MATCH);
		if (ret)
			return ret < 0 ? -1 : (int)encloser;
	}
	return -1;
}

/* That the name one label longer than the encloser is not there. */
static __always_inline int prove_next_closer(const struct query *name, struct denial *denial,
					     struct sections *sections, __u32 encloser)
{
	return prove_name(name, denial, sections, (encloser - 1) & XNS_NAME_LABELS, COVER);
}

/* RFC 5155 §7.2.3, §7.2.4, §7.2.7: the name at `skip` is there. */
static __always_inline int prove_nsec3_type(const struct query *name, struct denial *denial,
					    struct sections *sections, __u32 skip)
{
	int ret = prove_name(name, denial, sections, skip, MATCH);

	if (ret || skip + denial->chain.apex_labels >= name->labels)
		return ret;
	ret = prove_encloser(name, denial, sections, skip + 1);
	return ret <= 0 ? ret : prove_next_closer(name, denial, sections, ret);
}

static __always_inline int prove_nsec3(const struct query *name, struct denial *denial,
				       struct sections *sections, __u32 encloser, enum proof proof)
{
	int proved, star = 0;

	if (proof == PROOF_NODATA)
		return prove_nsec3_type(name, denial, sections, encloser);
	if (proof == PROOF_EXPANDED) /* §7.2.6 */
		return prove_next_closer(name, denial, sections, encloser);
	proved = prove_encloser(name, denial, sections, encloser);
	if (proved < 0)
		return -1;
	if (proof == PROOF_WILDCARD_NODATA) /* §7.2.5 */
		star = prove_name(name, denial, sections, encloser | STAR, MATCH);
	else if (proved) /* §7.2.2; of the one that is proved: a validator knows of no other */
		star = prove_name(name, denial, sections, (proved & XNS_NAME_LABELS) | STAR, COVER);
	if (star < 0 || !proved)
		return star;
	return prove_next_closer(name, denial, sections, proved);
}

/* `encloser`: its skip; of NODATA the name's own. Negative: not to be had. */
__noinline int prove(const struct query *name, struct denial *denial, struct sections *sections,
		     __u32 encloser, __u32 proof)
{
	if (!name || !denial || !sections)
		return -1;
	encloser &= XNS_NAME_LABELS;
	if (denial->chain.denial == XNS_DENIAL_NSEC3)
		return prove_nsec3(name, denial, sections, encloser, proof);
	return prove_nsec(name, denial, sections, encloser, proof);
}

/* ---- the name where a chain ends, or where a DNAME leads ---- */

#define TARGET_LONG 1 /* longer than names are */

/*
 * Copies layout.target of the image whose layout lies at `layout`, with `max` bytes behind it,
 * behind the `before` bytes of ret's name that are there. 0, TARGET_LONG, or -1: there is none.
 */
static __always_inline int target_copy(const struct xns_image_layout *layout, const __u8 *bytes,
				       const __u32 max, __u32 len, __u32 before, struct query *ret)
{
	__u32 at = ((len + 1) & ~1U) + 2 * layout->n_pointers, target_len = layout->target_len;

	if (!target_len)
		return -1;
	if (before + target_len > XNS_NAME_MAX)
		return TARGET_LONG;
	for (__u32 i = 0; i < XNS_NAME_MAX; i++) {
		__u32 from = at + i, to = HEADER_LEN + before + i;

		if (i >= target_len)
			break;
		asm volatile("" : "+r"(from), "+r"(to));
		if (from >= max || to >= MESSAGE_MAX)
			return -1;
		ret->message[to] = bytes[from];
	}
	return query_read_name(ret, HEADER_LEN + before + target_len) &&
			       ret->name_len == before + target_len
		       ? 0
		       : -1;
}

__noinline int target_find_inline(const struct answer *answer, const struct sections *sections,
				  __u32 before, struct query *ret)
{
	if (!answer || !sections || !ret || !(sections->head.flags & XNS_IMAGE_LAYOUT))
		return -1;
	return target_copy((const void *)(answer->data + sizeof(struct xns_image_head)),
			   answer->data + sizeof(struct xns_image_head) +
				   sizeof(struct xns_image_layout),
			   XNS_NODE_DATA, sections->head.len, before, ret);
}

__noinline int target_find_outside(const struct sections *sections, __u32 before, struct query *ret)
{
	const struct xns_image_tiny *tiny;
	const struct xns_image_small *small;
	const struct xns_image_large *large;
	struct xns_image_key key;

	if (!sections || !ret)
		return -1;
	key = sections->main;
	switch (key.content & ((1 << XNS_CLASS_BITS) - 1)) {
	case XNS_CLASS_TINY:
		tiny = segmented_find(&images_tiny, &key.owner);
		return tiny ? target_copy(&tiny->layout, tiny->bytes, sizeof(tiny->bytes),
					  sections->head.len, before, ret)
			    : -1;
	case XNS_CLASS_SMALL:
		small = segmented_find(&images_small, &key.owner);
		return small ? target_copy(&small->layout, small->bytes, sizeof(small->bytes),
					   sections->head.len, before, ret)
			     : -1;
	case XNS_CLASS_LARGE:
		large = segmented_find(&images_large, &key.owner);
		return large ? target_copy(&large->layout, large->bytes, sizeof(large->bytes),
					   sections->head.len, before, ret)
			     : -1;
	default:
		return -1;
	}
}

static __always_inline int target_find(const struct answer *answer, const struct sections *sections,
				       __u32 before, struct query *ret)
{
	return sections->is_inline ? target_find_inline(answer, sections, before, ret)
				   : target_find_outside(sections, before, ret);
}

/* What has to be proved of the target, as if it had been asked for: an enum xns_counter. */
__noinline int target_lookup(const struct xns_config *config, struct sections *sections,
			     struct denial *denial, const struct view *view)
{
	int fate, proof = PROOF_NODATA;
	const struct xns_node *node;
	struct answer *found;
	struct query *target;

	if (!config || !sections || !denial || !view)
		return XNS_PASS_INTERNAL;
	found = &denial->found;
	target = &denial->target;
	target->dnssec_ok = 0;
	target->type = 0;
	found->view = *view;
	if (query_hash(target, config))
		return XNS_PASS_INTERNAL;
	node = lookup_begin(config, target, &found->view);
	fate = lookup_exact(config, target, node, found);
	if (fate == UNDECIDED && !found->exists) {
		fate = lookup_encloser(config, target, found);
		if (found->node_flags & XNS_NODE_CUT)
			proof = PROOF_NODATA; /* of the delegation */
		else if (!(found->node_flags & XNS_NODE_WILDCARD))
			proof = PROOF_NXDOMAIN;
		else
			proof = sections->head.flags & XNS_IMAGE_SOA ? PROOF_WILDCARD_NODATA
								     : PROOF_EXPANDED;
	}
	if (fate != UNDECIDED)
		return fate;
	if (!found->exists && found->zone != view->zone)
		return XNS_PASS_DNSSEC;
	if (!found->exists && !denial->chain.is_complete) /* it may be one that is not here */
		return XNS_PASS_NOT_READY;
	return prove(target, denial, sections, found->skip, proof) < 0 ? XNS_PASS_DNSSEC
								       : UNDECIDED;
}

static __always_inline bool needs_proof(const struct sections *sections)
{
	return sections->proof != PROOF_NONE || sections->head.flags & XNS_IMAGE_PROVE;
}

/* Adds the proofs that the answer needs. Returns its fate again, or why the stack has to give it.
 */
static __always_inline enum xns_counter denial_prove(
	const struct xns_config *config, const struct query *query, const struct answer *answer,
	struct denial *denial, struct sections *sections, enum xns_counter fate)
{
	enum xns_counter looked_up;

	if (sections->proof != PROOF_NONE &&
	    prove(query, denial, sections, answer->skip, sections->proof) < 0)
		return XNS_PASS_DNSSEC;
	if (!(sections->head.flags & XNS_IMAGE_PROVE))
		return fate;
	if (answer->node_flags & XNS_NODE_CUT)
		return prove(query, denial, sections, answer->skip, PROOF_NODATA) < 0
			       ? XNS_PASS_DNSSEC
			       : fate;
	if (target_find(answer, sections, 0, &denial->target))
		return XNS_PASS_CHANGING;
	looked_up = target_lookup(config, sections, denial, &answer->view);
	return looked_up == UNDECIDED ? fate : looked_up;
}

#endif
