/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a reply says, in a form that can be compared: spelling of names, compression, order of
 * records and the choice of an id are gone.
 */
#ifndef XNS_DIFF_VIEW_H
#define XNS_DIFF_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "corpus.h"

enum view_section {
	VIEW_ANSWER,
	VIEW_AUTHORITY,
	VIEW_ADDITIONAL,
	VIEW_SECTIONS,
};

struct view_record {
	uint64_t hash;	/* of owner, type, class, TTL, data */
	uint64_t owner; /* hash */
	uint16_t type;
	uint8_t owner_labels;
	uint8_t owner_len;
	uint8_t sig_labels; /* RRSIG: labels of the name that was signed */
};

/* Sorted by hash. */
struct view_set {
	struct view_record *record;
	unsigned n;
};

struct view {
	bool made;
	bool there;	   /* a reply came */
	bool parsed;	   /* and could be */
	bool twice;	   /* a record is twice in a section */
	uint16_t flags;	   /* header without RCODE */
	uint16_t rcode;	   /* extended */
	uint64_t question; /* hash, spelling included */
	uint64_t qname;	   /* hash as of a record's owner */
	uint64_t edns;	   /* hash of version, DO, NSID; 0: no OPT */
	uint32_t len;
	struct view_set set[VIEW_SECTIONS];
	struct view_record *records; /* of all sections; reused */
	unsigned room;
};

#define VIEW_AA 0x0400
#define VIEW_TC 0x0200
#define VIEW_DO 0x8000

/*
 * The view of a reply, once: a second call with the same view returns at once until view_reset().
 * NULL wire: no reply. 0 or -ENOMEM.
 */
int view_make(struct view *view, const struct query *query, const struct reply *reply);
void view_reset(struct view *view);
void view_free(struct view *view);

/* Of a set as a whole: equal sets have equal hashes. */
uint64_t view_set_hash(const struct view_set *set);
bool view_set_has(const struct view_set *set, uint64_t hash);
bool view_set_has_type(const struct view_set *set, uint16_t type);

/* The query's EDNS: its size (0: no OPT) and DO. */
void query_edns(const struct query *query, uint16_t *ret_size, bool *ret_do);

#endif
