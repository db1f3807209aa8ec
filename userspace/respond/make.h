/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XNS_RESPOND_MAKE_H
#define XNS_RESPOND_MAKE_H

#include "respond/respond.h"
#include "respond/transfer.h"

/* A message as it is being answered. */
struct request {
	struct store_txn *txn; /* may be NULL */
	const struct sockaddr *from;
	bool tcp, tls;
	size_t limit; /* of the reply */
	struct query query;
	struct tsig_server tsig;
};

/* The part of struct respond that respond_make works with. 0 or -ENOMEM. */
int make_init(struct respond *respond);
/* Also of one that make_init failed for, or that is all zeros. */
void make_free(struct respond *respond);

/* respond_make, but of a transfer over TCP nothing is made: it is begun, its messages are to be
 * fetched, and 0 is returned. *ret_transfer is NULL otherwise. */
size_t make_reply(struct respond *respond, struct store_txn *txn,
		  const struct respond_query *message, uint8_t *reply, size_t reply_max,
		  struct transfer **ret_transfer);

#endif
