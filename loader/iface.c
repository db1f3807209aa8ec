// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "loader.h"

#define DISPATCHER_NAME	 "xdp_dispatcher"
#define PROGRAM_MAPS_MAX 64

const char *iface_mode_text(enum xdp_attach_mode mode)
{
	switch (mode) {
	case XDP_MODE_NATIVE:
		return "native";
	case XDP_MODE_SKB:
		return "generic";
	case XDP_MODE_HW:
		return "hardware";
	default:
		return "auto";
	}
}

/*
 * The names of the maps are what all versions of xnsd's program share. The first 15 bytes are all
 * that the kernel keeps of a name.
 */
static const char *const our_maps[] = {"zones", "nodes", "staged", "images_small", "images_large"};
#define N_OUR_MAPS (sizeof(our_maps) / sizeof(our_maps[0]))

static void look_at_maps(const uint32_t *ids, size_t n, const struct pins *pins,
			 struct iface_program *program)
{
	unsigned found = 0;
	for (size_t i = 0; i < n; i++) {
		struct bpf_map_info info = {};
		uint32_t len = sizeof(info);
		if (pins->config_id && ids[i] == pins->config_id)
			program->ours = program->pinned_maps = true;
		int fd = bpf_map_get_fd_by_id(ids[i]);
		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
			for (size_t j = 0; j < N_OUR_MAPS; j++)
				if (!strcmp(info.name, our_maps[j]))
					found |= 1u << j;
		close(fd);
	}
	if (found == (1u << N_OUR_MAPS) - 1)
		program->ours = true;
}

static void add_program(struct iface *iface, const struct xdp_program *handle,
			const struct pins *pins)
{
	uint32_t ids[PROGRAM_MAPS_MAX], len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.nr_map_ids = PROGRAM_MAPS_MAX, .map_ids = (uintptr_t)ids};
	if (iface->n_programs == IFACE_PROGRAMS_MAX ||
	    bpf_obj_get_info_by_fd(xdp_program__fd(handle), &info, &len))
		return;
	struct iface_program *program = &iface->program[iface->n_programs++];
	*program = (struct iface_program){
		.id = info.id,
		.loaded_ns = info.load_time,
		.verified_insns = info.verified_insns,
		.priority = xdp_program__run_prio(handle),
		.handle = handle,
	};
	memcpy(program->name, info.name, sizeof(program->name));
	program->name[sizeof(program->name) - 1] = '\0';
	memcpy(program->tag, info.tag, sizeof(program->tag));
	size_t n = info.nr_map_ids < PROGRAM_MAPS_MAX ? info.nr_map_ids : PROGRAM_MAPS_MAX;
	look_at_maps(ids, n, pins, program);
}

/* ETHTOOL_GFLAGS has the one bit that is of interest, on every driver; no answer: not stripped. */
static bool vlan_is_stripped(const char *name)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GFLAGS};
	struct ifreq request = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = (void *)&value;
	bool stripped = ioctl(fd, SIOCETHTOOL, &request) == 0 && (value.data & ETH_FLAG_RXVLAN);
	close(fd);
	return stripped;
}

static void set_mode(struct iface *iface, const struct bpf_xdp_query_opts *query)
{
	iface->attached = query->attach_mode != XDP_ATTACHED_NONE;
	if (query->drv_prog_id) {
		iface->mode = XDP_MODE_NATIVE;
		iface->main_id = query->drv_prog_id;
	} else if (query->skb_prog_id) {
		iface->mode = XDP_MODE_SKB;
		iface->main_id = query->skb_prog_id;
	} else if (query->hw_prog_id) {
		iface->mode = XDP_MODE_HW;
		iface->main_id = query->hw_prog_id;
	}
}

static int read_programs(struct iface *iface, const struct pins *pins)
{
	struct xdp_multiprog *multiprog = xdp_multiprog__get_from_ifindex(iface->index);
	int err = libxdp_get_error(multiprog);
	if (err == -EPERM || err == -EACCES)
		return 0; /* not readable; the caller says so where it matters */
	if (err || !multiprog) {
		say_error("%s: cannot tell what is attached: %s", iface->name, strerror(-err));
		return err ? err : -EIO;
	}
	iface->readable = true;
	iface->multiprog = multiprog;
	const struct xdp_program *main = xdp_multiprog__main_prog(multiprog);
	if (xdp_multiprog__is_legacy(multiprog)) {
		if (main)
			add_program(iface, main, pins);
		iface->lost = main && !strcmp(xdp_program__name(main), DISPATCHER_NAME);
		return 0;
	}
	iface->dispatcher = true;
	const struct xdp_program *program = NULL;
	while ((program = xdp_multiprog__next_prog(program, multiprog)))
		add_program(iface, program, pins);
	return 0;
}

int iface_open(const char *name, const struct pins *pins, struct iface *ret)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct iface iface = {.index = if_nametoindex(name)};
	snprintf(iface.name, sizeof(iface.name), "%s", name);
	if (!iface.index) {
		say_error("%s: no such interface in this network namespace; ip link lists them",
			  name);
		return -ENODEV;
	}
	int err = bpf_xdp_query(iface.index, 0, &query);
	if (err) {
		say_error("%s: cannot ask the kernel what is attached: %s", name, strerror(-err));
		return err;
	}
	set_mode(&iface, &query);
	iface.vlan_stripped = vlan_is_stripped(name);
	if (iface.attached)
		err = read_programs(&iface, pins);
	if (err)
		return err;
	*ret = iface;
	return 0;
}

void iface_close(struct iface *iface)
{
	xdp_multiprog__close(iface->multiprog);
	iface->multiprog = NULL;
	iface->n_programs = 0;
}

const struct iface_program *iface_ours(const struct iface *iface)
{
	for (size_t i = 0; i < iface->n_programs; i++)
		if (iface->program[i].ours)
			return &iface->program[i];
	return NULL;
}

int iface_each(const struct pins *pins, int (*fn)(const struct iface *iface, void *ctx), void *ctx)
{
	struct if_nameindex *names = if_nameindex();
	int err = 0;
	if (!names) {
		err = -errno;
		say_error("cannot list the interfaces: %s", strerror(-err));
		return err;
	}
	for (struct if_nameindex *entry = names; entry->if_index && !err; entry++) {
		struct iface iface;
		/* One that cannot be read, or went away just now, does not hide the others. */
		if (iface_open(entry->if_name, pins, &iface))
			continue;
		err = fn(&iface, ctx);
		iface_close(&iface);
	}
	if_freenameindex(names);
	return err;
}
