// SPDX-License-Identifier: GPL-3.0-or-later
#include "respond/acl.h"

#include <netinet/in.h>
#include <string.h>
#include <libknot/dname.h>

#include "util/address.h"

/* The configuration may be another than the one that the request's key is of: by name, then. */
static bool is_key(const struct config_tsig *config, const knot_tsig_key_t *key)
{
	return key != NULL && knot_dname_is_equal(config->tsig.name, key->name);
}

static bool address_matches(const struct config_acl *acl, const struct sockaddr *from)
{
	if (acl->n_nets == 0)
		return true;
	for (size_t i = 0; i < acl->n_nets; i++) {
		const struct config_acl_net *net = &acl->net[i];

		if (address_in_net(from, (const struct sockaddr *)&net->address, net->prefix))
			return true;
	}
	return false;
}

static bool key_matches(const struct config_acl *acl, const knot_tsig_key_t *key)
{
	if (acl->n_keys == 0)
		return true;
	for (size_t i = 0; i < acl->n_keys; i++) {
		if (is_key(acl->keys[i], key))
			return true;
	}
	return false;
}

/* An item that only says deny is about every action, as with Knot DNS. */
static bool action_matches(const struct config_acl *acl, enum acl_action action)
{
	if (acl->deny && !acl->transfer && !acl->notify)
		return true;
	return action == ACL_TRANSFER ? acl->transfer : acl->notify;
}

bool acl_allows(const struct config_zone *zone, enum acl_action action, const struct sockaddr *from,
		const knot_tsig_key_t *key)
{
	for (size_t i = 0; i < zone->n_acl; i++) {
		const struct config_acl *acl = zone->acl[i];

		if (action_matches(acl, action) && address_matches(acl, from) &&
		    key_matches(acl, key))
			return !acl->deny;
	}
	return false;
}

bool acl_may_notify(const struct config_zone *zone, const struct sockaddr *from,
		    const knot_tsig_key_t *key, const char **ret_reason)
{
	const char *reason = "the sender is not in notify-from";

	for (size_t i = 0; i < zone->n_notify_from; i++) {
		const struct config_remote *remote = zone->notify_from[i];

		for (size_t j = 0; j < remote->n_addresses; j++) {
			if (!address_same_host((const struct sockaddr *)&remote->address[j], from))
				continue;
			if (remote->key == NULL || is_key(remote->key, key))
				return true;
			reason = "it is not signed with the sender's key";
		}
	}
	if (acl_allows(zone, ACL_NOTIFY, from, key))
		return true;
	*ret_reason = reason;
	return false;
}
