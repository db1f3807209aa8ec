/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files between the programs of the differential test: queries, and what a server replied. */
#ifndef XNS_DIFF_CORPUS_H
#define XNS_DIFF_CORPUS_H

#include <stddef.h>
#include <stdint.h>

/* What the generator knows of a query: queries.py has the same numbers. */
#define CORPUS_WILDCARD	    0x01 /* QNAME does not exist, a wildcard is at its closest encloser */
#define CORPUS_WILDCARD_CUT 0x02 /* and that wildcard is a delegation or a DNAME */
#define CORPUS_WILDCARD_AGAIN \
	0x04 /* or its CNAME leads to a name that it matches itself; QNAME may be its own */

enum corpus_zone {
	CORPUS_PLAIN,
	CORPUS_NSEC,
	CORPUS_NSEC3,
	CORPUS_OPT_OUT,
	CORPUS_ITERATED, /* NSEC3 with extra iterations */
	CORPUS_ZONES,
};

#define CORPUS_NO_APEX 255

/* Head of a query in its file, in host byte order; `len` bytes of message follow. */
struct corpus_head {
	uint16_t len;
	uint8_t apex; /* offset in QNAME of the name of the zone that answers, or CORPUS_NO_APEX */
	uint8_t name; /* CORPUS_WILDCARD... */
	uint8_t zone; /* enum corpus_zone */
	uint8_t reserved;
};

struct query {
	const uint8_t *wire;
	struct corpus_head head;
};

struct corpus {
	struct query *query;
	uint32_t n;
	void *map;
	size_t map_len;
};

struct reply {
	const uint8_t *wire; /* NULL: none came */
	uint32_t len;
};

struct replies {
	struct reply *reply; /* as many as there are queries */
	uint32_t n;
	void *map; /* what was loaded; NULL: each wire is malloc'ed */
	size_t map_len;
};

/* All: 0 or a negative errno, -EBADMSG for a file that is cut. */
int corpus_load(const char *path, struct corpus *ret);
void corpus_free(struct corpus *corpus);

int replies_make(uint32_t n, struct replies *ret);
int replies_load(const char *path, uint32_t n, struct replies *ret);
int replies_save(const struct replies *replies, const char *path);
void replies_free(struct replies *replies);

/* A copy of the message becomes the reply of a query that has none yet. */
int replies_put(struct replies *replies, uint32_t index, const uint8_t *wire, size_t len);

/* Does the message answer the query: its id is `id`, its question, if it has one, the query's? */
int reply_matches(const struct query *query, uint16_t id, const uint8_t *wire, size_t len);

/* QTYPE, QCLASS, and the length of QNAME, of a query that has a question. */
uint16_t query_type(const struct query *query);
uint16_t query_class(const struct query *query);
size_t query_name_len(const struct query *query);

#endif
