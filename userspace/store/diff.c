// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/check.h"
#include "store/diff_private.h"
#include "store/key.h"
#include "store/private.h"

struct serials {
	uint32_t old, new;
};

struct diff {
	struct arena arena;
	struct diff_op *op;
	size_t n, allocated;
	struct serials *serials; /* of each difference */
	size_t count, serials_allocated;
	bool adding;	    /* behind diff_turn */
	struct record *soa; /* of the last diff_turn */
	size_t records;
	size_t apex_key_len;
	uint8_t apex_key[KEY_NAME_MAX];
	knot_dname_storage_t apex;
};

struct diff *diff_new(const knot_dname_t *apex)
{
	struct diff *diff = calloc(1, sizeof(*diff));

	if (!diff)
		return NULL;
	knot_dname_copy_lower(diff->apex, apex);
	diff->apex_key_len = key_from_name(diff->apex, diff->apex_key);
	return diff;
}

void diff_free(struct diff *diff)
{
	if (!diff)
		return;
	arena_free(&diff->arena);
	free(diff->op);
	free(diff->serials);
	free(diff);
}

const knot_dname_t *diff_apex(const struct diff *diff)
{
	return diff->apex;
}

size_t diff_count(const struct diff *diff)
{
	return diff->count;
}

size_t diff_records(const struct diff *diff)
{
	return diff->records;
}

uint32_t diff_first_serial(const struct diff *diff)
{
	return diff->count > 0 ? diff->serials[0].old : 0;
}

uint32_t diff_last_serial(const struct diff *diff)
{
	return diff->count > 0 ? diff->serials[diff->count - 1].new : 0;
}

static struct record *record_new(struct arena *arena, const knot_rrset_t *rr,
				 const knot_rdata_t *rdata)
{
	struct record *record =
		arena_alloc(arena, offsetof(struct record, rdata) + knot_rdata_size(rdata->len));

	if (!record)
		return NULL;
	record->next = NULL;
	record->ttl = rr->ttl;
	record->type = rr->type;
	knot_rdata_init(&record->rdata, rdata->len, rdata->data);
	return record;
}

/* 0, or what diff_add returns for a record that is not an SOA of the zone. */
static int check_soa(const struct diff *diff, const knot_rrset_t *rr)
{
	uint8_t key[KEY_NAME_MAX];
	size_t len = key_from_name(rr->owner, key);

	if (len != diff->apex_key_len || memcmp(key, diff->apex_key, len) != 0)
		return -EXDEV;
	return rr->type == KNOT_RRTYPE_SOA && rr->rclass == KNOT_CLASS_IN && rr->rrs.count == 1 &&
			       check_rdata(rr->type, rr->rrs.rdata->data, rr->rrs.rdata->len)
		       ? 0
		       : -EBADMSG;
}

int diff_begin(struct diff *diff, const knot_rrset_t *old_soa)
{
	int err = check_soa(diff, old_soa);

	if (err < 0)
		return err;
	if (diff->count == diff->serials_allocated) {
		size_t allocated = diff->count ? diff->count * 2 : 4;
		struct serials *grown = reallocarray(diff->serials, allocated, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		diff->serials = grown;
		diff->serials_allocated = allocated;
	}
	diff->serials[diff->count++] = (struct serials){
		.old = knot_soa_serial(old_soa->rrs.rdata),
		.new = knot_soa_serial(old_soa->rrs.rdata), /* until diff_turn: leads nowhere */
	};
	diff->adding = false;
	diff->records++;
	return 0;
}

int diff_turn(struct diff *diff, const knot_rrset_t *new_soa)
{
	int err = diff->count > 0 ? check_soa(diff, new_soa) : -EBADMSG;

	if (err < 0)
		return err;
	diff->soa = record_new(&diff->arena, new_soa, new_soa->rrs.rdata);
	if (!diff->soa)
		return -ENOMEM;
	diff->serials[diff->count - 1].new = knot_soa_serial(new_soa->rrs.rdata);
	diff->adding = true;
	diff->records++;
	return 0;
}

/* The owner of the last op, if it is this one, or a new one. NULL: out of memory. */
static const struct node *owner_get(struct diff *diff, const knot_dname_t *name, bool nsec3,
				    const uint8_t *key, size_t len)
{
	const struct node *last = diff->n > 0 ? diff->op[diff->n - 1].owner : NULL;
	struct node *node;

	if (last && last->nsec3 == nsec3 && last->key_len == len &&
	    memcmp(last->key, key, len) == 0)
		return last;
	node = arena_alloc(&diff->arena, sizeof(*node) + len);
	if (!node)
		return NULL;
	node->first = NULL;
	node->key_len = len;
	node->nsec3 = nsec3;
	node->labels = knot_dname_labels(name, NULL);
	memcpy(node->key, key, len);
	return node;
}

static int op_add(struct diff *diff, const knot_rrset_t *rr, const knot_rdata_t *rdata,
		  const uint8_t *key, size_t len)
{
	struct diff_op op = {.difference = diff->count - 1, .add = diff->adding};

	op.owner = owner_get(diff, rr->owner, node_is_nsec3(rr->type, rdata), key, len);
	op.record = record_new(&diff->arena, rr, rdata);
	if (!op.owner || !op.record)
		return -ENOMEM;
	op.canonical = rdata_canonical(&diff->arena, rr->type, &op.record->rdata);
	if (!op.canonical)
		return -ENOMEM;
	if (diff->n == diff->allocated) {
		size_t allocated = diff->n ? diff->n * 2 : 16;
		struct diff_op *grown = reallocarray(diff->op, allocated, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		diff->op = grown;
		diff->allocated = allocated;
	}
	diff->op[diff->n++] = op;
	diff->records++;
	return 0;
}

int diff_add(struct diff *diff, const knot_rrset_t *rr)
{
	const knot_rdata_t *rdata = rr->rrs.rdata;
	uint8_t key[KEY_NAME_MAX];
	size_t len = key_from_name(rr->owner, key);
	int err = 0;

	if (len < diff->apex_key_len || memcmp(key, diff->apex_key, diff->apex_key_len) != 0)
		return -EXDEV;
	if (rr->rclass != KNOT_CLASS_IN || rr->type == KNOT_RRTYPE_SOA || diff->count == 0)
		return -EBADMSG;
	for (unsigned i = 0; err == 0 && i < rr->rrs.count;
	     i++, rdata = knot_rdataset_next((knot_rdata_t *)rdata))
		err = check_rdata(rr->type, rdata->data, rdata->len)
			      ? op_add(diff, rr, rdata, key, len)
			      : -EBADMSG;
	return err;
}

/* ---- for those who apply it ---- */

int diff_chain(const struct diff *diff, uint32_t from_serial, char *reason, size_t reason_len)
{
	uint32_t serial = from_serial;

	for (size_t i = 0; i < diff->count; i++) {
		const struct serials *s = &diff->serials[i];

		if (s->old != serial) {
			snprintf(reason, reason_len,
				 i == 0 ? "the difference leads from serial %u, not from %u"
					: "a difference from serial %u follows the one to %u",
				 s->old, serial);
			return -ESTALE;
		}
		if (!serial_is_newer(s->new, s->old)) {
			snprintf(reason, reason_len,
				 "a difference from serial %u to %u, which is not newer", s->old,
				 s->new);
			return -ESTALE;
		}
		serial = s->new;
	}
	if (diff->count > 0)
		return 0;
	snprintf(reason, reason_len, "no difference");
	return -ESTALE;
}

int diff_node_cmp(const struct node *a, const struct node *b)
{
	size_t min = a->key_len < b->key_len ? a->key_len : b->key_len;
	int cmp;

	if (a->nsec3 != b->nsec3)
		return a->nsec3 ? 1 : -1;
	cmp = memcmp(a->key, b->key, min);
	return cmp ? cmp : (int)a->key_len - (int)b->key_len;
}

static int op_cmp(const void *a, const void *b)
{
	const struct diff_op *x = *(const struct diff_op *const *)a;
	const struct diff_op *y = *(const struct diff_op *const *)b;
	int cmp = x->owner == y->owner ? 0 : diff_node_cmp(x->owner, y->owner);

	if (cmp)
		return cmp;
	if (x->record->type != y->record->type)
		return x->record->type < y->record->type ? -1 : 1;
	cmp = knot_rdata_cmp(x->canonical, y->canonical);
	return cmp ? cmp : x < y ? -1 : x > y; /* they are in one array */
}

int diff_sort(const struct diff *diff, struct diff_ops *ret)
{
	ret->n = diff->n;
	ret->op = reallocarray(NULL, diff->n + 1, sizeof(*ret->op));
	if (!ret->op)
		return -ENOMEM;
	for (size_t i = 0; i < diff->n; i++)
		ret->op[i] = &diff->op[i];
	qsort(ret->op, ret->n, sizeof(*ret->op), op_cmp);
	return 0;
}

size_t diff_ops_of_node(const struct diff_ops *ops, size_t first)
{
	size_t n = 1;

	while (first + n < ops->n &&
	       diff_node_cmp(ops->op[first]->owner, ops->op[first + n]->owner) == 0)
		n++;
	return n;
}

uint32_t diff_serial_after(const struct diff *diff, uint32_t difference)
{
	return diff->serials[difference].new;
}

int diff_soa(const struct diff *diff, struct arena *arena, struct record *old,
	     struct record **ret_new)
{
	struct record **end = &old,
		      *soa = arena_alloc(arena, offsetof(struct record, rdata) +
							knot_rdata_size(diff->soa->rdata.len));

	if (!soa)
		return -ENOMEM;
	*soa = *diff->soa;
	memcpy(&soa->rdata, &diff->soa->rdata, knot_rdata_size(diff->soa->rdata.len));
	while (*end && (*end)->type < KNOT_RRTYPE_SOA)
		end = &(*end)->next;
	soa->next = *end;
	while (soa->next && soa->next->type == KNOT_RRTYPE_SOA)
		soa->next = soa->next->next;
	*end = soa;
	*ret_new = old;
	return 0;
}
