/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames with DNS queries, made and taken apart byte by byte, with no code of the packet path. */
#ifndef XNS_TEST_FRAME_H
#define XNS_TEST_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX    2048
#define CLIENT_PORT  40053
#define SERVER_PORT  53
#define OPT_FIXED    11
#define QUESTION_MAX 259

enum case_of_name {
	CASE_LOWER,
	CASE_UPPER,
	CASE_MIXED,
	CASE_COUNT,
};

/* How a query travels. */
struct shape {
	bool ipv6;
	int tags;	/* 0 to 2 VLAN tags */
	size_t padding; /* bytes behind the message */
};

/* A query. */
struct ask {
	const char *name; /* presentation form */
	uint16_t type;
	uint16_t class_;  /* 0: IN */
	uint8_t flags[2]; /* bytes 2 and 3 of the header */
	bool edns;
	uint16_t edns_size; /* 0: 1232 */
	uint8_t edns_version;
	bool dnssec_ok;
	const uint8_t *options; /* RDATA of OPT */
	size_t options_len;
	enum case_of_name spelling;
};

extern const uint8_t frame_server_mac[6], frame_client_mac[6];
extern const uint8_t frame_server_v4[4], frame_client_v4[4];
extern const uint8_t frame_server_v6[16], frame_client_v6[16];

/* The message; returns its length. */
size_t ask_message(const struct ask *ask, uint8_t *ret);
/* A frame around a message, checksums right; returns its length. */
size_t frame_make(const struct shape *shape, const uint8_t *message, size_t len, uint8_t *ret);
/* Sets the frame's lengths (IP, UDP) and checksums for a message of another length, or changed
 * bytes. */
void frame_fix(uint8_t *frame, const struct shape *shape, size_t message_len);

/* Offsets in a frame of this shape. */
size_t frame_l3(const struct shape *shape);
size_t frame_udp(const struct shape *shape);
size_t frame_message(const struct shape *shape);

/*
 * Checks all of a reply that does not depend on the zone: headers, checksums, the question echoed,
 * lengths. Returns NULL, or what is wrong.
 */
const char *reply_fault(const struct shape *shape, const uint8_t *query, size_t query_len,
			const uint8_t *reply, size_t reply_len);

/*
 * Is it a query that may be answered: to our address and port, well-formed in every byte, ordinary?
 * The strict parser that the program is compared with.
 */
bool frame_is_answerable(const uint8_t *frame, size_t len);

/* The reply's DNS message as text, lower case: "RCODE aa tc\nan OWNER TTL TYPE DATA\n...". */
void reply_text(const struct shape *shape, const uint8_t *reply, size_t len, char *ret,
		size_t ret_size);

#endif
