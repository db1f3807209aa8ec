/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The responder's life: sockets bound, thread started, stopped; and what its parts share. */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "respond/internal.h"
#include "respond/make.h"
#include "util/log.h"

const char *const respond_counter_names[RESPOND_COUNTER_COUNT] = {
#define X(id, name) name,
	RESPOND_COUNTERS(X)
#undef X
};

/* One thread writes: no need for a locked addition. */
void respond_count(struct respond *respond, enum respond_counter counter)
{
	uint64_t n = atomic_load_explicit(&respond->count[counter], memory_order_relaxed);

	atomic_store_explicit(&respond->count[counter], n + 1, memory_order_relaxed);
}

void respond_counters(const struct respond *respond, uint64_t *ret_counts)
{
	for (size_t i = 0; i < RESPOND_COUNTER_COUNT; i++)
		ret_counts[i] = atomic_load_explicit(&respond->count[i], memory_order_relaxed);
}

/* ---- the store's snapshot ---- */

struct store_txn *respond_txn(struct respond *respond)
{
	int ret = 0;

	if (respond->txn_open)
		return respond->txn;
	if (respond->txn == NULL)
		ret = store_read_begin(respond->store, &respond->txn);
	else
		ret = store_read_renew(respond->txn);
	if (ret != 0 && !respond->txn_failed)
		log_error(
			"cannot read the zone store: %s; answering SERVFAIL until that works again",
			strerror(-ret));
	if (ret == 0 && respond->txn_failed)
		log_info("the zone store can be read again");
	respond->txn_failed = ret != 0;
	respond->txn_open = ret == 0;
	return ret == 0 ? respond->txn : NULL;
}

/* A snapshot held while nothing is asked would keep the database from using its pages again. */
static void let_snapshot_go(struct respond *respond)
{
	if (respond->txn_open)
		store_read_reset(respond->txn);
	respond->txn_open = false;
}

static void on_prepare(uv_prepare_t *prepare)
{
	let_snapshot_go(prepare->data);
}

/* ---- TLS ---- */

/* 0, or -EINVAL: logged, and the context of before stays. */
static int read_certificate(struct respond *respond, const struct config *config)
{
	char reason[TLS_REASON_MAX] = "";
	struct tls_context *context;

	/* Taken out of the file with listen-tls, whose sockets stay. */
	if (respond->n_listen_tls == 0 || (config->tls_cert_file == NULL && respond->tls_context))
		return 0;
	context = tls_context_server(config->tls_cert_file, config->tls_key_file,
				     config->tls_client_ca_file, reason);
	if (context == NULL) {
		log_error("server.listen-tls: %s%s", reason,
			  respond->tls_context ? "; the certificate of before stays in use" : "");
		return -EINVAL;
	}
	tls_context_unref(respond->tls_context); /* its sessions hold it */
	respond->tls_context = context;
	return 0;
}

/* ---- standing still ---- */

static void on_pause(uv_async_t *pause)
{
	struct respond *respond = pause->data;

	let_snapshot_go(respond);
	pthread_mutex_lock(&respond->pause_lock);
	while (respond->pause_wanted) {
		respond->paused = true;
		pthread_cond_broadcast(&respond->pause_changed);
		pthread_cond_wait(&respond->pause_changed, &respond->pause_lock);
	}
	respond->paused = false;
	pthread_mutex_unlock(&respond->pause_lock);
}

void respond_pause(struct respond *respond)
{
	if (!respond->has_thread)
		return;
	pthread_mutex_lock(&respond->pause_lock);
	respond->pause_wanted = true;
	uv_async_send(&respond->pause);
	while (!respond->paused)
		pthread_cond_wait(&respond->pause_changed, &respond->pause_lock);
	pthread_mutex_unlock(&respond->pause_lock);
}

void respond_resume(struct respond *respond, struct config *config, struct zone_table *zones)
{
	struct config *before = respond->config;

	(void)read_certificate(respond, config);
	pthread_mutex_lock(&respond->pause_lock);
	respond->config = config_ref(config);
	respond->zones = zones;
	respond->pause_wanted = false;
	pthread_cond_broadcast(&respond->pause_changed);
	pthread_mutex_unlock(&respond->pause_lock);
	config_free(before);
}

/* ---- start and stop ---- */

static void free_respond(struct respond *respond)
{
	for (size_t i = 0; respond->udp != NULL && i < respond->n_listen; i++)
		udp_close(&respond->udp[i]);
	for (size_t i = 0; respond->tcp != NULL && i < respond->n_listen + respond->n_listen_tls;
	     i++)
		tcp_close(&respond->tcp[i]);
	tls_context_unref(respond->tls_context);
	tcp_free(respond);
	make_free(respond);
	free(respond->udp);
	free(respond->tcp);
	config_free(respond->config);
	pthread_mutex_destroy(&respond->pause_lock);
	pthread_cond_destroy(&respond->pause_changed);
	free(respond);
}

/* Every address is tried, so that one start shows everything that is wrong. */
static int bind_all(struct respond *respond)
{
	const struct config *config = respond->config;
	int ret = 0;

	for (size_t i = 0; i < config->n_listen; i++) {
		int udp_fd = bind_socket(&config->listen[i], SOCK_DGRAM);
		int tcp_fd = bind_socket(&config->listen[i], SOCK_STREAM);

		respond->udp[i].fd = udp_fd < 0 ? -1 : udp_fd;
		respond->tcp[i].fd = tcp_fd < 0 ? -1 : tcp_fd;
		if (ret == 0)
			ret = udp_fd < 0 ? udp_fd : tcp_fd < 0 ? tcp_fd : 0;
	}
	for (size_t i = 0; i < config->n_listen_tls; i++) {
		int fd = bind_socket(&config->listen_tls[i], SOCK_STREAM);

		respond->tcp[config->n_listen + i].fd = fd < 0 ? -1 : fd;
		respond->tcp[config->n_listen + i].tls = true;
		if (ret == 0 && fd < 0)
			ret = fd;
	}
	return ret;
}

int respond_bind(struct config *config, struct respond **ret_respond)
{
	struct respond *respond;
	int ret = -ENOMEM;

	respond = calloc(1, sizeof(*respond));
	if (respond == NULL)
		return -ENOMEM;
	respond->config = config_ref(config);
	respond->n_listen = config->n_listen;
	respond->n_listen_tls = config->n_listen_tls;
	pthread_mutex_init(&respond->pause_lock, NULL);
	pthread_cond_init(&respond->pause_changed, NULL);
	respond->udp = calloc(config->n_listen + 1, sizeof(*respond->udp));
	respond->tcp = calloc(config->n_listen + config->n_listen_tls + 1, sizeof(*respond->tcp));
	if (respond->udp == NULL || respond->tcp == NULL)
		goto out;
	for (size_t i = 0; i < config->n_listen; i++)
		respond->udp[i].fd = -1;
	for (size_t i = 0; i < config->n_listen + config->n_listen_tls; i++)
		respond->tcp[i].fd = -1;
	ret = make_init(respond);
	if (ret == 0)
		ret = bind_all(respond);
out:
	if (ret == 0)
		*ret_respond = respond;
	else
		free_respond(respond);
	return ret;
}

void respond_use(struct respond *respond, struct zone_table *zones, respond_notify notify,
		 void *notify_ctx)
{
	respond->zones = zones;
	respond->notify = notify;
	respond->notify_ctx = notify_ctx;
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void on_stop(uv_async_t *stop)
{
	struct respond *respond = stop->data;

	tcp_close_clients(respond);
	uv_walk(&respond->loop, close_handle, NULL); /* the loop then ends by itself */
}

static void *run(void *ctx)
{
	struct respond *respond = ctx;

	uv_run(&respond->loop, UV_RUN_DEFAULT);
	if (respond->txn != NULL)
		store_read_end(respond->txn);
	return NULL;
}

static int open_handles(struct respond *respond)
{
	int ret;

	ret = uv_loop_init(&respond->loop);
	if (ret != 0)
		return ret;
	respond->has_loop = true;
	respond->stop.data = respond->pause.data = respond->before_sleep.data = respond;
	ret = uv_async_init(&respond->loop, &respond->stop, on_stop);
	if (ret == 0)
		ret = uv_async_init(&respond->loop, &respond->pause, on_pause);
	if (ret == 0)
		ret = uv_prepare_init(&respond->loop, &respond->before_sleep);
	if (ret == 0)
		ret = uv_prepare_start(&respond->before_sleep, on_prepare);
	if (ret == 0)
		ret = tcp_init(respond);
	for (size_t i = 0; ret == 0 && i < respond->n_listen; i++)
		ret = udp_open(respond, &respond->udp[i]);
	for (size_t i = 0; ret == 0 && i < respond->n_listen + respond->n_listen_tls; i++)
		ret = tcp_open(respond, &respond->tcp[i]);
	return ret;
}

/* Signals are for the main thread. */
static int start_thread(struct respond *respond)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(&respond->thread, NULL, run, respond);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret == 0)
		pthread_setname_np(respond->thread, "xnsd-respond");
	return ret;
}

int respond_start(struct respond *respond, struct store *store, struct zone_table *zones,
		  respond_notify notify, void *notify_ctx)
{
	int ret;

	respond->store = store;
	respond_use(respond, zones, notify, notify_ctx);
	ret = read_certificate(respond, respond->config);
	if (ret != 0)
		return ret;
	ret = open_handles(respond);
	if (ret == 0)
		ret = start_thread(respond);
	if (ret != 0) {
		log_error("cannot start the responder: %s", strerror(-ret));
		return ret;
	}
	respond->has_thread = true;
	return 0;
}

void respond_stop(struct respond *respond)
{
	if (respond == NULL)
		return;
	if (respond->has_thread) {
		uv_async_send(&respond->stop);
		pthread_join(respond->thread, NULL);
	} else if (respond->has_loop) { /* respond_start failed: the handles are ours still */
		uv_walk(&respond->loop, close_handle, NULL);
		uv_run(&respond->loop, UV_RUN_DEFAULT);
	}
	if (respond->has_loop)
		uv_loop_close(&respond->loop);
	free_respond(respond);
}
