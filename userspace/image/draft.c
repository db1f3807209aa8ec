/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of an image, and what is said about them in its layout. */
#include <errno.h>
#include <string.h>

#include "image/internal.h"

#define POINTER_TAG 0xc0 /* RFC 1035 §4.1.4: the two high bits of the first octet */
#define QNAME	    KNOT_WIRE_HEADER_SIZE

void image_draft_put(struct image_draft *draft, const void *bytes, size_t len)
{
	if (len > XNS_IMAGE_LARGE_MAX - draft->len) {
		draft->overflow = true;
		return;
	}
	memcpy(draft->value + IMAGE_LAYOUT_LEN + draft->len, bytes, len);
	draft->len += len;
}

void image_draft_put_u16(struct image_draft *draft, uint16_t number)
{
	uint8_t bytes[2];

	knot_wire_write_u16(bytes, number);
	image_draft_put(draft, bytes, sizeof(bytes));
}

void image_draft_put_u32(struct image_draft *draft, uint32_t number)
{
	uint8_t bytes[4];

	knot_wire_write_u32(bytes, number);
	image_draft_put(draft, bytes, sizeof(bytes));
}

static void note_pointer(struct image_draft *draft, size_t at, bool own)
{
	if (draft->n_pointers == XNS_POINTERS_MAX || at >= XNS_IMAGE_LARGE_MAX) {
		draft->overflow = true;
		return;
	}
	draft->pointer[draft->n_pointers++] = at | (own ? XNS_POINTER_OWN : 0);
}

void image_draft_put_pointer(struct image_draft *draft, uint16_t offset, bool own)
{
	note_pointer(draft, draft->len, own);
	image_draft_put_u16(draft, POINTER_TAG << 8 | offset);
}

struct walk {
	struct image_draft *draft;
	const uint8_t *wire;
	size_t question_end;
	size_t additional; /* offset in wire; SIZE_MAX: nothing goes before it */
	enum image_use use;
};

/* The labels of a name that stand at `at`; returns where its last octet is, or its pointer. */
static size_t skip_labels(const uint8_t *wire, size_t at)
{
	while (wire[at] != 0 && (wire[at] & POINTER_TAG) != POINTER_TAG)
		at += wire[at] + 1;
	return at;
}

static size_t skip_record(const uint8_t *wire, size_t at)
{
	at = skip_labels(wire, at);
	at += wire[at] == 0 ? 1 : 2;
	return at + 10 + knot_wire_read_u16(wire + at + 8);
}

/* Notes the pointer at the end of a name; returns where it ends. */
static size_t walk_name(struct walk *w, size_t at)
{
	size_t target;

	at = skip_labels(w->wire, at);
	if (w->wire[at] == 0)
		return at + 1;
	target = knot_wire_read_u16(w->wire + at) & ~(POINTER_TAG << 8);
	if (w->use == IMAGE_BELOW || target >= w->additional ||
	    (w->use == IMAGE_WILDCARD && target != QNAME))
		note_pointer(w->draft, at - w->question_end, target >= w->additional);
	return at + 2;
}

/* Names are compressed in the types of RFC 1035 only (RFC 3597 §4): libknot knows which. */
static void walk_rdata(struct walk *w, uint16_t type, size_t at)
{
	const knot_rdata_descriptor_t *descriptor = knot_get_rdata_descriptor(type);

	for (const int *block = descriptor->block_types; *block != KNOT_RDATA_WF_END; block++) {
		if (*block > 0)
			at += *block;
		else if (*block == KNOT_RDATA_WF_COMPRESSIBLE_DNAME)
			at = walk_name(w, at);
		else
			return;
	}
}

void image_draft_find_pointers(struct image_draft *draft, const uint8_t *wire, size_t question_end,
			       enum image_use use, bool split)
{
	struct walk w = {draft, wire, question_end, SIZE_MAX, use};
	unsigned before = draft->head.ancount + draft->head.nscount;
	size_t at = question_end;

	draft->additional = draft->len;
	if (split && draft->head.arcount > 0) {
		for (unsigned i = 0; i < before; i++)
			at = skip_record(wire, at);
		w.additional = at;
		draft->additional = at - question_end;
	}
	at = question_end;
	for (unsigned n = before + draft->head.arcount; n > 0; n--) {
		size_t end = skip_record(wire, at);

		at = walk_name(&w, at);
		walk_rdata(&w, knot_wire_read_u16(wire + at), at + 10);
		at = end;
	}
}

int image_draft_finish(struct image_draft *draft, struct image_made *ret)
{
	struct xns_image_layout layout = {.additional = draft->additional,
					  .n_pointers = draft->n_pointers};
	uint8_t *bytes = draft->value + IMAGE_LAYOUT_LEN;
	size_t target_len = draft->target != NULL ? knot_dname_size(draft->target) : 0;
	size_t pointers_len = draft->n_pointers * sizeof(draft->pointer[0]);
	size_t len = draft->len;

	ret->head = draft->head;
	ret->head.len = draft->len;
	if (pointers_len + target_len > 0)
		len = (len + 1) & ~(size_t)1;
	if (draft->overflow || len + pointers_len + target_len > XNS_IMAGE_LARGE_MAX)
		return -E2BIG;
	if (len > draft->len)
		bytes[draft->len] = 0;
	memcpy(bytes + len, draft->pointer, pointers_len);
	if (target_len > 0)
		memcpy(bytes + len + pointers_len, draft->target, target_len);
	layout.target_len = target_len;
	layout.additional_sum =
		image_sum(bytes + draft->additional, draft->len - draft->additional);
	memcpy(draft->value, &layout, sizeof(layout));
	ret->head.sum = image_sum(bytes, draft->additional);
	ret->value = draft->value;
	ret->value_len = IMAGE_LAYOUT_LEN + len + pointers_len + target_len;
	return 0;
}
