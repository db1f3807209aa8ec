// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The records of one name and what differences remove and add there. Both are sorted so that the
 * records which DNS takes for the same one (names in them in any case, RFC 4034 §6.2) stand
 * together: a primary may spell one otherwise in a difference than in the zone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/diff_private.h"
#include "store/key.h"

/* Spellings of one record that a name has at once; more are nobody's zone. */
#define SPELLINGS_MAX 32

/* A record that is there, or an op. */
struct item {
	struct record *record;
	const knot_rdata_t *canonical;
	const struct diff_op *op; /* NULL: it is there before */
};

struct spellings {
	struct record *record[SPELLINGS_MAX];
	size_t n;
};

static int item_cmp(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int cmp;

	if (x->record->type != y->record->type)
		return x->record->type < y->record->type ? -1 : 1;
	cmp = knot_rdata_cmp(x->canonical, y->canonical);
	return cmp ? cmp : x->op < y->op ? -1 : x->op > y->op; /* NULL first, then as they came */
}

static bool is_same(const struct item *a, const struct item *b)
{
	return a->record->type == b->record->type &&
	       knot_rdata_cmp(a->canonical, b->canonical) == 0;
}

static int refuse(const struct diff *diff, const struct diff_op *op, char *reason,
		  size_t reason_len)
{
	char type[32] = "?";
	knot_dname_txt_storage_t text = "?";
	knot_dname_storage_t name;

	if (key_to_name(op->owner->key, op->owner->key_len, name) > 0)
		knot_dname_to_str(text, name, sizeof(text));
	knot_rrtype_to_string(op->record->type, type, sizeof(type));
	snprintf(reason, reason_len, "the difference to serial %u %s: %s %s",
		 diff_serial_after(diff, op->difference),
		 op->add ? "adds what is there" : "removes what is not there", text, type);
	return -ESTALE;
}

static int too_many(char *reason, size_t reason_len)
{
	snprintf(reason, reason_len, "a record that is there in more than %d spellings",
		 SPELLINGS_MAX);
	return -ESTALE;
}

/* One op; false: it does not fit. */
static bool op_do(const struct diff_op *op, struct record *record, struct spellings *s)
{
	size_t exact = 0;

	while (exact < s->n && knot_rdata_cmp(&s->record[exact]->rdata, &record->rdata) != 0)
		exact++;
	if (op->add) {
		if (exact < s->n || s->n == SPELLINGS_MAX)
			return false;
		s->record[s->n++] = record;
		return true;
	}
	if (s->n == 0)
		return false;
	if (exact == s->n)
		exact = 0;
	s->record[exact] = s->record[--s->n];
	return true;
}

static struct item *items_make(struct arena *arena, const struct diff_op *const *op, size_t n,
			       struct record *old, size_t *ret_n)
{
	struct item *item;
	size_t k = n;

	for (const struct record *r = old; r; r = r->next)
		k++;
	item = reallocarray(NULL, k, sizeof(*item));
	*ret_n = k;
	for (k = 0; item && k < n; k++) {
		struct record *copy =
			arena_alloc(arena, offsetof(struct record, rdata) +
						   knot_rdata_size(op[k]->record->rdata.len));

		if (!copy)
			goto fail; /* the difference is const: its records are not put in lists */
		*copy = *op[k]->record;
		memcpy(&copy->rdata, &op[k]->record->rdata,
		       knot_rdata_size(op[k]->record->rdata.len));
		item[k] = (struct item){copy, op[k]->canonical, op[k]};
	}
	for (struct record *r = old; item && r; r = r->next, k++) {
		item[k] = (struct item){r, rdata_canonical(arena, r->type, &r->rdata), NULL};
		if (!item[k].canonical)
			goto fail;
	}
	return item;
fail:
	free(item);
	return NULL;
}

int diff_node(const struct diff *diff, struct arena *arena, const struct diff_op *const *op,
	      size_t n, struct record *old, struct record **ret_new, char *reason,
	      size_t reason_len)
{
	struct record *head = NULL, **end = &head;
	struct item *item;
	size_t k;
	int err = 0;

	item = items_make(arena, op, n, old, &k);
	if (!item)
		return -ENOMEM;
	qsort(item, k, sizeof(*item), item_cmp);
	for (size_t i = 0, first = 0; err == 0 && i < k; first = i) {
		struct spellings s = {.n = 0};

		for (; err == 0 && i < k && is_same(&item[first], &item[i]); i++) {
			if (item[i].op && !op_do(item[i].op, item[i].record, &s))
				err = refuse(diff, item[i].op, reason, reason_len);
			else if (!item[i].op && s.n < SPELLINGS_MAX)
				s.record[s.n++] = item[i].record;
			else if (!item[i].op)
				err = too_many(reason, reason_len);
		}
		for (size_t j = 0; j < s.n; j++) {
			*end = s.record[j];
			end = &(*end)->next;
		}
	}
	*end = NULL;
	free(item);
	*ret_new = head;
	return err;
}
