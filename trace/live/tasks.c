/* SPDX-License-Identifier: MIT */
/*
 * Tasks and address spaces by number; who waits for whom.
 *
 *    TK1  mm->busy is a task with in_call set whose call is about mm, or NULL; then nobody is queued.  That is a task of mm,
 *        or one that asks by a userfaultfd that serves it (served.c, 3).
 *    TK2  a queued task is stopped at the entry of its call.
 *    TK3  an mm lives while a task points to it, as its own or because its call is about it.
 *    TK4  live->awaited are the mms for which somebody is queued: what is looked at from time to time is not all tasks.
 *
 * A call can block for reasons that another thread has to remove (a page that userfaultfd or a file system brings).
 * Who has held an mm for PATIENCE_NS while others wait loses it: the program must not hang because it is recorded.
 */
#include <errno.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

/*
 * Half a second: what a server or a disk takes longer for is rare, and the price is an order that is not
 * known.
 */
#define PATIENCE_NS 500000000

/* O(log n); NULL: none. */
struct task *task_find(struct live *l, pid_t tid)
{
	return mtree_load(&l->tasks, (unsigned long)tid);
}

/* NULL: no memory. tgid is set by who knows better. */
struct task *task_add(struct live *l, pid_t tid)
{
	struct task *t = calloc(1, sizeof(*t));

	if (!t || mtree_store(&l->tasks, (unsigned long)tid, t, GFP_KERNEL)) {
		free(t);
		return NULL;
	}
	t->tid = t->tgid = tid;
	t->open_flags = -1;
	l->nr_tasks++;
	return t;
}

static void mm_put(struct live_mm *mm)
{
	if (--mm->refs)
		return;
	observe_close(mm);
	stacks_leave(mm);
	mtree_destroy(&mm->settled);
	mtree_destroy(&mm->fresh);
	mtree_destroy(&mm->growing);
	mtree_destroy(&mm->special);
	mtree_destroy(&mm->mapped);
	mtree_destroy(&mm->served);
	mtree_destroy(&mm->holders);
	free(mm);
}

void task_ask_about(struct task *t, struct live_mm *mm)
{
	mm->refs++;
	t->about = mm;
}

static void end_asking(struct task *t)
{
	struct live_mm *mm = t->about;

	t->about = NULL;
	if (!mm)
		return;
	/* Another call may be in the kernel, if it was taken from that. */
	observe_changed(mm);
	mm_put(mm);
}

static struct live_mm *mm_of_call(const struct task *t)
{
	return t->about ? t->about : t->mm;
}

bool is_in_call_about(const struct task *t, const struct live_mm *mm)
{
	return t->in_call && mm_of_call(t) == mm && !makes_userfaultfd(&t->call);
}

struct task *task_in(struct live *l, uint32_t mm)
{
	struct task *t;
	unsigned long tid = 0;

	mt_for_each (&l->tasks, t, tid, ULONG_MAX)
		if (t->mm && t->mm->id == mm && !t->exiting)
			return t;
	return NULL;
}

/* Frees @t. Whoever waits for an mm that it holds must have been let go before (leave_calls()). */
void task_remove(struct live *l, struct task *t)
{
	end_asking(t);
	task_leave_mm(t);
	mtree_erase(&l->tasks, (unsigned long)t->tid);
	l->nr_tasks--;
	free(t->vector);
	free(t);
}

/*
 * An exec of another thread: the entry, with all that is known of it, moves to the new number, whose own
 * entry is gone.
 *
 * A stray is kept until live_free(), for it may still be pointed to.
 */
void task_rename(struct live *l, struct task *t, pid_t tid)
{
	mtree_erase(&l->tasks, (unsigned long)t->tid);
	t->tid = tid;
	if (!mtree_store(&l->tasks, (unsigned long)tid, t, GFP_KERNEL))
		return;
	/* Nothing can be found under a number that there is no memory for: its next report is one of an unknown task. */
	snprintf(l->error, sizeof(l->error), "out of memory: task %d is not recorded any more", (int)tid);
	l->nr_tasks--;
	t->next = l->strays;
	l->strays = t;
}

/* O(tasks), with a kcmp(2) for each of another process. Asked at births that nobody announced only. */
struct task *task_sharing_mm(struct live *l, const struct task *t)
{
	struct task *other;
	unsigned long tid = 0;

	mt_for_each (&l->tasks, other, tid, ULONG_MAX)
		if (other->mm &&
			(other->tgid == t->tgid || kernel->kcmp(other->tid, t->tid, KCMP_VM, 0, 0) == 0))
			return other;
	return NULL;
}

/*
 * No task is in it, and no file open. The number is spent also where it is given up again: numbers need
 * not be without gaps.
 */
struct live_mm *mm_new(struct live *l)
{
	struct live_mm *mm = calloc(1, sizeof(*mm));

	if (!mm)
		return NULL;
	mm->id = ++l->next_mm;
	mm->live = l;
	mm->maps_fd = mm->pagemap_fd = -1;
	mm->tail = &mm->queue;
	mt_init_flags(&mm->settled, 0);
	mt_init_flags(&mm->fresh, 0);
	mt_init_flags(&mm->growing, 0);
	mt_init_flags(&mm->special, 0);
	mt_init_flags(&mm->mapped, 0);
	mt_init_flags(&mm->served, 0);
	mt_init_flags(&mm->holders, 0);
	return mm;
}

/* users counts those that may make calls, refs those that point here. */
void task_enter_mm(struct task *t, struct live_mm *mm)
{
	t->mm = mm;
	mm->users++;
	mm->was_shared |= mm->users > 1;
	mm->refs++;
}

/* The last one frees it (TK3); @t->exiting has counted users down already. */
void task_leave_mm(struct task *t)
{
	struct live_mm *mm = t->mm;

	if (!mm)
		return;
	if (!t->exiting)
		mm->users--;
	t->mm = NULL;
	mm_put(mm);
}

/* In front of the list of awaited ones, by a pointer back to what points here: taken out in O(1). */
static void begin_waiting_for(struct live_mm *mm)
{
	struct live *l = mm->live;

	mm->next_awaited = l->awaited;
	if (l->awaited)
		l->awaited->awaited = &mm->next_awaited;
	mm->awaited = &l->awaited;
	l->awaited = mm;
}

static void end_waiting_for(struct live_mm *mm)
{
	*mm->awaited = mm->next_awaited;
	if (mm->next_awaited)
		mm->next_awaited->awaited = mm->awaited;
	mm->awaited = NULL;
}

/*
 * True: @t holds it, and its call is in the kernel from its resume on. False: it waits in the queue, in the
 * order of arrival, and stays stopped.
 */
bool mm_acquire(struct task *t)
{
	struct live_mm *mm = mm_of_call(t);

	if (!mm->busy) {
		mm->busy = t;
		t->in_call = true;
		return true;
	}
	t->queued = true;
	t->next = NULL;
	if (!mm->queue)
		begin_waiting_for(mm);
	*mm->tail = t;
	mm->tail = &t->next;
	return false;
}

/* O(queue), which is short; no harm if @t is not in it. */
static void unqueue(struct live_mm *mm, struct task *t)
{
	struct task **link = &mm->queue;

	while (*link && *link != t)
		link = &(*link)->next;
	if (*link)
		*link = t->next;
	if (mm->tail == &t->next)
		mm->tail = link;
	t->queued = false;
	if (!mm->queue && mm->awaited)
		end_waiting_for(mm);
}

/*
 * Who was queued or held it, does neither afterwards. Who comes next is taken out of the queue, and has not
 * got the mm yet.
 */
struct task *mm_release(struct task *t)
{
	struct live_mm *mm = mm_of_call(t);
	struct task *next = NULL;

	if (t->queued)
		unqueue(mm, t);
	t->in_call = false;
	if (mm && mm->busy == t) {
		mm->busy = NULL;
		next = mm->queue;
	}
	if (next)
		unqueue(mm, next);
	end_asking(t);
	return next;
}

/*
 * The holder keeps in_call set: at its end it finds that it has the mm no more (mm->busy is another's),
 * and tells its call all the same. *@from is moved on before the mm may leave the list.
 */
struct task *mm_take_from_blocked(struct live_mm **from, uint64_t now)
{
	struct live_mm *mm;
	struct task *t;

	while ((mm = *from) != NULL) {
		*from = mm->next_awaited;
		if (!mm->busy || !mm->queue || now - mm->busy->resumed_ns < PATIENCE_NS)
			continue;
		mm->busy = NULL;
		t = mm->queue;
		unqueue(mm, t);
		return t;
	}
	return NULL;
}
