/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AXFR in (RFC 5936) as a state machine: messages go in, a zone's content comes out. Knows no
 * sockets.
 *
 *     START ──first SOA──▶ RECORDS ──same SOA again──▶ DONE
 *       │                     │
 *       └──────── anything else: FAILED, reason in words ──▶
 */
#ifndef XNS_AXFR_H
#define XNS_AXFR_H

#include <stddef.h>
#include <stdint.h>
#include <libknot/libknot.h>

#include "store/content.h"

struct axfr;

enum axfr_status {
	AXFR_MORE,
	AXFR_DONE,
	AXFR_FAILED,
};

/* max_bytes: bound of the messages' sum. NULL: out of memory. */
struct axfr *axfr_new(const knot_dname_t *apex, uint64_t max_bytes);
void axfr_free(struct axfr *axfr);

/* The query, in wire form with a fresh random ID, to buf (512 bytes suffice); its length or a
 * negative errno. */
int axfr_query(struct axfr *axfr, uint8_t *buf, size_t buf_len);

/* One DNS message (without the TCP length). */
enum axfr_status axfr_message(struct axfr *axfr, const uint8_t *msg, size_t len);

/* After AXFR_FAILED: why, in words ("SOA in the middle", "REFUSED", ...). */
const char *axfr_reason(const struct axfr *axfr);

/* After AXFR_DONE: the content, which now is the caller's (not yet content_finish'ed). */
struct content *axfr_take_content(struct axfr *axfr);

uint64_t axfr_bytes(const struct axfr *axfr);
uint64_t axfr_messages(const struct axfr *axfr);
uint64_t axfr_records(const struct axfr *axfr);
uint32_t axfr_serial(const struct axfr *axfr); /* of the first SOA, once seen */

#endif
