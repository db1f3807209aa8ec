// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "store/content.h"
#include "store/key.h"
#include "store/value.h"
#include "zonefile.h"

#define SOA  "@ SOA ns hostmaster 7 3600 900 86400 300\n"
#define APEX SOA "@ NS ns\n"

static const struct {
	const char *what, *zone, *reason; /* reason NULL: taken */
} finish_table[] = {
	{"smallest", APEX, NULL},
	{"no records", "", "no SOA"},
	{"no SOA", "@ NS ns\n", "no SOA"},
	{"no NS", SOA, "no NS"},
	{"NS not at the apex", SOA "sub NS ns\n", "no NS"},
	{"two SOAs", APEX "@ SOA ns hostmaster 8 3600 900 86400 300\n", "more than one SOA"},
	{"the same SOA twice", APEX SOA, NULL},
	{"SOA below the apex", APEX "sub SOA ns hostmaster 8 3600 900 86400 300\n",
	 "sub.example.: SOA below"},
	{"CNAME alone", APEX "c CNAME d\n", NULL},
	{"CNAME and A", APEX "c CNAME d\nx A 192.0.2.1\nc A 192.0.2.1\n",
	 "c.example.: CNAME beside"},
	{"CNAME and MX, other spelling", APEX "c CNAME d\nC MX 1 d\n", "c.example.: CNAME beside"},
	{"CNAME, NSEC and RRSIG",
	 APEX
	 "c CNAME d\nc NSEC d CNAME\nc RRSIG CNAME 5 2 1 20300101000000 20200101000000 1 . AAAA\n",
	 NULL},
	{"two CNAMEs", APEX "c CNAME d\nc CNAME e\n", "more than one CNAME"},
	{"the same CNAME twice", APEX "c CNAME d\nc CNAME d\n", NULL},
	{"two DNAMEs", APEX "c DNAME d\nc DNAME e\n", "more than one DNAME"},
	{"DNAME at the apex", APEX "@ DNAME d.test.\n", NULL},
	{"DNAME beside NS", APEX "c DNAME d\nc NS d\n", "c.example.: DNAME beside NS"},
	{"a name below a DNAME", APEX "c DNAME d\nc0 A 192.0.2.1\nx.y.c A 192.0.2.1\n",
	 "x.y.c.example.: below the DNAME of c.example."},
	{"a name below a DNAME at the apex", APEX "@ DNAME d.test.\n\\000 A 192.0.2.1\n",
	 "\\000.example.: below the DNAME of example."},
	{"NSEC3 below a DNAME at the apex",
	 APEX "@ DNAME d.test.\nx NSEC3 1 0 0 - 00000000000000000000000000000000 A\n", NULL},
	{"two spellings of a CNAME", APEX "c CNAME d\nc CNAME D\n", NULL},
};

static void test_finish(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(finish_table) / sizeof(finish_table[0]); i++) {
		struct content *content = zonefile_content("example.", finish_table[i].zone, NULL);
		char reason[200] = "";
		int ret = content_finish(content, reason, sizeof(reason));

		if (!finish_table[i].reason && ret != 0)
			fail_msg("%s: %s", finish_table[i].what, reason);
		if (finish_table[i].reason &&
		    (ret != -EINVAL || !strstr(reason, finish_table[i].reason)))
			fail_msg("%s: %d %s", finish_table[i].what, ret, reason);
		content_free(content);
	}
}

static const struct {
	const char *what;
	uint16_t type, rclass;
	const char *owner, *data;
	size_t len;
	int expect;
} add_table[] = {
	{"A", 1, 1, "a.example.", "\1\2\3\4", 4, 0},
	{"owner's case", 1, 1, "A.EXAMPLE.", "\1\2\3\4", 4, 0},
	{"the apex", 1, 1, "example.", "\1\2\3\4", 4, 0},
	{"outside", 1, 1, "example.com.", "\1\2\3\4", 4, -EXDEV},
	{"above", 1, 1, ".", "\1\2\3\4", 4, -EXDEV},
	{"looks like inside", 1, 1, "badexample.", "\1\2\3\4", 4, -EXDEV},
	{"class", 1, 3, "a.example.", "\1\2\3\4", 4, -EBADMSG},
	{"A too short", 1, 1, "a.example.", "\1\2\3", 3, -EBADMSG},
	{"A too long", 1, 1, "a.example.", "\1\2\3\4\5", 5, -EBADMSG},
	{"A empty", 1, 1, "a.example.", "", 0, -EBADMSG},
	{"CNAME", 5, 1, "a.example.", "\1b", 3, 0},
	{"CNAME not whole", 5, 1, "a.example.", "\1b", 2, -EBADMSG},
	{"CNAME empty", 5, 1, "a.example.", "", 0, -EBADMSG},
	{"CNAME and more", 5, 1, "a.example.", "\1b\0", 4, -EBADMSG},
	{"CNAME with a pointer", 5, 1, "a.example.", "\1b\300\0", 4, -EBADMSG},
	{"MX too short", 15, 1, "a.example.", "\0\1", 2, -EBADMSG},
	{"SOA too short", 6, 1, "example.", "\0\0\0\0\0\0", 6, -EBADMSG},
	{"RRSIG too short", 46, 1, "a.example.", "\0\1", 2, -EBADMSG},
	{"NSEC3", 50, 1, "a.example.", "\1\0\0\0\1\xaa\1\xbb", 8, 0},
	{"NSEC3 salt too long", 50, 1, "a.example.", "\1\0\0\0\3\xaa\1\xbb", 8, -EBADMSG},
	{"NSEC3 hash too long", 50, 1, "a.example.", "\1\0\0\0\1\xaa\2\xbb", 8, -EBADMSG},
	{"NSEC3 four bytes", 50, 1, "a.example.", "\1\0\0\0", 4, -EBADMSG},
	{"SVCB", 64, 1, "a.example.", "\0\1\1b\0\0\3\0\2\1\273", 11, 0},
	{"HTTPS of itself", 65, 1, "a.example.", "\0\1\0", 3, 0},
	{"SVCB without a target", 64, 1, "a.example.", "\0\1", 2, -EBADMSG},
	{"SVCB target not whole", 64, 1, "a.example.", "\0\1\1b", 4, -EBADMSG},
	{"HTTPS target with a long label", 65, 1, "a.example.", "\0\1\157cm\0", 6, -EBADMSG},
	{"HTTPS target with a pointer", 65, 1, "a.example.", "\0\1\300\14", 4, -EBADMSG},
	{"MF", 4, 1, "a.example.", "\1b", 3, 0},
	{"MF that is no name", 4, 1, "a.example.", "\377b", 3, -EBADMSG},
	{"MF empty", 4, 1, "a.example.", "", 0, -EBADMSG},
	{"unknown type, empty", 65280, 1, "a.example.", "", 0, 0},
	{"type 0", 0, 1, "a.example.", "", 0, -EBADMSG},
	{"OPT", 41, 1, "a.example.", "", 0, -EBADMSG},
	{"ANY", 255, 1, "a.example.", "", 0, -EBADMSG},
	{"TSIG", 250, 1, "a.example.", "", 0, -EBADMSG},
};

static void test_add(void **state)
{
	struct content *content = content_new((const uint8_t *)"\7example");

	(void)state;
	for (size_t i = 0; i < sizeof(add_table) / sizeof(add_table[0]); i++) {
		knot_dname_t *owner = knot_dname_from_str_alloc(add_table[i].owner);
		knot_rrset_t rr;
		int ret;

		knot_rrset_init(&rr, owner, add_table[i].type, add_table[i].rclass, 60);
		assert_int_equal(knot_rrset_add_rdata(&rr, (const uint8_t *)add_table[i].data,
						      add_table[i].len, NULL),
				 0);
		ret = content_add(content, &rr);
		if (ret != add_table[i].expect)
			fail_msg("%s: %d", add_table[i].what, ret);
		knot_rrset_clear(&rr, NULL);
	}
	content_free(content);
}

/* A record of 65280 bytes or so is carried; two of 40000 are not. */
static void test_size(void **state)
{
	static const struct {
		unsigned len, n;
		int expect;
	} table[] = {{65000, 1, 0},
		     {65535, 1, -EINVAL},
		     {40000, 2, -EINVAL},
		     {4, 4091, 0},
		     {4, 4100, -EINVAL}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct content *content = zonefile_content("example.", APEX, NULL);
		uint8_t *data = calloc(1, 65536);
		char reason[100];

		for (uint32_t k = 0; k < table[i].n; k++) {
			knot_rrset_t rr;

			memcpy(data, &k, sizeof(k));
			knot_rrset_init(&rr, (knot_dname_t *)"\1x\7example", 65280, KNOT_CLASS_IN,
					60);
			assert_int_equal(knot_rrset_add_rdata(&rr, data, table[i].len, NULL), 0);
			assert_int_equal(content_add(content, &rr), 0);
			knot_rdataset_clear(&rr.rrs, NULL);
		}
		if (content_finish(content, reason, sizeof(reason)) != table[i].expect)
			fail_msg("%u of %u", table[i].n, table[i].len);
		free(data);
		content_free(content);
	}
}

/* Any order of the records gives the same nodes: sorted, merged, lowest TTL, owners lower-cased,
 * rdata as spelled. */
static void test_order(void **state)
{
	static const char *const line[] = {
		SOA,
		"@ NS ns\n",
		"b 300 A 192.0.2.2\n",
		"b 60 A 192.0.2.1\n",
		"b 300 A 192.0.2.1\n",
		"a.b MX 5 Mail\n",
		"B AAAA ::1\n",
		"a NSEC3 1 0 0 - 00000000000000000000000000000000 A\n",
		"a TXT \"x\"\n",
		"\\000.b A 192.0.2.9\n",
	};
	enum {
		N = sizeof(line) / sizeof(line[0])
	};
	uint8_t first[4096];
	size_t first_len = 0;

	(void)state;
	srandom(1);
	for (int round = 0; round < 200; round++) {
		int at[N];
		struct content *content = zonefile_content("example.", "", NULL);
		uint8_t all[4096];
		size_t len = 0;

		for (int i = 0; i < N; i++) {
			int k = round ? random() % (i + 1) : i;

			at[i] = at[k];
			at[k] = i;
		}
		for (int i = 0; i < N; i++)
			zonefile_add(content, line[at[i]], NULL);
		assert_int_equal(content_records(content), N);
		assert_int_equal(content_finish(content, NULL, 0), 0);
		assert_int_equal(content_records_merged(content), N - 1);
		assert_int_equal(content_serial(content), 7);
		assert_int_equal(content_nodes(content), 6);
		for (size_t i = 0; i < content_nodes(content); i++) {
			struct content_node node;

			content_node(content, i, &node);
			assert_int_equal(node.nsec3, i == 5);
			memcpy(all + len, node.key, node.key_len);
			len += node.key_len;
			len += content_node_value(content, i, all + len, sizeof(all) - len);
			assert_true(len <= sizeof(all));
		}
		if (round == 0) {
			memcpy(first, all, len);
			first_len = len;
		}
		assert_int_equal(len, first_len);
		assert_memory_equal(all, first, len);
		content_free(content);
	}
}

static void random_name(knot_dname_storage_t name)
{
	static const uint8_t some[] = {0, 1, 2, 'a', 'A', 'b', 'z', 'Z', '[', '@', '-', '*', 0xff};
	unsigned len = 0, label;

	do {
		label = random() % 10 == 0 ? random() % 64 : random() % 4;
		if (len + label + 2 > KNOT_DNAME_MAXLEN)
			label = 0;
		name[len++] = label;
		for (unsigned i = 0; i < label; i++)
			name[len++] = random() % 3 ? some[random() % sizeof(some)] : random();
	} while (label > 0);
}

/* RFC 4034 §6.1 word for word: knot_dname_cmp is wrong for labels with a zero byte. Lower case. */
static int canonical_cmp(const knot_dname_t *a, const knot_dname_t *b)
{
	const uint8_t *la[128], *lb[128];
	int na = 0, nb = 0;

	for (; *a; a += *a + 1)
		la[na++] = a;
	for (; *b; b += *b + 1)
		lb[nb++] = b;
	while (na > 0 && nb > 0) {
		const uint8_t *x = la[--na], *y = lb[--nb];
		int cmp = memcmp(x + 1, y + 1, *x < *y ? *x : *y);

		if (cmp || *x != *y)
			return cmp ? cmp : (int)*x - (int)*y;
	}
	return na - nb;
}

/* Keys compare as bytes like names in canonical order, and lead back to the name. */
static void test_key_order(void **state)
{
	knot_dname_storage_t a, b, back;
	uint8_t ka[KEY_NAME_MAX], kb[KEY_NAME_MAX];

	(void)state;
	srandom(2);
	for (int i = 0; i < 100000; i++) {
		size_t la, lb;
		int cmp, expect;

		random_name(a);
		if (random() % 4)
			random_name(b);
		else /* an ancestor */
			memcpy(b, a[0] ? a + 1 + a[0] : a,
			       knot_dname_size(a[0] ? a + 1 + a[0] : a));
		la = key_from_name(a, ka);
		lb = key_from_name(b, kb);
		assert_true(la <= KEY_NAME_MAX && lb <= KEY_NAME_MAX);
		cmp = memcmp(ka, kb, la < lb ? la : lb);
		cmp = cmp ? cmp : (int)la - (int)lb;
		knot_dname_to_lower(a);
		knot_dname_to_lower(b);
		expect = canonical_cmp(a, b);
		assert_true((cmp < 0) == (expect < 0) && (cmp == 0) == (expect == 0));
		/* prefix = ancestor */
		assert_int_equal(la >= lb && memcmp(ka, kb, lb) == 0,
				 knot_dname_in_bailiwick(a, b) >= 0);
		assert_int_equal(key_to_name(ka, la, back), knot_dname_size(a));
		assert_true(knot_dname_is_equal(a, back));
	}
}

/* Bytes that are no key do not crash and do not give a name that is no name. */
static void test_key_bad(void **state)
{
	knot_dname_storage_t name;

	(void)state;
	srandom(3);
	for (int i = 0; i < 100000; i++) {
		uint8_t *key = malloc(512);
		size_t len = random() % 512;
		int ret;

		for (size_t k = 0; k < len; k++)
			key[k] = random() % 8 ? random() % 3 + 1 : random() % 2;
		ret = key_to_name(key, len, name);
		if (ret >= 0)
			assert_int_equal(knot_dname_wire_check(name, name + sizeof(name), NULL),
					 ret);
		free(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finish),	  cmocka_unit_test(test_add),
		cmocka_unit_test(test_size),	  cmocka_unit_test(test_order),
		cmocka_unit_test(test_key_order), cmocka_unit_test(test_key_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
