// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Zones of any content, from serial to serial, through store, images and publication into maps in
 * memory. After each serial the maps are those of a fresh publication, byte for byte; all that they
 * hold is as xns_abi.h says (walk.c); and what the packet path makes of them is what the sockets
 * answer.
 *
 * Input, step by step: a byte: 0 to 223 a record's place, then a byte each for its owner, type and
 * target; from 224 on: publish, the low bits say how it is signed. A zone below is held, too.
 */
#include <string.h>

#include "fuzz/ask.h"
#include "fuzz/fuzz.h"
#include "fuzz/walk.h"
#include "packet/sign.h"

#define RECORDS	    48
#define ASKED	    40 /* questions for each serial */
#define SERIALS_MAX 6
#define LABEL_63    "lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"

static const char *const held[] = {"z.test.", "kid.z.test.", NULL};

static const char *const name[] = {
	"@",
	"a",
	"b",
	"*",
	"a.a",
	"*.a",
	"b.a",
	"c.b.a",
	"x.*",
	"*.*",
	"*.b",
	"d",
	"x.d",
	"*.d",
	"e",
	"x.e",
	"y.x.e",
	"kid",
	"x.kid",
	"ns.kid",
	"f.ent",
	"*.g.ent",
	"q.g.ent",
	"MiX",
	"ns",
	"\\000.a",
	"\\001\\000.a",
	LABEL_63,
	("*." LABEL_63),
	"*.w.w.w",
	"other.org.",
	"a.kid.org.",
};
#define NAMES  (sizeof(name) / sizeof(name[0]))
#define INSIDE (NAMES - 2)

struct record {
	uint8_t owner, type, target;
	bool is_there;
};

static struct world world;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	world_open(&world, fuzz_store(), held);
	return 0;
}

/* ---- zones ---- */

enum type {
	A,
	AAAA,
	TXT,
	LONG_TXT,
	NS,
	DS,
	MX,
	SRV,
	HTTPS,
	CNAME,
	DNAME,
	TYPE_65280,
	TYPES,
};

static size_t write_record(const struct record *r, char *ret, size_t size)
{
	const char *owner = name[r->owner % INSIDE], *target = name[r->target % NAMES];
	unsigned n = r->target;

	switch (r->type % TYPES) {
	case A:
		return snprintf(ret, size, "%s A 192.0.2.%u\n", owner, n);
	case AAAA:
		return snprintf(ret, size, "%s AAAA 2001:db8::%x\n", owner, n);
	case TXT:
		return snprintf(ret, size, "%s TXT %u\n", owner, n);
	case LONG_TXT:
		return snprintf(ret, size, "%s TXT %0*u %0*u\n", owner, n % 250 + 1, n, n, 1);
	case NS:
		return snprintf(ret, size, "%s NS %s\n", owner, target);
	case DS:
		return snprintf(ret, size, "%s DS %u 13 2 %064x\n", owner, n, n);
	case MX:
		return snprintf(ret, size, "%s MX %u %s\n", owner, n % 3, target);
	case SRV:
		return snprintf(ret, size, "%s SRV 1 2 3 %s\n", owner, target);
	case HTTPS:
		return snprintf(ret, size, "%s HTTPS 1 %s\n", owner, target);
	case CNAME:
		return snprintf(ret, size, "%s CNAME %s\n", owner, target);
	case DNAME:
		return snprintf(ret, size, "%s DNAME %s\n", owner, target);
	default:
		return snprintf(ret, size, "%s TYPE65280 \\# 1 %02x\n", owner, n);
	}
}

/* A CNAME stands alone, and not at the apex; of CNAME and DNAME there is one: the first stays. */
static bool is_refused(const struct record *record, unsigned i)
{
	unsigned type = record[i].type % TYPES, owner = record[i].owner % INSIDE;

	if (!record[i].is_there || ((type == CNAME || type == DS) && owner == 0))
		return true;
	for (unsigned k = 0; k < i; k++) {
		unsigned other = record[k].type % TYPES;

		if (!record[k].is_there || record[k].owner % INSIDE != owner ||
		    is_refused(record, k))
			continue;
		if (type == CNAME || other == CNAME || (type == DNAME && other == DNAME))
			return true;
	}
	return false;
}

static void publish(const struct record *record, unsigned serial, uint8_t how)
{
	static char text[RECORDS * 700 + 200];
	struct content *content[2];
	size_t at = snprintf(text, sizeof(text),
			     "@ 300 SOA ns host %u 3 4 5 60\n@ NS ns\n@ NS ns.kid\n", serial);

	for (unsigned i = 0; i < RECORDS; i++)
		if (!is_refused(record, i))
			at += write_record(&record[i], text + at, sizeof(text) - at);
	CHECK(at < sizeof(text));
	content[0] = sign_content(held[0], text, how % SIGN_KINDS, how & 8 ? serial : 0);
	snprintf(text, sizeof(text),
		 "@ 300 SOA ns host %u 3 4 5 60\n@ NS ns\nns A 192.0.2.1\nx A 192.0.2.%u\n", serial,
		 serial);
	content[1] = sign_content(held[1], text, how % SIGN_KINDS, 0);
	world_publish(&world, content, how & 16 ? 2 : 1);
	content_free(content[0]);
	content_free(content[1]);
}

/* ---- questions ---- */

static uint32_t pick(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 16) % n;
}

static void ask(uint32_t *seed)
{
	static const uint16_t types[] = {
		KNOT_RRTYPE_A,
		KNOT_RRTYPE_A,
		KNOT_RRTYPE_AAAA,
		KNOT_RRTYPE_TXT,
		KNOT_RRTYPE_NS,
		KNOT_RRTYPE_DS,
		KNOT_RRTYPE_MX,
		KNOT_RRTYPE_CNAME,
		KNOT_RRTYPE_SRV,
		KNOT_RRTYPE_SOA,
		KNOT_RRTYPE_DNAME,
		KNOT_RRTYPE_ANY,
		KNOT_RRTYPE_RRSIG,
		KNOT_RRTYPE_NSEC,
		KNOT_RRTYPE_HTTPS,
		KNOT_RRTYPE_DNSKEY,
		65280,
		65281,
	};
	static const char *const below[] = {"", "", "", "zz.", "*.", "a.", "\\255.", "y.x."};
	uint8_t message[1024];
	knot_dname_storage_t qname;
	char text[KNOT_DNAME_TXT_MAXLEN + 32];
	const char *last = name[pick(seed, INSIDE)];
	uint16_t type = types[pick(seed, sizeof(types) / sizeof(types[0]))];
	uint16_t edns =
		pick(seed, 4) ? pick(seed, 3) ? 1232 : (uint16_t)(512 + pick(seed, 720)) : 0;

	if (strcmp(last, "@") == 0)
		last = "";
	snprintf(text, sizeof(text), "%s%s%sz.test.", below[pick(seed, 8)], last, *last ? "." : "");
	if (!knot_dname_from_str(qname, text, sizeof(qname)))
		return;
	ask_both(&world, message, ask_make(qname, type, edns, edns && pick(seed, 4), message),
		 pick(seed, 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct record record[RECORDS] = {0};
	__u64 key[2] = {len, 7};
	uint32_t seed = 1;
	unsigned serial = 1;

	world_begin(&world, key);
	while (len > 0 && serial <= SERIALS_MAX) {
		uint8_t step = fuzz_take(&data, &len);
		const char *where;

		seed = seed * 31 + step;
		if (step < 224) {
			struct record *r = &record[step % RECORDS];

			r->is_there = step < 200;
			r->owner = fuzz_take(&data, &len);
			r->type = fuzz_take(&data, &len);
			r->target = fuzz_take(&data, &len);
			if (len > 0)
				continue;
		}
		publish(record, serial, step | (serial == 1 ? 16 : 0));
		serial++;
		where = world_difference(&world);
		if (where)
			fprintf(stderr, "not as fresh: %s\n", where);
		CHECK(!where);
		walk_maps(&world.kernel);
		for (unsigned i = 0; i < ASKED; i++)
			ask(&seed);
	}
	world_end(&world);
	return 0;
}
