// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Which zones are held: a function of the file, the operator's and the catalogs' members; and the
 * whole agent, on a loop of its own without primaries, whose table changes at run time.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/internal.h"
#include "zonefile.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

#define HEAD                                                                                  \
	"remotes: [{id: r, address: 127.0.0.1@1}]\n"                                          \
	"templates: [{id: t, primaries: [r]}, {id: u, primaries: [r], zone-max-records: 7}, " \
	"{id: bare}]\n"
#define CATALOG(name)        \
	"  - {domain: " name \
	", primaries: [r], catalog-role: interpret, catalog-template: [t, u]}\n"

struct lab {
	char dir[40], conf[64];
	struct store *store;
	struct config *config;
	struct catalogs catalogs;
	struct zone_table table;
};

static knot_dname_t *name(const char *text)
{
	static knot_dname_storage_t names[8];
	static unsigned next;
	knot_dname_t *at = names[next++ % COUNT(names)];

	assert_non_null(knot_dname_from_str(at, text, sizeof(names[0])));
	return at;
}

static struct config *parse(const char *zones)
{
	struct config *config;
	char text[4096];

	snprintf(text, sizeof(text), "server: {listen: 127.0.0.1@1, zone-add: true}\n" HEAD "%s%s",
		 zones[0] ? "zones:\n" : "", zones);
	assert_int_equal(config_parse("test", (const uint8_t *)text, strlen(text), stderr, &config),
			 0);
	return config;
}

static int lab_open(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	strcpy(lab->dir, "/tmp/xnsd-test-agent-XXXXXX");
	assert_non_null(mkdtemp(lab->dir));
	snprintf(lab->conf, sizeof(lab->conf), "%s/conf", lab->dir);
	assert_int_equal(store_open(lab->dir, 64 << 20, &lab->store), 0);
	assert_int_equal(zone_table_make(&lab->table, NULL, 0), 0);
	log_set_level(LOG_LEVEL_ERROR);
	*state = lab;
	return 0;
}

static int lab_close(void **state)
{
	struct lab *lab = *state;
	char command[64];

	zone_table_free(&lab->table);
	catalogs_free(&lab->catalogs);
	config_free(lab->config);
	store_close(lab->store);
	snprintf(command, sizeof(command), "rm -r %s", lab->dir);
	assert_int_equal(system(command), 0);
	free(lab);
	return 0;
}

static void load(struct lab *lab, const char *apex, const char *text)
{
	const struct store_limits limits = {0};
	struct content *content = zonefile_finished(apex, text, NULL);
	struct store_changes *changes;
	struct store_zone stored;
	struct store_txn *txn;

	assert_int_equal(store_write_begin(lab->store, &txn), 0);
	assert_int_equal(store_zone_add(txn, content_apex(content), &stored), 0);
	assert_int_equal(store_zone_replace(txn, content, &limits, clock_real_s(), &changes), 0);
	assert_int_equal(store_write_commit(txn), 0);
	store_changes_free(changes);
	content_free(content);
}

/* A catalog's content; records: of its members. */
static void load_catalog(struct lab *lab, const char *apex, unsigned serial, const char *records)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "@ 0 SOA invalid. invalid. %u 1 1 1 0\n@ 0 NS invalid.\nversion 0 TXT 2\n%s",
		 serial, records);
	load(lab, apex, text);
}

static void put_operator(struct lab *lab, const char *apex, const char *template_id)
{
	struct store_member member = {.by_operator = true};
	struct store_txn *txn;

	strcpy(member.template_id, template_id);
	assert_int_equal(store_write_begin(lab->store, &txn), 0);
	assert_int_equal(store_member_put(txn, name(apex), &member), 0);
	assert_int_equal(store_write_commit(txn), 0);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "ZONE SOURCE[ CATALOG] MAX-RECORDS[ new]" of each, sorted, then "-ZONE[ purged]". */
static void describe(const struct plan *plan, char *ret)
{
	static const char *const sources[] = {"file", "catalog", "operator"};
	char *line[32];
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_zone *to = &plan->zone[i];
		const struct zone *zone = plan->table.zone[i];
		bool kept = !to->is_new && !to->has_conf;
		const char *catalog = to->has_conf ? to->catalog : zone->catalog;
		const struct config_zone *conf = kept || to->is_new ? zone->conf : to->conf;

		assert_true(asprintf(&line[n++], "%s %s%s%s %llu%s", zone->name,
				     sources[to->has_conf ? to->source : zone->source],
				     catalog ? " " : "", catalog ? catalog : "",
				     (unsigned long long)conf->max_records,
				     to->is_new ? " new" : "") > 0);
	}
	qsort(line, n, sizeof(*line), compare_lines);
	for (size_t i = 0; i < plan->change.n_removed; i++)
		assert_true(asprintf(&line[n++], "-%s%s", plan->change.removed[i]->name,
				     plan->change.purge[i] ? " purged" : "") > 0);
	ret[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		strcat(strcat(ret, line[i]), "\n");
		free(line[i]);
	}
}

/* What a change would be under this file; put into force. error: what it says instead. */
static void expect_plan(struct lab *lab, const char *zones, const char *expect)
{
	struct config *config = zones ? parse(zones) : config_ref(lab->config);
	struct plan_input input = {
		.old = &lab->table,
		.config = config,
		.is_new_config = zones != NULL,
		.catalogs = &lab->catalogs,
		.strict = true,
	};
	char reason[AGENT_REASON_MAX] = "", got[4096];
	struct zone_table old = lab->table;
	struct store_txn *txn;
	struct plan plan;
	int ret;

	assert_int_equal(store_write_begin(lab->store, &txn), 0);
	ret = plan_make(&plan, &input, txn, reason);
	if (ret < 0) {
		store_write_abort(txn);
		config_free(config);
		assert_non_null(strstr(reason, expect));
		return;
	}
	describe(&plan, got);
	assert_string_equal(got, expect);
	for (size_t i = 0; i < plan.change.n_removed; i++)
		if (plan.change.purge[i]) { /* the worker's part */
			store_zone_remove(txn, plan.change.removed[i]->apex);
			assert_int_equal(store_member_remove(txn, plan.change.removed[i]->apex), 0);
		}
	assert_int_equal(store_write_commit(txn), 0);
	for (size_t i = 0; i < plan.n; i++)
		if (plan.zone[i].has_conf) {
			struct zone *zone = plan.table.zone[i];

			zone_set_conf(zone, config, plan.zone[i].conf, plan.zone[i].own_conf);
			plan.zone[i].own_conf = NULL;
			zone->source = plan.zone[i].source;
			free(zone->catalog);
			zone->catalog = plan.zone[i].catalog;
			plan.zone[i].catalog = NULL;
		}
	lab->table = plan.table;
	plan.table = old;
	plan_free(&plan);
	config_free(lab->config);
	lab->config = config;
}

#define A    "  - {domain: a., primaries: [r]}\n"
#define B    "  - {domain: b., primaries: [r]}\n"
#define CAT  CATALOG("cat.")
#define CAT2 CATALOG("cat2.")

static void test_file(void **state)
{
	struct lab *lab = *state;
	struct zone *a;

	expect_plan(lab, A B, "a. file 0 new\nb. file 0 new\n");
	a = zone_table_get(&lab->table, name("a."));
	assert_int_not_equal(a->id, 0);
	expect_plan(lab, NULL, "a. file 0\nb. file 0\n");
	expect_plan(lab, A, "a. file 0\n-b.\n");
	assert_ptr_equal(zone_table_get(&lab->table, name("a.")), a);
	assert_ptr_equal(a->config, lab->config);
	expect_plan(lab, "", "-a.\n");
}

/* Content that the store has is served at once. */
static void test_content(void **state)
{
	struct lab *lab = *state;
	struct zone *a;

	load(lab, "a.", "@ 60 SOA ns h 7 1000 1000 100000 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n");
	expect_plan(lab, A B, "a. file 0 new\nb. file 0 new\n");
	a = zone_table_get(&lab->table, name("a."));
	assert_int_equal(a->serial, 7);
	assert_int_equal(zone_state(a, clock_boot_ms()), ZONE_ACTIVE);
	assert_int_equal(zone_state(zone_table_get(&lab->table, name("b.")), clock_boot_ms()),
			 ZONE_EMPTY);
}

static void test_operator(void **state)
{
	struct lab *lab = *state;

	expect_plan(lab, A, "a. file 0 new\n");
	put_operator(lab, "b.", "u");
	expect_plan(lab, NULL, "a. file 0\nb. operator 7 new\n");
	expect_plan(lab, A, "a. file 0\nb. operator 7\n");
	put_operator(lab, "c.", "gone");
	expect_plan(lab, NULL, "zone c. was added with the template 'gone', which is not there");
	put_operator(lab, "c.", "bare");
	expect_plan(lab, NULL,
		    "zone c. was added with the template 'bare', which is without primaries");
	put_operator(lab, "c.", "t");
	expect_plan(lab, NULL, "a. file 0\nb. operator 7\nc. operator 0 new\n");
	expect_plan(lab, A B, "a. file 0\nb. file 0\nc. operator 0\n"); /* the file takes it over */
	expect_plan(lab, A, "a. file 0\nc. operator 0\n-b.\n");
}

static void test_catalog(void **state)
{
	struct lab *lab = *state;
	struct zone *a;

	expect_plan(lab, CAT, "cat. file 0 new\n");
	load_catalog(lab, "cat.", 1, "1.zones 0 PTR a.\n2.zones 0 PTR b.\ngroup.2.zones 0 TXT u\n");
	expect_plan(lab, NULL, "a. catalog cat. 0 new\nb. catalog cat. 7 new\ncat. file 0\n");
	a = zone_table_get(&lab->table, name("a."));
	/* Nothing new, a new group, another unique label, a member that goes. */
	expect_plan(lab, NULL, "a. catalog cat. 0\nb. catalog cat. 7\ncat. file 0\n");
	load_catalog(lab, "cat.", 2, "1.zones 0 PTR a.\ngroup.1.zones 0 TXT u\n2.zones 0 PTR b.\n");
	expect_plan(lab, NULL, "a. catalog cat. 7\nb. catalog cat. 0\ncat. file 0\n");
	assert_ptr_equal(zone_table_get(&lab->table, name("a.")), a);
	load_catalog(lab, "cat.", 3, "x.zones 0 PTR a.\n");
	expect_plan(lab, NULL, "a. catalog cat. 0 new\ncat. file 0\n-a.\n-b. purged\n");
	/* Broken: all stays. No content: likewise. */
	load_catalog(lab, "cat.", 4, "x.zones 0 PTR a.\nx.zones 0 PTR b.\n");
	log_set_level(LOG_LEVEL_ERROR);
	expect_plan(lab, NULL, "a. catalog cat. 0\ncat. file 0\n");
	expect_plan(lab, CAT, "a. catalog cat. 0\ncat. file 0\n");
	/* The file takes it; the catalog goes. */
	load_catalog(lab, "cat.", 5, "x.zones 0 PTR a.\ny.zones 0 PTR b.\n");
	expect_plan(lab, CAT A, "a. file 0\nb. catalog cat. 0 new\ncat. file 0\n");
	expect_plan(lab, A, "a. file 0\n-cat.\n-b. purged\n");
}

static void test_catalogs(void **state)
{
	struct lab *lab = *state;
	struct zone *a;

	load_catalog(lab, "cat.", 1, "1.zones 0 PTR a.\n");
	load_catalog(lab, "cat2.", 1, "1.zones 0 PTR a.\n2.zones 0 PTR b.\n3.zones 0 PTR cat.\n");
	expect_plan(
		lab, CAT CAT2,
		"a. catalog cat. 0 new\nb. catalog cat2. 0 new\ncat. file 0 new\ncat2. file 0 new\n");
	assert_int_equal(lab->catalogs.n_clashes, 2); /* a. and cat. */
	a = zone_table_get(&lab->table, name("a."));
	/* The first leaves it to the second, in which it has the same label. */
	load_catalog(lab, "cat.", 2, "1.zones 0 PTR a.\ncoo.1.zones 0 PTR cat2.\n");
	expect_plan(lab, NULL,
		    "a. catalog cat2. 0\nb. catalog cat2. 0\ncat. file 0\ncat2. file 0\n");
	assert_ptr_equal(zone_table_get(&lab->table, name("a.")), a);
	assert_int_equal(lab->catalogs.n_clashes, 1);
	/* And back, under another one; the entry that is left behind counts for nothing. */
	load_catalog(lab, "cat.", 3, "9.zones 0 PTR a.\n");
	load_catalog(lab, "cat2.", 2,
		     "1.zones 0 PTR a.\ncoo.1.zones 0 PTR cat.\n2.zones 0 PTR b.\n");
	expect_plan(lab, NULL,
		    "a. catalog cat. 0 new\nb. catalog cat2. 0\ncat. file 0\ncat2. file 0\n-a.\n");
	/* Without a word from the first: begun anew. */
	load_catalog(lab, "cat.", 4, "");
	load_catalog(lab, "cat2.", 3, "9.zones 0 PTR a.\n2.zones 0 PTR b.\n");
	expect_plan(lab, NULL,
		    "a. catalog cat2. 0 new\nb. catalog cat2. 0\ncat. file 0\ncat2. file 0\n-a.\n");
}

/* ---- the whole agent ---- */

struct outcome {
	unsigned done;
	int error;
	char text[AGENT_REASON_MAX];
};

static void on_outcome(void *ctx, int error, const char *text)
{
	struct outcome *outcome = ctx;

	outcome->done++;
	outcome->error = error;
	snprintf(outcome->text, sizeof(outcome->text), "%s", text);
}

static void on_stop(void *ctx)
{
	(void)ctx;
}

static void write_conf(const struct lab *lab, const char *zones)
{
	FILE *file = fopen(lab->conf, "w");

	fprintf(file,
		"server: {listen: 127.0.0.1@50153, database: %s, rundir: %s, zone-add: true, "
		"log-level: error}\n" HEAD "%s%s",
		lab->dir, lab->dir, zones[0] ? "zones:\n" : "", zones);
	assert_int_equal(fclose(file), 0);
}

static void run_until(uv_loop_t *loop, const struct outcome *outcome, unsigned done)
{
	while (outcome->done < done)
		uv_run(loop, UV_RUN_ONCE);
}

/* Everything at once and one behind the other; leaks and races are for the sanitizers. */
static void test_agent(void **state)
{
	struct outcome reload = {0}, add = {0}, remove = {0}, purge = {0};
	struct lab *lab = *state;
	struct config *config;
	struct agent *agent;
	uv_loop_t loop;

	store_close(lab->store); /* the agent's now */
	lab->store = NULL;
	write_conf(lab, A CAT);
	assert_int_equal(config_load(lab->conf, stderr, &config), 0);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(agent_start(&loop, config, NULL, on_stop, NULL, &agent), 0);
	assert_int_equal(agent_zones(agent), 2);

	write_conf(lab, B CAT);
	assert_int_equal(agent_reload(agent, on_outcome, &reload), 0);
	assert_int_equal(agent_reload(agent, on_outcome, &reload), 0);
	assert_int_equal(agent_zone_add(agent, name("c."), "t", on_outcome, &add), 0);
	run_until(&loop, &reload, 2);
	run_until(&loop, &add, 1);
	assert_int_equal(reload.error, 0);
	assert_int_equal(add.error, 0);
	assert_int_equal(agent_zones(agent), 3);

	assert_int_equal(agent_zone_add(agent, name("c."), "t", on_outcome, &add), 0);
	run_until(&loop, &add, 2);
	assert_int_equal(add.error, -EEXIST);
	assert_string_equal(add.text, "zone c. was added before");

	write_conf(lab, "  - {domain: b., primaries: [nobody]}\n");
	assert_int_equal(agent_reload(agent, on_outcome, &reload), 0);
	assert_int_equal(agent_zone_purge(agent, name("b."), on_outcome, &purge), 0);
	run_until(&loop, &reload, 3);
	assert_int_equal(reload.error, -EINVAL);
	assert_non_null(strstr(reload.text, "nobody"));
	run_until(&loop, &purge, 1);
	assert_int_equal(purge.error, 0);
	assert_int_equal(agent_zones(agent), 3);

	for (unsigned i = 0; i < 50; i++) { /* an unpark, at once followed by a park */
		request_catalogs(agent);
		assert_int_equal(agent_zone_purge(agent, NULL, on_outcome, &purge), 0);
		run_until(&loop, &purge, 2 + i);
	}
	assert_int_equal(agent_zone_remove(agent, name("c."), on_outcome, &remove), 0);
	run_until(&loop, &remove, 1);
	assert_int_equal(remove.error, 0);
	assert_int_equal(agent_zone_remove(agent, name("b."), on_outcome, &remove), 0);
	run_until(&loop, &remove, 2);
	assert_int_equal(remove.error, -ENOENT);

	write_conf(lab, A);
	assert_int_equal(agent_reload(agent, on_outcome, &reload), 0); /* is not waited for */
	agent_stop(agent);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(reload.done, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file, lab_open, lab_close),
		cmocka_unit_test_setup_teardown(test_content, lab_open, lab_close),
		cmocka_unit_test_setup_teardown(test_operator, lab_open, lab_close),
		cmocka_unit_test_setup_teardown(test_catalog, lab_open, lab_close),
		cmocka_unit_test_setup_teardown(test_catalogs, lab_open, lab_close),
		cmocka_unit_test_setup_teardown(test_agent, lab_open, lab_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
