/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to answer/. */
#ifndef XNS_ANSWER_PRIVATE_H
#define XNS_ANSWER_PRIVATE_H

#include <string.h>

#include "answer/answer.h"

/* What is known while an answer is made. */
struct work {
	struct store_txn *txn;
	const struct store_zone *zone;
	const knot_dname_t *apex;
	uint16_t qtype;
	bool dnssec; /* and the zone is signed */
	struct answer *answer;
	int error; /* the first; the answer fails with it */
	/* wildcards that answered (RFC 4035 §3.1.3.3): the name asked for and the encloser above
	 * the wildcard */
	struct expanded {
		const knot_dname_t *name, *encloser;
	} expanded[ANSWER_CHAIN_MAX + 1];
	unsigned n_expanded;
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
void *work_alloc(struct work *w, size_t len);
knot_dname_t *work_name(struct work *w, const knot_dname_t *name);

/* Appends an RRset (rr.owner is set here); false: the section is full. */
bool section_put(struct answer_section *section, const knot_dname_t *owner, const knot_rrset_t *rr,
		 struct answer_name_at at);
bool section_has(const struct answer_section *section, const knot_dname_t *owner, uint16_t type);

/* Finds the signatures of a type at a node, TTL as given (RFC 4034 §3). */
bool node_sig(const struct store_node *node, uint16_t covered, uint32_t ttl, knot_rrset_t *ret);

/* The addresses of the names in section (1: an, 2: ns); those of a referral below `cut` are glue,
 * which may not be left out. */
void put_additional(struct work *w, unsigned section, const knot_dname_t *cut);

/* Proofs (RFC 4035 §3.1.3, RFC 5155 §7.2), each into the authority section, none twice. */
void deny_type(struct work *w, const struct found_name *at);
void deny_name(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser);
/* The wildcard answered, but has not the type. node data NULL: it is an empty non-terminal. */
void deny_wildcard_type(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser,
			const knot_dname_t *wildcard, const struct store_node *node);
void deny_expanded(struct work *w, const struct expanded *expanded);
/* DS or its absence. */
void put_ds(struct work *w, const struct found_name *cut);

/* Puts an NSEC or NSEC3 and its signatures into the authority section, if it is not there yet. */
void put_denial(struct work *w, const knot_dname_t *owner, const struct store_node *node,
		uint16_t type);

bool nsec3_is_used(struct work *w);
void nsec3_deny_type(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser);
void nsec3_deny_name(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser);
void nsec3_deny_wildcard_type(struct work *w, const knot_dname_t *name,
			      const knot_dname_t *encloser, const knot_dname_t *wildcard);
void nsec3_deny_expanded(struct work *w, const struct expanded *expanded);

#endif
