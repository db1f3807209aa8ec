// SPDX-License-Identifier: GPL-3.0-or-later
/* Timers, rounds and fail-over under a fake clock; the heap of timers; the lanes to the primaries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "refresh/heap.h"
#include "refresh/lanes.h"
#include "refresh/machine.h"
#include "transfer/message.h"
#include "zone/times.h"

#define REFRESH_S 3600u
#define RETRY_S	  900u
#define EXPIRE_S  86400u
#define S	  (int64_t)1000
#define NOW	  (1000000 * S) /* when each script begins */
#define STEPS	  24

/* Events. Jitter is off (random 0). */
#define EMPTY {.type = MACHINE_EVENT_START}
#define STORED(age_s)                       \
	{.type = MACHINE_EVENT_START,       \
	 .has_content = true,               \
	 .serial = 7,                       \
	 .refresh_s = REFRESH_S,            \
	 .retry_s = RETRY_S,                \
	 .refreshed_ms = NOW - (age_s) * S, \
	 .expires_ms = NOW - (age_s) * S + EXPIRE_S * S}
#define DUE_S (REFRESH_S + RETRY_S)
#define STORED_DUE(age_s)                           \
	{.type = MACHINE_EVENT_START,               \
	 .has_content = true,                       \
	 .serial = 7,                               \
	 .refresh_s = REFRESH_S,                    \
	 .retry_s = RETRY_S,                        \
	 .refreshed_ms = NOW - (age_s) * S,         \
	 .stale_ms = NOW - (age_s) * S + DUE_S * S, \
	 .expires_ms = NOW - (age_s) * S + EXPIRE_S * S}
#define TIMER {.type = MACHINE_EVENT_TIMER}
#define NOTIFY(t)                                                    \
	{                                                            \
		.type = MACHINE_EVENT_WISH, .wish = {.target = (t) } \
	}
#define NOTIFY_OF(t, n)                               \
	{                                             \
		.type = MACHINE_EVENT_WISH, .wish = { \
			.target = (t),                \
			.has_serial = true,           \
			.serial = (n)                 \
		}                                     \
	}
#define CHECK_NOW {.type = MACHINE_EVENT_WISH, .wish = {.target = -1}}
#define RETRANSFER                                                                 \
	{                                                                          \
		.type = MACHINE_EVENT_WISH, .wish = {.target = -1, .force = true } \
	}
#define SERIAL(n)      {.type = MACHINE_EVENT_SERIAL, .serial = (n)}
#define UNANSWERED     {.type = MACHINE_EVENT_UNANSWERED}
#define FAILED	       {.type = MACHINE_EVENT_FAILED}
#define TRANSFERRED(n) {.type = MACHINE_EVENT_TRANSFERRED, .serial = (n)}
#define APPLIED(n, at)                  \
	{.type = MACHINE_EVENT_APPLIED, \
	 .has_content = true,           \
	 .serial = (n),                 \
	 .refresh_s = REFRESH_S,        \
	 .retry_s = RETRY_S,            \
	 .expires_ms = NOW + (at) * S + EXPIRE_S * S}
#define CONFIRMED(at) {.type = MACHINE_EVENT_CONFIRMED, .expires_ms = NOW + (at) * S + EXPIRE_S * S}
#define CONFIRMED_DUE(at)                      \
	{.type = MACHINE_EVENT_CONFIRMED,      \
	 .stale_ms = NOW + ((at) + DUE_S) * S, \
	 .expires_ms = NOW + (at) * S + EXPIRE_S * S}
#define APPLIED_DUE(n, at)                     \
	{.type = MACHINE_EVENT_APPLIED,        \
	 .has_content = true,                  \
	 .serial = (n),                        \
	 .refresh_s = REFRESH_S,               \
	 .retry_s = RETRY_S,                   \
	 .stale_ms = NOW + ((at) + DUE_S) * S, \
	 .expires_ms = NOW + (at) * S + EXPIRE_S * S}
#define BAD_CONTENT  {.type = MACHINE_EVENT_BAD_CONTENT}
#define STORE_FAILED {.type = MACHINE_EVENT_STORE_FAILED}

/* What is expected. */
#define STAY	     {.type = MACHINE_STAY}
#define WAIT	     {.type = MACHINE_WAIT}
#define GIVE_UP	     {.type = MACHINE_WAIT, .round_failed = true}
#define EXPIRED(a)   {.type = (a), .expired = true}
#define STALE(a)     {.type = (a), .stale = true}
#define DO(a, t)     {.type = (a), .target = (t)}
#define URGENT(a, t) {.type = (a), .target = (t), .urgent = true}
#define AGAIN(a, t)  {.type = (a), .target = (t), .urgent = true, .round_failed = true}

#define NO_TIMER -1

struct step {
	int64_t at_s; /* since the begin */
	struct machine_event event;
	struct machine_action expect;
	int64_t timer_s; /* afterwards, since the begin; 0: not looked at */
	bool queued;	 /* the action stays in the queue: not started */
};

static const struct {
	const char *what;
	uint16_t n_targets;
	struct step step[STEPS];
} scripts[] = {
	{"first transfer, then an hour of silence, then a check",
	 2,
	 {{0, EMPTY, WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_TRANSFER, 0), NO_TIMER, false},
	  {1, TRANSFERRED(7), DO(MACHINE_APPLY, 0), NO_TIMER, false},
	  {2, APPLIED(7, 2), WAIT, 3602, false},
	  {3601, TIMER, STAY, 3602, false},
	  {3602, TIMER, DO(MACHINE_ASK_UDP, 0), 2 + EXPIRE_S, false},
	  {3602, SERIAL(7), DO(MACHINE_CONFIRM, 0), 0, false},
	  {3603, CONFIRMED(3603), WAIT, 7203, false}}},
	{"newer serial",
	 1,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {1, SERIAL(8), DO(MACHINE_TRANSFER, 0), 0, false},
	  {1, TRANSFERRED(8), DO(MACHINE_APPLY, 0), 0, false},
	  {1, APPLIED(8, 1), WAIT, 3601, false}}},
	{"restart keeps the refresh time",
	 1,
	 {{0, STORED(600), WAIT, 3000, false}, {3000, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false}}},
	{"UDP fails, TCP answers",
	 1,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {5, UNANSWERED, DO(MACHINE_ASK_TCP, 0), 0, false},
	  {6, SERIAL(7), DO(MACHINE_CONFIRM, 0), 0, false},
	  {6, CONFIRMED(6), WAIT, 3606, false}}},
	{"every primary fails: retry, then success",
	 3,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {5, UNANSWERED, DO(MACHINE_ASK_TCP, 0), 0, false},
	  {10, FAILED, DO(MACHINE_ASK_UDP, 1), 0, false},
	  {11, FAILED, DO(MACHINE_ASK_UDP, 2), 0, false},
	  {12, SERIAL(8), DO(MACHINE_TRANSFER, 2), 0, false},
	  {13, FAILED, GIVE_UP, 913, false},
	  {913, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {914, SERIAL(7), DO(MACHINE_CONFIRM, 0), 0, false},
	  {914, CONFIRMED(914), WAIT, 4514, false}}},
	{"never transferred: back-off doubles",
	 1,
	 {{0, EMPTY, WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_TRANSFER, 0), 0, false},
	  {0, FAILED, GIVE_UP, 1, false},
	  {1, TIMER, DO(MACHINE_TRANSFER, 0), 0, false},
	  {1, FAILED, GIVE_UP, 3, false},
	  {3, TIMER, DO(MACHINE_TRANSFER, 0), 0, false},
	  {3, FAILED, GIVE_UP, 7, false},
	  {7, TIMER, DO(MACHINE_TRANSFER, 0), 0, false},
	  {7, TRANSFERRED(7), DO(MACHINE_APPLY, 0), 0, false},
	  {7, APPLIED(7, 7), WAIT, 3607, false}}},
	{"older at the first, newer at the second",
	 2,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, SERIAL(6), DO(MACHINE_ASK_UDP, 1), 0, false},
	  {0, SERIAL(9), DO(MACHINE_TRANSFER, 1), 0, false}}},
	{"older everywhere: confirmed",
	 2,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, SERIAL(6), DO(MACHINE_ASK_UDP, 1), 0, false},
	  {0, SERIAL(6), DO(MACHINE_CONFIRM, 1), 0, false},
	  {0, CONFIRMED(0), WAIT, 3600, false}}},
	{"older at the first, the second dead: confirmed by the first",
	 2,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, SERIAL(6), DO(MACHINE_ASK_UDP, 1), 0, false},
	  {0, FAILED, DO(MACHINE_CONFIRM, 0), 0, false}}},
	{"promised newer, brought the same",
	 1,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, SERIAL(8), DO(MACHINE_TRANSFER, 0), 0, false},
	  {0, TRANSFERRED(7), DO(MACHINE_CONFIRM, 0), 0, false}}},
	{"promised newer, brought an older one",
	 2,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, SERIAL(8), DO(MACHINE_TRANSFER, 0), 0, false},
	  {0, TRANSFERRED(6), DO(MACHINE_ASK_UDP, 1), 0, false}}},
	{"NOTIFY: its sender first, then the others in order",
	 3,
	 {{0, STORED(60), WAIT, 3540, false},
	  {1, NOTIFY(1), URGENT(MACHINE_ASK_UDP, 1), 0, false},
	  {1, FAILED, URGENT(MACHINE_ASK_UDP, 0), 0, false},
	  {1, FAILED, URGENT(MACHINE_ASK_UDP, 2), 0, false},
	  {1, FAILED, GIVE_UP, 901, false}}},
	{"NOTIFY from the last",
	 3,
	 {{0, STORED(60), WAIT, 3540, false},
	  {1, NOTIFY(2), URGENT(MACHINE_ASK_UDP, 2), 0, false},
	  {1, FAILED, URGENT(MACHINE_ASK_UDP, 0), 0, false},
	  {1, FAILED, URGENT(MACHINE_ASK_UDP, 1), 0, false},
	  {1, FAILED, GIVE_UP, 901, false}}},
	{"NOTIFY from a host that is no primary",
	 2,
	 {{0, STORED(60), WAIT, 3540, false},
	  {1, NOTIFY(-1), URGENT(MACHINE_ASK_UDP, 0), 0, false}}},
	{"NOTIFY of the serial that is here",
	 1,
	 {{0, STORED(60), WAIT, 3540, false}, {1, NOTIFY_OF(0, 7), STAY, 3540, false}}},
	{"NOTIFY of a newer serial, its sender not yet there: the next is asked",
	 2,
	 {{0, STORED(60), WAIT, 3540, false},
	  {1, NOTIFY_OF(0, 9), URGENT(MACHINE_ASK_UDP, 0), 0, false},
	  {1, SERIAL(7), URGENT(MACHINE_ASK_UDP, 1), 0, false},
	  {1, SERIAL(9), URGENT(MACHINE_TRANSFER, 1), 0, false}}},
	{"NOTIFY of a newer serial that nobody has",
	 2,
	 {{0, STORED(60), WAIT, 3540, false},
	  {1, NOTIFY_OF(0, 9), URGENT(MACHINE_ASK_UDP, 0), 0, false},
	  {1, SERIAL(7), URGENT(MACHINE_ASK_UDP, 1), 0, false},
	  {1, SERIAL(7), URGENT(MACHINE_CONFIRM, 1), 0, false},
	  {1, CONFIRMED(1), WAIT, 3601, false}}},
	{"NOTIFY during a transfer: one more check, not more",
	 1,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, SERIAL(8), DO(MACHINE_TRANSFER, 0), 0, false},
	  {1, NOTIFY_OF(0, 9), STAY, 0, false},
	  {2, NOTIFY_OF(0, 9), STAY, 0, false},
	  {3, TRANSFERRED(8), DO(MACHINE_APPLY, 0), 0, false},
	  {3, APPLIED(8, 3), URGENT(MACHINE_ASK_UDP, 0), 0, false},
	  {4, SERIAL(9), URGENT(MACHINE_TRANSFER, 0), 0, false},
	  {4, TRANSFERRED(9), URGENT(MACHINE_APPLY, 0), 0, false},
	  {4, APPLIED(9, 4), WAIT, 3604, false}}},
	{"NOTIFY during the transfer of what it is about: no more check",
	 1,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, SERIAL(9), DO(MACHINE_TRANSFER, 0), 0, false},
	  {1, NOTIFY_OF(0, 9), STAY, 0, false},
	  {3, TRANSFERRED(9), DO(MACHINE_APPLY, 0), 0, false},
	  {3, APPLIED(9, 3), WAIT, 3603, false}}},
	{"NOTIFY without a serial is not met by one that follows with it",
	 1,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, SERIAL(9), DO(MACHINE_TRANSFER, 0), 0, false},
	  {1, NOTIFY(0), STAY, 0, false},
	  {1, NOTIFY_OF(0, 9), STAY, 0, false},
	  {3, TRANSFERRED(9), DO(MACHINE_APPLY, 0), 0, false},
	  {3, APPLIED(9, 3), URGENT(MACHINE_ASK_UDP, 0), 0, false}}},
	{"NOTIFY during a round that fails: again at once, from its sender",
	 2,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, NOTIFY(1), STAY, 0, false},
	  {1, FAILED, DO(MACHINE_ASK_UDP, 1), 0, false},
	  {1, FAILED, AGAIN(MACHINE_ASK_UDP, 1), 0, false}}},
	{"NOTIFY for a zone in the queue: its sender is asked, urgently",
	 2,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, true},
	  {1, NOTIFY_OF(1, 9), URGENT(MACHINE_ASK_UDP, 1), 0, false},
	  {2, SERIAL(9), URGENT(MACHINE_TRANSFER, 1), 0, true},
	  {3, NOTIFY_OF(0, 10), STAY, 0, false}}},
	{"NOTIFYs for a zone in the queue: only the first moves it",
	 2,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, true},
	  {1, NOTIFY(0), URGENT(MACHINE_ASK_UDP, 0), 0, true},
	  {1, NOTIFY(1), STAY, 0, true},
	  {2, SERIAL(7), URGENT(MACHINE_CONFIRM, 0), 0, false},
	  {2, CONFIRMED(2), URGENT(MACHINE_ASK_UDP, 1), 0, false}}},
	{"the first transfer in the queue: a NOTIFY makes it urgent",
	 2,
	 {{0, EMPTY, WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_TRANSFER, 0), 0, true},
	  {1, NOTIFY(1), URGENT(MACHINE_TRANSFER, 1), 0, true}}},
	{"a transfer in the queue after a check stays there",
	 2,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, SERIAL(9), DO(MACHINE_TRANSFER, 0), 0, true},
	  {1, NOTIFY(1), STAY, 0, false}}},
	{"operator: check now",
	 1,
	 {{0, STORED(60), WAIT, 3540, false},
	  {1, CHECK_NOW, URGENT(MACHINE_ASK_UDP, 0), 0, false}}},
	{"operator: transfer, whatever the serial",
	 2,
	 {{0, STORED(60), WAIT, 3540, false},
	  {1, RETRANSFER, URGENT(MACHINE_TRANSFER, 0), 0, false},
	  {1, FAILED, URGENT(MACHINE_TRANSFER, 1), 0, false},
	  {1, TRANSFERRED(3), URGENT(MACHINE_APPLY, 1), 0, false},
	  {1, APPLIED(3, 1), WAIT, 3601, false}}},
	{"operator: transfer during a check",
	 1,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, RETRANSFER, STAY, 0, false},
	  {0, NOTIFY_OF(0, 7), STAY, 0, false},
	  {1, SERIAL(7), DO(MACHINE_CONFIRM, 0), 0, false},
	  {1, CONFIRMED(1), URGENT(MACHINE_TRANSFER, 0), 0, false}}},
	{"the checks refuse the zone: the other primary may have a better one",
	 2,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, SERIAL(8), DO(MACHINE_TRANSFER, 0), 0, false},
	  {0, TRANSFERRED(8), DO(MACHINE_APPLY, 0), 0, false},
	  {0, BAD_CONTENT, DO(MACHINE_ASK_UDP, 1), 0, false},
	  {0, SERIAL(8), DO(MACHINE_TRANSFER, 1), 0, false},
	  {0, TRANSFERRED(8), DO(MACHINE_APPLY, 1), 0, false},
	  {0, BAD_CONTENT, GIVE_UP, 900, false}}},
	{"the store fails: no other primary helps",
	 2,
	 {{0, STORED(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 0, false},
	  {0, SERIAL(8), DO(MACHINE_TRANSFER, 0), 0, false},
	  {0, TRANSFERRED(8), DO(MACHINE_APPLY, 0), 0, false},
	  {0, STORE_FAILED, GIVE_UP, 900, false}}},
	{"expiry is told when it comes, and asks at once",
	 1,
	 {{0, STORED(85000), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 1400, false},
	  {5, UNANSWERED, DO(MACHINE_ASK_TCP, 0), 0, false},
	  {6, FAILED, GIVE_UP, 906, false},
	  {906, TIMER, DO(MACHINE_ASK_UDP, 0), 1400, false},
	  {907, FAILED, GIVE_UP, 1400, false},
	  {1400, TIMER, EXPIRED(MACHINE_ASK_UDP), 0, false},
	  {1401, FAILED, GIVE_UP, 2301, false}}},
	{"expiry in the middle of a transfer",
	 1,
	 {{0, STORED(85000), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 1400, false},
	  {1, SERIAL(8), DO(MACHINE_TRANSFER, 0), 1400, false},
	  {1400, TIMER, EXPIRED(MACHINE_STAY), NO_TIMER, false},
	  {1401, TRANSFERRED(8), DO(MACHINE_APPLY, 0), 0, false},
	  {1402, APPLIED(8, 1402), WAIT, 5002, false}}},
	{"stale is told when it comes, once; a confirmation ends it",
	 1,
	 {{0, STORED_DUE(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 900, false},
	  {5, UNANSWERED, DO(MACHINE_ASK_TCP, 0), 900, false},
	  {10, FAILED, GIVE_UP, 900, false},
	  {899, TIMER, STAY, 900, false},
	  {900, TIMER, STALE(MACHINE_STAY), 910, false},
	  {900, TIMER, STAY, 910, false},
	  {910, TIMER, DO(MACHINE_ASK_UDP, 0), NO_TIMER, false},
	  {911, SERIAL(7), DO(MACHINE_CONFIRM, 0), 0, false},
	  {912, CONFIRMED_DUE(912), WAIT, 4512, false},
	  {4512, TIMER, DO(MACHINE_ASK_UDP, 0), 5412, false},
	  {5412, TIMER, STALE(MACHINE_STAY), NO_TIMER, false}}},
	{"stale in the middle of a transfer, which ends it",
	 1,
	 {{0, STORED_DUE(3600), WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_ASK_UDP, 0), 900, false},
	  {1, SERIAL(8), DO(MACHINE_TRANSFER, 0), 900, false},
	  {900, TIMER, STALE(MACHINE_STAY), NO_TIMER, false},
	  {901, TRANSFERRED(8), DO(MACHINE_APPLY, 0), 0, false},
	  {902, APPLIED_DUE(8, 902), WAIT, 4502, false},
	  {4502, TIMER, DO(MACHINE_ASK_UDP, 0), 5402, false}}},
	{"stale at the start, then expired",
	 1,
	 {{0, STORED_DUE(86000), WAIT, 0, false},
	  {0, TIMER, STALE(MACHINE_ASK_UDP), 400, false},
	  {1, FAILED, GIVE_UP, 400, false},
	  {400, TIMER, EXPIRED(MACHINE_ASK_UDP), NO_TIMER, false},
	  {401, FAILED, GIVE_UP, 1301, false}}},
	{"a new primary that has an older serial confirms what is stale",
	 1,
	 {{0, STORED_DUE(5000), WAIT, 0, false},
	  {0, TIMER, STALE(MACHINE_ASK_UDP), NO_TIMER, false},
	  {0, SERIAL(6), DO(MACHINE_CONFIRM, 0), 0, false},
	  {0, CONFIRMED_DUE(0), WAIT, 3600, false},
	  {3600, TIMER, DO(MACHINE_ASK_UDP, 0), 4500, false}}},
	{"expired: an older serial is good enough",
	 1,
	 {{0, STORED(90000), WAIT, 0, false},
	  {0, TIMER, EXPIRED(MACHINE_ASK_UDP), 0, false},
	  {0, SERIAL(3), DO(MACHINE_TRANSFER, 0), 0, false},
	  {0, TRANSFERRED(3), DO(MACHINE_APPLY, 0), 0, false},
	  {0, APPLIED(3, 0), WAIT, 3600, false}}},
	{"expired: the same serial brings it back, and it can expire once more",
	 1,
	 {{0, STORED(90000), WAIT, 0, false},
	  {0, TIMER, EXPIRED(MACHINE_ASK_UDP), 0, false},
	  {0, SERIAL(7), DO(MACHINE_CONFIRM, 0), 0, false},
	  {0, CONFIRMED(0), WAIT, 3600, false},
	  {3600, TIMER, DO(MACHINE_ASK_UDP, 0), EXPIRE_S, false},
	  {EXPIRE_S, TIMER, EXPIRED(MACHINE_STAY), NO_TIMER, false}}},
	{"expired: a NOTIFY of the same serial asks",
	 1,
	 {{0, STORED(90000), WAIT, 0, false},
	  {0, NOTIFY_OF(0, 7), URGENT(MACHINE_ASK_UDP, 0), 0, false}}},
	{"no content: a NOTIFY ends the back-off",
	 1,
	 {{0, EMPTY, WAIT, 0, false},
	  {0, TIMER, DO(MACHINE_TRANSFER, 0), 0, false},
	  {0, FAILED, GIVE_UP, 1, false},
	  {0, NOTIFY_OF(0, 7), URGENT(MACHINE_TRANSFER, 0), 0, false}}},
};

static void run_script(size_t i)
{
	struct machine m;

	machine_init(&m, scripts[i].n_targets);
	for (size_t n = 0;
	     n < STEPS && (n == 0 || scripts[i].step[n].event.type != MACHINE_EVENT_START); n++) {
		const struct step *step = &scripts[i].step[n];
		struct machine_action got = machine_step(&m, NOW + step->at_s * S, 0, &step->event);
		int64_t timer_ms = machine_timer_ms(&m);

		if (got.type != step->expect.type || got.target != step->expect.target ||
		    got.urgent != step->expect.urgent ||
		    got.round_failed != step->expect.round_failed ||
		    got.expired != step->expect.expired || got.stale != step->expect.stale)
			fail_msg(
				"%s, step %zu: action %d target %u urgent %d failed %d expired %d stale %d",
				scripts[i].what, n, got.type, got.target, got.urgent,
				got.round_failed, got.expired, got.stale);
		if (step->timer_s == NO_TIMER
			    ? timer_ms != INT64_MAX && timer_ms != m.expires_ms
			    : step->timer_s && timer_ms != NOW + step->timer_s * S)
			fail_msg("%s, step %zu: timer at %lld s", scripts[i].what, n,
				 (long long)((timer_ms - NOW) / S));
		if (got.type != MACHINE_STAY && !step->queued)
			machine_started(&m);
	}
}

static void test_scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		run_script(i);
}

/* What an SOA asks for is bounded; jitter only makes it earlier, by a tenth at most. */
static void test_bounds(void **state)
{
	static const struct {
		uint32_t soa_refresh_s, soa_retry_s;
		uint32_t refresh_s, retry_s;
	} table[] = {
		{0, 0, 2, 1},
		{1, 1, 2, 1},
		{2, 2, 2, 2},
		{3600, 900, 3600, 900},
		{UINT32_MAX, UINT32_MAX, TIMES_INTERVAL_MAX_S, TIMES_INTERVAL_MAX_S},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (unsigned n = 0; n < 200; n++) {
			struct machine_event event = APPLIED(7, 0);
			struct machine_event failed = FAILED;
			struct machine_event timer = TIMER;
			uint32_t random = n < 100 ? n : message_random();
			struct machine m;

			machine_init(&m, 1);
			m.state = MACHINE_APPLYING;
			event.refresh_s = table[i].soa_refresh_s;
			event.retry_s = table[i].soa_retry_s;
			event.expires_ms = INT64_MAX;
			machine_step(&m, NOW, random, &event);
			assert_true(m.next_ms <= NOW + table[i].refresh_s * S);
			assert_true(m.next_ms >= NOW + table[i].refresh_s * S * 9 / 10);
			machine_step(&m, m.next_ms, random, &timer);
			machine_step(&m, NOW, random, &failed);
			assert_true(m.next_ms <= NOW + table[i].retry_s * S);
			assert_true(m.next_ms >= NOW + table[i].retry_s * S * 9 / 10);
		}
	}
}

/* A month without a primary: the back-off reaches an hour and stays there. */
static void test_bootstrap(void **state)
{
	struct machine_event start = EMPTY, timer = TIMER, failed = FAILED;
	int64_t now_ms = NOW, last_ms;
	struct machine m;
	unsigned rounds = 0;

	(void)state;
	machine_init(&m, 1);
	machine_step(&m, now_ms, 0, &start);
	do {
		last_ms = now_ms;
		now_ms = machine_timer_ms(&m);
		assert_true(now_ms - last_ms <= MACHINE_BOOTSTRAP_MAX_S * S);
		assert_int_equal(machine_step(&m, now_ms, 0, &timer).type, MACHINE_TRANSFER);
		assert_int_equal(machine_step(&m, now_ms, 0, &failed).type, MACHINE_WAIT);
		rounds++;
	} while (now_ms < NOW + 30 * 86400 * S);
	assert_int_equal(now_ms - last_ms, MACHINE_BOOTSTRAP_MAX_S * S);
	assert_in_range(rounds, 30 * 24, 30 * 24 + 13);
}

/* An expired zone with a retry of days is asked for once an hour. */
static void test_expired_retry(void **state)
{
	struct machine_event start = STORED(90000), timer = TIMER, failed = FAILED;
	struct machine m;

	(void)state;
	start.retry_s = 7 * 86400;
	machine_init(&m, 1);
	machine_step(&m, NOW, 0, &start);
	assert_true(machine_is_expired(&m, NOW));
	assert_true(machine_step(&m, NOW, 0, &timer).expired);
	machine_step(&m, NOW, 0, &failed);
	assert_int_equal(m.next_ms, NOW + MACHINE_BOOTSTRAP_MAX_S * S);
}

/* Overdue at start: within the spread, not all at once. */
static void test_spread(void **state)
{
	int64_t first = INT64_MAX, last = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct machine_event start = STORED(80000);
		struct machine m;

		start.spread_ms = 2000;
		machine_init(&m, 1);
		machine_step(&m, NOW, message_random(), &start);
		first = m.next_ms < first ? m.next_ms : first;
		last = m.next_ms > last ? m.next_ms : last;
	}
	assert_true(first >= NOW && last < NOW + 2000);
	assert_true(last - first > 1000);
}

/* ---- heap ---- */

#define NODES 500

static void test_heap(void **state)
{
	static struct heap_node node[NODES];
	struct heap heap;

	(void)state;
	assert_int_equal(heap_init(&heap, NODES), 0);
	assert_null(heap_first(&heap));
	for (int i = 0; i < NODES; i++)
		node[i] = (struct heap_node){.due_ms = INT64_MAX, .index = HEAP_OUT};
	for (int round = 0; round < 20000; round++) {
		struct heap_node *one = &node[message_random() % NODES];
		int64_t min = INT64_MAX;
		size_t n = 0;

		heap_set(&heap, one,
			 message_random() % 3 ? (int64_t)(message_random() % 1000) : INT64_MAX);
		if (round % 50)
			continue;
		for (int i = 0; i < NODES; i++) {
			if (node[i].index == HEAP_OUT)
				continue;
			assert_ptr_equal(heap.node[node[i].index], &node[i]);
			n++;
			min = node[i].due_ms < min ? node[i].due_ms : min;
		}
		assert_int_equal(heap.n, n);
		if (n > 0)
			assert_int_equal(heap_first(&heap)->due_ms, min);
	}
	for (int64_t last = -1; heap_first(&heap); heap_set(&heap, heap_first(&heap), INT64_MAX)) {
		assert_true(heap_first(&heap)->due_ms >= last);
		last = heap_first(&heap)->due_ms;
	}
	heap_free(&heap);
}

/* ---- lanes ---- */

static void test_lanes(void **state)
{
	static struct job job[400];
	struct lanes lanes;
	unsigned taken = 0;

	(void)state;
	assert_int_equal(lanes_init(&lanes, 3), 0);
	/* A backlog for the first address; one zone for each of the others. */
	for (int i = 0; i < 300; i++)
		lanes_enqueue(&lanes, &job[i], &lanes.peer[0], LANE_TRANSFER, false);
	lanes_enqueue(&lanes, &job[300], &lanes.peer[1], LANE_TRANSFER, false);
	lanes_enqueue(&lanes, &job[301], &lanes.peer[2], LANE_TRANSFER, false);
	assert_null(lanes_take(&lanes, LANE_QUERY));
	/* Each address in turn, and the first never has more than its share. */
	assert_ptr_equal(lanes_take(&lanes, LANE_TRANSFER), &job[0]);
	assert_ptr_equal(lanes_take(&lanes, LANE_TRANSFER), &job[300]);
	assert_ptr_equal(lanes_take(&lanes, LANE_TRANSFER), &job[301]);
	while (lanes_take(&lanes, LANE_TRANSFER))
		taken++;
	assert_int_equal(taken, LANE_TRANSFER_MAX_PEER - 1);
	assert_int_equal(lanes.running[LANE_TRANSFER], LANE_TRANSFER_MAX_PEER + 2);

	/* Urgent ones overtake the backlog as soon as there is a place; leaving the queue is
	 * possible. */
	lanes_enqueue(&lanes, &job[302], &lanes.peer[0], LANE_TRANSFER, true);
	lanes_enqueue(&lanes, &job[303], &lanes.peer[0], LANE_TRANSFER, true);
	lanes_leave(&lanes, &job[302]);
	lanes_leave(&lanes, &job[302]);
	assert_null(lanes_take(&lanes, LANE_TRANSFER));
	lanes_leave(&lanes, &job[0]);
	assert_ptr_equal(lanes_take(&lanes, LANE_TRANSFER), &job[303]);
	lanes_leave(&lanes, &job[303]);
	assert_ptr_equal(lanes_take(&lanes, LANE_TRANSFER), &job[LANE_TRANSFER_MAX_PEER]);

	/* In all. */
	for (int i = 310; i < 350; i++)
		lanes_enqueue(&lanes, &job[i], &lanes.peer[1 + i % 2], LANE_TRANSFER, true);
	while (lanes_take(&lanes, LANE_TRANSFER))
		;
	assert_int_equal(lanes.running[LANE_TRANSFER], LANE_TRANSFER_MAX);
	for (int i = 0; i < 350; i++)
		lanes_leave(&lanes, &job[i]);
	assert_int_equal(lanes.running[LANE_TRANSFER], 0);
	assert_int_equal(lanes.waiting[LANE_TRANSFER][0] + lanes.waiting[LANE_TRANSFER][1], 0);
	lanes_free(&lanes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),	  cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_bootstrap), cmocka_unit_test(test_expired_retry),
		cmocka_unit_test(test_spread),	  cmocka_unit_test(test_heap),
		cmocka_unit_test(test_lanes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
