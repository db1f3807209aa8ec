/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys and sums, as the XDP program computes them. */
#include <string.h>

#include "image/internal.h"

void image_hash(const __u64 key[2], const uint8_t *bytes, size_t len, __u64 ret[2])
{
	struct xns_sip sip;
	uint64_t word, last = (uint64_t)len << 56;
	size_t i;

	xns_sip_init(&sip, key);
	for (i = 0; i + 8 <= len; i += 8) {
		memcpy(&word, bytes + i, 8);
		xns_sip_word(&sip, le64toh(word));
	}
	for (; i < len; i++)
		last |= (uint64_t)bytes[i] << 8 * (i % 8);
	xns_sip_word(&sip, last);
	xns_sip_final(&sip, ret);
}

void image_key_make(const __u64 random[2], struct xns_key *ret)
{
	__u64 *word = (__u64 *)ret;

	/* SipHash of the number of each two words: as good as random bytes. */
	for (uint64_t i = 2; i < sizeof(*ret) / sizeof(*word); i += 2)
		image_hash(random, (const uint8_t *)&i, sizeof(i), word + i);
	memcpy(ret->sip, random, sizeof(ret->sip));
}

void image_name_key(const struct xns_key *key, const knot_dname_t *name, struct xns_name_key *ret)
{
	__u64 hash[XNS_HASHES] = {0}, word;
	size_t len = knot_dname_size(name), i;

	for (i = 0; 8 * i < len; i++) {
		word = 0;
		memcpy(&word, name + 8 * i, len - 8 * i < 8 ? len - 8 * i : 8);
		xns_hash_word(key, i, le64toh(word), hash);
	}
	xns_hash_end(key, i, hash, ret);
}

struct xns_name_key image_page_key(struct xns_name_key key, unsigned page)
{
	key.hash[1] = (key.hash[1] & ~(uint64_t)(XNS_NODE_PAGES - 1)) | page;
	return key;
}

uint16_t image_sum(const uint8_t *bytes, size_t len)
{
	uint64_t sum = 0;
	uint16_t word;
	size_t i;

	for (i = 0; i + 2 <= len; i += 2) {
		memcpy(&word, bytes + i, 2);
		sum += word;
	}
	if (i < len) {
		uint8_t last[2] = {bytes[i], 0};

		memcpy(&word, last, 2);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

void image_blob_make(const __u64 key[2], __u64 owner, const struct image_made *made,
		     struct image_blob *ret)
{
	uint8_t input[IMAGE_HEAD_LEN + IMAGE_VALUE_MAX];
	size_t len = made->value_len - IMAGE_LAYOUT_LEN;
	enum xns_class class = len <= XNS_IMAGE_TINY_MAX    ? XNS_CLASS_TINY
			       : len <= XNS_IMAGE_SMALL_MAX ? XNS_CLASS_SMALL
							    : XNS_CLASS_LARGE;
	__u64 content[2];

	memcpy(input, &made->head, IMAGE_HEAD_LEN);
	memcpy(input + IMAGE_HEAD_LEN, made->value, made->value_len);
	image_hash(key, input, IMAGE_HEAD_LEN + made->value_len, content);
	*ret = (struct image_blob){
		.key = {owner, (content[0] & ~(__u64)((1 << XNS_CLASS_BITS) - 1)) | class},
		.len = made->value_len,
		.value = made->value,
	};
}
