// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/journal.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "store/check.h"

void journal_key_set(struct journal_key *key, uint32_t number, enum journal_key_part part,
		     uint32_t piece)
{
	const uint32_t be_number = htobe32(number), be_piece = htobe32(piece);
	const uint16_t be_part = htobe16(part);

	memcpy(key->number, &be_number, sizeof(be_number));
	memcpy(key->part, &be_part, sizeof(be_part));
	memcpy(key->piece, &be_piece, sizeof(be_piece));
}

uint32_t journal_key_number(const struct journal_key *key)
{
	uint32_t number;

	memcpy(&number, key->number, sizeof(number));
	return be32toh(number);
}

static enum journal_key_part key_part(const struct journal_key *key)
{
	uint16_t part;

	memcpy(&part, key->part, sizeof(part));
	return be16toh(part);
}

static void key_set_zone(struct journal_key *key, uint32_t zone_id)
{
	const uint32_t be_id = htobe32(zone_id);

	memset(key, 0, sizeof(*key));
	memcpy(key->zone_id, &be_id, sizeof(be_id));
}

/* Is what a cursor found (rc) of this zone? 0 and the key, -ENOENT, or an error. */
static int found(int rc, const MDB_val *key, const struct journal_key *zone,
		 struct journal_key *ret)
{
	if (rc)
		return store_errno(rc);
	if (key->mv_size != sizeof(*ret))
		return -EBADMSG;
	memcpy(ret, key->mv_data, sizeof(*ret));
	return memcmp(ret->zone_id, zone->zone_id, sizeof(ret->zone_id)) == 0 ? 0 : -ENOENT;
}

static int head_read(const struct journal_key *key, const MDB_val *val, struct journal_head *ret)
{
	if (key_part(key) != PART_HEAD || val->mv_size < sizeof(*ret))
		return -EBADMSG;
	memcpy(ret, val->mv_data, sizeof(*ret));
	return 0;
}

/* The head of the difference with this number, which is there. */
static int head_get(MDB_cursor *cursor, const struct journal_key *zone, uint32_t number,
		    struct journal_key *ret_key, struct journal_head *ret_head)
{
	struct journal_key at = *zone;
	MDB_val key = {sizeof(at), &at}, val;
	int err;

	journal_key_set(&at, number, PART_HEAD, 0);
	err = found(mdb_cursor_get(cursor, &key, &val, MDB_SET_RANGE), &key, zone, ret_key);
	return err < 0 ? err : head_read(ret_key, &val, ret_head);
}

static int last_number(MDB_cursor *cursor, const struct journal_key *zone, uint32_t *ret)
{
	struct journal_key at = *zone;
	MDB_val key = {sizeof(at), &at}, val;
	int err, rc;

	memset(at.number, 0xff, sizeof(at) - sizeof(at.zone_id));
	rc = mdb_cursor_get(cursor, &key, &val, MDB_SET_RANGE);
	rc = mdb_cursor_get(cursor, &key, &val, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
	err = found(rc, &key, zone, &at);
	*ret = journal_key_number(&at);
	return err;
}

static int end_get(MDB_cursor *cursor, const struct journal_key *zone, bool last,
		   struct journal_key *ret_key, struct journal_head *ret_head)
{
	uint32_t number = 0;
	int err = last ? last_number(cursor, zone, &number) : 0;

	return err < 0 ? err : head_get(cursor, zone, number, ret_key, ret_head);
}

int journal_head_end(struct store_txn *txn, uint32_t zone_id, bool last,
		     struct journal_key *ret_key, struct journal_head *ret_head)
{
	struct journal_key zone;
	MDB_cursor *cursor;
	int err, rc = mdb_cursor_open(txn->txn, txn->store->journal, &cursor);

	if (rc)
		return store_errno(rc);
	key_set_zone(&zone, zone_id);
	err = end_get(cursor, &zone, last, ret_key, ret_head);
	mdb_cursor_close(cursor);
	return err;
}

int journal_record_read(const uint8_t *data, size_t len, knot_dname_storage_t owner,
			knot_rrset_t *ret)
{
	struct journal_record head;
	size_t at = sizeof(head);
	knot_rdata_t *rdata;

	if (len < at)
		return -EBADMSG;
	memcpy(&head, data, sizeof(head));
	if (head.owner_len > 0) {
		if (len - at < head.owner_len ||
		    knot_dname_wire_check(data + at, data + at + head.owner_len, NULL) !=
			    head.owner_len)
			return -EBADMSG;
		memcpy(owner, data + at, head.owner_len);
		at += (head.owner_len + 1) & ~1U;
	}
	if (len < at || len - at < sizeof(*rdata))
		return -EBADMSG;
	rdata = (knot_rdata_t *)(data + at);
	if (len - at < knot_rdata_size(rdata->len) ||
	    !check_rdata(head.type, rdata->data, rdata->len))
		return -EBADMSG;
	knot_rrset_init(ret, owner, head.type, KNOT_CLASS_IN, head.ttl);
	ret->rrs = (knot_rdataset_t){1, knot_rdata_size(rdata->len), rdata};
	return at + knot_rdata_size(rdata->len);
}

/* ---- the stream ---- */

struct store_journal {
	MDB_cursor *cursor;
	struct journal_key zone;
	int end;		/* 0: the cursor is at key; -ENOENT: there is no more */
	struct journal_key key; /* of the next piece */
	MDB_val val;		/* of it */
	const uint8_t *data;	/* what is left of the piece before it */
	size_t left;
	enum store_journal_part part; /* of data */
	uint32_t serial;	      /* that the differences so far lead to */
	bool soa_is_due;
	knot_rrset_t soa; /* the new one of this difference */
	knot_dname_storage_t apex, owner;
};

static int move(struct store_journal *j, MDB_cursor_op op)
{
	MDB_val key = {sizeof(j->key), &j->key};

	j->end = found(mdb_cursor_get(j->cursor, &key, &j->val, op), &key, &j->zone, &j->key);
	return j->end == -ENOENT ? 0 : j->end;
}

/* Where is the difference from this serial? Numbers and serials both ascend. */
static int find(struct store_journal *j, uint32_t serial)
{
	struct journal_head first, last, head = {0};
	struct journal_key key;
	uint32_t low, high;
	int err = end_get(j->cursor, &j->zone, true, &key, &last);

	if (err < 0)
		return err;
	high = journal_key_number(&key);
	err = end_get(j->cursor, &j->zone, false, &key, &first);
	low = journal_key_number(&key);
	if (err == 0 &&
	    (serial - first.old_serial > last.old_serial - first.old_serial || low > high))
		err = -ENOENT;
	while (err == 0 && low < high) {
		uint32_t middle = low + (high - low) / 2;

		err = head_get(j->cursor, &j->zone, middle, &key, &head);
		if (head.old_serial - first.old_serial < serial - first.old_serial)
			low = middle + 1;
		else
			high = middle;
	}
	if (err == 0)
		err = head_get(j->cursor, &j->zone, low, &j->key, &head);
	if (err == 0 && head.old_serial != serial)
		err = -ENOENT;
	return err;
}

int store_journal_open(struct store_txn *txn, uint32_t zone_id, uint32_t serial,
		       struct store_journal **ret)
{
	struct store_journal *j = calloc(1, sizeof(*j));
	int err;

	if (!j)
		return -ENOMEM;
	key_set_zone(&j->zone, zone_id);
	j->serial = serial;
	err = store_errno(mdb_cursor_open(txn->txn, txn->store->journal, &j->cursor));
	if (err == 0)
		err = find(j, serial);
	if (err == 0)
		err = move(j, MDB_SET_RANGE);
	if (err < 0) {
		store_journal_close(j);
		return err;
	}
	*ret = j;
	return 0;
}

void store_journal_close(struct store_journal *j)
{
	if (!j)
		return;
	if (j->cursor)
		mdb_cursor_close(j->cursor);
	free(j);
}

static void hand_out(const knot_rrset_t *rr, knot_dname_storage_t ret_owner, knot_rrset_t *ret)
{
	*ret = *rr;
	memcpy(ret_owner, rr->owner, knot_dname_size(rr->owner));
	ret->owner = ret_owner;
}

static int record_next(struct store_journal *j, knot_dname_storage_t ret_owner, knot_rrset_t *ret)
{
	knot_rrset_t rr;
	int used = journal_record_read(j->data, j->left, j->owner, &rr);

	if (used < 0)
		return used;
	j->data += used;
	j->left -= used;
	hand_out(&rr, ret_owner, ret);
	return 0;
}

/* The cursor is at a head, which goes on where the difference before it ended. */
static int difference_begin(struct store_journal *j, knot_dname_storage_t ret_owner,
			    knot_rrset_t *ret)
{
	const uint8_t *data = (const uint8_t *)j->val.mv_data + sizeof(struct journal_head);
	struct journal_head head;
	knot_rrset_t old;
	size_t len;
	int used, err = head_read(&j->key, &j->val, &head);

	if (err < 0)
		return err;
	len = j->val.mv_size - sizeof(head);
	j->apex[0] = 0;
	used = journal_record_read(data, len, j->apex, &old);
	if (used < 0 || journal_record_read(data + used, len - used, j->apex, &j->soa) < 0 ||
	    old.type != KNOT_RRTYPE_SOA || j->soa.type != KNOT_RRTYPE_SOA ||
	    head.old_serial != j->serial)
		return -EBADMSG;
	j->serial = head.new_serial;
	j->soa_is_due = true;
	hand_out(&old, ret_owner, ret);
	return move(j, MDB_NEXT);
}

int store_journal_next(struct store_journal *j, enum store_journal_part *ret_part,
		       knot_dname_storage_t ret_owner, knot_rrset_t *ret)
{
	int err;

	*ret_part = j->part;
	if (j->left > 0)
		return record_next(j, ret_owner, ret);
	if (j->soa_is_due && (j->end < 0 || key_part(&j->key) != PART_REMOVED)) {
		*ret_part = JOURNAL_NEW_SOA;
		j->soa_is_due = false;
		hand_out(&j->soa, ret_owner, ret);
		return 0;
	}
	if (j->end < 0)
		return j->end;
	if (key_part(&j->key) == PART_HEAD) {
		*ret_part = JOURNAL_OLD_SOA;
		return difference_begin(j, ret_owner, ret);
	}
	*ret_part = j->part = key_part(&j->key) == PART_REMOVED ? JOURNAL_REMOVED : JOURNAL_ADDED;
	j->owner[0] = 0;
	j->data = j->val.mv_data;
	j->left = j->val.mv_size;
	err = move(j, MDB_NEXT);
	return err < 0 ? err : record_next(j, ret_owner, ret);
}
