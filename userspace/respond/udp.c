/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * UDP: queries are received and replies sent in batches, one system call each. Nothing waits: what
 * does not go into the send buffer is dropped, as the network would.
 */
#include "respond/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "respond/internal.h"

#define BATCH 32
#define BATCHES_PER_TURN \
	16 /* then the other sockets have their turn, and the snapshot of the store is renewed */
#define QUERY_MAX 65536 /* memory is touched as far as datagrams are long */
#define REPLY_MAX 4096	/* config: max-udp-size is at most this */

struct udp_batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	struct sockaddr_storage from[BATCH];
	uint8_t query[BATCH][QUERY_MAX];
	uint8_t reply[BATCH][REPLY_MAX];
};

static int receive(struct udp_socket *udp)
{
	struct udp_batch *batch = udp->batch;

	for (unsigned i = 0; i < BATCH; i++) {
		batch->in_iov[i] = (struct iovec){batch->query[i], QUERY_MAX};
		batch->in[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->from[i],
			.msg_namelen = sizeof(batch->from[i]),
			.msg_iov = &batch->in_iov[i],
			.msg_iovlen = 1,
		};
	}
	return recvmmsg(udp->fd, batch->in, BATCH, MSG_DONTWAIT, NULL);
}

/* The replies to n queries are put in the batch; how many. */
static unsigned make_replies(struct udp_socket *udp, unsigned n)
{
	struct respond *respond = udp->respond;
	struct store_txn *txn = respond_txn(respond);
	struct udp_batch *batch = udp->batch;
	unsigned n_out = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct msghdr *in = &batch->in[i].msg_hdr;
		struct respond_query query = {
			.wire = batch->query[i],
			.len = batch->in[i].msg_len,
			.from = (const struct sockaddr *)&batch->from[i],
		};
		size_t len;

		respond_count(respond, RESPOND_UDP_QUERIES);
		len = respond_make(respond, txn, &query, batch->reply[n_out], REPLY_MAX);
		if (len == 0)
			continue;
		batch->out_iov[n_out] = (struct iovec){batch->reply[n_out], len};
		batch->out[n_out].msg_hdr = (struct msghdr){
			.msg_name = in->msg_name,
			.msg_namelen = in->msg_namelen,
			.msg_iov = &batch->out_iov[n_out],
			.msg_iovlen = 1,
		};
		n_out++;
	}
	return n_out;
}

/* sendmmsg stops at the first message that fails: step over that one, but not over all when the
 * buffer is full. */
static void send_replies(struct udp_socket *udp, unsigned n)
{
	unsigned sent = 0;

	while (sent < n) {
		int ret = sendmmsg(udp->fd, udp->batch->out + sent, n - sent, MSG_DONTWAIT);

		if (ret > 0) {
			sent += (unsigned)ret;
			continue;
		}
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM))
			break;
		respond_count(udp->respond, RESPOND_DROPPED);
		sent++;
	}
	for (; sent < n; sent++)
		respond_count(udp->respond, RESPOND_DROPPED);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct udp_socket *udp = poll->data;

	(void)status; /* an error of the socket: recvmmsg fetches it */
	(void)events;
	for (unsigned i = 0; i < BATCHES_PER_TURN; i++) {
		int n = receive(udp);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		send_replies(udp, make_replies(udp, (unsigned)n));
		if (n < BATCH)
			return;
	}
}

int udp_open(struct respond *respond, struct udp_socket *udp)
{
	int ret;

	udp->respond = respond;
	udp->batch = malloc(sizeof(*udp->batch));
	if (udp->batch == NULL)
		return -ENOMEM;
	ret = uv_poll_init(&respond->loop, &udp->poll, udp->fd);
	if (ret != 0)
		return ret;
	udp->poll.data = udp;
	return uv_poll_start(&udp->poll, UV_READABLE, on_readable);
}

void udp_close(struct udp_socket *udp)
{
	if (udp->fd != -1)
		close(udp->fd);
	free(udp->batch);
	udp->fd = -1;
	udp->batch = NULL;
}
