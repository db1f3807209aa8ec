/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/xfr_internal.h"
#include "util/plural.h"

struct xfr *xfr_new(const struct xfr_request *request)
{
	struct xfr *xfr = calloc(1, sizeof(*xfr));

	if (!xfr || knot_dname_store(xfr->apex, request->apex) == 0) {
		free(xfr);
		return NULL;
	}
	xfr->request = *request;
	xfr->request.apex = xfr->apex;
	xfr->expire_s = -1;
	xfr->question = (struct message_question){
		.name = xfr->apex,
		.type = request->ixfr ? KNOT_RRTYPE_IXFR : KNOT_RRTYPE_AXFR,
		.id = (uint16_t)message_random(),
	};
	tsig_client_init(&xfr->tsig, request->key);
	return xfr;
}

void xfr_free(struct xfr *xfr)
{
	if (!xfr)
		return;
	tsig_client_free(&xfr->tsig);
	content_free(xfr->content);
	diff_free(xfr->diff);
	free(xfr->first_soa);
	free(xfr->turn_soa);
	free(xfr);
}

/* RFC 1995 §3: our SOA in the authority section. Only its serial is looked at; the rest is empty,
 * as dig and kdig send it. */
static int put_serial(uint8_t *buf, size_t *len, size_t buf_len, uint32_t serial)
{
	/* Owner: the question. SOA, IN, TTL 0, rdata of two roots and five numbers. */
	uint8_t soa[] = {0xc0, KNOT_WIRE_HEADER_SIZE,
			 0,    KNOT_RRTYPE_SOA,
			 0,    KNOT_CLASS_IN,
			 0,    0,
			 0,    0,
			 0,    22,
			 0,    0,
			 0,    0,
			 0,    0,
			 0,    0,
			 0,    0,
			 0,    0,
			 0,    0,
			 0,    0,
			 0,    0,
			 0,    0,
			 0,    0};

	if (*len > buf_len || buf_len - *len < sizeof(soa))
		return -ENOSPC;
	knot_wire_write_u32(soa + 14, serial);
	memcpy(buf + *len, soa, sizeof(soa));
	*len += sizeof(soa);
	knot_wire_add_nscount(buf, 1);
	return 0;
}

int xfr_query(struct xfr *xfr, uint8_t *buf, size_t buf_len)
{
	int ret = message_query(&xfr->question, buf, buf_len);
	size_t len;

	if (ret < 0)
		return ret;
	len = (size_t)ret;
	ret = xfr->request.ixfr ? put_serial(buf, &len, buf_len, xfr->request.serial) : 0;
	if (ret == 0 && !xfr->request.plain)
		ret = message_put_opt(buf, &len, buf_len);
	if (ret == 0)
		ret = tsig_client_sign(&xfr->tsig, buf, &len, buf_len);
	return ret < 0 ? ret : (int)len;
}

int xfr_broken(struct xfr *xfr, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(xfr->reason, sizeof(xfr->reason), fmt, args);
	va_end(args);
	return -EBADMSG;
}

/*
 * Authority and additional section: nothing in them belongs to the zone (RFC 5936 §2.2.4, §2.2.5),
 * but they must be well-formed, and OPT has something to say.
 */
static int other_records(struct xfr *xfr, struct message *message)
{
	unsigned count = (unsigned)message->count[1] + message->count[2];
	struct message_edns edns = {.expire_s = -1};

	for (unsigned i = 0; i < count; i++) {
		knot_rrset_t rr;

		if (message_record(message, &xfr->scratch, &rr, xfr->reason) < 0)
			return -EBADMSG;
		if (rr.type == KNOT_RRTYPE_TSIG)
			return xfr_broken(xfr, "a TSIG that is not the last record of its message");
		if (rr.type == KNOT_RRTYPE_OPT &&
		    message_edns_read(&rr, knot_wire_get_rcode(message->wire), &edns, xfr->reason) <
			    0) {
			xfr->wants_plain = message_is_edns_refusal(edns.rcode);
			return -EBADMSG;
		}
	}
	if (message->pos != message->len)
		return xfr_broken(xfr, "%zu byte%s behind the last record of a message",
				  message->len - message->pos, plural(message->len - message->pos));
	if (xfr->messages == 1)
		xfr->expire_s = edns.expire_s;
	return 0;
}

static int answer_records(struct xfr *xfr, struct message *message)
{
	if (message->count[0] == 0) {
		if (other_records(xfr, message) < 0) /* an extended RCODE tells more */
			return -EBADMSG;
		return xfr_broken(xfr, "a message without records, after %llu record%s",
				  (unsigned long long)xfr->records, plural(xfr->records));
	}
	for (unsigned i = 0; i < message->count[0]; i++) {
		knot_rrset_t rr;

		if (message_record(message, &xfr->scratch, &rr, xfr->reason) < 0 ||
		    xfr_record(xfr, &rr) < 0)
			return -EBADMSG;
	}
	return other_records(xfr, message);
}

/* The TSIG, and all that is before the records. */
static int message_check(struct xfr *xfr, uint8_t *wire, size_t len, struct message *ret)
{
	enum message_verdict verdict;
	int err;

	/* What is no reply to the query needs no signature to be refused. */
	err = tsig_client_check(&xfr->tsig, wire, len, &len, xfr->reason);
	/* RFC 5936 §2.2.1: the question is in the first message, and may be in the others. */
	if (err == 0) {
		verdict = message_open(wire, len, &xfr->question, xfr->messages == 1, ret,
				       xfr->reason);
		err = verdict == MESSAGE_GOOD ? 0 : -EBADMSG;
	}
	if (err < 0 && len >= KNOT_WIRE_HEADER_SIZE && knot_wire_get_id(wire) == xfr->question.id)
		xfr->wants_plain = message_is_edns_refusal(knot_wire_get_rcode(wire));
	return err < 0 ? -EBADMSG : 0;
}

static int message_read(struct xfr *xfr, uint8_t *wire, size_t len)
{
	struct message message;

	xfr->messages++;
	xfr->bytes += len;
	if (xfr->bytes > xfr->request.max_bytes)
		return xfr_broken(xfr,
				  "larger than %llu bytes (zone-max-size), after %llu record%s",
				  (unsigned long long)xfr->request.max_bytes,
				  (unsigned long long)xfr->records, plural(xfr->records));
	if (message_check(xfr, wire, len, &message) < 0 || answer_records(xfr, &message) < 0)
		return -EBADMSG;
	if (xfr_message_end(xfr) < 0)
		return -EBADMSG;
	if (xfr->state == STATE_FINISHED && tsig_client_end(&xfr->tsig, xfr->reason) < 0)
		return -EBADMSG;
	return 0;
}

enum xfr_status xfr_message(struct xfr *xfr, uint8_t *msg, size_t len)
{
	if (xfr->state == STATE_FINISHED)
		xfr_broken(xfr, "a message behind the final SOA");
	else if (xfr->state != STATE_BROKEN && message_read(xfr, msg, len) == 0)
		return xfr->state == STATE_FINISHED ? XFR_DONE : XFR_MORE;
	xfr->state = STATE_BROKEN;
	return XFR_FAILED;
}

const char *xfr_reason(const struct xfr *xfr)
{
	return xfr->reason;
}

bool xfr_wants_plain(const struct xfr *xfr)
{
	return xfr->state == STATE_BROKEN && xfr->wants_plain && xfr->messages == 1 &&
	       !xfr->request.plain;
}

enum xfr_outcome xfr_outcome(const struct xfr *xfr)
{
	return xfr->outcome;
}

struct content *xfr_take_content(struct xfr *xfr)
{
	struct content *content = xfr->content;

	if (xfr->state != STATE_FINISHED || xfr->outcome != XFR_CONTENT)
		return NULL;
	xfr->content = NULL;
	return content;
}

struct diff *xfr_take_diff(struct xfr *xfr)
{
	struct diff *diff = xfr->diff;

	if (xfr->state != STATE_FINISHED || xfr->outcome != XFR_DIFF)
		return NULL;
	xfr->diff = NULL;
	return diff;
}

uint64_t xfr_bytes(const struct xfr *xfr)
{
	return xfr->bytes;
}

uint64_t xfr_messages(const struct xfr *xfr)
{
	return xfr->messages;
}

uint64_t xfr_records(const struct xfr *xfr)
{
	return xfr->records;
}

uint32_t xfr_serial(const struct xfr *xfr)
{
	return xfr->serial;
}

int64_t xfr_expire_s(const struct xfr *xfr)
{
	return xfr->expire_s;
}
