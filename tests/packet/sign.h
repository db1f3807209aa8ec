/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Zones made up as signed: the records that a signer adds, in the right places, with signatures
 * that are numbers out of what they cover.
 */
#ifndef XNS_TEST_SIGN_H
#define XNS_TEST_SIGN_H

#include <stdint.h>

#include "store/content.h"

enum sign {
	SIGN_NOT,
	SIGN_NSEC,
	SIGN_NSEC3,
	SIGN_OPT_OUT,  /* NSEC3, without those of unsigned delegations */
	SIGN_ITERATED, /* NSEC3 with an extra iteration: for the stack */
	SIGN_KINDS,
};

/*
 * Zone text to finished content. stamp: goes into every signature (its time of expiry), so that it
 * tells the serial; with 0 a signature changes only when what it covers does.
 */
struct content *sign_content(const char *apex, const char *text, enum sign how, uint32_t stamp);

#endif
