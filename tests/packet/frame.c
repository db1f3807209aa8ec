/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <libknot/libknot.h>

#include "packet/frame.h"

const uint8_t frame_server_mac[6] = {0x02, 0, 0, 0, 0, 0x01};
const uint8_t frame_client_mac[6] = {0x02, 0, 0, 0, 0, 0x02};
const uint8_t frame_server_v4[4] = {192, 0, 2, 53};
const uint8_t frame_client_v4[4] = {198, 51, 100, 7};
const uint8_t frame_server_v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x53};
const uint8_t frame_client_v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0xff, [14] = 0xab, 0xcd};

/* A mistake of the test itself. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
}

static uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

/* ---- sums, RFC 1071: big-endian words, the odd byte padded ---- */

static uint32_t sum_bytes(const uint8_t *bytes, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Over pseudo header and datagram, the checksum in it included: 0xffff if right. */
static uint16_t udp_sum(const uint8_t *ip, bool ipv6, const uint8_t *udp, size_t udp_len)
{
	uint32_t sum = ipv6 ? sum_bytes(ip + 8, 32, 0) : sum_bytes(ip + 12, 8, 0);

	return sum_fold(sum_bytes(udp, udp_len, sum + IPPROTO_UDP + udp_len));
}

/* ---- making ---- */

size_t frame_l3(const struct shape *shape)
{
	return 14 + 4 * shape->tags;
}

size_t frame_udp(const struct shape *shape)
{
	return frame_l3(shape) + (shape->ipv6 ? 40 : 20);
}

size_t frame_message(const struct shape *shape)
{
	return frame_udp(shape) + 8;
}

static void respell(uint8_t *name, size_t len, enum case_of_name spelling)
{
	/* Length octets are below 'A'. */
	for (size_t i = 0; i < len; i++) {
		if (spelling == CASE_UPPER || (spelling == CASE_MIXED && i % 3))
			name[i] = toupper(name[i]);
		else
			name[i] = tolower(name[i]);
	}
}

size_t ask_message(const struct ask *ask, uint8_t *ret)
{
	knot_dname_storage_t name;
	uint8_t *at = ret + 12;
	size_t len;

	must(knot_dname_from_str(name, ask->name, sizeof(name)));
	len = knot_dname_size(name);
	memset(ret, 0, 12);
	put16(ret, 0xbeef);
	memcpy(ret + 2, ask->flags, 2);
	ret[5] = 1;
	ret[11] = ask->edns;
	memcpy(at, name, len);
	respell(at, len, ask->spelling);
	at += len;
	put16(at, ask->type);
	put16(at + 2, ask->class_ ? ask->class_ : 1);
	at += 4;
	if (ask->edns) {
		memset(at, 0, OPT_FIXED);
		at[2] = 41;
		put16(at + 3, ask->edns_size ? ask->edns_size : 1232);
		at[6] = ask->edns_version;
		at[7] = ask->dnssec_ok << 7;
		put16(at + 9, ask->options_len);
		at += OPT_FIXED;
		if (ask->options_len)
			memcpy(at, ask->options, ask->options_len);
		at += ask->options_len;
	}
	return at - ret;
}

void frame_fix(uint8_t *frame, const struct shape *shape, size_t message_len)
{
	uint8_t *ip = frame + frame_l3(shape), *udp = frame + frame_udp(shape);
	uint16_t check;

	put16(udp + 4, 8 + message_len);
	if (shape->ipv6) {
		put16(ip + 4, 8 + message_len);
	} else {
		put16(ip + 2, 28 + message_len);
		put16(ip + 10, 0);
		put16(ip + 10, ~sum_fold(sum_bytes(ip, 20, 0)));
	}
	put16(udp + 6, 0);
	check = ~udp_sum(ip, shape->ipv6, udp, 8 + message_len);
	put16(udp + 6, check ? check : 0xffff);
}

size_t frame_make(const struct shape *shape, const uint8_t *message, size_t len, uint8_t *ret)
{
	static const uint16_t tag_protocol[2][2] = {{0x8100}, {0x88a8, 0x8100}};
	uint8_t *at = ret + 12, *ip, *udp;
	size_t frame_len = frame_message(shape) + len + shape->padding;

	must(frame_len <= FRAME_MAX);
	memset(ret, 0, frame_len);
	memcpy(ret, frame_server_mac, 6);
	memcpy(ret + 6, frame_client_mac, 6);
	for (int i = 0; i < shape->tags; i++, at += 4) {
		put16(at, tag_protocol[shape->tags - 1][i]);
		put16(at + 2, 0x2064 + i); /* priority 1, VLAN 100 and 101 */
	}
	put16(at, shape->ipv6 ? 0x86dd : 0x0800);
	ip = at + 2;
	if (shape->ipv6) {
		ip[0] = 0x6a; /* traffic class and flow label that must not come back */
		ip[1] = 0xbc;
		ip[3] = 0x11;
		ip[6] = IPPROTO_UDP;
		ip[7] = 57;
		memcpy(ip + 8, frame_client_v6, 16);
		memcpy(ip + 24, frame_server_v6, 16);
	} else {
		ip[0] = 0x45;
		ip[1] = 0xb8;
		put16(ip + 4, 0x1234);
		ip[6] = 0x40; /* DF */
		ip[8] = 57;
		ip[9] = IPPROTO_UDP;
		memcpy(ip + 12, frame_client_v4, 4);
		memcpy(ip + 16, frame_server_v4, 4);
	}
	udp = ret + frame_udp(shape);
	put16(udp, CLIENT_PORT);
	put16(udp + 2, SERVER_PORT);
	memcpy(udp + 8, message, len);
	memset(udp + 8 + len, 0xa5, shape->padding);
	frame_fix(ret, shape, len);
	return frame_len;
}

/* ---- checking a reply ---- */

static size_t question_len(const uint8_t *message)
{
	return knot_dname_size(message + 12) + 4;
}

static const char *ip_fault(const struct shape *shape, const uint8_t *query, const uint8_t *reply,
			    size_t len)
{
	if (shape->ipv6) {
		if (memcmp(reply, "\x60\0\0\0", 4) != 0)
			return "IPv6 version, traffic class or flow label";
		if (get16(reply + 4) != len - 40)
			return "IPv6 payload length";
		if (reply[6] != IPPROTO_UDP || reply[7] != 64)
			return "IPv6 next header or hop limit";
		if (memcmp(reply + 8, query + 24, 16) != 0 ||
		    memcmp(reply + 24, query + 8, 16) != 0)
			return "IPv6 addresses";
		return NULL;
	}
	if (reply[0] != 0x45 || reply[1] != 0)
		return "IPv4 version, header length or DSCP";
	if (get16(reply + 2) != len)
		return "IPv4 total length";
	if (get16(reply + 6) != 0 || reply[8] != 64 || reply[9] != IPPROTO_UDP)
		return "IPv4 fragment field, TTL or protocol";
	if (sum_fold(sum_bytes(reply, 20, 0)) != 0xffff)
		return "IPv4 header checksum";
	if (memcmp(reply + 12, query + 16, 4) != 0 || memcmp(reply + 16, query + 12, 4) != 0)
		return "IPv4 addresses";
	return NULL;
}

const char *reply_fault(const struct shape *shape, const uint8_t *query, size_t query_len,
			const uint8_t *reply, size_t reply_len)
{
	size_t l3 = frame_l3(shape), l4 = frame_udp(shape), dns = frame_message(shape), question;
	const uint8_t *q = query + dns, *r = reply + dns;
	const char *fault;

	must(query_len >= dns + 12);
	question = question_len(q);
	if (reply_len < dns + 12 + question)
		return "too short for header and question";
	if (memcmp(reply, query + 6, 6) != 0 || memcmp(reply + 6, query, 6) != 0)
		return "MAC addresses";
	if (memcmp(reply + 12, query + 12, l3 - 12) != 0)
		return "VLAN tags or EtherType";
	fault = ip_fault(shape, query + l3, reply + l3, reply_len - l3);
	if (fault)
		return fault;
	if (get16(reply + l4) != SERVER_PORT || get16(reply + l4 + 2) != get16(query + l4))
		return "ports";
	if (get16(reply + l4 + 4) != reply_len - l4)
		return "UDP length";
	if (get16(reply + l4 + 6) == 0)
		return "UDP checksum 0";
	if (udp_sum(reply + l3, shape->ipv6, reply + l4, reply_len - l4) != 0xffff)
		return "UDP checksum";
	if (memcmp(r, q, 2) != 0)
		return "ID";
	if (!(r[2] & 0x80) || r[2] & 0x78 || (r[2] & 1) != (q[2] & 1))
		return "QR, opcode or RD";
	if (r[3] & 0xf0)
		return "RA, Z, AD or CD";
	if (get16(r + 4) != 1 || memcmp(r + 12, q + 12, question) != 0)
		return "question not echoed";
	return NULL;
}

/* ---- the strict parser ---- */

static bool options_are_well_formed(const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		if (end - at < 4 || end - at - 4 < get16(at + 2))
			return false;
		if (get16(at) == 19 && get16(at + 2) != 0) /* ZONEVERSION, RFC 9660 §3.1 */
			return false;
		at += 4 + get16(at + 2);
	}
	return at == end;
}

static bool message_is_answerable(const uint8_t *m, size_t len)
{
	size_t at = 12;
	uint16_t type;

	if (len < 12 || len > 512 || m[2] & ~0x01 || m[3] & ~0x30)
		return false;
	if (get16(m + 4) != 1 || get16(m + 6) || get16(m + 8) || get16(m + 10) > 1)
		return false;
	while (at < len && m[at]) {
		if (m[at] > 63)
			return false;
		at += 1 + m[at];
	}
	if (at >= len || at + 1 - 12 > 255 || len - at < 5)
		return false;
	at++;
	type = get16(m + at);
	if (!type || type == 41 || (type >= 128 && type <= 254) || get16(m + at + 2) != 1)
		return false;
	at += 4;
	if (!get16(m + 10))
		return at == len;
	if (len - at < 11 || m[at] || get16(m + at + 1) != 41 || get16(m + at + 9) != len - at - 11)
		return false;
	return options_are_well_formed(m + at + 11, m + len);
}

static bool source_v4_is_sane(const uint8_t *a)
{
	return a[0] != 0 && a[0] != 127 && a[0] < 224;
}

static bool source_v6_is_sane(const uint8_t *a)
{
	static const uint8_t zero[16], mapped[12] = {[10] = 0xff, [11] = 0xff};

	return a[0] != 0xff && memcmp(a, mapped, 12) != 0 &&
	       !(memcmp(a, zero, 15) == 0 && a[15] <= 1);
}

bool frame_is_answerable(const uint8_t *f, size_t len)
{
	size_t at = 14, payload;
	const uint8_t *ip;
	uint16_t proto;

	if (len < 14 || f[0] & 1 || f[6] & 1)
		return false;
	proto = get16(f + 12);
	for (int i = 0; i < 2 && (proto == 0x8100 || proto == 0x88a8); i++, at += 4) {
		if (len < at + 4)
			return false;
		proto = get16(f + at + 2);
	}
	ip = f + at;
	if (proto == 0x0800) {
		if (len < at + 28 || ip[0] != 0x45 || ip[9] != IPPROTO_UDP ||
		    get16(ip + 6) & 0x3fff || get16(ip + 2) < 28 ||
		    memcmp(ip + 16, frame_server_v4, 4) != 0 || !source_v4_is_sane(ip + 12))
			return false;
		payload = get16(ip + 2) - 20;
		at += 20;
	} else if (proto == 0x86dd) {
		if (len < at + 48 || ip[0] >> 4 != 6 || ip[6] != IPPROTO_UDP ||
		    memcmp(ip + 24, frame_server_v6, 16) != 0 || !source_v6_is_sane(ip + 8) ||
		    !get16(ip + 46))
			return false;
		payload = get16(ip + 4);
		at += 40;
	} else {
		return false;
	}
	if (!get16(f + at) || get16(f + at + 2) != SERVER_PORT || get16(f + at + 4) != payload ||
	    payload < 8 || at + payload > len)
		return false;
	return message_is_answerable(f + at + 8, payload - 8);
}

/* ---- text ---- */

static void append(char *text, size_t size, const char *more)
{
	size_t used = strlen(text);

	must(used + strlen(more) < size);
	strcpy(text + used, more);
}

static void append_section(const knot_pkt_t *pkt, knot_section_t id, const char *tag, char *ret,
			   size_t size)
{
	const knot_pktsection_t *section = knot_pkt_section(pkt, id);

	for (uint16_t i = 0; i < section->count; i++) {
		const knot_rrset_t *rr = knot_pkt_rr(section, i);
		size_t dump_size = 1024; /* grown when it is too small */
		char *dump;

		if (rr->type == KNOT_RRTYPE_OPT)
			continue;
		dump = malloc(dump_size);
		must(dump != NULL &&
		     knot_rrset_txt_dump(rr, &dump, &dump_size, &KNOT_DUMP_STYLE_DEFAULT) > 0);
		append(ret, size, tag);
		/* Columns are separated by tabs and blanks: one blank. */
		for (char *c = dump, *to = dump;; c++) {
			*to = *c == '\t' ? ' ' : tolower((unsigned char)*c);
			if (!*c)
				break;
			if (*to != ' ' || (to > dump && to[-1] != ' '))
				to++;
		}
		append(ret, size, dump);
		free(dump);
	}
}

void reply_text(const struct shape *shape, const uint8_t *reply, size_t len, char *ret,
		size_t ret_size)
{
	static const char *const rcodes[16] = {"noerror", "formerr", "servfail", "nxdomain",
					       "notimp",  "refused", "yxdomain"};
	size_t dns = frame_message(shape);
	const uint8_t *m = reply + dns;
	uint8_t copy[FRAME_MAX * 2];
	knot_pkt_t *pkt;

	memcpy(copy, m, len - dns);
	pkt = knot_pkt_new(copy, len - dns, NULL);
	must(pkt);
	ret[0] = '\0';
	append(ret, ret_size, rcodes[m[3] & 0xf] ? rcodes[m[3] & 0xf] : "?");
	append(ret, ret_size, m[2] & 4 ? " aa" : "");
	append(ret, ret_size, m[2] & 2 ? " tc\n" : "\n");
	if (knot_pkt_parse(pkt, 0) != KNOT_EOK || pkt->parsed != pkt->size) {
		append(ret, ret_size, "not a DNS message\n");
	} else {
		append_section(pkt, KNOT_ANSWER, "an ", ret, ret_size);
		append_section(pkt, KNOT_AUTHORITY, "ns ", ret, ret_size);
		append_section(pkt, KNOT_ADDITIONAL, "ar ", ret, ret_size);
	}
	knot_pkt_free(pkt);
}
