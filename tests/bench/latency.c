// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * How long replies take: sends queries by a UDP socket, one at a time, and prints the nanoseconds
 * from before send() to after recv() of each, a line for each; 0 where no reply came.
 *
 *   latency QUERIES ADDRESS CPU SECONDS
 *
 * QUERIES is a file: for each query a length (16 bits, this machine's order) and the DNS message.
 * Between a reply and the next query there is a pause of random length, so that queries do not
 * fall into step with a paced flood. The process goes before others on its CPU: what is measured
 * is the server, not how long the client waits for its turn.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define MESSAGE_MAX  512
#define TIMEOUT_MS   100
#define PAUSE_LEAST  50000  /* ns */
#define PAUSE_SPREAD 200000 /* ns */
#define FLAG_QR	     0x80
#define RCODE_MASK   0x0f
#define HEADER_LEN   12

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* The next message of the file, from the beginning again at its end. */
static int next_query(FILE *file, uint8_t *message, uint16_t *ret_len)
{
	uint16_t len;

	if (fread(&len, sizeof(len), 1, file) != 1) {
		rewind(file);
		if (fread(&len, sizeof(len), 1, file) != 1)
			return -EINVAL;
	}
	if (len < HEADER_LEN || len > MESSAGE_MAX || fread(message, len, 1, file) != 1)
		return -EINVAL;
	*ret_len = len;
	return 0;
}

/* Is there a reply to the query with this ID in time? Others, late ones, are thrown away. */
static bool receive(int sock, const uint8_t *id, uint64_t deadline)
{
	uint8_t reply[65535];

	for (;;) {
		uint64_t now = now_ns();
		struct pollfd poll_fd = {.fd = sock, .events = POLLIN};
		if (now >= deadline || poll(&poll_fd, 1, (deadline - now) / 1000000 + 1) <= 0)
			return false;
		ssize_t len = recv(sock, reply, sizeof(reply), MSG_DONTWAIT);
		if (len >= HEADER_LEN && memcmp(reply, id, 2) == 0 && reply[2] & FLAG_QR &&
		    (reply[3] & RCODE_MASK) == 0)
			return true;
	}
}

static int measure(FILE *file, int sock, double seconds)
{
	uint64_t end = now_ns() + seconds * 1e9;
	uint8_t message[MESSAGE_MAX];
	uint16_t len = 0, id = 0;

	srandom(1);
	while (now_ns() < end) {
		int err = next_query(file, message, &len);
		if (err)
			return err;
		id++;
		memcpy(message, &id, sizeof(id));
		struct timespec pause = {.tv_nsec = PAUSE_LEAST + random() % PAUSE_SPREAD};
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		uint64_t begin = now_ns();
		bool replied = send(sock, message, len, 0) == len &&
			       receive(sock, message, begin + TIMEOUT_MS * 1000000ull);
		printf("%llu\n", replied ? (unsigned long long)(now_ns() - begin) : 0);
	}
	return 0;
}

static int go_first(int cpu)
{
	struct sched_param param = {.sched_priority = 2};
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	prctl(PR_SET_TIMERSLACK, 1);
	return sched_setaffinity(0, sizeof(cpus), &cpus) ||
			       sched_setscheduler(0, SCHED_FIFO, &param)
		       ? -errno
		       : 0;
}

static int connect_to(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(sock, (struct sockaddr *)&to, sizeof(to)))
		return -1;
	return sock;
}

int main(int argc, char **argv)
{
	static char output[1 << 16];

	if (argc != 5) {
		fprintf(stderr, "usage: latency QUERIES ADDRESS CPU SECONDS\n");
		return 2;
	}
	FILE *file = fopen(argv[1], "r");
	int sock = connect_to(argv[2]);
	if (!file || sock < 0) {
		perror("latency");
		return 1;
	}
	setvbuf(stdout, output, _IOFBF, sizeof(output));
	int err = go_first(atoi(argv[3]));
	if (!err)
		err = measure(file, sock, atof(argv[4]));
	if (err)
		fprintf(stderr, "latency: %s\n", strerror(-err));
	return err ? 1 : 0;
}
