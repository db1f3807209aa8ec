// SPDX-License-Identifier: GPL-3.0-or-later
#include "notify/attempt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/message.h"
#include "tsig/tsig.h"
#include "util/address.h"

#define SOA_RDATA_MAX (2 * KNOT_DNAME_MAXLEN + 20)
/* Header, question, the SOA with a pointer as its owner, TSIG. */
#define WIRE_MAX \
	(KNOT_WIRE_HEADER_SIZE + KNOT_DNAME_MAXLEN + 4 + 12 + SOA_RDATA_MAX + TSIG_ROOM_MAX)
#define REPLY_MAX 4096

struct attempt {
	uv_udp_t udp;
	uv_timer_t timer;
	unsigned open_handles;
	struct attempt_request request; /* its pointers are valid while it starts, but the key */
	struct tsig_client tsig;
	bool sent;
	char ignored[TSIG_REASON_MAX]; /* what came but was not the answer */
	uint16_t id;
	size_t question_len, wire_len;
	uint8_t wire[WIRE_MAX];
	uint8_t reply[REPLY_MAX];
};

/* ---- the message ---- */

static void put_u16(struct attempt *attempt, uint16_t value)
{
	knot_wire_write_u16(attempt->wire + attempt->wire_len, value);
	attempt->wire_len += 2;
}

static void put(struct attempt *attempt, const void *bytes, size_t len)
{
	memcpy(attempt->wire + attempt->wire_len, bytes, len);
	attempt->wire_len += len;
}

/* RFC 1996 §3.7, §4. */
static int make_message(struct attempt *attempt, const struct attempt_request *request)
{
	const knot_rdata_t *rdata = request->soa->rrs.rdata;
	uint8_t ttl[4];

	if (rdata->len > SOA_RDATA_MAX)
		return -EMSGSIZE;
	attempt->id = (uint16_t)message_random();
	knot_wire_set_id(attempt->wire, attempt->id);
	knot_wire_set_opcode(attempt->wire, KNOT_OPCODE_NOTIFY);
	knot_wire_set_aa(attempt->wire);
	knot_wire_set_qdcount(attempt->wire, 1);
	knot_wire_set_ancount(attempt->wire, 1);
	attempt->wire_len = KNOT_WIRE_HEADER_SIZE;
	put(attempt, request->apex, knot_dname_size(request->apex));
	put_u16(attempt, KNOT_RRTYPE_SOA);
	put_u16(attempt, KNOT_CLASS_IN);
	attempt->question_len = attempt->wire_len - KNOT_WIRE_HEADER_SIZE;
	put_u16(attempt, KNOT_WIRE_PTR << 8 | KNOT_WIRE_HEADER_SIZE);
	put_u16(attempt, KNOT_RRTYPE_SOA);
	put_u16(attempt, KNOT_CLASS_IN);
	knot_wire_write_u32(ttl, request->soa->ttl);
	put(attempt, ttl, sizeof(ttl));
	put_u16(attempt, rdata->len);
	put(attempt, rdata->data, rdata->len);
	tsig_client_init(&attempt->tsig, request->key);
	return tsig_client_sign(&attempt->tsig, attempt->wire, &attempt->wire_len,
				sizeof(attempt->wire));
}

/* ---- its end ---- */

static void on_closed(uv_handle_t *handle)
{
	struct attempt *attempt = handle->data;
	void (*closed)(void *ctx) = attempt->request.closed;
	void *ctx = attempt->request.closed_ctx;

	if (--attempt->open_handles > 0)
		return;
	tsig_client_free(&attempt->tsig);
	free(attempt);
	if (closed != NULL)
		closed(ctx);
}

void attempt_cancel(struct attempt *attempt)
{
	if (attempt == NULL)
		return;
	uv_close((uv_handle_t *)&attempt->udp, on_closed);
	uv_close((uv_handle_t *)&attempt->timer, on_closed);
}

static void finish(struct attempt *attempt, enum attempt_outcome outcome, const char *reason)
{
	attempt_cancel(attempt); /* its memory stays for this turn of the loop */
	attempt->request.done(attempt->request.ctx, outcome, reason);
}

static void fail(struct attempt *attempt, const char *why)
{
	char reason[ATTEMPT_REASON_MAX];

	if (attempt->ignored[0] != '\0')
		snprintf(reason, sizeof(reason), "%s (ignored: %s)", why, attempt->ignored);
	else
		snprintf(reason, sizeof(reason), "%s", why);
	finish(attempt, ATTEMPT_FAILED, reason);
}

/* ---- the reply ---- */

/* What else comes to our port may be a guess of somebody: the reply may still come. */
static bool is_reply(struct attempt *attempt, const uint8_t *wire, size_t len)
{
	const char *why = NULL;

	if (len < KNOT_WIRE_HEADER_SIZE || !knot_wire_get_qr(wire) ||
	    knot_wire_get_opcode(wire) != KNOT_OPCODE_NOTIFY)
		why = "not a reply to a NOTIFY";
	else if (knot_wire_get_id(wire) != attempt->id)
		why = "a reply with another ID";
	else if (knot_wire_get_qdcount(wire) > 0 &&
		 (len < KNOT_WIRE_HEADER_SIZE + attempt->question_len ||
		  memcmp(wire + KNOT_WIRE_HEADER_SIZE, attempt->wire + KNOT_WIRE_HEADER_SIZE,
			 attempt->question_len) != 0))
		why = "a reply to another question";
	if (why != NULL)
		snprintf(attempt->ignored, sizeof(attempt->ignored), "%s", why);
	return why == NULL;
}

static void read_reply(struct attempt *attempt, uint8_t *wire, size_t len)
{
	char reason[ATTEMPT_REASON_MAX];
	const knot_lookup_t *name;
	int ret;

	if (!is_reply(attempt, wire, len))
		return;
	ret = tsig_client_check(&attempt->tsig, wire, len, &len, reason);
	if (ret == -EPERM) {
		finish(attempt, ATTEMPT_REFUSED, reason);
		return;
	}
	if (ret != 0) {
		snprintf(attempt->ignored, sizeof(attempt->ignored), "%.*s",
			 (int)sizeof(attempt->ignored) - 1, reason);
		return;
	}
	if (knot_wire_get_rcode(wire) == KNOT_RCODE_NOERROR) {
		finish(attempt, ATTEMPT_ACKNOWLEDGED, "");
		return;
	}
	name = knot_lookup_by_id(knot_rcode_names, knot_wire_get_rcode(wire));
	snprintf(reason, sizeof(reason), "answered %s", name ? name->name : "an unknown RCODE");
	finish(attempt, ATTEMPT_REFUSED, reason);
}

static void on_reply(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf, const struct sockaddr *from,
		     unsigned flags)
{
	struct attempt *attempt = udp->data;

	if (len < 0)
		fail(attempt, uv_strerror((int)len));
	else if (from == NULL) /* nothing more to read */
		return;
	else if (flags & UV_UDP_PARTIAL)
		snprintf(attempt->ignored, sizeof(attempt->ignored),
			 "a reply of more than %d bytes", REPLY_MAX);
	else
		read_reply(attempt, (uint8_t *)buf->base, (size_t)len);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct attempt *attempt = handle->data;

	(void)suggested;
	*ret = uv_buf_init((char *)attempt->reply, sizeof(attempt->reply));
}

/* ---- its beginning ---- */

static void on_timer(uv_timer_t *timer);

/* From the loop, as done is never called from within attempt_start. */
static void send_message(struct attempt *attempt)
{
	uv_buf_t buf = uv_buf_init((char *)attempt->wire, (unsigned)attempt->wire_len);
	int ret = uv_udp_try_send(&attempt->udp, &buf, 1, NULL);

	attempt->sent = true;
	/* A full socket buffer is like a lost packet. */
	if (ret < 0 && ret != UV_EAGAIN)
		fail(attempt, uv_strerror(ret));
	else
		uv_timer_start(&attempt->timer, on_timer, attempt->request.wait_ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct attempt *attempt = timer->data;

	if (!attempt->sent)
		send_message(attempt);
	else
		fail(attempt, "no answer");
}

/* Without a route connect fails at once: that too is told from the loop. */
static void open_socket(struct attempt *attempt, const struct attempt_request *request)
{
	int ret = 0;

	if (request->from != NULL)
		ret = uv_udp_bind(&attempt->udp, request->from, 0);
	if (ret == 0)
		ret = uv_udp_connect(&attempt->udp, request->to);
	if (ret == 0)
		ret = uv_udp_recv_start(&attempt->udp, on_alloc, on_reply);
	if (ret != 0) {
		snprintf(attempt->ignored, sizeof(attempt->ignored), "%s", uv_strerror(ret));
		attempt->sent = true;
	}
	uv_timer_start(&attempt->timer, on_timer, 0, 0);
}

int attempt_start(uv_loop_t *loop, const struct attempt_request *request, struct attempt **ret)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	int err;

	if (attempt == NULL)
		return -ENOMEM;
	attempt->request = *request;
	err = make_message(attempt, request);
	if (err == 0)
		err = uv_udp_init(loop, &attempt->udp);
	if (err != 0) {
		tsig_client_free(&attempt->tsig);
		free(attempt);
		return err;
	}
	uv_timer_init(loop, &attempt->timer);
	attempt->udp.data = attempt->timer.data = attempt;
	attempt->open_handles = 2;
	open_socket(attempt, request);
	*ret = attempt;
	return 0;
}
