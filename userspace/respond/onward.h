/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XNS_RESPOND_ONWARD_H
#define XNS_RESPOND_ONWARD_H

#include "respond/make.h"
#include "respond/reply.h"

/*
 * A question of type AXFR or IXFR. What takes only one message is made at once: the reply is
 * finished then, signature and all, as reply->is_whole says. Else, if all is well, the transfer is
 * in *ret; or the reply says why not.
 */
void onward_answer(struct respond *respond, struct request *request, struct reply *reply,
		   struct transfer **ret);

/* Counts, logs and frees a transfer that has ended. failure NULL: it is whole. */
void onward_end(struct respond *respond, struct transfer *transfer, const char *failure);

#endif
