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
 *    Beside a fork it is known: what was written before the area was copied is in the child, which has not run yet.
 *
 * 5. Order.  An area that is written for the first time can take the anon_vma of one beside it.  So where one was
 *    written, those beside it are searched, too, and those beside them: what is not told by then was not written before.
 *    Of two that are told at the same moment nobody knows which was first: the second is marked ambiguous.  And where one
 *    that was not written lies beside what a call is about, the next one is searched, too: the call may join the first one
 *    with something that was written.
 *
 * 6. Refused.  A write that ends in SIGBUS, behind the end of a file or where a userfaultfd is not to be waited for, has
 *    given its area an anon_vma and left no page.  It is told when the signal comes; so is a read, which looks the same
 *    and did not: that it was a write is not known.
 *
 * 7. Cost.  A scan passes over what is not mapped at the speed of page tables.  Of an area of tens of gigabytes and more
 *    that was never written, only what is near to the call is scanned; what is found there is marked ambiguous.
 */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/shm.h>

#include "internal.h"
#include "minmax.h"
#include "uapi.h"

/*
 * As many fresh areas are searched before a call. Of those beyond it what is found behind a call may be
 * ambiguous, never wrong.
 */
#define FRESH_MAX 32

/*
 * How far from what a call names areas are scanned, in bytes: 16 GiB that were touched are 4 million
 * entries of page tables.
 */
#define REACH (16ull << 30)

/*
 * A search: whose, of which moment, and what it passes over (a range that the call itself has just made).
 * On the stack of who searches; told is carried from area to area so that neighbours are marked.
 */
struct search {
	struct live *l;
	struct task *t;
	bool ambiguous;
	struct range except;
	struct range told;          /* areas side by side, the last that were told */
	const struct live_mm *copy; /* NULL; or what is not in this one either is passed over */
};

#define NOTHING ((struct range){ UINT64_MAX, UINT64_MAX })

/*
 * Nothing excepted: both ranges lie behind all addresses, where every min() and max() below leaves them
 * out.
 */
static struct search begin_search(struct live *l, struct task *t, bool ambiguous)
{
	return (struct search){ .l = l, .t = t, .ambiguous = ambiguous, .except = NOTHING, .told = NOTHING };
}

/* --- written areas ------------------------------------------------------------------------------------------- */

static void emit_found(
	struct search *s, const struct trace_area *a, uint64_t addr, bool known, bool ambiguous)
{
	/* 5 above. */
	bool beside = s->told.end == a->start || s->told.start == a->end;
	struct trace_event e = { .type = TRACE_EVENT_FAULT,
		.fault = { .addr = addr,
			.write = (a->prot & PROT_WRITE) || served_fills_at(s->t->mm, a),
			.write_known = known,
			.ambiguous = ambiguous || beside } };

	emit(s->l, s->t, &e);
	s->told = beside ? (struct range){ min(s->told.start, a->start), max(s->told.end, a->end) }
			 : (struct range){ a->start, a->end };
}

/* What a call changes may be written for the first time again. */
static void forget_range(struct live_mm *mm, const struct range *r)
{
	forget(&mm->settled, r->start, r->end);
	forget(&mm->fresh, r->start, r->end);
}

/*
 * Tell that an area was written; false: it was not, as far as was looked. @near: what the search is
 * about.
 *
 * s->except splits the range in two, and each part is scanned. A search of a fork's parent looks at the
 * child's pages as well (s->copy), which stand still.
 */
static bool emit_if_written(struct search *s, const struct trace_area *a, const struct range *near)
{
	uint64_t from = near->start > REACH ? near->start - REACH : 0;
	uint64_t to = near->end < UINT64_MAX - REACH ? near->end + REACH : UINT64_MAX, addr, copied;
	bool whole = a->end - a->start <= 2 * REACH, known, copy_known = true;

	from = whole ? a->start : max(a->start, from);
	to = whole ? a->end : min(a->end, to);
	if (!find_written(s->t->mm, from, min(to, s->except.start), &addr, &known) &&
		!find_written(s->t->mm, max(from, s->except.end), to, &addr, &known))
		return false;
	if (served_is_untouched(s->l, s->t, a))
		return false;
	if (s->copy && !find_written(s->copy, from, to, &copied, &copy_known))
		return false;
	known &= copy_known;
	emit_found(s, a, addr, known, s->ambiguous || !whole);
	return true;
}

/* Is there an access to @a that gives it a page of its own? */
static bool may_get_page(const struct live *l, const struct trace_area *a)
{
	const uint32_t access = l->header.no_zero_page ? PROT_READ | PROT_WRITE | PROT_EXEC : PROT_WRITE;

	return !a->shared && (a->prot & access);
}

/* True: it was told now. */
static bool search_area(struct search *s, const struct trace_area *a, const struct range *near)
{
	struct live_mm *mm = s->t->mm;
	/* One that cannot be written now was searched before it lost that. */
	bool writable = may_get_page(s->l, a) || served_fills_at(mm, a),
	     told = writable && emit_if_written(s, a, near);

	/* 3 above: nothing more can be learned of it. */
	if (told || !writable) {
		remember(&mm->settled, a->start, a->end);
		forget(&mm->fresh, a->start, a->end);
	} else if (mm->users > 1) {
		remember(&mm->fresh, a->start, a->end);
	}
	return told;
}

static bool is_settled(const struct live_mm *mm, uint64_t addr, struct range *settled)
{
	return next_remembered(&mm->settled, addr, settled) && settled->start <= addr;
}

/*
 * A part of it is settled, and so is all of it: the part has been joined with the rest since, which made one area that has an
 * anon_vma, or one that cannot be written.  A call that changes what may be done to a part takes that out (3), and cuts it off.
 */
static bool settles_whole(struct live_mm *mm, const struct trace_area *a)
{
	struct range part;

	if (!next_remembered(&mm->settled, a->start, &part) || part.start >= a->end)
		return false;
	if (part.start > a->start || part.end < a->end) {
		remember(&mm->settled, a->start, a->end);
		forget(&mm->fresh, a->start, a->end);
	}
	return true;
}

/* 5 above: from an area that was told downwards, as long as areas were written. */
static void search_below(struct search *s, struct trace_area a)
{
	struct range settled;

	do {
		if (!a.start || is_settled(s->t->mm, a.start - 1, &settled) ||
			!observe_area(s->l, s->t->mm, a.start - 1, &a))
			return;
	} while (search_area(s, &a, &(struct range){ a.start, a.end }));
}

/*
 * All areas that touch [lo, hi) and are not settled, upwards; one that is told takes the next one along
 * (hi grows), and those below it.
 *
 * O(areas that are not settled in the range), a scan of page tables each.
 */
static void search(struct search *s, uint64_t lo, uint64_t hi)
{
	const struct range near = { lo, hi };
	struct range settled;
	struct trace_area a;

	while (lo < hi && !attach_is_given_up(s->l)) {
		if (is_settled(s->t->mm, lo, &settled)) {
			lo = settled.end;
			continue;
		}
		if (!observe_next(s->l, s->t->mm, lo, &a) || a.start >= hi)
			return;
		lo = a.end;
		if (settles_whole(s->t->mm, &a))
			continue;
		if (search_area(s, &a, &near)) {
			search_below(s, a);
			hi = max(hi, a.end + 1);
		}
	}
}

/* The areas that touch a range, and those beside it. */
static void search_around(struct search *s, const struct range *r)
{
	search(s, r->start ? r->start - 1 : 0, r->end + 1);
}

/*
 * An area beside the range that was not written can be joined with one that was, and so come to lend its
 * anon_vma to the next one: whether that was written is to be known before. One area further on either
 * side, whoever it is.
 */
static void search_beyond(struct search *s, const struct range *r)
{
	struct live_mm *mm = s->t->mm;
	struct trace_area a;

	if (r->start && observe_area(s->l, mm, r->start - 1, &a) && a.start)
		search(s, a.start - 1, a.start);
	if (observe_area(s->l, mm, r->end, &a))
		search(s, a.end, a.end + 1);
}

/* Copied first, for the search changes mm->fresh. */
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

/* O(areas), before a fork, at an exec or an end, and for calls about the whole map. */
void writes_emit_all(struct live *l, struct task *t, bool ambiguous)
{
	struct search s = begin_search(l, t, ambiguous);

	growth_emit(l, t, ambiguous);
	served_emit(l, t);
	search(&s, 0, UINT64_MAX);
}

/* The child's map must have been opened (observe_open()). */
void writes_before_fork(struct live *l, struct task *t, const struct live_mm *child)
{
	struct search s = begin_search(l, t, false);

	s.copy = child;
	growth_emit(l, t, true);
	served_emit(l, t);
	search(&s, 0, UINT64_MAX);
}

void writes_after_fork(struct live *l, struct task *t)
{
	struct search s = begin_search(l, t, false);

	search(&s, 0, UINT64_MAX);
}

void writes_in_range(struct live *l, struct task *t, const struct range *r, bool ambiguous)
{
	struct search s = begin_search(l, t, ambiguous);

	search_around(&s, r);
}

void writes_meeting_at(struct live *l, struct task *t, uint64_t addr, bool ambiguous)
{
	struct search s = begin_search(l, t, ambiguous);

	search(&s, addr - 1, addr + 1);
}

/*
 * 6 above. BUS_ADRERR: behind the end of a file, or a userfaultfd with UFFD_FEATURE_SIGBUS.
 *
 * What is found in the area now was found before the signal's cause, so it is told first.
 */
void writes_refused(struct live *l, struct task *t)
{
	siginfo_t info = { 0 };
	struct range settled;
	struct trace_area a;
	uint64_t addr;

	if (kernel->ptrace(PTRACE_GETSIGINFO, t->tid, NULL, &info) != 0 || info.si_code != BUS_ADRERR)
		return;
	settle_deferred(l, t);
	addr = (uint64_t)(uintptr_t)info.si_addr;
	if (is_settled(t->mm, addr, &settled) || !observe_area(l, t->mm, addr, &a) || !may_get_page(l, &a))
		return;
	writes_in_range(l, t, &(struct range){ a.start, a.end }, t->mm->users > 1);
	if (is_settled(t->mm, addr, &settled))
		return;
	emit(l, t,
		&(struct trace_event){ .type = TRACE_EVENT_FAULT,
			.fault = {
				.addr = page_start(addr), .write = true, .ambiguous = t->mm->users > 1 } });
	remember(&t->mm->settled, a.start, a.end);
}

/* Their ranges are searched anew behind them. */
static bool changes_areas(uint32_t nr)
{
	return nr == NR_mmap || nr == NR_munmap || nr == NR_mremap || nr == NR_brk || nr == NR_mprotect ||
	       nr == NR_pkey_mprotect || nr == NR_remap_file_pages;
}

/* With PROT_GROWSDOWN it begins where the area does. */
static void begin_with_area(struct live *l, const struct task *t, struct range *r)
{
	struct trace_area a;

	if ((t->call.nr == NR_mprotect || t->call.nr == NR_pkey_mprotect) &&
		(t->call.args[2] & PROT_GROWSDOWN) && observe_area(l, t->mm, r->start, &a))
		r->start = a.start;
}

/* Growth and closed userfaultfds come first: they move the bounds that the search goes by. */
void writes_before_change(struct live *l, struct task *t, const struct range *r, unsigned int n)
{
	struct search s = begin_search(l, t, false);

	growth_emit(l, t, false);
	served_emit(l, t);
	for (unsigned int i = 0; i < n; i++) {
		search_around(&s, &r[i]);
		search_beyond(&s, &r[i]);
	}
	if (t->mm->users > 1)
		search_fresh(&s);
}

void writes_before_call(struct live *l, struct task *t)
{
	struct range r[2];
	unsigned int n = named_ranges(t, r);

	if (n)
		begin_with_area(l, t, &r[0]);

	/* How much a segment is put over is not known. */
	if (is_about_whole_map(&t->call) || (t->call.nr == NR_shmat && t->call.args[2] & SHM_REMAP)) {
		writes_emit_all(l, t, false);
		return;
	}
	writes_before_change(l, t, r, n);
	/* At the entry, though the call may fail: what is searched once more does no harm. */
	for (unsigned int i = 0; i < n && changes_areas(t->call.nr); i++)
		forget_range(t->mm, &r[i]);
}

/* The kernel itself may have written there. */
static bool populates(uint32_t nr)
{
	return nr == NR_mmap || nr == NR_mremap || nr == NR_brk || nr == NR_mlock || nr == NR_mlock2 ||
	       nr == NR_madvise;
}

/* Behind a call: the areas that it named, as far as others may have written them meanwhile. */
static void search_what_others_wrote(struct live *l, struct task *t)
{
	struct search s = begin_search(l, t, true);
	struct range r[2];
	unsigned int n = named_ranges(t, r);

	if (t->call.nr == NR_munlockall)
		writes_emit_all(l, t, true);
	else
		growth_emit(l, t, true);
	for (unsigned int i = 0; i < n; i++) {
		if (populates(t->call.nr))
			s.except = r[i];
		search_around(&s, &r[i]);
	}
}

/*
 * s.except is the new range: what is written in it was so by the call, as MAP_POPULATE is, and the mirror
 * does that itself.
 *
 * A call that failed has no placed range; what others wrote is told all the same.
 */
void writes_after_call(struct live *l, struct task *t, int64_t result)
{
	struct search s = begin_search(l, t, t->mm->users > 1);
	struct range named[2];

	if (s.ambiguous)
		search_what_others_wrote(l, t);
	if (!placed_range(&t->call, result, &s.except))
		return;
	forget_range(t->mm, &s.except);
	/* What is beside a range that the call named was searched before it. */
	if (!s.ambiguous && named_ranges(t, named) == 1 && named[0].start == s.except.start &&
		named[0].end == s.except.end)
		return;
	if (s.except.start)
		search(&s, s.except.start - 1, s.except.start);
	search(&s, s.except.end, s.except.end + 1);
	search_beyond(&s, &s.except);
	if (s.ambiguous)
		remember(&t->mm->fresh, s.except.start, s.except.end);
}
