/* SPDX-License-Identifier: MIT */
/*
 * Calls whose end is not waited for.
 *
 * 1. Why.  A stop costs more than most calls do: the program leaves its CPU and comes back to it.  Of the two stops of a
 *    call the second is there for its result, and to compare the map before anything else happens to it.
 *
 * 2. When.  Where nothing is compared after the call (--check end), a thread that has its address space for itself is let
 *    go on at the entry of a call if the map will tell how the call ended: if an area, or a hole, has to be there afterwards
 *    that is not there before.  At the thread's next stop it is looked whether it is.  Only its own calls change areas, and
 *    each of them stops it; only stacks grow without one, and where they may nothing is deferred.  Nor is it where the
 *    process has made a userfaultfd, by which another may ask for a change at any time (served.c, 3).
 *
 * 3. What is not seen.  A call that failed is known to have failed, but not why: its error is TRACE_ERROR_UNSEEN.  Brk says
 *    nothing more than where the heap ends, and that is seen.
 *
 * 4. How long.  A program may compute for hours after a call.  At each tick what is there by then is told; what is not may
 *    still come, and waits.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>

#include "internal.h"
#include "system_calls.h"

#define PROT_SHOWN (PROT_READ | PROT_WRITE | PROT_EXEC)
/* Flags with which a private mapping at a fixed address is just that. */
#define PLAIN (MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_NORESERVE | MAP_STACK)

/* False: the kernel would refuse it, or do something else than is expected. */
static bool set_range(struct expected *x, uint64_t start, uint64_t len)
{
	x->at = (struct range){ start, start + page_align(len) };
	return start == page_start(start) && x->at.end > start;
}

/* --- what a call makes -------------------------------------------------------------------------------------- */

/*
 * Each of the expect_ functions fills *@x and is false where the map would not tell, or the file to be
 * named is not known: then the exit is waited for.
 *
 * Without MAP_FIXED the result is a place that only the exit tells. PROT bits beyond the three are not
 * shown by maps.
 */
static bool expect_mapping(struct live *l, struct task *t, struct expected *x)
{
	const uint64_t *a = t->call.args;

	x->mapped = true;
	x->area = (struct trace_area){ .prot = (uint32_t)a[2], .offset = a[5] };
	if ((a[3] & ~(uint64_t)PLAIN) || !(a[3] & MAP_FIXED) || !(a[3] & MAP_PRIVATE) || (a[2] & ~PROT_SHOWN))
		return false;
	if (a[3] & MAP_ANONYMOUS)
		x->area.offset = 0;
	else if (a[5] != page_start(a[5]) || !file_is_known(l, t, (int)a[4], &x->area.dev, &x->area.ino))
		return false;
	return set_range(x, a[0], a[1]);
}

/* Within one area: there is nothing that could be done by half.  A shared one's file may not allow it. */
static bool expect_protection(struct live *l, struct task *t, struct expected *x)
{
	const uint64_t *a = t->call.args;

	if ((a[2] & ~PROT_SHOWN) || !set_range(x, a[0], a[1]) || !observe_area(l, t->mm, a[0], &x->area))
		return false;
	x->mapped = true;
	x->area.offset += trace_area_has_file(&x->area) ? a[0] - x->area.start : 0;
	x->area.prot = (uint32_t)a[2];
	return !x->area.shared && x->area.end >= x->at.end;
}

/* In whole pages: within a page no area changes, and the exit has to be waited for. */
static bool expect_heap(struct task *t, struct expected *x)
{
	uint64_t old = page_align(t->mm->brk), new = page_align(t->call.args[0]);

	x->mapped = new > old;
	x->area = (struct trace_area){ .prot = PROT_READ | PROT_WRITE };
	x->at = x->mapped ? (struct range){ old, new } : (struct range){ new, old };
	return t->call.args[0] >= t->mm->start_brk && old != new;
}

static bool expect(struct live *l, struct task *t, struct expected *x)
{
	switch (t->call.nr) {
	case NR_mmap:
		return expect_mapping(l, t, x);
	case NR_mprotect:
		return expect_protection(l, t, x);
	case NR_munmap:
		x->mapped = false;
		return set_range(x, t->call.args[0], t->call.args[1]);
	case NR_brk:
		return expect_heap(t, x);
	default:
		return false;
	}
}

/* Asked before the call, too: what is there already would prove nothing behind it. */
static bool is_there(struct live *l, const struct live_mm *mm, const struct expected *x)
{
	const struct trace_area *want = &x->area;
	struct trace_area a;
	bool any = observe_next(l, mm, x->at.start, &a);

	if (!x->mapped)
		return !any || a.start >= x->at.end;
	if (!any || a.start > x->at.start || a.end < x->at.end)
		return false;
	return a.prot == want->prot && a.shared == want->shared && a.dev == want->dev && a.ino == want->ino &&
	       (!trace_area_has_file(&a) || a.offset + (x->at.start - a.start) == want->offset);
}

/*
 * By now: the task may have been running since the last look. False is no proof while the task has not
 * stopped since.
 */
static bool has_come(struct live *l, const struct task *t)
{
	const uint64_t start = t->expected.at.start;
	struct trace_area below;

	observe_changed(t->mm);
	/* A comparison asks for what is below, too: where nothing is, that is the same answer. */
	if (l->options.check == LIVE_CHECK_EVERY && start)
		(void)observe_next(l, t->mm, start - 1, &below);
	return is_there(l, t->mm, &t->expected);
}

/* --- its end ------------------------------------------------------------------------------------------------ */

/*
 * Part of what is there may grow, or what is above may grow into a hole that the call makes: then what is
 * found does not prove what the call did.
 */
static bool may_grow(struct live *l, const struct live_mm *mm, const struct expected *x)
{
	uint64_t end = x->at.end;
	struct trace_area above;
	struct range run;

	if (!x->mapped && observe_next(l, mm, end, &above))
		end = above.end;
	return next_remembered(&mm->growing, x->at.start, &run) && run.start < end;
}

/* At the next stop the map shows what it would have shown at the end: no fault, and nothing else that stops nobody, changes what is seen. */
static bool is_compared_as_well_later(struct live *l, const struct task *t, const struct expected *x)
{
	const struct live_mm *mm = t->mm;
	const uint64_t beside = x->at.start ? x->at.start - 1 : 0;
	struct trace_area above;
	struct range run;

	if (!mtree_empty(&mm->served) || !certain_to_succeed(l, t, &x->at))
		return false;
	if (!next_remembered(&mm->growing, beside, &run))
		return true;
	return run.start > x->at.end && observe_next(l, mm, x->at.end, &above) && run.start >= above.end;
}

/* All of the map, which may have grown by the next stop. */
static bool is_compared_after_all(const struct live *l, const struct live_mm *mm)
{
	const struct live_options *o = &l->options;

	return o->check == LIVE_CHECK_NTH && (mm->calls + 1) % o->nth == 0;
}

/* What can go wrong is asked in the order of cost: flags first, then the map. */
bool defer_end(struct live *l, struct task *t)
{
	struct live_mm *mm = t->mm;
	struct expected x;

	/* Without a filter it stops at the end of each call anyway.  Reading maps as text, or a map that shows more than was asked for, is not what this is for. */
	if (is_attached(l) || mm->users > 1 || mm->has_userfaultfd || is_compared_after_all(l, mm) ||
		l->text_only || (t->limits[TRACE_LIMIT_PERSONALITY] & READ_IMPLIES_EXEC))
		return false;
	if (!expect(l, t, &x) || may_grow(l, mm, &x) || is_there(l, mm, &x))
		return false;
	if (l->options.check == LIVE_CHECK_EVERY && !is_compared_as_well_later(l, t, &x))
		return false;
	t->deferred = true;
	t->expected = x;
	return true;
}

/* A brk that is refused answers with the break as it was. */
static int64_t result_of(const struct task *t, bool succeeded)
{
	if (t->call.nr == NR_brk)
		return (int64_t)(succeeded ? t->call.args[0] : t->mm->brk);
	if (!succeeded)
		return -TRACE_ERROR_UNSEEN;
	return t->call.nr == NR_mmap ? (int64_t)t->call.args[0] : 0;
}

/* Nothing where nothing is deferred. */
void settle_deferred(struct live *l, struct task *t)
{
	if (!t->deferred)
		return;
	t->deferred = false;
	call_end(l, t, result_of(t, has_come(l, t)));
}

/* What is not there was not done: the task was killed before, and the call is not told at all. */
void settle_if_there(struct live *l, struct task *t)
{
	if (t->deferred && has_come(l, t))
		settle_deferred(l, t);
	t->deferred = false;
}

/* O(tasks); of those that are deferred a query or two. */
void settle_what_is_there(struct live *l)
{
	struct task *t;
	unsigned long tid = 0;

	mt_for_each (&l->tasks, t, tid, ULONG_MAX)
		if (t->deferred && has_come(l, t))
			settle_deferred(l, t);
}
