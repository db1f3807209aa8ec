/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole content of a zone on its way from a transfer to the store: records in any order go in, nodes in
 * canonical order come out. One arena, dropped whole.
 */
#ifndef XNS_CONTENT_H
#define XNS_CONTENT_H

#include <stddef.h>
#include <stdint.h>
#include <libknot/libknot.h>

struct content;

/* apex: lower-cased wire name, copied. NULL: out of memory. */
struct content *content_new(const knot_dname_t *apex);
void content_free(struct content *content);

/*
 * Adds one record (rrset with one or more rdata; owner and rdata are copied, the owner lower-cased). Duplicates are dropped;
 * a TTL that differs inside of an RRset is brought down to the lowest (RFC 2181 §5.2).
 * 0, -ENOMEM, or -EXDEV: the owner is not in the zone.
 */
int content_add(struct content *content, const knot_rrset_t *rr);

size_t content_records(const struct content *content); /* as added */
const knot_dname_t *content_apex(const struct content *content);

/*
 * Sorts and merges, and checks what every zone must fulfil: exactly one SOA at the apex and none elsewhere, NS at the
 * apex, no CNAME beside other data (RRSIG and NSEC excepted) and no two CNAMEs, no two DNAMEs at a name. To be called once, when all records are in.
 * 0, -ENOMEM, or -EINVAL and in `reason` (reason_len bytes) which name and rule.
 */
int content_finish(struct content *content, char *reason, size_t reason_len);

/* After content_finish: the SOA's serial. */
uint32_t content_serial(const struct content *content);

#endif
