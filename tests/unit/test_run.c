/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a run makes of images (run_model.h) is what the responder answers, record by record: over
 * random zones, signed and not, for names of every kind, for DO=0 and DO=1. So the images are right
 * wherever they are moved to, and what image/ and the XDP program have to find by themselves (types
 * that are not there, wildcards, proofs) is the same as in answer/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <sys/stat.h>
#include <unistd.h>

#include "random_zone.h"
#include "run_model.h"
#include "zonefile.h"

#define ROUNDS 60 /* some 170,000 questions; more by the environment */

static const __u64 key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
static unsigned long asked, fates[RUN_FATES];

struct fixture {
	char dir[64];
	struct store *store;
	struct store_txn *txn;
	struct store_zone stored;
	struct image_zone zone;
	struct run_maps maps;
	struct answer answer;
	knot_dname_storage_t apex;
	const char *text;
};

static void store_make(struct fixture *f)
{
	strcpy(f->dir, "/tmp/xnsd-test-run-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(store_open(f->dir, 64 << 20, &f->store), 0);
	answer_init(&f->answer);
}

static void store_drop(struct fixture *f)
{
	char command[128];

	answer_free(&f->answer);
	store_close(f->store);
	snprintf(command, sizeof(command), "rm -r %s", f->dir);
	assert_int_equal(system(command), 0);
}

static void zone_open(struct fixture *f, const char *apex, const char *text)
{
	struct content *content = zonefile_finished(apex, text, NULL);
	struct store_changes *changes;
	struct store_txn *txn;

	f->text = text;
	assert_non_null(knot_dname_from_str(f->apex, apex, sizeof(f->apex)));
	knot_dname_to_lower(f->apex);
	assert_int_equal(store_write_begin(f->store, &txn), 0);
	assert_int_equal(store_zone_add(txn, content_apex(content), &f->stored), 0);
	assert_int_equal(
		store_zone_replace(txn, content, &(struct store_limits){0}, 1000, &changes), 0);
	assert_int_equal(store_write_commit(txn), 0);
	store_changes_free(changes);
	content_free(content);
	assert_int_equal(store_read_begin(f->store, &f->txn), 0);
	assert_int_equal(store_zone_get(f->txn, f->apex, &f->stored), 0);
	f->zone = (struct image_zone){.stored = &f->stored, .apex = f->apex};
	run_maps_build(&f->maps, key, f->txn, &f->zone);
}

static void zone_close(struct fixture *f)
{
	run_maps_free(&f->maps);
	store_read_end(f->txn);
}

/* ---- a message as text: header, then the records of each section in order ---- */

static int line_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void describe(const uint8_t *wire, size_t len, char *out)
{
	knot_pkt_t *pkt = knot_pkt_new((uint8_t *)wire, len, NULL);

	if (knot_pkt_parse(pkt, 0) != KNOT_EOK) {
		strcpy(out, "cannot be parsed\n");
		knot_pkt_free(pkt);
		return;
	}
	out += sprintf(out, "rcode %u aa %u\n", knot_wire_get_rcode(wire),
		       !!knot_wire_get_aa(wire));
	for (int s = 0; s < 3; s++) {
		const knot_pktsection_t *section = knot_pkt_section(pkt, s);
		char *line[256], *first = out;

		assert_true(section->count <= 256);
		for (unsigned i = 0; i < section->count; i++) {
			const knot_rrset_t *rr = knot_pkt_rr(section, i);

			line[i] = malloc(4096);
			assert_true(knot_rrset_txt_dump(rr, &line[i], &(size_t){4096},
							&KNOT_DUMP_STYLE_DEFAULT) > 0);
		}
		qsort(line, section->count, sizeof(line[0]), line_cmp);
		out += sprintf(out, "section %d\n", s);
		for (unsigned i = 0; i < section->count; i++) {
			out += sprintf(out, "%s", line[i]);
			free(line[i]);
		}
		for (; *first; first++) /* compressed names have the question's case */
			*first = tolower((unsigned char)*first);
	}
	knot_pkt_free(pkt);
}

/* What the responder says, without a limit. */
static void describe_answer(struct fixture *f, const knot_dname_t *qname, uint16_t qtype,
			    bool dnssec, char *out)
{
	knot_pkt_t *pkt = knot_pkt_new(NULL, KNOT_WIRE_MAX_PKTSIZE, NULL);
	knot_rrset_t soa;

	answer_make(f->txn, &f->stored, f->apex, qname, qtype, dnssec ? ANSWER_DNSSEC : 0,
		    &f->answer);
	assert_int_not_equal(f->answer.kind, ANSWER_FAILURE);
	assert_int_equal(answer_negative_soa(f->txn, &f->stored, f->apex, &soa), 0);
	assert_int_equal(knot_pkt_put_question(pkt, qname, KNOT_CLASS_IN, qtype), 0);
	knot_wire_set_qr(pkt->wire);
	assert_int_equal(answer_render(&f->answer, &soa, pkt), 0);
	describe(pkt->wire, pkt->size, out);
	knot_pkt_free(pkt);
}

static enum run_fate ask(struct fixture *f, const knot_dname_t *qname, uint16_t qtype, bool dnssec)
{
	static uint8_t wire[KNOT_WIRE_MAX_PKTSIZE];
	static char expected[1 << 18], got[1 << 18];
	size_t len;
	enum run_fate fate = run_question(&f->maps, qname, qtype, dnssec, wire, &len);

	asked++;
	fates[fate]++;
	if (fate != RUN_REPLY)
		return fate;
	describe(wire, len, got);
	describe_answer(f, qname, qtype, dnssec, expected);
	if (strcmp(got, expected) != 0) {
		knot_dname_txt_storage_t name;

		knot_dname_to_str(name, qname, sizeof(name));
		fail_msg("%s type %u DO=%d:\n%s--- expected:\n%s--- of:\n%s", name, qtype, dnssec,
			 got, expected, f->text);
	}
	return fate;
}

static const uint16_t types[] = {
	KNOT_RRTYPE_A,
	KNOT_RRTYPE_AAAA,
	KNOT_RRTYPE_NS,
	KNOT_RRTYPE_CNAME,
	KNOT_RRTYPE_MX,
	KNOT_RRTYPE_TXT,
	KNOT_RRTYPE_DS,
	KNOT_RRTYPE_SRV,
	KNOT_RRTYPE_DNAME,
	KNOT_RRTYPE_SVCB,
	KNOT_RRTYPE_PTR,
	KNOT_RRTYPE_NSEC,
	KNOT_RRTYPE_RRSIG,
	KNOT_RRTYPE_NSEC3,
	KNOT_RRTYPE_ANY,
	KNOT_RRTYPE_SOA,
	0,
	65000,
	KNOT_RRTYPE_DNSKEY,
};

static void ask_all(struct fixture *f, const char *text)
{
	knot_dname_storage_t qname;

	assert_non_null(knot_dname_from_str(qname, text, sizeof(qname)));
	knot_dname_to_lower(qname);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		for (int dnssec = 0; dnssec < 2; dnssec++)
			ask(f, qname, types[i], dnssec);
}

/* ---- random zones ---- */

/* Every name of up to two labels, and some longer ones, with labels that the zone has not. */
static void ask_names(struct fixture *f)
{
	static const char *const label[] = {"a", "b", "*", "c", "nothing", "d"};
	char text[128];

	ask_all(f, "z.");
	for (unsigned i = 0; i < 6; i++) {
		snprintf(text, sizeof(text), "%s.z.", label[i]);
		ask_all(f, text);
		for (unsigned k = 0; k < 6; k++) {
			snprintf(text, sizeof(text), "%s.%s.z.", label[i], label[k]);
			ask_all(f, text);
		}
	}
	for (unsigned i = 0; i < 30; i++) {
		snprintf(text, sizeof(text), "%s.%s.%s.%sz.", label[random_pick(6)],
			 label[random_pick(6)], label[random_pick(4)],
			 random_pick(3) ? "" : "some.where.");
		ask_all(f, text);
	}
}

static void test_random_zones(void **state)
{
	const char *rounds = getenv("ROUNDS");
	unsigned n = rounds ? atoi(rounds) : ROUNDS;
	struct fixture f;

	(void)state;
	store_make(&f);
	for (unsigned round = 0; round < n; round++) {
		struct random_version version;

		random_seed = round + 1000;
		random_zone(&version);
		zone_open(&f, "z.", random_text(&version, round + 1));
		ask_names(&f);
		zone_close(&f);
	}
	store_drop(&f);
	print_message(
		"%lu asked; passed up: %lu marked, %lu beyond a DNAME, %lu wildcard delegations, %lu proofs\n",
		asked, fates[RUN_PASS_NODE], fates[RUN_PASS_DNAME], fates[RUN_PASS_WILDCARD],
		fates[RUN_PASS_DNSSEC]);
	assert_int_equal(fates[RUN_PASS_DNSSEC], 0);
	assert_true(fates[RUN_PASS_NODE] < asked / 20);
}

/* ---- zones by hand ---- */

#define HEAD "@ SOA ns h 1 60 60 600 30\n@ NS ns\n"
#define KEY  "@ DNSKEY 257 3 13 AAAA\n"
#define SIG(owner, type)                                                    \
	owner " RRSIG " type " 13 2 60 20300101000000 20200101000000 1 z. " \
	      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n"
#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L59 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define D16 "d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d"

static const struct {
	const char *what, *apex, *text; /* text NULL: zones/APEXzone */
} by_hand[] = {
	{"examples", "example.com.", NULL},
	{"examples", "delegation.example.", NULL},
	{"examples", "dname.example.", NULL},
	{"examples", "hosting.example.", NULL},
	{"examples", "tricky.example.", NULL},
	{"examples", "wildcard.example.", NULL},
	{"the root zone", ".",
	 HEAD "* A 192.0.2.1\na MX 1 b.a\nb.a AAAA ::1\nc NS ns.c\nns.c A 192.0.2.1\nd CNAME e\n"
	      "*.f CNAME a\ng PTR .\n*.h MX 1 .\n*.h MX 2 a\n"},
	{"the root zone, signed", ".",
	 HEAD KEY "@ NSEC a SOA NS DNSKEY NSEC RRSIG\n" SIG("@", "NSEC") SIG(
		 "@", "SOA") "a A 192.0.2.1\na NSEC c A NSEC RRSIG\n" SIG("a", "NSEC")
		 SIG("a", "A") "c NS ns.c\nns.c A 192.0.2.1\nc NSEC *.f NS NSEC\n" SIG(
			 "c", "NSEC") "*.f CNAME a\n*.f NSEC . CNAME NSEC\n" SIG("*.f", "NSEC")},
	{"an apex of several labels, proofs that point to it", "b.C.example.",
	 HEAD KEY "@ NSEC a SOA NS DNSKEY NSEC RRSIG\n" SIG("@", "NSEC")
		 SIG("@", "SOA") "a.b A 192.0.2.1\na.b NSEC @ A NSEC RRSIG\n" SIG(
			 "a.b", "NSEC") "d CNAME x.b\ne CNAME b\nf CNAME e.f.g\n*.h CNAME b\n"},
	{"names like the one that wildcards are rendered with", "z.",
	 HEAD
	 "*.w MX 1 \\255.w\n*.w A 192.0.2.1\n*.w MX 2 x.w\n*.v MX 1 \\255.w.v\nx.v A 192.0.2.1\n"
	 "\\255.u A 192.0.2.1\n*.u TXT \\001\\255 \\001\\254\n*.t CNAME \\255.\\254.t\n"
	 "\\254.t A 192.0.2.2\n"},
	{"odd octets", "z.",
	 HEAD "\\000 A 192.0.2.1\na\\000b.\\001 MX 1 \\000\n*.\\000 TXT x\n\\192\\012 A 192.0.2.1\n"
	      "a\\.b CNAME a\\.b.\\\\\n\\\\ NS ns.\\\\\nns.\\\\ A 192.0.2.1\n"},
	{"long names", "z.",
	 HEAD L63 "." L63 "." L63 "." L59 " A 192.0.2.1\n" L63 "." L63 "." L63 " MX 1 " L63 "." L63
		  "." L63 "." L59 "\n*." L63 "." L63 "." L63 " A 192.0.2.1\n"
		  "x DNAME " L63 "." L63 "." L63 "\n" L63 ".y NS ns." L63 ".y\nns." L63
		  ".y A 192.0.2.1\n"},
	{"deep names", "z.",
	 HEAD D16 "." D16 "." D16 "." D16 "." D16 "." D16 "." D16 ".d.d.d.d.d.d.d.d A 192.0.2.1\n"
		  "*." D16 "." D16 " MX 1 a." D16 "\n*.d CNAME " D16 "\n" D16 " NS ns." D16
		  "\nns." D16 " A 192.0.2.1\n"},
	{"names that are compressed in their data, and names that are not", "z.",
	 HEAD "*.a MINFO b.a c\n*.a RP d.a e.a\n*.a AFSDB 1 f.a\n*.a NAPTR 1 1 \"\" \"\" \"\" g.a\n"
	      "*.a KX 1 h.a\n*.a RT 1 i.a\n*.a SRV 1 1 1 l.a\n*.a PTR m.a\n"
	      "*.a MX 1 n.a\n*.a MX 2 n.a\n*.a MX 3 o.n.a\n"},
	{"wildcards with additional data, signed", "z.",
	 HEAD KEY "@ NSEC *.a NS SOA\n" SIG("@", "NSEC")
		 SIG("@", "SOA") "*.a MX 1 b\n*.a MX 2 c.b\n*.a MX 3 d.c.b\n*.a SRV 1 1 1 c.b\n" SIG("*.a", "MX") "*.a NSEC b MX\n" SIG(
			 "*.a",
			 "NSEC") "b A 192.0.2.1\nb AAAA ::1\nc.b A 192.0.2.1\nd.c.b A 192.0.2.2\n" SIG("b",
												       "A")
			 SIG("b", "AAAA") SIG("c.b", "A") "b NSEC @ A\n" SIG("b", "NSEC")},
	{"chains that need proofs, before additional data", "z.",
	 HEAD KEY "@ NSEC *.w NS SOA\n" SIG("@", "NSEC") SIG(
		 "@", "SOA") "a CNAME x.w\nb CNAME a\n*.w MX 1 m\n*.w MX 2 n.m\n" SIG("*.w", "MX")
		 SIG("a", "CNAME") "*.w NSEC @ MX\n" SIG("*.w", "NSEC") "m A 192.0.2.1\nn.m A 192.0.2.2\nm AAAA ::1\n" SIG(
			 "m",
			 "A") "c CNAME x.d\nd NS ns.d\nns.d A 192.0.2.1\n*.e CNAME x.d\n*.f CNAME x.w\n"},
	{"NSEC3 with more iterations than the maps are good for", "z.",
	 HEAD KEY "@ NSEC3PARAM 1 0 5 aa\n" SIG("@", "SOA") "a A 192.0.2.1\nb CNAME c\n"},
	{"signed, but nothing to prove it with", "z.", HEAD KEY "a A 192.0.2.1\nb CNAME c\n"},
};

static void ask_name(struct fixture *f, const knot_dname_t *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		for (int dnssec = 0; dnssec < 2; dnssec++)
			ask(f, name, types[i], dnssec);
}

/* A name, and names below it of other lengths. */
static int ask_around(const knot_dname_t *name, void *ctx)
{
	static const struct {
		uint8_t len;
		const char *labels;
	} below[] = {{0, ""},
		     {2, "\1x"},
		     {2, "\1*"},
		     {4, "\1y\1x"},
		     {2, "\1\377"},
		     {11, "\12aaaaaaaaaa"},
		     {22, "\12aaaaaaaaaa\12bbbbbbbbbb"}};
	size_t len = knot_dname_size(name);
	uint8_t wire[KNOT_DNAME_MAXLEN + 32];

	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		if (below[i].len + len > KNOT_DNAME_MAXLEN ||
		    knot_dname_labels(name, NULL) + 2 > KNOT_DNAME_MAXLABELS)
			continue;
		memcpy(wire, below[i].labels, below[i].len);
		memcpy(wire + below[i].len, name, len);
		ask_name(ctx, wire);
	}
	return 0;
}

static char *read_zone(const char *apex)
{
	char path[128], *text = calloc(1, RANDOM_TEXT);
	FILE *file;

	snprintf(path, sizeof(path), "zones/%szone", apex);
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s: not there; tests are run from the project's directory", path);
	assert_true(fread(text, 1, RANDOM_TEXT - 1, file) > 0);
	fclose(file);
	return text;
}

static void test_by_hand(void **state)
{
	struct fixture f;

	(void)state;
	store_make(&f);
	for (size_t i = 0; i < sizeof(by_hand) / sizeof(by_hand[0]); i++) {
		char *text = by_hand[i].text ? strdup(by_hand[i].text) : read_zone(by_hand[i].apex);

		zone_open(&f, by_hand[i].apex, text);
		assert_int_equal(image_each_name(f.txn, &f.stored, f.apex, ask_around, &f), 0);
		zone_close(&f);
		free(text);
	}
	store_drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_zones),
		cmocka_unit_test(test_by_hand),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
