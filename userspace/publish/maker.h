/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making maps takes CAP_BPF, which the agent does not have: a process that it leaves behind when it
 * gives up its privileges does nothing else. It ends with the agent.
 */
#ifndef XNS_PUBLISH_MAKER_H
#define XNS_PUBLISH_MAKER_H

#include <stdint.h>

struct maker;

/*
 * To be called before there are threads. user: whom it becomes, NULL: it stays who we are. 0,
 * -EPERM: this process may not make maps itself, or another negative errno.
 */
int maker_start(const char *user, struct maker **ret);
void maker_stop(struct maker *maker); /* NULL: nothing */

/* As publish_growth.make; ctx: the maker. One thread at a time. */
int maker_make(unsigned map, unsigned number, uint32_t max_entries, void *ctx);

#endif
