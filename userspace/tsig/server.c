// SPDX-License-Identifier: GPL-3.0-or-later
/* TSIG as server: requests checked, replies signed (RFC 8945 §5.2, §5.3). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <gnutls/gnutls.h>

#include "tsig/record.h"
#include "util/plural.h"

/* §5.2.2.1: shorter MACs are a mistake, whatever the policy. */
#define MAC_MIN 10

static int __attribute__((format(printf, 3, 4))) refuse(struct tsig_server *server, char *reason,
							const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, TSIG_REASON_MAX, fmt, args);
	va_end(args);
	return server->error ? -EPERM : -EBADMSG;
}

/* §5.2.2: over as many bytes as the request has of it. */
static int check_mac(struct tsig_server *server, const knot_tsig_key_t *key, const uint8_t *wire,
		     const struct tsig_record *record, char *reason)
{
	struct dnssec_tsig_ctx *ctx;
	uint8_t mac[TSIG_MAC_MAX];
	char name[TSIG_NAME_MAX];

	if (tsig_mac_begin(key, NULL, 0, &ctx) < 0)
		return -EIO;
	tsig_mac_message(ctx, wire, record->at, record->original_id,
			 knot_wire_get_arcount(wire) - 1);
	tsig_mac_variables(ctx, record);
	if (tsig_mac_end(ctx, mac) < 0)
		return -EIO;
	if (gnutls_memcmp(mac, record->mac, record->mac_len) == 0)
		return 0;
	server->error = KNOT_RCODE_BADSIG;
	return refuse(server, reason, "BADSIG: wrong signature of key %s",
		      tsig_name_text(record->owner, name));
}

/* §5.2.3, §5.2.4: these are answered with a signature. */
static int check_time_and_truncation(struct tsig_server *server, const struct tsig_record *record,
				     size_t mac_len, char *reason)
{
	uint64_t now = tsig_now();
	uint64_t apart =
		record->time_signed > now ? record->time_signed - now : now - record->time_signed;
	char name[TSIG_NAME_MAX], skew[TSIG_SKEW_MAX];

	if (apart > record->fudge) {
		server->error = KNOT_RCODE_BADTIME;
		return refuse(server, reason, "BADTIME: with key %s, the client's clock is %s ours",
			      tsig_name_text(record->owner, name),
			      tsig_skew_text(record->time_signed, now, skew));
	}
	if (record->mac_len < mac_len) {
		server->error = KNOT_RCODE_BADTRUNC;
		return refuse(server, reason,
			      "BADTRUNC: signature of key %s truncated to %u byte%s",
			      tsig_name_text(record->owner, name), record->mac_len,
			      plural(record->mac_len));
	}
	return 0;
}

static int check_record(struct tsig_server *server, const uint8_t *wire,
			const struct tsig_record *record, const knot_tsig_key_t *key, char *reason)
{
	size_t mac_len = key ? dnssec_tsig_algorithm_size(key->algorithm) : 0;
	size_t mac_min = mac_len / 2 > MAC_MIN ? mac_len / 2 : MAC_MIN;
	char name[TSIG_NAME_MAX];
	int ret;

	tsig_name_text(record->owner, name);
	if (!key || dnssec_tsig_algorithm_from_dname(record->algorithm) != key->algorithm) {
		server->error = KNOT_RCODE_BADKEY;
		return refuse(server, reason, "BADKEY: key %s %s", name,
			      key ? "with another algorithm" : "is unknown");
	}
	if (record->mac_len > mac_len || record->mac_len < mac_min)
		return refuse(server, reason, "signature of key %s has %u byte%s", name,
			      record->mac_len, plural(record->mac_len));
	ret = check_mac(server, key, wire, record, reason);
	if (ret < 0)
		return ret;
	server->sign_key = key;
	memcpy(server->mac, record->mac, record->mac_len);
	server->mac_len = record->mac_len;
	return check_time_and_truncation(server, record, mac_len, reason);
}

int tsig_server_check(struct tsig_server *server, const uint8_t *wire, size_t len,
		      const knot_tsig_key_t *(*find)(const knot_dname_t *name, void *ctx),
		      void *ctx, size_t *ret_len, char *reason)
{
	const knot_tsig_key_t *key;
	struct tsig_record record;
	int ret;

	*server = (struct tsig_server){0};
	switch (tsig_record_find(wire, len, &record)) {
	case 0:
		break;
	case -ENOENT:
		*ret_len = len;
		return 0;
	default:
		return refuse(server, reason,
			      "a malformed message, or a TSIG that is not its last record");
	}
	knot_dname_copy_lower(server->owner, record.owner);
	knot_dname_copy_lower(server->algorithm, record.algorithm);
	server->time_signed = record.time_signed;
	key = find(record.owner, ctx);
	ret = check_record(server, wire, &record, key, reason);
	if (ret == -EIO) {
		snprintf(reason, TSIG_REASON_MAX, "out of memory");
		server->sign_key = NULL;
	}
	if (ret < 0)
		return ret;
	server->key = key;
	*ret_len = record.at;
	return 0;
}

/* The record of the next message, its MAC still to be made (mac_len is what it will be). */
static void reply_record(const struct tsig_server *server, uint8_t other[6],
			 struct tsig_record *record)
{
	*record = (struct tsig_record){
		.time_signed = tsig_now(),
		.fudge = TSIG_FUDGE_S,
		.error = server->error,
		.mac = server->mac,
		.other = other,
	};
	knot_dname_copy_lower(record->owner, server->owner);
	knot_dname_copy_lower(record->algorithm, server->algorithm);
	if (server->sign_key)
		record->mac_len = dnssec_tsig_algorithm_size(server->sign_key->algorithm);
	else /* §5.3.2: not signed, so that it is not to be believed anyway */
		record->time_signed = server->time_signed;
	if (server->error == KNOT_RCODE_BADTIME) { /* §5.2.3 */
		knot_wire_write_u48(other, record->time_signed);
		record->time_signed = server->time_signed;
		record->other_len = 6;
	}
}

size_t tsig_server_room(const struct tsig_server *server)
{
	struct tsig_record record;
	uint8_t other[6];

	if (!server->sign_key && server->error == 0)
		return 0;
	reply_record(server, other, &record);
	return tsig_record_size(&record);
}

int tsig_server_sign(struct tsig_server *server, uint8_t *wire, size_t *len, size_t wire_max)
{
	struct dnssec_tsig_ctx *ctx;
	struct tsig_record record;
	uint8_t other[6];
	int ret;

	if (!server->sign_key && server->error == 0)
		return 0;
	reply_record(server, other, &record);
	record.original_id = knot_wire_get_id(wire);
	if (*len > wire_max || tsig_record_size(&record) > wire_max - *len)
		return -ENOSPC;
	if (server->sign_key) {
		ret = tsig_mac_begin(server->sign_key, server->mac, server->mac_len, &ctx);
		if (ret < 0)
			return ret;
		tsig_mac_message(ctx, wire, *len, record.original_id, knot_wire_get_arcount(wire));
		if (server->messages == 0)
			tsig_mac_variables(ctx, &record);
		else
			tsig_mac_timers(ctx, &record);
		ret = tsig_mac_end(ctx, server->mac);
		if (ret < 0)
			return ret;
		server->mac_len = (size_t)ret;
		server->messages++;
	}
	return tsig_record_put(&record, wire, len, wire_max);
}
