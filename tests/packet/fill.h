/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Map entries written by hand, byte for byte, for what publish never leaves in the maps for long,
 * or never at all. */
#ifndef XNS_TEST_FILL_H
#define XNS_TEST_FILL_H

#include "packet/rig.h"

#define FILL_ZONE 7 /* example.com */

/* The images that the tests expect back: what follows the question of any name. */
#define FILL_A	   "\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x01"
#define FILL_A_LEN 16

/* The zone's entry: active, complete, no deadline near, SOA of serial 1 in slot 0, of 2 in slot 1.
 */
/* A rig that listens and holds example.com., an apex and nothing else. */
void fill_open(struct rig *rig);
struct xns_zone fill_zone_default(const struct rig *rig);
void fill_zone(const struct rig *rig, const struct xns_zone *zone);

/* The negative SOA with this MNAME label ("ns": even, "ns1": odd length), stored; the text of its
 * record follows. */
void fill_soa(const struct rig *rig, struct xns_soa *ret, const char *mname, uint32_t serial);

/* A node's page 0 without types, of FILL_ZONE, labels as the name has. */
struct xns_node fill_node(const char *name);
/* Adds an answer with one record section to the node: inline, or with outside in the images maps.
 */
void fill_type(const struct rig *rig, struct xns_node *node, uint16_t type, const void *bytes,
	       size_t len, bool outside);
void fill_put(const struct rig *rig, const char *map, const char *name, unsigned page,
	      const struct xns_node *node);
void fill_delete(const struct rig *rig, const char *map, const char *name);

/* A TXT record of exactly len bytes (at least 14) as an image. */
void fill_txt(uint8_t *ret, size_t len);

#endif
