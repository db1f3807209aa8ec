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
 *   netns=PATH dev=NAME dmac=MAC server=ADDRESS   where the queries go
 *   rate=N        queries a second; 0: as many as go
 *   warm=SECONDS  before counting begins; seconds=SECONDS: how long is counted
 *   bounce=1      the server sends back what it gets
 *   samples=N     so many replies, about, are given whole
 *   program=ID    the time that this program takes (the kernel's statistics are on for this run)
 *   nice=N        of the generator, which leaves its CPU to others where there are some
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "flood.h"
#include "tests/bench/flood.skel.h"

#define LIST_LEAST 65536 /* shorter lists are repeated: source addresses for every query */

struct run {
	char netns[128], dev[IFNAMSIZ], dmac[18], server[INET6_ADDRSTRLEN];
	double rate, warm, seconds;
	long samples, bounce, program, nice;
};

struct program_time {
	__u64 ns, runs;
};

/* The generator is a thread, as it stays in one system call until a signal comes. */
struct generator {
	int program_fd;
	int nice;
	int err;
	bool ended;
};

static struct flood_bpf *skel;
static char *records;
static size_t stride;

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

/* ---- the list ---- */

struct file {
	const __u8 *bytes;
	size_t len;
};

static int file_map(const char *path, struct file *ret)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = fstat(fd, &st) || st.st_size < 2 ? -EINVAL : 0;
	void *bytes = err ? MAP_FAILED : mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		return -EINVAL;
	*ret = (struct file){bytes, st.st_size};
	return 0;
}

/* The message at *at, which moves behind it; NULL at the end, *at beyond it when something is
 * wrong. */
static const __u8 *file_next(const struct file *file, size_t *at, __u16 *len)
{
	if (*at == file->len)
		return NULL;
	if (file->len - *at >= 2) {
		memcpy(len, file->bytes + *at, 2);
		if (*len >= 12 && *len <= FLOOD_MESSAGE_MAX && *len <= file->len - *at - 2) {
			const __u8 *message = file->bytes + *at + 2;
			*at += 2 + *len;
			return message;
		}
	}
	*at = SIZE_MAX;
	return NULL;
}

static __u16 message_sum(const __u16 *words, size_t n)
{
	__u32 sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static struct flood_record *record_at(size_t i)
{
	return (struct flood_record *)(records + i * stride);
}

static void fill_records(const struct file *file, size_t n, size_t queries)
{
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		struct flood_record *record = record_at(i);
		if (i >= queries) {
			memcpy(record, record_at(i - queries), stride);
			continue;
		}
		__u16 len = 0;
		const __u8 *message = file_next(file, &at, &len);
		memset(record, 0, stride);
		memcpy(record->message, message, len);
		memset(record->message, 0, sizeof(__u16)); /* the ID */
		record->len = len;
		record->sum = message_sum((__u16 *)record->message, (len + 1) / 2);
	}
}

/* Loads the programs with the list. */
static int load(const char *path)
{
	struct file file = {0};
	size_t at = 0, queries = 0;
	__u16 len, longest = 0;

	int err = file_map(path, &file);
	if (err)
		return err;
	while (file_next(&file, &at, &len)) {
		queries++;
		longest = len > longest ? len : longest;
	}
	if (at == SIZE_MAX || queries == 0 || queries > FLOOD_LIST_MAX)
		return -EINVAL;
	size_t n = queries;
	while (n < LIST_LEAST)
		n += queries;
	size_t words = (longest + 7) / 8;
	stride = sizeof(struct flood_record) + words * 8;
	skel = flood_bpf__open();
	if (!skel)
		return -errno;
	skel->rodata->list_len = n;
	skel->rodata->message_words = words;
	bpf_map__set_value_size(skel->maps.queries, stride);
	bpf_map__set_max_entries(skel->maps.queries, n);
	err = flood_bpf__load(skel);
	if (err)
		return err;
	records = mmap(NULL, n * stride, PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(skel->maps.queries), 0);
	if (records == MAP_FAILED)
		return -errno;
	fill_records(&file, n, queries);
	munmap((void *)file.bytes, file.len);
	return 0;
}

/* ---- what a line asks for ---- */

static int parse_word(char *word, struct run *run)
{
	struct {
		const char *key;
		char *text;
		size_t size;
		long *number;
		double *real;
	} keys[] = {
		{"netns", run->netns, sizeof(run->netns), NULL, NULL},
		{"dev", run->dev, sizeof(run->dev), NULL, NULL},
		{"dmac", run->dmac, sizeof(run->dmac), NULL, NULL},
		{"server", run->server, sizeof(run->server), NULL, NULL},
		{"rate", NULL, 0, NULL, &run->rate},
		{"warm", NULL, 0, NULL, &run->warm},
		{"seconds", NULL, 0, NULL, &run->seconds},
		{"samples", NULL, 0, &run->samples, NULL},
		{"bounce", NULL, 0, &run->bounce, NULL},
		{"program", NULL, 0, &run->program, NULL},
		{"nice", NULL, 0, &run->nice, NULL},
	};
	char *value = strchr(word, '=');
	if (!value)
		return -EINVAL;
	*value++ = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].key, word) != 0)
			continue;
		if (keys[i].text &&
		    (size_t)snprintf(keys[i].text, keys[i].size, "%s", value) >= keys[i].size)
			return -EINVAL;
		if (keys[i].number)
			*keys[i].number = atol(value);
		if (keys[i].real)
			*keys[i].real = atof(value);
		return 0;
	}
	return -EINVAL;
}

static int parse_run(char *line, struct run *ret)
{
	struct run run = {.warm = 0.05, .seconds = 0.5};
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		if (parse_word(word, &run))
			return -EINVAL;
	*ret = run;
	return 0;
}

/* This thread and those it starts go into the namespace, and the target is made for there. */
static int enter(const struct run *run, struct flood_target *ret)
{
	struct flood_target target = {.bounce = !!run->bounce, .v6 = !!strchr(run->server, ':')};
	struct ifreq request = {0};
	unsigned int mac[ETH_ALEN];

	int ns = open(run->netns, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return -errno;
	int err = setns(ns, CLONE_NEWNET) ? -errno : 0;
	close(ns);
	if (err)
		return err;
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	strcpy(request.ifr_name, run->dev);
	err = sock < 0 || ioctl(sock, SIOCGIFHWADDR, &request) ? -errno : 0;
	if (sock >= 0)
		close(sock);
	if (err)
		return err;
	target.ifindex = if_nametoindex(run->dev);
	if (!target.ifindex || sscanf(run->dmac, "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2],
				      &mac[3], &mac[4], &mac[5]) != ETH_ALEN)
		return -EINVAL;
	for (int i = 0; i < ETH_ALEN; i++)
		target.link[i] = mac[i];
	memcpy(target.link + ETH_ALEN, request.ifr_hwaddr.sa_data, ETH_ALEN);
	target.link[12] = target.v6 ? 0x86 : 0x08;
	target.link[13] = target.v6 ? 0xdd : 0x00;
	inet_pton(AF_INET6, FLOOD_SOURCE6, target.source6);
	if (inet_pton(target.v6 ? AF_INET6 : AF_INET, run->server,
		      target.v6 ? (void *)target.server6 : (void *)&target.server4) != 1)
		return -EINVAL;
	*ret = target;
	return 0;
}

/*
 * Lag that is made up for: what a generator loses whose CPU counts replies between two batches,
 * but no bursts that overflow sockets.
 */
static void set_pace(const struct run *run, struct flood_target *target)
{
	target->interval = run->rate > 0 ? 1e9 * 1024 / run->rate : 0;
	target->lag = 16 * target->interval;
	if (target->lag < 50000 * 1024)
		target->lag = 50000 * 1024;
	double expected = run->rate > 0 ? run->rate * run->seconds : 3e6 * run->seconds;
	target->sample_every = run->samples ? expected / run->samples + 1 : 0xffffffff;
}

/* ---- a run ---- */

static void *generate(void *arg)
{
	struct generator *generator = arg;
	static char frame[FLOOD_FRAME_START];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1 << 30, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);

	setpriority(PRIO_PROCESS, 0, generator->nice);
	int err = bpf_prog_test_run_opts(generator->program_fd, &opts);
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

static void print_hex(const __u8 *bytes, size_t len)
{
	putchar('"');
	for (size_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	putchar('"');
}

/* As [query, frame of the reply]. */
static int print_sample(void *ctx, void *data, size_t size)
{
	const struct flood_sample *sample = data;
	int *n = ctx;
	(void)size;

	if (sample->place >= skel->rodata->list_len)
		return 0;
	const struct flood_record *record = record_at(sample->place);
	__u8 query[FLOOD_MESSAGE_MAX];
	memcpy(query, record->message, record->len);
	memcpy(query, &sample->id, sizeof(sample->id));
	printf("%s[", (*n)++ ? ", " : "");
	print_hex(query, record->len);
	printf(", ");
	print_hex(sample->frame, sample->len);
	printf("]");
	return 0;
}

static int print_samples(void)
{
	int n = 0;
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(skel->maps.samples), print_sample, &n, NULL);
	if (!ring)
		return -errno;
	printf(", \"samples\": [");
	ring_buffer__consume(ring);
	printf("]}\n");
	ring_buffer__free(ring);
	return 0;
}

/* From counting's begin to its end. */
static int measure(const struct run *run, int program, struct generator *generator)
{
	struct flood_counts before, after;
	struct program_time from = {0}, to = {0};
	double begin = seconds_now() + run->warm;

	sleep_until(begin);
	if (program >= 0)
		program_time(program, &from);
	begin = seconds_now();
	before = skel->bss->counts;
	sleep_until(begin + run->seconds);
	double elapsed = seconds_now() - begin;
	after = skel->bss->counts;
	if (program >= 0)
		program_time(program, &to);
	if (generator->ended)
		return generator->err ? generator->err : -EIO;
	printf("{\"elapsed\": %.6f, \"sent\": %llu, \"received\": %llu, \"wrong\": %llu, "
	       "\"truncated\": %llu, \"bytes\": %llu, \"program_ns\": %llu, \"program_runs\": %llu, "
	       "\"rcodes\": [",
	       elapsed, after.sent - before.sent, after.received - before.received,
	       after.wrong - before.wrong, after.truncated - before.truncated,
	       after.bytes - before.bytes, to.ns - from.ns, to.runs - from.runs);
	for (int i = 0; i < 16; i++)
		printf("%s%llu", i ? ", " : "", after.rcode[i] - before.rcode[i]);
	printf("]");
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
static int flood(const struct run *run, const struct flood_target *target, int program)
{
	struct generator generator = {.program_fd = bpf_program__fd(skel->progs.generate),
				      .nice = run->nice};
	__u32 old_id = 0;
	pthread_t thread;

	skel->bss->target = *target;
	bpf_xdp_query_id(target->ifindex, XDP_FLAGS_DRV_MODE, &old_id);
	int old = old_id ? bpf_prog_get_fd_by_id(old_id) : -1;
	int err = bpf_xdp_attach(target->ifindex, bpf_program__fd(skel->progs.count),
				 XDP_FLAGS_DRV_MODE, NULL);
	if (err)
		goto out;
	err = -pthread_create(&thread, NULL, generate, &generator);
	if (!err) {
		err = measure(run, program, &generator);
		stop(thread);
	}
	bpf_xdp_attach(target->ifindex, old, XDP_FLAGS_DRV_MODE, NULL);
	if (!err)
		err = print_samples();
out:
	if (old >= 0)
		close(old);
	return err;
}

static int handle(char *line)
{
	struct run run;
	struct flood_target target;
	int program = -1, statistics = -1;

	int err = parse_run(line, &run);
	if (!err)
		err = enter(&run, &target);
	if (err)
		return err;
	set_pace(&run, &target);
	if (run.program) {
		program = bpf_prog_get_fd_by_id(run.program);
		statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);
		if (program < 0 || statistics < 0)
			err = -errno;
	}
	if (!err)
		err = flood(&run, &target, program);
	if (program >= 0)
		close(program);
	if (statistics >= 0)
		close(statistics);
	return err;
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
	int err = load(argv[1]);
	if (err) {
		fprintf(stderr, "flood: %s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		err = handle(line);
		if (err)
			printf("{\"error\": \"%s\"}\n", strerror(-err));
		fflush(stdout);
	}
	flood_bpf__destroy(skel);
	return 0;
}
