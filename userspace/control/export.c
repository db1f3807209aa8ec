/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <jansson.h>

#include "control/export.h"
#include "store/zonefile.h"

#define PIECE (128u << 10)

struct control_export {
	struct store *store;
	char *dir, *name;
	knot_dname_t *apex;
	FILE *file;
	uint32_t serial;
	bool begun;
	char error[256];
};

struct control_export *control_export_new(struct store *store, const char *dir,
					  const knot_dname_t *apex, const char *name)
{
	struct control_export *export = calloc(1, sizeof(*export));

	if (!export)
		return NULL;
	export->store = store;
	export->dir = strdup(dir);
	export->name = strdup(name);
	export->apex = knot_dname_copy(apex, NULL);
	if (export->dir && export->name && export->apex)
		return export;
	control_export_free(export);
	return NULL;
}

void control_export_free(struct control_export *export)
{
	if (!export)
		return;
	if (export->file)
		fclose(export->file);
	knot_dname_free(export->apex, NULL);
	free(export->name);
	free(export->dir);
	free(export);
}

/* A file without a name; goes with its last descriptor. */
static FILE *open_nameless(const char *dir)
{
	char path[4096];
	FILE *file;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR) &&
	    snprintf(path, sizeof(path), "%s/export-XXXXXX", dir) < (int)sizeof(path)) {
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
	}
	file = fd < 0 ? NULL : fdopen(fd, "w+");
	if (!file && fd >= 0)
		close(fd);
	return file;
}

static int write_zone(struct control_export *export, struct store_txn *txn)
{
	struct store_zone stored;
	int ret = store_zone_get(txn, export->apex, &stored);

	if (ret == 0 && !stored.has_content)
		ret = -ENOENT;
	if (ret < 0)
		return ret;
	export->serial = stored.serial;
	ret = zonefile_write_store(txn, export->apex, export->file);
	if (ret == 0 && (fflush(export->file) != 0 || fseek(export->file, 0, SEEK_SET) != 0))
		ret = -errno;
	return ret;
}

void control_export_write(struct control_export *export)
{
	struct store_txn *txn;
	int ret;

	export->file = open_nameless(export->dir);
	ret = export->file ? store_read_begin(export->store, &txn) : -errno;
	if (ret == 0) {
		ret = write_zone(export, txn);
		store_read_end(txn);
	}
	if (ret == -ENOENT)
		snprintf(export->error, sizeof(export->error),
			 "zone %.100s has no content: it was never transferred", export->name);
	else if (ret < 0)
		snprintf(export->error, sizeof(export->error), "cannot write a file in %.100s: %s",
			 export->dir, strerror(-ret));
}

const char *control_export_error(const struct control_export *export)
{
	return export->error;
}

static int put_string(FILE *out, const char *text, size_t len)
{
	json_t *value = json_stringn(text, len);
	int ret = value ? json_dumpf(value, out, JSON_ENCODE_ANY) : -1;

	json_decref(value);
	return ret;
}

static int put_piece(struct control_export *export, FILE *out, bool *ret_end)
{
	static char bytes[PIECE]; /* of the main loop */
	size_t n = fread(bytes, 1, sizeof(bytes), export->file);

	if (ferror(export->file))
		return -1;
	if (!export->begun) {
		fputs("{\"ok\":true,\"result\":{\"zone\":", out);
		if (put_string(out, export->name, strlen(export->name)) < 0)
			return -1;
		fprintf(out, ",\"serial\":%u,\"text\":[", export->serial);
	}
	if (n > 0) {
		if (export->begun)
			putc(',', out);
		if (put_string(out, bytes, n) < 0)
			return -1;
	}
	export->begun = true;
	*ret_end = n < sizeof(bytes);
	if (*ret_end)
		fputs("]}}\n", out);
	return 0;
}

char *control_export_piece(struct control_export *export, size_t *ret_len, bool *ret_end)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);
	int ret = out ? put_piece(export, out, ret_end) : -1;

	if (out && fclose(out) != 0)
		ret = -1;
	if (ret < 0) {
		free(text);
		return NULL;
	}
	return text;
}
