/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration file (YAML), checked whole before anything starts; see xnsd.yaml(5). */
#ifndef XNS_CONFIG_H
#define XNS_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <libknot/dname.h>
#include <libknot/tsig.h>

#include "util/log.h"
#include "xns_abi.h"

#define CONFIG_PATH_DEFAULT   "/etc/xnsd/xnsd.yaml"
#define CONFIG_RUNDIR_DEFAULT "/run/xnsd"

/* A TSIG key (RFC 8945). */
struct config_tsig {
	char *id;	      /* as in the file */
	knot_tsig_key_t tsig; /* name: lower case; secret: never in a log */
};

/* How the other side of a TLS connection is believed (RFC 9103 §8, RFC 8310), and who we are. */
enum config_tls_mode {
	CONFIG_TLS_STRICT,	  /* the certificate must be good: CA and host name, or a pin */
	CONFIG_TLS_OPPORTUNISTIC, /* encrypted, whoever it is; only where the file says so */
};

#define CONFIG_PIN_LEN 32 /* SHA-256 of a public key (SubjectPublicKeyInfo), RFC 7858 §4.2 */

/* One of `tls:`; how a remote is spoken to. Never plain TCP instead. */
struct config_tls {
	char *id;
	enum config_tls_mode mode;
	char *ca_file;	/* PEM; NULL: the system's */
	char *hostname; /* in the certificate; NULL: none wanted (then there are pins) */
	uint8_t (*pin)[CONFIG_PIN_LEN]; /* n_pins; one of them must be the peer's, if there are any
					 */
	size_t n_pins;
	char *cert_file, *key_file; /* ours, PEM, for mutual authentication; NULL: none */
};

struct config_remote {
	char *id;
	struct sockaddr_storage
		*address; /* n_addresses of them, in the order of the file; port set */
	size_t n_addresses;
	struct sockaddr_storage
		*via; /* source addresses: the first of the family is used; port 0 */
	size_t n_via;
	const struct config_tsig
		*key; /* signs what is sent, and what it sends must be; NULL: none */
	const struct config_tls *tls; /* transfers and SOA queries over TLS; NULL: UDP and TCP */
};

/* Who may do what. An address and a key must both be right where both are given. */
struct config_acl {
	char *id;
	struct config_acl_net {
		struct sockaddr_storage address;
		uint8_t prefix; /* bits */
	} *net;			/* n_nets; none: from anywhere */
	size_t n_nets;
	const struct config_tsig *
		*keys; /* one of them; none: without a signature, or with any known */
	size_t n_keys;
	bool transfer, notify; /* actions; neither, with deny: both */
	bool deny;	       /* refuse what matches */
};

enum config_catalog_role {
	CONFIG_CATALOG_NONE,
	CONFIG_CATALOG_INTERPRET, /* its members are held */
};

/* What zones and templates say. */
struct config_zone {
	knot_dname_t *domain; /* lower case, wire; NULL: a template */
	char *name; /* presentation form of domain, with the final dot; of a template its id */
	const struct config_remote **primaries; /* in the order of the file; at least one, but none
						   in a template */
	size_t n_primaries;
	const struct config_remote **notify_from;
	size_t n_notify_from;
	const struct config_remote **notify; /* is told of each new serial */
	size_t n_notify;
	const struct config_acl **acl; /* in this order; the first that matches says it; none: no */
	size_t n_acl;

	uint64_t max_size;	    /* zone-max-size: bytes of a transfer on the wire */
	uint64_t max_records;	    /* zone-max-records; 0: no bound */
	bool request_ixfr;	    /* default true */
	bool provide_ixfr;	    /* default true */
	uint64_t journal_max_usage; /* bytes of the store; default 100M; 0: no journal */
	uint32_t journal_max_depth; /* differences; default 1000 */

	/* Bounds of what its SOA asks for, seconds. */
	uint32_t refresh_min_s, refresh_max_s, retry_min_s, retry_max_s, expire_min_s, expire_max_s;

	bool zonemd_verify; /* RFC 8976: refuse content whose digest is wrong */
	char **verifier; /* a command and its arguments (n_verifier); reads the zone, says yes or no
			  */
	size_t n_verifier;
	uint32_t verifier_timeout_s; /* default 60 */

	enum config_catalog_role catalog_role;
	const struct config_zone **catalog_templates; /* the first: members without a group; a group
							 is the name of another */
	size_t n_catalog_templates;
};

struct config {
	char *path; /* the file it was read from */

	/* server: */
	struct sockaddr_storage *listen; /* n_listen; port set */
	size_t n_listen;
	char **interfaces;
	size_t n_interfaces;
	char *database;		    /* directory, default /var/lib/xnsd */
	char *rundir;		    /* directory, default /run/xnsd */
	char *user;		    /* NULL: stay who we are */
	uint16_t max_udp_size;	    /* default 1232; 512 to 4096 */
	uint64_t database_max_size; /* database-max-size: LMDB map, default 64 GiB */
	uint32_t max_names; /* max-names: room in the maps from the start, default 10000; used by
			       xnsload */
	uint64_t maps_max_memory; /* maps-max-memory: to which they grow; 0: half of the memory that
				     the machine has */
	uint32_t tcp_max_clients; /* tcp-max-clients, default 1000 */
	uint32_t tcp_idle_timeout_ms; /* tcp-idle-timeout, seconds in the file, default 10 */
	uint32_t remote_timeout_ms; /* tcp-remote-io-timeout: silence of a primary, ms in the file,
				       default 5000 */
	uint32_t transfer_timeout_ms; /* max-transfer-time: of one transfer in all, seconds in the
					 file, default 7200 */
	char *version;		      /* CH TXT version.bind and version.server; NULL: off */
	char *identity;		      /* CH TXT id.server and hostname.bind; NULL: off */
	uint8_t nsid[XNS_NSID_MAX];   /* NSID, RFC 5001 */
	size_t nsid_len;	      /* bytes; 0: none */
	bool ede_stale; /* ede-stale: replies from stale zones say so (RFC 8914); default true */
	enum log_level log_level;
	/* At the same time; defaults 20, 10, 100, 100 */
	uint32_t max_transfers_in, max_transfers_per_primary, max_soa_queries, max_transfers_out;
	uint32_t soa_query_rate; /* refreshes that are overdue at start, a second; default 1000 */
	struct sockaddr_storage *listen_tls; /* n_listen_tls; TCP with TLS, default port 853 */
	size_t n_listen_tls;
	char *tls_cert_file, *tls_key_file; /* of listen-tls; PEM */
	char *tls_client_ca_file; /* listen-tls wants a certificate of this CA; NULL: of nobody */
	bool zone_add;		  /* xnsctl zone-add and zone-remove; default false */

	struct config_tsig *keys;
	size_t n_keys;
	struct config_tls *tls;
	size_t n_tls;
	struct config_remote *remotes;
	size_t n_remotes;
	struct config_acl *acls;
	size_t n_acls;
	struct config_zone *templates;
	size_t n_templates;
	struct config_zone *zones;
	size_t n_zones;

	_Atomic unsigned references; /* beside the first */
};

/*
 * Reads and checks the whole file. 0 and *ret, to be freed with config_free. Otherwise -EINVAL (or
 * the errno of opening it) and every error found written to `errors`, one a line: "FILE:LINE: KEY:
 * what is wrong; what is allowed".
 */
int config_load(const char *path, FILE *errors, struct config **ret);

/* The same from memory; `name` stands for the file in messages. For tests and fuzzing. */
int config_parse(const char *name, const uint8_t *text, size_t len, FILE *errors,
		 struct config **ret);

/* The one that is got has one reference. */
struct config *config_ref(struct config *config);
/* Drops a reference; the last one frees. NULL: nothing. */
void config_free(struct config *config);

/* By id, or NULL. */
const struct config_zone *config_template_find(const struct config *config, const char *id);
/* The TSIG key of this name (lower case), or NULL. */
const struct config_tsig *config_tsig_find(const struct config *config, const knot_dname_t *name);

/*
 * A zone that the file does not name, with all else as in the template; refers to what the config
 * holds, so the config must be held as long. domain: lower case, copied. NULL: out of memory.
 */
struct config_zone *config_zone_make(const struct config_zone *template,
				     const knot_dname_t *domain);
void config_zone_free(struct config_zone *zone); /* of config_zone_make; NULL: nothing */

/*
 * Only server.rundir of a file, the default when it does not say; for xnsctl, which shall work
 * beside a configuration that has errors. To be freed. 0, -EINVAL (no YAML, written to `errors`) or
 * the errno of opening it (nothing written).
 */
int config_read_rundir(const char *path, FILE *errors, char **ret);

#endif
