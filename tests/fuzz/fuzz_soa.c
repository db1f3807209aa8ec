// SPDX-License-Identifier: GPL-3.0-or-later
/* The reply to an SOA query. First byte: bit 0 the ID is left as it is, else made right. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "transfer/soa.h"

static const uint8_t apex[] = "\7example\3com";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct message_question question = soa_question(apex);
	char reason[MESSAGE_REASON_MAX] = "";
	uint8_t flags = fuzz_take(&data, &len), *wire;
	uint32_t serial = 0;
	knot_pkt_t *pkt;
	int err;

	if (len > KNOT_WIRE_MAX_PKTSIZE)
		return 0;
	wire = malloc(len ? len : 1);
	CHECK(wire);
	if (len)
		memcpy(wire, data, len);
	if (!(flags & 1) && len >= 2)
		knot_wire_write_u16(wire, question.id);

	if (soa_reply(wire, len, &question, &serial, reason) != MESSAGE_GOOD) {
		fuzz_check_text(reason, sizeof(reason));
	} else {
		CHECK(len >= KNOT_WIRE_HEADER_SIZE && knot_wire_get_id(wire) == question.id);
		CHECK(knot_wire_get_qr(wire) && knot_wire_get_aa(wire) && !knot_wire_get_tc(wire));
		CHECK(knot_wire_get_rcode(wire) == KNOT_RCODE_NOERROR);
		/* What libknot reads whole has that serial in it. */
		pkt = fuzz_pkt(wire, len, &err);
		if (err == KNOT_EOK) {
			const knot_pktsection_t *answer = knot_pkt_section(pkt, KNOT_ANSWER);
			bool found = false;

			for (uint16_t i = 0; i < answer->count; i++) {
				const knot_rrset_t *rr = knot_pkt_rr(answer, i);

				/* libknot takes records of other classes without rdata */
				found |= rr->type == KNOT_RRTYPE_SOA &&
					 rr->rclass == KNOT_CLASS_IN &&
					 knot_soa_serial(rr->rrs.rdata) == serial;
			}
			CHECK(found);
			CHECK(knot_pkt_qtype(pkt) == KNOT_RRTYPE_SOA);
		}
		knot_pkt_free(pkt);
	}
	free(wire);
	return 0;
}
