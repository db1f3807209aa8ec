// SPDX-License-Identifier: GPL-3.0-or-later
/* What the control socket says, and its socket with a loop in a thread of its own. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "control/client.h"
#include "control/format.h"
#include "control/internal.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void test_duration(void **state)
{
	static const struct {
		int64_t seconds;
		const char *expect;
	} cases[] = {
		{0, "0s"},
		{1, "1s"},
		{59, "59s"},
		{60, "1m0s"},
		{3599, "59m59s"},
		{3600, "1h0m"},
		{11520, "3h12m"},
		{86399, "23h59m"},
		{86400, "1d0h"},
		{1209599, "13d23h"},
		{-192, "-3m12s"},
		{315360000, "3650d0h"},
		{INT64_MAX, "106751991167300d15h"},
		{INT64_MIN, "-106751991167300d15h"},
	};
	char text[FORMAT_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(format_duration(cases[i].seconds, text), cases[i].expect);
}

static void test_size(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *expect;
	} cases[] = {
		{0, "0 B"},
		{999, "999 B"},
		{1000, "1.0 kB"},
		{4249, "4.2 kB"},
		{999949, "999.9 kB"},
		{999950, "1.0 MB"},
		{25000000, "25.0 MB"},
		{1300000000, "1.3 GB"},
		{UINT64_MAX, "18.4 EB"},
	};
	char text[FORMAT_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(format_size(cases[i].bytes, text), cases[i].expect);
}

static void test_table(void **state)
{
	static const char *const cells[] = {"ZONE", "N",	"NOTE", "a.",	   "10",
					    "",	    "example.", "7",	"x\ty\x1b"};
	struct format_table *table = format_table_new(3);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	format_table_right(table, 1);
	for (size_t i = 0; i < COUNT(cells); i++)
		format_table_add(table, cells[i]);
	format_table_print(table, out);
	fclose(out);
	assert_string_equal(text, "ZONE       N  NOTE\n"
				  "a.        10\n"
				  "example.   7  x?y?\n");
	format_table_free(table);
	free(text);
}

/* ---- requests ---- */

static void test_request(void **state)
{
	char *arguments[] = {"www.example.com", "A\n\"\\"}, error[256], *line;
	json_t *list = NULL;

	(void)state;
	line = control_request_make("lookup", arguments, 2);
	assert_non_null(line);
	/* one line, whatever the arguments */
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_ptr_equal(control_request_parse(line, strlen(line), &list, error, sizeof(error)),
			 &control_commands[CONTROL_LOOKUP]);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_array_get(list, 1)), arguments[1]);
	json_decref(list);
	free(line);

	arguments[0] = "\xff";
	assert_null(control_request_make("lookup", arguments, 1));
}

static void test_request_bad(void **state)
{
	static const struct {
		const char *line, *expect;
	} cases[] = {
		{"", "the request is not JSON"},
		{"{", "the request is not JSON"},
		{"[]", "the request is not {"},
		{"{}", "the request is not {"},
		{"{\"command\": 1}", "the request is not {"},
		{"{\"command\": \"status\", \"command\": \"stop\"}",
		 "the request is not JSON: duplicate"},
		{"{\"command\": \"status\", \"arguments\": {}}", "the request is not {"},
		{"{\"command\": \"lookup\", \"arguments\": [1]}",
		 "argument 1 of the request is not a string"},
		{"{\"command\": \"lookup\", \"arguments\": [\"a\\u0000b\"]}",
		 "the request is not JSON"},
		{"{\"command\": \"reboot\"}",
		 "unknown command 'reboot'; there are status, zone-status, "},
		{"{\"command\": \"status\", \"arguments\": [\"x\"]}", "status takes no arguments"},
		{"{\"command\": \"lookup\"}", "lookup takes NAME [TYPE]"},
		{"{\"command\": \"lookup\", \"arguments\": [\"a\", \"b\", \"c\"]}",
		 "lookup takes NAME [TYPE]"},
		{"{\"command\": \"zone-retransfer\"}", "zone-retransfer takes ZONE...|--all"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char error[512] = "";
		json_t *list = NULL;
		/* a copy without an end: the length counts */
		size_t len = strlen(cases[i].line);
		char *copy = malloc(len ? len : 1);
		memcpy(copy, cases[i].line, len);
		if (control_request_parse(copy, len, &list, error, sizeof(error)) || list ||
		    strncmp(error, cases[i].expect, strlen(cases[i].expect)) != 0)
			fail_msg("%s: %s", cases[i].line, error);
		free(copy);
	}
}

static void test_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONTROL_COMMAND_COUNT; i++) {
		const struct control_command *command = &control_commands[i];
		assert_ptr_equal(control_command_find(command->name), command);
		assert_true(command->summary[0] && command->help[0]);
		assert_true((command->max_arguments == 0) == (command->arguments[0] == '\0'));
	}
	assert_null(control_command_find("zone"));
}

static void test_text(void **state)
{
	json_t *good = control_text("b\xc3\xbc"
				    "cher"),
	       *bad = control_text("a\xff\n");

	(void)state;
	assert_string_equal(json_string_value(good), "b\xc3\xbc"
						     "cher");
	assert_string_equal(json_string_value(bad), "a??");
	json_decref(good);
	json_decref(bad);
}

/* ---- results as text ---- */

static char *format(enum control_command_id command, const char *json)
{
	json_error_t fault;
	json_t *result = json_loads(json, 0, &fault);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!result)
		fail_msg("%s: %s", json, fault.text);
	format_result(command, result, 1000000, out);
	fclose(out);
	json_decref(result);
	return text;
}

#define ZONE_ACTIVE_JSON                                                                                                                                                     \
	"{\"zone\":\"example.com.\",\"state\":\"active\",\"answered_by\":\"interface\",\"serial\":7,"                                                                        \
	"\"records\":12,\"activity\":\"waiting\",\"primary\":\"192.0.2.1@53\",\"next_refresh_s\":11520,"                                                                     \
	"\"expires_in_s\":1209599,\"last_error\":null,"                                                                                                                      \
	"\"last_transfer\":{\"at\":999808,\"kind\":\"IXFR\",\"primary\":\"192.0.2.1@53\",\"bytes\":4249,\"records\":12,\"duration_ms\":15},"                                 \
	"\"source\":\"catalog\",\"catalog\":\"cat.\",\"journal\":{\"depth\":2,\"bytes\":4200,\"from_serial\":5},"                                                            \
	"\"primaries\":[{\"id\":\"a\",\"address\":\"192.0.2.1@53\",\"tls\":false,\"asked_at\":999990,\"answered_at\":999990,\"serial\":7,\"error\":null,\"error_at\":null}," \
	"{\"id\":\"b\",\"address\":\"::1@853\",\"tls\":true,\"asked_at\":999998,\"answered_at\":null,\"serial\":null,\"error\":\"refused\",\"error_at\":999998}],"           \
	"\"notify\":[{\"id\":\"c\",\"address\":\"192.0.2.3@53\",\"serial\":7,\"tries\":1,\"waiting\":false,\"error\":null},"                                                 \
	"{\"id\":\"d\",\"address\":\"192.0.2.4@53\",\"serial\":7,\"tries\":5,\"waiting\":false,\"error\":\"no answer\"}],"                                                   \
	"\"maps\":{\"state\":\"active\",\"serial\":7,\"complete\":true,\"signed\":false}}"
#define ZONE_EXPIRED_JSON                                                                                                         \
	"{\"zone\":\"x.\",\"state\":\"expired\",\"answered_by\":\"SERVFAIL\",\"serial\":4294967295,"                              \
	"\"records\":1,\"activity\":\"transfer\",\"primary\":null,\"next_refresh_s\":0,\"expires_in_s\":-60,\"stale_at\":999880," \
	"\"last_error\":{\"text\":\"192.0.2.1@53: refused\",\"at\":999999},\"last_transfer\":null,\"maps\":null}"
#define ZONE_EMPTY_JSON                                                                                       \
	"{\"zone\":\"y.\",\"state\":\"empty\",\"answered_by\":\"SERVFAIL\",\"serial\":null,\"records\":null," \
	"\"activity\":\"waiting\",\"primary\":null,\"next_refresh_s\":3,\"expires_in_s\":null,"               \
	"\"last_error\":null,\"last_transfer\":null,\"maps\":null}"

static void test_zone_table(void **state)
{
	char *text = format(CONTROL_ZONE_STATUS,
			    "[" ZONE_ACTIVE_JSON "," ZONE_EXPIRED_JSON "," ZONE_EMPTY_JSON "]");

	(void)state;
	assert_string_equal(
		text,
		"ZONE          STATE        SERIAL  ANSWERED BY  PRIMARY        REFRESH  EXPIRES  LAST ERROR\n"
		"example.com.  active            7  interface    192.0.2.1@53     3h12m   13d23h\n"
		"x.            expired  4294967295  SERVFAIL     -             transfer    -1m0s  192.0.2.1@53: refused\n"
		"y.            empty             -  SERVFAIL     -                   3s        -\n");
	free(text);
}

static void test_zone(void **state)
{
	char *text;

	(void)state;
	setenv("TZ", "UTC", 1);
	text = format(CONTROL_ZONE_STATUS, "[" ZONE_ACTIVE_JSON "]");
	assert_string_equal(
		text,
		"zone           example.com.\n"
		"state          active\n"
		"answered by    interface\n"
		"serial         7\n"
		"records        12\n"
		"source         catalog zone cat.\n"
		"primary        192.0.2.1@53\n"
		"primaries      a 192.0.2.1@53: serial 7, answered 10s ago\n"
		"               b ::1@853 (TLS): no answer yet; 2s ago: refused\n"
		"activity       waiting\n"
		"next refresh   in 3h12m\n"
		"expires        in 13d23h\n"
		"in the maps    active, serial 7, complete\n"
		"last transfer  1970-01-12 13:43:28 (3m12s ago): IXFR, 12 records, 4.2 kB in 15 ms from 192.0.2.1@53\n"
		"last error     none since the last success\n"
		"journal        2 differences from serial 5 on, 4.2 kB\n"
		"notify         c 192.0.2.3@53: serial 7, 1 try, acknowledged\n"
		"               d 192.0.2.4@53: serial 7, 5 tries, given up: no answer\n");
	free(text);
	text = format(CONTROL_ZONE_STATUS, "[" ZONE_EXPIRED_JSON "]");
	assert_non_null(
		strstr(text, "state          expired (not confirmed by a primary in time)\n"));
	assert_non_null(strstr(text, "answered by    SERVFAIL\n"));
	assert_non_null(strstr(text, "expires        1m0s ago\n"));
	assert_non_null(strstr(text, "stale          since 1970-01-12 13:44:40 (2m0s ago): "));
	assert_non_null(strstr(text, "(1s ago): 192.0.2.1@53: refused\n"));
	free(text);
	text = format(CONTROL_ZONE_STATUS, "[" ZONE_EMPTY_JSON "]");
	assert_non_null(strstr(text, "state          empty (never transferred)\n"));
	assert_null(strstr(text, "serial"));
	free(text);
	text = format(CONTROL_ZONE_STATUS, "[]");
	assert_int_equal(strncmp(text, "ZONE", 4), 0);
	free(text);
}

static void test_status(void **state)
{
	char *text = format(
		CONTROL_STATUS,
		"{\"version\":\"1.2\",\"pid\":42,\"uptime_s\":61,\"config\":\"/c\",\"database\":\"/d\","
		"\"listen\":[\"192.0.2.1@53\",\"::1@53\"],"
		"\"zones\":{\"total\":3,\"active\":1,\"expired\":1,\"empty\":1,\"failing\":2,\"from_config\":1,\"from_catalogs\":2,\"added\":0},"
		"\"packet_path\":{\"maps\":true,\"program\":true,\"abi_version\":1,\"zones\":3,"
		"\"zones_active\":1,\"zones_complete\":1,\"nodes\":5,"
		"\"memory\":{\"bytes\":4200000,\"bytes_max\":null,\"can_grow\":false,\"segments\":16,\"maps\":{"
		"\"nodes\":{\"entries\":5,\"entries_max\":1024,\"bytes\":17344},"
		"\"images_tiny\":{\"entries\":1,\"entries_max\":4096,\"bytes\":65792},"
		"\"images_large\":{\"entries\":2,\"entries_max\":256,\"bytes\":8192}}}}}");

	(void)state;
	assert_string_equal(
		text,
		"xnsd           1.2, pid 42, up 1m1s\n"
		"configuration  /c\n"
		"database       /d\n"
		"listen         192.0.2.1@53, ::1@53\n"
		"zones          3: 1 active, 1 expired, 1 empty\n"
		"               1 of the configuration file, 2 of catalogs, 0 by zone-add\n"
		"               2 failing: the last contact with a primary went wrong (zone-status)\n"
		"packet path    maps of ABI 1, program loaded (its interfaces: xnsload status)\n"
		"               1 of 3 zones in force there, 1 complete\n"
		"               5 nodes, 3 images; 4.2 MB in use, bound: no bound\n"
		"               cannot grow: room for 1024 nodes (see server.max-names)\n");
	free(text);
}

static void test_stats(void **state)
{
	char *text = format(
		CONTROL_STATS,
		"{\"packet_path\":{\"answer-positive\":150,\"answer-nodata\":45,\"pass-not-ours\":1000,"
		"\"pass-fragment\":1000,\"pass-type\":5,\"of-a-later-version\":0},"
		"\"responder\":{\"udp-queries\":5}}");

	(void)state;
	assert_string_equal(
		text,
		"packet path: 97.50 % of the packets to the listen addresses answered at the interface\n"
		"answer-positive      150  answers with data, CNAME chains included\n"
		"answer-nodata         45  the name exists, the type does not\n"
		"pass-not-ours       1000  not UDP to a listen address and port\n"
		"pass-fragment       1000  an IP fragment\n"
		"pass-type              5  AXFR, IXFR, another meta type, or SOA with EXPIRE\n"
		"of-a-later-version     0\n"
		"\n"
		"responder (sockets)\n"
		"udp-queries  5\n");
	free(text);
	text = format(CONTROL_STATS, "{\"packet_path\":null,\"responder\":{}}");
	assert_string_equal(text, "packet path: none (xnsload attach)\n\nresponder (sockets)\n");
	free(text);
}

static void test_metrics(void **state)
{
	char *text = format(
		CONTROL_METRICS,
		"{\"status\":{\"version\":\"1.2\\\"\\\\\\n\",\"started_at\":7,"
		"\"zones\":{\"total\":3,\"active\":1,\"expired\":0,\"empty\":2,\"failing\":2},"
		"\"packet_path\":{\"maps\":true,\"program\":false,\"zones_active\":1,\"zones_complete\":1,"
		"\"memory\":{\"bytes\":42,\"bytes_max\":null,\"can_grow\":true,\"maps\":{"
		"\"nodes\":{\"entries\":5,\"entries_max\":1024,\"bytes\":17}}}}},"
		"\"stats\":{\"packet_path\":{\"answer-nodata\":9},\"responder\":{\"udp-queries\":5}}}");

	(void)state;
	assert_string_equal(
		text,
		"# HELP xnsd_info Always 1; the label says the version.\n"
		"# TYPE xnsd_info gauge\n"
		"xnsd_info{version=\"1.2\\\"\\\\\\n\"} 1\n"
		"# HELP xnsd_start_time_seconds When xnsd was started, since 1970.\n"
		"# TYPE xnsd_start_time_seconds gauge\n"
		"xnsd_start_time_seconds 7\n"
		"# HELP xnsd_zones Zones by state; only active ones are answered.\n"
		"# TYPE xnsd_zones gauge\n"
		"xnsd_zones{state=\"active\"} 1\n"
		"xnsd_zones{state=\"expired\"} 0\n"
		"xnsd_zones{state=\"empty\"} 2\n"
		"# HELP xnsd_zones_failing Zones whose last contact with a primary went wrong, whatever their state.\n"
		"# TYPE xnsd_zones_failing gauge\n"
		"xnsd_zones_failing 2\n"
		"# HELP xnsd_maps 1: the maps of the packet path are in use.\n"
		"# TYPE xnsd_maps gauge\n"
		"xnsd_maps 1\n"
		"# HELP xnsd_program 1: a program of the packet path is loaded.\n"
		"# TYPE xnsd_program gauge\n"
		"xnsd_program 0\n"
		"# HELP xnsd_maps_zones_active Zones in force in the maps.\n"
		"# TYPE xnsd_maps_zones_active gauge\n"
		"xnsd_maps_zones_active 1\n"
		"# HELP xnsd_maps_zones_complete Zones in force of which every name is in the maps; of others the sockets answer the rest.\n"
		"# TYPE xnsd_maps_zones_complete gauge\n"
		"xnsd_maps_zones_complete 1\n"
		"# HELP xnsd_maps_bytes Memory of the maps that grow.\n"
		"# TYPE xnsd_maps_bytes gauge\n"
		"xnsd_maps_bytes 42\n"
		"# HELP xnsd_maps_can_grow 1: the maps can be made larger.\n"
		"# TYPE xnsd_maps_can_grow gauge\n"
		"xnsd_maps_can_grow 1\n"
		"# HELP xnsd_map_entries Elements in a map.\n"
		"# TYPE xnsd_map_entries gauge\n"
		"xnsd_map_entries{map=\"nodes\"} 5\n"
		"# HELP xnsd_map_entries_max Elements that have room in a map as it is now.\n"
		"# TYPE xnsd_map_entries_max gauge\n"
		"xnsd_map_entries_max{map=\"nodes\"} 1024\n"
		"# HELP xnsd_map_bytes Memory of a map.\n"
		"# TYPE xnsd_map_bytes gauge\n"
		"xnsd_map_bytes{map=\"nodes\"} 17\n"
		"# HELP xnsd_packets_total Packets that the program saw, by what became of them.\n"
		"# TYPE xnsd_packets_total counter\n"
		"xnsd_packets_total{outcome=\"answer-nodata\"} 9\n"
		"# HELP xnsd_responder_total What the sockets did.\n"
		"# TYPE xnsd_responder_total counter\n"
		"xnsd_responder_total{event=\"udp-queries\"} 5\n");
	free(text);
	/* What is not known has no sample. */
	text = format(CONTROL_METRICS,
		      "{\"status\":{\"packet_path\":{\"maps\":false,\"program\":null}},"
		      "\"stats\":{\"packet_path\":null,\"responder\":{}}}");
	assert_non_null(strstr(text, "\nxnsd_maps 0\n"));
	assert_null(strstr(text, "xnsd_program"));
	assert_null(strstr(text, "xnsd_map_entries"));
	assert_null(strstr(text, "xnsd_packets_total"));
	free(text);
}

/* How the text of a lookup goes on with this entry. */
static void expect_entry(const struct publish_entry *entry, const char *expect)
{
	json_t *result = json_pack("{s:s, s:{s:s}, s:[o]}", "name", "n.", "maps", "state", "active",
				   "types", control_render_entry(entry));
	char *dump = json_dumps(result, 0), *text = format(CONTROL_LOOKUP, dump);

	if (!strstr(text, expect))
		fail_msg("no '%s' in '%s'", expect, text);
	free(text);
	free(dump);
	json_decref(result);
}

/* What publish_lookup gives, rendered. */
static void test_lookup(void **state)
{
	static const uint8_t message[] = "\0\0\x84\0\0\1\0\2\0\0\0\0"
					 "\3www\7example\3com\0\0\1\0\1"
					 "\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\xc0\0\2\1"
					 "\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\xc0\0\2\2";
	struct publish_entry entry = {
		.is_type = true,
		.type = KNOT_RRTYPE_A,
		.type_flags = XNS_TYPE_INLINE,
		.map = "nodes",
		.message = message,
		.message_len = sizeof(message) - 1,
	};
	json_t *item = control_render_entry(&entry), *result;
	char *dump, *text;

	(void)state;
	result = json_pack("{s:s, s:s, s:{s:s, s:i, s:b}, s:i, s:[s], s:[o]}", "name",
			   "www.example.com.", "zone", "example.com.", "maps", "state", "active",
			   "serial", 7, "complete", 1, "pages", 1, "flags", "wildcard", "types",
			   item);
	dump = json_dumps(result, 0);
	text = format(CONTROL_LOOKUP, dump);
	assert_string_equal(text, "name         www.example.com.\n"
				  "zone         example.com.\n"
				  "in the maps  active, serial 7, complete\n"
				  "node         1 page, wildcard\n"
				  "\n"
				  "A: NOERROR, AA, 65 bytes, in node\n"
				  "    ; answer\n"
				  "    www.example.com. 3600 IN A 192.0.2.1\n"
				  "    www.example.com. 3600 IN A 192.0.2.2\n");
	free(text);
	free(dump);
	json_decref(result);

	/* where it is, and for whom */
	expect_entry(&entry, "\nA: NOERROR, AA, 65 bytes, in node\n");
	entry.type_flags = XNS_TYPE_DO;
	entry.map = "images_small";
	entry.image_flags = XNS_IMAGE_SOA | XNS_IMAGE_PROVE | XNS_IMAGE_NOAA;
	entry.above = true;
	expect_entry(&entry,
		     "\nA, DO=1, from the zone above: NOERROR, 65 bytes, in images_small, and the "
		     "zone's SOA, and proofs of what is not there\n");
	entry.type_flags = XNS_TYPE_PASS;
	entry.above = false;
	entry.type = 0;
	expect_entry(&entry, "\nany other: passed up, the sockets answer it\n");
	entry.image_len = 2000;
	expect_entry(&entry, "\nany other: passed up, the sockets answer it (2000 bytes)\n");
	entry.type_flags = XNS_TYPE_INLINE;
	entry.map = "nodes";

	/* an image that is not one: told, whatever is in it */
	for (size_t len = 0; len < sizeof(message) - 1; len++) {
		uint8_t *copy = malloc(len + 1);
		memcpy(copy, message, len);
		entry.message = copy;
		entry.message_len = len;
		item = control_render_entry(&entry);
		assert_non_null(json_object_get(item, "fault"));
		json_decref(item);
		free(copy);
	}
}

/* ---- the socket ---- */

struct server {
	char dir[32], path[64];
	uv_loop_t loop;
	uv_async_t quit;
	struct config config;
	struct zone_table zones;
	struct control_agent agent;
	struct control *control;
	pthread_t thread;
	unsigned stops; /* of the command */
};

static void on_quit(uv_async_t *quit)
{
	struct server *s = quit->data;

	control_stop(s->control);
	uv_close((uv_handle_t *)quit, NULL);
}

static void on_stop(void *ctx)
{
	struct server *s = ctx;

	s->stops++;
	on_quit(&s->quit);
}

static void *run_loop(void *ctx)
{
	struct server *s = ctx;

	uv_run(&s->loop, UV_RUN_DEFAULT);
	return NULL;
}

static int start_server(void **state)
{
	struct server *s = calloc(1, sizeof(*s));

	strcpy(s->dir, "/tmp/xnsd-test-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/%s", s->dir, CONTROL_SOCKET);
	s->config.rundir = s->dir;
	assert_int_equal(zone_table_init(&s->zones, &s->config), 0);
	s->agent = (struct control_agent){
		.config = &s->config, .zones = &s->zones, .stop = on_stop, .ctx = s};
	uv_loop_init(&s->loop);
	uv_async_init(&s->loop, &s->quit, on_quit);
	s->quit.data = s;
	assert_int_equal(control_start(&s->loop, &s->agent, &s->control), 0);
	*state = s;
	return pthread_create(&s->thread, NULL, run_loop, s);
}

static int stop_server(void **state)
{
	struct server *s = *state;

	if (s->stops == 0)
		uv_async_send(&s->quit);
	pthread_join(s->thread, NULL);
	assert_int_equal(uv_loop_close(&s->loop), 0);
	assert_int_equal(access(s->path, F_OK), -1); /* the socket is removed */
	zone_table_free(&s->zones);
	assert_int_equal(rmdir(s->dir), 0);
	free(s);
	return 0;
}

static void expect_reply(const struct server *s, const char *request, const char *expect)
{
	char error[256] = "", *reply = NULL;
	size_t len;

	if (control_exchange(s->path, request, 5, &reply, &len, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	if (strncmp(reply, expect, strlen(expect)) != 0 || reply[len - 1] != '\n')
		fail_msg("expected\n%s\ngot\n%s", expect, reply);
	free(reply);
}

static void test_server(void **state)
{
	struct server *s = *state;
	struct stat st;

	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0660);
	expect_reply(s, "{\"command\":\"zone-status\"}\n", "{\"ok\":true,\"result\":[]}");
	expect_reply(s, "nonsense\n", "{\"ok\":false,\"error\":\"the request is not JSON");
	expect_reply(s, "{\"command\":\"zone-status\",\"arguments\":[\"a..b\"]}\n",
		     "{\"ok\":false,\"error\":\"'a..b' is not a domain name\"}");
	expect_reply(s, "{\"command\":\"zone-refresh\",\"arguments\":[\"a\"]}\n",
		     "{\"ok\":false,\"error\":\"'a' is not a zone here");
	expect_reply(s, "{\"command\":\"zone-refresh\",\"arguments\":[\"--all\",\"a\"]}\n",
		     "{\"ok\":false,\"error\":\"either --all or zones");
	expect_reply(s, "{\"command\":\"lookup\",\"arguments\":[\"a\", \"TYPO\"]}\n",
		     "{\"ok\":false,\"error\":\"'TYPO' is not a record type");
	/* several requests: only the first is one */
	expect_reply(s, "{\"command\":\"zone-status\"}\n{\"command\":\"stop\"}\n",
		     "{\"ok\":true,\"result\":[]}");
	assert_int_equal(s->stops, 0);
}

static int connect_client(const struct server *s)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, s->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void test_long_request(void **state)
{
	struct server *s = *state;
	char *request = malloc(CONTROL_REQUEST_MAX + 2);

	memset(request, ' ', CONTROL_REQUEST_MAX + 1);
	request[CONTROL_REQUEST_MAX + 1] = '\0';
	expect_reply(s, request, "{\"ok\":false,\"error\":\"the request is longer than 64 KiB\"}");
	/* the longest that is taken */
	memcpy(request, "{\"command\":\"zone-status\"}", 25);
	request[CONTROL_REQUEST_MAX - 1] = '\n';
	request[CONTROL_REQUEST_MAX] = '\0';
	expect_reply(s, request, "{\"ok\":true");
	free(request);
}

/* Silent clients use up the places: the next is told so, and served when one has gone. */
static void test_many_clients(void **state)
{
	struct server *s = *state;
	int fd[32];

	for (size_t i = 0; i < COUNT(fd); i++)
		fd[i] = connect_client(s);
	expect_reply(s, "{\"command\":\"zone-status\"}\n",
		     "{\"ok\":false,\"error\":\"too many clients");
	for (size_t i = 0; i < COUNT(fd); i++)
		close(fd[i]);
	/* The loop sees the ends and a new client in any order; each try is a round of the loop. */
	for (int tries = 0; tries < 1000; tries++) {
		char error[256], *reply = NULL;
		size_t len;
		assert_int_equal(control_exchange(s->path, "{\"command\":\"zone-status\"}\n", 5,
						  &reply, &len, error, sizeof(error)),
				 0);
		bool good = strncmp(reply, "{\"ok\":true", 10) == 0;
		free(reply);
		if (good)
			return;
	}
	fail_msg("the places of clients that are gone are not given back");
}

static void test_half_request(void **state)
{
	struct server *s = *state;
	int fd = connect_client(s);
	char c;

	assert_int_equal(send(fd, "{\"comm", 6, MSG_NOSIGNAL), 6);
	shutdown(fd, SHUT_WR);
	assert_int_equal(recv(fd, &c, 1, 0), 0); /* closed, no reply */
	close(fd);
}

static void test_second_server(void **state)
{
	struct server *s = *state;
	struct control *control = NULL;
	uv_loop_t loop;

	uv_loop_init(&loop);
	assert_int_equal(control_start(&loop, &s->agent, &control), -EADDRINUSE);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	expect_reply(s, "{\"command\":\"zone-status\"}\n", "{\"ok\":true"); /* the first lives */
}

static void test_stop(void **state)
{
	struct server *s = *state;

	expect_reply(s, "{\"command\":\"stop\"}\n", "{\"ok\":true,\"result\":{\"pid\":");
	pthread_join(s->thread, NULL); /* the loop ends by the command */
	assert_int_equal(s->stops, 1);
	assert_int_equal(pthread_create(&s->thread, NULL, run_loop, s), 0);
}

/* What a killed agent leaves is replaced; what is no socket is not touched. */
static void test_left_over(void **state)
{
	char dir[] = "/tmp/xnsd-test-XXXXXX", error[256], *reply;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct config config = {.rundir = dir};
	struct zone_table zones;
	struct control *control = NULL;
	uv_loop_t loop;
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, CONTROL_SOCKET);
	assert_int_equal(zone_table_init(&zones, &config), 0);
	struct control_agent agent = {.config = &config, .zones = &zones};
	uv_loop_init(&loop);

	assert_int_equal(
		control_exchange(addr.sun_path, "x\n", 1, &reply, &len, error, sizeof(error)),
		-ENOENT);
	assert_non_null(strstr(error, "xnsd is not running (no socket at "));

	FILE *file = fopen(addr.sun_path, "w");
	fclose(file);
	assert_int_equal(control_start(&loop, &agent, &control), -EEXIST);
	unlink(addr.sun_path);

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(
		control_exchange(addr.sun_path, "x\n", 1, &reply, &len, error, sizeof(error)),
		-ECONNREFUSED);
	assert_non_null(strstr(error, "xnsd is not running (nobody listens at "));
	assert_int_equal(control_start(&loop, &agent, &control), 0);
	control_stop(control);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	zone_table_free(&zones);
	assert_int_equal(rmdir(dir), 0);
}

/* A daemon that hangs: the kernel takes the connection, nobody reads. */
static void test_hanging(void **state)
{
	char dir[] = "/tmp/xnsd-test-XXXXXX", error[256], *reply;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, CONTROL_SOCKET);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(
		control_exchange(addr.sun_path, "x\n", 1, &reply, &len, error, sizeof(error)),
		-EAGAIN);
	assert_non_null(strstr(error, "xnsd does not answer (waited 1 s at "));
	close(fd);
	unlink(addr.sun_path);
	assert_int_equal(rmdir(dir), 0);
}

#define server_test(f) cmocka_unit_test_setup_teardown(f, start_server, stop_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_bad),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_zone_table),
		cmocka_unit_test(test_zone),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_lookup),
		server_test(test_server),
		server_test(test_long_request),
		server_test(test_many_clients),
		server_test(test_half_request),
		server_test(test_second_server),
		server_test(test_stop),
		cmocka_unit_test(test_left_over),
		cmocka_unit_test(test_hanging),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
