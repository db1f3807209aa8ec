/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS 1.3 (RFC 9103 §8.1) with GnuTLS over bytes in memory, in both roles; knows no sockets. ALPN
 * "dot". What comes from the wire goes in with tls_feed; what is to go there is in tls_output.
 */
#ifndef XNS_TLS_H
#define XNS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define TLS_REASON_MAX 256

/*
 * Certificates and trust, loaded from files; for any number of sessions, in any threads. Files that
 * change are read with the next context that is made.
 *
 * Strict: the chain has to lead to a CA (ca_file, else the system's) where a hostname or a ca_file
 * is given, the certificate has to be for the hostname where there is one, and its key has to be
 * one of the pins where there are any: all of what is given, together. With pins alone nothing else
 * of the certificate counts, its dates neither (RFC 8310 §8). Opportunistic: nothing is checked.
 */
struct tls_context;
/* NULL, and in reason (TLS_REASON_MAX) which file and why. */
struct tls_context *tls_context_client(const struct config_tls *tls, char *reason);
struct tls_context *tls_context_server(const char *cert_file, const char *key_file,
				       const char *client_ca_file, char *reason);
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context); /* NULL: nothing */

struct tls_session;

/* Takes a reference of the context. NULL: out of memory. */
struct tls_session *tls_session_new(struct tls_context *context);
void tls_session_free(struct tls_session *session);

/*
 * Bytes from the wire. Then, until it returns 0, tls_read gives plaintext. 0; or -EPROTO and
 * reason: the handshake failed (whose certificate, why), a fatal alert, or a record that is not
 * right; what is in tls_output is still to be sent then.
 */
int tls_feed(struct tls_session *session, const uint8_t *bytes, size_t len, char *reason);
/* Bytes read; 0: none now. -EPIPE: the other side has closed in order. -EPROTO as tls_feed; a
 * server that wants no more of us, for want of our certificate too, is heard of here. */
int tls_read(struct tls_session *session, uint8_t *buf, size_t buf_len, char *reason);
bool tls_is_established(const struct tls_session *session);
/* Client: the server asked for a certificate of ours, and we have none. Not every server says that
 * this is why it closes. */
bool tls_lacks_certificate(const struct tls_session *session);

/* Client: begins the handshake. Server: nothing. */
int tls_start(struct tls_session *session, char *reason);
/* Plaintext to be sent; before the handshake is done it waits. 0, -ENOMEM, -EPROTO. */
int tls_write(struct tls_session *session, const uint8_t *bytes, size_t len, char *reason);
/* Nothing more will be sent: puts close_notify into tls_output. */
void tls_bye(struct tls_session *session);

/* What is to be sent over the wire: *ret bytes, valid until the next call of another function. */
size_t tls_output(struct tls_session *session, const uint8_t **ret);
void tls_output_sent(struct tls_session *session, size_t len);

#endif
