// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A frame through the packet path's parsers, beside a second opinion: the frame by the RFCs, the
 * message by libknot. What the packet path calls good must be good, and the other way round: what
 * is an ordinary query and yet passed up would be a gap that no test of answers shows.
 *
 * First byte: 0 to 3 the rest is a message, put in a right frame of IPv4, IPv6, each with VLAN
 * tags; 4 and up: the rest is a frame.
 */
#include <arpa/inet.h>
#include <string.h>

#include "fuzz/ask.h"
#include "fuzz/fuzz.h"
#include "fuzz/packet_path.h"
#include "image/image.h"

#define MESSAGE_MAX 512

static uint16_t u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* ---- the second opinion ---- */

static bool ipv4_source_good(const uint8_t *ip)
{
	return ip[0] != 0 && ip[0] != 127 && ip[0] < 224;
}

static bool ipv6_source_good(const uint8_t *ip)
{
	static const uint8_t zeros[16];

	if (memcmp(ip, zeros, 10) == 0 && ip[10] == 0xff && ip[11] == 0xff)
		return false; /* mapped */
	if (memcmp(ip, zeros, 15) == 0 && ip[15] <= 1)
		return false;
	return ip[0] != 0xff;
}

static bool frame_good(const uint8_t *f, size_t len, size_t *ret_at, size_t *ret_len)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	size_t l3 = 14, l4, udp_len;
	unsigned proto;

	if (len < 14 || f[0] & 1 || f[6] & 1)
		return false;
	proto = u16(f + 12);
	for (int i = 0; i < 2 && (proto == 0x8100 || proto == 0x88a8); i++) {
		l3 += 4;
		if (len < l3)
			return false;
		proto = u16(f + l3 - 2);
	}
	l4 = l3 + (proto == 0x0800 ? 20 : 40);
	if ((proto != 0x0800 && proto != 0x86dd) || len < l4 + 8)
		return false;
	udp_len = u16(f + l4 + 4);
	if (proto == 0x0800 && (f[l3] != 0x45 || f[l3 + 9] != 17 || u16(f + l3 + 6) & 0x3fff ||
				u16(f + l3 + 2) != 20 + udp_len || !ipv4_source_good(f + l3 + 12)))
		return false;
	if (proto == 0x86dd && (f[l3] >> 4 != 6 || f[l3 + 6] != 17 || u16(f + l3 + 4) != udp_len ||
				!ipv6_source_good(f + l3 + 8) ||
				memcmp(f + l3 + 24, mapped, 12) == 0 || u16(f + l4 + 6) == 0))
		return false;
	if (u16(f + l4) == 0 || u16(f + l4 + 2) != PACKET_PATH_PORT || udp_len < 8 ||
	    len < l4 + udp_len)
		return false;
	*ret_at = l4 + 8;
	*ret_len = udp_len - 8;
	return true;
}

/* ZONEVERSION of a query is empty, RFC 9660 §3.1; SOA with EXPIRE, RFC 7314, is for the agent. */
static bool options_fill(const knot_rdata_t *rdata, uint16_t type)
{
	size_t at = 0;

	while (at < rdata->len) {
		if (rdata->len - at < 4)
			return false;
		if (u16(rdata->data + at) == 19 && u16(rdata->data + at + 2) > 0)
			return false;
		if (u16(rdata->data + at) == 9 && type == KNOT_RRTYPE_SOA)
			return false;
		at += 4 + u16(rdata->data + at + 2);
	}
	return at == rdata->len;
}

/* An ordinary query, of which libknot has read all. BADVERS is one too. */
static bool query_ordinary(const knot_pkt_t *pkt, const uint8_t *wire, size_t len)
{
	uint16_t type = knot_pkt_qtype(pkt);

	if (len > MESSAGE_MAX || wire[2] & 0xfe || wire[3] & 0xcf || u16(wire + 4) != 1 ||
	    u16(wire + 6) || u16(wire + 8) || u16(wire + 10) > 1)
		return false;
	/* The packet path reads no pointers, not even one to a root octet. */
	if (u16(wire + 10) == 1) {
		if (!pkt->opt_rr || wire[12 + knot_dname_size(knot_pkt_qname(pkt)) + 4] != 0 ||
		    !options_fill(pkt->opt_rr->rrs.rdata, type))
			return false;
	}
	return knot_pkt_qclass(pkt) == KNOT_CLASS_IN && type != 0 && type != KNOT_RRTYPE_OPT &&
	       !(type >= 128 && type <= 254);
}

/*
 * libknot refuses an OPT with a size below 512, which RFC 6891 §6.2.3 wants taken as 512: such a
 * size is raised for it.
 */
static void raise_edns_size(uint8_t *wire, size_t len)
{
	int name_len = len > 12 ? knot_dname_wire_check(wire + 12, wire + len, NULL) : 0;
	uint8_t *opt = wire + 12 + name_len + 4;

	if (name_len > 0 && (size_t)name_len + 12 + 4 + 11 <= len &&
	    memcmp(opt, "\0\0\x29", 3) == 0 && u16(opt + 3) < 512)
		memcpy(opt + 3, "\2\0", 2);
}

static void check_edns(const struct packet_path *path, const knot_rrset_t *opt)
{
	CHECK(path->has_edns == (opt != NULL));
	if (opt) {
		uint16_t size = knot_edns_get_payload(opt);

		CHECK(path->udp_size == (size < 512 ? 512 : size));
		CHECK(path->version == knot_edns_get_version(opt));
		CHECK(path->dnssec_ok == knot_edns_do(opt));
	} else {
		CHECK(path->udp_size == 512 && path->version == 0 && path->dnssec_ok == 0);
	}
	CHECK((path->fate == XNS_ANSWER_BADVERS) == (path->version > 0));
}

static void check_names(const struct packet_path *path, const uint8_t *qname)
{
	knot_dname_storage_t lower;
	const uint8_t *label = lower;
	unsigned i = 0;

	CHECK(path->name_len == knot_dname_size(qname));
	CHECK(path->labels == knot_dname_labels(qname, NULL));
	CHECK(knot_dname_store(lower, qname) == path->name_len);
	knot_dname_to_lower(lower);
	for (;; label += *label + 1, i++) {
		struct xns_name_key key;

		CHECK(path->label[i] == label - lower);
		image_name_key(&packet_path_config.key, label, &key);
		CHECK(memcmp(&key, &path->key[i], sizeof(key)) == 0);
		if (*label == 0)
			break;
	}
	CHECK(i == path->labels);
}

static void check_message(const struct packet_path *path, const uint8_t *wire, size_t len)
{
	bool good = path->fate == PACKET_PATH_UNDECIDED || path->fate == XNS_ANSWER_BADVERS;
	uint8_t *copy = malloc(len ? len : 1);
	knot_pkt_t *pkt;
	int err;

	CHECK(copy);
	CHECK(good || path->fate >= XNS_PASS_NOT_OURS);
	CHECK(path->fate != XNS_PASS_INTERNAL && path->fate != XNS_DROP_WRITE);
	if (len)
		memcpy(copy, wire, len);
	raise_edns_size(copy, len);
	pkt = fuzz_pkt(copy, len, &err);
	CHECK(good == (err == KNOT_EOK && query_ordinary(pkt, wire, len)));
	if (good) {
		CHECK(path->type == knot_pkt_qtype(pkt));
		check_names(path, wire + 12);
		check_edns(path, pkt->opt_rr);
	}
	knot_pkt_free(pkt);
	free(copy);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const __u64 random[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

	(void)argc, (void)argv;
	image_key_make(random, &packet_path_config.key);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct packet_path path, again;
	static uint8_t frame[PACKET_PATH_FRAME_MAX];
	size_t at = 0, message_len = 0;
	uint8_t kind = fuzz_take(&data, &len);
	bool good;

	if (len + 100 > sizeof(frame))
		return 0;
	if (kind < 4)
		len = ask_wrap(data, len, kind & 1, kind & 2, frame);
	else if (len)
		memcpy(frame, data, len);
	packet_path(frame, len, 0, &path);
	packet_path(frame, len, 0xff, &again);
	CHECK(memcmp(&path, &again, sizeof(path)) == 0);

	good = frame_good(frame, len, &at, &message_len);
	CHECK(good == (path.packet_fate == PACKET_PATH_UNDECIDED));
	CHECK(good || kind >= 4);
	if (good) {
		CHECK(path.message == at && path.message_len == message_len);
		check_message(&path, frame + at, message_len);
	}
	return 0;
}
