/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may transfer a zone, and who may send a NOTIFY for it. */
#ifndef XNS_RESPOND_ACL_H
#define XNS_RESPOND_ACL_H

#include <stdbool.h>
#include <sys/socket.h>
#include <libknot/tsig.h>

#include "config/config.h"

enum acl_action {
	ACL_TRANSFER,
	ACL_NOTIFY,
};

/*
 * By the zone's ACL: the first item that matches address, key and action says it; none: no. key:
 * that has signed the request, checked; NULL: none.
 */
bool acl_allows(const struct config_zone *zone, enum acl_action action, const struct sockaddr *from,
		const knot_tsig_key_t *key);

/*
 * May this host send a NOTIFY? As one of the remotes in notify-from, signed with its key if it has
 * one; or by the ACL. ret_reason: why not, for the log; not set if it may.
 */
bool acl_may_notify(const struct config_zone *zone, const struct sockaddr *from,
		    const knot_tsig_key_t *key, const char **ret_reason);

#endif
