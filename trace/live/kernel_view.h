/* SPDX-License-Identifier: MIT */
/*
 * The kernel, as this room sees it: all that it asks of the recorded tasks and of /proc goes through here.
 *
 *    KV1  A member is the system call whose name it has, with that call's arguments, result and errno; what has another name
 *         says what it does.  Nothing is decided here.
 *    KV2  @kernel is this machine's (kernel_linux.c) unless a test has put another one in its place
 *         (tests/live/scripted), before live_start() and until after live_free().  It is one for the process, as the
 *         recording is: live.h allows one at a time.
 *    KV3  What a member gives as a descriptor may be used as one, and is given back through close.
 *
 * What is of this process alone is not behind it: its signals, its pipes, its memory, the children that it makes to try
 * something out.  Nor is the other source of events (bpf/), which has no tasks that stop.
 */
#ifndef LIVE_KERNEL_VIEW_H
#define LIVE_KERNEL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <sys/types.h>

struct rlimit;
struct stat;
struct statfs;
struct statvfs;
struct statx;

/* So often it is looked at what time changes. */
#define TICK_NS 50000000

/*
 * A program that waits to be traced before it begins. As launch_program() has made it; both descriptors
 * are the caller's to close.
 */
struct launched {
	pid_t pid;
	int go_fd;     /* a byte here, and it begins */
	int report_fd; /* the int that comes from here says why it did not (launch.c) */
};

struct kernel_view {
	/* Tasks.  ptrace is the system call: what is asked for is put at @data. */
	int (*launch)(char *const *argv, struct launched *program);
	long (*ptrace)(long request, pid_t tid, void *addr, void *data);
	pid_t (*waitpid)(pid_t tid, int *status, int options);
	int (*waitid)(pid_t tid, siginfo_t *info, int options);
	/* Of any task, as waitpid; 0: there was no report, perhaps for as long as a tick. */
	pid_t (*wait_awhile)(int *status);
	int (*kill)(pid_t tid, int sig);
	int (*tgkill)(pid_t tgid, pid_t tid, int sig);
	uint64_t (*now_ns)(void);
	/* Bytes. */
	uint64_t (*page_size)(void);

	/* Facts about a task.  Whole: all of @size, or nothing that counts. */
	bool (*read_memory)(pid_t tid, uint64_t addr, void *buf, size_t size);
	bool (*write_memory)(pid_t tid, uint64_t addr, void *buf, size_t size);
	int (*get_limit)(pid_t tid, int resource, struct rlimit *limit);
	int (*kcmp)(pid_t pid1, pid_t pid2, int type, unsigned long index1, unsigned long index2);
	/* A descriptor of this process's own for the process's; -1. */
	int (*copy_descriptor)(pid_t tgid, int fd);
	/* The threads of a process, until @visit says something else than 0, which is the result.  -ESRCH: it has ended. */
	int (*each_thread)(pid_t tgid, int (*visit)(void *ctx, pid_t tid), void *ctx);

	/* Files, those of /proc above all. */
	int (*open)(const char *path, int flags);
	int (*close)(int fd);
	ssize_t (*read)(int fd, void *buf, size_t size);
	ssize_t (*pread)(int fd, void *buf, size_t size, off_t offset);
	bool (*rewind)(int fd);
	int (*ioctl)(int fd, unsigned long request, void *arg);
	ssize_t (*readlink)(const char *path, char *buf, size_t size);
	int (*stat)(const char *path, struct stat *st);
	int (*lstat)(const char *path, struct stat *st);
	int (*statx)(const char *path, unsigned int mask, struct statx *st);
	int (*statfs)(const char *path, struct statfs *fs);
	int (*statvfs)(const char *path, struct statvfs *fs);
	ssize_t (*getxattr)(const char *path, const char *name, void *value, size_t size);
};

extern const struct kernel_view *kernel;

#endif /* LIVE_KERNEL_VIEW_H */
