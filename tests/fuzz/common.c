// SPDX-License-Identifier: GPL-3.0-or-later
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "zonefile.h"

void fuzz_check_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	CHECK(len > 0 && len < size);
	for (size_t i = 0; i < len; i++) {
		if (strncmp(text + i, "§", 2) == 0) /* our own words; names come escaped */
			i++;
		else
			CHECK((unsigned char)text[i] >= 0x20 && (unsigned char)text[i] < 0x7f);
	}
}

struct store *fuzz_store(void)
{
	static const char *const files[] = {"data.mdb", "lock.mdb", "xnsd.lock"};
	char dir[] = "/tmp/xnsd-fuzz-XXXXXX", path[64];
	struct store *store;

	CHECK(mkdtemp(dir));
	CHECK(store_open(dir, (uint64_t)64 << 20, &store) == 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	CHECK(rmdir(dir) == 0);
	return store;
}

void fuzz_store_zone(struct store *store, const char *apex, const char *text)
{
	struct content *content = zonefile_finished(apex, text, NULL);
	struct store_changes *changes;
	struct store_zone zone;
	struct store_txn *txn;

	CHECK(store_write_begin(store, &txn) == 0);
	CHECK(store_zone_add(txn, content_apex(content), &zone) == 0);
	CHECK(store_zone_replace(
		      txn, content,
		      &(struct store_limits){.journal_max_usage = 1 << 20, .journal_max_depth = 4},
		      1000, &changes) == 0);
	CHECK(store_write_commit(txn) == 0);
	store_changes_free(changes);
	content_free(content);
}

void fuzz_check_node(const struct store_node *node)
{
	int last_type = -1;
	knot_rrset_t rr;
	size_t pos = 0;

	while (store_node_next(node, &pos, &rr)) {
		const uint8_t *at = (const uint8_t *)rr.rrs.rdata, *end = at + rr.rrs.size;

		CHECK(at >= node->data && end <= node->data + node->len);
		CHECK(rr.type > last_type);
		last_type = rr.type;
		CHECK(rr.rrs.count > 0);
		for (uint16_t i = 0; i < rr.rrs.count; i++) {
			uint16_t len;

			CHECK(end - at >= 2);
			memcpy(&len, at, 2);
			CHECK((size_t)(end - at) >= knot_rdata_size(len));
			at += knot_rdata_size(len);
		}
		CHECK(at == end);
	}
	CHECK(pos == node->len);
}

knot_pkt_t *fuzz_pkt(const uint8_t *wire, size_t len, int *ret_err)
{
	knot_pkt_t *pkt = knot_pkt_new((void *)wire, (uint16_t)len, NULL);

	CHECK(pkt);
	*ret_err = knot_pkt_parse(pkt, 0);
	return pkt;
}
