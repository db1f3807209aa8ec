// SPDX-License-Identifier: GPL-3.0-or-later
/* Zones added and removed, primaries changed at run time; what is known of each primary. */
#include "refresh_lab.h"

#define ZONE(name, primaries) "  - {domain: " name ", primaries: [" primaries "]}\n"

/* The configuration as on disk now; the zones of the table stay. */
static void configure(struct lab *lab, const char *server, const char *zones)
{
	struct config *config = lab_config(lab, server, zones);

	assert_int_equal(config->n_zones, lab->zones.n);
	for (size_t i = 0; i < lab->zones.n; i++)
		zone_set_conf(lab->zones.zone[i], config, &config->zones[i], NULL);
	assert_int_equal(refresh_configure(lab->refresh, config), 0);
	config_free(lab->config);
	lab->config = config;
}

static struct refresh_primary primary(struct lab *lab, size_t i, size_t expect_n)
{
	size_t n;
	struct refresh_primary *all = refresh_get_primaries(lab->refresh, lab->zone, &n), one;

	assert_non_null(all);
	assert_int_equal(n, expect_n);
	one = all[i];
	free(all);
	return one;
}

static void test_primaries(void **state)
{
	struct lab *lab = lab_new("a, b");
	char text[64];

	(void)state;
	lab->a.end = END_REFUSE;
	wait_serial(lab, 7);
	snprintf(text, sizeof(text), "127.0.0.1@%d", lab->a.port);
	assert_string_equal(primary(lab, 0, 2).id, "a");
	assert_string_equal(primary(lab, 0, 2).address, text);
	assert_non_null(strstr(primary(lab, 0, 2).error, "answered REFUSED"));
	assert_true(primary(lab, 0, 2).asked_at > 0);
	assert_true(primary(lab, 0, 2).error_at > 0);
	assert_int_equal(primary(lab, 0, 2).answered_at, 0);
	assert_string_equal(primary(lab, 1, 2).id, "b");
	assert_string_equal(primary(lab, 1, 2).error, "");
	assert_int_equal(primary(lab, 1, 2).serial, 7);
	assert_true(primary(lab, 1, 2).answered_at > 0);
	/* its good answer ends the error */
	publish(&lab->a, SOA(7), SOA(7) NS);
	check_now(lab);
	assert_string_equal(primary(lab, 0, 2).error, "");
	assert_int_equal(primary(lab, 0, 2).serial, 7);
	lab_free(lab);
}

/* The primary is replaced: idle, and in the middle of each kind of question. */
static void test_replaced(void **state)
{
	enum {
		IDLE,
		IN_QUERY,
		IN_TRANSFER,
		PLACES
	};

	(void)state;
	for (int place = IDLE; place < PLACES; place++) {
		struct lab *lab = lab_new_zones("", ZONE("example.com", "a"));

		wait_serial(lab, 7);
		publish(&lab->a, SOA(8), SOA(8) NS);
		publish(&lab->b, SOA(9), SOA(9) NS);
		lab->a.message[1] = NULL; /* never ends */
		if (place == IN_QUERY)
			lab->a.udp_mode = UDP_SILENT;
		if (place != IDLE)
			refresh_now(lab->refresh, lab->zone);
		while ((place == IN_QUERY && lab->a.udp_queries == 0) ||
		       (place == IN_TRANSFER && lab->a.axfrs < 2))
			turn(lab);
		configure(lab, "", ZONE("example.com", "b"));
		if (place == IDLE)
			check_now(lab);
		wait_serial(lab, 9);
		assert_string_equal(primary(lab, 0, 1).id, "b");
		lab_free(lab);
	}
}

/* A transfer from a primary that stays goes on, wherever in the list it is now. */
static void test_kept(void **state)
{
	struct lab *lab = lab_new_zones("", ZONE("example.com", "a"));

	(void)state;
	wait_serial(lab, 7);
	publish(&lab->a, SOA(8), SOA(8) NS);
	publish(&lab->b, SOA(9), SOA(9) NS);
	lab->a.message[1] = NULL;
	lab->a.end = END_DRIP; /* has begun, and goes on until it is too long */
	refresh_now(lab->refresh, lab->zone);
	while (lab->a.axfrs < 2)
		turn(lab);
	configure(lab, "", ZONE("example.com", "b, a"));
	assert_string_equal(status(lab).activity, "transfer");
	assert_int_equal(lab->b.udp_queries, 0);
	wait_serial(lab, 9); /* then the other one is asked */
	assert_non_null(strstr(primary(lab, 1, 2).error, "not done after 1.0 s"));
	lab_free(lab);
}

/* A zone whose primary was wrong gets another: it is asked at once, not when the back-off ends. */
static void test_mended(void **state)
{
	struct lab *lab = lab_new_zones("", ZONE("example.com", "a"));

	(void)state;
	lab->a.end = END_REFUSE;
	for (int i = 0; i < 10; i++) {
		settle(lab);
		while (status(lab).last_error[0] == '\0')
			turn(lab);
		pass_s(lab, status(lab).next_refresh_s);
	}
	settle(lab);
	assert_true(status(lab).next_refresh_s > 60);
	configure(lab, "", ZONE("example.com", "b"));
	wait_serial(lab, 7);
	assert_int_equal(lab->b.axfrs, 1);
	lab_free(lab);
}

/* ---- zones ---- */

static struct zone *add(struct lab *lab, struct config *config, const struct store_zone *stored)
{
	struct zone *zone = zone_new(config, &config->zones[0], NULL, ZONE_FROM_CONFIG);
	struct store_txn *txn;
	struct store_zone made;

	assert_non_null(zone);
	assert_int_equal(store_write_begin(lab->store, &txn), 0);
	assert_int_equal(store_zone_add(txn, zone->apex, &made), 0);
	assert_int_equal(store_write_commit(txn), 0);
	zone->id = made.id;
	assert_int_equal(refresh_zone_add(lab->refresh, zone, stored ? stored : &made), 0);
	return zone;
}

/* Removed with something under way at every place: what comes of it is dropped. */
static void test_remove(void **state)
{
	enum {
		NEW,
		IN_QUERY,
		IN_TRANSFER,
		IN_COMMIT,
		NOTIFIED,
		PLACES
	};

	(void)state;
	for (int place = NEW; place < PLACES; place++) {
		struct lab *lab = lab_new_zones("", ZONE("example.com", "a"));
		struct config *config = lab_config(lab, "", ZONE("example.com", "b"));
		struct zone *own = lab->zone;
		struct store_zone stored;

		/* The same zone once more, as if it was another. */
		wait_serial(lab, 7);
		stored = status(lab).stored;
		refresh_zone_remove(lab->refresh, own);
		assert_null(own->refresh);
		publish(&lab->b, SOA(8), SOA(8) NS);
		if (place == IN_TRANSFER)
			lab->b.message[1] = NULL;
		if (place == IN_QUERY)
			lab->b.udp_mode = UDP_SILENT;
		lab->zone = add(lab, config, place == NEW ? NULL : &stored);
		if (place == NOTIFIED)
			send_notify(lab, "127.0.0.2", true, 9);
		else if (place != NEW)
			refresh_now(lab->refresh, lab->zone);
		while ((place == IN_QUERY && lab->b.udp_queries == 0) ||
		       (place == IN_TRANSFER && lab->b.axfrs == 0) ||
		       (place == IN_COMMIT && strcmp(status(lab).activity, "commit") != 0))
			turn(lab);
		atomic_store(&lab->zone->removed, true);
		refresh_zone_remove(lab->refresh, lab->zone);
		for (int i = 0; i < 5; i++)
			uv_run(&lab->loop, UV_RUN_NOWAIT);
		zone_unref(lab->zone);
		config_free(config);
		assert_int_equal(lab->refresh->n_zones, 0);
		assert_int_equal(lab->refresh->peers.n, 0);
		assert_int_equal(lab->a.axfrs, 1);
		lab_free(lab);
	}
}

/* Added while the others go on. */
static void test_add(void **state)
{
	struct lab *lab = lab_new_zones("", ZONE("example.com", "a"));
	struct config *config = lab_config(lab, "", ZONE("sub.example.com", "b"));
	struct zone *own = lab->zone;

	(void)state;
	wait_serial(lab, 7);
	publish(&lab->b, "sub SOA ns host 5 3600 900 86400 300\n",
		"sub SOA ns host 5 3600 900 86400 300\nsub NS ns\n");
	lab->zone = add(lab, config, NULL);
	wait_serial(lab, 5);
	refresh_zone_remove(lab->refresh, lab->zone);
	zone_unref(lab->zone);
	lab->zone = own;
	assert_int_equal(status(lab).stored.serial, 7);
	config_free(config);
	lab_free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_primaries), cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_kept),	  cmocka_unit_test(test_mended),
		cmocka_unit_test(test_remove),	  cmocka_unit_test(test_add),
	};

	signal(SIGPIPE, SIG_IGN); /* as in xnsd */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
