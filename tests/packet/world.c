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
	struct bpf_map *map;

	bpf_object__for_each_map(map, rig->object)
	{
		uint8_t key[64];

		if (bpf_map__type(map) != BPF_MAP_TYPE_HASH)
			continue;
		while (bpf_map_get_next_key(bpf_map__fd(map), NULL, key) == 0)
			assert_int_equal(bpf_map_delete_elem(bpf_map__fd(map), key), 0);
	}
	rig->config->staging = 0;
	rig->config->max_labels = 0;
	rig->config->store_uuid = 0;
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

void world_fill_map(const struct world *w, const char *map, uint32_t room)
{
	static uint8_t value[sizeof(struct xns_order)];
	struct xns_image_key key = {.owner = 1}; /* nodes have keys of the same size */
	int fd = rig_map(&w->rig, map);

	((struct xns_node *)value)->zone = UINT32_MAX;
	while (bpf_map_update_elem(fd, &key, value, BPF_NOEXIST) == 0)
		key.owner++;
	while (room-- > 0 && key.owner > 1) {
		key.owner--;
		assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
	}
}

void world_unfill_map(const struct world *w, const char *map)
{
	struct xns_image_key key = {.owner = 1};

	while (bpf_map_delete_elem(rig_map(&w->rig, map), &key) == 0)
		key.owner++;
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
