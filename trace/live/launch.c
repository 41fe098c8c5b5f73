/* SPDX-License-Identifier: MIT */
/*
 * The child until its exec: it waits to be traced, installs the filter, and becomes the program.
 *
 * The filter stops mapping calls and lets everything else through at full speed: the kernel remembers which calls a
 * filter always allows.  Calls through other tables (32-bit, x32) are let through; programs made of them are not
 * recorded.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "internal.h"
#include "uapi.h"

#define ARG_LOW(n) (offsetof(struct seccomp_data, args) + sizeof(uint64_t) * (n))

/* Stopped whatever their arguments. */
static const uint32_t stopped[] = { SYS_mmap, SYS_mprotect, SYS_munmap, SYS_brk, SYS_mremap, SYS_madvise,
	SYS_mlock, SYS_munlock, SYS_mlockall, SYS_munlockall, SYS_mlock2, SYS_pkey_mprotect, SYS_mseal,
	SYS_mbind, SYS_remap_file_pages, SYS_shmat, SYS_shmdt, SYS_io_setup, SYS_io_destroy,
	SYS_map_shadow_stack, SYS_fork, SYS_vfork, SYS_clone, SYS_clone3, SYS_execve, SYS_execveat,
	SYS_personality, SYS_setrlimit, SYS_prlimit64, SYS_capset, SYS_setuid, SYS_setreuid, SYS_setresuid,
	SYS_process_madvise };

/* Stopped for some values of one argument. */
static const struct {
	uint32_t nr, arg, values[3];
} conditional[] = {
	{ SYS_prctl, 0, { PR_SET_VMA, PR_SET_MM, PR_SET_MDWE } },
	{ SYS_arch_prctl, 0, { ARCH_MAP_VDSO_X32, ARCH_MAP_VDSO_32, ARCH_MAP_VDSO_64 } },
	{ SYS_ioctl, 1, { UFFDIO_REGISTER, UFFDIO_UNREGISTER, UFFDIO_ZEROPAGE } },
	{ SYS_ioctl, 1, { UFFDIO_MOVE, UFFDIO_MOVE, UFFDIO_MOVE } },
};

#define NR_STOPPED     (sizeof(stopped) / sizeof(stopped[0]))
#define NR_CONDITIONAL (sizeof(conditional) / sizeof(conditional[0]))

static unsigned short build_filter(struct sock_filter *f)
{
	unsigned short n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < NR_STOPPED; i++) {
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, stopped[i], 0, 1);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	}
	for (size_t i = 0; i < NR_CONDITIONAL; i++) {
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, conditional[i].nr, 0, 6);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_LOW(conditional[i].arg));
		for (unsigned char v = 0; v < 3; v++)
			f[n++] = (struct sock_filter)BPF_JUMP(
				BPF_JMP | BPF_JEQ | BPF_K, conditional[i].values[v], 2 - v, v == 2);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return n;
}

/* Without privilege, Linux wants the promise that no program gains any: setuid programs then run without. */
static int install_filter(void)
{
	struct sock_filter filter[8 + 2 * NR_STOPPED + 7 * NR_CONDITIONAL];
	struct sock_fprog prog = { .len = build_filter(filter), .filter = filter };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0)
		return 0;
	if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) ? -errno : 0;
}

/* What the tracer changed for itself is put back for the program. */
struct inherited {
	struct rlimit files;
};

static void become_program(const struct live *l, const struct inherited *in, int go_fd, int report_fd)
{
	char byte;
	int err;

	if (read(go_fd, &byte, 1) != 1)
		_exit(125);
	close(go_fd);
	err = install_filter();
	if (!err) {
		setrlimit(RLIMIT_NOFILE, &in->files);
		execvp(l->options.argv[0], l->options.argv);
		err = -errno;
	} else {
		err -= 4096; /* not exec's error */
	}
	(void)!write(report_fd, &err, sizeof(err));
	_exit(err == -ENOENT ? 127 : 126);
}

static void raise_file_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

int launch(struct live *l)
{
	struct inherited in;
	int go[2], report[2];

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(report, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		return -errno;
	}
	getrlimit(RLIMIT_NOFILE, &in.files);
	l->root = fork();
	if (l->root == 0) {
		close(go[1]);
		close(report[0]);
		become_program(l, &in, go[0], report[1]);
	}
	close(go[0]);
	close(report[1]);
	raise_file_limit();
	l->go_fd = go[1];
	l->report_fd = report[0];
	return l->root < 0 ? -errno : 0;
}

void launch_go(struct live *l)
{
	(void)!write(l->go_fd, "", 1);
	close(l->go_fd);
	l->go_fd = -1;
}

int launch_exec_error(struct live *l)
{
	int err = 0;

	if (read(l->report_fd, &err, sizeof(err)) != sizeof(err))
		err = 0;
	return err;
}
