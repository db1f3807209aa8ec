/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "image/image.h"
#include "packet/fill.h"

struct xns_zone fill_zone_default(const struct rig *rig)
{
	struct xns_zone zone = {
		.flags = XNS_ZONE_F_COMPLETE,
		.apex_len = 13,
		.state = XNS_ZONE_ACTIVE,
		.deadline_ns = UINT64_MAX,
		.name = "example.com.",
	};

	fill_soa(rig, &zone.soa[0], "ns", 1);
	fill_soa(rig, &zone.soa[1], "ns1", 2);
	return zone;
}

void fill_zone(const struct rig *rig, const struct xns_zone *zone)
{
	uint32_t id = FILL_ZONE;

	assert_int_equal(bpf_map_update_elem(rig_map(rig, "zones"), &id, zone, BPF_ANY), 0);
}

/* An image outside of its node; the key is only some number that no other image has. */
static struct xns_image_key put_image(const struct rig *rig, const void *bytes, size_t len,
				      struct xns_image_head head)
{
	static uint64_t number;
	struct xns_image_key key = {.hash = {++number, 0x1234}};
	struct xns_image_large value = {.head = head};
	const char *map = len > XNS_IMAGE_SMALL_MAX ? "images_large" : "images_small";

	assert_true(len <= XNS_IMAGE_LARGE_MAX);
	memcpy(value.bytes, bytes, len);
	assert_int_equal(bpf_map_update_elem(rig_map(rig, map), &key, &value, BPF_ANY), 0);
	return key;
}

void fill_soa(const struct rig *rig, struct xns_soa *ret, const char *mname, uint32_t serial)
{
	/* apex SOA MNAME.apex h.apex serial 1 2 3 60, TTL 60 */
	uint8_t image[64] = "\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x3c\x00";
	size_t at = 12, label = strlen(mname);
	struct xns_image_key key;

	memset(ret, 0, sizeof(*ret));
	image[at++] = label;
	memcpy(image + at, mname, label);
	at += label;
	ret->pointer[1] = at;
	memcpy(image + at, "\xc0\x0c\x01h", 4);
	at += 4;
	ret->pointer[2] = at;
	memcpy(image + at, "\xc0\x0c\x00\x00\x00", 5);
	image[at + 5] = serial;
	memcpy(image + at + 6, "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\x3c", 16);
	at += 22;
	image[11] = at - 12;
	ret->n_pointers = 3;
	ret->len = at;
	ret->sum = image_sum(image, at);
	ret->serial = serial;
	key = put_image(rig, image, at, (struct xns_image_head){.nscount = 1});
	memcpy(ret->hash, key.hash, sizeof(ret->hash));
}

static void wire_name(const char *name, knot_dname_storage_t ret)
{
	assert_non_null(knot_dname_from_str(ret, name, sizeof(knot_dname_storage_t)));
	knot_dname_to_lower(ret);
}

struct xns_node fill_node(const char *name)
{
	knot_dname_storage_t wire;
	struct xns_node node = {.zone = FILL_ZONE};

	wire_name(name, wire);
	node.labels = knot_dname_labels(wire, NULL);
	return node;
}

void fill_type(const struct rig *rig, struct xns_node *node, uint16_t type, const void *bytes,
	       size_t len, bool outside)
{
	struct xns_image_head head = {.ancount = 1};
	struct xns_type *entry = &node->type[node->n_types];
	struct xns_image_key key;
	size_t off = 0;

	assert_true(node->n_types < XNS_NODE_TYPES);
	if (node->n_types > 0) {
		const struct xns_type *last = entry - 1;

		off = last->off +
		      (last->flags & XNS_TYPE_INLINE ? sizeof(head) + last->len : sizeof(key));
		off = (off + 7) & ~7;
	}
	*entry = (struct xns_type){
		.type = type, .len = len, .sum = image_sum(bytes, len), .off = off};
	if (outside) {
		entry->flags = len > XNS_IMAGE_SMALL_MAX ? XNS_TYPE_LARGE : 0;
		key = put_image(rig, bytes, len, head);
		assert_true(off + sizeof(key) <= XNS_NODE_DATA);
		memcpy(node->data + off, &key, sizeof(key));
	} else {
		entry->flags = XNS_TYPE_INLINE;
		assert_true(off + sizeof(head) + len <= XNS_NODE_DATA);
		memcpy(node->data + off, &head, sizeof(head));
		memcpy(node->data + off + sizeof(head), bytes, len);
	}
	node->n_types++;
}

static struct xns_name_key name_key(const struct rig *rig, const char *name, unsigned page)
{
	knot_dname_storage_t wire;
	struct xns_name_key key;

	wire_name(name, wire);
	image_name_key(rig->config->key, wire, &key);
	return image_page_key(key, page);
}

void fill_put(const struct rig *rig, const char *map, const char *name, unsigned page,
	      const struct xns_node *node)
{
	struct xns_name_key key = name_key(rig, name, page);

	assert_int_equal(bpf_map_update_elem(rig_map(rig, map), &key, node, BPF_ANY), 0);
	if (rig->config->max_labels < node->labels)
		rig->config->max_labels = node->labels;
}

void fill_delete(const struct rig *rig, const char *map, const char *name)
{
	struct xns_name_key key = name_key(rig, name, 0);

	assert_int_equal(bpf_map_delete_elem(rig_map(rig, map), &key), 0);
}

void fill_txt(uint8_t *ret, size_t len)
{
	size_t rdlen = len - 12, at = 12;

	assert_true(len >= 14);
	memcpy(ret, "\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10", 10);
	ret[10] = rdlen >> 8;
	ret[11] = rdlen & 0xff;
	while (at < len) {
		size_t text = len - at - 1 > 255 ? 255 : len - at - 1;

		ret[at++] = text;
		for (size_t i = 0; i < text; i++)
			ret[at++] = 'a' + (len * 7 + i) % 26;
	}
}

void fill_open(struct rig *rig)
{
	struct xns_node apex = fill_node("example.com");
	struct xns_zone zone;

	rig_open(rig);
	rig_listen(rig);
	zone = fill_zone_default(rig);
	fill_zone(rig, &zone);
	fill_put(rig, "nodes", "example.com", 0, &apex);
}
