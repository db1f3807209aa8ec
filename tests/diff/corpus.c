// SPDX-License-Identifier: GPL-3.0-or-later
#include "corpus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER 12

static int map_file(const char *path, void **ret_map, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		err = -errno;
		goto out;
	}
	if (st.st_size == 0) {
		err = -EBADMSG;
		goto out;
	}
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		err = -errno;
		goto out;
	}
	*ret_map = map;
	*ret_len = st.st_size;
out:
	close(fd);
	return err;
}

int corpus_load(const char *path, struct corpus *ret)
{
	struct corpus corpus = {0};
	size_t at = 0, room = 0;
	int err = map_file(path, &corpus.map, &corpus.map_len);

	if (err < 0)
		return err;
	while (at < corpus.map_len) {
		struct corpus_head head;
		const uint8_t *bytes = corpus.map;

		err = -EBADMSG;
		if (corpus.map_len - at < sizeof(head))
			goto out;
		memcpy(&head, bytes + at, sizeof(head));
		at += sizeof(head);
		if (corpus.map_len - at < head.len || head.len < HEADER)
			goto out;
		if (corpus.n == room) {
			struct query *more;

			room = room ? 2 * room : 1024;
			more = realloc(corpus.query, room * sizeof(*more));
			err = -ENOMEM;
			if (!more)
				goto out;
			corpus.query = more;
		}
		corpus.query[corpus.n++] = (struct query){bytes + at, head};
		at += head.len;
	}
	*ret = corpus;
	return 0;
out:
	corpus_free(&corpus);
	return err;
}

void corpus_free(struct corpus *corpus)
{
	free(corpus->query);
	if (corpus->map)
		munmap(corpus->map, corpus->map_len);
	*corpus = (struct corpus){0};
}

int replies_make(uint32_t n, struct replies *ret)
{
	struct reply *reply = calloc(n ? n : 1, sizeof(*reply));

	if (!reply)
		return -ENOMEM;
	*ret = (struct replies){.reply = reply, .n = n};
	return 0;
}

/* The file: for each query the length of its reply as 32 bits (0: none), and the reply. */
int replies_load(const char *path, uint32_t n, struct replies *ret)
{
	struct replies replies;
	size_t at = 0;
	int err = replies_make(n, &replies);

	if (err < 0)
		return err;
	err = map_file(path, &replies.map, &replies.map_len);
	if (err < 0)
		goto out;
	err = -EBADMSG;
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *bytes = replies.map;
		uint32_t len;

		if (replies.map_len - at < sizeof(len))
			goto out;
		memcpy(&len, bytes + at, sizeof(len));
		at += sizeof(len);
		if (replies.map_len - at < len)
			goto out;
		if (len > 0)
			replies.reply[i] = (struct reply){bytes + at, len};
		at += len;
	}
	if (at != replies.map_len)
		goto out;
	*ret = replies;
	return 0;
out:
	replies_free(&replies);
	return err;
}

int replies_save(const struct replies *replies, const char *path)
{
	FILE *file = fopen(path, "we");
	bool good = true;

	if (!file)
		return -errno;
	for (uint32_t i = 0; good && i < replies->n; i++) {
		const struct reply *reply = &replies->reply[i];

		good = fwrite(&reply->len, sizeof(reply->len), 1, file) == 1 &&
		       (reply->len == 0 || fwrite(reply->wire, reply->len, 1, file) == 1);
	}
	return fclose(file) == 0 && good ? 0 : -EIO;
}

void replies_free(struct replies *replies)
{
	if (replies->map) {
		munmap(replies->map, replies->map_len);
	} else {
		for (uint32_t i = 0; i < replies->n; i++)
			free((void *)replies->reply[i].wire);
	}
	free(replies->reply);
	*replies = (struct replies){0};
}

int replies_put(struct replies *replies, uint32_t index, const uint8_t *wire, size_t len)
{
	struct reply *reply = &replies->reply[index];
	uint8_t *copy;

	if (reply->wire)
		return 0;
	copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, wire, len);
	*reply = (struct reply){copy, len};
	return 0;
}

size_t query_name_len(const struct query *query)
{
	size_t at = HEADER;

	while (at < query->head.len && query->wire[at] != 0)
		at += 1 + query->wire[at];
	return at + 1 - HEADER;
}

static uint16_t after_name(const struct query *query, size_t skip)
{
	size_t at = HEADER + query_name_len(query) + skip;

	return at + 2 <= query->head.len ? query->wire[at] << 8 | query->wire[at + 1] : 0;
}

uint16_t query_type(const struct query *query)
{
	return after_name(query, 0);
}

uint16_t query_class(const struct query *query)
{
	return after_name(query, 2);
}

int reply_matches(const struct query *query, uint16_t id, const uint8_t *wire, size_t len)
{
	size_t question = query_name_len(query) + 4;

	if (len < HEADER || wire[0] != id >> 8 || wire[1] != (id & 0xff) || !(wire[2] & 0x80))
		return false;
	if (wire[4] == 0 && wire[5] == 0)
		return true;
	/* Spelled otherwise it is still the reply, to be found wrong. */
	return len >= HEADER + question;
}
