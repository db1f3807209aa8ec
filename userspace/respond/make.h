/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XNS_RESPOND_MAKE_H
#define XNS_RESPOND_MAKE_H

#include "respond/respond.h"

/* The part of struct respond that respond_make works with. 0 or -ENOMEM. */
int make_init(struct respond *respond);
/* Also of one that make_init failed for, or that is all zeros. */
void make_free(struct respond *respond);

#endif
