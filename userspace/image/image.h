/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a name in the store to the entries of the maps, as bytes: a pure function of the zone's
 * content, the held zones and the hash key, so that any way to a serial leads to the same maps.
 * Knows no kernel.
 */
#ifndef XNS_IMAGE_H
#define XNS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libknot/libknot.h>

#include "xns_abi.h"
#include "answer/answer.h"
#include "store/content.h"
#include "store/store.h"

/* All keys, of 16 random bytes. */
void image_key_make(const __u64 random[2], struct xns_key *ret);
/* The key of `nodes`: name (wire, lower case), page 0. */
void image_name_key(const struct xns_key *key, const knot_dname_t *name, struct xns_name_key *ret);
struct xns_name_key image_page_key(struct xns_name_key key, unsigned page);

/* Ones'-complement sum, as in struct xns_image_head. */
uint16_t image_sum(const uint8_t *bytes, size_t len);

/* An image that lies outside of its node: the element of the map that its key says. */
struct image_blob {
	struct xns_image_key key;
	size_t len;	      /* layout, bytes, pointers and target */
	const uint8_t *value; /* begins with struct xns_image_layout */
};

/* What the maps hold for one name. */
struct image_node {
	struct xns_name_key
		key;	  /* of page 0; with XNS_KEY_ABOVE for the apex of a held zone below */
	unsigned n_pages; /* 0: the name is not in the maps */
	struct xns_node page[XNS_NODE_PAGES];
	struct image_blob *blob;
	size_t n_blobs;
};

struct image_builder;

/*
 * A builder for one zone as it is in txn. `held_below`: says whether a name is in a held zone below
 * this one (then it is not this zone's to publish); may be NULL. Valid as long as txn; call it
 * again for another.
 */
struct image_builder *image_builder_new(const struct xns_key *key);
void image_builder_free(struct image_builder *builder);
struct image_zone {
	const struct store_zone *stored;
	const knot_dname_t *apex;
	bool (*held_below)(const knot_dname_t *name, void *ctx);
	void *ctx;
};
void image_builder_zone(struct image_builder *builder, struct store_txn *txn,
			const struct image_zone *zone);

/* Records that the walk of image_build_each has come by so far, about. Any thread. */
uint64_t image_builder_walked(const struct image_builder *builder);

/*
 * Builds the entries of one name (lower case, in the zone). The result lives in the builder until
 * the next build. 0, or -ENOMEM or -EIO.
 */
int image_build(struct image_builder *builder, const knot_dname_t *name,
		const struct image_node **ret);

/* Makes the name that was built last one of which the maps have only that it is there: the stack
 * answers. */
void image_build_passed(struct image_builder *builder);

/*
 * What the zone's version has beside the order (`order` is left 0): SOA, how it denies, salt. The
 * blobs (ret_blob has room for IMAGE_VERSION_BLOBS) live in the builder until the next build. 0 or
 * a negative errno.
 */
#define IMAGE_VERSION_BLOBS 2
int image_build_version(struct image_builder *builder, struct xns_version *ret,
			struct image_blob *ret_blob, size_t *ret_n_blobs);

/*
 * The proof that stands at owner: its NSEC (tree STORE_NAMES) or NSEC3 and its signatures, as an
 * image for the authority section of any reply of the zone, which goes into a leaf of its order:
 * ret_ref->key is of no map, its content the proof's id. ret_ref's head.len 0: owner has none, or
 * it is too large for an image (then the zone's order must say so: XNS_DENIAL_STACK).
 */
int image_build_proof(struct image_builder *builder, enum store_tree tree,
		      const knot_dname_t *owner, struct xns_ref *ret_ref,
		      struct image_blob *ret_blob);

/*
 * The names whose entries may differ between two serials: those in changes, the empty non-terminals
 * above them, names whose CNAME chains lead to them, everything below a delegation or DNAME that
 * came or went. Sorted, each once.
 */
struct image_names {
	knot_dname_t **name;
	size_t n;
};
int image_affected(struct store_txn *txn, const knot_dname_t *apex,
		   const struct store_changes *changes, struct image_names *ret);
void image_names_free(struct image_names *names);

/*
 * Builds the entries of every name of the builder's zone that exists, empty non-terminals included,
 * and calls fn with them: what image_build makes of each, but many times faster, as the neighbours
 * tell what it has to look up. Stops when fn returns non-zero; returns that.
 */
int image_build_each(struct image_builder *builder,
		     int (*fn)(const knot_dname_t *name, const struct image_node *node, void *ctx),
		     void *ctx);

/*
 * The same for finished content that is not in the store yet, in two steps. First, without a look
 * at the store (the builder's txn is not used), the names that mean nothing to others and have
 * one page; ret_later, all zeros at first, says what was left out, and its node is to be freed.
 * Then, when the store has the content, the rest.
 */
struct image_later {
	struct image_later_node {
		uint32_t at : 31;    /* in the content: the empty non-terminals just above it */
		uint32_t itself : 1; /* and the name itself */
	} *node;
	size_t n, size;
	uint64_t records; /* of these names */
};
int image_build_ahead(struct image_builder *builder, const struct content *content,
		      int (*fn)(const knot_dname_t *name, const struct image_node *node, void *ctx),
		      void *ctx, struct image_later *ret_later);
int image_build_later(struct image_builder *builder, const struct content *content,
		      const struct image_later *later,
		      int (*fn)(const knot_dname_t *name, const struct image_node *node, void *ctx),
		      void *ctx);

/* Calls fn for every name of the zone that exists, empty non-terminals included, each once. Stops
 * when fn returns non-zero; returns that. */
int image_each_name(struct store_txn *txn, const struct store_zone *zone, const knot_dname_t *apex,
		    int (*fn)(const knot_dname_t *name, void *ctx), void *ctx);

#endif
