/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The packet path by BPF_PROG_TEST_RUN: frame in → verdict, frame out, counter. Needs only the
 * permission to load programs: runs in an initramfs as well.
 *
 *   packet_test [xnsd.bpf.o]    default: the object two folders above the program
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "packet/groups.h"
#include "packet/rig.h"

static char default_path[4096];

static int find_object(void)
{
	char self[2048] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0) {
		perror("/proc/self/exe");
		return -1;
	}
	snprintf(default_path, sizeof(default_path), "%s/../../xnsd.bpf.o", dirname(self));
	rig_object_path = default_path;
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc > 1)
		rig_object_path = argv[1];
	else if (find_object() < 0)
		return EXIT_FAILURE;
	failed += test_frames();
	failed += test_maps();
	failed += test_publication();
	failed += test_parts();
	failed += test_denial();
	failed += test_sizes();
	failed += test_hostile();
	failed += test_zones();
	failed += test_dname();
	failed += test_takeover();
	failed += test_table();
	failed += test_full_maps();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
