// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * TLS in both roles. First byte: bit 0 which of the two gets the rest (0 the server, 1 the client),
 * bit 1 the server wants a certificate of its client, bits 2 and 3 how:
 *   0 as it is, to one that has nobody else to talk to
 *   1 as edits of what the other one sends, from the first byte on
 *   2 as it is, when the handshake is done
 *   3 as edits, when the handshake is done
 * An edit has two bytes: what (low two bits: leave, change, leave out, insert) and by what or at
 * which distance.
 */
#include <errno.h>
#include <string.h>

#include "certificates.h"
#include "fuzz/fuzz.h"
#include "tls/tls.h"

static const uint8_t plain[] = "What the other one says, and says again, and nothing else.";

struct side {
	struct tls_session *session;
	bool failed;
	size_t got; /* plaintext */
};

static struct tls_context *client, *server, *strict_server;

static void set_up(void)
{
	static struct certificate ca, own;
	char reason[TLS_REASON_MAX];
	struct config_tls tls = {.hostname = (char *)"ns1.example"};

	if (client)
		return;
	certificate_make(&ca, true, &(struct certificate_what){.name = "CA"});
	certificate_make(&own, false,
			 &(struct certificate_what){.name = "ns1.example", .issuer = &ca});
	tls.ca_file = ca.cert_file;
	tls.cert_file = own.cert_file;
	tls.key_file = own.key_file;
	client = tls_context_client(&tls, reason);
	server = tls_context_server(own.cert_file, own.key_file, NULL, reason);
	strict_server = tls_context_server(own.cert_file, own.key_file, ca.cert_file, reason);
	CHECK(client && server && strict_server);
}

static void check_error(struct side *side, int err, const char *reason)
{
	char again[TLS_REASON_MAX] = "";

	CHECK(err == -EPROTO);
	fuzz_check_text(reason, TLS_REASON_MAX);
	CHECK(tls_feed(side->session, plain, 1, again) == -EPROTO);
	CHECK(strcmp(again, reason) == 0);
	CHECK(tls_write(side->session, plain, 1, again) == -EPROTO);
	side->failed = true;
}

/* Whatever came on the way: plaintext is what the other one wrote, from the beginning. */
static void feed(struct side *side, const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1), buf[700];
	char reason[TLS_REASON_MAX] = "";
	int err;

	CHECK(exact);
	memcpy(exact, bytes, len);
	if (side->failed)
		goto out;
	err = tls_feed(side->session, exact, len, reason);
	if (err < 0) {
		check_error(side, err, reason);
		goto out;
	}
	while ((err = tls_read(side->session, buf, sizeof(buf), reason)) > 0)
		for (int i = 0; i < err; i++)
			CHECK(buf[i] == plain[side->got++ % sizeof(plain)]);
	if (err == -EPIPE)
		side->failed = true;
	else if (err < 0)
		check_error(side, err, reason);
out:
	free(exact);
}

static void edit(struct side *side, const uint8_t *bytes, size_t len, const uint8_t **edits,
		 size_t *edits_len)
{
	uint8_t *edited = malloc(2 * len + 1);
	size_t at = 0, to = 0;

	CHECK(edited);
	while (at < len) {
		uint8_t what = *edits_len < 2 ? 0 : fuzz_take(edits, edits_len);
		size_t by = *edits_len < 1 ? len : fuzz_take(edits, edits_len);

		switch (what & 3) {
		case 0:
			by = by < len - at ? by : len - at;
			memcpy(edited + to, bytes + at, by);
			at += by;
			to += by;
			break;
		case 1:
			edited[to++] = bytes[at++] ^ (uint8_t)by;
			break;
		case 2:
			at += by < len - at ? by : len - at;
			break;
		case 3:
			/* not more than one for each byte of the original */
			if (to < len + at)
				edited[to++] = (uint8_t)by;
			break;
		}
		if (to == 2 * len)
			break;
	}
	feed(side, edited, to);
	free(edited);
}

static bool carry(struct side *from, struct side *to, const uint8_t **edits, size_t *edits_len)
{
	const uint8_t *out;
	size_t len = tls_output(from->session, &out);

	if (len == 0)
		return false;
	if (edits)
		edit(to, out, len, edits, edits_len);
	else
		feed(to, out, len);
	tls_output_sent(from->session, len);
	return true;
}

static void talk(struct side *victim, struct side *other, const uint8_t **edits, size_t *edits_len)
{
	bool went;

	do {
		went = carry(other, victim, edits, edits_len);
		went |= carry(victim, other, NULL, NULL);
	} while (went);
}

static void say(struct side *side, unsigned times)
{
	char reason[TLS_REASON_MAX];

	for (unsigned i = 0; i < times; i++)
		if (!side->failed)
			(void)tls_write(side->session, plain, sizeof(plain), reason);
}

/* As TCP gives it: in two pieces. */
static void feed_input(struct side *side, const uint8_t *data, size_t len)
{
	size_t first = len ? data[0] % len : 0;

	feed(side, data, first);
	feed(side, data + first, len - first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t flags = fuzz_take(&data, &len), how = flags >> 2 & 3;
	struct side sides[2] = {0}, *victim = &sides[flags & 1], *other = &sides[!(flags & 1)];
	char reason[TLS_REASON_MAX];

	set_up();
	sides[0].session = tls_session_new(flags & 2 ? strict_server : server);
	sides[1].session = tls_session_new(client);
	CHECK(sides[0].session && sides[1].session);
	CHECK(tls_start(sides[0].session, reason) == 0);
	CHECK(tls_start(sides[1].session, reason) == 0);

	if (how == 0) {
		feed_input(victim, data, len);
		CHECK(!tls_is_established(victim->session));
	} else if (how == 1) {
		say(other, 3);
		talk(victim, other, &data, &len);
	} else {
		talk(victim, other, NULL, NULL);
		CHECK(tls_is_established(victim->session) && !victim->failed);
		CHECK(tls_is_established(other->session) && !other->failed);
		say(other, 3);
		if (how == 2)
			feed_input(victim, data, len);
		else
			talk(victim, other, &data, &len);
	}
	tls_bye(victim->session);
	tls_bye(other->session);
	tls_session_free(sides[0].session);
	tls_session_free(sides[1].session);
	return 0;
}
