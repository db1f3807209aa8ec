/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reply in the making: what goes around the sections, and the OPT, which is about the message
 * itself. */
#ifndef XNS_RESPOND_REPLY_H
#define XNS_RESPOND_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "respond/query.h"
#include "zone/zone.h"

/* Extended DNS errors, RFC 8914 §5.2. */
enum reply_ede {
	REPLY_EDE_NONE = -1,
	REPLY_EDE_STALE = 3,
	REPLY_EDE_NOT_READY = 14,
	REPLY_EDE_PROHIBITED = 18,
	REPLY_EDE_NOT_AUTHORITATIVE = 20,
	REPLY_EDE_INVALID_DATA = 24,
};

struct reply {
	uint8_t *wire; /* what is behind len is free */
	size_t len;
	size_t max; /* for the header, the question and the sections: leaves room for OPT and TSIG
		     */
	uint16_t rcode; /* extended */
	bool aa, tc;
	bool is_whole; /* nothing is to be put to it any more */
	bool bare;     /* there is no room for options */

	/* What the OPT will say; what is not asked for stays away. */
	enum reply_ede ede;
	const char *ede_text; /* NULL: none */
	bool has_version;     /* ZONEVERSION, RFC 9660 */
	uint8_t version_labels;
	uint32_t version_serial;
	bool has_expire; /* RFC 7314 */
	uint32_t expire_s;
};

/*
 * limit: of the whole, 512 or more, so that any reply without records, with its OPT, fits. Of it
 * tsig_room bytes are left for the signature; without records it may be that only an OPT without
 * options fits beside it, or (false) not even that.
 */
bool reply_begin(struct reply *reply, uint8_t *wire, size_t limit, size_t tsig_room,
		 const struct query *query, const struct config *config);

/* Back to a header and the question, without any records. */
void reply_clear(struct reply *reply, const struct query *query);
/* So, with an RCODE and without AA; the zone's version stays in the OPT. */
void reply_fail(struct reply *reply, const struct query *query, uint16_t rcode);
void reply_fail_ede(struct reply *reply, const struct query *query, uint16_t rcode,
		    enum reply_ede ede, const char *ede_text);
/* From a zone that has nothing to serve: SERVFAIL. RFC 9660 §3.2: the version of an expired one,
 * too.
 */
void reply_fail_inactive(struct reply *reply, const struct query *query, const struct zone *zone,
			 enum zone_state state);
/* As the packet path does it: nothing but the question, RCODE and AA as the whole answer has them.
 */
void reply_truncate(struct reply *reply, const struct query *query);

/* The version of the zone that answers, if the client wants to know; before its sections are put.
 */
void reply_set_version(struct reply *reply, const struct query *query, const knot_dname_t *apex,
		       uint32_t serial);

/* The zone that answers is stale, RFC 8914 §4.4; likewise. */
void reply_set_stale(struct reply *reply, const struct query *query);

/* Seconds until the zone expires, if the client wants to know and there is room; likewise. */
void reply_set_expire(struct reply *reply, const struct query *query, uint32_t expire_s);

void reply_put_u16(struct reply *reply, uint16_t value);
void reply_put_bytes(struct reply *reply, const void *bytes, size_t len);

/* What comes last: OPT, the header's flags. */
void reply_end(struct reply *reply, const struct query *query, const struct config *config);

#endif
