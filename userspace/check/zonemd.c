// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The digest of a zone (RFC 8976), scheme SIMPLE: all of its records in canonical order and form,
 * but for the digest itself and what signs it. In a finished content NSEC3 owners are a list behind
 * the names; here both are walked side by side, since for the digest they are names like others.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gnutls/crypto.h>

#include "check/check.h"
#include "store/key.h"

#define SCHEME_SIMPLE	 1
#define DIGEST_LEN_MIN	 12 /* RFC 8976 §2.2.4 */
#define ZONEMD_FIXED_LEN 6  /* serial, scheme, hash algorithm */

/* The hash algorithms of RFC 8976 §5.3. */
static const struct hash {
	uint8_t id;
	gnutls_digest_algorithm_t digest;
	size_t len;
} hashes[] = {
	{1, GNUTLS_DIG_SHA384, 48},
	{2, GNUTLS_DIG_SHA512, 64},
};
#define N_HASHES (sizeof(hashes) / sizeof(*hashes))

/* One list of nodes: names, or NSEC3 owners. */
struct list {
	size_t at, end;
	struct content_value value; /* of the node that was read last */
};

struct digest {
	const struct content *content;
	const knot_dname_t *apex;
	gnutls_hash_hd_t hash[N_HASHES]; /* NULL: not wanted */
	struct list names, nsec3;
	/* the name that is being digested */
	struct canonical {
		uint16_t type, len;
		uint32_t ttl;
		uint8_t *rdata;
	} *record;
	size_t n_records, records_size;
	uint8_t *bytes; /* room of the records' rdata */
	size_t bytes_used, bytes_size;
};

/* ---- the records of one name ---- */

/* RFC 8976 §3.3.1: by type, then by canonical rdata (RFC 4034 §6.3). */
static int record_cmp(const void *a, const void *b)
{
	const struct canonical *x = a, *y = b;
	int cmp;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	cmp = memcmp(x->rdata, y->rdata, x->len < y->len ? x->len : y->len);
	return cmp ? cmp : (int)x->len - (int)y->len;
}

/* Names in the rdata lower-cased (RFC 4034 §6.2), to d->bytes, which has room. */
static int add_record(struct digest *d, knot_dname_t *owner, const knot_rrset_t *record)
{
	const knot_rdata_t *rdata = record->rrs.rdata;
	knot_rrset_t rr;

	knot_rrset_init(&rr, owner, record->type, record->rclass, record->ttl);
	rr.rrs.count = 1;
	rr.rrs.size = knot_rdata_size(rdata->len);
	rr.rrs.rdata = (knot_rdata_t *)(d->bytes + d->bytes_used);
	knot_rdata_init(rr.rrs.rdata, rdata->len, rdata->data);
	if (knot_rrset_rr_to_canonical(&rr) != KNOT_EOK)
		return -EINVAL;
	d->record[d->n_records++] = (struct canonical){.type = rr.type,
						       .len = rr.rrs.rdata->len,
						       .ttl = rr.ttl,
						       .rdata = rr.rrs.rdata->data};
	d->bytes_used += (rr.rrs.size + 7) & ~(size_t)7;
	return 0;
}

/* Room for all records of two nodes, before any is there. */
static int reserve(struct digest *d, const struct store_node *node, const struct store_node *other)
{
	size_t records = 0, bytes, pos = 0, other_pos = 0;
	knot_rrset_t rrset;

	while (store_node_next(node, &pos, &rrset) || store_node_next(other, &other_pos, &rrset))
		records += rrset.rrs.count;
	bytes = node->len + other->len + 8 * records;
	if (records > d->records_size) {
		struct canonical *record = reallocarray(d->record, records, sizeof(*record));

		if (!record)
			return -ENOMEM;
		d->record = record;
		d->records_size = records;
	}
	if (bytes > d->bytes_size) {
		uint8_t *more = realloc(d->bytes, bytes);

		if (!more)
			return -ENOMEM;
		d->bytes = more;
		d->bytes_size = bytes;
	}
	return 0;
}

static bool is_left_out(const struct digest *d, const knot_dname_t *owner, const knot_rrset_t *rr)
{
	return knot_dname_is_equal(owner, d->apex) &&
	       (rr->type == KNOT_RRTYPE_ZONEMD ||
		(rr->type == KNOT_RRTYPE_RRSIG &&
		 knot_rrsig_type_covered(rr->rrs.rdata) == KNOT_RRTYPE_ZONEMD));
}

static int collect(struct digest *d, knot_dname_t *owner, const struct store_node *node)
{
	struct store_records records = {.node = node};
	knot_rrset_t rr;
	int err = 0;

	while (err == 0 && store_record_next(&records, &rr))
		if (!is_left_out(d, owner, &rr))
			err = add_record(d, owner, &rr);
	return err;
}

static void feed(struct digest *d, const void *bytes, size_t len)
{
	for (size_t i = 0; i < N_HASHES; i++)
		if (d->hash[i])
			gnutls_hash(d->hash[i], bytes, len);
}

static void feed_records(struct digest *d, const knot_dname_t *owner)
{
	size_t owner_len = knot_dname_size(owner);
	uint8_t fixed[10];

	qsort(d->record, d->n_records, sizeof(*d->record), record_cmp);
	for (size_t i = 0; i < d->n_records; i++) {
		const struct canonical *record = &d->record[i];

		if (i > 0 && record_cmp(record - 1, record) == 0)
			continue;
		knot_wire_write_u16(fixed, record->type);
		knot_wire_write_u16(fixed + 2, KNOT_CLASS_IN);
		knot_wire_write_u32(fixed + 4, record->ttl);
		knot_wire_write_u16(fixed + 8, record->len);
		feed(d, owner, owner_len);
		feed(d, fixed, sizeof(fixed));
		feed(d, record->rdata, record->len);
	}
}

/* ---- the walk ---- */

static int read_value(const struct content *content, struct list *list, struct store_node *ret)
{
	int err = content_node_read(content, list->at, &list->value);

	*ret = (struct store_node){list->value.bytes, list->value.len};
	return err;
}

/* The records of one name, which is in one of the lists or in both. */
static int digest_name(struct digest *d, struct list *first, struct list *second)
{
	struct store_node node, other = {0};
	struct content_node at;
	knot_dname_storage_t owner;
	int err = read_value(d->content, first, &node);

	if (err == 0 && second)
		err = read_value(d->content, second, &other);
	if (err == 0)
		err = reserve(d, &node, &other);
	if (err < 0)
		return err;
	content_node(d->content, first->at, &at);
	if (key_to_name(at.key, at.key_len, owner) < 0)
		return -EINVAL;
	d->n_records = d->bytes_used = 0;
	err = collect(d, owner, &node);
	if (err == 0)
		err = collect(d, owner, &other);
	if (err == 0)
		feed_records(d, owner);
	return err;
}

static int key_cmp(const struct content_node *a, const struct content_node *b)
{
	int cmp = memcmp(a->key, b->key, a->key_len < b->key_len ? a->key_len : b->key_len);

	return cmp ? cmp : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

static int digest_zone(struct digest *d)
{
	struct content_node name, nsec3;
	int err = 0;

	while (err == 0 && (d->names.at < d->names.end || d->nsec3.at < d->nsec3.end)) {
		int cmp = d->nsec3.at == d->nsec3.end ? -1 : 1;

		if (d->names.at < d->names.end && d->nsec3.at < d->nsec3.end) {
			content_node(d->content, d->names.at, &name);
			content_node(d->content, d->nsec3.at, &nsec3);
			cmp = key_cmp(&name, &nsec3);
		}
		if (cmp > 0)
			err = digest_name(d, &d->nsec3, NULL);
		else
			err = digest_name(d, &d->names, cmp == 0 ? &d->nsec3 : NULL);
		d->names.at += cmp <= 0;
		d->nsec3.at += cmp >= 0;
	}
	return err;
}

/* ---- what the zone says ---- */

static int __attribute__((format(printf, 3, 4))) refuse(char *reason, size_t reason_len,
							const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, reason_len, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* Which record of the RRset can be checked with this hash? Two with one scheme and hash are no good
 * (RFC 8976 §4). NULL: none. */
static const knot_rdata_t *usable(const knot_rrset_t *zonemd, const struct hash *hash)
{
	const knot_rdata_t *rdata = zonemd->rrs.rdata, *found = NULL;

	for (uint16_t i = 0; i < zonemd->rrs.count;
	     i++, rdata = knot_rdataset_next((knot_rdata_t *)rdata)) {
		if (rdata->len < ZONEMD_FIXED_LEN + DIGEST_LEN_MIN ||
		    rdata->data[4] != SCHEME_SIMPLE || rdata->data[5] != hash->id)
			continue;
		if (found)
			return NULL;
		found = rdata;
	}
	return found;
}

/* Does any digest say what the zone's is? hash[]: finished here. */
static int compare(struct digest *d, const knot_rrset_t *zonemd, uint32_t serial, char *reason,
		   size_t reason_len)
{
	int err = 0;

	for (size_t i = 0; i < N_HASHES; i++) {
		const knot_rdata_t *rdata = d->hash[i] ? usable(zonemd, &hashes[i]) : NULL;
		uint8_t is[64];

		if (!rdata)
			continue;
		gnutls_hash_deinit(d->hash[i], is);
		d->hash[i] = NULL;
		if (knot_wire_read_u32(rdata->data) != serial)
			err = refuse(reason, reason_len,
				     "ZONEMD is for serial %u, not for serial %u (RFC 8976)",
				     knot_wire_read_u32(rdata->data), serial);
		else if (rdata->len - ZONEMD_FIXED_LEN != (int)hashes[i].len ||
			 memcmp(rdata->data + ZONEMD_FIXED_LEN, is, hashes[i].len) != 0)
			err = refuse(reason, reason_len,
				     "ZONEMD: the zone's digest is another (RFC 8976, hash %u)",
				     hashes[i].id);
		else
			return 0; /* one that is right suffices */
	}
	return err;
}

static void digest_free(struct digest *d)
{
	for (size_t i = 0; i < N_HASHES; i++)
		if (d->hash[i])
			gnutls_hash_deinit(d->hash[i], NULL);
	free(d->names.value.bytes);
	free(d->nsec3.value.bytes);
	free(d->record);
	free(d->bytes);
}

static size_t count_names(const struct content *content)
{
	size_t low = 0, high = content_nodes(content);

	while (low < high) { /* names come before NSEC3 owners */
		size_t middle = low + (high - low) / 2;
		struct content_node node;

		content_node(content, middle, &node);
		if (node.nsec3)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

int check_zonemd(const struct content *content, char *reason, size_t reason_len)
{
	struct digest d = {.content = content, .apex = content_apex(content)};
	struct list apex = {0};
	struct store_node node;
	knot_rrset_t zonemd;
	bool any = false;
	int err = read_value(content, &apex, &node); /* the apex sorts first */

	if (err == 0 && store_node_rrset(&node, KNOT_RRTYPE_ZONEMD, &zonemd) == 0) {
		for (size_t i = 0; err == 0 && i < N_HASHES; i++) {
			if (!usable(&zonemd, &hashes[i]))
				continue;
			any = true;
			if (gnutls_hash_init(&d.hash[i], hashes[i].digest) < 0)
				err = -ENOMEM;
		}
	}
	if (err == 0 && any) {
		d.names.end = d.nsec3.at = count_names(content);
		d.nsec3.end = content_nodes(content);
		err = digest_zone(&d);
		if (err == 0)
			err = compare(&d, &zonemd, content_serial(content), reason, reason_len);
		else
			refuse(reason, reason_len, "ZONEMD cannot be computed: %s", strerror(-err));
	}
	digest_free(&d);
	free(apex.value.bytes);
	return err;
}
