/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The records of a transfer in, one after the other (the states: xfr.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/xfr_internal.h"
#include "util/plural.h"

/* At most this far a reason names one record. */
static int broken_by(struct xfr *xfr, const char *what, const knot_rrset_t *rr)
{
	char text[MESSAGE_RECORD_MAX];

	return xfr_broken(xfr, "%s: %s", what, message_record_text(rr->owner, rr->type, text));
}

/*
 * The same SOA? Names are compared without regard to case: a primary that compresses them against
 * the question or an owner of other spelling writes the same record in two ways.
 */
static bool soa_same(const knot_rdata_t *a, const knot_rdata_t *b)
{
	return knot_dname_is_case_equal(knot_soa_primary(a), knot_soa_primary(b)) &&
	       knot_dname_is_case_equal(knot_soa_mailbox(a), knot_soa_mailbox(b)) &&
	       memcmp(a->data + knot_soa_names_len(a), b->data + knot_soa_names_len(b), 20) == 0;
}

static int soa_keep(struct xfr *xfr, const knot_rdata_t *soa, knot_rdata_t **ret)
{
	knot_rdata_t *copy = malloc(knot_rdata_size(soa->len));

	if (!copy)
		return xfr_broken(xfr, "out of memory");
	knot_rdata_init(copy, soa->len, soa->data);
	free(*ret);
	*ret = copy;
	return 0;
}

/* What content_add or diff_add said of the record. */
static int taken(struct xfr *xfr, int ret, const knot_rrset_t *rr)
{
	switch (ret) {
	case 0:
		xfr->records++;
		return 0;
	case -EXDEV:
		return broken_by(xfr, "record outside of the zone", rr);
	case -ENOMEM:
		return xfr_broken(xfr, "out of memory after %llu record%s",
				  (unsigned long long)xfr->records, plural(xfr->records));
	default:
		return broken_by(xfr, "malformed record", rr);
	}
}

static int finished(struct xfr *xfr, enum xfr_outcome outcome)
{
	xfr->state = STATE_FINISHED;
	xfr->outcome = outcome;
	return 0;
}

/* ---- the whole zone ---- */

static int whole_add(struct xfr *xfr, const knot_rrset_t *rr)
{
	if (xfr->request.max_records > 0 && xfr->records >= xfr->request.max_records)
		return xfr_broken(xfr, "more than %llu record%s (zone-max-records)",
				  (unsigned long long)xfr->request.max_records,
				  plural(xfr->request.max_records));
	return taken(xfr, content_add(xfr->content, rr), rr);
}

/* Begins with the first SOA, which is in the content too. */
static int whole_begin(struct xfr *xfr)
{
	knot_rrset_t soa;

	xfr->content = content_new(xfr->apex);
	if (!xfr->content)
		return xfr_broken(xfr, "out of memory");
	knot_rrset_init(&soa, xfr->apex, KNOT_RRTYPE_SOA, KNOT_CLASS_IN, xfr->first_ttl);
	soa.rrs = (knot_rdataset_t){
		.count = 1,
		.size = (uint32_t)knot_rdata_size(xfr->first_soa->len),
		.rdata = xfr->first_soa,
	};
	xfr->state = STATE_WHOLE;
	return whole_add(xfr, &soa);
}

/* An SOA behind the first one: the end of the transfer, or a mistake. */
static int whole_soa(struct xfr *xfr, const knot_rdata_t *soa)
{
	if (knot_soa_serial(soa) != xfr->serial)
		return xfr_broken(xfr, "SOA in the middle: serial %u in a transfer of serial %u",
				  knot_soa_serial(soa), xfr->serial);
	if (!soa_same(soa, xfr->first_soa))
		return xfr_broken(xfr, "the last SOA differs from the first, both with serial %u",
				  xfr->serial);
	return finished(xfr, XFR_CONTENT);
}

/* ---- differences ---- */

static int diff_next(struct xfr *xfr, const knot_rrset_t *old_soa)
{
	xfr->state = STATE_REMOVED;
	return taken(xfr, diff_begin(xfr->diff, old_soa), old_soa);
}

/* The second record of an IXFR is an SOA: of the first difference. */
static int diff_first(struct xfr *xfr, const knot_rrset_t *rr)
{
	uint32_t from = knot_soa_serial(rr->rrs.rdata);

	if (soa_same(rr->rrs.rdata, xfr->first_soa)) {
		if (!message_serial_newer(xfr->serial, xfr->request.serial))
			return finished(xfr, XFR_CURRENT);
		return xfr_broken(xfr, "two SOAs of serial %u and nothing between them",
				  xfr->serial);
	}
	if (!message_serial_newer(xfr->serial, xfr->request.serial))
		return xfr_broken(xfr,
				  "differences that lead to serial %u, which is not newer "
				  "than serial %u here",
				  xfr->serial, xfr->request.serial);
	if (from != xfr->request.serial)
		return xfr_broken(xfr,
				  "begins with a difference from serial %u, not from serial %u",
				  from, xfr->request.serial);
	xfr->diff = diff_new(xfr->apex);
	if (!xfr->diff)
		return xfr_broken(xfr, "out of memory");
	return diff_next(xfr, rr);
}

/* From what is removed to what is added. */
static int diff_middle(struct xfr *xfr, const knot_rrset_t *rr)
{
	const knot_rdata_t *soa = rr->rrs.rdata;
	uint32_t from = xfr->turn_soa ? knot_soa_serial(xfr->turn_soa) : xfr->request.serial;
	uint32_t to = knot_soa_serial(soa);

	if (!message_serial_newer(to, from))
		return xfr_broken(xfr,
				  "a difference that leads from serial %u to serial %u, which "
				  "is not newer",
				  from, to);
	if (to != xfr->serial && !message_serial_newer(xfr->serial, to))
		return xfr_broken(xfr,
				  "a difference that leads to serial %u in a transfer of "
				  "serial %u",
				  to, xfr->serial);
	if (to == xfr->serial && !soa_same(soa, xfr->first_soa))
		return xfr_broken(xfr, "the new SOA differs from the first, both with serial %u",
				  xfr->serial);
	if (soa_keep(xfr, soa, &xfr->turn_soa) < 0)
		return -EBADMSG;
	xfr->state = STATE_ADDED;
	return taken(xfr, diff_turn(xfr->diff, rr), rr);
}

/* Behind what is added: the next difference, or the end. */
static int diff_behind(struct xfr *xfr, const knot_rrset_t *rr)
{
	const knot_rdata_t *soa = rr->rrs.rdata;
	uint32_t to = knot_soa_serial(xfr->turn_soa);

	if (knot_soa_serial(soa) != to)
		return xfr_broken(xfr,
				  "a difference from serial %u behind one that leads to "
				  "serial %u",
				  knot_soa_serial(soa), to);
	if (!soa_same(soa, xfr->turn_soa))
		return xfr_broken(xfr, "two SOAs of serial %u that differ", to);
	if (to == xfr->serial)
		return finished(xfr, XFR_DIFF);
	return diff_next(xfr, rr);
}

static int diff_record(struct xfr *xfr, const knot_rrset_t *rr)
{
	return taken(xfr, diff_add(xfr->diff, rr), rr);
}

/* ---- any record ---- */

static int first_record(struct xfr *xfr, const knot_rrset_t *rr)
{
	const knot_rdata_t *soa = rr->rrs.rdata;
	char text[MESSAGE_RECORD_MAX];

	if (rr->type != KNOT_RRTYPE_SOA || !knot_dname_is_case_equal(rr->owner, xfr->apex))
		return xfr_broken(xfr, "begins with %s, not with the zone's SOA",
				  message_record_text(rr->owner, rr->type, text));
	if (soa_keep(xfr, soa, &xfr->first_soa) < 0)
		return -EBADMSG;
	xfr->first_ttl = rr->ttl;
	xfr->serial = knot_soa_serial(soa);
	if (!xfr->request.ixfr)
		return whole_begin(xfr);
	xfr->state = STATE_BARE;
	return 0;
}

static int soa_record(struct xfr *xfr, const knot_rrset_t *rr)
{
	if (!knot_dname_is_case_equal(rr->owner, xfr->apex))
		return broken_by(xfr, "SOA below the apex", rr);
	switch (xfr->state) {
	case STATE_BARE:
		return diff_first(xfr, rr);
	case STATE_REMOVED:
		return diff_middle(xfr, rr);
	case STATE_ADDED:
		return diff_behind(xfr, rr);
	default:
		return whole_soa(xfr, rr->rrs.rdata);
	}
}

int xfr_record(struct xfr *xfr, knot_rrset_t *rr)
{
	char class[32];

	if (xfr->state == STATE_FINISHED)
		return broken_by(xfr, "record behind the final SOA", rr);
	if (knot_rrtype_is_metatype(rr->type))
		return broken_by(xfr, "a meta type among the records", rr);
	if (rr->rclass != KNOT_CLASS_IN) {
		char text[MESSAGE_RECORD_MAX];

		if (knot_rrclass_to_string(rr->rclass, class, sizeof(class)) < 0)
			snprintf(class, sizeof(class), "%u", rr->rclass);
		return xfr_broken(xfr, "record of class %s: %s", class,
				  message_record_text(rr->owner, rr->type, text));
	}
	if (rr->ttl > INT32_MAX) /* RFC 2181 §8 */
		rr->ttl = 0;
	if (xfr->state == STATE_START)
		return first_record(xfr, rr);
	if (rr->type == KNOT_RRTYPE_SOA)
		return soa_record(xfr, rr);
	if (xfr->state == STATE_BARE && whole_begin(xfr) < 0)
		return -EBADMSG;
	return xfr->state == STATE_WHOLE ? whole_add(xfr, rr) : diff_record(xfr, rr);
}

int xfr_message_end(struct xfr *xfr)
{
	if (xfr->state == STATE_BARE && xfr->messages == 1 &&
	    !message_serial_newer(xfr->serial, xfr->request.serial))
		return finished(xfr, XFR_CURRENT);
	return 0;
}
