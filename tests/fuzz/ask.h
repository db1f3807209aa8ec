/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A query to the packet path, on the maps of a world, and to the world's responder: what leaves at
 * the interface says the same as what the sockets say.
 */
#ifndef XNS_FUZZ_ASK_H
#define XNS_FUZZ_ASK_H

#include "fuzz/packet_path.h"
#include "model/world.h"

/* A frame around a message, from a client to PACKET_PATH_PORT: up to 80 bytes more. Its length. */
#define ASK_FRAME_MORE 80
size_t ask_wrap(const uint8_t *message, size_t len, bool ipv6, bool vlan, uint8_t *frame);

#define ASK_IPV6    0x01
#define ASK_VLAN    0x02
#define ASK_NO_TAIL 0x04 /* no room at the tail: as veth */

/* Asks both, compares, and returns the packet's fate. */
enum xns_counter ask_both(struct world *world, const uint8_t *message, size_t len, unsigned how);

/* A query of one question; edns: with an OPT of this size (0: none). Returns its length. */
size_t ask_make(const uint8_t *qname, uint16_t qtype, uint16_t edns, bool dnssec_ok,
		uint8_t *ret_message);

#endif
