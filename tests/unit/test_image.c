/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images: what is packed where; and the property that everything rests on: entries brought along
 * change by change are the same bytes as entries made at once from the last version (random small
 * zones, random changes).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/internal.h"
#include "random_zone.h"
#include "zonefile.h"

#define ROUNDS 400
#define STEPS  8

static const __u64 sip[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
static struct xns_key key;

/* ---- a store in a directory of its own ---- */

struct fixture {
	char dir[64];
	struct store *store;
};

static void fixture_open(struct fixture *f)
{
	strcpy(f->dir, "/tmp/xnsd-test-image-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(store_open(f->dir, 64 << 20, &f->store), 0);
}

static void fixture_close(struct fixture *f)
{
	char command[128];

	store_close(f->store);
	snprintf(command, sizeof(command), "rm -r %s", f->dir);
	assert_int_equal(system(command), 0);
}

/* Commits a version of the zone. */
static struct store_changes *commit(struct fixture *f, const struct content *content)
{
	struct store_changes *changes;
	struct store_zone zone;
	struct store_txn *txn;

	assert_int_equal(store_write_begin(f->store, &txn), 0);
	assert_int_equal(store_zone_add(txn, content_apex(content), &zone), 0);
	assert_int_equal(
		store_zone_replace(txn, content, &(struct store_limits){0}, 1000, &changes), 0);
	assert_int_equal(store_write_commit(txn), 0);
	return changes;
}

/* ---- a model of the maps: names with their pages and outside images ---- */

struct model_name {
	knot_dname_t *name;
	size_t len;
	uint8_t *bytes;
};

struct model {
	struct model_name *at;
	size_t n;
};

static void model_free(struct model *m)
{
	for (size_t i = 0; i < m->n; i++) {
		knot_dname_free(m->at[i].name, NULL);
		free(m->at[i].bytes);
	}
	free(m->at);
	*m = (struct model){0};
}

static size_t model_slot(const struct model *m, const knot_dname_t *name)
{
	size_t i = 0;

	while (i < m->n && knot_dname_cmp(m->at[i].name, name) < 0)
		i++;
	return i;
}

static void model_set(struct model *m, const knot_dname_t *name, const struct image_node *node)
{
	size_t i = model_slot(m, name), len = node->n_pages * sizeof(*node->page), at;
	bool there = i < m->n && knot_dname_is_equal(m->at[i].name, name);

	if (node->n_pages == 0) {
		if (!there)
			return;
		knot_dname_free(m->at[i].name, NULL);
		free(m->at[i].bytes);
		memmove(&m->at[i], &m->at[i + 1], (--m->n - i) * sizeof(*m->at));
		return;
	}
	if (!there) {
		m->at = realloc(m->at, (m->n + 1) * sizeof(*m->at));
		memmove(&m->at[i + 1], &m->at[i], (m->n++ - i) * sizeof(*m->at));
		m->at[i] = (struct model_name){.name = knot_dname_copy(name, NULL)};
	}
	for (size_t b = 0; b < node->n_blobs; b++)
		len += sizeof(node->blob[b].key) + node->blob[b].len;
	m->at[i].bytes = realloc(m->at[i].bytes, len);
	m->at[i].len = len;
	at = node->n_pages * sizeof(*node->page);
	memcpy(m->at[i].bytes, node->page, at);
	for (size_t b = 0; b < node->n_blobs; b++) {
		size_t blob_len = node->blob[b].len;

		memcpy(m->at[i].bytes + at, &node->blob[b].key, sizeof(node->blob[b].key));
		memcpy(m->at[i].bytes + at + sizeof(node->blob[b].key), node->blob[b].value,
		       blob_len);
		at += sizeof(node->blob[b].key) + blob_len;
	}
}

struct building {
	struct image_builder *builder;
	struct model *model;
};

static int build_into(const knot_dname_t *name, void *ctx)
{
	struct building *b = ctx;
	const struct image_node *node;

	assert_int_equal(image_build(b->builder, name, &node), 0);
	model_set(b->model, name, node);
	return 0;
}

static size_t n_ahead; /* names that were built without the store */

static int set_built(const knot_dname_t *name, const struct image_node *node, void *ctx)
{
	struct building *b = ctx;

	model_set(b->model, name, node);
	return 0;
}

/* ---- random zones ---- */

static bool same_models(const struct model *a, const struct model *b, char *why)
{
	for (size_t i = 0; i < a->n || i < b->n; i++) {
		const struct model_name *x = i < a->n ? &a->at[i] : NULL,
					*y = i < b->n ? &b->at[i] : NULL;

		if (x != NULL && y != NULL && knot_dname_is_equal(x->name, y->name) &&
		    x->len == y->len && memcmp(x->bytes, y->bytes, x->len) == 0)
			continue;
		knot_dname_to_str(why, x != NULL ? x->name : y->name, KNOT_DNAME_TXT_MAXLEN);
		return false;
	}
	return true;
}

/* The zone as one walk has it, and as two do: one over the content, then one over the store for
 * what is left. */
static void build_fresh(struct image_builder *builder, struct store_txn *txn,
			const struct image_zone *zone, const struct content *content,
			struct model *ret_once, struct model *ret_twice)
{
	const struct store_zone early = {.id = zone->stored->id,
					 .is_signed = content_is_signed(content)};
	struct image_zone early_zone = {.stored = &early, .apex = zone->apex};
	struct building once = {.model = ret_once}, twice = {.model = ret_twice};
	struct image_later later = {0};

	image_builder_zone(builder, NULL, &early_zone);
	assert_int_equal(image_build_ahead(builder, content, set_built, &twice, &later), 0);
	n_ahead += ret_twice->n;
	image_builder_zone(builder, txn, zone);
	assert_int_equal(image_build_later(builder, content, &later, set_built, &twice), 0);
	free(later.node);
	assert_int_equal(image_build_each(builder, set_built, &once), 0);
}

/* One version more: what changed is built into model, name by name; everything into fresh ones. */
static void step_version(struct fixture *f, struct image_builder *builder,
			 struct random_version *version, unsigned serial, struct model *model,
			 bool first)
{
	static char before[RANDOM_TEXT];
	struct model fresh = {0}, twice = {0};
	struct building building = {.builder = builder, .model = model};
	char why[KNOT_DNAME_TXT_MAXLEN + 1];
	char *text = random_text(version, serial);
	struct content *content = zonefile_finished("z.", text, NULL);
	struct store_changes *changes = commit(f, content);
	struct image_names names;
	struct store_txn *txn;
	struct image_zone zone = {.stored = &changes->new_zone, .apex = (const uint8_t *)"\1z"};

	assert_int_equal(store_read_begin(f->store, &txn), 0);
	image_builder_zone(builder, txn, &zone);
	if (first) { /* whatever the round before left */
		assert_int_equal(
			image_each_name(txn, zone.stored, zone.apex, build_into, &building), 0);
	} else {
		assert_int_equal(image_affected(txn, zone.apex, changes, &names), 0);
		for (size_t i = 0; i < names.n; i++)
			build_into(names.name[i], &building);
		image_names_free(&names);
	}
	build_fresh(builder, txn, &zone, content, &fresh, &twice);
	if (!same_models(&fresh, &twice, why))
		fail_msg("serial %u: %s differs in two walks over\n%s", serial, why, text);
	if (!same_models(model, &fresh, why))
		fail_msg("serial %u: %s differs from a fresh build of\n%s\nbefore it was\n%s",
			 serial, why, text, before);
	strcpy(before, text);
	store_read_end(txn);
	store_changes_free(changes);
	content_free(content);
	model_free(&fresh);
	model_free(&twice);
}

static void test_incremental_is_fresh(void **state)
{
	struct image_builder *builder = image_builder_new(&key);
	unsigned rounds = getenv("ROUNDS") ? (unsigned)atoi(getenv("ROUNDS")) : ROUNDS;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	for (unsigned round = 0; round < rounds; round++) {
		struct random_version version;
		struct model model = {0};

		random_seed = round;
		random_zone(&version);
		for (unsigned step = 0; step < STEPS; step++) {
			step_version(&f, builder, &version, round * STEPS + step + 1, &model,
				     step == 0);
			random_change(&version);
		}
		model_free(&model);
	}
	assert_true(n_ahead > rounds);
	image_builder_free(builder);
	fixture_close(&f);
}

/* ---- single nodes ---- */

struct node_case {
	const char *what, *zone, *name;
	unsigned pages;
	uint8_t flags;	   /* of page 0, without MORE */
	const char *types; /* over all pages, in order; i inline, t tiny, s small, l large, p pass;
			    * - may be trimmed, + for DO=1 */
};

#define HEAD "z. 60 SOA ns.z. admin.z. 1 60 60 600 30\nz. 60 NS ns.else.\n"

#define T100	  "\"" T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 "\" "
#define T10	  "0123456789"
#define KEY_ALONE "z. 60 DNSKEY 257 3 13 AAAA\n"
#define KEY	  KEY_ALONE SIG("z.", "DNSKEY", "1")
#define SIG(owner, type, labels) \
	owner " 60 RRSIG " type " 13 " labels " 60 20300101000000 20200101000000 1 z. AAAA\n"

static const struct node_case node_cases[] = {
	{"one address", HEAD "a.z. A 192.0.2.1", "a.z.", 1, 0, "1i 255i"},
	{"two addresses", HEAD "a.z. A 192.0.2.1\na.z. AAAA ::1", "a.z.", 1, 0, "1i 28i 255i"},
	{"the large one outside",
	 HEAD "a.z. A 192.0.2.1\na.z. AAAA ::1\na.z. TXT 012345678901234567890123456789", "a.z.", 1,
	 0, "1i 16t 28i 255i"},
	{"addresses come first",
	 HEAD "a.z. AAAA ::1\na.z. TXT 1\na.z. TYPE65280 \\# 1 00\na.z. CAA 0 a b", "a.z.", 1, 0,
	 "16t 28i 255t 257t 65280t"},
	{"six types: two pages",
	 HEAD "a.z. A 192.0.2.1\na.z. TYPE65280 \\# 1 00\na.z. TYPE65281 \\# 1 00\n"
	      "a.z. TYPE65282 \\# 1 00\na.z. TYPE65283 \\# 1 00",
	 "a.z.", 2, 0, "1i 255i 65280i 65281i 65282t 65283i"},
	{"sizes outside",
	 HEAD "a.z. A 192.0.2.1\na.z. TXT " T100 T100 "\na.z. SPF " T100 T100 T100 T100 T100,
	 "a.z.", 1, 0, "1i 16s 99l 255i"},
	{"too large",
	 HEAD "a.z. TXT " T100 T100 T100 T100 T100 T100 T100 T100 T100 T100 T100 T100 T100 T100 T100
		 T100 T100 T100 T100 T100,
	 "a.z.", 1, 0, "16p 255p"},
	{"no such name", HEAD, "a.z.", 0, 0, ""},
	{"empty non-terminal", HEAD "b.a.z. A 192.0.2.1", "a.z.", 1, 0, ""},
	{"wildcard below", HEAD "*.a.z. A 192.0.2.1\na.z. A 192.0.2.1", "a.z.", 1,
	 XNS_NODE_WILDCARD, "1i 255i"},
	{"wildcard below, empty non-terminal", HEAD "b.*.a.z. A 192.0.2.1", "a.z.", 1,
	 XNS_NODE_WILDCARD, ""},
	{"the wildcard itself", HEAD "*.a.z. A 192.0.2.1", "*.a.z.", 1, 0, "1i 255i"},
	{"a wildcard's chain to a name that it matches itself", HEAD "*.a.z. CNAME b.a.z.",
	 "*.a.z.", 1, XNS_NODE_CNAME, "0p 5i 255i"},
	{"SVCB whose additional records a wildcard has itself",
	 HEAD "*.a.z. SVCB 1 b.a.z.\n*.a.z. A 192.0.2.1", "*.a.z.", 1, 0, "1i 64p 255i"},
	{"delegation, with glue", HEAD "a.z. NS ns.a.z.\nns.a.z. A 192.0.2.1", "a.z.", 1,
	 XNS_NODE_CUT, "0i"},
	{"delegation to two servers elsewhere, with glue: all the node's room",
	 HEAD "a.z. NS ns1.host123.z.\na.z. NS ns2.host123.z.\nns1.host123.z. A 192.0.2.1\n"
	      "ns2.host123.z. A 192.0.2.2\nhost123.z. NS ns1.host123.z.",
	 "a.z.", 1, XNS_NODE_CUT, "0i-"},
	{"one octet more",
	 HEAD "a.z. NS ns1.host1234.z.\na.z. NS ns2.host1234.z.\nns1.host1234.z. A 192.0.2.1\n"
	      "ns2.host1234.z. A 192.0.2.2\nhost1234.z. NS ns1.host1234.z.",
	 "a.z.", 1, XNS_NODE_CUT, "0t-"},
	{"more than glue may be left out", HEAD "a.z. NS b.z.\nb.z. A 192.0.2.1", "a.z.", 1,
	 XNS_NODE_CUT, "0i-"},
	{"delegation, signed", HEAD "a.z. NS ns.a.z.\na.z. DS 1 8 2 00", "a.z.", 1, XNS_NODE_CUT,
	 "0i 43i"},
	{"glue", HEAD "a.z. NS ns.a.z.\nns.a.z. A 192.0.2.1", "ns.a.z.", 0, 0, ""},
	{"DNAME", HEAD "a.z. DNAME b.z.", "a.z.", 1, XNS_NODE_DNAME, "39i 255i"},
	{"CNAME out of the zone", HEAD "a.z. CNAME b.", "a.z.", 1, XNS_NODE_CNAME, "0i 5i 255i"},
	{"CNAME to a name with data", HEAD "a.z. CNAME b.z.\nb.z. A 192.0.2.1\nb.z. TXT t", "a.z.",
	 1, XNS_NODE_CNAME, "0t 1i 5t 16t 255t"},
	{"CNAME into a wildcard", HEAD "a.z. CNAME x.b.z.\n*.b.z. A 192.0.2.1", "a.z.", 1,
	 XNS_NODE_CNAME, "0t 1i 5t 255t"},
	{"CNAME below a delegation", HEAD "a.z. CNAME x.b.z.\nb.z. NS ns.", "a.z.", 1,
	 XNS_NODE_CNAME, "0i 5i 43i 255i"},
	{"CNAME through a DNAME", HEAD "a.z. CNAME x.b.z.\nb.z. DNAME c.z.\nx.c.z. A 192.0.2.1",
	 "a.z.", 1, XNS_NODE_CNAME, "0p 5i 255i"},
	{"MX with addresses", HEAD "a.z. MX 1 b.z.\nb.z. A 192.0.2.1", "a.z.", 1, 0, "15i- 255i-"},
	/* signed: for DO=1 what differs */
	{"a key, but no signature: the zone is not signed",
	 HEAD KEY_ALONE "a.z. NS ns.\na.z. DS 1 8 2 00", "a.z.", 1, XNS_NODE_CUT, "0i 43i"},
	{"not signed beside a DNSKEY", HEAD KEY "a.z. A 192.0.2.1", "a.z.", 1, 0, "1i 255i"},
	{"signed address", HEAD KEY "a.z. A 192.0.2.1\n" SIG("a.z.", "A", "2"), "a.z.", 1, 0,
	 "1t+ 1i 46i 255t+ 255i"},
	{"NSEC", HEAD KEY "a.z. NSEC z. NSEC\n" SIG("a.z.", "NSEC", "2"), "a.z.", 1, 0,
	 "46t 47t+ 47i 255t+ 255i"},
	{"signatures of what is not there", HEAD KEY SIG("a.z.", "A", "2"), "a.z.", 1, 0, ""},
	{"delegation without DS, NSEC", HEAD KEY "a.z. NS ns.\na.z. NSEC z. NS", "a.z.", 1,
	 XNS_NODE_CUT, "0i+ 0i"},
	{"delegation without DS, no NSEC: proofs apart, one image serves both",
	 HEAD KEY "a.z. NS ns.", "a.z.", 1, XNS_NODE_CUT, "0i"},
	{"chain to NXDOMAIN: so does this", HEAD KEY "a.z. CNAME b.z.", "a.z.", 1, XNS_NODE_CNAME,
	 "0i 5i 255i"},
	{"chain with two names to prove", HEAD KEY "a.z. CNAME x.w.z.\n*.w.z. CNAME b.z.", "a.z.",
	 1, XNS_NODE_CNAME, "0p+ 0i 5i 255i"},
};

static char where_is(const struct xns_node *page, const struct xns_type *type)
{
	__u64 content;

	if (type->flags & XNS_TYPE_PASS)
		return 'p';
	if (type->flags & XNS_TYPE_INLINE)
		return 'i';
	memcpy(&content, (const uint8_t *)page + type->off + sizeof(struct xns_image_head),
	       sizeof(content));
	return "tsl"[content % 4];
}

static void describe_types(const struct image_node *node, char *out)
{
	*out = 0;
	for (unsigned p = 0; p < node->n_pages; p++)
		for (unsigned i = 0; i < node->page[p].n_types; i++) {
			const struct xns_type *type = &node->page[p].type[i];

			out += sprintf(out, "%s%u%c%s%s", p + i > 0 ? " " : "", type->type,
				       where_is(&node->page[p], type),
				       type->flags & XNS_TYPE_TRIM ? "-" : "",
				       type->flags & XNS_TYPE_DO ? "+" : "");
		}
}

/* One zone that is built from. */
struct built {
	struct fixture fixture;
	struct store_changes *changes;
	struct store_txn *txn;
	struct image_builder *builder;
	struct image_zone zone;
	knot_dname_storage_t apex;
};

static void built_open(struct built *b, const char *text)
{
	struct content *content = zonefile_finished("z.", text, NULL);

	fixture_open(&b->fixture);
	assert_non_null(knot_dname_from_str(b->apex, "z.", sizeof(b->apex)));
	b->changes = commit(&b->fixture, content);
	content_free(content);
	b->zone = (struct image_zone){.stored = &b->changes->new_zone, .apex = b->apex};
	b->builder = image_builder_new(&key);
	assert_int_equal(store_read_begin(b->fixture.store, &b->txn), 0);
	image_builder_zone(b->builder, b->txn, &b->zone);
}

static void built_close(struct built *b)
{
	store_read_end(b->txn);
	store_changes_free(b->changes);
	image_builder_free(b->builder);
	fixture_close(&b->fixture);
}

static const struct image_node *built_node(struct built *b, const char *text)
{
	const struct image_node *node;
	knot_dname_storage_t name;

	assert_non_null(knot_dname_from_str(name, text, sizeof(name)));
	assert_int_equal(image_build(b->builder, name, &node), 0);
	return node;
}

static void test_nodes(void **state)
{
	char types[512];

	(void)state;
	for (size_t i = 0; i < sizeof(node_cases) / sizeof(*node_cases); i++) {
		const struct node_case *c = &node_cases[i];
		const struct image_node *node;
		struct built b;

		built_open(&b, c->zone);
		node = built_node(&b, c->name);
		describe_types(node, types);
		if (node->n_pages != c->pages || strcmp(types, c->types) != 0 ||
		    (c->pages > 0 && (node->page[0].flags & ~XNS_NODE_MORE) != c->flags))
			fail_msg("%s: %u pages, flags %#x, types \"%s\"; expected %u, %#x, \"%s\"",
				 c->what, node->n_pages, node->page[0].flags, types, c->pages,
				 c->flags, c->types);
		built_close(&b);
	}
}

/* A wildcard is rendered for a name that is not there: when there is none left, the stack answers.
 */
static void test_stand_in(void **state)
{
	char text[8192];
	int len = sprintf(text, "%s*.a.z. A 192.0.2.1\n", HEAD);

	(void)state;
	for (int octet = 0x80; octet <= 0xff; octet++) {
		struct built b;

		len += sprintf(text + len, "\\%03d.a.z. A 192.0.2.1\n", octet ^ 0x7f);
		if (octet < 0xfe)
			continue;
		built_open(&b, text);
		assert_int_equal(built_node(&b, "*.a.z.")->page[0].flags,
				 octet == 0xff ? XNS_NODE_PASS : 0);
		built_close(&b);
	}
}

/* What an answer has in its page once, and outside once. */
static void test_sharing(void **state)
{
	const struct image_node *node;
	struct built b;

	(void)state;
	built_open(&b, HEAD "a.z. A 192.0.2.1\nb.z. TXT " T100 T100 "\nb.z. TYPE256 \\# 1 00");
	node = built_node(&b, "a.z.");
	assert_int_equal(node->page[0].type[0].off, node->page[0].type[1].off);
	assert_int_equal(node->n_blobs, 0);
	node = built_node(&b, "b.z.");
	assert_int_equal(node->page[0].n_types, 3); /* TXT, ANY, TYPE256 */
	assert_int_equal(node->n_blobs, 1);
	assert_int_equal(node->blob[0].key.owner, node->key.hash[0]);
	assert_int_equal(node->blob[0].key.content % (1 << XNS_CLASS_BITS), XNS_CLASS_SMALL);
	built_close(&b);
}

/* ---- held zones below ---- */

static bool held_c_and_below(const knot_dname_t *name, void *ctx)
{
	(void)ctx;
	return knot_dname_in_bailiwick(name, (const uint8_t *)"\1c\1z") >= 0 ||
	       knot_dname_in_bailiwick(name, (const uint8_t *)"\1d\1e\1z") >= 0;
}

static void test_held_below(void **state)
{
	static const struct {
		const char *what, *zone, *name;
		bool above; /* under the key of the zone above */
		unsigned pages;
		uint8_t flags;
		const char *types;
	} table[] = {
		{"below", HEAD "a.c.z. A 192.0.2.1", "a.c.z.", false, 0, 0, ""},
		{"delegated", HEAD "c.z. NS ns.", "c.z.", true, 1, XNS_NODE_CUT, ""},
		{"delegated and signed",
		 HEAD KEY "c.z. NS ns.\nc.z. DS 1 8 2 00\n" SIG("c.z.", "DS", "2"), "c.z.", true, 1,
		 XNS_NODE_CUT, "43i+ 43i"},
		{"not delegated", HEAD, "c.z.", true, 1, XNS_NODE_PASS, ""},
		{"data where the child is", HEAD "c.z. A 192.0.2.1", "c.z.", true, 1, XNS_NODE_PASS,
		 ""},
		{"a delegation between", HEAD "e.z. NS ns.\nd.e.z. NS ns.", "d.e.z.", true, 1,
		 XNS_NODE_PASS, ""},
		{"the delegation between", HEAD "e.z. NS ns.\nd.e.z. NS ns.", "e.z.", false, 1,
		 XNS_NODE_CUT, "0i"},
		{"a chain to a proof that the child has the name of",
		 HEAD KEY "a.z. CNAME c.z.\nc.z. NS ns.", "a.z.", false, 2, XNS_NODE_CNAME,
		 "0p+ 0t 5i 43p+ 43i 255i"},
	};
	char types[512];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const struct image_node *node;
		knot_dname_storage_t name;
		struct xns_name_key plain;
		struct built b;

		built_open(&b, table[i].zone);
		b.zone.held_below = held_c_and_below;
		image_builder_zone(b.builder, b.txn, &b.zone);
		node = built_node(&b, table[i].name);
		describe_types(node, types);
		assert_non_null(knot_dname_from_str(name, table[i].name, sizeof(name)));
		image_name_key(&key, name, &plain);
		assert_int_equal(node->key.hash[0],
				 plain.hash[0] ^ (table[i].above ? XNS_KEY_ABOVE : 0));
		if (node->n_pages != table[i].pages || strcmp(types, table[i].types) != 0 ||
		    (node->n_pages > 0 && (node->page[0].flags & ~XNS_NODE_MORE) != table[i].flags))
			fail_msg("%s: %u pages, flags %#x, types %s", table[i].what, node->n_pages,
				 node->page[0].flags, types);
		built_close(&b);
	}
}

/* RFC 1071 §3's example, as native words, and an odd length. */
static void test_sum(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	uint16_t expected, odd;

	(void)state;
	memcpy(&expected, (uint8_t[]){0xdd, 0xf2}, 2);
	assert_int_equal(image_sum(bytes, sizeof(bytes)), expected);
	memcpy(&odd, (uint8_t[]){0xab, 0x00}, 2);
	assert_int_equal(image_sum((uint8_t[]){0xab}, 1), odd);
}

/* SipHash-2-4-128 test vectors of its authors: key 00..0f, input 00 01 02 ... */
static void test_hash(void **state)
{
	static const uint8_t input[15] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
	__u64 hash[2];

	(void)state;
	image_hash(sip, input, 1, hash);
	assert_int_equal(hash[0], 0x44af996bd8c187da);
	assert_int_equal(hash[1], 0x45fc229b11597634);
	image_hash(sip, input, 15, hash);
	assert_int_equal(hash[0], 0x11a8b03399e99354);
	assert_int_equal(hash[1], 0xd9c3cf970fec087e);
}

/* The formula of xns_abi.h once more, over single bytes and with numbers of any size. */
static uint32_t formula(const uint8_t *name, size_t len, int i)
{
	const size_t n = (len + 7) / 8;
	unsigned __int128 sum = key.end[n - 1][i];

	for (size_t w = 0; w < n; w++) {
		unsigned __int128 low = 0, high = 0;

		for (size_t at = 0; at < 8 && 8 * w + at < len; at++)
			*(at < 4 ? &low : &high) += (uint64_t)name[8 * w + at] << 8 * (at % 4);
		low += key.word[w].a[i];
		high += key.word[w].b[i];
		sum += (uint64_t)low * (unsigned __int128)(uint64_t)high;
	}
	return (uint64_t)sum >> 32;
}

static void test_name_key(void **state)
{
	static const char *const names[] = {".", "a.", "abcdef.", "abcdefg.", "www.example.com."};
	char longest[256], *to = longest;
	struct xns_name_key name_key;
	knot_dname_storage_t name;

	(void)state;
	for (int i = 0; i < 127; i++)
		to += sprintf(to, "%c.", 'a' + i % 26);
	for (size_t i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
		const char *text = i < sizeof(names) / sizeof(names[0]) ? names[i] : longest;
		uint32_t expected[XNS_HASHES];

		assert_non_null(knot_dname_from_str(name, text, sizeof(name)));
		for (int j = 0; j < XNS_HASHES; j++)
			expected[j] = formula(name, knot_dname_size(name), j);
		expected[3] &= ~31U;
		image_name_key(&key, name, &name_key);
		assert_int_equal(name_key.hash[0], (uint64_t)expected[0] << 32 | expected[1]);
		assert_int_equal(name_key.hash[1], (uint64_t)expected[2] << 32 | expected[3]);
		assert_int_equal(image_page_key(name_key, 3).hash[1], name_key.hash[1] + 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),	   cmocka_unit_test(test_hash),
		cmocka_unit_test(test_name_key),   cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_stand_in),   cmocka_unit_test(test_sharing),
		cmocka_unit_test(test_held_below), cmocka_unit_test(test_incremental_is_fresh),
	};

	image_key_make(sip, &key);
	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
