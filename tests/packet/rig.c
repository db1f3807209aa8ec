/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "image/image.h"
#include "packet/rig.h"
#include "publish/segment.h"

/* Small, so that the tests run in a small virtual machine too. */
#define TEST_ENTRIES 8192
#define SEGMENTS     (SEGMENTED_MAPS * XNS_SEGMENTS)

/* What was in the slots when it was last looked at. */
struct rig_segments {
	struct {
		uint32_t id;
		int fd;
	} at[SEGMENTED_MAPS][XNS_SEGMENTS];
};

const char *rig_object_path;
const char *const rig_counter_name[XNS_COUNTER_COUNT] = {
#define X(id, name, text) [XNS_##id] = name,
	XNS_COUNTERS(X)
#undef X
};

bool rig_is_answer(enum xns_counter counter)
{
	return counter < XNS_COUNTER_COUNT && strncmp(rig_counter_name[counter], "answer-", 7) == 0;
}

static int print_warnings(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static int outer_map(const struct rig *rig, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(rig->object, name);

	if (fd < 0)
		fail_msg("no map %s in %s", name, rig_object_path);
	return fd;
}

static unsigned kind_of(const char *name, size_t len)
{
	unsigned map = 0;

	while (map < SEGMENTED_MAPS && (strlen(segment_kinds[map].name) != len ||
					memcmp(segment_kinds[map].name, name, len) != 0))
		map++;
	return map;
}

/* publish/ may have put another there. */
static int segment_fd(const struct rig *rig, unsigned map, uint32_t number)
{
	uint32_t id;

	assert_int_equal(bpf_map_lookup_elem(outer_map(rig, segment_kinds[map].name), &number, &id),
			 0);
	if (rig->segments->at[map][number].id != id) {
		if (rig->segments->at[map][number].fd > 0)
			close(rig->segments->at[map][number].fd);
		rig->segments->at[map][number].fd = bpf_map_get_fd_by_id(id);
		rig->segments->at[map][number].id = id;
	}
	assert_true(rig->segments->at[map][number].fd >= 0);
	return rig->segments->at[map][number].fd;
}

int rig_map(const struct rig *rig, const char *name)
{
	const char *number = strrchr(name, '_');
	unsigned map = number ? kind_of(name, number - name) : SEGMENTED_MAPS;

	return map < SEGMENTED_MAPS ? segment_fd(rig, map, atoi(number + 1)) : outer_map(rig, name);
}

unsigned rig_parts(const struct rig *rig, const char *name)
{
	(void)rig;
	return kind_of(name, strlen(name)) < SEGMENTED_MAPS ? XNS_SEGMENTS : 1;
}

int rig_part(const struct rig *rig, const char *name, unsigned number)
{
	unsigned map = kind_of(name, strlen(name));

	return map < SEGMENTED_MAPS ? segment_fd(rig, map, number) : outer_map(rig, name);
}

void rig_empty_map(const struct rig *rig, const char *name)
{
	for (unsigned i = 0; i < rig_parts(rig, name); i++) {
		int fd = rig_part(rig, name, i);
		uint8_t key[64];

		while (bpf_map_get_next_key(fd, NULL, key) == 0)
			assert_int_equal(bpf_map_delete_elem(fd, key), 0);
	}
}

int rig_map_of(const struct rig *rig, const char *name, const void *key)
{
	uint64_t word = 0;

	if (rig_parts(rig, name) > 1)
		memcpy(&word, key, sizeof(word));
	return rig_part(rig, name, xns_segment(word));
}

int rig_make_segment(unsigned map, unsigned number, uint32_t max_entries, void *ctx)
{
	const struct rig *rig = ctx;

	return segment_make(bpf_object__btf(rig->object), map, number, max_entries);
}

/* As the loader does. */
static void make_segments(struct rig *rig)
{
	struct segment_slot slot[SEGMENTS];

	rig->segments = calloc(1, sizeof(*rig->segments));
	assert_non_null(rig->segments);
	for (unsigned i = 0; i < SEGMENTS; i++) {
		unsigned map = i / XNS_SEGMENTS, number = i % XNS_SEGMENTS;

		slot[i] = (struct segment_slot){
			.slots_fd = outer_map(rig, segment_kinds[map].name),
			.number = number,
			.fd = rig_make_segment(map, number, TEST_ENTRIES / XNS_SEGMENTS, rig),
		};
		assert_true(slot[i].fd >= 0);
	}
	segment_place(slot, SEGMENTS);
	for (unsigned i = 0; i < SEGMENTS; i++) {
		assert_int_equal(slot[i].ret_error, 0);
		close(slot[i].fd);
	}
}

void rig_open(struct rig *rig)
{
	static const __u64 random[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	struct bpf_program *program;
	struct bpf_map *map;

	libbpf_set_print(print_warnings);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	rig->object = bpf_object__open_file(rig_object_path, NULL);
	if (!rig->object)
		fail_msg("%s: %s", rig_object_path, strerror(errno));
	bpf_object__for_each_map(map, rig->object) if (bpf_map__type(map) == BPF_MAP_TYPE_HASH)
		bpf_map__set_max_entries(map, TEST_ENTRIES);
	if (bpf_object__load(rig->object) != 0)
		fail_msg("%s: not loaded: %s", rig_object_path, strerror(errno));
	make_segments(rig);
	program = bpf_object__find_program_by_name(rig->object, "xnsd");
	assert_non_null(program);
	rig->program = bpf_program__fd(program);
	rig->config = mmap(NULL, sizeof(*rig->config), PROT_READ | PROT_WRITE, MAP_SHARED,
			   rig_map(rig, "config"), 0);
	assert_ptr_not_equal(rig->config, MAP_FAILED);
	image_key_make(random, &rig->config->key);
	rig->config->max_udp_size = XNS_EDNS_SIZE_DEFAULT;
	rig->config->abi_version = XNS_ABI_VERSION;
}

void rig_close(struct rig *rig)
{
	munmap(rig->config, sizeof(*rig->config));
	for (unsigned map = 0; map < SEGMENTED_MAPS; map++)
		for (unsigned i = 0; i < XNS_SEGMENTS; i++)
			if (rig->segments->at[map][i].fd > 0)
				close(rig->segments->at[map][i].fd);
	free(rig->segments);
	bpf_object__close(rig->object);
}

void rig_listen(struct rig *rig)
{
	struct xns_listen v4 = {.port = htobe16(SERVER_PORT)}, v6 = v4;
	uint32_t one = 1;

	v4.addr[10] = v4.addr[11] = 0xff;
	memcpy(v4.addr + 12, frame_server_v4, 4);
	memcpy(v6.addr, frame_server_v6, 16);
	assert_int_equal(bpf_map_update_elem(rig_map(rig, "listen"), &v4, &one, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(rig_map(rig, "listen"), &v6, &one, BPF_ANY), 0);
}

void rig_counters(const struct rig *rig, uint64_t ret[XNS_COUNTER_COUNT])
{
	int n_cpus = libbpf_num_possible_cpus(), fd = rig_map(rig, "counters");
	uint64_t *value = calloc(n_cpus, sizeof(*value));

	assert_non_null(value);
	for (uint32_t key = 0; key < XNS_COUNTER_COUNT; key++) {
		assert_int_equal(bpf_map_lookup_elem(fd, &key, value), 0);
		ret[key] = 0;
		for (int i = 0; i < n_cpus; i++)
			ret[key] += value[i];
	}
	free(value);
}

void rig_run_quick(const struct rig *rig, const uint8_t *frame, size_t len, struct outcome *ret)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len,
		    .data_out = ret->frame, .data_size_out = sizeof(ret->frame), .repeat = 1);

	if (bpf_prog_test_run_opts(rig->program, &opts) != 0)
		fail_msg("BPF_PROG_TEST_RUN with %zu bytes: %s", len, strerror(errno));
	ret->verdict = opts.retval;
	ret->len = opts.data_size_out;
	ret->counter = XNS_COUNTER_COUNT;
}

void rig_run(const struct rig *rig, const uint8_t *frame, size_t len, struct outcome *ret)
{
	uint64_t before[XNS_COUNTER_COUNT], after[XNS_COUNTER_COUNT], moved = 0;

	rig_counters(rig, before);
	rig_run_quick(rig, frame, len, ret);
	rig_counters(rig, after);
	for (int i = 0; i < XNS_COUNTER_COUNT; i++) {
		moved += after[i] - before[i];
		if (after[i] != before[i])
			ret->counter = i;
	}
	if (moved != 1)
		ret->counter = XNS_COUNTER_COUNT;
}

static const char *counter_name(enum xns_counter counter)
{
	return counter < XNS_COUNTER_COUNT ? rig_counter_name[counter] : "none or several";
}

void rig_expect_pass(const struct rig *rig, const uint8_t *frame, size_t len,
		     enum xns_counter counter, const char *what)
{
	struct outcome outcome;

	rig_run(rig, frame, len, &outcome);
	if (outcome.verdict != XDP_PASS || outcome.counter != counter)
		fail_msg("%s: verdict %u, counter %s, not %s", what, outcome.verdict,
			 counter_name(outcome.counter), counter_name(counter));
	if (outcome.len != len || memcmp(outcome.frame, frame, len) != 0)
		fail_msg("%s: changed, then passed up", what);
}

void rig_expect_reply(const struct rig *rig, const struct shape *shape, const uint8_t *frame,
		      size_t len, enum xns_counter counter, const char *text, const char *what,
		      struct outcome *ret)
{
	char got[16384];
	const char *fault;

	rig_run(rig, frame, len, ret);
	if (ret->verdict != XDP_TX || ret->counter != counter)
		fail_msg("%s: verdict %u, counter %s, not %s", what, ret->verdict,
			 counter_name(ret->counter), counter_name(counter));
	fault = reply_fault(shape, frame, len, ret->frame, ret->len);
	if (fault)
		fail_msg("%s: %s", what, fault);
	if (!text)
		return;
	reply_text(shape, ret->frame, ret->len, got, sizeof(got));
	if (strcmp(got, text) != 0)
		fail_msg("%s: reply is\n%sand not\n%s", what, got, text);
}
