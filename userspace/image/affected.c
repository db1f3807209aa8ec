/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which names' images a change touches. An image of name X depends on
 *
 *   - the records at X, and whether X is a cut, below one, or an empty non-terminal: changes at X,
 * above X (cut, DNAME) or below X (existence);
 *   - whether *.X exists: covered by existence below X;
 *   - what the names that X refers to resolve to (a CNAME's target, and the targets of NS, MX, SRV,
 * SVCB and HTTPS for additional records): changes at the target; and where the target does not
 * exist, or is found by a wildcard, changes of existence anywhere between it and its closest
 * encloser, and of the wildcard.
 *
 * The last is found backwards through the store's index of references, as a closure: X refers to Y,
 * Y to Z. With DO=1 an image has also the signatures of what it has, which are at the same names,
 * and at a delegation its DS and NSEC; proofs that belong to other names are not in images. Whether
 * the zone is signed at all concerns every name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"
#include "util/dname.h"

struct affected {
	struct store_txn *txn;
	const knot_dname_t *apex;
	uint32_t zone_id;
	struct image_names names;
	size_t names_size;
	struct seed *seed; /* targets whose referrers are still to be found */
	size_t n_seeds, seeds_size;
	struct image_names followed; /* owners found whose own referrers were asked for; sorted */
	size_t followed_size;
};

struct seed {
	knot_dname_t *target;
	bool below; /* names below target too */
};

static int compare_names(const void *a, const void *b)
{
	return dname_compare(*(knot_dname_t *const *)a, *(knot_dname_t *const *)b);
}

/* Room for one more element: the array, moved or not, or NULL (it is as it was). */
static void *grow(void *array, size_t *size, size_t n, size_t element)
{
	size_t wanted = *size == 0 ? 64 : *size * 2;

	if (n < *size)
		return array;
	array = reallocarray(array, wanted, element);
	if (array != NULL)
		*size = wanted;
	return array;
}

static int append_name(struct image_names *names, size_t *size, const knot_dname_t *name)
{
	knot_dname_t **array = grow(names->name, size, names->n, sizeof(*array));
	knot_dname_t *copy = knot_dname_copy(name, NULL);

	if (array != NULL)
		names->name = array;
	if (array == NULL || copy == NULL) {
		knot_dname_free(copy, NULL);
		return -ENOMEM;
	}
	names->name[names->n++] = copy;
	return 0;
}

static int add_name(struct affected *a, const knot_dname_t *name)
{
	return append_name(&a->names, &a->names_size, name);
}

static int add_seed(struct affected *a, const knot_dname_t *target, bool below)
{
	struct seed *last = a->n_seeds > 0 ? &a->seed[a->n_seeds - 1] : NULL, *array;
	knot_dname_t *copy;

	if (last != NULL && last->below == below && knot_dname_is_equal(last->target, target))
		return 0;
	array = grow(a->seed, &a->seeds_size, a->n_seeds, sizeof(*array));
	copy = knot_dname_copy(target, NULL);
	if (array != NULL)
		a->seed = array;
	if (array == NULL || copy == NULL) {
		knot_dname_free(copy, NULL);
		return -ENOMEM;
	}
	a->seed[a->n_seeds++] = (struct seed){.target = copy, .below = below};
	return 0;
}

/* Everything in the store below a cut or DNAME that came or went, empty non-terminals too. */
static int add_descendants(struct affected *a, const knot_dname_t *top)
{
	size_t labels = knot_dname_labels(top, NULL);
	struct store_cursor *cursor;
	struct store_node node;
	knot_dname_storage_t name;
	int ret;

	ret = store_cursor_open(a->txn, a->zone_id, STORE_NAMES, &cursor);
	if (ret < 0)
		return ret;
	for (ret = store_cursor_seek(cursor, top, name, &node);
	     ret == 0 && knot_dname_in_bailiwick(name, top) >= 0;
	     ret = store_cursor_next(cursor, name, &node)) {
		const knot_dname_t *up = name;

		for (size_t n = knot_dname_labels(name, NULL); n > labels; n--, up += *up + 1) {
			ret = add_name(a, up);
			if (ret < 0)
				goto out;
		}
	}
	if (ret == -ENOENT || ret == 0)
		ret = 0;
out:
	store_cursor_close(cursor);
	return ret;
}

/* A name came or went: so may have the empty non-terminals above it, and what matches wildcards
 * beside them. */
static int add_ancestors(struct affected *a, const knot_dname_t *name)
{
	struct store_node node;
	int ret = 0;

	while (ret == 0 && !knot_dname_is_equal(name, a->apex)) {
		name += *name + 1;
		ret = add_name(a, name);
		if (ret == 0 && !knot_dname_is_equal(name, a->apex) &&
		    store_node_get(a->txn, a->zone_id, STORE_NAMES, name, &node) == -ENOENT)
			ret = add_seed(a, name, true);
		if (ret == 0 && knot_dname_is_wildcard(name))
			ret = add_seed(a, name + 2, true);
	}
	return ret;
}

static int add_change(struct affected *a, const struct store_change *change)
{
	bool is_apex = knot_dname_is_equal(change->name, a->apex);
	bool turned = change->existed != change->exists || change->was_cut != change->is_cut ||
		      change->was_dname != change->is_dname;
	int ret = add_name(a, change->name);

	if (ret == 0)
		ret = add_seed(a, change->name, (turned || change->is_cut) && !is_apex);
	if (ret == 0 && knot_dname_is_wildcard(change->name))
		ret = add_seed(a, change->name + 2, true);
	if (ret == 0 && change->existed != change->exists)
		ret = add_ancestors(a, change->name);
	if (ret == 0 &&
	    (change->was_cut != change->is_cut || change->was_dname != change->is_dname))
		ret = add_descendants(a, change->name);
	return ret;
}

static int compare_seeds(const void *a, const void *b)
{
	const struct seed *x = a, *y = b;
	int order = dname_compare(x->target, y->target);

	return order != 0 ? order : (int)y->below - (int)x->below;
}

struct found {
	struct image_names owners;
	size_t size;
};

static int found_reference(const knot_dname_t *owner, void *ctx)
{
	struct found *found = ctx;

	return append_name(&found->owners, &found->size, owner);
}

static void sort_unique(struct image_names *names)
{
	size_t kept = 0;

	if (names->n == 0)
		return;
	qsort(names->name, names->n, sizeof(*names->name), compare_names);
	for (size_t i = 1; i < names->n; i++)
		if (knot_dname_is_equal(names->name[kept], names->name[i]))
			knot_dname_free(names->name[i], NULL);
		else
			names->name[++kept] = names->name[i];
	names->n = kept + 1;
}

/* Drops the seeds that another one covers. */
static void reduce_seeds(struct affected *a)
{
	size_t kept = 0;

	if (a->n_seeds == 0)
		return;
	qsort(a->seed, a->n_seeds, sizeof(*a->seed), compare_seeds);
	for (size_t i = 1; i < a->n_seeds; i++) {
		struct seed *last = &a->seed[kept], *seed = &a->seed[i];

		if (knot_dname_is_equal(last->target, seed->target) ||
		    (last->below && knot_dname_in_bailiwick(seed->target, last->target) >= 0))
			knot_dname_free(seed->target, NULL);
		else
			a->seed[++kept] = *seed;
	}
	a->n_seeds = kept + 1;
}

static void drop_seeds(struct affected *a)
{
	for (size_t i = 0; i < a->n_seeds; i++)
		knot_dname_free(a->seed[i].target, NULL);
	a->n_seeds = 0;
}

/* Names below a cut lead to its NS and glue too. */
static bool is_cut(struct affected *a, const knot_dname_t *name)
{
	struct store_node node;

	return !knot_dname_is_equal(name, a->apex) &&
	       store_node_get(a->txn, a->zone_id, STORE_NAMES, name, &node) == 0 &&
	       store_node_has(&node, KNOT_RRTYPE_NS);
}

/* One step back through the references: the owners that lead to a seed become names, and the seeds
 * of the next step. */
static int step_back(struct affected *a)
{
	struct found found = {0};
	size_t n_followed = a->followed.n;
	int ret = 0;

	reduce_seeds(a);
	for (size_t i = 0; ret == 0 && i < a->n_seeds; i++)
		ret = store_reference_each(a->txn, a->zone_id, a->seed[i].target, a->seed[i].below,
					   found_reference, &found);
	drop_seeds(a);
	sort_unique(&found.owners);
	for (size_t i = 0; ret == 0 && i < found.owners.n; i++) {
		const knot_dname_t *owner = found.owners.name[i];

		if (n_followed > 0 && bsearch(&owner, a->followed.name, n_followed, sizeof(owner),
					      compare_names) != NULL)
			continue;
		ret = append_name(&a->followed, &a->followed_size, owner);
		if (ret == 0)
			ret = add_name(a, owner);
		if (ret == 0)
			ret = add_seed(a, owner, is_cut(a, owner));
		if (ret == 0 && knot_dname_is_wildcard(owner))
			ret = add_seed(a, owner + 2, true);
	}
	sort_unique(&a->followed);
	image_names_free(&found.owners);
	return ret;
}

static int add_each(const knot_dname_t *name, void *ctx)
{
	return add_name(ctx, name);
}

int image_affected(struct store_txn *txn, const knot_dname_t *apex,
		   const struct store_changes *changes, struct image_names *ret_names)
{
	struct affected a = {.txn = txn, .apex = apex, .zone_id = changes->new_zone.id};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < changes->n; i++)
		ret = add_change(&a, &changes->change[i]);
	while (ret == 0 && a.n_seeds > 0)
		ret = step_back(&a);
	if (ret == 0 && changes->old_zone.is_signed != changes->new_zone.is_signed)
		ret = image_each_name(txn, &changes->new_zone, apex, add_each, &a);
	if (ret < 0)
		goto out;
	sort_unique(&a.names);
	*ret_names = a.names;
	a.names = (struct image_names){0};
out:
	image_names_free(&a.names);
	image_names_free(&a.followed);
	drop_seeds(&a);
	free(a.seed);
	return ret;
}

void image_names_free(struct image_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		knot_dname_free(names->name[i], NULL);
	free(names->name);
	*names = (struct image_names){0};
}
