/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a report, but not for ever.
 *
 * 1. Why.  Who sleeps in wait4(2) is woken by the task that stops, on its CPU, as that is about to sleep: one switch.  A
 *    signal that is waited for wakes on another CPU, and asking again and again takes the CPU from the program.  But wait4
 *    has no time limit: what ends it is a signal with a handler.
 *
 * 2. How.  During live_run() SIGCHLD is this file's (live.h): a timer sends it to this thread.
 *
 *    AL1  It is blocked but in wait4: no other call ends early.
 *    AL2  One that comes between the two, before wait4 sleeps, is lost.  The timer goes on: the wait ends with the next.
 *    AL3  A task that stops does not send it.
 *
 * 3. Where there is no timer to be had, reports are asked for once a millisecond.
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
#define ASKING_NS 1000000

/* One live source at a time (live.h), in one thread. */
static struct {
	bool is;
	timer_t timer;
	sigset_t sigchld;
} ticker;

/*
 * Not SIG_IGN, and without SA_RESTART: only a signal that is handled ends a system call. Its being called
 * is all that it is for.
 */
static void end_of_wait(int sig)
{
}

/*
 * SIGCHLD is blocked in this thread already (signals.c), so that the first tick waits for the first
 * wait_awhile().
 */
void alarm_begin(uint64_t every_ns, struct sigaction *before)
{
	const struct sigaction ends = { .sa_handler = end_of_wait, .sa_flags = SA_NOCLDSTOP };
	const struct timespec every = { .tv_nsec = (long)every_ns };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGCHLD };

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	sigemptyset(&ticker.sigchld);
	sigaddset(&ticker.sigchld, SIGCHLD);
	sigaction(SIGCHLD, &ends, before);
	ticker.is = timer_create(CLOCK_MONOTONIC, &event, &ticker.timer) == 0;
	if (ticker.is)
		timer_settime(ticker.timer, 0, &(struct itimerspec){ every, every }, NULL);
}

/* Unblocking for a moment lets one that is pending be handled here, by the handler that does nothing. */
void alarm_end(const struct sigaction *before)
{
	if (ticker.is)
		timer_delete(ticker.timer);
	ticker.is = false;
	/* One that waits is nobody else's. */
	pthread_sigmask(SIG_UNBLOCK, &ticker.sigchld, NULL);
	pthread_sigmask(SIG_BLOCK, &ticker.sigchld, NULL);
	sigaction(SIGCHLD, before, NULL);
}

/*
 * A report: its task, and *@status.  0: some time has passed without one.  Below 0: there is nobody to wait
 * for (errno).  __WALL: of threads and of children that end without SIGCHLD, too.
 */
pid_t wait_awhile(int *status)
{
	pid_t tid;
	int err;

	if (!ticker.is) {
		nanosleep(&(struct timespec){ .tv_nsec = ASKING_NS }, NULL);
		return waitpid(-1, status, __WALL | WNOHANG);
	}
	pthread_sigmask(SIG_UNBLOCK, &ticker.sigchld, NULL);
	tid = waitpid(-1, status, __WALL);
	/* pthread_sigmask() leaves errno alone by POSIX; this does not rely on it. */
	err = errno;
	pthread_sigmask(SIG_BLOCK, &ticker.sigchld, NULL);
	return tid < 0 && err == EINTR ? 0 : tid;
}
