/* SPDX-License-Identifier: MIT */
/*
 * Whose line it is, and whose child a new task.
 *
 * 1. Whose line?  The task that it names, or the one whose file of -ff it is in.  A log to the terminal names nobody as
 *    long as there is one task: that one has a number of our own until a line names it.
 * 2. Children.  A child's first lines may come before the end of the call that makes it is logged: it is adopted by a task
 *    whose clone has begun, told by "Process N attached" where strace says so.
 * 3. Attached.  "Process 4070 attached with 3 threads": the next tasks from nowhere are threads of that
 *    one, as many as it said.
 */
#include <string.h>

#include "strace.h"

#define CLONE_OF_THREADS 0x10f00 /* VM, FS, FILES, SIGHAND, THREAD */

/* Any: where several have begun one, which is the parent is not told. O(tasks). */
struct import_task *strace_parent_in_clone(const struct strace *st)
{
	for (int i = 0; i < 256; i++)
		for (struct import_task *t = st->tasks.hash[i]; t; t = t->next)
			if (t->pending && t->pending_handler && !t->pending_done &&
				name_makes_task(t->pending_handler->name, strlen(t->pending_handler->name)))
				return t;
	return NULL;
}

/* The clone is carried out now; its end says nothing then. 0 or an error. */
int strace_adopt(struct strace *st, struct import_task *parent, uint32_t tid)
{
	parent->pending_done = true;
	return import_task_clone(st->im, &st->tasks, parent, tid,
		clone_flags(st->im, parent->pending_handler->name, parent->pending));
}

/* A line that names nobody: of the only task there is. NULL: no memory. */
static struct import_task *task_without_name(struct strace *st)
{
	struct import_task *t = import_task_find(&st->tasks, NAMELESS);

	if (t)
		return t;
	for (int i = 0; i < 256 && st->tasks.live == 1; i++)
		if (st->tasks.hash[i])
			return st->tasks.hash[i];
	st->nameless = true;
	return import_task_new(st->im, &st->tasks, NAMELESS);
}

/* The parent's own line, which makes no child of it. */
static bool is_clone_end(const struct strace_line *line)
{
	return line->kind == STRACE_RESUMED && name_makes_task(line->name, line->name_len);
}

/*
 * One whose beginning was not logged: a process of its own, or a thread of the one that strace was
 * attached to. NULL: no memory, or *err.
 */
static struct import_task *task_from_nowhere(struct strace *st, uint32_t tid, int *err)
{
	struct import_task *leader;

	if (!st->attached || tid == st->attached || !st->attached_left)
		return import_task_new(st->im, &st->tasks, tid);
	leader = import_task_find(&st->tasks, st->attached);
	if (!leader)
		leader = import_task_new(st->im, &st->tasks, st->attached);
	if (!leader)
		return NULL;
	st->attached_left--;
	*err = import_task_clone(st->im, &st->tasks, leader, tid, CLONE_OF_THREADS);
	return *err ? NULL : import_task_find(&st->tasks, tid);
}

/*
 * In this order: it is here; a clone is under way, so that it is its child; the nameless one has got a
 * name; from nowhere.
 */
struct import_task *strace_task_of(struct strace *st, const struct source *s, int *err)
{
	const struct strace_line *line = &s->line;
	uint32_t tid = line->has_tid ? line->tid : s->tid;
	struct import_task *t, *parent;

	if (!tid)
		return task_without_name(st);
	t = import_task_find(&st->tasks, tid);
	if (t)
		return t;
	parent = is_clone_end(line) ? NULL : strace_parent_in_clone(st);
	if (parent) {
		*err = strace_adopt(st, parent, tid);
		return *err ? NULL : import_task_find(&st->tasks, tid);
	}
	if (st->nameless && import_task_find(&st->tasks, NAMELESS)) {
		st->nameless = false;
		*err = import_task_supersede(st->im, &st->tasks, tid, NAMELESS);
		return *err ? NULL : import_task_find(&st->tasks, tid);
	}
	return task_from_nowhere(st, tid, err);
}

/* @threads 1: a child, by its parent's clone, or strace's word of one process alone. */
int strace_attached(struct strace *st, uint32_t tid, uint32_t threads)
{
	struct import_task *parent = import_task_find(&st->tasks, tid) ? NULL : strace_parent_in_clone(st);

	if (parent)
		return strace_adopt(st, parent, tid);
	if (threads > 1) {
		/* Of two such processes nothing tells which one a thread is of. */
		st->attached_left = st->attached ? 0 : threads - 1;
		st->attached = tid;
	}
	return 0;
}

/*
 * perf's FORK record comes within the call: the clone that has begun is carried out with its flags,
 * else with what the record says, a thread's or a process's.
 */
int strace_forked(struct strace *st, struct import_task *t, const struct strace_line *line)
{
	if (import_task_find(&st->tasks, line->other))
		return 0;
	if (t->pending && t->pending_handler &&
		name_makes_task(t->pending_handler->name, strlen(t->pending_handler->name)))
		return strace_adopt(st, t, line->other);
	return import_task_clone(st->im, &st->tasks, t, line->other, line->threads ? CLONE_OF_THREADS : 0);
}
