/* SPDX-License-Identifier: MIT */
/*
 * A process that is running: how it comes to be traced, and how it is left.
 *
 *    AT1  No filter can be put into it from outside, so that each of its calls stops (PTRACE_SYSCALL), and
 *         filter_stops() says which of these stops are about the map.
 *    AT2  It begins with a moment at which all of its tasks are stopped outside of their calls (PTRACE_INTERRUPT):
 *         its map is read then, and nothing is missed from there on.  Tasks that are made meanwhile are traced from
 *         their birth.  It ends with such a moment, too, for a last look; calls of the map that are under way are
 *         brought to their end.
 *    AT3  A task is left with the signal that it was about to be given, stopped if it was.  If this process dies the
 *         kernel does the same.
 *    AT4  Who is blocked where no signal reaches it (a parent in vfork(2)) is not waited for longer than PATIENCE_NS.
 *    AT5  Being told to end before the first look is done ends that look: nothing more is told, there is no last look, and
 *         the tasks are left as by AT3.
 *
 * Order: attach_seize() makes every thread traced, none of which notices; attach_begin() holds all of
 * them, tells what there is and lets them go; the loop of live.c; attach_leave() holds them once more,
 * looks, and detaches. Between the first and the second moment a thread may be made that nobody has
 * seized: look_first() asks again until there is none.
 */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "internal.h"
#include "machine.h"

/* Long enough for a thread that is in a read from a slow disk; the others stand meanwhile. */
#define PATIENCE_NS       3000000000ull
#define SHORT_PATIENCE_NS 500000000ull /* of who is told to end */

bool is_attached(const struct live *l)
{
	return l->options.pid > 0;
}

/* --- seizing ------------------------------------------------------------------------------------------------- */

/*
 * What ptrace_may_access() asks for of other users' processes, and Yama of any. The effective capability
 * in this process's user namespace; whether it counts in the other's the kernel says.
 */
static bool may_trace_all(void)
{
	return status_number(getpid(), "\nCapEff:", 16, 0) >> CAP_SYS_PTRACE & 1;
}

/*
 * Why it may not be traced, as far as can be told.
 *
 * In the order in which it can be known for sure: it is gone, somebody has it, nobody may (ptrace_scope
 * 3), a right is missing. @err: errno of PTRACE_SEIZE.
 */
static void explain_refusal(pid_t pid, int err, char *error, size_t size)
{
	uint64_t tracer = status_number(pid, "\nTracerPid:", 10, 0);
	uint64_t scope = read_number("/proc/sys/kernel/yama/ptrace_scope", 0);

	if (err == ESRCH)
		snprintf(error, size, "there is no process %d", (int)pid);
	else if (tracer)
		snprintf(error, size, "process %d is traced by process %d already, and can have one tracer",
			(int)pid, (int)tracer);
	else if (scope == 3)
		snprintf(error, size, "kernel.yama.ptrace_scope is 3: no process can be attached to");
	else if (!may_trace_all() && scope)
		snprintf(error, size,
			"attaching to process %d takes CAP_SYS_PTRACE, for kernel.yama.ptrace_scope is %d",
			(int)pid, (int)scope);
	else if (!may_trace_all())
		snprintf(error, size,
			"attaching to process %d takes CAP_SYS_PTRACE: it is another user's, or hides its "
			"memory (kernel.yama.ptrace_scope is 0)",
			(int)pid);
	else
		snprintf(error, size,
			"attaching to process %d is refused: %s (a security module, or the container's "
			"seccomp profile)",
			(int)pid, strerror(err));
}

/*
 * What no right could change. 0; or -ESRCH and the sentence. kill(2) with 0 asks whether it is there,
 * EPERM says that it is. Only user programs have VmSize.
 */
static int look_at_process(pid_t pid, char *error, size_t size)
{
	if (kernel->kill(pid, 0) && errno == ESRCH) {
		snprintf(error, size, "there is no process %d", (int)pid);
		return -ESRCH;
	}
	if (!proc_is_ours()) {
		snprintf(error, size, "/proc is not there, or is that of other process numbers");
		return -ESRCH;
	}
	if (status_number(pid, "\nVmSize:", 10, UINT64_MAX) == UINT64_MAX) {
		snprintf(error, size, "process %d has no map: it is a kernel thread, or has ended", (int)pid);
		return -ESRCH;
	}
	if (!machine_follows_narrow && process_is_narrow(pid)) {
		snprintf(error, size, "process %d is a 32-bit program, whose calls are not followed here",
			(int)pid);
		return -ESRCH;
	}
	return 0;
}

/*
 * PTRACE_SEIZE does not stop the task, and it makes PTRACE_INTERRUPT and PTRACE_LISTEN possible, which
 * PTRACE_ATTACH does not. 0 or -errno.
 *
 * The task runs on as if nothing had happened; it is in no table before this, so none of its stops can be
 * lost.
 */
static int seize(struct live *l, pid_t tid)
{
	struct task *t;

	if (kernel->ptrace(PTRACE_SEIZE, tid, NULL, (void *)(long)OPTIONS_OF_ATTACHED))
		return -errno;
	t = task_add(l, tid);
	if (!t)
		return -ENOMEM;
	t->tgid = l->options.pid;
	return 0;
}

struct seizing {
	struct live *l;
	int nr;
};

/*
 * Called for every entry of /proc/PID/task: 0 goes on. EPERM behind the first thread: one that is ending
 * cannot be seized any more (exit_state).
 */
static int seize_thread(void *ctx, pid_t tid)
{
	struct seizing *s = ctx;
	int err;

	if (task_find(s->l, tid) || is_traced_here(s->l, tid))
		return 0;
	err = seize(s->l, tid);
	s->nr += !err;
	/* It has ended; of a process whose first thread has, that one stays to be seen. */
	return err == -ESRCH || (err == -EPERM && s->l->nr_tasks) ? 0 : err;
}

/* The threads that are not traced yet.  How many; or -errno of the one that cannot be, if it is there still. */
static int seize_threads(struct live *l)
{
	struct seizing s = { .l = l };
	int err = kernel->each_thread(l->options.pid, seize_thread, &s);

	return err ? err : s.nr;
}

/*
 * The number may be that of a thread: its process is meant. no_new_privs is set where programs will gain
 * no privileges at exec: the kernel asks whether the tracer has CAP_SYS_PTRACE (ptracer_capable()).
 */
int attach_seize(struct live *l, char *error, size_t size)
{
	int err;

	l->options.pid = process_of_thread(l->options.pid);
	err = look_at_process(l->options.pid, error, size);
	if (err)
		return err;
	l->no_new_privs = !may_trace_all();
	l->self = getpid();
	err = seize_threads(l);
	if (err > 0)
		return 0;
	explain_refusal(l->options.pid, err ? -err : ESRCH, error, size);
	return err ? err : -ESRCH;
}

/* --- being told to end --------------------------------------------------------------------------------------- */

static bool is_told_to_end(const struct live *l)
{
	const struct live_options *o = &l->options;

	return o->stop && o->stop(o->ctx);
}

/*
 * True once stays true until the first look is over; the answer of the caller is asked for again only
 * while it is no.
 */
bool attach_is_given_up(struct live *l)
{
	if (l->looks_first && !l->given_up)
		l->given_up = is_told_to_end(l);
	return l->looks_first && l->given_up;
}

/* --- all of them at once ------------------------------------------------------------------------------------ */

/* Stopped, and nothing will make it run on before this process does. */
static bool stands(const struct task *t)
{
	return t->held || t->queued || t->waiting;
}

/* O(tasks). */
static unsigned long nr_running(struct live *l)
{
	struct task *t;
	unsigned long tid = 0, nr = 0;

	mt_for_each (&l->tasks, t, tid, ULONG_MAX)
		nr += !stands(t);
	return nr;
}

/*
 * Each task stops where it is, or at the end of the call that is recorded (resume() holds who would go
 * on). Those that are made meanwhile stop at birth. False: some did not stop within the patience, blocked
 * in the kernel where no signal reaches them (AT4).
 *
 * Reports are answered as ever (on_stop()): a task that was in a recorded call is stopped at its end, and
 * what it did is told. A group-stop stays one (jobs.c).
 */
static bool hold_all(struct live *l)
{
	uint64_t begin = now_ns(), patience = l->given_up ? SHORT_PATIENCE_NS : PATIENCE_NS;
	struct task *t;
	unsigned long tid = 0;

	l->holding = true;
	mt_for_each (&l->tasks, t, tid, ULONG_MAX)
		if (!stands(t))
			kernel->ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL);
	while (!attach_is_given_up(l) && nr_running(l) && now_ns() - begin < patience) {
		int status;
		pid_t report = kernel->wait_awhile(&status);

		if (report > 0)
			on_stop(l, report, status);
		else if (report < 0)
			break;
	}
	return nr_running(l) == 0;
}

/*
 * The opposite: with the signals that they were about to be given; who was stopped by a signal goes on
 * listening. PTRACE_LISTEN keeps a stopped task stopped and lets a SIGCONT be heard.
 */
static void let_all_go(struct live *l)
{
	struct task *t;
	unsigned long tid = 0;

	l->holding = false;
	mt_for_each (&l->tasks, t, tid, ULONG_MAX) {
		int sig = t->held_signal;

		if (!t->held)
			continue;
		t->held = false;
		t->held_signal = 0;
		if (t->stopped)
			kernel->ptrace(PTRACE_LISTEN, t->tid, NULL, NULL);
		else
			resume(l, t, sig);
	}
}

/* --- the beginning ------------------------------------------------------------------------------------------ */

/*
 * The first task of an address space begins it, the others join.  A task that has its mm already was
 * announced at its birth.
 */
static void emit_beginning(struct live *l, struct task *t)
{
	struct task *other = t->mm ? NULL : task_sharing_mm(l, t);

	limits_read(t);
	if (other)
		emit_task(l, other, t, other->tgid == t->tgid);
	else if (!t->mm)
		space_begin(l, t, true);
}

/*
 * Those that are in the kernel still: each may be in a call that will not be told. All are threads of one
 * process.
 *
 * One LOST event names one of them, with how many there are.
 */
static void emit_unstopped(struct live *l)
{
	struct task *t, *unstopped = NULL;
	unsigned long tid = 0;
	uint64_t nr = 0;

	mt_for_each (&l->tasks, t, tid, ULONG_MAX) {
		t->unstopped = !stands(t);
		nr += t->unstopped;
		unstopped = t->unstopped ? t : unstopped;
	}
	if (unstopped)
		emit_lost(l, unstopped, nr,
			"threads that are blocked in the kernel were not stopped: calls that they are in "
			"are missing");
}

/*
 * 0; -ESRCH and l->error; -EINTR: given up (AT5), and then nothing more of what was emitted reaches the
 * sink.
 */
static int look_first(struct live *l)
{
	struct task *t;
	unsigned long tid = 0;

	do
		hold_all(l);
	/*
	 * A thread that was not seized yet may have made another one, which /proc showed behind the
	 * reading: again, until a round finds nobody.  Who has been seized takes its children along
	 * (PTRACE_O_TRACECLONE).
	 */
	while (!l->given_up && seize_threads(l) > 0);
	if (l->given_up)
		return -EINTR;
	if (!l->nr_tasks || nr_running(l) == l->nr_tasks) {
		snprintf(l->error, sizeof(l->error),
			l->nr_tasks ? "process %d does not stop: it is blocked in the kernel, or its cgroup "
				      "is frozen"
				    : "process %d has ended",
			(int)l->options.pid);
		return -ESRCH;
	}
	/* The process's first thread first: the recording's first address space is then named after it. */
	t = task_find(l, l->options.pid);
	if (t)
		emit_beginning(l, t);
	mt_for_each (&l->tasks, t, tid, ULONG_MAX)
		if (!attach_is_given_up(l))
			emit_beginning(l, t);
	if (l->given_up)
		return -EINTR;
	emit_unstopped(l);
	let_all_go(l);
	return 0;
}

/* looks_first is what makes attach_is_given_up() ask. */
int attach_begin(struct live *l)
{
	int err;

	l->looks_first = true;
	err = look_first(l);
	l->looks_first = false;
	return err;
}

/* --- the end ------------------------------------------------------------------------------------------------ */

/* False of a program that was started: it ends by itself. */
bool attach_is_over(const struct live *l)
{
	const struct live_options *o = &l->options;

	if (!is_attached(l))
		return false;
	return is_told_to_end(l) || (o->seconds > 0 && (double)(now_ns() - l->start_ns) > o->seconds * 1e9);
}

/* Once for an address space. Writes first, so that the comparison knows them. */
static void look_a_last_time(struct live *l, struct task *t)
{
	if (!t->mm || t->mm->seen_last || t->exiting)
		return;
	t->mm->seen_last = true;
	writes_emit_all(l, t, false);
	observe_all(l, t);
}

/*
 * A task that was about to be given a signal gets it with PTRACE_DETACH; one that stands in a group-stop
 * stays stopped (__ptrace_unlink()).
 */
void attach_leave(struct live *l)
{
	bool all = hold_all(l);
	struct task *t;
	unsigned long tid = 0;

	l->looks++;
	mt_for_each (&l->tasks, t, tid, ULONG_MAX)
		if (all && !l->given_up)
			look_a_last_time(l, t);
	tid = 0;
	mt_for_each (&l->tasks, t, tid, ULONG_MAX) {
		/* Of one that is not stopped it fails (ESRCH); it is let go when this process ends. */
		kernel->ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(long)t->held_signal);
		task_remove(l, t);
	}
}
