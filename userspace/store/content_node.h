/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to content: a name and the list of its records. */
#ifndef XNS_CONTENT_NODE_H
#define XNS_CONTENT_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libknot/libknot.h>

struct record {
	struct record *next;
	uint32_t ttl;
	uint16_t type;
	knot_rdata_t rdata; /* at the end: 16 bytes before the data */
};

struct node {
	struct record *first;
	uint16_t key_len;
	bool nsec3;
	uint8_t labels;
	uint8_t key[];
};

/* Does a record belong to the NSEC3 of its owner? */
static inline bool node_is_nsec3(uint16_t type, const knot_rdata_t *rdata)
{
	return type == KNOT_RRTYPE_NSEC3 ||
	       (type == KNOT_RRTYPE_RRSIG && knot_rrsig_type_covered(rdata) == KNOT_RRTYPE_NSEC3);
}

/* Sorts the records by type and rdata, drops duplicates. Returns how many are left. */
uint64_t node_sort(struct node *node);

/* The last record of the RRset that begins with `first` (sorted). */
const struct record *node_rrset_end(const struct record *first);

/* As content_node_value. */
size_t node_value(const struct node *node, uint8_t *buf, size_t buf_len);

/*
 * Finished content that is changed: the node of this owner among the first n, or NULL; one more
 * node; at the end, no nodes without records.
 */
struct content;
struct arena;
struct arena *content_arena(struct content *content);
struct node *content_find(const struct content *content, size_t n, const struct node *owner);
int content_insert(struct content *content, struct node *node);
void content_tidy(struct content *content);

#endif
