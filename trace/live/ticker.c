/* SPDX-License-Identifier: MIT */
/*
 * Waiting for reports, and no longer than a while.
 *
 * Who sleeps in wait4(2) is given the CPU of the task that stops: that is what a stop costs least, some microseconds. To be woken
 * by SIGCHLD, or to ask again and again from another CPU, costs several times that, most of all in a virtual machine, where a
 * CPU without work is to be woken.  But wait4 knows no time limit, and a timer would need a handler in a process that may be
 * anybody's.  So there is one child more, the ticker: it looks every TICK_NS whether a report has been taken since, and where none
 * has, it stops with a signal of its own, which is a report.  It is traced, so that nobody else is told of its stops.
 *
 * It ends with this process (PR_SET_PDEATHSIG); has no descriptors, no signals but that one, and a process group of its own.
 * Where it cannot be had, or was killed, reports are asked for every millisecond.
 *
 *    TK1  the number of reports is written by this process alone, and only compared by the ticker: it may be an old one, then a
 *         tick comes that nobody needs.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define TICK_NS 50000000
#define POLL_NS 1000000

/* One live source per process: <vmaple/live.h>. */
static pid_t ticker; /* 0: there is none */
static _Atomic uint32_t *reports;

static _Noreturn void tick(pid_t parent)
{
	static const struct timespec while_ns = { .tv_nsec = TICK_NS };
	uint32_t last = 0, now;
	sigset_t others;

	sigfillset(&others);
	sigdelset(&others, SIGALRM);
	sigprocmask(SIG_SETMASK, &others, NULL);
	signal(SIGALRM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "vmaple-tick");
	setpgid(0, 0);
	syscall(SYS_close_range, 0u, ~0u, 0u);
	if (getppid() != parent || ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(1);
	for (;; last = now) {
		nanosleep(&while_ns, NULL);
		now = atomic_load_explicit(reports, memory_order_relaxed);
		if (now == last)
			raise(SIGALRM);
	}
}

void ticker_start(void)
{
	pid_t parent = getpid();
	void *shared =
		mmap(NULL, sizeof(*reports), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return;
	reports = shared;
	ticker = fork();
	if (ticker == 0)
		tick(parent);
	if (ticker > 0)
		return;
	ticker = 0;
	munmap(shared, sizeof(*reports));
}

void ticker_end(void)
{
	if (!ticker)
		return;
	kill(ticker, SIGKILL);
	while (waitpid(ticker, NULL, __WALL) < 0 && errno == EINTR)
		;
	ticker = 0;
	munmap(reports, sizeof(*reports));
}

static void ticker_reported(int status)
{
	if (WIFSTOPPED(status)) {
		ptrace(PTRACE_CONT, ticker, NULL, NULL);
		return;
	}
	ticker = 0;
	munmap(reports, sizeof(*reports));
}

static pid_t poll_for_report(int *status)
{
	pid_t tid = 0;

	for (int i = 0; !tid && i < TICK_NS / POLL_NS; i++) {
		tid = waitpid(-1, status, __WALL | WNOHANG);
		if (!tid)
			nanosleep(&(struct timespec){ .tv_nsec = POLL_NS }, NULL);
	}
	return tid;
}

pid_t ticker_wait_for_report(int *status)
{
	pid_t tid;

	if (!ticker)
		return poll_for_report(status);
	atomic_store_explicit(
		reports, atomic_load_explicit(reports, memory_order_relaxed) + 1, memory_order_relaxed);
	tid = waitpid(-1, status, __WALL);
	if (tid > 0 && tid == ticker) {
		ticker_reported(*status);
		return 0;
	}
	return tid < 0 && errno == EINTR ? 0 : tid;
}
