/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the question to what answers it (RFC 1034 §4.3.2, RFC 4592 §3.3.1). Follows the protocol of
 * publication in xns_abi.h.
 *
 *   the node of QNAME ─ is there ─ entry of the type ─────────── positive
 *          │                       none ───────────────────────── NODATA
 *          │                       a delegation ───────────────── referral, but for DS
 *   the closest node above it
 *          ├─ is a delegation ─────────────────────────────────── referral
 *          ├─ has a DNAME ─────────────────────────────────────── dname.h
 *          ├─ has a wildcard ─ its node: entry of the type ────── positive
 *          │                             none ─────────────────── NODATA
 *          └─ none of these ───────────────────────────────────── NXDOMAIN
 *
 * What has to be proved with DO=1 is noted here; denial.h does it.
 */
#ifndef XNS_LOOKUP_H
#define XNS_LOOKUP_H

#include "query.h"

#define RCODE_SERVFAIL 2
#define RCODE_NXDOMAIN 3
#define RCODE_YXDOMAIN 6
#define EDE_NONE       0 /* "Other": not used */
#define EDE_STALE      3
#define EDE_INVALID    24
#define TICK_NS	       10000000 /* at CONFIG_HZ=100, the longest */
#define PARTS_MAX      8	/* of a reply: SOA and proofs; six are the most there can be */
#define AGAIN_MAX      3	/* of them the same for many names: SOA, of encloser and wildcard */

/* The zone of the nodes that this run meets, and its slot in force as first read. */
struct view {
	__u32 zone;
	__u8 current;
	__u8 known;
	__u8 fixed; /* the zone is decided, and stays */
	__u8 reserved;
};

/* What it takes to find proofs in the zone's version; denial.h. */
struct chain {
	struct xns_image_key root; /* of the zone's order */
	__u8 denial;		   /* enum xns_denial: NSEC or NSEC3 */
	__u8 apex_labels;
	__u8 salt_len;
	__u8 is_complete; /* every name of the zone is in the maps */
	__u8 reserved[4];
	__u8 salt[XNS_SALT_MAX];
};

/* Of what a signed zone has to give proof (RFC 4035 §3.1.3, RFC 5155 §7.2). */
enum proof {
	PROOF_NONE,
	PROOF_NODATA,	       /* the name is there, the type is not */
	PROOF_NXDOMAIN,	       /* neither the name nor a wildcard */
	PROOF_EXPANDED,	       /* the wildcard answers, the name is not there */
	PROOF_WILDCARD_NODATA, /* the same, but the wildcard has not the type */
};

/* SOA or a proof: where its image lies. */
struct part {
	struct xns_image_head head;
	struct xns_image_key key; /* of its image; with `at`, of the page that it lies in */
	__u64 id;		  /* the same for the same records */
	__u32 at; /* where in the page of the order its layout lies, in words; 0: it has a key */
	__u32 reserved;
};

/* What is found for a question. In per-CPU memory, so that global functions can fill it. */
struct answer {
	struct view view;
	__u8 exists; /* the name does, else the node is its closest encloser */
	__u8 skip;   /* labels of QNAME above which the node is: 0 if it is QNAME's */
	__u8 has_entry;
	__u8 node_flags;	 /* XNS_NODE_* of page 0 */
	__u32 zone;		 /* the node's */
	struct xns_type entry;	 /* that answers the type */
	struct xns_name_key key; /* the node's; hash[0] is the owner of its images, in their keys */
	/* What the entry has of the node's data. What is behind it is for fixed lengths. */
	__u8 data[XNS_NODE_DATA + 16] __attribute__((aligned(8)));
};

/*
 * What goes behind the question: the main image, from the node (answer.data) or from one of the
 * images maps, and the parts that go before its additional section. In per-CPU memory too.
 */
struct sections {
	struct xns_image_head head; /* of the main image; without one: flags and counts */
	struct xns_image_key main;  /* if not is_inline */
	__u16 shift;		    /* by how much the main image's pointers grow */
	__u16 part_shift;	    /* and those of the parts */
	__u8 has_main;		    /* else only parts */
	__u8 is_inline;
	__u8 at_hand;	     /* else only the stack has it */
	__u8 may_be_trimmed; /* the stack can make it fit by leaving records out */
	__u8 proof;	     /* enum proof: of QNAME */
	__u8 n_parts;
	__u8 n_part_records;
	__u8 apex_labels;
	__u32 serial;
	__u16 parts_len; /* with the CNAME and its answer */
	__u16 cname_len; /* 0: none was made; dname.h */
	__u8 has_zone;	 /* apex_labels and serial are known */
	__u8 ede;	 /* what replies say of the zone, RFC 8914 */
	__u8 n_again;	 /* so many parts, the first ones, are those of other names too */
	__u8 reserved[5];
	struct part part[PARTS_MAX];
};

/* A zone's slot in force: as this run has read it first. */
static __always_inline __u32 zone_slot(struct view *view, const struct xns_zone *zone, __u32 id)
{
	__u32 current;

	if (view->known && view->zone == id)
		return view->current;
	current = *(volatile __u8 *)&zone->current & 1;
	if (!view->fixed) {
		view->zone = id;
		view->current = current;
		view->known = 1;
	}
	return current;
}

/* The zone that was found last, which is mostly the next one, too: to be had without a node. */
static __always_inline const struct xns_zone *zone_last(const struct recent *recent)
{
	__u32 id = recent->zone;

	return bpf_map_lookup_elem(&zones, &id);
}

/* The zone of a node; last: of zone_last(). */
static __always_inline const struct xns_zone *zone_find(struct recent *recent,
							const struct xns_zone *last, __u32 id)
{
	if (id == recent->zone)
		return last;
	recent->zone = id;
	return bpf_map_lookup_elem(&zones, &id);
}

/* false: there is no such name, neither in `nodes` nor in `staged`. */
static __always_inline bool may_exist(const struct xns_config *config,
				      const struct xns_name_key *key)
{
	__u64 both = *(const volatile __u64 *)&config->filter;
	__u32 begin = both, words = both >> 32, at;
	const __u64 *word;
	__u64 bits;

	if (!words)
		return true;
	at = begin + xns_filter_word(key->hash[0], words);
	word = bpf_map_lookup_elem(&filter, &at);
	bits = xns_filter_bits(key->hash[1]);
	return !word || (*word & bits) == bits;
}

/* NULL: this name (or page) does not exist in the serial in force. */
static __always_inline const struct xns_node *node_find(const struct xns_config *config,
							struct view *view,
							const struct xns_name_key *key)
{
	const struct xns_node *node;
	const struct xns_zone *zone;
	__u32 id;

	if (config->staging) {
		node = segmented_find(&staged, key->hash);
		if (node) {
			id = node->zone;
			zone = bpf_map_lookup_elem(&zones, &id);
			if (zone && node->slot == zone_slot(view, zone, id))
				return node->flags & XNS_NODE_GONE ? NULL : node;
		}
	}
	return segmented_find(&nodes, key->hash);
}

static __always_inline void take_node(struct answer *answer, const struct xns_node *node,
				      const struct xns_name_key *key)
{
	answer->node_flags = node->flags;
	answer->zone = node->zone;
	answer->key = *key;
}

/* Of the entry i, if there is such. Copies no more than it has: more lines of a cold node would be
 * waited for. */
static __always_inline void take_entry(struct answer *answer, const struct xns_node *node, __u32 i)
{
	__u32 off, len = XNS_NODE_DATA;
	const struct xns_image_head *head;

	asm volatile("" : "+r"(i));
	if (i >= XNS_NODE_TYPES)
		return;
	answer->has_entry = 1;
	answer->entry = node->type[i];
	off = answer->entry.off;
	asm volatile("" : "+r"(off));
	if (off > sizeof(*node) - sizeof(*head))
		return;
	head = (const struct xns_image_head *)((const __u8 *)node + off);
	if (!(head->flags & XNS_IMAGE_LAYOUT))
		len = sizeof(*head) +
		      (answer->entry.flags & XNS_TYPE_INLINE ? head->len : sizeof(__u64));
	for (__u32 at = 0; at < XNS_NODE_DATA; at += 8, off += 8) {
		asm volatile("" : "+r"(off));
		if (at >= len || off > sizeof(*node) - 8)
			break;
		*(__u64 *)(answer->data + at) = *(const __u64 *)((const __u8 *)node + off);
	}
}

/*
 * Does type 0 stand for this type, if it is not listed? RRSIG and NSEC stand beside a CNAME and are
 * not asked of its target (RFC 4035 §2.5); DS of a delegation is ours (§3.1.4.1).
 */
static __always_inline bool is_for_default(__u8 node_flags, __u16 type)
{
	if (node_flags & XNS_NODE_CUT)
		return type != TYPE_DS;
	return type != TYPE_RRSIG && type != TYPE_NSEC;
}

/*
 * Looks for the type on a page. true: found. Type 0, which is on the first page if there is one, is
 * taken until then. Of two entries for one type the first is for DO=1.
 */
__noinline int page_search(struct answer *answer, const struct xns_node *node, __u32 type,
			   __u32 dnssec_ok)
{
	__u32 found = XNS_NODE_TYPES; /* none */
	bool by_default;

	if (!answer || !node)
		return false;
	by_default = is_for_default(node->flags, type) && !answer->has_entry;
	for (int i = 0; i < XNS_NODE_TYPES; i++) {
		const struct xns_type *entry = &node->type[i];

		if (i >= node->n_types)
			break;
		if (entry->flags & XNS_TYPE_DO && !dnssec_ok)
			continue;
		if (entry->type == type) {
			take_entry(answer, node, i);
			return true;
		}
		if (!entry->type && by_default) {
			found = i;
			by_default = false;
		}
	}
	take_entry(answer, node, found);
	return false;
}

/*
 * Of a node that was found and taken, its entry for the type. Returns an enum xns_counter:
 * UNDECIDED, or why not to go on.
 */
__noinline int lookup_entry(const struct xns_config *config, const struct query *query,
			    struct answer *answer, const struct xns_node *node, __u32 labels)
{
	struct xns_name_key key;

	if (!config || !query || !answer || !node)
		return XNS_PASS_INTERNAL;
	key = answer->key; /* 6.1 looks up only what is on the stack or in a map */
	answer->has_entry = 0;
	for (int page = 0; page < XNS_NODE_PAGES; page++) {
		if (page)
			node = node_find(config, &answer->view, &key);
		if (!node || node->labels != labels)
			return XNS_PASS_CHANGING;
		if (page_search(answer, node, query->type, query->dnssec_ok))
			return UNDECIDED;
		if (!(node->flags & XNS_NODE_MORE) || !(node->later & 1u << query->type % 32))
			return UNDECIDED;
		key.hash[1]++;
	}
	return UNDECIDED;
}

/* The same for the node of a key: NO_ZONE if there is no such node. */
static __always_inline int lookup_node(const struct xns_config *config, const struct query *query,
				       struct answer *answer, const struct xns_name_key *key,
				       __u32 labels)
{
	const struct xns_node *node = node_find(config, &answer->view, key);

	if (!node)
		return XNS_PASS_NO_ZONE;
	take_node(answer, node, key);
	return lookup_entry(config, query, answer, node, labels);
}

/* The node of exactly QNAME: where the look-up begins. */
static __always_inline const struct xns_node *lookup_begin(const struct xns_config *config,
							   const struct query *query,
							   struct view *view)
{
	struct xns_name_key key = query->key;

	if (query->labels > config->max_labels || !may_exist(config, &key))
		return NULL;
	return node_find(config, view, &key);
}

/* Is the node that was found for a name of so many labels the apex of its zone? */
static __always_inline bool is_apex(const struct answer *answer, __u32 labels)
{
	const struct xns_zone *zone;
	__u32 id = answer->zone;

	zone = bpf_map_lookup_elem(&zones, &id);
	return zone && zone->apex_labels == labels;
}

/*
 * DS at the apex of a zone: the node that the zone above has for it (XNS_KEY_ABOVE), if there is
 * one. Else all is as it was, the zone's slot too: it goes with the node that was found.
 */
static __always_inline int lookup_above(const struct xns_config *config, const struct query *query,
					struct answer *answer, struct xns_name_key *key)
{
	struct view view = answer->view;
	__u8 has_entry = answer->has_entry;
	int fate;

	key->hash[0] ^= XNS_KEY_ABOVE;
	fate = lookup_node(config, query, answer, key, query->labels);
	if (fate != XNS_PASS_NO_ZONE)
		return fate;
	answer->view = view;
	answer->has_entry = has_entry;
	return UNDECIDED;
}

/*
 * The entry of exactly QNAME's node, which lookup_begin() has found; for DS at an apex the zone
 * above's. Returns an enum xns_counter: UNDECIDED or why not to go on.
 */
static __always_inline int lookup_exact(const struct xns_config *config, const struct query *query,
					const struct xns_node *node, struct answer *answer)
{
	struct xns_name_key key;
	int fate;

	answer->exists = 0;
	answer->skip = 0;
	answer->has_entry = 0;
	if (!node)
		return UNDECIDED;
	key = query->key;
	take_node(answer, node, &key);
	fate = lookup_entry(config, query, answer, node, query->labels);
	answer->exists = 1;
	if (fate == UNDECIDED && query->type == TYPE_DS && is_apex(answer, query->labels))
		fate = lookup_above(config, query, answer, &key);
	return fate;
}

/*
 * The closest encloser of QNAME: the longest name above it that exists (RFC 4592 §3.3.1). Of a
 * delegation with the referral, which is for all that is below.
 */
__noinline int lookup_encloser(const struct xns_config *config, const struct query *query,
			       struct answer *answer)
{
	struct xns_name_key key = {};
	__u32 skip;

	if (!config || !query || !answer)
		return XNS_PASS_INTERNAL;
	/* No node has more labels than max_labels: begin there. */
	skip = query->labels > config->max_labels ? query->labels - config->max_labels : 1;
	for (int i = 0; i < XNS_NAME_LABELS; i++, skip++) {
		const struct xns_node *node;

		if (skip > query->labels)
			return XNS_PASS_NO_ZONE;
		if (query_name_key(query, config, skip & XNS_NAME_LABELS, &key))
			return XNS_PASS_INTERNAL;
		if (!may_exist(config, &key))
			continue;
		node = node_find(config, &answer->view, &key);
		if (!node)
			continue;
		if (node->labels != query->labels - skip)
			return XNS_PASS_CHANGING;
		take_node(answer, node, &key);
		answer->skip = skip;
		if (node->flags & XNS_NODE_CUT)
			page_search(answer, node, 0, query->dnssec_ok);
		return UNDECIDED;
	}
	return XNS_PASS_NO_ZONE;
}

/* The wildcard below the encloser that was found, which is said to have one: its flags and entry.
 */
__noinline int lookup_wildcard(const struct xns_config *config, const struct query *query,
			       struct answer *answer)
{
	struct xns_name_key key = {};
	__u32 zone;
	int fate;

	if (!config || !query || !answer)
		return XNS_PASS_INTERNAL;
	zone = answer->zone;
	if (query_name_key(query, config, answer->skip | STAR, &key))
		return XNS_PASS_INTERNAL;
	fate = lookup_node(config, query, answer, &key, query->labels - answer->skip + 1);
	if (fate == XNS_PASS_NO_ZONE)
		return XNS_PASS_CHANGING;
	if (fate != UNDECIDED)
		return fate;
	if (answer->zone != zone || answer->node_flags & XNS_NODE_PASS ||
	    answer->node_flags & XNS_NODE_CUT || answer->node_flags & XNS_NODE_DNAME)
		return XNS_PASS_WILDCARD;
	return UNDECIDED;
}

/* What was read may be a tick old: rather a tick too early than past the deadline. */
static __always_inline bool is_past(const struct recent *recent, __u64 deadline_ns)
{
	return recent->boot_ns + TICK_NS >= deadline_ns;
}

/* May the zone be answered from at all? */
static __always_inline enum xns_counter zone_check(const struct xns_zone *zone,
						   const struct recent *recent)
{
	if (zone->state == XNS_ZONE_EXPIRED)
		return XNS_PASS_EXPIRED;
	if (zone->state != XNS_ZONE_ACTIVE)
		return XNS_PASS_NOT_READY;
	if (is_past(recent, zone->deadline_ns))
		return XNS_PASS_EXPIRED;
	return UNDECIDED;
}

/* What a node of exactly QNAME answers. */
static __always_inline enum xns_counter exact_check(const struct query *query,
						    const struct answer *answer,
						    struct sections *ret)
{
	if (answer->node_flags & XNS_NODE_PASS)
		return XNS_PASS_NODE;
	if (answer->has_entry)
		return answer->node_flags & XNS_NODE_CUT && query->type != TYPE_DS
			       ? XNS_ANSWER_REFERRAL
			       : XNS_ANSWER_POSITIVE;
	if (answer->node_flags & XNS_NODE_CUT && query->type != TYPE_DS)
		return XNS_PASS_REFERRAL;
	ret->proof = PROOF_NODATA;
	return XNS_ANSWER_NODATA;
}

/* What the closest encloser answers, or the wildcard below it. */
static __always_inline enum xns_counter encloser_check(const struct xns_config *config,
						       const struct query *query,
						       const struct xns_zone *zone,
						       struct answer *answer, struct sections *ret)
{
	enum xns_counter fate;

	ret->shift = query_suffix(query, answer->skip);
	if (answer->node_flags & XNS_NODE_PASS)
		return XNS_PASS_NODE;
	if (answer->node_flags & XNS_NODE_CUT)
		return answer->has_entry ? XNS_ANSWER_REFERRAL : XNS_PASS_REFERRAL;
	if (answer->node_flags & XNS_NODE_DNAME)
		return XNS_PASS_DNAME;
	if (!(zone->flags & XNS_ZONE_F_COMPLETE)) /* QNAME may be one of those that are not here */
		return XNS_PASS_NOT_READY;
	if (!(answer->node_flags & XNS_NODE_WILDCARD)) {
		ret->proof = PROOF_NXDOMAIN;
		return XNS_ANSWER_NXDOMAIN;
	}
	fate = lookup_wildcard(config, query, answer);
	if (fate != UNDECIDED)
		return fate;
	ret->shift -= STAR_LEN;
	ret->proof = answer->has_entry ? PROOF_EXPANDED : PROOF_WILDCARD_NODATA;
	return answer->has_entry ? XNS_ANSWER_POSITIVE : XNS_ANSWER_NODATA;
}

/* The image of the entry that was found: in the node, or one read further. */
static __always_inline enum xns_counter take_image(const struct answer *answer,
						   struct sections *ret)
{
	if (answer->entry.off > sizeof(struct xns_node) - sizeof(ret->head))
		return XNS_PASS_INTERNAL;
	ret->head = *(const struct xns_image_head *)answer->data;
	ret->may_be_trimmed = answer->entry.flags & XNS_TYPE_TRIM;
	ret->has_main = 1;
	if (answer->entry.flags & XNS_TYPE_PASS) {
		ret->at_hand = 0;
		return ret->head.len ? UNDECIDED : XNS_PASS_NODE;
	}
	ret->is_inline = answer->entry.flags & XNS_TYPE_INLINE;
	if (ret->is_inline)
		return ret->head.len <= XNS_NODE_DATA ? UNDECIDED : XNS_PASS_INTERNAL;
	if (ret->head.len > XNS_IMAGE_LARGE_MAX)
		return XNS_PASS_INTERNAL;
	/* The other word of the key, of which the node has only one, is the node's own. */
	ret->main.owner = answer->key.hash[0];
	ret->main.content = *(const __u64 *)(answer->data + sizeof(ret->head));
	return UNDECIDED;
}

/* Adds SOA or proof; again: it goes with many names. false: no place, or it is none. */
static __always_inline bool part_add(struct sections *sections, const struct part *part, bool again)
{
	__u32 n = sections->n_parts;

	asm volatile("" : "+r"(n));
	if (n >= PARTS_MAX || !part->head.len || part->head.len > XNS_IMAGE_LARGE_MAX)
		return false;
	sections->part[n] = *part;
	sections->n_parts = n + 1;
	if (again && sections->n_again == n && n < AGAIN_MAX)
		sections->n_again = n + 1;
	sections->parts_len += part->head.len;
	sections->n_part_records += part->head.nscount;
	return true;
}

static __always_inline bool part_add_soa(struct sections *sections, const struct xns_ref *soa)
{
	struct part part = {.head = soa->head, .key = soa->key, .id = soa->key.content};

	return part_add(sections, &part, true);
}

/* What the zone's version has for the answer: SOA, and what it takes to find proofs. */
static __always_inline enum xns_counter take_version(const struct query *query,
						     const struct xns_zone *zone,
						     const struct xns_version *version,
						     struct sections *ret, struct chain *ret_chain)
{
	bool is_signed = query->dnssec_ok && version->denial != XNS_DENIAL_NONE;

	if (query->name_len < zone->apex_len)
		return XNS_PASS_CHANGING;
	/* The parts were made for the apex, which is QNAME's end. */
	ret->part_shift = query->name_len - zone->apex_len;
	ret->apex_labels = zone->apex_labels;
	ret->serial = version->serial;
	ret->has_zone = 1;
	ret->ede = zone->flags & XNS_ZONE_F_STALE ? EDE_STALE : EDE_NONE;
	if (ret->head.flags & XNS_IMAGE_SOA &&
	    !part_add_soa(ret, is_signed ? &version->soa_sig : &version->soa))
		return XNS_PASS_NODE;
	if (!is_signed || !ret->at_hand) {
		ret->proof = PROOF_NONE;
		ret->head.flags &= ~XNS_IMAGE_PROVE;
	}
	if (ret->proof == PROOF_NONE && !(ret->head.flags & XNS_IMAGE_PROVE))
		return UNDECIDED;
	if (version->denial == XNS_DENIAL_STACK || version->salt_len > XNS_SALT_MAX)
		return XNS_PASS_DNSSEC;
	ret_chain->denial = version->denial;
	ret_chain->apex_labels = zone->apex_labels;
	ret_chain->salt_len = version->salt_len;
	ret_chain->is_complete = zone->flags & XNS_ZONE_F_COMPLETE;
	ret_chain->root = version->order;
	if (version->salt_len)
		for (int i = 0; i < XNS_SALT_MAX; i += 8)
			*(__u64 *)(ret_chain->salt + i) = *(const __u64 *)(version->salt + i);
	return UNDECIDED;
}

/*
 * DS at a zone's apex was found to be the zone's own to answer. It is not where a zone above is
 * held: that one's node for it is not in the maps, as the zone has not been transferred yet, or for
 * lack of place. The zone's own view is fixed, so that nodes of others do not change it.
 */
static __always_inline bool is_for_zone_above(const struct xns_config *config,
					      const struct query *query,
					      const struct xns_zone *zone, struct answer *answer)
{
	return query->type == TYPE_DS && answer->exists && query->labels == zone->apex_labels &&
	       lookup_encloser(config, query, answer) != XNS_PASS_NO_ZONE;
}

static __always_inline void sections_begin(struct sections *ret)
{
	ret->head = (struct xns_image_head){};
	ret->shift = ret->part_shift = 0;
	ret->has_main = ret->is_inline = ret->may_be_trimmed = 0;
	ret->at_hand = 1;
	ret->proof = PROOF_NONE;
	ret->n_parts = ret->n_part_records = ret->n_again = 0;
	ret->parts_len = 0;
	ret->has_zone = 0;
	ret->ede = EDE_NONE;
	ret->cname_len = 0;
}

/*
 * SERVFAIL for a zone that has expired, whoever is or is not there to answer from the sockets. What
 * is not in the maps may be another zone's where they do not hold all of this one.
 */
static __always_inline enum xns_counter fail_expired(const struct xns_zone *zone, __u32 slot,
						     const struct answer *answer,
						     struct sections *ret)
{
	if (!answer->exists && !(zone->flags & XNS_ZONE_F_COMPLETE))
		return XNS_PASS_EXPIRED;
	ret->head.flags = XNS_IMAGE_NOAA | RCODE_SERVFAIL;
	ret->ede = EDE_INVALID;
	ret->apex_labels = zone->apex_labels;
	ret->serial = zone->version[slot & 1].serial;
	ret->has_zone = 1;
	return XNS_ANSWER_EXPIRED;
}

/* What answers the question: XNS_ANSWER_*, the sections but for proofs; or why the stack has to. */
static __always_inline enum xns_counter lookup(const struct xns_config *config,
					       const struct query *query, struct recent *recent,
					       const struct xns_node *node,
					       const struct xns_zone *zone, struct answer *answer,
					       struct sections *ret, struct chain *ret_chain)
{
	enum xns_counter kind, fate;
	__u32 slot;

	fate = lookup_exact(config, query, node, answer);
	if (fate == UNDECIDED && !answer->exists)
		fate = lookup_encloser(config, query, answer);
	if (fate != UNDECIDED)
		return fate;

	zone = zone_find(recent, zone, answer->zone);
	if (!zone) /* removed just now */
		return XNS_PASS_CHANGING;
	fate = zone_check(zone, recent);
	if (fate != UNDECIDED && fate != XNS_PASS_EXPIRED)
		return fate;
	slot = zone_slot(&answer->view, zone, answer->zone);
	answer->view.fixed = 1;
	if (is_for_zone_above(config, query, zone, answer))
		return XNS_PASS_NOT_READY;
	if (fate == XNS_PASS_EXPIRED)
		return fail_expired(zone, slot, answer, ret);
	kind = answer->exists ? exact_check(query, answer, ret)
			      : encloser_check(config, query, zone, answer, ret);
	if (!fate_is_answer(kind))
		return kind;
	if (answer->has_entry)
		fate = take_image(answer, ret);
	else
		ret->head.flags =
			XNS_IMAGE_SOA | (kind == XNS_ANSWER_NXDOMAIN ? RCODE_NXDOMAIN : 0);
	if (fate == UNDECIDED)
		fate = take_version(query, zone, &zone->version[slot & 1], ret, ret_chain);
	return fate == UNDECIDED ? kind : fate;
}

#endif
