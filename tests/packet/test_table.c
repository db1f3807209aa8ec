/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Zones that come and go while the others are answered: in any order they leave the maps as one
 * fresh publication makes them, byte for byte, and what is answered at any step is what the sockets
 * answer for the table as it is now, or is passed up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "packet/dump.h"
#include "packet/groups.h"
#include "packet/world.h"
#include "packet/zones.h"

#define HOUR   3600
#define ROUNDS 60
#define FAMILY 7

static const char *const family[FAMILY + 1] = {"example.com",	  "kid.example.com",
					       "b.a.example.com", "x.kid.example.com",
					       "other.net",	  "com",
					       "a.example.com",	  NULL};

struct side {
	struct rig rig;
	struct zones zones;
	struct zone_table all; /* every zone there ever is */
};

/* Names at, below and beside the apexes of the others. */
static const char records[] =
	"@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\nwww AAAA 2001:db8::2\n"
	"alias CNAME www.kid\nsrv SRV 1 2 3 www.b.a\nmx MX 1 x.kid\n"
	"kid TXT \"in the zone above\"\nwww.kid A 192.0.2.3\nx.kid NS ns.x.kid\nns.x.kid A 192.0.2.4\n"
	"b.a A 192.0.2.5\nwww.b.a A 192.0.2.6\n*.a TXT wild\n*.wild A 192.0.2.7\n"
	"example.com NS ns.example.com\nns.example.com A 192.0.2.8\nexample NS ns.example\n"
	"ns.example A 192.0.2.9\nexample DS 1 13 2 0123456789012345678901234567890123456789012345678901234567890123\n"
	"many A 192.0.2.4\nmany TXT \"1\"\nmany MX 1 ns\nmany HINFO a b\nmany AAAA 2001:db8::1\n"
	"many SRV 1 2 3 ns\nmany LOC 1 N 1 E 1m\n";

static const char *const asked[] = {"www",	"nobody",     "kid",	"www.kid", "x.kid",
				    "ns.x.kid", "deep.x.kid", "b.a",	"www.b.a", "any.a",
				    "a",	"y.b.a",      "alias",	"srv",	   "mx",
				    "z.wild",	"many",	      "example"};

static uint32_t random_below(uint32_t n)
{
	static uint32_t seed = 4711;

	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

/* ids are those of the family's order, on both sides the same. */
static void side_open(struct side *side)
{
	world_empty_maps(&side->rig);
	zones_open(&side->zones, &side->rig, family);
	assert_int_equal(zone_table_make(&side->all, side->zones.table.zone, FAMILY), 0);
}

static void side_close(struct side *side)
{
	zones_close(&side->zones);
	zone_table_free(&side->all);
}

static void add_item(struct publish_item *item, size_t *n, struct store_txn *txn,
		     struct store_zone *stored, struct zone *zone)
{
	for (size_t i = 0; i < *n; i++)
		if (item[i].zone == zone)
			return;
	assert_int_equal(store_zone_get(txn, zone->apex, &stored[*n]), 0);
	if (!stored[*n].has_content)
		return;
	item[*n] = (struct publish_item){.zone = zone,
					 .stored = &stored[*n],
					 .expires_at_ms = clock_boot_ms() + HOUR * 1000};
	++*n;
}

/* Asks the interface everything; what it answers is right. Returns how much it answered. */
static unsigned ask_all(const struct side *side)
{
	static const uint16_t types[] = {KNOT_RRTYPE_A, KNOT_RRTYPE_DS, KNOT_RRTYPE_TXT};
	const struct shape shape = {0};
	unsigned answered = 0;

	for (size_t i = 0; i < FAMILY; i++) {
		for (size_t j = 0; j <= sizeof(asked) / sizeof(asked[0]); j++) {
			char name[128], got[16384], want[16384];
			uint8_t message[512], frame[FRAME_MAX];
			struct outcome outcome;
			uint16_t type = types[(i + j) % 3];
			struct ask ask = {.name = name, .type = type, .edns = true};
			size_t len;

			ask.dnssec_ok = (i + j) % 2;
			if (j == sizeof(asked) / sizeof(asked[0]))
				snprintf(name, sizeof(name), "%s", family[i]);
			else
				snprintf(name, sizeof(name), "%s.%s", asked[j], family[i]);
			len = frame_make(&shape, message, ask_message(&ask, message), frame);
			rig_run_quick(&side->rig, frame, len, &outcome);
			if (outcome.verdict != XDP_TX)
				continue;
			answered++;
			reply_text(&shape, outcome.frame, outcome.len, got, sizeof(got));
			zones_answer(&side->zones, name, type, ask.dnssec_ok, want, sizeof(want));
			zones_sort_reply(got);
			zones_sort_reply(want);
			if (strcmp(got, want) != 0)
				fail_msg("%s type %u: got\n%s\nwant\n%s", name, type, got, want);
		}
	}
	return answered;
}

/* Holds these zones of the family from now on. */
static void change(struct side *side, const bool *held)
{
	struct zone *kept[FAMILY], *added[FAMILY], *removed[FAMILY];
	size_t n_kept = 0, n_added = 0, n_removed = 0, n = 0;
	struct publish_item item[FAMILY * 2] = {0};
	struct store_zone stored[FAMILY * 2];
	struct zone_table old = side->zones.table, *table = &side->zones.table;
	struct store_txn *txn;

	for (size_t i = 0; i < FAMILY; i++) {
		struct zone *zone = side->all.zone[i];
		bool was = zone_table_get(&old, zone->apex) != NULL;

		if (held[i])
			kept[n_kept++] = zone;
		if (held[i] && !was)
			added[n_added++] = zone;
		if (!held[i] && was)
			removed[n_removed++] = zone;
	}
	assert_int_equal(zone_table_make(table, kept, n_kept), 0);
	assert_int_equal(zone_table_link(table), 0);
	assert_int_equal(store_read_begin(side->zones.store, &txn), 0);
	assert_int_equal(publish_change_table(side->zones.publish, txn, table, removed, n_removed,
					      added, n_added),
			 0);
	ask_all(side);
	for (size_t i = 0; i < n_added; i++)
		add_item(item, &n, txn, stored, added[i]);
	for (size_t i = 0; i < n_added; i++)
		if (added[i]->parent)
			add_item(item, &n, txn, stored, added[i]->parent);
	for (size_t i = 0; i < n_removed; i++) {
		struct zone *above = zone_table_find(table, removed[i]->apex);

		if (above)
			add_item(item, &n, txn, stored, above);
	}
	publish_zones(side->zones.publish, txn, table, item, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(item[i].ret_error, 0);
		assert_true(item[i].ret_report.complete);
	}
	store_read_end(txn);
	zone_table_free(&old);
}

/* The content of a zone at this serial: what is in it changes. */
static void make_text(char *text, uint32_t serial)
{
	sprintf(text, "@ 300 SOA ns host %u 2 3 4 60\nserial TXT %u\n", serial, serial);
	for (const char *line = records; *line; line = strchr(line, '\n') + 1)
		if (random_below(6) > 0 || strncmp(line, "@ NS", 4) == 0 ||
		    strncmp(line, "ns A", 4) == 0)
			sprintf(text + strlen(text), "%.*s", (int)(strchr(line, '\n') + 1 - line),
				line);
}

struct family_text {
	char text[FAMILY][2048];
	struct zones_text zone[FAMILY]; /* how: SIGN_KINDS: it has no content */
};

static void load(struct side *side, const struct family_text *texts, const bool *wanted)
{
	struct zones_text batch[FAMILY];
	size_t n = 0;

	for (size_t i = 0; i < FAMILY; i++)
		if (wanted[i] && texts->zone[i].how != SIGN_KINDS)
			batch[n++] = texts->zone[i];
	if (n > 0)
		zones_load_batch(&side->zones, batch, n, HOUR);
}

static void expect_fresh(struct side *side, struct side *fresh, const struct family_text *texts,
			 const bool *held, unsigned round)
{
	const char *names[FAMILY + 1];
	struct dump got, want;
	char what[32];
	size_t n = 0;

	for (size_t i = 0; i < FAMILY; i++)
		if (held[i])
			names[n++] = family[i];
	names[n] = NULL;
	side_open(fresh);
	if (n > 0 && n < FAMILY) {
		zones_restart(&fresh->zones, &fresh->rig, names);
	} else if (n == 0) {
		side_close(fresh);
		return;
	}
	load(fresh, texts, held);
	dump_take(&side->rig, &got);
	dump_take(&fresh->rig, &want);
	snprintf(what, sizeof(what), "round %u", round);
	dump_expect_equal(&got, &want, what);
	dump_free(&got);
	dump_free(&want);
	side_close(fresh);
}

static void new_text(struct family_text *texts, size_t i, unsigned round)
{
	make_text(texts->text[i], round + 1);
	texts->zone[i] =
		(struct zones_text){family[i], texts->text[i], random_below(SIGN_KINDS), 0};
}

static struct side side, fresh;

static void test_any_order(void **state)
{
	static struct family_text texts;
	bool held[FAMILY];
	unsigned answered = 0;

	(void)state;
	side_open(&side);
	for (size_t i = 0; i < FAMILY; i++) {
		held[i] = true;
		texts.zone[i].how = SIGN_KINDS;
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool changed[FAMILY] = {false};

		for (size_t i = 0; i < FAMILY; i++) {
			changed[i] = held[i] && random_below(3) == 0;
			if (changed[i])
				new_text(&texts, i, round);
		}
		load(&side, &texts, changed);
		for (unsigned n = 1 + random_below(3); n > 0; n--) {
			size_t i = random_below(FAMILY);

			held[i] = !held[i];
		}
		change(&side, held);
		answered += ask_all(&side);
		expect_fresh(&side, &fresh, &texts, held, round);
	}
	assert_true(answered > 1000);
	side_close(&side);
}

/* A removed zone whose content is not in the store any more, or is another: all nodes are walked
 * over. */
static void test_purged(void **state)
{
	static struct family_text texts;
	bool held[FAMILY], all[FAMILY];
	struct store_txn *txn;

	(void)state;
	side_open(&side);
	for (size_t i = 0; i < FAMILY; i++) {
		all[i] = held[i] = true;
		new_text(&texts, i, 1);
	}
	load(&side, &texts, all);
	assert_int_equal(store_write_begin(side.zones.store, &txn), 0);
	assert_int_equal(store_zone_remove(txn, side.all.zone[1]->apex), 0);
	assert_int_equal(store_write_commit(txn), 0);
	new_text(&texts, 2, 2);
	zones_store(&side.zones, &texts.zone[2]);
	held[1] = held[2] = false;
	change(&side, held);
	expect_fresh(&side, &fresh, &texts, held, 1);
	side_close(&side);
}

/* Five zones come at once below one that has something in the place of each, and go again. */
static void test_one_step(void **state)
{
	static struct family_text texts;
	bool held[FAMILY] = {true}, all[FAMILY];

	(void)state;
	side_open(&side);
	for (size_t i = 0; i < FAMILY; i++) {
		all[i] = true;
		new_text(&texts, i, 1);
	}
	load(&side, &texts, all);
	for (unsigned round = 0; round < 4; round++) {
		change(&side, round % 2 ? all : held);
		expect_fresh(&side, &fresh, &texts, round % 2 ? all : held, round);
	}
	side_close(&side);
}

static int open_rigs(void **state)
{
	(void)state;
	rig_open(&side.rig);
	rig_open(&fresh.rig);
	return 0;
}

static int close_rigs(void **state)
{
	(void)state;
	rig_close(&side.rig);
	rig_close(&fresh.rig);
	return 0;
}

int test_table(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_purged),
		cmocka_unit_test(test_one_step),
	};

	return cmocka_run_group_tests(tests, open_rigs, close_rigs);
}
