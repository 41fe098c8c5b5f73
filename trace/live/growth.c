/* SPDX-License-Identifier: MIT */
/*
 * Stacks that grow: the one thing besides first writes that faults do to a map.
 *
 * mm->growing has the ranges of all areas that grow downwards: the stack, and what the program mapped with
 * MAP_GROWSDOWN.  Calls move, cut and remove them, and are followed.  Between calls the lower end of each run is looked
 * at: an area that reaches beyond it has grown.  One that a limit has kept from growing has got an anon_vma by it, and the
 * task SIGSEGV: the access is told, and what became of it is the mirror's to know.
 */
#include <sys/mman.h>
#include <sys/ptrace.h>

#include "internal.h"
#include "uapi.h"

/* Without memory it is not known any more what grows; that is told at the next look. */
static void add(struct live_mm *mm, struct maple_tree *set, uint64_t start, uint64_t end)
{
	mm->growth_lost |= !remember(set, start, end);
}

void growth_begin(struct live_mm *mm, uint64_t start, uint64_t end)
{
	add(mm, &mm->growing, start, end);
}

/*
 * A range that is remembered too long costs a look at each call; one that is forgotten too soon costs a
 * difference.
 */
static void drop(struct live_mm *mm, uint64_t start, uint64_t end)
{
	mm->growth_lost |= !forget(&mm->growing, start, end);
}

/*
 * One run: has the area at its lower end grown beyond it?  Then that is told as a fault at the area's new
 * first page.  True: it was.  Where the area begins inside of the run, that was cut unseen: it is noted,
 * and told as well, which does no harm.
 */
static bool emit_run(struct live *l, struct task *t, bool ambiguous, const struct range *run)
{
	struct trace_event e = { .type = TRACE_EVENT_FAULT, .fault = { .write_known = true } };
	struct trace_area a, below;

	if (!run->start || !observe_next_now(l, t->mm, run->start - 1, &a) || a.end <= run->start ||
		a.start == run->start)
		return false;
	/* A fault has moved a bound: what was kept of the neighbours is of the past. */
	observe_changed(t->mm);
	if (a.start > run->start)
		drop(t->mm, run->start, a.start < run->end ? a.start : run->end);
	else
		growth_begin(t->mm, a.start, run->start);
	if (a.start >= run->end)
		return false;
	e.fault.addr = a.start;
	e.fault.ambiguous = ambiguous;
	emit(l, t, &e);
	/* What was written by now, before it met the area below it or after, is told now: what is told later came after. */
	if (observe_area(l, t->mm, a.start - 1, &below))
		writes_in_range(l, t, &(struct range){ a.start, a.start }, t->mm->users > 1);
	return true;
}

/* The first run alone: programs have one stack. */
void growth_look_ahead(struct live *l, const struct live_mm *mm)
{
	struct range run;

	if (next_remembered(&mm->growing, 0, &run) && run.start)
		observe_look_ahead(l, mm, run.start - 1);
}

/* Of runs that touch each other only the lowest is looked at. */
bool growth_emit(struct live *l, struct task *t, bool ambiguous)
{
	struct range run = { 0, 0 };
	uint64_t end = 0;
	bool any = false;

	if (t->mm->growth_lost)
		emit_lost(l, t, 1, "out of memory: which stacks grow is not followed");
	t->mm->growth_lost = false;
	for (; next_remembered(&t->mm->growing, end, &run); end = run.end)
		if (!end || run.start != end)
			any |= emit_run(l, t, ambiguous, &run);
	return any;
}

/* Is @addr in a run? */
static bool grows_at(const struct live_mm *mm, uint64_t addr)
{
	struct range run;

	return next_remembered(&mm->growing, addr, &run) && run.start <= addr;
}

/*
 * SEGV_MAPERR below an area that grows: a limit has refused it (acct_stack_growth()), behind
 * anon_vma_prepare() of expand_downwards().
 */
void growth_refused(struct live *l, struct task *t)
{
	struct trace_event e = { .type = TRACE_EVENT_FAULT, .fault = { .write_known = true } };
	siginfo_t info = { 0 };
	struct trace_area above;
	struct range settled;

	if (kernel->ptrace(PTRACE_GETSIGINFO, t->tid, NULL, &info) != 0 || info.si_code != SEGV_MAPERR)
		return;
	e.fault.addr = page_start((uint64_t)(uintptr_t)info.si_addr);
	e.fault.ambiguous = t->mm->users > 1;
	settle_deferred(l, t);
	if (!observe_next(l, t->mm, e.fault.addr, &above) || above.start <= e.fault.addr ||
		!grows_at(t->mm, above.start))
		return;
	/* What was written by now was so before. */
	writes_in_range(l, t, &(struct range){ above.start, above.end }, t->mm->users > 1);
	/* It has had one for long.  Else it may still have none: too near to another area nothing is prepared. */
	if ((above.prot & PROT_WRITE) && next_remembered(&t->mm->settled, above.start, &settled) &&
		settled.start <= above.start)
		return;
	emit(l, t, &e);
}

/*
 * What of the old range grows does so at the new one, too.  A move of several areas that keeps its length leaves what was
 * between their new places: that goes on growing, and what is remembered too much does no harm.
 */
static void follow_move(
	struct live_mm *mm, const struct trace_call *c, const struct range *old, struct range to)
{
	struct maple_tree *growing = &mm->growing, moved = MTREE_INIT(moved, 0);
	struct range run;
	bool any = false;

	for (uint64_t at = old->start; next_remembered(growing, at, &run) && run.start < old->end;
		at = run.end) {
		uint64_t start = run.start > old->start ? run.start : old->start;
		/* The last of it is what becomes longer. */
		uint64_t end = run.end < old->end ? to.start + (run.end - old->start) : to.end;

		add(mm, &moved, to.start + (start - old->start), end < to.end ? end : to.end);
		any = true;
	}
	if (!(c->args[3] & MREMAP_DONTUNMAP))
		drop(mm, old->start, old->end);
	if (to.end - to.start != old->end - old->start)
		drop(mm, to.start, to.end);
	for (uint64_t at = 0; any && next_remembered(&moved, at, &run); at = run.end)
		growth_begin(mm, run.start, run.end);
	mtree_destroy(&moved);
}

static bool is_about_areas(uint32_t nr)
{
	return nr == NR_mmap || nr == NR_munmap || nr == NR_mremap;
}

/*
 * What is not mapped does not grow. A call that failed can have taken some of the range away: a move of
 * several areas has moved the first of them; @moved_to: where the range was to go, or 0.
 *
 * O(areas in the range), by queries.
 */
static void forget_unmapped(struct live *l, struct live_mm *mm, const struct range *r, uint64_t moved_to)
{
	struct trace_area a;

	for (uint64_t at = r->start; at < r->end;) {
		bool found = observe_next(l, mm, at, &a);
		uint64_t hole_end = found && a.start < r->end ? a.start : r->end,
			 to = moved_to + (at - r->start);

		if (found && a.start <= at) {
			at = a.end;
			continue;
		}
		if (moved_to && mt_find(&mm->growing, &(unsigned long){ at }, hole_end - 1) &&
			observe_area(l, mm, to, &a))
			growth_begin(mm, to, to + (hole_end - at));
		drop(mm, at, hole_end);
		at = hole_end;
	}
}

/* A child's map is asked itself: a copy may have left out areas (VM_DONTCOPY). */
void growth_copy(struct live *l, const struct live_mm *from, struct live_mm *to)
{
	struct range run;

	/* MADV_DONTFORK leaves areas out. */
	for (uint64_t at = 0; next_remembered(&from->growing, at, &run); at = run.end) {
		growth_begin(to, run.start, run.end);
		forget_unmapped(l, to, &run, 0);
	}
}

/*
 * brk, munmap and what maps over something take a range out; MAP_GROWSDOWN brings one in; mremap moves
 * it.
 */
void growth_follow_call(struct live *l, struct task *t, int64_t result)
{
	struct live_mm *mm = t->mm;
	struct range r[2], placed;
	unsigned int n = named_ranges(t, r);
	bool has_placed = placed_range(&t->call, result, &placed);

	if (IS_ERR_VALUE(result) && is_about_areas(t->call.nr)) {
		if (n == 2)
			forget_unmapped(l, mm, &r[1], 0);
		if (n)
			forget_unmapped(l, mm, &r[0], n == 2 ? r[1].start : 0);
		return;
	}
	switch (t->call.nr) {
	case NR_mremap:
		if (has_placed)
			follow_move(mm, &t->call, &r[0], placed);
		break;
	case NR_brk:
		/* One that is refused answers with the break as it was, and leaves a stack in its way. */
		if (n && (uint64_t)result == t->call.args[0])
			drop(mm, r[0].start, r[0].end);
		break;
	case NR_munmap:
	case NR_remap_file_pages:
		if (n && !IS_ERR_VALUE(result))
			drop(mm, r[0].start, r[0].end);
		break;
	default:
		if (!has_placed)
			break;
		drop(mm, placed.start, placed.end);
		if (t->call.nr == NR_mmap && (t->call.args[3] & MAP_GROWSDOWN))
			growth_begin(mm, placed.start, placed.end);
	}
}
