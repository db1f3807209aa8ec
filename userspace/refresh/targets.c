/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "refresh/internal.h"

int targets_make(struct refresh *refresh, const struct config_zone *conf,
		 struct refresh_target **ret, uint16_t *ret_n)
{
	struct refresh_target *target;
	size_t n = 0, made = 0;

	for (size_t i = 0; i < conf->n_primaries; i++)
		n += conf->primaries[i]->n_addresses;
	if (n == 0 || n > UINT16_MAX)
		return -EINVAL;
	target = calloc(n, sizeof(*target));
	if (!target)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_primaries; i++) {
		for (size_t j = 0; j < conf->primaries[i]->n_addresses; j++, made++) {
			target[made].expire_s = -1;
			if (peers_get(&refresh->peers, conf->primaries[i], j, &target[made].peer) <
			    0) {
				targets_free(target, (uint16_t)made);
				return -ENOMEM;
			}
		}
	}
	*ret = target;
	*ret_n = (uint16_t)n;
	return 0;
}

void targets_free(struct refresh_target *target, uint16_t n)
{
	for (uint16_t i = 0; target && i < n; i++) {
		peer_unref(target[i].peer);
		free(target[i].error);
	}
	free(target);
}

bool targets_same(const struct refresh_target *a, uint16_t n_a, const struct refresh_target *b,
		  uint16_t n_b)
{
	if (n_a != n_b)
		return false;
	for (uint16_t i = 0; i < n_a; i++) {
		if (a[i].peer != b[i].peer)
			return false;
	}
	return true;
}

int32_t targets_find(const struct refresh_target *target, uint16_t n, const struct peer *peer)
{
	for (uint16_t i = 0; i < n; i++) {
		if (target[i].peer == peer)
			return i;
	}
	return -1;
}

void targets_take_over(struct refresh_target *to, uint16_t n_to, struct refresh_target *from,
		       uint16_t n_from)
{
	for (uint16_t i = 0; i < n_to; i++) {
		int32_t at = targets_find(from, n_from, to[i].peer);
		struct peer *peer = to[i].peer;

		if (at < 0)
			continue;
		to[i] = from[at];
		to[i].peer = peer; /* each has its own reference */
		from[at].error = NULL;
	}
}

int32_t targets_find_sender(const struct refresh_zone *rz, const struct sockaddr *host,
			    const knot_tsig_key_t *key)
{
	int32_t of_host = -1, of_key = -1;

	for (uint16_t i = 0; i < rz->machine.conf.n_targets; i++) {
		const struct peer *peer = rz->target[i].peer;
		const knot_tsig_key_t *its = peer_key(peer);
		bool same_host = address_same_host((const struct sockaddr *)&peer->address, host);
		bool same_key = key && its && knot_dname_is_equal(its->name, key->name);

		if (same_host && (same_key || (!key && !its)))
			return i;
		if (same_host && of_host < 0)
			of_host = i;
		if (same_key && of_key < 0)
			of_key = i;
	}
	return of_host >= 0 ? of_host : of_key;
}
