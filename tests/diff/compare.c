// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Judges xnsd's replies by those of the references:
 *
 *   compare QUERIES DIRECTORY
 *
 * In the directory are the files of `ask`: knot.udp, knot.tcp, nsd.udp ... named.tcp, and xnsd's
 * own xnsd.frames (at the interface), xnsd.udp, xnsd.tcp. What it has to say goes to stdout as
 * lines of JSON: one for each reply that is wrong or noted, and for each query that was passed up
 * and should not have been; at the end the table of classes, and the totals.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "classes.h"
#include "rules.h"

enum transport {
	FRAMES,
	UDP,
	TCP,
	TRANSPORTS,
};

static const char *const transport_names[TRANSPORTS] = {"frames", "udp", "tcp"};
static const char *const reference_names[REFERENCES] = {"knot", "nsd", "named"};

struct cell {
	unsigned asked, answered, documented, truncated, truncated_answered;
};

struct totals {
	unsigned judged, same_bytes, bugs, notes;
};

struct judge {
	struct corpus corpus;
	struct replies udp[REFERENCES], tcp[REFERENCES], ours[TRANSPORTS];
	struct view view_udp[REFERENCES], view_tcp[REFERENCES], view_ours[TRANSPORTS];
	struct cell cell[CLASSES][CLASS_COLUMNS];
	struct totals totals[TRANSPORTS];
	unsigned passed_up;
};

static int load(struct judge *judge, const char *queries, const char *directory)
{
	char path[4096];
	int err = corpus_load(queries, &judge->corpus);

	for (int i = 0; err == 0 && i < 2 * REFERENCES; i++) {
		struct replies *replies = i % 2 ? &judge->tcp[i / 2] : &judge->udp[i / 2];

		snprintf(path, sizeof(path), "%s/%s.%s", directory, reference_names[i / 2],
			 i % 2 ? "tcp" : "udp");
		err = replies_load(path, judge->corpus.n, replies);
	}
	for (int i = 0; err == 0 && i < TRANSPORTS; i++) {
		snprintf(path, sizeof(path), "%s/xnsd.%s", directory, transport_names[i]);
		err = replies_load(path, judge->corpus.n, &judge->ours[i]);
	}
	if (err < 0)
		fprintf(stderr, "compare: %s: %s\n", err == -EBADMSG ? "a file" : path,
			strerror(-err));
	return err;
}

static void unload(struct judge *judge)
{
	for (int i = 0; i < REFERENCES; i++) {
		replies_free(&judge->udp[i]);
		replies_free(&judge->tcp[i]);
		view_free(&judge->view_udp[i]);
		view_free(&judge->view_tcp[i]);
	}
	for (int i = 0; i < TRANSPORTS; i++) {
		replies_free(&judge->ours[i]);
		view_free(&judge->view_ours[i]);
	}
	corpus_free(&judge->corpus);
}

static bool same_bytes(const struct reply *one, const struct reply *other)
{
	return one->wire && other->wire && one->len == other->len &&
	       memcmp(one->wire + 2, other->wire + 2, one->len - 2) == 0;
}

/* Most replies: what a reference sent, byte for byte. */
static bool is_a_reference_s(const struct judge *judge, uint32_t i, enum transport transport)
{
	for (int k = 0; k < REFERENCES; k++) {
		const struct replies *theirs = transport == TCP ? &judge->tcp[k] : &judge->udp[k];

		if (same_bytes(&judge->ours[transport].reply[i], &theirs->reply[i]))
			return true;
	}
	return false;
}

static int make_views(struct judge *judge, uint32_t i, const struct query *query)
{
	int err = 0;

	for (int k = 0; err == 0 && k < REFERENCES; k++) {
		err = view_make(&judge->view_udp[k], query, &judge->udp[k].reply[i]);
		if (err == 0)
			err = view_make(&judge->view_tcp[k], query, &judge->tcp[k].reply[i]);
	}
	for (int k = 0; err == 0 && k < TRANSPORTS; k++)
		err = view_make(&judge->view_ours[k], query, &judge->ours[k].reply[i]);
	return err;
}

static struct rules_case make_case(const struct judge *judge, const struct query *query,
				   enum transport transport)
{
	struct rules_case c = {.query = query,
			       .ours = &judge->view_ours[transport],
			       .ours_tcp = &judge->view_ours[TCP],
			       .is_tcp = transport == TCP,
			       .is_frames = transport == FRAMES};

	for (int k = 0; k < REFERENCES; k++) {
		c.udp[k] = &judge->view_udp[k];
		c.tcp[k] = &judge->view_tcp[k];
	}
	return c;
}

static void tell(uint32_t i, enum transport transport, const char *verdict, const char *what)
{
	printf("{\"query\": %u, \"by\": \"%s\", \"verdict\": \"%s\", \"what\": \"%s\"}\n", i,
	       transport_names[transport], verdict, what);
}

/* Over the transports of which a reply came; that none came at the interface is no fault yet. */
static int judge_replies(struct judge *judge, uint32_t i, const struct query *query)
{
	for (int t = 0; t < TRANSPORTS; t++) {
		struct totals *totals = &judge->totals[t];
		const char *what = NULL;
		enum verdict verdict;
		struct rules_case c;

		if (t == FRAMES && !judge->ours[t].reply[i].wire)
			continue;
		totals->judged++;
		if (is_a_reference_s(judge, i, t)) {
			totals->same_bytes++;
			continue;
		}
		if (make_views(judge, i, query) < 0)
			return -ENOMEM;
		c = make_case(judge, query, t);
		verdict = rules_judge(&c, &what);
		if (verdict == VERDICT_NOTE) {
			totals->notes++;
			tell(i, t, "note", what);
		} else if (verdict == VERDICT_BUG) {
			totals->bugs++;
			tell(i, t, "bug", what);
		}
	}
	return 0;
}

/* The sockets give the same answers as the interface. */
static int judge_interface(struct judge *judge, uint32_t i, const struct query *query)
{
	const struct reply *frames = &judge->ours[FRAMES].reply[i];
	struct rules_case c;
	const char *what;

	if (!frames->wire || same_bytes(frames, &judge->ours[UDP].reply[i]))
		return 0;
	if (make_views(judge, i, query) < 0)
		return -ENOMEM;
	c = make_case(judge, query, FRAMES);
	what = rules_same_answer(&c, &judge->view_ours[UDP]);
	if (what) {
		judge->totals[FRAMES].bugs++;
		tell(i, FRAMES, "differs from the sockets", what);
	}
	return 0;
}

/* Counts the query in the table. Replies that do not fit are counted apart. */
static int count(struct judge *judge, uint32_t i, const struct query *query)
{
	bool answered = judge->ours[FRAMES].reply[i].wire != NULL;
	const struct view *udp = &judge->view_ours[UDP];
	struct rules_case c;
	struct cell *cell;
	enum answer_class class;

	if (make_views(judge, i, query) < 0)
		return -ENOMEM;
	c = make_case(judge, query, FRAMES);
	class = class_of(&c);
	cell = &judge->cell[class][class_column(query)];
	if (udp->parsed && (udp->flags & VIEW_TC)) {
		cell->truncated++;
		cell->truncated_answered += answered;
		return 0;
	}
	cell->asked++;
	cell->answered += answered;
	if (answered)
		return 0;
	if (class_passed_up(&c, udp)) {
		cell->documented++;
		return 0;
	}
	judge->passed_up++;
	tell(i, FRAMES, "passed up", class_names[class]);
	return 0;
}

static void reset_views(struct judge *judge)
{
	for (int k = 0; k < REFERENCES; k++) {
		view_reset(&judge->view_udp[k]);
		view_reset(&judge->view_tcp[k]);
	}
	for (int k = 0; k < TRANSPORTS; k++)
		view_reset(&judge->view_ours[k]);
}

static void tell_table(const struct judge *judge)
{
	for (int i = 0; i < CLASSES; i++) {
		for (int k = 0; k < CLASS_COLUMNS; k++) {
			const struct cell *cell = &judge->cell[i][k];

			if (cell->asked + cell->truncated == 0)
				continue;
			printf("{\"class\": \"%s\", \"column\": \"%s\", \"asked\": %u, "
			       "\"answered\": %u, \"documented\": %u, \"truncated\": %u, "
			       "\"truncated_answered\": %u}\n",
			       class_names[i], class_columns[k], cell->asked, cell->answered,
			       cell->documented, cell->truncated, cell->truncated_answered);
		}
	}
	for (int t = 0; t < TRANSPORTS; t++) {
		const struct totals *totals = &judge->totals[t];

		printf("{\"total\": \"%s\", \"judged\": %u, \"same_bytes\": %u, \"bugs\": %u, "
		       "\"notes\": %u}\n",
		       transport_names[t], totals->judged, totals->same_bytes, totals->bugs,
		       totals->notes);
	}
}

int main(int argc, char **argv)
{
	static struct judge judge;
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: compare QUERIES DIRECTORY\n");
		return 2;
	}
	err = load(&judge, argv[1], argv[2]);
	for (uint32_t i = 0; err == 0 && i < judge.corpus.n; i++) {
		const struct query *query = &judge.corpus.query[i];

		reset_views(&judge);
		err = judge_replies(&judge, i, query);
		if (err == 0)
			err = judge_interface(&judge, i, query);
		if (err == 0)
			err = count(&judge, i, query);
	}
	if (err == 0)
		tell_table(&judge);
	unload(&judge);
	return err < 0;
}
