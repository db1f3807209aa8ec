/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One name's answers, type by type, as answer/ gives them and libknot writes them: rendered as a
 * whole message with the name as the question, of which the part behind the question is kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"

#define HEADER_LEN KNOT_WIRE_HEADER_SIZE
#define ARENA_LEN  (IMAGE_TYPES_MAX * 2048) /* images at most XNS_IMAGE_LARGE_MAX long */

_Static_assert(XNS_IMAGE_LARGE_MAX + sizeof(struct xns_image_head) <= 2048, "arena");

struct image_builder {
	__u64 key[2];
	struct store_txn *txn;
	struct image_zone zone;

	struct answer answer;
	uint8_t wire[KNOT_WIRE_MAX_PKTSIZE];
	knot_pkt_t *pkt;

	struct image_entry entry[IMAGE_TYPES_MAX];
	size_t n_entries;
	bool overflow; /* more types than entries */
	uint8_t arena[ARENA_LEN];
	size_t arena_used;
	struct image_node node;
	struct image_blob blob[IMAGE_TYPES_MAX];
	uint8_t soa[IMAGE_HEAD_LEN + 2 + 10 + 2 * KNOT_DNAME_MAXLEN + 20];
};

struct image_builder *image_builder_new(const __u64 key[2])
{
	struct image_builder *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	memcpy(b->key, key, sizeof(b->key));
	b->node.blob = b->blob;
	answer_init(&b->answer);
	b->pkt = knot_pkt_new(b->wire, sizeof(b->wire), NULL);
	if (b->pkt == NULL) {
		image_builder_free(b);
		return NULL;
	}
	return b;
}

void image_builder_free(struct image_builder *b)
{
	if (b == NULL)
		return;
	knot_pkt_free(b->pkt);
	answer_free(&b->answer);
	free(b);
}

void image_builder_zone(struct image_builder *b, struct store_txn *txn,
			const struct image_zone *zone)
{
	b->txn = txn;
	b->zone = *zone;
}

static int add_entry(struct image_builder *b, struct image_entry entry)
{
	size_t at = b->n_entries;

	if (at == IMAGE_TYPES_MAX) {
		b->overflow = true;
		return 0;
	}
	while (at > 0 && b->entry[at - 1].type > entry.type) {
		b->entry[at] = b->entry[at - 1];
		at--;
	}
	b->entry[at] = entry;
	b->n_entries++;
	return 0;
}

static bool through_dname(const struct answer *answer)
{
	for (unsigned i = 0; i < answer->an.n; i++)
		if (answer->an.rr[i].type == KNOT_RRTYPE_DNAME)
			return true;
	return false;
}

/* May additional records be left out of it when it does not fit? Not the glue of a referral. */
static bool may_be_trimmed(const struct answer *answer, unsigned arcount)
{
	return arcount > 0 && answer->kind != ANSWER_REFERRAL;
}

/* The answer in b->answer as the entry for `type` (XNS_ABI: 0 any other). */
static int add_answer(struct image_builder *b, const knot_dname_t *name, uint16_t qtype,
		      uint16_t type)
{
	const struct answer *answer = &b->answer;
	struct image_entry entry = {.type = type, .flags = XNS_TYPE_PASS};
	struct xns_image_head head = {0};
	uint8_t *value = b->arena + b->arena_used;
	size_t question = HEADER_LEN + knot_dname_size(name) + 4;
	int ret;

	/* A DNAME on the way: which names lead here is not in the store's index of references. */
	if (through_dname(answer) && name != NULL && answer->n_visited > 1)
		return add_entry(b, entry);

	knot_pkt_clear(b->pkt);
	ret = knot_pkt_put_question(b->pkt, name, KNOT_CLASS_IN, qtype);
	if (ret != KNOT_EOK)
		return -EIO;
	ret = answer_render(answer, NULL, b->pkt);
	if (ret == -ENOSPC) {
		entry.len = UINT16_MAX;
		return add_entry(b, entry);
	}
	if (ret < 0)
		return ret;

	unsigned an = knot_wire_get_ancount(b->wire), ns = knot_wire_get_nscount(b->wire),
		 ar = knot_wire_get_arcount(b->wire);

	entry.len = b->pkt->size - question;
	if (may_be_trimmed(answer, ar))
		entry.flags |= XNS_TYPE_TRIM;
	if (entry.len > XNS_IMAGE_LARGE_MAX || an > UINT8_MAX || ns > UINT8_MAX || ar > UINT8_MAX)
		return add_entry(b, entry);

	head.ancount = an;
	head.nscount = ns;
	head.arcount = ar;
	head.flags = answer->rcode & XNS_IMAGE_RCODE;
	if (answer->soa)
		head.flags |= XNS_IMAGE_SOA;
	if (!answer->aa)
		head.flags |= XNS_IMAGE_NOAA;
	memcpy(value, &head, sizeof(head));
	memcpy(value + sizeof(head), b->wire + question, entry.len);
	entry.value = value;
	entry.flags &= ~XNS_TYPE_PASS;
	if (b->n_entries < IMAGE_TYPES_MAX)
		b->arena_used += (sizeof(head) + entry.len + 7) & ~(size_t)7;
	return add_entry(b, entry);
}

static int make_answer(struct image_builder *b, const knot_dname_t *name, uint16_t qtype)
{
	answer_make(b->txn, b->zone.stored, b->zone.apex, name, qtype, false, &b->answer);
	return b->answer.kind == ANSWER_FAILURE ? -EIO : 0;
}

static int add_type(struct image_builder *b, const knot_dname_t *name, uint16_t qtype)
{
	int ret = make_answer(b, name, qtype);

	return ret < 0 ? ret : add_answer(b, name, qtype, qtype);
}

/* A type that neither node has: asking for it gives what any type gives that is not there. */
static uint16_t absent_type(const struct store_node *node, const struct store_node *target)
{
	uint16_t type = UINT16_MAX - 1;

	while ((node->data != NULL && store_node_has(node, type)) ||
	       (target->data != NULL && store_node_has(target, type)))
		type--;
	return type;
}

/* The node whose records end the chain in b->answer: the last name's, or the wildcard's that it
 * matched. */
static int chain_target(struct image_builder *b, struct store_node *ret)
{
	const knot_dname_t *name = b->answer.visited[b->answer.n_visited - 1];
	uint8_t wildcard[KNOT_DNAME_MAXLEN + 2] = {1, '*'};
	int err = store_node_get(b->txn, b->zone.stored->id, STORE_NAMES, name, ret);

	while (err == -ENOENT && *name != 0 && !knot_dname_is_equal(name, b->zone.apex)) {
		if (answer_name_status(b->txn, b->zone.stored->id, b->zone.apex, name) !=
		    ANSWER_NAME_NONE)
			return 0; /* an empty non-terminal */
		name += *name + 1;
		if (knot_dname_size(name) + 2 > KNOT_DNAME_MAXLEN)
			continue;
		memcpy(wildcard + 2, name, knot_dname_size(name));
		err = store_node_get(b->txn, b->zone.stored->id, STORE_NAMES, wildcard, ret);
	}
	return err == -ENOENT ? 0 : err;
}

/*
 * Every type at the end of the chain has an image of its own, and type 0 stands for all the others.
 * The owner's own types (CNAME, and RRSIG and NSEC in a signed zone) are answered from the owner.
 */
static int add_cname(struct image_builder *b, const knot_dname_t *name,
		     const struct store_node *node)
{
	struct store_node target = {0};
	enum answer_kind kind;
	knot_rrset_t rr;
	uint16_t other;
	size_t pos = 0;
	int ret;

	ret = make_answer(b, name, absent_type(node, &target));
	if (ret == 0)
		ret = chain_target(b, &target);
	other = absent_type(node, &target);
	if (ret == 0)
		ret = make_answer(b, name, other);
	if (ret < 0)
		return ret;
	kind = b->answer.kind;
	if (through_dname(
		    &b->answer)) /* type 0 is for the stack, so are all that are not the owner's */
		kind = ANSWER_DATA;
	ret = add_answer(b, name, other, 0);

	while (ret == 0 && store_node_next(node, &pos, &rr))
		ret = add_type(b, name, rr.type);
	if (kind == ANSWER_REFERRAL)
		return ret < 0 ? ret
			       : add_type(b, name, KNOT_RRTYPE_DS); /* the one type of a cut that
								       the parent answers */
	if (kind != ANSWER_NODATA || target.data == NULL)
		return ret;
	pos = 0;
	while (ret == 0 && store_node_next(&target, &pos, &rr))
		if (!store_node_has(node, rr.type))
			ret = add_type(b, name, rr.type);
	return ret;
}

static int add_types(struct image_builder *b, const knot_dname_t *name,
		     const struct store_node *node)
{
	knot_rrset_t rr;
	size_t pos = 0;
	int ret = 0;

	while (ret == 0 && store_node_next(node, &pos, &rr))
		ret = add_type(b, name, rr.type);
	return ret;
}

static bool has_wildcard_child(struct image_builder *b, const knot_dname_t *name)
{
	uint8_t wildcard[KNOT_DNAME_MAXLEN + 2] = {1, '*'};
	size_t len = knot_dname_size(name);
	struct store_node node;

	if (len + 2 > KNOT_DNAME_MAXLEN)
		return false;
	memcpy(wildcard + 2, name, len);
	return store_node_get(b->txn, b->zone.stored->id, STORE_NAMES, wildcard, &node) == 0 ||
	       store_has_descendant(b->txn, b->zone.stored->id, wildcard);
}

static int build_owner(struct image_builder *b, const knot_dname_t *name, struct xns_node *model)
{
	struct store_node node;
	int ret = store_node_get(b->txn, b->zone.stored->id, STORE_NAMES, name, &node);

	if (ret < 0)
		return ret;
	if (store_node_has(&node, KNOT_RRTYPE_DNAME))
		model->flags |= XNS_NODE_DNAME;
	if (!store_node_has(&node, KNOT_RRTYPE_CNAME))
		return add_types(b, name, &node);
	model->flags |= XNS_NODE_CNAME;
	return add_cname(b, name, &node);
}

int image_build(struct image_builder *b, const knot_dname_t *name,
		const struct image_node **ret_node)
{
	struct xns_node model = {.zone = b->zone.stored->id,
				 .labels = knot_dname_labels(name, NULL)};
	int ret = 0;

	*ret_node = &b->node;
	b->node.n_pages = 0;
	b->node.n_blobs = 0;
	b->n_entries = 0;
	b->arena_used = 0;
	b->overflow = false;
	image_name_key(b->key, name, &b->node.key);
	if (b->zone.held_below != NULL && b->zone.held_below(name, b->zone.ctx))
		return 0;

	switch (answer_name_status(b->txn, b->zone.stored->id, b->zone.apex, name)) {
	case ANSWER_NAME_NONE:
	case ANSWER_NAME_OBSCURED:
		return 0;
	case ANSWER_NAME_CUT:
		model.flags |= XNS_NODE_CUT;
		break;
	case ANSWER_NAME_ENT:
		break;
	case ANSWER_NAME_OWNER:
		ret = build_owner(b, name, &model);
		break;
	}
	if (ret < 0)
		return ret;
	if (!(model.flags & XNS_NODE_CUT) && has_wildcard_child(b, name))
		model.flags |= XNS_NODE_WILDCARD;
	if (b->overflow) {
		model.flags |= XNS_NODE_PASS;
		b->n_entries = 0;
	}
	image_pack(b->key, b->entry, b->n_entries, &model, &b->node);
	return 0;
}

/* A compression pointer, RFC 1035 §4.1.4; libknot's own function changed its arguments. */
static void put_pointer(uint8_t *at, uint16_t offset)
{
	knot_wire_write_u16(at, 0xc000 | offset);
}

/* Writes a name, its longest suffix that is one of the apex as a pointer into the question. Returns
 * the end. */
static uint8_t *put_soa_name(struct image_builder *b, uint8_t *at, const uint8_t *name,
			     struct xns_soa *soa)
{
	const uint8_t *bytes = b->soa + IMAGE_HEAD_LEN;

	for (; *name != 0; name += *name + 1) {
		for (const uint8_t *suffix = b->zone.apex; *suffix != 0; suffix += *suffix + 1)
			if (knot_dname_is_case_equal(name, suffix)) {
				soa->pointer[soa->n_pointers++] = at - bytes;
				put_pointer(at, HEADER_LEN + (suffix - b->zone.apex));
				return at + 2;
			}
		memcpy(at, name, *name + 1);
		at += *name + 1;
	}
	*at++ = 0;
	return at;
}

int image_build_soa(struct image_builder *b, struct xns_soa *ret_soa, struct image_blob *ret_blob)
{
	struct xns_image_head head = {.nscount = 1};
	uint8_t *bytes = b->soa + IMAGE_HEAD_LEN, *at = bytes, *rdlen;
	struct xns_soa soa = {.serial = b->zone.stored->serial};
	struct xns_image_key key;
	struct xns_name_key apex;
	const uint8_t *mname, *rname;
	knot_rrset_t rr;
	int ret;

	ret = answer_negative_soa(b->txn, b->zone.stored, b->zone.apex, &rr);
	if (ret < 0)
		return ret;
	mname = rr.rrs.rdata->data;
	rname = mname + knot_dname_size(mname);

	memcpy(b->soa, &head, sizeof(head));
	soa.pointer[soa.n_pointers++] = 0;
	put_pointer(at, HEADER_LEN);
	knot_wire_write_u16(at + 2, KNOT_RRTYPE_SOA);
	knot_wire_write_u16(at + 4, KNOT_CLASS_IN);
	knot_wire_write_u32(at + 6, rr.ttl);
	rdlen = at + 10;
	at = put_soa_name(b, at + 12, mname, &soa);
	at = put_soa_name(b, at, rname, &soa);
	memcpy(at, rname + knot_dname_size(rname), 20);
	at += 20;
	knot_wire_write_u16(rdlen, at - rdlen - 2);

	soa.len = at - bytes;
	soa.sum = image_sum(bytes, soa.len);
	image_name_key(b->key, b->zone.apex, &apex);
	image_blob_key(b->key, apex, 0, b->soa, IMAGE_HEAD_LEN + soa.len, &key);
	memcpy(soa.hash, key.hash, sizeof(soa.hash));
	*ret_soa = soa;
	*ret_blob = (struct image_blob){.key = key, .len = soa.len, .value = b->soa};
	return 0;
}
