// SPDX-License-Identifier: GPL-3.0-or-later
#include "respond/packet.h"

#include <errno.h>
#include <stdlib.h>

#include "answer/answer.h"

/*
 * libknot's packets grow by 16 RRsets at a time and copy all that they have: so they get what they
 * can need beforehand. That is the sections of an answer and the SOA with its signatures; more than
 * 64 KiB can hold of RRsets, as each takes 12 bytes or more.
 */
#define RRSETS_MAX  (3 * ANSWER_SECTION_MAX + 2)
#define MEMORY_SIZE (RRSETS_MAX * (sizeof(knot_rrset_t) + sizeof(knot_rrinfo_t)) + (64 << 10))
_Static_assert(RRSETS_MAX >= UINT16_MAX / 12, "a message full of RRsets");

static void *memory_alloc(void *ctx, size_t len)
{
	struct packet_memory *memory = ctx;
	size_t at = (memory->used + 15) & ~(size_t)15;

	if (len > MEMORY_SIZE - at)
		return NULL;
	memory->used = at + len;
	return memory->base + at;
}

static void memory_no_free(void *p)
{
	(void)p;
}

int packet_memory_init(struct packet_memory *memory)
{
	memory->base = malloc(MEMORY_SIZE);
	return memory->base != NULL ? 0 : -ENOMEM;
}

void packet_memory_free(struct packet_memory *memory)
{
	free(memory->base);
	memory->base = NULL;
}

int packet_begin(struct packet_memory *memory, const struct query *query, struct reply *reply,
		 knot_pkt_t **ret)
{
	knot_mm_t mm = {.ctx = memory, .alloc = memory_alloc, .free = memory_no_free};
	knot_pkt_t *pkt;

	memory->used = 0;
	pkt = knot_pkt_new(reply->wire, (uint16_t)reply->max, &mm);
	if (pkt == NULL)
		return -ENOMEM;
	knot_pkt_clear(pkt); /* new ones are made to be parsed: their header is what lay there */
	pkt->rr = memory_alloc(memory, RRSETS_MAX * sizeof(*pkt->rr));
	pkt->rr_info = memory_alloc(memory, RRSETS_MAX * sizeof(*pkt->rr_info));
	pkt->rrset_allocd = RRSETS_MAX;
	if (pkt->rr == NULL || pkt->rr_info == NULL)
		return -ENOMEM;
	if (knot_pkt_put_question(pkt, query->wire + QUERY_HEADER_LEN, query->qclass,
				  query->qtype) != KNOT_EOK)
		return -ENOSPC;
	knot_pkt_begin(pkt, KNOT_ANSWER);
	*ret = pkt;
	return 0;
}

int packet_put(knot_pkt_t *pkt, const knot_rrset_t *rr, uint16_t owner_at)
{
	/*
	 * libknot remembers the last name written in full, and later names point to it. It does not
	 * forget one whose RRset did not fit: the next RRset lies over it, and could come to point
	 * to itself.
	 */
	knot_compr_t before = pkt->compr;
	int ret = knot_pkt_put(pkt, owner_at, rr, KNOT_PF_NOTRUNC);

	if (ret == KNOT_EOK)
		return 0;
	pkt->compr.suffix = before.suffix;
	return ret == KNOT_ESPACE ? -ENOSPC : -EIO;
}
