/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reply in the making: what goes around the sections, and the records that are about the message
 * itself (OPT, TSIG). */
#ifndef XNS_RESPOND_REPLY_H
#define XNS_RESPOND_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "respond/query.h"

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
	size_t max;	/* for the header, the question and the sections: leaves room for the OPT */
	size_t limit;	/* of the whole */
	uint16_t rcode; /* extended */
	bool aa, tc;
	bool badkey; /* the query is signed with a key that is not known */

	/* What the OPT will say; what is not asked for stays away. */
	enum reply_ede ede;
	const char *ede_text; /* NULL: none */
	bool has_version;     /* ZONEVERSION, RFC 9660 */
	uint8_t version_labels;
	uint32_t version_serial;
};

/* limit: 512 or more, so that any reply without records, with its OPT, fits. */
void reply_begin(struct reply *reply, uint8_t *wire, size_t limit, const struct query *query,
		 const struct config *config);

/* Back to a header and the question, without any records. */
void reply_clear(struct reply *reply, const struct query *query);
/* So, with an RCODE and without AA; the zone's version stays in the OPT. */
void reply_fail(struct reply *reply, const struct query *query, uint16_t rcode);
void reply_fail_ede(struct reply *reply, const struct query *query, uint16_t rcode,
		    enum reply_ede ede, const char *ede_text);
/* As the packet path does it: nothing but the question, RCODE and AA as the whole answer has them.
 */
void reply_truncate(struct reply *reply, const struct query *query);

/* The version of the zone that answers, if the client wants to know; before its sections are put.
 */
void reply_set_version(struct reply *reply, const struct query *query, const knot_dname_t *apex,
		       uint32_t serial);

/* The zone that answers is stale, RFC 8914 §4.4; likewise. */
void reply_set_stale(struct reply *reply, const struct query *query);

void reply_put_u16(struct reply *reply, uint16_t value);
void reply_put_bytes(struct reply *reply, const void *bytes, size_t len);

/* What comes last: OPT, the TSIG of an error, the header's flags. */
void reply_end(struct reply *reply, const struct query *query, const struct config *config);

#endif
