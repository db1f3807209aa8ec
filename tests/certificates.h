/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates for tests of TLS: made here, in files without a name (memfd), which every process of
 * the test may open by the path that is returned. */
#ifndef XNS_TESTS_CERTIFICATES_H
#define XNS_TESTS_CERTIFICATES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#define CERTIFICATE_DAY (24 * 3600)

struct certificate {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
	char cert_file[40], key_file[40]; /* PEM */
	uint8_t pin[32];
};

struct certificate_what {
	const char *name;		  /* host name; of a CA its common name */
	const struct certificate *issuer; /* NULL: signed by itself */
	int from_days, to_days;		  /* from now; both 0: -1 to 30 */
	const char *purpose;		  /* extended key usage; NULL: none said */
};

#define CERTIFICATE_MUST(call)                                                        \
	do {                                                                          \
		int must_err = (call);                                                \
		if (must_err < 0) {                                                   \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, \
				gnutls_strerror(must_err));                           \
			abort();                                                      \
		}                                                                     \
	} while (0)

static inline void certificate_file(const gnutls_datum_t *text, char path[static 40])
{
	int fd = memfd_create("certificate", 0);

	if (fd < 0 || write(fd, text->data, text->size) != (ssize_t)text->size)
		abort();
	snprintf(path, 40, "/proc/%d/fd/%d", (int)getpid(), fd);
}

static inline void certificate_write(struct certificate *certificate)
{
	gnutls_pubkey_t key;
	gnutls_datum_t text;

	CERTIFICATE_MUST(gnutls_x509_crt_export2(certificate->crt, GNUTLS_X509_FMT_PEM, &text));
	certificate_file(&text, certificate->cert_file);
	gnutls_free(text.data);
	CERTIFICATE_MUST(gnutls_x509_privkey_export2(certificate->key, GNUTLS_X509_FMT_PEM, &text));
	certificate_file(&text, certificate->key_file);
	gnutls_free(text.data);

	CERTIFICATE_MUST(gnutls_pubkey_init(&key));
	CERTIFICATE_MUST(gnutls_pubkey_import_x509(key, certificate->crt, 0));
	CERTIFICATE_MUST(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &text));
	CERTIFICATE_MUST(
		gnutls_hash_fast(GNUTLS_DIG_SHA256, text.data, text.size, certificate->pin));
	gnutls_free(text.data);
	gnutls_pubkey_deinit(key);
}

static inline void certificate_make(struct certificate *ret, bool ca,
				    const struct certificate_what *what)
{
	static uint8_t serial;
	bool dated = what->from_days || what->to_days;
	time_t now = time(NULL);
	gnutls_x509_crt_t crt;

	CERTIFICATE_MUST(gnutls_x509_privkey_init(&ret->key));
	CERTIFICATE_MUST(gnutls_x509_privkey_generate(
		ret->key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	CERTIFICATE_MUST(gnutls_x509_crt_init(&crt));
	ret->crt = crt;
	serial++;
	CERTIFICATE_MUST(gnutls_x509_crt_set_version(crt, 3));
	CERTIFICATE_MUST(gnutls_x509_crt_set_serial(crt, &serial, sizeof(serial)));
	CERTIFICATE_MUST(gnutls_x509_crt_set_key(crt, ret->key));
	CERTIFICATE_MUST(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0,
						       what->name, (unsigned)strlen(what->name)));
	CERTIFICATE_MUST(gnutls_x509_crt_set_activation_time(
		crt, now + (dated ? what->from_days : -1) * CERTIFICATE_DAY));
	CERTIFICATE_MUST(gnutls_x509_crt_set_expiration_time(
		crt, now + (dated ? what->to_days : 30) * CERTIFICATE_DAY));
	CERTIFICATE_MUST(gnutls_x509_crt_set_basic_constraints(crt, ca, -1));
	CERTIFICATE_MUST(gnutls_x509_crt_set_key_usage(crt, ca ? GNUTLS_KEY_KEY_CERT_SIGN
							       : GNUTLS_KEY_DIGITAL_SIGNATURE));
	if (!ca)
		CERTIFICATE_MUST(gnutls_x509_crt_set_subject_alt_name(
			crt, GNUTLS_SAN_DNSNAME, what->name, (unsigned)strlen(what->name), 0));
	if (what->purpose)
		CERTIFICATE_MUST(gnutls_x509_crt_set_key_purpose_oid(crt, what->purpose, 0));
	CERTIFICATE_MUST(gnutls_x509_crt_sign2(crt, what->issuer ? what->issuer->crt : crt,
					       what->issuer ? what->issuer->key : ret->key,
					       GNUTLS_DIG_SHA256, 0));
	certificate_write(ret);
}

static inline void certificate_free(struct certificate *certificate)
{
	gnutls_x509_crt_deinit(certificate->crt);
	gnutls_x509_privkey_deinit(certificate->key);
}

#endif
