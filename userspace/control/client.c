// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/client.h"
#include "control/protocol.h"

static void explain_connect(int err, const char *path, unsigned timeout_s, char *error,
			    size_t error_len)
{
	switch (err) {
	case -ENOENT:
		snprintf(error, error_len, "xnsd is not running (no socket at %s)", path);
		break;
	case -ECONNREFUSED:
		snprintf(error, error_len, "xnsd is not running (nobody listens at %s)", path);
		break;
	case -EACCES:
	case -EPERM:
		snprintf(error, error_len,
			 "no permission to use %s; try as root or as a member of xnsd's group",
			 path);
		break;
	case -EAGAIN:
		snprintf(error, error_len, "xnsd does not answer (waited %u s at %s)", timeout_s,
			 path);
		break;
	case -ECONNRESET:
		snprintf(error, error_len, "xnsd closed the connection without an answer");
		break;
	default:
		snprintf(error, error_len, "%s: %s", path, strerror(-err));
		break;
	}
}

static int send_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		/* Closed at the other end: there may be a reply that says why. */
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n < 0)
			return -errno;
		text += n;
		len -= n;
	}
	return 0;
}

static int receive_all(int fd, char **ret_reply, size_t *ret_len)
{
	char *reply = NULL;
	size_t len = 0, size = 0;
	int err = 0;

	for (;;) {
		if (size - len < 2) {
			size = size ? 2 * size : 1 << 16;
			char *more = size > CONTROL_REPLY_MAX ? NULL : realloc(reply, size);
			if (!more) {
				err = -ENOMEM;
				break;
			}
			reply = more;
		}
		ssize_t n = recv(fd, reply + len, size - len - 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		/* An end with a part of the request unread is a reset, behind a complete reply. */
		if (n < 0 && errno == ECONNRESET && len > 0 && reply[len - 1] == '\n')
			n = 0;
		if (n <= 0) {
			err = n < 0 ? -errno : len == 0 ? -ECONNRESET : 0;
			break;
		}
		len += n;
	}
	if (err < 0) {
		free(reply);
		return err;
	}
	reply[len] = '\0';
	*ret_reply = reply;
	*ret_len = len;
	return 0;
}

int control_exchange(const char *path, const char *request, unsigned timeout_s, char **ret_reply,
		     size_t *ret_len, char *error, size_t error_len)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval timeout = {.tv_sec = timeout_s};
	int err = 0, fd = -1;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		snprintf(error, error_len, "%s: the path of a socket has at most %zu bytes", path,
			 sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err = -errno;
		goto out;
	}
	err = send_all(fd, request);
	if (err == 0)
		err = receive_all(fd, ret_reply, ret_len);
out:
	if (err < 0)
		explain_connect(err, path, timeout_s, error, error_len);
	if (fd >= 0)
		close(fd);
	return err;
}
