// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "config/config.h"
#include "config/schema.h"
#include "util/address.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Two sections that are right, for cases about the third. */
#define SERVER	"server: {listen: 192.0.2.53}\n"
#define REMOTES "remotes: [{id: r, address: 192.0.2.1}]\n"
#define ZONES	"zones: [{domain: example.com, primaries: r}]\n"
/* 32 bytes: a secret, a pin */
#define BASE64 "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

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
	const char *expect[10];
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
	/* keys */
	{"key without all", "keys: [{}]\n" SERVER REMOTES ZONES, {"f:1: keys.id: missing"}},
	{"key without a secret",
	 "keys: [{id: k, algorithm: hmac-sha256}]\n" SERVER REMOTES ZONES,
	 {"f:1: keys.secret: missing; give 'secret' (base64) or 'file'"}},
	{"key with a secret and a file",
	 "keys: [{id: k, algorithm: hmac-sha256, secret: " BASE64
	 ", file: /f}]\n" SERVER REMOTES ZONES,
	 {"f:1: keys.secret: 'secret' and 'file' are given"}},
	{"key without an algorithm",
	 "keys: [{id: k, secret: " BASE64 "}]\n" SERVER REMOTES ZONES,
	 {"f:1: keys.algorithm: missing; give hmac-sha1, "}},
	{"algorithms",
	 "keys:\n- {id: a, algorithm: sha256}\n- {id: b, algorithm: HMAC-SHA256}\n- {id: c, algorithm: ''}\n"
	 "- {id: d, algorithm: [hmac-sha1]}\n" SERVER REMOTES ZONES,
	 {"f:2: keys.algorithm: 'sha256' is none of them", "f:3: keys.algorithm: 'HMAC-SHA256' is",
	  "f:4: keys.algorithm: '' is none of them", "f:5: keys.algorithm: is a list"}},
	{"key twice, in another spelling",
	 "keys:\n- {id: k.example, algorithm: hmac-sha1, secret: " BASE64 "}\n"
	 "- {id: K.Example., algorithm: hmac-sha1, secret: " BASE64 "}\n" SERVER REMOTES ZONES,
	 {"f:3: keys.id: 'K.Example.' is given twice; first on line 2"}},
	{"key id",
	 "keys: [{id: a..b, algorithm: hmac-sha1, secret: " BASE64 "}]\n" SERVER REMOTES ZONES,
	 {"f:1: keys.id: 'a..b' is not a domain name"}},
	{"key file not there",
	 "keys: [{id: k, file: /nonexistent/key}]\n" SERVER REMOTES ZONES,
	 {"f:1: keys.file: '/nonexistent/key' is not there"}},
	{"key file is not one",
	 "keys:\n- {id: a, file: /dev/null}\n- {id: b, file: /}\n- {id: c, file: key}\n" SERVER
		 REMOTES ZONES,
	 {"f:2: keys.file: '/dev/null' is not a file", "f:3: keys.file: '/' is not a file",
	  "f:4: keys.file: 'key' is not an absolute path"}},
	/* tls */
	{"tls without all",
	 "tls: [{}]\n" SERVER REMOTES ZONES,
	 {"f:1: tls.id: missing", "f:1: tls.mode: strict wants a 'hostname', a 'pin' or both"}},
	{"tls modes",
	 "tls: [{id: a, mode: lax, pin: " BASE64 "}, {id: b, mode: strict}]\n" SERVER REMOTES ZONES,
	 {"f:1: tls.mode: 'lax' is none of them; give strict or opportunistic",
	  "f:1: tls.mode: strict wants"}},
	{"opportunistic and proofs",
	 "tls:\n- {id: a, mode: opportunistic, pin: " BASE64
	 ", hostname: h, ca-file: /etc/passwd}\n" SERVER REMOTES ZONES,
	 {"f:2: tls.ca-file: says nothing where the mode is opportunistic",
	  "f:2: tls.hostname: says nothing", "f:2: tls.pin: says nothing"}},
	{"pins",
	 "tls:\n- {id: a, pin: [" BASE64 ", " BASE64
	 "]}\n- {id: b, pin: MDEy}\n- {id: c, pin: 'sha256//x'}\n"
	 "- {id: d, pin: ' " BASE64 "'}\n" SERVER REMOTES ZONES,
	 {"f:2: tls.pin: '" BASE64 "' is in the list twice", "f:3: tls.pin: 'MDEy' is no such pin",
	  "f:4: tls.pin: 'sha256//x' is no such pin",
	  "f:5: tls.pin: ' " BASE64 "' is no such pin"}},
	{"host names",
	 "tls: [{id: a, hostname: 'a b'}, {id: b, hostname: ns.example.}, {id: c, hostname: a..b}]\n" SERVER
		 REMOTES ZONES,
	 {"f:1: tls.hostname: 'a b' has a character", "f:1: tls.hostname: 'ns.example.' has a dot",
	  "f:1: tls.hostname: 'a..b' is not a host name"}},
	{"TLS files",
	 "tls: [{id: a, hostname: h, ca-file: /nonexistent/ca, cert-file: /, key-file: ca}]\n" SERVER
		 REMOTES ZONES,
	 {"f:1: tls.ca-file: '/nonexistent/ca' is not there",
	  "f:1: tls.cert-file: '/' is not a file",
	  "f:1: tls.key-file: 'ca' is not an absolute path"}},
	{"certificate without key",
	 "tls: [{id: a, hostname: h, cert-file: /etc/passwd}]\n" SERVER REMOTES ZONES,
	 {"f:1: tls.cert-file: certificate and key are given together"}},
	/* remotes, more of them */
	{"via",
	 SERVER
	 "remotes:\n- {id: r, address: 192.0.2.1, via: [192.0.2.2, 192.0.2.3]}\n"
	 "- {id: s, address: 192.0.2.1, via: [192.0.2.2@53, \"::\"]}\n"
	 "- {id: t, address: 192.0.2.1, via: [192.0.2.2, \"2001:db8::1\", 192.0.2.3]}\n" ZONES,
	 {"f:3: remotes.via: '192.0.2.3' is the second of its family",
	  "f:4: remotes.via: '192.0.2.2@53' has a port", "f:4: remotes.via: '::' stands for any",
	  "f:5: remotes.via: has 3 values; give 1 to 2"}},
	{"what a remote refers to",
	 "keys: [{id: k.example, algorithm: hmac-sha1, secret: " BASE64 "}]\n" SERVER
	 "remotes: [{id: r, address: 192.0.2.1, key: x, tls: y}]\n" ZONES,
	 {"f:3: remotes.key: 'x' is not the id of a key; there are k.example",
	  "f:3: remotes.tls: 'y' is not the id of a way of TLS; no way of TLS is configured"}},
	{"several keys of a remote",
	 SERVER "remotes: [{id: r, address: 192.0.2.1, key: [a, b]}]\n" ZONES,
	 {"f:2: remotes.key: is a list"}},
	/* acl */
	{"rule without all",
	 "acl: [{}]\n" SERVER REMOTES ZONES,
	 {"f:1: acl.id: missing", "f:1: acl.action: missing; give transfer, notify or both"}},
	{"rule's actions",
	 "acl: [{id: a, action: [update, transfer]}, {id: b, action: [notify, notify]}, {id: c, action: []}]\n" SERVER
		 REMOTES ZONES,
	 {"f:1: acl.action: 'update' is no action",
	  "f:1: acl.action: 'notify' is in the list twice", "f:1: acl.action: has 0 values"}},
	{"networks",
	 "acl:\n- id: a\n  action: notify\n  address:\n  - 192.0.2.1/33\n  - 192.0.2.1/24\n  - \"2001:db8::/129\"\n"
	 "  - 192.0.2.0/24@53\n  - 192.0.2.0/\n  - 192.0.2.0-192.0.2.9\n  - fe80::1%eth0/64\n" SERVER
		 REMOTES ZONES,
	 {"f:5: acl.address: '192.0.2.1/33' has a length that is not a number from 0 to 32",
	  "f:6: acl.address: '192.0.2.1/24' has bits set behind its length",
	  "f:7: acl.address: '2001:db8::/129' has a length that is not a number from 0 to 128",
	  "f:8: acl.address: '192.0.2.0/24@53' has a port",
	  "f:9: acl.address: '192.0.2.0/' has a length",
	  "f:10: acl.address: '192.0.2.0-192.0.2.9' is not an IP address",
	  "f:11: acl.address: 'fe80::1%eth0/64' has a scope"}},
	{"network twice",
	 "acl: [{id: a, action: notify, address: [192.0.2.1, 192.0.2.1/32, \"::ffff:192.0.2.1\"]}]\n" SERVER
		 REMOTES ZONES,
	 {"f:1: acl.address: '192.0.2.1/32' is in the list twice",
	  "f:1: acl.address: '::ffff:192.0.2.1' is an IPv4 address in IPv6 form"}},
	{"rule's key",
	 "acl: [{id: a, action: notify, key: k, deny: maybe}]\n" SERVER REMOTES ZONES,
	 {"f:1: acl.key: 'k' is not the id of a key; no key is configured",
	  "f:1: acl.deny: 'maybe' is neither"}},
	/* templates and what is new in zones */
	{"template twice",
	 "templates:\n- {id: t}\n- {id: t}\n" SERVER REMOTES ZONES,
	 {"f:3: templates.id: 't' is given twice; first on line 2"}},
	{"a zone's keys in a template",
	 "templates: [{id: t, domain: a, template: t}]\n" SERVER REMOTES ZONES,
	 {"f:1: templates.domain: unknown key; allowed are id, primaries, ",
	  "f:1: templates.template: unknown key"}},
	{"unknown template",
	 "templates: [{id: t}, {id: u}]\n" SERVER REMOTES
	 "zones: [{domain: a, primaries: r, template: v}, {domain: b, primaries: r, template: [t]}]\n",
	 {"f:4: zones.template: 'v' is not the id of a template; there are t, u",
	  "f:4: zones.template: is not a single value"}},
	{"primaries nowhere",
	 "templates: [{id: default, zone-max-size: 1M}]\n" SERVER REMOTES "zones: [{domain: a}]\n",
	 {"f:4: zones.primaries: missing, in its template too; give ids of remotes"}},
	{"bounds the wrong way round, once where they are written",
	 "templates:\n- id: t\n  refresh-min-interval: 1h\n  refresh-max-interval: 1m\n" SERVER REMOTES
	 "zones:\n- {domain: a, primaries: r, template: t}\n"
	 "- {domain: b, primaries: r, retry-min-interval: 29d}\n"
	 "- {domain: c, primaries: r, expire-max-interval: 10, expire-min-interval: 11}\n",
	 {"f:3: templates.refresh-min-interval: refresh-min-interval, 3600 s, is more than refresh-max-interval, 60 s",
	  "f:9: zones.retry-min-interval: retry-min-interval, 2505600 s, is more than",
	  "f:10: zones.expire-min-interval: expire-min-interval, 11 s, is more than"}},
	{"values of a zone",
	 SERVER REMOTES
	 "zones:\n- domain: a\n  primaries: r\n  zone-max-records: -1\n  request-ixfr: 1\n  journal-max-usage: 2T\n"
	 "  journal-max-depth: 0\n  zonemd-verify: on\n  refresh-min-interval: 1\n",
	 {"f:6: zones.zone-max-records: '-1' is not a number", "f:7: zones.request-ixfr: '1' is",
	  "f:8: zones.journal-max-usage: '2T' is out of range",
	  "f:9: zones.journal-max-depth: '0' is out of range",
	  "f:10: zones.zonemd-verify: 'on' is neither",
	  "f:11: zones.refresh-min-interval: '1' is out of range; give a time from 2 s"}},
	{"verifiers",
	 SERVER REMOTES
	 "zones:\n- {domain: a, primaries: r, verifier: check}\n- {domain: b, primaries: r, verifier: /nonexistent}\n"
	 "- {domain: c, primaries: r, verifier: [/etc/passwd, x]}\n- {domain: d, primaries: r, verifier: /tmp}\n",
	 {"f:4: zones.verifier: 'check' is not an absolute path",
	  "f:5: zones.verifier: '/nonexistent' is not there",
	  "f:6: zones.verifier: '/etc/passwd' is not executable",
	  "f:7: zones.verifier: '/tmp' is not there"}},
	{"what a zone refers to",
	 SERVER REMOTES "zones: [{domain: a, primaries: r, notify: x, acl: y}]\n",
	 {"f:3: zones.notify: 'x' is not the id of a remote; there are r",
	  "f:3: zones.acl: 'y' is not the id of a rule; no rule is configured"}},
	{"catalogs",
	 "templates:\n- {id: t, primaries: r}\n- {id: n}\n- {id: c, primaries: r, catalog-role: interpret, catalog-template: t}\n" SERVER REMOTES
	 "zones:\n- {domain: a, primaries: r, catalog-role: interpret}\n- {domain: b, primaries: r, catalog-template: t}\n"
	 "- {domain: c, primaries: r, catalog-role: generate}\n"
	 "- {domain: d, primaries: r, catalog-role: interpret, catalog-template: [t, n, c, x]}\n",
	 {"f:8: zones.catalog-role: interpret wants 'catalog-template'",
	  "f:9: zones.catalog-template: says nothing without 'catalog-role: interpret'",
	  "f:10: zones.catalog-role: 'generate' is none of them; give none or interpret",
	  "f:11: zones.catalog-template: 'x' is not the id of a template; there are t, n, c",
	  "f:11: zones.catalog-template: the template 'n' has no primaries",
	  "f:11: zones.catalog-template: the template 'c' makes catalogs"}},
	{"no zones", SERVER REMOTES, {"f:1: zones: missing; give the list of zones"}},
	/* TLS of the server */
	{"listen-tls without a certificate",
	 "server: {listen: 192.0.2.1, listen-tls: 192.0.2.1}\n" REMOTES ZONES,
	 {"f:1: server.listen-tls: wants 'tls-cert-file'",
	  "f:1: server.listen-tls: wants 'tls-key-file'"}},
	{"listen-tls where plain TCP is",
	 "server: {listen: 192.0.2.1@853, listen-tls: 192.0.2.1, tls-cert-file: /etc/passwd, tls-key-file: /etc/passwd}\n" REMOTES
		 ZONES,
	 {"f:1: server.listen-tls: an address and port of 'listen' cannot speak TLS too"}},
	{"limits of transfers",
	 "server: {listen: 192.0.2.1, max-transfers-in: 0, max-transfers-per-primary: x, max-soa-queries: 10001,"
	 " max-transfers-out: 0, soa-query-rate: 0, zone-add: yes}\n" REMOTES ZONES,
	 {"f:1: server.max-transfers-in: '0' is out of range; give a number from 1 to 10000",
	  "f:1: server.max-transfers-per-primary: 'x' is not a number",
	  "f:1: server.max-soa-queries: '10001' is out of range",
	  "f:1: server.max-transfers-out: '0' is out", "f:1: server.soa-query-rate: '0' is out",
	  "f:1: server.zone-add: 'yes' is neither"}},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_cases); i++)
		expect_errors(bad_cases[i].what, bad_cases[i].text, strlen(bad_cases[i].text),
			      bad_cases[i].expect);
}

static void expect_zone_defaults(const struct config_zone *zone)
{
	assert_int_equal(zone->n_notify, 0);
	assert_int_equal(zone->n_acl, 0);
	assert_int_equal(zone->max_records, 0);
	assert_true(zone->request_ixfr);
	assert_true(zone->provide_ixfr);
	assert_int_equal(zone->journal_max_usage, 100 << 20);
	assert_int_equal(zone->journal_max_depth, 1000);
	assert_int_equal(zone->refresh_min_s, 2);
	assert_int_equal(zone->refresh_max_s, 28 * 86400);
	assert_int_equal(zone->retry_min_s, 1);
	assert_int_equal(zone->retry_max_s, 28 * 86400);
	assert_int_equal(zone->expire_min_s, 3);
	assert_int_equal(zone->expire_max_s, 3650 * 86400);
	assert_false(zone->zonemd_verify);
	assert_int_equal(zone->n_verifier, 0);
	assert_int_equal(zone->verifier_timeout_s, 60);
	assert_int_equal(zone->catalog_role, CONFIG_CATALOG_NONE);
	assert_int_equal(zone->n_catalog_templates, 0);
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
	assert_int_equal(c->max_transfers_in, 20);
	assert_int_equal(c->max_transfers_per_primary, 10);
	assert_int_equal(c->max_soa_queries, 100);
	assert_int_equal(c->max_transfers_out, 100);
	assert_int_equal(c->soa_query_rate, 1000);
	assert_int_equal(c->n_listen_tls, 0);
	assert_null(c->tls_cert_file);
	assert_null(c->tls_key_file);
	assert_null(c->tls_client_ca_file);
	assert_false(c->zone_add);
	assert_int_equal(c->n_keys + c->n_tls + c->n_acls + c->n_templates, 0);
	assert_null(c->remotes[0].key);
	assert_null(c->remotes[0].tls);
	assert_int_equal(c->remotes[0].n_via, 0);
	expect_zone_defaults(&c->zones[0]);
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

/* keys, tls, remotes and acl, all before what they refer to. */
static void test_references(void **state)
{
	static const uint8_t name[] = "\3key\7example",
			     secret[] = "01234567890123456789012345678901";
	struct config *c = parse_good(
		SERVER
		"zones: [{domain: a, primaries: r, acl: [b, a], notify: [u, p]}]\n"
		"acl:\n"
		"  - {id: a, address: [192.0.2.0/24, \"2001:db8::/32\", 198.51.100.1, 0.0.0.0/0], key: [key2, Key.Example.],"
		" action: [transfer, notify]}\n"
		"  - {id: b, address: \"::/0\", action: notify, deny: true}\n"
		"  - {id: none, deny: true}\n"
		"remotes:\n"
		"  - {id: r, via: [192.0.2.2, \"2001:db8::1\"], key: KEY.example, tls: t, address: [192.0.2.1, 192.0.2.1@53]}\n"
		"  - {id: s, tls: o, address: [192.0.2.1, \"2001:db8::1@53\"], via: \"2001:db8::2\"}\n"
		"  - {id: p, address: 192.0.2.1}\n"
		"  - {id: u, address: 192.0.2.2}\n"
		"tls:\n"
		"  - {id: t, hostname: ns1.Example.com, pin: " BASE64
		", ca-file: /etc/passwd, cert-file: /etc/group, key-file: /etc/hosts}\n"
		"  - {id: o, mode: opportunistic}\n"
		"keys:\n"
		"  - {id: Key.Example, algorithm: hmac-sha512, secret: \"" BASE64 "\"}\n"
		"  - {id: key2, algorithm: hmac-sha1, secret: " BASE64 "}\n");

	(void)state;
	assert_int_equal(c->n_keys, 2);
	assert_string_equal(c->keys[0].id, "Key.Example");
	assert_memory_equal(c->keys[0].tsig.name, name, sizeof(name));
	assert_int_equal(c->keys[0].tsig.algorithm, DNSSEC_TSIG_HMAC_SHA512);
	assert_int_equal(c->keys[0].tsig.secret.size, 32);
	assert_memory_equal(c->keys[0].tsig.secret.data, secret, 32);
	assert_int_equal(c->keys[1].tsig.algorithm, DNSSEC_TSIG_HMAC_SHA1);
	assert_ptr_equal(config_tsig_find(c, name), &c->keys[0]);
	assert_null(config_tsig_find(c, (const uint8_t *)"\4key3"));

	assert_int_equal(c->n_tls, 2);
	assert_int_equal(c->tls[0].mode, CONFIG_TLS_STRICT);
	assert_string_equal(c->tls[0].hostname, "ns1.Example.com");
	assert_int_equal(c->tls[0].n_pins, 1);
	assert_memory_equal(c->tls[0].pin[0], secret, CONFIG_PIN_LEN);
	assert_string_equal(c->tls[0].ca_file, "/etc/passwd");
	assert_string_equal(c->tls[0].cert_file, "/etc/group");
	assert_string_equal(c->tls[0].key_file, "/etc/hosts");
	assert_int_equal(c->tls[1].mode, CONFIG_TLS_OPPORTUNISTIC);
	assert_null(c->tls[1].ca_file);

	/* Port 853 is that of TLS, wherever the key `tls` stands. */
	assert_int_equal(c->n_remotes, 4);
	expect_address(&c->remotes[0].address[0], "192.0.2.1@853");
	expect_address(&c->remotes[0].address[1], "192.0.2.1@53");
	expect_address(&c->remotes[1].address[0], "192.0.2.1@853");
	expect_address(&c->remotes[1].address[1], "2001:db8::1@53");
	assert_int_equal(c->remotes[0].n_via, 2);
	expect_address(&c->remotes[0].via[0], "192.0.2.2@0");
	expect_address(&c->remotes[0].via[1], "2001:db8::1@0");
	assert_ptr_equal(c->remotes[0].key, &c->keys[0]);
	assert_ptr_equal(c->remotes[0].tls, &c->tls[0]);
	assert_null(c->remotes[1].key);
	assert_ptr_equal(c->remotes[1].tls, &c->tls[1]);

	assert_int_equal(c->n_acls, 3);
	assert_true(!c->acls[2].transfer && !c->acls[2].notify && c->acls[2].deny);
	assert_int_equal(c->acls[0].n_nets, 4);
	expect_address(&c->acls[0].net[0].address, "192.0.2.0@0");
	assert_int_equal(c->acls[0].net[0].prefix, 24);
	expect_address(&c->acls[0].net[1].address, "2001:db8::@0");
	assert_int_equal(c->acls[0].net[1].prefix, 32);
	assert_int_equal(c->acls[0].net[2].prefix, 32);
	assert_int_equal(c->acls[0].net[3].prefix, 0);
	assert_int_equal(c->acls[0].n_keys, 2);
	assert_ptr_equal(c->acls[0].keys[0], &c->keys[1]);
	assert_ptr_equal(c->acls[0].keys[1], &c->keys[0]);
	assert_true(c->acls[0].transfer && c->acls[0].notify && !c->acls[0].deny);
	assert_true(!c->acls[1].transfer && c->acls[1].notify && c->acls[1].deny);

	assert_int_equal(c->zones[0].n_acl, 2);
	assert_ptr_equal(c->zones[0].acl[0], &c->acls[1]);
	assert_ptr_equal(c->zones[0].acl[1], &c->acls[0]);
	assert_int_equal(c->zones[0].n_notify, 2);
	assert_ptr_equal(c->zones[0].notify[0], &c->remotes[3]);
	config_free(c);
}

/* All that a zone can have, from its template; what the zone itself says goes before. */
static void test_templates(void **state)
{
	struct config *c = parse_good(
		SERVER REMOTES
		"acl: [{id: a, action: transfer}]\n"
		"templates:\n"
		"  - id: full\n    primaries: r\n    notify-from: r\n    notify: r\n    acl: a\n    zone-max-size: 2M\n"
		"    zone-max-records: 5\n    request-ixfr: false\n    provide-ixfr: false\n    journal-max-usage: 0\n"
		"    journal-max-depth: 7\n    refresh-min-interval: 10\n    refresh-max-interval: 20\n"
		"    retry-min-interval: 11\n    retry-max-interval: 21\n    expire-min-interval: 12\n"
		"    expire-max-interval: 22\n    zonemd-verify: true\n    verifier: [/bin/sh, -c, 'exit 0']\n"
		"    verifier-timeout: 2m\n    catalog-role: interpret\n    catalog-template: [later, default]\n"
		"  - {id: default, primaries: r, zone-max-records: 8}\n"
		"  - {id: later, primaries: r, catalog-template: full}\n"
		"zones:\n"
		"  - {domain: a, template: full}\n"
		"  - {domain: b}\n"
		"  - {domain: c, template: full, request-ixfr: true, verifier: /bin/true, refresh-max-interval: 1h,"
		" catalog-role: none}\n"
		"  - {domain: d, template: later, primaries: r}\n");
	const struct config_zone *full = config_template_find(c, "full"), *zone = &c->zones[0];

	(void)state;
	assert_ptr_equal(full, &c->templates[0]);
	assert_null(config_template_find(c, "none"));
	assert_string_equal(full->name, "full");
	assert_null(full->domain);
	for (size_t i = 0; i < 2; i++, zone = full) {
		assert_int_equal(zone->n_primaries, 1);
		assert_int_equal(zone->n_notify_from, 1);
		assert_int_equal(zone->n_notify, 1);
		assert_ptr_equal(zone->notify[0], &c->remotes[0]);
		assert_int_equal(zone->n_acl, 1);
		assert_ptr_equal(zone->acl[0], &c->acls[0]);
		assert_int_equal(zone->max_size, 2 << 20);
		assert_int_equal(zone->max_records, 5);
		assert_false(zone->request_ixfr || zone->provide_ixfr);
		assert_int_equal(zone->journal_max_usage, 0);
		assert_int_equal(zone->journal_max_depth, 7);
		assert_int_equal(zone->refresh_min_s, 10);
		assert_int_equal(zone->refresh_max_s, 20);
		assert_int_equal(zone->retry_min_s, 11);
		assert_int_equal(zone->retry_max_s, 21);
		assert_int_equal(zone->expire_min_s, 12);
		assert_int_equal(zone->expire_max_s, 22);
		assert_true(zone->zonemd_verify);
		assert_int_equal(zone->n_verifier, 3);
		assert_string_equal(zone->verifier[2], "exit 0");
		assert_int_equal(zone->verifier_timeout_s, 120);
		assert_int_equal(zone->catalog_role, CONFIG_CATALOG_INTERPRET);
		assert_int_equal(zone->n_catalog_templates, 2);
		assert_ptr_equal(zone->catalog_templates[0], &c->templates[2]);
		assert_ptr_equal(zone->catalog_templates[1], &c->templates[1]);
	}
	assert_int_equal(c->zones[1].max_records, 8); /* of the default template */
	expect_zone_defaults(&(struct config_zone){
		.request_ixfr = c->zones[1].request_ixfr,
		.provide_ixfr = c->zones[1].provide_ixfr,
		.journal_max_usage = c->zones[1].journal_max_usage,
		.journal_max_depth = c->zones[1].journal_max_depth,
		.refresh_min_s = c->zones[1].refresh_min_s,
		.refresh_max_s = c->zones[1].refresh_max_s,
		.retry_min_s = c->zones[1].retry_min_s,
		.retry_max_s = c->zones[1].retry_max_s,
		.expire_min_s = c->zones[1].expire_min_s,
		.expire_max_s = c->zones[1].expire_max_s,
		.verifier_timeout_s = c->zones[1].verifier_timeout_s,
	});
	zone = &c->zones[2];
	assert_true(zone->request_ixfr && !zone->provide_ixfr);
	assert_int_equal(zone->n_verifier, 1);
	assert_string_equal(zone->verifier[0], "/bin/true");
	assert_int_equal(zone->refresh_max_s, 3600);
	assert_int_equal(zone->refresh_min_s, 10);
	assert_int_equal(zone->catalog_role, CONFIG_CATALOG_NONE);
	assert_int_equal(c->zones[3].max_records, 0); /* the default template is not of all */

	struct config_zone *made = config_zone_make(full, (const uint8_t *)"\3new");
	assert_string_equal(made->name, "new.");
	assert_int_equal(made->max_records, 5);
	assert_ptr_equal(made->primaries, full->primaries);
	config_zone_free(made);
	assert_ptr_equal(config_ref(c), c);
	config_free(c);
	assert_string_equal(c->path, "f");
	config_free(c);
}

static void test_server_new(void **state)
{
	struct config *c = parse_good(
		"server: {listen: 192.0.2.1, listen-tls: [192.0.2.1, \"2001:db8::1@8853\"], tls-cert-file: /etc/passwd,"
		" tls-key-file: /etc/group, tls-client-ca-file: /etc/hosts, zone-add: true, max-transfers-in: 1,"
		" max-transfers-per-primary: 2, max-soa-queries: 3, max-transfers-out: 4, soa-query-rate: 5}\n");

	(void)state;
	assert_int_equal(c->n_zones, 0); /* all of them may come at run time */
	assert_true(c->zone_add);
	assert_int_equal(c->n_listen_tls, 2);
	expect_address(&c->listen_tls[0], "192.0.2.1@853");
	expect_address(&c->listen_tls[1], "2001:db8::1@8853");
	assert_string_equal(c->tls_cert_file, "/etc/passwd");
	assert_string_equal(c->tls_key_file, "/etc/group");
	assert_string_equal(c->tls_client_ca_file, "/etc/hosts");
	assert_int_equal(c->max_transfers_in, 1);
	assert_int_equal(c->max_transfers_per_primary, 2);
	assert_int_equal(c->max_soa_queries, 3);
	assert_int_equal(c->max_transfers_out, 4);
	assert_int_equal(c->soa_query_rate, 5);
	config_free(c);
}

/* Secrets of each kind of mistake: none of them is repeated. */
static void test_secrets(void **state)
{
	static const char *const cases[] = {
		"secret: \"hidden!\"",
		"secret: hiddenhidde",
		"secret: [aGlkZGVu, hidden]",
		"secret: {hidden: x}",
		"secret: ''",
		"secret: ~",
		"secret: \"hidden=\"",
		"secret: \"hidden==hidd\"",
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config *config = NULL;
		char *errors = NULL;

		snprintf(text, sizeof(text), "keys: [{id: k, algorithm: hmac-sha256, %s}]\n%s",
			 cases[i], SERVER REMOTES ZONES);
		if (parse(text, strlen(text), &errors, &config) != -EINVAL)
			fail_msg("%s: taken", cases[i]);
		if (strncmp(errors, "f:1: keys.secret: ", 18) != 0 || strstr(errors, "idden") ||
		    strstr(errors, "aGlk"))
			fail_msg("%s: %s", cases[i], errors);
		free(errors);
	}
	/* as long as is taken, and more */
	for (size_t len = 512; len <= 515; len += 3) {
		char secret[1024];
		size_t n = 0;

		for (; 3 * n / 4 < len; n++)
			secret[n] = 'A';
		while (n % 4)
			secret[n++] = '=';
		secret[n] = '\0';
		struct config *config = NULL;
		char *errors = NULL, all[2048];
		snprintf(all, sizeof(all),
			 "keys: [{id: k, algorithm: hmac-sha256, secret: %s}]\n%s", secret,
			 SERVER REMOTES ZONES);
		assert_int_equal(parse(all, strlen(all), &errors, &config),
				 len == 512 ? 0 : -EINVAL);
		assert_null(strstr(errors, "AAAA"));
		config_free(config);
		free(errors);
	}
}

/* What is taken, and told. */
static void test_warnings(void **state)
{
	static const struct {
		const char *key, *expect, *zones;
	} cases[] = {
		{"algorithm: hmac-sha256, secret: " BASE64,
		 "f:3: warning: zones.notify: NOTIFY goes by UDP, to the ports of 't', which are for TLS",
		 "zones: [{domain: a, primaries: t, notify: t}]\nremotes: [{id: t, address: 192.0.2.1, tls: t}]\n"
		 "tls: [{id: t, mode: opportunistic}]\n"},
		{"algorithm: hmac-md5, secret: " BASE64,
		 "f:1: warning: keys.algorithm: hmac-md5 is of the past", NULL},
		{"algorithm: hmac-sha256, secret: QUJD",
		 "f:1: warning: keys.secret: a secret of 3 bytes may be guessed", NULL},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config *config = NULL;
		char *errors = NULL;

		snprintf(text, sizeof(text), "keys: [{id: k, %s}]\n" SERVER "%s", cases[i].key,
			 cases[i].zones ? cases[i].zones : REMOTES ZONES);
		assert_int_equal(parse(text, strlen(text), &errors, &config), 0);
		if (strncmp(errors, cases[i].expect, strlen(cases[i].expect)) != 0)
			fail_msg("%s", errors);
		assert_ptr_equal(strchr(errors, '\n') + 1, errors + strlen(errors));
		config_free(config);
		free(errors);
	}
}

static const struct {
	const char *what;
	const char *content;
	mode_t mode;
	const char *expect; /* in the errors; NULL: taken */
	dnssec_tsig_algorithm_t algorithm;
	const char *more; /* keys beside id and file */
} file_cases[] = {
	{"a secret alone", BASE64 "\n", 0600, NULL, DNSSEC_TSIG_HMAC_SHA384,
	 ", algorithm: hmac-sha384"},
	{"a secret alone, no end of line", BASE64, 0400, NULL, DNSSEC_TSIG_HMAC_SHA1,
	 ", algorithm: hmac-sha1"},
	{"a secret alone, no algorithm", BASE64 "\n", 0600, "keys.algorithm: missing", 0, ""},
	{"Knot's line", "hmac-sha224:Key.Example:" BASE64 "\n", 0600, NULL, DNSSEC_TSIG_HMAC_SHA224,
	 ""},
	{"Knot's line, behind a comment", "# made today\nhmac-sha256:key.example.:" BASE64 "\n",
	 0600, NULL, DNSSEC_TSIG_HMAC_SHA256, ", algorithm: hmac-sha256"},
	{"BIND's clause",
	 "key \"KEY.example\" {\n\talgorithm hmac-sha512;\n\tsecret \"" BASE64 "\";\n};\n", 0600,
	 NULL, DNSSEC_TSIG_HMAC_SHA512, ""},
	{"BIND's clause, written in another way",
	 "// c\nkey key.example. { secret " BASE64 " ; algorithm \"hmac-sha1\" ; } # end", 0600,
	 NULL, DNSSEC_TSIG_HMAC_SHA1, ""},
	{"another name", "hmac-sha256:other.example:" BASE64, 0600, "has a key of another name", 0,
	 ""},
	{"another algorithm", "hmac-sha256:key.example:" BASE64, 0600,
	 "has a key of another algorithm", 0, ", algorithm: hmac-sha512"},
	{"an algorithm that is none", "hmac-sha3:key.example:" BASE64, 0600,
	 "has a key of an algorithm that is not known", 0, ""},
	{"two parts", "key.example:" BASE64, 0600, "has no key in it", 0, ""},
	{"two words", BASE64 " " BASE64, 0600, "has no key in it", 0, ", algorithm: hmac-sha1"},
	{"nothing", "\n", 0600, "has no key in it", 0, ", algorithm: hmac-sha1"},
	{"a clause without a secret", "key k { algorithm hmac-sha1; };", 0600, "has no key in it",
	 0, ""},
	{"a clause without an end", "key k { secret x;", 0600, "has no key in it", 0, ""},
	{"two clauses",
	 "key key.example { secret " BASE64 "; }; key key.example { secret " BASE64 "; };", 0600,
	 "has no key in it", 0, ""},
	{"not base64", "se-cret\n", 0600, "the secret is not base64", 0, ", algorithm: hmac-sha1"},
	{"readable by the group", BASE64 "\n", 0640, "may be read by others than its owner", 0,
	 ", algorithm: hmac-sha1"},
	{"readable by all", BASE64 "\n", 0604, "may be read by others than its owner", 0,
	 ", algorithm: hmac-sha1"},
};

/* Reads a configuration with a key in a file. */
static int load_key(const char *path, const char *more, char **ret_errors, struct config **ret)
{
	char text[512];

	snprintf(text, sizeof(text), "keys: [{id: key.example, file: %s%s}]\n%s", path, more,
		 SERVER REMOTES ZONES);
	return parse(text, strlen(text), ret_errors, ret);
}

static void test_key_files(void **state)
{
	char path[] = "/tmp/xnsd-test-XXXXXX", *errors = NULL, *big = malloc(5000);
	int fd = mkstemp(path);
	struct config *config = NULL;

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < COUNT(file_cases); i++) {
		size_t len = strlen(file_cases[i].content);

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, file_cases[i].content, len, 0), len);
		assert_int_equal(fchmod(fd, file_cases[i].mode), 0);
		int err = load_key(path, file_cases[i].more, &errors, &config);
		if (err != (file_cases[i].expect ? -EINVAL : 0))
			fail_msg("%s: %d %s", file_cases[i].what, err, errors);
		if (strstr(errors, "MDEyMz") || strstr(errors, "se-cret"))
			fail_msg("%s: tells the secret: %s", file_cases[i].what, errors);
		if (err == 0) {
			assert_int_equal(config->keys[0].tsig.algorithm, file_cases[i].algorithm);
			assert_int_equal(config->keys[0].tsig.secret.size, 32);
			assert_string_equal(errors, "");
			config_free(config);
		} else if (!strstr(errors, file_cases[i].expect)) {
			fail_msg("%s: expected %s\ngot %s", file_cases[i].what,
				 file_cases[i].expect, errors);
		}
		free(errors);
	}
	/* what is too long, and a NUL */
	memset(big, 'A', 5000);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(pwrite(fd, big, 5000, 0), 5000);
	assert_int_equal(load_key(path, "", &errors, &config), -EINVAL);
	assert_non_null(strstr(errors, "is too long to be a key"));
	free(errors);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, "AAAA\0AAAA", 9, 0), 9);
	assert_int_equal(load_key(path, "", &errors, &config), -EINVAL);
	assert_non_null(strstr(errors, "has a NUL byte in it"));
	free(errors);
	/* Root may read a stranger's file, but it is the stranger who knows the key. */
	if (geteuid() == 0) {
		assert_int_equal(fchown(fd, 12345, -1), 0);
		assert_int_equal(load_key(path, "", &errors, &config), -EINVAL);
		assert_non_null(strstr(errors, "is owned neither by root nor by the user"));
		free(errors);
	}
	close(fd);
	unlink(path);
	free(big);
}

/* Of files that everybody may read, or that the user may not; from files alone. */
static void test_file_warnings(void **state)
{
	char dir[] = "/tmp/xnsd-test-XXXXXX", path[64], key[64], text[512], *errors = NULL;
	struct config *config = NULL;
	size_t size;
	FILE *out = open_memstream(&errors, &size);

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/xnsd.yaml", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int key_fd = open(key, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && key_fd >= 0);

	static const char secret[] =
		SERVER REMOTES ZONES "keys: [{id: k, algorithm: hmac-sha1, secret: " BASE64 "}]\n";
	assert_int_equal(pwrite(fd, secret, strlen(secret), 0), strlen(secret));
	for (unsigned all = 0; all < 2; all++) {
		assert_int_equal(fchmod(fd, all ? 0644 : 0640), 0);
		assert_int_equal(config_load(path, out, &config), 0);
		config_free(config);
		fflush(out);
		if (!all)
			assert_string_equal(errors, "");
		else
			assert_non_null(strstr(errors, ":4: warning: keys.secret: this file may be "
						       "read by everybody"));
	}

	/* Only root becomes somebody else. */
	snprintf(text, sizeof(text),
		 "server: {listen: 192.0.2.1, user: nobody}\n" REMOTES ZONES
		 "keys: [{id: k, algorithm: hmac-sha1, file: %s}]\n",
		 key);
	assert_int_equal(pwrite(key_fd, BASE64, strlen(BASE64), 0), strlen(BASE64));
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
	rewind(out);
	assert_int_equal(config_load(path, out, &config), 0);
	assert_int_equal(fputc(0, out), 0);
	config_free(config);
	fflush(out);
	if (geteuid() == 0) {
		snprintf(text, sizeof(text),
			 "%s:4: warning: keys.file: user 'nobody' may not read '%s'\n"
			 "%s: warning: user 'nobody' may not read this file",
			 path, key, path);
		assert_memory_equal(errors, text, strlen(text));
	} else {
		assert_string_equal(errors, "");
	}
	/* For the one who may, all is well. */
	if (geteuid() == 0) {
		assert_int_equal(chmod(dir, 0755), 0);
		assert_int_equal(fchmod(fd, 0644), 0);
		assert_int_equal(fchown(key_fd, getpwnam("nobody")->pw_uid, -1), 0);
		rewind(out);
		assert_int_equal(config_load(path, out, &config), 0);
		assert_int_equal(fputc(0, out), 0);
		config_free(config);
		fflush(out);
		assert_string_equal(errors, "");
	}
	close(fd);
	close(key_fd);
	fclose(out);
	free(errors);
	unlink(path);
	unlink(key);
	rmdir(dir);
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

/* Keys whose values in the example are examples. Those of the lists that are commented out whole
 * begin at the left margin. */
static bool is_no_default(const char *line)
{
	static const char *const keys[] = {
		"user:", "version:", "identity:", "nsid:",   "listen-tls:", "tls-",	 "via:",
		"key:",	 "tls:",     "template:", "notify:", "acl:",	    "verifier:",
	};

	for (size_t i = 0; i < COUNT(keys); i++)
		if (strncmp(line, keys[i], strlen(keys[i])) == 0)
			return true;
	return false;
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
		if (hash != line && hash[0] == '#' && hash[1] != ' ' && hash[1] != '\n' &&
		    !is_no_default(hash + 1))
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
	assert_int_equal(c->max_transfers_in, as_is->max_transfers_in);
	assert_int_equal(c->max_transfers_per_primary, as_is->max_transfers_per_primary);
	assert_int_equal(c->max_soa_queries, as_is->max_soa_queries);
	assert_int_equal(c->max_transfers_out, as_is->max_transfers_out);
	assert_int_equal(c->soa_query_rate, as_is->soa_query_rate);
	assert_int_equal(c->zone_add, as_is->zone_add);
	assert_int_equal(c->zones[0].max_size, as_is->zones[0].max_size);
	expect_zone_defaults(&c->zones[0]);
	config_free(c);
	config_free(as_is);
	free(text);
}

/* ---- what is written for people ---- */

struct place {
	char dir[32];
	char path[16][96]; /* files made in it */
	size_t n;
};

/* A file of its owner alone that is a key, readable and executable: good for everything. */
static void make_file(struct place *place, const char *name, size_t len)
{
	char *path = place->path[place->n];

	char dir[sizeof(place->dir)];

	strcpy(dir, place->dir); /* for gcc, which takes it for the same as path */
	snprintf(path, sizeof(place->path[0]), "%s/%.*s", dir, (int)len, name);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	if (fd < 0) /* named twice */
		return;
	assert_true(++place->n < COUNT(place->path));
	assert_int_equal(write(fd, BASE64, strlen(BASE64)), strlen(BASE64));
	close(fd);
}

/* The line with its paths moved into a place of the test's, and a user that is there. Key files
 * have no algorithm in them here. */
static void add_line(struct place *place, FILE *out, const char *line)
{
	static const char *const dirs[] = {"/etc/xnsd/", "/usr/local/bin/"};

	while (*line) {
		size_t i = 0;

		while (i < COUNT(dirs) && strncmp(line, dirs[i], strlen(dirs[i])) != 0)
			i++;
		if (i < COUNT(dirs)) {
			size_t len = strcspn(line += strlen(dirs[i]), ",]} \n");

			make_file(place, line, len);
			fprintf(out, "%s/%.*s", place->dir, (int)len, line);
			line += len;
		} else if (strncmp(line, "user: xnsd", 10) == 0) {
			fputs("user: root", out);
			line += 10;
		} else if (strncmp(line, "{id: ", 5) == 0 && strstr(line, " file: ")) {
			fputs("{algorithm: hmac-sha256, id: ", out);
			line += 5;
		} else {
			fputc(*line++, out);
		}
	}
}

static void begin_place(struct place *place)
{
	*place = (struct place){.dir = "/tmp/xnsd-test-XXXXXX"};
	assert_non_null(mkdtemp(place->dir));
}

static void end_place(struct place *place)
{
	for (size_t i = 0; i < place->n; i++)
		unlink(place->path[i]);
	rmdir(place->dir);
}

/* The example with all that is commented out, the lists too. */
static void test_example_whole(void **state)
{
	static const struct config_section *const sections[] = {
		&config_root_section,	  &config_server_section, &config_key_section,
		&config_tls_section,	  &config_remote_section, &config_acl_section,
		&config_template_section, &config_zone_section,
	};
	char line[512], word[64], *text = NULL;
	size_t size;
	FILE *in = fopen("docs/xnsd.yaml.example", "r"), *out = open_memstream(&text, &size);
	struct place place;

	(void)state;
	assert_non_null(in);
	begin_place(&place);
	while (fgets(line, sizeof(line), in)) {
		char *hash = line + strspn(line, " ");

		if (hash[0] == '#' && hash[1] != '\n' && (hash[1] != ' ' || hash[2] == ' '))
			memmove(hash, hash + 1, strlen(hash));
		add_line(&place, out, line);
	}
	fclose(in);
	fclose(out);
	struct config *c = parse_good(text);
	assert_int_equal(c->n_keys, 2);
	assert_int_equal(c->n_tls, 3);
	assert_int_equal(c->n_acls, 3);
	assert_int_equal(c->n_templates, 2);
	assert_int_equal(c->n_zones, 3);
	config_free(c);
	for (size_t i = 0; i < COUNT(sections); i++) {
		for (size_t j = 0; j < sections[i]->n_keys + sections[i]->n_more; j++) {
			const char *name =
				j < sections[i]->n_keys
					? sections[i]->keys[j].name
					: sections[i]->more[j - sections[i]->n_keys].name;

			snprintf(word, sizeof(word), "%s:", name);
			if (!strstr(text, word))
				fail_msg("docs/xnsd.yaml.example does not have %s", name);
		}
	}
	free(text);
	end_place(&place);
}

/* A block of a document is a configuration, or a part of one without `server`. */
static void expect_block(struct place *place, const char *what, char *text)
{
	char *whole = NULL, *errors = NULL;
	struct config *config = NULL;
	size_t size;
	FILE *out = open_memstream(&whole, &size);

	if (!strstr(text, "server:"))
		fputs(SERVER, out);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		add_line(place, out, line);
		fputc('\n', out);
	}
	fclose(out);
	if (parse(whole, strlen(whole), &errors, &config) != 0 || errors[0])
		fail_msg("%s:\n%s\n%s", what, whole, errors);
	config_free(config);
	free(errors);
	free(whole);
}

static bool begins_section(const char *line)
{
	static const char *const sections[] = {
		"server:", "keys:", "tls:", "remotes:", "acl:", "templates:"};

	for (size_t i = 0; i < COUNT(sections); i++)
		if (strncmp(line, sections[i], strlen(sections[i])) == 0)
			return true;
	return false;
}

/*
 * Blocks of lines between which there is nothing else, of which the first is that of a section:
 * indented in the README, as they are in the manual.
 */
static void expect_blocks(const char *path, const char *indent, unsigned expect)
{
	char line[512], *text = NULL;
	size_t size, skip = strlen(indent);
	FILE *in = fopen(path, "r"), *block = NULL;
	struct place place;
	unsigned n = 0;

	assert_non_null(in);
	begin_place(&place);
	for (bool more = true; more;) {
		more = fgets(line, sizeof(line), in);
		bool is_code = more && strncmp(line, indent, skip) == 0 && line[skip] != '\n' &&
			       line[0] != '.';

		if (is_code && !block && begins_section(line + skip))
			block = open_memstream(&text, &size);
		if (is_code && block)
			fputs(line + skip, block);
		if (!is_code && block) {
			fclose(block);
			block = NULL;
			expect_block(&place, path, text);
			free(text);
			n++;
		}
	}
	fclose(in);
	end_place(&place);
	if (n != expect)
		fail_msg("%s has %u configurations", path, n);
}

static void test_documents(void **state)
{
	(void)state;
	expect_blocks("README.md", "    ", 4);
	expect_blocks("docs/man/xnsd.yaml.5", "", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),	      cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),	      cmocka_unit_test(test_text_length),
		cmocka_unit_test(test_nsid_length),   cmocka_unit_test(test_cut),
		cmocka_unit_test(test_many_zones),    cmocka_unit_test(test_files),
		cmocka_unit_test(test_example),	      cmocka_unit_test(test_example_defaults),
		cmocka_unit_test(test_example_whole), cmocka_unit_test(test_documents),
		cmocka_unit_test(test_references),    cmocka_unit_test(test_templates),
		cmocka_unit_test(test_server_new),    cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_warnings),      cmocka_unit_test(test_key_files),
		cmocka_unit_test(test_file_warnings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
