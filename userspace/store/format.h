/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to store: the databases in the environment, made, checked, brought up to this format. */
#ifndef XNS_FORMAT_H
#define XNS_FORMAT_H

#include "store/private.h"

#define FORMAT_DATABASES 6

/* Opens all databases of store->env; in a new environment makes them. dir for messages. 0, or a
 * negative errno: -EBADMSG damaged or not ours, -EPROTONOSUPPORT (logged) of a newer xnsd. */
int format_open(struct store *store, const char *dir);

/* As format 1 had it: the rest of what is kept about a zone begins at the same place. */
struct disk_zone_1 {
	uint32_t id, serial;
	uint64_t generation, records;
	int64_t refreshed_at, transferred_at;
	uint64_t transfer_bytes, transfer_records;
	uint32_t refresh_s, retry_s, expire_s, transfer_ms;
	uint8_t has_content, is_signed, max_labels, zero[5];
	char primary[64];
};

_Static_assert(sizeof(struct disk_zone_1) == 144, "no padding");

#endif
