/* SPDX-License-Identifier: MIT */
/*
 * What a call needs where there is no bound: counted under the lock, set aside without it. See <vmaple/recycle.h>.
 *
 * Counts are upper bounds. What prepopulate_vma() sets aside comes on top of them: a store's worst case in the tree, a
 * cut at either end, what there is once in an mm.
 */
#include "internal.h"

static void count_area(const struct vm_area_struct *vma, struct mm_needs *needs)
{
	needs->areas++;
	vma->vm_mm->sys->rmap->needs(vma, needs);
}

static bool fits(const struct mm_needs *needs, const struct mm_needs *set_aside)
{
	return needs->areas <= set_aside->areas && needs->leaves <= set_aside->leaves &&
	       needs->inner_nodes <= set_aside->inner_nodes && needs->small <= set_aside->small &&
	       needs->middle <= set_aside->middle && needs->large <= set_aside->large &&
	       needs->tables <= set_aside->tables;
}

static void raise(unsigned long *set_aside, unsigned long needed)
{
	*set_aside = max(*set_aside, needed + needed / 8);
}

/* True, or @set_aside becomes more than enough for @needs. */
static bool suffices(struct mm_needs *set_aside, const struct mm_needs *needs)
{
	if (fits(needs, set_aside))
		return true;
	raise(&set_aside->areas, needs->areas);
	raise(&set_aside->leaves, needs->leaves);
	raise(&set_aside->inner_nodes, needs->inner_nodes);
	raise(&set_aside->small, needs->small);
	raise(&set_aside->middle, needs->middle);
	raise(&set_aside->large, needs->large);
	raise(&set_aside->tables, needs->tables);
	return false;
}

bool mm_fork_needs(struct mm_struct *mm, struct mm_needs *set_aside)
{
	struct mm_needs needs = { 0 };
	unsigned long dropped = 0;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	for_each_vma (vmi, vma) {
		if (vma->vm_flags & VM_DONTCOPY)
			dropped++;
		else
			count_area(vma, &needs);
	}
	index_fork_needs(mm, dropped, &needs);
	if (mm->pgd)
		mm->sys->pages->fork_needs(mm, &needs);
	return suffices(set_aside, &needs);
}

bool mm_call_needs(struct mm_struct *mm, unsigned long start, unsigned long end, struct mm_needs *set_aside)
{
	struct mm_needs needs = { 0 };
	struct vm_area_struct *vma, *prev = NULL;
	VMA_ITERATOR(vmi, mm, start);

	(void)index_find_prev(mm, start, &prev);
	if (prev)
		count_area(prev, &needs);
	for_each_vma (vmi, vma) {
		count_area(vma, &needs);
		if (vma->vm_start >= end)
			break; /* the one behind the range may join */
	}
	/* A copy of a node of each kind for each area that changes. */
	needs.leaves = needs.inner_nodes = needs.areas;
	if (mm->pgd)
		mm->sys->pages->move_needs(mm, start, end, &needs);
	return suffices(set_aside, &needs);
}

bool mm_guard_needs(struct mm_struct *mm, unsigned long start, unsigned long end, struct mm_needs *set_aside)
{
	struct mm_needs needs = { 0 };

	if (mm->pgd)
		mm->sys->pages->guard_needs(mm, start, end, &needs);
	return suffices(set_aside, &needs);
}

int prepopulate_needs(const struct mm_struct *mm, const struct mm_needs *needs)
{
	const struct {
		enum pool_kind kind;
		unsigned long nr;
	} objects[] = {
		{ INDEX_AREA_POOL, needs->areas },
		{ POOL_LEAF, needs->leaves },
		{ POOL_INNER, needs->inner_nodes },
		{ POOL_SMALL, needs->small },
		{ POOL_MIDDLE, needs->middle },
		{ POOL_LARGE, needs->large },
	};
	unsigned long all = 0;
	int err = prepopulate_vma();

	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]) && !err; i++) {
		err = pool_set_aside(objects[i].kind, objects[i].nr);
		all += objects[i].nr;
	}
	if (!err)
		err = pool_set_room_aside(all);
	return err || !mm->pgd ? err : mm->sys->pages->set_aside(needs->tables);
}
