// SPDX-License-Identifier: GPL-3.0-or-later
/* The zones and counters of the store: what is kept beside the records. */
#include <errno.h>
#include <string.h>

#include "store/private.h"

MDB_val zone_key_set(struct zone_key *key, const knot_dname_t *apex)
{
	key->len = key_from_name(apex, key->bytes);
	key->bytes[key->len++] = 0;
	return (MDB_val){key->len, key->bytes};
}

int zone_key_name(const MDB_val *key, knot_dname_storage_t ret_name)
{
	return key->mv_size < 1 || key_to_name(key->mv_data, key->mv_size - 1, ret_name) < 0
		       ? -EBADMSG
		       : 0;
}

unsigned depths_deepest(const struct depths *depths)
{
	unsigned deepest = DEPTHS_MAX - 1;

	while (deepest > 0 && depths->count[deepest] == 0)
		deepest--;
	return deepest;
}

static int zone_from_disk(const MDB_val *val, struct store_zone *ret, struct depths *ret_depths)
{
	struct disk_zone disk;
	size_t depths_size;

	if (val->mv_size < sizeof(disk))
		return -EBADMSG;
	memcpy(&disk, val->mv_data, sizeof(disk));
	depths_size = (disk.max_labels + (size_t)1) * sizeof(ret_depths->count[0]);
	if (disk.max_labels >= DEPTHS_MAX || val->mv_size != sizeof(disk) + depths_size)
		return -EBADMSG;
	*ret = (struct store_zone){
		.id = disk.id,
		.serial = disk.serial,
		.generation = disk.generation,
		.records = disk.records,
		.refreshed_at = disk.refreshed_at,
		.expires_at = disk.expires_at,
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
		.transfer_ixfr = disk.transfer_ixfr,
		.journal_serial = disk.journal_serial,
		.journal_depth = disk.journal_depth,
		.journal_bytes = disk.journal_bytes,
	};
	memcpy(ret->primary, disk.primary, sizeof(ret->primary));
	ret->primary[sizeof(ret->primary) - 1] = 0;
	*ret_depths = (struct depths){0};
	memcpy(ret_depths->count, (const uint8_t *)val->mv_data + sizeof(disk), depths_size);
	return 0;
}

int zone_put(struct store_txn *txn, const knot_dname_t *apex, const struct store_zone *zone,
	     const struct depths *depths)
{
	struct disk_zone disk = {
		.id = zone->id,
		.serial = zone->serial,
		.generation = zone->generation,
		.records = zone->records,
		.refreshed_at = zone->refreshed_at,
		.expires_at = zone->expires_at,
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
		.transfer_ixfr = zone->transfer_ixfr,
		.journal_serial = zone->journal_serial,
		.journal_depth = zone->journal_depth,
		.journal_bytes = zone->journal_bytes,
	};
	size_t depths_size = (zone->max_labels + (size_t)1) * sizeof(depths->count[0]);
	uint8_t value[sizeof(disk) + sizeof(*depths)];
	struct zone_key buf;
	MDB_val key = zone_key_set(&buf, apex), val = {sizeof(disk) + depths_size, value};

	_Static_assert(sizeof(disk.primary) == sizeof(zone->primary), "the same text");
	memcpy(disk.primary, zone->primary, strnlen(zone->primary, sizeof(disk.primary) - 1));
	memcpy(value, &disk, sizeof(disk));
	memcpy(value + sizeof(disk), depths->count, depths_size);
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

int zone_get(struct store_txn *txn, const knot_dname_t *apex, struct store_zone *ret,
	     struct depths *ret_depths)
{
	struct zone_key buf;
	MDB_val key = zone_key_set(&buf, apex), val;
	int rc = mdb_get(txn->txn, txn->store->zones, &key, &val);

	return rc ? store_errno(rc) : zone_from_disk(&val, ret, ret_depths);
}

int store_zone_get(struct store_txn *txn, const knot_dname_t *apex, struct store_zone *ret)
{
	struct depths depths;

	return zone_get(txn, apex, ret, &depths);
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
		err = zone_put(txn, apex, &zone, &(struct depths){0});
	if (err == 0)
		*ret = zone;
	return err;
}

int store_zone_update(struct store_txn *txn, const knot_dname_t *apex,
		      const struct store_zone *zone)
{
	struct store_zone stored;
	struct depths depths;
	int err = zone_get(txn, apex, &stored, &depths);

	if (err < 0)
		return err;
	stored.refreshed_at = zone->refreshed_at;
	stored.expires_at = zone->expires_at;
	stored.transferred_at = zone->transferred_at;
	stored.transfer_bytes = zone->transfer_bytes;
	stored.transfer_records = zone->transfer_records;
	stored.transfer_ms = zone->transfer_ms;
	stored.transfer_ixfr = zone->transfer_ixfr;
	memcpy(stored.primary, zone->primary, sizeof(stored.primary));
	return zone_put(txn, apex, &stored, &depths);
}

int delete_prefix(struct store_txn *txn, MDB_dbi dbi, const MDB_val *prefix)
{
	MDB_val key = *prefix, val;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn->txn, dbi, &cursor);

	if (rc)
		return store_errno(rc);
	rc = mdb_cursor_get(cursor, &key, &val, MDB_SET_RANGE);
	while (rc == 0 && key.mv_size >= prefix->mv_size &&
	       memcmp(key.mv_data, prefix->mv_data, prefix->mv_size) == 0) {
		rc = mdb_cursor_del(cursor, 0);
		if (rc == 0)
			rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : store_errno(rc);
}

int store_zone_remove(struct store_txn *txn, const knot_dname_t *apex)
{
	const MDB_dbi dbi[] = {txn->store->nodes, txn->store->references, txn->store->journal};
	struct store_zone zone;
	struct zone_key buf;
	struct node_key node_key;
	MDB_val key = zone_key_set(&buf, apex), prefix;
	int err = store_zone_get(txn, apex, &zone);

	if (err < 0)
		return err;
	node_key_set(&node_key, zone.id, STORE_NAMES, NULL);
	prefix = (MDB_val){sizeof(zone.id), node_key.bytes};
	for (size_t i = 0; err == 0 && i < sizeof(dbi) / sizeof(dbi[0]); i++)
		err = delete_prefix(txn, dbi[i], &prefix);
	return err < 0 ? err : store_errno(mdb_del(txn->txn, txn->store->zones, &key, NULL));
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
		struct depths depths;

		rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT);
		if (rc)
			break;
		err = zone_key_name(&key, apex);
		if (err == 0)
			err = zone_from_disk(&val, &zone, &depths);
		if (err == 0)
			err = fn(apex, &zone, ctx);
	}
	mdb_cursor_close(cursor);
	if (err == 0 && rc != MDB_NOTFOUND)
		err = store_errno(rc);
	return err;
}
