// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A hostile primary: a transfer of example.com as the stream has it (each message behind its
 * length). A transfer that comes to its end goes the whole way: content, store, answers, images.
 * What the transfer lets through, all of these must bear.
 *
 * First byte: bit 0 the IDs are left as they are, else made right; bit 1 a small zone-max-size.
 */
#include <errno.h>
#include <string.h>

#include "answer/answer.h"
#include "fuzz/fuzz.h"
#include "image/image.h"
#include "transfer/axfr.h"
#include "transfer/message.h"

#define ASKED_MAX 24 /* names of which everything is asked */

static const uint8_t apex[] = "\7example\3com";
static const __u64 key[2] = {1, 2};
static struct store *store;
static struct image_builder *builder;
static struct answer answer;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	store = fuzz_store();
	builder = image_builder_new(key);
	CHECK(builder);
	answer_init(&answer);
	return 0;
}

struct held {
	struct store_txn *txn;
	struct store_zone zone;
	unsigned asked;
};

/* ---- what is in the store is asked for ---- */

static void render(const struct held *held, const knot_dname_t *qname, uint16_t qtype,
		   uint16_t reply_max)
{
	knot_pkt_t *pkt = knot_pkt_new(NULL, reply_max, NULL), *read;
	knot_rrset_t soa;
	int err;

	CHECK(pkt && knot_pkt_put_question(pkt, qname, KNOT_CLASS_IN, qtype) == KNOT_EOK);
	if (answer.soa)
		CHECK(answer_negative_soa(held->txn, &held->zone, apex, &soa) == 0);
	if (answer_render(&answer, answer.soa ? &soa : NULL, pkt) == 0) {
		knot_wire_set_qr(pkt->wire);
		read = fuzz_pkt(pkt->wire, pkt->size, &err);
		CHECK(err == KNOT_EOK);
		knot_pkt_free(read);
	}
	knot_pkt_free(pkt);
}

static void ask(const struct held *held, const knot_dname_t *qname)
{
	static const uint16_t types[] = {
		KNOT_RRTYPE_A,	  KNOT_RRTYPE_NS,   KNOT_RRTYPE_CNAME, KNOT_RRTYPE_SOA,
		KNOT_RRTYPE_MX,	  KNOT_RRTYPE_TXT,  KNOT_RRTYPE_SRV,   KNOT_RRTYPE_DS,
		KNOT_RRTYPE_NSEC, KNOT_RRTYPE_SVCB, KNOT_RRTYPE_ANY,   65535,
	};

	for (size_t i = 0; i < 2 * sizeof(types) / sizeof(*types); i++) {
		uint16_t type = types[i / 2];

		answer_make(held->txn, &held->zone, apex, qname, type, i & 1, &answer);
		CHECK(answer.kind != ANSWER_FAILURE);
		CHECK(answer.an.n <= ANSWER_SECTION_MAX && answer.ns.n <= ANSWER_SECTION_MAX &&
		      answer.ar.n <= ANSWER_SECTION_MAX);
		render(held, qname, type, i & 2 ? 512 : 65535);
	}
}

static void check_page(const struct xns_node *page, int *last)
{
	CHECK(page->n_types <= XNS_NODE_TYPES);
	for (unsigned i = 0; i < page->n_types; i++) {
		const struct xns_type *type = &page->type[i];
		struct xns_image_head head;
		size_t end = type->off + sizeof(head);
		/* for DO=1 first */
		int order = 2 * type->type + !(type->flags & XNS_TYPE_DO);

		CHECK(order > *last);
		*last = order;
		CHECK(type->off % 8 == 0 && end <= XNS_NODE_DATA);
		memcpy(&head, page->data + type->off, sizeof(head));
		if (type->flags & XNS_TYPE_INLINE)
			end += head.len;
		else if (!(type->flags & XNS_TYPE_PASS))
			end += sizeof(__u64);
		CHECK(end <= XNS_NODE_DATA);
	}
}

static int build(const knot_dname_t *name, void *ctx)
{
	struct held *held = ctx;
	const struct image_node *node;
	knot_dname_storage_t below = "\1z";
	int last = -1;

	CHECK(image_build(builder, name, &node) == 0);
	CHECK(node->n_pages <= XNS_NODE_PAGES);
	for (unsigned i = 0; i < node->n_pages; i++)
		check_page(&node->page[i], &last);
	for (size_t i = 0; i < node->n_blobs; i++)
		CHECK(node->blob[i].len <= sizeof(struct xns_image_large));
	if (held->asked++ < ASKED_MAX) {
		ask(held, name);
		if (knot_dname_size(name) + 2 <= KNOT_DNAME_MAXLEN) {
			CHECK(knot_dname_store(below + 2, name));
			ask(held, below);
		}
	}
	return 0;
}

static int check_values(const struct held *held, enum store_tree tree)
{
	struct store_cursor *cursor;
	knot_dname_storage_t name;
	struct store_node node;
	int n = 0, err;

	CHECK(store_cursor_open(held->txn, held->zone.id, tree, &cursor) == 0);
	for (err = store_cursor_first(cursor, name, &node); err == 0;
	     err = store_cursor_next(cursor, name, &node), n++) {
		CHECK(knot_dname_in_bailiwick(name, apex) >= 0);
		fuzz_check_node(&node);
	}
	CHECK(err == -ENOENT);
	store_cursor_close(cursor);
	return n;
}

/* In a write transaction that is given up: the store is empty again. */
static void hold(const struct content *content)
{
	struct held held = {0};
	struct store_changes *changes;
	struct image_names names;
	struct image_blob blob[IMAGE_VERSION_BLOBS];
	struct xns_version version;
	size_t n_blobs;

	CHECK(store_write_begin(store, &held.txn) == 0);
	CHECK(store_zone_add(held.txn, apex, &held.zone) == 0);
	CHECK(store_zone_replace(held.txn, content, &(struct store_limits){0}, 1000, &changes) ==
	      0);
	CHECK(store_zone_get(held.txn, apex, &held.zone) == 0);
	CHECK((size_t)(check_values(&held, STORE_NAMES) + check_values(&held, STORE_NSEC3)) ==
	      content_nodes(content));
	image_builder_zone(builder, held.txn,
			   &(struct image_zone){.stored = &held.zone, .apex = apex});
	CHECK(image_each_name(held.txn, &held.zone, apex, build, &held) == 0);
	CHECK(image_build_version(builder, &version, blob, &n_blobs) == 0);
	CHECK(image_affected(held.txn, apex, changes, &names) == 0);
	image_names_free(&names);
	store_changes_free(changes);
	store_write_abort(held.txn);
}

/* ---- the transfer ---- */

static enum axfr_status stream(struct axfr *axfr, uint8_t flags, const uint8_t *data, size_t len)
{
	uint8_t query[MESSAGE_QUERY_MAX];
	enum axfr_status status = AXFR_MORE;

	CHECK(axfr_query(axfr, query, sizeof(query)) > 0);
	while (len >= 2 && status != AXFR_FAILED) {
		size_t size = knot_wire_read_u16(data);
		uint8_t *message;

		if (size > len - 2)
			size = len - 2;
		message = malloc(size ? size : 1);
		CHECK(message);
		memcpy(message, data + 2, size);
		if (!(flags & 1) && size >= 2)
			memcpy(message, query, 2);
		status = axfr_message(axfr, message, size);
		free(message);
		data += 2 + size;
		len -= 2 + size;
	}
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t flags = fuzz_take(&data, &len);
	struct axfr *axfr = axfr_new(apex, flags & 2 ? 300 : 1 << 20);
	struct content *content;
	char reason[256] = "";

	CHECK(axfr);
	switch (stream(axfr, flags, data, len)) {
	case AXFR_FAILED:
		fuzz_check_text(axfr_reason(axfr), MESSAGE_REASON_MAX);
		CHECK(!axfr_take_content(axfr));
		break;
	case AXFR_MORE:
		CHECK(!axfr_take_content(axfr));
		break;
	case AXFR_DONE:
		content = axfr_take_content(axfr);
		CHECK(content && content_records(content) == axfr_records(axfr));
		if (content_finish(content, reason, sizeof(reason)) == 0) {
			CHECK(content_serial(content) == axfr_serial(axfr));
			hold(content);
		} else {
			fuzz_check_text(reason, sizeof(reason));
		}
		content_free(content);
		break;
	}
	axfr_free(axfr);
	return 0;
}
