// SPDX-License-Identifier: GPL-3.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flood_run.h"

/* Lag to make up for: what is lost while the CPU counts replies, but no bursts that fill sockets.
 */
#define LAG_NS 50000

static int parse_word(char *word, struct flood_run *run)
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
		{"quantum", NULL, 0, NULL, &run->quantum},
		{"warm", NULL, 0, NULL, &run->warm},
		{"seconds", NULL, 0, NULL, &run->seconds},
		{"samples", NULL, 0, &run->samples, NULL},
		{"bounce", NULL, 0, &run->bounce, NULL},
		{"program", NULL, 0, &run->program, NULL},
		{"batch", NULL, 0, &run->batch, NULL},
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

int flood_run_parse(char *line, struct flood_run *ret)
{
	struct flood_run run = {
		.quantum = 50e-6, .warm = 0.05, .seconds = 0.5, .batch = FLOOD_BATCH};
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		if (parse_word(word, &run))
			return -EINVAL;
	if (run.batch < 2 || run.batch > FLOOD_BATCH)
		return -EINVAL;
	*ret = run;
	return 0;
}

static int enter_netns(const char *path)
{
	int ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return -errno;
	int err = setns(ns, CLONE_NEWNET) ? -errno : 0;
	close(ns);
	return err;
}

static int set_link(const struct flood_run *run, struct flood_target *target)
{
	struct ifreq request = {0};
	unsigned int mac[ETH_ALEN];

	target->ifindex = if_nametoindex(run->dev);
	if (!target->ifindex || sscanf(run->dmac, "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2],
				       &mac[3], &mac[4], &mac[5]) != ETH_ALEN)
		return -EINVAL;
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	strcpy(request.ifr_name, run->dev);
	int err = ioctl(sock, SIOCGIFHWADDR, &request) ? -errno : 0;
	close(sock);
	for (int i = 0; i < ETH_ALEN; i++)
		target->link[i] = mac[i];
	memcpy(target->link + ETH_ALEN, request.ifr_hwaddr.sa_data, ETH_ALEN);
	target->link[12] = target->v6 ? ETH_P_IPV6 >> 8 : ETH_P_IP >> 8;
	target->link[13] = target->v6 ? ETH_P_IPV6 & 0xff : ETH_P_IP & 0xff;
	return err;
}

static void set_pace(const struct flood_run *run, struct flood_target *target)
{
	const __u64 lag = LAG_NS * 1024;
	double expected = (run->rate > 0 ? run->rate : 3e6) * run->seconds;

	target->interval = run->rate > 0 ? 1e9 * 1024 / run->rate : 0;
	target->quantum = run->quantum * 1e9 * 1024;
	target->lag = target->quantum + (16 * target->interval > lag ? 16 * target->interval : lag);
	target->cpu = sched_getcpu();
	target->batch = run->batch;
	target->sample_every = run->samples ? expected / run->samples + 1 : 0xffffffff;
}

int flood_run_enter(const struct flood_run *run, struct flood_target *ret)
{
	struct flood_target target = {.bounce = !!run->bounce, .v6 = !!strchr(run->server, ':')};

	int err = enter_netns(run->netns);
	if (!err)
		err = set_link(run, &target);
	if (err)
		return err;
	if (inet_pton(target.v6 ? AF_INET6 : AF_INET, run->server,
		      target.v6 ? (void *)target.server6 : (void *)&target.server4) != 1)
		return -EINVAL;
	inet_pton(AF_INET6, FLOOD_SOURCE6, target.source6);
	set_pace(run, &target);
	*ret = target;
	return 0;
}
