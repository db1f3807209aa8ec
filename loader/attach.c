// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * An interface runs one XDP program. With libxdp's dispatcher that one calls several, ours among
 *them; it needs freplace programs, which not every kernel takes (see docs/design.md). So:
 *
 *	on the interface        attach
 *	nothing                 dispatcher; refused: alone
 *	ours, alone             swapped by the kernel in one step
 *	dispatcher              added to it; an older one of ours is then taken out: no gap
 *	somebody else's, alone  refused; --force: swapped
 *
 * Native and generic programs exclude each other, so a change of mode is detach, then attach.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "loader.h"

struct session {
	const struct loader_options *options;
	struct pins pins;
	struct object *object;
	int program_fd;	    /* the program that was attached last: the one to pin */
	int dispatcher_err; /* why the last one is not in a dispatcher, where libxdp said nothing */
};

static uint32_t mode_flag(enum xdp_attach_mode mode)
{
	return mode == XDP_MODE_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

static bool has_others(const struct iface *iface)
{
	for (size_t i = 0; i < iface->n_programs; i++)
		if (!iface->program[i].ours)
			return true;
	return false;
}

static void remember_program(struct session *session, int fd)
{
	if (session->program_fd >= 0)
		close(session->program_fd);
	session->program_fd = dup(fd);
}

/* old_fd -1: only where nothing is attached. */
static int attach_alone(struct session *session, unsigned int index, enum xdp_attach_mode mode,
			int old_fd)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = old_fd);
	int fd = object_program_fd(session->object);
	int err = bpf_xdp_attach(
		index, fd,
		mode_flag(mode) | (old_fd >= 0 ? XDP_FLAGS_REPLACE : XDP_FLAGS_UPDATE_IF_NOEXIST),
		old_fd >= 0 ? &opts : NULL);
	if (!err)
		remember_program(session, fd);
	return err;
}

/* libxdp attaches alone by itself where its own test says that the kernel takes no dispatcher. */
static int attach_dispatcher(struct session *session, unsigned int index, enum xdp_attach_mode mode)
{
	struct object *copy = NULL;
	struct xdp_program *program = NULL;
	int err = object_open_extension(session->object, &copy, &program);
	if (err)
		return err;
	err = xdp_program__attach(program, index, mode, 0);
	if (!err)
		remember_program(session, xdp_program__fd(program));
	xdp_program__close(program);
	object_close(copy);
	return err;
}

static int attach_to_empty(struct session *session, unsigned int index, enum xdp_attach_mode mode)
{
	say_forget();
	session->dispatcher_err = attach_dispatcher(session, index, mode);
	if (session->dispatcher_err == 0)
		return 0;
	/* The program as an extension or the driver: attaching alone tells which was refused. */
	say_forget();
	return attach_alone(session, index, mode, -1);
}

/* Takes everything off the interface. */
static int clear_interface(const struct iface *iface)
{
	int err = iface->dispatcher || !iface->lost
			  ? xdp_multiprog__detach(iface->multiprog)
			  : bpf_xdp_detach(iface->index, mode_flag(iface->mode), NULL);
	if (err)
		say_error("%s: cannot detach what is there: %s", iface->name, strerror(-err));
	return err;
}

static int detach_program(const struct iface *iface, const struct iface_program *program)
{
	if (!iface->dispatcher) {
		LIBBPF_OPTS(bpf_xdp_attach_opts, opts,
			    .old_prog_fd = xdp_program__fd(program->handle));
		return bpf_xdp_detach(iface->index, mode_flag(iface->mode) | XDP_FLAGS_REPLACE,
				      &opts);
	}
	return xdp_program__detach((struct xdp_program *)program->handle, iface->index, iface->mode,
				   0);
}

static int attach_beside(struct session *session, const struct iface *iface)
{
	int err = attach_dispatcher(session, iface->index, iface->mode);
	if (err && (!has_others(iface) || session->options->force)) {
		say_warning("%s: the dispatcher there does not take the new program (%s); it is "
			    "taken off and attached again, for a moment the stack answers",
			    iface->name, strerror(-err));
		err = clear_interface(iface);
		return err ? err : attach_to_empty(session, iface->index, iface->mode);
	}
	if (err)
		return err;
	for (size_t i = 0; i < iface->n_programs; i++) {
		if (!iface->program[i].ours)
			continue;
		int old = detach_program(iface, &iface->program[i]);
		if (old)
			say_warning("%s: the program before (id %u) cannot be taken out of the "
				    "dispatcher: %s; it stays beside the new one",
				    iface->name, iface->program[i].id, strerror(-old));
	}
	return 0;
}

/* The interface is empty or in the same mode. */
static int attach_in_mode(struct session *session, const struct iface *iface,
			  enum xdp_attach_mode mode)
{
	if (!iface->attached)
		return attach_to_empty(session, iface->index, mode);
	say_forget();
	if (iface->dispatcher)
		return attach_beside(session, iface);
	const struct xdp_program *main = xdp_multiprog__main_prog(iface->multiprog);
	return attach_alone(session, iface->index, mode, xdp_program__fd(main));
}

static void explain_refusal(const struct iface *iface, enum xdp_attach_mode mode, int err)
{
	const char *what = "";
	if (iface->dispatcher)
		what = "; the programs there run in libxdp's dispatcher, and this kernel does not take "
		       "ours beside them (Linux 6.12 and newer want libxdp 1.5.5); --force takes "
		       "them off";
	else if (err == -EOPNOTSUPP && mode == XDP_MODE_NATIVE)
		what = "; the driver has no native XDP (or not as it is set up now): use --mode "
		       "generic or auto";
	else if (err == -EPERM || err == -EACCES)
		what = "; run xnsload as root";
	else if (err == -EBUSY || err == -EEXIST)
		what = "; another program is there: xnsload status, bpftool net and bpftool link "
		       "show it";
	else if (mode == XDP_MODE_NATIVE && (err == -EINVAL || err == -ERANGE))
		what = "; this is often the MTU, receive offloads (ethtool -k) or the number of "
		       "queues (ethtool -l)";
	say_error("%s: cannot attach in %s mode: %s%s%s", iface->name, iface_mode_text(mode),
		  strerror(-err), say_kernel_suffix(), what);
}

/* May we touch what is there? 0 or -EBUSY/-EPERM (said). */
static int check_occupant(const struct iface *iface, const struct loader_options *options)
{
	if (!iface->attached)
		return 0;
	if (!iface->readable) {
		say_error(
			"%s: a program is attached (id %u) that we may not look at; run xnsload as "
			"root",
			iface->name, iface->main_id);
		return -EPERM;
	}
	if (iface->mode == XDP_MODE_HW) {
		say_error("%s: a program runs in the NIC's hardware (id %u); take it off first: ip "
			  "link set dev %s xdpoffload off",
			  iface->name, iface->main_id, iface->name);
		return -EBUSY;
	}
	if (options->force)
		return 0;
	if (iface->lost) {
		say_error("%s: a libxdp dispatcher (id %u) is attached, but its pins in "
			  "/sys/fs/bpf/xdp are not here, so its programs are not known; --force "
			  "replaces it",
			  iface->name, iface->main_id);
		return -EBUSY;
	}
	if (!iface->dispatcher && !iface_ours(iface)) {
		say_error("%s: somebody else's program is attached (id %u, %s) and was left alone; "
			  "detach it, or replace it with --force",
			  iface->name, iface->main_id, iface->program[0].name);
		return -EBUSY;
	}
	return 0;
}

/* Ours is there in another mode than wanted. Leaves the interface empty and *iface saying so. */
static int leave_mode(struct iface *iface, enum xdp_attach_mode mode,
		      const struct loader_options *options)
{
	if (has_others(iface) && !options->force) {
		say_error("%s: other programs are attached in %s mode, and one interface has only "
			  "one: use --mode %s, or --force to take them off",
			  iface->name, iface_mode_text(iface->mode), iface_mode_text(iface->mode));
		return -EBUSY;
	}
	say_warning("%s: changing from %s to %s mode; for a moment the stack answers", iface->name,
		    iface_mode_text(iface->mode), iface_mode_text(mode));
	int err = clear_interface(iface);
	if (err)
		return err;
	iface_close(iface);
	iface->attached = iface->dispatcher = iface->lost = false;
	return 0;
}

static int attach_chosen_mode(struct session *session, struct iface *iface)
{
	enum xdp_attach_mode mode = session->options->mode, before = iface->mode;
	bool was_attached = iface->attached, is_auto = mode == XDP_MODE_UNSPEC;
	int err = 0;
	if (is_auto)
		mode = was_attached ? before : XDP_MODE_NATIVE;
	if (was_attached && mode != before)
		err = leave_mode(iface, mode, session->options);
	if (err)
		return err;
	err = attach_in_mode(session, iface, mode);
	if (err && is_auto && !was_attached) {
		say_warning("%s: no native XDP: %s%s; trying generic mode, which is several times "
			    "slower",
			    iface->name, strerror(-err), say_kernel_suffix());
		mode = XDP_MODE_SKB;
		err = attach_in_mode(session, iface, mode);
	}
	if (err)
		explain_refusal(iface, mode, err);
	if (err && was_attached && !iface->attached && attach_in_mode(session, iface, before) == 0)
		say_warning("%s: attached in %s mode again, as before", iface->name,
			    iface_mode_text(before));
	return err;
}

/* Looks at what came of it: the kernel's word, not ours. */
static int report(struct session *session, const char *name)
{
	struct iface iface;
	int err = iface_open(name, &session->pins, &iface);
	if (err)
		return err;
	const struct iface_program *ours = iface_ours(&iface);
	if (!ours) {
		say_error("%s: our program was replaced as soon as it was attached", name);
		iface_close(&iface);
		return -EIO;
	}
	const char *reason = say_dispatcher_message();
	if (!reason && session->dispatcher_err)
		reason = strerror(-session->dispatcher_err);
	if (iface.dispatcher)
		printf("%s: attached in %s mode, in libxdp's dispatcher with %zu other program%s, id "
		       "%u\n",
		       name, iface_mode_text(iface.mode), iface.n_programs - 1,
		       iface.n_programs == 2 ? "" : "s", ours->id);
	else
		printf("%s: attached in %s mode, alone%s%s%s, id %u\n", name,
		       iface_mode_text(iface.mode),
		       reason ? " (no place in libxdp's dispatcher: " : "", reason ? reason : "",
		       reason ? ")" : "", ours->id);
	if (iface.vlan_stripped)
		say_warning("%s: " IFACE_VLAN_WARNING, name, name);
	iface_close(&iface);
	return 0;
}

static int attach_interface(struct session *session, const char *name)
{
	struct iface iface;
	int err = iface_open(name, &session->pins, &iface);
	if (err)
		return err;
	err = check_occupant(&iface, session->options);
	if (!err)
		err = attach_chosen_mode(session, &iface);
	iface_close(&iface);
	return err ? err : report(session, name);
}

static int find_pinned_maps(const struct iface *iface, void *ctx)
{
	for (size_t i = 0; i < iface->n_programs; i++)
		if (iface->program[i].pinned_maps)
			*(bool *)ctx = true;
	return 0;
}

/* Where no program is left on the maps, maps and program go. */
static int tidy(struct pins *pins, bool *ret_removed)
{
	bool in_use = false;
	*ret_removed = false;
	int err = iface_each(pins, find_pinned_maps, &in_use);
	return err || in_use ? err : pins_remove_unused(pins, ret_removed);
}

int loader_attach(const struct loader_options *options)
{
	struct session session = {.options = options, .program_fd = -1};
	bool is_new = false, removed;
	size_t n_failed = 0;
	int err = pins_open(options->pin_dir, true, &session.pins);
	if (err)
		return LOADER_FAILED;
	err = object_open(&session.object);
	if (!err)
		err = pins_load(&session.pins, session.object, options, &is_new);
	for (size_t i = 0; i < options->n_interfaces && !err; i++)
		if (attach_interface(&session, options->interfaces[i]))
			n_failed++;
	if (!err && session.program_fd >= 0)
		err = pins_set_program(&session.pins, session.program_fd, options);
	object_close(session.object);
	if (session.program_fd >= 0)
		close(session.program_fd);
	/* Nothing came of it: leave nothing behind. */
	if (is_new && n_failed == options->n_interfaces)
		tidy(&session.pins, &removed);
	pins_close(&session.pins);
	return err || n_failed ? LOADER_FAILED : LOADER_OK;
}

/* ret_found: a program of ours was there. */
static int detach_interface(const struct iface *iface, const struct loader_options *options,
			    bool only_pinned, bool *ret_found)
{
	int err = 0;
	*ret_found = false;
	if (iface->lost && options->force) {
		*ret_found = true;
		return clear_interface(iface);
	}
	for (size_t i = 0; i < iface->n_programs; i++) {
		const struct iface_program *program = &iface->program[i];
		if (!program->ours || (only_pinned && !program->pinned_maps))
			continue;
		*ret_found = true;
		say_forget();
		int one = detach_program(iface, program);
		if (one) {
			err = one;
			say_error("%s: cannot detach program %u: %s%s", iface->name, program->id,
				  strerror(-one), say_kernel_suffix());
		}
	}
	if (*ret_found && !err)
		printf("%s: detached\n", iface->name);
	return err;
}

static int detach_named(const char *name, const struct pins *pins,
			const struct loader_options *options)
{
	struct iface iface;
	bool found;
	int err = iface_open(name, pins, &iface);
	if (err)
		return err;
	if (iface.attached && !iface.readable) {
		say_error(
			"%s: a program is attached (id %u) that we may not look at; run xnsload as "
			"root",
			name, iface.main_id);
		err = -EPERM;
		goto out;
	}
	if (iface.lost && !options->force) {
		say_error("%s: a libxdp dispatcher (id %u) is attached, but its pins in "
			  "/sys/fs/bpf/xdp are not here, so its programs are not known; --force "
			  "takes it off",
			  name, iface.main_id);
		err = -EBUSY;
		goto out;
	}
	err = detach_interface(&iface, options, false, &found);
	if (!found && iface.n_programs)
		printf("%s: program %u (%s) is not xnsd's and was left\n", name,
		       iface.program[0].id, iface.program[0].name);
	else if (!found)
		printf("%s: nothing is attached\n", name);
out:
	iface_close(&iface);
	return err;
}

struct detach_all {
	const struct loader_options *options;
	const struct pins *pins;
	size_t n_found, n_failed;
};

static int detach_one_of_all(const struct iface *iface, void *ctx)
{
	struct detach_all *all = ctx;
	bool found;
	/* With pins: what runs on these maps. Without: whatever is left of xnsd. */
	if (detach_interface(iface, all->options, all->pins->config_id != 0, &found))
		all->n_failed++;
	if (found)
		all->n_found++;
	return 0;
}

int loader_detach(const struct loader_options *options)
{
	struct detach_all all = {.options = options};
	struct pins pins;
	bool removed = false;
	int err = pins_open(options->pin_dir, false, &pins);
	if (err)
		return LOADER_FAILED;
	all.pins = &pins;
	if (options->n_interfaces == 0)
		err = iface_each(&pins, detach_one_of_all, &all);
	for (size_t i = 0; i < options->n_interfaces; i++)
		if (detach_named(options->interfaces[i], &pins, options))
			all.n_failed++;
	if (options->n_interfaces == 0 && !all.n_found)
		printf("nothing is attached in this network namespace\n");
	/* Also when some failed: an interface that went away took its program along. */
	if (!err)
		err = tidy(&pins, &removed);
	if (removed)
		printf("program and maps are no longer pinned in %s\n", pins.dir);
	pins_close(&pins);
	return err || all.n_failed ? LOADER_FAILED : LOADER_OK;
}
