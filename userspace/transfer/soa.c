/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "transfer/soa.h"

int soa_query_make(struct soa_query *query, const knot_dname_t *apex, const knot_tsig_key_t *key,
		   bool plain, uint8_t *buf, size_t buf_len)
{
	size_t len;
	int ret;

	*query = (struct soa_query){.plain = plain};
	query->question = (struct message_question){
		.name = apex,
		.type = KNOT_RRTYPE_SOA,
		.id = (uint16_t)message_random(),
	};
	tsig_client_init(&query->tsig, key);
	ret = message_query(&query->question, buf, buf_len);
	if (ret < 0)
		return ret;
	len = (size_t)ret;
	ret = plain ? 0 : message_put_opt(buf, &len, buf_len);
	if (ret == 0)
		ret = tsig_client_sign(&query->tsig, buf, &len, buf_len);
	return ret < 0 ? ret : (int)len;
}

void soa_query_free(struct soa_query *query)
{
	tsig_client_free(&query->tsig);
}

/* The apex's SOA among the answers: its serial. */
static bool soa_find(const knot_rrset_t *rr, const struct message_question *question,
		     uint32_t *ret_serial)
{
	if (rr->type != KNOT_RRTYPE_SOA || rr->rclass != KNOT_CLASS_IN ||
	    !knot_dname_is_case_equal(rr->owner, question->name))
		return false;
	*ret_serial = knot_soa_serial(rr->rrs.rdata);
	return true;
}

/* All records of a message that message_open took. */
static enum message_verdict records_read(struct message *message,
					 const struct message_question *question,
					 struct message_edns *edns, uint32_t *ret_serial,
					 char *reason)
{
	unsigned answers = message->count[0];
	unsigned all = answers + message->count[1] + message->count[2];
	struct message_scratch scratch;
	bool found = false;

	for (unsigned i = 0; i < all; i++) {
		knot_rrset_t rr;

		if (message_record(message, &scratch, &rr, reason) < 0)
			return MESSAGE_REFUSED;
		if (i < answers && !found)
			found = soa_find(&rr, question, ret_serial);
		if (i >= answers && rr.type == KNOT_RRTYPE_OPT &&
		    message_edns_read(&rr, knot_wire_get_rcode(message->wire), edns, reason) < 0)
			return MESSAGE_REFUSED;
	}
	if (!knot_wire_get_aa(message->wire)) {
		snprintf(reason, MESSAGE_REASON_MAX, "not authoritative for the zone (AA=0)");
		return MESSAGE_REFUSED;
	}
	if (!found) {
		snprintf(reason, MESSAGE_REASON_MAX, "answered without the zone's SOA");
		return MESSAGE_REFUSED;
	}
	return MESSAGE_GOOD;
}

enum message_verdict soa_query_reply(struct soa_query *query, uint8_t *wire, size_t len,
				     struct soa_answer *ret, char *reason)
{
	struct message_edns edns = {.expire_s = -1};
	enum message_verdict verdict;
	struct message message;
	uint16_t rcode;
	uint32_t serial;
	int err;

	/* First ID and question: somebody else's reply is not worth the work on its signature. */
	verdict = message_open(wire, len, &query->question, true, &message, reason);
	if (verdict == MESSAGE_FOREIGN)
		return verdict;
	rcode = knot_wire_get_rcode(wire);
	query->wants_plain = !query->plain && message_is_edns_refusal(rcode);
	err = tsig_client_check(&query->tsig, wire, len, &len, reason);
	if (err < 0)
		return err == -EPERM ? MESSAGE_REFUSED : MESSAGE_FOREIGN;
	verdict = message_open(wire, len, &query->question, true, &message, reason);
	if (verdict != MESSAGE_GOOD)
		return verdict;
	verdict = records_read(&message, &query->question, &edns, &serial, reason);
	query->wants_plain = !query->plain && message_is_edns_refusal(edns.rcode);
	if (verdict == MESSAGE_GOOD)
		*ret = (struct soa_answer){.serial = serial, .expire_s = edns.expire_s};
	return verdict;
}
