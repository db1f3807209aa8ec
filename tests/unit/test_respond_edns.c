// SPDX-License-Identifier: GPL-3.0-or-later
/* respond_make: what the OPT of a reply says, and the room that it takes. */
#include "respond_fixture.h"

#define NSID_TEXT	     "ns1-fra"
#define NSID		     "\0\3\0\7" NSID_TEXT
#define VERSION(labels)	     "\0\x13\0\6" labels "\0\0\0\0\7"
#define EDE(len, code, text) "\0\xf\0" len "\0" code text

#define STALE EDE("\2", "\3", "")

#define ASK_NSID    "\0\3\0\0"
#define ASK_VERSION "\0\x13\0\0"
#define UNKNOWN	    "\xfd\xe9\0\5hello"

struct test {
	const char *what;
	const char *qname;
	uint16_t qtype, qclass;
	const char *options;
	size_t options_len;
	/* expected: -1: no OPT */
	int rcode;
	const char *reply;
	int reply_len;
	uint16_t size; /* 0: 1232 */
	uint8_t version;
	bool tcp;
	uint16_t flags; /* of the query */
};

#define T(what, qname, qtype, qclass, options, rcode, reply_options, ...) \
	{what,                                                            \
	 qname,                                                           \
	 qtype,                                                           \
	 qclass,                                                          \
	 options,                                                         \
	 sizeof(options) - 1,                                             \
	 rcode,                                                           \
	 .reply = reply_options,                                          \
	 .reply_len = sizeof(reply_options) - 1,                          \
	 __VA_ARGS__}
#define NONE(what, qname, qtype, qclass, options, rcode) \
	{what, qname, qtype, qclass, options, sizeof(options) - 1, rcode, .reply_len = -1}

static const struct test tests[] = {
	T("nothing asked for", "www.example.com.", 1, 1, "", 0, ""),
	T("unknown option", "www.example.com.", 1, 1, UNKNOWN, 0, ""),
	T("NSID", "www.example.com.", 1, 1, ASK_NSID, 0, NSID),
	T("NSID with data", "www.example.com.", 1, 1, "\0\3\0\2xx", 0, NSID),
	T("NSID twice", "www.example.com.", 1, 1, ASK_NSID ASK_NSID, 0, NSID),
	T("NSID, NXDOMAIN", "no.example.com.", 1, 1, ASK_NSID, 3, NSID),
	T("NSID, truncated", "big.example.com.", 16, 1, ASK_NSID, 0, NSID, .size = 512),
	T("NSID, class CH", "version.bind.", 16, 3, ASK_NSID, 0, NSID),
	T("NSID, NOTIMP", "www.example.com.", 1, 1, ASK_NSID, 4, NSID, .flags = 2 << 11),
	T("NSID, NOTAUTH", "example.com.", 6, 1, ASK_NSID, 9, NSID, .flags = 4 << 11),
	T("NSID, refused", "example.org.", 1, 1, ASK_NSID, 5, NSID EDE("\2", "\x14", "")),
	T("NSID, TCP", "www.example.com.", 1, 1, ASK_NSID, 0, NSID, .tcp = true),
	T("BADVERS", "www.example.com.", 1, 1, ASK_NSID ASK_VERSION, 16, "", .version = 1),
	T("BADVERS, options that would be wrong in version 0", "www.example.com.", 1, 1,
	  "\0\x13\0\1x", 16, "", .version = 1),

	T("ZONEVERSION", "www.example.com.", 1, 1, ASK_VERSION, 0, VERSION("\2")),
	T("ZONEVERSION twice", "www.example.com.", 1, 1, ASK_VERSION ASK_VERSION, 0, VERSION("\2")),
	T("ZONEVERSION, NODATA", "www.example.com.", 28, 1, ASK_VERSION, 0, VERSION("\2")),
	T("ZONEVERSION, NXDOMAIN", "no.example.com.", 1, 1, ASK_VERSION, 3, VERSION("\2")),
	T("ZONEVERSION, referral", "www.sub.example.com.", 1, 1, ASK_VERSION, 0, VERSION("\2")),
	T("ZONEVERSION, truncated", "big.example.com.", 16, 1, ASK_VERSION, 0, VERSION("\2")),
	T("ZONEVERSION, class ANY", "www.example.com.", 1, 255, ASK_VERSION, 0, VERSION("\2")),
	T("ZONEVERSION, class CH", "version.bind.", 16, 3, ASK_VERSION, 0, ""),
	T("ZONEVERSION, no zone", "example.org.", 1, 1, ASK_VERSION, 5, EDE("\2", "\x14", "")),
	T("ZONEVERSION, expired", "www.old.test.", 1, 1, ASK_VERSION, 2,
	  VERSION("\2") EDE("\x12", "\x18", "zone has expired")),
	T("ZONEVERSION, never transferred", "empty.test.", 1, 1, ASK_VERSION, 2,
	  EDE("\x1a", "\xe", "zone not transferred yet")),
	NONE("ZONEVERSION with data", "www.example.com.", 1, 1, "\0\x13\0\1\0", 1),
	NONE("ZONEVERSION, then one with data", "www.example.com.", 1, 1,
	     ASK_VERSION "\0\x13\0\1\0", 1),

	T("never transferred", "www.empty.test.", 1, 1, "", 2,
	  EDE("\x1a", "\xe", "zone not transferred yet")),
	T("expired", "old.test.", 6, 1, "", 2, EDE("\x12", "\x18", "zone has expired")),
	T("refused", "example.org.", 1, 1, "", 5, EDE("\2", "\x14", "")),
	T("AXFR", "example.com.", 252, 1, "", 5, EDE("\2", "\x12", ""), .tcp = true),
	T("IXFR", "example.com.", 251, 1, "", 5, EDE("\2", "\x12", "")),
	T("AXFR over UDP", "example.com.", 252, 1, "", 4, ""),
	T("AXFR of no zone", "example.org.", 252, 1, "", 9, "", .tcp = true),

	T("all", "www.example.com.", 1, 1, UNKNOWN ASK_VERSION UNKNOWN ASK_NSID, 0,
	  NSID VERSION("\2")),
	NONE("an option cut", "www.example.com.", 1, 1, ASK_NSID "\0\3\0", 1),
	NONE("an option too long", "www.example.com.", 1, 1, ASK_VERSION "\0\3\0\1", 1),
};
#define N_TESTS (sizeof(tests) / sizeof(*tests))

/* example.com and old.test are stale. */
static const struct test stale_tests[] = {
	T("stale", "www.example.com.", 1, 1, "", 0, STALE),
	T("stale, TCP", "www.example.com.", 1, 1, "", 0, STALE, .tcp = true),
	T("stale, NODATA", "www.example.com.", 28, 1, "", 0, STALE),
	T("stale, NXDOMAIN", "no.example.com.", 1, 1, "", 3, STALE),
	T("stale, referral", "www.sub.example.com.", 1, 1, "", 0, STALE),
	T("stale, truncated", "big.example.com.", 16, 1, "", 0, STALE, .size = 512),
	T("stale, class ANY", "www.example.com.", 1, 255, "", 0, STALE),
	T("stale, all", "www.example.com.", 1, 1, ASK_VERSION ASK_NSID, 0,
	  NSID VERSION("\2") STALE),
	T("stale, BADVERS", "www.example.com.", 1, 1, "", 16, "", .version = 1),
	T("stale, AXFR", "example.com.", 252, 1, "", 5, EDE("\2", "\x12", ""), .tcp = true),
	T("stale, NOTIFY", "example.com.", 6, 1, "", 9, "", .flags = 4 << 11),
	T("stale, expired", "old.test.", 6, 1, "", 2, EDE("\x12", "\x18", "zone has expired")),
	T("another zone, never transferred", "www.empty.test.", 1, 1, "", 2,
	  EDE("\x1a", "\xe", "zone not transferred yet")),
	T("no zone", "example.org.", 1, 1, "", 5, EDE("\2", "\x14", "")),
	T("class CH", "version.bind.", 16, 3, "", 0, ""),
};
#define N_STALE_TESTS (sizeof(stale_tests) / sizeof(*stale_tests))

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	fixture_open(f);
	memcpy(f->config.nsid, NSID_TEXT, strlen(NSID_TEXT));
	f->config.nsid_len = strlen(NSID_TEXT);
	atomic_store(&f->zones.zone[2]->serial, 7);
	assert_int_equal(respond_bind(&f->config, &f->respond), 0);
	respond_use(f->respond, &f->zones, NULL, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_close(*state);
	free(*state);
	return 0;
}

static void build(const struct test *test, struct message *ret)
{
	add_header(ret, test->flags, 1);
	add_question(ret, test->qname, test->qtype, test->qclass);
	add_opt(ret, test->size ? test->size : 1232, (uint32_t)test->version << 16);
	knot_wire_write_u16(ret->wire + ret->len - 2, (uint16_t)test->options_len);
	add_bytes(ret, test->options, test->options_len);
}

/* The reply lies in memory of reply_max bytes: a write beyond is seen by ASan. */
static knot_pkt_t *ask(struct fixture *f, const struct message *query, bool tcp, size_t reply_max)
{
	uint8_t *reply = malloc(reply_max);
	struct respond_query in = {query->wire, query->len, (struct sockaddr *)&f->from[STRANGER],
				   tcp, false};
	struct store_txn *txn;
	knot_pkt_t *pkt;
	size_t len;

	assert_int_equal(store_read_begin(f->store, &txn), 0);
	len = respond_make(f->respond, txn, &in, reply, reply_max);
	store_read_end(txn);
	assert_in_range(len, 12, reply_max);
	pkt = knot_pkt_new(NULL, (uint16_t)len, NULL);
	memcpy(pkt->wire, reply, len);
	pkt->size = len;
	assert_int_equal(knot_pkt_parse(pkt, KNOT_PF_NOCANON), KNOT_EOK);
	free(reply);
	return pkt;
}

static void expect_options(struct fixture *f, const struct test *tests, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct test *test = &tests[i];
		const knot_rdata_t *rdata;
		struct message query;
		knot_pkt_t *pkt;

		build(test, &query);
		pkt = ask(f, &query, test->tcp, test->tcp ? 65535 : 4096);
		if (knot_pkt_ext_rcode(pkt) != test->rcode)
			fail_msg("%s: RCODE %u", test->what, knot_pkt_ext_rcode(pkt));
		if (knot_pkt_has_edns(pkt) != (test->reply_len >= 0))
			fail_msg("%s: OPT", test->what);
		if (test->reply_len >= 0) {
			rdata = pkt->opt_rr->rrs.rdata;
			if (rdata->len != test->reply_len ||
			    memcmp(rdata->data, test->reply, rdata->len) != 0)
				fail_msg("%s: other options, %u bytes", test->what, rdata->len);
		}
		knot_pkt_free(pkt);
	}
}

static void options(void **state)
{
	expect_options(*state, tests, N_TESTS);
}

/* RFC 8914 §4.4: from then on, if configured, until a primary confirms it or it expires. */
static void stale(void **state)
{
	struct fixture *f = *state;
	struct message query;
	knot_pkt_t *pkt;

	f->zones.zone[0]->stale_at_ms = clock_boot_ms();
	f->zones.zone[2]->stale_at_ms = 1;
	expect_options(f, tests, N_TESTS);
	f->config.ede_stale = true;
	expect_options(f, stale_tests, N_STALE_TESTS);
	add_header(&query, 0, 1);
	add_question(&query, "www.example.com.", 1, 1);
	pkt = ask(f, &query, false, 512);
	assert_int_equal(knot_wire_get_ancount(pkt->wire), 2);
	assert_int_equal(knot_wire_get_arcount(pkt->wire), 0);
	knot_pkt_free(pkt);
	f->zones.zone[0]->stale_at_ms = clock_boot_ms() + 3600000;
	expect_options(f, tests, N_TESTS);
	f->zones.zone[0]->stale_at_ms = f->zones.zone[2]->stale_at_ms = 0;
	f->config.ede_stale = false;
}

/* Out of the store, which fails: no answer, so none that is stale. */
static void stale_failure(void **state)
{
	struct fixture *f = *state;
	struct message query;
	uint8_t reply[512];
	size_t len;

	f->zones.zone[0]->stale_at_ms = 1;
	f->config.ede_stale = true;
	build(&(struct test){.qname = "www.example.com.", .qtype = 1, .qclass = 1, .options = ""},
	      &query);
	len = respond_make(f->respond, NULL,
			   &(struct respond_query){query.wire, query.len,
						   (struct sockaddr *)&f->from[STRANGER], false,
						   false},
			   reply, sizeof(reply));
	assert_int_equal(len, query.len);
	assert_int_equal(knot_wire_get_rcode(reply), 2);
	f->zones.zone[0]->stale_at_ms = 0;
	f->config.ede_stale = false;
}

static void without_nsid(void **state)
{
	struct fixture *f = *state;
	struct message query;
	knot_pkt_t *pkt;

	f->config.nsid_len = 0;
	build(&(struct test){.qname = "www.example.com.",
			     .qtype = 1,
			     .qclass = 1,
			     .options = ASK_NSID,
			     .options_len = 4},
	      &query);
	pkt = ask(f, &query, false, 1232);
	assert_int_equal(pkt->opt_rr->rrs.rdata->len, 0);
	knot_pkt_free(pkt);
	f->config.nsid_len = strlen(NSID_TEXT);
}

/* No OPT, nothing of what it would say. */
static void without_opt(void **state)
{
	struct message query;
	knot_pkt_t *pkt;

	add_header(&query, 0, 1);
	add_question(&query, "www.old.test.", 1, 1);
	pkt = ask(*state, &query, false, 512);
	assert_int_equal(knot_wire_get_rcode(pkt->wire), 2);
	assert_int_equal(knot_wire_get_arcount(pkt->wire), 0);
	assert_int_equal(pkt->size, query.len);
	knot_pkt_free(pkt);
}

/* Whatever the client's limit: the reply is whole if it fits with its options, else TC=1. */
static void expect_room(struct fixture *f, size_t unasked)
{
	static const char *const asked[] = {"", ASK_NSID, ASK_VERSION, ASK_NSID ASK_VERSION};
	static const size_t asked_len[] = {0, 4, 4, 8}, more[] = {0, 11, 10, 21};
	unsigned n_whole = 0, n_cut = 0;

	for (size_t i = 0; i < 4; i++) {
		struct test test = {.qname = "medium.example.com.",
				    .qtype = 16,
				    .qclass = 1,
				    .options = asked[i],
				    .options_len = asked_len[i]};
		struct message query;
		knot_pkt_t *pkt;
		size_t whole;

		build(&test, &query);
		pkt = ask(f, &query, true, 65535);
		whole = pkt->size;
		assert_int_equal(pkt->opt_rr->rrs.rdata->len, more[i] + unasked);
		knot_pkt_free(pkt);
		for (test.size = 512; test.size < 700; test.size++) {
			build(&test, &query);
			pkt = ask(f, &query, false, test.size);
			if (pkt->size > test.size ||
			    (knot_wire_get_tc(pkt->wire) != 0) != (whole > test.size))
				fail_msg("size %u, options %zu", test.size, i);
			assert_int_equal(pkt->opt_rr->rrs.rdata->len, more[i] + unasked);
			if (knot_wire_get_tc(pkt->wire))
				n_cut++;
			else
				n_whole++;
			knot_pkt_free(pkt);
		}
	}
	assert_true(n_whole > 0 && n_cut > 0);
}

static void room(void **state)
{
	struct fixture *f = *state;

	expect_room(f, 0);
	f->zones.zone[0]->stale_at_ms = 1;
	f->config.ede_stale = true;
	expect_room(f, 6);
	f->zones.zone[0]->stale_at_ms = 0;
	f->config.ede_stale = false;
}

/* The longest name, the longest NSID, an expired zone and a TSIG: the least room there is. */
static void all_at_once(void **state)
{
	struct fixture *f = *state;
	struct message query;
	char name[300] = "";
	knot_pkt_t *pkt;

	f->config.nsid_len = XNS_NSID_MAX;
	for (unsigned i = 0; i < 122; i++)
		strcat(name, "x.");
	strcat(name, "old.test.");
	for (unsigned tsig = 0; tsig < 2; tsig++) {
		build(&(struct test){.qname = name,
				     .qtype = 1,
				     .qclass = 1,
				     .size = 512,
				     .options = ASK_NSID ASK_VERSION,
				     .options_len = 8},
		      &query);
		if (tsig)
			add_tsig(&query, "key.");
		pkt = ask(f, &query, false, 512);
		assert_int_equal(knot_wire_get_rcode(pkt->wire), tsig ? 9 : 2);
		/* The TSIG goes before what is not asked for so urgently. */
		assert_int_equal(pkt->opt_rr->rrs.rdata->len,
				 tsig ? 0 : 4 + XNS_NSID_MAX + 10 + 4 + 2 + 16);
		assert_int_equal(pkt->tsig_rr != NULL, tsig);
		knot_pkt_free(pkt);
	}
	f->config.nsid_len = strlen(NSID_TEXT);
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test(options),	 cmocka_unit_test(without_nsid),
		cmocka_unit_test(without_opt),	 cmocka_unit_test(room),
		cmocka_unit_test(all_at_once),	 cmocka_unit_test(stale),
		cmocka_unit_test(stale_failure),
	};

	return cmocka_run_group_tests(unit_tests, setup, teardown);
}
