// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Zones that are held because of a catalog zone or the operator: struct disk_member, then the
 * names of catalog and unique on the wire, then the template's text.
 */
#include <errno.h>

#include "store/private.h"

struct disk_member {
	uint8_t by_operator, catalog_len, unique_len, zero;
	uint16_t template_len, zero2;
};

_Static_assert(sizeof(struct disk_member) == 8, "no padding");

#define MEMBER_MAX \
	(sizeof(struct disk_member) + 2 * sizeof(knot_dname_storage_t) + STORE_MEMBER_TEXT_MAX)

static int member_read(const MDB_val *val, struct store_member *ret)
{
	const uint8_t *at = (const uint8_t *)val->mv_data + sizeof(struct disk_member);
	struct disk_member disk;

	if (val->mv_size < sizeof(disk))
		return -EBADMSG;
	memcpy(&disk, val->mv_data, sizeof(disk));
	if (val->mv_size != sizeof(disk) + disk.catalog_len + disk.unique_len + disk.template_len ||
	    disk.template_len >= sizeof(ret->template_id) ||
	    knot_dname_wire_check(at, at + disk.catalog_len, NULL) != disk.catalog_len ||
	    knot_dname_wire_check(at + disk.catalog_len, at + disk.catalog_len + disk.unique_len,
				  NULL) != disk.unique_len)
		return -EBADMSG;
	*ret = (struct store_member){.by_operator = disk.by_operator};
	memcpy(ret->catalog, at, disk.catalog_len);
	memcpy(ret->unique, at + disk.catalog_len, disk.unique_len);
	memcpy(ret->template_id, at + disk.catalog_len + disk.unique_len, disk.template_len);
	return 0;
}

bool member_is_whole(const MDB_val *key, const MDB_val *val)
{
	struct store_member member;
	knot_dname_storage_t apex;

	return zone_key_name(key, apex) == 0 && member_read(val, &member) == 0;
}

int store_member_put(struct store_txn *txn, const knot_dname_t *apex,
		     const struct store_member *member)
{
	struct disk_member disk = {
		.by_operator = member->by_operator,
		.catalog_len = knot_dname_size(member->catalog),
		.unique_len = knot_dname_size(member->unique),
		.template_len = strnlen(member->template_id, sizeof(member->template_id) - 1),
	};
	uint8_t value[MEMBER_MAX], *at = value + sizeof(disk);
	struct zone_key buf;
	MDB_val key = zone_key_set(&buf, apex), val = {.mv_data = value};

	memcpy(value, &disk, sizeof(disk));
	memcpy(at, member->catalog, disk.catalog_len);
	at += disk.catalog_len;
	memcpy(at, member->unique, disk.unique_len);
	at += disk.unique_len;
	memcpy(at, member->template_id, disk.template_len);
	val.mv_size = at + disk.template_len - value;
	return store_errno(mdb_put(txn->txn, txn->store->members, &key, &val, 0));
}

int store_member_get(struct store_txn *txn, const knot_dname_t *apex, struct store_member *ret)
{
	struct zone_key buf;
	MDB_val key = zone_key_set(&buf, apex), val;
	int rc = mdb_get(txn->txn, txn->store->members, &key, &val);

	return rc ? store_errno(rc) : member_read(&val, ret);
}

int store_member_remove(struct store_txn *txn, const knot_dname_t *apex)
{
	struct zone_key buf;
	MDB_val key = zone_key_set(&buf, apex);

	return store_errno(mdb_del(txn->txn, txn->store->members, &key, NULL));
}

int store_member_each(struct store_txn *txn,
		      int (*fn)(const knot_dname_t *apex, const struct store_member *member,
				void *ctx),
		      void *ctx)
{
	MDB_cursor *cursor;
	MDB_val key, val;
	int err = 0, rc = mdb_cursor_open(txn->txn, txn->store->members, &cursor);

	if (rc)
		return store_errno(rc);
	while (err == 0 && (rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) == 0) {
		struct store_member member;
		knot_dname_storage_t apex;

		err = zone_key_name(&key, apex);
		if (err == 0)
			err = member_read(&val, &member);
		if (err == 0)
			err = fn(apex, &member, ctx);
	}
	mdb_cursor_close(cursor);
	return err == 0 && rc != MDB_NOTFOUND ? store_errno(rc) : err;
}
