/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of tls/ share. */
#ifndef XNS_TLS_INTERNAL_H
#define XNS_TLS_INTERNAL_H

#include <stdatomic.h>
#include <gnutls/gnutls.h>

#include "tls/tls.h"

struct tls_context {
	_Atomic unsigned references; /* beside the first */
	bool server;
	bool has_own;	    /* a certificate to be shown */
	bool verify_chain;  /* the peer's certificate has to be of a CA that is trusted */
	bool has_client_ca; /* server: clients without a certificate are refused */
	char *hostname;	    /* client: that the certificate has to be for; NULL: none */
	uint8_t (*pin)[CONFIG_PIN_LEN]; /* n_pins; the certificate's key has to be one of them */
	size_t n_pins;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	gnutls_datum_t ticket_key; /* server; data NULL: no tickets */
};

/* Bytes on their way: data + begin, len of them. */
struct tls_bytes {
	uint8_t *data;
	size_t begin, len, size;
};
/* 0, -ENOMEM: unchanged. */
int tls_bytes_add(struct tls_bytes *bytes, const void *data, size_t len);
void tls_bytes_drop(struct tls_bytes *bytes, size_t len);

struct tls_session {
	struct tls_context *context;
	gnutls_session_t gnutls;
	bool established, closed; /* the handshake is done; the other side has closed in order */
	int failed;		  /* negative errno, and why in reason */
	char reason[TLS_REASON_MAX];
	struct tls_bytes in, out;
	struct tls_bytes waiting; /* plaintext, for the handshake to be done */
};

/* Called by GnuTLS in the handshake: is the other side who it should be? 0; -1: no, and why in the
 * session's reason. */
int tls_verify_peer(gnutls_session_t gnutls);

#endif
