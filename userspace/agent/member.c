/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is held beside the zones of the file: what the operator added, and the members of catalogs
 * (RFC 9432). The store keeps a record of each, so that they are held at once after a restart, and
 * stay when a catalog is broken or does not come. A name belongs to whoever has it first: the file,
 * the operator, a catalog; another catalog takes it over only where the first one says so (§4.4.1).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"
#include "util/dname.h"
#include "util/log.h"

static int compare_members(const void *a, const void *b)
{
	return dname_compare(((const struct member *)a)->apex, ((const struct member *)b)->apex);
}

const struct member *members_find(const struct members *members, const knot_dname_t *apex)
{
	const struct member wanted = {.apex = (knot_dname_t *)apex};

	return members->n == 0 ? NULL
			       : bsearch(&wanted, members->at, members->n, sizeof(*members->at),
					 compare_members);
}

static void member_free(struct member *member)
{
	knot_dname_free(member->apex, NULL);
	knot_dname_free(member->catalog, NULL);
	knot_dname_free(member->unique, NULL);
	free(member->template_id);
}

void members_free(struct members *members)
{
	for (size_t i = 0; i < members->n; i++)
		member_free(&members->at[i]);
	free(members->at);
	*members = (struct members){0};
}

/* Copies; catalog and unique may be NULL. */
static int members_add(struct members *members, const struct member *as)
{
	struct member new = {
		.apex = knot_dname_copy(as->apex, NULL),
		.catalog = as->catalog ? knot_dname_copy(as->catalog, NULL) : NULL,
		.unique = as->unique ? knot_dname_copy(as->unique, NULL) : NULL,
		.template_id = strdup(as->template_id),
		.fate = as->fate,
		.template = as->template,
	};
	struct member *bigger = members->at;

	if (members->n == members->size) {
		members->size = members->size == 0 ? 64 : members->size * 2;
		bigger = reallocarray(members->at, members->size, sizeof(*bigger));
		if (bigger != NULL)
			members->at = bigger;
	}
	if (bigger == NULL || new.apex == NULL || new.template_id == NULL ||
	    (as->catalog && !new.catalog) || (as->unique && !new.unique)) {
		member_free(&new);
		return -ENOMEM;
	}
	members->at[members->n++] = new;
	return 0;
}

static int add_record(const knot_dname_t *apex, const struct store_member *record, void *ctx)
{
	const struct member member = {
		.apex = (knot_dname_t *)apex,
		.catalog = record->by_operator ? NULL : (knot_dname_t *)record->catalog,
		.unique = record->by_operator ? NULL : (knot_dname_t *)record->unique,
		.template_id = (char *)record->template_id,
	};

	return members_add(ctx, &member);
}

/* ---- what is decided ---- */

struct decision {
	struct members *members;
	struct catalogs *catalogs;
	const struct config *config;
	const struct config_zone **file; /* the file's zones by apex */
	struct members added;
	char **clash;
	size_t n_clashes, clashes_size;
	bool strict;
	char *reason;
};

static int compare_confs(const void *a, const void *b)
{
	const struct config_zone *x = *(const struct config_zone *const *)a,
				 *y = *(const struct config_zone *const *)b;

	return dname_compare(x->domain, y->domain);
}

static bool is_in_file(const struct decision *d, const knot_dname_t *apex)
{
	const struct config_zone wanted = {.domain = (knot_dname_t *)apex}, *key = &wanted;

	return d->config->n_zones > 0 &&
	       bsearch(&key, d->file, d->config->n_zones, sizeof(*d->file), compare_confs) != NULL;
}

static int set_name(knot_dname_t **name, const knot_dname_t *to)
{
	knot_dname_t *copy = knot_dname_copy(to, NULL);

	if (copy == NULL)
		return -ENOMEM;
	knot_dname_free(*name, NULL);
	*name = copy;
	return 0;
}

/* The template is this one from now on; its record says so. */
static int set_template(struct member *member, const struct config_zone *template)
{
	char *id;

	member->template = template;
	if (strcmp(member->template_id, template->name) == 0)
		return 0;
	id = strdup(template->name);
	if (id == NULL)
		return -ENOMEM;
	free(member->template_id);
	member->template_id = id;
	if (member->fate == MEMBER_KEEP)
		member->fate = MEMBER_PUT;
	return 0;
}

static int decide_by_operator(struct decision *d, struct member *member)
{
	knot_dname_txt_storage_t name;

	member->template = config_template_find(d->config, member->template_id);
	if (member->template != NULL && member->template->n_primaries > 0)
		return 0;
	knot_dname_to_str(name, member->apex, sizeof(name));
	snprintf(
		d->reason, AGENT_REASON_MAX,
		"zone %.500s was added with the template '%.64s', which is %s; add that to the file, or zone-remove the zone first",
		name, member->template_id,
		member->template == NULL ? "not there" : "without primaries");
	member->template = NULL;
	if (d->strict)
		return -EINVAL;
	log_error("%s; until then the zone is not held", d->reason);
	d->reason[0] = '\0';
	return 0;
}

/* By what was known of the member; the catalog says nothing now. */
static const struct config_zone *old_template(const struct member *member,
					      const struct config_zone *catalog)
{
	for (size_t i = 0; i < catalog->n_catalog_templates; i++)
		if (strcmp(catalog->catalog_templates[i]->name, member->template_id) == 0)
			return catalog->catalog_templates[i];
	return catalog->n_catalog_templates > 0 ? catalog->catalog_templates[0] : NULL;
}

/* The first labels are the members' unique ones (§4.1): with the same one nothing is reset. */
static bool same_label(const knot_dname_t *a, const knot_dname_t *b)
{
	return *a == *b && memcmp(a, b, 1u + *a) == 0;
}

/* From its catalog to the entry of one, that one or another. */
static int move_to(struct member *member, const struct catalog_state *to,
		   const struct catalog_member *entry)
{
	bool same_catalog = knot_dname_is_equal(member->catalog, to->apex);
	int ret = 0;

	if (!same_catalog || !knot_dname_is_equal(member->unique, entry->unique)) {
		member->fate =
			same_label(member->unique, entry->unique) ? MEMBER_PUT : MEMBER_RESET;
		ret = set_name(&member->catalog, to->apex);
		if (ret == 0)
			ret = set_name(&member->unique, entry->unique);
	}
	return ret == 0 ? set_template(member, catalog_template(entry, to->conf)) : ret;
}

/* Whom this entry of a catalog leaves the member to; NULL: to nobody. */
static const struct catalog_state *heir(const struct decision *d,
					const struct catalog_member *entry,
					const struct catalog_member **ret_entry)
{
	const struct catalog_state *to =
		entry->coo == NULL ? NULL : catalogs_find(d->catalogs, entry->coo);

	if (to == NULL || to->content == NULL)
		return NULL;
	*ret_entry = catalog_find(to->content, entry->apex);
	return *ret_entry == NULL ? NULL : to;
}

static int decide_by_catalog(struct decision *d, struct member *member)
{
	const struct catalog_state *from = catalogs_find(d->catalogs, member->catalog), *to;
	const struct catalog_member *entry, *new_entry;

	if (from == NULL) { /* no catalog of ours any more */
		member->fate = MEMBER_PURGE;
		return 0;
	}
	if (from->content == NULL) {
		member->template = old_template(member, from->conf);
		return 0;
	}
	entry = catalog_find(from->content, member->apex);
	if (entry == NULL) {
		member->fate = MEMBER_PURGE;
		return 0;
	}
	to = heir(d, entry, &new_entry);
	return to != NULL ? move_to(member, to, new_entry) : move_to(member, from, entry);
}

static int decide_member(struct decision *d, struct member *member)
{
	if (is_in_file(d, member->apex)) {
		member->fate = MEMBER_YIELD;
		return 0;
	}
	return member->catalog == NULL ? decide_by_operator(d, member)
				       : decide_by_catalog(d, member);
}

/* ---- what is new in catalogs ---- */

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Told once, as long as it lasts. */
static int note_clash(struct decision *d, const struct catalog_state *catalog,
		      const knot_dname_t *apex, const char *holder)
{
	knot_dname_txt_storage_t name;
	char *text, **bigger = d->clash;

	knot_dname_to_str(name, apex, sizeof(name));
	if (asprintf(&text, "catalog zone %s: member %s is left alone: %s", catalog->conf->name,
		     name, holder) < 0)
		return -ENOMEM;
	if (d->n_clashes == d->clashes_size) {
		d->clashes_size = d->clashes_size == 0 ? 16 : d->clashes_size * 2;
		bigger = reallocarray(d->clash, d->clashes_size, sizeof(*bigger));
	}
	if (bigger == NULL) {
		free(text);
		return -ENOMEM;
	}
	d->clash = bigger;
	d->clash[d->n_clashes++] = text;
	if (d->catalogs->n_clashes == 0 ||
	    bsearch(&text, d->catalogs->clash, d->catalogs->n_clashes, sizeof(*bigger),
		    compare_texts) == NULL)
		log_warning("%s", text);
	return 0;
}

static int clash_with_member(struct decision *d, const struct catalog_state *catalog,
			     const struct member *holder)
{
	knot_dname_txt_storage_t name;
	char text[sizeof(name) + 64];

	if (holder->catalog == NULL)
		return note_clash(d, catalog, holder->apex, "it was added by zone-add");
	knot_dname_to_str(name, holder->catalog, sizeof(name));
	snprintf(text, sizeof(text), "it is a member of the catalog zone %s", name);
	return note_clash(d, catalog, holder->apex, text);
}

static int add_entry(struct decision *d, const struct catalog_state *catalog,
		     const struct catalog_member *entry)
{
	struct member *known = (struct member *)members_find(d->members, entry->apex);
	const struct config_zone *template = catalog_template(entry, catalog->conf);
	const struct catalog_member *other;

	if (template == NULL || heir(d, entry, &other) != NULL)
		return 0;
	if (is_in_file(d, entry->apex))
		return note_clash(d, catalog, entry->apex, "the configuration file has it");
	if (known != NULL && known->fate == MEMBER_PURGE) {
		/* Of one catalog no more, and of another already. */
		int ret = move_to(known, catalog, entry);

		known->fate = MEMBER_RESET;
		return ret;
	}
	if (known != NULL)
		return known->catalog != NULL && knot_dname_is_equal(known->catalog, catalog->apex)
			       ? 0
			       : clash_with_member(d, catalog, known);
	return members_add(&d->added, &(struct member){.apex = (knot_dname_t *)entry->apex,
						       .catalog = catalog->apex,
						       .unique = (knot_dname_t *)entry->unique,
						       .template_id = template->name,
						       .fate = MEMBER_PUT,
						       .template = template});
}

static int compare_added(const void *a, const void *b)
{
	const struct member *const *x = a, *const *y = b;
	int order = compare_members(*x, *y);

	return order != 0 ? order : (*x > *y) - (*x < *y); /* the first catalog has it */
}

/* What several catalogs have and nobody had goes to the first of them. */
static int take_added(struct decision *d)
{
	struct member **sorted = calloc(d->added.n + 1, sizeof(*sorted));
	const struct member *last = NULL;
	int ret = sorted == NULL ? -ENOMEM : 0;

	for (size_t i = 0; ret == 0 && i < d->added.n; i++)
		sorted[i] = &d->added.at[i];
	if (ret == 0)
		qsort(sorted, d->added.n, sizeof(*sorted), compare_added);
	for (size_t i = 0; ret == 0 && i < d->added.n; i++) {
		if (last != NULL && compare_members(last, sorted[i]) == 0) {
			ret = clash_with_member(d, catalogs_find(d->catalogs, sorted[i]->catalog),
						last);
			continue;
		}
		last = sorted[i];
		ret = members_add(d->members, last);
	}
	free(sorted);
	if (ret == 0 && d->members->n > 0)
		qsort(d->members->at, d->members->n, sizeof(*d->members->at), compare_members);
	return ret;
}

static int decide_all(struct decision *d)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < d->members->n; i++)
		ret = decide_member(d, &d->members->at[i]);
	for (size_t i = 0; ret == 0 && i < d->catalogs->n; i++) {
		const struct catalog_state *catalog = &d->catalogs->at[i];

		for (size_t j = 0; ret == 0 && catalog->content != NULL && j < catalog->content->n;
		     j++)
			ret = add_entry(d, catalog, &catalog->content->member[j]);
	}
	return ret == 0 ? take_added(d) : ret;
}

static void keep_clashes(struct decision *d, int error)
{
	char ***list = error == 0 ? &d->catalogs->clash : &d->clash;
	size_t *n = error == 0 ? &d->catalogs->n_clashes : &d->n_clashes;

	for (size_t i = 0; i < *n; i++)
		free((*list)[i]);
	free(*list);
	if (error < 0)
		return;
	if (d->n_clashes > 0)
		qsort(d->clash, d->n_clashes, sizeof(*d->clash), compare_texts);
	d->catalogs->clash = d->clash;
	d->catalogs->n_clashes = d->n_clashes;
}

int members_decide(struct members *members, struct catalogs *catalogs, const struct config *config,
		   struct store_txn *txn, bool strict, char reason[AGENT_REASON_MAX])
{
	struct decision d = {
		.members = members,
		.catalogs = catalogs,
		.config = config,
		.file = calloc(config->n_zones + 1, sizeof(*d.file)),
		.strict = strict,
		.reason = reason,
	};
	int ret = d.file == NULL ? -ENOMEM : 0;

	for (size_t i = 0; ret == 0 && i < config->n_zones; i++)
		d.file[i] = &config->zones[i];
	if (ret == 0 && config->n_zones > 0)
		qsort(d.file, config->n_zones, sizeof(*d.file), compare_confs);
	if (ret == 0)
		ret = store_member_each(txn, add_record, members);
	if (ret == 0 && members->n > 0)
		qsort(members->at, members->n, sizeof(*members->at), compare_members);
	if (ret == 0)
		ret = catalogs_read(catalogs, config, txn);
	if (ret == 0)
		ret = decide_all(&d);
	keep_clashes(&d, ret);
	members_free(&d.added);
	free(d.file);
	return ret;
}

static int put_record(const struct member *member, struct store_txn *txn)
{
	struct store_member record = {.by_operator = member->catalog == NULL};

	if (member->catalog != NULL) {
		knot_dname_to_wire(record.catalog, member->catalog, sizeof(record.catalog));
		knot_dname_to_wire(record.unique, member->unique, sizeof(record.unique));
	}
	snprintf(record.template_id, sizeof(record.template_id), "%s", member->template_id);
	return store_member_put(txn, member->apex, &record);
}

int members_write(const struct members *members, struct store_txn *txn)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < members->n; i++) {
		const struct member *member = &members->at[i];

		if (member->fate == MEMBER_PUT || member->fate == MEMBER_RESET)
			ret = put_record(member, txn);
		else if (member->fate == MEMBER_YIELD)
			ret = store_member_remove(txn, member->apex);
	}
	return ret;
}
