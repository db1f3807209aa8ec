// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The packet path's keys for the order beside the agent's: of a name (and its wildcard) among NSEC
 * owners, and its NSEC3 hash beside libdnssec's.
 *
 * Input: a byte: labels of the apex; bit 7: of the wildcard. A byte: labels that are left out. A
 * byte: how long the salt is, the salt; then a name on the wire, as far as it is one.
 */
#include <string.h>
#include <libdnssec/error.h>
#include <libdnssec/nsec.h>

#include "fuzz/fuzz.h"
#include "fuzz/packet_path.h"
#include "image/order.h"

static size_t take_name(const uint8_t *data, size_t len, uint8_t *ret_name)
{
	size_t at = 0;

	for (size_t i = 0; i < len;) {
		size_t size = data[i] % 64;

		if (size == 0 || size > len - i - 1 || at + 1 + size + 1 > KNOT_DNAME_MAXLEN)
			break;
		ret_name[at] = (uint8_t)size;
		memcpy(ret_name + at + 1, data + i + 1, size);
		at += 1 + size;
		i += 1 + size;
	}
	ret_name[at] = 0;
	return at + 1;
}

/* The name that is meant: `skip` labels left out, a "*" before it, lower case. */
static bool make_meant(const uint8_t *name, bool wildcard, unsigned skip, uint8_t *ret)
{
	const uint8_t *from = name;
	size_t at = 0;

	for (unsigned i = 0; i < skip; i++)
		from += *from + 1;
	if (wildcard) {
		if (knot_dname_size(from) + 2 > KNOT_DNAME_MAXLEN)
			return false;
		memcpy(ret, "\1*", 2);
		at = 2;
	}
	memcpy(ret + at, from, knot_dname_size(from));
	knot_dname_to_lower(ret);
	return true;
}

static void check_hash(const uint8_t *meant, const uint8_t *salt, size_t salt_len,
		       const struct packet_path_key *got)
{
	dnssec_nsec3_params_t params = {.algorithm = DNSSEC_NSEC3_ALGORITHM_SHA1,
					.salt = {salt_len, (uint8_t *)salt}};
	dnssec_binary_t name = {knot_dname_size(meant), (uint8_t *)meant}, hash = {0};

	CHECK(dnssec_nsec3_hash(&name, &params, &hash) == DNSSEC_EOK && hash.size == 20);
	for (unsigned i = 0; i < 20; i++) {
		CHECK((got->hash[i / 4] >> (24 - 8 * (i % 4)) & 0xff) == hash.data[i]);
		CHECK((got->word[i / 8] >> (56 - 8 * (i % 8)) & 0xff) == hash.data[i]);
	}
	dnssec_binary_free(&hash);
}

static void check_key(const uint8_t *meant, const uint8_t *name, unsigned apex_labels,
		      const struct packet_path_key *got)
{
	const uint8_t *apex = name;
	uint8_t lower[KNOT_DNAME_MAXLEN];
	struct order_key want;

	for (unsigned i = (unsigned)knot_dname_labels(name, NULL); i > apex_labels; i--)
		apex += *apex + 1;
	memcpy(lower, apex, knot_dname_size(apex));
	knot_dname_to_lower(lower);
	order_key_name(lower, meant, &want);
	/* The packet path leaves zero octets at the end of the last word's key. */
	CHECK(got->words >= want.n);
	for (unsigned i = 0; i < got->words; i++)
		CHECK(got->word[i] == (i < want.n ? want.word[i] : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t first = fuzz_take(&data, &len), skip = fuzz_take(&data, &len);
	size_t salt_len = fuzz_take(&data, &len) % (XNS_SALT_MAX + 1);
	uint8_t name[KNOT_DNAME_MAXLEN], meant[KNOT_DNAME_MAXLEN + 2], salt[XNS_SALT_MAX];
	unsigned labels, apex_labels;
	bool wildcard = first & 0x80;
	struct packet_path_key key;

	if (salt_len > len)
		salt_len = len;
	memcpy(salt, data, salt_len);
	take_name(data + salt_len, len - salt_len, name);
	labels = (unsigned)knot_dname_labels(name, NULL);
	skip %= labels + 1;
	apex_labels = (first & 0x7f) % (labels - skip + 1);
	/* A wildcard's proof is only ever asked for at an encloser, which has a name below it. */
	if ((wildcard && skip == 0) || !make_meant(name, wildcard, skip, meant))
		return 0;
	CHECK(packet_path_hash(name, wildcard, skip, salt, salt_len, &key) == 0);
	check_hash(meant, salt, salt_len, &key);
	CHECK(packet_path_name_key(name, wildcard, skip, apex_labels, &key) == 0);
	check_key(meant, name, apex_labels, &key);
	return 0;
}
