// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Whether the other side is who it should be (RFC 8310 §8, RFC 9103 §8), and if not, why. Pins,
 * host name, CA: whatever is configured has to be right. With pins alone nothing else of the
 * certificate counts, not even its dates: the key is known, whoever certified it and when.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "tls/internal.h"

static const struct {
	unsigned status;
	const char *what;
} reasons[] = {
	/* What is found first is said: the more exact ones on top. */
	{GNUTLS_CERT_REVOKED, "certificate is revoked"},
	{GNUTLS_CERT_INSECURE_ALGORITHM, "certificate is signed by an insecure algorithm"},
	{GNUTLS_CERT_SIGNER_NOT_FOUND, "certificate is of no CA that is trusted"},
	{GNUTLS_CERT_SIGNER_NOT_CA, "certificate is signed by one that is no CA"},
	{GNUTLS_CERT_SIGNATURE_FAILURE, "certificate has a wrong signature"},
	{GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "certificate is beyond what its CA may sign"},
	{GNUTLS_CERT_PURPOSE_MISMATCH, "certificate is for another purpose"},
};

/* The first of the chain that is out of its dates. */
static void say_dates(struct tls_session *session, unsigned status)
{
	bool expired = status & GNUTLS_CERT_EXPIRED;
	unsigned n = 0;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(session->gnutls, &n);
	time_t now = time(NULL), found = -1;
	char date[32] = "";
	struct tm tm;

	for (unsigned i = 0; i < n && found == -1; i++) {
		gnutls_x509_crt_t crt;
		time_t at;

		if (gnutls_x509_crt_init(&crt) < 0)
			break;
		if (gnutls_x509_crt_import(crt, &list[i], GNUTLS_X509_FMT_DER) == 0) {
			at = expired ? gnutls_x509_crt_get_expiration_time(crt)
				     : gnutls_x509_crt_get_activation_time(crt);
			if (expired ? at < now : at > now)
				found = at;
		}
		gnutls_x509_crt_deinit(crt);
	}
	if (found != -1 && gmtime_r(&found, &tm))
		strftime(date, sizeof(date), " (%Y-%m-%d %H:%M:%S UTC)", &tm);
	snprintf(session->reason, sizeof(session->reason), "certificate %s%s",
		 expired ? "has expired" : "is not valid yet", date);
}

static void say_status(struct tls_session *session, unsigned status)
{
	gnutls_datum_t text;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		if (status & reasons[i].status) {
			snprintf(session->reason, sizeof(session->reason), "%s", reasons[i].what);
			return;
		}
	}
	if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED)) {
		say_dates(session, status);
	} else if (status & GNUTLS_CERT_UNEXPECTED_OWNER) {
		snprintf(session->reason, sizeof(session->reason),
			 "certificate is not valid for host name %s", session->context->hostname);
	} else if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text,
								0) == 0) {
		snprintf(session->reason, sizeof(session->reason), "%s", (char *)text.data);
		gnutls_free(text.data);
	} else {
		snprintf(session->reason, sizeof(session->reason), "certificate is not valid");
	}
}

static int verify_chain(struct tls_session *session)
{
	const struct tls_context *context = session->context;
	const char *purpose = context->server ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
	gnutls_typed_vdata_st data[] = {
		{GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)purpose, 0},
		{GNUTLS_DT_DNS_HOSTNAME, (unsigned char *)context->hostname, 0},
	};
	unsigned status = 0;
	int err = gnutls_certificate_verify_peers(session->gnutls, data, context->hostname ? 2 : 1,
						  &status);

	if (err < 0) {
		snprintf(session->reason, sizeof(session->reason), "certificate: %s",
			 gnutls_strerror(err));
		return -1;
	}
	if (status != 0) {
		say_status(session, status);
		return -1;
	}
	return 0;
}

/* SHA-256 of the key of the certificate (its SubjectPublicKeyInfo). */
static int hash_key(struct tls_session *session, uint8_t *ret_pin)
{
	unsigned n = 0;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(session->gnutls, &n);
	gnutls_x509_crt_t crt = NULL;
	gnutls_pubkey_t key = NULL;
	gnutls_datum_t der = {NULL, 0};
	int err = n > 0 ? 0 : GNUTLS_E_NO_CERTIFICATE_FOUND;

	if (err == 0)
		err = gnutls_x509_crt_init(&crt);
	if (err == 0)
		err = gnutls_x509_crt_import(crt, &list[0], GNUTLS_X509_FMT_DER);
	if (err == 0)
		err = gnutls_pubkey_init(&key);
	if (err == 0)
		err = gnutls_pubkey_import_x509(key, crt, 0);
	if (err == 0)
		err = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der);
	if (err == 0)
		err = gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, ret_pin);
	if (err < 0)
		snprintf(session->reason, sizeof(session->reason), "key of the certificate: %s",
			 gnutls_strerror(err));
	gnutls_free(der.data);
	gnutls_pubkey_deinit(key);
	gnutls_x509_crt_deinit(crt);
	return err < 0 ? -1 : 0;
}

static int verify_pin(struct tls_session *session)
{
	const struct tls_context *context = session->context;
	uint8_t pin[CONFIG_PIN_LEN];
	gnutls_datum_t got = {pin, sizeof(pin)}, text;

	if (hash_key(session, pin) < 0)
		return -1;
	for (size_t i = 0; i < context->n_pins; i++)
		if (memcmp(context->pin[i], pin, sizeof(pin)) == 0)
			return 0;
	if (gnutls_base64_encode2(&got, &text) == 0) {
		snprintf(session->reason, sizeof(session->reason), "pin does not match: got %s",
			 (char *)text.data);
		gnutls_free(text.data);
	} else {
		snprintf(session->reason, sizeof(session->reason), "pin does not match");
	}
	return -1;
}

int tls_verify_peer(gnutls_session_t gnutls)
{
	struct tls_session *session = gnutls_session_get_ptr(gnutls);

	if (session->context->verify_chain && verify_chain(session) < 0)
		return -1;
	if (session->context->n_pins > 0 && verify_pin(session) < 0)
		return -1;
	return 0;
}
