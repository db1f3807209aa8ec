/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What leads from one serial of a zone to later ones, on its way from a transfer (IXFR, RFC 1995
 * §4) to the store: a sequence of differences, each of the old SOA, what is removed, the new SOA,
 * what is added. Memory of the order of the change.
 */
#ifndef XNS_DIFF_H
#define XNS_DIFF_H

#include <stddef.h>
#include <stdint.h>
#include <libknot/libknot.h>

struct diff;

/* apex: lower-cased wire name, copied. NULL: out of memory. */
struct diff *diff_new(const knot_dname_t *apex);
void diff_free(struct diff *diff);

/*
 * In the order of the transfer: diff_begin, diff_add for each removed record, diff_turn, diff_add
 * for each added one; then the next diff_begin. The SOAs are given to begin and turn only. 0,
 * -ENOMEM; of diff_add also what content_add returns: -EXDEV the owner is not in the zone, -EBADMSG
 * class, type or rdata are not what can be in a zone.
 */
int diff_begin(struct diff *diff, const knot_rrset_t *old_soa);
int diff_turn(struct diff *diff, const knot_rrset_t *new_soa);
int diff_add(struct diff *diff, const knot_rrset_t *rr);

const knot_dname_t *diff_apex(const struct diff *diff);
size_t diff_count(const struct diff *diff);	     /* differences begun */
size_t diff_records(const struct diff *diff);	     /* SOAs included */
uint32_t diff_first_serial(const struct diff *diff); /* of the first old SOA */
uint32_t diff_last_serial(const struct diff *diff);  /* of the last new SOA */

/*
 * The same onto a whole content in memory (not finished afterwards): for checks that want to see
 * the whole zone. content must be finished. 0, -ENOMEM, or -ESTALE and the reason: it does not fit.
 */
struct content;
int diff_apply(const struct diff *diff, struct content *content, char *reason, size_t reason_len);

#endif
