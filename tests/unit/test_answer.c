// SPDX-License-Identifier: GPL-3.0-or-later
/* Answers question by question; chains, and what no section has room for. */
#include "answer_fixture.h"

/* ---- the table ---- */

static const char zone_text[] =
	"@ SOA ns h 7 3600 900 86400 300\n@ NS ns\n@ NS NS.deleg\n@ NS ns.other.\n@ MX 1 mail\n"
	"ns A 192.0.2.53\nns AAAA ::53\nmail A 192.0.2.25\n"
	"host A 192.0.2.2\nhost A 192.0.2.1\nhost TXT x\n"
	"a.ent.ent A 192.0.2.3\n"
	"*.w A 192.0.2.4\nsub.w A 192.0.2.5\na.sub2.w A 192.0.2.6\n*.wc CNAME host\n*.wl CNAME a.wl\n"
	"x.*.we A 192.0.2.7\n"
	"c1 CNAME c2\nc2 CNAME Host\ncout CNAME www.other.\ncnx CNAME nx\ncnd CNAME mail\ncent CNAME ent\n"
	"cw CNAME q.w\ncdeleg CNAME q.deleg\nl1 CNAME l2\nl2 CNAME l1\nself CNAME self\n"
	"deleg NS ns.deleg\ndeleg NS ns\ndeleg NS ns.sib\ndeleg NS ns.other.\nns.deleg A 192.0.2.10\n"
	"ns.sib A 192.0.2.11\nsib NS ns.sib\n*.deleg A 192.0.2.12\ndeep.ns.deleg NS ns\n"
	"ds NS ns.other.\nds DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000\n"
	"dn DNAME host\ndn A 192.0.2.13\na.host A 192.0.2.14\ndnout DNAME other.\ndnl DNAME dnl\n"
	"dnlong DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
	"cdn CNAME a.dn\n*.dnw DNAME dnw\n"
	"mx MX 1 host\nmx MX 2 HOST\nmx MX 3 q.w\nmx MX 4 c1\nmx MX 5 q.deleg\nmx MX 6 ns.deleg\n"
	"srv SRV 1 1 1 ns\nkx KX 1 host\nsvcb SVCB 1 .\nsvcb A 192.0.2.15\nhttps HTTPS 0 https2\n"
	"https2 HTTPS 1 ns\nunk TYPE65280 \\# 1 aa\nb\\000 A 192.0.2.16\n";

#define SOA "+soa"

static const struct {
	const char *qname, *qtype,
		*expect; /* RCODE, aa, +soa; then the sections, each after a '|' */
} table[] = {
	/* exact */
	{"host.t.", "A", "NOERROR aa |host.t. A 192.0.2.1,192.0.2.2||"},
	{"host.t.", "TXT", "NOERROR aa |host.t. TXT \"x\"||"},
	{"host.t.", "AAAA", "NOERROR aa " SOA " |||"},
	{"unk.t.", "TYPE65280", "NOERROR aa |unk.t. TYPE65280 \\# 1 AA||"},
	{"b\\000.t.", "A", "NOERROR aa |b\\000.t. A 192.0.2.16||"},
	{"t.", "SOA", "NOERROR aa |t. SOA ns.t. h.t. 7 3600 900 86400 300||"},
	{"t.", "MX", "NOERROR aa |t. MX 1 mail.t.||mail.t. A 192.0.2.25"},
	{"t.", "NS",
	 "NOERROR aa |t. NS NS.deleg.t.,ns.t.,ns.other.||ns.deleg.t. A 192.0.2.10; ns.t. A 192.0.2.53; ns.t. AAAA ::53"},
	{"t.", "TXT", "NOERROR aa " SOA " |||"},
	{"t.", "DS", "NOERROR aa " SOA " |||"},
	/* one RRset for ANY */
	{"host.t.", "ANY", "NOERROR aa |host.t. A 192.0.2.1,192.0.2.2||"},
	{"c1.t.", "ANY", "NOERROR aa |c1.t. CNAME c2.t.||"},
	{"nx.t.", "ANY", "NXDOMAIN aa " SOA " |||"},
	{"host.t.", "RRSIG", "NOERROR aa " SOA " |||"},
	/* names that are not there, empty non-terminals */
	{"nx.t.", "A", "NXDOMAIN aa " SOA " |||"},
	{"x.host.t.", "A", "NXDOMAIN aa " SOA " |||"},
	{"ent.t.", "A", "NOERROR aa " SOA " |||"},
	{"ent.ent.t.", "A", "NOERROR aa " SOA " |||"},
	{"nx.ent.t.", "A", "NXDOMAIN aa " SOA " |||"},
	/* RFC 4592 */
	{"q.w.t.", "A", "NOERROR aa *|q.w.t. A 192.0.2.4||"},
	{"q.q.w.t.", "A", "NOERROR aa *|q.q.w.t. A 192.0.2.4||"},
	{"*.w.t.", "A", "NOERROR aa |*.w.t. A 192.0.2.4||"},
	{"q.w.t.", "TXT", "NOERROR aa " SOA " *|||"},
	{"q.sub.w.t.", "A", "NXDOMAIN aa " SOA " |||"},
	{"sub2.w.t.", "A", "NOERROR aa " SOA " |||"},
	{"q.sub2.w.t.", "A", "NXDOMAIN aa " SOA " |||"},
	{"q.*.w.t.", "A", "NXDOMAIN aa " SOA " |||"},
	{"q.we.t.", "A", "NOERROR aa " SOA " *|||"},
	{"q.wc.t.", "A", "NOERROR aa *|q.wc.t. CNAME host.t.; host.t. A 192.0.2.1,192.0.2.2||"},
	{"q.wc.t.", "CNAME", "NOERROR aa *|q.wc.t. CNAME host.t.||"},
	{"q.wl.t.", "A", "NOERROR aa *|q.wl.t. CNAME a.wl.t.; a.wl.t. CNAME a.wl.t.||"},
	/* CNAME */
	{"c1.t.", "A",
	 "NOERROR aa |c1.t. CNAME c2.t.; c2.t. CNAME Host.t.; host.t. A 192.0.2.1,192.0.2.2||"},
	{"c1.t.", "AAAA", "NOERROR aa " SOA " |c1.t. CNAME c2.t.; c2.t. CNAME Host.t.||"},
	{"c1.t.", "CNAME", "NOERROR aa |c1.t. CNAME c2.t.||"},
	{"cout.t.", "A", "NOERROR aa |cout.t. CNAME www.other.||"},
	{"cnx.t.", "A", "NXDOMAIN aa " SOA " |cnx.t. CNAME nx.t.||"},
	{"cnd.t.", "AAAA", "NOERROR aa " SOA " |cnd.t. CNAME mail.t.||"},
	{"cent.t.", "A", "NOERROR aa " SOA " |cent.t. CNAME ent.t.||"},
	{"cw.t.", "A", "NOERROR aa *|cw.t. CNAME q.w.t.; q.w.t. A 192.0.2.4||"},
	{"l1.t.", "A", "NOERROR aa |l1.t. CNAME l2.t.; l2.t. CNAME l1.t.||"},
	{"self.t.", "A", "NOERROR aa |self.t. CNAME self.t.||"},
	{"cdeleg.t.", "A",
	 "NOERROR aa |cdeleg.t. CNAME q.deleg.t.|deleg.t. NS ns.t.,ns.sib.t.,ns.deleg.t.,ns.other.|ns.deleg.t. A 192.0.2.10; "
	 "ns.t. A 192.0.2.53; ns.t. AAAA ::53; ns.sib.t. A 192.0.2.11"},
	/* delegations */
	{"sib.t.", "A", "NOERROR ||sib.t. NS ns.sib.t.|ns.sib.t. A 192.0.2.11"},
	{"sib.t.", "NS", "NOERROR ||sib.t. NS ns.sib.t.|ns.sib.t. A 192.0.2.11"},
	{"q.sib.t.", "A", "NOERROR ||sib.t. NS ns.sib.t.|ns.sib.t. A 192.0.2.11"},
	{"ns.sib.t.", "A", "NOERROR ||sib.t. NS ns.sib.t.|ns.sib.t. A 192.0.2.11"},
	{"sib.t.", "ANY", "NOERROR ||sib.t. NS ns.sib.t.|ns.sib.t. A 192.0.2.11"},
	{"sib.t.", "DS", "NOERROR aa " SOA " |||"},
	{"q.sib.t.", "DS", "NOERROR ||sib.t. NS ns.sib.t.|ns.sib.t. A 192.0.2.11"},
	{"ds.t.", "A", "NOERROR ||ds.t. NS ns.other.|"},
	{"ds.t.", "DS",
	 "NOERROR aa |ds.t. DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000||"},
	{"deep.ns.deleg.t.", "A", /* the topmost counts */
	 "NOERROR ||deleg.t. NS ns.t.,ns.sib.t.,ns.deleg.t.,ns.other.|ns.deleg.t. A 192.0.2.10; ns.t. A 192.0.2.53; ns.t. AAAA "
	 "::53; ns.sib.t. A 192.0.2.11"},
	/* DNAME */
	{"dn.t.", "A", "NOERROR aa |dn.t. A 192.0.2.13||"},
	{"dn.t.", "DNAME", "NOERROR aa |dn.t. DNAME host.t.||"},
	{"dn.t.", "TXT", "NOERROR aa " SOA " |||"},
	{"a.dn.t.", "A",
	 "NOERROR aa |dn.t. DNAME host.t.; a.dn.t. CNAME a.host.t.; a.host.t. A 192.0.2.14||"},
	{"a.dn.t.", "CNAME", "NOERROR aa |dn.t. DNAME host.t.; a.dn.t. CNAME a.host.t.||"},
	{"q.dn.t.", "A", "NXDOMAIN aa " SOA " |dn.t. DNAME host.t.; q.dn.t. CNAME q.host.t.||"},
	{"cdn.t.", "A",
	 "NOERROR aa |cdn.t. CNAME a.dn.t.; dn.t. DNAME host.t.; a.dn.t. CNAME a.host.t.; a.host.t. A 192.0.2.14||"},
	{"a.b.dnout.t.", "A", "NOERROR aa |dnout.t. DNAME other.; a.b.dnout.t. CNAME a.b.other.||"},
	{"x.dnl.t.", "A", "NOERROR aa |dnl.t. DNAME dnl.t.; x.dnl.t. CNAME x.dnl.t.||"},
	{"*.*.dnw.t.", "DNAME", "NOERROR aa |*.dnw.t. DNAME dnw.t.; *.*.dnw.t. CNAME *.dnw.t.||"},
	{"*.*.dnw.t.", "ANY", "NOERROR aa |*.dnw.t. DNAME dnw.t.; *.*.dnw.t. CNAME *.dnw.t.||"},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.dnlong.t.", "A",
	 "YXDOMAIN aa |dnlong.t. DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.t.||"},
	/* additional */
	{"mx.t.", "MX",
	 "NOERROR aa |mx.t. MX 1 host.t.,2 HOST.t.,3 q.w.t.,4 c1.t.,5 q.deleg.t.,6 ns.deleg.t.||host.t. A 192.0.2.1,192.0.2.2; "
	 "q.w.t. A 192.0.2.4; ns.deleg.t. A 192.0.2.10"},
	{"srv.t.", "SRV",
	 "NOERROR aa |srv.t. SRV 1 1 1 ns.t.||ns.t. A 192.0.2.53; ns.t. AAAA ::53"},
	{"kx.t.", "KX", "NOERROR aa |kx.t. KX 1 host.t.||"},
	{"svcb.t.", "SVCB", "NOERROR aa |svcb.t. SVCB 1 .||svcb.t. A 192.0.2.15"},
	{"https.t.", "HTTPS", "NOERROR aa |https.t. HTTPS 0 https2.t.||https2.t. HTTPS 1 ns.t."},
};

static void dump_section(const struct answer_section *section, char **end)
{
	for (unsigned i = 0; i < section->n; i++) {
		const knot_rrset_t *rr = &section->rr[i];
		char text[65536], type[32];

		knot_dname_to_str(text, rr->owner, sizeof(text));
		knot_rrtype_to_string(rr->type, type, sizeof(type));
		*end += sprintf(*end, "%s%s %s ", i ? "; " : "", text, type);
		for (unsigned k = 0; k < rr->rrs.count; k++) {
			knot_rrset_txt_dump_data(rr, k, text, sizeof(text),
						 &KNOT_DUMP_STYLE_DEFAULT);
			*end += sprintf(*end, "%s%s", k ? "," : "", text);
		}
	}
}

static void dump(const struct answer *answer, char *text)
{
	const knot_lookup_t *rcode = knot_lookup_by_id(knot_rcode_names, answer->rcode);

	text += sprintf(text, "%s %s%s%s|", rcode->name, answer->aa ? "aa " : "",
			answer->soa ? SOA " " : "", answer->wildcard ? "*" : "");
	dump_section(&answer->an, &text);
	*text++ = '|';
	dump_section(&answer->ns, &text);
	*text++ = '|';
	dump_section(&answer->ar, &text);
	*text = 0;
}

static void test_table(void **state)
{
	static char text[1 << 20];
	struct fixture f;

	(void)state;
	fixture_open(&f, zonefile_content("t.", zone_text, NULL));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ask(&f, table[i].qname, table[i].qtype, false);
		dump(&f.answer, text);
		if (strcmp(text, table[i].expect) != 0)
			fail_msg("%s %s\n  expected %s\n  got      %s", table[i].qname,
				 table[i].qtype, table[i].expect, text);
		check_rendered(&f, table[i].qname, table[i].qtype);
		ask(&f, table[i].qname, table[i].qtype,
		    true); /* DO=1 changes nothing in a zone without signatures */
		dump(&f.answer, text);
		assert_string_equal(text, table[i].expect);
	}
	fixture_close(&f);
}

static void test_name_status(void **state)
{
	static const struct {
		const char *name;
		enum answer_name expect;
	} status[] = {
		{"t.", ANSWER_NAME_OWNER},
		{"host.t.", ANSWER_NAME_OWNER},
		{"ent.t.", ANSWER_NAME_ENT},
		{"nx.t.", ANSWER_NAME_NONE},
		{"nx.nx.t.", ANSWER_NAME_NONE},
		{"q.w.t.", ANSWER_NAME_NONE},
		{"deleg.t.", ANSWER_NAME_CUT},
		{"ns.deleg.t.", ANSWER_NAME_OBSCURED},
		{"nx.deleg.t.", ANSWER_NAME_OBSCURED},
		{"dn.t.", ANSWER_NAME_OWNER},
		{"x.dn.t.", ANSWER_NAME_OBSCURED},
	};
	struct fixture f;

	(void)state;
	fixture_open(&f, zonefile_content("t.", zone_text, NULL));
	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		knot_dname_storage_t name;

		assert_non_null(knot_dname_from_str(name, status[i].name, sizeof(name)));
		if (answer_name_status(f.txn, f.zone.id, APEX, name) != status[i].expect)
			fail_msg("%s", status[i].name);
	}
	fixture_close(&f);
}

/* As many CNAMEs as are followed, and one more. */
static void test_long_chain(void **state)
{
	struct content *content =
		zonefile_content("t.", "@ SOA ns h 7 3600 900 86400 300\n@ NS ns\n", NULL);
	struct fixture f;
	char line[64];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(line, sizeof(line), "c%d CNAME c%d\n", i, i + 1);
		zonefile_add(content, line, NULL);
	}
	zonefile_add(content, "c40 A 192.0.2.1\n", NULL);
	fixture_open(&f, content);
	snprintf(line, sizeof(line), "c%d.t.", 40 - ANSWER_CHAIN_MAX);
	ask(&f, line, "A", false);
	assert_int_equal(f.answer.an.n, ANSWER_CHAIN_MAX + 1);
	assert_int_equal(f.answer.an.rr[ANSWER_CHAIN_MAX].type, KNOT_RRTYPE_A);
	assert_int_equal(f.answer.n_visited, ANSWER_CHAIN_MAX + 1);
	check_rendered(&f, line, "A");
	snprintf(line, sizeof(line), "c%d.t.", 39 - ANSWER_CHAIN_MAX);
	ask(&f, line, "A", false);
	assert_int_equal(f.answer.kind, ANSWER_DATA);
	assert_int_equal(f.answer.an.n, ANSWER_CHAIN_MAX + 1);
	assert_int_equal(f.answer.an.rr[ANSWER_CHAIN_MAX].type, KNOT_RRTYPE_CNAME);
	fixture_close(&f);
}

/* DNAMEs that lead to themselves, with a name that grows. */
static void test_dname_loop(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, zonefile_content("t.",
					  "@ SOA ns h 7 3600 900 86400 300\n@ NS ns\n"
					  "d DNAME a.d\ne DNAME b.f\nf DNAME c.e\n",
					  NULL));
	ask(&f, "x.d.t.", "A", false);
	assert_int_equal(f.answer.kind, ANSWER_DATA);
	assert_int_equal(f.answer.an.n, 1 + ANSWER_DNAME_MAX);
	check_rendered(&f, "x.d.t.", "A");
	ask(&f, "x.e.t.", "A", false);
	assert_int_equal(f.answer.an.n, 2 + ANSWER_DNAME_MAX);
	check_rendered(&f, "x.e.t.", "A");
	fixture_close(&f);
}

/* ---- more than a section held once ---- */

/* Glue is all there, or the answer does not fit; other additional records may stay away. */
static void test_many(void **state)
{
	static const unsigned hosts[] = {40, 200, 1500};
	knot_rrset_t soa;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct content *content =
			zonefile_content("t.", "@ SOA ns h 7 3600 900 86400 300\n@ NS ns\n", NULL);
		knot_pkt_t *pkt = knot_pkt_new(NULL, 65535, NULL);
		struct fixture f;

		for (unsigned k = 0; k < hosts[i]; k++) {
			char line[200];

			snprintf(line, sizeof(line),
				 "cut NS h%u.cut\nh%u.cut A 192.0.2.1\nh%u.cut AAAA ::1\n"
				 "mx MX 1 h%u.cut\n",
				 k, k, k, k);
			zonefile_add(content, line, NULL);
		}
		fixture_open(&f, content);
		assert_int_equal(answer_negative_soa(f.txn, &f.zone, APEX, &soa), 0);
		ask(&f, "x.cut.t.", "A", false);
		assert_int_equal(f.answer.kind, ANSWER_REFERRAL);
		assert_int_equal(f.answer.ar.overflow, hosts[i] * 2 > ANSWER_SECTION_MAX);
		if (f.answer.ar.overflow) {
			assert_int_equal(f.answer.ar.n, ANSWER_SECTION_MAX);
			assert_int_equal(answer_render(&f.answer, &soa, pkt), -ENOSPC);
		} else {
			assert_int_equal(f.answer.ar.n, hosts[i] * 2);
			check_rendered(&f, "x.cut.t.", "A");
		}
		ask(&f, "mx.t.", "MX", false);
		knot_pkt_clear(pkt);
		assert_int_equal(knot_pkt_put_question(pkt, (uint8_t *)"\2mx\1t", KNOT_CLASS_IN,
						       KNOT_RRTYPE_MX),
				 0);
		assert_int_equal(answer_render(&f.answer, &soa, pkt), 0);
		assert_int_equal(knot_wire_get_ancount(pkt->wire), hosts[i]);
		knot_pkt_free(pkt);
		fixture_close(&f);
	}
}

/* Every room from too little to enough: what is there is whole, glue is there or nothing is. */
static void test_room(void **state)
{
	static const struct {
		const char *qname, *qtype;
		unsigned an, ns, glue, ar; /* records */
	} room[] = {
		{"mx.t.", "MX", 6, 0, 0, 4},
		{"deleg.t.", "A", 0, 4, 1, 4},
		{"nx.t.", "A", 0, 1, 0, 0},
		{"host.t.", "A", 2, 0, 0, 0},
	};
	struct fixture f;
	knot_rrset_t soa;

	(void)state;
	fixture_open(&f, zonefile_content("t.", zone_text, NULL));
	assert_int_equal(answer_negative_soa(f.txn, &f.zone, APEX, &soa), 0);
	for (size_t i = 0; i < sizeof(room) / sizeof(room[0]); i++) {
		unsigned most = 0, whole = 0;

		for (unsigned len = 30; len < 500; len++) {
			uint8_t *wire = calloc(1, len); /* its end is watched */
			knot_pkt_t *pkt = knot_pkt_new(wire, len, NULL);
			knot_dname_storage_t name;
			uint16_t type;
			size_t question;
			int ret;

			assert_non_null(knot_dname_from_str(name, room[i].qname, sizeof(name)));
			assert_int_equal(knot_rrtype_from_string(room[i].qtype, &type), 0);
			assert_int_equal(knot_pkt_put_question(pkt, name, KNOT_CLASS_IN, type), 0);
			question = pkt->size;
			ask(&f, room[i].qname, room[i].qtype, false);
			ret = answer_render(&f.answer, &soa, pkt);
			if (ret < 0) {
				assert_int_equal(ret, -ENOSPC);
				assert_int_equal(pkt->size, question);
				assert_int_equal(knot_wire_get_ancount(wire) +
							 knot_wire_get_nscount(wire) +
							 knot_wire_get_arcount(wire),
						 0);
				assert_int_equal(whole, 0); /* more room is never worse */
			} else {
				whole++;
				assert_int_equal(knot_wire_get_ancount(wire), room[i].an);
				assert_int_equal(knot_wire_get_nscount(wire), room[i].ns);
				assert_true(knot_wire_get_arcount(wire) >= room[i].glue);
				assert_true(knot_wire_get_arcount(wire) <= room[i].ar);
				most = knot_wire_get_arcount(wire);
			}
			assert_false(knot_wire_get_tc(wire));
			knot_pkt_free(pkt);
			free(wire);
		}
		assert_true(whole > 0);
		assert_int_equal(most, room[i].ar);
	}
	fixture_close(&f);
}

/*
 * Additional RRsets that stay away leave no trace in what comes after them. More targets than
 * libknot has hints for, and RRsets of which the first records fit: the name of one that did not
 * fit was taken for one to point to, and xnsd followed a pointer to itself for ever.
 */
static void test_room_for_some(void **state)
{
	enum {
		TARGETS = 24,
		RECORDS = 2 + 3 /* A, AAAA */
	};
	struct content *content = zonefile_content("t.", zone_text, NULL);
	struct fixture f;

	(void)state;
	for (int i = 0; i < TARGETS; i++) {
		char line[200];

		snprintf(line, sizeof(line),
			 "some MX %d m%d\nm%d A 192.0.2.1\nm%d A 192.0.2.2\n"
			 "m%d AAAA ::1\nm%d AAAA ::2\nm%d AAAA ::3\n",
			 i, i, i, i, i, i, i);
		zonefile_add(content, line, NULL);
	}
	fixture_open(&f, content);
	ask(&f, "some.t.", "MX", false);
	alarm(60);
	for (unsigned len = 500, last = 0; last < TARGETS * RECORDS; len++) {
		uint8_t *wire = calloc(1, len);
		knot_pkt_t *pkt = knot_pkt_new(wire, len, NULL), *parsed;
		const knot_pktsection_t *more;
		knot_dname_storage_t name;

		assert_non_null(knot_dname_from_str(name, "some.t.", sizeof(name)));
		assert_int_equal(knot_pkt_put_question(pkt, name, KNOT_CLASS_IN, KNOT_RRTYPE_MX),
				 0);
		assert_int_equal(answer_render(&f.answer, NULL, pkt), 0);
		parsed = knot_pkt_new(wire, pkt->size, NULL);
		assert_int_equal(knot_pkt_parse(parsed, 0), 0);
		assert_int_equal(knot_wire_get_ancount(wire), TARGETS);
		more = knot_pkt_section(parsed, KNOT_ADDITIONAL);
		for (unsigned at = 0, i = 0; at < more->count; i++) {
			const knot_rrset_t *want = &f.answer.ar.rr[i];

			assert_true(i < f.answer.ar.n);
			if (knot_pkt_rr(more, at)->type != want->type ||
			    !knot_dname_is_equal(knot_pkt_rr(more, at)->owner, want->owner))
				continue; /* stayed away */
			for (unsigned k = 0; k < want->rrs.count; k++, at++) {
				assert_true(at < more->count);
				assert_true(knot_dname_is_equal(knot_pkt_rr(more, at)->owner,
								want->owner));
			}
		}
		last = more->count;
		knot_pkt_free(parsed);
		knot_pkt_free(pkt);
		free(wire);
	}
	alarm(0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	      cmocka_unit_test(test_name_status),
		cmocka_unit_test(test_long_chain),    cmocka_unit_test(test_room),
		cmocka_unit_test(test_room_for_some), cmocka_unit_test(test_dname_loop),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
