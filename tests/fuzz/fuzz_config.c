// SPDX-License-Identifier: GPL-3.0-or-later
/* The configuration: taken whole without a word, or refused with lines that say why. */
#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "fuzz/fuzz.h"

static void check_config(const struct config *config)
{
	CHECK(config->n_listen > 0 && config->n_zones > 0);
	CHECK(config->database && config->rundir);
	CHECK(config->max_udp_size >= 512 && config->max_udp_size <= 4096);
	for (size_t i = 0; i < config->n_zones; i++) {
		const struct config_zone *zone = &config->zones[i];
		knot_dname_storage_t name;

		CHECK(zone->n_primaries > 0);
		for (size_t j = 0; j < zone->n_primaries; j++)
			CHECK(zone->primaries[j]->n_addresses > 0);
		CHECK(knot_dname_from_str(name, zone->name, sizeof(name)));
		CHECK(knot_dname_is_case_equal(name, zone->domain));
		CHECK(strlen(zone->name) && zone->name[strlen(zone->name) - 1] == '.');
	}
}

/* Each line "f:...", printable. The file's own UTF-8 may be quoted. */
static void check_errors(const char *errors, size_t size)
{
	CHECK(size > 0 && errors[size - 1] == '\n' && strlen(errors) == size);
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
	if (err == 0) {
		CHECK(size == 0);
		check_config(config);
		config_free(config);
	} else {
		CHECK(!config);
		check_errors(errors, size);
	}
	free(errors);
	return 0;
}
