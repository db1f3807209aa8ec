// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Queries as whole Ethernet frames with room behind the message, as a real NIC leaves it.
 *
 * Which of them the program on the interface answered is to be known, query by query: so the server
 * process is stopped meanwhile, and what it would have answered remains without a reply. That is
 * not told by a timeout: the interface takes frames in order, so each burst ends with a probe, the
 * file's first query, which the program answers, sent from a port of its own. When its reply is
 * there, so are all that were to come. What has none is asked again before it counts as passed up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ask.h"
#include "window.h"

#define FRAME	    1514
#define BURST	    48
#define QUERY_PORT  40053
#define PROBE_PORT  40054
#define DNS_PORT    53
#define TRIES	    3
#define PROBE_TRIES 20
#define PROBE_MS    500

struct link {
	int fd;
	uint8_t mac[2][ETH_ALEN]; /* the server's, ours */
	struct in_addr source4, server4;
	struct in6_addr source6, server6;
	uint16_t probe_id;
	bool probe_seen;
	const char *wrong; /* with a reply's frame */
};

/* Ones'-complement sum of data as big-endian words, added to sum and folded. */
static uint16_t add_sum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	if (len % 2)
		sum += bytes[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint16_t udp_sum(const void *hosts, size_t hosts_len, const void *udp, size_t len)
{
	return add_sum(udp, len, add_sum(hosts, hosts_len, IPPROTO_UDP + len));
}

static int parse_mac(const char *text, uint8_t *ret)
{
	unsigned b[ETH_ALEN];

	if (sscanf(text, "%x:%x:%x:%x:%x:%x", b, b + 1, b + 2, b + 3, b + 4, b + 5) != ETH_ALEN)
		return -EINVAL;
	for (int i = 0; i < ETH_ALEN; i++)
		ret[i] = b[i];
	return 0;
}

static int link_open(const struct ask_frames *where, struct link *ret)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct link link = {0};
	struct ifreq request = {0};

	if (parse_mac(where->server_mac, link.mac[0]) < 0 ||
	    inet_pton(AF_INET, where->source4, &link.source4) != 1 ||
	    inet_pton(AF_INET, where->server4, &link.server4) != 1 ||
	    inet_pton(AF_INET6, where->source6, &link.source6) != 1 ||
	    inet_pton(AF_INET6, where->server6, &link.server6) != 1 ||
	    strlen(where->interface) >= IFNAMSIZ)
		return -EINVAL;
	addr.sll_ifindex = if_nametoindex(where->interface);
	if (addr.sll_ifindex == 0)
		return -errno;
	link.fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (link.fd < 0)
		return -errno;
	strcpy(request.ifr_name, where->interface);
	setsockopt(link.fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){1 << 23}, sizeof(int));
	setsockopt(link.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &(int){1}, sizeof(int));
	if (bind(link.fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    ioctl(link.fd, SIOCGIFHWADDR, &request) < 0) {
		int err = -errno;

		close(link.fd);
		return err;
	}
	memcpy(link.mac[1], request.ifr_hwaddr.sa_data, ETH_ALEN);
	*ret = link;
	return 0;
}

/* IP header at `to`, its UDP message of udp_len bytes behind it. The length of the header. */
static size_t put_ip(const struct link *link, bool v6, uint8_t *to, size_t udp_len)
{
	struct ip6_hdr ip6 = {.ip6_flow = htonl(6u << 28),
			      .ip6_plen = htons(udp_len),
			      .ip6_nxt = IPPROTO_UDP,
			      .ip6_hlim = 7,
			      .ip6_src = link->source6,
			      .ip6_dst = link->server6};
	struct iphdr ip4 = {.version = 4,
			    .ihl = 5,
			    .tot_len = htons(sizeof(ip4) + udp_len),
			    .id = htons(0x1234),
			    .frag_off = htons(0x4000),
			    .ttl = 7,
			    .protocol = IPPROTO_UDP,
			    .saddr = link->source4.s_addr,
			    .daddr = link->server4.s_addr};

	if (v6) {
		memcpy(to, &ip6, sizeof(ip6));
		return sizeof(ip6);
	}
	ip4.check = htons(~add_sum(&ip4, sizeof(ip4), 0) & 0xffff);
	memcpy(to, &ip4, sizeof(ip4));
	return sizeof(ip4);
}

static int send_query(const struct link *link, const struct query *query, uint16_t id,
		      uint16_t port, bool v6)
{
	size_t udp_len = sizeof(struct udphdr) + query->head.len;
	uint8_t frame[FRAME] = {0}, *ip = frame + ETH_HLEN, *message;
	struct udphdr udp = {.source = htons(port), .dest = htons(DNS_PORT), .len = htons(udp_len)};
	size_t ip_len;
	uint16_t sum;

	memcpy(frame, link->mac, 2 * ETH_ALEN);
	*(uint16_t *)(frame + 2 * ETH_ALEN) = htons(v6 ? ETH_P_IPV6 : ETH_P_IP);
	ip_len = put_ip(link, v6, ip, udp_len);
	message = ip + ip_len + sizeof(udp);
	memcpy(message, query->wire, query->head.len);
	message[0] = id >> 8;
	message[1] = id & 0xff;
	memcpy(ip + ip_len, &udp, sizeof(udp));
	sum = ~udp_sum(v6 ? ip + 8 : ip + 12, v6 ? 32 : 8, ip + ip_len, udp_len);
	((struct udphdr *)(ip + ip_len))->check = htons(sum ? sum : 0xffff);
	while (send(link->fd, frame, sizeof(frame), 0) < 0) {
		struct pollfd wait = {.fd = link->fd, .events = POLLOUT};

		if (errno != EAGAIN && errno != ENOBUFS)
			return -errno;
		poll(&wait, 1, 1);
	}
	return 0;
}

/* What is wrong around the message of a frame that came from the server's port 53, or NULL. */
static const char *check_frame(const uint8_t *ip, bool v6, const uint8_t *udp, size_t room)
{
	size_t udp_len = udp[4] << 8 | udp[5];
	int said = v6 ? ip[4] << 8 | ip[5] : (ip[2] << 8 | ip[3]) - (int)sizeof(struct iphdr);

	if (udp_len < sizeof(struct udphdr) || udp_len > room || (int)udp_len != said)
		return "length";
	if (!v6 && add_sum(ip, sizeof(struct iphdr), 0) != 0xffff)
		return "IPv4 checksum";
	if (!v6 && (ip[6] & 0x3f || ip[7]))
		return "a fragment";
	if ((v6 ? ip[7] : ip[8]) < 32)
		return "TTL not set anew";
	if (!udp[6] && !udp[7])
		return "no UDP checksum";
	if (udp_sum(v6 ? ip + 8 : ip + 12, v6 ? 32 : 8, udp, udp_len) != 0xffff)
		return "UDP checksum";
	return NULL;
}

static int take_frame(struct link *link, const uint8_t *frame, size_t len, struct window *window)
{
	uint16_t type = frame[12] << 8 | frame[13];
	bool v6 = type == ETH_P_IPV6;
	size_t ip_len = v6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
	const uint8_t *ip = frame + ETH_HLEN, *udp = ip + ip_len;
	uint16_t port;

	if ((!v6 && type != ETH_P_IP) || len < ETH_HLEN + ip_len + sizeof(struct udphdr) + 12 ||
	    memcmp(frame, link->mac[1], ETH_ALEN) != 0 ||
	    memcmp(frame + ETH_ALEN, link->mac[0], ETH_ALEN) != 0 ||
	    ip[v6 ? 6 : 9] != IPPROTO_UDP ||
	    (v6 ? memcmp(ip + 24, &link->source6, 16) : memcmp(ip + 16, &link->source4, 4)) != 0 ||
	    (udp[0] << 8 | udp[1]) != DNS_PORT)
		return 0;
	port = udp[2] << 8 | udp[3];
	if (port != QUERY_PORT && port != PROBE_PORT)
		return 0;
	link->wrong = check_frame(ip, v6, udp, len - ETH_HLEN - ip_len);
	if (link->wrong)
		return -EBADMSG;
	if (port == QUERY_PORT)
		return window_reply(window, udp + 8, (udp[4] << 8 | udp[5]) - 8);
	if ((udp[8] << 8 | udp[9]) == link->probe_id)
		link->probe_seen = true;
	return 0;
}

static int receive(struct link *link, struct window *window)
{
	uint8_t frame[4096];

	for (;;) {
		ssize_t len = recv(link->fd, frame, sizeof(frame), 0);
		int err;

		if (len < 0)
			return errno == EAGAIN ? 0 : -errno;
		err = len > ETH_HLEN ? take_frame(link, frame, len, window) : 0;
		if (err < 0)
			return err;
	}
}

/* A burst is under way: until all that will be answered was. */
static int wait_burst(struct link *link, struct window *window)
{
	for (int i = 0; i < PROBE_TRIES; i++) {
		uint64_t until = now_ms() + PROBE_MS;
		int err;

		link->probe_id++;
		link->probe_seen = false;
		err = send_query(link, &window->corpus->query[0], link->probe_id, PROBE_PORT,
				 i % 2);
		while (err == 0 && !link->probe_seen && now_ms() < until) {
			struct pollfd wait = {.fd = link->fd, .events = POLLIN};

			poll(&wait, 1, until - now_ms());
			err = receive(link, window);
		}
		if (err < 0 || link->probe_seen)
			return err;
	}
	return -ETIMEDOUT;
}

static int frames_round(struct link *link, struct window *window)
{
	uint32_t index;
	int err = 0;

	while (err == 0 && window->next < window->n) {
		while (err == 0 && window_next(window, &index)) {
			err = send_query(link, &window->corpus->query[index], window_id(index),
					 QUERY_PORT, index % 2);
			window_sent(window);
		}
		if (err == 0)
			err = wait_burst(link, window);
		window_expire(window); /* timeout 0: all of them */
	}
	return err;
}

int ask_frames(const struct ask_frames *where, const struct corpus *corpus, struct replies *replies)
{
	struct window window;
	struct link link;
	int err = link_open(where, &link);

	if (err < 0)
		return err;
	err = window_init(&window, corpus, replies, BURST, 0);
	for (int i = 0; err == 0 && i < TRIES && window_round(&window) > 0; i++)
		err = frames_round(&link, &window);
	if (link.wrong)
		fprintf(stderr, "ask frames: a reply's frame: %s\n", link.wrong);
	window_free(&window);
	close(link.fd);
	return err;
}
