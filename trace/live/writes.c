/* SPDX-License-Identifier: MIT */
/*
 * First writes: which areas the program has written for the first time since the last call.
 *
 * 1. Why.  An area that was written has an anon_vma for the rest of its life, and two that have different ones never
 *    join.  So what a call does depends on which of the areas that it meets were written before it.
 *
 * 2. How.  A program that stands still at the entry of a call cannot write: the areas that the call names, and their
 *    neighbours, are searched for a written page then.  Where the kernel chose the place, its neighbours are searched
 *    when the call has ended: nothing has run in between.  A write that has left no page was followed by a call that took
 *    it away, and was seen before that one.  This sees the kernel's own writes, too, and needs no privilege.
 *
 * 3. Once.  What a search can add nothing to until a call comes is remembered in mm->settled: areas that were written, and
 *    those that cannot be.  Calls that map, unmap, move or change access take their range out again.
 *
 * 4. Threads.  Others write while a call is in the kernel.  What is found behind it and was not there before has an
 *    order that nobody knows, and is marked ambiguous.  So that little is, areas that may be written soon are remembered
 *    in mm->fresh, and searched before each call.
 *
 * 5. Order.  Of two areas side by side, both written since they were last searched, nobody knows which was first; with a
 *    third beside them that decides who shares an anon_vma.  The second one told is marked ambiguous, too.
 */
#include <sys/mman.h>
#include <sys/syscall.h>

#include "internal.h"
#include "uapi.h"

/* As many fresh areas are searched before a call. */
#define FRESH_MAX 32

/* A search: whose, of which moment, and what it passes over (a range that the call itself has just made). */
struct search {
	struct live *l;
	struct task *t;
	bool ambiguous;
	struct range except;
	uint64_t told_end; /* where the last area that was told ends */
};

static void tell(struct search *s, const struct trace_area *a, uint64_t addr, bool known)
{
	struct trace_event e = { .type = TRACE_EVENT_FAULT,
		.fault = { .addr = addr,
			.write = true,
			.write_known = known,
			.ambiguous = s->ambiguous || s->told_end == a->start } };

	emit(s->l, s->t, &e);
	s->told_end = a->end;
}

/* --- written areas ------------------------------------------------------------------------------------------- */

static void forget_range(struct live_mm *mm, const struct range *r)
{
	forget(&mm->settled, r->start, r->end);
	forget(&mm->fresh, r->start, r->end);
}

static void search_area(struct search *s, const struct trace_area *a)
{
	struct live_mm *mm = s->t->mm;
	uint64_t low_end = s->except.start < a->end ? s->except.start : a->end, addr;
	uint64_t high = s->except.end > a->start ? s->except.end : a->start;
	bool known;

	/* One that cannot be written now was searched before it lost that. */
	if (!a->shared && (a->prot & PROT_WRITE)) {
		if (s->except.start == s->except.end)
			low_end = high = a->end;
		if (!find_written(mm, a->start, low_end, &addr, &known) &&
			!find_written(mm, high, a->end, &addr, &known)) {
			if (mm->users > 1)
				remember(&mm->fresh, a->start, a->end);
			return;
		}
		tell(s, a, addr, known);
	}
	remember(&mm->settled, a->start, a->end);
	forget(&mm->fresh, a->start, a->end);
}

static void search(struct search *s, uint64_t lo, uint64_t hi)
{
	struct live_mm *mm = s->t->mm;
	struct range settled;
	struct trace_area a;

	while (lo < hi) {
		if (next_remembered(&mm->settled, lo, &settled) && settled.start <= lo) {
			lo = settled.end;
			continue;
		}
		if (!observe_next(s->l, mm, lo, &a) || a.start >= hi)
			return;
		search_area(s, &a);
		lo = a.end;
	}
}

/* The areas that touch a range, and those beside it. */
static void search_around(struct search *s, const struct range *r)
{
	search(s, r->start ? r->start - 1 : 0, r->end + 1);
}

static void search_fresh(struct search *s)
{
	struct live_mm *mm = s->t->mm;
	struct range fresh[FRESH_MAX];
	unsigned int n = 0;

	while (n < FRESH_MAX && next_remembered(&mm->fresh, n ? fresh[n - 1].end : 0, &fresh[n]))
		n++;
	for (unsigned int i = 0; i < n; i++)
		search(s, fresh[i].start, fresh[i].end);
}

/* --- calls --------------------------------------------------------------------------------------------------- */

void writes_tell_all(struct live *l, struct task *t, bool ambiguous)
{
	struct search s = { .l = l, .t = t, .ambiguous = ambiguous };

	growth_tell(l, t, ambiguous);
	search(&s, 0, UINT64_MAX);
}

static bool changes_areas(uint32_t nr)
{
	return nr == SYS_mmap || nr == SYS_munmap || nr == SYS_mremap || nr == SYS_brk ||
	       nr == SYS_mprotect || nr == SYS_pkey_mprotect || nr == SYS_remap_file_pages;
}

void writes_before_call(struct live *l, struct task *t)
{
	struct search s = { .l = l, .t = t };
	struct range r[2];
	unsigned int n = named_ranges(t, r);

	if (is_about_whole_map(t->call.nr)) {
		writes_tell_all(l, t, false);
		return;
	}
	growth_tell(l, t, false);
	for (unsigned int i = 0; i < n; i++)
		search_around(&s, &r[i]);
	if (t->mm->users > 1)
		search_fresh(&s);
	for (unsigned int i = 0; i < n && changes_areas(t->call.nr); i++)
		forget_range(t->mm, &r[i]);
}

/* The kernel itself may have written there. */
static bool populates(uint32_t nr)
{
	return nr == SYS_mmap || nr == SYS_mremap || nr == SYS_brk || nr == SYS_mlock || nr == SYS_mlock2 ||
	       nr == SYS_madvise;
}

static void search_what_others_wrote(const struct task *t, struct search s)
{
	struct range r[2];
	unsigned int n = named_ranges(t, r);

	if (t->call.nr == SYS_munlockall)
		writes_tell_all(s.l, s.t, true);
	else
		growth_tell(s.l, s.t, true);
	for (unsigned int i = 0; i < n; i++) {
		if (populates(t->call.nr))
			s.except = r[i];
		search_around(&s, &r[i]);
	}
}

void writes_after_call(struct live *l, struct task *t, int64_t result)
{
	struct search s = { .l = l, .t = t, .ambiguous = t->mm->users > 1 };

	if (s.ambiguous)
		search_what_others_wrote(t, s);
	if (!placed_range(&t->call, result, &s.except))
		return;
	forget_range(t->mm, &s.except);
	if (s.except.start)
		search(&s, s.except.start - 1, s.except.start);
	search(&s, s.except.end, s.except.end + 1);
	if (s.ambiguous)
		remember(&t->mm->fresh, s.except.start, s.except.end);
}
