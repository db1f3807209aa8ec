// SPDX-License-Identifier: GPL-3.0-or-later
/* TSIG as client: requests signed, replies checked (RFC 8945 §5.1, §5.3.1, §5.4). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <gnutls/gnutls.h>

#include "tsig/record.h"

static int __attribute__((format(printf, 2, 3))) refuse(char *reason, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, TSIG_REASON_MAX, fmt, args);
	va_end(args);
	return -EBADMSG;
}

void tsig_client_init(struct tsig_client *client, const knot_tsig_key_t *key)
{
	*client = (struct tsig_client){.key = key};
}

void tsig_client_free(struct tsig_client *client)
{
	dnssec_tsig_free(client->running);
	client->running = NULL;
}

int tsig_client_sign(struct tsig_client *client, uint8_t *buf, size_t *len, size_t buf_len)
{
	struct tsig_record record = {
		.time_signed = tsig_now(),
		.fudge = TSIG_FUDGE_S,
		.original_id = knot_wire_get_id(buf),
		.mac = client->mac,
	};
	struct dnssec_tsig_ctx *ctx;
	int ret;

	if (!client->key)
		return 0;
	knot_dname_copy_lower(record.owner, client->key->name);
	knot_dname_copy_lower(record.algorithm,
			      dnssec_tsig_algorithm_to_dname(client->key->algorithm));
	ret = tsig_mac_begin(client->key, NULL, 0, &ctx);
	if (ret < 0)
		return ret;
	tsig_mac_message(ctx, buf, *len, record.original_id, knot_wire_get_arcount(buf));
	tsig_mac_variables(ctx, &record);
	ret = tsig_mac_end(ctx, client->mac);
	if (ret < 0)
		return ret;
	client->mac_len = record.mac_len = (uint16_t)ret;
	client->time_signed = record.time_signed;
	return tsig_record_put(&record, buf, len, buf_len);
}

/* No key is configured for the server. */
static int check_without_key(const uint8_t *wire, size_t len, size_t *ret_len, char *reason)
{
	char name[TSIG_NAME_MAX];
	struct tsig_record record;

	if (tsig_record_find(wire, len, &record) == 0)
		return refuse(reason, "signed with TSIG key %s, though no key is configured",
			      tsig_name_text(record.owner, name));
	*ret_len = len;
	return 0;
}

static int check_unsigned(struct tsig_client *client, const uint8_t *wire, size_t len,
			  size_t *ret_len, char *reason)
{
	const knot_lookup_t *rcode = knot_lookup_by_id(knot_rcode_names, knot_wire_get_rcode(wire));
	char name[TSIG_NAME_MAX];
	int ret;

	if (client->messages == 0)
		return refuse(
			reason,
			"answered %s without a signature, though with key %s it had to be signed",
			rcode ? rcode->name : "an error", tsig_name_text(client->key->name, name));
	if (client->unsigned_in_row == TSIG_UNSIGNED_MAX)
		return refuse(
			reason,
			"more than %d messages in a row without a signature (RFC 8945 §5.3.1)",
			TSIG_UNSIGNED_MAX);
	if (!client->running) {
		ret = tsig_mac_begin(client->key, client->mac, client->mac_len, &client->running);
		if (ret < 0) {
			snprintf(reason, TSIG_REASON_MAX, "out of memory");
			return ret;
		}
	}
	tsig_mac_message(client->running, wire, len, knot_wire_get_id(wire),
			 knot_wire_get_arcount(wire));
	client->unsigned_in_row++;
	client->messages++;
	*ret_len = len;
	return 0;
}

/* Key, algorithm, MAC length: before anything is computed. */
static int check_form(const struct tsig_client *client, const struct tsig_record *record,
		      char *reason)
{
	const char *algorithm = dnssec_tsig_algorithm_to_name(client->key->algorithm);
	size_t mac_len = dnssec_tsig_algorithm_size(client->key->algorithm);
	char theirs[TSIG_NAME_MAX], ours[TSIG_NAME_MAX];

	if (!knot_dname_is_case_equal(record->owner, client->key->name))
		return refuse(reason, "signed with key %s, not with %s",
			      tsig_name_text(record->owner, theirs),
			      tsig_name_text(client->key->name, ours));
	if (dnssec_tsig_algorithm_from_dname(record->algorithm) != client->key->algorithm)
		return refuse(reason, "signed with algorithm %s, but key %s has %s",
			      tsig_name_text(record->algorithm, theirs),
			      tsig_name_text(client->key->name, ours), algorithm);
	if (record->mac_len == 0 && record->error != 0)
		return 0;
	if (record->mac_len != mac_len)
		return refuse(reason, "signature of key %s %s: %u bytes instead of %zu",
			      tsig_name_text(client->key->name, ours),
			      record->mac_len < mac_len ? "truncated" : "too long", record->mac_len,
			      mac_len);
	return 0;
}

/* The server told an error (§5.3.2): in words. Returns -EPERM. */
static int told(const struct tsig_client *client, const struct tsig_record *record, char *reason)
{
	char name[TSIG_NAME_MAX], skew[TSIG_SKEW_MAX] = "";
	const char *algorithm = dnssec_tsig_algorithm_to_name(client->key->algorithm);

	tsig_name_text(client->key->name, name);
	switch (record->error) {
	case KNOT_RCODE_BADKEY:
		refuse(reason, "answered BADKEY: it does not know key %s with %s", name, algorithm);
		break;
	case KNOT_RCODE_BADSIG:
		refuse(reason, "answered BADSIG: the secret of key %s is another there", name);
		break;
	case KNOT_RCODE_BADTIME:
		if (record->other_len == 6)
			tsig_skew_text(knot_wire_read_u48(record->other), tsig_now(), skew);
		refuse(reason, "answered BADTIME: its clock is %s ours",
		       skew[0] ? skew : "too far from");
		break;
	case KNOT_RCODE_BADTRUNC:
		refuse(reason, "answered BADTRUNC: the signature of key %s is too short for it",
		       name);
		break;
	default:
		refuse(reason, "answered TSIG error %u for key %s", record->error, name);
	}
	return -EPERM;
}

/* The MAC over this message and the unsigned ones before it. */
static int compute(struct tsig_client *client, const uint8_t *wire,
		   const struct tsig_record *record, uint8_t *mac)
{
	struct dnssec_tsig_ctx *ctx = client->running;

	client->running = NULL;
	if (!ctx && tsig_mac_begin(client->key, client->mac, client->mac_len, &ctx) < 0)
		return -EIO;
	tsig_mac_message(ctx, wire, record->at, record->original_id,
			 knot_wire_get_arcount(wire) - 1);
	if (client->messages == 0)
		tsig_mac_variables(ctx, record);
	else
		tsig_mac_timers(ctx, record);
	return tsig_mac_end(ctx, mac);
}

static int check_time(const struct tsig_client *client, const struct tsig_record *record,
		      char *reason)
{
	uint64_t now = tsig_now();
	uint64_t apart =
		record->time_signed > now ? record->time_signed - now : now - record->time_signed;
	char skew[TSIG_SKEW_MAX];

	if (apart > record->fudge)
		return refuse(reason,
			      "clock skew: its clock is %s ours, more than the %u s allowed",
			      tsig_skew_text(record->time_signed, now, skew), record->fudge);
	if (client->messages > 0 && record->time_signed < client->time_signed)
		return refuse(reason, "a message signed %llu s before the one that it follows",
			      (unsigned long long)(client->time_signed - record->time_signed));
	return 0;
}

static int check_signed(struct tsig_client *client, const uint8_t *wire,
			const struct tsig_record *record, char *reason)
{
	uint8_t mac[TSIG_MAC_MAX];
	char name[TSIG_NAME_MAX];
	int len, ret;

	ret = check_form(client, record, reason);
	if (ret < 0)
		return ret;
	if (record->mac_len == 0)
		return told(client, record, reason);
	len = compute(client, wire, record, mac);
	if (len < 0) {
		snprintf(reason, TSIG_REASON_MAX, "out of memory");
		return len;
	}
	if (len != record->mac_len || gnutls_memcmp(mac, record->mac, (size_t)len) != 0)
		return refuse(reason,
			      "wrong signature of key %s: another secret, or changed on the way",
			      tsig_name_text(client->key->name, name));
	if (record->error != 0)
		return told(client, record, reason);
	ret = check_time(client, record, reason);
	if (ret < 0)
		return ret;
	memcpy(client->mac, mac, (size_t)len);
	client->mac_len = (size_t)len;
	client->time_signed = record->time_signed;
	client->messages++;
	client->unsigned_in_row = 0;
	return 0;
}

int tsig_client_check(struct tsig_client *client, uint8_t *wire, size_t len, size_t *ret_len,
		      char *reason)
{
	struct tsig_record record;
	int ret;

	if (!client->key)
		return check_without_key(wire, len, ret_len, reason);
	switch (tsig_record_find(wire, len, &record)) {
	case 0:
		ret = check_signed(client, wire, &record, reason);
		if (ret < 0)
			return ret;
		knot_wire_set_arcount(wire, knot_wire_get_arcount(wire) - 1);
		*ret_len = record.at;
		return 0;
	case -ENOENT:
		return check_unsigned(client, wire, len, ret_len, reason);
	default:
		return refuse(reason, "a malformed message, or a TSIG that is not its last record");
	}
}

int tsig_client_end(const struct tsig_client *client, char *reason)
{
	if (client->key && client->unsigned_in_row > 0)
		return refuse(reason, "the last message is not signed (RFC 8945 §5.3.1)");
	return 0;
}
