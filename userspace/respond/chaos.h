/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions of class CHAOS, which ask the server for its name and version. */
#ifndef XNS_RESPOND_CHAOS_H
#define XNS_RESPOND_CHAOS_H

#include "config/config.h"
#include "respond/query.h"
#include "respond/reply.h"

/* RFC 4892. An identity that is not configured is refused, as any other name of the class. */
void chaos_answer(const struct config *config, const struct query *query, struct reply *reply);

#endif
