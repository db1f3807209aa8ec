/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to answer/. */
#ifndef XNS_ANSWER_PRIVATE_H
#define XNS_ANSWER_PRIVATE_H

#include <string.h>

#include "answer/answer.h"

#define AT(section_, rr_, name_) \
	((struct answer_name_at){.section = (section_), .rr = (rr_), .name = (name_)})

/* What is known while an answer is made. */
struct work {
	struct store_txn *txn;
	const struct store_zone *zone;
	const knot_dname_t *apex;
	uint16_t qtype;
	bool dnssec;	  /* and the zone is signed */
	bool list_proofs; /* rather than put them */
	struct answer *answer;
	unsigned n_dnames;	     /* applied so far */
	int error;		     /* the answer fails with it */
	struct answer_denial denial; /* see work_denial */
	bool has_denial;
};

/* How a name stands in the zone (RFC 1034 §4.3.2 step 3, RFC 4592 §3.3.1). */
enum found {
	FOUND_NODE,    /* records */
	FOUND_EMPTY,   /* an empty non-terminal */
	FOUND_CUT,     /* at or below a delegation: name and node are the cut's */
	FOUND_DNAME,   /* below a DNAME: name and node are the DNAME's */
	FOUND_NOTHING, /* does not exist: name is the closest encloser */
};

struct found_name {
	enum found found;
	const knot_dname_t *name;
	struct store_node node; /* data NULL: no records */
};

/* name: in the zone, lower case. 0 or a negative errno. */
int lookup_name(struct store_txn *txn, uint32_t zone_id, const knot_dname_t *apex,
		const knot_dname_t *name, struct found_name *ret);

/*
 * The wildcard below encloser: *ret_exists, and its node (data NULL: an empty non-terminal).
 * ret_name is "*." and encloser. 0 or a negative errno.
 */
int lookup_wildcard(struct store_txn *txn, uint32_t zone_id, const knot_dname_t *encloser,
		    knot_dname_storage_t ret_name, struct store_node *ret_node, bool *ret_exists);

/* Memory for names and rdata until the next answer; NULL: w->error is set. */
#define WORK_ALLOC_MAX 512
void *work_alloc(struct work *w, size_t len);
knot_dname_t *work_name(struct work *w, const knot_dname_t *name);

/* Drops the memory of the answer before. */
void work_reset(struct answer *answer);

/* Appends an RRset (rr.owner is set here); false: the section is full, or w->error is set. */
bool section_put(struct work *w, struct answer_section *section, const knot_dname_t *owner,
		 const knot_rrset_t *rr, struct answer_name_at at);
bool section_has(const struct answer_section *section, const knot_dname_t *owner, uint16_t type);

/* The addresses of the names in section (1: an, 2: ns); those of a referral below `cut` are glue,
 * which may not be left out. */
void put_additional(struct work *w, unsigned section, const knot_dname_t *cut);

/* Proofs (RFC 4035 §3.1.3, RFC 5155 §7.2), each into the authority section, none twice. */
void deny_type(struct work *w, const knot_dname_t *name);
void deny_name(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser);
void deny_wildcard_type(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser,
			const knot_dname_t *wildcard);
void deny_expanded(struct work *w, const struct answer_expanded *expanded);
/* DS or its absence. own: the delegation's own NSEC is put, never listed: nothing else in the
 * answer can need the same one. */
void put_ds(struct work *w, const struct found_name *cut, bool own);

/* true: the proof is not to be put, but is in the answer's list now. */
bool proof_is_listed(struct work *w, enum answer_proof_kind kind, const knot_dname_t *name);
/* The zone's answer_denial; read once for each answer. */
const struct answer_denial *work_denial(struct work *w);

/* Puts an NSEC or NSEC3 and its signatures into the authority section, if it is not there yet. */
void put_denial(struct work *w, const knot_dname_t *owner, const struct store_node *node,
		uint16_t type);

void nsec3_deny_type(struct work *w, const knot_dname_t *name);
void nsec3_deny_name(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser);
void nsec3_deny_wildcard_type(struct work *w, const knot_dname_t *name,
			      const knot_dname_t *encloser, const knot_dname_t *wildcard);
void nsec3_deny_expanded(struct work *w, const struct answer_expanded *expanded);

#endif
