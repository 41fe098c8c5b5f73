/* SPDX-License-Identifier: MIT */
/*
 * A call as it would have been.
 *
 * 1. Places.  A mapping goes where it was recorded, whatever the changed map would have offered: with MAP_FIXED_NOREPLACE,
 *    so that it fails where something is that would not have made way.
 * 2. Rounding.  What gives access, and advice, reaches out to the border of a granule as far as anonymous memory goes on
 *    there; what takes access away reaches in, for beside it may be memory in use.
 * 3. Guards.  A little anonymous memory, of at most GUARD_MAX, that loses all access while its neighbour keeps it is a
 *    guard: the call becomes MADV_GUARD_INSTALL, which changes no area.  What is given access out of a mapping without any,
 *    but for such a rest, gets it whole: the guard would be installed afterwards.
 *
 * The map that is asked is the changed mirror's, as the call finds it (whatif_call() stands in front of
 * the replay): a call that was left out or rounded before has its consequences here. Nothing is ever made
 * up: a call is passed on, changed in its addresses, or left out.
 */
#include <sys/mman.h>
#include <sys/prctl.h>

#include "internal.h"
#include "system_calls.h"

/* Bytes. What loses its access and is larger is taken for memory that was given back. */
#define GUARD_MAX (1UL << 20)
#ifndef MADV_DONTDUMP
#define MADV_DONTDUMP 16
#endif

static bool is_mprotect(const struct trace_call *c)
{
	return c->nr == NR_mprotect || c->nr == NR_pkey_mprotect;
}

/* Private memory without a file that does not grow. */
static bool is_anonymous(const struct vm_area_struct *vma)
{
	return vma && !vma->vm_file && !(vma->vm_flags & (VM_SHARED | VM_GROWSDOWN));
}

/*
 * A mremap that stayed where it was needs no place; one that moved is told where to. Always true: nothing
 * is left out for it.
 */
static bool keep_place(struct trace_call *c)
{
	bool mapped = (c->nr == NR_mmap || c->nr == NR_mremap) && c->result >= 0;

	if (mapped && c->nr == NR_mmap && !(c->args[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		c->args[0] = (uint64_t)c->result;
		c->args[3] |= MAP_FIXED_NOREPLACE;
	}
	if (mapped && c->nr == NR_mremap && (uint64_t)c->result != c->args[0] &&
		!(c->args[3] & MREMAP_FIXED)) {
		c->args[3] |= MREMAP_FIXED | MREMAP_MAYMOVE;
		c->args[4] = (uint64_t)c->result;
	}
	return true;
}

/* Of madvise the advice is an int in its third argument, as the kernel has it. */
static bool is_without(const struct whatif_changes *w, const struct trace_call *c)
{
	for (unsigned int i = 0; i < w->nr_without; i++)
		if (w->without[i].nr == c->nr &&
			(w->without[i].advice < 0 || (int)c->args[2] == w->without[i].advice))
			return true;
	return false;
}

/* As far down as anonymous memory goes on from @addr, and not below @floor. */
static unsigned long reach_down(struct mm_struct *mm, unsigned long addr, unsigned long floor)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);

	while (is_anonymous(vma) && vma->vm_start > floor) {
		struct vm_area_struct *below = vma_lookup(mm, vma->vm_start - 1);

		if (!is_anonymous(below))
			return vma->vm_start < addr ? vma->vm_start : addr;
		vma = below;
	}
	return is_anonymous(vma) ? floor : addr;
}

/* The mirror image: as far up as anonymous memory goes on from below @end, and not above @ceiling. */
static unsigned long reach_up(struct mm_struct *mm, unsigned long end, unsigned long ceiling)
{
	struct vm_area_struct *vma = vma_lookup(mm, end - 1);

	while (is_anonymous(vma) && vma->vm_end < ceiling) {
		struct vm_area_struct *above = vma_lookup(mm, vma->vm_end);

		if (!is_anonymous(above))
			return vma->vm_end > end ? vma->vm_end : end;
		vma = above;
	}
	return is_anonymous(vma) ? ceiling : end;
}

/* The advices that madvise_vma_behavior() turns into flags; all others are about pages. */
static bool changes_areas(uint64_t advice)
{
	return advice == MADV_NORMAL || advice == MADV_RANDOM || advice == MADV_SEQUENTIAL ||
	       (advice >= MADV_DONTFORK && advice <= MADV_KEEPONFORK);
}

/*
 * *@c with its range rounded. False: nothing is left of it.
 *
 * Only what begins in anonymous memory is rounded; reaching out ends where that ends.
 */
static bool round_range(const struct whatif_changes *w, struct mm_struct *mm, struct trace_call *c)
{
	uint64_t mask = w->commit - 1, lo = c->args[0], hi = mm_page_align(mm, lo + c->args[1]);
	bool takes = is_mprotect(c) && !(c->args[2] & (PROT_READ | PROT_WRITE | PROT_EXEC));

	if (!is_mprotect(c) && !(c->nr == NR_madvise && changes_areas(c->args[2])))
		return true;
	if (hi <= lo || !is_anonymous(vma_lookup(mm, lo)))
		return true;
	/*
	 * What takes access away from less than a granule takes nothing: the call is left out, and the
	 * memory stays accessible.
	 */
	if (takes) {
		lo = (lo + mask) & ~mask;
		hi &= ~mask;
	} else {
		lo = reach_down(mm, lo, lo & ~mask);
		hi = reach_up(mm, hi, (hi + mask) & ~mask);
	}
	if (hi <= lo)
		return false;
	c->args[0] = lo;
	c->args[1] = hi - lo;
	return true;
}

static bool is_inaccessible(const struct vm_area_struct *vma)
{
	return is_anonymous(vma) && !(vma->vm_flags & VM_ACCESS_FLAGS);
}

/*
 * False: it becomes a guard region, which is no area.
 *
 * Three cases: access is taken from a little of an accessible area, a guard; access is given in an
 * inaccessible area, which gets all of it but for a rest that is larger than a guard; all else stays as
 * it is. Across areas nothing is a guard.
 */
static bool install_guards(struct mm_struct *mm, struct trace_call *c)
{
	uint64_t lo = c->args[0], hi = mm_page_align(mm, lo + c->args[1]);
	struct vm_area_struct *vma = is_mprotect(c) ? vma_lookup(mm, lo) : NULL;

	if (!is_anonymous(vma) || hi > vma->vm_end || hi <= lo)
		return true;
	if (!(c->args[2] & (PROT_READ | PROT_WRITE | PROT_EXEC)))
		/* All of an area is no guard of anything: nothing beside it keeps its access. */
		return is_inaccessible(vma) || hi - lo > GUARD_MAX || hi - lo == vma->vm_end - vma->vm_start;
	if (!is_inaccessible(vma))
		return true;
	if (lo - vma->vm_start <= GUARD_MAX)
		lo = vma->vm_start;
	if (vma->vm_end - hi <= GUARD_MAX)
		hi = vma->vm_end;
	c->args[0] = lo;
	c->args[1] = hi - lo;
	return true;
}

/*
 * Before the replay has carried it out: the map is the changed program's as the call would have found it.
 * A call that failed is passed on as it is.
 *
 * Order: a call that is left out is not rounded, a guard is not rounded either, and what is left of both
 * is. keep_place() is no change: it is not counted.
 */
bool whatif_call(struct whatif *w, struct trace_event *e)
{
	struct trace_call *c = &e->call, was;
	struct mm_struct *mm = replay_space(w->replay, e->mm);
	bool kept = true;

	keep_place(c);
	was = *c;
	if (c->result < 0 || !mm)
		return true;
	if (is_without(&w->changes, c))
		kept = false;
	if (w->changes.names_off && c->nr == NR_prctl && c->args[0] == PR_SET_VMA)
		kept = false;
	if (kept && w->changes.guards_install)
		kept = install_guards(mm, c);
	if (kept && w->changes.commit)
		kept = round_range(&w->changes, mm, c);
	w->outcome.changed += !kept || c->args[0] != was.args[0] || c->args[1] != was.args[1];
	return kept;
}
