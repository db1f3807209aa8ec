/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets on the listen addresses: all that needs privileges, and all that an operator can have set
 * up wrongly. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "respond/internal.h"
#include "util/address.h"
#include "util/log.h"

#define TCP_BACKLOG 511

static const char *advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "; is another name server running there?";
	case EADDRNOTAVAIL:
		return "; no interface has this address: configure it there first, or correct server.listen";
	case EACCES:
		return "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
	case EAFNOSUPPORT:
		return "; the kernel has no support for this kind of address";
	default:
		return "";
	}
}

/* More than net.core.rmem_max needs CAP_NET_ADMIN; with less the kernel gives what it allows. */
static void raise_buffers(int fd)
{
	int size = RESPOND_UDP_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* No path MTU is believed on UDP: a forged ICMP message could make fragments of replies (RFC 9715
 * §3.1). */
static int set_udp_options(int fd, int family)
{
	int omit4 = IP_PMTUDISC_OMIT, omit6 = IPV6_PMTUDISC_OMIT;

	raise_buffers(fd);
	if (family == AF_INET6)
		return setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &omit6, sizeof(omit6));
	return setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &omit4, sizeof(omit4));
}

static int set_options(int fd, int family, int type)
{
	int on = 1;

	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return -1;
	/* TCP: connections of the last run that still linger are no reason not to start. */
	if (type == SOCK_STREAM)
		return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return set_udp_options(fd, family);
}

int bind_socket(const struct sockaddr_storage *addr, int type)
{
	const struct sockaddr *sa = (const struct sockaddr *)addr;
	char text[ADDRESS_TEXT_MAX];
	int fd, error = 0;

	fd = socket(sa->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 || set_options(fd, sa->sa_family, type) != 0 ||
	    bind(fd, sa, address_len(sa)) != 0 ||
	    (type == SOCK_STREAM && listen(fd, TCP_BACKLOG) != 0))
		error = errno;
	if (error == 0)
		return fd;
	log_error("cannot listen on %s (%s): %s%s", address_to_text(sa, text),
		  type == SOCK_STREAM ? "TCP" : "UDP", strerror(error), advice(error));
	if (fd != -1)
		close(fd);
	return -error;
}
