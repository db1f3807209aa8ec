/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone as a zone file, on its way to the control socket: written off the loop to a file that has
 * no name, then sent in pieces. */
#ifndef XNS_CONTROL_EXPORT_H
#define XNS_CONTROL_EXPORT_H

#include <stddef.h>

#include "store/store.h"

struct control_export;

/* dir: where the file may lie, the database's directory. NULL: out of memory. */
struct control_export *control_export_new(struct store *store, const char *dir,
					  const knot_dname_t *apex, const char *name);
/* Any thread, once. */
void control_export_write(struct control_export *export);
/* "" it was written, else why not. */
const char *control_export_error(const struct control_export *export);
/*
 * The next piece of {"ok":true,"result":{"zone":...,"serial":...,"text":["...",...]}} and a
 * newline; the caller's to free. NULL: out of memory, or the file cannot be read. *ret_end: it was
 * the last.
 */
char *control_export_piece(struct control_export *export, size_t *ret_len, bool *ret_end);
void control_export_free(struct control_export *export);

#endif
