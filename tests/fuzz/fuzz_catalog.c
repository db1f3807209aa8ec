// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A catalog zone of any records below its apex: what is taken is what a second, slow reading of
 * the same records finds; what is refused says why.
 *
 * Records: owner (wire form, without the apex), type (1 byte), length (1 byte), rdata.
 */
#include <errno.h>
#include <string.h>

#include "catalog/catalog.h"
#include "fuzz/fuzz.h"
#include "util/dname.h"

#define RECORDS_MAX 64

static const uint8_t apex[] = "\7catalog";

struct record {
	knot_dname_storage_t owner; /* lower case */
	uint16_t type;
	uint8_t len;
	uint8_t rdata[255];
};

static struct record records[RECORDS_MAX];
static size_t n_records;

/* ---- the records ---- */

static bool same(const struct record *a, const struct record *b)
{
	return a->type == b->type && a->len == b->len && memcmp(a->rdata, b->rdata, a->len) == 0 &&
	       knot_dname_is_equal(a->owner, b->owner);
}

static void remember(const uint8_t *owner, uint16_t type, const uint8_t *rdata, uint8_t len)
{
	struct record *record = &records[n_records];

	*record = (struct record){.type = type, .len = len};
	knot_dname_to_wire(record->owner, owner, sizeof(record->owner));
	knot_dname_to_lower(record->owner);
	memcpy(record->rdata, rdata, len);
	if (type == KNOT_RRTYPE_PTR) /* spellings of a name are one record */
		knot_dname_to_lower(record->rdata);
	for (size_t i = 0; i < n_records; i++)
		if (same(&records[i], record))
			return;
	n_records++;
}

static int add(struct content *content, const uint8_t *owner, uint16_t type, const uint8_t *rdata,
	       uint8_t len)
{
	knot_rrset_t rr;
	int err;

	knot_rrset_init(&rr, (knot_dname_t *)owner, type, KNOT_CLASS_IN, 0);
	CHECK(knot_rrset_add_rdata(&rr, rdata, len, NULL) == KNOT_EOK);
	err = content_add(content, &rr);
	knot_rdataset_clear(&rr.rrs, NULL);
	return err;
}

static void add_all(struct content *content, const uint8_t *data, size_t len)
{
	static const uint8_t soa[] = "\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1";
	const uint8_t *end = data + len;

	CHECK(add(content, apex, KNOT_RRTYPE_SOA, soa, 22) == 0);
	CHECK(add(content, apex, KNOT_RRTYPE_NS, soa, 1) == 0);
	while (data < end && n_records < RECORDS_MAX) {
		int size = knot_dname_wire_check(data, end, NULL);
		uint8_t owner[KNOT_DNAME_MAXLEN + sizeof(apex)];

		if (size <= 0 || end - data - size < 2 || end - data - size - 2 < data[size + 1] ||
		    size - 1 + sizeof(apex) > KNOT_DNAME_MAXLEN)
			return;
		memcpy(owner, data, size - 1);
		memcpy(owner + size - 1, apex, sizeof(apex));
		data += size;
		if (add(content, owner, data[0], data + 2, data[1]) == 0)
			remember(owner, data[0], data + 2, data[1]);
		data += 2 + data[1];
	}
}

/* ---- the second reading ---- */

static size_t count(const knot_dname_t *owner, uint16_t type, const struct record **ret_last)
{
	size_t n = 0;

	for (size_t i = 0; i < n_records; i++) {
		if (records[i].type != type || !knot_dname_is_equal(records[i].owner, owner))
			continue;
		n++;
		*ret_last = &records[i];
	}
	return n;
}

/* An owner UNIQUE.zones.CATALOG? */
static bool is_member(const knot_dname_t *owner)
{
	return knot_dname_labels(owner, NULL) == 3 &&
	       knot_dname_is_equal(owner + 1 + owner[0], (const uint8_t *)"\5zones\7catalog");
}

static bool is_broken(void)
{
	const struct record *found = NULL, *other = NULL;

	if (count((const uint8_t *)"\7version\7catalog", KNOT_RRTYPE_TXT, &found) != 1 ||
	    found->len != 2 ||
	    memcmp(found->rdata,
		   "\1"
		   "2",
		   2) != 0)
		return true;
	for (size_t i = 0; i < n_records; i++) {
		const struct record *r = &records[i];
		uint8_t coo[KNOT_DNAME_MAXLEN + 4] = "\3coo";

		if (r->type != KNOT_RRTYPE_PTR || !is_member(r->owner))
			continue;
		memcpy(coo + 4, r->owner, knot_dname_size(r->owner));
		if (count(r->owner, KNOT_RRTYPE_PTR, &other) != 1 ||
		    count(coo, KNOT_RRTYPE_PTR, &other) > 1)
			return true;
		for (size_t j = 0; j < i; j++)
			if (records[j].type == KNOT_RRTYPE_PTR && is_member(records[j].owner) &&
			    knot_dname_is_case_equal(records[j].rdata, r->rdata))
				return true;
	}
	return false;
}

static void check_member(const struct catalog *catalog, const struct record *record)
{
	const struct catalog_member *member;
	uint8_t name[KNOT_DNAME_MAXLEN + 6] = "\3coo";
	const struct record *coo = NULL, *txt = NULL;
	knot_dname_storage_t name_of;
	size_t groups = 0;

	knot_dname_copy_lower(name_of, record->rdata);
	member = catalog_find(catalog, name_of);
	CHECK(member && knot_dname_is_equal(member->unique, record->owner));
	memcpy(name + 4, record->owner, knot_dname_size(record->owner));
	CHECK(count(name, KNOT_RRTYPE_PTR, &coo) == !!member->coo);
	CHECK(!coo || knot_dname_is_case_equal(coo->rdata, member->coo));
	memcpy(name, "\5group", 6);
	memcpy(name + 6, record->owner, knot_dname_size(record->owner));
	for (const char *g = member->group; *g; g += strlen(g) + 1)
		groups++;
	CHECK(groups <= count(name, KNOT_RRTYPE_TXT, &txt));
}

static void check_catalog(const struct catalog *catalog)
{
	size_t n = 0;

	for (size_t i = 0; i < n_records; i++) {
		if (records[i].type != KNOT_RRTYPE_PTR || !is_member(records[i].owner))
			continue;
		check_member(catalog, &records[i]);
		n++;
	}
	CHECK(catalog->n == n);
	for (size_t i = 1; i < n; i++)
		CHECK(dname_compare(catalog->member[i - 1].apex, catalog->member[i].apex) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct store *store;
	struct content *content = content_new(apex);
	char reason[CATALOG_REASON_MAX] = "";
	struct store_changes *changes;
	struct catalog *catalog = NULL;
	struct store_zone zone;
	struct store_txn *txn;
	int err;

	if (!store)
		store = fuzz_store();
	CHECK(content);
	n_records = 0;
	add_all(content, data, len);
	if (content_finish(content, reason, sizeof(reason)) < 0) {
		content_free(content);
		return 0;
	}
	CHECK(store_write_begin(store, &txn) == 0);
	CHECK(store_zone_add(txn, apex, &zone) == 0);
	CHECK(store_zone_replace(txn, content, &(struct store_limits){0}, 1, &changes) == 0);
	err = catalog_read(txn, apex, &catalog, reason);
	CHECK(err == (is_broken() ? -EINVAL : 0));
	if (err == 0)
		check_catalog(catalog);
	else
		fuzz_check_text(reason, sizeof(reason));
	catalog_free(catalog);
	store_changes_free(changes);
	store_write_abort(txn);
	content_free(content);
	return 0;
}
