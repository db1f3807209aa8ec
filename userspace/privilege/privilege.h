/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the agent does while it is still root, and how it stops being it. */
#ifndef XNS_PRIVILEGE_H
#define XNS_PRIVILEGE_H

/* All return 0 or a negative errno and log what is wrong. user NULL: stay who we are. */

/* Makes the directory (mode 0750, its parents must be there) if it is missing; it then belongs to
 * user. */
int privilege_make_directory(const char *path, const char *user);

/*
 * The directory of the pins, which may lie below directories that only root may enter: held open,
 * and reached through `path` from then on. It is made if bpffs is there, so that maps pinned later
 * are found too. Locked: -EBUSY when another agent publishes to these maps.
 */
struct privilege_pins {
	int fd;		/* -1: none */
	char path[128]; /* where to look for pins */
};
int privilege_open_pins(const char *pin_dir, const char *user, struct privilege_pins *ret);
void privilege_close_pins(struct privilege_pins *pins);

/* Becomes user, for good: its groups, no capability, none to be had by exec. */
int privilege_drop(const char *user);
/* The same, with one capability left. */
int privilege_drop_but(const char *user, int capability);

int privilege_write_pid(const char *path);

/* Tells the service manager (sd_notify(3)) that we are ready, if there is one. */
void privilege_notify_ready(void);

#endif
