/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libknot's packet writer over a reply, without allocating: its arrays lie in memory that is used
 * for one message after the other. */
#ifndef XNS_RESPOND_PACKET_H
#define XNS_RESPOND_PACKET_H

#include <stddef.h>
#include <stdint.h>
#include <libknot/libknot.h>

#include "respond/query.h"
#include "respond/reply.h"

/* Handed out from the front, all given back at once. */
struct packet_memory {
	uint8_t *base;
	size_t used;
};

/* 0 or -ENOMEM. */
int packet_memory_init(struct packet_memory *memory);
/* Also of one that is all zeros. */
void packet_memory_free(struct packet_memory *memory);

/*
 * A packet over reply's bytes up to its max, with the question in it and room for all RRsets that
 * fit into 64 KiB; at its answer section. Valid until the next call; nothing is to be freed. 0,
 * -ENOMEM, or -ENOSPC.
 */
int packet_begin(struct packet_memory *memory, const struct query *query, struct reply *reply,
		 knot_pkt_t **ret);

/*
 * Puts the RRset behind what is there; owner_at: where its owner's name stands already, or
 * KNOT_COMPR_HINT_NONE. 0; -ENOSPC: it does not fit, and the packet is as before; -EIO.
 */
int packet_put(knot_pkt_t *pkt, const knot_rrset_t *rr, uint16_t owner_at);

#endif
