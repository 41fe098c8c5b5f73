/* SPDX-License-Identifier: MIT */
/* Programs that a tracer could disturb (as_alone.h): how tasks end, are killed, stop and begin. */
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "as_alone.h"

static int readable(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 10000) == 1;
}

/* --- ends ----------------------------------------------------------------------------------------------------- */

/* What goes wrong does so in one round of some: all of them in the long suite. */
static int rounds(int all)
{
	return getenv("VMAPLE_LONG") ? all : all / 4;
}

/* What has ended can be waited for. */
static void ended_is_waited_for(void)
{
	for (int i = 0; i < rounds(200); i++) {
		pid_t pid = fork();
		int status, fd;

		if (!pid)
			_exit(7);
		fd = (int)syscall(SYS_pidfd_open, pid, 0);
		need(fd >= 0, "pidfd_open");
		expect(readable(fd));
		expect(waitpid(pid, &status, WNOHANG) == pid);
		expect(WEXITSTATUS(status) == 7);
		close(fd);
	}
}

static void ended_clone3_is_waited_for(uint64_t flags)
{
	for (int i = 0; i < rounds(80); i++) {
		int fd = -1;
		struct clone_args a = {
			.flags = CLONE_PIDFD | flags, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD
		};
		pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));

		need(pid >= 0, "clone3");
		if (!pid) {
			map_a_little();
			_exit(0);
		}
		expect(readable(fd));
		expect(waitpid(pid, NULL, WNOHANG) == pid);
		close(fd);
	}
}

static void ended_with_pidfd(void)
{
	ended_clone3_is_waited_for(0);
}

static void ended_as_vfork(void)
{
	ended_clone3_is_waited_for(CLONE_VFORK);
}

static void vfork_and_end(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	ends_well(pid);
}

static void vfork_shares_and_ends(void)
{
	for (int i = 0; i < rounds(100); i++)
		vfork_and_end();
}

static void *exec_true(void *unused)
{
	(void)unused;
	usleep(20000);
	execl("/bin/true", "true", (char *)NULL);
	exit(1);
}

/* The first thread has ended before another one execs and takes its number. */
static void exec_after_first_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exec_true, NULL);
	pthread_exit(NULL);
}

static void exec_beside_first_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exec_true, NULL);
	for (;;)
		map_a_little();
}

/* --- killed in a call ------------------------------------------------------------------------------------------ */

static void populate_for_ever(void)
{
	for (;;) {
		char *p = mmap(NULL, 256ul << 20, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		munmap(p, 256ul << 20);
	}
}

static void map_for_ever(void)
{
	for (;;)
		mmap(NULL, PAGE, PROT_READ, PRIVATE, -1, 0);
}

static void protect_for_ever(void)
{
	char *p = place(64);

	for (int i = 0;; i++)
		mprotect(p + i % 64 * PAGE, PAGE, i & 64 ? PROT_READ : PROT_NONE);
}

static void heap_for_ever(void)
{
	for (;;) {
		(void)!sbrk(1 << 16);
		(void)!sbrk(-(1 << 15));
	}
}

static void fork_for_ever(void)
{
	for (;;) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void *nothing(void *unused)
{
	return unused;
}

static void thread_for_ever(void)
{
	for (;;) {
		pthread_t thread;

		pthread_create(&thread, NULL, nothing, NULL);
		pthread_join(thread, NULL);
	}
}

static void kill_in(void (*work)(void), int times, int after_us)
{
	for (int i = 0; i < times; i++) {
		pid_t pid = fork();
		int status;

		if (!pid)
			work();
		usleep((useconds_t)(after_us + i * 137));
		kill(pid, SIGKILL);
		expect(waitpid(pid, &status, 0) == pid);
		expect(WTERMSIG(status) == SIGKILL);
		/* Who records without stopping it has time to read: what is told faster than that for long is lost. */
		usleep(10000);
	}
}

static void killed_in_populate(void)
{
	kill_in(populate_for_ever, 5, 20000);
}

static void killed_in_mmap(void)
{
	kill_in(map_for_ever, 20, 5000);
}

static void killed_in_mprotect(void)
{
	kill_in(protect_for_ever, 20, 5000);
}

static void killed_in_brk(void)
{
	kill_in(heap_for_ever, 20, 5000);
}

static void killed_in_fork(void)
{
	kill_in(fork_for_ever, 20, 5000);
}

static void killed_in_clone(void)
{
	kill_in(thread_for_ever, 20, 5000);
}

static void *map_in_thread(void *unused)
{
	(void)unused;
	map_for_ever();
	return NULL;
}

static void exits_beside_calls(void)
{
	for (int i = 0; i < rounds(40); i++) {
		pid_t pid = fork();

		if (!pid) {
			pthread_t thread;

			pthread_create(&thread, NULL, map_in_thread, NULL);
			usleep((useconds_t)(4000 + i * 137));
			_exit(0);
		}
		ends_well(pid);
	}
}

/* --- tasks that are not to be traced --------------------------------------------------------------------------- */

static void child_maps(long pid)
{
	need(pid >= 0, "clone");
	if (!pid) {
		map_a_little();
		_exit(0);
	}
	ends_well((pid_t)pid);
}

static void untraced_by_clone(void)
{
	child_maps(syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0));
}

static void untraced_by_clone3(void)
{
	static const struct clone_args constant = { .flags = CLONE_UNTRACED, .exit_signal = SIGCHLD };

	child_maps(syscall(SYS_clone3, &constant, sizeof(constant)));
}

/* The call keeps its registers, in the parent and in the child, whether it succeeds or not. */
static void untraced_keeps_registers(void)
{
	struct clone_args a = { .flags = CLONE_UNTRACED, .exit_signal = SIGCHLD };
	struct clone_args *first = &a;
	long pid;

	__asm__ volatile("syscall"
			 : "=a"(pid), "+D"(first)
			 : "0"(SYS_clone3), "S"(sizeof(a))
			 : "rcx", "r11", "memory");
	expect(first == &a && a.flags == CLONE_UNTRACED);
	child_maps(pid);
	a.exit_signal = 1000;
	__asm__ volatile("syscall"
			 : "=a"(pid), "+D"(first)
			 : "0"(SYS_clone3), "S"(sizeof(a))
			 : "rcx", "r11", "memory");
	expect(pid == -EINVAL && first == &a);
}

static void untraced_by_int80(void)
{
	child_maps(int80(I386_CLONE, CLONE_UNTRACED | SIGCHLD, 0, NULL));
}

/* --- stops ----------------------------------------------------------------------------------------------------- */

static void stopped_by_child(void)
{
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		usleep(50000);
		kill(parent, SIGSTOP);
		usleep(50000);
		map_a_little();
		kill(parent, SIGCONT);
		_exit(0);
	}
	ends_well(pid);
	map_a_little();
}

static void stopped_child_is_waited_for(void)
{
	int status, seen[2];
	pid_t pid;

	expect(pipe(seen) == 0);
	pid = fork();
	if (!pid) {
		raise(SIGSTOP);
		map_a_little();
		/* It does not end before its parent has seen that it goes on. */
		expect(read(seen[0], &status, 1) == 1);
		_exit(0);
	}
	expect(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	expect(kill(pid, SIGCONT) == 0);
	expect(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
	expect(write(seen[1], "", 1) == 1);
	ends_well(pid);
}

static void *stop_all(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20; i++) {
		map_a_little();
		kill(getpid(), SIGTSTP);
	}
	return NULL;
}

/* All threads of a process stop, and go on, while they make calls. */
static void stopped_threads(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		pthread_t thread[2];

		setpgid(0, 0);
		signal(SIGTSTP, SIG_DFL);
		for (int i = 0; i < 2; i++)
			pthread_create(&thread[i], NULL, stop_all, NULL);
		for (int i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		_exit(0);
	}
	while (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status))
		kill(pid, SIGCONT);
	/* An orphaned group is not stopped by SIGTSTP: both ends are good. */
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const struct test_case all[] = {
	{ "ended-is-waited-for", ended_is_waited_for, "" },
	{ "ended-with-pidfd", ended_with_pidfd, "" },
	{ "ended-as-vfork", ended_as_vfork, "" },
	{ "vfork-shares-and-ends", vfork_shares_and_ends, "" },
	{ "exec-after-first-thread", exec_after_first_thread, "" },
	{ "exec-beside-first-thread", exec_beside_first_thread, "" },
	{ "killed-in-populate", killed_in_populate, "" },
	{ "killed-in-mmap", killed_in_mmap, "" },
	{ "killed-in-mprotect", killed_in_mprotect, "" },
	{ "killed-in-brk", killed_in_brk, "" },
	{ "killed-in-fork", killed_in_fork, "" },
	{ "killed-in-clone", killed_in_clone, "lost=0-2" },
	/* Killed between two looks at it, while others live: rare, and said. */
	{ "exits-beside-calls", exits_beside_calls, "lost=0-2" },
	{ "untraced-by-clone", untraced_by_clone, "" },
	{ "untraced-by-clone3", untraced_by_clone3, "" },
	{ "untraced-keeps-registers", untraced_keeps_registers, "" },
	{ "untraced-by-int80", untraced_by_int80, "" },
	{ "stopped-by-child", stopped_by_child, "" },
	{ "stopped-child-is-waited-for", stopped_child_is_waited_for, "" },
	{ "stopped-threads", stopped_threads, "" },
};

CASES_MAIN(all)
