/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stands in, until they land within the hour, for what transfer/, store/, apply/ and check/ bring;
 * weak, so that theirs wins. */
#include <errno.h>
#include <stdlib.h>

#include "apply/apply.h"
#include "check/check.h"
#include "transfer/axfr.h"
#include "transfer/soa.h"
#include "transfer/xfr.h"

#define WEAK __attribute__((weak))

struct xfr {
	struct axfr *axfr;
};

WEAK struct xfr *xfr_new(const struct xfr_request *request)
{
	struct xfr *xfr = calloc(1, sizeof(*xfr));

	if (xfr)
		xfr->axfr = axfr_new(request->apex, request->max_bytes);
	return xfr;
}

WEAK void xfr_free(struct xfr *xfr)
{
	if (xfr)
		axfr_free(xfr->axfr);
	free(xfr);
}

WEAK int xfr_query(struct xfr *xfr, uint8_t *buf, size_t buf_len)
{
	return axfr_query(xfr->axfr, buf, buf_len);
}

WEAK enum xfr_status xfr_message(struct xfr *xfr, uint8_t *msg, size_t len)
{
	enum axfr_status status = axfr_message(xfr->axfr, msg, len);

	return status == AXFR_MORE ? XFR_MORE : status == AXFR_DONE ? XFR_DONE : XFR_FAILED;
}

WEAK const char *xfr_reason(const struct xfr *xfr)
{
	return axfr_reason(xfr->axfr);
}

WEAK enum xfr_outcome xfr_outcome(const struct xfr *xfr)
{
	(void)xfr;
	return XFR_CONTENT;
}

WEAK struct content *xfr_take_content(struct xfr *xfr)
{
	return axfr_take_content(xfr->axfr);
}

WEAK struct diff *xfr_take_diff(struct xfr *xfr)
{
	(void)xfr;
	return NULL;
}

WEAK uint64_t xfr_bytes(const struct xfr *xfr)
{
	return axfr_bytes(xfr->axfr);
}

WEAK uint64_t xfr_messages(const struct xfr *xfr)
{
	return axfr_messages(xfr->axfr);
}

WEAK uint64_t xfr_records(const struct xfr *xfr)
{
	return axfr_records(xfr->axfr);
}

WEAK uint32_t xfr_serial(const struct xfr *xfr)
{
	return axfr_serial(xfr->axfr);
}

WEAK int64_t xfr_expire_s(const struct xfr *xfr)
{
	(void)xfr;
	return -1;
}

WEAK bool xfr_wants_plain(const struct xfr *xfr)
{
	(void)xfr;
	return false;
}

WEAK int soa_query_make(struct soa_query *query, const knot_dname_t *apex,
			const knot_tsig_key_t *key, bool plain, uint8_t *buf, size_t buf_len)
{
	(void)key;
	(void)plain;
	*query = (struct soa_query){.question = soa_question(apex)};
	return message_query(&query->question, buf, buf_len);
}

WEAK void soa_query_free(struct soa_query *query)
{
	(void)query;
}

WEAK enum message_verdict soa_query_reply(struct soa_query *query, uint8_t *wire, size_t len,
					  struct soa_answer *ret, char *reason)
{
	ret->expire_s = -1;
	return soa_reply(wire, len, &query->question, &ret->serial, reason);
}

WEAK void diff_free(struct diff *diff)
{
	(void)diff;
}

WEAK size_t diff_count(const struct diff *diff)
{
	(void)diff;
	return 0;
}

WEAK int apply_diff(struct apply *apply, struct zone *zone, struct diff *diff,
		    const struct apply_transfer *transfer, apply_done done, void *ctx)
{
	(void)apply, (void)zone, (void)diff, (void)transfer, (void)done, (void)ctx;
	return -ENOSYS;
}

WEAK bool check_is_wanted(const struct zone *zone)
{
	(void)zone;
	return false;
}

WEAK int check_start(uv_loop_t *loop, struct store *store, struct zone *zone,
		     struct content *content, struct diff *diff, check_done done, void *ctx,
		     struct check_run **ret)
{
	(void)loop, (void)store, (void)zone, (void)content, (void)diff, (void)done, (void)ctx;
	(void)ret;
	return -ENOSYS;
}

WEAK void check_cancel(struct check_run *run)
{
	(void)run;
}
