// SPDX-License-Identifier: GPL-3.0-or-later
/* Certificates, keys and CAs from files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "tls/internal.h"

#define FILE_MAX (4u << 20) /* a system's CAs all in one file: 300 kB */

/* What an operator's libraries allow, and of that only TLS 1.3 (RFC 9103 §7.2). */
#define PRIORITY "-VERS-ALL:+VERS-TLS1.3"

static int say(char *reason, const char *file, const char *what)
{
	snprintf(reason, TLS_REASON_MAX, "%s: %s", file, what);
	return -EINVAL;
}

static void free_text(gnutls_datum_t *text)
{
	if (text->data)
		gnutls_memset(text->data, 0, text->size); /* may be a secret key */
	free(text->data);
	text->data = NULL;
}

static int read_file(const char *file, gnutls_datum_t *ret, char *reason)
{
	gnutls_datum_t text = {NULL, 0};
	FILE *stream = fopen(file, "re");
	size_t len = 0;
	int err = 0;

	if (!stream)
		return say(reason, file, strerror(errno));
	setvbuf(stream, NULL, _IONBF, 0); /* no second copy of a key */
	text.data = malloc(FILE_MAX);
	if (text.data)
		len = fread(text.data, 1, FILE_MAX, stream);
	text.size = (unsigned)len;
	if (!text.data)
		err = say(reason, file, strerror(ENOMEM));
	else if (ferror(stream))
		err = say(reason, file, strerror(errno));
	else if (len == FILE_MAX)
		err = say(reason, file, "too large");
	fclose(stream);
	if (err == 0)
		*ret = text;
	else
		free_text(&text);
	return err;
}

/* Says which of two files is at fault, which the common import does not. */
static int check_certificate(const gnutls_datum_t *text, const char *file, char *reason)
{
	gnutls_x509_crt_t *list;
	unsigned n;
	int err = gnutls_x509_crt_list_import2(&list, &n, text, GNUTLS_X509_FMT_PEM, 0);

	if (err < 0)
		return say(reason, file,
			   err == GNUTLS_E_NO_CERTIFICATE_FOUND ||
					   err == GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR
				   ? "no certificate in it (PEM)"
				   : gnutls_strerror(err));
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	return 0;
}

static int check_key(const gnutls_datum_t *text, const char *file, char *reason)
{
	gnutls_x509_privkey_t key;
	int err = gnutls_x509_privkey_init(&key);

	if (err < 0)
		return say(reason, file, gnutls_strerror(err));
	err = gnutls_x509_privkey_import2(key, text, GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_x509_privkey_deinit(key);
	switch (err) {
	case 0:
		return 0;
	case GNUTLS_E_DECRYPTION_FAILED:
		return say(reason, file, "the key is encrypted; it has to be stored as it is");
	case GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR:
	case GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE:
		return say(reason, file, "no private key in it (PEM)");
	default:
		return say(reason, file, gnutls_strerror(err));
	}
}

static int use_own(struct tls_context *context, const char *cert_file, const char *key_file,
		   char *reason)
{
	gnutls_datum_t cert = {NULL, 0}, key = {NULL, 0};
	int err = read_file(cert_file, &cert, reason);

	if (err == 0)
		err = read_file(key_file, &key, reason);
	if (err == 0)
		err = check_certificate(&cert, cert_file, reason);
	if (err == 0)
		err = check_key(&key, key_file, reason);
	if (err == 0) {
		err = gnutls_certificate_set_x509_key_mem2(context->credentials, &cert, &key,
							   GNUTLS_X509_FMT_PEM, NULL, 0);
		if (err == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
			err = say(reason, key_file, "not the key of the certificate");
		else if (err < 0)
			err = say(reason, cert_file, gnutls_strerror(err));
		else
			err = 0;
		context->has_own = err == 0;
	}
	free_text(&cert);
	free_text(&key);
	return err;
}

static int trust_file(struct tls_context *context, const char *file, char *reason)
{
	gnutls_datum_t text = {NULL, 0};
	int err = read_file(file, &text, reason), n;

	if (err == 0)
		err = check_certificate(&text, file, reason);
	if (err == 0) {
		n = gnutls_certificate_set_x509_trust_mem(context->credentials, &text,
							  GNUTLS_X509_FMT_PEM);
		if (n <= 0)
			err = say(reason, file, n < 0 ? gnutls_strerror(n) : "no CA in it");
	}
	free_text(&text);
	return err;
}

static int trust_system(struct tls_context *context, char *reason)
{
	int n = gnutls_certificate_set_x509_system_trust(context->credentials);

	if (n > 0)
		return 0;
	snprintf(reason, TLS_REASON_MAX,
		 "no CA: the system has none (package ca-certificates), and there is no ca-file");
	return -EINVAL;
}

static struct tls_context *new_context(bool server, char *reason)
{
	struct tls_context *context = calloc(1, sizeof(*context));
	int err = GNUTLS_E_MEMORY_ERROR;

	if (context) {
		context->server = server;
		err = gnutls_certificate_allocate_credentials(&context->credentials);
	}
	if (err == 0)
		err = gnutls_priority_init2(&context->priority, PRIORITY, NULL,
					    GNUTLS_PRIORITY_INIT_DEF_APPEND);
	if (err == 0) {
		gnutls_certificate_set_verify_function(context->credentials, tls_verify_peer);
		return context;
	}
	snprintf(reason, TLS_REASON_MAX, "TLS: %s", gnutls_strerror(err));
	tls_context_unref(context);
	return NULL;
}

/* A certificate has the name without the final dot. */
static int copy_trust(struct tls_context *context, const struct config_tls *tls, char *reason)
{
	if (tls->hostname) {
		size_t len = strlen(tls->hostname);

		if (len > 1 && tls->hostname[len - 1] == '.')
			len--;
		context->hostname = strndup(tls->hostname, len);
		if (!context->hostname)
			goto no_memory;
	}
	if (tls->n_pins > 0) {
		context->pin = calloc(tls->n_pins, sizeof(*tls->pin));
		if (!context->pin)
			goto no_memory;
		memcpy(context->pin, tls->pin, tls->n_pins * sizeof(*tls->pin));
		context->n_pins = tls->n_pins;
	}
	return 0;

no_memory:
	snprintf(reason, TLS_REASON_MAX, "%s", strerror(ENOMEM));
	return -ENOMEM;
}

static int set_trust(struct tls_context *context, const struct config_tls *tls, char *reason)
{
	int err;

	if (tls->mode == CONFIG_TLS_OPPORTUNISTIC)
		return 0;
	err = copy_trust(context, tls, reason);
	if (err < 0)
		return err;
	if (!context->hostname && context->n_pins == 0) {
		snprintf(reason, TLS_REASON_MAX, "strict TLS needs a hostname or a pin");
		return -EINVAL;
	}
	context->verify_chain = context->hostname || tls->ca_file;
	if (!context->verify_chain)
		return 0;
	return tls->ca_file ? trust_file(context, tls->ca_file, reason)
			    : trust_system(context, reason);
}

struct tls_context *tls_context_client(const struct config_tls *tls, char *reason)
{
	struct tls_context *context = new_context(false, reason);
	int err;

	if (!context)
		return NULL;
	err = set_trust(context, tls, reason);
	if (err == 0 && tls->cert_file)
		err = use_own(context, tls->cert_file, tls->key_file, reason);
	if (err == 0)
		return context;
	tls_context_unref(context);
	return NULL;
}

struct tls_context *tls_context_server(const char *cert_file, const char *key_file,
				       const char *client_ca_file, char *reason)
{
	struct tls_context *context = new_context(true, reason);
	int err;

	if (!context)
		return NULL;
	err = use_own(context, cert_file, key_file, reason);
	if (err == 0 && client_ca_file) {
		context->has_client_ca = context->verify_chain = true;
		err = trust_file(context, client_ca_file, reason);
	} else if (err == 0) {
		/* With a client's CA each connection shows its certificate anew. */
		err = gnutls_session_ticket_key_generate(&context->ticket_key);
		if (err < 0)
			snprintf(reason, TLS_REASON_MAX, "TLS: %s", gnutls_strerror(err));
	}
	if (err == 0)
		return context;
	tls_context_unref(context);
	return NULL;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
	atomic_fetch_add(&context->references, 1);
	return context;
}

void tls_context_unref(struct tls_context *context)
{
	if (!context || atomic_fetch_sub(&context->references, 1) > 0)
		return;
	if (context->credentials)
		gnutls_certificate_free_credentials(context->credentials);
	if (context->priority)
		gnutls_priority_deinit(context->priority);
	if (context->ticket_key.data) {
		gnutls_memset(context->ticket_key.data, 0, context->ticket_key.size);
		gnutls_free(context->ticket_key.data);
	}
	free(context->hostname);
	free(context->pin);
	free(context);
}
