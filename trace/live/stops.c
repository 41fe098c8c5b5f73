/* SPDX-License-Identifier: MIT */
/*
 * What each kind of ptrace stop means.
 *
 *      seccomp stop     a mapping call is about to be made: take the mm, or wait for it
 *                       (one about another's map takes that one's, and one that makes a userfaultfd none)
 *      syscall stop     it has been made; or, where there is no filter (attach.c), any call begins or ends
 *      fork, clone      a new task; for a copy, the call that made it holds the mm until here
 *      exec             a new address space
 *      exit             the task's last moment with its address space
 *      PTRACE_EVENT_STOP  birth of a traced task, or a group-stop (jobs.c)
 *      any other signal   to be delivered, unchanged
 *
 *      on_stop()
 *        seccomp   on_entry(): settle the call before, ask which call this is, take_call()
 *                    take_call(): filters, exec, fork, or mm_acquire() and let_through()
 *        syscall   on_exit_of_call(): call_end(), release(), resume()
 *        others    births.c, ends.c, jobs.c
 *
 * Every path ends with resume() of the task, with the task queued (it stays stopped), or with the task
 * gone. Whoever adds one has to end so: a task that is forgotten stands for ever.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call_table.h"
#include "internal.h"
#include "machine.h"

#define SYSCALL_STOP (SIGTRAP | 0x80)

/*
 * A task that is killed leaves its stop for the last one, at its exit, whatever was reported of it. That
 * one must not be left before it was reported itself: it is looked whether the task is still where it
 * was. PTRACE_GETSIGINFO's si_code has the event in its second byte, as waitpid(2)'s status has.
 */
bool is_at_event(const struct task *t, int event)
{
	siginfo_t info = { 0 };

	return kernel->ptrace(PTRACE_GETSIGINFO, t->tid, NULL, &info) == 0 &&
	       info.si_code == (SIGTRAP | event << 8);
}

/*
 * So long it is not asked again: a task can be killed between an answer and the request that lets it go on, however
 * soon that comes.  So what takes longer is done before the question, as far as it is known by then (look_ahead()).
 */
#define KNOWN_NS 2000

/*
 * False: it is dead or on its way there. Its exit stop is reported in turn, and it must not be let go
 * before.
 */
static bool is_where_it_was(const struct task *t)
{
	siginfo_t info = { 0 };

	return kernel->ptrace(PTRACE_GETSIGINFO, t->tid, NULL, &info) == 0 &&
	       info.si_code != (SIGTRAP | PTRACE_EVENT_EXIT << 8);
}

/*
 * @sig: what it is given, 0: nothing. While all are held (attach.c) it stays, and is let go on by
 * let_all_go().
 *
 * An error of the request is a task that has been killed (ESRCH), which its end will tell. looks grows:
 * what was seen at this stop is of the past now.
 */
void resume(struct live *l, struct task *t, int sig)
{
	if (l->holding) {
		t->held = true;
		t->held_signal = sig;
		return;
	}
	if (t->mm && (t->in_call || t->deferred || t->mm->users > 1))
		observe_changed(t->mm);
	/* Where there is no filter each call is asked for. */
	if (now_ns() - t->known_ns < KNOWN_NS || is_where_it_was(t))
		/* PTRACE_SYSCALL stops at the exit, which is waited for only of a call that holds the mm. */
		kernel->ptrace(t->in_call || (is_attached(l) && t->mm) ? PTRACE_SYSCALL : PTRACE_CONT, t->tid,
			NULL, (void *)(long)sig);
	t->known_ns = 0;
	l->looks++;
}

unsigned long event_message(const struct task *t)
{
	unsigned long msg = 0;

	kernel->ptrace(PTRACE_GETEVENTMSG, t->tid, NULL, &msg);
	return msg;
}

/*
 * At the entry, with the mm held: what the call depends on is told, then it is made. A fork's child has
 * pages that look the same in both, so all first writes are told before it; a deferred call gives the mm
 * back at once.
 *
 * resumed_ns is from when PATIENCE_NS counts (tasks.c).
 */
static void let_through(struct live *l, struct task *t)
{
	/* LI2 is about its own map, which another task may be busy with meanwhile. */
	if (!t->about)
		limits_emit(l, t);
	if (makes_task(t->call.nr)) {
		insist_on_tracing(t);
		t->clone_flags = flags_of_new_task(t);
		if (!(t->clone_flags & CLONE_VM))
			writes_emit_all(l, t, false);
	} else {
		call_begin(l, t);
	}
	t->resumed_ns = now_ns();
	if (t->in_call && defer_end(l, t))
		mm_release(t);
	resume(l, t, 0);
}

/*
 * The mm goes to the next in the queue, whose call is let through. next is acquired anew, as mm_release()
 * only takes it out of the queue; the mm is free, so that cannot fail.
 */
void release(struct live *l, struct task *t)
{
	struct task *next = mm_release(t);

	if (next && mm_acquire(next))
		let_through(l, next);
}

/*
 * A number of -1 is in no table: the call is skipped, and returns what the result's register has, which is
 * the tracer's to set.
 */
void refuse_call(struct task *t)
{
	struct registers regs;

	if (!registers_take(&regs, t->tid))
		return;
	registers_set_call(&regs, -1);
	registers_set_result(&regs, -ENOSYS);
	registers_put(&regs, t->tid);
}

/* For struct call_memory: i386's old mmap has its arguments in memory. */
static bool read_of_task(void *task, uint64_t addr, void *buf, size_t size)
{
	const struct task *t = task;

	return read_memory(t->tid, addr, buf, size);
}

/*
 * It is about what is mapped where its first argument says, and takes an address with a tag. mmap and brk
 * take no tag; the kernel takes it off for the others (untagged_addr()).
 */
static bool takes_tagged_address(uint32_t nr)
{
	switch (nr) {
	case NR_munmap:
	case NR_mprotect:
	case NR_pkey_mprotect:
	case NR_mremap:
	case NR_madvise:
	case NR_mlock:
	case NR_mlock2:
	case NR_munlock:
	case NR_mbind:
	case NR_mseal:
		return true;
	default:
		return false;
	}
}

/*
 * The call that stands at its entry. False: it is none that could change anything.
 *
 * t->number is set in any case: ends.c compares it with the registers of a task that was killed. ip and
 * sp are of the entry.
 */
static bool note_call(struct task *t, const struct __ptrace_syscall_info *info)
{
	const struct call_memory memory = { read_of_task, t };
	/* entry and seccomp of the union begin alike: number and arguments. */
	const uint64_t *args = (const uint64_t *)info->seccomp.args;
	enum trace_abi abi;
	uint32_t number;

	t->number = (int64_t)info->seccomp.nr;
	t->call = (struct trace_call){ .ip = info->instruction_pointer, .sp = info->stack_pointer };
	if (!machine_table_of(info->arch, info->seccomp.nr, &abi, &number))
		return false;
	t->result_at = call_result_at(abi, number, args);
	if (!call_decode(&t->call, abi, number, args, &memory))
		return false;
	if (takes_tagged_address(t->call.nr))
		t->call.args[0] = machine_plain_address(t->call.args[0]);
	return true;
}

/*
 * A recorded program wants to trace, or to be traced. Both ways the task goes on in its call; with
 * let_go_to_parent() it is not ours any more, and is not touched.
 */
static void on_ptrace(struct live *l, struct task *t)
{
	if (t->call.args[0] == PTRACE_TRACEME) {
		if (let_go_to_parent(l, t))
			return;
		notice(l, NOTICE_NOT_TRACED, t->tgid);
	} else {
		let_go_to(l, (pid_t)t->call.args[1]);
	}
	resume(l, t, 0);
}

/*
 * The call that was noted is about to be made. In the order of who answers it: calls that would change who
 * traces or filters, tasks that are not recorded, exec (the old map's last moment), what makes a userfaultfd, ioctls
 * that must not wait or are about a map that is gone, and then the calls of the map, which take the mm.
 */
static void take_call(struct live *l, struct task *t)
{
	if (t->takes_its_own && (t->call.nr == NR_ptrace || is_about_filters(&t->call))) {
		t->takes_its_own = false;
		resume(l, t, 0);
		return;
	}
	if (t->call.nr == NR_ptrace) {
		on_ptrace(l, t);
		return;
	}
	if (is_about_filters(&t->call)) {
		on_filter(l, t);
		return;
	}
	if (!t->mm) {
		insist_on_tracing(t);
		resume(l, t, 0);
		return;
	}
	/* It may fail: then the observation was one more. */
	if (t->call.nr == NR_execve || t->call.nr == NR_execveat) {
		observe_before_end(l, t);
		resume(l, t, 0);
		return;
	}
	if (makes_userfaultfd(&t->call)) {
		t->in_call = true;
		resume(l, t, 0);
	} else if (served_fills(l, t) || !served_find_whose(l, t)) {
		resume(l, t, 0);
	} else if (mm_acquire(t)) {
		let_through(l, t);
	}
}

/*
 * Which call it stands at, and that it does. known_ns lets resume() do without its own question for a
 * moment.
 */
static bool ask_for_call(struct task *t, struct __ptrace_syscall_info *info)
{
	if (kernel->ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, (void *)sizeof(*info), info) <= 0)
		return false;
	t->known_ns = now_ns();
	return true;
}

/* ret_data is the filter's mark. op is not SECCOMP where the task is at its exit stop by now. */
static void on_entry(struct live *l, struct task *t)
{
	struct __ptrace_syscall_info info = { 0 };

	/* The call before this one has ended, whatever becomes of the task. */
	settle_deferred(l, t);
	if (t->mm)
		growth_look_ahead(l, t->mm);
	/* Otherwise it has been killed meanwhile. */
	if (!ask_for_call(t, &info) || info.op != PTRACE_SYSCALL_INFO_SECCOMP)
		return;
	if (is_forbidden(t, info.seccomp.ret_data)) {
		end_strictly(l, t);
	} else if (info.seccomp.ret_data != FILTER_MARK || asks_by_itself(t, info.arch, info.seccomp.nr)) {
		refuse_call(t); /* a filter of the program's own asks a tracer that it does not have */
		resume(l, t, 0);
	} else if (note_call(t, &info)) {
		take_call(l, t);
	} else {
		resume(l, t, 0);
	}
}

/*
 * The beginning or the end of any call of a task that has no filter of ours. Entries of calls that the
 * filter would let pass, and all exits that nobody waits for, go on at once: two stops for nothing, which
 * is the price of having no filter.
 */
static void on_call_stop(struct live *l, struct task *t)
{
	struct __ptrace_syscall_info info = { 0 };

	if (!ask_for_call(t, &info))
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY && note_call(t, &info) && filter_stops(&t->call))
		take_call(l, t);
	else
		resume(l, t, 0);
}

/* Where a call puts its result it returns 0, and leaves it there in 32 bits. */
static int64_t result_of_call(const struct task *t, int64_t returned)
{
	uint32_t put;

	if (!t->result_at || returned || !read_memory(t->tid, t->result_at, &put, sizeof(put)))
		return returned;
	return put;
}

/*
 * What the call has done is compared where it was to do something, whatever its result is. Before the
 * question whether the task still stands: what takes long is done first (KNOWN_NS).
 */
static void look_ahead_at_exit(struct live *l, const struct task *t)
{
	unsigned int n;
	struct range r[2];

	if (l->options.check != LIVE_CHECK_EVERY || t->mm->users > 1)
		return;
	n = named_ranges(t, r);
	for (unsigned int i = 0; i < n; i++)
		observe_look_ahead(l, t->mm, r[i].start ? r[i].start - 1 : 0);
}

/* A call that makes a task has been told at the fork's event; here its mm is only given back. */
static void on_exit_of_call(struct live *l, struct task *t)
{
	struct __ptrace_syscall_info info = { 0 };

	if (t->in_call && t->mm)
		look_ahead_at_exit(l, t);
	if (t->in_call && ask_for_call(t, &info) && info.op == PTRACE_SYSCALL_INFO_EXIT) {
		restore_argument(t);
		if (!makes_task(t->call.nr))
			call_end(l, t, result_of_call(t, info.exit.rval));
		release(l, t);
	}
	resume(l, t, 0);
}

/*
 * Every TICK_NS, about. What waits for something that no stop brings is looked at here.
 *
 * Order: signals first, so that a program that is told to end is told soon; deferred calls before waiting
 * ones, for they may let go.
 */
void on_tick(struct live *l)
{
	struct live_mm *awaited;
	struct task *t;

	l->looks++;
	signals_pass_on(l);
	notice_stopped_tasks(l);
	settle_what_is_there(l);
	let_unannounced_go(l);
	awaited = l->awaited;
	while ((t = mm_take_from_blocked(&awaited, now_ns())) != NULL) {
		emit_lost_call(l, t,
			"the order of calls: one was blocked in the kernel, others of its address space went "
			"on");
		if (mm_acquire(t))
			let_through(l, t);
	}
}

/* A thread that execs takes the number of its process, whose first thread has ended. */
static struct task *task_that_takes_number(struct live *l, pid_t tid)
{
	unsigned long former = 0;
	struct task *t;

	kernel->ptrace(PTRACE_GETEVENTMSG, tid, NULL, &former);
	t = task_find(l, (pid_t)former);
	if (t)
		task_rename(l, t, tid);
	return t;
}

/*
 * As above, where the first thread's entry is still there.
 *
 * The entry under the process's number is the first thread's, which exec has ended; its own end was not
 * reported to anybody (de_thread() of fs/exec.c).
 */
static struct task *settle_exec_identity(struct live *l, struct task *t)
{
	pid_t former = (pid_t)event_message(t);
	struct task *thread = former != t->tid ? task_find(l, former) : NULL;
	pid_t tid = t->tid;

	if (!thread)
		return t;
	leave_calls(l, t);
	if (t->mm && !t->exiting)
		emit_exit(l, t, 0, false);
	task_remove(l, t);
	task_rename(l, thread, tid);
	return thread;
}

/*
 * PTRACE_EVENT_EXEC: the new map is there, no instruction of the new program has run.
 *
 * Other threads have ended by now, each with its exit stop or taken by this one. Queued and held mms are
 * left before the old space ends.
 */
static void on_exec(struct live *l, struct task *t)
{
	t = settle_exec_identity(l, t);
	leave_calls(l, t);
	if (t->mm) {
		if (!t->exiting)
			emit_exit(l, t, 0, true);
		task_leave_mm(t);
	}
	t->exiting = false;
	t->looked = 0;
	t->name[0] = '\0';
	t->tgid = t->tid;
	note_privileges(l, t);
	if (t->unseen) {
		resume(l, t, 0);
		return;
	}
	space_begin(l, t, false);
	resume(l, t, 0);
}

/*
 * Before the handler runs: what the fault has done to the map is told with the map as it left it. Nothing
 * is changed of the signal: neither its information nor whether it is delivered.
 */
static void deliver_signal(struct live *l, struct task *t, int sig)
{
	signals_note_delivery(l, t, sig);
	if (sig == SIGBUS && t->mm)
		writes_refused(l, t);
	if (sig == SIGSEGV && t->mm)
		growth_refused(l, t);
	resume(l, t, sig);
}

/*
 * The event is in the status above the signal (ptrace(2)). A stop with a signal alone is a
 * signal-delivery-stop, or a syscall stop with bit 7 (PTRACE_O_TRACESYSGOOD).
 */
void on_stop(struct live *l, pid_t tid, int status)
{
	struct task *t = task_find(l, tid);

	l->looks++;
	/* Its former number is in the event. */
	if (!t && WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_EXEC)
		t = task_that_takes_number(l, tid);
	if (!t) {
		on_unknown(l, tid, status);
		return;
	}
	/* It stands now, so what it was in has ended or is known. */
	t->unstopped = false;
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
		on_new_task(l, t, status >> 16);
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
		if (WSTOPSIG(status) == SYSCALL_STOP && is_attached(l) && !t->in_call)
			on_call_stop(l, t);
		else if (WSTOPSIG(status) == SYSCALL_STOP)
			on_exit_of_call(l, t);
		else
			deliver_signal(l, t, WSTOPSIG(status));
	}
}
