/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Serial after serial, by the way that the agent takes (content, store, images, publication), the
 * maps are those of a fresh publication, byte for byte: thousands of serials of small zones with
 * made-up signatures, some of small and large ones that BIND's tools have signed. The maps are in
 * memory; tests/packet/test_takeover.c does so with the kernel's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/world.h"
#include "packet/sign.h"
#include "zonefile.h"

#define LIVES	     400 /* of a zone: */
#define SERIALS	     8
#define RECORDS	     40
#define LARGE	     10000 /* names */
#define LARGE_EDITED 25

static const __u64 key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

struct fixture {
	char dir[64];
	struct store *store;
	struct world world;
};

static void fixture_open(struct fixture *f, const char *const *names)
{
	strcpy(f->dir, "/tmp/xnsd-incremental-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(store_open(f->dir, (uint64_t)1 << 30, &f->store), 0);
	world_open(&f->world, f->store, names);
	f->world.room = 1; /* so that they grow all the time */
}

static void fixture_close(struct fixture *f)
{
	char command[80];

	world_close(&f->world);
	store_close(f->store);
	snprintf(command, sizeof(command), "rm -r %s", f->dir);
	assert_int_equal(system(command), 0);
}

static void publish_and_compare(struct fixture *f, struct content **content, size_t n,
				const char *what)
{
	const char *where;

	world_publish(&f->world, content, n);
	for (size_t i = 0; i < n; i++)
		content_free(content[i]);
	where = world_difference(&f->world);
	if (where)
		fail_msg("%s: the map %s is not as a fresh publication makes it", what, where);
}

/* ---- made-up signatures ---- */

static uint32_t seed = 2026;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % n;
}

static const char *random_name(void)
{
	static const char *const name[] = {"@",	  "a",	  "b",	   "*",	    "a.a",   "*.a", "b.a",
					   "c.b", "x.*",  "*.b",   "d",	    "x.d",   "e",   "x.e",
					   "kid", "ns.b", "f.ent", "*.ent", "y.x.e", "ns"};

	return name[random_below(sizeof(name) / sizeof(name[0]))];
}

/* Names have CNAME or DNAME for good, by their letters, so that any mixture makes a zone. */
static void random_record(char *ret, size_t size)
{
	const char *owner = random_name(), *target = random_name();
	unsigned sum = 0, n = random_below(4);

	for (const char *c = owner; *c; c++)
		sum = sum * 5 + *c;
	if (sum % 4 == 1) {
		snprintf(ret, size, "%s CNAME %s\n", owner, target);
		return;
	}
	switch (random_below(8)) {
	case 0:
		if (sum % 4 == 2) {
			snprintf(ret, size, "%s DNAME b\n", owner);
			return;
		}
		/* fall through */
	case 1:
		snprintf(ret, size, "%s NS %s\n", owner, target);
		return;
	case 2:
		if (strcmp(owner, "@") != 0) {
			snprintf(ret, size, "%s DS %u 13 2 %064u\n", owner, n, n);
			return;
		}
		/* fall through */
	case 3:
		snprintf(ret, size, "%s MX %u %s\n", owner, n, target);
		return;
	case 4:
		snprintf(ret, size, "%s TXT %0*u %0*u\n", owner, 200, n, 200, n);
		return;
	default:
		snprintf(ret, size, "%s A 192.0.2.%u\n", owner, n);
	}
}

/* A second CNAME of its owner? */
static bool is_second_cname(const char *text, const char *record)
{
	const char *type = strstr(record, " CNAME ");
	char start[64];

	if (!type)
		return false;
	snprintf(start, sizeof(start), "\n%.*s CNAME ", (int)(type - record), record);
	return strstr(text, start);
}

static struct content *make_version(char record[RECORDS][512], const char *apex, enum sign how,
				    unsigned serial, uint32_t stamp)
{
	static char text[RECORDS * 512 + 100];
	int at = sprintf(text, "@ 300 SOA ns host %u 3 4 5 60\n@ NS ns\n", serial);

	for (int i = 0; i < RECORDS; i++)
		if (!is_second_cname(text, record[i]))
			at += sprintf(text + at, "%s", record[i]);
	return sign_content(apex, text, how, stamp);
}

static void live(struct fixture *f, enum sign how)
{
	static const char *const apex[] = {"z.test.", "kid.z.test."};
	char record[2][RECORDS][512] = {0};

	world_begin(&f->world, key);
	for (unsigned serial = 1; serial <= SERIALS; serial++) {
		unsigned edits = serial == 1 ? RECORDS : random_below(5),
			 zones = 1 + random_below(2);
		uint32_t stamp = random_below(4) ? 0 : serial;
		struct content *content[2];
		char what[64];

		for (unsigned z = 0; z < zones; z++) {
			for (unsigned i = 0; i < edits; i++) {
				char *edited = record[z][random_below(RECORDS)];

				edited[0] = '\0';
				if (random_below(3))
					random_record(edited, sizeof(record[z][0]));
			}
			content[z] = make_version(record[z], apex[z], how, serial, stamp);
		}
		snprintf(what, sizeof(what), "signed %u, serial %u", how, serial);
		publish_and_compare(f, content, zones, what);
		if (random_below(6) == 0)
			how = random_below(SIGN_KINDS);
	}
	world_end(&f->world);
}

static void test_small(void **state)
{
	static const char *const names[] = {"z.test.", "kid.z.test.", NULL};
	struct fixture f;

	(void)state;
	fixture_open(&f, names);
	for (int i = 0; i < LIVES; i++)
		live(&f, i % SIGN_KINDS);
	fixture_close(&f);
}

/* ---- signed by BIND's tools ---- */

/* Same keys and times, RSA: a signature changes only when what it covers does. */
#define SIGN                                                                                 \
	"cd %s && { [ -e Kkeys ] || { for flag in '' '-f KSK'; do dnssec-keygen -q -K . "    \
	"-a RSASHA256 -b 1024 $flag large.test || exit 1; done >Kkeys; }; } && "             \
	"cat K*.key >>zone && dnssec-signzone -q -P -s 20250101000000 -e 20380101000000 -K " \
	". -o large.test -O full %s -f signed zone $(cat Kkeys) >log 2>&1 || { cat log; exit 1; }"

static void write_name(FILE *file, unsigned i, unsigned version)
{
	if (i % 10 == 0)
		fprintf(file, "c%u NS ns.c%u\nns.c%u A 192.0.2.1\n", i, i, i);
	else if (i % 31 == 0)
		fprintf(file, "c%u NS ns\nc%u DS %u 13 2 %064u\n", i, i, version & 0xffff, i);
	else if (i % 37 == 0)
		fprintf(file, "n%u CNAME n%u\n", i, i + version);
	else if (i % 41 == 0)
		fprintf(file, "*.n%u.ent%u A 192.0.2.%u\n", i, i, version % 250);
	else
		fprintf(file, "n%u A 192.0.2.%u\n", i, version % 250);
}

/* names: how many; version[i]: of each, 0: it is not there. */
static struct content *sign_with_tools(struct fixture *f, const unsigned *version, unsigned names,
				       unsigned serial, const char *options)
{
	char path[128], command[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/zone", f->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
		"$TTL 300\n$ORIGIN large.test.\n@ SOA ns host %u 3 4 5 60\n@ NS ns\nns A 192.0.2.1\n",
		serial);
	for (unsigned i = 0; i < names; i++)
		if (version[i])
			write_name(file, i, version[i]);
	fclose(file);
	snprintf(command, sizeof(command), SIGN, f->dir, options);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/signed", f->dir);
	return zonefile_finished("large.test.", NULL, path);
}

static void with_tools(unsigned names, unsigned edits, const char *const *options)
{
	static const char *const held[] = {"large.test.", NULL};
	unsigned *version = calloc(names, sizeof(*version));
	struct fixture f;

	assert_non_null(version);
	fixture_open(&f, held);
	world_begin(&f.world, key);
	for (unsigned i = 0; i < names; i++)
		version[i] = i % 5 > 0;
	for (unsigned serial = 1; options[serial - 1]; serial++) {
		const char *how = options[serial - 1];
		struct content *content;

		for (unsigned i = 0; serial > 1 && i < edits; i++)
			version[random_below(names)] = random_below(3) ? serial : 0;
		content = sign_with_tools(&f, version, names, serial, how);
		publish_and_compare(&f, &content, 1, how);
	}
	world_end(&f.world);
	fixture_close(&f);
	free(version);
}

/* Between NSEC and NSEC3, salts, opt-out. */
static void test_small_with_tools(void **state)
{
	static const char *const options[] = {
		"",	   "",		 "-3 -",       "-3 -",	     "-3 beef",	   "-3 beef",
		"-3 cafe", "-3 cafe -A", "-3 cafe -A", "-3 - -A",    "",	   "-3 - -H 3",
		"-3 -",	   "-3 -",	 "-3 0123 -A", "-3 0123 -A", "-3 0123 -A", NULL,
	};

	(void)state;
	with_tools(100, 8, options);
}

static void test_large_nsec(void **state)
{
	static const char *const options[] = {"", "", "", NULL};

	(void)state;
	with_tools(LARGE, LARGE_EDITED, options);
}

static void test_large_nsec3(void **state)
{
	static const char *const options[] = {"-3 -", "-3 -", "-3 aa -A", "-3 aa -A", NULL};

	(void)state;
	with_tools(LARGE, LARGE_EDITED, options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_small_with_tools),
		cmocka_unit_test(test_large_nsec),
		cmocka_unit_test(test_large_nsec3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
