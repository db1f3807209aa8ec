/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A query as it came: header, question, and of the other records what changes the reply: OPT, TSIG,
 * the SOA of a NOTIFY or IXFR. Reads only; allocates nothing; bounded by the message's length.
 */
#ifndef XNS_RESPOND_QUERY_H
#define XNS_RESPOND_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libknot/dname.h>

enum query_status {
	QUERY_OK,
	QUERY_BAD,	/* FORMERR; the question, if there, is set */
	QUERY_NO_QUERY, /* shorter than a header, or a reply: no reply is to be sent */
};

#define QUERY_HEADER_LEN 12

struct query {
	const uint8_t *wire;
	size_t len; /* of a whole query: up to the end of its last record */

	uint8_t opcode;
	uint16_t question_len; /* QNAME, QTYPE, QCLASS on the wire; 0: no question */
	uint16_t qtype, qclass;
	uint16_t qname_len;

	/* the OPT record, RFC 6891 */
	bool has_opt;
	bool dnssec_ok;
	uint8_t edns_version;
	uint16_t edns_size;
	bool wants_nsid;    /* RFC 5001 */
	bool wants_version; /* ZONEVERSION, RFC 9660 */
	bool wants_expire;  /* RFC 7314 */

	bool has_tsig; /* RFC 8945 §4.2; what is in it is for tsig/ */

	/* the SOA in the answer section of a NOTIFY (RFC 1996 §3.7), or in the authority section of
	 * an IXFR query, where it has to be the zone's (RFC 1995 §3) */
	bool has_serial;
	uint32_t serial;

	knot_dname_storage_t qname; /* lower case; set as far as qname_len says */
};

/*
 * ret's pointers go into wire. What Knot DNS, NSD and BIND do not agree on is done as most of them
 * do: records that are none of these are skipped, and so is what follows the last record that the
 * header counts.
 */
enum query_status query_parse(const uint8_t *wire, size_t len, struct query *ret);

#endif
