/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Held zones with their store, the maps in memory (kernel.h) that publish/ keeps, and the
 * responder: all of xnsd but its sockets. Everything happens in one transaction of the store, which
 * is given up in the end.
 */
#ifndef XNS_MODEL_WORLD_H
#define XNS_MODEL_WORLD_H

#include "config/config.h"
#include "model/kernel.h"
#include "publish/publish.h"
#include "respond/respond.h"
#include "zone/zone.h"

#define WORLD_ZONES_MAX 8

struct world {
	unsigned room; /* set before world_begin: of each segment, which then grow; 0: no bound */
	struct config config;
	struct config_zone zone[WORLD_ZONES_MAX];
	struct zone_table table;
	struct store *store;
	struct store_txn *txn;
	struct kernel kernel;
	struct publish *publish;
	struct respond *respond;
};

/* names: of the zones, with the final dot, NULL at the end. The store stays the caller's. */
void world_open(struct world *world, struct store *store, const char *const *names);
/* Everything from nothing: no zone has content. world_end gives it up. */
void world_begin(struct world *world, const __u64 key[2]);
void world_end(struct world *world);
void world_close(struct world *world);

/* Brings zones (n of them at most WORLD_ZONES_MAX) to these contents, in one batch. */
void world_publish(struct world *world, struct content *const *content, size_t n);

/* NULL, or which map is not as a fresh publication of the same content makes it. */
const char *world_difference(struct world *world);

/* The responder's reply to a UDP query; 0: none. */
size_t world_reply(struct world *world, const uint8_t *query, size_t len, uint8_t *reply,
		   size_t reply_max);

#endif
