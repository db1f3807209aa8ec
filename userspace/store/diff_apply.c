// SPDX-License-Identifier: GPL-3.0-or-later
/* A difference onto content in memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/content.h"
#include "store/diff_private.h"
#include "store/key.h"

struct apply {
	const struct diff *diff;
	struct content *content;
	size_t n; /* nodes of the content before */
	char *reason;
	size_t reason_len;
};

static int apply_node(struct apply *a, const struct node *owner, const struct diff_op *const *op,
		      size_t n)
{
	struct node *node = content_find(a->content, a->n, owner);

	if (!node) {
		node = arena_alloc(content_arena(a->content), sizeof(*node) + owner->key_len);
		if (!node)
			return -ENOMEM;
		memcpy(node, owner, sizeof(*node) + owner->key_len);
		node->first = NULL;
		if (content_insert(a->content, node) < 0)
			return -ENOMEM;
	}
	return diff_node(a->diff, content_arena(a->content), op, n, node->first, &node->first,
			 a->reason, a->reason_len);
}

static int apply_soa(struct apply *a)
{
	union {
		struct node node;
		uint8_t room[sizeof(struct node) + KEY_NAME_MAX];
	} owner = {.node = {.nsec3 = false}};
	struct node *apex;

	owner.node.key_len = key_from_name(content_apex(a->content), owner.node.key);
	apex = content_find(a->content, a->n, &owner.node);
	return apex ? diff_soa(a->diff, content_arena(a->content), apex->first, &apex->first)
		    : -EINVAL;
}

int diff_apply(const struct diff *diff, struct content *content, char *reason, size_t reason_len)
{
	struct apply a = {diff, content, content_nodes(content), reason, reason_len};
	struct diff_ops ops = {.op = NULL};
	int err = diff_chain(diff, content_serial(content), reason, reason_len);

	if (err == 0)
		err = diff_sort(diff, &ops);
	for (size_t i = 0, n; err == 0 && i < ops.n; i += n) {
		n = diff_ops_of_node(&ops, i);
		err = apply_node(&a, ops.op[i]->owner, ops.op + i, n);
	}
	if (err == 0)
		err = apply_soa(&a);
	content_tidy(content);
	free(ops.op);
	return err;
}
