/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replies made of text into a transfer. */
#ifndef XNS_TEST_XFR_FEED_H
#define XNS_TEST_XFR_FEED_H

#include "replytext.h"
#include "transfer/xfr.h"

/* Memory of just its size, so that a byte too far is seen. */
static inline enum xfr_status feed(struct xfr *xfr, const struct reply *wire)
{
	uint8_t *exact = malloc(wire->len ? wire->len : 1);
	enum xfr_status status;

	memcpy(exact, wire->bytes, wire->len);
	status = xfr_message(xfr, exact, wire->len);
	free(exact);
	return status;
}

#endif
