/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zone text into the maps by the way that the agent takes: content, store, image, publish. */
#ifndef XNS_TEST_ZONES_H
#define XNS_TEST_ZONES_H

#include "packet/rig.h"
#include "packet/sign.h"
#include "publish/publish.h"
#include "store/store.h"
#include "zone/zone.h"

struct zones {
	struct config *config;
	struct zone_table table;
	struct store *store;
	struct publish *publish;
	/* A primary's store, from whose journal differences come; NULL: not wanted. */
	struct store *primary;
	uint64_t n_differences; /* that were applied */
	uint64_t n_loaded;	/* zones so far: every other goes ahead, if it can */
	char dir[32];
	void (*stored)(void); /* called before what is stored is published; NULL: not */
};

/* Zones that are held, by name, NULL at the end. Nothing is in them yet. */
void zones_open(struct zones *zones, const struct rig *rig, const char *const *names);
void zones_close(struct zones *zones);
/* From now on content goes to a primary's store, and comes from there as the difference (IXFR);
 * whole every third time. Before anything is loaded. */
void zones_use_differences(struct zones *zones);

/* Gives a zone this content and publishes what changed; expires_in_s from now on. */
void zones_load(struct zones *zones, const char *name, const char *text, int64_t expires_in_s);

/* The same of several zones at once. */
#define ZONES_BATCH_MAX 8
struct zones_text {
	const char *name, *text;
	enum sign how;	/* SIGN_NOT: the text is all */
	uint32_t stamp; /* see sign.h */
};
void zones_load_batch(struct zones *zones, const struct zones_text *text, size_t n,
		      int64_t expires_in_s);
/* The same where the maps may be too small; false: not all names are in them. */
bool zones_try_batch(struct zones *zones, const struct zones_text *text, size_t n,
		     int64_t expires_in_s);

/* This content goes ahead into the maps, but never comes into the store. */
void zones_lose_ahead(struct zones *zones, const struct zones_text *text);
/* Gives a zone this content, but publishes nothing: the agent dies here. */
void zones_store(struct zones *zones, const struct zones_text *text);
/* The next agent comes to the maps, and then publishes what the store has. */
void zones_take_over(struct zones *zones, const struct rig *rig);
void zones_publish_all(struct zones *zones, int64_t expires_in_s);
/* The next agent, which holds other zones; what it has of them in the store is not published. */
void zones_restart(struct zones *zones, const struct rig *rig, const char *const *names);

/* The reply that the sockets would give to this question out of the store, as reply_text writes it;
 * "refused": no zone is held that it is in. */
void zones_answer(const struct zones *zones, const char *name, uint16_t type, bool dnssec,
		  char *ret, size_t ret_size);
/* Puts the lines of a reply's text in order, as that of records in a section says nothing. */
void zones_sort_reply(char *text);

#endif
