/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What flood.c and flood.bpf.c share: the list of queries, where they go, what is counted. */
#ifndef FLOOD_H
#define FLOOD_H

#include <linux/types.h>

#define FLOOD_MESSAGE_MAX 512
#define FLOOD_LIST_MAX	  (1 << 24) /* the query's place in the list is in its source address */

/* A query of the list. All records of a list are as long as the longest needs. */
struct flood_record {
	__u16 len;
	__u16 sum;   /* ones' complement, of 16-bit words in memory's order, the ID taken as zero */
	__u32 cpu;   /* of generator and counter */
	__u32 batch; /* frames */
	__u32 unused;
	__u64 message[]; /* padded with zeros */
};

/* Queries come from SOURCE4 + place or SOURCE6 + place: 10.0.0.0/8, 2001:db8:1::/64. */
#define FLOOD_SOURCE4 0x0a000000
#define FLOOD_SOURCE6 "2001:db8:1::"

struct flood_target {
	__u8 link[14]; /* the Ethernet header, to the server */
	__u8 v6;
	__u8 bounce; /* what comes back are the queries themselves */
	__u32 ifindex;
	__u32 server4;	  /* network order */
	__u32 server6[4]; /* network order */
	__u32 source6[4]; /* network order; place 0 */
	__u64 interval;	  /* between two queries, in 1/1024 ns; 0: as fast as it goes */
	__u64 quantum;	  /* those of so much time go at once, in 1/1024 ns */
	__u64 lag;	  /* at most so much is made up for, in 1/1024 ns */
	__u32 sample_every;
	__u32 cpu;   /* of generator and counter */
	__u32 batch; /* frames */
	__u32 unused;
};

struct flood_counts {
	__u64 sent;
	__u64 received; /* well-formed replies to what was sent */
	__u64 wrong;	/* other ID, QR=0, too short: not in `received` */
	__u64 truncated;
	__u64 bytes; /* of the DNS messages received */
	__u64 rcode[16];
};

/*
 * Frames in a call of the kernel's loop, the most that it takes. It recycles so many frames; others
 * are made anew. Between two batches replies are counted; meanwhile they lie in the link, which has
 * room for 256: so not all frames of a batch become queries.
 */
#define FLOOD_BATCH 256
#define FLOOD_BURST 176

/* Of a reply: the frame. */
#define FLOOD_FRAME_MAX 1514
struct flood_sample {
	__u32 place;
	__u16 id; /* network order */
	__u16 len;
	__u8 frame[FLOOD_FRAME_MAX];
	__u8 unused[2];
};

/*
 * Of the frame that a run starts with, the longest message being `words` of 8 bytes: longer than
 * any query, so that each is cut to its length (frames come back with the length of the reply).
 */
#define FLOOD_FRAME_START(words) (62 + (words) * 8 + 8)

#endif
