/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "image/image.h"
#include "packet/fill.h"

struct rig fill_rig;

/* Large enough for an image of each map, as they only differ in how many bytes there are. */
struct value {
	struct xns_image_layout layout;
	uint8_t bytes[XNS_IMAGE_LARGE_MAX];
};

static const struct {
	const char *map;
	size_t max;
} classes[] = {
	[XNS_CLASS_TINY] = {"images_tiny", XNS_IMAGE_TINY_MAX},
	[XNS_CLASS_SMALL] = {"images_small", XNS_IMAGE_SMALL_MAX},
	[XNS_CLASS_LARGE] = {"images_large", XNS_IMAGE_LARGE_MAX},
};

/* Images outside of nodes whose node has not been put, so that the owner is not known. */
static struct {
	__u64 content;
	struct value value;
} pending[64];
static unsigned n_pending;

struct xns_zone fill_zone_default(const struct rig *rig)
{
	struct xns_zone zone = {
		.flags = XNS_ZONE_F_COMPLETE,
		.apex_len = 13,
		.apex_labels = 2,
		.state = XNS_ZONE_ACTIVE,
		.deadline_ns = UINT64_MAX,
		.name = "example.com.",
	};

	fill_soa(rig, &zone.version[0], "ns", 1);
	fill_soa(rig, &zone.version[1], "ns1", 2);
	return zone;
}

void fill_other_zone(const struct rig *rig, uint32_t id, const struct xns_zone *zone)
{
	assert_int_equal(bpf_map_update_elem(rig_map(rig, "zones"), &id, zone, BPF_ANY), 0);
}

void fill_zone(const struct rig *rig, const struct xns_zone *zone)
{
	fill_other_zone(rig, FILL_ZONE, zone);
}

static void wire_name(const char *name, knot_dname_storage_t ret)
{
	assert_non_null(knot_dname_from_str(ret, name, sizeof(knot_dname_storage_t)));
	knot_dname_to_lower(ret);
}

/* Layout, bytes, pointers, target; returns how many bytes there are behind the layout. */
static size_t make_value(const struct fill_image *image, struct xns_image_head *ret_head,
			 struct value *ret)
{
	size_t first = image->len - image->additional, at = (image->len + 1) & ~(size_t)1;

	memset(ret, 0, sizeof(*ret));
	assert_true(at + 2 * image->n_pointers <= sizeof(ret->bytes));
	memcpy(ret->bytes, image->bytes, image->len);
	memcpy(ret->bytes + at, image->pointer, 2 * image->n_pointers);
	at += 2 * image->n_pointers;
	ret->layout.additional = first;
	ret->layout.additional_sum = image_sum(ret->bytes + first, image->additional);
	ret->layout.n_pointers = image->n_pointers;
	*ret_head = image->head;
	ret_head->len = image->len;
	ret_head->sum = image_sum(ret->bytes, first);
	if (image->target) {
		knot_dname_storage_t name;

		wire_name(image->target, name);
		ret->layout.target_len = knot_dname_size(name);
		assert_true(at + ret->layout.target_len <= sizeof(ret->bytes));
		memcpy(ret->bytes + at, name, ret->layout.target_len);
		at += ret->layout.target_len;
	}
	return image->n_pointers || image->target ? at : image->len;
}

/* Some number that no other image has, and the smallest class that has room. */
static __u64 new_content(size_t len)
{
	static __u64 number;
	unsigned class = XNS_CLASS_TINY;

	while (len > classes[class].max)
		assert_true(++class <= XNS_CLASS_LARGE);
	return ++number << XNS_CLASS_BITS | class;
}

static void put_value(const struct rig *rig, const struct xns_image_key *key,
		      const struct value *value)
{
	unsigned class = key->content & ((1 << XNS_CLASS_BITS) - 1);

	assert_int_equal(
		bpf_map_update_elem(rig_map_of(rig, classes[class].map, key), key, value, BPF_ANY),
		0);
}

struct xns_ref fill_image(const struct rig *rig, const struct fill_image *image)
{
	struct xns_ref ref = {0};
	struct value value;

	ref.key.content = new_content(make_value(image, &ref.head, &value));
	ref.key.owner = ref.key.content * 0x9e3779b97f4a7c15; /* in all segments */
	put_value(rig, &ref.key, &value);
	return ref;
}

void fill_proof(struct order_entry *entry, const struct fill_image *image)
{
	struct xns_ref ref = {0};
	struct image_blob blob;
	struct value value;
	size_t len = make_value(image, &ref.head, &value);

	ref.key.content = new_content(len);
	blob = (struct image_blob){
		.key = ref.key,
		.len = sizeof(value.layout) + len,
		.value = (const uint8_t *)&value,
	};
	order_entry_set_proof(entry, &ref, &blob);
}

static int put_page(const struct xns_image_key *key, const struct xns_order *page, void *ctx)
{
	return bpf_map_update_elem(rig_map_of(ctx, "order", key), key, page, BPF_ANY);
}

struct xns_image_key fill_page(const struct rig *rig, const struct xns_order *page)
{
	struct xns_image_key key;

	order_page_key(rig->config->key.sip, page, &key);
	assert_int_equal(put_page(&key, page, (void *)rig), 0);
	return key;
}

struct xns_image_key fill_order(const struct rig *rig, const struct order_entry *entry, size_t n)
{
	const struct order_io io = {.put = put_page, .ctx = (void *)rig};
	struct order_builder *builder = order_builder_new(rig->config->key.sip, &io);
	struct xns_image_key root;

	assert_non_null(builder);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(order_builder_add(builder, &entry[i]), 0);
	assert_int_equal(order_builder_end(builder, &root), 0);
	order_builder_free(builder);
	return root;
}

void fill_soa(const struct rig *rig, struct xns_version *ret, const char *mname, uint32_t serial)
{
	/* apex SOA MNAME.apex h.apex serial 1 2 3 60, TTL 60 */
	uint8_t bytes[64] = "\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x3c\x00";
	struct fill_image image = {.head.nscount = 1, .bytes = bytes, .n_pointers = 3};
	size_t at = 12, label = strlen(mname);

	bytes[at++] = label;
	memcpy(bytes + at, mname, label);
	at += label;
	image.pointer[1] = at;
	memcpy(bytes + at, "\xc0\x0c\x01h", 4);
	at += 4;
	image.pointer[2] = at;
	memcpy(bytes + at, "\xc0\x0c\x00\x00\x00", 5);
	bytes[at + 5] = serial;
	memcpy(bytes + at + 6, "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\x3c", 16);
	at += 22;
	bytes[11] = at - 12;
	image.len = at;
	memset(ret, 0, sizeof(*ret));
	ret->soa = fill_image(rig, &image);
	ret->serial = serial;
}

struct xns_node fill_node(const char *name)
{
	knot_dname_storage_t wire;
	struct xns_node node = {.zone = FILL_ZONE};

	wire_name(name, wire);
	node.labels = knot_dname_labels(wire, NULL);
	return node;
}

struct xns_image_head *fill_head(struct xns_node *node, unsigned i)
{
	return (struct xns_image_head *)((uint8_t *)node + node->type[i].off);
}

/* Where the next entry's head goes. */
static size_t next_off(const struct xns_node *node)
{
	const struct xns_type *last = &node->type[node->n_types - 1];
	struct xns_image_layout layout;
	const uint8_t *bytes = (const uint8_t *)node;
	struct xns_image_head head;
	size_t size = sizeof(head);

	if (node->n_types == 0)
		return xns_node_begin(1);
	memcpy(&head, bytes + last->off, sizeof(head));
	if (!(last->flags & (XNS_TYPE_PASS | XNS_TYPE_INLINE))) {
		size += sizeof(__u64);
	} else if (last->flags & XNS_TYPE_INLINE && head.flags & XNS_IMAGE_LAYOUT) {
		memcpy(&layout, bytes + last->off + size, sizeof(layout));
		size += sizeof(layout) + ((head.len + 1) & ~1) + 2 * layout.n_pointers +
			layout.target_len;
	} else if (last->flags & XNS_TYPE_INLINE) {
		size += head.len;
	}
	return (last->off + size + 7) & ~(size_t)7;
}

/* What the entries refer to, to where it begins with one entry more. */
static void make_room(struct xns_node *node)
{
	__u32 from = xns_node_begin(node->n_types), to = xns_node_begin(node->n_types + 1);
	uint8_t *bytes = (uint8_t *)node;

	if (node->n_types == 0)
		return;
	assert_true(next_off(node) + (to - from) <= sizeof(*node));
	memmove(bytes + to, bytes + from, sizeof(*node) - to);
	for (unsigned i = 0; i < node->n_types; i++)
		node->type[i].off += to - from;
}

void fill_entry(struct xns_node *node, uint16_t type, uint8_t flags, const struct fill_image *image)
{
	struct xns_type *entry = &node->type[node->n_types];
	struct xns_image_head head;
	size_t off, len, used = sizeof(head);
	struct value value;
	__u64 content;

	assert_true(node->n_types < XNS_NODE_TYPES);
	make_room(node);
	off = next_off(node);
	len = make_value(image, &head, &value);
	if (flags & XNS_TYPE_INLINE && image->has_layout)
		head.flags |= XNS_IMAGE_LAYOUT;
	if (flags & XNS_TYPE_INLINE)
		used += len + (image->has_layout ? sizeof(value.layout) : 0);
	else if (!(flags & XNS_TYPE_PASS))
		used += sizeof(content);
	assert_true(off + used <= sizeof(*node));
	*entry = (struct xns_type){.type = type, .off = off, .flags = flags};
	memcpy((uint8_t *)node + off, &head, sizeof(head));
	off += sizeof(head);
	if (flags & XNS_TYPE_INLINE) {
		if (image->has_layout)
			memcpy((uint8_t *)node + off, &value, used - sizeof(head));
		else
			memcpy((uint8_t *)node + off, value.bytes, len);
	} else if (!(flags & XNS_TYPE_PASS)) {
		content = new_content(len);
		memcpy((uint8_t *)node + off, &content, sizeof(content));
		pending[n_pending % 64].content = content;
		pending[n_pending++ % 64].value = value;
	}
	node->n_types++;
}

void fill_type(const struct rig *rig, struct xns_node *node, uint16_t type, const void *bytes,
	       size_t len, bool outside)
{
	(void)rig;
	fill_entry(node, type, outside ? 0 : XNS_TYPE_INLINE,
		   &(struct fill_image){.head.ancount = 1, .bytes = bytes, .len = len});
}

static struct xns_name_key name_key(const struct rig *rig, const char *name, unsigned page)
{
	knot_dname_storage_t wire;
	struct xns_name_key key;

	wire_name(name, wire);
	image_name_key(&rig->config->key, wire, &key);
	return image_page_key(key, page);
}

/* The images that this node's entries refer to. */
static void put_pending(const struct rig *rig, const struct xns_name_key *owner,
			const struct xns_node *node)
{
	for (unsigned i = 0; i < node->n_types; i++) {
		struct xns_image_key key = {.owner = owner->hash[0]};

		if (node->type[i].flags & (XNS_TYPE_INLINE | XNS_TYPE_PASS))
			continue;
		memcpy(&key.content, (uint8_t *)node + node->type[i].off + 8, sizeof(key.content));
		for (unsigned j = 0; j < 64; j++)
			if (key.content && pending[j].content == key.content)
				put_value(rig, &key, &pending[j].value);
	}
}

static void put_node(const struct rig *rig, const char *map, const struct xns_name_key *key,
		     const struct xns_node *node)
{
	put_pending(rig, key, node);
	assert_int_equal(bpf_map_update_elem(rig_map_of(rig, map, key), key, node, BPF_ANY), 0);
	if (rig->config->max_labels < node->labels)
		rig->config->max_labels = node->labels;
}

void fill_put(const struct rig *rig, const char *map, const char *name, unsigned page,
	      const struct xns_node *node)
{
	struct xns_name_key key = name_key(rig, name, page);

	put_node(rig, map, &key, node);
}

void fill_put_above(const struct rig *rig, const char *map, const char *name,
		    const struct xns_node *node)
{
	struct xns_name_key key = name_key(rig, name, 0);

	key.hash[0] ^= XNS_KEY_ABOVE;
	put_node(rig, map, &key, node);
}

void fill_delete(const struct rig *rig, const char *map, const char *name)
{
	struct xns_name_key key = name_key(rig, name, 0);

	assert_int_equal(bpf_map_delete_elem(rig_map_of(rig, map, &key), &key), 0);
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

int fill_setup(void **state)
{
	(void)state;
	fill_open(&fill_rig);
	return 0;
}

int fill_setup_www(void **state)
{
	struct xns_node www = fill_node("www.example.com");

	(void)state;
	fill_open(&fill_rig);
	fill_type(&fill_rig, &www, 1, FILL_A, FILL_A_LEN, false);
	fill_put(&fill_rig, "nodes", "www.example.com", 0, &www);
	return 0;
}

int fill_teardown(void **state)
{
	(void)state;
	rig_close(&fill_rig);
	return 0;
}

void fill_ask(const struct ask *ask, enum xns_counter counter, const char *text)
{
	uint8_t message[512], frame[FRAME_MAX];
	struct outcome outcome;

	for (int n = 0; n < 6; n++) {
		const struct shape shape = {.ipv6 = n % 2, .tags = n / 2, .padding = n};
		size_t len = frame_make(&shape, message, ask_message(ask, message), frame);

		if (rig_is_answer(counter))
			rig_expect_reply(&fill_rig, &shape, frame, len, counter, text, ask->name,
					 &outcome);
		else
			rig_expect_pass(&fill_rig, frame, len, counter, ask->name);
	}
}
