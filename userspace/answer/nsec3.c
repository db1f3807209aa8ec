// SPDX-License-Identifier: GPL-3.0-or-later
/* Proofs with NSEC3, RFC 5155 §7.2: names are hashed, and the hashes are in order. */
#include <errno.h>
#include <stdlib.h>
#include <libdnssec/nsec.h>

#include "answer/private.h"

#define HASH_LEN      20 /* SHA-1, the only algorithm */
#define HASH_TEXT_LEN 32 /* base32hex */

const knot_rdata_t *answer_nsec3_of(const struct answer_denial *denial,
				    const struct store_node *node)
{
	knot_rdata_t *rdata;
	knot_rrset_t rr;

	if (store_node_rrset(node, KNOT_RRTYPE_NSEC3, &rr) < 0)
		return NULL;
	rdata = rr.rrs.rdata;
	for (unsigned i = 0; i < rr.rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
		/* RFC 5155 §3.2: the parameters as in NSEC3PARAM, next owner, types */
		if (rdata->len < 5 || rdata->len < 5 + rdata->data[4] || rdata->data[0] != 1)
			continue;
		if (knot_nsec3_iters(rdata) == denial->iterations &&
		    knot_nsec3_salt_len(rdata) == denial->salt_len &&
		    memcmp(knot_nsec3_salt(rdata), denial->salt, denial->salt_len) == 0)
			return rdata;
	}
	return NULL;
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
	const struct answer_denial *denial = work_denial(w);
	dnssec_nsec3_params_t params = {
		.algorithm = DNSSEC_NSEC3_ALGORITHM_SHA1,
		.iterations = denial->iterations,
		.salt = {.size = denial->salt_len, .data = (uint8_t *)denial->salt},
	};

	if (apex_len + 1 + HASH_TEXT_LEN > KNOT_DNAME_MAXLEN)
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
	if (err == 0 && !answer_nsec3_of(work_denial(w), &node))
		err = -ENOENT;
	if (err == 0)
		put_denial(w, owner, &node, KNOT_RRTYPE_NSEC3);
	else if (err != -ENOENT)
		w->error = err;
	return err == 0;
}

/* The last NSEC3 of the chain that is not behind `hash`. */
static int seek_chain(struct work *w, struct store_cursor *cursor, const knot_dname_t *hash,
		      knot_dname_storage_t owner, struct store_node *ret_node)
{
	int err = store_cursor_seek_le(cursor, hash, owner, ret_node);

	while (err == 0 && !answer_nsec3_of(work_denial(w), ret_node))
		err = store_cursor_prev(cursor, owner, ret_node);
	return err;
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
	err = seek_chain(w, cursor, hash, owner, &node);
	if (err == -ENOENT) { /* before the first: the last one's interval reaches around */
		memset(hash + 1, 0xff, HASH_TEXT_LEN);
		err = seek_chain(w, cursor, hash, owner, &node);
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
void nsec3_deny_type(struct work *w, const knot_dname_t *name)
{
	if (!put_match(w, name) && w->error == 0 && !knot_dname_is_equal(name, w->apex))
		put_encloser(w, name, name + *name + 1);
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
void nsec3_deny_expanded(struct work *w, const struct answer_expanded *expanded)
{
	const knot_dname_t *next = expanded->name;

	while (!knot_dname_is_equal(next + *next + 1, expanded->encloser))
		next += *next + 1;
	put_cover(w, next);
}
