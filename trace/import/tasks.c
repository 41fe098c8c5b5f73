/* SPDX-License-Identifier: MIT */
/*
 * The tasks of a log, the address spaces that they share and how these begin.
 *
 * 1. A task that clone, fork or vfork returned is its parent's child, by their flags.  One that appears by itself is
 *    taken to be a process of its own, with a map that nobody saw.
 * 2. A space is told of with its first call: by then brk(NULL), which the loader asks first, has said where the heap is.
 * 3. What a space holds at its beginning is not in a log: the window of its map is empty (see TRACE_MAP_BEGIN), unless
 *    the first one's was given, or it is an exported recording's, which writes it as calls.
 * 4. Numbers.  Tasks have those of the log; spaces and files get their own, ascending in the recording.
 *    A number of a task that the kernel gives again belongs to the task that is here now.
 * 5. Who calls: calls.c for clone, exec and exit, strace_tasks.c for tasks whose lines come first,
 *    strace_interrupted.c at a task's end. import_space_begin() is called before each event that is
 *    about a space.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define CLONE_VM     0x100
#define CLONE_FILES  0x400
#define CLONE_VFORK  0x4000
#define CLONE_THREAD 0x10000

static struct import_task **bucket(struct import_tasks *tasks, uint32_t tid)
{
	return &tasks->hash[tid % 256];
}

/* NULL: it is not here. O(1) as a rule. */
struct import_task *import_task_find(const struct import_tasks *tasks, uint32_t tid)
{
	struct import_task *t = tasks->hash[tid % 256];

	while (t && t->tid != tid)
		t = t->next;
	return t;
}

/*
 * A process of its own until somebody says otherwise, with neither space nor files: the caller gives it
 * both.
 */
static struct import_task *add_task(struct import_tasks *tasks, uint32_t tid)
{
	struct import_task *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->tid = t->pid = tid;
	t->next = *bucket(tasks, tid);
	*bucket(tasks, tid) = t;
	tasks->live++;
	return t;
}

/* With one reference, the caller's. */
static struct import_space *new_space(struct trace_import *im, uint32_t pid, const char *path, size_t len)
{
	struct import_space *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->path = malloc(len + 1);
	if (!s->path) {
		free(s);
		return NULL;
	}
	memcpy(s->path, path, len);
	s->path[len] = '\0';
	s->refs = 1;
	s->pid = pid;
	s->page_size = im->header.page_size;
	/* --start-maps tells of the program that the log begins with, and of no other. */
	s->first = !im->nr_spaces++;
	mt_init(&s->placed);
	return s;
}

/* Spaces are numbered in the order in which a recording tells of them. */
static void number_space(struct trace_import *im, struct import_space *s)
{
	s->told = true;
	s->mm = ++im->last_mm;
}

/* NULL is permitted. */
static void put_space(struct import_space *s)
{
	if (!s || --s->refs)
		return;
	mtree_destroy(&s->placed);
	free(s->path);
	free(s);
}

/* Nothing is emitted. space and files may be NULL still. */
static void free_task(struct import_tasks *tasks, struct import_task *task)
{
	struct import_task **link = bucket(tasks, task->tid);

	while (*link != task)
		link = &(*link)->next;
	*link = task->next;
	put_space(task->space);
	descriptors_put(task->files);
	free(task->pending);
	free(task);
	tasks->live--;
}

void import_tasks_free(struct import_tasks *tasks)
{
	for (int i = 0; i < 256; i++)
		while (tasks->hash[i])
			free_task(tasks, tasks->hash[i]);
	free(tasks->segments);
}

/* Tables that tasks share are gone through more than once, which changes nothing. */
bool import_tasks_rename(struct import_tasks *tasks, const char *from, const char *to, size_t len)
{
	for (int i = 0; i < 256; i++)
		for (struct import_task *t = tasks->hash[i]; t; t = t->next)
			if (!descriptors_renamed(t->files, from, to, len))
				return false;
	return true;
}

/* The first task of all is the program that the log is of, and no doubt. */
struct import_task *import_task_new(struct trace_import *im, struct import_tasks *tasks, uint32_t tid)
{
	struct import_task *t = add_task(tasks, tid);

	if (!t)
		return NULL;
	if (im->nr_spaces)
		import_doubt(im, DOUBT_TASK_UNKNOWN);
	t->space = new_space(im, tid, "", 0);
	t->files = descriptors_new();
	if (t->space && t->files)
		return t;
	free_task(tasks, t);
	return NULL;
}

/* start: what is known of its map; nothing: count 0. */
static int tell_space(
	struct trace_import *im, struct import_task *t, uint64_t brk, const struct snapshot *start)
{
	struct import_space *s = t->space;
	struct trace_event e = { .type = TRACE_EVENT_SPACE,
		.space = { .attached = true,
			.start_brk = brk,
			.brk = brk,
			.start_stack = s->start_stack,
			.topdown = true,
			.task_size = IMPORT_TASK_SIZE,
			.path = s->path } };

	/*
	 * A log says nothing of limits before its first setrlimit: infinite ones, and all capabilities,
	 * never make the replay refuse what the kernel did.
	 */
	for (int i = 0; i <= TRACE_LIMIT_MEMLOCK; i++)
		e.space.limits[i] = UINT64_MAX;
	/* CAP_CHECKPOINT_RESTORE is 40, the last one. */
	e.space.limits[TRACE_LIMIT_CAPABILITIES] = (1ull << 41) - 1;
	/* What --start-maps says of heap and stack counts more than what the first calls do. */
	snapshot_space(start, &e.space);
	t->space->heap_known |= e.space.start_brk != 0;
	return import_emit(im, &e, t->pid, t->tid, s->mm);
}

/*
 * @brk: where the heap begins, where the call that comes tells it; 0: not known. At once where it was
 * told. 0 or -errno.
 */
int import_space_begin(struct trace_import *im, struct import_task *t, uint64_t brk)
{
	struct import_space *s = t->space;
	struct snapshot start = { 0 };
	struct trace_event e = { .type = TRACE_EVENT_MAP, .map = { .reason = TRACE_MAP_BEGIN } };
	int err = 0;

	if (s->told)
		return 0;
	number_space(im, s);
	/* brk(0) as the first call of a program says where the heap begins, before anything is in it. */
	s->heap_known = brk != 0;
	if (s->first && im->options.start_maps)
		err = read_start_maps(im, &start);
	else if (!s->whole)
		import_doubt(im, DOUBT_START_MAP);
	if (!err)
		err = tell_space(im, t, brk, &start);
	if (s->first && im->options.start_maps)
		e.map = snapshot_map(&start, TRACE_MAP_BEGIN);
	else if (s->whole)
		/* All of it is known to be empty: the calls that follow fill it. */
		e.map.hi = UINT64_MAX;
	if (!err)
		err = import_emit(im, &e, t->pid, t->tid, s->mm);
	snapshot_free(&start);
	return err;
}

/* A thread or a child that shares the space, or one with a copy of it. */
static int tell_child(
	struct trace_import *im, struct import_task *parent, struct import_task *t, uint64_t flags)
{
	struct trace_event e;

	/* The kernel's own question (copy_mm()): vfork and threads share the space, fork copies it. */
	if (flags & CLONE_VM) {
		e = (struct trace_event){ .type = TRACE_EVENT_TASK,
			.task = { .parent_tid = parent->tid, .thread = flags & CLONE_THREAD } };
		return import_emit(im, &e, t->pid, t->tid, t->space->mm);
	}
	e = (struct trace_event){ .type = TRACE_EVENT_FORK,
		.fork = { .child_pid = t->pid, .child_mm = t->space->mm } };
	return import_emit(im, &e, parent->pid, parent->tid, parent->space->mm);
}

/* False: no memory. */
static bool share_files(struct import_task *parent, struct import_task *t, uint64_t flags)
{
	if (flags & CLONE_FILES) {
		parent->files->refs++;
		t->files = parent->files;
		return true;
	}
	t->files = descriptors_copy(parent->files);
	return t->files;
}

/* False: no memory, or placed_fork() failed. */
static bool share_space(
	struct trace_import *im, struct import_task *parent, struct import_task *t, uint64_t flags)
{
	struct import_space *from = parent->space;

	if (flags & CLONE_VM) {
		from->refs++;
		t->space = from;
		return true;
	}
	t->space = new_space(im, t->pid, from->path, strlen(from->path));
	if (!t->space)
		return false;
	/* At once: the FORK event tells of it, before any event of the child. */
	number_space(im, t->space);
	t->space->heap_known = from->heap_known;
	return placed_fork(im, from, t->space) == 0;
}

/* Its number can be given to another task from here on, which import_task_clone() asks about. */
void import_task_ending(struct import_tasks *tasks, struct import_task *task, bool group)
{
	task->ended = true;
	for (int i = 0; i < 256 && group; i++)
		for (struct import_task *t = tasks->hash[i]; t; t = t->next)
			t->ended |= t->pid == task->pid;
}

/* 0 as well where the task is here already. */
int import_task_clone(struct trace_import *im, struct import_tasks *tasks, struct import_task *parent,
	uint32_t tid, uint64_t flags)
{
	struct import_task *t = import_task_find(tasks, tid);
	int err = 0;

	/*
	 * It is here: the child's own lines came before the end of its parent's clone, and it was made by
	 * the first of the two.
	 */
	if (t && !(t->ended && t != parent))
		return 0;
	/* Its number is given again, so it was reaped, though -qq or a filter kept its end out of the log. */
	if (t)
		err = import_task_exit(im, tasks, t, 0);
	if (!err)
		err = import_space_begin(im, parent, 0);
	if (err)
		return err;
	t = add_task(tasks, tid);
	if (!t)
		return -ENOMEM;
	t->silent = true;
	if (flags & CLONE_THREAD)
		t->pid = parent->pid;
	t->vforked_by = flags & CLONE_VFORK ? parent->tid : 0;
	if (!share_files(parent, t, flags) || !share_space(im, parent, t, flags)) {
		free_task(tasks, t);
		return -ENOMEM;
	}
	return tell_child(im, parent, t, flags);
}

/*
 * The task leaves its space. Before the reference is put: `last` is what the count is about to become. A
 * space that was never told of ends without a word.
 */
static int leave(struct trace_import *im, struct import_task *t, int status, bool exec)
{
	struct trace_event e = { .type = TRACE_EVENT_EXIT,
		.exit = { .status = status, .last = t->space->refs == 1, .exec = exec } };

	return t->space->told ? import_emit(im, &e, t->pid, t->tid, t->space->mm) : 0;
}

/*
 * exec ends the other threads of the process, whether or not the log says so: de_thread() kills them before
 * the new program begins. import_task_exit() frees @t, so that its successor is read first.
 */
static int end_threads(struct trace_import *im, struct import_tasks *tasks, struct import_task *task)
{
	int err = 0;

	for (int i = 0; i < 256; i++) {
		struct import_task *t = tasks->hash[i], *next;

		for (; t && !err; t = next) {
			next = t->next;
			if (t != task && t->pid == task->pid)
				err = import_task_exit(im, tasks, t, 0);
		}
	}
	return err;
}

/*
 * After an exec that succeeded. The space before is left, the new one is told of at the first event about
 * it; descriptors are copied, since exec unshares them (begin_new_exec()).
 */
int import_task_exec(struct trace_import *im, struct import_tasks *tasks, struct import_task *task,
	const char *path, size_t len)
{
	struct import_space *s;
	struct descriptors *own;
	int err = end_threads(im, tasks, task);

	if (!err)
		err = leave(im, task, 0, true);
	if (err)
		return err;
	s = new_space(im, task->pid, path, len);
	own = descriptors_copy(task->files);
	if (!s || !own) {
		put_space(s);
		descriptors_put(own);
		return -ENOMEM;
	}
	/* A log that begins with its program's exec has one space, not an empty one before it. */
	s->first |= task->space->first && !task->space->told;
	put_space(task->space);
	task->space = s;
	task->vforked_by = 0;
	descriptors_put(task->files);
	task->files = own;
	descriptors_exec(own);
	return 0;
}

/* A call of it that has begun is given up. The space ends with its last task (EXIT, last). */
int import_task_exit(
	struct trace_import *im, struct import_tasks *tasks, struct import_task *task, int status)
{
	int err = leave(im, task, status, false);

	free_task(tasks, task);
	return err;
}

/*
 * de_thread() gives a thread that execs the leader's number. The log's later lines have that one, and the
 * task is moved to its bucket.
 */
int import_task_supersede(struct trace_import *im, struct import_tasks *tasks, uint32_t leader, uint32_t by)
{
	struct import_task *t = import_task_find(tasks, by), *old = import_task_find(tasks, leader), **link;
	int err = 0;

	if (!t || t == old)
		return 0;
	if (old)
		err = import_task_exit(im, tasks, old, 0);
	link = bucket(tasks, by);
	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	t->tid = leader;
	t->next = *bucket(tasks, leader);
	*bucket(tasks, leader) = t;
	return err;
}
