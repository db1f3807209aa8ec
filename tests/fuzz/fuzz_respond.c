// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A message to the sockets, and the reply. First byte: bit 0 by TCP; bits 1 to 3 the sender; bit 4
 * a reply buffer of 512 bytes, else as large as the transport has them; bit 5 the store fails; bit
 * 6 the message is signed with a key that is known. A transfer is made to its end.
 */
#include <netinet/in.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "respond/make.h"
#include "respond/onward.h"
#include "tsig/tsig.h"
#include "util/address.h"
#include "util/log.h"
#include "zone/zone.h"

#define MAX_UDP_SIZE 1232
#define SENDERS	     8

#define SIGNED(name, type, zone)                                                       \
	name " RRSIG " type " 13 2 3600 20380101000000 20250101000000 1234 " zone ". " \
	     "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mr\n"
#define TEXT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SOA  "@ SOA ns hostmaster 7 3600 900 604800 300\n"

static const char EXAMPLE_COM[] = SOA
	"@ NS ns\n@ NS ns.other.org.\nns A 192.0.2.1\nns AAAA 2001:db8::1\n"
	"@ MX 10 mail\n@ MX 20 www\nmail A 192.0.2.3\n@ A 192.0.2.2\n"
	"www A 192.0.2.10\nwww A 192.0.2.11\nwww AAAA 2001:db8::10\n"
	"alias CNAME www\nchain CNAME alias\nloop CNAME pool\npool CNAME loop\nout CNAME a.other.org.\n"
	"missing CNAME nothing\nwild CNAME any.w\n*.w A 192.0.2.30\n*.c.w CNAME www\n"
	"_sip._tcp SRV 0 5 5060 www\n_sip._tcp SRV 1 5 5060 mail\n"
	"web HTTPS 1 www alpn=h2\nd DNAME www\ndd DNAME other.org.\n"
	"sub NS ns.sub\nsub NS ns\nns.sub A 192.0.2.20\nsub DS 1 13 2 " TEXT "\n"
	"held NS ns.held\nns.held A 192.0.2.21\na.ent.deep TXT x\n"
	"big TXT 1" TEXT "\nbig TXT 2" TEXT "\nbig TXT 3" TEXT "\nbig TXT 4" TEXT "\n"
	"big TXT 5" TEXT "\nbig TXT 6" TEXT "\nbig TXT 7" TEXT "\nbig TXT 8" TEXT "\n"
	"big TXT 9" TEXT "\nbig TXT a" TEXT "\nbig TXT b" TEXT "\nbig TXT c" TEXT "\n"
	"big TXT d" TEXT "\nbig TXT e" TEXT "\nbig TXT f" TEXT "\nbig TXT g" TEXT "\n"
	"big TXT h" TEXT "\nbig TXT i" TEXT "\nbig TXT j" TEXT "\nbig TXT k" TEXT "\n";

static const char OLD_EXAMPLE_COM[] =
	"@ SOA ns hostmaster 6 3600 900 604800 300\n@ NS ns\nns A 192.0.2.99\n";

static const char HELD[] = SOA "@ NS ns\nns A 192.0.2.21\nwww A 192.0.2.22\n";

#define S(name, type) SIGNED(name, type, "nsec.test")
static const char NSEC_TEST[] = SOA S("@", "SOA") "@ NS ns\n" S(
	"@",
	"NS") "@ DNSKEY 257 3 13 " TEXT
	      "\n" S("@", "DNSKEY") "@ NSEC *.w NS SOA RRSIG NSEC DNSKEY\n" S("@", "NSEC") "ns A 192.0.2.1\n" S("ns", "A") "ns NSEC sub A RRSIG NSEC\n" S("ns", "NSEC") "sub NS ns.sub\nns.sub A 192.0.2.2\nsub NSEC www NS RRSIG NSEC\n" S(
		      "sub",
		      "NSEC") "www CNAME a.w\n" S("www",
						  "CNAME") "www NSEC @ CNAME RRSIG NSEC\n" S("www",
											     "NSEC") "*.w A 192.0.2.3\n" S("*.w",
															   "A") "*.w NSEC ns A RRSIG NSEC\n" S("*.w",
																			       "NSEC");
#undef S

#define S(name, type)	      SIGNED(name, type, "nsec3.test")
#define N3(hash, next, types) hash " NSEC3 1 0 0 - " next " " types "\n" S(hash, "NSEC3")
static const char NSEC3_TEST[] = SOA S("@", "SOA") "@ NS ns\n" S(
	"@",
	"NS") "@ DNSKEY 257 3 13 " TEXT
	      "\n" S("@", "DNSKEY") "@ NSEC3PARAM 1 0 0 -\n" S("@", "NSEC3PARAM") "www A 192.0.2.1\n" S("www", "A") "* TXT x\n" S(
		      "*",
		      "TXT") "ns A 192.0.2.2\n" S("ns",
						  "A") "sub NS ns.sub\nns.sub A 192.0.2.3\n" N3("0MADR2C2O78CQSOQUIEJTBEH6GFGB0FF",
												"35JTMRQEFFGOH561OJGVUN7V8EPBQV8B",
												"NS SOA RRSIG DNSKEY NSEC3PARAM")
		      N3("35JTMRQEFFGOH561OJGVUN7V8EPBQV8B", "AUULE8IE240LQPJ657B2HOJPFTKLVLD3",
			 "A RRSIG") N3("AUULE8IE240LQPJ657B2HOJPFTKLVLD3",
				       "EST1M5TIN42123EP0TG0G88BMVLTH3CR", "A RRSIG")
			      N3("EST1M5TIN42123EP0TG0G88BMVLTH3CR",
				 "NR5BLFC0V9HDFG50OE66OS88N6446HSH", "NS")
				      N3("NR5BLFC0V9HDFG50OE66OS88N6446HSH",
					 "0MADR2C2O78CQSOQUIEJTBEH6GFGB0FF", "TXT RRSIG");
#undef S

static const struct {
	const char *apex, *text;
	int64_t expires_at_ms; /* 0: never transferred, 1: long ago */
	int64_t stale_at_ms;   /* likewise */
} held[] = {
	{"example.com.", EXAMPLE_COM, INT64_MAX, INT64_MAX},
	{"held.example.com.", HELD, INT64_MAX, INT64_MAX},
	{"nsec.test.", NSEC_TEST, INT64_MAX, 1},
	{"nsec3.test.", NSEC3_TEST, INT64_MAX, INT64_MAX},
	{"old.test.", HELD, 1, 1},
	{"empty.test.", NULL, 0, 0},
};
#define ZONES (sizeof(held) / sizeof(*held))

static struct sockaddr_storage senders[SENDERS];
static struct zone_table zones;
static struct store_txn *txn;
static struct respond *respond;

static struct config_tsig key;
static struct config_acl_net nets[2] = {{.prefix = 128}, {.prefix = 32}};
static const struct config_tsig *acl_keys[] = {&key};
/* Two of the senders, one of them only if it signs. */
static struct config_acl open_acl = {.net = nets, .n_nets = 1, .transfer = true},
			 key_acl = {.net = nets + 1,
				    .n_nets = 1,
				    .keys = acl_keys,
				    .n_keys = 1,
				    .transfer = true,
				    .notify = true};
static const struct config_acl *acls[] = {&key_acl, &open_acl};

static void on_notify(struct zone *zone, const struct sockaddr *from, const knot_tsig_key_t *key,
		      bool has_serial, uint32_t serial, void *ctx)
{
	(void)key;
	CHECK(zone_table_get(&zones, zone->apex) == zone);
	CHECK(from && ctx == &zones && (has_serial || serial == 0));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const from[SENDERS] = {
		"198.51.100.1@5353", "192.0.2.7@5353", "::ffff:192.0.2.7@5353", "2001:db8::7@5353",
		"2001:db8::8@1",     "192.0.2.8@53",   "192.0.2.7@1",		"192.0.2.7@1",
	};
	static struct sockaddr_storage addresses[2];
	static struct config_remote remote = {
		.id = (char *)"p", .address = addresses, .n_addresses = 2};
	static const struct config_remote *remotes[] = {&remote};
	static struct config_zone config_zones[ZONES];
	static struct config config = {
		.max_udp_size = MAX_UDP_SIZE,
		.tcp_max_clients = 1,
		.tcp_idle_timeout_ms = 1000,
		.version = "some version",
		.identity = NULL,
		.ede_stale = true,
		.transfer_timeout_ms = 3600000,
		.max_transfers_out = 1,
		.keys = &key,
		.n_keys = 1,
		.zones = config_zones,
		.n_zones = ZONES,
	};
	struct store *store = fuzz_store();

	(void)argc, (void)argv;
	log_set_level(LOG_LEVEL_ERROR);
	CHECK(address_parse(from[1], 53, &addresses[0]) == 0);
	CHECK(address_parse(from[3], 53, &addresses[1]) == 0);
	for (size_t i = 0; i < SENDERS; i++)
		CHECK(address_parse(from[i], 53, &senders[i]) == 0);
	((struct sockaddr_in *)&senders[SENDERS - 1])->sin_port = 0;
	CHECK(address_parse("2001:db8::8", 53, &nets[0].address) == 0);
	CHECK(address_parse("192.0.2.8", 53, &nets[1].address) == 0);
	CHECK(knot_tsig_key_init(&key.tsig, "hmac-sha256", "key.", "c2VjcmV0c2VjcmV0") == 0);
	for (size_t i = 0; i < ZONES; i++) {
		config_zones[i] = (struct config_zone){
			.domain = knot_dname_from_str_alloc(held[i].apex),
			.name = (char *)held[i].apex,
			.notify_from = remotes,
			.n_notify_from = 1,
			.acl = acls,
			.n_acl = 2,
			.provide_ixfr = true,
		};
		/* The journal of the first has what makes it of the second. */
		if (held[i].text == EXAMPLE_COM)
			fuzz_store_zone(store, held[i].apex, OLD_EXAMPLE_COM);
		if (held[i].text)
			fuzz_store_zone(store, held[i].apex, held[i].text);
	}
	CHECK(zone_table_init(&zones, &config) == 0);
	for (size_t i = 0; i < ZONES; i++) {
		struct zone *zone = zone_table_get(&zones, config_zones[i].domain);

		zone->expires_at_ms = held[i].expires_at_ms;
		zone->stale_at_ms = held[i].stale_at_ms;
	}
	CHECK(store_read_begin(store, &txn) == 0);
	CHECK(respond_bind(&config, &respond) == 0);
	/* Transfers take the fuzzer's snapshot, not one each. */
	respond_use(respond, &zones, on_notify, &zones);
	return 0;
}

/* RFC 6891 §6.2.3 to 6.2.5 */
static size_t allowed(const knot_pkt_t *query, bool readable, bool tcp, size_t reply_max)
{
	size_t limit = MAX_UDP_SIZE; /* not readable by libknot: there may be an OPT for us */

	if (tcp)
		limit = KNOT_WIRE_MAX_PKTSIZE;
	else if (readable && !query->opt_rr)
		limit = 512;
	else if (readable && knot_edns_get_payload(query->opt_rr) < MAX_UDP_SIZE)
		limit = knot_edns_get_payload(query->opt_rr) < 512
				? 512
				: knot_edns_get_payload(query->opt_rr);
	return limit < reply_max ? limit : reply_max;
}

static void check_header(const uint8_t *query, const uint8_t *reply)
{
	CHECK(memcmp(query, reply, 2) == 0);
	CHECK(knot_wire_get_qr(reply));
	CHECK(knot_wire_get_opcode(reply) == knot_wire_get_opcode(query));
	CHECK(knot_wire_get_rd(reply) == knot_wire_get_rd(query));
	CHECK(!knot_wire_get_ra(reply) && !knot_wire_get_z(reply));
	if (knot_wire_get_tc(reply))
		CHECK(knot_wire_get_ancount(reply) == 0 && knot_wire_get_nscount(reply) == 0);
}

static void check_reply(const uint8_t *wire, size_t len, bool tcp, const uint8_t *reply_wire,
			size_t reply_len, size_t reply_max)
{
	int query_err, reply_err;
	knot_pkt_t *query = fuzz_pkt(wire, len, &query_err);
	knot_pkt_t *reply = fuzz_pkt(reply_wire, reply_len, &reply_err);
	bool readable = query_err == KNOT_EOK;
	uint16_t opcode = knot_wire_get_opcode(wire);

	CHECK(reply_err == KNOT_EOK);
	CHECK(reply_len <= allowed(query, readable, tcp, reply_max));
	check_header(wire, reply_wire);
	if (knot_wire_get_qdcount(reply_wire)) {
		size_t question = knot_dname_size(knot_pkt_qname(reply)) + 4;

		CHECK(knot_wire_get_qdcount(reply_wire) == 1 && len >= 12 + question);
		CHECK(memcmp(wire + 12, reply_wire + 12, question) == 0);
	}
	/*
	 * What is malformed for us gets no OPT, and libknot is not as strict: it takes an OPT with
	 * any owner (RFC 6891 §6.1.2: root), a TSIG of any class (RFC 8945 §4.2: ANY).
	 */
	if (readable && knot_wire_get_rcode(reply_wire) != KNOT_RCODE_FORMERR &&
	    knot_wire_get_rcode(reply_wire) != KNOT_RCODE_NOTIMPL)
		CHECK((query->opt_rr != NULL) == (reply->opt_rr != NULL));
	CHECK(!reply->opt_rr || !readable || query->opt_rr);
	if (readable) {
		if (opcode == KNOT_OPCODE_QUERY || opcode == KNOT_OPCODE_NOTIFY)
			CHECK(knot_wire_get_qdcount(wire) == knot_wire_get_qdcount(reply_wire));
	}
	if (reply->opt_rr) {
		CHECK(knot_edns_get_version(reply->opt_rr) == 0);
		CHECK(knot_edns_get_payload(reply->opt_rr) == MAX_UDP_SIZE);
	}
	knot_pkt_free(query);
	knot_pkt_free(reply);
}

/* All messages of a transfer; begins and ends with the SOA. Their signatures are checked by the
 * client that takes them, if there is one. */
static void check_transfer(struct transfer *transfer, struct tsig_client *client,
			   const uint8_t *query)
{
	static uint8_t wire[KNOT_WIRE_MAX_PKTSIZE];
	char reason[TSIG_REASON_MAX];
	uint64_t records = 0;
	uint16_t first = 0, last = 0;

	do {
		const knot_pktsection_t *answer;
		knot_pkt_t *pkt;
		size_t checked;
		int len = transfer_next(transfer, wire, sizeof(wire)), err;

		CHECK(len > 0 && (size_t)len <= sizeof(wire));
		check_header(query, wire);
		if (client)
			CHECK(tsig_client_check(client, wire, (size_t)len, &checked, reason) == 0);
		pkt = fuzz_pkt(wire, client ? checked : (size_t)len, &err);
		CHECK(err == KNOT_EOK);
		answer = knot_pkt_section(pkt, KNOT_ANSWER);
		CHECK(answer->count > 0);
		if (records == 0)
			first = knot_pkt_rr(answer, 0)->type;
		last = knot_pkt_rr(answer, answer->count - 1)->type;
		records += knot_wire_get_ancount(wire);
		knot_pkt_free(pkt);
	} while (!transfer->done);
	CHECK(first == KNOT_RRTYPE_SOA && last == KNOT_RRTYPE_SOA);
	CHECK(records == transfer->records && records > 1);
}

/* The message in memory of its size: whatever is read behind it is seen. */
static uint8_t *exact_copy(const uint8_t *data, size_t len)
{
	uint8_t *wire = malloc(len ? len : 1);

	CHECK(wire);
	if (len)
		memcpy(wire, data, len);
	return wire;
}

static const knot_tsig_key_t *find_key(const knot_dname_t *name, void *ctx)
{
	(void)ctx;
	return knot_dname_is_equal(name, key.tsig.name) ? &key.tsig : NULL;
}

/* Signed with the key: NULL if it is nothing that can be signed. What is behind the records that
 * the header counts would be taken for the signature. */
static uint8_t *sign(struct tsig_client *client, const uint8_t *data, size_t *len)
{
	static uint8_t wire[KNOT_WIRE_MAX_PKTSIZE];
	struct tsig_server server;
	char reason[TSIG_REASON_MAX];
	size_t checked;

	tsig_client_init(client, &key.tsig);
	if (*len < KNOT_WIRE_HEADER_SIZE || knot_wire_get_arcount(data) == UINT16_MAX)
		return NULL;
	memcpy(wire, data, *len);
	if (tsig_client_sign(client, wire, len, sizeof(wire)) != 0 ||
	    tsig_server_check(&server, wire, *len, find_key, NULL, &checked, reason) != 0 ||
	    !server.key)
		return NULL;
	return exact_copy(wire, *len);
}

static void ask(const uint8_t *wire, size_t len, uint8_t flags, struct tsig_client *client)
{
	bool tcp = flags & 1;
	size_t sender = flags >> 1 & 7, reply_len;
	size_t reply_max = flags & 0x10 ? 512 : tcp ? KNOT_WIRE_MAX_PKTSIZE : MAX_UDP_SIZE;
	uint8_t *reply = malloc(reply_max), *before = exact_copy(wire, len);
	bool silent = len < 12 || wire[2] & 0x80 || sender == SENDERS - 1;
	struct transfer *transfer;

	CHECK(reply);
	reply_len = make_reply(respond, flags & 0x20 ? NULL : txn,
			       &(struct respond_query){.wire = wire,
						       .len = len,
						       .from = (struct sockaddr *)&senders[sender],
						       .tcp = tcp},
			       reply, reply_max, &transfer);
	CHECK(memcmp(before, wire, len) == 0);
	free(before);
	CHECK(!transfer || (tcp && reply_len == 0));
	CHECK(!silent || (reply_len == 0 && !transfer));
	/* Where a signature does not fit nothing is said. */
	CHECK(silent || reply_len > 0 || transfer || client);
	if (transfer) {
		check_transfer(transfer, client, wire);
		onward_end(respond, transfer, NULL);
	}
	if (reply_len > 0)
		check_reply(wire, len, tcp, reply, reply_len, reply_max);
	free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t flags = fuzz_take(&data, &len);
	struct tsig_client client;
	size_t signed_len = len;
	uint8_t *wire = NULL;

	if (len > KNOT_WIRE_MAX_PKTSIZE)
		return 0;
	if (flags & 0x40)
		wire = sign(&client, data, &signed_len);
	if (wire) {
		ask(wire, signed_len, flags, &client);
	} else {
		wire = exact_copy(data, len);
		ask(wire, len, flags, NULL);
	}
	free(wire);
	if (flags & 0x40)
		tsig_client_free(&client);
	return 0;
}
