/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of the configuration is settled when the agent starts. */
#include <string.h>

#include "agent/internal.h"
#include "util/address.h"
#include "util/log.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_addresses(const struct sockaddr_storage *a, size_t n_a,
			   const struct sockaddr_storage *b, size_t n_b)
{
	char text[2][ADDRESS_TEXT_MAX];

	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (strcmp(address_to_text((const struct sockaddr *)&a[i], text[0]),
			   address_to_text((const struct sockaddr *)&b[i], text[1])) != 0)
			return false;
	return true;
}

static bool same_interfaces(const struct config *a, const struct config *b)
{
	if (a->n_interfaces != b->n_interfaces)
		return false;
	for (size_t i = 0; i < a->n_interfaces; i++)
		if (!same_text(a->interfaces[i], b->interfaces[i]))
			return false;
	return true;
}

#define SWAP(a, b)                         \
	do {                               \
		__typeof__(a) swap_ = (a); \
		(a) = (b);                 \
		(b) = swap_;               \
	} while (0)

static void keep(const char *key, bool same)
{
	if (!same)
		log_warning(
			"server.%s is another in the configuration: that takes a restart of xnsd, until then it stays as it was",
			key);
}

static void keep_text(const char *key, char **old, char **new)
{
	keep(key, same_text(*old, *new));
	SWAP(*old, *new);
}

void settings_keep(struct config *old, struct config *config)
{
	keep("listen",
	     same_addresses(old->listen, old->n_listen, config->listen, config->n_listen));
	SWAP(old->listen, config->listen);
	SWAP(old->n_listen, config->n_listen);
	keep("listen-tls", same_addresses(old->listen_tls, old->n_listen_tls, config->listen_tls,
					  config->n_listen_tls));
	SWAP(old->listen_tls, config->listen_tls);
	SWAP(old->n_listen_tls, config->n_listen_tls);
	keep_text("user", &old->user, &config->user);
	keep_text("database", &old->database, &config->database);
	keep_text("rundir", &old->rundir, &config->rundir);
	keep("database-max-size", old->database_max_size == config->database_max_size);
	SWAP(old->database_max_size, config->database_max_size);
	if (!same_interfaces(old, config))
		log_warning(
			"server.interfaces is another in the configuration: `xnsload attach` attaches to them");
	if (old->max_names != config->max_names)
		log_warning(
			"server.max-names is another in the configuration: it counts when maps are made anew (`xnsload detach` and `xnsload attach`)");
}
