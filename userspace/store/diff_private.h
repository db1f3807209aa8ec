/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to store: the records of a difference, name by name, onto what the names have. */
#ifndef XNS_DIFF_PRIVATE_H
#define XNS_DIFF_PRIVATE_H

#include <stdbool.h>

#include "store/arena.h"
#include "store/content_node.h"
#include "store/diff.h"

/* One record, removed or added. */
struct diff_op {
	const struct node *owner; /* without records; ops in a row share it */
	struct record *record;
	const knot_rdata_t *canonical; /* names in it in lower case (RFC 4034 §6.2) */
	uint32_t difference;	       /* which; the first is 0 */
	bool add;
};

/* All ops sorted by owner (as in the database), type, canonical rdata, and then as they came. */
struct diff_ops {
	const struct diff_op **op;
	size_t n;
};

/*
 * 0, -ENOMEM, or -ESTALE and the reason: the differences do not lead from this serial, do not
 * follow one another, or lead to a serial that is not newer.
 */
int diff_chain(const struct diff *diff, uint32_t from_serial, char *reason, size_t reason_len);
int diff_sort(const struct diff *diff, struct diff_ops *ret); /* ret->op: to be freed */

/* The ops of one name: how many from `first` on have its owner. */
size_t diff_ops_of_node(const struct diff_ops *ops, size_t first);

/*
 * Has the ops of one name done to its records: `old` is the list before, ret_new the one after, in
 * any order within a type; the records that stay are moved, so old is gone. 0, -ENOMEM, or -ESTALE
 * and the reason.
 */
int diff_node(const struct diff *diff, struct arena *arena, const struct diff_op *const *op,
	      size_t n, struct record *old, struct record **ret_new, char *reason,
	      size_t reason_len);

/* The SOA that the apex has in the end, in place of the one in its list. 0 or -ENOMEM. */
int diff_soa(const struct diff *diff, struct arena *arena, struct record *old,
	     struct record **ret_new);

/* The serial that the difference of an op leads to. */
uint32_t diff_serial_after(const struct diff *diff, uint32_t difference);

int diff_node_cmp(const struct node *a, const struct node *b);

#endif
