// SPDX-License-Identifier: GPL-3.0-or-later
/* The other way: a zone of the store into content. */
#include <errno.h>

#include "store/private.h"

static int add_node(struct content *content, knot_dname_t *name, const struct store_node *node)
{
	struct store_records records = {.node = node};
	knot_rrset_t rr;
	int err = 0;

	while (err == 0 && store_record_next(&records, &rr)) {
		rr.owner = name;
		err = content_add(content, &rr);
	}
	return err;
}

static int add_tree(struct store_txn *txn, uint32_t zone_id, enum store_tree tree,
		    struct content *content)
{
	knot_dname_storage_t name;
	struct store_cursor *cursor;
	struct store_node node;
	int err = store_cursor_open(txn, zone_id, tree, &cursor);

	if (err < 0)
		return err;
	for (err = store_cursor_first(cursor, name, &node); err == 0;) {
		err = add_node(content, name, &node);
		if (err == 0)
			err = store_cursor_next(cursor, name, &node);
	}
	store_cursor_close(cursor);
	return err == -ENOENT ? 0 : err;
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
	err = add_tree(txn, zone.id, STORE_NAMES, content);
	if (err == 0)
		err = add_tree(txn, zone.id, STORE_NSEC3, content);
	if (err < 0)
		content_free(content);
	else
		*ret = content;
	return err;
}
