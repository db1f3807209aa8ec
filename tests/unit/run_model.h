/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A model of the XDP program's run, after xns_abi.h and nothing else: a question is looked up in
 * what image/ made, and the reply is put together and moved as the layouts say. It knows nothing of
 * answer/. Where the program searches a zone's order it asks the store, which has the same names in
 * the same order.
 */
#ifndef XNS_TEST_RUN_MODEL_H
#define XNS_TEST_RUN_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <libdnssec/nsec.h>

#include "image/image.h"

#define RUN_QNAME 12

enum run_fate {
	RUN_REPLY,
	RUN_PASS_NODE,	   /* a name or type that the builder marked */
	RUN_PASS_DNAME,	   /* below a DNAME that leads to more than an answer or denial */
	RUN_PASS_WILDCARD, /* a wildcard that is a delegation or a DNAME */
	RUN_PASS_DNSSEC,   /* proofs are for the stack */
	RUN_FATES,
};

/* An image as it lies in a map. */
struct run_blob {
	struct xns_image_key key;
	size_t len;
	uint8_t value[sizeof(struct xns_image_large)];
};

struct run_node {
	struct xns_name_key key;
	unsigned n_pages;
	struct xns_node page[XNS_NODE_PAGES];
	struct run_blob *blob;
	size_t n_blobs;
};

struct run_maps {
	struct xns_key key;
	struct store_txn *txn;
	struct image_builder *builder;
	const struct image_zone *zone;
	struct run_node *node;
	size_t n_nodes;
	struct xns_version version;
	struct run_blob version_blob[IMAGE_VERSION_BLOBS];
	size_t n_version_blobs;
};

/* ---- filling the maps ---- */

static inline void run_blob_put(struct run_blob *to, const struct image_blob *blob)
{
	static const size_t size[] = {XNS_IMAGE_TINY_MAX, XNS_IMAGE_SMALL_MAX, XNS_IMAGE_LARGE_MAX};
	unsigned class = blob->key.content % (1 << XNS_CLASS_BITS);

	assert_true(class <= XNS_CLASS_LARGE);
	assert_true(blob->len <= sizeof(struct xns_image_layout) + size[class]);
	assert_true(class == 0 || blob->len > sizeof(struct xns_image_layout) + size[class - 1]);
	to->key = blob->key;
	to->len = blob->len;
	memset(to->value, 0, sizeof(to->value));
	memcpy(to->value, blob->value, blob->len);
}

static inline int run_put_name(const knot_dname_t *name, void *ctx)
{
	struct run_maps *maps = ctx;
	const struct image_node *node;
	struct run_node *to;

	assert_int_equal(image_build(maps->builder, name, &node), 0);
	if (node->n_pages == 0)
		return 0;
	maps->node = realloc(maps->node, (maps->n_nodes + 1) * sizeof(*maps->node));
	to = &maps->node[maps->n_nodes++];
	to->key = node->key;
	to->n_pages = node->n_pages;
	memcpy(to->page, node->page, sizeof(to->page));
	to->n_blobs = node->n_blobs;
	to->blob = calloc(node->n_blobs + 1, sizeof(*to->blob));
	for (size_t i = 0; i < node->n_blobs; i++)
		run_blob_put(&to->blob[i], &node->blob[i]);
	return 0;
}

static inline void run_maps_build(struct run_maps *maps, const __u64 key[2], struct store_txn *txn,
				  const struct image_zone *zone)
{
	struct image_blob blob[IMAGE_VERSION_BLOBS];

	*maps = (struct run_maps){.txn = txn, .zone = zone};
	image_key_make(key, &maps->key);
	maps->builder = image_builder_new(&maps->key);
	image_builder_zone(maps->builder, txn, zone);
	assert_int_equal(image_each_name(txn, zone->stored, zone->apex, run_put_name, maps), 0);
	assert_int_equal(
		image_build_version(maps->builder, &maps->version, blob, &maps->n_version_blobs),
		0);
	for (size_t i = 0; i < maps->n_version_blobs; i++)
		run_blob_put(&maps->version_blob[i], &blob[i]);
}

static inline void run_maps_free(struct run_maps *maps)
{
	for (size_t i = 0; i < maps->n_nodes; i++)
		free(maps->node[i].blob);
	free(maps->node);
	image_builder_free(maps->builder);
}

static inline const struct run_node *run_find(const struct run_maps *maps, const knot_dname_t *name)
{
	struct xns_name_key key;

	image_name_key(&maps->key, name, &key);
	for (size_t i = 0; i < maps->n_nodes; i++)
		if (memcmp(&maps->node[i].key, &key, sizeof(key)) == 0)
			return &maps->node[i];
	return NULL;
}

/* ---- an image, taken apart ---- */

struct run_image {
	struct xns_image_head head;
	struct xns_image_layout layout;
	const uint8_t *bytes;
	const uint8_t *target;
	uint16_t pointer[XNS_POINTERS_MAX];
};

static inline void run_take_layout(struct run_image *image, const uint8_t *value, size_t room)
{
	size_t at;

	memcpy(&image->layout, value, sizeof(image->layout));
	image->bytes = value + sizeof(image->layout);
	at = image->head.len;
	if (image->layout.n_pointers + image->layout.target_len > 0)
		at = (at + 1) & ~(size_t)1;
	assert_true(image->layout.n_pointers <= XNS_POINTERS_MAX);
	memcpy(image->pointer, image->bytes + at,
	       image->layout.n_pointers * sizeof(image->pointer[0]));
	at += image->layout.n_pointers * sizeof(image->pointer[0]);
	image->target = image->layout.target_len > 0 ? image->bytes + at : NULL;
	if (image->target)
		assert_int_equal(knot_dname_wire_check(image->target,
						       image->target + image->layout.target_len,
						       NULL),
				 image->layout.target_len);
	assert_true(sizeof(image->layout) + at + image->layout.target_len <= room);
	assert_true(image->layout.additional <= image->head.len);
	for (unsigned i = 1; i < image->layout.n_pointers; i++)
		assert_true((image->pointer[i] & ~XNS_POINTER_OWN) >
			    (image->pointer[i - 1] & ~XNS_POINTER_OWN));
}

static inline void run_check_sums(const struct run_image *image)
{
	size_t first = image->layout.additional;

	assert_int_equal(image->head.sum, image_sum(image->bytes, first));
	assert_int_equal(image->layout.additional_sum,
			 image_sum(image->bytes + first, image->head.len - first));
}

static inline void run_take_blob(struct run_image *image, const struct run_blob *blob, size_t n,
				 __u64 owner, __u64 content)
{
	for (size_t i = 0; i < n; i++) {
		if (blob[i].key.content != content)
			continue;
		assert_true(blob[i].key.owner == owner);
		run_take_layout(image, blob[i].value, blob[i].len);
		run_check_sums(image);
		return;
	}
	fail_msg("an image is referred to that is not there");
}

/* RUN_REPLY and the image, or why not. */
static inline enum run_fate run_take_entry(const struct run_node *node, const struct xns_node *page,
					   const struct xns_type *type, struct run_image *ret)
{
	const uint8_t *at = (const uint8_t *)page + type->off, *end = (const uint8_t *)(page + 1);
	__u64 content;

	assert_int_equal(type->off % 8, 0);
	assert_true(type->off >= xns_node_begin(page->n_types));
	assert_true(at + sizeof(ret->head) <= end);
	memcpy(&ret->head, at, sizeof(ret->head));
	if (type->flags & XNS_TYPE_PASS)
		return RUN_PASS_NODE;
	at += sizeof(ret->head);
	if (!(type->flags & XNS_TYPE_INLINE)) {
		memcpy(&content, at, sizeof(content));
		run_take_blob(ret, node->blob, node->n_blobs, node->key.hash[0], content);
		return RUN_REPLY;
	}
	if (ret->head.flags & XNS_IMAGE_LAYOUT) {
		run_take_layout(ret, at, end - at);
	} else {
		assert_true(at + ret->head.len <= end);
		ret->layout = (struct xns_image_layout){.additional = ret->head.len};
		ret->bytes = at;
		ret->target = NULL;
	}
	run_check_sums(ret);
	return RUN_REPLY;
}

/* The entry for a type; NULL: none. */
static inline const struct xns_type *run_find_entry(const struct run_node *node, uint16_t qtype,
						    bool dnssec, const struct xns_node **ret_page)
{
	for (unsigned p = 0; p < node->n_pages; p++) {
		const struct xns_node *page = &node->page[p];

		assert_int_equal(!!(page->flags & XNS_NODE_MORE), p + 1 < node->n_pages);
		for (unsigned i = 0; i < page->n_types; i++)
			if (page->type[i].type == qtype &&
			    (dnssec || !(page->type[i].flags & XNS_TYPE_DO))) {
				*ret_page = page;
				return &page->type[i];
			}
		if (!(page->later & 1U << qtype % 32))
			return NULL;
	}
	return NULL;
}

/* ---- the reply in the making ---- */

struct run {
	struct run_maps *maps;
	const knot_dname_t *qname;
	size_t qname_len;
	uint16_t qtype;
	bool dnssec;
	uint8_t *wire;
	size_t len;
	unsigned an, ns, ar;
	struct run_image main;
	bool has_main;
	unsigned made_for; /* length of the name for which main was made */
	bool negative, nxdomain, yxdomain;
	/* below a DNAME: what goes behind main, and the records in it */
	uint8_t redirected[4096];
	size_t redirected_len;
	unsigned n_redirected;
	struct run_proof {
		struct xns_ref ref;
		struct run_blob blob;
	} proof[16];
	unsigned n_proofs;
};

static inline void run_move(struct run *run, size_t at, unsigned by)
{
	uint16_t pointer = knot_wire_read_u16(run->wire + at);

	assert_int_equal(pointer & 0xc000, 0xc000);
	knot_wire_write_u16(run->wire + at, pointer + by);
}

/* Bytes from..to of an image, which begins at `begin` (as if all of it were there). */
static inline void run_put(struct run *run, const struct run_image *image, size_t from, size_t to,
			   unsigned shift, unsigned own)
{
	memcpy(run->wire + run->len, image->bytes + from, to - from);
	for (unsigned i = 0; i < image->layout.n_pointers; i++) {
		size_t at = image->pointer[i] & ~XNS_POINTER_OWN;

		if (at >= from && at < to)
			run_move(run, run->len + at - from,
				 image->pointer[i] & XNS_POINTER_OWN ? own : shift);
	}
	run->len += to - from;
}

static inline void run_put_ref(struct run *run, const struct xns_ref *ref,
			       const struct run_blob *blob, size_t n_blobs)
{
	struct run_image image = {.head = ref->head};

	run_take_blob(&image, blob, n_blobs, ref->key.owner, ref->key.content);
	assert_int_equal(image.layout.additional, image.head.len);
	run_put(run, &image, 0, image.head.len,
		run->qname_len - knot_dname_size(run->maps->zone->apex), run->len);
	run->ns += image.head.nscount;
}

static inline void run_put_soa(struct run *run)
{
	const struct xns_version *version = &run->maps->version;

	run_put_ref(run,
		    run->dnssec && version->denial != XNS_DENIAL_NONE ? &version->soa_sig
								      : &version->soa,
		    run->maps->version_blob, run->maps->n_version_blobs);
}

static inline size_t run_finish(struct run *run)
{
	const struct run_image *image = &run->main;
	unsigned shift = run->has_main ? run->qname_len - run->made_for : 0;
	size_t split = run->has_main ? image->layout.additional : 0, middle;
	uint8_t flags = run->has_main ? image->head.flags : 0;

	if (run->has_main) {
		run->an = image->head.ancount;
		run->ns = image->head.nscount;
		run->ar = image->head.arcount;
		run_put(run, image, 0, split, shift, shift);
	}
	memcpy(run->wire + run->len, run->redirected, run->redirected_len);
	run->len += run->redirected_len;
	run->an += run->n_redirected;
	middle = run->len;
	if (run->negative || flags & XNS_IMAGE_SOA)
		run_put_soa(run);
	for (unsigned i = 0; i < run->n_proofs; i++)
		run_put_ref(run, &run->proof[i].ref, &run->proof[i].blob, 1);
	middle = run->len - middle;
	/* pointers before the split that lead behind it move, too: none do, they lead backwards */
	if (run->has_main)
		run_put(run, image, split, image->head.len, shift, shift + middle);
	knot_wire_set_ancount(run->wire, run->an);
	knot_wire_set_nscount(run->wire, run->ns);
	knot_wire_set_arcount(run->wire, run->ar);
	knot_wire_set_rcode(run->wire, run->yxdomain   ? KNOT_RCODE_YXDOMAIN
				       : run->nxdomain ? KNOT_RCODE_NXDOMAIN
						       : flags & XNS_IMAGE_RCODE);
	if (!(flags & XNS_IMAGE_NOAA))
		knot_wire_set_aa(run->wire);
	return run->len;
}

/* ---- proofs ---- */

static inline void run_add_proof(struct run *run, enum store_tree tree, const knot_dname_t *owner)
{
	struct run_proof *proof = &run->proof[run->n_proofs];
	struct image_blob blob;

	assert_true(run->n_proofs < 16);
	assert_int_equal(image_build_proof(run->maps->builder, tree, owner, &proof->ref, &blob), 0);
	assert_int_not_equal(proof->ref.head.len, 0);
	for (unsigned i = 0; i < run->n_proofs; i++)
		if (memcmp(&run->proof[i].ref.key, &proof->ref.key, sizeof(proof->ref.key)) == 0)
			return;
	run_blob_put(&proof->blob, &blob);
	run->n_proofs++;
}

static inline bool run_is_in_order(struct run *run, enum store_tree tree,
				   const struct store_node *node)
{
	const struct xns_version *version = &run->maps->version;
	knot_rrset_t rr;

	if (tree == STORE_NAMES)
		return store_node_has(node, KNOT_RRTYPE_NSEC);
	return store_node_rrset(node, KNOT_RRTYPE_NSEC3, &rr) == 0 &&
	       knot_nsec3_salt_len(rr.rrs.rdata) == version->salt_len &&
	       memcmp(knot_nsec3_salt(rr.rrs.rdata), version->salt, version->salt_len) == 0;
}

/* The last in the order that is not behind name; the last of all if none is. true: it is name. */
static inline bool run_seek(struct run *run, enum store_tree tree, const knot_dname_t *name,
			    knot_dname_storage_t ret)
{
	struct store_cursor *cursor;
	struct store_node node;
	knot_dname_storage_t last;
	int err;

	assert_int_equal(
		store_cursor_open(run->maps->txn, run->maps->zone->stored->id, tree, &cursor), 0);
	err = store_cursor_seek_le(cursor, name, ret, &node);
	while (err == 0 && !run_is_in_order(run, tree, &node))
		err = store_cursor_prev(cursor, ret, &node);
	if (err != 0) {
		assert_int_equal(tree, STORE_NSEC3);
		memcpy(last, name, knot_dname_size(name));
		memset(last + 1, 0xff, *last);
		err = store_cursor_seek_le(cursor, last, ret, &node);
		while (err == 0 && !run_is_in_order(run, tree, &node))
			err = store_cursor_prev(cursor, ret, &node);
		assert_int_equal(err, 0);
	}
	store_cursor_close(cursor);
	return knot_dname_is_equal(name, ret);
}

static inline void run_cover(struct run *run, const knot_dname_t *name)
{
	knot_dname_storage_t owner;

	run_seek(run, STORE_NAMES, name, owner);
	run_add_proof(run, STORE_NAMES, owner);
}

static inline void run_hash(struct run *run, const knot_dname_t *name, knot_dname_storage_t ret)
{
	struct xns_version *version = &run->maps->version;
	dnssec_nsec3_params_t params = {.algorithm = DNSSEC_NSEC3_ALGORITHM_SHA1,
					.salt = {.size = version->salt_len, .data = version->salt}};
	dnssec_binary_t data = {.size = knot_dname_size(name), .data = (uint8_t *)name}, hash = {0};
	unsigned bits = 0, have = 0, n = 1;

	assert_int_equal(dnssec_nsec3_hash(&data, &params, &hash), 0);
	for (size_t i = 0; i < hash.size; i++) {
		bits = (bits << 8 | hash.data[i]) & 0xffff;
		for (have += 8; have >= 5; have -= 5)
			ret[n++] = "0123456789abcdefghijklmnopqrstuv"[bits >> (have - 5) & 31];
	}
	free(hash.data);
	ret[0] = n - 1;
	memcpy(ret + n, run->maps->zone->apex, knot_dname_size(run->maps->zone->apex));
}

/* The NSEC3 that matches name, else (cover) the one that covers it. */
static inline bool run_nsec3(struct run *run, const knot_dname_t *name, bool match, bool cover)
{
	knot_dname_storage_t hash, owner;
	bool equal;

	run_hash(run, name, hash);
	equal = run_seek(run, STORE_NSEC3, hash, owner);
	if (equal ? match || cover : cover)
		run_add_proof(run, STORE_NSEC3, owner);
	return equal;
}

static inline void run_wildcard_of(const knot_dname_t *encloser, knot_dname_storage_t ret)
{
	memcpy(ret, "\1*", 2);
	memcpy(ret + 2, encloser, knot_dname_size(encloser));
}

static inline const knot_dname_t *run_next_closer(const knot_dname_t *name,
						  const knot_dname_t *encloser)
{
	while (!knot_dname_is_equal(name + *name + 1, encloser))
		name += *name + 1;
	return name;
}

/* The closest encloser that has an NSEC3, and that what is below it is not there. */
static inline const knot_dname_t *run_encloser_proof(struct run *run, const knot_dname_t *name,
						     const knot_dname_t *encloser)
{
	while (!run_nsec3(run, encloser, true, false)) {
		if (knot_dname_is_equal(encloser, run->maps->zone->apex))
			return NULL;
		encloser += *encloser + 1;
	}
	run_nsec3(run, run_next_closer(name, encloser), false, true);
	return encloser;
}

enum run_denied {
	RUN_NODATA,
	RUN_NXDOMAIN,
	RUN_WILDCARD_NODATA,
	RUN_EXPANDED,
};

static inline void run_prove_nsec(struct run *run, enum run_denied what, const knot_dname_t *name,
				  const knot_dname_t *encloser)
{
	knot_dname_storage_t wildcard;

	run_cover(run, name);
	if (what == RUN_NXDOMAIN || what == RUN_WILDCARD_NODATA) {
		run_wildcard_of(encloser, wildcard);
		run_cover(run, wildcard);
	}
}

static inline void run_prove_nsec3(struct run *run, enum run_denied what, const knot_dname_t *name,
				   const knot_dname_t *encloser)
{
	knot_dname_storage_t wildcard;

	switch (what) {
	case RUN_NODATA:
		if (!run_nsec3(run, name, true, false) &&
		    !knot_dname_is_equal(name, run->maps->zone->apex))
			run_encloser_proof(run, name, name + *name + 1);
		break;
	case RUN_NXDOMAIN:
		encloser = run_encloser_proof(run, name, encloser);
		if (!encloser)
			break;
		run_wildcard_of(encloser, wildcard);
		run_nsec3(run, wildcard, false, true);
		break;
	case RUN_WILDCARD_NODATA:
		run_encloser_proof(run, name, encloser);
		run_wildcard_of(encloser, wildcard);
		run_nsec3(run, wildcard, true, false);
		break;
	case RUN_EXPANDED:
		run_nsec3(run, run_next_closer(name, encloser), false, true);
		break;
	}
}

static inline enum run_fate run_prove(struct run *run, enum run_denied what,
				      const knot_dname_t *name, const knot_dname_t *encloser)
{
	if (!run->dnssec || run->maps->version.denial == XNS_DENIAL_NONE)
		return RUN_REPLY;
	if (run->maps->version.denial == XNS_DENIAL_STACK)
		return RUN_PASS_DNSSEC;
	if (run->maps->version.denial == XNS_DENIAL_NSEC)
		run_prove_nsec(run, what, name, encloser);
	else
		run_prove_nsec3(run, what, name, encloser);
	return RUN_REPLY;
}

/* ---- the look-up ---- */

/* The node of name, or of the deepest name above that there is. */
static inline const struct run_node *run_walk(struct run *run, const knot_dname_t *name,
					      const knot_dname_t **ret_at)
{
	const struct run_node *node;

	while (!(node = run_find(run->maps, name)))
		name += *name + 1;
	*ret_at = name;
	return node;
}

/* The name whose proofs an image lacks, as if it were asked for. */
static inline enum run_fate run_prove_target(struct run *run, const knot_dname_t *target)
{
	const knot_dname_t *at;
	const struct run_node *node = run_walk(run, target, &at);

	if (at == target)
		return run_prove(run, RUN_NODATA, target, NULL);
	if (!(node->page[0].flags & XNS_NODE_WILDCARD))
		return run_prove(run, RUN_NXDOMAIN, target, at);
	return run_prove(run,
			 run->main.head.flags & XNS_IMAGE_SOA ? RUN_WILDCARD_NODATA : RUN_EXPANDED,
			 target, at);
}

/* The entry for QTYPE in a node becomes the main image. *ret_there false: there is none. */
static inline enum run_fate run_main(struct run *run, const struct run_node *node,
				     const knot_dname_t *name, bool is_cut, bool *ret_there)
{
	bool other = node->page[0].flags & XNS_NODE_CNAME
			     ? run->qtype != KNOT_RRTYPE_RRSIG && run->qtype != KNOT_RRTYPE_NSEC
			     : is_cut;
	const struct xns_node *page = &node->page[0];
	const struct xns_type *type = NULL;
	enum run_fate fate;

	if (!is_cut || !other)
		type = run_find_entry(node, run->qtype, run->dnssec, &page);
	if (!type && other)
		type = run_find_entry(node, 0, run->dnssec, &page);
	*ret_there = type;
	if (!type)
		return RUN_REPLY;
	fate = run_take_entry(node, page, type, &run->main);
	if (fate != RUN_REPLY)
		return fate;
	run->has_main = true;
	run->made_for = knot_dname_size(name);
	if (!(run->main.head.flags & XNS_IMAGE_PROVE) || !run->dnssec)
		return RUN_REPLY;
	return run_prove_target(run, run->main.target ? run->main.target : name);
}

static inline enum run_fate run_wildcard(struct run *run, const knot_dname_t *encloser)
{
	knot_dname_storage_t name;
	const struct run_node *node;
	enum run_fate fate;
	bool there;

	run_wildcard_of(encloser, name);
	node = run_find(run->maps, name);
	assert_non_null(node);
	if (node->page[0].flags & XNS_NODE_PASS)
		return RUN_PASS_NODE;
	if (node->page[0].flags & (XNS_NODE_CUT | XNS_NODE_DNAME))
		return RUN_PASS_WILDCARD;
	fate = run_main(run, node, name, false, &there);
	if (fate != RUN_REPLY)
		return fate;
	run->negative = !there;
	return run_prove(run, there ? RUN_EXPANDED : RUN_WILDCARD_NODATA, run->qname, encloser);
}

/* ---- below a DNAME ---- */

static inline void run_redirect(struct run *run, const void *bytes, size_t len)
{
	assert_true(run->redirected_len + len <= sizeof(run->redirected));
	memcpy(run->redirected + run->redirected_len, bytes, len);
	run->redirected_len += len;
}

/* The records of an image that are all of its name, for `owner`. */
static inline enum run_fate run_rename(struct run *run, const struct run_image *image,
				       const knot_dname_t *owner)
{
	size_t at = 0;

	if (image->head.flags & ~XNS_IMAGE_LAYOUT || image->head.nscount || image->head.arcount)
		return RUN_PASS_DNAME;
	for (unsigned i = 0; i < image->head.ancount; i++) {
		const uint8_t *record = image->bytes + at;
		unsigned type = knot_wire_read_u16(record + 2);
		size_t len = 12 + knot_wire_read_u16(record + 10);

		if (knot_wire_read_u16(record) != (0xc000 | RUN_QNAME) || type == KNOT_RRTYPE_NS ||
		    type == KNOT_RRTYPE_CNAME || type == KNOT_RRTYPE_SOA ||
		    type == KNOT_RRTYPE_PTR || type == KNOT_RRTYPE_MX || type == KNOT_RRTYPE_MINFO)
			return RUN_PASS_DNAME;
		run_redirect(run, owner, knot_dname_size(owner));
		run_redirect(run, record + 2, len - 2);
		run->n_redirected++;
		at += len;
	}
	assert_int_equal(at, image->head.len);
	return RUN_REPLY;
}

/* What answers the name that a DNAME has led to; `from` is the DNAME's node. */
static inline enum run_fate run_reach(struct run *run, const struct run_node *from,
				      const knot_dname_t *name)
{
	const knot_dname_t *at;
	const struct run_node *node = run_walk(run, name, &at);
	bool exact = at == name, ds = exact && run->qtype == KNOT_RRTYPE_DS;
	const struct xns_node *page;
	const struct xns_type *type;
	struct run_image image;
	knot_dname_storage_t wildcard;
	enum run_fate fate;

	if (node->page[0].flags & XNS_NODE_PASS)
		return RUN_PASS_NODE;
	if ((node == from && (run->qtype == KNOT_RRTYPE_DNAME || run->qtype == KNOT_RRTYPE_RRSIG ||
			      run->qtype == KNOT_RRTYPE_ANY)) ||
	    (node->page[0].flags & XNS_NODE_CUT && !ds) ||
	    (node->page[0].flags & XNS_NODE_DNAME && !exact))
		return RUN_PASS_DNAME;
	if (!exact && !(node->page[0].flags & XNS_NODE_WILDCARD)) {
		run->negative = run->nxdomain = true;
		return run_prove(run, RUN_NXDOMAIN, name, at);
	}
	if (!exact) {
		run_wildcard_of(at, wildcard);
		node = run_find(run->maps, wildcard);
		assert_non_null(node);
		if (node->page[0].flags & XNS_NODE_PASS)
			return RUN_PASS_NODE;
		if (node->page[0].flags & (XNS_NODE_CUT | XNS_NODE_DNAME))
			return RUN_PASS_WILDCARD;
	}
	if (node->page[0].flags & XNS_NODE_CNAME && run->qtype != KNOT_RRTYPE_RRSIG &&
	    run->qtype != KNOT_RRTYPE_NSEC)
		return RUN_PASS_DNAME;
	type = run_find_entry(node, run->qtype, run->dnssec, &page);
	if (!type) {
		run->negative = true;
		return run_prove(run, exact ? RUN_NODATA : RUN_WILDCARD_NODATA, name, at);
	}
	fate = run_take_entry(node, page, type, &image);
	if (fate == RUN_REPLY)
		fate = run_rename(run, &image, name);
	return fate == RUN_REPLY && !exact ? run_prove(run, RUN_EXPANDED, name, at) : fate;
}

static inline enum run_fate run_dname(struct run *run, const struct run_node *node,
				      const knot_dname_t *owner)
{
	static const uint8_t cname[] = {0xc0, RUN_QNAME, 0, KNOT_RRTYPE_CNAME, 0, KNOT_CLASS_IN};
	size_t prefix_len = owner - run->qname;
	const struct xns_node *page;
	const struct xns_type *type = run_find_entry(node, KNOT_RRTYPE_DNAME, run->dnssec, &page);
	uint8_t name[2 * KNOT_DNAME_MAXLEN], len[2];
	enum run_fate fate;

	assert_non_null(type);
	assert_int_equal(node->page[0].flags & XNS_NODE_CNAME, 0);
	fate = run_take_entry(node, page, type, &run->main);
	if (fate != RUN_REPLY)
		return fate;
	assert_non_null(run->main.target);
	assert_int_equal(run->main.head.flags & ~XNS_IMAGE_LAYOUT, 0);
	assert_int_equal(run->main.layout.additional, run->main.head.len);
	run->has_main = true;
	run->made_for = knot_dname_size(owner);
	memcpy(name, run->qname, prefix_len);
	memcpy(name + prefix_len, run->main.target, run->main.layout.target_len);
	run->yxdomain = prefix_len + run->main.layout.target_len > KNOT_DNAME_MAXLEN;
	if (run->yxdomain)
		return RUN_REPLY;
	run_redirect(run, cname, sizeof(cname));
	run_redirect(run, run->main.bytes + (run->main.bytes[0] ? 6 : 5), 4); /* TTL */
	knot_wire_write_u16(len, knot_dname_size(name));
	run_redirect(run, len, sizeof(len));
	run_redirect(run, name, knot_dname_size(name));
	run->n_redirected++;
	knot_dname_to_lower(name);
	if (run->qtype == KNOT_RRTYPE_CNAME ||
	    knot_dname_in_bailiwick(name, run->maps->zone->apex) < 0)
		return RUN_REPLY;
	return run_reach(run, node, name);
}

static inline enum run_fate run_lookup(struct run *run)
{
	const knot_dname_t *at;
	const struct run_node *node = run_walk(run, run->qname, &at);
	uint8_t flags = node->page[0].flags;
	enum run_fate fate;
	bool there;

	if (flags & XNS_NODE_PASS && at == run->qname)
		return RUN_PASS_NODE;
	if (flags & XNS_NODE_CUT || at == run->qname) {
		fate = run_main(run, node, at,
				flags & XNS_NODE_CUT &&
					!(run->qtype == KNOT_RRTYPE_DS && at == run->qname),
				&there);
		if (fate != RUN_REPLY || there)
			return fate;
		run->negative = true;
		return run_prove(run, RUN_NODATA, run->qname, NULL);
	}
	if (flags & XNS_NODE_DNAME)
		return run_dname(run, node, at);
	if (flags & XNS_NODE_WILDCARD)
		return run_wildcard(run, at);
	run->negative = run->nxdomain = true;
	return run_prove(run, RUN_NXDOMAIN, run->qname, at);
}

/* The reply to a question, in wire (KNOT_WIRE_MAX_PKTSIZE bytes). */
static inline enum run_fate run_question(struct run_maps *maps, const knot_dname_t *qname,
					 uint16_t qtype, bool dnssec_ok, uint8_t *wire,
					 size_t *ret_len)
{
	static struct run run; /* large */
	enum run_fate fate;

	memset(&run, 0, sizeof(run));
	run.maps = maps;
	run.qname = qname;
	run.qname_len = knot_dname_size(qname);
	run.qtype = qtype;
	run.dnssec = dnssec_ok;
	run.wire = wire;
	memset(wire, 0, RUN_QNAME);
	knot_wire_set_qr(wire);
	knot_wire_set_qdcount(wire, 1);
	memcpy(wire + RUN_QNAME, qname, run.qname_len);
	knot_wire_write_u16(wire + RUN_QNAME + run.qname_len, qtype);
	knot_wire_write_u16(wire + RUN_QNAME + run.qname_len + 2, KNOT_CLASS_IN);
	run.len = RUN_QNAME + run.qname_len + 4;
	fate = run_lookup(&run);
	if (fate == RUN_REPLY)
		*ret_len = run_finish(&run);
	return fate;
}

#endif
