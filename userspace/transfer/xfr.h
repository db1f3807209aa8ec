/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A transfer in, AXFR (RFC 5936) or IXFR (RFC 1995), as a state machine: messages go in; a whole
 * content, a difference, or "nothing newer" comes out. Knows no sockets.
 */
#ifndef XNS_XFR_H
#define XNS_XFR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libknot/libknot.h>

#include "store/content.h"
#include "store/diff.h"

/*
 *     START ──SOA n──▶ WHOLE ──SOA n──▶ FINISHED (content)                             AXFR
 *
 *     START ──SOA n──▶ BARE ──other record──▶ WHOLE ──SOA n──▶ FINISHED (content)      IXFR
 *                       │ └──end of the message, n not newer──▶ FINISHED (current)
 *                       └──SOA of our serial──▶ REMOVED ──SOA──▶ ADDED ──SOA n──▶ FINISHED (diff)
 *                                                  ▲───────SOA─────┘
 *     anything else: BROKEN, reason in words
 *
 * A reply to IXFR of nothing but an SOA that is newer than ours (RFC 1995 §4: it did not fit) may
 * also be the first message of a longer one: it is XFR_MORE, and the end of the connection tells.
 */
struct xfr;

struct xfr_request {
	const knot_dname_t *apex;   /* lower case; copied */
	bool ixfr;		    /* else AXFR */
	bool plain;		    /* without EDNS */
	uint32_t serial;	    /* IXFR: what we have */
	uint64_t max_bytes;	    /* of the messages' sum */
	uint64_t max_records;	    /* of the content; 0: no bound */
	const knot_tsig_key_t *key; /* NULL: none; must live as long as the transfer */
};

enum xfr_status {
	XFR_MORE,
	XFR_DONE,
	XFR_FAILED,
};

enum xfr_outcome {
	XFR_CONTENT, /* the whole zone: AXFR, or IXFR answered so */
	XFR_DIFF,
	XFR_CURRENT, /* a single SOA, not newer than ours (and perhaps older: xfr_serial) */
};

/* NULL: out of memory. */
struct xfr *xfr_new(const struct xfr_request *request);
void xfr_free(struct xfr *xfr);

/* The query: a fresh random ID, EDNS with the EXPIRE option (RFC 7314), signed. Its length or a
 * negative errno. XFR_QUERY_MAX bytes suffice. */
#define XFR_QUERY_MAX 1536
int xfr_query(struct xfr *xfr, uint8_t *buf, size_t buf_len);

/* One DNS message without the TCP length; a TSIG is checked and taken off in it. */
enum xfr_status xfr_message(struct xfr *xfr, uint8_t *msg, size_t len);

/* After XFR_FAILED: why, in words. "" otherwise. */
const char *xfr_reason(const struct xfr *xfr);
/* After XFR_FAILED: EDNS in the query may be the reason; it is worth asking again with `plain`. */
bool xfr_wants_plain(const struct xfr *xfr);

/* After XFR_DONE. What is taken is the caller's. */
enum xfr_outcome xfr_outcome(const struct xfr *xfr);
struct content *xfr_take_content(struct xfr *xfr); /* not yet content_finish'ed */
struct diff *xfr_take_diff(struct xfr *xfr);

uint64_t xfr_bytes(const struct xfr *xfr);
uint64_t xfr_messages(const struct xfr *xfr);
uint64_t xfr_records(const struct xfr *xfr);
uint32_t xfr_serial(const struct xfr *xfr);  /* the new one, once seen */
int64_t xfr_expire_s(const struct xfr *xfr); /* EXPIRE option of the reply; -1: none */

#endif
