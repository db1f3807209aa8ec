/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names as keys whose order as bytes is the canonical order of names (RFC 4034 §6.1): the labels
 * from the root's side, each lower-cased and ended by 00. In a label 00 becomes 01 01 and 01
 * becomes 01 02, so that the end sorts before anything that a label can go on with. A name's key
 * begins with the keys of all its ancestors.
 *
 *     www.example.  →  65 78 61 6d 70 6c 65 00 77 77 77 00
 */
#ifndef XNS_KEY_H
#define XNS_KEY_H

#include <stddef.h>
#include <stdint.h>
#include <libknot/dname.h>

/*
 * A name of 255 bytes with n labels has 254 − n bytes inside of labels, each of which may double,
 * and n ends: 508 − n, and n is at least 4 (labels have up to 63 bytes).
 */
#define KEY_NAME_MAX 504

/* Writes the key of a name (not compressed) to key, which has KEY_NAME_MAX bytes; returns its
 * length: 0 for the root. */
size_t key_from_name(const knot_dname_t *name, uint8_t *key);

/* The other way: the name's length on the wire, or -EINVAL: not the key of a name. */
int key_to_name(const uint8_t *key, size_t len, knot_dname_storage_t ret_name);

#endif
