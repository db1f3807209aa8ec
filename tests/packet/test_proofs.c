/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proofs as they lie in the pages of an order: of every length, wherever in the page, down to its
 * last word; pages above the leaves that are full; pages that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "packet/fill.h"
#include "packet/groups.h"

#define PROOF_WORDS (sizeof(struct xns_proof) / sizeof(__u64))
#define PROOF_MAX   (XNS_IMAGE_LARGE_MAX - 2) /* with one pointer */
#define REPLY_MAX   3000

static struct rig *const rig = &fill_rig;

/* ---- zone and pages ---- */

/* A name's node, with nothing in it. */
static void put_name(const char *name)
{
	struct xns_node node = fill_node(name);

	fill_put(rig, "nodes", name, 0, &node);
}

/* Made for "cut.example.com": NS of itself, the address of its server behind it. */
static const char cut[] = "\xc0\x0c\x00\x02\x00\x01\x00\x00\x0e\x10\x00\x05\x02ns\xc0\x0c"
			  "\x02ns\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x05";
#define GLUE_LEN 19

static void put_cut(void)
{
	const struct fill_image image = {
		.head = {.nscount = 1, .arcount = 1, .flags = XNS_IMAGE_NOAA | XNS_IMAGE_PROVE},
		.bytes = cut,
		.len = sizeof(cut) - 1,
		.additional = GLUE_LEN,
		.pointer = {0, 15, 20},
		.n_pointers = 3,
		.has_layout = true,
	};
	struct xns_node node = fill_node("cut.example.com");

	node.flags = XNS_NODE_CUT;
	fill_entry(&node, 0, XNS_TYPE_DO, &image);
	fill_put(rig, "nodes", "cut.example.com", 0, &node);
}

static int setup(void **state)
{
	fill_setup(state);
	put_cut();
	put_name("c.example.com");
	put_name("cc.example.com");
	put_name("ccc.example.com");
	put_name("cccc.example.com");
	return 0;
}

static void put_zone(struct xns_image_key root)
{
	struct xns_zone zone = fill_zone_default(rig);

	zone.version[0].denial = XNS_DENIAL_NSEC;
	zone.version[0].soa_sig = zone.version[0].soa;
	zone.version[0].order = root;
	fill_zone(rig, &zone);
}

/* The entry of an NSEC owner, a label or "" for the apex, and a proof of so many bytes. */
static struct order_entry make_entry(const char *label, size_t proof_len)
{
	struct order_entry entry = {.key.n = (strlen(label) + 7) / 8};
	uint8_t bytes[PROOF_MAX], key[64] = {0};

	assert_true(strlen(label) < sizeof(key));
	memcpy(key, label, strlen(label));
	for (unsigned i = 0; i < entry.key.n; i++) {
		memcpy(&entry.key.word[i], key + 8 * i, 8);
		entry.key.word[i] = be64toh(entry.key.word[i]);
	}
	fill_txt(bytes, proof_len);
	fill_proof(&entry,
		   &(struct fill_image){
			   .head.nscount = 1, .bytes = bytes, .len = proof_len, .n_pointers = 1});
	return entry;
}

static void add_entry(struct order_fill *fill, const struct order_entry *entry)
{
	assert_true(order_fill_add(fill, entry));
}

static struct xns_image_key put_filled(const struct order_fill *fill)
{
	struct xns_order page;

	order_fill_write(fill, &page);
	return fill_page(rig, &page);
}

/* A leaf with entries for the apex, "b" and "c", which has the proof; full: that ends where the
 * page does. */
static void put_leaf(size_t proof_len, bool full)
{
	struct order_entry last = make_entry("c", proof_len);
	unsigned left = XNS_ORDER_WORDS - 5 - last.n_words, words = full ? left / 2 : 8;
	const struct order_entry first = make_entry("", (words - PROOF_WORDS) * 8 - 2);
	const struct order_entry second =
		make_entry("b", ((full ? left - words : 8) - PROOF_WORDS) * 8 - 2);
	struct order_fill fill;
	struct xns_order page;

	order_fill_begin(&fill, 0);
	add_entry(&fill, &first);
	add_entry(&fill, &second);
	add_entry(&fill, &last);
	order_fill_write(&fill, &page);
	if (full)
		assert_int_equal(page.n_words, XNS_ORDER_WORDS);
	put_zone(fill_page(rig, &page));
}

/* ---- asking ---- */

/* The reply has the proof, as fill_txt makes it, before `behind` bytes and the OPT. More than once,
 * as what comes again is kept. */
static void expect_proof(const char *name, enum xns_counter counter, size_t proof_len,
			 size_t behind)
{
	const struct ask ask = {
		.name = name, .type = 28, .edns = true, .edns_size = REPLY_MAX, .dnssec_ok = true};
	uint8_t message[512], frame[FRAME_MAX], want[PROOF_MAX];

	fill_txt(want, proof_len);
	want[1] += strlen(name) - strlen("example.com");
	for (int n = 0; n < 4; n++) {
		const struct shape shape = {.ipv6 = n % 2, .tags = n / 2};
		size_t len = frame_make(&shape, message, ask_message(&ask, message), frame);
		struct outcome outcome;

		rig_expect_reply(rig, &shape, frame, len, counter, NULL, name, &outcome);
		assert_true(outcome.len > proof_len + behind + OPT_FIXED);
		assert_memory_equal(outcome.frame + outcome.len - OPT_FIXED - behind - proof_len,
				    want, proof_len);
		if (behind > 0)
			assert_memory_equal(outcome.frame + outcome.len - OPT_FIXED - 4,
					    cut + sizeof(cut) - 1 - 4, 4);
	}
}

static void expect_pass(const char *what, enum xns_counter counter)
{
	static const char *const names[] = {"c.example.com", "none.example.com",
					    "x.cut.example.com"};
	uint8_t message[512], frame[FRAME_MAX];
	const struct shape shape = {0};

	for (int n = 0; n < 6; n++) {
		const struct ask ask = {.name = names[n % 3],
					.type = 28,
					.edns = true,
					.edns_size = REPLY_MAX,
					.dnssec_ok = true};
		size_t len = frame_make(&shape, message, ask_message(&ask, message), frame);

		rig_expect_pass(rig, frame, len, counter, what);
	}
}

/* ---- lengths ---- */

static const size_t lengths[] = {14,  15,  16,	 17,   18,   31,   32,	 33,   175,  176,      177,
				 255, 256, 257,	 271,  272,  273,  400,	 401,  431,  432,      433,
				 434, 999, 1000, 1001, 1899, 1900, 1901, 1964, 1965, PROOF_MAX};

static void test_lengths(void **state)
{
	(void)state;
	rig->config->max_udp_size = REPLY_MAX;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (int full = 0; full < 2; full++) {
			put_leaf(lengths[i], full);
			expect_proof("c.example.com", XNS_ANSWER_NODATA, lengths[i], 0);
			expect_proof("cc.example.com", XNS_ANSWER_NODATA, lengths[i], 0);
			expect_proof("ccc.example.com", XNS_ANSWER_NODATA, lengths[i], 0);
			expect_proof("cccc.example.com", XNS_ANSWER_NODATA, lengths[i], 0);
			/* Between what was put together of the main image. */
			expect_proof("cut.example.com", XNS_ANSWER_REFERRAL, lengths[i], GLUE_LEN);
			expect_proof("x.cut.example.com", XNS_ANSWER_REFERRAL, lengths[i],
				     GLUE_LEN);
		}
	}
	rig->config->max_udp_size = XNS_EDNS_SIZE_DEFAULT;
}

/* Two of the longest fill a page. */
static void test_two_longest(void **state)
{
	const struct order_entry entry[] = {make_entry("", PROOF_MAX - 1),
					    make_entry("c", PROOF_MAX)};
	struct order_fill fill;
	struct xns_order page;

	(void)state;
	order_fill_begin(&fill, 0);
	add_entry(&fill, &entry[0]);
	add_entry(&fill, &entry[1]);
	order_fill_write(&fill, &page);
	assert_int_equal(page.n_words, XNS_ORDER_WORDS);
	put_zone(fill_page(rig, &page));
	rig->config->max_udp_size = REPLY_MAX;
	expect_proof("c.example.com", XNS_ANSWER_NODATA, PROOF_MAX, 0);
	expect_proof("example.com", XNS_ANSWER_NODATA, PROOF_MAX - 1, 0);
	expect_proof("a.example.com", XNS_ANSWER_NXDOMAIN, PROOF_MAX - 1, 0);
	rig->config->max_udp_size = XNS_EDNS_SIZE_DEFAULT;
}

/* What covers the name and its wildcard is one proof, once; by any length, and when it is kept. */
static void test_once(void **state)
{
	(void)state;
	rig->config->max_udp_size = REPLY_MAX;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const struct order_entry entry = make_entry("", lengths[i]);
		const struct ask ask = {.name = "none.example.com",
					.type = 1,
					.edns = true,
					.edns_size = REPLY_MAX,
					.dnssec_ok = true};
		uint8_t message[512], frame[FRAME_MAX];
		const struct shape shape = {0};
		size_t len = frame_make(&shape, message, ask_message(&ask, message), frame);
		struct outcome outcome;

		put_zone(fill_order(rig, &entry, 1));
		expect_proof("none.example.com", XNS_ANSWER_NXDOMAIN, lengths[i], 0);
		rig_expect_reply(rig, &shape, frame, len, XNS_ANSWER_NXDOMAIN, NULL, ask.name,
				 &outcome);
		/* NSCOUNT: the SOA and the proof. */
		assert_memory_equal(outcome.frame + frame_message(&shape) + 8, "\0\2", 2);
	}
	rig->config->max_udp_size = XNS_EDNS_SIZE_DEFAULT;
}

/* What does not fit is cut, whatever lies in the page. */
static void test_cut_reply(void **state)
{
	const size_t fixed = 12 + 15 + 4 + OPT_FIXED, soa_len = 41;

	(void)state;
	for (size_t more = 0; more < 3; more++) {
		const struct ask ask = {
			.name = "c.example.com", .type = 28, .edns = true, .dnssec_ok = true};
		bool fits = more == 0;

		put_leaf(XNS_EDNS_SIZE_DEFAULT - fixed - soa_len + more, more % 2);
		fill_ask(&ask, fits ? XNS_ANSWER_NODATA : XNS_ANSWER_TRUNCATED,
			 fits ? NULL : "noerror aa tc\n");
	}
}

/* ---- above the leaves ---- */

#define UPPER 91 /* so many keys of three words fill a page */

static void label_of(unsigned i, char ret[40])
{
	/* The last two have a word more, for what the apex has less. */
	sprintf(ret, "n%02u%0*u", i, i < UPPER - 2 ? 18 : 24, 0);
}

/* A root with two levels below, each page with one entry; the root is full. */
static void test_full_upper(void **state)
{
	char label[40], name[64];
	struct order_fill upper, lower;
	struct xns_order root;

	(void)state;
	order_fill_begin(&upper, 2);
	for (unsigned i = 0; i < UPPER; i++) {
		struct order_entry entry;
		struct xns_image_key below;

		label_of(i, label);
		entry = make_entry(i ? label : "", 20 + i);
		order_fill_begin(&lower, 0);
		add_entry(&lower, &entry);
		below = put_filled(&lower);
		order_entry_set_page(&entry, &below);
		order_fill_begin(&lower, 1);
		add_entry(&lower, &entry);
		below = put_filled(&lower);
		order_entry_set_page(&entry, &below);
		add_entry(&upper, &entry);
		sprintf(name, "%s.example.com", label);
		put_name(name);
	}
	order_fill_write(&upper, &root);
	assert_int_equal(root.n_words, XNS_ORDER_WORDS);
	put_zone(fill_page(rig, &root));
	for (unsigned i = 1; i < UPPER; i++) {
		label_of(i, label);
		sprintf(name, "%s.example.com", label);
		expect_proof(name, XNS_ANSWER_NODATA, 20 + i, 0);
	}
	expect_proof("example.com", XNS_ANSWER_NODATA, 20, 0);
}

/* ---- pages that lie ---- */

struct lie {
	const char *what;
	void (*tell)(struct xns_order *page, struct xns_proof *proof, uint16_t *place);
	enum xns_counter counter;
};

/* The page has one entry, of which the proof lies at word 2: place[0] says where, place[1] of how
 * many words the key is. */
#define LIE(name) \
	static void lie_##name(struct xns_order *page, struct xns_proof *proof, uint16_t *place)

LIE(no_entries)
{
	(void)proof, (void)place;
	page->n = 0;
}

LIE(no_proof)
{
	(void)page, (void)place;
	proof->head.len = 0;
}

LIE(too_long)
{
	(void)page, (void)place;
	proof->head.len = XNS_IMAGE_LARGE_MAX + 1;
}

LIE(longest)
{
	(void)page, (void)place;
	proof->head.len = 65535;
}

LIE(outside)
{
	(void)page, (void)proof;
	place[0] = XNS_ORDER_WORDS;
}

LIE(far_outside)
{
	(void)page, (void)proof;
	place[0] = 65535;
}

LIE(long_key)
{
	(void)page, (void)proof;
	place[1] = 65535;
}

/* The proof moved to so many words before the page's end. */
static void move_proof(struct xns_order *page, struct xns_proof *proof, uint16_t *place,
		       unsigned words)
{
	place[0] = XNS_ORDER_WORDS - words;
	memmove(page->word + place[0], proof, 8 * (words < 8 ? words : 8));
}

LIE(last_word)
{
	move_proof(page, proof, place, 1);
}

LIE(last_two_words)
{
	move_proof(page, proof, place, 2);
}

LIE(only_a_head)
{
	move_proof(page, proof, place, PROOF_WORDS);
}

LIE(half_a_proof)
{
	move_proof(page, proof, place, PROOF_WORDS + 2);
}

LIE(over_the_end)
{
	proof->head.len = 1900;
	move_proof(page, proof, place, 230);
}

LIE(pointers_over_the_end)
{
	proof->layout.n_pointers = XNS_POINTERS_MAX;
	move_proof(page, proof, place, PROOF_WORDS + 6);
}

LIE(many_pointers)
{
	(void)page, (void)place;
	proof->layout.n_pointers = 255;
}

LIE(pointer_far_away)
{
	(void)page, (void)place;
	memcpy((uint8_t *)(proof + 1) + 40, "\xff\x7f", 2);
}

static void test_lies(void **state)
{
	static const struct lie lies[] = {
		{"no entries", lie_no_entries, XNS_PASS_DNSSEC},
		{"no proof", lie_no_proof, XNS_PASS_DNSSEC},
		{"a proof too long", lie_too_long, XNS_PASS_DNSSEC},
		{"the longest", lie_longest, XNS_PASS_DNSSEC},
		{"outside", lie_outside, XNS_PASS_DNSSEC},
		{"far outside", lie_far_outside, XNS_PASS_DNSSEC},
		{"a key too long", lie_long_key, XNS_PASS_DNSSEC},
		{"in the last word", lie_last_word, XNS_PASS_DNSSEC},
		{"in the last two words", lie_last_two_words, XNS_PASS_CHANGING},
		{"nothing but a head", lie_only_a_head, XNS_PASS_CHANGING},
		{"half a proof", lie_half_a_proof, XNS_PASS_CHANGING},
		{"over the end", lie_over_the_end, XNS_PASS_CHANGING},
		{"pointers over the end", lie_pointers_over_the_end, XNS_PASS_CHANGING},
		{"too many pointers", lie_many_pointers, XNS_PASS_CHANGING},
		{"a pointer far away", lie_pointer_far_away, XNS_PASS_CHANGING},
	};

	(void)state;
	rig->config->max_udp_size = REPLY_MAX;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const struct order_entry entry = make_entry("", 40);
		struct order_fill fill;
		struct xns_order page;

		order_fill_begin(&fill, 0);
		add_entry(&fill, &entry);
		order_fill_write(&fill, &page);
		lies[i].tell(&page, (struct xns_proof *)&page.word[2], (uint16_t *)&page.word[1]);
		put_zone(fill_page(rig, &page));
		expect_pass(lies[i].what, lies[i].counter);
	}
	rig->config->max_udp_size = XNS_EDNS_SIZE_DEFAULT;
}

/* Pages of which the one below is missing, is nothing, or is the page itself. */
static void test_below(void **state)
{
	const struct xns_image_key self = {5, 5}, nowhere = {6, 6}, none = {0, 0};
	const struct xns_image_key *below[] = {&nowhere, &none, &self};

	(void)state;
	for (unsigned level = 1; level < XNS_ORDER_LEVELS; level += 7) {
		for (unsigned i = 0; i < 3; i++) {
			struct order_entry entry = {.key.n = 0};
			struct order_fill fill;
			struct xns_order page;

			order_fill_begin(&fill, level);
			order_entry_set_page(&entry, below[i]);
			add_entry(&fill, &entry);
			order_fill_write(&fill, &page);
			if (i == 2)
				assert_int_equal(
					bpf_map_update_elem(rig_map_of(rig, "order", &self), &self,
							    &page, BPF_ANY),
					0);
			put_zone(i == 2 ? self : fill_page(rig, &page));
			expect_pass("nothing below", XNS_PASS_DNSSEC);
		}
	}
}

int test_proofs(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),	   cmocka_unit_test(test_two_longest),
		cmocka_unit_test(test_once),	   cmocka_unit_test(test_cut_reply),
		cmocka_unit_test(test_full_upper), cmocka_unit_test(test_lies),
		cmocka_unit_test(test_below),
	};

	return cmocka_run_group_tests_name("packet: proofs", tests, setup, fill_teardown);
}
