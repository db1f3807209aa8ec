// SPDX-License-Identifier: GPL-3.0-or-later
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "util/address.h"

_Static_assert(ADDRESS_TEXT_MAX >= INET6_ADDRSTRLEN + sizeof("@65535"), "text");

static int parse_port(const char *text, unsigned *ret_port)
{
	unsigned port = 0;
	size_t digits = 0;
	for (; text[digits] >= '0' && text[digits] <= '9' && digits < 6; digits++)
		port = port * 10 + (text[digits] - '0');
	if (digits == 0 || text[digits] != '\0' || port == 0 || port > 65535)
		return -EINVAL;
	*ret_port = port;
	return 0;
}

int address_parse(const char *text, unsigned default_port, struct sockaddr_storage *ret_addr)
{
	char host[INET6_ADDRSTRLEN];
	unsigned port = default_port;
	const char *at = strchr(text, '@');
	size_t host_len = at ? (size_t)(at - text) : strlen(text);

	if (host_len >= sizeof(host) || (at && parse_port(at + 1, &port) < 0))
		return -EINVAL;
	memcpy(host, text, host_len);
	host[host_len] = '\0';

	struct sockaddr_storage addr = {0};
	struct sockaddr_in *in4 = (struct sockaddr_in *)&addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr;
	if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
	} else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
	} else {
		return -EINVAL;
	}
	*ret_addr = addr;
	return 0;
}

/* The address as 16 bytes, IPv4 as ::ffff:a.b.c.d. */
static void to_mapped(const struct sockaddr *addr, struct in6_addr *ret)
{
	if (addr->sa_family == AF_INET6) {
		*ret = ((const struct sockaddr_in6 *)addr)->sin6_addr;
		return;
	}
	assert(addr->sa_family == AF_INET);
	*ret = (struct in6_addr){.s6_addr = {[10] = 0xff, 0xff}};
	memcpy(&ret->s6_addr[12], &((const struct sockaddr_in *)addr)->sin_addr, 4);
}

const char *address_to_text(const struct sockaddr *addr, char *text)
{
	char host[INET6_ADDRSTRLEN];
	struct in6_addr mapped;
	unsigned port;

	if (addr->sa_family != AF_INET && addr->sa_family != AF_INET6) {
		snprintf(text, ADDRESS_TEXT_MAX, "(no address)");
		return text;
	}
	to_mapped(addr, &mapped);
	port = ntohs(addr->sa_family == AF_INET ? ((const struct sockaddr_in *)addr)->sin_port
						: ((const struct sockaddr_in6 *)addr)->sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&mapped))
		inet_ntop(AF_INET, &mapped.s6_addr[12], host, sizeof(host));
	else
		inet_ntop(AF_INET6, &mapped, host, sizeof(host));
	snprintf(text, ADDRESS_TEXT_MAX, "%s@%u", host, port);
	return text;
}

bool address_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
	struct in6_addr mapped_a, mapped_b;

	if ((a->sa_family != AF_INET && a->sa_family != AF_INET6) ||
	    (b->sa_family != AF_INET && b->sa_family != AF_INET6))
		return false;
	to_mapped(a, &mapped_a);
	to_mapped(b, &mapped_b);
	return IN6_ARE_ADDR_EQUAL(&mapped_a, &mapped_b);
}

bool address_in_net(const struct sockaddr *addr, const struct sockaddr *net, unsigned prefix)
{
	struct in6_addr mapped, mapped_net;
	unsigned bytes, bits;

	if ((addr->sa_family != AF_INET && addr->sa_family != AF_INET6) ||
	    (net->sa_family != AF_INET && net->sa_family != AF_INET6))
		return false;
	to_mapped(addr, &mapped);
	to_mapped(net, &mapped_net);
	if (net->sa_family == AF_INET)
		prefix += 96;
	/* ::/0 is not about IPv4. */
	else if (IN6_IS_ADDR_V4MAPPED(&mapped) != IN6_IS_ADDR_V4MAPPED(&mapped_net))
		return false;
	assert(prefix <= 128);
	bytes = prefix / 8;
	bits = prefix % 8;
	if (memcmp(&mapped, &mapped_net, bytes) != 0)
		return false;
	return bits == 0 || (mapped.s6_addr[bytes] ^ mapped_net.s6_addr[bytes]) >> (8 - bits) == 0;
}

socklen_t address_len(const struct sockaddr *addr)
{
	return addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					   : sizeof(struct sockaddr_in);
}
