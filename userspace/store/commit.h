/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private to store: a zone on its way from one content to the next, name by name in the order of
 * the database, and what follows each name: the list of changes, the index of references, the
 * journal, the counts.
 */
#ifndef XNS_COMMIT_H
#define XNS_COMMIT_H

#include "store/arena.h"
#include "store/journal.h"
#include "store/private.h"

/* What store_changes_free needs to know beside. */
struct changes {
	struct store_changes public;
	size_t allocated, nsec3_allocated;
	struct arena arena; /* the names */
};

struct commit {
	struct store_txn *txn;
	const knot_dname_t *apex;
	MDB_cursor *cursor;	/* of nodes */
	struct node_key prefix; /* the four bytes of the zone's id */
	struct changes *changes;
	struct store_zone zone; /* as it will be */
	struct depths depths;	/* likewise */
	struct journal journal;
};

/* The zone must be there (-ENOENT). After success commit_end or commit_abort. */
int commit_begin(struct store_txn *txn, const knot_dname_t *apex, const struct store_limits *limits,
		 int64_t now_s, struct commit *ret);
void commit_abort(struct commit *commit);
int commit_end(struct commit *commit, struct store_changes **ret);

unsigned node_records(const struct store_node *node); /* NULL, or without data: 0 */

/* A node as it is in the database changes from before to after (NULL: there is none), which is
 * written by the caller. Both must stay readable while other databases are written. */
int commit_note(struct commit *commit, const MDB_val *key, const struct store_node *before,
		const struct store_node *after);

/* What is kept beside the records, from the apex as it will be; to be called before the first
 * commit_note. -EINVAL: it has no SOA. */
int commit_apex(struct commit *commit, const struct store_node *before,
		const struct store_node *after);

#endif
