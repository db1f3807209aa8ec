/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The BPF object loaded for a group of tests, and runs of it with BPF_PROG_TEST_RUN. */
#ifndef XNS_TEST_RIG_H
#define XNS_TEST_RIG_H

#include <stdint.h>
#include <bpf/libbpf.h>

#include "packet/frame.h"
#include "xns_abi.h"

struct rig_segments;

struct rig {
	struct bpf_object *object;
	struct rig_segments *segments;
	int program;
	struct xns_config *config; /* the map's element */
};

/* A run's result. */
struct outcome {
	uint32_t verdict;
	enum xns_counter counter; /* that moved; XNS_COUNTER_COUNT: none, or not just one by one */
	size_t len;
	uint8_t frame[FRAME_MAX * 2];
};

extern const char *rig_object_path;
extern const char *const rig_counter_name[XNS_COUNTER_COUNT];

bool rig_is_answer(enum xns_counter counter);

/* Loads the object with small maps and does what the loader does: ABI version and key. Ends the
 * test on failure. */
void rig_open(struct rig *rig);
void rig_close(struct rig *rig);
/* "nodes_3": what is in that slot of `nodes` now. */
int rig_map(const struct rig *rig, const char *name);
/* The map in which an element with this key is, whether the map of that name is segmented or not.
 */
int rig_map_of(const struct rig *rig, const char *name, const void *key);
/* How many hash maps the map of that name is, and each of them. */
unsigned rig_parts(const struct rig *rig, const char *name);
int rig_part(const struct rig *rig, const char *name, unsigned number);
void rig_empty_map(const struct rig *rig, const char *name);
/* Makes segments, for publish_growth. ctx: the rig. */
int rig_make_segment(unsigned map, unsigned number, uint32_t max_entries, void *ctx);
/* Makes the addresses of frame.h listen addresses. For tests without publish. */
void rig_listen(struct rig *rig);

/* One run; the frame is at least 14 bytes, less the kernel refuses. */
void rig_run(const struct rig *rig, const uint8_t *frame, size_t len, struct outcome *ret);
/* The same without looking at the counters. */
void rig_run_quick(const struct rig *rig, const uint8_t *frame, size_t len, struct outcome *ret);
void rig_counters(const struct rig *rig, uint64_t ret[XNS_COUNTER_COUNT]);

/* Passed up, by this counter, untouched. `what` is for people. */
void rig_expect_pass(const struct rig *rig, const uint8_t *frame, size_t len,
		     enum xns_counter counter, const char *what);
/* Answered, by this counter, well-formed, and as text what is expected (NULL: anything). */
void rig_expect_reply(const struct rig *rig, const struct shape *shape, const uint8_t *frame,
		      size_t len, enum xns_counter counter, const char *text, const char *what,
		      struct outcome *ret);

#endif
