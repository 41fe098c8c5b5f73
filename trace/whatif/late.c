/* SPDX-License-Identifier: MIT */
/*
 * First writes put off until the last call that changes the access of any part of the mapping that they write to.
 *
 * 1. First reading.  A mapping is what one mmap made.  Each first write belongs to the mapping at its address; each
 *    mprotect puts off what belongs to the mappings that it meets.  A move by mremap takes writes along, and they belong to
 *    the mapping that they come to.  A fork is a limit for what waits: what a child inherits was written.  What is unmapped
 *    ends: a write that would come later never comes.
 * 2. Second reading.  A write whose time is later than its own step is held in a heap and let go behind that step.
 *
 * 3. Cost.  Memory: a struct late_write for each first write of the whole recording, and what lives of the trees.
 *    Time: O(log n) for an event; a mprotect O(mappings in its range), a munmap O(writes in its range), a fork
 *    O(writes of its address space).
 * 4. Failure.  -ENOMEM leaves what was known half done; late_end() frees it, and nothing else may be asked of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "internal.h"
#include "system_calls.h"

/*
 * By address, numbers plus one: of the mapping that is there, of the write that belongs there. By the
 * recording's number of the address space, from its first event to its last EXIT.
 */
struct late_space {
	struct maple_tree mappings, writes;
};

void late_begin(struct late *l, uint64_t page_size)
{
	l->page_size = page_size;
	mt_init_flags(&l->waiting, 0);
}

static void free_space(struct late_space *s)
{
	mtree_destroy(&s->mappings);
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
	free(l->mappings);
	free(l->heap);
}

/*
 * Made at the first event that names it: a child's begins empty, for what it inherited was written before
 * (fork_limits()).
 */
static struct late_space *space_of(struct late *l, uint32_t mm)
{
	struct late_space *s = mtree_load(&l->waiting, mm);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	mt_init_flags(&s->mappings, 0);
	mt_init_flags(&s->writes, 0);
	if (!mtree_insert(&l->waiting, mm, s, GFP_KERNEL))
		return s;
	free(s);
	return NULL;
}

/* Room for one more in an array that doubles. 0 or -ENOMEM; then array and room are as they were. */
static int make_room(void **array, size_t count, size_t *room, size_t size)
{
	void *larger;

	if (count < *room)
		return 0;
	larger = realloc(*array, (*room ? 2 * *room : 256) * size);
	if (!larger)
		return -ENOMEM;
	*array = larger;
	*room = *room ? 2 * *room : 256;
	return 0;
}

/*
 * [@lo, @hi), @number 0: nothing is there any more. Entries are values of the tree, not pointers: nothing
 * is freed with them.
 */
static int store(struct maple_tree *tree, uint64_t lo, uint64_t hi, size_t number)
{
	return mtree_store_range(tree, lo, hi - 1, number ? xa_mk_value(number) : NULL, GFP_KERNEL);
}

/*
 * Of the page of @addr: a second first write there (after munmap and mmap) takes the place of the one
 * before.
 */
static int put_write(const struct late *l, struct late_space *s, uint64_t addr, size_t number)
{
	uint64_t page = addr & -l->page_size;

	return store(&s->writes, page, page + l->page_size, number);
}

/* 0: none that a call of the recording has made (exec's, or from before). */
static size_t mapping_at(struct late_space *s, uint64_t addr)
{
	void *number = mtree_load(&s->mappings, addr);

	return number ? xa_to_value(number) : 0;
}

/* Its number is its place in the recording, which the second reading counts up to again. */
static int add_write(struct late *l, struct late_space *s, const struct trace_event *e)
{
	if (make_room((void **)&l->writes, l->count, &l->room, sizeof(*l->writes)))
		return -ENOMEM;
	l->writes[l->count++] = (struct late_write){ .mapping = mapping_at(s, e->fault.addr),
		.addr = e->fault.addr,
		.limit = UINT64_MAX,
		.end = UINT64_MAX };
	return put_write(l, s, e->fault.addr, l->count);
}

/* What was written there ends, whatever is mapped there next. */
static int end_writes(struct late *l, struct late_space *s, uint64_t lo, uint64_t hi, uint64_t step)
{
	void *number;
	unsigned long at = lo;

	mt_for_each (&s->writes, number, at, hi - 1)
		l->writes[xa_to_value(number) - 1].end = step;
	return store(&s->writes, lo, hi, 0);
}

/* 0 or -ENOMEM, as store() may need a node. */
static int unmap(struct late *l, struct late_space *s, uint64_t lo, uint64_t hi, uint64_t step)
{
	return end_writes(l, s, lo, hi, step) || store(&s->mappings, lo, hi, 0) ? -ENOMEM : 0;
}

/* mmap replaces what was there (MAP_FIXED), so that ends first. */
static int add_mapping(struct late *l, struct late_space *s, uint64_t lo, uint64_t hi, uint64_t step)
{
	int err = unmap(l, s, lo, hi, step);

	if (err || make_room((void **)&l->mappings, l->nr_mappings, &l->mapping_room, sizeof(*l->mappings)))
		return -ENOMEM;
	l->mappings[l->nr_mappings++] = 0;
	return store(&s->mappings, lo, hi, l->nr_mappings);
}

/*
 * Of the whole mapping, though the call meets a part of it: runtimes give access piece by piece, and the
 * write waits for the last piece.
 */
static void change(struct late *l, struct late_space *s, uint64_t lo, uint64_t hi, uint64_t step)
{
	void *number;
	unsigned long at = lo;

	mt_for_each (&s->mappings, number, at, hi - 1)
		l->mappings[xa_to_value(number) - 1] = step;
}

/*
 * The mapping that lies where [@lo, @hi) is moved to takes it in, else it is one of its own. Its number
 * into *@mapping.
 *
 * The move counts as a change of access, so that a write waits for it. One byte of the range stands for
 * the whole mapping.
 */
static int make_place(
	struct late *l, struct late_space *s, uint64_t lo, uint64_t hi, uint64_t step, size_t *mapping)
{
	int err;

	*mapping = mapping_at(s, lo);
	if (*mapping) {
		err = end_writes(l, s, lo, hi, step) || store(&s->mappings, lo, hi, *mapping);
	} else {
		err = add_mapping(l, s, lo, hi, step);
		*mapping = l->nr_mappings;
	}
	if (!err)
		change(l, s, lo, lo + 1, step);
	return err ? -ENOMEM : 0;
}

/* What moves takes its writes along, but for those that come before a fork: they come where they were. */
static int move_writes(
	struct late *l, struct late_space *s, uint64_t lo, uint64_t hi, uint64_t to, size_t mapping)
{
	unsigned long at = lo;
	void *number;
	int err = 0;

	mt_for_each (&s->writes, number, at, hi - 1) {
		struct late_write *w = &l->writes[xa_to_value(number) - 1];

		if (w->limit != UINT64_MAX)
			continue;
		w->addr += to - lo;
		w->mapping = mapping;
		err = err ? err : put_write(l, s, w->addr, xa_to_value(number));
	}
	return err || store(&s->writes, lo, hi, 0) ? -ENOMEM : 0;
}

/*
 * What is to be shorter loses its end first, as in the kernel. What grows where it is, grows as one
 * mapping.
 *
 * 0 or -ENOMEM. @lo, @hi: the old range; where it stays the same length in place nothing happens. Lengths
 * that wrap are of calls that the kernel refuses.
 */
static int resize(struct late *l, struct late_space *s, const struct trace_event *e, uint64_t lo, uint64_t hi)
{
	const struct trace_call *c = &e->call;
	uint64_t to = (uint64_t)c->result, len = (c->args[2] + l->page_size - 1) & -l->page_size;
	size_t mapping;
	int err = 0;

	if (!len || lo + len < lo || to + len < to)
		return 0;
	if (len < hi - lo) {
		err = unmap(l, s, lo + len, hi, e->step);
		hi = lo + len;
	}
	if (to == lo)
		return err || len == hi - lo ? err : store(&s->mappings, hi, lo + len, mapping_at(s, hi - 1));
	err = err ? err : make_place(l, s, to, to + len, e->step, &mapping);
	err = err ? err : move_writes(l, s, lo, hi, to, mapping);
	return err || (c->args[3] & MREMAP_DONTUNMAP) ? err : store(&s->mappings, lo, hi, 0);
}

/*
 * A call that failed changes nothing here, though it may have done a part: the maps behind it, which the
 * replay reads, are not looked at.
 */
static int prepare_call(struct late *l, struct late_space *s, const struct trace_event *e)
{
	const struct trace_call *c = &e->call;
	uint64_t lo = c->nr == NR_mmap ? (uint64_t)c->result : c->args[0];
	uint64_t hi = (lo + c->args[1] + l->page_size - 1) & -l->page_size;

	if (c->result < 0 || hi <= lo)
		return 0;
	switch (c->nr) {
	case NR_mprotect:
	case NR_pkey_mprotect:
		change(l, s, lo, hi, e->step);
		return 0;
	case NR_mmap:
		return add_mapping(l, s, lo, hi, e->step);
	case NR_munmap:
		return unmap(l, s, lo, hi, e->step);
	case NR_mremap:
		return resize(l, s, e, lo, hi);
	default:
		return 0;
	}
}

/*
 * What has been written so far is so when the child begins. Only those that have no limit yet: an earlier
 * fork is the stricter one.
 */
static void fork_limits(struct late *l, struct late_space *s, uint64_t step)
{
	unsigned long at = 0;
	void *number;

	mt_for_each (&s->writes, number, at, ULONG_MAX) {
		struct late_write *w = &l->writes[xa_to_value(number) - 1];

		if (w->limit == UINT64_MAX)
			w->limit = step - 1;
	}
}

int late_prepare(struct late *l, const struct trace_event *e)
{
	struct late_space *s = e->mm ? space_of(l, e->mm) : NULL;

	if (!s)
		return e->mm ? -ENOMEM : 0;
	switch (e->type) {
	case TRACE_EVENT_FAULT:
		return add_write(l, s, e);
	case TRACE_EVENT_CALL:
		return prepare_call(l, s, e);
	case TRACE_EVENT_FORK:
		fork_limits(l, s, e->step);
		return 0;
	/* A thread's end is none of the address space. */
	case TRACE_EVENT_EXIT:
		if (!e->exit.last)
			return 0;
		mtree_erase(&l->waiting, e->mm);
		free_space(s);
		return 0;
	default:
		return 0;
	}
}

static void swap(struct held_write *a, struct held_write *b)
{
	struct held_write t = *a;

	*a = *b;
	*b = t;
}

/*
 * The heap is a binary one in an array: the parent of i is (i - 1) / 2, and nothing is released later
 * than its children.
 */
static void sift_up(struct held_write *heap, size_t i)
{
	for (; i && heap[(i - 1) / 2].release > heap[i].release; i = (i - 1) / 2)
		swap(&heap[i], &heap[(i - 1) / 2]);
}

static void sift_down(struct held_write *heap, size_t n)
{
	size_t i = 0, child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && heap[child + 1].release < heap[child].release)
			child++;
		if (heap[i].release <= heap[child].release)
			return;
		swap(&heap[i], &heap[child]);
		i = child;
	}
}

/* O(log held). */
int late_hold(struct late *l, const struct trace_event *e)
{
	const struct late_write *w;
	uint64_t release;

	if (l->next++ >= l->count)
		return 0;
	w = &l->writes[l->next - 1];
	release = w->mapping ? l->mappings[w->mapping - 1] : 0;
	if (release > w->limit)
		release = w->limit;
	if (release <= e->step)
		return 0;
	/* Its memory is gone by then: the write is dropped, and the outcome counts it as changed. */
	if (release >= w->end)
		return 1;
	if (make_room((void **)&l->heap, l->held, &l->heap_room, sizeof(*l->heap)))
		return -ENOMEM;
	l->heap[l->held] = (struct held_write){ release, *e };
	l->heap[l->held].event.fault.addr = w->addr;
	sift_up(l->heap, l->held++);
	return 1;
}

/*
 * To be called until false before the event of @step: several writes may be due, and each passes as if at
 * @step, so that steps never go back. Writes of one step come in no particular order, for the recording
 * does not say which would be first.
 */
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
