// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/zonefile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/key.h"

/* A text that libknot makes longer when it must. */
struct writer {
	FILE *out;
	char *text;
	size_t size;
};

#define TEXT_SIZE 4096 /* to begin with */

static int writer_init(struct writer *w, FILE *out)
{
	*w = (struct writer){.out = out, .text = malloc(TEXT_SIZE), .size = TEXT_SIZE};
	return w->text ? 0 : -ENOMEM;
}

/* A stream's error: mostly a full disk. */
static int stream_error(void)
{
	return errno > 0 ? -errno : -EIO;
}

static int write_record(struct writer *w, const knot_rrset_t *rr)
{
	int len = knot_rrset_txt_dump(rr, &w->text, &w->size, &KNOT_DUMP_STYLE_DEFAULT);

	if (len < 0)
		return len == KNOT_ENOMEM ? -ENOMEM : -EBADMSG;
	errno = 0;
	return fwrite(w->text, 1, len, w->out) == (size_t)len ? 0 : stream_error();
}

/* The records of a node: those of type SOA only, or all others. */
static int write_some(struct writer *w, knot_dname_t *name, const struct store_node *node, bool soa)
{
	struct store_records records = {.node = node};
	knot_rrset_t rr;
	int err = 0;

	while (err == 0 && store_record_next(&records, &rr)) {
		rr.owner = name;
		if ((rr.type == KNOT_RRTYPE_SOA) == soa)
			err = write_record(w, &rr);
	}
	return err;
}

/* The SOA first: only the apex has one. */
static int write_node(knot_dname_t *name, const struct store_node *node, void *ctx)
{
	int err = store_node_has(node, KNOT_RRTYPE_SOA) ? write_some(ctx, name, node, true) : 0;

	return err < 0 ? err : write_some(ctx, name, node, false);
}

int zonefile_write_store(struct store_txn *txn, const knot_dname_t *apex, FILE *out)
{
	struct store_zone zone;
	struct writer w;
	int err = store_zone_get(txn, apex, &zone);

	if (err == 0 && !zone.has_content)
		err = -ENOENT;
	if (err == 0)
		err = writer_init(&w, out);
	if (err < 0)
		return err;
	err = store_node_each(txn, zone.id, write_node, &w);
	free(w.text);
	return err;
}

int zonefile_write_content(const struct content *content, FILE *out)
{
	struct content_value value = {0};
	struct writer w;
	int err = content_nodes(content) == 0 ? -ENOENT : writer_init(&w, out);

	if (err < 0)
		return err;
	for (size_t i = 0; err == 0 && i < content_nodes(content); i++) {
		knot_dname_storage_t name;
		struct content_node at;
		struct store_node node;

		content_node(content, i, &at);
		err = content_node_read(content, i, &value);
		node = (struct store_node){value.bytes, value.len};
		if (err == 0 && key_to_name(at.key, at.key_len, name) < 0)
			err = -EINVAL;
		if (err == 0)
			err = write_node(name, &node, &w);
	}
	free(value.bytes);
	free(w.text);
	return err;
}

/* ---- to a file ---- */

static int sync_directory(const char *path)
{
	char copy[4096];
	int fd, err = 0;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
		return -ENAMETOOLONG;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err == -EINVAL ? 0 : err; /* a file system that cannot */
}

/* All of it into the open file, on the disk; closes it. */
static int write_closed(struct store_txn *txn, const knot_dname_t *apex, int fd)
{
	FILE *out = fdopen(fd, "w");
	int err;

	if (!out) {
		err = -errno;
		close(fd);
		return err;
	}
	err = zonefile_write_store(txn, apex, out);
	errno = 0;
	if (err == 0 && (fflush(out) != 0 || fchmod(fd, 0640) < 0 || fsync(fd) < 0))
		err = stream_error();
	if (fclose(out) != 0 && err == 0)
		err = stream_error();
	return err;
}

int zonefile_export(struct store_txn *txn, const knot_dname_t *apex, const char *path, char *reason,
		    size_t reason_len)
{
	char temporary[4096];
	int fd, err;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >=
	    sizeof(temporary)) {
		snprintf(reason, reason_len, "the file's name is too long");
		return -ENAMETOOLONG;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		snprintf(reason, reason_len, "%s: %s", temporary, strerror(-err));
		return err;
	}
	err = write_closed(txn, apex, fd);
	if (err == 0 && rename(temporary, path) < 0)
		err = -errno;
	if (err < 0)
		unlink(temporary);
	else
		err = sync_directory(path);
	if (err < 0)
		snprintf(reason, reason_len, "%s: %s", path,
			 err == -ENOENT ? "no such directory, or the zone has no content"
					: strerror(-err));
	return err;
}
