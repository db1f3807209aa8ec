// SPDX-License-Identifier: GPL-3.0-or-later
/* The reply to an SOA query. First byte: bit 0 the ID is left as it is, else made right. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "transfer/soa.h"

static const uint8_t apex[] = "\7example\3com";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t query_wire[SOA_QUERY_MAX];
	struct soa_answer answer = {0};
	struct soa_query query;
	char reason[MESSAGE_REASON_MAX] = "";
	uint8_t flags = fuzz_take(&data, &len), *wire;
	knot_pkt_t *pkt;
	int err;

	if (len > KNOT_WIRE_MAX_PKTSIZE)
		return 0;
	CHECK(soa_query_make(&query, apex, NULL, false, query_wire, sizeof(query_wire)) > 0);
	wire = malloc(len ? len : 1);
	CHECK(wire);
	if (len)
		memcpy(wire, data, len);
	if (!(flags & 1) && len >= 2)
		knot_wire_write_u16(wire, query.question.id);

	if (soa_query_reply(&query, wire, len, &answer, reason) != MESSAGE_GOOD) {
		fuzz_check_text(reason, sizeof(reason));
	} else {
		CHECK(len >= KNOT_WIRE_HEADER_SIZE && knot_wire_get_id(wire) == query.question.id);
		CHECK(knot_wire_get_qr(wire) && knot_wire_get_aa(wire) && !knot_wire_get_tc(wire));
		CHECK(knot_wire_get_rcode(wire) == KNOT_RCODE_NOERROR);
		/* What libknot reads whole has that serial in it. */
		pkt = fuzz_pkt(wire, len, &err);
		if (err == KNOT_EOK) {
			const knot_pktsection_t *section = knot_pkt_section(pkt, KNOT_ANSWER);
			bool found = false;

			for (uint16_t i = 0; i < section->count; i++) {
				const knot_rrset_t *rr = knot_pkt_rr(section, i);

				/* libknot takes records of other classes without rdata */
				found |= rr->type == KNOT_RRTYPE_SOA &&
					 rr->rclass == KNOT_CLASS_IN &&
					 knot_soa_serial(rr->rrs.rdata) == answer.serial;
			}
			CHECK(found);
			CHECK(knot_pkt_qtype(pkt) == KNOT_RRTYPE_SOA);
		}
		knot_pkt_free(pkt);
	}
	free(wire);
	return 0;
}
