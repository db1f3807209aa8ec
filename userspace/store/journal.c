// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/journal.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

/* ---- writing ---- */

static int value_put(struct journal *journal, enum journal_key_part part, uint32_t number,
		     const void *data, size_t len)
{
	MDB_val key = {sizeof(journal->key), &journal->key}, val = {len, (void *)data};

	journal_key_set(&journal->key, journal_key_number(&journal->key), part, number);
	journal->head.bytes += key.mv_size + val.mv_size;
	if (journal->head.bytes > journal->limits.journal_max_usage) {
		journal->is_writing = false; /* what is there goes at the end, with all else */
		return 0;
	}
	return store_errno(mdb_put(journal->txn->txn, journal->txn->store->journal, &key, &val, 0));
}

static int piece_flush(struct journal *journal, enum journal_key_part part)
{
	struct journal_piece *piece = &journal->piece[part];
	size_t len = piece->len;

	piece->len = 0;
	piece->owner[0] = 0;
	return len > 0 ? value_put(journal, part, piece->number++, piece->bytes, len) : 0;
}

static size_t record_write(uint8_t *out, const knot_dname_t *owner, size_t owner_len,
			   const knot_rrset_t *rr)
{
	struct journal_record head = {rr->type, owner_len, rr->ttl};
	size_t padded = (owner_len + 1) & ~(size_t)1, size = knot_rdata_size(rr->rrs.rdata->len);

	memcpy(out, &head, sizeof(head));
	out[sizeof(head) + padded - (padded > 0)] = 0;
	memcpy(out + sizeof(head), owner, owner_len);
	/* not with the byte behind, which in the database is whatever it is */
	out[sizeof(head) + padded + size - 1] = 0;
	memcpy(out + sizeof(head) + padded, rr->rrs.rdata,
	       sizeof(knot_rdata_t) + rr->rrs.rdata->len);
	return sizeof(head) + padded + size;
}

static int large_put(struct journal *journal, enum journal_key_part part, const knot_dname_t *owner,
		     const knot_rrset_t *rr, size_t max)
{
	uint8_t *buf;
	int err = piece_flush(journal, part);

	if (err < 0 || !journal->is_writing)
		return err;
	buf = malloc(max);
	if (!buf)
		return -ENOMEM;
	err = value_put(journal, part, journal->piece[part].number++, buf,
			record_write(buf, owner, knot_dname_size(owner), rr));
	free(buf);
	return err;
}

/* One record, one rdata. */
static int record_put(struct journal *journal, enum journal_key_part part,
		      const knot_dname_t *owner, const knot_rrset_t *rr)
{
	struct journal_piece *piece = &journal->piece[part];
	size_t owner_len = knot_dname_size(owner);
	size_t max =
		sizeof(struct journal_record) + owner_len + 1 + knot_rdata_size(rr->rrs.rdata->len);
	int err = 0;

	if (!journal->is_writing)
		return 0;
	if (max > sizeof(piece->bytes))
		return large_put(journal, part, owner, rr, max);
	if (max > sizeof(piece->bytes) - piece->len)
		err = piece_flush(journal, part);
	if (err < 0)
		return err;
	if (piece->len > 0 && knot_dname_is_equal(piece->owner, owner))
		owner_len = 0;
	else
		memcpy(piece->owner, owner, owner_len);
	piece->len += record_write(piece->bytes + piece->len, owner, owner_len, rr);
	return 0;
}

static int record_cmp(const knot_rrset_t *a, const knot_rrset_t *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return knot_rdata_cmp(a->rrs.rdata, b->rrs.rdata);
}

int journal_note(struct journal *journal, const knot_dname_t *owner,
		 const struct store_node *before, const struct store_node *after)
{
	struct store_records old = {.node = before}, new = {.node = after};
	knot_rrset_t a, b;
	bool has_a, has_b;
	int err = 0;

	if (!journal->is_writing)
		return 0;
	has_a = store_record_next(&old, &a);
	has_b = store_record_next(&new, &b);
	while (err == 0 && (has_a || has_b)) {
		int order = !has_b ? -1 : !has_a ? 1 : record_cmp(&a, &b);
		bool differs = order != 0 || a.ttl != b.ttl;

		if (differs && order <= 0 && a.type != KNOT_RRTYPE_SOA)
			err = record_put(journal, PART_REMOVED, owner, &a);
		if (err == 0 && differs && order >= 0 && b.type != KNOT_RRTYPE_SOA)
			err = record_put(journal, PART_ADDED, owner, &b);
		if (order <= 0)
			has_a = store_record_next(&old, &a);
		if (order >= 0)
			has_b = store_record_next(&new, &b);
	}
	return err;
}

/* ---- the zone's differences ---- */

static MDB_val key_prefix(const struct journal_key *key, bool of_difference)
{
	return (MDB_val){sizeof(key->zone_id) + (of_difference ? sizeof(key->number) : 0),
			 (void *)key};
}

static int forget_all(struct journal *journal, struct store_zone *zone)
{
	MDB_val prefix = key_prefix(&journal->key, false);

	zone->journal_serial = zone->journal_depth = 0;
	zone->journal_bytes = 0;
	return delete_prefix(journal->txn, journal->txn->store->journal, &prefix);
}

static int forget_oldest(struct journal *journal, struct store_zone *zone)
{
	struct journal_key key;
	struct journal_head head;
	MDB_val prefix;
	int err = journal_head_end(journal->txn, zone->id, false, &key, &head);

	if (err < 0)
		return err == -ENOENT ? -EBADMSG : err;
	prefix = key_prefix(&key, true);
	err = delete_prefix(journal->txn, journal->txn->store->journal, &prefix);
	zone->journal_depth--;
	zone->journal_bytes -= head.bytes;
	zone->journal_serial = head.new_serial;
	return err;
}

/* Old serials must be told apart by serial arithmetic (RFC 1982), too. */
static bool is_over_limits(const struct journal *journal, const struct store_zone *zone)
{
	return zone->journal_depth > 0 &&
	       (zone->journal_depth > journal->limits.journal_max_depth ||
		zone->journal_bytes > journal->limits.journal_max_usage ||
		!serial_is_newer(zone->serial, zone->journal_serial));
}

/* The number after the last one; 0: there is none. */
static int next_number(struct journal *journal, uint32_t zone_id, uint32_t *ret)
{
	struct journal_key last;
	struct journal_head head;
	int err = journal_head_end(journal->txn, zone_id, true, &last, &head);

	*ret = 1;
	if (err == 0)
		*ret = journal_key_number(&last) + 1;
	return err == -ENOENT ? 0 : err;
}

int journal_begin(struct journal *journal, struct store_txn *txn, const struct store_zone *old_zone,
		  const knot_dname_t *apex, const struct store_node *before,
		  const knot_rrset_t *soa)
{
	const uint32_t be_id = htobe32(old_zone->id);
	uint32_t number;
	knot_rrset_t old_soa;
	int err;

	journal->txn = txn;
	memcpy(journal->key.zone_id, &be_id, sizeof(be_id));
	if (!before || store_node_rrset(before, KNOT_RRTYPE_SOA, &old_soa) < 0 ||
	    journal->limits.journal_max_depth == 0)
		return 0;
	journal->head = (struct journal_head){knot_soa_serial(old_soa.rrs.rdata),
					      knot_soa_serial(soa->rrs.rdata), 0};
	if (!serial_is_newer(journal->head.new_serial, journal->head.old_serial))
		return 0;
	err = next_number(journal, old_zone->id, &number);
	if (err < 0 || number == 0)
		return err;
	journal->piece = calloc(PART_ADDED + 1, sizeof(*journal->piece));
	if (!journal->piece)
		return -ENOMEM;
	journal_key_set(&journal->key, number, PART_HEAD, 0);
	journal->is_writing = true;
	journal->piece[PART_HEAD].len = sizeof(journal->head); /* filled in at the end */
	err = record_put(journal, PART_HEAD, apex, &old_soa);
	return err < 0 ? err : record_put(journal, PART_HEAD, apex, soa);
}

static int difference_end(struct journal *journal)
{
	struct journal_piece *head = &journal->piece[PART_HEAD];
	int err = piece_flush(journal, PART_REMOVED);

	if (err == 0 && journal->is_writing)
		err = piece_flush(journal, PART_ADDED);
	if (err < 0 || !journal->is_writing)
		return err;
	journal->head.bytes += sizeof(struct journal_key) + head->len;
	memcpy(head->bytes, &journal->head, sizeof(journal->head));
	journal->head.bytes -= sizeof(struct journal_key) + head->len; /* value_put counts it */
	return piece_flush(journal, PART_HEAD);
}

int journal_end(struct journal *journal, struct store_zone *zone, bool changed)
{
	int err = 0;

	if (changed && journal->is_writing)
		err = difference_end(journal);
	if (err == 0 && changed && journal->is_writing) {
		if (zone->journal_depth++ == 0)
			zone->journal_serial = journal->head.old_serial;
		zone->journal_bytes += journal->head.bytes;
	} else if (err == 0 && changed) {
		err = forget_all(journal, zone);
	}
	while (err == 0 && is_over_limits(journal, zone))
		err = forget_oldest(journal, zone);
	return err;
}

void journal_abort(struct journal *journal)
{
	free(journal->piece);
	journal->piece = NULL;
}
