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
#define ANSWER_SECTION_MAX 96 /* RRsets of a section */

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
	uint8_t section; /* 0: nowhere known, 1: an, 2: ns, 3: ar */
	uint8_t rr;	 /* of the section */
	uint8_t name;	 /* 0: its owner, i + 1: in its i-th rdata */
};

struct answer_section {
	knot_rrset_t rr[ANSWER_SECTION_MAX];
	struct answer_name_at at[ANSWER_SECTION_MAX];
	uint16_t n;
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
	/* memory of owners and synthesised records; private */
	uint8_t *arena;
	uint32_t arena_used, arena_size;
};

/*
 * Answers (qname, qtype) from the zone. qname: lower case, in the zone. dnssec: DO=1. The result's
 * RRsets point into the database and are valid until the transaction ends. `answer` is given by the
 * caller and may be used again (answer_init once; answer_free at the end).
 */
void answer_init(struct answer *answer);
void answer_free(struct answer *answer);
void answer_make(struct store_txn *txn, const struct store_zone *zone, const knot_dname_t *apex,
		 const knot_dname_t *qname, uint16_t qtype, bool dnssec, struct answer *ret);

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
