// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/aside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/log.h"

int aside_put(const char *dir)
{
	char now[4096], aside[sizeof(now) + 8], older[sizeof(aside) + 4];

	if ((size_t)snprintf(now, sizeof(now), "%s/data.mdb", dir) >= sizeof(now))
		return -ENAMETOOLONG;
	snprintf(aside, sizeof(aside), "%s.damaged", now);
	snprintf(older, sizeof(older), "%s.old", aside);
	if ((rename(aside, older) < 0 && errno != ENOENT) || rename(now, aside) < 0) {
		int err = -errno;

		log_error("database %s cannot be put aside as %s: %s", now, aside, strerror(-err));
		return err;
	}
	log_error("database %s is put aside as %s, which may be removed; a new one is made, all "
		  "zones are transferred anew",
		  now, aside);
	return 0;
}
