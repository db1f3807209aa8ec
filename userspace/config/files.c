// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Root reads the configuration at the start; the user that xnsd becomes reads its files then, and
 * again at each reload. What that user may not read is told at once, not weeks later.
 */
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/schema.h"

#define GROUPS_MAX 256

struct user {
	uid_t uid;
	gid_t groups[GROUPS_MAX];
	int n_groups;
};

static bool is_in_group(const struct user *user, gid_t group)
{
	for (int i = 0; i < user->n_groups; i++)
		if (user->groups[i] == group)
			return true;
	return false;
}

/* want: of the bits rwx. ACLs are not looked at: a warning may be wrong, and says "may". */
static bool may(const struct user *user, const char *path, mode_t want)
{
	struct stat st;
	unsigned shift;

	if (stat(path, &st) < 0)
		return false;
	shift = st.st_uid == user->uid ? 6 : is_in_group(user, st.st_gid) ? 3 : 0;
	return (st.st_mode >> shift & want) == want;
}

/* The file, and the directories on the way to it. */
static bool may_read(const struct user *user, const char *path)
{
	char dir[PATH_MAX];

	if (!may(user, path, 4))
		return false;
	if (strlen(path) >= sizeof(dir))
		return true;
	strcpy(dir, path);
	for (char *slash; (slash = strrchr(dir, '/'));) {
		bool is_root = slash == dir;

		slash[is_root] = '\0';
		if (!may(user, dir, 1))
			return false;
		if (is_root)
			break;
	}
	return true;
}

static void check(struct config_reader *reader, const struct user *user, const char *key,
		  const struct tree_node *node)
{
	if (node && node->type == TREE_SCALAR && !may_read(user, node->value))
		config_warn(&reader->report, node->line, key, "user '%.64s' may not read '%.200s'",
			    reader->config->user, node->value);
}

static void check_items(struct config_reader *reader, const struct user *user,
			const struct tree_node *list, const char *section, const char *const *keys)
{
	const struct tree_node *first = list && list->type == TREE_LIST ? list->child : list;

	for (const struct tree_node *item = first; item; item = item == list ? NULL : item->next) {
		for (size_t i = 0; keys[i]; i++) {
			char path[64];

			snprintf(path, sizeof(path), "%s.%s", section, keys[i]);
			check(reader, user, path, tree_get(item, keys[i]));
		}
	}
}

void config_check_files(struct config_reader *reader)
{
	static const char *const key_files[] = {"file", NULL};
	static const char *const tls_files[] = {"ca-file", "cert-file", "key-file", NULL};
	static const char *const server_files[] = {"tls-cert-file", "tls-key-file",
						   "tls-client-ca-file", NULL};
	const struct passwd *pw;
	struct user user = {.n_groups = GROUPS_MAX};

	if (!reader->config->user || geteuid() != 0)
		return;
	pw = getpwnam(reader->config->user);
	if (!pw || pw->pw_uid == 0)
		return;
	user.uid = pw->pw_uid;
	if (getgrouplist(reader->config->user, pw->pw_gid, user.groups, &user.n_groups) < 0)
		user.n_groups = GROUPS_MAX; /* the first of more */
	check_items(reader, &user, reader->root.items[CONFIG_KIND_KEY], "keys", key_files);
	check_items(reader, &user, reader->root.items[CONFIG_KIND_TLS], "tls", tls_files);
	check_items(reader, &user, reader->root.server, "server", server_files);
	if (reader->report.file[0] == '/' && !may_read(&user, reader->report.file))
		config_warn(
			&reader->report, 0, NULL,
			"user '%.64s' may not read this file: a reload will fail; chgrp it to a group of that user",
			reader->config->user);
}
