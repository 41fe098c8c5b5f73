/* SPDX-License-Identifier: MIT */
/*
 * New tasks: who they are, and that each of them is traced.
 *
 *    BI1  Every task that has the filter has a tracer: without one the kernel refuses what the filter stops (ENOSYS).  So a
 *        task that asks for a child that is not traced (CLONE_UNTRACED) gets one that is: the flag is taken out of what the
 *        kernel reads, and nothing else of the two tasks is changed.
 *    BI2  A new task stops before its first instruction, and its parent stops with its number, in any order.  It waits for
 *        its parent's stop; a parent that is killed before that is asked for the number at its end.
 */
#include <sched.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "internal.h"
#include "machine.h"
#include "system_calls.h"

/*
 * More of struct clone_args than any kernel reads is refused or zero. Linux refuses what is not zero
 * beyond what it knows (copy_struct_from_user()).
 */
#define CLONE_ARGS_MAX 256

/* By the number alone: clone of a thread as well as fork. */
bool makes_task(uint32_t nr)
{
	return nr == NR_fork || nr == NR_vfork || nr == NR_clone || nr == NR_clone3;
}

/*
 * CLONE_ flags, as copy_process() has them, but for what this recorder does not ask.  0 for fork, and for
 * arguments that cannot be read: the kernel will not be able to, either.
 */
uint64_t flags_of_new_task(const struct task *t)
{
	uint64_t flags = 0;

	switch (t->call.nr) {
	case NR_vfork:
		return CLONE_VM | CLONE_VFORK;
	case NR_clone:
		return t->call.args[0];
	case NR_clone3:
		return read_memory(t->tid, t->call.args[0], &flags, sizeof(flags)) ? flags : 0;
	default:
		return 0;
	}
}

/* --- BI1 ------------------------------------------------------------------------------------------------------ */

/*
 * At the entry of the call; what was there is kept for restore_argument(), for system calls preserve their
 * argument registers and the program may use one again.
 */
static void set_first_argument(struct task *t, uint64_t value)
{
	struct registers regs;

	if (!registers_take(&regs, t->tid))
		return;
	t->argument_abi = t->call.abi;
	t->argument = registers_first_argument(&regs, (enum trace_abi)t->argument_abi);
	t->argument_changed = true;
	registers_set_first_argument(&regs, (enum trace_abi)t->argument_abi, value);
	registers_put(&regs, t->tid);
}

/*
 * At the exit of the call, of parent and child alike: the child has a copy of the parent's registers.
 * Nothing where nothing was changed.
 */
void restore_argument(struct task *t)
{
	struct registers regs;

	if (!t->argument_changed)
		return;
	t->argument_changed = false;
	if (!registers_take(&regs, t->tid))
		return;
	registers_put_back_argument(&regs, (enum trace_abi)t->argument_abi, t->argument);
	registers_put(&regs, t->tid);
}

/*
 * A copy of the arguments without the flag, below the red zone of the stack that the call is made on.
 *
 * Where it cannot be written (no stack below) the call is refused with ENOSYS, as by a kernel without
 * clone3: programs then take clone.
 */
static void pass_other_clone_args(struct task *t)
{
	uint64_t args[CLONE_ARGS_MAX / sizeof(uint64_t)], size = t->call.args[1], at;

	if (size < sizeof(args[0]) || size > sizeof(args) ||
		!read_memory(t->tid, t->call.args[0], args, size) || !(args[0] & CLONE_UNTRACED))
		return;
	args[0] &= ~(uint64_t)CLONE_UNTRACED;
	at = (t->call.sp - RED_ZONE - size) & ~(uint64_t)15;
	if (write_memory(t->tid, at, args, size))
		set_first_argument(t, at);
	else
		refuse_call(t);
}

/* fork and vfork have no such flag. */
void insist_on_tracing(struct task *t)
{
	if (t->call.nr == NR_clone && (t->call.args[0] & CLONE_UNTRACED))
		set_first_argument(t, t->call.args[0] & ~(uint64_t)CLONE_UNTRACED);
	else if (t->call.nr == NR_clone3)
		pass_other_clone_args(t);
}

/* --- the events ----------------------------------------------------------------------------------------------- */

/*
 * The child stands before its first instruction, the parent inside its call and holding its mm: both maps
 * are what the fork made of one. Where the parent has other threads these may have written since, and the
 * child tells what was there at the copy (writes_before_fork()).
 *
 * What the child has of the parent's knowledge is copied here (growth, special, files, code); settled and
 * fresh are not, for a copy's areas share the parent's pages and are searched anew.
 */
static void emit_fork(struct live *l, struct task *parent, struct task *child)
{
	struct trace_event e = { .type = TRACE_EVENT_FORK };
	struct live_mm *mm = mm_new(l);

	if (!mm) {
		emit_lost(l, parent, 0, "out of memory: a child process is not recorded");
		return;
	}
	mm->is_copy = true;
	mm->start_brk = parent->mm->start_brk;
	mm->brk = parent->mm->brk;
	memcpy(mm->limits, parent->mm->limits, sizeof(mm->limits));
	mm->most_areas = parent->mm->most_areas;
	mm->uncounted_calls = parent->mm->uncounted_calls;
	observe_open(mm, child->tid);
	task_enter_mm(child, mm);
	/* For want of descriptors, or it has been killed. */
	if (mm->maps_fd < 0 || mm->pagemap_fd < 0) {
		task_leave_mm(child);
		emit_lost(l, parent, 0,
			"a child whose map cannot be read: it and its children are not recorded");
		return;
	}
	if (parent->mm->users > 1)
		writes_before_fork(l, parent, mm);
	growth_copy(l, parent->mm, mm);
	certain_copy(parent->mm, mm);
	mapped_file_copy(parent->mm, mm);
	stacks_copy(parent->mm, mm);
	e.fork.child_pid = (uint32_t)child->tgid;
	e.fork.child_mm = mm->id;
	emit(l, parent, &e);
	if (parent->mm->users > 1)
		writes_after_fork(l, parent);
	if (l->options.check == LIVE_CHECK_EVERY)
		observe_all(l, child);
}

/*
 * @child is counted as a user from here on, so the parent is not alone any more, and nothing is deferred.
 */
void emit_task(struct live *l, struct task *parent, struct task *child, bool thread)
{
	struct trace_event e = { .type = TRACE_EVENT_TASK };

	task_enter_mm(child, parent->mm);
	e.task.parent_tid = (uint32_t)parent->tid;
	e.task.thread = thread;
	emit(l, child, &e);
	/* From here on others write beside a call: what they may write first is noted. */
	if (thread && parent->mm->users == 2)
		writes_emit_all(l, parent, false);
}

/*
 * A task that has waited goes on; or it has been killed meanwhile. A birth stop is left by the first
 * resume.
 */
static void begin(struct live *l, struct task *t)
{
	t->waiting = false;
	if (t->has_ended) {
		on_exiting(l, t);
		return;
	}
	restore_argument(t);
	resume(l, t, 0);
}

/*
 * The task @tid is the child that @parent's call has made.
 *
 * Its flags come from the parent's call (clone_flags), which let_through() has read at its entry. What a
 * task inherits of struct task is listed here: a field that a child should have belongs into this list.
 */
static void announce(struct live *l, struct task *parent, pid_t tid)
{
	struct task *child = task_find(l, tid);
	bool was_waiting = child && child->waiting;

	/* It may be gone already. */
	if (!child && !is_traced_here(l, tid))
		return;
	if (!child)
		child = task_add(l, tid);
	if (!child) {
		emit_lost(l, parent, 0, "out of memory: a task is not recorded");
		return;
	}
	/* CLONE_THREAD: in clone3's case its flags may not have been readable, so /proc is asked. */
	child->tgid = process_of_thread(tid) != tid ? parent->tgid : tid;
	child->waiting = false;
	child->strict = parent->strict;
	/* Filters are inherited over fork and exec. */
	memcpy(child->own_marks, parent->own_marks, sizeof(child->own_marks));
	child->unseen = parent->unseen;
	limits_inherit(child, parent);
	child->no_privileges = parent->no_privileges;
	child->argument = parent->argument;
	child->argument_abi = parent->argument_abi;
	child->argument_changed = parent->argument_changed;
	if (parent->mm && (parent->clone_flags & CLONE_VM))
		emit_task(l, parent, child, child->tgid != tid);
	else if (parent->mm)
		emit_fork(l, parent, child);
	if (was_waiting)
		begin(l, child);
}

/*
 * The parent stands at PTRACE_EVENT_FORK, VFORK or CLONE, whose message is the child's number. In which
 * order the two stops are reported nobody knows (BI2).
 */
void on_new_task(struct live *l, struct task *parent, int event)
{
	unsigned long tid = event_message(parent);

	/* It has been killed meanwhile: at its end it is asked what it has made. */
	if (!is_at_event(parent, event))
		return;
	announce(l, parent, (pid_t)tid);
	restore_argument(parent);
	if (parent->in_call)
		release(l, parent);
	resume(l, parent, 0);
}

/* @result: what the call has returned to nobody, the child's number as the parent's namespace has it. */
void announce_child_of_killed(struct live *l, struct task *parent, int64_t result)
{
	struct task *child = result > 0 ? task_find(l, (pid_t)result) : NULL;

	if (child ? child->waiting : result > 0 && is_traced_here(l, (pid_t)result))
		announce(l, parent, (pid_t)result);
}

/* It shares the address space of a recorded one, or is none of theirs. */
static void emit_unknown(struct live *l, pid_t tid)
{
	const struct task unknown = { .tid = tid, .tgid = process_of_thread(tid) };
	const struct task *other = task_sharing_mm(l, &unknown);

	emit_lost(l, other ? other : &unknown, 0, "out of memory: a task is not recorded");
}

/*
 * A report of a task that is in no table: a birth whose parent has not reported yet (BI2), or one for
 * which there was no memory, which runs on unrecorded.
 *
 * Also an end that is reported of a task that is not known any more: there is nothing to be told of it.
 */
void on_unknown(struct live *l, pid_t tid, int status)
{
	struct task *t;

	if (!WIFSTOPPED(status))
		return;
	t = task_add(l, tid);
	if (t) {
		t->waiting = true;
		t->has_ended = status >> 16 == PTRACE_EVENT_EXIT;
		t->resumed_ns = now_ns();
	} else {
		emit_unknown(l, tid);
		kernel->ptrace(PTRACE_CONT, tid, NULL, NULL);
	}
}

/* The parent's stop comes at once, but for a parent that was killed. */
#define PATIENCE_NS 3000000000ull

void let_unannounced_go(struct live *l)
{
	struct task *t, *other;
	unsigned long tid = 0;

	mt_for_each (&l->tasks, t, tid, ULONG_MAX) {
		if (!t->waiting || now_ns() - t->resumed_ns < PATIENCE_NS)
			continue;
		other = task_sharing_mm(l, t);
		emit_lost(l, other ? other : t, 0,
			"a task whose beginning was not seen: it and its children are not recorded");
		begin(l, t);
	}
}
