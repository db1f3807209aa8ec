/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an authoritative server answers: a zone's content and a question give the sections of the
 * reply (RFC 1034 §4.3.2, RFC 2308, RFC 4592, RFC 6672). The one place that knows DNS semantics:
 * the responder renders its result for a client, image/ for the maps.
 */
#ifndef XNS_ANSWER_H
#define XNS_ANSWER_H

#include <stdbool.h>
#include <stdint.h>
#include <libknot/libknot.h>

#include "store/store.h"

#define ANSWER_CHAIN_MAX \
	20 /* CNAMEs followed, as Knot DNS does by default from 3.3 on (before: 5) */
#define ANSWER_DNAME_MAX                                                                           \
	10 /* DNAMEs applied: each makes the name longer that the next one's compressed name leads \
	    * to; some clients follow no more than 16 pointers */
#define ANSWER_SECTION_MAX \
	2048 /* RRsets of a section: with their NS or MX records they fill 64 KiB */
#define ANSWER_NSEC3_ITERATIONS_MAX                                                              \
	2500 /* RFC 5155 §10.3: no zone may have more; those that do get no proofs, which would \
	      * cost milliseconds each */

/* What kind of answer it is; the image of a name is made from this too. */
enum answer_kind {
	ANSWER_DATA,
	ANSWER_NODATA,
	ANSWER_NXDOMAIN,
	ANSWER_REFERRAL,
	ANSWER_YXDOMAIN, /* DNAME substitution too long, RFC 6672 §2.2 */
	ANSWER_FAILURE,	 /* the store failed: SERVFAIL */
};

/* Where an owner's name already stands in the message, for its compression. */
struct answer_name_at {
	uint16_t rr;	 /* of the section */
	uint8_t section; /* 0: nowhere known, 1: an, 2: ns, 3: ar */
	uint8_t name;	 /* 0: its owner, i + 1: in its i-th rdata */
};

struct answer_section {
	knot_rrset_t *rr;
	struct answer_name_at *at;
	uint16_t *number; /* for answer_render */
	uint16_t n, size;
	bool overflow; /* there would be more than ANSWER_SECTION_MAX */
};

/* What has to be proved when something is not there (RFC 4035 §3.1.3, RFC 5155 §7.2). */
enum answer_proof_kind {
	ANSWER_PROVE_NODATA,	      /* the name exists, the type does not */
	ANSWER_PROVE_NXDOMAIN,	      /* neither the name nor a wildcard */
	ANSWER_PROVE_WILDCARD_NODATA, /* a wildcard matched, it has not the type */
	ANSWER_PROVE_EXPANDED,	      /* a wildcard answered: the name itself does not exist */
	ANSWER_PROVE_NO_DS,	      /* the name is a delegation without DS */
};

struct answer_proof {
	enum answer_proof_kind kind;
	const knot_dname_t *name;
};

/* A wildcard answered: the name asked for, and the encloser that the wildcard is below. */
struct answer_expanded {
	const knot_dname_t *name, *encloser;
};

struct answer {
	enum answer_kind kind; /* of the end of the chain */
	uint8_t rcode;
	bool aa;
	bool soa;      /* negative: the SOA belongs in the authority section; it is *not* in ns */
	bool wildcard; /* some owner in it came from a wildcard */
	struct answer_section an, ns, ar;
	uint16_t n_glue;      /* the first so many of ar must not be left out: RFC 9471 */
	knot_rrset_t soa_sig; /* goes with the SOA; none: no owner */
	/* The names that were looked up in turn, qname first; below each CNAME or DNAME the next.
	 */
	const knot_dname_t *visited[ANSWER_CHAIN_MAX + 2];
	uint8_t n_visited;
	struct store_node end; /* of the last of them: its records, or its wildcard's; data NULL:
				* none, or elsewhere */
	struct answer_expanded expanded[ANSWER_CHAIN_MAX + 1];
	uint8_t n_expanded;
	struct answer_proof proof[ANSWER_CHAIN_MAX + 2]; /* ANSWER_NO_PROOFS: what is missing */
	uint8_t n_proofs;
	/* memory of owners and synthesised records; private */
	struct answer_chunk *chunk;
};

#define ANSWER_DNSSEC 0x01 /* DO=1 */
/*
 * Do not put NSEC and NSEC3 records that belong to other names than the answer's own, but list what
 * they would have to prove. The NSEC at a delegation is its own, unless a wildcard on the way may
 * need the same one.
 */
#define ANSWER_NO_PROOFS 0x02

/*
 * Answers (qname, qtype) from the zone. qname: lower case, in the zone. flags: ANSWER_DNSSEC,
 * ANSWER_NO_PROOFS. The result's RRsets point into the database and are valid until the
 * transaction ends. `answer` is given by the caller and may be used again (answer_init once;
 * answer_free at the end).
 */
void answer_init(struct answer *answer);
void answer_free(struct answer *answer);
void answer_make(struct store_txn *txn, const struct store_zone *zone, const knot_dname_t *apex,
		 const knot_dname_t *qname, uint16_t qtype, unsigned flags, struct answer *ret);

/* How a zone denies. */
struct answer_denial {
	enum {
		ANSWER_DENIAL_NONE, /* not signed, or there is nothing to prove it with */
		ANSWER_DENIAL_NSEC,
		ANSWER_DENIAL_NSEC3, /* SHA-1 */
	} kind;
	uint16_t iterations; /* at most ANSWER_NSEC3_ITERATIONS_MAX */
	uint8_t salt_len;
	const uint8_t *salt; /* in the database */
};
int answer_denial(struct store_txn *txn, const struct store_zone *zone, const knot_dname_t *apex,
		  struct answer_denial *ret);

/* The NSEC3 record among those at an owner that is of the chain that the zone denies with (two may
 * stand in a zone while the salt changes). NULL: none. */
const knot_rdata_t *answer_nsec3_of(const struct answer_denial *denial,
				    const struct store_node *node);

/* The signatures of a type at a node, with this TTL (RFC 4034 §3), owner NULL. false: none. */
bool answer_signatures(const struct store_node *node, uint16_t covered, uint32_t ttl,
		       knot_rrset_t *ret);

/* The zone's SOA for negative answers: TTL min(TTL, MINIMUM), RFC 2308 §3. Owner apex. 0 or
 * -ENOENT. */
int answer_negative_soa(struct store_txn *txn, const struct store_zone *zone,
			const knot_dname_t *apex, knot_rrset_t *ret);

/*
 * Puts the sections into the packet behind its question, and the RCODE and AA into its header. With
 * `soa` not NULL that SOA goes to the authority section if the answer wants one. Additional records
 * that do not fit are left out; -ENOSPC: answer, authority or glue does not fit (the packet is left
 * at the question; the caller sets TC).
 */
int answer_render(const struct answer *answer, const knot_rrset_t *soa, knot_pkt_t *pkt);

/* How a name stands in its zone, for image/. */
enum answer_name {
	ANSWER_NAME_NONE,     /* does not exist */
	ANSWER_NAME_ENT,      /* exists only because something is below it */
	ANSWER_NAME_OWNER,    /* has records and is authoritative */
	ANSWER_NAME_CUT,      /* delegation */
	ANSWER_NAME_OBSCURED, /* below a delegation or a DNAME */
};
enum answer_name answer_name_status(struct store_txn *txn, uint32_t zone_id,
				    const knot_dname_t *apex, const knot_dname_t *name);

#endif
