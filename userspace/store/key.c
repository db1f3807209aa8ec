// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/key.h"

#include <errno.h>
#include <string.h>

static const uint8_t lower[256] = {
#define ROW(x)                                                                                    \
	x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6, x + 7, x + 8, x + 9, x + 10, x + 11, x + 12, \
		x + 13, x + 14, x + 15
	ROW(0x00), ROW(0x10), ROW(0x20), ROW(0x30), 0x40,      'a',	  'b',	     'c',
	'd',	   'e',	      'f',	 'g',	    'h',       'i',	  'j',	     'k',
	'l',	   'm',	      'n',	 'o',	    'p',       'q',	  'r',	     's',
	't',	   'u',	      'v',	 'w',	    'x',       'y',	  'z',	     0x5b,
	0x5c,	   0x5d,      0x5e,	 0x5f,	    ROW(0x60), ROW(0x70), ROW(0x80), ROW(0x90),
	ROW(0xa0), ROW(0xb0), ROW(0xc0), ROW(0xd0), ROW(0xe0), ROW(0xf0),
#undef ROW
};

size_t key_from_name(const knot_dname_t *name, uint8_t *key)
{
	const uint8_t *label[KNOT_DNAME_MAXLABELS];
	uint8_t *out = key;
	size_t n = 0;

	for (; *name && n < KNOT_DNAME_MAXLABELS; name += *name + 1)
		label[n++] = name;
	while (n > 0) {
		const uint8_t *in = label[--n];

		for (unsigned left = *in++; left > 0; left--, in++) {
			if (*in > 1) {
				*out++ = lower[*in];
			} else {
				*out++ = 1;
				*out++ = *in + 1;
			}
		}
		*out++ = 0;
	}
	return out - key;
}

/* A label with octets that are written as two: the length of the label, or -EINVAL. */
static int key_label_escaped(const uint8_t *key, size_t len, uint8_t label[KNOT_DNAME_MAXLABELLEN])
{
	size_t n = 0;

	for (size_t in = 0; in < len; in++) {
		uint8_t byte = key[in];

		if (byte == 1) {
			if (++in == len || key[in] < 1 || key[in] > 2)
				return -EINVAL;
			byte = key[in] - 1;
		}
		if (n == KNOT_DNAME_MAXLABELLEN)
			return -EINVAL;
		label[n++] = byte;
	}
	return n;
}

int key_to_name(const uint8_t *key, size_t len, knot_dname_storage_t ret_name)
{
	const uint8_t *key_end = key + len;
	uint8_t buf[KNOT_DNAME_MAXLEN];
	size_t at = sizeof(buf) - 1; /* built from its end */

	buf[at] = 0;
	while (key < key_end) {
		uint8_t escaped[KNOT_DNAME_MAXLABELLEN];
		const uint8_t *label = key, *end = memchr(key, 0, key_end - key);
		int n = end ? end - key : 0;

		if (n > 0 && memchr(key, 1, n)) {
			n = key_label_escaped(key, n, escaped);
			label = escaped;
		}
		if (n <= 0 || n > KNOT_DNAME_MAXLABELLEN || (size_t)n + 1 > at)
			return -EINVAL;
		at -= n;
		memcpy(buf + at, label, n);
		buf[--at] = n;
		key = end + 1;
	}
	memcpy(ret_name, buf + at, sizeof(buf) - at);
	return sizeof(buf) - at;
}
