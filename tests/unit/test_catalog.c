// SPDX-License-Identifier: GPL-3.0-or-later
/* Catalog zones (RFC 9432) in a real store: which members they have, and which are broken. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "catalog/catalog.h"
#include "zonefile.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define MAP_SIZE ((uint64_t)256 << 20)
#define APEX	 "@ SOA invalid. invalid. 7 60 60 3600 0\n@ NS invalid.\n"
#define GOOD	 APEX "version TXT 2\n"

static struct store *open_store(void)
{
	static const char *const file[] = {"data.mdb", "lock.mdb", "xnsd.lock"};
	char dir[] = "/tmp/xnsd-test-XXXXXX", path[64];
	struct store *store;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(store_open(dir, MAP_SIZE, &store), 0);
	/* Open files need no names: nothing is left however the test ends. */
	for (size_t i = 0; i < COUNT(file); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, file[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
	return store;
}

static void put(struct store *store, const char *apex, const char *text)
{
	struct content *content = zonefile_finished(apex, text, NULL);
	struct store_changes *changes;
	struct store_zone zone;
	struct store_txn *txn;

	assert_int_equal(store_write_begin(store, &txn), 0);
	assert_int_equal(store_zone_add(txn, content_apex(content), &zone), 0);
	assert_int_equal(store_zone_replace(txn, content, &(struct store_limits){0}, 1, &changes),
			 0);
	assert_int_equal(store_write_commit(txn), 0);
	store_changes_free(changes);
	content_free(content);
}

static int read_catalog(struct store *store, const char *apex, struct catalog **ret, char *reason)
{
	knot_dname_storage_t name;
	struct store_txn *txn;
	int err;

	assert_non_null(knot_dname_from_str(name, apex, sizeof(name)));
	knot_dname_to_lower(name);
	memset(reason, 0, CATALOG_REASON_MAX);
	assert_int_equal(store_read_begin(store, &txn), 0);
	err = catalog_read(txn, name, ret, reason);
	store_read_end(txn);
	return err;
}

/* "MEMBER UNIQUE coo=CATALOG groups=A,B;" for each, in their order. */
static char *describe(const struct catalog *catalog)
{
	knot_dname_txt_storage_t name;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < catalog->n; i++) {
		const struct catalog_member *m = &catalog->member[i];

		fprintf(out, "%s", knot_dname_to_str(name, m->apex, sizeof(name)));
		fprintf(out, " %s", knot_dname_to_str(name, m->unique, sizeof(name)));
		if (m->coo)
			fprintf(out, " coo=%s", knot_dname_to_str(name, m->coo, sizeof(name)));
		for (const char *g = m->group; *g; g += strlen(g) + 1)
			fprintf(out, "%s%s", g == m->group ? " groups=" : ",", g);
		fputc(';', out);
	}
	fclose(out);
	return text;
}

static const struct {
	const char *what;
	const char *text; /* of catalog.example */
	const char *expect;
} good_cases[] = {
	{"no members", GOOD, ""},
	{"members, in the order of their names",
	 GOOD
	 "a.zones PTR example.org.\nb.zones PTR a.example.com.\nc.zones PTR Example.COM.\nd.zones PTR .\n",
	 ". d.zones.catalog.example.;example.com. c.zones.catalog.example.;"
	 "a.example.com. b.zones.catalog.example.;example.org. a.zones.catalog.example.;"},
	{"properties, in any spelling",
	 GOOD "U1.ZONES PTR a.\nCOO.u1.zones PTR Other.Example.\nGroup.U1.zones TXT x\n",
	 "a. u1.zones.catalog.example. coo=other.example. groups=x;"},
	{"several groups",
	 GOOD "u.zones PTR a.\ngroup.u.zones TXT \"one\"\ngroup.u.zones TXT \"three\"\n"
	      "group.u.zones TXT \"two words\"\n",
	 "a. u.zones.catalog.example. groups=one,three,two words;"},
	{"a group of several strings, an empty one, one with a NUL",
	 GOOD "a.zones PTR a.\ngroup.a.zones TXT \"on\" \"\" \"e\"\n"
	      "b.zones PTR b.\ngroup.b.zones TXT \"\"\n"
	      "c.zones PTR c.\ngroup.c.zones TXT \"a\\000b\"\ngroup.c.zones TXT c\n",
	 "a. a.zones.catalog.example. groups=one;b. b.zones.catalog.example.;"
	 "c. c.zones.catalog.example. groups=c;"},
	{"what is not ours",
	 GOOD "x.ext TXT global\next TXT y\nzones TXT here\nzones PTR not.a.member.\n"
	      "u.zones PTR a.\nu.zones TXT comment\nx.ext.u.zones TXT z\nserial.u.zones TXT 1\n"
	      "future.u.zones PTR b.\nfuture.u.zones PTR c.\ncoo.u.zones TXT coo\n"
	      "group.u.zones PTR group.\nx.coo.u.zones PTR a.\nx.coo.u.zones PTR b.\n"
	      "other PTR x.\nzonesx PTR x.\nx.zonesx PTR x.\n",
	 "a. u.zones.catalog.example.;"},
	{"properties of no member",
	 GOOD "coo.gone.zones PTR x.\ncoo.gone.zones PTR y.\ngroup.gone.zones TXT g\n"
	      "h.zones TXT only\ngroup.h.zones TXT g\na.zones PTR a.\n",
	 "a. a.zones.catalog.example.;"},
	{"properties are not the neighbour's",
	 GOOD "a.zones PTR a.\nb.zones TXT none\ngroup.b.zones TXT g\ncoo.c.zones PTR x.\n",
	 "a. a.zones.catalog.example.;"},
	{"a unique label of any kind",
	 GOOD "*.zones PTR a.\n\\000\\255.zones PTR b.\nzones.zones PTR c.\ngroup.zones PTR d.\n"
	      "coo.group.zones PTR e.\n",
	 "a. *.zones.catalog.example.;b. \\000\\255.zones.catalog.example.;"
	 "c. zones.zones.catalog.example.;d. group.zones.catalog.example. coo=e.;"},
	{"itself, which is the caller's to refuse", GOOD "a.zones PTR catalog.example.\n",
	 "catalog.example. a.zones.catalog.example.;"},
	{"below a name that is like its own", GOOD "a.zones PTR a.\nzones.b.zones PTR c.\n",
	 "a. a.zones.catalog.example.;"},
};

static void test_good(void **state)
{
	struct store *store = open_store();
	char reason[CATALOG_REASON_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(good_cases); i++) {
		struct catalog *catalog = NULL;
		char *text;

		put(store, "catalog.example", good_cases[i].text);
		if (read_catalog(store, "Catalog.Example", &catalog, reason) != 0)
			fail_msg("%s: broken: %s", good_cases[i].what, reason);
		text = describe(catalog);
		if (strcmp(text, good_cases[i].expect) != 0)
			fail_msg("%s: expected\n%s\ngot\n%s", good_cases[i].what,
				 good_cases[i].expect, text);
		free(text);
		catalog_free(catalog);
	}
	store_close(store);
}

static const struct {
	const char *what;
	const char *text;
	const char *reason; /* begins so */
} broken_cases[] = {
	{"no version", APEX "a.zones PTR a.\n", "it has no version"},
	{"a version of another type", APEX "version A 192.0.2.1\n", "it has no version"},
	{"two versions", GOOD "version TXT 1\n", "it has 2 versions"},
	{"version 1", APEX "version TXT 1\n", "its version is not \"2\""},
	{"version 22", APEX "version TXT 22\n", "its version is not \"2\""},
	{"version 2 and more", APEX "version TXT 2 \"\"\n", "its version is not \"2\""},
	{"version of nothing", APEX "version TXT \"\"\n", "its version is not \"2\""},
	{"a member of two names", GOOD "u.zones PTR a.\nu.zones PTR b.\n",
	 "u.zones.catalog.example. has 2 PTR records, not one"},
	{"two new owners", GOOD "u.zones PTR a.\ncoo.u.zones PTR a.\ncoo.u.zones PTR b.\n",
	 "coo.u.zones.catalog.example. has 2 PTR records, not one"},
	{"a member twice, in another spelling",
	 GOOD "u.zones PTR a.example.\nv.zones PTR b.example.\nw.zones PTR A.Example.\n",
	 "a.example. is a member twice, at "},
};

/* The reason is told; and the same zone mended is good again. */
static void test_broken(void **state)
{
	struct store *store = open_store();
	char reason[CATALOG_REASON_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(broken_cases); i++) {
		const char *expect = broken_cases[i].reason;
		struct catalog *catalog = NULL;

		put(store, "catalog.example", broken_cases[i].text);
		assert_int_equal(read_catalog(store, "catalog.example", &catalog, reason), -EINVAL);
		assert_null(catalog);
		if (strncmp(reason, expect, strlen(expect)) != 0)
			fail_msg("%s: expected\n%s\ngot\n%s", broken_cases[i].what, expect, reason);
		put(store, "catalog.example", GOOD);
		assert_int_equal(read_catalog(store, "catalog.example", &catalog, reason), 0);
		catalog_free(catalog);
	}
	store_close(store);
}

static void test_not_there(void **state)
{
	struct store *store = open_store();
	char reason[CATALOG_REASON_MAX];
	struct catalog *catalog = NULL;
	struct store_zone zone;
	struct store_txn *txn;

	(void)state;
	assert_int_equal(read_catalog(store, "catalog.example", &catalog, reason), -EINVAL);
	assert_string_equal(reason, "it has no content yet");
	assert_int_equal(store_write_begin(store, &txn), 0);
	assert_int_equal(store_zone_add(txn, (const uint8_t *)"\1c", &zone), 0);
	assert_int_equal(store_write_commit(txn), 0);
	assert_int_equal(read_catalog(store, "c", &catalog, reason), -EINVAL);
	assert_string_equal(reason, "it has no content yet");
	store_close(store);
}

/* Catalogs of the longest names: no room for members, or not even for a version. */
static void test_long_names(void **state)
{
	static const unsigned last[] = {61, 55, 54, 53, 52}; /* the apex has 194 + last bytes */
	char apex[256], text[1024], label[64], reason[CATALOG_REASON_MAX];
	struct store *store = open_store();

	(void)state;
	memset(label, 'x', 63);
	label[63] = '\0';
	for (size_t i = 0; i < COUNT(last); i++) {
		struct catalog *catalog = NULL;
		bool fits = 194 + last[i] + 8 <= 255;

		snprintf(apex, sizeof(apex), "%.*s.%s.%s.%s", (int)last[i], label, label, label,
			 label);
		snprintf(text, sizeof(text), "%s", fits ? GOOD : APEX);
		put(store, apex, text);
		assert_int_equal(read_catalog(store, apex, &catalog, reason), fits ? 0 : -EINVAL);
		if (fits)
			assert_int_equal(catalog->n, 0);
		else
			assert_string_equal(reason, "its name is too long to have a version");
		catalog_free(catalog);
	}
	store_close(store);
}

static void test_find(void **state)
{
	struct store *store = open_store();
	char reason[CATALOG_REASON_MAX];
	struct catalog *catalog = NULL;

	(void)state;
	put(store, "c", GOOD);
	assert_int_equal(read_catalog(store, "c", &catalog, reason), 0);
	assert_null(catalog_find(catalog, (const uint8_t *)"\1a"));
	catalog_free(catalog);
	/* libknot's order takes the last two for the same name. */
	put(store, "c",
	    GOOD "1.zones PTR a.\n2.zones PTR .\n3.zones PTR b.a.\n4.zones PTR a\\000b.\n");
	assert_int_equal(read_catalog(store, "c", &catalog, reason), 0);
	for (size_t i = 0; i < catalog->n; i++)
		assert_ptr_equal(catalog_find(catalog, catalog->member[i].apex),
				 &catalog->member[i]);
	assert_null(catalog_find(catalog, (const uint8_t *)"\1b"));
	assert_null(catalog_find(catalog, (const uint8_t *)"\1c\1b\1a"));
	catalog_free(catalog);
	store_close(store);
}

static void test_template(void **state)
{
	const struct config_zone first = {.name = "first"}, second = {.name = "second"},
				 third = {.name = "third"};
	const struct config_zone *templates[] = {&first, &second, &third};
	const struct config_zone zone = {.catalog_templates = templates, .n_catalog_templates = 3};
	static const struct {
		const char *groups; /* with the final empty one */
		unsigned expect;
	} cases[] = {
		{"\0", 0},	  {"second\0", 1},	   {"first\0", 0},
		{"unknown\0", 0}, {"unknown\0third\0", 2}, {"third\0second\0", 2},
		{"Second\0", 0},  {"secon\0", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct catalog_member member = {.group = cases[i].groups};

		assert_ptr_equal(catalog_template(&member, &zone), templates[cases[i].expect]);
	}
	assert_null(catalog_template(&(struct catalog_member){.group = "x\0"},
				     &(struct config_zone){0}));
}

static void test_many(void **state)
{
	enum {
		N = 20000
	};
	struct store *store = open_store();
	char reason[CATALOG_REASON_MAX];
	struct catalog *catalog = NULL;
	struct timespec before, after;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fputs(GOOD, out);
	for (unsigned i = 0; i < N; i++)
		fprintf(out, "u%u.zones PTR z%u.example.\ngroup.u%u.zones TXT g%u\n", i * 7919 % N,
			i, i * 7919 % N, i % 10);
	fclose(out);
	put(store, "catalog.example", text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_int_equal(read_catalog(store, "catalog.example", &catalog, reason), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_int_equal(catalog->n, N);
	for (size_t i = 0; i < N; i++) {
		unsigned number = strtoul((const char *)catalog->member[i].apex + 2, NULL, 10);

		assert_int_equal(catalog->member[i].group[1], '0' + number % 10);
		assert_ptr_equal(catalog_find(catalog, catalog->member[i].apex),
				 &catalog->member[i]);
	}
	assert_true(after.tv_sec - before.tv_sec < 5);
	catalog_free(catalog);
	free(text);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	  cmocka_unit_test(test_broken),
		cmocka_unit_test(test_not_there), cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_find),	  cmocka_unit_test(test_template),
		cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
