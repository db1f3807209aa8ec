/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The maps after whatever happened are those of one fresh publication, byte for byte: after an
 * agent died at any step of a publication and the next one took over, and after random changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "packet/dump.h"
#include "packet/groups.h"
#include "packet/world.h"

#define HOUR 3600
#define TEXT "\"0123456789012345678901234567890123456789012345678901234567890123456789012345\" "
#define LONG TEXT TEXT TEXT
#define HASH "0123456789abcdef0123456789abcdef"

#define APEX "example.com"

static const char before[] = "@ 300 SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n"
			     "www A 192.0.2.2\nlong TXT " LONG "\"1\"\nlonger TXT " LONG LONG
			     "\"1\"\nsame TXT " LONG "\nold A 192.0.2.3\nold TXT " LONG "\n"
			     "many A 192.0.2.4\nmany TXT \"1\"\nmany MX 1 ns\nmany HINFO a b\n"
			     "many AAAA 2001:db8::1\nmany SRV 1 2 3 ns\nfew A 192.0.2.5\n"
			     "alias CNAME www\na.ent A 192.0.2.6\n";
static const char after[] = "@ 300 SOA ns1 host 2 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n"
			    "www A 192.0.2.12\nlong TXT " LONG "\"2\"\nlonger TXT " LONG LONG
			    "\"2\"\nsame TXT " LONG "\nnew A 192.0.2.3\nnew TXT " LONG "\n"
			    "few A 192.0.2.14\nfew TXT \"1\"\nfew MX 1 ns\nfew HINFO a b\n"
			    "few AAAA 2001:db8::1\nfew SRV 1 2 3 ns\nmany A 192.0.2.5\n"
			    "alias CNAME new\n*.ent A 192.0.2.6\ncut NS ns.cut\n";

static const char *const one_zone[] = {APEX, NULL};

/* Maps that only images and pages of the order are in. */
static const int image_maps[] = {DUMP_TINY, DUMP_SMALL, DUMP_LARGE, DUMP_ORDER};
#define IMAGE_MAPS (sizeof(image_maps) / sizeof(image_maps[0]))

/* ---- death ---- */

/* What a publication of `after` over `before` has done when the agent dies. */
enum step {
	DIES_WITH_IMAGES, /* new images are there, nothing is staged */
	DIES_STAGING,	  /* half of the changes are staged */
	DIES_STAGED,	  /* all are */
	DIES_WITH_SLOT,	  /* and the new version */
	DIES_IN_FORCE,	  /* the slot is flipped */
	DIES_COPYING,	  /* half of the changes are in the base */
	DIES_COPIED,	  /* all are */
	DIES_CLEARING,	  /* and half of the staged are deleted */
	DIES_CLEARED,	  /* and all */
	DIES_COLLECTING,  /* and half of the old images */
	DIES_LOADING,	  /* not served: half of the nodes are in place */
	DIES_WITH_APEX,	  /* and a zone has its apex, but no entry */
	DIES_STEPS,
};

static void put(const struct dump_map *map, const uint8_t *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(dump_fd(map, key), key, value, BPF_ANY), 0);
}

static void delete(const struct dump_map *map, const uint8_t *key)
{
	bpf_map_delete_elem(dump_fd(map, key), key);
}

/* Puts what `to` has and `from` has not; every = 2: half of it. */
static void put_new(const struct dump_map *from, const struct dump_map *to, size_t every)
{
	for (size_t i = 0; i < to->n; i += every)
		if (!dump_find(from, dump_key(to, i)))
			put(from, dump_key(to, i), dump_value(to, i));
}

static void delete_old(const struct dump_map *from, const struct dump_map *to, size_t every)
{
	for (size_t i = 0; i < from->n; i += every)
		if (!dump_find(to, dump_key(from, i)))
			delete (from, dump_key(from, i));
}

/*
 * The nodes that differ; value NULL: goes. In the order of the agent, which deletes the last page
 * of a name first. Stops after n of them. Returns how many there are.
 */
static size_t each_change(const struct dump *from, const struct dump *to, size_t n,
			  void (*fn)(const struct dump *from, const uint8_t *key,
				     const struct xns_node *node))
{
	const struct dump_map *old = &from->map[DUMP_NODES], *new = &to->map[DUMP_NODES];
	size_t count = 0;

	for (size_t i = old->n; i-- > 0;)
		if (!dump_find(new, dump_key(old, i)) && count++ < n)
			fn(from, dump_key(old, i), NULL);
	for (size_t i = 0; i < new->n; i++) {
		const uint8_t *value = dump_find(old, dump_key(new, i));

		if (value && memcmp(value, dump_value(new, i), new->value_size) == 0)
			continue;
		if (count++ < n)
			fn(from, dump_key(new, i), (const void *)dump_value(new, i));
	}
	return count;
}

static void stage(const struct dump *from, const uint8_t *key, const struct xns_node *node)
{
	struct xns_node staged = {.flags = XNS_NODE_GONE};
	struct xns_zone zone;
	uint32_t id;

	memcpy(&id, dump_key(&from->map[DUMP_ZONES], 0), sizeof(id));
	memcpy(&zone, dump_value(&from->map[DUMP_ZONES], 0), sizeof(zone));
	if (node)
		staged = *node;
	staged.zone = id;
	staged.slot = !zone.current;
	put(&from->map[DUMP_STAGED], key, &staged);
}

static void copy(const struct dump *from, const uint8_t *key, const struct xns_node *node)
{
	if (node)
		put(&from->map[DUMP_NODES], key, node);
	else
		delete (&from->map[DUMP_NODES], key);
}

static void unstage(const struct dump *from, const uint8_t *key, const struct xns_node *node)
{
	(void)node;
	delete (&from->map[DUMP_STAGED], key);
}

static void count_change(const struct dump *from, const uint8_t *key, const struct xns_node *node)
{
	(void)from;
	(void)key;
	(void)node;
}

static uint64_t stored_generation(struct zones *zones)
{
	struct store_zone stored;
	struct store_txn *txn;

	assert_int_equal(store_read_begin(zones->store, &txn), 0);
	assert_int_equal(store_zone_get(txn, zones->table.zone[0]->apex, &stored), 0);
	store_read_end(txn);
	return stored.generation;
}

static void die_serving(struct world *w, enum step step, const struct dump *from,
			const struct dump *to)
{
	size_t all = each_change(from, to, 0, count_change);
	const struct dump_map *zones = &from->map[DUMP_ZONES];
	struct xns_zone old, new;

	memcpy(&old, dump_value(zones, 0), sizeof(old));
	memcpy(&new, dump_value(&to->map[DUMP_ZONES], 0), sizeof(new));
	assert_true(all > 10);
	w->rig.config->staging = step >= DIES_STAGING;
	if (step >= DIES_STAGING)
		each_change(from, to, step == DIES_STAGING ? all / 2 : all, stage);
	if (step >= DIES_WITH_SLOT)
		old.version[!old.current] = new.version[new.current];
	if (step >= DIES_IN_FORCE) {
		old.current = !old.current;
		old.generation = stored_generation(&w->zones);
	}
	put(zones, dump_key(zones, 0), &old);
	if (step >= DIES_COPYING)
		each_change(from, to, step == DIES_COPYING ? all / 2 : all, copy);
	if (step >= DIES_CLEARING)
		each_change(from, to, step == DIES_CLEARING ? all / 2 : all, unstage);
	for (size_t i = 0; step >= DIES_COLLECTING && i < IMAGE_MAPS; i++)
		delete_old(&from->map[image_maps[i]], &to->map[image_maps[i]], 2);
}

static void die_loading(struct world *w, enum step step, const struct dump *from,
			const struct dump *to)
{
	const struct dump_map *zones = &from->map[DUMP_ZONES];
	size_t all = each_change(from, to, 0, count_change);
	struct xns_zone entry;

	(void)w;
	memcpy(&entry, dump_value(zones, 0), sizeof(entry));
	entry.state = XNS_ZONE_LOADING;
	entry.generation = UINT64_MAX;
	put(zones, dump_key(zones, 0), &entry);
	each_change(from, to, all / 2, copy);
	if (step != DIES_WITH_APEX)
		return;
	delete (zones, dump_key(zones, 0));
	for (size_t i = 0; i < from->map[DUMP_NODES].n; i++)
		delete (&from->map[DUMP_NODES], dump_key(&from->map[DUMP_NODES], i));
	for (size_t i = 0; i < to->map[DUMP_NODES].n; i++) {
		struct xns_node apex;

		memcpy(&apex, dump_value(&to->map[DUMP_NODES], i), sizeof(apex));
		delete (&from->map[DUMP_NODES], dump_key(&to->map[DUMP_NODES], i));
		apex.n_types = 0;
		if (apex.labels == 2)
			put(&from->map[DUMP_NODES], dump_key(&to->map[DUMP_NODES], i), &apex);
	}
}

static void die_at(enum step step, enum sign how, const struct dump *want)
{
	const struct zones_text old = {APEX, before, how, 0}, new = {APEX, after, how, 0};
	struct world w;
	struct dump from, got;
	char what[48];

	snprintf(what, sizeof(what), "death at step %d, signed %d", step, how);
	world_open(&w, one_zone);
	zones_load_batch(&w.zones, &old, 1, HOUR);
	dump_take(&w.rig, &from);
	zones_store(&w.zones, &new);
	for (size_t i = 0; i < IMAGE_MAPS; i++)
		put_new(&from.map[image_maps[i]], &want->map[image_maps[i]], 1);
	if (step < DIES_LOADING)
		die_serving(&w, step, &from, want);
	else
		die_loading(&w, step, &from, want);

	zones_take_over(&w.zones, &w.rig);
	dump_take(&w.rig, &got);
	assert_int_equal(got.map[DUMP_STAGED].n, 0);
	if (step < DIES_LOADING) { /* goes on being answered */
		struct xns_zone entry;

		memcpy(&entry, dump_value(&got.map[DUMP_ZONES], 0), sizeof(entry));
		assert_int_equal(entry.state, XNS_ZONE_ACTIVE);
		assert_int_equal(entry.version[entry.current].serial, step < DIES_IN_FORCE ? 1 : 2);
	}
	dump_free(&got);
	zones_publish_all(&w.zones, HOUR);
	dump_take(&w.rig, &got);
	dump_expect_equal(&got, want, what);
	assert_int_equal(w.rig.config->staging, 0);
	dump_free(&got);
	dump_free(&from);
	world_close(&w);
}

static void test_death(void **state)
{
	(void)state;
	for (enum sign how = SIGN_NOT; how < SIGN_ITERATED; how++) {
		const struct zones_text text = {APEX, after, how, 0};
		struct world fresh;
		struct dump want;

		world_open(&fresh, one_zone);
		zones_load_batch(&fresh.zones, &text, 1, HOUR);
		dump_take(&fresh.rig, &want);
		assert_int_equal(want.map[DUMP_ORDER].n > 0, how != SIGN_NOT);
		for (enum step step = 0; step < DIES_STEPS; step++)
			die_at(step, how, &want);
		dump_free(&want);
		world_close(&fresh);
	}
}

/* What went ahead is not seen, and goes when other content comes, here or at the next agent. */
static void test_ahead_in_vain(void **state)
{
	const struct zones_text old = {APEX, before, SIGN_NOT, 0}, new = {APEX, after, SIGN_NOT, 0};
	struct dump want, got;
	struct world fresh;

	(void)state;
	world_open(&fresh, one_zone);
	zones_load_batch(&fresh.zones, &new, 1, HOUR);
	dump_take(&fresh.rig, &want);
	for (int dies = 0; dies < 2; dies++) {
		struct xns_zone entry;
		struct world w;

		world_open(&w, one_zone);
		zones_lose_ahead(&w.zones, &old);
		dump_take(&w.rig, &got);
		assert_true(got.map[DUMP_NODES].n > 2);
		memcpy(&entry, dump_value(&got.map[DUMP_ZONES], 0), sizeof(entry));
		assert_int_equal(entry.state, XNS_ZONE_LOADING);
		dump_free(&got);
		if (dies)
			zones_take_over(&w.zones, &w.rig);
		zones_load_batch(&w.zones, &new, 1, HOUR);
		dump_take(&w.rig, &got);
		dump_expect_equal(&got, &want, dies ? "died after going ahead" : "in vain");
		dump_free(&got);
		world_close(&w);
	}
	dump_free(&want);
	world_close(&fresh);
}

/* ---- random changes ---- */

static const char *const family[] = {APEX, "kid." APEX, "b.a." APEX, NULL};

#define FAMILY 3
#define ROUNDS 120
#define FRESH  6 /* rounds between comparisons */

static uint32_t random_below(uint32_t n)
{
	static uint32_t seed = 2026;

	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static const char *random_name(char *ret)
{
	static const char *const label[] = {"a", "b", "c", "kid", "*", "_t"};
	unsigned n = 1 + random_below(3);

	ret[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			strcat(ret, ".");
		strcat(ret, label[random_below(sizeof(label) / sizeof(label[0]))]);
	}
	return ret;
}

/* A name has CNAME or DNAME for good, by its letters, so that any mixture makes a zone. */
static void random_record(char *ret)
{
	char name[64], target[64];
	unsigned sum = 0;

	random_name(name);
	random_name(target);
	for (const char *c = name; *c; c++)
		sum += *c;
	if (sum % 5 == 0) {
		sprintf(ret, "%s CNAME %s\n", name, target);
		return;
	}
	switch (random_below(9)) {
	case 0:
		if (sum % 7 == 0) {
			sprintf(ret, "%s DNAME %s\n", name, target);
			return;
		}
		/* fall through */
	case 1:
		sprintf(ret, "%s A 192.0.2.%u\n", name, random_below(4));
		return;
	case 2:
		sprintf(ret, "%s TXT %s\n", name, random_below(2) ? LONG : LONG LONG);
		return;
	case 3:
		sprintf(ret, "%s MX 1 %s\n", name, target);
		return;
	case 4:
		sprintf(ret, "%s AAAA 2001:db8::%u\n", name, random_below(4));
		return;
	case 5:
		sprintf(ret, "%s TYPE%u \\# 1 0%u\n", name, 700 + random_below(6), random_below(2));
		return;
	case 6:
		if (sum % 3 == 0) {
			sprintf(ret, "%s NS %s\n", name, target);
			return;
		}
		/* fall through */
	case 7:
		sprintf(ret, "%s SRV 1 2 3 %s\n", name, target);
		return;
	default:
		sprintf(ret, "%s HINFO a b\n", name);
		return;
	}
}

/* Records of a zone, some of which are others in each round. */
#define RECORDS 40

struct random_zone {
	char record[RECORDS][1024];
	char text[RECORDS * 1024];
};

static void change_zone(struct random_zone *zone, unsigned round)
{
	bool has_cname[RECORDS] = {false};

	for (int i = 0; i < RECORDS; i++)
		if (round == 0 || random_below(8) == 0)
			random_record(zone->record[i]);
	sprintf(zone->text, "@ 300 SOA ns host %u 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n", round + 1);
	for (int i = 0; i < RECORDS; i++) {
		const char *space = strchr(zone->record[i], ' ');
		size_t len = space - zone->record[i];
		bool once = strncmp(space, " CNAME", 6) == 0 || strncmp(space, " DNAME", 6) == 0;

		has_cname[i] = once;
		for (int j = 0; once && j < i; j++) /* one CNAME, one DNAME at a name */
			once = !(has_cname[j] &&
				 strncmp(zone->record[i], zone->record[j], len + 1) == 0);
		if (once || !has_cname[i])
			strcat(zone->text, zone->record[i]);
	}
}

static void test_random(void **state)
{
	static struct random_zone zone[FAMILY];
	enum sign how[FAMILY] = {SIGN_NOT};
	struct zones_text text[FAMILY];
	struct world w;

	(void)state;
	world_open(&w, family);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct dump got, want;
		struct world fresh;
		char what[32];
		size_t n = 0;

		for (int i = 0; i < FAMILY; i++) {
			if (round % FRESH != 0 && random_below(2))
				continue;
			change_zone(&zone[i], round);
			if (random_below(6) == 0)
				how[i] = random_below(SIGN_KINDS);
			text[n++] = (struct zones_text){family[i], zone[i].text, how[i], 0};
		}
		if (round % 10 == 5)
			zones_take_over(&w.zones, &w.rig);
		if (n > 0)
			zones_load_batch(&w.zones, text, n, HOUR);
		if (round % FRESH != 0)
			continue;
		world_open(&fresh, family);
		zones_load_batch(&fresh.zones, text, n, HOUR);
		dump_take(&w.rig, &got);
		dump_take(&fresh.rig, &want);
		snprintf(what, sizeof(what), "round %u", round);
		dump_expect_equal(&got, &want, what);
		dump_free(&got);
		dump_free(&want);
		world_close(&fresh);
	}
	world_close(&w);
}

/* ---- what is configured ---- */

static void test_nsid(void **state)
{
	static const char *const nsid[] = {"", "one.example", "2", "2", "three", ""};
	struct world w;

	(void)state;
	world_open(&w, one_zone);
	for (size_t i = 0; i < sizeof(nsid) / sizeof(nsid[0]); i++) {
		struct config *config = w.zones.config;
		uint8_t want[XNS_NSID_MAX] = {0};

		memcpy(want, nsid[i], strlen(nsid[i]));
		memcpy(config->nsid, want, sizeof(want));
		config->nsid_len = strlen(nsid[i]);
		assert_int_equal(publish_configure(w.zones.publish, config), 0);
		assert_int_equal(w.rig.config->nsid_len, strlen(nsid[i]));
		assert_memory_equal(w.rig.config->nsid, want, sizeof(want));
	}
	world_close(&w);
}

/* ---- stale ---- */

static uint8_t flags_of(const struct world *w)
{
	struct xns_zone entry;

	assert_int_equal(publish_zone_entry(w->zones.publish, w->zones.table.zone[0]->id, &entry),
			 0);
	return entry.flags;
}

/* Set in place as time goes by; a success clears it, as does an agent that comes and knows better.
 */
static void test_stale(void **state)
{
	enum {
		WHOLE = XNS_ZONE_F_COMPLETE,
		OVERDUE = XNS_ZONE_F_COMPLETE | XNS_ZONE_F_STALE,
	};
	int64_t now_ms = clock_boot_ms(), later_ms = now_ms + 3600000;
	struct zone *zone;
	struct world w;

	(void)state;
	world_open(&w, one_zone);
	zone = w.zones.table.zone[0];
	assert_int_equal(publish_times(w.zones.publish, zone, later_ms, 1), 0);
	assert_int_equal(flags_of(&w), 0); /* not served yet */
	zone->stale_at_ms = later_ms;
	zones_load(&w.zones, APEX, before, 3600);
	assert_int_equal(flags_of(&w), WHOLE);
	assert_int_equal(publish_times(w.zones.publish, zone, later_ms, now_ms), 0);
	assert_int_equal(flags_of(&w), OVERDUE);
	assert_int_equal(publish_times(w.zones.publish, zone, later_ms, later_ms), 0);
	assert_int_equal(flags_of(&w), WHOLE);
	assert_int_equal(publish_times(w.zones.publish, zone, later_ms, now_ms), 0);
	zones_load(&w.zones, APEX, after, 3600); /* through `staged` */
	assert_int_equal(flags_of(&w), WHOLE);

	/* Another agent: by the store's times, whatever the flag was. */
	zones_take_over(&w.zones, &w.rig);
	zone->stale_at_ms = now_ms;
	zones_publish_all(&w.zones, 3600);
	assert_int_equal(flags_of(&w), OVERDUE);
	zones_take_over(&w.zones, &w.rig);
	assert_int_equal(flags_of(&w), OVERDUE);
	zone->stale_at_ms = 0;
	zones_publish_all(&w.zones, 3600);
	assert_int_equal(flags_of(&w), WHOLE);
	/* Republished while it is stale: compared whole, and from the beginning. */
	zone->stale_at_ms = now_ms;
	zones_store(&w.zones, &(struct zones_text){.name = APEX, .text = before});
	zones_take_over(&w.zones, &w.rig);
	zones_publish_all(&w.zones, 3600);
	assert_int_equal(flags_of(&w), OVERDUE);
	world_empty_maps(&w.rig);
	zones_take_over(&w.zones, &w.rig);
	zones_publish_all(&w.zones, 3600);
	assert_int_equal(flags_of(&w), OVERDUE);
	world_close(&w);
}

/* ---- zones that come and go, above and below each other ---- */

static const struct zones_text relatives[] = {
	{APEX,
	 "@ 300 SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\nkid NS ns.kid\n"
	 "ns.kid A 192.0.2.2\nkid DS 1 13 2 " HASH HASH "\nb.a NS ns\nx.b.a A 192.0.2.3\n"
	 "www.kid A 192.0.2.4\nto CNAME www.kid\n",
	 SIGN_NSEC, 0},
	{"kid." APEX,
	 "@ 300 SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.2\nwww A 192.0.2.5\n"
	 "kid NS ns\nkid DS 2 13 2 " HASH HASH "\n",
	 SIGN_NSEC3, 0},
	{"kid.kid." APEX, "@ 300 SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.6\n", SIGN_NSEC, 0},
	{"b.a." APEX, "@ 300 SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.7\n", SIGN_NOT, 0},
};

#define RELATIVES (sizeof(relatives) / sizeof(relatives[0]))

static void names_of(unsigned set, const char **ret)
{
	size_t n = 0;

	for (unsigned i = 0; i < RELATIVES; i++)
		if (set & 1 << i)
			ret[n++] = relatives[i].name;
	ret[n] = NULL;
}

static void ask_relatives(const struct world *w, unsigned set)
{
	static const char *const label[] = {"", "ns.", "www.", "no."};
	static const uint16_t type[] = {1, 2, 43, 6};

	for (unsigned i = 0; i < RELATIVES * 16; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s", label[i / RELATIVES % 4],
			 relatives[i % RELATIVES].name);
		/* DS at an apex below a delegation of the held zone above is for the stack. */
		bool is_obscured = i % RELATIVES == 2 && (set & 3) == 1 && name[0] == 'k' &&
				   type[i / RELATIVES / 4] == 43;

		if (set & 1 << i % RELATIVES)
			world_expect(w, name, type[i / RELATIVES / 4], !is_obscured);
	}
}

/* From each set of held zones to another one: what is left is what a fresh agent would leave. */
static void test_relatives(void **state)
{
	const char *all[RELATIVES + 1], *held[RELATIVES + 1];
	struct world w;

	(void)state;
	names_of((1 << RELATIVES) - 1, all);
	world_open(&w, all);
	for (unsigned i = 0; i < RELATIVES; i++)
		zones_store(&w.zones, &relatives[i]);
	for (unsigned i = 0; i < 40; i++) {
		unsigned set = 1 + random_below((1 << RELATIVES) - 1);
		struct world fresh;
		struct dump got, want;
		char what[32];

		names_of(set, held);
		zones_restart(&w.zones, &w.rig, held);
		zones_publish_all(&w.zones, HOUR);
		world_open(&fresh, all); /* for the same ids */
		for (unsigned k = 0; k < RELATIVES; k++)
			zones_store(&fresh.zones, &relatives[k]);
		zones_restart(&fresh.zones, &fresh.rig, held);
		zones_publish_all(&fresh.zones, HOUR);
		dump_take(&w.rig, &got);
		dump_take(&fresh.rig, &want);
		snprintf(what, sizeof(what), "relatives, step %u: %x", i, set);
		dump_expect_equal(&got, &want, what);
		ask_relatives(&w, set);
		dump_free(&got);
		dump_free(&want);
		world_close(&fresh);
	}
	world_close(&w);
}

/* What `to` has that `from` has not. */
static size_t count_new(const struct dump *from, const struct dump *to, int map)
{
	size_t n = 0;

	for (size_t i = 0; i < to->map[map].n; i++)
		n += dump_find(&from->map[map], dump_key(&to->map[map], i)) == NULL;
	return n;
}

/* One more name in a signed zone: a few pages of the order, and the images of a few names. */
static void test_cost(void **state)
{
	static char text[1 << 16];

	(void)state;
	for (enum sign how = SIGN_NSEC; how <= SIGN_OPT_OUT; how++) {
		struct zones_text load = {APEX, text, how, 0};
		struct dump old, new;
		struct world w;

		world_open(&w, one_zone);
		world_many_names(text, 1, 800);
		zones_load_batch(&w.zones, &load, 1, HOUR);
		dump_take(&w.rig, &old);
		assert_true(old.map[DUMP_ORDER].n > 20);
		strcat(text, "one.more A 192.0.2.77\n");
		zones_load_batch(&w.zones, &load, 1, HOUR);
		dump_take(&w.rig, &new);
		/* One or two entries come, their neighbours change: leaves of up to four runs. */
		assert_in_range(count_new(&old, &new, DUMP_ORDER), 2, 12);
		assert_in_range(count_new(&old, &new, DUMP_TINY), 2, 8);
		assert_int_equal(count_new(&old, &new, DUMP_SMALL), 0);
		dump_free(&old);
		dump_free(&new);
		world_close(&w);
	}
}

/* From each way to sign to each other one. */
static void test_ways_to_sign(void **state)
{
	struct dump want[SIGN_KINDS];
	struct world w;

	(void)state;
	for (enum sign how = 0; how < SIGN_KINDS; how++) {
		const struct zones_text text = {APEX, after, how, 0};
		struct world fresh;

		world_open(&fresh, one_zone);
		zones_load_batch(&fresh.zones, &text, 1, HOUR);
		dump_take(&fresh.rig, &want[how]);
		world_close(&fresh);
	}
	world_open(&w, one_zone);
	for (int round = 0; round < SIGN_KINDS * SIGN_KINDS * 2; round++) {
		enum sign how = round / 2 % 2 ? round / 4 % SIGN_KINDS : round / 4 / SIGN_KINDS;
		const struct zones_text text = {APEX, round % 2 ? after : before, how, 0};
		char what[48];
		struct dump got;

		zones_load_batch(&w.zones, &text, 1, HOUR);
		if (round % 2 == 0)
			continue;
		snprintf(what, sizeof(what), "round %d: signed %d", round, how);
		dump_take(&w.rig, &got);
		dump_expect_equal(&got, &want[how], what);
		dump_free(&got);
	}
	world_close(&w);
	for (enum sign how = 0; how < SIGN_KINDS; how++)
		dump_free(&want[how]);
}

int test_takeover(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_death),	  cmocka_unit_test(test_random),
		cmocka_unit_test(test_nsid),	  cmocka_unit_test(test_stale),
		cmocka_unit_test(test_relatives), cmocka_unit_test(test_ways_to_sign),
		cmocka_unit_test(test_cost),	  cmocka_unit_test(test_ahead_in_vain),
	};

	return cmocka_run_group_tests_name("packet: take-over", tests, NULL, worlds_unload);
}
