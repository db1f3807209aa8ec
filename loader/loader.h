/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xnsload: one command, then gone. What it leaves behind lives in the kernel: maps and program
 *pinned in a directory of bpffs, and the program attached to interfaces.
 *
 *	main.c     arguments, configuration, which interfaces
 *	object.c   the embedded BPF object: open, maps, load into the kernel
 *	pin.c      bpffs and the pin directory
 *	segment.c  the segments of the maps
 *	iface.c    what is attached to an interface, and what its driver does to VLAN tags
 *	attach.c   attach, replace, detach
 *	status.c   tells about all of it
 *	say.c      messages; what libbpf and libxdp say
 */
#ifndef XNSLOAD_LOADER_H
#define XNSLOAD_LOADER_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <xdp/libxdp.h>

#include "publish/segment.h"

enum loader_exit {
	LOADER_OK,
	LOADER_FAILED,
	LOADER_USAGE, /* arguments or configuration */
};

/* What the user wants, from the command line and the configuration. */
struct loader_options {
	const char *pin_dir;
	enum xdp_attach_mode mode; /* XDP_MODE_UNSPEC: auto */
	bool json;
	bool force;
	uint32_t max_names;
	uint32_t n_zones; /* zones of the configuration */
	uid_t uid;	  /* who owns the pins: server.user */
	gid_t gid;
	const char **interfaces;
	size_t n_interfaces;
};

/* ---- say.c ---- */

extern bool say_verbose; /* what libbpf and libxdp say goes to stderr */

/* "xnsload: ..." on stderr, with a newline. */
void say_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Catches what libbpf and libxdp print from now on. */
void say_catch_libraries(void);

/* Forgets what was caught. To be called before a call whose messages matter. */
void say_forget(void);

/* The kernel's own words about the last netlink request that it refused (extended ack), or NULL. */
const char *say_kernel_message(void);

/* Why libxdp does not use its dispatcher, as far as it said so, or NULL. */
const char *say_dispatcher_message(void);

/* " (the kernel says: ...)" or "". The text is valid until the next call. */
const char *say_kernel_suffix(void);

/* ---- object.c ---- */

#define OBJECT_MAPS_MAX 32

struct object;

/* A map that is pinned, as the object defines it. */
struct object_map {
	char name[BPF_OBJ_NAME_LEN * 2];
	bool keep; /* its content outlives the program; else it is made anew with each program */
	uint32_t type, key_size, value_size, flags;
};

/* Opens the embedded object; nothing is in the kernel yet. */
int object_open(struct object **ret);
void object_close(struct object *object);

/* The maps that get pinned; returns their number, at most OBJECT_MAPS_MAX. */
size_t object_maps(const struct object *object, struct object_map *ret);

/* Before loading: sizes of maps that are going to be made. */
void object_set_sizes(struct object *object, const struct loader_options *options);

/* Before loading: uses the map behind the descriptor (stays the caller's) instead of making one. */
int object_use_map(struct object *object, const char *name, int fd);

/* Makes the maps and has the verifier look at the program. On failure says why. */
int object_load(struct object *object);

/* After loading: a segment of a map with room for so many names. A descriptor, or a negative errno.
 */
int object_make_segment(const struct object *object, enum segmented map, unsigned number,
			uint64_t names);

int object_map_fd(const struct object *object, const char *name);
int object_program_fd(const struct object *object);

/*
 * A second copy of the object on the same maps, not loaded: libxdp loads it as an extension of its
 * dispatcher. The program is closed with xdp_program__close() before the object.
 */
int object_open_extension(const struct object *object, struct object **ret,
			  struct xdp_program **ret_program);

/* ---- pin.c ---- */

/* The pin directory, open and locked against other runs of xnsload. */
struct pins {
	const char *dir;
	int dir_fd; /* -1: there is no directory */
	int lock_fd;
	int config_fd;	    /* the pinned map `config`; -1: none */
	uint32_t config_id; /* 0: none */
	uint32_t abi;	    /* its abi_version; 0: none, or not readable */
};

/*
 * create: mounts bpffs and makes the directory where missing. Otherwise a missing directory is fine
 * and gives dir_fd -1. On failure says why.
 */
int pins_open(const char *dir, bool create, struct pins *ret);
void pins_close(struct pins *pins);

/*
 * Loads the object on the pinned maps, or on new ones where nothing is pinned; then all its maps
 * are pinned, `config` holds version and key, and everything belongs to the user. *ret_new: the
 * maps are new. On failure says why.
 */
int pins_load(struct pins *pins, struct object *object, const struct loader_options *options,
	      bool *ret_new);

/* Pins the program under its name in place of what is there. */
int pins_set_program(const struct pins *pins, int prog_fd, const struct loader_options *options);

/* Pins under a name in the directory, in place of what is there, for the user. On failure says why.
 */
int pins_pin(const struct pins *pins, const char *name, int fd,
	     const struct loader_options *options);

/* Path of a pin; returns buf. */
#define PIN_PATH_MAX 512
const char *pins_path(const struct pins *pins, const char *name, char buf[PIN_PATH_MAX]);

/*
 * Removes the pin of the program and closes all descriptors of programs; then, unless a program in
 * the kernel uses the pinned maps (in whatever network namespace), all pins. *ret_removed: so it
 * was. Where it cannot be told the pins stay, and that is said.
 */
int pins_remove_unused(struct pins *pins, bool *ret_removed);

/* ---- segment.c ---- */

/* Makes and pins the segments of new maps, and puts them in their slots. On failure says why. */
int segments_make(const struct pins *pins, const struct object *object,
		  const struct loader_options *options);
/* They belong to the user. 0 or a negative errno, not said. */
int segments_give(const struct pins *pins, const struct loader_options *options);
/* The pins go, and their directory. 0 or a negative errno, not said. */
int segments_remove(const struct pins *pins);
/* Calls fn with each pinned segment of the map, if it has any. */
void segments_each(const struct pins *pins, const char *map, void (*fn)(int fd, void *ctx),
		   void *ctx);

/* ---- iface.c ---- */

#define IFACE_PROGRAMS_MAX 16 /* the dispatcher takes 10 */

struct iface_program {
	uint32_t id;
	char name[BPF_OBJ_NAME_LEN];
	uint8_t tag[BPF_TAG_SIZE];
	uint64_t loaded_ns;	 /* CLOCK_BOOTTIME */
	uint32_t verified_insns; /* that the verifier went through; 0: not known */
	unsigned int priority;	 /* in the dispatcher, lower first */
	bool ours;		 /* a program of xnsd, of any version */
	bool pinned_maps;	 /* and it uses the maps that are pinned */
	const struct xdp_program *handle;
};

struct iface {
	char name[IF_NAMESIZE];
	unsigned int index;
	bool attached;	 /* something is */
	bool readable;	 /* false: attached, but we may not look at it */
	bool dispatcher; /* libxdp's, with the programs below in it */
	bool lost;	 /* a dispatcher whose pins are gone: its programs cannot be told */
	bool vlan_stripped;
	enum xdp_attach_mode mode;
	uint32_t main_id; /* program at the hook: the dispatcher or the program itself */
	struct iface_program program[IFACE_PROGRAMS_MAX];
	size_t n_programs;
	struct xdp_multiprog *multiprog;
};

/* 0, -ENODEV: no such interface (said), other errors (said). */
int iface_open(const char *name, const struct pins *pins, struct iface *ret);
void iface_close(struct iface *iface);

/* The first program of xnsd on the interface, or NULL. */
const struct iface_program *iface_ours(const struct iface *iface);

/* Calls fn for each interface of this network namespace; stops at an error and returns it. */
int iface_each(const struct pins *pins, int (*fn)(const struct iface *iface, void *ctx), void *ctx);

const char *iface_mode_text(enum xdp_attach_mode mode);

/* What to say where tags are stripped. */
#define IFACE_VLAN_WARNING                                                                            \
	"VLAN offload (rxvlan) is on: the NIC takes the tag off and a reply to a tagged query would " \
	"leave without it; if queries come in VLANs: ethtool -K %s rxvlan off"

/* ---- attach.c, status.c: the commands; return enum loader_exit ---- */

int loader_attach(const struct loader_options *options);
int loader_detach(const struct loader_options *options);
int loader_status(const struct loader_options *options);

#endif
