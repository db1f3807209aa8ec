/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For messages: "1 zone", "2 zones". */
#ifndef XNS_UTIL_PLURAL_H
#define XNS_UTIL_PLURAL_H

#include <stdint.h>

/* What follows a noun behind this number: printf("%zu zone%s", n, plural(n)). */
static inline const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

#endif
