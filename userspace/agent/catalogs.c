/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The catalog zones that are held, each read again only when it has new content. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"
#include "util/log.h"

static void state_free(struct catalog_state *state)
{
	knot_dname_free(state->apex, NULL);
	catalog_free(state->content);
}

void catalogs_free(struct catalogs *catalogs)
{
	for (size_t i = 0; i < catalogs->n; i++)
		state_free(&catalogs->at[i]);
	free(catalogs->at);
	for (size_t i = 0; i < catalogs->n_clashes; i++)
		free(catalogs->clash[i]);
	free(catalogs->clash);
	*catalogs = (struct catalogs){0};
}

struct catalog_state *catalogs_find(const struct catalogs *catalogs, const knot_dname_t *apex)
{
	for (size_t i = 0; i < catalogs->n; i++)
		if (knot_dname_is_equal(catalogs->at[i].apex, apex))
			return &catalogs->at[i];
	return NULL;
}

/* What was known of it moves over. */
static int take_state(struct catalogs *from, struct catalogs *to, const struct config_zone *conf)
{
	struct catalog_state *old = catalogs_find(from, conf->domain);
	struct catalog_state *new = &to->at[to->n];

	*new = (struct catalog_state){.apex = knot_dname_copy(conf->domain, NULL), .conf = conf};
	if (new->apex == NULL)
		return -ENOMEM;
	if (old != NULL) {
		new->generation = old->generation;
		new->content = old->content;
		old->content = NULL;
	}
	to->n++;
	return 0;
}

static int read_state(struct catalog_state *state, struct store_txn *txn)
{
	char reason[CATALOG_REASON_MAX] = "";
	struct catalog *content = NULL;
	struct store_zone stored;
	int ret = store_zone_get(txn, state->apex, &stored);

	if (ret == -ENOENT || (ret == 0 && !stored.has_content))
		return 0; /* what its members were stays */
	if (ret < 0 || stored.generation == state->generation)
		return ret;
	ret = catalog_read(txn, state->apex, &content, reason);
	if (ret < 0 && ret != -EINVAL)
		return ret;
	if (ret == -EINVAL)
		log_error(
			"catalog zone %s: serial %u is broken and ignored, its members stay as they were: %s",
			state->conf->name, stored.serial, reason);
	catalog_free(state->content);
	state->content = content;
	state->generation = stored.generation;
	return 0;
}

int catalogs_read(struct catalogs *catalogs, const struct config *config, struct store_txn *txn)
{
	struct catalogs now = {0};
	size_t n = 0;
	int ret = 0;

	for (size_t i = 0; i < config->n_zones; i++)
		n += config->zones[i].catalog_role == CONFIG_CATALOG_INTERPRET;
	now.at = calloc(n + 1, sizeof(*now.at));
	if (now.at == NULL)
		return -ENOMEM;
	for (size_t i = 0; ret == 0 && i < config->n_zones; i++)
		if (config->zones[i].catalog_role == CONFIG_CATALOG_INTERPRET)
			ret = take_state(catalogs, &now, &config->zones[i]);
	now.clash = catalogs->clash;
	now.n_clashes = catalogs->n_clashes;
	catalogs->clash = NULL;
	catalogs->n_clashes = 0;
	catalogs_free(catalogs);
	*catalogs = now;
	for (size_t i = 0; ret == 0 && i < catalogs->n; i++)
		ret = read_state(&catalogs->at[i], txn);
	return ret;
}
