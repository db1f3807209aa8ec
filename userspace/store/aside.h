/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to store: a database that cannot be used makes room for a new one. */
#ifndef XNS_ASIDE_H
#define XNS_ASIDE_H

/*
 * Renames dir/data.mdb to data.mdb.damaged, and one that has this name already to
 * data.mdb.damaged.old: what was there, and the one before it, can still be looked at. Logged. 0 or
 * a negative errno.
 */
int aside_put(const char *dir);

#endif
