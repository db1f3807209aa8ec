// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "config/config.h"
#include "util/address.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Two sections that are right, for cases about the third. */
#define SERVER	"server: {listen: 192.0.2.53}\n"
#define REMOTES "remotes: [{id: r, address: 192.0.2.1}]\n"
#define ZONES	"zones: [{domain: example.com, primaries: r}]\n"

static int parse(const char *text, size_t len, char **ret_errors, struct config **ret)
{
	size_t size;
	FILE *errors = open_memstream(ret_errors, &size);
	int err = config_parse("f", (const uint8_t *)text, len, errors, ret);

	fclose(errors);
	return err;
}

static struct config *parse_good(const char *text)
{
	struct config *config = NULL;
	char *errors = NULL;
	int err = parse(text, strlen(text), &errors, &config);

	if (err || errors[0])
		fail_msg("%d\n%s\nfor\n%s", err, errors, text);
	free(errors);
	return config;
}

/* expect: lines that begin the errors' lines, in order and no others. */
static void expect_errors(const char *what, const char *text, size_t len, const char *const *expect)
{
	struct config *config = NULL;
	char *errors = NULL, *line;
	int err = parse(text, len, &errors, &config);

	if (err != -EINVAL)
		fail_msg("%s: %d", what, err);
	assert_null(config);
	line = errors;
	for (; *expect; expect++) {
		char *end = strchr(line, '\n');
		if (!end || strncmp(line, *expect, strlen(*expect)) != 0)
			fail_msg("%s: expected\n%s\ngot\n%s", what, *expect, errors);
		line = end + 1;
	}
	if (*line)
		fail_msg("%s: more than was expected:\n%s", what, line);
	free(errors);
}

static const struct {
	const char *what;
	const char *text;
	const char *expect[8];
} bad_cases[] = {
	/* YAML */
	{"empty", "", {"f: the file is empty"}},
	{"only a comment", "# nothing\n", {"f: the file is empty"}},
	{"unclosed list",
	 "a: [b\nc: d\n",
	 {"f:2: YAML: did not find expected ',' or ']', while parsing a flow sequence that begins on line 1"}},
	{"tab",
	 "server:\n\tlisten: x\n",
	 {"f:2: YAML: found character that cannot start any token"}},
	{"bad UTF-8", "a: b\nc: \xff\n", {"f:2: YAML: "}},
	{"control character", "a: b\nc: \x01\n", {"f:2: YAML: control characters are not allowed"}},
	{"anchor", "server: &a {listen: 192.0.2.53}\n", {"f:1: YAML: anchor 'a' is not supported"}},
	{"anchor of a scalar", "a: &b c\n", {"f:1: YAML: anchor 'b' is not supported"}},
	{"alias", "a:\n  *b\n", {"f:2: YAML: alias 'b' is not supported"}},
	{"tag", "a: !!str b\n", {"f:1: YAML: tag "}},
	{"two documents",
	 SERVER REMOTES ZONES "---\na: b\n",
	 {"f:4: YAML: a second document begins here"}},
	{"too deep",
	 "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
	 {"f:1: YAML: nested more than 16 levels"}},
	{"NUL in a value", "a: \"\\0\"\n", {"f:1: YAML: a value has a NUL byte"}},
	/* structure */
	{"a scalar", "hello", {"f:1: not a mapping"}},
	{"a list", "- a\n", {"f:1: not a mapping"}},
	{"nothing right", "{}", {"f:1: server: missing", "f:1: zones: missing"}},
	{"server is a list", "server: [a]\n" REMOTES ZONES, {"f:1: server: not a mapping"}},
	{"null sections",
	 "server:\nremotes: ~\nzones: null\n",
	 {"f:1: server: has no value", "f:2: remotes: has no value", "f:3: zones: has no value"}},
	{"key is a list", SERVER REMOTES ZONES "[a]: b\n", {"f:4: a key is a word, not a list"}},
	{"empty zones", SERVER REMOTES "zones: []\n", {"f:3: zones: is empty"}},
	{"zones is a word",
	 SERVER REMOTES "zones: example.com\n",
	 {"f:3: zones: is a single value"}},
	{"zone is a word",
	 SERVER REMOTES "zones:\n  - example.com\n",
	 {"f:4: zones: not a mapping"}},
	/* keys */
	{"unknown, near",
	 "servers: x\n" SERVER REMOTES ZONES,
	 {"f:1: servers: unknown key; did you mean 'server'?"}},
	{"unknown, far",
	 SERVER "remotes: [{id: r, address: 192.0.2.1, colour: red}]\n" ZONES,
	 {"f:2: remotes.colour: unknown key; allowed are id, address"}},
	{"unknown with escapes",
	 "\"\\e[31m\": x\n" SERVER REMOTES ZONES,
	 {"f:1: ?[31m: unknown key"}},
	{"given twice", SERVER REMOTES ZONES SERVER, {"f:4: server: given twice; first on line 1"}},
	{"given twice inside",
	 "server:\n  listen: 192.0.2.53\n  listen: 192.0.2.54\n" REMOTES ZONES,
	 {"f:3: server.listen: given twice; first on line 2"}},
	{"listen missing", "server: {user: root}\n" REMOTES ZONES, {"f:1: server.listen: missing"}},
	/* listen */
	{"listen: no addresses",
	 "server: {listen: []}\n" REMOTES ZONES,
	 {"f:1: server.listen: has 0 values"}},
	{"listen: a name",
	 "server: {listen: localhost}\n" REMOTES ZONES,
	 {"f:1: server.listen: 'localhost' is not an IP address; give ADDRESS or ADDRESS@PORT"}},
	{"listen: port",
	 "server: {listen: 192.0.2.1@99999}\n" REMOTES ZONES,
	 {"f:1: server.listen: '192.0.2.1@99999' has a port outside of 1 to 65535"}},
	{"listen: scope",
	 "server: {listen: \"fe80::1%eth0\"}\n" REMOTES ZONES,
	 {"f:1: server.listen: 'fe80::1%eth0' has a scope (link-local), which is not supported"}},
	{"listen: link-local",
	 "server: {listen: \"fe80::1\"}\n" REMOTES ZONES,
	 {"f:1: server.listen: 'fe80::1' is a link-local address"}},
	{"listen: any",
	 "server:\n listen:\n - 0.0.0.0\n - '::'\n" REMOTES ZONES,
	 {"f:3: server.listen: '0.0.0.0' stands for any address",
	  "f:4: server.listen: '::' stands for any"}},
	{"listen: multicast",
	 "server: {listen: [224.0.0.1, \"ff02::1\", 255.255.255.255]}\n" REMOTES ZONES,
	 {"f:1: server.listen: '224.0.0.1' is a multicast",
	  "f:1: server.listen: 'ff02::1' is a multicast",
	  "f:1: server.listen: '255.255.255.255' is the broadcast"}},
	{"listen: mapped",
	 "server: {listen: \"::ffff:192.0.2.1\"}\n" REMOTES ZONES,
	 {"f:1: server.listen: '::ffff:192.0.2.1' is an IPv4 address in IPv6 form"}},
	{"listen: twice, in other words",
	 "server: {listen: [\"2001:db8::1\", \"2001:DB8:0::1@53\"]}\n" REMOTES ZONES,
	 {"f:1: server.listen: '2001:DB8:0::1@53' is in the list twice"}},
	{"listen: a mapping",
	 "server: {listen: {a: b}}\n" REMOTES ZONES,
	 {"f:1: server.listen: is a mapping"}},
	{"listen: a list in the list",
	 "server: {listen: [[192.0.2.1]]}\n" REMOTES ZONES,
	 {"f:1: server.listen: has a list in it"}},
	{"listen: null",
	 "server: {listen: [~]}\n" REMOTES ZONES,
	 {"f:1: server.listen: '~' is not an IP address"}},
	/* other values */
	{"interfaces",
	 "server: {listen: 192.0.2.1, interfaces: [eth0, 'a/b', sixteenletters00, '', eth0]}\n" REMOTES
		 ZONES,
	 {"f:1: server.interfaces: 'a/b' is no name",
	  "f:1: server.interfaces: 'sixteenletters00' is no name",
	  "f:1: server.interfaces: '' is no name",
	  "f:1: server.interfaces: 'eth0' is in the list twice"}},
	{"relative paths",
	 "server: {listen: 192.0.2.1, database: var, rundir: ./run}\n" REMOTES ZONES,
	 {"f:1: server.database: 'var' is not an absolute path",
	  "f:1: server.rundir: './run' is not an absolute path"}},
	{"rundir too long for a socket",
	 "server: {listen: 192.0.2.1, rundir: /23456789/23456789/23456789/23456789/23456789/23456789/23456789/23456789/23456789/23456789/1}\n" REMOTES
		 ZONES,
	 {"f:1: server.rundir: '/23456789/23456789/23456789/23456789/23456789/23456789/23456789/23456789/23456789/23456789/1' is too long"}},
	{"user",
	 "server: {listen: 192.0.2.1, user: no-such-user-here}\n" REMOTES ZONES,
	 {"f:1: server.user: 'no-such-user-here' is no user of this system"}},
	{"numbers",
	 "server:\n listen: 192.0.2.1\n max-udp-size: 511\n max-names: many\n tcp-max-clients: -1\n tcp-idle-timeout: 2h\n"
	 " database-max-size: 99999999999999999999G\n tcp-remote-io-timeout: 5s\n" REMOTES ZONES,
	 {"f:3: server.max-udp-size: '511' is out of range; give a number from 512 to 4096",
	  "f:4: server.max-names: 'many' is not a number",
	  "f:5: server.tcp-max-clients: '-1' is not a number",
	  "f:6: server.tcp-idle-timeout: '2h' is out of range",
	  "f:7: server.database-max-size: '99999999999999999999G' is out of range",
	  "f:8: server.tcp-remote-io-timeout: '5s' is not a number"}},
	{"max-udp-size",
	 "server: {listen: 192.0.2.1, max-udp-size: 4097}\n" REMOTES ZONES,
	 {"f:1: server.max-udp-size: '4097' is out of range"}},
	{"a list where a word belongs",
	 "server: {listen: 192.0.2.1, max-udp-size: [1232]}\n" REMOTES ZONES,
	 {"f:1: server.max-udp-size: is a list"}},
	{"empty identity",
	 "server: {listen: 192.0.2.1, identity: ''}\n" REMOTES ZONES,
	 {"f:1: server.identity: '' is empty"}},
	{"not a truth value",
	 "server: {listen: 192.0.2.1, ede-stale: yes}\n" REMOTES ZONES,
	 {"f:1: server.ede-stale: 'yes' is neither; give true or false"}},
	{"empty nsid",
	 "server: {listen: 192.0.2.1, nsid: ''}\n" REMOTES ZONES,
	 {"f:1: server.nsid: '' is empty; give a text of 1 to 128 bytes, or 0x"}},
	{"nsid without digits",
	 "server: {listen: 192.0.2.1, nsid: 0x}\n" REMOTES ZONES,
	 {"f:1: server.nsid: '0x' has no digits"}},
	{"nsid, half a byte",
	 "server: {listen: 192.0.2.1, nsid: 0x123}\n" REMOTES ZONES,
	 {"f:1: server.nsid: '0x123' is not 0x and pairs of hex digits"}},
	{"nsid, no digit",
	 "server: {listen: 192.0.2.1, nsid: 0x1g}\n" REMOTES ZONES,
	 {"f:1: server.nsid: '0x1g' is not 0x and pairs of hex digits"}},
	{"log-level",
	 "server: {listen: 192.0.2.1, log-level: loud}\n" REMOTES ZONES,
	 {"f:1: server.log-level: 'loud' is none of them; give error, warning, info or debug"}},
	/* remotes */
	{"remote twice",
	 SERVER "remotes:\n- {id: r, address: 192.0.2.1}\n- {id: r, address: 192.0.2.2}\n" ZONES,
	 {"f:4: remotes.id: 'r' is given twice; first on line 3"}},
	{"remote without all",
	 SERVER "remotes: [{}]\nzones: [{domain: a, primaries: [x]}]\n",
	 {"f:2: remotes.id: missing", "f:2: remotes.address: missing",
	  "f:3: zones.primaries: 'x' is not the id of a remote; no remote is configured"}},
	{"remote id",
	 SERVER
	 "remotes: [{id: 'a b', address: 192.0.2.1}]\nzones: [{domain: a, primaries: 'a b'}]\n",
	 {"f:2: remotes.id: 'a b' has a character"}},
	{"remote addresses",
	 SERVER "remotes: [{id: r, address: [192.0.2.1, 192.0.2.1@53, 1.2.3]}]\n" ZONES,
	 {"f:2: remotes.address: '192.0.2.1@53' is in the list twice",
	  "f:2: remotes.address: '1.2.3' is not an IP"}},
	/* zones */
	{"zone without all",
	 SERVER REMOTES "zones: [{}]\n",
	 {"f:3: zones.domain: missing", "f:3: zones.primaries: missing, in its template too"}},
	{"no primaries",
	 SERVER REMOTES "zones: [{domain: a, primaries: []}]\n",
	 {"f:3: zones.primaries: has 0 values"}},
	{"unknown remotes",
	 SERVER REMOTES "zones: [{domain: a, primaries: [r, s], notify-from: t}]\n",
	 {"f:3: zones.primaries: 's' is not the id of a remote; there are r",
	  "f:3: zones.notify-from: 't' is not the id"}},
	{"primary twice",
	 SERVER REMOTES "zones: [{domain: a, primaries: [r, r]}]\n",
	 {"f:3: zones.primaries: 'r' is in the list twice"}},
	{"zone in another spelling",
	 SERVER REMOTES
	 "zones:\n- {domain: example.com, primaries: r}\n- {domain: EX\\097MPLE.Com., primaries: r}\n",
	 {"f:5: zones.domain: 'example.com.' is given twice; first on line 4"}},
	{"root twice",
	 SERVER REMOTES "zones: [{domain: ., primaries: r}, {domain: ., primaries: r}]\n",
	 {"f:3: zones.domain: '.' is given twice"}},
	{"bad domains",
	 SERVER REMOTES
	 "zones:\n- {domain: a..b, primaries: r}\n- {domain: 'a b', primaries: r}\n- {domain: '', primaries: r}\n"
	 "- {domain: b\xc3\xbc"
	 "cher.example, primaries: r}\n- {domain: 'a@b', primaries: r}\n",
	 {"f:4: zones.domain: 'a..b' is not a domain name", "f:5: zones.domain: 'a b' has a blank",
	  "f:6: zones.domain: '' is empty",
	  "f:7: zones.domain: 'b\xc3\xbc"
	  "cher.example' is not ASCII",
	  "f:8: zones.domain: 'a@b' has a character"}},
	{"label too long",
	 SERVER REMOTES
	 "zones: [{domain: a234567890123456789012345678901234567890123456789012345678901234.b, primaries: r}]\n",
	 {"f:3: zones.domain: 'a234567890123456789012345678901234567890123456789012345678901234.b' is not a domain name"}},
	{"zone-max-size",
	 SERVER REMOTES
	 "zones: [{domain: a, primaries: r, zone-max-size: 0}, {domain: b, primaries: r, zone-max-size: 1Q}]\n",
	 {"f:3: zones.zone-max-size: '0' is out of range",
	  "f:3: zones.zone-max-size: '1Q' is not a size"}},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_cases); i++)
		expect_errors(bad_cases[i].what, bad_cases[i].text, strlen(bad_cases[i].text),
			      bad_cases[i].expect);
}

static void test_defaults(void **state)
{
	struct config *c = parse_good(SERVER REMOTES ZONES);

	(void)state;
	assert_string_equal(c->path, "f");
	assert_string_equal(c->database, "/var/lib/xnsd");
	assert_string_equal(c->rundir, "/run/xnsd");
	assert_null(c->user);
	assert_null(c->version);
	assert_null(c->identity);
	assert_int_equal(c->nsid_len, 0);
	assert_true(c->ede_stale);
	assert_int_equal(c->n_interfaces, 0);
	assert_int_equal(c->max_udp_size, 1232);
	assert_int_equal(c->database_max_size, 64ULL << 30);
	assert_int_equal(c->max_names, 1048576);
	assert_int_equal(c->tcp_max_clients, 1000);
	assert_int_equal(c->tcp_idle_timeout_ms, 10000);
	assert_int_equal(c->remote_timeout_ms, 5000);
	assert_int_equal(c->transfer_timeout_ms, 7200000);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_int_equal(c->n_zones, 1);
	assert_string_equal(c->zones[0].name, "example.com.");
	assert_int_equal(c->zones[0].n_notify_from, 0);
	assert_int_equal(c->zones[0].max_size, 1ULL << 30);
	config_free(c);
}

static void expect_address(const struct sockaddr_storage *addr, const char *expect)
{
	char text[ADDRESS_TEXT_MAX];

	assert_string_equal(address_to_text((const struct sockaddr *)addr, text), expect);
}

/* Everything set, the zones before the remotes that they name. */
static void test_values(void **state)
{
	struct config *c = parse_good(
		"zones:\n"
		"  - {domain: Example.COM, primaries: [b, a], notify-from: [a], zone-max-size: 10M}\n"
		"  - {domain: 0/25.2.0.192.in-addr.arpa., primaries: a}\n"
		"  - {domain: ., primaries: a}\n"
		"remotes:\n"
		"  - {id: a, address: [198.51.100.1@5300, \"2001:db8::1\"]}\n"
		"  - {id: b, address: 198.51.100.2}\n"
		"server:\n"
		"  listen: [192.0.2.53@5353, \"2001:db8::53\", 192.0.2.53]\n"
		"  interfaces: eth0\n"
		"  database: /d\n"
		"  rundir: /r\n"
		"  user: root\n"
		"  max-udp-size: 4096\n"
		"  database-max-size: 2G\n"
		"  max-names: 2048\n"
		"  tcp-max-clients: 5\n"
		"  tcp-idle-timeout: 1m\n"
		"  tcp-remote-io-timeout: 250\n"
		"  max-transfer-time: 1d\n"
		"  version: 1.0\n"
		"  identity: \"null\"\n"
		"  nsid: 0x00fFa1\n"
		"  ede-stale: false\n"
		"  log-level: debug\n");

	(void)state;
	assert_int_equal(c->n_listen, 3);
	expect_address(&c->listen[0], "192.0.2.53@5353");
	expect_address(&c->listen[1], "2001:db8::53@53");
	expect_address(&c->listen[2], "192.0.2.53@53");
	assert_int_equal(c->n_interfaces, 1);
	assert_string_equal(c->interfaces[0], "eth0");
	assert_string_equal(c->database, "/d");
	assert_string_equal(c->rundir, "/r");
	assert_string_equal(c->user, "root");
	assert_int_equal(c->max_udp_size, 4096);
	assert_int_equal(c->database_max_size, 2ULL << 30);
	assert_int_equal(c->max_names, 2048);
	assert_int_equal(c->tcp_max_clients, 5);
	assert_int_equal(c->tcp_idle_timeout_ms, 60000);
	assert_int_equal(c->remote_timeout_ms, 250);
	assert_int_equal(c->transfer_timeout_ms, 86400000);
	assert_string_equal(c->version, "1.0");
	assert_string_equal(c->identity, "null"); /* in quotes it is a text */
	assert_int_equal(c->nsid_len, 3);
	assert_memory_equal(c->nsid, "\x00\xff\xa1", 3);
	assert_false(c->ede_stale);
	assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(c->n_remotes, 2);
	expect_address(&c->remotes[0].address[0], "198.51.100.1@5300");
	expect_address(&c->remotes[0].address[1], "2001:db8::1@53");
	assert_int_equal(c->n_zones, 3);
	assert_string_equal(c->zones[0].name, "example.com.");
	assert_memory_equal(c->zones[0].domain, "\7example\3com", 13);
	assert_int_equal(c->zones[0].n_primaries, 2);
	assert_ptr_equal(c->zones[0].primaries[0], &c->remotes[1]);
	assert_ptr_equal(c->zones[0].primaries[1], &c->remotes[0]);
	assert_int_equal(c->zones[0].n_notify_from, 1);
	assert_ptr_equal(c->zones[0].notify_from[0], &c->remotes[0]);
	assert_int_equal(c->zones[0].max_size, 10 << 20);
	assert_memory_equal(c->zones[2].domain, "", 1);
	assert_string_equal(c->zones[2].name, ".");
	config_free(c);
}

/* A text of 255 bytes is the longest that a TXT string holds. */
static void test_text_length(void **state)
{
	char text[1024], long_text[257];
	const char *const expect[] = {"f:1: server.version: ", NULL};

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[256] = '\0';
	snprintf(text, sizeof(text), "server: {listen: 192.0.2.1, version: %s}\n" REMOTES ZONES,
		 long_text);
	expect_errors("256 bytes", text, strlen(text), expect);
	long_text[255] = '\0';
	snprintf(text, sizeof(text), "server: {listen: 192.0.2.1, version: %s}\n" REMOTES ZONES,
		 long_text);
	struct config *c = parse_good(text);
	assert_int_equal(strlen(c->version), 255);
	config_free(c);
}

/* As many bytes as the maps have room for, written either way. */
static void test_nsid_length(void **state)
{
	char text[1024], value[2 + 2 * XNS_NSID_MAX + 3];
	const char *const expect[] = {"f:1: server.nsid: ", NULL};

	(void)state;
	for (unsigned hex = 0; hex < 2; hex++) {
		for (unsigned over = 0; over < 2; over++) {
			size_t len = (XNS_NSID_MAX + over) << hex;
			struct config *c;

			memset(value, 'a', sizeof(value));
			memcpy(value, hex ? "0x" : "aa", 2);
			value[len + (hex ? 2 : 0)] = '\0';
			snprintf(text, sizeof(text),
				 "server: {listen: 192.0.2.1, nsid: %s}\n" REMOTES ZONES, value);
			if (over) {
				expect_errors(value, text, strlen(text), expect);
				continue;
			}
			c = parse_good(text);
			assert_int_equal(c->nsid_len, XNS_NSID_MAX);
			assert_int_equal(c->nsid[XNS_NSID_MAX - 1], hex ? 0xaa : 'a');
			config_free(c);
		}
	}
}

/* The whole of a good file, cut at each byte: an error or a shorter configuration, never a crash.
 */
static void test_cut(void **state)
{
	static const char text[] =
		"server: {listen: [192.0.2.53@53, \"2001:db8::53\"], interfaces: [a, b], user: root}\n"
		"remotes:\n  - {id: r, address: 192.0.2.1}\nzones:\n  - domain: example.com\n"
		"    primaries: [r]\n    notify-from: [r]\n";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		struct config *config = NULL;
		char *copy = malloc(len ? len : 1), *errors = NULL; /* its end is watched */
		memcpy(copy, text, len);
		int err = parse(copy, len, &errors, &config);
		assert_true(err == 0 ? config != NULL : config == NULL && errors[0]);
		config_free(config);
		free(errors);
		free(copy);
	}
}

static void test_many_zones(void **state)
{
	enum {
		N = 100000
	};
	struct timespec before, after;
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fputs(SERVER "remotes:\n", out);
	for (int i = 0; i < 1000; i++)
		fprintf(out, "- {id: r%d, address: 192.0.2.1}\n", i);
	fputs("zones:\n", out);
	for (int i = 0; i < N; i++)
		fprintf(out, "- {domain: zone%d.example, primaries: [r%d], notify-from: [r%d]}\n",
			i, i % 1000, i % 999);
	fclose(out);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	struct config *c = parse_good(text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_int_equal(c->n_zones, N);
	assert_string_equal(c->zones[N - 1].primaries[0]->id, "r999");
	/* 0.4 s without sanitizers; comparing each with each would take minutes */
	assert_true(after.tv_sec - before.tv_sec < 20);
	config_free(c);
	free(text);
}

static void test_files(void **state)
{
	char dir[] = "/tmp/xnsd-test-XXXXXX", path[64], expect[256], *errors = NULL, *rundir = NULL;
	struct config *config = NULL;
	size_t size;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/xnsd.yaml", dir);
	FILE *out = open_memstream(&errors, &size);

	assert_int_equal(config_load(path, out, &config), -ENOENT);
	assert_int_equal(config_load(dir, out, &config), -EISDIR);
	assert_int_equal(config_read_rundir(path, out, &rundir), -ENOENT);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (64 << 20) + 1), 0);
	assert_int_equal(config_load(path, out, &config), -EFBIG);
	fflush(out);
	snprintf(
		expect, sizeof(expect),
		"%s: cannot be read: No such file or directory\n%s: cannot be read: Is a directory\n",
		path, dir);
	assert_memory_equal(errors, expect, strlen(expect));

	/* The rundir comes out of a file that is otherwise not right. */
	static const char text[] = "server: {rundir: /x, listen: nowhere}\n";
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(config_read_rundir(path, out, &rundir), 0);
	assert_string_equal(rundir, "/x");
	free(rundir);
	assert_int_equal(config_load(path, out, &config), -EINVAL);
	close(fd);
	fclose(out);
	free(errors);
	unlink(path);
	rmdir(dir);
}

/* The file that is handed out. The tests run in the project's top folder. */
static void test_example(void **state)
{
	struct config *config = NULL;

	(void)state;
	assert_int_equal(config_load("docs/xnsd.yaml.example", stderr, &config), 0);
	config_free(config);
}

/* The example with every '#key: value' made a line of the file: what it says of defaults must be
 * true, too. */
static void test_example_defaults(void **state)
{
	char line[512], *text = NULL;
	size_t size;
	FILE *in = fopen("docs/xnsd.yaml.example", "r"), *out = open_memstream(&text, &size);
	struct config *as_is = NULL;

	(void)state;
	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		char *hash = line + strspn(line, " ");
		/* the users and texts of the example are examples, not defaults */
		if (hash[0] == '#' && hash[1] != ' ' && hash[1] != '\n' &&
		    strncmp(hash, "#user", 5) != 0 && strncmp(hash, "#version", 8) != 0 &&
		    strncmp(hash, "#identity", 9) != 0 && strncmp(hash, "#nsid", 5) != 0)
			memmove(hash, hash + 1, strlen(hash));
		fputs(line, out);
	}
	fclose(in);
	fclose(out);
	struct config *c = parse_good(text);
	assert_int_equal(config_load("docs/xnsd.yaml.example", stderr, &as_is), 0);
	assert_string_equal(c->database, as_is->database);
	assert_string_equal(c->rundir, as_is->rundir);
	assert_int_equal(c->max_udp_size, as_is->max_udp_size);
	assert_int_equal(c->database_max_size, as_is->database_max_size);
	assert_int_equal(c->max_names, as_is->max_names);
	assert_int_equal(c->tcp_max_clients, as_is->tcp_max_clients);
	assert_int_equal(c->tcp_idle_timeout_ms, as_is->tcp_idle_timeout_ms);
	assert_int_equal(c->remote_timeout_ms, as_is->remote_timeout_ms);
	assert_int_equal(c->transfer_timeout_ms, as_is->transfer_timeout_ms);
	assert_int_equal(c->log_level, as_is->log_level);
	assert_int_equal(c->zones[0].max_size, as_is->zones[0].max_size);
	config_free(c);
	config_free(as_is);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),	    cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),	    cmocka_unit_test(test_text_length),
		cmocka_unit_test(test_nsid_length), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_many_zones),  cmocka_unit_test(test_files),
		cmocka_unit_test(test_example),	    cmocka_unit_test(test_example_defaults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
