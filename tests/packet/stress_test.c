/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Zones go from serial to serial, by differences and as wholes, while two CPUs ask the program
 * without pause. Every record tells the serial that it is of (its TTL does, if its data do not),
 * and much comes and goes with odd and even serials: names, wildcards, delegations, and what denies
 * them. Each reply must be, to the byte, what one serial has, and none that is older than what was
 * seen on that CPU before. One thread asks on each, as runs by BPF_PROG_TEST_RUN on one CPU share
 * its scratch.
 *
 *   stress_test [-n SERIALS] [-t SECONDS] [xnsd.bpf.o]
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "packet/groups.h"
#include "packet/zones.h"
#include "publish/grow.h"

#define HOUR   3600
#define TEN    "0123456789"
#define FIFTY  TEN TEN TEN TEN TEN
#define HASH   "0123456789abcdef0123456789abcdef"
#define LONG   "\"" FIFTY FIFTY FIFTY FIFTY "\" "
#define LOADED 5
#define RELOAD 16   /* serials after which one of the zones is taken out of service, in turn */
#define RING   64   /* serials whose replies are known */
#define TTL    1000 /* of the records of serial 0 */

#define ASKERS_MAX   2
#define SWITCHES_MIN 1000 /* of all zones, however long it takes */

static unsigned long wanted_serials = 400, seconds = 25;

static struct rig rig;
static struct zones zones;

/* Serials: in force at least, and in the maps at most. */
static _Atomic uint32_t in_force, begun;
static atomic_bool stop, faulty;

/* The child is a zone of its own below the first. */
static const struct {
	const char *name;
	enum sign how;
	bool may_pass; /* is taken out of service now and then */
} loaded[LOADED] = {
	{"stress.test", SIGN_NOT, false},   {"child.stress.test", SIGN_NOT, false},
	{"other.test", SIGN_NOT, true},	    {"nsec.test", SIGN_NSEC, false},
	{"nsec3.test", SIGN_OPT_OUT, true},
};
static const char *const names[] = {"stress.test", "child.stress.test", "other.test",
				    "nsec.test",   "nsec3.test",	NULL};
static char fault[4096];

/* ---- what a serial has: $ is its number, & its number as an address, ~ its TTL ---- */

static const char both[] = "@ 300 SOA ns host $ 3600 900 1209600 60\n@ NS ns\nns A &\n"
			   "www A &\nwww TXT \"$\"\nwww TYPE700 \\# 1 00\nwww MX 10 ns\n"
			   "www SRV 1 2 3 ns\nwww LOC 0 N 0 E 0\nwww AFSDB $ ns\n"
			   "small TXT " LONG "\"$\"\nlarge TXT " LONG LONG LONG "\"$\"\n"
			   "alias CNAME www\nchain CNAME alias\nto CNAME comes\n"
			   "into CNAME x.wild\nchild NS ns\nsafe NS ns\n"
			   "safe DS 1 13 2 " HASH HASH "\n";
static const char odd[] = "comes A &\na.ent TXT \"$\"\n*.wild TXT \"$\"\ncut NS ns.cut\n"
			  "ns.cut A &\nflip A &\nmore A &\nmore TXT \"$\"\nmore MX 10 ns\n"
			  "more AFSDB $ ns\nmore TYPE700 \\# 1 00\n";
static const char even[] = "goes A &\nb.tent TXT \"$\"\nwild A &\ncut A &\nns.cut A &\n"
			   "flip CNAME www\nmore A &\n";

/* $, &, ~ as above, % the zone. */
static void expand(const char *text, const char *zone, uint32_t serial, char *ret, size_t size)
{
	size_t used = 0;

	for (; *text; text++) {
		if (*text == '$')
			used += snprintf(ret + used, size - used, "%u", serial);
		else if (*text == '&')
			used += snprintf(ret + used, size - used, "10.%u.%u.%u", serial >> 16,
					 serial >> 8 & 255, serial & 255);
		else if (*text == '~')
			used += snprintf(ret + used, size - used, "%u", TTL + serial);
		else if (*text == '%')
			used += snprintf(ret + used, size - used, "%s", zone);
		else
			ret[used++] = *text;
		if (used + 64 > size)
			abort();
	}
	ret[used] = '\0';
}

static void zone_text(uint32_t serial, char *ret, size_t size)
{
	char text[8192];
	size_t used;

	snprintf(text, sizeof(text), "%s%s", both, serial & 1 ? odd : even);
	used = snprintf(ret, size, "$TTL %u\n", TTL + serial);
	expand(text, "", serial, ret + used, size - used);
}

/* ---- what is asked, and the reply of an odd and of an even serial (NULL: the same) ---- */

#define NEGATIVE "ns %. 60 soa ns.%. host.%. $ 3600 900 1209600 60\n"
#define NX	 "nxdomain aa\n" NEGATIVE
#define NODATA	 "noerror aa\n" NEGATIVE
#define A_OF(n)	 "an " n "%. ~ a &\n"
#define CUT	 "noerror\nns cut.%. ~ ns ns.cut.%.\nar ns.cut.%. ~ a &\n"
#define POS(n)	 "noerror aa\n" A_OF(n)

#define A	1
#define MX	15
#define TXT	16
#define DS	43
#define TYPE700 700

static const struct question {
	const char *name;
	uint16_t type;
	const char *odd, *even;
} questions[] = {
	{"", 6, "noerror aa\nan %. 300 soa ns.%. host.%. $ 3600 900 1209600 60\n", NULL},
	{"www.", A, POS("www."), NULL},
	{"www.", TXT, "noerror aa\nan www.%. ~ txt \"$\"\n", NULL},
	{"www.", 18, "noerror aa\nan www.%. ~ afsdb $ ns.%.\n", NULL},
	{"www.", MX, "noerror aa\nan www.%. ~ mx 10 ns.%.\nar ns.%. ~ a &\n", NULL},
	{"www.", 99, NODATA, NULL},
	{"small.", TXT, "noerror aa\nan small.%. ~ txt \"" FIFTY FIFTY FIFTY FIFTY "\" \"$\"\n",
	 NULL},
	{"large.", TXT,
	 "noerror aa\nan large.%. ~ txt \"" FIFTY FIFTY FIFTY FIFTY "\" \"" FIFTY FIFTY FIFTY FIFTY
	 "\" \"" FIFTY FIFTY FIFTY FIFTY "\" \"$\"\n",
	 NULL},
	{"alias.", A, "noerror aa\nan alias.%. ~ cname www.%.\n" A_OF("www."), NULL},
	{"chain.", A,
	 "noerror aa\nan chain.%. ~ cname alias.%.\nan alias.%. ~ cname www.%.\n" A_OF("www."),
	 NULL},
	{"chain.", 99,
	 "noerror aa\nan chain.%. ~ cname alias.%.\nan alias.%. ~ cname www.%.\n" NEGATIVE, NULL},
	{"neg.", A, NX, NULL},
	{"b.neg.", A, NX, NULL},
	{"to.", A, "noerror aa\nan to.%. ~ cname comes.%.\n" A_OF("comes."),
	 "nxdomain aa\nan to.%. ~ cname comes.%.\n" NEGATIVE},
	{"comes.", A, POS("comes."), NX},
	{"x.comes.", A, NX, NX},
	{"goes.", A, NX, POS("goes.")},
	{"ent.", A, NODATA, NX},
	{"tent.", A, NX, NODATA},
	{"a.ent.", TXT, "noerror aa\nan a.ent.%. ~ txt \"$\"\n", NX},
	{"x.tent.", A, NX, NX},
	{"wild.", A, NODATA, POS("wild.")},
	{"x.wild.", TXT, "noerror aa\nan x.wild.%. ~ txt \"$\"\n", NX},
	{"y.x.wild.", A, NODATA, NX},
	{"into.", TXT, "noerror aa\nan into.%. ~ cname x.wild.%.\nan x.wild.%. ~ txt \"$\"\n",
	 "nxdomain aa\nan into.%. ~ cname x.wild.%.\n" NEGATIVE},
	{"child.", DS, NODATA, NULL},
	{"safe.", DS, "noerror aa\nan safe.%. ~ ds 1 13 2 " HASH HASH "\n", NULL},
	{"www.safe.", A, "noerror\nns safe.%. ~ ns ns.%.\nar ns.%. ~ a &\n", NULL},
	{"*.wild.", TXT, "noerror aa\nan *.wild.%. ~ txt \"$\"\n", NX},
	{"cut.", A, CUT, POS("cut.")},
	{"ns.cut.", A, CUT, POS("ns.cut.")},
	{"x.cut.", A, CUT, NX},
	{"flip.", A, POS("flip."), "noerror aa\nan flip.%. ~ cname www.%.\n" A_OF("www.")},
	{"flip.", 99, NODATA, "noerror aa\nan flip.%. ~ cname www.%.\n" NEGATIVE},
	{"more.", A, POS("more."), NULL},
	{"more.", MX, "noerror aa\nan more.%. ~ mx 10 ns.%.\nar ns.%. ~ a &\n", NODATA},
	{"more.", TYPE700, "noerror aa\nan more.%. ~ type700 \\# 1 00\n", NODATA},
};

#define N_QUESTIONS (sizeof(questions) / sizeof(questions[0]))

/* Of the signed zones: what the sockets would answer, by serial. */
static char expected[RING][LOADED][N_QUESTIONS][3072];

/* ---- the asking thread ---- */

struct asked {
	int index; /* of the zone */
	const char *zone;
	const struct question *question;
	struct shape shape;
	uint8_t frame[FRAME_MAX];
	size_t len;
};

static struct asked asked[LOADED][N_QUESTIONS];

struct asker {
	int cpu;
	pthread_t thread;
	uint32_t last[LOADED]; /* serials seen */
	uint64_t n_asked[LOADED], n_answered[LOADED];
	uint8_t out[FRAME_MAX * 2];
};

static struct asker askers[ASKERS_MAX];

static void prepare_questions(void)
{
	uint8_t message[512];
	char name[256];

	for (int z = 0; z < LOADED; z++)
		for (size_t i = 0; i < N_QUESTIONS; i++) {
			struct asked *a = &asked[z][i];
			struct ask ask = {.name = name,
					  .type = questions[i].type,
					  .edns = true,
					  .dnssec_ok = loaded[z].how != SIGN_NOT,
					  .spelling = i % CASE_COUNT};

			snprintf(name, sizeof(name), "%s%s", questions[i].name, names[z]);
			a->index = z;
			a->zone = names[z];
			a->question = &questions[i];
			a->shape = (struct shape){.ipv6 = i % 2};
			a->len = frame_make(&a->shape, message, ask_message(&ask, message),
					    a->frame);
		}
}

static void __attribute__((format(printf, 2, 3))) found_fault(const struct asked *a,
							      const char *fmt, ...)
{
	va_list args;
	size_t used;

	if (atomic_exchange(&faulty, true))
		return;
	used = snprintf(fault, sizeof(fault), "%s%s type %u: ", a->question->name, a->zone,
			a->question->type);
	va_start(args, fmt);
	vsnprintf(fault + used, sizeof(fault) - used, fmt, args);
	va_end(args);
	atomic_store(&stop, true);
}

static const char *reply_of(const struct question *q, uint32_t serial)
{
	return serial & 1 || !q->even ? q->odd : q->even;
}

/* Is the reply that of one of the serials in force meanwhile? Returns it, 0: of none. */
static uint32_t serial_of(const struct asked *a, char *text, uint32_t from, uint32_t to)
{
	char want[4096];

	if (loaded[a->index].how != SIGN_NOT)
		zones_sort_reply(text);
	for (uint32_t serial = from; serial <= to; serial++) {
		const char *is = want;

		if (loaded[a->index].how == SIGN_NOT)
			expand(reply_of(a->question, serial), a->zone, serial, want, sizeof(want));
		else
			is = expected[serial % RING][a->index][a->question - questions];
		if (strcmp(text, is) == 0)
			return serial;
	}
	return 0;
}

static void check_pass(const struct asked *a, const uint8_t *frame, size_t len, uint32_t from,
		       uint32_t to)
{
	if (len != a->len || memcmp(frame, a->frame, len) != 0)
		found_fault(a, "changed, then passed up");
	if (!loaded[a->index].may_pass)
		found_fault(a, "passed up at serials %u to %u", from, to);
}

static void ask_once(struct asker *asker, const struct asked *a)
{
	uint32_t *last = &asker->last[a->index];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = a->frame, .data_size_in = a->len,
		    .data_out = asker->out, .data_size_out = sizeof(asker->out), .repeat = 1);
	uint32_t from = atomic_load(&in_force), to, serial;
	const char *wrong;
	char text[4096];

	if (bpf_prog_test_run_opts(rig.program, &opts) != 0) {
		found_fault(a, "BPF_PROG_TEST_RUN: %s", strerror(errno));
		return;
	}
	to = atomic_load(&begun);
	asker->n_asked[a->index]++;
	if (opts.retval == XDP_PASS) {
		check_pass(a, asker->out, opts.data_size_out, from, to);
		return;
	}
	wrong = opts.retval == XDP_TX
			? reply_fault(&a->shape, a->frame, a->len, asker->out, opts.data_size_out)
			: "neither sent nor passed up";
	if (wrong) {
		found_fault(a, "%s", wrong);
		return;
	}
	asker->n_answered[a->index]++;
	if (to - from >= RING - 1)
		return; /* held up for so long that it is not known what was in force */
	reply_text(&a->shape, asker->out, opts.data_size_out, text, sizeof(text));
	serial = serial_of(a, text, from > *last ? from : *last, to);
	if (serial == 0)
		found_fault(a, "no reply of serials %u (seen: %u) to %u:\n%s", from, *last, to,
			    text);
	else
		*last = serial;
}

static void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set); /* with one CPU: as it is */
}

static void *ask_on(void *ctx)
{
	struct asker *asker = ctx;
	uint32_t random = 1 + asker->cpu;

	pin_to_cpu(asker->cpu);
	while (!atomic_load(&stop)) {
		random = random * 1103515245 + 12345;
		ask_once(asker, &asked[(random >> 16) % LOADED][(random >> 18) % N_QUESTIONS]);
	}
	return NULL;
}

/* ---- the publishing thread ---- */

/* What the sockets answer from now on, before anything of it is at the interface. */
static void stored_serial(void)
{
	uint32_t serial = atomic_load(&begun) + 1;
	char name[256];

	for (int z = 0; z < LOADED; z++)
		for (size_t i = 0; loaded[z].how != SIGN_NOT && i < N_QUESTIONS; i++) {
			char *text = expected[serial % RING][z][i];

			snprintf(name, sizeof(name), "%s%s", questions[i].name, names[z]);
			zones_answer(&zones, name, questions[i].type, true, text,
				     sizeof(expected[0][0][0]));
			zones_sort_reply(text);
		}
	atomic_store(&begun, serial);
}

static void load_serial(uint32_t serial)
{
	static char text[8192];
	struct zones_text content[LOADED];

	zone_text(serial, text, sizeof(text));
	for (int i = 0; i < LOADED; i++)
		content[i] = (struct zones_text){names[i], text, loaded[i].how, serial};
	zones_load_batch(&zones, content, LOADED, HOUR);
	atomic_store(&in_force, serial);
}

/* As after a failure: a zone is given to the stack, then another agent takes over. */
static void take_out_of_service(int index)
{
	int fd = rig_map(&rig, "zones");
	knot_dname_storage_t apex;
	struct xns_zone entry;
	uint32_t id;

	assert_non_null(knot_dname_from_str(apex, names[index], sizeof(apex)));
	id = zone_table_get(&zones.table, apex)->id;
	assert_int_equal(bpf_map_lookup_elem_flags(fd, &id, &entry, BPF_F_LOCK), 0);
	entry.state = XNS_ZONE_LOADING;
	entry.generation = UINT64_MAX;
	assert_int_equal(bpf_map_update_elem(fd, &id, &entry, BPF_F_LOCK), 0);
	zones_take_over(&zones, &rig);
}

/* For as long as was asked for, and until there were enough switches in any case. */
static bool goes_on(uint32_t serial, int64_t until_ms)
{
	if (atomic_load(&stop) || serial >= wanted_serials)
		return false;
	return clock_boot_ms() < until_ms || serial * LOADED < SWITCHES_MIN;
}

static void check_counters(void)
{
	uint64_t counts[XNS_COUNTER_COUNT];

	rig_counters(&rig, counts); /* passed up, where they were, for the zone's state only */
	for (enum xns_counter c = 0; c < XNS_COUNTER_COUNT; c++)
		if (counts[c] > 0 && !rig_is_answer(c) && c != XNS_PASS_NOT_READY)
			fail_msg("%s: %llu times", rig_counter_name[c],
				 (unsigned long long)counts[c]);
}

static void check_asker(const struct asker *asker, uint32_t serials)
{
	for (int i = 0; i < LOADED; i++) {
		printf("CPU %d, %s: %u serials, %llu queries, %llu answered\n", asker->cpu,
		       names[i], serials, (unsigned long long)asker->n_asked[i],
		       (unsigned long long)asker->n_answered[i]);
		assert_true(asker->n_answered[i] > asker->n_asked[i] / 2);
	}
}

/* Any segment at any time, by a larger or a smaller one: nobody notices. */
static void replace_some(uint32_t serial)
{
	static const struct publish_growth growth = {.make = rig_make_segment, .ctx = &rig};

	publish_set_growth(zones.publish, &growth); /* it is another one after a restart */
	for (enum map_id map = MAP_NODES; map <= MAP_ORDER; map++)
		assert_int_equal(grow_replace(zones.publish, map, serial * 7 % XNS_SEGMENTS,
					      512U << (serial + map) % 3),
				 0);
}

static void test_stress(void **state)
{
	int64_t until_ms = clock_boot_ms() + seconds * 1000;
	int n_askers = sysconf(_SC_NPROCESSORS_ONLN) < ASKERS_MAX ? 1 : ASKERS_MAX;
	uint32_t serial = 1;

	(void)state;
	prepare_questions();
	zones.stored = stored_serial;
	load_serial(serial);
	pin_to_cpu(0);
	for (int i = 0; i < n_askers; i++) {
		askers[i].cpu = i;
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_on, &askers[i]), 0);
	}
	while (goes_on(serial, until_ms)) {
		int index = serial / RELOAD % LOADED;

		if (serial % RELOAD == 0 && loaded[index].may_pass)
			take_out_of_service(index);
		load_serial(++serial);
		replace_some(serial);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < n_askers; i++)
		pthread_join(askers[i].thread, NULL);
	printf("%u switches, %llu of them by a difference\n", serial * LOADED,
	       (unsigned long long)zones.n_differences);
	if (fault[0])
		fail_msg("%s", fault);
	check_counters();
	for (int i = 0; i < n_askers; i++)
		check_asker(&askers[i], serial);
	assert_true(zones.n_differences > serial * LOADED / 3);
}

static int open_rig(void **state)
{
	(void)state;
	rig_open(&rig);
	zones_open(&zones, &rig, names);
	zones_use_differences(&zones);
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	zones_close(&zones);
	rig_close(&rig);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_stress)};
	int opt;

	while ((opt = getopt(argc, argv, "n:t:")) != -1) {
		if (opt == 'n')
			wanted_serials = strtoul(optarg, NULL, 10);
		else if (opt == 't')
			seconds = strtoul(optarg, NULL, 10);
		else
			return EXIT_FAILURE;
	}
	rig_object_path = optind < argc ? argv[optind] : "build/xnsd.bpf.o";
	return cmocka_run_group_tests_name("packet: stress", tests, open_rig, close_rig);
}
