/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole content of a zone on its way from a transfer to the store: records in any order go in,
 * nodes in canonical order come out. One arena, dropped whole.
 */
#ifndef XNS_CONTENT_H
#define XNS_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libknot/libknot.h>

struct content;

/* apex: lower-cased wire name, copied. NULL: out of memory. */
struct content *content_new(const knot_dname_t *apex);
void content_free(struct content *content);

/*
 * Adds one record (rrset with one or more rdata; owner and rdata are copied, the owner
 * lower-cased). Duplicates are dropped; a TTL that differs inside of an RRset is brought down to
 * the lowest (RFC 2181 §5.2). 0, -ENOMEM, -EXDEV: the owner is not in the zone, or -EBADMSG: class
 * not IN, a type that is only for questions, or rdata that are not what their type has.
 */
int content_add(struct content *content, const knot_rrset_t *rr);

size_t content_records(const struct content *content); /* as added */
const knot_dname_t *content_apex(const struct content *content);

/*
 * Sorts and merges, and checks what every zone must fulfil: exactly one SOA at the apex and none
 * elsewhere, NS at the apex, no CNAME beside other data (RRSIG and NSEC excepted) and no two
 * CNAMEs, no two DNAMEs at a name, no RRset that no message could carry. To be called once, when
 * all records are in. 0, -ENOMEM, or -EINVAL and in `reason` (reason_len bytes) which name and
 * rule.
 */
int content_finish(struct content *content, char *reason, size_t reason_len);

/* After content_finish: the SOA's serial. */
uint32_t content_serial(const struct content *content);
/* After content_finish: as store_zone.is_signed. */
bool content_is_signed(const struct content *content);

/* ---- its nodes, after content_finish; any number of threads may read ---- */

/* A name with its records, or its NSEC3 and what signs it. */
struct content_node {
	bool nsec3; /* belongs to STORE_NSEC3 */
	uint8_t labels;
	const uint8_t *key; /* see key.h */
	size_t key_len;
};

/* Nodes in the order of the database: names by canonical order, then NSEC3 owners. */
size_t content_nodes(const struct content *content);
void content_node(const struct content *content, size_t i, struct content_node *ret);
/* The name of a node of STORE_NAMES: 0, or -ENOENT: there are no more of these. */
int content_node_name(const struct content *content, size_t i, knot_dname_storage_t ret_name);
/* Writes the node's value (see value.h) to buf and returns its length; above buf_len: it did not
 * fit. */
size_t content_node_value(const struct content *content, size_t i, uint8_t *buf, size_t buf_len);
/* The same in a buffer that grows as it must: all zeros at first; bytes is to be freed. 0 or
 * -ENOMEM. */
struct content_value {
	uint8_t *bytes;
	size_t len, size;
};
int content_node_read(const struct content *content, size_t i, struct content_value *value);
/* Records left after merging. */
uint64_t content_records_merged(const struct content *content);

#endif
