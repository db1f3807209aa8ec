/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

#include "refresh/peers.h"

#define BUCKETS_MIN 16 /* a power of two */

/* A way of TLS, shared by the peers that are spoken to so: with a copy of what the configuration
 * says. */
struct peer_tls {
	struct peer_tls *next;
	unsigned references;
	struct config_tls conf;
	struct tls_context *context; /* NULL: not made yet */
};

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Copies text that may be NULL. False: out of memory. */
static bool copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to;
}

/* ---- TLS ---- */

static bool same_tls(const struct config_tls *a, const struct config_tls *b)
{
	return same_text(a->id, b->id) && a->mode == b->mode && same_text(a->ca_file, b->ca_file) &&
	       same_text(a->hostname, b->hostname) && a->n_pins == b->n_pins &&
	       (a->n_pins == 0 || memcmp(a->pin, b->pin, a->n_pins * CONFIG_PIN_LEN) == 0) &&
	       same_text(a->cert_file, b->cert_file) && same_text(a->key_file, b->key_file);
}

static void tls_free(struct peer_tls *tls)
{
	tls_context_unref(tls->context);
	free(tls->conf.id);
	free(tls->conf.ca_file);
	free(tls->conf.hostname);
	free(tls->conf.pin);
	free(tls->conf.cert_file);
	free(tls->conf.key_file);
	free(tls);
}

static struct peer_tls *tls_new(const struct config_tls *conf)
{
	struct peer_tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return NULL;
	tls->conf.mode = conf->mode;
	tls->conf.n_pins = conf->n_pins;
	if (conf->n_pins > 0) {
		tls->conf.pin = malloc(conf->n_pins * CONFIG_PIN_LEN);
		if (tls->conf.pin)
			memcpy(tls->conf.pin, conf->pin, conf->n_pins * CONFIG_PIN_LEN);
	}
	if ((conf->n_pins > 0 && !tls->conf.pin) || !copy_text(&tls->conf.id, conf->id) ||
	    !copy_text(&tls->conf.ca_file, conf->ca_file) ||
	    !copy_text(&tls->conf.hostname, conf->hostname) ||
	    !copy_text(&tls->conf.cert_file, conf->cert_file) ||
	    !copy_text(&tls->conf.key_file, conf->key_file)) {
		tls_free(tls);
		return NULL;
	}
	return tls;
}

static struct peer_tls *tls_get(struct peers *peers, const struct config_tls *conf)
{
	struct peer_tls *tls;

	for (tls = peers->tls; tls; tls = tls->next) {
		if (same_tls(&tls->conf, conf))
			break;
	}
	if (!tls) {
		tls = tls_new(conf);
		if (!tls)
			return NULL;
		tls->next = peers->tls;
		peers->tls = tls;
	}
	tls->references++;
	return tls;
}

static void tls_unref(struct peers *peers, struct peer_tls *tls)
{
	struct peer_tls **at = &peers->tls;

	if (!tls || --tls->references > 0)
		return;
	while (*at != tls)
		at = &(*at)->next;
	*at = tls->next;
	tls_free(tls);
}

struct tls_context *peer_tls_context(struct peer *peer, char *reason)
{
	if (!peer->tls->context)
		peer->tls->context = tls_context_client(&peer->tls->conf, reason);
	return peer->tls->context;
}

void peers_forget_certificates(struct peers *peers)
{
	for (struct peer_tls *tls = peers->tls; tls; tls = tls->next) {
		tls_context_unref(tls->context); /* sessions hold their own reference */
		tls->context = NULL;
	}
}

/* ---- peers ---- */

/* What makes a peer, as a remote says it. */
struct manner {
	const struct sockaddr_storage *address, *source; /* source NULL: any */
	const struct config_tsig *key;
	const struct config_tls *tls;
};

static struct manner manner_of(const struct config_remote *remote, size_t i)
{
	struct manner manner = {
		.address = &remote->address[i],
		.key = remote->key,
		.tls = remote->tls,
	};

	for (size_t n = 0; n < remote->n_via && !manner.source; n++) {
		if (remote->via[n].ss_family == manner.address->ss_family)
			manner.source = &remote->via[n];
	}
	return manner;
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	return address_same_host((const struct sockaddr *)a, (const struct sockaddr *)b);
}

static in_port_t port_of(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
					      : ((const struct sockaddr_in *)address)->sin_port;
}

static bool same_key(const knot_tsig_key_t *a, const knot_tsig_key_t *b)
{
	return a->algorithm == b->algorithm && knot_dname_is_equal(a->name, b->name) &&
	       a->secret.size == b->secret.size &&
	       memcmp(a->secret.data, b->secret.data, a->secret.size) == 0;
}

static bool is_peer(const struct peer *peer, const struct manner *manner)
{
	if (peer->address.ss_family != manner->address->ss_family ||
	    port_of(&peer->address) != port_of(manner->address) ||
	    !same_host(&peer->address, manner->address))
		return false;
	if ((peer->source.ss_family != AF_UNSPEC) != (manner->source != NULL) ||
	    (manner->source && !same_host(&peer->source, manner->source)))
		return false;
	if ((peer->key_id != NULL) != (manner->key != NULL) ||
	    (manner->key && (strcmp(peer->key_id, manner->key->id) != 0 ||
			     !same_key(&peer->key, &manner->key->tsig))))
		return false;
	return (peer->tls != NULL) == (manner->tls != NULL) &&
	       (!manner->tls || same_tls(&peer->tls->conf, manner->tls));
}

/* FNV-1a of address and port. */
static uint32_t hash_of(const struct sockaddr_storage *address)
{
	const uint8_t *byte = (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr;
	size_t len = 4;
	uint32_t hash = 2166136261u ^ port_of(address);

	if (address->ss_family == AF_INET6) {
		byte = (const uint8_t *)&((const struct sockaddr_in6 *)address)->sin6_addr;
		len = 16;
	}
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * 16777619u;
	return hash;
}

static struct peer **bucket_of(const struct peers *peers, const struct sockaddr_storage *address)
{
	return &peers->bucket[hash_of(address) & (peers->n_buckets - 1)];
}

static int grow(struct peers *peers)
{
	struct peers old = *peers;
	size_t n_buckets = old.n_buckets ? old.n_buckets * 2 : BUCKETS_MIN;
	struct peer **bucket;

	if (peers->n < old.n_buckets)
		return 0;
	bucket = calloc(n_buckets, sizeof(*bucket));
	if (!bucket)
		return -ENOMEM;
	peers->bucket = bucket;
	peers->n_buckets = n_buckets;
	for (size_t i = 0; i < old.n_buckets; i++) {
		struct peer *next;

		for (struct peer *peer = old.bucket[i]; peer; peer = next) {
			struct peer **at = bucket_of(peers, &peer->address);

			next = peer->next;
			peer->next = *at;
			*at = peer;
		}
	}
	free(old.bucket);
	return 0;
}

static void peer_free(struct peer *peer)
{
	tls_unref(peer->peers, peer->tls);
	if (peer->key_id)
		knot_tsig_key_deinit(&peer->key);
	free(peer->key_id);
	free(peer);
}

static struct peer *peer_new(struct peers *peers, const struct manner *manner)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->peers = peers;
	peer->address = *manner->address;
	address_to_text((const struct sockaddr *)&peer->address, peer->text);
	if (manner->source)
		peer->source = *manner->source;
	if (manner->key) {
		if (knot_tsig_key_copy(&peer->key, &manner->key->tsig) != KNOT_EOK)
			goto out;
		peer->key_id = strdup(manner->key->id);
		if (!peer->key_id) {
			knot_tsig_key_deinit(&peer->key);
			goto out;
		}
	}
	if (manner->tls) {
		peer->tls = tls_get(peers, manner->tls);
		if (!peer->tls)
			goto out;
	}
	return peer;
out:
	peer_free(peer);
	return NULL;
}

int peers_get(struct peers *peers, const struct config_remote *remote, size_t i, struct peer **ret)
{
	struct manner manner = manner_of(remote, i);
	struct peer *peer = NULL, **at;

	if (grow(peers) < 0)
		return -ENOMEM;
	at = bucket_of(peers, manner.address);
	for (peer = *at; peer && !is_peer(peer, &manner);)
		peer = peer->next;
	if (!peer) {
		peer = peer_new(peers, &manner);
		if (!peer)
			return -ENOMEM;
		peer->next = *at;
		*at = peer;
		peers->n++;
	}
	*ret = peer_ref(peer);
	return 0;
}

struct peer *peer_ref(struct peer *peer)
{
	if (peer)
		peer->references++;
	return peer;
}

void peer_unref(struct peer *peer)
{
	struct peer **at;

	if (!peer || --peer->references > 0)
		return;
	for (int kind = 0; kind < LANE_KINDS; kind++)
		assert(peer->lanes.lane[kind].running == 0 &&
		       !peer->lanes.lane[kind].waiting[0].first &&
		       !peer->lanes.lane[kind].waiting[1].first);
	at = bucket_of(peer->peers, &peer->address);
	while (*at != peer)
		at = &(*at)->next;
	*at = peer->next;
	peer->peers->n--;
	peer_free(peer);
}

const struct sockaddr *peer_source(const struct peer *peer)
{
	return peer->source.ss_family == AF_UNSPEC ? NULL : (const struct sockaddr *)&peer->source;
}

const knot_tsig_key_t *peer_key(const struct peer *peer)
{
	return peer->key_id ? &peer->key : NULL;
}

const char *peer_tls_id(const struct peer *peer)
{
	return peer->tls ? peer->tls->conf.id : NULL;
}

void peers_each(struct peers *peers, void (*fn)(struct peer *peer, void *ctx), void *ctx)
{
	for (size_t i = 0; i < peers->n_buckets; i++) {
		for (struct peer *peer = peers->bucket[i]; peer; peer = peer->next)
			fn(peer, ctx);
	}
}

void peers_init(struct peers *peers)
{
	*peers = (struct peers){0};
}

void peers_free(struct peers *peers)
{
	assert(peers->n == 0 && !peers->tls);
	free(peers->bucket);
	*peers = (struct peers){0};
}
