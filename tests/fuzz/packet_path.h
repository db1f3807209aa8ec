/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The packet path (bpf/) as userspace code: its parsers, and whole runs on maps in memory. */
#ifndef XNS_FUZZ_PACKET_PATH_H
#define XNS_FUZZ_PACKET_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/kernel.h"
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

extern struct xns_config packet_path_config; /* its key is for the target to make */

/* fill: what lies in the program's memory before, which must not change anything. */
void packet_path(const uint8_t *frame, size_t len, uint8_t fill, struct packet_path *ret);

/* A whole run. */
struct packet_path_run {
	int verdict; /* XDP_* */
	enum xns_counter fate;
	size_t len;
	uint8_t frame[2 * PACKET_PATH_FRAME_MAX];
};

/* Room to grow at head and tail; maps: those of `kernel`. */
void packet_path_run(const struct kernel *kernel, const uint8_t *frame, size_t len, size_t head,
		     size_t tail, uint8_t fill, struct packet_path_run *ret);

/*
 * The key in a zone's order of the NSEC that matches or covers the name: n words; 0 or negative.
 * hash: its NSEC3 hash instead, with this salt.
 */
struct packet_path_key {
	unsigned words;
	__u64 word[XNS_ORDER_KEY_WORDS];
	uint32_t hash[5];
};
int packet_path_name_key(const uint8_t *name, bool wildcard, unsigned skip, unsigned apex_labels,
			 struct packet_path_key *ret);
int packet_path_hash(const uint8_t *name, bool wildcard, unsigned skip, const uint8_t *salt,
		     size_t salt_len, struct packet_path_key *ret);

#endif
