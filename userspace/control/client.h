/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The other end of the control socket. */
#ifndef XNS_CONTROL_CLIENT_H
#define XNS_CONTROL_CLIENT_H

#include <stddef.h>

/*
 * Sends a request (a line) to the socket at path and gives the whole reply, NUL-terminated, to be
 * freed. timeout_s: of silence. 0 or a negative errno, and then `error` says it in a sentence.
 */
int control_exchange(const char *path, const char *request, unsigned timeout_s, char **ret_reply,
		     size_t *ret_len, char *error, size_t error_len);

#endif
