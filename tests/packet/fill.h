/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Map entries written by hand, byte for byte, for what publish never leaves in the maps for long,
 * or never at all. */
#ifndef XNS_TEST_FILL_H
#define XNS_TEST_FILL_H

#include "image/order.h"
#include "packet/rig.h"

#define FILL_ZONE 7 /* example.com */

/* The images that the tests expect back: what follows the question of any name. */
#define FILL_A	   "\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x01"
#define FILL_A_LEN 16

/* An image with all that can belong to it. */
struct fill_image {
	struct xns_image_head head; /* without len and sum */
	const void *bytes;
	size_t len;
	size_t additional; /* bytes of the additional section, at the end */
	uint16_t pointer[8];
	unsigned n_pointers;
	const char *target; /* a name, or NULL */
	bool has_layout;    /* inline: without one there is nothing but the bytes */
};

/* A rig that listens and holds example.com., an apex and nothing else. */
void fill_open(struct rig *rig);
/* The same as a group's setup, in fill_rig; _www: with an A record at www.example.com. */
extern struct rig fill_rig;
int fill_setup(void **state);
int fill_setup_www(void **state);
int fill_teardown(void **state);
/* The zone's entry: active, complete, no deadline near, SOA of serial 1 in slot 0, of 2 in slot 1.
 */
struct xns_zone fill_zone_default(const struct rig *rig);
void fill_zone(const struct rig *rig, const struct xns_zone *zone);
/* The same of another zone than example.com. */
void fill_other_zone(const struct rig *rig, uint32_t id, const struct xns_zone *zone);

/* The version with the negative SOA that has this MNAME label ("ns": even, "ns1": odd length). */
void fill_soa(const struct rig *rig, struct xns_version *ret, const char *mname, uint32_t serial);
/* Puts an image into the map of the smallest class that it fits. */
struct xns_ref fill_image(const struct rig *rig, const struct fill_image *image);
/* What an entry of the order's leaves has: the image as a proof that is no other's. */
void fill_proof(struct order_entry *entry, const struct fill_image *image);
/* Puts a page of the order; returns its key. */
struct xns_image_key fill_page(const struct rig *rig, const struct xns_order *page);
/* Puts an order with these entries, which ascend; returns its root. */
struct xns_image_key fill_order(const struct rig *rig, const struct order_entry *entry, size_t n);

/* A node's page 0 without types, of FILL_ZONE, labels as the name has. */
struct xns_node fill_node(const char *name);
/* Adds an answer with one record section to the node: inline, or with outside in the images maps
 * (put there by fill_put). */
void fill_type(const struct rig *rig, struct xns_node *node, uint16_t type, const void *bytes,
	       size_t len, bool outside);
/* flags: XNS_TYPE_*; without XNS_TYPE_INLINE (and _PASS) outside. */
void fill_entry(struct xns_node *node, uint16_t type, uint8_t flags,
		const struct fill_image *image);
void fill_put(const struct rig *rig, const char *map, const char *name, unsigned page,
	      const struct xns_node *node);
/* With XNS_KEY_ABOVE. */
void fill_put_above(const struct rig *rig, const char *map, const char *name,
		    const struct xns_node *node);
void fill_delete(const struct rig *rig, const char *map, const char *name);
/* The head of the node's i-th entry, to be changed. */
struct xns_image_head *fill_head(struct xns_node *node, unsigned i);

/* Asks fill_rig in every shape; counter says whether a reply is expected. text NULL: not looked at.
 */
void fill_ask(const struct ask *ask, enum xns_counter counter, const char *text);

/* A TXT record of exactly len bytes (at least 14) as an image. */
void fill_txt(uint8_t *ret, size_t len);

#endif
