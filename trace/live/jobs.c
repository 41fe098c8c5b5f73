/* SPDX-License-Identifier: MIT */
/*
 * Job control: tasks that a signal has stopped.
 *
 * A task that is stopped stays so (PTRACE_LISTEN) until a SIGCONT: whoever sends it, to whomever, it is heard here, and the
 * task goes on.  That asks for a tracer that runs.  There is one case in which it stops itself: the shell of its own
 * terminal waits for this process, the job's, and has to see that the job has stopped.  Signals of the terminal do not stop
 * this process as they come, for the program may decide otherwise about them.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/*
 * A shell waits for this process: its terminal is lent to the process group that this one is in. False
 * also without a controlling terminal.
 */
static bool is_job_in_foreground(void)
{
	int fd = kernel->open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool yes = fd >= 0 && tcgetpgrp(fd) == getpgrp();

	if (fd >= 0)
		kernel->close(fd);
	return yes;
}

/*
 * It may also have been sent to this process alone.
 *
 * WNOWAIT: the report stays for the loop.
 */
static void pass_on_continuation(struct live *l)
{
	siginfo_t info = { 0 };

	/*
	 * Whoever has continued the job has mostly continued the whole group: the task gets 10 ms to show
	 * it.
	 */
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	if (kernel->waitid(l->root, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
		!info.si_pid)
		kernel->kill(l->root, SIGCONT);
}

/*
 * SIGTSTP and the like have no effect here, SIGSTOP has the same. Returns when somebody has sent this
 * process SIGCONT.
 */
static void stop_with_job(struct live *l)
{
	emit_flush(l);
	raise(SIGSTOP);
	pass_on_continuation(l);
}

/*
 * PTRACE_EVENT_STOP: SIGTRAP for a birth, a PTRACE_INTERRUPT, or a group-stop that has ended; a stopping
 * signal for a group-stop.
 *
 * Under attach.c's holding a stopped task is only noted (resume() holds it), and listens when all are let
 * go.
 */
void on_event_stop(struct live *l, struct task *t, int sig)
{
	if (t->waiting)
		return;
	t->stopped = sig != SIGTRAP;
	t->stopped_ns = now_ns();
	if (sig == SIGTRAP) {
		restore_argument(t);
		resume(l, t, 0);
		return;
	}
	if (l->holding)
		resume(l, t, 0);
	else
		kernel->ptrace(PTRACE_LISTEN, t->tid, NULL, NULL);
	if (t->tid == l->root && is_job_in_foreground())
		stop_with_job(l);
}
