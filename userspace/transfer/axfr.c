/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/axfr.h"
#include "transfer/message.h"

enum axfr_state {
	AXFR_START,
	AXFR_RECORDS,
	AXFR_FINISHED,
	AXFR_BROKEN,
};

struct axfr {
	enum axfr_state state;
	struct message_question question;
	uint64_t max_bytes;
	uint64_t bytes, messages, records;
	uint32_t serial;
	struct content *content;
	knot_rdata_t *first_soa; /* rdata of the first record */
	char reason[MESSAGE_REASON_MAX];
	knot_dname_storage_t apex;
	struct message_scratch scratch;
};

struct axfr *axfr_new(const knot_dname_t *apex, uint64_t max_bytes)
{
	struct axfr *axfr = calloc(1, sizeof(*axfr));

	if (!axfr || knot_dname_store(axfr->apex, apex) == 0) {
		free(axfr);
		return NULL;
	}
	axfr->question = (struct message_question){
		.name = axfr->apex,
		.type = KNOT_RRTYPE_AXFR,
		.id = (uint16_t)message_random(),
	};
	axfr->max_bytes = max_bytes;
	axfr->content = content_new(apex);
	if (!axfr->content) {
		axfr_free(axfr);
		return NULL;
	}
	return axfr;
}

void axfr_free(struct axfr *axfr)
{
	if (!axfr)
		return;
	content_free(axfr->content);
	free(axfr->first_soa);
	free(axfr);
}

int axfr_query(struct axfr *axfr, uint8_t *buf, size_t buf_len)
{
	return message_query(&axfr->question, buf, buf_len);
}

/* The transfer has failed. Returns -EBADMSG. */
static int __attribute__((format(printf, 2, 3))) broken(struct axfr *axfr, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(axfr->reason, sizeof(axfr->reason), fmt, args);
	va_end(args);
	return -EBADMSG;
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

static int add(struct axfr *axfr, const knot_rrset_t *rr)
{
	char text[MESSAGE_RECORD_MAX];

	switch (content_add(axfr->content, rr)) {
	case 0:
		axfr->records++;
		return 0;
	case -EXDEV:
		return broken(axfr, "record outside of the zone: %s",
			      message_record_text(rr->owner, rr->type, text));
	case -ENOMEM:
		return broken(axfr, "out of memory after %llu records",
			      (unsigned long long)axfr->records);
	default:
		return broken(axfr, "malformed record %s",
			      message_record_text(rr->owner, rr->type, text));
	}
}

static int first_record(struct axfr *axfr, const knot_rrset_t *rr, bool at_apex)
{
	const knot_rdata_t *rdata = rr->rrs.rdata;
	char text[MESSAGE_RECORD_MAX];

	if (rr->type != KNOT_RRTYPE_SOA || !at_apex)
		return broken(axfr, "begins with %s, not with the zone's SOA",
			      message_record_text(rr->owner, rr->type, text));
	axfr->first_soa = malloc(knot_rdata_size(rdata->len));
	if (!axfr->first_soa)
		return broken(axfr, "out of memory");
	knot_rdata_init(axfr->first_soa, rdata->len, rdata->data);
	axfr->serial = knot_soa_serial(rdata);
	axfr->state = AXFR_RECORDS;
	return add(axfr, rr);
}

/* An SOA behind the first one: the end of the transfer, or a mistake. */
static int next_soa(struct axfr *axfr, const knot_rrset_t *rr, bool at_apex)
{
	const knot_rdata_t *rdata = rr->rrs.rdata;
	char text[MESSAGE_RECORD_MAX];

	if (!at_apex)
		return broken(axfr, "SOA below the apex: %s",
			      message_record_text(rr->owner, rr->type, text));
	if (knot_soa_serial(rdata) != axfr->serial)
		return broken(axfr, "SOA in the middle: serial %u in a transfer of serial %u",
			      knot_soa_serial(rdata), axfr->serial);
	if (!soa_same(rdata, axfr->first_soa))
		return broken(axfr, "the last SOA differs from the first, both with serial %u",
			      axfr->serial);
	axfr->state = AXFR_FINISHED;
	return 0;
}

static int answer_record(struct axfr *axfr, knot_rrset_t *rr)
{
	char text[MESSAGE_RECORD_MAX], class[32];
	bool at_apex;

	if (axfr->state == AXFR_FINISHED)
		return broken(axfr, "record behind the final SOA: %s",
			      message_record_text(rr->owner, rr->type, text));
	if (knot_rrtype_is_metatype(rr->type))
		return broken(axfr, "a meta type among the records: %s",
			      message_record_text(rr->owner, rr->type, text));
	if (rr->rclass != KNOT_CLASS_IN) {
		if (knot_rrclass_to_string(rr->rclass, class, sizeof(class)) < 0)
			snprintf(class, sizeof(class), "%u", rr->rclass);
		return broken(axfr, "record of class %s: %s", class,
			      message_record_text(rr->owner, rr->type, text));
	}
	if (rr->ttl > INT32_MAX) /* RFC 2181 §8 */
		rr->ttl = 0;
	at_apex = (axfr->state == AXFR_START || rr->type == KNOT_RRTYPE_SOA) &&
		  knot_dname_is_case_equal(rr->owner, axfr->apex);
	if (axfr->state == AXFR_START)
		return first_record(axfr, rr, at_apex);
	if (rr->type == KNOT_RRTYPE_SOA)
		return next_soa(axfr, rr, at_apex);
	return add(axfr, rr);
}

/*
 * Authority and additional section: nothing in them belongs to the zone (RFC 5936 §2.2.4, §2.2.5),
 * but they must be well-formed, and a signature that was not asked for means that the two sides
 * disagree on the key.
 */
static int other_records(struct axfr *axfr, struct message *message)
{
	unsigned count = (unsigned)message->count[1] + message->count[2];

	for (unsigned i = 0; i < count; i++) {
		knot_rrset_t rr;

		if (message_record(message, &axfr->scratch, &rr, axfr->reason) < 0)
			return -EBADMSG;
		if (rr.type == KNOT_RRTYPE_TSIG)
			return broken(axfr, "signed with TSIG, though no key is configured");
	}
	if (message->pos != message->len)
		return broken(axfr, "%zu bytes behind the last record of a message",
			      message->len - message->pos);
	return 0;
}

static int message_read(struct axfr *axfr, const uint8_t *wire, size_t len)
{
	struct message message;

	axfr->messages++;
	axfr->bytes += len;
	if (axfr->bytes > axfr->max_bytes)
		return broken(axfr, "larger than %llu bytes (zone-max-size), after %llu records",
			      (unsigned long long)axfr->max_bytes,
			      (unsigned long long)axfr->records);
	/* RFC 5936 §2.2.1: the question is in the first message, and may be in the others. */
	if (message_open(wire, len, &axfr->question, axfr->messages == 1, &message, axfr->reason) !=
	    MESSAGE_GOOD)
		return -EBADMSG;
	if (message.count[0] == 0)
		return broken(axfr, "a message without records, after %llu records",
			      (unsigned long long)axfr->records);
	for (unsigned i = 0; i < message.count[0]; i++) {
		knot_rrset_t rr;

		if (message_record(&message, &axfr->scratch, &rr, axfr->reason) < 0 ||
		    answer_record(axfr, &rr) < 0)
			return -EBADMSG;
	}
	return other_records(axfr, &message);
}

enum axfr_status axfr_message(struct axfr *axfr, const uint8_t *msg, size_t len)
{
	if (axfr->state == AXFR_FINISHED)
		broken(axfr, "a message behind the final SOA");
	else if (axfr->state != AXFR_BROKEN && message_read(axfr, msg, len) == 0)
		return axfr->state == AXFR_FINISHED ? AXFR_DONE : AXFR_MORE;
	axfr->state = AXFR_BROKEN;
	return AXFR_FAILED;
}

const char *axfr_reason(const struct axfr *axfr)
{
	return axfr->reason;
}

struct content *axfr_take_content(struct axfr *axfr)
{
	struct content *content = axfr->state == AXFR_FINISHED ? axfr->content : NULL;

	if (content)
		axfr->content = NULL;
	return content;
}

uint64_t axfr_bytes(const struct axfr *axfr)
{
	return axfr->bytes;
}

uint64_t axfr_messages(const struct axfr *axfr)
{
	return axfr->messages;
}

uint64_t axfr_records(const struct axfr *axfr)
{
	return axfr->records;
}

uint32_t axfr_serial(const struct axfr *axfr)
{
	return axfr->serial;
}
