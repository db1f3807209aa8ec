/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <string.h>

#include "refresh/machine.h"
#include "transfer/message.h"

static uint32_t min_s(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Up to a tenth earlier, so that zones that were transferred together do not ask together for ever.
 */
static int64_t with_jitter_ms(uint32_t interval_s, uint32_t random)
{
	uint64_t interval_ms = (uint64_t)interval_s * 1000, tenth_ms = interval_ms / 10 + 1;

	if (tenth_ms > UINT32_MAX)
		tenth_ms = UINT32_MAX;
	return (int64_t)(interval_ms - (tenth_ms * random >> 32));
}

static uint32_t retry_interval_s(const struct machine *m, int64_t now_ms)
{
	uint32_t bound_s = m->conf.retry_max_s ? m->conf.retry_max_s : MACHINE_RETRY_MAX_S;
	uint32_t interval_s = m->has_content ? m->retry_s : MACHINE_BOOTSTRAP_MIN_S;

	if (machine_is_expired(m, now_ms)) /* nobody is served meanwhile */
		return min_s(interval_s, MACHINE_BOOTSTRAP_MAX_S);
	bound_s = min_s(bound_s, m->has_content ? MACHINE_RETRY_MAX_S : MACHINE_BOOTSTRAP_MAX_S);
	if (m->has_content)
		bound_s = min_s(bound_s, m->refresh_s);
	for (uint32_t n = 1; n < m->failures && interval_s < bound_s; n++)
		interval_s = min_s(interval_s * 2, bound_s); /* both are at most a day here */
	return interval_s;
}

bool machine_is_expired(const struct machine *m, int64_t now_ms)
{
	return m->has_content && now_ms >= m->expires_ms;
}

int64_t machine_timer_ms(const struct machine *m)
{
	int64_t timer_ms = m->state == MACHINE_IDLE ? m->next_ms : INT64_MAX;

	/* Expiry and age are told when they come, whatever is under way. */
	if (m->has_content && !m->expiry_told && m->expires_ms < timer_ms)
		timer_ms = m->expires_ms;
	if (m->has_content && !m->stale_told && m->stale_ms > 0 && m->stale_ms < timer_ms)
		timer_ms = m->stale_ms;
	return timer_ms;
}

void machine_init(struct machine *m, const struct machine_conf *conf)
{
	assert(conf->n_targets > 0);
	*m = (struct machine){.conf = *conf, .confirmed = -1, .next_ms = INT64_MAX};
}

void machine_started(struct machine *m)
{
	m->started = true;
}

/* The preferred target first, the others in their order. */
static uint16_t target_of_attempt(const struct machine *m)
{
	int32_t first = m->round.target;

	if (first < 0)
		return m->attempt;
	if (m->attempt == 0)
		return (uint16_t)first;
	return (uint16_t)(m->attempt <= first ? m->attempt - 1 : m->attempt);
}

static struct machine_action action(struct machine *m, enum machine_action_type type,
				    enum machine_state state)
{
	m->state = state;
	m->started = false;
	return (struct machine_action){
		.type = type,
		.target = target_of_attempt(m),
		.urgent = m->round.wanted && !m->round.of_all,
	};
}

static struct machine_action transfer(struct machine *m, bool ixfr)
{
	struct machine_action result = action(m, MACHINE_TRANSFER, MACHINE_TRANSFERRING);

	m->ixfr = ixfr;
	result.ixfr = ixfr;
	return result;
}

static struct machine_action axfr_instead(struct machine *m)
{
	struct machine_action result = transfer(m, false);

	result.fallback = true;
	return result;
}

static struct machine_action ask(struct machine *m)
{
	if (!m->has_content || m->round.force)
		return transfer(m, false);
	return action(m, MACHINE_ASK_UDP, MACHINE_SOA_UDP);
}

static struct machine_action begin_round(struct machine *m, const struct machine_wish *wish)
{
	m->round = *wish;
	if (m->round.target >= m->conf.n_targets)
		m->round.target = -1;
	m->attempt = 0;
	m->confirmed = -1;
	return ask(m);
}

/* Does the content already have what the NOTIFY was about? */
static bool wish_is_met(const struct machine *m, const struct machine_wish *wish, int64_t now_ms)
{
	return !wish->force && wish->has_serial && m->has_content &&
	       !machine_is_expired(m, now_ms) && wish->serial == m->serial;
}

static struct machine_action rest(struct machine *m, int64_t now_ms, int64_t next_ms)
{
	struct machine_wish again = m->again;

	m->next_ms = next_ms;
	m->again = (struct machine_wish){0};
	if (again.wanted && !wish_is_met(m, &again, now_ms))
		return begin_round(m, &again);
	m->round = (struct machine_wish){.target = -1};
	m->state = MACHINE_IDLE;
	return (struct machine_action){.type = MACHINE_WAIT};
}

static struct machine_action succeed(struct machine *m, int64_t now_ms, uint32_t random)
{
	m->failures = 0;
	m->expiry_told = m->stale_told = false;
	return rest(m, now_ms, now_ms + with_jitter_ms(m->refresh_s, random));
}

static struct machine_action fail(struct machine *m, int64_t now_ms, uint32_t random)
{
	struct machine_action result;

	if (m->failures < UINT32_MAX)
		m->failures++;
	result = rest(m, now_ms, now_ms + with_jitter_ms(retry_interval_s(m, now_ms), random));
	result.round_failed = true;
	return result;
}

static struct machine_action confirm(struct machine *m)
{
	struct machine_action result = action(m, MACHINE_CONFIRM, MACHINE_CONFIRMING);

	result.target = (uint16_t)m->confirmed;
	return result;
}

static struct machine_action next_target(struct machine *m, int64_t now_ms, uint32_t random)
{
	if (m->attempt + 1 < m->conf.n_targets) {
		m->attempt++;
		return ask(m);
	}
	if (m->confirmed >= 0)
		return confirm(m);
	return fail(m, now_ms, random);
}

static struct machine_action on_start(struct machine *m, int64_t now_ms, uint32_t random,
				      const struct machine_event *event)
{
	m->has_content = event->has_content;
	m->round = (struct machine_wish){.target = -1};
	if (!m->has_content) {
		m->next_ms = now_ms;
		return (struct machine_action){.type = MACHINE_WAIT};
	}
	m->serial = event->serial;
	m->refresh_s = event->refresh_s;
	m->retry_s = event->retry_s;
	m->expires_ms = event->expires_ms;
	m->stale_ms = event->stale_ms;
	m->next_ms = event->refreshed_ms + with_jitter_ms(m->refresh_s, random);
	if (m->next_ms <= now_ms)
		m->next_ms = now_ms + (int64_t)((uint64_t)event->spread_ms * random >> 32);
	return (struct machine_action){.type = MACHINE_WAIT};
}

static struct machine_action on_timer(struct machine *m, int64_t now_ms)
{
	static const struct machine_wish routine = {.target = -1};
	struct machine_action result = {.type = MACHINE_STAY};
	bool expired = machine_is_expired(m, now_ms) && !m->expiry_told;
	bool stale = m->has_content && m->stale_ms > 0 && now_ms >= m->stale_ms && !m->stale_told;

	/* Whatever serial a primary has is good enough from now on: ask at once. */
	if (m->state == MACHINE_IDLE && (expired || now_ms >= m->next_ms))
		result = begin_round(m, &routine);
	if (expired)
		m->expiry_told = true;
	if (stale)
		m->stale_told = true;
	result.expired = expired;
	result.stale = stale;
	return result;
}

static void remember(struct machine_wish *again, const struct machine_wish *wish)
{
	bool force = again->force || wish->force;
	/* A wish without a serial cannot be met by chance: it must not get one from a later NOTIFY.
	 */
	bool has_serial = wish->has_serial && (!again->wanted || again->has_serial);
	bool of_all = wish->of_all && (!again->wanted || again->of_all);

	*again = *wish;
	again->wanted = true;
	again->of_all = of_all;
	again->force = force;
	again->has_serial = has_serial;
}

static struct machine_action on_wish(struct machine *m, int64_t now_ms,
				     const struct machine_wish *wish)
{
	struct machine_wish wanted = *wish;

	wanted.wanted = true;
	if (m->state == MACHINE_IDLE) {
		if (wish_is_met(m, &wanted, now_ms))
			return (struct machine_action){.type = MACHINE_STAY};
		return begin_round(m, &wanted);
	}
	/*
	 * A round of the backlog that still waits for its first question: ask the better target
	 * instead, ahead of the backlog. Only once, else a stream of NOTIFYs would move it to the
	 * end of its line for ever.
	 */
	if (!m->started && (!m->round.wanted || (m->round.of_all && !wanted.of_all)) &&
	    m->attempt == 0 &&
	    (m->state == MACHINE_SOA_UDP ||
	     (m->state == MACHINE_TRANSFERRING && (m->round.force || !m->has_content)))) {
		wanted.force |= m->round.force;
		return begin_round(m, &wanted);
	}
	remember(&m->again, &wanted);
	return (struct machine_action){.type = MACHINE_STAY};
}

static struct machine_action on_serial(struct machine *m, int64_t now_ms, uint32_t random,
				       uint32_t serial)
{
	bool behind_notify = m->round.has_serial && message_serial_newer(m->round.serial, serial);

	if (message_serial_newer(serial, m->serial))
		return transfer(m, m->conf.ixfr);
	if (serial != m->serial && machine_is_expired(m, now_ms))
		return transfer(m, false); /* no difference leads back */
	m->confirmed = target_of_attempt(m);
	if (serial == m->serial && !behind_notify)
		return confirm(m);
	/* Older than ours, or than what a NOTIFY promised: perhaps another one has more. */
	return next_target(m, now_ms, random);
}

/* The target had promised more than it then gave. */
static struct machine_action on_not_newer(struct machine *m, int64_t now_ms, uint32_t random,
					  uint32_t serial)
{
	m->confirmed = target_of_attempt(m);
	return serial == m->serial ? confirm(m) : next_target(m, now_ms, random);
}

static struct machine_action on_current(struct machine *m, int64_t now_ms, uint32_t random,
					uint32_t serial)
{
	if (serial != m->serial && machine_is_expired(m, now_ms))
		return axfr_instead(m); /* an older one is good enough */
	return on_not_newer(m, now_ms, random, serial);
}

static struct machine_action on_transferred(struct machine *m, int64_t now_ms, uint32_t random,
					    const struct machine_event *event)
{
	if (m->has_content && !m->round.force && !machine_is_expired(m, now_ms) &&
	    !message_serial_newer(event->serial, m->serial))
		return on_not_newer(m, now_ms, random, event->serial);
	if (event->whole)
		m->ixfr = false;
	return action(m, MACHINE_APPLY, MACHINE_APPLYING);
}

/* Whatever it was that failed: after IXFR the whole zone of the same target may do. */
static struct machine_action on_failed(struct machine *m, int64_t now_ms, uint32_t random)
{
	if ((m->state == MACHINE_TRANSFERRING || m->state == MACHINE_APPLYING) && m->ixfr)
		return axfr_instead(m);
	return next_target(m, now_ms, random);
}

static struct machine_action on_applied(struct machine *m, int64_t now_ms, uint32_t random,
					const struct machine_event *event)
{
	m->has_content = true;
	m->serial = event->serial;
	m->refresh_s = event->refresh_s;
	m->retry_s = event->retry_s;
	m->expires_ms = event->expires_ms;
	m->stale_ms = event->stale_ms;
	return succeed(m, now_ms, random);
}

struct machine_action machine_step(struct machine *m, int64_t now_ms, uint32_t random,
				   const struct machine_event *event)
{
	switch (event->type) {
	case MACHINE_EVENT_START:
		return on_start(m, now_ms, random, event);
	case MACHINE_EVENT_TIMER:
		return on_timer(m, now_ms);
	case MACHINE_EVENT_WISH:
		return on_wish(m, now_ms, &event->wish);
	case MACHINE_EVENT_SERIAL:
		assert(m->state == MACHINE_SOA_UDP || m->state == MACHINE_SOA_TCP);
		return on_serial(m, now_ms, random, event->serial);
	case MACHINE_EVENT_UNANSWERED:
		assert(m->state == MACHINE_SOA_UDP);
		return action(m, MACHINE_ASK_TCP, MACHINE_SOA_TCP);
	case MACHINE_EVENT_FAILED:
	case MACHINE_EVENT_BAD_CONTENT:
		return on_failed(m, now_ms, random);
	case MACHINE_EVENT_UNREACHABLE:
		return next_target(m, now_ms, random);
	case MACHINE_EVENT_CURRENT:
		assert(m->state == MACHINE_TRANSFERRING && m->ixfr);
		return on_current(m, now_ms, random, event->serial);
	case MACHINE_EVENT_TRANSFERRED:
		assert(m->state == MACHINE_TRANSFERRING);
		return on_transferred(m, now_ms, random, event);
	case MACHINE_EVENT_APPLIED:
		return on_applied(m, now_ms, random, event);
	case MACHINE_EVENT_CONFIRMED:
		m->expires_ms = event->expires_ms;
		m->stale_ms = event->stale_ms;
		return succeed(m, now_ms, random);
	case MACHINE_EVENT_STORE_FAILED:
		return fail(m, now_ms, random);
	}
	assert(false);
	return (struct machine_action){.type = MACHINE_STAY};
}

/* ---- another configuration ---- */

void machine_configure(struct machine *m, int64_t now_ms, uint32_t random,
		       const struct machine_change *change)
{
	bool idle = m->state == MACHINE_IDLE;

	m->conf = change->conf;
	m->refresh_s = change->refresh_s;
	m->retry_s = change->retry_s;
	if (idle && m->has_content && m->next_ms > now_ms + (int64_t)m->refresh_s * 1000)
		m->next_ms = now_ms + with_jitter_ms(m->refresh_s, random);
	if (change->same_targets)
		return;
	/* The one that is being asked becomes the first of the round, the others come after it. */
	m->attempt = 0;
	m->round.target = change->current;
	m->confirmed = change->confirmed;
	m->again.target = -1;
	if (idle && (!m->has_content || m->failures > 0))
		m->next_ms = now_ms; /* the new ones may do better */
	m->failures = 0;
}

struct machine_action machine_restart(struct machine *m)
{
	struct machine_wish round = m->round;

	assert(m->state != MACHINE_IDLE && m->state != MACHINE_APPLYING &&
	       m->state != MACHINE_CONFIRMING);
	return begin_round(m, &round);
}
