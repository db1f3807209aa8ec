/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The groups of packet_test; each returns the number of failed tests. */
#ifndef XNS_TEST_GROUPS_H
#define XNS_TEST_GROUPS_H

int test_frames(void);	    /* what is passed up for its headers or form */
int test_maps(void);	    /* what is answered from which entries */
int test_parts(void);	    /* wildcards, referrals, DO, options: what is put together and moved */
int test_denial(void);	    /* which proofs, against libknot and libdnssec */
int test_proofs(void);	    /* proofs in pages of the order: lengths, places, damage */
int test_publication(void); /* slots, staged nodes, states of a zone */
int test_filter(void);	    /* which names there may be */
int test_sizes(void);	    /* limits, truncation, growth, checksums */
int test_hostile(void);	    /* cut and mutated queries */
int test_zones(void);	    /* zone text + query → reply, through image and publish */
int test_dname(void);	    /* below a DNAME: what is made up, and where that leads */
int test_full_maps(void);   /* maps that are full: less is answered, never wrongly */
int test_takeover(void);    /* what an agent left that died, and another takes over */
int test_proof_sizes(void); /* proofs that grow and shrink with the serials */
int test_table(void);	    /* zones that come and go at run time */

#endif
