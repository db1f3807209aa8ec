/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the fuzz targets share. Each is a file fuzz_NAME.c with LLVMFuzzerTestOneInput in it. */
#ifndef XNS_FUZZ_H
#define XNS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* An invariant: libFuzzer keeps the input that breaks it. */
#define CHECK(condition)                                                                        \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

/* The first byte of an input, which says how the rest is used; 0 and no rest if it is empty. */
static inline uint8_t fuzz_take(const uint8_t **data, size_t *len)
{
	if (*len == 0)
		return 0;
	(*len)--;
	return *(*data)++;
}

/* A reason, an error: some words, ended, in printable characters. */
void fuzz_check_text(const char *text, size_t size);

/* An empty store whose files have no names any more: nothing is left however the process ends. */
struct store *fuzz_store(void);
/* Commits a zone of this text. */
void fuzz_store_zone(struct store *store, const char *apex, const char *text);

/* Every RRset of a node lies in it, its rdata fill it, types ascend. */
void fuzz_check_node(const struct store_node *node);

/* Is the wire a message that libknot reads to the end? */
knot_pkt_t *fuzz_pkt(const uint8_t *wire, size_t len, int *ret_err);

#endif
