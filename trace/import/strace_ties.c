/* SPDX-License-Identifier: MIT */
/*
 * Which of several files of -ff comes first, whose next lines have the same time.
 *
 * With -t a second holds many lines, and without times all have the same.  A line has to wait where it cannot be next:
 *
 *   its task was not made yet;
 *   its task has called vfork, and the child goes on in its space;
 *   it has waited for a child that has not ended;
 *   it ends by another's exec, which has not begun;
 *   it maps what is mapped, changes what is not, uses a descriptor that is not open, or opens one that is.
 *
 * Of those that need not wait the one of the lowest task comes first.  Where all have to, what they wait for was not logged (the
 * loader's areas are so): then comes a task that is there, else one that begins with an exec, as what strace has started does.
 *
 * Nothing here changes anything: lines are looked at where they wait in their files, and
 * strace_choose() gives a place of the heap. It costs as much as there are files with the same time,
 * and only where there are any.
 *
 * With -t, whose times are seconds:
 *
 *     log.4070    12:00:01 clone(...) = 4071
 *     log.4071    12:00:01 mmap(NULL, 4096, ...) = 0x7f0000000000
 *     log.4070    12:00:01 munmap(0x7f0000000000, 4096) = 0
 *
 * 4071, a thread: its line waits until the clone has made it, 4070's munmap until something is there to
 * be unmapped.
 */
#include <stdlib.h>
#include <string.h>

#include "strace.h"
#include "system_calls.h"

#define MAP_ANONYMOUS 0x20

/* NULL: it was not made yet. */
static struct import_task *task_of(const struct strace *st, const struct source *s)
{
	return import_task_find(&st->tasks, s->line.has_tid ? s->line.tid : s->tid);
}

/* Of two places of the heap. Without any time in the logs all are 0, and so the same. */
static bool is_same_time(const struct strace *st, size_t a, size_t b)
{
	return st->sources[st->heap[a]].time_ns == st->sources[st->heap[b]].time_ns;
}

/* Does somebody go on in its space whom it has made by vfork? O(tasks). */
static bool has_vforked(const struct strace *st, uint32_t tid)
{
	for (int i = 0; i < 256; i++)
		for (const struct import_task *t = st->tasks.hash[i]; t; t = t->next)
			if (t->vforked_by == tid)
				return true;
	return false;
}

static bool one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Numbers beyond MAX_DESCRIPTOR are of nobody. */
static bool is_open(const struct import_task *t, int64_t fd)
{
	return fd >= 0 && fd < MAX_DESCRIPTOR && descriptors_find(t->files, (int)fd);
}

/* A mapping of a file by its number alone. With -y the path is there, and it does not matter. */
static bool maps_open_file(
	const struct import_task *t, const struct strace_call *call, const struct trace_call *c)
{
	char *end;
	long fd;

	if (c->nr != NR_mmap || (c->args[3] & MAP_ANONYMOUS) || c->result < 0 || call->nr_args < 5)
		return true;
	fd = strtol(call->args[4].at, &end, 0);
	return *end == '<' || is_open(t, fd);
}

/* @line is a whole call. True for what has failed, or is not known: it changes nothing. */
static bool can_be_next(const struct strace *st, const struct import_task *t, const struct strace_line *line)
{
	static const char *const waits[] = { "wait4", "waitpid" };
	static const char *const opens[] = { "creat", "dup", "memfd_create", "open", "openat", "openat2" };
	const struct handler *h = handler_of(line->name, line->name_len);
	const struct import_task *child;
	struct strace_call call;
	struct trace_call c;

	if (!h || !strace_call(line->args, &call) || !call.has_result || call.result < 0)
		return true;
	if (one_of(h->name, waits, 2)) {
		child = import_task_find(&st->tasks, (uint32_t)call.result);
		return !child || child->ended;
	}
	if (one_of(h->name, opens, sizeof(opens) / sizeof(opens[0])))
		return !is_open(t, call.result);
	if (!h->nr || !import_read_call(&call, h, &c))
		return true;
	return placed_fits(t->space, &c) && maps_open_file(t, &call, &c);
}

/*
 * The task that takes the process over has come as far as its exec. "+++ superseded by execve in pid
 * 4071 +++" stands in the first thread's file.
 */
static bool awaits_exec(const struct strace *st, const struct strace_line *line)
{
	const struct import_task *by =
		line->kind == STRACE_SUPERSEDED ? import_task_find(&st->tasks, line->other) : NULL;

	return line->kind == STRACE_SUPERSEDED && !(by && by->pending);
}

static bool has_to_wait(const struct strace *st, const struct source *s)
{
	const struct import_task *t = task_of(st, s);

	if (!t)
		return s->line.has_tid || s->tid;
	if (has_vforked(st, t->tid) || awaits_exec(st, &s->line))
		return true;
	return s->line.kind == STRACE_CALL && !can_be_next(st, t, &s->line);
}

/*
 * A call that changes a map is taken before others of the same space and time. A doubt: of calls of one
 * space nobody knows which came first.
 */
static void count_choice(const struct strace *st, size_t chosen)
{
	const struct source *s = &st->sources[st->heap[chosen]];
	const struct import_task *t = task_of(st, s), *other;
	const struct handler *h =
		s->line.kind == STRACE_CALL ? handler_of(s->line.name, s->line.name_len) : NULL;

	for (size_t i = 0; t && h && h->nr && i < st->nr_heap; i++) {
		if (i == chosen || !is_same_time(st, i, chosen))
			continue;
		other = task_of(st, &st->sources[st->heap[i]]);
		if (other && other->space == t->space) {
			st->im->reading = &s->lines;
			import_doubt(st->im, DOUBT_SAME_TIME);
			return;
		}
	}
}

static bool may_go(const struct strace *st, const struct source *s)
{
	return !has_to_wait(st, s);
}

static bool begins_with_exec(const struct strace *st, const struct source *s)
{
	return s->line.kind == STRACE_CALL && is_call(&s->line, "execve");
}

static bool has_begun(const struct strace *st, const struct source *s)
{
	return task_of(st, s);
}

/* Of those with the time of the heap's first; none: nr_heap. */
static size_t first_that(const struct strace *st, bool (*is)(const struct strace *, const struct source *))
{
	size_t first = st->nr_heap;

	for (size_t i = 0; i < st->nr_heap; i++)
		if (is_same_time(st, 0, i) &&
			(first == st->nr_heap || strace_earlier(st, st->heap[i], st->heap[first])) &&
			is(st, &st->sources[st->heap[i]]))
			first = i;
	return first;
}

/*
 * A place of the heap that holds a line; 0, its first, as a rule. Three questions in their order, each
 * of all files with the time of the first: who need not wait, whose task is there, who begins with an
 * exec.
 */
size_t strace_choose(const struct strace *st)
{
	size_t chosen = 0;

	/* Of those that have the time of the first, one is directly below it. */
	if (st->nr_heap < 2 || !(is_same_time(st, 0, 1) || (st->nr_heap > 2 && is_same_time(st, 0, 2))))
		return 0;
	if (has_to_wait(st, &st->sources[st->heap[0]]))
		chosen = first_that(st, may_go);
	if (chosen == st->nr_heap)
		chosen = first_that(st, has_begun);
	if (chosen == st->nr_heap)
		chosen = first_that(st, begins_with_exec);
	if (chosen == st->nr_heap)
		chosen = 0;
	count_choice(st, chosen);
	return chosen;
}
