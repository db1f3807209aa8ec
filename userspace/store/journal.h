/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private to store: the journal on the disk, and writing it. A difference has the keys
 *
 *   zone id, number, 0, 0      struct journal_head, old SOA, new SOA
 *   zone id, number, 1, 0...   what it removes, in pieces of whole records
 *   zone id, number, 2, 0...   what it adds
 *
 * all big-endian. Numbers ascend by one. Removed and added records come name by name, so each goes
 * to the open piece of its part: no more than two pieces are in memory.
 */
#ifndef XNS_JOURNAL_H
#define XNS_JOURNAL_H

#include "store/private.h"

struct journal_key {
	uint8_t zone_id[4], number[4], part[2], piece[4];
};

enum journal_key_part {
	PART_HEAD,
	PART_REMOVED,
	PART_ADDED,
};

struct journal_head {
	uint32_t old_serial, new_serial;
	uint64_t bytes; /* of all its keys and values */
};

/* Then the owner, padded to an even length; none (0): as the record before in the same piece. Then
 * the rdata as libknot has them. */
struct journal_record {
	uint16_t type, owner_len;
	uint32_t ttl;
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct journal_key) == 14, "even, as of nodes");
_Static_assert(sizeof(struct journal_head) == 16, "no padding");
_Static_assert(sizeof(struct journal_record) == 8, "no padding");

/* Two to a page: larger values would need pages in a row, which LMDB looks for in vain when the
 * free ones lie scattered. A record that is larger is a piece of its own. */
#define JOURNAL_PIECE 2000

struct journal_piece {
	uint8_t bytes[JOURNAL_PIECE];
	size_t len;
	uint32_t number;
	knot_dname_storage_t owner; /* of the last record */
};

/* A difference that is being written. */
struct journal {
	struct store_limits limits;
	struct store_txn *txn;
	bool is_writing; /* so far: false, the journal is emptied if anything changes */
	struct journal_key key;
	struct journal_head head;
	struct journal_piece *piece; /* of head, removed, added */
};

/* before: the apex as it was, NULL: no content; soa: the new one. */
int journal_begin(struct journal *journal, struct store_txn *txn, const struct store_zone *old_zone,
		  const knot_dname_t *apex, const struct store_node *before,
		  const knot_rrset_t *soa);
int journal_note(struct journal *journal, const knot_dname_t *owner,
		 const struct store_node *before, const struct store_node *after);
/* Sets zone's journal_ fields; `changed`: is the new content another one? */
int journal_end(struct journal *journal, struct store_zone *zone, bool changed);
void journal_abort(struct journal *journal);

/* ---- reading ---- */

void journal_key_set(struct journal_key *key, uint32_t number, enum journal_key_part part,
		     uint32_t piece);
uint32_t journal_key_number(const struct journal_key *key);

/* The head of a zone's first or last difference. 0, -ENOENT: it has none, or another error. */
int journal_head_end(struct store_txn *txn, uint32_t zone_id, bool last,
		     struct journal_key *ret_key, struct journal_head *ret_head);

/*
 * The record at data: the bytes it has there, or -EBADMSG. ret->owner is owner, which is set where
 * the record has one of its own.
 */
int journal_record_read(const uint8_t *data, size_t len, knot_dname_storage_t owner,
			knot_rrset_t *ret);

#endif
