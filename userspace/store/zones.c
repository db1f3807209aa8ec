// SPDX-License-Identifier: GPL-3.0-or-later
/* The zones and counters of the store: what is kept beside the records. */
#include <errno.h>
#include <string.h>

#include "store/private.h"

struct zone_key {
	size_t len;
	uint8_t bytes[KEY_NAME_MAX + 1];
};

/* LMDB has no empty keys, and the root's would be: one more 00 for all. */
static MDB_val zone_key(struct zone_key *key, const knot_dname_t *apex)
{
	key->len = key_from_name(apex, key->bytes);
	key->bytes[key->len++] = 0;
	return (MDB_val){key->len, key->bytes};
}

static int zone_from_disk(const MDB_val *val, struct store_zone *ret)
{
	struct disk_zone disk;

	if (val->mv_size != sizeof(disk))
		return -EBADMSG;
	memcpy(&disk, val->mv_data, sizeof(disk));
	*ret = (struct store_zone){
		.id = disk.id,
		.serial = disk.serial,
		.generation = disk.generation,
		.records = disk.records,
		.refreshed_at = disk.refreshed_at,
		.refresh_s = disk.refresh_s,
		.retry_s = disk.retry_s,
		.expire_s = disk.expire_s,
		.has_content = disk.has_content,
		.is_signed = disk.is_signed,
		.max_labels = disk.max_labels,
		.transferred_at = disk.transferred_at,
		.transfer_bytes = disk.transfer_bytes,
		.transfer_records = disk.transfer_records,
		.transfer_ms = disk.transfer_ms,
	};
	memcpy(ret->primary, disk.primary, sizeof(ret->primary));
	ret->primary[sizeof(ret->primary) - 1] = 0;
	return 0;
}

int zone_put(struct store_txn *txn, const knot_dname_t *apex, const struct store_zone *zone)
{
	struct disk_zone disk = {
		.id = zone->id,
		.serial = zone->serial,
		.generation = zone->generation,
		.records = zone->records,
		.refreshed_at = zone->refreshed_at,
		.refresh_s = zone->refresh_s,
		.retry_s = zone->retry_s,
		.expire_s = zone->expire_s,
		.has_content = zone->has_content,
		.is_signed = zone->is_signed,
		.max_labels = zone->max_labels,
		.transferred_at = zone->transferred_at,
		.transfer_bytes = zone->transfer_bytes,
		.transfer_records = zone->transfer_records,
		.transfer_ms = zone->transfer_ms,
	};
	struct zone_key buf;
	MDB_val key = zone_key(&buf, apex), val = {sizeof(disk), &disk};

	_Static_assert(sizeof(disk.primary) == sizeof(zone->primary), "the same text");
	memcpy(disk.primary, zone->primary, strnlen(zone->primary, sizeof(disk.primary) - 1));
	return store_errno(mdb_put(txn->txn, txn->store->zones, &key, &val, 0));
}

int counters_get(struct store_txn *txn, struct disk_counters *ret)
{
	MDB_val key = {8, "counters"}, val;
	int rc = mdb_get(txn->txn, txn->store->meta, &key, &val);

	if (rc)
		return rc == MDB_NOTFOUND ? -EBADMSG : store_errno(rc);
	if (val.mv_size != sizeof(*ret))
		return -EBADMSG;
	memcpy(ret, val.mv_data, sizeof(*ret));
	return 0;
}

int counters_put(struct store_txn *txn, const struct disk_counters *counters)
{
	MDB_val key = {8, "counters"}, val = {sizeof(*counters), (void *)counters};

	return store_errno(mdb_put(txn->txn, txn->store->meta, &key, &val, 0));
}

int store_zone_get(struct store_txn *txn, const knot_dname_t *apex, struct store_zone *ret)
{
	struct zone_key buf;
	MDB_val key = zone_key(&buf, apex), val;
	int rc = mdb_get(txn->txn, txn->store->zones, &key, &val);

	return rc ? store_errno(rc) : zone_from_disk(&val, ret);
}

int store_zone_add(struct store_txn *txn, const knot_dname_t *apex, struct store_zone *ret)
{
	struct disk_counters counters;
	struct store_zone zone = {0};
	int err = store_zone_get(txn, apex, ret);

	if (err != -ENOENT)
		return err;
	err = counters_get(txn, &counters);
	if (err < 0)
		return err;
	if (counters.zone_id == UINT32_MAX)
		return -ENOSPC;
	zone.id = ++counters.zone_id;
	err = counters_put(txn, &counters);
	if (err == 0)
		err = zone_put(txn, apex, &zone);
	if (err == 0)
		*ret = zone;
	return err;
}

int store_zone_update(struct store_txn *txn, const knot_dname_t *apex,
		      const struct store_zone *zone)
{
	struct store_zone stored;
	int err = store_zone_get(txn, apex, &stored);

	if (err < 0)
		return err;
	stored.refreshed_at = zone->refreshed_at;
	stored.transferred_at = zone->transferred_at;
	stored.transfer_bytes = zone->transfer_bytes;
	stored.transfer_records = zone->transfer_records;
	stored.transfer_ms = zone->transfer_ms;
	memcpy(stored.primary, zone->primary, sizeof(stored.primary));
	return zone_put(txn, apex, &stored);
}

/* Deletes every entry of a database of nodes or references that is the zone's. */
static int delete_all(struct store_txn *txn, MDB_dbi dbi, uint32_t zone_id)
{
	uint8_t prefix[4] = {zone_id >> 24, zone_id >> 16, zone_id >> 8, zone_id};
	MDB_val key = {sizeof(prefix), prefix}, val;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn->txn, dbi, &cursor);

	if (rc)
		return store_errno(rc);
	rc = mdb_cursor_get(cursor, &key, &val, MDB_SET_RANGE);
	while (rc == 0 && key.mv_size >= sizeof(prefix) &&
	       memcmp(key.mv_data, prefix, sizeof(prefix)) == 0) {
		rc = mdb_cursor_del(cursor, 0);
		if (rc == 0)
			rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : store_errno(rc);
}

int store_zone_remove(struct store_txn *txn, const knot_dname_t *apex)
{
	struct store_zone zone;
	struct zone_key buf;
	MDB_val key = zone_key(&buf, apex);
	int err = store_zone_get(txn, apex, &zone);

	if (err == 0)
		err = delete_all(txn, txn->store->nodes, zone.id);
	if (err == 0)
		err = delete_all(txn, txn->store->references, zone.id);
	if (err == 0)
		err = store_errno(mdb_del(txn->txn, txn->store->zones, &key, NULL));
	return err;
}

int store_zone_each(struct store_txn *txn,
		    int (*fn)(const knot_dname_t *apex, const struct store_zone *zone, void *ctx),
		    void *ctx)
{
	MDB_cursor *cursor;
	MDB_val key, val;
	int err, rc = mdb_cursor_open(txn->txn, txn->store->zones, &cursor);

	if (rc)
		return store_errno(rc);
	for (err = 0; err == 0;) {
		knot_dname_storage_t apex;
		struct store_zone zone;

		rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT);
		if (rc)
			break;
		if (key.mv_size < 1 || key_to_name(key.mv_data, key.mv_size - 1, apex) < 0)
			err = -EBADMSG;
		else
			err = zone_from_disk(&val, &zone);
		if (err == 0)
			err = fn(apex, &zone, ctx);
	}
	mdb_cursor_close(cursor);
	if (err == 0 && rc != MDB_NOTFOUND)
		err = store_errno(rc);
	return err;
}
