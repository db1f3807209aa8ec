// SPDX-License-Identifier: GPL-3.0-or-later
#include "check/verifier.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/check.h"

#define OUTPUT_MAX 256 /* of what it writes, the last bytes are kept for the reason */

struct verifier {
	uv_process_t process;
	uv_pipe_t output; /* standard output and error */
	uv_timer_t timer;
	unsigned open_handles;
	bool has_process; /* it is a handle, though perhaps of none that runs */
	bool running;
	bool cancelled, exited, output_ended, timed_out;
	int64_t status;
	int signal;
	uint32_t timeout_s;
	verifier_done done;
	void *ctx;
	char text[OUTPUT_MAX + 1];
	size_t text_len;
	char buf[4096];
};

static void on_closed(uv_handle_t *handle)
{
	struct verifier *verifier = handle->data;

	if (--verifier->open_handles == 0)
		free(verifier);
}

static void close_all(struct verifier *verifier)
{
	uv_handle_t *handles[] = {(uv_handle_t *)&verifier->process,
				  (uv_handle_t *)&verifier->output,
				  (uv_handle_t *)&verifier->timer};

	/* One that still runs is closed when it has exited: else nobody would wait for it. */
	size_t first = verifier->has_process && !verifier->running ? 0 : 1;

	for (size_t i = first; i < sizeof(handles) / sizeof(*handles); i++)
		if (!uv_is_closing(handles[i]))
			uv_close(handles[i], on_closed);
}

/* It leads a group of its own: what it has started goes with it. */
static void kill_group(struct verifier *verifier)
{
	if (verifier->running)
		kill(-verifier->process.pid, SIGKILL);
}

/* The last line that it wrote, printable. */
static const char *last_words(struct verifier *verifier)
{
	char *line = verifier->text;

	while (verifier->text_len > 0 && (verifier->text[verifier->text_len - 1] == '\n' ||
					  verifier->text[verifier->text_len - 1] == '\r'))
		verifier->text_len--;
	verifier->text[verifier->text_len] = '\0';
	for (size_t i = 0; i < verifier->text_len; i++) {
		if (verifier->text[i] == '\n')
			line = verifier->text + i + 1;
		else if (verifier->text[i] < ' ' || verifier->text[i] > '~')
			verifier->text[i] = '?';
	}
	return line;
}

static void finish(struct verifier *verifier)
{
	const char *words = last_words(verifier);
	const char *colon = *words != '\0' ? ": " : "";
	char reason[CHECK_REASON_MAX];
	int error = -EINVAL;

	if (verifier->timed_out)
		snprintf(reason, sizeof(reason), "the verifier was not done after %u s%s%s",
			 verifier->timeout_s, colon, words);
	else if (verifier->signal != 0)
		snprintf(reason, sizeof(reason), "the verifier was killed by signal %d (%s)%s%s",
			 verifier->signal, strsignal(verifier->signal), colon, words);
	else if (verifier->status != 0)
		snprintf(reason, sizeof(reason), "the verifier refuses it (exit status %d)%s%s",
			 (int)verifier->status, colon, words);
	else
		error = 0;
	close_all(verifier);
	verifier->done(verifier->ctx, error, error == 0 ? "" : reason);
}

static void on_exited(uv_process_t *process, int64_t status, int signal)
{
	struct verifier *verifier = process->data;

	verifier->exited = true;
	verifier->running = false;
	verifier->status = status;
	verifier->signal = signal;
	if (verifier->cancelled)
		close_all(verifier);
	else if (verifier->output_ended)
		finish(verifier);
}

static void on_timer(uv_timer_t *timer)
{
	struct verifier *verifier = timer->data;

	verifier->timed_out = true;
	kill_group(verifier);
	/* Whoever has left its group may hold its output open for ever. */
	verifier->output_ended = true;
	uv_read_stop((uv_stream_t *)&verifier->output);
	if (verifier->exited)
		finish(verifier);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct verifier *verifier = handle->data;

	(void)suggested;
	*ret = uv_buf_init(verifier->buf, sizeof(verifier->buf));
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct verifier *verifier = stream->data;
	size_t len = n > 0 ? (size_t)n : 0, keep;
	const char *text = buf->base;

	if (n < 0) {
		verifier->output_ended = true;
		uv_read_stop(stream);
		if (verifier->exited)
			finish(verifier);
		return;
	}
	if (len > OUTPUT_MAX) {
		text += len - OUTPUT_MAX;
		len = OUTPUT_MAX;
	}
	keep = verifier->text_len < OUTPUT_MAX - len ? verifier->text_len : OUTPUT_MAX - len;
	memmove(verifier->text, verifier->text + verifier->text_len - keep, keep);
	memcpy(verifier->text + keep, text, len);
	verifier->text_len = keep + len;
}

/* output_fd: its standard output and error. */
static int spawn(uv_loop_t *loop, struct verifier *verifier, const struct config_zone *conf,
		 int zone_fd, int output_fd, uint32_t serial)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char zone[sizeof("XNSD_ZONE=") + KNOT_DNAME_TXT_MAXLEN], serial_text[32];
	char *environment[] = {path, zone, serial_text, NULL};
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_INHERIT_FD, .data.fd = zone_fd},
		{.flags = UV_INHERIT_FD, .data.fd = output_fd},
		{.flags = UV_INHERIT_FD, .data.fd = output_fd},
	};
	char **arguments = calloc(conf->n_verifier + 1, sizeof(*arguments));
	uv_process_options_t options = {
		.exit_cb = on_exited,
		.file = conf->verifier[0],
		.args = arguments,
		.env = environment,
		.cwd = "/",
		.flags = UV_PROCESS_DETACHED, /* leads a group of its own */
		.stdio_count = 3,
		.stdio = stdio,
	};
	int err;

	if (!arguments)
		return -ENOMEM;
	memcpy(arguments, conf->verifier, conf->n_verifier * sizeof(*arguments));
	snprintf(zone, sizeof(zone), "XNSD_ZONE=%s", conf->name);
	snprintf(serial_text, sizeof(serial_text), "XNSD_SERIAL=%u", serial);
	/* LMDB opens one of its descriptors without O_CLOEXEC; whatever others do, the command gets
	 * none but these three. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	/* It initialises the handle first of all, also where it fails. */
	verifier->has_process = true;
	verifier->open_handles++;
	err = uv_spawn(loop, &verifier->process, &options);
	verifier->running = err == 0;
	free(arguments);
	return err;
}

/* Its handles are open, and the process runs. */
static int begin(uv_loop_t *loop, struct verifier *verifier, const struct config_zone *conf,
		 int zone_fd, uint32_t serial)
{
	uv_file fds[2];
	int err = uv_pipe(fds, UV_NONBLOCK_PIPE, 0);

	if (err < 0)
		return err;
	err = uv_pipe_open(&verifier->output, fds[0]);
	if (err < 0)
		close(fds[0]);
	else
		err = spawn(loop, verifier, conf, zone_fd, fds[1], serial);
	close(fds[1]);
	if (err == 0)
		err = uv_read_start((uv_stream_t *)&verifier->output, on_alloc, on_output);
	if (err == 0)
		err = uv_timer_start(&verifier->timer, on_timer,
				     (uint64_t)verifier->timeout_s * 1000, 0);
	return err;
}

int verifier_start(uv_loop_t *loop, const struct config_zone *conf, int zone_fd, uint32_t serial,
		   verifier_done done, void *ctx, char *reason, struct verifier **ret)
{
	struct verifier *verifier = calloc(1, sizeof(*verifier));
	int err;

	if (!verifier)
		return -ENOMEM;
	verifier->timeout_s = conf->verifier_timeout_s;
	verifier->done = done;
	verifier->ctx = ctx;
	uv_pipe_init(loop, &verifier->output, 0);
	uv_timer_init(loop, &verifier->timer);
	verifier->process.data = verifier->output.data = verifier->timer.data = verifier;
	verifier->open_handles = 2;
	err = begin(loop, verifier, conf, zone_fd, serial);
	if (err == 0) {
		*ret = verifier;
		return 0;
	}
	snprintf(reason, CHECK_REASON_MAX, "the verifier %s cannot be run: %s", conf->verifier[0],
		 uv_strerror(err));
	verifier_cancel(verifier);
	return err;
}

void verifier_cancel(struct verifier *verifier)
{
	if (!verifier)
		return;
	verifier->cancelled = true;
	kill_group(verifier);
	close_all(verifier);
}
