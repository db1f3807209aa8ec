// SPDX-License-Identifier: GPL-3.0-or-later
/* The configuration: taken whole without a word, or refused with lines that say why. */
#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "fuzz/fuzz.h"

static bool is_in(const void *thing, const void *array, size_t n, size_t size)
{
	uintptr_t at = (uintptr_t)thing - (uintptr_t)array;

	return at < n * size && at % size == 0;
}

#define IS_IN(thing, config, array, n) \
	is_in(thing, (config)->array, (config)->n, sizeof(*(config)->array))

static void check_zone(const struct config *config, const struct config_zone *zone)
{
	for (size_t i = 0; i < zone->n_primaries; i++)
		CHECK(IS_IN(zone->primaries[i], config, remotes, n_remotes));
	for (size_t i = 0; i < zone->n_notify_from; i++)
		CHECK(IS_IN(zone->notify_from[i], config, remotes, n_remotes));
	for (size_t i = 0; i < zone->n_notify; i++)
		CHECK(IS_IN(zone->notify[i], config, remotes, n_remotes));
	for (size_t i = 0; i < zone->n_acl; i++)
		CHECK(IS_IN(zone->acl[i], config, acls, n_acls));
	for (size_t i = 0; i < zone->n_catalog_templates; i++)
		CHECK(IS_IN(zone->catalog_templates[i], config, templates, n_templates));
	CHECK(zone->refresh_min_s <= zone->refresh_max_s && zone->refresh_min_s > 0);
	CHECK(zone->retry_min_s <= zone->retry_max_s && zone->retry_min_s > 0);
	CHECK(zone->expire_min_s <= zone->expire_max_s && zone->expire_min_s > 0);
	CHECK(zone->journal_max_depth > 0 && zone->verifier_timeout_s > 0 && zone->max_size > 0);
	CHECK(zone->n_verifier == 0 || zone->verifier[0][0] == '/');
}

static void check_things(const struct config *config)
{
	for (size_t i = 0; i < config->n_keys; i++) {
		CHECK(config->keys[i].id && config->keys[i].tsig.algorithm);
		CHECK(config->keys[i].tsig.secret.size > 0);
		CHECK(config_tsig_find(config, config->keys[i].tsig.name) == &config->keys[i]);
	}
	for (size_t i = 0; i < config->n_tls; i++) {
		const struct config_tls *tls = &config->tls[i];

		CHECK(tls->mode == CONFIG_TLS_OPPORTUNISTIC || tls->hostname || tls->n_pins > 0);
		CHECK(!tls->cert_file == !tls->key_file);
	}
	for (size_t i = 0; i < config->n_remotes; i++) {
		const struct config_remote *remote = &config->remotes[i];

		CHECK(remote->id && remote->n_addresses > 0 && remote->n_via <= 2);
		CHECK(!remote->key || IS_IN(remote->key, config, keys, n_keys));
		CHECK(!remote->tls || IS_IN(remote->tls, config, tls, n_tls));
	}
	for (size_t i = 0; i < config->n_acls; i++) {
		const struct config_acl *acl = &config->acls[i];

		CHECK(acl->transfer || acl->notify || acl->deny);
		for (size_t j = 0; j < acl->n_nets; j++)
			CHECK(acl->net[j].prefix <=
			      (acl->net[j].address.ss_family == AF_INET ? 32 : 128));
		for (size_t j = 0; j < acl->n_keys; j++)
			CHECK(IS_IN(acl->keys[j], config, keys, n_keys));
	}
}

static void check_config(const struct config *config)
{
	CHECK(config->n_listen > 0 && (config->n_zones > 0 || config->zone_add));
	CHECK(config->database && config->rundir);
	CHECK(config->max_udp_size >= 512 && config->max_udp_size <= 4096);
	CHECK(config->n_listen_tls == 0 || (config->tls_cert_file && config->tls_key_file));
	check_things(config);
	for (size_t i = 0; i < config->n_templates; i++) {
		check_zone(config, &config->templates[i]);
		CHECK(config_template_find(config, config->templates[i].name) ==
		      &config->templates[i]);
	}
	for (size_t i = 0; i < config->n_zones; i++) {
		const struct config_zone *zone = &config->zones[i];
		knot_dname_storage_t name;

		check_zone(config, zone);
		CHECK(zone->n_primaries > 0);
		CHECK(knot_dname_from_str(name, zone->name, sizeof(name)));
		CHECK(knot_dname_is_case_equal(name, zone->domain));
		CHECK(strlen(zone->name) && zone->name[strlen(zone->name) - 1] == '.');
		for (size_t j = 0; j < zone->n_catalog_templates; j++)
			CHECK(zone->catalog_templates[j]->n_primaries > 0);
	}
}

/* Each line "f:...", printable. The file's own UTF-8 may be quoted. */
static void check_errors(const char *errors, size_t size)
{
	CHECK(strlen(errors) == size && (size == 0 || errors[size - 1] == '\n'));
	for (const char *line = errors, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		CHECK(strncmp(line, "f:", 2) == 0);
		for (const char *c = line; c < end; c++)
			CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct config *config = NULL;
	char *errors = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&errors, &size);
	int err;

	CHECK(out);
	err = config_parse("f", data, len, out, &config);
	fclose(out);
	CHECK(err == 0 || err == -EINVAL);
	check_errors(errors, size);
	if (err == 0) {
		for (const char *line = errors; *line; line = strchr(line, '\n') + 1)
			CHECK(strstr(line, " warning: ") < strchr(line, '\n'));
		check_config(config);
		config_free(config);
	} else {
		CHECK(!config && size > 0);
	}
	free(errors);
	return 0;
}
