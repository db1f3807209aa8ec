/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One name's answers, type by type, as answer/ gives them: for DO=0, and for DO=1 where that is
 * something else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"

struct image_builder *image_builder_new(const struct xns_key *key)
{
	struct image_builder *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->key = *key;
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
	b->has_denial = false;
}

static bool name_exists(struct image_builder *b, const knot_dname_t *name)
{
	struct store_node node;

	return store_node_get(b->txn, b->zone.stored->id, STORE_NAMES, name, &node) == 0 ||
	       store_has_descendant(b->txn, b->zone.stored->id, name);
}

/* ---- the name under which a wildcard is rendered ---- */

/*
 * A wildcard's image is made as the answer for a name that it matches, and whose first label, one
 * octet, is nowhere in the answer: so that no pointer leads to that name but those of the owners
 * that are QNAME, whatever it is. The octet itself is not in the image.
 */
#define STAND_IN_FIRST 0xff
#define STAND_IN_LAST  0x80

static bool contains(const uint8_t *bytes, size_t len, uint8_t octet)
{
	for (size_t i = 1; i < len; i++)
		if (bytes[i - 1] == 1 && bytes[i] == octet)
			return true;
	return false;
}

static bool section_contains(const struct answer_section *section, const knot_dname_t *qname,
			     uint8_t octet)
{
	for (unsigned i = 0; i < section->n; i++) {
		const knot_rrset_t *rr = &section->rr[i];

		if (!knot_dname_is_equal(rr->owner, qname) &&
		    contains(rr->owner, knot_dname_size(rr->owner), octet))
			return true;
		if (contains((const uint8_t *)rr->rrs.rdata, rr->rrs.size, octet))
			return true;
	}
	return false;
}

static bool answer_contains(const struct answer *answer, uint8_t octet)
{
	const knot_dname_t *qname = answer->visited[0];

	return section_contains(&answer->an, qname, octet) ||
	       section_contains(&answer->ns, qname, octet) ||
	       section_contains(&answer->ar, qname, octet);
}

/* The next name that is not there; false: there is none left. */
static bool next_stand_in(struct image_builder *b)
{
	do {
		if (b->question[1] <= STAND_IN_LAST)
			return false;
		b->question[1]--;
	} while (name_exists(b, b->question));
	return true;
}

static int make_answer(struct image_builder *b, uint16_t qtype, unsigned flags)
{
	for (;;) {
		answer_make(b->txn, b->zone.stored, b->zone.apex, b->question, qtype,
			    flags | ANSWER_NO_PROOFS, &b->answer);
		if (b->answer.kind == ANSWER_FAILURE)
			return -EIO;
		if (b->use != IMAGE_WILDCARD || !answer_contains(&b->answer, b->question[1]))
			return 0;
		if (!next_stand_in(b)) {
			b->pass = true;
			return 0;
		}
	}
}

static void begin_question(struct image_builder *b, const knot_dname_t *name, enum image_use use)
{
	b->use = use;
	memcpy(b->question, name, knot_dname_size(name));
	if (use != IMAGE_WILDCARD)
		return;
	b->question[1] = STAND_IN_FIRST;
	if (name_exists(b, b->question))
		b->pass = !next_stand_in(b);
}

/* ---- entries ---- */

void image_add_entry(struct image_builder *b, struct image_entry entry, uint16_t type,
		     uint8_t flags)
{
	size_t at = b->n_entries;

	entry.type = type;
	entry.flags |= flags;
	if (at == IMAGE_ENTRIES_MAX) {
		b->pass = true;
		return;
	}
	while (at > 0 && b->entry[at - 1].type > type) {
		b->entry[at] = b->entry[at - 1];
		at--;
	}
	b->entry[at] = entry;
	b->n_entries++;
}

/* Not QNAME itself lacks the type: such answers have no image. */
static bool has_image(const struct answer *answer)
{
	return !answer->soa || answer->n_visited > 1;
}

/*
 * Does the image for DO=1 serve other clients as well? So it does if it is theirs but for proofs
 * that go with it, as these get none: that of most delegations in a signed zone.
 */
static bool serves_both(const struct image_entry *dnssec, const struct image_entry *plain)
{
	struct xns_image_head head = dnssec->made.head;

	if (image_entry_same(dnssec, plain))
		return true;
	if (dnssec->flags != plain->flags || dnssec->flags & XNS_TYPE_PASS)
		return false;
	head.flags &= ~XNS_IMAGE_PROVE;
	head.sum = plain->made.head.sum; /* of less, where something may go in between */
	return memcmp(&head, &plain->made.head, sizeof(head)) == 0 &&
	       memcmp(dnssec->made.value + IMAGE_LAYOUT_LEN, plain->made.value + IMAGE_LAYOUT_LEN,
		      head.len) == 0;
}

/* Takes back the image that was rendered before this one, at `used` of the arena. */
static void replace_rendered(struct image_builder *b, size_t used, struct image_entry *entry)
{
	b->arena_used = used;
	if (entry->flags & XNS_TYPE_PASS)
		return;
	memmove(b->arena + used, entry->made.value, entry->made.value_len);
	entry->made.value = b->arena + used;
	b->arena_used += (entry->made.value_len + 7) & ~(size_t)7;
}

/* The answer for qtype as the entries for `type` (XNS_ABI: 0 any other). */
static int add_type(struct image_builder *b, uint16_t qtype, uint16_t type)
{
	struct image_entry plain, dnssec;
	int ret = make_answer(b, qtype, 0);
	size_t used = b->arena_used;

	if (ret < 0 || b->pass || !has_image(&b->answer))
		return ret;
	ret = image_render(b, qtype, &plain);
	if (ret < 0)
		return ret;
	if (b->zone.stored->is_signed) {
		ret = make_answer(b, qtype, ANSWER_DNSSEC);
		if (ret == 0)
			ret = image_render(b, qtype, &dnssec);
		if (ret < 0)
			return ret;
		if (serves_both(&dnssec, &plain)) {
			replace_rendered(b, used, &dnssec);
			plain = dnssec;
		} else {
			image_add_entry(b, dnssec, type, XNS_TYPE_DO);
		}
	}
	image_add_entry(b, plain, type, 0);
	return 0;
}

static int add_types(struct image_builder *b, const struct store_node *node)
{
	knot_rrset_t rr;
	size_t pos = 0;
	int ret = 0;

	while (ret == 0 && store_node_next(node, &pos, &rr))
		ret = add_type(b, rr.type, rr.type);
	return ret < 0 ? ret : add_type(b, KNOT_RRTYPE_ANY, KNOT_RRTYPE_ANY);
}

/* A type that neither node has: asking for it gives what any type gives that is not there. */
static uint16_t absent_type(const struct store_node *node, const struct store_node *end)
{
	uint16_t type = UINT16_MAX - 1;

	while ((node->data != NULL && store_node_has(node, type)) ||
	       (end->data != NULL && store_node_has(end, type)))
		type--;
	return type;
}

/*
 * Every type at the end of the chain has an image of its own, and type 0 stands for all the others.
 * The owner's own types (CNAME, and RRSIG and NSEC in a signed zone) are answered from the owner.
 */
static int add_cname(struct image_builder *b, const struct store_node *node)
{
	struct store_node end = {0};
	enum answer_kind kind;
	knot_rrset_t rr;
	uint16_t other;
	size_t pos = 0;
	int ret = add_types(b, node);

	if (ret == 0)
		ret = make_answer(b, absent_type(node, &end), 0);
	if (ret < 0)
		return ret;
	end = b->answer.end;
	kind = image_through_dname(&b->answer) ? ANSWER_DATA : b->answer.kind;
	other = absent_type(node, &end);
	ret = add_type(b, other, 0);
	if (ret < 0)
		return ret;
	if (kind == ANSWER_REFERRAL) /* the one type of a cut that its parent answers */
		return add_type(b, KNOT_RRTYPE_DS, KNOT_RRTYPE_DS);
	if (kind != ANSWER_NODATA || end.data == NULL)
		return 0;
	while (ret == 0 && store_node_next(&end, &pos, &rr))
		if (!store_node_has(node, rr.type) && rr.type != KNOT_RRTYPE_RRSIG &&
		    rr.type != KNOT_RRTYPE_NSEC)
			ret = add_type(b, rr.type, rr.type);
	return ret;
}

static bool has_wildcard_child(struct image_builder *b, const knot_dname_t *name)
{
	uint8_t wildcard[KNOT_DNAME_MAXLEN + 2] = {1, '*'};
	size_t len = knot_dname_size(name);

	if (len + 2 > KNOT_DNAME_MAXLEN)
		return false;
	memcpy(wildcard + 2, name, len);
	return name_exists(b, wildcard);
}

static int build_owner(struct image_builder *b, const knot_dname_t *name, struct xns_node *model)
{
	struct store_node node;
	int ret = store_node_get(b->txn, b->zone.stored->id, STORE_NAMES, name, &node);

	if (ret < 0)
		return ret;
	if (store_node_has(&node, KNOT_RRTYPE_DNAME))
		model->flags |= XNS_NODE_DNAME;
	/* What a wildcard with a DNAME matches is for the stack. */
	begin_question(b, name,
		       knot_dname_is_wildcard(name) && !(model->flags & XNS_NODE_DNAME)
			       ? IMAGE_WILDCARD
			       : IMAGE_EXACT);
	if (b->pass)
		return 0;
	if (!store_node_has(&node, KNOT_RRTYPE_CNAME))
		return add_types(b, &node);
	model->flags |= XNS_NODE_CNAME;
	return add_cname(b, &node);
}

/* DS at a delegation, if it is there. */
static int build_ds(struct image_builder *b, const knot_dname_t *name)
{
	begin_question(b, name, IMAGE_EXACT);
	return add_type(b, KNOT_RRTYPE_DS, KNOT_RRTYPE_DS);
}

static int build_cut(struct image_builder *b, const knot_dname_t *name, struct xns_node *model)
{
	int ret;

	model->flags |= XNS_NODE_CUT;
	begin_question(b, name, IMAGE_BELOW);
	ret = add_type(b, KNOT_RRTYPE_A, 0);
	return ret < 0 ? ret : build_ds(b, name);
}

/* The apex of a held zone below: this zone has nothing to say about it but DS. */
static int build_above(struct image_builder *b, const knot_dname_t *name, struct xns_node *model)
{
	b->node.key.hash[0] ^= XNS_KEY_ABOVE;
	if (answer_name_status(b->txn, b->zone.stored->id, b->zone.apex, name) != ANSWER_NAME_CUT) {
		b->pass = true; /* a delegation above it, or the child without one: rare */
		return 0;
	}
	model->flags |= XNS_NODE_CUT;
	return build_ds(b, name);
}

static int build_own(struct image_builder *b, const knot_dname_t *name, struct xns_node *model,
		     bool *ret_exists)
{
	int ret = 0;

	switch (answer_name_status(b->txn, b->zone.stored->id, b->zone.apex, name)) {
	case ANSWER_NAME_NONE:
	case ANSWER_NAME_OBSCURED:
		*ret_exists = false;
		return 0;
	case ANSWER_NAME_CUT:
		ret = build_cut(b, name, model);
		break;
	case ANSWER_NAME_ENT:
		break;
	case ANSWER_NAME_OWNER:
		ret = build_owner(b, name, model);
		break;
	}
	*ret_exists = true;
	if (!(model->flags & XNS_NODE_CUT) && has_wildcard_child(b, name))
		model->flags |= XNS_NODE_WILDCARD;
	return ret;
}

bool image_is_held_below(struct image_builder *b, const knot_dname_t *name)
{
	return b->zone.held_below != NULL && b->zone.held_below(name, b->zone.ctx);
}

void image_build_passed(struct image_builder *b)
{
	struct xns_node model = {.zone = b->node.page[0].zone,
				 .flags = b->node.page[0].flags & ~XNS_NODE_MORE,
				 .labels = b->node.page[0].labels};

	model.flags |= XNS_NODE_PASS;
	image_pack(b->key.sip, b->entry, 0, &model, &b->node);
}

void image_begin(struct image_builder *b, const knot_dname_t *name)
{
	b->node.n_pages = 0;
	b->node.n_blobs = 0;
	b->n_entries = 0;
	b->arena_used = 0;
	b->pass = false;
	image_name_key(&b->key, name, &b->node.key);
}

int image_build(struct image_builder *b, const knot_dname_t *name,
		const struct image_node **ret_node)
{
	struct xns_node model = {.zone = b->zone.stored->id,
				 .labels = knot_dname_labels(name, NULL)};
	bool exists = true;
	int ret;

	*ret_node = &b->node;
	image_begin(b, name);
	if (!image_is_held_below(b, name))
		ret = build_own(b, name, &model, &exists);
	else if (!image_is_held_below(b, name + *name + 1))
		ret = build_above(b, name, &model);
	else
		return 0;
	if (ret < 0 || !exists)
		return ret;
	if (b->pass) {
		model.flags |= XNS_NODE_PASS;
		b->n_entries = 0;
	}
	image_pack(b->key.sip, b->entry, b->n_entries, &model, &b->node);
	return 0;
}
