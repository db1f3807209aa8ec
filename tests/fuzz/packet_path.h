/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The packet path's parsers (bpf/packet.h, bpf/query.h) to be called from the fuzz target. */
#ifndef XNS_FUZZ_PACKET_PATH_H
#define XNS_FUZZ_PACKET_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xns_abi.h"

#define PACKET_PATH_PORT      53 /* the listen map has it at every address */
#define PACKET_PATH_UNDECIDED XNS_COUNTER_COUNT
#define PACKET_PATH_FRAME_MAX 4096

struct packet_path {
	enum xns_counter packet_fate;
	uint16_t message, message_len;
	/* when packet_fate is UNDECIDED: */
	enum xns_counter fate;
	/* when it is UNDECIDED or XNS_ANSWER_BADVERS: */
	uint16_t name_len, type, udp_size;
	uint8_t labels, has_edns, version, dnssec_ok;
	uint8_t label[XNS_NAME_LABELS + 1];
	struct xns_name_key key[XNS_NAME_LABELS + 1]; /* of the name from each label on */
};

extern const struct xns_config packet_path_config;

/* fill: what lies in the program's memory before, which must not change anything. */
void packet_path(const uint8_t *frame, size_t len, uint8_t fill, struct packet_path *ret);

#endif
