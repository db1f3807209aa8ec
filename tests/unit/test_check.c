// SPDX-License-Identifier: GPL-3.0-or-later
/* What a zone's configuration asks for before new content goes live: ZONEMD, an external verifier.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>
#include <uv.h>

#include "check/check.h"
#include "check/verifier.h"
#include "store/store.h"
#include "zone/zone.h"
#include "zonefile.h"

/* ---- ZONEMD ---- */

#define DIGEST_A1                          \
	"c68090d90a7aed716bc459f9340e3d7c" \
	"1370d4d24b7e2fc3a1ddc0b9a87153b9" \
	"a9713b3c9ae5cc27777f98b8e730044c"
#define ZEROS96                                            \
	"000000000000000000000000000000000000000000000000" \
	"000000000000000000000000000000000000000000000000"

/* RFC 8976 appendix A.1, without its ZONEMD. */
#define A1(names)                                                            \
	"@ 86400 SOA ns1 admin 2018031900 1800 900 604800 86400\n"           \
	"@ 86400 NS ns1\n@ 86400 NS ns2\n" names "ns1 3600 A 203.0.113.63\n" \
	"ns2 3600 AAAA 2001:db8::63\n"

static const struct {
	const char *what, *zonemd, *more, *reason; /* reason NULL: good */
} zonemd_table[] = {
	{"none", "", "", NULL},
	{"RFC 8976 A.1", "2018031900 1 1 " DIGEST_A1, "", NULL},
	{"another name", "2018031900 1 1 " DIGEST_A1, "x 60 A 192.0.2.1\n", "digest is another"},
	{"wrong digest", "2018031900 1 1 " ZEROS96, "", "digest is another"},
	{"another serial", "2018031901 1 1 " DIGEST_A1, "", "is for serial 2018031901"},
	{"unknown scheme", "2018031900 240 1 " ZEROS96, "", NULL},
	{"unknown hash", "2018031900 1 240 " ZEROS96, "", NULL},
	{"too short", "2018031900 1 1 c68090d90a7aed716bc459f9", "", "digest is another"},
	{"spelled otherwise: names are lower-cased", "2018031900 1 1 " DIGEST_A1,
	 "@ 86400 NS NS1\n", NULL},
};

static struct content *content_of(const char *apex, const char *text)
{
	struct content *content = zonefile_content(apex, text, NULL);
	char reason[200] = "";

	if (content_finish(content, reason, sizeof(reason)) != 0)
		fail_msg("%s", reason);
	return content;
}

static void test_zonemd(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(zonemd_table) / sizeof(*zonemd_table); i++) {
		char text[2048], zonemd[512] = "", reason[CHECK_REASON_MAX] = "";
		struct content *content;
		int ret;

		if (zonemd_table[i].zonemd[0])
			snprintf(zonemd, sizeof(zonemd), "@ 86400 ZONEMD %s\n",
				 zonemd_table[i].zonemd);
		snprintf(text, sizeof(text), A1("") "%s%s", zonemd, zonemd_table[i].more);
		content = content_of("example.", text);
		ret = check_zonemd(content, reason, sizeof(reason));
		if (!zonemd_table[i].reason && ret != 0)
			fail_msg("%s: %s", zonemd_table[i].what, reason);
		if (zonemd_table[i].reason &&
		    (ret != -EINVAL || !strstr(reason, zonemd_table[i].reason)))
			fail_msg("%s: %d %s", zonemd_table[i].what, ret, reason);
		content_free(content);
	}
}

/* Two digests: one that is right suffices; two of one kind are no good. */
static void test_zonemd_several(void **state)
{
	char reason[CHECK_REASON_MAX] = "";
	struct content *content =
		content_of("example.", A1("") "@ 86400 ZONEMD 2018031900 1 1 " DIGEST_A1
					      "\n@ 86400 ZONEMD 2018031900 1 2 " ZEROS96
					      "00000000000000000000000000000000\n");

	(void)state;
	assert_int_equal(check_zonemd(content, reason, sizeof(reason)), 0);
	content_free(content);
	content = content_of("example.", A1("") "@ 86400 ZONEMD 2018031900 1 1 " DIGEST_A1
						"\n@ 86400 ZONEMD 2018031900 1 1 " ZEROS96 "\n");
	assert_int_equal(check_zonemd(content, reason, sizeof(reason)), 0); /* none is usable */
	content_free(content);
}

/* ---- the whole check ---- */

struct lab {
	char dir[64];
	uv_loop_t loop;
	struct store *store;
	struct config config;
	struct config_zone conf;
	char *command[4];
	struct zone *zone;
	bool done;
	int error;
	char reason[CHECK_REASON_MAX];
	struct content *content;
};

#define ZONE(n) "@ SOA ns host " #n " 3600 900 86400 300\n@ NS ns\nns A 192.0.2.1\n"

static void on_done(void *ctx, int error, const char *reason, struct content *content)
{
	struct lab *lab = ctx;

	assert_false(lab->done);
	lab->done = true;
	lab->error = error;
	lab->content = content;
	snprintf(lab->reason, sizeof(lab->reason), "%s", reason);
	assert_int_equal(error == 0, content != NULL);
}

static void lab_open(struct lab *lab)
{
	struct store_changes *changes;
	struct store_zone stored;
	struct content *content = content_of("example.", ZONE(1) "old A 192.0.2.9\n");
	struct store_txn *txn;

	*lab = (struct lab){.dir = "/tmp/xnsd-check-XXXXXX"};
	assert_non_null(mkdtemp(lab->dir));
	assert_int_equal(uv_loop_init(&lab->loop), 0);
	assert_int_equal(store_open(lab->dir, 64 << 20, &lab->store), 0);
	assert_int_equal(store_write_begin(lab->store, &txn), 0);
	assert_int_equal(store_zone_add(txn, content_apex(content), &stored), 0);
	assert_int_equal(store_zone_replace(txn, content, &(struct store_limits){0}, 1, &changes),
			 0);
	store_changes_free(changes);
	assert_int_equal(store_write_commit(txn), 0);
	content_free(content);

	lab->config.database = lab->dir;
	lab->conf.domain = (knot_dname_t *)"\7example";
	lab->conf.name = (char *)"example.";
	lab->conf.verifier_timeout_s = 20;
	lab->zone = zone_new(&lab->config, &lab->conf, NULL, ZONE_FROM_CONFIG);
	assert_non_null(lab->zone);
}

static void lab_close(struct lab *lab)
{
	static const char *const files[] = {"data.mdb", "lock.mdb", "xnsd.lock", "out"};
	char path[128];

	assert_int_equal(uv_run(&lab->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&lab->loop), 0);
	zone_unref(lab->zone);
	store_close(lab->store);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", lab->dir, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(lab->dir), 0);
}

static void verifier_set(struct lab *lab, const char *script)
{
	lab->command[0] = (char *)"/bin/sh";
	lab->command[1] = (char *)"-c";
	lab->command[2] = (char *)script;
	lab->conf.verifier = lab->command;
	lab->conf.n_verifier = 3;
}

/* Runs the check of this content, or of this difference, to its end. */
static void check(struct lab *lab, const char *text, struct diff *diff)
{
	struct check_run *run;

	lab->done = false;
	lab->content = NULL;
	assert_true(check_is_wanted(lab->zone));
	assert_int_equal(check_start(&lab->loop, lab->store, lab->zone,
				     text ? zonefile_content("example.", text, NULL) : NULL, diff,
				     on_done, lab, &run),
			 0);
	assert_false(lab->done);
	uv_run(&lab->loop, UV_RUN_DEFAULT);
	assert_true(lab->done);
}

static const struct {
	const char *what, *script;
	int error;
	const char *reason;
} verifier_table[] = {
	{"says yes", "exit 0", 0, ""},
	{"says no", "exit 3", -EINVAL, "refuses it (exit status 3)"},
	{"says why", "echo first; echo too few addresses >&2; exit 1", -EINVAL,
	 "(exit status 1): too few addresses"},
	{"talks much", "yes no | head -c 200000; echo; echo last; exit 1", -EINVAL, ": last"},
	{"is killed", "kill -TERM $$", -EINVAL, "signal 15"},
	{"reads the zone",
	 "grep -q '^new.example.*192.0.2.7' && test $XNSD_ZONE = example. && "
	 "test $XNSD_SERIAL = 2",
	 0, ""},
	{"does not read it", "exec <&-; exit 0", 0, ""},
	{"has no more of ours", "test $(ls /proc/self/fd | wc -l) -le 4", 0, ""},
};

static void test_verifier(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab);
	for (size_t i = 0; i < sizeof(verifier_table) / sizeof(*verifier_table); i++) {
		verifier_set(&lab, verifier_table[i].script);
		check(&lab, ZONE(2) "new A 192.0.2.7\n", NULL);
		if (lab.error != verifier_table[i].error ||
		    !strstr(lab.reason, verifier_table[i].reason))
			fail_msg("%s: %d %s", verifier_table[i].what, lab.error, lab.reason);
		content_free(lab.content);
	}
	lab.command[0] = (char *)"/nonexistent/verifier";
	check(&lab, ZONE(2), NULL);
	assert_int_equal(lab.error, -ENOENT);
	assert_non_null(strstr(lab.reason, "/nonexistent/verifier cannot be run"));
	lab_close(&lab);
}

/* Too slow: killed with all that it has started, also what holds its output open. */
static void test_verifier_slow(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab);
	verifier_set(&lab, "echo working; sleep 1000 & sleep 1000");
	lab.conf.verifier_timeout_s = 1;
	check(&lab, ZONE(2), NULL);
	assert_int_equal(lab.error, -EINVAL);
	assert_non_null(strstr(lab.reason, "not done after 1 s: working"));
	lab_close(&lab);
}

static void never_verified(void *ctx, int error, const char *reason)
{
	(void)ctx;
	fail_msg("%d %s", error, reason);
}

/* Without a descriptor for its output: nothing was started, and nothing is killed. */
static void test_verifier_no_descriptor(void **state)
{
	struct rlimit before, none;
	char reason[CHECK_REASON_MAX] = "";
	struct verifier *verifier;
	struct lab lab;

	(void)state;
	lab_open(&lab);
	verifier_set(&lab, "exit 0");
	setpgid(0, 0); /* only this test, if the group is killed */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(
		verifier_start(&lab.loop, &lab.conf, 0, 2, never_verified, &lab, reason, &verifier),
		-EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_non_null(strstr(reason, "/bin/sh cannot be run"));
	lab_close(&lab);
}

static void test_cancel(void **state)
{
	struct check_run *run;
	struct lab lab;

	(void)state;
	lab_open(&lab);
	lab.conf.verifier_timeout_s = 1; /* the third is cancelled when it is over */
	for (int turns = 0; turns < 3; turns++) {
		verifier_set(&lab, "sleep 1000");
		assert_int_equal(check_start(&lab.loop, lab.store, lab.zone,
					     zonefile_content("example.", ZONE(2), NULL), NULL,
					     on_done, &lab, &run),
				 0);
		for (int i = 0; i < turns; i++)
			uv_run(&lab.loop, UV_RUN_ONCE);
		check_cancel(run);
		uv_run(&lab.loop, UV_RUN_DEFAULT);
		assert_false(lab.done);
	}
	lab_close(&lab);
}

static void one_record(const char *text, int (*fn)(struct diff *diff, const knot_rrset_t *rr),
		       struct diff *diff);

/* A difference is checked as what it leads to. */
static void test_diff(void **state)
{
	struct lab lab;
	struct diff *diff;

	(void)state;
	lab_open(&lab);
	verifier_set(&lab,
		     "case $(cat) in *old.example*) exit 1;; *new.example*) exit 0;; esac; exit 2");
	diff = diff_new((const knot_dname_t *)"\7example");
	assert_non_null(diff);
	one_record("@ SOA ns host 1 3600 900 86400 300\n", diff_begin, diff);
	one_record("old A 192.0.2.9\n", diff_add, diff);
	one_record("@ SOA ns host 2 3600 900 86400 300\n", diff_turn, diff);
	one_record("new A 192.0.2.7\n", diff_add, diff);
	check(&lab, NULL, diff);
	if (lab.error != 0)
		fail_msg("%d %s", lab.error, lab.reason);
	assert_int_equal(content_serial(lab.content), 2);
	content_free(lab.content);

	diff = diff_new((const knot_dname_t *)"\7example");
	one_record("@ SOA ns host 1 3600 900 86400 300\n", diff_begin, diff);
	one_record("other A 192.0.2.9\n", diff_add, diff);
	one_record("@ SOA ns host 2 3600 900 86400 300\n", diff_turn, diff);
	check(&lab, NULL, diff);
	assert_int_equal(lab.error, -ESTALE);
	assert_non_null(strstr(lab.reason, "other.example"));
	lab_close(&lab);
}

struct one {
	int (*fn)(struct diff *diff, const knot_rrset_t *rr);
	struct diff *diff;
};

static void on_record(zs_scanner_t *s)
{
	struct one *one = s->process.data;
	knot_rrset_t rr;

	knot_rrset_init(&rr, s->r_owner, s->r_type, s->r_class, s->r_ttl);
	assert_int_equal(knot_rrset_add_rdata(&rr, s->r_data, s->r_data_length, NULL), 0);
	assert_int_equal(one->fn(one->diff, &rr), 0);
	knot_rdataset_clear(&rr.rrs, NULL);
}

static void one_record(const char *text, int (*fn)(struct diff *diff, const knot_rrset_t *rr),
		       struct diff *diff)
{
	struct one one = {fn, diff};
	zs_scanner_t *s = malloc(sizeof(*s));

	assert_non_null(s);
	assert_int_equal(zs_init(s, "example.", KNOT_CLASS_IN, 3600), 0);
	assert_int_equal(zs_set_input_string(s, text, strlen(text)), 0);
	assert_int_equal(zs_set_processing(s, on_record, zonefile_error, &one), 0);
	assert_int_equal(zs_parse_all(s), 0);
	zs_deinit(s);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zonemd),
		cmocka_unit_test(test_zonemd_several),
		cmocka_unit_test(test_verifier),
		cmocka_unit_test(test_verifier_slow),
		cmocka_unit_test(test_verifier_no_descriptor),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_diff),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
