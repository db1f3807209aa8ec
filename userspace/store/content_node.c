// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/content_node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/arena.h"
#include "store/value.h"

static int record_cmp(const struct record *a, const struct record *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return knot_rdata_cmp(&a->rdata, &b->rdata);
}

static struct record *merge(struct record *a, struct record *b)
{
	struct record *head = NULL, **end = &head;

	while (a && b) {
		struct record **less = record_cmp(a, b) <= 0 ? &a : &b;

		*end = *less;
		end = &(*less)->next;
		*less = (*less)->next;
	}
	*end = a ? a : b;
	return head;
}

/* Merge sort from below: run[i] is a sorted list of 2^i records. */
static struct record *sort(struct record *list)
{
	struct record *run[48] = {NULL}, *ret = NULL;

	while (list) {
		struct record *next = list->next;
		size_t i;

		list->next = NULL;
		for (i = 0; run[i]; i++) {
			list = merge(run[i], list);
			run[i] = NULL;
		}
		run[i] = list;
		list = next;
	}
	for (size_t i = 0; i < sizeof(run) / sizeof(run[0]); i++)
		ret = merge(run[i], ret);
	return ret;
}

static bool is_sorted(const struct record *list)
{
	for (; list->next; list = list->next) {
		if (record_cmp(list, list->next) >= 0)
			return false;
	}
	return true;
}

/* ---- the same record in several spellings ---- */

const knot_rdata_t *rdata_canonical(struct arena *arena, uint16_t type, const knot_rdata_t *rdata)
{
	knot_rdata_t *copy;
	knot_dname_t root = 0;
	knot_rrset_t rr;
	bool upper = false;

	for (unsigned i = 0; i < rdata->len && !upper; i++)
		upper = rdata->data[i] >= 'A' && rdata->data[i] <= 'Z';
	if (!upper)
		return rdata;
	copy = arena_alloc(arena, knot_rdata_size(rdata->len));
	if (!copy)
		return NULL;
	knot_rdata_init(copy, rdata->len, rdata->data);
	knot_rrset_init(&rr, &root, type, KNOT_CLASS_IN, 0);
	rr.rrs = (knot_rdataset_t){1, knot_rdata_size(rdata->len), copy};
	return knot_rrset_rr_to_canonical(&rr) == KNOT_EOK ? copy : rdata;
}

/* Has the type names that are compared without regard to case? Signatures have, but theirs is not
 * worth the search. */
static bool has_names(uint16_t type)
{
	const knot_rdata_descriptor_t *form = knot_get_rdata_descriptor(type);

	if (type == KNOT_RRTYPE_RRSIG || type == KNOT_RRTYPE_NSEC)
		return false;
	if (form->block_types[0] == KNOT_RDATA_WF_REMAINDER)
		form = knot_get_obsolete_rdata_descriptor(type);
	for (const int *block = form->block_types; *block != KNOT_RDATA_WF_END; block++)
		if (*block == KNOT_RDATA_WF_FIXED_DNAME ||
		    *block == KNOT_RDATA_WF_COMPRESSIBLE_DNAME ||
		    *block == KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME)
			return true;
	return false;
}

struct spelling {
	const knot_rdata_t *canonical;
	struct record *record;
	size_t at; /* in the list */
};

static int spelling_cmp(const void *a, const void *b)
{
	const struct spelling *x = a, *y = b;
	int cmp = knot_rdata_cmp(x->canonical, y->canonical);

	return cmp ? cmp : (x->at > y->at) - (x->at < y->at);
}

/* Takes out of the n records of an RRset (*list and on, sorted) those that are another spelling of
 * one before. 0 and how many are left, or -ENOMEM. */
static int drop_spellings(struct arena *arena, struct record **list, size_t n, uint64_t *ret_left)
{
	struct spelling *s = arena_alloc(arena, n * sizeof(*s));
	struct record *behind, *r = *list;
	size_t left = n;

	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++, r = r->next) {
		s[i] = (struct spelling){rdata_canonical(arena, r->type, &r->rdata), r, i};
		if (!s[i].canonical)
			return -ENOMEM;
	}
	behind = r;
	qsort(s, n, sizeof(*s), spelling_cmp);
	for (size_t i = 0, first = 0; i < n; i++) {
		if (i == first || knot_rdata_cmp(s[first].canonical, s[i].canonical) != 0) {
			first = i;
			continue;
		}
		if (s[i].record->ttl < s[first].record->ttl)
			s[first].record->ttl = s[i].record->ttl;
		s[i].record->type = 0; /* no record's */
		left--;
	}
	while (*list != behind) {
		if ((*list)->type == 0)
			*list = (*list)->next;
		else
			list = &(*list)->next;
	}
	*ret_left = left;
	return 0;
}

int node_sort(struct arena *arena, struct node *node, uint64_t *ret_left)
{
	uint64_t n = 0, of_type;

	if (!is_sorted(node->first))
		node->first = sort(node->first);
	for (struct record **first = &node->first; *first; n += of_type) {
		uint16_t type = (*first)->type;
		struct record *r = *first;

		for (of_type = 1;; r = r->next, of_type++) {
			while (r->next && record_cmp(r, r->next) == 0) {
				if (r->next->ttl < r->ttl)
					r->ttl = r->next->ttl;
				r->next = r->next->next;
			}
			if (!r->next || r->next->type != type)
				break;
		}
		if (of_type > 1 && has_names(type) &&
		    drop_spellings(arena, first, of_type, &of_type) < 0)
			return -ENOMEM;
		while (*first && (*first)->type == type)
			first = &(*first)->next;
	}
	*ret_left = n;
	return 0;
}

const struct record *node_rrset_end(const struct record *first)
{
	while (first->next && first->next->type == first->type)
		first = first->next;
	return first;
}

bool node_has(const struct node *node, uint16_t type)
{
	const struct record *r = node->first;

	while (r && r->type < type)
		r = r->next;
	return r && r->type == type;
}

static uint32_t rrset_ttl(const struct record *first)
{
	uint32_t ttl = first->ttl;

	for (const struct record *r = first->next; r && r->type == first->type; r = r->next)
		if (r->ttl < ttl)
			ttl = r->ttl;
	return ttl;
}

/*
 * A signature's TTL is that of what it covers (RFC 4034 §3), or was when it was signed, whatever it
 * came with: so a zone has one value however its records came. Signatures are sorted by the type
 * that they cover: `*covered` only goes forward.
 */
static uint32_t signature_ttl(const struct record *sig, const struct record **covered)
{
	uint16_t type = knot_rrsig_type_covered(&sig->rdata);

	while (*covered && (*covered)->type < type)
		*covered = node_rrset_end(*covered)->next;
	return *covered && (*covered)->type == type && type != KNOT_RRTYPE_RRSIG
		       ? rrset_ttl(*covered)
		       : knot_rrsig_original_ttl(&sig->rdata);
}

size_t node_value(const struct node *node, uint8_t *buf, size_t buf_len)
{
	const struct record *covered = node->first;
	size_t used = 0;

	for (const struct record *r = node->first; r;) {
		struct value_head head = {.type = r->type, .ttl = UINT32_MAX};
		size_t at = used;

		used += sizeof(head);
		for (; r && r->type == head.type; r = r->next) {
			size_t size = knot_rdata_size(r->rdata.len);
			uint32_t ttl =
				r->type == KNOT_RRTYPE_RRSIG ? signature_ttl(r, &covered) : r->ttl;

			if (used + size <= buf_len)
				memcpy(buf + used, &r->rdata, size);
			used += size;
			head.count++;
			head.size += size;
			if (ttl < head.ttl)
				head.ttl = ttl;
		}
		if (at + sizeof(head) <= buf_len)
			memcpy(buf + at, &head, sizeof(head));
	}
	return used;
}
