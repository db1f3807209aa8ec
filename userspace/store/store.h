/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The zone store: one LMDB environment in the database directory with every zone's content and
 * timers. A transfer is one write transaction; readers see a zone whole, as one serial, for as long
 * as their transaction is open. Names are kept in canonical order (RFC 4034 §6.1), so that the
 * neighbours of a name, its descendants and its closest encloser are each one seek away.
 *
 * Reading is for any thread (one transaction at a time for each thread); writing for one thread at
 * a time.
 */
#ifndef XNS_STORE_H
#define XNS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libknot/libknot.h>

#include "store/content.h"
#include "store/diff.h"

struct store;
struct store_txn;

/*
 * Opens or makes the environment in directory dir (which must exist). map_size: bound of the file
 * in bytes. A database that is damaged or not ours is put aside under another name (logged: which,
 * why), and a new one made: zones are then transferred anew. 0, or a negative errno (logged):
 * -EBUSY another process has it.
 */
int store_open(const char *dir, uint64_t map_size, struct store **ret);
void store_close(struct store *store);

/* A random number made with the database: two databases are never taken for one. */
uint64_t store_uuid(const struct store *store);

/* What is kept about a zone beside its records. */
struct store_zone {
	uint32_t id;	     /* stable while the zone is in the store; 1 and up */
	uint32_t serial;     /* of the SOA */
	uint64_t generation; /* of the content: grows with every commit that changed it; unique over
				the whole store */
	uint64_t records;
	int64_t refreshed_at; /* CLOCK_REALTIME s: when a primary last confirmed the content */
	int64_t expires_at;   /* CLOCK_REALTIME s: refreshed_at and SOA's expire, or as EXPIRE (RFC
				 7314) told; within the zone's bounds */
	uint32_t refresh_s, retry_s, expire_s; /* from the SOA */
	bool has_content;		       /* false: id given, never transferred */
	bool is_signed;			       /* has DNSKEY and RRSIG at the apex */
	uint8_t max_labels;		       /* most labels of any owner in it */
	/* the last transfer, for people */
	int64_t transferred_at; /* CLOCK_REALTIME s */
	uint64_t transfer_bytes, transfer_records;
	uint32_t transfer_ms;
	bool transfer_ixfr;
	char primary[64]; /* ADDR@PORT */
	/* the journal: differences that lead to serial */
	uint32_t journal_serial; /* it begins with the one from here; meaningless if journal_depth
				    is 0 */
	uint32_t journal_depth;	 /* differences */
	uint64_t journal_bytes;
};

int store_read_begin(struct store *store, struct store_txn **ret);
void store_read_end(struct store_txn *txn);
/* For a thread that reads often: let go of the snapshot (reset), take a new one (renew); cheaper
 * than end and begin. */
void store_read_reset(struct store_txn *txn);
int store_read_renew(struct store_txn *txn);

int store_write_begin(struct store *store, struct store_txn **ret);
int store_write_commit(struct store_txn *txn); /* frees txn in any case. -ENOSPC: disk or map full,
						  nothing changed */
void store_write_abort(struct store_txn *txn);

/* 0 or -ENOENT. apex: lower case. */
int store_zone_get(struct store_txn *txn, const knot_dname_t *apex, struct store_zone *ret);
/* Finds the zone, or makes it with a new id and no content. */
int store_zone_add(struct store_txn *txn, const knot_dname_t *apex, struct store_zone *ret);
/* Writes the fields that are not content: refreshed_at, expires_at, transfer_*, primary. */
int store_zone_update(struct store_txn *txn, const knot_dname_t *apex,
		      const struct store_zone *zone);
/* Removes the zone and its content. */
int store_zone_remove(struct store_txn *txn, const knot_dname_t *apex);
/* Calls fn for each zone until it returns non-zero, which is returned. */
int store_zone_each(struct store_txn *txn,
		    int (*fn)(const knot_dname_t *apex, const struct store_zone *zone, void *ctx),
		    void *ctx);

/* ---- content ---- */

/* The records at one name. Points into the database: valid until the transaction ends or (in a
 * write transaction) writes. */
struct store_node {
	const uint8_t *data;
	size_t len;
};

/* Names at or below an NSEC3 are kept apart, as they do not exist for questions (RFC 5155 §7.2.8).
 */
enum store_tree {
	STORE_NAMES,
	STORE_NSEC3,
};

/* The node of exactly this name (lower case), or -ENOENT: no records there (it may be an empty
 * non-terminal). */
int store_node_get(struct store_txn *txn, uint32_t zone_id, enum store_tree tree,
		   const knot_dname_t *name, struct store_node *ret);
/* Any record at a name strictly below this one? With store_node_get's -ENOENT: is it an empty
 * non-terminal? */
bool store_has_descendant(struct store_txn *txn, uint32_t zone_id, const knot_dname_t *name);

/*
 * The RRset of a type. ret's owner is NULL (the caller knows it), its rdata point into the
 * database. -ENOENT: none. For type RRSIG all signatures at the node, whatever they cover.
 */
int store_node_rrset(const struct store_node *node, uint16_t type, knot_rrset_t *ret);
bool store_node_has(const struct store_node *node, uint16_t type);
/* Next RRset in ascending order of type: *pos 0 for the first. false: no more. */
bool store_node_next(const struct store_node *node, size_t *pos, knot_rrset_t *ret);

/*
 * Each record of a node, one rdata at a time, by type and then as libknot sorts rdata. A signature
 * has the TTL of the RRset that it covers (RFC 4034 §3), or its original TTL if there is none: in
 * the database all signatures of a node are one RRset with one TTL. .node is set by the caller, all
 * else zero; node NULL: no records.
 */
struct store_records {
	const struct store_node *node;
	/* private */
	size_t pos, covered_pos;
	unsigned left;
	knot_rrset_t rr, covered;
};
bool store_record_next(struct store_records *records, knot_rrset_t *ret);

/* A cursor over a tree of a zone in canonical order. */
struct store_cursor;
int store_cursor_open(struct store_txn *txn, uint32_t zone_id, enum store_tree tree,
		      struct store_cursor **ret);
void store_cursor_close(struct store_cursor *cursor);
/* Each puts name and node at the cursor in the ret_ arguments: 0, or -ENOENT: none there (the
 * zone's end or beginning). */
int store_cursor_first(struct store_cursor *cursor, knot_dname_storage_t ret_name,
		       struct store_node *ret_node);
int store_cursor_next(struct store_cursor *cursor, knot_dname_storage_t ret_name,
		      struct store_node *ret_node);
int store_cursor_prev(struct store_cursor *cursor, knot_dname_storage_t ret_name,
		      struct store_node *ret_node);
/* The first name >= name. */
int store_cursor_seek(struct store_cursor *cursor, const knot_dname_t *name,
		      knot_dname_storage_t ret_name, struct store_node *ret_node);
/* The last name <= name (name itself if it is there). */
int store_cursor_seek_le(struct store_cursor *cursor, const knot_dname_t *name,
			 knot_dname_storage_t ret_name, struct store_node *ret_node);

/* Calls fn for each node of the zone, in canonical order, first those of STORE_NAMES, then those of
 * STORE_NSEC3, until it returns non-zero, which is returned. */
int store_node_each(struct store_txn *txn, uint32_t zone_id,
		    int (*fn)(knot_dname_t *name, const struct store_node *node, void *ctx),
		    void *ctx);

/* The name that a record of one of the types below refers to, as it is spelled there; NULL: another
 * type. */
const knot_dname_t *store_reference_target(uint16_t type, const knot_rdata_t *rdata);

/*
 * Owners in the zone whose CNAME, NS, MX, SRV, SVCB or HTTPS records name `target` (lower case;
 * below: or a name below it), in no given order, perhaps more than once: an index kept with the
 * content. fn as in store_zone_each.
 */
int store_reference_each(struct store_txn *txn, uint32_t zone_id, const knot_dname_t *target,
			 bool below, int (*fn)(const knot_dname_t *owner, void *ctx), void *ctx);

/* ---- changes ---- */

/* A name whose records changed. */
struct store_change {
	knot_dname_t *name;
	bool existed, exists; /* had / has records */
	bool was_cut, is_cut; /* NS below the apex */
	bool was_dname, is_dname;
};

struct store_changes {
	struct store_change *change; /* in canonical order; names of STORE_NAMES only */
	size_t n;
	knot_dname_t **nsec3; /* names of STORE_NSEC3 whose records changed, in the same order */
	size_t n_nsec3;
	uint64_t nodes_written; /* put or deleted in the database: the cost of the change */
	struct store_zone old_zone, new_zone;
};

void store_changes_free(struct store_changes *changes);

/* Of a zone, from its configuration. */
struct store_limits {
	uint64_t max_records;	    /* 0: no bound; content with more is refused with -EINVAL */
	uint64_t journal_max_usage; /* bytes; 0: no journal is kept */
	uint32_t journal_max_depth;
};

/* Does content of so many records keep within the limits? 0, or -EINVAL and the reason. */
int store_limits_check(const struct store_limits *limits, uint64_t records, char *reason,
		       size_t reason_len);

/*
 * Makes the finished content the zone's (which must be there, store_zone_add): writes only what
 * differs, counts generation up when anything does, sets serial, timers and flags from the content,
 * refreshed_at to now_s, expires_at to that and the SOA's expire. -EINVAL: above max_records
 * (store_limits_check says it in words).
 */
int store_zone_replace(struct store_txn *txn, const struct content *content,
		       const struct store_limits *limits, int64_t now_s,
		       struct store_changes **ret);

/*
 * The same by a difference: reads and writes what it names and nothing else, so its cost is that of
 * the change. All of it, or nothing (the transaction is then to be aborted): -ESTALE and the
 * reason: it does not lead from the zone's serial, removes what is not there or adds what is;
 * -EINVAL and the reason: what comes out breaks a rule that content_finish checks, or the limits.
 * Several differences make one change: the names that differ in the end.
 */
int store_zone_change(struct store_txn *txn, const struct diff *diff,
		      const struct store_limits *limits, int64_t now_s, char *reason,
		      size_t reason_len, struct store_changes **ret);

/* The whole zone in memory, not finished. 0, -ENOMEM, -ENOENT: it has no content. */
int store_zone_content(struct store_txn *txn, const knot_dname_t *apex, struct content **ret);

/* ---- the journal ---- */

/*
 * Every change of a zone's serial (by either function above) leaves one difference in the journal,
 * the net one; the oldest go when limits are passed. Content whose serial is not newer than the old
 * one's empties it.
 */
enum store_journal_part {
	JOURNAL_OLD_SOA, /* a difference begins */
	JOURNAL_REMOVED,
	JOURNAL_NEW_SOA,
	JOURNAL_ADDED,
};

struct store_journal;
/*
 * The differences from this serial to the current one, oldest first. -ENOENT: the journal does not
 * reach back to it (or it is the current one). Valid as long as txn's snapshot.
 */
int store_journal_open(struct store_txn *txn, uint32_t zone_id, uint32_t serial,
		       struct store_journal **ret);
void store_journal_close(struct store_journal *journal);
/* The next record: one rdata in ret (owner included, in ret_owner). -ENOENT: no more. */
int store_journal_next(struct store_journal *journal, enum store_journal_part *ret_part,
		       knot_dname_storage_t ret_owner, knot_rrset_t *ret);

/* ---- zones that the configuration file does not name ---- */

#define STORE_MEMBER_TEXT_MAX 256

/* Why a zone is held: a member of a catalog zone, or added by the operator (catalog is empty). */
struct store_member {
	knot_dname_storage_t catalog; /* apex; [0] == 0 and no unique: by the operator */
	knot_dname_storage_t unique;  /* owner of the member's PTR record (RFC 9432 §4.1) */
	char template_id[STORE_MEMBER_TEXT_MAX]; /* the group, or the template's name */
	bool by_operator;
};

int store_member_put(struct store_txn *txn, const knot_dname_t *apex,
		     const struct store_member *member);
/* 0 or -ENOENT */
int store_member_get(struct store_txn *txn, const knot_dname_t *apex, struct store_member *ret);
int store_member_remove(struct store_txn *txn, const knot_dname_t *apex);
int store_member_each(struct store_txn *txn,
		      int (*fn)(const knot_dname_t *apex, const struct store_member *member,
				void *ctx),
		      void *ctx);

#endif
