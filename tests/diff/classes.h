/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What kind of answer a query has, and whether it is one that the interface leaves to the sockets.
 */
#ifndef XNS_DIFF_CLASSES_H
#define XNS_DIFF_CLASSES_H

#include "rules.h"

enum answer_class {
	CLASS_POSITIVE,
	CLASS_WILDCARD,
	CLASS_CHAIN,
	CLASS_CHAIN_NEGATIVE,
	CLASS_CHAIN_REFERRAL,
	CLASS_REFERRAL,
	CLASS_NODATA,
	CLASS_WILDCARD_NODATA,
	CLASS_NXDOMAIN,
	CLASS_ANY,
	CLASS_DS_AT_TOP,
	CLASS_DNAME,
	CLASS_BADVERS,
	CLASS_REFUSED,
	CLASS_META,
	CLASS_OTHER_CLASS,
	CLASS_OTHER,
	CLASSES,
};

/* DO=0, then each enum corpus_zone with DO=1. */
#define CLASS_COLUMNS (1 + CORPUS_ZONES)

extern const char *const class_names[CLASSES];
extern const char *const class_columns[CLASS_COLUMNS];

/* By xnsd's own reply over TCP, which is judged by itself. */
enum answer_class class_of(const struct rules_case *c);
unsigned class_column(const struct query *query);

/* Why it is documented as passed up (classes.c has the list), or NULL. */
const char *class_passed_up(const struct rules_case *c, const struct view *udp);

#endif
