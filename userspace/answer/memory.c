// SPDX-License-Identifier: GPL-3.0-or-later
/* The memory of an answer: its sections, and what is not in the database. */
#include <errno.h>
#include <stdlib.h>

#include "answer/private.h"

#define CHUNK_SIZE   (32u << 10) /* owners and synthesised records; few answers need a second */
#define SECTION_SIZE 32		 /* RRsets, at first */

/* The first chunk stays for the next answer. */
struct answer_chunk {
	struct answer_chunk *before;
	size_t used;
	uint8_t data[CHUNK_SIZE];
};

_Static_assert(CHUNK_SIZE >= WORK_ALLOC_MAX, "any piece fits into a chunk of its own");

void answer_init(struct answer *answer)
{
	memset(answer, 0, sizeof(*answer));
}

static void section_free(struct answer_section *section)
{
	free(section->rr);
	free(section->at);
	free(section->number);
}

void answer_free(struct answer *answer)
{
	work_reset(answer);
	free(answer->chunk);
	section_free(&answer->an);
	section_free(&answer->ns);
	section_free(&answer->ar);
	answer_init(answer);
}

void work_reset(struct answer *answer)
{
	while (answer->chunk && answer->chunk->before) {
		struct answer_chunk *chunk = answer->chunk;

		answer->chunk = chunk->before;
		free(chunk);
	}
	if (answer->chunk)
		answer->chunk->used = 0;
}

void *work_alloc(struct work *w, size_t len)
{
	struct answer_chunk *chunk = w->answer->chunk;
	void *ret;

	len = (len + 1) & ~(size_t)1; /* knot_rdata_t */
	if (!chunk || CHUNK_SIZE - chunk->used < len) {
		chunk = malloc(sizeof(*chunk));
		if (!chunk) {
			w->error = -ENOMEM;
			return NULL;
		}
		chunk->before = w->answer->chunk;
		chunk->used = 0;
		w->answer->chunk = chunk;
	}
	ret = chunk->data + chunk->used;
	chunk->used += len;
	return ret;
}

knot_dname_t *work_name(struct work *w, const knot_dname_t *name)
{
	knot_dname_t *ret = work_alloc(w, knot_dname_size(name));

	if (ret)
		knot_dname_copy_lower(ret, name);
	return ret;
}

static bool section_grow(struct answer_section *section)
{
	unsigned size = section->size ? section->size * 2 : SECTION_SIZE;
	struct answer_name_at *at = reallocarray(section->at, size, sizeof(*at));
	knot_rrset_t *rr = reallocarray(section->rr, size, sizeof(*rr));
	uint16_t *number = reallocarray(section->number, size, sizeof(*number));

	section->at = at ? at : section->at;
	section->rr = rr ? rr : section->rr;
	section->number = number ? number : section->number;
	if (!at || !rr || !number)
		return false;
	section->size = size;
	return true;
}

bool section_put(struct work *w, struct answer_section *section, const knot_dname_t *owner,
		 const knot_rrset_t *rr, struct answer_name_at at)
{
	if (section->n == ANSWER_SECTION_MAX) {
		section->overflow = true;
		return false;
	}
	if (section->n == section->size && !section_grow(section)) {
		w->error = -ENOMEM;
		return false;
	}
	section->rr[section->n] = *rr;
	section->rr[section->n].owner = (knot_dname_t *)owner;
	section->at[section->n] = at;
	section->n++;
	return true;
}

bool section_has(const struct answer_section *section, const knot_dname_t *owner, uint16_t type)
{
	for (unsigned i = 0; i < section->n; i++) {
		if (section->rr[i].type == type && knot_dname_is_equal(section->rr[i].owner, owner))
			return true;
	}
	return false;
}
