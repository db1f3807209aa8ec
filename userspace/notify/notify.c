// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Which NOTIFY goes to whom, and when. A task is a zone and a remote that is to be told of it:
 *
 *     ready ──its peer's turn──▶ asking ──acknowledged, refused──▶ done
 *       ▲                          │ no answer, and it was the last try ──▶ done
 *       └──────after its wait──── waiting ◀── no answer
 *
 * A socket is open only while asking, for the first wait at most: what comes later than that is not
 * waited for with a socket, but by trying again.
 */
#include "notify/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "notify/attempt.h"
#include "util/address.h"
#include "util/log.h"

struct task {
	struct task *next, *prev; /* in `list` */
	struct task_list *list;	  /* peer's ready, or waiting; NULL: in none */
	struct told_zone *zone;
	struct config *config; /* a reference: remote is in it */
	const struct config_remote *remote;
	struct peer *peer;
	struct attempt *attempt;
	uint32_t serial; /* that was sent last */
	unsigned tries;
	bool done;
	int64_t sent_ms, due_ms; /* the loop's clock */
	char error[ATTEMPT_REASON_MAX];
};

struct task_list {
	struct task *first, *last;
};

/* The tasks of a zone's last NOTIFY; zone->notify. */
struct told_zone {
	struct notify *notify;
	struct told_zone *next, *prev;
	struct zone *zone; /* a reference */
	size_t n;
	struct task task[];
};

/* A remote that has something to be told, by its id, over configurations. */
struct peer {
	struct peer *next;
	struct task_list ready;
	unsigned asking, tasks;
	char id[];
};

struct notify {
	uv_loop_t *loop;
	uv_timer_t timer;
	bool stopping;
	unsigned open_handles;
	uint32_t first_wait_ms;
	struct config *config;
	struct store *store;
	struct told_zone *zones;
	struct peer *peers; /* the one whose turn it is first */
	unsigned asking;
	struct task_list waiting[NOTIFY_TRIES]; /* by how long: each in the order of due_ms */
};

/* ---- lists ---- */

static void list_remove(struct task *task)
{
	struct task_list *list = task->list;

	if (list == NULL)
		return;
	*(task->prev ? &task->prev->next : &list->first) = task->next;
	*(task->next ? &task->next->prev : &list->last) = task->prev;
	task->next = task->prev = NULL;
	task->list = NULL;
}

static void list_append(struct task_list *list, struct task *task)
{
	task->list = list;
	task->prev = list->last;
	task->next = NULL;
	*(list->last ? &list->last->next : &list->first) = task;
	list->last = task;
}

/* ---- peers ---- */

static struct peer *peer_get(struct notify *notify, const char *id)
{
	struct peer *peer;

	for (peer = notify->peers; peer != NULL; peer = peer->next) {
		if (strcmp(peer->id, id) == 0)
			break;
	}
	if (peer == NULL) {
		peer = calloc(1, sizeof(*peer) + strlen(id) + 1);
		if (peer == NULL)
			return NULL;
		strcpy(peer->id, id);
		peer->next = notify->peers;
		notify->peers = peer;
	}
	peer->tasks++;
	return peer;
}

static void peer_put(struct notify *notify, struct peer *peer)
{
	struct peer **at = &notify->peers;

	if (--peer->tasks > 0)
		return;
	while (*at != peer)
		at = &(*at)->next;
	*at = peer->next;
	free(peer);
}

/* The next one that may ask goes to the end of the line. NULL: none may. */
static struct peer *peer_turn(struct notify *notify)
{
	struct peer **at = &notify->peers, *peer;

	while ((peer = *at) != NULL &&
	       (peer->ready.first == NULL || peer->asking >= NOTIFY_PER_PEER_MAX))
		at = &peer->next;
	if (peer == NULL)
		return NULL;
	*at = peer->next;
	while (*at != NULL)
		at = &(*at)->next;
	peer->next = NULL;
	*at = peer;
	return peer;
}

/* ---- a task's way ---- */

static const struct sockaddr *address_of(const struct task *task)
{
	return (const struct sockaddr *)&task->remote
		->address[task->tries % task->remote->n_addresses];
}

static const struct sockaddr *source_for(const struct task *task, const struct sockaddr *to)
{
	for (size_t i = 0; i < task->remote->n_via; i++) {
		const struct sockaddr *via = (const struct sockaddr *)&task->remote->via[i];

		if (via->sa_family == to->sa_family)
			return via;
	}
	return NULL;
}

static void stop_asking(struct notify *notify, struct task *task)
{
	if (task->attempt == NULL)
		return;
	task->attempt = NULL;
	task->peer->asking--;
	notify->asking--;
}

static unsigned tries_max(const struct task *task)
{
	return task->remote->n_addresses > NOTIFY_TRIES ? (unsigned)task->remote->n_addresses
							: NOTIFY_TRIES;
}

/* The last try has failed, or there was an answer: reason is not "" unless it is acknowledged. */
static void end_task(struct task *task, const char *reason)
{
	char text[ADDRESS_TEXT_MAX];
	const char *name = task->zone->zone->name;

	address_to_text(address_of(task), text);
	task->done = true;
	task->tries++;
	snprintf(task->error, sizeof(task->error), "%s", reason);
	if (reason[0] == '\0')
		log_debug("zone %s: NOTIFY of serial %" PRIu32 " acknowledged by remote %s, %s",
			  name, task->serial, task->remote->id, text);
	else
		log_warning("zone %s: NOTIFY of serial %" PRIu32
			    " to remote %s given up (tries: %u, the last to %s): %s",
			    name, task->serial, task->remote->id, task->tries, text, reason);
}

static void set_timer(struct notify *notify);

static void try_failed(struct notify *notify, struct task *task, const char *reason)
{
	unsigned wait = task->tries < NOTIFY_TRIES ? task->tries : NOTIFY_TRIES - 1;

	if (task->tries + 1 >= tries_max(task)) {
		end_task(task, reason);
		return;
	}
	task->tries++;
	snprintf(task->error, sizeof(task->error), "%s", reason);
	task->due_ms = task->sent_ms + ((int64_t)notify->first_wait_ms << wait);
	list_append(&notify->waiting[wait], task);
	set_timer(notify);
}

static void run(struct notify *notify);

static void on_attempt_done(void *ctx, enum attempt_outcome outcome, const char *reason)
{
	struct task *task = ctx;
	struct notify *notify = task->zone->notify;

	stop_asking(notify, task);
	if (outcome == ATTEMPT_FAILED)
		try_failed(notify, task, reason);
	else
		end_task(task, outcome == ATTEMPT_ACKNOWLEDGED ? "" : reason);
	run(notify);
}

static void on_closed(struct notify *notify)
{
	if (--notify->open_handles == 0)
		free(notify);
}

static void on_attempt_closed(void *ctx)
{
	on_closed(ctx);
}

static int read_soa(struct store_txn *txn, struct task *task, knot_rrset_t *ret)
{
	const struct zone *zone = task->zone->zone;
	struct store_zone stored;
	struct store_node node;
	int err = store_zone_get(txn, zone->apex, &stored);

	if (err == 0)
		err = store_node_get(txn, stored.id, STORE_NAMES, zone->apex, &node);
	if (err == 0)
		err = store_node_rrset(&node, KNOT_RRTYPE_SOA, ret);
	if (err == 0)
		task->serial = stored.serial;
	return err;
}

static int start_attempt(struct notify *notify, struct task *task)
{
	const struct sockaddr *to = address_of(task);
	struct attempt_request request = {
		.to = to,
		.from = source_for(task, to),
		.key = task->remote->key ? &task->remote->key->tsig : NULL,
		.apex = task->zone->zone->apex,
		.wait_ms = notify->first_wait_ms,
		.done = on_attempt_done,
		.closed = on_attempt_closed,
		.ctx = task,
		.closed_ctx = notify,
	};
	struct store_txn *txn;
	knot_rrset_t soa;
	int err = store_read_begin(notify->store, &txn);

	if (err != 0)
		return err;
	request.soa = &soa;
	err = read_soa(txn, task, &soa);
	if (err == 0)
		err = attempt_start(notify->loop, &request, &task->attempt);
	store_read_end(txn);
	return err;
}

static void ask(struct notify *notify, struct task *task)
{
	int err;

	list_remove(task);
	task->sent_ms = (int64_t)uv_now(notify->loop);
	err = start_attempt(notify, task);
	if (err != 0) {
		try_failed(notify, task, strerror(-err));
		return;
	}
	notify->open_handles++;
	notify->asking++;
	task->peer->asking++;
}

static void run(struct notify *notify)
{
	struct peer *peer;

	while (!notify->stopping && notify->asking < NOTIFY_RUNNING_MAX &&
	       (peer = peer_turn(notify)) != NULL)
		ask(notify, peer->ready.first);
}

/* ---- waiting ---- */

static void on_timer(uv_timer_t *timer)
{
	struct notify *notify = timer->data;
	int64_t now_ms = (int64_t)uv_now(notify->loop);

	for (size_t i = 0; i < NOTIFY_TRIES; i++) {
		struct task *task;

		while ((task = notify->waiting[i].first) != NULL && task->due_ms <= now_ms) {
			list_remove(task);
			list_append(&task->peer->ready, task);
		}
	}
	run(notify);
	set_timer(notify);
}

static void set_timer(struct notify *notify)
{
	int64_t due_ms = INT64_MAX, now_ms = (int64_t)uv_now(notify->loop);

	for (size_t i = 0; i < NOTIFY_TRIES; i++) {
		const struct task *task = notify->waiting[i].first;

		if (task != NULL && task->due_ms < due_ms)
			due_ms = task->due_ms;
	}
	if (due_ms == INT64_MAX)
		uv_timer_stop(&notify->timer);
	else
		uv_timer_start(&notify->timer, on_timer,
			       due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 0, 0);
}

/* ---- zones ---- */

static void drop_task(struct notify *notify, struct task *task)
{
	attempt_cancel(task->attempt);
	stop_asking(notify, task);
	list_remove(task);
	if (task->peer != NULL)
		peer_put(notify, task->peer);
	config_free(task->config);
}

void notify_forget(struct notify *notify, struct zone *zone)
{
	struct told_zone *told = zone->notify;

	if (told == NULL)
		return;
	zone->notify = NULL;
	for (size_t i = 0; i < told->n; i++)
		drop_task(notify, &told->task[i]);
	*(told->prev ? &told->prev->next : &notify->zones) = told->next;
	if (told->next != NULL)
		told->next->prev = told->prev;
	free(told);
	zone_unref(zone);
	run(notify); /* others may have their turn */
}

static struct told_zone *add_zone(struct notify *notify, struct zone *zone)
{
	const struct config_zone *conf = zone->conf;
	struct told_zone *told = calloc(1, sizeof(*told) + conf->n_notify * sizeof(told->task[0]));

	if (told == NULL)
		return NULL;
	for (size_t i = 0; i < conf->n_notify; i++) {
		struct task *task = &told->task[i];

		task->peer = peer_get(notify, conf->notify[i]->id);
		if (task->peer == NULL) {
			while (i-- > 0)
				drop_task(notify, &told->task[i]);
			free(told);
			return NULL;
		}
		task->zone = told;
		task->config = config_ref(zone->config);
		task->remote = conf->notify[i];
		task->serial = atomic_load(&zone->serial);
	}
	told->n = conf->n_notify;
	told->notify = notify;
	told->zone = zone_ref(zone);
	told->next = notify->zones;
	if (told->next != NULL)
		told->next->prev = told;
	notify->zones = told;
	zone->notify = told;
	return told;
}

void notify_zone(struct notify *notify, struct zone *zone)
{
	struct told_zone *told;

	notify_forget(notify, zone);
	if (zone->conf->n_notify == 0 || atomic_load(&zone->removed))
		return;
	told = add_zone(notify, zone);
	if (told == NULL) {
		log_error("zone %s: NOTIFY not sent: %s", zone->name, strerror(ENOMEM));
		return;
	}
	for (size_t i = 0; i < told->n; i++)
		list_append(&told->task[i].peer->ready, &told->task[i]);
	run(notify);
}

static bool is_under_way(const struct told_zone *told)
{
	for (size_t i = 0; i < told->n; i++) {
		if (!told->task[i].done)
			return true;
	}
	return false;
}

/* What is under way is begun anew, with the remotes as they are now. */
void notify_configure(struct notify *notify, struct config *config)
{
	struct told_zone *told, *next;
	struct config *before = notify->config;

	notify->config = config_ref(config);
	config_free(before);
	for (told = notify->zones; told != NULL; told = next) {
		next = told->next;
		if (is_under_way(told))
			notify_zone(notify, told->zone);
	}
}

struct notify_status *notify_get_status(const struct notify *notify, const struct zone *zone,
					size_t *ret_n)
{
	const struct told_zone *told = zone->notify;
	struct notify_status *status;

	(void)notify;
	*ret_n = 0;
	status = told != NULL ? calloc(told->n, sizeof(*status)) : NULL;
	if (status == NULL)
		return NULL;
	for (size_t i = 0; i < told->n; i++) {
		const struct task *task = &told->task[i];
		struct task last = *task; /* the address that was asked last */

		last.tries -= last.tries > 0 && last.attempt == NULL;
		snprintf(status[i].remote, sizeof(status[i].remote), "%s", task->remote->id);
		address_to_text(address_of(&last), status[i].address);
		status[i].serial = task->serial;
		status[i].tries = task->tries + (task->attempt != NULL);
		status[i].waiting = !task->done;
		snprintf(status[i].error, sizeof(status[i].error), "%s", task->error);
	}
	*ret_n = told->n;
	return status;
}

/* ---- start and stop ---- */

void notify_set_wait_ms(struct notify *notify, uint32_t first_wait_ms)
{
	notify->first_wait_ms = first_wait_ms;
}

int notify_start(uv_loop_t *loop, struct config *config, struct store *store, struct notify **ret)
{
	struct notify *notify = calloc(1, sizeof(*notify));
	int err;

	if (notify == NULL)
		return -ENOMEM;
	notify->loop = loop;
	notify->store = store;
	notify->first_wait_ms = NOTIFY_FIRST_WAIT_MS;
	err = uv_timer_init(loop, &notify->timer);
	if (err != 0) {
		free(notify);
		return err;
	}
	notify->timer.data = notify;
	notify->open_handles = 1;
	notify->config = config_ref(config);
	*ret = notify;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	on_closed(handle->data);
}

void notify_stop(struct notify *notify)
{
	if (notify == NULL)
		return;
	notify->stopping = true;
	while (notify->zones != NULL)
		notify_forget(notify, notify->zones->zone);
	uv_close((uv_handle_t *)&notify->timer, on_timer_closed);
	config_free(notify->config);
}
