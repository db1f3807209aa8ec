// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "config_fixture.h"
#include "util/address.h"

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
	assert_int_equal(c->max_names, 10000);
	assert_int_equal(c->maps_max_memory, 0);
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
		"  maps-max-memory: 3G\n"
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
	assert_int_equal(c->maps_max_memory, (uint64_t)3 << 30);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),    cmocka_unit_test(test_values),
		cmocka_unit_test(test_references),  cmocka_unit_test(test_templates),
		cmocka_unit_test(test_server_new),  cmocka_unit_test(test_text_length),
		cmocka_unit_test(test_nsid_length), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_many_zones),  cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
