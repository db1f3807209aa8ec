// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/aside.h"
#include "store/format.h"
#include "store/inspect.h"
#include "store/private.h"
#include "util/log.h"

/*
 * Without MDB_NOSYNC: data reach the disk before the page that makes them the current version is
 * written. With MDB_NOMETASYNC that page itself may come later, so a power failure can lose the
 * last transfers, which then are made again, but never mixes two versions; a killed process loses
 * nothing.
 */
#define ENV_FLAGS	(MDB_NOTLS | MDB_NOMETASYNC)
#define DISK_FULL_BYTES (1 << 20) /* less than this is left */
#define MAX_READERS	1024

int store_errno(int rc)
{
	switch (rc) {
	case MDB_NOTFOUND:
		return -ENOENT;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case EDQUOT:
	case EFBIG:
		return -ENOSPC;
	case MDB_READERS_FULL:
		return -EAGAIN;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_INCOMPATIBLE:
		return -EBADMSG;
	case MDB_VERSION_MISMATCH:
		return -EPROTONOSUPPORT;
	default:
		return rc >= 0 ? -rc : -EIO; /* above 0: an errno */
	}
}

/* Two processes on one database would each publish their own view: only one may have it. */
static int lock_directory(const char *dir, int *ret_fd)
{
	char path[4096];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/xnsd.lock", dir) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		int err = -errno;

		log_error("database %s: cannot open the lock file: %s%s", path, strerror(-err),
			  err == -EACCES ? "; the directory and the files in it must belong to the "
					   "user that xnsd runs as"
					 : "");
		return err;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int err = errno == EWOULDBLOCK ? -EBUSY : -errno;

		log_error("database %s: %s", dir,
			  err == -EBUSY ? "another xnsd has it" : strerror(-err));
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/*
 * The table of readers is a mapped file, that LMDB makes with a hole in it: on a full disk writing
 * there is a SIGBUS. The size is what LMDB wants for so many readers.
 */
static int reserve_readers(const char *dir)
{
	char path[4096];
	int fd, err;

	if ((size_t)snprintf(path, sizeof(path), "%s/lock.mdb", dir) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = -posix_fallocate(fd, 0, (MAX_READERS + 2) * 64);
	close(fd);
	return err == -EOPNOTSUPP || err == -EINVAL ? 0 : err;
}

static uint64_t whole_pages(uint64_t size)
{
	uint64_t page = sysconf(_SC_PAGESIZE);

	return size / page * page;
}

static int env_open(struct store *store, const char *dir, uint64_t map_size)
{
	int rc = mdb_env_create(&store->env);

	if (rc == 0)
		rc = mdb_env_set_maxdbs(store->env, FORMAT_DATABASES);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(store->env, MAX_READERS);
	if (rc == 0)
		rc = mdb_env_set_mapsize(store->env, map_size);
	if (rc == 0)
		rc = mdb_env_open(store->env, dir, ENV_FLAGS, 0600);
	if (rc == 0 && mdb_env_get_maxkeysize(store->env) < NODE_KEY_MAX)
		rc = MDB_BAD_VALSIZE;
	return store_errno(rc);
}

/* One try: 0, or a negative errno that is not logged unless it is -EPROTONOSUPPORT. */
static int try_open(struct store *store, const char *dir, uint64_t map_size)
{
	int dead, err = inspect_database(dir, map_size);

	if (err == 0)
		err = reserve_readers(dir);
	if (err == 0)
		err = env_open(store, dir, map_size);
	if (err == 0) {
		/* of a killed process: they would keep old pages */
		mdb_reader_check(store->env, &dead);
		err = format_open(store, dir);
	}
	if (err < 0 && store->env) {
		mdb_env_close(store->env);
		store->env = NULL;
	}
	return err;
}

int store_open(const char *dir, uint64_t map_size, struct store **ret)
{
	struct store *store = calloc(1, sizeof(*store));
	int err;

	if (!store)
		return -ENOMEM;
	store->lock_fd = -1;
	map_size = whole_pages(map_size);
	err = lock_directory(dir, &store->lock_fd);
	if (err == 0) {
		err = try_open(store, dir, map_size);
		if (err == -EBADMSG && aside_put(dir) == 0)
			err = try_open(store, dir, map_size);
		if (err < 0 && err != -EPROTONOSUPPORT)
			log_error("database %s/data.mdb: cannot open: %s", dir, strerror(-err));
	}
	if (err < 0) {
		store_close(store);
		return err;
	}
	*ret = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->env) {
		mdb_env_sync(store->env, 1); /* what MDB_NOMETASYNC left */
		mdb_env_close(store->env);
	}
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	free(store);
}

uint64_t store_uuid(const struct store *store)
{
	return store->uuid;
}

static int txn_begin(struct store *store, bool write, struct store_txn **ret)
{
	struct store_txn *txn = calloc(1, sizeof(*txn));
	int rc;

	if (!txn)
		return -ENOMEM;
	txn->store = store;
	txn->write = write;
	rc = mdb_txn_begin(store->env, NULL, write ? 0 : MDB_RDONLY, &txn->txn);
	if (rc == 0)
		rc = mdb_cursor_open(txn->txn, store->nodes, &txn->seek);
	if (rc) {
		mdb_txn_abort(txn->txn);
		free(txn);
		return store_errno(rc);
	}
	*ret = txn;
	return 0;
}

int store_read_begin(struct store *store, struct store_txn **ret)
{
	return txn_begin(store, false, ret);
}

void store_read_end(struct store_txn *txn)
{
	if (!txn)
		return;
	mdb_cursor_close(txn->seek);
	mdb_txn_abort(txn->txn);
	free(txn);
}

void store_read_reset(struct store_txn *txn)
{
	mdb_txn_reset(txn->txn);
}

int store_read_renew(struct store_txn *txn)
{
	int rc = mdb_txn_renew(txn->txn);

	if (rc)
		return store_errno(rc);
	rc = mdb_cursor_renew(txn->txn, txn->seek);
	if (rc)
		mdb_txn_reset(txn->txn);
	return store_errno(rc);
}

int store_write_begin(struct store *store, struct store_txn **ret)
{
	return txn_begin(store, true, ret);
}

/* LMDB calls a write that the disk took only a part of EIO: is that because it is full? */
static bool disk_is_full(struct store *store)
{
	struct statvfs fs;
	int fd;

	return mdb_env_get_fd(store->env, &fd) == 0 && fstatvfs(fd, &fs) == 0 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize < DISK_FULL_BYTES;
}

int store_write_commit(struct store_txn *txn)
{
	struct store *store = txn->store;
	int rc;

	mdb_cursor_close(txn->seek);
	rc = mdb_txn_commit(txn->txn);
	free(txn);
	return rc == EIO && disk_is_full(store) ? -ENOSPC : store_errno(rc);
}

void store_write_abort(struct store_txn *txn)
{
	store_read_end(txn);
}
