/* SPDX-License-Identifier: MIT */
/*
 * Finding areas: the family of find_vma() over the index.
 *
 * Who asks may be one of many: under the mmap_lock for reading, or, in RCU mode, in a section beside a call that changes
 * areas. Without RCU mode what was found last is shared by all of them.
 */
#include "internal.h"

static inline struct vm_area_struct *look(struct mm_struct *mm, unsigned long addr, unsigned long last)
{
	check_may_look(mm);
	return index_in_rcu(mm) ? index_read(mm, addr, last) : index_find_shared(mm, addr, last);
}

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr)
{
	return look(mm, addr, ULONG_MAX);
}

struct vm_area_struct *find_vma_prev(struct mm_struct *mm, unsigned long addr, struct vm_area_struct **prev)
{
	check_may_look(mm);
	return index_read_prev(mm, addr, prev);
}

struct vm_area_struct *find_vma_intersection(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	return start < end ? look(mm, start, end - 1) : NULL;
}

struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long addr)
{
	return look(mm, addr, addr);
}
