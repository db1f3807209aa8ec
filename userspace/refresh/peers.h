/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom zones are transferred from: one struct for each address, source address, key and manner of
 * TLS in use, shared by all zones that name it so, and found again when the configuration is read
 * anew. Nothing in it points into a configuration.
 */
#ifndef XNS_REFRESH_PEERS_H
#define XNS_REFRESH_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <libknot/libknot.h>

#include "config/config.h"
#include "refresh/lanes.h"
#include "tls/tls.h"
#include "util/address.h"

/* How long others believe one who found the address dead. */
#define PEER_DOWN_MS 1000

struct peer_tls;

struct peer {
	struct lane_peer lanes; /* first member: a lane_peer is one of these */
	unsigned references;
	struct peers *peers;
	struct peer *next; /* in its bucket */
	struct sockaddr_storage address;
	struct sockaddr_storage source; /* port 0; ss_family AF_UNSPEC: any */
	char text[ADDRESS_TEXT_MAX];	/* of the address */
	char *key_id;			/* NULL: no key */
	knot_tsig_key_t key;
	struct peer_tls *tls;		   /* NULL: UDP and plain TCP */
	int64_t down_until_ms[LANE_KINDS]; /* clock_boot_ms */
	char down_reason[96];		   /* of LANE_TRANSFER */
};

struct peers {
	struct peer **bucket;
	size_t n, n_buckets;
	struct peer_tls *tls;
};

void peers_init(struct peers *peers);
/* When no peer is in use any more. */
void peers_free(struct peers *peers);

/* The peer behind the remote's address number i, with a reference for the caller. 0 or -ENOMEM. */
int peers_get(struct peers *peers, const struct config_remote *remote, size_t i, struct peer **ret);
struct peer *peer_ref(struct peer *peer); /* NULL: NULL */
void peer_unref(struct peer *peer);	  /* NULL: nothing */

static inline struct peer *peer_of_lanes(struct lane_peer *lanes)
{
	return (struct peer *)lanes;
}

const struct sockaddr *peer_source(const struct peer *peer); /* NULL: any */
const knot_tsig_key_t *peer_key(const struct peer *peer);    /* NULL: none */
const char *peer_tls_id(const struct peer *peer);	     /* NULL: no TLS */
/* Made when first asked for, then kept; valid as long as the peer. NULL: the certificates cannot be
 * used, and in reason (TLS_REASON_MAX) which and why. */
struct tls_context *peer_tls_context(struct peer *peer, char *reason);

/* The files of certificates may be others now: they are read anew when next needed. */
void peers_forget_certificates(struct peers *peers);
void peers_each(struct peers *peers, void (*fn)(struct peer *peer, void *ctx), void *ctx);

#endif
