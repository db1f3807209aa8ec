/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone as a zone file (RFC 1035 §5), the SOA first, then in canonical order: for another server,
 * for people, for a verifier. */
#ifndef XNS_ZONEFILE_H
#define XNS_ZONEFILE_H

#include <stdio.h>

#include "store/content.h"
#include "store/store.h"

/* 0, or a negative errno: -ENOENT no content, or what writing gave. */
int zonefile_write_store(struct store_txn *txn, const knot_dname_t *apex, FILE *out);
int zonefile_write_content(const struct content *content, FILE *out);

/*
 * To a file of this name, in one step: a temporary file beside it, flushed to the disk, renamed.
 * Mode 0640. 0 or a negative errno, reason (reason_len) says which file.
 */
int zonefile_export(struct store_txn *txn, const knot_dname_t *apex, const char *path, char *reason,
		    size_t reason_len);

#endif
