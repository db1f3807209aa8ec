/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random small zones "z." in which names meet: each other, their ancestors, wildcards, delegations,
 * DNAMEs; unsigned, or as if signed with NSEC or NSEC3: the chains are right, signatures are made
 * up.
 */
#ifndef XNS_TEST_RANDOM_ZONE_H
#define XNS_TEST_RANDOM_ZONE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libdnssec/nsec.h>
#include <libknot/libknot.h>

#include "store/key.h"

enum random_mode {
	RANDOM_UNSIGNED,
	RANDOM_NSEC,
	RANDOM_NSEC3,
	RANDOM_OPT_OUT,
	RANDOM_MODES,
};

#define RANDOM_RECORDS 24
#define RANDOM_TEXT    65536
#define RANDOM_NAMES   256

struct random_version {
	char record[RANDOM_RECORDS][160];
	enum random_mode mode;
	const char *salt; /* hexadecimal, "-": none */
};

static uint32_t random_seed;

static inline uint32_t random_pick(uint32_t n)
{
	random_seed = random_seed * 1664525 + 1013904223;
	return (random_seed >> 8) % n;
}

/* Below the apex; few labels, so that names meet. */
static inline void random_name(char *out)
{
	static const char *const labels[] = {"a", "b", "*", "c"};
	unsigned n = 1 + random_pick(3);

	*out = 0;
	while (n-- > 0)
		strcat(strcat(out, labels[random_pick(4)]), ".");
	strcat(out, "z.");
}

static inline void random_record(char *out, size_t size)
{
	char owner[64], target[64];

	random_name(owner);
	random_name(target);
	switch (random_pick(13)) {
	case 0:
	case 1:
		snprintf(out, size, "%s A 192.0.2.%u", owner, random_pick(4));
		break;
	case 2:
		snprintf(out, size, "%s AAAA 2001:db8::%u", owner, random_pick(4));
		break;
	case 3:
	case 4:
	case 5:
		snprintf(out, size, "%s CNAME %s", owner,
			 random_pick(8) == 0 ? "elsewhere.example." : target);
		break;
	case 6:
		snprintf(out, size, "%s MX %u %s", owner, random_pick(3), target);
		break;
	case 7:
		snprintf(out, size, "%s NS %s", owner, target);
		break;
	case 8:
		if (random_pick(2) == 0)
			snprintf(out, size, "%s DNAME %s", owner, target);
		else
			snprintf(out, size, "%s PTR %s", owner, target);
		break;
	case 9:
		snprintf(out, size, "%s TXT \"%0*u\"", owner, 10 + (int)random_pick(60),
			 random_pick(10));
		break;
	case 10:
		snprintf(out, size, "%s SVCB %u %s", owner, random_pick(2),
			 random_pick(2) ? target : ".");
		break;
	case 11:
		snprintf(out, size, "%s DS 1 8 2 %064u", owner, random_pick(10));
		break;
	default:
		snprintf(out, size, "%s SRV 1 2 53 %s", owner, target);
	}
}

static inline void random_zone(struct random_version *v)
{
	for (unsigned i = 0; i < RANDOM_RECORDS; i++)
		random_record(v->record[i], sizeof(v->record[i]));
	v->mode = random_pick(RANDOM_MODES);
	v->salt = random_pick(2) ? "-" : "aabb";
}

/* A few records come, go, change. */
static inline void random_change(struct random_version *v)
{
	for (unsigned i = 1 + random_pick(3); i > 0; i--) {
		unsigned at = random_pick(RANDOM_RECORDS);

		if (random_pick(2) == 0)
			v->record[at][0] = 0;
		else
			random_record(v->record[at], sizeof(v->record[at]));
	}
	if (random_pick(12) == 0)
		v->mode = random_pick(RANDOM_MODES);
	if (random_pick(12) == 0)
		v->salt = random_pick(2) ? "-" : "aabb";
}

/* Does a DNAME, allowed or not, forbid the record (RFC 6672 §2.3, §2.4)? */
static inline bool random_is_behind_dname(const struct random_version *v, const char *owner,
					  const char *type)
{
	char other[64], other_type[16];

	for (unsigned i = 0; i < RANDOM_RECORDS; i++) {
		size_t len = strlen(owner), other_len;

		if (sscanf(v->record[i], "%63s %15s", other, other_type) != 2 ||
		    strcmp(other_type, "DNAME") != 0)
			continue;
		other_len = strlen(other);
		if (strcmp(owner, other) == 0 && strcmp(type, "NS") == 0)
			return true;
		if (len > other_len && owner[len - other_len - 1] == '.' &&
		    strcmp(owner + len - other_len, other) == 0)
			return true;
	}
	return false;
}

/* A record that the rules forbid beside an earlier one is left out. */
static inline bool random_is_allowed(const struct random_version *v, unsigned n)
{
	char owner[64], other[64], type[16], other_type[16];

	if (sscanf(v->record[n], "%63s %15s", owner, type) != 2 ||
	    random_is_behind_dname(v, owner, type))
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (sscanf(v->record[i], "%63s %15s", other, other_type) != 2 ||
		    strcmp(owner, other) != 0)
			continue;
		if (strcmp(type, "CNAME") == 0 || strcmp(other_type, "CNAME") == 0)
			return false;
		if (strcmp(type, "DNAME") == 0 && strcmp(other_type, "DNAME") == 0)
			return false;
	}
	return true;
}

/* ---- as if signed ---- */

struct random_owner {
	knot_dname_storage_t name;
	char types[200]; /* " A MX" */
	bool cut, ds, dname, obscured, empty;
	char hash[33];
};

static inline int random_owner_cmp(const void *a, const void *b)
{
	uint8_t x[KEY_NAME_MAX], y[KEY_NAME_MAX];
	size_t x_len = key_from_name(((const struct random_owner *)a)->name, x),
	       y_len = key_from_name(((const struct random_owner *)b)->name, y);
	int order = memcmp(x, y, x_len < y_len ? x_len : y_len);

	return order != 0 ? order : (int)x_len - (int)y_len;
}

static inline int random_hash_cmp(const void *a, const void *b)
{
	return strcmp(((const struct random_owner *)a)->hash,
		      ((const struct random_owner *)b)->hash);
}

static inline struct random_owner *random_owner(struct random_owner *owner, size_t *n,
						const knot_dname_t *name)
{
	for (size_t i = 0; i < *n; i++)
		if (knot_dname_is_equal(owner[i].name, name))
			return &owner[i];
	owner[*n] = (struct random_owner){.empty = true};
	knot_dname_copy_lower(owner[*n].name, name);
	return &owner[(*n)++];
}

static inline void random_owner_add(struct random_owner *owner, size_t *n, const char *record)
{
	char text[64], type[16];
	knot_dname_storage_t name;
	struct random_owner *at;

	if (sscanf(record, "%63s %15s", text, type) != 2 ||
	    !knot_dname_from_str(name, text, sizeof(name)))
		abort();
	at = random_owner(owner, n, name);
	at->empty = false;
	if (!strstr(at->types, type))
		strcat(strcat(at->types, " "), type);
	at->cut |= strcmp(type, "NS") == 0 && strcmp(text, "z.") != 0;
	at->ds |= strcmp(type, "DS") == 0;
	at->dname |= strcmp(type, "DNAME") == 0;
}

/* What is below a delegation or a DNAME does not count. */
static inline void random_obscure(struct random_owner *owner, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			if ((owner[k].cut || owner[k].dname) &&
			    knot_dname_in_bailiwick(owner[i].name, owner[k].name) > 0)
				owner[i].obscured = true;
}

static inline void random_hash(const knot_dname_t *name, const char *salt, char ret[33])
{
	static const uint8_t aabb[] = {0xaa, 0xbb};
	dnssec_nsec3_params_t params = {
		.algorithm = DNSSEC_NSEC3_ALGORITHM_SHA1,
		.salt = {.size = *salt == '-' ? 0 : 2, .data = (uint8_t *)aabb}};
	dnssec_binary_t data = {.size = knot_dname_size(name), .data = (uint8_t *)name}, hash = {0};
	unsigned bits = 0, have = 0;

	if (dnssec_nsec3_hash(&data, &params, &hash) != 0)
		abort();
	for (size_t i = 0; i < hash.size; i++) {
		bits = (bits << 8 | hash.data[i]) & 0xffff;
		for (have += 8; have >= 5; have -= 5)
			*ret++ = "0123456789abcdefghijklmnopqrstuv"[bits >> (have - 5) & 31];
	}
	*ret = 0;
	free(hash.data);
}

/* Not each is there: signed zones have what is not signed, too, now and then. */
static inline int random_put_sig(char *text, const char *owner, const char *type, bool always)
{
	if (!always && (strlen(owner) * 5 + type[0]) % 11 == 0)
		return 0;
	return sprintf(text, "%s RRSIG %s 13 2 60 20300101000000 20200101000000 1 z. AAAA\n", owner,
		       type);
}

static inline int random_put_sigs(char *text, const struct random_owner *at)
{
	char owner[300], types[200], *save, *type;
	int len = 0;

	knot_dname_to_str(owner, at->name, sizeof(owner));
	strcpy(types, at->types);
	for (type = strtok_r(types, " ", &save); type; type = strtok_r(NULL, " ", &save))
		if (!at->cut || strcmp(type, "DS") == 0)
			len += random_put_sig(text + len, owner, type, false);
	return len;
}

static inline int random_put_nsec(char *text, const struct random_owner *at,
				  const struct random_owner *next)
{
	char owner[300], next_text[300];
	int len;

	knot_dname_to_str(owner, at->name, sizeof(owner));
	knot_dname_to_str(next_text, next->name, sizeof(next_text));
	len = sprintf(text, "%s NSEC %s%s RRSIG NSEC\n", owner, next_text, at->types);
	return len + random_put_sig(text + len, owner, "NSEC", true);
}

static inline int random_put_nsec3(char *text, const struct random_version *v,
				   const struct random_owner *at, const struct random_owner *next)
{
	char owner[64];
	int len;

	sprintf(owner, "%s.z.", at->hash);
	len = sprintf(text, "%s NSEC3 1 %d 0 %s %s%s\n", owner, v->mode == RANDOM_OPT_OUT, v->salt,
		      next->hash, at->types);
	return len + random_put_sig(text + len, owner, "NSEC3", true);
}

static inline void random_sign(const struct random_version *v, char *text, size_t len)
{
	static struct random_owner owner[RANDOM_NAMES];
	bool hashed = v->mode != RANDOM_NSEC;
	size_t n = 0, kept = 0;

	random_owner_add(owner, &n, "z. SOA NS DNSKEY");
	strcpy(owner[0].types, hashed ? " SOA NS DNSKEY NSEC3PARAM" : " SOA NS DNSKEY");
	for (unsigned i = 0; i < RANDOM_RECORDS; i++)
		if (v->record[i][0] != 0)
			random_owner_add(owner, &n, v->record[i]);
	random_obscure(owner, n);
	for (size_t i = 0; i < n; i++)
		if (!owner[i].obscured &&
		    !(v->mode == RANDOM_OPT_OUT && owner[i].cut && !owner[i].ds)) {
			len += random_put_sigs(text + len, &owner[i]);
			owner[kept++] = owner[i];
		}
	len += sprintf(text + len, "z. DNSKEY 257 3 13 AAAA\n");
	if (hashed)
		len += sprintf(text + len, "z. NSEC3PARAM 1 0 0 %s\n", v->salt);
	n = kept;
	for (size_t i = 0; hashed && i < kept; i++) /* empty non-terminals */
		for (const knot_dname_t *up = owner[i].name; *up != 0 && up[*up + 1] != 0;
		     up += *up + 1)
			random_owner(owner, &n, up);
	for (size_t i = 0; i < n; i++)
		random_hash(owner[i].name, v->salt, owner[i].hash);
	qsort(owner, n, sizeof(*owner), hashed ? random_hash_cmp : random_owner_cmp);
	for (size_t i = 0; i < n; i++)
		len += hashed ? random_put_nsec3(text + len, v, &owner[i], &owner[(i + 1) % n])
			      : random_put_nsec(text + len, &owner[i], &owner[(i + 1) % n]);
}

/* The zone file. What is not allowed is removed from v. */
static inline char *random_text(struct random_version *v, unsigned serial)
{
	static char text[RANDOM_TEXT];
	int len =
		sprintf(text, "z. 60 SOA ns.z. admin.z. %u 60 60 600 30\nz. 60 NS ns.z.\n", serial);

	for (unsigned i = 0; i < RANDOM_RECORDS; i++) {
		if (random_is_allowed(v, i))
			len += sprintf(text + len, "%s\n", v->record[i]);
		else
			v->record[i][0] = 0;
	}
	if (v->mode != RANDOM_UNSIGNED)
		random_sign(v, text, len);
	return text;
}

#endif
