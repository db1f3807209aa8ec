/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A catalog zone (RFC 9432) read from the store: who are its members? Pure: changes nothing. */
#ifndef XNS_CATALOG_H
#define XNS_CATALOG_H

#include <stddef.h>
#include <libknot/libknot.h>

#include "config/config.h"
#include "store/arena.h"
#include "store/store.h"

#define CATALOG_REASON_MAX 320

struct catalog_member {
	const knot_dname_t *apex;   /* lower case */
	const knot_dname_t *unique; /* owner of its PTR: another one means that the zone is to be
				       reset (§5.4) */
	const knot_dname_t *coo;    /* lower case, the catalog that may take it over (§4.4.1); NULL:
				       none */
	const char *group; /* §4.4.2; "": none. Of several the first; the others lie behind it, each
			      ended by a NUL, and an empty one ends them all */
};

struct catalog {
	struct catalog_member *member; /* in canonical order of apex, each apex once */
	size_t n;
	struct arena arena; /* private: what the members point to */
};

/*
 * 0 and *ret (to be freed with catalog_free); -EINVAL and reason: the catalog is broken (version
 * missing or not "2", a member with several PTRs, the same zone twice, ...: §3, §5.1) and is to be
 * ignored whole, what was known of its members stays; -ENOMEM, -EIO. What it cannot see is a clash
 * of a member with another zone (§5.2), such as the catalog itself.
 */
int catalog_read(struct store_txn *txn, const knot_dname_t *apex, struct catalog **ret,
		 char *reason);
void catalog_free(struct catalog *catalog); /* NULL: nothing */

/* The member of this apex, or NULL. */
const struct catalog_member *catalog_find(const struct catalog *catalog, const knot_dname_t *apex);

/*
 * What a member is made of: the first of its groups that is the name of one of the catalog zone's
 * templates, else (groups that are not known are ignored) the first template. NULL: it has none.
 */
const struct config_zone *catalog_template(const struct catalog_member *member,
					   const struct config_zone *catalog_zone);

#endif
