/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "transfer/soa.h"

struct message_question soa_question(const knot_dname_t *apex)
{
	return (struct message_question){
		.name = apex,
		.type = KNOT_RRTYPE_SOA,
		.id = (uint16_t)message_random(),
	};
}

enum message_verdict soa_reply(const uint8_t *wire, size_t len,
			       const struct message_question *question, uint32_t *ret_serial,
			       char *reason)
{
	struct message_scratch scratch;
	struct message message;
	enum message_verdict verdict = message_open(wire, len, question, true, &message, reason);

	if (verdict != MESSAGE_GOOD)
		return verdict;
	if (!knot_wire_get_aa(wire)) { /* not asked of transfers: Knot DNS sends those with AA=0 */
		snprintf(reason, MESSAGE_REASON_MAX, "not authoritative for the zone (AA=0)");
		return MESSAGE_REFUSED;
	}
	for (unsigned i = 0; i < message.count[0]; i++) {
		knot_rrset_t rr;

		if (message_record(&message, &scratch, &rr, reason) < 0)
			return MESSAGE_REFUSED;
		knot_dname_to_lower(rr.owner);
		if (rr.type != KNOT_RRTYPE_SOA || rr.rclass != KNOT_CLASS_IN ||
		    !knot_dname_is_equal(rr.owner, question->name))
			continue;
		*ret_serial = knot_soa_serial(rr.rrs.rdata);
		return MESSAGE_GOOD;
	}
	snprintf(reason, MESSAGE_REASON_MAX, "answered without the zone's SOA");
	return MESSAGE_REFUSED;
}
