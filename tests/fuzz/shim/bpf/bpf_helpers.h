/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In place of libbpf's: the packet path's parsers as userspace code; helpers are in packet_path.c.
 */
#ifndef XNS_FUZZ_BPF_HELPERS_H
#define XNS_FUZZ_BPF_HELPERS_H

#include <linux/bpf.h>

#define __uint(name, val)  int(*name)[val]
#define __type(name, val)  typeof(val) *name
#define __array(name, val) typeof(val) *name[]

#define SEC(name)
#undef __always_inline
#define __always_inline inline __attribute__((always_inline, unused))
#undef __noinline
#define __noinline __attribute__((noinline))

void *bpf_map_lookup_elem(const void *map, const void *key);
long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *buf, __u32 len);

#endif
