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

static bool fits(const struct mm_needs *needs, const struct mm_needs *have)
{
	return needs->areas <= have->areas && needs->leaves <= have->leaves &&
	       needs->inner_nodes <= have->inner_nodes && needs->small <= have->small &&
	       needs->middle <= have->middle && needs->large <= have->large && needs->tables <= have->tables;
}

static void raise_to(unsigned long *have, unsigned long needed)
{
	*have = max(*have, needed + needed / 8);
}

/* True, or @have becomes more than enough for @needs. */
static bool suffices(struct mm_needs *have, const struct mm_needs *needs)
{
	if (fits(needs, have))
		return true;
	raise_to(&have->areas, needs->areas);
	raise_to(&have->leaves, needs->leaves);
	raise_to(&have->inner_nodes, needs->inner_nodes);
	raise_to(&have->small, needs->small);
	raise_to(&have->middle, needs->middle);
	raise_to(&have->large, needs->large);
	raise_to(&have->tables, needs->tables);
	return false;
}

bool mm_fork_needs(struct mm_struct *mm, struct mm_needs *have)
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
	return suffices(have, &needs);
}

bool mm_call_needs(struct mm_struct *mm, unsigned long start, unsigned long end, struct mm_needs *have)
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
	return suffices(have, &needs);
}

bool mm_guard_needs(struct mm_struct *mm, unsigned long start, unsigned long end, struct mm_needs *have)
{
	struct mm_needs needs = { 0 };

	if (mm->pgd)
		mm->sys->pages->guard_needs(mm, start, end, &needs);
	return suffices(have, &needs);
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
		err = pool_preallocate(objects[i].kind, objects[i].nr);
		all += objects[i].nr;
	}
	if (!err)
		err = pool_preallocate_room(all);
	return err || !mm->pgd ? err : mm->sys->pages->preallocate(needs->tables);
}
