// SPDX-License-Identifier: GPL-3.0-or-later
#include <linux/bpf.h>
#include <string.h>

#include "fuzz/ask.h"
#include "fuzz/fuzz.h"

#define REPLY_MAX 1232
#define SLACK	  96 /* bytes by which names may be compressed otherwise */

/* ---- frames ---- */

static size_t put(uint8_t *frame, size_t at, const void *bytes, size_t len)
{
	memcpy(frame + at, bytes, len);
	return at + len;
}

static size_t put_u16(uint8_t *frame, size_t at, size_t value)
{
	uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};

	return put(frame, at, bytes, 2);
}

size_t ask_wrap(const uint8_t *message, size_t len, bool ipv6, bool vlan, uint8_t *frame)
{
	size_t at = put(frame, 0, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);

	if (vlan)
		at = put(frame, at, "\x88\xa8\0\1\x81\0\0\2", 8);
	at = put(frame, at, ipv6 ? "\x86\xdd" : "\x08\0", 2);
	if (ipv6) {
		at = put(frame, at, "\x60\0\0\0", 4);
		at = put_u16(frame, at, 8 + len);
		at = put(frame, at, "\x11\x40", 2);
		at = put(frame, at, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
		at = put(frame, at, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
	} else {
		at = put(frame, at, "\x45\0", 2);
		at = put_u16(frame, at, 28 + len);
		at = put(frame, at, "\0\0\x40\0\x40\x11\0\0\xc0\0\2\1\xc0\0\2\2", 16);
	}
	at = put(frame, at, "\x30\x39\0\x35", 4);
	at = put_u16(frame, at, 8 + len);
	at = put(frame, at, "\1\1", 2);
	return put(frame, at, message, len);
}

static uint16_t u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t add_words(uint32_t sum, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? at[i] : at[i] << 8;
	return sum;
}

static bool is_whole(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* The message in a reply's frame; all that is around it is checked. */
static const uint8_t *reply_message(const struct packet_path_run *run, bool ipv6, bool vlan,
				    size_t *ret_len)
{
	const uint8_t *ip = run->frame + 14 + (vlan ? 8 : 0), *udp = ip + (ipv6 ? 40 : 20);
	size_t len = run->len - (udp - run->frame), addresses = ipv6 ? 32 : 8;

	CHECK(memcmp(run->frame, "\2\0\0\0\0\2\2\0\0\0\0\1", 12) == 0);
	CHECK(!vlan || memcmp(run->frame + 12, "\x88\xa8\0\1\x81\0\0\2", 8) == 0);
	CHECK(memcmp(ip - 2, ipv6 ? "\x86\xdd" : "\x08\0", 2) == 0);
	if (ipv6) {
		CHECK(u16(ip + 4) == len && ip[6] == 17 && ip[7] >= 32);
		CHECK(ip[23] == 2 && ip[39] == 1);
	} else {
		CHECK(u16(ip + 2) == 20 + len && ip[8] >= 32 && ip[9] == 17);
		CHECK(ip[15] == 2 && ip[19] == 1);
		CHECK(is_whole(add_words(0, ip, 20)));
	}
	CHECK(memcmp(udp, "\0\x35\x30\x39", 4) == 0 && u16(udp + 4) == len && u16(udp + 6) != 0);
	CHECK(is_whole(
		add_words(add_words(17 + (uint32_t)len, udp - addresses, addresses), udp, len)));
	*ret_len = len - 8;
	return udp + 8;
}

/* ---- messages ---- */

size_t ask_make(const uint8_t *qname, uint16_t qtype, uint16_t edns, bool dnssec_ok,
		uint8_t *ret_message)
{
	size_t at = put(ret_message, 0, "\xbe\xef\1\0\0\1\0\0\0\0\0\0", 12);

	ret_message[11] = edns != 0;
	at = put(ret_message, at, qname, knot_dname_size(qname));
	at = put_u16(ret_message, at, qtype);
	at = put_u16(ret_message, at, KNOT_CLASS_IN);
	if (edns) {
		at = put(ret_message, at, "\0\0\x29", 3);
		at = put_u16(ret_message, at, edns);
		at = put(ret_message, at, dnssec_ok ? "\0\0\x80\0\0\0" : "\0\0\0\0\0\0", 6);
	}
	return at;
}

static bool same_record(const knot_rrset_t *a, const knot_rrset_t *b)
{
	return a->type == b->type && a->rclass == b->rclass && a->ttl == b->ttl &&
	       knot_dname_is_case_equal(a->owner, b->owner) &&
	       a->rrs.rdata->len == b->rrs.rdata->len &&
	       memcmp(a->rrs.rdata->data, b->rrs.rdata->data, a->rrs.rdata->len) == 0;
}

/* Every record of one is in the other, and there once. */
static bool same_section(const knot_pktsection_t *a, const knot_pktsection_t *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		unsigned n = 0, m = 0;

		for (unsigned k = 0; k < a->count; k++) {
			n += same_record(knot_pkt_rr(a, i), knot_pkt_rr(a, k));
			m += same_record(knot_pkt_rr(a, i), knot_pkt_rr(b, k));
		}
		if (n != 1 || m != 1)
			return false;
	}
	return true;
}

static void show(const char *who, const uint8_t *wire, size_t len)
{
	fprintf(stderr, "%s:", who);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "%s%02x", i % 32 ? " " : "\n  ", wire[i]);
	fprintf(stderr, "\n");
}

/* TC: whether a reply fits depends, near the limit, on how its names are compressed. */
static bool same_reply(const uint8_t *ours, size_t our_len, const uint8_t *theirs, size_t their_len,
		       size_t limit)
{
	knot_pkt_t *a, *b;
	int err_a, err_b;
	bool same;

	if (memcmp(ours, theirs, 2) != 0 || (ours[2] | 2) != (theirs[2] | 2) ||
	    ours[3] != theirs[3])
		return false;
	if ((ours[2] | theirs[2]) & 2)
		return (ours[2] & theirs[2] & 2) ||
		       (our_len > their_len ? our_len : their_len) + SLACK > limit;
	a = fuzz_pkt(ours, our_len, &err_a);
	b = fuzz_pkt(theirs, their_len, &err_b);
	same = err_a == 0 && err_b == 0;
	for (knot_section_t i = KNOT_ANSWER; same && i <= KNOT_ADDITIONAL; i++)
		same = same_section(knot_pkt_section(a, i), knot_pkt_section(b, i));
	knot_pkt_free(a);
	knot_pkt_free(b);
	return same;
}

/* The size that the query allows. */
static size_t limit_of(const uint8_t *message, size_t len)
{
	int err;
	knot_pkt_t *pkt = fuzz_pkt(message, len, &err);
	size_t size = pkt->opt_rr ? knot_edns_get_payload(pkt->opt_rr) : 512;

	knot_pkt_free(pkt);
	return size < 512 ? 512 : size > REPLY_MAX ? REPLY_MAX : size;
}

enum xns_counter ask_both(struct world *world, const uint8_t *message, size_t len, unsigned how)
{
	static struct packet_path_run run, again;
	static uint8_t frame[PACKET_PATH_FRAME_MAX], theirs[REPLY_MAX];
	bool ipv6 = how & ASK_IPV6, vlan = how & ASK_VLAN;
	size_t frame_len, our_len, their_len, tail = how & ASK_NO_TAIL ? 0 : 2048;
	const uint8_t *ours;

	CHECK(len + ASK_FRAME_MORE <= sizeof(frame));
	frame_len = ask_wrap(message, len, ipv6, vlan, frame);
	packet_path_run(&world->kernel, frame, frame_len, 208, tail, 0, &run);
	packet_path_run(&world->kernel, frame, frame_len, 208, tail, 0xff, &again);
	CHECK(run.fate == again.fate && run.len == again.len &&
	      memcmp(run.frame, again.frame, run.len) == 0);
	CHECK(run.fate != XNS_PASS_CHANGING && run.fate != XNS_PASS_INTERNAL);
	CHECK(run.verdict != XDP_DROP && (run.fate != XNS_PASS_NO_ROOM || tail == 0));
	if (run.verdict == XDP_PASS) {
		CHECK(run.len == frame_len && memcmp(run.frame, frame, frame_len) == 0);
		return run.fate;
	}
	ours = reply_message(&run, ipv6, vlan, &our_len);
	their_len = world_reply(world, message, len, theirs, sizeof(theirs));
	CHECK(our_len <= limit_of(message, len));
	if (!same_reply(ours, our_len, theirs, their_len, limit_of(message, len))) {
		show("query", message, len);
		show("interface", ours, our_len);
		show("sockets", theirs, their_len);
		CHECK(!"the same reply at the interface and from the sockets");
	}
	return run.fate;
}
