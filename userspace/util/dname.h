/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XNS_UTIL_DNAME_H
#define XNS_UTIL_DNAME_H

#include <libknot/dname.h>

/* Canonical order (RFC 4034 §6.1) made total: knot_dname_cmp alone takes a label with a zero octet
 * for two labels. Both in lower case. */
int dname_compare(const knot_dname_t *a, const knot_dname_t *b);

#endif
