/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XNS_DIFF_ASK_H
#define XNS_DIFF_ASK_H

#include "corpus.h"

struct ask_frames {
	const char *interface;
	const char *server_mac;
	const char *source4, *source6, *server4, *server6;
};

/* Each asks all queries, and puts what comes into replies. 0 or a negative errno. */
int ask_udp(const char *address, const char *port, const struct corpus *corpus,
	    struct replies *replies);
int ask_tcp(const char *address, const char *port, const struct corpus *corpus,
	    struct replies *replies);
int ask_frames(const struct ask_frames *where, const struct corpus *corpus,
	       struct replies *replies);

/* A connected, non-blocking socket, or a negative errno. */
int ask_connect(const char *address, const char *port, int type);

#endif
