/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to content: what records and zones must fulfil to be held. */
#ifndef XNS_CHECK_H
#define XNS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/content_node.h"

/* Do the rdata have the form of their type (names whole, lengths right), and may the type be in a
 * zone at all? */
bool check_rdata(uint16_t type, const uint8_t *data, size_t len);

struct check {
	size_t apex_key_len;
	char *reason;
	size_t reason_len;
	bool soa, ns; /* seen at the apex */
	uint32_t serial;
};

/* One name, its records sorted; then, after all, what is missing. 0, or -EINVAL and the reason. */
int check_node(struct check *check, const struct node *node);
/* Is the name below the other one, in the tree of names? */
bool check_is_below(const struct node *node, const struct node *above);
/* The refusal of a name that is. */
int check_below_dname(struct check *check, const struct node *node, const struct node *above);
int check_end(struct check *check, const knot_dname_t *apex);

#endif
