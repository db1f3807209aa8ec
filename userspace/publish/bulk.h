/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Elements that are new in the maps, many at a time: a call of the kernel for some hundred of them,
 * and for large zones by a second thread, as most of such a call is waiting for memory.
 */
#ifndef XNS_PUBLISH_BULK_H
#define XNS_PUBLISH_BULK_H

#include "publish/maps.h"

struct bulk;

#define BULK_THREAD_RECORDS 8192 /* of a zone that is worth a thread */

/* NULL: out of memory. */
struct bulk *bulk_new(struct publish *p);
void bulk_free(struct bulk *bulk); /* NULL: nothing */

/* To be called before much is put, until the next bulk_flush. If there can be no thread it goes on
 * without. */
void bulk_use_thread(struct bulk *bulk);

/* Copied, and put into the map some time before bulk_flush returns. What the map has under this key
 * already is replaced, so nobody may be reading it. */
void bulk_put(struct bulk *bulk, const struct image_node *node); /* of one page */

/* 0: all are in the maps. -E2BIG: they are full, and not all are. Or another negative errno. */
int bulk_flush(struct bulk *bulk);

#endif
