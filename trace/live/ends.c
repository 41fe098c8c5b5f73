/* SPDX-License-Identifier: MIT */
/*
 * The end of a task.
 *
 *    EN1  The last look at an address space is taken at the exit stop of its last task, where the map is whole.
 *    EN2  There the task is let go for good: its parent can wait for it as soon as it has ended, as if nobody had traced it.
 *        Only the first process is kept: it is this process's own child, and has to be waited for here.
 *    EN3  A task may end inside a call: it was killed, or another thread of it was.  What the call has returned is in its
 *        registers, or that it was never made: -ENOSYS, which the kernel puts there first.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "internal.h"
#include "machine.h"
#include "system_calls.h"

#define LAST_CALL_UNSEEN "a thread was killed before the outcome of its last call was looked at"

/*
 * At the exit stop, or at the entry of an execve: both may be the last moment of the map.
 *
 * Nothing of an address space that others go on using: its map is looked at when the last one ends. The
 * order is that of a call: what happened before is told before the look.
 */
void observe_before_end(struct live *l, struct task *t)
{
	name_before_end(l, t);
	if (t->mm->users > 1)
		return;
	limits_emit(l, t);
	stacks_before_end(l, t);
	growth_emit(l, t, false);
	served_emit(l, t);
	observe_all(l, t);
}

/*
 * users goes down here and not at task_leave_mm(): from now on the task makes no call, and the mm's
 * others may be alone. @exec: the task lives on in another space.
 */
void emit_exit(struct live *l, struct task *t, int status, bool exec)
{
	struct trace_event e = { .type = TRACE_EVENT_EXIT };

	e.exit.status = status;
	e.exit.last = t->mm->users == 1;
	e.exit.exec = exec;
	emit(l, t, &e);
	t->mm->users--;
	t->exiting = true;
}

void leave_calls(struct live *l, struct task *t)
{
	if (t->mm && (t->in_call || t->queued))
		release(l, t);
}

void emit_lost_call(struct live *l, struct task *t, const char *what)
{
	struct task *whose = t->about ? task_in(l, t->about->id) : t;

	if (whose)
		emit_lost(l, whose, 1, what);
}

static void leave_call_about_another(struct live *l, struct task *t)
{
	bool stands = t->queued;

	if (!t->about)
		return;
	release(l, t);
	if (stands)
		resume(l, t, 0);
}

/*
 * Whoever waits for the mm goes on, unrecorded; each task's end is told, so that the mirror's address
 * space ends.
 *
 * The tasks are still traced, for they have the filter; without an mm their calls pass (take_call()).
 */
void end_recording_of(struct live *l, struct task *t)
{
	struct live_mm *mm = t->mm;
	struct task *other;
	unsigned long tid = 0;

	while (mm->queue) {
		other = mm->queue;
		mm->busy = NULL;
		mm_release(other);
		resume(l, other, 0);
	}
	mt_for_each (&l->tasks, other, tid, ULONG_MAX) {
		if (other->mm != mm)
			continue;
		leave_call_about_another(l, other);
		other->in_call = other->deferred = false;
		if (!other->exiting)
			emit_exit(l, other, 0, false);
		task_leave_mm(other);
	}
}

/* --- EN3 ------------------------------------------------------------------------------------------------------ */

/*
 * Is the task, at its exit stop, still in the call that was noted? Its registers are those of the call's
 * entry, with the result put in. False: it has left it, and *@result is not set.
 *
 * The instruction pointer alone would not do: a loop makes its call again from the same place.
 */
static bool ended_in_call(const struct task *t, int64_t *result)
{
	struct registers regs;

	if (!registers_take(&regs, t->tid) || registers_call(&regs) != t->number ||
		registers_ip(&regs) != t->call.ip)
		return false;
	*result = registers_result(&regs);
	return true;
}

/*
 * A call that was broken off before it had the map for itself has done nothing; others may have done part
 * of it. They wait for the mmap lock killably (mmap_write_lock_killable()), before which they touch
 * nothing.
 */
static bool has_done_nothing(const struct trace_call *c, int64_t result)
{
	if (result == -ENOSYS)
		return true;
	return c->nr == NR_munmap || c->nr == NR_mprotect || c->nr == NR_pkey_mprotect || c->nr == NR_brk ||
	       c->nr == NR_mremap || (c->nr == NR_mmap && (c->args[3] & MAP_ANONYMOUS));
}

/*
 * ERESTART... are what a call returns that a signal has interrupted, and that would be restarted if the
 * task lived.
 */
static bool is_broken_off(int64_t result)
{
	return result == -ENOSYS || call_is_interrupted(result);
}

/* The mm is held: whoever waits goes on behind this. */
static void settle_call_in_kernel(struct live *l, struct task *t)
{
	int64_t result;

	/* What it makes goes with its process. */
	if (makes_userfaultfd(&t->call))
		return;
	if (!ended_in_call(t, &result))
		emit_lost_call(l, t, LAST_CALL_UNSEEN);
	else if (makes_task(t->call.nr))
		announce_child_of_killed(l, t, result);
	else if (!is_broken_off(result))
		call_end(l, t, result);
	else if (!has_done_nothing(&t->call, result))
		emit_lost_call(
			l, t, "a thread was killed inside a call: how much of it was done is not known");
}

/* It may have ended, even at the entry of another one; or not, and was carried out or was not. */
static void settle_call_let_go(struct live *l, struct task *t)
{
	int64_t result;

	if (ended_in_call(t, &result) && is_broken_off(result))
		settle_if_there(l, t);
	else
		settle_deferred(l, t);
}

/* --- the stops ------------------------------------------------------------------------------------------------ */

/*
 * EN2. One that is killed once more, in this very stop, is gone from it and has to be waited for. The
 * zombie is the parent's then, who has waited for it all the time.
 */
static void let_end(struct live *l, struct task *t)
{
	if (kernel->ptrace(PTRACE_DETACH, t->tid, NULL, NULL) == 0 && t->tid != l->root)
		task_remove(l, t);
}

/*
 * PTRACE_GETEVENTMSG has the status as waitpid(2) will have it. The address space is still there
 * (exit_mm() comes later), so everything can be read.
 */
void on_exiting(struct live *l, struct task *t)
{
	int status = (int)event_message(t);

	/* Killed before its first instruction, and before its parent could announce it. */
	t->has_ended = true;
	/* begin() of births.c comes back here when the parent's event has said whose it is. */
	if (t->waiting)
		return;
	if (t->mm && !t->exiting) {
		if (t->in_call)
			settle_call_in_kernel(l, t);
		else if (t->deferred)
			settle_call_let_go(l, t);
		leave_calls(l, t);
		observe_before_end(l, t);
		emit_exit(l, t, status, false);
	}
	let_end(l, t);
}

/*
 * It has been waited for without an exit stop: killed while it stood at another one, or the root behind
 * its own.
 *
 * Nothing can be looked at any more: /proc of the task is empty.
 */
void on_gone(struct live *l, struct task *t, int status)
{
	if (t->tid == l->root)
		l->root_status = status;
	/* Killed between two looks at it.  If the map is nobody else's there is nothing left that could be wrong. */
	if (t->mm && !t->exiting && t->in_call && (t->about || t->mm->users > 1) &&
		!makes_userfaultfd(&t->call))
		emit_lost_call(l, t, LAST_CALL_UNSEEN);
	t->deferred = false;
	leave_calls(l, t);
	if (t->mm && !t->exiting)
		emit_exit(l, t, status, false);
	task_remove(l, t);
}
