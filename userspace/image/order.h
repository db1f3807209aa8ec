/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of a zone (struct xns_order): a tree of pages that finds the last key that is not
 * behind another one. Knows no kernel: pages are read and written through callbacks.
 *
 * Its shape is a function of the entries alone, so that a tree that was brought along by changes
 * has the same pages as one that was built anew:
 *
 *   - The entries of a level are cut into runs: one begins at the first entry, and wherever bits of
 *     the keyed hash of an entry's key, others for each level, say so: every 32nd on average.
 *   - A run is cut into pages from its beginning on, each filled as far as it goes.
 *   - The entries of the level above are the pages of this one, each under its first key.
 *   - The first level with only one page is the root's.
 *
 * A change therefore reaches no further than the run that it falls into, on each level; and who
 * does not know the hash's key cannot make runs long or short.
 */
#ifndef XNS_ORDER_H
#define XNS_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libknot/dname.h>

#include "image/image.h"

/* Words whose most significant octet is the first of the key's, without zero octets at the end. */
struct order_key {
	unsigned n;
	__u64 word[XNS_ORDER_KEY_WORDS];
};

/* Of an NSEC's owner, which is in the zone. */
void order_key_name(const knot_dname_t *apex, const knot_dname_t *owner, struct order_key *ret);
/*
 * Of an NSEC3's owner: 0, or -EINVAL: not one label of 32 digits of base32hex below the apex; or
 * the hash of zeros only, whose key is the one that refers to the last NSEC3.
 */
int order_key_hash(const knot_dname_t *apex, const knot_dname_t *owner, struct order_key *ret);
/* As memcmp. */
int order_key_compare(const struct order_key *a, const struct order_key *b);

/* An entry of a page: a key and what it has, in words. */
#define ORDER_DATA_WORDS ((sizeof(struct xns_proof) + XNS_IMAGE_LARGE_MAX) / sizeof(__u64))
struct order_entry {
	struct order_key key;
	unsigned n_words;
	__u64 word[ORDER_DATA_WORDS];
};

/* On a leaf: the proof, as image_build_proof makes it. */
void order_entry_set_proof(struct order_entry *entry, const struct xns_ref *ref,
			   const struct image_blob *blob);
/* Above the leaves: the page below. */
void order_entry_set_page(struct order_entry *entry, const struct xns_image_key *page);

/* Where pages lie. Each returns 0 or a negative errno, which ends the call that it was made from.
 */
struct order_io {
	/* -ENOENT: there is no such page. */
	int (*get)(const struct xns_image_key *key, struct xns_order *ret, void *ctx);
	/* A page of the new tree; it may be there already. */
	int (*put)(const struct xns_image_key *key, const struct xns_order *page, void *ctx);
	/* order_update: a page that is not in the new tree, of the old one or put before. To be
	 * kept readable until the call ends. */
	int (*drop)(const struct xns_image_key *key, void *ctx);
	void *ctx;
};

static inline bool order_is_empty(const struct xns_image_key *root)
{
	return root->owner == 0 && root->content == 0;
}

/*
 * From entries in ascending order of their keys to a tree: begin, add, end, free. The hash's key is
 * that of the maps. ret_root: all zero, if there was no entry. -E2BIG: more levels than there may
 * be.
 */
struct order_builder;
struct order_builder *order_builder_new(const __u64 hash_key[2], const struct order_io *io);
int order_builder_add(struct order_builder *builder, const struct order_entry *entry);
int order_builder_end(struct order_builder *builder, struct xns_image_key *ret_root);
void order_builder_free(struct order_builder *builder);

/* An entry that is to be there, or is not. */
struct order_edit {
	struct order_entry entry;
	bool gone;
};

/*
 * From an old tree and edits, in ascending order of their keys, each key once, to the new tree; the
 * cost is of the order of the edits. next: puts the next edit in *ret and returns 1, or 0: no more,
 * or a negative errno. -ENOENT, -EBADMSG: the old tree is not whole.
 */
int order_update(const __u64 hash_key[2], const struct order_io *io,
		 const struct xns_image_key *old_root,
		 int (*next)(struct order_edit *ret, void *ctx), void *next_ctx,
		 struct xns_image_key *ret_root);

/* ---- pages ---- */

/* Is it one that may be read with the functions below? */
bool order_page_is_valid(const struct xns_order *page);
void order_page_entry(const struct xns_order *page, unsigned i, struct order_entry *ret);
/* Above the leaves: the page below the i-th entry. */
struct xns_image_key order_page_below(const struct xns_order *page, unsigned i);
/* The last entry that is not behind key; -1: all are. */
int order_page_find(const struct xns_order *page, const struct order_key *key);
void order_page_key(const __u64 hash_key[2], const struct xns_order *page,
		    struct xns_image_key *ret);

/* Does a run of this level begin at this key, wherever it stands? */
bool order_begins_run(const __u64 hash_key[2], const struct order_key *key, unsigned level);

/* A page that is being filled. */
#define ORDER_ENTRIES_MAX (XNS_ORDER_WORDS * 2 / 5) /* of two and a half words */
struct order_fill {
	unsigned level, n, n_data;
	__u64 first[ORDER_ENTRIES_MAX];
	uint16_t key_words[ORDER_ENTRIES_MAX];
	uint16_t at[ORDER_ENTRIES_MAX]; /* in data */
	__u64 data[XNS_ORDER_WORDS];
};

void order_fill_begin(struct order_fill *fill, unsigned level);
/* false: no room. */
bool order_fill_add(struct order_fill *fill, const struct order_entry *entry);
void order_fill_write(const struct order_fill *fill, struct xns_order *ret);
/* The first key. */
void order_fill_first(const struct order_fill *fill, struct order_key *ret);

/* For order_update, whose trees may have to grow above the old root: as order_builder_new, but the
 * entries are those of this level. */
struct order_builder *order_builder_at(const __u64 hash_key[2], const struct order_io *io,
				       unsigned level);

#endif
