// SPDX-License-Identifier: GPL-3.0-or-later
/* The other way: a zone of the store into content. */
#include <errno.h>

#include "store/private.h"

static int add_node(knot_dname_t *name, const struct store_node *node, void *ctx)
{
	struct store_records records = {.node = node};
	knot_rrset_t rr;
	int err = 0;

	while (err == 0 && store_record_next(&records, &rr)) {
		rr.owner = name;
		err = content_add(ctx, &rr);
	}
	return err;
}

int store_zone_content(struct store_txn *txn, const knot_dname_t *apex, struct content **ret)
{
	struct content *content;
	struct store_zone zone;
	int err = store_zone_get(txn, apex, &zone);

	if (err < 0 || !zone.has_content)
		return err < 0 ? err : -ENOENT;
	content = content_new(apex);
	if (!content)
		return -ENOMEM;
	err = store_node_each(txn, zone.id, add_node, content);
	if (err < 0)
		content_free(content);
	else
		*ret = content;
	return err;
}
