// SPDX-License-Identifier: GPL-3.0-or-later
/* Proofs with NSEC3, RFC 5155 §7.2: names are hashed, and the hashes are in order. */
#include <errno.h>
#include <stdlib.h>
#include <libdnssec/nsec.h>

#include "answer/private.h"

#define HASH_LEN      20 /* SHA-1, the only algorithm */
#define HASH_TEXT_LEN 32 /* base32hex */

/* Of the zone: the apex's NSEC3PARAM. */
static bool parameters(struct work *w, dnssec_nsec3_params_t *ret)
{
	struct store_node node;
	knot_rrset_t rr;

	if (store_node_get(w->txn, w->zone->id, STORE_NAMES, w->apex, &node) < 0 ||
	    store_node_rrset(&node, KNOT_RRTYPE_NSEC3PARAM, &rr) < 0)
		return false;
	/* RFC 5155 §4.2: hash algorithm, flags, iterations, salt with a length octet */
	if (rr.rrs.rdata->len < 5 || rr.rrs.rdata->len < 5 + rr.rrs.rdata->data[4] ||
	    rr.rrs.rdata->data[0] != 1)
		return false;
	*ret = (dnssec_nsec3_params_t){
		.algorithm = DNSSEC_NSEC3_ALGORITHM_SHA1,
		.iterations = knot_nsec3param_iters(rr.rrs.rdata),
		.salt = {.size = knot_nsec3param_salt_len(rr.rrs.rdata),
			 .data = (uint8_t *)knot_nsec3param_salt(rr.rrs.rdata)},
	};
	return true;
}

bool nsec3_is_used(struct work *w)
{
	dnssec_nsec3_params_t params;

	return parameters(w, &params);
}

static void base32hex(const uint8_t *hash, uint8_t *text)
{
	uint64_t bits = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < HASH_LEN; i++) {
		bits = bits << 8 | hash[i];
		for (n += 8; n >= 5; n -= 5)
			*text++ = "0123456789abcdefghijklmnopqrstuv"[bits >> (n - 5) & 31];
	}
}

/* The owner of the NSEC3 that matches `name`. */
static int hashed_owner(struct work *w, const knot_dname_t *name, knot_dname_storage_t ret)
{
	dnssec_binary_t data = {.size = knot_dname_size(name), .data = (uint8_t *)name}, hash = {0};
	size_t apex_len = knot_dname_size(w->apex);
	dnssec_nsec3_params_t params;

	if (!parameters(w, &params) || apex_len + 1 + HASH_TEXT_LEN > KNOT_DNAME_MAXLEN)
		return -ENOENT;
	if (dnssec_nsec3_hash(&data, &params, &hash) != 0 || hash.size != HASH_LEN) {
		free(hash.data);
		return -EIO;
	}
	ret[0] = HASH_TEXT_LEN;
	base32hex(hash.data, ret + 1);
	memcpy(ret + 1 + HASH_TEXT_LEN, w->apex, apex_len);
	free(hash.data);
	return 0;
}

/* Puts the NSEC3 of exactly this name; false: there is none. */
static bool put_match(struct work *w, const knot_dname_t *name)
{
	knot_dname_storage_t owner;
	struct store_node node;
	int err = hashed_owner(w, name, owner);

	if (err == 0)
		err = store_node_get(w->txn, w->zone->id, STORE_NSEC3, owner, &node);
	if (err == 0)
		put_denial(w, owner, &node, KNOT_RRTYPE_NSEC3);
	else if (err != -ENOENT)
		w->error = err;
	return err == 0;
}

/* Puts the NSEC3 in whose interval the hash of name falls. */
static void put_cover(struct work *w, const knot_dname_t *name)
{
	struct store_cursor *cursor;
	knot_dname_storage_t hash, owner;
	struct store_node node;
	int err = hashed_owner(w, name, hash);

	if (err == 0)
		err = store_cursor_open(w->txn, w->zone->id, STORE_NSEC3, &cursor);
	if (err < 0) {
		w->error = err == -ENOENT ? w->error : err;
		return;
	}
	err = store_cursor_seek_le(cursor, hash, owner, &node);
	if (err == -ENOENT) { /* before the first: the last one's interval reaches around */
		memset(hash + 1, 0xff, HASH_TEXT_LEN);
		err = store_cursor_seek_le(cursor, hash, owner, &node);
	}
	if (err == 0)
		put_denial(w, owner, &node, KNOT_RRTYPE_NSEC3);
	else if (err != -ENOENT)
		w->error = err;
	store_cursor_close(cursor);
}

/*
 * RFC 5155 §7.2.1: the closest encloser that has an NSEC3 (with opt-out not all have), and that the
 * next closer name is not there. That encloser, or NULL: not even the apex has one, and nothing can
 * be proved.
 */
static const knot_dname_t *put_encloser(struct work *w, const knot_dname_t *name,
					const knot_dname_t *encloser)
{
	const knot_dname_t *next = name;

	while (!put_match(w, encloser)) {
		if (w->error != 0 || knot_dname_is_equal(encloser, w->apex))
			return NULL;
		encloser += *encloser + 1;
	}
	while (!knot_dname_is_equal(next + *next + 1, encloser))
		next += *next + 1;
	put_cover(w, next);
	return encloser;
}

/* RFC 5155 §7.2.3, §7.2.4 and §7.2.7 */
void nsec3_deny_type(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser)
{
	if (!put_match(w, name) && w->error == 0 && !knot_dname_is_equal(name, w->apex))
		put_encloser(w, name, encloser);
}

/* RFC 5155 §7.2.2 */
void nsec3_deny_name(struct work *w, const knot_dname_t *name, const knot_dname_t *encloser)
{
	const knot_dname_t *proved = put_encloser(w, name, encloser);
	knot_dname_storage_t wildcard = {1, '*'};
	size_t len = proved ? knot_dname_size(proved) : 0;

	/* of the encloser that is proved: a validator knows of no other */
	if (!proved || len + 2 > sizeof(wildcard))
		return;
	memcpy(wildcard + 2, proved, len);
	put_cover(w, wildcard);
}

/* RFC 5155 §7.2.5 */
void nsec3_deny_wildcard_type(struct work *w, const knot_dname_t *name,
			      const knot_dname_t *encloser, const knot_dname_t *wildcard)
{
	put_encloser(w, name, encloser);
	put_match(w, wildcard);
}

/* RFC 5155 §7.2.6 */
void nsec3_deny_expanded(struct work *w, const struct expanded *expanded)
{
	const knot_dname_t *next = expanded->name;

	while (!knot_dname_is_equal(next + *next + 1, expanded->encloser))
		next += *next + 1;
	put_cover(w, next);
}
