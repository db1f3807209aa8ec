/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "packet/zones.h"
#include "zonefile.h"

static int find_map(const char *name, void *ctx)
{
	return rig_map(ctx, name);
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

void zones_open(struct zones *zones, const struct rig *rig, const char *const *names)
{
	struct store_txn *txn;
	struct store_zone stored;

	memset(zones, 0, sizeof(*zones));
	read_config(zones, names);
	assert_int_equal(zone_table_init(&zones->table, zones->config), 0);
	strcpy(zones->dir, "/tmp/xnsd-packet-XXXXXX");
	assert_non_null(mkdtemp(zones->dir));
	assert_int_equal(store_open(zones->dir, 64 << 20, &zones->store), 0);
	assert_int_equal(store_write_begin(zones->store, &txn), 0);
	for (size_t i = 0; i < zones->table.n; i++) {
		assert_int_equal(store_zone_add(txn, zones->table.zone[i].apex, &stored), 0);
		zones->table.zone[i].id = stored.id;
	}
	assert_int_equal(store_write_commit(txn), 0);
	assert_int_equal(publish_open_fds(find_map, (void *)rig, &zones->publish), 0);
	assert_int_equal(publish_configure(zones->publish, zones->config), 0);
	assert_int_equal(publish_take_over(zones->publish, &zones->table, store_uuid(zones->store)),
			 0);
}

void zones_close(struct zones *zones)
{
	char command[64];

	publish_close(zones->publish);
	store_close(zones->store);
	zone_table_free(&zones->table);
	config_free(zones->config);
	snprintf(command, sizeof(command), "rm -r %s", zones->dir);
	assert_int_equal(system(command), 0);
}

void zones_load(struct zones *zones, const char *name, const char *text, int64_t expires_in_s)
{
	struct content *content = zonefile_finished(name, text, NULL);
	struct publish_item item = {.zone = get_zone(zones, name)};
	struct store_changes *changes;
	struct store_txn *txn;

	assert_int_equal(store_write_begin(zones->store, &txn), 0);
	assert_int_equal(store_zone_replace(txn, content, clock_real_s(), &changes), 0);
	assert_int_equal(store_write_commit(txn), 0);
	item.stored = &changes->new_zone;
	item.changes = changes;
	item.expires_at_ms = clock_boot_ms() + expires_in_s * 1000;
	assert_int_equal(store_read_begin(zones->store, &txn), 0);
	publish_zones(zones->publish, txn, &zones->table, &item, 1);
	assert_int_equal(item.ret_error, 0);
	assert_true(item.ret_report.complete);
	store_read_end(txn);
	store_changes_free(changes);
	content_free(content);
}
