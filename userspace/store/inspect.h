/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to store: is the database whole? */
#ifndef XNS_INSPECT_H
#define XNS_INSPECT_H

#include <stdint.h>

/*
 * Reads all of dir/data.mdb once, in a process of its own: LMDB has no checksums and may crash on
 * pages that are not what it wrote. Nobody may have the database open. 0: whole, not there yet, or
 * of a newer xnsd, which opening it tells; -EBADMSG: damaged or not ours; -EPROTONOSUPPORT: of
 * another LMDB (both logged); another negative errno.
 */
int inspect_database(const char *dir, uint64_t map_size);

#endif
