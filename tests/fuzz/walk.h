/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XNS_FUZZ_WALK_H
#define XNS_FUZZ_WALK_H

#include "model/kernel.h"

/*
 * Reads all that the maps hold as xns_abi.h describes it: entries in order and in bounds, sums
 * right, pointers where they are listed, every image and page there that is referred to, and none
 * that is not. CHECK of fuzz.h.
 */
void walk_maps(const struct kernel *kernel);

#endif
