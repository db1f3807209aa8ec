/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which proofs go with an answer: random zones with NSEC and NSEC3, asked for random names; what is
 * to be proved, and by which records, is found here by going through all names, and by
 * libdnssec's hash. Each proof is a TXT with a number, mostly short, some longer than two hundred
 * bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <cmocka.h>
#include <libdnssec/nsec.h>
#include <libknot/libknot.h>

#include "image/order.h"
#include "packet/fill.h"
#include "packet/groups.h"

#define NAMES	  400
#define EXISTING  (8 * NAMES) /* with the empty non-terminals */
#define QUERIES	  500
#define HASH_LEN  20
#define REPLY_MAX 3000

struct name {
	knot_dname_storage_t wire;
	bool is_owner;	 /* else an empty non-terminal */
	bool has_a;	 /* positive for A; else NODATA */
	bool is_hidden;	 /* NSEC3: opt-out, it has none */
	bool is_cname;	 /* leads to target */
	unsigned serial; /* in the order of their coming */
	uint8_t hash[HASH_LEN];
	knot_dname_storage_t target;
};

struct proofs {
	bool has[EXISTING];
};

static struct rig *const rig = &fill_rig;
static struct name name[EXISTING];
static struct order_entry proof[EXISTING]; /* by serial; their keys are put_order's */
static unsigned n_names;
static knot_dname_storage_t apex;
static bool nsec3;
static uint8_t salt[XNS_SALT_MAX];
static unsigned salt_len;
static uint64_t seed = 9660;

static unsigned random_below(unsigned n)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * 0x2545f4914f6cdd1d >> 33) % n;
}

/* ---- names ---- */

static uint8_t random_octet(void)
{
	static const uint8_t odd[] = {0, 1, 2, '*', '.', '\\', 0x7f, 0xff, '@', '['};

	return random_below(8) ? 'a' + random_below(4) : odd[random_below(sizeof(odd))];
}

static uint8_t label_octet(unsigned kind, unsigned i)
{
	if (kind == 1)
		return '*';
	if (kind == 2) /* the longest keys */
		return random_below(2);
	/* keys whose first words differ in their last octet, in its lowest bit too */
	return kind == 3 && i < 7 ? 'a' : random_octet();
}

/* Puts random labels before a name, one to three, rarely as many as go; lower case. */
static void random_name(const uint8_t *below, knot_dname_storage_t ret)
{
	knot_dname_storage_t prefix;
	size_t len = 0, below_len = knot_dname_size(below);

	for (unsigned labels = 1 + random_below(random_below(64) ? 3 : 127); labels > 0; labels--) {
		unsigned kind = random_below(24), label = 1 + random_below(3);

		if (kind == 0 || kind == 2)
			label = 1 + random_below(63);
		if (kind == 1)
			label = 1;
		if (kind == 3)
			label = 8;
		if (len + 1 + label + below_len > KNOT_DNAME_MAXLEN)
			break;
		prefix[len++] = label;
		for (unsigned i = 0; i < label; i++)
			prefix[len++] = label_octet(kind, i);
	}
	memmove(ret + len, below, below_len);
	memcpy(ret, prefix, len);
}

static struct name *find(const uint8_t *wire)
{
	for (unsigned i = 0; i < n_names; i++)
		if (knot_dname_is_equal(name[i].wire, wire))
			return &name[i];
	return NULL;
}

static struct name *star_of(const uint8_t *encloser)
{
	knot_dname_storage_t star = {1, '*'};

	if (knot_dname_size(encloser) + 2 > KNOT_DNAME_MAXLEN)
		return NULL;
	memcpy(star + 2, encloser, knot_dname_size(encloser));
	return find(star);
}

static struct name *add(const uint8_t *wire, bool is_owner)
{
	struct name *found = find(wire);

	if (!found) {
		assert_true(n_names < EXISTING);
		found = &name[n_names];
		memset(found, 0, sizeof(*found));
		memcpy(found->wire, wire, knot_dname_size(wire));
		found->serial = n_names++;
	}
	found->is_owner |= is_owner;
	return found;
}

static void hash_of(const uint8_t *wire, uint8_t ret[HASH_LEN])
{
	dnssec_binary_t data = {.size = knot_dname_size(wire), .data = (uint8_t *)wire}, hash = {0};
	dnssec_nsec3_params_t params = {.algorithm = DNSSEC_NSEC3_ALGORITHM_SHA1,
					.salt = {.size = salt_len, .data = salt}};

	assert_int_equal(dnssec_nsec3_hash(&data, &params, &hash), 0);
	assert_int_equal(hash.size, HASH_LEN);
	memcpy(ret, hash.data, HASH_LEN);
	free(hash.data);
}

/* RFC 4034 §6.1, for lower-case names; knot_dname_cmp takes a label with octet 0 for two. */
static int compare_names(const uint8_t *a, const uint8_t *b)
{
	unsigned n = knot_dname_labels(a, NULL), m = knot_dname_labels(b, NULL);

	for (unsigned i = 1; i <= n && i <= m; i++) {
		const uint8_t *x = a, *y = b;
		int order;

		for (unsigned skip = n - i; skip > 0; skip--)
			x += *x + 1;
		for (unsigned skip = m - i; skip > 0; skip--)
			y += *y + 1;
		order = memcmp(x + 1, y + 1, *x < *y ? *x : *y);
		if (order != 0 || *x != *y)
			return order != 0 ? order : *x - *y;
	}
	return (int)n - (int)m;
}

/* ---- what is to be expected ---- */

static bool has_proof(const struct name *n)
{
	return nsec3 ? !n->is_hidden : n->is_owner;
}

/* The last in order that is not behind; NSEC3: around the end. exact: only the name's own. */
static bool expect_proof(const uint8_t *wire, bool exact, struct proofs *ret)
{
	const struct name *best = NULL, *last = NULL;
	uint8_t hash[HASH_LEN];

	hash_of(wire, hash);
	for (unsigned i = 0; i < n_names; i++) {
		const struct name *n = &name[i];
		int behind;

		if (!has_proof(n))
			continue;
		if (nsec3) {
			behind = memcmp(n->hash, hash, HASH_LEN);
			if (!last || memcmp(n->hash, last->hash, HASH_LEN) > 0)
				last = n;
		} else {
			behind = compare_names(n->wire, wire);
		}
		if (behind > 0 || (exact && behind != 0))
			continue;
		if (!best || (nsec3 ? memcmp(n->hash, best->hash, HASH_LEN) > 0
				    : compare_names(n->wire, best->wire) > 0))
			best = n;
	}
	if (!best && !exact)
		best = last;
	if (best)
		ret->has[best->serial] = true;
	return best != NULL;
}

static void expect_star(const uint8_t *encloser, bool exact, struct proofs *ret)
{
	knot_dname_storage_t star = {1, '*'};

	if (knot_dname_size(encloser) + 2 > KNOT_DNAME_MAXLEN)
		return;
	memcpy(star + 2, encloser, knot_dname_size(encloser));
	expect_proof(star, exact, ret);
}

static const uint8_t *expect_encloser(const uint8_t *wire, const uint8_t *encloser,
				      struct proofs *ret)
{
	while (!expect_proof(encloser, true, ret))
		encloser += *encloser + 1;
	while (!knot_dname_is_equal(wire + *wire + 1, encloser))
		wire += *wire + 1;
	expect_proof(wire, false, ret);
	return encloser;
}

enum kind {
	POSITIVE,
	NODATA,
	EXPANDED,
	WILDCARD_NODATA,
	NXDOMAIN,
};

static enum kind kind_of(const uint8_t *wire, const struct name **ret_name,
			 const uint8_t **ret_encloser)
{
	const struct name *n = find(wire);

	*ret_encloser = wire;
	*ret_name = n;
	if (n)
		return n->has_a || n->is_cname ? POSITIVE : NODATA;
	while (!find(*ret_encloser))
		*ret_encloser += **ret_encloser + 1;
	*ret_name = n = star_of(*ret_encloser);
	if (!n)
		return NXDOMAIN;
	return n->has_a || n->is_cname ? EXPANDED : WILDCARD_NODATA;
}

static void expect(const uint8_t *wire, enum kind kind, const uint8_t *encloser, struct proofs *ret)
{
	switch (kind) {
	case POSITIVE:
		break;
	case NODATA:
		if (!nsec3)
			expect_proof(wire, false, ret);
		else if (!expect_proof(wire, true, ret))
			expect_encloser(wire, wire + *wire + 1, ret);
		break;
	case EXPANDED:
		while (nsec3 && !knot_dname_is_equal(wire + *wire + 1, encloser))
			wire += *wire + 1;
		expect_proof(wire, false, ret);
		break;
	case WILDCARD_NODATA:
		if (nsec3)
			expect_encloser(wire, encloser, ret);
		else
			expect_proof(wire, false, ret);
		expect_star(encloser, nsec3, ret);
		break;
	case NXDOMAIN:
		if (nsec3)
			encloser = expect_encloser(wire, encloser, ret);
		else
			expect_proof(wire, false, ret);
		expect_star(encloser, false, ret);
		break;
	}
}

/* ---- the maps ---- */

static const char *text_of(const uint8_t *wire, char ret[KNOT_DNAME_TXT_MAXLEN + 1])
{
	assert_non_null(knot_dname_to_str(ret, wire, KNOT_DNAME_TXT_MAXLEN + 1));
	return ret;
}

/* A CNAME's image is a TXT: what is looked at is where its layout's target leads. */
static void put_cname(struct xns_node *node, const struct name *n)
{
	static const uint8_t record[] = "\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10\x00\x02\x01"
					"c";
	const uint8_t *encloser;
	const struct name *end;
	enum kind kind = kind_of(n->target, &end, &encloser);
	char text[KNOT_DNAME_TXT_MAXLEN + 1];
	struct fill_image image = {.head.ancount = 1,
				   .bytes = record,
				   .len = sizeof(record) - 1,
				   .target = text_of(n->target, text),
				   .has_layout = true};

	if (kind == POSITIVE)
		image.target = NULL;
	else
		image.head.flags = XNS_IMAGE_PROVE | (kind == EXPANDED ? 0 : XNS_IMAGE_SOA);
	node->flags |= XNS_NODE_CNAME;
	fill_entry(node, 0, XNS_TYPE_DO | (strlen(text) < 40 ? XNS_TYPE_INLINE : 0), &image);
}

/* The proof of a name: its number, in records of odd and even length. */
static void make_proof(unsigned number)
{
	uint8_t record[13 + 255] = "\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10\x01";
	int len = sprintf((char *)record + 13, "#%u", number);
	int more = random_below(16) ? random_below(40) : 200 + random_below(50);
	const struct fill_image image = {
		.head.nscount = 1, .bytes = record, .len = 13 + len + more, .n_pointers = 1};

	memset(record + 13 + len, '-', more);
	record[10] = (len + more + 1) >> 8;
	record[11] = len + more + 1;
	record[12] = len + more;
	fill_proof(&proof[number], &image);
}

static void put_nodes(void)
{
	char text[KNOT_DNAME_TXT_MAXLEN + 1];

	for (unsigned i = 0; i < n_names; i++) {
		struct xns_node node = fill_node(text_of(name[i].wire, text));

		make_proof(i);
		if (star_of(name[i].wire))
			node.flags |= XNS_NODE_WILDCARD;
		if (name[i].is_cname)
			put_cname(&node, &name[i]);
		else if (name[i].has_a)
			fill_type(rig, &node, 1, FILL_A, FILL_A_LEN, false);
		fill_put(rig, "nodes", text_of(name[i].wire, text), 0, &node);
	}
}

static int compare_entries(const void *a, const void *b)
{
	return order_key_compare(&((const struct order_entry *)a)->key,
				 &((const struct order_entry *)b)->key);
}

static void hash_key(const uint8_t hash[HASH_LEN], struct order_key *ret)
{
	uint8_t bytes[24] = {0};

	memcpy(bytes, hash, HASH_LEN);
	for (ret->n = 0; ret->n < 3; ret->n++) {
		memcpy(&ret->word[ret->n], bytes + 8 * ret->n, 8);
		ret->word[ret->n] = be64toh(ret->word[ret->n]);
	}
}

static void put_order(struct xns_image_key *ret_root)
{
	static struct order_entry entry[EXISTING + 1];
	unsigned n = 0;

	for (unsigned i = 0; i < n_names; i++) {
		if (!has_proof(&name[i]))
			continue;
		entry[n] = proof[i];
		if (nsec3)
			hash_key(name[i].hash, &entry[n].key);
		else
			order_key_name(apex, name[i].wire, &entry[n].key);
		n++;
	}
	qsort(entry, n, sizeof(entry[0]), compare_entries);
	if (nsec3) {
		memmove(entry + 1, entry, n * sizeof(entry[0]));
		entry[0] = entry[n];
		entry[0].key.n = 0;
		n++;
	}
	*ret_root = fill_order(rig, entry, n);
}

static void put_zone(void)
{
	struct xns_zone zone = fill_zone_default(rig);
	struct xns_version *version = &zone.version[0];

	put_order(&version->order);
	version->denial = nsec3 ? XNS_DENIAL_NSEC3 : XNS_DENIAL_NSEC;
	version->soa_sig = version->soa;
	version->salt_len = salt_len;
	memcpy(version->salt, salt, salt_len);
	fill_zone(rig, &zone);
}

/* With opt-out: which names have none. Names that are not hidden have no hidden ones above them
 * (RFC 5155 §7.1). */
static void hide_some(unsigned choice)
{
	for (unsigned i = 1; i < n_names; i++)
		name[i].is_hidden = nsec3 && name[i].is_owner && !name[i].has_a &&
				    (name[i].hash[0] + choice) % 4 == 0;
	for (unsigned i = 1; i < n_names; i++)
		for (const uint8_t *above = name[i].wire; !name[i].is_hidden && *above;
		     above += *above + 1)
			if (find(above))
				find(above)->is_hidden = false;
}

static void make_zone(unsigned n)
{
	knot_dname_storage_t wire;

	n_names = 0;
	assert_non_null(knot_dname_from_str(apex, "example.com", sizeof(apex)));
	add(apex, true)->has_a = true;
	for (unsigned i = 0; i < n; i++) {
		struct name *n;

		random_name(random_below(2) ? apex : name[random_below(n_names)].wire, wire);
		n = add(wire, true);
		n->has_a = random_below(2);
		for (const uint8_t *above = wire; !knot_dname_is_equal(above, apex);
		     above += *above + 1)
			add(above, false);
	}
	for (unsigned i = 1; i < n_names; i++) {
		hash_of(name[i].wire, name[i].hash);
		if (name[i].is_owner && random_below(8) == 0) {
			name[i].is_cname = true;
			random_name(name[random_below(n_names)].wire, name[i].target);
		}
	}
	hash_of(name[0].wire, name[0].hash);
	hide_some(0);
	put_nodes();
	put_zone();
}

/* ---- asking ---- */

/* The numbers in the authority section; not NULL: what is wrong. */
static const char *read_proofs(const char *text, struct proofs *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (text = strstr(text, "\"#"); text; text = strstr(text + 1, "\"#")) {
		unsigned number = strtoul(text + 2, NULL, 10);

		if (number >= EXISTING || ret->has[number])
			return "a proof twice";
		ret->has[number] = true;
	}
	return NULL;
}

/* The second time the program keeps what other names have too, the third time it takes that. */
static void ask_again(const struct outcome *first, const uint8_t *frame, size_t len)
{
	struct outcome outcome;

	for (int i = 0; i < 2; i++) {
		rig_run_quick(rig, frame, len, &outcome);
		assert_int_equal(outcome.len, first->len);
		assert_memory_equal(outcome.frame, first->frame, first->len);
	}
}

static void ask(const uint8_t *wire)
{
	static const enum xns_counter counter[] = {[POSITIVE] = XNS_ANSWER_POSITIVE,
						   [NODATA] = XNS_ANSWER_NODATA,
						   [EXPANDED] = XNS_ANSWER_POSITIVE,
						   [WILDCARD_NODATA] = XNS_ANSWER_NODATA,
						   [NXDOMAIN] = XNS_ANSWER_NXDOMAIN};
	char name_text[KNOT_DNAME_TXT_MAXLEN + 1], text[16384];
	const struct ask query = {.name = text_of(wire, name_text),
				  .type = 1,
				  .edns = true,
				  .edns_size = REPLY_MAX,
				  .dnssec_ok = true,
				  .spelling = random_below(CASE_COUNT)};
	const struct shape shape = {.ipv6 = random_below(2), .padding = random_below(3)};
	uint8_t message[512], frame[FRAME_MAX];
	struct proofs expected = {0}, got;
	struct outcome outcome;
	const struct name *end;
	const uint8_t *encloser, *target;
	enum kind kind = kind_of(wire, &end, &encloser);
	size_t len = frame_make(&shape, message, ask_message(&query, message), frame);

	expect(wire, kind, encloser, &expected);
	rig_expect_reply(rig, &shape, frame, len, counter[kind], NULL, name_text, &outcome);
	ask_again(&outcome, frame, len);
	if (end && end->is_cname) {
		target = end->target;
		kind = kind_of(target, &end, &encloser);
		expect(target, kind, encloser, &expected);
	}
	reply_text(&shape, outcome.frame, outcome.len, text, sizeof(text));
	if (read_proofs(text, &got))
		fail_msg("%s: a proof twice:\n%s", name_text, text);
	for (unsigned i = 0; i < n_names; i++)
		if (got.has[i] != expected.has[i])
			fail_msg("%s (%d): proof %u %s %s\n%s", name_text, kind, i,
				 text_of(name[i].wire, name_text),
				 got.has[i] ? "too many" : "missing", text);
}

/* Names that are there, and names near them. */
static void ask_all(void)
{
	knot_dname_storage_t wire;

	for (unsigned i = 0; i < n_names; i++)
		ask(name[i].wire);
	for (unsigned i = 0; i < QUERIES; i++) {
		random_name(random_below(4) ? name[random_below(n_names)].wire : apex, wire);
		ask(wire);
		wire[1] = 'y'; /* as long, and mostly below the same encloser */
		ask(wire);
	}
}

/* A zone of its own, in maps of their own. */
static void begin(unsigned n)
{
	rig_close(rig);
	fill_open(rig);
	rig->config->max_udp_size = REPLY_MAX;
	make_zone(n);
}

static void test_nsec(void **state)
{
	(void)state;
	nsec3 = false;
	salt_len = 0;
	begin(NAMES);
	ask_all();
}

static void test_nsec3(void **state)
{
	static const unsigned salts[] = {0, 1, 8, 13, XNS_SALT_MAX};

	(void)state;
	nsec3 = true;
	for (unsigned i = 0; i < sizeof(salts) / sizeof(salts[0]); i++) {
		salt_len = salts[i];
		for (unsigned j = 0; j < salt_len; j++)
			salt[j] = random_below(256);
		begin(i == 0 ? NAMES : NAMES / 4);
		ask_all();
	}
}

/* From order to order and back, while the pages of the others are there still: what the program
 * remembers of one is not taken for another's. */
static void test_orders(void **state)
{
	(void)state;
	nsec3 = true;
	salt_len = 0;
	begin(NAMES);
	for (unsigned round = 0; round < 8; round++) {
		hide_some(round % 3);
		put_zone();
		ask_all();
	}
}

/* The name one label longer than the apex on the way to this one. */
static const uint8_t *next_closer(const uint8_t *wire)
{
	while (!knot_dname_is_equal(wire + *wire + 1, apex))
		wire += *wire + 1;
	return wire;
}

/* The last NSEC3 is in the order twice: what is found under both of its entries is one proof. */
static void test_last_nsec3(void **state)
{
	static const unsigned sizes[] = {0, 0, 1, 2, 3};
	unsigned n_before = 0, n_behind = 0;
	knot_dname_storage_t wire;
	uint8_t hash[HASH_LEN];

	(void)state;
	nsec3 = true;
	salt_len = 0;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		begin(sizes[i]);
		for (unsigned k = 0; k < QUERIES / 2; k++) {
			random_name(apex, wire);
			ask(wire);
			/* Of the apex alone: its own entry is the encloser's, by its hash. The next
			 * closer name is found there or, before it, at the empty key. */
			hash_of(next_closer(wire), hash);
			n_before += i < 2 && memcmp(hash, name[0].hash, HASH_LEN) < 0;
			n_behind += i < 2 && memcmp(hash, name[0].hash, HASH_LEN) > 0;
		}
	}
	assert_true(n_before > 0 && n_behind > 0);
}

int test_denial(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nsec),
		cmocka_unit_test(test_nsec3),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_last_nsec3),
	};

	return cmocka_run_group_tests_name("packet: denial", tests, fill_setup, fill_teardown);
}
