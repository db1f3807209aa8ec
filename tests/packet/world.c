/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "packet/world.h"

static struct loaded {
	struct rig rig;
	bool is_loaded, is_used;
} rigs[3];

void world_empty_maps(const struct rig *rig)
{
	static const char *const names[] = {"listen",	   "zones",	   "nodes",	   "staged",
					    "images_tiny", "images_small", "images_large", "order"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		rig_empty_map(rig, names[i]);
	rig->config->staging = 0;
	rig->config->max_labels = 0;
	rig->config->store_uuid = 0;
	rig->config->filter = (struct xns_filter){0};
}

void world_open(struct world *w, const char *const *names)
{
	struct loaded *at = rigs;

	while (at->is_used)
		assert_true(++at < rigs + sizeof(rigs) / sizeof(rigs[0]));
	if (!at->is_loaded)
		rig_open(&at->rig);
	at->is_loaded = at->is_used = true;
	world_empty_maps(&at->rig);
	w->rig = at->rig;
	zones_open(&w->zones, &w->rig, names);
}

void world_close(struct world *w)
{
	zones_close(&w->zones);
	for (size_t i = 0; i < sizeof(rigs) / sizeof(rigs[0]); i++)
		if (rigs[i].is_used && rigs[i].rig.object == w->rig.object)
			rigs[i].is_used = false;
}

int worlds_unload(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rigs) / sizeof(rigs[0]); i++)
		if (rigs[i].is_loaded)
			rig_close(&rigs[i].rig);
	memset(rigs, 0, sizeof(rigs));
	return 0;
}

/* The nth key of a segment; nodes have keys of the same size. */
static struct xns_image_key filler(unsigned segment, uint64_t n)
{
	return (struct xns_image_key){.owner = (uint64_t)segment << (64 - XNS_SEGMENT_BITS) |
					       (n + 1)};
}

void world_fill_map(const struct world *w, const char *map, uint32_t room)
{
	static uint8_t value[sizeof(struct xns_order)];
	uint64_t n[XNS_SEGMENTS] = {0};

	((struct xns_node *)value)->zone = UINT32_MAX;
	for (unsigned i = 0; i < XNS_SEGMENTS; i++) {
		int fd = rig_part(&w->rig, map, i);

		for (;; n[i]++) {
			struct xns_image_key key = filler(i, n[i]);

			if (bpf_map_update_elem(fd, &key, value, BPF_NOEXIST) != 0)
				break;
		}
	}
	for (; room > 0; room--) {
		unsigned i = room % XNS_SEGMENTS;
		struct xns_image_key key;

		if (n[i] == 0)
			continue;
		key = filler(i, --n[i]);
		assert_int_equal(bpf_map_delete_elem(rig_part(&w->rig, map, i), &key), 0);
	}
}

void world_unfill_map(const struct world *w, const char *map)
{
	for (unsigned i = 0; i < XNS_SEGMENTS; i++) {
		struct xns_image_key key = filler(i, 0);
		int fd = rig_part(&w->rig, map, i);

		for (uint64_t n = 1; bpf_map_delete_elem(fd, &key) == 0; n++)
			key = filler(i, n);
	}
}

bool world_ask(const struct world *w, const char *name, uint16_t type, bool dnssec)
{
	const struct ask ask = {.name = name, .type = type, .edns = true, .dnssec_ok = dnssec};
	uint8_t message[512], frame[FRAME_MAX];
	const struct shape shape = {0};
	char got[16384], want[16384];
	struct outcome outcome;
	size_t len = frame_make(&shape, message, ask_message(&ask, message), frame);

	rig_run(&w->rig, frame, len, &outcome);
	if (outcome.verdict == XDP_PASS)
		return false;
	assert_int_equal(outcome.verdict, XDP_TX);
	reply_text(&shape, outcome.frame, outcome.len, got, sizeof(got));
	zones_answer(&w->zones, name, type, dnssec, want, sizeof(want));
	zones_sort_reply(got);
	zones_sort_reply(want);
	if (strcmp(got, want) != 0)
		fail_msg("%s type %u DO=%d:\n%sand not\n%s", name, type, dnssec, got, want);
	return true;
}

void world_expect(const struct world *w, const char *name, uint16_t type, bool at_interface)
{
	if (world_ask(w, name, type, true) != at_interface)
		fail_msg("%s type %u is %s", name, type, at_interface ? "passed up" : "answered");
}

void world_many_names(char *ret, unsigned serial, unsigned n)
{
	ret += sprintf(ret, "@ 300 SOA ns host %u 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n", serial);
	for (unsigned i = 0; i < n; i++)
		ret += sprintf(ret, "n%u A 192.0.2.%u\n", i, i % 2 ? 0 : serial);
}
