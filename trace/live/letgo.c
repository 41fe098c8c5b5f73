/* SPDX-License-Identifier: MIT */
/*
 * Letting a task go that wants another tracer.
 *
 *    1. Why.  A task has one tracer.  ptrace(PTRACE_TRACEME) of a recorded task would be EPERM, and its parent, a debugger
 *       or a test, would wait for a stop that never comes.  So the task is let go before it makes that call; that it, and
 *       what it starts, is not recorded any more is told as lost.
 *    2. Its filter stays, and without us asks a tracer that does not answer: ENOSYS (births.c, BI1).  A second filter is put
 *       above it, of the same calls: it outranks the first one, and asks whoever holds its descriptor.  That is a process of
 *       its own, which lets every call pass (SECCOMP_USER_NOTIF_FLAG_CONTINUE) until no task is left that could ask.  It
 *       lives on when this process ends, or is killed.
 *    3. How.  A task that was attached to has no filter: it is let go, and that is all.  Another task stands at the entry of
 *       its ptrace call, or is stopped by a signal, inside a call.  Calls are made in its place: seccomp(2), whose program
 *       lies below the red zone of its stack, and close(2).  Then it is as it was, and nobody's: it makes its call once
 *       more, or stays stopped.
 *    4. A call that waits for an answer can be interrupted by a signal, and is EINTR then if the handler was set without
 *       SA_RESTART.  PTRACE_TRACEME is never EINTR: it is marked, and no filter asks about it.  That leaves the moment until
 *       others are heard of, which the kernel is told to keep short; no filter has an answer without it that outranks the
 *       first one's and lets a call be made.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"
#include "puppet.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP /* Linux 6.6: whoever answers runs at once, where the call was made */
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#endif

/* --- the second filter ------------------------------------------------------------------------------------------ */

/*
 * The number of its descriptor in the task, or -errno.
 *
 * WAIT_KILLABLE_RECV: an asker whose question was received is only interrupted by what kills it.
 */
static long install_in(struct puppet *p)
{
	struct sock_filter code[FILTER_MAX];
	unsigned short len = filter_build(code, SECCOMP_RET_USER_NOTIF);

	return puppet_install(
		p, code, len, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
}

/*
 * POLLHUP: no task with the filter is left. An error of RECV (ENOENT: who asked has been killed
 * meanwhile) is passed over.
 *
 * Each question is answered with "go on"; nothing is looked at, so it does not matter that its arguments
 * may change meanwhile.
 */
static void let_all_pass(int listener)
{
	struct pollfd asked = { .fd = listener, .events = POLLIN };
	struct seccomp_notif question;

	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	while (poll(&asked, 1, -1) >= 0 && !(asked.revents & POLLHUP)) {
		struct seccomp_notif_resp pass = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

		memset(&question, 0, sizeof(question));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question))
			continue;
		pass.id = question.id;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &pass);
	}
}

/*
 * A process that nobody has to wait for, with nothing of this one but the descriptor. False: there is
 * none.
 *
 * It closes all descriptors but the listener, so that no pipe of the program or the recorder is held open
 * by it.
 */
static bool begin_to_answer(struct live *l, int listener)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		/* Twice, so that the second one is init's child: nobody of this process's waits for it. */
		pid = fork();
		if (pid)
			_exit(pid < 0);
		setsid();
		signals_give_back(l);
		if (listener > 0)
			syscall(SYS_close_range, 0, listener - 1, 0);
		syscall(SYS_close_range, listener + 1, ~0u, 0);
		prctl(PR_SET_NAME, "vmaple-pass");
		let_all_pass(listener);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/*
 * Its filter is answered from now on. False: it is not there. The descriptor in the task is closed again:
 * the program would find one that it has not opened.
 */
static bool put_second_filter(struct live *l, struct puppet *p, pid_t tgid)
{
	long fd = install_in(p);
	int listener = fd < 0 ? -1 : kernel->copy_descriptor(tgid, (int)fd);
	bool answered = listener >= 0 && begin_to_answer(l, listener);

	if (listener >= 0)
		kernel->close(listener);
	if (fd >= 0 && puppet_enter_again(p))
		puppet_call(p, SYS_close, fd, 0, 0);
	return answered;
}

/* --- letting go ------------------------------------------------------------------------------------------------- */

/* The task is gone afterwards. One notice, one LOST event, and the mm goes on to the next. */
static void end_tracing(struct live *l, struct task *t)
{
	notice(l, NOTICE_LET_GO, t->tgid);
	emit_lost(l, t, 0, "a process that another one traces: it and its children are not recorded");
	kernel->ptrace(PTRACE_DETACH, t->tid, NULL, NULL);
	leave_calls(l, t);
	task_remove(l, t);
}

/*
 * False: it cannot be, and is as it was.
 *
 * The root is not let go: it is this process's child, whose end has to be waited for here. Order: the
 * filter is answered before the task is let go, or its next call would be ENOSYS.
 */
static bool let_go(struct live *l, struct task *t, bool at_entry)
{
	struct puppet p = { .tid = 0 };
	bool free;

	if (is_attached(l)) {
		end_tracing(l, t);
		return true;
	}
	t->known_ns = 0;
	if (t->tid == l->root || !puppet_begin(&p, t->tid) ||
		(!at_entry && (registers_call(&p.before) < 0 || !puppet_enter_again(&p))))
		return false;
	free = put_second_filter(l, &p, t->tgid);
	if (free && at_entry)
		registers_set_fourth_argument(&p.before, p.abi, FILTER_LET_GO);
	puppet_put_back(&p, at_entry);
	/* The call is made anew, stops again, and then passes. */
	t->takes_its_own = !free && at_entry;
	puppet_send_held(&p, t->tgid);
	if (free)
		end_tracing(l, t);
	return free;
}

/* At the entry of PTRACE_TRACEME: behind it the call is made by a task that has no tracer. */
bool let_go_to_parent(struct live *l, struct task *t)
{
	return let_go(l, t, true);
}

/*
 * A debugger that attaches has mostly stopped its target first. Where it has not, attaching fails as it
 * does of any traced process, and that is said.
 */
void let_go_to(struct live *l, pid_t tid)
{
	struct task *t = task_find(l, tid);
	int status;

	/* Stopped by a signal, as its tracer-to-be has waited for; it may be anywhere otherwise.  The report may be on its way. */
	if (t && !t->stopped && kernel->waitpid(tid, &status, __WALL | WNOHANG) == tid) {
		on_stop(l, tid, status);
		t = task_find(l, tid);
	}
	if (t && !t->stopped)
		notice(l, NOTICE_NOT_ATTACHED, tid);
	if (!t || !t->stopped || kernel->ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) ||
		kernel->waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
		return;
	if (!let_go(l, t, false))
		on_stop(l, tid, status);
}
