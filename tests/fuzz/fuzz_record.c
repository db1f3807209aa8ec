// SPDX-License-Identifier: GPL-3.0-or-later
/* A record out of a message as primaries send it, against libknot's reading: what is taken, is
 * taken by libknot too, and is the same. First byte: where the record begins behind the header. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "transfer/message.h"

static void compare(const knot_rrset_t *rr, const uint8_t *wire, size_t pos, size_t len,
		    size_t behind)
{
	knot_rrset_t theirs;

	if (knot_rrtype_is_metatype(rr->type)) /* none of a zone, so never taken further */
		return;
	knot_rrset_init_empty(&theirs);
	CHECK(knot_rrset_rr_from_wire(wire, &pos, len, &theirs, NULL, false) == KNOT_EOK);
	CHECK(pos == behind);
	CHECK(theirs.type == rr->type && theirs.rclass == rr->rclass && theirs.ttl == rr->ttl);
	CHECK(knot_dname_is_equal(theirs.owner, rr->owner));
	CHECK(rr->rrs.count == 1 && theirs.rrs.count == 1);
	CHECK(theirs.rrs.rdata->len == rr->rrs.rdata->len);
	CHECK(memcmp(theirs.rrs.rdata->data, rr->rrs.rdata->data, rr->rrs.rdata->len) == 0);
	knot_rrset_clear(&theirs, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t pos = KNOT_WIRE_HEADER_SIZE + fuzz_take(&data, &len), before;
	static struct message_scratch scratch;
	char reason[MESSAGE_REASON_MAX];
	struct message message;
	knot_rrset_t rr;
	uint8_t *wire;

	if (len > KNOT_WIRE_MAX_PKTSIZE)
		return 0;
	wire = malloc(len ? len : 1);
	CHECK(wire);
	if (len)
		memcpy(wire, data, len);
	message = (struct message){.wire = wire, .len = len, .pos = pos};
	for (before = pos; message_record(&message, &scratch, &rr, reason) == 0;
	     before = message.pos)
		compare(&rr, wire, before, len, message.pos);
	fuzz_check_text(reason, sizeof(reason));
	free(wire);
	return 0;
}
