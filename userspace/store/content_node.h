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

/*
 * Sorts the records by type and rdata, and drops what is there twice: the lowest TTL stays (RFC
 * 2181 §5.2), and of spellings of the same name in the data the first. arena: for what is needed in
 * between. 0 and how many are left, or -ENOMEM.
 */
struct arena;
int node_sort(struct arena *arena, struct node *node, uint64_t *ret_left);

/* The rdata with names in lower case, where their type is compared so (RFC 4034 §6.2): rdata itself
 * if that is the same. NULL: out of memory. */
const knot_rdata_t *rdata_canonical(struct arena *arena, uint16_t type, const knot_rdata_t *rdata);

/* The last record of the RRset that begins with `first` (sorted). */
const struct record *node_rrset_end(const struct record *first);

bool node_has(const struct node *node, uint16_t type);

/* As content_node_value. */
size_t node_value(const struct node *node, uint8_t *buf, size_t buf_len);

/*
 * Finished content that is changed: the node of this owner among the first n, or NULL; one more
 * node; at the end, no nodes without records.
 */
struct content;
struct arena *content_arena(struct content *content);
struct node *content_find(const struct content *content, size_t n, const struct node *owner);
int content_insert(struct content *content, struct node *node);
void content_tidy(struct content *content);

#endif
