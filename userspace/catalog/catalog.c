// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * With CATZ the catalog's apex (RFC 9432 §4):
 *
 *	version.CATZ             TXT "2"        the one version that there is
 *	UNIQUE.zones.CATZ        PTR MEMBER     a member zone
 *	coo.UNIQUE.zones.CATZ    PTR CATALOG    who may take it over
 *	group.UNIQUE.zones.CATZ  TXT GROUP      perhaps several
 *
 * In canonical order a member's properties come right after its PTR, so one walk is enough. All
 * else, ext.* too, is not ours and is ignored.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "util/dname.h"

#define MEMBERS_FIRST 64

struct reader {
	struct catalog *catalog;
	size_t size; /* room for so many members */
	size_t apex_labels;
	bool in_member; /* properties that follow are the last member's */
	char *reason;
};

static int broken(struct reader *reader, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int broken(struct reader *reader, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reader->reason, CATALOG_REASON_MAX, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* Long names are cut where the reason is. */
static const char *text_of(const knot_dname_t *name, knot_dname_txt_storage_t text)
{
	return knot_dname_to_str(text, name, sizeof(knot_dname_txt_storage_t)) ? text : "?";
}

static void *copy(struct reader *reader, const void *bytes, size_t len)
{
	void *ret = arena_alloc(&reader->catalog->arena, len);

	if (ret)
		memcpy(ret, bytes, len);
	return ret;
}

/* ---- records ---- */

/* The one name of a PTR RRset, in lower case. */
static int read_ptr(struct reader *reader, const knot_dname_t *owner, const knot_rrset_t *rr,
		    const knot_dname_t **ret)
{
	const uint8_t *data = rr->rrs.rdata->data;
	uint16_t len = rr->rrs.rdata->len;
	knot_dname_txt_storage_t text;
	knot_dname_t *name;

	if (rr->rrs.count != 1)
		return broken(reader, "%.250s has %u PTR records, not one", text_of(owner, text),
			      rr->rrs.count);
	if (knot_dname_wire_check(data, data + len, NULL) != len)
		return broken(reader, "%.250s: the PTR is no name", text_of(owner, text));
	name = copy(reader, data, len);
	if (!name)
		return -ENOMEM;
	knot_dname_to_lower(name);
	*ret = name;
	return 0;
}

/* The strings of a TXT record as one, NUL-terminated. Length, or 0: none that could be a group. */
static size_t join_strings(const knot_rdata_t *rdata, char *text)
{
	size_t len = 0;

	for (size_t i = 0; i < rdata->len; i += 1 + rdata->data[i]) {
		if (rdata->data[i] > rdata->len - i - 1)
			return 0;
		memcpy(text + len, &rdata->data[i + 1], rdata->data[i]);
		len += rdata->data[i];
	}
	text[len] = '\0';
	return memchr(text, '\0', len) ? 0 : len;
}

/* Values that are empty or have a NUL in them are the name of no template: they are left out. */
static int read_groups(struct reader *reader, const knot_rrset_t *rr, struct catalog_member *member)
{
	const knot_rdata_t *rdata = rr->rrs.rdata;
	char *groups = arena_alloc(&reader->catalog->arena, rr->rrs.size + 1), *end = groups;

	if (!groups)
		return -ENOMEM;
	for (uint16_t i = 0; i < rr->rrs.count; i++) {
		size_t len = join_strings(rdata, end);

		end += len ? len + 1 : 0;
		rdata = knot_rdataset_next((knot_rdata_t *)rdata);
	}
	*end = '\0';
	member->group = groups;
	return 0;
}

/* ---- nodes ---- */

static int check_version(struct reader *reader, struct store_txn *txn, uint32_t zone_id,
			 const knot_dname_t *apex)
{
	knot_dname_storage_t name;
	struct store_node node;
	knot_rrset_t rr;
	int err;

	if (knot_dname_size(apex) > KNOT_DNAME_MAXLEN - 8)
		return broken(reader, "its name is too long to have a version");
	memcpy(name, "\7version", 8);
	knot_dname_to_wire(name + 8, apex, KNOT_DNAME_MAXLEN - 8);
	err = store_node_get(txn, zone_id, STORE_NAMES, name, &node);
	if (err < 0 && err != -ENOENT)
		return err;
	if (err == -ENOENT || store_node_rrset(&node, KNOT_RRTYPE_TXT, &rr) < 0)
		return broken(reader, "it has no version: a TXT record at version.CATALOG");
	if (rr.rrs.count != 1)
		return broken(reader, "it has %u versions", rr.rrs.count);
	if (rr.rrs.rdata->len != 2 || memcmp(rr.rrs.rdata->data,
					     "\1"
					     "2",
					     2) != 0)
		return broken(reader, "its version is not \"2\"");
	return 0;
}

static int add_member(struct reader *reader, const knot_dname_t *owner, const knot_rrset_t *rr)
{
	struct catalog *catalog = reader->catalog;
	struct catalog_member member = {.group = ""};
	int err = read_ptr(reader, owner, rr, &member.apex);

	if (err < 0)
		return err;
	member.unique = copy(reader, owner, knot_dname_size(owner));
	if (catalog->n == reader->size) {
		size_t size = reader->size ? 2 * reader->size : MEMBERS_FIRST;
		struct catalog_member *more =
			reallocarray(catalog->member, size, sizeof(*catalog->member));

		if (!more)
			return -ENOMEM;
		catalog->member = more;
		reader->size = size;
	}
	if (!member.unique)
		return -ENOMEM;
	catalog->member[catalog->n++] = member;
	reader->in_member = true;
	return 0;
}

/* A name below zones.CATZ. */
static int read_node(struct reader *reader, const knot_dname_t *owner,
		     const struct store_node *node)
{
	static const uint8_t coo[] = "\3coo", group[] = "\5group";
	size_t depth = knot_dname_labels(owner, NULL) - reader->apex_labels - 1;
	struct catalog_member *last;
	knot_rrset_t rr;

	if (depth == 1) {
		reader->in_member = false;
		return store_node_rrset(node, KNOT_RRTYPE_PTR, &rr) < 0
			       ? 0
			       : add_member(reader, owner, &rr);
	}
	if (depth != 2 || !reader->in_member)
		return 0;
	last = &reader->catalog->member[reader->catalog->n - 1];
	if (!knot_dname_is_equal(owner + 1 + owner[0], last->unique))
		return 0;
	if (memcmp(owner, coo, sizeof(coo) - 1) == 0 &&
	    store_node_rrset(node, KNOT_RRTYPE_PTR, &rr) == 0)
		return read_ptr(reader, owner, &rr, &last->coo);
	if (memcmp(owner, group, sizeof(group) - 1) == 0 &&
	    store_node_rrset(node, KNOT_RRTYPE_TXT, &rr) == 0)
		return read_groups(reader, &rr, last);
	return 0;
}

static int read_members(struct reader *reader, struct store_txn *txn, uint32_t zone_id,
			const knot_dname_t *apex)
{
	knot_dname_storage_t zones, name;
	struct store_cursor *cursor;
	struct store_node node;
	int err;

	memcpy(zones, "\5zones", 6);
	knot_dname_to_wire(zones + 6, apex, KNOT_DNAME_MAXLEN - 6);
	err = store_cursor_open(txn, zone_id, STORE_NAMES, &cursor);
	if (err < 0)
		return err;
	err = store_cursor_seek(cursor, zones, name, &node);
	while (err == 0 && knot_dname_in_bailiwick(name, zones) >= 0) {
		if (!knot_dname_is_equal(name, zones))
			err = read_node(reader, name, &node);
		if (err == 0)
			err = store_cursor_next(cursor, name, &node);
	}
	store_cursor_close(cursor);
	return err == -ENOENT ? 0 : err;
}

/* ---- the whole ---- */

static int compare_members(const void *a, const void *b)
{
	const struct catalog_member *x = a, *y = b;

	return dname_compare(x->apex, y->apex);
}

static int sort_members(struct reader *reader)
{
	struct catalog *catalog = reader->catalog;
	knot_dname_txt_storage_t apex, first, second;

	if (catalog->n > 0)
		qsort(catalog->member, catalog->n, sizeof(*catalog->member), compare_members);
	for (size_t i = 1; i < catalog->n; i++) {
		const struct catalog_member *a = &catalog->member[i - 1], *b = a + 1;

		if (knot_dname_is_equal(a->apex, b->apex))
			return broken(reader, "%.100s is a member twice, at %.80s and %.80s",
				      text_of(a->apex, apex), text_of(a->unique, first),
				      text_of(b->unique, second));
	}
	return 0;
}

int catalog_read(struct store_txn *txn, const knot_dname_t *apex, struct catalog **ret,
		 char *reason)
{
	struct reader reader = {
		.catalog = calloc(1, sizeof(*reader.catalog)),
		.apex_labels = knot_dname_labels(apex, NULL),
		.reason = reason,
	};
	struct store_zone zone;
	int err;

	if (!reader.catalog)
		return -ENOMEM;
	err = store_zone_get(txn, apex, &zone);
	if (err == -ENOENT || (err == 0 && !zone.has_content))
		err = broken(&reader, "it has no content yet");
	if (err == 0)
		err = check_version(&reader, txn, zone.id, apex);
	if (err == 0)
		err = read_members(&reader, txn, zone.id, apex);
	if (err == 0)
		err = sort_members(&reader);
	if (err == 0)
		*ret = reader.catalog;
	else
		catalog_free(reader.catalog);
	return err;
}

void catalog_free(struct catalog *catalog)
{
	if (!catalog)
		return;
	arena_free(&catalog->arena);
	free(catalog->member);
	free(catalog);
}

const struct catalog_member *catalog_find(const struct catalog *catalog, const knot_dname_t *apex)
{
	const struct catalog_member key = {.apex = apex};

	return catalog->n == 0
		       ? NULL
		       : bsearch(&key, catalog->member, catalog->n, sizeof(key), compare_members);
}

const struct config_zone *catalog_template(const struct catalog_member *member,
					   const struct config_zone *catalog_zone)
{
	for (const char *group = member->group; *group; group += strlen(group) + 1)
		for (size_t i = 0; i < catalog_zone->n_catalog_templates; i++)
			if (strcmp(catalog_zone->catalog_templates[i]->name, group) == 0)
				return catalog_zone->catalog_templates[i];
	return catalog_zone->n_catalog_templates ? catalog_zone->catalog_templates[0] : NULL;
}
