// SPDX-License-Identifier: GPL-3.0-or-later
/* Lists of values: addresses, interfaces, references... They are short: duplicates are found by
 * comparing all. */
#include <ctype.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/schema.h"
#include "util/address.h"

struct list {
	struct config_reader *reader;
	const struct config_key *key;
	const char *path;
	void *items; /* the array; room for all */
	size_t n;
	void *object;		      /* that the list is of */
	const struct tree_node *head; /* the first of all */
};

static void report_item(const struct list *list, const struct tree_node *item, const char *why)
{
	config_report(&list->reader->report, item->line, list->path, "'%.100s' %s; give %s",
		      item->value, why, list->key->allowed);
}

static unsigned port(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET ? ((const struct sockaddr_in *)addr)->sin_port
					  : ((const struct sockaddr_in6 *)addr)->sin6_port;
}

static unsigned default_port(const struct list *list)
{
	return list->key->type == CONFIG_LISTEN ? list->key->port : list->reader->remote_port;
}

static void add_address(struct list *list, const struct tree_node *item)
{
	struct sockaddr_storage *addresses = list->items, addr;
	const char *fault;

	if (address_parse(item->value, default_port(list), &addr) < 0) {
		report_item(list, item, config_address_syntax(item->value));
		return;
	}
	fault = config_address_fault(&addr);
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

/* Ports of connections are the kernel's choice. */
static void add_source(struct list *list, const struct tree_node *item)
{
	struct sockaddr_storage *addresses = list->items, addr;
	const char *fault = strchr(item->value, '@') ? "has a port" : NULL;

	if (!fault && address_parse(item->value, 0, &addr) < 0)
		fault = config_address_syntax(item->value);
	if (!fault)
		fault = config_address_fault(&addr);
	for (size_t i = 0; !fault && i < list->n; i++)
		if (addresses[i].ss_family == addr.ss_family)
			fault = "is the second of its family";
	if (fault)
		report_item(list, item, fault);
	else
		addresses[list->n++] = addr;
}

static void add_network(struct list *list, const struct tree_node *item)
{
	struct config_acl_net *nets = list->items, net;
	const char *fault = config_parse_network(item->value, &net);

	for (size_t i = 0; !fault && i < list->n; i++)
		if (nets[i].prefix == net.prefix &&
		    memcmp(&nets[i].address, &net.address, sizeof(net.address)) == 0)
			fault = "is in the list twice";
	if (fault)
		report_item(list, item, fault);
	else
		nets[list->n++] = net;
}

static void add_pin(struct list *list, const struct tree_node *item)
{
	uint8_t(*pins)[CONFIG_PIN_LEN] = list->items;
	dnssec_binary_t pin = {0};
	const char *fault = NULL;

	if (!config_parse_base64(item->value, strlen(item->value), &pin) ||
	    pin.size != CONFIG_PIN_LEN)
		fault = "is no such pin";
	for (size_t i = 0; !fault && i < list->n; i++)
		if (memcmp(pins[i], pin.data, CONFIG_PIN_LEN) == 0)
			fault = "is in the list twice";
	if (fault)
		report_item(list, item, fault);
	else
		memcpy(pins[list->n++], pin.data, CONFIG_PIN_LEN);
	dnssec_binary_free(&pin);
}

static void add_string(struct list *list, const struct tree_node *item)
{
	char **strings = list->items;

	strings[list->n] = strdup(item->value);
	if (strings[list->n])
		list->n++;
	else
		list->reader->oom = true;
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
	add_string(list, item);
}

/* Whether whoever we shall be may run it is seen when it is run. */
static void add_argument(struct list *list, const struct tree_node *item)
{
	struct stat st;

	if (item != list->head)
		add_string(list, item);
	else if (item->value[0] != '/')
		report_item(list, item, "is not an absolute path");
	else if (stat(item->value, &st) < 0 || !S_ISREG(st.st_mode))
		report_item(list, item, "is not there");
	else if (!(st.st_mode & 0111))
		report_item(list, item, "is not executable");
	else
		add_string(list, item);
}

static void add_reference(struct list *list, const struct tree_node *item)
{
	void **things = list->items;
	void *thing = config_find(list->reader, list->key->to, list->path, item);

	if (!thing)
		return;
	for (size_t i = 0; i < list->n; i++) {
		if (things[i] == thing) {
			report_item(list, item, "is in the list twice");
			return;
		}
	}
	things[list->n++] = thing;
}

static void add_action(struct list *list, const struct tree_node *item)
{
	struct config_acl *acl = list->object;
	bool *action = strcmp(item->value, "transfer") == 0 ? &acl->transfer
		       : strcmp(item->value, "notify") == 0 ? &acl->notify
							    : NULL;

	if (!action)
		report_item(list, item, "is no action");
	else if (*action)
		report_item(list, item, "is in the list twice");
	else
		*action = true;
}

static const struct {
	void (*add)(struct list *list, const struct tree_node *item);
	size_t size;
} list_types[] = {
	[CONFIG_LISTEN] = {add_address, sizeof(struct sockaddr_storage)},
	[CONFIG_ADDRESSES] = {add_address, sizeof(struct sockaddr_storage)},
	[CONFIG_SOURCES] = {add_source, sizeof(struct sockaddr_storage)},
	[CONFIG_NETWORKS] = {add_network, sizeof(struct config_acl_net)},
	[CONFIG_PINS] = {add_pin, CONFIG_PIN_LEN},
	[CONFIG_INTERFACES] = {add_interface, sizeof(char *)},
	[CONFIG_COMMAND] = {add_argument, sizeof(char *)},
	[CONFIG_REFERENCES] = {add_reference, sizeof(void *)},
	[CONFIG_ACTIONS] = {add_action, 0},
};

static void add_item(struct list *list, const struct tree_node *item)
{
	if (item->type != TREE_SCALAR) {
		config_report(&list->reader->report, item->line, list->path,
			      "has a %s in it; give %s",
			      item->type == TREE_LIST ? "list" : "mapping", list->key->allowed);
		return;
	}
	list_types[list->key->type].add(list, item);
}

/* A single value is a list of one, as in Knot's configuration. */
void config_read_list(struct config_reader *reader, const struct config_key *key, const char *path,
		      const struct tree_node *node, void *object)
{
	const struct tree_node *first = node->type == TREE_SCALAR ? node : node->child;
	struct list list = {
		.reader = reader, .key = key, .path = path, .object = object, .head = first};
	size_t n = 0, size = list_types[key->type].size;

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
	if (size) {
		list.items = calloc(n, size);
		if (!list.items) {
			reader->oom = true;
			return;
		}
	}
	for (const struct tree_node *item = first; item; item = node == item ? NULL : item->next)
		add_item(&list, item);
	if (size) {
		*(void **)((char *)object + key->offset) = list.items;
		*(size_t *)((char *)object + key->count_offset) = list.n;
	}
}

void config_copy_list(struct config_reader *reader, const struct config_key *key, const void *from,
		      void *to)
{
	void *items = *(void *const *)((const char *)from + key->offset), *copy;
	size_t n = *(const size_t *)((const char *)from + key->count_offset);
	size_t size = list_types[key->type].size;

	if (!items || n == 0)
		return;
	copy = calloc(n, size);
	if (!copy) {
		reader->oom = true;
		return;
	}
	memcpy(copy, items, n * size);
	*(void **)((char *)to + key->offset) = copy;
	if (key->type == CONFIG_COMMAND) {
		char **strings = copy;

		for (size_t i = 0; i < n; i++) {
			strings[i] = strdup(strings[i]);
			reader->oom |= !strings[i];
		}
	}
	*(size_t *)((char *)to + key->count_offset) = n;
}
