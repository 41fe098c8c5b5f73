/* SPDX-License-Identifier: MIT */
/*
 * Finding areas: the family of find_vma() over the index.
 */
#include "internal.h"

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr)
{
	return index_find(mm, addr);
}

struct vm_area_struct *find_vma_prev(struct mm_struct *mm, unsigned long addr, struct vm_area_struct **prev)
{
	return index_find_prev(mm, addr, prev);
}

struct vm_area_struct *find_vma_intersection(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	return start < end ? index_find_until(mm, start, end - 1) : NULL;
}

struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long addr)
{
	return index_lookup(mm, addr);
}
