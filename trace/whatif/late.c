/* SPDX-License-Identifier: MIT */
/*
 * First writes put off until the last call that changes the access of what they write to.
 *
 * 1. First reading.  Each first write waits at its page; a call that changes access over it puts its release off; a call
 *    that unmaps it, or maps something else over it, ends its wait.
 * 2. Second reading.  A write with a release after its own step is held in a heap and let go behind that step.
 * 3. A move by mremap puts it off, too, and takes it along.  A fork ends all waits: what a child inherits was written.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "internal.h"

#define WRITE_PAGE 4096UL

/* By address: the number of the write plus one that waits there. */
struct late_space {
	struct maple_tree writes;
};

void late_begin(struct late *l)
{
	mt_init_flags(&l->waiting, 0);
}

static void free_space(struct late_space *s)
{
	mtree_destroy(&s->writes);
	free(s);
}

void late_end(struct late *l)
{
	struct late_space *s;
	unsigned long id = 0;

	mt_for_each (&l->waiting, s, id, ULONG_MAX)
		free_space(s);
	mtree_destroy(&l->waiting);
	free(l->writes);
	free(l->heap);
}

static struct late_space *space_of(struct late *l, uint32_t mm)
{
	struct late_space *s = mtree_load(&l->waiting, mm);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	mt_init_flags(&s->writes, 0);
	if (!mtree_insert(&l->waiting, mm, s, GFP_KERNEL))
		return s;
	free(s);
	return NULL;
}

static int add_write(struct late *l, const struct trace_event *e)
{
	struct late_space *s = space_of(l, e->mm);
	unsigned long page = e->fault.addr & ~(WRITE_PAGE - 1);

	if (!s)
		return -ENOMEM;
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 256;
		struct late_write *writes = realloc(l->writes, room * sizeof(*writes));

		if (!writes)
			return -ENOMEM;
		l->writes = writes;
		l->room = room;
	}
	l->writes[l->count++] = (struct late_write){ 0, e->fault.addr };
	return mtree_store_range(&s->writes, page, page + WRITE_PAGE - 1, xa_mk_value(l->count), GFP_KERNEL);
}

static void put_off(struct late *l, struct late_space *s, uint64_t lo, uint64_t hi, uint64_t step)
{
	void *number;
	unsigned long at = lo;

	mt_for_each (&s->writes, number, at, hi - 1)
		l->writes[xa_to_value(number) - 1].release = step;
}

static int forget(struct late_space *s, uint64_t lo, uint64_t hi)
{
	return mtree_store_range(&s->writes, lo, hi - 1, NULL, GFP_KERNEL);
}

/* What moves takes its writes along, page by page. */
static int move(struct late *l, struct late_space *s, uint64_t lo, uint64_t hi, uint64_t to, uint64_t step)
{
	void *number;
	unsigned long at = lo;
	int err = 0;

	mt_for_each (&s->writes, number, at, hi - 1) {
		struct late_write *w = &l->writes[xa_to_value(number) - 1];
		unsigned long page = (w->addr & ~(WRITE_PAGE - 1)) + (to - lo);

		w->release = step;
		w->addr += to - lo;
		err = err ? err
			  : mtree_store_range(&s->writes, page, page + WRITE_PAGE - 1, number, GFP_KERNEL);
	}
	return err ? err : forget(s, lo, hi);
}

static int prepare_call(struct late *l, const struct trace_event *e)
{
	const struct trace_call *c = &e->call;
	uint64_t lo = c->args[0], hi = (c->args[0] + c->args[1] + WRITE_PAGE - 1) & ~(WRITE_PAGE - 1);
	struct late_space *s = mtree_load(&l->waiting, e->mm);

	if (!s || c->result < 0)
		return 0;
	if (c->nr == SYS_mmap) {
		lo = (uint64_t)c->result;
		hi = (lo + c->args[1] + WRITE_PAGE - 1) & ~(WRITE_PAGE - 1);
	}
	if (hi <= lo)
		return 0;
	switch (c->nr) {
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		put_off(l, s, lo, hi, e->step);
		return 0;
	case SYS_mmap:
	case SYS_munmap:
		return forget(s, lo, hi);
	case SYS_mremap:
		return (uint64_t)c->result == lo ? 0 : move(l, s, lo, hi, (uint64_t)c->result, e->step);
	default:
		return 0;
	}
}

int late_prepare(struct late *l, const struct trace_event *e)
{
	struct late_space *s;

	switch (e->type) {
	case TRACE_EVENT_FAULT:
		return add_write(l, e);
	case TRACE_EVENT_CALL:
		return prepare_call(l, e);
	case TRACE_EVENT_FORK:
	case TRACE_EVENT_EXIT:
		if (e->type == TRACE_EVENT_EXIT && !e->exit.last)
			return 0;
		s = mtree_erase(&l->waiting, e->mm);
		if (s)
			free_space(s);
		return 0;
	default:
		return 0;
	}
}

static void sift_up(struct held_write *heap, size_t i)
{
	while (i && heap[(i - 1) / 2].release > heap[i].release) {
		struct held_write t = heap[i];

		heap[i] = heap[(i - 1) / 2];
		heap[(i - 1) / 2] = t;
		i = (i - 1) / 2;
	}
}

static void sift_down(struct held_write *heap, size_t n)
{
	size_t i = 0, child;

	while ((child = 2 * i + 1) < n) {
		struct held_write t;

		if (child + 1 < n && heap[child + 1].release < heap[child].release)
			child++;
		if (heap[i].release <= heap[child].release)
			return;
		t = heap[i];
		heap[i] = heap[child];
		heap[child] = t;
		i = child;
	}
}

int late_hold(struct late *l, const struct trace_event *e)
{
	const struct late_write *w = l->next < l->count ? &l->writes[l->next] : NULL;

	l->next++;
	if (!w || w->release <= e->step)
		return 0;
	if (l->held == l->heap_room) {
		size_t room = l->heap_room ? 2 * l->heap_room : 64;
		struct held_write *heap = realloc(l->heap, room * sizeof(*heap));

		if (!heap)
			return -ENOMEM;
		l->heap = heap;
		l->heap_room = room;
	}
	l->heap[l->held] = (struct held_write){ w->release, *e };
	l->heap[l->held].event.fault.addr = w->addr;
	sift_up(l->heap, l->held++);
	return 1;
}

bool late_release(struct late *l, uint64_t step, struct trace_event *e)
{
	if (!l->held || l->heap[0].release >= step)
		return false;
	*e = l->heap[0].event;
	e->step = step;
	l->heap[0] = l->heap[--l->held];
	sift_down(l->heap, l->held);
	return true;
}
