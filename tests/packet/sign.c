/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <libdnssec/nsec.h>

#include "packet/sign.h"
#include "zonefile.h"

#define HASH_LEN   20
#define BITMAP_MAX (256 * 34)

/* A name of the zone: that has records, or (NSEC3) is there for those below it. */
struct name {
	knot_dname_t *owner;
	knot_rrset_t *rrset;
	size_t n;
	bool is_cut, has_ds, obscured;
	uint8_t hash[HASH_LEN];
};

struct signer {
	knot_dname_storage_t apex;
	enum sign how;
	uint32_t stamp;
	struct name *name;
	size_t n;
	struct content *content;
};

static void must(bool condition)
{
	if (!condition)
		abort();
}

/* ---- reading ---- */

static struct name *get_name(struct signer *s, const knot_dname_t *owner)
{
	for (size_t i = 0; i < s->n; i++)
		if (knot_dname_is_equal(s->name[i].owner, owner))
			return &s->name[i];
	s->name = reallocarray(s->name, s->n + 1, sizeof(*s->name));
	must(s->name);
	s->name[s->n] = (struct name){.owner = knot_dname_copy(owner, NULL)};
	must(s->name[s->n].owner);
	return &s->name[s->n++];
}

static knot_rrset_t *get_rrset(struct name *name, uint16_t type, uint32_t ttl)
{
	for (size_t i = 0; i < name->n; i++)
		if (name->rrset[i].type == type)
			return &name->rrset[i];
	name->rrset = reallocarray(name->rrset, name->n + 1, sizeof(*name->rrset));
	must(name->rrset);
	knot_rrset_init(&name->rrset[name->n], name->owner, type, KNOT_CLASS_IN, ttl);
	return &name->rrset[name->n++];
}

static void add_record(struct signer *s, const knot_dname_t *owner, uint16_t type, uint32_t ttl,
		       const uint8_t *rdata, size_t len)
{
	must(knot_rrset_add_rdata(get_rrset(get_name(s, owner), type, ttl), rdata, len, NULL) == 0);
}

static void on_record(zs_scanner_t *scanner)
{
	knot_dname_storage_t owner;

	memcpy(owner, scanner->r_owner, scanner->r_owner_length);
	knot_dname_to_lower(owner);
	add_record(scanner->process.data, owner, scanner->r_type, scanner->r_ttl, scanner->r_data,
		   scanner->r_data_length);
}

static void read_text(struct signer *s, const char *apex, const char *text)
{
	zs_scanner_t *scanner = malloc(sizeof(*scanner));

	must(scanner && zs_init(scanner, apex, KNOT_CLASS_IN, 3600) == 0);
	must(zs_set_input_string(scanner, text, strlen(text)) == 0);
	must(zs_set_processing(scanner, on_record, zonefile_error, s) == 0);
	must(zs_parse_all(scanner) == 0 && scanner->error.counter == 0);
	zs_deinit(scanner);
	free(scanner);
}

/* ---- which names are authoritative ---- */

static bool has_type(const struct name *name, uint16_t type)
{
	for (size_t i = 0; i < name->n; i++)
		if (name->rrset[i].type == type)
			return true;
	return false;
}

static void drop_name(struct name *name)
{
	for (size_t k = 0; k < name->n; k++)
		knot_rdataset_clear(&name->rrset[k].rrs, NULL);
	free(name->rrset);
	knot_dname_free(name->owner, NULL);
}

static void drop_type(struct name *name, uint16_t type)
{
	size_t n = 0;

	for (size_t k = 0; k < name->n; k++) {
		if (name->rrset[k].type == type)
			knot_rdataset_clear(&name->rrset[k].rrs, NULL);
		else
			name->rrset[n++] = name->rrset[k];
	}
	name->n = n;
}

/* Random zones have what no zone may have: names below a DNAME, NS beside one (RFC 6672 §2.3). */
static void drop_forbidden(struct signer *s)
{
	bool *drop = calloc(s->n + 1, sizeof(*drop));
	size_t n = 0;

	must(drop);
	for (size_t j = 0; j < s->n; j++) {
		if (!has_type(&s->name[j], KNOT_RRTYPE_DNAME))
			continue;
		if (!knot_dname_is_equal(s->name[j].owner, s->apex))
			drop_type(&s->name[j], KNOT_RRTYPE_NS);
		for (size_t i = 0; i < s->n; i++)
			drop[i] |= knot_dname_in_bailiwick(s->name[i].owner, s->name[j].owner) > 0;
	}
	for (size_t i = 0; i < s->n; i++) {
		if (drop[i])
			drop_name(&s->name[i]);
		else
			s->name[n++] = s->name[i];
	}
	s->n = n;
	free(drop);
}

static void look_at_names(struct signer *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct name *name = &s->name[i];

		name->is_cut = has_type(name, KNOT_RRTYPE_NS) &&
			       !knot_dname_is_equal(name->owner, s->apex);
		name->has_ds = has_type(name, KNOT_RRTYPE_DS);
	}
	for (size_t i = 0; i < s->n; i++)
		for (size_t j = 0; j < s->n; j++)
			if ((s->name[j].is_cut || has_type(&s->name[j], KNOT_RRTYPE_DNAME)) &&
			    knot_dname_in_bailiwick(s->name[i].owner, s->name[j].owner) > 0)
				s->name[i].obscured = true;
}

static bool is_signed(const struct name *name, uint16_t type)
{
	return !name->obscured &&
	       (!name->is_cut || type == KNOT_RRTYPE_DS || type == KNOT_RRTYPE_NSEC);
}

/* ---- what is added ---- */

static void add_content(struct signer *s, const knot_rrset_t *rrset)
{
	must(content_add(s->content, rrset) == 0);
}

/* Any number that depends on all of the bytes: FNV-1a. */
static uint64_t number_of(uint64_t number, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		number = (number ^ bytes[i]) * 0x100000001b3;
	return number;
}

static void add_signature(struct signer *s, const knot_rrset_t *rrset)
{
	size_t apex_len = knot_dname_size(s->apex), labels = knot_dname_labels(rrset->owner, NULL);
	uint8_t rdata[18 + KNOT_DNAME_MAXLEN + 16] = {0};
	knot_rdata_t *covered = rrset->rrs.rdata;
	uint64_t number = 0xcbf29ce484222325 + rrset->ttl;
	knot_rrset_t sig;

	knot_wire_write_u16(rdata, rrset->type);
	rdata[2] = 13;
	rdata[3] = labels - (labels > 0 && knot_dname_is_wildcard(rrset->owner));
	knot_wire_write_u32(rdata + 4, rrset->ttl);
	knot_wire_write_u32(rdata + 8, s->stamp);
	knot_wire_write_u16(rdata + 16, 12345);
	memcpy(rdata + 18, s->apex, apex_len);
	for (unsigned i = 0; i < rrset->rrs.count; i++, covered = knot_rdataset_next(covered))
		number = number_of(number, covered->data, covered->len);
	memcpy(rdata + 18 + apex_len, &number, sizeof(number));
	number = number_of(number, rrset->owner, knot_dname_size(rrset->owner));
	memcpy(rdata + 18 + apex_len + 8, &number, sizeof(number));
	knot_rrset_init(&sig, rrset->owner, KNOT_RRTYPE_RRSIG, KNOT_CLASS_IN, rrset->ttl);
	must(knot_rrset_add_rdata(&sig, rdata, 18 + apex_len + 16, NULL) == 0);
	add_content(s, &sig);
	knot_rdataset_clear(&sig.rrs, NULL);
}

static void add_signed(struct signer *s, knot_dname_t *owner, uint16_t type, const uint8_t *rdata,
		       size_t len)
{
	knot_rrset_t rrset;

	knot_rrset_init(&rrset, owner, type, KNOT_CLASS_IN, 60);
	must(knot_rrset_add_rdata(&rrset, rdata, len, NULL) == 0);
	add_content(s, &rrset);
	add_signature(s, &rrset);
	knot_rdataset_clear(&rrset.rrs, NULL);
}

/* Writes the bitmap of the types at a name; `more`: one that is added. Returns its length. */
static size_t write_bitmap(const struct name *name, uint16_t more, uint8_t *ret)
{
	dnssec_nsec_bitmap_t *bitmap = dnssec_nsec_bitmap_new();
	bool any_signed = more != 0;
	size_t len;

	must(bitmap);
	for (size_t i = 0; i < name->n; i++) {
		any_signed |= is_signed(name, name->rrset[i].type);
		if (!name->is_cut || name->rrset[i].type == KNOT_RRTYPE_DS ||
		    name->rrset[i].type == KNOT_RRTYPE_NS)
			dnssec_nsec_bitmap_add(bitmap, name->rrset[i].type);
	}
	if (more != 0)
		dnssec_nsec_bitmap_add(bitmap, more);
	if (any_signed)
		dnssec_nsec_bitmap_add(bitmap, KNOT_RRTYPE_RRSIG);
	len = dnssec_nsec_bitmap_size(bitmap);
	dnssec_nsec_bitmap_write(bitmap, ret);
	dnssec_nsec_bitmap_free(bitmap);
	return len;
}

static int compare_owners(const void *a, const void *b)
{
	return knot_dname_cmp(((const struct name *)a)->owner, ((const struct name *)b)->owner);
}

static void add_nsec(struct signer *s)
{
	qsort(s->name, s->n, sizeof(*s->name), compare_owners);
	for (size_t i = 0; i < s->n; i++) {
		uint8_t rdata[KNOT_DNAME_MAXLEN + BITMAP_MAX];
		size_t next = (i + 1) % s->n, len;

		if (s->name[i].obscured)
			continue;
		while (s->name[next].obscured)
			next = (next + 1) % s->n;
		len = knot_dname_size(s->name[next].owner);
		memcpy(rdata, s->name[next].owner, len);
		len += write_bitmap(&s->name[i], KNOT_RRTYPE_NSEC, rdata + len);
		add_signed(s, s->name[i].owner, KNOT_RRTYPE_NSEC, rdata, len);
	}
}

static int compare_hashes(const void *a, const void *b)
{
	return memcmp(((const struct name *)a)->hash, ((const struct name *)b)->hash, HASH_LEN);
}

static bool has_nsec3(const struct signer *s, const struct name *name)
{
	return !name->obscured && !(s->how == SIGN_OPT_OUT && name->is_cut && !name->has_ds);
}

/* The names above those that have an NSEC3 have one too. */
static void add_empty_names(struct signer *s)
{
	for (size_t i = 0; i < s->n; i++) {
		knot_dname_storage_t up;
		size_t len = knot_dname_size(s->name[i].owner), at = 0;

		if (!has_nsec3(s, &s->name[i]))
			continue;
		memcpy(up, s->name[i].owner, len);
		while (!knot_dname_is_equal(up + at, s->apex)) {
			get_name(s, up + at);
			at += up[at] + 1;
		}
	}
}

static void hash_label(const uint8_t *hash, uint8_t *label)
{
	unsigned bits = 0, n = 0;

	*label++ = HASH_LEN * 8 / 5;
	for (int i = 0; i < HASH_LEN; i++) {
		bits = bits << 8 | hash[i];
		for (n += 8; n >= 5; n -= 5)
			*label++ = "0123456789abcdefghijklmnopqrstuv"[bits >> (n - 5) & 31];
	}
}

static void add_nsec3(struct signer *s)
{
	uint8_t salt[] = {0xab, 0xcd};
	dnssec_nsec3_params_t params = {
		.algorithm = DNSSEC_NSEC3_ALGORITHM_SHA1,
		.iterations = s->how == SIGN_ITERATED,
		.salt = {.size = s->how == SIGN_OPT_OUT ? sizeof(salt) : 0, .data = salt},
	};
	uint8_t head[] = {1, s->how == SIGN_OPT_OUT, 0, params.iterations, params.salt.size};

	add_empty_names(s);
	for (size_t i = 0; i < s->n; i++) {
		dnssec_binary_t data = {.size = knot_dname_size(s->name[i].owner),
					.data = s->name[i].owner};
		dnssec_binary_t hash = {0};

		must(dnssec_nsec3_hash(&data, &params, &hash) == 0 && hash.size == HASH_LEN);
		memcpy(s->name[i].hash, hash.data, HASH_LEN);
		free(hash.data);
	}
	qsort(s->name, s->n, sizeof(*s->name), compare_hashes);
	for (size_t i = 0; i < s->n; i++) {
		uint8_t rdata[KNOT_DNAME_MAXLEN + BITMAP_MAX];
		size_t next = (i + 1) % s->n, len = sizeof(head);
		knot_dname_storage_t owner;

		if (!has_nsec3(s, &s->name[i]))
			continue;
		while (!has_nsec3(s, &s->name[next]))
			next = (next + 1) % s->n;
		memcpy(rdata, head, len);
		memcpy(rdata + len, salt, params.salt.size);
		len += params.salt.size;
		rdata[len++] = HASH_LEN;
		memcpy(rdata + len, s->name[next].hash, HASH_LEN);
		len += HASH_LEN;
		len += write_bitmap(&s->name[i], 0, rdata + len);
		hash_label(s->name[i].hash, owner);
		memcpy(owner + 1 + *owner, s->apex, knot_dname_size(s->apex));
		add_signed(s, owner, KNOT_RRTYPE_NSEC3, rdata, len);
	}
}

static void add_keys(struct signer *s)
{
	static const uint8_t key[] = {1, 1, 3, 13, 'a', 'b', 'c', 'd'};
	uint8_t param[] = {1, 0, 0, s->how == SIGN_ITERATED, 0, 0xab, 0xcd};

	if (s->how == SIGN_OPT_OUT)
		param[4] = 2;
	add_record(s, s->apex, KNOT_RRTYPE_DNSKEY, 3600, key, sizeof(key));
	if (s->how != SIGN_NSEC)
		add_record(s, s->apex, KNOT_RRTYPE_NSEC3PARAM, 0, param, 5 + param[4]);
}

static void free_names(struct signer *s)
{
	for (size_t i = 0; i < s->n; i++)
		drop_name(&s->name[i]);
	free(s->name);
}

struct content *sign_content(const char *apex, const char *text, enum sign how, uint32_t stamp)
{
	struct signer s = {.how = how, .stamp = stamp};
	knot_dname_txt_storage_t origin;
	char reason[256] = "";

	must(knot_dname_from_str(s.apex, apex, sizeof(s.apex)));
	knot_dname_to_lower(s.apex);
	must(knot_dname_to_str(origin, s.apex, sizeof(origin)));
	s.content = content_new(s.apex);
	must(s.content);
	read_text(&s, origin, text);
	drop_forbidden(&s);
	if (how != SIGN_NOT)
		add_keys(&s);
	look_at_names(&s);
	for (size_t i = 0; i < s.n; i++)
		for (size_t k = 0; k < s.name[i].n; k++) {
			add_content(&s, &s.name[i].rrset[k]);
			if (how != SIGN_NOT && is_signed(&s.name[i], s.name[i].rrset[k].type))
				add_signature(&s, &s.name[i].rrset[k]);
		}
	if (how == SIGN_NSEC)
		add_nsec(&s);
	else if (how != SIGN_NOT)
		add_nsec3(&s);
	if (content_finish(s.content, reason, sizeof(reason)) != 0) {
		fprintf(stderr, "zone %s: %s\n", apex, reason);
		abort();
	}
	free_names(&s);
	return s.content;
}
