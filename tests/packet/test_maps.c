/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is answered from which entries: nodes and their pages, images, flags, the way up to the
 * encloser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "packet/fill.h"
#include "packet/groups.h"

#define A_TEXT(name) "noerror aa\nan " name " 3600 a 192.0.2.1\n"

static const char nxdomain[] =
	"nxdomain aa\nns example.com. 60 soa ns.example.com. h.example.com. 1 1 2 3 60\n";
static const char nodata[] =
	"noerror aa\nns example.com. 60 soa ns.example.com. h.example.com. 1 1 2 3 60\n";

static struct rig *const rig = &fill_rig;

static void ask_name(const char *name, uint16_t type, enum xns_counter counter, const char *text)
{
	fill_ask(&(struct ask){.name = name, .type = type}, counter, text);
	fill_ask(&(struct ask){.name = name, .type = type, .edns = true}, counter, text);
}

/* Every byte of one reply. */
static void test_bytes(void **state)
{
	static const uint8_t expect[] =
		"\xbe\xef\x85\x00\x00\x01\x00\x01\x00\x00\x00\x01" /* QR AA RD */
		"\x03wWW\x07"
		"eXAmPLe\x03"
		"cOM\x00\x00\x01\x00\x01" /* as it was spelled */
		"\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x01"
		"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00"; /* 1232, DO */
	struct xns_node node = fill_node("www.example.com");
	const struct ask ask = {.name = "www.example.com",
				.type = 1,
				.flags = {0x01, 0x30},
				.edns = true,
				.edns_size = 4000,
				.dnssec_ok = true};
	const struct shape shape = {.tags = 1};
	uint8_t message[512], frame[FRAME_MAX];
	struct outcome outcome;
	size_t len = ask_message(&ask, message);

	(void)state;
	fill_type(rig, &node, 1, FILL_A, FILL_A_LEN, false);
	fill_put(rig, "nodes", "www.example.com", 0, &node);
	memcpy(message + 13,
	       "wWW\x07"
	       "eXAmPLe\x03"
	       "cOM",
	       15);
	len = frame_make(&shape, message, len, frame);
	rig_expect_reply(rig, &shape, frame, len, XNS_ANSWER_POSITIVE, A_TEXT("www.example.com."),
			 "bytes", &outcome);
	assert_int_equal(outcome.len, frame_message(&shape) + sizeof(expect) - 1);
	assert_memory_equal(outcome.frame + frame_message(&shape), expect, sizeof(expect) - 1);
}

static void test_images(void **state)
{
	struct xns_node node = fill_node("images.example.com");
	uint8_t small[XNS_IMAGE_SMALL_MAX], large[XNS_IMAGE_LARGE_MAX], tiny[XNS_IMAGE_TINY_MAX];

	(void)state;
	fill_txt(tiny, sizeof(tiny));
	fill_txt(small, sizeof(small));
	fill_txt(large, 1001);
	fill_type(rig, &node, 16, small, sizeof(small), true);
	fill_type(rig, &node, 17, large, 1001, true); /* odd */
	fill_type(rig, &node, 28, FILL_A, FILL_A_LEN, false);
	fill_type(rig, &node, 64, small, 13 + 2, true);
	((uint8_t *)&node)[node.type[3].off + 8] ^=
		XNS_CLASS_TINY ^ XNS_CLASS_LARGE; /* leads nowhere */
	fill_type(rig, &node, 99, tiny, sizeof(tiny), true);
	fill_put(rig, "nodes", "images.example.com", 0, &node);
	ask_name("images.example.com", 16, XNS_ANSWER_POSITIVE, NULL);
	fill_ask(&(struct ask){.name = "images.example.com", .type = 17, .edns = true},
		 XNS_ANSWER_POSITIVE, NULL);
	ask_name("images.example.com", 28, XNS_ANSWER_POSITIVE, A_TEXT("images.example.com."));
	ask_name("images.example.com", 64, XNS_PASS_CHANGING, NULL);
	ask_name("images.example.com", 99, XNS_ANSWER_POSITIVE, NULL);
	ask_name("images.example.com", 29, XNS_ANSWER_NODATA, nodata);
	ask_name("images.example.com", 1, XNS_ANSWER_NODATA, nodata);
	ask_name("images.example.com", 65535, XNS_ANSWER_NODATA, nodata);
}

/* The images are what they were after the trip through the packet. */
static void test_image_bytes(void **state)
{
	const size_t lens[] = {14, 72,	73,  79,  80,  81,  87,	 88,  89,   95,	 96,
			       97, 175, 176, 177, 431, 432, 433, 434, 1100, 1180};
	const struct shape shape = {.ipv6 = true};
	uint8_t message[512], frame[FRAME_MAX], image[XNS_IMAGE_LARGE_MAX];
	const struct ask ask = {.name = "bytes.example.com", .type = 16, .edns = true};
	size_t message_len = ask_message(&ask, message);
	size_t len = frame_make(&shape, message, message_len, frame);
	struct outcome outcome;

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct xns_node node = fill_node("bytes.example.com");

		fill_txt(image, lens[i]);
		fill_type(rig, &node, 16, image, lens[i], lens[i] > 96);
		fill_put(rig, "nodes", "bytes.example.com", 0, &node);
		rig_expect_reply(rig, &shape, frame, len, XNS_ANSWER_POSITIVE, NULL, ask.name,
				 &outcome);
		assert_int_equal(outcome.len, len + lens[i]);
		assert_memory_equal(outcome.frame + len - OPT_FIXED, image, lens[i]);
	}
}

static void test_pages(void **state)
{
	struct xns_node page = fill_node("pages.example.com");

	(void)state;
	page.flags = XNS_NODE_MORE;
	page.later = ~0;
	for (int n = 0; n < 3; n++) {
		page.n_types = 0;
		for (int i = 0; i < XNS_NODE_TYPES; i++)
			fill_type(rig, &page, 100 * n + 10 * i + 1, FILL_A, FILL_A_LEN, true);
		if (n == 2)
			page.flags = page.later = 0;
		fill_put(rig, "nodes", "pages.example.com", n, &page);
	}
	for (int type = 1; type < 128; type++)
		if (type != 41 && type != 43)
			fill_ask(&(struct ask){.name = "pages.example.com", .type = type},
				 type % 10 == 1 && type % 100 < 10 * XNS_NODE_TYPES
					 ? XNS_ANSWER_POSITIVE
					 : XNS_ANSWER_NODATA,
				 NULL);
	/* A type beyond a page that has gone meanwhile. */
	page.flags = XNS_NODE_MORE;
	page.later = 1u << 300 % 32;
	fill_put(rig, "nodes", "pages.example.com", 2, &page);
	ask_name("pages.example.com", 300, XNS_PASS_CHANGING, NULL);
	ask_name("pages.example.com", 301, XNS_ANSWER_NODATA, nodata); /* not on that page */
	ask_name("pages.example.com", 101, XNS_ANSWER_POSITIVE, NULL);
	/* All 32 pages: the last leads on, and is the last all the same. */
	for (int n = 3; n < XNS_NODE_PAGES; n++)
		fill_put(rig, "nodes", "pages.example.com", n, &page);
	ask_name("pages.example.com", 300, XNS_ANSWER_NODATA, nodata);
}

/* A CNAME: type 0 answers what is not listed, on whatever page. */
static void test_cname(void **state)
{
	static const char cname[] =
		"\xc0\x0c\x00\x05\x00\x01\x00\x00\x0e\x10\x00\x06\x03www\xc0\x12";
	static const char text[] =
		"noerror aa\nan alias.example.com. 3600 cname www.example.com.\n";
	struct xns_node node = fill_node("alias.example.com");

	(void)state;
	node.flags = XNS_NODE_CNAME;
	fill_type(rig, &node, 0, cname, sizeof(cname) - 1, false);
	fill_type(rig, &node, 28, FILL_A, FILL_A_LEN, true);
	fill_type(rig, &node, 46, FILL_A, FILL_A_LEN, true);
	node.type[2].flags = XNS_TYPE_PASS;
	fill_head(&node, 2)->len = 0;
	node.flags |= XNS_NODE_MORE;
	node.later = 1u << 47 % 32;
	fill_put(rig, "nodes", "alias.example.com", 0, &node);
	node.n_types = 0;
	node.flags &= ~XNS_NODE_MORE;
	fill_type(rig, &node, 47, FILL_A, FILL_A_LEN, false);
	fill_put(rig, "nodes", "alias.example.com", 1, &node);
	ask_name("alias.example.com", 1, XNS_ANSWER_POSITIVE, text);
	ask_name("alias.example.com", 5, XNS_ANSWER_POSITIVE, text);
	ask_name("alias.example.com", 48, XNS_ANSWER_POSITIVE, text);
	ask_name("alias.example.com", 28, XNS_ANSWER_POSITIVE, A_TEXT("alias.example.com."));
	ask_name("alias.example.com", 47, XNS_ANSWER_POSITIVE, A_TEXT("alias.example.com."));
	ask_name("alias.example.com", 46, XNS_PASS_NODE, NULL);
}

/* The SOA's pointers for names of every length, SOA at odd and even offsets, itself odd and even.
 */
static void test_soa_shift(void **state)
{
	char name[80] = "", text[200];
	struct xns_zone zone = fill_zone_default(rig);

	(void)state;
	for (int slot = 0; slot < 2; slot++) {
		zone.current = slot;
		fill_zone(rig, &zone);
		snprintf(
			text, sizeof(text),
			"nxdomain aa\nns example.com. 60 soa %s.example.com. h.example.com. %d 1 2 3 60\n",
			slot ? "ns1" : "ns", slot + 1);
		for (int n = 1; n <= 63; n++) {
			snprintf(name, sizeof(name), "%.*s.example.com", n,
				 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
			ask_name(name, 1, XNS_ANSWER_NXDOMAIN, text);
		}
	}
	zone.version[1].soa.head.len = 0;
	fill_zone(rig, &zone);
	ask_name("x.example.com", 1, XNS_PASS_NODE, NULL);
	zone.version[1].soa.head.len = 20;
	zone.version[1].soa.key.owner = ~0;
	fill_zone(rig, &zone);
	ask_name("x.example.com", 1, XNS_PASS_CHANGING, NULL);
	zone.current = 0;
	fill_zone(rig, &zone);
}

/* An image that asks for the SOA behind it, and one that has NXDOMAIN; AA clear. */
static void test_image_flags(void **state)
{
	static const char cname[] =
		"\xc0\x0c\x00\x05\x00\x01\x00\x00\x0e\x10\x00\x07\x04none\xc0\x10";
	struct xns_node node = fill_node("bad.example.com");

	(void)state;
	node.flags = XNS_NODE_CNAME;
	fill_type(rig, &node, 0, cname, sizeof(cname) - 1, false);
	fill_head(&node, 0)->flags = XNS_IMAGE_SOA | 3;
	fill_put(rig, "nodes", "bad.example.com", 0, &node);
	ask_name("bad.example.com", 1, XNS_ANSWER_POSITIVE,
		 "nxdomain aa\nan bad.example.com. 3600 cname none.example.com.\n"
		 "ns example.com. 60 soa ns.example.com. h.example.com. 1 1 2 3 60\n");
	fill_head(&node, 0)->flags = XNS_IMAGE_NOAA;
	fill_put(rig, "nodes", "bad.example.com", 0, &node);
	ask_name("bad.example.com", 1, XNS_ANSWER_POSITIVE,
		 "noerror\nan bad.example.com. 3600 cname none.example.com.\n");
}

/* What a node's flags say of the name itself and of names below. */
static void test_flags(void **state)
{
	static const struct {
		uint8_t flags;
		enum xns_counter at, below;
	} table[] = {
		{0, XNS_ANSWER_NODATA, XNS_ANSWER_NXDOMAIN},
		{XNS_NODE_CUT, XNS_PASS_REFERRAL, XNS_PASS_REFERRAL},
		{XNS_NODE_DNAME, XNS_ANSWER_NODATA, XNS_PASS_DNAME},
		{XNS_NODE_WILDCARD, XNS_ANSWER_NODATA, XNS_PASS_CHANGING}, /* it is not there */
		{XNS_NODE_PASS, XNS_PASS_NODE, XNS_PASS_NODE},
		{XNS_NODE_PASS | XNS_NODE_CUT | XNS_NODE_WILDCARD, XNS_PASS_NODE, XNS_PASS_NODE},
	};
	struct xns_node node = fill_node("flag.example.com"), deep = fill_node("b.a.example.com");

	(void)state;
	/* A deeper name somewhere, so that the walk begins below. */
	fill_put(rig, "nodes", "b.a.example.com", 0, &deep);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		node.flags = table[i].flags;
		fill_put(rig, "nodes", "flag.example.com", 0, &node);
		ask_name("flag.example.com", 1, table[i].at, NULL);
		ask_name("x.flag.example.com", 1, table[i].below, NULL);
		ask_name("a.b.c.d.e.x.flag.example.com", 1, table[i].below, NULL);
	}
	ask_name("a.example.com", 1, XNS_ANSWER_NXDOMAIN, nxdomain);
	ask_name("com", 1, XNS_PASS_NO_ZONE, NULL);
	ask_name(".", 1, XNS_PASS_NO_ZONE, NULL);
	ask_name("example.org", 1, XNS_PASS_NO_ZONE, NULL);
	ask_name("x.y.z.example.org", 1, XNS_PASS_NO_ZONE, NULL);
	ask_name("example.com", 43, XNS_ANSWER_NODATA, nodata); /* no zone above is held */
	ask_name("b.a.example.com", 43, XNS_ANSWER_NODATA, nodata);
}

/* Names of 255 bytes and of 127 labels, found and not. */
static void test_longest(void **state)
{
	char name[600] = "", text[1200];
	struct xns_node node;

	(void)state;
	for (int i = 0; i < 121; i++)
		strcat(name, "a.");
	strcat(name, "example.com"); /* 121 * 2 + 13 = 255 bytes */
	node = fill_node(name);
	fill_type(rig, &node, 1, FILL_A, FILL_A_LEN, false);
	fill_put(rig, "nodes", name, 0, &node);
	snprintf(text, sizeof(text), A_TEXT("%s."), name);
	ask_name(name, 1, XNS_ANSWER_POSITIVE, text);
	name[0] = 'b';
	ask_name(name, 1, XNS_ANSWER_NXDOMAIN, nxdomain); /* 121 steps up */
	memcpy(name, "b.b.", 4);
	ask_name(name, 1, XNS_ANSWER_NXDOMAIN, nxdomain);
	/* 127 labels, 255 bytes, in no zone. */
	name[0] = '\0';
	for (int i = 0; i < 127; i++)
		strcat(name, i ? ".z" : "z");
	ask_name(name, 1, XNS_PASS_NO_ZONE, NULL);
	snprintf(name, sizeof(name), "%.63s.%.63s.%.63s.%.49s.example.com",
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
		 "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
		 "ddddddddddddddddddddddddddddddddddddddddddddddddd");
	node = fill_node(name);
	fill_type(rig, &node, 1, FILL_A, FILL_A_LEN, false);
	fill_put(rig, "nodes", name, 0, &node);
	ask_name(name, 1, XNS_ANSWER_POSITIVE, NULL);
	name[0] = 'x';
	ask_name(name, 1, XNS_ANSWER_NXDOMAIN, nxdomain);
}

/* One byte too many: 256. Not made by libknot, which refuses such names. */
static void test_too_long_name(void **state)
{
	uint8_t message[512] = {0, 1, 0, 0, 0, 1}, frame[FRAME_MAX];
	const struct shape shape = {0};
	size_t at = 12;

	(void)state;
	for (int i = 0; i < 4; i++) {
		size_t label = i < 3 ? 63 : 62;

		message[at] = label;
		memset(message + at + 1, 'a' + i, label);
		at += 1 + label;
	}
	memcpy(message + at, "\0\0\1\0\1", 5);
	rig_expect_pass(rig, frame, frame_make(&shape, message, at + 5, frame), XNS_PASS_MALFORMED,
			"a name of 256 bytes");
	/* 128 labels of one byte: 257. */
	for (at = 12; at < 12 + 256; at += 2)
		memcpy(message + at, "\1a", 2);
	memcpy(message + at, "\0\0\1\0\1", 5);
	rig_expect_pass(rig, frame, frame_make(&shape, message, at + 5, frame), XNS_PASS_MALFORMED,
			"128 labels");
}

/* Bytes that are no letters are not folded: a name with them is found only as it is. */
static void test_case(void **state)
{
	struct xns_node node = fill_node("\\@\\[\\`\\{\\192\\218\\224\\250-z.example.com");
	struct ask ask = {.type = 1, .spelling = CASE_MIXED};

	(void)state;
	fill_type(rig, &node, 1, FILL_A, FILL_A_LEN, false);
	fill_put(rig, "nodes", "\\@\\[\\`\\{\\192\\218\\224\\250-z.example.com", 0, &node);
	ask.name = "\\@\\[\\`\\{\\192\\218\\224\\250-Z.EXAMPLE.COM";
	fill_ask(&ask, XNS_ANSWER_POSITIVE, NULL);
	ask.name = "\\`\\[\\`\\{\\192\\218\\224\\250-z.example.com"; /* @ | 0x20 */
	fill_ask(&ask, XNS_ANSWER_NXDOMAIN, nxdomain);
	ask.name = "\\@\\{\\`\\{\\192\\218\\224\\250-z.example.com"; /* [ | 0x20 */
	fill_ask(&ask, XNS_ANSWER_NXDOMAIN, nxdomain);
	ask.name = "\\@\\[\\`\\{\\224\\250\\224\\250-z.example.com"; /* above ASCII */
	fill_ask(&ask, XNS_ANSWER_NXDOMAIN, nxdomain);
}

/* BADVERS before any look at the name; OPT of version 0, no AA: as Knot DNS, NSD and BIND do. */
static void test_badvers(void **state)
{
	struct ask ask = {.type = 1, .edns = true, .edns_version = 1, .dnssec_ok = true};
	static const char *const names[] = {"www.example.com", "no.such.zone", "."};
	uint8_t message[512], frame[FRAME_MAX];
	const struct shape shape = {.ipv6 = true};
	struct outcome outcome;

	(void)state;
	for (int i = 0; i < 3; i++) {
		size_t len, question;

		ask.name = names[i];
		fill_ask(&ask, XNS_ANSWER_BADVERS, "noerror\n");
		len = ask_message(&ask, message);
		question = len - OPT_FIXED;
		len = frame_make(&shape, message, len, frame);
		rig_expect_reply(rig, &shape, frame, len, XNS_ANSWER_BADVERS, "noerror\n", ask.name,
				 &outcome);
		assert_int_equal(outcome.len, len);
		assert_memory_equal(outcome.frame + frame_message(&shape) + question,
				    "\x00\x00\x29\x04\xd0\x01\x00\x80\x00\x00\x00", OPT_FIXED);
	}
}

/* Entries that contradict themselves: counted, never answered from. */
static void test_damage(void **state)
{
	struct xns_node node = fill_node("damage.example.com");
	struct xns_zone zone = fill_zone_default(rig);

	(void)state;
	fill_type(rig, &node, 1, FILL_A, FILL_A_LEN, false);
	node.labels++;
	fill_put(rig, "nodes", "damage.example.com", 0, &node);
	ask_name("damage.example.com", 1, XNS_PASS_CHANGING, NULL);
	ask_name("x.damage.example.com", 1, XNS_PASS_CHANGING, NULL);
	node.labels--;
	node.zone++;
	fill_put(rig, "nodes", "damage.example.com", 0, &node);
	ask_name("damage.example.com", 1, XNS_PASS_CHANGING, NULL);
	node.zone--;
	fill_head(&node, 0)->len = XNS_NODE_DATA + 1;
	fill_put(rig, "nodes", "damage.example.com", 0, &node);
	ask_name("damage.example.com", 1, XNS_PASS_INTERNAL, NULL);
	fill_head(&node, 0)->len = 16;
	node.type[0].off = sizeof(node) - 7;
	fill_put(rig, "nodes", "damage.example.com", 0, &node);
	ask_name("damage.example.com", 1, XNS_PASS_INTERNAL, NULL);
	node.type[0].off = xns_node_begin(1);
	node.type[0].flags = 0;
	fill_head(&node, 0)->len = XNS_IMAGE_LARGE_MAX + 1;
	fill_put(rig, "nodes", "damage.example.com", 0, &node);
	ask_name("damage.example.com", 1, XNS_PASS_INTERNAL, NULL);
	zone.apex_len = 255;
	fill_zone(rig, &zone);
	ask_name("none.example.com", 1, XNS_PASS_CHANGING, NULL);
	zone.apex_len = 13;
	fill_zone(rig, &zone);
}

int test_maps(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),	    cmocka_unit_test(test_images),
		cmocka_unit_test(test_image_bytes), cmocka_unit_test(test_pages),
		cmocka_unit_test(test_cname),	    cmocka_unit_test(test_soa_shift),
		cmocka_unit_test(test_image_flags), cmocka_unit_test(test_flags),
		cmocka_unit_test(test_longest),	    cmocka_unit_test(test_too_long_name),
		cmocka_unit_test(test_case),	    cmocka_unit_test(test_badvers),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests_name("packet: maps", tests, fill_setup, fill_teardown);
}
