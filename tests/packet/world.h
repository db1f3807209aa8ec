/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Maps with a store of their own, several at a time to be compared. Loading the program takes long,
 * emptying its maps does not: rigs are used again.
 */
#ifndef XNS_TEST_PACKET_WORLD_H
#define XNS_TEST_PACKET_WORLD_H

#include "packet/zones.h"

/* The maps at one time, and the store that they are of. */
struct world {
	struct rig rig;
	struct zones zones;
};

/* Empty maps, and zones that are held, by name, NULL at the end. Three at a time. */
void world_open(struct world *w, const char *const *names);
void world_close(struct world *w);
/* A group's teardown: no rig stays loaded. */
int worlds_unload(void **state);

void world_empty_maps(const struct rig *rig);
/* Fills a map with what nothing refers to, but for `room` entries; takes that away. */
void world_fill_map(const struct world *w, const char *map, uint32_t room);
void world_unfill_map(const struct world *w, const char *map);

/* Answered at the interface, as from the sockets, or passed up: false. */
bool world_ask(const struct world *w, const char *name, uint16_t type, bool dnssec);
/* With DO=1: which of the two. */
void world_expect(const struct world *w, const char *name, uint16_t type, bool at_interface);

/* A zone's text: n names n0, n1, ... with an A record each, of which every other changes with the
 * serial. */
void world_many_names(char *ret, unsigned serial, unsigned n);

#endif
