/* SPDX-License-Identifier: MIT */
/*
 * Finding areas: the family of find_vma() over the index.
 */
#include "internal.h"

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr)
{
	check_may_look(mm);
	return index_find(mm, addr);
}

struct vm_area_struct *find_vma_prev(struct mm_struct *mm, unsigned long addr, struct vm_area_struct **prev)
{
	check_may_look(mm);
	return index_find_prev(mm, addr, prev);
}

struct vm_area_struct *find_vma_intersection(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	check_may_look(mm);
	return start < end ? index_find_until(mm, start, end - 1) : NULL;
}

struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long addr)
{
	check_may_look(mm);
	return index_lookup(mm, addr);
}
