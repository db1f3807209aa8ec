// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <libdnssec/nsec.h>

#include "answer/answer.h"
#include "store/key.h"
#include "zonefile.h"

static const knot_dname_t *const APEX = (const uint8_t *)"\1t";

struct fixture {
	char dir[64];
	struct store *store;
	struct store_txn *txn;
	struct store_zone zone;
	struct answer answer;
};

static void fixture_open(struct fixture *f, struct content *content)
{
	struct store_changes *changes;
	char reason[200];

	if (content_finish(content, reason, sizeof(reason)) != 0)
		fail_msg("%s", reason);
	strcpy(f->dir, "/tmp/xnsd-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(store_open(f->dir, (uint64_t)64 << 20, &f->store), 0);
	assert_int_equal(store_write_begin(f->store, &f->txn), 0);
	assert_int_equal(store_zone_add(f->txn, content_apex(content), &f->zone), 0);
	assert_int_equal(
		store_zone_replace(f->txn, content, &(struct store_limits){0}, 1, &changes), 0);
	assert_int_equal(store_write_commit(f->txn), 0);
	store_changes_free(changes);
	content_free(content);
	assert_int_equal(store_read_begin(f->store, &f->txn), 0);
	assert_int_equal(store_zone_get(f->txn, APEX, &f->zone), 0);
	answer_init(&f->answer);
}

static void fixture_close(struct fixture *f)
{
	static const char *const file[] = {"data.mdb", "lock.mdb", "xnsd.lock"};
	char path[128];

	answer_free(&f->answer);
	store_read_end(f->txn);
	store_close(f->store);
	for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, file[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(f->dir), 0);
}

static void ask(struct fixture *f, const char *qname, const char *qtype, bool dnssec)
{
	knot_dname_storage_t name;
	uint16_t type;

	assert_non_null(knot_dname_from_str(name, qname, sizeof(name)));
	knot_dname_to_lower(name);
	assert_int_equal(knot_rrtype_from_string(qtype, &type), 0);
	answer_make(f->txn, &f->zone, APEX, name, type, dnssec, &f->answer);
}

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

/* The rendered message says the same as the sections, whatever was compressed. */
static void check_rendered(struct fixture *f, const char *qname, const char *qtype)
{
	knot_pkt_t *pkt = knot_pkt_new(NULL, 65535, NULL), *parsed;
	const struct answer_section *section[] = {&f->answer.an, &f->answer.ns, &f->answer.ar};
	knot_dname_storage_t name;
	knot_rrset_t soa;
	uint16_t type;

	assert_non_null(knot_dname_from_str(name, qname, sizeof(name)));
	assert_int_equal(knot_rrtype_from_string(qtype, &type), 0);
	assert_int_equal(knot_pkt_put_question(pkt, name, KNOT_CLASS_IN, type), 0);
	assert_int_equal(answer_negative_soa(f->txn, &f->zone, APEX, &soa), 0);
	assert_int_equal(soa.ttl, 300);
	assert_int_equal(answer_render(&f->answer, &soa, pkt), 0);
	assert_int_equal(knot_wire_get_rcode(pkt->wire), f->answer.rcode);
	assert_int_equal(!!knot_wire_get_aa(pkt->wire), f->answer.aa);
	parsed = knot_pkt_new(pkt->wire, pkt->size, NULL);
	assert_int_equal(knot_pkt_parse(parsed, 0), 0);
	for (int s = 0; s < 3; s++) {
		const knot_pktsection_t *got = knot_pkt_section(parsed, s);
		unsigned at = 0;

		if (s == 1 && f->answer.soa) {
			const knot_rrset_t *rr = knot_pkt_rr(got, at++);

			assert_int_equal(rr->type, KNOT_RRTYPE_SOA);
			assert_int_equal(rr->ttl, 300);
			at += f->answer.soa_sig.owner ? f->answer.soa_sig.rrs.count : 0;
		}
		for (unsigned i = 0; i < section[s]->n; i++) {
			const knot_rrset_t *want = &section[s]->rr[i];
			knot_rdata_t *rdata = want->rrs.rdata;

			for (unsigned k = 0; k < want->rrs.count;
			     k++, at++, rdata = knot_rdataset_next(rdata)) {
				const knot_rrset_t *rr = knot_pkt_rr(got, at);

				assert_true(at < got->count);
				assert_int_equal(rr->type, want->type);
				assert_int_equal(rr->ttl, want->ttl);
				assert_true(knot_dname_is_case_equal(rr->owner, want->owner));
				assert_int_equal(rr->rrs.rdata->len, rdata->len);
			}
		}
		assert_int_equal(at, got->count);
	}
	knot_pkt_free(parsed);
	knot_pkt_free(pkt);
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

/* Iterations have a bound (RFC 5155 §10.3), and of two chains only the one of NSEC3PARAM counts. */
static void test_nsec3_parameters(void **state)
{
#define Z31 "0000000000000000000000000000000"
	static const struct {
		const char *what, *param;
		int kind;
		const char *of; /* which of the NSEC3 below are of the chain */
	} table[] = {
		{"none", "", ANSWER_DENIAL_NONE, NULL},
		{"no salt", "@ NSEC3PARAM 1 0 0 -\n", ANSWER_DENIAL_NSEC3, "1"},
		{"salt", "@ NSEC3PARAM 1 0 0 aa\n", ANSWER_DENIAL_NSEC3, "2"},
		{"no such chain", "@ NSEC3PARAM 1 0 0 bb\n", ANSWER_DENIAL_NSEC3, ""},
		{"iterations", "@ NSEC3PARAM 1 0 5 aa\n", ANSWER_DENIAL_NSEC3, "3"},
		{"an unknown algorithm", "@ NSEC3PARAM 2 0 0 -\n", ANSWER_DENIAL_NONE, NULL},
		{"flags", "@ NSEC3PARAM 1 1 0 -\n", ANSWER_DENIAL_NONE, NULL},
		{"one of two is known", "@ NSEC3PARAM 2 0 0 -\n@ NSEC3PARAM 1 0 0 aa\n",
		 ANSWER_DENIAL_NSEC3, "2"},
		{"the most iterations", "@ NSEC3PARAM 1 0 2500 -\n", ANSWER_DENIAL_NSEC3, ""},
		{"too many", "@ NSEC3PARAM 1 0 2501 -\n", ANSWER_DENIAL_NONE, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct content *content = zonefile_content(
			"t.",
			"@ SOA ns h 7 3600 900 86400 300\n@ NS ns\n@ DNSKEY 257 3 13 AAAA\n"
			"@ RRSIG DNSKEY 13 1 300 20300101000000 20200101000000 1 t. AAAA\n" Z31
			"1 NSEC3 1 0 0 - " Z31 "1 SOA\n" Z31 "2 NSEC3 1 1 0 aa " Z31 "2 SOA\n" Z31
			"3 NSEC3 1 0 5 aa " Z31 "3 SOA\n",
			NULL);
		struct answer_denial denial;
		char of[4] = "";
		struct fixture f;

		zonefile_add(content, table[i].param, NULL);
		fixture_open(&f, content);
		assert_int_equal(answer_denial(f.txn, &f.zone, APEX, &denial), 0);
		if ((int)denial.kind != table[i].kind)
			fail_msg("%s: %d", table[i].what, denial.kind);
		for (int k = 1; table[i].of && k <= 3; k++) {
			knot_dname_storage_t name;
			struct store_node node;
			char owner[64];

			snprintf(owner, sizeof(owner), Z31 "%d.t.", k);
			assert_non_null(knot_dname_from_str(name, owner, sizeof(name)));
			assert_int_equal(store_node_get(f.txn, f.zone.id, STORE_NSEC3, name, &node),
					 0);
			if (answer_nsec3_of(&denial, &node))
				of[strlen(of)] = '0' + k;
		}
		if (table[i].of && strcmp(of, table[i].of) != 0)
			fail_msg("%s: %s", table[i].what, of);
		ask(&f, "nx.t.", "A", true); /* nothing matches the apex: no proof, and no harm */
		assert_int_equal(f.answer.kind, ANSWER_NXDOMAIN);
		assert_int_equal(f.answer.ns.n, 0);
		fixture_close(&f);
	}
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

/* ---- a model: wildcards, closest enclosers and their proofs in random zones, by brute force ----
 */

enum proof {
	PROOF_NONE,
	PROOF_NSEC,
	PROOF_NSEC3,
};

static const char *const pool[] = {"a",	      "b",	 "*",	    "a.a",     "b.a",
				   "*.a",     "a.*",	 "*.*",	    "a.b.a",   "*.b.a",
				   "b.*.a",   "\\000.b", "\\001.b", "a.a.b.b", "*.b.b",
				   "c.c.c.c", "*.c.c",	 "Z",	    "a.z"};
enum {
	POOL = sizeof(pool) / sizeof(pool[0])
};

struct model {
	enum proof proof;
	knot_dname_storage_t name[POOL * 5 + 1]; /* with records, in canonical order; behind them
						    the empty non-terminals */
	size_t n, n_all;
	bool txt[POOL + 1];
};

static int name_cmp(const void *a, const void *b)
{
	uint8_t ka[KEY_NAME_MAX], kb[KEY_NAME_MAX];
	size_t la = key_from_name(a, ka), lb = key_from_name(b, kb);
	int cmp = memcmp(ka, kb, la < lb ? la : lb);

	return cmp ? cmp : (int)la - (int)lb;
}

static int model_find(const struct model *m, const knot_dname_t *name)
{
	for (size_t i = 0; i < m->n_all; i++) {
		if (knot_dname_is_equal(m->name[i], name))
			return i;
	}
	return -1;
}

static void model_enclosers(struct model *m)
{
	m->n_all = m->n;
	for (size_t i = 0; i < m->n; i++) {
		for (const knot_dname_t *up = m->name[i]; !knot_dname_is_equal(up, APEX);
		     up += *up + 1) {
			if (model_find(m, up) < 0)
				assert_true(knot_dname_store(m->name[m->n_all++], up) > 0);
		}
	}
}

static void hash_label(const knot_dname_t *name, uint8_t label[33])
{
	dnssec_nsec3_params_t params = {.algorithm = DNSSEC_NSEC3_ALGORITHM_SHA1, .iterations = 1};
	dnssec_binary_t data = {.size = knot_dname_size(name), .data = (uint8_t *)name}, hash = {0};
	unsigned bits = 0, have = 0, n = 0;

	assert_int_equal(dnssec_nsec3_hash(&data, &params, &hash), 0);
	for (size_t i = 0; i < hash.size; i++) {
		bits = (bits << 8 | hash.data[i]) & 0xffff;
		for (have += 8; have >= 5; have -= 5)
			label[n++] = "0123456789abcdefghijklmnopqrstuv"[bits >> (have - 5) & 31];
	}
	assert_int_equal(n, 32);
	label[32] = 0;
	free(hash.data);
}

static int label_cmp(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

#define RRSIG(owner, type) "%s RRSIG " type " 13 2 300 20300101000000 20200101000000 1 t. AAAA\n"

static void add_line(struct content *content, const char *fmt, const char *owner, const char *next)
{
	char line[2048];

	snprintf(line, sizeof(line), fmt, owner, next);
	zonefile_add(content, line, NULL);
}

static struct content *model_content(struct model *m)
{
	struct content *content =
		zonefile_content("t.", "@ SOA ns h 7 3600 900 86400 300\n@ NS ns.other.\n", NULL);
	uint8_t label[POOL * 5 + 1][33];

	if (m->proof != PROOF_NONE)
		zonefile_add(
			content,
			"@ DNSKEY 257 3 13 AAAA\n@ RRSIG SOA 13 1 300 20300101000000 20200101000000 1 t. AAAA\n",
			NULL);
	for (size_t i = 0; i < m->n; i++) {
		knot_dname_txt_storage_t owner, next;

		knot_dname_to_str(owner, m->name[i], sizeof(owner));
		knot_dname_to_str(next, m->name[(i + 1) % m->n], sizeof(next));
		add_line(content, "%s A 192.0.2.1\n", owner, NULL);
		add_line(content, RRSIG(owner, "A"), owner, NULL);
		if (m->txt[i])
			add_line(content, "%s TXT x\n", owner, NULL);
		if (m->proof != PROOF_NSEC)
			continue;
		add_line(content, "%s NSEC %s A\n", owner, next);
		add_line(content, RRSIG(owner, "NSEC"), owner, NULL);
	}
	if (m->proof != PROOF_NSEC3)
		return content;
	zonefile_add(content, "@ NSEC3PARAM 1 0 1 -\n", NULL);
	for (size_t i = 0; i < m->n_all; i++)
		hash_label(m->name[i], label[i]);
	qsort(label, m->n_all, sizeof(label[0]), label_cmp);
	for (size_t i = 0; i < m->n_all; i++) {
		add_line(content, "%s NSEC3 1 0 1 - %s A\n", (char *)label[i],
			 (char *)label[(i + 1) % m->n_all]);
		add_line(content, RRSIG(owner, "NSEC3"), (char *)label[i], NULL);
	}
	return content;
}

/* Does the authority section have an NSEC or NSEC3 that matches the name, or whose interval has it?
 * Each must be signed. */
static bool is_proved(const struct fixture *f, const struct model *m, const knot_dname_t *name,
		      bool match)
{
	uint8_t hashed[33] = {0}, next[33], bits;

	if (m->proof == PROOF_NSEC3)
		hash_label(name, hashed);
	for (unsigned i = 0; i < f->answer.ns.n; i++) {
		const knot_rrset_t *rr = &f->answer.ns.rr[i];
		bool equal, inside;
		int after, before, order;

		if (rr->type == KNOT_RRTYPE_RRSIG)
			continue;
		assert_true(i + 1 < f->answer.ns.n && rr[1].type == KNOT_RRTYPE_RRSIG &&
			    rr[1].owner == rr->owner &&
			    knot_rrsig_type_covered(rr[1].rrs.rdata) == rr->type);
		if (rr->type == KNOT_RRTYPE_NSEC) {
			const knot_dname_t *end = knot_nsec_next(rr->rrs.rdata);

			equal = knot_dname_is_equal(rr->owner, name);
			after = name_cmp(name, rr->owner);
			before = name_cmp(name, end);
			order = name_cmp(rr->owner, end);
		} else {
			const uint8_t *raw = knot_nsec3_next(rr->rrs.rdata);
			unsigned have = 0, n = 0, acc = 0;

			for (unsigned k = 0; k < 20; k++) {
				acc = (acc << 8 | raw[k]) & 0xffff;
				for (have += 8; have >= 5; have -= 5) {
					bits = acc >> (have - 5) & 31;
					next[n++] = "0123456789abcdefghijklmnopqrstuv"[bits];
				}
			}
			equal = memcmp(hashed, rr->owner + 1, 32) == 0;
			after = memcmp(hashed, rr->owner + 1, 32);
			before = memcmp(hashed, next, 32);
			order = memcmp(rr->owner + 1, next, 32);
		}
		inside = order < 0 ? after > 0 && before < 0
				   : after != 0 && (after > 0 || before < 0);
		if (match ? equal : inside)
			return true;
	}
	return false;
}

/* The name between the closest encloser and name. */
static const knot_dname_t *next_closer(const knot_dname_t *name, const knot_dname_t *encloser)
{
	while (!knot_dname_is_equal(name + *name + 1, encloser))
		name += *name + 1;
	return name;
}

static void check_question(struct fixture *f, const struct model *m, const knot_dname_t *name,
			   bool want_txt)
{
	const knot_dname_t *encloser = name;
	knot_dname_storage_t wildcard = {1, '*'};
	int at = model_find(m, name), wild = -1, source;
	bool nsec3 = m->proof == PROOF_NSEC3, has;

	while (model_find(m, encloser) < 0)
		encloser += *encloser + 1;
	memcpy(wildcard + 2, encloser, knot_dname_size(encloser));
	if (at < 0)
		wild = model_find(m, wildcard);
	source = at >= 0 ? at : wild;
	has = source >= 0 && (size_t)source < m->n && (!want_txt || m->txt[source]);

	answer_make(f->txn, &f->zone, APEX, name, want_txt ? KNOT_RRTYPE_TXT : KNOT_RRTYPE_A, true,
		    &f->answer);
	assert_int_equal(f->answer.kind, has	       ? ANSWER_DATA
					 : source >= 0 ? ANSWER_NODATA
						       : ANSWER_NXDOMAIN);
	assert_int_equal(f->answer.rcode, source >= 0 ? KNOT_RCODE_NOERROR : KNOT_RCODE_NXDOMAIN);
	assert_int_equal(f->answer.wildcard, wild >= 0);
	assert_int_equal(f->answer.soa, !has);
	assert_int_equal(f->answer.an.n > 0, has);
	if (has)
		assert_true(knot_dname_is_equal(f->answer.an.rr[0].owner, name));
	if (m->proof == PROOF_NONE) {
		assert_int_equal(f->answer.ns.n, 0);
		return;
	}
	assert_int_equal(f->answer.soa_sig.owner != NULL, !has);
	if (has && at >= 0) {
		assert_int_equal(f->answer.ns.n, 0);
		return;
	}
	if (nsec3) { /* RFC 5155 §7.2 */
		if (at >= 0) {
			assert_true(is_proved(f, m, name, true));
			return;
		}
		assert_true(is_proved(f, m, next_closer(name, encloser), false));
		if (!has) {
			assert_true(is_proved(f, m, encloser, true));
			assert_true(is_proved(f, m, wildcard, wild >= 0));
		}
	} else { /* RFC 4035 §3.1.3 */
		assert_true(is_proved(f, m, name, at >= 0 && (size_t)at < m->n));
		if (at < 0 && !has)
			assert_true(is_proved(f, m, wildcard, wild >= 0 && (size_t)wild < m->n));
	}
}

static void test_model(void **state)
{
	static struct model m;

	(void)state;
	srandom(5);
	for (int round = 0; round < 90; round++) {
		struct fixture f;

		memset(&m, 0, sizeof(m));
		m.proof = round % 3;
		memcpy(m.name[m.n++], APEX, 3);
		for (int i = 0; i < POOL; i++) {
			char text[64];

			if (random() % 3)
				continue;
			snprintf(text, sizeof(text), "%s.t.", pool[i]);
			assert_non_null(knot_dname_from_str(m.name[m.n], text, sizeof(m.name[0])));
			knot_dname_to_lower(m.name[m.n++]);
		}
		qsort(m.name, m.n, sizeof(m.name[0]), name_cmp);
		for (size_t i = 0; i < m.n; i++)
			m.txt[i] = random() % 2;
		model_enclosers(&m);
		fixture_open(&f, model_content(&m));
		for (int i = 0; i < POOL * 6; i++) {
			static const char *const above[] = {"",	      "a.",   "*.",
							    "\\000.", "q.q.", "zz."};
			knot_dname_storage_t name;
			char text[64];

			snprintf(text, sizeof(text), "%s%s.t.", above[i / POOL], pool[i % POOL]);
			assert_non_null(knot_dname_from_str(name, text, sizeof(name)));
			knot_dname_to_lower(name);
			check_question(&f, &m, name, false);
			check_question(&f, &m, name, true);
			if (i / POOL == 1)
				check_rendered(&f, text, "TXT");
		}
		fixture_close(&f);
	}
}

/* ---- DNSSEC where the model has nothing: delegations, opt-out, chains ---- */

static const char signed_text[] =
	"@ SOA ns h 7 3600 900 86400 300\n@ NS ns\n@ DNSKEY 257 3 13 AAAA\n@ NSEC a SOA\nns A 192.0.2.53\n"
	"a CNAME q.w\na NSEC deleg CNAME\n*.w A 192.0.2.4\n*.w NSEC t. A\ndeleg NS ns.deleg\ndeleg NSEC ds NS\nns.deleg A 192.0.2.1\n"
	"ds NS ns\nds DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000\nds NSEC ns NS\nns NSEC *.w A\n"
	"@ RRSIG SOA 13 1 300 20300101000000 20200101000000 1 t. AAAA\n@ RRSIG NS 13 1 300 20300101000000 20200101000000 1 t. AAAA\n"
	"@ RRSIG NSEC 13 1 300 20300101000000 20200101000000 1 t. AAAA\nns RRSIG A 13 2 300 20300101000000 20200101000000 1 t. AAAA\n"
	"a RRSIG CNAME 13 2 300 20300101000000 20200101000000 1 t. AAAA\n*.w RRSIG A 13 2 300 20300101000000 20200101000000 1 t. AAAA\n"
	"deleg RRSIG NSEC 13 2 300 20300101000000 20200101000000 1 t. AAAA\nds RRSIG DS 13 2 300 20300101000000 20200101000000 1 t. AAAA\n"
	"ns RRSIG NSEC 13 2 300 20300101000000 20200101000000 1 t. AAAA\n"
	"*.w RRSIG NSEC 13 2 300 20300101000000 20200101000000 1 t. AAAA\n"
	"*.x DNAME x\n*.x RRSIG DNAME 13 2 300 20300101000000 20200101000000 1 t. AAAA\n";

static const struct {
	const char *qname, *qtype, *expect; /* types of each section, and the owners of those of the
					       authority section */
} signed_table[] = {
	{"ns.t.", "A", "A RRSIG||"},
	{"ns.t.", "RRSIG", "RRSIG||"},
	{"ns.t.", "ANY", "A RRSIG||"},
	{"ns.t.", "NSEC", "NSEC RRSIG||"},
	{"t.", "NS", "NS RRSIG||A RRSIG"},
	{"*.*.x.t.", "RRSIG", "DNAME RRSIG CNAME||"},
	{"*.*.x.t.", "DNAME", "DNAME RRSIG CNAME||"},
	{"deleg.t.", "A", "|NS deleg.t. NSEC deleg.t. RRSIG deleg.t.|A"},
	{"x.deleg.t.", "A", "|NS deleg.t. NSEC deleg.t. RRSIG deleg.t.|A"},
	{"deleg.t.", "DS", "|NSEC deleg.t. RRSIG deleg.t.|"},
	{"ds.t.", "A", "|NS ds.t. DS ds.t. RRSIG ds.t.|A RRSIG"},
	{"a.t.", "A", "CNAME RRSIG A RRSIG|NSEC *.w.t. RRSIG *.w.t.|"},
	/* between *.w and its encloser: nothing
								    but ns covers? */
};

static void test_signed(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, zonefile_content("t.", signed_text, NULL));
	assert_true(f.zone.is_signed);
	for (size_t i = 0; i < sizeof(signed_table) / sizeof(signed_table[0]); i++) {
		const struct answer_section *section[] = {&f.answer.an, &f.answer.ns, &f.answer.ar};
		char text[1024] = "";

		ask(&f, signed_table[i].qname, signed_table[i].qtype, true);
		for (int s = 0; s < 3; s++) {
			for (unsigned k = 0; k < section[s]->n; k++) {
				char word[300];

				knot_rrtype_to_string(section[s]->rr[k].type, word, sizeof(word));
				sprintf(text + strlen(text), "%s%s", k ? " " : "", word);
				if (s == 1) {
					knot_dname_to_str(word, section[s]->rr[k].owner,
							  sizeof(word));
					sprintf(text + strlen(text), " %s", word);
				}
			}
			strcat(text, s < 2 ? "|" : "");
		}
		if (strcmp(text, signed_table[i].expect) != 0)
			fail_msg("%s %s: %s", signed_table[i].qname, signed_table[i].qtype, text);
		check_rendered(&f, signed_table[i].qname, signed_table[i].qtype);
	}
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	      cmocka_unit_test(test_name_status),
		cmocka_unit_test(test_long_chain),    cmocka_unit_test(test_room),
		cmocka_unit_test(test_room_for_some), cmocka_unit_test(test_model),
		cmocka_unit_test(test_signed),	      cmocka_unit_test(test_dname_loop),
		cmocka_unit_test(test_many),	      cmocka_unit_test(test_nsec3_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
