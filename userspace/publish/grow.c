/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a segment grows:
 *
 *     a larger hash map is made (publish_growth.make), the elements are copied; nobody writes
 *     pinned as NAME-new
 *     the slot is written ── the kernel waits here for all running programs: a grace period ──
 *     NAME-new becomes NAME, and the old map, which nobody can be reading, is let go
 *
 * Readers find the one or the other, which hold the same. Whoever takes over from an agent that
 * died on the way finds both pins, and in the slot which of them it is (open.c).
 *
 * Segments that hold little are replaced together, in one grace period; one that holds much by
 * itself, so that no more than that is there twice. While a whole zone is put, what the first of
 * its records took says how much room the rest wants, so that most of it is never copied.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "publish/grow.h"
#include "util/log.h"

#define COPY_BATCH  256
#define LITTLE	    1024 /* elements that are copied at no cost to speak of */
#define SHRUNK	    64	 /* room of a segment that gave up what it had */
#define SHRINK_FROM 1024 /* less is left as it is */
#define PROBE	    256	 /* records that tell little of what is to come */

/* The last sixteenth is for changes under way (staged) and what is there twice while it grows:
 * where the bound is reached zones still go from one serial to the next. */
#define KEPT_BACK 16

struct grow_state {
	pthread_rwlock_t lock;		   /* written: segments are replaced */
	_Atomic uint64_t bytes, max_bytes; /* max_bytes 0: no bound */
	/* the zone that is being put */
	_Atomic uint64_t records, walked; /* records 0: none */
	_Atomic uint64_t put[SEGMENTED_MAPS];
	uint64_t before[SEGMENTED_MAPS]; /* elements when it began */
	_Atomic bool failed;		 /* and was logged */
};

/* A map that is to take the place of a segment. */
struct larger {
	unsigned number;
	uint32_t max_entries;
	int fd;
};

static uint64_t element_bytes(enum map_id map)
{
	return segment_kinds[maps_kind(map)].element_bytes;
}

static uint64_t bucket_bytes(uint32_t max_entries)
{
	return (uint64_t)max_entries * SEGMENT_BUCKET_BYTES;
}

int grow_init(struct publish *p)
{
	p->grow = calloc(1, sizeof(*p->grow));
	if (p->grow == NULL)
		return -ENOMEM;
	pthread_rwlock_init(&p->grow->lock, NULL);
	for (unsigned map = 0; map < SEGMENTED_MAPS; map++)
		for (unsigned i = 0; i < XNS_SEGMENTS; i++)
			p->grow->bytes += bucket_bytes(p->segment[map][i].max_entries);
	return 0;
}

void grow_free(struct publish *p)
{
	if (p->grow != NULL)
		pthread_rwlock_destroy(&p->grow->lock);
	free(p->grow);
}

void publish_set_growth(struct publish *p, const struct publish_growth *growth)
{
	p->growth.make = growth->make;
	p->growth.ctx = growth->ctx;
	p->grow->max_bytes = growth->max_bytes;
}

uint64_t grow_max_bytes(const struct publish *p)
{
	return p->grow->max_bytes;
}

bool grow_is_possible(const struct publish *p)
{
	return p->growth.make != NULL && !p->grow->failed;
}

/* ---- what there is ---- */

uint64_t grow_bytes(const struct publish *p)
{
	return p->grow->bytes;
}

void grow_count(struct publish *p, enum map_id map, unsigned segment, int64_t elements)
{
	p->segment[maps_kind(map)][segment].n += elements;
	p->grow->bytes += elements * (int64_t)element_bytes(map);
}

void grow_set_count(struct publish *p, enum map_id map, unsigned segment, uint64_t elements)
{
	grow_count(p, map, segment, (int64_t)(elements - p->segment[maps_kind(map)][segment].n));
}

static uint64_t limit(const struct publish *p, enum map_id map)
{
	uint64_t max = p->grow->max_bytes;

	if (max == 0)
		return UINT64_MAX;
	return map == MAP_STAGED ? max : max - max / KEPT_BACK;
}

/* How many bytes may still come into the map. */
static uint64_t room(const struct publish *p, enum map_id map)
{
	uint64_t bytes = p->grow->bytes, max = limit(p, map);

	return bytes < max ? max - bytes : 0;
}

bool grow_is_allowed(const struct publish *p, enum map_id map, uint64_t elements)
{
	return elements * element_bytes(map) <= room(p, map);
}

const char *grow_reason(const struct publish *p)
{
	if (p->growth.make == NULL)
		return "xnsd may not make them larger";
	return grow_is_allowed(p, MAP_ORDER, LITTLE) ? "they could not be made larger"
						     : "server.maps-max-memory is reached";
}

void grow_hold(struct publish *p)
{
	pthread_rwlock_rdlock(&p->grow->lock);
}

void grow_release(struct publish *p)
{
	pthread_rwlock_unlock(&p->grow->lock);
}

/* ---- what is to come ---- */

static uint64_t count_elements(const struct publish *p, enum segmented map)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < XNS_SEGMENTS; i++)
		n += p->segment[map][i].n;
	return n;
}

void grow_expect(struct publish *p, uint64_t records)
{
	struct grow_state *grow = p->grow;

	grow->records = 0;
	grow->walked = 0;
	for (unsigned map = 0; map < SEGMENTED_MAPS; map++) {
		grow->put[map] = 0;
		grow->before[map] = count_elements(p, map);
	}
	grow->records = records;
}

void grow_progress(struct publish *p, uint64_t records)
{
	atomic_store_explicit(&p->grow->walked, records, memory_order_relaxed);
}

void grow_note_put(struct publish *p, enum map_id map)
{
	_Atomic uint64_t *put = &p->grow->put[maps_kind(map)];

	/* One thread does this. */
	atomic_store_explicit(put, atomic_load_explicit(put, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* How many elements the map will have; 0: cannot tell. */
static uint64_t expected(const struct publish *p, enum map_id map)
{
	const struct grow_state *grow = p->grow;
	uint64_t walked = grow->walked, records = grow->records, put = grow->put[maps_kind(map)];
	uint64_t more, at_most = room(p, map) / element_bytes(map);

	if (records == 0 || walked < PROBE)
		return 0;
	more = walked < records ? (uint64_t)((double)put / walked * records) : put;
	return grow->before[maps_kind(map)] + (more < at_most ? more : at_most);
}

/* ---- growing ---- */

static void pin_path(const struct publish *p, enum map_id map, unsigned number, const char *suffix,
		     char path[512])
{
	char name[SEGMENT_NAME_MAX];

	segment_name(maps_kind(map), number, name);
	snprintf(path, 512, "%s/" XNS_SEGMENT_DIR "/%s%s", p->pin_dir, name, suffix);
}

static int pin_new(const struct publish *p, enum map_id map, const struct larger *larger)
{
	char path[512];

	if (p->pin_dir == NULL)
		return 0;
	pin_path(p, map, larger->number, GROW_PIN_SUFFIX, path);
	unlink(path);
	return bpf_obj_pin(larger->fd, path) < 0 ? -errno : 0;
}

static void unpin_new(const struct publish *p, enum map_id map, const struct larger *larger)
{
	char path[512];

	if (p->pin_dir == NULL)
		return;
	pin_path(p, map, larger->number, GROW_PIN_SUFFIX, path);
	unlink(path);
}

static void rename_pin(const struct publish *p, enum map_id map, unsigned number)
{
	char from[512], to[512];

	if (p->pin_dir == NULL)
		return;
	pin_path(p, map, number, GROW_PIN_SUFFIX, from);
	pin_path(p, map, number, "", to);
	if (rename(from, to) < 0)
		log_warning("cannot rename %s: %s", from, strerror(errno));
}

/* All elements of one hash map to another. Returns how many, or a negative errno. */
static int64_t copy_elements(int from, int to, const struct segment_kind *kind)
{
	uint8_t *key = malloc((size_t)COPY_BATCH * (kind->key_size + kind->value_size)), *value;
	uint32_t at = 0, count;
	bool first = true;
	int64_t n = 0;
	int ret = 0, end = 0;

	if (key == NULL)
		return -ENOMEM;
	value = key + (size_t)COPY_BATCH * kind->key_size;
	while (ret == 0 && end == 0) {
		count = COPY_BATCH;
		end = bpf_map_lookup_batch(from, first ? NULL : &at, &at, key, value, &count, NULL);
		ret = end == -ENOENT ? 0 : end;
		n += ret == 0 ? count : 0;
		if (ret == 0 && count > 0)
			ret = bpf_map_update_batch(to, key, value, &count, NULL);
		first = false;
	}
	free(key);
	return ret < 0 ? ret : n;
}

static int make_one(struct publish *p, enum map_id map, struct larger *larger)
{
	struct segment *segment = &p->segment[maps_kind(map)][larger->number];
	int64_t n;

	larger->fd =
		p->growth.make(maps_kind(map), larger->number, larger->max_entries, p->growth.ctx);
	if (larger->fd < 0)
		return larger->fd;
	n = copy_elements(segment->fd, larger->fd, &segment_kinds[maps_kind(map)]);
	if (n >= 0) {
		int ret = pin_new(p, map, larger);

		grow_set_count(p, map, larger->number, n);
		n = ret;
	}
	if (n < 0)
		close(larger->fd);
	return n < 0 ? (int)n : 0;
}

/* In its slot for the readers; now here. */
static void take_place(struct publish *p, enum map_id map, const struct larger *larger)
{
	struct segment *segment = &p->segment[maps_kind(map)][larger->number];

	/* Other threads may be looking something up by this number. */
	dup3(larger->fd, segment->fd, O_CLOEXEC);
	rename_pin(p, map, larger->number);
	p->grow->bytes += bucket_bytes(larger->max_entries) - bucket_bytes(segment->max_entries);
	segment->max_entries = larger->max_entries;
}

static void log_failure(struct publish *p, enum map_id map, int error)
{
	if (!p->grow->failed)
		log_warning("the map %s cannot be made larger: %s",
			    segment_kinds[maps_kind(map)].name, strerror(-error));
	p->grow->failed = true;
}

/* 0: the first has been replaced, and perhaps the others. */
static int replace(struct publish *p, enum map_id map, struct larger *larger, uint32_t n)
{
	struct segment_slot slot[XNS_SEGMENTS];
	uint32_t n_made = 0;
	int ret = 0;

	for (; n_made < n && (ret = make_one(p, map, &larger[n_made])) == 0; n_made++)
		slot[n_made] = (struct segment_slot){.slots_fd = p->fd[map],
						     .number = larger[n_made].number,
						     .fd = larger[n_made].fd};
	segment_place(slot, n_made);
	for (uint32_t i = 0; i < n_made; i++) {
		if (slot[i].ret_error == 0)
			take_place(p, map, &larger[i]);
		else
			unpin_new(p, map, &larger[i]);
		if (slot[i].ret_error < 0)
			ret = slot[i].ret_error;
		close(larger[i].fd);
	}
	if (ret < 0)
		log_failure(p, map, ret);
	else
		p->grow->failed = false;
	return n_made > 0 ? slot[0].ret_error : ret;
}

/* Of what is there twice for a while, too. */
struct cost {
	uint64_t net, peak;
};

static bool add_cost(const struct publish *p, enum map_id map, unsigned number,
		     uint32_t max_entries, struct cost *cost)
{
	const struct segment *segment = &p->segment[maps_kind(map)][number];
	uint64_t buckets = bucket_bytes(max_entries);
	struct cost sum = {
		cost->net + buckets - bucket_bytes(segment->max_entries),
		cost->peak + buckets + segment->n * element_bytes(map),
	};

	if (sum.net > room(p, map) || sum.peak > room(p, MAP_STAGED))
		return false;
	*cost = sum;
	return true;
}

static uint32_t plan(const struct publish *p, enum map_id map, unsigned number,
		     struct larger *ret_larger)
{
	const struct segment *segment = p->segment[maps_kind(map)];
	uint32_t now = segment[number].max_entries, wanted = 2 * now, n = 0;
	uint32_t for_expected = segment_entries(expected(p, map));
	struct cost cost = {0};

	if (for_expected > wanted)
		wanted = for_expected;
	while (wanted > now && !add_cost(p, map, number, wanted, &cost))
		wanted /= 2;
	if (wanted <= now || wanted > SEGMENT_ENTRIES_MAX)
		return 0;
	ret_larger[n++] = (struct larger){.number = number, .max_entries = wanted};
	for (unsigned i = 0; i < XNS_SEGMENTS; i++)
		if (i != number && segment[i].max_entries < wanted && segment[i].n <= LITTLE &&
		    add_cost(p, map, i, wanted, &cost))
			ret_larger[n++] = (struct larger){.number = i, .max_entries = wanted};
	return n;
}

/* If it cannot be made anew, the one that is there does. */
static void check_filter(struct publish *p)
{
	uint64_t there = count_elements(p, SEGMENTED_NODES), names = expected(p, MAP_NODES);

	if (names < there)
		names = there;
	if (filter_is_due(p, names) && filter_make(p, names) < 0)
		log_debug("the filter of names could not be made anew");
}

int grow_segment(struct publish *p, enum map_id map, unsigned number, uint32_t max_entries)
{
	struct segment *segment = &p->segment[maps_kind(map)][number];
	struct larger larger[XNS_SEGMENTS];
	int ret = 0;

	if (p->growth.make == NULL)
		return -E2BIG;
	pthread_rwlock_wrlock(&p->grow->lock);
	if (segment->max_entries == max_entries) { /* else another thread was here */
		uint32_t n = plan(p, map, number, larger);

		ret = n == 0 ? -E2BIG : replace(p, map, larger, n);
		if (map == MAP_NODES)
			check_filter(p);
	}
	pthread_rwlock_unlock(&p->grow->lock);
	return ret < 0 ? -E2BIG : 0;
}

void grow_check_filter(struct publish *p)
{
	pthread_rwlock_wrlock(&p->grow->lock);
	check_filter(p);
	pthread_rwlock_unlock(&p->grow->lock);
}

int grow_make_filter(struct publish *p)
{
	int ret;

	pthread_rwlock_wrlock(&p->grow->lock);
	ret = filter_make(p, count_elements(p, SEGMENTED_NODES));
	pthread_rwlock_unlock(&p->grow->lock);
	return ret;
}

int grow_replace(struct publish *p, enum map_id map, unsigned number, uint32_t max_entries)
{
	struct larger other = {.number = number, .max_entries = max_entries};
	int ret;

	pthread_rwlock_wrlock(&p->grow->lock);
	ret = replace(p, map, &other, 1);
	pthread_rwlock_unlock(&p->grow->lock);
	return ret;
}

void grow_reserve(struct publish *p, enum map_id map, uint64_t entries)
{
	const struct segment *segment = p->segment[maps_kind(map)];
	uint32_t wanted = segment_entries(entries), n = 0;
	struct larger larger[XNS_SEGMENTS];
	struct cost cost = {0};

	if (p->growth.make == NULL)
		return;
	pthread_rwlock_wrlock(&p->grow->lock);
	for (unsigned i = 0; i < XNS_SEGMENTS; i++)
		if (segment[i].max_entries < wanted && segment[i].n <= LITTLE &&
		    add_cost(p, map, i, wanted, &cost))
			larger[n++] = (struct larger){.number = i, .max_entries = wanted};
	if (n > 0)
		replace(p, map, larger, n);
	pthread_rwlock_unlock(&p->grow->lock);
}

int grow_shrink(struct publish *p, enum map_id map)
{
	const struct segment *segment = p->segment[maps_kind(map)];
	struct larger smaller[XNS_SEGMENTS];
	uint32_t n = 0;

	for (unsigned i = 0; p->growth.make != NULL && i < XNS_SEGMENTS; i++)
		if (segment[i].max_entries > SHRINK_FROM && segment[i].n == 0)
			smaller[n++] = (struct larger){.number = i, .max_entries = SHRUNK};
	if (n > 0) {
		pthread_rwlock_wrlock(&p->grow->lock);
		replace(p, map, smaller, n);
		pthread_rwlock_unlock(&p->grow->lock);
	}
	return maps_grace(p);
}
