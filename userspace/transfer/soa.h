/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The SOA query of a refresh (RFC 1034 §4.3.5): which serial does a primary have? Knows no sockets.
 */
#ifndef XNS_SOA_H
#define XNS_SOA_H

#include <stddef.h>
#include <stdint.h>

#include "transfer/message.h"

/* A question for the apex's SOA with a fresh random ID. apex: lower case. */
struct message_question soa_question(const knot_dname_t *apex);

/*
 * Reads the reply. MESSAGE_GOOD: *ret_serial. Otherwise why not is in reason (MESSAGE_REASON_MAX
 * bytes); MESSAGE_REFUSED too when the records are malformed or there is no SOA of the apex among
 * the answers.
 */
enum message_verdict soa_reply(const uint8_t *wire, size_t len,
			       const struct message_question *question, uint32_t *ret_serial,
			       char *reason);

#endif
