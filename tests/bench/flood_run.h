/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A run of the flood: what a line of standard input asks for. flood.c lists the keys. */
#ifndef FLOOD_RUN_H
#define FLOOD_RUN_H

#include <net/if.h>
#include <netinet/in.h>

#include "flood.h"

struct flood_run {
	char netns[128], dev[IFNAMSIZ];
	char dmac[18], server[INET6_ADDRSTRLEN];
	double rate, quantum, warm, seconds;
	long samples, bounce, program, batch;
};

/* Words "key=value"; overwrites the line. 0 or -EINVAL. */
int flood_run_parse(char *line, struct flood_run *ret);

/*
 * This thread, and those that it starts from then on, go into the namespace of `dev`. *ret is what
 * the programs have to know.
 * 0 or a negative errno.
 */
int flood_run_enter(const struct flood_run *run, struct flood_target *ret);

#endif
