// SPDX-License-Identifier: GPL-3.0-or-later
/* What may be an address of a host, and networks. */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>

#include "config/schema.h"
#include "util/address.h"

static const char *address_fault4(const struct sockaddr_in *in)
{
	uint32_t host = ntohl(in->sin_addr.s_addr);

	if (host == INADDR_ANY)
		return "stands for any address, each must be named";
	if (host == INADDR_BROADCAST)
		return "is the broadcast address";
	if (IN_MULTICAST(host))
		return "is a multicast address";
	return NULL;
}

static const char *address_fault6(const struct sockaddr_in6 *in6)
{
	if (IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
		return "stands for any address, each must be named";
	if (IN6_IS_ADDR_MULTICAST(&in6->sin6_addr))
		return "is a multicast address";
	if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
		return "is a link-local address, which is not supported";
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return "is an IPv4 address in IPv6 form, write it as IPv4";
	return NULL;
}

const char *config_address_fault(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET ? address_fault4((const struct sockaddr_in *)addr)
					  : address_fault6((const struct sockaddr_in6 *)addr);
}

const char *config_address_syntax(const char *text)
{
	struct sockaddr_storage addr;
	char host[ADDRESS_TEXT_MAX];
	const char *at = strchr(text, '@');

	if (strchr(text, '%'))
		return "has a scope (link-local), which is not supported";
	if (at && (size_t)(at - text) < sizeof(host)) {
		memcpy(host, text, at - text);
		host[at - text] = '\0';
		if (address_parse(host, 53, &addr) == 0)
			return "has a port outside of 1 to 65535";
	}
	return "is not an IP address";
}

/* Any bit set behind the first `prefix` ones? */
static bool has_host_bits(const uint8_t *bytes, unsigned len, unsigned prefix)
{
	for (unsigned bit = prefix; bit < 8 * len; bit++)
		if (bytes[bit / 8] & 0x80 >> bit % 8)
			return true;
	return false;
}

/* Digits only, at most `max`. */
static bool parse_prefix(const char *text, unsigned max, unsigned *ret)
{
	unsigned value = 0;
	size_t len = strlen(text);

	if (len == 0 || len > 3)
		return false;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return false;
		value = 10 * value + (*text - '0');
	}
	*ret = value;
	return value <= max;
}

const char *config_parse_network(const char *text, struct config_acl_net *ret)
{
	const char *slash = strchr(text, '/');
	size_t host_len = slash ? (size_t)(slash - text) : strlen(text);
	char host[ADDRESS_TEXT_MAX];
	struct sockaddr_storage addr;
	const uint8_t *bytes;
	unsigned bits, prefix;

	if (strchr(text, '@'))
		return "has a port, which says nothing of who it is";
	if (host_len >= sizeof(host))
		return "is not an IP address";
	memcpy(host, text, host_len);
	host[host_len] = '\0';
	if (address_parse(host, 53, &addr) < 0)
		return strchr(host, '%') ? "has a scope, which is not supported"
					 : "is not an IP address";
	if (addr.ss_family == AF_INET) {
		((struct sockaddr_in *)&addr)->sin_port = 0;
		bytes = (const uint8_t *)&((struct sockaddr_in *)&addr)->sin_addr;
		bits = 32;
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr;

		in6->sin6_port = 0;
		bytes = in6->sin6_addr.s6_addr;
		bits = 128;
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
			return "is an IPv4 address in IPv6 form, write it as IPv4";
	}
	prefix = bits;
	if (slash && !parse_prefix(slash + 1, bits, &prefix))
		return bits == 32 ? "has a length that is not a number from 0 to 32"
				  : "has a length that is not a number from 0 to 128";
	if (has_host_bits(bytes, bits / 8, prefix))
		return "has bits set behind its length";
	*ret = (struct config_acl_net){.address = addr, .prefix = prefix};
	return NULL;
}
