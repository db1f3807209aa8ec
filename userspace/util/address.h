/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Socket addresses as the configuration and the log write them: 192.0.2.53@53, 2001:db8::53@53. */
#ifndef XNS_ADDRESS_H
#define XNS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_MAX 64

/*
 * Parses "ADDR" or "ADDR@PORT"; without a port default_port. 0, or -EINVAL: not an address, or a
 * port outside of 1 to 65535. No names, no scopes.
 */
int address_parse(const char *text, unsigned default_port, struct sockaddr_storage *ret_addr);

/* Writes "ADDR@PORT" to text, which has ADDRESS_TEXT_MAX bytes; returns text. IPv4-mapped IPv6 as
 * IPv4. */
const char *address_to_text(const struct sockaddr *addr, char *text);

/* Same family and address, the ports not compared (IPv4-mapped IPv6 equals IPv4). */
bool address_same_host(const struct sockaddr *a, const struct sockaddr *b);

/* Is it in the net of this address and prefix length in bits? IPv4-mapped IPv6 counts as IPv4. */
bool address_in_net(const struct sockaddr *addr, const struct sockaddr *net, unsigned prefix);

socklen_t address_len(const struct sockaddr *addr);

#endif
