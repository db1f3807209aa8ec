// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A query to the whole packet path, with maps that publish/ has filled from zones of every kind:
 * what leaves at the interface is what the sockets say, in a right frame; what is passed up is what
 * came in.
 *
 * First byte: bits 0 to 2 ASK_*; bit 3: the rest is a message; else it is put together: two bytes
 * of type, one of flags, one for the zone, then labels from a list (a byte below 128), or of bytes.
 */
#include <string.h>

#include "fuzz/ask.h"
#include "fuzz/fuzz.h"
#include "packet/sign.h"

#define BIG                                                                                      \
	"big TXT 0123456789012345678901234567890123456789012345678901234567890123456789 "        \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234 " \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234\n"

static const char text[] =
	"@ SOA ns hostmaster 7 3600 900 604800 300\n@ NS ns\n@ NS ns.other.org.\nns A 192.0.2.1\n"
	"ns AAAA 2001:db8::1\n@ MX 10 mail\n@ MX 20 www\nmail A 192.0.2.3\n@ A 192.0.2.2\n"
	"www A 192.0.2.10\nwww A 192.0.2.11\nwww AAAA 2001:db8::10\nMiXed A 192.0.2.12\n"
	"alias CNAME www\nchain CNAME alias\nloop CNAME pool\npool CNAME loop\n"
	"out CNAME a.other.org.\nmissing CNAME nothing\nwild CNAME any.w\nnodata CNAME txt\n"
	"wildnodata CNAME any.w\ntxt TXT x\ntocut CNAME x.sub\ntounsigned CNAME x.plain\n"
	"*.w A 192.0.2.30\n*.c.w CNAME www\n*.l CNAME nothing\n*.ww CNAME x.w\n*.p CNAME x.plain\n"
	"*.m MX 1 www\n*.m MX 2 x.m\n_sip._tcp SRV 0 5 5060 www\n_sip._tcp SRV 1 5 5060 mail\n"
	"web HTTPS 1 www alpn=h2\nd DNAME www\ndd DNAME other.org.\nsub NS ns.sub\nsub NS ns\n"
	"ns.sub A 192.0.2.20\nns.sub AAAA 2001:db8::20\n"
	"sub DS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
	"plain NS ns.plain\nns.plain A 192.0.2.21\nheld NS ns.held\nns.held A 192.0.2.21\n"
	"a.ent.deep TXT x\nb.*.star A 192.0.2.13\n\\000\\001.bin A 192.0.2.14\n*.bin TXT x\n" BIG;

static const char *const names[] = {
	"not.test.",   "held.not.test.", "nsec.test.", "held.nsec.test.",
	"nsec3.test.", "optout.test.",	 "more.test.", NULL};

static const struct {
	const char *apex;
	enum sign how;
} zone[] = {
	{"not.test.", SIGN_NOT},       {"held.not.test.", SIGN_NSEC3},
	{"nsec.test.", SIGN_NSEC},     {"held.nsec.test.", SIGN_NSEC},
	{"nsec3.test.", SIGN_NSEC3},   {"optout.test.", SIGN_OPT_OUT},
	{"more.test.", SIGN_ITERATED},
};
#define ZONES (sizeof(zone) / sizeof(zone[0]))

static const char *const label[] = {
	"www",	"WWW",	 "ns",	   "mail", "alias", "chain",   "loop",	"out",	      "missing",
	"wild", "txt",	 "w",	   "c",	   "l",	    "ww",      "p",	"m",	      "*",
	"sub",	"plain", "held",   "ent",  "deep",  "star",    "a",	"b",	      "x",
	"bin",	"_tcp",	 "_sip",   "big",  "tocut", "nothing", "mixed", "tounsigned", "d",
	"dd",	"web",	 "nodata", "zz",   "0",	    "~",       "n",	"test",	      "wildnodata",
};
#define LABELS (sizeof(label) / sizeof(label[0]))

static struct world world;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const __u64 key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	struct content *content[ZONES];

	(void)argc, (void)argv;
	world_open(&world, fuzz_store(), names);
	world_begin(&world, key);
	for (size_t i = 0; i < ZONES; i++)
		content[i] = sign_content(zone[i].apex, text, zone[i].how, 0);
	world_publish(&world, content, ZONES);
	for (size_t i = 0; i < ZONES; i++)
		content_free(content[i]);
	return 0;
}

/* Labels before the zone's name, as long as there is room. */
static size_t make_query(const uint8_t *data, size_t len, uint8_t *ret_message)
{
	uint16_t type = fuzz_take(&data, &len);
	uint8_t qname[KNOT_DNAME_MAXLEN], apex[KNOT_DNAME_MAXLEN], flags;
	size_t at = 0, apex_len;

	type |= fuzz_take(&data, &len) << 8;
	flags = fuzz_take(&data, &len);
	CHECK(knot_dname_from_str(apex, zone[fuzz_take(&data, &len) % ZONES].apex, sizeof(apex)));
	apex_len = knot_dname_size(apex);
	while (len > 0) {
		uint8_t kind = fuzz_take(&data, &len);
		const uint8_t *from = data;
		size_t size = kind % 64;

		if (kind < 128) {
			from = (const uint8_t *)label[kind % LABELS];
			size = strlen(label[kind % LABELS]);
		} else if (size > len) {
			size = len;
		}
		if (size == 0 || at + 1 + size + apex_len > sizeof(qname))
			break;
		qname[at] = (uint8_t)size;
		memcpy(qname + at + 1, from, size);
		at += 1 + size;
		if (kind >= 128) {
			data += size;
			len -= size;
		}
	}
	memcpy(qname + at, apex, apex_len);
	return ask_make(qname, type,
			flags & 1 ? flags & 2 ? 4096 : (uint16_t)(512 + (flags >> 3) * 24) : 0,
			flags & 4, ret_message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t how = fuzz_take(&data, &len), message[1024];

	if (!(how & 8))
		len = make_query(data, len, message);
	else if (len <= sizeof(message) && len > 0)
		memcpy(message, data, len);
	else
		return 0;
	ask_both(&world, message, len, how);
	return 0;
}
