// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/content_node.h"

#include <string.h>

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

uint64_t node_sort(struct node *node)
{
	uint64_t n = 0;

	if (!is_sorted(node->first))
		node->first = sort(node->first);
	for (struct record *r = node->first; r; r = r->next, n++) {
		while (r->next && record_cmp(r, r->next) == 0) {
			/* RFC 2181 §5.2: the lowest TTL */
			if (r->next->ttl < r->ttl)
				r->ttl = r->next->ttl;
			r->next = r->next->next;
		}
	}
	return n;
}

const struct record *node_rrset_end(const struct record *first)
{
	while (first->next && first->next->type == first->type)
		first = first->next;
	return first;
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
