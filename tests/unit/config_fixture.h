/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of the configuration share: a text in, a configuration or lines of errors out. */
#ifndef XNS_TEST_CONFIG_FIXTURE_H
#define XNS_TEST_CONFIG_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Two sections that are right, for cases about the third. */
#define SERVER	"server: {listen: 192.0.2.53}\n"
#define REMOTES "remotes: [{id: r, address: 192.0.2.1}]\n"
#define ZONES	"zones: [{domain: example.com, primaries: r}]\n"
/* 32 bytes: a secret, a pin */
#define BASE64 "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

static inline int parse(const char *text, size_t len, char **ret_errors, struct config **ret)
{
	size_t size;
	FILE *errors = open_memstream(ret_errors, &size);
	int err = config_parse("f", (const uint8_t *)text, len, errors, ret);

	fclose(errors);
	return err;
}

static inline struct config *parse_good(const char *text)
{
	struct config *config = NULL;
	char *errors = NULL;
	int err = parse(text, strlen(text), &errors, &config);

	if (err || errors[0])
		fail_msg("%d\n%s\nfor\n%s", err, errors, text);
	free(errors);
	return config;
}

/* expect: lines that begin the errors' lines, in order and no others. */
static inline void expect_errors(const char *what, const char *text, size_t len,
				 const char *const *expect)
{
	struct config *config = NULL;
	char *errors = NULL, *line;
	int err = parse(text, len, &errors, &config);

	if (err != -EINVAL)
		fail_msg("%s: %d", what, err);
	assert_null(config);
	line = errors;
	for (; *expect; expect++) {
		char *end = strchr(line, '\n');
		if (!end || strncmp(line, *expect, strlen(*expect)) != 0)
			fail_msg("%s: expected\n%s\ngot\n%s", what, *expect, errors);
		line = end + 1;
	}
	if (*line)
		fail_msg("%s: more than was expected:\n%s", what, line);
	free(errors);
}

static inline void expect_zone_defaults(const struct config_zone *zone)
{
	assert_int_equal(zone->n_notify, 0);
	assert_int_equal(zone->n_acl, 0);
	assert_int_equal(zone->max_records, 0);
	assert_true(zone->request_ixfr);
	assert_true(zone->provide_ixfr);
	assert_int_equal(zone->journal_max_usage, 100 << 20);
	assert_int_equal(zone->journal_max_depth, 1000);
	assert_int_equal(zone->refresh_min_s, 2);
	assert_int_equal(zone->refresh_max_s, 28 * 86400);
	assert_int_equal(zone->retry_min_s, 1);
	assert_int_equal(zone->retry_max_s, 28 * 86400);
	assert_int_equal(zone->expire_min_s, 3);
	assert_int_equal(zone->expire_max_s, 3650 * 86400);
	assert_false(zone->zonemd_verify);
	assert_int_equal(zone->n_verifier, 0);
	assert_int_equal(zone->verifier_timeout_s, 60);
	assert_int_equal(zone->catalog_role, CONFIG_CATALOG_NONE);
	assert_int_equal(zone->n_catalog_templates, 0);
}

#endif
