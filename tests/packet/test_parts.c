/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replies put together from parts under names other than the one that an image was made for:
 * wildcards, referrals, what is put in before an additional section, entries for DO=1, DS above a
 * zone, options. Checksums, pointers and offsets odd and even.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "packet/fill.h"
#include "packet/groups.h"

#define SOA_TEXT	   "ns example.com. 60 soa ns.example.com. h.example.com. 1 1 2 3 60\n"
#define B(array)	   .bytes = array, .len = sizeof(array) - 1
#define OTHER_ZONE	   8
#define LABEL_MAX	   63
#define OPTION_NSID	   3
#define OPTION_ZONEVERSION 19

static struct rig *const rig = &fill_rig;

/* dnssec_ok < 0: without and with EDNS, but not with DO. */
static void ask_for(const char *name, uint16_t type, int dnssec_ok, enum xns_counter counter,
		    const char *text)
{
	if (dnssec_ok < 0)
		fill_ask(&(struct ask){.name = name, .type = type}, counter, text);
	fill_ask(
		&(struct ask){.name = name, .type = type, .edns = true, .dnssec_ok = dnssec_ok > 0},
		counter, text);
}

/* Labels of every length before a name; then many labels. */
static void names_below(const char *suffix, unsigned i, char ret[512])
{
	ret[0] = '\0';
	if (i < LABEL_MAX) {
		memset(ret, 'x', i + 1);
		ret[i + 1] = '\0';
	} else {
		for (unsigned labels = 0; labels < i - LABEL_MAX + 2; labels++)
			strcat(ret, labels ? ".y" : "y");
	}
	strcat(ret, ".");
	strcat(ret, suffix);
}

#define NAMES_BELOW (LABEL_MAX + 40)

/* ---- wildcards ---- */

/* Made for "*.w.example.com": example.com at 16. The owner points at 12 whatever QNAME is. */
static const char wild_cname[] = "\xc0\x0c\x00\x05\x00\x01\x00\x00\x0e\x10\x00\x06\x03www\xc0\x10";

static void put_wildcard(bool outside, bool odd)
{
	static const char txt_odd[] = "\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10\x00\x03\x02hi";
	static const char txt_even[] = "\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10\x00\x04\x03hi!";
	uint8_t flags = outside ? 0 : XNS_TYPE_INLINE;
	struct fill_image txt = {.head.ancount = 1, B(txt_even)};
	const struct fill_image cname = {.head.ancount = 1,
					 B(wild_cname),
					 .pointer = {16},
					 .n_pointers = 1,
					 .has_layout = true};
	struct xns_node above = fill_node("w.example.com"), wild = fill_node("*.w.example.com");

	if (odd) {
		txt.bytes = txt_odd;
		txt.len = sizeof(txt_odd) - 1;
	}
	above.flags = XNS_NODE_WILDCARD;
	fill_put(rig, "nodes", "w.example.com", 0, &above);
	fill_entry(&wild, 5, flags, &cname);
	fill_entry(&wild, 16, flags, &txt);
	fill_put(rig, "nodes", "*.w.example.com", 0, &wild);
}

static void test_wildcard(void **state)
{
	char name[512], text[1200];

	(void)state;
	for (int n = 0; n < 4; n++) {
		put_wildcard(n & 1, n & 2);
		for (unsigned i = 0; i < NAMES_BELOW; i += 3) {
			names_below("w.example.com", i, name);
			snprintf(text, sizeof(text),
				 "noerror aa\nan %s. 3600 cname www.example.com.\n", name);
			ask_for(name, 5, -1, XNS_ANSWER_POSITIVE, text);
			snprintf(text, sizeof(text), "noerror aa\nan %s. 3600 txt \"%s\"\n", name,
				 n & 2 ? "hi" : "hi!");
			ask_for(name, 16, -1, XNS_ANSWER_POSITIVE, text);
			ask_for(name, 1, 1, XNS_ANSWER_NODATA, "noerror aa\n" SOA_TEXT);
		}
	}
	/* The name itself, and the wildcard asked for by its name. */
	ask_for("w.example.com", 16, -1, XNS_ANSWER_NODATA, "noerror aa\n" SOA_TEXT);
	ask_for("*.w.example.com", 5, -1, XNS_ANSWER_POSITIVE,
		"noerror aa\nan *.w.example.com. 3600 cname www.example.com.\n");
	ask_for("x.*.w.example.com", 5, -1, XNS_ANSWER_NXDOMAIN, "nxdomain aa\n" SOA_TEXT);
}

/* A wildcard that is something that the stack has to look at, and one that is not there. */
static void test_wildcard_flags(void **state)
{
	static const uint8_t flags[] = {XNS_NODE_CUT, XNS_NODE_DNAME, XNS_NODE_PASS};
	struct xns_node above = fill_node("f.example.com"), wild = fill_node("*.f.example.com");
	struct xns_zone zone = fill_zone_default(rig);

	(void)state;
	above.flags = XNS_NODE_WILDCARD;
	fill_put(rig, "nodes", "f.example.com", 0, &above);
	ask_for("x.f.example.com", 1, -1, XNS_PASS_CHANGING, NULL);
	for (unsigned i = 0; i < sizeof(flags); i++) {
		wild.flags = flags[i];
		fill_put(rig, "nodes", "*.f.example.com", 0, &wild);
		ask_for("x.f.example.com", 1, -1, XNS_PASS_WILDCARD, NULL);
	}
	wild.flags = 0;
	wild.zone++;
	fill_put(rig, "nodes", "*.f.example.com", 0, &wild);
	ask_for("x.f.example.com", 1, -1, XNS_PASS_WILDCARD, NULL);
	wild.zone--;
	fill_put(rig, "nodes", "*.f.example.com", 0, &wild); /* an empty non-terminal */
	ask_for("x.f.example.com", 1, -1, XNS_ANSWER_NODATA, "noerror aa\n" SOA_TEXT);
	zone.flags = 0;
	fill_zone(rig, &zone);
	ask_for("x.f.example.com", 1, -1, XNS_PASS_NOT_READY, NULL);
	zone.flags = XNS_ZONE_F_COMPLETE;
	fill_zone(rig, &zone);
}

/* ---- referrals, and what is put in before an additional section ---- */

/*
 * Made for "cut.example.com" (12; the question ends at 33): NS of itself, addresses of its server;
 * the second address points at the first one's owner, which is where the additional section begins.
 */
static const char cut_even[] =
	"\xc0\x0c\x00\x02\x00\x01\x00\x00\x0e\x10\x00\x05\x02ns\xc0\x0c"
	"\x02ns\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x05"
	"\xc0\x32\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x06";
#define CUT_ADDITIONAL 17
#define CUT_TEXT       "ns cut.example.com. 3600 ns ns.cut.example.com.\n"
#define GLUE_TEXT                                   \
	"ar ns.cut.example.com. 3600 a 192.0.2.5\n" \
	"ar ns.cut.example.com. 3600 a 192.0.2.6\n"

static struct fill_image cut_image(uint8_t flags)
{
	struct fill_image image = {
		.head = {.nscount = 1, .arcount = 2, .flags = XNS_IMAGE_NOAA | flags},
		B(cut_even),
		.additional = sizeof(cut_even) - 1 - CUT_ADDITIONAL,
		.pointer = {0, 15, 20, 36 | XNS_POINTER_OWN},
		.n_pointers = 4,
		.has_layout = true,
	};

	return image;
}

static void test_referral(void **state)
{
	static const char ds[] =
		"\xc0\x0c\x00\x2b\x00\x01\x00\x00\x0e\x10\x00\x05\x12\x34\x0d\x02\xab";
	struct xns_node cut = fill_node("cut.example.com");
	struct fill_image image = cut_image(0);
	char name[512];

	(void)state;
	cut.flags = XNS_NODE_CUT;
	fill_put(rig, "nodes", "cut.example.com", 0, &cut);
	ask_for("cut.example.com", 1, -1, XNS_PASS_REFERRAL, NULL);
	ask_for("x.cut.example.com", 1, -1, XNS_PASS_REFERRAL, NULL);
	fill_entry(&cut, 0, 0, &image);
	fill_put(rig, "nodes", "cut.example.com", 0, &cut);
	ask_for("cut.example.com", 1, -1, XNS_ANSWER_REFERRAL, "noerror\n" CUT_TEXT GLUE_TEXT);
	ask_for("cut.example.com", 47, -1, XNS_ANSWER_REFERRAL, "noerror\n" CUT_TEXT GLUE_TEXT);
	ask_for("cut.example.com", 255, -1, XNS_ANSWER_REFERRAL, "noerror\n" CUT_TEXT GLUE_TEXT);
	ask_for("cut.example.com", 43, -1, XNS_ANSWER_NODATA, "noerror aa\n" SOA_TEXT);
	fill_type(rig, &cut, 43, ds, sizeof(ds) - 1, false);
	fill_put(rig, "nodes", "cut.example.com", 0, &cut);
	ask_for("cut.example.com", 43, -1, XNS_ANSWER_POSITIVE,
		"noerror aa\nan cut.example.com. 3600 ds 4660 13 2 ab\n");
	for (unsigned i = 0; i < NAMES_BELOW; i += 3) {
		names_below("cut.example.com", i, name);
		ask_for(name, i % 2 ? 1 : 43, -1, XNS_ANSWER_REFERRAL,
			"noerror\n" CUT_TEXT GLUE_TEXT);
	}
}

/* The SOA in between: for the common way of putting in (proofs go there as well). */
static void test_insertion(void **state)
{
	struct fill_image image = cut_image(XNS_IMAGE_SOA);
	struct xns_zone zone = fill_zone_default(rig);
	char name[512];

	(void)state;
	for (int outside = 0; outside < 2; outside++) {
		for (int slot = 0; slot < 2; slot++) {
			struct xns_node cut = fill_node("cut.example.com");

			zone.current = slot;
			fill_zone(rig, &zone);
			cut.flags = XNS_NODE_CUT;
			fill_entry(&cut, 0, outside ? 0 : XNS_TYPE_INLINE, &image);
			fill_put(rig, "nodes", "cut.example.com", 0, &cut);
			for (unsigned i = 0; i < NAMES_BELOW; i += 3) {
				names_below("cut.example.com", i, name);
				ask_for(name, 1, -1, XNS_ANSWER_REFERRAL,
					slot ? "noerror\n" CUT_TEXT
					       "ns example.com. 60 soa ns1.example.com. "
					       "h.example.com. 2 1 2 3 60\n" GLUE_TEXT
					     : "noerror\n" CUT_TEXT SOA_TEXT GLUE_TEXT);
			}
		}
	}
	zone.current = 0;
	fill_zone(rig, &zone);
}

/*
 * An order of one page of one entry, and its root. The proof names its own owner twice, which is
 * found by XNS_POINTER_OWN, at odd and even places.
 */
#define PROOF_TEXT "ns h.example.com. 3600 txt \"p\"\nns h.example.com. 3600 txt \"qq\"\n"

static struct xns_image_key put_proof(void)
{
	static const char proof[] = "\x01h\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10\x00\x02\x01p"
				    "\xc0\x00\x00\x10\x00\x01\x00\x00\x0e\x10\x00\x03\x02qq";
	const struct fill_image record = {
		.head.nscount = 2, B(proof), .pointer = {2, 16 | XNS_POINTER_OWN}, .n_pointers = 2};
	struct order_entry entry = {.key.n = 0};

	fill_proof(&entry, &record);
	return fill_order(rig, &entry, 1);
}

/* Proofs at a delegation. */
static void test_prove_cut(void **state)
{
	const struct order_entry empty = {.n_words = sizeof(struct xns_proof) / sizeof(__u64)};
	struct xns_node cut = fill_node("cut.example.com");
	struct fill_image image = cut_image(XNS_IMAGE_PROVE);
	struct xns_zone zone = fill_zone_default(rig);
	char name[512];

	(void)state;
	cut.flags = XNS_NODE_CUT;
	fill_entry(&cut, 0, XNS_TYPE_DO, &image);
	image.head.flags = XNS_IMAGE_NOAA;
	fill_entry(&cut, 0, 0, &image);
	fill_put(rig, "nodes", "cut.example.com", 0, &cut);
	zone.version[0].denial = XNS_DENIAL_NSEC;
	fill_zone(rig, &zone);
	ask_for("x.cut.example.com", 1, 1, XNS_PASS_DNSSEC, NULL); /* no page */
	zone.version[0].order = put_proof();
	fill_zone(rig, &zone);
	for (unsigned i = 0; i < NAMES_BELOW; i += 3) {
		names_below("cut.example.com", i, name);
		ask_for(name, 1, 0, XNS_ANSWER_REFERRAL, "noerror\n" CUT_TEXT GLUE_TEXT);
		ask_for(name, 1, 1, XNS_ANSWER_REFERRAL, "noerror\n" CUT_TEXT PROOF_TEXT GLUE_TEXT);
	}
	zone.version[0].denial = XNS_DENIAL_STACK;
	fill_zone(rig, &zone);
	ask_for("x.cut.example.com", 1, 1, XNS_PASS_DNSSEC, NULL);
	ask_for("x.cut.example.com", 1, 0, XNS_ANSWER_REFERRAL, NULL);
	zone.version[0].denial = XNS_DENIAL_NONE;
	fill_zone(rig, &zone);
	ask_for("x.cut.example.com", 1, 1, XNS_ANSWER_REFERRAL, "noerror\n" CUT_TEXT GLUE_TEXT);
	/* An entry that has no proof. */
	zone.version[0].order = fill_order(rig, &empty, 1);
	zone.version[0].denial = XNS_DENIAL_NSEC;
	fill_zone(rig, &zone);
	ask_for("x.cut.example.com", 1, 1, XNS_PASS_DNSSEC, NULL);
	zone = fill_zone_default(rig);
	fill_zone(rig, &zone);
}

/* ---- DO=1 ---- */

static void test_dnssec_entries(void **state)
{
	static const char with_sig[] =
		"\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x09"
		"\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10\x00\x02\x01s";
	const struct fill_image plain = {.head.ancount = 1, .bytes = FILL_A, .len = FILL_A_LEN},
				sig = {.head.ancount = 2, B(with_sig)};
	const char *plain_text = "noerror aa\nan do.example.com. 3600 a 192.0.2.1\n",
		   *sig_text = "noerror aa\nan do.example.com. 3600 a 192.0.2.9\n"
			       "an do.example.com. 3600 txt \"s\"\n";
	struct xns_node node = fill_node("do.example.com"), first = node;

	(void)state;
	fill_entry(&node, 1, XNS_TYPE_DO, &sig);
	fill_entry(&node, 1, XNS_TYPE_INLINE, &plain);
	fill_entry(&node, 28, XNS_TYPE_INLINE, &plain);
	fill_entry(&node, 46, XNS_TYPE_DO, &sig);
	fill_put(rig, "nodes", "do.example.com", 0, &node);
	ask_for("do.example.com", 1, -1, XNS_ANSWER_POSITIVE, plain_text);
	ask_for("do.example.com", 1, 1, XNS_ANSWER_POSITIVE, sig_text);
	ask_for("do.example.com", 28, 1, XNS_ANSWER_POSITIVE, plain_text);
	ask_for("do.example.com", 46, 0, XNS_ANSWER_NODATA, NULL);
	ask_for("do.example.com", 46, 1, XNS_ANSWER_POSITIVE, sig_text);
	/* The two on two pages. */
	first.flags = XNS_NODE_MORE;
	first.later = 1u << 1;
	fill_entry(&first, 1, XNS_TYPE_DO | XNS_TYPE_INLINE, &sig);
	fill_put(rig, "nodes", "do.example.com", 0, &first);
	node = fill_node("do.example.com");
	fill_entry(&node, 1, 0, &plain);
	fill_put(rig, "nodes", "do.example.com", 1, &node);
	ask_for("do.example.com", 1, -1, XNS_ANSWER_POSITIVE, plain_text);
	ask_for("do.example.com", 1, 1, XNS_ANSWER_POSITIVE, sig_text);
	/* Type 0 of both kinds. */
	node = fill_node("do.example.com");
	node.flags = XNS_NODE_CNAME;
	fill_entry(&node, 0, XNS_TYPE_DO, &sig);
	fill_entry(&node, 0, 0, &plain);
	fill_put(rig, "nodes", "do.example.com", 0, &node);
	for (uint16_t type = 1; type < 60; type++) {
		if (type == 41)
			continue;
		if (type == 46 || type == 47) {
			ask_for("do.example.com", type, 1, XNS_ANSWER_NODATA, NULL);
			continue;
		}
		ask_for("do.example.com", type, -1, XNS_ANSWER_POSITIVE, plain_text);
		ask_for("do.example.com", type, 1, XNS_ANSWER_POSITIVE, sig_text);
	}
}

/* Negative with DO=1: the SOA with its signatures, in a signed zone; none: for the stack. */
static void test_soa_sig(void **state)
{
	struct xns_zone zone = fill_zone_default(rig);

	(void)state;
	zone.version[0].soa_sig = zone.version[1].soa;
	zone.version[0].denial = XNS_DENIAL_NSEC;
	zone.version[0].order = put_proof();
	fill_zone(rig, &zone);
	ask_for("none.example.com", 1, 0, XNS_ANSWER_NXDOMAIN, "nxdomain aa\n" SOA_TEXT);
	ask_for("none.example.com", 1, 1, XNS_ANSWER_NXDOMAIN,
		"nxdomain aa\n"
		"ns example.com. 60 soa ns1.example.com. h.example.com. 2 1 2 3 60\n" PROOF_TEXT);
	zone.version[0].soa_sig.head.len = 0;
	fill_zone(rig, &zone);
	ask_for("none.example.com", 1, 0, XNS_ANSWER_NXDOMAIN, "nxdomain aa\n" SOA_TEXT);
	ask_for("none.example.com", 1, 1, XNS_PASS_NODE, NULL);
	zone = fill_zone_default(rig);
	fill_zone(rig, &zone);
}

/* ---- DS above ---- */

static const char ds[] = "\xc0\x0c\x00\x2b\x00\x01\x00\x00\x0e\x10\x00\x05\x12\x34\x0d\x02\xab";

static void test_above(void **state)
{
	struct xns_node apex = fill_node("child.example.com"), above = apex;
	struct xns_node top = fill_node("example.com");
	struct xns_zone child = fill_zone_default(rig);

	(void)state;
	child.apex_len = 19;
	child.apex_labels = 3;
	child.version[0] = child.version[1];
	apex.zone = OTHER_ZONE;
	fill_other_zone(rig, OTHER_ZONE, &child);
	fill_type(rig, &apex, 1, FILL_A, FILL_A_LEN, false);
	fill_put(rig, "nodes", "child.example.com", 0, &apex);
	/* The zone above has no node for it: it has not been transferred yet, or had no place. */
	ask_for("child.example.com", 43, -1, XNS_PASS_NOT_READY, NULL);
	/* The zone above is not held: what the child itself has, which is nothing. */
	fill_delete(rig, "nodes", "example.com");
	ask_for("child.example.com", 43, -1, XNS_ANSWER_NODATA,
		"noerror aa\n"
		"ns child.example.com. 60 soa ns1.child.example.com. h.child.example.com. "
		"2 1 2 3 60\n");
	fill_put(rig, "nodes", "example.com", 0, &top);
	/* It is: no delegation, DS, or something for the stack; the child may have expired. */
	child.state = XNS_ZONE_EXPIRED;
	fill_other_zone(rig, OTHER_ZONE, &child);
	fill_put_above(rig, "nodes", "child.example.com", &above);
	ask_for("child.example.com", 43, -1, XNS_ANSWER_NODATA, "noerror aa\n" SOA_TEXT);
	ask_for("child.example.com", 1, -1, XNS_ANSWER_EXPIRED, "servfail\n");
	fill_type(rig, &above, 43, ds, sizeof(ds) - 1, true);
	fill_put_above(rig, "nodes", "child.example.com", &above);
	ask_for("child.example.com", 43, -1, XNS_ANSWER_POSITIVE,
		"noerror aa\nan child.example.com. 3600 ds 4660 13 2 ab\n");
	above.flags = XNS_NODE_PASS;
	fill_put_above(rig, "nodes", "child.example.com", &above);
	ask_for("child.example.com", 43, -1, XNS_PASS_NODE, NULL);
	/* The child is held and no more: the zone above answers all the same. */
	child.state = XNS_ZONE_LOADING;
	fill_other_zone(rig, OTHER_ZONE, &child);
	above.flags = XNS_NODE_CUT;
	fill_put_above(rig, "nodes", "child.example.com", &above);
	apex.flags = XNS_NODE_PASS;
	fill_put(rig, "nodes", "child.example.com", 0, &apex);
	ask_for("child.example.com", 43, -1, XNS_ANSWER_POSITIVE,
		"noerror aa\nan child.example.com. 3600 ds 4660 13 2 ab\n");
	ask_for("child.example.com", 1, -1, XNS_PASS_NOT_READY, NULL);
}

/* Tombstones of the zone above count as its serial says: the answer is the child's own, which is
 * that of the child's serial in force. */
static void test_above_gone(void **state)
{
	struct xns_zone parent = fill_zone_default(rig), child = parent;
	struct xns_node apex = fill_node("gone.example.com"), above = apex, top;

	(void)state;
	parent.current = 1;
	fill_zone(rig, &parent);
	child.apex_len = 18;
	child.apex_labels = 3;
	fill_other_zone(rig, OTHER_ZONE, &child);
	above.flags = XNS_NODE_PASS;
	fill_put_above(rig, "nodes", "gone.example.com", &above);
	above.flags = XNS_NODE_GONE;
	above.slot = 1;
	fill_put_above(rig, "staged", "gone.example.com", &above);
	top = fill_node("example.com");
	top.flags = XNS_NODE_GONE;
	top.slot = 1;
	fill_put(rig, "staged", "example.com", 0, &top);
	apex.zone = OTHER_ZONE;
	fill_put(rig, "nodes", "gone.example.com", 0, &apex);
	apex.slot = 1;
	fill_type(rig, &apex, 43, ds, sizeof(ds) - 1, false);
	fill_put(rig, "staged", "gone.example.com", 0, &apex);
	ask_for("gone.example.com", 43, -1, XNS_PASS_NODE, NULL);
	rig->config->staging = 1;
	ask_for("gone.example.com", 43, -1, XNS_ANSWER_NODATA,
		"noerror aa\n"
		"ns gone.example.com. 60 soa ns.gone.example.com. h.gone.example.com. 1 1 2 3 60\n");
	child.current = 1;
	fill_other_zone(rig, OTHER_ZONE, &child);
	ask_for("gone.example.com", 43, -1, XNS_ANSWER_POSITIVE,
		"noerror aa\nan gone.example.com. 3600 ds 4660 13 2 ab\n");
	/* Staged for a serial of the zone above that is not in force. */
	parent.current = 0;
	fill_zone(rig, &parent);
	ask_for("gone.example.com", 43, -1, XNS_PASS_NODE, NULL);
	rig->config->staging = 0;
	fill_delete(rig, "staged", "example.com");
	fill_delete(rig, "staged", "gone.example.com");
}

/* DS that is not at an apex: nothing else than the name's own node is looked at. */
static void test_above_unread(void **state)
{
	struct xns_node cut = fill_node("plain.example.com"), above = cut;

	(void)state;
	above.flags = XNS_NODE_PASS;
	fill_put_above(rig, "nodes", "plain.example.com", &above);
	ask_for("plain.example.com", 43, -1, XNS_ANSWER_NXDOMAIN, "nxdomain aa\n" SOA_TEXT);
	cut.flags = XNS_NODE_CUT;
	fill_type(rig, &cut, 43, ds, sizeof(ds) - 1, false);
	fill_put(rig, "nodes", "plain.example.com", 0, &cut);
	ask_for("plain.example.com", 43, -1, XNS_ANSWER_POSITIVE,
		"noerror aa\nan plain.example.com. 3600 ds 4660 13 2 ab\n");
}

/* ---- options ---- */

static void expect_options(const char *name, const char *options, size_t len,
			   enum xns_counter counter, const char *expected, size_t expected_len,
			   uint16_t edns_size)
{
	uint8_t message[512], frame[FRAME_MAX];
	struct outcome outcome;
	const struct ask ask = {.name = name,
				.type = 16,
				.edns = true,
				.edns_size = edns_size,
				.edns_version = counter == XNS_ANSWER_BADVERS,
				.options = (const uint8_t *)options,
				.options_len = len};

	for (int n = 0; n < 4; n++) {
		const struct shape shape = {.ipv6 = n % 2, .tags = n / 2};
		size_t frame_len = frame_make(&shape, message, ask_message(&ask, message), frame);
		const uint8_t *opt;

		rig_expect_reply(rig, &shape, frame, frame_len, counter, NULL, name, &outcome);
		assert_true(outcome.len > OPT_FIXED + expected_len);
		opt = outcome.frame + outcome.len - expected_len - OPT_FIXED;
		assert_memory_equal(opt, "\0\0\x29\x04\xd0", 5);
		assert_int_equal(opt[9] << 8 | opt[10], expected_len);
		assert_memory_equal(opt + OPT_FIXED, expected, expected_len);
	}
}

#define OPTION(bytes) bytes, sizeof(bytes) - 1

static void test_options(void **state)
{
	struct xns_node node = fill_node("o.example.com");
	uint8_t txt[900];

	(void)state;
	for (size_t len = 30; len < 32; len++) {
		node = fill_node("o.example.com");
		fill_txt(txt, len);
		fill_type(rig, &node, 16, txt, len, false);
		fill_put(rig, "nodes", "o.example.com", 0, &node);
		rig->config->nsid_len = 0;
		expect_options("o.example.com", OPTION("\0\3\0\0"), XNS_ANSWER_POSITIVE, "", 0, 0);
		expect_options("o.example.com", OPTION("\0\x13\0\0"), XNS_ANSWER_POSITIVE,
			       OPTION("\0\x13\0\6\2\0\0\0\0\1"), 0);
		for (unsigned nsid = 1; nsid <= XNS_NSID_MAX; nsid++) {
			uint8_t expected[4 + XNS_NSID_MAX + 10] = {0, 3, 0, nsid};

			for (unsigned i = 0; i < nsid; i++)
				rig->config->nsid[i] = expected[4 + i] = 200 + 3 * i;
			rig->config->nsid_len = nsid;
			memcpy(expected + 4 + nsid, "\0\x13\0\6\2\0\0\0\0\1", 10);
			expect_options("o.example.com", OPTION("\0\3\0\0"), XNS_ANSWER_POSITIVE,
				       (char *)expected, 4 + nsid, 0);
			expect_options("o.example.com", OPTION("\0\x13\0\0\0\3\0\2ab\0\x13\0\0"),
				       XNS_ANSWER_POSITIVE, (char *)expected, 14 + nsid, 0);
			expect_options("none.example.com", OPTION("\0\3\0\0\0\x13\0\0"),
				       XNS_ANSWER_NXDOMAIN, (char *)expected, 14 + nsid, 0);
		}
	}
	expect_options("o.example.com", OPTION("\0\3\0\0\0\x13\0\0"), XNS_ANSWER_BADVERS, "", 0, 0);
	rig->config->nsid_len = 2;
	/* Options count: what just fits without them is cut with them, and the cut reply has them.
	 */
	node = fill_node("o.example.com");
	fill_txt(txt, 512 - 12 - 19 - OPT_FIXED);
	fill_type(rig, &node, 16, txt, 512 - 12 - 19 - OPT_FIXED, true);
	fill_put(rig, "nodes", "o.example.com", 0, &node);
	expect_options("o.example.com", OPTION(""), XNS_ANSWER_POSITIVE, "", 0, 512);
	expect_options("o.example.com", OPTION("\0\3\0\0\0\x13\0\0"), XNS_ANSWER_TRUNCATED,
		       OPTION("\0\3\0\2\xc8\xcb\0\x13\0\6\2\0\0\0\0\1"), 512);
	rig->config->nsid_len = 0;
}

/* A zone that has expired says so; what else was asked for is there. */
static void test_expired(void **state)
{
	static const char ede[] = "\0\xf\0\x12\0\x18zone has expired";
	struct xns_zone zone = fill_zone_default(rig);
	struct xns_node node = fill_node("s.example.com");
	uint8_t message[512], frame[FRAME_MAX];
	const struct ask expire = {.name = "example.com",
				   .type = 6,
				   .edns = true,
				   .options = (const uint8_t *)"\0\x9\0\0",
				   .options_len = 4};
	char all[64];

	(void)state;
	/* How long the content is good is the agent's to tell (RFC 7314), before and after. */
	rig_expect_pass(
		rig, frame,
		frame_make(&(struct shape){0}, message, ask_message(&expire, message), frame),
		XNS_PASS_TYPE, "EXPIRE");
	zone.state = XNS_ZONE_EXPIRED;
	fill_zone(rig, &zone);
	fill_put(rig, "nodes", "s.example.com", 0, &node);
	rig->config->nsid_len = 2;
	memcpy(rig->config->nsid, "id", 2);
	expect_options("s.example.com", OPTION(""), XNS_ANSWER_EXPIRED, ede, sizeof(ede) - 1, 0);
	expect_options("none.example.com", OPTION(""), XNS_ANSWER_EXPIRED, ede, sizeof(ede) - 1, 0);
	memcpy(all, "\0\3\0\2id\0\x13\0\6\2\0\0\0\0\1", 16);
	memcpy(all + 16, ede, sizeof(ede) - 1);
	expect_options("a.b.example.com", OPTION("\0\3\0\0\0\x13\0\0"), XNS_ANSWER_EXPIRED, all,
		       16 + sizeof(ede) - 1, 0);
	rig_expect_pass(
		rig, frame,
		frame_make(&(struct shape){0}, message, ask_message(&expire, message), frame),
		XNS_PASS_TYPE, "EXPIRE");
	rig->config->nsid_len = 0;
}

/* A zone that is stale says so wherever there is an OPT, RFC 8914 §4.4; not for BADVERS. */
static void test_stale(void **state)
{
	static const char cut[] = "\xc0\x0c\x00\x02\x00\x01\x00\x00\x0e\x10\x00\x02\xc0\x0c";
	struct xns_node node = fill_node("s.example.com"), below = fill_node("t.example.com");
	struct xns_zone zone = fill_zone_default(rig);
	uint8_t txt[512];

	(void)state;
	zone.flags |= XNS_ZONE_F_STALE;
	rig->config->nsid_len = 2;
	memcpy(rig->config->nsid, "id", 2);
	for (size_t len = 30; len < 32; len++) {
		node = fill_node("s.example.com");
		fill_txt(txt, len);
		fill_type(rig, &node, 16, txt, len, false);
		fill_put(rig, "nodes", "s.example.com", 0, &node);
		fill_zone(rig, &zone);
		expect_options("s.example.com", OPTION(""), XNS_ANSWER_POSITIVE,
			       OPTION("\0\xf\0\2\0\3"), 0);
		expect_options("none.example.com", OPTION(""), XNS_ANSWER_NXDOMAIN,
			       OPTION("\0\xf\0\2\0\3"), 0);
		expect_options("example.com", OPTION("\0\3\0\0"), XNS_ANSWER_NODATA,
			       OPTION("\0\3\0\2id\0\xf\0\2\0\3"), 0);
		expect_options("s.example.com", OPTION("\0\3\0\0\0\x13\0\0"), XNS_ANSWER_POSITIVE,
			       OPTION("\0\3\0\2id\0\x13\0\6\2\0\0\0\0\1\0\xf\0\2\0\3"), 0);
		expect_options("s.example.com", OPTION("\0\3\0\0"), XNS_ANSWER_BADVERS, "", 0, 0);
		ask_for("s.example.com", 1, -1, XNS_ANSWER_NODATA, "noerror aa\n" SOA_TEXT);
		zone.flags &= ~XNS_ZONE_F_STALE;
		fill_zone(rig, &zone);
		expect_options("s.example.com", OPTION(""), XNS_ANSWER_POSITIVE, "", 0, 0);
		zone.flags |= XNS_ZONE_F_STALE;
	}
	fill_zone(rig, &zone);
	below.flags = XNS_NODE_CUT;
	fill_entry(&below, 0, XNS_TYPE_INLINE,
		   &(struct fill_image){.head = {.nscount = 1, .flags = XNS_IMAGE_NOAA},
					.bytes = cut,
					.len = sizeof(cut) - 1});
	fill_put(rig, "nodes", "t.example.com", 0, &below);
	expect_options("t.example.com", OPTION(""), XNS_ANSWER_REFERRAL, OPTION("\0\xf\0\2\0\3"),
		       0);
	/* The longest name there is, and every option. */
	rig->config->nsid_len = XNS_NSID_MAX;
	{
		char name[300] = "",
		     expected[4 + XNS_NSID_MAX + 16] = {0, 3, 0, (char)XNS_NSID_MAX};

		for (int i = 0; i < 121; i++)
			strcat(name, "x.");
		strcat(name, "example.com");
		memcpy(expected + 4, rig->config->nsid, XNS_NSID_MAX);
		memcpy(expected + 4 + XNS_NSID_MAX, "\0\x13\0\6\2\0\0\0\0\1\0\xf\0\2\0\3", 16);
		expect_options(name, OPTION("\0\3\0\0\0\x13\0\0"), XNS_ANSWER_NXDOMAIN, expected,
			       sizeof(expected), 512);
	}
	rig->config->nsid_len = 0;
	/* Its bytes count: what just fits without it is cut with it. */
	for (size_t more = 5; more < 8; more++) {
		size_t len = 512 - 12 - 19 - OPT_FIXED - more;

		node = fill_node("s.example.com");
		fill_txt(txt, len);
		fill_type(rig, &node, 16, txt, len, true);
		fill_put(rig, "nodes", "s.example.com", 0, &node);
		expect_options("s.example.com", OPTION(""),
			       more < 6 ? XNS_ANSWER_TRUNCATED : XNS_ANSWER_POSITIVE,
			       OPTION("\0\xf\0\2\0\3"), 512);
	}
	zone.flags &= ~XNS_ZONE_F_STALE;
	fill_zone(rig, &zone);
}

/* ANY is a type like others. */
static void test_any(void **state)
{
	struct xns_node node = fill_node("any.example.com");

	(void)state;
	fill_type(rig, &node, 1, FILL_A, FILL_A_LEN, false);
	fill_type(rig, &node, 255, FILL_A, FILL_A_LEN, false);
	fill_put(rig, "nodes", "any.example.com", 0, &node);
	ask_for("any.example.com", 255, -1, XNS_ANSWER_POSITIVE,
		"noerror aa\nan any.example.com. 3600 a 192.0.2.1\n");
	ask_for("none.example.com", 255, -1, XNS_ANSWER_NXDOMAIN, "nxdomain aa\n" SOA_TEXT);
}

/* Layouts that lie: never a change of anything but the reply, and passed up. */
static void test_damaged_layout(void **state)
{
	struct xns_node cut = fill_node("bad.example.com"), whole;
	struct fill_image image = cut_image(0);
	struct xns_image_layout *layout;
	uint8_t *at;

	(void)state;
	cut.flags = XNS_NODE_CUT;
	fill_entry(&cut, 0, XNS_TYPE_INLINE, &image);
	whole = cut;
	at = (uint8_t *)&cut + cut.type[0].off;
	layout = (struct xns_image_layout *)(at + sizeof(struct xns_image_head));
	layout->additional = 200;
	fill_put(rig, "nodes", "bad.example.com", 0, &cut);
	ask_for("x.bad.example.com", 1, -1, XNS_PASS_CHANGING, NULL);
	cut = whole;
	layout->n_pointers = 200;
	fill_put(rig, "nodes", "bad.example.com", 0, &cut);
	ask_for("x.bad.example.com", 1, -1, XNS_PASS_CHANGING, NULL);
	cut = whole;
	at[16 + 52] = 0xff; /* a pointer of the list: far behind the end */
	at[16 + 53] = 0x7f;
	fill_put(rig, "nodes", "bad.example.com", 0, &cut);
	ask_for("x.bad.example.com", 1, -1, XNS_PASS_CHANGING, NULL);
}

int test_parts(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wildcard),       cmocka_unit_test(test_wildcard_flags),
		cmocka_unit_test(test_referral),       cmocka_unit_test(test_insertion),
		cmocka_unit_test(test_prove_cut),      cmocka_unit_test(test_dnssec_entries),
		cmocka_unit_test(test_soa_sig),	       cmocka_unit_test(test_above),
		cmocka_unit_test(test_above_gone),     cmocka_unit_test(test_above_unread),
		cmocka_unit_test(test_options),	       cmocka_unit_test(test_expired),
		cmocka_unit_test(test_stale),	       cmocka_unit_test(test_any),
		cmocka_unit_test(test_damaged_layout),
	};

	return cmocka_run_group_tests_name("packet: parts", tests, fill_setup, fill_teardown);
}
