/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration file (YAML), checked whole before anything starts; see xnsd.yaml(5). */
#ifndef XNS_CONFIG_H
#define XNS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <libknot/dname.h>

#include "util/log.h"
#include "xns_abi.h"

#define CONFIG_PATH_DEFAULT   "/etc/xnsd/xnsd.yaml"
#define CONFIG_RUNDIR_DEFAULT "/run/xnsd"

struct config_remote {
	char *id;
	struct sockaddr_storage
		*address; /* n_addresses of them, in the order of the file; port set */
	size_t n_addresses;
};

struct config_zone {
	knot_dname_t *domain; /* lower case, wire */
	char *name;	      /* presentation form of domain, with the final dot */
	const struct config_remote **primaries; /* in the order of the file; at least one */
	size_t n_primaries;
	const struct config_remote **notify_from;
	size_t n_notify_from;
	uint64_t max_size; /* zone-max-size: bytes of a transfer on the wire */
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
	uint32_t max_names; /* max-names: capacity of the maps, default 1048576; used by xnsload */
	uint32_t tcp_max_clients;     /* tcp-max-clients, default 1000 */
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

	struct config_remote *remotes;
	size_t n_remotes;
	struct config_zone *zones;
	size_t n_zones;
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

void config_free(struct config *config);

/*
 * Only server.rundir of a file, the default when it does not say; for xnsctl, which shall work
 * beside a configuration that has errors. To be freed. 0, -EINVAL (no YAML, written to `errors`) or
 * the errno of opening it (nothing written).
 */
int config_read_rundir(const char *path, FILE *errors, char **ret);

#endif
