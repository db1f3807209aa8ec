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

/* Sorts the records by type and rdata, drops duplicates. Returns how many are left. */
uint64_t node_sort(struct node *node);

/* The last record of the RRset that begins with `first` (sorted). */
const struct record *node_rrset_end(const struct record *first);

/* As content_node_value. */
size_t node_value(const struct node *node, uint8_t *buf, size_t buf_len);

#endif
