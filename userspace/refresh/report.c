/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refresh/internal.h"
#include "util/log.h"
#include "util/plural.h"

#define NEXT_MAX 256

static int64_t seconds_up(int64_t ms)
{
	return ms > 0 ? (ms + 999) / 1000 : 0;
}

/* What is done next: "trying 192.0.2.1@53", "keeping serial 7, retry in 900 s". */
static const char *next_text(const struct refresh_zone *rz, const struct machine_action *next,
			     char *text)
{
	const struct machine *machine = &rz->machine;
	int64_t now_ms = clock_boot_ms();
	char content[64];

	if (!machine->has_content)
		snprintf(content, sizeof(content), "no content yet");
	else if (machine_is_expired(machine, now_ms))
		snprintf(content, sizeof(content), "serial %u has expired", machine->serial);
	else
		snprintf(content, sizeof(content), "keeping serial %u", machine->serial);

	switch (next->type) {
	case MACHINE_ASK_UDP:
	case MACHINE_ASK_TCP:
	case MACHINE_TRANSFER:
		snprintf(text, NEXT_MAX, "%s, trying %s%s%s", content,
			 next->fallback ? "AXFR from " : "", rz->target[next->target].peer->text,
			 next->round_failed ? " as asked for meanwhile" : "");
		break;
	case MACHINE_CONFIRM:
		snprintf(text, NEXT_MAX, "%s, %s has nothing newer", content,
			 rz->target[next->target].peer->text);
		break;
	default:
		snprintf(text, NEXT_MAX, "%s, retry in %" PRId64 " s", content,
			 seconds_up(machine->next_ms - now_ms));
		break;
	}
	return text;
}

static void set_error(char **error, const char *text)
{
	free(*error);
	*error = strdup(text); /* NULL when out of memory: the log has it */
}

void report_failure(struct refresh_zone *rz, const char *what, const char *reason,
		    const struct machine_action *next)
{
	bool known = rz->last_error && rz->attempt && rz->attempt->hearsay;
	const char *peer = rz->peer ? rz->peer->text : "";
	char text[NEXT_MAX], error[REFRESH_REASON_MAX];

	if (next->fallback) { /* nothing is lost yet */
		log_info("zone %s: %s %s: %s; %s", rz->zone->name, what, peer, reason,
			 next_text(rz, next, text));
		return;
	}
	/*
	 * Of an address that another zone has just found dead each zone tells once, not in every
	 * round: 100,000 zones of a dead primary do not drown the log.
	 */
	(known ? log_debug : log_warning)("zone %s: %s %s: %s; %s", rz->zone->name, what, peer,
					  reason, next_text(rz, next, text));
	snprintf(error, sizeof(error), "%s %s: %s", what, peer, reason);
	set_error(&rz->last_error, error);
	rz->last_error_at = clock_real_s();
	if (rz->peer_target >= 0) {
		struct refresh_target *target = &rz->target[rz->peer_target];

		set_error(&target->error, reason);
		target->error_at = rz->last_error_at;
	}
}

void report_answer(struct refresh_zone *rz, uint32_t serial, int64_t expire_s)
{
	struct refresh_target *target;

	if (rz->peer_target < 0)
		return;
	target = &rz->target[rz->peer_target];
	target->answered_at = clock_real_s();
	target->serial = serial;
	target->expire_s = expire_s;
	/* What its content was refused for holds until it sends another. */
	if (rz->machine.state != MACHINE_TRANSFERRING && target->error &&
	    serial != rz->machine.serial)
		return;
	free(target->error);
	target->error = NULL;
	target->error_at = 0;
}

void report_success(struct refresh_zone *rz)
{
	free(rz->last_error);
	rz->last_error = NULL;
	rz->last_error_at = 0;
}

/* Where nobody was asked yet (a start, a sleep of the machine) that is about to be done. */
void report_stale(const struct refresh_zone *rz)
{
	(rz->machine.failures > 0 ? log_warning : log_debug)(
		"zone %s: serial %u is stale: a refresh and a retry have passed, and no primary has confirmed it",
		rz->zone->name, rz->machine.serial);
}

void report_expired(const struct refresh_zone *rz)
{
	log_warning("zone %s: serial %u has expired: answering SERVFAIL until a primary answers",
		    rz->zone->name, rz->machine.serial);
}

static const char *bytes_text(uint64_t bytes, char *text, size_t text_len)
{
	if (bytes < 1000)
		snprintf(text, text_len, "%" PRIu64 " B", bytes);
	else if (bytes < 1000000)
		snprintf(text, text_len, "%.1f kB", (double)bytes / 1e3);
	else if (bytes < 1000000000)
		snprintf(text, text_len, "%.1f MB", (double)bytes / 1e6);
	else
		snprintf(text, text_len, "%.2f GB", (double)bytes / 1e9);
	return text;
}

/* "IXFR", or why the whole zone came. */
static const char *kind_text(const struct refresh_zone *rz, char *text, size_t text_len)
{
	const struct attempt *attempt = rz->attempt;

	if (rz->ixfr_error)
		snprintf(text, text_len, "AXFR instead of IXFR (%s)", rz->ixfr_error);
	else if (attempt->ixfr && attempt->outcome == XFR_CONTENT)
		snprintf(text, text_len, "AXFR in answer to IXFR");
	else
		snprintf(text, text_len, "%s", attempt->ixfr ? "IXFR" : "AXFR");
	return text;
}

void report_transfer(const struct refresh_zone *rz, const struct apply_result *result)
{
	const struct attempt *attempt = rz->attempt;
	const struct peer *peer = rz->peer;
	char kind[REFRESH_REASON_MAX + 40], bytes[32], old[24] = "none", maps[64] = "";
	char differences[40] = "";

	if (attempt->had_content)
		snprintf(old, sizeof(old), "%u", attempt->old_serial);
	if (attempt->outcome == XFR_DIFF)
		snprintf(differences, sizeof(differences), " in %zu difference%s",
			 attempt->differences, plural(attempt->differences));
	if (apply_maps(rz->refresh->apply))
		snprintf(maps, sizeof(maps), ", %" PRIu64 " %s written in the maps",
			 result->published.entries,
			 result->published.entries == 1 ? "entry" : "entries");
	log_info("zone %s: %s from %s: serial %s -> %u%s, %" PRIu64 " message%s, %" PRIu64
		 " record%s, %s, %.3f s, %" PRIu64 " name%s changed%s%s%s%s%s",
		 rz->zone->name, kind_text(rz, kind, sizeof(kind)), peer->text, old,
		 result->stored.serial, differences, attempt->messages, plural(attempt->messages),
		 attempt->records, plural(attempt->records),
		 bytes_text(attempt->bytes, bytes, sizeof(bytes)),
		 (double)attempt->duration_ms / 1000.0, result->nodes_written,
		 plural(result->nodes_written), maps, peer->key_id ? ", key " : "",
		 peer->key_id ? peer->key_id : "", peer->tls ? ", TLS " : "",
		 peer->tls ? peer_tls_id(peer) : "");
}
