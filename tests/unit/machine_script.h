/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scripts for the machine: at which second comes which event, and what is to be done then. */
#ifndef XNS_TEST_MACHINE_SCRIPT_H
#define XNS_TEST_MACHINE_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "refresh/machine.h"

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
#define CHECK_ALL                                                                   \
	{                                                                           \
		.type = MACHINE_EVENT_WISH, .wish = {.target = -1, .of_all = true } \
	}
#define RETRANSFER_ALL                                                                             \
	{                                                                                          \
		.type = MACHINE_EVENT_WISH, .wish = {.target = -1, .force = true, .of_all = true } \
	}
#define RETRANSFER                                                                 \
	{                                                                          \
		.type = MACHINE_EVENT_WISH, .wish = {.target = -1, .force = true } \
	}
#define SERIAL(n)      {.type = MACHINE_EVENT_SERIAL, .serial = (n)}
#define UNANSWERED     {.type = MACHINE_EVENT_UNANSWERED}
#define FAILED	       {.type = MACHINE_EVENT_FAILED}
#define UNREACHABLE    {.type = MACHINE_EVENT_UNREACHABLE}
#define TRANSFERRED(n) {.type = MACHINE_EVENT_TRANSFERRED, .serial = (n)}
#define WHOLE(n)       {.type = MACHINE_EVENT_TRANSFERRED, .serial = (n), .whole = true}
#define CURRENT(n)     {.type = MACHINE_EVENT_CURRENT, .serial = (n)}
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

#define IXFR(t)	   {.type = MACHINE_TRANSFER, .target = (t), .ixfr = true}
#define AXFR(t)	   {.type = MACHINE_TRANSFER, .target = (t)}
#define INSTEAD(t) {.type = MACHINE_TRANSFER, .target = (t), .fallback = true}

#define NO_TIMER -1

struct step {
	int64_t at_s; /* since the begin */
	struct machine_event event;
	struct machine_action expect;
	int64_t timer_s; /* afterwards, since the begin; 0: not looked at */
	bool queued;	 /* the action stays in the queue: not started */
};

struct script {
	const char *what;
	uint16_t n_targets;
	struct step step[STEPS];
};

/* Jitter is off. ixfr: the configuration says to ask for it. */
static inline void run_script(const struct script *script, bool ixfr)
{
	struct machine m;

	machine_init(&m, &(struct machine_conf){.n_targets = script->n_targets, .ixfr = ixfr});
	for (size_t n = 0;
	     n < STEPS && (n == 0 || script->step[n].event.type != MACHINE_EVENT_START); n++) {
		const struct step *step = &script->step[n];
		struct machine_action got = machine_step(&m, NOW + step->at_s * S, 0, &step->event);
		int64_t timer_ms = machine_timer_ms(&m);

		if (got.type != step->expect.type || got.target != step->expect.target ||
		    got.urgent != step->expect.urgent || got.ixfr != step->expect.ixfr ||
		    got.fallback != step->expect.fallback ||
		    got.round_failed != step->expect.round_failed ||
		    got.expired != step->expect.expired || got.stale != step->expect.stale)
			fail_msg(
				"%s, step %zu: action %d target %u ixfr %d fallback %d urgent %d failed %d expired %d stale %d",
				script->what, n, got.type, got.target, got.ixfr, got.fallback,
				got.urgent, got.round_failed, got.expired, got.stale);
		if (step->timer_s == NO_TIMER
			    ? timer_ms != INT64_MAX && timer_ms != m.expires_ms
			    : step->timer_s && timer_ms != NOW + step->timer_s * S)
			fail_msg("%s, step %zu: timer at %lld s", script->what, n,
				 (long long)((timer_ms - NOW) / S));
		if (got.type != MACHINE_STAY && !step->queued)
			machine_started(&m);
	}
}

#endif
