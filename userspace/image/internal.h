/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of image/. */
#ifndef XNS_IMAGE_INTERNAL_H
#define XNS_IMAGE_INTERNAL_H

#include <endian.h>

#include "image/image.h"

#define IMAGE_ENTRIES_MAX (XNS_NODE_PAGES * XNS_NODE_TYPES)
#define IMAGE_HEAD_LEN	  sizeof(struct xns_image_head)
#define IMAGE_LAYOUT_LEN  sizeof(struct xns_image_layout)
#define IMAGE_VALUE_MAX	  (IMAGE_LAYOUT_LEN + XNS_IMAGE_LARGE_MAX)

/*
 * An image in the making: the bytes are written to value behind the room for the layout, the
 * pointers are noted; image_draft_finish does the rest.
 */
struct image_draft {
	struct xns_image_head head; /* without len and sum */
	uint8_t *value;		    /* IMAGE_VALUE_MAX bytes */
	size_t len;		    /* of the bytes so far */
	bool overflow;		    /* too many bytes or pointers */
	size_t additional;	    /* where that section begins; len: nothing goes before it */
	uint16_t pointer[XNS_POINTERS_MAX];
	unsigned n_pointers;
	const knot_dname_t *target; /* or NULL */
};

/* An image that is finished. */
struct image_made {
	struct xns_image_head head;
	const uint8_t *value; /* layout, bytes, pointers, target */
	size_t value_len;
};

/* -E2BIG: it is too large for an image. */
int image_draft_finish(struct image_draft *draft, struct image_made *ret);

void image_draft_put(struct image_draft *draft, const void *bytes, size_t len);
void image_draft_put_u16(struct image_draft *draft, uint16_t number);
void image_draft_put_u32(struct image_draft *draft, uint32_t number);
/* A compression pointer to `offset` that is to be moved (own: XNS_POINTER_OWN). */
void image_draft_put_pointer(struct image_draft *draft, uint16_t offset, bool own);

/* How an image is used under other names than the one it was made for. */
enum image_use {
	IMAGE_EXACT,	/* not at all */
	IMAGE_WILDCARD, /* for names that the wildcard matches */
	IMAGE_BELOW,	/* for names below it: of a delegation or DNAME */
};

/*
 * Notes the pointers of a message's sections, which begin at wire[question_end]; their bytes are in
 * the draft already. split: something may be put before the additional section, so note where that
 * begins, too.
 */
void image_draft_find_pointers(struct image_draft *draft, const uint8_t *wire, size_t question_end,
			       enum image_use use, bool split);

/* One type at a name before it is packed into pages. */
struct image_entry {
	uint16_t type;
	uint8_t flags;		/* XNS_TYPE_PASS, XNS_TYPE_TRIM, XNS_TYPE_DO */
	struct image_made made; /* with PASS only the head */
};

bool image_entry_same(const struct image_entry *a, const struct image_entry *b);

struct image_builder {
	struct xns_key key;
	struct store_txn *txn;
	struct image_zone zone;

	struct answer answer;
	uint8_t wire[KNOT_WIRE_MAX_PKTSIZE];
	knot_pkt_t *pkt;
	knot_dname_storage_t question; /* the name for which images are rendered */
	enum image_use use;

	struct image_entry entry[IMAGE_ENTRIES_MAX];
	size_t n_entries;
	bool pass; /* the whole name is for the stack */
	uint8_t arena[(IMAGE_ENTRIES_MAX + 2) * IMAGE_VALUE_MAX];
	size_t arena_used;
	struct image_node node;
	struct image_blob blob[IMAGE_ENTRIES_MAX];
	uint8_t soa[IMAGE_VALUE_MAX], soa_sig[IMAGE_VALUE_MAX], proof[IMAGE_VALUE_MAX];
	struct answer_denial denial;
	bool has_denial;
	_Atomic uint64_t walked;
};

/* Nothing yet for this name. */
void image_begin(struct image_builder *b, const knot_dname_t *name);
void image_add_entry(struct image_builder *b, struct image_entry entry, uint16_t type,
		     uint8_t flags);
bool image_is_held_below(struct image_builder *b, const knot_dname_t *name);

/* Has it records only that image_build_plain can do? */
bool image_node_is_plain(const struct image_builder *b, const struct store_node *node);
/*
 * b->node for a name that is no wildcard, has nothing below it, is not below a delegation, a DNAME
 * or a held zone, and not the apex. -E2BIG: image_build has to do it.
 */
int image_build_plain(struct image_builder *b, const knot_dname_t *name,
		      const struct store_node *node);

/*
 * The answer in b->answer as an image, in b's arena. ret->flags and the head are there in any case;
 * XNS_TYPE_PASS: it cannot be one. 0 or a negative errno.
 */
int image_render(struct image_builder *b, uint16_t qtype, struct image_entry *ret);

/* A DNAME on the way: which names lead to where it leads is not in the store's index of references,
 * so that the answer may change unseen. */
bool image_through_dname(const struct answer *answer);

/* SipHash-2-4 with 128 bits of output. */
void image_hash(const __u64 key[2], const uint8_t *bytes, size_t len, __u64 ret[2]);

/*
 * Lays the entries (ascending by type, for DO=1 first) out in the pages of node, whose key is
 * given, as are zone, flags and labels in the model. What does not go into a page becomes a blob;
 * blob has room for n of them.
 */
void image_pack(const __u64 key[2], const struct image_entry *entry, size_t n,
		const struct xns_node *model, struct image_node *node);

/* The key of an image that lies outside, and the blob. owner: see struct xns_image_key. */
void image_blob_make(const __u64 key[2], __u64 owner, const struct image_made *made,
		     struct image_blob *ret);

#endif
