// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "image/image.h"
#include "model/kernel.h"

#define FDS_MAX	     1024
#define FILTER_BYTES (2UL * XNS_FILTER_WORDS * sizeof(__u64))

static const struct {
	const char *name;
	uint32_t key_size, value_size;
} kind[KERNEL_MAPS] = {
	[KERNEL_CONFIG] = {"config", 4, sizeof(struct xns_config)},
	[KERNEL_LISTEN] = {"listen", sizeof(struct xns_listen), 4},
	[KERNEL_ZONES] = {"zones", 4, sizeof(struct xns_zone)},
	[KERNEL_NODES] = {"nodes", sizeof(struct xns_name_key), sizeof(struct xns_node)},
	[KERNEL_STAGED] = {"staged", sizeof(struct xns_name_key), sizeof(struct xns_node)},
	[KERNEL_TINY] = {"images_tiny", sizeof(struct xns_image_key),
			 sizeof(struct xns_image_tiny)},
	[KERNEL_SMALL] = {"images_small", sizeof(struct xns_image_key),
			  sizeof(struct xns_image_small)},
	[KERNEL_LARGE] = {"images_large", sizeof(struct xns_image_key),
			  sizeof(struct xns_image_large)},
	[KERNEL_ORDER] = {"order", sizeof(struct xns_image_key), sizeof(struct xns_order)},
	[KERNEL_FILTER] = {"filter", 4, 8},
	[KERNEL_COUNTERS] = {"counters", 4, 8},
	[KERNEL_GRACE] = {"grace", 4, 4},
	[KERNEL_GRACE_INNER] = {"grace_inner", 4, 4},
};

/*
 * Which map of which kernel a descriptor is; of a segment whatever is in its slot, as it takes over
 * the descriptor of the one before it; but a new one is in none yet.
 */
static struct {
	struct kernel *kernel;
	enum kernel_map map;
	unsigned number;
	bool is_slots;		   /* the map of segments itself */
	struct kernel_table *made; /* a new one */
} opened[FDS_MAX];

static void must(int condition)
{
	if (!condition)
		abort();
}

uint32_t kernel_key_size(enum kernel_map map)
{
	return kind[map].key_size;
}

uint32_t kernel_value_size(enum kernel_map map)
{
	return kind[map].value_size;
}

/* ---- tables ---- */

static size_t hash_of(const uint8_t *key, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ key[i]) * 0x100000001b3;
	return hash ^ hash >> 29;
}

/* Where the pointer to the element with this key is, or the one where it goes. */
static struct kernel_element **place(const struct kernel_table *table, enum kernel_map map,
				     const void *key)
{
	struct kernel_element **at = &table->bucket[hash_of(key, kind[map].key_size) & table->mask];

	while (*at && memcmp((*at)->bytes, key, kind[map].key_size) != 0)
		at = &(*at)->next;
	return at;
}

static bool is_segmented(enum kernel_map map)
{
	return map >= KERNEL_NODES && map <= KERNEL_ORDER;
}

static struct kernel_table *table_open(struct kernel *kernel)
{
	struct kernel_table *table = calloc(1, sizeof(*table));

	must(table != NULL);
	table->mask = 63;
	table->bucket = calloc(table->mask + 1, sizeof(*table->bucket));
	must(table->bucket != NULL);
	table->next = kernel->made;
	kernel->made = table;
	return table;
}

static unsigned parts(enum kernel_map map)
{
	return is_segmented(map) ? XNS_SEGMENTS : 1;
}

/* The table that a key is in. */
static struct kernel_table *table_of(const struct kernel *kernel, enum kernel_map map,
				     const void *key)
{
	uint64_t word = 0;

	if (is_segmented(map))
		memcpy(&word, key, sizeof(word));
	return kernel->table[map][xns_segment(word)];
}

/* The table behind a descriptor. */
static struct kernel_table *table_at(int fd)
{
	if (opened[fd].made)
		return opened[fd].made;
	must(!opened[fd].is_slots);
	return opened[fd].kernel->table[opened[fd].map][opened[fd].number];
}

static void table_close(struct kernel_table *table)
{
	for (size_t i = 0; i <= table->mask; i++)
		while (table->bucket[i]) {
			struct kernel_element *gone = table->bucket[i];

			table->bucket[i] = gone->next;
			free(gone);
		}
	free(table->bucket);
	free(table);
}

static void table_grow(struct kernel_table *table, enum kernel_map map)
{
	struct kernel_table old = *table;

	table->mask = old.mask * 4 + 3;
	table->bucket = calloc(table->mask + 1, sizeof(*table->bucket));
	must(table->bucket != NULL);
	for (size_t i = 0; i <= old.mask; i++)
		while (old.bucket[i]) {
			struct kernel_element *element = old.bucket[i], **at;

			old.bucket[i] = element->next;
			at = place(table, map, element->bytes);
			element->next = NULL;
			*at = element;
		}
	free(old.bucket);
}

static int table_put(struct kernel_table *table, enum kernel_map map, const void *key,
		     const void *value, uint64_t flags)
{
	struct kernel_element **at = place(table, map, key);
	size_t key_size = kind[map].key_size, value_size = kind[map].value_size;

	flags &= ~(uint64_t)BPF_F_LOCK;
	if (*at && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!*at && flags == BPF_EXIST)
		return -ENOENT;
	if (!*at) {
		if (table->max > 0 && table->n >= table->max)
			return -E2BIG;
		if (table->n > table->mask) {
			table_grow(table, map);
			at = place(table, map, key);
		}
		*at = malloc(sizeof(**at) + key_size + value_size);
		must(*at != NULL);
		(*at)->next = NULL;
		memcpy((*at)->bytes, key, key_size);
		table->n++;
	}
	memcpy((*at)->bytes + key_size, value, value_size);
	return 0;
}

void *kernel_find(const struct kernel *kernel, enum kernel_map map, const void *key)
{
	struct kernel_element *element;

	if (map == KERNEL_CONFIG)
		return kernel->config;
	if (map == KERNEL_FILTER)
		return &kernel->filter[*(const __u32 *)key];
	element = *place(table_of(kernel, map, key), map, key);
	return element ? element->bytes + kind[map].key_size : NULL;
}

void kernel_each(const struct kernel *kernel, enum kernel_map map,
		 void (*fn)(const void *key, const void *value, void *ctx), void *ctx)
{
	for (unsigned n = 0; n < parts(map); n++) {
		const struct kernel_table *table = kernel->table[map][n];

		for (size_t i = 0; i <= table->mask; i++)
			for (const struct kernel_element *e = table->bucket[i]; e; e = e->next)
				fn(e->bytes, e->bytes + kind[map].key_size, ctx);
	}
}

size_t kernel_count(const struct kernel *kernel, enum kernel_map map)
{
	size_t n = 0;

	for (unsigned i = 0; i < parts(map); i++)
		n += kernel->table[map][i]->n;
	return n;
}

void kernel_set_room(struct kernel *kernel, size_t max)
{
	for (int map = KERNEL_NODES; map <= KERNEL_ORDER; map++)
		for (unsigned i = 0; i < XNS_SEGMENTS; i++)
			kernel->table[map][i]->max = max;
}

/* publish/ maps it by its descriptor. */
static void *open_mapped(struct kernel *kernel, enum kernel_map map, size_t size)
{
	int fd = memfd_create(kind[map].name, MFD_CLOEXEC);
	void *ret;

	must(fd >= 0 && ftruncate(fd, size) == 0);
	ret = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(ret != MAP_FAILED);
	kernel->fd[map] = fd;
	return ret;
}

void kernel_open(struct kernel *kernel, const __u64 key[2])
{
	memset(kernel, 0, sizeof(*kernel));
	for (int i = 0; i < KERNEL_MAPS; i++) {
		for (unsigned n = 0; n < parts(i); n++)
			kernel->table[i][n] = table_open(kernel);
		kernel->fd[i] = -1;
	}
	kernel->config = open_mapped(kernel, KERNEL_CONFIG, sizeof(*kernel->config));
	kernel->filter = open_mapped(kernel, KERNEL_FILTER, FILTER_BYTES);
	kernel->config->abi_version = XNS_ABI_VERSION;
	image_key_make(key, &kernel->config->key);
}

void kernel_close(struct kernel *kernel)
{
	munmap(kernel->config, sizeof(*kernel->config));
	close(kernel->fd[KERNEL_CONFIG]);
	munmap(kernel->filter, FILTER_BYTES);
	close(kernel->fd[KERNEL_FILTER]);
	while (kernel->made) {
		struct kernel_table *gone = kernel->made;

		kernel->made = gone->next;
		table_close(gone);
	}
}

/* ---- comparison ---- */

struct comparison {
	const struct kernel *other;
	enum kernel_map map;
	bool differ;
};

static void zone_comparable(struct xns_zone *zone)
{
	if (zone->current) {
		struct xns_version version = zone->version[0];

		zone->version[0] = zone->version[1];
		zone->version[1] = version;
		zone->current = 0;
	}
	zone->deadline_ns = 0;
	zone->generation = 0;
	memset(&zone->lock, 0, sizeof(zone->lock));
}

static void compare_element(const void *key, const void *value, void *ctx)
{
	struct comparison *c = ctx;
	const void *there = kernel_find(c->other, c->map, key);

	if (there && c->map == KERNEL_ZONES) {
		struct xns_zone a, b;

		memcpy(&a, value, sizeof(a));
		memcpy(&b, there, sizeof(b));
		zone_comparable(&a);
		zone_comparable(&b);
		c->differ |= memcmp(&a, &b, sizeof(a)) != 0;
	} else {
		c->differ |= !there || memcmp(value, there, kind[c->map].value_size) != 0;
	}
}

const char *kernel_difference(const struct kernel *a, const struct kernel *b)
{
	for (enum kernel_map map = KERNEL_ZONES; map <= KERNEL_ORDER; map++) {
		struct comparison c = {.other = b, .map = map};

		kernel_each(a, map, compare_element, &c);
		if (c.differ || kernel_count(a, map) != kernel_count(b, map))
			return kind[map].name;
	}
	return NULL;
}

/* ---- libbpf ---- */

/* A descriptor, so that it can be closed and mapped. */
static int open_fd(struct kernel *kernel, enum kernel_map map)
{
	int fd = dup(kernel->fd[map == KERNEL_FILTER ? KERNEL_FILTER : KERNEL_CONFIG]);

	must(fd >= 0 && fd < FDS_MAX);
	memset(&opened[fd], 0, sizeof(opened[fd]));
	opened[fd].kernel = kernel;
	opened[fd].map = map;
	return fd;
}

/* "nodes" are the slots, "nodes_3" is a segment. */
int kernel_map_fd(const char *name, void *ctx)
{
	for (int i = 0; i < KERNEL_MAPS; i++) {
		size_t len = strlen(kind[i].name);
		int fd;

		if (strncmp(name, kind[i].name, len) != 0 ||
		    (name[len] && !(name[len] == '_' && is_segmented(i))))
			continue;
		fd = open_fd(ctx, i);
		opened[fd].is_slots = is_segmented(i) && !name[len];
		opened[fd].number = name[len] ? atoi(name + len + 1) : 0;
		return fd;
	}
	return -ENOENT;
}

int kernel_make_segment(unsigned map, unsigned number, uint32_t max_entries, void *ctx)
{
	int fd = open_fd(ctx, KERNEL_NODES + map);

	opened[fd].number = number;
	opened[fd].made = table_open(ctx);
	opened[fd].made->max = max_entries;
	return fd;
}

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *info_len)
{
	struct bpf_map_info map = {
		.id = opened[fd].map + 1,
		.key_size = opened[fd].is_slots ? 4 : kind[opened[fd].map].key_size,
		.value_size = opened[fd].is_slots ? 4 : kind[opened[fd].map].value_size,
	};

	if (!opened[fd].is_slots)
		map.max_entries = table_at(fd)->max;
	must(*info_len == sizeof(map));
	memcpy(info, &map, sizeof(map));
	return 0;
}

int libbpf_num_possible_cpus(void)
{
	return 1;
}

/* publish/ writes with two threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	const void *found;

	pthread_mutex_lock(&lock);
	if (opened[fd].map == KERNEL_CONFIG) {
		found = opened[fd].kernel->config;
	} else {
		const struct kernel_element *e = *place(table_at(fd), opened[fd].map, key);

		found = e ? e->bytes + kind[opened[fd].map].key_size : NULL;
	}
	if (found)
		memcpy(value, found, kind[opened[fd].map].value_size);
	pthread_mutex_unlock(&lock);
	return found ? 0 : -ENOENT;
}

int bpf_map_lookup_elem_flags(int fd, const void *key, void *value, __u64 flags)
{
	(void)flags;
	return bpf_map_lookup_elem(fd, key, value);
}

static int put_in_slot(int fd, const uint32_t *slot, const int *segment)
{
	opened[fd].kernel->table[opened[fd].map][*slot] = opened[*segment].made;
	return 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	int ret;

	if (opened[fd].map == KERNEL_GRACE)
		return 0; /* nobody is running */
	pthread_mutex_lock(&lock);
	ret = opened[fd].is_slots ? put_in_slot(fd, key, value)
				  : table_put(table_at(fd), opened[fd].map, key, value, flags);
	pthread_mutex_unlock(&lock);
	return ret;
}

int bpf_map_update_batch(int fd, const void *keys, const void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	uint32_t key_size = kind[opened[fd].map].key_size;
	uint32_t value_size = kind[opened[fd].map].value_size, n = *count;
	int ret = 0;

	(void)opts;
	for (*count = 0; ret == 0 && *count < n; *count += ret == 0)
		ret = bpf_map_update_elem(fd, (const uint8_t *)keys + *count * key_size,
					  (const uint8_t *)values + *count * value_size, BPF_ANY);
	return ret;
}

int bpf_map_delete_elem(int fd, const void *key)
{
	struct kernel_table *table = table_at(fd);
	struct kernel_element **at = place(table, opened[fd].map, key), *gone = *at;

	if (!gone)
		return -ENOENT;
	*at = gone->next;
	free(gone);
	table->n--;
	return 0;
}

/* The first element from a bucket on. */
static const struct kernel_element *first_from(const struct kernel_table *table, size_t bucket)
{
	for (; bucket <= table->mask; bucket++)
		if (table->bucket[bucket])
			return table->bucket[bucket];
	return NULL;
}

int bpf_map_get_next_key(int fd, const void *key, void *next_key)
{
	const struct kernel_table *table = table_at(fd);
	size_t key_size = kind[opened[fd].map].key_size;
	const struct kernel_element *next = NULL;

	if (key) {
		const struct kernel_element *at = *place(table, opened[fd].map, key);

		next = at && at->next ? at->next
		       : at ? first_from(table, (hash_of(key, key_size) & table->mask) + 1)
			    : NULL;
	}
	if (!key || !next)
		next = key && *place(table, opened[fd].map, key) ? NULL : first_from(table, 0);
	if (!next)
		return -ENOENT;
	memcpy(next_key, next->bytes, key_size);
	return 0;
}

/* All that is left of the buckets behind *in_batch: as the kernel, whole buckets. */
int bpf_map_lookup_batch(int fd, void *in_batch, void *out_batch, void *keys, void *values,
			 __u32 *count, const struct bpf_map_batch_opts *opts)
{
	const struct kernel_table *table = table_at(fd);
	size_t key_size = kind[opened[fd].map].key_size;
	size_t value_size = kind[opened[fd].map].value_size;
	uint32_t bucket = 0, n = 0, size = *count;

	(void)opts;
	if (in_batch)
		memcpy(&bucket, in_batch, sizeof(bucket));
	for (; bucket <= table->mask; bucket++) {
		uint32_t here = 0;

		for (const struct kernel_element *e = table->bucket[bucket]; e; e = e->next)
			here++;
		if (n + here > size)
			break;
		for (const struct kernel_element *e = table->bucket[bucket]; e; e = e->next, n++) {
			memcpy((uint8_t *)keys + n * key_size, e->bytes, key_size);
			memcpy((uint8_t *)values + n * value_size, e->bytes + key_size, value_size);
		}
	}
	must(n > 0 || bucket > table->mask);
	*count = n;
	memcpy(out_batch, &bucket, sizeof(bucket));
	return bucket > table->mask ? -ENOENT : 0;
}
