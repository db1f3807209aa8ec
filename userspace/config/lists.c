// SPDX-License-Identifier: GPL-3.0-or-later
/* Lists of values: addresses, interfaces, references to remotes. They are short: duplicates are
 * found by comparing all. */
#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"
#include "util/address.h"

#define PORT_DEFAULT 53

struct list {
	struct config_reader *reader;
	const struct config_key *key;
	const char *path;
	void *items; /* the array; room for max */
	size_t n;
};

static void report_item(const struct list *list, const struct tree_node *item, const char *why)
{
	config_report(&list->reader->report, item->line, list->path, "'%.100s' %s; give %s",
		      item->value, why, list->key->allowed);
}

static const char *address_fault4(const struct sockaddr_in *in)
{
	uint32_t host = ntohl(in->sin_addr.s_addr);

	if (host == INADDR_ANY)
		return "stands for any address, each must be named";
	if (host == INADDR_BROADCAST)
		return "is the broadcast address";
	if (IN_MULTICAST(host))
		return "is a multicast address";
	return NULL;
}

static const char *address_fault6(const struct sockaddr_in6 *in6)
{
	if (IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
		return "stands for any address, each must be named";
	if (IN6_IS_ADDR_MULTICAST(&in6->sin6_addr))
		return "is a multicast address";
	if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
		return "is a link-local address, which is not supported";
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return "is an IPv4 address in IPv6 form, write it as IPv4";
	return NULL;
}

/* What is wrong with text that address_parse does not take. */
static const char *address_syntax_fault(const char *text)
{
	struct sockaddr_storage addr;
	char host[ADDRESS_TEXT_MAX];
	const char *at = strchr(text, '@');

	if (strchr(text, '%'))
		return "has a scope (link-local), which is not supported";
	if (at && (size_t)(at - text) < sizeof(host)) {
		memcpy(host, text, at - text);
		host[at - text] = '\0';
		if (address_parse(host, PORT_DEFAULT, &addr) == 0)
			return "has a port outside of 1 to 65535";
	}
	return "is not an IP address";
}

static unsigned port(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET ? ((const struct sockaddr_in *)addr)->sin_port
					  : ((const struct sockaddr_in6 *)addr)->sin6_port;
}

static void add_address(struct list *list, const struct tree_node *item)
{
	struct sockaddr_storage *addresses = list->items, addr;
	const char *fault;

	if (address_parse(item->value, PORT_DEFAULT, &addr) < 0) {
		report_item(list, item, address_syntax_fault(item->value));
		return;
	}
	fault = addr.ss_family == AF_INET ? address_fault4((struct sockaddr_in *)&addr)
					  : address_fault6((struct sockaddr_in6 *)&addr);
	if (fault) {
		report_item(list, item, fault);
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		if (port(&addresses[i]) == port(&addr) &&
		    address_same_host((struct sockaddr *)&addresses[i], (struct sockaddr *)&addr)) {
			report_item(list, item, "is in the list twice");
			return;
		}
	}
	addresses[list->n++] = addr;
}

static void add_interface(struct list *list, const struct tree_node *item)
{
	char **names = list->items;
	size_t len = strlen(item->value);
	bool good = len > 0 && len < IFNAMSIZ && strcmp(item->value, ".") != 0 &&
		    strcmp(item->value, "..") != 0;

	/* as the kernel's dev_valid_name() */
	for (const char *c = item->value; *c; c++)
		good = good && *c != '/' && *c != ':' && !isspace((unsigned char)*c);
	if (!good) {
		report_item(list, item, "is no name of an interface");
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(names[i], item->value) == 0) {
			report_item(list, item, "is in the list twice");
			return;
		}
	}
	names[list->n] = strdup(item->value);
	if (names[list->n])
		list->n++;
	else
		list->reader->oom = true;
}

static void report_no_remote(const struct list *list, const struct tree_node *item)
{
	const struct config *config = list->reader->config;
	char ids[512] = "no remote is configured";
	size_t len = 0, shown = 0;

	for (size_t i = 0; i < config->n_remotes && shown < 10 && len < sizeof(ids); i++) {
		if (!config->remotes[i].id)
			continue;
		len += snprintf(ids + len, sizeof(ids) - len, "%s%s", shown++ ? ", " : "there are ",
				config->remotes[i].id);
	}
	if (len < sizeof(ids) && config->n_remotes > shown && shown)
		snprintf(ids + len, sizeof(ids) - len, " and %zu more", config->n_remotes - shown);
	config_report(&list->reader->report, item->line, list->path,
		      "'%.100s' is not the id of a remote; %s", item->value, ids);
}

static void add_remote(struct list *list, const struct tree_node *item)
{
	const struct config_remote **remotes = list->items;
	const struct config_remote *remote;
	size_t i = config_index_get(&list->reader->remotes, item->value, strlen(item->value));

	if (i == CONFIG_INDEX_NONE) {
		report_no_remote(list, item);
		return;
	}
	remote = &list->reader->config->remotes[i];
	for (size_t j = 0; j < list->n; j++) {
		if (remotes[j] == remote) {
			report_item(list, item, "is in the list twice");
			return;
		}
	}
	remotes[list->n++] = remote;
}

static void add_item(struct list *list, const struct tree_node *item)
{
	if (item->type != TREE_SCALAR) {
		config_report(&list->reader->report, item->line, list->path,
			      "has a %s in it; give %s",
			      item->type == TREE_LIST ? "list" : "mapping", list->key->allowed);
		return;
	}
	switch (list->key->type) {
	case CONFIG_INTERFACES:
		add_interface(list, item);
		break;
	case CONFIG_REMOTES:
		add_remote(list, item);
		break;
	default:
		add_address(list, item);
		break;
	}
}

static size_t item_size(enum config_type type)
{
	return type == CONFIG_LISTEN || type == CONFIG_ADDRESSES ? sizeof(struct sockaddr_storage)
								 : sizeof(void *);
}

/* A single value is a list of one, as in Knot's configuration. */
void config_read_list(struct config_reader *reader, const struct config_key *key, const char *path,
		      const struct tree_node *node, void *object)
{
	const struct tree_node *first = node->type == TREE_SCALAR ? node : node->child;
	struct list list = {.reader = reader, .key = key, .path = path};
	size_t n = 0;

	if (node->type == TREE_MAP) {
		config_report(&reader->report, node->line, path, "is a mapping; give %s",
			      key->allowed);
		return;
	}
	for (const struct tree_node *item = first; item; item = node == item ? NULL : item->next)
		n++;
	if (n == 0 || n > key->max) {
		config_report(&reader->report, node->line, path, "has %zu values; give 1 to %u: %s",
			      n, (unsigned)key->max, key->allowed);
		return;
	}
	list.items = calloc(n, item_size(key->type));
	if (!list.items) {
		reader->oom = true;
		return;
	}
	for (const struct tree_node *item = first; item; item = node == item ? NULL : item->next)
		add_item(&list, item);
	*(void **)((char *)object + key->offset) = list.items;
	*(size_t *)((char *)object + key->count_offset) = list.n;
}
