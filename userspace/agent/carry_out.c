// SPDX-License-Identifier: GPL-3.0-or-later
/* Requests that change the store: zones added, removed, purged. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/internal.h"
#include "util/plural.h"

static const char *text_of(const knot_dname_t *name, knot_dname_txt_storage_t ret)
{
	return knot_dname_to_str(ret, name, sizeof(knot_dname_txt_storage_t)) != NULL ? ret : "?";
}

static bool is_in_file(const struct config *config, const knot_dname_t *apex)
{
	for (size_t i = 0; i < config->n_zones; i++)
		if (knot_dname_is_equal(config->zones[i].domain, apex))
			return true;
	return false;
}

/* May it be added? Said in the request if not. */
static bool check_template(struct request *request, const struct config *config)
{
	const struct config_zone *template = config_template_find(config, request->template_id);

	if (!config->zone_add)
		request_fail(request, -EPERM,
			     "the configuration does not allow it (server.zone-add)");
	else if (template == NULL)
		request_fail(request, -ENOENT, "there is no template '%.64s'",
			     request->template_id);
	else if (template->n_primaries == 0)
		request_fail(request, -EINVAL, "the template '%.64s' has no primaries",
			     request->template_id);
	else if (template->catalog_role != CONFIG_CATALOG_NONE)
		request_fail(
			request, -EINVAL,
			"the template '%.64s' is for catalog zones, which have to be in the configuration file",
			request->template_id);
	return request->error == 0;
}

static int add_zone(struct request *request, const struct config *config, struct store_txn *txn)
{
	struct store_member member = {.by_operator = true};
	knot_dname_txt_storage_t name, catalog;
	int ret;

	if (!check_template(request, config))
		return 0;
	text_of(request->apex, name);
	if (is_in_file(config, request->apex)) {
		request_fail(request, -EEXIST, "zone %s is in the configuration file", name);
		return 0;
	}
	ret = store_member_get(txn, request->apex, &member);
	if (ret == 0) {
		request_fail(request, -EEXIST, "zone %s %s%s", name,
			     member.by_operator ? "was added before"
						: "is a member of the catalog zone ",
			     member.by_operator ? "" : text_of(member.catalog, catalog));
		return 0;
	}
	if (ret != -ENOENT)
		return ret;
	member = (struct store_member){.by_operator = true};
	snprintf(member.template_id, sizeof(member.template_id), "%s", request->template_id);
	return store_member_put(txn, request->apex, &member);
}

static int remove_zone(struct request *request, const struct config *config, struct store_txn *txn)
{
	knot_dname_txt_storage_t name, catalog;
	struct store_member member;
	int ret;

	text_of(request->apex, name);
	if (!config->zone_add) {
		request_fail(request, -EPERM,
			     "the configuration does not allow it (server.zone-add)");
		return 0;
	}
	ret = store_member_get(txn, request->apex, &member);
	if (ret == 0 && !member.by_operator) {
		request_fail(request, -EINVAL, "zone %s is a member of the catalog zone %s", name,
			     text_of(member.catalog, catalog));
		return 0;
	}
	if (ret == -ENOENT) {
		request_fail(
			request, ret,
			is_in_file(config, request->apex)
				? "zone %s is in the configuration file: take it out there, then reload"
				: "'%s' is not a zone here",
			name);
		return 0;
	}
	return ret < 0 ? ret : store_member_remove(txn, request->apex);
}

/* One that is held is made anew by the plan. */
static int purge_zone(struct agent *agent, struct request *request, struct store_txn *txn)
{
	knot_dname_txt_storage_t name;
	int ret = 0;

	if (request->apex == NULL || zone_table_get(&agent->zones, request->apex) != NULL)
		return 0;
	ret = store_zone_remove(txn, request->apex);
	if (ret == -ENOENT) {
		request_fail(request, ret, "the store has nothing of '%s'",
			     text_of(request->apex, name));
		return 0;
	}
	return ret;
}

int requests_carry_out(struct agent *agent, const struct config *config, struct store_txn *txn)
{
	int ret = 0;

	for (struct request *r = agent->current.first; ret == 0 && r != NULL; r = r->next) {
		if (r->error != 0)
			continue;
		if (r->kind == REQUEST_ADD)
			ret = add_zone(r, config, txn);
		else if (r->kind == REQUEST_REMOVE)
			ret = remove_zone(r, config, txn);
		else if (r->kind == REQUEST_PURGE)
			ret = purge_zone(agent, r, txn);
	}
	return ret;
}

struct orphans {
	const struct zone_table *old, *new;
	knot_dname_t **apex;
	size_t n, size;
};

static int find_orphan(const knot_dname_t *apex, const struct store_zone *zone, void *ctx)
{
	struct orphans *orphans = ctx;

	(void)zone;
	if (zone_table_get(orphans->new, apex) != NULL ||
	    zone_table_get(orphans->old, apex) != NULL)
		return 0;
	if (orphans->n == orphans->size) {
		size_t size = orphans->size == 0 ? 64 : orphans->size * 2;
		knot_dname_t **bigger = reallocarray(orphans->apex, size, sizeof(*bigger));

		if (bigger == NULL)
			return -ENOMEM;
		orphans->apex = bigger;
		orphans->size = size;
	}
	orphans->apex[orphans->n] = knot_dname_copy(apex, NULL);
	return orphans->apex[orphans->n++] == NULL ? -ENOMEM : 0;
}

int requests_purge_orphans(struct agent *agent, const struct plan *plan, struct store_txn *txn)
{
	struct orphans orphans = {.old = &agent->zones, .new = &plan->table};
	bool wanted = false;
	int ret = 0;

	for (const struct request *r = agent->current.first; r != NULL; r = r->next)
		wanted |= r->kind == REQUEST_PURGE && r->apex == NULL && r->error == 0;
	if (wanted)
		ret = store_zone_each(txn, find_orphan, &orphans);
	for (size_t i = 0; ret == 0 && i < orphans.n; i++)
		ret = store_zone_remove(txn, orphans.apex[i]);
	for (struct request *r = agent->current.first; ret == 0 && r != NULL; r = r->next)
		if (r->kind == REQUEST_PURGE && r->apex == NULL)
			snprintf(r->reason, sizeof(r->reason), "%zu zone%s purged", orphans.n,
				 plural(orphans.n));
	for (size_t i = 0; i < orphans.n; i++)
		knot_dname_free(orphans.apex[i], NULL);
	free(orphans.apex);
	return ret;
}
