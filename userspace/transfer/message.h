/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a secondary asks its primaries, and what it checks in every reply before it looks at the
 * records: header and question (RFC 5936 §2.2.1). Allocates nothing.
 */
#ifndef XNS_MESSAGE_H
#define XNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libknot/libknot.h>

#define MESSAGE_QUERY_MAX  (KNOT_WIRE_HEADER_SIZE + KNOT_DNAME_MAXLEN + 4)
#define MESSAGE_REASON_MAX 320

/* What replies over UDP may have (RFC 9715 and others: no fragments). */
#define MESSAGE_UDP_SIZE 1232

/* Room for one record's owner and rdata, decompressed. */
struct message_scratch {
	_Alignas(8) uint8_t rdata[2 + KNOT_RDATA_MAXLEN + 1]; /* a knot_rdata_t */
	knot_dname_storage_t owner;
};

struct message_question {
	const knot_dname_t *name; /* lower case */
	uint16_t type;
	uint16_t id;
};

/* Random, for IDs and jitter. */
uint32_t message_random(void);

/* The query (class IN, no flags) to buf; its length, or -ENOSPC. */
int message_query(const struct message_question *question, uint8_t *buf, size_t buf_len);

/* Puts an OPT record that asks for EXPIRE (RFC 6891, RFC 7314) behind the message. 0 or -ENOSPC. */
int message_put_opt(uint8_t *buf, size_t *len, size_t buf_len);

/* What a reply's OPT record says. */
struct message_edns {
	bool present;
	uint16_t rcode;	  /* all 12 bits */
	int64_t expire_s; /* to be set to -1 before: no EXPIRE option */
};

/* Adds what the OPT record says. 0; or -EBADMSG, and the reason: malformed, the second of a
 * message, or its RCODE is not NOERROR. */
int message_edns_read(const knot_rrset_t *opt, uint8_t header_rcode, struct message_edns *edns,
		      char *reason);
/* Of a reply to a query with EDNS: is it worth asking without (RFC 6891 §7)? */
bool message_is_edns_refusal(uint16_t rcode);

enum message_verdict {
	MESSAGE_GOOD,	   /* the records may be looked at */
	MESSAGE_TRUNCATED, /* TC=1 */
	MESSAGE_REFUSED,   /* a reply to the question, but one without what was asked for */
	MESSAGE_FOREIGN,   /* not an answer to the question: on UDP to be ignored */
};

/* A reply being read. */
struct message {
	const uint8_t *wire;
	size_t len;
	size_t pos;	   /* of the next record */
	uint16_t count[3]; /* records by section: answer, authority, additional */
};

/*
 * Checks header and question. The question may be missing where `question_required` is false and in
 * error replies (FORMERR has none). `reason` (MESSAGE_REASON_MAX bytes) says why the verdict is not
 * MESSAGE_GOOD.
 */
enum message_verdict message_open(const uint8_t *wire, size_t len,
				  const struct message_question *question, bool question_required,
				  struct message *ret_message, char *reason);

/*
 * The record at pos, spelled as the sender did (case kept), in the scratch until it is used again.
 * 0; or -EBADMSG, and in reason what is wrong with which record.
 */
int message_record(struct message *message, struct message_scratch *scratch, knot_rrset_t *ret,
		   char *reason);

/* For reasons: "www.example.com. A". text has MESSAGE_RECORD_MAX bytes; long names are cut. Returns
 * text. */
#define MESSAGE_RECORD_MAX 160
const char *message_record_text(const knot_dname_t *owner, uint16_t type, char *text);

/* RFC 1982 §3.2: a is newer than b. The undefined distance of 2^31 is not newer. */
static inline bool message_serial_newer(uint32_t a, uint32_t b)
{
	return a != b && (uint32_t)(a - b) < 0x80000000u;
}

#endif
