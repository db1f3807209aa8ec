// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>

#include "answer/private.h"

/* The names from the apex down to `name`: name itself is below[0], the apex below[returned]. */
static unsigned ancestors(const knot_dname_t *apex, const knot_dname_t *name,
			  const knot_dname_t *below[KNOT_DNAME_MAXLABELS + 1])
{
	unsigned n = knot_dname_labels(name, NULL) - knot_dname_labels(apex, NULL);

	for (unsigned i = 0; i <= n; i++) {
		below[i] = name;
		name += *name + 1;
	}
	return n;
}

/*
 * From the apex down, so that the topmost delegation or DNAME is the one that counts. Looks at no
 * name twice, and no further than to the first that does not exist.
 */
int lookup_name(struct store_txn *txn, uint32_t zone_id, const knot_dname_t *apex,
		const knot_dname_t *name, struct found_name *ret)
{
	const knot_dname_t *below[KNOT_DNAME_MAXLABELS + 1];

	for (unsigned i = ancestors(apex, name, below) + 1; i-- > 0;) {
		bool is_apex = knot_dname_is_equal(below[i], apex);
		int err = store_node_get(txn, zone_id, STORE_NAMES, below[i], &ret->node);

		if (err < 0 && err != -ENOENT)
			return err;
		if (err == -ENOENT) {
			ret->node = (struct store_node){0};
			if (!is_apex && !store_has_descendant(txn, zone_id, below[i])) {
				ret->found = FOUND_NOTHING;
				ret->name = below[i + 1];
				return 0;
			}
			continue;
		}
		ret->name = below[i];
		if (!is_apex && store_node_has(&ret->node, KNOT_RRTYPE_NS)) {
			ret->found = FOUND_CUT;
			return 0;
		}
		if (i > 0 && store_node_has(&ret->node, KNOT_RRTYPE_DNAME)) {
			ret->found = FOUND_DNAME;
			return 0;
		}
	}
	ret->name = name;
	ret->found = ret->node.data ? FOUND_NODE : FOUND_EMPTY;
	return 0;
}

int lookup_wildcard(struct store_txn *txn, uint32_t zone_id, const knot_dname_t *encloser,
		    knot_dname_storage_t ret_name, struct store_node *ret_node, bool *ret_exists)
{
	size_t len = knot_dname_size(encloser);
	int err;

	*ret_exists = false;
	*ret_node = (struct store_node){0};
	if (len + 2 > KNOT_DNAME_MAXLEN)
		return 0;
	ret_name[0] = 1;
	ret_name[1] = '*';
	memcpy(ret_name + 2, encloser, len);
	err = store_node_get(txn, zone_id, STORE_NAMES, ret_name, ret_node);
	if (err < 0 && err != -ENOENT)
		return err;
	*ret_exists = err == 0 || store_has_descendant(txn, zone_id, ret_name);
	if (err < 0)
		*ret_node = (struct store_node){0};
	return 0;
}

enum answer_name answer_name_status(struct store_txn *txn, uint32_t zone_id,
				    const knot_dname_t *apex, const knot_dname_t *name)
{
	struct found_name found;

	/* the store failing is no name: nothing is said about it */
	if (lookup_name(txn, zone_id, apex, name, &found) < 0)
		return ANSWER_NAME_NONE;
	switch (found.found) {
	case FOUND_NODE:
		return ANSWER_NAME_OWNER;
	case FOUND_EMPTY:
		return ANSWER_NAME_ENT;
	case FOUND_CUT:
		return knot_dname_is_equal(found.name, name) ? ANSWER_NAME_CUT
							     : ANSWER_NAME_OBSCURED;
	case FOUND_DNAME:
		return ANSWER_NAME_OBSCURED;
	default:
		return ANSWER_NAME_NONE;
	}
}
