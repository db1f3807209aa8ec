/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "publish/bulk.h"
#include "publish/grow.h"

#define BUFFER_BYTES 32768
#define GIVEN_MAX    XNS_SEGMENTS

_Static_assert(sizeof(struct xns_name_key) == sizeof(struct xns_image_key), "of all maps");
#define KEY_SIZE sizeof(struct xns_name_key)

/* Elements of one segment: keys from the beginning, values behind room for all keys. */
struct buffer {
	enum map_id map;
	unsigned segment;
	uint32_t n, max;
	size_t value_size;
	uint8_t *bytes; /* BUFFER_BYTES; NULL: nothing yet */
};

struct bulk {
	struct publish *p;
	struct buffer fill[SEGMENTED_MAPS][XNS_SEGMENTS]; /* by maps_kind() */
	_Atomic int error; /* the first; then nothing more is written */

	/*
	 * The other thread, and what it was given: a ring. As keys are spread evenly, the buffers
	 * of a map are full all at nearly the same time, so there is room for all of them.
	 */
	bool has_thread;
	pthread_t thread;
	pthread_mutex_t mutex; /* of all below, but for what is given and not written yet */
	pthread_cond_t wake;
	struct buffer given[GIVEN_MAX];
	unsigned n_given, n_written; /* since it began */
	bool stop;
};

static void note_error(struct bulk *bulk, int error)
{
	int expected = 0;

	atomic_compare_exchange_strong(&bulk->error, &expected, error == -ENOMEM ? -E2BIG : error);
}

/* ---- one buffer ---- */

static void *buffer_value(const struct buffer *buffer, uint32_t i)
{
	return buffer->bytes + buffer->max * KEY_SIZE + i * buffer->value_size;
}

static void buffer_write(struct bulk *bulk, struct buffer *buffer)
{
	int ret = 0;

	if (buffer->n > 0 && atomic_load(&bulk->error) == 0)
		ret = maps_put_batch(bulk->p, buffer->map, buffer->segment, buffer->bytes,
				     buffer_value(buffer, 0), buffer->n);
	if (ret < 0)
		note_error(bulk, ret);
	buffer->n = 0;
}

static void buffer_init(struct buffer *buffer, enum map_id map, unsigned segment)
{
	size_t value_size = segment_kinds[maps_kind(map)].value_size;

	*buffer = (struct buffer){
		.map = map,
		.segment = segment,
		.value_size = value_size,
		.max = BUFFER_BYTES / (KEY_SIZE + value_size),
	};
}

/* ---- the other thread ---- */

static void *writer(void *ctx)
{
	struct bulk *bulk = ctx;

	pthread_mutex_lock(&bulk->mutex);
	for (;;) {
		while (bulk->n_written == bulk->n_given && !bulk->stop)
			pthread_cond_wait(&bulk->wake, &bulk->mutex);
		if (bulk->n_written == bulk->n_given)
			break;
		pthread_mutex_unlock(&bulk->mutex);
		buffer_write(bulk, &bulk->given[bulk->n_written % GIVEN_MAX]);
		pthread_mutex_lock(&bulk->mutex);
		bulk->n_written++;
	}
	pthread_mutex_unlock(&bulk->mutex);
	return NULL;
}

void bulk_use_thread(struct bulk *bulk)
{
	if (!bulk->has_thread)
		bulk->has_thread = pthread_create(&bulk->thread, NULL, writer, bulk) == 0;
}

/* Swaps the full buffer for one that the thread has written; false: it has enough to do. */
static bool give(struct bulk *bulk, struct buffer *buffer)
{
	struct buffer *given;
	uint8_t *bytes;
	bool has_room;

	if (!bulk->has_thread)
		return false;
	pthread_mutex_lock(&bulk->mutex);
	has_room = bulk->n_given - bulk->n_written < GIVEN_MAX;
	if (has_room) {
		given = &bulk->given[bulk->n_given++ % GIVEN_MAX];
		bytes = given->bytes;
		*given = *buffer;
		buffer->bytes = bytes;
		buffer->n = 0;
		pthread_cond_signal(&bulk->wake);
	}
	pthread_mutex_unlock(&bulk->mutex);
	return has_room;
}

static void end_thread(struct bulk *bulk)
{
	if (!bulk->has_thread)
		return;
	pthread_mutex_lock(&bulk->mutex);
	bulk->stop = true;
	pthread_cond_signal(&bulk->wake);
	pthread_mutex_unlock(&bulk->mutex);
	pthread_join(bulk->thread, NULL);
	bulk->has_thread = false;
	bulk->stop = false;
}

/* ---- */

struct bulk *bulk_new(struct publish *p)
{
	struct bulk *bulk = calloc(1, sizeof(*bulk));

	if (bulk == NULL)
		return NULL;
	bulk->p = p;
	pthread_mutex_init(&bulk->mutex, NULL);
	pthread_cond_init(&bulk->wake, NULL);
	for (int kind = 0; kind < SEGMENTED_MAPS; kind++)
		for (unsigned segment = 0; segment < XNS_SEGMENTS; segment++)
			buffer_init(&bulk->fill[kind][segment], MAP_NODES + kind, segment);
	return bulk;
}

void bulk_free(struct bulk *bulk)
{
	if (bulk == NULL)
		return;
	end_thread(bulk);
	for (int kind = 0; kind < SEGMENTED_MAPS; kind++)
		for (unsigned segment = 0; segment < XNS_SEGMENTS; segment++)
			free(bulk->fill[kind][segment].bytes);
	for (unsigned i = 0; i < GIVEN_MAX; i++)
		free(bulk->given[i].bytes);
	pthread_cond_destroy(&bulk->wake);
	pthread_mutex_destroy(&bulk->mutex);
	free(bulk);
}

/* The place for one more value; NULL: no memory. */
static void *add(struct bulk *bulk, enum map_id map, __u64 word, const void *key)
{
	struct buffer *buffer = &bulk->fill[maps_kind(map)][xns_segment(word)];

	grow_note_put(bulk->p, buffer->map);
	if (buffer->n == buffer->max && !give(bulk, buffer))
		buffer_write(bulk, buffer);
	if (buffer->bytes == NULL)
		buffer->bytes = malloc(BUFFER_BYTES);
	if (buffer->bytes == NULL) {
		note_error(bulk, -ENOMEM);
		return NULL;
	}
	memcpy(buffer->bytes + buffer->n * KEY_SIZE, key, KEY_SIZE);
	return buffer_value(buffer, buffer->n++);
}

static void put_blob(struct bulk *bulk, const struct image_blob *blob)
{
	enum map_id map = maps_image_map(&blob->key);
	uint8_t *value;
	size_t size;

	if (map == MAP_COUNT || blob->len > segment_kinds[maps_kind(map)].value_size) {
		note_error(bulk, -EINVAL);
		return;
	}
	size = segment_kinds[maps_kind(map)].value_size;
	value = add(bulk, map, blob->key.owner, &blob->key);
	if (value == NULL)
		return;
	memcpy(value, blob->value, blob->len);
	memset(value + blob->len, 0, size - blob->len);
}

void bulk_put(struct bulk *bulk, const struct image_node *node)
{
	struct xns_node *at;

	for (size_t i = 0; i < node->n_blobs; i++)
		put_blob(bulk, &node->blob[i]);
	at = add(bulk, MAP_NODES, node->key.hash[0], &node->key);
	if (at != NULL)
		*at = node->page[0];
}

int bulk_flush(struct bulk *bulk)
{
	end_thread(bulk);
	for (int kind = SEGMENTED_MAPS; kind-- > 0;)
		for (unsigned segment = 0; segment < XNS_SEGMENTS; segment++)
			buffer_write(bulk, &bulk->fill[kind][segment]);
	return atomic_exchange(&bulk->error, 0);
}
