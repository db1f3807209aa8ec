/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A catalog zone (RFC 9432) read from the store: who are its members? Pure: changes nothing. */
#ifndef XNS_CATALOG_H
#define XNS_CATALOG_H

#include <stddef.h>
#include <libknot/libknot.h>

#include "store/store.h"

#define CATALOG_REASON_MAX 320
#define CATALOG_GROUP_MAX  256

struct catalog_member {
	knot_dname_t *apex;   /* lower case */
	knot_dname_t *unique; /* owner of its PTR: another one means that the zone is to be reset */
	knot_dname_t *coo;    /* the catalog that may take it over (§4.4.1); NULL: none */
	char group[CATALOG_GROUP_MAX]; /* ""; of several the first */
};

struct catalog {
	struct catalog_member *member; /* in the order of apex, each apex once */
	size_t n;
};

/*
 * 0 and *ret (to be freed with catalog_free); -EINVAL and reason: the catalog is broken (version
 * missing or not "2", a member with several PTRs, the same zone twice, ...: §3, §5.1) and is to be
 * ignored whole, what was known of its members stays; -ENOMEM, -EIO.
 */
int catalog_read(struct store_txn *txn, const knot_dname_t *apex, struct catalog **ret,
		 char *reason);
void catalog_free(struct catalog *catalog);

/* The member of this apex, or NULL. */
const struct catalog_member *catalog_find(const struct catalog *catalog, const knot_dname_t *apex);

#endif
