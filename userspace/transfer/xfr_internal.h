/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of a transfer in: xfr.c reads messages, xfr_record.c makes content or a difference of the
 * records. */
#ifndef XNS_XFR_INTERNAL_H
#define XNS_XFR_INTERNAL_H

#include "transfer/message.h"
#include "transfer/xfr.h"
#include "tsig/tsig.h"

enum xfr_state {
	STATE_START,
	STATE_BARE,
	STATE_WHOLE,
	STATE_REMOVED,
	STATE_ADDED,
	STATE_FINISHED,
	STATE_BROKEN,
};

struct xfr {
	enum xfr_state state;
	enum xfr_outcome outcome;
	struct xfr_request request;
	struct message_question question;
	struct tsig_client tsig;
	uint64_t bytes, messages, records;
	uint32_t serial;
	int64_t expire_s;
	bool wants_plain;
	struct content *content;
	struct diff *diff;
	knot_rdata_t *first_soa, *turn_soa; /* of the reply; of the difference that is being read */
	uint32_t first_ttl;
	char reason[MESSAGE_REASON_MAX];
	knot_dname_storage_t apex;
	struct message_scratch scratch;
};

/* The transfer has failed. Returns -EBADMSG. */
int __attribute__((format(printf, 2, 3))) xfr_broken(struct xfr *xfr, const char *fmt, ...);

/* A record of an answer section, in the scratch; the end of a message. 0 or -EBADMSG. */
int xfr_record(struct xfr *xfr, knot_rrset_t *rr);
int xfr_message_end(struct xfr *xfr);

#endif
