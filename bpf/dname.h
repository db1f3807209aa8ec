/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names below a DNAME (RFC 6672 §3.2): the DNAME and its signatures, moved, a CNAME that is made
 * here, and what answers the name that this leads to.
 *
 *     x.owner ─ owner DNAME target ─ too long ──────────────── YXDOMAIN, the DNAME alone
 *                    │
 *              x.owner CNAME x.target
 *                    ├─ QTYPE CNAME; not in the zone ───────── ends here
 *                    ├─ has records of the type, or a wildcard
 *                    │  above it ───────────────────────────── its image, the owners renamed
 *                    ├─ the type or the name is not there ──── SOA, proofs
 *                    └─ a CNAME, a delegation, below another
 *                       DNAME, a name of another zone, records
 *                       whose data is compressed or that bring
 *                       others along, the DNAME again ────────── passed up
 *
 * The image of the new name was made for a question with that name, so its owners are pointers to
 * QNAME. They are found by walking its records, and led to the CNAME's data instead.
 */
#ifndef XNS_DNAME_H
#define XNS_DNAME_H

#include "image.h"

#define POINTER	     0xc000 /* RFC 1035 §4.1.4 */
#define POINTER_LEN  2
#define RECORD_LEN   10 /* type, class, TTL, length of the data: behind the owner */
#define RECORD_TTL   4
#define RECORD_RDLEN 8
#define RECORDS_MAX  255
#define COMPRESSED   0xd3fc /* bits of the types whose data is: NS to MR, PTR, MINFO, MX */

_Static_assert(POINTER_LEN + RECORD_LEN + XNS_NAME_MAX + POINTER_LEN <= SUM_BYTES_MAX, "CNAME");

/* ---- what answers ---- */

/* The DNAME's own image, of the node that was found above QNAME. */
static __always_inline enum xns_counter dname_take(const struct xns_config *config,
						   const struct query *query, struct query *type,
						   struct answer *answer, struct sections *sections)
{
	struct xns_name_key key = {};
	__u32 zone = answer->zone;
	enum xns_counter fate;

	if (query_name_key(query, config, answer->skip, &key))
		return XNS_PASS_INTERNAL;
	type->type = TYPE_DNAME;
	type->dnssec_ok = query->dnssec_ok;
	fate = lookup_node(config, type, answer, &key, query->labels - answer->skip);
	if (fate == XNS_PASS_NO_ZONE || (fate == UNDECIDED && answer->zone != zone))
		return XNS_PASS_CHANGING;
	if (fate != UNDECIDED)
		return fate;
	if (!answer->has_entry || answer->entry.type != TYPE_DNAME)
		return XNS_PASS_DNAME;
	fate = take_image(answer, sections);
	if (fate == UNDECIDED && !sections->at_hand)
		return XNS_PASS_DNAME;
	return fate;
}

/* The name that QNAME becomes: its labels above the DNAME's owner, then the DNAME's target. */
static __always_inline int dname_target(const struct query *query, const struct answer *answer,
					const struct sections *sections, struct query *ret)
{
	for (__u32 at = 0; at < XNS_NAME_MAX; at += 8) {
		if (at >= sections->shift)
			break;
		*(__u64 *)(ret->message + HEADER_LEN + at) =
			*(const __u64 *)(query->message + HEADER_LEN + at);
	}
	return target_find(answer, sections, sections->shift, ret);
}

/* The target's part of the CNAME's data: a pointer into the DNAME's, but the root. */
static __always_inline __u32 dname_tail_len(const struct query *target, __u32 prefix_len)
{
	return target->name_len == prefix_len + 1 ? 1 : POINTER_LEN;
}

/* Is the new name in the zone that QNAME is in? 1, 0, or -1. */
static __always_inline int is_in_zone(const struct xns_config *config, const struct query *query,
				      const struct query *target, __u32 apex_labels)
{
	struct xns_name_key apex = {}, top = {};

	if (target->labels < apex_labels)
		return 0;
	if (query_name_key(query, config, (query->labels - apex_labels) & XNS_NAME_LABELS, &apex) ||
	    query_name_key(target, config, (target->labels - apex_labels) & XNS_NAME_LABELS, &top))
		return -1;
	return apex.hash[0] == top.hash[0] && apex.hash[1] == top.hash[1];
}

/* Is the new name the DNAME's own, and asked for records that are in the answer already? */
static __always_inline bool is_again(const struct query *query, const struct answer *answer,
				     const struct answer *found)
{
	return found->key.hash[0] == answer->key.hash[0] && found->exists &&
	       (query->type == TYPE_DNAME || query->type == TYPE_RRSIG || query->type == TYPE_ANY);
}

/* The image of the new name goes behind the CNAME, if it has nothing but records of its own. */
static __always_inline enum xns_counter dname_join(const struct answer *found,
						   struct sections *reached,
						   struct sections *sections)
{
	enum xns_counter fate = take_image(found, reached);
	__u32 records;

	if (fate != UNDECIDED)
		return fate;
	records = sections->head.ancount + reached->head.ancount;
	if (!reached->at_hand || reached->head.flags & ~XNS_IMAGE_LAYOUT || reached->head.nscount ||
	    reached->head.arcount || records > RECORDS_MAX)
		return XNS_PASS_DNAME;
	sections->head.ancount = records;
	sections->parts_len += reached->head.len;
	return UNDECIDED;
}

/* Looks the new name up, as if it had been asked for, and adds what answers it. */
__noinline int dname_reach(const struct xns_config *config, const struct query *query,
			   const struct answer *answer, struct sections *sections,
			   struct denial *denial)
{
	enum xns_counter fate, kind;
	const struct xns_node *node;
	const struct xns_zone *zone;
	struct sections *reached;
	struct answer *found;
	struct query *target;
	__u32 id;

	if (!config || !query || !answer || !sections || !denial)
		return XNS_PASS_INTERNAL;
	target = &denial->target;
	found = &denial->found;
	reached = &denial->reached;
	target->type = query->type;
	found->view = answer->view;
	if (query_hash(target, config))
		return XNS_PASS_INTERNAL;
	node = lookup_begin(config, target, &found->view);
	fate = lookup_exact(config, target, node, found);
	if (fate == UNDECIDED && !found->exists)
		fate = lookup_encloser(config, target, found);
	if (fate != UNDECIDED)
		return fate;
	id = answer->zone;
	if (found->zone != id)
		return XNS_PASS_DNAME;
	zone = bpf_map_lookup_elem(&zones, &id);
	if (!zone)
		return XNS_PASS_CHANGING;
	kind = found->exists ? exact_check(target, found, reached)
			     : encloser_check(config, target, zone, found, reached);
	if (!fate_is_answer(kind))
		return kind;
	if (kind == XNS_ANSWER_REFERRAL || is_again(query, answer, found) ||
	    (found->node_flags & XNS_NODE_CNAME && is_for_default(found->node_flags, query->type)))
		return XNS_PASS_DNAME;
	sections->proof = reached->proof;
	if (found->has_entry)
		return dname_join(found, reached, sections);
	sections->head.flags |= XNS_IMAGE_SOA | (kind == XNS_ANSWER_NXDOMAIN ? RCODE_NXDOMAIN : 0);
	return UNDECIDED;
}

/* What the zone's version has for the answer, and the new name's proofs. */
static __always_inline enum xns_counter dname_prove(const struct query *query,
						    const struct xns_zone *zone, __u32 slot,
						    struct sections *sections,
						    struct denial *denial)
{
	enum xns_counter fate =
		take_version(query, zone, &zone->version[slot & 1], sections, &denial->chain);

	if (fate == UNDECIDED && sections->proof != PROOF_NONE &&
	    prove(&denial->target, denial, sections, denial->found.skip, sections->proof) < 0)
		fate = XNS_PASS_DNSSEC;
	sections->proof = PROOF_NONE;
	return fate;
}

/*
 * QNAME is below a DNAME, whose node lookup() has found. An enum xns_counter: XNS_ANSWER_POSITIVE
 * whatever the end is, as for chains of CNAMEs, or why the stack has to answer.
 */
__noinline int dname_follow(const struct xns_config *config, const struct query *query,
			    struct answer *answer, struct sections *sections, struct denial *denial)
{
	const struct xns_zone *zone;
	enum xns_counter fate;
	struct query *target;
	int found, inside;
	__u32 id;

	if (!config || !query || !answer || !sections || !denial)
		return XNS_PASS_INTERNAL;
	target = &denial->target;
	sections_begin(&denial->reached);
	id = answer->zone;
	zone = bpf_map_lookup_elem(&zones, &id);
	if (!zone)
		return XNS_PASS_CHANGING;
	fate = dname_take(config, query, target, answer, sections);
	if (fate != UNDECIDED)
		return fate;
	found = dname_target(query, answer, sections, target);
	if (found < 0) /* a wildcard's; or its image was replaced just now */
		return XNS_PASS_DNAME;
	if (found == TARGET_LONG) { /* RFC 6672 §2.2 */
		sections->head.flags |= RCODE_YXDOMAIN;
	} else {
		sections->cname_len = POINTER_LEN + RECORD_LEN + sections->shift +
				      dname_tail_len(target, sections->shift);
		sections->parts_len = sections->cname_len;
		sections->head.ancount++;
		inside = is_in_zone(config, query, target, zone->apex_labels);
		if (inside < 0)
			return XNS_PASS_INTERNAL;
		if (inside && query->type != TYPE_CNAME)
			fate = dname_reach(config, query, answer, sections, denial);
	}
	if (fate == UNDECIDED)
		fate = dname_prove(query, zone, answer->view.current, sections, denial);
	return fate == UNDECIDED ? XNS_ANSWER_POSITIVE : fate;
}

/* ---- what is put behind the DNAME's image, which begins the body ---- */

/* Where behind the DNAME's owner, a pointer to QNAME or the root, its record goes on. */
static __always_inline __u32 dname_record(const struct body *body)
{
	return body->bytes[0] ? POINTER_LEN : 1;
}

/* The CNAME: QNAME, whose labels above the DNAME come again in its data. */
__noinline int dname_put_cname(const struct query *query, const struct sections *sections)
{
	__u8 head[POINTER_LEN + RECORD_LEN] = {POINTER >> 8, HEADER_LEN, 0,
					       TYPE_CNAME,   0,		 CLASS_IN};
	struct body *body = body_get();
	__u32 at, len, rdlen, record, leads_to;
	struct bpf_dynptr to;
	__u8 tail[POINTER_LEN] = {};

	if (!query || !sections || !body || bpf_dynptr_from_mem(body->bytes, BODY_MAX, 0, &to))
		return -1;
	at = body->next;
	record = dname_record(body);
	rdlen = sections->cname_len - sizeof(head);
	for (int i = 0; i < 4; i++)
		head[POINTER_LEN + RECORD_TTL + i] = body->bytes[record + RECORD_TTL + i];
	head[POINTER_LEN + RECORD_RDLEN] = rdlen >> 8;
	head[POINTER_LEN + RECORD_RDLEN + 1] = rdlen;
	len = sections->shift;
	asm volatile("" : "+r"(len));
	if (len > XNS_NAME_MAX || bpf_dynptr_write(&to, at, head, sizeof(head), 0) ||
	    bpf_dynptr_write(&to, at + sizeof(head), (void *)(query->message + HEADER_LEN), len, 0))
		return -1;
	leads_to = POINTER + question_end(query) + record + RECORD_LEN;
	if (rdlen == sections->shift + POINTER_LEN) {
		tail[0] = leads_to >> 8;
		tail[1] = leads_to;
	}
	len = rdlen - sections->shift;
	asm volatile("" : "+r"(len));
	if (len > sizeof(tail) ||
	    bpf_dynptr_write(&to, at + sizeof(head) + sections->shift, tail, len, 0))
		return -1;
	body->len += sections->cname_len;
	body->next = at + sections->cname_len;
	return sum_bytes(body, at, sections->cname_len);
}

/*
 * Leads the owner of a record of the image at body->place to the CNAME's data. Returns how long the
 * record is; 0: it is none that can be renamed.
 */
__noinline int dname_rename(struct body *body, __u32 at)
{
	__u32 place, type;

	if (!body)
		return 0;
	place = body->place.at + at;
	asm volatile("" : "+r"(place));
	if (place >= BODY_MAX)
		return 0;
	type = body->bytes[place + POINTER_LEN] << 8 | body->bytes[place + POINTER_LEN + 1];
	if ((body->bytes[place] << 8 | body->bytes[place + 1]) != (POINTER | HEADER_LEN) ||
	    (type < 16 && COMPRESSED >> type & 1))
		return 0;
	if (move_pointer(body, at, BODY_MAX))
		return 0;
	place += POINTER_LEN + RECORD_RDLEN;
	return POINTER_LEN + RECORD_LEN + (body->bytes[place] << 8 | body->bytes[place + 1]);
}

/* The image of the new name, behind the CNAME. An enum xns_counter. */
__noinline int dname_put_reached(struct body *body, const struct query *query,
				 const struct denial *denial, __u32 cname_len)
{
	const struct sections *reached;
	__u32 at = 0, end, n;

	if (!body || !query || !denial)
		return XNS_PASS_INTERNAL;
	reached = &denial->reached;
	body->place.head = reached->head;
	body->place.at = body->next;
	body->place.inserted = body->place.shift = body->place.own = 0;
	if (reached->is_inline ? put_inline(&denial->found) : put_outside(&reached->main))
		return XNS_PASS_CHANGING;
	/* From QNAME to the CNAME's data, which ends where the image begins. */
	body->place.shift = question_end(query) + body->place.at - cname_len + POINTER_LEN +
			    RECORD_LEN - HEADER_LEN;
	body->next = body->place.at + reached->head.len;
	end = reached->head.len;
	n = reached->head.ancount;
	for (__u32 i = 0; i < RECORDS_MAX; i++) {
		int len;

		if (i >= n)
			break;
		len = dname_rename(body, at);
		if (!len)
			return XNS_PASS_DNAME;
		at += len;
	}
	return at == end ? UNDECIDED : XNS_PASS_DNAME;
}

static __always_inline enum xns_counter dname_put(struct body *body, const struct query *query,
						  const struct denial *denial,
						  const struct sections *sections)
{
	if (dname_put_cname(query, sections))
		return XNS_PASS_INTERNAL;
	if (!denial->reached.has_main)
		return UNDECIDED;
	return dname_put_reached(body, query, denial, sections->cname_len);
}

#endif
