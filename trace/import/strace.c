/* SPDX-License-Identifier: MIT */
/*
 * Lines of strace in order: what each kind does.
 *
 * perf trace tells of a call when it has ended, so that a child's lines come before those of the call that made it.  They
 * wait until that call is there.
 *
 * The loop. Each turn takes one line: of the file whose next one is the earliest, or of those with the
 * same time the one that can be next. Most often there is one file.
 *
 * A log of perf trace, in which lines wait:
 *
 *     0.9 (        ): prog/4071  ... [continued]: clone())   = 0     nobody has begun it: waits
 *     1.0 ( 0.1 ms): prog/4071 mmap(len: 8192, ...) = 0x7f...        waits behind that
 *     0.8 ( 0.4 ms): prog/4070 clone(...)    = 4071 (prog)           makes 4071; then both
 *
 * Without the child's end of its clone (STRACE_CHILD) the mmap would not wait: it could be of a task that
 * was there before the log, which is then a process of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "strace.h"

/* Lines; when more wait, they are taken as they are, and their tasks come from nowhere. */
#define MAX_WAITING 4096

/*
 * perf trace and bpftrace print the buffers of several processors as they come.  A night is no step
 * backward. A task's own calls are in order with every tool that writes as it goes. Half a day: less is
 * a step back, more is midnight.
 */
static void check_order(struct strace *st, struct import_task *t, const struct strace_line *line)
{
	bool call =
		line->kind == STRACE_CALL || line->kind == STRACE_UNFINISHED || line->kind == STRACE_RESUMED;

	if (!call || !line->has_time || line->relative)
		return;
	if (line->time_ns < t->time_ns && t->time_ns - line->time_ns < DAY_NS / 2)
		import_doubt(st->im, DOUBT_BACKWARD);
	t->time_ns = line->time_ns;
}

/* 0, or an error that ends the import. */
static int line_of_task(struct strace *st, struct source *s, struct import_task *t)
{
	struct strace_line *line = &s->line;
	const struct handler *h;

	switch (line->kind) {
	case STRACE_FORKED:
		return strace_forked(st, t, line);
	case STRACE_EXEC:
		return strace_exec_early(st, t);
	case STRACE_MAPPED:
		return strace_mapped(st, t, &line->mapped);
	case STRACE_FAULT:
		return strace_faulted(t) ? import_fault(st->im, t, &line->fault) : 0;
	case STRACE_CALL:
		h = handler_of(line->name, line->name_len);
		return h ? strace_whole_call(st, t, h, line->args, line->ip) : 0;
	case STRACE_UNFINISHED:
		s->cut_tid = line->other ? t->tid : 0;
		return strace_begin_call(st, t, line);
	case STRACE_RESUMED:
		return strace_end_call(st, t, line, handler_of(line->name, line->name_len));
	case STRACE_EXITED:
		return strace_end_task(st, t, line->status);
	case STRACE_BEGINS:
		/*
		 * An exported recording says how many areas follow: what the space begins with is among
		 * its calls then.
		 */
		t->space->whole |= !t->space->told;
		return 0;
	case STRACE_SUPERSEDED:
		return import_task_supersede(st->im, &st->tasks, t->tid, line->other);
	default:
		return 0;
	}
}

/*
 * By what the line says, before whose it is: continued calls, losses and strace's own words have no
 * task, or one that is to be made.
 */
static int on_line(struct strace *st, struct source *s)
{
	struct strace_line *line = &s->line;
	struct import_task *t;
	int err = 0;

	if (line->kind == STRACE_CONTINUED)
		return strace_continue_call(st, s);
	if (line->kind == STRACE_LOST)
		import_doubt(st->im, DOUBT_LOST);
	if (line->kind == STRACE_IGNORED || line->kind == STRACE_LOST)
		return line->other ? strace_attached(st, line->other, line->threads) : 0;
	/* The end of a clone in the child: it makes the task, and says nothing more. */
	if (line->kind == STRACE_CHILD)
		return strace_attached(st, line->tid, 0);
	t = strace_task_of(st, s, &err);
	if (!t)
		return err ? err : import_failed(st->im, -ENOMEM, "out of memory");
	t->silent = false;
	check_order(st, t, line);
	return line_of_task(st, s, t);
}

/* ---- lines that wait ---- */

/* O(waiting). */
static bool is_waiting(const struct strace *st, uint32_t tid)
{
	for (const struct waiting *w = st->waiting; w; w = w->next)
		if (w->tid == tid)
			return true;
	return false;
}

/*
 * Its task is made by a call whose end is still to come. A later line of a task that waits has to wait
 * behind it, too.
 */
static bool has_to_wait(const struct strace *st, const struct strace_line *line)
{
	return line->has_tid && !import_task_find(&st->tasks, line->tid) &&
	       ((line->kind == STRACE_CHILD && !strace_parent_in_clone(st)) || is_waiting(st, line->tid));
}

/* A copy: the line's memory is used for the next one. */
static int wait_for_parent(struct strace *st, const struct source *s)
{
	size_t len = strlen(s->text) + 1;
	struct waiting *w = malloc(sizeof(*w) + len);

	if (!w)
		return import_failed(st->im, -ENOMEM, "out of memory");
	*w = (struct waiting){ .tid = s->line.tid };
	memcpy(w->text, s->text, len);
	*st->waiting_end = w;
	st->waiting_end = &w->next;
	st->nr_waiting++;
	return 0;
}

/*
 * Lines whose task is there now, the first first; all: whose is not, too. The line is read again, as it
 * was written; s->line is overwritten by it, which is why strace_advance() comes behind.
 */
static int release(struct strace *st, struct source *s, bool all)
{
	struct waiting **link = &st->waiting;
	int err = 0;

	while (*link && !err) {
		struct waiting *w = *link;

		if (!all && !import_task_find(&st->tasks, w->tid)) {
			link = &w->next;
			continue;
		}
		*link = w->next;
		st->nr_waiting--;
		strace_read_line(st, w->text, &s->prefix, &s->line);
		if (s->line.kind != STRACE_OTHER && s->line.kind != STRACE_CHILD)
			err = on_line(st, s);
		free(w);
		/* It may have made another one's task. */
		link = &st->waiting;
	}
	st->waiting_end = &st->waiting;
	while (*st->waiting_end)
		st->waiting_end = &(*st->waiting_end)->next;
	return err;
}

/* One line, and what waited for it. */
static int line_and_waiting(struct strace *st, struct source *s)
{
	bool many = st->nr_waiting >= MAX_WAITING;
	uint32_t live = st->tasks.live;
	int err = has_to_wait(st, &s->line) ? wait_for_parent(st, s) : on_line(st, s);

	if (!err && st->nr_waiting && (many || st->tasks.live > live))
		err = release(st, s, many);
	return err;
}

/* A recording's times begin with 0; what is before the first line's time is not told. */
static void tell_time(struct strace *st, const struct source *s)
{
	uint64_t ns;

	if (!st->based) {
		st->based = true;
		st->base_ns = s->time_ns;
	}
	ns = s->time_ns - st->base_ns;
	if (s->time_ns > st->base_ns)
		import_time(st->im, ns);
}

/* im->reading is the file whose line is carried out: doubts take their place from there. */
static int run(struct strace *st)
{
	int err = strace_open(st);

	while (!err && st->nr_heap) {
		size_t at = strace_choose(st);
		struct source *s = &st->sources[st->heap[at]];

		st->im->reading = &s->lines;
		tell_time(st, s);
		err = line_and_waiting(st, s);
		if (!err)
			err = strace_advance(st, s);
		strace_sift(st, at);
		if (!st->nr_heap && !err && st->nr_waiting)
			err = release(st, s, true);
	}
	return err;
}

/* What was made until an error is freed as well. */
int import_strace(struct trace_import *im)
{
	struct strace st = { .im = im };
	int err = run(&st);

	im->reading = NULL;
	import_tasks_free(&st.tasks);
	for (size_t i = 0; st.sources && i < im->nr_paths; i++)
		lines_close(&st.sources[i].lines);
	while (st.waiting) {
		struct waiting *w = st.waiting;

		st.waiting = w->next;
		free(w);
	}
	free(st.foreign);
	free(st.columns);
	free(st.sources);
	free(st.heap);
	return err;
}
