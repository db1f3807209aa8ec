/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "transfer/message.h"

uint32_t message_random(void)
{
	uint32_t number;

	/* Cannot fail for so few bytes once the pool is initialised, nor be interrupted
	 * (getrandom(2)). */
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		abort();
	return number;
}

int message_query(const struct message_question *question, uint8_t *buf, size_t buf_len)
{
	size_t name_len = knot_dname_size(question->name);
	size_t len = KNOT_WIRE_HEADER_SIZE + name_len + 4;

	if (len > buf_len)
		return -ENOSPC;
	memset(buf, 0, KNOT_WIRE_HEADER_SIZE);
	knot_wire_set_id(buf, question->id);
	knot_wire_set_qdcount(buf, 1);
	memcpy(buf + KNOT_WIRE_HEADER_SIZE, question->name, name_len);
	knot_wire_write_u16(buf + len - 4, question->type);
	knot_wire_write_u16(buf + len - 2, KNOT_CLASS_IN);
	return (int)len;
}

static const char *rcode_text(uint16_t rcode, char *text, size_t text_len)
{
	/* 16 is BADVERS in EDNS, BADSIG in TSIG; libknot's list has the latter. */
	const knot_lookup_t *entry = knot_lookup_by_id(knot_rcode_names, rcode);

	if (rcode == KNOT_RCODE_BADVERS)
		snprintf(text, text_len, "BADVERS");
	else if (entry)
		snprintf(text, text_len, "%s", entry->name);
	else
		snprintf(text, text_len, "RCODE %u", rcode);
	return text;
}

int message_put_opt(uint8_t *buf, size_t *len, size_t buf_len)
{
	/* Root, OPT, our size, no extended RCODE, version 0, no flags; EXPIRE without a value. */
	static const uint8_t opt[] = {0,
				      0,
				      KNOT_RRTYPE_OPT,
				      MESSAGE_UDP_SIZE >> 8,
				      MESSAGE_UDP_SIZE & 0xff,
				      0,
				      0,
				      0,
				      0,
				      0,
				      4,
				      0,
				      KNOT_EDNS_OPTION_EXPIRE,
				      0,
				      0};

	if (*len > buf_len || buf_len - *len < sizeof(opt))
		return -ENOSPC;
	memcpy(buf + *len, opt, sizeof(opt));
	*len += sizeof(opt);
	knot_wire_add_arcount(buf, 1);
	return 0;
}

int message_edns_read(const knot_rrset_t *opt, uint8_t header_rcode, struct message_edns *edns,
		      char *reason)
{
	const knot_rdata_t *rdata = opt->rrs.rdata;
	const uint8_t *at = rdata->data, *end = at + rdata->len;
	char text[24];

	if (edns->present) {
		snprintf(reason, MESSAGE_REASON_MAX, "two OPT records in a message");
		return -EBADMSG;
	}
	edns->present = true;
	edns->rcode = (uint16_t)(opt->ttl >> 24 << 4 | header_rcode);
	while (end - at >= 4) {
		uint16_t code = knot_wire_read_u16(at), len = knot_wire_read_u16(at + 2);

		if (len > end - at - 4)
			break;
		at += 4;
		if (code == KNOT_EDNS_OPTION_EXPIRE && len == 4)
			edns->expire_s = knot_wire_read_u32(at);
		at += len;
	}
	if (*opt->owner != 0 || at != end) {
		snprintf(reason, MESSAGE_REASON_MAX, "malformed OPT record");
		return -EBADMSG;
	}
	if (edns->rcode != KNOT_RCODE_NOERROR) {
		snprintf(reason, MESSAGE_REASON_MAX, "answered %s",
			 rcode_text(edns->rcode, text, sizeof(text)));
		return -EBADMSG;
	}
	return 0;
}

bool message_is_edns_refusal(uint16_t rcode)
{
	return rcode == KNOT_RCODE_FORMERR || rcode == KNOT_RCODE_NOTIMPL ||
	       rcode == KNOT_RCODE_BADVERS;
}

const char *message_record_text(const knot_dname_t *owner, uint16_t type, char *text)
{
	char name[KNOT_DNAME_TXT_MAXLEN + 1], type_name[32];

	if (!knot_dname_to_str(name, owner, sizeof(name)))
		snprintf(name, sizeof(name), "?");
	if (knot_rrtype_to_string(type, type_name, sizeof(type_name)) < 0)
		snprintf(type_name, sizeof(type_name), "TYPE%u", type);
	snprintf(text, MESSAGE_RECORD_MAX, "%.120s%s %s", name, strlen(name) > 120 ? "..." : "",
		 type_name);
	return text;
}

/* Reads the question behind the header. 0 and its length, or -EBADMSG. */
static int question_match(const uint8_t *wire, size_t len, const struct message_question *question,
			  size_t *ret_len)
{
	const uint8_t *at = wire + KNOT_WIRE_HEADER_SIZE;
	int name_len = knot_dname_wire_check(at, wire + len, wire);
	knot_dname_storage_t name;

	if (name_len <= 0 || len - KNOT_WIRE_HEADER_SIZE - (size_t)name_len < 4)
		return -EBADMSG;
	/* Compressed, it would point into the header. */
	if (knot_dname_unpack(name, at, sizeof(name), wire) != name_len)
		return -EBADMSG;
	knot_dname_to_lower(name);
	if (!knot_dname_is_equal(name, question->name) ||
	    knot_wire_read_u16(at + name_len) != question->type ||
	    knot_wire_read_u16(at + name_len + 2) != KNOT_CLASS_IN)
		return -EBADMSG;
	*ret_len = (size_t)name_len + 4;
	return 0;
}

/* ID, QR, opcode, question: is this a reply to what was asked? NULL, or why not. */
static const char *foreign_why(const uint8_t *wire, size_t len,
			       const struct message_question *question, bool question_required,
			       size_t *ret_question_len)
{
	size_t question_len = 0;

	if (len < KNOT_WIRE_HEADER_SIZE)
		return "the message is shorter than a header";
	if (knot_wire_get_id(wire) != question->id)
		return "the message has another ID than the query";
	if (!knot_wire_get_qr(wire))
		return "the message is a query, not a reply";
	if (knot_wire_get_opcode(wire) != KNOT_OPCODE_QUERY)
		return "the reply has another opcode than the query";
	switch (knot_wire_get_qdcount(wire)) {
	case 0:
		if (question_required && knot_wire_get_rcode(wire) == KNOT_RCODE_NOERROR)
			return "the reply has no question";
		break;
	case 1:
		if (question_match(wire, len, question, &question_len) < 0)
			return "the reply has another question than the query";
		break;
	default:
		return "the reply has more than one question";
	}
	*ret_question_len = question_len;
	return NULL;
}

enum message_verdict message_open(const uint8_t *wire, size_t len,
				  const struct message_question *question, bool question_required,
				  struct message *ret_message, char *reason)
{
	size_t question_len;
	const char *why = foreign_why(wire, len, question, question_required, &question_len);
	char rcode[24];

	if (why) {
		snprintf(reason, MESSAGE_REASON_MAX, "%s", why);
		return MESSAGE_FOREIGN;
	}
	if (knot_wire_get_rcode(wire) != KNOT_RCODE_NOERROR) {
		snprintf(reason, MESSAGE_REASON_MAX, "answered %s",
			 rcode_text(knot_wire_get_rcode(wire), rcode, sizeof(rcode)));
		return MESSAGE_REFUSED;
	}
	if (knot_wire_get_tc(wire)) {
		snprintf(reason, MESSAGE_REASON_MAX, "the reply is truncated (TC=1)");
		return MESSAGE_TRUNCATED;
	}
	*ret_message = (struct message){
		.wire = wire,
		.len = len,
		.pos = KNOT_WIRE_HEADER_SIZE + question_len,
		.count = {knot_wire_get_ancount(wire), knot_wire_get_nscount(wire),
			  knot_wire_get_arcount(wire)},
	};
	return MESSAGE_GOOD;
}
