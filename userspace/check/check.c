// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A check's life:
 *
 *     a thread of the pool: content (whole), ZONEMD, zone file ──▶ verifier ──▶ done
 *
 * The loop waits for neither.
 */
#include "check/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/verifier.h"
#include "store/zonefile.h"

struct check_run {
	uv_work_t work;
	uv_loop_t *loop;
	struct store *store;
	struct zone *zone;
	struct config *config;	 /* conf's lists are in it */
	struct config_zone conf; /* as it was: the zone may get another meanwhile */
	struct content *content;
	struct diff *diff;
	struct verifier *verifier;
	int zone_fd; /* the zone file, without a name; -1: none */
	bool cancelled;
	int error;
	char reason[CHECK_REASON_MAX];
	check_done done;
	void *ctx;
};

bool check_is_wanted(const struct zone *zone)
{
	return zone->conf->zonemd_verify || zone->conf->n_verifier > 0;
}

static void run_free(struct check_run *run)
{
	if (run->zone_fd >= 0)
		close(run->zone_fd);
	content_free(run->content);
	diff_free(run->diff);
	config_free(run->config);
	zone_unref(run->zone);
	free(run);
}

static void finish(struct check_run *run, int error, const char *reason)
{
	struct content *content = error == 0 ? run->content : NULL;

	if (error == 0)
		run->content = NULL;
	run->done(run->ctx, error, reason, content);
	run_free(run);
}

/* ---- in a thread of the pool ---- */

static int fail_errno(struct check_run *run, const char *what, int error)
{
	snprintf(run->reason, sizeof(run->reason), "%s: %s", what, strerror(-error));
	return error;
}

/* What is in the store and the difference. */
static int make_content(struct check_run *run)
{
	struct store_txn *txn;
	int err = store_read_begin(run->store, &txn);

	if (err < 0)
		return fail_errno(run, "cannot read the store", err);
	err = store_zone_content(txn, run->zone->apex, &run->content);
	store_read_end(txn);
	if (err < 0)
		return fail_errno(run, "cannot read the zone", err);
	err = content_finish(run->content, run->reason, sizeof(run->reason));
	if (err == 0)
		err = diff_apply(run->diff, run->content, run->reason, sizeof(run->reason));
	return err;
}

/* A file without a name in the directory of the database, as that is where there is room for zones.
 */
static int write_zone(struct check_run *run)
{
	FILE *out;
	int fd, err;

	run->zone_fd = open(run->config->database, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (run->zone_fd < 0)
		return fail_errno(run, "no zone file for the verifier", -errno);
	fd = fcntl(run->zone_fd, F_DUPFD_CLOEXEC, 0);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return fail_errno(run, "no zone file for the verifier", err);
	}
	err = zonefile_write_content(run->content, out);
	if (fclose(out) != 0 && err == 0)
		err = -errno;
	if (err == 0 && lseek(run->zone_fd, 0, SEEK_SET) < 0)
		err = -errno;
	return err < 0 ? fail_errno(run, "no zone file for the verifier", err) : 0;
}

static void on_work(uv_work_t *work)
{
	struct check_run *run = work->data;

	if (run->diff)
		run->error = make_content(run);
	if (run->error == 0)
		run->error = content_finish(run->content, run->reason, sizeof(run->reason));
	if (run->error == 0 && run->conf.zonemd_verify)
		run->error = check_zonemd(run->content, run->reason, sizeof(run->reason));
	if (run->error == 0 && run->conf.n_verifier > 0)
		run->error = write_zone(run);
	if (run->error < 0 && run->reason[0] == '\0')
		snprintf(run->reason, sizeof(run->reason), "%s", strerror(-run->error));
}

/* ---- on the loop ---- */

static void on_verified(void *ctx, int error, const char *reason)
{
	struct check_run *run = ctx;

	run->verifier = NULL;
	finish(run, error, reason);
}

static void after_work(uv_work_t *work, int status)
{
	struct check_run *run = work->data;

	(void)status;
	if (run->cancelled) {
		run_free(run);
		return;
	}
	if (run->error == 0 && run->conf.n_verifier > 0) {
		run->error = verifier_start(run->loop, &run->conf, run->zone_fd,
					    content_serial(run->content), on_verified, run,
					    run->reason, &run->verifier);
		if (run->error == 0)
			return;
	}
	finish(run, run->error, run->reason);
}

int check_start(uv_loop_t *loop, struct store *store, struct zone *zone, struct content *content,
		struct diff *diff, check_done done, void *ctx, struct check_run **ret)
{
	struct check_run *run = calloc(1, sizeof(*run));
	int err;

	if (!run) {
		content_free(content);
		diff_free(diff);
		return -ENOMEM;
	}
	run->work.data = run;
	run->loop = loop;
	run->store = store;
	run->zone = zone_ref(zone);
	run->config = config_ref(zone->config);
	run->conf = *zone->conf;
	run->conf.name = zone->name;
	run->content = content;
	run->diff = diff;
	run->zone_fd = -1;
	run->done = done;
	run->ctx = ctx;
	err = uv_queue_work(loop, &run->work, on_work, after_work);
	if (err < 0)
		run_free(run);
	else
		*ret = run;
	return err;
}

void check_cancel(struct check_run *run)
{
	if (!run)
		return;
	if (run->verifier) {
		verifier_cancel(run->verifier);
		run_free(run);
		return;
	}
	run->cancelled = true;
	uv_cancel((uv_req_t *)&run->work); /* if it runs already it ends by itself */
}
