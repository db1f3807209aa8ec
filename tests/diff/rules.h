/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The judge: is a reply of xnsd right, given what three references replied? See rules.c. */
#ifndef XNS_DIFF_RULES_H
#define XNS_DIFF_RULES_H

#include "view.h"

#define REFERENCES 3

enum verdict {
	VERDICT_SAME,
	VERDICT_NOTE, /* the references differ, and xnsd's is none of theirs */
	VERDICT_BUG,
};

/* A query, what was replied to it, and which of xnsd's replies is judged. */
struct rules_case {
	const struct query *query;
	const struct view *udp[REFERENCES], *tcp[REFERENCES];
	const struct view *ours;
	const struct view *ours_tcp;
	bool is_tcp;
	bool is_frames; /* at the interface */
};

/* *ret_what: what differs, in a word, unless the verdict is SAME. */
enum verdict rules_judge(const struct rules_case *c, const char **ret_what);

/* What differs between the reply at the interface and that of the sockets, or NULL. */
const char *rules_same_answer(const struct rules_case *c, const struct view *other);

/* Rule 1: may xnsd's reply, as long as it is over TCP, not fit into one over UDP? */
bool rules_near_limit(const struct rules_case *c);

/* The size that a reply over UDP may have. */
unsigned rules_limit(const struct query *query);

#endif
