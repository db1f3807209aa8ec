// SPDX-License-Identifier: GPL-3.0-or-later
/* Answers of signed zones: their proofs in random zones, against a model; delegations, chains. */
#include <libdnssec/nsec.h>

#include "answer_fixture.h"
#include "store/key.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_nsec3_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
