/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "publish/maps.h"

#define FILTER_BYTES   (2UL * XNS_FILTER_WORDS * sizeof(uint64_t))
#define WORDS_MIN      64
#define NAMES_A_WORD   8  /* when it is made: 5 % of the names that are not there seem to be */
#define NAMES_TOO_MANY 16 /* 15 % */
#define GONE_MIN       1024

int filter_open(struct publish *p)
{
	void *map =
		mmap(NULL, FILTER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd[MAP_FILTER], 0);

	if (map == MAP_FAILED)
		return -errno;
	p->filter.word = map;
	return 0;
}

void filter_close(struct publish *p)
{
	if (p->filter.word != NULL)
		munmap(p->filter.word, FILTER_BYTES);
}

static void set_bits(struct publish *p, struct xns_filter filter, const struct xns_name_key *key)
{
	uint32_t at = filter.begin + xns_filter_word(key->hash[0], filter.words);
	uint64_t bits = xns_filter_bits(key->hash[1]);

	if ((atomic_load_explicit(&p->filter.word[at], memory_order_relaxed) & bits) != bits)
		atomic_fetch_or_explicit(&p->filter.word[at], bits, memory_order_relaxed);
}

void filter_add(struct publish *p, const struct xns_name_key *key)
{
	if (p->config->filter.words > 0)
		set_bits(p, p->config->filter, key);
}

void filter_note_gone(struct publish *p)
{
	atomic_fetch_add_explicit(&p->filter.n_gone, 1, memory_order_relaxed);
}

bool filter_is_due(const struct publish *p, uint64_t names)
{
	uint32_t words = p->config->filter.words;
	uint64_t n_gone = p->filter.n_gone;

	return words == 0 ||
	       (words < XNS_FILTER_WORDS && names > (uint64_t)words * NAMES_TOO_MANY) ||
	       (n_gone >= GONE_MIN && n_gone > names);
}

struct making {
	struct publish *p;
	struct xns_filter filter;
};

static int add_node(struct xns_name_key key, const struct xns_node *node, void *ctx)
{
	const struct making *making = ctx;

	(void)node;
	set_bits(making->p, making->filter, &key);
	return 0;
}

int filter_make(struct publish *p, uint64_t names)
{
	struct making making = {.p = p, .filter.words = WORDS_MIN};
	struct xns_filter *filter = &making.filter;
	uint64_t both;
	int ret;

	while (filter->words < XNS_FILTER_WORDS && (uint64_t)filter->words * NAMES_A_WORD < names)
		filter->words *= 2;
	filter->begin = p->config->filter.begin == 0 ? XNS_FILTER_WORDS : 0;
	memset((void *)(p->filter.word + filter->begin), 0, filter->words * sizeof(uint64_t));
	ret = maps_node_each(p, MAP_NODES, add_node, &making);
	if (ret == 0)
		ret = maps_node_each(p, MAP_STAGED, add_node, &making);
	if (ret < 0)
		return ret;
	memcpy(&both, filter, sizeof(both));
	__atomic_store_n((uint64_t *)&p->config->filter, both, __ATOMIC_SEQ_CST);
	p->filter.n_gone = 0;
	return maps_grace(p); /* before the other half is written again */
}
