/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The packet path by BPF_PROG_TEST_RUN: frame in → verdict, frame out, counter. Needs only the
 * permission to load programs: runs in an initramfs as well.
 *
 *   packet_test [xnsd.bpf.o [GROUP...]]    default: the object two folders above the program, all
 * groups
 */
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static const struct {
	const char *name;
	int (*run)(void);
} groups[] = {
	{"frames", test_frames},     {"maps", test_maps},     {"parts", test_parts},
	{"denial", test_denial},     {"proofs", test_proofs}, {"publication", test_publication},
	{"filter", test_filter},     {"sizes", test_sizes},   {"hostile", test_hostile},
	{"zones", test_zones},	     {"dname", test_dname},   {"proof_sizes", test_proof_sizes},
	{"takeover", test_takeover}, {"table", test_table},   {"full_maps", test_full_maps},
};

static bool is_wanted(const char *name, char *const *wanted)
{
	bool any = *wanted == NULL;

	for (; !any && *wanted != NULL; wanted++)
		any = strcmp(name, *wanted) == 0;
	return any;
}

int main(int argc, char **argv)
{
	char *const *wanted = argc > 1 ? argv + 2 : argv + argc;
	int failed = 0;

	if (argc > 1)
		rig_object_path = argv[1];
	else if (find_object() < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (is_wanted(groups[i].name, wanted))
			failed += groups[i].run();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
