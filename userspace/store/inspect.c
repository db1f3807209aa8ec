// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/inspect.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/check.h"
#include "store/format.h"
#include "store/journal.h"
#include "util/log.h"
#include "store/value.h"

/* Exit status of the child, and return values of its functions beside LMDB's. */
enum {
	WHOLE,
	DAMAGED = 200,
	FOREIGN,     /* LMDB's, but not ours */
	OTHER_ORDER, /* ours, of a machine of the other byte order */
	OTHER_LMDB,
};

/* LMDB's own database of free pages, and the pages that are of none. */
#define FREE_DBI   0
#define MAIN_DBI   1 /* of the names of the others */
#define META_PAGES 2

/* ---- entries ---- */

static bool rrset_is_whole(const struct value_head *head)
{
	const uint8_t *data = (const uint8_t *)(head + 1), *end = data + head->size;

	for (unsigned i = 0; i < head->count; i++) {
		const knot_rdata_t *rdata = (const knot_rdata_t *)data;

		if (end - data < (ptrdiff_t)sizeof(*rdata) ||
		    end - data < (ptrdiff_t)knot_rdata_size(rdata->len) ||
		    !check_rdata(head->type, rdata->data, rdata->len))
			return false;
		data += knot_rdata_size(rdata->len);
	}
	return head->count > 0 && data == end;
}

static bool node_is_whole(const MDB_val *key, const MDB_val *val)
{
	const struct store_node node = {.data = val->mv_data, .len = val->mv_size};
	knot_dname_storage_t name;
	knot_rrset_t rr;
	size_t pos = 0, at = 0;

	/* LMDB would have put both at an even address. */
	if (node_key_name(key, name) < 0 || (uintptr_t)val->mv_data & 1)
		return false;
	while (store_node_next(&node, &pos, &rr)) {
		if (!rrset_is_whole((const struct value_head *)(node.data + at)))
			return false;
		at = pos;
	}
	return pos == node.len;
}

static bool zone_is_whole(const MDB_val *key, const MDB_val *val)
{
	knot_dname_storage_t apex;
	struct disk_zone disk;

	if (zone_key_name(key, apex) < 0 || val->mv_size < sizeof(disk))
		return false;
	memcpy(&disk, val->mv_data, sizeof(disk));
	return disk.max_labels < DEPTHS_MAX &&
	       val->mv_size == sizeof(disk) + (disk.max_labels + 1U) * sizeof(uint32_t);
}

static bool zone_1_is_whole(const MDB_val *key, const MDB_val *val)
{
	knot_dname_storage_t apex;

	return zone_key_name(key, apex) == 0 && val->mv_size == sizeof(struct disk_zone_1);
}

static bool journal_is_whole(const MDB_val *key, const MDB_val *val)
{
	const uint8_t *data = val->mv_data;
	size_t left = val->mv_size;
	struct journal_key at;
	knot_dname_storage_t owner = {0};
	knot_rrset_t rr;
	int used = 0;

	if (key->mv_size != sizeof(at) || (uintptr_t)data & 1)
		return false;
	memcpy(&at, key->mv_data, sizeof(at));
	if (at.part[0] == 0 && at.part[1] == PART_HEAD) {
		if (left < sizeof(struct journal_head))
			return false;
		data += sizeof(struct journal_head);
		left -= sizeof(struct journal_head);
	}
	for (; left > 0; data += used, left -= used) {
		used = journal_record_read(data, left, owner, &rr);
		if (used < 0)
			return false;
	}
	return true;
}

static bool reference_is_whole(const MDB_val *key, const MDB_val *val)
{
	const uint8_t *name = val->mv_data;

	return key->mv_size >= NODE_KEY_PREFIX &&
	       knot_dname_wire_check(name, name + val->mv_size, NULL) == (int)val->mv_size;
}

/* Pages to be used again, of one transaction: how many, then their numbers, descending. */
static bool free_list_is_whole(const MDB_val *key, const MDB_val *val)
{
	size_t n = val->mv_size / sizeof(size_t), page, before = SIZE_MAX;

	if (key->mv_size != sizeof(size_t) || val->mv_size % sizeof(size_t) || n == 0)
		return false;
	memcpy(&page, val->mv_data, sizeof(page));
	if (page != n - 1)
		return false;
	for (size_t i = 1; i < n; i++, before = page) {
		memcpy(&page, (const uint8_t *)val->mv_data + i * sizeof(page), sizeof(page));
		if (page >= before || page < META_PAGES)
			return false;
	}
	return true;
}

static bool any_is_whole(const MDB_val *key, const MDB_val *val)
{
	(void)key;
	(void)val;
	return true;
}

/* ---- the child ---- */

/* The number of entries is compared, as damaged pages can lead in circles. */
static int read_database(MDB_txn *txn, MDB_dbi dbi,
			 bool (*is_whole)(const MDB_val *key, const MDB_val *val))
{
	MDB_cursor *cursor;
	MDB_val key, val;
	MDB_stat stat;
	size_t n = 0;
	int rc = mdb_stat(txn, dbi, &stat);

	if (rc == 0)
		rc = mdb_cursor_open(txn, dbi, &cursor);
	if (rc)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) == 0)
		if (++n > stat.ms_entries || !is_whole(&key, &val))
			return MDB_CORRUPTED;
	return rc != MDB_NOTFOUND ? rc : n == stat.ms_entries ? 0 : MDB_CORRUPTED;
}

static int format_read(MDB_txn *txn, MDB_dbi meta, uint32_t *ret_version)
{
	struct disk_format format;
	MDB_val key = {6, "format"}, val;

	if (mdb_get(txn, meta, &key, &val) != 0 || val.mv_size != sizeof(format))
		return FOREIGN;
	memcpy(&format, val.mv_data, sizeof(format));
	if (memcmp(format.magic, FORMAT_MAGIC, sizeof(format.magic)) != 0)
		return FOREIGN;
	*ret_version = format.version;
	return format.order == FORMAT_ORDER ? 0 : OTHER_ORDER;
}

static int read_named(MDB_txn *txn, const char *name, unsigned flags,
		      bool (*is_whole)(const MDB_val *key, const MDB_val *val))
{
	MDB_dbi dbi;
	int rc = mdb_dbi_open(txn, name, flags, &dbi);

	if (rc)
		return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
	return read_database(txn, dbi, is_whole);
}

static int read_all(MDB_txn *txn)
{
	uint32_t version;
	MDB_stat stat;
	MDB_dbi meta;
	int rc = read_database(txn, FREE_DBI, free_list_is_whole);

	if (rc == 0)
		rc = mdb_stat(txn, MAIN_DBI, &stat);
	if (rc || stat.ms_entries == 0)
		return rc; /* new */
	rc = mdb_dbi_open(txn, "meta", 0, &meta);
	if (rc)
		return rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE ? FOREIGN : rc;
	rc = format_read(txn, meta, &version);
	if (rc || version > FORMAT_VERSION)
		return rc; /* newer: not for us to judge */
	rc = read_database(txn, meta, any_is_whole);
	if (rc == 0)
		rc = read_named(txn, "zones", 0, version == 1 ? zone_1_is_whole : zone_is_whole);
	if (rc == 0)
		rc = read_named(txn, "nodes", 0, node_is_whole);
	if (rc == 0)
		rc = read_named(txn, "references", MDB_DUPSORT, reference_is_whole);
	if (rc || version == 1)
		return rc;
	rc = read_named(txn, "journal", 0, journal_is_whole);
	return rc ? rc : read_named(txn, "members", 0, member_is_whole);
}

/*
 * LMDB maps the file without a look at its length, and a page behind the end is a SIGBUS. The last
 * pages need not be there (when they were not used in the end): a short file is filled up.
 */
static int fill_up(MDB_env *env)
{
	MDB_envinfo info;
	MDB_stat env_stat;
	struct stat st;
	off_t want;
	int fd, rc = mdb_env_info(env, &info);

	if (rc == 0)
		rc = mdb_env_stat(env, &env_stat);
	if (rc == 0)
		rc = mdb_env_get_fd(env, &fd);
	if (rc == 0 && fstat(fd, &st) < 0)
		rc = errno;
	if (rc)
		return rc;
	want = ((off_t)info.me_last_pgno + 1) * env_stat.ms_psize;
	if ((uint64_t)want > info.me_mapsize)
		return MDB_CORRUPTED;
	return st.st_size < want && ftruncate(fd, want) < 0 ? errno : 0;
}

static void on_assert(MDB_env *env, const char *text)
{
	(void)env;
	(void)text;
	_exit(DAMAGED);
}

static int inspect(const char *dir, uint64_t map_size)
{
	MDB_env *env;
	MDB_txn *txn;
	int rc = mdb_env_create(&env);

	if (rc == 0)
		rc = mdb_env_set_maxdbs(env, FORMAT_DATABASES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(env, map_size);
	if (rc == 0)
		rc = mdb_env_set_assert(env, on_assert);
	if (rc == 0) /* the directory's lock is ours: LMDB needs none of its own */
		rc = mdb_env_open(env, dir, MDB_NOTLS | MDB_NOLOCK, 0600);
	if (rc == 0)
		rc = fill_up(env);
	if (rc == 0)
		rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	return rc == 0 ? read_all(txn) : rc;
}

/* What is not about the content (no memory, no permission) is left to the opening to tell. */
static int status_of(int rc)
{
	if (rc >= FOREIGN && rc <= OTHER_ORDER)
		return rc;
	if (rc == MDB_VERSION_MISMATCH)
		return OTHER_LMDB;
	return rc == EINVAL || store_errno(rc) == -EBADMSG || store_errno(rc) == -EIO ||
			       rc == MDB_CURSOR_FULL || rc == MDB_BAD_VALSIZE || rc == MDB_BAD_DBI
		       ? DAMAGED
		       : WHOLE;
}

static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

static void __attribute__((noreturn)) child(const char *dir, uint64_t map_size)
{
	static const struct rlimit no_core = {0, 0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		signal(crashes[i], SIG_DFL);
	_exit(status_of(inspect(dir, map_size)));
}

/* ---- the parent ---- */

static int judge(const char *path, int status)
{

	if (WIFSIGNALED(status)) {
		for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
			if (WTERMSIG(status) == crashes[i])
				status = DAMAGED << 8;
		if (WIFSIGNALED(status)) /* by somebody: nothing is known about the database */
			return -EINTR;
	}
	switch (WEXITSTATUS(status)) {
	case WHOLE:
		return 0;
	case OTHER_LMDB:
		log_error("database %s is of another version of LMDB: run the xnsd that wrote it, "
			  "or move the file away (the zones are then transferred anew)",
			  path);
		return -EPROTONOSUPPORT;
	case FOREIGN:
		log_error("database %s belongs to another program", path);
		return -EBADMSG;
	case OTHER_ORDER:
		log_error("database %s is of a machine of the other byte order", path);
		return -EBADMSG;
	default: /* DAMAGED, or what a sanitizer ends with */
		log_error("database %s is damaged, or no database at all", path);
		return -EBADMSG;
	}
}

int inspect_database(const char *dir, uint64_t map_size)
{
	char path[4096];
	struct stat st;
	int status;
	pid_t pid;

	if ((size_t)snprintf(path, sizeof(path), "%s/data.mdb", dir) >= sizeof(path))
		return -ENAMETOOLONG;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(dir, map_size);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return judge(path, status);
}
