/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of agent/ share. agent.c starts and stops; request.c takes what is asked for,
 * carry_out.c what of it changes the store; plan.c makes the new table; member.c says who is held
 * beside the file's zones. */
#ifndef XNS_AGENT_INTERNAL_H
#define XNS_AGENT_INTERNAL_H

#include "agent/agent.h"
#include "apply/apply.h"
#include "catalog/catalog.h"
#include "notify/notify.h"
#include "privilege/privilege.h"
#include "refresh/refresh.h"
#include "respond/respond.h"
#include "store/store.h"
#include "zone/zone.h"

#define AGENT_REASON_MAX 1024

/* ---- catalogs as they were read last ---- */

struct catalog_state {
	knot_dname_t *apex;
	const struct config_zone *conf; /* of this plan */
	uint64_t generation;		/* of the content that was read; 0: none */
	struct catalog *content;	/* NULL: none, or broken */
};

struct catalogs {
	struct catalog_state *at; /* in the order of the plan */
	size_t n;
	char **clash; /* members that another holds, as told in the log; sorted */
	size_t n_clashes;
};

/* The catalog zone of this apex, or NULL. */
struct catalog_state *catalogs_find(const struct catalogs *catalogs, const knot_dname_t *apex);
void catalogs_free(struct catalogs *catalogs);
/* The catalog zones of the file; reads those whose content is another than it was. 0 or a negative
 * errno. */
int catalogs_read(struct catalogs *catalogs, const struct config *config, struct store_txn *txn);

/* ---- zones that the file does not name ---- */

enum member_fate {
	MEMBER_KEEP,
	MEMBER_PUT,   /* its record in the store is new, or another */
	MEMBER_RESET, /* as MEMBER_PUT, and its content goes (RFC 9432 §5.4) */
	MEMBER_YIELD, /* the file names it: no record any more */
	MEMBER_PURGE, /* no catalog has it any more: its record and its content go */
};

struct member {
	knot_dname_t *apex;
	knot_dname_t *catalog; /* NULL: by the operator */
	knot_dname_t *unique;  /* NULL: likewise */
	char *template_id;
	enum member_fate fate;
	const struct config_zone *template; /* NULL: it is not held */
};

struct members {
	struct member *at; /* in order of apex */
	size_t n, size;
};

/*
 * Who is to be held: what the store knows, the catalogs (read anew where they changed), the
 * configuration. strict: a template that is not there is an error, else the zone is left out with a
 * message. 0, or a negative errno and perhaps the reason.
 */
int members_decide(struct members *members, struct catalogs *catalogs, const struct config *config,
		   struct store_txn *txn, bool strict, char reason[AGENT_REASON_MAX]);
const struct member *members_find(const struct members *members, const knot_dname_t *apex);
/* Writes the records that are new or go, but those of MEMBER_PURGE. */
int members_write(const struct members *members, struct store_txn *txn);
void members_free(struct members *members);

/* ---- the new table ---- */

struct plan {
	struct zone_table table;
	struct plan_zone {
		bool is_new;
		bool has_conf; /* zone_set_conf is to be called with what follows */
		const struct config_zone *conf;
		struct config_zone *own_conf;
		enum zone_source source;
		char *catalog;		  /* name of the catalog zone, or NULL */
		struct store_zone stored; /* is_new */
	} *zone;			  /* by zone of the table, n of them */
	size_t n;
	struct apply_table_change change;
	struct zone_links *links; /* of the table */
};

/*
 * Which zones are held under this configuration, in a write transaction in which new ones get their
 * ids. reset: zones whose content is to go although they stay (n of them). 0, or a negative errno
 * and perhaps the reason.
 */
struct plan_input {
	const struct zone_table *old;
	struct config *config;
	bool is_new_config;
	struct catalogs *catalogs;
	bool strict;
	knot_dname_t *const *reset;
	size_t n_resets;
};
int plan_make(struct plan *plan, const struct plan_input *input, struct store_txn *txn,
	      char reason[AGENT_REASON_MAX]);
void plan_free(struct plan *plan);

/* ---- the agent ---- */

enum request_kind {
	REQUEST_RELOAD,
	REQUEST_ADD,
	REQUEST_REMOVE,
	REQUEST_PURGE,	 /* apex NULL: all that are not held */
	REQUEST_CATALOG, /* a catalog has new content */
};

struct request {
	struct request *next;
	enum request_kind kind;
	knot_dname_t *apex;
	char *template_id;
	control_done done;
	void *ctx;
	int error;
	char reason[AGENT_REASON_MAX];
};

struct requests {
	struct request *first, **last;
};

struct agent {
	uv_loop_t *loop;
	struct config *config;
	struct store *store;
	struct zone_table zones;
	struct catalogs catalogs;
	struct respond *respond;
	struct apply *apply;
	struct refresh *refresh;
	struct notify *notify;
	struct control_agent commands; /* what control works on */
	struct control *control;
	struct privilege_pins pins;
	struct maker *maker; /* NULL: maps do not grow */
	uv_signal_t signal[3];
	void (*stop)(void *ctx);
	void *stop_ctx;
	bool stopping;

	/* request.c */
	struct requests wanted, current;
	bool busy;
	uv_timer_t retry; /* catalogs that could not be carried out */
	uv_work_t load;
	struct config *loaded; /* the new configuration; NULL: as before */
	int load_error;
	char *load_messages; /* of config_load */
};

void requests_init(struct requests *requests);
/* Drops what has not been carried out. */
void requests_free(struct requests *requests);
/* To be called for a catalog with new content. */
void request_catalogs(struct agent *agent);
/* Once everything runs: begins with what was asked for meanwhile. */
void request_next(struct agent *agent);
/* It is not carried out, for this reason. */
void __attribute__((format(printf, 3, 4))) request_fail(struct request *request, int error,
							const char *fmt, ...);

/* Zones added, removed and purged in the current step, under this configuration. What may not be is
 * said in its request. 0 or a negative errno. */
int requests_carry_out(struct agent *agent, const struct config *config, struct store_txn *txn);
/* What the store has of zones that are not held, nor were: gone if that is asked for. */
int requests_purge_orphans(struct agent *agent, const struct plan *plan, struct store_txn *txn);

/* The times of a zone's content, as the sockets go by them. */
void agent_zone_times(struct zone *zone, const struct store_zone *stored);

/*
 * Gives `config` what of `old` cannot change while we run, and `old` its; what differs is named in
 * the log.
 */
void settings_keep(struct config *old, struct config *config);

#endif
