/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In place of libbpf's: the packet path as userspace code; helpers are in packet_path.c. */
#ifndef XNS_FUZZ_BPF_HELPERS_H
#define XNS_FUZZ_BPF_HELPERS_H

#include <linux/bpf.h>

#define __uint(name, val)  int(*name)[val]
#define __type(name, val)  typeof(val) *name
#define __array(name, val) typeof(val) *name[]

#define SEC(name)
#undef __always_inline
#define __always_inline inline __attribute__((always_inline, unused))
/* Not global, as the agent has functions of the same names. */
#undef __noinline
#define __noinline static __attribute__((noinline, unused))

/* Not libbpf's function of that name, which takes a descriptor. */
#define bpf_map_lookup_elem packet_path_lookup_elem
void *bpf_map_lookup_elem(const void *map, const void *key);

long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *buf, __u32 len);
long bpf_xdp_store_bytes(struct xdp_md *ctx, __u32 offset, void *buf, __u32 len);
long bpf_xdp_adjust_tail(struct xdp_md *ctx, int delta);
long bpf_xdp_adjust_head(struct xdp_md *ctx, int delta);
long bpf_check_mtu(void *ctx, __u32 ifindex, __u32 *mtu_len, __s32 len_diff, __u64 flags);
__u64 bpf_jiffies64(void);
__u64 bpf_ktime_get_boot_ns(void);
long bpf_dynptr_from_mem(void *data, __u32 size, __u64 flags, struct bpf_dynptr *ptr);
long bpf_dynptr_write(struct bpf_dynptr *dst, __u32 offset, void *src, __u32 len, __u64 flags);

#endif
