// SPDX-License-Identifier: GPL-3.0-or-later
/* ADDR@PORT: what is taken is written and read back as the same address. */
#include <netinet/in.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "util/address.h"

static in_port_t port(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET ? ((const struct sockaddr_in *)addr)->sin_port
					  : ((const struct sockaddr_in6 *)addr)->sin6_port;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), again[ADDRESS_TEXT_MAX];
	struct sockaddr_storage addr, back;

	CHECK(text);
	if (len)
		memcpy(text, data, len);
	text[len] = 0;
	if (address_parse(text, 53, &addr) == 0) {
		CHECK(addr.ss_family == AF_INET || addr.ss_family == AF_INET6);
		CHECK(port(&addr) != 0);
		address_to_text((struct sockaddr *)&addr, again);
		fuzz_check_text(again, sizeof(again));
		CHECK(address_parse(again, 1, &back) == 0);
		CHECK(address_same_host((struct sockaddr *)&addr, (struct sockaddr *)&back));
		CHECK(port(&addr) == port(&back));
		CHECK(address_len((struct sockaddr *)&addr) <= sizeof(addr));
	}
	free(text);
	return 0;
}
