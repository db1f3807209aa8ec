/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of zones as it has to be: a function of the configuration, what the operator added, and
 * the catalogs. What is the same zone as before keeps its struct zone, and so all that goes on for
 * it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"

struct planning {
	struct plan *plan;
	const struct plan_input *input;
	struct members members;
	struct zone **zone; /* of the new table, a reference of each */
	size_t n;
};

static bool is_reset(const struct planning *p, const knot_dname_t *apex,
		     const struct member *member)
{
	if (member != NULL && member->fate == MEMBER_RESET)
		return true;
	for (size_t i = 0; i < p->input->n_resets; i++)
		if (knot_dname_is_equal(p->input->reset[i], apex))
			return true;
	return false;
}

/* What the store has of a zone that comes: id and perhaps content. */
static int find_stored(struct store_txn *txn, const knot_dname_t *apex, bool reset,
		       struct store_zone *ret)
{
	int err = reset ? store_zone_remove(txn, apex) : 0;

	if (err < 0 && err != -ENOENT)
		return err;
	return store_zone_add(txn, apex, ret);
}

/* Makes a zone; takes what `to` has. */
static int new_zone(struct planning *p, struct store_txn *txn, struct plan_zone *to, bool reset)
{
	struct zone *zone = zone_new(p->input->config, to->conf, to->own_conf, to->source);
	int ret;

	if (zone == NULL)
		return -ENOMEM;
	to->is_new = true;
	to->own_conf = NULL;
	zone->catalog = to->catalog;
	to->catalog = NULL;
	p->zone[p->n++] = zone;
	ret = find_stored(txn, zone->apex, reset, &to->stored);
	if (ret < 0)
		return ret;
	zone->id = to->stored.id;
	agent_zone_times(zone, &to->stored);
	return 0;
}

/* One zone of the new table; takes what `as` has. */
static int plan_zone(struct planning *p, struct store_txn *txn, const struct plan_zone *as,
		     bool reset)
{
	struct zone *old = zone_table_get(p->input->old, as->conf->domain);
	struct plan_zone *to = &p->plan->zone[p->n];

	*to = *as;
	p->plan->n = p->n + 1; /* for plan_free */
	if (old == NULL || reset)
		return new_zone(p, txn, to, reset);
	to->has_conf =
		p->input->is_new_config || old->conf != to->conf || old->source != to->source;
	p->zone[p->n++] = zone_ref(old);
	return 0;
}

static int plan_file(struct planning *p, struct store_txn *txn)
{
	const struct config *config = p->input->config;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < config->n_zones; i++)
		ret = plan_zone(
			p, txn,
			&(struct plan_zone){.conf = &config->zones[i], .source = ZONE_FROM_CONFIG},
			is_reset(p, config->zones[i].domain, NULL));
	return ret;
}

static bool is_held(const struct member *member)
{
	return member->template != NULL && member->fate != MEMBER_YIELD &&
	       member->fate != MEMBER_PURGE;
}

/* A member whose template and configuration are the same as before stays as it is. */
static int plan_member(struct planning *p, struct store_txn *txn, const struct member *member)
{
	struct plan_zone as = {.source = member->catalog == NULL ? ZONE_FROM_CONTROL
								 : ZONE_FROM_CATALOG};
	struct zone *old = zone_table_get(p->input->old, member->apex);
	bool reset = is_reset(p, member->apex, member);

	if (old != NULL && !reset && member->fate == MEMBER_KEEP && !p->input->is_new_config &&
	    old->source == as.source) {
		p->zone[p->n++] = zone_ref(old);
		return 0;
	}
	as.own_conf = config_zone_make(member->template, member->apex);
	as.conf = as.own_conf;
	if (as.conf == NULL)
		return -ENOMEM;
	if (member->catalog != NULL)
		as.catalog = knot_dname_to_str_alloc(member->catalog);
	return plan_zone(p, txn, &as, reset);
}

static int plan_members(struct planning *p, struct store_txn *txn)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < p->members.n; i++)
		if (is_held(&p->members.at[i]))
			ret = plan_member(p, txn, &p->members.at[i]);
	return ret;
}

/* What the old table has and the new one has not, or has anew. */
static void find_removed(struct planning *p)
{
	const struct zone_table *old = p->input->old;
	struct apply_table_change *change = &p->plan->change;

	for (size_t i = 0; i < old->n; i++) {
		struct zone *zone = old->zone[i];
		const struct member *member;

		if (zone_table_get(&p->plan->table, zone->apex) == zone)
			continue;
		member = members_find(&p->members, zone->apex);
		change->purge[change->n_removed] = member != NULL && member->fate == MEMBER_PURGE;
		change->removed[change->n_removed++] = zone;
	}
	for (size_t i = 0; i < p->n; i++)
		if (p->plan->zone[i].is_new)
			change->added[change->n_added++] = p->zone[i];
}

/* Members that no catalog has any more and that were not held, as purging them failed once. */
static int purge_rest(struct planning *p, struct store_txn *txn)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < p->members.n; i++) {
		const struct member *member = &p->members.at[i];

		if (member->fate != MEMBER_PURGE ||
		    zone_table_get(p->input->old, member->apex) != NULL)
			continue;
		ret = store_zone_remove(txn, member->apex);
		if (ret == 0 || ret == -ENOENT)
			ret = store_member_remove(txn, member->apex);
	}
	return ret;
}

static int make_table(struct planning *p, struct store_txn *txn)
{
	size_t max = p->input->config->n_zones + p->members.n;
	int ret;

	p->plan->zone = calloc(max + 1, sizeof(*p->plan->zone));
	p->zone = calloc(max + 1, sizeof(struct zone *));
	if (p->plan->zone == NULL || p->zone == NULL)
		return -ENOMEM;
	ret = plan_file(p, txn);
	if (ret == 0)
		ret = plan_members(p, txn);
	if (ret == 0)
		ret = purge_rest(p, txn);
	if (ret == 0)
		ret = zone_table_make(&p->plan->table, p->zone, p->n);
	if (ret == 0)
		ret = zone_links_make(&p->plan->table, &p->plan->links);
	if (ret == 0)
		ret = apply_change_init(&p->plan->change, p->n, p->input->old->n);
	if (ret == 0)
		find_removed(p);
	return ret;
}

int plan_make(struct plan *plan, const struct plan_input *input, struct store_txn *txn,
	      char reason[AGENT_REASON_MAX])
{
	struct planning p = {.plan = plan, .input = input};
	int ret;

	*plan = (struct plan){0};
	ret = members_decide(&p.members, input->catalogs, input->config, txn, input->strict,
			     reason);
	if (ret == 0)
		ret = members_write(&p.members, txn);
	if (ret == 0)
		ret = make_table(&p, txn);
	if (ret == 0)
		plan->n = p.n;
	for (size_t i = 0; i < p.n; i++)
		zone_unref(p.zone[i]); /* the table has its own */
	free(p.zone);
	members_free(&p.members);
	if (ret < 0)
		plan_free(plan);
	return ret;
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; plan->zone != NULL && i < plan->n; i++) {
		config_zone_free(plan->zone[i].own_conf);
		free(plan->zone[i].catalog);
	}
	free(plan->zone);
	zone_links_free(plan->links, plan->n);
	apply_change_free(&plan->change);
	zone_table_free(&plan->table);
	*plan = (struct plan){0};
}
