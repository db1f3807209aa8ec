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

#define ROUNDS 120

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
	assert_int_equal(store_write_begin(f->store, &txn), 0);
	assert_int_equal(store_zone_add(txn, content_apex(content), &f->stored), 0);
	assert_int_equal(store_zone_replace(txn, content, 1000, &changes), 0);
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
		"%lu asked; passed up: %lu marked, %lu DNAME, %lu wildcard delegations, %lu proofs\n",
		asked, fates[RUN_PASS_NODE], fates[RUN_PASS_DNAME], fates[RUN_PASS_WILDCARD],
		fates[RUN_PASS_DNSSEC]);
	assert_int_equal(fates[RUN_PASS_DNSSEC], 0);
	assert_true(fates[RUN_PASS_NODE] < asked / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_zones),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
