/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "refresh/internal.h"

static const char *activity(const struct refresh_zone *rz)
{
	if (rz->job.state == JOB_WAITING)
		return "waiting";
	switch (rz->machine.state) {
	case MACHINE_IDLE:
		return "idle";
	case MACHINE_SOA_UDP:
	case MACHINE_SOA_TCP:
		return "soa-query";
	case MACHINE_TRANSFERRING:
		return "transfer";
	case MACHINE_APPLYING:
		return rz->attempt && rz->attempt->check ? "check" : "commit";
	case MACHINE_CONFIRMING:
		return "commit";
	}
	return "idle";
}

void refresh_get_status(const struct refresh *refresh, const struct zone *zone,
			struct refresh_status *ret)
{
	const struct refresh_zone *rz = zone->refresh;
	int64_t now_ms = clock_boot_ms();

	(void)refresh;
	*ret = (struct refresh_status){.activity = "idle"};
	if (!rz) /* there was no memory to refresh it */
		return;
	*ret = (struct refresh_status){
		.has_content = rz->machine.has_content,
		.stored = rz->stored,
		.activity = activity(rz),
		.last_error_at = rz->last_error_at,
	};
	if (rz->peer)
		snprintf(ret->primary, sizeof(ret->primary), "%s", rz->peer->text);
	else if (rz->stored.has_content) /* asked before we were started */
		snprintf(ret->primary, sizeof(ret->primary), "%s", rz->stored.primary);
	if (rz->machine.state == MACHINE_IDLE)
		ret->next_refresh_s = rz->machine.next_ms > now_ms
					      ? (rz->machine.next_ms - now_ms + 999) / 1000
					      : 1;
	if (rz->machine.has_content)
		ret->expires_in_s = (rz->machine.expires_ms - now_ms) / 1000;
	if (rz->last_error)
		snprintf(ret->last_error, sizeof(ret->last_error), "%s", rz->last_error);
}

struct refresh_primary *refresh_get_primaries(const struct refresh *refresh,
					      const struct zone *zone, size_t *ret_n)
{
	const struct refresh_zone *rz = zone->refresh;
	uint16_t n = rz ? rz->machine.conf.n_targets : 0, at = 0;
	struct refresh_primary *primary = rz ? calloc(n, sizeof(*primary)) : NULL;

	(void)refresh;
	*ret_n = 0;
	if (!primary)
		return NULL;
	for (size_t i = 0; i < zone->conf->n_primaries; i++) {
		const struct config_remote *remote = zone->conf->primaries[i];

		for (size_t j = 0; j < remote->n_addresses && at < n; j++, at++) {
			const struct refresh_target *target = &rz->target[at];

			snprintf(primary[at].id, sizeof(primary[at].id), "%s", remote->id);
			snprintf(primary[at].address, sizeof(primary[at].address), "%s",
				 target->peer->text);
			snprintf(primary[at].error, sizeof(primary[at].error), "%s",
				 target->error ? target->error : "");
			primary[at].tls = target->peer->tls != NULL;
			primary[at].asked_at = target->asked_at;
			primary[at].answered_at = target->answered_at;
			primary[at].serial = target->serial;
			primary[at].error_at = target->error_at;
		}
	}
	*ret_n = at;
	return primary;
}
