/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request, in one message each: which segment, and how large. The answer: 0 and a descriptor
 * (SCM_RIGHTS), or an errno. First of all there is an answer to no request: whether it works.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "privilege/privilege.h"
#include "publish/maker.h"
#include "publish/segment.h"
#include "util/log.h"
#include "xnsd.skel.h" /* for its BTF alone */

#define ANSWER_S 30

struct request {
	uint32_t map, number, max_entries;
};

struct maker {
	int fd; /* -1: it does not answer any more */
	pid_t pid;
};

/* ---- the process ---- */

/* What is in it afterwards: no way to anything but maps, and none to other processes' memory. */
static int allow_only_maps(void)
{
#if defined(__x86_64__)
	const uint32_t arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
	const uint32_t arch = AUDIT_ARCH_AARCH64;
#else
	return 0; /* the capability is all that it has */
#endif
#if defined(__x86_64__) || defined(__aarch64__)
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define ALLOW(number)                                      \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	struct sock_filter filter[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		ALLOW(SYS_recvfrom),
		ALLOW(SYS_sendmsg),
		ALLOW(SYS_close),
		ALLOW(SYS_brk),
		ALLOW(SYS_mmap),
		ALLOW(SYS_munmap),
		ALLOW(SYS_exit_group),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
		LOAD(args[0]), /* the low half, where these machines are concerned */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_MAP_CREATE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
#endif
}

static int answer(int fd, int error, int map)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {&error, sizeof(error)};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (map >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &map, sizeof(int));
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static bool is_sensible(const struct request *request)
{
	return request->map < SEGMENTED_MAPS && request->number < XNS_SEGMENTS &&
	       request->max_entries <= SEGMENT_ENTRIES_MAX &&
	       request->max_entries >= SEGMENT_ENTRIES_MIN &&
	       (request->max_entries & (request->max_entries - 1)) == 0;
}

static void serve(int fd, const struct btf *btf)
{
	struct request request;
	ssize_t len;

	while ((len = recv(fd, &request, sizeof(request), 0)) == sizeof(request)) {
		int map = is_sensible(&request) ? segment_make(btf, request.map, request.number,
							       request.max_entries)
						: -EINVAL;

		if (answer(fd, map < 0 ? map : 0, map) < 0)
			break;
		if (map >= 0)
			close(map);
	}
}

/* The types of what is in the maps, from the BPF object; nothing else of it is used. */
static int load_types(struct btf **ret)
{
	size_t size;
	const void *bytes = xnsd_bpf__elf_bytes(&size);
	struct bpf_object *object = bpf_object__open_mem(bytes, size, NULL);

	if (object == NULL)
		return -errno;
	*ret = bpf_object__btf(object); /* with the object, which stays */
	return btf__load_into_kernel(*ret) < 0 ? -errno : 0;
}

/* Once, with all that libbpf wants to know of the kernel. */
static int try(const struct btf *btf)
{
	int map = segment_make(btf, SEGMENTED_NODES, 0, SEGMENT_ENTRIES_MIN);

	if (map < 0)
		return map;
	close(map);
	return 0;
}

static int be_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

static int become_maker(int fd, const char *user, struct btf **ret_btf)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	int null = open("/dev/null", O_RDWR), ret;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN); /* the agent's end is its end */
	prctl(PR_SET_NAME, "xnsd-maps");
	if (null < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	if (dup2(fd, 3) < 0 || close_range(4, ~0U, 0) < 0 || chdir("/") < 0)
		return -errno;
	libbpf_set_print(be_quiet);
	ret = privilege_drop_but(user, CAP_BPF);
	if (ret == 0)
		ret = load_types(ret_btf);
	if (ret == 0)
		ret = try(*ret_btf);
	return ret < 0 ? ret : allow_only_maps();
}

static void run(int fd, const char *user)
{
	struct btf *btf = NULL;
	int ret = become_maker(fd, user, &btf);

	if (answer(3, ret, -1) == 0 && ret == 0)
		serve(3, btf);
	_exit(0);
}

/* ---- the agent's side ---- */

/* *ret_map: -1, none came. */
static int take_answer(int fd, int *ret_map)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	int error = -EPIPE;
	struct iovec iov = {&error, sizeof(error)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t len;

	do
		len = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len != sizeof(error))
		return len < 0 ? -errno : -EPIPE;
	if (error < 0)
		return error;
	*ret_map = -1;
	if (message.msg_controllen >= CMSG_LEN(sizeof(int)) &&
	    control.header.cmsg_type == SCM_RIGHTS)
		memcpy(ret_map, CMSG_DATA(&control.header), sizeof(*ret_map));
	return 0;
}

static bool has_capability(void)
{
	cap_flag_value_t is_set = CAP_CLEAR;
	cap_t caps = cap_get_proc();

	if (caps != NULL && cap_get_flag(caps, CAP_BPF, CAP_PERMITTED, &is_set) < 0)
		is_set = CAP_CLEAR;
	if (caps != NULL)
		cap_free(caps);
	return is_set == CAP_SET;
}

int maker_start(const char *user, struct maker **ret)
{
	const struct timeval timeout = {.tv_sec = ANSWER_S};
	struct maker *maker;
	int fd[2], none, err;

	if (!has_capability())
		return -EPERM;
	maker = malloc(sizeof(*maker));
	if (maker == NULL)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0) {
		err = -errno;
		free(maker);
		return err;
	}
	*maker = (struct maker){.fd = fd[0], .pid = fork()};
	if (maker->pid == 0)
		run(fd[1], user);
	close(fd[1]);
	setsockopt(maker->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	err = maker->pid < 0 ? -EAGAIN : take_answer(maker->fd, &none);
	if (err < 0) {
		maker_stop(maker);
		return err;
	}
	*ret = maker;
	return 0;
}

static void hang_up(struct maker *maker)
{
	if (maker->fd >= 0)
		close(maker->fd);
	maker->fd = -1;
}

void maker_stop(struct maker *maker)
{
	if (maker == NULL)
		return;
	hang_up(maker);
	if (maker->pid > 0)
		waitpid(maker->pid, NULL, 0);
	free(maker);
}

int maker_make(unsigned map, unsigned number, uint32_t max_entries, void *ctx)
{
	const struct request request = {map, number, max_entries};
	struct maker *maker = ctx;
	int fd = -1, ret = -EPIPE;

	if (maker->fd < 0)
		return ret;
	if (send(maker->fd, &request, sizeof(request), MSG_NOSIGNAL) >= 0)
		ret = take_answer(maker->fd, &fd);
	if (ret == -EPIPE || ret == -EAGAIN || ret == -ECONNRESET) {
		log_error(
			"the process that makes maps does not answer: they do not grow until xnsd is started again");
		hang_up(maker);
		return -EPIPE;
	}
	return ret < 0 ? ret : fd;
}
