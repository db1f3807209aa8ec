/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an earlier agent left in the maps goes on being answered; this brings it in line with the
 * zones that are held now, and finishes or takes back what that agent was in the middle of when it
 * died.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <bpf/bpf.h>

#include "publish/grow.h"
#include "publish/table.h"
#include "util/log.h"

static bool staged_is_in_force(const struct publish *p, const struct xns_node *node)
{
	struct xns_zone entry;

	return maps_zone_get(p, node->zone, &entry) == 0 && entry.state != XNS_ZONE_LOADING &&
	       entry.current == node->slot;
}

/* If it finds no place the zone is given to the stack. */
static int settle_staged(struct publish *p, struct maps_found *at)
{
	int ret;

	if (!staged_is_in_force(p, &at->node))
		return 0;
	if (at->node.flags & XNS_NODE_GONE) {
		maps_node_delete(p, MAP_NODES, at->key);
		return 0;
	}
	at->node.slot = 0;
	if (maps_node_put(p, MAP_NODES, at->key, &at->node, BPF_ANY) == 0)
		return 0;
	ret = table_give_to_stack(p, at->node.zone);
	return ret < 0 ? ret : 0;
}

/* The staged changes of a serial that is in force are copied to `nodes`, the others are dropped. */
static int finish_staged(struct publish *p)
{
	struct maps_nodes found;
	int ret = maps_nodes_find(p, MAP_STAGED, NULL, 0, &found);

	if (ret < 0)
		goto out;
	if (found.n > 0) {
		log_info("taking over from an agent that died while publishing: %zu staged %s",
			 found.n, found.n == 1 ? "entry" : "entries");
		p->config->staging = 1;
	}
	/* Whatever that agent did last, from here on every run of the program sees it. */
	ret = maps_grace(p);
	for (size_t i = 0; ret == 0 && i < found.n; i++)
		ret = settle_staged(p, &found.at[i]);
	if (ret < 0)
		goto out; /* readers still need what is staged */
	for (size_t i = 0; i < found.n; i++)
		maps_node_delete(p, MAP_STAGED, found.at[i].key);
	p->config->staging = 0;
	if (found.n > 0)
		ret = maps_grace(p);
out:
	free(found.at);
	return ret;
}

/*
 * Two versions: the agent died between the flip and the end, or shortly before the flip. All that
 * is in force is in place now, but flags and images may be of either serial: compare the zone whole
 * while it goes on being answered. Its images and its order are collected.
 */
static int settle_zones(struct publish *p)
{
	static const struct xns_version none;
	uint32_t *ids;
	size_t n;
	int ret = maps_zone_ids(p, &ids, &n);

	if (ret < 0)
		return ret;
	for (size_t i = 0; ret == 0 && i < n; i++) {
		struct xns_zone entry;
		struct xns_version *other;

		ret = maps_zone_get(p, ids[i], &entry);
		other = &entry.version[!entry.current];
		if (ret < 0 || entry.state == XNS_ZONE_LOADING ||
		    memcmp(other, &none, sizeof(none)) == 0)
			continue;
		*other = none;
		entry.generation = GENERATION_DIRTY;
		ret = maps_zone_set(p, ids[i], &entry);
	}
	free(ids);
	return ret;
}

int publish_retry_incomplete(struct publish *p)
{
	uint32_t *ids;
	size_t n;
	int ret = maps_zone_ids(p, &ids, &n), found = 0;

	if (ret < 0)
		return ret;
	for (size_t i = 0; ret == 0 && i < n; i++) {
		struct xns_zone entry;

		ret = maps_zone_get(p, ids[i], &entry);
		if (ret < 0 || entry.state == XNS_ZONE_LOADING || entry.flags & XNS_ZONE_F_COMPLETE)
			continue;
		entry.generation = GENERATION_DIRTY;
		ret = maps_zone_set(p, ids[i], &entry);
		found++;
	}
	free(ids);
	return ret < 0 ? ret : found;
}

/* The held zone that now has to answer for the names of a zone that is no longer held is compared
 * anew. */
static int give_above(struct publish *p, const struct zone_table *zones, uint32_t id)
{
	knot_dname_storage_t apex;
	struct xns_zone entry;
	struct zone *above;
	int ret = maps_zone_get(p, id, &entry);

	if (ret < 0)
		return ret;
	if (strlen(entry.name) < sizeof(entry.name) - 1 &&
	    knot_dname_from_str(apex, entry.name, sizeof(apex)) != NULL) {
		knot_dname_to_lower(apex);
		above = zone_table_find(zones, apex);
		return above == NULL ? 0 : table_give_to_stack(p, above->id);
	}
	for (size_t i = 0; ret >= 0 && i < zones->n; i++) /* its name is cut short in the entry */
		ret = table_give_to_stack(p, zones->zone[i]->id);
	return ret;
}

/* Entries of zones that are not held any more (all: none is) leave the maps. */
static int remove_unheld(struct publish *p, const struct zone_table *zones, bool all)
{
	uint32_t *ids, max_id = 0;
	size_t n, kept = 0;
	bool *held;
	int ret = maps_zone_ids(p, &ids, &n);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < n; i++)
		max_id = ids[i] > max_id ? ids[i] : max_id;
	held = calloc((size_t)max_id + 1, sizeof(*held));
	if (held == NULL)
		ret = -ENOMEM;
	for (size_t i = 0; ret == 0 && !all && i < zones->n; i++)
		if (zones->zone[i]->id <= max_id)
			held[zones->zone[i]->id] = true;
	for (size_t i = 0; ret == 0 && i < n; i++)
		if (!held[ids[i]])
			ids[kept++] = ids[i];
	for (size_t i = 0; ret >= 0 && i < kept; i++) {
		ret = give_above(p, zones, ids[i]);
		if (ret >= 0)
			ret = table_give_to_stack(p, ids[i]);
	}
	if (ret >= 0 && kept > 0)
		ret = maps_grace(p);
	if (ret == 0 && kept > 0)
		ret = table_delete_scanning(p, ids, kept);
	if (ret == 0 && kept > 0)
		ret = maps_grace(p);
	free(held);
	free(ids);
	return ret;
}

/* Nothing brings the maps along any more: the stack answers, not what gets old in them. */
static void give_up_all(struct publish *p)
{
	uint32_t *ids;
	size_t n;

	if (maps_zone_ids(p, &ids, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		table_give_to_stack(p, ids[i]);
	free(ids);
}

int publish_take_over(struct publish *p, const struct zone_table *zones, uint64_t store_uuid)
{
	bool foreign = p->config->store_uuid != store_uuid;
	int ret = finish_staged(p);

	if (ret == 0)
		ret = settle_zones(p);
	if (ret == 0)
		ret = remove_unheld(p, zones, foreign);
	if (ret == 0)
		p->config->store_uuid = store_uuid;
	if (ret == 0)
		ret = table_add(p, zones->zone, zones->n);
	if (ret == 0)
		ret = maps_collect(p);
	if (ret == 0)
		ret = grow_make_filter(p);
	if (ret == 0 && publish_retry_incomplete(p) < 0)
		log_warning("cannot look for zones that found no room in the maps");
	if (ret < 0)
		give_up_all(p);
	return ret;
}

static void listen_key(const struct sockaddr_storage *addr, struct xns_listen *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (addr->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;

		memset(ret->addr + 10, 0xff, 2);
		memcpy(ret->addr + 12, &v4->sin_addr, 4);
		ret->port = v4->sin_port;
	} else {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;

		memcpy(ret->addr, &v6->sin6_addr, 16);
		ret->port = v6->sin6_port;
	}
}

static bool is_wanted(const struct config *config, const struct xns_listen *key)
{
	for (size_t i = 0; i < config->n_listen; i++) {
		struct xns_listen wanted;

		listen_key(&config->listen[i], &wanted);
		if (memcmp(&wanted, key, sizeof(wanted)) == 0)
			return true;
	}
	return false;
}

/* Readers see the bytes change one by one: none are in force while they do. */
static void set_nsid(struct publish *p, const struct config *config)
{
	struct xns_config *map = p->config;

	if (map->nsid_len == config->nsid_len &&
	    memcmp(map->nsid, config->nsid, config->nsid_len) == 0)
		return;
	__atomic_store_n(&map->nsid_len, 0, __ATOMIC_SEQ_CST);
	maps_grace(p); /* should it fail: a run of this very moment may give a mixed NSID */
	memset(map->nsid, 0, sizeof(map->nsid));
	memcpy(map->nsid, config->nsid, config->nsid_len);
	__atomic_store_n(&map->nsid_len, config->nsid_len, __ATOMIC_SEQ_CST);
}

int publish_configure(struct publish *p, const struct config *config)
{
	struct xns_listen key, next;
	uint32_t one = 1;
	int ret = 0;

	p->config->max_udp_size = config->max_udp_size;
	set_nsid(p, config);
	for (size_t i = 0; ret == 0 && i < config->n_listen; i++) {
		listen_key(&config->listen[i], &key);
		ret = bpf_map_update_elem(p->fd[MAP_LISTEN], &key, &one, BPF_ANY);
	}
	if (ret < 0)
		return ret;
	ret = bpf_map_get_next_key(p->fd[MAP_LISTEN], NULL, &next);
	while (ret == 0) {
		key = next;
		ret = bpf_map_get_next_key(p->fd[MAP_LISTEN], &key, &next);
		if (!is_wanted(config, &key))
			bpf_map_delete_elem(p->fd[MAP_LISTEN], &key);
	}
	return ret == -ENOENT ? 0 : ret;
}
