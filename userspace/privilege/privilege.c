/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <unistd.h>

#include "privilege/privilege.h"
#include "util/log.h"

static int find_user(const char *user, struct passwd **ret)
{
	errno = 0;
	*ret = getpwnam(user);
	if (*ret != NULL)
		return 0;
	log_error("server.user: there is no user %s", user);
	return errno == 0 ? -ENOENT : -errno;
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool empty = dir != NULL;

	while (empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (dir != NULL)
		closedir(dir);
	return empty;
}

/* Only what is surely meant for us is given away: a directory that root has just made, or an empty
 * one of root's. */
static int give_directory(const char *path, const char *user)
{
	struct passwd *pw;
	struct stat st;
	int ret = find_user(user, &pw);

	if (ret < 0)
		return ret;
	if (stat(path, &st) < 0)
		return -errno;
	if (st.st_uid == pw->pw_uid)
		return 0;
	if (st.st_uid != 0 || !is_empty(path)) {
		log_error("%s does not belong to user %s: chown -R %s %s", path, user, user, path);
		return -EACCES;
	}
	if (chown(path, pw->pw_uid, pw->pw_gid) < 0) {
		ret = -errno;
		log_error("cannot give directory %s to user %s: %s", path, user, strerror(-ret));
		return ret;
	}
	return 0;
}

int privilege_make_directory(const char *path, const char *user)
{
	struct stat st;

	if (mkdir(path, 0750) < 0 && errno != EEXIST) {
		int ret = -errno;

		log_error("cannot make directory %s: %s", path, strerror(-ret));
		return ret;
	}
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		log_error("%s is not a directory", path);
		return -ENOTDIR;
	}
	return user != NULL && geteuid() == 0 ? give_directory(path, user) : 0;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

int privilege_open_pins(const char *pin_dir, const char *user, struct privilege_pins *ret)
{
	char parent[128];
	struct passwd *pw;

	ret->fd = -1;
	snprintf(ret->path, sizeof(ret->path), "%s", pin_dir);
	snprintf(parent, sizeof(parent), "%s", pin_dir);
	*strrchr(parent, '/') = 0;
	if (geteuid() == 0) {
		if (!is_bpffs(parent) && mount("bpf", parent, "bpf", 0, "mode=0700") < 0)
			log_debug("cannot mount bpffs on %s: %s", parent, strerror(errno));
		if (is_bpffs(parent) && mkdir(pin_dir, 0700) == 0 && user != NULL &&
		    find_user(user, &pw) == 0 && chown(pin_dir, pw->pw_uid, pw->pw_gid) < 0)
			log_warning("cannot give %s to user %s: %s", pin_dir, user,
				    strerror(errno));
	}
	if (!is_bpffs(pin_dir))
		return 0;
	ret->fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0)
		return 0;
	if (flock(ret->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
		log_error("another xnsd publishes to the maps under %s: stop it first", pin_dir);
		privilege_close_pins(ret);
		return -EBUSY;
	}
	snprintf(ret->path, sizeof(ret->path), "/proc/self/fd/%d", ret->fd);
	return 0;
}

void privilege_close_pins(struct privilege_pins *pins)
{
	if (pins->fd >= 0)
		close(pins->fd);
	pins->fd = -1;
}

static int become_user(const char *user)
{
	struct passwd *pw;
	int ret = find_user(user, &pw);

	if (ret < 0)
		return ret;
	if (geteuid() == pw->pw_uid && getuid() == pw->pw_uid)
		return 0;
	if (initgroups(user, pw->pw_gid) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0) {
		ret = -errno;
		log_error("cannot become user %s: %s", user, strerror(-ret));
		return ret;
	}
	return 0;
}

/* capability -1: none is left. */
static int drop(const char *user, cap_value_t capability)
{
	cap_t left;
	int ret = 0;

	for (int cap = 0; cap_get_bound(cap) >= 0; cap++)
		if (cap_drop_bound(cap) < 0)
			break; /* not root: nothing to drop */
	if (capability >= 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (user != NULL)
		ret = become_user(user);
	if (ret < 0)
		return ret;
	left = cap_init();
	if (left == NULL)
		return -ENOMEM;
	if ((capability >= 0 && (cap_set_flag(left, CAP_PERMITTED, 1, &capability, CAP_SET) < 0 ||
				 cap_set_flag(left, CAP_EFFECTIVE, 1, &capability, CAP_SET) < 0)) ||
	    cap_set_proc(left) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		ret = -errno;
		log_error("cannot drop the capabilities: %s", strerror(-ret));
	}
	cap_free(left);
	return ret;
}

int privilege_drop(const char *user)
{
	return drop(user, -1);
}

int privilege_drop_but(const char *user, int capability)
{
	return drop(user, capability);
}

int privilege_write_pid(const char *path)
{
	FILE *file = fopen(path, "we");
	int ret = 0;

	if (file == NULL || fprintf(file, "%ld\n", (long)getpid()) < 0)
		ret = -errno;
	if (file != NULL && fclose(file) != 0 && ret == 0)
		ret = -errno;
	if (ret < 0)
		log_error("cannot write %s: %s", path, strerror(-ret));
	return ret;
}

void privilege_notify_ready(void)
{
	static const char message[] = "READY=1";
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = path == NULL ? 0 : strlen(path);
	int fd;

	if (len == 0 || len >= sizeof(addr.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, message, sizeof(message) - 1, MSG_NOSIGNAL, (struct sockaddr *)&addr,
		   offsetof(struct sockaddr_un, sun_path) + len) < 0)
		log_warning("cannot tell the service manager that we are ready: %s",
			    strerror(errno));
	close(fd);
}
