/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The zones that are held: configured, whether or not anything was ever transferred. */
#ifndef XNS_ZONE_H
#define XNS_ZONE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libknot/dname.h>

#include "config/config.h"
#include "store/store.h"
#include "zone/clock.h"

enum zone_state {
	ZONE_EMPTY, /* never transferred: SERVFAIL */
	ZONE_ACTIVE,
	ZONE_EXPIRED, /* SERVFAIL until a primary confirms or replaces it */
};

/* Who says that a zone is held. */
enum zone_source {
	ZONE_FROM_CONFIG,  /* the configuration file */
	ZONE_FROM_CATALOG, /* it is a member of a catalog zone (RFC 9432) */
	ZONE_FROM_CONTROL, /* xnsctl zone-add */
};

/*
 * Made by the main thread. What is neither atomic nor private to a thread changes only while the
 * worker and the responder stand still (agent/), so that any thread may read it at any time; but
 * what conf points to is to be read anew after each turn of a loop, unless config is held.
 */
struct zone {
	_Atomic unsigned references;
	/* Held no more: whoever comes by it drops what it was about to do, and its reference. */
	_Atomic bool removed;
	enum zone_source source;
	struct config *config; /* a reference: conf is in it, or refers to it */
	const struct config_zone *conf;
	struct config_zone *own_conf; /* conf of a zone that the file does not name; else NULL */
	knot_dname_t *apex;	      /* lower case */
	char *name;		      /* for people, with the final dot */
	char *catalog;		      /* ZONE_FROM_CATALOG: name of the catalog zone; else NULL */
	uint32_t id;		      /* in the store and in the maps */
	struct zone *parent;	      /* the closest held zone above, or NULL */
	struct zone **children;	      /* held zones whose parent this is */
	size_t n_children;

	/* CLOCK_BOOTTIME ms when the content expires; 0: there is none. Set by apply/, read by all.
	 */
	_Atomic int64_t expires_at_ms;
	/* The same: since when no primary has confirmed it although that is overdue. */
	_Atomic int64_t stale_at_ms;
	_Atomic uint32_t serial;

	bool unpublished; /* private to apply/ (worker): the maps do not have what the store has */
	void *refresh;	  /* private to refresh/ (main thread) */
	void *notify;	  /* private to notify/ (main thread) */
};

/*
 * A zone, with one reference. Takes over own_conf, which may be NULL (then conf is in config);
 * takes a reference of config. NULL: out of memory.
 */
struct zone *zone_new(struct config *config, const struct config_zone *conf,
		      struct config_zone *own_conf, enum zone_source source);
/* The same for the configuration of a zone that is there; while the other threads stand still. */
void zone_set_conf(struct zone *zone, struct config *config, const struct config_zone *conf,
		   struct config_zone *own_conf);
struct zone *zone_ref(struct zone *zone);
void zone_unref(struct zone *zone); /* NULL: nothing */

/* Holds a reference of each zone. */
struct zone_table {
	struct zone **zone;
	size_t n;
	/* private: hash by apex */
	uint32_t *bucket;
	uint32_t mask;
	uint64_t key[2];
	unsigned max_labels;
};

/* One struct zone for each configured zone; ids are left 0. 0 or -ENOMEM. */
int zone_table_init(struct zone_table *table, struct config *config);
/*
 * A table of these zones (n of them, each apex once, in any order); takes references. The zones'
 * parents and children stay as they are until zone_table_link. 0 or -ENOMEM.
 */
int zone_table_make(struct zone_table *table, struct zone *const *zone, size_t n);
/*
 * The zones' parents and children after this table, to be set when it becomes the one in force;
 * that cannot fail, and is quicker than to find them. Zones that are not in it keep what they had.
 * 0 or -ENOMEM.
 */
struct zone_links;
int zone_links_make(const struct zone_table *table, struct zone_links **ret);
void zone_links_set(struct zone_table *table, struct zone_links *links); /* frees links */
void zone_links_free(struct zone_links *links, size_t n); /* n: zones of the table. NULL: nothing */
/* Both in one. */
int zone_table_link(struct zone_table *table);
void zone_table_free(struct zone_table *table);

/* The zone with this apex (lower case), or NULL. */
struct zone *zone_table_get(const struct zone_table *table, const knot_dname_t *apex);

/* The deepest zone that the name (lower case) is in, or NULL. */
struct zone *zone_table_find(const struct zone_table *table, const knot_dname_t *name);

/*
 * The zone that answers the question: zone_table_find, but for DS at an apex the zone above, if
 * held (RFC 4035 §3.1.4.1).
 */
struct zone *zone_table_for_question(const struct zone_table *table, const knot_dname_t *qname,
				     uint16_t qtype);

enum zone_state zone_state(const struct zone *zone, int64_t now_boot_ms);
/* Is the content overdue? Whether it is still served is told by zone_state. */
bool zone_is_stale(const struct zone *zone, int64_t now_boot_ms);
const char *zone_state_name(enum zone_state state); /* "empty", "active", "expired" */

#endif
