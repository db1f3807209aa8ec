// SPDX-License-Identifier: GPL-3.0-or-later
/* attach_other OBJECT IFACE [alone]: attaches an XDP program natively as others do, through libxdp.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include <xdp/libxdp.h>

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: attach_other OBJECT IFACE [alone]\n");
		return 2;
	}
	struct bpf_object *object = bpf_object__open_file(argv[1], NULL);
	unsigned int index = if_nametoindex(argv[2]);
	if (!object || !index) {
		fprintf(stderr, "cannot open %s or no interface %s\n", argv[1], argv[2]);
		return 1;
	}
	int err;
	if (argc > 3) {
		err = bpf_object__load(object);
		if (!err)
			err = bpf_xdp_attach(
				index, bpf_program__fd(bpf_object__next_program(object, NULL)),
				XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
	} else {
		struct xdp_program *program = xdp_program__from_bpf_obj(object, "xdp");
		err = libxdp_get_error(program);
		if (!err)
			err = xdp_program__attach(program, index, XDP_MODE_NATIVE, 0);
	}
	if (err)
		fprintf(stderr, "%s: %s\n", argv[2], strerror(-err));
	bpf_object__close(object);
	return err ? 1 : 0;
}
