// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Transfers out, without sockets: what our own client (transfer/xfr) makes of their messages is the
 * zone as it is in the store, with and without TSIG; and who is refused.
 */
#include "respond_fixture.h"

#include "respond/acl.h"
#include "respond/internal.h"
#include "respond/make.h"
#include "respond/onward.h"
#include "transfer/xfr.h"

#define MESSAGES_MAX 64

static const char *const ALGORITHMS[] = {NULL,		"hmac-md5",    "hmac-sha1",  "hmac-sha224",
					 "hmac-sha256", "hmac-sha384", "hmac-sha512"};
#define N_ALGORITHMS (sizeof(ALGORITHMS) / sizeof(*ALGORITHMS))

static struct config_tsig keys[N_ALGORITHMS - 1];
static struct config_acl_net anywhere[2];
static struct config_acl everybody = {.net = anywhere, .n_nets = 2, .transfer = true};
static const struct config_acl *acls[] = {&everybody};

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	fixture_open(f);
	for (size_t i = 1; i < N_ALGORITHMS; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s.key.", ALGORITHMS[i]);
		assert_int_equal(knot_tsig_key_init(&keys[i - 1].tsig, ALGORITHMS[i], name,
						    "c2VjcmV0IHNlY3JldCBzZWNyZXQ="),
				 0);
	}
	f->config.keys = keys;
	f->config.n_keys = N_ALGORITHMS - 1;
	assert_int_equal(address_parse("0.0.0.0", 53, &anywhere[0].address), 0);
	assert_int_equal(address_parse("::", 53, &anywhere[1].address), 0);
	for (size_t i = 0; i < 3; i++) {
		f->config_zones[i].acl = acls;
		f->config_zones[i].n_acl = 1;
		f->config_zones[i].provide_ixfr = true;
	}
	assert_int_equal(respond_bind(&f->config, &f->respond), 0);
	respond_use(f->respond, &f->zones, NULL, NULL);
	f->respond->store = f->store;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	for (size_t i = 0; i < N_ALGORITHMS - 1; i++)
		knot_tsig_key_deinit(&keys[i].tsig);
	fixture_close(*state);
	free(*state);
	return 0;
}

/* ---- a zone of every kind of record that is sent in its own way ---- */

#define SIG(name, type, ttl, tag)                                                         \
	name " " #ttl " RRSIG " type " 13 2 " #ttl " 20300101000000 20200101000000 " #tag \
	     " example.com. " TEXT64 "\n"
#define TEXT64 \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="

static const char ZONE[] = "@ 3600 SOA ns1 hostmaster %u 3600 900 604800 300\n" SIG(
	"@", "SOA", 3600, 1) "@ 3600 NS ns1\n" SIG("@", "NS", 3600, 1)
	SIG("@", "NS", 3600, 2) "@ 60 MX 5 www\n" SIG(
		"@", "MX", 60,
		1) "ns1 300 A 192.0.2.1\n"
		   "www 60 A 192.0.2.10\nwww 60 A 192.0.2.11\nwww 7200 AAAA 2001:db8::1\n" SIG(
			   "www", "A", 60, 1)
			   SIG("www", "AAAA", 7200,
			       1) "WWW 300 TXT \"Case\"\n"
				  "*.w 300 CNAME www\n"
				  "sub 300 NS ns.sub\nns.sub 300 A 192.0.2.20\n"
				  "0MADR2C2O78CQSOQUIEJTBEH6GFGB0FF 300 NSEC3 1 0 0 - "
				  "35JTMRQEFFGOH561OJGVUN7V8EPBQV8B A RRSIG\n" SIG(
					  "0MADR2C2O78CQSOQUIEJTBEH6GFGB0FF", "NSEC3", 300,
					  1) "s%u 300 TXT only\n";

/* Also a great RRset, and so many small ones that they take several messages. */
static char *zone_text(unsigned serial, bool large)
{
	size_t size = large ? 2 << 20 : 8192;
	char *text = malloc(size);
	int len = snprintf(text, size, ZONE, serial, serial);

	for (unsigned i = 0; large && i < 300; i++)
		len += snprintf(text + len, size - (size_t)len, "big 60 TXT %u%s\n", i, TEXT200);
	for (unsigned i = 0; large && i < 3000; i++)
		len += snprintf(text + len, size - (size_t)len, "n%u.many 60 A 192.0.2.%u\n", i,
				i & 255);
	assert_true((size_t)len < size);
	return text;
}

static struct content *zone_content(unsigned serial, bool large)
{
	char *text = zone_text(serial, large);
	struct content *content = zonefile_finished("example.com.", text, NULL);

	free(text);
	return content;
}

/* ---- client and server ---- */

struct exchange {
	struct xfr *xfr;
	enum xfr_status status;
	size_t messages;
	uint16_t rcode; /* of the last message */
};

static void one_message(struct exchange *x, const uint8_t *query, uint8_t *reply, size_t len)
{
	knot_pkt_t *pkt = knot_pkt_new(reply, (uint16_t)len, NULL);

	assert_int_equal(knot_pkt_parse(pkt, KNOT_PF_NOCANON | KNOT_PF_KEEPWIRE), KNOT_EOK);
	assert_int_equal(knot_pkt_has_edns(pkt), x->messages == 0); /* RFC 5936 §2.2.5 */
	assert_memory_equal(reply, query, 2);
	x->rcode = knot_wire_get_rcode(reply);
	assert_int_equal(knot_wire_get_aa(reply) != 0, x->rcode == 0);
	assert_int_equal(knot_wire_get_qdcount(reply), 1);
	knot_pkt_free(pkt);
	x->status = xfr_message(x->xfr, reply, len);
	x->messages++;
}

static void run_exchange(struct fixture *f, const struct xfr_request *request, bool tcp,
			 struct exchange *x)
{
	static uint8_t reply[65535];
	uint8_t wire[XFR_QUERY_MAX];
	struct respond_query query = {
		.wire = wire, .from = (struct sockaddr *)&f->from[STRANGER], .tcp = tcp};
	struct transfer *transfer;
	struct store_txn *txn;
	int len;

	*x = (struct exchange){.xfr = xfr_new(request)};
	len = xfr_query(x->xfr, wire, sizeof(wire));
	assert_true(len > 0);
	query.len = (size_t)len;
	assert_int_equal(store_read_begin(f->store, &txn), 0);
	len = (int)make_reply(f->respond, txn, &query, reply, tcp ? sizeof(reply) : 1232,
			      &transfer);
	store_read_end(txn);
	if (transfer == NULL) {
		assert_true(len > 0);
		one_message(x, wire, reply, (size_t)len);
		return;
	}
	assert_int_equal(f->respond->transfers, 1);
	do {
		assert_int_equal(x->messages == 0 || x->status == XFR_MORE, true);
		len = transfer_next(transfer, reply, sizeof(reply));
		assert_in_range(len, 12, 65535);
		one_message(x, wire, reply, (size_t)len);
		assert_in_range(x->messages, 1, MESSAGES_MAX);
	} while (!transfer->done);
	onward_end(f->respond, transfer, NULL);
	assert_int_equal(f->respond->transfers, 0);
}

static const knot_dname_t APEX[] = "\7example\3com";

static const knot_tsig_key_t *key_of(size_t algorithm)
{
	return algorithm > 0 ? &keys[algorithm - 1].tsig : NULL;
}

/* ---- what comes out ---- */

static void axfr(void **state)
{
	struct fixture *f = *state;

	for (unsigned large = 0; large < 2; large++) {
		for (size_t i = 0; i < N_ALGORITHMS; i++) {
			struct xfr_request request = {
				.apex = APEX, .max_bytes = UINT64_MAX, .key = key_of(i)};
			struct content *content;
			struct exchange x;
			char reason[256];

			fixture_store_content(f, zone_content(20, large));
			run_exchange(f, &request, true, &x);
			if (x.status != XFR_DONE)
				fail_msg("%s", xfr_reason(x.xfr));
			assert_int_equal(xfr_outcome(x.xfr), XFR_CONTENT);
			assert_int_equal(xfr_serial(x.xfr), 20);
			assert_in_range(xfr_expire_s(x.xfr), 3590, 3600);
			assert_true(large ? x.messages > 4 : x.messages == 1);
			content = xfr_take_content(x.xfr);
			assert_int_equal(content_finish(content, reason, sizeof(reason)), 0);
			assert_int_equal(fixture_store_content(f, content), 0);
			xfr_free(x.xfr);
		}
	}
	assert_int_equal(fixture_count(f, RESPOND_AXFR_OUT), 2 * N_ALGORITHMS);
	assert_int_equal(fixture_count(f, RESPOND_TSIG_GOOD), 2 * (N_ALGORITHMS - 1));
	assert_int_equal(fixture_count(f, RESPOND_TRANSFER_FAILED), 0);
}

/* The TTL of a signature is that of what it covers. */
static void signatures(void **state)
{
	struct fixture *f = *state;
	static uint8_t reply[65535];
	struct message query;
	struct store_txn *txn;
	knot_pkt_t *pkt;
	unsigned n = 0;
	size_t len;

	fixture_store_content(f, zone_content(20, false));
	add_header(&query, 0, 1);
	add_question(&query, "example.com.", KNOT_RRTYPE_AXFR, KNOT_CLASS_IN);
	assert_int_equal(store_read_begin(f->store, &txn), 0);
	len = respond_make(f->respond, txn,
			   &(struct respond_query){query.wire, query.len,
						   (struct sockaddr *)&f->from[STRANGER], true,
						   false},
			   reply, sizeof(reply));
	store_read_end(txn);
	pkt = knot_pkt_new(reply, (uint16_t)len, NULL);
	assert_int_equal(knot_pkt_parse(pkt, 0), KNOT_EOK);
	for (unsigned i = 0; i < knot_pkt_section(pkt, KNOT_ANSWER)->count; i++) {
		const knot_rrset_t *rr = knot_pkt_rr(knot_pkt_section(pkt, KNOT_ANSWER), i);

		if (rr->type != KNOT_RRTYPE_RRSIG)
			continue;
		assert_int_equal(rr->ttl, knot_rrsig_original_ttl(rr->rrs.rdata));
		n++;
	}
	assert_int_equal(n, 7);
	knot_pkt_free(pkt);
}

/* ---- IXFR ---- */

static const struct ixfr_test {
	const char *what;
	uint32_t serial;
	bool udp, large, no_ixfr;
	enum xfr_outcome outcome;
	unsigned differences;
} ixfr_tests[] = {
	{"one difference", 22, .outcome = XFR_DIFF, .differences = 1},
	{"three differences", 20, .outcome = XFR_DIFF, .differences = 3},
	{"the same serial", 23, .outcome = XFR_CURRENT},
	{"a newer one", 24, .outcome = XFR_CURRENT},
	{"a newer one, around the corner", 0x80000000u + 22, .outcome = XFR_CURRENT},
	{"not in the journal", 5, .outcome = XFR_CONTENT},
	{"older, around the corner", 0xfffffff0, .outcome = XFR_CONTENT},
	{"2^31 away", 0x80000000u + 23, .outcome = XFR_CONTENT},
	{"provide-ixfr off", 22, .no_ixfr = true, .outcome = XFR_CONTENT},
	{"UDP", 20, .udp = true, .outcome = XFR_DIFF, .differences = 3},
	{"UDP, the same serial", 23, .udp = true, .outcome = XFR_CURRENT},
	{"large", 22, .large = true, .outcome = XFR_DIFF, .differences = 1},
};

/* What becomes of the content of `serial`, with the differences, is what the store has. */
static void check_diff(struct fixture *f, const struct ixfr_test *test, struct diff *diff)
{
	struct content *content = zone_content(test->serial, false);
	char reason[256];

	assert_int_equal(diff_count(diff), test->differences);
	assert_int_equal(diff_first_serial(diff), test->serial);
	assert_int_equal(diff_last_serial(diff), 23);
	if (diff_apply(diff, content, reason, sizeof(reason)) != 0)
		fail_msg("%s: %s", test->what, reason);
	if (content_finish(content, reason, sizeof(reason)) != 0)
		fail_msg("%s: %s", test->what, reason);
	assert_int_equal(fixture_store_content(f, content), 0);
	diff_free(diff);
}

static void ixfr(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(ixfr_tests) / sizeof(*ixfr_tests) * 2; i++) {
		const struct ixfr_test *test = &ixfr_tests[i / 2];
		struct xfr_request request = {
			.apex = APEX,
			.ixfr = true,
			.serial = test->serial,
			.max_bytes = UINT64_MAX,
			.key = key_of(i % 2 ? 4 : 0),
		};
		struct exchange x;

		/* Back to 20: that empties the journal. */
		for (unsigned serial = 20; serial <= 23; serial++)
			fixture_store_content(f, zone_content(serial, test->large && serial == 23));
		f->config_zones[0].provide_ixfr = !test->no_ixfr;
		run_exchange(f, &request, !test->udp, &x);
		if (x.status != XFR_DONE)
			fail_msg("%s: %s", test->what, xfr_reason(x.xfr));
		if (xfr_outcome(x.xfr) != test->outcome)
			fail_msg("%s: outcome %d", test->what, xfr_outcome(x.xfr));
		assert_int_equal(xfr_serial(x.xfr), 23);
		if (test->large)
			assert_true(x.messages > 4);
		if (test->outcome == XFR_DIFF)
			check_diff(f, test, xfr_take_diff(x.xfr));
		xfr_free(x.xfr);
		f->config_zones[0].provide_ixfr = true;
	}
}

/* RFC 1995 §2: over UDP what does not fit, or is not in the journal, is the SOA alone. */
static void ixfr_udp_without_room(void **state)
{
	struct fixture *f = *state;

	for (unsigned old = 0; old < 2; old++) {
		static uint8_t reply[1232];
		struct message query;
		struct store_txn *txn;
		size_t len;

		fixture_store_content(f, zone_content(20, false));
		fixture_store_content(f, zone_content(21, true));
		add_header(&query, 0, 1);
		add_question(&query, "example.com.", KNOT_RRTYPE_IXFR, KNOT_CLASS_IN);
		add_bytes(&query, "\xc0\x0c\0\6\0\1\0\0\0\0\0\x16\0\0\0\0\0", 17);
		add_bytes(&query, old ? "\3" : "\x14", 1);
		add_bytes(&query, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
		knot_wire_set_nscount(query.wire, 1);
		assert_int_equal(store_read_begin(f->store, &txn), 0);
		len = respond_make(f->respond, txn,
				   &(struct respond_query){query.wire, query.len,
							   (struct sockaddr *)&f->from[STRANGER],
							   false, false},
				   reply, sizeof(reply));
		store_read_end(txn);
		assert_int_equal(knot_wire_get_rcode(reply), 0);
		assert_int_equal(knot_wire_get_ancount(reply), 1);
		assert_false(knot_wire_get_tc(reply));
		assert_in_range(len, 60, 120);
	}
}

/* ---- who and when ---- */

static void refused(void **state)
{
	static const struct {
		const char *what;
		const knot_dname_t *apex;
		bool denied, dropped_txn;
		uint32_t max;
		uint16_t rcode;
	} tests[] = {
		{"allowed", APEX, .max = 1},
		{"by ACL", APEX, .denied = true, .max = 1, .rcode = KNOT_RCODE_REFUSED},
		{"too many", APEX, .max = 0, .rcode = KNOT_RCODE_SERVFAIL},
		{"never transferred", (const uint8_t *)"\5empty\4test", .max = 1,
		 .rcode = KNOT_RCODE_SERVFAIL},
		{"expired", (const uint8_t *)"\3old\4test", .max = 1, .rcode = KNOT_RCODE_SERVFAIL},
		{"not held", (const uint8_t *)"\3com", .max = 1, .rcode = KNOT_RCODE_NOTAUTH},
		{"no apex", (const uint8_t *)"\3www\7example\3com", .max = 1,
		 .rcode = KNOT_RCODE_NOTAUTH},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < 4 * sizeof(tests) / sizeof(*tests); i++) {
		struct xfr_request request = {.apex = tests[i / 4].apex,
					      .max_bytes = UINT64_MAX,
					      .ixfr = i & 1,
					      .serial = 1,
					      .key = key_of(i & 2 ? 4 : 0)};
		struct exchange x;

		everybody.deny = tests[i / 4].denied;
		f->config.max_transfers_out = tests[i / 4].max;
		run_exchange(f, &request, true, &x);
		if (x.rcode != tests[i / 4].rcode)
			fail_msg("%s: RCODE %u", tests[i / 4].what, x.rcode);
		if ((x.status == XFR_DONE) != (x.rcode == 0))
			fail_msg("%s: %s", tests[i / 4].what, xfr_reason(x.xfr));
		xfr_free(x.xfr);
	}
	everybody.deny = false;
	f->config.max_transfers_out = 4;
}

/* RFC 8945 §5.3: no room for the signature beside what has to be said: over UDP nothing is said. */
static void no_room_for_signature(void **state)
{
	struct fixture *f = *state;
	struct config_tsig key = {0}, *before = f->config.keys;
	char label[64], name[300];
	struct tsig_client client;
	uint8_t reply[512], wire[1024];
	struct message query;
	struct store_txn *txn;
	size_t len;

	memset(label, 'l', 62);
	label[62] = '\0';
	snprintf(name, sizeof(name), "%s.%s.%s.%s.", label, label, label, label);
	assert_int_equal(knot_tsig_key_init(&key.tsig, "hmac-sha256", name, "c2VjcmV0"), 0);
	f->config.keys = &key;
	f->config.n_keys = 1;
	assert_int_equal(store_read_begin(f->store, &txn), 0);
	for (unsigned is_short = 0; is_short < 2; is_short++) {
		add_header(&query, 0, 1);
		add_question(&query, is_short ? "example.com." : name, 1, KNOT_CLASS_IN);
		memcpy(wire, query.wire, query.len);
		len = query.len;
		tsig_client_init(&client, &key.tsig);
		assert_int_equal(tsig_client_sign(&client, wire, &len, sizeof(wire)), 0);
		len = respond_make(f->respond, txn,
				   &(struct respond_query){wire, len,
							   (struct sockaddr *)&f->from[STRANGER],
							   false, false},
				   reply, sizeof(reply));
		if (is_short) {
			char reason[TSIG_REASON_MAX];

			assert_in_range(len, 300, 512);
			assert_int_equal(tsig_client_check(&client, reply, len, &len, reason), 0);
		} else {
			assert_int_equal(len, 0);
		}
		tsig_client_free(&client);
	}
	store_read_end(txn);
	knot_tsig_key_deinit(&key.tsig);
	f->config.keys = before;
	f->config.n_keys = N_ALGORITHMS - 1;
}

/* A zone that is removed, or a time that is over, ends a transfer under way. */
static void cut_off(void **state)
{
	struct fixture *f = *state;
	static uint8_t reply[65535];
	struct message query;
	struct respond_query message = {
		.from = (struct sockaddr *)&f->from[STRANGER], .tcp = true, .wire = query.wire};

	fixture_store_content(f, zone_content(20, true));
	add_header(&query, 0, 1);
	add_question(&query, "example.com.", KNOT_RRTYPE_AXFR, KNOT_CLASS_IN);
	message.len = query.len;
	for (unsigned late = 0; late < 2; late++) {
		struct transfer *transfer;
		struct store_txn *txn;

		assert_int_equal(store_read_begin(f->store, &txn), 0);
		assert_int_equal(
			make_reply(f->respond, txn, &message, reply, sizeof(reply), &transfer), 0);
		store_read_end(txn);
		assert_non_null(transfer);
		assert_true(transfer_next(transfer, reply, sizeof(reply)) > 0);
		assert_false(transfer->done);
		if (late)
			transfer->deadline_ms = clock_boot_ms() - 1;
		else
			f->zones.zone[0]->removed = true;
		assert_int_equal(transfer_next(transfer, reply, sizeof(reply)),
				 late ? -ETIME : -ENOENT);
		onward_end(f->respond, transfer, "test");
		f->zones.zone[0]->removed = false;
	}
	assert_int_equal(fixture_count(f, RESPOND_TRANSFER_FAILED), 2);
}

/* ---- rules ---- */

static void rules(void **state)
{
	struct fixture *f = *state;
	struct config_acl_net net4 = {.prefix = 24}, net6 = {.prefix = 127}, mapped = {.prefix = 0};
	const struct config_tsig *key0[] = {&keys[0]}, *key1[] = {&keys[1]};
	struct config_acl deny_one = {.net = &net6, .n_nets = 1, .deny = true},
			  by_key = {.keys = key0, .n_keys = 1, .transfer = true},
			  by_net = {.net = &net4, .n_nets = 1, .transfer = true, .notify = true},
			  other_key = {.keys = key1, .n_keys = 1, .notify = true},
			  all6 = {.net = &mapped, .n_nets = 1, .transfer = true};
	const struct config_acl *list[] = {&deny_one, &by_key, &by_net, &other_key, &all6};
	struct config_zone zone = {.acl = list, .n_acl = 5};
	static const struct {
		const char *from;
		int key; /* -1: none */
		enum acl_action action;
		bool allowed;
	} tests[] = {
		{"192.0.2.77@1", -1, ACL_TRANSFER, true},
		{"192.0.2.77@1", -1, ACL_NOTIFY, true},
		{"::ffff:192.0.2.77@1", -1, ACL_TRANSFER, true},
		{"192.0.3.77@1", -1, ACL_TRANSFER, false},
		{"192.0.3.77@1", 0, ACL_TRANSFER, true},
		{"192.0.3.77@1", 0, ACL_NOTIFY, false},
		{"192.0.3.77@1", 1, ACL_NOTIFY, true},
		{"192.0.3.77@1", 1, ACL_TRANSFER, false},
		{"2001:db8::2@1", 0, ACL_TRANSFER, false},
		{"2001:db8::3@1", 1, ACL_NOTIFY, false},
		{"2001:db8::4@1", -1, ACL_TRANSFER, true},
		{"2001:db8::4@1", -1, ACL_NOTIFY, false},
	};

	(void)f;
	assert_int_equal(address_parse("192.0.2.0", 53, &net4.address), 0);
	assert_int_equal(address_parse("2001:db8::2", 53, &net6.address), 0);
	assert_int_equal(address_parse("::", 53, &mapped.address), 0);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		struct sockaddr_storage from;

		assert_int_equal(address_parse(tests[i].from, 53, &from), 0);
		if (acl_allows(&zone, tests[i].action, (struct sockaddr *)&from,
			       tests[i].key < 0 ? NULL : &keys[tests[i].key].tsig) !=
		    tests[i].allowed)
			fail_msg("%s, key %d", tests[i].from, tests[i].key);
	}
}

/* notify-from with a key: the NOTIFY must have it. */
static void notify_with_key(void **state)
{
	struct fixture *f = *state;
	const struct sockaddr *from = (struct sockaddr *)&f->from[PRIMARY];
	struct config_zone zone = f->config_zones[0];
	const char *why = NULL;

	zone.n_acl = 0;
	assert_true(acl_may_notify(&zone, from, NULL, &why));
	assert_true(acl_may_notify(&zone, from, &keys[1].tsig, &why));
	f->remote.key = &keys[0];
	assert_true(acl_may_notify(&zone, from, &keys[0].tsig, &why));
	assert_null(why);
	assert_false(acl_may_notify(&zone, from, NULL, &why));
	assert_string_equal(why, "it is not signed with the sender's key");
	assert_false(acl_may_notify(&zone, from, &keys[1].tsig, &why));
	assert_false(
		acl_may_notify(&zone, (struct sockaddr *)&f->from[STRANGER], &keys[0].tsig, &why));
	assert_string_equal(why, "the sender is not in notify-from");
	f->remote.key = NULL;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(axfr),
		TEST(signatures),
		TEST(ixfr),
		TEST(ixfr_udp_without_room),
		TEST(refused),
		TEST(no_room_for_signature),
		TEST(cut_off),
		TEST(rules),
		TEST(notify_with_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
