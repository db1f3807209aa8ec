/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refresh/internal.h"
#include "util/log.h"

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
		snprintf(text, NEXT_MAX, "%s, trying %s%s", content,
			 refresh_target(rz, next->target)->text,
			 next->round_failed ? " as asked for meanwhile" : "");
		break;
	case MACHINE_CONFIRM:
		snprintf(text, NEXT_MAX, "%s, %s has nothing newer", content,
			 refresh_target(rz, next->target)->text);
		break;
	default:
		snprintf(text, NEXT_MAX, "%s, retry in %" PRId64 " s", content,
			 seconds_up(machine->next_ms - now_ms));
		break;
	}
	return text;
}

void report_failure(struct refresh_zone *rz, const char *what, const char *reason,
		    const struct machine_action *next)
{
	bool known = rz->last_error && rz->attempt && rz->attempt->hearsay;
	const char *peer = rz->peer ? rz->peer->text : "";
	char text[NEXT_MAX], error[256];

	/*
	 * Of an address that another zone has just found dead each zone tells once, not in every
	 * round: 100,000 zones of a dead primary do not drown the log.
	 */
	(known ? log_debug : log_warning)("zone %s: %s %s: %s; %s", rz->zone->name, what, peer,
					  reason, next_text(rz, next, text));
	snprintf(error, sizeof(error), "%s %s: %s", what, peer, reason);
	free(rz->last_error);
	rz->last_error = strdup(error); /* NULL when out of memory: the log has it */
	rz->last_error_at = clock_real_s();
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

void report_transfer(const struct refresh_zone *rz, const struct apply_result *result)
{
	const struct attempt *attempt = rz->attempt;
	char bytes[32], old[24] = "none", maps[64] = "";

	if (attempt->had_content)
		snprintf(old, sizeof(old), "%u", attempt->old_serial);
	if (apply_maps(rz->refresh->apply))
		snprintf(maps, sizeof(maps), ", %" PRIu64 " entries written in the maps",
			 result->published.entries);
	log_info("zone %s: AXFR from %s: serial %s -> %u, %" PRIu64 " messages, %" PRIu64
		 " records, %s, %.3f s, %" PRIu64 " names changed%s",
		 rz->zone->name, rz->peer->text, old, result->stored.serial,
		 axfr_messages(attempt->axfr), axfr_records(attempt->axfr),
		 bytes_text(axfr_bytes(attempt->axfr), bytes, sizeof(bytes)),
		 (double)attempt->duration_ms / 1000.0, result->nodes_written, maps);
}
