// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/content.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/arena.h"
#include "store/check.h"
#include "store/content_node.h"
#include "store/key.h"
#include "store/value.h"

/* What sorting looks at first: tree and seven bytes of the key behind the apex, so that it rarely
 * follows the pointer. */
struct entry {
	uint64_t prefix;
	struct node *node;
};

struct content {
	struct arena arena;
	struct entry *entry;
	size_t n, allocated;
	bool sorted;	     /* so far, entries came in order */
	struct record *tail; /* last record of the last entry */
	size_t added;
	uint64_t merged;
	uint32_t serial;
	size_t apex_key_len;
	uint8_t apex_key[KEY_NAME_MAX];
	knot_dname_storage_t apex;
};

struct content *content_new(const knot_dname_t *apex)
{
	struct content *content = calloc(1, sizeof(*content));

	if (!content)
		return NULL;
	knot_dname_copy_lower(content->apex, apex);
	content->apex_key_len = key_from_name(apex, content->apex_key);
	content->sorted = true;
	return content;
}

void content_free(struct content *content)
{
	if (!content)
		return;
	arena_free(&content->arena);
	free(content->entry);
	free(content);
}

size_t content_records(const struct content *content)
{
	return content->added;
}

uint64_t content_records_merged(const struct content *content)
{
	return content->merged;
}

const knot_dname_t *content_apex(const struct content *content)
{
	return content->apex;
}

uint32_t content_serial(const struct content *content)
{
	return content->serial;
}

bool content_is_signed(const struct content *content)
{
	const struct node *apex = content->entry[0].node; /* sorts first */

	return node_has(apex, KNOT_RRTYPE_DNSKEY) && node_has(apex, KNOT_RRTYPE_RRSIG);
}

static int entry_cmp(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	size_t min;
	int cmp;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	min = x->node->key_len < y->node->key_len ? x->node->key_len : y->node->key_len;
	cmp = memcmp(x->node->key, y->node->key, min);
	return cmp ? cmp : (int)x->node->key_len - (int)y->node->key_len;
}

static uint64_t entry_prefix(const struct content *content, bool nsec3, const uint8_t *key,
			     size_t len)
{
	uint64_t word = 0;

	len -= content->apex_key_len;
	memcpy(&word, key + content->apex_key_len, len < sizeof(word) ? len : sizeof(word));
	return be64toh(word) >> 1 | (uint64_t)nsec3 << 63;
}

/* Makes `node` the last entry. */
static int content_append(struct content *content, struct node *node)
{
	struct entry entry = {entry_prefix(content, node->nsec3, node->key, node->key_len), node};

	if (content->n == content->allocated) {
		size_t allocated = content->allocated ? content->allocated * 2 : 64;
		struct entry *grown = reallocarray(content->entry, allocated, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		content->entry = grown;
		content->allocated = allocated;
	}
	if (content->n > 0 && entry_cmp(&content->entry[content->n - 1], &entry) >= 0)
		content->sorted = false;
	content->entry[content->n++] = entry;
	content->tail = NULL;
	return 0;
}

/* Makes the last entry one of this owner, by key. */
static int content_enter(struct content *content, const knot_dname_t *owner, bool nsec3,
			 const uint8_t *key, size_t len)
{
	const struct node *last = content->n > 0 ? content->entry[content->n - 1].node : NULL;
	struct node *node;

	if (last && last->nsec3 == nsec3 && last->key_len == len &&
	    memcmp(last->key, key, len) == 0)
		return 0;
	node = arena_alloc(&content->arena, sizeof(*node) + len);
	if (!node)
		return -ENOMEM;
	node->first = NULL;
	node->key_len = len;
	node->nsec3 = nsec3;
	node->labels = knot_dname_labels(owner, NULL);
	memcpy(node->key, key, len);
	return content_append(content, node);
}

static int content_add_rdata(struct content *content, uint16_t type, uint32_t ttl,
			     const knot_rdata_t *rdata)
{
	struct record *record = arena_alloc(&content->arena, offsetof(struct record, rdata) +
								     knot_rdata_size(rdata->len));

	if (!record)
		return -ENOMEM;
	record->next = NULL;
	record->ttl = ttl;
	record->type = type;
	knot_rdata_init(&record->rdata, rdata->len, rdata->data);
	if (content->tail)
		content->tail->next = record;
	else
		content->entry[content->n - 1].node->first = record;
	content->tail = record;
	content->added++;
	return 0;
}

int content_add(struct content *content, const knot_rrset_t *rr)
{
	const knot_rdata_t *rdata = rr->rrs.rdata;
	uint8_t key[KEY_NAME_MAX];
	size_t len = key_from_name(rr->owner, key);
	int ret;

	if (len < content->apex_key_len ||
	    memcmp(key, content->apex_key, content->apex_key_len) != 0)
		return -EXDEV;
	if (rr->rclass != KNOT_CLASS_IN)
		return -EBADMSG;
	for (uint16_t i = 0; i < rr->rrs.count;
	     i++, rdata = knot_rdataset_next((knot_rdata_t *)rdata)) {
		bool nsec3;

		if (!check_rdata(rr->type, rdata->data, rdata->len))
			return -EBADMSG;
		nsec3 = node_is_nsec3(rr->type, rdata);
		ret = content_enter(content, rr->owner, nsec3, key, len);
		if (ret == 0)
			ret = content_add_rdata(content, rr->type, rr->ttl, rdata);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static void merge_entries(struct content *content)
{
	struct record *tail = NULL;
	size_t n = 0;

	for (size_t i = 0; i < content->n; i++) {
		struct node *node = content->entry[i].node;

		if (n == 0 || entry_cmp(&content->entry[n - 1], &content->entry[i]) != 0) {
			content->entry[n++] = content->entry[i];
			tail = node->first;
		} else {
			tail->next = node->first;
		}
		while (tail->next)
			tail = tail->next;
	}
	content->n = n;
}

/* Names below come right behind a name. */
static int finish_node(struct content *content, size_t i, struct check *check)
{
	struct node *node = content->entry[i].node;
	uint64_t left;
	int ret = node_sort(&content->arena, node, &left);

	if (ret < 0)
		return ret;
	content->merged += left;
	ret = check_node(check, node);
	if (ret == 0 && i + 1 < content->n && check_is_below(content->entry[i + 1].node, node) &&
	    node_has(node, KNOT_RRTYPE_DNAME))
		ret = check_below_dname(check, content->entry[i + 1].node, node);
	return ret;
}

int content_finish(struct content *content, char *reason, size_t reason_len)
{
	struct check check = {
		.apex_key_len = content->apex_key_len, .reason = reason, .reason_len = reason_len};
	int ret;

	if (!content->sorted) {
		qsort(content->entry, content->n, sizeof(*content->entry), entry_cmp);
		merge_entries(content);
		content->sorted = true;
	}
	content->merged = 0;
	for (size_t i = 0; i < content->n; i++) {
		ret = finish_node(content, i, &check);
		if (ret < 0)
			return ret;
	}
	ret = check_end(&check, content->apex);
	if (ret == 0)
		content->serial = check.serial;
	return ret;
}

size_t content_nodes(const struct content *content)
{
	return content->n;
}

void content_node(const struct content *content, size_t i, struct content_node *ret)
{
	const struct node *node = content->entry[i].node;

	ret->nsec3 = node->nsec3;
	ret->labels = node->labels;
	ret->key = node->key;
	ret->key_len = node->key_len;
}

int content_node_name(const struct content *content, size_t i, knot_dname_storage_t ret_name)
{
	const struct node *node = i < content->n ? content->entry[i].node : NULL;

	if (!node || node->nsec3)
		return -ENOENT;
	return key_to_name(node->key, node->key_len, ret_name) < 0 ? -EINVAL : 0;
}

size_t content_node_value(const struct content *content, size_t i, uint8_t *buf, size_t buf_len)
{
	return node_value(content->entry[i].node, buf, buf_len);
}

int content_node_read(const struct content *content, size_t i, struct content_value *value)
{
	value->len = content_node_value(content, i, value->bytes, value->size);
	if (value->len > value->size) {
		uint8_t *grown = realloc(value->bytes, value->len * 2);

		if (!grown)
			return -ENOMEM;
		value->bytes = grown;
		value->size = value->len * 2;
		content_node_value(content, i, value->bytes, value->size);
	}
	return 0;
}

/* ---- for diff_apply ---- */

struct arena *content_arena(struct content *content)
{
	return &content->arena;
}

struct node *content_find(const struct content *content, size_t n, const struct node *owner)
{
	struct entry want = {entry_prefix(content, owner->nsec3, owner->key, owner->key_len),
			     (struct node *)owner};
	struct entry *entry =
		n > 0 ? bsearch(&want, content->entry, n, sizeof(want), entry_cmp) : NULL;

	return entry ? entry->node : NULL;
}

int content_insert(struct content *content, struct node *node)
{
	return content_append(content, node);
}

void content_tidy(struct content *content)
{
	struct record *tail = NULL;
	size_t n = 0;

	for (size_t i = 0; i < content->n; i++)
		if (content->entry[i].node->first)
			content->entry[n++] = content->entry[i];
	content->n = n;
	if (n > 0)
		tail = content->entry[n - 1].node->first;
	while (tail && tail->next)
		tail = tail->next;
	content->tail = tail;
}
