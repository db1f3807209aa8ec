/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The SOA query of a refresh (RFC 1034 §4.3.5): which serial does a primary have, and for how long
 * is it still good? Knows no sockets. */
#ifndef XNS_SOA_H
#define XNS_SOA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transfer/message.h"
#include "tsig/tsig.h"

/* One query; it may be sent more than once. */
struct soa_query {
	struct message_question question;
	struct tsig_client tsig;
	bool plain;	  /* without EDNS */
	bool wants_plain; /* EDNS may be why it was refused: it is worth asking again with `plain`
			   */
};

struct soa_answer {
	uint32_t serial;
	int64_t expire_s; /* EXPIRE option (RFC 7314); -1: none */
};

/*
 * A question for the apex's SOA with a fresh random ID, EDNS with the EXPIRE option unless plain,
 * signed if there is a key. apex (lower case) and key must live as long. Its length or a negative
 * errno; SOA_QUERY_MAX bytes suffice.
 */
#define SOA_QUERY_MAX (MESSAGE_QUERY_MAX + 15 + TSIG_ROOM_MAX)
int soa_query_make(struct soa_query *query, const knot_dname_t *apex, const knot_tsig_key_t *key,
		   bool plain, uint8_t *buf, size_t buf_len);
void soa_query_free(struct soa_query *query);

/*
 * Reads a reply; wire is changed (TSIG is taken off). MESSAGE_GOOD: *ret. Otherwise why not is in
 * reason (MESSAGE_REASON_MAX bytes): MESSAGE_REFUSED also when the records are malformed or there
 * is no SOA of the apex among the answers, and when the primary tells a TSIG error; MESSAGE_FOREIGN
 * also when the signature is missing or wrong: on UDP the right reply may still come.
 */
enum message_verdict soa_query_reply(struct soa_query *query, uint8_t *wire, size_t len,
				     struct soa_answer *ret, char *reason);

#endif
