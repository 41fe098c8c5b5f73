/* SPDX-License-Identifier: MIT */
/*
 * The kernel view of this machine: kernel_view.h.
 *
 * A member is one system call, or as few as the question takes, and decides nothing: errors go to who asked as they
 * are, in errno or as -errno.  What has a condition belongs to the file that asks, where a script can bring it about;
 * in here no test but that of whole programs comes.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* --- tasks ------------------------------------------------------------------------------------------------------ */

/*
 * -1 and errno; of PTRACE_PEEK requests, whose result is in the return value of the C library's function,
 * nobody here makes any.
 */
static long linux_ptrace(long request, pid_t tid, void *addr, void *data)
{
	return ptrace((enum __ptrace_request)request, tid, addr, data);
}

/* Of one task (P_PID): a look at what waits to be reported (WNOWAIT), by jobs.c alone. */
static int linux_waitid(pid_t tid, siginfo_t *info, int options)
{
	return waitid(P_PID, (id_t)tid, info, options);
}

/* The number of the process is asked for, too, so that a task whose number is used again is not hit. */
static int linux_tgkill(pid_t tgid, pid_t tid, int sig)
{
	return (int)syscall(SYS_tgkill, tgid, tid, sig);
}

/* The clock of all times in this room; it stands still while the machine is suspended. */
static uint64_t linux_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* sysconf(3) answers from the auxiliary vector: no system call. */
static uint64_t linux_page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* --- facts about a task ----------------------------------------------------------------------------------------- */

/*
 * process_vm_readv(2) asks for the right to attach (PTRACE_MODE_ATTACH_REALCREDS), which a tracer has. It
 * stops at the first page that is not there, so what it reads less is as good as nothing. PROT_READ is
 * asked for: pages without access cannot be read so.
 */
static bool linux_read_memory(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	struct iovec local = { buf, size }, remote = { (void *)(uintptr_t)addr, size };

	return process_vm_readv(tid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

/* Likewise; it does not write where the program may not. */
static bool linux_write_memory(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	struct iovec local = { buf, size }, remote = { (void *)(uintptr_t)addr, size };

	return process_vm_writev(tid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

/* prlimit(2) of another user's process takes CAP_SYS_RESOURCE. */
static int linux_get_limit(pid_t tid, int resource, struct rlimit *limit)
{
	return prlimit(tid, (enum __rlimit_resource)resource, NULL, limit);
}

/* -1 and errno: EPERM, or ENOSYS of a kernel without CONFIG_KCMP. */
static int linux_kcmp(pid_t pid1, pid_t pid2, int type, unsigned long index1, unsigned long index2)
{
	return (int)syscall(SYS_kcmp, pid1, pid2, type, index1, index2);
}

/*
 * pidfd_open(2) takes the number of a process, not of a thread; pidfd_getfd(2) is of Linux 5.6. The copy
 * is the same open file: its offset and flags are shared, and it is close-on-exec.
 */
static int linux_copy_descriptor(pid_t tgid, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, tgid, 0), copy;

	if (pidfd < 0)
		return -1;
	copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	close(pidfd);
	return copy;
}

/* Threads that begin meanwhile may be missed: who wants all of them asks again (attach.c). O(threads). */
static int linux_each_thread(pid_t tgid, int (*visit)(void *ctx, pid_t tid), void *ctx)
{
	char path[64];
	struct dirent *d;
	int stop = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)tgid);
	dir = opendir(path);
	if (!dir)
		return -ESRCH;
	while (!stop && (d = readdir(dir)) != NULL)
		if (isdigit((unsigned char)*d->d_name))
			stop = visit(ctx, (pid_t)strtol(d->d_name, NULL, 10));
	closedir(dir);
	return stop;
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static int linux_open(const char *path, int flags)
{
	return open(path, flags);
}

/* Of a file of /proc reading begins anew from there, with what is true then. */
static bool linux_rewind(int fd)
{
	return lseek(fd, 0, SEEK_SET) == 0;
}

static int linux_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

/* Follows links, so that the path of a descriptor in /proc is its file. */
static int linux_statx(const char *path, unsigned int mask, struct statx *st)
{
	return statx(AT_FDCWD, path, 0, mask, st);
}

static const struct kernel_view linux_view = {
	.launch = launch_program,
	.ptrace = linux_ptrace,
	.waitpid = waitpid,
	.waitid = linux_waitid,
	.wait_awhile = wait_awhile,
	.kill = kill,
	.tgkill = linux_tgkill,
	.now_ns = linux_now_ns,
	.page_size = linux_page_size,
	.read_memory = linux_read_memory,
	.write_memory = linux_write_memory,
	.get_limit = linux_get_limit,
	.kcmp = linux_kcmp,
	.copy_descriptor = linux_copy_descriptor,
	.each_thread = linux_each_thread,
	.open = linux_open,
	.close = close,
	.read = read,
	.pread = pread,
	.rewind = linux_rewind,
	.ioctl = linux_ioctl,
	.readlink = readlink,
	.stat = stat,
	.lstat = lstat,
	.statx = linux_statx,
	.statfs = statfs,
	.statvfs = statvfs,
	.getxattr = getxattr,
};

/* Exchanged by tests alone, while nothing is recorded (KV2). */
const struct kernel_view *kernel = &linux_view;
