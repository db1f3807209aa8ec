/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cut and mutated queries. Whatever comes: what is passed up is what came in, nothing is dropped,
 * and what is answered is well-formed to a parser that shares no code with the program; and the
 * other way round.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <cmocka.h>

#include "packet/fill.h"
#include "packet/groups.h"

#define MUTATIONS 200000

static struct rig *const rig = &fill_rig;

static const uint8_t options[] = "\0\3\0\0\0\x0a\0\x08"
				 "abcdefgh";
static const struct ask asks[] = {
	{.name = "www.example.com", .type = 1},
	{.name = "none.example.com", .type = 28, .edns = true},
	{.name = "www.example.com",
	 .type = 16,
	 .edns = true,
	 .dnssec_ok = true,
	 .options = options,
	 .options_len = sizeof(options) - 1},
};

#define N_ASKS (sizeof(asks) / sizeof(asks[0]))

static void expect_untouched(const uint8_t *frame, size_t len, const struct outcome *outcome,
			     uint64_t seed)
{
	if (outcome->verdict != XDP_PASS)
		fail_msg("seed %#lx: verdict %u for a frame of %zu bytes", (unsigned long)seed,
			 outcome->verdict, len);
	if (outcome->len != len || memcmp(outcome->frame, frame, len) != 0)
		fail_msg("seed %#lx: a frame of %zu bytes: changed, then passed up",
			 (unsigned long)seed, len);
}

/* The frame ends early. Below 14 bytes the kernel runs no program. */
static void test_cut_frames(void **state)
{
	uint8_t message[512], frame[FRAME_MAX];
	struct outcome outcome;

	(void)state;
	for (size_t i = 0; i < N_ASKS; i++) {
		for (int n = 0; n < 6; n++) {
			const struct shape shape = {.ipv6 = n % 2, .tags = n / 2};
			size_t len = ask_message(&asks[i], message);

			len = frame_make(&shape, message, len, frame);
			for (size_t cut = 14; cut < len; cut++) {
				rig_run_quick(rig, frame, cut, &outcome);
				expect_untouched(frame, cut, &outcome, 0);
			}
			rig_run_quick(rig, frame, len, &outcome);
			assert_int_equal(outcome.verdict, XDP_TX);
		}
	}
}

/* The message ends early, and the headers say so; with and without the rest of the frame behind it.
 */
static void test_cut_messages(void **state)
{
	uint8_t message[512], frame[FRAME_MAX];
	struct outcome outcome;

	(void)state;
	for (size_t i = 0; i < N_ASKS; i++) {
		for (int n = 0; n < 12; n++) {
			struct shape shape = {.ipv6 = n % 2, .tags = n / 2 % 3};
			size_t len = ask_message(&asks[i], message);

			for (size_t cut = 0; cut < len; cut++) {
				size_t frame_len;

				shape.padding = n < 6 ? 0 : len - cut;
				frame_len = frame_make(&shape, message, cut, frame);
				if (shape.padding)
					memcpy(frame + frame_message(&shape) + cut, message + cut,
					       shape.padding);
				rig_run_quick(rig, frame, frame_len, &outcome);
				expect_untouched(frame, frame_len, &outcome, 0);
			}
		}
	}
}

static uint64_t next_random(uint64_t *state)
{
	/* xorshift64*, Vigna 2016 */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

/* One to four changes: a bit, a byte, a byte that means something, a byte in or out, bytes moved.
 */
static size_t mutate(uint64_t *seed, uint8_t *frame, size_t len)
{
	static const uint8_t telling[] = {0,	1,    0x29, 0x3f, 0x40, 0x41,
					  0x5a, 0x7f, 0x80, 0xc0, 0xff};
	int changes = 1 + next_random(seed) % 4;

	for (int i = 0; i < changes; i++) {
		size_t at = next_random(seed) % len, to = next_random(seed) % len;

		switch (next_random(seed) % 6) {
		case 0:
		case 1:
			frame[at] ^= 1 << next_random(seed) % 8;
			break;
		case 2:
			frame[at] = next_random(seed);
			break;
		case 3:
			frame[at] = telling[next_random(seed) % sizeof(telling)];
			break;
		case 4:
			if (len < FRAME_MAX / 2 && next_random(seed) % 2) {
				memmove(frame + at + 1, frame + at, len - at);
				len++;
			} else if (len > 20) {
				memmove(frame + at, frame + at + 1, len - at - 1);
				len--;
			}
			break;
		default:
			frame[at] = frame[to];
			break;
		}
	}
	return len;
}

/* The shape of an answerable frame. */
static struct shape frame_shape(const uint8_t *frame)
{
	struct shape shape = {0};
	const uint8_t *at = frame + 12;

	while ((at[0] == 0x81 && at[1] == 0x00) || (at[0] == 0x88 && at[1] == 0xa8)) {
		shape.tags++;
		at += 4;
	}
	shape.ipv6 = at[0] == 0x86;
	return shape;
}

/* Well-formed and ordinary: answered, or passed up because of what is asked. */
static bool is_for_content(enum xns_counter counter)
{
	return counter == XNS_ANSWER_POSITIVE || counter == XNS_ANSWER_NODATA ||
	       counter == XNS_ANSWER_NXDOMAIN || counter == XNS_ANSWER_BADVERS ||
	       counter == XNS_PASS_NO_ZONE || counter == XNS_PASS_NODE;
}

/* seed: with which to begin to see a failure again. */
static void judge(const uint8_t *frame, size_t len, uint64_t seed, unsigned *ret_answered)
{
	struct outcome outcome;
	struct shape shape;
	const char *fault;

	if (!frame_is_answerable(frame, len)) {
		rig_run_quick(rig, frame, len, &outcome);
		expect_untouched(frame, len, &outcome, seed);
		return;
	}
	rig_run(rig, frame, len, &outcome);
	if (!is_for_content(outcome.counter))
		fail_msg("seed %#lx: well-formed, but verdict %u and counter %s",
			 (unsigned long)seed, outcome.verdict,
			 outcome.counter < XNS_COUNTER_COUNT ? rig_counter_name[outcome.counter]
							     : "none");
	if (!rig_is_answer(outcome.counter)) {
		expect_untouched(frame, len, &outcome, seed);
		return;
	}
	assert_int_equal(outcome.verdict, XDP_TX);
	shape = frame_shape(frame);
	fault = reply_fault(&shape, frame, len, outcome.frame, outcome.len);
	if (fault)
		fail_msg("seed %#lx: reply: %s", (unsigned long)seed, fault);
	(*ret_answered)++;
}

/* PACKET_SEED and PACKET_MUTATIONS in the environment: another run, a longer one. */
static void test_mutations(void **state)
{
	const char *seed_text = getenv("PACKET_SEED"), *count_text = getenv("PACKET_MUTATIONS");
	uint64_t seed = seed_text ? strtoull(seed_text, NULL, 0) : 20250712, seed_before;
	unsigned count = count_text ? strtoul(count_text, NULL, 0) : MUTATIONS, answered = 0;
	uint8_t message[512], frame[FRAME_MAX];

	(void)state;
	seed = seed ? seed : 1;
	for (unsigned i = 0; i < count; i++) {
		const struct shape shape = {.ipv6 = i % 2, .tags = i / 2 % 3, .padding = i % 7};
		size_t len = ask_message(&asks[i % N_ASKS], message);

		seed_before = seed;
		len = frame_make(&shape, message, len, frame);
		/* Half of the changes fall into the message. */
		if (next_random(&seed) % 2) {
			size_t head = frame_message(&shape);
			size_t message_len =
				mutate(&seed, frame + head, len - head - shape.padding);

			len = head + message_len;
			frame_fix(frame, &shape, message_len);
		} else {
			len = mutate(&seed, frame, len);
		}
		judge(frame, len, seed_before, &answered);
	}
	print_message("%u mutations, %u of them answered\n", count, answered);
	assert_true(answered > count / 20);
}

int test_hostile(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_frames),
		cmocka_unit_test(test_cut_messages),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests_name("packet: hostile", tests, fill_setup_www, fill_teardown);
}
