/* SPDX-License-Identifier: MIT */
/*
 * The live source: start, the loop over stops, the end.
 *
 * A report of a task is awaited (alarm.c) and answered (stops.c); after a while that is a tick, whether there were any or not.
 *
 * 1. Start.  live_start() makes the process of the program, which waits for a byte before it does anything (launch.c),
 *    and seizes it there: no stop of the program is missed.  live_run() lets it go, when there is a sink.  What fails
 *    before that leaves no process behind (start_error()).
 * 2. End.  The loop ends when no task is left, whatever became of the sink: an error of the sink ends telling, not
 *    tracing (emit.c), for a program that loses its tracer can no longer make the calls that the filter stops.
 * 3. Whose.  All of it is in struct live and the tasks below it, and one thread uses it from live_start() to
 *    live_free(): the kernel takes requests about a task from the thread that seized it, and from no other.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

/*
 * Of a failure behind launch(): the child, which waits for its byte, is ended and waited for. Returns
 * @err. The child has not been let go, so it has done nothing that could be missed.
 */
static int start_error(struct live *l, int err, char *error, size_t size, const char *what)
{
	snprintf(error, size, "%s: %s", what, strerror(-err));
	if (l->root > 0) {
		kernel->kill(l->root, SIGKILL);
		kernel->waitpid(l->root, NULL, __WALL);
	}
	return err;
}

/* The name as it was given; for the shell's statuses 126 and 127 the caller has @err. */
static int program_error(const struct live *l, int err, char *error, size_t size)
{
	snprintf(error, size, "%s: cannot be started: %s", l->options.argv[0], strerror(-err));
	return err;
}

/*
 * Order: the child is made before SIGCHLD is blocked, so that it does not inherit that; it is seized
 * before anything else, for it must not be let go unseized.
 */
static int begin_to_launch(struct live *l, char *error, size_t size)
{
	int err = launch(l);

	if (err == -ENOENT || err == -EACCES)
		return program_error(l, err, error, size);
	if (err)
		return start_error(l, err, error, size, "cannot start a process");
	signals_block(l);
	if (kernel->ptrace(PTRACE_SEIZE, l->root, NULL, (void *)(long)OPTIONS_OF_STARTED))
		return start_error(l, -errno, error, size,
			"tracing is not permitted here (ptrace: see kernel.yama.ptrace_scope, or the "
			"container's seccomp profile)");
	return task_add(l, l->root) ? 0 : start_error(l, -ENOMEM, error, size, "cannot begin to trace");
}

/* 0, or -errno and the sentence. */
static int begin_to_attach(struct live *l, char *error, size_t size)
{
	signals_block(l);
	raise_file_limit(l);
	return attach_seize(l, error, size);
}

/* Half made, all of it is freed by live_free(), which takes zeros for "not begun". */
int live_start(struct live **live, const struct live_options *options, char *error, size_t size)
{
	struct live *l = calloc(1, sizeof(*l));
	int err;

	if (!l) {
		snprintf(error, size, "out of memory");
		return -ENOMEM;
	}
	l->options = *options;
	l->go_fd = l->report_fd = -1;
	mt_init_flags(&l->tasks, 0);
	mt_init_flags(&l->makers, 0);
	err = machine_header(l);
	if (err) {
		snprintf(error, size, "cannot describe the machine: %s", strerror(-err));
		live_free(l);
		return err;
	}
	if (options->stacks && !stacks_open(l)) {
		snprintf(error, size, "%s", stacks_missing() ? stacks_missing() : "out of memory");
		live_free(l);
		return -ENOTSUP;
	}
	err = options->pid ? begin_to_attach(l, error, size) : begin_to_launch(l, error, size);
	if (err) {
		live_free(l);
		return err;
	}
	l->no_proc = !proc_is_ours();
	l->header.fault_source = find_written_source();
	identity_open(l);
	/* Behind find_written_source(): it asks the same way. */
	l->header.no_zero_page = reads_get_pages();
	*live = l;
	return 0;
}

const struct trace_header *live_header(const struct live *l)
{
	return &l->header;
}

bool live_began(const struct live *l)
{
	return l->steps > 0;
}

uint64_t live_privileges_lost(const struct live *l, const char **program)
{
	*program = l->privileged;
	return l->privileges_lost;
}

/* Of the sink, of tracing or of exec: what was written last; "" if all went well. */
const char *live_error(const struct live *l)
{
	return l->error;
}

/*
 * There is nothing that could be waited for: somebody else in this process has. ECHILD: each task is told
 * as ended with status 0.
 */
static void lose_all_tasks(struct live *l)
{
	struct task *t;
	unsigned long tid = 0;

	mt_for_each (&l->tasks, t, tid, ULONG_MAX)
		on_gone(l, t, 0);
}

/*
 * Where reports come all the time, time passes, too. By the clock, not by the timer: see alarm.c for what
 * the timer is for.
 */
static bool is_tick_due(struct live *l)
{
	uint64_t now = now_ns();

	if (now - l->ticked_ns < TICK_NS)
		return false;
	l->ticked_ns = now;
	return true;
}

/*
 * One report, or some time. Events wait in the queue as long as reports come one after the other, at most
 * to the next tick.
 *
 * A flush at a tick keeps events from waiting longer; one without a report has time for it.
 */
static void take_report(struct live *l)
{
	int status;
	pid_t tid = kernel->wait_awhile(&status);

	if (tid > 0)
		on_stop(l, tid, status);
	else if (tid < 0)
		lose_all_tasks(l);
	if (tid >= 0 && is_tick_due(l)) {
		on_tick(l);
		emit_flush(l);
	} else if (tid <= 0 || emit_is_due(l)) {
		emit_flush(l);
	}
}

/* l->error stays where there was none. */
static void explain_exec_error(struct live *l)
{
	int err = launch_exec_error(l);

	/* launch.c's mark of the filter's own errors. */
	if (err < -4000)
		snprintf(l->error, sizeof(l->error), "the seccomp filter cannot be installed: %s",
			strerror(-(err + 4096)));
	else if (err)
		program_error(l, err, l->error, sizeof(l->error));
}

/*
 * Once for a struct live. The order of the end: tasks are left before the queue is flushed, for leaving
 * tells more; signals are given back last.
 */
int live_run(struct live *l, struct trace_sink *sink, int *status)
{
	int err = 0;

	l->sink = sink;
	l->start_ns = now_ns();
	signals_take(l);
	if (is_attached(l))
		err = attach_begin(l);
	else
		launch_go(l);
	while (!err && l->nr_tasks && !attach_is_over(l))
		take_report(l);
	if (is_attached(l))
		attach_leave(l);
	emit_flush(l);
	/* Only now: until the queue is flushed SIGPIPE and SIGXFSZ of the sink are its errors. */
	signals_give_back(l);
	*status = l->root_status;
	if (!is_attached(l))
		explain_exec_error(l);
	return err ? err : l->sink_error;
}

/*
 * Tasks that are left have no tracer any more: after a failed start there is the root, which has been
 * killed.
 *
 * Also of one that live_start() has half made. Tasks that were traced and live are killed by the kernel
 * if they were started (PTRACE_O_EXITKILL) once this process ends, and run on if they were attached to.
 */
void live_free(struct live *l)
{
	struct task *t;
	unsigned long tid = 0;

	mt_for_each (&l->tasks, t, tid, ULONG_MAX) {
		free(t->vector);
		free(t);
	}
	while ((t = l->strays) != NULL) {
		l->strays = t->next;
		task_leave_mm(t);
		free(t->vector);
		free(t);
	}
	mtree_destroy(&l->tasks);
	mtree_destroy(&l->makers);
	signals_unblock(l);
	put_back_file_limit(l);
	identity_close(l);
	stacks_close(l);
	for (int i = 0; i < 3; i++)
		free(l->strings[i]);
	if (l->go_fd >= 0)
		close(l->go_fd);
	if (l->report_fd >= 0)
		close(l->report_fd);
	free(l->pending);
	free(l->areas);
	free(l->names);
	free(l);
}
