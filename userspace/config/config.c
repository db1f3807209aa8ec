// SPDX-License-Identifier: GPL-3.0-or-later
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "config/schema.h"

#define FILE_SIZE_MAX (64u << 20)

/* The items of a list of mappings; one mapping alone is a list of one. NULL: reported. */
static const struct tree_node *section_items(struct config_reader *reader,
					     const struct config_section *section,
					     const struct tree_node *node, size_t *ret_n)
{
	const struct tree_node *first = node->type == TREE_LIST ? node->child : node;

	*ret_n = 0;
	if (node->type == TREE_SCALAR || !first) {
		config_report(&reader->report, node->line, section->name,
			      "%s; give a list of items such as '- %s: ...'",
			      node->type == TREE_SCALAR ? "is a single value" : "is empty",
			      section->keys[0].name);
		return NULL;
	}
	for (const struct tree_node *item = first; item; item = node == item ? NULL : item->next)
		++*ret_n;
	return first;
}

static const struct tree_node *next_item(const struct tree_node *list, const struct tree_node *item)
{
	return item == list ? NULL : item->next;
}

static void read_remotes(struct config_reader *reader, const struct tree_node *node)
{
	struct config *config = reader->config;
	size_t n;
	const struct tree_node *item = section_items(reader, &config_remote_section, node, &n);
	struct config_remote *remotes = calloc(n + 1, sizeof(*remotes));
	unsigned *lines = calloc(n + 1, sizeof(*lines));

	config->remotes = remotes;
	config_index_free(&reader->remotes);
	if (!remotes || !lines || config_index_init(&reader->remotes, n) < 0) {
		reader->oom = true;
		goto out;
	}
	for (; item; item = next_item(node, item)) {
		struct config_remote *remote = &remotes[config->n_remotes];
		lines[config->n_remotes] = item->line;
		config_read_section(reader, &config_remote_section, item, remote);
		size_t i = config->n_remotes++;
		if (!remote->id)
			continue;
		size_t first =
			config_index_put(&reader->remotes, remote->id, strlen(remote->id), i);
		if (first != CONFIG_INDEX_NONE)
			config_report(&reader->report, item->line, "remotes.id",
				      "'%s' is given twice; first on line %u", remote->id,
				      lines[first]);
	}
out:
	free(lines);
}

static void read_zones(struct config_reader *reader, const struct tree_node *node)
{
	struct config *config = reader->config;
	struct config_index index = {0};
	size_t n;
	const struct tree_node *item = section_items(reader, &config_zone_section, node, &n);
	unsigned *lines = calloc(n + 1, sizeof(*lines));

	config->zones = calloc(n + 1, sizeof(*config->zones));
	if (!config->zones || !lines || config_index_init(&index, n) < 0) {
		reader->oom = true;
		goto out;
	}
	for (; item; item = next_item(node, item)) {
		struct config_zone *zone = &config->zones[config->n_zones];
		lines[config->n_zones] = item->line;
		config_read_section(reader, &config_zone_section, item, zone);
		size_t i = config->n_zones++;
		if (!zone->domain)
			continue;
		zone->name = knot_dname_to_str_alloc(zone->domain);
		if (!zone->name) {
			reader->oom = true;
			continue;
		}
		size_t first =
			config_index_put(&index, zone->domain, knot_dname_size(zone->domain), i);
		if (first != CONFIG_INDEX_NONE)
			config_report(&reader->report, item->line, "zones.domain",
				      "'%s' is given twice; first on line %u", zone->name,
				      lines[first]);
	}
out:
	config_index_free(&index);
	free(lines);
}

static void read_root(struct config_reader *reader, const struct tree_node *tree)
{
	struct config_root root = {0};

	config_read_section(reader, &config_root_section, tree, &root);
	if (root.server)
		config_read_section(reader, &config_server_section, root.server, reader->config);
	/* The remotes first, wherever they stand: zones refer to them. */
	if (root.remotes)
		read_remotes(reader, root.remotes);
	if (root.zones && !reader->oom)
		read_zones(reader, root.zones);
}

int config_parse(const char *name, const uint8_t *text, size_t len, FILE *errors,
		 struct config **ret)
{
	struct config_reader reader = {.report = {.out = errors, .file = name}};
	struct tree_node *tree = NULL;
	int err = -ENOMEM;

	reader.config = calloc(1, sizeof(*reader.config));
	if (!reader.config || config_index_init(&reader.remotes, 0) < 0)
		goto out;
	reader.config->path = strdup(name);
	if (!reader.config->path)
		goto out;
	err = tree_parse(text, len, &reader.report, &tree);
	if (err < 0)
		goto out;
	read_root(&reader, tree);
	err = reader.oom ? -ENOMEM : reader.report.errors ? -EINVAL : 0;
out:
	if (err == -ENOMEM)
		config_report(&reader.report, 0, NULL, "out of memory");
	tree_free(tree);
	config_index_free(&reader.remotes);
	if (err < 0)
		config_free(reader.config);
	else
		*ret = reader.config;
	return err;
}

/* The whole file, which need not be seekable. 0 or a negative errno; -EFBIG. */
static int read_file(const char *path, uint8_t **ret_text, size_t *ret_len)
{
	uint8_t *text = NULL;
	size_t len = 0, size = 0;
	int err = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (;;) {
		if (len == size) {
			size = size ? 2 * size : 1 << 16;
			uint8_t *more = size > 2 * FILE_SIZE_MAX ? NULL : realloc(text, size);
			if (!more) {
				err = -ENOMEM;
				break;
			}
			text = more;
		}
		ssize_t n = read(fd, text + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = n < 0 ? -errno : 0;
			break;
		}
		len += n;
		if (len > FILE_SIZE_MAX) {
			err = -EFBIG;
			break;
		}
	}
	close(fd);
	if (err < 0) {
		free(text);
		return err;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

int config_load(const char *path, FILE *errors, struct config **ret)
{
	uint8_t *text = NULL;
	size_t len = 0;
	int err = read_file(path, &text, &len);

	if (err < 0) {
		struct config_report report = {.out = errors, .file = path};
		if (err == -EFBIG)
			config_report(&report, 0, NULL,
				      "is larger than %u MiB, which is not a configuration",
				      FILE_SIZE_MAX >> 20);
		else
			config_report(&report, 0, NULL, "cannot be read: %s", strerror(-err));
		return err;
	}
	err = config_parse(path, text, len, errors, ret);
	free(text);
	return err;
}

static const struct tree_node *map_get(const struct tree_node *map, const char *key)
{
	if (!map || map->type != TREE_MAP)
		return NULL;
	for (const struct tree_node *name = map->child; name; name = name->next->next)
		if (name->type == TREE_SCALAR && strcmp(name->value, key) == 0)
			return name->next;
	return NULL;
}

int config_read_rundir(const char *path, FILE *errors, char **ret)
{
	struct config_report report = {.out = errors, .file = path};
	struct tree_node *tree = NULL;
	const struct tree_node *rundir;
	uint8_t *text = NULL;
	size_t len = 0;
	int err = read_file(path, &text, &len);

	if (err < 0)
		return err;
	err = tree_parse(text, len, &report, &tree);
	if (err < 0)
		goto out;
	rundir = map_get(map_get(tree, "server"), "rundir");
	*ret = strdup(rundir && rundir->type == TREE_SCALAR && rundir->value[0] == '/'
			      ? rundir->value
			      : CONFIG_RUNDIR_DEFAULT);
	err = *ret ? 0 : -ENOMEM;
	tree_free(tree);
out:
	free(text);
	return err;
}

/* ---- what others hold of it ---- */

struct config *config_ref(struct config *config)
{
	atomic_fetch_add(&config->references, 1);
	return config;
}

const struct config_zone *config_template_find(const struct config *config, const char *id)
{
	for (size_t i = 0; i < config->n_templates; i++)
		if (strcmp(config->templates[i].name, id) == 0)
			return &config->templates[i];
	return NULL;
}

const struct config_tsig *config_tsig_find(const struct config *config, const knot_dname_t *name)
{
	for (size_t i = 0; i < config->n_keys; i++)
		if (knot_dname_is_equal(config->keys[i].tsig.name, name))
			return &config->keys[i];
	return NULL;
}

struct config_zone *config_zone_make(const struct config_zone *template, const knot_dname_t *domain)
{
	struct config_zone *zone = malloc(sizeof(*zone));

	if (!zone)
		return NULL;
	*zone = *template; /* the lists stay the template's */
	zone->domain = knot_dname_copy(domain, NULL);
	zone->name = knot_dname_to_str_alloc(domain);
	if (!zone->domain || !zone->name) {
		config_zone_free(zone);
		return NULL;
	}
	return zone;
}

void config_zone_free(struct config_zone *zone)
{
	if (!zone)
		return;
	knot_dname_free(zone->domain, NULL);
	free(zone->name);
	free(zone);
}

void config_free(struct config *config)
{
	if (!config || atomic_fetch_sub(&config->references, 1) > 0)
		return;
	free(config->path);
	free(config->listen);
	for (size_t i = 0; i < config->n_interfaces; i++)
		free(config->interfaces[i]);
	free(config->interfaces);
	free(config->database);
	free(config->rundir);
	free(config->user);
	free(config->version);
	free(config->identity);
	for (size_t i = 0; i < config->n_remotes; i++) {
		free(config->remotes[i].id);
		free(config->remotes[i].address);
	}
	free(config->remotes);
	for (size_t i = 0; i < config->n_zones; i++) {
		knot_dname_free(config->zones[i].domain, NULL);
		free(config->zones[i].name);
		free(config->zones[i].primaries);
		free(config->zones[i].notify_from);
	}
	free(config->zones);
	free(config);
}
