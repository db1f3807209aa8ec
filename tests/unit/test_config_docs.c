// SPDX-License-Identifier: GPL-3.0-or-later
/* The configurations of the documents: the example, the README, the manual. The tests run in the
 * project's top folder. */
#include <fcntl.h>
#include <unistd.h>

#include "config/schema.h"
#include "config_fixture.h"

/* The file that is handed out. The tests run in the project's top folder. */
static void test_example(void **state)
{
	struct config *config = NULL;

	(void)state;
	assert_int_equal(config_load("docs/xnsd.yaml.example", stderr, &config), 0);
	config_free(config);
}

/* Keys whose values in the example are examples. Those of the lists that are commented out whole
 * begin at the left margin. */
static bool is_no_default(const char *line)
{
	static const char *const keys[] = {
		"user:",       "version:",
		"identity:",   "nsid:",
		"listen-tls:", "tls-",
		"via:",	       "key:",
		"tls:",	       "template:",
		"notify:",     "acl:",
		"verifier:",   "maps-max-memory:",
	};

	for (size_t i = 0; i < COUNT(keys); i++)
		if (strncmp(line, keys[i], strlen(keys[i])) == 0)
			return true;
	return false;
}

/* The example with every '#key: value' made a line of the file: what it says of defaults must be
 * true, too. */
static void test_example_defaults(void **state)
{
	char line[512], *text = NULL;
	size_t size;
	FILE *in = fopen("docs/xnsd.yaml.example", "r"), *out = open_memstream(&text, &size);
	struct config *as_is = NULL;

	(void)state;
	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		char *hash = line + strspn(line, " ");
		if (hash != line && hash[0] == '#' && hash[1] != ' ' && hash[1] != '\n' &&
		    !is_no_default(hash + 1))
			memmove(hash, hash + 1, strlen(hash));
		fputs(line, out);
	}
	fclose(in);
	fclose(out);
	struct config *c = parse_good(text);
	assert_int_equal(config_load("docs/xnsd.yaml.example", stderr, &as_is), 0);
	assert_string_equal(c->database, as_is->database);
	assert_string_equal(c->rundir, as_is->rundir);
	assert_int_equal(c->max_udp_size, as_is->max_udp_size);
	assert_int_equal(c->database_max_size, as_is->database_max_size);
	assert_int_equal(c->max_names, as_is->max_names);
	assert_int_equal(c->tcp_max_clients, as_is->tcp_max_clients);
	assert_int_equal(c->tcp_idle_timeout_ms, as_is->tcp_idle_timeout_ms);
	assert_int_equal(c->remote_timeout_ms, as_is->remote_timeout_ms);
	assert_int_equal(c->transfer_timeout_ms, as_is->transfer_timeout_ms);
	assert_int_equal(c->log_level, as_is->log_level);
	assert_int_equal(c->max_transfers_in, as_is->max_transfers_in);
	assert_int_equal(c->max_transfers_per_primary, as_is->max_transfers_per_primary);
	assert_int_equal(c->max_soa_queries, as_is->max_soa_queries);
	assert_int_equal(c->max_transfers_out, as_is->max_transfers_out);
	assert_int_equal(c->soa_query_rate, as_is->soa_query_rate);
	assert_int_equal(c->zone_add, as_is->zone_add);
	assert_int_equal(c->zones[0].max_size, as_is->zones[0].max_size);
	expect_zone_defaults(&c->zones[0]);
	config_free(c);
	config_free(as_is);
	free(text);
}

/* ---- what is written for people ---- */

struct place {
	char dir[32];
	char path[16][96]; /* files made in it */
	size_t n;
};

/* A file of its owner alone that is a key, readable and executable: good for everything. */
static void make_file(struct place *place, const char *name, size_t len)
{
	char *path = place->path[place->n];

	char dir[sizeof(place->dir)];

	strcpy(dir, place->dir); /* for gcc, which takes it for the same as path */
	snprintf(path, sizeof(place->path[0]), "%s/%.*s", dir, (int)len, name);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	if (fd < 0) /* named twice */
		return;
	assert_true(++place->n < COUNT(place->path));
	assert_int_equal(write(fd, BASE64, strlen(BASE64)), strlen(BASE64));
	close(fd);
}

/* The line with its paths moved into a place of the test's, and a user that is there. Key files
 * have no algorithm in them here. */
static void add_line(struct place *place, FILE *out, const char *line)
{
	static const char *const dirs[] = {"/etc/xnsd/", "/usr/local/bin/"};

	while (*line) {
		size_t i = 0;

		while (i < COUNT(dirs) && strncmp(line, dirs[i], strlen(dirs[i])) != 0)
			i++;
		if (i < COUNT(dirs)) {
			size_t len = strcspn(line += strlen(dirs[i]), ",]} \n");

			make_file(place, line, len);
			fprintf(out, "%s/%.*s", place->dir, (int)len, line);
			line += len;
		} else if (strncmp(line, "user: xnsd", 10) == 0) {
			fputs("user: root", out);
			line += 10;
		} else if (strncmp(line, "{id: ", 5) == 0 && strstr(line, " file: ")) {
			fputs("{algorithm: hmac-sha256, id: ", out);
			line += 5;
		} else {
			fputc(*line++, out);
		}
	}
}

static void begin_place(struct place *place)
{
	*place = (struct place){.dir = "/tmp/xnsd-test-XXXXXX"};
	assert_non_null(mkdtemp(place->dir));
}

static void end_place(struct place *place)
{
	for (size_t i = 0; i < place->n; i++)
		unlink(place->path[i]);
	rmdir(place->dir);
}

/* The example with all that is commented out, the lists too. */
static void test_example_whole(void **state)
{
	static const struct config_section *const sections[] = {
		&config_root_section,	  &config_server_section, &config_key_section,
		&config_tls_section,	  &config_remote_section, &config_acl_section,
		&config_template_section, &config_zone_section,
	};
	char line[512], word[64], *text = NULL;
	size_t size;
	FILE *in = fopen("docs/xnsd.yaml.example", "r"), *out = open_memstream(&text, &size);
	struct place place;

	(void)state;
	assert_non_null(in);
	begin_place(&place);
	while (fgets(line, sizeof(line), in)) {
		char *hash = line + strspn(line, " ");

		if (hash[0] == '#' && hash[1] != '\n' && (hash[1] != ' ' || hash[2] == ' '))
			memmove(hash, hash + 1, strlen(hash));
		add_line(&place, out, line);
	}
	fclose(in);
	fclose(out);
	struct config *c = parse_good(text);
	assert_int_equal(c->n_keys, 2);
	assert_int_equal(c->n_tls, 3);
	assert_int_equal(c->n_acls, 3);
	assert_int_equal(c->n_templates, 2);
	assert_int_equal(c->n_zones, 3);
	config_free(c);
	for (size_t i = 0; i < COUNT(sections); i++) {
		for (size_t j = 0; j < sections[i]->n_keys + sections[i]->n_more; j++) {
			const char *name =
				j < sections[i]->n_keys
					? sections[i]->keys[j].name
					: sections[i]->more[j - sections[i]->n_keys].name;

			snprintf(word, sizeof(word), "%s:", name);
			if (!strstr(text, word))
				fail_msg("docs/xnsd.yaml.example does not have %s", name);
		}
	}
	free(text);
	end_place(&place);
}

/* A block of a document is a configuration, or a part of one without `server`. */
static void expect_block(struct place *place, const char *what, char *text)
{
	char *whole = NULL, *errors = NULL;
	struct config *config = NULL;
	size_t size;
	FILE *out = open_memstream(&whole, &size);

	if (!strstr(text, "server:"))
		fputs(SERVER, out);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		add_line(place, out, line);
		fputc('\n', out);
	}
	fclose(out);
	if (parse(whole, strlen(whole), &errors, &config) != 0 || errors[0])
		fail_msg("%s:\n%s\n%s", what, whole, errors);
	config_free(config);
	free(errors);
	free(whole);
}

static bool begins_section(const char *line)
{
	static const char *const sections[] = {
		"server:", "keys:", "tls:", "remotes:", "acl:", "templates:"};

	for (size_t i = 0; i < COUNT(sections); i++)
		if (strncmp(line, sections[i], strlen(sections[i])) == 0)
			return true;
	return false;
}

/*
 * Blocks of lines between which there is nothing else, of which the first is that of a section:
 * indented in the README, as they are in the manual.
 */
static void expect_blocks(const char *path, const char *indent, unsigned expect)
{
	char line[512], *text = NULL;
	size_t size, skip = strlen(indent);
	FILE *in = fopen(path, "r"), *block = NULL;
	struct place place;
	unsigned n = 0;

	assert_non_null(in);
	begin_place(&place);
	for (bool more = true; more;) {
		more = fgets(line, sizeof(line), in);
		bool is_code = more && strncmp(line, indent, skip) == 0 && line[skip] != '\n' &&
			       line[0] != '.';

		if (is_code && !block && begins_section(line + skip))
			block = open_memstream(&text, &size);
		if (is_code && block)
			fputs(line + skip, block);
		if (!is_code && block) {
			fclose(block);
			block = NULL;
			expect_block(&place, path, text);
			free(text);
			n++;
		}
	}
	fclose(in);
	end_place(&place);
	if (n != expect)
		fail_msg("%s has %u configurations", path, n);
}

static void test_documents(void **state)
{
	(void)state;
	expect_blocks("README.md", "    ", 4);
	expect_blocks("docs/man/xnsd.yaml.5", "", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_example_defaults),
		cmocka_unit_test(test_example_whole),
		cmocka_unit_test(test_documents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
