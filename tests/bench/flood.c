// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Floods servers with a list of queries, and counts their replies. rig.py is its user.
 *
 *   flood QUERIES CPU    QUERIES is a file: for each query a length (16 bits, this machine's
 *                        order) and the DNS message
 *
 * Each line of standard input is a run, in words of the form key=value; each gives one line of
 * JSON.
 *
 *   netns=PATH dev=NAME               the client's end of the link
 *   dmac=MAC server=ADDRESS           where the queries go
 *   rate=N        queries a second; 0: as many as go
 *   quantum=SECONDS  what is due in so much time goes at once (50 µs)
 *   warm=SECONDS  before counting begins; seconds=SECONDS: how long is counted
 *   bounce=1      the server sends back what it gets
 *   samples=N     so many replies, about, are given whole
 *   program=ID    the time that this program takes (the kernel's statistics are on for this run)
 *   batch=N       frames at once, during which the client's CPU does nothing else: 2 to 256
 */
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "flood_list.h"
#include "flood_run.h"
#include "tests/bench/flood.skel.h"

struct program_time {
	__u64 ns, runs;
};

/* The generator is a thread, as it stays in one system call until a signal comes. */
struct generator {
	int err;
	atomic_bool ended;
};

static struct flood_bpf *skel;
static struct flood_list list;

static void on_signal(int signal)
{
	(void)signal;
}

static double seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void sleep_until(double when)
{
	struct timespec t = {.tv_sec = (time_t)when, .tv_nsec = (when - (time_t)when) * 1e9};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void *generate(void *arg)
{
	struct generator *generator = arg;
	static char frame[FLOOD_FRAME_START(FLOOD_MESSAGE_MAX / 8)];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = FLOOD_FRAME_START(list.words), .repeat = 1 << 30,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = skel->bss->target.batch);

	int err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.generate), &opts);
	generator->err = err == -EINTR ? 0 : err;
	generator->ended = true;
	return NULL;
}

static int program_time(int fd, struct program_time *ret)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (!err)
		*ret = (struct program_time){info.run_time_ns, info.run_cnt};
	return err;
}

static void print_hex(FILE *out, const __u8 *bytes, size_t len)
{
	fputc('"', out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%02x", bytes[i]);
	fputc('"', out);
}

struct sample_printer {
	FILE *out;
	bool more;
};

/* As [query, frame of the reply]. */
static int print_sample(void *ctx, void *data, size_t size)
{
	const struct flood_sample *sample = data;
	struct sample_printer *printer = ctx;
	__u8 query[FLOOD_MESSAGE_MAX];
	(void)size;

	if (sample->place >= list.len)
		return 0;
	const struct flood_record *record = flood_list_at(&list, sample->place);
	memcpy(query, record->message, record->len);
	memcpy(query, &sample->id, sizeof(sample->id));
	fprintf(printer->out, "%s[", printer->more ? ", " : "");
	print_hex(printer->out, query, record->len);
	fprintf(printer->out, ", ");
	print_hex(printer->out, sample->frame, sample->len);
	fprintf(printer->out, "]");
	printer->more = true;
	return 0;
}

static int print_samples(FILE *out)
{
	struct sample_printer printer = {.out = out};
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(skel->maps.samples), print_sample, &printer, NULL);
	if (!ring)
		return -errno;
	fprintf(out, "\"samples\": [");
	ring_buffer__consume(ring);
	fprintf(out, "]");
	ring_buffer__free(ring);
	return 0;
}

static void print_counts(FILE *out, const struct flood_counts *from, const struct flood_counts *to)
{
	fprintf(out, "\"sent\": %llu, \"received\": %llu, \"wrong\": %llu, \"truncated\": %llu, ",
		to->sent - from->sent, to->received - from->received, to->wrong - from->wrong,
		to->truncated - from->truncated);
	fprintf(out, "\"bytes\": %llu, \"rcodes\": [", to->bytes - from->bytes);
	for (int i = 0; i < 16; i++)
		fprintf(out, "%s%llu", i ? ", " : "", to->rcode[i] - from->rcode[i]);
	fprintf(out, "], ");
}

/* From counting's begin to its end. */
static int measure(const struct flood_run *run, int program, struct generator *generator, FILE *out)
{
	struct flood_counts before, after;
	struct program_time from = {0}, to = {0};

	sleep_until(seconds_now() + run->warm);
	if (program >= 0)
		program_time(program, &from);
	double begin = seconds_now();
	before = skel->bss->counts;
	sleep_until(begin + run->seconds);
	double elapsed = seconds_now() - begin;
	after = skel->bss->counts;
	if (program >= 0)
		program_time(program, &to);
	if (generator->ended)
		return generator->err ? generator->err : -EIO;
	fprintf(out, "\"elapsed\": %.6f, \"program_ns\": %llu, \"program_runs\": %llu, ", elapsed,
		to.ns - from.ns, to.runs - from.runs);
	print_counts(out, &before, &after);
	return 0;
}

static void stop(pthread_t thread)
{
	/* The signal is for the system call: one that comes before or after it does nothing. */
	struct timespec soon = {.tv_nsec = 2000000};
	do {
		pthread_kill(thread, SIGUSR1);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &soon, NULL);
	} while (pthread_tryjoin_np(thread, NULL) == EBUSY);
}

/* The interface has the counter in the place of what was there. */
static int flood(const struct flood_run *run, const struct flood_target *target, int program,
		 FILE *out)
{
	struct generator generator = {0};
	__u32 old_id = 0;
	pthread_t thread;

	skel->bss->target = *target;
	skel->bss->in_batch = target->batch - 1;
	bpf_xdp_query_id(target->ifindex, XDP_FLAGS_DRV_MODE, &old_id);
	int old = old_id ? bpf_prog_get_fd_by_id(old_id) : -1;
	int err = bpf_xdp_attach(target->ifindex, bpf_program__fd(skel->progs.count),
				 XDP_FLAGS_DRV_MODE, NULL);
	if (err)
		goto out;
	err = -pthread_create(&thread, NULL, generate, &generator);
	if (!err) {
		err = measure(run, program, &generator, out);
		stop(thread);
	}
	bpf_xdp_attach(target->ifindex, old, XDP_FLAGS_DRV_MODE, NULL);
	if (!err)
		err = print_samples(out);
out:
	if (old >= 0)
		close(old);
	return err;
}

static int handle(char *line, FILE *out)
{
	struct flood_run run;
	struct flood_target target;
	int program = -1, statistics = -1;

	int err = flood_run_parse(line, &run);
	if (!err)
		err = flood_run_enter(&run, &target);
	if (err)
		return err;
	if (run.program) {
		program = bpf_prog_get_fd_by_id(run.program);
		statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);
		if (program < 0 || statistics < 0)
			err = -errno;
	}
	if (!err)
		err = flood(&run, &target, program, out);
	if (program >= 0)
		close(program);
	if (statistics >= 0)
		close(statistics);
	return err;
}

/* The kernel's thread of this name, or -ESRCH. */
static int find_thread(const char *name)
{
	char path[300], comm[64] = "";
	struct dirent *entry;
	int found = -ESRCH;

	DIR *proc = opendir("/proc");
	if (!proc)
		return -errno;
	while (found < 0 && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		FILE *file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strncmp(comm, name, strlen(name)) &&
		    comm[strlen(name)] == '\n')
			found = atoi(entry->d_name);
		fclose(file);
	}
	closedir(proc);
	return found;
}

/* Makes the thread for which the generator steps aside. */
static int make_step_aside(__u32 cpu)
{
	struct bpf_cpumap_val value = {.qsize = 64,
				       .bpf_prog.fd = bpf_program__fd(skel->progs.drop)};
	struct sched_param priority = {.sched_priority = 1};
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);
	char name[64];

	int fd = bpf_map__fd(skel->maps.step_aside);
	int err = bpf_map_update_elem(fd, &cpu, &value, BPF_ANY);
	if (!err)
		err = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (err)
		return err;
	snprintf(name, sizeof(name), "cpumap/%u/map:%u", cpu, info.id);
	int tid = find_thread(name);
	if (tid < 0)
		return tid;
	return sched_setscheduler(tid, SCHED_FIFO, &priority) ? -errno : 0;
}

/* A line of JSON: what came of the run, or why nothing did. */
static void answer(char *line)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int err = out ? handle(line, out) : -ENOMEM;

	if (out)
		fclose(out);
	if (err)
		printf("{\"error\": \"%s\"}\n", strerror(-err));
	else
		printf("{%s}\n", text);
	fflush(stdout);
	free(text);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	cpu_set_t cpus;
	char line[1024];

	if (argc != 3) {
		fprintf(stderr, "usage: flood QUERIES CPU\n");
		return 2;
	}
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[2]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus)) {
		perror("flood: the CPU");
		return 1;
	}
	sigaction(SIGUSR1, &action, NULL);
	skel = flood_bpf__open();
	int err = skel ? bpf_map__set_max_entries(skel->maps.step_aside, libbpf_num_possible_cpus())
		       : -errno;
	if (!err)
		err = flood_list_load(argv[1], skel, &list);
	if (err) {
		fprintf(stderr, "flood: %s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	err = make_step_aside(atoi(argv[2]));
	if (err) {
		fprintf(stderr, "flood: the cpumap's thread: %s\n", strerror(-err));
		return 1;
	}
	while (fgets(line, sizeof(line), stdin))
		answer(line);
	flood_bpf__destroy(skel);
	return 0;
}
