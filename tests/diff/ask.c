// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Asks a server every query of a file, and writes what it replied:
 *
 *   ask QUERIES REPLIES udp|tcp ADDRESS PORT
 *   ask QUERIES REPLIES frames INTERFACE SERVER-MAC SOURCE4 SOURCE6 SERVER4 SERVER6
 */
#include <stdio.h>
#include <string.h>

#include "ask.h"

static int usage(void)
{
	fprintf(stderr, "usage: ask QUERIES REPLIES udp|tcp ADDRESS PORT\n"
			"       ask QUERIES REPLIES frames INTERFACE SERVER-MAC SOURCE4 SOURCE6 "
			"SERVER4 SERVER6\n");
	return 2;
}

static int ask(char **argv, const struct corpus *corpus, struct replies *replies)
{
	if (strcmp(argv[3], "udp") == 0)
		return ask_udp(argv[4], argv[5], corpus, replies);
	if (strcmp(argv[3], "tcp") == 0)
		return ask_tcp(argv[4], argv[5], corpus, replies);
	return ask_frames(&(struct ask_frames){.interface = argv[4],
					       .server_mac = argv[5],
					       .source4 = argv[6],
					       .source6 = argv[7],
					       .server4 = argv[8],
					       .server6 = argv[9]},
			  corpus, replies);
}

int main(int argc, char **argv)
{
	struct replies replies = {0};
	struct corpus corpus = {0};
	uint32_t replied = 0;
	int err;

	if (argc < 4 || argc != (strcmp(argv[3], "frames") == 0 ? 10 : 6))
		return usage();
	err = corpus_load(argv[1], &corpus);
	if (err == 0)
		err = replies_make(corpus.n, &replies);
	if (err == 0)
		err = ask(argv, &corpus, &replies);
	if (err == 0)
		err = replies_save(&replies, argv[2]);
	for (uint32_t i = 0; i < replies.n; i++)
		replied += replies.reply[i].wire != NULL;
	if (err < 0)
		fprintf(stderr, "ask %s %s: %s\n", argv[3], argv[4], strerror(-err));
	else
		printf("%u of %u\n", replied, corpus.n);
	replies_free(&replies);
	corpus_free(&corpus);
	return err < 0;
}
