// SPDX-License-Identifier: GPL-3.0-or-later
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/schema.h"

#define FILE_SIZE_MAX (64u << 20)

static void check_listen_tls(struct config_reader *reader)
{
	static const char *const files[] = {"tls-cert-file", "tls-key-file"};
	const struct config *config = reader->config;
	const struct tree_node *server = reader->root.server;
	const struct tree_node *listen = tree_get(server, "listen-tls");

	for (size_t i = 0; i < 2; i++)
		if (listen && !tree_get(server, files[i]))
			config_report(&reader->report, listen->line, "server.listen-tls",
				      "wants '%s'", files[i]);
	for (size_t i = 0; i < config->n_listen_tls; i++)
		for (size_t j = 0; j < config->n_listen; j++)
			if (memcmp(&config->listen_tls[i], &config->listen[j],
				   sizeof(config->listen[j])) == 0)
				config_report(
					&reader->report, listen->line, "server.listen-tls",
					"an address and port of 'listen' cannot speak TLS too");
}

static void read_root(struct config_reader *reader, const struct tree_node *tree)
{
	struct config_root *root = &reader->root;

	config_read_section(reader, &config_root_section, tree, NULL, root);
	if (root->server) {
		config_read_section(reader, &config_server_section, root->server, NULL,
				    reader->config);
		check_listen_tls(reader);
	}
	/* Zones may all be added at run time. */
	if (tree->type == TREE_MAP && !tree_get(tree, "zones") && !reader->config->zone_add)
		config_report(&reader->report, tree->line, "zones",
			      "missing; give the list of zones to serve");
	config_read_kinds(reader);
}

/* An error would keep servers from starting that do so today. */
static void warn_of_secrets(struct config_reader *reader, mode_t mode)
{
	const struct tree_node *list = reader->root.items[CONFIG_KIND_KEY];
	const struct tree_node *first = list && list->type == TREE_LIST ? list->child : list;

	if (!(mode & S_IROTH))
		return;
	for (const struct tree_node *item = first; item; item = item == list ? NULL : item->next) {
		const struct tree_node *secret = tree_get(item, "secret");

		if (!secret)
			continue;
		config_warn(
			&reader->report, secret->line, "keys.secret",
			"this file may be read by everybody; chmod it to 640, or give the key a 'file'");
		return;
	}
}

/* mode: of the file; 0: there is none. */
static int parse(const char *name, mode_t mode, const uint8_t *text, size_t len, FILE *errors,
		 struct config **ret)
{
	struct config_reader reader = {.report = {.out = errors, .file = name}};
	struct tree_node *tree = NULL;
	int err = -ENOMEM;

	reader.config = calloc(1, sizeof(*reader.config));
	if (!reader.config)
		goto out;
	for (enum config_kind kind = 0; kind < CONFIG_KINDS; kind++)
		if (config_index_init(&reader.index[kind], 0) < 0)
			goto out;
	reader.config->path = strdup(name);
	if (!reader.config->path)
		goto out;
	err = tree_parse(text, len, &reader.report, &tree);
	if (err < 0)
		goto out;
	read_root(&reader, tree);
	if (!reader.oom && reader.report.errors == 0 && mode) {
		warn_of_secrets(&reader, mode);
		config_check_files(&reader);
	}
	err = reader.oom ? -ENOMEM : reader.report.errors ? -EINVAL : 0;
out:
	if (err == -ENOMEM)
		config_report(&reader.report, 0, NULL, "out of memory");
	tree_free(tree);
	for (enum config_kind kind = 0; kind < CONFIG_KINDS; kind++)
		config_index_free(&reader.index[kind]);
	if (err < 0)
		config_free(reader.config);
	else
		*ret = reader.config;
	return err;
}

int config_parse(const char *name, const uint8_t *text, size_t len, FILE *errors,
		 struct config **ret)
{
	return parse(name, 0, text, len, errors, ret);
}

/* The whole file, which need not be seekable. 0 or a negative errno; -EFBIG. */
static int read_file(const char *path, mode_t *ret_mode, uint8_t **ret_text, size_t *ret_len)
{
	struct stat st = {0};
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
	fstat(fd, &st);
	close(fd);
	if (err < 0) {
		free(text);
		return err;
	}
	*ret_mode = st.st_mode;
	*ret_text = text;
	*ret_len = len;
	return 0;
}

int config_load(const char *path, FILE *errors, struct config **ret)
{
	uint8_t *text = NULL;
	size_t len = 0;
	mode_t mode;
	int err = read_file(path, &mode, &text, &len);

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
	err = parse(path, mode, text, len, errors, ret);
	explicit_bzero(text, len);
	free(text);
	return err;
}

int config_read_rundir(const char *path, FILE *errors, char **ret)
{
	struct config_report report = {.out = errors, .file = path};
	struct tree_node *tree = NULL;
	const struct tree_node *rundir;
	uint8_t *text = NULL;
	size_t len = 0;
	mode_t mode;
	int err = read_file(path, &mode, &text, &len);

	if (err < 0)
		return err;
	err = tree_parse(text, len, &report, &tree);
	if (err < 0)
		goto out;
	rundir = tree_get(tree_get(tree, "server"), "rundir");
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

static void free_zone(struct config_zone *zone)
{
	knot_dname_free(zone->domain, NULL);
	free(zone->name);
	free(zone->primaries);
	free(zone->notify_from);
	free(zone->notify);
	free(zone->acl);
	for (size_t i = 0; i < zone->n_verifier; i++)
		free(zone->verifier[i]);
	free(zone->verifier);
	free(zone->catalog_templates);
}

static void free_tsig(struct config_tsig *key)
{
	free(key->id);
	if (key->tsig.secret.data)
		explicit_bzero(key->tsig.secret.data, key->tsig.secret.size);
	knot_tsig_key_deinit(&key->tsig);
}

static void free_tls(struct config_tls *tls)
{
	free(tls->id);
	free(tls->ca_file);
	free(tls->hostname);
	free(tls->pin);
	free(tls->cert_file);
	free(tls->key_file);
}

static void free_server(struct config *config)
{
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
	free(config->listen_tls);
	free(config->tls_cert_file);
	free(config->tls_key_file);
	free(config->tls_client_ca_file);
}

void config_free(struct config *config)
{
	if (!config || atomic_fetch_sub(&config->references, 1) > 0)
		return;
	free_server(config);
	for (size_t i = 0; i < config->n_keys; i++)
		free_tsig(&config->keys[i]);
	free(config->keys);
	for (size_t i = 0; i < config->n_tls; i++)
		free_tls(&config->tls[i]);
	free(config->tls);
	for (size_t i = 0; i < config->n_remotes; i++) {
		free(config->remotes[i].id);
		free(config->remotes[i].address);
		free(config->remotes[i].via);
	}
	free(config->remotes);
	for (size_t i = 0; i < config->n_acls; i++) {
		free(config->acls[i].id);
		free(config->acls[i].net);
		free(config->acls[i].keys);
	}
	free(config->acls);
	for (size_t i = 0; i < config->n_templates; i++)
		free_zone(&config->templates[i]);
	free(config->templates);
	for (size_t i = 0; i < config->n_zones; i++)
		free_zone(&config->zones[i]);
	free(config->zones);
	free(config);
}
