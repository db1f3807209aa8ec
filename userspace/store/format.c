// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/format.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "util/log.h"
#include "util/plural.h"

static int format_put(struct store *store, MDB_txn *txn)
{
	struct disk_format format = {.version = FORMAT_VERSION, .order = FORMAT_ORDER};
	MDB_val key = {6, "format"}, val = {sizeof(format), &format};

	memcpy(format.magic, FORMAT_MAGIC, sizeof(format.magic));
	format.uuid = store->uuid;
	return mdb_put(txn, store->meta, &key, &val, 0);
}

static int format_make(struct store *store, MDB_txn *txn)
{
	struct disk_counters counters = {0};
	MDB_val key = {8, "counters"}, val = {sizeof(counters), &counters};
	int rc;

	if (getrandom(&store->uuid, sizeof(store->uuid), 0) != sizeof(store->uuid))
		return EIO;
	rc = format_put(store, txn);
	return rc ? rc : mdb_put(txn, store->meta, &key, &val, 0);
}

static int format_get(struct store *store, MDB_txn *txn, struct disk_format *ret)
{
	MDB_val key = {6, "format"}, val;

	if (mdb_get(txn, store->meta, &key, &val) != 0 || val.mv_size != sizeof(*ret))
		return MDB_INVALID;
	memcpy(ret, val.mv_data, sizeof(*ret));
	if (memcmp(ret->magic, FORMAT_MAGIC, sizeof(ret->magic)) != 0 ||
	    ret->order != FORMAT_ORDER || ret->version < FORMAT_OLDEST)
		return MDB_INVALID;
	store->uuid = ret->uuid;
	return 0;
}

/* ---- from format 1 ---- */

static unsigned key_labels(const MDB_val *key)
{
	knot_dname_storage_t name;

	return node_key_name(key, name) == 0 ? knot_dname_labels(name, NULL) : 0;
}

static int depths_count(struct store_txn *txn, uint32_t zone_id, struct depths *ret)
{
	struct node_key prefix;
	MDB_val key, val;
	int rc;

	*ret = (struct depths){0};
	node_key_set(&prefix, zone_id, STORE_NAMES, NULL);
	prefix.len = sizeof(zone_id);
	key = (MDB_val){prefix.len, prefix.bytes};
	for (rc = mdb_cursor_get(txn->seek, &key, &val, MDB_SET_RANGE);
	     rc == 0 && node_key_is_prefix(&prefix, &key);
	     rc = mdb_cursor_get(txn->seek, &key, &val, MDB_NEXT))
		ret->count[key_labels(&key)]++;
	return rc == MDB_NOTFOUND ? 0 : store_errno(rc);
}

static int zone_migrate(struct store_txn *txn, const MDB_val *key, const MDB_val *val)
{
	knot_dname_storage_t apex;
	struct disk_zone_1 disk;
	struct store_zone zone;
	struct depths depths;
	int err;

	if (val->mv_size != sizeof(disk) || zone_key_name(key, apex) < 0)
		return -EBADMSG;
	memcpy(&disk, val->mv_data, sizeof(disk));
	err = depths_count(txn, disk.id, &depths);
	if (err < 0)
		return err;
	zone = (struct store_zone){
		.id = disk.id,
		.serial = disk.serial,
		.generation = disk.generation,
		.records = disk.records,
		.refreshed_at = disk.refreshed_at,
		.expires_at = disk.refreshed_at + disk.expire_s,
		.refresh_s = disk.refresh_s,
		.retry_s = disk.retry_s,
		.expire_s = disk.expire_s,
		.has_content = disk.has_content,
		.is_signed = disk.is_signed,
		.max_labels = depths_deepest(&depths),
		.transferred_at = disk.transferred_at,
		.transfer_bytes = disk.transfer_bytes,
		.transfer_records = disk.transfer_records,
		.transfer_ms = disk.transfer_ms,
	};
	memcpy(zone.primary, disk.primary, sizeof(zone.primary));
	return zone_put(txn, apex, &zone, &depths);
}

static int migrate(struct store *store, MDB_txn *mdb_txn, const char *dir)
{
	struct store_txn txn = {.store = store, .txn = mdb_txn, .write = true};
	MDB_cursor *cursor = NULL;
	size_t n = 0;
	MDB_val key, val;
	int rc = mdb_cursor_open(mdb_txn, store->nodes, &txn.seek), err = 0;

	if (rc == 0)
		rc = mdb_cursor_open(mdb_txn, store->zones, &cursor);
	while (rc == 0 && err == 0 && (rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) == 0) {
		err = zone_migrate(&txn, &key, &val);
		n++;
	}
	if (cursor)
		mdb_cursor_close(cursor);
	if (txn.seek)
		mdb_cursor_close(txn.seek);
	if (err < 0 || rc != MDB_NOTFOUND)
		return err < 0 ? -err : rc;
	log_info("database %s: %zu zone%s brought from format 1 to %d", dir, n, plural(n),
		 FORMAT_VERSION);
	return format_put(store, mdb_txn);
}

/* ---- opening ---- */

/* Is the file new? Its main database has no entries then. */
static int main_is_empty(MDB_txn *txn, bool *ret)
{
	MDB_stat stat;
	MDB_dbi dbi;
	int rc = mdb_dbi_open(txn, NULL, 0, &dbi);

	if (rc == 0)
		rc = mdb_stat(txn, dbi, &stat);
	if (rc == 0)
		*ret = stat.ms_entries == 0;
	return rc;
}

static int open_all(struct store *store, MDB_txn *txn, const char *dir)
{
	struct disk_format format = {.version = FORMAT_VERSION};
	unsigned create = 0;
	bool empty = false;
	int rc = main_is_empty(txn, &empty);

	if (empty)
		create = MDB_CREATE;
	if (rc == 0)
		rc = mdb_dbi_open(txn, "meta", create, &store->meta);
	if (rc == 0)
		rc = empty ? format_make(store, txn) : format_get(store, txn, &format);
	if (rc == 0 && format.version > FORMAT_VERSION) {
		log_error("database %s/data.mdb has format %u, this xnsd knows up to %d: run the "
			  "xnsd that wrote it, or move the file away (the zones are then "
			  "transferred anew)",
			  dir, format.version, FORMAT_VERSION);
		return EPROTONOSUPPORT;
	}
	if (rc == 0)
		rc = mdb_dbi_open(txn, "zones", create, &store->zones);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "nodes", create, &store->nodes);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "references", create | MDB_DUPSORT, &store->references);
	if (format.version == 1)
		create = MDB_CREATE;
	if (rc == 0)
		rc = mdb_dbi_open(txn, "journal", create, &store->journal);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "members", create, &store->members);
	if (rc == MDB_NOTFOUND)
		rc = MDB_INVALID; /* somebody else's */
	return rc == 0 && format.version == 1 ? migrate(store, txn, dir) : rc;
}

int format_open(struct store *store, const char *dir)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

	if (rc)
		return store_errno(rc);
	rc = open_all(store, txn, dir);
	if (rc == 0)
		rc = mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	return store_errno(rc);
}
