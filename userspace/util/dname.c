/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/dname.h"

#include <string.h>

int dname_compare(const knot_dname_t *a, const knot_dname_t *b)
{
	size_t a_len = knot_dname_size(a), b_len = knot_dname_size(b);
	int order = knot_dname_cmp(a, b);

	if (order != 0)
		return order;
	return a_len != b_len ? (a_len > b_len) - (a_len < b_len) : memcmp(a, b, a_len);
}
