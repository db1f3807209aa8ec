/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "answer/answer.h"
#include "packet/zones.h"
#include "zonefile.h"

static int find_map(const char *name, void *ctx)
{
	return fcntl(rig_map(ctx, name), F_DUPFD_CLOEXEC, 0);
}

static void read_config(struct zones *zones, const char *const *names)
{
	char text[4096] = "server: {listen: [192.0.2.53@53, \"2001:db8::53@53\"]}\n"
			  "remotes: [{id: hidden, address: 198.51.100.1}]\nzones:\n";

	for (; *names; names++) {
		strcat(text, "  - {domain: ");
		strcat(text, *names);
		strcat(text, ", primaries: [hidden]}\n");
	}
	assert_int_equal(config_parse("packet_test", (const uint8_t *)text, strlen(text), stderr,
				      &zones->config),
			 0);
}

static struct zone *get_zone(struct zones *zones, const char *name)
{
	knot_dname_storage_t apex;
	struct zone *zone;

	assert_non_null(knot_dname_from_str(apex, name, sizeof(apex)));
	zone = zone_table_get(&zones->table, apex);
	assert_non_null(zone);
	return zone;
}

/* The zones that are held, by name. */
static void hold(struct zones *zones, const char *const *names)
{
	struct store_txn *txn;
	struct store_zone stored;

	read_config(zones, names);
	assert_int_equal(zone_table_init(&zones->table, zones->config), 0);
	assert_int_equal(store_write_begin(zones->store, &txn), 0);
	for (size_t i = 0; i < zones->table.n; i++) {
		assert_int_equal(store_zone_add(txn, zones->table.zone[i]->apex, &stored), 0);
		zones->table.zone[i]->id = stored.id;
	}
	assert_int_equal(store_write_commit(txn), 0);
}

void zones_open(struct zones *zones, const struct rig *rig, const char *const *names)
{
	memset(zones, 0, sizeof(*zones));
	strcpy(zones->dir, "/tmp/xnsd-packet-XXXXXX");
	assert_non_null(mkdtemp(zones->dir));
	assert_int_equal(store_open(zones->dir, 64 << 20, &zones->store), 0);
	hold(zones, names);
	assert_int_equal(publish_open_fds(find_map, (void *)rig, &zones->publish), 0);
	assert_int_equal(publish_configure(zones->publish, zones->config), 0);
	assert_int_equal(publish_take_over(zones->publish, &zones->table, store_uuid(zones->store)),
			 0);
}

void zones_use_differences(struct zones *zones)
{
	struct store_zone stored;
	struct store_txn *txn;
	char dir[40];

	snprintf(dir, sizeof(dir), "%s/primary", zones->dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(store_open(dir, 64 << 20, &zones->primary), 0);
	assert_int_equal(store_write_begin(zones->primary, &txn), 0);
	for (size_t i = 0; i < zones->table.n; i++)
		assert_int_equal(store_zone_add(txn, zones->table.zone[i]->apex, &stored), 0);
	assert_int_equal(store_write_commit(txn), 0);
}

void zones_restart(struct zones *zones, const struct rig *rig, const char *const *names)
{
	zone_table_free(&zones->table);
	config_free(zones->config);
	hold(zones, names);
	zones_take_over(zones, rig);
}

void zones_close(struct zones *zones)
{
	char command[64];

	publish_close(zones->publish);
	store_close(zones->store);
	store_close(zones->primary);
	zone_table_free(&zones->table);
	config_free(zones->config);
	snprintf(command, sizeof(command), "rm -r %s", zones->dir);
	assert_int_equal(system(command), 0);
}

/* What is now the primary's as the difference from this serial, out of its journal; NULL: it has
 * none. */
static struct diff *journal_diff(struct store *primary, const knot_dname_t *apex, uint32_t serial)
{
	struct store_journal *journal;
	enum store_journal_part part;
	knot_dname_storage_t owner;
	struct store_zone stored;
	struct store_txn *txn;
	knot_rrset_t rr;
	struct diff *diff = diff_new(apex);
	int ret;

	assert_non_null(diff);
	assert_int_equal(store_read_begin(primary, &txn), 0);
	assert_int_equal(store_zone_get(txn, apex, &stored), 0);
	ret = store_journal_open(txn, stored.id, serial, &journal);
	if (ret == 0) {
		while (store_journal_next(journal, &part, owner, &rr) == 0)
			assert_int_equal(part == JOURNAL_OLD_SOA   ? diff_begin(diff, &rr)
					 : part == JOURNAL_NEW_SOA ? diff_turn(diff, &rr)
								   : diff_add(diff, &rr),
					 0);
		store_journal_close(journal);
	}
	store_read_end(txn);
	if (ret == 0)
		return diff;
	assert_int_equal(ret, -ENOENT);
	diff_free(diff);
	return NULL;
}

/* By way of a primary. NULL: it does not give this as a difference. */
static struct store_changes *change(struct zones *zones, struct store_txn *txn,
				    const struct content *content)
{
	const struct store_limits limits = {.journal_max_usage = 1 << 20, .journal_max_depth = 2};
	const knot_dname_t *apex = content_apex(content);
	struct store_changes *changes = NULL;
	struct store_txn *primary;
	struct store_zone stored;
	struct diff *diff = NULL;
	char reason[160] = "";

	assert_int_equal(store_write_begin(zones->primary, &primary), 0);
	assert_int_equal(store_zone_replace(primary, content, &limits, clock_real_s(), &changes),
			 0);
	store_changes_free(changes);
	changes = NULL;
	assert_int_equal(store_write_commit(primary), 0);
	assert_int_equal(store_zone_get(txn, apex, &stored), 0);
	if (stored.has_content && stored.serial % 3 != 0)
		diff = journal_diff(zones->primary, apex, stored.serial);
	if (diff == NULL)
		return NULL;
	if (store_zone_change(txn, diff, &(struct store_limits){0}, clock_real_s(), reason,
			      sizeof(reason), &changes) != 0)
		fail_msg("%s", reason);
	zones->n_differences++;
	diff_free(diff);
	return changes;
}

/* Into the store; the changes, to be freed. */
static struct store_changes *replace(struct zones *zones, struct store_txn *txn,
				     const struct content *content)
{
	struct store_changes *changes = NULL;

	if (zones->primary)
		changes = change(zones, txn, content);
	if (!changes)
		assert_int_equal(store_zone_replace(txn, content, &(struct store_limits){0},
						    clock_real_s(), &changes),
				 0);
	return changes;
}

static struct content *get_content(const struct zones_text *text)
{
	return sign_content(text->name, text->text, text->how, text->stamp);
}

void zones_lose_ahead(struct zones *zones, const struct zones_text *text)
{
	struct content *content = get_content(text);
	struct publish_ahead *ahead = publish_ahead_start(zones->publish, &zones->table,
							  get_zone(zones, text->name), content);

	assert_non_null(ahead);
	publish_ahead_wait(ahead);
	publish_ahead_free(ahead);
	content_free(content);
}

void zones_store(struct zones *zones, const struct zones_text *text)
{
	struct content *content = get_content(text);
	struct store_txn *txn;

	assert_int_equal(store_write_begin(zones->store, &txn), 0);
	store_changes_free(replace(zones, txn, content));
	assert_int_equal(store_write_commit(txn), 0);
	content_free(content);
}

/* Returns whether all names are in the maps. */
static bool publish_items(struct zones *zones, struct publish_item *item, size_t n)
{
	struct store_txn *txn;
	bool complete = true;

	assert_int_equal(store_read_begin(zones->store, &txn), 0);
	publish_zones(zones->publish, txn, &zones->table, item, n);
	store_read_end(txn);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(item[i].ret_error, 0);
		complete &= item[i].ret_report.complete;
	}
	return complete;
}

bool zones_try_batch(struct zones *zones, const struct zones_text *text, size_t n,
		     int64_t expires_in_s)
{
	struct publish_item item[ZONES_BATCH_MAX] = {0};
	struct store_changes *changes[ZONES_BATCH_MAX];
	struct content *content[ZONES_BATCH_MAX];
	struct store_txn *txn;
	bool complete;

	assert_true(n <= ZONES_BATCH_MAX);
	assert_int_equal(store_write_begin(zones->store, &txn), 0);
	for (size_t i = 0; i < n; i++) {
		content[i] = get_content(&text[i]);
		item[i].zone = get_zone(zones, text[i].name);
		if (zones->n_loaded++ % 2 == 0) /* as the agent does it with large zones */
			item[i].ahead = publish_ahead_start(zones->publish, &zones->table,
							    item[i].zone, content[i]);
		changes[i] = replace(zones, txn, content[i]);
		if (item[i].ahead != NULL)
			publish_ahead_wait(item[i].ahead);
		item[i].stored = &changes[i]->new_zone;
		item[i].changes = changes[i];
		item[i].expires_at_ms = clock_boot_ms() + expires_in_s * 1000;
		item[i].stale_at_ms = item[i].zone->stale_at_ms;
	}
	assert_int_equal(store_write_commit(txn), 0);
	if (zones->stored)
		zones->stored();
	complete = publish_items(zones, item, n);
	for (size_t i = 0; i < n; i++) {
		publish_ahead_free(item[i].ahead);
		store_changes_free(changes[i]);
		content_free(content[i]);
	}
	return complete;
}

void zones_load_batch(struct zones *zones, const struct zones_text *text, size_t n,
		      int64_t expires_in_s)
{
	assert_true(zones_try_batch(zones, text, n, expires_in_s));
}

void zones_load(struct zones *zones, const char *name, const char *text, int64_t expires_in_s)
{
	zones_load_batch(zones, &(struct zones_text){.name = name, .text = text}, 1, expires_in_s);
}

void zones_take_over(struct zones *zones, const struct rig *rig)
{
	publish_close(zones->publish);
	assert_int_equal(publish_open_fds(find_map, (void *)rig, &zones->publish), 0);
	assert_int_equal(publish_take_over(zones->publish, &zones->table, store_uuid(zones->store)),
			 0);
}

void zones_publish_all(struct zones *zones, int64_t expires_in_s)
{
	struct publish_item item[ZONES_BATCH_MAX] = {0};
	struct store_zone stored[ZONES_BATCH_MAX];
	struct store_txn *txn;
	size_t n = 0;

	assert_true(zones->table.n <= ZONES_BATCH_MAX);
	assert_int_equal(store_read_begin(zones->store, &txn), 0);
	for (size_t i = 0; i < zones->table.n; i++) {
		assert_int_equal(store_zone_get(txn, zones->table.zone[i]->apex, &stored[n]), 0);
		if (!stored[n].has_content)
			continue;
		item[n].zone = zones->table.zone[i];
		item[n].stored = &stored[n];
		item[n].expires_at_ms = clock_boot_ms() + expires_in_s * 1000;
		item[n].stale_at_ms = item[n].zone->stale_at_ms;
		n++;
	}
	store_read_end(txn);
	assert_true(publish_items(zones, item, n));
}

void zones_answer(const struct zones *zones, const char *name, uint16_t type, bool dnssec,
		  char *ret, size_t ret_size)
{
	const struct shape shape = {0};
	uint8_t frame[FRAME_MAX * 2] = {0};
	size_t at = frame_message(&shape);
	struct answer answer;
	struct store_zone stored;
	knot_dname_storage_t qname;
	struct store_txn *txn;
	struct zone *zone;
	knot_rrset_t soa;
	knot_pkt_t *pkt;

	assert_non_null(knot_dname_from_str(qname, name, sizeof(qname)));
	knot_dname_to_lower(qname);
	zone = zone_table_for_question(&zones->table, qname, type);
	if (!zone) {
		snprintf(ret, ret_size, "refused\n");
		return;
	}
	assert_int_equal(store_read_begin(zones->store, &txn), 0);
	assert_int_equal(store_zone_get(txn, zone->apex, &stored), 0);
	answer_init(&answer);
	answer_make(txn, &stored, zone->apex, qname, type, dnssec, &answer);
	assert_int_equal(answer_negative_soa(txn, &stored, zone->apex, &soa), 0);
	pkt = knot_pkt_new(frame + at, sizeof(frame) - at, NULL);
	assert_non_null(pkt);
	assert_int_equal(knot_pkt_put_question(pkt, qname, KNOT_CLASS_IN, type), 0);
	assert_int_equal(answer_render(&answer, &soa, pkt), 0);
	reply_text(&shape, frame, at + pkt->size, ret, ret_size);
	knot_pkt_free(pkt);
	answer_free(&answer);
	store_read_end(txn);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void zones_sort_reply(char *text)
{
	char *line[128], *copy = strdup(text), *save = NULL;
	size_t n = 0;

	assert_non_null(copy);
	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		assert_true(n < sizeof(line) / sizeof(line[0]));
		line[n++] = l;
	}
	if (n > 1) /* the first one is the header */
		qsort(line + 1, n - 1, sizeof(line[0]), compare_lines);
	for (size_t i = 0; i < n; i++)
		text += sprintf(text, "%s\n", line[i]);
	free(copy);
}
