// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A hostile primary: a transfer of example.com as the stream has it (each message behind its
 * length). A transfer that comes to its end goes the whole way: content or difference, store,
 * answers, images. What the transfer lets through, all of these must bear; and a difference gives
 * the same whether it is done to the store or to content in memory.
 *
 * First byte: bit 0 the IDs are left as they are, else made right; bit 1 a small zone-max-size;
 * bit 2 IXFR from serial 6, of the zone below; bit 3 with a key, and the messages are signed for
 * the primary, but those whose length is odd (two in a row: the later one's bytes are changed).
 */
#include <errno.h>
#include <string.h>

#include "answer/answer.h"
#include "fuzz/fuzz.h"
#include "image/image.h"
#include "transfer/message.h"
#include "transfer/xfr.h"
#include "tsig/tsig.h"
#include "zonefile.h"

#define ASKED_MAX 24 /* names of which everything is asked */

/* What is here before an IXFR. */
#define ZONE                                                                              \
	"@ SOA ns host 6 3600 900 604800 300\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n" \
	"www TXT \"old\"\n*.w MX 1 Www\nsub NS ns.sub\nns.sub A 192.0.2.3\nalias CNAME www\n"

static const uint8_t apex[] = "\7example\3com";
static const struct store_limits limits = {.journal_max_usage = 1 << 20, .journal_max_depth = 8};
static knot_tsig_key_t tsig_key;
static struct xns_key key;
static struct store *store;
static struct image_builder *builder;
static struct answer answer;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	store = fuzz_store();
	image_key_make((__u64[]){1, 2}, &key);
	builder = image_builder_new(&key);
	CHECK(builder);
	answer_init(&answer);
	CHECK(knot_tsig_key_init(&tsig_key, "hmac-sha256", "key.", "c2VjcmV0c2VjcmV0") == 0);
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
		CHECK(type->off % 8 == 0 && type->off >= xns_node_begin(page->n_types));
		CHECK(end <= sizeof(*page));
		memcpy(&head, (const uint8_t *)page + type->off, sizeof(head));
		if (type->flags & XNS_TYPE_INLINE)
			end += head.len;
		else if (!(type->flags & XNS_TYPE_PASS))
			end += sizeof(__u64);
		CHECK(end <= sizeof(*page));
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

static void hold_end(struct held *held, const struct store_changes *changes)
{
	struct image_names names;
	struct image_blob blob[IMAGE_VERSION_BLOBS];
	struct xns_version version;
	size_t n_blobs;

	image_builder_zone(builder, held->txn,
			   &(struct image_zone){.stored = &held->zone, .apex = apex});
	CHECK(image_each_name(held->txn, &held->zone, apex, build, held) == 0);
	CHECK(image_build_version(builder, &version, blob, &n_blobs) == 0);
	CHECK(image_affected(held->txn, apex, changes, &names) == 0);
	image_names_free(&names);
}

/* In a write transaction that is given up: the store is empty again. */
static void hold(const struct content *content)
{
	struct held held = {0};
	struct store_changes *changes;

	CHECK(store_write_begin(store, &held.txn) == 0);
	CHECK(store_zone_add(held.txn, apex, &held.zone) == 0);
	CHECK(store_zone_replace(held.txn, content, &(struct store_limits){0}, 1000, &changes) ==
	      0);
	CHECK(store_zone_get(held.txn, apex, &held.zone) == 0);
	CHECK((size_t)(check_values(&held, STORE_NAMES) + check_values(&held, STORE_NSEC3)) ==
	      content_nodes(content));
	hold_end(&held, changes);
	store_changes_free(changes);
	store_write_abort(held.txn);
}

/* ---- differences ---- */

static struct content *applied(const struct diff *diff)
{
	struct content *content = zonefile_finished("example.com.", ZONE, NULL);
	char reason[256] = "";
	int ret = diff_apply(diff, content, reason, sizeof(reason));

	if (ret == 0)
		ret = content_finish(content, reason, sizeof(reason));
	if (ret == 0)
		return content;
	fuzz_check_text(reason, sizeof(reason));
	content_free(content);
	return NULL;
}

static void change(const struct diff *diff)
{
	struct content *base = zonefile_finished("example.com.", ZONE, NULL);
	struct content *expect = applied(diff);
	struct store_changes *changes;
	struct held held = {0};
	char reason[256] = "";
	int ret;

	CHECK(store_write_begin(store, &held.txn) == 0);
	CHECK(store_zone_add(held.txn, apex, &held.zone) == 0);
	CHECK(store_zone_replace(held.txn, base, &limits, 1000, &changes) == 0);
	store_changes_free(changes);
	ret = store_zone_change(held.txn, diff, &limits, 1000, reason, sizeof(reason), &changes);
	CHECK((ret == 0) == (expect != NULL));
	if (ret == 0) {
		CHECK(store_zone_get(held.txn, apex, &held.zone) == 0);
		CHECK(held.zone.serial == diff_last_serial(diff));
		hold_end(&held, changes);
		store_changes_free(changes);
		/* The zone as a whole changes nothing any more. */
		CHECK(store_zone_replace(held.txn, expect, &limits, 1000, &changes) == 0);
		CHECK(changes->n == 0 && changes->n_nsec3 == 0);
		store_changes_free(changes);
	} else {
		fuzz_check_text(reason, sizeof(reason));
	}
	store_write_abort(held.txn);
	content_free(expect);
	content_free(base);
}

/* ---- the transfer ---- */

static const knot_tsig_key_t *find(const knot_dname_t *name, void *ctx)
{
	(void)name;
	return ctx;
}

struct primary {
	uint8_t flags;
	uint8_t query[XFR_QUERY_MAX];
	struct tsig_server tsig;
	bool was_odd;
};

static enum xfr_status deliver(struct primary *primary, struct xfr *xfr, const uint8_t *data,
			       size_t size)
{
	bool odd = size & 1;
	size_t room = size + TSIG_ROOM_MAX;
	uint8_t *message = malloc(room), *exact;
	enum xfr_status status;

	CHECK(message);
	memcpy(message, data, size);
	if (!(primary->flags & 1) && size >= 2)
		memcpy(message, primary->query, 2);
	if (primary->flags & 8 && !odd && size >= KNOT_WIRE_HEADER_SIZE && size < 65000)
		CHECK(tsig_server_sign(&primary->tsig, message, &size, room) == 0);
	if (primary->flags & 8 && odd && primary->was_odd)
		message[size - 1] ^= 1;
	primary->was_odd = odd;
	exact = malloc(size ? size : 1);
	CHECK(exact);
	memcpy(exact, message, size);
	status = xfr_message(xfr, exact, size);
	free(exact);
	free(message);
	return status;
}

static enum xfr_status stream(struct xfr *xfr, uint8_t flags, const uint8_t *data, size_t len)
{
	struct primary primary = {.flags = flags};
	enum xfr_status status = XFR_MORE;
	char reason[TSIG_REASON_MAX];
	size_t bare;
	int ret = xfr_query(xfr, primary.query, sizeof(primary.query));

	CHECK(ret > 0);
	if (flags & 8)
		CHECK(tsig_server_check(&primary.tsig, primary.query, (size_t)ret, find, &tsig_key,
					&bare, reason) == 0);
	while (len >= 2 && status != XFR_FAILED) {
		size_t size = knot_wire_read_u16(data);

		if (size > len - 2)
			size = len - 2;
		status = deliver(&primary, xfr, data + 2, size);
		data += 2 + size;
		len -= 2 + size;
	}
	return status;
}

static void whole(struct xfr *xfr)
{
	struct content *content = xfr_take_content(xfr);
	char reason[256] = "";

	CHECK(content && content_records(content) == xfr_records(xfr));
	if (content_finish(content, reason, sizeof(reason)) == 0) {
		CHECK(content_serial(content) == xfr_serial(xfr));
		hold(content);
	} else {
		fuzz_check_text(reason, sizeof(reason));
	}
	content_free(content);
}

static void done(struct xfr *xfr, bool ixfr)
{
	struct diff *diff;

	switch (xfr_outcome(xfr)) {
	case XFR_CONTENT:
		whole(xfr);
		break;
	case XFR_DIFF:
		CHECK(ixfr);
		diff = xfr_take_diff(xfr);
		CHECK(diff && diff_count(diff) > 0 && diff_records(diff) == xfr_records(xfr));
		CHECK(diff_first_serial(diff) == 6 && diff_last_serial(diff) == xfr_serial(xfr));
		CHECK(message_serial_newer(xfr_serial(xfr), 6));
		change(diff);
		diff_free(diff);
		break;
	case XFR_CURRENT:
		CHECK(ixfr && !message_serial_newer(xfr_serial(xfr), 6));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t flags = fuzz_take(&data, &len);
	struct xfr_request request = {
		.apex = apex,
		.ixfr = flags & 4,
		.serial = 6,
		.max_bytes = flags & 2 ? 300 : 1 << 20,
		.key = flags & 8 ? &tsig_key : NULL,
	};
	struct xfr *xfr = xfr_new(&request);
	enum xfr_status status;

	CHECK(xfr);
	status = stream(xfr, flags, data, len);
	if (status == XFR_FAILED)
		fuzz_check_text(xfr_reason(xfr), MESSAGE_REASON_MAX);
	else
		CHECK(xfr_reason(xfr)[0] == 0);
	if (status == XFR_DONE) {
		done(xfr, request.ixfr);
	} else {
		CHECK(!xfr_take_content(xfr));
		CHECK(!xfr_take_diff(xfr));
	}
	xfr_free(xfr);
	return 0;
}
