/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proofs that become longer and shorter from serial to serial, by what types their names have: the
 * maps are those of a fresh agent, and what is answered at the interface is what the sockets say.
 * Up to the longest that goes into an image; with a longer one the stack proves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "packet/dump.h"
#include "packet/groups.h"
#include "packet/world.h"

#define APEX	  "example.com"
#define HOUR	  3600
#define NAMES	  60
#define WINDOWS	  50 /* each 34 bytes of an NSEC's bitmap */
#define TOO_MANY  60
#define REPLY_MAX 3000

static const char *const one_zone[] = {APEX, NULL};
static uint64_t seed = 1968;
static unsigned n_long; /* replies that were compared */

static unsigned random_below(unsigned n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % n;
}

static void make_text(const unsigned *windows, unsigned serial, char *ret)
{
	ret += sprintf(ret, "@ 300 SOA ns host %u 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n", serial);
	for (unsigned i = 0; i < NAMES; i++) {
		ret += sprintf(ret, "n%u A 192.0.2.1\n", i);
		for (unsigned k = 1; k <= windows[i]; k++)
			ret += sprintf(ret, "n%u TYPE%u \\# 1 00\n", i, 256 * k + 255);
	}
}

/* Mostly none; of a few names many. */
static void change_names(unsigned *windows)
{
	for (unsigned n = random_below(5); n > 0; n--)
		windows[random_below(NAMES)] = random_below(2) ? random_below(WINDOWS + 1) : 0;
}

/* Answered at the interface as from the sockets, or cut; false: passed up. */
static bool ask(const struct world *w, const char *name, uint16_t type)
{
	const struct ask ask = {.name = name,
				.type = type,
				.edns = true,
				.edns_size = REPLY_MAX,
				.dnssec_ok = true};
	static char got[1 << 16], want[1 << 16];
	uint8_t message[512], frame[FRAME_MAX];
	const struct shape shape = {0};
	struct outcome outcome;
	const char *fault;
	size_t len = frame_make(&shape, message, ask_message(&ask, message), frame);

	rig_run(&w->rig, frame, len, &outcome);
	if (outcome.verdict != XDP_TX)
		return false;
	fault = reply_fault(&shape, frame, len, outcome.frame, outcome.len);
	if (fault)
		fail_msg("%s: %s", name, fault);
	if (outcome.counter == XNS_ANSWER_TRUNCATED)
		return true;
	reply_text(&shape, outcome.frame, outcome.len, got, sizeof(got));
	zones_answer(&w->zones, name, type, true, want, sizeof(want));
	zones_sort_reply(got);
	zones_sort_reply(want);
	n_long += outcome.len > XNS_EDNS_SIZE_DEFAULT;
	if (strcmp(got, want) != 0)
		fail_msg("%s type %u: reply is\n%sand not\n%s", name, type, got, want);
	return true;
}

/* What is not passed up, of all questions. */
static unsigned ask_all(const struct world *w)
{
	unsigned answered = 0;
	char name[64];

	w->rig.config->max_udp_size = REPLY_MAX;
	for (unsigned i = 0; i < NAMES; i++) {
		sprintf(name, "n%u." APEX, i);
		answered += ask(w, name, 28);
		sprintf(name, "x.n%u." APEX, i);
		answered += ask(w, name, 1);
	}
	w->rig.config->max_udp_size = XNS_EDNS_SIZE_DEFAULT;
	return answered;
}

static void expect_as_fresh(const struct world *w, const struct zones_text *load, const char *what)
{
	struct dump got, want;
	struct world fresh;

	world_open(&fresh, one_zone);
	zones_load_batch(&fresh.zones, load, 1, HOUR);
	dump_take(&w->rig, &got);
	dump_take(&fresh.rig, &want);
	dump_expect_equal(&got, &want, what);
	dump_free(&got);
	dump_free(&want);
	world_close(&fresh);
}

static uint8_t denial_of(const struct world *w)
{
	uint32_t id = w->zones.table.zone[0]->id;
	struct xns_zone entry;

	assert_int_equal(bpf_map_lookup_elem(rig_map(&w->rig, "zones"), &id, &entry), 0);
	return entry.version[entry.current].denial;
}

static void run_serials(enum sign how, unsigned rounds)
{
	static char text[1 << 18];
	struct zones_text load = {APEX, text, how, 0};
	unsigned windows[NAMES] = {0}, answered = 0, asked = 0;
	struct world w;
	char what[64];

	n_long = 0;
	world_open(&w, one_zone);
	zones_use_differences(&w.zones);
	for (unsigned round = 0; round < rounds; round++) {
		bool too_long = round % 8 == 5;

		change_names(windows);
		if (too_long)
			windows[NAMES / 2] = TOO_MANY;
		make_text(windows, round + 1, text);
		zones_load_batch(&w.zones, &load, 1, HOUR);
		if (too_long)
			windows[NAMES / 2] = 0;
		snprintf(what, sizeof(what), "signed %d, serial %u", how, round + 1);
		expect_as_fresh(&w, &load, what);
		assert_int_equal(denial_of(&w), too_long	   ? XNS_DENIAL_STACK
						: how == SIGN_NSEC ? XNS_DENIAL_NSEC
								   : XNS_DENIAL_NSEC3);
		answered += too_long ? 0 : ask_all(&w);
		asked += too_long ? 0 : 2 * NAMES;
	}
	assert_int_equal(answered, asked);
	assert_true(n_long > 20);
	world_close(&w);
}

static void test_nsec(void **state)
{
	(void)state;
	run_serials(SIGN_NSEC, 24);
}

static void test_nsec3(void **state)
{
	(void)state;
	run_serials(SIGN_NSEC3, 24);
	run_serials(SIGN_OPT_OUT, 12);
}

int test_proof_sizes(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nsec),
		cmocka_unit_test(test_nsec3),
	};

	return cmocka_run_group_tests_name("packet: sizes of proofs", tests, NULL, worlds_unload);
}
