// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/libbpf.h>

#include "flood_list.h"
#include "tests/bench/flood.skel.h"

#define LEAST	   65536 /* shorter lists are repeated: many source addresses for every query */
#define HEADER_LEN 12

struct file {
	const __u8 *bytes;
	size_t len;
};

static int file_map(const char *path, struct file *ret)
{
	struct stat st;
	void *bytes = MAP_FAILED;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && st.st_size > 0)
		bytes = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		return -EINVAL;
	*ret = (struct file){bytes, st.st_size};
	return 0;
}

/* The message at *at, which moves behind it. NULL at the end; where there is none, *at is SIZE_MAX.
 */
static const __u8 *file_next(const struct file *file, size_t *at, size_t *ret_len)
{
	__u16 len;

	if (*at == file->len)
		return NULL;
	if (file->len - *at >= sizeof(len)) {
		memcpy(&len, file->bytes + *at, sizeof(len));
		*at += sizeof(len);
		if (len >= HEADER_LEN && len <= FLOOD_MESSAGE_MAX && len <= file->len - *at) {
			const __u8 *message = file->bytes + *at;
			*at += len;
			*ret_len = len;
			return message;
		}
	}
	*at = SIZE_MAX;
	return NULL;
}

static __u16 sum_words(const __u16 *words, size_t n)
{
	__u32 sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static void fill(const struct flood_list *list, const struct file *file)
{
	size_t at = 0, len;

	for (size_t place = 0; place < list->len; place++) {
		const __u8 *message = file_next(file, &at, &len);
		if (!message) {
			at = 0;
			message = file_next(file, &at, &len);
		}
		if (!message)
			return;
		struct flood_record *record = flood_list_at(list, place);
		memcpy(record->message, message, len);
		memset(record->message, 0, sizeof(__u16)); /* the ID */
		record->len = len;
		record->sum = sum_words((__u16 *)record->message, (len + 1) / 2);
	}
}

static int map_records(struct flood_bpf *skel, struct flood_list *list)
{
	skel->rodata->list_len = list->len;
	skel->rodata->message_words = list->words;
	bpf_map__set_value_size(skel->maps.queries, list->stride);
	bpf_map__set_max_entries(skel->maps.queries, list->len);
	int err = flood_bpf__load(skel);
	if (err)
		return err;
	list->records = mmap(NULL, list->len * list->stride, PROT_READ | PROT_WRITE, MAP_SHARED,
			     bpf_map__fd(skel->maps.queries), 0);
	return list->records == MAP_FAILED ? -errno : 0;
}

int flood_list_load(const char *path, struct flood_bpf *skel, struct flood_list *ret)
{
	struct file file = {0};
	struct flood_list list = {0};
	size_t at = 0, queries = 0, longest = 0, len;

	int err = file_map(path, &file);
	if (err)
		return err;
	for (; file_next(&file, &at, &len); queries++)
		longest = len > longest ? len : longest;
	err = at == SIZE_MAX || queries > FLOOD_LIST_MAX ? -EINVAL : 0;
	if (!err) {
		list.len = queries >= LEAST ? queries : (LEAST + queries - 1) / queries * queries;
		list.words = (longest + 7) / 8;
		list.stride = sizeof(struct flood_record) + list.words * 8;
		err = map_records(skel, &list);
	}
	if (!err) {
		fill(&list, &file);
		*ret = list;
	}
	munmap((void *)file.bytes, file.len);
	return err;
}
