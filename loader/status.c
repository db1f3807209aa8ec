// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <jansson.h>

#include "loader.h"
#include "xns_abi.h"

/* Both forms of the output come from the same JSON. */
#define TIME_TEXT_MAX 40

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* The kernel notes the time since boot; people want the date. */
static const char *date_text(uint64_t boottime_ns, char text[TIME_TEXT_MAX])
{
	int64_t real_ns =
		clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) + (int64_t)boottime_ns;
	time_t seconds = real_ns / 1000000000;
	struct tm tm;
	localtime_r(&seconds, &tm);
	strftime(text, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S%z", &tm);
	return text;
}

static json_t *program_json(const struct iface_program *program)
{
	char tag[2 * BPF_TAG_SIZE + 1], text[TIME_TEXT_MAX];
	for (size_t i = 0; i < BPF_TAG_SIZE; i++)
		snprintf(tag + 2 * i, 3, "%02x", program->tag[i]);
	return json_pack("{s:I s:s s:s s:s s:I s:I s:b s:b}", "id", (json_int_t)program->id, "name",
			 program->name, "tag", tag, "loaded", date_text(program->loaded_ns, text),
			 "priority", (json_int_t)program->priority, "verified_insns",
			 (json_int_t)program->verified_insns, "xnsd", program->ours, "pinned_maps",
			 program->pinned_maps);
}

static void add_warnings(const struct iface *iface, bool attached, json_t *warnings)
{
	char text[256];
	if (iface->attached && !iface->readable)
		json_array_append_new(
			warnings,
			json_string("a program is attached that we may not look at; run as root"));
	if (iface->lost)
		json_array_append_new(
			warnings,
			json_string("a libxdp dispatcher whose pins are gone: its programs "
				    "are not known"));
	for (size_t i = 0; i < iface->n_programs; i++)
		if (iface->program[i].ours && !iface->program[i].pinned_maps)
			json_array_append_new(
				warnings,
				json_string("the program does not run on the pinned maps, so xnsd "
					    "does not reach it: attach again"));
	if (attached && iface->mode == XDP_MODE_SKB)
		json_array_append_new(
			warnings, json_string("generic mode is several times slower than native"));
	if (attached && iface->vlan_stripped) {
		snprintf(text, sizeof(text), IFACE_VLAN_WARNING, iface->name);
		json_array_append_new(warnings, json_string(text));
	}
}

static json_t *iface_json(const struct iface *iface)
{
	const struct iface_program *ours = iface_ours(iface);
	json_t *others = json_array(), *warnings = json_array();
	for (size_t i = 0; i < iface->n_programs; i++)
		if (&iface->program[i] != ours)
			json_array_append_new(others, program_json(&iface->program[i]));
	add_warnings(iface, ours != NULL, warnings);
	json_t *json = json_pack("{s:s s:i s:b}", "interface", iface->name, "ifindex",
				 (int)iface->index, "attached", ours != NULL);
	json_object_set_new(json, "mode",
			    iface->attached ? json_string(iface_mode_text(iface->mode))
					    : json_null());
	json_object_set_new(json, "dispatcher", json_boolean(iface->dispatcher));
	json_object_set_new(json, "program", ours ? program_json(ours) : json_null());
	json_object_set_new(json, "others", others);
	json_object_set_new(json, "warnings", warnings);
	return json;
}

struct list {
	json_t *interfaces;
	bool all; /* those with nothing attached too */
};

static int list_iface(const struct iface *iface, void *ctx)
{
	struct list *list = ctx;
	if (iface->attached || list->all)
		json_array_append_new(list->interfaces, iface_json(iface));
	return 0;
}

/* Zones by state. A zone that comes or goes during the walk may be missed. */
static json_t *zones_json(int fd, uint32_t value_size)
{
	static const char *const names[] = {"loading", "active", "expired"};
	json_int_t counts[3] = {0};
	struct xns_zone zone;
	uint32_t key = 0, *previous = NULL;
	if (value_size != sizeof(zone))
		return json_null(); /* of another version */
	while (bpf_map_get_next_key(fd, previous, &key) == 0) {
		previous = &key;
		if (bpf_map_lookup_elem(fd, &key, &zone) == 0 && zone.state < 3)
			counts[zone.state]++;
	}
	json_t *json = json_object();
	for (size_t i = 0; i < 3; i++)
		json_object_set_new(json, names[i], json_integer(counts[i]));
	return json;
}

/* What the kernel accounts for the map, from fdinfo; 0: not told. */
static json_int_t map_memory(int fd)
{
	char path[64], line[128];
	long long bytes = 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "memlock: %lld", &bytes) == 1)
			break;
	fclose(file);
	return bytes;
}

/* Of a map in segments, all of them. */
struct sum {
	json_int_t segments, entries, bytes;
};

static void add_segment(int fd, void *ctx)
{
	struct sum *sum = ctx;
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return;
	sum->segments++;
	sum->entries += info.max_entries;
	sum->bytes += map_memory(fd);
}

static json_t *map_json(const struct pins *pins, const char *name, json_t *pinned)
{
	char path[PIN_PATH_MAX];
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	json_t *json = json_pack("{s:s s:b}", "name", name, "pinned", 0);
	int fd = pins->dir_fd < 0 ? -1 : bpf_obj_get(pins_path(pins, name, path));
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		goto out;
	json_object_set_new(json, "pinned", json_true());
	json_object_set_new(json, "id", json_integer(info.id));
	struct sum sum = {};
	segments_each(pins, name, add_segment, &sum);
	if (sum.segments)
		json_object_set_new(json, "segments", json_integer(sum.segments));
	json_object_set_new(json, "max_entries",
			    json_integer(sum.segments ? sum.entries : info.max_entries));
	json_object_set_new(json, "bytes", json_integer(sum.bytes + map_memory(fd)));
	if (!strcmp(name, "zones"))
		json_object_set_new(pinned, "zones", zones_json(fd, info.value_size));
out:
	if (fd >= 0)
		close(fd);
	return json;
}

static json_t *pins_json(const struct pins *pins)
{
	struct object_map maps[OBJECT_MAPS_MAX];
	struct object *object = NULL;
	json_t *json = json_pack("{s:s s:b s:I s:I}", "directory", pins->dir, "pinned",
				 pins->config_id != 0, "abi_version", (json_int_t)pins->abi,
				 "abi_version_needed", (json_int_t)XNS_ABI_VERSION);
	json_t *list = json_array();
	if (object_open(&object) == 0) {
		size_t n = object_maps(object, maps);
		for (size_t i = 0; i < n; i++)
			json_array_append_new(list, map_json(pins, maps[i].name, json));
		object_close(object);
	}
	json_object_set_new(json, "maps", list);
	return json;
}

static const char *text_of(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static long long number_of(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

static bool is_true(const json_t *json, const char *key)
{
	return json_is_true(json_object_get(json, key));
}

static void print_program(const char *title, const json_t *program, bool dispatcher)
{
	printf("  %-8s id %lld, %s, tag %s, loaded %s", title, number_of(program, "id"),
	       text_of(program, "name"), text_of(program, "tag"), text_of(program, "loaded"));
	if (number_of(program, "verified_insns"))
		printf(", %lld instructions verified", number_of(program, "verified_insns"));
	if (dispatcher)
		printf(", priority %lld", number_of(program, "priority"));
	putchar('\n');
}

static void print_iface(const json_t *iface)
{
	const json_t *item;
	size_t i;
	bool dispatcher = is_true(iface, "dispatcher");
	printf("%s: ", text_of(iface, "interface"));
	if (is_true(iface, "attached"))
		printf("attached, %s mode, %s\n", text_of(iface, "mode"),
		       dispatcher ? "in libxdp's dispatcher" : "alone (no dispatcher)");
	else if (text_of(iface, "mode"))
		printf("not attached; another program is there, %s mode\n", text_of(iface, "mode"));
	else
		printf("not attached\n");
	if (is_true(iface, "attached"))
		print_program("program", json_object_get(iface, "program"), dispatcher);
	json_array_foreach(json_object_get(iface, "others"), i, item)
		print_program(is_true(item, "xnsd") ? "xnsd too" : "other", item, dispatcher);
	json_array_foreach(json_object_get(iface, "warnings"), i, item)
		printf("  warning: %s\n", json_string_value(item));
}

static void print_pins(const json_t *pins)
{
	const json_t *map, *zones = json_object_get(pins, "zones");
	size_t i;
	if (json_is_null(json_object_get(pins, "pinned"))) {
		printf("maps: %s cannot be read\n", text_of(pins, "directory"));
		return;
	}
	if (!is_true(pins, "pinned")) {
		printf("maps: none pinned in %s\n", text_of(pins, "directory"));
		return;
	}
	printf("maps: pinned in %s, ABI version %lld", text_of(pins, "directory"),
	       number_of(pins, "abi_version"));
	if (number_of(pins, "abi_version") != number_of(pins, "abi_version_needed"))
		printf(", not %lld as this xnsload has: detach, then attach",
		       number_of(pins, "abi_version_needed"));
	putchar('\n');
	json_array_foreach(json_object_get(pins, "maps"), i, map)
	{
		if (is_true(map, "pinned"))
			printf("  %-13s id %lld, room for %lld, %lld KiB\n", text_of(map, "name"),
			       number_of(map, "id"), number_of(map, "max_entries"),
			       number_of(map, "bytes") / 1024);
		else
			printf("  %-13s missing\n", text_of(map, "name"));
	}
	if (json_is_object(zones))
		printf("zones: %lld active, %lld loading, %lld expired\n",
		       number_of(zones, "active"), number_of(zones, "loading"),
		       number_of(zones, "expired"));
}

static void print_text(const json_t *root, bool named)
{
	const json_t *interfaces = json_object_get(root, "interfaces"), *iface;
	size_t i;
	json_array_foreach(interfaces, i, iface) print_iface(iface);
	if (json_array_size(interfaces) == 0 && !named)
		printf("no interface of this network namespace has an XDP program\n");
	print_pins(json_object_get(root, "maps"));
}

int loader_status(const struct loader_options *options)
{
	struct list list = {.interfaces = json_array()};
	struct pins pins = {.dir = options->pin_dir, .dir_fd = -1, .lock_fd = -1, .config_fd = -1};
	/* What cannot be read is said; the rest is told all the same. */
	bool unreadable = pins_open(options->pin_dir, false, &pins) != 0, failed = unreadable;

	if (options->n_interfaces == 0)
		failed |= iface_each(&pins, list_iface, &list) != 0;
	list.all = true;
	for (size_t i = 0; i < options->n_interfaces; i++) {
		struct iface iface;
		if (iface_open(options->interfaces[i], &pins, &iface)) {
			failed = true;
			continue;
		}
		list_iface(&iface, &list);
		iface_close(&iface);
	}
	json_t *root = json_pack("{s:s s:o s:o}", "version", XNS_VERSION, "interfaces",
				 list.interfaces, "maps", pins_json(&pins));
	pins_close(&pins);
	if (root && unreadable)
		json_object_set_new(json_object_get(root, "maps"), "pinned", json_null());
	if (!root) {
		say_error("out of memory");
		return LOADER_FAILED;
	}
	if (options->json) {
		json_dumpf(root, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_text(root, options->n_interfaces > 0);
	}
	json_decref(root);
	return failed ? LOADER_FAILED : LOADER_OK;
}
