// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/internal.h"
#include "util/log.h"

static int remove_dead_socket(const struct sockaddr_un *addr)
{
	struct stat st;
	int err = 0, fd;

	if (lstat(addr->sun_path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		err = -errno;
		log_error("control socket %s: %s", addr->sun_path, strerror(-err));
		return err;
	}
	if (!S_ISSOCK(st.st_mode)) {
		log_error(
			"control socket %s: there is a file of this name that is not a socket; remove it",
			addr->sun_path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* EAGAIN: its backlog is full, so somebody is there */
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN) {
		log_error(
			"control socket %s: another xnsd listens there; stop it, or give this one a rundir of its own",
			addr->sun_path);
		err = -EADDRINUSE;
	} else if (errno != ECONNREFUSED || unlink(addr->sun_path) < 0) {
		err = -errno;
		log_error("control socket %s: cannot be replaced: %s", addr->sun_path,
			  strerror(-err));
	}
	close(fd);
	return err;
}

int control_bind(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int err, fd;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	err = remove_dead_socket(&addr);
	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode before the bind, so that the file never has a wider one; then past the umask. */
	if (fd < 0 || fchmod(fd, 0660) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || chmod(path, 0660) < 0) {
		err = -errno;
		log_error(
			"control socket %s: %s; does the directory exist, and is it ours to write?",
			path, strerror(-err));
		if (fd >= 0)
			close(fd);
		return err;
	}
	return fd;
}
