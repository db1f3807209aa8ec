/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A store that holds the zone "t.", and answers out of it. */
#ifndef XNS_TEST_ANSWER_FIXTURE_H
#define XNS_TEST_ANSWER_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "answer/answer.h"
#include "zonefile.h"

static const knot_dname_t *const APEX = (const uint8_t *)"\1t";

struct fixture {
	char dir[64];
	struct store *store;
	struct store_txn *txn;
	struct store_zone zone;
	struct answer answer;
};

static inline void fixture_open(struct fixture *f, struct content *content)
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

static inline void fixture_close(struct fixture *f)
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

static inline void ask(struct fixture *f, const char *qname, const char *qtype, bool dnssec)
{
	knot_dname_storage_t name;
	uint16_t type;

	assert_non_null(knot_dname_from_str(name, qname, sizeof(name)));
	knot_dname_to_lower(name);
	assert_int_equal(knot_rrtype_from_string(qtype, &type), 0);
	answer_make(f->txn, &f->zone, APEX, name, type, dnssec, &f->answer);
}

/* The rendered message says the same as the sections, whatever was compressed. */
static inline void check_rendered(struct fixture *f, const char *qname, const char *qtype)
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

#endif
