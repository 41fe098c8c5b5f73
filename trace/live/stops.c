/* SPDX-License-Identifier: MIT */
/*
 * What each kind of ptrace stop means.
 *
 *      seccomp stop     a mapping call is about to be made: take the mm, or wait for it
 *      syscall stop     it has been made
 *      fork, clone      a new task; for a copy, the call that made it holds the mm until here
 *      exec             a new address space
 *      exit             the task's last moment with its address space
 *      PTRACE_EVENT_STOP  birth of a traced task, or a group-stop (job control): stays stopped
 *      any other signal   to be delivered, unchanged
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

#define SYSCALL_STOP (SIGTRAP | 0x80)

/* Let it run: to the end of its call if it is in one. A task that has been killed is not there any more: fine. */
static void resume(struct task *t, int sig)
{
	ptrace(t->in_call ? PTRACE_SYSCALL : PTRACE_CONT, t->tid, NULL, (void *)(long)sig);
}

static unsigned long event_message(const struct task *t)
{
	unsigned long msg = 0;

	ptrace(PTRACE_GETEVENTMSG, t->tid, NULL, &msg);
	return msg;
}

static bool makes_task(uint32_t nr)
{
	return nr == SYS_fork || nr == SYS_vfork || nr == SYS_clone || nr == SYS_clone3;
}

static uint64_t clone_flags(const struct task *t)
{
	uint64_t flags = 0;

	switch (t->call.nr) {
	case SYS_vfork:
		return CLONE_VM | CLONE_VFORK;
	case SYS_clone:
		return t->call.args[0];
	case SYS_clone3:
		return read_memory(t->tid, t->call.args[0], &flags, sizeof(flags)) ? flags : 0;
	default:
		return 0;
	}
}

/* A task that is not traced would have the filter and nobody who answers it: its mapping calls would fail. */
static void insist_on_tracing(struct task *t)
{
	struct user_regs_struct regs;

	if (t->call.nr != SYS_clone || !(t->call.args[0] & CLONE_UNTRACED))
		return;
	if (ptrace(PTRACE_GETREGS, t->tid, NULL, &regs))
		return;
	regs.rdi &= ~(unsigned long)CLONE_UNTRACED;
	ptrace(PTRACE_SETREGS, t->tid, NULL, &regs);
}

static void let_through(struct live *l, struct task *t)
{
	if (makes_task(t->call.nr)) {
		insist_on_tracing(t);
		t->clone_flags = clone_flags(t);
		if (!(t->clone_flags & CLONE_VM))
			writes_tell_all(l, t, false);
	} else {
		call_begin(l, t);
	}
	t->resumed_ns = now_ns();
	if (t->in_call && defer_end(l, t))
		mm_release(t);
	resume(t, 0);
}

static void release(struct live *l, struct task *t)
{
	struct task *next = mm_release(t);

	if (next && mm_acquire(next))
		let_through(l, next);
}

/* An address space is about to go with its last task: all of it is looked at. */
static void observe_before_end(struct live *l, struct task *t)
{
	if (t->mm->users > 1)
		return;
	growth_tell(l, t, false);
	served_tell(l, t);
	observe_all(l, t);
}

static void on_entry(struct live *l, struct task *t)
{
	struct __ptrace_syscall_info info;

	settle_deferred(l, t);
	if (!t->mm || ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) <= 0) {
		resume(t, 0);
		return;
	}
	t->call = (struct trace_call){
		.nr = (uint32_t)info.seccomp.nr, .ip = info.instruction_pointer, .sp = info.stack_pointer
	};
	for (int i = 0; i < 6; i++)
		t->call.args[i] = info.seccomp.args[i];
	if (t->call.nr == SYS_execve || t->call.nr == SYS_execveat) {
		observe_before_end(l, t);
		resume(t, 0);
		return;
	}
	if (served_fills(l, t))
		resume(t, 0);
	else if (mm_acquire(t))
		let_through(l, t);
}

static void on_exit_of_call(struct live *l, struct task *t)
{
	struct __ptrace_syscall_info info;

	if (t->in_call && ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) > 0 &&
		info.op == PTRACE_SYSCALL_INFO_EXIT) {
		if (!makes_task(t->call.nr))
			call_end(l, t, info.exit.rval);
		release(l, t);
	}
	resume(t, 0);
}

void on_tick(struct live *l)
{
	struct task *t;

	settle_what_is_there(l);
	while ((t = mm_take_from_blocked(l, now_ns())) != NULL) {
		emit_lost(l, t, 0,
			"the order of calls: one was blocked in the kernel, others of its address space went "
			"on");
		if (mm_acquire(t))
			let_through(l, t);
	}
}

static void tell_fork(struct live *l, struct task *parent, struct task *child)
{
	struct trace_event e = { .type = TRACE_EVENT_FORK };
	struct live_mm *mm = mm_new(l);

	if (!mm)
		return;
	if (parent->mm->users > 1)
		writes_tell_all(l, parent, true);
	mm->start_brk = parent->mm->start_brk;
	mm->brk = parent->mm->brk;
	mm->read_implies_exec = parent->mm->read_implies_exec;
	observe_open(mm, child->tid);
	growth_copy(l, parent->mm, mm);
	mapped_file_copy(parent->mm, mm);
	stacks_copy(parent->mm, mm);
	task_enter_mm(child, mm);
	e.fork.child_pid = (uint32_t)child->tgid;
	e.fork.child_mm = mm->id;
	emit(l, parent, &e);
	if (l->options.check == LIVE_CHECK_EVERY)
		observe_all(l, child);
}

static void tell_task(struct live *l, struct task *parent, struct task *child, bool thread)
{
	struct trace_event e = { .type = TRACE_EVENT_TASK };

	task_enter_mm(child, parent->mm);
	e.task.parent_tid = (uint32_t)parent->tid;
	e.task.thread = thread;
	emit(l, child, &e);
	/* From here on others write beside a call: what they may write first is noted. */
	if (thread && parent->mm->users == 2)
		writes_tell_all(l, parent, false);
}

static void on_new_task(struct live *l, struct task *parent)
{
	pid_t tid = (pid_t)event_message(parent);
	struct task *child = task_find(l, tid);
	bool was_waiting = child && child->waiting, thread;

	if (!child)
		child = task_add(l, tid);
	if (!child) {
		snprintf(l->error, sizeof(l->error), "out of memory: task %d is not recorded", (int)tid);
		resume(parent, 0);
		return;
	}
	thread = process_of_thread(tid) != tid;
	child->tgid = thread ? parent->tgid : tid;
	child->waiting = false;
	if (parent->mm && (parent->clone_flags & CLONE_VM))
		tell_task(l, parent, child, thread);
	else if (parent->mm)
		tell_fork(l, parent, child);
	if (parent->in_call)
		release(l, parent);
	if (was_waiting)
		resume(child, 0);
	resume(parent, 0);
}

static void tell_exit(struct live *l, struct task *t, int status, bool exec)
{
	struct trace_event e = { .type = TRACE_EVENT_EXIT };

	e.exit.status = status;
	e.exit.last = t->mm->users == 1;
	e.exit.exec = exec;
	emit(l, t, &e);
	t->mm->users--;
	t->exiting = true;
}

/* A task that ends while it holds its mm, or waits for it, lets the others go on. */
static void leave_calls(struct live *l, struct task *t)
{
	if (t->mm && (t->in_call || t->queued))
		release(l, t);
}

static void on_exiting(struct live *l, struct task *t)
{
	int status = (int)event_message(t);

	if (t->mm && !t->exiting) {
		/* Alone and without a signal: by a call of its own, so that the one before it has ended. */
		if (!t->mm->was_shared && !WTERMSIG(status))
			settle_deferred(l, t);
		settle_killed(l, t);
		leave_calls(l, t);
		observe_before_end(l, t);
		tell_exit(l, t, status, false);
	}
	resume(t, 0);
}

static void on_gone(struct live *l, struct task *t, int status)
{
	if (t->tid == l->root)
		l->root_status = status;
	/* Without a last stop; others keep the address space. */
	if (t->mm && !t->exiting && t->mm->users > 1)
		settle_killed(l, t);
	lose_deferred(l, t);
	leave_calls(l, t);
	if (t->mm && !t->exiting)
		tell_exit(l, t, status, false);
	task_remove(l, t);
}

/* A thread that execs takes the number of its process; the old leader's entry is a ghost. */
static struct task *settle_exec_identity(struct live *l, struct task *t)
{
	pid_t former = (pid_t)event_message(t);
	struct task *thread = former != t->tid ? task_find(l, former) : NULL;
	pid_t tid = t->tid;

	if (!thread)
		return t;
	leave_calls(l, t);
	if (t->mm && !t->exiting)
		tell_exit(l, t, 0, false);
	task_remove(l, t);
	task_rename(l, thread, tid);
	return thread;
}

static void on_exec(struct live *l, struct task *t)
{
	t = settle_exec_identity(l, t);
	leave_calls(l, t);
	if (t->mm) {
		if (!t->exiting)
			tell_exit(l, t, 0, true);
		task_leave_mm(t);
	}
	t->exiting = false;
	t->tgid = t->tid;
	if (process_is_x86_64(t->tid))
		space_begin(l, t);
	else
		emit_lost(l, t, 0, "a 32-bit program: it and its children are not recorded");
	resume(t, 0);
}

/* The whole job stops: this process with it, so that the shell sees what it would see of the program alone. */
static void on_group_stop(struct live *l, struct task *t, int sig)
{
	ptrace(PTRACE_LISTEN, t->tid, NULL, NULL);
	if (t->tid != l->root)
		return;
	raise(sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU ? SIGSTOP : sig);
	kill(l->root, SIGCONT);
}

static void on_event_stop(struct live *l, struct task *t, int sig)
{
	if (sig == SIGTRAP)
		resume(t, 0);
	else
		on_group_stop(l, t, sig);
}

/* A task that nobody has announced yet waits for its parent's event. */
static void on_unknown(struct live *l, pid_t tid, int status)
{
	struct task *t;

	if (!WIFSTOPPED(status))
		return;
	t = task_add(l, tid);
	if (t)
		t->waiting = true;
	else
		ptrace(PTRACE_CONT, tid, NULL, NULL);
}

void on_stop(struct live *l, pid_t tid, int status)
{
	struct task *t = task_find(l, tid);

	if (!t) {
		on_unknown(l, tid, status);
		return;
	}
	if (!WIFSTOPPED(status)) {
		on_gone(l, t, status);
		return;
	}
	switch (status >> 16) {
	case PTRACE_EVENT_SECCOMP:
		on_entry(l, t);
		break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		on_new_task(l, t);
		break;
	case PTRACE_EVENT_EXEC:
		on_exec(l, t);
		break;
	case PTRACE_EVENT_EXIT:
		on_exiting(l, t);
		break;
	case PTRACE_EVENT_STOP:
		on_event_stop(l, t, WSTOPSIG(status));
		break;
	default:
		if (WSTOPSIG(status) == SYSCALL_STOP)
			on_exit_of_call(l, t);
		else
			resume(t, WSTOPSIG(status));
	}
}
